"""Where the result of an op can lie is told of every op of the table: no number lies outside, and none is left out."""

from __future__ import annotations

from inspect import signature

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.engine.compiler.ops import EVERY_OP, Op

NEAR = 0.7
"""How far an end may be from the number that lies nearest to it: that of softplus is so near to a simple one."""
WHOLE = (-np.inf, np.inf)
ENDS = st.tuples(st.floats(-5, 5), st.floats(-5, 5)).map(lambda ends: (min(ends), max(ends)))


def is_told_alone(op: Op) -> bool:
    """Say whether an op needs its operands and nothing beside them: no matrix, no clock, no layout of heads."""
    operands = [np.ones(2)] * op.arity
    try:
        signature(op.interval).bind(*operands)
        op.forward(*operands)
    except (NotImplementedError, TypeError):
        return False
    return True


ALONE = sorted(name for name, op in EVERY_OP.items() if is_told_alone(op))


def given_of(op: Op, ends: list[tuple[float, float]]) -> list[np.ndarray]:
    """Return operands between limits: of an op unit by unit all that meet, their limits and zero among them."""
    if not op.elementwise:
        random = np.random.default_rng(7)
        return [np.append(random.uniform(low, high, 4), [low, high]) for low, high in ends]
    grids = [np.unique([*np.linspace(low, high, 9), *([0.0] if low <= 0 <= high else [])]) for low, high in ends]
    return [one.ravel() for one in np.meshgrid(*grids, indexing="ij")]


def test_most_ops_are_tried() -> None:
    assert 2 * len(ALONE) > len(EVERY_OP)


@pytest.mark.parametrize("name", ALONE)
@settings(max_examples=24)
@given(data=st.data())
def test_no_result_lies_outside_its_interval_and_none_of_it_is_left_out(name: str, data: st.DataObject) -> None:
    """Unless an end is the furthest that the op ever gives, it is reached."""
    op = EVERY_OP[name]
    ends = [data.draw(ENDS) for _ in range(op.arity)]
    if name == "clip":
        ends[1:] = [(one[0], one[0]) for one in sorted(ends[1:])]  # its limits are numbers, the lower one first
    low, high = op.interval(*ends)
    with np.errstate(all="ignore"):
        made = np.atleast_1d(op.forward(*given_of(op, ends)))
    made = made[np.isfinite(made)]
    if not made.size:
        return
    slack = 1e-9 * max(1.0, np.abs(made).max())
    assert low - slack <= made.min()
    assert made.max() <= high + slack
    least, most = op.interval(*[WHOLE] * op.arity)
    if op.elementwise:
        assert low == least or not np.isfinite(low) or made.min() - low <= max(NEAR, slack)
        assert high == most or not np.isfinite(high) or high - made.max() <= max(NEAR, slack)
