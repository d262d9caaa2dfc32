"""The full-screen views read back: each number, bar, colour and point against the arrays they were drawn of."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import pytest
from drawn import Cell, cells, check_number, number_in, numbers_of, places, says, text_of, value_of
from edited_networks import sentence, stacked
from present import present
from test_drawings_read_back import COLOURED, session_of, view_of
from test_screen_poisoned import CELLS, run_of

from lstm_tui.analysis.gradient_flow import LongMemory, long_memory
from lstm_tui.analysis.health import health
from lstm_tui.analysis.influence import deletion_rows, each_deletion, gradient_rows, influence
from lstm_tui.debugger.edits.edit_reader import parse_edit
from lstm_tui.debugger.inspect.cell_comparison import Rival
from lstm_tui.debugger.inspect.compare import Comparison
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.runtime import storage, windows
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.tui.canvas.canvas import Drawing
from lstm_tui.tui.canvas.palette import SHADES
from lstm_tui.tui.view import View
from lstm_tui.tui.views.compare_drawing import draw_compare
from lstm_tui.tui.views.health import Healthy
from lstm_tui.tui.views.influence import InfluenceAnswer, outputs_of, unit_of
from lstm_tui.tui.views.reach import Reaching, draw_reach_beside
from lstm_tui.tui.views.token_map import KINDS

SIZES = ((158, 43), (118, 34), (78, 22))
"""Cells inside the frame of a screen of 160×45, 120×36 and 80×24."""
PALETTE = COLOURED[0]
INK = PALETTE.colours
TOKENS = 5
BESIDE = ("rnn", "lstm", "gru")


@cache
def seen_from(cell: str) -> View:
    return view_of(session_of(cell), TOKENS - 1)


def rows_of(drawing: Drawing) -> dict[int, list[Cell]]:
    """Return the row of each token: what a click on it chooses."""
    return {one.t: one.cells for one in places(drawing) if one.t is not None}


def begins(head: Sequence[Cell], pattern: str) -> list[tuple[int, str]]:
    """Return where each heading begins, and what it is."""
    return [(found.start(), found[0].strip()) for found in re.finditer(pattern, text_of(head))]


_ABSENT = re.compile("…|none|asked|unknown")
"""What stands where a column of influences has no number."""


def known_in(head: Sequence[Cell], names: Iterable[str]) -> list[str]:
    """Return the headings of a row that has no others."""
    pattern = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    assert re.sub(pattern, "", text_of(head)).strip() == "", text_of(head)
    return [text for _, text in begins(head, pattern)]


def check_row(some: Sequence[Cell], wanted: Sequence[tuple[float, float, float, str, bool]], where: object) -> None:
    """Check the numbers of a row, and the bar before each where it has one.

    Args:
        some: The row, from its first number on.
        wanted: For each number: its value, what its bar is a bar of, the end of its axis, the ink, whether its axis is
            in the middle.
        where: What is said where it is wrong.
    """
    found = list(numbers_of(some, PALETTE))
    assert len(found) == len(wanted), where
    for (text, bar), (value, length, full, ink, signed) in zip(found, wanted, strict=True):
        check_number(text, value)
        if not bar or not math.isfinite(length) or abs(length) > full or (length < 0 and not signed):
            continue
        if signed:
            side = len(bar) // 2
            says(bar, 8 * side, INK["positive"], INK["negative"], length, side, full)
        else:
            says(bar, 0, INK[ink], INK[ink], length, len(bar), full)


# --- gradients through time -----------------------------------------------------------------------------


def decades_of(note: str) -> tuple[int, int]:
    found = re.search(r"1e(-?\d+)\D+1e(-?\d+), log", note)
    assert found, note
    return int(found[1]), int(found[2])


def on_log(value: float, low: int, high: int) -> float:
    """Return which part of an axis of powers of ten a size fills."""
    return max((math.log10(abs(value)) - low) / (high - low), 0.0) if value else 0.0


def numbers_by_heading(found: LongMemory, unit: int, words: str) -> dict[str, tuple[Array, str]]:
    """Return what each column is of and its ink, by both of its headings."""
    memory, out = letter(found.memory.value), letter(found.output.value)
    there = {
        (f"|∂{memory}/∂{memory} then|", f"|∂{memory}|"): (found.memory.size, "positive"),
        (f"|∂{out}/∂{out} then|", f"|∂{out}|"): (found.output.size, "positive" if out == memory else "show"),
        ("ρ of the step", "ρ"): (found.radius, "other"),
        (f"{words} by itself", words): (found.memory.own[:, unit], "positive"),
    }
    if found.kept is not None:
        there[("max Π kept", "max Π")] = np.abs(found.kept).max(axis=1), "keep"
        there[(f"Π kept of {words}", f"Π {words}")] = found.kept[:, unit], "keep"
    return {name: one for names, one in there.items() for name in names}


@pytest.mark.parametrize("cell", CELLS)
def test_every_step_back_says_its_gradients(cell: str) -> None:
    view = seen_from(cell)
    found = long_memory(view.passed, TOKENS - 1)
    wanted = numbers_by_heading(found, view.unit, view.frame.names.words(view.pass_name, view.unit))
    for size in SIZES:
        drawing = Reaching(view, view.pass_name, TOKENS - 1, 1, found=found, working=False).draw(*size, PALETTE)
        low, high = decades_of(drawing.note)
        head = cells(drawing.lines[0])
        first = next(n for n, one in enumerate(head) if one.fore == INK["title"] and one.sign != " ")
        headings = known_in(head[first:], wanted)
        read = rows_of(drawing)
        assert set(read) == set(found.places)
        for n, t in enumerate(found.places):
            row = []
            for heading in headings:
                numbers, ink = wanted[heading]
                value = float(numbers[n])
                length, full = (value, 2.0) if heading.startswith("ρ") else (on_log(value, low, high), 1.0)
                row.append((value, length, full, "negative" if value < 0 else ink, False))
            check_row(read[t][first:], row, (size, t))


def test_networks_beside_each_other_say_what_is_left_of_a_memory_at_each_token() -> None:
    rivals = tuple(
        Rival(f"small-{cell}", trace, long_memory(trace.passes[next(iter(trace.passes))], TOKENS - 1))
        for cell in BESIDE
        if (trace := run_of(cell, "mean"))
    )
    view = seen_from("lstm")
    for size in SIZES:
        drawing = draw_reach_beside(
            Reaching(view, view.pass_name, TOKENS - 1, 1, beside=rivals, rivals=True, working=False), *size, PALETTE
        )
        low, high = decades_of(drawing.note)
        head = cells(drawing.lines[0])
        first = next(n for n, one in enumerate(head) if one.fore == INK["title"] and one.sign != " ")
        headings = known_in(head[first:], [f"{cell}: {of}" for cell in BESIDE for of in ("|∂h|", "|∂C|", "Π kept")])
        assert len(headings) >= len(rivals)
        read = rows_of(drawing)
        assert len(read) == TOKENS
        for n, t in enumerate(rivals[0].found.places):
            row = []
            for heading in headings:
                found = next(one.found for one in rivals if one.name.endswith(re.split(r"[: ]", heading)[0]))
                kept = "Π" in heading
                numbers = np.abs(present(found.kept)).max(axis=1) if kept else found.memory.size
                value = float(numbers[n])
                row.append((value, on_log(value, low, high), 1.0, "keep" if kept else "positive", False))
            check_row(read[t][first:], row, (size, t))


# --- which token moves which ----------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_the_maps_of_tokens_are_the_effects_of_each_on_each(cell: str) -> None:
    view = seen_from(cell)
    tape = range(TOKENS)
    maps = {kind: np.full((TOKENS, TOKENS), np.nan) for kind in KINDS}
    for kind, rows in zip(
        KINDS, (gradient_rows(view.passed, tape), deletion_rows(view.trace, view.passed, tape)), strict=True
    ):
        for t, column in rows:
            maps[kind][:, t] = column
    for size in SIZES:
        for kind in KINDS:
            picture = Reaching(
                view, view.pass_name, TOKENS - 1, 3, map=True, kind=kind, places=tape, maps=maps, working=False
            )
            drawing = picture.draw(*size, PALETTE)
            scales = begins(cells(drawing.lines[0]), r"(gradient|deletion) +0…\S+")
            assert kind in [text.split()[0] for _, text in scales]
            assert len(scales) == 1 + (size[0] > 140), "both where there is room"
            labels = begins(cells(drawing.lines[1]), r"\S+")
            for map_at, (start, text) in enumerate(scales):
                shown, full = maps[text.split()[0]], number_in(text.split("…")[1])[0]
                assert full >= np.nanmax(shown) * (1 - 1e-6)
                at = [place for place, _ in labels[map_at * TOKENS : (map_at + 1) * TOKENS]]
                assert at[0] == start
                span = at[1] - at[0]
                for t, row in rows_of(drawing).items():
                    for other in range(TOKENS):
                        some, value = row[at[other] : at[other] + span], float(shown[t, other])
                        if math.isnan(value):
                            assert text_of(some).strip() in "·…", (t, other)
                            continue
                        part = min(value / full, 1.0)
                        assert value_of(some[0].back, PALETTE) == pytest.approx(part, abs=1 / (SHADES - 1) + 0.02)
                        word = text_of(some).strip()
                        if any(sign.isdigit() for sign in word):
                            check_number(word, value)
            told = next(
                text for line in drawing.lines if f" {kind}: t=3 is moved most by" in (text := text_of(cells(line)))
            )
            said = re.findall(r"\(t=(\d+)\) ([^ ,;]+)", told)
            row = np.nan_to_num(maps[kind][3])
            assert [int(t) for t, _ in said] == list(np.argsort(-row, kind="stable")[: len(said)])
            for t, number in said:
                if "…" not in number:
                    check_number(number, float(row[int(t)]))


# --- what moves an output -------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", CELLS)
def test_every_token_says_what_it_adds_to_an_output_or_a_memory(cell: str) -> None:
    view = seen_from(cell)
    for target in (outputs_of(view)[0], unit_of(view)):
        found = influence(view.trace, target)
        effects = np.full(TOKENS, np.nan)
        for t, effect in each_deletion(view.trace, target):
            effects[t] = effect
        answer = InfluenceAnswer(view, target, found, effects, TOKENS, False, cursor=1, order="deletion")
        state = found.by_state[view.pass_name]
        wanted = {"gradient·x": found.of_token, "by x": found.size, "ledger": answer.shares, "deletion": effects}
        for name in {view.passed.cell.output, memory_of(view.passed.cell)}:
            wanted[f"by {'C' if name == 'c' else name}"] = np.linalg.norm(state[name].astype(np.float64), axis=1)
        for size in SIZES:
            drawing = answer.draw(*size, PALETTE)
            top = text_of(cells(drawing.lines[0]))
            check_number(top.split(" = ")[1].split()[0], found.number)
            head = begins(cells(drawing.lines[1]), r"\d (by )?[^\W\d]\S*( ±?[\d.e+-]+(?=\s+\d |\s*$))?")[1:]
            headings = [re.sub(r"^\d |◂|◀|▸|•|▾| ±?[\d.e+-]+$", "", text).strip() for _, text in head]
            assert len(headings) == len(wanted), headings
            ends = [re.search(r" ±?([\d.e+-]+)$", text) for _, text in head]
            read = rows_of(drawing)
            assert list(read) == sorted(range(TOKENS), key=lambda t: (-np.nan_to_num(abs(effects[t]), nan=-1.0), t))
            first = head[0][0]
            for t, cells_of in read.items():
                row = []
                for heading, end in zip(headings, ends, strict=True):
                    said = heading.rstrip("…").strip()
                    name = next(one for one in wanted if one.startswith(said) or one == f"by {said}")
                    numbers = wanted[name]
                    value = math.nan if numbers is None else float(numbers[t])
                    full = 1.0 if name == "ledger" else number_in(end[1])[0] if end else math.inf
                    row.append((value, value if full < math.inf else math.nan, full,
                                "show" if name == "ledger" else "bar", name in ("gradient·x", "deletion")))  # fmt: skip
                texts = [one.text for one in numbers_of(cells_of[first:], PALETTE)]
                assert len(texts) == len(row)
                known = [n for n, text in enumerate(texts) if not _ABSENT.fullmatch(text)]
                assert [n for n, one in enumerate(row) if not math.isnan(one[0])] == known
                signs = _ABSENT.sub(lambda said: " " * len(said[0]), "".join(one.sign for one in cells_of[first:]))
                shown = [one for one, sign in zip(cells_of[first:], signs, strict=True) if sign == one.sign]
                check_row(shown, [row[n] for n in known], (size, t))


@pytest.mark.parametrize("cell", CELLS)
def test_the_strip_under_them_is_the_gradient_by_every_unit_at_the_cursor(cell: str) -> None:
    view = seen_from(cell)
    target = unit_of(view)
    found = influence(view.trace, target)
    for size in SIZES:
        drawing = InfluenceAnswer(view, target, found, np.zeros(TOKENS), TOKENS, False, cursor=1).draw(*size, PALETTE)
        read = 0
        for line in drawing.lines:
            text = text_of(cells(line))
            if (said := re.match(r" by (\S+) of t=1", text)) is None:
                continue
            name = next(one for one in found.by_state[view.pass_name] if letter(one) == said[1])
            numbers = found.by_state[view.pass_name][name][1]
            half = number_in(text.rpartition("±")[2])[0]
            room = size[0] - 19 - 10
            wide = 2 if 2 * len(numbers) <= room else 1  # cells of a unit; of more units than cells the first are drawn
            for n, value in enumerate(numbers[:room]):
                part = max(-1.0, min(1.0, float(value) / half))
                ground = cells(line)[19 + wide * n].back
                assert value_of(ground, PALETTE) == pytest.approx(part, abs=1 / (SHADES - 1) + 0.02)
            read += 1
        assert read or size[1] < 30


# --- the health of the units ----------------------------------------------------------------------------


MANY = 10
"""So many units in one cell of a scatter, or more, are one sign."""


def points_of(row: Sequence[Cell]) -> Counter[int]:
    """Return how many units a row of a scatter shows in each of its cells."""
    found: Counter[int] = Counter()
    for at, one in enumerate(row):
        if one.sign == "•":
            found[at] = 1
        elif one.sign.isdigit() or one.sign == "#":
            found[at] = MANY if one.sign == "#" else int(one.sign)
    return found


@pytest.mark.parametrize("cell", CELLS)
def test_each_unit_is_a_point_of_the_scatter_of_each_gate(cell: str) -> None:
    """By a definition of its own: the share of the steps at which a gate is below .1, and above .9."""
    view = seen_from(cell)
    healthy = Healthy(view, view.pass_name, {one.name: one for one in health([view.trace])}, working=False)
    gates = [one.value for one in healthy.passes[view.pass_name].gates]
    for size in SIZES:
        lines = [cells(line) for line in healthy.draw(*size, PALETTE).lines]
        if not gates:
            assert "no gates" in text_of(lines[0])
            continue
        heads = begins(lines[0], r"(?<=\s)[^\W\d]\S*( (?!below)\w+)?  ?(?:below |<)\S+ \S+(  ?(?:above |>)\S+ \S+)?")
        assert heads
        bottom = next(n for n, line in enumerate(lines) if text_of(line).lstrip().startswith("0 ") and n)
        top = next(n for n, line in enumerate(lines) if text_of(line).lstrip().startswith("1"))
        rows = bottom - top
        for (start, text), behind in zip(heads, [*(place for place, _ in heads[1:]), size[0]], strict=True):
            gate = text.split()[0]
            numbers = view.passed[gate].astype(np.float64)
            low, high = (numbers < 0.1).mean(axis=0), (numbers > 0.9).mean(axis=0)
            said = re.findall(r"(\S+)%", text)
            for number, share in zip(said, (low.mean(), high.mean()), strict=False):
                check_number(number, 100 * float(share))
            wide = len(text_of(lines[bottom][start:behind]).rstrip()) - 2
            grid = [points_of(lines[row][start + 2 : start + 2 + wide]) for row in range(top, bottom)]
            drawn = sum(one.total() for one in grid)
            assert drawn == len(low) or (drawn < len(low) and any(MANY in one.values() for one in grid))
            for row, points in enumerate(grid):
                for column, count in points.items():
                    right = np.abs(low * (wide - 1) - column)
                    up = np.abs((1 - high) * (rows - 1) - row)
                    assert (
                        ((right <= 0.5 + 1e-9) & (up <= 0.5 + 1e-9)).sum()
                        >= count
                        >= min(((right < 0.5 - 1e-9) & (up < 0.5 - 1e-9)).sum(), MANY)
                    ), (size, gate, row, column)


# --- two runs beside each other -------------------------------------------------------------------------


def edited(cell: str) -> tuple[Trace, Trace]:
    """Return a run and the run after one of its values was set."""
    session = Session(run_of(cell, "mean"))
    value = session.frame.passed.cell.values[0]
    session.edit(parse_edit(f"set layer0.forward.{value}[0:3] @ 2 = 0.25"))
    return session.baseline, session.frame.trace


@pytest.mark.parametrize("cell", CELLS)
def test_two_runs_say_how_far_they_are_apart_at_each_token(cell: str) -> None:
    one, other = edited(cell)
    compared = Comparison.of(one, other, ("before", "after"))
    name = next(iter(one.passes))
    memory = memory_of(one[name].cell)
    before, after = (each[name][memory].astype(np.float64) for each in (one, other))
    apart = np.abs(before - after).sum(axis=1) / (np.abs(before).sum(axis=1) + np.abs(after).sum(axis=1))
    for size in SIZES:
        drawing = draw_compare(compared, 1, name, *size, PALETTE)
        toward = compared.toward
        assert toward is not None
        half = number_in(drawing.note.rpartition("±")[2])[0]
        read = rows_of(drawing)
        assert sorted(read) == list(range(TOKENS))
        for t, row in read.items():
            wanted = [(float(number), float(number), half, "", True) for number in (toward[0][t], toward[1][t])]
            change = float(toward[1][t] - toward[0][t])
            check_row(row[21:], [*wanted, (change, change, half, "", True),
                                 (float(apart[t]), float(apart[t]), 1.0, "show", False)], (size, t))  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
def test_what_each_token_adds_to_the_winner_sums_to_its_lead(cell: str) -> None:
    """The columns A and B against the network's own numbers before the softmax: an oracle of its own."""
    one, other = edited(cell)
    compared = Comparison.of(one, other, ("before", "after"))
    assert compared.toward is not None
    assert compared.winner is not None
    for held, parts in zip((one, other), compared.toward, strict=True):
        assert held.result is not None
        said = np.log(held.result.astype(np.float64))
        others = np.delete(said, compared.winner)
        lead = said[compared.winner] - others.mean()
        rest = compared.parts[0 if held is one else 1].toward(compared.winner)[1] if compared.parts else 0.0
        assert float(parts.sum()) + float(rest) == pytest.approx(float(lead), abs=1e-4)


