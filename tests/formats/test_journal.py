"""Journals: held while their program lives, free when it was interrupted, and resumed by one program alone."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_tui.engine import setbacks
from lstm_tui.formats.io.command_history import Past
from lstm_tui.formats.io.files import SCRIPT_BYTES
from lstm_tui.formats.io.journal import Journal, cut_off, journal_folder


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def begun() -> Journal:
    journal = Journal.begin()
    assert journal is not None
    return journal


HOLDS = """
import sys
from lstm_tui.formats.io.files import SCRIPT_BYTES
from lstm_tui.formats.io.journal import Journal, cut_off
journal = Journal.begin()
journal.write(["one", "two"])
print("written", flush=True)
sys.stdin.read()
"""


def test_the_work_of_a_killed_program_is_found_and_that_of_a_living_one_is_not() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDS], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline() == b"written\n"
        assert cut_off() == []
        assert len(list(journal_folder().glob("*.ltui"))) == 1
        program.send_signal(signal.SIGKILL)
        program.wait()
        (found,) = cut_off()
        assert found.read() == ("one", "two")
        assert found.age < 600
        assert cut_off() == []  # it is held now
        found.leave()
        (again,) = cut_off()
        again.forget()
    assert list(journal_folder().iterdir()) == []


def test_two_sessions_have_a_file_each_and_only_their_user_reads_them() -> None:
    first, second = begun(), begun()
    first.write(["a"])
    second.write(["b"])
    assert (first.read(), second.read()) == (("a",), ("b",))
    modes = {path.stat().st_mode & 0o777 for path in journal_folder().iterdir()}
    assert modes == {0o600}
    assert journal_folder().stat().st_mode & 0o777 == 0o700
    first.forget()
    assert second.read() == ("b",)
    second.leave()


def test_what_was_asked_for_last_stays_however_late_the_threads_are() -> None:
    journal = begun()
    early, late = journal.ask(), journal.ask()
    late(["new"])
    early(["old"])
    assert journal.read() == ("new",)
    waiting = journal.ask()
    journal.empty()
    waiting(["dropped"])
    assert journal.read() == ()
    waiting = journal.ask()
    journal.forget()
    waiting(["gone"])
    assert list(journal_folder().iterdir()) == []


def test_a_journal_that_is_forgotten_or_left_holds_no_file_open() -> None:
    before = set(os.listdir("/dev/fd"))
    for leaving in (Journal.forget, Journal.leave):
        journal = begun()
        assert len(os.listdir("/dev/fd")) > len(before)
        leaving(journal)
        assert len(os.listdir("/dev/fd")) == len(before)


def test_the_newest_comes_first() -> None:
    for number in range(3):
        journal = begun()
        journal.write([str(number)])
        os.utime(journal.path, (number + 1, number + 1))
        journal.leave()
    found = cut_off()
    assert [one.read() for one in found] == [("2",), ("1",), ("0",)]
    for one in found:
        one.forget()


def test_a_journal_that_is_too_large_or_gone_holds_nothing() -> None:
    journal = begun()
    journal.path.write_bytes(b"x" * (SCRIPT_BYTES + 1))
    assert journal.read() == ()
    journal.path.unlink()
    assert journal.read() == ()
    assert journal.age == 0.0
    journal.leave()
    assert list(journal_folder().iterdir()) == []


def test_where_nothing_can_be_kept_there_is_no_journal(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (state / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(state / "file"))
    assert Journal.begin() is None
    assert cut_off() == []


def refuse(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_journal_that_cannot_be_written_stays_whole_and_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    journal, said = begun(), list[str]()
    journal.write(["old"])
    with setbacks.told_by(said.append), monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        assert journal.ask()(["new"]) is False
        assert journal.ask()(["newer"]) is False
    assert journal.read() == ("old",)
    assert len(said) == 1
    assert "the journal of this session cannot be used" in said[0]
    assert "no space left on device" in said[0]
    assert journal.ask()(["newest"]) is True
    assert journal.read() == ("newest",)
    journal.forget()
    assert list(journal_folder().iterdir()) == []


@pytest.mark.parametrize("made", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_history_that_is_no_file_is_not_waited_for(state: Path, made: Callable[[Path], object]) -> None:
    (state / "lstm-tui").mkdir()
    made(state / "lstm-tui" / "history")
    said: list[str] = []
    with setbacks.told_by(said.append):
        past = Past.kept()
        past.add("next")
    assert past.lines == ["next"]
    assert len(said) == 1
    assert said[0].startswith("the history of typed lines cannot be used (")
