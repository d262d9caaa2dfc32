"""The compiled interpreter, which is called numba: a program is compiled when it is first run, and kept.

The table interpreter (`kernels`) takes its place where LLVM cannot serve, and computes the same bits.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from lstm_tui.engine import setbacks
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import aligned
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.runtime.blocked_product import blocked_product
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
)
from lstm_tui.engine.runtime.fused.schedule import Take, schedule, takes_of

if TYPE_CHECKING:
    from types import ModuleType

WHAT = "the compiled step"
MOST_OPS = 2_000
"""Ops of a page that is compiled; each takes about a thousandth of a second, and a larger page is interpreted."""
_KEPT = 64
_POINTER, _LONG, _TRUTH = ctypes.c_void_p, ctypes.c_int64, ctypes.c_bool
_PACK = 4
"""Steps from which on packing the matrices costs less than it brings."""
_UNCOMPILED = ("NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK")
"""What asks Numba for functions that can be looked into: the table interpreter has them."""

Key = tuple[tuple[Take, ...], int, str]
Kept = TypeVar("Kept")


class Step:
    """The step of one program in one type of number."""

    def __init__(self, takes: tuple[Take, ...], width: int, dtype: np.dtype[Any]) -> None:
        """Compile it.

        Args:
            takes: Its ops.
            width: Numbers of a row.
            dtype: float32 or float64.

        Raises:
            Exception: LLVM cannot be used here.
        """
        self._vector = host().vector_bytes // dtype.itemsize
        made = schedule(takes)
        self._products = [one.takes[0] for one in made if one.takes[0].code == Code.MATVEC]
        self._room = sum(packed_numbers(take, self._vector) for take in self._products)
        if all(lies_packed(one.size, one.stride, lanes_for(one.size, self._vector)) for one in self._products):
            self._room = 0
        assembly = _assembly(dtype)
        write_step(assembly, made, width, self._vector)
        kinds = (_POINTER, _POINTER, _POINTER, _TRUTH, _LONG, _LONG, _LONG)
        self._step = Compiled(assembly.text(), assembly.needs).function("step", *kinds)

    def run(self, flat: Array, rows: Array, start: int, stop: int, clock: int) -> None:
        """Take the steps `start` to `stop`, one at least."""
        packed = self._packed(flat) if stop - start >= _PACK and self._room else None
        weights = flat if packed is None else packed
        self._step(_address(rows), _address(flat), _address(weights), packed is not None, start, stop, clock)

    def _packed(self, flat: Array) -> Array:
        """Return the matrices in panels; they are packed for every run, so that no edit of one is missed."""
        room, place = aligned((self._room,), flat.dtype), 0
        for take in self._products:
            size = packed_numbers(take, self._vector)
            pack(_matrix(take, flat), lanes_for(take.size, self._vector), room[place : place + size])
            place += size
        return room


class Back:
    """The step of one program backwards, in one type of number."""

    def __init__(self, takes: tuple[Take, ...], width: int, dtype: np.dtype[Any]) -> None:
        """Compile it; arguments and exceptions are those of `Step`."""
        self._vector = host().vector_bytes // dtype.itemsize
        made = schedule(takes)
        self._products = [one.takes[0] for one in made if one.takes[0].code == Code.MATVEC]
        self._room = sum(turned_numbers(take, self._vector) for take in self._products)
        assembly = _assembly(dtype)
        write_back(assembly, made, width, self._vector)
        kinds = (_POINTER, _POINTER, _POINTER, _POINTER, _POINTER, _LONG, _LONG)
        self._back = Compiled(assembly.text(), assembly.needs).function("back", *kinds)

    def run(self, flat: Array, rows: Array, adjoint: Array, gradient: Array, start: int, stop: int) -> None:
        """Take the steps `stop - 1` down to `start`, one at least."""
        room, place = aligned((self._room,), flat.dtype), 0
        for take in self._products:
            size = turned_numbers(take, self._vector)
            if size:
                pack(_matrix(take, flat).T, lanes_for(take.inner, self._vector), room[place : place + size])
            place += size
        addresses = (_address(one) for one in (rows, adjoint, flat, room, gradient))
        self._back(*addresses, start, stop)


def _matrix(take: Take, flat: Array) -> Array:
    """Return the matrix of a product as it lies in the flat parameters, (inner, rows)."""
    apart, start = (take.stride * flat.itemsize, flat.itemsize), take.block * flat.itemsize
    return np.ndarray((take.inner, take.size), flat.dtype, flat, start, apart)


class _Newest(OrderedDict[Any, Any]):
    """What was compiled last, whoever asked for it: an edit makes the same program anew."""

    def held(self, key: Any, make: Callable[[], Kept]) -> Kept:
        """Return what is kept under a key, or make it."""
        if key not in self:
            self[key] = make()
            if len(self) > _KEPT:
                self.popitem(last=False)
        self.move_to_end(key)
        found: Kept = self[key]
        return found


_turn = threading.RLock()
_of_program: WeakKeyDictionary[Program, dict[Any, Any]] = WeakKeyDictionary()
_newest = _Newest()


def _compiled(program: Program, dtype: np.dtype[Any], kind: type[Kept]) -> Kept | None:
    """Return the step of a program or its step back; None where the table is interpreted."""
    with _turn:
        mine = _of_program.setdefault(program, {})
        if (dtype, kind) not in mine:
            mine[dtype, kind] = _tried(program, dtype, kind)
        found: Kept | None = mine[dtype, kind]
        return found


def _tried(program: Program, dtype: np.dtype[Any], kind: Callable[..., Kept]) -> Kept | None:
    """Return what is compiled of a program, or None where it cannot be, which is noted."""
    if not serves():
        return None
    takes, width = tuple(takes_of(program)), program.width
    if len(takes) > MOST_OPS:
        setbacks.note(WHAT, f"{len(takes)} operations a token, and {MOST_OPS} is the most")
        return None
    try:
        return _newest.held((kind, takes, width, dtype), lambda: kind(takes, width, dtype))
    except Exception as error:  # whatever LLVM says of it, the table can be interpreted
        setbacks.note(WHAT, setbacks.cause(error))
        return None


@cache
def serves() -> bool:
    """Say whether programs are compiled here: not where LLVM is missing, nor where Numba is told not to compile."""
    if any(os.environ.get(name, "0") not in ("", "0") for name in _UNCOMPILED):
        return False
    try:
        host()
    except Exception as error:  # llvmlite is not there, or knows nothing of this processor
        setbacks.note(WHAT, setbacks.cause(error))
        return False
    return True


def _table() -> ModuleType:
    from lstm_tui.engine.runtime import kernels

    return kernels


def _assembly(dtype: np.dtype[Any]) -> Assembly:
    return Assembly("float" if dtype.itemsize == 4 else "double", host().fused)


def _address(array: Array) -> int:
    return int(array.ctypes.data)


# --- what the engine calls ------------------------------------------------------------------------------


def run(program: Program, flat: Array, rows: Array, start: int, stop: int, clock: int = 0) -> None:
    """Take the steps `start` to `stop`: fill every slot of rows[start + 1] … rows[stop].

    Args:
        program: What to run.
        flat: The flat parameters.
        rows: (steps + 1, width), one contiguous array; inputs and hoisted products are in place, and so is
            the state in rows[start].
        start: First step.
        stop: Step after the last.
        clock: Steps that were taken before step 0 of these rows, for `every`.

    Raises:
        ValueError: The rows are not one contiguous array, or not of the type of the parameters.
    """
    step = _compiled(program, rows.dtype, Step)
    if step is None:
        _table().run(program, flat, rows, start, stop, clock)
    elif stop > start:
        _check(program, flat, rows)
        step.run(np.ascontiguousarray(flat), rows, start, stop, clock)


def _check(program: Program, flat: Array, rows: Array) -> None:
    """Look at what machine code cannot: it would write elsewhere."""
    if not rows.flags.c_contiguous:
        raise ValueError("the rows of a run must be one contiguous array")
    if rows.ndim != 2 or rows.shape[1] != program.width or flat.shape != (program.parameter_count,):
        raise ValueError("the rows or the parameters are those of another program")
    if rows.dtype != flat.dtype:
        raise ValueError(f"rows of {rows.dtype} cannot be run with parameters of {flat.dtype}")


def run_ops(program: Program, flat: Array, rows: Array, step: int, first: int, last: int, clock: int = 0) -> None:
    """Take the ops `first` to `last` (not included) of the table in one step; hoisted ones are done."""
    _table().run_ops(program, flat, rows, step, first, last, clock)


def backprop(
    program: Program, flat: Array, rows: Array, adjoint: Array, gradient: Array, start: int, stop: int
) -> None:
    """Back-propagate through the steps `stop - 1` down to `start`.

    Args:
        program: What was run.
        flat: The flat parameters it was run with.
        rows: What it computed, (steps + 1, width).
        adjoint: The gradient of the loss by every slot, same shape; on entry what reaches the slots from
            outside, on return everything but the inputs and matrices (see `storage.finish_gradient`).
        gradient: The gradient by every vector parameter is added here, laid out as `flat`.
        start: First step.
        stop: Step after the last.

    Raises:
        ValueError: One of them is not contiguous, or not of the type and shape of the others.
    """
    back = _compiled(program, rows.dtype, Back)
    if back is None:
        _table().backprop(program, flat, rows, adjoint, gradient, start, stop)
    elif stop > start:
        for one, beside in ((rows, flat), (adjoint, gradient)):
            _check(program, beside, one)
        if rows.shape != adjoint.shape or rows.dtype != adjoint.dtype or not gradient.flags.c_contiguous:
            raise ValueError("the gradient is not laid out as the rows and the parameters are")
        back.run(np.ascontiguousarray(flat), rows, adjoint, gradient, start, stop)


def product(series: Array, block: Array, start: int = 0, stop: int | None = None, out: Array | None = None) -> Array:
    """Return series[start:stop] @ block, every number added up in the order of its row.

    Args:
        series: (T, inner).
        block: (inner, rows).
        start: First row wanted.
        stop: Row after the last; None for all.
        out: Where the result goes, (stop - start, rows), if it has a place already.
    """
    if not serves():
        return blocked_product(series, block, start, stop, out)
    stop = len(series) if stop is None else stop
    inner, rows = block.shape
    result = np.empty((stop - start, rows), block.dtype) if out is None else out
    if not result.size:
        return result
    if not inner or result.strides[1] != result.itemsize:
        result[:] = 0 if not inner else product(series, block, start, stop)
        return result
    x = series[start:stop]
    if x.dtype != block.dtype or (inner > 1 and x.strides[1] != x.itemsize) or x.strides[0] % x.itemsize:
        x = np.ascontiguousarray(x, block.dtype)
    width = host().vector_bytes // block.itemsize
    far, apart = x.strides[0] // x.itemsize, result.strides[0] // result.itemsize
    packed = pack_for_series(block, width)
    machine = _series(block.dtype, series_panels(rows, width))
    machine(_address(result), apart, _address(x), far, _address(packed), len(x), inner, rows)
    return result


def _series(dtype: np.dtype[Any], registers: int) -> Machine:
    """Return the product of many rows whose panels have so many registers."""

    def make() -> Machine:
        assembly = _assembly(dtype)
        series_product(assembly, host().vector_bytes // dtype.itemsize, registers)
        kinds = (_POINTER, _LONG, _POINTER, _LONG, _POINTER, _LONG, _LONG, _LONG)
        return Compiled(assembly.text()).function("series", *kinds)

    with _turn:
        return _newest.held((dtype, registers), make)
