"""Rows of recurrent layers of a program: each reads the one below, or what is carried past the layers below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.carried import between, entering_each, padding_of, shown_with
from lstm_tui.formats.importers.plan import WrittenSteps
from lstm_tui.formats.importers.program.followed import TracedGraph
from lstm_tui.formats.importers.program.graph import UnsupportedNode, attribute
from lstm_tui.formats.importers.program.trace import Reading
from lstm_tui.formats.importers.values import State, StepOp, Value, sources


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
        past: Whether it also reads what the layer below reads, and how: `added` to what that shows, or `joined` to it.
    """

    nodes: tuple[Any, ...]
    reading: Reading
    below: NodeLayer | None = None
    ops: tuple[StepOp, ...] = ()
    why: str = ""
    start: Value | None = None
    past: str = ""

    @property
    def name(self) -> str:
        """The file's own name for it."""
        return str(self.nodes[0].name or self.nodes[0].output[0])


@dataclass(frozen=True, eq=False)
class LayerRow:
    """Layers from the lowest up.

    Attributes:
        layers: The layers.
        given: What each is given, where some read more than the one below shows: what it reads, and behind it what
            layers above read; empty where each reads the one below.
        shown: What stands below each, end to end: what enters the row, then what each layer but the last shows.
        past: Which of the layers show what they are given too.
    """

    layers: Sequence[NodeLayer]
    given: Sequence[tuple[Value, ...]] = ()
    shown: Sequence[Sequence[Value]] = ()
    past: frozenset[int] = frozenset()

    def passes(self, n: int) -> bool:
        """Say whether a layer shows what it is given too."""
        return n in self.past

    def beside(self, n: int) -> int:
        """Return how many numbers of what a layer is given it does not read."""
        return sum(one.width for one in self.given[n][1:]) + _padding(self.given[n])

    def page(self, n: int) -> WrittenSteps | None:
        """Return what computes what a layer is given; None where that is what stands below.

        Raises:
            UserError: There is no equation for it.
        """
        padding = _padding(self.given[n]) if self.given else 0
        return between(self.given[n], self.shown[n], padding) if self.given else None


def _padding(given: Sequence[Value]) -> int:
    return padding_of(given) if len(given) > 1 else 0


def direction_of(reading: Reading, way: int) -> str:
    """Return where one direction of a node reads from, on the tape."""
    backward = way == 1 or str(attribute(reading.node, "direction", "forward")).lower() == "reverse"
    return "backward" if backward != (reading.way == "backward") else "forward"


def shown_by(layer: NodeLayer, followed: TracedGraph) -> list[State]:
    """Return the states a layer shows to the one above, in the order of its passes."""
    made = [(direction_of(followed.reading(node), one.way), one) for node in layer.nodes
            for one in followed.first.ways(node)]  # fmt: skip
    return [one for _, one in sorted(made, key=lambda pair: pair[0], reverse=True)]


def chains_of(layers: Sequence[NodeLayer]) -> list[list[NodeLayer]]:
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


def with_rows(
    chains: Sequence[Sequence[NodeLayer]], layers: Sequence[NodeLayer], followed: TracedGraph
) -> list[LayerRow]:
    """Return chains as rows, and in place of some a row of layers where a layer or an output reads several of them."""
    own = [_nodes(chain) for chain in chains]
    made: list[LayerRow] = []
    wanted = [[chain[-1]] for chain in chains if chain[0].why]
    wanted += [_read_by(value, layers) for value in _said(followed)]
    for need in sorted((_with_all_below(one, layers) for one in wanted), key=len, reverse=True):
        row = None if not need or any(_nodes(need) <= one for one in own) else _row(need, followed)
        if row is not None:
            made.append(row)
            own.append(_nodes(need))
    whole = own[len(chains) :]
    kept = [chain for chain, nodes in zip(chains, own, strict=False) if not any(nodes <= one for one in whole)]
    return [*(LayerRow(chain) for chain in kept), *made]


def _nodes(layers: Sequence[NodeLayer]) -> set[int]:
    return {id(node) for layer in layers for node in layer.nodes}


def _said(followed: TracedGraph) -> Iterator[Value]:
    """Iterate over the outputs that are understood."""
    for name in followed.graph.outputs:
        try:
            yield followed.said(name)[0]
        except UnsupportedNode:
            continue


def _read_by(value: Value, layers: Sequence[NodeLayer]) -> list[NodeLayer]:
    """Return the layers of whose states a value is made."""
    read = {id(one.layer) for one in sources(value) if isinstance(one, State)}
    return [layer for layer in layers if read & _nodes([layer])]


def _with_all_below(wanted: Sequence[NodeLayer], layers: Sequence[NodeLayer]) -> list[NodeLayer]:
    """Return layers and those that they read, in the order of the program; none where one's input is not known."""
    found: list[NodeLayer] = []
    waiting = list(wanted)
    while waiting:
        layer = waiting.pop()
        if layer in found:
            continue
        if layer.reading.value is None:
            return []
        found.append(layer)
        waiting += _read_by(layer.reading.value, layers)
    return [layer for layer in layers if layer in found]


def _row(layers: Sequence[NodeLayer], followed: TracedGraph) -> LayerRow | None:
    """Return a row of layers of which each may read all that is below it; None where they are none."""
    read = [one.reading for one in layers]
    alike = {(one.one_step, one.others, one.steps) for one in read}
    reads = [one.value for one in read if one.value is not None]
    if any(one.limit is not None for one in read) or len(alike) > 1 or len(reads) < len(layers):
        return None
    states = [shown_by(one, followed) for one in layers]
    lowest = layers[0]
    starts = [lowest.start] if lowest.start is not None else []
    for entering in dict.fromkeys((*starts, reads[0])):
        given = entering_each(reads, states, entering)
        if given is None:
            continue
        shown: list[Sequence[Value]] = [[entering]]
        past: set[int] = set()
        for n, own in enumerate(states[:-1]):
            leaves = set(map(id, [*own, *given[n]]))
            if {id(one) for value in given[n + 1] for one in sources(value, leaves)} - set(map(id, own)):
                past.add(n)
            shown.append(shown_with(own, given[n], _padding(given[n])) if n in past else own)
        bottom = replace(lowest, ops=(), start=entering if starts else None, why="")
        row = LayerRow([bottom, *layers[1:]], given, shown, frozenset(past))
        try:
            for n in range(len(layers)):
                row.page(n)
        except UserError:
            continue
        return row
    return None
