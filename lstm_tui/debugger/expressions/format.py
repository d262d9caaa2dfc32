"""Answers as text: one number, a truth, a text, or a vector in rows with the unit that each row begins with."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_tui.debugger.expressions.series import Series
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.number_text import sentence as number
from lstm_tui.engine.text_safety import visible

__all__ = ["NOT_KNOWN", "lines", "number", "value_text"]
_A_ROW = 8
_MOST_ROWS = 64
NOT_KNOWN = "not known"
"""What a truth is that is neither true nor false, and a value that is not there."""


def value_text(answer: Series, row: int = 0) -> str:
    """Return what an answer is at one step, on one line."""
    if not there(answer, row):
        return f"{NOT_KNOWN}: {answer.missing}"
    values = row_of(answer, row)
    if answer.size == 1:
        return entry_word(answer, values[0])
    shown = " ".join(entry_word(answer, value) for value in values[:_A_ROW])
    return f"[{shown}{f' … {answer.size} units' if answer.size > _A_ROW else ''}]"


def lines(answer: Series, row: int = 0) -> list[str]:
    """Return what an answer is at one step; a vector takes as many lines as it needs."""
    if answer.size == 1 or not there(answer, row):
        return [value_text(answer, row)]
    values = row_of(answer, row)
    if answer.labels:
        width = max(len(visible(label)) for label in answer.labels[: _A_ROW * _MOST_ROWS])
        pairs = list(zip(answer.labels, values, strict=True))[:_MOST_ROWS]
        return [f"{visible(label):<{width}}  {entry_word(answer, value)}" for label, value in pairs]
    first = answer.units or 0
    entries = [entry_word(answer, value) for value in values[: _A_ROW * _MOST_ROWS]]
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


def row_of(answer: Series, row: int = 0) -> Array:
    """Return the entries of an answer at one step; None for a truth that is not known."""
    values = answer.values[row if len(answer.values) > 1 else 0]
    if answer.kind != "truth":
        return np.asarray(values)
    known = np.broadcast_to(answer.known, (len(answer.known), answer.size))
    return np.array(
        [value if told else None for value, told in zip(values, known[row if len(known) > 1 else 0], strict=True)]
    )


def there(answer: Series, row: int = 0) -> bool:
    """Say whether an answer is there at a step, be it NaN."""
    known = answer.known | answer.unknown
    return bool(known[row if len(known) > 1 else 0].any())


def entry_word(answer: Series, value: Any) -> str:
    """Return one entry of an answer as text."""
    if answer.kind == "text":
        return f"“{visible(value)}”"
    if answer.kind == "truth":
        return NOT_KNOWN if value is None else "true" if value else "false"
    place = int(value) if answer.classes and value == value else -1
    name = f" ({visible(answer.classes[place])})" if 0 <= place < len(answer.classes) else ""
    return number(value) + name
