"""Pane 4: the cell's equations, and the current one in numbers."""

from __future__ import annotations

from lstm_tui.tui.render.cell import draw_cell
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.heatmap import around
from lstm_tui.tui.widgets.pane import Pane


class CellPane(Pane):
    """The page of equations; the cursor chooses a value."""

    NUMBER, WORD = 4, "cell"

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the equations."""
        return draw_cell(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose the value of the equation above or below, or another unit."""
        view = self.view
        if view is None:
            return
        if right:
            self.post_message(self.Chosen(around(view, 0, right)))
            return
        names = [name for name in view.passed.cell.values if name in view.passed]
        place = names.index(view.value) + down if view.value in names else 0
        self.post_message(
            self.Chosen(Target(pass_name=view.pass_name, value=names[min(max(place, 0), len(names) - 1)]))
        )
