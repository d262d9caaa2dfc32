"""Values of some units over the tape as curves, beside those of the baseline; and the function under a gate as a curve.

Below the values of a pass stand its directions with names, which have one number at each token. Each value has a field
of its own on its own axis. At the right stands the squashing function of the value under the cursor, with the point at
which this sum stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from rich.style import Style

from lstm_tui.debugger.diagram.numbers import can_be_negative, standing
from lstm_tui.debugger.features import Feature
from lstm_tui.debugger.inspect.scale import nice_scale, scale_of
from lstm_tui.debugger.inspect.trace_facts import Column
from lstm_tui.debugger.position import Position, equations_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Code, Op
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.engine.runtime.windowed_series import rows_of
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, fit, plain, signed, window
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.canvas.raster import Raster
from lstm_tui.tui.panes.pane import NOT_COMPUTED
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import (
    Analysis,
    AnalysisKey,
    Close,
    leaving,
    moving,
    other_pass,
    sideways,
)

_AXIS = 7
"""Cells of what stands left of a field: the end of its axis."""
_WIDEST = 12
"""Cells of a token at most."""
_LEAST = 5
"""Rows of a field at least, with its heading."""
_FUNCTION = 30
"""Cells of the function at the right, on a screen of at least three times as many."""
_LEAST_END = 6.0
"""The end of the axis of that function, at least: beyond it a squashing function is flat."""
_NO_CURVE = (Code.COPY, Code.NEG, Code.EVERY)
_MOST_UNITS = 3
_SCALED, _LEAST_SCALE = 20_000, 1e-6
"""Tokens over which the axis of a direction is found, and where it ends at least."""
_UNIT_INKS = ("title", "positive", "negative")


class Squash(NamedTuple):
    """A function that a value comes out of.

    Attributes:
        op: Which function.
        put_in: The sum that is put in.
        comes_out: What comes out.
        text: What is put in, as an expression.
    """

    op: Op
    put_in: float
    comes_out: float
    text: str


@dataclass(frozen=True, eq=False)
class CurvesPicture:
    """What is shown.

    Attributes:
        view: The position at which it was asked.
        pass_name: The pass that is looked at.
        units: The units whose curves are drawn, the first one that at which numbers are told.
        value: Number of the value under the cursor.
        t: The token under the cursor.
        alone: Whether the baseline is left out.
    """

    view: View
    pass_name: str
    units: tuple[int, ...]
    value: int = 0
    t: int = 0
    alone: bool = False
    working: bool = False
    awaited: bool = False
    problem: str = ""

    def but(self, **changes: Any) -> CurvesPicture:
        """Return it with some things changed; a token that is clicked is the one under the cursor."""
        if "cursor" in changes:
            changes["t"] = changes.pop("cursor")
        return replace(self, **changes)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The values of the pass, its memory first, then as the table has them; then directions of them."""
        memory, columns = self.view.facts.memory(self.pass_name), self.view.facts.columns(self.pass_name)
        ordered = sorted(columns, key=lambda column: column.name != memory)
        return (*ordered, *map(self._column_of, self.features.values()))

    @property
    def features(self) -> dict[str, Feature]:
        """The directions of values of this pass, by their names."""
        passed, known = self.view.trace[self.pass_name], self.view.frame.names.features
        return {
            name: one for name, one in known.items()
            if one.pass_name == self.pass_name and one.value in passed
            and passed[one.value].shape[1] == len(one.weights)
        }  # fmt: skip

    def _column_of(self, feature: Feature) -> Column:
        numbers = self.numbers(self.view.trace[self.pass_name], feature.name, 0, min(self.view.facts.length, _SCALED))
        half = scale_of(numbers[:, 0], least=_LEAST_SCALE)
        return Column(feature.name, feature.name, f"along {feature.value}", "", "plain", False, half)

    def numbers(self, passed: PassTrace, name: str, first: int, behind: int) -> Array:
        """Return a value, or what a direction is, of some tokens of a run, (S, n): of a direction n is 1."""
        feature = self.features.get(name)
        rows = rows_of(passed[name if feature is None else feature.value], first, behind)
        return rows if feature is None else feature.of(rows)

    def draw(self, width: int, height: int, palette: Palette) -> Drawing:
        """Draw the curves."""
        return draw_curves(self, width, height, palette)


