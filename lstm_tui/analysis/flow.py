"""What a state keeps and what is written to it at every step, read off a run by the form of its equations."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.expression import Expression, Name, Number, Previous, Product
from lstm_tui.engine.holds import held_inputs
from lstm_tui.engine.ops import OPS, held
from lstm_tui.engine.program import spread
from lstm_tui.engine.roles import update_of
from lstm_tui.engine.room import Room
from lstm_tui.engine.trace import PassTrace

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Flow:
    """What a state keeps and what is written to it at every step, in reading order.

    Attributes:
        state: The state.
        keep: (T, n).
        write: (T, n), all writes together.
        start: The state before the first step, (n,).
        reached: The state after each step as the run recorded it, (T, n).
        epsilon: Rounding unit of the run.
        edit: What edits put in, (T, n); None without one of this state.
        rooms: Where a longer run goes on with these numbers.
    """

    state: str
    keep: Array
    write: Array
    start: Array
    reached: Array
    epsilon: float
    edit: Array | None = None
    rooms: dict[str, Room] = field(default_factory=dict, repr=False)

    @cached_property
    def sizes(self) -> Array:
        """The sizes of all that is in the state after each step, whoever put it there, (T, n).

        A part that was kept has the size of the part times that of the keep, so the sum needs no parts.
        """
        return self._sizes_from(np.abs(self.start))

    def _sizes_from(self, size: Array) -> Array:
        """Return the sizes after each step where that before the first is known, (T, n)."""
        result = np.empty_like(self.write)
        with np.errstate(all="ignore"):
            put_in = np.abs(self.write) + (0.0 if self.edit is None else np.abs(self.edit))
            keep = np.abs(self.keep)
            for step in range(len(result)):
                size = result[step] = _times(keep[step], size) + put_in[step]
        return result

    def gone_on(self, passed: PassTrace) -> Flow | None:
        """Return the flow of a longer run with the same beginning; only what is new of it is read."""
        more = _flow(passed, self.state, len(self.keep))
        if more is None:
            return None
        rooms: dict[str, Room] = {}

        def joined(name: str, first: Array, rest: Array) -> Array:
            room = self.rooms.get(name)
            rooms[name] = room if room is not None and room.used == len(first) else Room(first)
            return np.asarray(rooms[name].put(rest), dtype=np.float64)

        edit = None if self.edit is None or more.edit is None else joined("edit", self.edit, more.edit)
        parts = (joined(name, getattr(self, name), getattr(more, name)) for name in ("keep", "write", "reached"))
        keep, write, reached = parts
        made = Flow(self.state, keep, write, self.start, reached, self.epsilon, edit, rooms)
        made.__dict__["sizes"] = joined("sizes", self.sizes, more._sizes_from(self.sizes[-1]))  # as cached
        return made


def _times(keep: Array, size: Array) -> Array:
    """Return a size after it was kept; of nothing there is nothing left, whatever it is multiplied by."""
    return np.asarray(np.where(size == 0, 0.0, keep * size))


def flow_of(passed: PassTrace, state: str) -> Flow | None:
    """Return what a state keeps and is written, or None where its update is not linear or not recorded."""
    return _flow(passed, state, 0)


def _flow(whole: PassTrace, state: str, first: int) -> Flow | None:
    """Return the flow behind the first steps of a pass."""
    update = update_of(whole.cell, state)
    if update is None:
        return None
    passed = whole.behind(first) if first else whole
    reader = _Reader(passed, passed.cell.values.index(state), whole, first)
    shape = passed[state].shape
    try:
        with np.errstate(all="ignore"):
            keep = np.broadcast_to(reader.read(update.keep), shape)
            write = sum((reader.read(one) for one in update.writes), np.zeros(shape))
    except _NotRecorded:
        return None
    write = np.broadcast_to(write, shape)
    edit = None
    mode, number = (passed.inputs.get(name) for name in held_inputs(state))
    if mode is not None and number is not None:
        modes, numbers = reader.reading(mode), reader.reading(number)
        factors = np.where(modes == 1, 0.0, numbers)
        keep, write = (held(part, modes, factors).astype(np.float64) for part in (keep, write))
        edit = np.where(modes == 1, numbers, 0.0)
    start = passed.initial[state].astype(np.float64)
    epsilon = float(np.finfo(passed[state].dtype).eps)
    return Flow(state, keep, write, start, reader.reading(passed[state]), epsilon, edit)


class _NotRecorded(Exception):
    """A part of the update is not in the trace."""


class _Reader:
    """Evaluates an expression at every step at once, from what a trace recorded."""

    def __init__(self, passed: PassTrace, equation: int, whole: PassTrace, first: int) -> None:
        self.passed, self.equation, self.whole, self.first = passed, equation, whole, first

    def reading(self, series: NDArray[np.floating[Any]]) -> Array:
        """Return a series in the pass's own order, as float64."""
        ordered = series if self.passed.direction == "forward" else series[::-1]
        return ordered.astype(np.float64)

    def read(self, node: Expression) -> Array:
        """Return a node, (T, n), (n,) or (1,)."""
        if isinstance(node, Number):
            return np.array([node.value])
        if isinstance(node, Previous):
            return self._before(node.name)
        if isinstance(node, Name):
            return self._name(node.name)
        if isinstance(node, Product):
            matrix = self._parameter(node.matrix)
            operand = self.read(node.operand)
            return np.asarray(np.broadcast_to(operand, (*operand.shape[:-1], matrix.shape[1])) @ matrix.T)
        arguments = [self.read(argument) for argument in node.arguments]
        if node.function == "every":
            steps = self.first + np.arange(self.passed.steps)[:, None]
            return np.asarray(np.mod(steps, arguments[0]) == 0, dtype=np.float64)
        if node.function == "part":
            number, count = (int(one[0]) for one in arguments[1:])
            return np.asarray(np.split(arguments[0], count, axis=-1)[number])
        if node.function == "concat":
            series = [np.broadcast_to(one, (self.passed.steps, one.shape[-1])) for one in arguments]
            return np.concatenate(series, axis=-1)
        return np.asarray(OPS[node.function].forward(*arguments))

    def _name(self, name: str) -> Array:
        passed = self.passed
        if name in passed.cell.values:
            return self._before(name) if passed.cell.is_previous(name, self.equation) else self._value(name)
        if name in passed.inputs:
            return self.reading(passed.inputs[name])
        if name in passed.cell.fixed:
            return spread(passed.cell.fixed[name], passed.hidden_size)
        if name in passed.cell.below and passed.name.startswith("layer0."):
            bottom = passed.cell.below[name].bottom  # nothing lies below the lowest layer
            return np.zeros(1) if bottom is None else self.read(bottom.expression)
        return self._parameter(name)

    def _value(self, name: str) -> Array:
        if name not in self.passed:
            raise _NotRecorded
        return self.reading(self.passed[name])

    def _before(self, name: str) -> Array:
        after = self._value(name)
        return np.concatenate([self.passed.initial[name].astype(np.float64)[None, :], after[:-1]])

    def _parameter(self, name: str) -> Array:
        program, flat = self.whole.program, self.whole.parameters
        if program is None or flat is None or name not in program.parameters:
            raise _NotRecorded
        return program.view(flat, name).astype(np.float64)
