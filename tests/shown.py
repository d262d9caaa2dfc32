"""What may reach a terminal: no character that it would obey or that would reorder or break a line."""

from __future__ import annotations

import unicodedata

_CONTROLS = {"Cc", "Cs", "Zl", "Zp"}
_REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def is_one_safe_line(text: str) -> bool:
    """Whether a terminal shows the text as one line; a character that no font knows does no harm."""
    return all(
        unicodedata.category(one) not in _CONTROLS and unicodedata.bidirectional(one) not in _REORDERING for one in text
    )
