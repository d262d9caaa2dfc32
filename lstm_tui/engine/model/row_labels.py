"""What rows of numbers are called on the tape: written when they are looked at, since a long series has many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast, overload

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.token_row import TokenRow
from lstm_tui.engine.number_text import sentences

_SHOWN_COLUMNS = 3
_TOGETHER = 1_024


class RowLabels(TokenRow):
    """The rows of a series in short, read like the tuple of them: a part of it is a tuple."""

    def __init__(self, rows: Array) -> None:
        """Hold the rows, (T, I); nothing is written yet."""
        self._rows = rows[:, :_SHOWN_COLUMNS].copy()  # whose rows they are may write to them
        self._more = " …" if rows.shape[1] > _SHOWN_COLUMNS else ""

    def __len__(self) -> int:
        """Return T."""
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        """Return the label of a row, or those of some."""
        if isinstance(index, slice):
            return tuple(self._written(self._rows[index]))
        t = range(len(self))[index]
        return next(self._written(self._rows[t : t + 1]))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the labels."""
        for base in range(0, len(self), _TOGETHER):
            yield from self._written(self._rows[base : base + _TOGETHER])

    def _written(self, rows: Array) -> Iterator[str]:
        return (text + self._more for text in sentences(rows.tolist()))


def row_labels(rows: Array) -> tuple[str, ...]:
    """Return the rows of a series, (T, I), in short, under the type of what they are read like."""
    return cast(tuple[str, ...], RowLabels(rows))
