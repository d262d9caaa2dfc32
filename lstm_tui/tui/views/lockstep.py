"""Two to eight networks on one text, in lockstep: a lane for each pass, one tape above them, one position in all."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.debugger.diagram.dataflow import dataflow_of
from lstm_tui.debugger.diagram.numbers import program_of
from lstm_tui.debugger.diagram.placement import least_width
from lstm_tui.debugger.inspect.lockstep import Lane, Lockstep, Said
from lstm_tui.debugger.panes import DIAGRAM, FORWARD
from lstm_tui.debugger.position import Frame, Position, equations_of
from lstm_tui.debugger.source import Source, needed, network_title
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.engine.number_text import percent
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, fit, framed, plain, token_label, window
from lstm_tui.tui.canvas.charts import put_bar
from lstm_tui.tui.canvas.palette import DARK_PALETTE, Glyphs, Palette, palette_of
from lstm_tui.tui.panes.diagram import draw_diagram
from lstm_tui.tui.view import View
from lstm_tui.tui.view_keys import keymap_of
from lstm_tui.tui.views.page import glossary_page, keys_page
from lstm_tui.tui.views.without_session import KeysLine, shown_alone

_LABEL, _COLUMN = 22, 16
_LEAST_COLUMN = 7
_BESIDE = 5
"""Cells of a number beside a word or a bar, with the gap before it."""
_LOOKED_AT = 200
"""Tokens of which the longest makes a column as wide as it is."""
_ROWS = 4
"""Rows of a lane where there is room: what it is, what it keeps, what it holds, what the network says."""


def said_text(said: Said | None, width: int, glyphs: Glyphs) -> str:
    """Return what a network says in so many cells: a word and how sure it is of it."""
    if said is None:
        return ""
    if said.number is None:
        return "not known"
    name = token_label(said.name, glyphs) if said.name else f"output {said.number}"
    share = plain(said.value, glyphs)
    return f"{cut(name, max(width - len(share) - 1, 1), glyphs)} {share}"


def draw_lockstep(lock: Lockstep, t: int, chosen: int, width: int, height: int, palette: Palette) -> Drawing:
    """Draw every lane that has room, the chosen one among them; `t` is where all of them stand."""
    drawing = Drawing(width, height, palette, f"1 {len(lock.runs)} networks, one text")
    room = max(height - 2, 1)
    rows = min(max(room // len(lock.lanes), 1), _ROWS)
    pen = _Pen(drawing, lock, t, named=rows < _ROWS)
    pen.head()
    first, behind = window(chosen, len(lock.lanes), max(room // rows, 1))
    for number in range(first, behind):
        pen.lane(lock.lanes[number], number, rows, number == chosen)
    left = len(lock.lanes) - (behind - first)
    kept = "kept: the part of its memory that each keeps"
    told = [f"{left} more lanes: j/k"] if left else []
    if pen.behind - pen.first < len(lock):
        told.append(f"tokens {pen.first + 1}{palette.glyphs.dash}{pen.behind} of {len(lock)}: n/N")
    drawing.note, drawing.shorter = "   ".join((*told, kept)), ("   ".join(told), told[-1] if told else "")
    return drawing


def short_name(lock: Lockstep, lane: Lane, glyphs: Glyphs) -> str:
    """Return what a lane is called: a letter and its network, and where it has several passes which one."""
    run = lock.runs[lane.run]
    way = glyphs.right if run[lane.pass_name].direction == "forward" else glyphs.left
    layers = {name.partition(".")[0] for name in run}
    layer = f" {lane.pass_name.partition('.')[0].removeprefix('layer')}" if len(layers) > 1 else ""
    both = f" {way}" if len(run.passes) > len(layers) else ""
    return f"{chr(65 + lane.run)} {visible(lock.names[lane.run])}{layer}{both}"


def draw_lane_cell(lock: Lockstep, lane: Lane, t: int, rank: int, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the cell of a lane with the numbers of one unit at a token, all of its equations taken.

    Args:
        lock: The runs.
        lane: Whose cell.
        t: Where all of them stand.
        rank: Which unit, 0 for the one that holds the most over the whole text.
        width: Cells of a line.
        height: Lines.
        palette: Of colours and signs.
    """
    view = view_of(lock, lane, t, rank)
    return draw_diagram(view, width, height, palette, short_name(lock, lane, palette.glyphs), tape=False)


