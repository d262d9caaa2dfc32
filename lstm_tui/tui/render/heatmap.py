"""The memory of every unit at every token, as colours around 0 with numbers where they fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.beside import beside
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.heat import put_heat, shade_of
from lstm_tui.tui.render.label import fit
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.scroll import window
from lstm_tui.tui.view import View

_LABEL = 5
"""Cells of a unit's number with the cursor before it."""
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
    count, room = view.facts.length, max(width - _LABEL - 1, 1)
    cell = min(room // count, _WIDEST)
    if cell < _NARROW:
        cell = next(cells for cells in (3, 2, 1) if cells == 1 or room // cells >= count * _IN_SIGHT)
    first_t, last_t = window(view.cursor_t, count, room // cell)
    chosen = view.unit
    units, _ = view.units_in_sight(view.pass_name, max(height - 1, 0))
    values = passed[name][first_t:last_t][:, units]
    shades = shade_of(values, half)
    changed = _changed(view, first_t, last_t, units)
    reached = view.reached_tokens(view.pass_name)
    _head(drawing.line(), view, first_t, last_t, cell, palette)
    drawing.hits.extend(
        (0, _LABEL + n * cell, _LABEL + (n + 1) * cell, Target(t=first_t + n)) for n in range(last_t - first_t)
    )
    for row, unit in enumerate(units):
        line = drawing.line()
        here = int(unit) == chosen
        ground = "row" if here else "ground"
        mark = glyphs.cursor if here else " "
        line.put(mark, palette.style("focus", ground, bold=True))
        line.put(f"{unit:>3} ", palette.style("ink" if here else "faint", ground, bold=here))
        for column in range(last_t - first_t):
            t = first_t + column
            edge = glyphs.edge if cell > 1 and t in (view.t, view.t + 1) else ""
            if here and t == view.cursor_t and view.place is not None and cell > 1:
                edge = glyphs.cursor
            faded = not reached[t]
            value, shade = float(values[column, row]), int(shades[column, row])
            mark = glyphs.changed if changed[column, row] else ""
            edge = edge if cell - len(mark) > 1 and not (mark and cell == _MARKED) else ""
            put_heat(line, value, shade, cell - len(mark), half, palette, faded, edge, bool(mark))
            if mark:
                line.put(
                    mark, palette.style("soft", "track") if palette.ramp else palette.diverging(faded)[max(shade, 0)]
                )
        if view.t + 1 == last_t and cell > 1:
            line.put(glyphs.edge, palette.style("ink"))
        for column in range(last_t - first_t):
            x = _LABEL - 1 + column * cell
            drawing.hit(x, x + cell, Target(pass_name=view.pass_name, t=first_t + column, unit=int(unit)))
        drawing.hit(0, _LABEL - 1, Target(pass_name=view.pass_name, unit=int(unit)))
    return drawing


def _changed(view: View, first: int, last: int, units: list[int]) -> NDArray[np.bool_]:
    """Return which of the values in sight an edit has changed, (tokens, units)."""
    difference = view.frame.difference
    if difference is None:
        return np.zeros((last - first, len(units)), dtype=np.bool_)
    rows = [beside(difference, view.pass_name, view.memory_name, t).changed[units] for t in range(first, last)]
    return np.array(rows, dtype=np.bool_)


def _head(line: Line, view: View, first: int, last: int, cell: int, palette: Palette) -> None:
    line.put(" " * (_LABEL - 1))
    for t in range(first, last):
        here = t == view.t
        style = palette.style("ink" if here else "focus" if t == view.cursor_t else "soft", bold=here)
        if cell >= _NAMED:
            line.put(fit(view.short_label(t, palette), cell - 1, palette.glyphs, right=cell > 5) + " ", style)
        elif here:
            line.put(palette.glyphs.mark.ljust(cell), style)
        else:
            line.put((palette.glyphs.dot if t % 5 == 0 else " ").ljust(cell), style)
