"""Pane 5: the memory of every unit over the tape."""

from __future__ import annotations

from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.heatmap import draw_heatmap
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.pane import Pane


class Heatmap(Pane):
    """Units down, tokens across."""

    NUMBER, WORD = 5, "memory"

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the map."""
        if view.baseline is not None and view.memory_name in view.baseline.before[view.pass_name]:
            from lstm_tui.tui.render.heatmap_before import draw_heatmap_beside

            return draw_heatmap_beside(view, view.baseline, width, height, palette, self.NUMBER)
        return draw_heatmap(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose another token to look at, or another unit."""
        if self.view is not None:
            self.post_message(self.Chosen(around(self.view, right, down)))


def around(view: View, right: int, down: int) -> Target:
    """Return the token and the unit beside those under the cursor."""
    ranking = list(view.ranking(view.pass_name))
    place = min(max(ranking.index(view.unit) + down, 0), len(ranking) - 1)
    t = min(max(view.cursor_t + right, 0), view.facts.length - 1)
    return Target(pass_name=view.pass_name, t=t if right else None, unit=int(ranking[place]) if down else None)
