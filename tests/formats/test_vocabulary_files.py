"""Text to the ids of a network whose file holds no vocabulary: lists, JSON, a tokenizer of Keras; padding and masks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from present import present

from lstm_tui.cli import main
from lstm_tui.debugger.unknown_words import unknown_lines
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.importers.native import load, save
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.inputs.inputs import Sequences
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.formats.traces.reader import read

FILES = Path(__file__).parent / "files"
TAGGER = FILES / "torch_tagger.pt"
WORDS = ["<pad>", "the", "film", "was", "<unk>", "bad"]


def sequence(network: Network, text: str) -> Sequence:
    return Sequences(text_from(text), network)[0]


def said(network: Network, text: str) -> Trace:
    return run(network, sequence(network, text))


@pytest.mark.parametrize("form", ["lines", "list", "object", "vocab"])
def test_a_vocabulary_of_any_form_gives_the_same_ids(form: str, tmp_path: Path) -> None:
    path = tmp_path / "vocabulary"
    ids = {token: n for n, token in enumerate(WORDS)}
    content = {"lines": "\n".join(WORDS) + "\n", "list": json.dumps(WORDS), "object": json.dumps(ids),
               "vocab": json.dumps({"vocab": ids})}[form]  # fmt: skip
    path.write_text(content)
    network = open_file(TAGGER, ImportOptions(vocabulary=str(path))).network
    made = sequence(network, "the film was unheard bad")
    np.testing.assert_array_equal(made.ids, [1, 2, 3, 4, 5])
    assert made.unknown == (3,)
    assert made.tokens[3] == "unheard"


def test_a_tokenizer_of_keras_knows_its_case_and_its_characters(tmp_path: Path) -> None:
    config = {"word_index": json.dumps({"a": 1, "b": 2, "z": 30}), "lower": True, "char_level": True, "num_words": 5}
    (tmp_path / "t.json").write_text(json.dumps({"class_name": "Tokenizer", "config": config}))
    network = open_file(TAGGER, ImportOptions(vocabulary=str(tmp_path / "t.json"))).network
    made = sequence(network, "aBz")
    np.testing.assert_array_equal(made.ids, [1, 2, 0])
    assert made.kind == "chars"


def test_a_vocabulary_travels_with_a_converted_file(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("\n".join(WORDS))
    network = open_file(TAGGER, ImportOptions(vocabulary=str(tmp_path / "v.txt"))).network
    save(network, tmp_path / "n.safetensors")
    again = load(tmp_path / "n.safetensors")
    assert again.tokens == network.tokens
    np.testing.assert_array_equal(said(again, "the odd film").output, said(network, "the odd film").output)


def test_padding_is_input_unless_it_is_masked(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("\n".join(WORDS))
    vocabulary = str(tmp_path / "v.txt")
    text = "the film was bad"
    bare = open_file(TAGGER, ImportOptions(vocabulary=vocabulary)).network
    for pad, tokens in (
        (("pre", 6), ["<pad>", "<pad>", "the", "film", "was", "bad"]),
        (("post", 5), ["the", "film", "was", "bad", "<pad>"]),
        (("pre", 3), ["film", "was", "bad"]),
        (("post", 3), ["the", "film", "was"]),
    ):
        made = sequence(open_file(TAGGER, ImportOptions(vocabulary=vocabulary, pad=pad)).network, text)
        assert list(made.tokens) == tokens
        np.testing.assert_array_equal(made.ids, [WORDS.index(one) for one in tokens])
    padded = open_file(TAGGER, ImportOptions(vocabulary=vocabulary, pad=("pre", 6))).network
    assert np.abs(present(said(padded, text).output)[2:] - present(said(bare, text).output)).max() > 1e-3


def test_masked_padding_of_a_text_never_enters(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    (tmp_path / "v.txt").write_text("\n".join(WORDS))
    path = FILES / "keras_tagger.keras"
    reading = ImportOptions(vocabulary=str(tmp_path / "v.txt"))
    bare, padded = (
        open_file(path, reading),
        open_file(path, ImportOptions(vocabulary=reading.vocabulary, pad=("pre", 9))),
    )
    first, second = (said(one.network, "the film was bad") for one in (bare, padded))
    assert second.sequence.tokens == first.sequence.tokens
    np.testing.assert_array_equal(first.output, second.output)


def test_text_goes_through_a_convolution_and_each_step_is_called_by_its_tokens(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    (tmp_path / "v.txt").write_text("\n".join("_abcdefgh"))
    path = str(FILES / "keras_convolved.keras")
    expected = dict(np.load(FILES / "keras_expected.npz"))
    text = "".join("_abcdefgh"[n] for n in expected["convolved.x"])
    (tmp_path / "t.txt").write_text(text + "\n")
    arguments = ["trace", str(tmp_path / "t.txt"), "--model", path, "--tokens", "chars"]
    arguments += ["--vocabulary", str(tmp_path / "v.txt"), "-o", str(tmp_path / "o.json")]
    assert main(arguments) == 0
    trace = read(tmp_path / "o.json")
    assert trace.sequence.tokens[0] == text[:4]
    np.testing.assert_allclose(present(trace.result), expected["convolved.y"], atol=1e-5)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (json.dumps({"a": 11}), "has the id 11, and the network knows 11 ids"),
        (json.dumps({"a": "b"}), "should be a list of tokens"),
        (json.dumps({"a": -1}), "should be a list of tokens"),
        ("[1, 2]", "should be a list of tokens"),
        ("[]", "holds no token"),
        (json.dumps({"a": 1, "b": 2, "c": 1}), "“a” and “c” both have the id 1; an id has one token"),
        ("{", "not JSON"),
        (json.dumps({"class_name": "Tokenizer", "config": {}}), "without its word_index"),
        ("\n".join(map(str, range(12))), "has the id 11"),
    ],
)
def test_a_wrong_vocabulary_is_one_line(content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(UserError, match=says):
        open_file(TAGGER, ImportOptions(vocabulary=str(tmp_path / "v.json")))


def test_a_network_of_numbers_needs_no_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("a\nb\n")
    with pytest.raises(UserError, match="reads no ids"):
        open_file(FILES / "torch_lstm_both.pt", ImportOptions(vocabulary=str(tmp_path / "v.txt")))
    with pytest.raises(UserError, match="nothing to pad"):
        open_file(FILES / "torch_lstm_both.pt", ImportOptions(pad=("pre", 5)))


def remarks_with(ids: dict[str, int] | list[str], **settings: str) -> tuple[str, ...]:
    given = ids if isinstance(ids, dict) else tuple(ids)
    return open_file(TAGGER, ImportOptions(vocabulary=given, settings=settings)).network.remarks


ROWS = 11
WHOLE = ["<pad>", "<unk>", *"abcdefghi"]


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        (WHOLE, None),
        ({token: n for n, token in enumerate(WHOLE) if n}, None),  # counted from 1, as Keras does: 0 fills up
        (WHOLE[1:], "has 10 tokens, and the network knows 11 ids: id 10 has none"),
        (WHOLE[:5], "has 5 tokens, and the network knows 11 ids: ids 5 to 10 have none"),
        ({token: n for n, token in enumerate(WHOLE) if n not in (0, 4)}, "knows 11 ids: 2 ids, such as 4, have none"),
    ],
)
def test_ids_without_a_token_are_warned_of(ids: dict[str, int] | list[str], says: str | None) -> None:
    assert len(WHOLE) == ROWS
    said = [one for one in remarks_with(ids) if "network knows" in one]
    assert len(said) == (says is not None)
    assert says is None or says in said[0]


def test_a_word_is_read_as_another_one_with_a_warning_only() -> None:
    without = [token.replace("<unk>", "the") for token in WHOLE]
    assert not [one for one in remarks_with(WHOLE) if "vocabulary.unknown" in one]
    (said,) = [one for one in remarks_with(without) if "vocabulary.unknown" in one]
    assert "read as id 0 (“<pad>”)" in said
    assert "--set vocabulary.unknown=1 takes another" in said
    reading = ImportOptions(vocabulary=tuple(without), settings={"vocabulary.unknown": "7"})
    network = open_file(TAGGER, reading).network
    assert not [one for one in network.remarks if "vocabulary.unknown" in one]
    read = sequence(network, "the zebra")
    np.testing.assert_array_equal(read.ids, [1, 7])
    (line,) = unknown_lines(read, present(network.tokens), 3)
    assert line == "unknown: “zebra” at t=1, read as id 7 (“f”)"
    for odd in ("11", "-1", "the"):
        with pytest.raises(UserError, match="is no id from 0 to 10"):
            open_file(TAGGER, replace(reading, settings={"vocabulary.unknown": odd}))
