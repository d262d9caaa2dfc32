"""`lstm-tui compare` where there is no terminal: a table; and what it refuses."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from present import present

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.engine.number_text import percent


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["compare", *words]) == 0
    return capsys.readouterr().out


def test_two_networks(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "sample.txt", "--model", "sentiment", "--model", "sentiment-forward").split("\n")
    assert lines[0].split()[:7] == ["t", "token", "sentiment", "adds", "sentiment-forward", "adds", "difference"]
    assert lines[4].split()[:2] == ["3", "not"]
    assert float(lines[5].split()[4]) == pytest.approx(
        float(lines[5].split()[3]) - float(lines[5].split()[2]), abs=2e-3
    )
    assert "sentiment: positive 0.991" in lines
    assert "sentiment-forward: positive 0.776" in lines


def test_three_networks_in_lockstep(capsys: pytest.CaptureFixture[str]) -> None:
    names = ("verdict-lstm", "verdict-gru", "verdict-relu")
    models = [word for name in names for word in ("--model", name)]
    rows = printed(capsys, "sample.txt", *models).split("\n")
    found = json.loads(printed(capsys, "sample.txt", *models, "--json"))
    assert found["runs"] == list(names)
    for t, token in enumerate(found["tokens"]):
        shares = [next(iter(kept.values())) for kept in token["kept"]]
        assert shares[2] is None  # a cell without a gate that keeps
        drawn = re.findall(r"\d+ %", rows[1 + t])
        assert drawn == [percent(one) for one in shares if one is not None]
        assert token["place"] == t
        assert (
            token["outputs"][1] == present(lstm_tui.trace("The movie was not bad", model=names[1]).output)[t].tolist()
        )


def test_before_and_after_edits(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recipe = tmp_path / "edits.txt"
    recipe.write_text('insert 2 "she"\nset layer0.forward.f[:] @ 10 = 0\n', encoding="utf-8")
    text = printed(capsys, "story.txt", "--line", "3", "--model", "story", "--edits", str(recipe))
    rows = text.split("\n")
    assert "baseline says" in rows[0]
    assert "memory apart in layer0.forward" in rows[0]
    assert rows[1].split() == ["0", "Anna", "likes", "0.765", "likes", "0.765", "0.000", "0.000"]
    assert rows[3].split()[:2] == ["–→2", "she"]
    assert rows[4].split()[:2] == ["2→3", "Mei"]


def test_numbers(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recipe = tmp_path / "edits.txt"
    recipe.write_text("weight layer0.forward/b_f[:] = -4\n", encoding="utf-8")
    rows = printed(capsys, "waves.csv", "--edits", str(recipe), "--line", "1").split("\n")
    assert float(rows[5].split()[-1]) > 0


def test_a_checkpoint_is_found_by_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    import lstm_tui

    path = Path(lstm_tui.__file__).parent / "models" / "story.safetensors"
    rows = printed(capsys, "story.txt", "--model", "story", "--model", str(path)).split("\n")
    assert rows[1].split()[-2:] == ["0.000", "0.000"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sample.txt",), "give --model twice, or --edits"),
        (("sample.txt", "--model", "sentiment"), "give --model twice, or --edits"),
        (("sample.txt", *("--model", "sentiment") * 9), "8 times at most"),
    ],
)
def test_what_is_not_two_runs_is_refused(capsys: pytest.CaptureFixture[str], words: tuple[str, ...], says: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["compare", *words])
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


def test_texts_read_otherwise_are_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "sample.txt", "--model", "sentiment", "--model", "chars"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "there is no common tape" in error


def test_what_run_takes_compare_takes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recipe = tmp_path / "edits.txt"
    recipe.write_text("remove 1\n", encoding="utf-8")
    untrained = printed(capsys, "sample.txt", "--cell", "gru", "--hidden", "8", "--edits", str(recipe))
    assert "memory apart in layer0.forward" in untrained
    assert untrained != printed(
        capsys, "sample.txt", "--cell", "gru", "--hidden", "8", "--seed", "3", "--edits", str(recipe)
    )
    recipe.write_text("set layer0.forward.c[0] @ 1 = 0\n", encoding="utf-8")
    numbers = printed(capsys, "waves.csv", "--model", "forecast", "--layer", "0", "--edits", str(recipe)).splitlines()
    assert [float(row.split()[-1]) > 0 for row in numbers[1:3]] == [False, True]


def test_standard_input_is_read_once(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tmp_path / "edits.txt"
    recipe.write_text("remove 3\n", encoding="utf-8")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"the movie was not bad\n")))
    assert printed(capsys, "-", "--edits", str(recipe)).splitlines()[4].split()[:2] == ["3→–", "not"]
    assert main(["compare", "-", "--model", "sentiment", "--model", "tiny"]) == 1
    assert "both networks need it" in capsys.readouterr().err
