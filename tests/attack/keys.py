"""Scripts of keys, each delivered in every way and at several sizes: one session comes of all of them.

What is checked of every script: the session and what is open are the same in each delivery; Escape leaves every
screen; with all edits taken back the run is bit for bit what it was; and no key ends the program.
"""

from __future__ import annotations

import contextlib
import json
import random
import shlex
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lstm_tui.debugger.source import Source

from .harness import Clock, Tally

sys.path.insert(0, str(Path(__file__).parents[1] / "tui"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from driven_screen import LINES, Driver, drive, network, of_tokens, sequences
from key_scripts import DELIVERIES, ESCAPE, bits, digest, rest, script

PROMISE = 2
TRIES = "scripts of keys, typed slowly, in one write, in pieces and pasted, on terminals from 160×45 to 1×1"
SIZES = {(160, 45): 1, (80, 24): 3, (10, 3): 2, (1, 1): 2}
"""Columns and lines of terminals, and how often each is taken; the largest costs five times as much as any other."""
CELLS = ("lstm", "gru", "rnn")
_DEPTH = 6
"""Times that Escape is pressed at most to be back on the main screen."""


@dataclass(frozen=True)
class Case:
    """A script, and where it is typed."""

    parts: tuple[str, ...]
    size: tuple[int, int]
    cell: str
    long: bool = False  # so long that what edits it works in a thread

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps([self.parts, self.size, self.cell, self.long])

    def document(self) -> Source:
        """What is open."""
        lines = [of_tokens((" ".join(LINES[:2]) + " ").split() * 12)] if self.long else sequences()
        return Source(network(self.cell), lines)


def case_of(text: str) -> Case:
    """Return the case that a number or a JSON text names."""
    found = json.loads(text)
    if isinstance(found, int):
        rng = random.Random(f"keys {found}")
        (size,) = rng.choices(list(SIZES), list(SIZES.values()))
        return Case(script(rng), size, rng.choice(CELLS), rng.random() < 0.25)
    return Case(tuple(found[0]), (found[1][0], found[1][1]), *found[2:])


def attack(rng: random.Random, clock: Clock) -> Tally:
    """Tries scripts at random."""
    tally = Tally()
    scripts = keys = 0
    while clock or not scripts:
        number = str(rng.randrange(10**9))
        case, scripts = case_of(number), scripts + 1
        found: dict[str, Any] = {}
        for name in DELIVERIES:
            if not clock and found:
                break
            found[name] = outcome(case, name)
            keys += sum(map(len, case.parts))
            tally.tried[f"{name}, {case.size[0]}×{case.size[1]}"] += 1
        for kind, seen in broken(found):
            tally.found(kind, seen, number)
    tally.figures["scripts"] = str(scripts)
    tally.figures["keys typed"] = f"{keys:,}"
    return tally


def again(case: str) -> str:
    """Try one script again, in every delivery."""
    one = case_of(case)
    found = {name: outcome(one, name) for name in DELIVERIES}
    return "; ".join(f"{kind}: {seen}" for kind, seen in broken(found))


def smaller(case: str) -> str:
    """Return the script without the parts that it does not take to see the same kind again."""
    one = case_of(case)
    kind = again(case).partition(":")[0]
    at = 0
    while at < len(one.parts):
        fewer = replace(one, parts=(*one.parts[:at], *one.parts[at + 1 :]))
        if again(fewer.text()).partition(":")[0] == kind:
            one = fewer
        else:
            at += 1
    return f"python -m tests.attack keys --case {shlex.quote(one.text())}"


def outcome(case: Case, delivery: str) -> Any:
    """What has become of a session by a script; the text of the error where it ended the program."""
    seen: list[Any] = []

    async def act(driver: Driver) -> None:
        await rest(driver.app)
        await DELIVERIES[delivery](driver.app, case.parts)
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

    try:  # a script may save what it likes, in a folder where no other delivery has
        with TemporaryDirectory() as folder, contextlib.chdir(folder):
            drive(act, case.document(), case.size)
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
