"""Messages of the Debug Adapter Protocol as bytes: a header that says how long, then JSON."""

from __future__ import annotations

import re
from io import FileIO
from typing import Any, BinaryIO

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.json import decode, encode

MOST_BYTES = 1 << 24
"""Bytes of the longest message that is read."""
_LONGEST_LINE = 1 << 10
_MOST_LINES = 16
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,9})[ \t]*\r?\n?\Z", re.IGNORECASE)


def read_message(stream: FileIO, where: str) -> dict[str, Any] | None:
    """Return the next message of a stream, or None at its end.

    Args:
        stream: What is read; without a buffer, which a thread that waits would hold at the end of the program.
        where: What errors call it.

    Raises:
        UserError: What comes is no message, is too long, or ends inside one.
    """
    length: int | None = None
    for number in range(_MOST_LINES):
        line = stream.readline(_LONGEST_LINE)
        if not line and number == 0:
            return None
        if not line.strip():
            break
        if match := _LENGTH.match(line):
            length = int(match[1])
    else:
        raise UserError(f"{where}: a message has more than {_MOST_LINES} lines in front of it")
    if length is None:
        raise UserError(f"{where}: is no message of the Debug Adapter Protocol: its Content-Length is missing")
    if length > MOST_BYTES:
        raise UserError(f"{where}: a message is longer than {MOST_BYTES >> 20} MB")
    body = bytearray()
    while len(body) < length:
        more = stream.read(length - len(body))
        if not more:
            raise UserError(f"{where}: ends inside a message")
        body += more
    message = decode(bytes(body), where)
    if not isinstance(message, dict):
        raise UserError(f"{where}: a message is no JSON object")
    return message


def write_message(stream: BinaryIO, message: dict[str, Any]) -> None:
    """Write a message, at once.

    Raises:
        OSError: Nobody reads it.
    """
    body = encode(message)
    stream.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    stream.flush()
