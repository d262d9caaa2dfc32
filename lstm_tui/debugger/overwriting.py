"""Typed lines never write over a file that their session did not write itself, unless they say `over`."""

from __future__ import annotations

import os
from pathlib import Path

from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

OVER = "over"


def split_over(text: str) -> tuple[str, bool]:
    """Return what stands before a last word `over`, and whether there is one."""
    before, gap, last = text.rpartition(" ")
    return (before.rstrip(), True) if gap and last == OVER else (text, False)


def destination(session: Session, rest: str, verb: str, missing: str) -> tuple[str, Path]:
    """Return the file that a line is to write, as it was typed and as a path; behind it, `over` says it may be there.

    Args:
        session: Who writes.
        rest: What was typed behind the verb.
        verb: The verb, for the line that would write over a file.
        missing: What to say where no file is named.

    Raises:
        UserError: None is named, or it is there and not the session's own.
    """
    name, over = split_over(rest)
    if not name:
        raise UserError(missing)
    path = Path(name).expanduser()
    if not over:
        check_mine(session, path, f"{verb} {name}")
    return name, path


def check_mine(session: Session, path: Path, again: str) -> None:
    """Refuse to write over a file that is there, unless the session has written it and nobody has changed it since.

    Args:
        session: Who writes.
        path: The file; a device or a pipe is written to and not over.
        again: The line that would write over it.

    Raises:
        UserError: It is there and not the session's own.
    """
    if not path.is_file():
        return
    if not is_mine(session, path):
        known = session.written.get(os.path.realpath(path))
        since = "is there already" if known is None else "was changed since this session wrote it"
        raise UserError(f"{visible(str(path))}: {since}; to put this in its place: {visible(again)} {OVER}")


def is_mine(session: Session, path: Path) -> bool:
    """Say whether a session has written a file that nobody has changed since."""
    known = session.written.get(os.path.realpath(path))
    return known is not None and path.is_file() and known == _identity(path)


def note_mine(session: Session, path: Path) -> None:
    """Note that a session has written a file."""
    if path.is_file():
        session.written[os.path.realpath(path)] = _identity(path)


def _identity(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
