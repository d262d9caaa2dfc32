"""Text input: lines with the numbers an editor shows, refused in one line when the bytes are not text; also
lines of a label and a text.
"""

from __future__ import annotations

import codecs
import re
from functools import cached_property
from pathlib import Path

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.file_endings import ANY_SERIES
from lstm_tui.formats.io.files import SCRIPT_BYTES, STANDARD_INPUT, check_script, label, read_bytes
from lstm_tui.formats.io.files import label as label_of

LIMIT = 16 << 20
_LINE_END = re.compile("\r\n|\n|\r")
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\v\f\r")) + b"\x7f"
MOST_CONTROLS = 0.3  # the share above which bytes are hardly meant as text


@dataclass(frozen=True)
class InputText:
    """A text as it was read.

    Attributes:
        where: What messages call it.
        file: Name of the file without its folder; None for standard input or a text given directly.
        content: The text without byte order mark, its line ends made `\\n`.
    """

    where: str
    file: str | None
    content: str

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """Every line, empty ones too, so that line N of an editor is `lines[N - 1]`."""
        lines = self.content.split("\n")
        return tuple(lines[:-1] if not lines[-1] else lines)

    @cached_property
    def numbers(self) -> tuple[int, ...]:
        """Numbers, from 1, of the lines that hold something."""
        return tuple(n for n, line in enumerate(self.lines, 1) if line.strip())


@door("a text")
def read_text(path: str | Path, limit: int | None = None) -> InputText:
    """Read a UTF-8 text file, or standard input for `-`.

    Args:
        path: The file.
        limit: Most bytes; `LIMIT` by default.

    Raises:
        UserError: As `read_bytes`, or it is binary, not UTF-8, or blank.
    """
    return _text_in(path, read_bytes(path, LIMIT if limit is None else limit, patient=True))


@door("a text of typed lines")
def read_script(path: str | Path) -> InputText:
    """Read a text of lines of ours, as a script, a session or edits.

    Raises:
        UserError: As `read_text`, or it has more lines than any of ours.
    """
    data = read_bytes(path, SCRIPT_BYTES, patient=True)
    check_script(data, label(path))
    return _text_in(path, data)


def _text_in(path: str | Path, data: bytes) -> InputText:
    """Return the text that the bytes of a file hold."""
    return text_of(data, label(path), None if str(path) == STANDARD_INPUT else Path(path).name)


def text_of(data: bytes, where: str, file: str | None = None) -> InputText:
    """Return the text that bytes hold; `where` and the errors are those of `read_text`."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise utf16_error(where)
    nul = data.find(b"\0")
    if nul >= 0:
        raise nul_error(where, nul, _line(data, nul), data)
    controls = controls_in(data)
    if controls > MOST_CONTROLS * len(data):
        share = round(100 * controls / len(data))
        raise UserError(f"{where}: is binary: {share} % of its bytes are control characters")
    try:
        content = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start + (len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0)
        raise utf8_error(where, at, _line(data, at), data[at]) from error
    return text_from(content, where, file)


def controls_in(data: bytes) -> int:
    """Return how many bytes are control characters that no text has."""
    return len(data) - len(data.translate(None, _CONTROLS))


def utf16_error(where: str) -> UserError:
    """Return what is said of UTF-16."""
    return UserError(f"{where}: byte 1 begins UTF-16 text; save it as UTF-8")


def nul_error(where: str, at: int, line: int, head: bytes) -> UserError:
    """Return what is said of a NUL at a byte, from 0, on a line, from 1; `head` are the first bytes."""
    return UserError(f"{where}: is binary: byte {at + 1} (line {line}) is NUL; {_advice(head, where)}")


def utf8_error(where: str, at: int, line: int, byte: int) -> UserError:
    """Return what is said of a byte, from 0, on a line, from 1, that belongs to no character."""
    return UserError(f"{where}: byte {at + 1} (line {line}) is {byte:#04x}, not UTF-8; save it as UTF-8")


def text_from(content: str, where: str = "the text", file: str | None = None) -> InputText:
    """Return a text that is already decoded.

    Raises:
        UserError: There is nothing but white space in it.
    """
    text = InputText(where, file, _LINE_END.sub("\n", content))
    if not text.numbers:
        raise UserError(f"{where}: holds nothing but white space; give it at least one token")
    return text


def _line(data: bytes, at: int) -> int:
    return len(_LINE_END.findall(data[:at].decode("latin-1"))) + 1


def _advice(data: bytes, where: str) -> str:
    if where.endswith(".safetensors") or b"__metadata__" in data[:200] or b"lstm-tui" in data[:200]:
        return "a network is given with --model"
    return f"give a text, or numbers as {ANY_SERIES}"


MOST_LABELS = 1_000
_HEADS = {("label", "text"), ("label", "sentence"), ("class", "text")}


@dataclass(frozen=True)
class Labelled:
    """Labelled texts as they were read.

    Attributes:
        where: What messages call the file.
        rows: Label and text of each line.
        labels: Every label once: as numbers where they all are, else in the order of the alphabet.
    """

    where: str
    rows: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]


@door("labelled texts")
def read_labelled(path: str | Path) -> Labelled:
    """Read lines of `label<TAB>text`; empty lines and a first line `label<TAB>text` are passed over.

    Raises:
        UserError: As `read_text`, or a line has no label or no text, or there are not two labels; the line is named.
    """
    text = read_text(path)
    where = label_of(path)
    rows: list[tuple[str, str]] = []
    for number in text.numbers:
        label, tab, content = text.lines[number - 1].partition("\t")
        label, content = label.strip(), content.strip()
        if not tab:
            shown = visible(label[:30])
            raise UserError(f"{where}: line {number} has no TAB between label and text: {shown!r}")
        if not label or not content:
            missing = "label before" if not label else "text behind"
            raise UserError(f"{where}: line {number} has no {missing} its TAB")
        if not rows and (label.lower(), content.lower()) in _HEADS:
            continue
        rows.append((label, content))
    labels = sorted({label for label, _ in rows}, key=_order)
    if len(labels) < 2:
        only = f"only the label {visible(labels[0][:30])!r}" if labels else "no line behind its head"
        raise UserError(f"{where}: holds {only}; at least two labels are to be told apart")
    if len(labels) > MOST_LABELS:
        raise UserError(
            f"{where}: holds {len(labels)} labels, more than {MOST_LABELS}; the label stands before the TAB"
        )
    return Labelled(where, tuple(rows), tuple(labels))


def _order(label: str) -> tuple[int, int, str]:
    whole = label.removeprefix("-")
    if whole_number(whole) is not None:
        return (0, int(label), label)
    return (1, 0, label)
