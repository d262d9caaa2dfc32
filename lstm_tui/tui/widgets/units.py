"""Panes 2 and 3: the unit tables of the two directions of a layer."""

from __future__ import annotations

from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.units import draw_units
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.pane import Pane


class Units(Pane):
    """Every unit of one pass as a row of bars."""

    NUMBER, WORD = 2, "forward"

    def pass_name(self, view: View) -> str | None:
        """Return the pass this table shows."""
        return view.sides()[0]

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the table; an empty pane when the network has no such pass."""
        name = self.pass_name(view)
        if name is None:
            drawing = Drawing(width, height, palette, f"{self.NUMBER} {self.WORD}")
            drawing.line().put(" this layer reads one way only", palette.style("faint"))
            return drawing
        return draw_units(view, name, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose another unit of the order, or another value."""
        view = self.view
        name = self.pass_name(view) if view is not None else None
        if view is None or name is None:
            return
        if down:
            ranking = list(view.ranking(name))
            place = ranking.index(view.unit_of(name)) + down
            unit = int(ranking[min(max(place, 0), len(ranking) - 1)])
            self.post_message(self.Chosen(Target(pass_name=name, unit=unit)))
        if right:
            names = [column.name for column in view.columns(name)]
            place = names.index(view.value) if view.value in names else 0
            value = names[min(max(place + right, 0), len(names) - 1)]
            self.post_message(self.Chosen(Target(pass_name=name, value=value)))


class BackwardUnits(Units):
    """The table of the pass that reads from the end."""

    NUMBER, WORD = 3, "backward"

    def pass_name(self, view: View) -> str | None:
        """Return the backward pass, if there is one."""
        return view.sides()[1]
