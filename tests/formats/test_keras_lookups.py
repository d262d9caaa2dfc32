"""Keras layers that look texts up: their vocabulary from the description or an asset, and how they split a text."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from present import present

import lstm_tui
from lstm_tui.formats.importers.open import Imported, open_file

h5py = pytest.importorskip("h5py")
WORDS = ["the", "cat", "sat", "dont", "été", "a"]
SPECIAL = ["", "[UNK]"]
ROWS = 9
PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"


def keras_file(
    path: Path, layers: Sequence[tuple[str, Mapping[str, Any]]], assets: Mapping[str, str] | None = None
) -> Path:
    """Write a `.keras` file: the given layers, then Embedding, LSTM and Dense with random weights."""
    random = np.random.default_rng(4)
    shapes = {"embedding/vars/0": (ROWS, 3), "lstm/cell/vars/0": (3, 16), "lstm/cell/vars/1": (4, 16)}
    rest: dict[str, tuple[int, ...]] = {"lstm/cell/vars/2": (16,), "dense/vars/0": (4, 2), "dense/vars/1": (2,)}
    stream = io.BytesIO()
    with h5py.File(stream, "w") as tree:
        for name, shape in {**shapes, **rest}.items():
            tree[f"layers/{name}"] = random.normal(0, 0.6, shape).astype(np.float32)
    own = [
        ("Embedding", {"name": "embedding", "input_dim": ROWS, "output_dim": 3}),
        ("LSTM", {"name": "lstm", "units": 4, "return_sequences": True, "activation": "tanh",
                  "recurrent_activation": "sigmoid", "use_bias": True}),
        ("Dense", {"name": "dense", "units": 2, "activation": "linear", "use_bias": True}),
    ]  # fmt: skip
    described = [{"class_name": kind, "config": dict(config)} for kind, config in (*layers, *own)]
    config = {"class_name": "Sequential", "config": {"name": "net", "layers": described}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.3.0"}))
        archive.writestr("model.weights.h5", stream.getvalue())
        for name, text in (assets or {}).items():
            archive.writestr(f"assets/layers/{name}/vocabulary.txt", text)
    return path


def vectorization(**settings: Any) -> tuple[str, dict[str, Any]]:
    return "TextVectorization", {
        "name": "text_vectorization", "dtype": "string", "max_tokens": ROWS, "ngrams": None, "output_mode": "int",
        "standardize": "lower_and_strip_punctuation", "split": "whitespace", "output_sequence_length": None,
        "pad_to_max_tokens": False, "sparse": False, "ragged": False, "vocabulary": None, "idf_weights": None,
        "encoding": "utf-8", "vocabulary_size": len(WORDS) + 2, **settings,
    }  # fmt: skip


def lookup(kind: str = "StringLookup", **settings: Any) -> tuple[str, dict[str, Any]]:
    return kind, {
        "name": "string_lookup", "invert": False, "max_tokens": None, "num_oov_indices": 1, "oov_token": "[UNK]",
        "mask_token": None, "output_mode": "int", "sparse": False, "pad_to_max_tokens": False, "idf_weights": None,
        "vocabulary": WORDS, "vocabulary_dtype": "string", "vocabulary_size": 7, "oov_method": "floormod",
        "salt": None, **settings,
    }  # fmt: skip


def by_hand(text: str, standardize: str | None, split: str | None, length: int | None = None) -> list[int]:
    """Return the ids of a text as the documentation of TextVectorization has it."""
    if standardize in ("lower", "lower_and_strip_punctuation"):
        text = "".join(one.lower() if one.isascii() else one for one in text)
    if standardize in ("strip_punctuation", "lower_and_strip_punctuation"):
        text = "".join(one for one in text if one not in PUNCTUATION)
    blanks = [one for one in re.split(r"[ \t\n\x0b\x0c\r]+", text) if one]
    parts = blanks if split == "whitespace" else list(text) if split == "character" else [text]
    table = {word: n for n, word in enumerate([*SPECIAL, *WORDS])}
    ids = [table.get(one, 1) for one in parts]
    return ids if length is None else (ids + [0] * length)[:length]


def rows_of(opened: Imported, text: str) -> np.ndarray:
    return np.asarray(present(lstm_tui.trace(text, opened.network).ran).x)


def table(path: Path) -> np.ndarray:
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as tree:
        return np.asarray(tree["layers/embedding/vars/0"])


def fact(opened: Imported, key: str) -> str:
    return next((f"{one.value} ({one.how}): {one.why}" for one in opened.report.facts if one.key == key), "")


TEXTS = ("The CAT sat; don't!", "a  b\tthe\ncat", "ÉTÉ été", "the", "cat, cat (cat) - the_cat")


@pytest.mark.parametrize("split", ["whitespace", "character", None])
@pytest.mark.parametrize("standardize", ["lower_and_strip_punctuation", "lower", "strip_punctuation", None])
def test_a_text_becomes_the_ids_that_keras_makes_of_it(standardize: str, split: str, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    layer = vectorization(vocabulary=WORDS, standardize=standardize, split=split)
    path = keras_file(tmp_path / "net.keras", [layer])
    opened = open_file(path)
    assert fact(opened, "vocabulary").startswith("8 texts (confirmed): text_vectorization")
    for text in TEXTS:
        line = text.replace("\n", " ")  # a sequence is a line
        np.testing.assert_array_equal(rows_of(opened, line), table(path)[by_hand(line, standardize, split)])


@settings(max_examples=25, deadline=None)
@given(st.text(st.sampled_from("tThHeE cCaAtT.,'-é\t"), min_size=1, max_size=20))
def test_any_line_becomes_the_ids_that_keras_makes_of_it(text: str) -> None:
    pytest.importorskip("tokenizers")
    from lstm_tui.formats.importers.import_report import ImportReport
    from lstm_tui.formats.importers.keras.file import KerasFile
    from lstm_tui.formats.importers.keras.graph import KerasNode
    from lstm_tui.formats.importers.keras.hdf5 import Tree
    from lstm_tui.formats.importers.keras.lookups import tokens_of_lookup
    from lstm_tui.formats.inputs.tokenizer import splitter

    kind, config = vectorization(vocabulary=WORDS)
    file = KerasFile({}, "3", Tree({}, {}), "", "vars")
    made = present(tokens_of_lookup(KerasNode("tv", kind, config), file, ROWS, ImportReport("")))
    assert splitter(made["tokenizer"]).split(text)[1] == by_hand(text, "lower_and_strip_punctuation", "whitespace")


@pytest.mark.parametrize("length", [2, 4, 7])
def test_a_text_is_filled_up_or_cut_at_its_end(length: int, tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    layer = vectorization(vocabulary=WORDS, output_sequence_length=length)
    path = keras_file(tmp_path / "net.keras", [layer])
    text = "The cat sat; quietly"
    wanted = by_hand(text, "lower_and_strip_punctuation", "whitespace", length)
    np.testing.assert_array_equal(rows_of(open_file(path), text), table(path)[wanted])


@pytest.mark.parametrize("start", [[], SPECIAL])
def test_a_vocabulary_that_was_learned_lies_in_an_asset(start: list[str], tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    assets = {"text_vectorization": "\n".join([*start, *WORDS]), "string_lookup_9": "of another"}
    path = keras_file(tmp_path / "net.keras", [vectorization()], assets)
    opened = open_file(path)
    assert list(present(opened.network.tokens).vocabulary) == [*SPECIAL, *WORDS, "<8>"]


@pytest.mark.parametrize("mask", [None, "[MASK]"])
def test_a_lookup_of_words_has_an_id_for_what_it_does_not_know(mask: str | None, tmp_path: Path) -> None:
    path = keras_file(tmp_path / "net.keras", [lookup(mask_token=mask)])
    opened = open_file(path)
    first = 1 + (mask is not None)
    wanted = [first, first - 1, first + 5]
    np.testing.assert_array_equal(rows_of(opened, "the dog a"), table(path)[wanted])


def test_a_lookup_of_whole_numbers(tmp_path: Path) -> None:
    layer = lookup("IntegerLookup", vocabulary=[12, 7, 40], oov_token=-1, vocabulary_dtype="int64", dtype="int64")
    path = keras_file(tmp_path / "net.keras", [layer])
    np.testing.assert_array_equal(rows_of(open_file(path), "7 12 3 40"), table(path)[[2, 1, 0, 3]])


UNUSED = {
    "hashed": (lookup(num_oov_indices=3), "spreads unknown texts over several ids"),
    "counts": (vectorization(vocabulary=WORDS, output_mode="tf_idf"), "gives tf_idf, and no ids"),
    "too many": (lookup(vocabulary=[f"w{n}" for n in range(ROWS)]), f"has {ROWS + 1} ids, and the table has {ROWS}"),
    "twice": (lookup(vocabulary=["a", "b", "a"]), "has some texts twice"),
    "not there": (vectorization(), "its vocabulary is not in the file"),
    "own function": (vectorization(vocabulary=WORDS, split={"class_name": "function"}), "of its author's own"),
}


@pytest.mark.parametrize("name", UNUSED)
def test_what_cannot_be_used_is_said(name: str, tmp_path: Path) -> None:
    layer, why = UNUSED[name]
    opened = open_file(keras_file(tmp_path / "net.keras", [layer]))
    assert why in fact(opened, "vocabulary")
    assert fact(opened, "vocabulary").startswith("not used")
    assert present(opened.network.tokens).are_ids


def test_without_the_library_it_is_said_that_words_are_split_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = keras_file(tmp_path / "net.keras", [vectorization(vocabulary=WORDS)])
    monkeypatch.setattr("lstm_tui.formats.importers.keras.lookups.find_spec", lambda name: None)
    opened = open_file(path)
    assert present(opened.network.tokens).kind == "words"
    assert any("splits a text in its own way, which needs tokenizers" in one for one in opened.network.remarks)
