"""Pane 6: the memory of one unit, or of all of them, by the token that wrote it; the parts add up to the memory."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len

from lstm_tui.analysis.ledger import Ledger
from lstm_tui.debugger.inspect.scale import largest_of, nice_scale
from lstm_tui.debugger.panes import LEDGER
from lstm_tui.engine.number_text import axis_end
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.bars import put_bar, put_ghost_signed_bar, put_signed_bar
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.canvas.text import first_row, fit, plain, signed, token_label
from lstm_tui.tui.ledger_rows import LedgerRow
from lstm_tui.tui.panes.memory import around
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View

_NUMBER = 6
_SHARE = 4
_WITH_MAP = 72
"""Cells from which on the map of shares stands beside the list."""
_LIST = 40
_TITLED = 36
"""Cells from which on the title says that the memory is split by token; the map beside the list says so itself."""


def draw_ledger(view: View, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw the ledger, and where there is room for it the map of shares over the whole tape."""
    whose = "all units" if view.everyone else f"unit {view.unit}"
    title = f"{number} memory of {whose}{' by token' if _TITLED <= width < _WITH_MAP else ''}"
    drawing = Drawing(width, height, palette, title)
    ledger = view.ledger
    if ledger is None:
        drawing.line()
        value = signed(float(view.passed[view.memory_name][view.t][view.unit]), palette.glyphs)
        for text in (*view.facts.no_ledger(view.pass_name), "", f"{view.memory_name} = {value}"):
            drawing.line().put(" " + text, palette.style("soft"))
        return drawing
    if view.sources is not None and view.sources.baseline is not None:
        drawing.title += " Δ"  # the last column is what the edits have changed, not the share
    if width < _WITH_MAP:
        _List(drawing, view, ledger).draw()
        return drawing
    left = Drawing(_LIST, height, palette)
    _List(left, view, ledger).draw()
    from lstm_tui.tui.panes.ledger_map import draw_ledger_map

    right = draw_ledger_map(view, width - _LIST - 2, height, palette)
    for n in range(height):
        line = drawing.line()
        for part in (left, right):
            line.to(0 if part is left else _LIST + 2)
            if n < len(part.lines):
                line.extend(part.lines[n])
    drawing.hits = left.hits + [(y, a + _LIST + 2, b + _LIST + 2, target) for y, a, b, target in right.hits]
    drawing.note = right.note
    return drawing


