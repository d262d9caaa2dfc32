"""What kind of memory a step is: its fixed points, the directions at the one chosen, and the tape along one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from rich.cells import cell_len

from lstm_tui.analysis.fixed_points import FixedPoint, SlowDirection
from lstm_tui.debugger.inspect.dynamics import (
    HEADS,
    Dynamics,
    DynamicsQuestion,
    bound_words,
    head_words,
    memory_words,
    point_words,
)
from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end, axis_places
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, cut, first_row, fit, signed, wrapped_text
from lstm_tui.tui.canvas.charts import put_signed_bar
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import (
    Analysis,
    AnalysisKey,
    Ask,
    Changes,
    Close,
    Follows,
    Pace,
    Work,
    halting,
    leaving,
    moving,
    other_pass,
    put_token,
    put_unanswered,
    sideways,
)

_PLACE, _TOKEN, _NUMBER = 6, 14, 9
_FEWEST_TOKENS, _MOST_POINTS = 3, 6
_WIDEST_BAR = 24
_UNITS = 26
"""Cells in which the units of a direction are to stand; for those, other columns go."""


@dataclass(frozen=True, eq=False)
class DynamicsPicture:
    """What is known of one question.

    Attributes:
        view: The position at which it was asked.
        question: What is asked.
        answer: What was found; None until it is there.
        cursor: Number of the point under the cursor.
        direction: Number of the direction chosen there.
        done: How many starts the search is done with.
        starts: Of how many.
        working: Whether something is still computed.
        problem: Why there is no answer; may be empty.
    """

    view: View
    question: DynamicsQuestion
    answer: Dynamics | None = None
    cursor: int = 0
    direction: int = 0
    done: int = 0
    starts: int = 0
    working: bool = True
    problem: str = ""

    def but(self, **changes: Any) -> DynamicsPicture:
        """Return it with some things changed."""
        return replace(self, **changes)

    @property
    def awaited(self) -> bool:
        """Whether the points to walk on are not there yet."""
        return self.working

    @property
    def number(self) -> int:
        """The number of the point under the cursor; the last where there are fewer."""
        count = 0 if self.answer is None else len(self.answer.found.points)
        return min(max(self.cursor, 0), max(count - 1, 0))

    @property
    def point(self) -> FixedPoint | None:
        """The point under the cursor."""
        if self.answer is None or not self.answer.found.points:
            return None
        return self.answer.found.points[self.number]

    @property
    def chosen(self) -> SlowDirection | None:
        """The direction chosen at that point."""
        point = self.point
        if point is None or not point.directions:
            return None
        return point.directions[min(self.direction, len(point.directions) - 1)]

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw what was found."""
        return draw_dynamics(self, width, height, palette)


