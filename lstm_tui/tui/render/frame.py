"""The frame round a pane: a title on the left of its upper edge, a quiet note on the right."""

from __future__ import annotations

from rich.cells import cell_len
from textual.strip import Strip

from lstm_tui.tui.render.drawing import Drawing
from lstm_tui.tui.render.label import cut
from lstm_tui.tui.render.line import Line

_LEAST_NOTE = 12
"""Cells below which a note that does not fit is left out."""


def framed(drawing: Drawing, focused: bool) -> list[Strip]:
    """Return the strips of a pane: its drawing with a frame of one cell on every side.

    A pane that has the focus has heavy corners as well as another colour.
    """
    palette = drawing.palette
    glyphs = palette.glyphs
    edge = palette.style("focus" if focused else "frame")
    corners = glyphs.frame
    width = drawing.width + 2
    blank = palette.style()
    top = Line(width, edge).put(corners[0] + corners[1], edge)
    title = cut(glyphs.say(drawing.title), max(width - 6, 0), glyphs)
    if title:
        number, _, words = title.partition(" ")
        mark = glyphs.cursor if focused else " "
        top.put(mark, edge).put(number + " ", palette.style("accent" if focused else "soft", bold=focused))
        top.put(words + " ", palette.style("title" if focused else "soft", bold=focused))
    room = max(width - top.x - 5, 0)
    note = cut(glyphs.say(drawing.note), room, glyphs)
    if note and (room >= _LEAST_NOTE or note == glyphs.say(drawing.note)):
        top.put(corners[1] * (width - top.x - cell_len(note) - 4), edge)
        top.put(f" {note} ", palette.style("faint"))
    top.put(corners[1] * (width - top.x - 1), edge).put(corners[2], edge)
    strips = [top.strip()]
    for n in range(drawing.height):
        line = Line(width, blank).put(corners[3], edge)
        if n < len(drawing.lines):
            line.extend(drawing.lines[n])
        line.to(width - 1).put(corners[3], edge)
        strips.append(line.strip())
    strips.append(Line(width, edge).put(corners[4] + corners[1] * (width - 2) + corners[5], edge).strip())
    return strips
