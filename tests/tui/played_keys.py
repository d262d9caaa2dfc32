"""Plays a file of keys on the screen, as a user would press them."""

from __future__ import annotations

import re
from pathlib import Path

from driven_screen import Driver, drive
from textual import events

from lstm_tui.cli.arguments import parse
from lstm_tui.cli.source import source_of
from lstm_tui.debugger.source import Source
from lstm_tui.tui.app import LstmApp

FOLDER = Path(__file__).parents[2] / "samples" / "keys"
_NAMES = {"]": "right_square_bracket", "[": "left_square_bracket", "}": "right_curly_bracket"}


def opened(line: str) -> Source:
    """Return what a line `open FILE OPTIONS` opens, as `lstm-tui run` does."""
    return source_of(parse(["run", *line.split()[1:]]))


def play(name: str, size: tuple[int, int] = (160, 45)) -> LstmApp:
    """Play a file; fails where the screen does not show what a `see` line says.

    `open` says what is run, `keys` presses keys (`n*3` thrice), `type` puts a line in after `:`, `wait` waits for
    words in a row, `see` looks for a row that holds its words in their order.
    """
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    steps = [line for line in lines if line and not line.startswith("#")]

    async def act(driver: Driver) -> None:
        for step in steps[1:]:
            verb, _, rest = step.partition(" ")
            if verb == "keys":
                for one in rest.split():
                    key, _, times = one.partition("*")
                    await driver.press(*[_NAMES.get(key, key)] * int(times or 1))
            elif verb == "type":
                await driver.press("colon")
                assert driver.app.screen.focused is not None
                driver.app.screen.focused.post_message(events.Paste(rest))  # key by key takes half a second a line
                await driver.press("enter")
            else:
                for _ in range(500 if verb == "wait" else 1):
                    if _seen(rest, driver.text()):
                        break
                    await driver.pilot.pause(0.01)
                assert _seen(rest, driver.text()), f"{name}: {step}\n{driver.text()}"

    return drive(act, opened(steps[0]), size)


def _seen(words: str, screen: str) -> bool:
    pattern = r"(?<![\w.])" + r"(?![\w])(?:.*[^\w.])?".join(map(re.escape, words.split())) + r"(?!\w)"
    return any(re.search(pattern, line) for line in screen.split("\n"))
