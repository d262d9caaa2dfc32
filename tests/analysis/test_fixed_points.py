"""Fixed points against networks whose fixed points are known, and the step against the engine's own."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from made_networks import input_size_of, letters_of
from registries import sampled

from lstm_tui import session as session_of
from lstm_tui.analysis.fixed_points import (
    BAND,
    FIXED,
    MOST_NUMBERS,
    SETTLING,
    FixedPoints,
    SlowDirection,
    check_size,
    directions_of,
    fixed_points,
    search_fixed_points,
)
from lstm_tui.analysis.step_map import states_at, step_map
from lstm_tui.debugger.inspect.dynamics import DynamicsQuestion, memory_words
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.cuts import TapeCut
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.resets import cut_holds
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

PASS = "layer0.forward"


def made(cell: str, hidden: int, inputs: int | None = None, dtype: str = "float64", **weights: Array) -> Network:
    """Return a network of one layer, its weights 0 but for those that are given."""
    known = load_cell(cell)
    size = input_size_of(known, 3, hidden) if inputs is None else inputs
    layer = {"cell": cell, "hidden_size": hidden, "directions": ["forward"], "sizes": letters_of(known)}
    spec = {"input_size": size, "layers": [layer], "name": "made"}
    network = build_network(spec, seed=1, dtype=dtype)
    for name, view in network.tensors().items():
        view[...] = weights.pop(name.rpartition("/")[2], np.zeros(view.shape))
    assert not weights, "these are not in the network"
    network.apply_masks()
    return network


def random_weights(cell: str, hidden: int = 4) -> Network:
    network, random = made(cell, hidden), np.random.default_rng(3)
    for view in network.tensors().values():
        view[...] = random.normal(0, 0.8, view.shape)
    network.apply_masks()
    return network


def ran(network: Network, steps: int = 6, **more: object) -> Trace:
    x = np.random.default_rng(8).normal(size=(steps, network.input_size))
    return run(network, Sequence("numbers", tuple(map(str, range(steps))), x=x), **more)  # type: ignore[arg-type]


def found_in(trace: Trace, t: int = 3) -> FixedPoints:
    passed = trace[PASS]
    return fixed_points(passed, step_map(passed, t), t)


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("cell", sampled(cell_names(), 4))
def test_the_map_takes_the_step_of_the_engine_and_its_jacobian_is_that_of_central_differences(
    cell: str, held: bool
) -> None:
    trace = ran(random_weights(cell))
    if held:
        hold = Hold(PASS, trace[PASS].cell.state[-1], (0, 1), (3, 4), "scale", 0.5)
        assert trace.network is not None
        trace = run(trace.network, trace.sequence, holds=(hold,))
    passed = trace[PASS]
    for t in (0, 3):
        map = step_map(passed, t)
        before, behind = states_at(passed, map.places, range(t, t + 2))
        np.testing.assert_allclose(map.step(before[None])[0], behind, rtol=1e-12, atol=1e-14)
    others = before + np.random.default_rng(1).normal(0, 0.1, (3, map.width))
    jacobians = map.jacobians(others)
    for number, k in itertools.product(range(3), range(map.width)):
        by = 1e-6 * np.eye(map.width)[k]
        expected = (map.step(others + by) - map.step(others - by))[number] / 2e-6
        np.testing.assert_allclose(jacobians[number][:, k], expected, rtol=1e-5, atol=1e-7)


def naive_root(w: float) -> float:
    """Return the x > 0 with x = tanh(w x), by bisection."""
    low, high = 1e-6, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.tanh(w * middle) > middle else (low, middle)
    return low


def test_a_pitchfork_has_two_stable_points_and_one_between() -> None:
    found = found_in(ran(made("rnn", 1, U_h=np.array([[2.0]]))))
    x = naive_root(2.0)
    states = sorted(float(one.state[0]) for one in found.fixed)
    np.testing.assert_allclose(states, [-x, 0, x], atol=1e-8)
    by_state = {round(float(one.state[0]), 3): one for one in found.fixed}
    assert by_state[0.0].kind == "unstable"
    assert by_state[0.0].directions[0].value == pytest.approx(2.0)
    for side in (-round(x, 3), round(x, 3)):
        assert by_state[side].kind == "stable"
        slope = 2 * (1 - x * x)
        assert by_state[side].directions[0].value == pytest.approx(slope)
        assert by_state[side].directions[0].time_constant == pytest.approx(-1 / np.log(slope))


def test_three_units_that_flip_have_27_points_of_which_8_are_stable() -> None:
    found = found_in(ran(made("rnn", 3, U_h=2 * np.eye(3))))
    x = naive_root(2.0)
    expected = np.array(list(itertools.product((-x, 0, x), repeat=3)))
    states = np.array([one.state for one in found.fixed])
    assert len(states) == 27
    assert all(np.abs(states - one).max(axis=1).min() < 1e-7 for one in expected)
    assert [sum(one.growing == k for one in found.fixed) for k in range(4)] == [8, 12, 6, 1]
    assert [one.kind for one in found.fixed].count("stable") == 8


def test_a_turning_network_says_its_period() -> None:
    angle, size = 2 * np.pi / 9, 0.8
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    (point,) = found_in(ran(made("rnn", 2, U_h=turn))).fixed
    (plane,) = point.directions
    assert plane.period == pytest.approx(9)
    assert plane.size == pytest.approx(0.8)
    assert plane.time_constant == pytest.approx(-1 / np.log(0.8))
    assert directions_of(np.array([[-0.5]]))[1][0].period == 2.0


@pytest.mark.slow
def test_an_integrator_is_a_line_of_fixed_points_along_which_the_token_kicks_by_what_it_writes() -> None:
    """A linear unit that keeps all it has, beside one that forgets half."""
    network = made("rnn_relu", 2, 2, U_h=np.diag([1.0, 0.5]), W_h=np.array([[1.0, 0.0], [0.0, 0.0]]))
    x = np.array([[3.0, 0.0], [2.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    trace = run(network, Sequence("numbers", tuple("abcd"), x=x))
    found = found_in(trace, 2)
    assert found.lines == 1
    assert len(found.fixed) > 2
    assert {one.line for one in found.fixed if one.state[0] > 0} == {0}
    along = [one for one in found.fixed if one.state[0] > 0.5]
    assert along
    for one in along:
        assert one.kind == "marginal"
        assert one.state[1] == pytest.approx(0, abs=1e-6)
        assert one.directions[0].kind == "holds"
        assert abs(one.directions[0].vector[0]) == pytest.approx(1)
    assert found_in(trace, 0).fixed == (), "with an input that is added for ever no state stays"
    moved = found_in(trace, 2)
    assert moved.kick(along[0].directions[0]) == pytest.approx(0)
    assert abs(found_in(trace, 1).kick(along[0].directions[0])) == pytest.approx(2)


@pytest.mark.slow
@pytest.mark.parametrize("cell", cell_names())
def test_what_is_called_a_fixed_point_is_one_and_what_is_said_of_it_follows_from_its_jacobian(cell: str) -> None:
    trace = ran(random_weights(cell))
    passed = trace[PASS]
    map = step_map(passed, 3)
    found = fixed_points(passed, map, 3)
    assert found.starts.count >= 12
    for one in found.points:
        by = np.linalg.norm(map.step(one.state[None])[0] - one.state)
        assert one.speed == pytest.approx(by, abs=1e-14)
        assert one.fixed == (by <= FIXED * (1 + np.linalg.norm(one.state)))
        sizes = np.abs(np.linalg.eigvals(map.jacobians(one.state[None])[0]))
        np.testing.assert_allclose(np.abs(one.eigenvalues), np.sort(sizes)[::-1], atol=1e-6)
        assert (one.kind == "stable") == bool((sizes < 1 - BAND).all())
        assert one.growing == int((sizes > 1 + BAND).sum())
    for a, b in itertools.combinations(found.fixed, 2):
        assert np.abs(a.state - b.state).max() > 1e-6
    if found.settles is not None:
        state = found.after[None]
        for _ in range(found.tokens):
            state = map.step(state)
        np.testing.assert_allclose(state[0], found.points[found.settles].state, atol=0.1)


def test_a_plane_reads_off_how_far_a_change_goes_in_it() -> None:
    random = np.random.default_rng(5)
    jacobian = random.normal(size=(5, 5))
    values, directions = directions_of(jacobian, 9)
    change = random.normal(size=5)
    whole = np.zeros(5)
    for one in directions:
        part = complex(change @ one.covector)
        whole += (2 if one.turns else 1) * np.real(part * one.vector)
        assert np.linalg.norm(one.vector) == pytest.approx(1)
    np.testing.assert_allclose(whole, change, atol=1e-9)
    assert len(values) == 5


def test_a_jacobian_with_too_few_directions_says_that_a_kick_is_not_known() -> None:
    _, directions = directions_of(np.array([[1.0, 1.0], [0.0, 1.0]]))
    assert np.isnan(directions[0].along(np.ones((1, 2)))).all()


@pytest.mark.parametrize(
    ("value", "kind", "tokens"), [(1 + 0j, "holds", np.inf), (0j, "fades", 0.0), (complex("nan"), "not known", np.nan)]
)
def test_a_direction_at_the_edges(value: complex, kind: str, tokens: float) -> None:
    one = SlowDirection(value, np.ones(1), np.ones(1))
    assert one.kind == kind
    assert one.time_constant == tokens or np.isnan(tokens)


def test_a_state_with_too_many_numbers_or_none_that_is_finite_is_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="at most"):
        check_size(MOST_NUMBERS + 1, PASS)
    with pytest.raises(UserError, match="not finite"):
        found_in(ran(made("rnn", 2, U_h=np.full((2, 2), np.nan))))


def test_a_state_that_nothing_moves_is_a_fixed_point_wherever_it_is() -> None:
    found = found_in(ran(made("rnn_relu", 2, U_h=np.eye(2))))
    assert found.fixed
    assert all(one.kind == "marginal" for one in found.fixed if (one.state > 0).all())


@pytest.mark.parametrize(("kept", "said"), [((1.0, 0.5), "on one line"), ((1.0, 1.0), "in one connected set")])
def test_points_are_on_a_line_only_where_one_direction_holds(kept: tuple[float, float], said: str) -> None:
    network = made("rnn_relu", 2, 2, U_h=np.diag(kept), W_h=np.zeros((2, 2)))
    trace = run(network, Sequence("numbers", tuple("abcd"), x=np.zeros((4, 2))), initial={PASS: {"h": np.ones(2)}})
    words = list(memory_words(DynamicsQuestion(trace, PASS, 2).answer()))
    assert said in words[0]


def test_where_no_state_stays_it_is_said_how_fast_the_slowest_moves_and_where_the_state_goes() -> None:
    """An input that is added for ever: every state moves by at least as much, and the state here counts the tokens."""
    network = made("rnn_relu", 2, 2, U_h=np.diag([1.0, 0.5]), W_h=np.array([[1.0, 0.0], [0.0, 0.0]]))
    x = np.array([[3.0, 0.0], [2.0, 0.0]])
    trace = run(network, Sequence("numbers", tuple("ab"), x=x))
    found = found_in(trace, 0)
    assert not found.fixed
    assert found.least_speed == pytest.approx(3)
    assert found.came == pytest.approx([3 + 3 * SETTLING, 0])
    assert found.move == pytest.approx([3, 0])
    first, last = memory_words(DynamicsQuestion(trace, PASS, 0).answer())
    assert "the slowest state that the search came to moves by 3 a token" in first
    assert "settled nowhere" in last
    assert "still moves by 3 a token, most in h[0] (+3), which has gone from 3 to 3003" in last


@pytest.mark.slow
def test_of_story_no_state_stays_at_some_words_and_what_is_said_of_them_is_so() -> None:
    """`J` said of them nothing but that nothing was found."""
    trace = session_of("Ganesh likes AIML .", "story", interpreter="numpy").frame.trace
    found = found_in(trace, 3)
    assert not found.fixed
    state, step = found.after[None], step_map(trace[PASS], 3).step
    for _ in range(SETTLING):
        state = step(state)
    np.testing.assert_allclose(found.came, state[0])
    np.testing.assert_allclose(found.move, step(state)[0] - state[0])
    assert found.least_speed <= np.linalg.norm(found.move) * (1 + 1e-9), "the state that is followed is not slower"
    assert found.least_speed == np.linalg.norm(step(found.slowest[None])[0] - found.slowest)


def test_where_the_states_are_set_back_before_a_token_it_is_said() -> None:
    network = random_weights("gru", 1)
    holds = cut_holds(network, (TapeCut("reset", (2,)),), 6)
    trace = run(network, ran(network).sequence, holds=holds)
    said = [[" set back " in one for one in memory_words(DynamicsQuestion(trace, PASS, t).answer())] for t in (2, 3)]
    assert said[0][0]
    assert not any(said[1])


def test_it_can_be_stopped() -> None:
    passed = ran(random_weights("lstm"))[PASS]
    with pytest.raises(UserError, match="stopped"):
        next(search_fixed_points(passed, step_map(passed, 3), 3, stop=lambda: True))


def test_a_state_that_grows_beyond_all_numbers_in_one_unit_is_no_start() -> None:
    """Off a saddle, unit 0 doubles ever faster and unit 1 stays: what is followed is infinite in one unit alone."""
    grows = made("indrnn", 2, u_h=np.array([1e6, 0.5]), b_h=np.array([1 - 1e6, 0.5]))
    found = found_in(ran(grows, holds=(Hold(PASS, "h", (0, 1), (0, 2), "set", 1.0),)))
    assert all(np.isfinite(one.state).all() for one in found.fixed)
    assert any(np.allclose(one.state, 1) for one in found.fixed)
    assert (found.starts.off, found.starts.nothing) == (1, 0), "the other way off it leads to 0"
