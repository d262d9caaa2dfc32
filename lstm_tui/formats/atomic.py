"""Files that appear complete or not at all: written beside their target, then moved into place.

What is written is locked as long as its process lives. A file beside the target that has our name for one and no
lock was left by a process that was cut off, and is taken away by the next that writes there.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.bytes_of import label, reason

_LONGEST = 200
"""Bytes of the target's name in that of the file beside it; a name holds 255."""


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a stream whose content takes the place of `path` when the block ends without an error.

    Any error, Ctrl-C too, leaves the old file as it was and nothing beside it. A new file gets the mode of
    an ordinary new file, one that takes another's place keeps the other's. A device or a pipe such as
    `/dev/null` is written directly, since nothing can take its place.

    Raises:
        UserError: The folder is missing or not writable, the disk is full.
    """
    where = label(path)
    if "\0" in str(path):
        raise UserError(f"{where}: cannot be written: a name cannot hold NUL")
    target = Path(os.path.realpath(path))  # a symbolic link stays one
    temporary: Path | None = None
    try:
        if target.is_dir():
            raise UserError(f"{where}: is a folder; name a file in it")
        if target.exists() and not target.is_file():
            # a pipe that nobody reads is refused, not waited for
            descriptor = os.open(target, os.O_WRONLY | os.O_NONBLOCK)
            with open(descriptor, "wb") as device:
                os.set_blocking(descriptor, True)
                yield device
            return
        clear(target)
        temporary, stream = _beside(target)
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if target.exists():
                os.chmod(temporary, target.stat().st_mode & 0o7777)
            os.replace(temporary, target)
        temporary = None
    except FileNotFoundError as error:
        missing = f"there is no folder {label(target.parent)}"
        why = "files cannot be made in this folder" if target.parent.is_dir() else missing
        raise UserError(f"{where}: cannot be written: {why}") from error
    except OSError as error:
        raise UserError(f"{where}: cannot be written: {reason(error)}") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):  # a folder that takes no more changes keeps it, for the next to clear
                temporary.unlink(missing_ok=True)


def clear(target: Path) -> None:
    """Take away what processes that were cut off left beside a target; nothing else, and nothing that is written."""
    pattern = re.compile(re.escape(_stem(target)) + r"[0-9a-f]{8}\.part\Z")
    try:
        with os.scandir(target.parent) as entries:
            left = [entry.path for entry in entries if pattern.match(entry.name)]
    except OSError:
        return
    for path in left:
        with contextlib.suppress(OSError):
            _take_away(path)


def _beside(target: Path) -> tuple[Path, BinaryIO]:
    """Open a new file beside a target, locked where the system has locks."""
    while True:
        path = target.with_name(f"{_stem(target)}{secrets.token_hex(4)}.part")
        stream = open(path, "xb")  # noqa: SIM115 - the caller closes it
        _lock(stream.fileno())
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(path), os.fstat(stream.fileno())):
                return path, stream
        stream.close()  # taken away between its making and its lock


def _stem(target: Path) -> str:
    name = os.fsencode(target.name)[:_LONGEST].decode("utf-8", "ignore")
    return f".{name}."


def _take_away(path: str) -> None:
    """Remove a file of ours that nobody holds.

    Raises:
        OSError: It is held, or is no file that we could have made.
    """
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(descriptor)
        mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        free = mine and stat.S_ISREG(found.st_mode) and _lock(descriptor)
        if free and os.path.samestat(os.stat(path), found):
            os.unlink(path)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Lock a file for as long as it is open; return False where another process holds it or there are no locks."""
    try:
        import fcntl
    except ImportError:  # Windows, where an open file cannot be taken away
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
