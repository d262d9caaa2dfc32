"""One slot of what a step does: a word, a thick bar and a number, three lines high or, where room is short, one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

from rich.cells import cell_len
from rich.style import Style

from lstm_tui.tui.render.drawing import Drawing
from lstm_tui.tui.render.label import cut
from lstm_tui.tui.render.large import LINES, put_large, width_of
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette

WIDE, _MIDDLE = 140, 110
"""Cells of the screen from which on all words are large, and from which on those of the sum are."""
_SIGNS = 2
"""Cells behind a number."""
_LETTER, _WORD = 7, 20
"""Cells of the largest letters and of the largest word beside them."""


@dataclass
class Slot:
    """Writes from left to right on the lines of a slot.

    Attributes:
        lines: One or three.
        palette: Colours and signs.
        screen: Cells of the whole screen.
        signed: Whether its number has a sign.
    """

    lines: list[Line]
    palette: Palette
    screen: int
    signed: bool = True

    @classmethod
    def on(cls, drawing: Drawing, high: int) -> Slot:
        """Begin a slot of so many lines."""
        return cls([drawing.line() for _ in range(high)], drawing.palette, drawing.width)

    @property
    def large(self) -> bool:
        """Whether it is three lines high."""
        return len(self.lines) == LINES

    @property
    def x(self) -> int:
        """The column behind what is written."""
        return max(line.x for line in self.lines)

    def to(self, x: int) -> None:
        """Go to a column."""
        for line in self.lines:
            line.to(x)

    def gate(self, letter: str, word: str, ink: str, chosen: bool, signed: bool) -> None:
        """Write the letter of a gate and what it does, in columns of their own."""
        self.signed = signed
        narrow, wide, glyphs = self.screen < _MIDDLE, self.screen >= WIDE and self.large, self.palette.glyphs
        self._cursor(chosen)
        end = self.x + (6 if narrow else 8)
        strong = self.palette.style(ink, bold=True)
        self._put(cut(letter, _LETTER, glyphs), strong, width_of(letter, glyphs) <= _LETTER)
        self.to(end)
        word = glyphs.say(word)
        quiet = self.palette.style("title" if chosen else "ink", bold=True)
        self._put(cut(word, 6 if narrow else 7, glyphs), quiet, wide and width_of(word, glyphs) <= _WORD)
        self.to(end + (_WORD + 1 if wide else 6 if narrow else 7))

    def word(self, word: str, ink: str, chosen: bool = False, least: int = _MIDDLE) -> None:
        """Write what a part of the sum is, large on a screen of at least so many cells."""
        glyphs, self.signed = self.palette.glyphs, True
        self._cursor(chosen)
        room = 28 if self.large and self.screen >= least else 8 if self.screen < _MIDDLE else 11
        word = glyphs.say(word)
        end = self.x + room
        large = room > 11 and width_of(word, glyphs) < room
        self._put(cut(word, room - 1, glyphs), self.palette.style(ink, bold=True), large)
        self.to(end)

    def bar(self, end: int, put: Callable[[Line, int], None], caption: tuple[str, ...] = ()) -> None:
        """Have a bar written up to where the number begins whose slot ends at `end`, and a caption under it."""
        start, width = self.x, max((end - self.x - self._number_room - _SIGNS) // 2 * 2, 2)
        for line in self.lines[: 2 if self.large else 1]:
            put(line, width)
        if self.large and caption:
            texts = [self.palette.glyphs.say(text) for text in caption]
            text = next((text for text in texts if cell_len(text) <= width), texts[-1])
            self.lines[-1].to(start).put(cut(text, width, self.palette.glyphs), self.palette.style("soft"))

    def number(self, text: str, value: float | None, end: int, sign: tuple[str, str] = ("", "ink")) -> None:
        """Write a number so that it ends near `end`, and behind it a sign in its ink."""
        style = self.palette.style("title" if value is None or isfinite(value) else "alarm", bold=True)
        edge = end - _SIGNS
        large = self.large and width_of(text, self.palette.glyphs) <= self._number_room
        self.to(edge - (width_of(text, self.palette.glyphs) if large else cell_len(text)))
        self._put(text, style, large)
        self.to(edge)
        self.lines[0].put(f" {sign[0]}"[:_SIGNS], self.palette.style(sign[1], bold=True))

    @property
    def _number_room(self) -> int:
        return width_of("+1.00" if self.signed else "1.00", self.palette.glyphs) + 1 if self.large else 6

    def _cursor(self, chosen: bool) -> None:
        for n, line in enumerate(self.lines):
            mark = self.palette.glyphs.cursor if chosen and n == len(self.lines) // 2 else " "
            line.put(f"{mark} ", self.palette.style("focus", bold=True))

    def _put(self, text: str, style: Style, large: bool) -> None:
        if large and self.large:
            put_large(self.lines, text, style, self.palette.glyphs)
        else:
            self.lines[len(self.lines) // 2].put(text, style)
