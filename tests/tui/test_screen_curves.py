"""Curves read back: dot by dot against the values they were drawn of, in every cell, size and set of signs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from driven_screen import network, sequences
from hypothesis import given
from hypothesis import strategies as st
from made_networks import EVERY_CELL, called, make_input, make_network
from registries import sampled
from rich.style import Style

from lstm_tui.debugger.commands.dispatch import answer
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.tui.canvas.canvas import Drawing, Line, plain, signed
from lstm_tui.tui.canvas.palette import ASCII, DARK, UNICODE, palette_of
from lstm_tui.tui.canvas.raster import Raster, dots_in
from lstm_tui.tui.panes.pane import NOT_COMPUTED
from lstm_tui.tui.view import View
from lstm_tui.tui.views.curves import CurvesPicture, curves_analysis, draw_curves, squash_of

COLOURS = {name: value for name, value in DARK.variables.items() if name.startswith("lt-")}
DRAWN, PLAIN = palette_of(COLOURS, UNICODE, False), palette_of(COLOURS, ASCII, True)
SIZES = ((158, 42), (118, 33), (78, 21), (40, 10))


def read(lines: list[str]) -> set[tuple[int, int]]:
    """Return every dot of some rows of cells."""
    return {
        (2 * x + dx, 4 * y + dy)
        for y, line in enumerate(lines) for x, sign in enumerate(line) for dx, dy in dots_in(sign)
    }  # fmt: skip


@given(st.lists(st.floats(-2, 2) | st.just(math.nan), min_size=1, max_size=12), st.integers(2, 9))
def test_a_curve_goes_through_every_value_and_nowhere_else(values: list[float], height: int) -> None:
    raster = Raster(30, height, True)
    places = [4 * n + 3 for n in range(len(values))]
    raster.curve(places, np.array(values), (-2.0, 2.0), Style())
    lines = []
    for row in range(height):
        line = Line(30, Style())
        raster.put(line, row, Style())
        lines.append(line.plain)
    dots, last = read(lines), 4 * height - 1
    for x, value in zip(places, values, strict=True):
        rows = [y for at, y in dots if at == x]
        if math.isnan(value):
            assert not rows
        else:
            assert any(abs(2.0 - 4.0 * row / last - value) <= 2.0 / last + 1e-9 for row in rows)
            beside = [row for row in rows if not any(abs(row - other) == 1 for other in rows)]
            assert len(beside) <= 1, "what is steep goes up without a gap"
    known = [x for x, value in zip(places, values, strict=True) if not math.isnan(value)]
    assert all(known[0] <= x <= known[-1] for x, _ in dots)
    for one, two in zip(range(len(values)), range(1, len(values)), strict=False):
        between = [x for x, _ in dots if places[one] < x < places[two]]
        joined = not (math.isnan(values[one]) or math.isnan(values[two]))
        assert set(between) == (set(range(places[one] + 1, places[two])) if joined else set())


def fields(drawing: Drawing) -> dict[str, list[str]]:
    """Return the rows of each field by the letter of its heading."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in drawing.lines[:-2]:
        text = line.plain
        if text[6:7] == UNICODE.edge:
            found[name].append(text[7:])
        elif text[1:2].strip():
            name = text[1:].split()[0].removeprefix(UNICODE.cursor)
            found[name] = []
    return found


def check_fields(drawing: Drawing, picture: CurvesPicture, series: dict[str, Array]) -> None:
    places = {target.t: (first + behind) for y, first, behind, target in drawing.hits if y == len(drawing.lines) - 2}
    drawn = fields(drawing)
    assert drawn
    for column in picture.columns:
        if column.letter not in drawn or not drawn[column.letter]:
            continue
        rows = [line[: max(behind for _, _, behind, _ in drawing.hits)] for line in drawn[column.letter]]
        dots, last = read(rows), 4 * len(rows) - 1
        low, high = (0.0, 1.0) if column.gate else (-column.half, column.half)
        for t, middle in places.items():
            assert t is not None
            for unit in picture.units:
                x = middle - 2 * 7
                part = (float(series[column.name][t, unit]) - low) / (high - low)
                near = [y for at, y in dots if abs(at - x) <= 1]
                assert any(abs(1 - y / last - min(max(part, 0.0), 1.0)) <= 1.0 / last + 1e-9 for y in near), (column, t)


