"""Answers as text: one number, a truth, a text, or a vector in rows with the unit that each row begins with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.expressions.series import Series
from lstm_tui.engine.number_text import sentence as number
from lstm_tui.engine.visible import visible

__all__ = ["UNKNOWN", "lines", "number", "one"]
_A_ROW = 8
_MOST_ROWS = 64
UNKNOWN = "not there: its step does not exist"


def one(answer: Series, row: int = 0) -> str:
    """Return what an answer is at one step, on one line."""
    if not _known(answer, row):
        return UNKNOWN
    values = _row(answer, row)
    if answer.size == 1:
        return _entry(answer, values[0])
    shown = " ".join(_entry(answer, value) for value in values[:_A_ROW])
    return f"[{shown}{f' … {answer.size} units' if answer.size > _A_ROW else ''}]"


def lines(answer: Series, row: int = 0) -> list[str]:
    """Return what an answer is at one step; a vector takes as many lines as it needs."""
    if answer.size == 1 or not _known(answer, row):
        return [one(answer, row)]
    values = _row(answer, row)
    if answer.labels:
        width = max(len(visible(label)) for label in answer.labels[: _A_ROW * _MOST_ROWS])
        pairs = list(zip(answer.labels, values, strict=True))[:_MOST_ROWS]
        return [f"{visible(label):<{width}}  {_entry(answer, value)}" for label, value in pairs]
    first = answer.units or 0
    entries = [_entry(answer, value) for value in values[: _A_ROW * _MOST_ROWS]]
    width = max(map(len, entries))
    places = [f"[{first + n}]" if answer.units is not None else "" for n in range(0, len(entries), _A_ROW)]
    margin = max(map(len, places))
    result = [
        f"{place:>{margin}}  " * bool(margin) + "  ".join(text.rjust(width) for text in entries[n : n + _A_ROW])
        for place, n in zip(places, range(0, len(entries), _A_ROW), strict=True)
    ]
    if len(values) > len(entries):
        result.append(f"… {len(values)} units in all")
    return result


def _row(answer: Series, row: int) -> NDArray[Any]:
    return np.asarray(answer.values[row if len(answer.values) > 1 else 0])


def _known(answer: Series, row: int) -> bool:
    return bool(answer.known[row if len(answer.known) > 1 else 0, 0])


def _entry(answer: Series, value: Any) -> str:
    if answer.kind == "text":
        return f"“{visible(value)}”"
    if answer.kind == "truth":
        return "true" if value else "false"
    place = int(value) if answer.classes and value == value else -1
    name = f" ({visible(answer.classes[place])})" if 0 <= place < len(answer.classes) else ""
    return number(value) + name
