"""Which units follow a property of the text, such as being inside a quotation: effect sizes with corrected p-values.

A unit and a property that both change slowly agree by chance far more often than single steps would, and both may
depend on how far from its beginning a step is. So labels are never shuffled step by step: a permutation gives each
sequence the labels of another of like length, stretched to its own where that differs. Only where hardly any sequence
is like another are labels turned round by some steps. Within a sequence everything stays in its order.

The p-value of a unit is how often the largest effect of all units, with permuted labels, is at least as large as the
unit's own. It is corrected for the number of units tried. It takes sequences to be drawn independently of each other,
and where labels are turned round, unit and property to be of one kind all along a sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import lgamma, log
from typing import NamedTuple

import numpy as np

from lstm_tui.analysis.state_search import SearchedStates
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.progress_call import Progress

PERMUTATIONS = 199
"""Permutations by default: the least p-value is 1 in 200."""
MOST_STEPS = 1_000_000
"""Steps of whole sequences from which it is told; more would not tell it better."""
FOUND = 0.05
"""A unit whose p-value is below follows the property."""
_STRETCH = 1 << 14
_ENOUGH = 4
"""Sequences of one length from which on they are permuted among themselves."""
_LIKE, _LAST = 1.25, 1.5
"""How much longer one sequence may be than another whose labels it gets, and the one that would be left alone."""
_ARRANGEMENTS = 100
"""Ways to hand out whole sequences from which on nothing but those that are alone is turned round."""
_ALIKE = 1 - 1e-6
"""Two effects that are computed in another order are the same up to this."""


class FollowingUnit(NamedTuple):
    """How a unit follows a property.

    Attributes:
        unit: Which.
        effect: The correlation of unit and label over the steps, from -1 to 1; NaN where the unit never changes.
        inside: Its mean where the label is 1, or above the labels' mean.
        outside: Its mean elsewhere.
        p: How often chance gives any unit at least this effect.
    """

    unit: int
    effect: float
    inside: float
    outside: float
    p: float

    @property
    def follows(self) -> bool:
        """Whether chance hardly ever gives any unit such an effect."""
        return self.p < FOUND


def units_that_follow(
    states: SearchedStates,
    labels: Array,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[FollowingUnit]:
    """Return every unit with how it follows a property, the largest effect first.

    Args:
        states: The steps.
        labels: A number for each step, (N,), such as 1 where the property holds and 0 elsewhere.
        permutations: How many are tried.
        seed: Of the permutations.
        progress: Called with the steps looked at, and all of them.

    Raises:
        UserError: The labels are the same at every step, not finite, or there are fewer than two ways to permute them.
    """
    chosen = _chosen(states, seed)
    starts = np.asarray(states.starts)
    lengths = (starts[1:] - starts[:-1])[chosen]
    firsts = starts[:-1][chosen]
    steps = np.concatenate([np.arange(first, first + size) for first, size in zip(firsts, lengths, strict=True)])
    mine = np.asarray(labels, np.float64)[steps]
    if not np.isfinite(mine).all():
        raise UserError("a label is no finite number")
    if not len(mine) or mine.min() == mine.max():
        raise UserError("the property holds at every step or at none: no unit can follow it")
    mine = (mine - mine.mean()) / mine.std()
    sources = _permuted(lengths, permutations, np.random.default_rng(seed))
    if sources is None:
        raise UserError("there is one sequence of one step of each length: nothing can be permuted")
    above = mine > 0
    count, units = len(mine), states.units
    products, sums = np.zeros((permutations + 1, units)), np.zeros((3, units))
    shift = states.read(range(units), int(firsts[0]), int(firsts[0]) + 1).astype(np.float64)[:, 0]
    shift = np.where(np.isfinite(shift), shift, 0.0).astype(np.float32)
    places = np.concatenate([[0], np.cumsum(lengths)])
    moments = np.zeros((2, permutations + 1))
    for base in range(0, count, _STRETCH):
        here = slice(base, min(base + _STRETCH, count))
        values = _read(states, steps[here]) - shift
        rows = np.empty((permutations + 1, len(values)), values.dtype)
        rows[0] = mine[here]
        within_sequence = np.searchsorted(places, np.arange(here.start, here.stop), "right") - 1
        offset = np.arange(here.start, here.stop) - places[within_sequence]
        for row, source in enumerate(sources, 1):
            rows[row] = mine[_origin(source, lengths, places, within_sequence, offset)]
        with quiet():
            products += rows @ values
            exact = values.astype(np.float64)
            sums += np.stack([exact.sum(0), np.square(exact).sum(0), exact[above[here]].sum(0)])
            moments += np.stack([rows.sum(1, np.float64), np.square(rows.astype(np.float64)).sum(1)])
        if progress is not None:
            progress(here.stop, count)
    with quiet():
        mean = sums[0] / count
        deviation = np.sqrt(np.maximum(sums[1] / count - mean**2, 0))
        labelled = moments[0] / count  # 0 and 1 again, but for labels that were stretched
        spread = np.sqrt(np.maximum(moments[1] / count - labelled**2, 0))[:, None]
        effects = products / count - labelled[:, None] * mean
        effects /= np.where(deviation > 0, deviation, np.nan) * np.where(spread > 0, spread, np.inf)
        within = int(above.sum())
        inside = sums[2] / within + shift
        outside = (sums[0] - sums[2]) / (count - within) + shift
    sizes = np.abs(effects)
    largest = np.max(np.nan_to_num(sizes[1:], nan=0.0), axis=1) if permutations else np.zeros(0)
    found = []
    for unit in range(units):
        effect = float(effects[0, unit])
        p = (
            float("nan")
            if np.isnan(effect)
            else (1 + int((largest >= abs(effect) * _ALIKE).sum())) / (1 + permutations)
        )
        found.append(FollowingUnit(unit, effect, float(inside[unit]), float(outside[unit]), p))
    return sorted(found, key=lambda one: (-np.nan_to_num(abs(one.effect), nan=-1.0), one.unit))


def permuted_labels(labels: Array, lengths: Array, permutations: int, random: np.random.Generator) -> Array | None:
    """Return labels of sequences that lie one behind the other, (N,), permuted as whole sequences, (P, N).

    None where nothing can be permuted: there is one sequence of one step of each length.
    """
    sources = _permuted(lengths, permutations, random)
    if sources is None:
        return None
    places = np.concatenate([[0], np.cumsum(lengths)])
    of = np.repeat(np.arange(len(lengths)), lengths)
    offset = np.arange(len(labels)) - places[of]
    rows = [labels[_origin(source, lengths, places, of, offset)] for source in sources]
    return np.array(rows).reshape(len(rows), len(labels))


def _chosen(states: SearchedStates, seed: int) -> Array:
    """Return the numbers of the sequences that are looked at: all, or so many at random as there is room for."""
    lengths = np.diff(np.asarray(states.starts))
    there = np.flatnonzero(lengths)
    if lengths.sum() <= MOST_STEPS:
        return there
    order = np.random.default_rng(seed).permutation(there)
    within = np.cumsum(lengths[order]) <= MOST_STEPS
    return np.sort(order[within]) if within.any() else order[:1]


class _Arrangement(NamedTuple):
    """Whose labels each sequence gets, (S,), and by how many steps they are turned round, (S,)."""

    order: Array
    turns: Array


def _origin(source: _Arrangement, lengths: Array, places: Array, of: Array, offset: Array) -> Array:
    """Return the step whose label each step gets.

    Args:
        source: Whose labels each sequence gets.
        lengths: Of the sequences, (S,).
        places: Where each begins, and the end, (S + 1,).
        of: The sequence of each step, (n,).
        offset: How far from its beginning each step is, (n,).
    """
    mine, other = lengths[of], lengths[source.order[of]]
    turned = (offset - source.turns[of]) % mine
    stretched = np.rint(turned * ((other - 1) / np.maximum(mine - 1, 1))).astype(np.int64)
    return np.asarray(places[source.order[of]] + np.where(mine == other, turned, stretched))


def assumed(starts: Array) -> str:
    """Return what the p-values take for granted of sequences that begin at these steps, in words.

    Args:
        starts: First step of each sequence, and N behind them, (S + 1,).
    """
    lengths = np.diff(np.asarray(starts))
    lengths = lengths[lengths > 0]
    groups = _groups(lengths)
    turned = len(lengths) if _few(groups) else sum(len(group) == 1 for group in groups)
    whole = len(lengths) - turned
    said = ["the lines are independent of each other"] if len(lengths) > 1 else []
    if turned:
        which = "the text" if len(lengths) == 1 else "all of them" if not whole else f"{turned} that are like no other"
        said.append(f"unit and property are of one kind from the beginning to the end of {which}")
    return f"the p-values assume that {' and that '.join(said)}"


def _few(groups: Sequence[Array]) -> bool:
    """Say whether there are hardly any ways to hand out whole sequences."""
    return sum(lgamma(len(group) + 1) for group in groups) < log(_ARRANGEMENTS)


def _permuted(lengths: Array, permutations: int, random: np.random.Generator) -> list[_Arrangement] | None:
    """Return of each permutation whose labels each sequence gets, and by how many steps they are turned."""
    if len(lengths) == 1 and lengths[0] == 1:
        return None
    groups = _groups(lengths)
    few = _few(groups)
    if few and all(len(group) == 1 and lengths[group[0]] == 1 for group in groups):
        return None
    found = []
    for _ in range(permutations):
        order, turns = np.arange(len(lengths)), np.zeros(len(lengths), np.int64)
        for group in groups:
            order[group] = random.permutation(group)
            if few or len(group) == 1:
                turns[group] = random.integers(0, lengths[group])
        found.append(_Arrangement(order, turns))
    return found


def _groups(lengths: Array) -> list[Array]:
    """Return the sequences that may get each other's labels: of one length, or where those are few, of like length."""
    groups: list[list[int]] = []
    is_open = False  # whether those of the next length may join the last group
    for size in np.unique(lengths):
        some = np.flatnonzero(lengths == size).tolist()
        if len(some) >= _ENOUGH:
            groups.append(some)
            is_open = False
        elif is_open and size <= max(lengths[groups[-1][0]] * _LIKE, lengths[groups[-1][0]] + 1):
            groups[-1] += some
        else:
            groups.append(some)
            is_open = True
    for n in reversed(range(1, len(groups))):  # who is alone joins the next shorter ones
        if len(groups[n]) == 1 and lengths[groups[n][0]] <= lengths[groups[n - 1][0]] * _LAST:
            groups[n - 1] += groups.pop(n)
    return [np.array(group) for group in groups]


def _read(states: SearchedStates, steps: Array) -> Array:
    """Return every unit at some steps, which go up, (n, H): each run of steps one behind the other is read at once."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(steps) != 1) + 1, [len(steps)]])
    parts = [
        states.read(range(states.units), int(steps[first]), int(steps[stop - 1]) + 1) for first, stop in pairwise(edges)
    ]
    return np.concatenate(parts, axis=1).T
