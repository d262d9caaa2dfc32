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


_LARGEST = 1e300


def nice_scale(largest: float, least: float = 1.0) -> float:
    """Return the smallest of 1, 1.5, 2, 3, 4, 5, 8, 10 … that holds `largest`, and at least `least`."""
    if not largest < _LARGEST or largest <= least:  # an axis of infinite width shows nothing
        return least
    power: float = 10.0 ** math.floor(math.log10(largest))
    for step in (1, 1.5, 2, 3, 4, 5, 8):
        if largest <= step * power * (1 + 1e-9):
            return step * power
    return 10 * power


def scale_word(half: float) -> str:
    """Return the half width of an axis in short: `2`, `50`, `1e+06`."""
    return f"{half:g}"
