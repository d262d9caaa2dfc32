"""The axis of every drawing, over every float: its end is finite and above 0, and no value lies off it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from edited_networks import sentence
from hypothesis import given
from hypothesis import strategies as st
from made_networks import EVERY_CELL, called, make_input, make_network

from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.scale import (
    axis_words,
    is_beyond,
    largest_of,
    level_of,
    nice_scale,
    part_of,
    parts_of_axis,
    range_scale,
    scale_of,
)
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.tui.canvas.canvas import Line
from lstm_tui.tui.canvas.charts import (
    put_bar,
    put_ghost_bar,
    put_ghost_signed_bar,
    put_heat,
    put_signed_bar,
    put_span,
    shade_of,
)
from lstm_tui.tui.canvas.palette import ASCII, INKS, SHADES, UNICODE, Palette
from lstm_tui.tui.views.reach import part_of_bar

ANY = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 5e-324, 1e-300, 1.7976931348623157e308, math.nan, math.inf]))
COLOURS = {name: (0, n, 0) for n, name in enumerate(INKS)}


@given(ANY, st.floats(1e-12, 1e6))
def test_the_end_of_an_axis_is_a_round_number_that_holds_what_is_finite(largest: float, least: float) -> None:
    end = nice_scale(largest, least)
    assert math.isfinite(end)
    assert end >= least
    if math.isfinite(largest):
        assert largest <= end * (1 + 1e-9)
        assert end == least or end <= largest * 1.61 or end > 1e308


@given(st.lists(ANY, max_size=8))
def test_the_axis_of_values_holds_the_finite_ones(values: list[float]) -> None:
    finite = [abs(value) for value in values if math.isfinite(value)]
    assert largest_of(np.array(values)) == max(finite, default=0)
    assert math.isfinite(scale_of(np.array(values)))


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_the_axis_of_a_range_holds_it(one: float, other: float) -> None:
    low, high = sorted((one, other))
    end, from_zero = range_scale(low, high)
    assert 0 < end < math.inf
    assert max(abs(low), abs(high)) <= end * (1 + 1e-9)
    assert from_zero == (low >= 0)


@given(ANY, ANY)
def test_a_place_is_finite_clipped_and_on_the_side_of_its_value(value: float, full: float) -> None:
    part = part_of(value, full)
    assert -1 <= part <= 1
    assert part * (value if value == value else 0) >= 0
    assert math.isinf(value) <= (abs(part) == 1)
    assert parts_of_axis(np.array([value]), full)[0] == pytest.approx(part, abs=1e-12)
    assert is_beyond(value, full) or abs(value) <= (full if 0 < full < math.inf else 1) * (1 + 1e-5)
    assert not is_beyond(0.0, full)


@given(ANY, ANY)
def test_a_level_is_one_of_nine_and_only_nothing_is_empty(value: float, full: float) -> None:
    level = level_of(value, full)
    assert (level is None) == math.isnan(value)
    assert level is None or (0 <= level <= 8 and (level == 0) == (value == 0))


@given(ANY, ANY, ANY)
def test_a_larger_value_is_never_drawn_before_a_smaller_one(one: float, other: float, full: float) -> None:
    if one <= other:
        assert part_of(one, full) <= part_of(other, full)
        assert part_of_bar(abs(min(one, other, key=abs))) <= part_of_bar(abs(max(one, other, key=abs)))


@given(ANY, ANY, ANY, st.integers(2, 30), st.booleans(), st.booleans(), st.booleans())
def test_every_bar_is_as_wide_as_was_asked_and_names_what_is_not_finite(
    value: float, before: float, full: float, width: int, smooth: bool, few: bool, faded: bool
) -> None:
    glyphs = UNICODE if smooth else ASCII
    palette, width = Palette(COLOURS, glyphs, few), width // 2 * 2
    lines = [Line(width + 9, palette.style()) for _ in range(5)]
    put_bar(lines[0], value, width, "keep", palette, faded, full)
    put_signed_bar(lines[1], value, width, palette, full, faded)
    put_ghost_bar(lines[2], value, before, width, "keep", palette, faded, full)
    put_ghost_signed_bar(lines[3], value, before, width, palette, full, faded)
    put_span(lines[4], 0.0, value, width, full, "keep", palette, before, before)
    for line in lines:
        assert line.x == width
        text = "".join(part for part, _ in line.parts())[:width]
        if math.isnan(value):
            assert text.strip() == glyphs.nan
        elif math.isinf(value):
            assert width < 8 or glyphs.infinity[:1] in text or glyphs.left[0] in text
        else:
            assert "∞" not in text


@given(ANY, ANY, st.integers(1, 12), st.booleans(), st.booleans(), st.booleans())
def test_every_cell_of_a_heat_map_is_as_wide_as_was_asked(
    value: float, full: float, width: int, smooth: bool, few: bool, marked: bool
) -> None:
    glyphs = UNICODE if smooth else ASCII
    palette = Palette(COLOURS, glyphs, few)
    line = Line(20, palette.style())
    shade = int(shade_of(np.array([value]), full)[0])
    assert -1 <= shade < SHADES
    assert (shade < 0) == math.isnan(value)
    put_heat(line, value, shade, width, full, palette, marked=marked)
    assert line.x == width
    text = "".join(part for part, _ in line.parts())[:width]
    assert (glyphs.nan in text) == math.isnan(value)


@pytest.mark.parametrize(
    ("number", "end", "words"), [("0", 1, "0 to 1"), ("20", 20, "0 to 20"), ("1 - 1", 1, "0 to 1"), ("-3", 3, "±3")]
)
def test_a_value_that_became_constant_has_an_axis_that_says_how_far_it_goes(
    number: str, end: float, words: str
) -> None:
    spec = {"name": "n", "tokens": {"kind": "words", "vocabulary": ["<unk>", "the"]}, "embedding_size": 3,
            "layers": [{"cell": "lstm", "hidden_size": 2}]}  # fmt: skip
    network = build_network(spec)
    session = Session(run(network, sentence(network, "the the")))
    session.edit(parse_edit(f"let f = {number}"))
    facts = Facts(session.frame.trace, Facts(session.baseline))
    column = next(one for one in facts.columns("layer0.forward") if one.name == "f")
    assert (column.half, axis_words(column.half, not column.gate)) == (end, words)
    shown = "".join(column.headings[0])
    assert end == 1 or (f"0–{end:g}" in shown or f"±{end:g}" in shown)
    if column.word:
        assert facts.signal_full("layer0.forward", f"mean {column.label} f") == end


@pytest.mark.parametrize("name", EVERY_CELL, ids=called)
def test_the_memory_and_the_output_are_the_last_columns(name: str) -> None:
    network = make_network(name)
    trace = run(network, Sequence("numbers", tuple("abc"), x=make_input(network, 3)))
    facts = Facts(trace)
    for passed in trace.values():
        units = passed[facts.memory(passed.name)].shape[1]
        drawn = [one for one in passed.cell.values if one in passed and passed[one].shape[1:] == (units,)]
        last = [one for one in (facts.memory(passed.name), passed.cell.output) if one in drawn]
        order = [one for one in drawn if one not in last] + list(dict.fromkeys(last))
        assert [one.name for one in facts.columns(passed.name)] == order
