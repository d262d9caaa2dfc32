"""Whose memory is in the cell: the state split exactly by the token that wrote it.

What a state keeps and what is written to it is read off the form of its equations. With all gates held, its update is
`keep * s + write`, so that

    C_t = Σ_k (Π_{j>k} keep_j) write_k + (Π keep) C_0

Everything is computed in float64; factors are multiplied from the newest back, never by ratios of products. This is
attribution, not causation: the gates depend on earlier tokens too, which gradients show.
"""

from __future__ import annotations

from dataclasses import field, replace
from functools import cached_property

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.buffers import Room
from lstm_tui.engine.compiler.ops import HEAD_OPS, OPS, held, over_heads
from lstm_tui.engine.compiler.program import held_inputs
from lstm_tui.engine.compiler.roles import update_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.expression import Expression, Name, Number, Previous, Product
from lstm_tui.engine.runtime.trace import PassTrace


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
    def held(self) -> Array:
        """Which units held anything before each step, (T, n): of nothing, nothing is kept and nothing lost."""
        before = np.concatenate([self.start[None], self.reached])[: len(self.reached)]
        return np.asarray(before != 0)

    @cached_property
    def sizes(self) -> Array:
        """The sizes of all that is in the state after each step, whoever put it there, (T, n).

        A part that was kept has the size of the part times that of the keep, so the sum needs no parts.
        """
        return self._sizes_from(np.abs(self.start))

    def _sizes_from(self, size: Array) -> Array:
        """Return the sizes after each step where that before the first is known, (T, n)."""
        result = np.empty_like(self.write)
        with quiet():
            put_in = np.abs(self.write) + (0.0 if self.edit is None else np.abs(self.edit))
            keep = np.abs(self.keep)
            if np.isfinite(keep).all():  # of nothing nothing is left by itself
                for part, kept, row in zip(put_in, keep, result, strict=True):
                    size = np.add(np.multiply(kept, size, out=row), part, out=row)
                return result
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


@dataclass(frozen=True, eq=False)
class FlowPart:
    """A stretch of a pass, and what one of its states keeps and is written there.

    Of a pass that is held whole it is all of it. Of one in windows it begins some steps before the place that is looked
    at: what was in the state by then is its start.

    Attributes:
        passed: The pass in that stretch.
        flow: The flow in it.
        first: The place on the whole tape of the stretch's first token.
    """

    passed: PassTrace
    flow: Flow
    first: int = 0

    @property
    def places(self) -> range:
        """The places on the whole tape."""
        return range(self.first, self.first + self.passed.steps)

    def ledger(self, t: int, reached: bool = True, unit: int | None = None) -> Ledger:
        """Return whose memory is in the state after the pass has read a place of the tape, or before it has."""
        steps = self.passed.reading_step(t - self.first) + reached
        return replace(ledger_after(self.passed, self.flow, steps, unit), first=self.first)


def flow_between(passed: PassTrace, state: str, start: int, stop: int) -> FlowPart | None:
    """Return the flow from one step of a pass to before another; None as `flow_of`."""
    part = passed.between(start, stop)
    flow = _flow(passed, state, start, part)
    first = start if passed.direction == "forward" else passed.steps - stop
    return None if flow is None else FlowPart(part, flow, first)


def _flow(whole: PassTrace, state: str, first: int, part: PassTrace | None = None) -> Flow | None:
    """Return the flow behind the first steps of a pass, to its end or that of a part."""
    update = update_of(whole.cell, state)
    if update is None:
        return None
    passed = part or (whole.behind(first) if first else whole)
    reader = _Reader(passed, passed.cell.values.index(state), whole, first)
    shape = passed[state].shape
    try:
        with quiet():
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
        with quiet():
            keep, write = (held(part, modes, factors).astype(np.float64) for part in (keep, write))
        edit = np.where(modes == 1, numbers, 0.0)
    keep, edit = _set_back(passed, state, keep, edit)
    start = passed.initial[state].astype(np.float64)
    epsilon = float(np.finfo(passed[state].dtype).eps)
    return Flow(state, keep, write, start, reader.reading(passed[state]), epsilon, edit)


def _set_back(passed: PassTrace, state: str, keep: Array, edit: Array | None) -> tuple[Array, Array | None]:
    """Return what is kept of a state and what edits put in, (T, n) each, with its resets: nothing is kept over one."""
    places = passed.resets.between(0, passed.steps)
    if not places:
        return keep, edit
    steps = [passed.reading_step(t) for t in places]
    fresh = passed.resets.states[state].astype(np.float64)
    keep = keep.copy()
    if fresh.any():
        edit = np.zeros_like(keep) if edit is None else edit.copy()
        with quiet():
            edit[steps] += np.where(fresh == 0, 0.0, keep[steps] * fresh)
    keep[steps] = 0.0
    return keep, edit


class _NotRecorded(Exception):
    """A part of the update is not in the trace."""


