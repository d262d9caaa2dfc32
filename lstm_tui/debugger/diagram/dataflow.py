"""What flows where inside a cell, read off its compiled program: no gate is known by its name.

Every op of the program belongs to one mark. What multiplies by weights and adds up is one box, `W·[h, x] + b`; an op
that works unit by unit is a circle; what comes in and goes out is an entry or an exit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Instruction, Operand, Program, Space, held_inputs, is_hold
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass

Kind = Literal["box", "circle", "entry", "exit"]

_SYMBOLS = {
    Code.ADD: "+", Code.SUB: "−", Code.MUL: "×", Code.DIV: "÷", Code.NEG: "−", Code.SIGMOID: "σ", Code.COPY: "=",
}  # fmt: skip
_SUMMING = frozenset({Code.ADD, Code.SUB, Code.NEG})
_SCALING = frozenset({Code.MUL, Code.DIV})
_MOST_INTO_A_CIRCLE = 2


@dataclass(frozen=True)
class Mark:
    """One mark of the picture.

    Attributes:
        key: Its number; marks stand in the order in which they are done.
        kind: A box of weights, a circle, what comes in or what goes out.
        symbol: What stands in it, such as `σ`, `×` or `W·[h, x] + b`; of an entry or exit its name.
        text: The expression it computes, as the screen writes equations.
        name: The named value it gives; empty where it gives a part of one.
        ops: Numbers of its instructions in the program.
        equation: Number of its equation; -1 for what is there before the first.
        size: Numbers in its result.
        label: What its equation is called in words; empty where it has no comment.
        belt: The state on whose belt it lies; empty where it lies on none.
    """

    key: int
    kind: Kind
    symbol: str
    text: str
    name: str
    ops: tuple[int, ...]
    equation: int
    size: int
    label: str = ""
    belt: str = ""


@dataclass(frozen=True)
class Wire:
    """A value that one mark hands to another."""

    source: int
    target: int


@dataclass(frozen=True, eq=False)
class Dataflow:
    """A cell as marks and wires.

    Attributes:
        marks: Entries first, then boxes and circles as they are done, exits last; each stands at its key.
        wires: Each once, by target and then by source.
        belts: The states that are carried along a line of circles, the memory first, with these circles in order.
    """

    marks: tuple[Mark, ...]
    wires: tuple[Wire, ...]
    belts: Mapping[str, tuple[int, ...]]

    def sources(self, key: int) -> tuple[int, ...]:
        """Return what a mark reads."""
        return tuple(wire.source for wire in self.wires if wire.target == key)

    def readers(self, key: int) -> tuple[int, ...]:
        """Return what reads a mark."""
        return tuple(wire.target for wire in self.wires if wire.source == key)

    def of_kind(self, *kinds: Kind) -> tuple[Mark, ...]:
        """Return the marks of some kinds."""
        return tuple(mark for mark in self.marks if mark.kind in kinds)

    def mark_of(self, op: int) -> int:
        """Return the mark of an instruction of the program."""
        return next(mark.key for mark in self.marks if op in mark.ops)


@lru_cache(maxsize=64)
def dataflow_of(program: Program) -> Dataflow:
    """Return what flows where in a program, that of a cell or of a readout."""
    return _Reading(program).dataflow()


def entry_text(name: str, previous: bool) -> str:
    """Return how what comes in is written: a state with a stroke, as the equations with numbers have it."""
    return f"{name}'" if previous else name


class _Reading:
    """Reads one program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.ops = program.instructions
        self.held = {name for name in program.inputs if program.cell is not None and is_hold(name, program.cell)}
        self.held |= {name for value in program.values for name in held_inputs(value)}
        self.entered = {n for n, one in enumerate(self.ops) if one.holds_entering}  # a state that comes in, no mark
        self.owner: dict[int, int] = {}  # the first number of a slot to the op that writes it
        for n, one in enumerate(self.ops):
            for place in range(one.target.offset, one.target.offset + max(one.target.size, 1)):
                self.owner[place] = n
        self.constant = [(offset, offset + len(numbers)) for offset, numbers in program.constants]
        self.value_at = {slot.offset: name for name, slot in program.values.items()}
        self.group = list(range(len(self.ops)))
        self._fold()

    # --- which ops are one mark ---

    def _ops_read(self, one: Instruction) -> list[int]:
        """Return the ops whose results an op reads; a joined vector is read of every op that gave a piece."""
        found: list[int] = []
        for operand in one.operands:
            if operand.space == Space.CURRENT:
                places = range(operand.offset, operand.offset + operand.size)
                found += [self.owner[place] for place in places if place in self.owner]
        return [n for n in dict.fromkeys(found) if n not in self.entered]

    def _is_weight(self, operand: Operand) -> bool:
        """Say whether an operand is a vector that is trained, not a constant that was written."""
        if operand.space != Space.PARAMETER:
            return False
        return not any(first <= operand.offset < behind for first, behind in self.constant)

    def _fold(self) -> None:
        """Fold sums of products into boxes, and what an edit holds into the mark that gave it."""
        readers: dict[int, list[int]] = {}
        for n, one in enumerate(self.ops):
            for read in self._ops_read(one):
                readers.setdefault(read, []).append(n)
        weighted: set[int] = set()
        for n, one in enumerate(self.ops):
            inside = self._ops_read(one)
            if one.op.code == Code.HOLD:
                for read in inside:
                    if self.ops[read].equation == one.equation:
                        self._join(read, n)
                continue
            has_weight = any(self._is_weight(operand) for operand in one.operands)
            mine = [
                read for read in inside
                if read in weighted and readers[read] == [n] and self.ops[read].equation == one.equation
            ]  # fmt: skip
            if one.matrix is not None:
                weighted.add(n)
            elif (one.op.code in _SUMMING and (has_weight or mine)) or (one.op.code in _SCALING and has_weight):
                weighted.add(n)
                for read in mine:
                    self._join(read, n)
        self.weighted = weighted

    def _join(self, one: int, other: int) -> None:
        """Have two ops be of one mark, which is known by its last op."""
        old = self.group[one]
        self.group = [other if group == old else group for group in self.group]

    # --- marks and wires ---

    def dataflow(self) -> Dataflow:
        """Return the marks and wires."""
        groups: dict[int, list[int]] = {}
        for n, group in enumerate(self.group):
            if n not in self.entered:
                groups.setdefault(group, []).append(n)
        read = {last: self._read_by(ops) for last, ops in groups.items()}
        handed: dict[int, object] = {  # a state that is another's of the step before, held as it comes in, by its slot
            slot.offset: next(self._sources(self.ops[self.owner[slot.offset]].operands[0], set()))
            for slot in self.program.values.values() if self.owner[slot.offset] in self.entered
        }  # fmt: skip
        sources = [name for names in (*read.values(), list(handed.values())) for name in names]
        entries = list(dict.fromkeys(name for name in sources if isinstance(name, tuple)))
        keys: dict[object, int] = {name: key for key, name in enumerate(entries)}
        marks = [
            Mark(key, "entry", entry_text(*name), entry_text(*name), name[0], (), -1, self._size(name))
            for key, name in enumerate(entries)
        ]  # fmt: skip
        for last in sorted(groups):
            keys[last] = len(marks)
            marks.append(self._mark(len(marks), groups[last], read[last]))
        wires = [Wire(keys[source], keys[last]) for last in sorted(groups) for source in read[last]]
        cell = self.program.cell
        leaving = {wire.source for wire in wires}
        for name, slot in self.program.values.items():
            source = keys[handed.get(slot.offset, self.group[self.owner[slot.offset]])]
            if (cell and name in (*cell.state, cell.output)) or source not in leaving:
                wires.append(Wire(source, len(marks)))
                marks.append(Mark(len(marks), "exit", name, name, name, (), -1, slot.size))
        belts = _belts(self.program, marks, wires)
        marks = [_on_belt(mark, belts) for mark in marks]
        return Dataflow(tuple(marks), tuple(wires), belts)

    def _size(self, name: tuple[str, bool]) -> int:
        slots = self.program.values if name[1] else self.program.inputs
        return slots[name[0]].size

    def _read_by(self, ops: Sequence[int]) -> list[object]:
        """Return what a mark reads: entries as a name and whether it is of the step before, marks by their last op."""
        inside, found = set(ops), list[object]()
        for n in ops:
            for operand in self.ops[n].operands:
                found += self._sources(operand, inside)
        return list(dict.fromkeys(found))

    def _sources(self, operand: Operand, inside: set[int]) -> Iterator[object]:
        if operand.space == Space.PREVIOUS:
            yield next(
                (name, True) for name, slot in self.program.values.items()
                if slot.offset <= operand.offset < slot.offset + slot.size
            )  # fmt: skip
        elif operand.space == Space.CURRENT:
            for place in range(operand.offset, operand.offset + max(operand.size, 1)):
                if place in self.owner:
                    if self.owner[place] in self.entered:
                        yield from self._sources(self.ops[self.owner[place]].operands[0], inside)
                    elif self.owner[place] not in inside:
                        yield self.group[self.owner[place]]
                    continue
                for name, slot in self.program.inputs.items():
                    if slot.offset <= place < slot.offset + slot.size and name not in self.held:
                        yield (name, False)

    def _mark(self, key: int, ops: list[int], read: Sequence[object]) -> Mark:
        made = [n for n in ops if self.ops[n].op.code != Code.HOLD]
        last = self.ops[max(made)]
        target = self.ops[max(ops)].target
        name = self.value_at.get(target.offset, "")
        text = last.text.removeprefix(f"{name} = ") if name else last.text
        if last.equation < 0 and " = " in text:  # what stands for a value from below
            name, _, text = text.partition(" = ")
        box = any(n in self.weighted for n in made) or len(read) > _MOST_INTO_A_CIRCLE
        symbol = self._weights(made, read) if any(n in self.weighted for n in made) else self._sign(last)
        kind: Kind = "box" if box else "circle"
        label = self.program.equations[last.equation].label if last.equation >= 0 else ""
        return Mark(key, kind, symbol, text, name, tuple(ops), last.equation, target.size, label)

    def _sign(self, one: Instruction) -> str:
        """Return the sign of an op with the constants it works with: `1 −`, `× 0.2`, `min 0`."""
        sign = _SYMBOLS.get(one.op.code, one.op.name)
        written = [operand.text if operand.space == Space.PARAMETER else "" for operand in one.operands]
        if len(written) == 2 and any(written):
            return f"{written[0]}{sign}" if written[0] else f"{sign}{written[1]}"
        return sign

    def _weights(self, ops: Sequence[int], read: Sequence[object]) -> str:
        """Return a sum of products in short: what is multiplied in brackets, then what is added as it is."""
        multiplied: list[str] = []
        added: list[str] = []
        bias = ""
        for n in ops:
            one, inside = self.ops[n], set(ops)
            outer = [
                word for operand in one.operands if not self._is_weight(operand)
                for word in self._words(operand, inside)
            ]  # fmt: skip
            if one.matrix is not None or one.op.code in _SCALING:
                multiplied += outer
            else:
                added += outer
                if any(self._is_weight(operand) for operand in one.operands):
                    bias = "b"
        inner = ", ".join(dict.fromkeys(multiplied))
        product = f"W·[{inner}]" if "," in inner else f"W·{inner}" if inner else ""
        return " + ".join(part for part in (product, *dict.fromkeys(added), bias) if part)

    def _words(self, operand: Operand, inside: set[int]) -> Iterator[str]:
        """Return what an operand is called in a box: a value by its name, else the sign of its op."""
        if operand.space == Space.PARAMETER:
            return
        for source in dict.fromkeys(self._sources(operand, inside)):
            if isinstance(source, tuple):
                yield entry_text(*source)
            else:
                assert isinstance(source, int)
                one = self.ops[source]
                named = self.value_at.get(one.target.offset, "")
                if one.equation < 0 and " = " in one.text:  # what stands for a value from below
                    named = one.text.partition(" = ")[0]
                yield named or ("W·…" if one.matrix is not None else self._sign(one))


