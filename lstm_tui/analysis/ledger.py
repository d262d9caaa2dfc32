"""Whose memory is in the cell: the state split exactly by the token that wrote it.

With all gates held, a state's update is `keep * s + writes`, so that

    C_t = Σ_k (Π_{j>k} keep_j) write_k + (Π keep) C_0

Everything is computed in float64 as a recurrence, never by ratios of products. This is accounting, not
cause: the gates depend on earlier tokens too, which gradients show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.expression import Expression, Name, Number, Previous, Product
from lstm_tui.engine.holds import held_inputs
from lstm_tui.engine.ops import OPS, held
from lstm_tui.engine.program import spread
from lstm_tui.engine.roles import update_of
from lstm_tui.engine.trace import PassTrace

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Flow:
    """What a state keeps and what is written to it at every step, in reading order.

    Attributes:
        state: The state.
        keep: (T, n).
        write: (T, n), all writes together.
        edit: What edits put in, (T, n); None without one of this state.
        start: The state before the first step, (n,).
        reached: The state after each step as the run recorded it, (T, n).
        epsilon: Rounding unit of the run.
    """

    state: str
    keep: Array
    write: Array
    start: Array
    reached: Array
    epsilon: float
    edit: Array | None = None


@dataclass(frozen=True, eq=False)
class Ledger:
    """The contributions to a state after one step of a pass.

    Attributes:
        state: The state.
        t: Place on the tape.
        by_token: (T, n) in tape order, signed; 0 for tokens the pass has not read yet.
        start: What is left of the initial state, (n,).
        edits: What is left of what edits put in, by the token at which they did, (T, n); None without any.
        total: The state as the run recorded it, (n,).
        breach: How far the sum is from it beyond what rounding explains, over all units; 0 when it holds.
    """

    state: str
    t: int
    by_token: Array
    start: Array
    total: Array
    breach: float
    edits: Array | None = None

    def shares(self, unit: int | None = None) -> Array:
        """Return each token's share of the memory of one unit, or of all, (T,).

        With the start and the edits, which are sources too, they sum to 1; of nothing every share is 0.
        """
        units = slice(None) if unit is None else slice(unit, unit + 1)
        token = np.abs(self.by_token[:, units]).sum(axis=1)
        total = token.sum() + np.abs(self.start[units]).sum()
        if self.edits is not None:
            total += np.abs(self.edits[:, units]).sum()
        return np.asarray(token / total if total > 0 else np.zeros_like(token))


def flow_of(passed: PassTrace, state: str) -> Flow | None:
    """Return what a state keeps and is written, or None where its update is not linear or not recorded."""
    update = update_of(passed.cell, state)
    if update is None:
        return None
    reader = _Reader(passed, passed.cell.values.index(state))
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


def ledger_at(passed: PassTrace, flow: Flow, t: int) -> Ledger:
    """Return whose memory is in a state after the pass has read place `t` of the tape."""
    step = passed.reading_step(t)
    by_step = np.zeros_like(flow.write)
    edits = None if flow.edit is None else np.zeros_like(flow.write)
    left = np.ones(flow.write.shape[1])
    with np.errstate(all="ignore"):
        for k in range(step, -1, -1):
            by_step[k] = left * flow.write[k]
            if edits is not None and flow.edit is not None:
                edits[k] = left * flow.edit[k]
            left = left * flow.keep[k]
        start = np.where(flow.start == 0, 0.0, left * flow.start)
        total = flow.reached[step]
        put_in = 0.0 if edits is None else edits.sum(axis=0)
        off = np.abs(by_step.sum(axis=0) + start + put_in - total)
        allowed = 4 * (step + 1) * flow.epsilon * max(float(np.abs(flow.reached[: step + 1]).max()), flow.epsilon)
    breach = float(off.max()) if not np.all(off <= allowed) else 0.0
    on_tape = slice(None, None, 1 if passed.direction == "forward" else -1)
    return Ledger(flow.state, t, by_step[on_tape], start, total, breach, None if edits is None else edits[on_tape])


def share_map(passed: PassTrace, flow: Flow, unit: int | None = None) -> Array:
    """Return every token's share of the memory after every step, (T, T): [token, place on the tape].

    A forget gate that closes is a wall in it: what stood to its left is gone on its right.
    """
    units = slice(None) if unit is None else slice(unit, unit + 1)
    steps = len(flow.keep)
    keep, write = flow.keep[:, units], flow.write[:, units]
    held_at = np.zeros_like(write)  # what each token has in the memory now
    others = np.abs(flow.start[units])
    edit = None if flow.edit is None else np.zeros_like(write)
    result = np.zeros((steps, steps))
    with np.errstate(all="ignore"):
        for step in range(steps):
            held_at[:step] *= keep[step]
            others = others * np.abs(keep[step])
            held_at[step] = write[step]
            total = np.abs(held_at[: step + 1]).sum() + others.sum()
            if edit is not None and flow.edit is not None:
                edit[:step] *= keep[step]
                edit[step] = flow.edit[step][units]
                total += np.abs(edit[: step + 1]).sum()
            if total > 0:
                result[: step + 1, step] = np.abs(held_at[: step + 1]).sum(axis=1) / total
    return result if passed.direction == "forward" else result[::-1, ::-1]


class _NotRecorded(Exception):
    """A part of the update is not in the trace."""


class _Reader:
    """Evaluates an expression at every step at once, from what a trace recorded."""

    def __init__(self, passed: PassTrace, equation: int) -> None:
        self.passed, self.equation = passed, equation

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
            steps = np.arange(self.passed.steps)[:, None]
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
        program, flat = self.passed.program, self.passed.parameters
        if program is None or flat is None or name not in program.parameters:
            raise _NotRecorded
        return program.view(flat, name).astype(np.float64)
