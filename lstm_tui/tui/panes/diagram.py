"""Pane 8: the cell as a picture that lives: what flows where, the numbers of one unit, the op at work lit.

Where the picture has no room, or leaves none for the chain of steps on the whole screen, the cell stands in lines, a
strand each.
"""

from __future__ import annotations

from typing import NamedTuple

from rich.style import Style

from lstm_tui.debugger.diagram.chain import chain_height, chain_lines, chain_width
from lstm_tui.debugger.diagram.characters import Grid, drawn, keep_names
from lstm_tui.debugger.diagram.dataflow import Mark
from lstm_tui.debugger.diagram.geometry import NUMBER, DiagramLayout
from lstm_tui.debugger.diagram.numbers import UnitStep, can_be_negative, standing, unit_of_diagram
from lstm_tui.debugger.diagram.placement import fitted
from lstm_tui.debugger.diagram.strands import Strand, strand_lines
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.panes import DIAGRAM
from lstm_tui.engine.number_text import compact
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, cut
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.panes.equations import inks_of
from lstm_tui.tui.panes.large_unit import draw_large_tape
from lstm_tui.tui.panes.memory import around
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View

_WHOLE_FROM = 76
"""Cells of the narrowest whole screen that is comfortable: a smaller field is a pane among others."""
_TAPE_LINES = 3
_TAPE_FROM = 18
"""Lines from which on the tape stands above the picture."""
_IN_ASCII = str.maketrans("╭─╮│╰╯├┤┬┴┼●▶◀×÷σ−·…━┯┷┿→←∞", "+-+|+++++++@><*/s-*~=+++><i")


