"""What one unit remembers, by the token that wrote it; the parts add up to the memory."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len

from lstm_tui.tui.render.bars import put_signed_bar
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.label import fit
from lstm_tui.tui.render.number import nice_scale, signed
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.scroll import first_row
from lstm_tui.tui.view import View

_NUMBER = 6


def draw_remembers(view: View, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw the parts by size, then what the run started with, then the sum beside the value itself."""
    glyphs = palette.glyphs
    drawing = Drawing(width, height, palette, f"{number} unit {view.unit} remembers")
    memory = view.memory
    if memory is None:
        _not_linear(drawing, view, palette)
        return drawing
    soft, ink, faint = palette.style("soft"), palette.style("ink"), palette.style("faint")
    order = [int(t) for t in np.argsort(-np.abs(memory.parts), kind="stable") if memory.read[t]]
    half = nice_scale(float(np.max(np.abs(memory.parts), initial=abs(memory.start))), least=0.05)
    drawing.note = f"{glyphs.plus_minus}{half:g}"
    footing = 5 if height >= 14 else 3
    rows = max(height - footing, 1)
    word = max(min(max((cell_len(view.short_label(t, palette)) for t in order[: rows * 2]), default=5), width // 3), 5)
    bar = max((width - word - _NUMBER - 2) // 2 * 2, 2)
    place = order.index(view.cursor_t) if view.cursor_t in order else 0
    first = first_row(place, len(order), rows)
    shown = order[first : first + rows]
    hidden = len(order) - len(shown)
    if hidden and len(shown) > 1:
        shown = shown[: rows - 1]
        hidden = len(order) - len(shown)
    for t in shown:
        line = drawing.line()
        here = t == view.t
        under = t == view.cursor_t and view.place is not None
        ground = "row" if under else "ground"
        label = fit(view.short_label(t, palette), word, glyphs)
        line.put(glyphs.cursor if under else " ", palette.style("focus", ground))
        line.put(label + " ", palette.style("title" if here else "soft", ground, bold=here))
        put_signed_bar(line, float(memory.parts[t]), bar, palette, half)
        line.put(signed(float(memory.parts[t]), glyphs).rjust(_NUMBER), palette.style("ink", ground))
        drawing.hit(0, width, Target(t=t))
    edge = 2 + word + bar + _NUMBER
    if hidden:
        rest = memory.total - memory.start - float(memory.parts[shown].sum())
        drawing.line().put(f" {hidden} others", faint).right(signed(rest, glyphs), faint, edge)
    drawing.line().put(" at the start", soft).right(signed(memory.start, glyphs), soft, edge)
    if footing == 5:
        drawing.line().put(" " + glyphs.rule * (edge - 1), palette.style("frame"))
    agrees = glyphs.yes if memory.agrees else glyphs.no
    line = drawing.line().put(f" {glyphs.total} = {view.letter} ", ink)
    line.put(agrees, palette.style("show" if memory.agrees else "alarm", bold=True))
    line.right(signed(memory.total, glyphs), palette.style("title", bold=True), edge)
    if not memory.agrees:
        drawing.line().put(f" {view.letter} itself").right(signed(memory.actual, glyphs), palette.style("alarm"), edge)
    else:
        drawing.line().put(fit(" accounting, not cause", width, glyphs).rstrip(), faint)
    return drawing


def _not_linear(drawing: Drawing, view: View, palette: Palette) -> None:
    name = view.memory_name
    words = (
        f"{name} is not linear in {name}:",
        "its memory cannot be",
        "split by token.",
        "",
        f"{name} = {signed(float(view.passed[name][view.t][view.unit]), palette.glyphs)}",
    )
    drawing.line()
    for text in words:
        drawing.line().put(" " + text, palette.style("soft"))
