"""`inspect`, `convert` and the options that say what a network's file does not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from present import present
from saved_arrays import savez

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.formats.importers.open import ImportOptions, open_file
from lstm_tui.formats.io.npy import read_npz
from lstm_tui.formats.traces.reader import read

FILES = Path(__file__).parent / "formats" / "files"
TAGGER = str(FILES / "torch_tagger.pt")


def test_inspect_says_how_each_fact_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", TAGGER]) == 0
    output = capsys.readouterr().out
    for word in ("confirmed", "inferred", "assumed", "reads ids from 0 to 10", "layer1.gate_order", "could be ifog"):
        assert word in output
    assert "warning: assumed, since weights alone do not record it: " in output
    assert "readout.after_head_0=relu" in output


def test_what_stands_before_the_recurrent_layers_says_what_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    convolved = str(FILES / "keras_convolved.keras")
    assert main(["inspect", convolved]) == 0
    assert "reads ids from 0 to 8, in one column, or text with --vocabulary" in capsys.readouterr().out
    (tmp_path / "t.txt").write_text("a b\n")
    assert main(["trace", str(tmp_path / "t.txt"), "--model", convolved]) == 1
    assert "reads ids, and its file holds no vocabulary; give --vocabulary FILE" in capsys.readouterr().err


def test_the_report_as_json_and_of_a_bundled_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", TAGGER, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"key": "layer0.size", "value": "3 → 4", "how": "confirmed", "why": "shapes", "others": []} in report[
        "facts"
    ]
    assert main(["inspect", "sentiment"]) == 0
    assert "which describes itself" in capsys.readouterr().out


def test_a_written_map_is_read_back_and_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "map.toml"
    assert main(["inspect", TAGGER, "--write-map", str(written)]) == 0
    assert main(["inspect", TAGGER, "--map", str(written)]) == 0
    assert "warning" not in capsys.readouterr().out
    written.write_text(
        written.read_text().replace('"readout.after_head_0" = "relu"', '"readout.after_head_0" = "tanh"')
    )
    out = tmp_path / "o.npz"
    ids = tmp_path / "ids.txt"
    ids.write_text("3 1 4\n")
    assert main(["trace", str(ids), "--model", TAGGER, "--map", str(written), "-o", str(out)]) == 0
    wanted = open_file(TAGGER, ImportOptions({"readout.after_head_0": "tanh"}))
    np.testing.assert_array_equal(read(out).output, lstm_tui.trace("3 1 4", wanted.network).output)


def test_what_is_assumed_stands_in_the_export_and_on_standard_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = tmp_path / "ids.csv"
    ids.write_text("3\n1\n4\n")
    assert main(["trace", str(ids), "--model", TAGGER, "-o", str(tmp_path / "o.json")]) == 0
    assert "readout.after_head_0=relu" in capsys.readouterr().err
    model = json.loads((tmp_path / "o.json").read_text())["model"]
    assert any("readout.after_head_0" in warning for warning in model["warnings"])
    assert read(tmp_path / "o.json").sequence.ids is not None


def test_a_converted_file_describes_itself_and_gives_the_same_bits(tmp_path: Path) -> None:
    assert main(["convert", TAGGER, "-o", str(tmp_path / "n.safetensors")]) == 0
    first, second = (lstm_tui.trace("3 1 4", lstm_tui.load(one)) for one in (TAGGER, tmp_path / "n.safetensors"))
    np.testing.assert_array_equal(first.output, second.output)
    assert present(second.network).remarks == present(first.network).remarks
    assert main(["convert", TAGGER, "-o", str(tmp_path / "n.pt")]) == 2
    before, after = (open_file(one).report for one in (TAGGER, tmp_path / "n.safetensors"))
    assert [(one.key, one.how) for one in after.facts] == [(one.key, one.how) for one in before.facts]
    assert after.remarks == before.remarks


def test_a_layer_by_the_name_it_has_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    np.save(tmp_path / "x.npy", x)
    arguments = ["trace", str(tmp_path / "x.npy"), "--model", TAGGER, "-o", str(tmp_path / "o.npz"), "--layer"]
    assert main([*arguments, "rnn.l1"]) == 0
    by_name = read_npz(tmp_path / "o.npz", kinds="fiubU")["layer0.backward/h"]
    assert main([*arguments, "1"]) == 0
    np.testing.assert_array_equal(read_npz(tmp_path / "o.npz", kinds="fiubU")["layer0.backward/h"], by_name)
    assert main([*arguments, "rnn.l2"]) == 2
    assert "did you mean rnn.l1?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--set", "layer0.gate_ordr=ifgo"], "did you mean layer0.gate_order?"),
        (["--set", "layer0.gate_order=ifox"], "it should be i f g o in another order"),
        (["--set", "readout.over=lest"], "did you mean last?"),
        (["--network", "decoder"], "holds one network"),
        (["--map", "nothing.toml"], "nothing.toml: cannot be read: no such file"),
    ],
)
def test_a_slip_in_what_is_said_of_a_file_is_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", TAGGER, *arguments]) == 1
    assert says in capsys.readouterr().err


def test_ids_that_are_not_there_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, content, says in (
        ("a.csv", "3\n11\n", "11 in row 1 is no id"),
        ("b.csv", "3\n1.5\n", "1.5 in row 1 is no id"),
        ("c.txt", "3 eleven\n", "'eleven' is no id"),
        ("d.csv", "1,2\n", "has 2 columns, and ids are one column"),
    ):
        (tmp_path / name).write_text(content)
        assert main(["trace", str(tmp_path / name), "--model", TAGGER]) == 1
        assert says in capsys.readouterr().err


def test_what_speaks_against_facts_is_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    shapes = {"rnn.weight_ih_l0": (16, 3), "rnn.weight_hh_l0": (16, 4), "rnn.strange": (5, 7), "rnn.odd": (2, 2)}
    savez(tmp_path / "bag.npz", {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()})
    assert main(["inspect", str(tmp_path / "bag.npz")]) == 0
    output = capsys.readouterr().out
    rows = [line for line in output.split("\n") if line.startswith("layer0.") and "understood  " not in line]
    assert rows
    assert all("against it: layer0.understood" in row for row in rows)
    assert "rnn.strange (5×7), rnn.odd (2×2) are in the file and have no place here" in output


def test_edits_are_written_back_into_a_copy_of_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own, edits, copy = tmp_path / "own.pt", tmp_path / "edits.txt", tmp_path / "copy.pt"
    own.write_bytes(Path(TAGGER).read_bytes())
    edits.write_text("weight layer0.forward/W_f[1,:] = 0.25\nremove 0\n")
    assert main(["convert", str(own), "--edits", str(edits), "--into", str(copy)]) == 0
    said = capsys.readouterr()
    assert "but for 3 numbers in rnn.weight_ih_l0 (3)" in said.out
    assert "not written: 1 edit of tokens" in said.err
    before, after = own.read_bytes(), copy.read_bytes()
    assert own.read_bytes() == Path(TAGGER).read_bytes()
    assert len(before) == len(after)
    assert 0 < sum(a != b for a, b in zip(before, after, strict=True)) <= 3 * 4 + 2 * 4  # numbers, and two checksums
    assert (lstm_tui.load(copy).tensors()["layer0.forward/W_f"][1] == 0.25).all()
    for place in (own, copy):
        assert main(["convert", str(own), "--edits", str(edits), "--into", str(place)]) == 1
        assert "--over puts this in its place" in capsys.readouterr().err
    assert main(["convert", str(own), "--edits", str(edits), "--into", str(own), "--over"]) == 0
    assert own.read_bytes() == after
    assert main(["convert", str(own), "--edits", str(edits), "-o", str(tmp_path / "n.safetensors")]) == 0
    assert (lstm_tui.load(tmp_path / "n.safetensors").tensors()["layer0.forward/W_f"][1] == 0.25).all()


@pytest.mark.parametrize("words", [[], ["-o", "a.safetensors", "--into", "b.pt"]])
def test_convert_writes_one_file(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["convert", TAGGER, *words])
    assert "convert takes one of" in capsys.readouterr().err
