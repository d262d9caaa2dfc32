"""A direction of a value that tells tokens with a label from those without, and how far to believe it.

A direction fits what it was fitted on, so it is judged on sequences that were held out: by its *balanced accuracy*, the
mean of the shares of tokens with and without the label that it says rightly. Two things may still deceive. A probe may
know the tokens instead of the property: in a *control task* every kind of token has a label by lot, and what is reached
there is learned anyway; selectivity is what is above it. And labels that change slowly agree with whatever does: *p* is
how often the direction does as well on the labels of other sequences, or of other places (`relabelling`). Beside it
stand random directions: what they reach needs no direction in particular. The fit is a logistic regression.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.relabelling import permuted_labels, relabelling
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError

MOST_TOKENS = 20_000
"""Tokens that a probe is fitted on and judged by: whole sequences, chosen at random where there are more."""
LEAST_TOKENS, LEAST_HELD_OUT = 8, 4
"""Tokens with and without the label that a probe is fitted on at least, and judged by at least."""
PERMUTATIONS, RANDOM = 999, 199
"""How many labelings are permuted, and how many random directions are tried."""
P_VALUE = 0.01
"""At most this, so that a direction is said to be more than chance."""
PENALTY = 1.0
"""Of the squares of the weights, of values in units of their standard deviation."""
_HELD_OUT = 4
"""One of so many sequences is held out."""
_STEPS, _TRIES = 30, 8


@dataclass(frozen=True, eq=False)
class LabelledTokens:
    """Tokens of some sequences.

    Attributes:
        values: The value at each, (N, n).
        labels: 1 or 0 for each, (N,).
        ids: What kind of token each is, (N,); -1 where there are no kinds.
        lengths: Of the sequences, one behind the other.
    """

    values: Array
    labels: Array
    ids: Array
    lengths: Array

    def of(self, sequences: Array) -> LabelledTokens:
        """Return the tokens of some of the sequences."""
        ends = np.cumsum(self.lengths)
        rows = [np.arange(ends[n] - self.lengths[n], ends[n]) for n in sequences]
        at = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        return LabelledTokens(self.values[at], self.labels[at], self.ids[at], self.lengths[sequences])

    def has(self, least: int) -> bool:
        """Whether there are so many tokens with the label and without."""
        ones = int(self.labels.sum())
        return min(ones, len(self.labels) - ones) >= least


@dataclass(frozen=True, eq=False)
class Judged:
    """How well a direction tells labels, on what it was not fitted on.

    Attributes:
        accuracy: Its balanced accuracy.
        p: How often it does as well on labels that are permuted or shifted; NaN where there is no way to.
        tokens: How many tokens it is judged on.
        random: The balanced accuracy of random directions, the median of them.
        random_p: How often a random direction does as well.
        control: The balanced accuracy of a probe of the control task; NaN where there is none.
        least_p: The least that p could have been.
    """

    accuracy: float
    p: float
    tokens: int
    random: float
    random_p: float
    control: float = float("nan")
    least_p: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether it is more than chance, and more than a random direction."""
        return self.p <= P_VALUE and self.random_p <= P_VALUE

    @property
    def verdict(self) -> str:
        """What that comes to, in words."""
        if np.isnan(self.p) or self.least_p > P_VALUE:
            return "whether it is more than chance is not known: too little text is held out"
        if self.p > P_VALUE:
            return "not known to be more than chance"
        if self.random_p > P_VALUE:
            return "not known to be better than a random direction"
        return "more than chance"

    @property
    def selectivity(self) -> float:
        """By how much the accuracy is above that of the control task."""
        return self.accuracy - self.control


@dataclass(frozen=True, eq=False)
class LinearProbe:
    """A direction that was fitted: `values @ weights + bias` is above 0 where it says the label.

    Attributes:
        weights: The direction, (n,).
        bias: What is added.
        judged: How well it does on what was held out.
    """

    weights: Array
    bias: float
    judged: Judged


def fit_probe(given: LabelledTokens, seed: int = 0) -> LinearProbe:
    """Fit a direction to labels and judge it on sequences that are held out.

    Raises:
        UserError: There are too few tokens with the label or without, or a value is not finite.
    """
    train, held = _split(given, seed)
    weights, bias = logistic(train.values, train.labels)
    judged = _judge(held.values @ weights + bias > 0, train, held, seed)
    return LinearProbe(weights, bias, replace(judged, control=_control(train, held, seed)))


def judge_direction(direction: Array, given: LabelledTokens, seed: int = 0) -> Judged:
    """Judge a direction, (n,), that was given, as `judge_number` does what is along it.

    Raises:
        UserError: As `fit_probe`.
    """
    return judge_number(lambda values: values @ direction, given, seed)


def judge_number(number: Callable[[Array], Array], given: LabelledTokens, seed: int = 0) -> Judged:
    """Judge a number of each token that was given: where it parts the labels is fitted, and judged on what is held out.

    Args:
        number: Returns it, (N,), of some values, (N, n): along a direction, or what comes out of an activation.
        given: The tokens.
        seed: Of what is held out, and of the permutations.

    Raises:
        UserError: As `fit_probe`.
    """
    train, held = _split(given, seed)
    sign, bias = _placed(number(train.values), train)
    return _judge(sign * number(held.values) + bias > 0, train, held, seed)


def _placed(along: Array, train: LabelledTokens) -> tuple[float, float]:
    """Return the sign by which a number, (N,), is larger with the label, and what is added so that 0 lies between."""
    with_label, without = along[train.labels > 0].mean(), along[train.labels == 0].mean()
    sign = 1.0 if with_label >= without else -1.0
    return sign, float(-sign * (with_label + without) / 2)


