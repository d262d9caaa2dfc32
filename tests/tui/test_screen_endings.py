"""Whatever ends the screen but `quit`: it is gone in time, by the right code, and what was typed is kept."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest
from attack.ends import Figures, _inputs, commands, ends, states, try_end

from lstm_tui.cli.arguments import command_names
from lstm_tui.debugger.endings import SIGNALS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ends")
    _inputs(folder)
    return folder


@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM", "SIGQUIT", "closed", "SIGKILL"])
def test_the_work_on_the_screen_is_kept(folder: Path, end: str) -> None:
    assert try_end(states()["first frame"], end, 0.0, folder, Figures()) == ""


@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM", "SIGHUP", "closed"])
def test_the_work_of_a_plain_session_is_kept(folder: Path, end: str) -> None:
    assert try_end(states()["plain"], end, 0.0, folder, Figures()) == ""


@pytest.mark.parametrize("number", range(8))
def test_a_terminal_that_goes_away_early_leaves_no_process(folder: Path, number: int) -> None:
    delay = random.Random(number).uniform(0.05, 1.6)
    assert try_end(states()["start-up"], "closed", delay, folder, Figures()) == ""


@pytest.mark.slow
@pytest.mark.parametrize("end", ends())
@pytest.mark.parametrize(
    "state", ["start-up", "in a prompt", "numba compiles", "command trace", "serve", "train, compiling"]
)
def test_every_end_in_every_kind_of_state(folder: Path, state: str, end: str) -> None:
    assert try_end(states()[state], end, 0.8, folder, Figures()) == ""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["SIGINT", "SIGTERM", "SIGHUP"])
@pytest.mark.parametrize("command", command_names())
def test_every_command_is_gone_in_time_and_leaves_no_half_file(folder: Path, command: str, end: str) -> None:
    assert try_end(commands()[command], end, 0.8, folder, Figures()) == ""


def test_every_command_is_ended_in_the_midst_of_something() -> None:
    assert set(commands()) == set(command_names())


def test_every_end_that_can_be_handled_is_one() -> None:
    """Of the signals whose default is to end a program, those are left that end it where it stands or dump it."""
    ignored = {"SIGCHLD", "SIGCLD", "SIGCONT", "SIGURG", "SIGWINCH", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGSTOP"}
    faults = {"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP", "SIGIOT"}
    other = {"SIGKILL", "SIGPIPE", "SIGXFSZ", "SIGRTMIN", "SIGRTMAX"}  # Python ignores two of them itself
    names = {one.name for one in signal.Signals} - ignored - faults - other
    assert {number.name for number in SIGNALS} >= names - {"SIGEMT", "SIGINFO"}
