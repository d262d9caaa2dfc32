"""Pane 6: what the chosen unit, or all of them, remember, by token."""

from __future__ import annotations

from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.remembers import draw_remembers
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.heatmap import around
from lstm_tui.tui.widgets.pane import Pane


class Remembers(Pane):
    """The ledger of one unit or of all."""

    NUMBER, WORD = 6, "remembers"

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the ledger."""
        return draw_remembers(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose the token of the row above or below, or another unit."""
        view = self.view
        if view is None:
            return
        sources = view.sources
        if right or sources is None:
            self.post_message(self.Chosen(around(view, 0, right or down)))
            return
        t = sources.beside(view.cursor_t, down)
        if t is not None:
            self.post_message(self.Chosen(Target(t=t)))
