"""A run as a picture for a page: the memory of a unit as a line, gates as bars, the tokens below.

It is SVG that stands alone: it fetches nothing and runs nothing, and no text of a stranger is markup in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from unicodedata import east_asian_width

import numpy as np

from lstm_tui.debugger.colours import PAPER, PRINTED_PAPER
from lstm_tui.debugger.inspect.scale import axis_words, is_beyond, part_of
from lstm_tui.debugger.inspect.trace_facts import Column, Facts
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.documents.blocks import named
from lstm_tui.documents.html import Html, element, html_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UsageError
from lstm_tui.engine.number_text import LEAST_WIDTH, MINUS, compact
from lstm_tui.engine.number_text import coordinate as _at
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

MOST_TOKENS = 120
"""Tokens of one picture."""
_LEFT, _RIGHT, _TOP, _TOKEN = 150, 20, 46, 54
_LINE, _BARS, _GAP = 150, 58, 14
_CELL, _WIDEST = 58, 120
"""Pixels of a token, at least, and at most where the longest one has more."""
_SIZE = 13
"""Pixels of the letters of a token."""
_FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


@dataclass(frozen=True)
class FigureSubject:
    """What is drawn.

    Attributes:
        trace: The run.
        pass_name: Which pass.
        unit: Which unit, from 0.
        steps: Which tokens.
        title: Above the picture.
    """

    trace: Trace
    pass_name: str
    unit: int
    steps: range
    title: str

    @cached_property
    def cell(self) -> int:
        """Pixels of a token: as many as the longest one needs, within bounds."""
        tokens = (named(self.trace.sequence.tokens[t]) for t in self.steps)
        return min(max(_CELL, math.ceil(max(map(_width, tokens), default=0) * _SIZE) + 4), _WIDEST)

    def middle(self, n: int) -> float:
        """Return where the n-th token has its middle, in pixels."""
        return _LEFT + self.cell * (n + 0.5)


def subject_of(
    trace: Trace, pass_name: str | None, unit: int | str | None, steps: slice, title: str | None
) -> FigureSubject:
    """Return what is to be drawn; what is not said is the first pass and the unit with the largest memory at the end.

    A unit is given by its number or by its name on the network's card.

    Raises:
        UsageError: There is no such pass, unit or token, or there are too many tokens.
    """
    name = pass_name or next(iter(trace))
    if name not in trace:
        raise UsageError(f"--pass {name}: there is no such pass; there are {', '.join(trace)}")
    passed = trace[name]
    memory = passed[Facts(trace).memory(name)]
    chosen = range(*steps.indices(len(trace.sequence)))
    if not chosen:
        raise UsageError(f"--steps: no token is there; there are {len(trace.sequence)}, from 0")
    if len(chosen) > MOST_TOKENS:
        raise UsageError(f"{len(chosen)} tokens are too many for a picture; --steps A:B takes at most {MOST_TOKENS}")
    here = passed.tape_place(len(trace.sequence) - 1)
    names = UnitNames.of_trace(trace)
    found = int(np.argmax(np.nan_to_num(np.abs(memory[here]), nan=np.inf)))
    if isinstance(unit, str) and "," in unit:
        unit = passed.unit_at(Facts(trace).memory(name), tuple(map(int, unit.split(","))))
    elif isinstance(unit, str):
        number = names.number(name, unit)
        if number is None:
            known = ", ".join(names.of.get(name, {}).values())
            there = f"; there are {known}" if known else "; give its number"
            raise UsageError(f"--unit {visible(unit[:40])}: no unit of {name} is called so{there}")
        unit = number
    found = found if unit is None else unit
    if not 0 <= found < memory.shape[1]:
        raise UsageError(f"--unit {found}: there are {memory.shape[1]} units, from 0")
    model = str(trace.model.get("name") or "network")
    return FigureSubject(trace, name, found, chosen, title or f"{model}: {names.words(name, found)}")


def figure_of(subject: FigureSubject) -> str:
    """Return the picture as SVG: the memory as a line, what lies in 0 to 1 as bars, the tokens at the bottom."""
    facts = Facts(subject.trace)
    columns = facts.columns(subject.pass_name)
    memory = facts.memory(subject.pass_name)
    line = next(column for column in columns if column.name == memory)
    gates = [column for column in columns if column.gate and column.name != memory]
    width = _LEFT + subject.cell * len(subject.steps) + _RIGHT
    height = _TOP + _LINE + len(gates) * (_BARS + _GAP) + _GAP + _TOKEN
    parts: list[Html] = [
        element("rect", width=str(width), height=str(height), fill=PRINTED_PAPER),
        _words(subject.title, 16, 28, size=18, weight="600", anchor="start"),
        html_of(*_line(subject, line, _TOP)),
    ]
    top = _TOP + _LINE + _GAP
    for gate in gates:
        parts.append(html_of(*_bars(subject, gate, top)))
        top += _BARS + _GAP
    parts.append(html_of(*_tokens(subject, top)))
    whole = element(
        "svg", element("title", subject.title), *parts, xmlns="http://www.w3.org/2000/svg", width=str(width),
        height=str(height), viewBox=f"0 0 {width} {height}", role="img", font_family=_FONT,
    )  # fmt: skip
    return f"{whole}\n"


def _series(subject: FigureSubject, column: Column) -> Array | None:
    """Return the numbers of the unit at every token drawn; None where the value has none for it."""
    series = subject.trace[subject.pass_name][column.name]
    if subject.unit >= series.shape[1]:
        return None
    return np.asarray(series[subject.steps.start : subject.steps.stop, subject.unit], dtype=np.float64)


def _line(subject: FigureSubject, column: Column, top: int) -> Iterator[Html]:
    """Yield the memory as a line round 0, with its number at every token."""
    series, full = _series(subject, column), 1.0 if column.gate else column.half
    yield from _frame(subject, column, top, _LINE)
    if series is None:
        return
    zero = top + (_LINE if column.gate else _LINE / 2)
    reach = (_LINE if column.gate else _LINE / 2) - 14
    yield element(
        "path", d=f"M{_LEFT} {_at(zero)}H{_LEFT + subject.cell * len(series)}", stroke=_paper("axis"), fill="none"
    )
    yield _words(axis_words(full, not column.gate), _LEFT - 12, top + 16, 11, "soft")
    path, pen = "", "M"
    for n, value in enumerate(series):
        if math.isfinite(value):
            path += f"{pen}{_at(subject.middle(n))} {_at(zero - reach * part_of(value, full))}"
            pen = "L"
        else:
            pen = "M"
    if path:
        yield element("path", d=path, stroke=_paper("bar"), stroke_width="2.5", fill="none", class_="memory")
    for n, value in enumerate(series):
        y = zero - reach * part_of(value, full)
        beyond = not math.isfinite(value) or is_beyond(value, full)
        yield element(
            "circle", cx=_at(subject.middle(n)), cy=_at(y), r="3.5", fill=_paper("alarm" if beyond else "bar")
        )
        above = not value < 0
        yield _words(_number(value, True), subject.middle(n), y - 8 if above else y + 17, 11, "ink", anchor="middle")


def _bars(subject: FigureSubject, column: Column, top: int) -> Iterator[Html]:
    """Yield a gate as bars from 0 to 1, with its number at every token."""
    series = _series(subject, column)
    yield from _frame(subject, column, top, _BARS)
    for n, value in enumerate(() if series is None else series):
        high = (_BARS - 16) * max(part_of(value, 1.0), 0.0)
        yield element(
            "rect", x=_at(subject.middle(n) - 14), y=_at(top + _BARS - high), width="28", height=_at(high),
            fill=_paper(column.ink), class_=f"gate {column.name}",
        )  # fmt: skip
        yield _words(_number(value, False), subject.middle(n), top + _BARS - high - 4, 11, "ink", anchor="middle")


def _frame(subject: FigureSubject, column: Column, top: int, height: int) -> Iterator[Html]:
    ink = "ink" if column.ink == "plain" else column.ink
    yield _words(column.letter, 16, top + height / 2, 16, ink, "700", "start")
    yield _words(column.label, 40, top + height / 2, 13, "soft", anchor="start")
    right = _LEFT + subject.cell * len(subject.steps)
    yield element("path", d=f"M{_LEFT} {top + height}H{right}", stroke=_paper("line"), fill="none")


def _tokens(subject: FigureSubject, top: int) -> Iterator[Html]:
    for n, t in enumerate(subject.steps):
        token = _within(named(subject.trace.sequence.tokens[t]), subject.cell - 4, _SIZE)
        yield _words(token, subject.middle(n), top + 16, _SIZE, "ink", "600", "middle")
        yield _words(str(t), subject.middle(n), top + 32, 10, "soft", anchor="middle")


def _within(text: str, room: float, size: int) -> str:
    """Return a text that is no wider than so many pixels in bold letters of a size: its beginning where it is."""
    if _width(text) * size <= room:
        return text
    while text and (_width(text) + _width("…")) * size > room:
        text = text[:-1]
    return f"{text}…"


def _width(text: str) -> float:
    """Return how wide a text is at most, by the size of its letters: which font a reader has is not known."""
    return sum(
        1.1 if one in "WMmw@%…" or east_asian_width(one) in "WF"
        else 0.45 if one in "ijlfrt.,:;'!|()[] "
        else 0.85 if one.isupper()
        else 0.7
        for one in text
    )  # fmt: skip


def _number(value: float, sign: bool) -> str:
    """Return a number as the screen writes it, with the minus of a page."""
    return compact(value, LEAST_WIDTH, sign).replace("-", MINUS)


def _words(
    text: str, x: float, y: float, size: int, ink: str = "ink", weight: str = "400", anchor: str = "end"
) -> Html:
    return element(
        "text",
        text,
        x=_at(x),
        y=_at(y),
        font_size=str(size),
        fill=_paper(ink),
        font_weight=weight,
        text_anchor=anchor,
    )


def _paper(ink: str) -> str:
    return PAPER[ink].light
