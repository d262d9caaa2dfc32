"""Which units follow a property of the text, such as being inside a quotation: effect sizes with corrected p-values.

The p-value of a unit is how often the largest effect of all units, with the labels of other steps, is at least as large
as the unit's own. It is corrected for the number of units tried. Which labels those are, and what is taken for granted
thereby, is told by `relabelling`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lstm_tui.analysis.relabelling import relabelling
from lstm_tui.analysis.search_defaults import PERMUTATION_SEED, PERMUTATIONS
from lstm_tui.analysis.state_search import SearchedStates
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.progress_call import Progress

MOST_STEPS = 1_000_000
"""Steps of whole sequences from which it is told; more would not tell it better."""
FOUND = 0.03
"""A unit whose p-value is below follows the property. A p-value is drawn, too: by default, one that is one in twenty
comes out below this in fewer than one of 30 draws."""
_STRETCH = 1 << 14
_MOST_LABELS = 1 << 25
"""Labels that are held at a time."""
_SPREAD = 1e-6
"""Deviations of labels, whose own is 1, up to which they do not change."""
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


class PropertyUnits(NamedTuple):
    """How the units follow a property.

    Attributes:
        units: Every unit, the largest effect first.
        steps: How many steps are compared.
        relabelled: How often the labels were permuted or shifted, in words.
        least_p: No p-value can be less.
        assumption: What the p-values take for granted, and what is not compared, in words.
    """

    units: list[FollowingUnit]
    steps: int
    relabelled: str
    least_p: float
    assumption: str

    @property
    def following(self) -> list[FollowingUnit]:
        """Those that follow it."""
        return [one for one in self.units if one.follows]


def units_that_follow(
    states: SearchedStates,
    labels: Array,
    permutations: int = PERMUTATIONS,
    seed: int = PERMUTATION_SEED,
    progress: Progress | None = None,
) -> PropertyUnits:
    """Return how every unit follows a property.

    Args:
        states: The steps.
        labels: A number for each step, (N,), such as 1 where the property holds and 0 elsewhere.
        permutations: How many are tried at most; of shifts, to either side.
        seed: Of the permutations.
        progress: Called with the steps looked at, and all of them.

    Raises:
        UserError: The labels are the same at every step that is compared, or not finite, or there is too little text.
    """
    first, lengths = _chosen(states, seed)
    steps = np.concatenate([np.arange(at, at + size) for at, size in zip(first, lengths, strict=True)] or [first])
    labels = np.asarray(labels, np.float64)[steps]
    if not np.isfinite(labels).all():
        raise UserError("a label is no finite number")
    if not len(labels) or labels.min() == labels.max():
        raise UserError("the property holds at every step or at none: no unit can follow it")
    labels = (labels - labels.mean()) / labels.std()
    relabelled = relabelling(lengths, permutations, np.random.default_rng(seed))
    if relabelled is None:
        raise UserError(
            f"{count_of(len(labels), 'step')} in {count_of(len(lengths), 'line')}: too few to tell what follows from "
            "chance; take more text"
        )
    mine = labels[relabelled.steps]
    steps = steps[relabelled.steps]
    if mine.min() == mine.max():
        held = "all" if mine[0] > 0 else "none"
        raise UserError(
            f"the property holds at {held} of the {count_of(len(mine), 'step')} that can be compared, of "
            f"{len(labels)}: take more text"
        )
    permutations = relabelled.count
    above = mine > mine.mean()
    count, units = len(mine), states.units
    products, sums = np.zeros((permutations + 1, units)), np.zeros((3, units))
    shift = states.read(range(units), int(steps[0]), int(steps[0]) + 1).astype(np.float64)[:, 0]
    shift = np.where(np.isfinite(shift), shift, 0.0).astype(np.float32)
    moments = np.zeros((2, permutations + 1))
    stretch = min(_STRETCH, max(_MOST_LABELS // (permutations + 1), 1))
    for base in range(0, count, stretch):
        here = slice(base, min(base + stretch, count))
        values = _read(states, steps[here]) - shift
        rows = np.empty((permutations + 1, len(values)), values.dtype)
        rows[0] = mine[here]
        for row, origin in enumerate(relabelled.origins(here), 1):
            rows[row] = labels[origin]
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
        labelled = moments[0] / count
        spread = np.sqrt(np.maximum(moments[1] / count - labelled**2, 0))[:, None]
        effects = products / count - labelled[:, None] * mean
        effects /= np.where(deviation > 0, deviation, np.nan) * np.where(spread > _SPREAD, spread, np.inf)
        within = int(above.sum())
        inside = sums[2] / within + shift
        outside = (sums[0] - sums[2]) / (count - within) + shift
    sizes = np.abs(effects)
    largest = np.sort(np.max(np.nan_to_num(sizes[1:], nan=0.0), axis=1))
    reached = len(largest) - np.searchsorted(largest, sizes[0] * _ALIKE)
    found = [
        FollowingUnit(
            int(unit),
            float(effects[0, unit]),
            float(inside[unit]),
            float(outside[unit]),
            np.nan if np.isnan(effects[0, unit]) else relabelled.p_value(int(reached[unit])),
        )
        for unit in np.argsort(-np.nan_to_num(sizes[0], nan=-1.0), kind="stable")
    ]
    told = count_of(permutations, relabelled.what)
    return PropertyUnits(found, count, told, relabelled.p_value(0), relabelled.assumption)


def _chosen(states: SearchedStates, seed: int) -> tuple[Array, Array]:
    """Return where the sequences begin that are looked at, and how long each is: all, or so many as there is room for.

    Where not even one has room, it is the beginning of the first.
    """
    starts = np.asarray(states.starts, np.int64)
    lengths = np.diff(starts)
    there = np.flatnonzero(lengths)
    if lengths.sum() > MOST_STEPS:
        order = np.random.default_rng(seed).permutation(there)
        within = np.cumsum(lengths[order]) <= MOST_STEPS
        there = np.sort(order[within]) if within.any() else order[:1]
    return starts[there], np.minimum(lengths[there], MOST_STEPS)


def _read(states: SearchedStates, steps: Array) -> Array:
    """Return every unit at some steps, which go up, (n, H): each run of steps one behind the other is read at once."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(steps) != 1) + 1, [len(steps)]])
    parts = [
        states.read(range(states.units), int(steps[first]), int(steps[stop - 1]) + 1) for first, stop in pairwise(edges)
    ]
    return np.concatenate(parts, axis=1).T
