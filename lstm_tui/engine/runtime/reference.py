"""The NumPy interpreter: a loop over the instruction table.

It draws the first frame, before Numba is imported, and is the oracle of the tests. `kernels` has the same
two functions, faster; one run is made by one interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Instruction, Operand, Program
from lstm_tui.engine.runtime.blocked_product import blocked_product

product = blocked_product


def run(program: Program, flat: Array, rows: Array, start: int, stop: int, clock: int = 0) -> None:
    """Take the steps `start` to `stop`, as `interpreters.Interpreter` says."""
    table = [one for one in program.instructions if not one.hoisted]
    with np.errstate(all="ignore"):
        for step in range(start, stop):
            for instruction in table:
                execute(program, instruction, flat, rows, step, clock)


def named_values(
    program: Program,
    flat: Array,
    inputs: Mapping[str, Array],
    state: Mapping[str, Array],
    progress: Callable[[int, int], None] | None = None,
    clock: int = 0,
) -> None:
    """Return None: every slot is computed, and nothing is gained by keeping the values alone."""


def execute(program: Program, instruction: Instruction, flat: Array, rows: Array, step: int, clock: int = 0) -> None:
    """Take one op of one step."""
    spaces = (rows[step + 1], rows[step], flat)
    operands = [_read(spaces, operand) for operand in instruction.operands]
    target = rows[step + 1, instruction.target.offset : instruction.target.offset + instruction.target.size]
    if instruction.matrix is not None:
        target[:] = operands[0] @ program.view(flat, instruction.matrix.name).T
    elif instruction.op.code == Code.EVERY:
        target[:] = np.mod(step + clock, operands[0]) == 0
    else:
        target[:] = instruction.compute(*operands)


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
