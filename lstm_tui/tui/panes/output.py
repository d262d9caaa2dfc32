"""Pane 7: what the network says, as bars of classes or next words, and what each token adds to it."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len

from lstm_tui.analysis.distribution import largest
from lstm_tui.debugger.inspect.prediction import Prediction
from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.debugger.panes import OUTPUT
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.number_text import axis_end, axis_places
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, fit, plain, signed, token_label
from lstm_tui.tui.canvas.charts import put_ghost_bar, put_ghost_signed_bar, put_signed_bar
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.panes.memory import around
from lstm_tui.tui.panes.pane import NOT_COMPUTED, Pane
from lstm_tui.tui.view import View

_LEAST_BARS = 2
"""Outputs that are shown beside the parts of a verdict, where there is little room."""

_FEW_ROWS = 3
"""With so few rows for the parts of a verdict there is no blank line; with fewer the tokens come before the bias."""


def draw_output(view: View, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw the largest outputs, and below them the parts of a verdict that is a mean over tokens."""
    drawing = Drawing(width, height, palette, f"{number} output")
    verdict = view.verdict
    if verdict is None:
        drawing.line()
        drawing.line().put(" no readout", palette.style("soft"))
        return drawing
    drawing.note = verdict.note
    if not verdict.known:
        drawing.line()
        drawing.line().put(f" {NOT_COMPUTED}", palette.style("soft"))
        return drawing
    parts = verdict.parts is not None
    room = min(len(verdict.values), max((height - 3) // 2, _LEAST_BARS) if parts else max(height - 1, 1), height)
    _bars(drawing, view, verdict, min(room, 12 if not parts else 4), palette)
    if parts and drawing.room > 2:
        _parts(drawing, view, verdict, palette)
    return drawing


def _bars(drawing: Drawing, view: View, verdict: Prediction, rows: int, palette: Palette) -> None:
    glyphs, width = palette.glyphs, drawing.width
    before = view.verdict_before
    order = _shown(view, verdict, None if before is None else before.values, rows)
    labels = [token_label(visible(verdict.names[n]), glyphs) if n < len(verdict.names) else str(n) for n in order]
    word = min(max((cell_len(label) for label in labels), default=4), max(width // 2 - 2, 6))
    bar = max(width - word - 8 - _cells_of_change(view), 2)
    half = 1.0 if verdict.shares else scale_of(verdict.values)
    says = largest(verdict.values) if verdict.shares else None
    for n, label in zip(order, labels, strict=True):
        line = drawing.line()
        value = float(verdict.values[n])
        first = n == says
        is_next = verdict.actual == n
        line.put(glyphs.cursor if is_next else " ", palette.style("focus"))
        line.put(fit(label, word, glyphs) + " ", palette.style("title" if first or is_next else "soft", bold=first))
        old = value if before is None or view.baseline is None else float(before.values[n])
        if verdict.shares:
            put_ghost_bar(line, value, old, bar, "bar", palette, verdict.faded)
            line.put(plain(value, glyphs).rjust(5), palette.style("ink", faded=verdict.faded))
        else:
            put_ghost_signed_bar(line, value, old, bar // 2 * 2, palette, half, verdict.faded)
            line.put(
                signed(value, glyphs, places=axis_places(half)).rjust(5), palette.style("ink", faded=verdict.faded)
            )
        _put_change(line, view, value, None if before is None else float(before.values[n]), palette)
    for remark in verdict.remark.split("; ") if verdict.remark else ():
        drawing.line().put(" " + remark, palette.style("soft"))


def _shown(view: View, verdict: Prediction, before: Array | None, rows: int) -> list[int]:
    """Return the outputs to show in so many rows, the largest first: some are always there."""
    sizes = -verdict.values if verdict.shares else np.arange(len(verdict.values))
    order = [int(n) for n in np.argsort(sizes, kind="stable")]
    always = [largest(verdict.values) if verdict.shares else None, verdict.actual]  # what it says, what came next,
    always += [n for name in view.spoken_of for n, one in enumerate(verdict.names) if one == name]
    always.append(None if before is None or not verdict.shares else largest(before))  # what it said without the edits
    kept = list(dict.fromkeys(n for n in always if n is not None and n < len(order)))[:rows]
    kept += [n for n in order if n not in kept][: rows - len(kept)]
    return sorted(kept, key=order.index)


def _cells_of_change(view: View) -> int:
    return 0 if view.frame.difference is None else 1 if view.baseline is None else 7


def _put_change(line: Line, view: View, value: float, before: float | None, palette: Palette) -> None:
    """Write by how much a number of an edited run changed, and the sign of a change."""
    if view.frame.difference is None:
        return
    glyphs = palette.glyphs
    changed = before is None or not (value == before or (value != value and before != before))
    if view.baseline is not None:
        text = "new" if before is None else signed(value - before, glyphs) if changed else glyphs.dot
        line.put(text.rjust(6), palette.style("accent"))  # with a gap: two numbers that touch read as one
    line.put(glyphs.changed if changed else " ", palette.style("soft"))


def _parts(drawing: Drawing, view: View, verdict: Prediction, palette: Palette) -> None:
    assert verdict.parts is not None
    glyphs, width = palette.glyphs, drawing.width
    if drawing.room > _FEW_ROWS:
        drawing.line()
    before, difference = view.verdict_before, view.frame.difference
    olds = None if before is None or difference is None else before.parts
    half = scale_of(verdict.parts if olds is None else np.concatenate([verdict.parts, olds]), least=0.05)
    scale = f" {glyphs.plus_minus}{axis_end(half)}"
    name = visible(verdict.names[verdict.of])
    heading = f"whole text: {name} by position" if verdict.so_far else f"{name} by position"
    line = drawing.line().put(" " + cut(heading, width - len(scale) - 1, glyphs), palette.style("soft"))
    line.put(scale, palette.style("faint"))
    count = len(verdict.parts)
    has_bias = verdict.bias is not None and drawing.room >= _FEW_ROWS
    rows = drawing.room - (1 if has_bias else 0)
    order = list(range(count))
    if count > rows:
        order = sorted(int(t) for t in np.argsort(-np.abs(verdict.parts), kind="stable")[: max(rows, 0)])
    word = max(min(max((cell_len(view.short_label(t, palette)) for t in order), default=4), width // 3), 4)
    bar = max((width - word - 8 - _cells_of_change(view)) // 2 * 2, 2)
    for t in order:
        line = drawing.line()
        here = t == view.t
        line.put(glyphs.cursor if here else " ", palette.style("focus"))
        line.put(
            fit(view.short_label(t, palette), word, glyphs) + " ", palette.style("title" if here else "soft", bold=here)
        )
        value, origin = float(verdict.parts[t]), None if difference is None else difference.origins[t]
        old = None if olds is None or origin is None else float(olds[origin])
        put_ghost_signed_bar(line, value, value if old is None or view.baseline is None else old, bar, palette, half)
        line.put(signed(value, glyphs, places=axis_places(half)).rjust(6), palette.style("ink"))
        _put_change(line, view, value, old, palette)
        drawing.hit(0, width, ClickTarget(t=t))
    if has_bias and verdict.bias is not None and not drawing.full:
        line = drawing.line().put(" " + fit("bias", word, glyphs) + " ", palette.style("faint"))
        put_signed_bar(line, verdict.bias, bar, palette, half)
        line.put(signed(verdict.bias, glyphs, places=axis_places(half)).rjust(6), palette.style("faint"))


class Output(Pane):
    """Classes, next words or numbers, and the parts of a verdict."""

    NUMBER, WORD = OUTPUT.number, OUTPUT.word

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the output."""
        return draw_output(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose another token to look at."""
        self.post_message(self.Chosen(around(self.view, right or down, 0)))
