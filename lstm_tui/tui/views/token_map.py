"""Which token moves which: rows are moved, columns move them, by gradient and by leaving a token out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.canvas.canvas import Drawing, Line, cut, fit, plain, window
from lstm_tui.tui.canvas.charts import put_heat, shade_of
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import put_token, put_unanswered

KINDS = ("gradient", "deletion")
"""The two maps."""

_LABEL, _PLACE = 15, 5
_BOTH = 56
"""Cells of a map from which on both stand side by side."""
_WIDEST, _GAP = 8, 3
_MEANINGS = {
    "gradient": "a small change of the column's token: how far it moves the output h of the row's",
    "deletion": "a run without the column's token: how far the output h of the row's is moved",
}


@dataclass(frozen=True, eq=False)
class TokenMaps:
    """What is drawn of both maps.

    Attributes:
        view: The position at which it was asked.
        pass_name: The pass that is looked at.
        cursor: The token under the cursor.
        kind: Which map, where there is room for one.
        places: The places the maps are made of.
        maps: Each map by its name, (P, P): row moved, column that moves it; NaN where it is not known.
        problem: Why there is no answer; may be empty.
    """

    view: View
    pass_name: str
    cursor: int
    kind: str
    places: range
    maps: Mapping[str, Array]
    problem: str


def draw_token_map(picture: TokenMaps, width: int, height: int, palette: Palette) -> Drawing:
    """Draw one map or both, and under them what moves the token under the cursor most."""
    glyphs = palette.glyphs
    drawing = Drawing(width, height, palette, f"R which token moves which {glyphs.dot} {picture.pass_name}")
    if picture.problem and not picture.maps:
        put_unanswered(drawing, picture.problem, "")
        return drawing
    both = width - _LABEL >= 2 * _BOTH
    kinds = KINDS if both else (picture.kind,)
    foot = len(kinds) * 2 + 1 + bool(picture.problem) if height > 14 else 1
    first, behind = window(picture.cursor - picture.places.start, len(picture.places), max(height - 2 - foot, 1))
    rows = picture.places[first:behind]
    room = (width - _LABEL - _GAP * (len(kinds) - 1)) // len(kinds)
    cell = min(max(room // max(len(picture.places), 1), 1), _WIDEST)
    left, right = window(picture.cursor - picture.places.start, len(picture.places), room // cell)
    columns = picture.places[left:right]
    drawing.note = f"t {rows.start}{glyphs.dash}{rows.stop - 1}" if len(rows) < len(picture.places) else ""
    _heads(drawing, picture, kinds, columns, room, cell)
    shades = {kind: _shades(picture.maps.get(kind)) for kind in kinds}
    for t in rows:
        label = picture.view.short_label(t, palette)
        under = t == picture.cursor
        line, _ = put_token(drawing, t, label, under, under, _PLACE, _LABEL - _PLACE, "ink")
        for n, kind in enumerate(kinds):
            line.to(_LABEL + n * (room + _GAP))
            _cells(line, picture, kind, t, columns, cell, shades[kind], palette)
    _foot(drawing, picture, kinds)
    return drawing


def _heads(drawing: Drawing, picture: TokenMaps, kinds: tuple[str, ...], columns: range, room: int, cell: int) -> None:
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    names, tokens = drawing.line(), drawing.line()
    for n, kind in enumerate(kinds):
        values = picture.maps.get(kind)
        start = _LABEL + n * (room + _GAP)
        scale = "" if values is None else f"   0{glyphs.more}{axis_end(_full(values))}"
        names.to(start).put(cut(f"{kind}{scale}", room, glyphs), palette.style("title", bold=True))
        tokens.to(start)
        for t in columns:
            label = picture.view.short_label(t, palette) if cell > 2 else " "
            here = t == picture.cursor
            tokens.put(fit(label, cell - (cell > 2), glyphs) + " " * (cell > 2),
                       palette.style("ink" if here else "faint", bold=here))  # fmt: skip


def _full(values: Array) -> float:
    return scale_of(values, least=1e-6)


def _shades(values: Array | None) -> Array | None:
    return None if values is None else shade_of(values, _full(values))


def _cells(
    line: Line,
    picture: TokenMaps,
    kind: str,
    t: int,
    columns: range,
    cell: int,
    shades: Array | None,
    palette: Palette,
) -> None:
    values = picture.maps.get(kind)
    row = t - picture.places.start
    for other in columns:
        column = other - picture.places.start
        if values is None or shades is None or np.isnan(values[row, column]):
            sign = palette.glyphs.dot if other == t and values is not None else palette.glyphs.more
            line.put(sign.center(cell)[:cell], palette.style("faint"))
        else:
            put_heat(line, float(values[row, column]), int(shades[row, column]), cell, _full(values), palette)


def _foot(drawing: Drawing, picture: TokenMaps, kinds: tuple[str, ...]) -> None:
    palette, glyphs, width = drawing.palette, drawing.palette.glyphs, drawing.width
    if drawing.room > len(kinds) * 2:
        drawing.line()
    for kind in kinds:
        line = drawing.line().put(f" {fit(kind, 10, glyphs)}", palette.style("accent"))
        line.put(cut(_MEANINGS[kind], width - 12, glyphs), palette.style("soft"))
    for kind in kinds:
        values = picture.maps.get(kind)
        row = picture.cursor - picture.places.start
        if values is None or not 0 <= row < len(values):
            continue
        numbers = np.nan_to_num(values[row], nan=0.0)
        order = [int(n) for n in np.argsort(-numbers, kind="stable")[:4] if numbers[n] > 0]
        said = ", ".join(
            f"“{picture.view.short_label(picture.places[n], palette)}” (t={picture.places[n]}) "
            f"{plain(float(numbers[n]), glyphs, places=None)}"
            for n in order
        )
        unknown = np.isnan(values[row])
        unknown[row] &= kind != "deletion"  # what is left out is no longer there to be moved
        rest = f"; of {int(unknown.sum())} tokens it is not known" if unknown.any() else ""
        text = f" {kind}: t={picture.cursor} is moved most by {said or 'nothing'}{rest}"
        drawing.line().put(cut(glyphs.say(text), width - 1, glyphs), palette.style("title"))
    if picture.problem:
        drawing.line().put(" " + cut(picture.problem, width - 2, glyphs), palette.style("alarm"))
