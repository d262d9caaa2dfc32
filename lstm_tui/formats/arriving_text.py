"""Bytes that arrive in pieces, as the text that a file of them would be: no piece is read other than the whole."""

from __future__ import annotations

import codecs

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.text import MOST_CONTROLS, controls_in, nul_error, utf8_error, utf16_error

_HEAD = 1024  # bytes from which it is judged whether they are meant as text
_MARKS_BEGUN = (b"", b"\xef", b"\xef\xbb", b"\xff", b"\xfe")


class ArrivingText:
    """Characters out of bytes, as soon as no later byte can change them.

    Attributes:
        error: Why nothing after the characters that were returned can be read; None while all is well.
    """

    def __init__(self, where: str) -> None:
        """Begin before the first byte; `where` is what messages call the bytes."""
        self.error: UserError | None = None
        self._where = where
        self._rest = b""  # of a character, or of a byte order mark
        self._head = b""
        self._begun = self._after_return = False
        self._read, self._ends = 0, 0  # bytes before the rest, and the line ends in them

    def feed(self, data: bytes, last: bool = False) -> str:
        """Return the characters that are whole now, line ends made `\\n`; none after an error."""
        if self.error is not None:
            return ""
        data, judged = self._judge(data, last)
        data = self._rest + data
        if not self._begun:
            if data in _MARKS_BEGUN and not last:
                self._rest = data
                return ""
            self._begun = True
            if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                self.error = utf16_error(self._where)
                return ""
            if data.startswith(codecs.BOM_UTF8):
                data = data[len(codecs.BOM_UTF8) :]
                self._read = len(codecs.BOM_UTF8)
        text = self._decode(data, last)
        self.error = self.error or judged
        if self._after_return and text:
            text = text.removeprefix("\n")  # the second half of a line end
            self._after_return = False
        self._after_return |= text.endswith("\r")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _decode(self, data: bytes, last: bool) -> str:
        """Return the characters up to the first byte that is none, or that still lacks its others."""
        nul = data.find(b"\0")
        whole = data if nul < 0 else data[:nul]
        try:
            text, self._rest = whole.decode("utf-8"), b""
        except UnicodeDecodeError as error:
            cut = error.end == len(whole) and "unexpected end" in error.reason
            if cut and not last and nul < 0:
                whole, self._rest = whole[: error.start], whole[error.start :]
            else:
                whole, wrong = whole[: error.start], whole[error.start]
                self.error = utf8_error(self._where, self._read + len(whole), self._line(whole), wrong)
            text = whole.decode("utf-8")
        if self.error is None and nul >= 0:
            self.error = nul_error(self._where, self._read + nul, self._line(whole), self._head)
        self._ends += self._count(whole)
        self._read += len(whole)
        return text

    def _judge(self, data: bytes, last: bool) -> tuple[bytes, UserError | None]:
        """Return the bytes that can be read, and what is wrong behind them where the first are not meant as text."""
        room = _HEAD - len(self._head)
        if room <= 0:
            return data, None
        self._head += data[:room]
        if self._head and (last or len(self._head) == _HEAD):
            share = controls_in(self._head) / len(self._head)
            if share > MOST_CONTROLS:
                said = f"{round(100 * share)} % of its {'first ' * (not last)}bytes are control characters"
                return data[:room], UserError(f"{self._where}: is binary: {said}")
        return data, None

    def _count(self, data: bytes) -> int:
        """Return how many lines end in some bytes, which follow those that were read."""
        halves = data.startswith(b"\n") and self._after_return
        return data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n") - halves

    def _line(self, data: bytes) -> int:
        """Return the line in which some bytes end, from 1."""
        return self._ends + self._count(data) + 1
