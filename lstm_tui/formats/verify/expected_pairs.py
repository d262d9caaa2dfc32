"""Which two decisions at once are worth trying first: by what each of them alone does to what was recorded.

Two small changes of a network add up, nearly: if `v` is what it computes as it is read, `v₁` and `v₂` what it computes
with one decision and with the other, then `v₁ + v₂ − v` is near what both together give. That costs no run, so that
thousands of pairs are put in order by what was tried once for each decision. It is an order and no proof: what fits is
found by running it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.verify.compared_run import by_own_names, run_recorded, values_of
from lstm_tui.formats.verify.recorded_run import Recording


class ExpectedPairs:
    """What a network computes with one decision taken otherwise, and how near two should come to the recording."""

    def __init__(self, network: Network, recorded: Recording) -> None:
        self._recorded = recorded
        self._alone: dict[frozenset[tuple[str, str]], Array] = {}
        self._mine, self._theirs = self._values(network)
        self._asked = False

    def note(self, settings: Mapping[str, str], network: Network) -> None:
        """Keep what a network computes that is read with one decision; once pairs are in order, nothing is kept."""
        if not self._asked:
            self._alone[frozenset(settings.items())] = self._values(network)[0]

    def distance(self, one: Mapping[str, str], other: Mapping[str, str]) -> float:
        """Return how far from the recording two decisions should be together, as a root of a mean square.

        It is infinite where one of them alone could not be compared or gives other shapes.
        """
        self._asked = True
        first, second = (self._alone.get(frozenset(each.items())) for each in (one, other))
        if first is None or second is None or not first.shape == second.shape == self._mine.shape:
            return np.inf
        with np.errstate(all="ignore"):
            apart = float(np.sqrt(np.mean((first + second - self._mine - self._theirs) ** 2)))
        return apart if np.isfinite(apart) else np.inf

    def _values(self, network: Network) -> tuple[Array, Array]:
        """Return what was recorded as the network computes it and as it was recorded, as one row of numbers each."""
        mine: list[Array] = [np.zeros(0)]
        theirs: list[Array] = [np.zeros(0)]
        for one in self._recorded.sequences:
            computed = values_of(run_recorded(network, one, self._recorded.where))
            held = by_own_names(network, one, computed)
            for name in sorted(set(computed) & set(held)):
                mine.append(np.asarray(computed[name], np.float64).reshape(-1))
                theirs.append(np.asarray(held[name], np.float64).reshape(-1))
        return np.concatenate(mine), np.concatenate(theirs)
