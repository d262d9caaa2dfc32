"""The networks of an ONNX file: its recurrent nodes as layers, and what stands between and above them.

Everything that is not recurrent is followed on two sequences, of different length where the file allows it (`trace`),
and is compared with what onnx computes of it, shape for shape: what does not agree is not shown as if it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.answers import written
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.onnx.feature_extractor import FirstSteps, onnx_front
from lstm_tui.formats.importers.onnx.file import Outside, read_graph
from lstm_tui.formats.importers.onnx.follow import TracedGraph, follow
from lstm_tui.formats.importers.onnx.graph import RECURRENT, OnnxGraph, UnsupportedNode, attribute, label
from lstm_tui.formats.importers.onnx.readout import answers_of
from lstm_tui.formats.importers.onnx.rnn_nodes import Read, of_shapes_alone, plan_node
from lstm_tui.formats.importers.onnx.trace import Reading
from lstm_tui.formats.importers.plan import Dense, Found, Op, Plan, Recurrent
from lstm_tui.formats.importers.values import Given, Lookup, State, StepOp, Value, chain_of, linear, sources
from lstm_tui.formats.importers.vocabularies import choose_classes, choose_tokens, tokens_of


@dataclass(eq=False)
class NodeLayer:
    """One recurrent node, or two that read the same in opposite directions.

    Attributes:
        nodes: The nodes, the one that reads forward first.
        reading: How the first of them reads the tape.
        below: The layer it reads; None where it reads from outside.
        ops: What stands between.
        why: Why it is not known what it reads; empty where it is.
        start: The input it reads, or the table in which it looks that up; None where there is more.
    """

    nodes: tuple[Any, ...]
    reading: Reading
    below: NodeLayer | None = None
    ops: tuple[StepOp, ...] = ()
    why: str = ""
    start: Value | None = None

    @property
    def name(self) -> str:
        """The file's own name for it."""
        return str(self.nodes[0].name or self.nodes[0].output[0])


def find_onnx(data: bytes, path: str | Path, where: str, report: ImportReport) -> list[Found]:
    """Return the networks of an ONNX file.

    Raises:
        UserError: It is damaged, or has no recurrent node.
    """
    outside = Outside(path, where)
    graph = read_graph(data, where, lambda name, whole, condition: _branch(name, whole, condition, report), outside)
    report.beside = outside.digest
    report.format = f"ONNX, opset {graph.opset}"
    if graph.producer:
        report.say("producer", graph.producer, "confirmed", "the file")
    if graph.rounded:
        more = f" and {len(graph.rounded) - 3} more" if len(graph.rounded) > 3 else ""
        names = ", ".join(visible(one) for one in graph.rounded[:3])
        report.warnings.append(
            f"{names}{more}: the weights are whole numbers with a scale, taken as the fractions they stand for; the "
            "file's runtime also rounds what they are multiplied with, so its numbers differ by that rounding"
        )
    nodes = [node for node in graph.nodes if node.op_type in RECURRENT and node.domain in ("", "ai.onnx")]
    if not nodes:
        others = [node for node in graph.nodes if any(kind in node.op_type for kind in (*RECURRENT, "Loop", "Scan"))]
        hint = f"; {label(others[0])} is not stepped" if others else ""
        if not others and graph.producer.startswith("pytorch") and any(node.op_type == "Tanh" for node in graph.nodes):
            hint = (
                "; PyTorch unrolls an nn.RNN and a loop over cells: give its weights, export with dynamo=False, or "
                "name its tensors (`inspect --write-map FILE.toml`)"
            )
        raise UserError(f"{where}: has no recurrent node (LSTM, GRU or RNN){hint}")
    followed = follow(graph, nodes)
    chains = _chains(_layers(followed, nodes))
    found = []
    shared = len({id(chain[0]) for chain in chains}) < len(chains)
    for chain in chains:
        layers = tuple(one.name for one in chain)
        name = layers[-1] if shared else layers[0]
        found.append(Found(name if len(chains) > 1 else "", layers, _planner(followed, chain, where)))
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


