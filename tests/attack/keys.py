"""Scripts of keys, each delivered in every way and at several sizes: one session comes of all of them.

What is checked of every script: the session and what is open are the same in each delivery; Escape leaves every
screen; with all edits taken back the run is bit for bit what it was; and no key ends the program.
"""

from __future__ import annotations

import random
import sys
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .harness import Clock, Tally

sys.path.insert(0, str(Path(__file__).parents[1] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from driven_screen import Driver, document, drive
from key_scripts import DELIVERIES, ESCAPE, bits, digest, rest, script

SIZES = ((160, 45), (80, 24), (10, 3), (1, 1))
CELLS = ("lstm", "gru", "rnn")
_DEPTH = 6
"""Times that Escape is pressed at most to be back on the main screen."""


def attack(rng: random.Random, clock: Clock) -> Tally:
    """Tries scripts at random."""
    with TemporaryDirectory() as folder, chdir(folder):  # a script may write files
        return tried(rng, clock)


def tried(rng: random.Random, clock: Clock) -> Tally:
    """Try one script after the other, and return what was seen."""
    tally = Tally()
    while clock:
        size, cell = rng.choice(SIZES), rng.choice(CELLS)
        parts = script(rng)
        found: dict[str, Any] = {}
        for name in DELIVERIES:
            if not clock and found:
                break
            found[name] = outcome(parts, name, size, cell)
            tally.tried[name] += 1
            tally.tried[f"{size[0]}×{size[1]}"] += 0
        for kind, seen in broken(found):
            least = shrunk(parts, size, cell, kind, clock)
            tally.found(kind, seen, f"tests.attack.keys.outcome({least!r}, DELIVERY, {size}, {cell!r})")
    tally.figures["keys a script"] = "12"
    return tally


def outcome(parts: tuple[str, ...], delivery: str, size: tuple[int, int], cell: str) -> Any:
    """What has become of a session by a script; the text of the error where it ended the program."""
    seen: list[Any] = []

    async def act(driver: Driver) -> None:
        await rest(driver.app)
        await DELIVERIES[delivery](driver.app, parts)
        await rest(driver.app)
        if driver.app._exit:
            return
        become = digest(driver)
        left = 0
        while len(driver.app.screen_stack) > 1 and left < _DEPTH:
            await DELIVERIES["in one write"](driver.app, (ESCAPE,))
            await rest(driver.app)
            left += 1
        stays = type(driver.app.screen).__name__ if len(driver.app.screen_stack) > 1 else ""
        session = driver.screen.run.session
        assert session is not None
        session.keep_edits(0)
        same = bits(session.frame.trace) == bits(session.baseline)
        seen.append((become, stays, same))

    try:
        drive(act, document(cell), size)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return seen[0] if seen else "the program ended"


def broken(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The promises that outcomes by delivery do not keep, with what was seen."""
    ended = {name: one for name, one in found.items() if isinstance(one, str)}
    if ended:
        return [("a key ended the program", str(ended))]
    problems = []
    first = next(iter(found))
    for name, (become, stays, same) in found.items():
        if become != found[first][0]:
            other = [pair for pair in zip(found[first][0], become, strict=True) if pair[0] != pair[1]]
            problems.append(("another session by another delivery", f"{first} / {name}: {other}"[:600]))
        if stays:
            problems.append(("a screen that Escape does not leave", stays))
        if not same:
            problems.append(("undo is not bitwise", name))
    return problems[:1]


def shrunk(parts: tuple[str, ...], size: tuple[int, int], cell: str, kind: str, clock: Clock) -> tuple[str, ...]:
    """The script without the parts that it does not take to see the same kind again, as far as there is time."""
    at = 0
    while at < len(parts) and clock:
        fewer = (*parts[:at], *parts[at + 1 :])
        seen = broken({name: outcome(fewer, name, size, cell) for name in DELIVERIES})
        if seen and seen[0][0] == kind:
            parts = fewer
        else:
            at += 1
    return parts
