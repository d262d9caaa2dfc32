"""Clicks become messages of the panes, and the screen answers them."""

from __future__ import annotations

import pytest
from driven_screen import Driver, drive
from textual.widgets import Input, OptionList

from lstm_tui.tui.panes.pane import Pane


def place_of(pane: Pane, text: str) -> tuple[int, int]:
    """Return where a text begins in a pane."""
    for y, line in enumerate(pane.text().split("\n")):
        if text in line:
            return line.index(text), y
    raise AssertionError(f"{text!r} is not in\n{pane.text()}")


def test_a_click_on_a_token_goes_there() -> None:
    async def act(driver: Driver) -> None:
        await driver.pilot.click("#tape", offset=place_of(driver.pane("tape"), "not"))
        await driver.pilot.pause()
        assert driver.view.t == 3

    drive(act)


def test_a_click_on_a_unit_of_the_other_table_selects_unit_value_and_pass() -> None:
    async def act(driver: Driver) -> None:
        unit = int(driver.view.ranking("layer0.backward")[3])
        await driver.pilot.click("#backward", offset=(20, 5))
        await driver.pilot.pause()
        assert (driver.view.pass_name, driver.view.unit, driver.view.value) == ("layer0.backward", unit, "i")

    drive(act)


def test_a_click_on_the_map_looks_there_without_going() -> None:
    async def act(driver: Driver) -> None:
        unit = int(driver.view.ranking("layer0.forward")[4])
        x, _ = place_of(driver.pane("memory"), "was")
        await driver.pilot.click("#memory", offset=(x, 6))
        await driver.pilot.pause()
        assert (driver.view.t, driver.view.place, driver.view.unit) == (0, 2, unit)

    drive(act)


def test_a_click_on_the_footer_is_the_command() -> None:
    async def act(driver: Driver) -> None:
        await driver.pilot.click("#footer", offset=(driver.line("footer").index("token"), 0))
        await driver.pilot.pause()
        assert driver.view.t == 1

    drive(act)


def test_a_click_on_a_tab_shows_the_pane() -> None:
    async def act(driver: Driver) -> None:
        await driver.pilot.click("#tabs", offset=(driver.line("tabs").index("memory"), 0))
        await driver.pilot.pause()
        assert driver.pane("memory").display
        assert not driver.pane("forward").display

    drive(act, size=(80, 24))


@pytest.mark.slow
def test_a_click_on_a_row_of_a_list_does_what_enter_does_there() -> None:
    async def clicked(driver: Driver, row: int) -> None:
        await driver.pilot.click(OptionList, offset=(8, row))
        await driver.pilot.pause()

    async def act(driver: Driver) -> None:
        for line in ("remove 0", "break mean(f) > .9", "break mean(f) > .8", "remove 0"):
            await driver.press("colon", *line, "enter")
        await driver.press("u")
        assert "2 of 2 edits in force" in driver.text()
        await clicked(driver, 1)
        assert driver.view.trace.edits == ("remove 0",)
        await driver.press("escape", "B")
        await clicked(driver, 1)
        assert driver.app.screen.query_one(Input).value == "mean(f) > .8"

    drive(act)
