"""A text goes on at a key: each token an edit, its surprise on the tape, and nothing where no next token is said."""

from __future__ import annotations

import numpy as np
from driven_screen import Driver, drive, three_lines

from lstm_tui.analysis.distribution import choose, surprise
from lstm_tui.debugger.source import Source
from lstm_tui.formats.inputs.inputs import text_sequence
from lstm_tui.models.bundled import open_model


def story(text: str = "Ganesh likes AIML . Ram likes DevSecOps . he likes") -> Source:
    network = open_model("story")
    assert network.tokens is not None
    return Source(network, [text_sequence(text, network.tokens)])


def test_a_appends_the_likeliest_and_z_takes_it_back() -> None:
    async def act(driver: Driver) -> None:
        before = driver.view.trace
        await driver.press("a")
        assert driver.view.trace.sequence.tokens[-1] == "devsecops" == choose(before)
        assert driver.view.t == 10
        assert "devsecops" in driver.pane("tape").text()
        await driver.press("a", "z", "z")
        assert driver.view.trace is before

    drive(act, story())


def test_a_draw_is_the_same_each_time() -> None:
    async def act(driver: Driver) -> None:
        before = driver.view.trace
        await driver.press("A", "A")
        drawn = driver.view.trace.sequence.tokens[-2:]
        await driver.press("z", "z", "A", "A")
        assert driver.view.trace.sequence.tokens[-2:] == drawn
        assert drawn[0] == choose(before, 1.0)

    drive(act, story())


def test_surprise_is_on_the_tape_and_in_the_output() -> None:
    async def act(driver: Driver) -> None:
        for _ in range(9):
            if driver.view.signal_name() == "surprise":
                break
            await driver.press("v")
        bits = surprise(driver.view.trace)
        assert bits is not None
        row = driver.pane("tape").text().split("\n")[2]
        assert row.split()[1:4] == ["surprise", "·", f"{bits[1]:.2f}".lstrip("0")]
        await driver.press("n", "7")
        text = driver.pane("output").text()
        assert f"next: {bits[2]:.2f} bits" in text
        assert f"text: perplexity {2 ** np.mean(bits[1:]):.3g}" in text

    drive(act, story())


def test_what_is_said_before_it_is_asked_is_no_foretelling() -> None:
    network = open_model("recall-lstm")
    assert network.tokens is not None
    recall = Source(network, [text_sequence("red na ta which", network.tokens)])

    async def act(driver: Driver) -> None:
        assert "surprise" not in driver.view.facts.signals("layer0.forward")
        text = driver.pane("output").text()
        assert "asked at the end only" in text
        assert "perplexity" not in text
        verdict = driver.view.verdict
        assert verdict is not None
        assert verdict.faded
        await driver.press("G")
        assert "asked" not in driver.pane("output").text()
        verdict = driver.view.verdict
        assert verdict is not None
        assert not verdict.faded
        assert driver.pane("output").text().split("\n")[1].split()[1] == "red"
        await driver.press("a")
        assert "no next token" in driver.line("footer")

    drive(act, recall)


def test_a_network_that_says_no_tokens_says_so() -> None:
    async def act(driver: Driver) -> None:
        before = driver.view.trace
        await driver.press("a")
        assert "no next token" in driver.line("footer")
        await driver.press("A")
        assert driver.view.trace is before
        assert "surprise" not in driver.view.facts.signals("layer0.forward")

    drive(act, three_lines())
