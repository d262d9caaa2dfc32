"""The health of the units: saturated gates as Karpathy drew them, units that never act, units that cannot learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType

from lstm_tui.analysis.health import health
from lstm_tui.tui.healthy import Healthy
from lstm_tui.tui.render.drawing import Target
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.screens.study import Changes, Study
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.pane import Pane


class HealthScreen(Study[Target]):
    """Looks at the run that is shown; dismissed with a unit to look at, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,H,shift+h", "leave", show=False),
        Binding("j,down", "move(1)", show=False),
        Binding("k,up", "move(-1)", show=False),
        Binding("g,home", "move(-100000)", show=False),
        Binding("G,shift+g,end", "move(100000)", show=False),
        Binding("right_square_bracket", "pass(1)", show=False),
        Binding("left_square_bracket", "pass(-1)", show=False),
        Binding("enter", "go", show=False),
    ]
    KEYS = (("j/k", "finding"), ("[]", "pass"), ("enter", "look at the unit"), ("esc", "back"))

    def __init__(self, view: View, palette: Palette) -> None:
        """Look at the selected pass of the whole run."""
        super().__init__(Healthy(view, view.pass_name, {}), palette)

    def on_mount(self) -> None:
        """Begin once the screen is there."""
        trace = self.picture.view.trace

        def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
            yield {"passes": {one.name: one for one in health([trace])}, "working": False}

        self.ask(work)

    @on(Pane.Chosen)
    def _row(self, message: Pane.Chosen) -> None:
        if message.target.t is not None:
            self.picture = self.picture.but(cursor=message.target.t)

    def action_move(self, down: int) -> None:
        """Go to the finding above or below, in the order in which they are listed."""
        picture: Healthy = self.picture
        last = len(picture.findings) - 1
        self.picture = picture.but(cursor=min(max(picture.cursor + down, 0), max(last, 0)))

    def action_pass(self, shift: int) -> None:
        """Look at another pass."""
        picture: Healthy = self.picture
        names = picture.view.facts.names
        name = names[(names.index(picture.pass_name) + shift) % len(names)]
        self.picture = picture.but(pass_name=name, cursor=0)

    def action_go(self) -> None:
        """Close the screen and choose the unit of the finding."""
        found = self.picture.chosen
        self.dismiss(None if found is None else Target(found.pass_name, unit=found.unit, value=found.value))
