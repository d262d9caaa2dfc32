"""An ONNX graph followed twice, on two sequences: which axis of an input is the tape, and what agrees on both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lstm_tui.formats.importers.import_report import How
from lstm_tui.formats.importers.onnx.graph import STEPS, OnnxGraph, UnsupportedNode, attribute
from lstm_tui.formats.importers.onnx.rnn_nodes import of_some_shape
from lstm_tui.formats.importers.onnx.trace import GraphTrace, InputLayout, Reading
from lstm_tui.formats.importers.values import Given, Value, signature, sources

LENGTHS = (STEPS, 8)
_FREE = (7, 16)
"""Lengths of a free axis; where the number of steps is the same for both, the file fixes it."""
_MOST_FIXED = 4096
_BATCH = re.compile(r"(?i)(?:.*batch.*|b|n|bs|bsz|.*samples?.*)\Z")
_TIME = re.compile(r"(?i)(?:.*seq.*|.*time.*|.*step.*|.*len.*|.*frame.*|.*token.*|.*words?.*|t)\Z")


@dataclass(frozen=True, eq=False)
class TracedGraph:
    """A graph on two sequences.

    Attributes:
        graph: The graph.
        first: The graph on one sequence.
        second: On another, of another length where the file allows it.
        computed: Names that the recurrent nodes make.
        takes_one_step: Whether the file takes one step, and no more.
    """

    graph: OnnxGraph
    first: GraphTrace
    second: GraphTrace
    computed: frozenset[str]
    takes_one_step: bool

    @property
    def lengths(self) -> tuple[int, int]:
        """How many steps the two sequences had."""
        one, other = (max((each.steps for each in trace.readings.values()), default=trace.steps)
                      for trace in (self.first, self.second))  # fmt: skip
        return one, other

    @property
    def tried(self) -> str:
        """What was tried, in words."""
        one, other = self.lengths
        steps = f"{one} and {other} steps"
        if one == other:
            steps = f"{one} step{'s' if one > 1 else ''} each, as the file has it"
        return f"compared with onnx on two sequences of {steps}"

    def reading(self, node: Any) -> Reading:
        """Return how a node reads the tape; what it reads is not known where the two sequences do not agree."""
        one, other = (trace.readings.get(id(node)) for trace in (self.first, self.second))
        if one is None or other is None:
            return Reading(node, None, "its weights are not known", steps=self.first.steps)
        if one.value is None:
            return one
        if other.value is None or not _alike(one, other) or not self.proved(node.input[0]):
            return replace(one, value=None, why=other.why or "it does not read the same for every length")
        return one

    def proved(self, name: str) -> bool:
        """Say whether onnx computes of a tensor what its values give, on both sequences."""
        try:
            return all(trace.proved(name) for trace in (self.first, self.second) if name in trace.ids) and (
                name in self.first.ids and name in self.second.ids
            )
        except UnsupportedNode:
            return False

    def said(self, name: str) -> tuple[Value, Any]:
        """Return the value of a tensor and the positions of its rows, where both sequences agree.

        Raises:
            UnsupportedNode: They do not, or it is no value.
        """
        value, where = self.first.said(name)
        other, there = self.second.said(name)
        if signature(value) != signature(other) or where.ndim != there.ndim:
            raise UnsupportedNode("it is not the same for every length")
        if not self.proved(name):
            raise UnsupportedNode("onnx computes something else of it")
        return value, where

    def carried(self, node: Any) -> bool:
        """Say whether the file takes the states of a node from outside and gives them back."""
        given = [one for one in list(node.input)[5:7] if one]
        ends = [one for one in list(node.output)[1:3] if one]
        graph = self.graph
        return bool(given) and bool(ends) and all(graph.depends(one, graph.inputs) for one in given) and all(
            any(graph.depends(output, [one]) for output in graph.outputs) for one in ends[: len(given)]
        )  # fmt: skip

    def lengths_of(self, node: Any) -> tuple[str, How, str]:
        """Return how many steps a node is told to read, how that is known, and where from."""
        name = node.input[4]
        reading = self.first.readings[id(node)]
        if reading.limit is not None:
            return f"the first {reading.limit}", "confirmed", "a constant of the file"
        if name in self.first.broken or name in self.first.ids:
            return "the whole sequence", "assumed", "a sequence is never padded here"
        try:
            whole = [
                int(trace.number(name).reshape(-1)[0]) == trace.readings[id(node)].steps
                for trace in (self.first, self.second)
            ]
        except (UnsupportedNode, IndexError, ValueError):
            whole = [False]
        if all(whole):
            return "the whole sequence", "confirmed", "the file computes it of the length"
        return "the whole sequence", "assumed", "it is not known what the file says"


def _alike(one: Reading, other: Reading) -> bool:
    assert one.value is not None
    assert other.value is not None
    same = (one.way, one.one_step, one.others, one.limit) == (other.way, other.one_step, other.others, other.limit)
    return same and signature(one.value) == signature(other.value)


def follow(graph: OnnxGraph, nodes: Sequence[Any]) -> TracedGraph:
    """Return a graph followed on two sequences, its inputs laid out as its recurrent nodes read them."""
    made = {one for node in nodes for one in node.output if one}
    alone = frozenset(id(node) for node in nodes if _reads_one_step(graph, node, made))
    inputs = [
        name for name, (_, shape) in graph.inputs.items()
        if shape and any(graph.depends(node.input[0], [name]) for node in nodes if node.input)
    ]  # fmt: skip
    best: tuple[tuple[int, ...], TracedGraph] | None = None
    for lengths in _lengths(graph, nodes):
        tapes: dict[str, tuple[int | None, int | None]] = {}
        for name in inputs:
            tapes |= _tape(graph, nodes, name, tapes, lengths, alone)
        free = any(at is not None and graph.inputs[name][1][at] is None for name, (at, _) in tapes.items())
        if free and lengths == (1, 1):
            continue  # one step of a free axis is no length that the file fixes
        one, other = (_trace(graph, tapes, steps, seed, alone) for seed, steps in enumerate(lengths))
        fixed = [one.tapes[name].shape[at] for name, (at, _) in tapes.items() if at is not None]
        takes_one = (bool(tapes) and not [size for size in fixed if size > 1]) or lengths == (1, 1)
        followed = TracedGraph(graph, one, other, frozenset(made), takes_one)
        score = _score(followed, nodes)
        if best is None or score > best[0]:
            best = (score, followed)
        if score[0] == 0:
            break
    assert best is not None
    return best[1]


def _score(followed: TracedGraph, nodes: Sequence[Any]) -> tuple[int, ...]:
    """Return how much of a graph is understood: 0 first where everything is."""
    lost = 0
    for name in followed.graph.outputs:
        try:
            followed.said(name)
        except UnsupportedNode:
            lost -= 1
    return (lost, sum(followed.reading(node).value is not None for node in nodes))


def _lengths(graph: OnnxGraph, nodes: Sequence[Any]) -> Iterator[tuple[int, int]]:
    most = max((_constant_length(graph, node) for node in nodes), default=0)
    yield (LENGTHS[0] + most, LENGTHS[1] + most)
    for steps in fixed_steps(graph, nodes):
        yield (steps, steps)


def _constant_length(graph: OnnxGraph, node: Any) -> int:
    """Return how many steps a constant of the file lets a node read; 0 where none says so."""
    name = node.input[4] if len(node.input) > 4 else ""
    if not name or graph.depends(name, graph.inputs, through_shapes=True):
        return 0
    try:
        return min(max(int(graph.evaluate(name, {}).max()), 0), _MOST_FIXED)
    except (UnsupportedNode, ValueError):
        return 0


def fixed_steps(graph: OnnxGraph, nodes: Sequence[Any]) -> tuple[int, ...]:
    """Return how many steps the file was exported for, where its shapes hold no other number: PyTorch does so."""
    names = {one for node in nodes for one in node.output if one}
    lowest = next((node for node in nodes if not graph.depends(node.input[0], names)), nodes[0])
    axis = 1 if attribute(lowest, "layout", 0) else 0
    found: set[int] = set()
    for free in _FREE:
        try:
            found.add(int(graph.evaluate(lowest.input[0], of_some_shape(graph, free)).shape[axis]))
        except (UnsupportedNode, IndexError):
            return ()
    return tuple(found) if len(found) == 1 and 1 <= min(found) <= _MOST_FIXED else ()


def _reads_one_step(graph: OnnxGraph, node: Any, made: set[str]) -> bool:
    """Say whether a node whose input is computed of the file's input gets one step of many sequences."""
    if not node.input or graph.depends(node.input[0], made):
        return False
    for free in (64, 512):
        try:
            shape = graph.evaluate(node.input[0], of_some_shape(graph, free)).shape
        except UnsupportedNode:
            continue
        if len(shape) == 3:
            time, batch = (shape[1], shape[0]) if attribute(node, "layout", 0) else (shape[0], shape[1])
            return bool(time == 1 and batch > 1)
    return False


