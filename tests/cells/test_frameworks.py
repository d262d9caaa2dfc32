"""Cells against what PyTorch, onnxruntime, Keras and torchrecurrent computed, frozen in `vectors/`.

And the mistakes that give plausible wrong numbers: each must be seen to differ, or these tests show nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vectors import NAMES, Vectors, read

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.cell import load_cell
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.runtime.run import run_arrays


def worst(vectors: Vectors, interpreter: str = "numpy", dtype: str = "float64") -> float:
    """Return the largest difference from everything a framework recorded."""
    network, largest = vectors.network(), 0.0
    for n, x in vectors.sequences():
        ran = run_arrays(network, x.astype(dtype), interpreter, vectors.initial(n))
        pairs = []
        if f"y/{n}" in vectors.arrays:
            pairs.append((ran.merged[-1], vectors.arrays[f"y/{n}"]))
        for key, expected in vectors.under(f"last/{n}/").items():
            name, _, state = key.partition("/")
            pairs.append((ran.stored[name].values[state][-1], expected))
        for key, expected in vectors.under(f"series/{n}/readout/").items():
            assert ran.readout is not None
            pairs.append((ran.readout.values[key], expected))
        assert pairs
        for found, expected in pairs:
            assert found.shape == expected.shape
            largest = max(largest, float(np.abs(found - expected).max()))
    return largest


def test_the_vectors_are_there() -> None:
    assert len(NAMES) >= 50, "make them with tests/cells/freeze_frameworks.py"


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
@pytest.mark.parametrize("name", NAMES)
def test_agrees_with_a_framework(name: str, interpreter: str) -> None:
    vectors = read(name)
    assert worst(vectors, interpreter) < (1e-12 if vectors.exact else 1e-6)
    assert worst(vectors, interpreter, "float32") < 1e-5


# --- negative controls ----------------------------------------------------------------------------------

WRONG = 1e-3
"""More than this is no rounding error."""


def with_cell(vectors: Vectors, cell: str, tensors: dict[str, Array], text: str | None = None) -> Vectors:
    """Return the same vectors for another cell and its parameters."""
    layers = [{**layer, "cell": cell, "without": []} for layer in vectors.spec["layers"]]
    spec = {**vectors.spec, "layers": layers, "cells": {cell: text} if text else {}}
    rest = {key: value for key, value in vectors.arrays.items() if not key.startswith("tensor/")}
    return replace(vectors, spec=spec, arrays={**rest, **{f"tensor/{key}": value for key, value in tensors.items()}})


def changed(cell: str, old: str, new: str) -> str:
    text = load_cell(cell).text
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize("name", ["keras_gru_after", "torch_gru", "onnx_gru_after"])
def test_reset_before_is_not_reset_after(name: str) -> None:
    vectors = read(name)
    tensors = vectors.under("tensor/")
    added = {
        key.replace("c_n", "b_n"): tensors[key] + tensors[key.replace("c_n", "b_n")] for key in tensors if "c_n" in key
    }
    kept = {key: value for key, value in tensors.items() if "c_n" not in key}
    assert worst(with_cell(vectors, "gru_reset_before", {**kept, **added})) > WRONG


@pytest.mark.parametrize("name", ["keras_gru_before", "onnx_gru_before"])
def test_an_update_gate_that_writes_is_one_that_keeps_with_its_sign_changed(name: str) -> None:
    vectors = read(name)
    tensors = vectors.under("tensor/")
    turned = {key: -value if key.endswith("_z") else value for key, value in tensors.items()}
    assert worst(with_cell(vectors, "gru_write", turned)) < (1e-12 if vectors.exact else 1e-6)
    assert worst(with_cell(vectors, "gru_write", tensors)) > WRONG


@pytest.mark.parametrize("name", ["onnx_lstm_peephole", "torchrecurrent_peephole"])
def test_the_output_gate_looks_at_the_new_memory(name: str) -> None:
    vectors = read(name)
    old = changed("lstm_peephole", "p_o * c", "p_o * prev(c)")
    assert worst(with_cell(vectors, "lstm_peephole", vectors.under("tensor/"), old)) > WRONG


def test_the_order_of_peepholes_matters() -> None:
    vectors = read("onnx_lstm_peephole")
    tensors = vectors.under("tensor/")
    turn = {"p_f": "p_o", "p_o": "p_f"}
    swapped = {
        key: tensors[key.replace(key[-3:], turn[key[-3:]])] if key[-3:] in turn else value
        for key, value in tensors.items()
    }
    assert worst(with_cell(vectors, "lstm_peephole", swapped)) > WRONG


def test_coupled_gates_ignore_the_forget_gate_that_the_file_carries() -> None:
    vectors = read("onnx_lstm_input_forget")
    tensors = {**vectors.under("tensor/"), **vectors.under("ignored/")}
    assert {key.rpartition("/")[2] for key in vectors.under("ignored/")} == {"W_f", "U_f", "b_f", "p_f"}
    assert worst(with_cell(vectors, "lstm_peephole", tensors)) > WRONG
    learned_forget = changed("greff_cifg", "f = 1 - i", "f = 1 - (1 - i)")
    assert worst(with_cell(vectors, "greff_cifg", vectors.under("tensor/"), learned_forget)) > WRONG


def test_coupled_gates_can_be_told_from_either_side() -> None:
    vectors = read("onnx_lstm_input_forget")
    tensors = {key: value for key, value in vectors.under("tensor/").items() if "/p_" not in key}
    layer = {**vectors.spec["layers"][0], "without": ["p_i", "p_o"]}
    one = build_network({**vectors.spec, "layers": [layer]}, tensors, dtype=np.float64)
    by_forget = {key.replace("_i", "_f"): -value if key.endswith("_i") else value for key, value in tensors.items()}
    other_layer = {**layer, "cell": "lstm_cifg", "without": []}
    other = build_network({**vectors.spec, "layers": [other_layer]}, by_forget, dtype=np.float64)
    x = vectors.arrays["x/0"]
    a, b = run_arrays(one, x, "numpy").merged[-1], run_arrays(other, x, "numpy").merged[-1]
    np.testing.assert_allclose(a, b, rtol=0, atol=1e-15)


def test_clipped_sums_differ_from_sums() -> None:
    vectors = read("onnx_lstm_clip")
    assert worst(with_cell(vectors, "lstm_peephole", vectors.under("tensor/"))) > WRONG


def test_the_two_hard_sigmoids_differ() -> None:
    theirs, ours = read("keras_hard_sigmoid"), read("onnx_lstm_hard_sigmoid")
    text = ours.spec["cells"]["lstm"]
    assert worst(with_cell(theirs, "lstm", theirs.under("tensor/"), text)) > WRONG


@pytest.mark.parametrize(("name", "side"), [("keras_mask_right", "right"), ("keras_mask_left", "left")])
def test_padding_that_is_not_masked_spoils_the_pass_that_meets_it_first(name: str, side: str) -> None:
    vectors = read(name)
    network = vectors.network()
    x, y = vectors.arrays["x/1"], vectors.arrays["y/1"]
    pad = np.zeros((2, x.shape[1]))
    padded = np.concatenate([x, pad] if side == "right" else [pad, x])
    place = slice(0, len(x)) if side == "right" else slice(2, None)
    found = run_arrays(network, padded, "numpy").merged[-1][place]
    half = y.shape[1] // 2
    spoilt, fine = (slice(half, None), slice(0, half)) if side == "right" else (slice(0, half), slice(half, None))
    assert np.abs(found[:, spoilt] - y[:, spoilt]).max() > WRONG
    assert np.abs(found[:, fine] - y[:, fine]).max() < 1e-6


def test_a_projection_that_is_left_out_is_another_network() -> None:
    assert load_cell("lstm_projected").sizes["h"].letter == "P"
    assert read("torch_lstm_projected").arrays["y/0"].shape[1] == 2 * 2
