"""A bar between any two values on a fixed axis, for the parts of a sum that begin where the last one ended."""

from __future__ import annotations

import math

from rich.style import Style

from lstm_tui.debugger.scale import is_beyond, part_of
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette


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
