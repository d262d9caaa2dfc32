"""The ledger against the plain sum of its definition; its shares, edits, map, and what it does with a wrong trace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from edited_networks import sentence, stacked
from hypothesis import given
from hypothesis import strategies as st

from lstm_tui.analysis.ledger import Flow, flow_of, forgotten, ledger_after, ledger_at, lost_at, share_map
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import PassTrace, Trace

PASSES = ("layer0.forward", "layer0.backward", "layer1.backward")
NUMBERS = st.floats(-2, 2, allow_subnormal=False)


def traced(recipe: str = "") -> Trace:
    network = stacked()
    made = apply(parse_edit_script(recipe), network, sentence(network, "The movie was not bad not good"))
    return run(made.network, made.sequence, holds=made.holds)


def naive(passed: PassTrace, flow: Flow, steps: int) -> np.ndarray:
    """Return the contributions (T, n) in tape order, by the formula, one token and one unit at a time."""
    result = np.zeros_like(flow.write)
    for k in range(steps):
        for unit in range(result.shape[1]):
            left = 1.0
            for j in range(k + 1, steps):
                left *= flow.keep[j, unit]
            result[passed.tape_place(k), unit] = left * flow.write[k, unit]
    return result


@pytest.mark.parametrize("name", PASSES)
def test_contributions_are_those_of_the_formula(name: str) -> None:
    passed = traced()[name]
    flow = flow_of(passed, "c")
    assert flow is not None
    for steps in range(passed.steps + 1):
        expected = naive(passed, flow, steps)
        everyone = ledger_after(passed, flow, steps)
        np.testing.assert_allclose(everyone.by_token, expected, rtol=1e-12, atol=1e-15)
        assert everyone.breach == 0
        sizes = np.abs(expected).sum(axis=1)
        with np.errstate(invalid="ignore"):  # of nothing there is no share
            np.testing.assert_allclose(everyone.shares(), sizes / sizes.sum(), rtol=1e-9)
        for unit in range(passed.hidden_size):
            mine = ledger_after(passed, flow, steps, unit)
            np.testing.assert_array_equal(mine.by_token[:, 0], everyone.by_token[:, unit])
            np.testing.assert_array_equal(mine.off[0], everyone.off[unit])


@pytest.mark.parametrize("name", PASSES)
def test_the_map_holds_the_shares_after_every_step(name: str) -> None:
    passed = traced(f"set {name}.c[0] @ 2 = -1.5")[name]
    flow = flow_of(passed, "c")
    assert flow is not None
    for unit in (None, 0, 2):
        whole = share_map(passed, flow, unit)
        for t in range(passed.steps):
            ledger = ledger_at(passed, flow, t, unit)
            np.testing.assert_allclose(whole[:, t], ledger.shares(), rtol=1e-12, atol=1e-15)
            assert ledger.shares().sum() + ledger.start_share() + ledger.edit_shares().sum() == pytest.approx(1)
        for tokens in (range(0, 3), range(2, 6), range(4, 7)):
            for places in (range(0, 2), range(1, 5), range(3, 7)):
                part = share_map(passed, flow, unit, tokens, places)
                expected = whole[tokens.start : tokens.stop, places.start : places.stop]
                np.testing.assert_allclose(part, expected, rtol=1e-12, atol=1e-15)


def test_what_an_edit_makes_infinite_or_nan_is_read_off_without_a_warning() -> None:
    trace = traced("set layer0.forward.i[:] @ 1 = 0\nscale layer0.forward.c[:] @ 1 * inf")
    flow = flow_of(trace["layer0.forward"], "c")  # as Python calls it: no door around it is quiet
    assert flow is not None
    assert np.isnan(flow.write[1]).all()


def test_what_an_edit_puts_in_is_its_own_source() -> None:
    passed = traced("set layer0.forward.c[1] @ 3 = 2\nset layer0.forward.f[1] @ 5 = 0.5")["layer0.forward"]
    flow = flow_of(passed, "c")
    assert flow is not None
    ledger = ledger_at(passed, flow, 3, 1)
    assert ledger.edits is not None
    assert ledger.edits[3, 0] == 2
    assert not ledger.by_token.any()
    assert ledger.edit_shares()[3] == 1
    later = ledger_at(passed, flow, 6, 1)
    assert later.edits is not None
    assert later.breach == 0
    assert later.edits[3, 0] == pytest.approx(2 * np.prod(passed["f"][4:7, 1].astype(np.float64)))
    assert passed["f"][5, 1] == np.float32(0.5)


@pytest.mark.parametrize("unit", [None, 1])
def test_of_nothing_there_is_no_share(unit: int | None) -> None:
    """As `print share(…)` has it: of a memory that holds nothing it is not known who wrote how much of it."""
    passed = traced("set layer0.forward.c[:] @ 3 = 0")["layer0.forward"]
    flow = flow_of(passed, "c")
    assert flow is not None
    for t in range(passed.steps):
        ledger, column = ledger_at(passed, flow, t, unit), share_map(passed, flow, unit)[:, t]
        assert ledger.is_empty == (t == 3)
        for share in (ledger.shares(), ledger.start_share(), ledger.edit_shares(), column):
            assert np.isnan(share).all() == (t == 3)
            assert np.isnan(share).any() == (t == 3)


def test_a_closed_gate_leaves_nothing_of_what_was_before() -> None:
    passed = traced("set layer0.forward.f[:] @ 4 = 0")["layer0.forward"]
    flow = flow_of(passed, "c")
    assert flow is not None
    shares = share_map(passed, flow)
    assert shares[:4, 3].sum() == pytest.approx(1)
    assert not shares[:4, 4:].any()


@given(st.integers(1, 6), st.integers(0, 7), st.data())
def test_sizes_are_those_of_all_parts(units: int, steps: int, data: st.DataObject) -> None:
    def numbers(*shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        return np.array(data.draw(st.lists(NUMBERS, min_size=count, max_size=count))).reshape(shape)

    flow = Flow(
        "c", numbers(7, units), numbers(7, units), numbers(units), np.zeros((7, units)), 1e-7, numbers(7, units)
    )
    passed = traced()["layer0.forward"]
    ledger = ledger_after(passed, flow, steps)
    assert ledger.edits is not None
    sizes = np.abs(ledger.by_token).sum(axis=0) + np.abs(ledger.edits).sum(axis=0) + np.abs(ledger.start)
    np.testing.assert_allclose(sizes, flow.sizes[steps - 1] if steps else np.abs(flow.start), rtol=1e-12, atol=1e-300)


def test_a_wrong_value_is_a_breach_of_its_unit_alone() -> None:
    passed = traced()["layer0.forward"]
    flow = flow_of(passed, "c")
    assert flow is not None
    flow.reached[4, 2] += 0.01
    broken = ledger_at(passed, flow, 4)
    np.testing.assert_array_equal(np.flatnonzero(broken.off), [2])
    assert broken.breach == pytest.approx(0.01, rel=1e-3)
    assert ledger_at(passed, flow, 5).breach == 0
    flow.reached[4, 2] = np.nan
    assert np.isnan(ledger_at(passed, flow, 4).breach)


@pytest.mark.parametrize(
    ("keep", "lost"), [(1.5, 0.0), (1.0, 0.0), (0.25, 1.5), (0.0, 2.0), (-0.5, 2.0), (np.nan, np.nan), (np.inf, 0.0)]
)
def test_a_keep_beyond_1_is_no_loss_and_one_below_0_loses_all(keep: float, lost: float) -> None:
    passed = traced()[PASSES[0]]
    flow = flow_of(passed, "c")
    assert flow is not None
    flow = replace(flow, reached=flow.reached.copy(), keep=flow.keep.copy())
    flow.reached[3, 1], flow.keep[4, 1] = -2.0, keep
    np.testing.assert_allclose(lost_at(passed, flow, passed.tape_place(4))[1], lost, atol=1e-12)


@pytest.mark.parametrize("name", PASSES)
def test_what_is_lost_is_what_the_contributions_lose(name: str) -> None:
    passed = traced()[name]
    flow = flow_of(passed, "c")
    assert flow is not None
    assert not lost_at(passed, flow, passed.tape_place(0)).any()
    for step in range(1, passed.steps):
        before, after = (naive(passed, flow, steps) for steps in (step, step + 1))
        after[passed.tape_place(step)] = 0  # what this step writes is no loss
        expected = np.abs((before - after).sum(axis=0))
        np.testing.assert_allclose(lost_at(passed, flow, passed.tape_place(step)), expected, atol=1e-6)
    tokens = range(2, 5)
    sizes = [np.abs(naive(passed, flow, passed.reading_step(t) + 1)[2:5]).sum(axis=0) for t in (5, 1)]
    np.testing.assert_allclose(forgotten(passed, flow, tokens, 5, 1), sizes[0] - sizes[1], atol=1e-12)
