"""One text through every checkpoint of a training: against a plain loop, with when each thing changed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.native import save
from lstm_tui.living.checkpoints import CheckpointSeries

TEXT = "the movie was not bad"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of five checkpoints: the forget bias of unit 1 grows through 0 between steps 200 and 1000."""
    network = lstm_tui.load("tiny").copy()
    for n, step in enumerate((50, 100, 200, 1000, 2000)):
        network.tensors()["layer0.forward/b_f"][1] = -2.0 + n * 0.9
        save(network, tmp_path / f"model-{step}.safetensors")
    return tmp_path


def test_it_is_what_a_loop_gives(folder: Path) -> None:
    made = lstm_tui.series(str(folder / "*.safetensors"), TEXT, "mean(f)", "b_f[1]", "f[1] > 0.5", "c[1] - prev(c[1])")
    assert made.steps == (50, 100, 200, 1000, 2000)
    for n, file in enumerate(made.files):
        trace = lstm_tui.trace(TEXT, file)["layer0.forward"]
        f, c = (trace[name].astype(np.float64) for name in "fc")
        np.testing.assert_allclose(made["mean(f)"][n], f.mean(axis=1), rtol=1e-12)
        np.testing.assert_array_equal(made["f[1] > 0.5"][n], f[:, 1] > 0.5)
        np.testing.assert_allclose(made["c[1] - prev(c[1])"][n], np.diff(c[:, 1], prepend=trace.initial["c"][1]))
    np.testing.assert_allclose(made["b_f[1]"], [-2.0, -1.1, -0.2, 0.7, 1.6], atol=1e-6)
    np.testing.assert_array_equal(made.at("not")["mean(f)"], made["mean(f)"][:, 3])
    np.testing.assert_array_equal(made.at(4)["b_f[1]"], made["b_f[1]"])
    table = made.table()
    assert list(table)[:3] == ["step", "file", "mean(f) @ 0"]
    assert {len(column) for column in table.values()} == {5}
    assert all(len(line) < 200 for line in repr(made).splitlines())
    for given in (folder, sorted(folder.iterdir()), [str(one) for one in folder.iterdir()]):
        np.testing.assert_array_equal(lstm_tui.series(given, TEXT, "mean(f)")["mean(f)"], made["mean(f)"])


def test_when_something_changed_is_said(folder: Path) -> None:
    made = lstm_tui.series(folder, TEXT, "b_f[1] > 0", "b_f[1]", "f[1] > 0.5")
    (change,) = made.changes("b_f[1] > 0")
    assert str(change) == "b_f[1] > 0 became true between steps 200 and 1000"
    (moved,) = made.changes("b_f[1]")
    assert "moved most" in str(moved)
    truths = made["f[1] > 0.5"]
    wanted = sum(int(truths[n, t] != truths[n + 1, t]) for n in range(4) for t in range(5))
    assert len(made.changes("f[1] > 0.5")) == wanted
    assert len(made.changes()) == 2 + wanted


def test_what_is_wrong_is_said_in_one_line(folder: Path) -> None:
    for given, asked, said in (
        (folder / "*.pt", "mean(f)", "no checkpoint"), (folder, "f", "numbers: ask for one"),
        (folder, "mean(q)", "q"), (folder, "token", "a text"), (folder, "mean(", "column"),
        ([folder / "gone.pt"], "mean(f)", "gone"),
    ):  # fmt: skip
        with pytest.raises(UserError, match=said) as told:
            lstm_tui.series(given, TEXT, asked)
        assert "\n" not in str(told.value)
    with pytest.raises(UserError, match="ask something"):
        lstm_tui.series(folder, TEXT)
    made = lstm_tui.series(folder, TEXT, "mean(f)")
    with pytest.raises(UserError, match="was not asked"):
        _ = made["mean(i)"]
    with pytest.raises(UserError, match="no “film”"):
        made.at("film")
    for place in (True, 1.5, None, np.bool_(True), np.int64(9)):
        with pytest.raises(UserError, match="no place") as told:
            made.at(place)  # type: ignore[arg-type]
        assert "\n" not in str(told.value)
    for whole in (np.int64(1), np.uint8(1)):
        np.testing.assert_array_equal(made.at(whole)["mean(f)"], made.at(1)["mean(f)"])


