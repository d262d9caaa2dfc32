"""The step of one pass with its input held: from the state before a token to the state behind it, and its Jacobian.

The step is that of the run, its parameters and its input in float64; a value that an edit holds at this token stays
held. All states of a cell are one vector, one behind the other.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lstm_tui.analysis.gradient_flow import pulled_back
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Instruction, Operand, Program, Slot, Space
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.trace import PassTrace

_CHUNK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class StepMap:
    """One step of a pass, its input held.

    Attributes:
        program: What the step is of.
        flat: Its parameters, in float64.
        row: A row of storage in which the inputs are in place, (width,).
        clock: Steps since the states were last set back, for `every`; held as well.
        places: Where each state lies in the vector of them all, n numbers.
    """

    program: Program
    flat: Array
    row: Array
    clock: int
    places: Mapping[str, slice]

    @property
    def width(self) -> int:
        """How many numbers a state has, n."""
        return max(int(place.stop) for place in self.places.values())

    @property
    def has_clock(self) -> bool:
        """Whether the step is another at another number of it: a fixed point is one of this step alone."""
        return any(one.op.code == Code.EVERY for one in self.program.instructions)

    def step(self, states: Array) -> Array:
        """Return the states behind a step, (S, n), from those before it."""
        before, rows = self._rows(states)
        return self._states(self._taken(before, rows))

    def jacobians(self, states: Array) -> Array:
        """Return the derivative of the state behind a step by the state before, (S, n, n), at each of some states."""
        n = self.width
        found = np.empty((len(states), n, n))
        size = max(1, _CHUNK_BYTES // (16 * n * self.program.width))
        for start in range(0, len(states), size):
            before, rows = self._rows(states[start : start + size])
            rows = self._taken(before, rows)
            carried, _, _ = pulled_back(self.program, self.flat, before, rows, tuple(self.places))
            found[start : start + size] = carried
        return found

    def _rows(self, states: Array) -> tuple[Array, Array]:
        """Return rows of the step before, in which the states lie, and rows of this one, in which the inputs do."""
        before = np.zeros((len(states), self.program.width))
        for name, place in self.places.items():
            slot = self.program.values[name]
            before[:, slot.offset : slot.offset + slot.size] = states[:, place]
        return before, np.repeat(self.row[None], len(states), axis=0)

    def _taken(self, before: Array, rows: Array) -> Array:
        with np.errstate(all="ignore"):
            for one in self.program.instructions:
                _at(rows, one.target)[...] = self._value(one, before, rows)
        return rows

    def _value(self, one: Instruction, before: Array, rows: Array) -> Array:
        operands = [self._read(operand, before, rows) for operand in one.operands]
        if one.matrix is not None:
            return np.asarray(operands[0] @ self.program.view(self.flat, one.matrix.name).T)
        if one.op.code == Code.EVERY:
            return np.asarray(np.mod(self.clock, operands[0]) == 0)
        return one.compute(*operands)

    def _read(self, operand: Operand, before: Array, rows: Array) -> Array:
        if operand.space == Space.PARAMETER:
            return self.flat[None, operand.offset : operand.offset + operand.size]
        return _at(rows if operand.space == Space.CURRENT else before, operand)

    def _states(self, rows: Array) -> Array:
        return np.concatenate([_at(rows, self.program.values[name]) for name in self.places], axis=1)


def _at(rows: Array, slot: Slot | Operand) -> Array:
    return rows[:, slot.offset : slot.offset + slot.size]


def step_map(passed: PassTrace, t: int) -> StepMap:
    """Return the step of a pass at place `t` of the tape, its input held.

    Raises:
        UserError: The trace has no network.
    """
    stored = passed.stored
    if stored is None:
        raise UserError("this trace came from a file without its network: its step cannot be taken again")
    program, number = stored.program, passed.reading_step(t)
    row = np.zeros(program.width)
    for name, slot in program.inputs.items():
        if name in stored.inputs:
            row[slot.offset : slot.offset + slot.size] = stored.inputs[name][number]
    places, offset = {}, 0
    for name in passed.cell.state:
        size = program.values[name].size
        places[name] = slice(offset, offset + size)
        offset += size
    return StepMap(program, program.cast(stored.flat, np.dtype(np.float64)), row, passed.ticks(t), places)


def states_at(passed: PassTrace, places: Mapping[str, slice], steps: range) -> Array:
    """Return all states of a pass as one vector before each of some steps in reading order, (S, n), in float64."""
    found = np.empty((len(steps), max(place.stop for place in places.values())))
    for row, step in zip(found, steps, strict=True):
        before = passed.state_before(step)
        for name, place in places.items():
            row[place] = before[name]
    return found
