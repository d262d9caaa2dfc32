"""A page with a long answer: the next line is typed over it, and one that is being typed is not covered."""

from __future__ import annotations

import pytest
from driven_screen import Driver, drive
from present import present

from lstm_tui.tui.prompts.edit import CommandPrompt
from lstm_tui.tui.views.page import PageScreen


@pytest.mark.long
def test_a_colon_in_a_page_types_the_next_line() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("colon", *"info", "space", *"break", "enter")
        await driver.press("colon", *"help", "enter")
        assert isinstance(driver.app.screen, PageScreen)
        await driver.press("colon", *"break", "space", "3")
        assert isinstance(driver.app.screen, CommandPrompt)
        assert driver.app.screen.line.value == "break 3"
        await driver.press("enter")
        assert driver.app.screen is driver.screen
        assert driver.view.said.startswith("breakpoint 1: t == 3")

    drive(act)


@pytest.mark.long
def test_enter_goes_where_who_found_it_and_escape_stays() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("G", "colon", *"who", "space", *"c[1]", "enter")
        assert "enter goes there" in driver.text()
        found = driver.screen.run.session.stops.found
        assert found is not None
        await driver.press("escape")
        assert driver.view.t == 4
        await driver.press("colon", *"who", "space", *"c[1]", "enter", "enter")
        assert driver.app.screen is driver.screen
        assert (driver.view.t, present(driver.view.frame.equation).name) == (found.t, "c")
        assert (driver.view.unit, driver.view.value) == (1, "c")
        await driver.press("colon", *"help", "enter")
        assert "enter goes there" not in driver.text()

    drive(act)


def test_keys_sent_at_once_all_reach_the_line() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("question_mark")
        await driver.pilot.press("colon", *"goto", "space", "2", "enter")
        await driver.pilot.pause()
        assert driver.app.screen is driver.screen
        assert driver.view.t == 2

    drive(act)


def test_an_answer_that_comes_late_waits_for_the_line_that_is_typed() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("colon", "b")
        driver.screen.replies.tell("help", ("one", "two"))
        await driver.press("r")
        assert isinstance(driver.app.screen, CommandPrompt)
        assert driver.app.screen.line.value == "br"
        await driver.press("escape")
        assert isinstance(driver.app.screen, PageScreen)
        assert "two" in driver.text()
        await driver.press("escape")
        assert driver.app.screen is driver.screen

    drive(act)
