"""Bars on fixed scales: from a side, or to either side of an axis."""

from __future__ import annotations

import math

from lstm_tui.debugger.scale import is_beyond, part_of
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette


def put_bar(
    line: Line,
    value: float,
    width: int,
    ink: str,
    palette: Palette,
    faded: bool = False,
    full: float = 1.0,
) -> None:
    """Write a bar for a value in 0..`full` that grows from the left, `width` cells wide.

    NaN and values outside the scale get their own sign, so that no bar lies.
    """
    glyphs = palette.glyphs
    style = palette.style(ink, "track", faded=faded)
    alarm = palette.style("alarm", "track", bold=True)
    if math.isnan(value):
        line.put(_centre(glyphs.nan, width), alarm)
        return
    part, above = part_of(value, full), value > 0 and is_beyond(value, full)
    if above or value < 0:
        over = glyphs.right[-1] if above else glyphs.left[0]
        sign = (glyphs.infinity if math.isinf(value) else over)[:width]
        body = _run(8 * (width - len(sign)), width - len(sign), palette, faded) if above else " " * (width - len(sign))
        if above:
            line.put(body, style).put(sign, alarm)
        else:
            line.put(sign, alarm).put(body, style)
        return
    eighths = round(part * width * 8)
    if value > 0 and eighths == 0:
        eighths = 1
    line.put(_run(eighths, width, palette, faded), style)


def put_signed_bar(
    line: Line,
    value: float,
    width: int,
    palette: Palette,
    half: float = 1.0,
    faded: bool = False,
) -> None:
    """Write a bar that leaves an axis in the middle, to the right above 0 and to the left below it.

    `half` is the value at either end; `width` is rounded down to an even number of cells and padded.
    """
    glyphs = palette.glyphs
    side = width // 2
    empty = palette.style("faint", "track")
    alarm = palette.style("alarm", "track", bold=True)
    infinite = math.isinf(value)
    part, beyond = abs(part_of(value, half)), is_beyond(value, half)
    if math.isnan(value):
        line.put(_centre(glyphs.nan, side * 2), alarm)
    elif value >= 0:
        line.put(" " * side, empty)
        _half_right(line, part, side, palette, faded, beyond, infinite)
    else:
        _half_left(line, part, side, palette, faded, beyond, infinite)
        line.put(glyphs.axis + " " * (side - 1), empty)
    line.put(" " * (width - side * 2), palette.style("faint", "track") if width % 2 else None)


def _half_right(
    line: Line, part: float, side: int, palette: Palette, faded: bool, beyond: bool, infinite: bool
) -> None:
    glyphs = palette.glyphs
    style = palette.style("positive", "track", faded=faded)
    if beyond:
        sign = glyphs.infinity[:1] if infinite else glyphs.right[-1]
        line.put(_run(8 * (side - 1), side - 1, palette, faded), style)
        line.put(sign, palette.style("alarm", "track", bold=True))
        return
    eighths = round(part * side * 8)
    if eighths == 0:
        line.put(
            glyphs.axis + " " * (side - 1), palette.style("positive" if part > 0 else "faint", "track", faded=faded)
        )
        return
    line.put(_run(eighths, side, palette, faded), style)


def _half_left(line: Line, part: float, side: int, palette: Palette, faded: bool, beyond: bool, infinite: bool) -> None:
    glyphs = palette.glyphs
    style = palette.style("negative", "track", faded=faded)
    if beyond:
        sign = glyphs.infinity[:1] if infinite else glyphs.left[0]
        line.put(sign, palette.style("alarm", "track", bold=True))
        line.put(_run(8 * (side - 1), side - 1, palette, faded), style)
        return
    eighths = max(round(part * side * 8), 1)
    whole, rest = divmod(eighths, 8)
    if not glyphs.smooth or (palette.ramp and faded):
        cells = max(round(eighths / 8), 1)
        line.put(" " * (side - cells) + _solid(palette, faded) * cells, style)
        return
    if rest:
        # No glyph fills a cell from the right: draw the empty left part in the colour of the track instead.
        line.put(" " * (side - whole - 1), style)
        line.put(glyphs.eighths[8 - rest], palette.style("negative", "track", faded=faded, swapped=True))
    else:
        line.put(" " * (side - whole), style)
    line.put(glyphs.eighths[8] * whole, style)


def _solid(palette: Palette, faded: bool) -> str:
    return palette.glyphs.shade if faded else palette.glyphs.eighths[8]


def _run(eighths: int, width: int, palette: Palette, faded: bool) -> str:
    """Return `width` cells of which so many eighths are filled from the left."""
    glyphs = palette.glyphs
    if not glyphs.smooth or (palette.ramp and faded):
        cells = min(max(round(eighths / 8), 1 if eighths else 0), width)
        return _solid(palette, faded) * cells + " " * (width - cells)
    whole, rest = divmod(eighths, 8)
    text = glyphs.eighths[8] * whole + (glyphs.eighths[rest] if rest else "")
    return text + " " * (width - len(text))


def _centre(sign: str, width: int) -> str:
    return sign.center(width)[:width]