def _layers(followed: TracedGraph, nodes: Sequence[Any]) -> list[NodeLayer]:
    """Return the layers, each with the one it reads."""
    readings = [followed.reading(node) for node in nodes]
    pairs = list(_pairs(followed, readings))
    layers = [
        NodeLayer((one.node, other.node), one) for one, other in pairs
    ] + [NodeLayer((one.node,), one) for one in readings if not any(one in pair for pair in pairs)]  # fmt: skip
    order = {id(node): n for n, node in enumerate(nodes)}
    layers.sort(key=lambda layer: min(order[id(node)] for node in layer.nodes))
    of = {id(node): layer for layer in layers for node in layer.nodes}
    for layer in layers:
        _read(layer, of, followed)
    return layers


def _pairs(followed: TracedGraph, readings: Sequence[Reading]) -> Iterator[tuple[Reading, Reading]]:
    """Iterate over pairs of one direction each that read the same, and that something joins."""
    known = {id(one.node): one for one in readings}
    taken: set[int] = set()
    for value in followed.first.values:
        of = {id(one.layer) for one in sources(value) if isinstance(one, State)}
        if len(of) != 2 or of & taken:
            continue
        one, other = sorted((known[name] for name in of), key=lambda one: _direction(one, 0), reverse=True)
        single = len(followed.first.ways(one.node)) == len(followed.first.ways(other.node)) == 1
        same = one.value is other.value and one.value is not None
        like = (one.one_step, one.limit, one.steps) == (other.one_step, other.limit, other.steps)
        if single and same and like and (_direction(one, 0), _direction(other, 0)) == ("forward", "backward"):
            taken |= of
            yield one, other


def _direction(reading: Reading, way: int) -> str:
    backward = way == 1 or str(attribute(reading.node, "direction", "forward")).lower() == "reverse"
    return "backward" if backward != (reading.way == "backward") else "forward"


def _merged(layer: NodeLayer, followed: TracedGraph) -> list[State]:
    """Return the states a layer shows to the one above, in the order of its passes."""
    made = [(_direction(followed.reading(node), one.way), one) for node in layer.nodes
            for one in followed.first.ways(node)]  # fmt: skip
    return [one for _, one in sorted(made, key=lambda pair: pair[0], reverse=True)]


def _read(layer: NodeLayer, of: dict[int, NodeLayer], followed: TracedGraph) -> None:
    """Find out what a layer reads: a layer below through ops, or the input."""
    value = layer.reading.value
    if value is None:
        layer.why = layer.reading.why
        return
    base, ops = chain_of(value)
    read = sources(base)
    below = {id(of[id(one.layer)]): of[id(one.layer)] for one in read if isinstance(one, State)}
    if not below:
        layer.start, layer.ops = base, tuple(ops)
        if not isinstance(base, Given | Lookup):
            matrix = linear(base, [one for one in read if isinstance(one, Given)]) if len(read) == 1 else None
            layer.start, layer.ops = (read[0], (Dense("select", matrix), *ops)) if matrix is not None else (None, ())
            layer.why = "" if matrix is not None else "it reads what is put together of several inputs"
        return
    if len(below) > 1 or not all(isinstance(one, State) for one in read):
        names = ", ".join(visible(one.name) for one in below.values())
        layer.why = f"it reads {names} and more, which are no chain of layers"
        return
    lower = next(iter(below.values()))
    states = _merged(lower, followed)
    if all(isinstance(one, State) for one in read) and any(one.state != "h" for one in read if isinstance(one, State)):
        layer.why = f"it reads the memory c of {visible(lower.name)}"
        return
    matrix = linear(base, states)
    if matrix is None:
        layer.why = f"it reads a function of {visible(lower.name)} that is no dense layer"
        return
    if not _cut_alike(layer, lower, followed):
        layer.why = f"it reads fewer steps than {visible(lower.name)} below, which needs them all"
        return
    plain = matrix.shape[0] == matrix.shape[1] and np.array_equal(matrix, np.eye(len(matrix)))
    layer.below, layer.ops = lower, tuple(ops) if plain else (Dense("select", matrix), *ops)


