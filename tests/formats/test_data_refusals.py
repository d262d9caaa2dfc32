"""What a reader of inputs, traces, streams and lists refuses, in the words that a user reads: a table a reader."""

from __future__ import annotations

import hashlib
import io
import json as plain_json
import re
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_captures import made_capture
from safetensors.numpy import save_file
from test_recorded_streams import network

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language import toml
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.open import open_file
from lstm_tui.formats.importers.torch.resume import KEY, load_checkpoint
from lstm_tui.formats.inputs import inputs, text_input, tokenizer
from lstm_tui.formats.inputs.numeric_series import csv_series, series_from
from lstm_tui.formats.inputs.token_labels import read_labels
from lstm_tui.formats.inputs.vocabulary_file import read_vocabulary
from lstm_tui.formats.io import files, json, progress_file
from lstm_tui.formats.io.config_file import read_config
from lstm_tui.formats.io.log_file import LogFile
from lstm_tui.formats.io.npy import read_npz
from lstm_tui.formats.streams import fitted_stream
from lstm_tui.formats.streams.recorded_stream import RecordedChunk
from lstm_tui.formats.traces.excerpt import parse_range
from lstm_tui.formats.write_back.onnx import fields
from lstm_tui.formats.write_back.save import save_model
from lstm_tui.formats.write_back.write_back import written_back

FILES = Path(__file__).parent / "files"


def check_said(said: str, run: Any, *given: Any, **named: Any) -> None:
    """Have a call refused by a text that has these words in it."""
    with pytest.raises(UserError) as refused:
        run(*given, **named)
    assert said in str(refused.value)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (b"text", "a text, a file or rows of numbers is read; this is a bytes: decode it, as in data.decode()"),
        ((n for n in "ab"), "a text, a file or rows of numbers is read; this is a generator: give list(…) of it"),
        (io.StringIO("a"), "give the path of the file, or what its read() returns"),
        ({"a": 1}, "a text, a file or rows of numbers is read; this is"),
        ({1.0, 2.0}, "a text, a file or rows of numbers is read; this is"),
        (object(), "a text, a file or rows of numbers is read; this is"),
        (["a", "b"], "the array: holds texts, not numbers; a text is given as one string, with spaces between words"),
        ([[1.0, 2.0], [1.0]], "the array: row 2 has 1 number, and row 1 has 2; give all as many"),
        (np.zeros((0, 3)), "the array: holds no row of numbers; give it at least one"),
        ([], "the array: holds no row of numbers; give it at least one"),
    ],
)
def test_what_is_no_input_says_what_it_is(given: Any, said: str) -> None:
    check_said(said, inputs.open_source, given)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("1,2\n3,x\n", "f.csv: line 2, column 2: 'x' is not a number; fill it in or take the line out"),
        ("a,b\n1,2\n3,\n", "f.csv: line 3, column 2 (b): the cell is empty; fill it in or take the line out"),
        ("1,2\n3,1e999\n", "f.csv: line 2, column 2: 1e999 is larger than any number that is held"),
        ("1,2\n3\n", "f.csv: line 2 has 1 cell, and those above 2"),
    ],
)
def test_a_cell_that_is_no_number_is_named(content: str, said: str) -> None:
    assert csv_series("1,2\n3,4\n", "f.csv").arrays[0].shape == (2, 2)
    check_said(said, csv_series, content, "f.csv")
    check_said("f: holds no row of numbers; give it at least one", series_from, np.zeros((2, 0)), "f")


def test_lists_of_labels_say_which_line_and_what_is_the_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text("good\ta\nbad\tb\nodd\tc\n")
    assert text_input.read_labelled(path).labels == ("bad", "good", "odd")
    monkeypatch.setattr(text_input, "MOST_LABELS", 2)
    check_said(
        "labels.tsv: holds 3 labels, more than 2; the label stands before the TAB", text_input.read_labelled, path
    )
    path.write_text("# tagged\na\t1\n\nb\tNOUN\n")
    assert read_labels(path, "NOUN") == [0, 1]
    for label in ("NOUN", "nan", "inf", ""):
        path.write_text(f"# tagged\na\t1\n\nb\t{label}\n")
        check_said(f":4: `{label}` is no number: say which tag is followed, by --tag NAME or probe", read_labels, path)