def curves_analysis(view: View) -> Analysis:
    """Return the question how values go over the tape; it opens the token under the cursor."""
    first = CurvesPicture(view, view.pass_name, (view.unit,), 0, view.t)
    value = next((n for n, column in enumerate(first.columns) if column.name == view.value), 0)
    keys = [
        leaving("V,shift+v"), *moving(_other_value), *sideways(_other_pass),
        AnalysisKey("l,n", lambda one: _other_token(one, 1)),
        AnalysisKey("h,N,shift+n", lambda one: _other_token(one, -1)),
        AnalysisKey("u", lambda one: _other_unit(one, 1)), AnalysisKey("U,shift+u", lambda one: _other_unit(one, -1)),
        AnalysisKey("a", _more_units), AnalysisKey("d", lambda one: one.but(alone=not one.alone)),
        AnalysisKey("enter", lambda one: Close(ClickTarget(t=one.t))),
    ]  # fmt: skip
    line = (
        ("j/k", "value"), ("h/l", "token"), ("u/U", "unit"), ("a", "more units"), ("[]", "pass"),
        ("d", "baseline"), ("enter", "go"), ("esc", "back"),
    )  # fmt: skip
    return Analysis(first.but(value=value), lambda picture: None, keys, line, "curves")


def _other_value(picture: CurvesPicture, down: int) -> CurvesPicture:
    return picture.but(value=min(max(picture.value + down, 0), len(picture.columns) - 1))


def _other_token(picture: CurvesPicture, by: int) -> CurvesPicture:
    return picture.but(t=min(max(picture.t + by, 0), picture.view.facts.length - 1))


def _other_pass(picture: CurvesPicture, by: int) -> CurvesPicture:
    name = other_pass(picture.view, picture.pass_name, by)
    return picture.but(pass_name=name, units=(picture.view.unit_of(name),), value=0)


def _other_unit(picture: CurvesPicture, by: int) -> CurvesPicture:
    ranking = [int(unit) for unit in picture.view.ranking(picture.pass_name)]
    place = (ranking.index(picture.units[0]) + by) % len(ranking)
    return picture.but(units=_from(ranking, place, len(picture.units)))


def _more_units(picture: CurvesPicture) -> CurvesPicture:
    """Draw one more unit, the next of the order; after three only one again."""
    ranking = [int(unit) for unit in picture.view.ranking(picture.pass_name)]
    count = len(picture.units) % min(_MOST_UNITS, len(ranking)) + 1
    return picture.but(units=_from(ranking, ranking.index(picture.units[0]), count))


def _from(ranking: Sequence[int], place: int, count: int) -> tuple[int, ...]:
    return tuple(ranking[(place + n) % len(ranking)] for n in range(count))


# --- drawing ---


