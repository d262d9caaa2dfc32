"""A typed line that writes a file refuses to write over one that its session has not written, over all such lines."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from edited_networks import sentence, stacked

from lstm_tui.debugger.commands.complete import complete_file
from lstm_tui.debugger.commands.console import Console
from lstm_tui.debugger.commands.table import VERBS
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.errors import UserError

OTHERWISE = {
    "source", "fix", "load-edits", "verify", "model-file", "patch-from", "feature-from", "record-lesson",
    "trace-cause-from",
}  # fmt: skip
"""They read; or add to what is there, which has a test of its own."""
ENDINGS = {"save-model": ".safetensors"}
"""Of verbs that do not write any ending."""
LINES = [
    *(f"{verb.name} {{}}" for verb in VERBS if verb.complete is complete_file and verb.name not in OTHERWISE),
    "report {} steps 0:1",
    "print 1 > {}",
    "where > {}",
]


@pytest.fixture
def console() -> Console:
    network = stacked("lstm")
    return Console(Session.open(Source(network, [sentence(network)])))


@pytest.mark.parametrize("line", LINES)
def test_another_file_is_written_over_when_that_is_said(console: Console, tmp_path: Path, line: str) -> None:
    path = tmp_path / f"out{ENDINGS.get(line.split()[0], '.html')}"
    path.write_text("someone's")
    with pytest.raises(UserError, match="is there already") as refused:
        console.execute(line.format(path))
    assert path.read_bytes() == b"someone's"
    said = str(refused.value)
    assert "\n" not in said
    console.execute(said.partition("in its place: ")[2])  # what it says to do does it
    written = path.read_bytes()
    assert written != b"someone's"
    console.execute(line.format(path))  # the session's own
    path.write_bytes(written + b"x")
    with pytest.raises(UserError, match="was changed since this session wrote it"):
        console.execute(line.format(path))
    assert os.listdir(tmp_path) == [path.name]


def test_another_lesson_gets_no_stop(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("someone's")
    with pytest.raises(UserError, match="is there already, and not of this session"):
        console.execute(f"record-lesson {path}")
    assert path.read_bytes() == b"someone's"
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("sign", [">|", ">!", "> "])
def test_the_forms_of_a_shell_write_over_too(console: Console, tmp_path: Path, sign: str) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    console.execute(f"print 1 {sign}{path}{' over' if sign == '> ' else ''}")
    assert path.read_text() == "$1 = 1 = 1\n"


def test_a_refused_line_is_not_obeyed(console: Console, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")
    with pytest.raises(UserError):
        console.execute(f"next > {path}")
    assert console.session.frame.t == 0


def test_what_is_added_is_added_whole(console: Console, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old\n")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(UserError, match="no space left"):
        console.execute(f"print 1 >> {path}")
    assert path.read_text() == "old\n"
    monkeypatch.undo()
    console.execute(f"print 1 >> {path}")
    assert path.read_text() == "old\n$2 = 1 = 1\n"
    with pytest.raises(UserError, match="is there already"):
        console.execute(f"print 2 > {path}")


def test_a_value_behind_a_greater_sign_is_compared_with_and_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    network = stacked()
    console = Console(Session.open(Source(network, [sentence(network)])))
    for compared in ("c[0]/2", "(1/2)", ".5", "1/4"):
        assert re.search(r"= (true|false)", "\n".join(console.execute(f"print c[0] > {compared}"))), compared
    assert not list(tmp_path.iterdir())
