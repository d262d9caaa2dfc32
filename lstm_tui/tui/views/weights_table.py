"""The weight editor: the parameters by name on the left, one of them as a heat map with numbers on the right."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len

from lstm_tui.debugger.inspect.diff import differ
from lstm_tui.debugger.inspect.parameter_tables import ParameterTable, column_name, is_in, row_name
from lstm_tui.debugger.inspect.scale import nice_scale
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import axis_end, axis_places
from lstm_tui.tui.canvas.canvas import Drawing, Line, cut, first_row, fit, signed, window
from lstm_tui.tui.canvas.charts import put_heat, shade_of
from lstm_tui.tui.canvas.palette import Palette

LIST = 34
"""Cells of the list of parameters."""
_WITH_LIST = 100
"""Cells from which on there is a list."""
_CELL = 7
_MOST_NAME = 14
_ENOUGH = 1_000_000
"""Numbers from which a colour scale is made; of more, rows at regular distances are taken."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What the weight editor shows.

    Attributes:
        network: With the edits in force.
        opened: Without them.
        sheets: Every table.
        chosen: Number of the one that is shown.
        order: How its rows are ordered.
        rows: Its rows in that order, those a filter lets through.
        row: Place of the cursor among them.
        column: Column of the cursor.
        change: Whether changes are shown instead of numbers.
        half: Half width of the colour scale.
        edited: Names of the parameters that were edited.
    """

    network: Network
    opened: Network
    sheets: tuple[ParameterTable, ...]
    chosen: int
    order: str
    rows: Array
    row: int
    column: int
    change: bool
    half: float
    edited: frozenset[str]

    @property
    def sheet(self) -> ParameterTable:
        """The table that is shown."""
        return self.sheets[self.chosen]


def half_of(numbers: Array) -> float:
    """Return the half width of a colour scale that holds nearly all numbers; a few large ones do not make it dark."""
    some = numbers[:: max(numbers.size // _ENOUGH, 1)]
    finite = np.abs(some[np.isfinite(some)])
    return nice_scale(float(np.quantile(finite, 0.98)) if finite.size else 1.0, least=0.05)


def draw_weights(weights: Weights, width: int, height: int, palette: Palette) -> tuple[Drawing, CellPlaces]:
    """Draw the list and the table.

    Returns:
        The drawing, and for the mouse what lies where.
    """
    drawing = Drawing(width, height, palette)
    left = LIST if width >= _WITH_LIST else 0
    places = CellPlaces(left)
    table = _Table(weights, width - left, height, palette, places, left)
    first = first_row(weights.chosen, len(weights.sheets), height)
    for n in range(height):
        line = drawing.line()
        if left:
            _name(line, weights, first + n, left, palette)
            places.names.append(first + n)
        line.to(left)
        table.put(line, n)
    return drawing, places


class CellPlaces:
    """What lies where, for the mouse."""

    def __init__(self, left: int) -> None:
        """Nothing is drawn yet; the table begins behind so many cells."""
        self.left = left
        self.names: list[int] = []
        self.rows: list[int] = []
        self.columns: list[tuple[int, int, int]] = []


def _name(line: Line, weights: Weights, number: int, width: int, palette: Palette) -> None:
    if number >= len(weights.sheets):
        return
    sheet, glyphs = weights.sheets[number], palette.glyphs
    here = number == weights.chosen
    ground = "row" if here else "ground"
    edited = any(name in weights.edited for name in sheet.tensors)
    size = f"{sheet.rows}×{sheet.columns}"
    line.put(glyphs.cursor if here else " ", palette.style("focus", ground, bold=True))
    line.put(glyphs.edited if edited else " ", palette.style("key", ground, bold=True))
    room = width - 4 - cell_len(glyphs.say(size)) - 1
    line.put(fit(sheet.name, room, glyphs), palette.style("title" if here else "ink", ground, bold=here))
    line.put(f" {glyphs.say(size)}", palette.style("faint", ground)).to(width - 1, palette.style("ink", ground))


class _Table:
    """The table of one sheet: a heading of columns, then a row of coloured numbers each."""

    def __init__(
        self, weights: Weights, width: int, height: int, palette: Palette, places: CellPlaces, left: int
    ) -> None:
        self.weights, self.width, self.palette = weights, width, palette
        self.glyphs, self.places, self.left = palette.glyphs, places, left
        sheet, rows = weights.sheet, max(height - 2, 1)
        first = first_row(weights.row, len(weights.rows), rows)
        self.rows = [int(row) for row in weights.rows[first : first + rows]]
        names = [row_name(weights.network, sheet, row) for row in self.rows]
        self.label = min(max(map(cell_len, names), default=2), _MOST_NAME) + 3
        self.names = names
        fitting = max((width - self.label - 1) // _CELL, 1)
        self.first, self.last = window(weights.column, sheet.columns, fitting)
        self.now = sheet.window(weights.network, self.rows, self.first, self.last)
        self.new = not is_in(weights.opened, sheet)
        self.before = self.now if self.new else sheet.window(weights.opened, self.rows, self.first, self.last)
        with np.errstate(all="ignore"):
            shown = self.now - self.before if weights.change else self.now
            self.marked = differ(self.now, self.before) | self.new
        self.shown, self.shades = shown, shade_of(shown, weights.half)

    def put(self, line: Line, n: int) -> None:
        if n == 0:
            self._title(line)
        elif n == 1:
            self._head(line)
        elif n - 2 < len(self.rows):
            self._row(line, n - 2)
            self.places.rows.append(self.rows[n - 2])

    def _title(self, line: Line) -> None:
        weights, sheet, glyphs = self.weights, self.weights.sheet, self.glyphs
        line.put(" " + cut(sheet.name, self.width // 2, glyphs), self.palette.style("title", bold=True))
        words = f"  {sheet.words}" + (f"  {glyphs.say('Δ')} to what was opened" if weights.change else "")
        order = {"index": "by number", "size": "by size", "change": "by change"}[weights.order]
        few = "" if len(weights.rows) == sheet.rows else f"{len(weights.rows)} of "
        note = f"{order}   {few}{sheet.rows} rows   {glyphs.plus_minus}{axis_end(weights.half)} "
        line.put(cut(words, max(line.width - line.x - cell_len(note) - 2, 0), glyphs), self.palette.style("soft"))
        line.right(note, self.palette.style("faint"))

    def _head(self, line: Line) -> None:
        line.put(" " * self.label)
        for column in range(self.first, self.last):
            here = column == self.weights.column
            text = fit(column_name(self.weights.network, self.weights.sheet, column), _CELL - 2, self.glyphs, True)
            self.places.columns.append((line.x, line.x + _CELL, column))
            line.put(f" {text} ", self.palette.style("title" if here else "soft", bold=here))
        rest = self.weights.sheet.columns - self.last
        if rest and line.width - line.x > 1:
            line.put(self.glyphs.more, self.palette.style("faint"))

    def _row(self, line: Line, n: int) -> None:
        weights, palette = self.weights, self.palette
        here = self.rows[n] == int(weights.rows[weights.row])
        ground = "row" if here else "ground"
        line.put(self.glyphs.cursor if here else " ", palette.style("focus", ground, bold=True))
        line.put(fit(self.names[n], self.label - 2, self.glyphs, right=True) + " ", palette.style(
            "title" if here else "soft", ground, bold=here))  # fmt: skip
        for column in range(self.first, self.last):
            place = (n, column - self.first)
            value, marked = float(self.shown[place]), bool(self.marked[place])
            mark = self.glyphs.edited if marked else ""
            if here and column == weights.column:
                text = signed(value, self.glyphs, places=axis_places(weights.half)).rjust(_CELL - 1 - len(mark))
                line.put((text + mark).ljust(_CELL), palette.style("ground", "focus", bold=True))
                continue
            if weights.change and not marked:
                line.put(self.glyphs.dot.rjust(_CELL - 1).ljust(_CELL), palette.style("faint", "track"))
                continue
            put_heat(line, value, int(self.shades[place]), _CELL - len(mark), weights.half, palette)
            line.put(mark, palette.style("key", "ground", bold=True))
