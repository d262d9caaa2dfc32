"""The bytes of an input file or of standard input: bounded, and refused in one line when there are none.

What kind of file it is, and how large, is looked at before anything is read: a device has no end, and a pipe to
which nobody writes has no beginning.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lstm_tui.engine.doors import STANDARD_INPUT as STANDARD_INPUT
from lstm_tui.engine.doors import label as label
from lstm_tui.engine.doors import reason as reason
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence

SOON = 0.5
"""Seconds after which it is said that a pipe is waited for."""
PATIENCE = 6.0
"""Seconds for which a pipe is waited for to which nobody writes."""
_PIECE = 1 << 20
_UNTOLD = 64 << 20  # most bytes of a file that says it holds none, as those of /proc do
_KINDS = (
    (stat.S_ISDIR, "is a folder; name a file in it"),
    (stat.S_ISCHR, "is a device, and no file; name a file, or give `-` to read standard input"),
    (stat.S_ISBLK, "is a disk, and no file; name a file on it"),
    (stat.S_ISSOCK, "is a socket, and no file; name a file"),
)


def read_bytes(path: str | Path, limit: int, patient: bool = False) -> bytes:
    """Return the whole content of a file, or of standard input for `-`.

    Args:
        path: A file, a pipe or `-`.
        limit: Most bytes that are read; a larger input is refused.
        patient: Whether a pipe is waited for as long as somebody has it open to write; without it, `PATIENCE`.

    Raises:
        UserError: It does not exist, is a folder or a device, cannot be read, is empty or too large, or is a pipe to
            which nobody writes.
    """
    where = label(path)
    try:
        if str(path) == STANDARD_INPUT:
            data = _standard_input(limit)
        else:
            with opened(path, limit) as (stream, most):
                status = os.fstat(stream.fileno())
                if stat.S_ISFIFO(status.st_mode):
                    data = _read_pipe(stream.fileno(), where, most, patient)
                else:
                    data = _read(stream, most, status.st_size)
                limit = most
    except (OSError, ValueError) as error:
        raise UserError(f"{where}: cannot be read: {reason(error)}") from error
    if len(data) > limit:
        raise _too_large(where, limit)
    if not data:
        raise UserError(f"{where}: is empty: there is nothing in it to read")
    return data


@contextmanager
def opened(path: str | Path, limit: int) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file or a pipe of a stranger, its kind and size checked, and yield it with the most bytes to be read.

    A pipe is opened without waiting for whoever writes to it, and reading from it does not wait either.

    Raises:
        UserError: It is no file, or larger than the limit.
        OSError: It cannot be opened.
        ValueError: Its name is none.
    """
    where = label(path)
    check_kind(where, os.stat(path))
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    with open(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        check_kind(where, status)  # it may have become another since
        if status.st_size > limit:
            raise _too_large(where, limit)
        yield stream, limit if status.st_size or stat.S_ISFIFO(status.st_mode) else min(limit, _UNTOLD)


def check_kind(where: str, status: os.stat_result) -> None:
    """Refuse what is neither a file nor a pipe.

    Raises:
        UserError: It is a folder, a device or a socket.
    """
    for is_kind, told in _KINDS:
        if is_kind(status.st_mode):
            raise UserError(f"{where}: {told}")


def _standard_input(limit: int) -> bytes:
    if sys.stdin is None:
        raise UserError("standard input: is closed; name a file, or give it one")
    return sys.stdin.buffer.read(limit + 1)


def _read_pipe(descriptor: int, where: str, limit: int, patient: bool) -> bytes:
    """Read a pipe to its end; say soon that it is waited for, and give up where nobody writes to it."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    pieces: list[bytes] = []
    left, quiet, told = limit + 1, time.monotonic(), False
    while left > 0:
        ready, written = poll.poll(100), True
        try:
            piece = os.read(descriptor, min(left, _PIECE))
        except BlockingIOError:  # somebody has it open, and writes nothing
            piece = b""
        else:
            if not piece and ready:
                break
            written = bool(piece)  # nothing to read and no end: nobody has opened it yet
        if piece:
            pieces.append(piece)
            left, quiet = left - len(piece), time.monotonic()
            continue
        waited = time.monotonic() - quiet
        if waited > SOON and not told:
            print(f"lstm-tui: {where}: is a pipe, and is waited for", file=sys.stderr, flush=True)
            told = True
        if waited > PATIENCE and not (patient and written):
            raise UserError(
                f"{where}: is a pipe from which nothing came in {sentence(PATIENCE, 6)} seconds; name a file"
            )
    return b"".join(pieces)


def _read(stream: BinaryIO, limit: int, size: int) -> bytes:
    """Read in pieces: room for as many bytes as are asked for is taken at once, and a pipe does not tell its size."""
    pieces = []
    left = limit + 1
    while left > 0 and (piece := stream.read(min(left, max(size + 1, _PIECE)))):
        pieces.append(piece)
        left -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


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
