"""The screen of long memories: its numbers are those of the analysis, it says what vanishes, and leads to a token."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np
import pytest
from driven_screen import Driver, drive, network, of_tokens, three_lines

import lstm_tui
from lstm_tui.analysis.gradient_flow import long_memory
from lstm_tui.analysis.influence import deletion_rows, gradient_rows
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.formats.importers.native import load
from lstm_tui.lesson.library import Library
from lstm_tui.models.bundled import open_model
from lstm_tui.models.recipes import recall
from lstm_tui.tui.app import LstmApp
from lstm_tui.tui.lesson_launcher import Teaching


def recalling(cell: str) -> Source:
    return Source.of_trace(lstm_tui.trace(recall.sample_text().splitlines()[0], model=f"recall-{cell}"))


@pytest.mark.parametrize(("cell", "said"), [("rnn", "∂h vanishes at t=13"), ("lstm", "∂C holds"), ("gru", "∂h holds")])
def test_a_plain_rnn_is_said_to_lose_what_gates_keep(cell: str, said: str) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("G", "R")
        picture = await driver.answered()
        text = driver.text()
        assert said in text
        assert ("has no keep" in text) == (cell == "rnn")
        assert ("Π kept" in text) == (cell != "rnn")
        expected = long_memory(driver.view.passed, 20)
        assert picture.found is not None
        np.testing.assert_array_equal(picture.found.memory.size, expected.memory.size)

    drive(act, recalling(cell))


def compared(
    act: Callable[[Driver], Awaitable[None]], of: Source, size: tuple[int, int] = (160, 45), ascii_only: bool = False
) -> None:
    """Run the app with the bundled networks at hand."""
    teaching = Teaching(lambda: Library(open_model, load))
    app = LstmApp(replace(of, interpreter="numpy"), few_colours=False, teaching=teaching, ascii_only=ascii_only)

    async def go() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await act(Driver(app, pilot))

    asyncio.run(go())


@pytest.mark.parametrize("size", [(160, 45), (80, 24), (40, 12)])
def test_an_rnn_stands_beside_an_lstm_and_a_gru(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R")
        await driver.answered()
        await driver.press("b")
        picture = await driver.answered()
        text = driver.text()
        assert all(len(line) <= size[0] for line in text.split("\n"))
        assert ("Π kept" in text) == (size[0] == 160)
        assert "recall-rnn says white" in " ".join(text.replace("│", " ").split())
        row = next(line for line in text.split("\n") if "0 brown" in line)
        for one, cell in zip(picture.beside, ("rnn", "lstm", "gru"), strict=True):
            passed = lstm_tui.trace(" ".join(one.trace.sequence.tokens), model=f"recall-{cell}")["layer0.forward"]
            np.testing.assert_array_equal(one.found.memory.size, long_memory(passed, 20).memory.size)
            size_then = float(one.found.memory.size[0])
            shown = f"{size_then:.0e}".replace("e-0", "e-") if size_then < 0.01 else f"{size_then:.2f}"
            assert shown in row
        await driver.press("j", "j", "enter")
        assert driver.view.t == 2

    compared(act, recalling("lstm"), size)


def test_what_is_compared_is_the_game_where_another_network_reads_and_its_keys_lead_back() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n", "R", "b")
        picture = await driver.answered()
        assert picture.beside[0].trace.sequence.tokens == tuple(recall.sample_text().splitlines()[0].split())
        await driver.press("b")
        assert (await driver.answered()).now == 2
        assert "|∂C/∂C then|" in driver.text()
        await driver.press("b")
        await driver.answered()
        await driver.press("m")
        await driver.answered()
        assert "which token moves which" in driver.text()
        await driver.press("b")
        await driver.answered()
        await driver.press("j", "enter")
        assert driver.view.t == 2, "there is no such token in this text"

    compared(act, three_lines())


def test_every_sign_of_it_can_be_written_in_ascii() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R")
        await driver.answered()
        one = driver.text()
        await driver.press("b")
        await driver.answered()
        for text in (one, driver.text()):
            assert text.isascii()
            assert "?" not in text.replace("? keys", ""), "the sign of a sign that has none, but for the key"
        assert 'dh vanishes at t=13 "ta"' in driver.text()

    compared(act, recalling("rnn"), ascii_only=True)


def test_without_the_networks_at_hand_it_says_so() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R", "b")
        picture = await driver.answered()
        assert "not at hand" in picture.problem
        await driver.press("b")
        assert (await driver.answered()).found is not None
        await driver.press("escape")

    drive(act)


def test_it_looks_back_from_the_end_where_nothing_lies_behind() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R")
        assert (await driver.answered()).now == 4
        await driver.press("k", "k", "n")
        picture = await driver.answered()
        assert (picture.now, picture.cursor) == (2, 2)
        assert picture.found is not None
        assert picture.found.places == (0, 1, 2)
        await driver.press("right_square_bracket")
        picture = await driver.answered()
        assert picture.pass_name == "layer0.backward"
        assert picture.found is not None
        assert picture.found.places == (4, 3, 2)
        await driver.press("enter")
        assert driver.view.t == 2
        assert len(driver.app.screen_stack) == 1

    drive(act)


def test_the_map_holds_both_answers() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R", "m")
        picture = await driver.answered()
        trace = driver.view.trace
        passed = trace["layer0.forward"]
        for kind, rows in (
            ("gradient", gradient_rows(passed, range(5))), ("deletion", deletion_rows(trace, passed, range(5))),
        ):  # fmt: skip
            for t, column in rows:
                np.testing.assert_array_equal(picture.maps[kind][:, t], column)
        text = driver.text()
        assert "gradient: t=4 is moved most by" in text
        assert "deletion: t=4 is moved most by" in text
        await driver.press("k", "m")
        assert "ρ of the step" in driver.text()
        await driver.press("escape")
        assert driver.view.t == 0

    drive(act)


def test_where_there_is_little_room_one_map_is_shown() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("right_curly_bracket", "R", "m")
        await driver.answered()
        assert "deletion" not in driver.text().split("\n")[1]
        await driver.press("x")
        assert "deletion" in driver.text().split("\n")[1]

    drive(act, size=(80, 24))


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24), (40, 12)])
def test_it_fits(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R")
        await driver.answered()
        assert "|∂C/∂C then|" in driver.text()
        await driver.press("m")
        await driver.answered()
        assert all(len(line) <= size[0] for line in driver.text().split("\n"))

    drive(act, size=size)


def test_a_trace_without_its_network_says_so() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R")
        picture = await driver.answered()
        assert "came from a file without its network" in picture.problem
        assert "without its network" in driver.text()
        await driver.press("escape", "n")
        assert driver.view.t == 1

    drive(act, Source.of_trace(bare()))


def bare() -> Trace:
    from dataclasses import replace

    from lstm_tui.engine.runtime.run import run

    trace = run(network(), of_tokens(["bad", "movie", "bad"]))
    passes = {name: replace(passed, stored=None) for name, passed in trace.passes.items()}
    return replace(trace, network=None, ran=None, passes=passes)


def test_strange_tokens_are_made_visible() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R")
        await driver.answered()
        assert "\x1b]52" not in driver.text()
        await driver.press("m")
        await driver.answered()
        assert "\x1b]52" not in driver.text()

    sequence = of_tokens(["bad", "\x1b]52;c;aGk=\x07", "[/nope]", "\u202eabc"])
    drive(act, Source(network(), [sequence]))


def test_numbers_have_no_left_out_map_but_a_gradient() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R", "m")
        picture = await driver.answered()
        assert "only tokens of a text" in picture.problem
        assert np.isfinite(picture.maps["gradient"]).all()
        assert "only tokens of a text" in driver.text()

    trace = lstm_tui.trace(np.random.default_rng(0).normal(size=(9, 3)), model="forecast")
    drive(act, Source.of_trace(trace))


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24)])
def test_the_heading_says_the_axis_of_every_bar(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("R")
        await driver.answered()
        assert "bars 1e-4…1e2, log; ρ 0…2 " in driver.text()

    drive(act, size=size)


@pytest.mark.parametrize("width", [80, 100, 120, 140, 160])
@pytest.mark.parametrize("unit", [0, 3])
def test_no_heading_of_a_column_is_cut(width: int, unit: int) -> None:
    async def act(driver: Driver) -> None:
        view = driver.view
        driver.screen.view = view.but(units={**view.units, view.pass_name: unit})
        await driver.press("R")
        await driver.answered()
        (head,) = (line for line in driver.text().splitlines() if " token " in line and "∂" in line)
        assert "…" not in head

    drive(act, three_lines(), size=(width, 36))
