"""The networks of an ONNX file: its recurrent nodes as chains, and what is between them told by names and by trying.

What stands around recurrent nodes becomes ops where every node of it is known, and these ops are then compared with
onnx's own evaluation on random numbers: what does not agree is not shown as if it did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.onnx.feature_extractor import onnx_front
from lstm_tui.formats.importers.onnx.file import Outside, read_graph
from lstm_tui.formats.importers.onnx.graph import RECURRENT, STEPS, OnnxGraph, UnsupportedNode, attribute, label
from lstm_tui.formats.importers.onnx.ops import apply_all, ops_between
from lstm_tui.formats.importers.onnx.readout import random_output, readout, same
from lstm_tui.formats.importers.onnx.rnn_nodes import of_shapes, of_shapes_alone, of_some_shape, plan_node, zeros_of
from lstm_tui.formats.importers.plan import Found, Op, Plan, Recurrent, Reduce

FREE = (7, 16)
"""Lengths of a free axis; where the number of steps is the same for both, the file fixes it."""
_MOST_FIXED = 4096


@dataclass(frozen=True)
class Link:
    """How a recurrent node gets its input: from one below through ops, or from outside."""

    node: Any
    below: Any = None
    ops: tuple[Op, ...] = ()


def find_onnx(data: bytes, path: str | Path, where: str, report: ImportReport) -> list[Found]:
    """Return the networks of an ONNX file.

    Raises:
        UserError: It is damaged, or has no recurrent node.
    """
    outside = Outside(path, where)
    graph = read_graph(data, where, lambda name, whole, condition: _branch(name, whole, condition, report), outside)
    report.beside = outside.digest
    report.format = f"ONNX, opset {max((one.version for one in graph.opsets), default=0)}"
    if graph.producer:
        report.say("producer", graph.producer, "confirmed", "the file")
    nodes = [node for node in graph.nodes if node.op_type in RECURRENT and node.domain in ("", "ai.onnx")]
    if not nodes:
        others = [node for node in graph.nodes if any(kind in node.op_type for kind in (*RECURRENT, "Loop", "Scan"))]
        hint = f"; {label(others[0])} is not stepped" if others else ""
        if not others and graph.producer.startswith("pytorch") and any(node.op_type == "Tanh" for node in graph.nodes):
            hint = "; if it is an nn.RNN, PyTorch unrolled it: give its weights, or export with dynamo=False"
        raise UserError(f"{where}: has no recurrent node (LSTM, GRU or RNN){hint}")
    graph.lengths = (STEPS, *_fixed_steps(graph, nodes))
    chains = _chains(graph, nodes)
    found = []
    for chain in chains:
        layers = tuple(link.node.name or link.node.output[0] for link in chain)
        name = layers[0] if len(chains) > 1 else ""
        found.append(Found(name, layers, _planner(graph, chain, where)))
    return found


def _branch(name: str, whole: OnnxGraph, condition: str, report: ImportReport) -> str:
    """Return the body of an `If` that is taken: by its condition where that depends on shapes and constants alone."""
    key = f"if.{visible(name)}"
    try:
        taken = bool(np.all(of_shapes_alone(whole, condition)))
    except UnsupportedNode:
        taken = None
    first, other = ("else_branch", "then_branch") if taken is False else ("then_branch", "else_branch")
    if taken is None:
        return report.choose(key, first, (other,), "assumed", "its condition depends on what is given from outside")
    return report.choose(key, first, (other,), "inferred", "its condition, for one sequence")


def _fixed_steps(graph: OnnxGraph, nodes: Sequence[Any]) -> tuple[int, ...]:
    """Return how many steps the file was exported for, where its shapes hold no other number: PyTorch does so."""
    names = {one for node in nodes for one in node.output if one}
    lowest = next((node for node in nodes if not graph.depends(node.input[0], names)), nodes[0])
    axis = 1 if attribute(lowest, "layout", 0) else 0
    found: set[int] = set()
    for free in FREE:
        try:
            found.add(int(graph.evaluate(lowest.input[0], of_some_shape(graph, free)).shape[axis]))
        except (UnsupportedNode, IndexError):
            return ()
    return tuple(found) if len(found) == 1 and 1 < min(found) <= _MOST_FIXED else ()


def _chains(graph: OnnxGraph, nodes: Sequence[Any]) -> list[list[Link]]:
    links: dict[int, Link] = {}
    for node in nodes:
        link = Link(node)
        for below in nodes:
            if below is not node and graph.depends(node.input[0], [one for one in below.output if one]):
                link = _link(graph, node, below) or link
        links[id(node)] = link
    taken: set[int] = set()
    chains: list[list[Link]] = []
    for node in nodes:
        if id(node) in taken:
            continue
        chain = [links[id(node)]]
        taken.add(id(node))
        while True:
            above = [one for one in nodes if links[id(one)].below is chain[-1].node and id(one) not in taken]
            if not above:
                break
            chain.append(links[id(above[0])])
            taken.add(id(above[0]))
        chains.append(chain)
    return chains


def _link(graph: OnnxGraph, node: Any, below: Any) -> Link | None:
    """Return how a node reads another directly, or None where it does not or what is between is not known."""
    for steps in graph.lengths:
        try:
            given = {below.output[0]: random_output(graph, below, steps)[0]}
            ops = ops_between(graph, node.input[0], below.output[0], given)
            if any(isinstance(one, Reduce) for one in ops):
                return None
            return _agree(graph, node, below, ops, steps)
        except UnsupportedNode:
            continue
    return None


def _agree(graph: OnnxGraph, node: Any, below: Any, ops: Sequence[Op], steps: int) -> Link | None:
    y, merged = random_output(graph, below, steps)
    given = of_shapes(graph, node.input[0], {below.output[0]: y})
    return Link(node, below, tuple(ops)) if same(given, apply_all(ops, merged)) else None


def _planner(graph: OnnxGraph, chain: Sequence[Link], where: str) -> Callable[[ImportReport], Plan]:
    def plan(report: ImportReport) -> Plan:
        made = _input(graph, chain[0].node, report)
        parts: list[Recurrent | Op] = []
        number = 0
        for link in chain:
            if link.ops and parts:
                report.say(f"layer{number}.name", ", ".join(visible(one.name) for one in link.ops
                           if not isinstance(one, Reduce)), "confirmed", "run at each step")  # fmt: skip
                parts += link.ops
                number += 1
            parts.append(plan_node(link.node, graph, f"layer{number}", graph.producer, where, report))
            if len(link.node.input) > 4 and link.node.input[4]:
                report.say(f"layer{number}.lengths", "the whole sequence", "assumed", "a sequence is never padded here")
            number += 1
        return replace(made, chain=[*parts, *readout(graph, chain[-1].node, report)])

    return plan


def _input(graph: OnnxGraph, node: Any, report: ImportReport) -> Plan:
    """Return a plan with what stands below the lowest node: a table, array ops, or nothing that can be run."""
    name = node.input[0]
    for given in (one for one in graph.inputs if graph.depends(name, [one])):
        try:
            if not ops_between(graph, name, given) and _is_input(graph, name, given, node):
                report.say("input", f"{visible(given)}: straight into the lowest layer", "confirmed", "the graph")
                return Plan("", ())
        except UnsupportedNode:
            pass
        table = _table(graph, name, given)
        if table is not None:
            report.say("embedding", f"{len(table)} ids of {visible(given)}", "confirmed", "the graph")
            return Plan("", (), embedding=table)
    try:
        front = onnx_front(graph, node)
    except UnsupportedNode as error:
        report.warnings.append(f"{error}: {node.name or node.output[0]} takes its inputs directly")
        return Plan("", ())
    report.say("front", f"{front.count} nodes", "confirmed", "run by onnx before the first recurrent node")
    report.say("input", ", ".join(f"{visible(one)} {_shape(graph, one)}" for one in front.inputs), "confirmed",
               "the graph")  # fmt: skip
    return Plan("", (), front=front)


def _table(graph: OnnxGraph, name: str, given: str) -> Array | None:
    """Return the table in which the ids of an input are looked up, where nothing else is done to them."""
    while (node := graph.made_by.get(name)) is not None and node.op_type in (
        "Transpose",
        "Squeeze",
        "Identity",
        "Cast",
    ):
        name = node.input[0]
    if node is None or node.op_type != "Gather" or graph.depends(node.input[0], graph.inputs):
        return None
    kind, shape = graph.inputs[given]
    try:
        table = graph.evaluate(node.input[0], {})
        ids = zeros_of(kind, [STEPS if n == 0 else 1 for n in range(len(shape))])
        ids += np.arange(STEPS).reshape(ids.shape).astype(ids.dtype) % len(table)
        looked_up = graph.evaluate(node.output[0], {given: ids})
    except (UnsupportedNode, ValueError, IndexError):
        return None
    whole = table.ndim == 2 and table.dtype.kind == "f" and not _is_changed(graph, node.input[1], given)
    return table if whole and same(looked_up, table[ids.reshape(-1)]) else None


def _is_changed(graph: OnnxGraph, name: str, given: str) -> bool:
    """Say whether anything but the layout of an input changes before it is a tensor."""
    try:
        return bool(ops_between(graph, name, given))
    except UnsupportedNode:
        return True


def _shape(graph: OnnxGraph, name: str) -> str:
    return "×".join("?" if one is None else str(one) for one in graph.inputs[name][1])


def _is_input(graph: OnnxGraph, name: str, given: str, node: Any) -> bool:
    """Say whether nothing but the layout changes between an input and what the lowest node reads."""
    kind, shape = graph.inputs[given]
    w = graph.evaluate(node.input[1], {})
    x = zeros_of(kind, shape)
    x = np.random.default_rng(0).normal(size=(*x.shape[:-1], w.shape[2])).astype(np.float32)
    return len(shape) == 3 and same(graph.evaluate(name, {given: x}), x)
