"""What is compiled of a page, and called with arrays: the step, the step that keeps values alone, the step back."""

from __future__ import annotations

import ctypes
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import SpareMemory, aligned
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Slot
from lstm_tui.engine.runtime.fused.assembly import Assembly
from lstm_tui.engine.runtime.fused.backward_step import turned_numbers, write_back
from lstm_tui.engine.runtime.fused.forward_step import packed_numbers, write_named, write_step
from lstm_tui.engine.runtime.fused.host import Compiled, Machine, host
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.products import (
    TALL,
    lanes_for,
    lies_packed,
    pack,
    pack_for_series,
    series_panels,
    series_product,
    series_rows,
)
from lstm_tui.engine.runtime.fused.schedule import StepPage, Take, Together, schedule

POINTER, LONG, TRUTH = ctypes.c_void_p, ctypes.c_int64, ctypes.c_bool
_PACK = 4
"""Steps from which on packing the matrices costs less than it brings."""
_GIVEN_BYTES, _GIVEN_STEPS = 2**20, 24 * TALL
"""About how many bytes are computed before some steps, which read them while they are in the processor's cache; but for
so many steps at least, as the matrices of the products are read anew each time."""
_KEPT = 64
SPARE = SpareMemory(2, 2**26)
"""What a run needs beside its values: the next has the same memory, in each of two threads."""
Made = TypeVar("Made")


class Newest(OrderedDict[Any, Any]):
    """What was compiled last, whoever asked for it: an edit makes the same program anew."""

    turn = threading.RLock()

    def of(self, kind: Callable[[StepPage, np.dtype[Any]], Made], page: StepPage, dtype: np.dtype[Any]) -> Made:
        """Return what is compiled of a page."""
        return self.held((kind, page, dtype, host()), lambda: kind(page, dtype))

    def has(self, kind: object, page: StepPage, dtype: np.dtype[Any]) -> bool:
        """Say whether a page is compiled."""
        return (kind, page, dtype, host()) in self

    def held(self, key: Any, make: Callable[[], Made]) -> Made:
        """Return what is kept under a key, or make it."""
        with self.turn:
            if key not in self:
                self[key] = make()
                if len(self) > _KEPT:
                    self.popitem(last=False)
            self.move_to_end(key)
            found: Made = self[key]
            return found


NEWEST = Newest()


class _Matrices:
    """The matrices of the products of a step; they are packed for every run, so that no edit of one is missed."""

    def __init__(self, made: list[Together], vector: int) -> None:
        self._takes = [one.takes[0] for one in made if one.takes[0].code == Code.MATVEC]
        self._vector = vector
        self._size = sum(packed_numbers(take, vector) for take in self._takes)
        if all(lies_packed(one.size, one.stride, lanes_for(one.size, vector)) for one in self._takes):
            self._size = 0

    def packed(self, flat: Array, steps: int, taken: Taken) -> Array | None:
        """Return them in panels, in memory that is taken; None where they lie so already, or where it does not pay."""
        if not self._size or steps < _PACK:
            return None
        room, place = taken((self._size,), flat.dtype), 0
        for take in self._takes:
            size = packed_numbers(take, self._vector)
            pack(matrix_of(take, flat), lanes_for(take.size, self._vector), room[place : place + size])
            place += size
        return room


def matrix_of(take: Take, flat: Array) -> Array:
    """Return the matrix of a product as it lies in the flat parameters, (inner, rows)."""
    apart, start = (take.stride * flat.itemsize, flat.itemsize), take.block * flat.itemsize
    return np.ndarray((take.inner, take.size), flat.dtype, flat, start, apart)


class Step:
    """The step of a page in one type of number: it fills every slot of a row."""

    def __init__(self, page: StepPage, dtype: np.dtype[Any]) -> None:
        """Compile it.

        Args:
            page: Of a program.
            dtype: float32 or float64.

        Raises:
            Exception: LLVM cannot be used here.
        """
        vector = vector_of(dtype)
        made = schedule(page.takes)
        self._matrices = _Matrices(made, vector)
        assembly = assembly_of(dtype)
        write_step(assembly, made, page.width, vector)
        kinds = (POINTER, POINTER, POINTER, TRUTH, LONG, LONG, LONG)
        self._step = Compiled(assembly.text(), assembly.needs).function("step", *kinds)

    def run(self, flat: Array, rows: Array, start: int, stop: int, clock: int) -> None:
        """Take the steps `start` to `stop`, one at least."""
        spare = SPARE.take()
        packed = self._matrices.packed(flat, stop - start, spare.take)
        weights = flat if packed is None else packed
        self._step(address_of(rows), address_of(flat), address_of(weights), packed is not None, start, stop, clock)
        SPARE.give_back(spare)