@dataclass(frozen=True)
class _Field:
    """Which tokens a field shows, and where.

    Attributes:
        first: The first token.
        behind: The token behind the last.
        cell: Cells of a token.
    """

    first: int
    behind: int
    cell: int

    def dots(self, across: int) -> list[int]:
        """Return the column of dots of each token: the middle of its cells."""
        return [(2 * n + 1) * self.cell * across // 2 for n in range(self.behind - self.first)]


def draw_curves(picture: CurvesPicture, width: int, height: int, palette: Palette) -> Drawing:
    """Draw a field for each value that fits, the tokens below, and the function of the value under the cursor."""
    view, columns = picture.view, picture.columns
    drawing = Drawing(width, height, palette, f"curves of {picture.pass_name}")
    drawing.note = _unit_words(picture)
    side = _FUNCTION if width >= 3 * _FUNCTION else 0
    room = width - _AXIS - side - 1
    count = view.facts.length
    cell = min(max(room // count, 1), _WIDEST)
    first, behind = window(picture.t, count, room // cell)
    field = _Field(first, behind, cell)
    rows = height - 2
    shown = min(len(columns), max(rows // _LEAST, 1))
    start = min(max(picture.value - shown // 2, 0), len(columns) - shown)
    if shown < len(columns):
        part = f"values {start + 1}–{start + shown} of {len(columns)}"
        drawing.note, drawing.shorter = f"{drawing.note}   {part}", (part,)
    high = max(rows // shown, 1)
    function = _function(picture, side, rows, palette) if side else []
    for n in range(start, start + shown):
        extra = rows - high * shown if n == picture.value else 0
        _draw_field(drawing, picture, columns[n], field, high + extra, n == picture.value)
    while len(drawing.lines) < rows:
        drawing.line()
    for line, beside in zip(drawing.lines, function, strict=False):
        line.to(width - side)
        for text, style in beside:
            line.put(text, style)
    _draw_tokens(drawing, picture, field)
    return drawing


def _unit_words(picture: CurvesPicture) -> str:
    labels = [picture.view.frame.names.label(picture.pass_name, unit) for unit in picture.units]
    return f"unit{'s' * (len(labels) > 1)} {', '.join(labels)}"


def _draw_field(
    drawing: Drawing, picture: CurvesPicture, column: Column, field: _Field, high: int, under: bool
) -> None:
    """Draw the curves of one value below its heading: its name and its numbers at the token under the cursor."""
    palette, glyphs = drawing.palette, drawing.palette.glyphs
    series = picture.numbers(picture.view.trace[picture.pass_name], column.name, field.first, field.behind)
    low, top = (0.0, 1.0) if column.gate else (-column.half, column.half)
    heading = drawing.line().put(glyphs.cursor if under else " ", palette.style("focus", bold=True))
    ink = "title" if column.ink == "plain" else column.ink
    heading.put(f"{column.letter} ", palette.style(ink, bold=True))
    heading.put(f"{glyphs.say(column.label)} ", palette.style("title" if under else "soft", bold=under))
    units = [unit for unit in picture.units if unit < series.shape[1]]
    units = [0] if column.name in picture.features else units
    write = plain if column.gate else signed
    ready = picture.view.trace.is_ready(picture.pass_name, picture.t)
    if not ready:
        heading.put(f" {NOT_COMPUTED}", palette.style("soft"))
    for n, unit in enumerate(units if ready else ()):
        number = write(float(series[picture.t - field.first, unit]), glyphs, places=None)
        heading.put(f" {number}", _style(palette, n, ink))
    before = _before(picture, column.name, field)
    if before is not None and units:
        was = write(float(before[picture.t - field.first, units[0]]), glyphs, places=None)
        heading.put(f"  was {was}", palette.style("soft"))
    raster = Raster(field.cell * (field.behind - field.first), high - 1, glyphs.smooth)
    dots = field.dots(raster.across)
    if high > 1:
        if before is not None:
            for unit in units:
                raster.curve(dots, before[:, unit], (low, top), palette.style("soft"), dotted=True)
        for n, unit in reversed(list(enumerate(units))):
            raster.curve(dots, series[:, unit], (low, top), _style(palette, n, ink))
    here = (picture.t - field.first) * field.cell + field.cell // 2
    for row in range(high - 1):
        end = axis_end(top) if row == 0 else "0" if column.gate and row == high - 2 else ""
        end = f"{glyphs.minus}{axis_end(top)}" if not end and row == high - 2 else end
        line = drawing.line().put(f"{fit(end, _AXIS - 1, glyphs, right=True)}{glyphs.edge}", palette.style("faint"))
        start = line.x
        raster.put(line, row, palette.style(), here, palette.style("faint", "row"))
        for n in range(field.behind - field.first):
            drawing.hit(start + n * field.cell, start + (n + 1) * field.cell, ClickTarget(t=field.first + n))


def _style(palette: Palette, n: int, ink: str) -> Style:
    return palette.style(ink if n == 0 else _UNIT_INKS[n], bold=n == 0)


def _before(picture: CurvesPicture, value: str, field: _Field) -> Any:
    """Return a value of the baseline on the edited tape, NaN where a token is new; None where nothing was edited."""
    difference = None if picture.alone else picture.view.baseline
    if difference is None or picture.pass_name not in difference.before:
        return None
    passed = difference.before[picture.pass_name]
    feature = picture.features.get(value)
    if (value if feature is None else feature.value) not in passed:
        return None
    series = picture.numbers(passed, value, 0, passed.steps)
    result = np.full((field.behind - field.first, series.shape[1]), np.nan)
    for n, origin in enumerate(difference.origins[field.first : field.behind]):
        if origin is not None:
            result[n] = series[origin]
    return result


def _draw_tokens(drawing: Drawing, picture: CurvesPicture, field: _Field) -> None:
    """Write the tokens below the fields, as far as they fit, and the one under the cursor in full."""
    palette, glyphs, view = drawing.palette, drawing.palette.glyphs, picture.view
    line = drawing.line()
    line.to(_AXIS)
    for t in range(field.first, field.behind):
        here = t == picture.t
        text = fit(view.short_label(t, palette), field.cell - 1, glyphs) + " " if field.cell > 2 else ""
        start = line.x
        line.put(text.ljust(field.cell), palette.style("title" if here else "soft", "row" if here else "ground", here))
        drawing.hit(start, line.x, ClickTarget(t=t))
    line = drawing.line().put(f" t={picture.t} ", palette.style("soft"))
    line.put(view.label(picture.t, palette), palette.style("title", bold=True))
    if field.behind - field.first < view.facts.length:
        line.put(f"   tokens {field.first}–{field.behind - 1} of {view.facts.length}", palette.style("soft"))


# --- the function under a value ---


def squash_of(picture: CurvesPicture) -> Squash | None:
    """Return the function that the value under the cursor comes out of, with what is put in; None where none is."""
    view, name = picture.view, picture.columns[picture.value].name
    frame = view.frame
    passed = view.trace[picture.pass_name]
    last = len(equations_of(passed)) - 1
    frame = replace(frame, position=Position(picture.pass_name, picture.t, last))
    step = standing(frame, picture.units[0])
    if step is None or name not in passed.cell.values:
        return None
    number = passed.cell.values.index(name)
    for mark in step.flow.of_kind("circle"):
        op = step.program.instructions[mark.ops[0]].op
        sources = step.flow.sources(mark.key)
        if mark.equation != number or op.arity != 1 or len(sources) != 1 or op.code in _NO_CURVE:
            continue
        put_in, comes_out = step.numbers[sources[0]], step.numbers[mark.key]
        if op.elementwise and put_in is not None and comes_out is not None:
            return Squash(op, put_in, comes_out, mark.text)
    return None


def _function(picture: CurvesPicture, width: int, rows: int, palette: Palette) -> list[list[tuple[str, Style]]]:
    """Draw the function at the right: its curve, and the point where this sum stands."""
    glyphs = palette.glyphs
    found = squash_of(picture)
    if found is None or rows < 8:
        return []
    sign = glyphs.sigma if found.op.code == Code.SIGMOID else found.op.name
    write = signed if can_be_negative(found.op) else plain
    number, comes = signed(found.put_in, glyphs, places=None), write(found.comes_out, glyphs, places=None)
    high = min(rows - 4, 12)
    raster = Raster(width - 3, high, glyphs.smooth)
    end = nice_scale(min(abs(found.put_in) * 1.1, 1e6), _LEAST_END)
    places = list(range(raster.width * raster.across))
    middle = (len(places) - 1) / 2
    inputs = np.array([(x - middle) / middle * end for x in places])
    with np.errstate(all="ignore"):
        outputs = np.asarray(found.op.forward(inputs), dtype=np.float64)
    finite = outputs[np.isfinite(outputs)]
    low, top = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    low, top = min(round(low), low, 0.0), max(round(top), top, low + 1.0)
    raster.curve(places, outputs, (low, top), palette.style("soft"))
    soft, strong = palette.style("soft"), palette.style("key", bold=True)
    lines = [
        [(fit(f"  {sign}({number}) = {comes}", width, glyphs), strong)],
        [(fit(f"  of {glyphs.say(found.text)}", width, glyphs), soft)],
    ]
    at = None
    if np.isfinite(found.put_in) and np.isfinite(found.comes_out):
        x = round(middle + found.put_in / end * middle) // raster.across
        at = (x, raster.row_of(found.comes_out, low, top) // raster.down)
    for row in range(high):
        line = Drawing(width - 3, 1, palette).line()
        raster.put(line, row, palette.style())
        text = line.plain
        pieces = [("  " + glyphs.edge, palette.style("faint"))]
        if at is not None and at[1] == row:
            pieces += [(text[: at[0]], soft), (glyphs.stop, strong), (text[at[0] + 1 :], soft)]
        else:
            pieces.append((text, soft))
        lines.append(pieces)
    ends = (
        f"  {glyphs.minus}{axis_end(end)}".ljust(width // 2) + "0" + f"+{axis_end(end)}".rjust(width - width // 2 - 1)
    )
    lines.append([(fit(ends, width, glyphs), soft)])
    return lines
