"""What is read of a memory that is a matrix, split exactly by the token that wrote it.

The memory after a step is a linear map of the memory before, and what the step itself puts in. That map is taken from
the instruction table, number by number: what keeps, and what a delta rule erases under its key. All else is held, as
in the ledger. What every token wrote is carried through these maps, so that

    S_t = Σ_k (what is left of the write of k) + (what is left of S_0),

and a read `S @ q` splits in the same way. What a step puts in is what the map leaves unexplained, so the sum is the
memory of the run to rounding, whatever is held. Everything is computed in float64.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.ledger import Ledger, flow_between, sum_of
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Instruction, Operand, Program, Slot, Space, held_inputs
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.blocked_product import BLOCK
from lstm_tui.engine.runtime.trace import PassTrace

MOST_NUMBERS = 400_000_000
"""Numbers carried through all steps of a run that are split: about so many sums are a second or two."""
NEAR = 1e-5
"""Part of the sizes that are summed up to which the sum is the read."""
_LINEAR_IN_ONE = frozenset({Code.MUL, Code.DOT, Code.OUTER, Code.READ, Code.WEIGHTED})
_LINEAR = frozenset({
    Code.COPY, Code.NEG, Code.ADD, Code.SUB, Code.SUM, Code.MEAN, Code.BY_HEAD, Code.BY_ROW, Code.BY_COLUMN,
    Code.EACH_HEAD, Code.SUM_HEADS, Code.MEAN_HEADS,
})  # fmt: skip


@dataclass(frozen=True)
class ReadPlace:
    """Where the memory is read.

    Attributes:
        memory: The state that is read.
        instruction: The op that reads it.
        is_new: Whether the memory after the step is read, not that before.
    """

    memory: str
    instruction: Instruction
    is_new: bool


@dataclass(frozen=True, eq=False)
class ReadSplit:
    """A read of a memory at one step, by the token that wrote what is read.

    Attributes:
        value: Whose equation reads it.
        memory: The state that is read.
        text: The read as the screen writes it, such as `S·q`.
        by_token: (T, n) in tape order, signed; 0 for tokens that have not been read.
        start: What is read of the initial state, (n,).
        edits: What is read of what edits put in, by the token at which they did, (T, n); None without any.
        total: The read itself, from the memory that the run recorded, (n,).
        erased: How much of what each token had in the memory this step took out under its key, beyond what its gate
            lets go: sum of sizes, (T,); None where the memory has no gate that keeps each number by itself.
        held: How much each token had in the memory before this step, sum of sizes, (T,).
    """

    value: str
    memory: str
    text: str
    by_token: Array
    start: Array
    edits: Array | None
    total: Array
    erased: Array | None
    held: Array

    def ledger(self, unit: int, read: Array) -> Ledger:
        """Return the ledger of one unit of the read; `read` says which tokens the pass has read, (T,)."""
        which = slice(unit, unit + 1)
        with quiet():
            size = np.abs(self.by_token[:, which]).sum(axis=0) + np.abs(self.start[which])
        edits = None if self.edits is None else self.edits[:, which]
        by_token, start, total = self.by_token[:, which], self.start[which], self.total[which]
        return Ledger(self.text, by_token, read, start, total, NEAR * size, edits)

    @property
    def sum(self) -> Array:
        """All contributions together, (n,); they must be the read."""
        return sum_of(self.by_token, self.start, self.edits)

    @property
    def parts(self) -> Array:
        """Which part of the read each token wrote, signed, (T,): of its length, what lies along it.

        With those of the start and of edits they add up to 1; NaN of a read that is 0.
        """
        with quiet():
            return np.asarray((self.by_token @ self.total) / (self.total @ self.total))

    @property
    def off(self) -> float:
        """How far the sum is from the read, as a part of the sizes that are summed; NaN where they are not finite."""
        with quiet():
            size = np.abs(self.by_token).sum(axis=0) + np.abs(self.start)
            gap = np.abs(self.sum - self.total)
            return float((gap / np.maximum(size, 1e-30)).max(initial=0.0)) if gap.any() else 0.0


def read_places(passed: PassTrace, new: bool = False) -> dict[str, ReadPlace]:
    """Return where values of a pass read a state that is a matrix, by the value; none of a run read from a file.

    Args:
        passed: The pass.
        new: Only those that read the memory as the step leaves it.
    """
    program = passed.program
    if program is None:
        return {}
    found: dict[str, ReadPlace] = {}
    entering = _entering(program)
    for one in program.instructions:
        if one.op.code not in (Code.READ, Code.WEIGHTED) or one.equation < 0:
            continue
        value, operand = passed.cell.values[one.equation], one.operands[0]
        for state in program.matrices:
            if state not in passed.cell.state or state == value:
                continue
            if program.values[state].offset == operand.offset:
                found.setdefault(value, ReadPlace(state, one, operand.space == Space.CURRENT))
            elif entering.get(state) == operand.offset:
                found.setdefault(value, ReadPlace(state, one, False))
    return {value: place for value, place in found.items() if place.is_new or not new}


def _entering(program: Program) -> dict[str, int]:
    """Return where states lie in a row as the step finds them, of those that an edit sets back."""
    holds = [one for one in program.instructions if one.holds_entering]
    first = {one.operands[0].offset: one.target.offset for one in holds}
    return {state: first[slot.offset] for state, slot in program.values.items() if slot.offset in first}


def split_read(passed: PassTrace, value: str, t: int, most: int | None = None) -> ReadSplit:
    """Split what a value reads of a memory at a place of the tape.

    Args:
        passed: The pass.
        value: Whose equation reads the memory.
        t: The place.
        most: Numbers that may be carried through its steps; `MOST_NUMBERS` when None.

    Raises:
        UserError: It reads none, the run is of a file, or it is too long for this.
    """
    program, stored = passed.program, passed.stored
    if program is None or stored is None:
        raise UserError("this trace came from a file without its network, and a read is split by its ops")
    place = read_places(passed).get(value)
    if place is None:
        readers = ", ".join(read_places(passed))
        there = f": there are {readers}" if readers else ""
        raise UserError(f"{value} reads no memory that is a matrix{there}")
    last = passed.reading_step(t)
    slot = program.values[place.memory]
    most = MOST_NUMBERS if most is None else most
    if (last + 1) ** 2 * slot.size > most:
        raise UserError(
            f"{last + 1} steps of a memory of {slot.size} numbers are too many to be split by token: "
            f"{int((most / slot.size) ** 0.5)} steps are the most"
        )
    carrier = _Carrier(program, stored.flat.astype(np.float64), place.memory)
    sources = np.zeros((1 + passed.steps, slot.size))
    sources[0] = stored.state_before(0)[place.memory]
    holds = held_inputs(place.memory)[0] in program.inputs
    edits = np.zeros((passed.steps, slot.size)) if holds else None
    before, edits_before = sources, edits
    row = np.zeros(program.width)
    with quiet():
        for base in range(0, last + 1, BLOCK):
            rows = stored.window(base, min(base + BLOCK, last + 1)).astype(np.float64)
            for step in range(base, min(base + BLOCK, last + 1)):
                here, row = rows[step - base], rows[step - base + 1]
                if step == last:
                    before, edits_before = sources.copy(), None if edits is None else edits.copy()
                whole = here[slot.offset : slot.offset + slot.size]
                stacked = [whole[None], sources[: step + 1], *([] if edits is None else [edits[:step]])]
                moved = carrier.moved(np.concatenate(stacked), here, row)
                own = row[slot.offset : slot.offset + slot.size] - moved[0]
                sources[: step + 1] = moved[1 : step + 2]
                if edits is None:
                    sources[1 + step] = own
                else:
                    edits[:step] = moved[step + 2 :]
                    mode = program.inputs[held_inputs(place.memory)[0]]
                    is_set = row[mode.offset : mode.offset + mode.size] == 1
                    sources[1 + step] = np.where(is_set, 0.0, own)
                    edits[step] = np.where(is_set, own, 0.0)
        one = place.instruction
        memory, query = (row[o.offset : o.offset + o.size] for o in one.operands)
        if not place.is_new:
            sources_read, edits_read = before, edits_before
            read_from = rows[last - base] if one.operands[0].space == Space.PREVIOUS else row
            memory = read_from[one.operands[0].offset : one.operands[0].offset + one.operands[0].size]
            if passed.resets.at(t):
                sources_read = np.zeros_like(before)
                sources_read[0] = passed.resets.states[place.memory]
                edits_read = None if edits_before is None else np.zeros_like(edits_before)
        else:
            sources_read, edits_read = sources, edits
        assert one.shape is not None

        def read(numbers: Array) -> Array:
            return np.asarray(one.op.forward(one.shape, numbers, query))

        by_step, of_edits = read(sources_read), None if edits_read is None else read(edits_read)
        erased = _erased(passed, place.memory, last, before[1:], sources[1:])
        sizes = np.abs(before[1:]).sum(axis=1)
    order = slice(None) if passed.direction == "forward" else slice(None, None, -1)
    return ReadSplit(
        value=value,
        memory=place.memory,
        text=one.text.removeprefix(f"{value} = "),
        by_token=by_step[1:][order],
        start=by_step[0],
        edits=None if of_edits is None else of_edits[order],
        total=read(memory),
        erased=None if erased is None else erased[order],
        held=sizes[order],
    )


def _erased(passed: PassTrace, memory: str, step: int, before: Array, after: Array) -> Array | None:
    """Return how much of each token's part a step took out beyond what its gate lets go, (T,)."""
    part = flow_between(passed, memory, step, step + 1)
    if part is None:
        return None
    kept = before * part.flow.keep[0]
    gone = np.abs(kept - after).sum(axis=1)
    gone[step:] = 0.0  # what this step itself writes, and what is still to come
    return np.asarray(gone)


