"""Values that are followed through another framework's graph: what is told of them is what they compute."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lstm_tui.formats.importers.plan import AffineScale
from lstm_tui.formats.importers.program.followed import TracedGraph
from lstm_tui.formats.importers.program.graph import UnsupportedNode
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


def _followed(proof: bool | None, known: bool = True) -> Any:
    """Return a sequence that was followed: whether a tensor is proved, None where it cannot be computed."""

    def proved(name: str) -> bool:
        if proof is None:
            raise UnsupportedNode("it cannot be computed")
        return proof

    return SimpleNamespace(ids={"a": None} if known else {}, proved=proved)


@pytest.mark.parametrize("first", [True, False, None])
@pytest.mark.parametrize("second", [True, False, None])
@pytest.mark.parametrize("known", [True, False])
def test_a_tensor_is_proved_only_where_it_is_computed_alike_on_both(
    first: bool | None, second: bool | None, known: bool
) -> None:
    graph: Any = None
    followed = TracedGraph(graph, _followed(first), _followed(second, known), frozenset(), False)
    assert followed.proved("a") == (first is True and second is True and known)
