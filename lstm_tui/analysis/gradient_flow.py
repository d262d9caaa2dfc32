"""How far back a memory reaches: the gradient of the present state with respect to earlier ones.

The product of the forget factors says what is still there with the gates held. The gradient also counts how an old
memory changes the gates of later steps. Where the two differ, the memory travels by way of h. The Jacobian of every
step is computed by backward mode for each number of the state, many steps side by side, over the numbers that the run
kept; a gradient over several steps is their product.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lstm_tui.analysis.ledger import flow_between
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import Instruction, Operand, Program, Slot, Space
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import bytes_text
from lstm_tui.engine.runtime.forward import most_bytes
from lstm_tui.engine.runtime.trace import PassTrace

_CHUNK_BYTES = 32 << 20


@dataclass(frozen=True, eq=False)
class StepJacobians:
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


def jacobians(passed: PassTrace, first: int, behind: int, inputs: bool = False) -> StepJacobians:
    """Return the derivatives of the steps `first` to `behind` of a pass, in reading order.

    Args:
        passed: The pass, held as arrays or in windows: its rows are computed again where they were not kept.
        first: The first step.
        behind: The one after the last.
        inputs: Whether those by the input are wanted; else they are empty.

    Raises:
        UserError: If the trace has no network, or the matrices of its steps would not fit into the memory allowed.
    """
    stored = passed.stored
    if stored is None or passed.program is None:
        raise UserError("this trace came from a file without its network: gradients need it")
    program, flat = passed.program, stored.flat.astype(np.float64)
    n = width_of(passed)
    chunk = max(1, _CHUNK_BYTES // (16 * n * program.width))
    needed = 8 * n * (n * (behind - first) + 2 * chunk * program.width)
    if needed > most_bytes():
        raise UserError(
            f"{passed.name} carries {n} numbers from step to step: their gradients through time would take "
            f"{bytes_text(needed)}, and {bytes_text(most_bytes())} is the most"
        )
    parts = []
    with np.errstate(all="ignore"):
        for start in range(first, behind, chunk):
            stop = min(start + chunk, behind)
            rows = stored.window(start, stop).astype(np.float64)
            parts.append(pulled_back(program, flat, rows[:-1], rows[1:], passed.cell.state))
    places, offset = {}, 0
    for state in passed.cell.state:
        size = passed[state].shape[1]
        places[state] = slice(offset, offset + size)
        offset += size
    return StepJacobians(
        first,
        places,
        np.concatenate([part[0] for part in parts]),
        {state: np.concatenate([part[1][state] for part in parts]) for state in passed.cell.state},
        np.concatenate([part[2] for part in parts]) if inputs else np.zeros((behind - first, n, 0)),
    )


def pulled_back(
    program: Program, flat: Array, before: Array, rows: Array, states: Sequence[str]
) -> tuple[Array, dict[str, Array], Array]:
    """Return the derivatives of some steps by what was carried in, by the states as they are within, and by x.

    Args:
        program: What the steps are of.
        flat: Its parameters, in float64.
        before: The row of the step before each, (S, width): its states are read.
        rows: All that each step computed, (S, width).
        states: The states that are carried on, n numbers in all.

    Returns:
        (S, n, n), (S, n, size) by state, and (S, n, I); row i is of number i that is carried on.
    """
    return _Back(program, flat, before, rows, sum(program.values[state].size for state in states)).taken(states)


class _Back:
    """One backward walk through the table: (steps, n, width) adjoints of this row and of the one before."""

    def __init__(self, program: Program, flat: Array, earlier: Array, rows: Array, n: int) -> None:
        self.program, self.flat, self.earlier, self.rows, self.n = program, flat, earlier, rows, n
        self.steps = len(rows)
        self.now = np.zeros((self.steps, n, program.width))
        self.before = np.zeros_like(self.now)

    def taken(self, names: Sequence[str]) -> tuple[Array, dict[str, Array], Array]:
        offset = 0
        for state in names:
            slot = self.program.values[state]
            for k in range(slot.size):
                self.now[:, offset + k, slot.offset + k] = 1
            offset += slot.size
        for one in reversed(self.program.instructions):
            self._pull(one)
        states = [self.program.values[state] for state in names]
        carried = np.concatenate([_at(self.before, slot) for slot in states], axis=2)
        inside = {state: _at(self.now, self.program.values[state]).copy() for state in names}
        return carried, inside, _at(self.now, self.program.inputs["x"]).copy()

    def _pull(self, one: Instruction) -> None:
        d = _at(self.now, one.target)
        if not d.any():
            return
        pieces: tuple[Array | None, ...]
        if one.matrix is not None:
            pieces = (d @ self.program.view(self.flat, one.matrix.name),)
        else:
            result = self._spread(_at(self.rows, one.target))
            pieces = one.pull(d, result, *(self._spread(self._read(operand)) for operand in one.operands))
        for operand, piece in zip(one.operands, pieces, strict=True):
            if piece is None or operand.space == Space.PARAMETER:
                continue
            sink = _at(self.now if operand.space == Space.CURRENT else self.before, operand)
            sink += piece.sum(axis=-1, keepdims=True) if operand.size == 1 and piece.shape[-1] > 1 else piece

    def _read(self, operand: Operand) -> Array:
        if operand.space == Space.PARAMETER:
            return self.flat[None, operand.offset : operand.offset + operand.size]
        return _at(self.rows if operand.space == Space.CURRENT else self.earlier, operand)

    def _spread(self, numbers: Array) -> Array:
        return np.broadcast_to(numbers[:, None, :], (self.steps, self.n, numbers.shape[-1]))


def _at(numbers: Array, slot: Slot | Operand) -> Array:
    return numbers[..., slot.offset : slot.offset + slot.size]


Stop = Callable[[], bool]

GONE, BURST = 0.01, 100.0
"""A gradient is called vanished below the one and exploding above the other; at its own step it is 1."""
MOST_STEPS = 512
_WORK = 1.2e9
"""So many times n³ are taken, about ten seconds; the radius of a step costs some tens of n³."""


@dataclass(frozen=True, eq=False)
class Reach:
    """The gradient of one value at the last step by the same value at each step before, in reading order.

    Attributes:
        value: Which value.
        size: Largest factor by which a small change then changes the state now, over all directions, (S,).
        own: By the same unit: ∂v_T[u] / ∂v_t[u], (S, n).
        unit: Norm of the gradient of each unit now by the whole value then, (S, n).
    """

    value: str
    size: Array
    own: Array
    unit: Array


@dataclass(frozen=True, eq=False)
class LongMemory:
    """How far back one pass reaches from a place on the tape.

    Attributes:
        pass_name: Which pass.
        first: The first step looked at, in reading order.
        last: The step that is asked about, T.
        places: Place on the tape of every step, (S,); the last is that of T.
        memory: Of the cell's memory, C of an LSTM.
        output: Of its output h; the same object where the memory is the output.
        kept: Product of the keeps from each step to T, (S, n); None where the memory is not linear in itself.
        radius: Spectral radius of the Jacobian of each step: how a state is stretched that is stretched again and
            again; (S,), that of the first step included.
    """

    pass_name: str
    first: int
    last: int
    places: tuple[int, ...]
    memory: Reach
    output: Reach
    kept: Array | None
    radius: Array

    @property
    def kept_size(self) -> Array | None:
        """The largest product of keeps over the units, (S,)."""
        return None if self.kept is None else np.abs(self.kept).max(axis=1)


def steps_within(passed: PassTrace) -> int:
    """Return how many steps back are looked at, as many as take some seconds."""
    n = max(width_of(passed), 1)
    return int(min(max(_WORK / n**3, 16), MOST_STEPS))


def long_memory(passed: PassTrace, t: int, stop: Stop | None = None) -> LongMemory:
    """Return how far back a pass reaches from place `t` on the tape.

    Args:
        passed: The pass, held as arrays or in windows.
        t: The place, on the tape.
        stop: Asked now and then; when it says yes nothing is returned but the error.

    Raises:
        UserError: If the trace has no network, or it was stopped.
    """
    last = passed.reading_step(t)
    first = max(0, last + 1 - steps_within(passed))
    steps = jacobians(passed, first, last + 1)
    name = memory_of(passed.cell)
    if name not in steps.places:
        name = passed.cell.state[0]
    shown = passed.cell.output if passed.cell.output in steps.places else name
    values = tuple(dict.fromkeys((name, shown)))
    reaches = {value: _reach(value, steps.places[value], steps.carried, steps.inside[value], stop) for value in values}
    radius = np.full(last + 1 - first, np.nan)
    for number, matrix in enumerate(steps.carried):
        if stop is not None and stop():
            raise UserError("stopped")
        if np.isfinite(matrix).all():
            radius[number] = np.abs(np.linalg.eigvals(matrix)).max()
    part = flow_between(passed, name, first, last + 1)
    kept = None
    if part is not None:
        with np.errstate(all="ignore"):
            after = np.concatenate([part.flow.keep[1:], np.ones((1, part.flow.keep.shape[1]))])
            kept = np.cumprod(after[::-1], axis=0)[::-1]
    return LongMemory(
        pass_name=passed.name,
        first=first,
        last=last,
        places=tuple(passed.tape_place(step) for step in range(first, last + 1)),
        memory=reaches[name],
        output=reaches[shown],
        kept=kept,
        radius=radius,
    )


def _reach(value: str, place: slice, carried: Array, inside: Array, stop: Stop | None) -> Reach:
    steps, n, size = inside.shape
    norm, own, unit = np.full(steps, np.nan), np.full((steps, size), np.nan), np.full((steps, size), np.nan)
    back = np.eye(n)[place]  # (size, n): the value now by what is carried on at the step
    with np.errstate(all="ignore"):
        for step in range(steps - 1, -1, -1):
            if stop is not None and stop():
                raise UserError("stopped")
            whole = back @ inside[step]
            if not np.isfinite(whole).all():
                break
            norm[step] = np.linalg.norm(whole, 2)
            own[step], unit[step] = np.diagonal(whole), np.linalg.norm(whole, axis=1)
            back = back @ carried[step]
    return Reach(value, norm, own, unit)


FADED, GROWN = 0.3, 10.0
"""A gradient that neither vanishes nor explodes fades below the one, and grows above the other."""


def steady_word(size: float) -> str:
    """Return what a gradient does that neither vanishes nor explodes: fades (< 0.3), grows (> 10) or holds."""
    return "fades" if size < FADED else "grows" if size > GROWN else "holds"


def known_from(size: Array) -> int:
    """Return the first step from which on every size is a finite number; the number of steps where the last is none."""
    unknown = np.flatnonzero(~np.isfinite(size))
    return int(unknown[-1]) + 1 if unknown.size else 0


@dataclass(frozen=True)
class Turn:
    """Where a gradient vanishes or explodes on its way back.

    Attributes:
        kind: vanishes or explodes.
        step: The nearest step, among those looked at, from which on it is beyond the bound.
        worst: The step whose taking changes it most, of those of which that is a finite number.
        factor: By how much that step multiplies it; not finite where there is no such step.
    """

    kind: str
    step: int
    worst: int
    factor: float


def turns(size: Array) -> tuple[Turn, ...]:
    """Return where the size of a gradient passes a bound on the way back from the last step.

    Steps before one at which it is not a finite number are not asked about.
    """
    found = []
    known = known_from(size)
    for kind, beyond in (("vanishes", size < GONE), ("explodes", size > BURST)):
        there = known + np.flatnonzero(beyond[known:])
        if not there.size:
            continue
        step = int(there[-1])
        with np.errstate(all="ignore"):
            factors = size[step:-1] / size[step + 1 :]  # of taking step + 1 … the last
        if not factors.size:
            continue
        told = np.isfinite(factors)
        worst = int(
            np.argmin(np.where(told, factors, np.inf))
            if kind == "vanishes"
            else np.argmax(np.where(told, factors, -np.inf))
        )
        found.append(Turn(kind, step, step + 1 + worst, float(factors[worst])))
    return tuple(found)
