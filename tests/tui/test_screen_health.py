"""The health of the units on the screen: a flag in the table, a scatter of each gate, and the way to a sick unit."""

from __future__ import annotations

import re

import numpy as np
import pytest
from driven_screen import Driver, drive, of_tokens, three_lines
from test_screen_reach import bare, recalling

import lstm_tui
from lstm_tui.analysis.health import LEAST_STEPS, flags_of, health
from lstm_tui.debugger.source import Source
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.models.recipes import recall


def dead() -> Trace:
    spec = {"input_size": 3, "layers": [{"cell": "rnn_relu", "hidden_size": 5}], "readout": "dense", "classes": ["a"]}
    network = build_network({**spec, "name": "made", "classes": ["a", "b"]}, seed=0)
    network.tensors()["layer0.forward/b_h"][:] = (0, 0, -90, 0, 1)
    x = np.random.default_rng(1).normal(size=(LEAST_STEPS, 3)).astype(np.float32)
    return run(network, Sequence("numbers", tuple("abcdefgh"), x=x))


def test_flags_at_a_glance_are_those_of_the_whole_look() -> None:
    recalled = lstm_tui.trace(recall.sample_text().splitlines()[0], model="recall-lstm")
    for trace in (dead(), recalled):
        (one,) = health([trace])
        flags = flags_of(trace["layer0.forward"])
        assert flags
        assert set(flags) == {finding.unit for finding in one.findings if finding.kind != "open"}
        for unit, kind in flags.items():
            assert kind == next(finding.kind for finding in one.findings if finding.unit == unit)


def test_a_dead_unit_is_marked_in_the_table() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("o", "o")
        rows = driver.pane("forward").text().split("\n")[2:7]
        assert ["2†" in row for row in rows] == [n == 2 for n in range(5)]
        await driver.press("H")
        await driver.answered()
        text = driver.text()
        assert "they are dead: on what was read no gradient comes back to them (1)" in text
        assert "dead by h: relu is 0 at every step, by b_h: −90.00" in text
        await driver.press("enter")
        assert len(driver.app.screen_stack) == 1
        assert driver.view.unit == 2

    drive(act, Source.of_trace(dead()))


def test_in_ascii_it_is_another_sign() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("o", "o")
        assert " 2x" in driver.pane("forward").text()
        await driver.press("H")
        await driver.answered()
        assert driver.text().isascii()

    drive(act, Source.of_trace(dead()), ascii_only=True)


def test_a_trace_from_a_file_is_looked_at_without_gradients() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("H")
        picture = await driver.answered()
        assert picture.passes["layer0.forward"].dead == {}
        text = driver.text()
        assert "gradients are not known:" in text
        assert "f keeps" in text
        assert "by b_" not in text

    drive(act, Source.of_trace(bare()))


def test_a_short_run_flags_nothing() -> None:
    trace = run(three_lines().network, of_tokens(["bad", "movie"]))  # type: ignore[arg-type]
    assert flags_of(trace["layer0.forward"]) == {}


@pytest.mark.parametrize("size", [(160, 45), (120, 36), (80, 24), (40, 12)])
def test_every_unit_of_a_gate_is_in_its_scatter(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        await driver.press("H")
        await driver.answered()
        text = driver.text()
        assert bool(re.search(r"f (keeps  ?below |<).1.*%.*(above |>).9.*%", text)) == (size[0] >= 80)
        assert all(len(line) <= size[0] for line in text.split("\n"))
        if size[0] < 80:
            return
        rows = text.split("\n")
        foot = next(n for n, row in enumerate(rows) if "share below .1" in row)
        first, second = (re.search(rf"(?<=\s){gate} (?=[\w<])", rows[1]).start() for gate in "fi")  # type: ignore[union-attr]
        span = second - first
        signs = "".join(row[4 : second - 2] for row in rows[2:foot])
        count = sum(1 if sign == "•" else int(sign) for sign in signs if sign == "•" or sign.isdigit())
        assert span > 10
        assert count == 16 or (count < 7 and signs.count("#") == 1)  # ten or more in one place

    drive(act, recalling("lstm"), size=size)


def test_findings_are_walked_in_the_order_listed() -> None:
    async def act(driver: Driver) -> None:
        await driver.press("H")
        picture = await driver.answered()
        marked = []
        for _ in picture.findings:
            marked.append(next(row for row in driver.text().split("\n") if row[1:].startswith("▸   unit")))
            await driver.press("j")
        assert len(set(marked)) == len(picture.findings) == 9
        await driver.press("escape", "n")
        assert driver.view.t == 1

    drive(act, recalling("lstm"))
