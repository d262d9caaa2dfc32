"""The compiled interpreter, which is called numba: a program is compiled when it is first run, and kept.

The table interpreter (`kernels`) takes its place where LLVM cannot serve, and computes the same bits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from lstm_tui.engine import setbacks
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.runtime.blocked_product import blocked_product
from lstm_tui.engine.runtime.compiling import about_to_compile
from lstm_tui.engine.runtime.fused.compiled_batches import BatchBack, BatchStep
from lstm_tui.engine.runtime.fused.compiled_steps import NEWEST, SPARE, SeriesMatrix, Step, StepBack
from lstm_tui.engine.runtime.fused.host import host
from lstm_tui.engine.runtime.fused.named_step import NamedStep, outgrow_own_cache
from lstm_tui.engine.runtime.fused.schedule import StepPage, page_of
from lstm_tui.engine.runtime.fused.vector_functions import ELEMENTWISE
from lstm_tui.engine.runtime.pass_to_run import PassToRun

if TYPE_CHECKING:
    from types import ModuleType

WHAT = "the compiled step"
MOST_WORK = 2_000
"""Most that a page may be that is compiled, in ops of one unit: about a thousandth of a second each."""
_LOOPS = 20
"""How many of these an op over all units takes, and a product as well: it has loops of its own."""
_UNCOMPILED = ("NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK")
"""What asks Numba for functions that can be looked into: the table interpreter has them."""

Kind = TypeVar("Kind", Step, NamedStep, StepBack)
OfBatch = TypeVar("OfBatch", BatchStep, BatchBack)

_of_program: WeakKeyDictionary[Program, dict[Any, Any]] = WeakKeyDictionary()


def compiled(program: Program, dtype: np.dtype[Any], kind: type[Kind]) -> Kind | None:
    """Return what is compiled of a program, now if it was not; None where the table is interpreted instead."""
    with NEWEST.turn:
        mine = _of_program.setdefault(program, {})
        if (dtype, kind) not in mine:
            mine[dtype, kind] = _tried(program, dtype, kind)
        found: Kind | None = mine[dtype, kind]
        return found


def compiled_batch(program: Program, dtype: np.dtype[Any]) -> BatchStep | None:
    """Return the step of a program over many sequences at once; None where they are run one by one."""
    return _of_batch(program, dtype, BatchStep, None, lambda page: BatchStep(page, dtype))


def compiled_batch_back(program: Program, dtype: np.dtype[Any], outside: tuple[str, ...]) -> BatchBack | None:
    """Return the step back over many sequences at once, with its step forwards; None where they go one by one.

    Args:
        program: What is run.
        dtype: float32 or float64.
        outside: Values that something outside of the steps reads.
    """
    return _of_batch(program, dtype, BatchBack, outside, lambda page: BatchBack(page, dtype, outside))


def _of_batch(
    program: Program,
    dtype: np.dtype[Any],
    kind: type[OfBatch],
    outside: tuple[str, ...] | None,
    make: Callable[[StepPage], OfBatch],
) -> OfBatch | None:
    with NEWEST.turn:
        mine = _of_program.setdefault(program, {})
        key = dtype, kind, outside
        if key not in mine:
            mine[key] = _tried_batch(program, (kind, dtype, outside), make)
        found: OfBatch | None = mine[key]
        return found


def _tried_batch(program: Program, key: Any, make: Callable[[StepPage], OfBatch]) -> OfBatch | None:
    """Compile for many sequences; nothing is said where it cannot be, since each has the same bits by itself."""
    if not serves():
        return None
    page = page_of(program)
    if _work(page) > MOST_WORK:
        return None
    try:
        return NEWEST.held((page, *key, host()), lambda: make(page))
    except Exception:  # whatever LLVM says of it, and however the values lie
        return None


def _work(page: StepPage) -> int:
    own = sum(take.code not in ELEMENTWISE for take in page.takes)
    return len(page.takes) - own + _LOOPS * own


def _tried(program: Program, dtype: np.dtype[Any], kind: type[Kind]) -> Kind | None:
    if not serves():
        return None
    page = page_of(program)
    if _work(page) > MOST_WORK:
        own = sum(take.code not in ELEMENTWISE for take in page.takes)
        what = f"{len(page.takes)} operations a token, {own} of them over all units, are too many to be compiled"
        setbacks.note(WHAT, what)
        return None
    if not NEWEST.has(kind, page, dtype):
        about_to_compile()
    try:
        return NEWEST.of(kind, page, dtype)
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


def run(program: Program, flat: Array, rows: Array, start: int, stop: int, clock: int = 0) -> None:
    """Take the steps `start` to `stop`, as `interpreters.Interpreter` says. The rows are one contiguous array.

    Raises:
        ValueError: The rows are not one contiguous array, or not of the type of the parameters.
    """
    step = compiled(program, rows.dtype, Step)
    if step is None:
        _table().run(program, flat, rows, start, stop, clock)
    elif stop > start:
        _check(program, flat, rows)
        step.run(np.ascontiguousarray(flat), rows, start, stop, clock)


def named_values(
    program: Program,
    flat: Array,
    inputs: Mapping[str, Array],
    state: Mapping[str, Array],
    progress: Callable[[int, int], None] | None = None,
    clock: int = 0,
) -> dict[str, Array] | None:
    """Return every named value of a run, (T, n) each; None where they cannot be had without every slot.

    Args:
        program: What to run.
        flat: The flat parameters.
        inputs: What it reads, (T, n) each.
        state: Its states before the first step.
        progress: Called with the steps done and the steps in all.
        clock: Steps that were taken before these, for `every`.
    """
    step = compiled(program, flat.dtype, NamedStep)
    if step is None or flat.shape != (program.parameter_count,):
        return None
    return step.run(np.ascontiguousarray(flat), inputs, state, program.clock + clock, progress)


def named_values_of_both(
    programs: tuple[Program, Program], runs: tuple[PassToRun, PassToRun], told: Callable[[int], None] | None = None
) -> list[dict[str, Array]] | None:
    """Return every named value of two runs with as many steps, which are taken side by side in this thread.

    Args:
        programs: What to run.
        runs: What each is made of.
        told: Called with the steps done, of both.

    Returns:
        None where that is not possible, or nothing is gained by it: they are run one after the other.
    """
    dtype, clock = runs[0].flat.dtype, programs[0].clock
    step = compiled(programs[0], dtype, NamedStep)
    if step is None or programs[1].clock != clock or runs[1].flat.dtype != dtype:
        return None
    if compiled(programs[1], dtype, NamedStep) is not step or len(runs[0].inputs["x"]) != len(runs[1].inputs["x"]):
        return None
    if any(run.flat.shape != (one.parameter_count,) for run, one in zip(runs, programs, strict=True)):
        return None
    one, other = (run._replace(flat=np.ascontiguousarray(run.flat)) for run in runs)
    return step.run_both((one, other), clock, told)


def shares_steps(program: Program, dtype: np.dtype[Any], steps: int) -> bool:
    """Say whether two runs of so many steps end sooner one after the other, each of them shared by two threads."""
    numbers = sum(one.inner * one.rows for one in program.groups if not one.hoisted)
    if not outgrow_own_cache(numbers * dtype.itemsize):
        return False
    step = compiled(program, dtype, NamedStep)
    return step is not None and step.would_be_shared(steps)


def _check(program: Program, flat: Array, rows: Array) -> None:
    """Look at what machine code cannot: it would write elsewhere."""
    if not rows.flags.c_contiguous:
        raise ValueError("the rows of a run must be one contiguous array")
    if rows.ndim != 2 or rows.shape[1] != program.width or flat.shape != (program.parameter_count,):
        raise ValueError("the rows or the parameters are those of another program")
    if rows.dtype != flat.dtype:
        raise ValueError(f"rows of {rows.dtype} cannot be run with parameters of {flat.dtype}")


def backprop(
    program: Program, flat: Array, rows: Array, adjoint: Array, gradient: Array, start: int, stop: int
) -> None:
    """Take the steps `stop - 1` down to `start` back, as `interpreters.Interpreter` says.

    Raises:
        ValueError: One of them is not contiguous, or not of the type and shape of the others.
    """
    back = compiled(program, rows.dtype, StepBack)
    if back is None:
        _table().backprop(program, flat, rows, adjoint, gradient, start, stop)
    elif stop > start:
        for one, beside in ((rows, flat), (adjoint, gradient)):
            _check(program, beside, one)
        if rows.shape != adjoint.shape or rows.dtype != adjoint.dtype or not gradient.flags.c_contiguous:
            raise ValueError("the gradient is not laid out as the rows and the parameters are")
        back.run(np.ascontiguousarray(flat), rows, adjoint, gradient, start, stop)


def product(series: Array, block: Array, start: int = 0, stop: int | None = None, out: Array | None = None) -> Array:
    """Return series[start:stop] @ block, every number added up in the order of its row."""
    if not serves():
        return blocked_product(series, block, start, stop, out)
    stop = len(series) if stop is None else stop
    result = np.empty((stop - start, block.shape[1]), block.dtype) if out is None else out
    spare = SPARE.take()
    SeriesMatrix(block, spare.take).run(series[start:stop], result)
    SPARE.give_back(spare)
    return result
