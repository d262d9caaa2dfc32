"""The networks of a program: its recurrent nodes as layers, and what stands between and above them.

Everything that is not recurrent is followed on two sequences, of different length where the file allows it (`trace`),
and is compared with what runs the nodes, shape for shape: what does not agree is not shown as if it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import FeatureExtractor
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.answers import written
from lstm_tui.formats.importers.carried import passing
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Dense, Found, Op, Plan, Recurrent, WrittenSteps
from lstm_tui.formats.importers.program.followed import TracedGraph
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, label
from lstm_tui.formats.importers.program.readout import answers_of
from lstm_tui.formats.importers.program.rows import LayerRow, NodeLayer, chains_of, direction_of, shown_by, with_rows
from lstm_tui.formats.importers.program.trace import Reading
from lstm_tui.formats.importers.values import (
    Given,
    Lookup,
    State,
    StepOp,
    Value,
    chain_of,
    linear,
    reads_past,
    sources,
)
from lstm_tui.formats.importers.vocabularies import choose_classes, choose_tokens, tokens_of


@dataclass(frozen=True)
class Read:
    """How a node reads the tape, as far as its layer depends on it.

    Attributes:
        flipped: Whether what it reads comes from the end.
        one_step: Whether every token is a sequence of its own, which begins with an empty memory.
        carried: Whether the file takes one step and whoever runs it carries the states from step to step.
        computed: Names of tensors that the recurrent nodes of the file compute.
        sized: Some of these with the sizes they have, for what depends on sizes alone.
    """

    flipped: bool = False
    one_step: bool = False
    carried: bool = False
    computed: frozenset[str] = frozenset()
    sized: Mapping[str, Array] = field(default_factory=dict)


@dataclass(frozen=True)
class Dialect:
    """What differs from one kind of program to another.

    Attributes:
        plan_node: Returns a recurrent node as a layer; raises UserError.
        front: Returns what is run as it is before a recurrent node, which may read one step of many sequences, and how
            many nodes that are; raises UnsupportedNode. None where nothing is.
        follows_again: Whether that follows the program again for every number of steps. It is then for what cannot be
            stepped alone.
    """

    plan_node: Callable[[Any, ProgramGraph, str, str, ImportReport, Read], Recurrent]
    front: Callable[[ProgramGraph, Any, bool], tuple[FeatureExtractor, int]] | None = None
    follows_again: bool = False


@dataclass(frozen=True, eq=False)
class FirstSteps:
    """The first steps of a series, because the file reads no more of it.

    Attributes:
        name: Of the input.
        limit: How many steps.
        table: In which ids are looked up, or None.
    """

    name: str
    limit: int
    table: Array | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one input."""
        return (self.name,)

    @property
    def ids(self) -> Mapping[str, int]:
        """How many ids there are, where it reads ids."""
        return {} if self.table is None else {self.name: len(self.table)}

    def run(self, arrays: Mapping[str, Array]) -> Array:
        """Return the input of the first recurrent node, (T, I), of no more steps than the file reads.

        Raises:
            UserError: There are fewer steps, which the file refuses, or an id is none of the table.
        """
        array = np.asarray(arrays[self.name] if self.name in arrays else next(iter(arrays.values())))
        if len(array) < self.limit:
            raise UserError(f"the file reads {self.limit} steps of {visible(self.name)}, and there are {len(array)}")
        if self.table is None:
            return np.ascontiguousarray(array[: self.limit], dtype=np.float32)
        ids = array.reshape(len(array), -1)[: self.limit, 0]
        if not np.all((ids == np.floor(ids)) & (ids >= 0) & (ids < len(self.table))):
            raise UserError(f"{visible(self.name)} holds ids, whole numbers from 0 to {len(self.table) - 1}")
        return np.ascontiguousarray(self.table[ids.astype(np.int64)], dtype=np.float32)


def networks_of(followed: TracedGraph, nodes: Sequence[Any], dialect: Dialect, where: str) -> list[Found]:
    """Return the networks that recurrent nodes of a program make: a chain of layers each."""
    layers = _layers(followed, nodes)
    rows = with_rows(chains_of(layers), layers, followed)
    found = []
    shared = len({id(row.layers[0]) for row in rows}) < len(rows)
    for row in rows:
        names = tuple(one.name for one in row.layers)
        name = names[-1] if shared else names[0]
        found.append(Found(name if len(rows) > 1 else "", names, _planner(followed, row, dialect, where)))
    return found


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
        one, other = sorted((known[name] for name in of), key=lambda one: direction_of(one, 0), reverse=True)
        single = len(followed.first.ways(one.node)) == len(followed.first.ways(other.node)) == 1
        same = one.value is other.value and one.value is not None
        like = (one.one_step, one.limit, one.steps) == (other.one_step, other.limit, other.steps)
        if single and same and like and (direction_of(one, 0), direction_of(other, 0)) == ("forward", "backward"):
            taken |= of
            yield one, other


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
        if _reads_past(layer, base, ops, list(below.values()), followed):
            return
        names = ", ".join(visible(one.name) for one in below.values())
        layer.why = f"it reads {names} and more, which are no chain of layers"
        return
    lower = next(iter(below.values()))
    states = shown_by(lower, followed)
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


def _reads_past(
    layer: NodeLayer, base: Value, ops: Sequence[StepOp], below: Sequence[NodeLayer], followed: TracedGraph
) -> bool:
    """Find the layer below of which one reads what it shows and what it reads; return False where there is none."""
    for lower in below:
        entering, states = lower.reading.value, shown_by(lower, followed)
        if entering is None or lower.reading.limit != layer.reading.limit:
            continue
        made = reads_past(base, ops, states, entering)
        if made is not None:
            layer.below, layer.past, layer.ops = lower, made[0], tuple(made[1])
            return True
    return False