def _cut_alike(layer: NodeLayer, below: NodeLayer | None, followed: TracedGraph) -> bool:
    """Say whether a tape that is cut where a layer stops reading is right for those below, which may read on."""
    limit = layer.reading.limit
    while limit is not None and below is not None:
        ahead = all(_direction(followed.reading(one.layer), one.way) == "forward" for one in _merged(below, followed))
        if below.reading.limit != limit and not (below.reading.limit is None and ahead):
            return False
        below = below.below
    return True


def _chains(layers: Sequence[NodeLayer]) -> list[list[NodeLayer]]:
    """Return a chain for every layer that no other reads, from the lowest up."""
    read = {id(layer.below) for layer in layers}
    chains: list[list[NodeLayer]] = []
    for layer in layers:
        if id(layer) in read:
            continue
        chain = [layer]
        while chain[0].below is not None:
            chain.insert(0, chain[0].below)
        chains.append(chain)
    return chains


def _planner(followed: TracedGraph, chain: Sequence[NodeLayer], where: str) -> Callable[[ImportReport], Plan]:
    def plan(report: ImportReport) -> Plan:
        limit = next((one.reading.limit for one in chain if one.reading.limit is not None), None)
        made = _below(followed, chain[0], limit, report)
        parts: list[Recurrent | Op] = list(made.chain)
        number = 1 if parts else 0
        names: dict[int, str] = {}
        for n, layer in enumerate(chain):
            if n and layer.ops:
                said = ", ".join(dict.fromkeys(visible(one.name) for one in layer.ops))
                report.say(f"layer{number}.name", said, "confirmed", "run at each step")
                parts += layer.ops
                number += 1
            parts.append(_part(followed, layer, f"layer{number}", where, report))
            for node in layer.nodes if layer.reading.limit == limit else ():  # others go on where the tape is cut
                for state in followed.first.states(node):
                    way = _direction(followed.reading(node), state.way)
                    names[id(state)] = f"layer{number}.{way}.{state.state}"
            number += 1
        top = _merged(chain[-1], followed)
        own = {id(node) for layer in chain for node in layer.nodes}
        readout = written(answers_of(followed, own), top, names, f", {followed.tried}", report)
        classes = () if readout is None else choose_classes(
            followed.graph.texts, readout.outputs, report, made.embedding is not None
        )  # fmt: skip
        return replace(made, chain=parts, readout=readout, classes=classes)

    return plan


def _part(followed: TracedGraph, layer: NodeLayer, key: str, where: str, report: ImportReport) -> Recurrent:
    graph = followed.graph
    parts = []
    for n, node in enumerate(layer.nodes):
        reading = followed.reading(node)
        carried = followed.carried(node)
        alone = reading.one_step or (reading.steps == 1 and followed.takes_one_step and not carried)
        own = key if not n else f"{key}.backward"
        read = Read(reading.way == "backward", alone, carried, followed.computed)
        parts.append(plan_node(node, graph, own, where, report, read))
        if not n:
            _say_how_it_reads(followed, reading, alone, carried, key, report)
    if len(parts) == 1:
        return parts[0]
    one, other = parts
    said = [(part.cell, part.hidden, part.without, part.functions, part.bound) for part in parts]
    report.say(f"{key}.directions", "forward and backward", "confirmed", "two nodes read the same, one from the end")
    if said[0] == said[1]:
        return replace(one, passes=[*one.passes, *other.passes], initial={**one.initial, **other.initial})
    return replace(one, second=other)


def _say_how_it_reads(
    followed: TracedGraph, reading: Reading, alone: bool, carried: bool, key: str, report: ImportReport
) -> None:
    node = reading.node
    if alone:
        count = "T" if followed.lengths[0] != followed.lengths[1] else str(reading.steps)
        said = f"this file runs {count} sequences of one step: every token begins with an empty memory"
        if followed.takes_one_step:
            said = "this file runs one step and carries no state on: every token begins with an empty memory"
        why = "the axis it reads as time has one step" if followed.takes_one_step else "the tape lies on its batch axis"
        report.say(f"{key}.memory", "empty at every token", "confirmed", why)
        report.warnings.append(f"{said} ({label(node)}: {why})")
    elif carried and followed.takes_one_step:
        report.say(f"{key}.memory", "carried from step to step", "confirmed", "the file takes and gives its states")
    if reading.others:
        report.warnings.append(f"the file takes {reading.others + 1} sequences at once: one of them is run here")
    name = node.input[4] if len(node.input) > 4 else ""
    if not name:
        return
    said, how, why = followed.lengths_of(node)
    report.say(f"{key}.lengths", said, how, why)
    if reading.limit is not None:
        rest = "what follows is not run" if reading.value is not None else "give no more, for all that is given is run"
        report.warnings.append(
            f"the file reads the first {reading.limit} steps of a sequence and no more ({visible(name)} is constant): "
            f"{rest}"
        )
    elif how == "assumed" and not followed.graph.is_input(name):
        report.warnings.append(f"{label(node)} is told by {visible(name)} how many steps to read: here it reads all")


