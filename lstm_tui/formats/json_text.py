"""JSON as this project writes and reads it: numbers that read back bit for bit, text a terminal may show."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.trace import Array
from lstm_tui.engine.visible import is_shown

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
    except (ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{where}: is damaged: not JSON that can be read here; write it again") from error


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def number_rows(block: Array) -> list[bytes]:
    """Return each row of (t, n) as a JSON array of the shortest numbers that read back bit for bit.

    NaN and the infinities become `null`; `nonfinite` names them.
    """
    texts: NDArray[np.bytes_] = block.astype(_LONGEST_NUMBER)
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
