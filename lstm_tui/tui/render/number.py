"""Numbers as the screen writes them, in its signs; `engine.number_text` says how."""

from __future__ import annotations

from lstm_tui.engine.number_text import LEAST_WIDTH, compact
from lstm_tui.tui.render.glyphs import Glyphs


def plain(value: float, glyphs: Glyphs, width: int = LEAST_WIDTH) -> str:
    """Return a value that is known not to be negative, as `.64` or `1.00`; a negative one keeps its sign."""
    return compact(value, width, infinity=glyphs.infinity)


def signed(value: float, glyphs: Glyphs, width: int = LEAST_WIDTH) -> str:
    """Return a value with its sign, as `+.26`, `-1.86`, `+12.3` or `+1e5`; NaN and infinity by name."""
    return compact(value, width, True, glyphs.infinity)
