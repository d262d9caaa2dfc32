"""Terminal input read so that Escape is a key of its own, whatever comes after it in the same write."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable

from textual._xterm_parser import XTermParser
from textual.events import Key
from textual.message import Message

_DRIVERS = ("linux_driver", "linux_inline_driver", "web_driver")
_ESCAPE, _SIGN = "\x1b", "␛"
_LONE = re.compile(r"\x1b(?=[^\x1b\[O\]P_^X\\])", re.DOTALL)
"""Escape before a character with which no sequence of a terminal begins (CSI, SS3, OSC, DCS, APC, PM, SOS, ST do)."""
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
