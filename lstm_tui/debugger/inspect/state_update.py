"""One step of one unit: the memory before, what is kept, what is written, the memory after, the hidden state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Literal

from lstm_tui.analysis.contributions import Origin
from lstm_tui.debugger.inspect.explain import Explanation, Reader, explain
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import OPS, operand_units
from lstm_tui.engine.compiler.roles import Update, update_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.expression import (
    Call,
    Expression,
    Name,
    Number,
    Place,
    Previous,
    Product,
    inside,
    names_in,
    show,
    walk,
)
from lstm_tui.engine.number_text import change
from lstm_tui.engine.number_text import sentence as number
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.engine.text_safety import visible

_MOST_TERMS = 6
_FEW = 3


def explained(passed: PassTrace, value: str, t: int, unit: int) -> list[str]:
    """Return the equation of one unit of a value with its numbers, its summands and its largest products."""
    found: Explanation = explain(passed, value, t, unit, _MOST_TERMS)
    worked = "".join(
        (number(part.number) if part.number is not None else "…") if part.is_number else part.text
        for part in found.parts
    )
    result = [
        f"  {value} = {found.equation}",
        f"  {value}[{passed.entry_of(value, found.unit)}] = {worked}{outcome(found, worked)}",
    ]
    for heading, terms in (("terms", found.terms if len(found.terms) > 1 else ()), ("largest", found.largest)):
        if terms:
            result.append(f"  {heading}: " + ", ".join(f"{term.label} {change(term.number)}" for term in terms))
    return [visible(line) for line in result]


def outcome(found: Explanation, worked: str = "") -> str:
    """Return what stands behind an equation with its numbers: what it comes to, and what an edit then made of it.

    What stands before it is a sum of just this number, never of one that an edit put in its place.

    Args:
        found: What is explained.
        worked: The equation with its numbers; where that is one number, it is not written twice.
    """
    comes_to = "" if found.computed is None else f" = {number(found.computed)}"
    if comes_to == f" = {worked}" and len(found.parts) == 1 and found.origin.edited:
        comes_to = ""
    by = edit_in_words(found.origin, found.number)
    if not by:
        return comes_to or f" = {number(found.number)}"
    return f"{comes_to}; {by}"


def edit_in_words(origin: Origin, value: float) -> str:
    """Return how an edit made a value what it is, such as `an edit set it to 5`; empty where its equation did."""
    if origin.kind == "set":
        return f"an edit set it to {number(value)}"
    if origin.kind == "scaled":
        return f"an edit multiplied it by {number(origin.number)}: {number(value)}"
    if origin.kind == "not known":
        return f"but the trace holds {number(value)}, as an edit leaves it"
    return ""


def through(passed: PassTrace, value: str, t: int, unit: int) -> list[str]:
    """Return one line for each value that an equation reads in its own step: what weighed most in that, by name."""
    return [line for name in read_by(passed, value) for line in mostly_of(passed, value, name, t, unit)]


def mostly_of(passed: PassTrace, reader: str, value: str, t: int, unit: int) -> list[str]:
    """Return one line on what one unit of a value reads of another; none where it reads all units of it."""
    read = unit_read(passed, reader, value, unit)
    return [] if read is None else mostly(passed, value, t, read)


def unit_read(passed: PassTrace, reader: str, value: str, unit: int) -> int | None:
    """Return which unit of a value one unit of another reads: its own, but for ops over heads; None where it reads all.

    Args:
        passed: The pass.
        reader: Whose equation it is.
        value: What that reads.
        unit: Of the reader.
    """
    shapes = passed.head_shapes
    found: list[int | None] = []

    def look(node: Expression, at: int | None) -> None:
        if isinstance(node, Name) and node.name == value:
            found.append(at)
        shape = shapes.get(node)
        if isinstance(node, Call) and shape is not None:
            units = operand_units(node.function, shape, at) if at is not None else (None,) * len(node.arguments)
            for argument, one in zip(node.arguments, units, strict=True):
                look(argument, one)
            return
        for part in inside(node):
            look(part, at)

    look(passed.cell.equation(reader).expression, unit)
    return next((one for one in found if one is not None), None if found else unit)


def unit_beside(passed: PassTrace, memory: str, value: str, unit: int) -> int:
    """Return the unit of a value that goes with one unit of a memory: that number, but where the memory is a matrix.

    There it is the unit that the memory's own equation reads, or else the one of the same row, head or column: where
    rows and columns are as many, as with the values that it meets number by number, as a sum of keys does keys.
    """
    size, shape = int(passed[value].shape[1]), passed.shape_of(memory)
    if shape is None or size == shape.numbers:
        return min(unit, size - 1)
    head, row, column = shape.place(unit)
    for one in _alike(passed, value):
        read = unit_read(passed, memory, one, unit) if one in read_by(passed, memory) else None
        if read is not None and read < size:
            return read
        if size == shape.heads * shape.columns and _asks(passed, memory, one):
            return head * shape.columns + column
    places = {shape.heads * shape.columns: head * shape.columns + column, shape.heads: head}
    places |= {shape.heads * shape.rows: head * shape.rows + row}
    return places.get(size, min(unit, size - 1))


def _alike(passed: PassTrace, value: str) -> Iterator[str]:
    """Yield a value and those whose numbers meet its own one by one in equations, the nearest first."""
    yield value
    met = {one.name: _one_by_one(one.expression) for one in passed.cell.equations}
    size, found = passed[value].shape[1], [value]
    for one in found:  # it grows as it is read
        near = [name for name in met if name in met.get(one, ()) or one in met[name]]
        new = [name for name in near if name not in found and name in passed and passed[name].shape[1] == size]
        found += new
        yield from new


def _one_by_one(node: Expression) -> set[str]:
    """Return the names of which number u of an expression needs number u alone."""
    if isinstance(node, Name):
        return {node.name}
    own = isinstance(node, Call) and node.function in OPS and OPS[node.function].elementwise
    return {name for part in inside(node) for name in _one_by_one(part)} if own else set()


def _asks(passed: PassTrace, memory: str, value: str) -> bool:
    """Say whether a memory that is a matrix is read under a value: that goes with its columns."""
    for one in passed.cell.equations:
        for node in walk(one.expression):
            if isinstance(node, Call) and node.function == "read":
                read, asked = node.arguments
                if isinstance(read, Name) and read.name == memory and value in names_in(asked):
                    return True
    return False


def read_by(passed: PassTrace, value: str) -> tuple[str, ...]:
    """Return the values of this step that an equation reads."""
    if value not in passed.cell.values:
        return ()
    return tuple(one for one in values_here(passed, value, passed.cell.equation(value).expression) if one != value)


def values_here(passed: PassTrace, value: str, node: Expression) -> tuple[str, ...]:
    """Return the values of this step that a part of an equation names; a state of the step before is none of them."""
    number = passed.cell.values.index(value)
    return tuple(one for one in values_in([node], passed) if not passed.cell.is_previous(one, number))


def values_in(expressions: Iterable[Expression], passed: PassTrace) -> tuple[str, ...]:
    """Return the values of the cell that some expressions name, in the order written."""
    names = (node.name for one in expressions for node in walk(one) if isinstance(node, Name))
    return tuple(dict.fromkeys(name for name in names if name in passed.cell.values))


def mostly(passed: PassTrace, value: str, t: int, unit: int) -> list[str]:
    """Return one line on a value: its number and the products that weigh most in it; none when it has none."""
    if value not in passed or t >= passed.steps or unit >= passed[value].shape[1]:
        return []
    found = explain(passed, value, t, unit, _FEW)
    entry = f"{value}[{passed.entry_of(value, unit)}]"
    most = ", ".join(f"{term.label} {change(term.number, 3)}" for term in found.largest)
    if found.origin.edited:
        comes_to = "" if found.computed is None else f" (its equation gives {number(found.computed)})"
        by = {"set": "set by an edit", "scaled": f"multiplied by {number(found.origin.number)} by an edit"}
        how = by.get(found.origin.kind, "not what its equation gives, as an edit leaves it")
        return [visible(f"  {entry} = {number(found.number)}, {how}{comes_to}")]
    return [visible(f"  {entry} = {number(found.number)}" + (f", mostly {most}" if most else ""))]


Kind = Literal["before", "kept", "written", "edit", "after", "hidden"]
_HERE = Place(0, 0)
BY_EDIT = "set by an edit"
"""What stands in the place of the form of a part whose number an edit made."""


@dataclass(frozen=True)
class UpdatePart:
    """One part of what a step does.

    Attributes:
        kind: What it is to the memory.
        text: As the screen writes it, such as `f · c'`.
        number: What it comes to, or None when the trace does not tell.
        start: Where it begins: what is written is added to what was kept.
        values: Values of this step that must be there before it can be told.
    """

    kind: Kind
    text: str
    number: float | None
    start: float = 0.0
    values: tuple[str, ...] = ()


def parts_of_step(passed: PassTrace, memory: str, t: int, unit: int) -> tuple[UpdatePart, ...]:
    """Return what the step at place `t` does to a unit, in the order in which it is summed.

    Where the memory is linear in itself, `kept` and what is written add up to `after`, but for what an edit put
    in, which is a part of its own; else only `before` and `after` can be told.

    Args:
        passed: The pass.
        memory: The value that holds its memory.
        t: Place on the tape.
        unit: Which unit, from 0.
    """
    before = _unit(passed.previous(memory, t), unit) if memory in passed.cell.state else None
    after = _unit(passed[memory][t], unit)
    parts = [UpdatePart("before", f"{memory}'", before)] if before is not None else []
    update = update_of(passed.cell, memory) if memory in passed.cell.state else None
    if update is not None and before is not None:
        _, origin = Reader(passed, passed.cell.values.index(memory), t, unit).computed(
            passed.cell.equation(memory).expression
        )
        parts += _summed(passed, update, t, unit, before, after, origin.edited)
    parts.append(UpdatePart("after", memory, after, values=(memory,)))
    output = passed.cell.output
    if output != memory and output in passed and passed[output].shape[1] == passed[memory].shape[1]:
        seen = explain(passed, output, t, unit, 0).origin
        text = BY_EDIT if seen.edited else show(passed.cell.equation(output).expression)
        gates = _values(passed, output, passed.cell.equation(output).expression)
        parts.append(UpdatePart("hidden", text, _unit(passed[output][t], unit), values=(*gates, output)))
    return tuple(parts)


def _summed(
    passed: PassTrace, update: Update, t: int, unit: int, before: float, after: float, held: bool
) -> list[UpdatePart]:
    """Return what is kept and what is written, each where the sum has come to."""
    memory = update.state
    reader = Reader(passed, passed.cell.values.index(memory), t, unit)
    keep = reader.number(update.keep)
    total = None if keep is None else keep * before
    whole = isinstance(update.keep, Number) and update.keep.value == 1
    text = f"{memory}'" if whole else show(Call("mul", (update.keep, Name(f"{memory}'", _HERE)), _HERE))
    parts = [UpdatePart("kept", text, total, values=_values(passed, memory, update.keep))]
    for write in update.writes:
        number = reader.number(write)
        parts.append(UpdatePart("written", show(write), number, total or 0.0, _values(passed, memory, write)))
        total = None if total is None or number is None else total + number
    if held:
        put_in = None if total is None else after - total
        known = put_in is not None and isfinite(put_in)  # what an edit adds to NaN is not known
        parts.append(
            UpdatePart("edit", "edit", put_in if known else None, total if known and total else 0.0, (memory,))
        )
    return parts


def _values(passed: PassTrace, reader: str, node: Expression) -> tuple[str, ...]:
    """Return the values of this step that a part of an equation reads; of a product, also the equation's own."""
    inside = [reader] if any(isinstance(one, Product | Previous) for one in walk(node)) else []
    return tuple(dict.fromkeys([*values_here(passed, reader, node), *inside]))


def _unit(numbers: Array, unit: int) -> float:
    return float(numbers[min(unit, len(numbers) - 1)])
