"""Whose memory it is over the whole tape: a row for each token, its share after every step.

A forget gate that closes is seen as a dark edge: what stood before it is dark behind it.
"""

from __future__ import annotations

import math

import numpy as np

from lstm_tui.analysis.ledger import share_map
from lstm_tui.debugger.inspect.scale import level_of, part_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line
from lstm_tui.tui.canvas.palette import SHADES, Palette
from lstm_tui.tui.canvas.text import fit, plain, window
from lstm_tui.tui.view import View

_LABEL = 12
_WIDEST, _NUMBERED = 6, 4
"""Cells of a step at most, and from which on they hold a number."""
_FOOT = 2
"""Rows below the tokens: the keep in numbers, and as levels."""
_LOOKED_AT = 200
"""Of so many tokens around the current one those with most to show are chosen."""
CLOSED = 0.1
"""Where less than this is kept, the gate is drawn as closed."""


def draw_ledger_map(view: View, width: int, height: int, palette: Palette) -> Drawing:
    """Draw tokens down and steps across; where not all fit, those with most to show, and the current one always."""
    drawing = Drawing(width, height, palette)
    part = view.facts.flow_near(view.pass_name, view.cursor_t)
    if part is None:
        return drawing
    flow, pen = part.flow, _Pen(drawing, view, part.places)
    near, places = (range(one.start - part.first, one.stop - part.first) for one in (pen.near, pen.places))
    shares = share_map(part.passed, flow, None if view.everyone else view.unit, near, places)
    tokens = pen.chosen(shares)
    pen.head(len(tokens))
    keep = flow.keep if view.everyone else flow.keep[:, view.unit : view.unit + 1]
    on_tape = keep if view.passed.direction == "forward" else keep[::-1]
    with np.errstate(all="ignore"):
        keeps = [float(on_tape[t].mean()) for t in places]
    for t in tokens:
        pen.token(t, shares[t - pen.near.start], keeps)
    if height > _FOOT + 3:
        pen.keep(keeps)
    closed = f"{palette.glyphs.wall} kept below {axis_end(CLOSED)}"
    drawing.note = f"share of {view.whose()}, by token, after each step   {closed}"
    return drawing


def _inside(tape: range, places: range) -> range:
    return range(max(places.start, tape.start), min(places.stop, tape.stop))


