"""The health of the units: saturated gates as Karpathy drew them, units that are never active, dead units.

Each gate is a scatter of its units; below stands what is wrong with which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tui.analysis.health import Finding, GateHealth, PassHealth, health
from lstm_tui.debugger.colours import INK_OF_ROLE
from lstm_tui.debugger.inspect.diagnostics import health_lines
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import percent
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, first_row, fit
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.panes.units import flag_sign
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import (
    Analysis,
    AnalysisKey,
    Changes,
    Close,
    Work,
    leaving,
    moving,
    other_pass,
    put_unanswered,
    sideways,
)


@dataclass(frozen=True, eq=False)
class Healthy:
    """What is known so far.

    Attributes:
        view: The position at which it was asked.
        pass_name: The pass that is looked at.
        passes: The health of every pass by name; empty until it is known.
        cursor: Which finding the cursor is on.
        working: Whether it is still computed.
        problem: Why there is no answer; may be empty.
    """

    view: View
    pass_name: str
    passes: Mapping[str, PassHealth]
    cursor: int = 0
    working: bool = True
    problem: str = ""

    def but(self, **changes: Any) -> Healthy:
        """Return it with some things changed."""
        return replace(self, **changes)

    @property
    def awaited(self) -> bool:
        """Whether the findings to walk on are not known yet."""
        return self.working

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong in the pass that is looked at."""
        return self.passes[self.pass_name].findings if self.passes else ()

    @property
    def chosen(self) -> Finding | None:
        """The finding under the cursor."""
        return self.findings[min(self.cursor, len(self.findings) - 1)] if self.findings else None

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the gates as scatters, and what was found."""

        return draw_health(self, width, height, palette)


def health_analysis(view: View) -> Analysis:
    """Return the question how the units do over the run that is shown; it opens the unit of a finding."""
    keys = [
        leaving("H,shift+h"), *moving(_moved), *sideways(_other_pass), AnalysisKey("enter", _go),
    ]  # fmt: skip
    line = (("j/k", "finding"), ("[]", "pass"), ("enter", "look at the unit"), ("esc", "back"))
    return Analysis(Healthy(view, view.pass_name, {}), _compute, keys, line, "health")


def _compute(picture: Healthy) -> Work:
    trace = picture.view.trace

    def work(stopped: Callable[[], bool]) -> Iterator[Changes]:
        def told(done: int, count: int) -> None:
            if stopped():
                raise UserError("stopped")

        yield {"passes": {one.name: one for one in health([trace], progress=told)}, "working": False}

    return work


def _moved(picture: Healthy, down: int) -> Healthy:
    """Go to the finding above or below, in the order in which they are listed."""
    return picture.but(cursor=min(max(picture.cursor + down, 0), max(len(picture.findings) - 1, 0)))


def _other_pass(picture: Healthy, by: int) -> Healthy:
    return picture.but(pass_name=other_pass(picture.view, picture.pass_name, by), cursor=0)


def _go(picture: Healthy) -> Close:
    """Choose the unit of the finding."""
    found = picture.chosen
    return Close(None if found is None else ClickTarget(found.pass_name, unit=found.unit, value=found.value))


_WIDEST, _LEAST, _GAP = 46, 20, 3
_TALLEST = 18


_FORMS = 5  # of a title
_LEGENDS = (
    "upwards: share of the steps above .9; a point is one unit, a digit so many; the selected one is marked",
    "upwards: share above .9; a point is one unit, a digit so many",
)
"""What is explained below the scatters, where there is room for it."""


def draw_health(picture: Healthy, width: int, height: int, palette: Palette) -> Drawing:
    """Draw the gates of a pass side by side above the list of findings."""
    glyphs, style = palette.glyphs, palette.style
    drawing = Drawing(width, height, palette, f"H health of the units {glyphs.dot} {picture.pass_name}")
    one = picture.passes.get(picture.pass_name)
    if one is None:
        put_unanswered(drawing, picture.problem, "runs and gradients")
        return drawing
    steps = "step" if one.steps == 1 else "steps"
    drawing.note = f"{one.units} units over {one.steps} {steps}"
    if not one.gates:
        drawing.line().put(" this cell has no gates", style("faint"))
    else:
        _scatters(drawing, picture, one)
        words = glyphs.say(f" {next((one for one in _LEGENDS if len(one) < width - 1), _LEGENDS[-1])}")
        drawing.line().put(cut(words, width - 1, glyphs), style("faint"))
    drawing.line()
    _findings(drawing, picture, one)
    return drawing


def _scatters(drawing: Drawing, picture: Healthy, one: PassHealth) -> None:
    """Draw as many gates as there is room for; the one of the chosen finding is always among them."""
    width, palette = drawing.width, drawing.palette
    fitting = max((width - 2 + _GAP) // (_LEAST + _GAP), 1)
    gates = list(one.gates)
    wanted = picture.chosen.value if picture.chosen else ""
    place = next((n for n, gate in enumerate(gates) if gate.value == wanted), 0)
    first = max(min(place - fitting + 1, len(gates) - fitting), 0) if place >= fitting else 0
    shown = gates[first : first + fitting]
    span = min((width - 2 + _GAP) // len(shown) - _GAP, _WIDEST)
    rows = min(max(drawing.height // 2 - 3, 3), _TALLEST, max(span // 2, 3))
    head = drawing.line()
    forms = [[_title(gate, form) for gate in shown] for form in range(_FORMS)]
    titles = next((form for form in forms if all(len("".join(one)) <= span for one in form)), forms[-1])
    for n, gate in enumerate(shown):
        head.to(1 + n * (span + _GAP))
        called, shares = titles[n]
        head.put(called, palette.style(INK_OF_ROLE.get(gate.role or "", "other"), bold=True))
        head.put(cut(shares, max(span - len(called), 0), palette.glyphs), palette.style("soft"))
    grids = [_grid(gate, span - 2, rows) for gate in shown]
    unit = picture.view.unit_of(picture.pass_name)
    for row in range(rows):
        line = drawing.line()
        for n, gate in enumerate(shown):
            line.to(1 + n * (span + _GAP))
            label = "1" if row == 0 else "0" if row == rows - 1 else " "
            line.put(f"{label}{palette.glyphs.tick}", palette.style("faint"))
            _points(line, grids[n], _spot(gate, unit, span - 2, rows), row, rows, span - 2, gate, palette)
    foot = drawing.line()
    for n in range(len(shown)):
        start = 1 + n * (span + _GAP)
        foot.to(start).put(" 0", palette.style("faint"))
        words = fit(palette.glyphs.say(f" {'share below .1':^{max(span - 4, 0)}}"), span - 3, palette.glyphs)
        foot.put(words, palette.style("soft"))
        foot.put("1", palette.style("faint"))


def _title(gate: GateHealth, form: int) -> tuple[str, str]:
    """Return how a gate is called and its shares, the longest form first."""
    low, high = (_share(float(np.mean(part))) for part in (gate.low, gate.high))
    named = f"{gate.value} {gate.role or ''}".rstrip()
    return (
        (named, f"  below .1 {low}  above .9 {high}"), (named, f" below .1 {low} above .9 {high}"),
        (named, f" <.1 {low} >.9 {high}"), (gate.value, f" <.1 {low} >.9 {high}"),
        (gate.value, f" <.1 {low}"),
    )[form]  # fmt: skip


def _spot(gate: GateHealth, unit: int, width: int, rows: int) -> tuple[int, int]:
    """Return the row and the column of a unit: to the right how often it is below .1, upwards how often above .9.

    Outside of the grid where that is not known.
    """
    unit = min(unit, len(gate.low) - 1)
    if not np.isfinite([gate.low[unit], gate.high[unit]]).all():
        return -1, -1
    return rows - 1 - round(float(gate.high[unit]) * (rows - 1)), round(float(gate.low[unit]) * (width - 1))


def _share(part: float) -> str:
    """Return a share of the steps as text; that of a gate which is NaN at one of them is not known."""
    return "?" if np.isnan(part) else percent(part)


def _grid(gate: GateHealth, width: int, rows: int) -> Counter[tuple[int, int]]:
    return Counter(_spot(gate, unit, width, rows) for unit in range(len(gate.low)))


def _points(
    line: Line,
    grid: Counter[tuple[int, int]],
    chosen: tuple[int, int],
    row: int,
    rows: int,
    width: int,
    gate: GateHealth,
    palette: Palette,
) -> None:
    """Write one line of a scatter: how many units lie in each cell, and the line beyond which none can."""
    ink = INK_OF_ROLE.get(gate.role or "", "other")
    edge = round((row / max(rows - 1, 1)) * (width - 1))
    for column in range(width):
        count = grid[row, column]
        if count:
            text = palette.glyphs.changed if count == 1 else str(count) if count < 10 else "#"
            here = (row, column) == chosen
            line.put(text, palette.style("ground", "focus", bold=True) if here else palette.style(ink, bold=True))
        else:
            line.put(palette.glyphs.dot if column == edge else " ", palette.style("faint"))


def _findings(drawing: Drawing, picture: Healthy, one: PassHealth) -> None:
    palette, glyphs, width = drawing.palette, drawing.palette.glyphs, drawing.width
    rows = list(health_lines(picture.view.trace[picture.pass_name], one, names=picture.view.frame.names))
    for told in rows:
        if told.kind is None:
            ink = "title" if told.known else "soft"
            drawing.line().put(" " + cut(told.words, width - 2, glyphs), palette.style(ink))
    rows = [told for told in rows if told.kind is not None]
    cursor = next((n for n, line in enumerate(rows) if line.number == picture.cursor), 0)
    room = drawing.room
    first = first_row(cursor, len(rows), room) if cursor >= room else 0
    for told in rows[first : first + room]:
        if told.number is None:
            assert told.kind is not None
            line = drawing.line().put(f" {flag_sign(told.kind, glyphs)} ", palette.style("alarm", bold=True))
            line.put(cut(glyphs.say(told.words), width - 4, glyphs), palette.style("accent"))
            continue
        ground = "row" if told.number == picture.cursor else "ground"
        line = drawing.line().put(glyphs.cursor if ground == "row" else " ", palette.style("focus", ground, bold=True))
        line.put(f"   unit {glyphs.say(told.label)}  ", palette.style("ink", ground, bold=ground == "row"))
        line.put(cut(glyphs.say(told.words), width - line.x - 1, glyphs), palette.style("ink", ground))
        drawing.hit(0, width, ClickTarget(pass_name=picture.pass_name, unit=told.unit, t=told.number))
