"""A script of keys, handed to the screen in several ways, and what a session has become by it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from textual.events import Paste

from lstm_tui.debugger.commands.dispatch import VERBS
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.tui.commands import COMMANDS
from lstm_tui.tui.keys import KeyParser

ESCAPE, ENTER = "\x1b", "\r"
_TIMED = ("space",)  # plays by the clock
_LEAVES = ("app.quit", "dialogs.export", "app.picture", "edits.append(1)", "app.tour")
"""Actions that leave the program, or the room of the session."""
_CHARACTERS = {
    "space": " ", "slash": "/", "full_stop": ".", "comma": ",", "colon": ":", "question_mark": "?",
    "right_square_bracket": "]", "left_square_bracket": "[", "right_curly_bracket": "}", "left_curly_bracket": "{",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
}  # fmt: skip
LINES = (
    *(verb.example for verb in VERBS if verb.example),
    *("set c[0] @ 0 = 1", "goto 1", 'replace 1 "bad"', "remove 0", "let f = 1", "nonsense", "goto 99", "mask 1:2"),
)
"""Lines to type: the example of every verb, and some that are refused."""
PAGE_DOWN, ALL_BEFORE, PALETTE, TAB, LEFT = "\x1b[6~", "\x15", "\x10", "\t", "\x1b[D"
PROMPTS = (
    ("e", f"bad{ENTER}"), ("e", f"nonsense here{ENTER}"), ("E", f"0{ENTER}"), ("E", ALL_BEFORE, f"f * c{ENTER}"),
    (PALETTE, f"next{ENTER}"), (PALETTE, f"undo{ENTER}"), (PALETTE, f"zzz{ENTER}"), ("u", "j", ENTER), ("u", "k", "z"),
    ("B", "j", ENTER), ("B", "d"), ("/", ENTER), (":", ENTER), (":", TAB, ENTER), (f":go{TAB} 2{ENTER}",),
    (f":goto 12\x7f{ENTER}",), (":", "\x1b[A", ENTER), (":goto 21", LEFT, f"\x7f{ENTER}"),
    ("W", PAGE_DOWN, f"e0{ENTER}"), ("W", "j", "l", f"e3{ENTER}"),
    ("r", "j", "j", ENTER), ("D", "j", ENTER), ("R", PAGE_DOWN), ("?", PAGE_DOWN),
    ("p", PAGE_DOWN), (TAB, PAGE_DOWN), ("H", "j", ENTER), (f":what-if movie film{ENTER}", f":propagate{ENTER}"),
)  # fmt: skip
"""Every prompt, list and dialog, filled in and sent."""


def characters(key: str) -> str:
    """What a terminal sends for a key, as Textual names it."""
    return _CHARACTERS.get(key, key[-1].upper() if key.startswith("shift+") else key)


KEYS = tuple(
    sorted(
        {
            characters(command.keys[0])
            for command in COMMANDS
            if command.keys[0] not in _TIMED and command.action not in _LEAVES
        }
    )
)
"""Every key of the table that does not leave and does not depend on the clock."""


def script(rng: random.Random, length: int = 12) -> tuple[str, ...]:
    """Keys and typed lines at random; each part is what is typed in one go by a fast hand."""
    parts = []
    for _ in range(length):
        kind = rng.random()
        if kind < 0.25:
            parts.append(f":{rng.choice(LINES)}{ENTER}")
        elif kind < 0.33:
            parts += rng.choice(PROMPTS)
        elif kind < 0.4:
            parts.append(f"/{rng.choice('abst')}{ENTER}")
        elif kind < 0.55:
            parts.append(ESCAPE)
        elif kind < 0.6:
            parts.append(ENTER)
        else:
            parts.append(rng.choice(KEYS))
    return _without_sequences(parts)


def _without_sequences(parts: list[str]) -> tuple[str, ...]:
    """Leave out Escape where what follows would make it the beginning of another key for any program."""
    return tuple(
        part
        for part, after in zip(parts, [*parts[1:], ENTER], strict=True)
        if part != ESCAPE or after[0] not in "[]O\x1b"
    )


Send = Callable[[Any, tuple[str, ...]], Any]


async def rest(app: Any) -> None:
    """Wait until every key has acted, and all that it began is done."""
    still = 0
    for _ in range(20_000):
        await asyncio.sleep(0.001)
        still = still + 1 if app.keys.is_done() else 0
        if still == 3:
            return
    raise AssertionError("keys still wait")


def events_of(text: str, parser: KeyParser) -> Iterator[Any]:
    """What a terminal's write becomes."""
    yield from parser.feed(text)
    yield from parser.escape_now()


async def typed_slowly(app: Any, parts: tuple[str, ...]) -> None:
    """Key by key, each when the one before has acted."""
    for part in parts:
        for event in events_of(part, KeyParser()):
            app.post_message(event)
            await rest(app)


async def in_one_write(app: Any, parts: tuple[str, ...]) -> None:
    """All at once."""
    for event in events_of("".join(parts), KeyParser()):
        app.post_message(event)


async def in_pieces(app: Any, parts: tuple[str, ...]) -> None:
    """In pieces that end anywhere but in a sequence, with a moment between."""
    parser, rng = KeyParser(), random.Random("".join(parts))
    pieces = [one for part in parts for one in ([part] if part.startswith(ESCAPE) else part)]  # no sequence is cut
    while pieces:
        count = rng.randrange(1, 6)
        for event in events_of("".join(pieces[:count]), parser):
            app.post_message(event)
        del pieces[:count]
        await asyncio.sleep(rng.choice((0, 0, 0.001, 0.005)))


async def pasted(app: Any, parts: tuple[str, ...]) -> None:
    """As a terminal with bracketed paste sends what is pasted."""
    app.post_message(Paste("".join(parts).replace(ENTER, "\n")))


DELIVERIES: dict[str, Send] = {
    "typed slowly": typed_slowly, "in one write": in_one_write, "in pieces": in_pieces, "pasted": pasted,
}  # fmt: skip


def digest(driver: Any) -> tuple[object, ...]:
    """What the session has become, and what is open."""
    session, view = driver.screen.run.session, driver.view
    return (
        tuple(session.words),
        session.history.done,
        session.frame.line,
        session.frame.position,
        view.frame is session.frame,
        (view.value, view.order, view.signal, view.everyone, tuple(sorted(view.units.items())), view.place),
        driver.screen.shown,
        tuple((one.number, one.trigger.text, one.pass_name) for one in session.breakpoints),
        tuple(type(one).__name__ for one in driver.app.screen_stack),
        tuple(one.value for one in driver.app.screen.query("Input")),
        bits(session.frame.trace),
    )  # fmt: skip


def bits(trace: Trace) -> int:
    """A number of all values of a run."""
    return hash(
        tuple(
            np.ascontiguousarray(passed[name]).tobytes()
            for passed in trace.passes.values()
            for name in passed.cell.values
        )
    )
