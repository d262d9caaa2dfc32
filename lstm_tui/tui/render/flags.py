"""One sign for what is wrong with a unit, in the table of units and in the list of its health."""

from __future__ import annotations

from lstm_tui.analysis.health import Kind
from lstm_tui.tui.render.glyphs import Glyphs

_SIGNS: dict[Kind, tuple[str, str]] = {"dead": ("†", "x"), "quiet": ("∅", "o"), "shut": ("▾", "v"), "open": ("▴", "^")}


def flag_sign(kind: Kind, glyphs: Glyphs) -> str:
    """Return the sign: † cannot learn, ∅ never acts, ▾ a gate never opens, ▴ a gate never shuts."""
    return _SIGNS[kind][0 if glyphs.smooth else 1]
