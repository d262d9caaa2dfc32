"""Bars with what they were: `░` where the baseline went further, a tick where it ended short; signs of a change."""

from __future__ import annotations

from math import ceil, floor, isfinite

from rich.style import Style

from lstm_tui.debugger.beside import Beside
from lstm_tui.debugger.scale import part_of
from lstm_tui.tui.render.bars import put_bar, put_signed_bar
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.number import signed
from lstm_tui.tui.render.palette import Palette

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


def sign_of(found: Beside | None, unit: int, palette: Palette) -> tuple[str, str]:
    """Return the sign that marks a number as edited or changed, and its ink; a blank where it is as it was."""
    if found is None or not (found.held[unit] or found.changed[unit]):
        return " ", "ink"
    return (palette.glyphs.edited, "key") if found.held[unit] else (palette.glyphs.changed, "soft")


def change_of(found: Beside, unit: int, palette: Palette) -> str:
    """Return by how much a number changed, as `+.12`, `new` at an inserted token, or a dot where it did not."""
    if found.before is None:
        return "new"
    if not found.changed[unit]:
        return palette.glyphs.dot
    return signed(float(found.by[unit]), palette.glyphs)
