"""Which numbers of a file make each number of a network, told by the importer itself.

No second list of layouts stands here. The file is laid out with *tags* in the place of its numbers, numbers that say
where they stand, and is imported as ever: gates are cut out, turned and put in order by the same code, and every tag
that arrives as a parameter tells which number of the file became it, and with which sign. Tags are digits, since a
number of 24 binary digits (or 8, of bfloat16) holds no long one, so that a file is imported a few times, with one
digit each time and then digits that check the others.

First all of the file is tagged at once: that finds whatever is copied. A parameter that is a sum of several numbers
(two biases), scaled, raised or masked is found by tags in one tensor while all others keep their numbers: what differs
from an import without the tags is what that tensor alone does. The first tensor of the file that makes it takes the
change. What is made in any other way, as by a norm, has no source; and a source is never believed
before the file that was written is opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.write_back.places import DIGITS, TensorPlace, WeightsFile

Imports = Callable[[bytes], Mapping[str, Array]]
"""Imports the bytes of a file and returns its parameters by name.

Raises:
    UserError: They are no network.
"""
Piece = tuple[Array | None, Array]
"""Numbers of one place: which of them, or all, and what they are."""
_CHECK_BITS = 20
_FEW_BITS = 10  # of a digit that is read out of a difference, which loses some
_SPREAD = 0x9E3779B97F4A7C15  # an odd number: numbers that stand side by side get tags that are nothing alike
_HASH = 0xBF58476D1CE4E5B9
_NEAR = 0.05  # of the last place of a digit: how far one may be off that is read out of a difference
_NOTHING = 2.0**-20  # less than a tag, and yet not 0, which means something of its own to some importers
_MOST_VIEWS = 200  # of one storage that are tried one by one
_PIECE = 1 << 20


@dataclass(frozen=True, eq=False)
class ParameterSources:
    """Where the numbers that changed come from, each (n,) for n of them.

    Attributes:
        ids: Number among all of the file's, counted over its places; -1 where it is not known.
        factors: With what that number is multiplied in the parameter; more may be added to it.
    """

    ids: Array
    factors: Array


class Tags:
    """The tags of some places: each of their numbers has an id, whose digits are what is laid in its place."""

    def __init__(self, file: WeightsFile, places: Sequence[int], bits: int, check: int) -> None:
        """Take the places, how many binary digits a tag may have, and how many check the others."""
        self._places = {place: n for n, place in enumerate(places)}
        counts = np.array([file.places[n].count for n in places], np.int64)
        self._ends = np.cumsum(counts)
        self._starts = self._ends - counts
        self._firsts = file.starts[list(places)]
        self._total = int(counts.sum())
        self.bits = bits
        self.digits = max(1, -(-max(1, (self._total - 1).bit_length()) // bits))
        self.runs = self.digits + -(-check // bits)
        self._mask = (1 << (self.digits * bits)) - 1
        self._back = pow(_SPREAD, -1, self._mask + 1)
        self._positive = np.array([_all_positive(file, n) for n in places], bool)

    def of(self, place: int, run: int | None) -> Array:
        """Return the tags of a place in one of the runs, (count,) between -1/2 and 1/2; without a run, signs alone."""
        n = self._places[place]
        made = np.empty(int(self._ends[n] - self._starts[n]))
        for begin in range(0, len(made), _PIECE):
            end = min(begin + _PIECE, len(made))
            ids = np.arange(self._starts[n] + begin, self._starts[n] + end, dtype=np.uint64)
            size = 0.5 if run is None else (2.0 * self._digit(ids, run) + 1) / (4 << self.bits)
            made[begin:end] = size * (1.0 if self._positive[n] else self._signs(ids))
        return made

    def read(self, values: Sequence[Array], near: float) -> tuple[Array, Array]:
        """Return the ids (n,) that values are the tags of, -1 where they are none, and the signs they came with.

        Args:
            values: Of each run, (n,).
            near: How far a value may be off, in the last place of a tag.
        """
        good = np.ones(len(values[0]), bool)
        mixed = np.zeros(len(values[0]), np.uint64)
        digits: list[Array] = []
        for run, value in enumerate(values):
            size = np.where(np.isfinite(value), np.abs(value) * (4 << self.bits), 0)
            whole = np.rint(size).astype(np.int64)
            good &= (np.abs(size - whole) <= near) & (whole % 2 == 1) & (whole < 2 << self.bits)
            digits.append((whole // 2).astype(np.uint64))
            if run < self.digits:
                mixed |= digits[-1] << np.uint64(run * self.bits)
        ids = (mixed * np.uint64(self._back)) & np.uint64(self._mask)
        good &= ids < self._total
        ids = np.where(good, ids, 0)
        for run in range(self.digits, self.runs):
            good &= digits[run] == self._digit(ids, run)
        if not self._total:
            return np.full(len(ids), -1, np.int64), np.ones(len(ids))
        own = ids.astype(np.int64)
        place = np.searchsorted(self._ends, own, "right")
        expected = np.where(self._positive[place], 1.0, self._signs(ids))
        signs = np.sign(values[0]) * expected
        for value in values[1:]:
            good &= np.sign(value) * expected == signs
        return np.where(good, own - self._starts[place] + self._firsts[place], -1), signs

    def _digit(self, ids: Array, run: int) -> Array:
        if run < self.digits:
            mixed = (ids * np.uint64(_SPREAD)) & np.uint64(self._mask)
            return (mixed >> np.uint64(run * self.bits)) & np.uint64((1 << self.bits) - 1)
        check = _hash(ids) >> np.uint64(self.bits * (run - self.digits))
        return check & np.uint64((1 << self.bits) - 1)

    def _signs(self, ids: Array) -> Array:
        return np.where(_hash(ids) >> np.uint64(63), 1.0, -1.0)


def _hash(ids: Array) -> Array:
    mixed = (ids + np.uint64(1)) * np.uint64(_HASH)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(_SPREAD)
    return np.asarray(mixed ^ (mixed >> np.uint64(32)))


def _all_positive(file: WeightsFile, number: int) -> bool:
    """Say whether a tensor is one that cannot be negative, as a variance: then its tags are not negative either."""
    numbers = file.numbers(file.places[number])
    return bool(len(numbers)) and bool((numbers > 0).all())


@dataclass(frozen=True)
class _Asked:
    """Some numbers of a network's parameters, as an import of its file with tags in it has them.

    Attributes:
        file: Where the numbers of the file lie.
        imports: The importer.
        given: The parameters as the file gives them, by name.
        which: Of some parameters, which of their numbers are asked for, counted along the rows, (n,) each.
    """

    file: WeightsFile
    imports: Imports
    given: Mapping[str, Array]
    which: Mapping[str, Array]

    def imported(self, pieces: Mapping[int, Piece]) -> Array:
        """Return the numbers in a row, with others in pieces of the file; NaN where there are none such."""
        try:
            made = self.imports(self.file.with_numbers(pieces))
        except UserError:
            made = {}
        parts = [np.empty(0)]
        for name, numbers in self.which.items():
            one = made.get(name)
            there = one is not None and one.shape == self.given[name].shape
            parts.append(np.ravel(one)[numbers].astype(np.float64) if one is not None and there
                         else np.full(len(numbers), np.nan))  # fmt: skip
        return np.concatenate(parts)

    def copied(self, bits: int, beside: Collection[int]) -> tuple[Array, Array]:
        """Return the ids of what is copied, and the signs.

        A tensor all of whose numbers are one number keeps it: it may be a constant of the program, and a bias of zeros
        is no bias to some importers.
        """
        group = [
            n for n, one in enumerate(self.file.places) if n not in beside and not _constant(self.file.numbers(one))
        ]
        tags = Tags(self.file, group, bits, _CHECK_BITS)
        return tags.read([self.imported({n: (None, tags.of(n, run)) for n in group}) for run in range(tags.runs)], 0.0)

    def by_difference(self, which: Mapping[int, Array | None], bits: int) -> tuple[Array, Array]:
        """Return the ids of what pieces of the file do while all else keeps its numbers, and its factors."""
        tags = Tags(self.file, list(which), bits, bits)

        def laid(numbers: Callable[[int], Array]) -> Array:
            return self.imported({n: (own, numbers(n) if own is None else numbers(n)[own]) for n, own in which.items()})

        with quiet():
            without = laid(lambda n: np.full(self.file.places[n].count, _NOTHING))
            size = np.abs(laid(lambda n: tags.of(n, None)) - without) * 2
            if not (size > 0).any():
                return np.full(len(size), -1, np.int64), np.ones(len(size))
            made = [(laid(partial(tags.of, run=run)) - without) / size for run in range(tags.runs)]
            ids, signs = tags.read(made, _NEAR)
        return ids, signs * size

    def single(self, among: Sequence[int], bits: int, ids: Array, factors: Array) -> None:
        """Find what is not copied, tensor by tensor; those that do different numbers are tried at once."""
        touched = self._touched(list(among), bits, ids < 0)
        parts = {place: _parts(self.file.places[place]) for place in touched}
        for part in range(max(map(len, parts.values()), default=0)):
            waiting = dict(touched)
            while waiting and (ids < 0).any():
                which: dict[int, Array | None] = {}
                taken = np.zeros(len(ids), bool)
                for place, touches in list(waiting.items()):
                    open_ones = touches & (ids < 0)
                    if (open_ones & taken).any():
                        continue
                    del waiting[place]
                    if open_ones.any() and part < len(parts[place]):
                        which[place] = parts[place][part]
                        taken |= touches
                if which:
                    found, by = self.by_difference(which, bits)
                    new = (ids < 0) & (found >= 0)
                    ids[new], factors[new] = found[new], by[new]

    def _touched(self, among: list[int], bits: int, asked: Array) -> dict[int, Array]:
        """Return which numbers each place does something to; groups that do nothing are passed over."""
        tags = Tags(self.file, among, bits, bits)
        now = np.concatenate([np.ravel(self.given[name])[one] for name, one in self.which.items()])
        found: dict[int, Array] = {}
        waiting = [among]
        while waiting:
            group = waiting.pop()
            made = self.imported({n: (None, tags.of(n, 0)) for n in group})
            touches = (made != now) & asked
            if touches.any() and len(group) == 1:
                found[group[0]] = touches
            elif touches.any():
                middle = len(group) // 2
                waiting += [group[middle:], group[:middle]]
        return found


def find_sources(
    file: WeightsFile, imports: Imports, given: Mapping[str, Array], which: Mapping[str, Array],
    beside: Collection[int] = (),
) -> dict[str, ParameterSources]:  # fmt: skip
    """Return where numbers of parameters come from.

    Args:
        file: Where the numbers of the file lie.
        imports: The importer.
        given: The parameters as the file gives them, by name.
        which: Of some parameters, which of their numbers are asked for, counted along the rows, (n,) each.
        beside: Numbers of the places that are none of them.
    """
    asked = _Asked(file, imports, given, which)
    count = sum(len(one) for one in which.values())
    ids, factors = np.full(count, -1, np.int64), np.ones(count)
    if file.places:
        bits = min(_CHECK_BITS, min(DIGITS[one.kind] for one in file.places) - 1)
        ids, factors = asked.copied(bits, beside)
        seen = set((np.searchsorted(file.starts, ids[ids >= 0], "right") - 1).tolist())
        for first in (False, True):  # what is copied is seldom part of something else too
            among = [n for n in range(len(file.places)) if (n in seen) == first and n not in beside]
            if among and (ids < 0).any():
                asked.single(among, min(bits, _FEW_BITS), ids, factors)
    ends = np.cumsum([len(one) for one in which.values()])
    parts = zip(np.split(ids, ends), np.split(factors, ends), strict=True)
    return {name: ParameterSources(*part) for name, part in zip(which, parts, strict=False)}


def _parts(place: TensorPlace) -> list[Array | None]:
    """Return all numbers of a place, and then such parts that numbers that are added stand in different ones."""
    parts: list[Array | None] = [None]
    if len(place.views) > 1:
        parts += [one.numbers(place.count) for one in place.views[:_MOST_VIEWS]]
    for size in dict.fromkeys((max(1, place.count // 2), max(1, place.count // 4), 1)):
        side = np.arange(place.count) // size % 2
        parts += [np.flatnonzero(side == 0), np.flatnonzero(side == 1)]
    return parts


def _constant(numbers: Array) -> bool:
    return bool((numbers == numbers[:1]).all())
