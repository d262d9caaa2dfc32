"""One unit for a class: the tape, the one equation and what this step does to the unit, as large as it fits."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len

from lstm_tui.debugger.frame import equations_of
from lstm_tui.tui.render.cell import inks_of
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.label import cut
from lstm_tui.tui.render.large_equation import draw_equation
from lstm_tui.tui.render.large_step import draw_step
from lstm_tui.tui.render.large_tape import draw_large_tape
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View


@dataclass(frozen=True)
class _Plan:
    """How many lines each part gets on a screen of some height; the step gets what is left."""

    tape: int
    words: int
    equation: int


_PLANS = ((40, _Plan(5, 6, 7)), (34, _Plan(4, 3, 7)), (27, _Plan(4, 1, 7)), (20, _Plan(4, 1, 4)))
_SMALL = _Plan(2, 1, 2)


def draw_one_unit(view: View, width: int, height: int, palette: Palette) -> Drawing:
    """Draw one unit of the selected pass at the step where the run stands."""
    drawing = Drawing(width, height, palette)
    plan = next((plan for least, plan in _PLANS if height >= least), _SMALL)
    _heading(drawing, view)
    draw_large_tape(drawing, view, plan.tape)
    draw_equation(drawing, view, plan.words, plan.equation)
    draw_step(drawing, view, drawing.room)
    return drawing


def _heading(drawing: Drawing, view: View) -> None:
    """Write which unit it is, and how far its step has come: every value by name, done, chosen or to come."""
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    line = drawing.line()
    ranking = list(view.ranking(view.pass_name))
    place = f"{ranking.index(view.unit) + 1} of {len(ranking)} {view.order_words()}"
    line.put(f" unit {view.unit}", palette.style("title", bold=True))
    line.put(f"  {view.pass_name}  {glyphs.say(place)}", palette.style("soft"))
    names = [equation.name for equation in equations_of(view.passed) if equation.name in view.passed]
    room = drawing.width - line.x - 4
    if sum(cell_len(name) + 4 for name in names) > room:
        line.right(cut(f"{view.value} of {len(names)} values ", room, glyphs), palette.style("soft"))
        return
    inks = inks_of(view)
    line.to(drawing.width - sum(cell_len(name) + 4 for name in names))
    for name in names:
        reached = view.frame.reached(view.pass_name, name)
        ink = "title" if inks.get(name, "plain") == "plain" else inks[name]
        start = line.x
        if name == view.value:
            line.put(f" {name} ", palette.style("ground", ink, bold=True))
        else:
            line.put(f" {name} ", palette.style(ink, bold=reached, faded=not reached))
        line.put(glyphs.yes[0] if reached and glyphs.smooth else " ", palette.style("soft"))
        drawing.hit(start, line.x, Target(pass_name=view.pass_name, value=name))
