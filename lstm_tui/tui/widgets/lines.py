"""The lines without a frame: header, tabs, the current equation, footer."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.tui.commands import Command, footer_commands, footer_words
from lstm_tui.tui.render.bar_lines import draw_footer, draw_header, draw_tabs
from lstm_tui.tui.render.cell import draw_equation_line
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.pane import PLAIN

Places = list[tuple[int, int, int]]


class OneLine(Widget):
    """A line that is drawn anew when the view or the colours change."""

    DEFAULT_CSS = "OneLine { height: 1; }"
    view: reactive[View | None] = reactive(None, repaint=False)
    palette: reactive[Palette | None] = reactive(None)

    class Pressed(Message):
        """A word of the line was clicked: the command or pane it stands for."""

        def __init__(self, action: str) -> None:
            """Hold the action of the screen."""
            super().__init__()
            self.action = action

    places: Places = []
    _drawn: Strip | None = None

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the line."""
        raise NotImplementedError

    def wait(self, palette: Palette, width: int) -> Line:
        """Draw the line while there is no run."""
        return Line(width, palette.style())

    def action_at(self, number: int) -> str:
        """Return the action of the word with this number."""
        return ""

    def watch_view(self) -> None:
        """Have the line repainted when it is not as it was."""
        if self.display and self.is_attached and self._line() != self._drawn:
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return the line for Textual."""
        self._drawn = self._line()
        return self._drawn

    def _line(self) -> Strip:
        if self.palette is None or not self.size:
            return Strip.blank(self.size.width, PLAIN)
        if self.view is None:
            return self.wait(self.palette, self.size.width).strip()
        return self.draw(self.view, self.palette, self.size.width).strip()

    def on_click(self, event: events.Click) -> None:
        """Say which word was clicked."""
        for first, behind, number in self.places:
            if first <= event.x < behind:
                self.post_message(self.Pressed(self.action_at(number)))


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

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the footer."""
        told = view.stopped is not None and view.stopped.here and view.said == view.stopped.reason
        said = "" if told else view.said  # it stands in full above
        line, self.places = draw_footer(footer_words(self.commands()), width, palette, said)
        return line

    def commands(self) -> tuple[Command, ...]:
        """Return the entries in order."""
        return footer_commands()

    def action_at(self, number: int) -> str:
        """Return the action of a footer entry."""
        return self.commands()[number].action


class TabsLine(OneLine):
    """The panes by name, where there is no room for all of them."""

    shown: reactive[int] = reactive(2)

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the tabs."""
        line, self.places = draw_tabs(view, self.shown, width, palette)
        return line

    def action_at(self, number: int) -> str:
        """Return the action that shows a pane."""
        return f"pane({number})"


class EquationLine(OneLine):
    """The current equation in numbers, where the cell's pane is not in sight."""

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the equation."""
        return draw_equation_line(view, width, palette)
