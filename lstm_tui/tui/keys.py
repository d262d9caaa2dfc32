"""Keys in the order in which they were pressed: each acts on what all before it have made.

A key may open a screen, close one, post a message or begin long work. Whoever types slowly sees all of that done
before the next key; whoever pastes a script of keys, or holds one down, does not. Here the next key waits for it, and
Escape is a key of its own, whatever the terminal sends behind it in the same write.
"""

from __future__ import annotations

import asyncio
import importlib
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic
from typing import Any, Protocol, runtime_checkable

from textual._xterm_parser import XTermParser
from textual.app import App
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.message import Message
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widgets import Input

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.tui import keymap
from lstm_tui.tui.commands import now_at
from lstm_tui.tui.view_keys import keymap_of

_DRIVERS = ("linux_driver", "linux_inline_driver", "web_driver")
_ESCAPE, _SIGN = "\x1b", "␛"
_LONE = re.compile(r"\x1b(?=[^\x1b\[O\]P_^\\])", re.DOTALL)
"""Escape before a character with which no sequence of a terminal begins (CSI, SS3, OSC, DCS, APC, PM, ST do; SOS, which
is Escape and X, comes from none, and X is a key here)."""
_PASTE = re.compile(r"(\x1b\[20[01]~)")
_PASTE_BEGINS, _PASTE_ENDS = "\x1b[200~", "\x1b[201~"


class KeyParser(XTermParser):
    """Textual's parser, but Escape and a letter in one write are two keys, as they are when typed slowly.

    Textual waits a while after Escape and takes a letter that comes meanwhile for one key with Alt, or gives up
    after 32 characters and makes a circumflex of it. This program has no key with Alt.
    """

    _pasting = False
    _escaped = False  # the last character that was read is an Escape

    def feed(self, data: str) -> Iterable[Message]:
        """Read what the terminal sends.

        Raises:
            ParseError: The input has ended before.
        """
        if not data:
            yield from super().feed(data)
        for part in filter(None, _PASTE.split(data)):
            if part in (_PASTE_BEGINS, _PASTE_ENDS):
                self._pasting = part == _PASTE_BEGINS
                yield from super().feed(part)
                self._escaped = False
            elif self._pasting:  # else an Escape in it would come before all that is pasted
                yield from super().feed(part.replace(_ESCAPE, _SIGN))
            else:
                yield from self._typed(part)

    def _typed(self, data: str) -> Iterable[Message]:
        if self._escaped and _LONE.match(_ESCAPE + data):
            yield from self.escape_now()
        begin = 0
        for lone in _LONE.finditer(data):
            yield from super().feed(data[begin : lone.end()])
            yield from self.escape_now()
            begin = lone.end()
        yield from super().feed(data[begin:])
        self._escaped = data.endswith(_ESCAPE)

    def escape_now(self) -> Iterable[Message]:
        """Have an Escape that waits for more be a key now, as after a while in which nothing came."""
        if self._timeout_time is not None:
            self._timeout_time = 0.0
        yield from self.tick()


def keys_of(pasted: str) -> tuple[Key, ...]:
    """Return the keys that a pasted text would have been, had it been typed."""
    parser = KeyParser()
    typed = pasted.replace("\r\n", "\r").replace("\n", "\r").replace(_SIGN, _ESCAPE)
    found = [*parser.feed(typed), *parser.escape_now()] if typed else []
    return tuple(one for one in found if isinstance(one, Key))


def read_escape_at_once() -> None:
    """Have Textual's drivers read with this parser; they offer no other way to be given one."""
    for name in _DRIVERS:
        setattr(importlib.import_module(f"textual.drivers.{name}"), "XTermParser", KeyParser)  # noqa: B010


SEEN_AFTER = 0.15
"""Seconds after the beginning of work in which nobody can have seen that it runs: a key of that time means what is
made, not what is still shown."""
_LOOK = 0.005
"""Seconds between two looks at work in a thread."""
_AT_MOST, _TURNS = 3.0, 2_000
"""Seconds and turns of the event loop after which a key is handed on though some message is still on its way: a key is
never lost. On a busy machine the seconds alone pass while a screen is drawn; the turns wait for it to be."""
_DRAWING = 50  # turns that a drawing counts as
_LEAVING = ("escape", *now_at("q").keys)
_COMMAND = now_at("colon").keys
"""The keys that open the command line."""
_INTERRUPT = "ctrl+c"


