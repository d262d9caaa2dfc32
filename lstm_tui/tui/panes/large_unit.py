"""Pane 0: one unit for a class, as large as it gets: the tape, one equation, and what this step does to the unit."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style

from lstm_tui.debugger.inspect.explain import Explanation
from lstm_tui.debugger.panes import ONE_UNIT
from lstm_tui.debugger.position import equations_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut
from lstm_tui.tui.canvas.large_text import LINES, put_large, width_of
from lstm_tui.tui.canvas.palette import Glyphs, Palette
from lstm_tui.tui.panes.equations import edit_words, explained, inks_of, number_of, pieces_of, put_change
from lstm_tui.tui.panes.large_update import draw_step
from lstm_tui.tui.panes.memory import around
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.panes.tape import in_sight
from lstm_tui.tui.view import View

_GAP = 2
"""Cells behind a large symbol."""


class _Column(NamedTuple):
    """A symbol over its number, each with its style."""

    symbol: str
    number: str
    over: Style
    under: Style

    def width(self, large: bool, glyphs: Glyphs) -> int:
        """Return how many cells it takes, with the gap behind it where its number is large."""
        if not large:
            return max(cell_len(self.symbol), cell_len(self.number))
        return max(width_of(self.symbol, glyphs), width_of(self.number, glyphs)) + _GAP


def draw_equation(drawing: Drawing, view: View, words: int, height: int) -> None:
    """Draw what the chosen value means in `words` lines, and its equation in `height` lines."""
    _words(drawing, view, words)
    found = explained(view, view.value)
    before = len(drawing.lines)
    if found is None:
        drawing.line().put(" this trace does not hold the value", drawing.palette.style("soft"))
    else:
        _worked(drawing, view, found, height)
    while len(drawing.lines) < min(before + height, drawing.height):
        drawing.line()


def _words(drawing: Drawing, view: View, height: int) -> None:
    """Write the comment of the equation, large where there is room; at the right whose step it is."""
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    equation = next(one for one in equations_of(view.passed) if one.name == view.value)
    ink = inks_of(view).get(view.value, "plain")
    label = glyphs.say(visible(equation.label or equation.name))
    help_ = glyphs.say(visible(equation.help))
    strong, quiet = palette.style("title" if ink == "plain" else ink, bold=True), palette.style("title", bold=True)
    unit = view.unit_words()
    if height < LINES:
        line = drawing.line().put(f"  {label}", strong)
        _stop(line, view)
        line.put(cut(f": {help_}" if help_ else "", drawing.width - line.x - 1, glyphs), quiet)
        return
    lines = [drawing.line().put("  ") for _ in range(LINES)]
    put_large(lines, cut(label, 30, glyphs), strong, glyphs)
    _stop(lines[1], view)
    left = drawing.width - width_of(unit, glyphs) - 2
    if height < 2 * LINES:
        room = left - lines[1].x - 6
        lines[1].put(f"  {cut(help_, room, glyphs)}", quiet)
    elif width_of(help_, glyphs) + 4 <= drawing.width:
        put_large([drawing.line().put("  ") for _ in range(LINES)], help_, quiet, glyphs)
    else:
        for text in ("", cut(f"  {help_}", drawing.width - 2, glyphs), ""):
            drawing.line().put(text, quiet)
    if lines[0].x + 2 <= left:
        for line in lines:
            line.to(left)
        put_large(lines, unit, palette.style("soft"), glyphs)


def _stop(line: Line, view: View) -> None:
    """Say how far inside the equation the run stands, or that it stands elsewhere."""
    palette, position = line.blank, view.frame.position
    equations = equations_of(view.passed)
    here = position.equation >= 0 and equations[position.equation].name == view.value
    if here and position.op is not None:
        line.put(f"  op {position.op + 1} of {len(view.frame.ops)}", palette)


def _worked(drawing: Drawing, view: View, found: Explanation, height: int) -> None:
    """Write the equation over its numbers, both large where they fit, else the numbers alone, else neither."""
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    columns = _columns(drawing, view, found)
    spaced = [one._replace(symbol=one.symbol.strip(), number=one.number.strip()) for one in columns]
    room = drawing.width - 6
    for symbols, numbers in ((True, True), (False, True), (False, False)):
        lines = (LINES if symbols else 1) + (LINES if numbers else 1)
        used = spaced if numbers else columns  # what is large has gaps of its own
        wide = sum(column.width(numbers, glyphs) for column in used)
        if lines <= height and wide <= room:
            break
    rows = [[drawing.line().put("  ") for _ in range(LINES if symbols else 1)]]
    if symbols and lines < height:
        drawing.line()  # an index hangs down to the numbers
    rows.append([drawing.line().put("  ") for _ in range(LINES if numbers else 1)])
    for column in used:
        end = rows[0][0].x + column.width(numbers, glyphs)
        for row, large, text, style in (
            (rows[0], symbols, column.symbol, column.over), (rows[1], numbers, column.number, column.under),
        ):  # fmt: skip
            wide = width_of(text, glyphs) if large else cell_len(text)
            shift = (end - numbers * _GAP - row[0].x - wide) // 2 if text.strip() else 0
            for line in row:
                line.to(line.x + shift)
            if large:
                put_large(row, text, style, glyphs)
            else:
                row[0].put(text, style)
            for line in row:
                line.to(end)
    if view.frame.reached(view.pass_name, found.value):
        behind = rows[1][len(rows[1]) // 2]
        if found.origin.edited:
            behind.put(f" {glyphs.edited} {edit_words(found, glyphs)}", palette.style("key", bold=True))
        put_change(behind, view, found, palette)


def _columns(drawing: Drawing, view: View, found: Explanation) -> list[_Column]:
    """Return the equation from left to right: its name over the result, and every symbol over its number."""
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    inks = inks_of(view)
    ink = "title" if inks.get(found.value, "plain") == "plain" else inks[found.value]
    reached = view.frame.reached(view.pass_name, found.value)
    soft, name = palette.style("soft"), palette.style(ink, bold=True)
    result = number_of(view, found, glyphs) if reached else glyphs.more
    is_sum = " = " if not (reached and found.origin.edited) else f" {glyphs.edited} "  # an edit made it another number
    columns = [
        _Column(found.value, result, name, palette.style("title", bold=True)), _Column(" = ", is_sum, soft, soft),
    ]  # fmt: skip
    known = [part.is_number and _known(view, found, part.label) for part in found.parts]
    for n, (part, piece) in enumerate(zip(found.parts, pieces_of(found, glyphs), strict=True)):
        if not part.is_number:  # its sign is that of the number behind it, once that is known
            text = piece.text if any(known[n + 1 : n + 2]) else glyphs.say(part.text)
            columns.append(_Column(glyphs.say(part.text), text, soft, soft))
            continue
        ink = inks.get(part.label.rstrip("'"), "ink")
        style = palette.style("title" if ink == "plain" else ink, bold=True)
        number = piece.text if known[n] else glyphs.more
        columns.append(_Column(piece.label, number, style, style if known[n] else soft))
    return columns


def _known(view: View, found: Explanation, label: str) -> bool:
    """Say whether the run has come to a number of the equation yet."""
    if view.frame.reached(view.pass_name, found.value) or label.endswith("'") or label.startswith("prev("):
        return True
    if label in view.passed.cell.values:
        return view.frame.reached(view.pass_name, label)
    position, ops = view.frame.position, view.frame.ops
    equations = equations_of(view.passed)
    if position.op is not None and equations[position.equation].name == found.value:
        done = {one.text.removeprefix(f"{found.value} = ") for one in ops[: position.op + 1]}
        if label in done:
            return True
    return label.isascii() and label.isidentifier()  # a parameter; a product has a dot


_LONGEST = 14
"""Cells of a token before it is made large."""


def draw_large_tape(drawing: Drawing, view: View, height: int) -> None:
    """Draw the tokens in `height` lines, large where there are four, over a line that tells read from unread."""
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    large = height > LINES
    here = view.t

    def label(t: int) -> str:
        return cut(view.label(t, palette), _LONGEST, glyphs)

    def size(t: int) -> int:
        text = label(t)
        return min(width_of(text, glyphs) if large else cell_len(text), drawing.width - 6) + 2

    shown = in_sight(here, view.facts.length, size, drawing.width - 6)
    lines = [drawing.line().put("  ") for _ in range(LINES if large else 1)]
    under = Line(drawing.width, palette.style()).put("  ")
    first = len(drawing.lines) - len(lines)
    for t in shown:
        start, ink = lines[0].x, palette.style("title", "row", bold=True)
        reached = view.has_reached(view.pass_name, t)
        if t != here:
            ink = palette.style("soft" if reached else "faint")
        for line in lines:
            line.put(" ", ink)
        text = label(t)
        if large:
            put_large(lines, cut(text, drawing.width - 8, glyphs), ink, glyphs)
        else:
            lines[0].put(text, ink)
        end = max(line.x for line in lines) + 1
        for line in lines:
            line.to(end, ink).put(" ")
        rule = (glyphs.heavy[1] if reached else glyphs.coming) * (end - start)
        style, middle = palette.style("focus" if t == here else "soft" if reached else "faint"), (end - start) // 2
        if t == here:
            under.put(rule[:middle], style).put(glyphs.here, palette.style("focus", bold=True))
            rule = rule[middle + 1 :]
        under.put(rule, style)
        under.put(glyphs.edited if _edited(view, t) else " ", palette.style("key", bold=True))
        for n in range(len(lines)):
            drawing.hits.append((first + n, start, end, ClickTarget(t=t)))
    if shown.stop < view.facts.length:
        lines[-1].put(glyphs.more, palette.style("faint"))
    if shown.start > 0:
        under = Line(drawing.width, palette.style()).put(glyphs.more).extend(under)
    drawing.line().extend(under)
    if height > LINES + 1:
        drawing.line()


def _edited(view: View, t: int) -> bool:
    """Say whether an edit put another token here."""
    difference = view.frame.difference
    return difference is not None and (difference.origins[t] is None or difference.replaced(t))


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
    line.put(f" {glyphs.say(view.unit_words())}", palette.style("title", bold=True))
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
        drawing.hit(start, line.x, ClickTarget(pass_name=view.pass_name, value=name))


class OneUnit(Pane):
    """Tape, equation and step of the chosen unit; the cursor chooses another unit or value."""

    NUMBER, WORD = ONE_UNIT.number, ONE_UNIT.word

    @property
    def framed(self) -> bool:
        """Never: nothing stands beside it."""
        return False

    def needs(self, view: View) -> str | None:
        """Return the pass that is drawn."""
        return view.pass_name

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the unit."""

        return draw_one_unit(view, width, height, palette)

    def move(self, right: int, down: int) -> None:
        """Choose the next value of the cell, or the next unit of the order."""
        view = self.view
        if down:
            self.post_message(self.Chosen(around(view, 0, down)))
            return
        names = [name for name in view.passed.cell.values if name in view.passed]
        place = names.index(view.value) + right if view.value in names else 0
        value = names[min(max(place, 0), len(names) - 1)]
        self.post_message(self.Chosen(ClickTarget(pass_name=view.pass_name, value=value)))
