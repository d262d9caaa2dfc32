"""The line in words: what this token does to the memory and, always, what the network says.

What does not fit is left out clause by clause, from the end; what the network says stays.
"""

from __future__ import annotations

from rich.cells import cell_len

from lstm_tui.tui.canvas.canvas import Line, cut
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.panes.header_footer import OneLine
from lstm_tui.tui.view import View

LESSONS = "press T for lessons"
_GAP = 2


def draw_now(view: View, width: int, palette: Palette) -> Line:
    """Draw the sentence, what the network says at the right; at the first step also how the lessons are opened."""
    glyphs = palette.glyphs
    line = Line(width, palette.style("ink", "band"))
    found = view.now
    says = cut(glyphs.say(found.says), max(width - 2, 0), glyphs)
    room = width - cell_len(says) - _GAP - 2
    hint = LESSONS if view.is_at_start else ""
    clauses = [glyphs.say(one) for one in found.memory]
    if hint and cell_len(hint) + _GAP <= room:
        room -= cell_len(hint) + _GAP
    else:
        hint = ""
    text = clauses[0] if cell_len(clauses[0]) <= room else cut(clauses[0], max(room, 0), glyphs)
    for clause in clauses[1:]:
        if cell_len(text) + cell_len(clause) + 2 <= room:
            text += f"; {clause}"
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
