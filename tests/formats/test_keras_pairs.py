"""Encoders with decoders of Keras, opened as one network, say what Keras said of the same tokens."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_archive import rewritten

import lstm_tui
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file

pytest.importorskip("h5py")
FOLDER = Path(__file__).parent / "files" / "pairs"
EXPECTED = dict(np.load(FOLDER / "expected.npz"))
READ = 9
ASKED, ANSWERED, MASKED = (3, 8, 2, 2, 5), (1, 4, 6, 4), (3, 8, 0, 2, 5, 0)
"""As `make_keras_pairs.py` gave them to Keras."""


def opened(name: str, **settings: str) -> Imported:
    path = next(FOLDER.glob(f"{name}.[kh]*"))
    return open_file(path, ImportOptions({"answers.begin": str(ANSWERED[0]), **settings}))


def said(found: Imported, asked: tuple[int, ...]) -> Any:
    text = " ".join([*map(str, asked), *(f"a{n}" for n in ANSWERED)])
    trace = lstm_tui.trace(text, model=found.network)
    assert trace.output is not None
    return np.asarray(trace.output, np.float64)[-len(ANSWERED) :]


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_frozen_pair_says_what_keras_said(name: str) -> None:
    found = opened(name)
    made = said(found, MASKED if name == "masked" else ASKED)
    np.testing.assert_allclose(made[:, READ:], EXPECTED[name], atol=1e-5)
    assert made[:, :READ].max() < 1e-30, "what is only read is never said"
    assert found.network.answers is not None
    assert not found.report.unused


def reads(layers: dict[str, Any], name: str, *tensors: tuple[str, int]) -> None:
    """Have a layer read other tensors, in one list."""
    made = [
        {"class_name": "__keras_tensor__", "config": {"shape": [None, None, 6], "keras_history": [one, 0, n]}}
        for one, n in tensors
    ]
    layers[name]["inbound_nodes"] = [{"args": [made], "kwargs": {}}]


def kind(layers: dict[str, Any], name: str, what: str) -> None:
    layers[name]["class_name"] = layers[name]["registered_name"] = what


@pytest.mark.parametrize(
    ("name", "change", "why"),
    [
        ("additive", lambda t: kind(t, "concatenate", "Add"), r"concatenate \(Add\) joins what the decoder gives"),
        ("additive", lambda t: t["concatenate"]["config"].update(axis=1), "along another axis than the units"),
        (
            "additive",
            lambda t: reads(t, "additive_attention", ("lstm", 0), ("lstm_1", 0)),
            r"is asked first by lstm \(LSTM\)",
        ),
        ("additive", lambda t: t["additive_attention"]["config"].update(slope=2), "its setting slope=2 is not known"),
        (
            "additive",
            lambda t: t["additive_attention"]["inbound_nodes"][0]["kwargs"].update(use_causal_mask=True),
            "its call is given use_causal_mask",
        ),
        ("additive", lambda t: reads(t, "concatenate", ("lstm_1", 0), ("additive_attention", 1)), "output 1 of"),
        ("additive", lambda t: reads(t, "concatenate", ("lstm_1", 0), ("embedding", 0), ("embedding_1", 0)), "join"),
        ("dot", lambda t: t["attention"]["config"].update(score_mode="far"), "its score_mode is not known here"),
        ("stacked", lambda t: reads(t, "lstm_1", ("lstm", 1)), "reads a state of lstm"),
        ("both_ways", lambda t: t["bidirectional"]["config"].update(merge_mode="sum"), "both passes end to end"),
        (
            "both_ways",
            lambda t: reads(t, "concatenate", ("bidirectional", 3), ("bidirectional", 1)),
            "begins with other tensors of bidirectional .* than its last h",
        ),
        ("plain", lambda t: t["lstm"]["config"].update(go_backwards=True), "reads from the end alone"),
        ("plain", lambda t: t["lstm_1"]["config"].update(go_backwards=True), "does not read forward alone"),
        ("plain", lambda t: t["lstm_1"]["config"].update(return_sequences=False), "gives no state at every step"),
        ("bridged", lambda t: t["dense"]["config"].update(activation="softmax"), "makes shares where a dense layer"),
        ("stacked", lambda t: reads(t, "concatenate", ("lstm_3", 0), ("embedding_1", 0)), "reads the token beside a"),
        ("general", lambda t: reads(t, "concatenate", ("lstm_1", 0), ("dense", 0)),
         r"concatenate \(Concatenate\) joins dense \(Dense\), which is neither state nor attention"),
        ("additive", lambda t: reads(t, "concatenate", ("lstm_1", 0), ("lstm_1", 0)),
         "does not join one state with what was looked at"),
        ("products", lambda t: kind(t, "activation", "Dense"),
         r"dot_1 \(Dot\) sums by activation \(Dense\), which is no softmax"),
        ("products", lambda t: t["activation"]["config"].update(activation="relu"), "makes no shares of scores"),
        ("products", lambda t: kind(t, "dot", "Multiply"), r"makes shares of dot \(Multiply\), which is no product"),
        ("products", lambda t: t["dot"]["config"].update(axes=[1, 1]), r"along other axes than \(2, 1\) and \(2, 2\)"),
        ("products", lambda t: t["dot_1"]["config"].update(axes=[1, 1]), r"along other axes than \(2, 1\) and \(2,"),
        ("products", lambda t: t["dot"]["config"].update(normalize=True), "normalizes its vectors, which is not run"),
        ("products", lambda t: reads(t, "dot", ("lstm_1", 0), ("embedding", 0)),
         r"dot \(Dot\) does not multiply the decoder's state with what is summed"),
        ("additive", lambda t: reads(t, "concatenate", ("lstm_1", 0), ("additive_attention", 1)),
         r"output 1 of additive_attention \(AdditiveAttention\) is read, which is not what it looks at"),
        ("additive", lambda t: reads(t, "additive_attention", ("lstm_1", 0)),
         r"additive_attention \(AdditiveAttention\) reads 1 tensors"),
        ("projected", lambda t: reads(t, "dense_1", ("embedding", 0)), "takes keys of another layer than what it sums"),
        ("summary", lambda t: reads(t, "scored_by_sums", ("lstm_2", 0), ("lstm_2", 0)),
         "is a program of its author's, and not asked by the decoder's state"),
        ("plain", lambda t: kind(t, "embedding", "Dense"), r"embedding \(Dense\) stands below a part, and is no table"),
        ("plain", lambda t: reads(t, "embedding", ("embedding_1", 0)), r"looks up what embedding_1 \(Embedding\)"),
        ("stacked", lambda t: reads(t, "lstm_3", ("lstm_2", 0)), r"lstm_3 \(LSTM\) of the decoder begins with zeros"),
        ("plain", lambda t: reads(t, "lstm_1", ("dropout", 0), ("lstm", 1)), r"is given 1 states, and has 2"),
    ],
)  # fmt: skip
def test_a_pair_that_cannot_be_read_is_cut_and_it_is_said_why(
    name: str, change: Callable[[dict[str, Any]], None], why: str, tmp_path: Path
) -> None:
    path = rewritten(f"pairs/{name}.keras", lambda layers: change({one["name"]: one for one in layers}), tmp_path)
    found = open_file(path)
    assert found.network.answers is None
    said = [one for one in found.report.warnings if "encoder and decoder are not opened as one" in one]
    assert len(said) == 1
    assert re.search(why, said[0]), said[0]


def test_which_matrix_of_a_layer_without_its_code_is_asked_is_assumed_and_may_be_said() -> None:
    found = opened("three_dense")
    facts = {fact.key: fact for fact in found.report.facts}
    assert facts["layer1.attention"].how == facts["layer1.attention_query"].how == "assumed"
    assert any("does not hold its code" in one for one in found.network.remarks)
    other = opened("three_dense", **{"layer1.attention_query": "second"})
    assert np.abs(said(other, ASKED)[:, READ:] - EXPECTED["three_dense"]).max() > 1e-3


def without(name: str, path: str, folder: Path) -> Path:
    """Return a pair that lacks an array."""
    h5py = pytest.importorskip("h5py")
    with zipfile.ZipFile(FOLDER / f"{name}.keras") as archive:
        held = {member: archive.read(member) for member in archive.namelist()}
    weights = io.BytesIO(held["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        del file[path]
    held["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(folder / "changed.keras", "w") as archive:
        for member, data in held.items():
            archive.writestr(member, data)
    return folder / "changed.keras"


@pytest.mark.parametrize(
    ("name", "path", "why"),
    [
        ("summary", "layers/scored_by_sums/vars/2", r"its weights \(6×4, 6×4\) are not two matrices and a vector"),
        ("three_dense", "layers/three_dense/W1/vars/0", "are not two matrices and a vector"),
        ("summed", "layers/attention/vars/0", "its weights are 1, and two numbers are needed"),
        ("bridged", "layers/dense/vars/0", "has no matrix"),
        ("additive", "layers/embedding/vars/0", "their description is not understood"),
    ],
)
def test_what_lacks_a_weight_is_named(name: str, path: str, why: str, tmp_path: Path) -> None:
    found = open_file(without(name, path, tmp_path))
    assert found.network.answers is None
    assert any(re.search(why, one) for one in found.report.warnings), found.report.warnings


def test_an_attention_with_weights_of_another_is_named(tmp_path: Path) -> None:
    def change(layers: list[dict[str, Any]]) -> None:
        kind({one["name"]: one for one in layers}, "scored_by_sums", "AdditiveAttention")
        reads({one["name"]: one for one in layers}, "scored_by_sums", ("lstm_3", 0), ("lstm_2", 0))
        next(one for one in layers if one["name"] == "scored_by_sums")["config"].pop("activity_regularizer")

    said = open_file(rewritten("pairs/summary.keras", change, tmp_path)).report.warnings
    assert any("its weights are 6×4, 6×4, 4×1, and one vector of 6 is needed" in one for one in said), said


def test_the_decoder_alone_is_told_what_it_looks_over(tmp_path: Path) -> None:
    """As it is filed to be run token by token: what the encoder said is an input of its own."""

    def change(layers: list[dict[str, Any]]) -> None:
        named = {one["name"]: one for one in layers}
        named["lstm"]["inbound_nodes"] = []
        named["lstm"]["class_name"] = "InputLayer"
        named["lstm"]["config"] = {"batch_shape": [None, None, 6], "dtype": "float32", "name": "lstm"}

    said = open_file(rewritten("pairs/additive.keras", change, tmp_path)).report.warnings
    assert any("looks over lstm, which is given from outside" in one for one in said), said


def test_masks_of_a_pair_are_told(tmp_path: Path) -> None:
    assert "id 0 never enters a pass" in [fact.value for fact in opened("masked").report.facts]

    def mask(layers: list[dict[str, Any]]) -> None:
        for one in layers:
            if one["class_name"] == "Embedding":
                one["config"]["mask_zero"] = True

    said = open_file(rewritten("pairs/three_dense.keras", mask, tmp_path)).report.warnings
    assert any("may look at what is masked" in one for one in said)
    assert any("masks id 0 of the answer" in one for one in said)


def test_every_function_of_the_maker_is_frozen() -> None:
    source = (Path(__file__).parent / "make_keras_pairs.py").read_text("utf-8")
    names = re.search(r"for one in \(([^)]*)\)", source)
    assert names is not None
    assert {one.strip() for one in names[1].split(",") if one.strip()} == set(EXPECTED)
