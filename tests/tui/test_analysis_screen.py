"""The one view of questions about a run: every question that there is, and one that is made up to be slow or wrong."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from driven_screen import Driver, drive
from textual.widgets import Input

from lstm_tui.debugger.expressions.scope import Scope
from lstm_tui.engine.errors import UserError
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.prompts.edit import CommandPrompt
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import (
    Analysis,
    AnalysisKey,
    AnalysisScreen,
    Ask,
    Changes,
    Close,
    Halt,
    KeyLine,
    Work,
    leaving,
    put_unanswered,
)
from lstm_tui.tui.views.coloured_text import coloured_analysis
from lstm_tui.tui.views.curves import curves_analysis
from lstm_tui.tui.views.dynamics import dynamics_analysis
from lstm_tui.tui.views.health import health_analysis
from lstm_tui.tui.views.influence import influence_analysis
from lstm_tui.tui.views.page import PageScreen
from lstm_tui.tui.views.reach_screen import reach_analysis


def unit_text(view: View) -> Analysis:
    return coloured_analysis(view, Scope(view.trace, view.pass_name), "")


ANALYSES: dict[str, Callable[[View], Analysis]] = {
    "H": health_analysis, "R": reach_analysis, "r": influence_analysis, "V": curves_analysis, "J": dynamics_analysis,
    "U": unit_text,
}  # fmt: skip
BRACKETS = {"[]": ("left_square_bracket", "right_square_bracket"), "esc": ("escape",)}


@pytest.mark.parametrize("key", ANALYSES)
def test_the_line_of_keys_names_keys_that_do_something(key: str) -> None:
    async def act(driver: Driver) -> None:
        analysis = ANALYSES[key](driver.view)
        named = [name for one in analysis.keys for name in one.keys.split(",")]
        assert len(named) == len(set(named)), "each key means one thing"
        bound = {binding.key for binding in AnalysisScreen.BINDINGS}  # type: ignore[union-attr]
        assert set(named) <= bound
        for shown, _ in analysis.line:
            first = BRACKETS.get(shown) or tuple(one[0] if "…" in shown else one for one in shown.split("/"))
            assert all(one in named or one[0] in named for one in first), shown
        assert key in named, "the key that opened it closes it"

    drive(act)


@pytest.mark.parametrize("key", ANALYSES)
@pytest.mark.parametrize("leave", ["escape", "q", "itself"])
def test_every_analysis_is_left_by_escape_and_by_its_own_key(key: str, leave: str) -> None:
    async def act(driver: Driver) -> None:
        before = (driver.view.t, driver.view.unit, driver.view.pass_name)
        await driver.press(key)
        screen = driver.on_top(AnalysisScreen)
        await driver.answered()
        assert not screen.picture.problem
        await driver.press("j", "G", "k", "g", "y")  # y means nothing there
        assert driver.on_top(AnalysisScreen) is screen
        await driver.press(key if leave == "itself" else leave)
        driver.on_top(MainScreen)
        assert (driver.view.t, driver.view.unit, driver.view.pass_name) == before

    drive(act)


@pytest.mark.long
@pytest.mark.parametrize("key", ANALYSES)
def test_what_is_typed_after_a_colon_is_a_command_and_no_keys_of_the_view(key: str) -> None:
    async def act(driver: Driver) -> None:
        before = (driver.view.t, driver.view.unit, driver.view.pass_name)
        await driver.press(key)
        await driver.answered()
        await driver.press("colon", *"hladG")
        prompt = driver.on_top(CommandPrompt)
        assert prompt.query_one(Input).value == "hladG"
        await driver.press("escape")
        driver.on_top(MainScreen)
        assert (driver.view.t, driver.view.unit, driver.view.pass_name) == before

    drive(act)


@pytest.mark.long
@pytest.mark.parametrize("key", ANALYSES)
def test_every_analysis_tells_its_keys_and_explains_its_labels(key: str) -> None:
    async def act(driver: Driver) -> None:
        await driver.press(key)
        screen = driver.on_top(AnalysisScreen)
        await driver.answered()
        shown = screen.picture
        for page in ("question_mark", "K"):
            await driver.press(page)
            lines = "\n".join(str(line) for line in driver.on_top(PageScreen)._lines)
            words = [word for _, word in screen._analysis.line] if page == "question_mark" else []
            assert lines
            assert all(word in lines for word in words)
            await driver.press("escape")
            assert driver.on_top(AnalysisScreen) is screen
        assert screen.picture is shown
        await driver.press("question_mark", "colon", "g")
        assert driver.on_top(CommandPrompt).query_one(Input).value == "g"

    drive(act)


@pytest.mark.parametrize("key", ANALYSES)
@pytest.mark.parametrize("width", [160, 80, 40])
def test_the_line_of_keys_keeps_the_way_out_whole(key: str, width: int) -> None:
    async def act(driver: Driver) -> None:
        await driver.press(key)
        text = driver.on_top(AnalysisScreen).query_one(KeyLine).render_line(0).text
        assert text.rstrip().endswith("? keys  esc back")
        assert len(text) == width

    drive(act, size=(width, 24))


@dataclass(frozen=True, eq=False)
class Counted:
    """A made picture: how far a question has come."""

    view: View
    asked: int = 0
    done: tuple[int, ...] = ()
    cursor: int = 0
    working: bool = True
    problem: str = ""

    @property
    def awaited(self) -> bool:
        return False

    def but(self, **changes: Any) -> Counted:
        return replace(self, **changes)

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        drawing = Drawing(width, height, palette, "made")
        put_unanswered(drawing, self.problem, f"question {self.asked}: {self.done}")
        return drawing


def made(view: View, go: threading.Event, ended: list[int]) -> Analysis:
    """Return a question whose answer comes when it is let go on, and which notes who stopped by itself."""

    def compute(picture: Counted) -> Work:
        def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
            if picture.asked == 3:
                raise UserError("no answer \x1b[31mto this")
            yield {"done": (picture.asked, 1)}
            go.wait(20)
            if stopped():
                ended.append(picture.asked)
                return
            yield {"done": (picture.asked, 2), "working": False}

        return work

    keys = [
        leaving("H"),
        AnalysisKey("n", lambda one: Ask(one.but(asked=one.asked + 1, done=(), working=True))),
        AnalysisKey("s", lambda one: Halt(one.but(working=False)), ends=True),
        AnalysisKey("enter", lambda one: Close(ClickTarget(t=one.cursor))),
    ]
    return Analysis(Counted(view), compute, keys, (("n", "next"),))


def asked(driver: Driver, go: threading.Event, ended: list[int], chosen: list[ClickTarget | None]) -> AnalysisScreen:
    screen = AnalysisScreen(made(driver.view, go, ended), driver.screen.palette)
    driver.app.push_screen(screen, chosen.append)
    return screen


def test_what_was_asked_before_stops_and_tells_nothing_any_more() -> None:
    go, ended = threading.Event(), list[int]()

    async def act(driver: Driver) -> None:
        screen = asked(driver, go, ended, [])
        await driver.until(lambda: screen.is_mounted and screen.picture.done == (0, 1))
        await driver.press("n")
        await driver.until(lambda: bool(screen.picture.done == (1, 1)))
        go.set()
        await driver.answered()
        assert screen.picture.done == (1, 2)
        await driver.until(lambda: ended == [0])

    drive(act)


def test_it_is_halted_fails_in_one_line_and_gives_what_was_chosen() -> None:
    go, ended, chosen = threading.Event(), list[int](), list[ClickTarget | None]()

    async def act(driver: Driver) -> None:
        screen = asked(driver, go, ended, chosen)
        await driver.until(lambda: screen.is_mounted and bool(screen.picture.done))
        await driver.press("s")
        go.set()
        await driver.until(lambda: ended == [0])
        assert screen.picture.done == (0, 1), "what is known stays"
        await driver.press("n", "n", "n")
        await driver.until(lambda: bool(screen.picture.problem))
        assert "no answer ␛[31mto this" in driver.text()
        await driver.press("n", "enter")
        assert chosen == [ClickTarget(t=0)]
        driver.on_top(MainScreen)

    drive(act)
