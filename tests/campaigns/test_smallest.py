"""Some random questions of random networks: the smallest change of a number is that of exhaustive search."""

from __future__ import annotations

import pytest

from campaigns.smallest import try_case


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(700, 708))
def test_the_smallest_change_is_that_of_the_oracle(seed: int) -> None:
    case = try_case(seed)
    assert case.verdict != "DIFFERENT", case
