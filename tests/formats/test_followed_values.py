"""Values that are followed through another framework's graph: what is told of them is what they compute."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.formats.importers.plan import AffineScale
from lstm_tui.formats.importers.values import Given, OpValue, Reduced, means_of_sums

STEPS = 5


@pytest.mark.parametrize("how", ["sum", "max", "mean"])
@pytest.mark.parametrize("scale", [1 / STEPS, 1.0, 2 / STEPS])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_only_a_sum_divided_by_the_steps_is_a_mean(how: str, scale: float, shift: float) -> None:
    """Whatever it is written as, the numbers are those of NumPy."""
    series = Given("x", 3)
    width = np.ones(3, np.float32)
    value = OpValue(AffineScale("scaled", scale * width, shift * width), Reduced(how, series))
    found = means_of_sums(value, lambda of: STEPS)
    x = np.random.default_rng(7).normal(size=(STEPS, 3))
    expected = scale * getattr(np, how)(x, axis=0) + shift
    if isinstance(found, Reduced):
        assert found.of is series
        np.testing.assert_allclose(getattr(np, found.how)(x, axis=0), expected, rtol=1e-6)
    else:
        assert found is value
    assert isinstance(found, Reduced) == (how == "sum" and scale == 1 / STEPS and not shift)
