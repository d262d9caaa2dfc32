"""Vocabularies and labels inside the files of other frameworks: used where they fit, said where they do not."""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from present import present
from saved_arrays import savez

import lstm_tui
from lstm_tui.formats.importers.open import Imported, ImportOptions, open_file
from lstm_tui.formats.importers.vocabularies import all_texts, texts_in_notes, texts_of

ROWS, OUTPUTS = 6, 3
WORDS = ["<unk>", "the", "cat", "sat", "on", "mat"]
LABELS = ["noun", "verb", "other"]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT | st.integers(-2, 7), inner, max_size=5),
    max_leaves=20,
)


def weights(seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {
        "emb.weight": (ROWS, 3),
        "rnn.weight_ih_l0": (16, 3),
        "rnn.weight_hh_l0": (16, 4),
    }
    shapes |= {"rnn.bias_ih_l0": (16,), "rnn.bias_hh_l0": (16,), "fc.weight": (OUTPUTS, 4), "fc.bias": (OUTPUTS,)}
    return {name: random.normal(0, 0.6, shape).astype(np.float32) for name, shape in shapes.items()}


def saved(path: Path, notes: Mapping[str, str]) -> Path:
    from safetensors.numpy import save_file

    save_file(weights(), path, dict(notes))
    return path


def fact(opened: Imported, key: str) -> str:
    return next((f"{one.value}: {one.why}" for one in opened.report.facts if one.key == key), "")


def tokens_of(opened: Imported) -> list[str]:
    return list(present(opened.network.tokens).vocabulary)


NOTES = {
    "a JSON list": {"vocab": json.dumps(WORDS)},
    "a table": {"stoi": json.dumps({word: n for n, word in enumerate(WORDS)})},
    "a table the other way round": {"id2token": json.dumps(dict(enumerate(WORDS)))},
    "inside another": {"config": json.dumps({"model": {"token_to_idx": {word: n for n, word in enumerate(WORDS)}}})},
    "lines": {"vocabulary": "\n".join(WORDS) + "\n"},
    "commas": {"tokens": ", ".join(WORDS)},
    "beside labels of as many": {
        "vocab": json.dumps(WORDS),
        "target_names": json.dumps(["a", "b", "c", "d", "e", "f"]),
    },
}


@pytest.mark.parametrize("notes", NOTES.values(), ids=NOTES)
def test_a_vocabulary_in_the_notes_of_safetensors(notes: dict[str, str], tmp_path: Path) -> None:
    opened = open_file(saved(tmp_path / "net.safetensors", notes))
    assert tokens_of(opened) == WORDS
    text = lstm_tui.trace("the cat sat", opened.network)
    by_hand = weights()["emb.weight"][[1, 2, 3]]
    np.testing.assert_array_equal(present(text.ran).x, by_hand)


def test_an_alphabet_is_its_characters(tmp_path: Path) -> None:
    opened = open_file(saved(tmp_path / "net.safetensors", {"alphabet": "-abcde"}))
    assert present(opened.network.tokens).kind == "chars"
    assert tokens_of(opened) == list("-abcde")


def test_numbers_that_begin_at_one_leave_an_id_without_a_text(tmp_path: Path) -> None:
    table = {word: n for n, word in enumerate(WORDS[1:], 1)}
    opened = open_file(saved(tmp_path / "net.safetensors", {"word_index": json.dumps(table)}))
    assert tokens_of(opened) == ["<0>", *WORDS[1:]]
    assert "5 texts, the last of them 5" in fact(opened, "vocabulary")


@pytest.mark.parametrize("count", [2, 5, 7, 30])
def test_a_vocabulary_of_another_size_is_said_and_not_used(count: int, tmp_path: Path) -> None:
    words = [f"w{n}" for n in range(count)]
    opened = open_file(saved(tmp_path / "net.safetensors", {"vocab": json.dumps(words)}))
    assert present(opened.network.tokens).are_ids
    assert fact(opened, "vocabulary").startswith(f"not used: vocab holds {count} texts, and there are {ROWS} ids")


def test_texts_that_stand_there_twice_are_said_and_not_used(tmp_path: Path) -> None:
    opened = open_file(saved(tmp_path / "net.safetensors", {"vocab": json.dumps([*WORDS[:5], "cat"])}))
    assert present(opened.network.tokens).are_ids
    assert "some of them twice" in fact(opened, "vocabulary")


def test_labels_name_the_outputs_or_it_is_said_why_not(tmp_path: Path) -> None:
    opened = open_file(saved(tmp_path / "net.safetensors", {"labels": json.dumps(LABELS)}))
    assert list(opened.network.classes) == LABELS
    opened = open_file(saved(tmp_path / "net.safetensors", {"id2label": json.dumps({n: str(n) * 2 for n in range(5)})}))
    assert fact(opened, "classes") == f"not named: id2label holds 5 texts, and there are {OUTPUTS} outputs"


def test_two_vocabularies_of_one_size_are_asked_about(tmp_path: Path) -> None:
    notes = {"source_vocab": json.dumps(WORDS), "target_vocab": json.dumps([word.upper() for word in WORDS])}
    path = saved(tmp_path / "net.safetensors", notes)
    other = open_file(path, ImportOptions({"vocabulary": "source_vocab"}))
    assert tokens_of(other) == WORDS
    assert open_file(path, ImportOptions({"vocabulary": "none"})).network.tokens is not None
    both = {"src_vocab": notes["source_vocab"], "trg_vocab": notes["target_vocab"]}
    assert any(one.startswith("vocabulary is assumed") for one in
               open_file(saved(tmp_path / "b.safetensors", both)).network.remarks)  # fmt: skip


def test_strings_of_npz(tmp_path: Path) -> None:
    savez(tmp_path / "net.npz", {**weights(), "vocab": np.array(WORDS)})
    assert tokens_of(open_file(tmp_path / "net.npz")) == WORDS
    savez(tmp_path / "net.npz", {**weights(), "vocab": np.array(json.dumps(WORDS))})
    assert tokens_of(open_file(tmp_path / "net.npz")) == WORDS


def test_control_characters_of_a_vocabulary_do_not_reach_the_terminal(tmp_path: Path) -> None:
    notes = {"vocab\x1b[2J": json.dumps(["\x1b]0;x\x07", *WORDS[1:]]), "labels": json.dumps(["\x1b[31m", "a", "b"])}
    opened = open_file(saved(tmp_path / "net.safetensors", notes))
    said = json.dumps([one.why + one.value for one in opened.report.facts], ensure_ascii=False)
    assert "\x1b" not in said
    assert tokens_of(opened)[0] == "\x1b]0;x\x07"


@given(ANY)
def test_any_value_is_walked_and_what_is_found_is_texts_by_their_numbers(value: Any) -> None:
    for _, texts in all_texts(value):
        assert len(texts) > 1
        assert all(type(number) is int and number >= 0 and isinstance(text, str) for number, text in texts.items())
    texts_in_notes({"vocab": json.dumps(value), "labels": str(value)})


@given(st.lists(TEXT, min_size=2, max_size=8, unique=True), st.data())
def test_a_table_is_the_same_whichever_way_it_stands(texts: list[str], data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, 30), min_size=len(texts), max_size=len(texts), unique=True))
    table = dict(zip(texts, numbers, strict=True))
    wanted = dict(sorted((number, text) for text, number in table.items()))
    assert texts_of(table) == texts_of({number: text for text, number in table.items()}) == wanted
    assert texts_of(texts) == dict(enumerate(texts))
    assert texts_of({**table, "x" * 6: numbers[0]}) is None


