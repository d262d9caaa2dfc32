"""A program in a pseudo-terminal, and what a terminal would show of it."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pexpect
import pyte

ROOT = Path(__file__).parents[1]


class Screen:
    """A child in a pseudo-terminal, and what a terminal would show of it."""

    def __init__(
        self, command: list[str], size: tuple[int, int] = (160, 45), cwd: Path | None = None, **variables: str
    ) -> None:
        mine = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        environment = {**mine, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8"}
        environment |= {"PYTHONPATH": str(ROOT), **variables}
        columns, rows = size
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.child = pexpect.spawn(
            command[0], command[1:], env=environment, dimensions=(rows, columns), timeout=20, cwd=cwd
        )

    def text(self) -> str:
        return "\n".join(self.screen.display)

    def until(self, words: str, seconds: float = 20, gone: bool = False) -> None:
        """Read until the screen shows these words, or shows them no more."""
        deadline = time.monotonic() + seconds
        while (words in self.text()) == gone:
            assert time.monotonic() < deadline, f"{words!r} is not in\n{self.text()}"
            try:
                piece = self.child.read_nonblocking(1 << 16, timeout=0.2)
            except pexpect.TIMEOUT:
                continue
            self.raw += piece
            # pyte knows no private modes with `$p` or `<`, which Textual asks for and a terminal ignores.
            self.stream.feed(re.sub(rb"\x1b\[[<>=?][0-9;]*\$?[pqu]", b"", piece))

    def end(self) -> int:
        """Read to the end and return the exit code."""
        self.raw += self.child.read()
        self.child.close()
        return self.child.exitstatus if self.child.exitstatus is not None else -int(self.child.signalstatus or 0)

    def left_in_order(self) -> None:
        """Check that what was switched on has been switched off, after it was switched on."""
        for mode in (b"1049", b"1000", b"2004"):
            on, off = self.raw.rfind(b"\x1b[?" + mode + b"h"), self.raw.rfind(b"\x1b[?" + mode + b"l")
            assert on < off, mode
        assert self.raw.rfind(b"\x1b[?25l") < self.raw.rfind(b"\x1b[?25h")
