"""A memory survives at the start: an untrained cell keeps more than it forgets, whichever of its gates does so."""

from __future__ import annotations

import numpy as np
import pytest
from made_networks import input_size_of, letters_of

from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.network import build_network

KEEPS = {
    **dict.fromkeys(
        [
            "lstm",
            "lstm_peephole",
            "lstm_peephole_full",
            "lstm_projected",
            "lstm_cifg",
            "depth_gated",
            *(name for name in cell_names() if name.startswith("greff_") and name not in ("greff_cifg", "greff_nfg")),
        ],
        "b_f",
    ),
    **dict.fromkeys(["gru", "gru_reset_before"], "b_z"),
    **dict.fromkeys(["decoder_additive", "decoder_general", "decoder_dot"], "b_u"),
}
WRITES = {
    **dict.fromkeys(["gru_write", "mingru", *(name for name in cell_names() if name.startswith("mut"))], "b_z"),
    "minimal_gated": "b_f",
    "greff_cifg": "b_i",
}


@pytest.mark.parametrize("name", cell_names())
def test_the_bias_of_the_gate_that_forgets(name: str) -> None:
    """One begins at 1 or −1 by the tables above; every other bias of every cell begins at 0."""
    bias, start = KEEPS.get(name) or WRITES.get(name), 1.0 if name in KEEPS else -1.0
    cell = load_cell(name)
    layer = {"cell": name, "hidden_size": 4, "sizes": letters_of(cell)}
    spec = {"input_size": input_size_of(cell, 4, 4), "layers": [layer]}
    tensors = build_network(spec, seed=1).tensors()
    for key, view in tensors.items():
        parameter = key.rpartition("/")[2]
        if parameter.startswith("b_"):
            np.testing.assert_array_equal(view, start if parameter == bias else 0)


def test_a_normalised_vector_starts_at_its_own_scale() -> None:
    tensors = build_network({"input_size": 4, "layers": [{"cell": "layernorm_lstm", "hidden_size": 4}]}).tensors()
    for name in ("s_h", "s_x", "s_c"):
        np.testing.assert_array_equal(tensors[f"layer0.forward/{name}"], 1)


def test_entries_that_a_mask_takes_out_start_at_zero() -> None:
    tensors = build_network({"input_size": 4, "layers": [{"cell": "clockwork", "hidden_size": 4}]}).tensors()
    assert (np.tril(tensors["layer0.forward/U_h"], -1) == 0).all()
    assert (np.triu(tensors["layer0.forward/U_h"]) != 0).sum() == 10