def test_a_value_that_holds_itself_is_left() -> None:
    value: list[Any] = [1]
    value.append(value)
    assert not list(all_texts(value))


def onnx_model(nodes: list[Any], x: Any, notes: Mapping[str, str] | None = None, more: Any = ()) -> bytes:
    """Return an ONNX file that looks ids up, steps an LSTM, and reads it out; `nodes` come first and make `ids`."""
    onnx = pytest.importorskip("onnx")
    helper, of = onnx.helper, onnx.numpy_helper.from_array
    given = weights()
    gates = np.concatenate([np.arange(n * 4, n * 4 + 4) for n in (0, 3, 1, 2)])  # ifgo → iofg
    bias = np.concatenate([given["rnn.bias_ih_l0"][gates], given["rnn.bias_hh_l0"][gates]])[None]
    tensors = [of(given["emb.weight"], "table"), of(given["rnn.weight_ih_l0"][gates][None], "w")]
    tensors += [of(given["rnn.weight_hh_l0"][gates][None], "r"), of(bias, "b"), of(np.array([1]), "one")]
    tensors += [of(given["fc.weight"].T.copy(), "v"), of(given["fc.bias"], "c")]
    steps = [
        helper.make_node("Gather", ["table", "ids"], ["e"]), helper.make_node("Unsqueeze", ["e", "one"], ["x3"]),
        helper.make_node("LSTM", ["x3", "w", "r", "b"], ["y"], hidden_size=4),
        helper.make_node("Squeeze", ["y", "one"], ["y3"]), helper.make_node("MatMul", ["y3", "v"], ["p"]),
        helper.make_node("Add", ["p", "c"], ["out"]),
    ]  # fmt: skip
    out = helper.make_tensor_value_info("out", 1, None)
    graph = helper.make_graph([*nodes, *steps], "g", [x], [out], [*tensors, *more])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    helper.set_model_props(model, dict(notes or {}))
    return bytes(model.SerializeToString())


