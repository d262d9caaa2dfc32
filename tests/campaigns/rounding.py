"""Where two runs of one network are apart by more than rounding: judged step by step, and not known where it decides.

A network that doubles a difference at every step is no excuse for what was off before: each step is held to what other
last bits of the weights do to that step, and where these do much, nothing is said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network

CLOSE = 2e-5
"""How far numbers may be apart, of the largest of a step or of 1; a recurrent layer of our sizes stays within 1e-6."""
LAST_BITS = 2.0**-22
"""By how much of itself a weight is another in a network with other last bits."""
ROUNDINGS = 16
"""How many times as far as its last bits move a network two runtimes may be apart."""
DECIDES = 1e-3
"""From which part of the largest number of a step on rounding hides what could be a mistake."""
_TIMES = 3


def rounded_otherwise(network: Network) -> list[Network]:
    """Return networks whose weights are other in their last bits."""
    made = []
    for seed in range(_TIMES):
        other = network.copy()
        numbers = np.random.default_rng(seed)
        for array in other.tensors().values():
            array *= (1 + LAST_BITS * numbers.uniform(-1, 1, array.shape)).astype(array.dtype)
        made.append(other)
    return made


def apart(mine: Array, wanted: Array, shaken: Callable[[], Sequence[Array]]) -> float | None:
    """Return how far two results are apart, 0 where rounding explains it, and None where it would hide a mistake.

    Args:
        mine: Computed here; rows are steps where it has two axes, and one row otherwise.
        wanted: Computed by another program, of the same shape.
        shaken: What the network gives with other last bits; asked for where anything is more than `CLOSE` apart.
    """
    one, other = (_rows(each) for each in (mine, wanted))
    known = np.isfinite(other).all(axis=1)  # on ∞ no two runtimes agree
    with np.errstate(all="ignore"):
        off = np.where(np.isfinite(one), np.abs(one - other), np.inf).max(axis=1, initial=0.0)
        scale = np.maximum(1.0, np.abs(other).max(axis=1, initial=0.0))
        if known.all() and (off <= CLOSE * scale).all():
            return 0.0
        moved = np.max([np.abs(_rows(each) - one).max(axis=1, initial=0.0) for each in shaken()], axis=0)
    limit = np.maximum(CLOSE * scale, ROUNDINGS * moved)
    told = known & (limit <= DECIDES * scale)  # false of NaN
    if not told.any():
        return None
    return float(np.where(told & (off > limit), off, 0.0).max())


def _rows(values: Array) -> Array:
    values = np.asarray(values, np.float64)
    return values.reshape(len(values), -1) if values.ndim > 1 else values.reshape(1, -1)
