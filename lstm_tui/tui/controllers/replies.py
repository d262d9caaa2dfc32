"""What a verb answers in more than a line: a page over the screen, which waits while the next line is typed."""

from __future__ import annotations

from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.controllers.open_run import OpenRun


class Replies:
    """Opens the page of an answer, and goes where it tells of."""

    def __init__(self, screen: Screen[None], run: OpenRun) -> None:
        """Answer nothing yet.

        Args:
            screen: Over which pages are opened.
            run: What they tell of.
        """
        self._screen, self._run = screen, run
        self._untold: tuple[str, tuple[str, ...]] | None = None  # an answer that came while a line was typed

    def tell(self, title: str, lines: tuple[str, ...]) -> None:
        """Show an answer, unless the next line is typed already: then `tell_rest` does."""
        if isinstance(self._screen.app.focused, Input):
            self._untold = (title, lines)
            return
        from lstm_tui.tui.views.page import PageScreen

        self._untold = None
        found = self._run.session.stops.found
        goes = found is not None and found.lines == lines
        page = PageScreen(visible(title), [Content(visible(line)) for line in lines], goes)
        self._screen.app.push_screen(page, self._go_where_found)

    def tell_rest(self) -> None:
        """Tell what could not be told over a line that was typed."""
        if self._untold is not None:
            self.tell(*self._untold)

    def _go_where_found(self, goes: bool | None) -> None:
        """Stand behind the equation of which a page tells, at its unit and value."""
        stops, view = self._run.session.stops, self._run.view
        found = stops.found
        if not goes or found is None:
            return
        frame = stops.go_where_found()
        units = {**view.units, frame.position.pass_name: found.unit}
        self._run.show(frame=frame, units=units, value=found.value or view.value, place=None, follow=True)
