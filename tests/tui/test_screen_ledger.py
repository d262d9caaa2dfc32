"""The ledger on the screen: one unit or all, shares on the tape, the map with its walls, and a breach that is shown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from driven_screen import Driver, drive, network, sequences, three_lines
from edited_networks import sentence

from lstm_tui.analysis.ledger import flow_of, ledger_at, share_map
from lstm_tui.debugger.edits.apply import apply
from lstm_tui.debugger.edits.edit_reader import parse_edit_script
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.provenance.kept_part import kept_part, kept_sentence
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.run import run
from lstm_tui.formats.traces.reader import read
from lstm_tui.formats.traces.trace_file import write
from lstm_tui.models.bundled import open_model
from lstm_tui.tui.canvas.palette import DARK_PALETTE
from lstm_tui.tui.ledger_rows import Sources
from lstm_tui.tui.panes.ledger import draw_ledger, draw_ledger_map
from lstm_tui.tui.view import View


def test_one_unit_or_all() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "n")
        one = driver.pane("ledger").text()
        assert f"memory of unit {driver.view.unit}" in one
        assert "Σ = C ✓" in one
        assert f"of unit {driver.view.unit}" in driver.pane("tape").text()
        await driver.press("L")
        every = driver.pane("ledger").text()
        assert "memory of all units" in every
        assert "Σ = ΣC ✓" in every
        assert "of all" in driver.pane("tape").text()
        ledger = driver.view.ledger
        assert ledger is not None
        assert ledger.by_token.shape == (5, 12)
        await driver.press("L")
        assert driver.pane("ledger").text() == one

    drive(act)


def test_a_unit_has_the_name_that_the_card_gives_it() -> None:
    source = three_lines()
    network = source.network
    assert network is not None
    card = {"units": [{"pass": network.passes[0].name, "unit": unit, "name": f"n{unit}"} for unit in range(12)]}

    async def act(driver: Driver) -> None:
        unit = driver.view.unit
        assert f"memory of unit {unit} n{unit}" in driver.pane("ledger").text()
        assert f"unit {unit} n{unit}, t=0" in driver.pane("cell").text()
        await driver.press("L")
        assert "memory of all units" in driver.pane("ledger").text()
        await driver.press("L", "0")
        assert f"unit {unit} n{unit} " in driver.text()

    drive(act, replace(source, network=replace(network, card=card)))


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
def test_the_map_takes_the_screen_and_gives_it_back(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("right_curly_bracket", "n", "n")
        before = driver.text()
        await driver.press("M")
        assert driver.pane("ledger").size.width == size[0]
        text = driver.pane("ledger").text()
        assert "after each step" in text
        assert "kept" in text
        place = driver.view.t
        await driver.press("n")
        assert driver.view.t == place + 1
        await driver.press("N", "M")
        assert not driver.screen.has_class("-maximised")
        await driver.press("2")
        assert driver.text() == before

    drive(act, size=size)


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
def test_the_map_is_said_in_words_of_the_steps_reached(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "M")
        for _ in range(3):
            view = driver.view
            part = view.facts.flow_near(view.pass_name, view.t)
            assert part is not None
            steps = [t for t in range(view.facts.length) if view.has_reached(view.pass_name, t)]
            unit = None if view.everyone else view.unit
            found = kept_part(part, unit, range(view.facts.length), range(steps[-1] + 1))
            assert found is not None
            tokens = view.trace.sequence.tokens
            names = [f"“{tokens[t]}” (t={t})" if t is not None else "" for t in (found.token, found.until)]
            whose = "the memory" if unit is None else f"unit {unit}"
            over = "" if len(steps) == view.facts.length else f"over t=0 to {steps[-1]}"
            wanted = kept_sentence(part, found, unit, whose, (names[0], names[1]), over)
            text = driver.pane("ledger").text()
            assert wanted in " ".join(line.strip(" │") for line in text.split("\n"))
            await driver.press("n" if view.t < 3 else "L")
        await driver.press("M")
        if size == (80, 24):
            assert "largest share" not in driver.pane("ledger").text()

    drive(act, size=size)


def _with_closed_gate() -> Source:
    made = apply(parse_edit_script("set layer0.forward.f[:] @ 3 = 0"), network(), sequences()[1])
    return Source.of_trace(run(made.network, made.sequence, holds=made.holds))


def test_a_closed_gate_is_a_wall() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("L", "M")
        rows = driver.pane("ledger").text().split("\n")
        walls = [row.find("┃") for row in rows[2:6]]  # below the frame and the heading
        assert walls[0] > 0
        assert walls[0] == walls[1] == walls[2]
        assert walls[3] == -1

    drive(act, _with_closed_gate())


@pytest.mark.parametrize(("size", "where"), [((160, 45), "ledger"), ((80, 24), "tape")])
def test_a_breach_is_shown(tmp_path: Path, size: tuple[int, int], where: str) -> None:
    trace = run(network(), sequences()[0])
    write(trace, tmp_path / "run.npz")
    with np.load(tmp_path / "run.npz") as held:
        arrays = dict(held)
    broken = arrays["layer0.forward/c"].copy()
    broken[3] += 0.25
    np.savez(tmp_path / "broken.npz", **{**arrays, "layer0.forward/c": broken})

    async def act(driver: Driver) -> None:
        await driver.press("n", "n")
        assert "✗" not in driver.text()
        await driver.press("n")
        assert "✗" in driver.pane(where).text()
        await driver.press("L")
        assert "✗" in driver.pane(where).text()
        if where == "ledger":
            assert "off in 12 units" in driver.pane(where).text()

    drive(act, Source.of_trace(read(tmp_path / "broken.npz")), size)


def test_what_an_edit_put_in_stands_in_the_list() -> None:
    made = apply(parse_edit_script("set layer0.forward.c[:] @ 2 = 3"), network(), sequences()[0])

    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "n")
        assert "set: was" in driver.pane("ledger").text()
        assert "edits" in driver.pane("tape").text()

    drive(act, Source.of_trace(run(made.network, made.sequence, holds=made.holds)))


def test_a_cell_without_a_ledger_says_so_in_words() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("L", "M")
        assert "h is computed anew at" in driver.pane("ledger").text()
        await driver.press("M")
        assert "is computed anew" in driver.pane("tape").text()

    drive(act, three_lines("rnn"))


def test_a_file_that_holds_too_little_says_so(tmp_path: Path) -> None:
    write(run(network(), sequences()[0]), tmp_path / "little.json", values=["c", "h"])

    async def act(driver: Driver) -> None:
        assert "this trace does not hold" in driver.pane("ledger").text()

    drive(act, Source.of_trace(read(tmp_path / "little.json")))


def test_an_edited_ledger_stands_beside_that_of_the_baseline() -> None:
    recipe = parse_edit_script("set layer0.forward.f[1] @ 2 = 0.25\nremove 1")

    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "n")
        sources = driver.view.sources
        assert sources is not None
        assert sources.baseline is not None
        plain, unit = driver.view.frame.difference.before["layer0.forward"], driver.view.unit  # type: ignore[union-attr]
        flow = flow_of(plain, "c")
        assert flow is not None
        before = ledger_at(plain, flow, 4, unit).by_token[:, 0]
        found = {(one.kind, one.t): one for one in sources.some(0, 9)}
        assert found["token", 1].before == before[2]
        assert found["gone", 1].before == before[1]
        assert found["gone", 1].value == 0
        text = driver.pane("ledger").text()
        assert "✗ movie" in text
        assert f"memory of unit {unit} Δ" in text
        await driver.press("d")
        assert "✗ movie" not in driver.pane("ledger").text()

    drive(act, replace(three_lines(), edit_script=recipe))


def test_sources_are_in_the_order_of_their_shares() -> None:
    passed = run(network(), sequences()[1])["layer0.forward"]
    flow = flow_of(passed, "c")
    assert flow is not None
    sources = Sources(ledger_at(passed, flow, 9))
    shares = [one.share for one in sources.some(0, 99)]
    assert len(shares) == len(sources) == 10
    assert shares == sorted(shares, reverse=True)
    for place, one in enumerate(sources.some(0, 99)):
        assert sources.place_of(one.t) == place
        assert sources.beside(one.t, 1) == sources[min(place + 1, 9)].t
    assert sources.place_of(12) is None
    assert sources.beside(12, 1) == sources[0].t


def test_where_rows_are_few_those_that_remember_most_are_drawn() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("right_curly_bracket", "G")
        view, palette, rows = driver.view, driver.screen.palette, 4
        assert palette is not None
        drawing = draw_ledger_map(view, 120, rows + 3, palette)
        texts = [line.strip().text for line in drawing.lines]
        flow = flow_of(view.passed, "c")
        assert flow is not None
        held = share_map(view.passed, flow, view.unit).sum(axis=1)
        best = sorted([*(int(t) for t in np.argsort(-held[: view.t], kind="stable")[: rows - 1]), view.t])
        assert best != list(range(view.t + 1 - rows, view.t + 1)), "else nothing is shown by this"
        assert [text[:10].strip() for text in texts[1 : rows + 1]] == [view.trace.sequence.tokens[t] for t in best]
        assert texts[0].startswith(f"{rows}/{view.facts.length} rows")

    drive(act)


@pytest.mark.parametrize("everyone", [False, True], ids=["one unit", "all units"])
def test_where_nothing_was_held_nothing_is_said_to_be_kept(everyone: bool) -> None:
    """The part that a step kept is read back below the map; a dash where the memory before it was 0."""

    async def act(driver: Driver) -> None:
        await driver.press(":", *"set c[:] @ 2 = 0", "enter", "g")
        view, palette = replace(driver.view, everyone=everyone), driver.screen.palette
        assert palette is not None
        lines = [line.strip().text for line in draw_ledger_map(view, 120, 30, palette).lines]
        bars = next(number for number, text in enumerate(lines) if "kept" in text[:10])
        starts = [lines[0].index(f" {t}", 11) - 3 for t in range(view.facts.length)]
        keep, memory = view.passed["f"], view.passed["c"]
        for t, start in enumerate(starts):
            unit = slice(None) if everyone else slice(view.unit, view.unit + 1)
            before = memory[t - 1][unit] if t else np.zeros_like(memory[0][unit])
            bar, number = (lines[row][start : start + 6].strip() for row in (bars, bars + 1))
            if not before.any():
                assert (bar, number) == (palette.glyphs.dash, "")
            elif t != 2:  # there the edit is what made the memory
                assert float(number) == pytest.approx(keep[t][unit][before != 0].mean(), abs=0.051)
        assert sum(lines[bars].count(sign) for sign in palette.glyphs.dash) == 2, "at first, and after the edit"

    drive(act)


@pytest.mark.parametrize("size", [(116, 30), (76, 19), (40, 12)])
def test_of_a_word_that_is_repeated_the_place_is_told(size: tuple[int, int]) -> None:
    """Every row of the list leads to its token, and tells which of several that look alike it is."""
    network = open_model("story")
    session = Session.open(Source(network, [sentence(network, "Ram likes tea . Ram likes tea . Ram likes tea .")]))
    frame = session.goto(11)
    view = View(frame, Facts(frame.trace))
    drawing = draw_ledger(view, *size, DARK_PALETTE, 6)
    tokens, told = frame.trace.sequence.tokens, 0
    for number, line in enumerate(drawing.lines):
        target, text = drawing.at(1, number), line.strip().text
        if target is None or target.t is None or not text.strip():
            continue
        place = re.search(r" t=(\d+) ", text[:24])
        assert place is not None
        assert int(place[1]) == target.t
        assert tokens[target.t].startswith(text[:24].split()[0].strip("▸…"))
        told += 1
    assert told > 3
