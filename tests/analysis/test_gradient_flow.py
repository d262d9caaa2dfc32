"""Gradients through time: against central differences of whole runs, against back-propagation, and what they tell."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import input_size_of, letters_of
from registries import sampled

import lstm_tui
from lstm_tui.analysis import gradient_flow
from lstm_tui.analysis.gradient_flow import GONE, jacobians, long_memory, turns, width_of
from lstm_tui.analysis.influence import Target, deletion_rows, gradient_rows, influence, tokens_within
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.models.recipes import recall

STEPS = 7
CELLS = sampled([name for name in cell_names() if "every(" not in load_cell(name).text], 3)
"""Those that begin a run as they go on in it: a step with a clock is another where it stands alone."""


def made(cell: str, both: bool = False) -> Network:
    directions = ["forward", "backward"] if both else ["forward"]
    known = load_cell(cell)
    layer = {"cell": cell, "hidden_size": 4, "directions": directions, "sizes": letters_of(known)}
    spec = {
        "input_size": input_size_of(known, 3, 4),
        "layers": [layer],
        "readout": "dense",
        "classes": ["a", "b"],
        "name": "made",
    }
    network = build_network(spec, seed=1, dtype="float64")
    random = np.random.default_rng(3)
    for view in network.tensors().values():
        view[...] = random.normal(0, 0.8, view.shape)
    network.apply_masks()
    return network


def ran(network: Network, x: Array | None = None, initial: dict[str, Array] | None = None) -> Trace:
    x = numbers(network.input_size) if x is None else x
    sequence = Sequence("numbers", tuple(map(str, range(len(x)))), x=x)
    return run(network, sequence, initial=None if initial is None else {"layer0.forward": initial})


def numbers(size: int = 3) -> Array:
    return np.random.default_rng(8).normal(size=(STEPS, size))


def states(trace: Trace, t: int) -> dict[str, Array]:
    passed = trace["layer0.forward"]
    return {state: np.array(passed[state][t]) for state in passed.cell.state}


@pytest.mark.parametrize("cell", CELLS)
def test_a_step_is_differentiated_as_central_differences_do(cell: str) -> None:
    network = made(cell)
    trace = ran(network)
    passed = trace["layer0.forward"]
    steps = jacobians(passed, 0, STEPS, inputs=True)
    for t in (2, 5):
        before = states(trace, t - 1)

        def after(given: dict[str, Array], x: Array) -> Array:
            found = states(ran(network, x[None], given), 0)
            return np.concatenate(list(found.values()))

        x = numbers(network.input_size)[t]
        for state, place in steps.places.items():
            for k in range(place.stop - place.start):
                ways = []
                for side in (1e-6, -1e-6):
                    moved = {name: vector.copy() for name, vector in before.items()}
                    moved[state][k] += side
                    ways.append(after(moved, x))
                expected = (ways[0] - ways[1]) / 2e-6
                np.testing.assert_allclose(steps.carried[t][:, place.start + k], expected, rtol=1e-5, atol=1e-8)
        for k in range(network.input_size):
            step = 1e-6 * np.eye(network.input_size)[k]
            expected = (after(before, x + step) - after(before, x - step)) / 2e-6
            np.testing.assert_allclose(steps.by_x[t][:, k], expected, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("cell", sampled(cell_names(), 8))
def test_the_way_back_is_that_of_back_propagation(cell: str, both: bool, held: bool) -> None:
    trace = ran(made(cell, both))
    if held:
        value = trace["layer0.forward"].cell.state[-1]
        holds = (
            Hold("layer0.forward", value, (0, 2), (3, 4), "set", 0.5),
            Hold("layer0.forward", value, (2, 4), (4, 5), "scale", 0.5),
        )
        assert trace.network is not None
        trace = run(trace.network, trace.sequence, holds=holds)
    for name, passed in trace.passes.items():
        last = 5 if passed.direction == "forward" else 1
        found = long_memory(passed, last)
        for reach in {found.memory, found.output}:
            for unit in range(reach.own.shape[1]):
                target = Target("", pass_name=name, value=reach.value, unit=unit, t=last)
                back = influence(trace, target).by_state[name][reach.value]
                for number, t in enumerate(found.places):
                    assert reach.own[number, unit] == pytest.approx(back[t, unit], rel=1e-9, abs=1e-12)
                    assert reach.unit[number, unit] == pytest.approx(np.linalg.norm(back[t]), rel=1e-9, abs=1e-12)
        assert found.places[-1] == last
        assert found.memory.size[-1] == pytest.approx(1)


def test_the_size_is_the_largest_that_any_direction_is_stretched() -> None:
    network = made("gru")
    trace = ran(network)
    found = long_memory(trace["layer0.forward"], STEPS - 1)
    start, random = states(trace, 1), np.random.default_rng(0)
    stretched = []
    for _ in range(300):
        way = random.normal(size=4)
        way /= np.linalg.norm(way)
        ends = [ran(network, numbers()[2:], {"h": start["h"] + side * way}) for side in (1e-6, -1e-6)]
        apart = ends[0]["layer0.forward"]["h"][-1] - ends[1]["layer0.forward"]["h"][-1]
        stretched.append(float(np.linalg.norm(apart)) / 2e-6)
    assert max(stretched) <= found.memory.size[1] * (1 + 1e-6)
    assert max(stretched) > 0.9 * found.memory.size[1]


def test_kept_is_the_product_of_the_forget_gates() -> None:
    trace = ran(made("lstm"))
    found = long_memory(trace["layer0.forward"], 5)
    f = trace["layer0.forward"]["f"]
    expected = np.array([np.prod(f[t + 1 : 6], axis=0) for t in range(6)])
    assert found.kept is not None
    np.testing.assert_allclose(found.kept, expected, rtol=1e-12)
    assert long_memory(ran(made("rnn"))["layer0.forward"], 5).kept is None


def test_the_radius_is_that_of_power_iteration() -> None:
    network = made("gru")
    passed = ran(network)["layer0.forward"]
    found, steps = long_memory(passed, 4), jacobians(passed, 0, 5)
    for step in range(5):
        power = np.linalg.matrix_power(steps.carried[step], 400)
        with np.errstate(all="ignore"):
            rate = np.linalg.norm(power) ** (1 / 400)
        assert found.radius[step] == pytest.approx(rate, rel=0.02)


def test_vanishing_and_exploding_are_named_with_their_step() -> None:
    (turn,) = turns(np.array([1e-6, 1e-5, 0.005, 0.3, 0.6, 1.0]))
    assert (turn.kind, turn.step, turn.worst) == ("vanishes", 2, 3)
    assert turn.factor == pytest.approx(0.005 / 0.3)
    (turn,) = turns(np.array([9e6, 400.0, 20.0, 5.0, 1.0]))
    assert (turn.kind, turn.step, turn.worst, turn.factor) == ("explodes", 1, 2, 20)
    assert turns(np.ones(4)) == ()


def test_gates_remember_where_a_plain_rnn_does_not() -> None:
    """The claim of the lesson, told by the gradient from the question back to the colour."""
    line = recall.sample_text().splitlines()[0]
    size = {}
    for cell in ("rnn", "lstm", "gru"):
        passed = lstm_tui.trace(line, model=f"recall-{cell}")["layer0.forward"]
        found = long_memory(passed, passed.steps - 1)
        size[cell] = float(found.memory.size[0])
        named = [turn.kind for turn in turns(found.memory.size)]
        assert named == (["vanishes"] if cell == "rnn" else [])
    assert size["rnn"] < GONE**2
    assert min(size["lstm"], size["gru"]) > 0.5


def test_a_network_that_explodes_is_called_so() -> None:
    network = made("rnn_relu")
    for name, view in network.tensors().items():
        view[...] = 4 * np.eye(4) if name.endswith("U_h") else np.abs(view)
    x = np.abs(numbers())
    trace = run(network, Sequence("numbers", tuple("abcdefg"), x=x))
    found = long_memory(trace["layer0.forward"], STEPS - 1)
    np.testing.assert_allclose(found.memory.size, 4.0 ** np.arange(STEPS - 1, -1, -1), rtol=1e-9)
    np.testing.assert_allclose(found.radius, 4)
    assert [turn.kind for turn in turns(found.memory.size)] == ["explodes"]


@pytest.mark.parametrize("name", ["layer0.forward", "layer0.backward"])
def test_a_map_holds_the_norms_of_whole_gradients(name: str) -> None:
    network = made("lstm", both=True)
    trace = ran(network)
    passed = trace[name]
    whole = np.zeros((STEPS, STEPS))
    for t, column in gradient_rows(passed, range(STEPS)):
        whole[:, t] = column
    for t in (1, 4):
        expected = np.zeros(STEPS)
        for k in range(3):
            ways = []
            for side in (1e-6, -1e-6):
                x = numbers()
                x[t, k] += side
                ways.append(ran(network, x)[name]["h"])
            expected += (((ways[0] - ways[1]) / 2e-6) ** 2).sum(axis=1)
        np.testing.assert_allclose(whole[:, t], np.sqrt(expected), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cell", cell_names())
def test_every_cell_can_be_looked_back_through(cell: str) -> None:
    """Of a cell whose output is not carried on, the map is of its first state."""
    layer = {"cell": cell, "hidden_size": 4, "sizes": {"P": 4} if cell == "lstm_projected" else {}}
    network = build_network({"name": "any", "input_size": 4, "layers": [layer]}, seed=1)
    x = np.random.default_rng(2).normal(size=(5, 4)).astype(np.float32)
    passed = run(network, Sequence("numbers", tuple("abcde"), x=x))["layer0.forward"]
    found = long_memory(passed, 4)
    assert found.memory.size[-1] == pytest.approx(1)
    assert np.isfinite(found.memory.size).all()
    columns = [column for _, column in gradient_rows(passed, range(5))]
    assert all(columns[t][t] > 0 for t in range(5))
    assert not np.triu(np.array(columns).T, 1).any()


@pytest.mark.parametrize("name", ["layer0.forward", "layer0.backward"])
def test_a_deletion_is_a_run_of_the_shorter_text(name: str) -> None:
    words = ["The", "movie", "was", "not", "bad"]
    trace = lstm_tui.trace(" ".join(words), model="sentiment")
    for t, column in deletion_rows(trace, trace[name], range(5)):
        shorter = lstm_tui.trace(" ".join(words[:t] + words[t + 1 :]), model="sentiment")[name]["h"]
        for other in range(5):
            if other == t:
                assert np.isnan(column[other])
            else:
                expected = np.linalg.norm(shorter[other - (other > t)] - trace[name]["h"][other])
                assert column[other] == pytest.approx(float(expected), rel=1e-5, abs=1e-7)


def test_a_long_run_is_looked_at_from_its_end_and_one_without_a_network_is_refused() -> None:
    trace = lstm_tui.trace("on " * 700, model="tiny")
    found = long_memory(trace["layer0.forward"], 690)
    assert len(found.places) <= 512
    assert (found.last, found.places[-1]) == (690, 690)
    assert tokens_within(trace, 300) == range(237, 301)
    assert tokens_within(lstm_tui.trace("on off", model="tiny"), 0) == range(2)
    assert width_of(trace["layer0.forward"]) == 4
    bare = type(trace["layer0.forward"])(**{**trace["layer0.forward"].__dict__, "stored": None})
    with pytest.raises(UserError, match="without its network"):
        long_memory(bare, 3)
    with pytest.raises(UserError, match="stopped"):
        long_memory(trace["layer0.forward"], 30, stop=lambda: True)


@pytest.mark.parametrize("width", [1, 8, 132, 133, 200, 300, 420, 421, 5000])
def test_so_many_steps_are_looked_at_as_the_work_of_ten_seconds_allows(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step costs the cube of the width: at most so much work, but 16 steps always, and never more than 512."""
    monkeypatch.setattr(gradient_flow, "width_of", lambda passed: width)
    steps = gradient_flow.steps_within(ran(made("rnn"))["layer0.forward"])
    assert 16 <= steps <= gradient_flow.MOST_STEPS == 512
    assert steps == 16 or steps * width**3 <= 1.2e9
    assert steps == 512 or (steps + 1) * width**3 > 1.2e9


def test_a_state_of_too_many_numbers_is_refused_before_anything_is_made() -> None:
    layer = {"cell": "mlstm", "hidden_size": 96, "directions": ["forward"]}
    network = build_network({"input_size": 3, "layers": [layer]})
    trace = lstm_tui.trace(np.zeros((2, 3), np.float32), model=network)
    with pytest.raises(UserError, match="carries 9313 numbers"):
        long_memory(trace["layer0.forward"], 1)
