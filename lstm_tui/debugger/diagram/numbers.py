"""The numbers of one unit on the wires of a cell, how far its step has come, and which mark is at work."""

from __future__ import annotations

import numpy as np

from lstm_tui.debugger.diagram.dataflow import Dataflow, Mark, dataflow_of
from lstm_tui.debugger.inspect.state_update import unit_beside
from lstm_tui.debugger.position import Frame, ops_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import EVERYTHING, OPS, Code, Op
from lstm_tui.engine.compiler.program import Instruction, Operand, Program, Space
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import LEAST_WIDTH, compact
from lstm_tui.engine.runtime.trace import PassTrace


@dataclass(frozen=True, eq=False)
class UnitStep:
    """A step of one unit.

    Attributes:
        flow: What flows where.
        program: The program whose ops the marks hold.
        numbers: What each mark gives this unit, by its key; None where the run does not tell, or where the mark
            gives no number of a unit.
        done: Whether the run has come to each mark, by its key.
        at_work: The mark of the last op that was taken; None before the first, and in another pass.
        op: That op.
        backward: Whether the pass reads from the end of the tape, so that its states come from token t+1.
    """

    flow: Dataflow
    program: Program
    numbers: tuple[float | None, ...]
    done: tuple[bool, ...]
    at_work: int | None
    op: Instruction | None
    backward: bool = False

    def written(self, mark: Mark, more: str = "…", unknown: str = "?", infinity: str = "∞") -> str:
        """Return the number of a mark in five cells: signed unless it cannot be negative; `more` while it is to come.

        Where none is the unit's, how many there are is told in square brackets; round ones are ops.
        """
        if not self.done[mark.key]:
            return more
        value = self.numbers[mark.key]
        if value is None:
            return f"[{mark.size}]" if mark.size != 1 else unknown
        return compact(value, LEAST_WIDTH, self.signed(mark), infinity)

    def signed(self, mark: Mark) -> bool:
        """Say whether the number of a mark can be negative, so that it is written with its sign."""
        made = [one.op for one in (self.program.instructions[n] for n in sorted(mark.ops)) if one.op.code != Code.HOLD]
        return not made or can_be_negative(made[-1])


def can_be_negative(op: Op) -> bool:
    """Say whether an op gives negative numbers of some operands."""
    return op.interval(*[EVERYTHING] * op.arity)[0] < 0


def memory_first(passed: PassTrace) -> tuple[str, ...]:
    """Return the states of a pass that are recorded, its memory first."""
    memory = memory_of(passed.cell)
    return tuple(sorted((state for state in passed.cell.state if state in passed), key=lambda name: name != memory))


def program_of(passed: PassTrace) -> Program | None:
    """Return the program of a pass; of one that was read from a file, that of its cell; None where sizes are not known.

    What a file does not tell, such as parameters that were left out, is as in the whole cell.
    """
    if passed.program is not None:
        return passed.program
    try:
        return compile_cell(
            passed.cell, passed.input_size, passed.hidden_size, passed.letters, bottom=not passed.cell.below
        )
    except UserError:
        return None


def standing(frame: Frame, unit: int, pass_name: str | None = None) -> UnitStep | None:
    """Return the step of a pass at a frame's token: of the selected one as far as it has come, else whole.

    Args:
        frame: Where the run stands.
        unit: Which unit, from 0.
        pass_name: Which pass; the selected one when None.
    """
    name = pass_name or frame.position.pass_name
    passed = frame.trace[name]
    program = program_of(passed)
    if program is None or not frame.trace.is_ready(name, frame.t):
        return None
    flow = dataflow_of(program)
    last = _last_op(frame, program) if name == frame.position.pass_name else len(program.instructions) - 1
    done = tuple(mark.kind == "entry" or (bool(mark.ops) and max(mark.ops) <= last) for mark in flow.marks)
    done = tuple(
        done[flow.sources(mark.key)[0]] if mark.kind == "exit" else one
        for mark, one in zip(flow.marks, done, strict=True)
    )
    here = name == frame.position.pass_name and last >= 0
    return UnitStep(
        flow, program, _numbers(passed, program, flow, frame.t, unit), done,
        flow.mark_of(last) if here else None, program.instructions[last] if here else None,
        passed.direction == "backward",
    )  # fmt: skip


