"""Several networks on one screen: drawn whole at any size, read back to the numbers of the runs, stepped together."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pytest

from lstm_tui.debugger.inspect.lockstep import MOST_RUNS, Lockstep
from lstm_tui.engine.number_text import percent
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.bundled_files import bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.tui.canvas.palette import ASCII, DARK_PALETTE, Glyphs
from lstm_tui.tui.views.lockstep import LockstepApp, LockstepScreen, draw_lockstep

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
