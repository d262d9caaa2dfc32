"""The list of breakpoints, watches and displays: what is there, and every change in place."""

from __future__ import annotations

import pytest
from driven_screen import Driver, drive

from lstm_tui.tui.prompts.lists import StopList


async def typed(driver: Driver, line: str) -> None:
    await driver.press("colon", *line, "enter")


def row(driver: Driver, word: str) -> str:
    return next((line for line in driver.text().splitlines() if word in line and "╭" not in line), "")


@pytest.mark.slow
def test_everything_is_listed_and_changed_in_place() -> None:
    async def act(driver: Driver) -> None:
        session = driver.screen.run.session
        assert session is not None
        for line in ("break mean(f) > .01", "watch c[2] by .1", "display mean(h)"):
            await typed(driver, line)
        await driver.press("c", "B")
        driver.on_top(StopList)
        assert "2 breakpoints, 1 display" in driver.text()
        assert "hit 1" in row(driver, "break    mean(f)")
        assert "watch    c[2] by .1" in row(driver, "watch    ")
        assert "mean(h)" in row(driver, "display  ")
        await driver.press("space")
        assert "(off)" in row(driver, "break    mean(f)")
        assert not session.breakpoints[1].enabled
        await driver.press("space", "i")
        await driver.press("backspace", "4", "enter")
        assert "ignores the next 4" in row(driver, "break    mean(f)")
        await driver.press("e")
        await driver.press("backspace", "2", "enter")
        assert "mean(f) > .02" in row(driver, "break    ")
        assert session.breakpoints[1].ignore == 4
        await driver.press("e", *" +", "enter")  # wrong: it is said, and nothing is lost
        assert session.breakpoints[1].trigger.text == "mean(f) > .02"
        assert driver.app.screen is not driver.screen
        await driver.press("escape", "j", "d")
        assert [one.number for one in session.breakpoints] == [1]
        await driver.press("e")
        await driver.press(*("backspace",) * 2, *"c)", "enter")
        assert [one.expression.text.strip() for one in session.displays] == ["mean(c)"]
        await driver.press("b", "3", "enter", "w", *"norm(h)", "enter")
        assert [one.word for one in session.breakpoints] == ["breakpoint", "breakpoint", "watch"]
        await driver.press("escape")
        assert driver.app.screen is driver.screen

    drive(act)


def test_an_empty_list_says_how_to_begin() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("B")
        assert "nothing yet" in driver.text()
        await driver.press("d", "e", "space", "i", "q")
        assert driver.app.screen is driver.screen

    drive(act, size=(80, 24))
