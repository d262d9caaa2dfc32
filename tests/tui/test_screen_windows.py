"""A run in windows on the screen: drawn as one that is held whole, and at once; what is not computed yet is said."""

from __future__ import annotations

from dataclasses import replace
from weakref import WeakKeyDictionary

import pytest
from driven_screen import LINES, Driver, drive, network, of_tokens
from present import present

from lstm_tui.debugger import source as opened
from lstm_tui.debugger.inspect import trace_facts
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame, Position
from lstm_tui.debugger.source import Source
from lstm_tui.engine.language.cell import cell_names, load_cell
from lstm_tui.engine.model.tokens import tokenize
from lstm_tui.engine.runtime import storage, windows
from lstm_tui.engine.runtime.compiling import StillToCompile, nothing_compiled
from lstm_tui.engine.runtime.fused.compiled_steps import Newest
from lstm_tui.tui.canvas.palette import DARK_PALETTE
from lstm_tui.tui.controllers.behind import ComputingBehind
from lstm_tui.tui.panes.ledger import LedgerPane
from lstm_tui.tui.panes.pane import NOT_COMPUTED
from lstm_tui.tui.panes.tape import Tape
from lstm_tui.tui.panes.units import Units
from lstm_tui.tui.view import View
from lstm_tui.tui.views.analysis_screen import AnalysisScreen

TOKENS = [token for line in LINES for token in tokenize(line, "words")] * 8
PANES = ("tape", "forward", "backward", "cell", "memory", "ledger")


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every run in windows of one block."""
    monkeypatch.setattr(opened, "most_array_bytes", lambda: 0)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    monkeypatch.setattr(windows, "_SPAN_BYTES", 1)


def long_text(cell: str = "lstm", readout: str | None = None) -> Source:
    return Source(network(cell, readout=readout), (of_tokens(TOKENS),), interpreter="numpy")


def pictures(source: Source, keys: list[str], wait: bool) -> list[dict[str, str]]:
    """Return what the panes show after each key, once all is computed where that is waited for."""
    found: list[dict[str, str]] = []

    async def act(driver: Driver) -> None:
        for key in ("", *keys):
            if key:
                await driver.press(key)
            while wait and (held := driver.view.trace.windows) is not None and not held.is_complete:
                await driver.pilot.pause(0.01)
            while wait and driver.screen.behind.told():
                await driver.pilot.pause(0.01)
            driver.screen.behind._look()
            await driver.pilot.pause()
            found.append({name: driver.pane(name).text() for name in PANES})

    drive(act, source)
    return found


def fits(cell: str) -> bool:
    """Say whether a cell needs no size and no input of its own width."""
    loaded = load_cell(cell)
    return "x" not in loaded.sizes and all(size.letter in (None, "H", "I") for size in loaded.sizes.values())


KEYS = ["n", "n", "s", "G", "N", "f", "]", "n", "G", "N", "o", "left_square_bracket"]


@pytest.mark.slow
@pytest.mark.parametrize("cell", [name for name in cell_names() if fits(name)])
def test_a_run_in_windows_is_drawn_as_one_held_whole(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pictures(long_text(cell), KEYS, wait=False)
    monkeypatch.setattr(opened, "most_array_bytes", lambda: 0)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    held = pictures(long_text(cell), KEYS, wait=True)
    for number, (one, other) in enumerate(zip(whole, held, strict=True)):
        for name in PANES:
            assert other[name] == one[name], (number, name)


def test_what_is_not_computed_is_said_and_is_no_nan(small_windows: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backward pass is not known at the first token before the whole text was read from its end."""
    monkeypatch.setattr(ComputingBehind, "follow", lambda self, view: None)
    first, second, end = pictures(long_text("lstm", "mean"), ["n", "G"], wait=False)
    for shown in (first, second):
        assert NOT_COMPUTED in shown["backward"]
        assert NOT_COMPUTED not in shown["forward"]
    assert NOT_COMPUTED in end["forward"]
    assert NOT_COMPUTED not in end["backward"]
    assert "NaN" not in "".join(text for shown in (first, second, end) for text in shown.values())


def test_the_rest_is_computed_behind_and_given_up(small_windows: None) -> None:
    """The header says so while it is, and the panes show what came of it."""

    async def act(driver: Driver) -> None:
        held = driver.view.trace.windows
        assert held is not None
        while not held.is_complete:
            await driver.pilot.pause(0.01)
        driver.screen.behind._look()
        await driver.pilot.pause()
        assert NOT_COMPUTED not in driver.text()
        assert "computes the rest" not in driver.line("header")
        await driver.press("escape")
        assert held.is_complete

    drive(act, replace(long_text("lstm", "mean")))


