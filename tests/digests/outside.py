"""The program from outside: its command line with streams of our own, and its screen without a terminal.

Nothing of the package is named here but `lstm_tui.cli.main`, so that its rooms may move.
"""

from __future__ import annotations

import asyncio
import gc
import io
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from textual.app import App
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input

from lstm_tui.cli import main

_LOOK = 0.004  # seconds between two looks at a screen that is at work
_PATIENCE = 15_000  # looks


class _Stream(io.TextIOWrapper):
    """A stream in memory."""

    def __init__(self, text: str = "", *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(text.encode()), encoding="utf-8", newline="\n", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def text(self) -> str:
        held = self.buffer
        assert isinstance(held, io.BytesIO)
        return held.getvalue().decode("utf-8", "backslashreplace")


@contextmanager
def _streams(typed: str, terminal: bool) -> Iterator[tuple[_Stream, _Stream]]:
    entry, out, err = _Stream(typed, terminal=terminal), _Stream(terminal=terminal), _Stream(terminal=terminal)
    with (
        mock.patch.multiple(sys, stdin=entry, stdout=out, stderr=err, __stdin__=entry, __stderr__=err),
        mock.patch.object(sys, "argv", ["lstm-tui"]),
    ):
        yield out, err


def _exit_code(arguments: tuple[str, ...]) -> object:
    try:
        return main(list(arguments))
    except SystemExit as left:
        return left.code
    finally:
        gc.enable()


def said(*arguments: str, typed: str = "") -> str:
    """Return what a command prints, its mistakes and its exit code."""
    with _streams(typed, terminal=False) as (out, err):
        code = _exit_code(arguments)
    return f"{out.text()}--- standard error\n{err.text()}--- exit code {code}\n"


class Screen:
    """The screen of a running app: keys go in, text with styles comes out."""

    def __init__(self, app: App[Any], pilot: Pilot[Any], alone: frozenset[threading.Thread]) -> None:
        self.app, self._pilot, self._alone = app, pilot, alone

    @property
    def depth(self) -> int:
        """How many screens lie on each other."""
        return len(self.app.screen_stack)

    @property
    def is_open(self) -> bool:
        """Whether the app goes on."""
        return not self.app._exit

    @property
    def types(self) -> bool:
        """Whether keys go into a line of text."""
        return isinstance(self.app.focused, Input)

    def obeyed(self) -> list[str]:
        """Return the keys that the uppermost screen itself obeys, each under one name, in a fixed order."""
        if self.types:
            return []
        bound = [key for key, one in self.app.screen.active_bindings.items() if one.node is self.app.screen]
        return sorted(key for key in bound if "+" not in key)

    async def press(self, *keys: str) -> None:
        """Press keys, and wait until nothing is at work and nothing changes."""
        for key in keys:
            await self._pilot.press(key)
        await self.settle()

    async def type(self, text: str) -> None:
        """Press the keys of a text."""
        for sign in text:
            await self._pilot.press(_character_to_key(sign))
        await self.settle()

    async def settle(self) -> None:
        """Wait until no thread that the app started is at work, and two looks in a row are the same.

        Raises:
            TimeoutError: It never comes to rest.
        """
        seen, same = "", 0
        for _ in range(_PATIENCE):
            await self._pilot.pause()
            for entry in self.app.screen.query(Input):
                entry.cursor_blink = False
            if self.app._exit:
                return
            now = self._drawn() if not (set(threading.enumerate()) - self._alone) else ""
            same = same + 1 if now and now == seen else 0
            seen = now
            if same == 1:
                return
            await asyncio.sleep(_LOOK)
        raise TimeoutError(f"the screen does not come to rest:\n{seen}")

    def look(self) -> str:
        """Return every line as text, then every run of signs with its style, and wipe away what was said in passing."""
        assert self.is_open, "the app has ended"
        seen = self._drawn()
        self.app.clear_notifications()
        return seen

    def _drawn(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        styles = (
            f"{row:3} " + " ".join(f"{len(one.text)}:{one.style}" for one in strip) for row, strip in enumerate(strips)
        )
        return "\n".join((*(strip.text.rstrip() for strip in strips), "--- styles", *styles, ""))


def shown(act: Callable[[Screen], Awaitable[None]], *arguments: str, size: tuple[int, int]) -> str:
    """Run a command that opens a screen, let `act` use it, and return what was printed besides and the exit code.

    Raises:
        AssertionError: The command opened no screen.
    """
    opened: list[App[Any]] = []

    async def go(app: App[Any]) -> None:
        alone = frozenset(threading.enumerate())
        async with app.run_test(size=size, notifications=True) as pilot:
            screen = Screen(app, pilot, alone)
            await screen.settle()
            await act(screen)

    def run(app: App[Any], *_: object, **__: object) -> int:
        opened.append(app)
        asyncio.run(go(app))
        return app.return_code or 0

    with _streams("", terminal=True) as (out, err), mock.patch.object(App, "run", run):
        code = _exit_code(arguments)
    assert opened, f"{' '.join(arguments)} opened no screen: {err.text()}"
    return f"{out.text()}--- standard error\n{err.text()}--- exit code {code}\n"


ENVIRONMENT = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "COLUMNS": "80", "LINES": "24", "LANG": "C.UTF-8"}
_UNSET = ("NO_COLOR", "TEXTUAL_THEME", "LSTM_TUI_VISITOR")


@contextmanager
def alone(folder: str) -> Iterator[None]:
    """Have the program find nothing of this user: a home and a state folder of its own, and a terminal as any other."""
    before, place = dict(os.environ), os.getcwd()
    os.environ.update(ENVIRONMENT, HOME=folder, XDG_STATE_HOME=f"{folder}/state", XDG_CONFIG_HOME=f"{folder}/config")
    for name in _UNSET:
        os.environ.pop(name, None)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(place)
        os.environ.clear()
        os.environ.update(before)
