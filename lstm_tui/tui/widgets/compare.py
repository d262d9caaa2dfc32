"""The panes of two runs side by side: the common tape, and the tables and outputs of either."""

from __future__ import annotations

from textual.reactive import reactive

from lstm_tui.debugger.comparison import Comparison
from lstm_tui.tui.render.compare import draw_compare
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.output import Output
from lstm_tui.tui.widgets.pane import Pane
from lstm_tui.tui.widgets.units import Units


class CompareTape(Pane):
    """Both tapes as one, a row for each token; moving the cursor moves both runs."""

    NUMBER, WORD = 1, "tokens"

    chosen: reactive[int] = reactive(0, repaint=False)

    def __init__(self, compared: Comparison, id: str | None = None) -> None:
        """Show two runs."""
        super().__init__(id=id)
        self._compared = compared

    def watch_chosen(self) -> None:
        """Draw the other row."""
        self._renew()

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the rows."""
        return draw_compare(self._compared, self.chosen, view.pass_name, width, height, palette)

    def move(self, right: int, down: int) -> None:
        """Step on the common tape."""
        self.post_message(self.Stepped(right or down))


class SideUnits(Units):
    """The units of the selected pass of one of the two runs."""

    def __init__(self, side: int, name: str, id: str | None = None) -> None:
        """Show side 0 or 1."""
        super().__init__(id=id)
        self.side, self._name = side, name

    def pass_name(self, view: View) -> str | None:
        """Return the selected pass."""
        return view.pass_name

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the table under the name of the run."""
        drawing = super().draw(view, palette, width, height)
        drawing.title = f"{'AB'[self.side]} {self._name} {palette.glyphs.dot} {view.pass_name} t={view.t}"
        return drawing


class SideOutput(Output):
    """What one of the two networks says."""

    def __init__(self, side: int, id: str | None = None) -> None:
        """Show side 0 or 1."""
        super().__init__(id=id)
        self.side = side

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the output."""
        drawing = super().draw(view, palette, width, height)
        drawing.title = f"{'AB'[self.side]} output"
        return drawing

    def clicked(self, target: Target) -> None:
        """Stay: the tape of both is another pane."""
