"""Which token of an edited tape came from where: stretches of the tape as it was, and what was put between them.

A few edits leave a long tape in a few stretches, so an edit of it costs no more than one of a short tape.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import overload

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass


@dataclass(frozen=True)
class Stretch:
    """Tokens that stand together as they did, or that were put there together.

    Attributes:
        before: The place of the first in the baseline; None where they were inserted.
        count: How many.
    """

    before: int | None
    count: int


class Origins(Sequence[int | None]):
    """For each place of an edited tape, the place of its token in the baseline; None where it was inserted.

    It is read like a tuple, and never changed. Tokens that were kept stand in their order.
    """

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        """Hold stretches in the order of the tape; those that belong together are put together."""
        joined: list[Stretch] = []
        for one in stretches:
            if not one.count:
                continue
            last = joined[-1] if joined else None
            goes_on = last is not None and (
                one.before is None
                if last.before is None
                else one.before is not None and one.before == last.before + last.count
            )
            if last is not None and goes_on:
                joined[-1] = Stretch(last.before, last.count + one.count)
            else:
                joined.append(one)
        self.stretches = tuple(joined)
        self.starts = tuple(accumulate((one.count for one in joined), initial=0))
        """The place of the first token of each stretch, and behind them the number of all tokens."""

    @classmethod
    def unchanged(cls, count: int) -> Origins:
        """Return those of a tape of so many tokens as it was."""
        return cls((Stretch(0, count),))

    @classmethod
    def of(cls, places: Sequence[int | None]) -> Origins:
        """Return those of a tape whose places in the baseline are listed."""
        return cls([Stretch(place, 1) for place in places])

    def __len__(self) -> int:
        """Return how many tokens the edited tape has."""
        return self.starts[-1]

    @overload
    def __getitem__(self, t: int) -> int | None: ...
    @overload
    def __getitem__(self, t: slice) -> tuple[int | None, ...]: ...

    def __getitem__(self, t: int | slice) -> int | tuple[int | None, ...] | None:
        """Return the origin at a place, or of some places."""
        if isinstance(t, slice):
            return tuple(self[n] for n in range(*t.indices(len(self))))
        t = range(len(self))[t]
        number = self.stretch_at(t)
        before = self.stretches[number].before
        return None if before is None else before + t - self.starts[number]

    def __iter__(self) -> Iterator[int | None]:
        """Iterate over the origins."""
        for one in self.stretches:
            yield from (None,) * one.count if one.before is None else range(one.before, one.before + one.count)

    def __eq__(self, other: object) -> bool:
        """Say whether they are the same as other origins, or as those of a tuple."""
        if isinstance(other, Origins):
            return self.stretches == other.stretches
        return tuple(self) == other

    def __hash__(self) -> int:
        """Return a number that equal origins have in common."""
        return hash(self.stretches)

    def __contains__(self, before: object) -> bool:
        """Say whether a token of the baseline is still there."""
        return isinstance(before, int) and self.place_of(before) is not None

    def stretch_at(self, t: int) -> int:
        """Return the number of the stretch in which a place of the edited tape lies."""
        return bisect_right(self.starts, t) - 1

    def place_of(self, before: int) -> int | None:
        """Return where a token of the baseline stands now; None where it is gone."""
        for start, one in zip(self.starts, self.stretches, strict=False):
            if one.before is not None and one.before <= before < one.before + one.count:
                return start + before - one.before
        return None

    def between(self, start: int, stop: int) -> Array:
        """Return the origins of some places, (stop - start,): -1 where a token was inserted."""
        result = np.full(stop - start, -1, np.int64)
        for first, one in zip(self.starts, self.stretches, strict=False):
            begin, end = max(first, start), min(first + one.count, stop)
            if one.before is not None and begin < end:
                result[begin - start : end - start] = np.arange(one.before + begin - first, one.before + end - first)
        return result

    def still_there(self, start: int, stop: int) -> Array:
        """Return which tokens of the baseline from one place to before another are on the edited tape."""
        result = np.zeros(stop - start, np.bool_)
        for one in self.stretches:
            if one.before is not None:
                result[max(one.before - start, 0) : max(min(one.before + one.count, stop) - start, 0)] = True
        return result

    def inserted(self, t: int) -> Origins:
        """Return them with a token put before the one at a place."""
        return Origins((*self._until(t), Stretch(None, 1), *self._from(t)))

    def deleted(self, t: int) -> Origins:
        """Return them without the token at a place."""
        return Origins((*self._until(t), *self._from(t + 1)))

    def followed_by(self, before: int, count: int) -> Origins:
        """Return them with tokens behind, which stand in the baseline from a place on."""
        return Origins((*self.stretches, Stretch(before, count)))

    def _until(self, t: int) -> Iterator[Stretch]:
        for start, one in zip(self.starts, self.stretches, strict=False):
            yield Stretch(one.before, max(min(one.count, t - start), 0))

    def _from(self, t: int) -> Iterator[Stretch]:
        for start, one in zip(self.starts, self.stretches, strict=False):
            gone = min(max(t - start, 0), one.count)
            yield Stretch(None if one.before is None else one.before + gone, one.count - gone)
