"""The causal map on the screen: its numbers are those of the answer, and one key makes a cell an edit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from driven_screen import Driver, drive

from lstm_tui.analysis.interchange import number_in
from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.inspect.causes import CausalQuestion
from lstm_tui.debugger.source import Source
from lstm_tui.engine.number_text import compact
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.prompts.edit import CommandPrompt
from lstm_tui.tui.views.analysis_screen import AnalysisScreen
from lstm_tui.tui.views.causes import CausesPicture

SOURCE = Source.of_input(open_model("tiny"), text_from("on wait off wait\noff wait wait wait\n"))
ASKED = "trace-cause c[1] @ 3 from line 2"


async def opened(driver: Driver) -> CausesPicture:
    """Ask the question, open its map and wait until all of it is there."""
    answer(driver.screen.run.session, ASKED)
    await driver.press("Y")
    picture = await driver.answered()
    assert isinstance(picture, CausesPicture)
    return picture


def rows(driver: Driver, picture: CausesPicture) -> list[list[str]]:
    """Return the numbers of the map as they are drawn, row by row."""
    lines = driver.text().splitlines()
    head = next(n for n, line in enumerate(lines) if re.search(r"token .*\bf .*\bC ", line))
    drawn = lines[head + 1 : head + 1 + len(picture.places)]
    return [re.findall(r"(?<![\w])[~+-]*\d*\.?\d+(?!\w)", line)[1 : 1 + len(picture.chosen)] for line in drawn]


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24)])
def test_every_cell_is_the_part_of_the_way_that_its_interchange_goes(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        picture = await opened(driver)
        assert picture.found is not None
        ways = picture.found.carried[:, list(picture.chosen)]
        drawn = rows(driver, picture)
        for texts, numbers in zip(drawn, ways, strict=True):
            assert texts == [compact(float(number), 7, True, places=2) for number in numbers]

    drive(act, SOURCE, size=size)


def test_a_key_on_a_cell_makes_its_branch_of_the_state_that_was_asked() -> None:
    async def act(driver: Driver) -> None:
        picture = await opened(driver)
        question: CausalQuestion = picture.question
        session, made = driver.screen.run.session, dict[int, tuple[str, ...]]()
        for keys in (("k",), ("k", "k", "h")):
            if made:
                await driver.press("Y")
                await driver.answered()
            await driver.press(*keys)
            chosen = driver.on_top(AnalysisScreen).picture
            await driver.press("enter")
            driver.on_top(MainScreen)
            await driver.until(lambda: len(session.history.states) == len(made) + 1)
            row, column = chosen.t - chosen.places.start, chosen.found.columns.index(chosen.under)
            assert number_in(session.frame.trace, question.target) == chosen.found.numbers[row, column]
            made[session.history.here] = session.history.lines
        assert [len(lines) for lines in made.values()] == [1, 1], "each begins at the state that was asked about"

    drive(act, SOURCE)


def test_the_units_of_a_cell_are_asked_by_a_key() -> None:
    async def act(driver: Driver) -> None:
        await opened(driver)
        await driver.press("h", "u")
        screen = driver.on_top(AnalysisScreen)
        await driver.answered()
        numbers = screen.picture.units[screen.picture.asked]
        assert np.isfinite(numbers).all()
        assert "units of g" in driver.text()

    drive(act, SOURCE)


def test_where_nothing_was_asked_the_question_is_begun_to_be_typed() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("Y")
        assert driver.on_top(CommandPrompt)
        assert "trace-cause" in driver.text()

    drive(act, SOURCE)


def test_the_cursor_stands_at_the_nearest_token_that_is_interchanged() -> None:
    async def act(driver: Driver) -> None:
        picture = await opened(driver)
        assert len(picture.places) > 1
        for cursor in range(-2, picture.places.stop + 3):
            nearest = min(picture.places, key=lambda t: abs(t - cursor))
            assert picture.but(cursor=cursor).t == nearest, cursor

    drive(act, SOURCE)
