"""How the cells are related: what a cell becomes when a part of it is switched off or made trivial."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from made_networks import make_input, make_network

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run_arrays

HIDDEN, STEPS = 4, 7
Change = Callable[[str, Array], Array | float]


def output(network: Network, x: Array) -> Array:
    return run_arrays(network, x, "numpy").merged[-1]


def assert_becomes(general: str, special: str, change: Change) -> None:
    """Assert that the general cell, with some parameters changed, is the special one; and that they mattered."""
    one = make_network(general, 2, hidden=HIDDEN)
    other = make_network(special, 2, hidden=HIDDEN)
    x = make_input(one, STEPS)
    theirs = other.tensors()
    for name, view in one.tensors().items():
        if name in theirs:
            theirs[name][...] = view
    before = output(one, x)
    for name, view in one.tensors().items():
        parameter = name.rpartition("/")[2]
        view[...] = change(parameter, view)
        if name in theirs and not np.array_equal(theirs[name], view):
            theirs[name][...] = view
    after = output(one, x)
    np.testing.assert_allclose(after, output(other, x), rtol=0, atol=1e-14)
    assert np.abs(after - before).max() > 1e-3


def without(*starts: str) -> Change:
    return lambda name, view: 0.0 if name.startswith(starts) else view


@pytest.mark.parametrize(
    ("general", "special", "gone"),
    [
        ("lstm_peephole", "lstm", ("p_",)),
        ("lstm_peephole_full", "lstm", ("P_",)),
        ("greff_fgr", "lstm_peephole", ("R_",)),
    ],
)
def test_without_a_part_it_is_the_simpler_cell(general: str, special: str, gone: tuple[str, ...]) -> None:
    assert_becomes(general, special, without(*gone))


def test_the_lowest_layer_of_a_depth_gated_network_is_a_peephole_lstm() -> None:
    one, other = (make_network(name, 1, hidden=HIDDEN) for name in ("depth_gated", "lstm_peephole"))
    for name, view in other.tensors().items():
        view[...] = one.tensors()[name]
    x = make_input(one, STEPS)
    np.testing.assert_array_equal(output(one, x), output(other, x))


def test_a_clock_without_a_beat_is_a_plain_network() -> None:
    text = (
        'name = "clockwork"\ntitle = "a"\nsource = "a"\nstate = ["h"]\nfixed = { period = [1] }\n'
        "equations = '''\na = every(period)\nn = tanh(W_h @ x + U_h @ h + b_h)\nh = a * n + (1 - a) * h\n'''\n"
    )
    one, other = make_network("clockwork", text=text, hidden=HIDDEN), make_network("rnn", hidden=HIDDEN)
    for name, view in other.tensors().items():
        view[...] = one.tensors()[name]
    x = make_input(one, STEPS)
    np.testing.assert_array_equal(output(one, x), output(other, x))


def test_a_diagonal_matrix_is_a_peephole() -> None:
    one, other = (make_network(name, hidden=HIDDEN) for name in ("lstm_peephole_full", "lstm_peephole"))
    tensors = one.tensors()
    for name, view in other.tensors().items():
        full = name.replace("/p_", "/P_")
        if full != name:
            tensors[full][...] = np.diag(view)
        else:
            view[...] = tensors[name]
    x = make_input(one, STEPS)
    np.testing.assert_allclose(output(one, x), output(other, x), rtol=0, atol=1e-15)


def test_a_recurrent_matrix_that_is_diagonal_is_an_independent_network() -> None:
    one, other = make_network("rnn_relu", hidden=HIDDEN), make_network("indrnn", hidden=HIDDEN)
    theirs = other.tensors()
    one.tensors()["layer0.forward/U_h"][...] = np.diag(theirs["layer0.forward/u_h"])
    for name in ("layer0.forward/W_h", "layer0.forward/b_h"):
        theirs[name][...] = one.tensors()[name]
    x = make_input(one, STEPS)
    np.testing.assert_allclose(output(one, x), output(other, x), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("name", "gate", "bias"), [("greff_nig", "i", 800.0), ("greff_nfg", "f", 800.0), ("greff_nog", "o", 800.0)]
)
def test_a_gate_that_is_wide_open_is_one_that_is_taken_out(name: str, gate: str, bias: float) -> None:
    one, other = make_network("lstm_peephole", 2, hidden=HIDDEN), make_network(name, 2, hidden=HIDDEN)
    tensors = one.tensors()
    for key, view in other.tensors().items():
        view[...] = tensors[key]
    for key, view in tensors.items():
        if key.endswith(f"/b_{gate}"):
            view[...] = bias
    x = make_input(one, STEPS)
    np.testing.assert_allclose(output(one, x), output(other, x), rtol=0, atol=1e-13)


def test_a_memory_that_fades_evenly_is_what_the_gates_of_slstm_average() -> None:
    network = make_network("slstm", hidden=HIDDEN)
    for key, view in network.tensors().items():
        if key.rpartition("/")[2] in ("W_i", "U_i", "b_i", "W_f", "U_f"):
            view[...] = 0
        elif key.endswith("/b_f"):
            view[...] = 800  # nothing is forgotten, everything is written: C / N is the mean of the candidates
    x = make_input(network, STEPS)
    values = run_arrays(network, x, "numpy").stored["layer0.forward"].values
    counts = np.arange(1, STEPS + 1)[:, None]
    np.testing.assert_allclose(values["h"], values["o"] * np.cumsum(values["z"], axis=0) / counts, rtol=0, atol=1e-14)
