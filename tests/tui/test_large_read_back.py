"""What a step does to one unit, drawn large, is read back: gates, what is kept and written, and that they add up."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import groupby, product

import pytest
from drawn import Cell, cells, check_number, filled, number_in, says, text_of
from registries import sampled
from test_drawings_read_back import COLOURED, column_of, session_of, view_of
from test_screen_one_unit import SIZES
from test_screen_poisoned import CELLS

from lstm_tui.debugger.inspect.state_update import parts_of_step
from lstm_tui.tui.canvas.large_text import large
from lstm_tui.tui.canvas.palette import UNICODE, Palette
from lstm_tui.tui.panes.large_unit import draw_one_unit
from lstm_tui.tui.view import View

Rows = Sequence[Sequence[Cell]]
INKS = {"before": "soft", "kept": "keep", "written": "write", "after": "title", "hidden": "show"}
"""In which colour the word of each part is written."""
LARGE = {sign: large(sign, UNICODE) for sign in "0123456789.+-−~…∞"}


def on_track(one: Cell, palette: Palette) -> bool:
    return palette.colours["track"] in (one.back, one.fore if one.sign != " " else one.back)


def typed(rows: Rows) -> str:
    """Return what is written in some rows, in signs of one line or of three."""
    lines = [text_of(row).rstrip() for row in rows]
    small = "".join(lines).strip()
    if len(lines) < 3 or not set(small) & set("▀▄█"):
        return small
    lines = [line.ljust(max(map(len, lines)) + 8) for line in lines]
    x, read = min(len(line) - len(line.lstrip()) for line in lines if line.strip()), ""
    while any(line[x:].strip() for line in lines):
        fits = [
            sign for sign, drawn in LARGE.items()
            if all(line[x : x + len(row)] == row for line, row in zip(lines, drawn, strict=True))
        ]  # fmt: skip
        if not fits:
            x += 1
            continue
        sign = max(fits, key=lambda one: len(LARGE[one][0]))
        read, x = read + sign, x + len(LARGE[sign][0])
    return read


def split(rows: Rows, first: int, behind: int, palette: Palette) -> tuple[Rows, list[Cell], Rows]:
    """Return what stands before the bar of a slot, its bar, and what stands behind it, without the sign at the end."""
    tops = [n for n in range(first, behind) if on_track(rows[0][n], palette)]
    start, end = tops[0], tops[-1] + 1
    assert end - start == len(tops), "a bar with a hole"
    return [row[first:start] for row in rows], list(rows[0][start:end]), [row[end : behind - 2] for row in rows]


def slots_of(view: View, size: tuple[int, int], palette: Palette) -> tuple[int, list[tuple[str, Rows]], list[Rows]]:
    """Return where the right side begins, the gates on the left by name, and the parts of the sum on the right."""
    drawing = draw_one_unit(view, *size, palette)
    rows = [[*cells(line), *[Cell(" ", (0, 0, 0), (0, 0, 0))] * size[0]][: size[0]] for line in drawing.lines]
    sides = sorted(
        (line, first, behind, target.value)
        for line, first, behind, target in drawing.hits
        if target.value is not None and behind - first > size[0] // 4
    )
    lefts = [(line, behind, value) for line, first, behind, value in sides if first == 0]
    rights = [(line, first) for line, first, _, _ in sides if first > 0]
    if not sides:  # so low that only what is kept and written of a matrix is in sight, where nothing is chosen
        return 0, [], []
    left = lefts[0][1] if lefts else rights[0][1]
    groups = [(name, [line for line, _, _ in lines]) for name, lines in groupby(lefts, key=lambda one: one[2])]
    high = max((len(lines) for _, lines in groups), default=3 if len(rights) > 2 else 1)
    gates: list[tuple[str, Rows]] = [(str(name), [rows[line] for line in lines]) for name, lines in groups]
    parts: list[Rows] = []
    line = sides[0][0]
    while line < len(rows):
        if any(on_track(one, palette) for one in rows[line][left:]):
            parts.append(rows[line : line + high])
            line += high
        else:
            line += 1
    return left, gates, parts


def numbers_told(text: str) -> tuple[float, float] | None:
    """Return the number that is told and by how much it may be off; None where the run has not come to it."""
    return None if text in ("…", "?") else number_in(text)


@pytest.mark.parametrize(("cell", "size"), sampled(list(product(CELLS, SIZES)), 3))
def test_the_large_step_is_the_values_of_the_unit_and_adds_up(cell: str, size: tuple[int, int]) -> None:
    palette, session = COLOURED[0], session_of(cell)
    for t in (0, 3):
        view = view_of(session, t)
        unit, memory, output = view.unit, view.memory_name, view.passed.cell.output
        left, gates, parts = slots_of(view, size, palette)
        rooms: dict[bool, set[int]] = {True: set(), False: set()}
        for name, rows in gates:
            value, column = float(view.passed[name][t][unit]), column_of(view, name)
            before, bar, behind = split(rows, 0, left, palette)
            assert len(rows) == 3 or text_of(before[0][2:7]).strip().startswith(column.letter[:4])
            assert view.frame.reached(view.pass_name, name)
            check_number(typed(behind), value)
            rooms[column.gate].add(len(bar))
            if abs(value) <= column.half:
                ink = palette.colours[column.ink]
                if column.gate:
                    says(bar, 0, ink, ink, value, len(bar), column.half)
                else:
                    colours, side = palette.colours, len(bar) // 2
                    says(bar, 8 * side, colours["positive"], colours["negative"], value, side, column.half)
        assert all(len(one) <= 1 for one in rooms.values()), "bars of a kind are of one length"
        if rooms[True] and rooms[False] and len(gates[0][1]) == 3:
            assert min(rooms[True]) > min(rooms[False]), "what has no sign leaves more to its bar"
        told: dict[str, list[float]] = {}
        spans: list[tuple[str, float, float]] = []
        heading = re.search(r"axis ±([\d.e+-]+)", draw_one_unit(view, *size, palette).text())
        for rows in parts:
            before, bar, behind = split(rows, left, size[0], palette)
            ink = next(one.fore for row in before for one in row[2:] if one.sign.strip())
            kind = next(kind for kind, name in INKS.items() if palette.colours[name] == ink)
            number = numbers_told(typed(behind))
            if number is None:
                continue
            told.setdefault(kind, []).append(number[0])
            if heading is not None:
                half = float(heading[1])
                first, end = (one / (4 * len(bar)) * half - half for one in filled(bar, palette.colours[INKS[kind]]))
                if any(one.sign in "→←╳∞|│" and one.fore == palette.colours["alarm"] for one in bar):
                    continue
                start = sum(told.get("kept", ())) + sum(told.get("written", ())[:-1]) if kind == "written" else 0.0
                if (first, end) != (-half, -half):
                    spans.append((kind, first, end))
                    reached = start + number[0]
                    hatched = UNICODE.shade in text_of(bar)  # which begins with a whole cell
                    off = half / (4 * len(bar)) + 0.02 * half + number[1] + hatched * 2 * half / len(bar)
                    low, high = sorted((start, reached))
                    if kind != "written" or "kept" in told:
                        assert first == pytest.approx(low, abs=off + 0.01), (kind, rows)
                        assert end == pytest.approx(high, abs=off + 0.01), (kind, rows)
        steps = {one.kind: one.number for one in parts_of_step(view.passed, memory, t, unit)}
        wanted = {"after": float(view.passed[memory][t][unit])}
        if output != memory and "hidden" in told:
            wanted["hidden"] = float(view.passed[output][t][unit])
        if "before" in told:
            wanted["before"] = float(view.passed.previous(memory, t)[unit])
        for kind in wanted:
            if kind in told:
                assert told[kind] == [pytest.approx(wanted[kind], abs=0.006 + 0.006 * abs(wanted[kind]))]
        if "kept" in told and "after" in told and len(told.get("written", ())) == sum(
            one.kind == "written" for one in parts_of_step(view.passed, memory, t, unit)
        ):  # fmt: skip
            total = sum(told["kept"]) + sum(told.get("written", ()))
            assert math.isclose(total, told["after"][0], abs_tol=0.02), "what is kept and what is written is the memory"
        assert set(told) <= set(steps)
        assert told or not parts, "a part of the sum is seen at every size"
