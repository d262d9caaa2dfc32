"""Which weights of a network what was compared depends on: of the others a comparison proves nothing.

A recording of one step says nothing of a recurrent matrix, one of zeros nothing of what multiplies them, and the dead
units of a ReLU nothing of what is below them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.model.network import Network

SECONDS = 2.0
"""How long weights are tried, in processor time; of those that are not tried by then nothing is said."""
_LEAST = 0.1
_SEED = 7
_TRIES = 3

Values = Callable[[Network], Sequence[Mapping[str, Array]]]
"""What a network computes of every recorded sequence, by name."""


def without_effect(
    network: Network, values: Values, compared: Collection[str], close: float
) -> dict[str, dict[str, float]]:
    """Return the parameters of which other numbers change nothing that was compared by more than `close`.

    Each is tried alone, as large again at random, and again with other numbers where that changed something, but too
    little.

    Returns:
        The most that each parameter changed, by its name, by their pass, or `readout`.
    """
    numbers, more = np.random.default_rng(_SEED), np.random.default_rng(_SEED + 1)
    until = time.thread_time() + SECONDS
    before = values(network)
    found: dict[str, dict[str, float]] = {}
    for name, array in network.tensors().items():
        if time.thread_time() > until:
            break
        size = max(_LEAST, float(np.abs(array, where=np.isfinite(array), out=np.zeros(array.shape)).max(initial=0.0)))
        most = 0.0
        for n in range(_TRIES):
            if n and (not 0 < most <= close or time.thread_time() > until):
                break
            other = network.copy()
            by = (more if n else numbers).normal(size=array.shape) * size
            other.tensors()[name][...] = array + by.astype(array.dtype)
            most = max(most, _moved(before, values(other), compared))
        if most <= close:
            place, _, parameter = name.rpartition("/")
            found.setdefault(place or parameter, {})[parameter] = most
    return found


@quiet()
def _moved(
    before: Sequence[Mapping[str, Array]], after: Sequence[Mapping[str, Array]], compared: Collection[str]
) -> float:
    """Return by how much any of the values that were compared has changed at most; what became NaN, without end."""
    most = 0.0
    for one, other in zip(before, after, strict=True):
        for name in compared:
            if name in one and name in other:
                by = np.abs(np.subtract(other[name], one[name], dtype=np.float64))
                same = (one[name] == other[name]) | (np.isnan(one[name]) & np.isnan(other[name]))
                most = max(most, float(np.where(same, 0.0, np.where(np.isnan(by), np.inf, by)).max(initial=0.0)))
    return most