TOKENIZER: dict[str, Any] = {
    "version": "1.0", "model": {"type": "WordLevel", "vocab": {"a": 0, "b": 1}, "unk_token": "a"}
}  # fmt: skip


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"[]", None, "v: holds no token; a vocabulary is one token a line, each line an id from 0"),
        (b"a\nb\n", "pieces", "text is split into words, chars"),
        (plain_json.dumps(TOKENIZER).encode(), "words", "v: says itself how a text is split: leave --tokens out"),
        (b"a\n\xff\n", None, "v: byte 3 is not UTF-8; save it as UTF-8"),
        (b"a\nb\nc\n", None, "v: "),
    ],
)
def test_a_vocabulary_that_is_none_says_why(content: bytes, kind: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "v"
    path.write_bytes(b"a\nb\n")
    assert read_vocabulary(path, None, 2, ImportReport("f"))[0]["vocabulary"] == ["a", "b"]
    path.write_bytes(content)
    check_said(said, read_vocabulary, path, kind, 2, ImportReport("f"))


def test_a_tokenizer_is_given_no_more_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "LONGEST_TEXT", 3)
    asked = tokenizer.Splitter("{}")
    check_said("a text of 4 characters; a tokenizer is given 3 at most", asked.split, "abcd")
    monkeypatch.setattr(tokenizer, "find_spec", lambda name: name)
    monkeypatch.setattr(sys, "executable", str(Path(__file__)))  # which is no program
    check_said("the tokenizer's process cannot be started: ", asked.split, "abc")


def test_a_byte_that_is_not_utf_8_is_counted_from_1_wherever_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = 1\n\xff")
    assert read_config(path).problems == (f"{path}: byte 7 is not UTF-8; save the file as UTF-8",)
    check_said("a.toml: byte 7 is not UTF-8; save the file as UTF-8", toml.read_text, path)
    check_said("a.toml: byte 7 (line 2) is 0xff, not UTF-8; save it as UTF-8", text_input.read_text, path)
    check_said("a.toml: byte 7 is not UTF-8; save it as UTF-8", read_vocabulary, path, None, 2, ImportReport("f"))


def test_what_is_not_there_to_be_read_or_written_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "e").touch()
    check_said("e: is empty: there is nothing in it to read", files.read_bytes, tmp_path / "e", 9)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", None)
        check_said("standard input: is closed; name a file, or give it one", files.read_bytes, "-", 9)
    check_said("cannot be written: a name cannot hold NUL", lambda: files.replacing("a\0b").__enter__())
    with monkeypatch.context() as patch:
        patch.setattr(files, "SCRIPT_BYTES", 3 << 20)
        files.check_script(bytes(3 << 20), "s")
        check_said(
            "of lines; 3 MB is the most: take features or patches away", files.check_script, bytes((3 << 20) + 1), "s"
        )
    (tmp_path / "folder").mkdir()
    check_said("null: is no file to write a log to", LogFile, "/dev/null")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2", "f: is damaged at line 1, column 6: not JSON; write it again"),
        ('{"a":\n 1,\n 2}', "f: is damaged at line 3, column 2: not JSON; write it again"),
        ("[" * 100_000, "f: is damaged: not JSON that can be read here; write it again"),
        ("1" * 5000, "f: is damaged: not JSON that can be read here; write it again"),
        (b"\xff\xfe1", "f: is damaged: not JSON that can be read here; write it again"),
        ("[NaN]", "f: holds NaN, which is not JSON; write a number, or null where a number is not known"),
    ],
)
def test_a_text_that_is_no_json_says_where(text: str | bytes, said: str) -> None:
    check_said(said, json.decode, text, "f")


@pytest.mark.parametrize(("sign", "costs"), [("[", 72), ("{", 240), (",", 40)])
def test_json_of_too_many_values_is_refused_before_it_is_read(
    sign: str, costs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json, "_MOST_HELD", costs * 10)
    for text in (sign * 11, (sign * 11).encode()):
        check_said("f: holds more values than fit into 0 GB; make it smaller, or a .npz", json.decode, text, "f")
        check_said("not JSON", json.decode, text[:10], "f")


def test_an_archive_without_arrays_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for name, said in ((None, "a.npz: holds no array"), ("notes.txt", "'notes.txt', which is not an array; is it a")):
        with zipfile.ZipFile(path, "w") as archive:
            if name is not None:
                archive.writestr(name, "text")
        check_said(said, read_npz, path)


def sealed(number: int, packed: Any) -> bytes:
    text = json.encode(["work", number, packed])
    return json.encode([number, packed, hashlib.sha256(text).hexdigest()[:32]]) + b"\n"


