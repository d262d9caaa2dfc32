"""Texts split by a tokenizer.json, with the library itself as oracle; what is crafted to hang or explode is stopped."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from present import present
from safetensors.numpy import save_file

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.debugger.commands.dispatch import answer, completions
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.formats.importers.native import load, save
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.inputs import tokenizer as running
from lstm_tui.formats.inputs.inputs import Sequences, _pieces_sequence
from lstm_tui.formats.inputs.text_input import text_from

tokenizers = pytest.importorskip("tokenizers", reason="the extra [tokenizers] is not installed")
TEXTS = [
    "The movie was not bad, and the ending was moving.",
    "Unbelievable! Nobody was acting; everybody was reading aloud…",
    "naïve café – 9 km ☃ 日本語",
    "   spaces   and\ttabs  ",
]
SMALL: dict[str, Any] = {"version": "1.0", "added_tokens": [], "normalizer": None,
         "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None, "truncation": None,
         "padding": None,
         "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "a": 1, "b": 2}, "unk_token": "[UNK]"}}  # fmt: skip


@pytest.fixture(autouse=True)
def _processes() -> Iterator[None]:
    yield
    running.close_all()


def word_level() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.train_from_iterator(TEXTS[:2], tokenizers.trainers.WordLevelTrainer(special_tokens=["[UNK]", "[PAD]"]))
    made.enable_padding(length=20, pad_id=1, pad_token="[PAD]", direction="left")
    return made


def word_piece() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    made.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made.train_from_iterator(TEXTS[:2], tokenizers.trainers.WordPieceTrainer(vocab_size=90, special_tokens=names))
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


def byte_level() -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers.decoders.ByteLevel()
    made.post_processor = tokenizers.processors.ByteLevel(trim_offsets=True)
    alphabet = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(TEXTS, tokenizers.trainers.BpeTrainer(vocab_size=320, initial_alphabet=alphabet))
    made.enable_truncation(12)
    return made


def unigram() -> Any:
    pieces = [("<unk>", 0.0), ("▁", -2.0), ("▁the", -1.5), ("▁was", -1.6), ("▁movie", -3.0), ("ing", -2.5)]
    pieces += [(letter, -5.0) for letter in "abcdefghijklmnopqrstuvwxyzT.,"]
    made = tokenizers.Tokenizer(tokenizers.models.Unigram(pieces, unk_id=0, byte_fallback=False))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace()
    return made


KINDS = {"WordLevel": word_level, "WordPiece": word_piece, "BPE": byte_level, "Unigram": unigram}


def language_model(rows: int, folder: Path) -> Path:
    """Write an LSTM over pieces that says its next piece, with PyTorch's names."""
    random = np.random.default_rng(3)
    shapes = {"embedding.weight": (rows, 6), "rnn.weight_ih_l0": (32, 6), "rnn.weight_hh_l0": (32, 8),
              "rnn.bias_ih_l0": (32,), "rnn.bias_hh_l0": (32,),
              "head.weight": (rows, 8), "head.bias": (rows,)}  # fmt: skip
    path = folder / "lm.safetensors"
    save_file({name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}, path)
    return path


def opened(made: Any, folder: Path, more: int = 0, **reading: Any) -> Network:
    made.save(str(folder / "anything.json"))
    path = language_model(made.get_vocab_size() + more, folder)
    settings = {"readout.activation": "softmax"} | reading.pop("settings", {})
    return open_file(path, ImportOptions(settings, vocabulary=str(folder / "anything.json"), **reading)).network


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_ids_of_the_library_and_again_from_a_native_file(kind: str, tmp_path: Path) -> None:
    made = KINDS[kind]()
    network = opened(made, tmp_path, more=3)
    save(network, tmp_path / "native.safetensors")
    again = load(tmp_path / "native.safetensors")
    for text in TEXTS:
        wanted = made.encode(text)
        for one in (network, again):
            trace = lstm_tui.trace(text, one)
            assert trace.sequence.ids is not None
            assert trace.sequence.ids.tolist() == wanted.ids
            for t, (shown, piece) in enumerate(zip(trace.sequence.tokens, wanted.tokens, strict=True)):
                place = slice(*wanted.offsets[t])
                assert shown == (text[place] or piece if t in trace.sequence.unknown else piece)
            unknown = present(one.tokens).unknown_id
            np.testing.assert_array_equal(trace.sequence.ids[list(trace.sequence.unknown)], unknown)
        assert again.tokens == network.tokens
    vocabulary = present(network.tokens).vocabulary
    assert network.classes == vocabulary
    assert vocabulary[-1] == f"<{len(vocabulary) - 1}>"  # a row without a piece


