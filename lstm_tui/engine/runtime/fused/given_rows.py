"""What the steps of a run are given where two threads share it: inputs, and their products."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Items
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.runtime.fused.compiled_steps import SeriesMatrix, address_of, block_of
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout

_MOST_PARTS = 8
"""Most parts that a product of inputs is taken in by two threads."""


def in_order(series: Array, dtype: np.dtype[Any]) -> Array:
    """Return a series as machine code reads it: the numbers of a row one behind the other."""
    is_so = series.dtype == dtype and series.strides[-1] == dtype.itemsize and series.strides[0] % dtype.itemsize == 0
    return series if is_so else np.ascontiguousarray(series, dtype)


class GivenRows:
    """What the steps of a run are given that two threads share: inputs, and their products."""

    def __init__(
        self, layout: NamedLayout, flat: Array, inputs: Mapping[str, Array], taken: Taken, packs: bool
    ) -> None:
        """Lay out the matrices of the products in memory that is taken.

        Args:
            layout: Where all of it lies.
            flat: The flat parameters.
            inputs: What is read, (T, n) each.
            taken: Gives memory.
            packs: Whether the matrices are packed here, and not by whoever goes through `packing`.
        """
        self.packing: list[tuple[int, ...]] = []
        self._layout = layout
        self._inputs = {name: in_order(series, flat.dtype) for name, series in inputs.items()}
        self._pieces: list[tuple[str, slice, slice, SeriesMatrix]] = []
        self._absent: list[slice] = []
        self._series: list[tuple[int, int]] = []  # where the rows of each piece begin, and bytes from one to the next
        self._size = flat.itemsize
        for one, place in layout.hoisted:
            block = block_of(flat, one.block, one.inner, one.target.size)
            matrix = SeriesMatrix(block, taken, packs)
            read, every = slice(one.first, one.first + one.inner), slice(place, place + one.target.size)
            if one.name not in inputs or not one.inner:
                self._absent.append(every)
                continue
            if not packs:
                self.packing += [
                    (out, apart, x, far, x, lines, count // 4, 0)
                    for out, apart, x, far, lines, count in matrix.packing(block)
                ]
            count = min(matrix.panels, _MOST_PARTS)
            ends = [n * matrix.panels // count for n in range(count + 1)]
            series = self._inputs[one.name]
            self._series += [(address_of(series) + one.first * self._size, series.strides[0])] * count
            for first, stop in pairwise(ends):
                rows, part = matrix.of_panels(first, stop) if count > 1 else (slice(0, one.target.size), matrix)
                self._pieces.append((one.name, read, slice(place + rows.start, place + rows.stop), part))

    def parts(self, base: int, stop: int, room: Array) -> Iterator[Callable[[], None]]:
        """Yield what puts that of the steps `base` to `stop` into a room, in parts."""
        part = room[: stop - base]
        yield partial(self._copy, base, stop, part)
        for name, read, into, matrix in self._pieces:
            yield partial(matrix.run, self._inputs[name][base:stop, read], part[:, into])

    def words(self, base: int, stop: int, room: int) -> Iterator[tuple[int, ...]]:
        """Yield how machine code takes the products of the steps `base` to `stop`, into what begins at `room`."""
        size, apart = self._size, self._layout.given.width
        for (_, _, into, matrix), (x, far) in zip(self._pieces, self._series, strict=True):
            yield matrix.words(room + into.start * size, apart, x + base * far, far // size, stop - base)

    def put(self, n: int, base: int, stop: int, rooms: Items[Array]) -> None:
        """Put what is no product into the room of a chunk."""
        self._copy(base, stop, rooms[n % len(rooms)][: stop - base])

    def _copy(self, base: int, stop: int, room: Array) -> None:
        for into in self._absent:
            room[:, into] = 0
        for name, (place, size) in self._layout.inputs.items():
            room[:, place : place + size] = self._inputs[name][base:stop] if name in self._inputs else 0
