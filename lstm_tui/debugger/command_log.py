"""What was done in a session, a line each, for whoever keeps a log of it."""

from __future__ import annotations

from collections.abc import Callable

_listeners: list[Callable[[str], None]] = []


def listen(write: Callable[[str], None]) -> None:
    """Have everything that is noted from here on written too, as long as the process lives."""
    _listeners.append(write)


def note(text: str) -> None:
    """Note a line that was typed, its reply or a key."""
    for write in _listeners:
        write(text)


def noted(line: str, reply: tuple[str, ...]) -> None:
    """Note a line that was typed and what it was answered."""
    if _listeners:
        note("\n".join((f"> {line}", *reply)))
