"""The lines above the footer that say why the run stopped and what the displays say; as high as they need be."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.geometry import Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from lstm_tui.debugger.breakpoints.displays import Shown
from lstm_tui.tui.canvas.canvas import Line
from lstm_tui.tui.canvas.palette import DARK_PALETTE, Palette
from lstm_tui.tui.canvas.text import cut
from lstm_tui.tui.view import EMPTY, View

_GAP = 3
_ROWS = 8
"""Rows of the terminal for each of these lines, and for one more: the tape and the panes keep theirs."""


def stop_lines(view: View, width: int, rows: int, palette: Palette) -> list[Line]:
    """Draw the last stop and every display, as far as there is room.

    Args:
        view: What is shown.
        width: Cells of a line.
        rows: Height of the terminal.
        palette: Colours and signs.
    """
    most = max(rows // _ROWS, 2)
    said = _stop(view, width, max(most - bool(view.displays), 1), palette)
    return said + _displays(view.displays, width, most - len(said), palette)


def _stop(view: View, width: int, most: int, palette: Palette) -> list[Line]:
    stop = view.stopped
    if stop is None:
        return []
    glyphs = palette.glyphs
    text = glyphs.say(stop.reason) if stop.here else f"last stop, t={stop.t}: {glyphs.say(stop.reason)}"
    style = palette.style("title" if stop.here else "soft", "band", bold=stop.here)
    lines = []
    for n, row in enumerate(_wrapped(text, width - 4, most if stop.here else 1, palette)):
        line = Line(width, palette.style("ink", "band"))
        mark = glyphs.stop if n == 0 and stop.here else " "
        lines.append(line.put(f" {mark} ", palette.style("alarm", "band", bold=True)).put(row, style))
    return lines


def _wrapped(text: str, width: int, most: int, palette: Palette) -> list[str]:
    """Return a text in so many rows at most, broken at blanks; the last one is cut."""
    rows: list[str] = []
    while cell_len(text) > width and len(rows) < most - 1:
        end = len(cut(text, width, palette.glyphs)) - 1
        end = text.rfind(" ", 0, end + 1) if " " in text[: end + 1].strip() else end
        rows.append(text[:end])
        text = text[end:].lstrip()
    return [*rows, cut(text, width, palette.glyphs)]


def _displays(shown: Sequence[Shown], width: int, most: int, palette: Palette) -> list[Line]:
    """Draw the displays beside one another; one that changed is marked and says what it was."""
    lines: list[Line] = []
    for n, one in enumerate(shown):
        need = min(cell_len(_text(one, palette)) + 4, width // 2 if len(shown) > 1 else width)
        if not lines or lines[-1].x + need > width - (9 if len(lines) == most and n < len(shown) - 1 else 0):
            if len(lines) == most:
                lines[-1].right(f"+{len(shown) - n} more ", palette.style("key", "band", bold=True))
                break
            lines.append(Line(width, palette.style("ink", "band")).put(" "))
        _put(lines[-1], one, need - 1, palette)
        lines[-1].put(" " * _GAP)
    return lines


def _text(one: Shown, palette: Palette) -> str:
    changed = "" if one.was is None else f" was {one.was}"
    return palette.glyphs.say(f"{one.number} {one.text} = {one.value}{changed}")


def _put(line: Line, one: Shown, room: int, palette: Palette) -> None:
    changed, say, end = one.was is not None, palette.glyphs.say, line.x + room
    line.put("*" if changed else " ", palette.style("alarm", "band", bold=True))
    line.put(f"{one.number} ", palette.style("key", "band"))
    for text, ink, bold in (
        (say(f"{one.text} = "), "soft", False),
        (say(one.value), "title", changed),
        (say(f" was {one.was}") if changed else "", "soft", False),
    ):
        line.put(cut(text, max(end - line.x, 0), palette.glyphs), palette.style(ink, "band", bold=bold))


class StopLines(Widget):
    """Shown where there is a stop or a display, and gone without."""

    DEFAULT_CSS = "StopLines { height: auto; display: none; } StopLines.-told { display: block; }"
    view: reactive[View] = reactive(EMPTY, repaint=False)
    palette: reactive[Palette] = reactive(DARK_PALETTE)
    _lines: tuple[Line, ...] = ()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return how many lines there are."""
        return len(self._drawn(width, viewport.height))

    def watch_view(self) -> None:
        """Take as many lines as there are to tell."""
        view, before = self.view, len(self._lines)
        self.set_class(view.stopped is not None or bool(view.displays), "-told")
        self._lines = tuple(self._drawn(self.size.width, self.screen.size.height)) if self.size.width else ()
        if self.display:
            self.refresh(layout=len(self._lines) != before)

    def _drawn(self, width: int, rows: int) -> list[Line]:
        return stop_lines(self.view, width, rows, self.palette)

    def render_line(self, y: int) -> Strip:
        """Return a line for Textual."""
        if y == 0:
            self._lines = tuple(self._drawn(self.size.width, self.screen.size.height))
        return self._lines[y].strip() if y < len(self._lines) else Strip.blank(self.size.width, self.palette.style())
