"""The lines that were typed before, the newest last; a file keeps them from one start to the next."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from lstm_tui.engine import setbacks
from lstm_tui.engine.text_safety import visible

WHAT = "the history of typed lines"
_MOST, _MOST_BYTES = 1000, 1 << 20


def state_folder() -> Path:
    """Return the folder of what is kept between one start and the next; it need not be there yet."""
    state = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(state) if state else Path.home() / ".local" / "state") / "lstm-tui"
    except RuntimeError:  # a user without a home: nothing can be kept there
        return Path(os.devnull) / "lstm-tui"


class Past:
    """Lines that were typed.

    Attributes:
        lines: All of them, the newest last.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Read what a file holds; without one, begin empty and keep nothing."""
        self._path = path
        self.lines: list[str] = [] if path is None else _read(path)

    @classmethod
    def kept(cls) -> Past:
        """Return the lines that were typed on this computer."""
        return cls(state_folder() / "history")

    def add(self, line: str) -> None:
        """Add a line, unless it is the last one again; a file that cannot be written is no reason to say so."""
        line = visible(line.strip())
        if not line or line in self.lines[-1:]:
            return
        self.lines.append(line)
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _opened(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            with open(descriptor, "ab") as file:
                file.write(f"{line}\n".encode("utf-8", "backslashreplace"))  # one write: two sessions do not mix lines
        except OSError as error:
            setbacks.note(WHAT, f"{self._path}: {setbacks.cause(error)}")


def _read(path: Path) -> list[str]:
    """Return the last lines of a file, shortened where it has grown long; none where it cannot be read."""
    try:
        with open(_opened(path, os.O_RDONLY), "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _MOST_BYTES, 0))
            content = file.read(_MOST_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        setbacks.note(WHAT, f"{path}: {setbacks.cause(error)}")
        return []
    lines = [visible(line) for line in content.split("\n") if line.strip()]
    if size > _MOST_BYTES:
        lines = lines[1:]  # it may have been cut
        _shorten(path, lines[-_MOST:])
    return lines[-_MOST:]


def _opened(path: Path, flags: int) -> int:
    """Open a file that only its user may read; a pipe or a device in its place is not waited for.

    Raises:
        OSError: It cannot be opened, or is no file.
    """
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o600)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is no file")
    return descriptor


def _shorten(path: Path, lines: list[str]) -> None:
    from lstm_tui.engine.errors import UserError
    from lstm_tui.formats.io.files import replacing

    try:
        with replacing(path) as stream:
            stream.write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    except UserError as error:
        setbacks.note(WHAT, str(error))