@pytest.mark.parametrize(
    "packed",
    [
        {"float": "x"},
        {"float": 3},
        {"pairs": 3},
        {"pairs": [[1]]},
        {},
        {"dtype": "<f4", "shape": [1], "bytes": "AAA"},
        {"dtype": "<f4", "shape": [2], "bytes": "AAAAAA=="},
        {"dtype": "no", "shape": [1], "bytes": "AAAAAA=="},
        {"dtype": "O", "shape": [1], "bytes": "AAAAAAAAAAA="},
    ],
)
def test_done_work_that_reads_as_nothing_is_never_counted(
    packed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "p"
    begun = json.encode(["lstm-tui progress 1", "work"]) + b"\n"
    path.write_bytes(begun + sealed(4, {"float": (0.1).hex()}))
    assert progress_file.read_progress(str(path), "work") == ({4: 0.1}, path.stat().st_size)
    path.write_bytes(begun + sealed(4, packed))
    check_said("p: is damaged; delete it to begin anew", progress_file.read_progress, str(path), "work")
    check_said("is no file that can hold what is done", progress_file.read_progress, str(tmp_path), "work")
    monkeypatch.setattr(progress_file, "_MOST_BYTES", path.stat().st_size - 1)
    check_said("p: is too large to be what is done of some work", progress_file.read_progress, str(path), "work")


@pytest.mark.parametrize("text", ["", " ", ":", "a", "1:2:3", "1.5", "-"])
def test_what_is_no_range_says_what_one_looks_like(text: str) -> None:
    assert [parse_range(one, "units") for one in ("2", "2:", ":5", "2:5")] == [
        slice(2, 3), slice(2, None), slice(None, 5), slice(2, 5)
    ]  # fmt: skip
    check_said(f"units {text!r} is not a range; write START:END, such as 0:8", parse_range, text, "units")


@pytest.mark.parametrize(
    ("given", "tokens", "said"),
    [
        (np.zeros((0, 3)), False, "f: its input holds no numbers; give it at least a step"),
        (np.ones((2, 3), bool), False, "f: its input holds True and False, not numbers; save it as float32 or float64"),
        (np.ones((2, 4)), False, "f: its input is 2×4; the network reads 3 numbers a step"),
        (np.zeros(0, np.int64), True, "f: the network knows the ids 0 to 6; the chunk holds others, or none"),
        (np.array([7]), True, "f: the network knows the ids 0 to 6; the chunk holds others, or none"),
        (np.array([-1]), True, "f: the network knows the ids 0 to 6; the chunk holds others, or none"),
        (np.array([0.5]), True, "f: the network reads ids of tokens, which are whole numbers"),
    ],
)
def test_a_chunk_that_the_network_cannot_read_says_why(given: Array, tokens: bool, said: str) -> None:
    check_said(said, fitted_stream._samples, RecordedChunk(given, None), network(tokens), 0, "f")


def test_a_capture_without_a_loss_knows_no_gradient() -> None:
    run = made_capture().runs[0]
    assert set(run.d_parameters) == {"layer0.forward"}
    bare = replace(run, d_y=None, d_ends=())
    for ask in (lambda: bare.d_parameters, lambda: bare.gradients):
        check_said("this was taken without a loss, so no gradient is known: give capture() loss= and targets=", ask)


def test_a_checkpoint_of_something_else_says_so(tmp_path: Path) -> None:
    path = tmp_path / "c"
    said = "c: is no checkpoint of a training, or is damaged; delete it and train again"
    for content in (b"\0", b"text", bytes(8), b"\xff" * 20):
        path.write_bytes(content)
        check_said(said, load_checkpoint, path)
    save_file({"a": np.ones(2, np.float32)}, path)
    check_said(said, load_checkpoint, path)
    save_file({"a": np.ones(2, np.int64)}, path, {KEY: "{}"})
    check_said("c: is damaged: an array holds no numbers; delete it and train again", load_checkpoint, path)


def test_a_network_is_written_back_into_the_file_it_came_from_alone(tmp_path: Path) -> None:
    opened = open_file(FILES / "torch_tagger.pt").network
    check_said(
        "o.npz: a file of torch_tagger ends in .pt, or in .safetensors: that describes itself",
        lambda: list(save_model(opened, tmp_path / "o.npz")),
    )
    made = network()
    check_said("o.pt: a file of small ends in .safetensors", lambda: list(save_model(made, tmp_path / "o.pt")))
    check_said("small: came from no file, so there is none to write it back into", written_back, made)
    assert opened.embedding is not None
    fewer = replace(opened, embedding=opened.embedding[:-1])
    check_said("holds other parameters than the network that was edited; open it again", written_back, fewer)
    assert not list(tmp_path.iterdir())


def test_a_field_of_no_kind_of_protobuf_is_named() -> None:
    assert [one.value for one in fields(b"\x08\x05", 0, 2)] == [5]
    for kind in (3, 4, 6, 7):
        with pytest.raises(ValueError, match=re.escape(f"a field of kind {kind}")):
            list(fields(bytes([8 | kind, 0, 0, 0, 0]), 0, 5))