def test_what_the_file_adds_and_cuts_is_said_and_can_be_decided(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXTS[0]
    made = word_piece()
    trace = lstm_tui.trace(text, opened(made, tmp_path))
    assert (trace.sequence.tokens[0], trace.sequence.tokens[-1]) == ("[CLS]", "[SEP]")
    bare = lstm_tui.trace(text, opened(made, tmp_path, settings={"tokens.special": "none"}))
    assert bare.sequence.tokens == trace.sequence.tokens[1:-1]
    made = byte_level()
    padded = lstm_tui.trace("The movie", opened(made, tmp_path, pad=("pre", 30)))
    assert len(padded.sequence) == 30
    assert len(lstm_tui.trace(TEXTS[1], opened(made, tmp_path)).sequence) == 12
    filled = lstm_tui.trace("not bad", opened(word_level(), tmp_path, pad=("post", 4)))
    assert filled.sequence.tokens == ("not", "bad", "[PAD]", "[PAD]")
    assert filled.sequence.ids is not None
    assert filled.sequence.ids.tolist()[2:] == [1, 1]
    assert main(["inspect", str(tmp_path / "lm.safetensors"), "--vocabulary", str(tmp_path / "anything.json")]) == 0
    said = capsys.readouterr().out
    assert "pieces (WordLevel) of " in said
    assert "filled up to 20, left" in said


def test_words_are_put_on_the_tape_as_pieces_and_taken_back(tmp_path: Path) -> None:
    network = opened(word_piece(), tmp_path)
    sequence = Sequences(text_from("the movie was not bad"), network)[0]
    session = Session.open(Source(network, [sequence]))
    last = session.frame.steps - 1
    answer(session, f'replace {last - 1} "Was"')
    assert session.frame.trace.sequence.tokens[last - 1] == "was"
    answer(session, 'insert 2 "##ing"')
    assert session.frame.trace.sequence.tokens[2] == "##ing"
    with pytest.raises(UserError, match=r"is \d+ pieces here, and an edit takes one: .* ##"):
        answer(session, 'insert 2 "movieing"')
    answer(session, "generate 2")
    logits = opened(word_piece(), tmp_path, settings={"readout.activation": "linear"})
    with pytest.raises(UserError, match=r"open its file with --set readout\.activation=softmax"):
        answer(Session.open(Source(logits, [Sequences(text_from("the movie"), logits)[0]])), "generate 1")
    assert session.frame.steps == len(sequence) + 3
    assert any("##ing" in line for line in completions(session, 'insert 2 "##i'))
    made = session.frame.trace.sequence
    assert made.ids is not None
    assert [present(network.tokens).vocabulary[n] for n in made.ids] == list(made.tokens)


def test_an_edit_leaves_padding_and_unknown_words_as_they_are(tmp_path: Path) -> None:
    network = opened(word_level(), tmp_path)
    sequence = Sequences(text_from("the zebra was bad"), network)[0]
    session = Session.open(Source(network, [sequence]))
    answer(session, 'replace 19 "was"')
    changed = session.frame.trace.sequence
    assert sequence.ids is not None
    assert changed.ids is not None
    assert changed.ids.tolist()[:-1] == sequence.ids.tolist()[:-1]
    assert [changed.tokens[t] for t in changed.unknown] == ["zebra"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated",
                            "invert": False}}, "the tokenizer fails: .*retry-limit"),
        ({"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 100}] * 6}}, "needs more memory|longer"),
    ],
)  # fmt: skip
def test_a_crafted_tokenizer_is_stopped(
    changes: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(running, "_SECONDS", 2.0)
    (tmp_path / "t.json").write_text(json.dumps(SMALL | changes))
    network = open_file(language_model(3, tmp_path), ImportOptions(vocabulary=str(tmp_path / "t.json"))).network
    with pytest.raises(UserError, match=says):
        lstm_tui.trace("a" * 60 + "!", network)
    assert lstm_tui.trace("b", network).sequence.tokens == ("b",)  # it is started again
    assert not capfd.readouterr().err


def vocabulary(**ids: Any) -> dict[str, Any]:
    return SMALL | {"model": {"type": "WordLevel", "vocab": ids, "unk_token": "a"}}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (vocabulary(a=-1), "without pieces and their ids"),
        (vocabulary(a="b"), "without pieces and their ids"),
        (vocabulary(a=9), "has the id 9, and the network"),
        (SMALL | {"model": {"type": "None", "vocab": {"a": 1}}}, "t.json: the tokenizer fails"),
        (SMALL | {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}, "the tokenizer fails"),
        (SMALL | {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated",
                                    "invert": False}}, "t.json: the tokenizer fails"),
    ],
)  # fmt: skip
def test_a_damaged_tokenizer_is_one_line(content: Any, says: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=says):
        open_file(language_model(3, tmp_path), ImportOptions(vocabulary=str(tmp_path / "t.json")))


