"""Numbers and tokens as a report writes them: a true minus, NaN and ∞ by name, nothing that looks like 0 but 0."""

from __future__ import annotations

from lstm_tui.engine.number_text import MINUS, grouped
from lstm_tui.engine.number_text import printed as figure
from lstm_tui.engine.visible import visible

__all__ = ["MINUS", "figure", "grouped", "named"]
_LONGEST = 60


def named(token: str) -> str:
    """Return a token as it is shown: in sight even when it is blank, and not too long."""
    text = visible(token)
    if not text.strip():
        text = "␣" * min(max(len(text), 1), 4)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
