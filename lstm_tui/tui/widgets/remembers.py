"""Pane 6: what the chosen unit remembers, by token."""

from __future__ import annotations

import numpy as np

from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.remembers import draw_remembers
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.heatmap import around
from lstm_tui.tui.widgets.pane import Pane


class Remembers(Pane):
    """The ledger of one unit."""

    NUMBER, WORD = 6, "remembers"

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the ledger."""
        return draw_remembers(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose the token of the row above or below, or another unit."""
        view = self.view
        if view is None:
            return
        memory = view.memory
        if right or memory is None:
            self.post_message(self.Chosen(around(view, 0, right or down)))
            return
        order = [int(t) for t in np.argsort(-np.abs(memory.parts), kind="stable") if memory.read[t]]
        place = order.index(view.cursor_t) + down if view.cursor_t in order else 0
        self.post_message(self.Chosen(Target(t=order[min(max(place, 0), len(order) - 1)])))
