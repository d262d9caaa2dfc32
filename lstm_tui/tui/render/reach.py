"""Gradients through time: a row for each step back, the gradient beside what the gates keep."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.long_memory import LongMemory
from lstm_tui.debugger.letter import letter
from lstm_tui.debugger.reach_words import reach_words
from lstm_tui.tui.render.bars import put_bar
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.label import cut, fit
from lstm_tui.tui.render.number import plain, signed
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.scroll import first_row

if TYPE_CHECKING:
    from lstm_tui.tui.reaching import Reaching

_PLACE, _TOKEN, _NUMBER = 6, 14, 8
_WIDEST = 24
DECADES = (-4, 2)
"""Powers of ten at the ends of a bar."""
_RADIUS_FULL = 2.0


@dataclass(frozen=True, eq=False)
class _Column:
    """One column: a heading, a number for each step, and how it is drawn."""

    head: str
    meaning: str
    numbers: NDArray[np.floating[Any]]
    ink: str
    bar: str = "log"


def draw_reach(picture: Reaching, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the steps from the first that is looked at to the one that is asked about, and what happens on the way."""
    glyphs, style = palette.glyphs, palette.style
    drawing = Drawing(width, height, palette, f"R how far back {glyphs.dot} {picture.pass_name}")
    drawing.note = f"asked at t={picture.now}"
    found = picture.found
    if picture.problem or found is None:
        drawing.line()
        text = picture.problem or f"gradients through time{glyphs.more}"
        drawing.line().put(" " + cut(text, width - 2, glyphs), style("alarm" if picture.problem else "soft"))
        return drawing
    words = [part for one in _words(picture, palette) for part in textwrap.wrap(one, max(width - 2, 20))]
    shown = _fitting(_columns(picture, found), width - _PLACE - _TOKEN)
    span = min((width - _PLACE - _TOKEN) // len(shown), _WIDEST)
    low, high = DECADES
    drawing.note += f"   bars: 1e{low} {glyphs.more} 1e{high}, logarithmic"
    head = drawing.line().put(" token", style("soft")).to(_PLACE + _TOKEN)
    for column in shown:
        head.put(fit(glyphs.say(column.head), span - 1, glyphs) + " ", style("title"))
    meanings = [column for column in shown if column.meaning]
    foot = min(len(words) + 1, max(height // 2, 1))
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
        for column in meanings:
            line = drawing.line().put(" " + fit(glyphs.say(column.head), 18, glyphs), style("accent"))
            line.put(cut(glyphs.say(column.meaning), width - 20, glyphs), style("soft"))
    return drawing


def _words(picture: Reaching, palette: Palette) -> list[str]:
    assert picture.found is not None
    view = picture.view
    lines = list(reach_words(picture.found, lambda t: f"t={t} “{view.short_label(t, palette)}”"))
    if picture.found.first:
        lines.append(f"only the last {len(picture.found.places)} steps are looked at")
    return lines


def _columns(picture: Reaching, found: LongMemory) -> list[_Column]:
    memory, unit = letter(found.memory.value), picture.view.unit_of(picture.pass_name)
    unit = min(unit, found.memory.own.shape[1] - 1)
    felt = "the largest factor by which a small change of {} then is felt in {} now, gates and all"
    columns = [_Column(f"|∂{memory}/∂{memory} then|", felt.format(memory, memory), found.memory.size, "positive")]
    if found.kept_size is not None:
        held = f"what is left of {memory} of then with the gates held, in the unit that keeps most"
        columns.append(_Column("max Π keep", held, found.kept_size, "keep"))
    if found.output is not found.memory:
        out = letter(found.output.value)
        columns.append(_Column(f"|∂{out}/∂{out} then|", felt.format(out, out), found.output.size, "show"))
    stretched = "spectral radius of the step's Jacobian: taken again and again, below 1 it shrinks what is passed on"
    columns.append(_Column("ρ of the step", stretched, found.radius, "other", "radius"))
    alone = f"how {memory}[{unit}] of then moves {memory}[{unit}] now" + (
        "; beside it what its own gate keeps" if found.kept is not None else ""
    )
    columns.append(_Column(f"unit {unit} by itself", alone, found.memory.own[:, unit], "positive", "signed"))
    if found.kept is not None:
        columns.append(_Column(f"Π keep of unit {unit}", "", found.kept[:, unit], "keep"))
    return columns


def _fitting(columns: Sequence[_Column], room: int) -> Sequence[_Column]:
    """Return the columns for which there is room; the last ones go first."""
    return columns[: max(room // 12, 1)]


def _row(drawing: Drawing, picture: Reaching, found: LongMemory, n: int, columns: Sequence[_Column], span: int) -> None:
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    t = found.places[n]
    under, here = t == picture.cursor, t == picture.now
    ground = "row" if under else "ground"
    line = drawing.line().put(glyphs.cursor if under else " ", palette.style("focus", ground, bold=True))
    line.put(f"{t:>{_PLACE - 2}} ", palette.style("faint", ground))
    label = fit(picture.view.short_label(t, palette), _TOKEN - 1, glyphs) + " "
    line.put(label, palette.style("title" if here else "ink", ground, bold=here))
    bar = max(span - _NUMBER, 0)
    for column in columns:
        value = float(column.numbers[n])
        if math.isnan(value):
            line.put(" " * (span - 4) + "NaN ", palette.style("alarm", ground, bold=True))
            continue
        full = _RADIUS_FULL if column.bar == "radius" else 1.0
        part = value if column.bar == "radius" else part_of_bar(value)
        ink = "negative" if value < 0 else column.ink
        if bar >= 3:
            put_bar(line, part, bar, ink, palette, full=full)
        number = (signed if column.bar == "signed" else plain)(value, glyphs, _NUMBER - 1)
        line.put(number.rjust(_NUMBER - 1 if bar >= 3 else span - 1), palette.style("ink", ground)).put(" ")
    drawing.hit(0, drawing.width, Target(t=t))


def part_of_bar(value: float) -> float:
    """Return where a size lies on a logarithmic bar: 0 at its left end and below, 1 at its right end, NaN at 0."""
    low, high = DECADES
    if value == 0 or math.isnan(value):
        return 0.0
    if math.isinf(value):
        return math.inf
    return max((math.log10(abs(value)) - low) / (high - low), 0.0)
