"""Cells that a program steps by hand, `h, c = cell(x[t], (h, c))`, as the one recurrent call that they are together.

Each call is a node of its own while a program is followed. Afterwards calls of the same weights are one layer where
each begins with the very states that the one before it gave, and nothing that it reads depends on them in another way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from itertools import permutations
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers import gate_layouts
from lstm_tui.formats.importers.program.graph import ProgramNode, UnsupportedNode
from lstm_tui.formats.importers.torch.call_arguments import check_one
from lstm_tui.formats.importers.torch.cells_written_out import one_step
from lstm_tui.formats.importers.torch.program_builder import (
    CellCall,
    ProgramBuilder,
    ProgramStopped,
    TensorRef,
    tensors_in,
)
from lstm_tui.formats.importers.torch.recurrent_calls import stacked_weights

STEPPED_CALLS = {"lstm_cell": ("LSTM", "nn.LSTMCell"), "gru_cell": ("GRU", "nn.GRUCell"),
                 "rnn_tanh_cell": ("RNN", "nn.RNNCell"), "rnn_relu_cell": ("RNN", "nn.RNNCell")}  # fmt: skip
_MOST_GIVEN = 4
_LEAST = 2
"""Calls that make a layer; a program of one leaves its steps to who calls it."""


def step_of_cell(b: ProgramBuilder, name: str, args: Sequence[Any]) -> Any:
    """Return what one step of a cell gives: h, and for an LSTM c."""
    kind, said = STEPPED_CALLS[name]
    b.cell_calls += 1
    path = next((one.path for one in tensors_in(list(args)) if one.path), "").rpartition(".")[0] or b.scope
    try:
        step = _step(b, name, kind, path, args)
        return step.states[0] if kind != "LSTM" else tuple(step.states)
    except (UnsupportedNode, ValueError, IndexError, TypeError, AttributeError) as error:
        b.stepped[path] = said
        why = f"it steps {said} {visible(path)} by hand, one call a step"
        why += f": {error}" if isinstance(error, UnsupportedNode) and str(error) else ""
        b.refused[why] = None
        made = [b.unknown(name, args, why) for _ in range(1 + (kind == "LSTM"))]
        return made[0] if kind != "LSTM" else tuple(made)


def recognised_step(
    b: ProgramBuilder, kind: str, path: str, params: Sequence[TensorRef], args: Sequence[Any], made: Any, mark: int
) -> Any:
    """Return what a module of a cell gives as one step, where its numbers are that; what it gave otherwise.

    torch.jit.trace writes the products and gates of a cell out, and names its arguments in any order.

    Args:
        b: The graph that grows.
        kind: LSTM, GRU or RNN.
        path: Of the module.
        params: Its weights, then its biases.
        args: What it is given.
        made: What its code gave.
        mark: How many nodes there were before it.
    """
    given = [one for one in tensors_in(list(args)) if one.array is not None and one.array.ndim in (1, 2)]
    gave = tensors_in(made)
    if len(params) not in (2, 4) or not 1 <= len(given) <= _MOST_GIVEN or not gave or any(
        one.array is None for one in gave
    ):  # fmt: skip
        return made
    hidden, count = params[1].known().shape[-1], 1 + (kind == "LSTM")
    zeros = b.constant(np.zeros((*given[0].known().shape[:-1], hidden), np.float32))
    for x, *begins in permutations([*given, *[zeros] * count], 1 + count):
        for name, (its, _) in STEPPED_CALLS.items():
            if its != kind:
                continue
            try:
                wanted = _cell(name, kind, x.known(), [one.known() for one in begins], [one.known() for one in params])
            except ValueError:
                continue
            where = [next((n for n, one in enumerate(wanted) if _same(one, each.known())), -1) for each in gave]
            if -1 in where:
                continue
            b.cell_calls += 1
            del b.nodes[mark:]
            step = _step(b, name, kind, path, [x, begins if kind == "LSTM" else begins[0], *params])
            parts = [step.states[n] for n in where]
            return parts[0] if isinstance(made, TensorRef) else tuple(parts)
    return made


def _same(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.allclose(one, other, 1e-5, 1e-6))


def _cell(name: str, kind: str, x: Array, states: Sequence[Array], params: Sequence[Array]) -> list[Array]:
    """Return what one step of PyTorch's own cell gives, in NumPy."""
    w, r = params[:2]
    first, second = params[2:] if len(params) > 2 else (np.zeros(len(w)), np.zeros(len(w)))
    given, own = x @ w.T + first, states[0] @ r.T + second
    with np.errstate(all="ignore"):
        if kind == "RNN":
            return [np.tanh(given + own) if "tanh" in name else np.maximum(given + own, 0)]
        if kind == "GRU":
            (rx, zx, nx), (rh, zh, nh) = (np.split(one, 3, axis=-1) for one in (given, own))
            kept = _sigmoid(zx + zh)
            return [np.tanh(nx + _sigmoid(rx + rh) * nh) * (1 - kept) + kept * states[0]]
        i, f, g, o = np.split(given + own, 4, axis=-1)
        c = _sigmoid(f) * states[1] + _sigmoid(i) * np.tanh(g)
        return [_sigmoid(o) * np.tanh(c), c]


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _step(b: ProgramBuilder, name: str, kind: str, path: str, args: Sequence[Any]) -> CellCall:
    x, hx, *params = args
    check_one(name, "input", x)
    check_one(name, "hx", hx)
    states = list(hx) if kind == "LSTM" else [hx]
    params = [one for one in params if one is not None]
    check_one(name, "params", params)
    if len(params) not in (2, 4) or any(one.live for one in params):
        raise UnsupportedNode("its weights are not known")
    if len(states) != 1 + (kind == "LSTM"):
        raise UnsupportedNode(f"it begins with {len(states)} states")
    hidden = params[1].known().shape[1]
    numbers, begins = x.known(), [one.known() for one in states]
    count = gate_layouts.GATE_COUNTS[kind.lower()] * hidden
    if params[0].known().shape != (count, numbers.shape[-1]) or params[1].known().shape != (count, hidden):
        raise UnsupportedNode(f"it reads {numbers.shape[-1]} numbers, which its weights do not")
    if numbers.ndim not in (1, 2) or any(one.shape != (*numbers.shape[:-1], hidden) for one in begins):
        raise UnsupportedNode("it begins with states of another number of sequences")
    return b.cell_step(path, kind, "Relu" if "relu" in name else "", x, states, params)


