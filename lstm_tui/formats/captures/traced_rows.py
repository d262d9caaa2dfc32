"""Where the rows that entered a recurrent module come from: matched by their numbers, whatever order they came in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TypeVar

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.verify.torch_calls import Entered, Looked

_Ids = frozenset[int]
_Places = frozenset[tuple[int, int]]
_Of = TypeVar("_Of")
_NO_IDS: _Ids = frozenset()
_NOWHERE: _Places = frozenset()


@dataclass(eq=False)
class TracedRows:
    """Which ids, and which places of the batch, each row of numbers that a model made comes from.

    Attributes:
        ids: By the bytes of a row, the ids it was made of.
        places: By the bytes of a row, where it stands in what was given: (sequence, step).
    """

    ids: dict[bytes, _Ids] = field(default_factory=dict)
    places: dict[bytes, _Places] = field(default_factory=dict)

    def note(self, row: bytes, ids: _Ids, places: _Places) -> bool:
        """Add where a row comes from; return whether that is news."""
        had = self.ids.get(row, _NO_IDS), self.places.get(row, _NOWHERE)
        made = _both(had[0], ids), _both(had[1], places)
        if made[0] is had[0] and made[1] is had[1]:
            return False
        self.ids[row], self.places[row] = made
        return True

    def ids_of(self, one: Entered) -> tuple[int, ...]:
        """Return the ids whose rows entered a module, one a step; empty where one is not known for certain."""
        found = [self.ids.get(row, _NO_IDS) for row in rows_of(one.x)]
        return tuple(next(iter(ids)) for ids in found) if all(len(ids) == 1 for ids in found) else ()

    def in_order(self, entered: list[Entered]) -> bool:
        """Whether the sequences of a call are seen to be those of the batch, in its order."""
        rows = [[self.places.get(row, _NOWHERE) for row in rows_of(one.x)] for one in entered]
        if all((one.batch, t) in places for one, each in zip(entered, rows, strict=True)
               for t, places in enumerate(each)):  # fmt: skip
            return True
        possible = [frozenset.intersection(*(frozenset(b for b, _ in places) for places in each)) for each in rows]
        return all(sequences == {one.batch} for one, sequences in zip(entered, possible, strict=True))

    def stands_at(self, rows: Array, sequence: int) -> bool:
        """Whether each row of (T, n) is seen to come from its step of a sequence of the batch."""
        return all((sequence, t) in self.places.get(row, _NOWHERE) for t, row in enumerate(rows_of(rows)))


def _both(had: frozenset[_Of], more: frozenset[_Of]) -> frozenset[_Of]:
    """Return what either set holds; one of them itself where it can be: padding stands in thousands of places."""
    if had is more or not more:
        return had
    return more if not had else had if more <= had else had | more


def traced_rows(looked: Looked, inputs: Mapping[str, Array]) -> TracedRows:
    """Return where the rows of a run come from: from what was given, through modules that read a row and give one.

    Args:
        looked: What the model did.
        inputs: What it was given, by the names of a recording.
    """
    made = TracedRows()
    given = [one for one in inputs.values() if one.ndim]
    for one in given:
        if one.dtype.kind == "f" and one.ndim > 1:
            _note_all(made, list(rows_of(one)), None, _places(one.shape[:-1], looked))
    for _, read, gave in looked.around:
        if read.dtype.kind in "iu" and gave.ndim == read.ndim + 1 and gave.shape[:-1] == read.shape:
            _note_all(made, list(rows_of(gave)), read, _places_of_ids(read, given, looked))
    steps = [(read, gave) for _, read, gave in looked.around if read.dtype.kind == "f" and read.ndim > 1
             and gave.ndim > 1 and read.shape[:-1] == gave.shape[:-1]]  # fmt: skip
    steps += [(one.x, one.h) for one in looked.entered if one.h is not None]
    keyed = [dict.fromkeys(zip(rows_of(read), rows_of(gave), strict=True)) for read, gave in steps]
    for _ in keyed:
        news = [made.note(after, made.ids.get(before, _NO_IDS), made.places.get(before, _NOWHERE))
                for pairs in keyed for before, after in pairs]  # fmt: skip
        if not any(news):
            break
    return made


def _note_all(made: TracedRows, rows: list[bytes], ids: Array | None, places: list[_Places]) -> None:
    """Note rows with their ids and places, each row that stands in several places once."""
    found: dict[bytes, tuple[set[int], set[tuple[int, int]]]] = {}
    numbers = None if ids is None else ids.reshape(-1).tolist()
    for n, (row, place) in enumerate(zip(rows, places, strict=True)):
        kept = found.setdefault(row, (set(), set()))
        if numbers is not None:
            kept[0].add(int(numbers[n]))
        kept[1].update(place)
    for row, (own, where) in found.items():
        made.note(row, frozenset(own), frozenset(where))


def rows_of(array: Array) -> Iterator[bytes]:
    """Iterate over the rows of an array as bytes, so that equal numbers are found; -0 is 0."""
    flat = np.ascontiguousarray(array.reshape(-1, array.shape[-1]), dtype=np.float32) + np.float32(0)
    return (row.tobytes() for row in flat)


def _places_of_ids(read: Array, given: list[Array], looked: Looked) -> list[_Places]:
    """Return where ids that were looked up stand in what was given: as a whole, turned, or one step of it."""
    for one in given:
        if np.array_equal(read, one):
            return _places(one.shape, looked)
    found = [_NOWHERE] * read.size
    for one in (one for one in given if one.ndim == 2):
        whole = _places(one.shape, looked)
        by_place = [whole[n * one.shape[1] : (n + 1) * one.shape[1]] for n in range(len(one))]
        if np.array_equal(read, one.T):
            return [each for column in zip(*by_place, strict=True) for each in column]
        lines = [*zip(one, by_place, strict=True), *zip(one.T, zip(*by_place, strict=True), strict=True)]
        for ids, places in lines if read.size == looked.batch else ():
            if np.array_equal(read.reshape(-1), ids) and len({b for each in places for b, _ in each}) == looked.batch:
                found = [had | more for had, more in zip(found, places, strict=True)]
    return found


def _places(shape: tuple[int, ...], looked: Looked) -> list[_Places]:
    """Return for each place of an array, in order, the sequence and step it is; nowhere where nobody can tell."""
    count = looked.batch
    where = np.indices(shape).reshape(len(shape), -1).T.tolist()
    if count is None:
        return [frozenset(((0, one[-1]),)) for one in where]
    axes = [n for n, size in enumerate(shape[:2]) if size == count]
    if not axes:
        return [_NOWHERE] * len(where)
    axis = axes[0] if len(axes) == 1 else 0 if looked.batch_first else 1
    return [frozenset(((one[axis], one[1 - axis] if len(shape) > 1 else 0),)) for one in where]