def view_of(lock: Lockstep, lane: Lane, t: int, rank: int) -> View:
    """Return where one lane stands: a token, all of its equations taken, and a unit by what it holds."""
    run = lock.runs[lane.run]
    units = lock.largest(lane)
    position = Position(lane.pass_name, t, len(equations_of(run[lane.pass_name])) - 1)
    frame = Frame(run, position, names=UnitNames.of_trace(run))
    return View(frame, lock.facts[lane.run], {lane.pass_name: int(units[min(rank, len(units) - 1)])})


def drawn_beside(lock: Lockstep, chosen: int, width: int) -> list[tuple[int, int]]:
    """Return the lanes whose cells are drawn side by side, and how wide each is.

    The chosen one is among them, and others as long as all can be seen whole: first those below it.
    """
    wanted = [_least_width(lock, lane) for lane in lock.lanes]
    shown = [chosen]
    for n in (*range(chosen + 1, len(wanted)), *range(chosen - 1, -1, -1)):
        if sum(wanted[one] for one in (*shown, n)) > width:
            break
        shown.append(n)
    shown.sort()
    spare, more = divmod(max(width - sum(wanted[n] for n in shown), 0), len(shown))
    if len(shown) == 1:
        return [(chosen, width)]
    return [(n, wanted[n] + spare + (place < more)) for place, n in enumerate(shown)]


def _least_width(lock: Lockstep, lane: Lane) -> int:
    program = program_of(lock.runs[lane.run][lane.pass_name])
    return 2 + (0 if program is None else least_width(dataflow_of(program)))


