"""A program in a pseudo-terminal, for measuring when what it draws is there."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import tempfile
import termios
import time

_STATE = tempfile.TemporaryDirectory(prefix="measured-")
"""Where sessions are kept meanwhile: one that was left behind would be asked after, and take the keys."""


class Terminal:
    """A child process with a terminal of its own."""

    def __init__(self, command: list[str], columns: int = 160, rows: int = 45) -> None:
        self.began = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if not self.pid:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            variables = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
            variables["XDG_STATE_HOME"] = _STATE.name
            variables.pop("PYTHONDONTWRITEBYTECODE", None)  # a user's Python keeps what it compiled
            os.execvpe(command[0], command, {**variables, "COLUMNS": str(columns), "LINES": str(rows)})
        self.seen = b""

    def read(self, timeout: float) -> bool:
        """Read what is there within `timeout` seconds; False when nothing came."""
        ready, _, _ = select.select([self.fd], [], [], timeout)
        if not ready:
            return False
        try:
            self.seen += os.read(self.fd, 1 << 20)
        except OSError:
            return False
        return True

    def until(self, words: list[bytes], timeout: float = 30) -> float:
        """Return the seconds since the start at which all words have been drawn."""
        deadline = time.perf_counter() + timeout
        while time.perf_counter() < deadline:
            self.read(0.5)
            if all(word in self.seen for word in words):
                return time.perf_counter() - self.began
        raise TimeoutError(f"never drawn: {[word for word in words if word not in self.seen]}")

    def settle(self, quiet: float = 0.15, most: float = 20) -> None:
        """Wait until nothing is drawn any more."""
        deadline = time.perf_counter() + most
        while self.read(quiet) and time.perf_counter() < deadline:
            pass

    def press(self, key: bytes, quiet: float = 0.06) -> float:
        """Send a key; return the seconds until the last byte of the frame that follows."""
        self.seen = b""
        sent = last = time.perf_counter()
        os.write(self.fd, key)
        wait = 1.0
        while self.read(wait):
            last, wait = time.perf_counter(), quiet
        return last - sent

    def end(self) -> None:
        """Quit, and wait for the process."""
        try:
            os.write(self.fd, b"q")
            deadline = time.perf_counter() + 10
            while time.perf_counter() < deadline and not os.waitpid(self.pid, os.WNOHANG)[0]:
                self.read(0.02)
        except (OSError, ChildProcessError):
            pass
        os.close(self.fd)
