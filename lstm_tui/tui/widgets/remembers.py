"""Pane 6: what the chosen unit, or all of them, remember, by token."""

from __future__ import annotations

from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.remembers import draw_remembers, sources_of
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
        ledger = view.ledger
        if right or ledger is None:
            self.post_message(self.Chosen(around(view, 0, right or down)))
            return
        order = [source.t for source in sources_of(ledger) if not source.edit]
        if order:
            place = order.index(view.cursor_t) + down if view.cursor_t in order else 0
            self.post_message(self.Chosen(Target(t=order[min(max(place, 0), len(order) - 1)])))
