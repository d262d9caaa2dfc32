"""Every stop of a lesson drawn at three sizes without a terminal: what it quotes or names must be in sight."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from threading import Thread
from typing import Any

from textual.events import Resize
from textual.geometry import Size
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from lstm_tui.debugger.inspect.state_update import unit_beside
from lstm_tui.debugger.position import Frame
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.lesson.bound_step import Open, Standing
from lstm_tui.lesson.in_sight import Needed, holds_number, needed, needed_then
from lstm_tui.lesson.lesson import Lesson, LessonStep, LessonText
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.canvas.palette import UNICODE
from lstm_tui.tui.panes.header_footer import OneLine
from lstm_tui.tui.panes.large_unit import OneUnit
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.views.tour import Telling, TourScreen
from lstm_tui.tui.views.tour_text import TourText

SIZES = ((80, 24), (120, 36), (160, 45))
"""Columns and rows at which every stop is looked at."""
MOST_DRAWN = 20
"""Stops of a lesson that are drawn: a lesson from a stranger takes no longer than that."""
_LEAST_ROWS = 3
"""Rows of a pane that is looked at, besides its frame."""
_SMALL = 11
"""Rows in which one unit is drawn in letters of one cell."""
_TRIES, _WAIT = 400, 0.01
_AT_REST = 3
"""Rounds in which nothing changes of a screen that is laid out."""

Found = tuple[LessonStep, LessonText, str]


def out_of_sight(lesson: Lesson, open_network: Open) -> list[Found]:
    """Draw every stop of a lesson at every size, and return what is not in sight that should be, with why.

    Raises:
        UserError: Something of a stop means nothing, with line and column.
    """
    found: list[Found] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            found.extend(asyncio.run(_all_sizes(lesson, open_network)))
        except BaseException as error:
            failed.append(error)

    # In a thread of its own: a signal ends the command in the main thread, and no task of a loop that tells of it.
    drawing = Thread(target=work, daemon=True)
    drawing.start()
    drawing.join()
    if failed:
        raise failed[0]
    return found


class _Stage(LstmApp):
    """The application with nothing below the stop: what cannot be seen is not laid out anew at every size."""

    def get_default_screen(self) -> Screen[Any]:
        """Return a screen that is empty."""
        return Screen(id="_default")


async def _all_sizes(lesson: Lesson, open_network: Open) -> list[Found]:
    found: list[Found] = []
    telling = Telling(lesson, open_network, UNICODE, few_colours=False)
    app = _Stage(Standing(lesson.stops[0], open_network).bound.source, few_colours=False)
    async with app.run_test(size=SIZES[0]) as pilot:
        sizes = list(SIZES)
        for stop in lesson.stops[:MOST_DRAWN]:
            screen = telling.screen(stop.number)
            await app.push_screen(screen)
            await _drawn(pilot, screen)
            for size in sizes:
                await _resized(pilot, size)
                found += [(stop, text, f"at {size[0]}×{size[1]} {why}") for text, why in _missing(screen)]
            sizes.reverse()  # from the size that stands: each is drawn once
            then = stop.ask is not None and stop.ask.then is not None
            if stop.ask is not None:
                screen.answer(stop.ask.answer)
            elif stop.task is not None and stop.task.lines and not stop.task.opens:
                then = stop.task.then is not None
                screen.action_show_me()
            if stop.ask is not None or then:
                await _told_then(pilot, screen)
                for size in sizes:
                    await _resized(pilot, size)
                    found += [(stop, text, f"at {size[0]}×{size[1]} {why}") for text, why in _missing_then(screen)]
                sizes.reverse()
            app.pop_screen()
            await pilot.pause()
    return found


async def _resized(pilot: Pilot[int], size: tuple[int, int]) -> None:
    """Give the terminal another size, and wait until the screen is laid out for it.

    It is, once the screen has that size and three rounds, longer together than Textual waits with a frame, change
    nothing of its widgets: what is scrolled learns its height only after it was laid out.
    """
    to, screen = Size(*size), pilot.app.screen
    if pilot.app.size == screen.size == to:
        return
    if (driver := pilot.app._driver) is not None:  # as Textual's `resize_terminal`, which waits for an idle processor
        driver._size = to
    pilot.app.post_message(Resize(to, to))
    same, laid_out = 0, None
    for _ in range(_TRIES):
        await pilot.pause(_WAIT)
        before, laid_out = laid_out, [(one.size, one.max_scroll_y) for one in screen.walk_children(Widget)]
        same = same + 1 if screen.size == to and laid_out == before else 0
        if same == _AT_REST:
            break


async def _told_then(pilot: Pilot[int], screen: TourScreen) -> None:
    """Wait until a stop tells what came of an answer or of what was done."""
    for _ in range(_TRIES):
        await pilot.pause(_WAIT)
        if screen.has_told:
            break
    await pilot.pause()


async def _drawn(pilot: Pilot[int], screen: TourScreen) -> None:
    """Wait until a stop stands and is drawn."""
    for _ in range(_TRIES):
        await pilot.pause(_WAIT)
        if screen.is_standing:
            break
    await pilot.pause()


def _missing(screen: TourScreen) -> Iterator[tuple[LessonText, str]]:
    """Yield what should be in sight on a screen that stands at a stop, and is not."""
    text = screen.query_one(TourText)
    if not text.is_whole:
        yield screen.standing.stop.say, f"the text is {text.max_scroll_y} lines too long"
    yield from _missing_of(screen, needed(screen.standing))


def _missing_then(screen: TourScreen) -> Iterator[tuple[LessonText, str]]:
    """Yield what should be in sight once the stop has told what came of an answer or of what was done, and is not."""
    if (ask := screen.standing.stop.ask) is not None and not screen.query_one(TourText).is_whole:
        yield ask.say, "the answer has no room below the text"
    yield from _missing_of(screen, needed_then(screen.standing, screen.run.session))


def _missing_of(screen: TourScreen, asked: Iterator[Needed]) -> Iterator[tuple[LessonText, str]]:
    """Yield what is asked for and not in sight on a screen."""
    panes = {pane.NUMBER: _rows(pane) for pane in screen.query(Pane) if pane.is_attached}
    lines = [_rows(line) for line in screen.query(OneLine)]
    for one in asked:
        if not _is_seen(one, screen, panes, [rows for rows in lines if rows]):
            yield one.text, f"{one.words} is not in sight"


def _rows(widget: Widget) -> list[str]:
    """Return the rows of a widget that are on the screen."""
    height = widget.screen.find_widget(widget).visible_region.height if widget.display and widget.size.height else 0
    rows = [widget.render_line(y).text for y in range(height)]
    if height and isinstance(widget, OneUnit):  # its numbers are drawn as pictures where there is room for that
        small = widget.draw(widget.view, widget.palette, widget.size.width - 2, _SMALL)
        rows += small.text().split("\n")
    return rows


def _of_value(frame: Frame, unit: int) -> str:
    """Return what goes with a unit of the memory in the value at whose equation a session stands."""
    passed, memory = frame.passed, memory_of(frame.passed.cell)
    of = memory if frame.equation is None or frame.equation.name not in passed else frame.equation.name
    return passed.entry_of(of, unit_beside(passed, memory, of, unit))


def _is_seen(one: Needed, screen: TourScreen, panes: dict[int, list[str]], lines: list[list[str]]) -> bool:
    pass_name, frame = screen.standing.place.pass_name, screen.run.session.frame
    if one.number is None and one.pane is not None:
        rows = panes.get(one.pane, [])
        return len(rows) - 2 >= _LEAST_ROWS
    if one.token is not None:
        word = frame.trace.sequence.tokens[one.token]
        return any(word in row for rows in (*panes.values(), *lines) for row in rows)
    if one.unit is not None:
        names = frame.names
        entries = {names.entry(pass_name, one.unit), _of_value(frame, one.unit)}
        labels = "|".join(map(re.escape, entries))
        label = re.compile(rf"(?:^\W*|unit |\w\[)(?:{labels})(?![\d.,])")  # a row of the unit, or words that name it
        name = names.name(pass_name, one.unit)
        wanted = dict.fromkeys(one.made_of, False)
        for rows in (*panes.values(), *lines):
            of_unit = [row for row in rows if label.search(row) or (name and name in row)]
            if one.number is None and of_unit:
                return True
            alone = of_unit and rows is not panes.get(2) and rows is not panes.get(3)
            chosen = rows if alone else of_unit
            if one.number is not None and any(holds_number(row, one.number) for row in chosen):
                return True
            for number in wanted:
                wanted[number] = wanted[number] or any(holds_number(row, number) for row in chosen)
        return bool(wanted) and all(wanted.values())
    if one.number is None:
        return any(one.label.casefold() in row.casefold() for rows in (*panes.values(), *lines) for row in rows)
    return any(
        holds_number(row, one.number)
        for rows in (*panes.values(), *lines)
        for row in rows
        if one.label.casefold() in row.casefold()
    )