def check_heading(drawing: Drawing, picture: CurvesPicture) -> None:
    """Check that the number of each unit at the token under the cursor stands in the heading of its value."""
    heads = {line.plain[1:].split()[0]: line.plain for line in drawing.lines if line.plain[1:2].strip()}
    for column in picture.columns:
        if column.letter in heads and column.name not in picture.features:
            write = plain if column.gate else signed
            for unit in picture.units:
                number = float(picture.view.passed[column.name][picture.t, unit])
                assert f" {write(number, DRAWN.glyphs, places=None)}" in heads[column.letter]


@pytest.mark.parametrize("name", sampled(EVERY_CELL, 2), ids=called)
def test_the_curves_of_every_cell_are_its_values(name: str) -> None:
    made = make_network(name)
    session = Session.open(Source(made, [Sequence("numbers", tuple("abcd"), x=make_input(made, 4))]))
    session.goto(2)
    view = View(session.frame, Facts(session.frame.trace))
    first = curves_analysis(view).first
    assert isinstance(first, CurvesPicture)
    for width, height in SIZES:
        picture = first
        for _ in range(len(picture.columns)):
            drawing = draw_curves(picture, width, height, DRAWN)
            assert len(drawing.lines) <= height
            assert all(line.x <= width for line in drawing.lines)
            if all(view.passed[column.name].shape[1] > picture.units[0] for column in picture.columns):
                check_heading(drawing, picture)
                check_fields(drawing, picture, dict(view.passed.items()))
            assert draw_curves(picture, width, height, PLAIN).text().isascii()
            picture = picture.but(value=picture.value + 1) if picture.value + 1 < len(picture.columns) else picture


def test_a_direction_with_a_name_has_a_curve_of_its_own_beside_its_baseline() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    units = session.frame.passed["c"].shape[1]
    weights = np.linspace(-1.0, 2.0, units)
    answer(session, f"feature way = layer0.forward.c · [{', '.join(map(repr, map(float, weights)))}] + 0.1")
    answer(session, "set way @ 2 = 1")
    view = View(session.frame, Facts(session.frame.trace), units={"layer0.forward": units - 1})
    picture = curves_analysis(view).first
    assert isinstance(picture, CurvesPicture)
    assert picture.columns[-1].letter == "way"
    number = len(picture.columns) - 1
    assert session.frame.difference is not None
    edited, before = session.frame.trace["layer0.forward"], session.frame.difference.before["layer0.forward"]
    for width, height in SIZES:
        drawing = draw_curves(picture.but(value=number), width, height, DRAWN)
        for passed in (edited, before):
            numbers = np.asarray(passed["c"], np.float64) @ weights + 0.1
            every = np.repeat(numbers[:, None], units, axis=1)  # it has one number, whichever unit is chosen
            check_fields(drawing, picture.but(value=number), {**dict(passed.items()), "way": every})
    assert "was " in draw_curves(picture.but(value=number, t=2), 158, 42, DRAWN).text()


def test_where_not_all_curves_fit_it_says_which_are_there() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    picture = curves_analysis(View(session.frame, Facts(session.frame.trace))).first
    assert isinstance(picture, CurvesPicture)
    letters = [column.letter for column in picture.columns]
    assert letters[0] == "C"  # the memory is seen at every size
    for width, height in SIZES:
        for value in range(len(letters)):
            drawing = draw_curves(picture.but(value=value), width, height, DRAWN)
            seen = list(fields(drawing))
            first = letters.index(seen[0])
            assert letters[first : first + len(seen)] == seen
            part = f"values {first + 1}–{first + len(seen)} of {len(letters)}"
            assert (part in drawing.note) == (seen != letters)
            assert not drawing.shorter or drawing.shorter[-1] == part