class _Carrier:
    """Carries parts of a memory through one step: the linear map of the memory before to the memory after."""

    def __init__(self, program: Program, flat: Array, memory: str) -> None:
        self.program, self.flat, self.slot = program, flat, program.values[memory]
        self.matrices = {name: program.view(flat, name) for name in program.parameters}

    def moved(self, parts: Array, before: Array, row: Array) -> Array:
        """Return parts of the memory, (K, n), as they are after a step whose rows are given."""
        self._carried: dict[Slot, Array] = {}
        self._parts, self._before, self._row = parts, before, row
        for one in self.program.instructions:
            made = self._through(one)
            if made is not None:
                self._carried[one.target] = np.broadcast_to(made, (len(parts), one.target.size))
            if one.target == self.slot:
                break
        return self._carried.get(self.slot, np.zeros_like(parts))

    def _part(self, operand: Operand) -> Array | None:
        """Return what the parts are in an operand, (K, n); None where they have no part in it."""
        if operand.space == Space.PREVIOUS:
            first = operand.offset - self.slot.offset
            return self._parts[:, first : first + operand.size] if 0 <= first < self.slot.size else None
        if operand.space == Space.PARAMETER:
            return None
        for slot, numbers in self._carried.items():
            first = operand.offset - slot.offset
            if first >= 0 and first + operand.size <= slot.size:
                return numbers[:, first : first + operand.size]
        return None

    def _value(self, operand: Operand) -> Array:
        source = {Space.CURRENT: self._row, Space.PREVIOUS: self._before, Space.PARAMETER: self.flat}[operand.space]
        return source[operand.offset : operand.offset + operand.size]

    def _through(self, one: Instruction) -> Array | None:
        """Return what an op makes of the parts, where it is linear in them; None where nothing goes through."""
        carried = [self._part(operand) for operand in one.operands]
        mine = [n for n, part in enumerate(carried) if part is not None]
        if not mine:
            return None
        code = one.op.code
        if one.matrix is not None:
            part = carried[0]
            return None if part is None else np.asarray(part @ self.matrices[one.matrix.name].T)
        if code == Code.HOLD:
            modes, numbers = (self._value(operand) for operand in one.operands[1:])
            return (
                None
                if carried[0] is None
                else np.where(modes == 0, carried[0], np.where(modes == 1, 0.0, carried[0] * numbers))
            )
        if code in _LINEAR:
            numbers_of = [np.zeros(o.size) if c is None else c for o, c in zip(one.operands, carried, strict=True)]
            return one.compute(*numbers_of)
        linear = len(mine) == 1 and (code in _LINEAR_IN_ONE or (code == Code.DIV and mine == [0]))
        if not linear:
            return None
        operands = [self._value(o) if c is None else c for o, c in zip(one.operands, carried, strict=True)]
        return one.compute(*operands)