def _tape(
    graph: OnnxGraph, nodes: Sequence[Any], name: str, known: Mapping[str, tuple[int | None, int | None]],
    lengths: tuple[int, int], alone: frozenset[int],
) -> dict[str, tuple[int | None, int | None]]:  # fmt: skip
    """Return which axis of an input is the tape and which has the numbers of a step, as its readers take them."""
    best: tuple[int, dict[str, tuple[int | None, int | None]]] = (0, {})
    for axes in _layouts(graph, name):
        tapes = {**known, name: axes}
        trace = _trace(graph, tapes, lengths[0], 0, alone)
        score = 0
        for node in nodes:
            reading = trace.readings.get(id(node))
            if reading is None or reading.value is None:
                continue
            if name in [one.name for one in sources(reading.value) if isinstance(one, Given)]:
                score = max(score, 1 if reading.one_step else 2 if reading.others else 3)
        if score > best[0]:
            best = (score, {name: axes})
    return best[1]


def _layouts(graph: OnnxGraph, name: str) -> Iterator[tuple[int | None, int | None]]:
    """Iterate over pairs of axes that could be the tape and the numbers of a step, the likeliest first."""
    kind, shape = graph.inputs[name]
    whole = kind in (2, 3, 4, 5, 6, 7, 12, 13)  # whole numbers: ids
    last = len(shape) - 1
    features: list[int | None] = [None] if whole else [last, *range(last - 1, -1, -1), None]
    if len(shape) > 4:
        return
    for feature in features:
        axes = [axis for axis in range(len(shape)) if axis != feature]
        times = [axis for axis in axes if shape[axis] is None or (shape[axis] or 0) > 1]
        words = graph.axes.get(name, ("",) * len(shape))
        batch = [axis for axis in times if _BATCH.match(words[axis])]
        named = [axis for axis in times if _TIME.match(words[axis])]
        if batch and len(batch) < len(times):
            times = [axis for axis in times if axis not in batch]
        if named:
            times = named
        for axis in times:
            yield axis, feature
        if not times:
            yield None, feature


