"""The lines without a frame: header and tabs; why the run stopped and what the displays say; equation and footer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.debugger.breakpoints.breakpoints import Shown
from lstm_tui.debugger.panes import ONE_UNIT, PANES, TAPE
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import Line, cut, wrapped_text
from lstm_tui.tui.canvas.palette import DARK_PALETTE, Palette
from lstm_tui.tui.commands import Command, footer_commands, footer_words, now_at
from lstm_tui.tui.panes.equations import draw_equation_line
from lstm_tui.tui.view import EMPTY, View

_WIDE = 110
"""Columns from which on its words are written out."""
_GAP = 3
_ROWS = 8
"""Rows of the terminal for each of these lines, and for one more: the tape and the panes keep theirs."""


def stop_lines(view: View, width: int, rows: int, palette: Palette) -> list[Line]:
    """Draw the last stop and every display, as far as there is room.

    Args:
        view: What is shown.
        width: Cells of a line.
        rows: Height of the terminal.
        palette: Colours and signs.
    """
    most = max(rows // _ROWS, 2)
    said = _stop(view, width, max(most - bool(view.displays), 1), palette)
    return said + _displays(view.displays, width, most - len(said), palette)


def _stop(view: View, width: int, most: int, palette: Palette) -> list[Line]:
    stop = view.stopped
    if stop is None:
        return []
    glyphs = palette.glyphs
    text = glyphs.say(stop.reason) if stop.here else f"last stop, t={stop.t}: {glyphs.say(stop.reason)}"
    style = palette.style("title" if stop.here else "soft", "band", bold=stop.here)
    lines = []
    for n, row in enumerate(_wrapped(text, width - 4, most if stop.here else 1, palette)):
        line = Line(width, palette.style("ink", "band"))
        mark = glyphs.stop if n == 0 and stop.here else " "
        lines.append(line.put(f" {mark} ", palette.style("alarm", "band", bold=True)).put(row, style))
    return lines


def _wrapped(text: str, width: int, most: int, palette: Palette) -> list[str]:
    """Return a text in so many rows at most, broken at blanks; the last one is cut."""
    rows = wrapped_text(text, width)
    return rows if len(rows) <= most else [*rows[: most - 1], cut(" ".join(rows[most - 1 :]), width, palette.glyphs)]


def _displays(shown: Sequence[Shown], width: int, most: int, palette: Palette) -> list[Line]:
    """Draw the displays beside one another; one that changed is marked and says what it was."""
    lines: list[Line] = []
    for n, one in enumerate(shown):
        need = min(cell_len(_text(one, palette)) + 4, width // 2 if len(shown) > 1 else width)
        if not lines or lines[-1].x + need > width - (9 if len(lines) == most and n < len(shown) - 1 else 0):
            if len(lines) == most:
                lines[-1].right(f"+{len(shown) - n} more ", palette.style("key", "band", bold=True))
                break
            lines.append(Line(width, palette.style("ink", "band")).put(" "))
        _put(lines[-1], one, need - 1, palette)
        lines[-1].put(" " * _GAP)
    return lines


def _text(one: Shown, palette: Palette) -> str:
    changed = "" if one.was is None else f" was {one.was}"
    return palette.glyphs.say(f"{one.number} {one.text} = {one.value}{changed}")


def _put(line: Line, one: Shown, room: int, palette: Palette) -> None:
    changed, say, end = one.was is not None, palette.glyphs.say, line.x + room
    line.put("*" if changed else " ", palette.style("alarm", "band", bold=True))
    line.put(f"{one.number} ", palette.style("key", "band"))
    for text, ink, bold in (
        (say(f"{one.text} = "), "soft", False),
        (say(one.value), "title", changed),
        (say(f" was {one.was}") if changed else "", "soft", False),
    ):
        line.put(cut(text, max(end - line.x, 0), palette.glyphs), palette.style(ink, "band", bold=bold))


class StopLines(Widget):
    """Shown where there is a stop or a display, and gone without."""

    DEFAULT_CSS = "StopLines { height: auto; display: none; } StopLines.-told { display: block; }"
    view: reactive[View] = reactive(EMPTY, repaint=False)
    palette: reactive[Palette] = reactive(DARK_PALETTE)
    _lines: tuple[Line, ...] = ()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        return len(self._drawn(width, viewport.height))

    def watch_view(self) -> None:
        """Take as many lines as there are to tell."""
        view, before = self.view, len(self._lines)
        self.set_class(view.stopped is not None or bool(view.displays), "-told")
        self._lines = tuple(self._drawn(self.size.width, self.screen.size.height)) if self.size.width else ()
        if self.display:
            self.refresh(layout=len(self._lines) != before)

    def _drawn(self, width: int, rows: int) -> list[Line]:
        return stop_lines(self.view, width, rows, self.palette)

    def render_line(self, y: int) -> Strip:
        """Return a line for Textual."""
        if y == 0:
            self._lines = tuple(self._drawn(self.size.width, self.screen.size.height))
        return self._lines[y].strip() if y < len(self._lines) else Strip.blank(self.size.width, self.palette.style())


def draw_header(view: View, width: int, palette: Palette, busy: str = "") -> Line:
    """Draw what is open on the left and where the run stands on the right; the position is never cut."""
    glyphs = palette.glyphs
    line = Line(width, palette.style("ink", "band"))
    trace, position = view.trace, view.frame.position
    quiet, plain = palette.style("soft", "band"), palette.style("ink", "band")
    alarm = palette.style("alarm", "band")
    strong = palette.style("accent", "band", bold=True)
    equations = view.passed.cell.equations
    current = equations[position.equation].name if position.equation >= 0 else glyphs.dash
    op = "" if position.op is None else f" op {position.op + 1}"
    token = cut(view.label(view.t, palette), 16, glyphs)
    engine = f"{trace.interpreter} {trace.dtype.replace('float', 'f')}" + (f" {glyphs.say(busy)}" if busy else "")
    right: list[tuple[str, Style]] = [
        (f"t={view.t}", strong),
        (f" ({view.t + 1} of {view.facts.length})  ", quiet),
        (token, palette.style("title", "band", bold=True)),
        (f"  {glyphs.cursor} ", palette.style("focus", "band")),
        (view.pass_name, plain),
        (f"  {current} = {glyphs.more}{op}", plain),
        (f"  {position.equation + 1}/{len(equations)}", quiet),
        (f"  {engine} ", quiet),
    ]
    if view.edits:
        words = f"{view.edits} edit{'s' * (view.edits > 1)}" if width >= 100 else str(view.edits)
        right.insert(0, (f"{glyphs.edited} {words}  ", palette.style("key", "band", bold=True)))
    if view.live is not None:
        style = palette.style("key" if view.live.unseen else "accent", "band", bold=True)
        right.insert(0, (f"{view.live.words}  ", style))
    if width < _WIDE:
        right[1 + bool(view.edits) + (view.live is not None)] = ("  ", quiet)
    unknown = len(view.facts.unknown)
    left = "" if width < 60 else " lstm-tui "
    line.put(left, strong)
    where = _where(view)
    need = sum(cell_len(text) for text, _ in right)
    room = max(width - need - line.x - 2, 0)
    remarks = len(trace.remarks)
    names = [glyphs.say(view.title), where] + ([f"{unknown} unknown"] if unknown else [])
    if width < _WIDE and unknown:  # by the width alone, so that it is the same at every step
        names[2] = f"{unknown}{glyphs.unknown}"
    while len(names) > 1 and cell_len(f" {glyphs.dot} ".join(names)) > room:
        names[0] = (
            names[0].split(glyphs.dot)[0].strip() if glyphs.dot in names[0] else names.pop(1 if len(names) > 2 else 0)
        )
    for n, name in enumerate(names):
        style = palette.style("alarm", "band") if name.endswith(("unknown", glyphs.unknown)) and unknown else quiet
        text = (f" {glyphs.dot} " if n else "") + name
        line.put(cut(text, max(width - need - line.x - 1, 0), glyphs), style)
    if remarks:
        told = f" {glyphs.dot} {remarks} warning{'s' * (remarks > 1)}"
        line.put(cut(told, max(width - need - line.x - 1, 0), glyphs), alarm)
    line.to(width - need)
    for text, style in right:
        line.put(text, style)
    return line


def _where(view: View) -> str:
    sequence = view.trace.sequence
    if sequence.file is None:
        return "text"
    name = visible(sequence.file)
    return f"{name} line {sequence.line}" + (f" of {view.lines}" if view.lines > 1 else "") if sequence.line else name


def draw_footer(
    words: Sequence[tuple[str, str]], width: int, palette: Palette, said: str = ""
) -> tuple[Line, list[tuple[int, int, int]]]:
    """Draw keys and words, as many as fit, and what the last command has to say.

    Returns:
        The line, and (first column, column behind, number) of each word.
    """
    line = Line(width, palette.style("ink", "band"))
    key_style, word_style = palette.style("key", "band", bold=True), palette.style("soft", "band")
    line.put(" ")
    places: list[tuple[int, int, int]] = []
    last = len(words) - 2  # help and quit are always there, but for an answer that needs their room to be read whole
    gap = 2
    room = width - 2 - cell_len(said) if said else width
    tail = sum(cell_len(key) + cell_len(word) + 1 + gap for key, word in words[last:])
    if said and tail > room >= 0:
        words, last, tail = (), 0, 0
    tail += cell_len(said) + 2 if said else 0
    for n, (key, word) in enumerate(words):
        need = cell_len(key) + cell_len(word) + 1 + gap
        if n < last and line.x + need + tail > width:
            continue
        start = line.x
        line.put(key, key_style).put(f" {word}", word_style)
        places.append((start, line.x, n))
        line.put(" " * gap)
    if said:
        line.right(cut(said, width - line.x - 1, palette.glyphs) + " ", palette.style("title", "band", bold=True))
    return line, places


_TABS = tuple((pane.number, pane.word) for pane in PANES if pane not in (ONE_UNIT, TAPE))


def draw_tabs(view: View, shown: int, width: int, palette: Palette) -> tuple[Line, list[tuple[int, int, int]]]:
    """Draw the names of the panes, the shown one marked; also (first column, column behind, pane) of each."""
    line = Line(width, palette.style("ink"))
    places: list[tuple[int, int, int]] = []
    single = view.partner() is None
    for number, word in _TABS:
        if single and number == 3:
            continue
        text = "units" if single and number == 2 else word
        here = number == shown
        start = line.x
        mark = palette.glyphs.cursor if here else " "
        line.put(mark, palette.style("focus", "row" if here else "ground"))
        line.put(str(number), palette.style("accent" if here else "key", "row" if here else "ground", bold=here))
        line.put(f" {text} ", palette.style("title" if here else "soft", "row" if here else "ground", bold=here))
        places.append((start, line.x, number))
        line.put(" ")
    return line, places


Places = list[tuple[int, int, int]]


class OneLine(Widget):
    """A line that is redrawn when the view or the colours change."""

    DEFAULT_CSS = "OneLine { height: 1; }"
    view: reactive[View] = reactive(EMPTY, repaint=False)
    palette: reactive[Palette] = reactive(DARK_PALETTE)

    class Pressed(Message):
        """A word of the line was clicked."""

        def __init__(self, command: Command) -> None:
            """Hold the command it stands for."""
            super().__init__()
            self.command = command

    places: Places = []
    _drawn: Strip | None = None

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the line."""
        raise NotImplementedError

    def wait(self, palette: Palette, width: int) -> Line:
        """Draw the line while there is no run."""
        return Line(width, palette.style())

    def command_at(self, number: int) -> Command:
        """Return the command of the word with this number; a line in which words can be clicked overrides this."""
        raise NotImplementedError

    def watch_view(self) -> None:
        """Have the line repainted when it is not as it was."""
        if self.display and self.is_attached and self._line() != self._drawn:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the line for Textual."""
        self._drawn = self._line()
        return self._drawn

    def _line(self) -> Strip:
        if not self.size:
            return Strip.blank(self.size.width, self.palette.style())
        if self.view.is_empty:
            return self.wait(self.palette, self.size.width).strip()
        return self.draw(self.view, self.palette, self.size.width).strip()

    def on_click(self, event: events.Click) -> None:
        """Say which word was clicked."""
        for first, behind, number in self.places:
            if first <= event.x < behind:
                self.post_message(self.Pressed(self.command_at(number)))


class HeaderLine(OneLine):
    """What is open, and where the run stands."""

    busy: reactive[str] = reactive("")
    """What is waited for."""

    def __init__(self, waits_for: str, **options: Any) -> None:
        """Hold what is said while there is no run."""
        super().__init__(**options)
        self._waits_for = waits_for

    def wait(self, palette: Palette, width: int) -> Line:
        """Say what is waited for."""
        said = palette.glyphs.say(self.busy or self._waits_for)
        line = Line(width, palette.style("ink", "band")).put(" lstm-tui ", palette.style("accent", "band", bold=True))
        return line.put(f" {said}", palette.style("soft", "band"))

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the header."""
        return draw_header(view, width, palette, self.busy)


