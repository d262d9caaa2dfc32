"""The NumPy interpreter: a loop over the instruction table.

It draws the first frame, before Numba is imported, and is the oracle of the tests. `kernels` has the same
two functions, faster; one run is made by one interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Instruction, Operand, Program, Slot, Space
from lstm_tui.engine.runtime.blocked_product import blocked_product
from lstm_tui.engine.runtime.pass_to_run import PassToRun

product = blocked_product


def run(program: Program, flat: Array, rows: Array, start: int, stop: int, clock: int = 0) -> None:
    """Take the steps `start` to `stop`, as `interpreters.Interpreter` says."""
    table = [_taken(program, one, flat) for one in program.instructions if not one.hoisted]
    with np.errstate(all="ignore"):
        for step in range(start, stop):
            row, before, ticks = rows[step + 1], rows[step], step + clock
            for take in table:
                take(row, before, ticks)


def named_values(
    program: Program,
    flat: Array,
    inputs: Mapping[str, Array],
    state: Mapping[str, Array],
    progress: Callable[[int, int], None] | None = None,
    clock: int = 0,
) -> None:
    """Return None: every slot is computed, and nothing is gained by keeping the values alone."""


def named_values_of_both(
    programs: tuple[Program, Program], runs: tuple[PassToRun, PassToRun], told: Callable[[int], None] | None = None
) -> None:
    """Return None: they are run one after the other."""


def shares_steps(program: Program, dtype: np.dtype[Any], steps: int) -> bool:
    """Return False: each step is taken in one thread."""
    return False


def execute(program: Program, instruction: Instruction, flat: Array, rows: Array, step: int, clock: int = 0) -> None:
    """Take one op of one step."""
    _taken(program, instruction, flat)(rows[step + 1], rows[step], step + clock)


def _taken(program: Program, instruction: Instruction, flat: Array) -> Callable[[Array, Array, int], None]:
    """Return what takes an op at any step: given the row of the step, the row before it and the number of the step.

    Where its operands and its matrix lie is looked up once, and not at every step.
    """
    target, code, forward = _place(instruction.target), instruction.op.code, instruction.compute
    matrix = None if instruction.matrix is None else program.view(flat, instruction.matrix.name).T
    places = [_place(one) for one in instruction.operands]
    spaces = [one.space for one in instruction.operands]
    reads = [
        (space == Space.PREVIOUS, at, flat[at] if space == Space.PARAMETER else None)
        for space, at in zip(spaces, places, strict=True)
    ]

    def take(row: Array, before: Array, ticks: int) -> None:
        operands = [(before if earlier else row)[at] if number is None else number for earlier, at, number in reads]
        if matrix is not None:
            row[target] = operands[0] @ matrix
        elif code == Code.EVERY:
            row[target] = np.mod(ticks - operands[1] if len(operands) > 1 else ticks, operands[0]) == 0
        else:
            row[target] = forward(*operands)

    return take


def _place(operand: Operand | Slot) -> slice:
    return slice(operand.offset, operand.offset + operand.size)


def _read(spaces: tuple[Array, Array, Array], operand: Operand) -> Array:
    return spaces[operand.space][operand.offset : operand.offset + operand.size]


def backprop(
    program: Program, flat: Array, rows: Array, adjoint: Array, gradient: Array, start: int, stop: int
) -> None:
    """Take the steps `stop - 1` down to `start` back, as `interpreters.Interpreter` says."""
    table = [one for one in reversed(program.instructions) if not one.hoisted]
    with np.errstate(all="ignore"):
        for step in range(stop - 1, start - 1, -1):
            for instruction in table:
                _pull(program, instruction, flat, rows, adjoint, gradient, step)


def _pull(
    program: Program,
    instruction: Instruction,
    flat: Array,
    rows: Array,
    adjoint: Array,
    gradient: Array,
    step: int,
) -> None:
    spaces = (rows[step + 1], rows[step], flat)
    sinks = (adjoint[step + 1], adjoint[step], gradient)
    target = slice(instruction.target.offset, instruction.target.offset + instruction.target.size)
    d = adjoint[step + 1, target]
    operands = [_read(spaces, operand) for operand in instruction.operands]
    pulled: tuple[Array | None, ...]
    if instruction.matrix is not None:
        pulled = (d @ program.view(flat, instruction.matrix.name),)
    else:
        pulled = instruction.pull(d, rows[step + 1, target], *operands)
    for operand, piece in zip(instruction.operands, pulled, strict=True):
        if piece is not None:
            sink = _read(sinks, operand)
            sink += piece.sum(keepdims=True) if operand.size == 1 and piece.size > 1 else piece
