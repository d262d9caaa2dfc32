"""Numbers and tokens as a report writes them: a true minus, NaN and ∞ by name, nothing that looks like 0 but 0."""

from __future__ import annotations

import math

from lstm_tui.engine.visible import visible

MINUS = "−"  # a hyphen is passed over by some who read aloud
_LARGEST = 1e5
_LONGEST = 60


def figure(value: float, places: int = 3, sign: bool = False) -> str:
    """Return a number with so many places, or with figures enough to tell it from 0; with its sign when asked."""
    if math.isnan(value):
        return "NaN"
    size = abs(value)
    if math.isinf(value):
        text = "∞"
    elif size >= _LARGEST:
        text = _power(f"{size:.2e}")
    else:
        text = f"{size:.{places}f}"
        if value != 0 and not float(text):
            text = _power(f"{size:.0e}")
    before = MINUS if value < 0 else "+" if sign and value > 0 else ""
    return before + text


def _power(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return f"{mantissa}e{str(int(exponent)).replace('-', MINUS)}"


def named(token: str) -> str:
    """Return a token as it is shown: in sight even when it is blank, and not too long."""
    text = visible(token)
    if not text.strip():
        text = "␣" * min(max(len(text), 1), 4)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def grouped(count: int) -> str:
    """Return a whole number that is easy to read: `100 000`."""
    return f"{count:,}".replace(",", "\u202f")