def test_a_vocabulary_in_the_notes_or_constants_of_onnx(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    ids = onnx.helper.make_tensor_value_info("ids", 7, ["T"])
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model([], ids, {"vocab": json.dumps(WORDS), "labels": ",".join(LABELS)}))
    opened = open_file(path)
    assert tokens_of(opened) == WORDS
    assert list(opened.network.classes) == LABELS
    constant = onnx.helper.make_tensor("vocabulary", 8, [ROWS], [word.encode() for word in WORDS])
    path.write_bytes(onnx_model([], ids, more=[constant]))
    assert tokens_of(open_file(path)) == WORDS
    path.write_bytes(onnx_model([], ids, {"vocab": json.dumps(WORDS[:4])}))
    assert fact(open_file(path), "vocabulary").startswith("not used: vocab holds 4 texts, and there are 6 ids")


@pytest.mark.parametrize("default", [-1, 0, 2])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("kind", ["LabelEncoder", "CategoryMapper"])
def test_a_node_that_makes_ids_of_texts_says_the_vocabulary(
    kind: str, lower: bool, default: int, tmp_path: Path
) -> None:
    onnx = pytest.importorskip("onnx")
    make = onnx.helper.make_node
    names = ("keys_strings", "values_int64s") if kind == "LabelEncoder" else ("cats_strings", "cats_int64s")
    table = dict(zip(names, (WORDS[1:], list(range(1, ROWS))), strict=True))
    normalizer = [make("StringNormalizer", ["text"], ["words"], case_change_action="LOWER")] if lower else []
    x = onnx.helper.make_tensor_value_info("text", 8, ["T"])

    def encoder(read: str) -> Any:
        return make(kind, [read], ["ids"], domain="ai.onnx.ml", default_int64=default, **table)

    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model([*normalizer, encoder("words" if lower else "text")], x))
    opened = open_file(path)
    assert tokens_of(opened) == ["<0>", *WORDS[1:]]
    words = ["The" if lower else "the", "cat", "flew", "on", "mat"]
    trace = lstm_tui.trace(" ".join(words), opened.network)
    runtime = pytest.importorskip("onnxruntime")
    plain = onnx_model([encoder("text")], x)  # lower case by hand: its own needs a locale that is not everywhere
    session = runtime.InferenceSession(plain, providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"text": np.array([word.lower() if lower else word for word in words], object)})
    np.testing.assert_allclose(present(trace.output), wanted[:, 0], atol=1e-5)


def test_a_node_whose_ids_the_table_does_not_have_is_said(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    node = onnx.helper.make_node("LabelEncoder", ["text"], ["ids"], domain="ai.onnx.ml", keys_strings=["a", "b"],
                                 values_int64s=[1, ROWS])  # fmt: skip
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx_model([node], onnx.helper.make_tensor_value_info("text", 8, ["T"])))
    assert "gives ids that the table of 6 rows does not have" in fact(open_file(path), "vocabulary")


def test_a_vocabulary_beside_a_network_of_numbers_names_its_outputs(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    bag = {name: one for name, one in weights().items() if not name.startswith("emb")}
    table = json.dumps({"a": 1, "b": 2})  # 0 is the blank of a CTC
    save_file(bag, tmp_path / "net.safetensors", {"char2idx": table})
    assert list(open_file(tmp_path / "net.safetensors").network.classes) == ["<0>", "a", "b"]
    save_file(bag, tmp_path / "net.safetensors", {"charset": "ab"})  # which of the three is the blank is not said
    assert fact(open_file(tmp_path / "net.safetensors"), "classes").startswith("not named: charset holds 2 texts")


@pytest.mark.parametrize("labels", [LABELS, [*LABELS[:2], 3.5]])
def test_an_object_beside_the_weights_is_read_as_data_or_left(labels: list[Any], tmp_path: Path) -> None:
    """An encoder of scikit-learn keeps its labels in an array of objects."""
    encoder = type("LabelEncoder", (), {"__module__": "sklearn.preprocessing._label", "__qualname__": "LabelEncoder"})
    one = encoder()
    one.classes_ = np.array(labels, object)
    module = ModuleType("sklearn.preprocessing._label")
    module.__dict__["LabelEncoder"] = encoder
    with pytest.MonkeyPatch.context() as patch:
        for name in ("sklearn", "sklearn.preprocessing"):
            patch.setitem(sys.modules, name, ModuleType(name))
        patch.setitem(sys.modules, module.__name__, module)
        data = pickle.dumps({"state_dict": weights(), "encoder_of_labels": one})
    (tmp_path / "net.pkl").write_bytes(data)
    network = open_file(tmp_path / "net.pkl").network
    assert list(network.classes) == (LABELS if labels == LABELS else ["0", "1", "2"])
