"""What a file of flash-linear-attention does not record is assumed, and `--set` decides; what is not read is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from released_linear import KINDS, answers_of_linear, elu_and_one, linear_model
from test_released import IDS, said, shares, written

import lstm_tui
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.open import ImportOptions, open_file

MADE: dict[str, tuple[str, dict[str, Any], dict[str, str], dict[str, Any]]] = {
    "no convolution": ("DeltaNet", {"taps": 0}, {}, {}),
    "another window, with biases": ("DeltaNet", {"taps": 3, "bias": True}, {}, {}),
    "a gate": ("DeltaNet", {"gate": True}, {}, {}),
    "no writing strength": ("DeltaNet", {"strength": False}, {}, {}),
    "relu": ("DeltaNet", {}, {"query_key_activation": "relu"}, {"activation": lambda z: np.maximum(z, 0)}),
    "elu": ("DeltaNet", {"taps": 0}, {"query_key_activation": "elu"}, {"activation": elu_and_one}),
    "identity": ("DeltaNet", {}, {"query_key_activation": "identity"}, {"activation": lambda z: z}),
    "sums": ("DeltaNet", {}, {"query_key_norm": "sum"}, {"sums": True}),
    "twice": ("DeltaNet", {}, {"writing_strength": "0 to 2"}, {"twice": True}),
    "epsilon": ("DeltaNet", {}, {"epsilon": "0.01"}, {"epsilon": 0.01}),
    "twice, gated": ("Gated DeltaNet", {}, {"writing_strength": "0 to 2"}, {"twice": True}),
    "no gate": ("Gated DeltaNet", {"gate": False}, {}, {}),
    "sigmoid": ("Gated DeltaNet", {}, {"output_gate": "sigmoid"}, {"gate": lambda z: 1 / (1 + np.exp(-z))}),
    "shared queries": ("Gated DeltaNet", {"shared": 2}, {"key_heads": "2"}, {}),
    "shared keys": ("GLA", {"heads": 4, "shared": 2}, {}, {"heads": 4}),
    "shared keys, windows": ("GLA", {"heads": 4, "shared": 2, "taps": 4, "bias": True}, {}, {"heads": 4}),
    "divisor": ("GLA", {}, {"gate_divisor": "4"}, {"divisor": 4}),
    "shared keys, turned": ("RetNet", {"heads": 4, "shared": 4}, {}, {"heads": 4}),
    "one head": ("RetNet", {"heads": 1}, {}, {"heads": 1}),
    "one head, convolved": ("DeltaNet", {"heads": 1}, {}, {"heads": 1}),
    "one head, gated": ("Gated DeltaNet", {"heads": 1}, {}, {"heads": 1}),
    "one head, faded": ("GLA", {"heads": 1}, {}, {"heads": 1}),
    "one head, summed": ("linear attention", {"heads": 1}, {}, {"heads": 1}),
    "packed": ("RetNet", {"packed": True}, {}, {}),
    "t2r": ("linear attention", {"features": "t2r"}, {}, {}),
    "elu + 1": ("linear attention", {"features": ""}, {}, {}),
    "relu features": ("linear attention", {"features": ""}, {"feature_map": "relu"},
                      {"features": lambda z: np.maximum(z, 0)}),
    "divided": ("linear attention", {"features": ""}, {"read": "divided by the keys"}, {"mean": True}),
    "shares": ("linear attention", {"features": "", "heads": 4, "shared": 2}, {"feature_sums": "of both"},
               {"shares": "qk", "heads": 4}),
}  # fmt: skip
"""What makes a file of its kind other than usual, what the user says of it, and what its reference is told."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in MADE])
def test_what_a_file_may_have_and_what_the_user_says_are_followed(name: str, tmp_path: Path) -> None:
    kind, made, decided, told = MADE[name]
    tensors = linear_model(kind, 7, **made)
    path = written(tensors, tmp_path)
    assert np.abs(said(path, decisions=decided) - shares(answers_of_linear(kind, tensors, IDS, **told))).max() < 1e-5
    facts = {fact.key: fact for fact in open_file(path, ImportOptions(settings=decided)).report.facts}
    assert {facts[key].how for key in decided} <= {"set"}
    if decided and "shared" not in name:
        assert {fact.how for fact in open_file(path).report.facts if fact.key in decided} == {"assumed"}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_turn_and_a_decay_stay_right_over_hundreds_of_tokens(kind: str, tmp_path: Path) -> None:
    tensors = linear_model(kind, 8)
    ids = [(7 * n + n * n) % 11 for n in range(300)]
    output = lstm_tui.trace(" ".join(map(str, ids)), model=lstm_tui.load(written(tensors, tmp_path))).output
    assert output is not None
    assert np.abs(np.asarray(output) - shares(answers_of_linear(kind, tensors, ids))).max() < 1e-4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model.layers.{}.attn.f_proj.weight": (4, 8)}, "attn.f_proj is of no layout that is read"),
        ({"model.layers.{}.attn.o_norm.weight": None}, "or none, as attention over all tokens has"),
        (
            {"model.layers.1.attn.o_norm.weight": None},
            "layers.1.attn.o_norm.weight is missing, which another layer has, "
            "and only a file whose layers are alike is opened",
        ),
        ({"model.layers.{}.attn.k_conv1d.weight": None}, "attn.k_conv1d.weight is missing"),
        ({"model.layers.{}.attn.o_norm.weight": (5,)}, "do not divide into"),
        ({"model.layers.{}.attn.o_norm.weight": (0,)}, "do not divide into"),
        ({"model.layers.{}.attn.o_norm.weight": (99,)}, "do not divide into"),
        ({"model.layers.{}.attn.q_proj.weight": (0, 8)}, "do not divide into"),
        ({"model.layers.{}.mlp.up_proj.weight": None}, "up_proj.weight is missing"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    tensors = linear_model("DeltaNet")
    for pattern, shape in change.items():
        for n in range(2):
            if shape is None:
                tensors.pop(pattern.format(n), None)
            else:
                tensors[pattern.format(n)] = np.ones(shape, np.float32)
    with pytest.raises(UserError) as refused:
        open_file(written(tensors, tmp_path))
    assert named in str(refused.value)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize(
    ("kind", "decided", "said"),
    [("GLA", {"gate_divisor": "0"}, "--set gate_divisor=0 is no number above 0, such as 16"),
     ("GLA", {"gate_divisor": "x"}, "--set gate_divisor=x is no number above 0, such as 16"),
     ("GLA", {"gate_divisor": "1e6"}, "--set gate_divisor=1e6 is no number above 0, such as 16"),
     ("Gated DeltaNet", {"key_heads": "0"}, "--set key_heads=0 is no number of heads, such as 4"),
     ("Gated DeltaNet", {"key_heads": "1.5"}, "--set key_heads=1.5 is no number of heads, such as 4"),
     ("Gated DeltaNet", {"key_heads": "4097"}, "--set key_heads=4097 is no number of heads, such as 4"),
     ("Gated DeltaNet", {"key_heads": "3"}, "do not divide into"),
     ("DeltaNet", {"query_key_norm": "l3"}, "--set query_key_norm=l3: it can be ")],
)  # fmt: skip
def test_what_cannot_be_is_refused(kind: str, decided: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as refused:
        open_file(written(linear_model(kind), tmp_path), ImportOptions(settings=decided))
    assert said in str(refused.value)
    assert str(refused.value).count("\n") == 0


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("RetNet", {"attn.q_proj.weight": (6, 8), "attn.k_proj.weight": (6, 8)},
         "q_proj has 3 numbers a head, which cannot be turned in pairs"),
        ("linear attention", {"attn.feature_map_q.layer3.weight": (4, 4)},
         "feature_map_q. is a feature map that is not read; those that are: a product of two dense"),
    ],
)  # fmt: skip
def test_a_form_that_is_not_read_is_told_with_those_that_are(
    kind: str, change: dict[str, tuple[int, ...]], said: str, tmp_path: Path
) -> None:
    tensors = linear_model(kind)
    for name, shape in change.items():
        tensors |= {f"model.layers.{n}.{name}": np.ones(shape, np.float32) for n in range(2)}
    with pytest.raises(UserError) as refused:
        open_file(written(tensors, tmp_path))
    assert said in str(refused.value)


def test_what_is_divided_by_its_sum_is_what_the_user_says(tmp_path: Path) -> None:
    """Of queries it changes little: what is read is normalised."""
    path = written(linear_model("linear attention", 3, features=""), tmp_path)
    plain, *others = (
        np.asarray(
            lstm_tui.trace("1 2 3 4", model=open_file(path, ImportOptions({"feature_sums": one})).network).output
        )
        for one in ("as they are", "of k", "of both")
    )
    assert all(np.abs(plain - one).max() > 1e-4 for one in others)
