"""Two runs on one tape: what either says at each token, and how far they are apart."""

from __future__ import annotations

import numpy as np
from rich.cells import cell_len

from lstm_tui.analysis.distribution import largest
from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.inspect.diff import DiffColumn
from lstm_tui.debugger.inspect.scale import scale_of
from lstm_tui.engine.number_text import axis_end, axis_places
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, first_row, fit, plain, signed, token_label
from lstm_tui.tui.canvas.charts import put_bar, put_signed_bar
from lstm_tui.tui.canvas.palette import Palette

_PLACE, _TOKEN, _NUMBER = 8, 13, 6
_ROOMY, _APART = 20, 13
"""Cells of a column from which on all are as wide, and those of a distance beside narrower ones."""


def draw_compare(
    compared: Comparison, chosen: int, pass_name: str, width: int, height: int, palette: Palette
) -> Drawing:
    """Draw a row for each token; `chosen` is the number of the column at which both runs stand."""
    rows, count = max(height - 1, 1), len(compared.columns)
    first = first_row(chosen, count, rows)
    which = "" if rows >= count else f"{first + 1}{palette.glyphs.dash}{first + rows} of {count} "
    drawing = Drawing(width, height, palette, f"1 {which}{_of(compared)}")
    pen = _Pen(drawing, compared, pass_name)
    drawing.note, *shorter = pen.notes()
    drawing.shorter = tuple(shorter)
    pen.head()
    for number in range(first, min(first + rows, len(compared.columns))):
        pen.row(number, number == chosen)
    return drawing


def _of(compared: Comparison) -> str:
    sequence = compared.one.sequence
    if sequence.file is None:
        return "tokens"
    line = f" line {sequence.line}" if sequence.line else ""
    return f"tokens of {visible(sequence.file)}{line}"


