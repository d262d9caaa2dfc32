"""Every cell in the folder in the smallest sizes, for a single step, and in windows of a long run."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import EVERY_CELL, called, largest_of, make_initial, make_input, make_network, parameters_of
from oracle import ORACLES, run_oracle
from registries import sampled

from lstm_tui.engine.runtime import storage
from lstm_tui.engine.runtime.blocked_product import BLOCK
from lstm_tui.engine.runtime.run import run_arrays

INTERPRETERS = ("numpy", "numba")


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize(("inputs", "hidden", "steps"), sampled([(1, 1, 5), (4, 1, 2), (1, 4, 1), (8, 8, 3)], 2))
@pytest.mark.parametrize("name", sorted(ORACLES))
def test_agrees_with_the_oracle(name: str, inputs: int, hidden: int, steps: int, interpreter: str) -> None:
    network = make_network(name, 2, inputs, hidden, seed=9)
    x, initial = make_input(network, steps), make_initial(network)
    expected = run_oracle(name, parameters_of(network), x, [initial[one.name] for one in network.passes])
    ran = run_arrays(network, x, interpreter, initial)
    for one, values in zip(network.passes, expected, strict=True):
        for value, series in values.items():
            near = 1e-12 * largest_of(one.cell, value, series)
            np.testing.assert_allclose(ran.stored[one.name].values[value], series, rtol=0, atol=near)


@pytest.mark.parametrize("interpreter", INTERPRETERS)
@pytest.mark.parametrize("name", sampled(EVERY_CELL, 4), ids=called)
def test_windows_of_a_long_run_have_the_same_bits(name: str, interpreter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = make_network(name, 2, seed=2)
    x, initial = make_input(network, 130), make_initial(network)
    whole = run_arrays(network, x, interpreter, initial)
    monkeypatch.setattr(storage, "KEEP_ROWS_BYTES", 0)
    monkeypatch.setattr(storage, "WINDOW", BLOCK)
    parts = run_arrays(network, x, interpreter, initial)
    for one in network.passes:
        assert parts.stored[one.name].rows is None
        for value, series in whole.stored[one.name].values.items():
            np.testing.assert_array_equal(parts.stored[one.name].values[value], series)
        whole_rows, part_rows = (ran.stored[one.name].window(64, 100) for ran in (whole, parts))
        np.testing.assert_array_equal(part_rows[1:], whole_rows[1:])
