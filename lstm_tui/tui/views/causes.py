"""The causal map on the tape: a row for each token, and for each value how far its interchange takes the output.

Beside it stand gradient, ledger and deletion of the same tokens. The cell under the cursor is told in words, with what
each of its units does alone; one key makes its interchange as an edit, a branch of the state that was asked about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lstm_tui.analysis.interchange import TOKEN, CausalMap, MapColumn
from lstm_tui.debugger.inspect.causes import CausalQuestion, account_words, head, range_words, unit_order, way_words
from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end, axis_places
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, cut, first_row, fit, plain, signed, window, wrapped_text
from lstm_tui.tui.canvas.charts import put_bar, put_heat, put_signed_bar, shade_of
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
    put_token,
    put_unanswered,
    sideways,
)

_PLACE, _TOKEN, _CELL = 5, 13, 8
_NUMBER = 7
_WIDEST_BAR = 10
_MOST_UNITS = 4
_HALF = 1.0
"""The whole way, from the first sentence to the second: the end of the colours."""


@dataclass(frozen=True, eq=False)
class CausesPicture:
    """What is known of one question.

    Attributes:
        view: The position at which it was asked.
        question: What is asked.
        found: The map, as far as it is known; None before anything is.
        accounts: Gradient, ledger and deletion of every token; empty until they are there.
        units: What each unit of a cell alone comes to, by the cell's value and place.
        asked: The cell whose units are asked for; None for the memory at the place of the target.
        pass_name: The pass whose values stand there.
        cursor: The token under the cursor.
        column: Number of the value under the cursor, among those that stand there.
        done: How many interchanges are there.
        working: Whether something is still computed.
        problem: Why there is no answer; may be empty.
    """

    view: View
    question: CausalQuestion
    found: CausalMap | None = None
    accounts: Mapping[str, Array] = field(default_factory=dict)
    units: Mapping[tuple[MapColumn, int], Array] = field(default_factory=dict)
    asked: tuple[MapColumn, int] | None = None
    pass_name: str = ""
    cursor: int = 0
    column: int = 0
    done: int = 0
    working: bool = True
    problem: str = ""

    def but(self, **changes: Any) -> CausesPicture:
        """Return it with some things changed."""
        return replace(self, **changes)

    @property
    def awaited(self) -> bool:
        """Whether the rows are not there yet."""
        return self.working and self.found is None

    @cached_property
    def places(self) -> range:
        """The places of the tape that are interchanged."""
        return range(0) if self.found is None else self.found.places

    @cached_property
    def t(self) -> int:
        """The token under the cursor among those that are interchanged; the nearest of them."""
        return min(max(self.cursor, self.places.start), max(self.places.stop - 1, self.places.start))

    @cached_property
    def chosen(self) -> tuple[int, ...]:
        """Numbers of the columns that stand there: those of the pass, and the token."""
        columns = () if self.found is None else self.found.columns
        return tuple(n for n, column in enumerate(columns) if column.pass_name in ("", self.pass_name))

    @property
    def under(self) -> MapColumn | None:
        """The value under the cursor."""
        if self.found is None or not self.chosen:
            return None
        return self.found.columns[self.chosen[min(self.column, len(self.chosen) - 1)]]

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the map."""
        return draw_causes(self, width, height, palette)


