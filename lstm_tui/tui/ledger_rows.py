"""Whatever is in a memory, the largest share first: tokens, edits, and tokens of the baseline that are gone."""

from __future__ import annotations

from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np

from lstm_tui.analysis.ledger import Ledger
from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.inspect.scale import largest_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass

Kind = Literal["token", "edit", "gone"]
_KINDS: tuple[Kind, ...] = ("token", "edit", "gone")


class LedgerRow(NamedTuple):
    """One of them.

    Attributes:
        kind: A token, an edit at a token, or a token of the baseline that was deleted.
        t: Its place on the tape; of one that is gone, on the tape of the baseline.
        value: What is left of it, summed over the units.
        share: Its share.
        before: What was left of it in the baseline; None without one, or where it was inserted.
    """

    kind: Kind
    t: int
    value: float
    share: float
    before: float | None


@dataclass(frozen=True, eq=False)
class Sources:
    """All of them, in order; looked at one by one, since a long text has many.

    Attributes:
        ledger: The memory.
        baseline: The same memory in the baseline, or None.
        origins: For each token, its place in the baseline, None where it was inserted.
    """

    ledger: Ledger
    baseline: Ledger | None = None
    origins: Origins | None = None

    @cached_property
    def _all(self) -> tuple[Array, Array, Array, Array, Array]:
        with np.errstate(all="ignore"):  # what is infinite or NaN is shown as such
            return self._ordered()

    def _ordered(self) -> tuple[Array, Array, Array, Array, Array]:
        ledger, before = self.ledger, self.baseline
        kinds, places, values, shares, old = [], [], [], [], []

        def put(kind: int, chosen: Array, value: Array, share: Array, was: Array) -> None:
            kinds.append(np.full(len(chosen), kind))
            places.append(chosen + (before.first if kind == 2 and before is not None else ledger.first))
            values.append(value[chosen])
            shares.append(share[chosen])
            old.append(was[chosen])

        nothing = np.full(len(ledger.read), np.nan)
        was, gone = nothing, np.zeros(0)
        if before is not None and self.origins is not None:
            each = before.by_token.sum(axis=1)
            here = self.origins.between(ledger.first, ledger.first + len(ledger.read)) - before.first
            inside = (here >= 0) & (here < len(each))
            was = np.where(inside, each[np.where(inside, here, 0)], np.nan)
            gone = np.where(self.origins.still_there(before.first, before.first + len(each)), 0.0, each)
        put(0, np.flatnonzero(ledger.read), ledger.by_token.sum(axis=1), ledger.shares(), was)
        if ledger.edits is not None:
            left = np.flatnonzero(np.abs(ledger.edits).sum(axis=1))
            put(1, left, ledger.edits.sum(axis=1), ledger.edit_shares(), nothing)
        put(2, np.flatnonzero(gone), np.zeros_like(gone), np.zeros_like(gone), gone)
        kind, t, value, share, past = (np.concatenate(one) for one in (kinds, places, values, shares, old))
        order = np.lexsort((-np.nan_to_num(np.abs(past)), -np.nan_to_num(share, nan=np.inf)))
        return kind[order], t[order], value[order], share[order], past[order]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._all[0])

    def __getitem__(self, place: int) -> LedgerRow:
        """Return the one at a place of the order."""
        kind, t, value, share, past = (column[place] for column in self._all)
        return LedgerRow(_KINDS[kind], int(t), float(value), float(share), None if np.isnan(past) else float(past))

    def some(self, first: int, count: int) -> list[LedgerRow]:
        """Return some in their order."""
        return [self[place] for place in range(first, min(first + count, len(self)))]

    def place_of(self, t: int) -> int | None:
        """Return where the token at place `t` of the tape stands in the order, or None when it was not read yet."""
        found = np.flatnonzero((self._all[0] == 0) & (self._all[1] == t))
        return int(found[0]) if len(found) else None

    def beside(self, t: int, down: int) -> int | None:
        """Return the token that is `down` tokens further in the order than that at place `t`; the first without it."""
        tokens = self._all[1][self._all[0] == 0]
        if not len(tokens):
            return None
        found = np.flatnonzero(tokens == t)
        place = int(found[0]) + down if len(found) else 0
        return int(tokens[min(max(place, 0), len(tokens) - 1)])

    @property
    def largest(self) -> float:
        """The largest finite size there is or was."""
        _, _, values, _, past = self._all
        return largest_of(np.concatenate([values, past]))

    @property
    def largest_share(self) -> float:
        """The largest share."""
        return largest_of(self._all[3])
