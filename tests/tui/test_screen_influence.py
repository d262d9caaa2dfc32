"""The influence screen: what it asks and shows, its order, its thread, and what it says where there is no answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from driven_screen import Driver, drive, network, of_tokens, sequences, three_lines

from lstm_tui.analysis.influence import Target, deletions, influence
from lstm_tui.analysis.ledger import ledger_at
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.traces.reader import read
from lstm_tui.formats.traces.trace_file import write
from lstm_tui.tui.views import influence as screens
from lstm_tui.tui.views.analysis_screen import AnalysisScreen, StudyPane


def opened(driver: Driver) -> AnalysisScreen:
    screen = driver.app.screen
    assert isinstance(screen, AnalysisScreen)
    return screen


def test_the_largest_output_is_asked_about_and_the_columns_are_those_of_the_analysis() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "r")
        answer = await driver.answered()
        trace = driver.view.trace
        assert trace.result is not None
        best = int(np.argmax(trace.result))
        target = Target("", class_index=best)
        assert answer.target.class_index == best
        assert answer.found is not None
        np.testing.assert_array_equal(answer.found.of_token, influence(trace, target).of_token)
        assert answer.effects is not None
        np.testing.assert_array_equal(answer.effects, deletions(trace, target))
        flow = driver.view.facts.flow("layer0.forward")
        assert flow is not None
        shares = ledger_at(trace["layer0.forward"], flow, 4).shares()
        np.testing.assert_array_equal(answer.shares, shares)
        text = driver.text()
        for words in ("gradient·x", "by x", "by h", "by C", "ledger", "deletion", "attribution, not causation"):
            assert words in text
        assert list(answer.columns)[:2] == ["deletion", "ledger"]
        assert "largest by deletion" in text

    drive(act)


def test_each_column_has_a_key_to_order_by() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("right_curly_bracket", "r")
        answer = await driver.answered()
        assert answer.places == list(range(16))
        for number, (name, values) in enumerate(answer.columns.items(), start=2):
            await driver.press(str(number))
            ordered = opened(driver).picture
            assert ordered is not None
            assert ordered.order == name
            assert values is not None
            sizes = np.abs(values)[ordered.places]
            assert (np.diff(sizes) <= 0).all()
            pane = opened(driver).query_one(StudyPane).text()
            first = driver.view.trace.sequence.tokens[ordered.places[0]]
            assert first in pane.split("\n")[3]
            assert ordered.row == ordered.places[0], "the cursor is on the largest"
        largest = ordered.places[0]
        await driver.press("1")
        assert opened(driver).picture.row == largest, "by place it stays at its token"
        await driver.press("k", "k", "j")
        assert opened(driver).picture.row == max(largest - 2, 0) + 1

    drive(act)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (160, 45)])
def test_what_is_largest_is_in_sight_wherever_the_run_stands(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("right_curly_bracket", "G", "r")
        answer = await driver.answered()
        for number in range(2, 2 + len(answer.columns)):
            await driver.press(str(number))
            ordered = opened(driver).picture
            assert ordered is not None
            rows = opened(driver).query_one(StudyPane).text().split("\n")
            token = driver.view.trace.sequence.tokens[ordered.places[0]]
            assert f" {ordered.places[0]} {token}" in rows[3]

    drive(act, size=size)


def test_another_output_the_memory_of_the_unit_and_back_to_a_token() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "r")
        first = (await driver.answered()).target
        await driver.press("right_square_bracket")
        second = (await driver.answered()).target
        assert {first.class_index, second.class_index} == {0, 1}
        await driver.press("c")
        memory = await driver.answered()
        assert (memory.target.value, memory.target.unit, memory.target.t) == ("c", driver.view.unit, 2)
        assert memory.found is not None
        assert memory.found.number == driver.view.trace["layer0.forward"]["c"][2, driver.view.unit]
        assert memory.shares is not None
        assert not memory.shares[3:].any()
        assert not memory.found.size[3:].any()
        await driver.press("j", "enter")
        assert driver.view.t == 3
        assert driver.app.screen is driver.screen

    drive(act)


def test_a_word_to_come_is_asked_about_at_its_token() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "r")
        answer = await driver.answered()
        assert answer.target.t == 2
        assert answer.found is not None
        assert not answer.found.size[3:].any()
        assert np.isnan(answer.effects[2])
        rows = driver.text().split("\n")
        assert [t for t in range(5) if any(f" {t} " in row and "asked" in row for row in rows[3:8])] == [2]

    drive(act, three_lines(both=False, readout="dense"))


def test_keys_are_answered_while_it_computes_and_it_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    held, stopped = threading.Event(), threading.Event()

    def slowly(trace: Trace, target: Target, places: range) -> Iterator[tuple[int, float]]:
        for t in places:
            yield t, 0.125
            if t == 1:
                held.wait(10)
        stopped.set()

    monkeypatch.setattr(screens, "each_deletion", slowly)

    async def act(driver: Driver) -> None:
        await driver.press("r")
        for _ in range(500):
            answer = opened(driver).picture
            if answer is not None and answer.found is not None:
                break
            await driver.pilot.pause(0.01)
        await driver.press("4", "j")
        answer = opened(driver).picture
        assert answer is not None
        assert answer.order == "gradient·x"
        assert answer.working
        assert "deletions 0 of 5" in driver.text()
        await driver.press("s")
        held.set()
        await driver.pilot.pause(0.05)
        answer = opened(driver).picture
        assert answer is not None
        assert not answer.working
        await driver.press("escape")
        assert driver.app.screen is driver.screen

    drive(act)
    assert not stopped.is_set()


@pytest.mark.parametrize("cell", ["gru", "rnn"])
@pytest.mark.parametrize("size", [(160, 45), (80, 24), (40, 12)])
def test_every_cell_and_size(cell: str, size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "r")
        answer = await driver.answered()
        assert ("by C" in answer.columns) is False
        assert (answer.shares is None) == (cell == "rnn")
        if size[1] >= 24:
            assert all(f" {meaning} " in driver.text() for _, meaning in screens._MEANINGS)
        for key in ("5", "6", "c", "j"):
            await driver.press(key)
        assert all(len(line) <= size[0] for line in driver.text().split("\n"))

    drive(act, three_lines(cell), size)


def test_what_cannot_be_asked_is_said_in_one_line(tmp_path: Path) -> None:
    write(run(network(), sequences()[0]), tmp_path / "run.json")

    async def act(driver: Driver) -> None:
        await driver.press("r")
        assert (await driver.answered()).problem == (
            "this trace came from a file without its network: gradients need it"
        )
        assert "without its network" in driver.text()

    drive(act, Source.of_trace(read(tmp_path / "run.json")))


def test_the_only_token_cannot_be_left_out() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("r")
        assert np.isnan((await driver.answered()).effects).all()

    drive(act, Source(network(), [of_tokens(["movie"])]))
