"""Which unit tells one thing from another, and whether that is more than chance.

Text is cut into *stretches*: what a pass reads behind words of one kind, up to a word of the other kind or the end of
the text; the words themselves are left out, and what stands behind the end of a sentence before the next such word. A
unit tells the kinds apart as well as one threshold of its memory does: its *balanced accuracy* is the mean of the
shares of tokens of either kind that lie on their side of the best threshold.

The best unit of many is good by chance as well, and the tokens of one stretch are much alike. So the kinds of whole
stretches are shuffled, and the best unit taken again, many times: *p* is the share of shuffles, with the one that
happened, in which the best was as good.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass

SHUFFLES = 500
LEAST_STRETCHES = 8
"""Stretches of either kind below which nothing is known."""
P_VALUE = 0.01
"""At most this, so that a unit is said to tell the kinds apart."""
ENDS = frozenset(".?!")
"""Tokens that end a sentence."""


@dataclass(frozen=True, eq=False)
class Stretches:
    """The tokens that stand behind words of two kinds.

    Attributes:
        values: The memory at each of them, (N, units).
        stretch: The number of the stretch of each, (N,), from 0.
        kinds: The kind of each stretch, (S,): 0 or 1.
    """

    values: Array
    stretch: Array
    kinds: Array

    @property
    def counts(self) -> tuple[int, int]:
        """How many stretches there are of either kind."""
        ones = int(self.kinds.sum())
        return len(self.kinds) - ones, ones

    def __add__(self, other: Stretches) -> Stretches:
        """Return those of both."""
        return Stretches(
            np.concatenate([self.values, other.values]),
            np.concatenate([self.stretch, other.stretch + len(self.kinds)]),
            np.concatenate([self.kinds, other.kinds]),
        )


@dataclass(frozen=True)
class BestUnit:
    """What was found.

    Attributes:
        unit: The unit that tells the kinds apart best.
        accuracy: Its balanced accuracy, 0.5 to 1.
        chance: The most that the best unit reached in 99 of 100 shuffles.
        p: The share of shuffles in which the best unit was as good.
        higher: The kind at which its memory is the larger one.
        tokens: How many tokens it is judged on.
    """

    unit: int
    accuracy: float
    chance: float
    p: float
    higher: int
    tokens: int

    @property
    def is_known(self) -> bool:
        """Whether it is more than chance."""
        return self.p <= P_VALUE


def stretches_of(
    tokens: Sequence[str], memory: Array, kinds: tuple[Collection[str], Collection[str]], backward: bool = False
) -> Stretches:
    """Return the stretches of a text.

    Args:
        tokens: Its tokens, as they are looked up.
        memory: The memory at each, (T, units).
        kinds: The words of either kind.
        backward: Whether the pass reads from the end.
    """
    order = range(len(tokens) - 1, -1, -1) if backward else range(len(tokens))
    places: list[int] = []
    stretch: list[int] = []
    found: list[int] = []
    kind: int | None = None
    for t in order:
        token = tokens[t]
        if token in kinds[0] or token in kinds[1]:
            kind = int(token in kinds[1])
        elif token in ENDS:
            kind = None
        elif kind is not None:
            if not found or found[-1] != kind:
                found.append(kind)
            places.append(t)
            stretch.append(len(found) - 1)
    return Stretches(
        np.asarray(memory[places], dtype=np.float64).reshape(len(places), memory.shape[1]),
        np.array(stretch, dtype=np.int64),
        np.array(found, dtype=np.int64),
    )


def best_unit(of: Stretches, progress: Callable[[int, int], None] | None = None) -> BestUnit | None:
    """Return the unit that tells the kinds apart best, and how good the best is by chance.

    None where there are too few stretches of a kind, or no unit whose memory is finite throughout.

    Args:
        of: The stretches.
        progress: Called with the units done and all of them.
    """
    if min(of.counts) < LEAST_STRETCHES:
        return None
    random = np.random.default_rng(0)
    shuffled = np.array([of.kinds, *(random.permutation(of.kinds) for _ in range(SHUFFLES))])
    labels = shuffled[:, of.stretch]  # (1 + SHUFFLES, N)
    best = np.zeros(len(labels))
    found: tuple[float, int, int] | None = None
    for unit in range(of.values.shape[1]):
        if progress is not None:
            progress(unit, of.values.shape[1])
        values = of.values[:, unit]
        if not np.isfinite(values).all():
            continue
        accuracies, higher = balanced_accuracies(values, labels)
        best = np.maximum(best, accuracies)
        if found is None or accuracies[0] > found[0]:
            found = float(accuracies[0]), unit, int(higher[0])
    if found is None:
        return None
    p = float((best >= found[0] - 1e-12).mean())
    return BestUnit(found[1], found[0], float(np.quantile(best[1:], 0.99)), p, found[2], len(of.values))


def balanced_accuracies(values: Array, labels: Array) -> tuple[Array, Array]:
    """Return how well the best threshold of some numbers tells each of several labelings apart.

    Args:
        values: The numbers, (N,).
        labels: The labelings, (L, N), of 0 and 1; both stand in each.

    Returns:
        The balanced accuracies, (L,), and the label of the numbers above the threshold, (L,).
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    cuts = np.flatnonzero(ordered[1:] > ordered[:-1]) + 1  # numbers below the threshold
    ones = labels[:, order].cumsum(axis=1)
    total = ones[:, -1:]
    zeros_total = len(values) - total
    if not len(cuts):
        return np.full(len(labels), 0.5), np.ones(len(labels), dtype=np.int64)
    below = ones[:, cuts - 1]
    with np.errstate(all="ignore"):
        above_ones = (total - below) / total
        below_zeros = (cuts - below) / zeros_total
        scores = np.nan_to_num((above_ones + below_zeros) / 2, nan=0.5)
    upper, lower = scores.max(axis=1), 1 - scores.min(axis=1)
    return np.maximum(upper, lower), (upper >= lower).astype(np.int64)