class _Pen:
    def __init__(self, drawing: Drawing, compared: Comparison, pass_name: str) -> None:
        self.drawing, self.compared, self.pass_name = drawing, compared, pass_name
        self.palette, self.glyphs = drawing.palette, drawing.palette.glyphs
        room, self.shares_units = drawing.width - _PLACE - _TOKEN, compared.comparable(pass_name)
        self.span = self.apart = max(room // (3 + self.shares_units), 8)
        if compared.toward is None and self.span < _ROOMY:  # a word is worth more than a bar
            self.apart = _APART
            self.span = max((room - _APART * (1 + self.shares_units)) // 2, 8)
        toward = compared.toward
        self.half = 1.0
        if toward is not None:
            self.half = scale_of(np.concatenate(toward), least=0.05)

    def notes(self) -> tuple[str, ...]:
        """Return what the numbers are; each text says less than the one before."""
        compared = self.compared
        if compared.toward is None:
            difference, *shorter = self._measured()
            return f"{difference}{self._untold()}", difference, *shorter
        classes, winner = compared.one.classes, compared.winner
        of = visible(classes[winner]) if classes and winner is not None else f"output {winner}"
        adds = f"what each token adds to {of}  {self.glyphs.plus_minus}{axis_end(self.half)}"
        return f"{adds}{self._untold()}", adds

    def _measured(self) -> tuple[str, ...]:
        """Say what the difference of two outputs is, first at length."""
        if self.compared.says_probabilities:
            told = ("the part of the probability that B puts elsewhere", "what part B puts elsewhere")
        else:
            told = ("half the sum of all changes of the outputs", "half of all changes")
        return *(f"difference: {one}" for one in told), ""

    def _untold(self) -> str:
        """Say why no memories are compared, where they are not."""
        return "" if self.shares_units else "; trained apart: no unit is compared"

    def head(self) -> None:
        line = self.drawing.line().put("  t".ljust(_PLACE), self.palette.style("faint"))
        line.put("token".ljust(_TOKEN), self.palette.style("soft"))
        one, other = (visible(name) for name in self.compared.names)
        apart = self._longest(f"memory of {self.pass_name} apart", "memory apart")
        heads = [
            (f"A {one}", "keep", self.span),
            (f"B {other}", "write", self.span),
            ("difference", "title", self.apart),
        ]
        heads += [(apart, "soft", self.apart)] * self.shares_units
        for text, ink, span in heads:
            line.put(fit(text, span - 1, self.glyphs) + " ", self.palette.style(ink, bold=ink != "soft"))

    def _longest(self, *texts: str) -> str:
        """Return the first text that fits a column whole, or the last: each later one says less, none loses its end."""
        return next((text for text in texts if cell_len(text) < self.apart), texts[-1])

    def row(self, number: int, here: bool) -> None:
        column, palette = self.compared.columns[number], self.palette
        ground = "row" if here else "ground"
        line = self.drawing.line().put(self.glyphs.cursor if here else " ", palette.style("focus", ground, bold=True))
        line.put(fit(self._places(column), _PLACE - 2, self.glyphs) + " ", palette.style("faint", ground))
        new = column.before is None or column.after is None
        label = token_label(self.compared.token(column), self.glyphs)
        ink = "accent" if new else "title" if here else "ink"
        line.put(fit(label, _TOKEN - 1, self.glyphs) + " ", palette.style(ink, ground, bold=here))
        toward = self.compared.toward
        if toward is not None:
            for values, t in zip(toward, (column.before, column.after), strict=True):
                self._signed(line, None if t is None else float(values[t]), ground)
            self._signed(line, self.compared.output_distance(column), ground)
        else:
            self._said(line, column, ground)
            self._size(line, self.compared.output_distance(column), ground)
        if self.shares_units:
            self._size(line, self.compared.memory_distance(column, self.pass_name), ground)
        self.drawing.hit(0, self.drawing.width, ClickTarget(t=number))

    def _places(self, column: DiffColumn) -> str:
        if column.before == column.after:
            return str(column.after)
        gone = self.glyphs.dash
        one, other = (gone if t is None else str(t) for t in (column.before, column.after))
        return f"{one}{self.glyphs.right}{other}"

    def _said(self, line: Line, column: DiffColumn, ground: str) -> None:
        runs = (self.compared.one, self.compared.other)
        for output, run in zip(self.compared.outputs(column), runs, strict=True):
            if output is None:
                line.put(" " * self.span)
                continue
            best = largest(output)
            if best is None:
                line.put(fit("not known", self.span, self.glyphs), self.palette.style("alarm", ground))
                continue
            name = token_label(visible(run.classes[best]), self.glyphs) if best < len(run.classes) else str(best)
            word = min(12, self.span - _NUMBER - 2)
            line.put(fit(name, word, self.glyphs) + " ", self.palette.style("ink", ground))
            value = float(output[best])
            shares = 0 <= value <= 1
            bar = self.span - word - _NUMBER - 2
            if shares and bar > 1:
                put_bar(line, value, bar, "bar", self.palette)
            else:
                line.put(" " * max(bar, 0))
            text = plain(value, self.glyphs) if shares else signed(value, self.glyphs)
            line.put(text.rjust(_NUMBER) + " ", self.palette.style("ink", ground))

    def _signed(self, line: Line, value: float | None, ground: str) -> None:
        bar = max((self.span - _NUMBER - 1) // 2 * 2, 2)
        start = line.x
        if value is not None:
            put_signed_bar(line, value, bar, self.palette, self.half)
            text = signed(value, self.glyphs, places=axis_places(self.half))
            line.put(text.rjust(_NUMBER), self.palette.style("ink", ground))
        line.to(start + self.span)

    def _size(self, line: Line, value: float | None, ground: str) -> None:
        start = line.x
        if value is not None:
            put_bar(line, value, max(self.apart - _NUMBER - 1, 1), "show", self.palette)
            line.put(cut(plain(value, self.glyphs), _NUMBER, self.glyphs).rjust(_NUMBER))
        line.to(start + self.apart)
