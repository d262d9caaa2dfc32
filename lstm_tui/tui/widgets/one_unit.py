"""Pane 0: one unit as large as it gets, on the whole screen."""

from __future__ import annotations

from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.heatmap import around
from lstm_tui.tui.widgets.pane import Pane


class OneUnit(Pane):
    """Tape, equation and step of the chosen unit; the cursor chooses another unit or value."""

    NUMBER, WORD = 0, "one unit"

    @property
    def framed(self) -> bool:
        """Never: nothing stands beside it."""
        return False

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the unit."""
        from lstm_tui.tui.render.one_unit import draw_one_unit  # only once it is looked at

        return draw_one_unit(view, width, height, palette)

    def move(self, right: int, down: int) -> None:
        """Choose the next value of the cell, or the next unit of the order."""
        view = self.view
        if view is None:
            return
        if down:
            self.post_message(self.Chosen(around(view, 0, down)))
            return
        names = [name for name in view.passed.cell.values if name in view.passed]
        place = names.index(view.value) + right if view.value in names else 0
        value = names[min(max(place, 0), len(names) - 1)]
        self.post_message(self.Chosen(Target(pass_name=view.pass_name, value=value)))