class _List:
    """Writes sources by size, then what the run started with, then the sum beside the value itself."""

    def __init__(self, drawing: Drawing, view: View, ledger: Ledger) -> None:
        self.drawing, self.view, self.ledger = drawing, view, ledger
        self.palette, self.glyphs = drawing.palette, drawing.palette.glyphs
        self.width = drawing.width
        self.footing = 5 if drawing.height >= 14 else 3
        sources = view.sources
        assert sources is not None
        self.compared = sources.baseline is not None
        rows = max(drawing.height - self.footing, 1)
        names = [self._name(source) for source in sources.some(0, rows * 2)]
        self.word = max(min(max(map(cell_len, names), default=5), self.width // 3), 5)
        self.last = _NUMBER if self.compared else _SHARE
        self.bar = max((self.width - self.word - _NUMBER - self.last - 3) // 2 * 2, 2)
        self.edge = 2 + self.word + self.bar + _NUMBER
        place = None if view.place is None else sources.place_of(view.cursor_t)
        first = 0 if place is None else first_row(place, len(sources), rows)
        short = len(sources) > rows > 1
        self.shown, self.count = sources.some(first, rows - short), len(sources)
        largest = largest_of(np.array([sources.largest, ledger.start.sum()]))
        if view.everyone:
            largest = largest_of(np.array([sources.largest_share, ledger.start_share()]))
        self.half = nice_scale(largest, least=0.05)

    def _name(self, source: LedgerRow) -> str:
        if source.kind == "gone":
            difference = self.view.frame.difference
            assert difference is not None
            return (
                f"{self.glyphs.gone} {token_label(visible(difference.before.sequence.tokens[source.t]), self.glyphs)}"
            )
        label = self.view.short_label(source.t, self.palette)
        return f"set: {label}" if source.kind == "edit" else label

    def draw(self) -> None:
        glyphs, style = self.glyphs, self.palette.style
        scale = f"share of {axis_end(self.half)}" if self.view.everyone else f"{glyphs.plus_minus}{axis_end(self.half)}"
        self.drawing.note = scale
        for source in self.shown:
            self._source(source)
        ledger, hidden = self.ledger, self.count - len(self.shown)
        start, total = float(ledger.start.sum()), float(ledger.sum.sum())
        if hidden:
            rest = total - start - sum(source.value for source in self.shown)
            part = 1 - ledger.start_share() - sum(source.share for source in self.shown)
            self._line(f"{hidden} others", rest, max(part, 0.0), "faint")
        self._line("at the start", start, ledger.start_share(), "soft")
        if self.footing == 5:
            self.drawing.line().put(" " + glyphs.rule * (self.edge + self.last - 1), style("frame"))
        self._sum(total)

    def _source(self, source: LedgerRow) -> None:
        view, style, line = self.view, self.palette.style, self.drawing.line()
        token = source.kind == "token"
        here = token and source.t == view.t
        under = token and source.t == view.cursor_t and view.place is not None
        ground = "row" if under else "ground"
        line.put(self.glyphs.cursor if under else " ", style("focus", ground))
        ink = "title" if here else "soft" if token else "accent"
        line.put(fit(self._name(source), self.word, self.glyphs) + " ", style(ink, ground, bold=here))
        if view.everyone:
            put_bar(line, source.share, self.bar, "bar", self.palette, full=self.half)
        elif source.before is not None:
            put_ghost_signed_bar(line, source.value, source.before, self.bar, self.palette, self.half)
        else:
            put_signed_bar(line, source.value, self.bar, self.palette, self.half)
        last = self._change(source) if self.compared else plain(source.share, self.glyphs, _SHARE)
        self._numbers(line, source.value, last, "ink", ground)
        if source.kind != "gone":
            self.drawing.hit(0, self.width, ClickTarget(t=source.t))

    def _change(self, source: LedgerRow) -> str:
        """Return what an edit has changed of a contribution."""
        if source.before is None:
            return "new"
        change = source.value - source.before
        return self.glyphs.dot if change == 0 else signed(change, self.glyphs)

    def _line(self, words: str, value: float, share: float, ink: str) -> None:
        line = self.drawing.line().put(" " + words, self.palette.style(ink)).to(self.edge - _NUMBER)
        self._numbers(line, value, "" if self.compared else plain(share, self.glyphs, _SHARE), ink)

    def _numbers(self, line: Line, value: float, last: str, ink: str, ground: str = "ground") -> None:
        line.put(signed(value, self.glyphs).rjust(_NUMBER), self.palette.style(ink, ground))
        line.put(last.rjust(self.last + 1), self.palette.style("soft" if self.compared else "faint", ground))

    def _sum(self, total: float) -> None:
        glyphs, style, ledger = self.glyphs, self.palette.style, self.ledger
        holds = ledger.breach == 0
        letter = f"{glyphs.total}{self.view.letter}" if self.view.everyone else self.view.letter
        line = self.drawing.line().put(f" {glyphs.total} = {letter} ")
        line.put(glyphs.yes if holds else glyphs.no, style("show" if holds else "alarm", bold=True))
        line.to(self.edge - _NUMBER)
        line.put(signed(total, glyphs).rjust(_NUMBER), style("title", bold=True))
        sources = self.view.sources
        if sources is not None and sources.baseline is not None:
            change = total - float(sources.baseline.sum.sum())
            line.put((signed(change, glyphs) if change else glyphs.dot).rjust(self.last + 1), style("soft"))
        last = self.drawing.line()
        if holds:
            last.put(fit(" attribution, not causation", self.width, glyphs).rstrip(), style("faint"))
        elif np.isnan(ledger.breach):
            last.put(fit(f" not known whether the sum is {letter}: it is NaN", self.width, glyphs), style("alarm"))
        elif self.view.everyone:
            off = np.flatnonzero(ledger.off != 0)
            worst = int(np.argmax(np.nan_to_num(ledger.off, nan=np.inf)))
            words = f" off in {len(off)} units, most in {worst}: {signed(float(ledger.off[worst]), glyphs)}"
            last.put(fit(words, self.width, glyphs), style("alarm"))
        else:
            actual = float(ledger.total.sum())
            last.put(f" {letter} itself", style("alarm")).to(self.edge - _NUMBER)
            last.put(signed(actual, glyphs).rjust(_NUMBER), style("alarm"))


class LedgerPane(Pane):
    """The ledger of one unit or of all."""

    NUMBER, WORD = LEDGER.number, LEDGER.word

    def draw(self, view: View, palette: Palette, width: int, height: int) -> Drawing:
        """Draw the ledger."""
        return draw_ledger(view, width, height, palette, self.NUMBER)

    def move(self, right: int, down: int) -> None:
        """Choose the token of the row above or below, or another unit."""
        view = self.view
        sources = view.sources
        if right or sources is None:
            self.post_message(self.Chosen(around(view, 0, right or down)))
            return
        t = sources.beside(view.cursor_t, down)
        if t is not None:
            self.post_message(self.Chosen(ClickTarget(t=t)))
