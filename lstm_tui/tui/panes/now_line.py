"""The line in words: what this token does to the memory and, always, what the network says.

What does not fit is left out: first how the lessons are opened, then clause by clause, from the end, with a sign that
more is to be said; what the network says stays.
"""

from __future__ import annotations

from rich.cells import cell_len

from lstm_tui.tui.canvas.canvas import Line, cut
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.panes.header_footer import OneLine
from lstm_tui.tui.view import View

LESSONS = "press T for lessons"
LESSONS_SHORT = "T lessons"
_GAP = 2


def draw_now(view: View, width: int, palette: Palette) -> Line:
    """Draw the sentence, what the network says at the right; at the first step also how the lessons are opened."""
    glyphs = palette.glyphs
    line = Line(width, palette.style("ink", "band"))
    found = view.now
    says = cut(glyphs.say(found.says), max(width - 2, 0), glyphs)
    room = width - cell_len(says) - _GAP - 2
    clauses = [glyphs.say(one) for one in found.memory]
    whole = ["; ".join(clauses)] + [
        f"{'; '.join(clauses[:count])}; {glyphs.more}" for count in range(len(clauses) - 1, 0, -1)
    ]
    text = next((one for one in whole if cell_len(one) <= room), cut(whole[-1], max(room, 0), glyphs))
    left = room - cell_len(text) - _GAP if view.is_at_start else 0
    hint = next((one for one in (LESSONS, LESSONS_SHORT) if cell_len(one) <= left), "")
    line.put(" ").put(text, palette.style("title", "band"))
    if hint:
        line.put(" " * _GAP).put(hint, palette.style("key", "band", bold=True))
    line.right(f"{says} ", palette.style("accent", "band", bold=True))
    return line


class NowLine(OneLine):
    """What happens now, in words."""

    def watch_view(self) -> None:
        """Have the line repainted; only then is it made, since it may ask of what a run in windows has computed."""
        if self.display and self.is_attached:
            self.refresh()

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the sentence."""
        return draw_now(view, width, palette)