def draw_dynamics(picture: DynamicsPicture, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the points, the directions at the one under the cursor, and the tape along the direction chosen."""
    glyphs = palette.glyphs
    drawing = Drawing(width, height, palette, f"J fixed points {glyphs.dot} {picture.question.pass_name}")
    answer = picture.answer
    if answer is None or picture.problem:
        if picture.working and picture.starts:
            drawing.note = f"{picture.done} of {picture.starts} starts"
        put_unanswered(drawing, picture.problem or ("" if picture.working else "stopped"), "searching for fixed points")
        return drawing
    drawing.note = f"asked at t={picture.question.t}"
    for text in (head_words(answer), *memory_words(answer)):
        _put_words(drawing, text, "title" if text == head_words(answer) else "accent")
    drawing.line()
    _points(drawing, picture, answer)
    point = picture.point
    if point is not None and point.directions:
        drawing.line()
        _directions(drawing, picture, answer, point)
        _tape(drawing, picture, answer, point)
    words = [part for text in bound_words(answer) for part in wrapped_text(glyphs.say(text), max(width - 2, 20))]
    if drawing.room > len(words):
        drawing.line()
        for text in words:
            drawing.line().put(" " + cut(text, width - 2, glyphs), palette.style("soft"))
    return drawing


def _put_words(drawing: Drawing, text: str, ink: str) -> None:
    glyphs = drawing.palette.glyphs
    for part in wrapped_text(glyphs.say(text), max(drawing.width - 2, 20)):
        if drawing.room:
            drawing.line().put(" " + cut(part, drawing.width - 2, glyphs), drawing.palette.style(ink))


def _points(drawing: Drawing, picture: DynamicsPicture, answer: Dynamics) -> None:
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    count, rows = len(answer.found.points), min(_MOST_POINTS, max(drawing.height // 5, 1))
    first = first_row(picture.number, count, rows)
    for number in range(first, min(first + rows, count)):
        under = number == picture.number
        ground = "row" if under else "ground"
        line = drawing.line().put(glyphs.cursor if under else " ", palette.style("focus", ground, bold=True))
        text = glyphs.say(point_words(answer, number))
        line.put(cut(text, drawing.width - 2, glyphs), palette.style("ink", ground, bold=under))
        drawing.hit(0, drawing.width, ClickTarget(t=number))
    if count > rows:
        text = f"  {first + 1} to {min(first + rows, count)} of {count}"
        drawing.line().put(text, palette.style("faint"))


def _directions(drawing: Drawing, picture: DynamicsPicture, answer: Dynamics, point: FixedPoint) -> None:
    palette, glyphs, width = drawing.palette, drawing.palette.glyphs, drawing.width
    rows = [tuple(glyphs.say(cell) for cell in answer.cells(point, one)) for one in point.directions]
    heads = tuple(glyphs.say(head) for head in HEADS)
    widths = [max(cell_len(row[n]) for row in (heads, *rows)) + 2 for n in range(len(heads))]
    shown = list(range(len(heads)))
    while len(shown) > 2 and sum(widths[n] for n in shown[:-1]) + _UNITS > width - 2:
        shown.remove(3 if 3 in shown else 5 if 5 in shown else shown[-1])  # what is told besides goes first
    line = drawing.line().put("  ", palette.style("soft"))
    for n in shown:
        line.put(fit(heads[n], min(widths[n], max(width - 1 - line.x, 0)), glyphs), palette.style("soft"))
    room = max(drawing.room - _FEWEST_TOKENS - 2, 1)
    at = min(picture.direction, len(rows) - 1)
    first = first_row(at, len(rows), room)
    for number in range(first, min(first + room, len(rows))):
        under = number == at
        ground = "row" if under else "ground"
        kind = rows[number][0]
        ink = {"grows": "alarm", "holds": "accent"}.get(kind, "ink")
        line = drawing.line().put(f" {glyphs.cursor}" if under else "  ", palette.style("focus", ground, bold=True))
        for n in shown:
            cells = min(widths[n], max(width - 1 - line.x, 0))
            line.put(fit(rows[number][n], cells, glyphs), palette.style(ink if n == 0 else "ink", ground, bold=under))


def _tape(drawing: Drawing, picture: DynamicsPicture, answer: Dynamics, point: FixedPoint) -> None:
    """Draw where the state stands along the direction behind every token near, and how far the token moved it."""
    palette, glyphs, width = drawing.palette, drawing.palette.glyphs, drawing.width
    direction, view, passed = picture.chosen, picture.view, picture.question.passed
    if direction is None or drawing.room < _FEWEST_TOKENS + 2:
        return
    stands, moves = answer.stands(point, direction), answer.moves(direction)
    halves = [scale_of(numbers, least=1e-6) for numbers in (stands, moves)]
    drawing.line()
    bar = min((width - _PLACE - _TOKEN) // 2 - _NUMBER - 2, _WIDEST_BAR) // 2 * 2
    head = drawing.line().put(" token", palette.style("soft")).to(_PLACE + _TOKEN)
    for text, half in zip(("stands at", "moved by"), halves, strict=True):
        told = f"{text} {glyphs.plus_minus}{axis_end(half)}"
        head.put(fit(told, max(bar, 0) + _NUMBER + 1, glyphs) + " ", palette.style("soft"))
    places = sorted((passed.tape_place(step), n) for n, step in enumerate(answer.around))
    at = next(row for row, (t, _) in enumerate(places) if t == picture.question.t)
    rows = max(drawing.room - (len(list(bound_words(answer))) * 2 + 1 if drawing.room > 2 * _WIDEST_BAR else 0), 1)
    first = first_row(at, len(places), rows)
    for t, n in places[first : first + rows]:
        here = t == picture.question.t
        line, ground = put_token(drawing, t, view.short_label(t, palette), False, here, _PLACE, _TOKEN)
        drawing.hits.pop()  # a click chooses a point, and this is none
        for numbers, half in zip((stands, moves), halves, strict=True):
            number = float(numbers[n])
            if np.isnan(number):
                line.put(fit("not known", max(bar, 0) + _NUMBER + 2, glyphs), palette.style("faint", ground))
                continue
            if bar >= 4:
                put_signed_bar(line, number, bar, palette, half)
            text = signed(number, glyphs, _NUMBER, axis_places(half, _NUMBER))
            line.put(text.rjust(_NUMBER) + "  ", palette.style("ink", ground, bold=here))


def dynamics_analysis(view: View) -> Analysis:
    """Return the question what kind of memory the step at the position is."""
    question = DynamicsQuestion(view.trace, view.pass_name, view.t, view.frame.names)
    keys = [
        leaving("J,shift+j"), *moving(_moved), *sideways(_other_pass),
        AnalysisKey("l", lambda one: _aside(one, 1)), AnalysisKey("h", lambda one: _aside(one, -1)),
        AnalysisKey("n", lambda one: _other_token(one, 1)), AnalysisKey("N,shift+n", lambda one: _other_token(one, -1)),
        AnalysisKey("enter,t", _go), halting(),
    ]  # fmt: skip
    line: Sequence[tuple[str, str]] = (
        ("j/k", "point"), ("h/l", "direction"), ("n/N", "token"), ("[]", "pass"), ("enter", "go"), ("s", "stop"),
        ("esc", "back"),
    )  # fmt: skip
    return Analysis(DynamicsPicture(view, question), _compute, keys, line, "fixed-points")


def _compute(picture: DynamicsPicture) -> Work:
    def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
        going, pace = picture.question.going(stopped), Pace()
        while True:
            try:
                done, starts = next(going)
            except StopIteration as end:
                yield {"answer": end.value, "working": False}
                return
            if not done or pace.is_due():
                yield {"done": done, "starts": starts}

    return work


def _moved(picture: DynamicsPicture, down: int) -> DynamicsPicture:
    """Go to the point above or below."""
    count = 0 if picture.answer is None else len(picture.answer.found.points)
    return picture.but(cursor=min(max(picture.number + down, 0), max(count - 1, 0)), direction=0)


def _aside(picture: DynamicsPicture, by: int) -> DynamicsPicture:
    """Go to the next direction of the point, or the one before."""
    point = picture.point
    most = 0 if point is None else len(point.directions) - 1
    return picture.but(direction=min(max(picture.direction + by, 0), max(most, 0)))


def _asked(picture: DynamicsPicture, question: DynamicsQuestion) -> Follows:
    begun = picture.but(question=question, answer=None, cursor=0, direction=0, done=0, starts=0)
    return Ask(begun.but(working=True, problem=""))


def _other_token(picture: DynamicsPicture, by: int) -> Follows:
    """Hold the next token of the tape, or the one before."""
    t = picture.question.t + by
    if not 0 <= t < len(picture.view.trace.sequence):
        return picture
    return _asked(picture, replace(picture.question, t=t))


def _other_pass(picture: DynamicsPicture, by: int) -> Follows:
    """Ask of another pass."""
    name = other_pass(picture.view, picture.question.pass_name, by)
    return _asked(picture, replace(picture.question, pass_name=name))


def _go(picture: DynamicsPicture) -> Follows:
    """Go to the token that is held."""
    return Close(ClickTarget(t=picture.question.t))