@dataclass
class _Chain:
    steps: list[CellCall] = field(default_factory=list)

    @property
    def path(self) -> str:
        return self.steps[0].path


def join_steps(b: ProgramBuilder) -> None:
    """Make one recurrent node of the steps of each cell, and say of the others why they are none.

    Raises:
        ProgramStopped: There is no order in which they could be taken.
    """
    if not b.steps:
        return
    chains = _chains(b.steps)
    made = {name: node for node in b.nodes for name in node.output}
    by_node = {id(one.node): one for one in b.steps}
    refused: set[int] = set()
    several = {one.path for one in chains if sum(other.path == one.path for other in chains) > 1}
    for chain in chains:
        mine = {id(one.node) for one in chain.steps}
        if len(chain.steps) < _LEAST:
            why = "its states are changed between two steps" if chain.path in several else "one step a call"
        elif any(_reaches(one.x.name, mine, made) for one in chain.steps):
            why = "what it reads at a step depends on what it gave at the step before"
        else:
            continue
        for one in chain.steps:
            refused.add(id(one.node))
            b.refused[f"it steps nn.{one.kind}Cell {visible(one.path)} by hand: {why}"] = None
    joined = [chain for chain in chains if id(chain.steps[0].node) not in refused]
    kept: list[Any] = []
    for node in b.nodes:
        if id(node) in refused:
            kept += _written_out(b, by_node[id(node)])
        elif id(node) not in by_node:
            kept.append(node)
    for chain in joined:
        kept += _layer(b, chain)
    b.nodes[:] = _sorted(kept)
    _roll(b)


def _written_out(b: ProgramBuilder, step: CellCall) -> list[ProgramNode]:
    """Return one step of a cell as its products and gates."""
    before = len(b.nodes)
    made = one_step(b, (step.function or "tanh" if step.kind == "RNN" else step.kind).lower(), step.x, step.begins,
                    step.params)  # fmt: skip
    for one, state in zip(made, step.states, strict=True):
        b.add(ProgramNode(b.once("its step"), "Identity", (one.name,), (state.name,)))
    nodes, b.nodes[before:] = b.nodes[before:], []
    return nodes


def _chains(steps: Sequence[CellCall]) -> list[_Chain]:
    """Return steps in the order in which each begins with what the one before it gave."""
    chains: list[_Chain] = []
    for one in steps:
        weights = [each.name for each in one.params]
        for chain in chains:
            last = chain.steps[-1]
            same = weights == [each.name for each in last.params] and one.function == last.function
            if same and [each.name for each in one.begins] == [each.name for each in last.states]:
                chain.steps.append(one)
                break
        else:
            chains.append(_Chain([one]))
    return chains


def _reaches(name: str, nodes: set[int], made: dict[str, Any]) -> bool:
    waiting, seen = [name], set()
    while waiting:
        node = made.get(waiting.pop())
        if node is None or id(node) in seen:
            continue
        if id(node) in nodes:
            return True
        seen.add(id(node))
        waiting += [one for one in node.input if one]
    return False