def draw_causes(picture: CausesPicture, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the map, the accounts beside it where there is room, and the cell under the cursor in words."""
    glyphs, style = palette.glyphs, palette.style
    title = f"Y causes of {picture.question.target.label} {glyphs.dot} {picture.pass_name}"
    drawing = Drawing(width, height, palette, title)
    found = picture.found
    if found is None or picture.problem:
        put_unanswered(drawing, picture.problem, "interchanging")
        return drawing
    if picture.working:
        drawing.note = f"{picture.done} of {found.numbers.size} interchanges"
    ways = found.effects if found.here == found.there else found.carried
    half = _HALF if found.here != found.there else scale_of(ways, least=1e-6)
    told = glyphs.say(head(found, picture.question.other.name))
    drawing.line().put(" " + cut(told, width - 2, glyphs), style("title"))
    beside = _beside(picture, width)
    words = _words(picture, width - 2, palette, bool(beside))
    foot = min(len(words) + 1, max(height - 8, 1))
    columns = _columns(picture, width - beside)
    _heads(drawing, picture, columns, half, width - beside)
    rows = max(height - 3 - foot, 1)
    first = first_row(picture.t - found.places.start, len(found.places), rows)
    shades = shade_of(ways, half)
    for row in range(first, min(first + rows, len(found.places))):
        t = found.places[row]
        label = picture.view.label(t, palette) if t < picture.view.facts.length else ""
        line, ground = put_token(drawing, t, label, t == picture.t, t == picture.question.target.t, _PLACE, _TOKEN)
        for n in columns:
            here = t == picture.t and found.columns[picture.chosen[n]] == picture.under
            edge = glyphs.cursor if here else " "
            number = float(ways[row, picture.chosen[n]])
            if np.isnan(found.numbers[row, picture.chosen[n]]):
                line.put(
                    edge + glyphs.more.rjust(_CELL - 2) + " ", style("focus" if here else "faint", ground, bold=here)
                )
            else:
                put_heat(line, number, int(shades[row, picture.chosen[n]]), _CELL, half, palette, edge=edge)
        _accounts(drawing, picture, row, beside, ground)
    if drawing.room > len(words):
        drawing.line()
    for text, ink in words[: max(drawing.room, 0)]:
        drawing.line().put(" " + text, style(ink))
    return drawing


def _beside(picture: CausesPicture, width: int) -> int:
    """Return the cells of the accounts at the right; 0 where there is no room for them."""
    cells = _PLACE + _TOKEN + len(picture.chosen) * _CELL
    room = width - cells - 1
    names = max(len(picture.accounts) - 1, 3)
    if room < names * (_NUMBER + 2):
        return 0
    return names * min(room // names, _NUMBER + 2 + _WIDEST_BAR)


def _columns(picture: CausesPicture, width: int) -> range:
    """Return which of the values that stand there have room, that under the cursor among them."""
    room = max((width - _PLACE - _TOKEN) // _CELL, 1)
    return range(*window(min(picture.column, len(picture.chosen) - 1), len(picture.chosen), room))


def _heads(drawing: Drawing, picture: CausesPicture, columns: range, half: float, start: int) -> None:
    palette, glyphs, found = drawing.palette, drawing.palette.glyphs, picture.found
    assert found is not None
    line = drawing.line().put(" token", palette.style("soft"))
    line.to(_PLACE + _TOKEN)
    for n in columns:
        column = found.columns[picture.chosen[n]]
        here = column == picture.under
        line.put(" " + fit(letter(column.value), _CELL - 2, glyphs, right=True) + " ",
                 palette.style("title" if here else "soft", bold=here))  # fmt: skip
    names = [name for name in picture.accounts if name != "interchange"]
    if start < drawing.width and names:
        each = (drawing.width - start) // len(names)
        for k, name in enumerate(names):
            end = axis_end(scale_of(picture.accounts[name], least=1e-6)) if name != "ledger" else "1"
            sign = "" if name == "ledger" else glyphs.plus_minus
            line.to(start + k * each).put(cut(f" {name} {sign}{end}", each, glyphs), palette.style("soft"))


def _accounts(drawing: Drawing, picture: CausesPicture, row: int, beside: int, ground: str) -> None:
    names = [name for name in picture.accounts if name != "interchange"]
    if not beside or not names:
        return
    palette, glyphs, line = drawing.palette, drawing.palette.glyphs, drawing.lines[-1]
    start, each = drawing.width - beside, beside // len(names)
    for k, name in enumerate(names):
        line.to(start + k * each)
        numbers = picture.accounts[name]
        number, bar = float(numbers[row]), max(each - _NUMBER - 2, 0) // 2 * 2
        half = 1.0 if name == "ledger" else scale_of(numbers, least=1e-6)
        if np.isnan(number):
            line.put(glyphs.more.rjust(each - 1), palette.style("faint", ground))
            continue
        if name == "ledger":
            put_bar(line, number, bar, "show", palette)
            text = plain(number, glyphs, _NUMBER, axis_places(1.0, _NUMBER))
        else:
            put_signed_bar(line, number, bar, palette, half)
            text = signed(number, glyphs, _NUMBER, axis_places(half, _NUMBER))
        line.put(text.rjust(_NUMBER + 1), palette.style("ink", ground))


def _words(picture: CausesPicture, width: int, palette: Palette, beside: bool) -> list[tuple[str, str]]:
    """Return what is told below the map, a line each with its ink: the cell, its units, the accounts, the colours."""
    glyphs, found, question = palette.glyphs, picture.found, picture.question
    column = picture.under
    assert found is not None
    lines: list[tuple[str, str]] = []

    def put(text: str, ink: str) -> None:
        lines.extend((part, ink) for part in wrapped_text(glyphs.say(text), max(width, 20)))

    def token(t: int) -> str:
        return f"“{visible(question.one.sequence.tokens[t])}” (t={t})"

    if column is not None:
        number = float(found.numbers[picture.t - found.places.start, found.columns.index(column)])
        name = "the token" if column.value == TOKEN else letter(column.value)
        told = "not known yet" if np.isnan(number) else way_words(found, number)
        put(f"{name} at {token(picture.t)} as in {visible(question.other.name)}: {told}", "title")
        put(f"enter: {question.line(column, picture.t)}", "soft")
    cell = picture.asked or (question.memory, question.place)
    numbers = picture.units.get(cell)
    if numbers is not None:
        best = [unit for unit in unit_order(found, numbers)[:_MOST_UNITS] if numbers[unit] != found.here]
        names = (question.names.label(cell[0].pass_name, unit, cell[0].value) for unit in best)
        told = "; ".join(
            f"{name}: {way_words(found, float(numbers[unit]))}" for name, unit in zip(names, best, strict=True)
        )
        put(f"units of {letter(cell[0].value)} at {token(cell[1])} alone; {told or 'none changes it'}", "accent")
    for text in (*question.other.conditions, *range_words(found)):
        put(text, "title")
    if picture.accounts:
        for text in account_words(picture.accounts, found.places, token):
            put(text, "title")
    accounts = "; causes here, beside them accounts" if beside else ""
    put(f"1.00: the whole way to what the second sentence says, 0: no way{accounts}", "soft")
    return lines


def causes_analysis(view: View, question: CausalQuestion) -> Analysis:
    """Return the question which value of which token is the cause; it opens the edit of the cell under the cursor."""
    memory = question.memory
    shown = [column for column in question.columns if column.pass_name in ("", memory.pass_name)]
    first = CausesPicture(view, question, pass_name=memory.pass_name, cursor=question.place, column=shown.index(memory))
    keys = [
        leaving("Y,shift+y"), *moving(_moved), *sideways(_other_pass),
        AnalysisKey("l,right", lambda one: _aside(one, 1)), AnalysisKey("h,left", lambda one: _aside(one, -1)),
        AnalysisKey("u", _units), halting(), AnalysisKey("enter", _branch),
    ]  # fmt: skip
    line = (
        ("j/k", "token"), ("h/l", "value"), ("[]", "pass"), ("enter", "make it an edit"), ("u", "its units"),
        ("s", "stop"), ("esc", "back"),
    )  # fmt: skip
    return Analysis(first, _compute, keys, line, "causes")


def _compute(picture: CausesPicture) -> Work:
    """Compute the map, the units of the memory, and the accounts; of a map that is there the units that are asked."""
    question, asked = picture.question, picture.asked

    def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
        if asked is not None and picture.accounts:
            yield {"units": {**picture.units, asked: question.units(*asked)}, "working": False}
            return
        found = question.begun()
        yield {"found": found}
        pace = Pace()
        for done, (row, column, number) in enumerate(question.each(found)):
            if stopped():
                return
            found.numbers[row, column] = number
            if pace.is_due():
                yield {"found": replace(found, numbers=found.numbers.copy()), "done": done + 1}
        yield {"found": found, "done": found.numbers.size}
        cell = question.memory, question.place
        units = question.units(*cell)
        yield {"units": {cell: units}}
        if not stopped():
            yield {"accounts": question.accounts(found, unit_order(found, units)[0]), "working": False}

    return work


def _moved(picture: CausesPicture, down: int) -> CausesPicture:
    """Go to the token above or below."""
    places = picture.places
    if not places:
        return picture
    return picture.but(cursor=min(max(picture.t + down, places.start), places.stop - 1))


def _aside(picture: CausesPicture, by: int) -> CausesPicture:
    """Go to the value at the right or at the left."""
    return picture.but(column=min(max(picture.column + by, 0), max(len(picture.chosen) - 1, 0)))


def _other_pass(picture: CausesPicture, by: int) -> CausesPicture:
    """Look at the values of another pass."""
    names = list(picture.question.one.passes)
    return picture.but(pass_name=names[(names.index(picture.pass_name) + by) % len(names)])


def _units(picture: CausesPicture) -> Follows:
    """Ask what each unit of the cell under the cursor does alone."""
    column = picture.under
    if column is None or not column.pass_name or picture.working:
        return picture
    return Ask(picture.but(asked=(column, picture.t), working=True))


def _branch(picture: CausesPicture) -> Follows:
    """Make the interchange of the cell under the cursor."""
    column = picture.under
    return picture if column is None else Close(ClickTarget(line=picture.question.line(column, picture.t)))
