"""No key of the table is dead in a view: it does something there, or a line says whose key it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from driven_screen import Driver, drive, network, sequences

from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.inspect.lockstep import Lockstep
from lstm_tui.engine.runtime.run import run
from lstm_tui.tui import keymap, view_keys
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.commands import COMMANDS, Command, said_of_key
from lstm_tui.tui.view_keys import VIEW_KEYS
from lstm_tui.tui.views.compare import CompareApp
from lstm_tui.tui.views.lockstep import LockstepApp
from lstm_tui.tui.views.page import PageScreen

ABOVE = {
    "attribution": "r", "curves": "V", "edits": "u", "fixed-points": "J", "gradients": "R", "health": "H", "page": "p",
    "stops": "B", "text-by-unit": "U", "weights": "W",
}  # fmt: skip
"""Views that a key of the main screen opens, with that key."""
CURSOR = ("up", "down", "left", "right")
EVERYWHERE = {name for key in view_keys._EVERYWHERE for name in view_keys._names(key)}


def known(view: str) -> set[str]:
    return {name for key in VIEW_KEYS[view] for name in view_keys._names(key)} | {*CURSOR, "P", "shift+p"}


def foreign(view: str) -> list[Command]:
    """Return the commands that a view has no key for."""
    return [one for one in COMMANDS if not known(view) & {*one.keys}]


def told(app: LstmApp) -> list[str]:
    return [one.message for one in app._notifications]


async def each_is_told(app: LstmApp, view: str, press: Callable[[str], Awaitable[None]]) -> None:
    """Press every key that a view does not know; each is said to be another screen's, and does nothing else."""
    screen = app.screen
    for command in foreign(view):
        key = command.keys[0]
        if key in EVERYWHERE and not (key == "colon" and not app._main_screens()):
            continue
        app.clear_notifications()
        await press(key)
        assert app.screen is screen, key
        (line,) = told(app)
        assert line == said_of_key(key, alone=not app._main_screens())
        assert line.startswith(f"{command.key} ({command.word}) is a key of ")


@pytest.mark.parametrize("view", VIEW_KEYS)
def test_every_key_of_the_table_is_known_to_a_view_or_has_a_line(view: str) -> None:
    assert foreign(view)
    for command in COMMANDS:
        for key in command.keys:
            assert key in known(view) | EVERYWHERE or command.word in said_of_key(key, alone=False)


@pytest.mark.slow
@pytest.mark.parametrize("view", ABOVE)
def test_a_key_that_a_view_does_not_know_is_said_to_be_the_main_screens(view: str) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", ABOVE[view])
        assert getattr(driver.app.screen, "view_name", "") == view
        before = driver.view
        await each_is_told(driver.app, view, driver.press)
        assert driver.view is before

    drive(act)


def alone(app: LstmApp, view: str) -> None:
    async def go() -> None:
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.pause()

            async def press(key: str) -> None:
                await pilot.press(key)

            await each_is_told(app, view, press)
            await pilot.press("K")
            page = app.screen
            assert isinstance(page, PageScreen)
            assert len(page._lines) > 3

    asyncio.run(go())


@pytest.mark.slow
def test_two_runs_and_lanes_say_that_a_key_is_of_one_run() -> None:
    runs = [run(network(), sequences()[0]), run(network("gru"), sequences()[0])]
    alone(CompareApp(Comparison.of(runs[0], runs[1], ("a", "b")), few_colours=False), "compare")
    alone(LockstepApp(Lockstep(runs, ("a", "b")), few_colours=False), "lockstep")


def test_a_key_that_is_held_down_is_said_once_and_one_of_no_table_never() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("W", "D", "D", "D", "f9")
        assert told(driver.app) == [said_of_key("D", alone=False)]
        await driver.press("M")
        assert len(told(driver.app)) == 2
        await driver.press("escape", "D")  # which the main screen knows
        assert len(told(driver.app)) == 2

    drive(act)


def test_a_key_that_the_user_has_taken_from_a_view_is_said_too() -> None:
    before = dict(keymap.chosen)

    async def act(driver: Driver) -> None:
        keymap.choose({"weights.o": ("f7",)})
        view_keys._in_force.cache_clear()
        await driver.press("W", "o")
        assert told(driver.app) == [said_of_key("o", alone=False)]

    try:
        drive(act)
    finally:
        keymap.choose(before)
        view_keys._in_force.cache_clear()
