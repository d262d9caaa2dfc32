"""One line of the screen, written from left to right."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip


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
