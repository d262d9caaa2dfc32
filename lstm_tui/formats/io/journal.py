"""Where running sessions keep their work: a file each, and a lock that the system lets go when the program dies.

Whoever holds the lock owns the file. A file whose lock is free was left by a program that was cut off: its work
can be resumed by one other program, and by one alone.
"""

from __future__ import annotations

import os
import secrets
import stat
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lstm_tui.engine import setbacks
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.command_history import state_folder
from lstm_tui.formats.io.files import SCRIPT_BYTES, clear, replacing, script_content

WHAT = "the journal of this session"
_TRIES = 3
_MOST = 100
"""Files that are looked at, the newest first."""


class Journal:
    """The file of one session, held as long as the program runs.

    What cannot be written is said once; the file is then as it was, and the next change tries again.
    """

    def __init__(self, path: Path, lock: int) -> None:
        """Hold a file by the descriptor of its lock."""
        self.path = path
        self._lock = lock
        self._turn = threading.Lock()
        self._asked = self._written = 0

    @classmethod
    def begin(cls, folder: Path | None = None) -> Journal | None:
        """Return a journal of this program's own, or None where none can be kept."""
        folder = folder or journal_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for _ in range(_TRIES):
                path = folder / f"{os.getpid()}-{secrets.token_hex(4)}.ltui"
                lock = _locked(path)
                if lock is not None:
                    return cls(path, lock)
            setbacks.note(WHAT, f"{folder}: files cannot be locked there")
        except OSError as error:
            setbacks.note(WHAT, f"{folder}: {setbacks.cause(error)}")
        return None

    def write(self, lines: Iterable[str]) -> None:
        """Put lines in the place of those before."""
        self.ask()(lines)

    def ask(self) -> Any:
        """Return what writes lines, from any thread, and returns whether they are kept.

        Where two are late, the one that was asked for last stays.
        """
        self._asked += 1
        number = self._asked

        def write(lines: Iterable[str]) -> bool:
            try:
                content = script_content(lines, visible(str(self.path)), "backslashreplace")
            except UserError as error:  # what was kept before stays
                setbacks.note(WHAT, str(error))
                return False
            with self._turn:
                if number > self._written and self._lock >= 0:
                    self._written = number
                    try:
                        with replacing(self.path) as stream:
                            os.chmod(stream.fileno(), 0o600)  # what was worked on is private
                            stream.write(content)
                    except UserError as error:
                        setbacks.note(WHAT, str(error))
                        return False
                return True

        return write

    @property
    def is_there(self) -> bool:
        """Whether there is a file, as far as can be known: one that cannot be asked for is not denied."""
        return _is_there(self.path)

    def read(self) -> tuple[str, ...]:
        """Return the lines; none when there is nothing, or more than a journal holds."""
        try:
            with open(self.path, "rb") as file:
                content = file.read(SCRIPT_BYTES + 1)
        except OSError:
            return ()
        return tuple(content.decode("utf-8", "replace").splitlines()) if len(content) <= SCRIPT_BYTES else ()

    @property
    def age(self) -> float:
        """Seconds since it was written last."""
        try:
            return max(time.time() - self.path.stat().st_mtime, 0.0)
        except OSError:
            return 0.0

    def empty(self) -> None:
        """Keep nothing for now."""
        with self._turn:
            self._written = self._asked
            _remove(self.path)

    def forget(self) -> None:
        """Take the file away, and let its lock go."""
        self.empty()
        clear(self.path)
        _remove(self._lock_file)
        self.leave()

    def leave(self) -> None:
        """Let the lock go and leave the file to whoever comes next; where there is none, leave nothing."""
        with self._turn:
            if self._lock >= 0:
                if not self.is_there:
                    _remove(self._lock_file)
                os.close(self._lock)
                self._lock = -1

    @property
    def _lock_file(self) -> Path:
        return _lock_file(self.path)


def journal_folder() -> Path:
    """Return the folder of the journals; it need not be there yet."""
    return state_folder() / "journal"


def cut_off(folder: Path | None = None) -> list[Journal]:
    """Return the journals of programs that were cut off, the newest first; each is held until it is left."""
    folder = folder or journal_folder()
    try:
        paths = sorted(folder.glob("*.ltui"), key=lambda path: path.stat().st_mtime, reverse=True)
    except OSError:
        return []
    with suppress(OSError):
        _tidy(folder)
    found: list[Journal] = []
    for path in paths[:_MOST]:
        try:
            lock = _locked(path)
        except OSError:
            continue
        if lock is None:
            continue
        journal = Journal(path, lock)
        if _is_there(path):
            found.append(journal)
        else:  # another program resumed it a moment ago
            journal.forget()
    return found


def _tidy(folder: Path) -> None:
    """Take away locks of programs that were cut off before they had written anything, and what they had begun."""
    for file in folder.glob("*.lock"):
        path = file.with_suffix(".ltui")
        if not _is_there(path):
            lock = _locked(path)
            if lock is not None:
                Journal(path, lock).forget()


def _is_there(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False
    except OSError as error:
        setbacks.note(WHAT, f"{path}: {setbacks.cause(error)}")
        return True


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        setbacks.note(WHAT, f"{path}: {setbacks.cause(error)}")


def _lock_file(path: Path) -> Path:
    return path.with_suffix(".lock")


def _locked(path: Path) -> int | None:
    """Take the lock of a journal; None when another program holds it."""
    descriptor = os.open(_lock_file(path), os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        try:
            import fcntl
        except ImportError:  # Windows
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
