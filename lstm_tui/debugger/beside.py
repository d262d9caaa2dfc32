"""A value of an edited run at one step, beside what it was: which units changed, and which are held by an edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.difference import Difference
from lstm_tui.engine.trace import Trace

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Beside:
    """One value at one place of the edited tape.

    Attributes:
        after: The numbers of the edited run, (n,).
        before: Those of the baseline at the same token, (n,); None where the token was inserted.
        changed: Which are not bit for bit what they were, (n,); all of an inserted token's.
        held: Which an edit sets or scales here, (n,).
    """

    after: Array
    before: Array | None
    changed: Mask
    held: Mask

    @property
    def by(self) -> Array:
        """Edited minus baseline, (n,); NaN where the token was inserted."""
        if self.before is None:
            return np.full_like(self.after, np.nan)
        with np.errstate(all="ignore"):
            return np.asarray(self.after - self.before)


def beside(difference: Difference, pass_name: str, value: str, t: int) -> Beside:
    """Return a value, or the input `x`, at place `t` of the edited tape.

    Raises:
        KeyError: If the edited run has no such value.
    """
    after = _row(difference.after, pass_name, value, t)
    if after is None:
        raise KeyError(value)
    origin = difference.origins[t]
    before = None if origin is None else _row(difference.before, pass_name, value, origin)
    if before is not None and before.shape != after.shape:
        before = None
    changed = np.ones(after.shape, dtype=np.bool_)
    if before is not None:
        changed = ~((after == before) | (np.isnan(after) & np.isnan(before)))
    held = np.zeros(after.shape, dtype=np.bool_)
    for hold in difference.holds:
        if (hold.pass_name, hold.value) == (pass_name, value) and hold.steps[0] <= t < hold.steps[1]:
            held[slice(*hold.units)] = True
    return Beside(after, before, changed, held)


def _row(trace: Trace, pass_name: str, value: str, t: int) -> Array | None:
    passed = trace[pass_name]
    if value in passed:
        return np.asarray(passed[value][t])
    return np.asarray(passed.inputs[value][t]) if value in passed.inputs else None
