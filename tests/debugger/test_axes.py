"""The axis that a value is drawn on is as wide as its largest number anywhere, wherever that stands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lstm_tui
from lstm_tui.debugger.inspect.scale import nice_scale
from lstm_tui.debugger.inspect.trace_facts import Facts


@pytest.mark.parametrize("large", [0.0, 50.0])
@pytest.mark.parametrize("name", ["layer0.forward", "layer0.backward"])
def test_an_axis_holds_every_step_of_every_pass_of_its_cell(name: str, large: float) -> None:
    begins: dict[str, dict[str, Any]] = {
        one: {"c": np.full(32, large)} for one in ("layer0.forward", "layer0.backward") if one == name
    }
    trace = lstm_tui.trace("The movie was not bad .", model="sentiment", initial=begins)
    facts = Facts(trace)
    first = 0 if name == "layer0.forward" else len(trace.sequence) - 1
    for value in ("c", "h", "f"):
        largest = max(float(np.abs(passed[value]).max()) for passed in trace.passes.values())
        assert facts.half(name, value) == nice_scale(largest)
    if large:
        assert np.abs(trace[name]["c"]).argmax() // 32 == first, "the largest stands where the pass begins"


@pytest.mark.parametrize("place", range(6))
def test_an_axis_holds_a_number_wherever_on_the_tape_it_stands(place: int) -> None:
    edits = ["set layer0.forward.c[0] @ : = 0", f"set layer0.forward.c[0] @ {place} = 900"]
    trace = lstm_tui.trace("The movie was not bad .", model="sentiment-forward", edits=edits)
    assert Facts(trace).half("layer0.forward", "c") == nice_scale(900.0) > nice_scale(450.0)


def test_an_axis_of_a_longer_run_is_what_it_would_be_from_the_beginning() -> None:
    shorter = lstm_tui.trace("The movie", model="sentiment-forward")
    longer = lstm_tui.trace("The movie was not bad .", model="sentiment-forward")
    before = Facts(shorter)
    for value in ("c", "h"):
        before.half("layer0.forward", value)
    gone_on, anew = Facts(longer, since=before), Facts(longer)
    for value in ("c", "h"):
        assert gone_on.half("layer0.forward", value) == anew.half("layer0.forward", value)
