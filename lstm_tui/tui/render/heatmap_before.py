"""The memory map of an edited run beside its baseline: each unit twice, columns aligned by token."""

from __future__ import annotations

import numpy as np

from lstm_tui.debugger.difference import Column, Difference
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.heat import put_heat, shade_of
from lstm_tui.tui.render.label import fit, token_label
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.scroll import window
from lstm_tui.tui.view import View

_LABEL = 5
_WIDEST, _NARROW, _NAMED = 9, 3, 4
_FITS = 5
"""Cells in which a number stands alone, without an edge beside it."""
_TRIPLE = 15
"""Rows from which on a unit has a third one: by how much it changed."""


def draw_heatmap_beside(view: View, difference: Difference, width: int, height: int, palette: Palette,
                        number: int) -> Drawing:  # fmt: skip
    """Draw units in groups of rows - edited, before, and their difference where there is room - over one tape."""
    glyphs, half = palette.glyphs, view.facts.half(view.pass_name, view.memory_name)
    drawing = Drawing(width, height, palette, f"{number} memory {view.letter} {glyphs.dot} edited and baseline")
    drawing.note = f"{glyphs.minus}{axis_end(half)} {glyphs.more} +{axis_end(half)}"
    columns, room = difference.columns, max(width - _LABEL, 1)
    cell = max(min(room // len(columns), _WIDEST), _NARROW if room // _NARROW >= len(columns) * 0.5 else 1)
    first, last = window(difference.column_at[view.cursor_t], len(columns), room // cell)
    sight = columns[first:last]
    rows = 3 if height >= _TRIPLE else 2
    units, _ = view.units_in_sight(view.pass_name, max((height - 1) // rows, 1))
    after = difference.after[view.pass_name][view.memory_name]
    before = difference.before[view.pass_name][view.memory_name]
    now = np.array([after[c.after] if c.after is not None else np.full(after.shape[1], np.nan) for c in sight])
    then = np.array([before[c.before] if c.before is not None else np.full(after.shape[1], np.nan) for c in sight])
    _head(drawing, view, difference, sight, cell)
    for unit in units:
        with np.errstate(all="ignore"):
            kinds = (("", now[:, unit]), ("was", then[:, unit]), ("Δ", now[:, unit] - then[:, unit]))
        for kind, values in kinds[:rows]:
            _row(drawing, view, sight, cell, int(unit), kind, values, half, then[:, unit])
    return drawing


def _row(drawing: Drawing, view: View, sight: tuple[Column, ...], cell: int, unit: int, kind: str,
         values: np.ndarray, half: float, then: np.ndarray) -> None:  # fmt: skip
    palette, glyphs, line = drawing.palette, drawing.palette.glyphs, drawing.line()
    chosen = unit == view.unit and not kind
    ground = "row" if chosen else "ground"
    line.put(glyphs.cursor if chosen else " ", palette.style("focus", ground, bold=True))
    name = f"{unit:>3}" if not kind else glyphs.say(kind)[:4].rjust(4)
    ink = "ink" if chosen else "soft" if not kind else "faint"
    line.put(name.rjust(_LABEL - 1), palette.style(ink, ground, bold=chosen))
    shades = shade_of(values, half)
    for n, column in enumerate(sight):
        missing = (column.before if kind == "was" else column.after) is None
        if missing or (kind == "Δ" and column.before is None):
            line.put((glyphs.gone if column.after is None else "+").center(cell)[:cell], palette.style("faint"))
        elif kind == "Δ" and values[n] == 0:
            line.put(glyphs.dot.center(cell)[:cell], palette.style("faint"))
        else:
            _value(line, view, column, float(values[n]), int(shades[n]), cell, half, palette, kind, float(then[n]))
        if column.after is not None:
            drawing.hit(line.x - cell, line.x, Target(pass_name=view.pass_name, t=column.after, unit=unit))
    drawing.hit(0, _LABEL, Target(pass_name=view.pass_name, unit=unit))


def _value(line: Line, view: View, column: Column, value: float, shade: int, cell: int, half: float,
           palette: Palette, kind: str, then: float) -> None:  # fmt: skip
    glyphs = palette.glyphs
    same = value == then or (value != value and then != then)
    mark = glyphs.changed if not kind and not same else ""
    spare = cell - len(mark) > _FITS or 2 < cell < _FITS  # an edge takes no cell from a number
    edge = glyphs.edge if spare and column.after == view.t else ""
    if not kind and column.after == view.cursor_t and view.place is not None and cell > 2:
        edge = glyphs.cursor
    put_heat(line, value, shade, cell - len(mark), half, palette, False, edge, bool(mark))
    if mark:
        line.put(mark, palette.style("soft", "track") if palette.ramp else palette.diverging()[max(shade, 0)])


def _head(drawing: Drawing, view: View, difference: Difference, sight: tuple[Column, ...], cell: int) -> None:
    palette, glyphs, line = drawing.palette, drawing.palette.glyphs, drawing.line()
    line.put(" " * _LABEL)
    for n, column in enumerate(sight):
        here = column.after == view.t
        style = palette.style("ink" if here else "alarm" if column.after is None else "soft", bold=here)
        if cell < _NAMED:
            sign = (
                glyphs.mark if here else glyphs.gone if column.after is None else "+" if column.before is None else " "
            )
            line.put(sign.ljust(cell), style)
        else:
            line.put(fit(_label(view, difference, column, palette), cell - 1, glyphs, right=cell > 5) + " ", style)
        if column.after is not None:
            x = _LABEL + n * cell
            drawing.hit(x, x + cell, Target(t=column.after))


def _label(view: View, difference: Difference, column: Column, palette: Palette) -> str:
    glyphs = palette.glyphs
    if column.after is None:
        assert column.before is not None
        return glyphs.gone + token_label(difference.before.sequence.tokens[column.before], glyphs)
    label = view.short_label(column.after, palette)
    new = column.before is None or difference.replaced(column.after)
    return f"{glyphs.edited}{label}" if new else label
