"""What an expression is at many steps: numbers, truths or texts, and at which steps it is known at all.

Truths are three-valued (Kleene's strong logic): true, false, or not known. There are two ways not to be known:

- *absent*: what is asked about is not there at this step, such as `f[t-1]` at the first token, or the share of a
  word that was not read yet. Nobody can blame a network for it. Where it still comes, in a stream or in a run that is
  computed meanwhile, it is *not read yet*: never 0 and never a mistake, and a condition waits.
- *unknown*: a number is there and it is NaN, so that no comparison with it is true or false.

`and` is false where one side is known to be false, `or` true where one side is known to be true; else they are as
little known as their sides, and unknown outweighs absent.

As an answer a series is text: one number, a truth, a text, or a vector in rows with the unit that each row begins with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import Any, Literal

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.text_safety import visible

Kind = Literal["number", "truth", "text"]
KNOWN = np.ones((1, 1), dtype=np.bool_)
NOWHERE = np.zeros((1, 1), dtype=np.bool_)
NO_STEP = "its step does not exist"
NOT_READ = "not read yet"
"""Why something is absent that still comes: its token has not been read, or the run is still computed to there."""


@dataclass(frozen=True, eq=False)
class Series:
    """One value at S steps; one row stands for all of them.

    Attributes:
        kind: What its entries are.
        values: (S, n) or (1, n): float64, bool, or texts.
        known: Where it is known; of numbers and texts (S, 1) or (1, 1): where they are there (a NaN is there), of
            truths also (S, n): where they are true or false.
        unknown: Where a truth is not known because of a NaN, in a shape that spreads like that of `known`; what is
            neither known nor unknown is absent. Of numbers nowhere: their NaN says it.
        classes: What its numbers are places in, for `argmax(output)`.
        labels: Names of its n entries, for `output`.
        units: Number of the first of its entries, of a matrix its rows, in what it was taken from; of `top`, nothing.
        stride: How far they lie apart in what it was taken from.
        shape: Rows and columns of a matrix, whose rows are its entries one after another; of a vector None.
        row: Which row of a matrix it is, if it is one.
        column: Which column of a matrix it is, if it is one.
        columns: Of a matrix, number of the first of its columns and how far they lie apart, in what it was taken from.
        flat: Of a matrix that is a memory's, the unit at row 0 and column 0, and how many units a row has there.
        missing: Why it is absent where it is.
    """

    kind: Kind
    values: Array
    known: Array
    classes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    units: int | None = 0
    stride: int = 1
    shape: tuple[int, int] | None = None
    row: int | None = None
    column: int | None = None
    columns: tuple[int, int] = (0, 1)
    flat: tuple[int, int] | None = None
    unknown: Array = field(default_factory=lambda: NOWHERE)
    missing: str = NO_STEP

    @property
    def size(self) -> int:
        """Entries at one step, n."""
        return int(self.values.shape[1])

    def unit_of(self, entry: int) -> int | None:
        """Return which unit an entry is in what it was taken from, where that is known."""
        return None if self.units is None else self.units + self.stride * entry

    def entry_name(self, entry: int) -> str:
        """Return an entry as it is written behind a name, such as `[7]`, or `[2][7]` of a matrix; "" if not known."""
        if self.shape is not None:
            line, place = divmod(entry, self.shape[1])
            row, column = self.unit_of(line) or 0, self.columns[0] + self.columns[1] * place
            return f"[{row}][{column}]" if self.flat is None else f"[{self.flat[0] + row * self.flat[1] + column}]"
        unit = self.unit_of(entry)
        of_row, of_column = ("" if one is None else f"[{one}]" for one in (self.row, self.column))
        return "" if unit is None else f"{of_row}[{unit}]{of_column}"

    @property
    def is_constant(self) -> bool:
        """Whether it is one value for all the steps that were asked for, as a weight or a number is."""
        return len(self.values) == len(self.known) == 1

    def unnamed(self) -> Series:
        """Return it with its entries counted from 0, as those of what was computed are."""
        return replace(self, units=0, stride=1, row=None, column=None, columns=(0, 1), flat=None)

    @classmethod
    def constant(cls, value: Any, kind: Kind = "number") -> Series:
        """Return what is the same at every step: one entry, or a vector."""
        dtype = {"number": np.float64, "truth": np.bool_, "text": object}[kind]
        values = np.empty((1, 1), dtype=object) if kind == "text" else np.atleast_2d(np.asarray(value, dtype=dtype))
        if kind == "text":
            values[0, 0] = value
        return cls(kind, values, KNOWN)


def numbers(values: Array, known: Array, *of: Series) -> Series:
    """Return numbers as float64; `of` is what they were made of."""
    return Series("number", np.asarray(values, dtype=np.float64), known, missing=_missing(of))


def truths(values: Array, known: Array, unknown: Array = NOWHERE, *of: Series) -> Series:
    """Return truths; `of` is what they were made of."""
    return Series("truth", np.asarray(values, dtype=np.bool_), known, unknown=unknown, missing=_missing(of))


def compared(result: Array, left: Series, right: Series) -> Series:
    """Return the truths of a comparison: absent where a side is, not known where a side is NaN."""
    there = (left.known | left.unknown) & (right.known | right.unknown)
    nan = left.unknown | right.unknown
    for side in (left, right):
        if side.kind == "number":
            nan = nan | np.isnan(side.values)
    return truths(result, there & ~nan, there & nan, left, right)


def any_unit(of: Series) -> Series:
    """Return whether a unit is true, (S, 1): true where one is known to be, false where all are known to be false."""
    values, known, unknown = np.broadcast_arrays(of.values, of.known, of.unknown)
    yes = (values & known).any(axis=1, keepdims=True)
    told = yes | known.all(axis=1, keepdims=True)
    return truths(yes, told, ~told & unknown.any(axis=1, keepdims=True), of)


def inverse(of: Series) -> Series:
    """Return `not v`, which is as little known as v."""
    return truths(~of.values, of.known, of.unknown, of)


def all_units(of: Series) -> Series:
    """Return whether every unit is true, (S, 1): false where one is known to be false."""
    return inverse(any_unit(inverse(of)))


def counted(of: Series, apply: Callable[[Array], Array]) -> Series:
    """Return a number of truths, such as how many are true: NaN where one is unknown, absent where one is absent."""
    values, known, unknown = np.broadcast_arrays(of.values, of.known, of.unknown)
    nan = unknown.any(axis=1, keepdims=True)
    there = (known | unknown).all(axis=1, keepdims=True)
    return numbers(np.where(nan, np.nan, apply(values)), there, of)


def _missing(of: tuple[Series, ...]) -> str:
    return next((one.missing for one in of if not one.known.all() and one.missing != NO_STEP), NO_STEP)


def both(left: Series, right: Series) -> Series:
    """Return `left and right`: false where one side is known to be false."""
    return inverse(either(inverse(left), inverse(right)))


def either(left: Series, right: Series) -> Series:
    """Return `left or right`: true where one side is known to be true."""
    yes = (left.values & left.known) | (right.values & right.known)
    known = (left.known & right.known) | yes
    return truths(yes, known, ~known & (left.unknown | right.unknown), left, right)


__all__ = ["NOT_KNOWN", "lines", "number", "value_text"]
_WHOLE = 1 << 53  # from there on a float64 is no longer every whole number
_A_ROW = 8
_MOST_ROWS = 64
_MOST_NAMED = 10
"""Entries with names, such as the words that are said next, that are told at once."""
NOT_KNOWN = "not known"
"""What a truth is that is neither true nor false, and a value that is not there."""


def value_text(answer: Series, row: int = 0) -> str:
    """Return what an answer is at one step, on one line."""
    if not there(answer, row):
        return NOT_READ if answer.missing == NOT_READ else f"{NOT_KNOWN}: {answer.missing}"
    values = row_of(answer, row)
    if answer.shape is not None:
        return _matrix_word(answer, values)
    if answer.size == 1:
        return entry_word(answer, values[0])
    shown = " ".join(entry_word(answer, value) for value in values[:_A_ROW])
    return f"[{shown}{f' … {answer.size} units' if answer.size > _A_ROW else ''}]"


def lines(answer: Series, row: int = 0) -> list[str]:
    """Return what an answer is at one step; a vector takes as many lines as it needs."""
    if answer.size == 1 or not there(answer, row):
        return [value_text(answer, row)]
    values = row_of(answer, row)
    if answer.shape is not None:
        return [_matrix_word(answer, values), *_matrix_lines(answer, values)]
    if answer.labels:
        return _named_lines(answer, values)
    entries = [entry_word(answer, value) for value in values[: _A_ROW * _MOST_ROWS]]
    width = max(map(len, entries))
    places = [answer.entry_name(n) for n in range(0, len(entries), _A_ROW)]
    margin = max(map(len, places))
    result = [
        f"{place:>{margin}}  " * bool(margin) + "  ".join(text.rjust(width) for text in entries[n : n + _A_ROW])
        for place, n in zip(places, range(0, len(entries), _A_ROW), strict=True)
    ]
    if len(values) > len(entries):
        result.append(f"… {len(values)} units in all")
    return result


def _named_lines(answer: Series, values: Array) -> list[str]:
    """Return entries that have names, a line each; of many the first few: the highest, or those that are true.

    What `top` chose is told as it was asked.
    """
    shown, more = list(range(answer.size)), ""
    if answer.size > _MOST_NAMED and answer.units is not None:
        sizes = np.array([-float(value or 0) for value in values])
        sizes[np.isnan(sizes)] = -np.inf  # what went wrong is not left out
        shown = np.argsort(sizes, kind="stable")[:_MOST_NAMED].tolist()
        first = "the true first" if answer.kind == "truth" else "the highest first; top(…, 20) shows more"
        more = f"… {answer.size} in all, {first}"
    width = max(len(visible(answer.labels[n])) for n in shown)
    told = [f"{visible(answer.labels[n]):<{width}}  {entry_word(answer, values[n])}" for n in shown]
    return [*told, more] if more else told


def _matrix_word(answer: Series, values: Array) -> str:
    """Return what a matrix is on one line: its shape and the ends of its range, or how many entries are true."""
    rows, columns = answer.shape or (1, answer.size)
    size = f"{rows} × {columns} matrix"
    if answer.kind == "truth":
        return f"{size}, true in {count_of(sum(value is True or value == 1 for value in values), 'place')}"
    if np.isnan(values).any():
        return f"{size}, NaN in {count_of(int(np.isnan(values).sum()), 'place')}"
    return f"{size}, {number(values.min())} to {number(values.max())}"


_MATRIX_ROWS = 8


def _matrix_lines(answer: Series, values: Array) -> list[str]:
    """Return the upper left part of a matrix, a line a row."""
    rows, columns = answer.shape or (1, answer.size)
    table = values.reshape(rows, columns)[:_MATRIX_ROWS, :_A_ROW]
    shown = [[entry_word(answer, one) for one in row] for row in table]
    width = max(len(one) for row in shown for one in row)
    names = [f"[{answer.unit_of(row)}]" for row in range(len(shown))]
    margin = max(map(len, names))
    more = "  …" * (columns > _A_ROW)
    result = [f"{name:>{margin}}  " + "  ".join(one.rjust(width) for one in row) + more
              for name, row in zip(names, shown, strict=True)]  # fmt: skip
    return result + ["…"] * (rows > len(shown))


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


def number(value: float) -> str:
    """Return a number as an answer tells it: a whole one in full, so that a place can be typed again."""
    whole = abs(value) < _WHOLE and float(value).is_integer()
    return str(int(value)) if whole and value else sentence(value)


def entry_word(answer: Series, value: Any) -> str:
    """Return one entry of an answer as text."""
    if answer.kind == "text":
        return f"“{visible(value)}”"
    if answer.kind == "truth":
        return NOT_KNOWN if value is None else "true" if value else "false"
    place = int(value) if answer.classes and value == value else -1
    name = f" ({visible(answer.classes[place])})" if 0 <= place < len(answer.classes) else ""
    return number(value) + name
