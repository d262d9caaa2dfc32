"""Several networks on one screen: drawn whole at any size, read back to the numbers of the runs, stepped together."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from lstm_tui.debugger.inspect.lockstep import MOST_RUNS, Lockstep
from lstm_tui.engine.number_text import compact, percent
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.bundled_files import bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.tui.canvas.palette import ASCII, DARK_PALETTE, Glyphs
from lstm_tui.tui.views.lockstep import (
    LockstepApp,
    LockstepScreen,
    _Lanes,
    draw_lane_cell,
    draw_lockstep,
    drawn_beside,
)

VERDICTS = tuple(name for name in bundled_names() if name.startswith("verdict-"))
NAMES = tuple(name for name in VERDICTS if len(open_model(name).passes) == 1)[:6]
LAYERS = next(name for name in VERDICTS if len(open_model(name).layers) > 1)


def lockstep(*names: str) -> Lockstep:
    runs = []
    for name in names:
        network = open_model(name)
        assert network.tokens is not None
        runs.append(run(network, text_sequence("The movie was not bad", network.tokens), "numpy"))
    return Lockstep(runs, names)


@pytest.mark.parametrize("size", [(158, 43), (118, 34), (78, 22), (40, 10), (20, 4), (1, 1)])
@pytest.mark.parametrize("names", [NAMES[:3], (*NAMES, "sentiment", "sentiment-forward")])
def test_a_drawing_keeps_to_its_size(size: tuple[int, int], names: tuple[str, ...]) -> None:
    assert len(names) <= MOST_RUNS
    lock = lockstep(*names)
    for t, chosen in ((0, 0), (3, len(lock.lanes) - 1)):
        drawing = draw_lockstep(lock, t, chosen, *size, DARK_PALETTE)
        assert all(len(line.plain) == size[0] for line in drawing.lines)
        assert 1 <= len(drawing.lines) <= size[1]


@pytest.mark.parametrize("size", [(158, 43), (118, 34), (78, 22)])
def test_the_shares_that_are_drawn_are_those_of_the_runs(size: tuple[int, int]) -> None:
    lock = lockstep(*NAMES)
    drawn = re.findall(r"\d+ %", draw_lockstep(lock, 2, 1, *size, DARK_PALETTE).text())
    kept = [lock.kept(lane, t) for lane in lock.lanes for t in range(len(lock))]
    assert drawn == [percent(one) for one in kept if one is not None]


@pytest.mark.parametrize("glyphs", [DARK_PALETTE.glyphs, ASCII])
@pytest.mark.parametrize("size", [(158, 43), (118, 34), (78, 22)])
def test_where_all_of_them_stand_is_told_without_colour(size: tuple[int, int], glyphs: Glyphs) -> None:
    lock = lockstep(*NAMES[:2])
    palette = replace(DARK_PALETTE, glyphs=glyphs)
    for t, token in enumerate(lock.runs[0].sequence.tokens):
        tape = draw_lockstep(lock, t, 0, *size, palette).lines[0].plain
        assert tape.count(glyphs.cursor) == 1
        assert f"{glyphs.cursor}{token} " in tape


def test_a_lane_without_room_is_counted_and_comes_when_it_is_chosen() -> None:
    lock = lockstep(*NAMES)
    first = draw_lockstep(lock, 0, 0, 78, 5, DARK_PALETTE)
    assert NAMES[0] in first.text()
    assert NAMES[-1] not in first.text()
    assert first.note.startswith(f"{len(lock.lanes) - 3} more lanes")
    assert NAMES[-1][:15] in draw_lockstep(lock, 0, len(lock.lanes) - 1, 78, 5, DARK_PALETTE).text()


def test_a_lane_says_which_layer_and_which_way_it_is() -> None:
    text = draw_lockstep(lockstep(LAYERS, "sentiment"), 0, 0, 158, 43, DARK_PALETTE).text()
    glyphs = DARK_PALETTE.glyphs
    for label in (f"A {LAYERS} 0 ", f"A {LAYERS} 1 ", f"B sentiment {glyphs.right} ", f"B sentiment {glyphs.left} "):
        assert text.count(label) == 1


@pytest.mark.parametrize("size", [(158, 28), (86, 22), (44, 12), (20, 4), (1, 1)])
def test_a_cell_is_drawn_with_the_numbers_of_the_unit_that_holds_the_most(size: tuple[int, int]) -> None:
    lock = lockstep(*NAMES[:3], LAYERS, "sentiment")
    for lane in lock.lanes:
        passed = lock.runs[lane.run][lane.pass_name]
        memory = passed["c" if "c" in passed else "h"]
        held = [sum(abs(float(row[unit])) for row in memory) for unit in range(memory.shape[1])]
        order = sorted(range(len(held)), key=lambda unit: -held[unit])
        for t, rank in ((0, 0), (2, 1), (4, 10**6)):
            drawing = draw_lane_cell(lock, lane, t, rank, *size, DARK_PALETTE)
            assert all(len(line.plain) == size[0] for line in drawing.lines)
            assert len(drawing.lines) <= size[1]
            unit = order[min(rank, len(order) - 1)]
            if size[0] >= 44:
                assert f"unit {unit} " in drawing.note  # no table of units stands beside it that would tell
            if size[0] > 150:
                number = compact(float(memory[t][unit]), 5, True)
                assert number in drawing.text(), (lane, t, unit)


@pytest.mark.parametrize("width", [1, 60, 90, 120, 160, 240])
def test_cells_stand_beside_each_other_where_all_can_be_seen_whole(width: int) -> None:
    lock = lockstep(*NAMES[:4])
    for chosen, lane in enumerate(lock.lanes):
        shown = drawn_beside(lock, chosen, width)
        assert sum(wide for _, wide in shown) == width
        assert [n for n, _ in shown] == sorted({n for n, _ in shown})
        assert chosen in dict(shown)
        if len(shown) > 1:
            for n, wide in shown:
                note = draw_lane_cell(lock, lock.lanes[n], 1, 0, wide - 2, 30, DARK_PALETTE).note
                assert "columns" not in note, (lane, n, wide)


def test_keys_draw_the_cells_and_choose_a_unit_and_a_click_chooses_a_lane() -> None:
    lock = lockstep(*NAMES[:3])
    app = LockstepApp(lock, few_colours=False)

    async def go() -> None:
        async with app.run_test(size=(160, 45)) as pilot:
            await pilot.pause()
            screen = app.screen
            assert isinstance(screen, LockstepScreen)
            lanes = screen.query_one(_Lanes)
            seen = []
            for key in ("u", "u", "U", "D", "D"):
                await pilot.press(key)
                await pilot.pause()
                seen.append((screen.rank, lanes.rows > 0))
            assert seen == [(1, True), (2, True), (1, True), (1, False), (1, True)]
            await pilot.click(_Lanes, offset=(150, 30))
            await pilot.pause()
            assert screen.lane == drawn_beside(lock, 0, 160)[-1][0]
            await pilot.press("escape")

    asyncio.run(go())


def test_keys_step_all_of_them_and_escape_leaves() -> None:
    lock = lockstep(*NAMES[:3])
    app = LockstepApp(lock, few_colours=False)

    async def go() -> None:
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.pause()
            screen = app.screen
            assert isinstance(screen, LockstepScreen)
            places = []
            for key in ("n", "n", "N", "G", "n", "g", "N", "j", "j", "j", "k"):
                await pilot.press(key)
                places.append((screen.t, screen.lane))
            last = len(lock) - 1
            assert places == [*((t, 0) for t in (1, 2, 1, last, last, 0, 0)), (0, 1), (0, 2), (0, 2), (0, 1)]
            await pilot.press("escape")
        assert app.return_code == 0

    asyncio.run(go())


def test_where_only_ascii_can_be_drawn_nothing_else_is() -> None:
    text = draw_lockstep(lockstep(*NAMES[:3]), 2, 0, 100, 30, replace(DARK_PALETTE, glyphs=ASCII)).text()
    assert text.isascii(), text