class _Pen:
    def __init__(self, drawing: Drawing, view: View, tape: range) -> None:
        self.drawing, self.view = drawing, view
        self.palette, self.glyphs = drawing.palette, drawing.palette.glyphs
        count, room = view.facts.length, max(drawing.width - _LABEL, 1)
        self.cell = min(max(room // count, 1), _WIDEST)
        foot = _FOOT if drawing.height > _FOOT + 3 else 0
        if self.cell < 2 and count * 2 <= room * 3:
            self.cell = 2
        self.rows = max(drawing.height - 1 - foot, 1)
        self.near = _inside(tape, range(*window(view.cursor_t, count, max(self.rows, _LOOKED_AT))))
        self.places = _inside(tape, range(*window(view.cursor_t, count, room // self.cell)))
        self.reached = view.reached_tokens(view.pass_name)
        self.forward = view.passed.direction == "forward"

    def _column(self, t: int) -> None:
        x = _LABEL + (t - self.places.start) * self.cell
        self.drawing.hit(x, x + self.cell, ClickTarget(t=t))

    def _word(self, word: str, ink: str, bold: bool = False) -> Line:
        line = self.drawing.line()
        return line.put(fit(word, _LABEL - 2, self.glyphs), self.palette.style(ink, bold=bold)).to(_LABEL)

    def chosen(self, shares: Array) -> list[int]:
        """Return the tokens that have a row, in the order of the tape, from the shares (near, places) of all near."""
        if len(self.near) <= self.rows:
            return list(self.near)
        seen = self.reached[self.places.start : self.places.stop]
        weight = np.nan_to_num(shares[:, seen] if seen.any() else shares).sum(axis=1)
        for t in {self.view.t, self.view.cursor_t} & set(self.near):
            weight[t - self.near.start] = np.inf
        order = np.argsort(-weight, kind="stable")[: self.rows]
        return sorted(self.near.start + int(row) for row in order)

    def head(self, rows: int) -> None:
        line = self._word("t" if rows == self.view.facts.length else f"{rows} of {self.view.facts.length}", "faint")
        for t in self.places:
            here, under = t == self.view.t, t == self.view.cursor_t
            style = self.palette.style("ink" if here else "focus" if under else "faint", bold=here)
            if here and self.cell < 3:
                text = self.glyphs.mark
            elif self.cell >= len(str(t)) + 1:
                text = str(t)
            else:
                text = self.glyphs.dot if t % 5 == 0 else " "
            line.put(text.rjust(self.cell - (self.cell > 4)).ljust(self.cell), style)
            self._column(t)

    def token(self, source: int, shares: Array, keeps: list[float]) -> None:
        """Draw the share of one token after each step."""
        here, under = source == self.view.t, source == self.view.cursor_t
        line = self._word(
            self.view.short_label(source, self.palette), "title" if here else "focus" if under else "soft", here
        )
        self.drawing.hit(0, _LABEL, ClickTarget(t=source))
        for t, share, keep in zip(self.places, shares, keeps, strict=True):
            read = source <= t if self.forward else source >= t
            passed_by = source < t if self.forward else source > t
            wall = passed_by and abs(keep) < CLOSED
            self._cell(line, float(share), read, wall, not self.reached[t])
            self._column(t)

    def _cell(self, line: Line, share: float, read: bool, wall: bool, faded: bool) -> None:
        palette, glyphs = self.palette, self.glyphs
        if not read:
            line.put(" " * self.cell)
            return
        if math.isnan(share):
            line.put(glyphs.nan.ljust(self.cell)[: self.cell], palette.style("alarm", "track", bold=True))
            return
        part = math.sqrt(abs(part_of(share, 1.0)))  # so that a tenth can be told from nothing
        style = palette.sequential(faded)[round(part * (SHADES - 1))]
        text = self._short(share) if share >= 0.005 else ""
        if palette.ramp:
            style = palette.style("soft", "track", faded=faded)
            text = text or " "
            if self.cell < _NUMBERED:
                text = glyphs.ramp[min(int(part * len(glyphs.ramp)), len(glyphs.ramp) - 1)] * (self.cell - wall)
        elif self.cell < _NUMBERED:
            text = ""
        room = self.cell
        # The wall stands where the step begins, on the side from which the pass comes.
        if wall and self.cell > 1 and self.forward:
            line.put(glyphs.wall, palette.style("keep", "track", bold=True, faded=faded))
            room -= 1
        if wall and self.cell > 1 and not self.forward:
            line.put(text.rjust(room - 1)[: room - 1], style)
            line.put(glyphs.wall, palette.style("keep", "track", bold=True, faded=faded))
        elif wall and self.cell == 1:
            line.put(glyphs.wall, palette.style("keep", "track", bold=True, faded=faded))
        else:
            line.put(text.rjust(room - (room > 4)).ljust(room)[:room], style)

    def _short(self, part: float) -> str:
        """Return a number that leaves a gap in its cells; a sign where none does."""
        return plain(part, self.glyphs, self.cell - 1) or self.glyphs.more[:1]

    def keep(self, keeps: list[float]) -> None:
        """Draw the keep of each step below the map, as levels and in numbers where they fit."""
        bars = self._word("mean kept" if self.view.everyone else "kept", "keep")
        for t, keep in zip(self.places, keeps, strict=True):
            level, gap = level_of(keep), self.cell > 2
            sign = self.glyphs.nan if level is None else self.glyphs.levels[level]
            text = sign * (self.cell - gap) + " " * gap
            bars.put(text, self.palette.style("alarm" if level is None else "keep", faded=not self.reached[t]))
            self._column(t)
        if self.cell < _NUMBERED:
            return
        line = self._word("", "faint")
        for t, keep in zip(self.places, keeps, strict=True):
            text = self._short(keep)
            text = text.rjust(self.cell - (self.cell > 4)).ljust(self.cell)[: self.cell]
            line.put(text, self.palette.style("faint", faded=not self.reached[t]))
