"""The line in words: what this token does to the memory and, always, what the network says.

On a screen that is not wide it has two rows, so that the whole of it is there. What does not fit is left out, clause by
clause, from the end, with a sign that more is to be said. The key that shows more stands behind what is left, and what
the network says stays.
"""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from textual.strip import Strip

from lstm_tui.tui.canvas.canvas import Line, cut
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.commands import key_of
from lstm_tui.tui.panes.header_footer import OneLine
from lstm_tui.tui.view import View

_TOUR, _MAP = key_of("app.tour"), key_of("looks.map")
LESSONS = (f"press {_TOUR} for lessons", f"{_TOUR} lessons")
"""How the lessons are opened, the longest first."""
WHOSE = (f"press {_MAP} to see whose it was", f"{_MAP}: whose it was", f"{_MAP}: map")
"""Where it is seen whose a memory was that is lost here, the longest first."""
_GAP = 2


def draw_now(view: View, width: int, palette: Palette, lessons: bool = True) -> Line:
    """Draw the sentence, what the network says at the right, and where there is room the key that shows more.

    Args:
        view: What is shown.
        width: Cells of the line.
        palette: Colours and signs.
        lessons: Whether lessons are offered at the first step: not inside one.
    """
    glyphs = palette.glyphs
    line = Line(width, palette.style("ink", "band"))
    found = view.now
    says = cut(glyphs.say(found.says), max(width - 2, 0), glyphs)
    room = width - cell_len(says) - _GAP - 2
    clauses = [glyphs.say(one) for one in found.memory]
    whole = ["; ".join(clauses)] + [
        f"{'; '.join(clauses[:count])}; {glyphs.more}" for count in range(len(clauses) - 1, 0, -1)
    ]
    least = cell_len(_hints(view, lessons)[-1]) + _GAP if _hints(view, lessons) else 0
    kept = [one for one in whole if cell_len(one) <= room]
    text = next((one for one in kept if cell_len(one) <= room - least), kept[-1] if kept else "")
    text = text or cut(whole[-1], max(room, 0), glyphs)
    hint = _hint(view, room - cell_len(text) - _GAP, lessons)
    line.put(" ").put(text, palette.style("title", "band"))
    if hint:
        line.put(" " * _GAP).put(hint, palette.style("key", "band", bold=True))
    line.right(f"{says} ", palette.style("accent", "band", bold=True))
    return line


def draw_now_in_two(view: View, width: int, palette: Palette, lessons: bool = True) -> tuple[Line, Line]:
    """Draw the sentence over two rows, broken between words, what the network says at the end of the second."""
    glyphs, ink = palette.glyphs, palette.style("title", "band")
    lines = Line(width, palette.style("ink", "band")).put(" "), Line(width, palette.style("ink", "band")).put(" ")
    found = view.now
    says = cut(glyphs.say(found.says), max(width - 2, 0), glyphs)
    rooms = (width - 2, width - cell_len(says) - _GAP - 2)
    clauses = [glyphs.say(one) for one in found.memory]
    shown = ["; ".join(clauses)] + [
        f"{'; '.join(clauses[:count])}; {glyphs.more}" for count in range(len(clauses) - 1, 0, -1)
    ]
    broken = [_broken(text, rooms[0]) for text in shown]
    least = cell_len(_hints(view, lessons)[-1]) + _GAP if _hints(view, lessons) else 0
    rows = next((one for one in broken if cell_len(one[1]) <= rooms[1] - least), broken[-1])
    for line, text, room in zip(lines, rows, rooms, strict=True):
        line.put(cut(text, max(room, 0), glyphs), ink)
    hint = _hint(view, rooms[1] - lines[1].x - _GAP, lessons)
    if hint:
        lines[1].put(" " * _GAP if rows[1] else "").put(hint, palette.style("key", "band", bold=True))
    lines[1].right(f"{says} ", palette.style("accent", "band", bold=True))
    return lines


def _hint(view: View, room: int, lessons: bool) -> str:
    """Return the key that shows more, in as many words as fit."""
    return next((one for one in _hints(view, lessons) if cell_len(one) <= room), "")


def _hints(view: View, lessons: bool) -> tuple[str, ...]:
    """Return the key that shows more, the longest words first: at the start the lessons, at a loss whose it was."""
    step = None if view.is_at_start or not view.has_reached(view.pass_name, view.t) else view.step_at(view.t)
    loses = step is not None and (step.forgets or bool(step.cleared.any()))
    return LESSONS if view.is_at_start and lessons else WHOSE if loses else ()


def _broken(text: str, width: int) -> tuple[str, str]:
    """Return a text in two rows, the first no wider than asked; a word that is wider stays whole."""
    if cell_len(text) <= width:
        return text, ""
    words = text.split(" ")
    count = 1
    while cell_len(" ".join(words[: count + 1])) <= width:
        count += 1
    return " ".join(words[:count]), " ".join(words[count:])


class NowLine(OneLine):
    """What happens now, in words."""

    def __init__(self, lessons: bool = True, **options: Any) -> None:
        """Offer lessons at the first step, or not."""
        super().__init__(**options)
        self._lessons = lessons

    def watch_view(self) -> None:
        """Have the line repainted; only then is it made, since it may ask of what a run in windows has computed."""
        if self.display and self.is_attached:
            self.refresh()

    def draw(self, view: View, palette: Palette, width: int) -> Line:
        """Draw the sentence in one row."""
        return draw_now(view, width, palette, self._lessons)

    def render_line(self, y: int) -> Strip:
        """Return one of its rows for Textual."""
        if self.size.height < 2 or self.view.is_empty or not self.size:
            return super().render_line(y)
        lines = draw_now_in_two(self.view, self.size.width, self.palette, self._lessons)
        return lines[min(y, 1)].strip()
