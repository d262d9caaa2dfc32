"""What is wrong in a file is said in one line on standard error that names the place: exit code 1, 2 of an option."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from saved_arrays import savez

from lstm_tui.cli import main
from lstm_tui.formats.importers.native import save
from lstm_tui.formats.importers.untrained import Untrained, untrained
from lstm_tui.formats.inputs import text_input

CELL = ["--cell", "lstm", "--hidden", "4"]


def _network(folder: Path) -> bytes:
    save(untrained(Untrained("gru", 2), None, 2), folder / "n.safetensors")
    return (folder / "n.safetensors").read_bytes()


def _npz(folder: Path) -> None:
    np.savez(folder / "objects.npz", a=np.array([{}], dtype=object))


def prepare(folder: Path) -> None:
    """Write every file that the table names."""
    contents: dict[str, str | bytes] = {
        "t.txt": "The movie was not bad.\n\nIt was good.\n",
        "w.csv": "a,b\n1,2\n3,4\n",
        "empty.txt": "",
        "blank.txt": " \n\t\n\r\n",
        "nul.txt": b"a\nb\0c",
        "binary.txt": bytes(range(1, 9)) * 20,
        "latin.txt": "one\ntwo caf\xe9".encode("latin-1"),
        "utf16.txt": "text".encode("utf-16"),
        "missing.csv": "a,b\n1,2\n3,\n",
        "word.csv": "a,b\n1,2\n3,four\n",
        "wide.csv": "1,2\n1,2,3\n",
        "narrow.csv": "a,b\n1,2\n1\n",
        "header.csv": "a,b\n",
        "three.csv": "1,2,3\n",
        "open.csv": '1,2\n"3,4\n',
        "hostile.csv": "a\x1b[2J,b\n1,2\n\x1b]52;c;aGk=\x07,2\n",
        "bad.toml": 'name = "bad"\ntitle = "t"\nsource = "s"\nstate = ["h"]\n'
        "equations = '''\nh = sigmod(x)\n'''\n",
        "words.toml": "not a cell",
        "n.bad": b"text",
        "cut.npy": b"\x93NUMPY\x01\x00",
        "text.npz": b"PK no",
        "\x1b[31mred.txt": b"\xff",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "folder").mkdir()
    data = _network(folder)
    (folder / "cut.safetensors").write_bytes(data[: len(data) // 2])
    (folder / "stub.safetensors").write_bytes(data[:4])
    (folder / "damaged.safetensors").write_bytes(data[:30] + b"}}" + data[32:])
    _npz(folder)
    np.save(folder / "deep.npy", np.zeros((2, 2, 2)))
    savez(folder / "initial.npz", {"layer0.forward/z": np.zeros(4)})


TABLE: dict[str, tuple[list[str], str]] = {
    "no such file": (["trace", "gone.txt", *CELL], "gone.txt: no such file"),
    "a folder": (["trace", "folder", *CELL], "folder: is a folder"),
    "an empty file": (["trace", "empty.txt", *CELL], "empty.txt: is empty"),
    "only white space": (["trace", "blank.txt", *CELL], "blank.txt: holds nothing but white space"),
    "a NUL": (["trace", "nul.txt", *CELL], "nul.txt: is binary: byte 4 (line 2) is NUL"),
    "control characters": (["trace", "binary.txt", *CELL], "binary.txt: is binary: 100 % of its bytes are control"),
    "another encoding": (["trace", "latin.txt", *CELL], "latin.txt: byte 12 (line 2) is 0xe9, not UTF-8"),
    "UTF-16": (["trace", "utf16.txt", *CELL], "utf16.txt: byte 1 begins UTF-16"),
    "too large": (["trace", "large.txt", *CELL], "large.txt: is larger than 64 bytes"),
    "a device without end": (["trace", "/dev/zero", *CELL], "/dev/zero: is a device, and no file"),
    "a line that is empty": (["trace", "t.txt", "--line", "2", *CELL], "t.txt: line 2 is empty; the nearest"),
    "a line that is not there": (["trace", "t.txt", "--line", "4", *CELL], "t.txt: has 3 lines, so there is no line 4"),
    "a line of a series": (["trace", "w.csv", "--line", "2", *CELL], "w.csv: is one sequence, so there is no line 2"),
    "a name with an escape": (["trace", "\x1b[31mred.txt", *CELL], "␛[31mred.txt: byte 1 (line 1) is 0xff"),
    "a name with NUL": (["trace", "a\0b", *CELL], "a␀b: cannot be read"),
    "a name of many characters": (["trace", "x" * 5000, *CELL], ": cannot be read: file name too long"),
    "a missing cell": (["trace", "missing.csv", *CELL], "missing.csv: line 3, column 2 (b): the cell is empty"),
    "a cell of text": (["trace", "word.csv", *CELL], "word.csv: line 3, column 2 (b): 'four' is not a number"),
    "a cell of escapes": (["trace", "hostile.csv", *CELL], "line 3, column 1 (a␛[2J): '␛]52;c;aGk=␇' is not a number"),
    "a row that is too wide": (["trace", "wide.csv", *CELL], "wide.csv: line 2 has 3 cells, and those above 2"),
    "a row that is too narrow": (["trace", "narrow.csv", *CELL], "narrow.csv: line 3 has 1 cell, and those above 2"),
    "a header alone": (["trace", "header.csv", *CELL], "header.csv: holds a header and no row"),
    "an open quote": (["trace", "open.csv", *CELL], "open.csv: line 2: unexpected end"),
    "another width": (["trace", "three.csv", "--model", "n.safetensors"], "three.csv: has 3 columns"),
    "a cut array": (["trace", "cut.npy", *CELL], "cut.npy: is not a .npy array, or is damaged"),
    "objects": (["trace", "objects.npz", *CELL], "objects.npz: array 'a': holds object, not numbers"),
    "no archive": (["trace", "text.npz", *CELL], "text.npz: is not a .npz file, or is damaged"),
    "an array of three dimensions": (["trace", "deep.npy", *CELL], "deep.npy: has the shape 2×2×2"),
    "a network as an input": (["trace", "n.safetensors", *CELL], "n.safetensors: is binary"),
    "text for numbers": (["trace", "t.txt", "--model", "n.safetensors"], "t.txt: is text, and untrained gru reads"),
    "text for a layer": (["trace", "t.txt", "--model", "n.safetensors", "--layer", "0"], "t.txt: is text"),
    "no such layer": (["trace", "w.csv", "--model", "n.safetensors", "--layer", "3"], "there is no layer 3"),
    "no such model": (["trace", "t.txt", "--model", "sentimant"], "there is no model 'sentimant'"),
    "no such model file": (["trace", "t.txt", "--model", "./gone"], "gone: cannot be read: no such file"),
    "a model that is text": (["trace", "t.txt", "--model", "n.bad"], "n.bad: is of no format"),
    "a model cut short": (["trace", "w.csv", "--model", "cut.safetensors"], "cut.safetensors: is cut short"),
    "a stub of a model": (["trace", "w.csv", "--model", "stub.safetensors"], "stub.safetensors: is of no format"),
    "a damaged model": (["trace", "w.csv", "--model", "damaged.safetensors"], "damaged.safetensors: "),
    "a model that is a folder": (["trace", "t.txt", "--model", "./folder"], "folder: is a folder"),
    "models of a damaged file": (["models", "cut.safetensors"], "cut.safetensors: is cut short"),
    "models of a name": (["models", "sentimant"], "there is no model 'sentimant'"),
    "no such cell": (["trace", "t.txt", "--cell", "lstn"], "there is no cell lstn; did you mean lstm?"),
    "a bad cell file": (["trace", "t.txt", "--cell", "bad.toml"], "bad.toml:6:5: "),
    "a cell file that is none": (["trace", "t.txt", "--cell", "words.toml"], "words.toml:1:"),
    "a cell file that is not there": (["trace", "t.txt", "--cell", "gone.toml"], "gone.toml"),
    "checking a bad cell": (["cells", "check", "bad.toml"], "bad.toml:6:5: "),
    "showing no cell": (["cells", "show", "lstn"], "there is no cell lstn"),
    "a parameter that is none": (["trace", "t.txt", *CELL, "--without", "p_i"], "p_i"),
    "a state that is none": (["trace", "t.txt", *CELL, "--initial", "initial.npz"], "initial.npz: 'layer0.forward/z'"),
    "no such state file": (["trace", "t.txt", *CELL, "--initial", "gone.npz"], "gone.npz: cannot be read: no such"),
    "another ending": (["trace", "t.txt", *CELL, "-o", "o.xml"], "o.xml: a trace file ends in one of"),
    "no such folder": (["trace", "t.txt", *CELL, "-o", "gone/o.json"], "gone/o.json: cannot be written: there is no"),
    "an output that is a folder": (["trace", "t.txt", *CELL, "-o", "folder.json"], "folder.json: is a folder"),
    "a value that is none": (["trace", "t.txt", *CELL, "--values", "cc"], "there is no value 'cc'; did you mean c?"),
    "units that are none": (["trace", "t.txt", *CELL, "--units", "9:12"], "units 9:12 are none; the widest pass has 4"),
    "steps that are none": (["trace", "t.txt", *CELL, "--steps", "a:b"], "--steps 'a:b' is not a range"),
    "no trace file": (["open", "gone.json"], "gone.json: cannot be read: no such file"),
    "a trace file that is text": (["open", "t.txt"], "t.txt: is not a trace file"),
    "a trace file that is binary": (["open", "nul.txt"], "nul.txt: is binary"),
    "no terminal": (["run", "t.txt", *CELL], "terminal"),
}  # fmt: skip

OF_AN_OPTION = {
    "a line that is empty", "a line that is not there", "a line of a series", "no such layer", "no such cell",
    "showing no cell", "a parameter that is none", "another ending", "a value that is none", "units that are none",
    *(case for case, (_, says) in TABLE.items() if "is not a range" in says),
}  # fmt: skip
"""What is wrong here is what stands behind an option, and not a file."""


@pytest.mark.parametrize("case", TABLE)
def test_one_line_that_names_the_place(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path)
    (tmp_path / "folder.json").mkdir()
    arguments, says = TABLE[case]
    if "larger" in says:
        (tmp_path / "large.txt").write_text("word " * 20)
        monkeypatch.setattr(text_input, "LIMIT", 64)
    before = sorted(os.listdir())
    assert main(arguments) == (2 if case in OF_AN_OPTION else 1)
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("lstm-tui: ")
    assert output.err.endswith("\n")
    assert output.err[:-1].isprintable()
    assert says in output.err
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("data", "says"), [(b"", "standard input: is empty"), (b"a\xff", "standard input: byte 2 (line 1) is 0xff")]
)
def test_standard_input_has_the_same_checks(
    data: bytes, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert main(["trace", "-", *CELL]) == 1
    assert capsys.readouterr().err.startswith(f"lstm-tui: {says}")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.txt").write_text("a")
    (tmp_path / "locked").mkdir(mode=0o500)
    assert main(["trace", str(tmp_path / "t.txt"), *CELL, "-o", str(tmp_path / "locked" / "o.json")]) == 1
    assert "cannot be written: permission denied" in capsys.readouterr().err


def test_a_full_disk_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text("a")
    os.symlink("/dev/full", "o.json")
    assert main(["trace", "t.txt", *CELL, "-o", "o.json"]) == 1
    assert capsys.readouterr().err == "lstm-tui: o.json: cannot be written: no space left on device\n"


HOSTILE = "[/nope] \x1b]52;c;aGk=\x07 \x1b[2J \u202egnp e\u0301 日本 🏳️‍🌈 \x9b31m {a} %s \\ '\n"


def test_hostile_tokens_are_traced_and_nothing_of_them_reaches_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_bytes(HOSTILE.encode())
    for tokens in ("words", "chars", "bytes"):
        assert main(["trace", "t.txt", *CELL, "--tokens", tokens]) == 0
        shown = capsysbinary.readouterr().out.decode().replace("\n", "")
        assert not any(ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 or sign == "\u202e" for sign in shown)


@pytest.mark.parametrize(
    "given",
    [
        ("find", "--where", "c[7] >"), ("find", "--where", "q[0] > 1"), ("find", "--where", "c[99] > 1"),
        ("find", "--like", "c[99] @ 1"), ("find", "--like", "nothing"), ("find", "--follows", "("),
        ("check", "--assert", "c[7] >"), ("trace", "--units", "x", "-o", "a.npz"),
        ("report", "--steps", "x", "-o", "a.html"),
    ],
)  # fmt: skip
def test_what_means_nothing_behind_an_option_is_bad_usage(
    given: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`find --where` left with 1, as if a file were wrong, and `check --assert` with 2."""
    monkeypatch.chdir(tmp_path)
    Path("t.txt").write_text("on wait off\n")
    command, *rest = given
    assert main([command, "t.txt", "--model", "tiny", *rest]) == 2
    assert capsys.readouterr().err
    assert [one.name for one in tmp_path.iterdir()] == ["t.txt"]
