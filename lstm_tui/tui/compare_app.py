"""The app of `lstm-tui compare`."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.source import Source
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.canvas.glyphs import ASCII, UNICODE
from lstm_tui.tui.environment import check_terminal, draws_ascii
from lstm_tui.tui.key_parser import read_escape_at_once
from lstm_tui.tui.threads import end
from lstm_tui.tui.views.compare import CompareScreen


class CompareApp(LstmApp):
    """Themes, signals and the terminal as in the debugger, with another screen."""

    def __init__(self, compared: Comparison, **options: Any) -> None:
        """Hold both runs."""
        super().__init__(Source.of_trace(compared.one), **options)
        self._compared = compared

    def get_default_screen(self) -> Screen[Any]:
        """Return the screen of two runs."""
        few = self._few_colours
        if few is None:
            few = self._ascii or self.no_color or self.console.color_system == "standard"
        return CompareScreen(self._compared, ASCII if self._ascii else UNICODE, few)


def compare_app(compared: Comparison, light: bool = False) -> int:
    """Show two runs side by side, dark or light, and return the exit code.

    Raises:
        UserError: If there is no terminal to draw on.
    """
    check_terminal()
    read_escape_at_once()
    app = CompareApp(compared, light=light, ascii_only=draws_ascii())
    return end(app.open())
