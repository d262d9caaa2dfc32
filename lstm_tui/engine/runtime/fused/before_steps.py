"""What one thread does before it takes steps, in one call of machine code: matrices are packed, products are taken.

All of it is a list of parts (`work_parts.py`) whose words depend on a run only by where its arrays lie and how long
it is. So each list is made once, and numbers are added to it when a run begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.runtime.fused.compiled_steps import address_of, series_for, vector_of
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.products import (
    WIDE,
    lanes_for,
    lies_packed,
    packed_rows,
    panels_of,
    series_panels,
    series_rows,
)
from lstm_tui.engine.runtime.fused.schedule import Take, Together
from lstm_tui.engine.runtime.fused.work_parts import CALL, parts_in_order

_ROOM, _FLAT, _STEPS, _GIVEN, _INPUTS = range(1, 6)
"""What a word is counted from, by its number: 0 is nothing. From the last on there are three for each input: where the
row of the first step begins, and how far it is to the next row, in bytes and in numbers."""


class _Word(NamedTuple):
    """A number that is counted from something."""

    number: int = 0
    base: int = 0


class _List(NamedTuple):
    """Parts, (n, 9) each: the numbers, and what each is counted from."""

    numbers: Array
    bases: Array


Places = Mapping[str, tuple[int, int]]
"""Where each input begins, and bytes from one row of it to the next."""


class BeforeSteps:
    """What is done before some steps of a page that keeps its named values alone.

    Attributes:
        is_packed: Whether the step has matrices that are packed.
        packed: Where in the room they lie.
        scratch: Where in the room the row lies that a step computes in.
        given: Where in the room the rows begin that steps are given.
    """

    def __init__(self, layout: NamedLayout, made: list[Together], width: int, dtype: np.dtype[Any]) -> None:
        """Lay out a room for it.

        Args:
            layout: Where everything lies.
            made: The loops of the step.
            width: Numbers of a row of all slots.
            dtype: float32 or float64.

        Raises:
            Exception: LLVM cannot be used here.
        """
        self._layout, self._size, self._vector = layout, dtype.itemsize, vector_of(dtype)
        self._machine = parts_in_order()
        self._names = sorted({one.name for one, _ in layout.hoisted} | set(layout.inputs))
        self._zeros = np.zeros(max(layout.given.width, self._vector * WIDE), dtype)
        self._series = {one.target.size: series_for(dtype, one.target.size) for one, _ in layout.hoisted}
        takes = [one.takes[0] for one in made if one.takes[0].code == Code.MATVEC]
        lanes = [lanes_for(take.size, self._vector) for take in takes]
        self.is_packed = not all(lies_packed(t.size, t.stride, u) for t, u in zip(takes, lanes, strict=True))
        self.packed = place = 0
        step: list[tuple[_Word, ...]] = []
        if self.is_packed:
            for take, lane in zip(takes, lanes, strict=True):
                step += self._panels(take, lane, place)
                place += packed_rows(take.size, lane) * take.inner
        self._products: list[int] = []
        products: list[tuple[_Word, ...]] = []
        for one, _ in layout.hoisted:
            self._products.append(self._up(place))
            products += self._matrix(one.block, one.inner, one.target.size, self._products[-1])
            place = self._products[-1] + series_rows(one.target.size, self._vector) * one.inner
        self._packing = {True: [*step, *products], False: products, None: []}
        self.scratch = self._up(place)
        self._words = self._up(self.scratch + width)
        most = len(step) + len(products) + len(layout.hoisted) + len(layout.inputs)
        self.given = self._up(self._words + most * CALL * 8 // self._size)
        self._lists: dict[tuple[bool | None, frozenset[str]], _List] = {}

    def numbers(self, steps: int) -> int:
        """Return how large the room is for so many steps at a time."""
        return self.given + steps * self._layout.given.width

    def give(
        self, room: Array, place: int, flat: int, packs: bool | None, inputs: Places, base: int, stop: int
    ) -> None:
        """Put what the steps `base` to `stop` are given into a room.

        Args:
            room: Where all of it lies.
            place: Its address.
            flat: That of the flat parameters.
            packs: Whether the matrices of the step are packed there too, or those of the products alone; None where
                all are there.
            inputs: Where the inputs are that are given.
            base: First step.
            stop: Step after the last.
        """
        key = packs, frozenset(inputs)
        if key not in self._lists:
            self._lists[key] = self._list([*self._packing[packs], *self._given(key[1])])
        numbers, bases = self._lists[key]
        if not len(numbers):
            return
        known = [0, place, flat, stop - base, place + self.given * self._size]
        for name in self._names:
            begin, far = inputs.get(name, (0, 0))
            known += [begin + base * far, far, far // self._size]
        start = self._words * self._size
        words = np.ndarray(numbers.shape, np.int64, room, start)
        np.take(np.array(known, np.int64), bases, out=words, mode="clip")
        words += numbers
        self._machine.take(place + start, len(numbers))

    def _up(self, place: int) -> int:
        """Return the next place that begins a vector."""
        return -(-place // self._vector) * self._vector

    def _list(self, parts: list[tuple[_Word, ...]]) -> _List:
        words = np.array(parts, np.int64).reshape(len(parts), CALL, 2)
        return _List(np.ascontiguousarray(words[:, :, 0]), np.ascontiguousarray(words[:, :, 1]))

    def _copy(self, out: _Word, apart: int, x: _Word, far: _Word, lines: _Word, numbers: int) -> tuple[_Word, ...]:
        """Return the part that copies lines of so many numbers."""
        words = numbers * self._size // 4
        return (
            _Word(self._machine.packs), out, _Word(apart * self._size), x, far, _Word(), lines, _Word(words), _Word(),
        )  # fmt: skip

    def _panels(self, take: Take, lanes: int, place: int) -> Iterator[tuple[_Word, ...]]:
        """Yield how a matrix of the step is packed, as `products.pack` does."""
        far, lines = _Word(take.stride * self._size), _Word(take.inner)

        def piece(row: int, at: int, wide: int, numbers: int) -> tuple[_Word, ...]:
            out = _Word((place + at) * self._size, _ROOM)
            return self._copy(out, wide, _Word((take.block + row) * self._size, _FLAT), far, lines, numbers)

        for panels in panels_of(take.size, lanes):
            wide, first = len(panels.starts) * lanes, panels.starts[0]
            for n in range(panels.many):
                at = (panels.packed + n * wide) * take.inner
                if panels.many > 1 or panels.starts[-1] == first + wide - lanes:
                    yield piece(first + n * wide, at, wide, wide)
                else:
                    for v, start in enumerate(panels.starts):
                        yield piece(start, at + v * lanes, wide, lanes)

    def _matrix(self, block: int, inner: int, rows: int, place: int) -> Iterator[tuple[_Word, ...]]:
        """Yield how the matrix of a product of inputs is packed, as `products.pack_for_series` does."""
        if not inner:
            return
        wide = self._vector * series_panels(rows, self._vector)
        for first in range(0, rows, wide):
            count = min(wide, rows - first)
            out, far = place + first * inner, _Word(rows * self._size)
            x = _Word((block + first) * self._size, _FLAT)
            yield self._copy(_Word(out * self._size, _ROOM), wide, x, far, _Word(inner), count)
            if count < wide:
                left = _Word((out + count) * self._size, _ROOM)
                yield self._copy(left, wide, _Word(address_of(self._zeros)), _Word(), _Word(inner), wide - count)

    def _given(self, names: frozenset[str]) -> Iterator[tuple[_Word, ...]]:
        """Yield what puts products and inputs into rows; what is not given is 0."""
        width, steps = self._layout.given.width, _Word(0, _STEPS)

        def cleared(place: int, size: int) -> tuple[_Word, ...]:
            out = _Word(place * self._size, _GIVEN)
            return self._copy(out, width, _Word(address_of(self._zeros)), _Word(), steps, size)

        for n, (one, place) in enumerate(self._layout.hoisted):
            if one.name not in names or not one.inner:
                yield cleared(place, one.target.size)
                continue
            base = _INPUTS + 3 * self._names.index(one.name)
            yield (
                _Word(self._series[one.target.size].address),
                _Word(place * self._size, _GIVEN), _Word(width),
                _Word(one.first * self._size, base), _Word(0, base + 2),
                _Word(self._products[n] * self._size, _ROOM), steps, _Word(one.inner), _Word(one.target.size),
            )  # fmt: skip
        for name, (place, size) in self._layout.inputs.items():
            if name not in names:
                yield cleared(place, size)
                continue
            base = _INPUTS + 3 * self._names.index(name)
            out = _Word(place * self._size, _GIVEN)
            yield self._copy(out, width, _Word(0, base), _Word(0, base + 1), steps, size)
