"""What a pane draws on: a line written from left to right, a drawing of lines, and the frame round it.

A drawing also knows what lies under each place, for the mouse. Text in a few cells is made safe, cut at a grapheme and
never wider than asked; numbers are written in the screen's signs, and `engine.number_text` says how.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import LEAST_WIDTH, PLACES, compact
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.palette import UNICODE, Glyphs, Palette

_UNSTEADY = {0x200C: "⟨200c⟩", 0x200D: "⟨200d⟩", 0xFE0E: None, 0xFE0F: None, 0x00AD: "⟨00ad⟩"}
"""Joiners and variation selectors: terminals disagree on the width of what they join."""


@lru_cache(maxsize=16384)
def token_label(token: str, glyphs: Glyphs = UNICODE) -> str:
    """Return a token as it is shown: no control reaches the terminal and something can always be seen."""
    text = visible(token).translate(_UNSTEADY)
    if not text.strip():
        text = glyphs.space * max(len(text), 1) if len(text) < 4 else glyphs.space + glyphs.more
    if cell_len(text[0]) == 0:
        text = glyphs.combining + text
    if not glyphs.smooth:
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return text


def cut(text: str, width: int, glyphs: Glyphs = UNICODE) -> str:
    """Return `text` in at most `width` cells, with a sign where something was cut off."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + glyphs.more if width > 1 else set_cell_size(text, width)


def fit(text: str, width: int, glyphs: Glyphs = UNICODE, right: bool = False) -> str:
    """Return `text` in exactly `width` cells."""
    text = cut(text, width, glyphs)
    blank = " " * (width - cell_len(text))
    return blank + text if right else text + blank


_HELD = re.compile(r"(?<=[\d∞]) (?=%)| (?=[=≈] [+\-−~.\d])|(?<=[=≈]) (?=[+\-−~.\d])")
"""Blanks at which no line is broken: those before a percent sign and around the equals sign before a number."""
_BLANK = "\0"
"""Stands for such a blank; no text that is shown has it."""


