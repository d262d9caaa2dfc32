"""What screens of several runs share, which have no session to type into: their keys in a line, and how they open."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.canvas.palette import DARK_PALETTE, Palette
from lstm_tui.tui.environment import check_terminal, draws_ascii
from lstm_tui.tui.keys import read_escape_at_once
from lstm_tui.tui.panes.header_footer import draw_footer
from lstm_tui.tui.threads import end


class KeysLine(Widget):
    """The keys of a screen in one line; where room is short, the last two are the last to be dropped."""

    DEFAULT_CSS: ClassVar[str] = "KeysLine { height: 1; }"
    palette: reactive[Palette] = reactive(DARK_PALETTE)

    def __init__(self, keys: tuple[tuple[str, str], ...]) -> None:
        """Show keys, each with its word."""
        super().__init__()
        self._keys = keys

    def render_line(self, y: int) -> Strip:
        """Return the line."""
        return draw_footer(self._keys, self.size.width, self.palette)[0].strip()


def shown_alone(make: Callable[..., LstmApp], light: bool) -> int:
    """Show an app, made with the options of `LstmApp`, dark or light, and return the exit code.

    Raises:
        UserError: If there is no terminal to draw on.
    """
    check_terminal()
    read_escape_at_once()
    return end(make(light=light, ascii_only=draws_ascii()).open())