def test_a_screen_waits_for_no_run_that_takes_longer_than_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is looked at on a screen is computed before the rest; who asks from Python has arrays."""
    source = replace(long_text(), interpreter="numba")
    assert source.run().windows is None
    assert opened.LineRuns(source).run(0, "numba").windows is None, "it is short"
    assert present(opened.LineRuns(source).source.array_bytes) <= present(source.array_bytes)
    monkeypatch.setattr(opened, "_AT_ONCE", 0.0)
    assert opened.LineRuns(source).run(0, "numba").windows is not None
    assert source.run().windows is None


def test_what_is_complete_is_not_given_up(small_windows: None) -> None:
    async def act(driver: Driver) -> None:
        held = driver.view.trace.windows
        while held is not None and not held.is_complete:
            await driver.pilot.pause(0.01)
        assert held is not None
        assert not driver.screen.behind.give_up()
        await driver.press("escape")
        assert "given up" not in driver.view.said

    drive(act, long_text())


def test_an_edit_in_the_middle_is_shown(small_windows: None) -> None:
    async def act(driver: Driver) -> None:
        for key in ':replace 40 "good"':
            await driver.press({" ": "space", ":": "colon", '"': "quotation_mark"}.get(key, key))
        await driver.press("enter")
        while not driver.view.edits:
            await driver.pilot.pause(0.01)
        while (held := driver.view.trace.windows) is not None and not held.is_complete:
            await driver.pilot.pause(0.01)
        driver.screen.behind._look()
        await driver.press("g")
        await driver.pilot.pause()
        assert driver.view.trace.sequence.tokens[40] == "good"
        assert NOT_COMPUTED not in driver.text()

    drive(act, long_text("lstm", "mean"))


def asked(driver: Driver) -> AnalysisScreen:
    screen = driver.app.screen
    assert isinstance(screen, AnalysisScreen)
    return screen


def test_a_long_run_held_whole_is_drawn_before_all_of_it_is_asked_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ledger and tape are those of a short run, whether what takes time was computed or not."""
    source = long_text("lstm", "mean")
    trace = source.run()

    def drawn(ready: bool) -> list[str]:
        facts = Facts(trace)
        facts.prepare()
        if ready:
            facts.finish()
        found = []
        for t in (0, 40, 71, 130):
            frame = Frame(trace, Position(next(iter(trace)), t, -1))
            view = View(frame, facts)
            found += [pane.draw(view, DARK_PALETTE, 90, 16).text() for pane in (LedgerPane(), Tape(), Units())]
        return found

    short = drawn(True)
    monkeypatch.setattr(trace_facts, "_AT_ONCE", 8)
    monkeypatch.setattr(trace_facts, "NEAR_STEPS", 128)
    assert drawn(False) == short
    assert drawn(True) == short


@pytest.mark.parametrize("in_windows", [False, True])
def test_what_single_ops_are_shown_by_is_compiled_before_a_key_asks_for_them(
    in_windows: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run keeps its named values alone; the rest of a step is computed again by a program of its own."""
    newest = Newest()
    monkeypatch.setattr("lstm_tui.engine.runtime.fused.compiled_steps.NEWEST", newest)
    monkeypatch.setattr("lstm_tui.engine.runtime.fused.interpreter.NEWEST", newest)
    monkeypatch.setattr("lstm_tui.engine.runtime.fused.interpreter._of_program", WeakKeyDictionary())
    monkeypatch.setattr(storage, "NAMED_BYTES", 0)
    if in_windows:
        monkeypatch.setattr(opened, "most_array_bytes", lambda: 0)
    trace = replace(long_text(), interpreter="numba").run()
    with nothing_compiled(), pytest.raises(StillToCompile):
        next(iter(trace.values())).row(0)
    facts = Facts(trace)
    facts.prepare()
    facts.finish()
    with nothing_compiled():
        for passed in trace.values():
            assert passed.row(passed.tape_place(0)) is not None


ASKED = [("r",), ("r", "j", "5", "c"), ("R",), ("R", "m"), ("R", "m", "x"), ("H",)]


@pytest.mark.slow
def test_questions_about_a_run_in_windows_are_answered_as_of_one_held_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attribution, gradients through time, the map and health, with every number of the screen."""

    def answers() -> list[str]:
        found = []

        async def act(driver: Driver) -> None:
            while (held := driver.view.trace.windows) is not None and not held.is_complete:
                await driver.pilot.pause(0.01)
            driver.screen.behind._look()
            await driver.press("G")
            for keys in ASKED:
                for key in keys:
                    await driver.press(key)
                    while asked(driver).picture.working:
                        await driver.pilot.pause(0.01)
                found.append(driver.text())
                await driver.press("escape")

        drive(act, replace(long_text("lstm", "mean"), sequences=(of_tokens(TOKENS[:20]),)))
        return found

    whole = answers()
    monkeypatch.setattr(opened, "most_array_bytes", lambda: 0)
    monkeypatch.setattr(windows, "WINDOW_BYTES", 1)
    held = answers()
    assert "attribution" in whole[0]
    for keys, one, other in zip(ASKED, whole, held, strict=True):
        assert one == other, keys


@pytest.mark.slow
def test_what_part_of_a_long_run_is_asked_about_is_said(small_windows: None) -> None:
    """The token that moves most is sought among the last some hundreds, and the screen says which."""

    async def act(driver: Driver) -> None:
        while (held := driver.view.trace.windows) is not None and not held.is_complete:
            await driver.pilot.pause(0.01)
        driver.screen.behind._look()
        await driver.press("r")
        while asked(driver).picture.found is None:
            await driver.pilot.pause(0.01)
        await driver.press("s")
        answer = asked(driver).picture
        assert answer.asked == range(88, 600)
        assert "t=88 to 599 of 600" in driver.text()
        await driver.press("k")
        assert asked(driver).picture.cursor in answer.asked

    drive(act, replace(long_text("lstm", "mean"), sequences=(of_tokens((TOKENS * 8)[:600]),)))
