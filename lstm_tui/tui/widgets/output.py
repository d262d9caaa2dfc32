"""Pane 7: what the network says."""

from __future__ import annotations

from lstm_tui.tui.render.drawing import Drawing
from lstm_tui.tui.render.output import draw_output
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.heatmap import around
from lstm_tui.tui.widgets.pane import Pane


class Output(Pane):
    """Classes, next words or numbers, and the parts of a verdict."""

    NUMBER, WORD = 7, "output"

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the output."""
        return draw_output(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose another token to look at."""
        if self.view is not None:
            self.post_message(self.Chosen(around(self.view, right or down, 0)))
