"""Breakpoints and watches by key: set, marked on the tape, gone to and back, told in the footer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from driven_screen import Driver, drive, three_lines
from hypothesis import given
from hypothesis import strategies as st
from present import present
from rich.cells import cell_len

from lstm_tui.tui.canvas.palette import DARK_PALETTE
from lstm_tui.tui.panes.header_footer import stop_lines
from lstm_tui.tui.prompts.edit import CommandPrompt


def marked(driver: Driver) -> str:
    """Return the row of tokens."""
    return driver.text().splitlines()[3]


async def choose(driver: Driver, value: str, key: str) -> None:
    """Move the cursor to a value."""
    for _ in range(8):
        if driver.view.value != value:
            await driver.press(key)
    assert driver.view.value == value


def test_a_breakpoint_on_the_tape_is_marked_gone_to_and_taken_away() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("1", "n", "n", "n", "b")
        assert driver.view.said == "breakpoint 1: t == 3, in layer0.forward"
        assert "●not" in marked(driver)
        await driver.press("N", "N", "c")
        assert driver.view.t == 3
        assert driver.view.said == "breakpoint 1: t == 3"
        assert driver.text().splitlines()[-2].strip() == "● breakpoint 1: t == 3"
        assert "breakpoint 1" not in driver.line("footer")
        await driver.press("c")
        assert (driver.view.t, driver.view.said) == (4, "end of the pass")
        await driver.press("C")
        assert driver.view.t == 3
        await driver.press("b")
        assert driver.view.said == "breakpoint 1 taken away"
        assert "●" not in marked(driver)
        await driver.press("c")
        assert driver.view.said.startswith("no breakpoints yet")
        assert driver.view.t == 3

    drive(act)


def test_a_watch_goes_back_to_the_step_that_moved_the_value() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("2", "G")
        await choose(driver, "c", "l")
        unit = driver.view.unit
        await driver.press("w")
        assert driver.view.said == f"watch 1: c[{unit}] by 0.3, in layer0.forward: C back to who moved it, c on"
        c = np.concatenate([[0.0], driver.view.trace["layer0.forward"]["c"][:, unit].astype(float)])
        far = np.flatnonzero(np.abs(np.diff(c)) > 0.3)
        assert len(far)
        tokens = marked(driver)
        assert tokens.count("●") == len(far)
        expected = far[-1]
        await driver.press("C")
        assert (driver.view.t, driver.view.frame.position.equation) == (expected, 3)
        assert (driver.view.value, driver.view.unit) == ("c", unit)
        change = np.diff(c)[expected]
        assert f"c[{unit}] moved by {change:+.4g}, more than 0.3" in driver.view.said

    drive(act)


def test_an_equation_and_a_condition() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("4")
        await choose(driver, "g", "j")
        await driver.press("b", "c")
        equation = present(driver.view.frame.equation)
        assert (driver.view.t, equation.name) == (0, "g")  # what never moved begins at its start
        await driver.press("c")
        assert (driver.view.t, present(driver.view.frame.equation).name) == (1, "g")
        await driver.press("2", "b")
        assert isinstance(driver.app.screen, CommandPrompt)
        typed = driver.app.screen.line.value
        assert typed.startswith("break g[")
        assert "stop wherever this is true" in driver.text()
        await driver.press("enter")
        assert driver.view.said.startswith(f"breakpoint 2: {typed.removeprefix('break ')}")

    drive(act)


def test_displays_are_told_with_the_stop() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("1", "n", "b", "N", "colon", *"display", "space", "t", "enter", "c")
        assert driver.text().splitlines()[-3].strip() == "● breakpoint 1: t == 1"
        assert driver.text().splitlines()[-2].strip() == "*1 t = 1 was 0"
        await driver.press("s")
        assert "last stop, t=1" in driver.text()

    drive(act)


def test_breakpoints_stay_when_another_line_is_opened() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("1", "b", "right_curly_bracket", "n", "n", "C")
        assert driver.view.frame.line == 1
        assert driver.view.t == 0
        assert driver.view.said == "breakpoint 1: t == 0"
        assert "●" in marked(driver)

    drive(act, three_lines())


@pytest.mark.slow
@pytest.mark.parametrize(
    "size", [pytest.param((160, 45), marks=pytest.mark.slow), pytest.param((120, 36), marks=pytest.mark.slow), (80, 24)]
)
def test_a_stop_is_told_in_full_and_pushes_no_tape_away(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        tape = driver.pane("tape").size
        for line in ("display mean(h)", "display norm(c)", "break mean(f) > .01 and abs(c[3]) > .001"):
            await driver.press("colon", *line, "enter")
        assert driver.app.screen is driver.screen  # no page over what the screen shows
        await driver.press("c", "c")
        value = driver.view.passed["c"][driver.view.t, 3]
        told = " ".join(row.strip() for row in driver.text().splitlines()[-6:])
        assert f"abs(c[3]) = {abs(value):.4g})" in told
        assert "*1 mean(h) = " in told
        assert "*2 norm(c) = " in told
        assert driver.pane("tape").size == tape
        await driver.press("colon", *"undisplay", "enter", "colon", *"clear all", "enter", "n")
        assert not driver.screen.query_one("#stop").display

    drive(act, size=size)


@given(
    words=st.lists(st.text("abcdefgh=.", min_size=1, max_size=30), min_size=1, max_size=14),
    width=st.integers(12, 90),
    rows=st.integers(1, 60),
)
def test_a_stop_is_told_whole_in_as_many_rows_as_there_are_or_cut_at_its_end(
    words: list[str], width: int, rows: int
) -> None:
    reason = " ".join(words)
    stop = SimpleNamespace(reason=reason, here=True, t=0)
    view: Any = SimpleNamespace(stopped=stop, displays=())
    lines = stop_lines(view, width, rows, DARK_PALETTE)
    texts = ["".join(text for text, _ in line.parts()) for line in lines]
    assert all(cell_len(text) <= width for text in texts)
    assert len(lines) <= max(rows // 8, 2)
    told = "".join("".join(text[3:].split()) for text in texts)
    assert told == "".join(words) or (told.endswith("…") and "".join(words).startswith(told[:-1]))
    assert told == "".join(words) or len(lines) == max(rows // 8, 2)
