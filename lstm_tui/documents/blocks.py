"""What stands on a page, a plain value: reports and worksheets are made of it; two modules write every block.

Numbers have a true minus, NaN and ∞ by name, and nothing looks like 0 but 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import MINUS, grouped
from lstm_tui.engine.number_text import printed as figure
from lstm_tui.engine.text_safety import visible

Kind = Literal["gate", "signed", "heat", "share", "plain"]
Part = Literal["row", "here", "gone", "sum"]


@dataclass(frozen=True)
class Scale:
    """How the numbers of a column are drawn and written.

    Attributes:
        kind: `gate` from the left, `signed` from the middle, `heat` as a tint of both signs, `share` as a tint
            of one, `plain` without a picture.
        full: The size at which a picture is at its end.
        places: Behind the point.
    """

    kind: Kind
    full: float = 1.0
    places: int = 3

    def number(self, value: float) -> str:
        """Return a number as it is written here."""
        return figure(value, self.places, self.kind in ("signed", "heat"))


@dataclass(frozen=True)
class LabelledNumber:
    """One number.

    Attributes:
        value: The number.
        before: What it was in the baseline; None without one.
        edited: Whether an edit set or scaled it.
    """

    value: float
    before: float | None = None
    edited: bool = False

    def written(self, scale: Scale) -> tuple[str, ...]:
        """Return the number as text, and the remarks on it: that it was edited, and what it was before."""
        remarks = ["◆ edited"] if self.edited else []
        return (scale.number(self.value), *remarks, *self._past(scale))

    def _past(self, scale: Scale) -> Iterable[str]:
        """Yield what the number was, if it has changed; where that is written alike, by how much."""
        if self.before is None or self.value == self.before or (math.isnan(self.value) and math.isnan(self.before)):
            return
        old = scale.number(self.before)
        if old != scale.number(self.value):
            yield f"was {old}"
        else:
            yield f"by {figure(self.value - self.before, scale.places + 1, True)}"


Entry = LabelledNumber | str | None
"""A number, words, or nothing."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table: its heading, a remark below it, how it is drawn and in which ink."""

    heading: str
    note: str = ""
    scale: Scale = Scale("plain")
    ink: str = "plain"


@dataclass(frozen=True)
class TableRow:
    """A row of a table.

    Attributes:
        heads: What it is of; the last one names it, such as its place and its token.
        entries: One for each column.
        part: An ordinary one, that at which the session stands, one of the baseline alone, or a sum.
        remark: Behind its name, such as `inserted`.
        scale: How its numbers are drawn and written, where that is not as its columns say.
    """

    heads: tuple[str, ...]
    entries: tuple[Entry, ...]
    part: Part = "row"
    remark: str = ""
    scale: Scale | None = None


@dataclass(frozen=True)
class Table:
    """Numbers in rows and columns.

    Attributes:
        caption: What they are.
        heads: Of the columns that name a row.
        columns: Of the numbers.
        rows: From the top.
        dense: Whether it has many columns that are all alike, as a map has.
    """

    caption: str
    heads: tuple[str, ...]
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]
    dense: bool = False


@dataclass(frozen=True)
class Sentence:
    """A paragraph.

    Attributes:
        text: What stands between backquotes in it is to be typed, unless it is plain.
        alarm: Whether it says that something may be wrong.
        plain: Whether a backquote is only that, as among the tokens of a tape.
    """

    text: str
    alarm: bool = False
    plain: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True)
class Terms:
    """What is known, term by term."""

    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Listing:
    """Sentences in their order."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class LinePiece:
    """A part of a line: text, or a number that was worked out and so may be left blank."""

    text: str
    worked: bool = False


Line = tuple[LinePiece, ...]


@dataclass(frozen=True)
class Lines:
    """Lines as they are, in which every sign has the same width.

    Attributes:
        lines: From the top.
        label: What they are; may be empty.
        blanks: Whether what was worked out is left blank.
    """

    lines: tuple[Line, ...]
    label: str = ""
    blanks: bool = False


@dataclass(frozen=True)
class EquationList:
    """Lines of a cell or a readout: the equation, what the value does, and its comment."""

    caption: str
    lines: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Chip:
    """A token in a picture of the tape: how strong it is, 0 to 1, and what it is beside the baseline."""

    token: str
    strength: float
    part: Part = "row"
    edited: bool = False


@dataclass(frozen=True)
class Strip:
    """The tape as a picture; all that is in it stands in a table too."""

    chips: tuple[Chip, ...]


@dataclass(frozen=True)
class SideBySide:
    """Blocks that may stand side by side where there is room; each in a group of its own."""

    groups: tuple[tuple[Block, ...], ...]
    even: bool = False
    """Whether they are all alike and so get columns of one width."""


Block = Sentence | Heading | Terms | Listing | Lines | EquationList | Strip | Table | SideBySide


@dataclass(frozen=True)
class Section:
    """A part of a document with a heading of its own; where it begins a new sheet of paper, that is one of the page."""

    title: str
    blocks: tuple[Block, ...]
    new_page: bool = False


@dataclass(frozen=True)
class Page:
    """All of it.

    Attributes:
        title: What it is of, such as the network and what it read.
        opening: Before the first section.
        sections: In their order.
        closing: By what it was written; may be empty.
        contents: Whether a list of its sections stands before them, where it can be followed.
    """

    title: str
    opening: tuple[Block, ...]
    sections: tuple[Section, ...]
    closing: str = ""
    contents: bool = False


__all__ = ["MINUS", "figure", "grouped", "named"]
_LONGEST = 60


def named(token: str) -> str:
    """Return a token as it is shown: in sight even when it is blank, and not too long."""
    text = visible(token)
    if not text.strip():
        text = "␣" * min(max(len(text), 1), 4)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
