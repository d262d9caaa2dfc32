"""Which unit tells words of one kind from another: against brute force, and against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.analysis.probe import (
    ENDS,
    LEAST_STRETCHES,
    P_VALUE,
    Stretches,
    balanced_accuracies,
    best_unit,
    stretches_of,
)

WORDS = st.lists(st.sampled_from(["he", "she", "her", "likes", "tea", "."]), max_size=30)
KINDS = (frozenset({"he"}), frozenset({"she", "her"}))


def naive(values: list[float], labels: list[int]) -> float:
    """Return the balanced accuracy of the best threshold, either way round, tried one by one."""
    best = 0.5
    for threshold in values:
        for above in (0, 1):
            right = [0, 0]
            for value, label in zip(values, labels, strict=True):
                said = above if value > threshold else 1 - above
                right[label] += said == label
            shares = [right[one] / labels.count(one) for one in (0, 1)]
            best = max(best, sum(shares) / 2)
    return best


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), min_size=2, max_size=12))
def test_the_best_threshold_is_that_of_trying_each(pairs: list[tuple[int, int]]) -> None:
    values, labels = [float(value) for value, _ in pairs], [label for _, label in pairs]
    if len(set(labels)) < 2:
        return
    accuracies, higher = balanced_accuracies(np.array(values), np.array([labels, labels[::-1]]))
    assert accuracies[0] == pytest.approx(naive(values, labels))
    assert accuracies[1] == pytest.approx(naive(values, labels[::-1]))
    assert set(higher) <= {0, 1}


@given(WORDS, st.booleans())
def test_stretches_are_what_a_loop_says(words: list[str], backward: bool) -> None:
    memory = np.arange(2.0 * len(words)).reshape(len(words), 2)
    found = stretches_of(words, memory, KINDS, backward)
    order = [*reversed(range(len(words)))] if backward else [*range(len(words))]
    expected: list[tuple[int, int]] = []  # place and kind
    for n, t in enumerate(order):
        if words[t] in KINDS[0] | KINDS[1] | ENDS:
            continue
        before = [words[m] for m in order[:n]]
        last = max((k for k, word in enumerate(before) if word in KINDS[0] | KINDS[1]), default=None)
        if last is not None and "." not in before[last:]:
            expected.append((t, int(before[last] in KINDS[1])))
    assert found.values[:, 0].tolist() == [2.0 * t for t, _ in expected]
    assert [int(found.kinds[n]) for n in found.stretch] == [kind for _, kind in expected]
    assert all(one != other for one, other in zip(found.kinds, found.kinds[1:], strict=False))


def made(signal: float, seed: int, stretches: int = 24, units: int = 10) -> Stretches:
    """Return stretches in which unit 3 holds the kind, as far as the signal is above the noise."""
    random = np.random.default_rng(seed)
    kinds = np.arange(stretches) % 2
    stretch = np.repeat(np.arange(stretches), 3)
    values = random.normal(size=(stretches, units))[stretch]  # all tokens of a stretch are alike
    values[:, 3] += signal * kinds[stretch]
    return Stretches(values, stretch, kinds)


def test_a_unit_that_tells_is_found_and_its_side_is_right() -> None:
    told = best_unit(made(8.0, 1))
    assert told is not None
    assert (told.unit, told.higher, told.is_known) == (3, 1, True)
    assert told.accuracy == 1
    other = best_unit(made(-8.0, 1))
    assert other is not None
    assert (other.unit, other.higher) == (3, 0)


@pytest.mark.slow
def test_where_nothing_tells_it_is_seldom_said_that_something_does() -> None:
    """Of runs without any signal about one in a hundred may be wrong, though the tokens of a stretch are alike."""
    wrong = sum(told.is_known for seed in range(300) if (told := best_unit(made(0.0, seed))) is not None)
    assert wrong <= 300 * P_VALUE * 3


def test_too_few_stretches_and_numbers_that_are_none_are_not_known() -> None:
    assert best_unit(made(8.0, 1, stretches=2 * LEAST_STRETCHES - 2)) is None
    of = made(8.0, 1)
    of.values[0, 3] = np.nan
    told = best_unit(of)
    assert told is None or told.unit != 3
    of.values[0, :] = np.inf
    assert best_unit(of) is None


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_two_texts_together_are_two_texts(seed: int) -> None:
    one, other = made(1.0, seed), made(2.0, seed + 1, stretches=9)
    both = one + other
    assert both.counts == tuple(a + b for a, b in zip(one.counts, other.counts, strict=True))
    assert both.kinds[both.stretch].tolist() == [*one.kinds[one.stretch], *other.kinds[other.stretch]]
