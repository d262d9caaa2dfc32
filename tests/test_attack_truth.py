"""A few rounds of the harness `truth`, and every input that it has found: nothing that is said of numbers is false."""

from __future__ import annotations

import pytest
from attack.harness import Tally
from attack.truth import Case, tried
from registries import sampled


@pytest.mark.slow
@pytest.mark.parametrize("seed", sampled([753926460, 241699558, 774847278, 132882186, 890567726, 1024, 1, 2], 4))
def test_nothing_that_is_said_under_poison_is_false(seed: int) -> None:
    tally = Tally()
    assert list(tried(Case(seed), tally)) == []
    assert tally.inputs
