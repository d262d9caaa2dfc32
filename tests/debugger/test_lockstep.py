"""Several networks on one text: what each keeps, holds and says, against loops over their own runs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from lstm_tui.debugger.inspect.lockstep import Lockstep
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.bundled_files import bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.inputs import text_sequence

TEXT = "The movie was not bad"
NAMES = tuple(name for name in bundled_names() if name.startswith("verdict-"))[:6]


def ran(name: str, text: str = TEXT) -> Trace:
    network = open_model(name)
    assert network.tokens is not None
    return run(network, text_sequence(text, network.tokens), "numpy")


def lockstep(*names: str, text: str = TEXT) -> Lockstep:
    return Lockstep([ran(name, text) for name in names], names)


def test_what_is_kept_is_that_of_a_loop_over_the_units() -> None:
    lock = lockstep("verdict-lstm", "verdict-gru", "sentiment")
    keeps = {"verdict-lstm": ("f", "c"), "verdict-gru": ("z", "h"), "sentiment": ("f", "c")}
    for lane in lock.lanes:
        passed = lock.runs[lane.run][lane.pass_name]
        gate, state = keeps[lock.names[lane.run]]
        order = list(range(len(lock))) if passed.direction == "forward" else list(reversed(range(len(lock))))
        assert lock.kept(lane, order[0]) is None  # nothing was held
        for before, t in pairwise(order):
            held = np.abs(passed[state][before].astype(float))
            gone = sum((1 - f) * c for f, c in zip(passed[gate][t], held, strict=True))
            assert lock.kept(lane, t) == pytest.approx(1 - gone / held.sum(), abs=1e-5)
            assert lock.held(lane, t) == pytest.approx(np.mean(np.abs(passed[state][t])), rel=1e-5)


def test_a_cell_without_a_gate_that_keeps_says_nothing_of_it() -> None:
    lock = lockstep("verdict-relu", "verdict-lstm")
    assert [lock.kept(lock.lanes[0], t) for t in range(len(lock))] == [None] * len(lock)


def test_what_each_says_and_where_they_differ() -> None:
    lock = lockstep(*NAMES, "sentiment")
    for t in range(len(lock)):
        best = set()
        for n, trace in enumerate(lock.runs):
            said = lock.said(n, t)
            if trace.output is None:
                assert said is None
                continue
            assert said is not None
            assert said.number == int(np.argmax(trace.output[t]))
            assert said.value == float(trace.output[t].max())
            best.add(said.number)
        assert lock.differ(t) == (len(best) > 1)
    last = lock.verdict(len(NAMES))
    assert last is not None
    assert last.name == "positive"


def test_networks_that_read_other_tokens_have_no_common_tape() -> None:
    with pytest.raises(UserError, match="no common tape"):
        lockstep("verdict-lstm", "chars", "verdict-gru")
