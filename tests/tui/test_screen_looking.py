"""Where a cell looks, on the screen: each number is that of the answer, and a cell leads to its equation or its pin."""

from __future__ import annotations

import re

import numpy as np
import pytest
from driven_screen import Driver, drive
from table_reader import table_network
from textual.widgets import Input

from lstm_tui.analysis.attention import looking_of
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.number_text import compact
from lstm_tui.formats.inputs.samples import samples_folder
from lstm_tui.formats.inputs.text_input import text_from
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.canvas.palette import DARK, LIGHT, UNICODE, palette_of
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.prompts.edit import CommandPrompt
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import AnalysisScreen, KeyLine
from lstm_tui.tui.views.attention import AttentionPicture, draw_attention

SOURCE = Source.of_input(open_model("numbers"), text_from("four hundred and seven"))


async def opened(driver: Driver) -> AttentionPicture:
    """Open the map and wait until all of it is there."""
    await driver.press("O")
    screen = driver.on_top(AnalysisScreen)
    await driver.until(lambda: not screen.picture.working)
    picture = screen.picture
    assert isinstance(picture, AttentionPicture)
    return picture


def rows(driver: Driver, head: str, count: int) -> list[list[str]]:
    """Return the numbers of a map as they are drawn, row by row."""
    lines = driver.text().splitlines()
    start = next(n for n, line in enumerate(lines) if head in line)
    return [re.findall(r"~?[+-][\d.]+", line) for line in lines[start + 1 : start + 1 + count]]


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24)])
def test_every_cell_is_the_number_of_the_answer(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        picture = await opened(driver)
        assert picture.found is not None
        assert picture.alone is not None
        for head, values in (("a: looked at", picture.found.weights), ("left out alone", picture.alone)):
            drawn = rows(driver, head, len(picture.found.steps))
            for texts, numbers in zip(drawn, values, strict=True):
                assert texts == [compact(float(number), 7, True, places=2) for number in numbers]
        assert "attention shows where the step looked" in driver.text()

    drive(act, SOURCE, size=size)


def test_a_cell_leads_to_its_equation_at_that_step_and_to_its_pin() -> None:
    async def act(driver: Driver) -> None:
        picture = await opened(driver)
        assert picture.found is not None
        await driver.press("j", "l")
        picture = driver.on_top(AnalysisScreen).picture
        await driver.press("enter")
        driver.on_top(MainScreen)
        view = driver.view
        assert (view.t, view.pass_name, view.value, view.unit) == (picture.t, "layer1.forward", "a", picture.column)
        await opened(driver)
        await driver.press("e")
        line = driver.on_top(CommandPrompt).query_one(Input).value
        assert re.fullmatch(r"set layer1\.forward\.e\[\d+\] @ \d+ = 10000", line)
        await driver.press("enter")
        driver.on_top(MainScreen)
        await driver.until(lambda: len(driver.screen.run.session.history.edits) == 1)
        number, t = (int(one) for one in re.findall(r"\d+", line)[1:3])
        assert driver.view.trace["layer1.forward"]["a"][t, number] == 1

    drive(act, SOURCE)


def test_where_nothing_is_looked_at_it_says_so_and_is_left() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("O")
        screen = driver.on_top(AnalysisScreen)
        assert "no equation reads the rows of a matrix" in screen.picture.problem
        await driver.press("j", "l", "enter", "e", "s")
        assert driver.on_top(AnalysisScreen) is screen
        assert screen.query_one(KeyLine).render_line(0).text.rstrip().endswith("? keys  esc back")
        await driver.press("O")
        driver.on_top(MainScreen)

    drive(act)


def test_a_number_that_is_not_known_is_shown_as_such() -> None:
    network = open_model("numbers").copy()
    network.tensors()["layer1.forward/v_a"][0] = np.nan

    async def act(driver: Driver) -> None:
        picture = await opened(driver)
        assert picture.found is not None
        assert np.isnan(picture.found.weights).all()
        assert driver.screen.run.palette.glyphs.nan in driver.text()
        assert "not known" in driver.text()

    drive(act, Source.of_input(network, text_from("four hundred and seven = 4 0 7 .")))


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24)])
@pytest.mark.parametrize("light", [False, True])
def test_the_regions_of_a_picture_are_lit_as_they_lie(size: tuple[int, int], light: bool) -> None:
    """A picture is drawn as it lies, each region with its sign and the part of the attention that it has."""
    network = open_model("picture")
    text = (samples_folder() / "picture.txt").read_text("utf-8").splitlines()[0]
    session = Session.open(Source.of_input(network, text_from(text)))
    trace, frame = session.frame.trace, session.goto(17)
    palette = palette_of((LIGHT if light else DARK).variables, UNICODE, False)
    view = View(frame, Facts(trace), value=frame.passed.cell.values[0])
    found = looking_of(trace)
    for t in found.steps:
        for column in (0, 5, 15):
            picture = AttentionPicture(view, found=found, cursor=t, column=column, working=False)
            lines = draw_attention(picture, *size, palette).text().splitlines()
            start = next(n for n, line in enumerate(lines) if "looked at for" in line)
            signs, numbers = [], []
            for line in lines[start + 1 : start + 5]:
                signs += re.findall(r"[·▘▝▀▖▌▞▛▗▚▐▜▄▙▟█](?=\s*~?[+-])", line)
                numbers += re.findall(r"~?[+-][\d.]+", line)
            assert signs == list(trace.sequence.tokens[:16])
            drawn = lines[0].split()[3:]
            sight = re.search(r"places (\d+)–(\d+) of 16", draw_attention(picture, *size, palette).note)
            first, last = (int(sight[1]), int(sight[2])) if sight is not None else (1, 16)
            assert drawn == list(trace.sequence.tokens[first - 1 : last])  # what is out of sight is said to be
            assert numbers == [compact(float(one), 7, True, places=2) for one in found.weights[t - found.steps.start]]


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
def test_a_table_of_the_network_is_drawn_by_the_numbers_of_its_columns(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        picture = await opened(driver)
        found = picture.found
        assert found is not None
        drawn = rows(driver, "a: looked at", len(found.steps))
        for texts, numbers in zip(drawn, found.weights, strict=True):
            assert texts == [compact(float(number), 7, True, places=2) for number in numbers]
        text = driver.text()
        assert "z = M_t@a" in text
        assert all(f"[{n}]" in text for n in found.rows)

    drive(act, Source.of_input(table_network(), text_from("a b c a b")), size=size)
