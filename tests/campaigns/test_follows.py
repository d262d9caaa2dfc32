"""Some null corpora of every kind: few have a unit that is said to follow, and a planted one is found."""

from __future__ import annotations

import pytest

from campaigns.follows import KINDS, table, try_kind


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_few_corpora_without_a_unit_that_follows_find_one(kind: str) -> None:
    outcome = try_kind(kind, 40, 10, 3)
    assert outcome.false <= 4, outcome  # of 40; one in forty is what is to be expected
    assert outcome.found, outcome
    assert f"| {kind} |" in table({kind: outcome})[-1]


def test_a_unit_and_a_property_that_depend_on_the_place_alone_do_not_follow_each_other() -> None:
    """Of lines of all lengths labels were turned round: every corpus had a false find."""
    assert try_kind("from 0 at each line", 8, 0, 5).false <= 2
