"""Calls of PyTorch's recurrent layers in a program, as nodes of a graph, and these nodes as layers of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers import gate_layouts
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.one_step import without_memory
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, attribute, label
from lstm_tui.formats.importers.program.initial_states import initial_states_of
from lstm_tui.formats.importers.program.layers import Read
from lstm_tui.formats.importers.torch.call_arguments import check_one
from lstm_tui.formats.importers.torch.program_builder import ProgramBuilder, TensorRef

RECURRENT_CALLS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}


def recurrent_call(b: ProgramBuilder, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what a call of `torch.lstm`, `torch.gru`, `torch.rnn_tanh` or `torch.rnn_relu` gives."""
    kind, count = RECURRENT_CALLS[name], 3 if name == "lstm" else 2
    names = ["input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first"]
    packed = len(args) > 3 and isinstance(args[3], list | tuple)
    if packed:
        names = [names[0], "batch_sizes", *names[1:-1]]
    said = dict(zip(names, args, strict=False))
    said.update(kwargs)
    try:
        for each, value in said.items():
            check_one(name, each, value)
        if packed:
            return _call_of_packed(b, kind, "Relu" if name == "rnn_relu" else "", said)
        return _call(b, kind, "Relu" if name == "rnn_relu" else "", said)
    except (UnsupportedNode, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        why = str(error) if isinstance(error, UnsupportedNode) else ""
        b.refused[why or f"{name} is called in a way that is not followed"] = None
        return tuple(b.unknown(name, [*args, *kwargs.values()], why) for _ in range(count))


def _call_of_packed(b: ProgramBuilder, kind: str, function: str, said: dict[str, Any]) -> tuple[Any, ...]:
    """Return what a call gives of sequences that are packed, all of them of one length."""
    steps, batch = packed_sizes(said.pop("batch_sizes"))
    said["input"] = b.emit("Reshape", [said["input"]], shape=(steps, batch, -1))
    y, *states = _call(b, kind, function, said)
    return b.emit("Reshape", [y], shape=(steps * batch, -1)), *states


def packed_sizes(batch_sizes: TensorRef) -> tuple[int, int]:
    """Return how many steps and sequences are packed.

    Raises:
        UnsupportedNode: It is not known how long they are, or they are of different lengths.
    """
    if batch_sizes.live or batch_sizes.array is None or len(set(batch_sizes.array.reshape(-1).tolist())) != 1:
        raise UnsupportedNode("it packs sequences whose lengths are not known")
    return batch_sizes.array.size, int(batch_sizes.array.reshape(-1)[0])


def _call(b: ProgramBuilder, kind: str, function: str, said: Mapping[str, Any]) -> tuple[Any, ...]:
    x: TensorRef = said["input"]
    params: list[TensorRef] = list(said["params"])
    depth, ways = int(said["num_layers"]), 1 + bool(said["bidirectional"])
    if said["train"] and said["dropout"] and depth > 1:
        raise UnsupportedNode("it drops numbers between its layers at random, as in training")
    hx = list(said["hx"]) if kind == "LSTM" else [said["hx"]]
    each = len(params) // (depth * ways)
    biased = bool(said["has_biases"])
    projected = each == 3 + 2 * biased
    if any(one.live for one in params):
        raise UnsupportedNode("its weights depend on an input")
    if (
        len(params) != depth * ways * each
        or each != 2 + 2 * biased + projected
        or not depth
        or (projected and kind != "LSTM")
    ):
        raise UnsupportedNode(f"it has {len(params)} tensors for {depth} layer(s) of {ways} direction(s)")
    path = next((one.path.rpartition(".")[0] for one in params if one.path), b.scope) or "recurrent"
    turned = said.get("batch_first", False)
    if turned:
        x = b.emit("Transpose", [x], perm=(1, 0, 2)) if x.array is None or x.array.ndim == 3 else x
    ends: list[list[TensorRef]] = [[] for _ in hx]
    for n in range(depth):
        mine = params[n * ways * each : (n + 1) * ways * each]
        x, states = _layer(b, kind, function, x, hx, mine, (n, ways, biased, projected),
                           path if depth == 1 else f"{path}.l{n}")  # fmt: skip
        for kept, state in zip(ends, states, strict=True):
            kept.append(state)
    if turned:
        x = b.emit("Transpose", [x], perm=(1, 0, 2))
    return (x, *(each[0] if depth == 1 else b.emit("Concat", each, axis=0) for each in ends))


def _layer(
    b: ProgramBuilder, kind: str, function: str, x: TensorRef, hx: Sequence[TensorRef], params: Sequence[TensorRef],
    built: tuple[int, int, bool, bool], name: str,
) -> tuple[TensorRef, list[TensorRef]]:  # fmt: skip
    number, ways, biased, projected = built
    each = len(params) // ways
    groups = [params[way * each : (way + 1) * each] for way in range(ways)]
    weights = stacked_weights(b, name, params, ways, biased)
    w, r = weights[0].known(), weights[1].known()
    hidden, shown = w.shape[1] // gate_layouts.GATE_COUNTS[kind.lower()], r.shape[2]
    starts = [
        b.emit("Slice", [one], index=(slice(number * ways, (number + 1) * ways),)) if one.array is not None else one
        for one in hx
    ]
    attributes: dict[str, Any] = {"direction": "bidirectional" if ways == 2 else "forward", "function": function}
    if projected:
        projection = np.stack([group[-1].known() for group in groups])
        attributes["projection"] = _weights(b, name, "P", projection, params).name
    sizes: Sequence[Sequence[int] | None] = [None] * (1 + len(hx))
    if x.array is not None:
        if x.array.ndim != 3 or x.array.shape[2] != w.shape[2]:
            shape = "×".join(map(str, x.array.shape))
            raise UnsupportedNode(f"{visible(name)} ({kind}) reads {w.shape[2]} numbers a step, and gets {shape}")
        steps, batch = x.array.shape[:2]
        for one, width in zip(starts, (shown, hidden), strict=False):
            if one.array is not None and one.array.shape != (ways, batch, width):
                raise UnsupportedNode(f"{visible(name)} ({kind}) begins with states of another number of sequences")
        sizes = [(steps, ways, batch, shown), (ways, batch, shown), (ways, batch, hidden)][: 1 + len(hx)]
    y, *states = b.recurrent(name, kind, [x, *weights, None, *starts], sizes, attributes)
    if y.array is None:
        return b.unknown("its series", [y], y.why), states
    y = b.emit("Transpose", [y], perm=(0, 2, 1, 3))
    return b.emit("Reshape", [y], shape=(steps, batch, ways * shown)), states


def stacked_weights(
    b: ProgramBuilder, name: str, params: Sequence[TensorRef], ways: int = 1, biased: bool | None = None
) -> tuple[TensorRef, TensorRef, TensorRef | None]:
    """Return the weights of inputs, of states and the biases of one layer, the directions along a first axis."""
    each = len(params) // ways
    groups = [params[way * each : (way + 1) * each] for way in range(ways)]
    w, r = (np.stack([group[n].known() for group in groups]) for n in (0, 1))
    made = _weights(b, name, "W", w, params), _weights(b, name, "R", r, params)
    if not (each == 4 if biased is None else biased):
        return *made, None
    both = np.stack([np.concatenate([one.known() for one in group[2:4]]) for group in groups])
    return *made, _weights(b, name, "B", both, params)


def _weights(b: ProgramBuilder, name: str, what: str, array: Array, params: Sequence[TensorRef]) -> TensorRef:
    array = array if array.dtype == np.float64 else array.astype(np.float32)
    known = f"{params[0].path or name} {what}"
    while known in b.constants and not np.array_equal(b.constants[known], array):
        known += "'"
    made = b.constant(array, known)
    b.parameters[made.name] = tuple(one.path for one in params if one.path)
    return made


def plan_call(node: Any, graph: ProgramGraph, key: str, where: str, report: ImportReport, read: Read) -> Recurrent:
    """Return a recurrent call as a layer.

    Raises:
        UserError: Its weights do not fit.
    """
    kind = node.op_type.lower()
    w, r = graph.constants[node.input[1]], graph.constants[node.input[2]]
    b = graph.constants[node.input[3]] if node.input[3] else None
    ways = len(w)
    count = gate_layouts.GATE_COUNTS[kind]
    hidden = w.shape[1] // count
    projection = graph.constants.get(attribute(node, "projection", ""))
    shown = hidden if projection is None else projection.shape[1]
    whole = w.ndim == 3 and r.shape == (ways, count * hidden, shown) and w.shape[1] == count * hidden and hidden
    if not whole or (b is not None and b.shape != (ways, 2 * count * hidden)):
        shapes = " and ".join("×".join(map(str, one.shape)) for one in (w, r))
        raise UserError(f"{where}: {label(node)}: weights of {shapes} fit no {node.op_type} of {ways} direction(s)")
    directions = ["forward", "backward"][:ways]
    if read.flipped:
        directions = [{"forward": "backward", "backward": "forward"}[one] for one in directions]
    report.say(f"{key}.name", node.name, "confirmed", "the program calls it")
    report.say(f"{key}.cell", node.op_type, "confirmed", "the function the program calls")
    report.say(f"{key}.size", f"{w.shape[2]} → {hidden}", "confirmed", "shapes")
    turned = "the call, of what the program turns round" if read.flipped else "the call"
    report.say(f"{key}.directions", " and ".join(sorted(directions, reverse=True)), "confirmed", turned)
    order = gate_layouts.TORCH[kind]
    if len(order) > 1:
        report.say(f"{key}.gate_order", order, "confirmed", "PyTorch's functions have one order")
    order = gate_layouts.gate_order(kind, order, key, report)
    biases = gate_layouts.biases(0 if b is None else 2, key, report, kind, order)
    report.say(f"{key}.biases", "none" if b is None else "both, added", "confirmed", "the call")
    if kind == "gru":
        report.say(f"{key}.reset", "after", "confirmed", "PyTorch's function resets after the product")
    functions = {}
    if kind == "rnn":
        functions["candidate"] = "relu" if attribute(node, "function", "") == "Relu" else "tanh"
        report.say(f"{key}.activation", functions["candidate"], "confirmed", "the function the program calls")
    cell = kind if projection is None else "lstm_projected"
    passes = []
    for n, direction in enumerate(directions):
        first, second = (None, None) if b is None else (b[n, : count * hidden], b[n, count * hidden :])
        given = gate_layouts.unpack(kind, order, w[n], r[n], *gate_layouts.meant(biases, first, second), True)
        if projection is not None:
            given["U_p"] = projection[n]
        passes.append((direction, given))
    sizes = {}
    if projection is not None and read.one_step:
        raise UserError(
            f"{where}: {label(node)}: every token begins with an empty memory, and its hidden state is projected: "
            "the two together are not shown here"
        )
    if projection is not None:
        sizes["P"] = int(shown)
        report.say(f"{key}.projection", f"{hidden} → {shown}", "confirmed", "weight_hr")
    part = Recurrent(
        name=node.name,
        cell=cell,
        hidden=hidden,
        inputs=w.shape[2],
        passes=sorted(passes, key=lambda one: one[0], reverse=True),  # forward stands first
        without=gate_layouts.missing(cell, passes[0][1]),
        sizes=sizes,
        functions=functions,
        initial=initial_states_of(
            node, graph, directions, key, report, read, _of_constants, {"h": sizes.get("P", hidden), "c": hidden}
        ),
    )
    part = gate_layouts.reread(part, kind, key, report)
    return without_memory(part) if read.one_step else part


def _of_constants(graph: ProgramGraph, name: str, sized: Mapping[str, Array]) -> Array:
    return graph.evaluate(name, sized)
