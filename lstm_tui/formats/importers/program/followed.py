"""A program followed on two sequences, of different length where it allows that: what both agree on holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.import_report import How
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode
from lstm_tui.formats.importers.program.trace import GraphTrace, Reading
from lstm_tui.formats.importers.values import Value, means_of_sums, signature


@dataclass(frozen=True, eq=False)
class TracedGraph:
    """A graph on two sequences.

    Attributes:
        graph: The graph.
        first: The graph on one sequence.
        second: On another, of another length where the file allows it.
        computed: Names that the recurrent nodes make.
        takes_one_step: Whether the file takes one step, and no more.
        other_sequences: Outputs that of several sequences at once take another than the first.
    """

    graph: ProgramGraph
    first: GraphTrace
    second: GraphTrace
    computed: frozenset[str]
    takes_one_step: bool
    other_sequences: Collection[str] = ()

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
        return f"compared with {self.graph.ran_by} on two sequences of {steps}"

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
        """Say whether what runs the nodes computes of a tensor what its values give, on both sequences."""
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
        if self.lengths == (1, 1) and not self.takes_one_step:
            raise UnsupportedNode("what stands before its layers gives one step of what was tried, which tells nothing")
        if name in self.other_sequences:
            raise UnsupportedNode("it takes one sequence of a batch, and the file does not say which axis the batch is")
        value, where = self.first.said(name)
        other, there = self.second.said(name)
        if signature(value) != signature(
            other
        ):  # by the number of steps, perhaps, which is not the same here and there
            value, other = (
                means_of_sums(one, trace.steps_of) for one, trace in ((value, self.first), (other, self.second))
            )
        if signature(value) != signature(other) or where.ndim != there.ndim:
            raise UnsupportedNode("it is not the same for every length")
        if not self.proved(name):
            raise UnsupportedNode(f"{self.graph.ran_by} computes something else of it")
        return value, where

    def carried(self, node: Any) -> bool:
        """Say whether the file takes the states of a node from outside and gives them back.

        What other layers compute, or the file itself of what the node reads, does not come from outside.
        """
        given = [one for one in list(node.input)[5:7] if one]
        ends = [one for one in list(node.output)[1:3] if one]
        graph = self.graph
        read = [one for one in graph.inputs if graph.depends(node.input[0], [one])]
        outside = [one for one in graph.inputs if one not in read]
        alone = all(graph.depends(one, outside) and not graph.depends(one, [*read, *self.computed]) for one in given)
        return bool(given) and bool(ends) and alone and all(
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
