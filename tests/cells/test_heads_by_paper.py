"""Memories that are matrices, with several heads, against the papers' equations head by head."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import input_size_of, make_initial, make_input, parameters_of
from oracle import run_oracle

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