@pytest.mark.parametrize("width", range(38, 110, 4))
def test_what_the_ledger_is_of_stands_apart_from_the_number_or_not_at_all(width: int) -> None:
    view = seen_from("lstm")
    target = outputs_of(view)[0]
    answer = InfluenceAnswer(view, target, influence(view.trace, target), np.zeros(TOKENS), TOKENS, False, cursor=1)
    first = text_of(cells(answer.draw(width, 20, PALETTE).lines[0])).rstrip()
    number, gap, whose = first.partition(" ledger: ")
    assert number.rstrip()[-1].isdigit()
    assert not gap or whose.endswith(f"t={TOKENS - 1}")


@pytest.mark.parametrize("place", [0, 66, 149])
def test_shares_of_a_run_in_windows_are_those_of_the_whole(monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    for module, name in ((windows, "WINDOW_BYTES"), (windows, "_SPAN_BYTES"), (storage, "SPAN_BYTES")):
        monkeypatch.setattr(module, name, 1)
    network = stacked()
    sequence = sentence(network, " ".join(["The", "movie", "was", "not", "bad"] * 30))
    traces = (run(network, sequence, "numba"), run(network, sequence, "numba", array_bytes=0))
    for name in traces[0]:
        sessions = [Session(trace) for trace in traces]
        for session in sessions:
            session.select_pass(name)
        view, held = (view_of(session, place) for session in sessions)
        whole, part = (InfluenceAnswer(one, unit_of(one), working=False, cursor=place) for one in (view, held))
        assert held.passed.is_windowed
        expected = present(whole.shares)
        assert expected.shape == (len(sequence),)
        np.testing.assert_allclose(present(part.shares), expected, rtol=1e-12, atol=1e-15)
