"""How a step is cut in two for two threads, and where one has to wait for the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Space
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.products import PANEL, lanes_for
from lstm_tui.engine.runtime.fused.schedule import Span, Together


class Rows(NamedTuple):
    """Panels of a product whose vectors lie alike.

    Attributes:
        lanes: Rows of a vector.
        pattern: First row of each vector, from that of the first on.
        starts: First row of each panel; those of worker 0 come first.
        mine: How many are of worker 0.
        packed: Where the first is packed, in columns of one row.
    """

    lanes: int
    pattern: tuple[int, ...]
    starts: tuple[int, ...]
    mine: int
    packed: int


def halves_of(size: int, vector: int) -> tuple[int, int]:
    """Return how many of some units worker 0 takes, and how many are taken at a time."""
    lanes = lanes_for(size, vector)
    return size // (2 * lanes) * lanes or size, lanes


def slice_of(made: list[Together], n: int) -> int:
    """Return how many rows of a product are units of one loop: its rows are cut as the loops that read them are."""
    take = made[n].takes[0]
    first, stop = take.offset, take.offset + take.size
    reads = {
        span
        for one in made
        if one.elementwise
        for each in one.takes
        for span in each.reads
        if span.space == Space.CURRENT and first <= span.offset < stop
    }
    sizes = {span.size for span in reads}
    size = sizes.pop() if len(sizes) == 1 else take.size
    whole = size > 0 and take.size % size == 0 and all((span.offset - first) % size == 0 for span in reads)
    return size if whole else take.size


def rows_of(made: list[Together], n: int, vector: int) -> list[Rows]:
    """Return the panels of a product."""
    return panels_in_halves(made[n].takes[0].size, slice_of(made, n), vector)


def panels_in_halves(rows: int, size: int, vector: int) -> list[Rows]:
    """Return panels of as many rows, of which each slice of a size is cut in two."""
    cut, lanes = halves_of(size, vector)
    groups: dict[tuple[int, ...], tuple[list[int], list[int]]] = {}
    for worker, (first, stop) in enumerate(((0, cut), (cut, size))):
        own = [[s + min(u, stop - lanes) for u in range(first, stop, lanes)] for s in range(0, rows, size)]
        if len(own[0]) < PANEL:
            own = [[start for each in own for start in each]]
        for starts in own:
            count = -(-len(starts) // PANEL)
            for piece in (list(each) for each in np.array_split(starts, count)) if count else ():
                pattern = tuple(int(start - piece[0]) for start in piece)
                groups.setdefault(pattern, ([], []))[worker].append(int(piece[0]))
    made_rows: list[Rows] = []
    packed = 0
    for pattern, (mine, other) in groups.items():
        made_rows.append(Rows(lanes, pattern, (*mine, *other), len(mine), packed))
        packed += len(pattern) * lanes * (len(mine) + len(other))
    return made_rows


def numbers_of(rows: list[Rows], inner: int) -> int:
    """Return how many numbers they are packed in."""
    return sum(len(one.starts) * len(one.pattern) * one.lanes for one in rows) * inner


def packed_places(rows: list[Rows], inner: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield how a matrix of `inner` columns is packed, in pieces of rows that lie one behind the other.

    Yields:
        The first row of a piece, and how many; where its first number is put, and how far from it that of the next
        column.
    """
    for one in rows:
        wide = len(one.pattern) * one.lanes
        ends = [n for n in range(1, len(one.pattern)) if one.pattern[n] != one.pattern[n - 1] + one.lanes]
        pieces = list(pairwise([0, *ends, len(one.pattern)]))
        for n, start in enumerate(one.starts):
            place = one.packed * inner + n * inner * wide
            for first, stop in pieces:
                yield start + one.pattern[first], (stop - first) * one.lanes, place + first * one.lanes, wide


Place = tuple[str, int, int]
"""Where some numbers lie: in `scratch` or `out`, from a place on, so many."""


