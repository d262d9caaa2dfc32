"""A run whose steps two threads share: what is compiled for it, and how each of them goes through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Sequence as Items
from functools import partial
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.buffers import aligned
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.runtime.fused.compiled_steps import (
    LONG,
    POINTER,
    address_of,
    assembly_of,
    matrix_of,
    vector_of,
)
from lstm_tui.engine.runtime.fused.given_rows import GivenRows
from lstm_tui.engine.runtime.fused.halves import numbers_of, packed_places, rows_of
from lstm_tui.engine.runtime.fused.host import Compiled, Machine
from lstm_tui.engine.runtime.fused.meeting import BEGIN, PAGE, PART, WORDS
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.schedule import StepPage, Together
from lstm_tui.engine.runtime.fused.shared_step import write_shared
from lstm_tui.engine.runtime.side_by_side import Help

PAGES = 512
"""How many pages of memory that the system is to give are one part of work."""
Span = tuple[int, int]


class SharedStep:
    """The step of a page that two threads share."""

    def __init__(self, page: StepPage, layout: NamedLayout, made: list[Together], dtype: np.dtype[Any]) -> None:
        """Compile it.

        Args:
            page: Of a program.
            layout: Where its values lie.
            made: Its loops.
            dtype: float32 or float64.

        Raises:
            Exception: LLVM cannot be used here, or not for this.
        """
        self._width, vector = page.width, vector_of(dtype)
        products = [(n, one.takes[0]) for n, one in enumerate(made) if one.takes[0].code == Code.MATVEC]
        self._rows = [(take, rows_of(made, n, vector)) for n, take in products]
        assembly = assembly_of(dtype)
        write_shared(assembly, made, layout, vector)
        made_of = Compiled(assembly.text(), assembly.needs)
        self._machine = made_of.function("shared", *[POINTER] * 5, LONG, LONG, POINTER, POINTER, LONG, LONG)
        self._touches, self._packs = made_of.address("touches"), made_of.address("packs")

    def taking(
        self,
        flat: Array,
        taken: Taken,
        given: GivenRows,
        spans: Items[Span],
        rooms: Items[Array],
        out: Array,
        clock: int,
    ) -> InTurn:
        """Return what takes all steps; the matrices are packed with the first, in memory that is taken."""
        sizes = [numbers_of(rows, take.inner) for take, rows in self._rows]
        packed = taken((sum(sizes),), flat.dtype)
        packing = [*self._packing(flat, packed), *((self._packs, *words) for words in given.packing)]
        scratch, each = taken((self._width,), flat.dtype), []
        begins, size = [address_of(room) for room in rooms], flat.itemsize
        start, wide = address_of(out), out.shape[1] * size
        for n, (base, stop) in enumerate(spans):
            begin, row = begins[n % len(rooms)], start + base * wide
            parts = [(*part, 0) for part in packing] if n == 0 else []
            parts += [(*part, len(parts)) for part in given.words(base, stop, begin)]
            fresh, pages = row + wide, -(-(stop - base) * wide // PAGE)
            for first in range(0, pages, PAGES):
                place = fresh + first * PAGE
                parts.append((self._touches, place, 0, place, 0, place, min(PAGES, pages - first), 0, 0, 0))
            addresses = begin, row, *map(address_of, (scratch, flat, packed)), clock + base, stop - base
            each.append(SharedSteps(self._machine, (*rooms, out, scratch, flat, packed, given), addresses, parts))
        return InTurn(each, spans, partial(given.put, rooms=rooms))

    def _packing(self, flat: Array, packed: Array) -> Iterator[tuple[int, ...]]:
        """Yield the parts by which machine code packs the matrices."""
        begin = 0
        for take, rows in self._rows:
            block = matrix_of(take, flat)
            far, step = block.strides
            start, size = address_of(block), flat.itemsize
            for first, count, place, wide in packed_places(rows, take.inner):
                out, x = address_of(packed) + (begin + place) * size, start + first * step
                yield self._packs, out, wide * size, x, far, x, take.inner, count * size // 4, 0
            begin += numbers_of(rows, take.inner)


class InTurn(Help):
    """A run that two threads share: each goes through its chunks by itself, and meets the other in each."""

    def __init__(self, each: Items[SharedSteps], spans: Items[Span], put: Callable[..., None]) -> None:
        self._each, self._spans, self._put, self._is_ended = each, spans, put, False

    def here(self) -> Iterator[int]:
        """Take the steps, with the other thread if it comes, and yield how many are done."""
        for n, (steps, (base, stop)) in enumerate(zip(self._each, self._spans, strict=True)):
            self._put(n, base, stop)
            steps.here()
            yield stop

    def there(self) -> None:
        """Help with them, in the other thread."""
        for steps in self._each:
            if self._is_ended:
                return
            steps.there()

    def close(self) -> None:
        """Have nobody come any more."""
        self._is_ended = True
        for steps in self._each:
            steps.close()


class SharedSteps:
    """Some steps that two threads share, and what they are given: it has hold of all that is read and written."""

    def __init__(
        self, machine: Machine, held: Items[object], arguments: Items[int], parts: Items[tuple[int, ...]]
    ) -> None:
        self._machine, self._held = machine, held
        self._meeting = aligned((WORDS,), np.int64)
        self._meeting[:] = 0
        self._parts = np.array(parts, np.int64).reshape(len(parts), PART)
        self._arguments = (*arguments, address_of(self._meeting), address_of(self._parts), len(parts))

    def here(self) -> None:
        """Take them, with the other thread if it comes."""
        self._machine(*self._arguments, 0)

    def there(self) -> None:
        """Help with them, in the other thread."""
        self._machine(*self._arguments, 1)

    def close(self) -> None:
        """Have nobody come any more."""
        self._meeting[BEGIN] = -1
