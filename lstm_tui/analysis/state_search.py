"""Where in many runs some units behave like a marked range, or hold above or below thresholds.

The states of a corpus lie one sequence behind the other. They are read a stretch at a time and unit by unit, so that
what is held does not grow with the corpus, and only the units that are asked about are read.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.progress_call import Progress

STRETCH = 1 << 16
"""Steps that are looked at together."""
_CANDIDATES = 16
"""Candidates for each hit that are measured exactly."""


class SearchedStates(Protocol):
    """A value of every step of many sequences."""

    @property
    def steps(self) -> int:
        """Number of steps, N."""

    @property
    def units(self) -> int:
        """Number of units, H."""

    @property
    def starts(self) -> Array:
        """First step of each sequence, and N behind them, (S + 1,)."""

    def read(self, units: Sequence[int], first: int, stop: int) -> Array:
        """Return some units over a range of steps, (U, stop - first)."""


class Hit(NamedTuple):
    """A range of steps that was found.

    Attributes:
        first: Its first step among all.
        stop: The step behind its last.
        score: Distance to the pattern, root of the mean square; or the number of steps.
    """

    first: int
    stop: int
    score: float


@dataclass(frozen=True)
class UnitCondition:
    """What one unit is to be.

    Attributes:
        unit: Which.
        sign: `>`, `>=`, `<` or `<=`.
        number: Than what.
    """

    unit: int
    sign: str
    number: float

    def holds(self, values: Array) -> Array:
        """Say where it holds; of NaN it does not."""
        with quiet():
            if self.sign[0] == ">":
                return np.asarray(values >= self.number if "=" in self.sign else values > self.number)
            return np.asarray(values <= self.number if "=" in self.sign else values < self.number)


def like_pattern(
    states: SearchedStates,
    units: Sequence[int],
    pattern: Array,
    most: int,
    without: range = range(0),
    progress: Progress | None = None,
) -> list[Hit]:
    """Return the ranges at which some units are nearest to a pattern, the nearest first.

    A range lies within one sequence, and no range that overlaps it is nearer.

    Args:
        states: The steps.
        units: U units.
        pattern: What they were, (U, L); of one step, a state.
        most: How many ranges are wanted.
        without: Steps that are no hits: those of the pattern itself.
        progress: Called with the steps looked at, and all of them.

    Raises:
        UserError: The pattern holds what is no finite number.
    """
    wanted = np.asarray(pattern, np.float32)
    if not np.isfinite(wanted).all():
        raise UserError("the marked range holds what is no finite number: nothing is like it")
    length = wanted.shape[1]
    best: list[tuple[float, int]] = []  # a heap of negative distances: the farthest first
    keep = most * _CANDIDATES
    last = states.steps - length + 1
    for base in range(0, max(last, 0), STRETCH):
        margin = min(base, length - 1)
        stop = min(base + STRETCH, last)
        values = states.read(units, base - margin, min(stop + 2 * (length - 1), states.steps))
        near = _distances(values, wanted)
        near[_crossing(states, base - margin, len(near), length)] = np.inf
        start = base - margin
        low, high = max(without.start - length + 1, start) - start, min(without.stop, start + len(near)) - start
        if without and low < high:
            near[low:high] = np.inf
        mine = slice(margin, margin + stop - base)
        least = np.flatnonzero(_is_least(near, length)[mine] & np.isfinite(near[mine]))
        if len(least) > keep:
            least = np.sort(least[np.argpartition(near[mine][least], keep)[:keep]])
        for place in least:
            item = (-float(near[mine][place]), -(base + int(place)))
            if len(best) < keep:
                heapq.heappush(best, item)
            elif item > best[0]:
                heapq.heapreplace(best, item)
        if progress is not None:
            progress(stop, last)
    found = [(_exact(states, units, wanted, -place), -place) for _, place in best]
    return [Hit(first, first + length, distance) for distance, first in sorted(found)[:most]]


def _distances(values: Array, wanted: Array) -> Array:
    """Return the square of the distance of each range to the pattern, about: (n - L + 1,)."""
    length, count = wanted.shape[1], values.shape[1] - wanted.shape[1] + 1
    with quiet():
        squares = np.einsum("un,un->n", values, values, dtype=np.float32, casting="unsafe").astype(np.float64)
        squares[~np.isfinite(squares)] = np.nan
        sums = np.zeros(count)
        for step in range(length):
            sums += squares[step : step + count]
            sums -= 2 * (wanted[:, step] @ values[:, step : step + count])
        sums += float(np.square(wanted.astype(np.float64)).sum())
    return np.where(np.isnan(sums), np.inf, np.maximum(sums, 0))


def _exact(states: SearchedStates, units: Sequence[int], wanted: Array, first: int) -> float:
    values = states.read(units, first, first + wanted.shape[1]).astype(np.float64)
    return float(np.sqrt(np.square(values - wanted).mean()))


def _crossing(states: SearchedStates, base: int, count: int, length: int) -> Array:
    """Say which ranges would reach from one sequence into the next."""
    crossing = np.zeros(count, dtype=np.bool_)
    starts = states.starts
    for edge in starts[np.searchsorted(starts, base, "right") : np.searchsorted(starts, base + count + length, "left")]:
        crossing[max(int(edge) - length + 1 - base, 0) : max(int(edge) - base, 0)] = True
    return crossing


def _is_least(near: Array, length: int) -> Array:
    """Say which ranges are nearer than every other that overlaps them; of equals it is the first."""
    least = np.ones(len(near), dtype=np.bool_)
    for by in range(1, min(length, len(near))):
        least[by:] &= near[by:] < near[:-by]
        least[:-by] &= near[:-by] <= near[by:]
    return least


def where_conditions_hold(
    states: SearchedStates, conditions: Sequence[UnitCondition], most: int, progress: Progress | None = None
) -> list[Hit]:
    """Return the longest ranges of steps at which every condition holds, the longest first.

    Args:
        states: The steps.
        conditions: What units are to be.
        most: How many ranges are wanted.
        progress: Called with the steps looked at, and all of them.
    """
    best: list[tuple[int, int]] = []
    units = [one.unit for one in conditions]
    begun = -1
    starts = states.starts

    def ended(first: int, stop: int) -> None:
        item = (stop - first, -first)
        if len(best) < most:
            heapq.heappush(best, item)
        elif item > best[0]:
            heapq.heapreplace(best, item)

    for base in range(0, states.steps, STRETCH):
        stop = min(base + STRETCH, states.steps)
        values = states.read(units, base, stop)
        holds = np.logical_and.reduce([one.holds(row) for one, row in zip(conditions, values, strict=True)])
        before = np.concatenate([[begun >= 0], holds[:-1]])
        cut = np.zeros(len(holds), dtype=np.bool_)
        inside = starts[np.searchsorted(starts, base) : np.searchsorted(starts, stop)]
        cut[inside - base] = True
        opens = np.flatnonzero(holds & (~before | cut))
        closes = np.flatnonzero(before & (~holds | cut))
        if begun >= 0 and len(closes):
            ended(begun, base + int(closes[0]))
            closes, begun = closes[1:], -1
        paired = min(len(opens), len(closes))
        sizes = closes[:paired] - opens[:paired]
        order = np.argsort(-sizes, kind="stable")[:most]
        for n in order:
            ended(base + int(opens[n]), base + int(closes[n]))
        if len(opens) > paired:
            begun = base + int(opens[-1])
        if progress is not None:
            progress(stop, states.steps)
    if begun >= 0:
        ended(begun, states.steps)
    return [
        Hit(-first, -first + size, float(size)) for size, first in sorted(best, key=lambda item: (-item[0], -item[1]))
    ]


class TokenMean(NamedTuple):
    """How far a gate is open at a token, over all its occurrences.

    Attributes:
        token: Its id.
        mean: Mean of the gate over the units that are asked about.
        occurs: How often it stands in the corpus.
    """

    token: int
    mean: float
    occurs: int


def means_by_token(
    states: SearchedStates, ids: Array, units: Sequence[int], least: int, progress: Progress | None = None
) -> list[TokenMean]:
    """Return the mean of some units at every token that occurs often enough, the largest first.

    Args:
        states: The steps.
        ids: The token of each step, (N,).
        units: Units.
        least: How often a token occurs at least.
        progress: Called with the steps looked at, and all of them.
    """
    size = int(ids.max()) + 1 if len(ids) else 0
    sums, counts = np.zeros(size), np.zeros(size, np.int64)
    for base in range(0, states.steps, STRETCH):
        stop = min(base + STRETCH, states.steps)
        with quiet():
            means = states.read(units, base, stop).mean(axis=0, dtype=np.float64)
        mine = np.asarray(ids[base:stop])
        sums += np.bincount(mine, means, size)
        counts += np.bincount(mine, minlength=size)
        if progress is not None:
            progress(stop, states.steps)
    often = np.flatnonzero(counts >= least)
    with quiet():
        means = sums[often] / counts[often]
    order = np.argsort(-np.nan_to_num(means, nan=-np.inf), kind="stable")
    return [TokenMean(int(often[n]), float(means[n]), int(counts[often[n]])) for n in order]
