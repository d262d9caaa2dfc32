"""The explanation of one value: its equation, the numbers in it, and what weighs most in its products."""

from __future__ import annotations

import numpy as np
from rich.text import Text
from textual.content import Content

from lstm_tui.debugger.scale import scale_of
from lstm_tui.engine.expression import show
from lstm_tui.engine.number_text import axis_end, exact
from lstm_tui.engine.visible import visible
from lstm_tui.tui.render.bars import put_signed_bar
from lstm_tui.tui.render.cell import explained, inks_of, put_outcome
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.number import signed
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.worked import pieces_of, put_worked
from lstm_tui.tui.screens.page import Page
from lstm_tui.tui.view import View

_WIDTH = 76
_BAR = 24


def explain_page(view: View, palette: Palette) -> Page:
    """Return the page for the value under the cursor."""
    title = f"{view.value}[{view.unit}] at t={view.t}, {view.label(view.t, palette)}, {view.pass_name}"
    return Page(title, [_content(line) for line in explain_lines(view, palette)])


def explain_lines(view: View, palette: Palette) -> list[Line]:
    """Return the lines of the explanation."""
    found = explained(view, view.value)

    def new() -> Line:
        return Line(_WIDTH, palette.style())

    if found is None:
        return [new().put("this trace does not hold the value", palette.style("soft"))]
    equation = view.passed.cell.equation(view.value)
    soft, title, inks = palette.style("soft"), palette.style("title", bold=True), inks_of(view)
    lines: list[Line] = []
    if equation.label or equation.help:
        lines += [new().put(f"{visible(equation.label)}: {visible(equation.help)}", soft), new()]
    head = new().put(found.value, title).put(f" = {palette.glyphs.say(show(equation.expression))}", palette.style())
    worked, under = new().put(found.value, title).put(" = ", soft), new()
    under.to(worked.x)
    put_worked(worked, under, pieces_of(found, palette.glyphs), palette, inks, False)
    put_outcome(worked, view, found, palette)
    lines += [head, new(), worked, under]
    lines.append(new().put(f"{exact(found.number + 0.0)} exactly", palette.style("faint")))
    summands = found.terms if len(found.terms) > 1 else ()
    for heading, terms in (("summands", summands), ("largest products", found.largest)):
        if not terms:
            continue
        half = scale_of(np.array([term.number for term in terms]), least=0.05)
        scale = f"   {palette.glyphs.plus_minus}{axis_end(half)}"
        lines += [new(), new().put(heading, palette.style("accent", bold=True)).put(scale, soft)]
        for term in terms:
            line = new().put(f"  {term.label}", palette.style()).to(22)
            put_signed_bar(line, term.number, _BAR, palette, half)
            lines.append(line.put(signed(term.number, palette.glyphs).rjust(7), palette.style()))
    if not view.frame.reached(view.pass_name, view.value):
        lines += [new(), new().put("the run has not come to this equation yet", palette.style("alarm"))]
    return lines


def _content(line: Line) -> Content:
    text = Text(end="")
    for piece, style in line.parts():
        text.append(piece, style)
    return Content.from_rich_text(text)
