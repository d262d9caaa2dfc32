"""The Jacobian of every step of a pass: how what is carried on depends on what was carried in, gates and all.

One step is differentiated backwards for every number that is carried on at once, and many steps side by side, over
the numbers the run kept. Whoever wants it over several steps multiplies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.program import Instruction, Operand, Program, Slot, Space
from lstm_tui.engine.trace import PassTrace

Array = NDArray[np.float64]
_CHUNK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class Steps:
    """Derivatives of some steps of one pass, S of them in reading order; n numbers are carried on.

    Attributes:
        first: Number of the first of them, in reading order.
        places: Where each state lies among the n numbers.
        carried: By what was carried in, (S, n, n): row i is of number i that is carried on.
        inside: By a state as it is within the step, (S, n, its size): by C of an LSTM, its way through h included.
        by_x: By the input, (S, n, I).
    """

    first: int
    places: dict[str, slice]
    carried: Array
    inside: dict[str, Array]
    by_x: Array


def width_of(passed: PassTrace) -> int:
    """Return how many numbers a pass carries on from step to step."""
    return sum(passed[state].shape[1] for state in passed.cell.state)


def jacobians(passed: PassTrace, first: int, behind: int, inputs: bool = False) -> Steps:
    """Return the derivatives of the steps `first` to `behind` of a pass, in reading order.

    Args:
        passed: The pass, of a run whose rows were kept.
        first: The first step.
        behind: The one after the last.
        inputs: Whether those by the input are wanted; else they are empty.

    Raises:
        UserError: If the trace has no network, or the run was too long for its rows to be kept.
    """
    stored = passed.stored
    if stored is None or passed.program is None:
        raise UserError("this trace came from a file without its network: gradients need it")
    if stored.rows is None:
        raise UserError("this run is too long for its gradients: open a part of the file")
    program, flat = passed.program, stored.flat.astype(np.float64)
    n = width_of(passed)
    chunk = max(1, _CHUNK_BYTES // (16 * n * program.width))
    parts = []
    with np.errstate(all="ignore"):
        for start in range(first, behind, chunk):
            stop = min(start + chunk, behind)
            parts.append(_Back(program, flat, stored.rows[start : stop + 1].astype(np.float64), n).taken(passed))
    places, offset = {}, 0
    for state in passed.cell.state:
        size = passed[state].shape[1]
        places[state] = slice(offset, offset + size)
        offset += size
    return Steps(
        first,
        places,
        np.concatenate([part[0] for part in parts]),
        {state: np.concatenate([part[1][state] for part in parts]) for state in passed.cell.state},
        np.concatenate([part[2] for part in parts]) if inputs else np.zeros((behind - first, n, 0)),
    )


class _Back:
    """One backward walk through the table: (steps, n, width) adjoints of this row and of the one before."""

    def __init__(self, program: Program, flat: Array, rows: Array, n: int) -> None:
        self.program, self.flat, self.rows, self.n = program, flat, rows, n
        self.steps = len(rows) - 1
        self.now = np.zeros((self.steps, n, program.width))
        self.before = np.zeros_like(self.now)

    def taken(self, passed: PassTrace) -> tuple[Array, dict[str, Array], Array]:
        offset = 0
        for state in passed.cell.state:
            slot = self.program.values[state]
            for k in range(slot.size):
                self.now[:, offset + k, slot.offset + k] = 1
            offset += slot.size
        for one in reversed(self.program.instructions):
            self._pull(one)
        states = [self.program.values[state] for state in passed.cell.state]
        carried = np.concatenate([_at(self.before, slot) for slot in states], axis=2)
        inside = {state: _at(self.now, self.program.values[state]).copy() for state in passed.cell.state}
        return carried, inside, _at(self.now, self.program.inputs["x"]).copy()

    def _pull(self, one: Instruction) -> None:
        d = _at(self.now, one.target)
        if not d.any():
            return
        pieces: tuple[NDArray[Any] | None, ...]
        if one.matrix is not None:
            pieces = (d @ self.program.view(self.flat, one.matrix.name),)
        else:
            result = self._spread(_at(self.rows[1:], one.target))
            pieces = one.op.backward(d, result, *(self._spread(self._read(operand)) for operand in one.operands))
        for operand, piece in zip(one.operands, pieces, strict=True):
            if piece is None or operand.space == Space.PARAMETER:
                continue
            sink = _at(self.now if operand.space == Space.CURRENT else self.before, operand)
            sink += piece.sum(axis=-1, keepdims=True) if operand.size == 1 and piece.shape[-1] > 1 else piece

    def _read(self, operand: Operand) -> Array:
        if operand.space == Space.PARAMETER:
            return self.flat[None, operand.offset : operand.offset + operand.size]
        return _at(self.rows[1:] if operand.space == Space.CURRENT else self.rows[:-1], operand)

    def _spread(self, numbers: Array) -> Array:
        return np.broadcast_to(numbers[:, None, :], (self.steps, self.n, numbers.shape[-1]))


def _at(numbers: Array, slot: Slot | Operand) -> Array:
    return numbers[..., slot.offset : slot.offset + slot.size]
