"""Pane 5: the memory of every unit at every token, as colours around 0, with numbers where they fit.

Of an edited run each unit stands twice, beside its baseline, with columns aligned by token.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lstm_tui.debugger.inspect.diff import DiffColumn, TraceDiff, ValueDiff, beside_each, rows_at
from lstm_tui.debugger.panes import MEMORY
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, fit, token_label, window
from lstm_tui.tui.canvas.charts import put_heat, shade_of, sign_of
from lstm_tui.tui.canvas.palette import Glyphs, Palette
from lstm_tui.tui.panes.memory_heads import beside_entry, draw_heads
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View

_LABEL = 5
"""Cells of a unit's number with the cursor before it."""
_DIGITS = 3
_NAME = 8
"""Most cells of a unit's name."""
_WIDEST = 9
_NARROW = 3
_NAMED = 4
"""Cells from which on a column is headed by its token."""
_MARKED = 5
"""Cells of a column in which a number and its mark leave no room for an edge."""
_IN_SIGHT = 0.75
"""Part of the tape that is to be in sight; cells are as wide as that allows."""


def draw_heatmap(view: View, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw units down and tokens across, the chosen unit and the current token always in sight."""
    glyphs = palette.glyphs
    passed, name = view.passed, view.memory_name
    half = view.facts.half(view.pass_name, name)
    drawing = Drawing(width, height, palette, f"{number} memory {view.letter}")
    direction = passed.direction
    drawing.note = f"{direction}   {glyphs.minus}{axis_end(half)} {glyphs.more} +{axis_end(half)}"
    count = view.facts.length
    named = _name_room(
        view,
        lambda names: _cells(width - _LABEL - 1 - names, count),
        lambda cells, names: cells >= _NARROW and cells * count < width - _LABEL - names,
    )
    label = _LABEL + named
    room = max(width - label - 1, 1)
    cell = _cells(room, count)
    first_t, last_t = window(view.cursor_t, count, room // cell)
    chosen = view.unit
    units, _ = view.units_in_sight(view.pass_name, max(height - 1, 0))
    values = passed[name][first_t:last_t][:, units]
    shades = shade_of(values, half)
    marks = _marks(view, first_t, last_t, units, palette)
    _head(drawing.line(), view, first_t, last_t, cell, palette, label)
    drawing.hits.extend(
        (0, label + n * cell, label + (n + 1) * cell, ClickTarget(t=first_t + n)) for n in range(last_t - first_t)
    )
    ready = [view.trace.is_ready(view.pass_name, t) for t in range(first_t, last_t)]
    for row, unit in enumerate(units):
        line = drawing.line()
        here = int(unit) == chosen
        ground = "row" if here else "ground"
        mark = glyphs.cursor if here else " "
        line.put(mark, palette.style("focus", ground, bold=True))
        ink = "ink" if here or view.frame.names.name(view.pass_name, int(unit)) else "faint"
        line.put(f"{_unit_text(view, int(unit), named, glyphs)} ", palette.style(ink, ground, bold=here))
        for column in range(last_t - first_t):
            t = first_t + column
            edge = glyphs.edge if cell > 1 and t in (view.t, view.t + 1) else ""
            if here and t == view.cursor_t and view.place is not None and cell > 1:
                edge = glyphs.cursor
            if not ready[column] or view.is_veiled(t):
                line.put(glyphs.dot.center(cell)[:cell], palette.style("faint"))
                continue
            faded = not view.has_reached(view.pass_name, t)
            value, shade = float(values[column, row]), int(shades[column, row])
            mark, ink = marks[column][row]
            edge = edge if cell - len(mark) > 1 and not (mark and cell == _MARKED) else ""
            put_heat(line, value, shade, cell - len(mark), half, palette, faded, edge, bool(mark))
            if mark:
                line.put(mark, palette.style(ink, "track") if palette.ramp else palette.diverging(faded)[max(shade, 0)])
        if view.t + 1 == last_t and cell > 1:
            line.put(glyphs.edge, palette.style("ink"))
        for column in range(last_t - first_t):
            x = label + column * cell
            drawing.hit(x, x + cell, ClickTarget(pass_name=view.pass_name, t=first_t + column, unit=int(unit)))
        drawing.hit(0, label, ClickTarget(pass_name=view.pass_name, unit=int(unit)))
    return drawing


def _cells(room: int, count: int) -> int:
    """Return the cells of a token: as many as all of them leave room for, or fewer than would show a number."""
    cell = min(max(room, 1) // count, _WIDEST)
    if cell < _NARROW:
        cell = next(cells for cells in (3, 2, 1) if cells == 1 or room // cells >= count * _IN_SIGHT)
    return cell


def _name_room(view: View, cell_with: Callable[[int], int], fits: Callable[[int, int], bool]) -> int:
    """Return the cells that names of units take beside their numbers, or more than those in their place.

    Where every token stays in sight a name stands behind the number, else in its place; without names it is 0, and
    where tokens would become too narrow to be told apart.

    Args:
        view: What is shown.
        cell_with: Returns the cells that a token has where so many are taken by names.
        fits: Says whether all tokens of so many cells are in sight where so many are taken by names.
    """
    longest = min(view.frame.names.longest(view.pass_name), _NAME)
    if not longest:
        return 0
    if fits(cell_with(longest + 1), longest + 1):
        return longest + 1
    instead = max(longest - _DIGITS, 0)
    return instead if cell_with(instead) >= min(cell_with(0), _NARROW) else 0


def _unit_text(view: View, unit: int, room: int, glyphs: Glyphs) -> str:
    """Return a unit in the cells of its number and so many more."""
    name = glyphs.say(view.frame.names.name(view.pass_name, unit))
    longest = min(view.frame.names.longest(view.pass_name), _NAME)
    if name and room > longest:
        return f"{unit:>{_DIGITS}} {fit(name, room - 1, glyphs)}"
    if name and _DIGITS + room >= longest:
        return fit(name, _DIGITS + room, glyphs)
    return f"{unit:>{_DIGITS}}" + " " * room


def _marks(view: View, first: int, last: int, units: list[int], palette: Palette) -> list[list[tuple[str, str]]]:
    """Return the sign and its ink of each value in sight, by token and unit: edited, changed by an edit, or neither."""
    difference = view.frame.difference
    if difference is None:
        return [[("", "")] * len(units)] * (last - first)
    columns = [DiffColumn(difference.origins[t], t) for t in range(first, last)]
    found = beside_each(difference, view.pass_name, view.memory_name, columns)
    return [[_mark(one, unit, palette) for unit in units] for one in found if one is not None]


def _mark(found: ValueDiff, unit: int, palette: Palette) -> tuple[str, str]:
    sign, ink = sign_of(found, unit, palette)
    return sign.strip(), ink


def _head(line: Line, view: View, first: int, last: int, cell: int, palette: Palette, label: int) -> None:
    line.put(" " * label)
    for t in range(first, last):
        here = t == view.t
        style = palette.style("ink" if here else "focus" if t == view.cursor_t else "soft", bold=here)
        if cell >= _NAMED:
            line.put(fit(view.short_label(t, palette), cell - 1, palette.glyphs, right=cell > 5) + " ", style)
        elif here:
            line.put(palette.glyphs.mark.ljust(cell), style)
        else:
            line.put((palette.glyphs.dot if t % 5 == 0 else " ").ljust(cell), style)


_BESIDE_LABEL = 5
_BESIDE_WIDEST, _BESIDE_NARROW, _BESIDE_NAMED = 9, 3, 4
_FITS = 5
"""Cells in which a number stands alone, without an edge beside it."""
_TRIPLE = 15
"""Rows from which on a unit has a third one: by how much it changed."""


def draw_heatmap_beside(view: View, difference: TraceDiff, width: int, height: int, palette: Palette,
                        number: int) -> Drawing:  # fmt: skip
    """Draw units in groups of rows - edited, before, and their difference where there is room - over one tape."""
    glyphs, half = palette.glyphs, view.facts.half(view.pass_name, view.memory_name)
    drawing = Drawing(width, height, palette, f"{number} memory {view.letter} {glyphs.dot} edited and baseline")
    drawing.note = f"{glyphs.minus}{axis_end(half)} {glyphs.more} +{axis_end(half)}"
    columns = difference.columns
    named = _name_room(
        view,
        lambda names: _beside_cells(width - _BESIDE_LABEL - names, len(columns)),
        lambda cells, names: cells >= _NARROW and cells * len(columns) <= width - _BESIDE_LABEL - names,
    )
    label = _BESIDE_LABEL + named
    room = max(width - label, 1)
    cell = _beside_cells(room, len(columns))
    first, last = window(columns.of_place(view.cursor_t), len(columns), room // cell)
    sight = columns[first:last]
    rows = 3 if height >= _TRIPLE else 2
    units, _ = view.units_in_sight(view.pass_name, max((height - 1) // rows, 1))
    now = rows_at(difference.after[view.pass_name][view.memory_name], [column.after for column in sight])
    then = rows_at(difference.before[view.pass_name][view.memory_name], [column.before for column in sight])
    found = beside_each(difference, view.pass_name, view.memory_name, sight)
    _beside_head(drawing, view, difference, sight, cell, label)
    for unit in units:
        with np.errstate(all="ignore"):
            kinds = (("", now[:, unit]), ("was", then[:, unit]), ("Δ", now[:, unit] - then[:, unit]))
        for kind, values in kinds[:rows]:
            _beside_row(drawing, view, sight, found, cell, int(unit), kind, values, half, named)
    return drawing


def _beside_row(drawing: Drawing, view: View, sight: tuple[DiffColumn, ...], found: list[ValueDiff | None], cell: int,
                unit: int, kind: str, values: np.ndarray, half: float, named: int) -> None:  # fmt: skip
    palette, glyphs, line = drawing.palette, drawing.palette.glyphs, drawing.line()
    chosen = unit == view.unit and not kind
    ground = "row" if chosen else "ground"
    line.put(glyphs.cursor if chosen else " ", palette.style("focus", ground, bold=True))
    name = _unit_text(view, unit, named, glyphs) if not kind else glyphs.say(kind)[:4].rjust(4)
    ink = "ink" if chosen else "soft" if not kind else "faint"
    line.put(fit(name, _BESIDE_LABEL + named - 1, glyphs), palette.style(ink, ground, bold=chosen))
    shades = shade_of(values, half)
    for n, column in enumerate(sight):
        missing = (column.before if kind == "was" else column.after) is None
        if missing or (kind == "Δ" and column.before is None):
            line.put((glyphs.gone if column.after is None else "+").center(cell)[:cell], palette.style("faint"))
        elif kind == "Δ" and values[n] == 0:
            line.put(glyphs.dot.center(cell)[:cell], palette.style("faint"))
        else:
            _value(line, view, column, float(values[n]), int(shades[n]), cell, half, palette, kind, found[n], unit)
        if column.after is not None:
            drawing.hit(line.x - cell, line.x, ClickTarget(pass_name=view.pass_name, t=column.after, unit=unit))
    drawing.hit(0, _BESIDE_LABEL + named, ClickTarget(pass_name=view.pass_name, unit=unit))


def _value(line: Line, view: View, column: DiffColumn, value: float, shade: int, cell: int, half: float,
           palette: Palette, kind: str, found: ValueDiff | None, unit: int) -> None:  # fmt: skip
    glyphs = palette.glyphs
    mark, ink = "", ""
    if not kind and found is not None:
        mark, ink = _mark(found, unit, palette)
    spare = cell - len(mark) > _FITS or 2 < cell < _FITS  # an edge takes no cell from a number
    edge = glyphs.edge if spare and column.after == view.t else ""
    if not kind and column.after == view.cursor_t and view.place is not None and cell > 2:
        edge = glyphs.cursor
    put_heat(line, value, shade, cell - len(mark), half, palette, False, edge, bool(mark))
    if mark:
        line.put(mark, palette.style(ink, "track") if palette.ramp else palette.diverging()[max(shade, 0)])


def _beside_head(
    drawing: Drawing, view: View, difference: TraceDiff, sight: tuple[DiffColumn, ...], cell: int, label: int
) -> None:
    palette, glyphs, line = drawing.palette, drawing.palette.glyphs, drawing.line()
    line.put(" " * label)
    for n, column in enumerate(sight):
        here = column.after == view.t
        style = palette.style("ink" if here else "alarm" if column.after is None else "soft", bold=here)
        if cell < _BESIDE_NAMED:
            sign = (
                glyphs.mark if here else glyphs.gone if column.after is None else "+" if column.before is None else " "
            )
            line.put(sign.ljust(cell), style)
        else:
            line.put(fit(_label(view, difference, column, palette), cell - 1, glyphs, right=cell > 5) + " ", style)
        if column.after is not None:
            x = label + n * cell
            drawing.hit(x, x + cell, ClickTarget(t=column.after))


def _beside_cells(room: int, count: int) -> int:
    """Return the cells of a token of two runs."""
    room = max(room, 1)
    narrow = _BESIDE_NARROW if room // _BESIDE_NARROW >= count * 0.5 else 1
    return max(min(room // count, _BESIDE_WIDEST), narrow)


def _label(view: View, difference: TraceDiff, column: DiffColumn, palette: Palette) -> str:
    glyphs = palette.glyphs
    if column.after is None:
        assert column.before is not None
        return glyphs.gone + token_label(difference.before.sequence.tokens[column.before], glyphs)
    label = view.short_label(column.after, palette)
    new = column.before is None or difference.replaced(column.after)
    return f"{glyphs.edited}{label}" if new else label


class Heatmap(Pane):
    """Units down, tokens across; of a memory that is a matrix, rows and columns of every head."""

    NUMBER, WORD = MEMORY.number, MEMORY.word

    def needs(self, view: View) -> str | None:
        """Return the pass that is drawn."""
        return view.pass_name

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the map; of a memory that is a matrix a head, its heads at one token."""
        shape = view.passed.shape_of(view.memory_name)
        if shape is not None:
            return draw_heads(view, shape, width, height, palette, self.NUMBER)
        if view.baseline is not None and view.memory_name in view.baseline.before[view.pass_name]:
            return draw_heatmap_beside(view, view.baseline, width, height, palette, self.NUMBER)
        return draw_heatmap(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose another token to look at, or another unit; of a matrix another row or column."""
        shape = self.view.passed.shape_of(self.view.memory_name)
        if shape is not None:
            self.post_message(self.Chosen(beside_entry(self.view, shape, right, down)))
            return
        self.post_message(self.Chosen(around(self.view, right, down)))


def around(view: View, right: int, down: int) -> ClickTarget:
    """Return the token and the unit beside those under the cursor."""
    ranking = list(view.ranking(view.pass_name))
    place = min(max(ranking.index(view.unit) + down, 0), len(ranking) - 1)
    t = min(max(view.cursor_t + right, 0), view.facts.length - 1)
    return ClickTarget(pass_name=view.pass_name, t=t if right else None, unit=int(ranking[place]) if down else None)
