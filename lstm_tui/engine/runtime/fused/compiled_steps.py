"""What is compiled of a page, and called with arrays: the step, the step back, products of many rows."""

from __future__ import annotations

import copy
import ctypes
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import SpareMemory, aligned
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.runtime.fused.assembly import Assembly
from lstm_tui.engine.runtime.fused.backward_step import turned_numbers, write_back
from lstm_tui.engine.runtime.fused.forward_step import packed_numbers, write_step
from lstm_tui.engine.runtime.fused.host import Compiled, Machine, host
from lstm_tui.engine.runtime.fused.products import (
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
PACKED_FROM = 4
"""Steps from which on packing the matrices costs less than it brings."""
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
if hasattr(os, "register_at_fork"):  # as in `host`, whose turn is taken inside this one: before a fork, too
    os.register_at_fork(
        before=Newest.turn.acquire, after_in_parent=Newest.turn.release, after_in_child=Newest.turn.release
    )


class Matrices:
    """The matrices of the products of a step; they are packed for every run, so that no edit of one is missed."""

    def __init__(self, made: list[Together], vector: int) -> None:
        self._takes = [one.takes[0] for one in made if one.takes[0].code == Code.MATVEC]
        self._vector = vector
        self._size = sum(packed_numbers(take, vector) for take in self._takes)
        if all(lies_packed(one.size, one.stride, lanes_for(one.size, vector)) for one in self._takes):
            self._size = 0

    def packed(self, flat: Array, steps: int, taken: Taken) -> Array | None:
        """Return them in panels, in memory that is taken; None where they lie so already, or where it does not pay."""
        if not self._size or steps < PACKED_FROM:
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
        self._matrices = Matrices(made, vector)
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

    def __init__(self, block: Array, taken: Taken = aligned, packs: bool = True) -> None:
        """Pack a block, (inner, rows), in memory that is taken; with `packs` false, have it packed by `packing`."""
        self._inner, self._rows = block.shape
        self._dtype = block.dtype
        if block.size:
            width = vector_of(block.dtype)
            room = taken((series_rows(self._rows, width) * self._inner,), block.dtype)
            self._packed = pack_for_series(block, width, room) if packs else room
            self._place = address_of(self._packed)
            self._machine = series_for(block.dtype, self._rows)

    def packing(self, block: Array) -> Iterator[tuple[int, int, int, int, int, int]]:
        """Yield how each panel is packed, which is done here where it is filled up with zeros.

        Yields:
            Where it is put, and bytes from a line to the next; where it is, and likewise; lines, and bytes of a line.
        """
        size, wide = self._dtype.itemsize, self._wide
        x, far = address_of(block), block.strides[0]
        for n in range(self._rows // wide):
            out = self._place + n * wide * self._inner * size
            yield out, wide * size, x + n * wide * size, far, self._inner, wide * size
        left = self._rows % wide
        if left:
            last = self._packed[(self._rows - left) * self._inner :].reshape(self._inner, wide)
            last[:, :left] = block[:, self._rows - left :]
            last[:, left:] = 0

    @property
    def panels(self) -> int:
        """How many panels it is packed in, each of so many rows that no two share one."""
        return -(-self._rows // self._wide) if self._inner else 1

    @property
    def _wide(self) -> int:
        width = vector_of(self._dtype)
        return width * series_panels(self._rows, width)

    def of_panels(self, first: int, stop: int) -> tuple[slice, SeriesMatrix]:
        """Return the rows of some panels, and their matrix, which shares the memory of this one."""
        wide, part = self._wide, copy.copy(self)
        rows = slice(first * wide, min(stop * wide, self._rows))
        part._rows = rows.stop - rows.start
        if self._inner:
            part._place += first * wide * self._inner * self._dtype.itemsize
        return rows, part

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
        self._machine.call(address_of(out), apart, address_of(x), far, self._place, len(x), self._inner, self._rows)

    def words(self, out: int, apart: int, x: int, far: int, steps: int) -> tuple[int, ...]:
        """Return where the function that does `run` begins, and what it is called with, for other machine code.

        Args:
            out: Where the result goes.
            apart: Numbers from a row of it to the next.
            x: Where the rows are that are multiplied; the numbers of each lie one behind the other.
            far: Numbers from one of them to the next.
            steps: How many they are.
        """
        return (self._machine.address, out, apart, x, far, self._place, steps, self._inner, self._rows)


class SeriesCode(NamedTuple):
    """The product of many rows as machine code: how it is called, and where it begins, for other machine code."""

    call: Machine
    address: int


def series_for(dtype: np.dtype[Any], rows: int) -> SeriesCode:
    """Return the product of many rows by a matrix that has so many."""
    registers = series_panels(rows, vector_of(dtype))

    def make() -> SeriesCode:
        assembly = assembly_of(dtype)
        series_product(assembly, vector_of(dtype), registers)
        kinds = (POINTER, LONG, POINTER, LONG, POINTER, LONG, LONG, LONG)
        code = Compiled(assembly.text())
        return SeriesCode(code.function("series", *kinds), code.address("series"))

    return NEWEST.held((dtype, registers, host()), make)


def block_of(flat: Array, start: int, inner: int, rows: int) -> Array:
    """Return a block of the flat parameters as a view, (inner, rows)."""
    return flat[start : start + inner * rows].reshape(inner, rows)


def vector_of(dtype: np.dtype[Any]) -> int:
    """Return how many numbers a vector of the host holds."""
    return host().vector_bytes // dtype.itemsize


def assembly_of(dtype: np.dtype[Any]) -> Assembly:
    """Return an empty module for numbers of a type."""
    return Assembly("float" if dtype.itemsize == 4 else "double", host().fused, host().scales)


def address_of(array: Array) -> int:
    """Return where the numbers of an array begin."""
    return int(array.ctypes.data)