def wrapped_text(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` cells, broken at blanks; a number stays with its unit and its name.

    A word that is longer than a line is broken where the line ends. No line is empty.
    """
    lines: list[str] = []
    here, room = "", max(width, 1)
    for word in _HELD.sub(_BLANK, re.sub(r"\s", " ", text)).split(" "):
        joined = f"{here} {word}" if here else word
        if here and cell_len(joined.replace(_BLANK, " ")) > room:
            lines.append(here)
            joined = word
        *full, here = _pieces(joined, room) if cell_len(word.replace(_BLANK, " ")) > room else (joined,)
        lines += full
    return [line for line in (one.replace(_BLANK, " ").rstrip() for one in (*lines, here)) if line]


def _pieces(text: str, room: int) -> list[str]:
    """Return a text cut into pieces that fit, at held blanks where it has them."""
    pieces: list[str] = []
    start, used, held = 0, 0, -1
    for n, sign in enumerate(text):
        cells = cell_len(sign.replace(_BLANK, " "))
        if used + cells > room and n > start:
            end = held if held > start else n
            pieces.append(text[start:end])
            start = end + (text[end] == _BLANK)
            used = cell_len(text[start:n].replace(_BLANK, " "))
        held = n if sign == _BLANK else held
        used += cells
    return [*pieces, text[start:]]


def plain(value: float, glyphs: Glyphs, width: int = LEAST_WIDTH, places: int | None = PLACES) -> str:
    """Return a value that is known not to be negative, as `.64` or `1.00`; a negative one keeps its sign.

    It stands in a column whose numbers have so many places, or alone: None.
    """
    return compact(value, width, False, glyphs.infinity, places)


def signed(value: float, glyphs: Glyphs, width: int = LEAST_WIDTH, places: int | None = PLACES) -> str:
    """Return a value with its sign, as `+.26`, `-1.86`, `+12.3` or `+1e5`; NaN and infinity by name.

    It stands in a column whose numbers have so many places, or alone: None.
    """
    return compact(value, width, True, glyphs.infinity, places)


def first_row(place: int, count: int, rows: int) -> int:
    """Return the first row to draw so that `place` is in sight; it moves in half pages."""
    if count <= rows or rows <= 0:
        return 0
    if place < rows:
        return 0
    half = max(rows // 2, 1)
    return min(((place - rows) // half + 1) * half, count - rows)


def window(place: int, count: int, room: int) -> tuple[int, int]:
    """Return the range of `room` columns that has `place` near its middle and no gap at the ends."""
    room = max(room, 1)
    first = min(max(place - room // 2, 0), max(count - room, 0))
    return first, min(first + room, count)


class Line:
    """A line of fixed width that is filled from the left; what does not fit is cut, cells are counted."""

    __slots__ = ("_parts", "blank", "width", "x")

    def __init__(self, width: int, blank: Style) -> None:
        """Start an empty line `width` cells wide; `blank` styles what nothing is written on."""
        self.width = width
        self.blank = blank
        self.x = 0
        self._parts: list[tuple[str, Style]] = []

    def put(self, text: str, style: Style | None = None) -> Line:
        """Write `text` here and move behind it."""
        length = len(text) if text.isascii() else cell_len(text)
        room = self.width - self.x
        if length > room:
            text, length = set_cell_size(text, max(room, 0)), max(room, 0)
        if not length:
            return self
        style = style or self.blank
        if self._parts and self._parts[-1][1] is style:
            self._parts[-1] = (self._parts[-1][0] + text, style)
        else:
            self._parts.append((text, style))
        self.x += length
        return self

    def to(self, x: int, style: Style | None = None) -> Line:
        """Go to column `x` over blanks; does nothing when already there or beyond."""
        if x > self.x:
            self.put(" " * (x - self.x), style)
        return self

    def right(self, text: str, style: Style | None = None, edge: int | None = None) -> Line:
        """Write `text` so that it ends before column `edge` (the end of the line when None)."""
        end = self.width if edge is None else edge
        return self.to(end - cell_len(text)).put(text, style)

    def extend(self, other: Line) -> Line:
        """Write what another line holds, padded to its width."""
        for text, style in other.parts():
            self.put(text, style)
        return self

    def parts(self) -> Iterable[tuple[str, Style]]:
        """Return the runs of text and style, padded to the width."""
        self.to(self.width)
        return self._parts

    def strip(self) -> Strip:
        """Return the line for Textual."""
        return Strip([Segment(text, style) for text, style in self.parts()], self.width)

    @property
    def plain(self) -> str:
        """The text without styles."""
        return "".join(text for text, _ in self.parts())


@dataclass(frozen=True)
class ClickTarget:
    """What can be chosen: any of a pass, a token, a unit and a value, or a line that is executed."""

    pass_name: str | None = None
    t: int | None = None
    unit: int | None = None
    value: str | None = None
    line: str = ""


@dataclass
class Drawing:
    """Lines of one width, and the targets under (line, first column, column behind the last)."""

    width: int
    height: int
    palette: Palette
    title: str = ""
    note: str = ""
    lines: list[Line] = field(default_factory=list)
    hits: list[tuple[int, int, int, ClickTarget]] = field(default_factory=list)
    shorter: tuple[str, ...] = ()
    """What the note is where it has no room, the longest first."""

    @property
    def full(self) -> bool:
        """Whether no further line fits."""
        return len(self.lines) >= self.height

    @property
    def room(self) -> int:
        """How many lines are left."""
        return max(self.height - len(self.lines), 0)

    def line(self, ground: str = "ground") -> Line:
        """Begin a new line; beyond the height it is written and thrown away."""
        line = Line(self.width, self.palette.style("ink", ground))
        if not self.full:
            self.lines.append(line)
        return line

    def hit(self, first: int, behind: int, target: ClickTarget) -> None:
        """Say what lies under some columns of the newest line."""
        self.hits.append((len(self.lines) - 1, first, behind, target))

    def at(self, x: int, y: int) -> ClickTarget | None:
        """Return what lies at a place; what was said last wins."""
        for line, first, behind, target in reversed(self.hits):
            if line == y and first <= x < behind:
                return target
        return None

    def text(self) -> str:
        """Return the lines without styles, for tests and plain mode."""
        return "\n".join(line.plain.rstrip() for line in self.lines)


_LEAST_NOTE = 12
"""Cells below which a note that does not fit is left out."""


def framed(drawing: Drawing, focused: bool) -> list[Strip]:
    """Return the strips of a pane: its drawing with a frame of one cell on every side.

    A pane that has the focus has heavy corners as well as another colour.
    """
    palette = drawing.palette
    glyphs = palette.glyphs
    edge = palette.style("focus" if focused else "frame")
    corners = glyphs.frame
    width = drawing.width + 2
    blank = palette.style()
    top = Line(width, edge).put(corners[0] + corners[1], edge)
    title = cut(glyphs.say(drawing.title), max(width - 6, 0), glyphs)
    if title:
        number, _, words = title.partition(" ")
        mark = glyphs.cursor if focused else " "
        top.put(mark, edge).put(number + " ", palette.style("accent" if focused else "soft", bold=focused))
        top.put(words + " ", palette.style("title" if focused else "soft", bold=focused))
    room = max(width - top.x - 5, 0)
    notes = [glyphs.say(note) for note in (drawing.note, *drawing.shorter)]
    note = cut(next((one for one in notes if cell_len(one) <= room), notes[-1]), room, glyphs)
    if note and (room >= _LEAST_NOTE or note in notes):
        top.put(corners[1] * (width - top.x - cell_len(note) - 4), edge)
        top.put(f" {note} ", palette.style("faint"))
    top.put(corners[1] * (width - top.x - 1), edge).put(corners[2], edge)
    strips = [top.strip()]
    for n in range(drawing.height):
        line = Line(width, blank).put(corners[3], edge)
        if n < len(drawing.lines):
            line.extend(drawing.lines[n])
        line.to(width - 1).put(corners[3], edge)
        strips.append(line.strip())
    strips.append(Line(width, edge).put(corners[4] + corners[1] * (width - 2) + corners[5], edge).strip())
    return strips
