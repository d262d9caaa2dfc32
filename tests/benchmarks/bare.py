"""Bare Textual apps to compare with: a header and a footer, or one heat map over the whole screen."""

from __future__ import annotations

import sys
from typing import Any, ClassVar

from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import Footer, Header

QUIT: Any = [("q", "quit", "quit")]


class HeaderAndFooter(App[None]):
    """What every Textual app has."""

    BINDINGS: ClassVar = QUIT

    def compose(self) -> ComposeResult:
        yield Header()
        yield Footer()


def heat_app() -> App[None]:
    """Return an app that repaints one full-screen heat map at every press of `n`."""
    import numpy as np
    from rich.segment import Segment
    from rich.style import Style
    from textual.strip import Strip

    styles = [Style.parse(f"on rgb({4 * n},{60 + n},{255 - 4 * n})") for n in range(64)]

    class Heat(Widget):
        seed = 0

        def render_line(self, y: int) -> Strip:
            shades = np.random.default_rng(self.seed * 1000 + y).integers(0, 64, self.size.width // 4 + 1)
            segments = [Segment("    ", styles[n]) for n in shades]
            return Strip(segments).crop(0, self.size.width)

    class HeatApp(App[None]):
        BINDINGS: ClassVar = [("n", "next", "next"), *QUIT]

        def compose(self) -> ComposeResult:
            yield Heat()

        def action_next(self) -> None:
            heat = self.query_one(Heat)
            heat.seed += 1
            heat.refresh()

    return HeatApp()


if __name__ == "__main__":
    (heat_app() if "heat" in sys.argv else HeaderAndFooter()).run()
