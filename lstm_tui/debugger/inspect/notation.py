"""How a value is written where there is room for one letter."""

from __future__ import annotations


def letter(value: str) -> str:
    """Return how a value is written: C for the memory of an LSTM."""
    return "C" if value == "c" else value
