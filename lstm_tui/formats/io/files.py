"""Files read and written: bounded when read, complete or absent when written.

What kind of file it is, and how large, is looked at before anything is read: a device has no end, and a pipe to
which nobody writes has no beginning. A file is written beside its target, locked as long as its process lives, then
moved into place; one that has our name for such a file and no lock was left by a process that was killed, and is
deleted by the next that writes there.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import select
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lstm_tui.engine.doors import STANDARD_INPUT as STANDARD_INPUT
from lstm_tui.engine.doors import label as label
from lstm_tui.engine.doors import reason as reason
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import bytes_text, sentence

SOON = 0.5
"""Seconds after which it is said that a pipe is waited for."""
PATIENCE = 6.0
"""Seconds for which a pipe is waited for to which nobody writes."""
SCRIPT_BYTES, SCRIPT_LINES = 1 << 22, 1 << 19
"""Most bytes and lines of a text that is made of lines of ours: a script, a session, edits, a journal."""
NETWORK_BYTES = 1 << 30
"""Most bytes of the numbers of a network or of other arrays: of a file, of what lies beside it, and unpacked."""
HEADER_BYTES = 64 << 20
"""Most bytes of JSON by which such a file says what it holds."""
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


def script_content(lines: Iterable[str], where: str, errors: str = "strict") -> bytes:
    """Return lines of ours as a file of them, which is read again whatever it holds.

    Args:
        lines: The lines.
        where: What the file is called.
        errors: What becomes of a character that UTF-8 has no bytes for.

    Raises:
        UserError: They are more than are read again.
    """
    content = "".join(f"{line}\n" for line in lines).encode("utf-8", errors)
    check_script(content, where)
    return content


def check_script(content: bytes, where: str) -> None:
    """Refuse more bytes or lines than a script, a session, edits or a journal has.

    Raises:
        UserError: There are more.
    """
    if len(content) > SCRIPT_BYTES:
        size = bytes_text(len(content))
        raise UserError(f"{where}: {size} of lines; {SCRIPT_BYTES >> 20} MB is the most: take features or patches away")
    if (count := content.count(b"\n")) > SCRIPT_LINES:
        raise UserError(f"{where}: {count} lines; {SCRIPT_LINES} is the most")


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


def _too_large(where: str, limit: int) -> UserError:
    return UserError(f"{where}: is larger than {size_text(limit)}, the limit; cut it into smaller files")


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
    begun: list[Path] = []
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
        temporary, stream = _beside(target, begun)
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
            if target.exists():
                os.chmod(temporary, target.stat().st_mode & 0o7777)
            os.replace(temporary, target)
    except FileNotFoundError as error:
        missing = f"there is no folder {label(target.parent)}"
        why = "files cannot be made in this folder" if target.parent.is_dir() else missing
        raise UserError(f"{where}: cannot be written: {why}") from error
    except OSError as error:
        raise UserError(f"{where}: cannot be written: {reason(error)}") from error
    finally:
        for path in begun:
            with contextlib.suppress(OSError):  # a folder that takes no more changes keeps it, for the next to clear
                path.unlink(missing_ok=True)
            _unfinished.discard(path)


_unfinished: set[Path] = set()
"""Files beside their targets that this process is writing."""


def abandon() -> None:
    """Take away what this process has begun to write and cannot end; only for a process that ends here."""
    for path in list(_unfinished):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


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


def _beside(target: Path, begun: list[Path]) -> tuple[Path, BinaryIO]:
    """Open a new file beside a target, locked where the system has locks; it is noted before it is there."""
    while True:
        path = target.with_name(f"{_stem(target)}{secrets.token_hex(4)}.part")
        begun.append(path)  # a signal may come as soon as there is a file
        _unfinished.add(path)
        try:
            stream = open(path, "xb")  # noqa: SIM115 - the caller closes it
        except FileExistsError:  # another's
            begun.remove(path)
            _unfinished.discard(path)
            raise
        try:
            _lock(stream.fileno())
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.stat(path), os.fstat(stream.fileno())):
                    return path, stream
        except BaseException:
            stream.close()
            raise
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


_ZOOM = 2  # pixels of the PNG for one of the SVG: sharp on paper and on a wall
_PROBE = '<svg xmlns="http://www.w3.org/2000/svg" width="16" height="16">{}</svg>'


def write_picture(svg: str, path: str | Path, over: bool = False) -> None:
    """Write a picture; the ending of the name says how.

    Args:
        svg: The text of the SVG.
        path: A new `.svg` or `.png` file.
        over: Whether it may take the place of one that is there.

    Raises:
        UserError: The name has another ending, is taken already, or the file cannot be written.
    """
    where, path = label(path), Path(path)
    ending = path.suffix.lower()
    if ending not in (".svg", ".png"):
        raise UserError(f"{where}: a picture is .svg or .png")
    if path.exists() and not over:
        raise UserError(f"{where}: is there already; take another name")
    content = svg.encode() if ending == ".svg" else _png(svg, where)
    with replacing(path) as stream:
        stream.write(content)


def free_name(stem: str, folder: Path) -> str:
    """Return the first of `stem.svg`, `stem-2.svg`, … that is not taken."""
    name, number = f"{stem}.svg", 2
    while (folder / name).exists():
        name, number = f"{stem}-{number}.svg", number + 1
    return name


def _png(svg: str, where: str) -> bytes:
    try:
        from resvg_py import svg_to_bytes
    except ImportError as error:
        raise UserError(f"{where}: a .png needs resvg: pip install 'lstm-tui[png]'; .svg needs nothing") from error
    letter = '<text y="14" font-size="14" font-family="monospace">M</text>'
    if bytes(svg_to_bytes(svg_string=_PROBE.format(letter))) == bytes(svg_to_bytes(svg_string=_PROBE.format(""))):
        raise UserError(f"{where}: no font is installed here, and a .png would have no words; .svg needs none")
    return bytes(svg_to_bytes(svg_string=svg, zoom=_ZOOM))
