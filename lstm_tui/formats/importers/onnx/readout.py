"""What stands above the top recurrent node, found by names and proved by trying it on random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.onnx.graph import RECURRENT, OnnxGraph, UnsupportedNode, attribute
from lstm_tui.formats.importers.onnx.ops import apply_all, ops_between
from lstm_tui.formats.importers.onnx.rnn_nodes import of_shapes
from lstm_tui.formats.importers.plan import Op, Reduce

_CLOSE = 1e-3


def readout(graph: OnnxGraph, node: Any, report: ImportReport) -> list[Op]:
    """Return what stands above the top node, where it is known and agrees with onnx's own evaluation."""
    sources = [one for one in node.output if one]
    tried: list[str] = []
    for target in graph.outputs:
        if target in sources:
            continue
        for index, source in enumerate(node.output[:2]):
            if not source or not graph.depends(target, [source]):
                continue
            for steps in graph.lengths:
                try:
                    return _checked(graph, node, target, source, index == 1, steps, report)
                except UnsupportedNode as error:
                    tried.append(str(error))
    if tried:
        report.warnings.append(f"{tried[0]}; there is no readout")
    elif len(node.output) > 1 and node.output[1] in graph.outputs and node.output[0] not in graph.outputs:
        report.say("readout", "the final states", "confirmed", "the graph")
        return [Reduce("final")]
    else:
        report.say("readout", "none", "confirmed", "the top layer's states are the output")
    return []


def _checked(
    graph: OnnxGraph, node: Any, target: str, source: str, last: bool, steps: int, report: ImportReport
) -> list[Op]:
    y, merged = random_output(graph, node, steps)
    forward = str(attribute(node, "direction", "forward")) == "forward"
    given: dict[str, Array] = {source: y}
    ways = _ways(graph, node)
    if last:
        given = {source: _random_states(graph, node, merged)}
    given |= _random_others(graph, node, steps)
    ops = ops_between(graph, target, source, given)
    if last:
        ops = [Reduce("final"), *(one for one in ops if not isinstance(one, Reduce))]  # a mean of one vector is it
    theirs = of_shapes(graph, target, given)
    if sum(isinstance(one, Reduce) for one in ops) > 1:
        raise UnsupportedNode(f"what stands between {visible(source)} and {visible(target)} is not known here")
    places = [n for n, one in enumerate(ops) if isinstance(one, Reduce)]
    for how in (("final",) if last else ("last", "first", "mean", "max", "final")) if places else ("",):
        made = [Reduce(how) if isinstance(one, Reduce) else one for one in ops]
        if same(theirs, apply_all(made, merged, ways)):
            names = ", ".join(visible(one.name) for one in made if not isinstance(one, Reduce)) or "the states"
            report.say("readout", names, "confirmed", f"the graph of {visible(target)}, compared with onnx on numbers")
            if how:
                report.say("readout.over", how, "confirmed", "the graph")
            return _usable(made, how, forward, ways)
    raise UnsupportedNode(f"what stands between {visible(source)} and {visible(target)} is not known here")


def _usable(ops: list[Op], how: str, forward: bool, ways: int) -> list[Op]:
    """Refuse final states of two directions behind other ops: a readout takes them from the passes."""
    if how == "final" and ways > 1 and not isinstance(ops[0], Reduce):
        raise UnsupportedNode("the final states of two directions stand behind other ops")
    return [Reduce("final") if isinstance(one, Reduce) and how == "last" and forward else one for one in ops]


def random_output(graph: OnnxGraph, node: Any, steps: int) -> tuple[Array, Array]:
    """Return what a node could give, as ONNX lays it out and as (T, n)."""
    r = graph.evaluate(node.input[2], {})
    ways, hidden = r.shape[0], r.shape[2]
    merged = np.random.default_rng(0).normal(size=(steps, ways * hidden)).astype(np.float32)
    parts = merged.reshape(steps, ways, hidden)
    if attribute(node, "layout", 0):
        return parts[None], merged  # (B, T, ways, H)
    return parts[:, :, None], merged  # (T, ways, B, H)


def _random_states(graph: OnnxGraph, node: Any, merged: Array) -> Array:
    """Return the final states of a series (T, n) as ONNX lays them out."""
    ways = _ways(graph, node)
    hidden = merged.shape[1] // ways
    end = np.concatenate([merged[0 if way else -1, way * hidden : (way + 1) * hidden] for way in range(ways)])
    return end.reshape((1, ways, -1) if attribute(node, "layout", 0) else (ways, 1, -1))


def _random_others(graph: OnnxGraph, node: Any, steps: int) -> dict[str, Array]:
    """Return random results of all other recurrent nodes, so that whatever depends on them is found out."""
    given: dict[str, Array] = {}
    for other in graph.nodes:
        if other.op_type in RECURRENT and other is not node and other.output:
            y, merged = random_output(graph, other, steps)
            states = _random_states(graph, other, merged)
            given |= dict(zip(other.output, (y * 3, states * 3, states * 3), strict=False))
    return {name: one for name, one in given.items() if name}


def same(theirs: Array, mine: Array) -> bool:
    """Say whether two results hold the same numbers in the same order, batch or not."""
    return theirs.size == mine.size and bool(np.allclose(theirs.reshape(-1), mine.reshape(-1), _CLOSE, _CLOSE))


def _ways(graph: OnnxGraph, node: Any) -> int:
    return int(graph.evaluate(node.input[2], {}).shape[0])
