"""`lstm-tui tour` without a screen: the list, the check, and what is said at the very first start."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from pty_screen import Screen

from lstm_tui.cli import main
from lstm_tui.cli.arguments import parse
from lstm_tui.cli.tour import greeting
from lstm_tui.lesson.library import example


def test_the_list_names_every_lesson_and_an_example_that_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines[:15]][::14] == ["the-seven-letters", "break-it-yourself"]
    assert str(example()) in "\n".join(lines)
    assert example().is_file()


@pytest.mark.long
def test_the_example_can_be_copied_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_bytes(example().read_bytes())
    assert main(["tour", str(mine), "--check"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 lesson, 2 stops, 5 claims, 0 do not hold", "drawn at 80×24, 120×36, 160×45: 0 not in sight",
    ]  # fmt: skip


@pytest.mark.long
def test_a_false_claim_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(example().read_text("utf-8").replace("max(output) > 0.8", "max(output) < 0.8"), "utf-8")
    line = mine.read_text("utf-8")[: mine.read_text("utf-8").index("max(output) < 0.8")].count("\n") + 1
    assert main(["tour", str(mine), "--check"]) == 1
    assert f"{mine}:{line}:11: this does not hold: max(output) < 0.8" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["nothing"], ["nothing.toml"], ["nothing", "--check"]])
def test_a_lesson_that_is_not_there_is_said_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tour", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.startswith("lstm-tui: ")
    assert said.count("\n") == 1


def test_a_broken_lesson_is_refused_before_there_is_a_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(example().read_text("utf-8").replace("max(output) > 0.8", "argmn(output) > 0.8"), "utf-8")
    assert main(["tour", str(mine)]) == 1
    assert "there is no function `argmn`; did you mean argmin?" in capsys.readouterr().err


def test_who_starts_for_the_first_time_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert "T opens the tour" in greeting()
    assert greeting() == ""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert greeting() == ""


def test_only_a_bare_start_greets() -> None:
    assert parse([]).bare
    assert parse(["--debug"]).bare
    assert parse(["--light"]).bare
    assert parse(["--light"]).light
    assert parse([]).model == "story", "what it forgets and keeps has names"
    assert not parse(["run"]).bare
    assert not parse(["tour"]).bare


@pytest.mark.long
def test_a_lesson_opens_in_a_real_terminal_and_is_left_by_way_of_the_debugger() -> None:
    screen = Screen([sys.executable, "-m", "lstm_tui", "tour", "update"], (100, 30))
    screen.until("Update  1 of 3")
    screen.child.send("\r")
    screen.until("Update  2 of 3")
    screen.child.send("q")
    screen.until("leave the lesson?")
    screen.child.send("\r")
    screen.until("press T for lessons")
    screen.until("Update  2 of 3", gone=True)
    screen.child.send("q")
    assert screen.end() == 0
    screen.left_in_order()
    assert b"Traceback" not in screen.raw
