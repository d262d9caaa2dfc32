"""JSON as this project writes and reads it: numbers that read back bit for bit, text that is safe to show.

Read from a stranger, a field that is missing or of another type is one clear line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import is_shown, visible

_UNUSUAL = re.compile(r"[^ -~]")
_MOST_HELD = 1 << 30  # bytes that the objects of a document may take
_COSTS = (("[", 72), ("{", 240), (",", 40))  # bytes that Python takes for what begins so, and for a number
_LONGEST_NUMBER = "S32"  # -1.7976931348623157e+308 takes 24

Nonfinite = list[list[Any]]


def encode(value: Any) -> bytes:
    """Return a JSON value; what a terminal would obey or hide is escaped, other text stays readable."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return _UNUSUAL.sub(_escaped, text).encode()


def _escaped(found: re.Match[str]) -> str:
    """Return a character as it is where it may be shown, else as JSON escapes it."""
    return found[0] if is_shown(found[0]) else json.dumps(found[0])[1:-1] if found[0] != "\x7f" else "\\u007f"


def decode(data: bytes | str, where: str) -> Any:
    """Return the value of a JSON text from a stranger.

    Raises:
        UserError: It is not JSON; line and column are named. Or it would take too much memory.
    """
    held = sum((data.count(sign) if isinstance(data, str) else data.count(sign.encode())) * n for sign, n in _COSTS)
    if held > _MOST_HELD:
        raise UserError(f"{where}: holds more values than fit into {_MOST_HELD >> 30} GB; make it smaller, or a .npz")
    try:
        return json.loads(data, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"{where}: is damaged at {place}: not JSON; write it again") from error
    except _NoConstantError as error:
        raise UserError(
            f"{where}: holds {error}, which is not JSON; write a number, or null where a number is not known"
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{where}: is damaged: not JSON that can be read here; write it again") from error


class _NoConstantError(ValueError):
    """A number that Python writes and JSON does not have: NaN, Infinity or -Infinity."""


def _refuse(constant: str) -> Any:
    raise _NoConstantError(constant)


def number_rows(block: Array) -> list[bytes]:
    """Return each row of (t, n) as a JSON array of the shortest numbers that read back bit for bit.

    NaN and the infinities become `null`; `nonfinite` names them.
    """
    texts: Array = block.astype(_LONGEST_NUMBER)
    finite = np.isfinite(block)
    if not finite.all():
        texts[~finite] = b"null"
    return [b"[" + b",".join(row) + b"]" for row in texts.tolist()]


def numbers(row: Array) -> bytes:
    """Return one row (n,) as `number_rows` does."""
    return number_rows(row[np.newaxis])[0]


def nonfinite(row: Array, group: str, name: str) -> Nonfinite:
    """Return where a row (n,) is not finite: `[[group, name, place, "nan" | "inf" | "-inf"], …]`."""
    places = np.flatnonzero(~np.isfinite(row))
    return [[group, name, int(k), str(float(row[k]))] for k in places]


_T = TypeVar("_T")
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    dict: "an object",
    list: "a list",
    bool: "true or false",
}


class Fields:
    """An object of a JSON document.

    Attributes:
        where: What messages call the document.
        path: The place in it, to the dot behind it; empty for the whole.
    """

    def __init__(self, content: Any, where: str, path: str = "") -> None:
        """Wrap a value.

        Raises:
            UserError: It is not an object.
        """
        self.where = where
        self.path = path
        if not isinstance(content, dict):
            raise self.damaged("", "must be an object")
        self.content: Mapping[str, Any] = content

    def damaged(self, key: str, problem: str) -> UserError:
        """Return the error for a field, or for the whole where it is empty; its place in the document is named."""
        what = f"{self.path}{key}" if key else self.path.removesuffix(".") or "it"
        return UserError(f"{self.where}: is damaged: {visible(what)} {problem}")

    def get(self, key: str, kind: type[_T]) -> _T:
        """Return a field of a type; true and false are no numbers."""
        value = self.content.get(key)
        if not _is(value, kind):
            raise self.damaged(key, f"must be {_WORDS[kind]}" if key in self.content else "is missing")
        assert isinstance(value, kind)
        return value

    def maybe(self, key: str, kind: type[_T]) -> _T | None:
        """Return a field of a type, or None where it is null or missing."""
        return None if self.content.get(key) is None else self.get(key, kind)

    def items(self, key: str, kind: type[_T]) -> list[_T]:
        """Return a list whose items are all of one type."""
        values: list[Any] = self.get(key, list)
        for n, value in enumerate(values):
            if not _is(value, kind):
                raise self.damaged(f"{key}[{n}]", f"must be {_WORDS[kind]}")
        return values

    def choice(self, key: str, among: tuple[str, ...]) -> str:
        """Return a text that is one of some."""
        value = self.get(key, str)
        if value not in among:
            raise self.damaged(key, f"is {visible(value[:40])!r}, and must be {' or '.join(among)}")
        return value

    def inside(self, key: str) -> Fields:
        """Return the object of a field."""
        return Fields(self.get(key, dict), self.where, f"{self.path}{key}.")

    def each(self, key: str) -> Iterator[Fields]:
        """Return the objects of a list."""
        for n, value in enumerate(self.get(key, list)):
            yield Fields(value, self.where, f"{self.path}{key}[{n}].")


def _is(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))
