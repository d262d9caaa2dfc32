"""An edited run beside its baseline, aligned by token through insertions and deletions.

Of a value at one step: what it was, which units changed, and which are held by an edit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from typing import overload

import numpy as np

from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.trace import Trace


def differ(after: Array, before: Array) -> Array:
    """Return where numbers are others than before, of the shape of both; a NaN that was one already is no other."""
    same = (after == before) | (np.isnan(after) & np.isnan(before))
    return np.asarray(~same)


@dataclass(frozen=True)
class DiffColumn:
    """One token of either tape: its place in the baseline, in the edited run, or in both."""

    before: int | None
    after: int | None


class Columns(Sequence[DiffColumn]):
    """Both tapes as one, in order; each column is made when it is looked at, since a long tape has many."""

    def __init__(self, origins: Origins, before: int) -> None:
        """Hold where the tokens came from.

        Args:
            origins: For each place of the edited tape, the place in the baseline.
            before: Tokens of the baseline.
        """
        self._origins, self._before = origins, before
        self._taken: list[int] = []  # of the baseline, up to the first token of each stretch; behind them, all taken
        self._firsts: list[int] = []  # the column of that token
        taken = gone = 0
        for start, one in zip(origins.starts, origins.stretches, strict=False):
            self._taken.append(taken)
            gone += 0 if one.before is None else one.before - taken
            taken = taken if one.before is None else one.before + one.count
            self._firsts.append(start + gone)
        self._taken.append(taken)
        self._count = len(origins) + gone + before - taken

    def __len__(self) -> int:
        """Return how many columns there are."""
        return self._count

    @overload
    def __getitem__(self, number: int) -> DiffColumn: ...
    @overload
    def __getitem__(self, number: slice) -> tuple[DiffColumn, ...]: ...

    def __getitem__(self, number: int | slice) -> DiffColumn | tuple[DiffColumn, ...]:
        """Return a column, or some of them."""
        if isinstance(number, slice):
            return tuple(self[n] for n in range(*number.indices(len(self))))
        n = range(len(self))[number]
        stretch = bisect_right(self._firsts, n) - 1
        if stretch >= 0:
            one, within = self._origins.stretches[stretch], n - self._firsts[stretch]
            if within < one.count:
                place = None if one.before is None else one.before + within
                return DiffColumn(place, self._origins.starts[stretch] + within)
            n = within - one.count
        return DiffColumn(self._taken[stretch + 1] + n, None)

    def of_place(self, t: int) -> int:
        """Return the number of the column of a place of the edited tape."""
        stretch = self._origins.stretch_at(t)
        return self._firsts[stretch] + t - self._origins.starts[stretch]

    @property
    def gone(self) -> dict[int, list[int]]:
        """Places of deleted tokens in the baseline, by the place on the edited tape before which they stood."""
        origins, result = self._origins, dict[int, list[int]]()
        for start, one, taken in zip(origins.starts, origins.stretches, self._taken, strict=False):
            if one.before is not None and one.before > taken:
                result[start] = list(range(taken, one.before))
        if self._taken[-1] < self._before:
            result[len(origins)] = list(range(self._taken[-1], self._before))
        return result


@dataclass(frozen=True, eq=False)
class TraceDiff:
    """Two runs of one network's passes.

    Attributes:
        before: The baseline.
        after: The edited run.
        origins: For each place of the edited tape, the place of that token in the baseline, or None.
        holds: Values that are set or scaled in the edited run.
        weights: Names of the parameters that were edited.
    """

    before: Trace
    after: Trace
    origins: Origins
    holds: tuple[Hold, ...] = ()
    weights: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Say in one line what stands beside what."""
        before, after = (count_of(len(one.sequence), "token") for one in (self.before, self.after))
        return f"<TraceDiff: {count_of(len(self.after.edits), 'edit')}; {before} before, {after} now>"

    @cached_property
    def columns(self) -> Columns:
        """Both tapes as one: every token of the baseline and every inserted one, in order."""
        return Columns(self.origins, len(self.before.sequence))

    @cached_property
    def gone(self) -> dict[int, list[int]]:
        """Places of deleted tokens in the baseline, by the place on the edited tape before which they stood."""
        return self.columns.gone

    @cached_property
    def retold(self) -> bool:
        """Whether any token is another than it was, new or gone."""
        one, other = self.before.sequence, self.after.sequence
        if one.tokens is other.tokens:
            return False
        told = one.ids is not None and other.ids is not None and not np.array_equal(one.ids, other.ids)
        return told or one.tokens != other.tokens

    def origin(self, t: int) -> int | None:
        """Return the place in the baseline of the token at place `t` of the edited tape, or None."""
        return self.origins[t]

    def replaced(self, t: int) -> bool:
        """Say whether another token stands at place `t` than in the baseline."""
        origin = self.origins[t]
        return origin is not None and self.before.sequence.tokens[origin] != self.after.sequence.tokens[t]

    def _before(self, pass_name: str, value: str) -> Array | None:
        """Return a value of the baseline; None where the cell had none of this name."""
        passed = self.before[pass_name]
        if value not in passed:
            return None
        return passed[value]

    def of(self, pass_name: str, value: str) -> Array:
        """Return edited minus baseline, (T, n) on the edited tape; NaN where a token was inserted."""
        after = self.after[pass_name][value]
        result = np.full_like(after, np.nan)
        before = self._before(pass_name, value)
        if before is None or before.shape[1] != after.shape[1]:
            return result
        places = [t for t, origin in enumerate(self.origins) if origin is not None]
        kept = [origin for origin in self.origins if origin is not None]
        with np.errstate(all="ignore"):
            result[places] = after[places] - before[kept]
        return result

    def changed(self, pass_name: str, value: str) -> Array:
        """Return where a value is not bit for bit what it was, (T, n); all of an inserted token's is changed."""
        after = self.after[pass_name][value]
        result = np.ones(after.shape, dtype=np.bool_)
        before = self._before(pass_name, value)
        if before is None or before.shape[1] != after.shape[1]:
            return result
        for t, origin in enumerate(self.origins):
            if origin is not None:
                result[t] = differ(after[t], before[origin])
        return result

    @property
    def result(self) -> Array | None:
        """How the network's verdict changed, (K,), or None."""
        if self.before.result is None or self.after.result is None:
            return None
        with quiet():
            return self.after.result - self.before.result