def _cut_alike(layer: NodeLayer, below: NodeLayer | None, followed: TracedGraph) -> bool:
    """Say whether a tape that is cut where a layer stops reading is right for those below, which may read on."""
    limit = layer.reading.limit
    while limit is not None and below is not None:
        ahead = all(
            direction_of(followed.reading(one.layer), one.way) == "forward" for one in shown_by(below, followed)
        )
        if below.reading.limit != limit and not (below.reading.limit is None and ahead):
            return False
        below = below.below
    return True


def _planner(followed: TracedGraph, row: LayerRow, dialect: Dialect, where: str) -> Callable[[ImportReport], Plan]:
    chain = row.layers

    def plan(report: ImportReport) -> Plan:
        limit = next((one.reading.limit for one in chain if one.reading.limit is not None), None)
        made = _below(followed, chain[0], limit, dialect, report)
        parts: list[Recurrent | Op | WrittenSteps] = list(made.chain)
        number = 1 if parts else 0
        entering = _entering(chain[0], made)
        names: dict[int, str] = {} if entering is None else {id(entering): "embedding"}
        for n, layer in enumerate(chain):
            page = row.page(n)
            if page is not None:
                report.say(f"layer{number}.name", visible(page.name), "confirmed", "run at each step")
                parts.append(page)
                number += 1
            if n and layer.ops and not row.given:
                said = ", ".join(dict.fromkeys(visible(one.name) for one in layer.ops))
                report.say(f"layer{number}.name", said, "confirmed", "run at each step")
                parts += layer.ops
                number += 1
            part = _part(followed, layer, f"layer{number}", dialect, where, report)
            above = chain[n + 1] if n + 1 < len(chain) else None
            if row.passes(n):
                part = passing(part, row.beside(n))
                report.say(f"layer{number}.input", "goes past it too, for layers above", "confirmed", "the graph")
            elif above is not None and above.past and not row.given:
                said = f"{above.past} to what it shows, for the layer above"
                report.say(f"layer{number}.input", said, "confirmed", "the graph")
                part = part.passed_on(above.past)
            parts.append(part)
            for node in layer.nodes if layer.reading.limit == limit else ():  # others go on where the tape is cut
                for state in followed.first.states(node):
                    way = direction_of(followed.reading(node), state.way)
                    names[id(state)] = f"layer{number}.{way}.{state.state}"
            number += 1
        top = shown_by(chain[-1], followed)
        own = {id(node) for layer in chain for node in layer.nodes}
        readout = written(answers_of(followed, own), top, names, f", {followed.tried}", report)
        classes = () if readout is None else choose_classes(
            followed.graph.texts, readout.outputs, report, made.embedding is not None
        )  # fmt: skip
        return replace(made, chain=parts, readout=readout, classes=classes)

    return plan


def _entering(layer: NodeLayer, made: Plan) -> Value | None:
    """Return what enters a network, by its lowest layer; None where that is not followed, or is not all of it."""
    value = layer.reading.value
    if value is None or not value.series or layer.reading.limit is not None or layer.reading.one_step:
        return None
    if made.front is not None:
        return value if layer.reading.way == "forward" else None
    if isinstance(layer.start, Lookup):
        return layer.start if made.embedding is not None else None
    return layer.start if isinstance(layer.start, Given) and layer.start.series else None


def _part(
    followed: TracedGraph, layer: NodeLayer, key: str, dialect: Dialect, where: str, report: ImportReport
) -> Recurrent:
    graph = followed.graph
    parts = []
    for n, node in enumerate(layer.nodes):
        reading = followed.reading(node)
        carried = followed.carried(node)
        alone = reading.one_step or (reading.steps == 1 and followed.takes_one_step and not carried)
        own = key if not n else f"{key}.backward"
        sized = {name: one for name, one in followed.first.numbers.items() if name in followed.computed}
        read = Read(reading.way == "backward", alone, carried, followed.computed, sized)
        parts.append(dialect.plan_node(node, graph, own, where, report, read))
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
        remark = f"the file takes {reading.others + 1} sequences at once: one of them is run here"
        report.warnings += [remark] if remark not in report.warnings else []
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
        report.warn(f"{label(node)} is told by {visible(name)} how many steps to read: here it reads all")


def _below(followed: TracedGraph, layer: NodeLayer, limit: int | None, dialect: Dialect, report: ImportReport) -> Plan:
    """Return a plan with what stands below the lowest layer: a table, ops, array ops, or nothing that can be run."""
    graph, reading = followed.graph, layer.reading
    known = layer.start is not None and followed.proved(reading.node.input[0])
    stepped = not layer.ops or dialect.front is None or dialect.follows_again
    if known and (stepped or followed.takes_one_step or limit is not None):
        return _straight(followed, layer, limit, report)
    once = followed.first.readings.get(id(reading.node))
    if reading.value is None and once is not None and once.value is not None and not dialect.follows_again:
        report.warn(f"{label(reading.node)}: {layer.why}: {layer.name} takes its inputs directly")
        return Plan("", ())
    if dialect.front is None:
        report.warn(f"{label(reading.node)}: {layer.why}: {layer.name} takes its inputs directly")
        return Plan("", ())
    try:
        front, count = dialect.front(graph, reading.node, reading.one_step)
    except UnsupportedNode as error:
        if known:
            return _straight(followed, layer, limit, report)
        why = error if reading.value is None else layer.why or error
        report.warn(f"{why}: {layer.name} takes its inputs directly")
        return Plan("", ())
    report.say("front", count_of(count, "node"), "confirmed", f"run by {graph.ran_by} before the first recurrent node")
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


def _tokens(graph: ProgramGraph, ids: str, rows: int, report: ImportReport) -> dict[str, Any] | None:
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
