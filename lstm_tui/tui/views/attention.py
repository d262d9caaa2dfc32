"""Where a cell looks, on the whole screen: steps by places of the collection, and beside it what was used.

The upper map has the weights, the lower one what changes in what is said when a place is left out at that step alone.
The cell under the cursor is told in words, with what is said when its place is left out at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.analysis.attention import LEFT_OUT, Attention, Without, each_without, looking_of, said_of
from lstm_tui.debugger.inspect.attention import (
    NOT_USED,
    cell_words,
    effect_of,
    not_kept,
    not_whole,
    without_words,
    word_of,
)
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, cut, first_row, fit, window, wrapped_text
from lstm_tui.tui.canvas.charts import put_heat, shade_of
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import (
    Analysis,
    AnalysisKey,
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
)

_PLACE, _TOKEN, _CELL = 5, 16, 8
_FEWEST = 3
"""Rows of a map that are worth drawing."""


@dataclass(frozen=True, eq=False)
class AttentionPicture:
    """What is known of where a cell looks.

    Attributes:
        view: The position at which it was asked.
        found: The weights; None where there is nothing to look at.
        said: What is said at each step, (S, K); None where that is not known.
        alone: By how much what is said becomes likelier without a row at that step alone, (S, R); NaN while unknown.
        without: What is said without a row, by step (None for all of them) and row.
        cursor: The place of the tape under the cursor.
        column: The row of the collection under the cursor, from 0.
        done: How many runs are there.
        working: Whether something is still computed.
        problem: Why there is no answer; may be empty.
    """

    view: View
    found: Attention | None = None
    said: Array | None = None
    alone: Array | None = None
    without: Mapping[tuple[int | None, int], Without] = field(default_factory=dict)
    cursor: int = 0
    column: int = 0
    done: int = 0
    working: bool = True
    problem: str = ""

    def but(self, **changes: Any) -> AttentionPicture:
        """Return it with some things changed."""
        return replace(self, **changes)

    @property
    def awaited(self) -> bool:
        """Nothing is waited for: the weights are there at once."""
        return False

    @property
    def t(self) -> int:
        """The step under the cursor among those that look; the nearest of them."""
        steps = range(1) if self.found is None else self.found.steps
        return min(max(self.cursor, steps.start), steps.stop - 1)

    @property
    def step(self) -> int:
        """The same, from 0."""
        return 0 if self.found is None else self.t - self.found.steps.start

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the maps."""
        return draw_attention(self, width, height, palette)


