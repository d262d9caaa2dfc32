"""PyTorch's numbers: frozen ones always, live ones where torch is installed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from make_vectors import FOLDER, of_torch
from random_networks import layer, numbers

from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.runtime.run import run

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def compare(cell: str, dtype: str, made: Mapping[str, np.ndarray], interpreter: str) -> None:
    layers = [layer(cell, 4, both=True), layer(cell, 4, both=True)]
    spec = {"name": "torch", "input_size": 3, "layers": layers}
    tensors = {name: made[name] for name in made if "/" in name}
    trace = run(build_network(spec, tensors, dtype=dtype), numbers(made["x"]), interpreter)
    assert trace.dtype == dtype
    tolerance = TOLERANCE[dtype]
    passes = list(trace.values())
    top = np.concatenate([passes[2]["h"], passes[3]["h"]], axis=1)
    np.testing.assert_allclose(top, made["output"], rtol=0, atol=tolerance)
    for state in ("h", "c") if cell == "lstm" else ("h",):
        for passed, last in zip(passes, made[f"last_{state}"], strict=True):
            place = passed.tape_place(passed.steps - 1)
            np.testing.assert_allclose(passed[state][place], last, rtol=0, atol=tolerance)


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_frozen_numbers_of_torch(cell: str, dtype: str, interpreter: str) -> None:
    with np.load(FOLDER / f"torch_{cell}_{dtype}.npz", allow_pickle=False) as made:
        compare(cell, dtype, made, interpreter)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_live_numbers_of_torch(cell: str, dtype: str) -> None:
    pytest.importorskip("torch", reason="torch is not installed; its frozen numbers are compared above")
    compare(cell, dtype, of_torch(cell, dtype, seed=7), "numpy")
