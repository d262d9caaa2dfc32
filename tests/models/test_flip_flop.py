"""The trained switches: right on what was not learned, with the 27 fixed points that brute force finds."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.bundled_files import path
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.models import card
from lstm_tui.models.recipes import flip_flop


def step(network: Network, states: Array) -> Array:
    """Return the states behind a step that reads nothing, in plain NumPy."""
    held = network.tensors()
    matrix, added = (held[f"layer0.forward/{name}"].astype(np.float64) for name in ("U_h", "b_h"))
    return np.asarray(np.tanh(states @ matrix.T + added))


def slopes(network: Network, states: Array) -> Array:
    matrix = network.tensors()["layer0.forward/U_h"].astype(np.float64)
    return np.asarray((1 - step(network, states) ** 2)[..., None] * matrix)


def brute_force(network: Network, starts: int) -> Array:
    """Return every fixed point that Newton's method comes to from states all over the space, (n, H)."""
    random = np.random.default_rng(5)
    states = random.uniform(-1, 1, (starts, flip_flop.HIDDEN))
    for _ in range(60):
        by = np.linalg.solve(
            slopes(network, states) - np.eye(flip_flop.HIDDEN), (step(network, states) - states)[..., None]
        )
        states = np.clip(states - by[..., 0], -2, 2)
    states = states[np.abs(step(network, states) - states).max(axis=1) < 1e-11]
    found: list[Array] = []
    for state in states:
        if not any(np.abs(state - one).max() < 1e-5 for one in found):
            found.append(state)
    return np.array(found)


def test_its_27_points_are_found_and_each_stable_one_stands_for_three_switches() -> None:
    network = open_model("flip-flop")
    found = flip_flop.fixed_points_of(network)
    assert [sum(one.growing == k for one in found.fixed) for k in range(4)] == [8, 12, 6, 1]
    held = network.tensors()
    stable = np.array([one.state for one in found.fixed if one.kind == "stable"])
    said = stable @ held["readout/V_y"].T + held["readout/b_y"]
    assert len({tuple(np.sign(row)) for row in said}) == 8
    np.testing.assert_allclose(np.abs(said), 1, atol=0.1)
    for measured in card("flip-flop")["measured"].values():
        assert (measured["fixed points"], measured["stable"]) == (27, 8)
    assert path("flip-flop").stat().st_size <= 15_000


@pytest.mark.slow
def test_brute_force_comes_to_the_same_points_and_to_no_other() -> None:
    network = open_model("flip-flop")
    found = flip_flop.fixed_points_of(network)
    states = np.array([one.state for one in found.fixed])
    expected = brute_force(network, 8_000)
    assert len(states) == len(expected) == 27
    assert all(np.abs(states - one).max(axis=1).min() < 1e-6 for one in expected)
    for one in found.fixed:
        values = np.abs(np.linalg.eigvals(slopes(network, one.state[None])[0]))
        assert one.growing == int((values > 1).sum())


def test_the_sample_is_the_one_that_is_made_and_ends_in_silence() -> None:
    text = (samples_folder() / "flip-flop.csv").read_text(encoding="utf-8")
    assert text == flip_flop.sample()
    rows = np.loadtxt(text.splitlines()[1:], delimiter=",")
    assert not rows[-flip_flop.SILENT :].any()


@pytest.mark.slow
def test_it_is_measured_as_its_card_has_it() -> None:
    measured = flip_flop.measure(open_model("flip-flop"))
    known = card("flip-flop")["measured"]["0"]
    assert all(measured[name] == pytest.approx(number, abs=1e-4) for name, number in known.items())