def draw_attention(picture: AttentionPicture, width: int, height: int, palette: Palette) -> Drawing:
    """Draw where is looked, below it what was used where there is room, and the cell under the cursor in words."""
    glyphs, style, found = palette.glyphs, palette.style, picture.found
    drawing = Drawing(width, height, palette, "O attention")
    if found is None or not found.rows:
        put_unanswered(drawing, picture.problem or "nothing was put into the collection yet", "looking")
        return drawing
    look = found.look
    drawing.title = (
        f"O attention {glyphs.dot} {found.pass_name} {glyphs.dot} {look.reader} = {look.formula.replace(' ', '')}"
    )
    if picture.working:
        drawing.note = f"{picture.done} of {(len(found.steps) + 1) * len(found.rows)} runs"
    words = _words(picture, width - 2, palette)
    grid = _grid_of(found)
    room = height - len(words) - 1 - (grid[0] + 1 if grid else 0)
    both = room >= 2 * (min(len(found.steps), _FEWEST) + 1) and picture.alone is not None
    rows = max(min(len(found.steps), (room // (2 if both else 1)) - 1), 1)
    columns = range(*window(picture.column, len(found.rows), max((width - _PLACE - _TOKEN) // _CELL, 1)))
    if len(columns) < len(found.rows):
        sight = f"places {columns.start + 1}–{columns.stop} of {len(found.rows)}"
        drawing.note = f"{drawing.note} {glyphs.dot} {sight}" if drawing.note else f"{sight}: h/l"
        drawing.shorter = (sight,)
    _map(drawing, picture, columns, rows, f" {look.weights}: looked at", found.weights)
    if both and picture.alone is not None:
        _map(drawing, picture, columns, rows, " left out alone", picture.alone)
    if grid and drawing.room >= grid[0] + 1:
        _grid(drawing, picture, *grid)
    if drawing.room > len(words):
        drawing.line()
    for text, ink in words[: max(drawing.room, 0)]:
        drawing.line().put(" " + cut(text, width - 2, glyphs), style(ink))
    return drawing


def _map(drawing: Drawing, picture: AttentionPicture, columns: range, rows: int, head: str, values: Array) -> None:
    """Draw one map: a row a step, a column for each row of the collection by the token that wrote it."""
    palette, glyphs, found = drawing.palette, drawing.palette.glyphs, picture.found
    assert found is not None
    line = drawing.line().put(cut(head, _PLACE + _TOKEN - 1, glyphs), palette.style("soft"))
    line.to(_PLACE + _TOKEN)
    for n in columns:
        writer = int(found.writers[-1, n])
        label = picture.view.label(writer, palette) if writer >= 0 else f"[{found.rows[n]}]"
        here = n == picture.column
        text = " " + fit(label, _CELL - 2, glyphs, right=True) + " "
        line.put(text, palette.style("title" if here else "soft", bold=here))
    first = first_row(picture.step, len(found.steps), rows)
    shades = shade_of(values, 1.0)
    for step in range(first, min(first + rows, len(found.steps))):
        t = found.steps[step]
        label = picture.view.label(t, palette)
        if picture.said is not None:
            label = f"{label} {glyphs.right} {word_of(found, picture.said[step]) or glyphs.nan}"
        line, ground = put_token(drawing, t, label, t == picture.t, False, _PLACE, _TOKEN)
        for n in columns:
            here = t == picture.t and n == picture.column
            edge = glyphs.cursor if here else " "
            if np.isnan(values[step, n]) and values is picture.alone and (step, n) not in picture.without:
                line.put(edge + glyphs.more.rjust(_CELL - 2) + " ", palette.style("faint", ground, bold=here))
            else:
                put_heat(line, float(values[step, n]), int(shades[step, n]), _CELL, 1.0, palette, edge=edge)


def _grid_of(found: Attention) -> tuple[int, int] | None:
    """Return in how many rows and columns the collection lies, where it is a picture that was read whole."""
    network = found.trace.network
    grid = None if network is None else network.grid
    return grid if grid is not None and len(found.rows) == grid[0] * grid[1] else None


def _grid(drawing: Drawing, picture: AttentionPicture, rows: int, columns: int) -> None:
    """Draw the regions of a picture as they lie in it, each by how much it is looked at at the step of the cursor."""
    palette, glyphs, found = drawing.palette, drawing.palette.glyphs, picture.found
    assert found is not None
    said = "" if picture.said is None else f" {glyphs.right} {word_of(found, picture.said[picture.step]) or glyphs.nan}"
    label = picture.view.label(picture.t, palette)
    drawing.line().put(cut(f" looked at for {label}{said}", drawing.width - 1, glyphs), palette.style("soft"))
    values = found.weights[picture.step]
    shades = shade_of(values, 1.0)
    for row in range(rows):
        line = drawing.line().put(" " * _PLACE)
        for n in range(row * columns, (row + 1) * columns):
            writer = int(found.writers[-1, n])
            sign = fit(picture.view.label(writer, palette) if writer >= 0 else glyphs.dot, 1, glyphs)
            here = n == picture.column
            line.put(glyphs.cursor if here else " ", palette.style("title", bold=True)).put(sign, palette.style("ink"))
            put_heat(line, float(values[n]), int(shades[n]), _CELL, 1.0, palette)


def _words(picture: AttentionPicture, width: int, palette: Palette) -> list[tuple[str, str]]:
    """Return what is told below the maps, a line each with its ink."""
    glyphs, found = palette.glyphs, picture.found
    assert found is not None
    lines: list[tuple[str, str]] = []

    def put(text: str, ink: str) -> None:
        lines.extend((part, ink) for part in wrapped_text(glyphs.say(text), max(width, 20)))

    put(cell_words(found, picture.step, picture.column), "title")
    if missed := not_whole(found, picture.step):
        put(missed, "alarm")
    for step in (picture.step, None):
        one = picture.without.get((step, picture.column))
        if one is not None and picture.said is not None:
            put(without_words(found, picture.said, one), "accent")
    if picture.problem:
        put(picture.problem, "alarm")
    if lost := not_kept(found):
        put(lost, "alarm")
    put(NOT_USED, "soft")
    return lines


def attention_analysis(view: View) -> Analysis:
    """Return the question where a cell looks; it leads to the equation, or to a pin, of the cell under the cursor."""
    first = AttentionPicture(view, cursor=view.t)
    try:
        found = _found(view)
        first = first.but(found=found, column=found.most(first.but(found=found).step) if found.rows else 0)
    except UserError as error:
        first = first.but(problem=str(error), working=False)
    keys = [
        leaving("O,shift+o"), *moving(_moved),
        AnalysisKey("l,right", lambda one: _aside(one, 1)), AnalysisKey("h,left", lambda one: _aside(one, -1)),
        AnalysisKey("e", _pinned), halting(), AnalysisKey("enter", _equation),
    ]  # fmt: skip
    line = (
        ("j/k", "step"), ("h/l", "place"), ("enter", "its equation"), ("e", "pin it"), ("s", "stop"), ("esc", "back"),
    )  # fmt: skip
    return Analysis(first, _compute, keys, line, "attention")


def _found(view: View) -> Attention:
    """Return where the selected pass looks, or else the first that does."""
    try:
        return looking_of(view.trace, view.pass_name)
    except UserError:
        return looking_of(view.trace)


def _compute(picture: AttentionPicture) -> Work | None:
    """Leave out every place: first at every step, then at each alone, the step under the cursor before the others."""
    found = picture.found
    if found is None or not found.rows:
        return None

    def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
        said = said_of(found)
        alone = np.full(found.weights.shape, np.nan)
        yield {"said": said, "alone": alone}
        steps = sorted(range(len(found.steps)), key=lambda step: abs(step - picture.step))
        cells = [(step, row) for step in (None, *steps) for row in range(len(found.rows))]
        without: dict[tuple[int | None, int], Without] = {}
        pace = Pace()
        for one in each_without(found, cells):
            if stopped():
                return
            without[one.step, one.row] = one
            if one.step is not None:
                alone[one.step, one.row] = effect_of(said, one, one.step)
            if pace.is_due():
                yield {"alone": alone.copy(), "without": dict(without), "done": len(without)}
        yield {"alone": alone, "without": without, "done": len(without), "working": False}

    return work


def _moved(picture: AttentionPicture, down: int) -> AttentionPicture:
    """Go to the step above or below."""
    if picture.found is None:
        return picture
    steps = picture.found.steps
    return picture.but(cursor=min(max(picture.t + down, steps.start), steps.stop - 1))


def _aside(picture: AttentionPicture, by: int) -> AttentionPicture:
    """Go to the place at the right or at the left."""
    last = 0 if picture.found is None else len(picture.found.rows) - 1
    return picture.but(column=min(max(picture.column + by, 0), max(last, 0)))


def _equation(picture: AttentionPicture) -> Follows:
    """Go to the equation of the weights at that step."""
    found = picture.found
    if found is None or not found.rows:
        return picture
    return Close(ClickTarget(found.pass_name, picture.t, found.rows[picture.column], found.look.weights))


def _pinned(picture: AttentionPicture) -> Follows:
    """Begin to type the edit by which this place alone is looked at: of its score, or else of its weight.

    A weight that is held leaves the others as they are, so that all together are more than is there to give.
    """
    found = picture.found
    if found is None or not found.rows:
        return picture
    look, number = found.look, found.rows[picture.column]
    value, held = (look.weights, "1") if look.scores is None else (look.scores, sentence(-LEFT_OUT, 6))
    return Close(ClickTarget(line=f"set {found.pass_name}.{value}[{number}] @ {picture.t} = {held}"))
