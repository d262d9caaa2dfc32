"""Long work is told of and given up at a key: the former state stays, and Ctrl-C leaves only where nothing runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from driven_screen import LINES, Driver, drive, network, of_tokens

from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.fused.compiled_steps import Newest

Work = list[Callable[[], None]]


def long_text(lines: int = 1) -> Source:
    return Source(network(), [of_tokens((" ".join(LINES[:2]) + " ").split() * 12, n + 1) for n in range(lines)])


async def shown(driver: Driver) -> None:
    for _ in range(400):
        if not driver.screen.view.is_empty:
            return
        await driver.pilot.pause(0.02)


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
def test_an_edit_is_given_up_and_nothing_is_changed(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work: Work = []

    async def act(driver: Driver) -> None:
        await shown(driver)
        monkeypatch.setattr("lstm_tui.tui.controllers.changes.in_background", work.append)
        was = driver.view.frame
        await driver.press("colon", *"remove", "space", "4", "enter")
        await driver.see_work()
        await driver.press("colon", *"remove", "space", "5", "enter")
        assert "esc stops" in driver.line("header")
        await driver.press("n", key)
        assert "stops…" in driver.line("header")
        work.pop()()
        await driver.pilot.pause()
        assert driver.view.frame.trace is was.trace
        assert driver.view.t == 1  # where it was stepped meanwhile
        assert driver.view.said == "given up: nothing is changed"
        assert driver.screen.busy == ""
        assert not work  # nor is what was typed after it
        await driver.press("colon", *"remove", "space", "4", "enter")
        work.pop()()
        await driver.pilot.pause()
        assert driver.view.trace.edits == ("remove 4",)

    assert drive(act, long_text()).return_value is None


def test_progress_stands_in_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    work: Work = []

    async def act(driver: Driver) -> None:
        await shown(driver)
        monkeypatch.setattr("lstm_tui.tui.controllers.changes.in_background", work.append)
        await driver.press("colon", *"remove", "space", "4", "enter")
        now = driver.screen.changes.awaited()
        assert now is not None
        now.part(1, 4)
        now.progress(1, 2)
        driver.screen.progress.tell()
        assert "38 %" in driver.line("header")
        work.pop()()
        await driver.pilot.pause()
        assert "%" not in driver.line("header")

    drive(act, long_text())


def test_going_on_is_stopped_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    work: Work = []

    async def act(driver: Driver) -> None:
        await shown(driver)
        await driver.press("colon", *"break t == 250", "enter")
        monkeypatch.setattr("lstm_tui.tui.controllers.changes.in_background", work.append)
        await driver.press("c", "ctrl+c")
        work.pop()()
        await driver.pilot.pause()
        assert driver.view.said == "interrupted"
        assert 0 < driver.view.t < 250
        await driver.press("c")
        work.pop()()
        await driver.pilot.pause()
        assert driver.view.t == 250

    assert drive(act, long_text()).return_value is None


def test_a_line_that_takes_long_is_given_up_for_the_one_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    work: Work = []

    async def act(driver: Driver) -> None:
        await shown(driver)
        monkeypatch.setattr("lstm_tui.tui.controllers.runs.in_background", work.append)
        await driver.press("right_curly_bracket")
        assert "esc stops" in driver.line("header")
        await driver.see_work()
        await driver.press("escape")
        work.pop()()
        await driver.pilot.pause()
        assert driver.view.frame.line == 0
        assert driver.screen.busy == ""
        await driver.press("right_curly_bracket")
        work.pop()()
        await driver.pilot.pause()
        assert driver.view.frame.line == 1

    drive(act, long_text(2))


def test_ctrl_c_with_nothing_to_give_up_says_how_to_leave() -> None:
    async def once(driver: Driver) -> None:
        await driver.press("ctrl+c")
        assert "q leaves" in driver.text()
        await driver.press("n", "ctrl+c")  # another key was between
        assert driver.view.t == 1

    async def twice(driver: Driver) -> None:
        await driver.press("n", "ctrl+c", "ctrl+c")

    assert drive(once).return_value is None
    assert drive(twice).return_value == 130


def test_what_has_to_be_compiled_is_made_in_a_thread_that_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first edit of a value compiles a program of its own; the next is made at once, with the same numbers."""
    work: Work = []
    monkeypatch.setattr("lstm_tui.tui.controllers.changes.in_background", work.append)
    monkeypatch.setattr("lstm_tui.engine.runtime.fused.compiled_steps.NEWEST", (newest := Newest()))
    monkeypatch.setattr("lstm_tui.engine.runtime.fused.interpreter.NEWEST", newest)

    async def act(driver: Driver) -> None:
        for _ in range(400):
            if driver.view.trace.interpreter == "numba":
                break
            await driver.pilot.pause(0.02)
        line = [
            *"set", "space", *"layer0", "full_stop", *"forward", "full_stop", "c", "left_square_bracket", "1",
            "right_square_bracket", "space", "at", "space", "2", "space", "equals_sign", "space", "1", "enter",
        ]  # fmt: skip
        await driver.press("colon", *line)
        assert len(work) == 1
        await driver.see_work()
        assert "runs…" in driver.line("header")
        assert "it compiles, this first time" in driver.line("header")
        work.pop()()
        await driver.pilot.pause()
        assert driver.view.trace["layer0.forward"]["c"][2, 1] == 1
        await driver.press("z")
        await driver.press("colon", *(key if key != "2" else "3" for key in line))
        assert not work
        assert driver.view.trace["layer0.forward"]["c"][3, 1] == 1

    drive(act, Source(network(), (of_tokens(LINES[0].split()),)), numba=True)
