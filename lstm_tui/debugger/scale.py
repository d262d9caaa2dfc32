"""Axes whose ends are round numbers."""

from __future__ import annotations

import math

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
