"""Foreign text in a few cells: made visible, cut at a grapheme, never wider than asked."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from lstm_tui.engine.visible import visible
from lstm_tui.tui.render.glyphs import UNICODE, Glyphs

_UNSTEADY = {0x200C: "⟨200c⟩", 0x200D: "⟨200d⟩", 0xFE0E: None, 0xFE0F: None, 0x00AD: "⟨00ad⟩"}
"""Joiners and variation selectors: terminals disagree on the width of what they join."""


@lru_cache(maxsize=16384)
def token_label(token: str, glyphs: Glyphs = UNICODE) -> str:
    """Return a token as it is shown: no control reaches the terminal and something can always be seen."""
    text = visible(token).translate(_UNSTEADY)
    if not text.strip():
        text = glyphs.space * max(len(text), 1) if len(text) < 4 else glyphs.space + glyphs.more
    if cell_len(text[0]) == 0:
        text = glyphs.combining + text
    if not glyphs.smooth:
        text = text.encode("ascii", "backslashreplace").decode("ascii")
    return text


def cut(text: str, width: int, glyphs: Glyphs = UNICODE) -> str:
    """Return `text` in at most `width` cells, with a sign where something was cut off."""
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + glyphs.more if width > 1 else set_cell_size(text, width)


def fit(text: str, width: int, glyphs: Glyphs = UNICODE, right: bool = False) -> str:
    """Return `text` in exactly `width` cells."""
    text = cut(text, width, glyphs)
    blank = " " * (width - cell_len(text))
    return blank + text if right else text + blank
