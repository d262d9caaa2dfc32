"""Whether numbers are a probability distribution, against the plain definition; and that nobody else decides it."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from parsed import nodes_of, tree_of

import lstm_tui
from lstm_tui.analysis.contributions import says_shares
from lstm_tui.engine.probabilities import ROUNDING, is_distribution
from lstm_tui.formats.inputs.samples import find_input
from lstm_tui.models import bundled_names, sample_of
from lstm_tui.models.bundled import open_model

NUMBERS = st.sampled_from([0.0, 0.25, 0.5, 1.0, -0.0, -0.5, 2.0, 1e38, math.nan, math.inf, -math.inf])


def plain(values: np.ndarray) -> bool | None:
    """Return what the definition says, number by number."""
    unknown = False
    for row in values if values.ndim == 2 else [values]:
        numbers = [float(one) for one in row]
        if any(not math.isfinite(one) for one in numbers):
            unknown = True
        elif any(one < 0 for one in numbers) or not abs(math.fsum(numbers) - 1) < ROUNDING:
            return False
    return None if unknown else True


@given(arrays(np.float32, array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=4), elements=NUMBERS))
def test_it_is_what_the_definition_says(values: np.ndarray) -> None:
    assert is_distribution(values) is plain(values)


@given(arrays(np.float32, st.integers(1, 200), elements=st.floats(-30, 30, width=32)))
def test_a_softmax_in_float32_is_one(values: np.ndarray) -> None:
    shares = np.exp(values - values.max())
    assert is_distribution(shares / shares.sum()) is True


@pytest.mark.parametrize("name", bundled_names())
def test_outputs_are_told_apart_by_their_numbers_and_where_these_say_nothing_by_form(name: str) -> None:
    network = open_model(name)
    trace = lstm_tui.trace(find_input(sample_of(name)), network)
    said = trace.output if trace.output is not None else trace.result
    assert said is not None
    by_form = says_shares(trace, np.full(said.shape[-1], np.nan))
    assert says_shares(trace, said) == by_form == (network.tokens is not None)  # the others say numbers of their input


@pytest.mark.slow
def test_nobody_sums_to_one_on_their_own() -> None:
    """Whoever compares a sum with 1 asks whether it is a distribution: that is said in one file."""
    package = Path(lstm_tui.__file__).parent
    found = set()
    for path in package.rglob("*.py"):
        for node in nodes_of(tree_of(path)):
            pair: list[ast.expr] = []
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
                pair = [node.left, node.right]
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("allclose", "isclose"):
                pair = node.args[:2]
            is_one = len(pair) == 2 and isinstance(pair[1], ast.Constant) and pair[1].value == 1
            if is_one and "sum(" in ast.unparse(pair[0]):
                found.add(path.relative_to(package).as_posix())
    assert found == {"engine/probabilities.py"}
