"""What a reset would change is what a run that begins there gives, in plain loops; both ways is refused."""

from __future__ import annotations

import numpy as np
import pytest
from naive import lstm_step

import lstm_tui
from lstm_tui.analysis.reset_cost import FREE, reset_cost
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

STEPS = 14


def ran(cell: str = "lstm", forget: float = 0.0) -> Trace:
    layer = {"cell": cell, "hidden_size": 4, "directions": ["forward"], "merge": "concat"}
    network = build_network({"name": "n", "input_size": 4, "layers": [layer], "readout": "linear", "outputs": 2})
    random = np.random.default_rng(4)
    for name, view in network.tensors().items():
        view[...] = random.normal(0, 0.8, view.shape) + forget * name.endswith("b_f")
    network.apply_masks()
    x = random.normal(0, 1, (STEPS, 4))
    return run(network, Sequence("numbers", tuple(map(str, range(STEPS))), x=x), "numpy", "float64")


def looped(trace: Trace, within: int) -> tuple[list[float], list[float]]:
    """Return how far states and outputs are from those of loops that begin at each place."""
    network, x = trace.network, trace.sequence.x
    assert network is not None
    assert x is not None
    tensors = {name: one.astype(np.float64) for name, one in network.tensors().items()}
    p = {name.partition("/")[2]: one for name, one in tensors.items()}

    def loop(start: int, h: np.ndarray, c: np.ndarray, stop: int) -> list[tuple[np.ndarray, ...]]:
        made: list[tuple[np.ndarray, ...]] = []
        for row in x[start:stop]:
            step = lstm_step(p, row, h, c)
            h, c = step["h"], step["c"]
            made.append((h, c, tensors["readout/V_y"] @ h + tensors["readout/b_y"]))
        return made

    zero = np.zeros(4)
    whole, states, outputs = loop(0, zero, zero, STEPS), [], []
    for t in range(STEPS):
        twin = loop(t, zero, zero, min(t + within, STEPS))
        states.append(max(np.abs(one - two).max() for one, two in zip(whole[t][:2], twin[0][:2], strict=True)))
        outputs.append(max(np.abs(whole[t + n][2] - step[2]).max() for n, step in enumerate(twin)))
    return states, outputs


@pytest.mark.parametrize("within", [1, 3, 99])
def test_a_twin_is_a_loop_that_begins_there(within: int) -> None:
    trace = ran()
    found = reset_cost(trace, within)
    states, outputs = looped(trace, within)
    assert found.states == pytest.approx(states, abs=1e-6)
    assert found.outputs == pytest.approx(outputs, abs=1e-6)
    assert found.outputs[0] == 0
    assert found.free == [t for t in range(STEPS) if outputs[t] <= FREE]


def test_a_gate_that_forgets_everything_makes_a_reset_free() -> None:
    trace = ran("greff_cifg", -40.0)
    assert (reset_cost(ran(forget=40.0), 4).outputs[1:] > FREE).any()
    assert len(reset_cost(trace, 4).outputs) == STEPS


@pytest.mark.slow
@pytest.mark.parametrize("cell", [one for one in cell_names() if one not in ("lstm_projected", "clockwork")])
def test_a_twin_is_a_run_of_the_rest_for_every_cell(cell: str) -> None:
    trace = ran(cell)
    network = trace.network
    assert network is not None
    found = reset_cost(trace, 5)
    for t in range(STEPS):
        rest = run(network, trace.sequence.part(t, t + 5), "numpy", "float64")
        assert trace.output is not None
        assert rest.output is not None
        assert found.outputs[t] == np.abs(trace.output[t : t + 5] - rest.output).max()


def test_edits_hold_in_the_twin_too() -> None:
    session = lstm_tui.session("The movie was not bad", model="sentiment-forward")
    session.execute("set c[:] @ 2 = 0")
    session.execute("set h[:] @ 2 = 0")
    said = session.execute("reset-cost 2")
    assert "a reset would cost nothing" in said
    assert said.endswith(" before 2 to 3")


def test_a_long_run_is_asked_of_some_places_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_tui.analysis.reset_cost.MOST_STEPS", 12)
    found = reset_cost(ran(), 3, 9)
    assert (found.first, len(found.outputs)) == (6, 4)
    assert found.outputs == pytest.approx(looped(ran(), 3)[1][6:10], abs=1e-6)


@pytest.mark.parametrize("line", ["reset-cost 0", "reset-cost x", "reset-cost 99999999"])
def test_what_is_no_number_of_tokens_is_refused(line: str) -> None:
    session = lstm_tui.session("The movie was not bad", model="sentiment-forward")
    with pytest.raises(UserError, match="such as: reset-cost"):
        session.execute(line)


def test_both_ways_is_refused_and_what_is_not_finite_is_not_known() -> None:
    with pytest.raises(UserError, match="reads both ways"):
        lstm_tui.session("The movie was not bad", model="sentiment").execute("reset-cost")
    session = lstm_tui.session("The movie was not bad", model="sentiment-forward")
    session.execute("set c[0] @ 1 = inf")
    session.execute("set h[0] @ 1 = inf")
    session.execute("scale h[0] @ 1 * 0")
    said = session.execute("reset-cost")
    assert "not known of" in said
