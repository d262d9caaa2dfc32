"""Which weights of a network what was compared depends on: of the others a comparison proves nothing.

A recording of one step says nothing of a recurrent matrix, one of zeros nothing of what multiplies them, and the dead
units of a ReLU nothing of what is below them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network

SECONDS = 2.0
"""How long weights are tried, in processor time; of those that are not tried by then nothing is said."""
_LEAST = 0.1
_SEED = 7

Values = Callable[[Network], Sequence[Mapping[str, Array]]]
"""What a network computes of every recorded sequence, by name."""


def without_effect(network: Network, values: Values, compared: Collection[str], close: float) -> dict[str, list[str]]:
    """Return the parameters of which other numbers change nothing that was compared by more than `close`.

    Each is tried alone, as large again at random.

    Returns:
        Names of parameters by their pass, or `readout`.
    """
    numbers = np.random.default_rng(_SEED)
    until = time.thread_time() + SECONDS
    before = values(network)
    found: dict[str, list[str]] = {}
    for name, array in network.tensors().items():
        if time.thread_time() > until:
            break
        other = network.copy()
        size = max(_LEAST, float(np.abs(array, where=np.isfinite(array), out=np.zeros(array.shape)).max(initial=0.0)))
        other.tensors()[name][...] = array + (numbers.normal(size=array.shape) * size).astype(array.dtype)
        if not _moves(before, values(other), compared, close):
            place, _, parameter = name.rpartition("/")
            found.setdefault(place or parameter, []).append(parameter)
    return found


def _moves(
    before: Sequence[Mapping[str, Array]], after: Sequence[Mapping[str, Array]], compared: Collection[str], close: float
) -> bool:
    for one, other in zip(before, after, strict=True):
        for name in compared:
            if name in one and name in other and not np.allclose(one[name], other[name], 0, close, equal_nan=True):
                return True
    return False
