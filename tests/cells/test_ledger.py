"""Wherever a state has a ledger, what the tokens wrote and what is left of the start add up to the state."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import EVERY_CELL, called, make_initial, make_input, make_network

from lstm_tui.analysis.ledger import flow_of, ledger_at
from lstm_tui.engine.compiler.roles import kept_states
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run

STEPS = 11
KEPT = [(name, state) for name in EVERY_CELL for state in kept_states(load_cell(name))]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("name", "state"), KEPT, ids=called)
def test_contributions_add_up_to_the_state(name: str, state: str, dtype: str) -> None:
    network = make_network(name, 2, seed=4, directions=("forward", "backward"))
    x = make_input(network, STEPS)
    sequence = Sequence("numbers", tuple(str(t) for t in range(STEPS)), x=x)
    trace = run(network, sequence, dtype=dtype, initial=make_initial(network))
    for passed in trace.values():
        flow = flow_of(passed, state)
        assert flow is not None, f"{passed.name} records too little for a ledger of {state}"
        size = 4 * STEPS * float(np.finfo(dtype).eps) * max(float(np.abs(passed[state]).max()), 1.0)
        for t in range(STEPS):
            ledger = ledger_at(passed, flow, t)
            unread = np.arange(STEPS) > t if passed.direction == "forward" else np.arange(STEPS) < t
            np.testing.assert_array_equal(ledger.by_token[unread], 0)
            np.testing.assert_allclose(ledger.by_token.sum(axis=0) + ledger.start, passed[state][t], rtol=0, atol=size)
            assert ledger.breach == 0


@pytest.mark.parametrize("name", [name for name in EVERY_CELL if name not in {n for n, _ in KEPT}], ids=called)
def test_a_state_without_a_ledger_says_so(name: str) -> None:
    network = make_network(name)
    x = make_input(network, STEPS)
    passed = run(network, Sequence("numbers", tuple("a" * STEPS), x=x))["layer0.forward"]
    assert all(flow_of(passed, state) is None for state in passed.cell.state)


def test_what_comes_from_below_is_written_in_the_lowest_layer_too() -> None:
    text = """
name = "risen"
title = "memory from below"
source = "made up"
state = ["c"]
below = { c_low = { reads = "c", bottom = "V_c @ x" } }
equations = '''
f = sigmoid(W_f @ x + U_f @ c)
c = f * c + (1 - f) * c_low
'''
"""
    network = make_network("risen", 2, text=text, inputs=5, hidden=5)
    x = make_input(network, STEPS)
    trace = run(network, Sequence("numbers", tuple("a" * STEPS), x=x))
    for passed in trace.values():
        flow = flow_of(passed, "c")
        assert flow is not None
        ledger = ledger_at(passed, flow, STEPS - 1)
        assert ledger.breach == 0
        np.testing.assert_allclose(ledger.by_token.sum(axis=0), passed["c"][-1], rtol=0, atol=1e-14)
