"""An ONNX graph followed twice, on two sequences: which axis of an input is the tape, and what agrees on both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lstm_tui.formats.importers.onnx.rnn_nodes import of_some_shape
from lstm_tui.formats.importers.program.followed import TracedGraph
from lstm_tui.formats.importers.program.graph import STEPS, ProgramGraph, UnsupportedNode, attribute
from lstm_tui.formats.importers.program.trace import GraphTrace, InputLayout
from lstm_tui.formats.importers.values import Given, sources

LENGTHS = (STEPS, 8)
_FREE = (7, 16)
"""Lengths of a free axis; where the number of steps is the same for both, the file fixes it."""
_MOST_FIXED = 4096
_BATCH = re.compile(r"(?i)(?:.*batch.*|b|n|bs|bsz|.*samples?.*)\Z")
_TIME = re.compile(r"(?i)(?:.*seq.*|.*time.*|.*step.*|.*len.*|.*frame.*|.*token.*|.*words?.*|t)\Z")


def follow(graph: ProgramGraph, nodes: Sequence[Any]) -> TracedGraph:
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
        beside = [name for name in inputs if name not in tapes]
        one, other = (_trace(graph, tapes, steps, seed, alone, beside) for seed, steps in enumerate(lengths))
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


def _lengths(graph: ProgramGraph, nodes: Sequence[Any]) -> Iterator[tuple[int, int]]:
    most = max((_constant_length(graph, node) for node in nodes), default=0)
    yield (LENGTHS[0] + most, LENGTHS[1] + most)
    for steps in fixed_steps(graph, nodes):
        yield (steps, steps)


def _constant_length(graph: ProgramGraph, node: Any) -> int:
    """Return how many steps a constant of the file lets a node read; 0 where none says so."""
    name = node.input[4] if len(node.input) > 4 else ""
    if not name or graph.depends(name, graph.inputs, through_shapes=True):
        return 0
    try:
        return min(max(int(graph.evaluate(name, {}).max()), 0), _MOST_FIXED)
    except (UnsupportedNode, ValueError):
        return 0


def fixed_steps(graph: ProgramGraph, nodes: Sequence[Any]) -> tuple[int, ...]:
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


def _reads_one_step(graph: ProgramGraph, node: Any, made: set[str]) -> bool:
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
    graph: ProgramGraph, nodes: Sequence[Any], name: str, known: Mapping[str, tuple[int | None, int | None]],
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


def _layouts(graph: ProgramGraph, name: str) -> Iterator[tuple[int | None, int | None]]:
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
    graph: ProgramGraph, axes: Mapping[str, tuple[int | None, int | None]], steps: int, seed: int,
    alone: frozenset[int], beside: Sequence[str] = (),
) -> GraphTrace:  # fmt: skip
    """Return a graph followed once.

    Args:
        graph: The graph.
        axes: Which axis of each input is the tape, and which its numbers.
        steps: How many steps there are.
        seed: Of the random numbers.
        alone: Nodes that read each token as a sequence of its own.
        beside: Inputs that recurrent nodes read in a way that is not followed: they have as many steps all the same.
    """
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
        time = _time_of(words, shape) if name in beside else -1
        shapes[name] = tuple(
            named.get(words[n], steps if n == time else 1) if size is None else size for n, size in enumerate(shape)
        )
    for name, tape in tapes.items():
        words = graph.axes.get(name, ("",) * len(tape.shape))
        free = graph.inputs[name][1]
        sizes = [named.get(words[n], size) if free[n] is None else size for n, size in enumerate(tape.shape)]
        tapes[name] = replace(tape, shape=tuple(sizes))
    return GraphTrace(graph, tapes, steps, seed, shapes, alone)


def _time_of(words: Sequence[str], shape: Sequence[int | None]) -> int:
    """Return which free axis is likely the tape: one that is called so, or the last that is no batch; -1 if none."""
    free = [n for n, size in enumerate(shape) if size is None]
    called = [n for n in free if _TIME.match(words[n])]
    others = [n for n in free if not _BATCH.match(words[n])]
    return (called or others or [-1])[-1]


def _width(graph: ProgramGraph, name: str) -> int:
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