def test_the_baseline_stands_beside_what_was_edited() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    plain = Facts(session.frame.trace)
    session.edit(parse_edit("set layer0.forward.f[3] @ 2 = 0"))
    session.goto(2)
    view = View(session.frame, Facts(session.frame.trace, plain), units={"layer0.forward": 3})
    picture = curves_analysis(view).first
    assert isinstance(picture, CurvesPicture)
    edited, alone = (draw_curves(one, 158, 42, DRAWN) for one in (picture, picture.but(alone=True)))
    check_fields(edited, picture, dict(session.frame.trace["layer0.forward"].items()))
    assert session.frame.difference is not None
    check_fields(edited, picture, dict(session.frame.difference.before["layer0.forward"].items()))
    assert "  was 1" in edited.text() or "  was ." in edited.text()
    assert "  was 1" not in alone.text()
    assert "  was ." not in alone.text()


def test_the_point_on_the_function_is_where_the_sum_stands() -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    session.goto(2)
    view = View(session.frame, Facts(session.frame.trace))
    picture = curves_analysis(view).first
    assert isinstance(picture, CurvesPicture)
    told = []
    for n, column in enumerate(picture.columns):
        found = squash_of(picture.but(value=n))
        if found is None:
            continue
        told.append(column.name)
        wanted = 1 / (1 + math.exp(-found.put_in)) if found.op.name == "sigmoid" else math.tanh(found.put_in)
        assert found.comes_out == pytest.approx(wanted, rel=1e-5)
        drawing = draw_curves(picture.but(value=n), 158, 42, DRAWN)
        row, line = next((y, line.plain) for y, line in enumerate(drawing.lines) if UNICODE.stop in line.plain)
        x = line.index(UNICODE.stop) - (158 - 30) - 3
        axis = next(
            one.plain[158 - 30 :] for one in drawing.lines if "+" in one.plain[158 - 8 :] and "(" not in one.plain
        )
        end = float(axis.rpartition("+")[2])
        assert axis.split() == [f"−{end:g}", "0", f"+{end:g}"]
        assert len(f"{end:g}".replace(".", "").strip("0")) <= 2, "a round number"
        assert abs(found.put_in) < end
        assert ("= +" in drawing.lines[0].plain) == (found.op.name == "tanh" and found.comes_out > 0)
        assert abs((2 * x + 1) / 53 * 2 * end - end - found.put_in) <= 1.5 * end / 26
        low = 0.0 if found.op.name == "sigmoid" else -1.0
        assert abs(low + (1 - low) * (1 - (row - 2 + 0.5) / 12) - found.comes_out) <= (1 - low) / 12
    assert told == ["f", "i", "g", "o", "h"]


def test_what_is_not_computed_yet_is_said_and_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session.open(Source(network("lstm", both=False), sequences()))
    view = View(session.frame, Facts(session.frame.trace))
    picture = curves_analysis(view).first
    assert isinstance(picture, CurvesPicture)
    monkeypatch.setattr(Trace, "is_ready", lambda *of: False)
    text = draw_curves(picture, 158, 42, DRAWN).text()
    assert text.count(NOT_COMPUTED) == len(picture.columns)
    assert "NaN" not in text
    assert squash_of(picture) is None


def test_keys_go_by_one_and_back_through_every_unit_token_and_value() -> None:
    session = Session.open(Source(network(), sequences(), interpreter="numpy"))
    view = View(session.frame, Facts(session.frame.trace))
    analysis = curves_analysis(view)
    acts = {key: one.act for one in analysis.keys for key in one.keys.split(",")}

    def pressed(keys: str, picture: object = analysis.first) -> CurvesPicture:
        for key in keys:
            picture = acts[key](picture)
        assert isinstance(picture, CurvesPicture)
        return picture

    order = [int(unit) for unit in view.ranking(view.pass_name)]
    seen, picture = [], pressed("")
    for _ in order:
        seen.append(picture.units[0])
        picture = pressed("u", picture)
    start = order.index(seen[0])
    assert seen == order[start:] + order[:start], "in the order of the table, from its end to its beginning"
    assert picture.units == pressed("").units == pressed("uU").units
    assert (pressed("nhn").t, pressed("j").value) == (pressed("").t + 1, pressed("").value + 1)
    assert pressed("jk").value == pressed("").value
