"""What moves an output: gradient, ledger and deletion side by side, a row for each token."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.largest import largest
from lstm_tui.debugger.letter import letter
from lstm_tui.debugger.scale import scale_of
from lstm_tui.engine.number_text import axis_end, percent
from lstm_tui.tui.questions import Answer
from lstm_tui.tui.render.bars import put_bar, put_signed_bar
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.heat import put_strip
from lstm_tui.tui.render.label import cut, fit
from lstm_tui.tui.render.number import plain, signed
from lstm_tui.tui.render.palette import Palette
from lstm_tui.tui.render.scroll import first_row

Array = NDArray[np.floating[Any]]

SIGNED = ("gradient·x", "left out")
_NUMBER = 7
_PLACE = 5
_TOKEN = 14
_WIDEST = 22
_NARROW = 8
_MEANINGS = (
    ("gradient·x", "what each token adds to first order: a small change of its input, gates included"),
    ("by x, h, C", "how much the output would move with the token's input, with h and with C after it"),
    ("ledger", "who wrote what the memory holds, gates held: accounting, not cause"),
    ("left out", "how the output changes in a run without the token: what it costs to lose it"),
)


def draw_influence(answer: Answer, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the question, a row for each token, the gradient by every unit under the cursor, and what it all means."""
    glyphs, style = palette.glyphs, palette.style
    drawing = Drawing(width, height, palette, f"r what moves {answer.target.label}")
    total = answer.view.facts.length
    if answer.problem:
        drawing.line()
        drawing.line().put(" " + cut(answer.problem, width - 2, glyphs), style("alarm"))
        return drawing
    if answer.working:
        drawing.note = f"left out {answer.done} of {total}"
    number = glyphs.more
    if answer.found is not None:
        number = (signed if answer.target.value else plain)(answer.found.number, glyphs)
    line = drawing.line().put(f" {answer.target.label} = ", style("soft")).put(number, style("title", bold=True))
    place = f"ledger: {answer.pass_name} after t={answer.ledger_place}"
    line.right(place + " ", style("faint"))
    words = [part for text in differences(answer, palette) for part in textwrap.wrap(text, max(width - 2, 20))]
    footing = min(len(_MEANINGS) + len(words) + 6, max(height // 2, 0)) if height >= 18 else 2
    _table(drawing, answer, max(height - 2 - footing, 1))
    _footing(drawing, answer, words)
    return drawing


def _table(drawing: Drawing, answer: Answer, rows: int) -> None:
    palette, glyphs, width = drawing.palette, drawing.palette.glyphs, drawing.width
    columns = answer.columns
    spans = _spans(tuple(columns), width - _PLACE - _TOKEN)
    head = drawing.line()
    names = ("token", *columns)
    for n, name in enumerate(names):
        chosen = answer.order == name
        start = 1 if n == 0 else _PLACE + _TOKEN + sum(spans[: n - 1])
        span = _PLACE + _TOKEN if n == 0 else spans[n - 1]
        head.to(start).put(str(n + 1), palette.style("key", bold=True))
        room = span - 2
        mark = glyphs.mark if chosen else ""
        text = cut(f" {glyphs.say(name)}{mark}", room, glyphs)
        head.put(text, palette.style("title" if chosen else "soft", bold=chosen))
        if n and name != "ledger" and (values := columns[name]) is not None:
            scale = f" {glyphs.plus_minus if name in SIGNED else ''}{axis_end(_half(values))}"
            if head.x + len(scale) < start + span:
                head.put(scale, palette.style("faint"))
    places = answer.places
    cursor = places.index(answer.cursor)
    first = first_row(cursor, len(places), rows)
    for t in places[first : first + rows]:
        _row(drawing, answer, t, spans)


def _spans(names: tuple[str, ...], room: int) -> list[int]:
    """Share the room: where there is little, the sizes of gradients are numbers without bars."""
    each = min(room // len(names), _WIDEST + _NUMBER)
    if each >= 2 * _NUMBER:
        return [each] * len(names)
    sizes = sum(name.startswith("by ") for name in names)
    wide = min((room - sizes * _NARROW) // (len(names) - sizes), _WIDEST + _NUMBER)
    return [_NARROW if name.startswith("by ") else wide for name in names]


def _row(drawing: Drawing, answer: Answer, t: int, spans: list[int]) -> None:
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    under, here = t == answer.cursor, t == answer.view.t
    ground = "row" if under else "ground"
    line = drawing.line().put(glyphs.cursor if under else " ", palette.style("focus", ground, bold=True))
    line.put(f"{t:>{_PLACE - 2}} ", palette.style("faint", ground))
    label = fit(answer.view.label(t, palette), _TOKEN - 1, glyphs) + " "
    line.put(label, palette.style("title" if here else "ink", ground, bold=here))
    for (name, values), span in zip(answer.columns.items(), spans, strict=True):
        _cell(drawing, name, values, t, span, ground)
    drawing.hit(0, drawing.width, Target(t=t))


def _cell(drawing: Drawing, name: str, values: Array | None, t: int, span: int, ground: str) -> None:
    palette, glyphs, line = drawing.palette, drawing.palette.glyphs, drawing.lines[-1]
    bar = max(span - _NUMBER - 1, 0)
    if name not in SIGNED:
        bar = max(bar - 2, 0)
    start = line.x
    if values is None or values[t] != values[t]:
        text = glyphs.more if values is None or name == "left out" else "NaN"
        line.put(text.rjust(span - 1), palette.style("faint", ground)).put(" ")
        return
    value = float(values[t])
    if name in SIGNED:
        put_signed_bar(line, value, bar // 2 * 2, palette, _half(values))
        number = signed(value, glyphs, _NUMBER)
    else:
        ink = "show" if name == "ledger" else "bar"
        put_bar(line, value, bar, ink, palette, full=1.0 if name == "ledger" else _half(values))
        number = plain(value, glyphs, _NUMBER)
    line.put(number.rjust(start + span - 1 - line.x), palette.style("ink", ground)).put(" ")


def _half(values: Array) -> float:
    return scale_of(values, least=1e-6)


def _footing(drawing: Drawing, answer: Answer, words: list[str]) -> None:
    palette, glyphs, width = drawing.palette, drawing.palette.glyphs, drawing.width
    found = answer.found
    if found is not None and drawing.room > 2 * len(_MEANINGS):
        drawing.line()
    for name in answer.by_state:
        if found is None or drawing.room <= 1:
            break
        numbers = found.by_state[answer.pass_name][name][answer.cursor]
        line = drawing.line().put(fit(f" by {letter(name)} of t={answer.cursor}", _PLACE + _TOKEN, glyphs))
        room = max(width - line.x - 10, 1)
        half = scale_of(numbers, least=1e-9)
        put_strip(line, numbers[:room], half, palette, 2 if len(numbers) * 2 <= room else 1)
        line.put(f" {glyphs.plus_minus}{axis_end(half)}", palette.style("faint"))
    if drawing.room > len(words) + len(_MEANINGS):
        drawing.line()
    for text in words:
        drawing.line().put(" " + cut(text, width - 2, glyphs), palette.style("title"))
    if drawing.room > len(_MEANINGS):
        drawing.line()
    for name, meaning in _MEANINGS:
        line = drawing.line().put(" " + fit(glyphs.say(name), 12, glyphs), palette.style("accent"))
        line.put(cut(meaning, width - 14, glyphs), palette.style("soft"))


def differences(answer: Answer, palette: Palette) -> list[str]:
    """Say in words where the three columns disagree most."""
    found, shares, effects = answer.found, answer.shares, answer.effects
    if found is None or effects is None or answer.working or not np.isfinite(effects).any():
        return []

    def name(t: int) -> str:
        if answer.view.trace.sequence.x is not None:
            return f"t={t}"
        return f"“{answer.view.label(t, palette)}” (t={t})"

    def leads(numbers: Array) -> str:
        best = largest(numbers)
        return "not known" if best is None else name(best)

    effect = np.nan_to_num(np.abs(effects))
    left_out = np.abs(effects)
    if answer.target.t is not None:
        left_out[answer.target.t] = 0  # it is not left out when it is what is asked about
    most_of_all = f"largest to first order: {leads(np.abs(found.of_token))}; left out: {leads(left_out)}"
    if shares is None:
        return [most_of_all]
    held = np.nan_to_num(shares)
    lines = [f"{most_of_all}; in the ledger: {leads(shares)}"]
    if np.isnan(shares).any():
        return lines
    most = max(float(effect.max()), 1e-12)
    gap = held / max(float(held.max()), 1e-12) - effect / most
    idle, cause = int(gap.argmax()), int(gap.argmin())
    for t, but in ((idle, "only "), (cause, "")):
        if abs(gap[t]) > 0.25 and np.isfinite(effects[t]) and (not but or effect[t] < most / 2):
            lines.append(
                f"{name(t)} wrote {percent(held[t])} of this memory; to leave it out changes the output by {but}"
                f"{signed(float(effects[t]), palette.glyphs, _NUMBER)}"
            )
    return lines