def _below(followed: TracedGraph, layer: NodeLayer, limit: int | None, report: ImportReport) -> Plan:
    """Return a plan with what stands below the lowest layer: a table, ops, array ops, or nothing that can be run."""
    graph, reading = followed.graph, layer.reading
    known = layer.start is not None and followed.proved(reading.node.input[0])
    if known and (not layer.ops or followed.takes_one_step or limit is not None):
        return _straight(followed, layer, limit, report)
    if reading.value is None and followed.first.readings[id(reading.node)].value is not None:
        report.warnings.append(f"{label(reading.node)}: {layer.why}: {layer.name} takes its inputs directly")
        return Plan("", ())
    try:
        front = onnx_front(graph, reading.node, reading.one_step)
    except UnsupportedNode as error:
        if known:
            return _straight(followed, layer, limit, report)
        why = error if reading.value is None else layer.why or error
        report.warnings.append(f"{why}: {layer.name} takes its inputs directly")
        return Plan("", ())
    report.say("front", f"{front.count} nodes", "confirmed", "run by onnx before the first recurrent node")
    report.say("input", ", ".join(f"{visible(one)} {graph.shape_text(one)}" for one in front.inputs), "confirmed",
               "the graph")  # fmt: skip
    return Plan("", (), front=front)


def _straight(followed: TracedGraph, layer: NodeLayer, limit: int | None, report: ImportReport) -> Plan:
    """Return a plan whose lowest layer reads an input as it is, by a table, or through ops at every step."""
    start, ops = layer.start, list(layer.ops)
    of = start.of if isinstance(start, Lookup) else start
    assert isinstance(of, Given)
    table = start.table if isinstance(start, Lookup) else None
    if table is not None:
        report.say("embedding", f"{len(table)} ids of {visible(of.name)}", "confirmed", "the graph")
    elif ops:
        shape = followed.graph.shape_text(of.name)
        report.say("input", f"{visible(of.name)} {shape}", "confirmed", "the graph")
    else:
        report.say("input", f"{visible(of.name)}: straight into the lowest layer", "confirmed", "the graph")
    if ops:
        names = ", ".join(dict.fromkeys(visible(one.name) for one in ops))
        report.say("layer0.name", names, "confirmed", "run at each step")
    tokens = None if table is None else _tokens(followed.graph, of.name, len(table), report)
    if limit is not None:
        return Plan("", ops, front=FirstSteps(of.name, limit, table))
    return Plan("", ops, embedding=table, tokens=tokens)


def _tokens(graph: OnnxGraph, ids: str, rows: int, report: ImportReport) -> dict[str, Any] | None:
    """Return how text becomes ids: by the node of the file that makes them, or a list of texts of the same size."""
    encoder = graph.encoders.get(ids)
    if encoder is None:
        return choose_tokens(graph.texts, rows, report)
    last = max(encoder.ids)
    unknown = encoder.unknown if encoder.unknown >= 0 else rows + encoder.unknown
    if last >= rows or not 0 <= unknown < rows:
        why = f"{label(encoder.node)} gives ids that the table of {rows} rows does not have"
        report.say("vocabulary", "not used", "confirmed", why)
        return None
    report.say("vocabulary", f"{len(encoder.ids)} texts", "confirmed", label(encoder.node))
    return tokens_of(encoder.ids, rows, report, unknown) | {"lowercase": encoder.lowercase}
