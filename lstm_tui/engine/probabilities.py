"""Whether numbers are a probability distribution."""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.arrays import Array, quiet

ROUNDING = 1e-3
"""How far probabilities may sum to something else than 1, by rounding."""


def is_distribution(values: Array) -> bool | None:
    """Say whether numbers are a probability distribution: none below 0, their sum 1 but for rounding.

    Args:
        values: The numbers, (n,), or several distributions, (T, n).

    Returns:
        False where one that is known is none, None where some hold a NaN or an infinity and all others are one.
    """
    rows = np.atleast_2d(np.asarray(values, dtype=np.float64))
    known = np.isfinite(rows).all(axis=-1)
    with quiet():
        near = np.abs(rows[known].sum(axis=-1) - 1) < ROUNDING
    if not (near & (rows[known] >= 0).all(axis=-1)).all():
        return False
    return True if known.all() else None