def draw_diagram(
    view: View, width: int, height: int, palette: Palette, title: str = f"{DIAGRAM.number} diagram", tape: bool = True
) -> Drawing:
    """Draw the cell of the selected pass at the step where the run stands; above it the tape, where there is room."""
    drawing = Drawing(width, height, palette, title)
    step = standing(view.frame, view.unit)
    if step is None:
        drawing.line()
        drawing.line().put(" the sizes of this cell are not known, so it cannot be drawn", palette.style("soft"))
        return drawing
    drawing.note = f"{view.unit_words()} in {view.pass_name}"
    drawing.shorter = (view.unit_words(),)
    glyphs = palette.glyphs

    def number(mark: Mark) -> str:
        return step.written(mark, glyphs.more, glyphs.unknown, glyphs.infinity)

    strands = strand_lines(step.flow, number, width - 2)
    plan = _planned(view, step, strands, width, drawing.room - 2, tape and height >= _TAPE_FROM)
    if plan.tape:
        draw_large_tape(drawing, view, 2)
    room = drawing.room - 2 - plan.chain
    styles = _styles(view, step, palette)
    layout = plan.layout
    if layout is None:
        _draw_strands(drawing, step, strands, styles, room)
        _draw_chain(drawing, view, plan)
        _at_work(drawing, view, step)
        return drawing
    grid = drawn(layout, number)
    first_x, first_y = _in_sight(layout, step, width, room)
    if layout.width > width or layout.height > room:
        last_x, last_y = min(first_x + width, layout.width), min(first_y + room, layout.height)
        keep_names(grid, layout, (first_x, first_y), (last_x, last_y))
        columns = f"columns {first_x + 1}–{last_x} of {layout.width}"
        rows = f"rows {first_y + 1}–{last_y} of {layout.height}"
        cut_off = [said for said, cut in ((columns, layout.width > width), (rows, layout.height > room)) if cut]
        parts, least = ", ".join(cut_off), cut_off[0]
        unit = "" if tape else f"{view.unit_words()} {glyphs.dot} "  # beside the tape it is named on the screen already
        hint = "D has more room: " if tape and width < _WHOLE_FROM else ""
        drawing.note = f"{unit}{hint}{parts}"
        drawing.shorter = (f"{unit}{hint}{least}", f"{unit}{least}", least)
    shift = max((width - layout.width) // 2, 0)
    for _ in range(max((room - layout.height) // 2, 0)):
        drawing.line()
    for y in range(first_y, min(first_y + room, layout.height)):
        _draw_row(drawing, layout, grid, styles, (first_x, y), shift)
    _draw_chain(drawing, view, plan)
    _at_work(drawing, view, step)
    return drawing


class _Plan(NamedTuple):
    """What is drawn, from the top.

    Attributes:
        tape: Whether the tape stands above.
        layout: The picture; None where the cell stands in lines.
        chain: Lines of the chain of steps with the free one above it; 0 where it is left out.
        small: Whether the chain is that for little room.
    """

    tape: bool
    layout: DiagramLayout | None
    chain: int = 0
    small: bool = False


def _planned(view: View, step: UnitStep, strands: list[Strand], width: int, room: int, tape: bool) -> _Plan:
    """Return the roomiest of what fits: the picture with a chain, lines with a chain, or one of the two alone."""
    whole, small = chain_height(view.frame) + 1, chain_height(view.frame, small=True) + 1
    below = room - (_TAPE_LINES if tape else 0)

    def picture(lines: int) -> DiagramLayout | None:
        made = fitted(step.flow, width, lines, step.backward)
        return made if made.height <= lines and made.width <= width else None

    layout = picture(below - whole)
    if layout is not None:
        return _Plan(tape, layout, whole)
    if tape:  # the whole screen: the chain, which has the tokens too, is worth more than the tape
        layout = picture(room - small)
        if layout is not None:
            return _Plan(False, layout, small, small=True)
        for chain in (whole, small):
            if len(strands) + chain <= room:
                return _Plan(len(strands) + chain <= below, None, chain, small=chain == small)
    layout = picture(below)
    if layout is not None:
        return _Plan(tape, layout)
    if len(strands) <= room:
        return _Plan(len(strands) <= below and tape, None)
    return _Plan(tape, fitted(step.flow, width, below, step.backward))


def _draw_strands(
    drawing: Drawing, step: UnitStep, strands: list[Strand], styles: dict[tuple[str, int], Style], room: int
) -> None:
    """Draw the cell in lines, spread over the room that there is; a click on a named value chooses it."""
    smooth = drawing.palette.glyphs.smooth
    for _ in range(max((room - len(strands)) // 2, 0)):
        drawing.line()
    for strand in strands:
        line = drawing.line().put(" ")
        for piece in strand:
            text = piece.text if smooth else piece.text.translate(_IN_ASCII)
            start = line.x
            line.put(text, styles["wire" if piece.wire else "mark", piece.key])
            name = step.flow.marks[piece.key].name
            if name and not piece.wire:
                drawing.hit(start, line.x, ClickTarget(value=name))


def _draw_row(
    drawing: Drawing,
    layout: DiagramLayout,
    grid: Grid,
    styles: dict[tuple[str, int], Style],
    first: tuple[int, int],
    shift: int,
) -> None:
    """Draw one row of the grid from a place on; a click on a mark of a named value chooses it."""
    line, smooth = drawing.line(), drawing.palette.glyphs.smooth
    line.to(shift)
    for x in range(first[0], min(first[0] + drawing.width - shift, layout.width)):
        sign = grid.get((x, first[1]))
        if sign is None:
            line.put(" ")
            continue
        text = sign.text if smooth else sign.text.translate(_IN_ASCII)
        line.put(text, styles["wire" if sign.part == "wire" else "mark", sign.key])
        name = layout.flow.marks[sign.key].name
        if sign.part != "wire" and name:
            drawing.hit(line.x - 1, line.x, ClickTarget(value=name))


def _draw_chain(drawing: Drawing, view: View, plan: _Plan) -> None:
    """Draw the chain of steps at the foot, the one at the position brighter; a click on a step chooses its token."""
    if not plan.chain:
        return
    while drawing.room > plan.chain + 1:
        drawing.line()
    palette, smooth = drawing.palette, drawing.palette.glyphs.smooth
    units = {name: view.unit_of(name) for name in view.trace}
    lines = chain_lines(view.frame, units, drawing.width - 2, plan.small)
    shift = max((drawing.width - chain_width(lines)) // 2, 1)
    drawing.line()
    for pieces in lines:
        line = drawing.line()
        line.to(shift)
        for piece in pieces:
            start, here = line.x, piece.t == view.t
            ink = "accent" if piece.value and piece.text[:1] in "━◀" and "━" in piece.text else "ink"
            ink = "title" if here and ink == "ink" else ink
            text = piece.text if smooth else piece.text.translate(_IN_ASCII)
            style = palette.style(ink, bold=here and not piece.value, faded=not piece.done)
            line.put(text if smooth or text.isascii() else f"t={piece.t}".center(len(text)), style)
            if piece.t >= 0 and line.x > start:
                drawing.hit(start, line.x, ClickTarget(t=piece.t))


def _in_sight(layout: DiagramLayout, step: UnitStep, width: int, height: int) -> tuple[int, int]:
    """Return the first column and row to draw: from the left and the top while what is at work is in sight there."""
    if step.at_work is None:
        return 0, 0
    place = layout.places[step.at_work]
    middle_x, middle_y = place.x + place.width // 2, place.y + place.height // 2
    right, bottom = max(place.x + place.width, place.label + place.label_width), place.y + place.height
    return (
        0 if right <= width else min(max(middle_x - width // 2, 0), max(layout.width - width, 0)),
        0 if bottom <= height else min(max(middle_y - height // 2, 0), max(layout.height - height, 0)),
    )


def _styles(view: View, step: UnitStep, palette: Palette) -> dict[tuple[str, int], Style]:
    """Return how each mark and the wire that leaves it are drawn: what was not reached faint, what is at work lit."""
    inks, equations = inks_of(view), step.program.equations
    found: dict[tuple[str, int], Style] = {}
    belts = {key for way in step.flow.belts.values() for key in way}
    for mark in step.flow.marks:
        of = mark.name or (equations[mark.equation].name if mark.equation >= 0 else "")
        ink, done = inks.get(of, "plain"), step.done[mark.key]
        ink = "accent" if mark.key in belts or mark.name in step.flow.belts else "ink" if ink == "plain" else ink
        found["wire", mark.key] = palette.style(ink if done else "frame")
        if mark.key == step.at_work:
            found["mark", mark.key] = palette.style("ground", "key" if ink == "ink" else ink, bold=True)
        else:
            found["mark", mark.key] = palette.style(ink, faded=not done)
    return found


def _at_work(drawing: Drawing, view: View, step: UnitStep) -> None:
    """Write the op that was taken last, in the signs of the equations, and what it gave."""
    while drawing.room > 1:
        drawing.line()
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    line = drawing.line().put(" ")
    if step.op is None or step.at_work is None:
        line.put("before the first equation of this token: s takes it, i one op", palette.style("soft"))
        return
    passed, unit, target = view.passed, view.unit, step.op.target
    row = passed.row(view.t)
    number = step.numbers[step.at_work]
    if row is not None:
        own = 0 if target.size == 1 else unit_of_diagram(passed, step.flow.marks[step.at_work].name, target.size, unit)
        number = float(row[target.offset + own]) if own < target.size else None
    text = visible(glyphs.say(step.op.text))
    name, _, right = text.rpartition(" = ")
    line.put(f"{letter(name)} = " if name else "", palette.style("title", bold=True))
    sign = can_be_negative(step.op.op)
    shown = "" if number is None else f" = {compact(number, NUMBER, sign, glyphs.infinity)}"
    line.put(cut(right, line.width - line.x - len(shown) - 1, glyphs), palette.style("ink"))
    line.put(shown, palette.style("title", bold=True))
    label = step.flow.marks[step.at_work].label
    if label and line.x + len(label) + 4 < line.width:
        line.right(f"{glyphs.say(visible(label))} ", palette.style("soft"))


class DiagramPane(Pane):
    """The picture of the selected pass; the cursor chooses another value or unit."""

    NUMBER, WORD = DIAGRAM.number, DIAGRAM.word

    def needs(self, view: View) -> str | None:
        """Return the pass that is drawn."""
        return view.pass_name

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the picture."""
        return draw_diagram(view, width, height, palette)

    def move(self, right: int, down: int) -> None:
        """Choose the next unit of the order, or go to the next token."""
        if down:
            self.post_message(self.Chosen(around(self.view, 0, down)))
        else:
            self.post_message(self.Stepped(right))