def _trace(
    graph: OnnxGraph, axes: Mapping[str, tuple[int | None, int | None]], steps: int, seed: int, alone: frozenset[int]
) -> GraphTrace:
    tapes: dict[str, InputLayout] = {}
    named: dict[str, int] = {}
    for name, (time, feature) in axes.items():
        shape = graph.inputs[name][1]
        width = _width(graph, name)
        sizes = [
            size if size is not None else steps if axis == time else width if axis == feature else 1
            for axis, size in enumerate(shape)
        ]
        if time is not None:
            sizes[time] = shape[time] or steps
            word = graph.axes.get(name, ("",) * len(shape))[time]
            named |= {word: sizes[time]} if word else {}
        tapes[name] = InputLayout(tuple(sizes), time, feature)
    shapes = {}
    for name, (_, shape) in graph.inputs.items():
        words = graph.axes.get(name, ("",) * len(shape))
        shapes[name] = tuple(named.get(words[n], 1) if size is None else size for n, size in enumerate(shape))
    for name, tape in tapes.items():
        words = graph.axes.get(name, ("",) * len(tape.shape))
        free = graph.inputs[name][1]
        sizes = [named.get(words[n], size) if free[n] is None else size for n, size in enumerate(tape.shape)]
        tapes[name] = replace(tape, shape=tuple(sizes))
    return GraphTrace(graph, tapes, steps, seed, shapes, alone)


def _width(graph: OnnxGraph, name: str) -> int:
    """Return how many numbers a step of an input has whose shape does not say it: as many as a reader takes."""
    for node in graph.nodes:
        if name in node.input and node.op_type in ("LSTM", "GRU", "RNN", "MatMul"):
            try:
                shape = graph.evaluate(node.input[1], {}).shape
            except (UnsupportedNode, IndexError):
                continue
            return int(shape[-1] if node.op_type != "MatMul" else shape[0])
    for node in graph.nodes:
        if node.op_type in ("LSTM", "GRU", "RNN"):
            try:
                return int(graph.evaluate(node.input[1], {}).shape[-1])
            except (UnsupportedNode, IndexError):
                continue
    return 1
