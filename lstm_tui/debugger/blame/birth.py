"""Where a number was born that is none, or infinite: the first op of a run whose operands were all finite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.frame import ops_of
from lstm_tui.engine.holds import held_inputs
from lstm_tui.engine.trace import PassTrace, Trace

Array = NDArray[Any]


@dataclass(frozen=True)
class Born:
    """The first number of a run that is not finite.

    Attributes:
        pass_name: In which pass, in the order in which they ran.
        t: Place on the tape, the first in the pass's reading order.
        value: Which value; `x` or one from below where the pass was given it so.
        unit: Which unit.
        number: What it is.
        op: The op that made it, as the screen writes it; empty where only values are known.
        parameter: A weight that is itself not finite, such as `W_f[3,0]`; empty without one.
    """

    pass_name: str
    t: int
    value: str
    unit: int
    number: float
    op: str = ""
    parameter: str = ""


def birth(trace: Trace) -> Born | None:
    """Return where the first NaN or infinite number of a run came up, or None where all are finite."""
    for passed in trace.values():
        found = _first(passed)
        if found is not None:
            return found
    return None


def _first(passed: PassTrace) -> Born | None:
    holds = {name for value in (*passed.cell.values, *passed.inputs) for name in held_inputs(value)}
    names = [name for name in (*passed.inputs, *passed.cell.values) if name not in holds]
    names = [name for name in names if name in passed.inputs or name in passed]
    steps = {name: _first_step(passed, name) for name in names}
    there = {name: step for name, step in steps.items() if step is not None}
    if not there:
        return None
    step = min(there.values())
    name = next(name for name in names if steps[name] == step)
    t = passed.tape_place(step)
    row = (passed.inputs[name] if name in passed.inputs else passed[name])[t]
    unit = int(np.flatnonzero(~np.isfinite(row))[0])
    op, parameter = ("", "") if name in passed.inputs else (_op(passed, name, t), _parameter(passed, name))
    return Born(passed.name, t, name, unit, float(row[unit]), op, parameter)


def _first_step(passed: PassTrace, name: str) -> int | None:
    series = passed.inputs[name] if name in passed.inputs else passed[name]
    places = np.flatnonzero(~np.isfinite(series).all(axis=1))
    if not len(places):
        return None
    return passed.reading_step(int(places[0] if passed.direction == "forward" else places[-1]))


def _op(passed: PassTrace, value: str, t: int) -> str:
    """Return the first op of an equation whose result is not finite."""
    row = passed.row(t)
    if row is None:
        return ""
    for one in ops_of(passed, passed.cell.values.index(value)):
        if not np.isfinite(row[one.target.offset : one.target.offset + one.target.size]).all():
            return one.text
    return ""


def _parameter(passed: PassTrace, value: str) -> str:
    """Return a weight of the equation that is not finite, by name and place."""
    program, flat = passed.program, passed.parameters
    if program is None or flat is None or np.isfinite(flat).all():
        return ""
    from lstm_tui.engine.expression import names_in

    for name in sorted(names_in(passed.cell.equation(value).expression)):
        if name in program.parameters:
            numbers = program.view(flat, name)
            wrong = np.argwhere(~np.isfinite(numbers))
            if len(wrong):
                return f"{name}[{','.join(map(str, wrong[0]))}]"
    return ""
