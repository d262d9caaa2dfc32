"""A memory survives at the start: an untrained cell keeps more than it forgets, whichever of its gates does so."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_tui.engine.model.network import build_network

KEEPS = {
    **dict.fromkeys(
        ["lstm", "lstm_peephole", "lstm_projected", "lstm_cifg", "greff_fgr", "greff_nig", "depth_gated"], "b_f"
    ),
    **dict.fromkeys(["gru", "gru_reset_before"], "b_z"),
}
WRITES = {
    **dict.fromkeys(["gru_write", "mingru", "mut1", "mut2", "mut3"], "b_z"),
    "minimal_gated": "b_f",
    "greff_cifg": "b_i",
}


@pytest.mark.parametrize(
    ("name", "bias", "start"),
    [(name, bias, 1.0) for name, bias in KEEPS.items()] + [(name, bias, -1.0) for name, bias in WRITES.items()],
)
def test_the_bias_of_the_gate_that_forgets(name: str, bias: str, start: float) -> None:
    spec = {"input_size": 4, "layers": [{"cell": name, "hidden_size": 4, "sizes": {"P": 2}}]}
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
