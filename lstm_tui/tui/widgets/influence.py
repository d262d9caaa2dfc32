"""The pane of the influence screen."""

from __future__ import annotations

from textual.reactive import reactive

from lstm_tui.tui.questions import Answer
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.influence import draw_influence
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.pane import Pane


class InfluencePane(Pane):
    """Tokens by their influence."""

    answer: reactive[Answer | None] = reactive(None, repaint=False)

    def watch_answer(self) -> None:
        """Draw what is known now."""
        self.view = None if self.answer is None else self.answer.view
        self._renew()

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the answer."""
        assert self.answer is not None
        return draw_influence(self.answer, width, height, palette)

    def move(self, right: int, down: int) -> None:
        """Go to the token of the row above or below."""
        answer = self.answer
        if answer is not None:
            places = answer.places
            place = min(max(places.index(answer.cursor) + down, 0), len(places) - 1)
            self.post_message(self.Chosen(Target(t=places[place])))
