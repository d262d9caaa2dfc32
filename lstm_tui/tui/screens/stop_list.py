"""Every breakpoint, watch and display in one list: switched on and off, written anew and taken away in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList

from lstm_tui.debugger.displays import Display
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.stops.breakpoints import Breakpoint
from lstm_tui.engine.visible import visible
from lstm_tui.tui.render.glyphs import Glyphs
from lstm_tui.tui.screens.line_prompt import LinePrompt
from lstm_tui.tui.screens.list_panel import ListPanel


class StopList(ListPanel):
    """What stops the run and what is shown at every stop; everything done here is a line that can be typed too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("B,shift+b", "leave", show=False),
        Binding("space", "switch", show=False),
        Binding("e", "edit", show=False),
        Binding("i", "ignore", show=False),
        Binding("d,delete", "delete", show=False),
        Binding("b", "add('break')", show=False),
        Binding("w", "add('watch')", show=False),
        Binding("p", "add('display')", show=False),
    ]
    KEYS = "space on/off   e edit   i ignore   d delete   b w p new   esc closes"

    def __init__(self, session: Session, glyphs: Glyphs, obey: Callable[[str], str]) -> None:
        """List the stops and displays of a session; `obey` has a typed line obeyed and returns what is wrong."""
        super().__init__()
        self._session, self._glyphs, self._obey = session, glyphs, obey

    @property
    def _rows(self) -> list[Breakpoint | Display]:
        return [*self._session.breakpoints, *self._session.displays]

    def renew(self) -> None:
        """List them as they are now, at the same row."""
        found, rows = self.query_one(OptionList), self._rows
        place = found.highlighted or 0
        stops, shown = len(self._session.breakpoints), len(self._session.displays)
        words = f"{stops} breakpoint{'s' * (stops != 1)}, {shown} display{'s' * (shown != 1)}"
        self.query_one(Vertical).border_title = Content(words)
        found.clear_options()
        found.add_options([self._line(one) for one in rows] or [Content("nothing yet: b break, w watch, p display")])
        found.highlighted = min(place, max(len(rows) - 1, 0))

    def _line(self, one: Breakpoint | Display) -> Content:
        say = self._glyphs.say
        if isinstance(one, Display):
            return Content.assemble(
                (f"    {one.number:>3}  display  ", "$lt-key"), (say(visible(one.expression.text.strip())), "$lt-ink"),
                (f"   in {one.pass_name}", "$lt-faint"),
            )  # fmt: skip
        word = "once" if one.temporary else "watch" if one.word == "watch" else "break"
        facts = [f"in {one.pass_name}", f"hit {one.hits}"] + [f"ignores the next {one.ignore}"] * (one.ignore > 0)
        facts += [say(told)] if (told := self._session.unknown(one)) else []
        mark = self._glyphs.stop if one.enabled else " "
        return Content.assemble(
            (f"  {mark} ", "$lt-alarm"), (f"{one.number:>3}  {word:<7}  ", "$lt-key"),
            (say(visible(one.trigger.text)), "$lt-ink" if one.enabled else "$lt-faint"),
            ("" if one.enabled else "  (off)", "$lt-soft"), ("   " + f" {self._glyphs.dot} ".join(facts), "$lt-faint"),
        )  # fmt: skip

    @property
    def _chosen(self) -> Breakpoint | Display | None:
        rows, place = self._rows, self.query_one(OptionList).highlighted
        return rows[place] if place is not None and place < len(rows) else None

    def _do(self, line: str) -> None:
        self._say(self._obey(line))
        self.renew()

    def on_option_list_option_selected(self) -> None:
        """Write the chosen one anew."""
        self.action_edit()

    def action_switch(self) -> None:
        """Have a breakpoint stop no more, or again."""
        one = self._chosen
        if isinstance(one, Breakpoint):
            self._do(f"{'disable' if one.enabled else 'enable'} {one.number}")
        elif one is not None:
            self._say("a display has no switch: d takes it away")

    def action_delete(self) -> None:
        """Take the chosen one away."""
        one = self._chosen
        if one is not None:
            self._do(f"{'unbreak' if isinstance(one, Breakpoint) else 'undisplay'} {one.number}")

    def action_edit(self) -> None:
        """Ask what it should wait for, or show."""
        one = self._chosen
        if isinstance(one, Breakpoint):
            self._ask(f"{one.word} {one.number} waits for", one.trigger.text, f"rebreak {one.number} ")
        elif one is not None:
            number = one.number
            self._prompt(f"display {number} shows", one.expression.text.strip(), lambda text: self._show(number, text))

    def action_ignore(self) -> None:
        """Ask how many of its next hits are passed over."""
        one = self._chosen
        if isinstance(one, Breakpoint):
            self._ask(f"{one.word} {one.number}: hits to pass over", str(one.ignore), f"ignore {one.number} ")

    def action_add(self, verb: str) -> None:
        """Ask for another one."""
        about = {"break": "stop at a token, equation or condition", "watch": "stop when it moves", "display": "show"}
        self._ask(about[verb], "", f"{verb} ")

    def _ask(self, title: str, value: str, line: str) -> None:
        self._prompt(title, value, lambda text: self._obey(line + text) if text.strip() else "what? esc leaves it")

    def _prompt(self, title: str, value: str, submit: Callable[[str], str]) -> None:
        self.app.push_screen(LinePrompt(title, visible(value), submit, self._glyphs), lambda _: self.renew())

    def _show(self, number: int, text: str) -> str:
        """Have a display show something else: the old one goes when the new one is there."""
        return self._obey(f"display {text}") or self._obey(f"undisplay {number}") if text.strip() else "show what?"
