"""Text in a few cells: made safe, cut at a grapheme, never wider than asked; and which part of a list is in sight.

Numbers are written in the screen's signs; `engine.number_text` says how.
"""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from lstm_tui.engine.number_text import LEAST_WIDTH, PLACES, compact
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.glyphs import UNICODE, Glyphs

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


def plain(value: float, glyphs: Glyphs, width: int = LEAST_WIDTH, places: int | None = PLACES) -> str:
    """Return a value that is known not to be negative, as `.64` or `1.00`; a negative one keeps its sign.

    It stands in a column whose numbers have so many places, or alone: None.
    """
    return compact(value, width, False, glyphs.infinity, places)


def signed(value: float, glyphs: Glyphs, width: int = LEAST_WIDTH, places: int | None = PLACES) -> str:
    """Return a value with its sign, as `+.26`, `-1.86`, `+12.3` or `+1e5`; NaN and infinity by name.

    It stands in a column whose numbers have so many places, or alone: None.
    """
    return compact(value, width, True, glyphs.infinity, places)


def first_row(place: int, count: int, rows: int) -> int:
    """Return the first row to draw so that `place` is in sight; it moves in half pages."""
    if count <= rows or rows <= 0:
        return 0
    if place < rows:
        return 0
    half = max(rows // 2, 1)
    return min(((place - rows) // half + 1) * half, count - rows)


def window(place: int, count: int, room: int) -> tuple[int, int]:
    """Return the range of `room` columns that has `place` near its middle and no gap at the ends."""
    room = max(room, 1)
    first = min(max(place - room // 2, 0), max(count - room, 0))
    return first, min(first + room, count)
