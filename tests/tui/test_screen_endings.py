"""Whatever ends the screen but `quit`: it is gone in time, by the right code, and what was typed is kept."""

from __future__ import annotations

import random
import signal
from pathlib import Path
from typing import Any

import pytest
from attack.ends import Figures, _inputs, commands, ends, states, try_end
from driven_screen import Driver, drive
from registries import sampled
from textual.app import ComposeResult
from textual.events import Key
from textual.screen import Screen

from lstm_tui.cli.arguments import command_names
from lstm_tui.debugger.endings import SIGNALS
from lstm_tui.tui.commands import COMMANDS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ends")
    _inputs(folder)
    return folder


@pytest.mark.long
@pytest.mark.parametrize("end", sampled(["SIGTERM", "SIGINT", "closed", "SIGQUIT", "SIGKILL"], 4))
def test_the_work_on_the_screen_is_kept(folder: Path, end: str) -> None:
    assert try_end(states()["first frame"], end, 0.0, folder, Figures()) == ""


@pytest.mark.parametrize("end", sampled(["SIGINT", "SIGTERM", "closed", "SIGHUP"], 2))
def test_the_work_of_a_plain_session_is_kept(folder: Path, end: str) -> None:
    assert try_end(states()["plain"], end, 0.0, folder, Figures()) == ""


@pytest.mark.parametrize("number", sampled(range(8), 4))
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


_OPENED = ("E", "colon", "b", "T")
"""Keys that are tried each time; all others, too, among the slow tests."""


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(command, marks=() if command.keys[0] in _OPENED else pytest.mark.slow, id=command.keys[0])
        for command in COMMANDS
    ],
)
def test_an_end_while_a_screen_is_being_opened_is_no_traceback(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a key opens is half made at an end that comes then: nothing is mounted in it any more."""

    async def act(driver: Driver) -> None:
        push = driver.app.push_screen

        def pushed(screen: Screen[Any], *others: Any, **more: Any) -> Any:
            compose = screen.compose

            def composed() -> ComposeResult:
                driver.app.exit(143)
                return compose()

            monkeypatch.setattr(screen, "compose", composed)
            return push(screen, *others, **more)

        monkeypatch.setattr(driver.app, "push_screen", pushed)
        await driver.app.on_event(Key(command.keys[0], command.keys[0] if len(command.keys[0]) == 1 else None))
        while not (driver.app.keys.has_acted() or driver.app._exit):
            await driver.pilot.pause(0.002)

    drive(act)  # which raises what the app ended with
