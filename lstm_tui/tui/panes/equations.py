"""Pane 4: the cell's equations, the current one with the numbers of one unit put in, and the input vector."""

from __future__ import annotations

import re
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style

from lstm_tui.debugger.inspect.diff import beside
from lstm_tui.debugger.inspect.explain import Explanation, explain
from lstm_tui.debugger.inspect.scale import nice_scale
from lstm_tui.debugger.inspect.trace_facts import ACTS
from lstm_tui.debugger.panes import CELL
from lstm_tui.debugger.position import equations_of
from lstm_tui.engine.language.equations import Equation
from lstm_tui.engine.language.expression import show
from lstm_tui.engine.number_text import axis_end, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, first_row, plain, signed, token_label
from lstm_tui.tui.canvas.charts import put_strip, sign_of
from lstm_tui.tui.canvas.palette import Glyphs, Palette
from lstm_tui.tui.panes.memory import around
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View


class Piece(NamedTuple):
    """Text as it stands, or a number with its name."""

    text: str
    label: str = ""


def pieces_of(found: Explanation, glyphs: Glyphs) -> list[Piece]:
    """Return the right side in numbers; a negative summand is subtracted, a negative factor put in brackets."""
    pieces: list[Piece] = []
    for part in found.parts:
        if not part.is_number:
            pieces.append(Piece(glyphs.say(part.text)))
            continue
        label = glyphs.say(part.label)
        if part.number is None:
            pieces.append(Piece(glyphs.unknown, label))
            continue
        text = signed(part.number, glyphs, places=None)
        before = pieces[-1].text if pieces and not pieces[-1].label else ""
        if before.endswith("+ ") and text.startswith("-"):
            pieces[-1] = Piece(before[:-2] + glyphs.minus + " ")
            text = text[1:]
        elif before.rstrip().endswith(("·", "*", "/", "-", "−")) and text.startswith("-"):
            text = f"({text})"
        else:
            text = text.removeprefix("+")
        pieces.append(Piece(text, label))
    return pieces


