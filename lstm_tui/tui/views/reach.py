"""Gradients through time: a row for each step back, the gradient beside what the gates keep.

It shows how far back a pass reaches and which token moves which; and of networks of different cells on one text, a
column each and what each says at the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np
from rich.cells import cell_len

from lstm_tui.analysis.gradient_flow import LongMemory
from lstm_tui.debugger.inspect.cell_comparison import Rival
from lstm_tui.debugger.inspect.diagnostics import reach_words
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.canvas.canvas import Drawing, Line, cut, first_row, fit, plain, signed, token_label, wrapped_text
from lstm_tui.tui.canvas.charts import put_bar
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import meaning_lines, put_token, put_unanswered
from lstm_tui.tui.views.token_map import KINDS, TokenMaps, draw_token_map

_PLACE, _TOKEN, _NUMBER = 6, 14, 8
_MEANT = 18
"""Cells of a heading before what it means."""
_WIDEST = 24
DECADES = (-4, 2)
"""Powers of ten at the ends of a bar."""
_RADIUS_FULL = 2.0


@dataclass(frozen=True, eq=False)
class _Column:
    """One column: a heading and what it is where that has no room, a number for each step, and how it is drawn."""

    head: str
    short: str
    meaning: str
    numbers: Array
    ink: str
    bar: str = "log"


def _title(width: int) -> str:
    """Return what the view is called, so that the axes still stand beside it."""
    return "gradient through time" if width >= 100 else "gradients"


def draw_reach(picture: Reaching, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the steps from the first that is looked at to the one that is asked about, and what happens on the way."""
    glyphs, style = palette.glyphs, palette.style
    drawing = Drawing(width, height, palette, f"R {_title(width)} {glyphs.dot} {picture.pass_name}")
    drawing.note = f"asked at t={picture.now}"
    found = picture.found
    if picture.problem or found is None:
        put_unanswered(drawing, picture.problem, "gradients through time")
        return drawing
    words = [part for one in _words(picture, palette) for part in wrapped_text(one, max(width - 2, 20))]
    shown = _fitting(_columns(picture, found), width - _PLACE - _TOKEN)
    span = min((width - _PLACE - _TOKEN) // len(shown), _WIDEST)
    low, high = DECADES
    drawing.note += f"   bars 1e{low}{glyphs.more}1e{high}, log"
    if any(column.bar == "radius" for column in shown):
        drawing.note += f"; {glyphs.say('ρ')} 0{glyphs.more}{axis_end(_RADIUS_FULL)}"
    head = drawing.line().put(" token", style("soft")).to(_PLACE + _TOKEN)
    for column in shown:
        heading = glyphs.say(column.head)
        heading = heading if cell_len(heading) < span else glyphs.say(column.short)
        head.put(fit(heading, span - 1, glyphs) + " ", style("title"))
    told = [
        (column.head if cell_len(column.head) < _MEANT - 1 else column.short, column.meaning)
        for column in shown
        if column.meaning
    ]
    foot = min(len(words) + 1, max(height // 2, 1))
    meanings = meaning_lines(told, width - _MEANT - 2, height - len(found.places) - foot - 2, palette)
    if height > len(found.places) + foot + len(meanings) + 2:
        foot += len(meanings) + 1
    rows = max(height - 1 - foot, 1)
    order = sorted(range(len(found.places)), key=lambda n: found.places[n])
    places = [found.places[n] for n in order]
    cursor = places.index(picture.cursor) if picture.cursor in places else len(places) - 1
    first = first_row(cursor, len(places), rows)
    for n in order[first : first + rows]:
        _row(drawing, picture, found, n, shown, span)
    if drawing.room > len(words):
        drawing.line()
    for text in words:
        drawing.line().put(" " + cut(glyphs.say(text), width - 2, glyphs), style("title"))
    if drawing.room > len(meanings):
        drawing.line()
        for name, meaning in meanings:
            line = drawing.line().put(" " + fit(glyphs.say(name), _MEANT, glyphs), style("accent"))
            line.put(cut(meaning, width - _MEANT - 2, glyphs), style("soft"))
    return drawing


def _words(picture: Reaching, palette: Palette) -> list[str]:
    assert picture.found is not None
    view = picture.view
    return list(reach_words(picture.found, lambda t: f"t={t} “{view.short_label(t, palette)}”"))


def _columns(picture: Reaching, found: LongMemory) -> list[_Column]:
    memory, unit = letter(found.memory.value), picture.view.unit_of(picture.pass_name)
    unit = min(unit, found.memory.own.shape[1] - 1)
    words = picture.view.frame.names.words(picture.pass_name, unit)
    short = picture.view.frame.names.short(picture.pass_name, unit)
    felt = (
        "largest factor, in whichever direction, by which a small change of {} then changes {} now, through every gate"
    )
    columns = [
        _Column(
            f"|∂{memory}/∂{memory} then|", f"|∂{memory}|", felt.format(memory, memory), found.memory.size, "positive"
        )
    ]
    if found.kept_size is not None:
        held = f"what is left of the {memory} of that step with the gates held, in the unit that keeps the most"
        columns.append(_Column("max Π kept", "max Π", held, found.kept_size, "keep"))
    if found.output is not found.memory:
        out = letter(found.output.value)
        columns.append(_Column(f"|∂{out}/∂{out} then|", f"|∂{out}|", f"the same of {out}", found.output.size, "show"))
    stretched = "spectral radius of the step's Jacobian: repeated steps shrink a change where it is below 1"
    columns.append(_Column("ρ of the step", "ρ", stretched, found.radius, "other", "radius"))
    entry = picture.view.trace[picture.pass_name].entry_of(found.memory.value, unit)
    alone = f"how {memory}[{entry}] of that step changes {memory}[{entry}] now" + (
        "; beside it what its own gate keeps" if found.kept is not None else ""
    )
    columns.append(_Column(f"{words} by itself", short, alone, found.memory.own[:, unit], "positive", "signed"))
    if found.kept is not None:
        columns.append(_Column(f"Π kept of {words}", f"Π {short}", "", found.kept[:, unit], "keep"))
    return columns


def _fitting(columns: Sequence[_Column], room: int) -> Sequence[_Column]:
    """Return the columns for which there is room; the last ones go first."""
    return columns[: max(room // 12, 1)]


def _row(drawing: Drawing, picture: Reaching, found: LongMemory, n: int, columns: Sequence[_Column], span: int) -> None:
    t = found.places[n]
    label = picture.view.short_label(t, drawing.palette)
    line, ground = put_token(drawing, t, label, t == picture.cursor, t == picture.now, _PLACE, _TOKEN)
    for column in columns:
        value = float(column.numbers[n])
        if math.isnan(value):
            line.put(" " * (span - 4) + "NaN ", drawing.palette.style("alarm", ground, bold=True))
        else:
            _cell(line, column, value, span, ground, drawing.palette)


def _cell(line: Line, column: _Column, value: float, span: int, ground: str, palette: Palette) -> None:
    """Write a number with its bar, where there is room for one."""
    bar = span - _NUMBER
    if bar >= 3:
        part = value if column.bar == "radius" else part_of_bar(value)
        full = _RADIUS_FULL if column.bar == "radius" else 1.0
        put_bar(line, part, bar, "negative" if value < 0 else column.ink, palette, full=full)
    number = (signed if column.bar == "signed" else plain)(value, palette.glyphs, _NUMBER - 1, places=None)
    line.put(number.rjust(_NUMBER - 1 if bar >= 3 else span - 1), palette.style("ink", ground)).put(" ")


def part_of_bar(value: float) -> float:
    """Return where a size lies on a logarithmic bar: 0 at its left end and below, 1 at its right end, NaN at 0."""
    low, high = DECADES
    if value == 0 or math.isnan(value):
        return 0.0
    if math.isinf(value):
        return math.inf
    return max((math.log10(abs(value)) - low) / (high - low), 0.0)


@dataclass(frozen=True, eq=False)
class Reaching:
    """What is known so far.

    Attributes:
        view: The position at which it was asked.
        pass_name: The pass that is looked at.
        now: The place on the tape from which it is looked back.
        cursor: The token under the cursor.
        found: How far the pass reaches, or None until it is known.
        beside: A plain RNN beside an LSTM and a GRU, once they are asked for; else empty.
        rivals: Whether these are shown.
        map: Whether the map of token by token is shown.
        kind: Which map, where there is room for one.
        places: The places the maps are made of.
        maps: Each map by its name, (P, P): row moved, column that moves it; NaN where it is not known.
        working: Whether something is still computed.
        problem: Why there is no answer; may be empty.
    """

    view: View
    pass_name: str
    now: int
    cursor: int
    found: LongMemory | None = None
    beside: tuple[Rival, ...] = ()
    rivals: bool = False
    map: bool = False
    kind: str = KINDS[0]
    places: range = range(0)
    maps: Mapping[str, Array] = field(default_factory=dict)
    working: bool = True
    problem: str = ""

    def but(self, **changes: Any) -> Reaching:
        """Return it with some things changed."""
        return replace(self, **changes)

    @property
    def awaited(self) -> bool:
        """Whether the places to walk on are not known; those of a map are, before it is."""
        return self.working and (self.rivals or not self.map)

    @property
    def rows(self) -> Sequence[int]:
        """The places to walk on, in the order of the tape."""
        if self.rivals:
            return range(len(self.beside[0].trace.sequence.tokens)) if self.beside else ()
        return self.places if self.map or self.found is None else sorted(self.found.places)

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the steps, the map, or the networks beside each other."""
        if self.rivals:
            return draw_reach_beside(self, width, height, palette)
        if self.map:
            maps = TokenMaps(self.view, self.pass_name, self.cursor, self.kind, self.places, self.maps, self.problem)
            return draw_token_map(maps, width, height, palette)
        return draw_reach(self, width, height, palette)


_BESIDE_PLACE, _BESIDE_TOKEN = 6, 8
_BESIDE_NARROWEST, _BESIDE_WIDEST = 14, 30
_FELT = (
    "how much of a small change of the memory at a token is left in the memory now: 1 all of it, .01 a hundredth, "
    "above 1 it has grown"
)
_KEPT = (
    "what its gates alone keep of it, multiplied from step to step, in the unit that keeps most; an RNN has no gates"
)


def draw_reach_beside(picture: Reaching, width: int, height: int, palette: Palette) -> Drawing:
    """Draw a row for each token, its memory in every network, and below in a sentence each what became of it."""
    glyphs, style = palette.glyphs, palette.style
    title = f"R {_title(width)} {glyphs.dot} an RNN beside LSTM and GRU"
    drawing = Drawing(width, height, palette, title)
    rivals = picture.beside
    if picture.problem or not rivals:
        put_unanswered(drawing, picture.problem, "gradients through time")
        return drawing
    tokens = rivals[0].trace.sequence.tokens
    low, high = DECADES
    drawing.note = f"bars 1e{low}{glyphs.more}1e{high}, log"
    columns = _beside_columns(rivals, width - _BESIDE_PLACE - _BESIDE_TOKEN)
    span = min((width - _BESIDE_PLACE - _BESIDE_TOKEN) // len(columns), _BESIDE_WIDEST)
    head = drawing.line().put(" token", style("soft")).to(_BESIDE_PLACE + _BESIDE_TOKEN)
    for column in columns:
        head.put(fit(glyphs.say(column.head), span - 1, glyphs) + " ", style("title"))
    words = [
        (part, "title" if one.found.kept is None else "ink")
        for one in rivals
        for part in wrapped_text(
            glyphs.say(one.told(lambda t: f"t={t} “{token_label(tokens[t], glyphs)}”")), max(width - 2, 20)
        )
    ]
    told = (_FELT, _KEPT) if len(columns) > len(rivals) else (_FELT,)
    meanings = [part for one in told for part in wrapped_text(one, max(width - 2, 20))]
    foot = min(len(words) + 1, max(height // 2, 1))
    if height > len(tokens) + foot + len(meanings) + 2:
        foot += len(meanings) + 1
    rows = max(height - 1 - foot, 1)
    first = first_row(picture.cursor, len(tokens), rows)
    for t in range(first, min(first + rows, len(tokens))):
        _beside_row(drawing, t, token_label(tokens[t], glyphs), t == picture.cursor, columns, span)
    if drawing.room > len(words):
        drawing.line()
    for text, ink in words:
        drawing.line().put(" " + cut(text, width - 2, glyphs), style(ink))
    if drawing.room > len(meanings):
        drawing.line()
        for text in meanings:
            drawing.line().put(" " + cut(glyphs.say(text), width - 2, glyphs), style("soft"))
    return drawing


def _beside_columns(rivals: Sequence[Rival], room: int) -> list[_Column]:
    """Return the memory of each network, and beside it what its gates keep where there is room."""
    wide = room // _BESIDE_NARROWEST >= sum(1 + (one.found.kept is not None) for one in rivals)
    columns = []
    for one in rivals:
        short = one.name.rpartition("-")[2]
        felt = _by_token(one, one.found.memory.size)
        columns.append(_Column(f"{short}: |∂{one.memory}|", f"{short} |∂|", "", felt, "positive"))
        if wide and one.found.kept_size is not None:
            columns.append(_Column(f"{short}: Π kept", f"{short} Π", "", _by_token(one, one.found.kept_size), "keep"))
    return columns


def _by_token(one: Rival, numbers: Array) -> Array:
    found = np.full(len(one.trace.sequence.tokens), np.nan)
    found[list(one.found.places)] = numbers
    return found


def _beside_row(drawing: Drawing, t: int, token: str, under: bool, columns: Sequence[_Column], span: int) -> None:
    line, ground = put_token(drawing, t, token, under, under, _BESIDE_PLACE, _BESIDE_TOKEN)
    for column in columns:
        value = float(column.numbers[t])
        if math.isnan(value):
            line.put(" " * span)
        else:
            _cell(line, column, value, span, ground, drawing.palette)
