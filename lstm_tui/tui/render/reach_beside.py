"""How far back networks of different cells reach on one text: a column each, and what each says at the end."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.rivals import Rival
from lstm_tui.tui.render.bars import put_bar
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.label import cut, fit, token_label
from lstm_tui.tui.render.number import plain
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.reach import DECADES, part_of_bar
from lstm_tui.tui.render.scroll import first_row

if TYPE_CHECKING:
    from lstm_tui.tui.reaching import Reaching

_PLACE, _TOKEN, _NUMBER = 6, 8, 8
_NARROWEST, _WIDEST = 14, 30
_FELT = (
    "how much of a small change of the memory at a token is still felt in the memory now: 1 all of it, .01 a hundredth"
)
_KEPT = (
    "what its gates alone keep of it, multiplied from step to step, in the unit that keeps most; an RNN has no gates"
)


@dataclass(frozen=True, eq=False)
class _Column:
    """One network's numbers, one for each token (T,), NaN where it was not looked."""

    head: str
    numbers: NDArray[np.floating[Any]]
    ink: str


def draw_reach_beside(picture: Reaching, width: int, height: int, palette: Palette) -> Drawing:
    """Draw a row for each token, its memory in every network, and below in a sentence each what became of it."""
    glyphs, style = palette.glyphs, palette.style
    title = f"R how far back {glyphs.dot} an RNN beside LSTM and GRU"
    drawing = Drawing(width, height, palette, title)
    rivals = picture.beside
    if picture.problem or not rivals:
        text = picture.problem or f"gradients through time{glyphs.more}"
        drawing.line()
        drawing.line().put(" " + cut(text, width - 2, glyphs), style("alarm" if picture.problem else "soft"))
        return drawing
    tokens = rivals[0].trace.sequence.tokens
    low, high = DECADES
    drawing.note = f"bars 1e{low}{glyphs.more}1e{high}, log"
    columns = _columns(rivals, width - _PLACE - _TOKEN)
    span = min((width - _PLACE - _TOKEN) // len(columns), _WIDEST)
    head = drawing.line().put(" token", style("soft")).to(_PLACE + _TOKEN)
    for column in columns:
        head.put(fit(glyphs.say(column.head), span - 1, glyphs) + " ", style("title"))
    words = [
        (part, "title" if one.found.kept is None else "ink")
        for one in rivals
        for part in textwrap.wrap(
            glyphs.say(one.told(lambda t: f"t={t} “{token_label(tokens[t], glyphs)}”")), max(width - 2, 20)
        )
    ]
    told = (_FELT, _KEPT) if len(columns) > len(rivals) else (_FELT,)
    meanings = [part for one in told for part in textwrap.wrap(one, max(width - 2, 20))]
    foot = min(len(words) + 1, max(height // 2, 1))
    if height > len(tokens) + foot + len(meanings) + 2:
        foot += len(meanings) + 1
    rows = max(height - 1 - foot, 1)
    first = first_row(picture.cursor, len(tokens), rows)
    for t in range(first, min(first + rows, len(tokens))):
        _row(drawing, t, token_label(tokens[t], glyphs), t == picture.cursor, columns, span)
    if drawing.room > len(words):
        drawing.line()
    for text, ink in words:
        drawing.line().put(" " + cut(text, width - 2, glyphs), style(ink))
    if drawing.room > len(meanings):
        drawing.line()
        for text in meanings:
            drawing.line().put(" " + cut(glyphs.say(text), width - 2, glyphs), style("soft"))
    return drawing


def _columns(rivals: Sequence[Rival], room: int) -> list[_Column]:
    """Return the memory of each network, and beside it what its gates keep where there is room."""
    wide = room // _NARROWEST >= sum(1 + (one.found.kept is not None) for one in rivals)
    columns = []
    for one in rivals:
        short = one.name.rpartition("-")[2]
        columns.append(_Column(f"{short}: |∂{one.memory}|", _by_token(one, one.found.memory.size), "positive"))
        if wide and one.found.kept_size is not None:
            columns.append(_Column(f"{short}: Π keep", _by_token(one, one.found.kept_size), "keep"))
    return columns


def _by_token(one: Rival, numbers: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    found = np.full(len(one.trace.sequence.tokens), np.nan)
    found[list(one.found.places)] = numbers
    return found


def _row(drawing: Drawing, t: int, token: str, under: bool, columns: Sequence[_Column], span: int) -> None:
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    ground = "row" if under else "ground"
    line = drawing.line().put(glyphs.cursor if under else " ", palette.style("focus", ground, bold=True))
    line.put(f"{t:>{_PLACE - 2}} ", palette.style("faint", ground))
    line.put(fit(token, _TOKEN - 1, glyphs) + " ", palette.style("title" if under else "ink", ground, bold=under))
    bar = max(span - _NUMBER, 0)
    for column in columns:
        value = float(column.numbers[t])
        if math.isnan(value):
            line.put(" " * span)
            continue
        if bar >= 3:
            put_bar(line, part_of_bar(value), bar, column.ink, palette)
        number = plain(value, glyphs, _NUMBER - 1)
        line.put(number.rjust(_NUMBER - 1 if bar >= 3 else span - 1), palette.style("ink", ground)).put(" ")
    drawing.hit(0, drawing.width, Target(t=t))