class FooterLine(OneLine):
    """The keys most used."""

    def __init__(self, without: Collection[str] = (), **options: Any) -> None:
        """Show them all, but for those `without` names: they mean something else here."""
        super().__init__(**options)
        self._all = tuple(one for one in footer_commands() if one.name not in without)
        self._commands = self._all

    def wait(self, palette: Palette, width: int) -> Line:
        """Draw the keys that act while there is no run."""
        return self._draw(tuple(one for one in self._all if one.always), palette, width)

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the footer."""
        told = view.stopped is not None and view.stopped.here and view.said == view.stopped.reason
        return self._draw(self._all, palette, width, "" if told else view.said)  # it stands in full above

    def _draw(self, commands: tuple[Command, ...], palette: Palette, width: int, said: str = "") -> Line:
        self._commands = commands
        line, self.places = draw_footer(footer_words(commands), width, palette, said)
        return line

    def command_at(self, number: int) -> Command:
        """Return the command of a footer entry."""
        return self._commands[number]


class TabsLine(OneLine):
    """The panes by name, where there is no room for all of them."""

    shown: reactive[int] = reactive(2)

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the tabs."""
        line, self.places = draw_tabs(view, self.shown, width, palette)
        return line

    def command_at(self, number: int) -> Command:
        """Return the command that shows a pane."""
        return now_at(str(number))


class EquationLine(OneLine):
    """The current equation in numbers, where the cell's pane is not in sight."""

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the equation."""
        return draw_equation_line(view, width, palette)
