"""Of the examples of a test enough are run always, chosen alike in any order, and none is lost."""

from __future__ import annotations

import random

import pytest
from very_many import ENOUGH, ONE_OF, left_out


@pytest.mark.parametrize("count", [1, ENOUGH - 1, ENOUGH, ENOUGH + 1, ENOUGH + ONE_OF, 20 * ENOUGH])
def test_enough_are_run_and_some_of_what_is_beyond(count: int) -> None:
    names = [f"tests/test_a.py::test_b[{n}-{letter}]" for n in range(count) for letter in ("x", "y")][:count]
    run = [name for name in names if name not in left_out(names)]
    assert len(run) == min(count, ENOUGH) + max(count - ENOUGH, 0) // ONE_OF
    if count > 10 * ENOUGH:  # neither value of what alternates is left out
        assert {name[-2] for name in run} == {"x", "y"}


def test_the_order_in_which_they_come_changes_nothing_and_tests_are_apart() -> None:
    names = [f"test_a.py::test_{n % 3}[{n}]" for n in range(90)]
    mixed = random.Random(3).sample(names, len(names))
    assert left_out(mixed) == left_out(names) == set().union(*(left_out(names[n::3]) for n in range(3)))
    assert left_out(["test_a.py::test_alone"]) == set()
