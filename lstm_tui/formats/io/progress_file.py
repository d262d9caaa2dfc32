"""What is done of a long piece of work, a line for each part, so that it can be gone on with after any end.

The first line says of what it is. Behind it stands a line for each part: its number and what it came to, on the disk
before the next begins. A line that was not finished is not counted. Numbers read back bit for bit. Each line ends with
a digest of what it says and of the work, so that one that was changed, or is of other work, is never counted as done.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from lstm_tui.engine.doors import door
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.io.files import label, reason
from lstm_tui.formats.io.json import decode, encode

_MAGIC = "lstm-tui progress 1"
_BEGUN = b'["lstm-tui progress 1", "'
_MOST_BYTES = 1 << 33


class ProgressFile:
    """The parts that are done, and the file that holds them.

    Attributes:
        done: What each part came to, by its number.
    """

    def __init__(self, path: str, of: str) -> None:
        """Read what is done, or begin a file.

        Args:
            path: The file; it need not be there.
            of: What the work is: a digest of the question and of what it is asked of.

        Raises:
            UserError: It cannot be read or written, or is of other work.
        """
        self.path, self.of = path, of
        self.done: dict[int, Any] = {}
        self._length = 0
        if Path(path).exists():
            self.done, self._length = read_progress(path, of)
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        """Open it to be written to; a line that was not finished is taken away."""
        try:
            self._file = open(self.path, "r+b" if self._length else "wb")
            self._file.truncate(self._length)
            self._file.seek(self._length)
        except OSError as error:
            raise UserError(f"{label(self.path)}: cannot be written: {reason(error)}") from error
        if not self._length:
            self._write([_MAGIC, self.of])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close it."""
        if self._file is not None:
            self._file.close()

    def add(self, number: int, value: Any) -> None:
        """Keep what a part came to: texts, numbers, arrays, and lists and mappings of them."""
        packed = _packed(value)
        self._write([number, packed, _seal(self.of, number, packed)])
        self.done[number] = value

    def _write(self, line: Any) -> None:
        assert self._file is not None
        self._file.write(encode(line) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@door("work that was begun")
def read_progress(path: str, of: str) -> tuple[dict[int, Any], int]:
    """Read the parts that are done, and how many bytes hold them.

    Raises:
        UserError: It is no such file, is damaged, or of other work.
    """
    where = label(path)
    if not Path(path).is_file():
        raise UserError(f"{where}: is no file that can hold what is done")
    if Path(path).stat().st_size > _MOST_BYTES:
        raise UserError(f"{where}: is too large to be what is done of some work")
    wrong = f"{where}: holds no work that was begun; name a file that is not there yet"
    done: dict[int, Any] = {}
    length = 0
    with open(path, "rb") as file:
        for number, line in enumerate(file):
            if not number and not line.startswith(_BEGUN[: len(line)]):
                raise UserError(wrong)
            if not line.endswith(b"\n"):  # it was killed while it wrote
                break
            found = decode(line, f"{where}: line {number + 1}")
            if not number and found != [_MAGIC, of]:
                raise UserError(
                    f"{where}: was begun with another question, network or files; delete it, or name another file"
                )
            if number:
                if not (isinstance(found, list) and len(found) == 3 and found[2] == _seal(of, found[0], found[1])):
                    raise UserError(f"{where}: line {number + 1} is damaged, or was changed; delete it to begin anew")
                done[found[0]] = _unpacked(found[1], where)
            length += len(line)
    return done, length


def _seal(of: str, number: Any, packed: Any) -> str:
    """Return the digest that a line ends with."""
    return hashlib.sha256(encode([of, number, packed])).hexdigest()[:32]


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        held = np.ascontiguousarray(value)
        return {"dtype": held.dtype.str, "shape": list(held.shape), "bytes": base64.b64encode(held.tobytes()).decode()}
    if isinstance(value, np.generic):
        return _packed(np.asarray(value))
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, Mapping):
        return {"pairs": [[key, _packed(one)] for key, one in value.items()]}
    return [_packed(one) for one in value] if isinstance(value, list | tuple) else value


def _unpacked(value: Any, where: str) -> Any:
    if isinstance(value, list):
        return [_unpacked(one, where) for one in value]
    if not isinstance(value, dict):
        return value
    try:
        if "float" in value:
            return float.fromhex(value["float"])
        if "pairs" in value:
            return {key: _unpacked(one, where) for key, one in value["pairs"]}
        held = np.frombuffer(base64.b64decode(value["bytes"]), np.dtype(str(value["dtype"])))
        if held.dtype.hasobject:
            raise ValueError("objects")
        return held.reshape(value["shape"]).copy()
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{where}: is damaged; delete it to begin anew") from error