class _Reader:
    """Evaluates an expression at every step at once, from what a trace recorded."""

    def __init__(self, passed: PassTrace, equation: int, whole: PassTrace, first: int) -> None:
        self.passed, self.equation, self.whole, self.first = passed, equation, whole, first

    def reading(self, series: Array) -> Array:
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
            steps = self.first + np.arange(self.passed.steps)
            begun = [0, *sorted(self.whole.reading_step(t) for t in self.whole.resets.between(0, self.whole.steps))]
            steps = (steps - np.array(begun)[np.searchsorted(begun, steps, side="right") - 1])[:, None]
            return np.asarray(np.mod(self.passed.cell.start + steps, arguments[0]) == 0, dtype=np.float64)
        if node.function == "part":
            number, count = (int(one[0]) for one in arguments[1:])
            return np.asarray(np.split(arguments[0], count, axis=-1)[number])
        if node.function == "concat":
            series = [np.broadcast_to(one, (self.passed.steps, one.shape[-1])) for one in arguments]
            return np.concatenate(series, axis=-1)
        if node.function in HEAD_OPS:
            shapes = self.whole.head_shapes
            if node not in shapes:
                raise _NotRecorded
            return over_heads(node.function, shapes[node], *arguments)
        return np.asarray(OPS[node.function].forward(*arguments))

    def _name(self, name: str) -> Array:
        passed = self.passed
        if name in passed.cell.values:
            return self._before(name) if passed.cell.is_previous(name, self.equation) else self._value(name)
        if name in passed.inputs:
            return self.reading(passed.inputs[name])
        fixed = passed.fixed_vector(name)
        if fixed is not None:
            return fixed
        if name in passed.cell.below and passed.name.startswith("layer0."):
            bottom = passed.cell.below[name].bottom  # nothing lies below the lowest layer
            return np.zeros(1) if bottom is None else self.read(bottom.expression)
        return self._parameter(name)

    def _value(self, name: str) -> Array:
        if name not in self.passed:
            raise _NotRecorded
        return self.reading(self.passed[name])

    def _before(self, name: str) -> Array:
        if name not in self.passed:
            raise _NotRecorded
        return self.passed.entering(name).astype(np.float64)

    def _parameter(self, name: str) -> Array:
        program, flat = self.whole.program, self.whole.parameters
        if program is None or flat is None or name not in program.parameters:
            raise _NotRecorded
        return program.view(flat, name).astype(np.float64)


def sum_of(by_token: Array, start: Array, edits: Array | None) -> Array:
    """Return all contributions together, (n,): of each token and of each edit, (T, n), and of the start, (n,)."""
    with quiet():
        put_in = 0.0 if edits is None else edits.sum(axis=0)
        return np.asarray(by_token.sum(axis=0) + start + put_in)


@dataclass(frozen=True, eq=False)
class Ledger:
    """The contributions to a state, or to one unit of it, after some steps of a pass.

    Attributes:
        state: The state.
        by_token: (T, n) in tape order, signed; 0 for tokens the pass has not read yet.
        read: Which tokens the pass has read, (T,).
        start: What is left of the initial state, (n,).
        total: The state as the run recorded it, (n,).
        allowed: By how much rounding may part the sum from it, (n,).
        edits: What is left of what edits put in, by the token at which they did, (T, n); None without any.
        first: The place on the tape of the first of these tokens; where it is not 0, or the tape goes on behind them,
            the start is what was in the state before the pass came to them.
    """

    state: str
    by_token: Array
    read: Array
    start: Array
    total: Array
    allowed: Array
    edits: Array | None = None
    first: int = 0

    def row_of(self, t: int) -> int | None:
        """Return the row of a place on the tape; None where it lies outside these tokens."""
        return t - self.first if 0 <= t - self.first < len(self.read) else None

    @cached_property
    def sum(self) -> Array:
        """All contributions together, (n,); they must be the state."""
        return sum_of(self.by_token, self.start, self.edits)

    @cached_property
    def off(self) -> Array:
        """How far the sum is from the state beyond what rounding explains, (n,); 0 where it holds."""
        with quiet():
            off = np.abs(self.sum - self.total)
        return np.asarray(np.where(off <= self.allowed, 0.0, off))

    @property
    def breach(self) -> float:
        """The largest of `off`; 0 when the sum holds for every unit."""
        return float(self.off.max())

    @cached_property
    def _whole(self) -> float:
        with quiet():
            size = np.abs(self.by_token).sum() + np.abs(self.start).sum()
            return float(size + (0.0 if self.edits is None else np.abs(self.edits).sum()))

    @property
    def is_empty(self) -> bool:
        """Whether the memory holds nothing, of which nothing can have a share."""
        return self._whole == 0

    def shares(self) -> Array:
        """Return each token's share of the memory, (T,).

        With the start and the edits, which are sources too, they sum to 1. A share of nothing is not known: NaN.
        """
        return self._share(np.abs(self.by_token).sum(axis=1))

    def start_share(self) -> float:
        """Return the share of the initial state."""
        return float(self._share(np.abs(self.start).sum()))

    def edit_shares(self) -> Array:
        """Return the share of the edits at each token, (T,)."""
        of_edits = np.zeros(len(self.read)) if self.edits is None else np.abs(self.edits).sum(axis=1)
        return self._share(of_edits)

    def _share(self, size: Array) -> Array:
        with quiet():  # of nothing, and of what is infinite, there is no share: NaN says so
            return np.asarray(size / np.float64(self._whole))


