"""Memories that are matrices, with several heads, against the papers' equations head by head."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import input_size_of, make_initial, make_input, parameters_of
from oracle import run_oracle

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime.run import run_arrays

MATRICES = [name for name in cell_names() if load_cell(name).shapes]


def make_network(name: str, heads: int, hidden: int = 8, **sizes: int) -> Network:
    """Return a network of one cell with so many heads, random weights and float64."""
    cell = load_cell(name)
    given = {"A": heads, **sizes} if "A" in cell.free_letters else sizes
    layer = {"cell": name, "hidden_size": hidden, "directions": ["forward"], "sizes": given}
    spec = {"version": 1, "name": name, "input_size": input_size_of(cell, 3, hidden), "layers": [layer]}
    network = build_network(spec, dtype=np.float64)
    random = np.random.default_rng(heads)
    for one in network.passes:
        for parameter in one.program.parameters:
            view = one.program.view(one.flat, parameter)
            view[...] = random.uniform(0.05, 0.6, view.shape) * random.choice([-1.0, 1.0], view.shape)
    return network


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("name", MATRICES)
def test_every_number_of_heads_agrees_with_the_paper(name: str, heads: int, interpreter: str) -> None:
    network = make_network(name, heads)
    x, initial = make_input(network, 7), make_initial(network)
    ran = run_arrays(network, x, interpreter, initial)
    (expected,) = run_oracle(name, parameters_of(network), x, [initial["layer0.forward"]])
    values = ran.stored["layer0.forward"].values
    assert set(values) == set(expected)
    for value, series in expected.items():
        size = max(1.0, float(np.abs(series).max()))
        np.testing.assert_allclose(values[value], series, rtol=0, atol=1e-12 * size, err_msg=value)


def test_one_head_is_not_two() -> None:
    one, two = make_network("mlstm", 1), make_network("mlstm", 2)
    sizes = [network.passes[0].program.values["S"].size for network in (one, two)]
    assert sizes == [64, 32]


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_a_head_of_slstm_reads_its_own_units_alone(heads: int) -> None:
    network = make_network("slstm", heads)
    network.apply_masks()
    x = np.random.default_rng(4).normal(size=(6, 3))
    values = run_arrays(network, x, "numpy").stored["layer0.forward"].values
    p = {name.rpartition("/")[2]: one for name, one in network.tensors().items()}
    size = 8 // heads
    for head in range(heads):
        of = slice(head * size, (head + 1) * size)
        h, c, n = np.zeros(size), np.zeros(size), np.zeros(size)
        for t in range(6):  # the paper's equations before stabilising, with the units of one head and no others
            i, f, z, o = (p[f"W_{g}"][of] @ x[t] + p[f"U_{g}"][of, of] @ h + p[f"b_{g}"][of] for g in "ifzo")
            keep, write = 1 / (1 + np.exp(-f)), np.exp(i)
            c, n = keep * c + write * np.tanh(z), keep * n + write
            h = c / n / (1 + np.exp(-o))
            np.testing.assert_allclose(values["h"][t, of], h, rtol=0, atol=1e-12)
    outside = np.kron(np.eye(heads), np.ones((size, size))) == 0
    for gate in "ifzo":
        assert not p[f"U_{gate}"][outside].any()


def test_heads_that_do_not_share_the_units_evenly_are_refused() -> None:
    with pytest.raises(UserError, match="3 heads do not share 8 units evenly"):
        make_network("slstm", 3)
