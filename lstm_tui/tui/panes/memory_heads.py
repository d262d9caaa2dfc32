"""A memory that is a matrix a head, at one token: the heat of every head, rows down and columns across."""

from __future__ import annotations

from lstm_tui.debugger.inspect.diff import beside
from lstm_tui.engine.compiler.ops import Shape
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, fit, window
from lstm_tui.tui.canvas.charts import put_heat, shade_of, sign_of
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import View

_LABEL = 4
"""Cells of a row's number with the cursor before it."""
_WIDEST, _NARROW = 6, 2
"""Cells of an entry: with its number, or a shade that can still be told from its neighbours."""
_GAP = 2


@dataclass(frozen=True)
class _Grid:
    """Which entries of which heads are drawn, and how wide.

    Attributes:
        heads: The heads, in the order drawn.
        beside: How many of them stand in one row of heads.
        cell: Cells of an entry.
        rows: First row and the one after the last.
        columns: First column and the one after the last.
    """

    heads: range
    beside: int
    cell: int
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def width(self) -> int:
        """Cells of one head with the gap behind it."""
        return _LABEL + (self.columns[1] - self.columns[0]) * self.cell + _GAP


def draw_heads(view: View, shape: Shape, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw every head that fits, that of the chosen unit always."""
    glyphs = palette.glyphs
    name, t = view.memory_name, view.cursor_t
    half = view.facts.half(view.pass_name, name)
    drawing = Drawing(width, height, palette, f"{number} memory {view.letter}[{shape.written(view.unit)}]")
    drawing.note = f"t={t}   {glyphs.minus}{axis_end(half)} {glyphs.more} +{axis_end(half)}"
    if not view.trace.is_ready(view.pass_name, t):
        drawing.line().put(" not computed yet", palette.style("faint"))
        return drawing
    head, row, column = shape.place(view.unit)
    grid = _grid(shape, (head, row, column), width, height)
    values = view.passed[name][t]
    shades = shade_of(values, half)
    difference = view.frame.difference
    found = None if difference is None else beside(difference, view.pass_name, name, t)
    faded = not view.has_reached(view.pass_name, t)
    for start in range(grid.heads.start, grid.heads.stop, grid.beside):
        some = range(start, min(start + grid.beside, grid.heads.stop))
        if shape.heads > 1 and height > 1:
            line = drawing.line()
            for n, one in enumerate(some):
                line.to(n * grid.width).put(" " * _LABEL, palette.style("faint"))
                line.put(f"head {one}", palette.style("ink" if one == head else "soft", bold=one == head))
        for place in range(*grid.rows):
            line = drawing.line()
            for n, one in enumerate(some):
                here = one == head and place == row
                line.to(n * grid.width)
                line.put(glyphs.cursor if here else " ", palette.style("focus", bold=True))
                line.put(fit(f"{place:>2}", _LABEL - 2, glyphs) + " ", palette.style("ink" if here else "faint"))
                for across in range(*grid.columns):
                    unit = shape.unit(one, place, across)
                    mark, ink = sign_of(found, unit, palette)
                    mark = mark.strip() if grid.cell > 1 else ""
                    chosen = here and across == column
                    edge = glyphs.cursor if chosen and grid.cell > 1 else ""
                    room = grid.cell - len(mark)
                    value, shade = float(values[unit]), int(shades[unit])
                    put_heat(line, value, shade, room, half, palette, faded, edge if room > 1 else "", bool(mark))
                    if mark:
                        ground = palette.diverging(faded)[max(shade, 0)]
                        line.put(mark, palette.style(ink, "track") if palette.ramp else ground)
                    drawing.hit(line.x - grid.cell, line.x, ClickTarget(pass_name=view.pass_name, unit=unit))
    return drawing


def _grid(shape: Shape, chosen: tuple[int, int, int], width: int, height: int) -> _Grid:
    head, row, column = chosen
    title = 1 if shape.heads > 1 and height > 1 else 0
    room = max(width - _LABEL, 1)
    together = max(room // shape.columns, 1)  # one head alone in the width
    cell = min(max(together, _NARROW), _WIDEST)
    while cell > _NARROW and not _fits(shape, cell, title, width, height):
        cell -= 1
    if cell == _NARROW and _NARROW * shape.columns > room:
        cell = 1
    columns = window(column, shape.columns, max(room // cell, 1))
    rows = window(row, shape.rows, max(height - title, 1))
    beside = max((width + _GAP) // (_LABEL + (columns[1] - columns[0]) * cell + _GAP), 1)
    tall = max(height // (rows[1] - rows[0] + title), 1)
    first, last = window(head, shape.heads, beside * tall)
    return _Grid(range(first, last), beside, cell, rows, columns)


def _fits(shape: Shape, cell: int, title: int, width: int, height: int) -> bool:
    """Say whether all heads are in sight with entries so wide."""
    beside = (width + _GAP) // (_LABEL + shape.columns * cell + _GAP)
    return beside > 0 and -(-shape.heads // beside) * (shape.rows + title) <= height


def beside_entry(view: View, shape: Shape, right: int, down: int) -> ClickTarget:
    """Return the entry in the next row or column of the same head, or of the next where a head ends."""
    head, row, column = shape.place(view.unit)
    row, column = row + down, column + right
    if not 0 <= row < shape.rows:
        head, row = head + (1 if row > 0 else -1), 0 if row > 0 else shape.rows - 1
    if not (0 <= head < shape.heads and 0 <= column < shape.columns):
        return ClickTarget(pass_name=view.pass_name, unit=view.unit)
    return ClickTarget(pass_name=view.pass_name, unit=shape.unit(head, row, column))
