"""Numbers as colours around 0, from a table of 64 styles; with signs of growing weight where colours fail."""

from __future__ import annotations

import numpy as np

from lstm_tui.debugger.inspect.scale import part_of, parts_of_axis
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.number_text import axis_places
from lstm_tui.tui.canvas.canvas import Line
from lstm_tui.tui.canvas.palette import SHADES, Palette
from lstm_tui.tui.canvas.text import signed

_NUMBER_FITS = 6
"""Cells from which on a cell of the map holds its number."""


def shade_of(values: Array, half: float) -> Array:
    """Return for each value its entry in a diverging table, -1 where it is NaN."""
    shades = np.rint((parts_of_axis(values, half) + 1) / 2 * (SHADES - 1)).astype(np.int64)
    return np.where(np.isnan(values), -1, shades)


def put_heat(
    line: Line,
    value: float,
    shade: int,
    width: int,
    half: float,
    palette: Palette,
    faded: bool = False,
    edge: str = "",
    marked: bool = False,
) -> None:
    """Write one cell of a heat map: a number where there is room, else a sign where the value is large.

    A mark that the caller puts behind it parts its number from the next one, which then needs a cell less; where there
    is one cell, the mark has it.
    """
    glyphs = palette.glyphs
    if shade < 0:
        line.put((edge + glyphs.nan).ljust(width)[:width], palette.style("alarm", "track", bold=True))
        return
    style = palette.style("soft", "track", faded=faded) if palette.ramp else palette.diverging(faded)[shade]
    inner = width - len(edge)
    if edge:
        line.put(edge, palette.style("ink", "track") if palette.ramp else palette.diverging(faded, True)[shade])
    text = signed(value, glyphs, inner, axis_places(half, inner)) if inner >= _NUMBER_FITS - 1 - marked else ""
    if text:
        line.put(text.rjust(inner - (inner > 5)).ljust(inner), style)
        return
    weight = abs(part_of(value, half))
    if palette.ramp:
        ramp = glyphs.ramp if value >= 0 else glyphs.ramp_negative
        sign = ramp[min(int(weight * len(ramp)), len(ramp) - 1)]
        line.put(sign * inner, style)
    elif inner >= 2:
        sign = "" if weight < 0.2 else "+" if value > 0 else glyphs.minus
        line.put(sign.rjust(inner), style)
    else:
        line.put((glyphs.minus if value < 0 and weight >= 0.2 else " ").rjust(inner)[: max(inner, 0)], style)


def put_strip(line: Line, values: Array, half: float, palette: Palette, width: int = 1) -> None:
    """Write a vector as a strip of coloured cells, `width` cells to a number."""
    for value, shade in zip(values, shade_of(values, half), strict=True):
        put_heat(line, float(value), int(shade), width, half, palette)
