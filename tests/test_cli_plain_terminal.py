"""The plain session in a real terminal: a prompt, the tab key, an empty line that steps again, Ctrl-C, the end."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import lstm_tui

if TYPE_CHECKING:
    from pexpect import spawn

pexpect = pytest.importorskip("pexpect", reason="needs a pseudo-terminal")
PROMPT = r"\(ltui\) "


def plain_session(folder: Path) -> spawn:
    """Start a session line by line in a terminal, with a history of its own in the folder."""
    (folder / "t.txt").write_text("The movie was not bad.\n")
    environment = {
        **os.environ, "PYTHONPATH": str(Path(lstm_tui.__file__).parent.parent), "TERM": "dumb",
        "XDG_STATE_HOME": str(folder / "state"),
    }  # fmt: skip
    child = pexpect.spawn(
        sys.executable, ["-m", "lstm_tui", "run", "t.txt", "--plain", "--cell", "lstm", "--hidden", "4"],
        env=environment, cwd=str(folder), encoding="utf-8", timeout=60, dimensions=(24, 100),
    )  # fmt: skip
    child.delaybeforesend = 0
    return child


def test_a_plain_session_is_typed_in_a_terminal(tmp_path: Path) -> None:
    child = plain_session(tmp_path)
    try:
        child.expect(PROMPT)
        child.sendline("n")
        child.expect(r"t=1 “movie”, layer0\.forward\r\n" + PROMPT)
        child.sendline("")
        child.expect(r"t=2 “was”, layer0\.forward\r\n" + PROMPT)
        child.send("p nor\t")
        child.expect(r"norm\(")
        child.sendline("h)")
        child.expect(r"norm\(h\) = 0\.\d+\r\n" + PROMPT)
        child.sendintr()
        child.expect("interrupted; `quit` leaves\r\n" + PROMPT)
        child.sendline("p t")
        child.expect("t = 2\r\n" + PROMPT)
        child.sendeof()
        child.expect(pexpect.EOF)
        assert "\x1b[" not in child.before
    finally:
        child.close(force=True)
    assert child.exitstatus == 0


@pytest.mark.long
def test_lines_typed_before_are_there_at_the_next_start(tmp_path: Path) -> None:
    pytest.importorskip("readline", reason="this Python reads lines without it")
    for keys in ("whatis c\n", "\x10\n"):  # ctrl-p: the line before
        child = plain_session(tmp_path)
        try:
            child.expect(PROMPT)
            child.send(keys)
            child.expect("layer0.forward.c: 4 units")
            child.expect(PROMPT)  # what is sent before the line is read again may be lost
            child.sendeof()
            child.expect(pexpect.EOF)
        finally:
            child.close(force=True)
    assert (tmp_path / "state" / "lstm-tui" / "history").read_text() == "whatis c\n"


def test_the_tab_key_completes_values_and_tokens_in_their_place(tmp_path: Path) -> None:
    pytest.importorskip("readline", reason="this Python reads lines without it")
    child = plain_session(tmp_path)
    try:
        for keys, said in (
            ('break "mov\t\n', 'breakpoint 1: token == "movie"'),
            ("  print 1 + toke\t\n", "1 + token"),
            ("undispl\t\n", "displays"),
        ):
            child.expect(PROMPT)
            child.send(keys)
            child.expect_exact(said)
    finally:
        child.close(force=True)
