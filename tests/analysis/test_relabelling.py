"""Labels of other steps: whose they are, which steps are compared, and what a p-value promises, by counting."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.analysis.relabelling import LabelExchange, Relabelling, Shift, permuted_labels, relabelling
from lstm_tui.engine.errors import UserError


def of(lengths: Sequence[int], count: int = 199) -> Relabelling:
    found = relabelling(np.array(lengths), count, np.random.default_rng(0))
    assert found is not None
    return found


def test_permuted_labels_are_those_of_whole_sequences() -> None:
    lengths = np.array([3, 9, 3, 3, 3, 3])
    labels = np.arange(24.0)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    parts = [slice(*starts[n : n + 2]) for n in (0, 2, 3, 4, 5)]
    relabelled = of([3, 9, 3, 3, 3, 3], 20)
    assert isinstance(relabelled, LabelExchange)
    compared = np.concatenate([np.arange(24)[one] for one in parts])
    assert np.array_equal(relabelled.steps, compared), "one is like no other"
    assert "1 line of a length like no other: not compared" in relabelled.assumption
    for row in permuted_labels(labels, relabelled):
        given = row.reshape(5, 3)
        assert {tuple(one) for one in given} == {tuple(labels[one]) for one in parts}


def test_a_sequence_of_like_length_has_its_labels_stretched_from_the_first_to_the_last() -> None:
    lengths = np.array([8, 10, 9, 8, 9, 10])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    labels = np.concatenate([np.arange(size) + 100 * n for n, size in enumerate(lengths)]).astype(float)
    swapped = 0
    for row in permuted_labels(labels, of([8, 10, 9, 8, 9, 10], 30)):
        givers = []
        for n, size in enumerate(lengths):
            mine = row[starts[n] : starts[n + 1]]
            givers.append(giver := int(mine[0]) // 100)
            assert (mine[0], mine[-1]) == (100 * giver, 100 * giver + lengths[giver] - 1), "both ends stay the ends"
            assert (np.diff(mine) >= 0).all()
            if lengths[giver] == size:
                assert np.array_equal(mine, np.arange(size) + 100 * giver)
        assert sorted(givers) == list(range(6)), "each is handed out once"
        swapped += givers != list(range(6))
    assert swapped > 25


def test_where_there_are_few_orders_each_is_tried_once() -> None:
    found = of([30, 30, 30, 30])
    assert isinstance(found, LabelExchange)
    assert found.count == 23
    assert len({tuple(one) for one in found.orders} | {(0, 1, 2, 3)}) == 24
    assert found.p_value(0) == pytest.approx(1 / 24)


@pytest.mark.parametrize("lengths", [[400], [80], [3], [400, 90, 700], [300, 310], [5, 5, 6, 5, 900]])
def test_a_shift_takes_every_label_of_a_sequence_as_far_and_none_from_outside(lengths: list[int]) -> None:
    found = of(lengths, 99)
    assert isinstance(found, Shift)
    ends = np.cumsum(lengths)
    number = np.searchsorted(ends, found.steps, "right")
    assert (np.diff(found.steps) > 0).all()
    origins = np.array(list(found.origins(slice(None))))
    assert origins.shape == (found.count, len(found.steps))
    assert (np.searchsorted(ends, origins, "right") == number).all(), "of the same sequence"
    for n in range(len(lengths)):
        moved = (origins - found.steps)[:, number == n]
        assert (moved == moved[:, :1]).all()
        if moved.size:
            by = found.by[n]
            ways = range(-found.each_way, found.each_way + 1)
            assert moved[:, 0].tolist() == [times * by for times in ways if times]
            assert 3 * moved.shape[1] >= lengths[n], "a third is left to compare"


@given(st.lists(st.integers(0, 5), min_size=3, max_size=40), st.integers(1, 19))
def test_a_stationary_series_is_seldom_among_its_largest_neighbours(series: list[int], each_way: int) -> None:
    """Whatever a series that goes round is: of all its places, as many have a p-value up to `p` as it says at most."""
    size = len(series)
    each_way = min(each_way, (size - 1) // 2)
    shift = Shift(np.zeros(1, int), np.array([1]), np.array([1]), each_way)
    found = []
    for n in range(size):
        near = [series[(n + k) % size] for k in range(-each_way, each_way + 1) if k]
        found.append(shift.p_value(sum(other >= series[n] for other in near)))
    for p in set(found):
        assert sum(one <= p for one in found) <= p * size + 1e-9


def test_lines_are_exchanged_and_a_text_is_shifted() -> None:
    assert of([30] * 6).assumption == "the p-values assume that the lines are independent of each other"
    text = of([2000])
    assert isinstance(text, Shift)
    assert "all along the text; labels are shifted by up to 250 tokens each way" in text.assumption
    assert (text.by[0], text.each_way) == (2, 125)
    assert "lines are independent" in of([900, 400]).assumption
    assert isinstance(of([30] * 24 + [3000]), Shift), "most of the steps are in a line like no other"
    assert isinstance(of([30] * 24 + [200]), LabelExchange)


@pytest.mark.parametrize("lengths", [[1], [2], [1, 9]])
def test_what_is_too_short_has_no_relabelling(lengths: list[int]) -> None:
    found = relabelling(np.array(lengths), 199, np.random.default_rng(0))
    assert found is None or found.p_value(0) >= 0.05


def test_too_many_permutations_are_refused_before_they_are_made() -> None:
    with pytest.raises(UserError, match="100000 permutations of 50000 lines are too many"):
        relabelling(np.full(50_000, 2), 100_000, np.random.default_rng(0))
