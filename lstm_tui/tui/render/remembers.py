"""What one unit, or all of them, remember, by the token that wrote it; the parts add up to the memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from rich.cells import cell_len

from lstm_tui.analysis.ledger import Ledger
from lstm_tui.tui.render.bars import put_bar, put_signed_bar
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.label import fit
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.number import nice_scale, plain, signed
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.scroll import first_row
from lstm_tui.tui.render.sharemap import draw_sharemap
from lstm_tui.tui.view import View

_NUMBER = 6
_SHARE = 4
_WITH_MAP = 72
"""Cells from which on the map of shares stands beside the list."""
_LIST = 40


class Source(NamedTuple):
    """Something that is in the memory: a token, or an edit at one."""

    t: int
    edit: bool
    value: float
    share: float


def sources_of(ledger: Ledger) -> list[Source]:
    """Return the tokens that were read and the edits of which something is left, the largest share first."""
    found = [
        Source(t, edit, float(numbers[t].sum()), float(shares[t]))
        for edit, numbers, shares in (
            (False, ledger.by_token, ledger.shares()),
            (True, ledger.edits, ledger.edit_shares()),
        )
        if numbers is not None
        for t in map(int, np.flatnonzero(ledger.read if not edit else np.abs(numbers).sum(axis=1) != 0))
    ]
    return sorted(found, key=lambda source: -np.nan_to_num(source.share, nan=np.inf))


def draw_remembers(view: View, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw the ledger, and where there is room for it the map of shares over the whole tape."""
    title = f"{number} all units remember" if view.everyone else f"{number} unit {view.unit} remembers"
    drawing = Drawing(width, height, palette, title)
    ledger = view.ledger
    if ledger is None:
        drawing.line()
        value = signed(float(view.passed[view.memory_name][view.t][view.unit]), palette.glyphs)
        for text in (*view.facts.no_ledger(view.pass_name), "", f"{view.memory_name} = {value}"):
            drawing.line().put(" " + text, palette.style("soft"))
        return drawing
    if width < _WITH_MAP:
        _List(drawing, view, ledger).draw()
        return drawing
    left = Drawing(_LIST, height, palette)
    _List(left, view, ledger).draw()
    right = draw_sharemap(view, width - _LIST - 2, height, palette)
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
        sources = sources_of(ledger)
        rows = max(drawing.height - self.footing, 1)
        names = [self._name(source) for source in sources[: rows * 2]]
        self.word = max(min(max(map(cell_len, names), default=5), self.width // 3), 5)
        self.bar = max((self.width - self.word - _NUMBER - _SHARE - 3) // 2 * 2, 2)
        self.edge = 2 + self.word + self.bar + _NUMBER
        tokens = [source.t for source in sources if not source.edit]
        first = 0
        if view.place is not None and view.cursor_t in tokens:
            place = next(n for n, one in enumerate(sources) if one.t == view.cursor_t and not one.edit)
            first = first_row(place, len(sources), rows)
        shown = sources[first : first + rows]
        if len(shown) < len(sources) and len(shown) > 1:
            shown = shown[: rows - 1]
        self.shown, self.count = shown, len(sources)
        values = [abs(source.value) for source in sources] + [abs(float(ledger.start.sum()))]
        shares = [source.share for source in sources] + [ledger.start_share()]
        self.half = nice_scale(max(shares if view.everyone else values, default=0.0), least=0.05)

    def _name(self, source: Source) -> str:
        label = self.view.short_label(source.t, self.palette)
        return f"set: {label}" if source.edit else label

    def draw(self) -> None:
        glyphs, style = self.glyphs, self.palette.style
        scale = f"share of {self.half:g}" if self.view.everyone else f"{glyphs.plus_minus}{self.half:g}"
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
            self.drawing.line().put(" " + glyphs.rule * (self.edge + _SHARE - 1), style("frame"))
        self._sum(total)

    def _source(self, source: Source) -> None:
        view, style, line = self.view, self.palette.style, self.drawing.line()
        here = source.t == view.t and not source.edit
        under = source.t == view.cursor_t and view.place is not None and not source.edit
        ground = "row" if under else "ground"
        line.put(self.glyphs.cursor if under else " ", style("focus", ground))
        ink = "accent" if source.edit else "title" if here else "soft"
        line.put(fit(self._name(source), self.word, self.glyphs) + " ", style(ink, ground, bold=here))
        if view.everyone:
            put_bar(line, source.share, self.bar, "bar", self.palette, full=self.half)
        else:
            put_signed_bar(line, source.value, self.bar, self.palette, self.half)
        self._numbers(line, source.value, source.share, "ink", ground)
        self.drawing.hit(0, self.width, Target(t=source.t))

    def _line(self, words: str, value: float, share: float, ink: str) -> None:
        line = self.drawing.line().put(" " + words, self.palette.style(ink)).to(self.edge - _NUMBER)
        self._numbers(line, value, share, ink)

    def _numbers(self, line: Line, value: float, share: float, ink: str, ground: str = "ground") -> None:
        line.put(signed(value, self.glyphs).rjust(_NUMBER), self.palette.style(ink, ground))
        line.put(plain(share, self.glyphs).rjust(_SHARE + 1), self.palette.style("faint", ground))

    def _sum(self, total: float) -> None:
        glyphs, style, ledger = self.glyphs, self.palette.style, self.ledger
        holds = ledger.breach == 0
        letter = f"{glyphs.total}{self.view.letter}" if self.view.everyone else self.view.letter
        line = self.drawing.line().put(f" {glyphs.total} = {letter} ")
        line.put(glyphs.yes if holds else glyphs.no, style("show" if holds else "alarm", bold=True))
        line.to(self.edge - _NUMBER)
        line.put(signed(total, glyphs).rjust(_NUMBER), style("title", bold=True))
        last = self.drawing.line()
        if holds:
            last.put(fit(" accounting, not cause", self.width, glyphs).rstrip(), style("faint"))
        elif self.view.everyone:
            off = np.flatnonzero(ledger.off != 0)
            worst = int(np.argmax(np.nan_to_num(ledger.off, nan=np.inf)))
            words = f" off in {len(off)} units, most in {worst}: {signed(float(ledger.off[worst]), glyphs)}"
            last.put(fit(words, self.width, glyphs), style("alarm"))
        else:
            actual = float(ledger.total.sum())
            last.put(f" {letter} itself", style("alarm")).to(self.edge - _NUMBER)
            last.put(signed(actual, glyphs).rjust(_NUMBER), style("alarm"))
