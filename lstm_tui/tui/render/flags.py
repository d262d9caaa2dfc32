"""One sign for what is wrong with a unit, in the table of units and in the list of its health."""

from __future__ import annotations

from collections.abc import Iterable

from lstm_tui.analysis.health import Kind
from lstm_tui.tui.render.glyphs import Glyphs

_SIGNS: dict[Kind, tuple[str, str]] = {
    "broken": ("‼", "!"), "exploding": ("↑", "*"), "dead": ("†", "x"),
    "quiet": ("∅", "o"), "stuck": ("=", "="), "shut": ("▾", "v"), "open": ("▴", "^"),
}  # fmt: skip

_WORDS: dict[Kind, str] = {
    "broken": "not finite",
    "exploding": "explodes",
    "dead": "cannot learn",
    "quiet": "never acts",
    "stuck": "stuck",
    "shut": "a gate never opens",
    "open": "a gate never shuts",
}


def flag_words(kinds: Iterable[Kind], glyphs: Glyphs) -> str:
    """Return what the signs of some flags mean, each once: `▾ a gate never opens`."""
    there = set(kinds)
    return "  ".join(f"{flag_sign(kind, glyphs)} {words}" for kind, words in _WORDS.items() if kind in there)


def flag_sign(kind: Kind, glyphs: Glyphs) -> str:
    """Return the sign: ‼ not finite, ↑ explodes, † cannot learn, ∅ never acts, = stuck, ▾ and ▴ a gate that is."""
    return _SIGNS[kind][0 if glyphs.smooth else 1]