def _judge(said: Array, train: LabelledTokens, held: LabelledTokens, seed: int) -> Judged:
    """Judge what is said of the tokens held out, (N,), beside what random directions say."""
    mine = balanced(said, held.labels[None])[0]
    p, least = _by_relabelling(said, held, seed)
    random = np.random.default_rng(seed + 2)
    spread = np.where(train.values.std(axis=0) > 0, train.values.std(axis=0), 1.0)
    reached = np.empty(RANDOM)
    for n in range(RANDOM):
        way = random.normal(size=train.values.shape[1]) / spread
        sign, added = _placed(train.values @ way, train)
        reached[n] = balanced(sign * (held.values @ way) + added > 0, held.labels[None])[0]
    random_p = float((1 + (reached >= mine - 1e-12).sum()) / (1 + RANDOM))
    return Judged(float(mine), p, len(held.labels), float(np.median(reached)), random_p, least_p=least)


def _by_relabelling(said: Array, held: LabelledTokens, seed: int) -> tuple[float, float]:
    """Return how often what is said, (N,), is as right of other labels, and the least that can be; NaN if not known."""
    relabelled = relabelling(held.lengths, PERMUTATIONS, np.random.default_rng(seed))
    if relabelled is None:
        return np.nan, np.nan
    here, said = held.labels[relabelled.steps], said[relabelled.steps]
    if here.min() == here.max():
        return np.nan, np.nan
    others = balanced(said, permuted_labels(held.labels, relabelled))
    at_least = int((others >= balanced(said, here[None])[0] - 1e-12).sum())
    return relabelled.p_value(at_least), relabelled.p_value(0)


def balanced(said: Array, labels: Array) -> Array:
    """Return the balanced accuracy of what is said, (N,), by each of some labelings, (L, N)."""
    with quiet():
        right = (labels * said).sum(axis=1) / labels.sum(axis=1)
        wrong = ((1 - labels) * ~said).sum(axis=1) / (1 - labels).sum(axis=1)
        return np.asarray(np.nan_to_num((right + wrong) / 2, nan=0.5))


def logistic(values: Array, labels: Array) -> tuple[Array, float]:
    """Return the weights and the bias of a logistic regression with a penalty, by steps of Newton.

    Args:
        values: (N, n), finite.
        labels: (N,), 0 or 1; both stand there, and count as much.
    """
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    x = np.concatenate([(values - mean) / spread, np.ones((len(values), 1))], axis=1)
    ones = labels.mean()
    counts = np.where(labels > 0, 0.5 / ones, 0.5 / (1 - ones))
    w = np.zeros(x.shape[1])
    penalty = np.full(len(w), PENALTY)
    penalty[-1] = 1e-9
    for _ in range(_STEPS):
        said = 1 / (1 + np.exp(-np.clip(x @ w, -500, 500)))
        slope = x.T @ (counts * (said - labels)) + penalty * w
        curve = (x * (counts * said * (1 - said))[:, None]).T @ x + np.diag(penalty)
        by = np.linalg.solve(curve, slope)
        w = w - by * min(1.0, 10.0 / max(float(np.abs(by).max()), 1e-12))
        if np.abs(by).max() < 1e-9:
            break
    weights = w[:-1] / spread
    return weights, float(w[-1] - mean @ weights)


def _split(given: LabelledTokens, seed: int) -> tuple[LabelledTokens, LabelledTokens]:
    """Return tokens to fit on, and tokens that are held out: whole sequences; of a single one its last part."""
    if not np.isfinite(given.values).all():
        raise UserError("a value there is not finite: no direction can be fitted to it")
    random = np.random.default_rng(seed)
    if len(given.lengths) == 1:
        size = int(given.lengths[0])
        last = max(size // _HELD_OUT, 1)
        given = LabelledTokens(given.values, given.labels, given.ids, np.array([size - last, last]))
        parts = given.of(np.array([0])), given.of(np.array([1]))
        if parts[0].has(LEAST_TOKENS) and parts[1].has(LEAST_HELD_OUT):
            return parts
    for _ in range(_TRIES):
        order = random.permutation(len(given.lengths))
        order = order[np.cumsum(given.lengths[order]) <= max(MOST_TOKENS, int(given.lengths[order[0]]))]
        held = max(len(order) // _HELD_OUT, 1)
        parts = given.of(np.sort(order[held:])), given.of(np.sort(order[:held]))
        if parts[0].has(LEAST_TOKENS) and parts[1].has(LEAST_HELD_OUT):
            return parts
    ones = int(given.labels.sum())
    raise UserError(
        f"{ones} of {len(given.labels)} tokens have the label: a probe needs {LEAST_TOKENS} with it and without "
        f"to be fitted on, and {LEAST_HELD_OUT} in other sequences to be judged by; open a file with more lines"
    )


def _control(train: LabelledTokens, held: LabelledTokens, seed: int) -> float:
    """Return the balanced accuracy of a probe of labels that kinds of tokens have by lot; NaN where there is none."""
    if not len(train.ids) or train.ids.min() < 0 or held.ids.min() < 0:
        return float("nan")
    random = np.random.default_rng(seed + 1)
    kinds, of_each = np.unique(np.concatenate([train.ids, held.ids]), return_inverse=True)
    for _ in range(_TRIES):
        lot = (random.random(len(kinds)) < train.labels.mean()).astype(np.float64)[of_each]
        mine, theirs = lot[: len(train.ids)], lot[len(train.ids) :]
        if all(0 < labels.sum() < len(labels) for labels in (mine, theirs)):
            weights, bias = logistic(train.values, mine)
            return float(balanced(held.values @ weights + bias > 0, theirs[None])[0])
    return float("nan")
