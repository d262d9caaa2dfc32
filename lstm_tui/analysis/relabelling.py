"""Labels of other steps in the place of each step's own: what an effect is compared with, to say whether it is chance.

A property and a unit that both change slowly agree by chance far more often than single steps would, and both may
depend on how far from its beginning a step is. So labels are never shuffled step by step. There are two ways:

- *Exchange*: a sequence gets the labels of another of like length, stretched to its own where that differs. With b of
  P exchanges at least as large the p-value is (1 + b) / (1 + P). It is exact if sequences are drawn independently of
  each other and all that are exchanged have one length; where labels are stretched it is as good as these are like
  those of a sequence of that length.
- *Shift*: where hardly any sequence is like another, as in one long text, every label is moved by the same number of
  steps, up to n times to either side; the ends, into which a shift would reach, are not compared. Nothing is turned
  round: where the ends meet, labels would change once more than they do. The p-value is (1 + b) / (1 + n), with b of
  2n shifts at least as large. That is a bound: of n + 1 values in a row at most m are among the m largest of the n
  before and the n behind them, so a value of a stationary series is so with a probability of at most m / (n + 1)
  (Harris, "A shift test for independence in generic time series", arXiv:2012.06862). It takes the property to come as
  often and to last as long all along a sequence. Of the units it takes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, permutations, product
from math import lgamma, log
from typing import Protocol

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of

_ENOUGH = 4
"""Sequences of one length from which on they are exchanged among themselves."""
_LIKE, _LAST = 1.25, 1.5
"""How much longer one sequence may be than another whose labels it gets, and the one that would be left alone."""
_ARRANGEMENTS = 100
"""Ways to exchange whole sequences from which on nothing is shifted."""
_SHARE, _LARGER_SHARE, _SMALL = 8, 3, 100
"""A shift reaches over an eighth of a sequence, or where that is less than so many steps, up to a third."""
_TAKEN = 0.75
"""Sequences that are shifted have at least this share of all steps."""
_USEFUL = 0.05
"""The least p-value of shifts below which they may take the place of exchanges."""
_MOST_ORDERS = 1 << 28
"""Sequences times exchanges that are held."""


class Relabelling(Protocol):
    """Which steps are compared, and from which step each gets its label."""

    @property
    def steps(self) -> Array:
        """The steps that are compared, which go up, (n,)."""

    @property
    def count(self) -> int:
        """How many relabellings there are, besides the labels as they are."""

    @property
    def what(self) -> str:
        """What they are, in a word."""

    @property
    def assumption(self) -> str:
        """What p-values take for granted, and what is not compared, in words."""

    def p_value(self, at_least: int) -> float:
        """Return the p-value of an effect that so many of the relabellings reach."""

    def origins(self, places: slice) -> Iterator[Array]:
        """Yield of each relabelling the steps whose labels a stretch of `steps` gets."""


@dataclass(frozen=True, eq=False)
class LabelExchange:
    """Sequences get each other's labels.

    Attributes:
        steps: Those of sequences that are like another, (n,).
        lengths: Of all sequences, (S,).
        orders: Whose labels each sequence gets, (P, S).
        left_out: How many sequences are like no other.
    """

    steps: Array
    lengths: Array
    orders: Array
    left_out: int
    what: str = "permutation"

    @property
    def count(self) -> int:
        """How many exchanges there are."""
        return len(self.orders)

    @property
    def assumption(self) -> str:
        """That sequences are independent."""
        left = f"; {count_of(self.left_out, 'line')} of a length like no other: not compared" if self.left_out else ""
        return f"the p-values assume that the lines are independent of each other{left}"

    def p_value(self, at_least: int) -> float:
        """Return how often an exchange gives as much; the labels as they are count as one."""
        return (1 + at_least) / (1 + self.count)

    def origins(self, places: slice) -> Iterator[Array]:
        """Yield the steps of the others, each as far along as the own one."""
        starts = np.concatenate([[0], np.cumsum(self.lengths)])
        steps = self.steps[places]
        of = np.searchsorted(starts, steps, "right") - 1
        mine, offset = self.lengths[of], steps - starts[of]
        for order in self.orders:
            givers = order[of]
            other = self.lengths[givers]
            stretched = np.rint(offset * ((other - 1) / np.maximum(mine - 1, 1))).astype(np.int64)
            yield np.asarray(starts[givers] + np.where(mine == other, offset, stretched))


@dataclass(frozen=True, eq=False)
class Shift:
    """Labels are moved along their sequences.

    Attributes:
        steps: Those to which no shift brings a label from outside, (n,).
        lengths: Of all sequences, (S,).
        by: How far one shift moves the labels of each sequence, (S,); 0 where it is not compared.
        each_way: The number of shifts to either side.
    """

    steps: Array
    lengths: Array
    by: Array
    each_way: int
    what: str = "shift"

    @property
    def count(self) -> int:
        """How many shifts there are, to both sides."""
        return 2 * self.each_way

    @property
    def assumption(self) -> str:
        """That the property is stationary."""
        far, short = int(self.by.max()) * self.each_way, int((self.by == 0).sum())
        along = "the text" if len(self.lengths) == 1 else "each line and that the lines are independent of each other"
        left = f", nor are {count_of(short, 'short line')}" if short else ""
        return (
            f"the p-values assume that the property comes as often and lasts as long all along {along}; labels are "
            f"shifted by up to {count_of(far, 'token')} each way, and the ends are not compared{left}"
        )

    def p_value(self, at_least: int) -> float:
        """Return the bound that holds for any stationary labels."""
        return min(1.0, (1 + at_least) / (1 + self.each_way))

    def origins(self, places: slice) -> Iterator[Array]:
        """Yield the steps that are so far away."""
        steps = self.steps[places]
        by = self.by[np.searchsorted(np.cumsum(self.lengths), steps, "right")]
        for times in range(-self.each_way, self.each_way + 1):
            if times:
                yield np.asarray(steps + times * by)


def relabelling(lengths: Array, count: int, random: np.random.Generator) -> Relabelling | None:
    """Return how labels of sequences that lie one behind the other are changed; None where there is no way to.

    Args:
        lengths: Of the sequences, each at least 1, (S,).
        count: At most so many relabellings; of shifts, to either side.
        random: What chooses among exchanges.

    Raises:
        UserError: There are too many sequences for so many.
    """
    groups = _groups(lengths)
    ways = sum(lgamma(len(group) + 1) for group in groups)
    exchange = _exchange(lengths, groups, ways, count, random) if ways else None
    shift = _shift(lengths, count)
    if exchange is None or shift is None:
        return shift if exchange is None else exchange
    compared = 2 * len(exchange.steps) >= lengths.sum()
    if compared and ways >= log(_ARRANGEMENTS):
        return exchange
    if not compared and shift.p_value(0) < _USEFUL:
        return shift
    both: tuple[Relabelling, ...] = (exchange, shift)
    return min(both, key=lambda one: one.p_value(0))


def permuted_labels(labels: Array, relabelled: Relabelling) -> Array:
    """Return the labels, of (N,), that the steps get that are compared, (P, n)."""
    rows = [labels[origin] for origin in relabelled.origins(slice(None))]
    return np.array(rows).reshape(len(rows), len(relabelled.steps))


def _exchange(
    lengths: Array, groups: Sequence[Array], ways: float, count: int, random: np.random.Generator
) -> LabelExchange:
    if count * len(lengths) > _MOST_ORDERS:
        raise UserError(f"{count} permutations of {len(lengths)} lines are too many: ask for fewer")
    mine = np.arange(len(lengths), dtype=np.int32)
    if ways < log(count + 1) + 1e-9:
        every = product(*(permutations(group) for group in groups))
        orders = np.tile(mine, (round(np.exp(ways)) - 1, 1))
        for order, given in zip(orders, islice(every, 1, None), strict=True):  # the first is as they are
            for group, its in zip(groups, given, strict=True):
                order[group] = its
    else:
        orders = np.tile(mine, (count, 1))
        for order in orders:
            for group in groups:
                order[group] = random.permutation(group)
    alone = np.array([group[0] for group in groups if len(group) == 1], np.int64)
    is_taken = np.ones(len(lengths), bool)
    is_taken[alone] = False
    return LabelExchange(np.flatnonzero(np.repeat(is_taken, lengths)), lengths, orders, len(alone))


def _shift(lengths: Array, most: int) -> Shift | None:
    """Return shifts of the longest sequences, as many as the shortest of these has steps for."""
    reach = np.maximum(lengths // _SHARE, np.minimum(lengths // _LARGER_SHARE, _SMALL))
    order = np.argsort(-lengths, kind="stable")
    enough = int(np.searchsorted(np.cumsum(lengths[order]), _TAKEN * lengths.sum()))
    far = int(reach[order[enough]])
    if not far:
        return None
    each_way = far // -(-far // most)
    by = reach // each_way
    ends = np.cumsum(lengths)
    parts = [
        np.arange(end - size + step * each_way, end - step * each_way)
        for end, size, step in zip(ends, lengths, by, strict=True)
        if step
    ]
    return Shift(np.concatenate(parts), lengths, by, each_way)


def _groups(lengths: Array) -> list[Array]:
    """Return the sequences that may get each other's labels: of one length, or where those are few, of like length."""
    groups: list[list[int]] = []
    is_open = False  # whether those of the next length may join the last group
    for size in np.unique(lengths):
        some = np.flatnonzero(lengths == size).tolist()
        if len(some) >= _ENOUGH:
            groups.append(some)
            is_open = False
        elif is_open and size <= max(lengths[groups[-1][0]] * _LIKE, lengths[groups[-1][0]] + 1):
            groups[-1] += some
        else:
            groups.append(some)
            is_open = True
    for n in reversed(range(1, len(groups))):  # who is alone joins the next shorter ones
        if len(groups[n]) == 1 and lengths[groups[n][0]] <= lengths[groups[n - 1][0]] * _LAST:
            groups[n - 1] += groups.pop(n)
    return [np.array(group) for group in groups]
