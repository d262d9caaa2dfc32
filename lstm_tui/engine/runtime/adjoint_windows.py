"""The gradient by what a pass in windows computes: taken back a span at a time, and computed again where it is read.

What the steps behind a span give back to it is kept for each span, as the states are kept on the way forward; with the
rows of the span, which come from the states, that gives the gradient by every slot in it once more, with the same bits.
Spans are those of a pass that is held whole (`storage.backprop_pass`), counted from its end.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import aligned
from lstm_tui.engine.compiler.program import Slot, Space
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.storage import Stored, backprop_span, backprop_steps, finish_parameters
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, as_array, joined
from lstm_tui.engine.runtime.windows import WindowRoom


class AdjointWindows:
    """The gradient of a loss by every slot of one pass, in its reading order; nothing is computed before it is read.

    Attributes:
        stored: The pass.
        steps: Its steps, T.
        taken: Steps that were gone back through, from the end on.
        gradient: That by the flat parameters, as far as that.
    """

    def __init__(self, stored: Stored, outside: Mapping[str, Array], room: WindowRoom, matrices: bool) -> None:
        """Compute nothing yet.

        Args:
            stored: A pass that is held in windows.
            outside: The gradient of the loss by named values, (T, n) each in reading order: arrays or series.
            room: Where spans are held.
            matrices: Whether the gradient by the matrices is wanted.
        """
        self.stored, self.steps = stored, stored.steps
        self._outside, self._room, self._matrices = outside, room, matrices
        self._span = backprop_steps(stored)
        self._count = -(-self.steps // self._span)
        self._carried = _carried_places(stored)
        self._behind = np.zeros((self._count + 1, len(self._carried)), stored.flat.dtype)
        self._known = 1  # spans of which it is known what comes back to them
        self.gradient = aligned(stored.flat.shape, stored.flat.dtype)
        self.gradient[:] = 0
        self._turn = threading.RLock()

    @property
    def taken(self) -> int:
        """How many steps were gone back through."""
        return min((self._known - 1) * self._span, self.steps)

    def finish(self, progress: Progress | None = None) -> None:
        """Go back to the first step.

        Args:
            progress: Called with the steps done and the steps in all; what it raises ends this, and nothing is lost.
        """
        while self.taken < self.steps:
            self.advance()
            if progress is not None:
                progress(self.taken, self.steps)

    def of_value(self, name: str) -> Array:
        """Return the gradient by a named value, (T, n)."""
        return self._series(self.stored.program.values[name])

    def of_input(self, name: str) -> Array:
        """Return the gradient by an input, (T, n)."""
        return self._series(self.stored.program.inputs[name])

    def of_slots(self) -> Array:
        """Return the gradient by every slot, (T + 1, width): the row before the first step comes first."""
        width, dtype = self.stored.program.width, self.stored.flat.dtype

        def read(start: int, stop: int) -> Array:
            rows = self._read(max(start - 1, 0), max(stop - 1, 0))
            return rows if start else np.concatenate([self._span_rows(self._count - 1)[:1], rows])[:stop]

        return as_array(WindowedSeries(read, self.steps + 1, (width,), dtype))

    def _series(self, slot: Slot) -> Array:
        place = slice(slot.offset, slot.offset + slot.size)
        read = WindowedSeries(lambda a, b: self._read(a, b)[:, place], self.steps, (slot.size,), self.stored.flat.dtype)
        return as_array(read)

    def _read(self, start: int, stop: int) -> Array:
        """Return the rows of some steps, (stop - start, width); spans are counted from the end."""
        backwards = joined(
            lambda number: self._span_rows(number)[:0:-1], self._span, self.steps - stop, self.steps - start
        )
        return backwards[::-1]

    def _span_rows(self, number: int) -> Array:
        """Return the rows of a span, the one before it first."""
        while number >= self._known:
            self.advance()
        held = self._room.get(self, number)
        return self._taken(number, np.zeros_like(self.gradient), False) if held is None else held["rows"]

    def advance(self) -> None:
        """Go back through one more span."""
        with self._turn:
            number = self._known - 1
            if number >= self._count:
                return
            before = self._taken(number, self.gradient, self._matrices)[0]
            self._behind[number + 1] = before[self._carried]
            if number == self._count - 1:
                finish_parameters(self.stored, self.gradient, before)
            self._known += 1

    @one_thread
    def _taken(self, number: int, gradient: Array, matrices: bool) -> Array:
        stop = self.steps - number * self._span
        base = max(0, stop - self._span)
        behind = np.zeros(self.stored.program.width, self.stored.flat.dtype)
        behind[self._carried] = self._behind[number]
        rows = aligned((stop - base + 1, len(behind)), behind.dtype)
        with np.errstate(all="ignore"):
            backprop_span(self.stored, self._outside, base, stop, behind, rows, gradient, matrices)
        self._room.put(self, number, {"rows": rows})
        return rows


def _carried_places(stored: Stored) -> Array:
    """Return the places of a row that the next step reads, and the gradient comes back to."""
    carried = np.zeros(stored.program.width, np.bool_)
    for one in stored.program.instructions:
        for operand in one.operands:
            if operand.space == Space.PREVIOUS:
                carried[operand.offset : operand.offset + operand.size] = True
    return np.flatnonzero(carried)
