"""Which of some numbers is the largest, where that is known: what "says" and "largest" mean in every answer."""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.arrays import Array


def largest(values: Array, some_left_out: bool = False) -> int | None:
    """Return the place of the largest number, the first of several; None where it is not known.

    Args:
        values: At least one number, (K,). Where one is NaN nobody knows which is the largest.
        some_left_out: Whether a NaN stands for a number that was smaller and was not kept, as in a trace file.
    """
    there = np.flatnonzero(~np.isnan(values))
    if not len(there) or (len(there) < len(values) and not some_left_out):
        return None
    return int(there[np.argmax(values[there])])
