"""A file to whose end is written what was typed and answered, each with its time."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from lstm_tui.engine import setbacks
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

WHAT = "the log"


class LogFile:
    """A log that is written to; what is in it already stays."""

    def __init__(self, path: str) -> None:
        """Open it.

        Raises:
            UserError: It is no file, or cannot be written.
        """
        self._path = Path(path).expanduser()
        shown = visible(path)
        try:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
            self._descriptor = os.open(self._path, flags, 0o600)
        except (OSError, ValueError) as error:
            raise UserError(f"{shown}: cannot be written: {setbacks.cause(error)}") from None
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            os.close(self._descriptor)
            raise UserError(f"{shown}: is no file to write a log to")

    def write(self, text: str) -> None:
        """Add a text with its time; where that fails the program goes on without it."""
        now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
        lines = [visible(line) for line in text.split("\n")]
        data = "".join(f"{line}\n" for line in (f"{now} {lines[0]}", *(f"  {line}" for line in lines[1:])))
        try:
            os.write(self._descriptor, data.encode("utf-8", "backslashreplace"))
        except OSError as error:
            setbacks.note(WHAT, f"{self._path}: {setbacks.cause(error)}")
