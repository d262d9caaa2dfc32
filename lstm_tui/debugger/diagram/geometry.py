"""The parts of a laid-out picture: where marks stand, the pieces of wires, how large things are, what is written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import NamedTuple

from lstm_tui.debugger.diagram.dataflow import Dataflow, Mark
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.engine.dataclass import dataclass

NUMBER = 5
"""Cells of a number."""


@dataclass(frozen=True)
class MarkPlace:
    """Where a mark stands.

    Attributes:
        x: Its first column.
        y: Its first row.
        width: Columns of what is drawn of it: the box, or the circle alone.
        height: Its rows.
        label: The first column of its label, which stands in its middle row.
        label_width: Columns of its label.
    """

    x: int
    y: int
    width: int
    height: int
    label: int
    label_width: int

    @property
    def row(self) -> int:
        """The row in which wires come to its sides."""
        return self.y + self.height // 2

    def cells(self) -> Iterable[tuple[int, int]]:
        """Yield every place (x, y) that it takes, its label included."""
        for y in range(self.y, self.y + self.height):
            for x in range(self.x, self.x + self.width):
                yield x, y
        for x in range(self.label, self.label + self.label_width):
            yield x, self.row


@dataclass(frozen=True)
class WirePiece:
    """A straight piece of a wire between two places, along a row or a column; both ends belong to it."""

    net: int
    x: int
    y: int
    to_x: int
    to_y: int

    @property
    def across(self) -> bool:
        """Whether it runs along a row."""
        return self.y == self.to_y

    def cells(self) -> Iterable[tuple[int, int]]:
        """Yield every place (x, y) of it."""
        for y in range(min(self.y, self.to_y), max(self.y, self.to_y) + 1):
            for x in range(min(self.x, self.to_x), max(self.x, self.to_x) + 1):
                yield x, y


class Joint(NamedTuple):
    """Where a wire touches a mark.

    Attributes:
        net: Whose value it carries.
        mark: What it comes from or goes to.
        x: Column of the last place of the wire.
        y: Row of it.
        way: In which way the mark lies: one of `UP`, `DOWN`, `LEFT` and `RIGHT`.
    """

    net: int
    mark: int
    x: int
    y: int
    way: int


UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8


@dataclass(frozen=True)
class DiagramMeasure:
    """How large the parts are drawn.

    Attributes:
        box: Columns inside a box, at most.
        lines: Lines inside a box; the last one has its sum.
        gap: Rows between two rows of marks, at least.
        tight: Whether what comes in is written `C'`, not `C[t−1]`, and what can be told elsewhere is left out.
    """

    box: int
    lines: int = 2
    gap: int = 1
    tight: bool = False


@dataclass(frozen=True, eq=False)
class DiagramLayout:
    """A drawing without its signs.

    Attributes:
        flow: What is drawn.
        places: Where each mark stands, by its key.
        runs: The pieces of every wire; those of one net are joined. A net is known by the mark whose value it is.
        joints: Where wires touch marks.
        width: Columns.
        height: Rows.
        measure: How large its parts are.
        joined: Entries that are drawn as one line with another, by their key: that of the line.
        backward: Whether the pass reads from the end of the tape, so that what comes in is of token t+1.
    """

    flow: Dataflow
    places: tuple[MarkPlace, ...]
    runs: tuple[WirePiece, ...]
    joints: tuple[Joint, ...]
    width: int
    height: int
    measure: DiagramMeasure
    joined: dict[int, int] = field(default_factory=dict)
    backward: bool = False


def sign_width(mark: Mark) -> int:
    """Return the columns of a circle."""
    return len(mark.symbol) + 2


def end_name(mark: Mark, measure: DiagramMeasure, backward: bool = False) -> str:
    """Return how what comes in or goes out is called: `C[t−1]` and `C[t]`, or `C'` and `C` where room is short.

    Args:
        mark: An entry or an exit.
        measure: How large it is drawn.
        backward: Whether the pass reads from the end of the tape: what comes in is `C[t+1]`, as wide as the other.
    """
    previous = mark.symbol.endswith("'")
    name = letter(mark.name)
    if mark.kind == "entry" and not previous:
        return name
    if measure.tight:
        return f"{name}'" if previous else name
    return f"{name}[t{'+' if backward else '−'}1]" if previous else f"{name}[t]"


def formula_of(mark: Mark, measure: DiagramMeasure) -> str:
    """Return what a box computes in short, without blanks where room is short."""
    return mark.symbol.replace(" ", "") if measure.tight else mark.symbol


def label_of(mark: Mark) -> str:
    """Return the name before the number of a mark: a named value has one."""
    return f"{letter(mark.name)} " if mark.name else ""
