"""In which loops a step is taken: ops of one size that wait for nothing outside go through their units together.

Nothing in a row is ever overwritten, so that any order in which every op comes after what it reads is right.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import field
from typing import NamedTuple

from lstm_tui.engine.compiler.ops import OPS, Code, Shape
from lstm_tui.engine.compiler.program import Program, Slot, Space
from lstm_tui.engine.dataclass import dataclass

_MOST_TOGETHER = 64
_ELEMENTWISE = {op.code for op in OPS.values() if op.elementwise}


class Span(NamedTuple):
    """What an op reads: so many numbers at a place."""

    space: Space
    offset: int
    size: int


class Take(NamedTuple):
    """One op of a step.

    Attributes:
        code: Which op.
        offset: Where its result goes in the row.
        size: How many numbers that are.
        reads: Its operands.
        block: Where the first number of a matrix lies in the flat parameters, transposed, (inner, rows).
        stride: How far apart its columns lie.
        inner: How many there are; 0 without a matrix. Of an op over heads the last three say how many heads, rows
            and columns there are.
    """

    code: Code
    offset: int
    size: int
    reads: tuple[Span, ...]
    block: int = 0
    stride: int = 0
    inner: int = 0

    @property
    def shape(self) -> Shape:
        """How the numbers of an op over heads lie."""
        return Shape(self.block, self.stride, self.inner)

    @property
    def target(self) -> Span:
        """Where its result lies, as what an op behind it reads."""
        return Span(Space.CURRENT, self.offset, self.size)


@dataclass
class Together:
    """Ops that are taken unit by unit in one loop over `size` units; or one op that is not, alone."""

    size: int
    elementwise: bool
    takes: list[Take] = field(default_factory=list)


class Hoisted(NamedTuple):
    """Products of an input, which are taken for many steps at once.

    Attributes:
        name: Of the input.
        first: First number of it that is read.
        inner: How many are read.
        block: Where the matrix lies in the flat parameters, transposed, (inner, rows).
        target: Where the result goes in a row.
    """

    name: str
    first: int
    inner: int
    block: int
    target: Slot


class StepPage(NamedTuple):
    """What of a program decides what is compiled: programs with the same page share it.

    Attributes:
        takes: The ops of a step in the order of the page; products of one operand are one, hoisted ones left out.
        width: Numbers of a row.
        values: Every named value with its slot.
        inputs: Every input with its slot.
        hoisted: The products that are left out.
        products: Where the results of the others go.
        numbers: How many numbers the flat parameters are.
    """

    takes: tuple[Take, ...]
    width: int
    values: tuple[tuple[str, Slot], ...]
    inputs: tuple[tuple[str, Slot], ...]
    hoisted: tuple[Hoisted, ...]
    products: tuple[Slot, ...]
    numbers: int


def page_of(program: Program) -> StepPage:
    """Return the page of a program."""
    takes = []
    for row in program.packed_table().tolist():
        reads = tuple(Span(Space(row[n]), row[n + 1], row[n + 2]) for n in (3, 6, 9) if row[n + 2])
        takes.append(Take(Code(row[0]), row[1], row[2], reads, *row[12:15]))
    hoisted = []
    for group in program.groups:
        if group.hoisted:
            name, slot = _input_at(program, group.operand.offset)
            hoisted.append(Hoisted(name, group.operand.offset - slot.offset, group.inner, group.block, group.target))
    products = tuple(group.target for group in program.groups if not group.hoisted)
    names = tuple(program.values.items()), tuple(program.inputs.items())
    return StepPage(tuple(takes), program.width, *names, tuple(hoisted), products, program.parameter_count)


def _input_at(program: Program, offset: int) -> tuple[str, Slot]:
    """Return the input that lies at an offset of a row."""
    return next((n, s) for n, s in program.inputs.items() if s.offset <= offset < s.offset + s.size)


def schedule(takes: Sequence[Take]) -> list[Together]:
    """Return what is taken together, in order."""
    made: list[Together] = []
    starts: list[int] = []  # offsets of what is computed, sorted
    by_start: dict[int, tuple[Take, int]] = {}  # the op there, and where in `made` it stands
    for take in takes:
        elementwise = take.code in _ELEMENTWISE
        lowest = max((_after(read, take, elementwise, starts, by_start, made) for read in take.reads), default=0)
        place = len(made)
        if elementwise:
            place = next((n for n in range(lowest, len(made)) if _joins(take, made[n])), place)
        if place == len(made):
            made.append(Together(take.size, elementwise))
        made[place].takes.append(take)
        insort(starts, take.offset)
        by_start[take.offset] = take, place
    return made


def _joins(take: Take, together: Together) -> bool:
    """Say whether a loop may take one more op: registers are few, and the time to compile one grows faster than it."""
    return together.elementwise and together.size == take.size and len(together.takes) < _MOST_TOGETHER


def _after(
    read: Span,
    take: Take,
    elementwise: bool,
    starts: list[int],
    by_start: dict[int, tuple[Take, int]],
    made: list[Together],
) -> int:
    """Return the first place at which a read finds what it wants; its own unit may be made in the same loop."""
    if read.space != Space.CURRENT:
        return 0
    lowest = 0
    n = max(bisect_right(starts, read.offset) - 1, 0)
    while n < len(starts) and starts[n] < read.offset + read.size:
        other, place = by_start[starts[n]]
        n += 1
        if other.offset + other.size <= read.offset:
            continue
        same = (other.offset, other.size) == (read.offset, read.size)
        together = elementwise and made[place].elementwise and same and read.size == take.size
        lowest = max(lowest, place if together else place + 1)
    return lowest