@dataclass(frozen=True, eq=False)
class ValueDiff:
    """One value at one place of the edited tape.

    Attributes:
        after: The numbers of the edited run, (n,).
        before: Those of the baseline at the same token, (n,); None where the token was inserted.
        changed: Which are not bit for bit what they were, (n,); all of an inserted token's.
        held: Which an edit sets or scales here, (n,).
    """

    after: Array
    before: Array | None
    changed: Array
    held: Array

    @property
    def by(self) -> Array:
        """Edited minus baseline, (n,); NaN where the token was inserted."""
        if self.before is None:
            return np.full_like(self.after, np.nan)
        with np.errstate(all="ignore"):
            return np.asarray(self.after - self.before)


def beside(difference: TraceDiff, pass_name: str, value: str, t: int) -> ValueDiff:
    """Return a value, or the input `x`, at place `t` of the edited tape.

    Raises:
        KeyError: If the edited run has no such value.
    """
    column = DiffColumn(difference.origins[t], t)
    found = beside_each(difference, pass_name, value, (column,))[0]
    assert found is not None  # the edited tape has this place
    return found


def beside_each(
    difference: TraceDiff, pass_name: str, value: str, columns: Sequence[DiffColumn]
) -> list[ValueDiff | None]:
    """Return a value, or the input `x`, at each column that is on the edited tape, and None for the others.

    Raises:
        KeyError: If the edited run has no such value.
    """
    series = _series(difference.after, pass_name, value)
    if series is None:
        raise KeyError(value)
    after = rows_at(series, [column.after for column in columns])
    was = _series(difference.before, pass_name, value)
    before = None if was is None or was.shape[1] != after.shape[1] else rows_at(was, [one.before for one in columns])
    changed = np.ones(after.shape, dtype=np.bool_) if before is None else differ(after, before)
    holds = [hold for hold in difference.holds if (hold.pass_name, hold.value) == (pass_name, value)]
    found: list[ValueDiff | None] = []
    for n, column in enumerate(columns):
        if column.after is None:
            found.append(None)
            continue
        held = np.zeros(after.shape[1], dtype=np.bool_)
        for hold in holds:
            if column.after in hold.places:
                held[slice(*hold.units)] = True
        if before is None or column.before is None:
            found.append(ValueDiff(after[n], None, np.ones(after.shape[1], dtype=np.bool_), held))
        else:
            found.append(ValueDiff(after[n], before[n], changed[n], held))
    return found


def rows_at(series: Array, places: Sequence[int | None]) -> Array:
    """Return rows of a series (T, …) by their places, NaN for None; those that follow one another are read at once."""
    rows = np.full((len(places), *series.shape[1:]), np.nan, series.dtype)
    first = 0
    while first < len(places):
        t, last = places[first], first + 1
        if t is not None:
            while last < len(places) and places[last] == t + last - first:
                last += 1
            rows[first:last] = series[t : t + last - first]
        first = last
    return rows


def _series(trace: Trace, pass_name: str, value: str) -> Array | None:
    passed = trace[pass_name]
    return passed[value] if value in passed else passed.inputs.get(value)