def ledger_at(passed: PassTrace, flow: Flow, t: int, unit: int | None = None) -> Ledger:
    """Return whose memory is in a state after the pass has read place `t` of the tape."""
    return ledger_after(passed, flow, passed.reading_step(t) + 1, unit)


def ledger_after(passed: PassTrace, flow: Flow, steps: int, unit: int | None = None) -> Ledger:
    """Return whose memory is in a state, or in one unit of it, after a pass has taken so many steps."""
    units = slice(None) if unit is None else slice(unit, unit + 1)
    keep, start, reached = flow.keep[:steps, units], flow.start[units], flow.reached[:steps, units]
    with quiet():
        survives = np.ones((steps + 1, keep.shape[1]))
        np.cumprod(keep[::-1], axis=0, out=survives[1:])
        survives = survives[::-1]

        def left(put_in: Array) -> Array:
            by_step = np.zeros((passed.steps, keep.shape[1]))
            by_step[:steps] = np.where(put_in == 0, 0.0, put_in * survives[1:])
            return by_step if passed.direction == "forward" else by_step[::-1]

        by_token = left(flow.write[:steps, units])
        edits = None if flow.edit is None else left(flow.edit[:steps, units])
        of_start = np.where(start == 0, 0.0, start * survives[0])
        largest = np.abs(reached).max(axis=0, initial=0.0)
    largest = np.maximum(np.fmax(largest, np.abs(start)), flow.epsilon)
    read = np.arange(passed.steps) < steps
    return Ledger(
        state=flow.state,
        by_token=by_token,
        read=read if passed.direction == "forward" else read[::-1],
        start=of_start,
        total=reached[-1] if steps else start,
        allowed=4 * (steps + 1) * flow.epsilon * largest,
        edits=edits,
    )


def share_map(
    passed: PassTrace,
    flow: Flow,
    unit: int | None = None,
    tokens: range | None = None,
    places: range | None = None,
) -> Array:
    """Return tokens' shares of the memory after each of some steps: [token, place on the tape].

    A forget gate that closes is a dark edge in it: what stood before it is gone behind it. Of a memory that holds
    nothing they are not known: NaN.

    Args:
        passed: The pass.
        flow: Of one of its states.
        unit: Of which unit, or of all.
        tokens: Whose shares, as places on the tape without gaps; all when None.
        places: After which steps, as places on the tape without gaps; all when None.
    """
    everything = range(passed.steps)
    tokens, places = tokens or everything, places or everything
    forward = passed.direction == "forward"
    rows, columns = (one if forward else _mirrored(one, passed.steps) for one in (tokens, places))
    units = slice(None) if unit is None else slice(unit, unit + 1)
    keep, write = np.abs(flow.keep[:, units]), np.abs(flow.write[:, units])
    whole = flow.sizes[:, units].sum(axis=1)
    result = np.zeros((len(rows), len(columns)))
    with quiet():
        before = columns.start
        held = np.zeros((len(rows), keep.shape[1]))  # what each token has in the memory now
        if rows.start < before:
            survives = np.cumprod(np.concatenate([np.ones_like(keep[:1]), keep[rows.start + 1 : before][::-1]]), axis=0)
            count = min(before, rows.stop) - rows.start
            held[:count] = write[rows.start : rows.start + count] * survives[::-1][:count]
        for column, step in enumerate(columns):
            held *= keep[step]
            if step in rows:
                held[step - rows.start] = write[step]
            result[:, column] = held.sum(axis=1) / whole[step]
    return result if forward else result[::-1, ::-1]


def _mirrored(places: range, steps: int) -> range:
    return range(steps - places.stop, steps - places.start)


def forgotten(passed: PassTrace, flow: Flow, tokens: range, before: int, after: int) -> Array:
    """Return how much of what some tokens wrote each unit loses between two places of the tape, (n,).

    Sizes are taken of the contributions; a unit in which they grow has a negative loss.
    """
    written = slice(tokens.start, tokens.stop)
    sizes = (np.abs(ledger_at(passed, flow, t).by_token[written]).sum(axis=0) for t in (before, after))
    return np.asarray(next(sizes) - next(sizes))


def lost_at(passed: PassTrace, flow: Flow, t: int) -> Array:
    """Return how much of each unit's memory the step at place `t` of the tape has not kept, (n,).

    Kept is what a keep from 0 to 1 leaves: one beyond 1 loses nothing, one below 0 loses all. Of NaN it is NaN.
    """
    step = passed.reading_step(t)
    before = flow.reached[step - 1] if step else flow.start
    with quiet():
        return np.abs(np.where(before == 0, 0.0, before * (1 - np.clip(flow.keep[step], 0, 1))))
