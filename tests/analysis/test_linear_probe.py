"""Probes against planted directions, a plain gradient descent, and labels that mean nothing."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.analysis.linear_probe import (
    LEAST_TOKENS,
    P_VALUE,
    PENALTY,
    LabelledTokens,
    balanced,
    fit_probe,
    judge_direction,
    logistic,
)
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError

UNITS = 12


def planted(
    direction: Array, sequences: int = 40, length: int = 12, noise: float = 0.3, seed: int = 0
) -> LabelledTokens:
    """Return states that change slowly, and labels that say on which side of a direction they are."""
    random = np.random.default_rng(seed)
    rows = []
    for _ in range(sequences):
        steps = random.normal(size=(length, UNITS))
        for t in range(1, length):
            steps[t] = 0.8 * steps[t - 1] + 0.6 * steps[t]
        rows.append(steps)
    values = np.concatenate(rows)
    labels = (values @ direction + noise * random.normal(size=len(values)) > 0).astype(np.float64)
    ids = random.integers(0, 30, len(values))
    return LabelledTokens(values, labels, ids, np.full(sequences, length))


def test_a_planted_direction_is_found_and_is_more_than_chance_and_than_the_control_task() -> None:
    direction = np.random.default_rng(1).normal(size=UNITS)
    found = fit_probe(planted(direction))
    cosine = found.weights @ direction / np.linalg.norm(found.weights) / np.linalg.norm(direction)
    assert cosine > 0.95
    assert found.judged.accuracy > 0.9
    assert found.judged.is_known
    assert found.judged.selectivity > 0.25
    assert judge_direction(direction, planted(direction)).is_known


def test_a_random_direction_and_labels_that_mean_nothing_are_not_called_more_than_chance() -> None:
    direction = np.random.default_rng(1).normal(size=UNITS)
    other = np.random.default_rng(2).normal(size=UNITS)
    other -= direction * (other @ direction) / (direction @ direction)
    judged = judge_direction(other, planted(direction))
    assert not judged.is_known
    assert judged.verdict == "not known to be more than chance"
    false = 0
    for seed in range(20):
        given = planted(direction, seed=seed)
        random = np.random.default_rng(100 + seed)
        labels = np.repeat(random.integers(0, 2, 40), 12).astype(np.float64)
        false += fit_probe(LabelledTokens(given.values, labels, given.ids, given.lengths), seed).judged.is_known
    assert false <= 1, f"of 20 sets of labels without meaning, at {P_VALUE}"


def test_the_fit_is_the_least_of_the_penalised_loss() -> None:
    given = planted(np.ones(UNITS), 6)
    weights, bias = logistic(given.values, given.labels)
    mean, spread = given.values.mean(0), given.values.std(0)
    x = (given.values - mean) / spread
    counts = np.where(given.labels > 0, 0.5 / given.labels.mean(), 0.5 / (1 - given.labels.mean()))

    def loss(w: Array, b: float) -> float:
        along = x @ w + b
        return float((counts * (np.logaddexp(0, along) - given.labels * along)).sum() + PENALTY / 2 * w @ w)

    at, added = weights * spread, float(bias + mean @ weights)
    for k in range(UNITS + 1):
        by = 1e-4 * np.eye(UNITS + 1)[k]
        assert loss(at, added) <= loss(at + by[:-1], added + by[-1]) + 1e-9
        assert loss(at, added) <= loss(at - by[:-1], added - by[-1]) + 1e-9


def test_the_balanced_accuracy_is_that_of_a_loop() -> None:
    random = np.random.default_rng(3)
    said, labels = random.random(50) > 0.4, (random.random((7, 50)) > 0.7).astype(np.float64)
    for row, found in zip(labels, balanced(said, labels), strict=True):
        ones = [bool(said[n]) for n in range(50) if row[n]]
        zeros = [not said[n] for n in range(50) if not row[n]]
        assert found == pytest.approx((np.mean(ones) + np.mean(zeros)) / 2)


@pytest.mark.parametrize("case", ["few", "nan", "none"])
def test_what_cannot_be_fitted_is_refused_in_one_line(case: str) -> None:
    given = planted(np.ones(UNITS), 4)
    values, labels = given.values.copy(), given.labels.copy()
    if case == "nan":
        values[3, 1] = np.nan
    labels[:] = 0
    if case == "few":
        labels[: LEAST_TOKENS // 2] = 1
    with pytest.raises(UserError):
        fit_probe(LabelledTokens(values, labels, given.ids, given.lengths))


def test_numbers_have_no_control_task_and_one_sequence_is_cut() -> None:
    given = planted(np.ones(UNITS), 1, 200)
    found = fit_probe(LabelledTokens(given.values, given.labels, np.full(200, -1), given.lengths))
    assert np.isnan(found.judged.control)
    assert found.judged.tokens == 50
