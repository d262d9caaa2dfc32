"""Text or rows of numbers that arrive in pieces, as tokens of a network, each as soon as nothing can change it.

A word that is cut in two by a piece is one token, and so is a character, a byte sequence or a row of numbers: what has
arrived is at any time the beginning of what a file of it would be, read as one sequence.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence as InputSequence
from lstm_tui.engine.model.tokens import Tokens, tokenize, tokenize_begun
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.inputs.inputs import encoded, series_sequence
from lstm_tui.formats.inputs.numeric_series import CsvRows, delimiter_of
from lstm_tui.formats.inputs.text_input import MOST_CONTROLS, controls_in, nul_error, utf8_error, utf16_error

if TYPE_CHECKING:
    from lstm_tui.engine.model.network import Network


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


LONGEST_WORD, LONGEST_LINE = 1 << 14, 1 << 20  # characters; behind them nothing is waited for any more
_BREAK = re.compile(r"\W")


def check_follows(network: Network) -> None:
    """Refuse a network that cannot read a text before its end is there.

    Raises:
        UserError: With the reason, and what works instead.
    """
    name, imported = visible(network.name), network.card.get("imported")
    said: Mapping[str, Any] = imported if isinstance(imported, Mapping) else {}
    without = "run it on the whole text, without --follow"
    if not network.forward_only:
        raise UserError(
            f"{name} reads backward too, and its backward pass begins at the end of the text, which has not come: "
            "take a network that reads forward, such as --model sentiment-forward, or leave --follow out"
        )
    if any(said.get(key) is not None for key in ("pad", "mask_id", "mask_value")):
        raise UserError(
            f"{name} was trained on padded or masked texts, and where the padding belongs is known only at the end "
            f"of the text: {without}"
        )
    if network.front is not None:
        raise UserError(f"{name} has array ops below its lowest layer, which take the input as a whole: {without}")
    if network.tokens is not None and network.tokens.definition:
        raise UserError(
            f"the tokenizer of {name} splits a text as a whole, and what follows may join pieces: {without}"
        )


class Arriving:
    """What has arrived for one network.

    Attributes:
        error: Why nothing more can be read; None while all is well.
    """

    def __init__(self, network: Network, where: str = "standard input") -> None:
        """Begin before the first byte.

        Raises:
            UserError: The network cannot read a text before its end is there.
        """
        check_follows(network)
        self._characters = ArrivingText(where)
        self._source = _Rows(network, where) if network.tokens is None else _Text(network.tokens, where)
        self._where, self._some, self._blank = where, False, True
        self.error: UserError | None = None

    def feed(self, data: bytes) -> InputSequence | None:
        """Return the tokens that are whole now, None where there is none; after an error there is none."""
        return self._take(data, last=False)

    def end(self) -> InputSequence | None:
        """Return the tokens that were still waited for, at the end of the input."""
        return self._take(b"", last=True)

    def _take(self, data: bytes, last: bool) -> InputSequence | None:
        if self.error is not None:
            return None
        text = self._characters.feed(data, last)
        self._blank &= not text.strip()
        self.error = self._characters.error
        found = None
        try:
            found = self._source.take(text, last and self.error is None)
        except UserError as error:
            self.error = error
        self.error = self._source.error or self.error
        self._some |= found is not None
        if last and self.error is None and not self._some:
            self.error = UserError(f"{self._where}: {self._nothing()}")
        return found

    def _nothing(self) -> str:
        if self._blank:
            return "ended without a single token"
        return "ended with a header and no row of numbers"


class _Text:
    """Tokens of a text."""

    def __init__(self, tokens: Tokens, where: str) -> None:
        self._tokens, self._where = tokens, where
        self._begun: list[str] = []  # of a token that more text may change
        self._length = 0
        self.error: UserError | None = None

    def take(self, text: str, last: bool) -> InputSequence | None:
        """Return the tokens that more text cannot change."""
        self._begun.append(text)
        self._length += len(text)
        if self._tokens.kind == "words" and not last and not _BREAK.search(text):  # all of it one word so far
            return self._checked(None)
        joined = "".join(self._begun)
        if last:
            pieces, rest = tokenize(joined.removesuffix("\n"), self._tokens.kind), ""
        else:
            pieces, rest = tokenize_begun(joined, self._tokens.kind)
        self._begun, self._length = [rest], len(rest)
        return self._checked(encoded(pieces, self._tokens, self._where) if pieces else None)

    def _checked(self, found: InputSequence | None) -> InputSequence | None:
        """Return what was found; a word that does not end is waited for no longer."""
        if self._length > LONGEST_WORD:
            self.error = UserError(
                f"{self._where}: a word of more than {LONGEST_WORD} letters: nothing is read after it"
            )
        return found


class _Wanting(Exception):
    """A row goes on in a line that has not come."""


class _Lines(Iterator[str]):
    """Lines from a place on; where they end, more are wanted, unless these were the last."""

    def __init__(self, lines: list[str], place: int, last: bool) -> None:
        self._lines, self.place, self._last = lines, place, last

    def __next__(self) -> str:
        if self.place == len(self._lines):
            raise StopIteration if self._last else _Wanting
        self.place += 1
        return self._lines[self.place - 1]


class _Rows:
    """Rows of numbers, separated by commas, tabs or semicolons."""

    def __init__(self, network: Network, where: str) -> None:
        self._network, self._where = network, where
        self._table = CsvRows(where, one_column=network.input_size == 1)
        self._lines: list[str] = []
        self._rest = self._delimiter = ""
        self._before = 0  # lines that were read
        self.error: UserError | None = None

    def take(self, text: str, last: bool) -> InputSequence | None:
        """Return the rows that are whole; what is wrong behind them stands in `error`."""
        *lines, self._rest = (self._rest + text).split("\n")
        self._lines += [f"{line}\n" for line in lines]
        if last and self._rest:
            self._lines.append(self._rest)
            self._rest = ""
        rows: list[list[float]] = []
        try:
            for cells, line in self._records(last):
                row = self._table.read(cells, line)
                self._check_width()
                if row is not None:
                    rows.append(row)
            if len(self._rest) > LONGEST_LINE:
                raise UserError(
                    f"{self._where}: a line of more than {LONGEST_LINE} characters: nothing is read after it"
                )
        except UserError as error:
            self.error = error
        return series_sequence(np.array(rows, np.float64), columns=self._table.columns) if rows else None

    def _check_width(self) -> None:
        if self._table.width not in (0, self._network.input_size):
            raise UserError(
                f"{self._where}: has {count_of(self._table.width, 'column')}, "
                f"and {visible(self._network.name)} reads {self._network.input_size}"
            )

    def _records(self, last: bool) -> Iterator[tuple[list[str], int]]:
        """Yield the cells of each whole row, and its last line; an unfinished row is read again with the next line."""
        done = 0
        self._delimiter = self._table.delimiter = self._delimiter or self._first_delimiter()
        while done < len(self._lines):
            lines = _Lines(self._lines, done, last)
            try:
                cells = next(csv.reader(lines, delimiter=self._delimiter or ",", strict=True))
            except _Wanting:
                break
            except csv.Error as error:
                line = self._before + lines.place
                raise UserError(f"{self._where}: line {line}: {visible(str(error))}") from error
            done = lines.place
            yield cells, self._before + done
        del self._lines[:done]
        self._before += done

    def _first_delimiter(self) -> str:
        first = next((line for line in self._lines if line != "\n"), "")
        return delimiter_of(first.removesuffix("\n")) if first else ""
