"""A value of a run at every token: a NumPy array that knows its tape, so that it can be asked by a token."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, SupportsIndex, cast

import numpy as np

from lstm_tui.engine.arrays import Array, ArrayBase
from lstm_tui.engine.model.tape_places import TapePlaces, known_tape
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.runtime.tables import Library, table_of
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, rows_of


class ValueArray(ArrayBase):
    """A value at every token: an array (T, n), read-only, with `.at("bad")`; what is computed of it is a plain array.

    Attributes:
        tape: The tokens it is of; None of a copy or a view, which may have others.
        label: Such as `layer0.forward.c`.
        plain: The same numbers as a plain array; None of a copy or a view.
    """

    tape: TapePlaces | None = None
    label: str = ""
    plain: Array | None = None

    _repr_html_ = rich_display

    def at(self, where: str | SupportsIndex) -> Array:
        """Return the numbers at one token, (n,): `trace["layer0.forward"]["c"].at("bad")`.

        Args:
            where: The token, the first of several alike; or a place on the tape, from 0, or from -1 at the end.

        Raises:
            UserError: There is no such token or place, or this is a copy that knows no tape.
        """
        return cast(Array, self[known_tape(self.tape).of(where)])

    def to_frame(self, library: Library | None = None) -> Any:
        """Return it as a table of pandas or polars: a row a token, `t`, `token`, and a column for each unit.

        Args:
            library: `pandas` or `polars`; by default pandas, or polars where pandas is not installed.

        Raises:
            UserError: It is not installed, or this is a copy that knows no tape.
        """
        return table_of(_columns(self, known_tape(self.tape)), library)

    def __getitem__(self, index: Any) -> Any:
        """Return numbers of it, as of any array."""
        numbers = self.plain  # the same numbers: nothing is made to look at some of them
        return (self.view(np.ndarray) if numbers is None else numbers)[index]

    def __array_wrap__(self, array: Array, context: Any = None, return_scalar: bool = False) -> Any:
        """Return what was computed of it as it is of any array."""
        return array[()] if return_scalar else array.view(np.ndarray)

    def __repr__(self) -> str:
        """Write it as any array."""
        return repr(self.view(np.ndarray))

    def __reduce__(self) -> Any:
        """Keep the numbers, and no tape."""
        return self.view(np.ndarray).__reduce__()


def with_tape(series: Array, tape: TapePlaces, label: str) -> Array:
    """Return a value that knows its tape, as a view of the same numbers."""
    if isinstance(series, WindowedSeries):
        series.tape = tape
        return series
    made = series.view(ValueArray)
    made.tape, made.label, made.plain = tape, label, series.view(np.ndarray)
    return made


def _columns(series: Array, tape: TapePlaces) -> dict[str, Array | list[str]]:
    whole = rows_of(series, 0, len(tape.sequence))
    units: Iterable[int] = range(whole.shape[1])
    return {"t": np.arange(len(whole)), "token": list(tape.sequence.tokens), **{str(n): whole[:, n] for n in units}}
