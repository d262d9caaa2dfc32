"""What one step does to one unit: the memory before, what is kept, what is written, the memory after, what is seen."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.explain import Reader, explain
from lstm_tui.debugger.worked import values_here
from lstm_tui.engine.expression import Call, Expression, Name, Number, Place, Previous, Product, show, walk
from lstm_tui.engine.roles import Update, update_of
from lstm_tui.engine.trace import PassTrace

Kind = Literal["before", "kept", "written", "edit", "after", "seen"]
_HERE = Place(0, 0)
BY_EDIT = "set by an edit"
"""What stands in the place of the form of a part whose number an edit made."""


@dataclass(frozen=True)
class Part:
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


def parts_of_step(passed: PassTrace, memory: str, t: int, unit: int) -> tuple[Part, ...]:
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
    parts = [Part("before", f"{memory}'", before)] if before is not None else []
    update = update_of(passed.cell, memory) if memory in passed.cell.state else None
    if update is not None and before is not None:
        _, origin = Reader(passed, passed.cell.values.index(memory), t, unit).computed(
            passed.cell.equation(memory).expression
        )
        parts += _summed(passed, update, t, unit, before, after, origin.edited)
    parts.append(Part("after", memory, after, values=(memory,)))
    output = passed.cell.output
    if output != memory and output in passed and passed[output].shape[1] == passed[memory].shape[1]:
        seen = explain(passed, output, t, unit, 0).origin
        text = BY_EDIT if seen.edited else show(passed.cell.equation(output).expression)
        gates = _values(passed, output, passed.cell.equation(output).expression)
        parts.append(Part("seen", text, _unit(passed[output][t], unit), values=(*gates, output)))
    return tuple(parts)


def _summed(
    passed: PassTrace, update: Update, t: int, unit: int, before: float, after: float, held: bool
) -> list[Part]:
    """Return what is kept and what is written, each where the sum has come to."""
    memory = update.state
    reader = Reader(passed, passed.cell.values.index(memory), t, unit)
    keep = reader.number(update.keep)
    total = None if keep is None else keep * before
    whole = isinstance(update.keep, Number) and update.keep.value == 1
    text = f"{memory}'" if whole else show(Call("mul", (update.keep, Name(f"{memory}'", _HERE)), _HERE))
    parts = [Part("kept", text, total, values=_values(passed, memory, update.keep))]
    for write in update.writes:
        number = reader.number(write)
        parts.append(Part("written", show(write), number, total or 0.0, _values(passed, memory, write)))
        total = None if total is None or number is None else total + number
    if held:
        put_in = None if total is None else after - total
        known = put_in is not None and isfinite(put_in)  # what an edit adds to NaN is not known
        parts.append(Part("edit", "edit", put_in if known else None, total if known and total else 0.0, (memory,)))
    return parts


def _values(passed: PassTrace, reader: str, node: Expression) -> tuple[str, ...]:
    """Return the values of this step that a part of an equation reads; of a product, also the equation's own."""
    inside = [reader] if any(isinstance(one, Product | Previous) for one in walk(node)) else []
    return tuple(dict.fromkeys([*values_here(passed, reader, node), *inside]))


def _unit(numbers: NDArray[np.floating[Any]], unit: int) -> float:
    return float(numbers[min(unit, len(numbers) - 1)])