def _belts(program: Program, marks: Sequence[Mark], wires: Sequence[Wire]) -> dict[str, tuple[int, ...]]:
    """Return the states that go through the step along circles of their own equation, the memory first."""
    cell = program.cell
    if cell is None:
        return {}
    memory = memory_of(cell)
    found: dict[str, tuple[int, ...]] = {}
    for state in sorted(cell.state, key=lambda name: name != memory):
        entry = next((mark.key for mark in marks if mark.kind == "entry" and mark.symbol == f"{state}'"), None)
        last = next((mark.key for mark in marks if mark.kind not in ("entry", "exit") and mark.name == state), None)
        if entry is None or last is None:
            continue
        own = {mark.key for mark in marks if mark.equation == marks[last].equation and mark.kind == "circle"}
        path = _path(entry, last, own, wires)
        if path:
            found[state] = path
    return found


def _path(entry: int, last: int, own: set[int], wires: Sequence[Wire]) -> tuple[int, ...]:
    """Return the only way from an entry to the last circle of its equation; empty where there is none or two."""
    ways: list[tuple[int, ...]] = [(last,)] if last in own else []
    while ways:
        way = ways.pop()
        before = [wire.source for wire in wires if wire.target == way[0]]
        if entry in before:
            return way
        ways += [(source, *way) for source in before if source in own]
    return ()


def _on_belt(mark: Mark, belts: Mapping[str, tuple[int, ...]]) -> Mark:
    state = next((state for state, way in belts.items() if mark.key in way), "")
    return replace(mark, belt=state) if state else mark
