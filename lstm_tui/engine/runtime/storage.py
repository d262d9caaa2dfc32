"""Where a pass keeps what it computes: a row per step, in windows when there are too many.

Products of an input are taken for many steps at once, before the steps themselves, in the way of the interpreter that
takes the steps: a step has the same bits however it is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cached_property
from typing import Protocol

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import aligned
from lstm_tui.engine.compiler.program import Program, entering, held_inputs
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.blocked_product import BLOCK
from lstm_tui.engine.runtime.interpreters import interpreter
from lstm_tui.engine.runtime.pass_to_run import PassToRun
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.windowed_series import rows_of

WINDOW = 16 * BLOCK
SPAN_BYTES = 2**20
KEEP_ROWS_BYTES = 256 * 2**20
NAMED_BYTES = 2**17
"""Bytes of all slots from which on a run keeps its named values alone at first: less is had as soon, and looked at."""


class States(Protocol):
    """Who keeps states of a pass at some steps, and finds those between."""

    def state_before(self, step: int) -> Mapping[str, Array]:
        """Return every state as it was before a step."""


@dataclass(frozen=True, eq=False)
class Stored:
    """What one pass computed, in its own reading order.

    Attributes:
        program: What was run.
        flat: The parameters it was run with.
        inputs: What it read, (T, n) each.
        initial: Its states before the first step.
        values: Every named value, (T, n).
        kept: Every slot, (T + 1, width), or None when only the values were kept.
        interpreter: Name of the interpreter.
        learned: States that begin as a parameter says, by its name.
        may_keep: Whether it is short enough for every slot to be kept once that is asked for.
        windows: Where a run in windows keeps its states; values and inputs are series then.
    """

    program: Program
    flat: Array
    inputs: Mapping[str, Array]
    initial: Mapping[str, Array]
    values: Mapping[str, Array]
    kept: Array | None
    interpreter: str
    learned: Mapping[str, str] = field(default_factory=dict)
    may_keep: bool = False
    windows: States | None = None

    @property
    def steps(self) -> int:
        """Number of steps, T."""
        return len(self.inputs["x"])

    @cached_property
    def rows(self) -> Array | None:
        """Every slot, (T + 1, width), computed again where only values were kept; None where that is too much."""
        return self._computed(0, self.steps) if self.kept is None and self.may_keep else self.kept

    @property
    def is_too_long(self) -> bool:
        """Whether it is too long for every slot of every step to be held."""
        return self.kept is None and not self.may_keep

    def state_before(self, step: int) -> Mapping[str, Array]:
        """Return every state as it was before a step."""
        if self.windows is not None:
            return self.windows.state_before(step)
        if step == 0:
            return self.initial
        return {name: self.values[name][step - 1] for name in self.initial}

    def window(self, start: int, stop: int) -> Array:
        """Return the rows of the steps `start` to `stop`, the state before them first; recomputed if need be."""
        rows = self.kept if self.kept is not None else self.__dict__.get("rows")
        return self._computed(start, stop) if rows is None else rows[start : stop + 1]

    @one_thread
    def _computed(self, start: int, stop: int) -> Array:
        engine = interpreter(self.interpreter)
        state = self.state_before(start)
        rows = prepare(self.program, self.flat, self.inputs, state, start, stop, self.interpreter)
        engine.run(self.program, self.flat, rows, 0, stop - start, self.program.clock + start)
        return rows


def prepare(
    program: Program,
    flat: Array,
    inputs: Mapping[str, Array],
    state: Mapping[str, Array],
    start: int,
    stop: int,
    interpreter_name: str = "numpy",
) -> Array:
    """Return rows (stop - start + 1, width) with the state, the inputs and the hoisted products in place.

    What the steps will fill is left as the memory was: clearing it would cost as much as a small step.
    """
    rows = aligned((stop - start + 1, program.width), flat.dtype)
    rows[0] = 0
    for name, numbers in state.items():
        slot = program.values[name]
        rows[0, slot.offset : slot.offset + slot.size] = numbers
    fill(program, flat, inputs, start, stop, rows, interpreter_name)
    return rows


def fill(
    program: Program,
    flat: Array,
    inputs: Mapping[str, Array],
    start: int,
    stop: int,
    rows: Array,
    interpreter_name: str = "numpy",
) -> None:
    """Put the inputs and the hoisted products of some steps into their rows, (stop - start + 1, width), but the first.

    Args:
        program: What is to be run.
        flat: Its parameters.
        inputs: What it reads, (T, n) each, from the first step on.
        start: First step.
        stop: Step after the last.
        rows: Where they go; the first row is that of the step before.
        interpreter_name: Which interpreter will take the steps: it takes the products too.
    """
    for name, slot in program.inputs.items():
        rows[1:, slot.offset : slot.offset + slot.size] = rows_of(inputs[name], start, stop) if name in inputs else 0
    product = interpreter(interpreter_name).product
    for group in program.groups:
        if not group.hoisted:
            continue
        target = rows[1:, group.target.offset : group.target.offset + group.target.size]
        name, first = _input_at(program, group.operand.offset)
        if name in inputs:
            base = start - start % BLOCK  # of a series that is computed where it is looked at, whole blocks
            series = rows_of(inputs[name], base, min(-(-stop // BLOCK) * BLOCK, len(inputs[name])))
            block = flat[group.block : group.block + group.inner * group.rows].reshape(group.inner, group.rows)
            product(series[:, first : first + group.operand.size], block, start - base, stop - base, target)
        else:
            target[:] = 0


def _input_at(program: Program, offset: int) -> tuple[str, int]:
    """Return the input that lies at an offset of a row, and the unit of it that is found there."""
    for name, slot in program.inputs.items():
        if slot.offset <= offset < slot.offset + slot.size:
            return name, offset - slot.offset
    raise ValueError(f"no input lies at {offset}")


@one_thread
def run_pass(
    program: Program,
    flat: Array,
    inputs: Mapping[str, Array],
    initial: Mapping[str, Array],
    interpreter_name: str,
    progress: Progress | None = None,
    learned: Mapping[str, str] | None = None,
    keep_rows: bool = False,
) -> Stored:
    """Run one pass over its inputs, (T, n) each in reading order.

    Args:
        program: What to run.
        flat: Its parameters.
        inputs: What it reads.
        initial: Its states before the first step.
        interpreter_name: numpy or numba.
        progress: Called with the steps done and the steps in all.
        learned: Which of the initial states are parameters, by the parameter's name.
        keep_rows: Whether every slot will be wanted of every step, as gradients do, and is kept if that is possible.
    """
    steps = len(inputs["x"])
    engine = interpreter(interpreter_name)
    fits, is_named = _kept(program, steps, flat, keep_rows)
    if is_named:
        named = engine.named_values(program, flat, inputs, initial, progress)
        if named is not None:
            return Stored(program, flat, inputs, initial, named, None, interpreter_name, learned or {}, fits)
    if fits:
        rows = prepare(program, flat, inputs, initial, 0, steps, interpreter_name)
        for base in range(0, steps, WINDOW):
            engine.run(program, flat, rows, base, min(base + WINDOW, steps), program.clock)
            if progress:
                progress(min(base + WINDOW, steps), steps)
        values = {name: rows[1:, s.offset : s.offset + s.size] for name, s in program.values.items()}
        return Stored(program, flat, inputs, initial, values, rows, interpreter_name, learned or {})
    values = {name: np.empty((steps, slot.size), dtype=flat.dtype) for name, slot in program.values.items()}
    state: Mapping[str, Array] = initial
    for base in range(0, steps, WINDOW):
        stop = min(base + WINDOW, steps)
        rows = prepare(program, flat, inputs, state, base, stop, interpreter_name)
        engine.run(program, flat, rows, 0, stop - base, program.clock + base)
        for name, slot in program.values.items():
            values[name][base:stop] = rows[1:, slot.offset : slot.offset + slot.size]
        state = {name: values[name][stop - 1] for name in initial}
        if progress:
            progress(stop, steps)
    return Stored(program, flat, inputs, initial, values, None, interpreter_name, learned or {})


def _kept(program: Program, steps: int, flat: Array, keep_rows: bool) -> tuple[bool, bool]:
    """Return whether every slot of a run may be kept, and whether its named values alone are at first."""
    size = (steps + 1) * program.width * flat.itemsize
    fits = size <= KEEP_ROWS_BYTES
    return fits, not fits or (size > NAMED_BYTES and not keep_rows)


def run_both_passes(
    programs: tuple[Program, Program],
    runs: tuple[PassToRun, PassToRun],
    interpreter_name: str,
    learned: tuple[Mapping[str, str], Mapping[str, str]],
    told: Callable[[int], None] | None = None,
) -> list[Stored] | None:
    """Run two passes of a layer side by side in this thread, as `run_pass` does each; None where nothing is gained.

    Args:
        programs: What to run.
        runs: What each is made of.
        interpreter_name: numpy or numba.
        learned: Which of the initial states of each are parameters, by the parameter's name.
        told: Called with the steps done, of both.
    """
    each = list(zip(programs, runs, strict=True))
    kept = [_kept(program, len(run.inputs["x"]), run.flat, False) for program, run in each]
    if not all(is_named for _, is_named in kept):
        return None
    found = interpreter(interpreter_name).named_values_of_both(programs, runs, told)
    if found is None:
        return None
    return [
        Stored(program, run.flat, run.inputs, run.state, named, None, interpreter_name, names, fits)
        for (program, run), named, names, (fits, _) in zip(each, found, learned, kept, strict=True)
    ]


@one_thread
def backprop_pass(
    stored: Stored,
    outside: Mapping[str, Array],
    every_slot: bool = True,
    by_value: dict[str, Array] | None = None,
) -> tuple[Array, dict[str, Array], Array]:
    """Back-propagate through a whole pass that is held as arrays; `adjoint_windows.py` does so for one in windows.

    It goes back a few steps at a time, which stay in the processor's cache while their products are taken.

    Args:
        stored: A pass; where its rows were not kept they are computed again, some steps at a time.
        outside: The gradient of the loss by named values, (T, n) each in reading order.
        every_slot: Whether the gradient by every slot is kept; training does without.
        by_value: When given, only the gradient by these named values is wanted, which is written here, (T, n)
            each; that by the matrices, which takes as long as all the rest, is then left at 0.

    Returns:
        The gradient by the flat parameters, by each input (T, n), and by every slot (T + 1, width), or only by
        the state before the first step (1, width).
    """
    program, flat, steps = stored.program, stored.flat, stored.steps
    gradient = aligned(flat.shape, flat.dtype)
    gradient[:] = 0
    span = backprop_steps(stored)
    every_slot = every_slot and by_value is None
    room = aligned((steps + 1 if every_slot else span + 1, program.width), flat.dtype)
    inputs = {name: np.empty((steps, slot.size), flat.dtype) for name, slot in program.inputs.items()}
    first = np.zeros(program.width, flat.dtype)  # what has come back to the row before
    for stop in range(steps, 0, -span):
        base = max(0, stop - span)
        adjoint = room[base : stop + 1] if every_slot else room[: stop - base + 1]
        backprop_span(stored, outside, base, stop, first, adjoint, gradient, by_value is None)
        for name, numbers in (by_value or {}).items():
            slot = program.values[name]
            numbers[base:stop] = adjoint[1:, slot.offset : slot.offset + slot.size]
        for name, slot in program.inputs.items():
            inputs[name][base:stop] = adjoint[1:, slot.offset : slot.offset + slot.size]
        first = adjoint[0].copy()
    finish_parameters(stored, gradient, first)
    return gradient, inputs, room if every_slot and steps else first[None]


def backprop_steps(stored: Stored) -> int:
    """Return how many steps of a pass are gone back through together, from its end on."""
    program = stored.program
    return min(max(BLOCK, SPAN_BYTES // (program.width * stored.flat.itemsize)), max(stored.steps, 1))


def backprop_span(
    stored: Stored,
    outside: Mapping[str, Array],
    base: int,
    stop: int,
    behind: Array,
    adjoint: Array,
    gradient: Array,
    matrices: bool,
) -> None:
    """Back-propagate through some steps of a pass; what gets no gradient gives none, whatever its numbers are.

    Args:
        stored: The pass.
        outside: The gradient of the loss by named values, (T, n) each in reading order: arrays or series.
        base: The first of the steps.
        stop: The step after the last.
        behind: What has come back from the steps behind to the row of the last, (width,).
        adjoint: Where the gradient by every slot is put, (stop - base + 1, width): first the row before the steps.
        gradient: What the flat parameters' gradient is added to.
        matrices: Whether that by the matrices is added too.
    """
    program, flat = stored.program, stored.flat
    adjoint[:-1] = 0
    adjoint[-1] = behind
    for name, numbers in outside.items():
        slot = program.values[name]
        adjoint[1:, slot.offset : slot.offset + slot.size] += rows_of(numbers, base, stop)
    if not adjoint.any():
        adjoint[-1] = 0  # it may have been -0
        return
    rows = stored.window(base, stop)
    interpreter(stored.interpreter).backprop(program, flat, rows, adjoint, gradient, 0, stop - base)
    _reset_gradient(program, adjoint, gradient)
    finish_gradient(program, flat, rows, adjoint, gradient, matrices)


def _reset_gradient(program: Program, adjoint: Array, gradient: Array) -> None:
    """Add what came back to a parameter that a state was set back to, at every step at which it was."""
    for state, parameter in program.initial.items():
        slot = program.inputs.get(held_inputs(entering(state))[1])
        if slot is not None and isinstance(parameter, str):
            sink = program.view(gradient, parameter)
            sink += adjoint[1:, slot.offset : slot.offset + slot.size].sum(axis=0)


def finish_parameters(stored: Stored, gradient: Array, first: Array) -> None:
    """Add to the gradient by the flat parameters what came back to the states that they begin with.

    Args:
        stored: A pass that was gone back through.
        gradient: That by the flat parameters.
        first: That by the row before the first step, (width,).
    """
    program = stored.program
    for state, parameter in stored.learned.items():
        slot = program.values[state]
        sink = program.view(gradient, parameter)
        sink += first[slot.offset : slot.offset + slot.size]
    for one in program.parameters.values():
        if one.mask is not None:
            program.view(gradient, one.name)[~one.mask] = 0


def finish_gradient(
    program: Program, flat: Array, rows: Array, adjoint: Array, gradient: Array, matrices: bool = True
) -> None:
    """Add what all steps give together: the gradient by the matrices, and by inputs through hoisted products."""
    sources = (rows[1:], rows[:-1])
    packed: set[int] = set()
    for group in program.groups:
        block = slice(group.block, group.block + group.inner * group.rows)
        d = adjoint[1:, group.target.offset : group.target.offset + group.target.size]
        source = sources[group.operand.space][:, group.operand.offset : group.operand.offset + group.operand.size]
        if matrices:
            gradient[block] += (source.T @ d).ravel()
        packed.update(range(group.target.offset, group.target.offset + group.target.size))
        if group.hoisted:
            sink = adjoint[1:, group.operand.offset : group.operand.offset + group.operand.size]
            sink += d @ flat[block].reshape(group.inner, group.rows).T
    for one in program.instructions:  # a matrix used a second time stands outside the packs
        if matrices and one.matrix is not None and one.target.offset not in packed:
            d = adjoint[1:, one.target.offset : one.target.offset + one.target.size]
            operand = one.operands[0]
            source = sources[operand.space][:, operand.offset : operand.offset + operand.size]
            view = program.view(gradient, one.matrix.name)
            view += d.T @ source
