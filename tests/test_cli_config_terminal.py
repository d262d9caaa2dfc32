"""Keys of one's own, lines at the start and blocks of lines, in a real terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pexpect
import pytest
from pty_screen import ROOT, Screen

pytestmark = pytest.mark.slow
PROGRAM = [sys.executable, "-m", "lstm_tui"]
SMALL = ["--cell", "lstm", "--hidden", "4", "--interpreter", "numpy"]


def home_with(folder: Path, config: str = "", rc: str = "") -> dict[str, str]:
    """Return the variables of a home that holds these files."""
    (folder / "t.txt").write_text("the movie was not bad\n")
    (folder / "config.toml").write_text(config)
    if rc:
        (folder / ".ltuirc").write_text(rc)
    return {
        "HOME": str(folder), "XDG_STATE_HOME": str(folder / "state"), "LSTM_TUI_CONFIG": str(folder / "config.toml"),
    }  # fmt: skip


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
def test_a_key_of_ones_own_acts_and_is_shown_and_the_old_one_does_not(tmp_path: Path, size: tuple[int, int]) -> None:
    config = '[keys]\ntoken = "x"\nexport = "f5"\nhelp = "f1"\nquit = "ctrl+x"\n'
    screen = Screen([*PROGRAM, "run", "t.txt", *SMALL], size, str(tmp_path), **home_with(tmp_path, config))
    screen.until("t=0")
    screen.until("x/N token")
    screen.child.send("n")
    screen.child.send("x")
    screen.until("t=1")
    screen.child.send("\x1bOP")  # F1
    screen.until("In this pane")
    screen.child.send("\x1b")
    screen.until("In this pane", gone=True)
    screen.child.send("q")
    screen.child.send("x")
    screen.until("t=2")
    screen.child.send("\x18")
    assert screen.end() == 0
    screen.left_in_order()


def test_lines_of_the_home_stand_before_the_first_key_acts(tmp_path: Path) -> None:
    variables = home_with(tmp_path, rc="break 3\ndefine gates\nprint t + 1\nend\n")
    screen = Screen([*PROGRAM, "run", "t.txt", *SMALL], (120, 36), str(tmp_path), **variables)
    screen.child.send("c")
    screen.until("t=3")
    screen.child.send(":gates\r")
    screen.until("t + 1 = 4")
    screen.child.send("q")
    assert screen.end() == 0


def test_a_broken_config_file_is_told_and_the_screen_is_there(tmp_path: Path) -> None:
    screen = Screen(
        [*PROGRAM, "run", "t.txt", *SMALL], (120, 36), str(tmp_path), **home_with(tmp_path, "theme = \x1b[2J")
    )
    screen.until("t=0")
    screen.until("config.toml:1")
    screen.child.send("q")
    assert screen.end() == 0
    screen.left_in_order()


def test_a_block_has_a_prompt_of_its_own_and_ctrl_c_drops_it(tmp_path: Path) -> None:
    environment = {**os.environ, **home_with(tmp_path), "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    child = pexpect.spawn(
        PROGRAM[0], [*PROGRAM[1:], "run", "t.txt", "--plain", *SMALL], env=environment, cwd=str(tmp_path),
        encoding="utf-8", timeout=60, dimensions=(24, 100),
    )  # fmt: skip
    child.delaybeforesend = 0
    try:
        child.expect(r"\(ltui\) ")
        child.sendline("define gates")
        child.expect("\r\n > ")
        child.sendline("print t + 1")
        child.expect("\r\n > ")
        child.sendline("end")
        child.expect(r"`gates` is a word now, of 1 line\r\n\(ltui\) ")
        child.sendline("gates")
        child.expect(r"t \+ 1 = 1\r\n\(ltui\) ")
        child.sendline("commands")
        child.expect("there are no breakpoints")
        child.sendline("while 1 > 0")
        child.expect("\r\n > ")
        child.sendintr()
        child.expect(r"has no `end`: nothing of it is kept\r\n\(ltui\) ")
        child.sendline("quit")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0
