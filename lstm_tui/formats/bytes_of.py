"""The bytes of an input file or of standard input: bounded, and refused in one line when there are none."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.visible import visible

STANDARD_INPUT = "-"
_PIECE = 1 << 20


def label(path: str | Path) -> str:
    """Return what a message calls a file: its path made visible, or `standard input`."""
    return "standard input" if str(path) == STANDARD_INPUT else visible(str(path))


def read_bytes(path: str | Path, limit: int) -> bytes:
    """Return the whole content of a file, or of standard input for `-`.

    Args:
        path: A file, a pipe or `-`.
        limit: Most bytes that are read; a larger input is refused.

    Raises:
        UserError: It does not exist, is a folder, cannot be read, is empty or too large.
    """
    where = label(path)
    try:
        if str(path) == STANDARD_INPUT:
            data = sys.stdin.buffer.read(limit + 1)
        else:
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                raise UserError(f"{where}: is a folder; name a file in it")
            if status.st_size > limit:
                raise _too_large(where, limit)
            with open(path, "rb") as stream:
                data = _read(stream, limit, status.st_size)
    except (OSError, ValueError) as error:
        raise UserError(f"{where}: cannot be read: {reason(error)}") from error
    if len(data) > limit:
        raise _too_large(where, limit)
    if not data:
        raise UserError(f"{where}: is empty: there is nothing in it to read")
    return data


def _read(stream: BinaryIO, limit: int, size: int) -> bytes:
    """Read in pieces: room for as many bytes as are asked for is taken at once, and a pipe does not tell its size."""
    pieces = []
    left = limit + 1
    while left > 0 and (piece := stream.read(min(left, max(size + 1, _PIECE)))):
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def reason(error: Exception) -> str:
    """Return what the system says about a failed file operation, in lower case and without the path."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return visible(text[:1].lower() + text[1:])


def size_text(count: int) -> str:
    """Return a number of bytes for people: `64 MB`, `1.5 GB`."""
    for unit, scale in (("GB", 1 << 30), ("MB", 1 << 20), ("kB", 1 << 10)):
        if count >= scale:
            return f"{sentence(count / scale, 3)} {unit}"
    return f"{count} bytes"


def count_of(count: int, noun: str) -> str:
    """Return a count with its noun: `1 line`, `2 lines`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _too_large(where: str, limit: int) -> UserError:
    return UserError(f"{where}: is larger than {size_text(limit)}, the limit; cut it into smaller files")
