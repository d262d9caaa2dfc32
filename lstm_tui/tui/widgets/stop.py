"""The lines above the footer that say why the run stopped and what the displays say; as high as they need be."""

from __future__ import annotations

from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.stop_lines import stop_lines
from lstm_tui.tui.view import View
from lstm_tui.tui.widgets.pane import PLAIN


class StopLines(Widget):
    """Shown where there is a stop or a display, and gone without."""

    DEFAULT_CSS = "StopLines { height: auto; display: none; } StopLines.-told { display: block; }"
    view: reactive[View | None] = reactive(None, repaint=False)
    palette: reactive[Palette | None] = reactive(None)
    _lines: tuple[Line, ...] = ()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        return len(self._drawn(width, viewport.height))

    def watch_view(self) -> None:
        """Take as many lines as there are to tell."""
        view, before = self.view, len(self._lines)
        self.set_class(view is not None and (view.stopped is not None or bool(view.displays)), "-told")
        self._lines = tuple(self._drawn(self.size.width, self.screen.size.height)) if self.size.width else ()
        if self.display:
            self.refresh(layout=len(self._lines) != before)

    def _drawn(self, width: int, rows: int) -> list[Line]:
        if self.view is None or self.palette is None:
            return []
        return stop_lines(self.view, width, rows, self.palette)

    def render_line(self, y: int) -> Strip:
        """Return a line for Textual."""
        if y == 0:
            self._lines = tuple(self._drawn(self.size.width, self.screen.size.height))
        return self._lines[y].strip() if y < len(self._lines) else Strip.blank(self.size.width, PLAIN)
