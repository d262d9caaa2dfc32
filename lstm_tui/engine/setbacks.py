"""What only makes the program faster or nicer, and failed: the work goes on without it, and it is said once.

A cache, the journal, the history of typed lines: whoever cannot use one notes it here, and whoever shows lines to the
user (the command line, the screen) listens. As a library, where nobody listens, only what has a price is logged.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Say = Callable[[str], None]

_noted: set[str] = set()
_listeners: list[Say] = []
_turn = threading.RLock()


def note(what: str, why: str, price: str = "") -> None:
    """Note that something cannot be used, from any thread; said once a command, however often it fails.

    Args:
        what: Such as "the cache of compiled kernels".
        why: The cause, such as "no space left on device"; or a place and the cause.
        price: What takes longer without it; of that a caller from Python is told too.
    """
    with _turn:
        if what in _noted or not (_listeners or price):
            return
        _noted.add(what)
        say = _listeners[-1] if _listeners else _log
    with suppress(OSError, ValueError, RuntimeError):  # where it cannot be said, it is not needed either
        say(f"{what} cannot be used ({why}): {price or 'going on without it'}")


def _log(line: str) -> None:
    """Say it to a caller from Python, once."""
    logging.getLogger("lstm_tui").warning("%s", line)


def cause(error: BaseException) -> str:
    """Return what went wrong in a few words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__


@contextmanager
def told_by(say: Say) -> Iterator[None]:
    """Have `say` called with a line for everything that is noted during a block; the last who listens is told."""
    with _turn:
        if not _listeners:  # a command begins
            _noted.clear()
        _listeners.append(say)
    try:
        yield
    finally:
        with _turn:
            _listeners.remove(say)