def _last_op(frame: Frame, program: Program) -> int:
    """Return the number of the last op that was taken in this step; -1 before the first."""
    position = frame.position
    if position.equation < 0:
        return -1
    ops = ops_of(frame.passed, position.equation)
    if not ops:  # only values are held, so there are no stops between
        return max(n for n, one in enumerate(program.instructions) if one.equation <= position.equation)
    taken = ops[-1 if position.op is None else position.op]
    return next(n for n, one in enumerate(program.instructions) if one is taken)


def _numbers(passed: PassTrace, program: Program, flow: Dataflow, t: int, unit: int) -> tuple[float | None, ...]:
    row = passed.row(t)
    found: list[float | None] = []
    for mark in flow.marks:
        if mark.kind == "entry":
            vector = _entering(passed, mark, t)
        elif mark.kind == "exit":
            found.append(found[flow.sources(mark.key)[0]])
            continue
        elif row is not None:
            target = program.instructions[max(mark.ops)].target
            vector = row[target.offset : target.offset + target.size]
        elif mark.name in passed:
            vector = np.asarray(passed[mark.name][t])
        else:
            found.append(_worked_out(program, flow, mark, found))
            continue
        own = unit_of_diagram(passed, mark.name, mark.size, unit)
        known = vector is not None and _is_of_units(mark, passed, own) and (len(vector) == 1 or own < len(vector))
        found.append(_of(vector, own) if vector is not None and known else None)
    return tuple(found)


def unit_of_diagram(passed: PassTrace, name: str, size: int, unit: int) -> int:
    """Return which number of a vector stands on its wire: that of the unit, beside a matrix that of its row or column.

    Where nobody knows which belongs to the place in the matrix, it is `size`, of which there is no number.

    Args:
        passed: The pass.
        name: The value; what is on the way to one has no name of its own.
        size: Numbers of the vector.
        unit: Of the memory.
    """
    first = memory_first(passed)
    shape = passed.shape_of(first[0]) if first else None
    if shape is None or size == shape.numbers:
        return unit
    return unit_beside(passed, first[0], name, unit) if name in passed and size == passed[name].shape[1] else size


def _entering(passed: PassTrace, mark: Mark, t: int) -> Array | None:
    if mark.symbol.endswith("'"):
        begins = passed.reading_step(t) == 0 or passed.resets.at(t)
        known = mark.name in (passed.initial if begins else passed.arrays)
        return passed.previous(mark.name, t) if known else None
    return np.asarray(passed.inputs[mark.name][t]) if mark.name in passed.inputs else None


def _is_of_units(mark: Mark, passed: PassTrace, unit: int) -> bool:
    """Say whether a vector has a number for this unit: it has one for every unit, or one for all."""
    if mark.size == 1:
        return True
    if mark.kind == "entry" and not mark.symbol.endswith("'"):
        return mark.name in passed.cell.below and mark.size == passed.hidden_size
    known = mark.size == passed.hidden_size or mark.name in (*passed.cell.state, passed.cell.output)
    return known and unit < mark.size


def _of(vector: Array, unit: int) -> float:
    return float(vector[0 if len(vector) == 1 else unit])


def _gives(program: Program, flow: Dataflow, key: int, operand: Operand) -> bool:
    """Say whether a mark gives the whole of what an op reads."""
    mark = flow.marks[key]
    previous = mark.kind == "entry" and mark.symbol.endswith("'")
    if previous != (operand.space == Space.PREVIOUS):
        return False
    if mark.kind == "entry":
        return (program.values if previous else program.inputs)[mark.name] == (operand.offset, operand.size)
    return program.instructions[max(mark.ops)].target == (operand.offset, operand.size)


def _worked_out(program: Program, flow: Dataflow, mark: Mark, found: list[float | None]) -> float | None:
    """Return what a circle gives from what it reads, for a trace that holds values only."""
    ops = [program.instructions[n] for n in mark.ops if program.instructions[n].op.code != Code.HOLD]
    if mark.kind != "circle" or len(ops) != 1 or not ops[0].op.elementwise or ops[0].op.code == Code.EVERY:
        return None
    arguments: list[float] = []
    for operand in ops[0].operands:
        if operand.space == Space.PARAMETER:
            start = next((one for one in program.constants if one[0] == operand.offset), None)
            number = None if start is None or len(start[1]) != 1 else float(start[1][0])
        else:
            number = next((found[key] for key in flow.sources(mark.key) if _gives(program, flow, key, operand)), None)
        if number is None:
            return None
        arguments.append(number)
    with np.errstate(all="ignore"):
        return float(OPS[ops[0].op.name].forward(*(np.array(one) for one in arguments)))