@dataclass(frozen=True)
class Awaited:
    """Work in a thread at what keys act on.

    Attributes:
        begun: When it began, in seconds of the monotonic clock.
        acts: Whether keys can act meanwhile on what is shown, as they do for a user who has seen that it runs.
        stops: Keys that end it, or leave.
    """

    begun: float
    acts: bool = True
    stops: tuple[str, ...] = _LEAVING


@runtime_checkable
class Works(Protocol):
    """A screen that may work in a thread at what the next key acts on."""

    def keys_await(self) -> Awaited | None:
        """Return that work, if there is any."""


class KeyQueue:
    """The keys that wait until those before them have had their effect."""

    def __init__(
        self,
        app: App[Any],
        press: Callable[[Key | Paste], Awaitable[None]],
        caught_up: Callable[[], None],
        unknown: Callable[[str], None],
    ) -> None:
        """Hold no key yet.

        Args:
            app: Whose keys they are.
            press: Has a key act; called in the message pump of the app, for one key at a time.
            caught_up: Called when no key waits any more.
            unknown: Called with a key that means nothing to the view on top because the user has it mean nothing.
        """
        self._app, self._press, self._caught_up, self._unknown = app, press, caught_up, unknown
        self._waiting: deque[Key | Paste] = deque()
        self._handing_on = False
        self._task: asyncio.Task[None] | None = None
        self._path: tuple[DOMNode, ...] = ()  # the nodes through which the last key goes
        self._drawn: Screen[Any] | None = None  # the screen that was on top and drawn when a key last acted

    def __bool__(self) -> bool:
        """Say whether keys wait."""
        return bool(self._waiting)

    def has_acted(self) -> bool:
        """Say whether no key is on its way, save those that wait for work in a thread."""
        return not self._handing_on or (bool(self._waiting) and self._waits_for_work(self._waiting[0]))

    def is_done(self) -> bool:
        """Say whether no key waits, and nothing that the last one set going is on its way."""
        return not (self._handing_on or self._waiting or self._awaited()) and self.is_quiet()

    def lines_waiting(self, begun: str | None = None) -> tuple[str, ...]:
        """Return the lines of the command line that wait whole among the keys; `begun` is one that is typed on."""
        lines, line = [], begun
        for event in self._waiting:
            if isinstance(event, Paste) and line is not None:  # none of it is executed
                line += " ".join(event.text.splitlines())
                continue
            for key in keys_of(event.text) if isinstance(event, Paste) else (event,):
                if line is None:
                    line = "" if key.key in _COMMAND else None
                elif key.key in ("enter", "ctrl+j"):
                    lines.append(line)
                    line = None
                elif key.key in (_INTERRUPT, "escape"):
                    line = None
                elif key.key == "backspace":
                    line = line[:-1]
                elif key.is_printable and key.character is not None:
                    line += key.character
        return tuple(lines)

    async def put(self, event: Key | Paste) -> None:
        """Have a key act as soon as it is its turn. To be called in the message pump of the app."""
        if self._stops_work(event):
            self._waiting.clear()  # what was typed ahead was meant for what is given up
            await self._act(event)
        elif not self._handing_on and not self._path and self._is_at_rest(event):
            await self._act(event)
        else:
            self._waiting.append(event)
            self._hand_on()

    def _hand_on(self) -> None:
        if not self._handing_on and self._waiting:
            self._handing_on = True
            self._task = asyncio.create_task(self._one_after_the_other(), name="keys in their order")

    async def _one_after_the_other(self) -> None:
        try:
            while self._waiting:
                await self._rest(self._waiting[0])
                if self._waiting:
                    acted = asyncio.Event()
                    if not self._app.call_later(self._act_and_tell, self._waiting.popleft(), acted):
                        return  # the app is about to end
                    await acted.wait()
        finally:
            self._handing_on = False
        self._app.call_later(self._caught_up)

    async def _act_and_tell(self, event: Key | Paste, acted: asyncio.Event) -> None:
        try:
            await self._act(event)
        finally:
            acted.set()

    async def _act(self, event: Key | Paste) -> None:
        focused = self._app.focused
        meant = self._meant(event)
        if meant is None:
            self._path = ()
            if isinstance(event, Key):
                self._unknown(event.key)
            return
        event = meant
        if isinstance(event, Paste) and not isinstance(focused, Input):
            self._waiting.extendleft(reversed(keys_of(event.text)))
            self._hand_on()
            return
        self._drawn = self._app.screen
        path = (self._drawn,) if focused is None else tuple(focused.ancestors_with_self)
        await self._press(event)
        self._path = path if event.is_forwarded else ()  # else a binding has taken it, and it goes nowhere

    def _meant(self, event: Key | Paste) -> Key | Paste | None:
        """Return the key that the view on top knows for the one that was pressed; None where it means nothing there."""
        if not isinstance(event, Key) or not self._app.screen_stack or isinstance(self._app.focused, Input):
            return event
        name = keymap_of(getattr(self._app.screen, "view_name", "")).key_for(event.key)
        if name is None or name == event.key:
            return event if name is not None else None
        return Key(name, keymap.character_of(name))

    # --- what a key waits for ---

    def _awaited(self) -> Awaited | None:
        """Return the work at what keys act on, of whatever is open."""
        everything = (self._app, *self._app.screen_stack)
        found = (one.keys_await() for one in everything if isinstance(one, Works))
        return next((one for one in found if one is not None), None)

    def _waits_for_work(self, event: Key | Paste) -> bool:
        awaited = self._awaited()
        return awaited is not None and (not awaited.acts or event.time < awaited.begun + SEEN_AFTER)

    def _stops_work(self, event: Key | Paste) -> bool:
        awaited = self._awaited()
        if awaited is None or not isinstance(event, Key):
            return False
        if event.key == _INTERRUPT:
            return event.time >= awaited.begun
        meant = self._meant(event)
        return isinstance(meant, Key) and meant.key in awaited.stops and event.time >= awaited.begun + SEEN_AFTER

    async def _rest(self, event: Key | Paste) -> None:
        """Return once the last key has had its effect, whatever it set going, and it is the turn of this one."""
        for node in self._path:  # from the widget upwards, as the key goes
            passed = asyncio.Event()
            if node.call_later(passed.set):
                while not passed.is_set() and node.is_running:
                    await asyncio.sleep(0)
        self._path = ()
        begun, turns = monotonic(), 0
        while self._waiting and not self._is_at_rest(event):
            if turns >= _TURNS and monotonic() - begun >= _AT_MOST:
                break
            if self._waits_for_work(event):
                await asyncio.sleep(_LOOK)
                begun, turns = monotonic(), 0
            elif self.is_quiet():
                await self._draw(self._app.screen)
                turns += _DRAWING
            else:
                await asyncio.sleep(0)
                turns += 1

    def _is_at_rest(self, event: Key | Paste) -> bool:
        return self._is_drawn() and self.is_quiet() and not self._waits_for_work(event)

    def is_quiet(self) -> bool:
        """Say whether no message is on its way, and the screen on top is there with all its parts."""
        app = self._app
        if not app.screen_stack or _has_messages(app) or not app.screen.is_mounted:
            return False
        if any(worker.node is app.screen and worker.is_running for worker in app.workers if app.screen.is_modal):
            return False  # the command palette looks for what was typed
        return not any(
            _has_messages(one) for screen in app.screen_stack for one in screen.walk_children(with_self=True)
        )

    def _is_drawn(self) -> bool:
        """Say whether the screen on top was drawn since it came there, and nothing waits for that."""
        return bool(self._app.screen_stack) and self._app.screen is self._drawn and not self._app.screen._callbacks

    async def _draw(self, screen: Screen[Any]) -> None:
        drawn = asyncio.Event()
        screen.call_after_refresh(drawn.set)
        while not drawn.is_set() and self._app.screen is screen and screen.is_running:
            await asyncio.sleep(_LOOK / 5)
        self._drawn = screen


def _has_messages(pump: MessagePump) -> bool:
    """Say whether messages wait; Textual does not count the one that it has looked at already."""
    return bool(pump.message_queue_size) or getattr(pump, "_pending_message", None) is not None
