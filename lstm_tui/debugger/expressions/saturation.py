"""Which part of a vector's units has come so near to an end of its range that it hardly moves."""

from __future__ import annotations

import numpy as np

from lstm_tui.debugger.expressions.scope import NoSuchName, Scope
from lstm_tui.debugger.expressions.series import Series, numbers
from lstm_tui.engine.roles import ranges_of

NEAR = 0.1  # of the range, from either end


def saturated(scope: Scope, name: str, series: Series) -> Series:
    """Return which part of some units of a value is saturated.

    Args:
        scope: The run.
        name: Which value it is; its range follows from its equation.
        series: The units that are asked about; NaN where one of them is NaN.

    Raises:
        NoSuchName: The value has no bounds.
    """
    passed, value = scope.owner(name)
    bounds = ranges_of(passed.cell).get(value)
    if bounds is None or bounds[0] == bounds[1]:
        bounded = [one for one, each in ranges_of(passed.cell).items() if each is not None and each[0] < each[1]]
        there = f": there are {', '.join(bounded)}" if bounded else ""
        raise NoSuchName(f"{name} has no bounds, so it cannot be near them{there}")
    low, high = bounds
    margin = NEAR * (high - low)
    near = (series.values <= low + margin) | (series.values >= high - margin)
    part = np.where(np.isnan(series.values).any(axis=1), np.nan, near.mean(axis=1))
    return numbers(part[:, None], series.known, series)
