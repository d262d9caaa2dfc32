"""Files of xLSTM in all their forms; what they do not record is assumed, and `--set` decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from released_models import Tensors
from released_xlstm import answers_of_large, answers_of_small, large, small
from test_released import IDS, said, shares, written

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions, open_file

SMALL: dict[str, dict[str, Any]] = {
    "mLSTM alone": {"scalar": ()},
    "sLSTM alone": {"scalar": (0, 1, 2)},
    "as CUDA keeps it": {"cuda": True},
    "no convolution": {"window": False},
    "biases": {"bias": True},
    "no channels": {"channels": False},
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in SMALL])
def test_every_form_of_the_first_models_is_read(name: str, tmp_path: Path) -> None:
    tensors = small(5, **SMALL[name])
    assert np.abs(said(written(tensors, tmp_path)) - shares(answers_of_small(tensors, IDS))).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("hub", [False, True])
def test_every_form_of_the_large_model_is_read(packed: bool, hub: bool, tmp_path: Path) -> None:
    tensors = large(5, packed=packed, hub=hub)
    assert np.abs(said(written(tensors, tmp_path)) - shares(answers_of_large(tensors, IDS))).max() < 1e-5


def test_the_gates_of_an_slstm_are_swapped_unless_told(tmp_path: Path) -> None:
    tensors = small(6)
    path = written(tensors, tmp_path)
    fact = {fact.key: fact for fact in open_file(path).report.facts}["slstm_gates"]
    assert (fact.how, fact.value) == ("assumed", "as the code reads them")
    assert "NX-AI/xlstm#98" in fact.why
    named = said(path, decisions={"slstm_gates": "as they are named"})
    assert np.abs(named - shares(answers_of_small(tensors, IDS, named=True))).max() < 1e-5
    assert np.abs(named - said(path)).max() > 1e-3, "the other gates give other numbers"


@pytest.mark.parametrize(
    ("decided", "told"),
    [({"gate_cap": "none"}, {"gate_cap": 0}), ({"gate_cap": "0.5"}, {"gate_cap": 0.5}),
     ({"logit_cap": "none"}, {"logit_cap": 0}), ({"epsilon": "0.01"}, {"epsilon": 0.01})],
)  # fmt: skip
def test_caps_and_epsilon_are_as_the_user_says(decided: dict[str, str], told: dict[str, Any], tmp_path: Path) -> None:
    tensors = large(7)
    path = written(tensors, tmp_path)
    assert np.abs(said(path, decisions=decided) - shares(answers_of_large(tensors, IDS, **told))).max() < 1e-5
    assert np.abs(said(path, decisions=decided) - shares(answers_of_large(tensors, IDS))).max() > 1e-5


def test_a_head_that_is_the_table_is_understood(tmp_path: Path) -> None:
    tensors = small(8)
    del tensors["lm_head.weight"]
    path = written(tensors, tmp_path)
    assert np.abs(said(path) - shares(answers_of_small(tensors, IDS))).max() < 1e-5
    facts = {fact.key: fact for fact in open_file(path).report.facts}
    assert facts["readout.weights"].how == "assumed"
    assert (facts["readout"].value, facts["readout"].how) == ("norm, dense, softmax: 11 outputs", "inferred")


@pytest.mark.slow
@pytest.mark.parametrize(("make", "answers"), [(small, answers_of_small), (large, answers_of_large)])
def test_gates_stay_right_over_hundreds_of_tokens(make: Any, answers: Any, tmp_path: Path) -> None:
    tensors = make(9)
    ids = [(7 * n + n * n) % 11 for n in range(300)]
    output = lstm_tui.trace(" ".join(map(str, ids)), model=lstm_tui.load(written(tensors, tmp_path))).output
    assert output is not None
    assert np.abs(np.asarray(output) - shares(answers(tensors, ids))).max() < 1e-4


def _with(tensors: Tensors, name: str, shape: tuple[int, ...]) -> Tensors:
    return tensors | {name: np.ones(shape, np.float32)}


@pytest.mark.parametrize(
    ("tensors", "decided", "named"),
    [
        (_with(large(), "backbone.blocks.1.mlstm_layer.q.bias", (4,)), {}, "layers have biases is not read"),
        (
            _with(large(packed=True), "backbone.blocks.0.mlstm_layer.qkv_opreact.weight", (9, 8)),
            {},
            "qkv_opreact.weight is not q, k, v and a gate",
        ),
        (
            _with(
                _with(large(packed=True), "backbone.blocks.0.mlstm_layer.ifgate_preact.weight", (3, 8)),
                "backbone.blocks.0.mlstm_layer.ifgate_preact.bias",
                (3,),
            ),
            {},
            "ifgate_preact.weight is not two gates of every head",
        ),
        (large(), {"gate_cap": "0"}, "neither `none` nor a number"),
        (large(), {"logit_cap": "nan"}, "neither `none` nor a number"),
        (
            _with(small(), "xlstm_block_stack.blocks.1.xlstm.slstm_cell._recurrent_kernel_", (2, 4, 12)),
            {},
            "_recurrent_kernel_ is not four gates of heads of",
        ),
        (_with(small(), "xlstm_block_stack.blocks.0.xlstm.q_proj.weight", (4, 4, 3)), {}, "is not square blocks"),
        (
            _with(small(), "xlstm_block_stack.blocks.0.xlstm.mlstm_cell.fgate.weight", (4, 48)),
            {},
            "fgate and igate are not of heads of",
        ),
        (small(), {"slstm_gates": "x"}, "slstm_gates"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(
    tensors: Tensors, decided: dict[str, str], named: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as refused:
        open_file(written(tensors, tmp_path), ImportOptions(settings=decided))
    assert named in str(refused.value)
    assert str(refused.value).count("\n") == 0
