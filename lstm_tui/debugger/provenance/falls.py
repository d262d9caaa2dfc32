"""The steps at which a series fell, the largest fall first."""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass


@dataclass(frozen=True)
class Fall:
    """One step of a series that fell: from entry `step` to the next one.

    Attributes:
        step: Number of the entry before the fall.
        before: That entry.
        after: The next one, smaller.
    """

    step: int
    before: float
    after: float

    @property
    def by(self) -> float:
        """By how much it fell, more than 0."""
        return self.before - self.after


def falls(series: Array) -> tuple[Fall, ...]:
    """Return every step at which a series fell, the largest fall first, the earlier of equal ones first.

    Where one of two neighbours is NaN or infinite it is not known whether the series fell; such a step is in
    `not_known`, and none of these.
    """
    before, after = series[:-1], series[1:]
    with np.errstate(all="ignore"):
        fell = np.flatnonzero(np.isfinite(before) & np.isfinite(after) & (before - after > 0))
        order = fell[np.argsort(-(before - after)[fell], kind="stable")]
    return tuple(Fall(int(step), float(before[step]), float(after[step])) for step in order)


def not_known(series: Array) -> tuple[int, ...]:
    """Return the numbers of the entries before steps of which it is not known whether the series fell."""
    finite = np.isfinite(series)
    return tuple(int(step) for step in np.flatnonzero(~(finite[:-1] & finite[1:])))