def test_deep_and_large_files_are_refused_before_they_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = language_model(3, tmp_path)
    (tmp_path / "t.json").write_text('{"model": {"vocab": ' + "[" * 200_000)
    with pytest.raises(UserError, match="not JSON"):
        open_file(path, ImportOptions(vocabulary=str(tmp_path / "t.json")))
    with (tmp_path / "t.json").open("wb") as stream:
        stream.write(b"{")
        stream.truncate(1 << 30)
    with pytest.raises(UserError, match="limit"):
        open_file(path, ImportOptions(vocabulary=str(tmp_path / "t.json")))
    (tmp_path / "t.json").write_text(json.dumps(SMALL))
    monkeypatch.setattr("lstm_tui.formats.inputs.vocabulary_file.LIMIT", 100)
    with pytest.raises(UserError, match="the limit of a tokenizer\\.json is 100"):
        open_file(path, ImportOptions(vocabulary=str(tmp_path / "t.json")))


def test_the_missing_extra_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = opened(word_level(), tmp_path)
    save(network, tmp_path / "native.safetensors")
    running.close_all()
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for module in ("tokenizer", "vocabulary_file"):
        monkeypatch.setattr(f"lstm_tui.formats.inputs.{module}.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"anything.json: .*pip install 'lstm-tui\[tokenizers\]'"):
        open_file(tmp_path / "lm.safetensors", ImportOptions(vocabulary=str(tmp_path / "anything.json")))
    with pytest.raises(UserError, match=r"the text: .*pip install 'lstm-tui\[tokenizers\]'"):
        lstm_tui.trace("the movie", load(tmp_path / "native.safetensors"))


@pytest.mark.parametrize(("beyond", "filled"), [(0, 0), (1, 0), (-1, None)])
def test_what_pads_is_a_row_of_the_table_or_id_0(tmp_path: Path, beyond: int, filled: int | None) -> None:
    made = word_level()
    rows = made.get_vocab_size()
    made.enable_padding(length=20, pad_id=rows + beyond, pad_token="[PAD]")
    ids = lstm_tui.trace("not bad", opened(made, tmp_path, pad=("post", 4))).sequence.ids
    assert ids is not None
    assert ids.tolist()[2:] == [rows + beyond if filled is None else filled] * 2


def test_a_text_without_tokens_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps(SMALL))
    network = open_file(
        Path(__file__).parent / "files" / "torch_tagger.pt", ImportOptions(vocabulary=str(tmp_path / "t.json"))
    ).network
    assert Sequences(text_from("a b"), network)[0].tokens == ("a", "b")
    with pytest.raises(UserError, match="the text: the tokenizer makes no token of it"):
        _pieces_sequence("   ", present(network.tokens), None, None)
