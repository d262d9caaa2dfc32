"""Pane 6: the memory of one unit, or of all of them, by the token that wrote it; the parts add up to the memory.

Its map tells whose memory it is over the whole tape: a row for each token, its share after every step. A forget gate
that closes is seen as a dark edge: what stood before it is dark behind it.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
from rich.cells import cell_len

from lstm_tui.analysis.ledger import Ledger, share_map
from lstm_tui.debugger.inspect.scale import largest_of, level_of, nice_scale, part_of
from lstm_tui.debugger.panes import LEDGER
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.number_text import axis_end
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.canvas.canvas import (
    ClickTarget,
    Drawing,
    Line,
    cut,
    first_row,
    fit,
    plain,
    signed,
    token_label,
    window,
)
from lstm_tui.tui.canvas.charts import put_bar, put_ghost_signed_bar, put_signed_bar
from lstm_tui.tui.canvas.palette import SHADES, Palette
from lstm_tui.tui.ledger_in_words import map_in_words
from lstm_tui.tui.ledger_rows import LedgerRow, Sources
from lstm_tui.tui.panes.memory import around
from lstm_tui.tui.panes.pane import Pane
from lstm_tui.tui.view import View

_LABEL = 12
_WIDEST, _NUMBERED = 6, 4
"""Cells of a step at most, and from which on they hold a number."""
_FIFTH = 5
"""Of so many columns without room for a number one has its own over it and the next."""
_FOOT = 2
"""Rows below the tokens: the keep in numbers, and as levels."""
_LEAST_NAME = 4
"""Cells of a word from which on the place of one that is repeated stands behind it."""
_SMALL = 7
"""Rows below which a list whose sum holds says so by its sign alone."""
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
    units, way = slice(None) if view.everyone else slice(view.unit, view.unit + 1), 1 if pen.forward else -1
    keep, held = flow.keep[::way, units], flow.held[::way, units]
    with np.errstate(all="ignore"):
        keeps = [float(keep[t][held[t]].mean()) if held[t].any() else None for t in places]
    for t in tokens:
        pen.token(t, shares[t - pen.near.start], keeps)
    if height > _FOOT + 3:
        pen.keep(keeps)
    closed = f"   {palette.glyphs.wall} kept below {axis_end(CLOSED)}" if pen.walls else ""
    drawing.note = f"share of {view.whose()}, by token, after each step{closed}"
    drawing.shorter = (f"share by token, after each step{closed}", f"share after each step{closed}", closed.strip())
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
        self.forward = view.passed.direction == "forward"
        self.walls = False

    def _has_reached(self, t: int) -> bool:
        return self.view.has_reached(self.view.pass_name, t)

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
        seen = np.array([self._has_reached(t) for t in self.places], np.bool_)
        weight = np.nan_to_num(shares[:, seen] if seen.any() else shares).sum(axis=1)
        for t in {self.view.t, self.view.cursor_t} & set(self.near):
            weight[t - self.near.start] = np.inf
        order = np.argsort(-weight, kind="stable")[: self.rows]
        return sorted(self.near.start + int(row) for row in order)

    def _rows_shown(self, rows: int) -> str:
        """Say how many tokens have a row, where not all have one."""
        count = self.view.facts.length
        told = f"{rows}/{count} rows"
        return "t" if rows == count else told if cell_len(told) <= _LABEL - 2 else f"{rows} rows"

    def head(self, rows: int) -> None:
        line = self._word(self._rows_shown(rows), "faint")
        for t in self.places:
            here, under = t == self.view.t, t == self.view.cursor_t
            style = self.palette.style("ink" if here else "focus" if under else "faint", bold=here)
            if self.cell >= len(str(self.places.stop - 1)) + 1:
                text = str(t).rjust(self.cell - (self.cell > 4)).ljust(self.cell)
            elif here:
                text = self.glyphs.mark.rjust(self.cell)
            else:
                text = self._over_columns(t)
            line.put(text, style)
            self._column(t)

    def _over_columns(self, t: int) -> str:
        """Return what stands over a column that is too narrow for its number: its part of that of every fifth."""
        fifth = t - t % _FIFTH
        number = str(fifth) if fifth >= self.places.start and len(str(fifth)) < _FIFTH * self.cell else ""
        return number[(t - fifth) * self.cell :][: self.cell].ljust(self.cell)

    def token(self, source: int, shares: Array, keeps: list[float | None]) -> None:
        """Draw the share of one token after each step."""
        here, under = source == self.view.t, source == self.view.cursor_t
        line = self._word(
            self.view.short_label(source, self.palette), "title" if here else "focus" if under else "soft", here
        )
        self.drawing.hit(0, _LABEL, ClickTarget(t=source))
        for t, share, keep in zip(self.places, shares, keeps, strict=True):
            read = source <= t if self.forward else source >= t
            passed_by = source < t if self.forward else source > t
            wall = passed_by and keep is not None and abs(keep) < CLOSED
            self.walls |= wall
            self._cell(line, float(share), read, wall, not self._has_reached(t))
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

    def keep(self, keeps: list[float | None]) -> None:
        """Draw the keep of each step below the map, as levels and in numbers where they fit; a dash where none held."""
        bars = self._word("mean kept" if self.view.everyone else "kept", "keep")
        for t, keep in zip(self.places, keeps, strict=True):
            gap = self.cell > 2
            if keep is None:
                bars.put(self.glyphs.dash.center(self.cell), self.palette.style("faint"))
                self._column(t)
                continue
            level = level_of(keep)
            sign = self.glyphs.nan if level is None else self.glyphs.levels[level]
            text = sign * (self.cell - gap) + " " * gap
            bars.put(text, self.palette.style("alarm" if level is None else "keep", faded=not self._has_reached(t)))
            self._column(t)
        if self.cell < _NUMBERED:
            return
        line = self._word("", "faint")
        for t, keep in zip(self.places, keeps, strict=True):
            text = "" if keep is None else self._short(keep)
            text = text.rjust(self.cell - (self.cell > 4)).ljust(self.cell)[: self.cell]
            line.put(text, self.palette.style("faint", faded=not self._has_reached(t)))


_NUMBER = 6
_SHARE = 4
_SAID_FROM = 14
"""Rows from which on the map is told in words below it."""
_WITH_MAP = 72
"""Cells from which on the map of shares stands beside the list."""
_LIST, _LEAST_LIST = 40, 30
_TITLED = 36
"""Cells from which on the title says that the memory is split by token; the map beside the list says so itself."""


def draw_ledger(view: View, width: int, height: int, palette: Palette, number: int) -> Drawing:
    """Draw the ledger, and where there is room for it the map of shares over the whole tape."""
    title = f"{number} memory of {view.whose()}{' by token' if _TITLED <= width < _WITH_MAP else ''}"
    drawing = Drawing(width, height, palette, title)
    read = view.read_ledger
    if read is not None:
        drawing.title = f"{number} {read.state} of unit {view.unit_in(view.value)} by token"
        _List(drawing, view, read, Sources(read), read.state).draw()
        return drawing
    ledger = view.ledger
    if ledger is None:
        drawing.line()
        value = signed(float(view.passed[view.memory_name][view.t][view.unit]), palette.glyphs, places=None)
        for text in (*view.facts.no_ledger(view.pass_name), "", f"{view.memory_name} = {value}"):
            drawing.line().put(" " + text, palette.style("soft"))
        return drawing
    if view.sources is not None and view.sources.baseline is not None:
        drawing.title += " Δ"  # the last column is what the edits have changed, not the share
    if width < _WITH_MAP:
        _List(drawing, view, ledger, view.sources, view.letter).draw()
        return drawing
    said = _said(view, width, height, palette) if height >= _SAID_FROM else []
    height -= len(said) + bool(said)
    list_width = _list_width(view, width)
    left = Drawing(list_width, height, palette)
    _List(left, view, ledger, view.sources, view.letter).draw()
    right = draw_ledger_map(view, width - list_width - 2, height, palette)
    for n in range(min(height, max(len(left.lines), len(right.lines)))):
        line = drawing.line()
        for part in (left, right):
            line.to(0 if part is left else list_width + 2)
            if n < len(part.lines):
                line.extend(part.lines[n])
    drawing.hits = left.hits + [(y, a + list_width + 2, b + list_width + 2, target) for y, a, b, target in right.hits]
    drawing.note, drawing.shorter = right.note, right.shorter
    if said:
        drawing.line()
    for text in said:
        drawing.line().put(f" {text}", palette.style("title"))
    return drawing


def _list_width(view: View, width: int) -> int:
    """Return the cells of the list beside the map: fewer where the map would leave out steps for it."""
    return min(max(width - 2 - _LABEL - 2 * view.facts.length, _LEAST_LIST), _LIST)


def _said(view: View, width: int, height: int, palette: Palette) -> list[str]:
    """Return in words what the map shows where the run has been."""
    part = view.facts.flow_near(view.pass_name, view.cursor_t)
    if part is None:
        return []
    pen = _Pen(Drawing(width - _list_width(view, width) - 2, height, palette), view, part.places)
    return map_in_words(view, part, pen.near, width, palette)


def _repeated(view: View, places: list[int]) -> frozenset[str]:
    """Return the words of some places that stand at more than one of them, so that a place tells which is meant."""
    counted = Counter(view.trace.sequence.tokens[t] for t in places)
    return frozenset(token for token, count in counted.items() if count > 1 and not view.trace.sequence.is_of_numbers)


class _List:
    """Writes sources by size, then what the run started with, then the sum beside the value itself."""

    def __init__(self, drawing: Drawing, view: View, ledger: Ledger, sources: Sources | None, letter: str) -> None:
        self.drawing, self.view, self.ledger, self.letter = drawing, view, ledger, letter
        self.palette, self.glyphs = drawing.palette, drawing.palette.glyphs
        self.width = drawing.width
        small = drawing.height < _SMALL and ledger.breach == 0  # the sum holds, and needs no words
        self.footing = 5 if drawing.height >= 14 else 2 if small else 3
        assert sources is not None
        self.sources = sources
        self.compared = sources.baseline is not None
        rows = max(drawing.height - self.footing, 1)
        self.repeated = _repeated(view, [one.t for one in sources.some(0, rows * 2) if one.kind == "token"])
        names = [self._name(source) for source in sources.some(0, rows * 2)]
        self.word = max(min(max(map(cell_len, names), default=5), self.width // 3), 5)
        self.last = _NUMBER if self.compared else _SHARE
        self.bar = max((self.width - self.word - _NUMBER - self.last - 3) // 2 * 2, 2)
        self.edge = 2 + self.word + self.bar + _NUMBER
        place = None if view.place is None else sources.place_of(view.cursor_t)
        first = 0 if place is None else first_row(place, len(sources), rows)
        short = len(sources) > rows > 1
        self.shown, self.count = self._with_spoken_of(sources.some(first, rows - short)), len(sources)
        largest = largest_of(np.array([sources.largest, ledger.start.sum()]))
        if view.everyone:
            largest = largest_of(np.array([sources.largest_share, ledger.start_share()]))
        self.half = nice_scale(largest, least=0.05)

    def _with_spoken_of(self, shown: list[LedgerRow]) -> list[LedgerRow]:
        """Return the rows with those in them that are always shown, in the place of the smallest."""
        places = [self.sources.place_of(t) for t in self.view.shares_of]
        missing = [one for one in (self.sources[n] for n in places if n is not None) if one not in shown]
        return [*shown[: max(len(shown) - len(missing), 0)], *missing][: len(shown)]

    def _name(self, source: LedgerRow) -> str:
        if source.kind == "gone":
            difference = self.view.frame.difference
            assert difference is not None
            return (
                f"{self.glyphs.gone} {token_label(visible(difference.before.sequence.tokens[source.t]), self.glyphs)}"
            )
        label = self.view.short_label(source.t, self.palette)
        if source.kind == "edit":
            return f"set: {label}"
        token = self.view.trace.sequence.tokens[source.t]
        place = f" t={source.t}" if token in self.repeated else ""
        room = self.width // 3 - cell_len(place)
        return f"{cut(label, room, self.glyphs)}{place}" if room >= _LEAST_NAME else label

    def draw(self) -> None:
        glyphs, style = self.glyphs, self.palette.style
        scale = (
            f"bars: share 0 to {axis_end(self.half)}"
            if self.view.everyone
            else f"{glyphs.plus_minus}{axis_end(self.half)}"
        )
        self.drawing.note = scale
        for source in self.shown:
            self._source(source)
        ledger, hidden = self.ledger, self.count - len(self.shown)
        start, total = float(ledger.start.sum()), float(ledger.sum.sum())
        if hidden:
            rest = total - start - sum(source.value for source in self.shown)
            part = 1 - ledger.start_share() - sum(source.share for source in self.shown)
            self._line(f"{hidden} others", rest, max(part, 0.0), "faint")
        self._line(self._start(), start, ledger.start_share(), "soft")
        if self.footing == 5:
            self.drawing.line().put(" " + glyphs.rule * (self.edge + self.last - 1), style("frame"))
        self._sum(total)

    def _start(self) -> str:
        """Say what stands for all that was in the memory before these tokens."""
        first, view = self.ledger.first, self.view
        last = first + len(self.ledger.read) - 1
        if view.passed.direction == "forward":
            return "at the start" if not first else f"before {first}"
        return "at the start" if last == view.facts.length - 1 else f"after {last}"

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
        letter = f"{glyphs.total}{self.letter}" if self.view.everyone else self.letter
        line = self.drawing.line().put(f" {glyphs.total} = {letter} ")
        line.put(glyphs.yes if holds else glyphs.no, style("show" if holds else "alarm", bold=True))
        line.to(self.edge - _NUMBER)
        line.put(signed(total, glyphs).rjust(_NUMBER), style("title", bold=True))
        if self.sources.baseline is not None:
            change = total - float(self.sources.baseline.sum.sum())
            line.put((signed(change, glyphs) if change else glyphs.dot).rjust(self.last + 1), style("soft"))
        if holds and self.footing == 2:
            return
        last = self.drawing.line()
        if holds:
            last.put(fit(" attribution, not causation", self.width, glyphs).rstrip(), style("faint"))
        elif np.isnan(ledger.breach):
            last.put(fit(f" not known whether the sum is {letter}: it is NaN", self.width, glyphs), style("alarm"))
        elif self.view.everyone:
            off = np.flatnonzero(ledger.off != 0)
            worst = int(np.argmax(np.nan_to_num(ledger.off, nan=np.inf)))
            words = (
                f" off in {len(off)} units, most in {worst}: {signed(float(ledger.off[worst]), glyphs, places=None)}"
            )
            last.put(fit(words, self.width, glyphs), style("alarm"))
        else:
            actual = float(ledger.total.sum())
            last.put(f" {letter} itself", style("alarm")).to(self.edge - _NUMBER)
            last.put(signed(actual, glyphs).rjust(_NUMBER), style("alarm"))


class LedgerPane(Pane):
    """The ledger of one unit or of all."""

    NUMBER, WORD = LEDGER.number, LEDGER.word

    def needs(self, view: View) -> str | None:
        """Return the pass that is drawn."""
        return view.pass_name

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
