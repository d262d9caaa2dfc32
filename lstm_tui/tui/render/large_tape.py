"""The tape in large letters: what was read, where the run stands, what is to come."""

from __future__ import annotations

from rich.cells import cell_len

from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.label import cut
from lstm_tui.tui.render.large import LINES, put_large, width_of
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.tape import in_sight
from lstm_tui.tui.view import View

_LONGEST = 14
"""Cells of a token before it is made large."""


def draw_large_tape(drawing: Drawing, view: View, height: int) -> None:
    """Draw the tokens in `height` lines, large where there are four, over a line that tells read from unread."""
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    large = height > LINES
    reached, here = view.reached_tokens(view.pass_name), view.t

    def label(t: int) -> str:
        return cut(view.label(t, palette), _LONGEST, glyphs)

    def size(t: int) -> int:
        text = label(t)
        return min(width_of(text, glyphs) if large else cell_len(text), drawing.width - 6) + 2

    shown = in_sight(here, view.facts.length, size, drawing.width - 6)
    lines = [drawing.line().put("  ") for _ in range(LINES if large else 1)]
    under = Line(drawing.width, palette.style()).put("  ")
    first = len(drawing.lines) - len(lines)
    for t in shown:
        start, ink = lines[0].x, palette.style("title", "row", bold=True)
        if t != here:
            ink = palette.style("soft" if reached[t] else "faint")
        for line in lines:
            line.put(" ", ink)
        text = label(t)
        if large:
            put_large(lines, cut(text, drawing.width - 8, glyphs), ink, glyphs)
        else:
            lines[0].put(text, ink)
        end = max(line.x for line in lines) + 1
        for line in lines:
            line.to(end, ink).put(" ")
        rule = (glyphs.heavy[1] if reached[t] else glyphs.coming) * (end - start)
        style, middle = palette.style("focus" if t == here else "soft" if reached[t] else "faint"), (end - start) // 2
        if t == here:
            under.put(rule[:middle], style).put(glyphs.here, palette.style("focus", bold=True))
            rule = rule[middle + 1 :]
        under.put(rule, style)
        under.put(glyphs.edited if _edited(view, t) else " ", palette.style("key", bold=True))
        for n in range(len(lines)):
            drawing.hits.append((first + n, start, end, Target(t=t)))
    if shown.stop < view.facts.length:
        lines[-1].put(glyphs.more, palette.style("faint"))
    if shown.start > 0:
        under = Line(drawing.width, palette.style()).put(glyphs.more).extend(under)
    drawing.line().extend(under)
    if height > LINES + 1:
        drawing.line()


def _edited(view: View, t: int) -> bool:
    """Say whether an edit put another token here."""
    difference = view.frame.difference
    return difference is not None and (difference.origins[t] is None or difference.replaced(t))
