"""The axis of every drawing: how far it goes, and where on it a value lies, whatever the value is.

An axis is told by the value at its end, `full`: it goes from -full to full, or from 0 to full where nothing is
negative. Its end is a round number that is finite and above 0, also of values that never change, are all 0, or are not
finite; a place on it is finite and never beyond its end.
"""

from __future__ import annotations

import math

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.number_text import axis_end

_LARGEST = float(np.finfo(np.float64).max)
_ROUNDING = 1e-6
"""How far beyond its end, as a part of the axis, a value still counts as lying on it."""


def nice_scale(largest: float, least: float = 1.0) -> float:
    """Return the smallest of 1, 1.5, 2, 3, 4, 5, 8, 10 … that holds `largest`, and at least `least`."""
    if not math.isfinite(largest) or largest <= least:  # an axis of infinite width shows nothing
        return least
    power: float = 10.0 ** math.floor(math.log10(largest))
    for step in (1, 1.5, 2, 3, 4, 5, 8, 10):
        if largest <= step * power * (1 + 1e-9):
            return min(step * power, _LARGEST)
    return _LARGEST  # beyond the largest round number there is


def scale_of(values: Array, least: float = 1.0) -> float:
    """Return the end of an axis that holds every finite one of some values."""
    return nice_scale(largest_of(values), least)


def largest_of(values: Array) -> float:
    """Return the largest size of the finite ones of some values; 0 where there is none."""
    return float(np.max(np.abs(values), where=np.isfinite(values), initial=0.0))


def range_scale(low: float, high: float) -> tuple[float, bool]:
    """Return the end of the axis of a value that lies between two finite bounds, and whether it begins at 0.

    What always is the same lies on an axis from 0 to 1 or from -1 to 1, or to a round number beyond it.
    """
    if low == high:
        return nice_scale(abs(low)), low >= 0
    return max(abs(low), abs(high)), low >= 0


def part_of(value: float, full: float) -> float:
    """Return where a value lies on an axis, -1..1: always finite; NaN lies at 0, what is beyond an end on that end."""
    if math.isnan(value):
        return 0.0
    full = _usable(full)
    if abs(value) >= full:
        return math.copysign(1.0, value)
    return value / full


def is_beyond(value: float, full: float) -> bool:
    """Say whether a value does not lie on an axis that goes to either side of 0; NaN lies on none."""
    return not abs(value) / 2 <= _usable(full) * (0.5 + _ROUNDING / 2)


def parts_of_axis(values: Array, full: float) -> Array:
    """Return for each value where it lies on an axis, as `part_of` does."""
    with np.errstate(all="ignore"):
        return np.clip(np.nan_to_num(values / np.float64(_usable(full)), nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)


def level_of(value: float, full: float = 1.0) -> int | None:
    """Return how many eighths of a cell a size fills, 0..8, at least one when it is not 0; None of NaN."""
    if math.isnan(value):
        return None
    return max(round(abs(part_of(value, full)) * 8), int(value != 0))


def axis_words(full: float, signed: bool) -> str:
    """Return an axis in words: `±2`, `0 to 20`."""
    return f"±{axis_end(full)}" if signed else f"0 to {axis_end(full)}"


def _usable(full: float) -> float:
    """Return the end of an axis; 1 where it is none."""
    return full if 0 < full <= _LARGEST else 1.0