class _Pen:
    """Draws the lanes over the same columns of tokens."""

    def __init__(self, drawing: Drawing, lock: Lockstep, t: int, named: bool) -> None:
        """Choose columns; `named` says that the names of the lanes stand beside them and not in a line of their own."""
        self.drawing, self.lock, self.t = drawing, lock, t
        self.palette, self.glyphs = drawing.palette, drawing.palette.glyphs
        self.label = min(_LABEL, max(drawing.width // 4, 12)) if named else 12
        room = max(drawing.width - self.label, 1)
        words = [cell_len(token_label(one, self.glyphs)) + 2 for one in lock.runs[0].sequence.tokens[:_LOOKED_AT]]
        if not named:
            words += [cell_len(token_label(one, self.glyphs)) + _BESIDE for one in lock.names_said(_LOOKED_AT)]
        longest = max(words, default=0)  # words stay whole, and rather fewer of them are in sight
        self.column = min(max(room // max(len(lock), 1), _LEAST_COLUMN, longest), _COLUMN)
        self.first, self.behind = window(t, len(lock), room // self.column)

    def ground(self, t: int) -> str:
        return "row" if t == self.t else "ground"

    def head(self) -> None:
        """Write the tape, and under it where the networks disagree."""
        line = self.drawing.line().put(fit("token", self.label, self.glyphs), self.palette.style("soft"))
        tokens = self.lock.runs[0].sequence.tokens
        for t in range(self.first, self.behind):
            here = t == self.t
            text = (self.glyphs.cursor if here else "") + token_label(tokens[t], self.glyphs)
            text = fit(text, self.column - 1, self.glyphs) + " "
            self.drawing.hit(line.x, line.x + self.column, ClickTarget(t=t))
            line.put(text, self.palette.style("title" if here else "ink", self.ground(t), bold=here))
        line = self.drawing.line().put(fit("differ", self.label, self.glyphs), self.palette.style("faint"))
        for t in range(self.first, self.behind):
            mark = self.glyphs.edited if self.lock.differ(t) else ""
            line.put(mark.ljust(self.column), self.palette.style("accent", self.ground(t), bold=True))

    def lane(self, lane: Lane, number: int, rows: int, chosen: bool) -> None:
        """Write a lane in so many rows; what it keeps stands in the first that there is room for."""
        if rows == _ROWS:
            self.name(lane, number, chosen)
        self.kept(lane, number, chosen, named=rows < _ROWS)
        if rows >= 2:
            self.says(lane, number)
        if rows >= 3:
            self.holds(lane, number)

    def name(self, lane: Lane, number: int, chosen: bool) -> None:
        line = self.drawing.line()
        self.mark(line, chosen)
        line.put(short_name(self.lock, lane, self.glyphs), self.palette.style("title" if chosen else "ink", bold=True))
        network = needed(self.lock.runs[lane.run].network)
        facts = f"  {network_title(network).partition(' · ')[2]} {self.glyphs.dot} {network.parameter_count} parameters"
        line.put(self.glyphs.say(facts), self.palette.style("soft"))
        verdict = self.lock.verdict(lane.run)
        if verdict is not None and self.lock.runs[lane.run].output is None:
            line.put("  whole text: ", self.palette.style("soft"))
            line.put(said_text(verdict, 24, self.glyphs), self.palette.style("accent", bold=True))
        self.drawing.hit(0, self.drawing.width, ClickTarget(unit=number))

    def mark(self, line: Line, chosen: bool) -> None:
        line.put(self.glyphs.cursor if chosen else " ", self.palette.style("focus", bold=True))

    def kept(self, lane: Lane, number: int, chosen: bool, named: bool) -> None:
        line = self.drawing.line()
        self.mark(line, chosen and named)
        text = short_name(self.lock, lane, self.glyphs) if named else "  kept"
        line.put(fit(text, self.label - 1, self.glyphs), self.palette.style("title" if named else "keep", bold=named))
        for t in range(self.first, self.behind):
            value, ground = self.lock.kept(lane, t), self.ground(t)
            start = line.x
            if value is None:
                line.put(self.glyphs.dot, self.palette.style("faint", ground))
            else:
                put_bar(line, value, max(self.column - _BESIDE - 2, 1), "keep", self.palette)
                line.put(f" {percent(value)}", self.palette.style("ink", ground))
            line.to(start + self.column, self.palette.style("ink", ground))
            self.drawing.hit(start, line.x, ClickTarget(t=t, unit=number))

    def says(self, lane: Lane, number: int) -> None:
        line = self.drawing.line()
        line.put(fit("   says", self.label, self.glyphs), self.palette.style("soft"))
        run = self.lock.runs[lane.run]
        if run.output is None:
            verdict = self.lock.verdict(lane.run)
            text = f"of the whole text {said_text(verdict, 24, self.glyphs)}" if verdict is not None else "nothing"
            line.put(text, self.palette.style("ink"))
        for t in range(self.first, self.behind) if run.output is not None else ():
            said, ground = self.lock.said(lane.run, t), self.ground(t)
            ink = "accent" if self.lock.differ(t) else "ink"
            text = fit(said_text(said, self.column - 1, self.glyphs), self.column - 1, self.glyphs) + " "
            line.put(text, self.palette.style(ink, ground))
        self.drawing.hit(0, self.drawing.width, ClickTarget(unit=number))

    def holds(self, lane: Lane, number: int) -> None:
        line = self.drawing.line()
        line.put(fit("   holds", self.label, self.glyphs), self.palette.style("soft"))
        most = self.lock.most_held(lane) or 1.0
        for t in range(self.first, self.behind):
            value, ground = self.lock.held(lane, t), self.ground(t)
            start = line.x
            put_bar(line, value, max(self.column - _BESIDE - 2, 1), "bar", self.palette, full=most)
            line.put(f" {plain(value, self.glyphs)}", self.palette.style("ink", ground))
            line.to(start + self.column, self.palette.style("ink", ground))
        self.drawing.hit(0, self.drawing.width, ClickTarget(unit=number))


_KEYS = (
    ("n/N", "token"), ("g/G", "first, last"), ("j/k", "lane"), ("D", "diagrams"), ("u/U", "unit"),
    ("K", "glossary"), ("?", "keys"), ("esc q", "quit"),
)  # fmt: skip
_CELL_FROM = 12
"""Lines from which on cells can be drawn under the lanes."""


class LockstepScreen(Screen[None]):
    """Every network at the same token."""

    DEFAULT_CSS = "LockstepScreen { background: $lt-ground; } LockstepScreen > _Lanes { height: 1fr; }"
    view_name = "lockstep"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,l,right", "token(1)", show=False),
        Binding("N,shift+n,h,left", "token(-1)", show=False),
        Binding("g", "end(0)", show=False),
        Binding("G,shift+g", "end(1)", show=False),
        Binding("j,down", "lane(1)", show=False),
        Binding("k,up", "lane(-1)", show=False),
        Binding("D,shift+d", "cells", show=False),
        Binding("u", "unit(1)", show=False),
        Binding("U,shift+u", "unit(-1)", show=False),
        Binding("K,shift+k", "explain_words", show=False),
        Binding("question_mark", "tell_keys", show=False),
        Binding("q,escape", "leave", show=False),
    ]

    palette: reactive[Palette] = reactive(DARK_PALETTE, repaint=False)
    t: reactive[int] = reactive(0, repaint=False)
    lane: reactive[int] = reactive(0, repaint=False)
    rank: reactive[int] = reactive(0, repaint=False)
    cells: reactive[bool | None] = reactive[bool | None](None, repaint=False)
    """Whether the cells are drawn under the lanes; None where there is room beside whole lanes."""

    def __init__(self, lock: Lockstep, glyphs: Glyphs, few_colours: bool) -> None:
        """Stand at the first token of all."""
        super().__init__()
        self.shared, self._glyphs, self._few_colours = lock, glyphs, few_colours

    def compose(self) -> ComposeResult:
        """Lay out the lanes above the keys."""
        self._choose_colours()
        yield _Lanes(self.shared).data_bind(
            LockstepScreen.palette, LockstepScreen.t, LockstepScreen.lane, LockstepScreen.rank, LockstepScreen.cells
        )
        yield KeysLine(keymap_of(self.view_name).line(_KEYS)).data_bind(LockstepScreen.palette)

    def on_mount(self) -> None:
        """Follow the theme."""
        self.app.theme_changed_signal.subscribe(self, self._choose_colours)

    def _choose_colours(self, _: object = None) -> None:
        self.palette = palette_of(self.app.theme_variables, self._glyphs, self._few_colours)

    def action_token(self, count: int) -> None:
        """Step along the tape, in every network."""
        self.t = min(max(self.t + count, 0), len(self.shared) - 1)

    def action_end(self, last: int) -> None:
        """Go to the first or the last token."""
        self.t = len(self.shared) - 1 if last else 0

    def action_lane(self, count: int) -> None:
        """Choose another lane."""
        self.lane = min(max(self.lane + count, 0), len(self.shared.lanes) - 1)

    def action_cells(self) -> None:
        """Draw the cells of the lanes, or take them away."""
        self.cells = not self.query_one(_Lanes).rows

    def action_unit(self, count: int) -> None:
        """Draw another unit of every cell, of those that hold less or more."""
        most = max(len(self.shared.largest(lane)) for lane in self.shared.lanes)
        self.rank = min(max(self.rank + count, 0), most - 1)

    def action_explain_words(self) -> None:
        """Explain every word of the lanes, and of the cells where they are drawn."""
        view = view_of(self.shared, self.shared.lanes[self.lane], self.t, self.rank)
        lanes = self.query_one(_Lanes)
        pane = DIAGRAM.number if lanes.rows else FORWARD.number
        self.app.push_screen(glossary_page(view, lanes.text(), self.size.width, pane, above=False))

    def action_tell_keys(self) -> None:
        """Tell the keys of this view."""
        say = self.palette.glyphs.say
        told = keymap_of(self.view_name).line(_KEYS)
        self.app.push_screen(keys_page((say(key), word) for key, word in told))

    def action_leave(self) -> None:
        """Leave."""
        self.app.exit(0)


class _Lanes(Widget):
    """The lanes in their frame."""

    palette: reactive[Palette] = reactive(DARK_PALETTE)
    t: reactive[int] = reactive(0)
    lane: reactive[int] = reactive(0)
    rank: reactive[int] = reactive(0)
    cells: reactive[bool | None] = reactive[bool | None](None)

    def __init__(self, lock: Lockstep) -> None:
        super().__init__()
        self._lock = lock
        self._drawn: Drawing | None = None
        self._strips: list[Strip] = []
        self._places: list[tuple[int, int, int]] = []  # where a cell begins and ends in a line, and its lane

    @property
    def rows(self) -> int:
        """How many rows each lane has while cells are drawn under them; 0 where they are not."""
        if self.cells is False:
            return 0
        least = 1 if self.cells else _ROWS
        lanes = len(self._lock.lanes)
        return next((n for n in range(_ROWS, least - 1, -1) if self.size.height - 4 - n * lanes >= _CELL_FROM), 0)

    def render_line(self, y: int) -> Strip:
        """Return a line for Textual."""
        if y == 0:
            self._draw()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.palette.style())

    def text(self) -> str:
        """Return all that is drawn as plain text."""
        self._draw()
        return "\n".join(strip.text for strip in self._strips)

    def _draw(self) -> None:
        """Draw the lanes, and the cells of the chosen one and of those beside it, as many as are wide enough."""
        lanes, rows, width = self._lock.lanes, self.rows, max(self.size.width - 2, 1)
        height = 2 + rows * len(lanes) if rows else max(self.size.height - 2, 1)
        self._drawn = draw_lockstep(self._lock, self.t, self.lane, width, height, self.palette)
        self._strips, self._places = framed(self._drawn, focused=True), []
        if not rows:
            return
        left, begin, under = self.size.height - len(self._strips), 0, []
        for n, wide in drawn_beside(self._lock, self.lane, self.size.width):
            drawing = draw_lane_cell(
                self._lock, lanes[n], self.t, self.rank, max(wide - 2, 1), max(left - 2, 1), self.palette
            )
            under.append(framed(drawing, focused=n == self.lane))
            self._places.append((begin, begin + wide, n))
            begin += wide
        self._strips += [Strip.join(parts) for parts in zip(*under, strict=True)]

    def on_click(self, event: Click) -> None:
        """Go to the token, and choose the lane, under the mouse."""
        screen = self.screen
        if not isinstance(screen, LockstepScreen) or self._drawn is None:
            return
        target = self._drawn.at(event.x - 1, event.y - 1)
        if target is not None:
            screen.t = screen.t if target.t is None else target.t
            screen.lane = screen.lane if target.unit is None else target.unit
        elif event.y >= self._drawn.height + 2:
            screen.lane = next((n for first, behind, n in self._places if first <= event.x < behind), screen.lane)


class LockstepApp(LstmApp):
    """Themes, signals and the terminal as in the debugger, with another screen."""

    def __init__(self, lock: Lockstep, **options: Any) -> None:
        """Hold every run."""
        super().__init__(Source.of_trace(lock.runs[0]), **options)
        self._lock = lock

    def get_default_screen(self) -> Screen[Any]:
        """Return the screen of all runs."""
        return LockstepScreen(self._lock, *self.drawn_with())


def lockstep_app(lock: Lockstep, light: bool = False) -> int:
    """Show several runs in lockstep, dark or light, and return the exit code.

    Raises:
        UserError: If there is no terminal to draw on.
    """
    return shown_alone(lambda **options: LockstepApp(lock, **options), light)