def _layer(b: ProgramBuilder, chain: _Chain) -> list[ProgramNode]:
    """Return the recurrent node of a chain with what stands around it; names are the same for every number of steps."""
    first = chain.steps[0]
    hidden, batched = first.params[1].known().shape[1], first.x.known().ndim == 2
    batch, width = (len(first.x.known()), first.x.known().shape[1]) if batched else (1, len(first.x.known()))
    before = len(b.nodes)
    x = b.emit("Concat", [b.emit("Reshape", [one.x], shape=(1, batch, width)) for one in chain.steps], axis=0)
    starts = [b.emit("Reshape", [one], shape=(1, batch, hidden)) for one in first.begins]
    reads: list[TensorRef | None] = [x, *stacked_weights(b, first.path, first.params), None, *starts]
    sizes: list[Sequence[int] | None] = [(len(chain.steps), 1, batch, hidden), *[(1, batch, hidden)] * len(starts)]
    attributes = {"direction": "forward", "function": first.function}
    y, *ends = b.recurrent(first.path, first.kind, reads, sizes, attributes)
    for place, one in enumerate(chain.steps):
        index: tuple[Any, ...] = (place, 0) if batched else (place, 0, 0)
        b.add(ProgramNode(b.once("its step"), "Slice", (y.name,), (one.states[0].name,), {"index": index}))
        if first.kind != "LSTM":
            continue
        last = one is chain.steps[-1]
        index = (0,) if batched else (0, 0)
        said = {"index": index} if last else {"why": f"it takes what {visible(one.path)} keeps between two steps"}
        b.add(ProgramNode(b.once("its step"), "Slice", (ends[1].name,), (one.states[1].name,), said))
    made, b.nodes[before:] = b.nodes[before:], []
    return made


_OF_UNITS = frozenset((
    "Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Exp", "Silu", "Selu", "Abs", "HardSwish", "HardSigmoid",
    "LeakyRelu", "Elu", "Gelu", "Clip", "Neg",
))  # fmt: skip
"""Kinds that compute each number by itself."""
_ALONG_UNITS = frozenset(("Softmax", "LogSoftmax"))


def _roll(b: ProgramBuilder) -> None:
    """Take what a program does to every step by itself, and joins, behind the joining: `stack([f(h) for h in y])`."""
    makes = {name: node for node in b.nodes for name in node.output}
    rolled: list[Any] = []
    waiting = list(reversed(b.nodes))
    while waiting:
        node = waiting.pop()
        made = _rolled_once(b, node, makes) if node.op_type == "Concat" and len(node.input) > 1 else None
        if made is None:
            rolled.append(node)
            continue
        *before, last = made
        makes.update({name: one for one in made for name in one.output})
        waiting += [last, *reversed(before)]
    b.nodes[:] = rolled


def _rolled_once(b: ProgramBuilder, node: Any, makes: Any) -> list[ProgramNode] | None:
    """Return a joining of steps and then the op that stood before it at each of them; None where there is none."""
    above = [makes.get(one) for one in node.input]
    shape: tuple[int, ...] | None = None
    if all(one is not None and one.op_type == "Reshape" for one in above):
        shapes = {tuple(one.attributes["shape"]) for one in above}
        if len(shapes) != 1:
            return None
        shape, above = shapes.pop(), [makes.get(one.input[0]) for one in above]
    first = above[0]
    if first is None or not all(
        one is not None and (one.op_type, one.input[1:], one.attributes) == (
            first.op_type, first.input[1:], first.attributes) for one in above
    ):  # fmt: skip
        return None
    if len({id(one) for one in above}) != len(above) or first.attributes.get("why"):
        return None
    rank = None if shape is None else len(shape)
    if (
        rank is None
        or node.attributes["axis"] % rank == rank - 1
        or any(one not in b.constants for one in first.input[1:])
    ):
        return None  # without new axes it is not known along which its numbers stand
    attributes, width = dict(first.attributes), shape[-1] if shape else 0
    if first.op_type == "Gemm":
        w = b.constants[first.input[1]]
        if w.ndim != 2 or w.shape[0 if attributes.get("transB") else 1] != width:
            return None
        width = w.shape[1 if attributes.get("transB") else 0]
    elif first.op_type in _ALONG_UNITS:
        if attributes.get("axis") != 1 or rank not in (2, 3):
            return None
        attributes["axis"] = rank - 1
    elif first.op_type not in _OF_UNITS or len(first.input) > 1:
        return None
    assert shape is not None
    said = {"shape": (*shape[:-1], width)}
    made = [ProgramNode(b.once("its step"), "Reshape", one.input[:1], (b.made(),), said) for one in above]
    reads = tuple(one.output[0] for one in made)
    joined = ProgramNode(b.once("its steps"), "Concat", reads, (b.made(),), dict(node.attributes))
    behind = (joined.output[0], *first.input[1:])
    return [*made, joined, ProgramNode(first.name, first.op_type, behind, node.output, attributes)]


def _sorted(nodes: Sequence[Any]) -> list[Any]:
    """Return nodes in an order in which each reads what is there, as near to their own as can be."""
    makes = {name: node for node in nodes for name in node.output}
    ready: dict[int, Any] = {}
    for first in nodes:
        waiting = [(first, False)]
        under: set[int] = set()
        while waiting:
            node, read = waiting.pop()
            if id(node) in ready:
                continue
            if read:
                ready[id(node)] = node
                under.discard(id(node))
                continue
            if id(node) in under:
                raise ProgramStopped("its cells read each other's steps in a circle")
            under.add(id(node))
            waiting.append((node, True))
            waiting += [(makes[one], False) for one in reversed(list(node.input)) if one and one in makes]
    return list(ready.values())
