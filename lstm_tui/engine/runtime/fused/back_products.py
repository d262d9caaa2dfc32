"""The products of a way back that wait for no step: what matrices and inputs get, in parts for two threads.

In which parts a product is taken depends on its size alone, so that its bits do not depend on who takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.runtime.fused.compiled_steps import SeriesMatrix

_PART, _TWO = 2**18, 2**16
"""Numbers of a part of the gradient by a matrix, which stay in a core's own cache; and from how many on it is taken in
two at least."""
_COLUMNS = 64
"""Columns that a part has a multiple of."""
_ROWS = 4
"""Parts that the gradient by an input is taken in."""


def by_matrix(read: Array, d: Array, sink: Array) -> Iterator[Callable[[], None]]:
    """Yield what adds the gradient by a matrix, in parts.

    Args:
        read: What was multiplied by it in every row, (rows, inner).
        d: What came back, (rows, n).
        sink: Where it is added, (inner, n).
    """
    numbers, columns = sink.size, sink.shape[1]
    count = max(-(-numbers // _PART), 2 if numbers >= _TWO else 1)
    wide = -(-columns // (count * _COLUMNS)) * _COLUMNS
    for first in range(0, columns, wide):
        part = slice(first, first + wide)
        yield partial(_add_product, read, d[:, part], sink[:, part])


def _add_product(read: Array, d: Array, sink: Array) -> None:
    sink += read.T @ d


def by_input(d: Array, block: Array, sink: Array, taken: Taken, adds: bool = True) -> Iterator[Callable[[], None]]:
    """Yield what adds the gradient by an input, in parts; every number is added up in the order of the row.

    Args:
        d: What came back to the product, (rows, n).
        block: The matrix, (inner, n).
        sink: Where it is added, (rows, inner).
        taken: Gives memory.
        adds: Whether anything else is there, which it is added to.
    """
    inner = len(block)
    ends = sorted({n * inner // _ROWS // _COLUMNS * _COLUMNS for n in range(_ROWS)} | {inner})
    if len(d) < inner:  # it is less to pack
        turned = SeriesMatrix(d.T, taken)
        for first, stop in pairwise(ends):
            room = taken((stop - first, len(d)), d.dtype)
            yield partial(_add_turned, turned, block[first:stop], room, sink[:, first:stop])
        return
    for first, stop in pairwise(ends):
        if not adds:
            yield partial(_put_rows, d, block[first:stop], sink[:, first:stop])
            continue
        room = taken((len(d), stop - first), d.dtype)
        yield partial(_add_rows, d, block[first:stop], room, sink[:, first:stop])


def _add_turned(turned: SeriesMatrix, rows: Array, room: Array, sink: Array) -> None:
    turned.run(rows, room)
    sink += room.T


def _put_rows(d: Array, rows: Array, sink: Array) -> None:
    SeriesMatrix(rows.T).run(d, sink)


def _add_rows(d: Array, rows: Array, room: Array, sink: Array) -> None:
    SeriesMatrix(rows.T).run(d, room)
    sink += room
