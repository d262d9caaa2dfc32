"""Long computations beside the screen, in threads that leaving does not wait for."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from lstm_tui.engine.arrays import quiet

_NAME = "lstm-tui background"
_READER = "textual-input"
"""What Textual calls the thread that reads keys."""


def in_background(work: Callable[[], None]) -> None:
    """Start work that only computes and posts messages: a thread that is dropped when the program ends.

    Textual's own thread workers are joined at the end, and Numba compiles for seconds without a pause.
    """

    def quietly() -> None:
        with quiet():  # a thread begins without what its starter had decided of NumPy's warnings
            work()

    threading.Thread(target=quietly, name=_NAME, daemon=True).start()


def end(code: int) -> int:
    """Return the exit code when nothing goes on any more, else end the process with it.

    To run down an interpreter while a thread is inside the compiler can crash it, and one that reads a terminal which
    is gone is waited for without end.
    """
    if any(thread.name in (_NAME, _READER) for thread in threading.enumerate()):
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    return code
