"""Numbers drawn on fixed scales: as bars from a side, from an axis or between two values, and as heat around 0.

Bars stand beside those of the baseline: `░` is drawn where it went further, a tick where it ended short. Heat takes its
colours from a table of 64 styles, with signs of growing weight where colours fail.
"""

from __future__ import annotations

import math
from math import ceil, floor, isfinite

import numpy as np
from rich.style import Style

from lstm_tui.debugger.inspect.diff import ValueDiff
from lstm_tui.debugger.inspect.scale import is_beyond, part_of, parts_of_axis
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.number_text import axis_places
from lstm_tui.tui.canvas.canvas import Line, signed
from lstm_tui.tui.canvas.palette import SHADES, Palette


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
    half: float,
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


_SWAPPED = Style(reverse=True)


def put_ghost_bar(
    line: Line, value: float, before: float, width: int, ink: str, palette: Palette, faded: bool = False,
    full: float = 1.0,
) -> None:  # fmt: skip
    """Write a bar that grows from the left, and how far it went before."""
    bar = Line(width, palette.style())
    put_bar(bar, value, width, ink, palette, faded, full)
    if isfinite(value) and isfinite(before):
        _over(line, bar, part_of(value, full) * width, part_of(before, full) * width, 0, palette)
    else:
        line.extend(bar)


def put_ghost_signed_bar(
    line: Line, value: float, before: float, width: int, palette: Palette, half: float = 1.0, faded: bool = False
) -> None:
    """Write a bar to either side of an axis, and how far it went before."""
    bar = Line(width, palette.style())
    put_signed_bar(bar, value, width, palette, half, faded)
    side = width // 2
    if isfinite(value) and isfinite(before):
        _over(line, bar, part_of(value, half) * side, part_of(before, half) * side, side, palette)
    else:
        line.extend(bar)


def _over(line: Line, bar: Line, value: float, before: float, axis: int, palette: Palette) -> None:
    """Write a bar with the cells marked that only one of two lengths reaches; both count from the axis."""
    glyphs, ghost = palette.glyphs, palette.style("soft", "track")
    now, then = sorted((0.0, value)), sorted((0.0, before))
    end = floor(before + axis) if before >= 0 else ceil(before + axis) - 1
    inside = before * value > 0 and abs(before) < abs(value)
    place = 0
    for text, style in bar.parts():
        for sign in text:
            middle = place + 0.5 - axis
            in_now, in_then = now[0] <= middle <= now[1], then[0] <= middle <= then[1]
            if in_then and not in_now and sign in (" ", glyphs.axis):
                line.put(glyphs.shade, ghost)
            elif inside and place == end and sign == glyphs.eighths[8]:
                line.put(glyphs.tick, style + _SWAPPED)
            else:
                line.put(sign, style)
            place += 1


def sign_of(found: ValueDiff | None, unit: int, palette: Palette) -> tuple[str, str]:
    """Return the sign that marks a number as edited or changed, and its ink; a blank where it is as it was."""
    if found is None or not (found.held[unit] or found.changed[unit]):
        return " ", "ink"
    return (palette.glyphs.edited, "key") if found.held[unit] else (palette.glyphs.changed, "soft")


def change_of(found: ValueDiff, unit: int, palette: Palette) -> str:
    """Return by how much a number changed, as `+.12`, `new` at an inserted token, or a dot where it did not."""
    if found.before is None:
        return "new"
    if not found.changed[unit]:
        return palette.glyphs.dot
    return signed(float(found.by[unit]), palette.glyphs)


def put_span(
    line: Line,
    start: float,
    end: float,
    width: int,
    half: float,
    ink: str,
    palette: Palette,
    lacking: float | None = None,
    before: float | None = None,
) -> None:
    """Write a bar from `start` to `end` on an axis from -`half` to `half`, `width` cells wide.

    `lacking` is hatched as far as it goes beyond the bar: what was lost. `before` is a tick: what it was. NaN has
    its sign, and what lies beyond the axis an arrow, so that no bar lies.
    """
    glyphs = palette.glyphs
    alarm = palette.style("alarm", "track", bold=True)
    if math.isnan(start) or math.isnan(end):
        line.put(glyphs.nan.center(width)[:width], alarm)
        return
    low, high = sorted((_eighths(start, half, width), _eighths(end, half, width)))
    if low == high and start != end:  # what is there is seen, however small
        low, high = (low, high + 1) if low == 0 or (end > start and high < 8 * width) else (low - 1, high)
    fill, track = palette.style(ink, "track"), palette.style("faint", "track")
    cells: list[tuple[str, Style]] = []
    for n in range(width):
        a, b = max(low - 8 * n, 0), min(high - 8 * n, 8)
        if a >= b:
            cells.append((glyphs.axis if n == width // 2 else " ", track))
        elif not glyphs.smooth or palette.ramp or b - a == 8:
            cells.append((glyphs.eighths[8] if b - a >= 4 or high - low < 8 else " ", fill))
        elif a == 0:
            cells.append((glyphs.eighths[b], fill))
        else:  # no sign fills a cell from the right: the empty left part is drawn in the colour of the track
            cells.append((glyphs.eighths[a], palette.style(ink, "track", swapped=True)))
    if lacking is not None and not math.isnan(lacking):
        _hatch(cells, end, lacking, half, palette.style("soft", "track"), glyphs.shade, glyphs.axis)
    if before is not None and not math.isnan(before):
        place = min(_eighths(before, half, width) // 8, width - 1)
        cells[place] = (glyphs.tick, palette.style("title", "track", bold=True))
    for value in (start, end):
        if is_beyond(value, half):
            sign = glyphs.infinity[:1] if math.isinf(value) else glyphs.right[-1] if value > 0 else glyphs.left[0]
            cells[width - 1 if value > 0 else 0] = (sign, alarm)
    for text, style in cells:
        line.put(text, style)


def _eighths(value: float, half: float, width: int) -> int:
    """Return where a value lies on the axis, in eighths of a cell from its left end; 0 is a cell's left edge."""
    return round((width // 2 + part_of(value, half) * (width // 2)) * 8)


def _hatch(
    cells: list[tuple[str, Style]], end: float, lacking: float, half: float, style: Style, shade: str, axis: str
) -> None:
    """Hatch the empty cells from where a bar ends to where it could have ended."""
    low, high = sorted((_eighths(end, half, len(cells)), _eighths(lacking, half, len(cells))))
    for n, (text, _) in enumerate(cells):
        if low <= 8 * n + 4 < high and text in (" ", axis):
            cells[n] = (shade, style)


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