class NamedStep:
    """The step of a page that keeps its named values alone: the bits of `Step`, and a part of its memory."""

    def __init__(self, page: StepPage, dtype: np.dtype[Any]) -> None:
        """Compile it.

        Args:
            page: Of a program.
            dtype: float32 or float64.

        Raises:
            Exception: LLVM cannot be used here, or the values cannot be kept alone.
        """
        vector = vector_of(dtype)
        made = schedule(page.takes)
        self._page, self._layout = page, NamedLayout(page, made)
        self._matrices = _Matrices(made, vector)
        assembly = assembly_of(dtype)
        write_named(assembly, made, self._layout, vector)
        kinds = (*[POINTER] * 5, TRUTH, LONG, LONG)
        self._named = Compiled(assembly.text(), assembly.needs).function("named", *kinds)
        together = _GIVEN_BYTES // (max(self._layout.given.width, 1) * dtype.itemsize)
        self._chunk = max(together // TALL * TALL, _GIVEN_STEPS)
        self._places = {name: self._place(slot) for name, slot in page.values}

    def _place(self, slot: Slot) -> slice:
        first = self._layout.values.find(slot.offset)
        assert first is not None
        return slice(first, first + slot.size)

    def run(
        self,
        flat: Array,
        inputs: Mapping[str, Array],
        state: Mapping[str, Array],
        clock: int,
        progress: Callable[[int, int], None] | None,
    ) -> dict[str, Array]:
        """Return every named value, (T, n) each, of inputs (T, n) each and the states before the first step."""
        layout, steps = self._layout, len(inputs["x"])
        out = aligned((steps + 1, layout.values.width), flat.dtype)
        out[0] = 0
        for name, numbers in state.items():
            out[0, self._places[name]] = numbers
        spare = SPARE.take()
        given = spare.take((min(self._chunk, steps), layout.given.width), flat.dtype)
        scratch = spare.take((self._page.width,), flat.dtype)
        packed = self._matrices.packed(flat, steps, spare.take)
        weights = flat if packed is None else packed
        matrices = [
            SeriesMatrix(block_of(flat, one.block, one.inner, one.target.size), spare.take) for one, _ in layout.hoisted
        ]
        for base in range(0, steps, self._chunk):
            stop = min(base + self._chunk, steps)
            part = given[: stop - base]
            for matrix, (one, place) in zip(matrices, layout.hoisted, strict=True):
                into = part[:, place : place + one.target.size]
                if one.name in inputs:
                    matrix.run(inputs[one.name][base:stop, one.first : one.first + one.inner], into)
                else:
                    into[:] = 0
            for name, (place, size) in layout.inputs.items():
                part[:, place : place + size] = inputs[name][base:stop] if name in inputs else 0
            addresses = (address_of(one) for one in (given, out[base:], scratch, flat, weights))
            self._named(*addresses, packed is not None, stop - base, clock + base)
            if progress:
                progress(stop, steps)
        SPARE.give_back(spare)
        return {name: out[1:, place] for name, place in self._places.items()}


class StepBack:
    """The step of a page backwards, in one type of number."""

    def __init__(self, page: StepPage, dtype: np.dtype[Any]) -> None:
        """Compile it; arguments and exceptions are those of `Step`."""
        self._vector = vector_of(dtype)
        made = schedule(page.takes)
        self._products = [one.takes[0] for one in made if one.takes[0].code == Code.MATVEC]
        self._room = sum(turned_numbers(take, self._vector) for take in self._products)
        assembly = assembly_of(dtype)
        write_back(assembly, made, page.width, self._vector)
        kinds = (POINTER, POINTER, POINTER, POINTER, POINTER, LONG, LONG)
        self._back = Compiled(assembly.text(), assembly.needs).function("back", *kinds)

    def run(self, flat: Array, rows: Array, adjoint: Array, gradient: Array, start: int, stop: int) -> None:
        """Take the steps `stop - 1` down to `start`, one at least."""
        room, place = aligned((self._room,), flat.dtype), 0
        for take in self._products:
            size = turned_numbers(take, self._vector)
            if size:
                pack(matrix_of(take, flat).T, lanes_for(take.inner, self._vector), room[place : place + size])
            place += size
        addresses = (address_of(one) for one in (rows, adjoint, flat, room, gradient))
        self._back(*addresses, start, stop)


class SeriesMatrix:
    """A matrix, packed for products of many rows: every number is added up in the order of its row."""

    def __init__(self, block: Array, taken: Taken = aligned) -> None:
        """Pack a block, (inner, rows), in memory that is taken."""
        self._inner, self._rows = block.shape
        self._dtype = block.dtype
        if block.size:
            width = vector_of(block.dtype)
            room = taken((series_rows(self._rows, width) * self._inner,), block.dtype)
            self._packed = pack_for_series(block, width, room)
            self._machine = _series(block.dtype, series_panels(self._rows, width))

    def run(self, x: Array, out: Array) -> None:
        """Put x (steps, inner) times the matrix into `out`, (steps, rows)."""
        if not out.size or not self._inner:
            out[:] = 0
            return
        size = self._dtype.itemsize
        if out.strides[1] != size and self._rows > 1:
            aside = np.empty(out.shape, out.dtype)
            self.run(x, aside)
            out[:] = aside
            return
        if x.dtype != self._dtype or (self._inner > 1 and x.strides[1] != size) or x.strides[0] % size:
            x = np.ascontiguousarray(x, self._dtype)
        far, apart = x.strides[0] // size, out.strides[0] // size
        packed = address_of(self._packed)
        self._machine(address_of(out), apart, address_of(x), far, packed, len(x), self._inner, self._rows)


def _series(dtype: np.dtype[Any], registers: int) -> Machine:
    """Return the product of many rows whose panels have so many registers."""

    def make() -> Machine:
        assembly = assembly_of(dtype)
        series_product(assembly, vector_of(dtype), registers)
        kinds = (POINTER, LONG, POINTER, LONG, POINTER, LONG, LONG, LONG)
        return Compiled(assembly.text()).function("series", *kinds)

    return NEWEST.held((dtype, registers, host()), make)


def block_of(flat: Array, start: int, inner: int, rows: int) -> Array:
    """Return a block of the flat parameters as a view, (inner, rows)."""
    return flat[start : start + inner * rows].reshape(inner, rows)


def vector_of(dtype: np.dtype[Any]) -> int:
    """Return how many numbers a vector of the host holds."""
    return host().vector_bytes // dtype.itemsize


def assembly_of(dtype: np.dtype[Any]) -> Assembly:
    """Return an empty module for numbers of a type."""
    return Assembly("float" if dtype.itemsize == 4 else "double", host().fused)


def address_of(array: Array) -> int:
    """Return where the numbers of an array begin."""
    return int(array.ctypes.data)
