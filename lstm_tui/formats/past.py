"""The lines that were typed before, the newest last; a file keeps them from one start to the next."""

from __future__ import annotations

import os
from pathlib import Path

from lstm_tui.engine.visible import visible

_MOST = 1000
_LARGEST = 1 << 20


def state_folder() -> Path:
    """Return the folder of what is kept between one start and the next; it need not be there yet."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "lstm-tui"


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
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)  # what was typed is private
            with open(descriptor, "ab") as file:
                file.write(f"{line}\n".encode("utf-8", "backslashreplace"))  # one write: two sessions do not mix lines
        except OSError:
            return


def _read(path: Path) -> list[str]:
    """Return the last lines of a file, shortened where it has grown long; none where it cannot be read."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - _LARGEST, 0))
            content = file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return []
    lines = [visible(line) for line in content.split("\n") if line.strip()]
    if size > _LARGEST:
        lines = lines[1:]  # it may have been cut
        _shorten(path, lines[-_MOST:])
    return lines[-_MOST:]


def _shorten(path: Path, lines: list[str]) -> None:
    from lstm_tui.engine.errors import UserError
    from lstm_tui.formats.atomic import replacing

    try:
        with replacing(path) as stream:
            stream.write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
    except UserError:
        return
