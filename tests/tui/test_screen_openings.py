"""Another network or text in place, typed on the screen: header, tables and tape are of it, and undo goes back."""

from __future__ import annotations

import pytest
from driven_screen import Driver, drive

from lstm_tui.debugger.source import Source
from lstm_tui.formats.bundled_files import bundled_names
from lstm_tui.formats.importers.named import open_model
from lstm_tui.formats.inputs.inputs import text_sequence

READERS = tuple(name for name in bundled_names() if open_model(name).tokens is not None)
SIZES = ((160, 45), (120, 36), (80, 24))


def source(name: str = "sentiment", text: str = "The movie was not bad") -> Source:
    network = open_model(name)
    assert network.tokens is not None
    return Source(network, [text_sequence(text, network.tokens)])


async def typed(driver: Driver, line: str) -> None:
    await driver.press("colon", *("space" if one == " " else one for one in line), "enter")


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES)
def test_the_screen_is_of_the_network_that_reads_now(size: tuple[int, int]) -> None:
    async def act(driver: Driver) -> None:
        before = driver.view
        await driver.press("n", "]")  # the other pass, which the next network has not
        await typed(driver, "model story")
        assert driver.view.trace.model["name"] == "story"
        assert "story" in driver.text()
        assert driver.view.unit < 16
        assert list(driver.view.trace) == ["layer0.forward"]
        await typed(driver, "text her name is mei and")
        assert driver.view.trace.sequence.tokens == ("her", "name", "is", "mei", "and")
        await driver.press("s", "i", "n", "d", "o", "2", "5", "6", "7", "8", "G")
        assert "she" in driver.text()
        await driver.press("z", "z")
        assert driver.view.trace is before.trace
        assert driver.view.title == before.title

    drive(act, source(), size=size)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_every_bundled_network_takes_over_and_every_pane_is_drawn(name: str) -> None:
    async def act(driver: Driver) -> None:
        await typed(driver, f"model {name}")
        assert driver.view.trace.model["name"] == name
        await driver.press("n", "s", "D", "escape", "V", "escape", "2", "4", "5", "6", "7", "8", "r", "escape", "h")
        await driver.press("z")
        assert driver.view.trace.model["name"] != name

    drive(act, source("tiny" if name == "sentiment" else "sentiment"), size=(120, 36))
