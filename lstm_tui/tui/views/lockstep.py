"""Two to eight networks on one text, in lockstep: a lane for each pass, one tape above them, one position in all."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.debugger.inspect.lockstep import Lane, Lockstep, Said
from lstm_tui.debugger.source import Source, needed, network_title
from lstm_tui.engine.number_text import percent
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, fit, framed, plain, token_label, window
from lstm_tui.tui.canvas.charts import put_bar
from lstm_tui.tui.canvas.palette import DARK_PALETTE, Glyphs, Palette, palette_of
from lstm_tui.tui.views.without_session import KeysLine, shown_alone

_LABEL, _COLUMN = 22, 16
_LEAST_COLUMN = 7
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
    return f"{cut(name, max(width - len(share) - 2, 1), glyphs)} {share}"


def draw_lockstep(lock: Lockstep, t: int, chosen: int, width: int, height: int, palette: Palette) -> Drawing:
    """Draw every lane that has room, the chosen one among them; `t` is where all of them stand."""
    drawing = Drawing(width, height, palette, f"1 {len(lock.runs)} networks, one text")
    pen = _Pen(drawing, lock, t)
    pen.head()
    room = max(height - 2, 1)
    rows = min(max(room // len(lock.lanes), 1), _ROWS)
    first, behind = window(chosen, len(lock.lanes), max(room // rows, 1))
    for number in range(first, behind):
        pen.lane(lock.lanes[number], number, rows, number == chosen)
    left = len(lock.lanes) - (behind - first)
    drawing.note = (f"{left} more lanes: j/k  " if left else "") + "kept: the part of its memory that each keeps"
    return drawing


class _Pen:
    """Draws the lanes over the same columns of tokens."""

    def __init__(self, drawing: Drawing, lock: Lockstep, t: int) -> None:
        self.drawing, self.lock, self.t = drawing, lock, t
        self.palette, self.glyphs = drawing.palette, drawing.palette.glyphs
        self.label = min(_LABEL, max(drawing.width // 4, 12))
        room = max(drawing.width - self.label, 1)
        self.column = min(max(room // max(len(lock), 1), _LEAST_COLUMN), _COLUMN)
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

    def short(self, lane: Lane) -> str:
        run = self.lock.runs[lane.run]
        way = self.glyphs.right if run[lane.pass_name].direction == "forward" else self.glyphs.left
        layers = {name.partition(".")[0] for name in run}
        layer = f" {lane.pass_name.partition('.')[0].removeprefix('layer')}" if len(layers) > 1 else ""
        both = f" {way}" if len(run.passes) > len(layers) else ""
        return f"{chr(65 + lane.run)} {visible(self.lock.names[lane.run])}{layer}{both}"

    def name(self, lane: Lane, number: int, chosen: bool) -> None:
        line = self.drawing.line()
        self.mark(line, chosen)
        line.put(self.short(lane), self.palette.style("title" if chosen else "ink", bold=True))
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
        text = self.short(lane) if named else "  kept"
        line.put(fit(text, self.label - 1, self.glyphs), self.palette.style("title" if named else "keep", bold=named))
        for t in range(self.first, self.behind):
            value, ground = self.lock.kept(lane, t), self.ground(t)
            start = line.x
            if value is None:
                line.put(self.glyphs.dot, self.palette.style("faint", ground))
            else:
                put_bar(line, value, max(self.column - 6, 1), "keep", self.palette)
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
            put_bar(line, value, max(self.column - 6, 1), "bar", self.palette, full=most)
            line.put(f" {plain(value, self.glyphs)}", self.palette.style("ink", ground))
            line.to(start + self.column, self.palette.style("ink", ground))
        self.drawing.hit(0, self.drawing.width, ClickTarget(unit=number))


_KEYS = (("n/N", "token"), ("g/G", "first, last"), ("j/k", "lane"), ("esc q", "quit"))


class LockstepScreen(Screen[None]):
    """Every network at the same token."""

    DEFAULT_CSS = "LockstepScreen { background: $lt-ground; } LockstepScreen > _Lanes { height: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,l,right", "token(1)", show=False),
        Binding("N,shift+n,h,left", "token(-1)", show=False),
        Binding("g", "end(0)", show=False),
        Binding("G,shift+g", "end(1)", show=False),
        Binding("j,down", "lane(1)", show=False),
        Binding("k,up", "lane(-1)", show=False),
        Binding("q,escape", "leave", show=False),
    ]

    palette: reactive[Palette] = reactive(DARK_PALETTE, repaint=False)
    t: reactive[int] = reactive(0, repaint=False)
    lane: reactive[int] = reactive(0, repaint=False)

    def __init__(self, lock: Lockstep, glyphs: Glyphs, few_colours: bool) -> None:
        """Stand at the first token of all."""
        super().__init__()
        self.shared, self._glyphs, self._few_colours = lock, glyphs, few_colours

    def compose(self) -> ComposeResult:
        """Lay out the lanes above the keys."""
        self._choose_colours()
        yield _Lanes(self.shared).data_bind(LockstepScreen.palette, LockstepScreen.t, LockstepScreen.lane)
        yield KeysLine(_KEYS).data_bind(LockstepScreen.palette)

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

    def action_leave(self) -> None:
        """Leave."""
        self.app.exit(0)


class _Lanes(Widget):
    """The lanes in their frame."""

    palette: reactive[Palette] = reactive(DARK_PALETTE)
    t: reactive[int] = reactive(0)
    lane: reactive[int] = reactive(0)

    def __init__(self, lock: Lockstep) -> None:
        super().__init__()
        self._lock = lock
        self._drawn: Drawing | None = None
        self._strips: list[Strip] = []

    def render_line(self, y: int) -> Strip:
        """Return a line for Textual."""
        if y == 0:
            width, height = max(self.size.width - 2, 1), max(self.size.height - 2, 1)
            self._drawn = draw_lockstep(self._lock, self.t, self.lane, width, height, self.palette)
            self._strips = framed(self._drawn, focused=True)
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.palette.style())

    def on_click(self, event: Click) -> None:
        """Go to the token, and choose the lane, under the mouse."""
        target = None if self._drawn is None else self._drawn.at(event.x - 1, event.y - 1)
        screen = self.screen
        if target is not None and isinstance(screen, LockstepScreen):
            screen.t = screen.t if target.t is None else target.t
            screen.lane = screen.lane if target.unit is None else target.unit


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
