"""Curves in the cells of a terminal: eight dots of braille a cell, or one sign where a terminal has no braille."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.style import Style

from lstm_tui.engine.arrays import Array
from lstm_tui.tui.canvas.canvas import Line

DOTS_ACROSS, DOTS_DOWN = 2, 4
_BRAILLE = 0x2800
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille sign, by row and column."""


class Raster:
    """A field of dots, some columns and rows of cells large, into which curves are drawn one over the other.

    Attributes:
        width: Cells across.
        height: Cells down.
        across: Dots of a cell across.
        down: Dots of a cell down.
    """

    def __init__(self, width: int, height: int, smooth: bool) -> None:
        """Begin empty; `smooth` says whether the terminal has braille."""
        self.width, self.height = width, height
        self.across, self.down = (DOTS_ACROSS, DOTS_DOWN) if smooth else (1, 1)
        self._smooth = smooth
        self._dots: dict[tuple[int, int], int] = {}
        self._styles: dict[tuple[int, int], Style] = {}

    def row_of(self, value: float, low: float, high: float) -> int:
        """Return the row of dots of a value on an axis, from 0 at the top; what lies beyond is on the edge."""
        last = self.height * self.down - 1
        part = (value - low) / (high - low)
        return last - min(max(math.floor(part * last + 0.5), 0), last)

    def dot(self, x: int, y: int, style: Style) -> None:
        """Set one dot."""
        if not (0 <= x < self.width * self.across and 0 <= y < self.height * self.down):
            return
        cell = (x // self.across, y // self.down)
        bit = _BITS[y % self.down][x % self.across] if self._smooth else 1
        self._dots[cell] = self._dots.get(cell, 0) | bit
        self._styles[cell] = style

    def curve(
        self,
        places: Sequence[int],
        values: Array,
        axis: tuple[float, float],
        style: Style,
        dotted: bool = False,
    ) -> None:
        """Draw straight pieces from value to value; where one is not finite there is none to it and from it.

        Args:
            places: The column of dots of each value, growing.
            values: As many, (T,).
            axis: Its lower and its upper end.
            style: How the cells of the curve are drawn.
            dotted: Whether every other dot between the values is left out.
        """
        before: tuple[int, int] | None = None
        for x, value in zip(places, map(float, values), strict=True):
            if not math.isfinite(value):
                before = None
                continue
            here = (x, self.row_of(value, *axis))
            self.dot(*here, style)
            if before is not None:
                steps = max(abs(here[0] - before[0]), abs(here[1] - before[1]))
                for n in range(1, steps):
                    if not (dotted and n % 2):
                        part = n / steps
                        self.dot(
                            round(before[0] + part * (here[0] - before[0])),
                            round(before[1] + part * (here[1] - before[1])), style,
                        )  # fmt: skip
            before = here

    def put(self, line: Line, row: int, blank: Style, mark: int | None = None, marked: Style | None = None) -> None:
        """Write one row of cells; the column of cells `mark` has another ground."""
        for x in range(self.width):
            dots = self._dots.get((x, row), 0)
            sign = (chr(_BRAILLE + dots) if self._smooth else "*") if dots else " "
            style = self._styles.get((x, row), blank)
            if x == mark and marked is not None:
                style = style + Style(bgcolor=marked.bgcolor) if dots else marked
            line.put(sign, style)


def dots_in(sign: str) -> set[tuple[int, int]]:
    """Return the dots of a braille sign, by column and row."""
    bits = ord(sign) - _BRAILLE if sign and 0 <= ord(sign) - _BRAILLE < 256 else 0
    return {(x, y) for y, row in enumerate(_BITS) for x, bit in enumerate(row) if bits & bit}
