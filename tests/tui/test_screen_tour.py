"""The tour on the screen: lessons are walked, what is tried is noticed, and every stop draws at both sizes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from driven_screen import Driver, three_lines
from textual.containers import VerticalScroll
from textual.events import Key
from textual.widgets import Input, OptionList, Static

from lstm_tui.formats.importers.native import load
from lstm_tui.formats.io.preferences import Preferences
from lstm_tui.lesson.lesson import LOOKS, Lesson, LessonStep
from lstm_tui.lesson.library import Library, folder
from lstm_tui.lesson.progress import LessonProgress
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.canvas.palette import UNICODE
from lstm_tui.tui.lesson_launcher import Teaching
from lstm_tui.tui.main import MainScreen
from lstm_tui.tui.panes.now_line import NowLine
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.panes.tape import Tape
from lstm_tui.tui.panes.units import Units
from lstm_tui.tui.prompts.edit import CommandPrompt
from lstm_tui.tui.views.analysis_screen import AnalysisScreen
from lstm_tui.tui.views.lesson_end import LeaveLesson, LessonEnd
from lstm_tui.tui.views.lessons import Lessons, OpeningLesson
from lstm_tui.tui.views.page import PageScreen
from lstm_tui.tui.views.tour import TourScreen
from lstm_tui.tui.views.tour_text import TourText

FILES = sorted(folder().glob("*.toml"))
LIBRARY = Library(cache(open_model), load)
SIZES = ((160, 45), (80, 24))


def tour(
    act: Callable[[Driver], Awaitable[None]],
    name: str | None = None,
    size: tuple[int, int] = (160, 45),
    greeting: str = "",
    **options: Any,
) -> LstmApp:
    """Run the app with a lesson, or the list of them, and let `act` use it."""
    lesson = None if name is None else LIBRARY.find(name)
    teaching = Teaching(lambda: LIBRARY, lesson, at_once=not greeting, greeting=greeting)
    app = LstmApp(three_lines(), few_colours=False, teaching=teaching, **options)

    async def go() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            for _ in range(1_000):
                if not isinstance(app.screen, OpeningLesson) and (greeting or len(app.screen_stack) > 1):
                    break
                await pilot.pause(0.01)
            await pilot.pause()
            await act(Driver(app, pilot))

    asyncio.run(go())
    return app


def stop(driver: Driver) -> TourScreen:
    screen = driver.app.screen
    assert isinstance(screen, TourScreen)
    return screen


def told(driver: Driver, name: str = "told") -> str:
    return " ".join(str(stop(driver).query_one(f"#{name}", Static).content).split())


async def arrived(driver: Driver, lesson: Lesson, one: LessonStep) -> None:
    """Wait until a stop is on the screen: a network may have to be run for it."""
    for _ in range(500):
        if f"{lesson.title}  {one.number + 1} of {len(lesson.stops)}" in driver.text():
            return
        await driver.pilot.pause(0.02)


def drawn(driver: Driver, lesson: Lesson, one: LessonStep) -> None:
    """Look whether a stop stands, tells and lights up what it should."""
    screen, text = stop(driver), driver.text()
    assert f"{lesson.title}  {one.number + 1} of {len(lesson.stops)}" in text
    assert told(driver)[:30] in " ".join(text.replace("│", " ").split())
    pane = screen.focused
    assert isinstance(pane, Pane)
    assert LOOKS.index(one.look) == pane.NUMBER
    assert pane.display
    assert pane.size.height >= 5 or pane.NUMBER == 1
    assert not screen.view.is_empty
    place = screen._standing.place
    assert (screen.view.pass_name, screen.view.t, screen.view.unit) == (place.pass_name, place.t, place.unit)
    assert not screen._noticed


@pytest.mark.slow
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_stop_draws_at_both_sizes(path: Path) -> None:
    lesson = LIBRARY.find(str(path))

    async def act(driver: Driver) -> None:
        for one in lesson.stops:
            await arrived(driver, lesson, one)
            drawn(driver, lesson, one)
            if one is not lesson.stops[-1]:
                await driver.press("enter")
        await driver.pilot.resize_terminal(*SIZES[1])
        await driver.pilot.pause()
        for one in reversed(lesson.stops):
            await arrived(driver, lesson, one)
            drawn(driver, lesson, one)
            await driver.press("backspace")
        await driver.press("escape", "enter")
        assert not isinstance(driver.app.screen, TourScreen)

    tour(act, str(path))


@pytest.mark.long
def test_a_lesson_is_walked_and_what_is_tried_is_noticed() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("enter")
        assert "falls most, to 0.06" in told(driver)
        assert "Press n" in told(driver, "try")
        await driver.press("n")
        assert stop(driver)._noticed
        assert "At likes the mean is 1.00 again" in told(driver, "try")
        assert "falls most, to 0.06" in told(driver), "the sentences are of the stop, wherever the run stands"
        await driver.press("enter")
        assert not stop(driver)._noticed
        await driver.press("s")
        assert not stop(driver)._noticed, "the value was not explained yet"
        await driver.press("p", "escape")
        assert stop(driver)._noticed
        await driver.press("backspace")
        assert "2 of 9" in driver.text()
        await driver.press("space", *["enter"] * 5)
        assert "8 of 9" in driver.text()
        await driver.press("colon", *"undo", "enter")
        assert "nothing to undo" in driver.text()
        await driver.press("escape")
        assert stop(driver).edits.execute("set f @ 4:8 = 1") == ""
        await driver.pilot.pause()
        assert stop(driver)._noticed
        assert "Now devsecops has only 58 %" in told(driver, "try")
        await driver.press("enter")
        assert "9 of 9" in driver.text()
        assert stop(driver).edits.execute("set i @ 4:8 = 0") == ""
        await driver.pilot.pause()
        assert stop(driver)._noticed
        assert "he likes aiml, 89 %" in told(driver, "try")
        await driver.press("escape", "enter")
        assert type(driver.app.screen) is MainScreen

    tour(act, "forget")


def test_who_is_greeted_by_the_key_of_the_lessons_is_greeted_no_more_over_their_keys() -> None:
    async def act(driver: Driver) -> None:
        assert len(driver.app._notifications) == 1
        await driver.press("T", "enter")
        assert isinstance(driver.app.screen, TourScreen)
        assert len(driver.app._notifications) == 0
        assert "lessons" not in stop(driver).query_one(NowLine).render_line(0).text, "it stands in one"

    tour(act, greeting="new here?")


def test_a_question_is_answered_before_it_is_seen_and_a_wrong_answer_is_told_why() -> None:
    async def act(driver: Driver) -> None:
        screen = stop(driver)
        asked = told(driver, "ask")
        assert asked.startswith("Next comes Ram")
        assert "a stay near 1 b many fall towards 0 c all become 0" in asked
        assert ".55" not in screen.query_one(Tape).text(), "what it will be stands nowhere"
        assert screen.view.t == 3
        await driver.press("a")
        assert screen.view.t == 4
        assert ".55" in screen.query_one(Tape).text()
        assert told(driver, "ask").startswith("Not a, but b. Then Ganesh would be kept")
        assert "Their mean is 0.55" in told(driver, "ask")
        before = screen.view.frame
        for key in "abc":  # elsewhere they append a token, set a breakpoint and continue
            await driver.press(key)
            assert "Not a, but b." in told(driver, "ask"), "it was answered"
            assert (screen.view.frame, screen.view.said) == (before, "answered: enter goes on")
        await driver.press("enter", "backspace", "b")
        assert told(driver, "ask").startswith("b is right. Their mean is 0.55")
        await driver.press("enter", "backspace", "y")
        assert told(driver, "ask").startswith("It is b.")

    tour(act, "forget")


def test_a_question_can_be_skipped_and_the_end_says_what_was_foreseen_and_what_to_keep() -> None:
    lesson = LIBRARY.find("show")

    async def act(driver: Driver) -> None:
        await driver.press("b", *["enter"] * len(lesson.stops))
        end = driver.on_top(LessonEnd)
        text = " ".join(driver.text().replace("│", " ").split())
        assert "Foreseen: 0 of 1 question." in text
        assert lesson.summary.split("\n")[0] in text
        assert end.is_modal
        await driver.press("enter")
        assert type(driver.app.screen) is MainScreen

    tour(act, "show", (80, 24))


@pytest.mark.slow
def test_escape_asks_and_a_lesson_goes_on_where_it_was_left(tmp_path: Path) -> None:
    settings = Preferences(tmp_path / "settings")

    async def leave(driver: Driver) -> None:
        await driver.press("enter", "enter", "escape")
        driver.on_top(LeaveLesson)
        await driver.press("escape")
        assert "3 of 9" in driver.text()
        assert isinstance(driver.app.screen, TourScreen)
        await driver.press("escape", "enter")
        assert type(driver.app.screen) is MainScreen

    async def go_on(driver: Driver) -> None:
        assert "3 of 9" in driver.text()
        await driver.press("home")
        assert "1 of 9" in driver.text()

    async def listed(driver: Driver) -> None:
        row = next(line for line in driver.text().split("\n") if "Forget" in line)
        assert ("3 of 9" in row) is not read
        assert ("✓" in row) is read

    tour(leave, "forget", settings=settings)
    read = False
    tour(listed, settings=Preferences(tmp_path / "settings"))
    tour(go_on, "forget", settings=Preferences(tmp_path / "settings"))
    LessonProgress(Preferences(tmp_path / "settings")).finished(LIBRARY.find("forget"))
    read = True
    tour(listed, settings=Preferences(tmp_path / "settings"))


def test_before_a_class_only_the_pane_and_the_text_stand_and_pages_are_stops() -> None:
    async def act(driver: Driver) -> None:
        before = stop(driver).query_one("#forward", Units).size.height
        await driver.press("f5")
        text = driver.text()
        assert "1 tokens" not in text
        assert "quit" not in text.split("\n")[-1]
        assert stop(driver).query_one("#forward", Units).size.height > before
        await driver.press("pagedown")
        assert "2 of 9" in driver.text()
        assert "1 tokens" not in driver.text()
        await driver.press("pageup", "f5")
        assert "1 of 9" in driver.text()
        assert "1 tokens" in driver.text()

    tour(act, "forget", (120, 36))


@pytest.mark.slow
@pytest.mark.parametrize("size", [(80, 24), (120, 36), (160, 45)])
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_bar_that_is_watched_keeps_its_row(path: Path, size: tuple[int, int]) -> None:
    lesson, rows = LIBRARY.find(str(path)), dict[tuple[str, str, int], int]()

    def row(driver: Driver) -> int:
        pane = driver.app.screen.query_one("#forward", Units)
        found = [n for n, line in enumerate(pane.text().split("\n")) if n and "▸" in line]
        assert len(found) == 1, pane.text()
        return pane.region.y + found[0]

    async def act(driver: Driver) -> None:
        for one in lesson.stops:
            await arrived(driver, lesson, one)
            if one.look == "units":
                screen = stop(driver)
                assert len(screen.query_one("#forward", Units).text().split("\n")) >= 6
                where = rows.setdefault((one.network.text, one.text.text, screen.view.unit), row(driver))
                assert row(driver) == where
                if one.ask is not None:
                    await driver.press("a")
                    assert row(driver) == where
            if one is not lesson.stops[-1]:
                await driver.press("enter")

    tour(act, str(path), size)


def test_what_is_to_be_tried_is_shown_on_a_key_and_gone_at_the_next_stop() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("enter", "enter", "enter", "y")
        screen = stop(driver)
        assert screen._noticed
        assert not screen.view.is_empty
        assert screen.view.edits == 2
        assert "she 81 %" in told(driver, "try")
        await driver.press("enter")
        following = stop(driver)
        assert following.view.edits == 0

    tour(act, "a-new-subject", (120, 36))


@pytest.mark.slow
def test_an_rnn_beside_an_lstm_is_seen_from_a_lesson_and_noticed() -> None:
    async def act(driver: Driver) -> None:
        await driver.press(*["enter"] * 7)
        await driver.press("R")
        over = driver.on_top(AnalysisScreen)
        await driver.answered()
        await driver.press("escape")
        assert not stop(driver)._noticed, "R alone shows one network"
        await driver.press("R", "b")
        over = driver.on_top(AnalysisScreen)
        await driver.until(lambda: bool(over.picture.beside))
        await driver.press("escape")
        assert stop(driver)._noticed
        assert "three millionths" in told(driver, "try")
        await driver.press("backspace", "enter", "y")
        await driver.until(lambda: "recall-rnn says white" in driver.text())
        await driver.press("escape")
        assert stop(driver)._noticed

    tour(act, "why-not-a-plain-rnn", (80, 24))


def test_the_map_that_shows_which_gate_lost_a_name_holds_the_row_of_the_name() -> None:
    async def act(driver: Driver) -> None:
        await driver.press(*["enter"] * 6)
        assert not stop(driver)._noticed
        await driver.press("M")
        assert stop(driver)._noticed
        assert "f was 0.07" in told(driver, "try")
        lines = driver.text().split("\n")
        row = next(line for line in lines if "Ganesh  " in line and "┃" in line.rpartition("Ganesh")[2])
        head = next(line for line in lines if "/8 rows" in line and " 4 " in line)
        assert head.index(" 3 ") < row.index("┃") < head.index(" 4 ") + 1, "the wall stands where Ram begins"

    tour(act, "forget", (80, 24))


@pytest.mark.parametrize(
    ("opens", "shown"),
    [("explain", "exactly"), ("influence", "attribution of"), ("health", "health of the units"), ("map", "kept"),
     ("everyone", "memory of all units"), ("reach", "gradient through time")],
)  # fmt: skip
def test_whatever_can_be_opened_is_shown_on_a_key_and_noticed(opens: str, shown: str, tmp_path: Path) -> None:
    lesson = tmp_path / "mine.toml"
    lesson.write_text(
        'title = "T"\nabout = "x"\n[[stop]]\nnetwork = "story"\ntext = "ganesh likes aiml ."\nat = "."\n'
        f'look = "ledger"\nsay = "Look."\n[stop.try]\nsay = "Open it."\nopen = "{opens}"\nthen = "Done."\n'
    )

    async def act(driver: Driver) -> None:
        here = stop(driver)
        assert not here._noticed
        await driver.press("y")
        await driver.until(lambda: shown in driver.text())
        assert here._noticed

    tour(act, str(lesson))


@pytest.mark.slow
def test_the_list_offers_every_lesson_and_the_next_one_after_it() -> None:
    async def act(driver: Driver) -> None:
        driver.on_top(Lessons)
        text = driver.text()
        for lesson in LIBRARY.lessons():
            assert lesson.title in text
            assert lesson.about in text
        await driver.press("j", "j", "j", "enter")
        assert "Forget  1 of 9" in driver.text()
        await driver.press(*["enter"] * 10)
        assert driver.app.screen.query_one(OptionList).highlighted == 4
        await driver.press("escape")
        assert type(driver.app.screen) is MainScreen
        await driver.press("T")
        assert isinstance(driver.app.screen, Lessons)

    tour(act)


def test_a_click_on_a_lesson_begins_it() -> None:
    async def act(driver: Driver) -> None:
        driver.on_top(Lessons)
        await driver.pilot.click(OptionList, offset=(8, 3))
        await driver.pilot.pause()
        await driver.pilot.pause()
        begun = next(one for one in LIBRARY.lessons() if f"{one.title}  1 of " in driver.text())
        assert begun != LIBRARY.lessons()[0]

    tour(act)


def at_once(driver: Driver, *keys: str) -> None:
    """Press keys so fast that all of them wait when the first one acts."""
    for key in keys:
        driver.app.post_message(Key(key, key if len(key) == 1 else None))


@pytest.mark.slow
def test_keys_that_come_while_a_lesson_or_its_next_stop_opens_act_in_their_order() -> None:
    async def act(driver: Driver) -> None:
        def number() -> int:
            screen = driver.app.screen
            return screen._standing.stop.number if isinstance(screen, TourScreen) and screen._stands else -1

        def value() -> str:
            view = stop(driver).view
            return "" if view is None else view.value

        def equation() -> str:
            view = stop(driver).view
            return "" if view is None or view.frame.equation is None else view.frame.equation.name

        at_once(driver, "j", "j", "j", "enter", "b", "enter", "n")
        await driver.until(lambda: number() == 1 and stop(driver)._noticed)
        assert "At likes the mean is 1.00 again" in told(driver, "try")
        at_once(driver, "enter", "s")
        await driver.until(lambda: number() == 2 and equation() == "i")
        at_once(driver, "backspace", "l")  # the cursor, before the focus has come to its pane
        await driver.until(lambda: number() == 1 and value() == "i")
        at_once(driver, "escape", "enter", "k", "space", "colon", "x")
        await driver.until(lambda: [line.value for line in driver.app.screen.query(Input)] == ["x"])
        below = driver.app.screen_stack[-2]
        assert isinstance(below, TourScreen)
        assert below._telling.lesson.title == "The conveyor belt", "the lesson above the one that was left"

    tour(act)


def test_words_that_the_network_writes_in_a_lesson_are_noticed() -> None:
    async def act(driver: Driver) -> None:
        for written in ("he", "likes", "aiml", "."):
            assert not stop(driver)._noticed
            await driver.press("a")
            view = stop(driver).view
            assert view is not None
            assert view.trace.sequence.tokens[-1] == written
        assert stop(driver)._noticed

    tour(act, "let-it-write", (80, 24))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_to_be_typed_stays_in_sight_while_it_is_typed(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("enter", "enter", "enter", "enter", "enter")
        await driver.press("colon", *"replace")
        text = driver.text()
        assert ":replace brown yellow" in text
        prompt, below = driver.app.screen, driver.app.screen_stack[-2]
        assert isinstance(prompt, CommandPrompt)
        assert isinstance(below, TourScreen)
        assert prompt.below == below.rows_kept() > 0, "the line stands above what is to be typed"
        assert "enter does it" in text
        await driver.press("space", *"brown", "space", *"no-thing", "enter")
        assert "3 words here" in " ".join(driver.text().split())
        await driver.press("escape")
        assert not stop(driver)._noticed

    tour(act, "why-not-a-plain-rnn", size)


def test_the_tour_begins_from_the_help() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("escape", "question_mark")
        assert "new to all this?" in driver.text()
        await driver.press("T")
        await driver.until(lambda: isinstance(driver.app.screen, Lessons))
        await driver.press("escape")
        assert type(driver.app.screen) is MainScreen

    tour(act, size=(80, 24))


def test_the_keys_of_a_lesson_are_told_and_those_of_the_debugger_stay() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("question_mark")
        assert "keys of a lesson" in driver.text()
        await driver.press("escape", "p")
        assert "forget" in driver.text()
        assert not isinstance(driver.app.screen, TourScreen)
        await driver.press("escape", "pagedown", "q", "enter")
        assert type(driver.app.screen) is MainScreen

    tour(act, "forget", (80, 24))


def test_ascii_alone_is_drawn_where_the_terminal_has_no_more() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("y")
        assert driver.text().isascii()

    tour(act, "update", ascii_only=True)


@pytest.mark.parametrize("show", ["everyone", "map"])
def test_a_stop_can_show_the_ledger_of_all_units_and_its_map(show: str, tmp_path: Path) -> None:
    lesson = tmp_path / "mine.toml"
    lesson.write_text(
        'title = "T"\nabout = "x"\n[[stop]]\nnetwork = "story"\ntext = "ganesh likes aiml ."\nat = "."\n'
        f'look = "ledger"\nshow = "{show}"\nsay = "Look."\n'
    )

    async def act(driver: Driver) -> None:
        screen = stop(driver)
        assert screen.has_class("-maximised") is (show == "map")
        assert not screen.view.is_empty
        assert screen.view.everyone
        assert "memory of all units" in driver.text()
        assert "Look." in driver.text()

    tour(act, str(lesson))


def test_without_lessons_the_key_says_so() -> None:
    app = LstmApp(three_lines())

    async def go() -> None:
        async with app.run_test(notifications=True) as pilot:
            await pilot.press("T")
            await pilot.pause()
            assert any("lstm-tui tour" in one.message for one in app._notifications)

    asyncio.run(go())


def test_markup_of_a_stranger_is_text(tmp_path: Path) -> None:
    lesson = tmp_path / "odd.toml"
    lesson.write_text(
        'title = "[bold]T[/nope]"\nabout = "x"\n[[stop]]\nnetwork = "tiny"\ntext = "on"\n'
        'say = "[/red] \\u001b]52;c;aGk= [link=x]*a*{c[0]}"\n',
        encoding="utf-8",
    )

    async def act(driver: Driver) -> None:
        assert "[/red] ␛]52;c;aGk= [link=x]a" in told(driver)
        assert "[bold]T[/nope]" in driver.text()

    tour(act, str(lesson))


@pytest.mark.long
@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
def test_what_to_keep_of_any_lesson_stands_whole_inside_its_frame(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        for lesson in LIBRARY.lessons():
            end = LessonEnd(lesson, {}, UNICODE)
            await driver.app.push_screen(end)
            while not end.query(VerticalScroll):
                await driver.pilot.pause(0.01)
            await driver.pilot.pause()
            box = end.query_one(VerticalScroll)
            assert end.region.contains_region(box.region), lesson.name
            assert box.max_scroll_y == box.max_scroll_x == 0, lesson.name
            rows = [row[box.region.x : box.region.right] for row in driver.text().split("\n")[box.region.y :]]
            text = " ".join(" ".join(rows[: box.region.height]).replace("│", " ").split())
            assert "*" not in text
            for line in lesson.summary.split("\n"):
                assert " ".join(line.replace("*", "").replace("`", "").split()) in text, lesson.name
            await driver.app.pop_screen()

    tour(act, "show", size)


def test_away_from_its_step_a_stop_says_at_which_its_sentences_are() -> None:
    async def act(driver: Driver) -> None:
        told = "said at t=4 “he”"
        await driver.press("enter")
        text = stop(driver).query_one(TourText)
        assert told not in str(text.border_title)
        await driver.press("n")
        assert told in str(text.border_title)
        await driver.press("N")
        assert told not in str(text.border_title)

    tour(act, "the-conveyor-belt")


@pytest.mark.parametrize("key", ["p", "K", "?"])
def test_a_page_that_a_lesson_opens_leaves_its_text_in_sight(key: str) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("enter", "enter")
        text = stop(driver).query_one(TourText).region
        await driver.press(key)
        page = driver.on_top(PageScreen).query_one(VerticalScroll)
        await driver.until(lambda: page.region.height)
        assert page.region.bottom <= text.y
        assert page.region.height >= 10

    tour(act, "forget", (120, 36))
