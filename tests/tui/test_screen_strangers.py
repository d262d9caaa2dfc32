"""Tokens, names and numbers from strangers are shown, never obeyed, and never end the app."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from driven_screen import HOSTILE, Driver, drive, network, of_tokens, three_lines
from registries import sampled

from lstm_tui import tui
from lstm_tui.debugger.source import Source
from lstm_tui.engine.runtime.run import run
from lstm_tui.tui.panes.pane import Pane


@pytest.mark.parametrize(
    ("ascii_only", "size"), sampled(list(product([False, True], [(160, 45), (120, 36), (80, 24)])), 2)
)
def test_hostile_tokens_are_shown_and_not_obeyed(size: tuple[int, int], ascii_only: bool) -> None:
    hostile = Source(network(), [of_tokens(HOSTILE)])

    async def act(driver: Driver) -> None:
        for key in ("n", "p", "escape", "5", "6", "7", "l", "t", "slash", "[", "enter", "full_stop", "G"):
            await driver.press(key)
            text = driver.text()
            assert not any((ord(sign) < 32 and sign != "\n") or 0x7F <= ord(sign) < 0xA0 for sign in text)
            assert not set(text) & {"\u202e", "\u200d", "\u2028"}
        await driver.press("g")
        assert "[/nope]" in driver.pane("tape").text()

    drive(act, hostile, size, ascii_only=ascii_only)


def test_ascii_means_ascii() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "s", "s")
        for pane in driver.screen.query(Pane):
            text = pane.text()
            assert text.isascii(), [sign for sign in text if not sign.isascii()]

    drive(act, ascii_only=True)


@pytest.mark.parametrize(
    ("cell", "broken"), sampled(list(product(["lstm", "gru", "rnn"], [np.nan, np.inf, -np.inf])), 4)
)
def test_numbers_that_are_none_have_a_sign_of_their_own(cell: str, broken: float) -> None:
    trace = Source(network(cell), [of_tokens(["The", "movie", "was"])]).run()
    for passed in trace.passes.values():
        for name in list(passed.arrays):
            changed = passed.arrays[name].copy()
            changed[1, :4] = broken
            passed.arrays[name] = changed  # type: ignore[index]

    async def act(driver: Driver) -> None:
        for key in ("n", "s", "o", "v", "v", "v", "v", "p", "escape", "5", "6", "7", "G"):
            await driver.press(key)
        await driver.press("g", "n", "2")
        for _ in range(4):  # the value under the cursor is in sight on any screen
            await driver.press("l")
        assert ("NaN" if np.isnan(broken) else "∞") in driver.pane("forward").text()

    drive(act, Source.of_trace(trace))


def test_a_trace_without_its_network_shows_its_values() -> None:
    trace = run(network(), of_tokens(["The", "movie", "was"]))
    alone = type(trace)(
        model=trace.model, sequence=trace.sequence, interpreter="numpy", dtype="float32",
        passes={
            name: type(passed)(
                passed.name, passed.cell, passed.direction, passed.input_size, passed.hidden_size,
                dict(passed.arrays), dict(passed.initial),
            )
            for name, passed in trace.passes.items()
        },
        output=None, result=trace.result, classes=trace.classes,
    )  # fmt: skip

    async def act(driver: Driver) -> None:
        for key in ("n", "s", "i", "p", "escape", "4", "5", "6", "7", "right_square_bracket", "right_curly_bracket"):
            await driver.press(key)
        assert "trace file" in driver.line("header")
        assert "Σ = C ✓" in driver.pane("ledger").text()

    drive(act, Source.of_trace(alone))


def test_one_token_and_one_unit() -> None:
    async def act(driver: Driver) -> None:
        for key in ("n", "N", "s", "S", "j", "5", "l", "6", "j", "G", "g", "space"):
            await driver.press(key)

    drive(act, Source(network(hidden=1), [of_tokens(["bad"])]))


def test_a_language_model_marks_what_came_next() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("n", "n")
        assert "▸not" in driver.pane("output").text()

    drive(act, three_lines(readout="dense", both=False))


def test_no_message_over_the_screen_is_read_as_markup() -> None:
    """Whatever stands in it: a file's name, a token, an error. The screens' own `notify` of changes says so once."""
    found = [
        (path.name, node.lineno, {one.arg: ast.unparse(one.value) for one in node.keywords}.get("markup"))
        for path in sorted(Path(tui.__file__).parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "notify"
        if ast.unparse(node.func.value) != "self._changes"
    ]
    assert len(found) > 10
    assert [one for one in found if one[2] != "False"] == []
