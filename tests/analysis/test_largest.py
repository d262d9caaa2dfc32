"""The largest of some numbers, against a loop; where one of them is NaN it is not known."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.analysis.distribution import largest


@given(st.lists(st.one_of(st.floats(), st.integers(-2, 2).map(float)), max_size=8))
def test_the_largest_is_that_of_a_loop_or_not_known(numbers: list[float]) -> None:
    best = None
    for place, number in enumerate(numbers):
        if best is None or number > numbers[best]:
            best = place
    if any(map(math.isnan, numbers)):
        best = None
    assert largest(np.array(numbers, dtype=np.float64)) == best
