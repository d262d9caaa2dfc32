"""Where the first value of a run that is NaN or infinite came up, and what made it.

First is: in the order in which the passes ran and the readout behind them; in a pass before its first step, then step
by step in its reading order; in a step the inputs, then the values in the order of the equations; then the lowest unit.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.contributions import EQUATION, Origin, origin_in
from lstm_tui.debugger.position import ops_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import is_hold
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.overrides import READOUT
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, is_windowed


@dataclass(frozen=True)
class NonFiniteOrigin:
    """The first number of a run that is not finite.

    Attributes:
        pass_name: In which pass, in the order in which they ran.
        t: Place on the tape, the first in the pass's reading order.
        value: Which value; `x` or one from below where the pass was given it so.
        unit: Which unit.
        number: What it is.
        origin: Whether an edit made it so, or it was the state before the first step.
        op: The op that made it, as the screen writes it; empty where only values are known.
        parameter: A weight that is itself not finite, such as `W_f[3,0]`; empty without one.
    """

    pass_name: str
    t: int
    value: str
    unit: int
    number: float
    origin: Origin = EQUATION
    op: str = ""
    parameter: str = ""


def birth(trace: Trace) -> NonFiniteOrigin | None:
    """Return the first value of a run that is NaN or infinite; None where all values are finite."""
    if trace.windows is not None:
        trace.windows.finish()
    for passed in trace.values():
        found = _first(trace, passed)
        if found is not None:
            return found
    return _in_readout(trace)


def ops_are_finite(trace: Trace) -> bool:
    """Say whether every op of every step is known to be finite, too, and not the named values alone."""
    stored = [passed.stored for passed in trace.values()]
    return all(one is not None and one.rows is not None and bool(np.isfinite(one.rows).all()) for one in stored)


def _first(trace: Trace, passed: PassTrace) -> NonFiniteOrigin | None:
    for state, numbers in passed.initial.items():
        if not np.isfinite(numbers).all():
            unit = _unit(numbers)
            return NonFiniteOrigin(
                passed.name, passed.tape_place(0), state, unit, float(numbers[unit]), Origin("initial")
            )
    names = [name for name in (*passed.inputs, *passed.cell.values) if not is_hold(name, passed.cell)]
    names = [name for name in names if name in passed.inputs or name in passed]
    steps = {name: _first_step(passed, name) for name in names}
    there = {name: step for name, step in steps.items() if step is not None}
    if not there:
        return None
    step = min(there.values())
    name = next(name for name in names if steps[name] == step)
    t = passed.tape_place(step)
    row = (passed.inputs[name] if name in passed.inputs else passed[name])[t]
    unit = _unit(row)
    origin = origin_in(trace, passed.name, name, t, unit)
    of_equation = name not in passed.inputs and not origin.edited
    op, parameter = (_op(passed, name, t), _parameter(passed, name)) if of_equation else ("", "")
    return NonFiniteOrigin(passed.name, t, name, unit, float(row[unit]), origin, op, parameter)


def _in_readout(trace: Trace) -> NonFiniteOrigin | None:
    """Return the first such number of the readout, or of what the network says; a single value stands at the end."""
    series = {**trace.readout, "output": trace.output, "result": trace.result}
    for name, numbers in series.items():
        if numbers is None or np.isfinite(numbers).all():
            continue
        rows = numbers if numbers.ndim == 2 else numbers[None]
        row = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        t, unit = row if numbers.ndim == 2 else len(trace.sequence) - 1, _unit(rows[row])
        return NonFiniteOrigin(READOUT, t, name, unit, float(rows[row, unit]), origin_in(trace, READOUT, name, t, unit))
    return None


def _unit(numbers: Array) -> int:
    return int(np.flatnonzero(~np.isfinite(numbers))[0])


def _first_step(passed: PassTrace, name: str) -> int | None:
    series = passed.inputs[name] if name in passed.inputs else passed[name]
    if is_windowed(series):
        return _first_step_in_windows(passed, series)
    places = np.flatnonzero(~np.isfinite(series).all(axis=1))
    if not len(places):
        return None
    return passed.reading_step(int(places[0] if passed.direction == "forward" else places[-1]))


def _first_step_in_windows(passed: PassTrace, series: WindowedSeries) -> int | None:
    """Return the first step in reading order at which a series holds such a number; no step behind it is read."""
    known = series.extremes() if series.extremes is not None else None
    if known is not None and all(np.isfinite(one).all() for one in known):
        return None
    reading = series if passed.direction == "forward" else series[::-1]
    base = 0
    for part in reading.parts():
        wrong = np.flatnonzero(~np.isfinite(part).all(axis=1))
        if len(wrong):
            return base + int(wrong[0])
        base += len(part)
    return None


def _op(passed: PassTrace, value: str, t: int) -> str:
    """Return the first op of an equation of which some result is NaN or infinite."""
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
    from lstm_tui.engine.language.expression import names_in

    for name in sorted(names_in(passed.cell.equation(value).expression)):
        if name in program.parameters:
            numbers = program.view(flat, name)
            wrong = np.argwhere(~np.isfinite(numbers))
            if len(wrong):
                return f"{name}[{','.join(map(str, wrong[0]))}]"
    return ""
