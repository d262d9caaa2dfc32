"""The main screen holds its controllers: each row of the table of commands names what does it, and none needs a run."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
from driven_screen import Driver, drive, three_lines
from parsed import tree_of
from test_screen_stream import Piped, follow
from textual.actions import parse

import lstm_tui.tui.controllers
from lstm_tui.debugger.source import LineRuns
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.canvas.palette import UNICODE
from lstm_tui.tui.commands import COMMANDS, Command, command_of
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import EMPTY


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


CONTROLLERS = sorted(Path(lstm_tui.tui.controllers.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.key)
def test_a_command_names_what_does_it(command: Command) -> None:
    controller, method, values = parse(command.action)
    if controller == "app":
        assert callable(getattr(LstmApp, f"action_{method}"))
        return
    screen = MainScreen(LineRuns(three_lines()), UNICODE, False)
    act = getattr(getattr(screen, controller), method)
    inspect.signature(act).bind(*values)
    assert type(getattr(screen, controller)).__module__ == f"lstm_tui.tui.controllers.{controller}"


def test_keys_are_bound_by_the_table_alone() -> None:
    keys = [binding.key for binding in MainScreen.BINDINGS]  # type: ignore[union-attr]
    assert sorted(keys) == sorted([*(key for command in COMMANDS for key in command.keys), "escape"])
    assert all(command_of(key) is command for command in COMMANDS for key in command.keys)


@pytest.mark.parametrize("path", CONTROLLERS, ids=lambda path: path.stem)
def test_a_controller_reaches_no_private_part_of_another_and_inherits_from_none(path: Path) -> None:
    tree = tree_of(path)
    reached = [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and is_private(node.attr) and ast.unparse(node.value) != "self"
    ]
    assert reached == []
    bases = {ast.unparse(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}
    assert bases <= {"Protocol"}


def test_the_empty_view_has_no_pass_and_no_token() -> None:
    assert EMPTY.is_empty
    assert EMPTY.but(said="something").is_empty
    assert (len(EMPTY.trace), EMPTY.facts.length, EMPTY.edits) == (0, 0, 0)
    assert EMPTY.baseline is None
    assert EMPTY.sides() == ("", None)
    assert (EMPTY.stops, EMPTY.live, EMPTY.stopped) == (None, None, None)


async def state(driver: Driver) -> tuple[Any, ...]:
    await driver.pilot.pause()
    screen = driver.screen
    return screen.view, screen.shown, screen.classes, screen.steps.is_playing, len(driver.app._notifications)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
def test_a_screen_that_waits_shows_the_empty_view_and_its_keys_do_nothing(size: tuple[int, int]) -> None:
    source = Piped()

    async def act(driver: Driver) -> None:
        was = await state(driver)
        assert was[0] is EMPTY
        for command in COMMANDS:
            for key in () if command.always else command.keys:
                await driver.press(key)
                assert driver.app.screen_stack == [driver.screen], key
                assert await state(driver) == was, key
        await driver.press("escape")
        for pane in driver.screen.query(Pane):
            assert not pane.text().strip(), pane.id
        assert "waits for text" in driver.line("header")
        assert driver.line("footer").split() == ["?", "help", "q", "quit"]
        await driver.press("question_mark")
        assert len(driver.app.screen_stack) == 2
        await driver.press("escape")
        source.write("The plot ")
        await driver.until(lambda: driver.screen.view.t == 1)
        await driver.press("N")
        assert driver.view.t == 0

    follow(act, source, size=size)


def test_what_needs_no_run_is_little() -> None:
    assert {command.name for command in COMMANDS if command.always} == {
        "app.picture", "app.tour", "app.quit", "dialogs.help",
    }  # fmt: skip


def test_a_reply_is_told_once_its_change_is_shown() -> None:
    async def act(driver: Driver) -> None:
        told: list[str] = []

        def done() -> None:
            told.append(driver.view.said)

        error = driver.screen.changes.change(lambda session: (session.goto(2).token,), done=done)
        assert not error
        assert told == [driver.view.trace.sequence.tokens[2]]
        assert driver.view.t == 2

    drive(act)
