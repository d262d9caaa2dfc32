"""The text as it reads, on the whole screen: the ground of each token is what a unit, or any number, is at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from rich.cells import cell_len
from rich.style import Style

from lstm_tui.debugger.expressions.scope import Scope
from lstm_tui.debugger.inspect.coloured_text import ColouredText, coloured_text, extremes, mark_of, wrapped
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end, sentence
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, cut, first_row, token_label, wrapped_text
from lstm_tui.tui.canvas.charts import shade_of
from lstm_tui.tui.canvas.palette import SHADES, Glyphs, Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import (
    Analysis,
    AnalysisKey,
    Ask,
    Changes,
    Close,
    Follows,
    Work,
    leaving,
    moving,
    put_unanswered,
)

_LEGEND = 21
"""Cells of the colours that are explained."""


@dataclass(frozen=True, eq=False)
class ColouredPicture:
    """What is shown.

    Attributes:
        view: The position at which it was asked.
        scope: The run, and what names mean.
        what: The expression that the text is coloured by.
        unit: The unit of the memory that is meant; None where the expression was typed.
        text: The text with its numbers; None until they are there.
        cursor: The token under the cursor.
        working: Whether the numbers are still computed.
        problem: Why there are none; may be empty.
    """

    view: View
    scope: Scope
    what: str
    unit: int | None
    text: ColouredText | None = None
    cursor: int = 0
    working: bool = True
    problem: str = ""

    def but(self, **changes: Any) -> ColouredPicture:
        """Return it with some things changed."""
        return replace(self, **changes)

    @property
    def awaited(self) -> bool:
        """Whether the tokens to walk on are not there yet."""
        return self.working

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the text."""
        return draw_coloured_text(self, width, height, palette)


def draw_coloured_text(picture: ColouredPicture, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the text in lines, marks below them where there is room or no colour, and what the colours mean."""
    glyphs = palette.glyphs
    drawing = Drawing(width, height, palette, cut(f"U text by {glyphs.say(picture.what)}", width // 2, glyphs))
    text = picture.text
    if text is None or picture.problem:
        put_unanswered(drawing, picture.problem, picture.what)
        return drawing
    room = max(width - 2, 1)
    labels = [" " if one == " " else cut(token_label(one, glyphs), room, glyphs) for one in text.tokens]
    lines = wrapped(labels, text.apart, room)
    under = picture.cursor - text.first
    said = _said(picture, text, labels[min(max(under, 0), len(labels) - 1)], under, max(width - 2, 20), glyphs)
    rows = max(height - 2 - len(said), 1)
    each = 2 if palette.ramp or 2 * len(lines) <= rows else 1
    at = next((number for number, line in enumerate(lines) if any(n >= under for n, _ in line)), len(lines) - 1)
    first = first_row(at, len(lines), max(rows // each, 1))
    shades = shade_of(text.numbers, text.half)
    for line in lines[first : first + max(rows // each, 1)]:
        _put_line(drawing, text, labels, line, shades, under)
        if each == 2:
            marks = drawing.line().put(" ")
            for n, x in line:
                marks.to(1 + x).put(_mark(palette, float(text.numbers[n]), text.half) * cell_len(labels[n]),
                                    palette.style("soft"))  # fmt: skip
    if drawing.room > 1 + len(said):
        drawing.line()
    _put_legend(drawing, text)
    for one in said:
        drawing.line().put(" " + cut(one, width - 2, glyphs), palette.style("title"))
    return drawing


def _said(
    picture: ColouredPicture, text: ColouredText, label: str, under: int, width: int, glyphs: Glyphs
) -> list[str]:
    """Return the number of the token under the cursor, and the largest and the least, in lines of a width."""
    number = float(text.numbers[min(max(under, 0), len(text.numbers) - 1)])
    told = "not known" if np.isnan(number) else sentence(number, sign=True)
    here = f"t={picture.cursor} “{label}”: {told}"
    return wrapped_text(glyphs.say(f"{here}; {', '.join(extremes(text))}"), width)


def _mark(palette: Palette, number: float, half: float) -> str:
    return mark_of(number, half, palette.glyphs.ramp, palette.glyphs.ramp_negative)


def _put_line(
    drawing: Drawing, text: ColouredText, labels: list[str], line: list[tuple[int, int]], shades: Any, under: int
) -> None:
    palette = drawing.palette
    row = drawing.line().put(" ")
    for n, x in line:
        row.to(1 + x)
        if np.isnan(text.numbers[n]):
            style = palette.style("faint")
        elif palette.ramp:
            style = palette.style("ink")
        else:
            style = palette.diverging(edge=True)[int(shades[n])]
        if n == under:
            style = style + Style(bold=True, underline=True)
        row.put(labels[n], style)
        drawing.hit(1 + x, 1 + x + cell_len(labels[n]), ClickTarget(t=text.first + n))


def _put_legend(drawing: Drawing, text: ColouredText) -> None:
    """Write the axis of the colours: its ends, and the colours or marks between them."""
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    end = axis_end(text.half)
    line = drawing.line().put(f" {glyphs.minus}{end} ", palette.style("soft"))
    for place in np.linspace(-text.half, text.half, _LEGEND):
        mark = _mark(palette, float(place), text.half)
        shade = int(np.rint((place / text.half + 1) / 2 * (SHADES - 1)))
        line.put(mark, palette.style("soft") if palette.ramp else palette.diverging(edge=True)[shade])
    line.put(f" +{end}", palette.style("soft"))


def coloured_analysis(view: View, scope: Scope, what: str) -> Analysis:
    """Return the text coloured by an expression, without one by the unit chosen; it opens a token."""
    unit = None if what else view.unit
    first = ColouredPicture(view, scope, what or _unit(view, view.unit), unit, cursor=view.t)
    keys = [
        leaving("U,shift+u"), *moving(lambda one, down: _moved(one, 10 * down)),
        AnalysisKey("l", lambda one: _moved(one, 1)),
        AnalysisKey("h", lambda one: _moved(one, -1)), AnalysisKey("u", lambda one: _other_unit(one, 1)),
        AnalysisKey("enter", lambda one: Close(ClickTarget(t=one.cursor))),
    ]  # fmt: skip
    line = (("h/l", "token"), ("j/k", "ten on"), ("u", "next unit"), ("enter", "go"), ("esc", "back"))
    return Analysis(first, _compute, keys, line, "text-by-unit")


def _unit(view: View, unit: int) -> str:
    return f"{view.pass_name}.{view.memory_name}[{unit}]"


def _compute(picture: ColouredPicture) -> Work | None:
    def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
        yield {"text": coloured_text(picture.scope, picture.what, picture.view.t), "working": False}

    return work


def _moved(picture: ColouredPicture, by: int) -> ColouredPicture:
    """Go to the next token, or the one before."""
    text = picture.text
    if text is None:
        return picture
    return picture.but(cursor=min(max(picture.cursor + by, text.first), text.first + len(text.tokens) - 1))


def _other_unit(picture: ColouredPicture, by: int) -> Follows:
    """Colour by the next unit of the memory."""
    count = picture.view.trace[picture.view.pass_name][picture.view.memory_name].shape[1]
    unit = ((picture.unit if picture.unit is not None else picture.view.unit) + by) % count
    return Ask(picture.but(unit=unit, what=_unit(picture.view, unit), working=True, problem=""))