def put_worked(
    line: Line, under: Line | None, pieces: list[Piece], palette: Palette, inks: dict[str, str], faded: bool
) -> None:
    """Write the pieces, and each number's name in the line under it, both in columns of their own."""
    for piece in pieces:
        if not piece.label:
            line.put(piece.text, palette.style("soft", faded=faded))
            continue
        width = max(cell_len(piece.text), cell_len(piece.label)) if under is not None else cell_len(piece.text)
        ink = inks.get(piece.label.rstrip("'"), "ink")
        if under is not None:
            under.to(line.x + (width - cell_len(piece.label)) // 2)
            under.put(piece.label, palette.style("faint"))
        text = piece.text.center(width) if under is not None else piece.text
        line.put(text, palette.style("title" if ink == "plain" else ink, faded=faded))


def draw_cell(view: View, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw the equations, then as much of the numbers as fits below them."""
    drawing = Drawing(width, height, palette, f"{number} cell {palette.glyphs.dot} {visible(view.passed.cell.name)}")
    drawing.note = visible(view.passed.cell.source.split(";")[0])
    equations = equations_of(view.passed)
    below = 9 if height - len(equations) >= 9 else max(height - len(equations), 4)
    _page(drawing, view, max(height - below, 1))
    if drawing.room >= 4:
        if drawing.room >= 9:
            drawing.line()
        line = drawing.line()
        heading = f" {palette.glyphs.say(view.words_of(view.value))}, t={view.t} "
        rule = palette.style("frame")
        line.put(" " + palette.glyphs.rule, rule).put(heading, palette.style("soft"))
        line.put(palette.glyphs.rule * max(width - line.x - 1, 0), rule)
        _numbers(drawing, view)
    if drawing.room >= 2:
        if drawing.room >= 3:
            drawing.line()
        _input(drawing, view)
    return drawing


def inks_of(view: View) -> dict[str, str]:
    """Return the colour of each value of the selected pass."""
    return {column.name: column.ink for column in view.columns(view.pass_name)}


def _page(drawing: Drawing, view: View, rows: int) -> None:
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    equations = equations_of(view.passed)
    position = view.frame.position
    inks = inks_of(view)
    words = {column.name: column.word for column in view.columns(view.pass_name)}
    texts = [_marked(view, glyphs.say(show(equation.expression)), glyphs) for equation in equations]
    name_width = max(cell_len(equation.name) for equation in equations)
    labels = [_label(view, equation, words.get(equation.name, "")) for equation in equations]
    label_at = max(cell_len(text) for text in texts) + name_width + 7
    label_at = min(label_at, drawing.width - max(cell_len(label) for label in labels) - 1)
    names = [equation.name for equation in equations]
    focus = position.equation if position.equation >= 0 else 0
    if view.value in names:
        focus = names.index(view.value)
    first = first_row(focus, len(equations), rows)
    for n in range(first, min(first + rows, len(equations))):
        equation = equations[n]
        current = n == position.equation
        reached = n < position.equation or (current and position.op is None)
        ground = "row" if current else "ground"
        line = drawing.line(ground)
        ink = "title" if inks.get(equation.name, "plain") == "plain" else inks[equation.name]
        line.put(glyphs.cursor if current else " ", palette.style("focus", ground, bold=True))
        chosen = equation.name == view.value
        line.put(" ", palette.style("ink", ground))
        name_style = palette.style("ground", ink, bold=True) if chosen else palette.style(ink, ground, bold=True)
        line.put(" " * (name_width - cell_len(equation.name)), palette.style("ink", ground))
        line.put(equation.name, name_style)
        line.put(
            " = " + texts[n], palette.style("title" if current else "ink", ground, faded=not reached and not current)
        )
        line.put("  ", palette.style("ink", ground)).to(label_at, palette.style("ink", ground))
        line.put(cut(labels[n], drawing.width - line.x, glyphs), palette.style("soft", ground, faded=not reached))
        drawing.hit(0, drawing.width, ClickTarget(pass_name=view.pass_name, value=equation.name))


def _marked(view: View, text: str, glyphs: Glyphs) -> str:
    """Return an equation with a sign behind every parameter that was edited."""
    difference = view.frame.difference
    if difference is None:
        return text
    for name in difference.weights:
        owner, _, short = name.rpartition("/")
        if owner == view.pass_name:
            text = re.sub(rf"\b{re.escape(short)}\b", lambda found: found[0] + glyphs.edited, text)
    return text


def _label(view: View, equation: Equation, word: str) -> str:
    """Return what stands beside an equation: its name and what it does, or the op inside it."""
    position = view.frame.position
    if position.op is not None and equations_of(view.passed)[position.equation] is equation:
        return f"op {position.op + 1} of {len(view.frame.ops)}"
    label = visible(equation.label)
    return f"{label}: {word}" if word in ACTS and word not in label else label


def explained(view: View, value: str) -> Explanation | None:
    """Return the explanation of the chosen unit of a value here, if the trace holds it."""
    if value not in view.passed:
        return None
    return explain(view.passed, value, view.t, view.unit_in(value))


def _numbers(drawing: Drawing, view: View) -> None:
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    found = explained(view, view.value)
    if found is None:
        drawing.line().put(" this trace does not hold the value", palette.style("soft"))
        return
    inks = inks_of(view)
    reached = view.frame.reached(view.pass_name, view.value)
    line, under = drawing.line(), None
    line.put("   ")
    ink = "title" if inks.get(view.value, "plain") == "plain" else inks[view.value]
    line.put(found.value, palette.style(ink, bold=True)).put(" = ", palette.style("soft"))
    if drawing.room >= 3:
        under = drawing.line()
        under.to(line.x)
    pieces = pieces_of(found, glyphs)
    put_worked(line, under, pieces, palette, inks, not reached)
    put_outcome(line, view, found, palette, not reached)
    if found.largest and drawing.room >= 2:
        line = drawing.line().put("   largest  ", palette.style("soft"))
        for term in found.largest:
            text = f"{term.label} {signed(term.number, glyphs, places=None)}"
            if line.x + cell_len(text) > drawing.width:
                break
            line.put(text + "  ", palette.style("ink", faded=not reached))
    elif drawing.room >= 2:
        equation = view.passed.cell.equation(view.value)
        drawing.line().put("   " + cut(visible(equation.help), drawing.width - 4, glyphs), palette.style("soft"))
    following = view.frame.position.equation + 1
    equations = equations_of(view.passed)
    if drawing.room >= 3 and following < len(equations):
        coming = explained(view, equations[following].name)
        if coming is not None:
            line = drawing.line().put("   next     ", palette.style("soft"))
            line.put(f"{coming.value} = ", palette.style("soft"))
            put_worked(line, None, pieces_of(coming, glyphs), palette, {}, True)
            _put_result(line, view, coming, palette.style("ink", faded=True), glyphs)


def put_outcome(line: Line, view: View, found: Explanation, palette: Palette, faded: bool = False) -> None:
    """Write behind an equation in numbers what it comes to, what an edit made of that, and what it was before."""
    _put_result(line, view, found, palette.style("title", bold=True, faded=faded), palette.glyphs)
    put_change(line, view, found, palette)


def _put_result(line: Line, view: View, found: Explanation, style: Style, glyphs: Glyphs) -> None:
    """Write what an equation comes to, and the value itself where an edit makes it another."""
    if found.computed is not None or not found.origin.edited:
        line.put(f" = {number_of(view, found, glyphs, found.computed)}", style)
    if found.origin.edited:
        line.put(f" {glyphs.edited} {edit_words(found, glyphs)} {number_of(view, found, glyphs)}", style)


def edit_words(found: Explanation, glyphs: Glyphs) -> str:
    """Return in a word or two how an edit made a value what it is: set, or times a number; empty without one."""
    how = {"set": "set", "scaled": f"{glyphs.say('×')}{sentence(found.origin.number, 6)}:", "not known": "recorded:"}
    return how.get(found.origin.kind, "")


def put_change(line: Line, view: View, found: Explanation, palette: Palette) -> None:
    """Write behind a number whether an edit changed it, and what it was in the baseline."""
    difference = view.frame.difference
    if difference is None or found.value not in view.passed:
        return
    glyphs = palette.glyphs
    there = beside(difference, view.pass_name, found.value, view.t)
    unit = min(found.unit, len(there.after) - 1)
    mark, ink = sign_of(there, unit, palette)
    if not there.held[unit]:  # that an edit set it is said with the number
        line.put(f" {mark}".rstrip(), palette.style(ink, bold=True))
    if view.baseline is not None and there.changed[unit]:
        before = None if there.before is None else float(there.before[unit])
        was = "new here" if before is None else f"was {number_of(view, found, glyphs, before)}"
        line.put(f" {was}", palette.style("accent"))


def number_of(view: View, found: Explanation, glyphs: Glyphs, number: float | None = None) -> str:
    """Return an explained number, or another one of its value, as its column writes it: gates without a sign."""
    gate = any(column.gate for column in view.columns(view.pass_name) if column.name == found.value)
    number = found.number if number is None else number
    return plain(number, glyphs, places=None) if gate else signed(number, glyphs, places=None)


def _input(drawing: Drawing, view: View) -> None:
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    if "x" not in view.passed.inputs:
        drawing.line().put(" x is not in this trace", palette.style("faint"))
        return
    x = view.passed.inputs["x"][view.t]
    half = nice_scale(view.facts.input_half(view.pass_name), least=0.01)
    room = drawing.width - 5
    difference = view.frame.difference
    mark = " "
    if difference is not None:
        there = beside(difference, view.pass_name, "x", view.t)
        mark = glyphs.edited if there.held.any() else glyphs.changed if there.changed.any() else " "
    line = drawing.line().put(" x", palette.style("title", bold=True)).put(mark, palette.style("key")).put(" ")
    names = view.trace.sequence.columns
    bottom = view.pass_name.startswith("layer0.")
    if len(x) <= 8:
        for n, number in enumerate(x):
            label = visible(names[n]) if bottom and n < len(names) else f"x[{n}]"
            label, text = cut(label, 14, glyphs), f" {signed(float(number), glyphs, places=None)}  "
            if line.x + cell_len(label + text) > drawing.width:
                line.put(glyphs.more, palette.style("faint"))
                break
            line.put(label, palette.style("soft")).put(text)
        return
    cells = max(min(room // len(x), 2), 1)
    shown = min(len(x), room // cells)
    put_strip(line, x[:shown], half, palette, cells)
    if drawing.full:
        return
    line = drawing.line().put("    ")
    note = (
        f"{len(x)} numbers  {glyphs.plus_minus}{axis_end(half)}" if shown == len(x) else f"{shown} of {len(x)} numbers"
    )
    ids = view.trace.sequence.ids
    if ids is None or not bottom:
        line.put(note, palette.style("faint"))
        return
    line.put(cut(view.label(view.t, palette), 14, glyphs), palette.style("ink"))
    unknown = view.t in view.facts.unknown
    near = () if unknown else view.facts.near(int(ids[view.t]))
    if unknown or near:
        line.put("  unknown to the model" if unknown else "  near", palette.style("alarm" if unknown else "soft"))
    for word, cosine in near:
        text = f"  {cut(token_label(word, glyphs), 14, glyphs)} {plain(cosine, glyphs, places=None)}"
        if line.x + cell_len(text) > drawing.width:
            break
        line.put(text, palette.style("soft"))


def draw_equation_line(view: View, width: int, palette: Palette) -> Line:
    """Draw the current equation with its numbers in one line, for screens without room for the page."""
    glyphs = palette.glyphs
    line = Line(width, palette.style())
    found = explained(view, view.value)
    if found is None:
        return line
    inks = inks_of(view)
    ink = "title" if inks.get(view.value, "plain") == "plain" else inks[view.value]
    line.put(f" {glyphs.say(view.label_of(view.value))}", palette.style("soft")).put(" ")
    line.put(view.value, palette.style(ink, bold=True))
    equation = glyphs.say(found.equation)
    pieces: list[Piece] = pieces_of(found, glyphs)
    worked = "".join(piece.text for piece in pieces)
    if cell_len(equation) + cell_len(worked) + 18 <= width:
        line.put(f" = {equation}", palette.style("soft"))
    line.put(" = ", palette.style("soft"))
    put_worked(line, None, pieces, palette, inks, False)
    put_outcome(line, view, found, palette)
    for term in found.largest:
        text = f"  {term.label} {signed(term.number, glyphs, places=None)}"
        if line.x + cell_len(text) > width:
            break
        line.put(text, palette.style("faint"))
    return line


class CellPane(Pane):
    """The page of equations; the cursor chooses a value."""

    NUMBER, WORD = CELL.number, CELL.word

    def needs(self, view: View) -> str | None:
        """Return the pass that is drawn."""
        return view.pass_name

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the equations."""
        return draw_cell(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose the value of the equation above or below, or another unit."""
        view = self.view
        if right:
            self.post_message(self.Chosen(around(view, 0, right)))
            return
        names = [name for name in view.passed.cell.values if name in view.passed]
        place = names.index(view.value) + down if view.value in names else 0
        self.post_message(
            self.Chosen(ClickTarget(pass_name=view.pass_name, value=names[min(max(place, 0), len(names) - 1)]))
        )
