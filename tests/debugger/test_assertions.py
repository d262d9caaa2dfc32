"""Assertions over a run: true at every step, or false at the first step at which a loop finds them so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from edited_networks import sentence, stacked

import lstm_tui
from lstm_tui.debugger.breakpoints.assertions import Failed, asked_pass, judge, require, said
from lstm_tui.debugger.expressions import ExpressionError, Scope
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.run import run

NETWORK = stacked()
TRACE = run(NETWORK, sentence(NETWORK, "The movie was not bad , not bad good"))
SCOPE = Scope(TRACE, "layer0.forward")
F = TRACE["layer0.forward"]["f"].astype(float)


@pytest.mark.parametrize("limit", [0.2, 0.4, 0.5, 0.55, 0.6, 0.8])
def test_the_first_step_that_fails_is_named_with_its_values(limit: float) -> None:
    verdict = judge(f"mean(f) > {limit}", SCOPE)
    low = [t for t in range(9) if not F[t].mean() > limit]
    assert verdict.holds == (not low)
    if low:
        assert verdict.t == low[0]
        assert verdict.why == f"mean(f) = {F[low[0]].mean():.4g}"


def test_what_fails_is_said_and_what_holds_beside_it_is_not() -> None:
    verdict = judge("f[0] < 2 and mean(f) > 2", SCOPE)
    assert verdict.why == f"mean(f) = {F[0].mean():.4g}"
    verdict = judge("not any(f < 2)", SCOPE)
    assert verdict.why.startswith(f"f[0] = {F[0, 0]:.4g}, f[1] = ")
    assert verdict.why.endswith("4 units in all")
    three = judge(f"not any(f <= {float(np.sort(F[0])[2])!r})", SCOPE).why  # as many as are named
    assert [one.partition(" =")[0] for one in three.split(", ")] == [f"f[{u}]" for u in sorted(np.argsort(F[0])[:3])]
    unit = int(np.argmin(F[0]))
    assert f"f[{unit}]" in judge(f"all(f > {F[0].min() + 1e-9})", SCOPE).why
    assert judge("f[0] > 2 or f[1] > 2", SCOPE).why == f"f[0] = {F[0, 0]:.4g}, f[1] = {F[0, 1]:.4g}"


def test_a_step_that_does_not_exist_is_not_judged() -> None:
    assert judge("f[t-1][0] > -1", SCOPE).holds
    assert judge("t > 0 or f[t-1][0] > 5", SCOPE).holds


def test_an_assertion_about_one_token_fails_there_and_is_not_asked_without_it() -> None:
    verdict = judge('mean(f, at="not") > 2', SCOPE)
    assert (verdict.holds, verdict.t) == (False, 3)
    assert said('mean(f, at="not") > 2', verdict, SCOPE).startswith('mean(f, at="not") > 2 fails at t=3 “not”: mean(f')
    assert judge('mean(f, at="was") < 2', SCOPE).holds
    assert judge('mean(f, at="nowhere") < 2', SCOPE).holds is None
    assert judge('share("nowhere") < 2', SCOPE).holds is None
    assert judge('result["positive"] > 2', SCOPE).t is None


def test_require_refuses_with_the_reason() -> None:
    require("mean(f) < 1", SCOPE)
    with pytest.raises(Failed, match=r"mean\(f\) > 1 fails at t=0 “The”: mean\(f\) = "):
        require("mean(f) > 1", SCOPE)
    with pytest.raises(UserError, match="there is no “nowhere” on this tape"):
        require('mean(f, at="nowhere") < 2', SCOPE)
    with pytest.raises(ExpressionError, match="compare it"):
        require("mean(f)", SCOPE)


def test_the_pass_that_is_asked_is_the_top_one_that_reads_forwards_and_else_the_first() -> None:
    trace = lstm_tui.trace("The movie was not bad", "sentiment")
    assert asked_pass(trace, None) == "layer0.forward"
    assert asked_pass(trace, "layer0.backward") == "layer0.backward"
    backward = replace(trace, passes={"layer0.backward": trace["layer0.backward"]})
    assert asked_pass(backward, None) == "layer0.backward"
    with pytest.raises(UserError, match=r"layer7\.forward"):
        asked_pass(trace, "layer7.forward")