def test_a_number_that_is_not_finite_is_not_passed_over_without_a_word() -> None:
    files = tuple(Path(f"{n}.pt") for n in range(4))
    for values, said in (
        ([0.0, 1.0, 1.5, 1.0], "moved most, from 0 to 1"),
        ([0.0, 1.0, np.nan, 9.0], "moved most as far as is known (2 of 3 moves are not), from 0 to 1"),
        ([0.0, 1.0, 1.0, np.inf], "moved most as far as is known (1 of 3 moves are not), from 0 to 1"),
        ([np.nan, 1.0, -np.inf, 1.0], "not known"),
    ):
        made = CheckpointSeries(files, (0, 1, 2, 3), ("a",), {"x": np.array(values)})
        (change,) = made.changes()
        assert said in str(change)
        assert ("known" in str(change)) != bool(np.isfinite(values).all())


def test_files_are_read_as_load_reads_them() -> None:
    tagger = Path(__file__).parents[1] / "formats" / "files" / "torch_tagger.pt"
    made = lstm_tui.series([tagger], "1 3", "mean(f)", pass_name="layer0.forward", pad=("pre", 7))
    assert len(made.tokens) == 7
    network = lstm_tui.load(tagger, pad=("pre", 7))
    wanted = lstm_tui.trace("1 3", network)["layer0.forward"]["f"].astype(np.float64).mean(axis=1)
    np.testing.assert_allclose(made["mean(f)"][0], wanted, rtol=1e-12)
    with pytest.raises(UserError, match="pad="):
        lstm_tui.series([tagger], "1 3", "mean(f)", pad=("x", 7))


def test_the_command_says_what_a_series_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "text").mkdir()
    text = folder / "text" / "t.txt"
    text.write_text(TEXT + "\n")
    asked = ("mean(f)", "b_f[1] > 0", 'share("not")')
    given = [word for one in asked for word in ("--ask", one)]
    made = lstm_tui.series(folder, TEXT, *asked)
    for model in (str(folder), str(folder / "*.safetensors")):
        assert main(["compare", str(text), "--model", model, *given]) == 0
        told = capsys.readouterr().out.splitlines()
        assert told == ["5 checkpoints, steps 50 to 2000", *made.curves(), *map(str, made.changes())]
    assert main(["compare", str(text), "--model", str(folder), *given, "--dtype", "float64", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["steps"] == [50, 100, 200, 1000, 2000]
    assert content["asked"]['share("not")'][0][0] is None
    np.testing.assert_allclose(content["asked"]["mean(f)"], made["mean(f)"], rtol=1e-5)


def test_what_stands_behind_a_token_is_known_where_the_token_is_there(folder: Path) -> None:
    (moved,) = lstm_tui.series(folder, TEXT, 'share("not")').changes()
    assert "as far as is known" not in str(moved)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "{}"), "these are checkpoints: ask something of each"),
        (("--ask", "mean(f)"), "--ask takes one --model"),
        (("--model", "{}", "--model", "{}", "--ask", "mean(f)"), "--ask takes one --model"),
        (("--model", "{}/*.onnx", "--ask", "mean(f)"), "there is no checkpoint"),
    ],
)
def test_a_folder_is_compared_by_what_is_asked(
    words: tuple[str, ...], said: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.txt").write_text(TEXT)
    try:
        code = main(["compare", str(tmp_path / "t.txt"), *(one.format(folder) for one in words)])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code in (1, 2)
    assert said in capsys.readouterr().err
