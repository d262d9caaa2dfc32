"""What is drawn is read back, cell by cell, and compared with the numbers it was drawn of."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from drawn import Cell, between, cells, check_number, filled, number_in, places, says, text_of, value_of
from driven_screen import network, of_tokens, sequences
from hypothesis import given
from hypothesis import strategies as st
from present import present
from registries import sampled
from test_screen_poisoned import CELLS, run_of

from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.parameter_tables import sheets_of
from lstm_tui.debugger.inspect.trace_facts import Column, Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
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
from lstm_tui.tui.canvas.palette import ASCII, DARK, LIGHT, SHADES, UNICODE, Palette, palette_of
from lstm_tui.tui.panes.ledger import draw_ledger
from lstm_tui.tui.panes.memory import draw_heatmap
from lstm_tui.tui.panes.output import draw_output
from lstm_tui.tui.panes.tape import draw_tape
from lstm_tui.tui.panes.units import draw_units
from lstm_tui.tui.view import ORDERS, Order, View
from lstm_tui.tui.views.weights_table import Weights, draw_weights, half_of

COLOURED = tuple(palette_of(theme.variables, UNICODE, False) for theme in (DARK, LIGHT))
IN_SIGNS = palette_of(DARK.variables, ASCII, True)
EIGHTH_SIGNS = "▏▎▍▌▋▊▉█│"
SIZES = ((158, 20), (118, 14), (58, 9), (38, 6))
"""Cells inside a pane: across a wide screen, beside another, and narrow."""

ends = st.sampled_from((1.0, 0.05, 1.5, 40.0, 1e-3, 3e8))
parts = st.floats(-1, 1) | st.sampled_from((0.0, -0.0, 1.0, -1.0, 1e-9, -1e-9, 0.0625))
palettes = st.sampled_from(COLOURED)


def drawn(put: Callable[[Line], None], width: int, palette: Palette) -> list[Cell]:
    line = Line(width, palette.style())
    put(line)
    assert line.x == width, "it is as wide as it was asked to be"
    return cells(line)


# --- bars -----------------------------------------------------------------------------------------------


@given(parts.map(abs), ends, st.integers(1, 40), palettes)
def test_a_bar_is_as_long_as_its_value(part: float, full: float, width: int, palette: Palette) -> None:
    value = part * full
    some = drawn(lambda line: put_bar(line, value, width, "keep", palette, full=full), width, palette)
    keep = palette.colours["keep"]
    says(some, 0, keep, keep, value, width, full)


@given(parts, ends, st.integers(1, 20), palettes)
def test_a_bar_from_an_axis_goes_to_the_side_of_its_sign(part: float, half: float, side: int, palette: Palette) -> None:
    value = part * half
    some = drawn(lambda line: put_signed_bar(line, value, 2 * side, palette, half), 2 * side, palette)
    colours = palette.colours
    says(some, 8 * side, colours["positive"], colours["negative"], value, side, half)


@given(st.floats(), ends, st.integers(2, 20), palettes, st.booleans())
def test_what_is_no_number_or_beyond_the_end_has_a_sign_in_the_colour_of_alarm(
    value: float, half: float, side: int, palette: Palette, signed: bool
) -> None:
    beyond = math.isnan(value) or abs(value) > half * (1 + 1e-5) or (not signed and value < 0)
    if not beyond and abs(value) > half:
        return  # within rounding of the end it may be either
    put = (
        (lambda line: put_signed_bar(line, value, 2 * side, palette, half))
        if signed
        else (lambda line: put_bar(line, value, 2 * side, "keep", palette, full=half))
    )
    some = drawn(put, 2 * side, palette)
    alarmed = text_of(one for one in some if one.fore == palette.colours["alarm"] and one.sign != " ")
    if not beyond:
        assert alarmed == ""
    elif math.isnan(value):
        assert alarmed == "╳"
    elif math.isinf(value):
        assert alarmed == "∞"
    else:
        assert alarmed == ("→" if value > 0 else "←")
        at = next(n for n, one in enumerate(some) if one.sign in "→←")
        assert at == (2 * side - 1 if value > 0 else 0)


@given(parts, ends, st.integers(1, 20))
def test_without_colours_a_bar_is_right_to_half_a_cell(part: float, half: float, side: int) -> None:
    value = part * half
    some = text_of(drawn(lambda line: put_signed_bar(line, value, 2 * side, IN_SIGNS, half), 2 * side, IN_SIGNS))
    full = some.count("#")
    assert full == pytest.approx(abs(part) * side, abs=0.5 + 1 / 16 + 1e-6) or (full == 1 and value != 0)
    if full:
        there = some.index("#")
        assert (there == side) if value > 0 else (there + full == side)


@given(parts, parts, ends, st.integers(1, 20), palettes, st.booleans())
def test_a_ghost_hatches_the_cells_that_only_the_baseline_reached(
    part: float, before: float, half: float, side: int, palette: Palette, signed: bool
) -> None:
    if not signed:
        part, before = abs(part), abs(before)
    value, was, width = part * half, before * half, 2 * side
    put = (
        (lambda line: put_ghost_signed_bar(line, value, was, width, palette, half))
        if signed
        else (lambda line: put_ghost_bar(line, value, was, width, "keep", palette, full=half))
    )
    room, axis = (side, side) if signed else (width, 0)
    now, then = sorted((0.0, part * room)), sorted((0.0, before * room))
    for n, one in enumerate(drawn(put, width, palette)):
        middle = n + 0.5 - axis
        reached, had = now[0] <= middle <= now[1], then[0] <= middle <= then[1]
        if one.sign == "░":
            assert had
            assert not reached
        elif had and not reached:
            assert one.sign in EIGHTH_SIGNS, "a part of the bar itself stands where the hatching would"


@given(parts, parts, ends, st.integers(1, 20), palettes)
def test_a_span_goes_from_where_it_begins_to_where_it_ends(
    start: float, end: float, half: float, side: int, palette: Palette
) -> None:
    width, room = 2 * side, 8 * side
    some = drawn(lambda line: put_span(line, start * half, end * half, width, half, "keep", palette), width, palette)
    low, high = sorted(room + part * room for part in (start, end))
    got = filled(some, palette.colours["keep"])
    if round(low) == round(high):
        assert got[1] - got[0] <= 8, "what is small is a cell at most"
        return
    # A cell that is filled at neither end is drawn by the nearer one.
    assert got[0] == pytest.approx(low, abs=8)
    assert got[1] == pytest.approx(high, abs=8)
    whole = [n for n in range(width) if low + 0.5 < 8 * n and 8 * (n + 1) < high - 0.5]
    assert all(some[n].sign == "█" for n in whole)


# --- colours --------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=30), ends, palettes)
def test_a_colour_is_its_value_to_a_shade(values: list[float], half: float, palette: Palette) -> None:
    numbers = np.array(values) * half
    for value, shade in zip(numbers, shade_of(numbers, half), strict=True):
        line = Line(2, palette.style())
        put_heat(line, float(value), int(shade), 2, half, palette)
        some = cells(line)
        wanted = max(-1.0, min(1.0, value / half))
        assert value_of(some[0].back, palette) == pytest.approx(wanted, abs=1 / (SHADES - 1) + 0.02)


@given(st.floats(-1, 1), st.integers(5, 12), palettes)
def test_a_cell_wide_enough_holds_its_number(value: float, width: int, palette: Palette) -> None:
    shade = int(shade_of(np.array([value]), 1.0)[0])
    some = drawn(lambda line: put_heat(line, value, shade, width, 1.0, palette), width, palette)
    text = text_of(some).strip()
    if text and text != "+" and text != "−":
        said, off = number_in(text)
        assert said == pytest.approx(value, abs=off + 1e-9)


# --- panes ----------------------------------------------------------------------------------------------


@cache
def session_of(cell: str) -> Session:
    return Session(run_of(cell, "mean"))


def view_of(session: Session, t: int, beside: bool = True) -> View:
    frame = session.goto(t)
    facts = Facts(frame.trace, Facts(session.baseline) if session.frame.difference else None)
    return View(frame, facts, value=frame.passed.cell.values[0], beside=beside)


def column_of(view: View, value: str) -> Column:
    return next(one for one in view.columns(view.pass_name) if one.name == value)


@pytest.mark.parametrize("palette", sampled(COLOURED, 2), ids=("dark", "light"))
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_the_table_of_units_is_the_values_of_the_step(cell: str, size: tuple[int, int], palette: Palette) -> None:
    session = session_of(cell)
    for t in (0, 3):
        view = view_of(session, t)
        drawing = draw_units(view, view.pass_name, *size, palette, 2)
        seen = 0
        for some, _, _, _, unit, name in places(drawing):
            if unit is None or name is None:
                continue
            value, column = float(view.passed[name][view.t, unit]), column_of(view, name)
            check_number(text_of(some[-6:]).strip(), value)
            bar = some[:-6]
            if abs(value) <= column.half and bar and view.frame.reached(view.pass_name, name):
                if column.gate:
                    ink = palette.colours[column.ink]
                    says(bar, 0, ink, ink, value, len(bar), column.half)
                elif len(bar) > 1:
                    colours, side = palette.colours, len(bar) // 2
                    says(bar, 8 * side, colours["positive"], colours["negative"], value, side, column.half)
            seen += 1
        assert seen or size[1] < 2


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_veiled_map_has_the_numbers_of_what_was_read_and_no_others(size: tuple[int, int]) -> None:
    whole = view_of(session_of(CELLS[0]), 1)
    drawn, veiled = (draw_heatmap(view, *size, COLOURED[0], 5) for view in (whole, replace(whole, veiled=True)))
    seen = 0
    for (some, _, name, t, unit, _), (other, *_) in zip(places(veiled), places(drawn), strict=True):
        if t is None or unit is None or name is None:
            continue
        assert len(some) == len(other)
        if whole.has_reached(whole.pass_name, t):
            assert text_of(some).strip("▏▸ ") == text_of(other).strip("▏▸ ")
        else:
            assert text_of(some).strip() == "·"
            seen += 1
    assert seen


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_the_map_is_the_memory_of_every_unit_at_every_token(cell: str, size: tuple[int, int]) -> None:
    palette = COLOURED[0]
    view = view_of(session_of(cell), 3)
    half = view.facts.half(view.pass_name, view.memory_name)
    reached = [view.has_reached(view.pass_name, t) for t in range(view.facts.length)]
    memory = view.passed[view.memory_name]
    drawing = draw_heatmap(view, *size, palette, 5)
    seen: set[tuple[int, int]] = set()
    for some, _, name, t, unit, _ in places(drawing):
        if t is None or unit is None or name is None:
            continue
        value = float(memory[t, unit])
        ground = some[-2].back if len(some) > 2 else some[-1].back
        if reached[t] and math.isfinite(value):
            wanted = max(-1.0, min(1.0, value / half))
            assert value_of(ground, palette) == pytest.approx(wanted, abs=1 / (SHADES - 1) + 0.02), (t, unit)
        text = text_of(some).strip("▏▸ ")
        if any(one.isdigit() for one in text):
            check_number(text, value)
        seen.add((t, unit))
    units = {unit for _, unit in seen}
    tokens = {t for t, _ in seen}
    assert seen == {(t, unit) for t in tokens for unit in units}, "no place of the map is left out"
    assert view.t in tokens
    heads = {one.t: text_of(one.cells) for one in places(drawing) if one.pass_name is None}
    assert heads.keys() == tokens, "a click on any token of the head goes there"
    marked = [t for t, text in heads.items() if "▾" in text]
    assert marked == [] or marked == [view.t]
    assert marked or heads[view.t].strip("…. ") in view.short_label(view.t, palette)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_bars_of_the_output_are_its_probabilities(size: tuple[int, int]) -> None:
    palette = COLOURED[0]
    session = Session.open(Source(network(), sequences()))
    view = view_of(session, 3)
    verdict = present(view.verdict)
    drawing = draw_output(view, *size, palette, 7)
    read = {}
    for line in drawing.lines:
        some = cells(line)
        label = text_of(some)[1:].split(" ")[0]
        if label in verdict.names and label not in read:
            value = float(verdict.values[list(verdict.names).index(label)])
            text = text_of(some).split()[-1]
            check_number(text, value)
            first, behind = filled(some, palette.colours["bar"])
            track = [one.back == palette.colours["track"] for one in some]
            width = track.count(True)
            start = track.index(True)
            assert first == 8 * start
            assert behind - first == pytest.approx(max(value * width * 8, 1), abs=0.5 + 1e-6)
            read[label] = value
    assert set(read) == set(verdict.names) or size[1] < 8
    assert verdict.names[int(np.argmax(verdict.values))] in read


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("t", range(1, 5))
def test_the_ledger_is_what_each_token_wrote_times_every_forget_gate_behind_it(t: int, size: tuple[int, int]) -> None:
    """An oracle of its own: the product of the gates and what was written, as the paper has them."""
    palette = COLOURED[0]
    session = Session.open(Source(network(both=False), sequences()))
    view = view_of(session, t)
    passed, unit = view.passed, view.unit
    f, written = passed["f"][:, unit], passed["i"][:, unit] * passed["g"][:, unit]
    wanted = {s: float(written[s] * np.prod(f[s + 1 : t + 1].astype(np.float64))) for s in range(t + 1)}
    drawing = draw_ledger(view, *size, palette, 6)
    seen: set[int] = set()
    shares = {s: abs(one) / sum(map(abs, wanted.values())) for s, one in wanted.items()}
    for some, first_cell, _, s, _, _ in places(drawing):
        if s is None or first_cell:
            continue
        numbers = text_of(some).split()
        check_number(numbers[-2], wanted[s])
        check_number(numbers[-1], shares[s])
        first, behind = filled(some, palette.colours["positive" if wanted[s] >= 0 else "negative"])
        assert behind > first, "what is there is seen"
        seen.add(s)
    assert seen <= set(wanted)
    assert seen == set(wanted) or size[1] <= t + 5
    assert sum(wanted.values()) == pytest.approx(float(passed["c"][t, unit]), abs=1e-5)


@pytest.mark.parametrize("t", range(5))
def test_the_map_of_shares_is_what_is_left_of_each_token_at_each_later_one(t: int) -> None:
    palette = COLOURED[0]
    session = Session.open(Source(network(both=False), sequences()))
    view = view_of(session, t)
    passed, unit = view.passed, view.unit
    f, written = passed["f"][:, unit].astype(np.float64), passed["i"][:, unit] * passed["g"][:, unit]
    drawing = draw_ledger(view, *SIZES[0], palette, 6)
    rows = [text_of(cells(line))[42:] for line in drawing.lines]
    assert [rows[0][12 + 6 * at : 18 + 6 * at].strip() for at in range(len(f))] == [str(at) for at in range(len(f))]
    read = 0
    for row, line in enumerate(rows[1 : len(f) + 1]):
        for at in range(len(f)):
            text = line[12 + 6 * at : 18 + 6 * at].strip()
            if at < row:
                assert text == ""
                continue
            kept = np.array([written[s] * np.prod(f[s + 1 : at + 1]) for s in range(at + 1)])
            check_number(text, float(abs(kept[row]) / np.abs(kept).sum()))
            read += 1
    assert read == len(f) * (len(f) + 1) // 2


def test_where_a_step_has_no_room_for_its_number_each_fifth_has_its_own_over_it_and_the_next() -> None:
    session = Session.open(Source(network(both=False), [of_tokens([f"w{n}" for n in range(41)])]))
    drawing = draw_ledger(view_of(session, 7), 118, 20, COLOURED[0], 6)
    head = text_of(cells(drawing.lines[0]))
    at = {present(target.t): first for line, first, _, target in drawing.hits if line == 0 and target.t is not None}
    at = {t: first for t, first in at.items() if first > 40}
    last = max(at)
    size = at[last] - at[last - 1]
    assert size in (1, 2)
    told = "".join(str(t).ljust(5 * size) for t in range(min(at), last + 1, 5))[: size * (last + 1)]
    start = min(at.values())
    assert min(at) == 0
    shown = head[start : start + len(told)]
    here = slice(7 * size, 8 * size)
    assert shown[here].strip() == UNICODE.mark
    assert shown[: here.start] + " " * size + shown[here.stop :] == told


@pytest.mark.parametrize("size", SIZES[:3], ids=str)
def test_of_an_edited_run_the_number_and_how_much_it_changed_are_read_back(size: tuple[int, int]) -> None:
    palette = COLOURED[0]
    session = Session.open(Source(network(both=False), sequences()))
    session.edit(parse_edit("set layer0.forward.f[0:12] @ 2 = 0.25"))
    view = view_of(session, 3)
    before, after = session.baseline["layer0.forward"], view.passed
    drawing = draw_units(view, view.pass_name, *size, palette, 2)
    changed = 0
    for some, _, _, _, unit, name in places(drawing):
        if unit is None or name is None:
            continue
        now, was = float(after[name][view.t, unit]), float(before[name][view.t, unit])
        words = text_of(one for one in some if one.sign not in " ▏▎▍▌▋▊▉█░│").replace("◆", " ").replace("•", " ")
        if "→" in words or "←" in words:
            continue
        texts = [text for text in text_of(some).replace("◆", " ").replace("•", " ").split() if text[-1].isdigit()]
        if len(texts) == 2:
            check_number(texts[0], now)
        if now != was and texts and len(texts) == 1 + (len(some) >= 16):
            assert (texts[-1][0] == "Δ") == (len(texts) == 1), "a change in the place of its number says what it is"
            check_number(texts[-1].removeprefix("Δ"), now - was)
            changed += 1
    assert changed


@pytest.mark.parametrize("size", [(158, 6), (118, 6), (58, 6)], ids=str)
@pytest.mark.parametrize("t", range(5))
def test_the_tape_is_the_mean_forget_gate_and_what_is_left_of_each_token(t: int, size: tuple[int, int]) -> None:
    palette = COLOURED[0]
    session = Session.open(Source(network(both=False), sequences()))
    view = view_of(session, t)
    passed, unit = view.passed, view.unit
    f = passed["f"].astype(np.float64)
    left = passed["i"][:, unit] * passed["g"][:, unit] * [np.prod(f[s + 1 : t + 1, unit]) for s in range(len(f))]
    shares = np.abs(left[: t + 1]) / np.abs(left[: t + 1]).sum()
    drawing = draw_tape(view, *size, palette, 1)
    rows: dict[int, list[tuple[int, list[Cell]]]] = {}
    lines = [cells(line) for line in drawing.lines]
    for line, first, behind, target in drawing.hits:
        rows.setdefault(line, []).append((present(target.t), lines[line][first:behind]))
    tokens, signal, events, bars, told, numbers = (dict(rows[n]) for n in range(6))
    assert {s: text_of(some).strip() for s, some in tokens.items()} == dict(enumerate(view.trace.sequence.tokens))
    assert {s: text_of(some).strip() for s, some in numbers.items()} == {s: str(s) for s in range(len(f))}
    c = np.concatenate([np.zeros((1, f.shape[1])), passed["c"].astype(np.float64)])
    sizes = np.zeros(f.shape[1])
    for s in range(len(f)):
        write = np.abs(passed["i"][s] * passed["g"][s].astype(np.float64))
        sizes = f[s] * sizes + write
        lost, held = np.abs(c[s] * (1 - f[s])).sum(), np.abs(c[s]).sum()
        text = text_of(events[s])
        assert ("+" in text) == (s <= t and write.sum() >= 0.25 * sizes.sum())
        assert ("−" in text) == (s <= t and held > 0 and lost >= 0.25 * held)
        check_number(text_of(signal[s]).strip(), float(f[s].mean()))
        ground = tokens[s][-1].back
        if s < t:  # the current token is in the colour of focus, what is not reached yet is faint
            part, off = between(ground, *(palette.colours[name] for name in ("neutral", "glow")))
            assert off <= 1.5
            assert part == pytest.approx(float(f[s].mean()), abs=1 / (SHADES - 1) + 0.02)
        if s <= t:
            share = text_of(told[s]).strip()
            assert share.startswith("-") == (left[s] < 0 and share != "~0"), "what takes away has a minus"
            check_number(share.removeprefix("-"), float(shares[s]))
            level = " ▁▂▃▄▅▆▇█".index(bars[s][0].sign)
            assert level == pytest.approx(max(shares[s] * 8, 1), abs=0.5 + 1e-6)
            assert bars[s][0].fore == palette.colours["positive" if left[s] >= 0 else "negative"]
        else:
            assert text_of(told[s]).strip() == "·", "a token that was not read yet has no share"


@pytest.mark.parametrize("width", [40, 46, 58, 118])
def test_the_tape_says_how_many_tokens_are_left_of_it_and_their_share(width: int) -> None:
    palette = COLOURED[0]
    session = Session.open(Source(network(both=False), sequences()))
    for t in range(5):
        view = view_of(session, t)
        passed, unit = view.passed, view.unit
        f = passed["f"].astype(np.float64)
        left = passed["i"][:, unit] * passed["g"][:, unit] * [np.prod(f[s + 1 : t + 1, unit]) for s in range(len(f))]
        shares = np.abs(left[: t + 1]) / np.abs(left[: t + 1]).sum()
        drawing = draw_tape(view, width, 6, palette, 1)
        first = min(present(target.t) for _, _, _, target in drawing.hits)
        told = {line.plain.split()[0]: line.plain[:13].split()[1:] for line in drawing.lines if line.plain.strip()}
        assert told[str(first) if first else "token"] == (["more", "…"] if first else [])
        if first:
            check_number(told["share"][0], float(shares[:first].sum()))
        else:
            assert told["share"] == []


@pytest.mark.parametrize(("cell", "size"), sampled(list(product(CELLS, SIZES)), 3))
def test_the_table_of_weights_is_the_numbers_of_the_network(cell: str, size: tuple[int, int]) -> None:
    palette = COLOURED[0]
    network = present(run_of(cell, "mean").network)
    sheets = sheets_of(network)
    for n, sheet in enumerate(sheets):
        rows = np.arange(sheet.rows)
        numbers = sheet.whole(network)
        half = half_of(numbers)
        shown = Weights(network, network, sheets, n, "index", rows, 0, 0, False, half, frozenset())
        drawing, found = draw_weights(shown, *size, palette)
        for line, row in zip(drawing.lines[2:], found.rows, strict=False):
            some = cells(line)
            for first, behind, column in found.columns:
                value = float(numbers[row, column])
                check_number(text_of(some[first:behind]).strip(), value)
                if (row, column) != (0, 0):
                    wanted = max(-1.0, min(1.0, value / half))
                    assert value_of(some[first].back, palette) == pytest.approx(wanted, abs=1 / (SHADES - 1) + 0.02)
        assert found.rows
        assert found.columns


@pytest.mark.parametrize("palette", COLOURED, ids=range(len(COLOURED)))
@pytest.mark.parametrize("size", [(158, 6), (118, 6), (78, 2)], ids=str)
@pytest.mark.parametrize("lines", [(), ("reset @ 2",), ("chunk every 2", "reset @ 3"), ("reset @ 0:5",)], ids=str)
def test_the_tape_is_marked_where_it_is_cut(lines: tuple[str, ...], size: tuple[int, int], palette: Palette) -> None:
    session = Session.open(Source(network(both=False), sequences()))
    for edit in lines:
        session.edit(parse_edit(edit))
    view = view_of(session, 4)
    drawing = draw_tape(view, *size, palette, 1)
    row = cells(drawing.lines[0])
    marks = {palette.glyphs.reset: "reset", palette.glyphs.chunk: "chunk"}
    found = {}
    for line, first, _, target in drawing.hits:
        if line == 0 and first:
            found[present(target.t)] = marks.get(row[first - 1].sign)
            if found[present(target.t)] is not None:
                colour = "alarm" if found[present(target.t)] == "reset" else "soft"
                assert row[first - 1].fore == palette.colours[colour]
    want = {t: view.trace.sequence.cut_before(t) for t in found}
    assert found == want
    assert set(want.values()) - {None} == {edit.split()[0] for edit in lines}
    for sign, kind in marks.items():
        assert (f"{sign} " in drawing.note) == (kind in want.values())


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("order", ORDERS)
def test_units_stand_in_their_order_and_the_title_says_which_are_in_sight(order: Order, size: tuple[int, int]) -> None:
    """The chosen one among them, wherever in the order it stands."""
    session = session_of("lstm")
    count = session.frame.passed.hidden_size
    for unit in range(count):
        view = replace(view_of(session, 2), order=order, units={session.frame.position.pass_name: unit})
        drawing = draw_units(view, view.pass_name, *size, COLOURED[0], 2)
        seen = list(dict.fromkeys(one for _, _, _, _, one, _ in places(drawing) if one is not None))
        ranking = view.ranking(view.pass_name).tolist()
        assert unit in seen
        assert [ranking.index(one) for one in seen] == sorted(ranking.index(one) for one in seen)
        said = next(re.search(rf"([\d–, ]+) of {count}", text) for text in (drawing.note, *drawing.shorter))
        assert said is not None
        told = [range(int(one.split("–")[0]) - 1, int(one.split("–")[-1])) for one in said[1].split(", ")]
        assert sorted(ranking.index(one) for one in seen) == [place for one in told for place in one]
