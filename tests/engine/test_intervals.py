"""Where the result of an op can lie is told of every op of the table: no number lies outside, and none is left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_tui.engine.compiler.ops import EVERY_OP, Op

WHOLE = {"sigmoid": (0, 1), "tanh": (-1, 1), "step": (0, 1), "hold": (-np.inf, np.inf)}
"""Ops of which the whole range is told, whatever they are given."""
NOT_ALONE = {"every", "matvec"}
"""What they give needs more than their operands: the clock of a pass, a matrix."""
LAID_OUT = {"outer", "read", "by_head", "by_row", "by_column", "each_head", "sum_heads", "mean_heads", "weighted"}
"""Over heads: how their operands are laid out is told beside them."""
ALONE = sorted(EVERY_OP.keys() - NOT_ALONE - LAID_OUT)
ENDS = st.tuples(st.floats(-5, 5), st.floats(-5, 5)).map(lambda ends: (min(ends), max(ends)))


def given_of(op: Op, ends: list[tuple[float, float]]) -> list[np.ndarray]:
    """Return operands between limits: of an op unit by unit all that meet, their limits and zero among them."""
    if not op.elementwise:
        random = np.random.default_rng(7)
        return [np.append(random.uniform(low, high, 4), [low, high]) for low, high in ends]
    grids = [np.unique([*np.linspace(low, high, 9), *([0.0] if low <= 0 <= high else [])]) for low, high in ends]
    return [one.ravel() for one in np.meshgrid(*grids, indexing="ij")]


def test_every_op_is_tried_or_named() -> None:
    assert len(ALONE) > len(NOT_ALONE | LAID_OUT)
    assert EVERY_OP.keys() >= NOT_ALONE | LAID_OUT


@pytest.mark.parametrize("name", ALONE)
@settings(max_examples=24)
@given(data=st.data())
def test_no_result_lies_outside_its_interval_and_none_of_it_is_left_out(name: str, data: st.DataObject) -> None:
    op = EVERY_OP[name]
    ends = [data.draw(ENDS) for _ in range(op.arity)]
    if name == "clip":
        ends[1:] = [(min(one), min(one)) for one in sorted(ends[1:])]  # its limits are numbers, the lower one first
    low, high = op.interval(*ends)
    with np.errstate(all="ignore"):
        made = np.atleast_1d(op.forward(*given_of(op, ends)))
    made = made[np.isfinite(made)]
    if not made.size:
        return
    slack = 1e-9 * max(1.0, np.abs(made).max())
    assert low - slack <= made.min()
    assert made.max() <= high + slack
    if name in WHOLE:
        assert (low, high) == WHOLE[name]
    elif op.elementwise and name not in ("div", "log", "softplus"):  # which have no end next to zero, or a near one
        assert made.min() - low <= slack
        assert high - made.max() <= slack
