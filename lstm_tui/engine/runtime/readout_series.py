"""Readouts are evaluated here: every op at once over a whole series of tokens, and back.

A value is a *series*, (T, n), or *single*, (n,). What is read from the passes is a series; an op over the
steps makes it single; anything with a series among its operands is one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import Instruction, Operand, Program, Slot, Space
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.blocked_product import blocked_product


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Every slot of a readout.

    Attributes:
        program: What was evaluated.
        flat: With which parameters.
        rows: Slots that are series, (T, width).
        single: Slots that are single, (width,); their rows hold the same at every token.
        is_series: Which is which, (width,).
    """

    program: Program
    flat: Array
    rows: Array
    single: Array
    is_series: Array

    def read(self, slot: Slot | Operand) -> Array:
        """Return a slot, (T, n) or (n,); what a `concat` makes of both kinds is a series."""
        place = slice(slot.offset, slot.offset + slot.size)
        return self.rows[:, place] if self.is_series[place].any() else self.single[place]

    def operand(self, operand: Operand) -> Array:
        """Return what an op reads."""
        if operand.space == Space.PARAMETER:
            return self.flat[operand.offset : operand.offset + operand.size]
        return self.read(operand)

    def spread(self, operand: Operand) -> Array:
        """Return what an op over the steps reads, (T, n): what is the same at every token is written out."""
        series = self.operand(operand)
        return np.broadcast_to(series, (len(self.rows), series.shape[0])) if series.ndim == 1 else series

    @property
    def values(self) -> dict[str, Array]:
        """Every named value."""
        return {name: self.read(slot) for name, slot in self.program.values.items()}


def evaluate(program: Program, flat: Array, inputs: Mapping[str, Array]) -> Evaluated:
    """Evaluate a readout over its inputs, (T, n) each in tape order."""
    return evaluate_part(program, flat, inputs)


def evaluate_part(
    program: Program,
    flat: Array,
    inputs: Mapping[str, Array],
    singles: Mapping[int, Array] | None = None,
    series: Mapping[int, Array] | None = None,
    upto: int | None = None,
) -> Evaluated:
    """Evaluate a readout over some tokens of a longer tape, or over all of it.

    Args:
        program: The readout.
        flat: Its parameters.
        inputs: What it reads, (T, n) each, of these tokens.
        singles: What ops over the steps give over the whole tape, (n,), by the number of their instruction.
        series: Those that have a number for every token, (T, n), of these tokens.
        upto: The instruction before which to stop; None for all of them.
    """
    steps = len(next(iter(inputs.values())))
    result = Evaluated(
        program,
        flat,
        np.empty((steps, program.width), dtype=flat.dtype),
        np.zeros(program.width, dtype=flat.dtype),
        np.zeros(program.width, dtype=np.bool_),
    )
    for name, slot in program.inputs.items():
        result.rows[:, slot.offset : slot.offset + slot.size] = inputs[name]
        result.is_series[slot.offset : slot.offset + slot.size] = True
    known = {**(singles or {}), **(series or {})}
    with np.errstate(all="ignore"):
        for number, one in enumerate(program.instructions[:upto]):
            place = slice(one.target.offset, one.target.offset + one.target.size)
            target = result.rows[:, place]
            numbers = known[number] if number in known else _forward(result, one, target)
            if numbers is not target:
                target[...] = numbers
            if numbers.ndim == 2:
                result.is_series[place] = True
            else:
                result.single[place] = numbers
    return result


def steps_needed(program: Program) -> tuple[int, ...]:
    """Return the numbers of the instructions that are over the steps of the whole tape, in their order."""
    return tuple(number for number, one in enumerate(program.instructions) if one.steps is not None)


def _forward(evaluated: Evaluated, one: Instruction, rows: Array) -> Array:
    """Return what an op yields; a product of a series is put into its rows."""
    operands = [evaluated.operand(operand) for operand in one.operands]
    if one.steps is not None:
        # What is the same at every token is its own mean, first and last; it is written out as a series.
        return one.steps.forward(evaluated.spread(one.operands[0]))
    if one.matrix is not None:
        block = evaluated.program.view(evaluated.flat, one.matrix.name).T
        if operands[0].ndim == 2:
            return blocked_product(operands[0], block, 0, None, rows)
        found: Array = blocked_product(operands[0][None, :], block)[0]
        return found
    return one.op.forward(*operands)


@one_thread
def pull(evaluated: Evaluated, outside: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
    """Back-propagate through a readout.

    Args:
        evaluated: What was computed.
        outside: The gradient of the loss by named values, in their shapes.

    Returns:
        The gradient by the flat parameters and by each input, (T, n).
    """
    program, flat = evaluated.program, evaluated.flat
    rows, single = np.zeros_like(evaluated.rows), np.zeros_like(evaluated.single)
    gradient = np.zeros_like(flat)
    adjoint = Evaluated(program, gradient, rows, single, evaluated.is_series)
    for name, numbers in outside.items():
        sink = adjoint.read(program.values[name])
        sink += numbers
    with np.errstate(all="ignore"):
        for one in reversed(program.instructions):
            _pull(evaluated, adjoint, one)
    return gradient, {name: adjoint.read(slot) for name, slot in program.inputs.items()}


def _pull(evaluated: Evaluated, adjoint: Evaluated, one: Instruction) -> None:
    d = adjoint.read(one.target)
    if d.ndim == 1:  # what reached it as a part of a series counts as well
        d = d + adjoint.rows[:, one.target.offset : one.target.offset + one.target.size].sum(axis=0)
    operands = [evaluated.operand(operand) for operand in one.operands]
    pieces: tuple[Array | None, ...]
    if one.steps is not None:
        series = operands[0]
        if series.ndim == 1:
            series = np.broadcast_to(series, (len(evaluated.rows), series.shape[0]))
        pieces = (one.steps.backward(d, evaluated.read(one.target), series),)
    elif one.matrix is not None:
        weights = evaluated.program.view(evaluated.flat, one.matrix.name)
        sink = evaluated.program.view(adjoint.flat, one.matrix.name)
        sink += np.atleast_2d(d).T @ np.atleast_2d(operands[0])
        pieces = (d @ weights,)
    else:
        pieces = one.op.backward(d, evaluated.read(one.target), *operands)
    for operand, numbers, piece in zip(one.operands, operands, pieces, strict=True):
        if piece is not None:
            sink = adjoint.operand(operand)
            sink += _unspread(piece, numbers.shape)


def _unspread(piece: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which its operand was spread."""
    if len(shape) == 1 and piece.ndim == 2:
        piece = piece.sum(axis=0)
    if shape[-1] == 1 and piece.shape[-1] > 1:
        piece = piece.sum(axis=-1, keepdims=True)
    return piece
