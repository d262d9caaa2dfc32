"""Pane 1: the tape of tokens."""

from __future__ import annotations

from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.tape import draw_tape
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.pane import Pane


class Tape(Pane):
    """The tokens; moving the cursor here moves the run."""

    NUMBER, WORD = 1, "tape"

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the tape."""
        return draw_tape(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Step on the tape."""
        self.post_message(self.Stepped(right or down))

    def clicked(self, target: Target) -> None:
        """Go to a token that is clicked."""
        self.post_message(self.Chosen(target, go=True))