Reach = set[tuple[str, int, int, int]]
"""Room, step (-1 is the one taken before, 0 this one, 1 the next), first number, how many."""
Part = list[tuple[Reach, Reach]]
"""What each worker reads and writes in a loop of a step."""
_BY_STEP = ("out", "carried")
"""Rooms in which each step has a place of its own."""


def meetings(made: list[Together], layout: NamedLayout, vector: int) -> list[int]:
    """Return before which loops of a step (those behind them are the copies) both have to have come there."""
    return meetings_of(list(_parts(made, layout, vector)))


def meetings_of(parts: list[Part]) -> list[int]:
    """Return before which of the loops of a step both have to have come there, one step behind the other."""
    found: set[int] = set()
    while True:
        missing = _missing(parts, found)
        if missing is None:
            return sorted(found)
        found.add(missing)


def _missing(parts: list[Part], found: set[int]) -> int | None:
    """Return a loop before which the two would have to meet, and do not."""
    read: list[set[Place]] = [set(), set()]
    written: list[set[Place]] = [set(), set()]
    for step in range(3):
        for n, part in enumerate(parts):
            if n in found:
                for every in (*read, *written):
                    every.clear()
            here = [(_at(reads, step), _at(writes, step)) for reads, writes in part]
            for worker, (reads, writes) in enumerate(here):
                other = 1 - worker
                if _meet(reads, written[other]) or _meet(writes, written[other]) or _meet(writes, read[other]):
                    return n
            for worker, (reads, writes) in enumerate(here):
                read[worker] |= reads
                written[worker] |= writes
    return None


def _at(reach: Reach, step: int) -> set[Place]:
    return {(f"{room} {step + apart}" if room in _BY_STEP else room, first, size) for room, apart, first, size in reach}


def _meet(one: set[Place], other: set[Place]) -> bool:
    return any(a[0] == b[0] and a[1] < b[1] + b[2] and b[1] < a[1] + a[2] for a in one for b in other)


def _parts(made: list[Together], layout: NamedLayout, vector: int) -> Iterator[Part]:
    """Yield what each worker reads and writes in each loop."""
    for n, together in enumerate(made):
        (take, *_) = together.takes
        both: Part = []
        for worker in range(2):
            reads: Reach = set()
            writes: Reach = set()
            if together.elementwise:
                size = together.size
                cut, _ = halves_of(size, vector)
                first, stop = ((0, cut), (cut, size))[worker]
                own = {one.offset for one in together.takes}
                for one in together.takes if stop > first else ():
                    for span in one.reads:
                        if span.space == Space.CURRENT and span.offset in own and span.size == size:
                            continue
                        part = (0, span.size) if span.size == 1 else (first, stop)
                        reads |= _reach(layout, span, *part)
                    writes |= _reach(layout, one.target, first, stop)
            elif take.code == Code.MATVEC:
                size = slice_of(made, n)
                cut, _ = halves_of(size, vector)
                first, stop = ((0, cut), (cut, size))[worker]
                if stop > first:
                    reads |= _reach(layout, take.reads[0], 0, take.reads[0].size)
                    for start in range(0, take.size, size):
                        writes |= _reach(layout, take.target, start + first, start + stop)
            elif worker == 0:
                for span in take.reads:
                    reads |= _reach(layout, span, 0, span.size)
                writes |= _reach(layout, take.target, 0, take.size)
            both.append((reads, writes))
        yield both
    for slot in layout.copies:
        cut, _ = halves_of(slot.size, vector)
        yield [
            (_reach(layout, Span(Space.CURRENT, *slot), *part), {("out", 0, slot.offset + part[0], part[1] - part[0])})
            for part in ((0, cut), (cut, slot.size))
        ]


def _reach(layout: NamedLayout, span: Span, first: int, stop: int) -> Reach:
    """Return where some numbers of a span lie, of what a step writes."""
    place = span.offset + first
    if first >= stop or span.space == Space.PARAMETER:
        return set()
    if span.space == Space.PREVIOUS:
        return {("out", -1, place, stop - first)}
    if layout.given.find(span.offset) is not None:
        return set()
    return {("scratch" if layout.value_at(span.offset) is None else "out", 0, place, stop - first)}
