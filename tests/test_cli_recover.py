"""Work that kill -9 or a closed terminal cut off is there at the next start: in a real terminal, and by `recover`."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lstm_tui
from lstm_tui.cli import main
from lstm_tui.formats.io.journal import journal_folder

if TYPE_CHECKING:
    from pexpect import spawn

pexpect = pytest.importorskip("pexpect", reason="needs a pseudo-terminal")
CELL = ("--cell", "lstm", "--hidden", "4")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "t.txt").write_text("The movie was not bad.\nIt was good.\n")
    return tmp_path


@contextmanager
def terminal(*arguments: str) -> Iterator[spawn]:
    environment = {**os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent), "TERM": "xterm-256color"}
    child = pexpect.spawn(
        sys.executable, ["-m", "lstm_tui", *arguments], env=environment, dimensions=(45, 160), encoding="utf-8",
        timeout=60,
    )  # fmt: skip
    child.delaybeforesend = 0
    try:
        yield child
    finally:
        child.close(force=True)


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def kept(text: str) -> bool:
    return any(text in path.read_text() for path in journal_folder().glob("*.ltui"))


@pytest.mark.slow
def test_the_screen_killed_and_started_again() -> None:
    with terminal("run", "t.txt", *CELL) as child:
        child.expect_exact("layer0.forward")
        child.send("n:remove 0\r")
        until(lambda: kept("remove 0\n"))
        child.kill(signal.SIGKILL)
        child.expect(pexpect.EOF)
    with terminal("run", "t.txt", *CELL, "--line", "2") as child:
        child.expect_exact("interrupted work")
        child.send("\r")
        child.expect_exact("resumed: 1 edit")
        child.send("q")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
    assert list(journal_folder().iterdir()) == []


@pytest.mark.long
def test_a_closed_terminal_and_recover(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal("run", "t.txt", *CELL, "--plain") as child:
        child.expect_exact("(ltui) ")
        child.send('line 2\nremove 0\nbreak "good"\n')
        child.expect_exact("breakpoint 1")
        until(lambda: kept('break token == "good"\n') or kept('break "good"\n'))
        child.kill(signal.SIGHUP)
        child.expect(pexpect.EOF)
    assert main(["recover"]) == 0
    assert re.search(r"^ 1  t\.txt --cell lstm --hidden 4 line 2: 1 edit, 1 stop, \d+ ", capsys.readouterr().out)
    with terminal("recover", "1", "--plain") as child:
        child.expect_exact("interrupted work resumed: 1 edit, 1 stop")
        child.expect_exact("(ltui) ")
        assert len(list(journal_folder().glob("*.ltui"))) == 1
        child.send("info frame\nquit\n")
        child.expect_exact("line 2 of 2")
        child.expect(pexpect.EOF)
    assert main(["recover"]) == 0
    assert capsys.readouterr().out == "no interrupted work\n"


def test_ctrl_d_leaves_and_keeps_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    with terminal("run", "t.txt", *CELL, "--plain") as child:
        child.expect_exact("(ltui) ")
        child.send("remove 0\n")
        child.expect_exact("(ltui) ")
        child.sendeof()
        child.expect_exact("the work is kept: `lstm-tui recover` has it")
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0
    assert main(["recover"]) == 0
    assert "1 edit" in capsys.readouterr().out


@pytest.mark.long
def test_two_sessions_on_one_file_do_not_collide() -> None:
    with terminal("run", "t.txt", *CELL, "--plain") as first, terminal("run", "t.txt", *CELL, "--plain") as second:
        for child, line in ((first, "remove 0"), (second, "remove 1")):
            child.expect_exact("(ltui) ")
            child.sendline(line)
        until(lambda: kept("remove 0\n") and kept("remove 1\n"))
        first.sendline("save work.ltui")
        first.expect_exact("written to work.ltui")
        second.sendline("save work.ltui")
        second.expect_exact("work.ltui: is there already; to put this in its place: save-session work.ltui over")
        second.sendline("save other.ltui")
        second.expect_exact("written to other.ltui")
        first.sendline("remove 0")
        first.sendline("save work.ltui")
        first.expect_exact("written to work.ltui")
        first.sendline("quit")
        first.expect(pexpect.EOF)
        assert not kept("remove 0\n")
        assert kept("remove 1\n")
        second.sendline("quit")
        second.expect(pexpect.EOF)
    assert list(journal_folder().iterdir()) == []


def test_a_session_that_another_has_saved_meanwhile_is_not_written_over(capsys: pytest.CaptureFixture[str]) -> None:
    Path("make.ltui").write_text("remove 0\nsave work.ltui\n")
    assert main(["run", "t.txt", *CELL, "--batch", "-x", "make.ltui"]) == 0
    with Path("work.ltui").open("a") as file:
        file.write("# someone's note\n")
    Path("again.ltui").write_text("remove 0\nsave work.ltui\n")
    assert main(["open", "work.ltui", "--batch", "-x", "again.ltui"]) == 0
    assert "# someone's note" not in Path("work.ltui").read_text()
    capsys.readouterr()
    script = "save work.ltui over\nbranch x\nsave work.ltui\n"
    Path("twice.ltui").write_text(script)
    assert main(["run", "t.txt", *CELL, "--batch", "-x", "twice.ltui"]) == 0


def test_a_session_is_opened_whatever_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("make.ltui").write_text("remove 0\nsave work.session\n")
    Path("ask.ltui").write_text("edits\n")
    assert main(["run", "t.txt", *CELL, "--batch", "-x", "make.ltui"]) == 0
    capsys.readouterr()
    assert main(["open", "work.session", "--batch", "-x", "ask.ltui"]) == 0
    assert "work.session resumed: 1 edit, 0 stops" in capsys.readouterr().out


@pytest.mark.long
def test_thrown_away_and_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        with terminal("run", "t.txt", *CELL, "--plain") as child:
            child.expect_exact("(ltui) ")
            child.sendline(f"remove {number}")
            until(partial(kept, f"remove {number}\n"))
            child.kill(signal.SIGKILL)
            child.expect(pexpect.EOF)
    assert main(["recover", "3"]) == 1
    assert "there is no interrupted work 3" in capsys.readouterr().err
    assert main(["recover", "1", "--forget"]) == 0
    assert kept("remove 0\n")
    assert not kept("remove 1\n")
    assert main(["recover", "--forget"]) == 0
    assert capsys.readouterr().out == "1 thrown away\n1 thrown away\n"
    assert list(journal_folder().iterdir()) == []
