"""Numbers as the screen writes them: two places, no leading zero, never wider than six cells."""

from __future__ import annotations

import math

from lstm_tui.tui.render.glyphs import Glyphs


def plain(value: float, glyphs: Glyphs) -> str:
    """Return a value that is known not to be negative, as `.64` or `1.00`; a negative one keeps its sign."""
    if value < 0:
        return signed(value, glyphs)
    return signed(value, glyphs).removeprefix("+")


def signed(value: float, glyphs: Glyphs) -> str:
    """Return a value with its sign, as `+.26`, `-1.86`, `+12.3` or `+1e5`; NaN and infinity by name."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return ("+" if value > 0 else "-") + glyphs.infinity
    size = abs(value)
    if size < 9.995:
        text = f"{value:+.2f}"
        return text[0] + text[2:] if text[1] == "0" else text
    if size < 99.95:
        return f"{value:+.1f}"
    if size < 9999.5:
        return f"{value:+.0f}"
    mantissa, _, exponent = f"{value:+.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def scale_word(half: float) -> str:
    """Return the half width of an axis in short: `2`, `50`, `1e+06`."""
    return f"{half:g}"
