"""PyTorch's recurrent calls of one step as the products and gates that they are, for a program read as equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lstm_tui.formats.importers.gate_layouts import GATE_COUNTS
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.torch.call_arguments import check_one
from lstm_tui.formats.importers.torch.program_builder import ProgramBuilder, TensorRef

WRITTEN_OUT = {
    "lstm_cell": "lstm", "gru_cell": "gru", "rnn_tanh_cell": "tanh", "rnn_relu_cell": "relu",
    "lstm": "lstm", "gru": "gru", "rnn_tanh": "tanh", "rnn_relu": "relu",
}  # fmt: skip
_CALL = ("input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first")


def write_out(b: ProgramBuilder, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return what one step of a recurrent call gives, each of its ops a node.

    Args:
        b: The graph that grows.
        name: `lstm_cell`, `lstm` and their like.
        args: What it is given, in order.
        kwargs: What it is given by name.
    """
    kind = WRITTEN_OUT[name]
    cell = name.endswith("_cell")
    count = (1 if cell else 2) + (kind == "lstm")
    try:
        made = _of_cell(b, name, kind, args) if cell else _of_layers(b, name, kind, args, kwargs)
    except (UnsupportedNode, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        why = str(error) if isinstance(error, UnsupportedNode) and str(error) else "it is called in a way not known"
        lost = [b.unknown(name, [*args, *kwargs.values()], f"{name} is not followed: {why}") for _ in range(count)]
        made = tuple(lost)
    return made[0] if len(made) == 1 else made


def _of_cell(b: ProgramBuilder, name: str, kind: str, args: Sequence[Any]) -> tuple[TensorRef, ...]:
    x, hx, *params = args
    check_one(name, "input", x)
    check_one(name, "hx", hx)
    params = [one for one in params if one is not None]
    check_one(name, "params", params)
    if len(params) not in (2, 4):
        raise UnsupportedNode(f"it has {len(params)} tensors")
    return one_step(b, kind, x, list(hx) if kind == "lstm" else [hx], params)


def _of_layers(
    b: ProgramBuilder, name: str, kind: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[TensorRef, ...]:
    """Return what a layer, or several above each other, gives of one step: y (1, B, H), then its states (L, B, H)."""
    if len(args) > 3 and isinstance(args[3], list | tuple):
        raise UnsupportedNode("it reads packed sequences, which a step has not")
    said = dict(zip(_CALL, args, strict=False))
    said.update(kwargs)
    for called, value in said.items():
        check_one(name, called, value)
    params, depth = list(said["params"]), int(said["num_layers"])
    if said["bidirectional"]:
        raise UnsupportedNode("it also reads from the end, which a step has not")
    if said["train"] and said["dropout"] and depth > 1:
        raise UnsupportedNode("it drops numbers between its layers at random, as in training")
    if depth < 1 or len(params) % depth:
        raise UnsupportedNode(f"it has {len(params)} tensors for {depth} layer(s)")
    turned, x, each = bool(said["batch_first"]), said["input"], len(params) // depth
    sizes = x.known().shape
    if len(sizes) != 3 or sizes[int(turned)] != 1:
        shape = "×".join(map(str, sizes))
        raise UnsupportedNode(f"it reads {shape} with the steps along axis {int(turned)}, and a step has one")
    starts = list(said["hx"]) if kind == "lstm" else [said["hx"]]
    biases = 2 * bool(said["has_biases"])
    y = b.emit("Slice", [x], index=(slice(None), 0) if turned else (0,))
    ends: list[list[TensorRef]] = [[] for _ in starts]
    for n in range(depth):
        mine = params[n * each : (n + 1) * each]
        projected = each == 3 + biases and kind == "lstm"
        if each != 2 + biases + projected:
            raise UnsupportedNode(f"it has {len(params)} tensors for {depth} layer(s)")
        begins = [b.emit("Slice", [one], index=(n,)) for one in starts]
        made = one_step(b, kind, y, begins, mine[: 2 + biases], mine[-1] if projected else None)
        y = made[0]
        for kept, state in zip(ends, made, strict=True):
            kept.append(b.emit("Reshape", [state], shape=(1, *state.known().shape)))
    series = b.emit("Reshape", [y], shape=(len(y.known()), 1, -1) if turned else (1, *y.known().shape))
    return (series, *(b.emit("Concat", one, axis=0) for one in ends))


def one_step(
    b: ProgramBuilder, kind: str, x: TensorRef, states: Sequence[TensorRef], params: Sequence[TensorRef],
    projection: TensorRef | None = None,
) -> tuple[TensorRef, ...]:  # fmt: skip
    """Return the new states, as PyTorch's documentation of LSTMCell, GRUCell and RNNCell gives them.

    Args:
        b: The graph that grows.
        kind: `lstm`, `gru`, or the activation of a plain layer.
        x: What it reads, (I,) or (B, I).
        states: h and for an LSTM c, with the axes of x.
        params: Weights of the input and of h, then their biases where it has them.
        projection: Of the new h, where there is one.

    Raises:
        UnsupportedNode: The states fit no weights.
    """
    if len(states) != 1 + (kind == "lstm"):
        raise UnsupportedNode(f"it begins with {len(states)} states")
    w, r, *biases = params
    h = states[0]
    hidden = w.known().shape[0] // GATE_COUNTS["rnn" if kind in ("tanh", "relu") else kind]
    for one in states[1:] if projection is not None else states:
        if one.known().shape[-1] != hidden:
            raise UnsupportedNode(f"its states have {one.known().shape[-1]} numbers, and its weights {hidden} units")
    given = b.emit("Gemm", [x, w, *biases[:1]], transB=1)
    own = b.emit("Gemm", [h, r, *biases[1:]], transB=1)

    def gate(function: str, n: int) -> TensorRef:
        return b.emit(function, [b.emit("Add", [_part(b, one, n, hidden) for one in (given, own)])])

    if kind in ("tanh", "relu"):
        return (b.emit(kind.capitalize(), [b.emit("Add", [given, own])]),)
    if kind == "gru":
        reset, z = (gate("Sigmoid", n) for n in (0, 1))
        past = b.emit("Mul", [reset, _part(b, own, 2, hidden)])
        new = b.emit("Tanh", [b.emit("Add", [_part(b, given, 2, hidden), past])])
        return (b.emit("Add", [b.emit("Mul", [b.emit("Sub", [h, new]), z]), new]),)
    i, f, g, o = (gate("Tanh" if n == 2 else "Sigmoid", n) for n in range(4))
    c = b.emit("Add", [b.emit("Mul", [f, states[1]]), b.emit("Mul", [i, g])])
    shown = b.emit("Mul", [o, b.emit("Tanh", [c])])
    return (shown if projection is None else b.emit("Gemm", [shown, projection], transB=1), c)


def _part(b: ProgramBuilder, x: TensorRef, n: int, hidden: int) -> TensorRef:
    return b.emit("Slice", [x], index=(..., slice(n * hidden, (n + 1) * hidden)))
