"""Where a value of a run comes from: its equation, an edit that sets or scales it, or the state before the first step.

What is told of a sum asks here first: an edit that holds a value makes the sum of its equation another number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from lstm_tui.engine.compiler.program import held_inputs
from lstm_tui.engine.runtime.overrides import factors
from lstm_tui.engine.runtime.trace import PassTrace, Trace

Kind = Literal["equation", "set", "scaled", "initial", "not known"]
_CLOSE = 1e-3
"""How far, relative to what was summed, a sum of recorded values may be off before it is none of its equation."""


@dataclass(frozen=True)
class Origin:
    """Where one unit of a value at one step comes from.

    Attributes:
        kind: `equation`; `set` or `scaled` by an edit; `initial` before the first step; `not known` where a trace
            from a file holds another number than its equation gives, as an edit leaves it.
        number: What an edit sets it to, or multiplies it by; 1 without one.
    """

    kind: Kind
    number: float = 1.0

    @property
    def edited(self) -> bool:
        """Whether the value is not, or may not be, what its equation gives."""
        return self.kind in ("set", "scaled", "not known")


EQUATION = Origin("equation")


def origin_of(passed: PassTrace, value: str, t: int, unit: int) -> Origin:
    """Return where a unit of a value of a pass comes from at place `t` of the tape; see `told_apart` for file traces.

    Args:
        passed: The pass, with or without the network that ran.
        value: Name of a value of the cell.
        t: Place on the tape; before the first place (-1) stands the initial state.
        unit: Which unit, from 0.
    """
    if t < 0:
        return Origin("initial")
    mode, number = (passed.inputs.get(name) for name in held_inputs(value))
    if mode is None or number is None:
        return EQUATION
    return _origin(float(mode[t][min(unit, mode.shape[1] - 1)]), float(number[t][min(unit, number.shape[1] - 1)]))


def origin_in(trace: Trace, owner: str, value: str, t: int, unit: int) -> Origin:
    """Return where a number of a run comes from, also of an input `x` and of a series of the `readout`."""
    holds = [one for one in (trace.ran.holds if trace.ran else ()) if (one.pass_name, one.value) == (owner, value)]
    if not holds:
        return EQUATION
    size = max(one.units[1] for one in holds)
    if unit >= size:
        return EQUATION
    modes, numbers = factors(holds, len(trace.sequence), size, trace.dtype)
    return _origin(float(modes[t, unit]), float(numbers[t, unit]))


def told_apart(origin: Origin, number: float, computed: float | None, scale: float) -> Origin:
    """Return an origin of a value whose equation was computed again: another number is no sum of that equation.

    Args:
        origin: What the run says.
        number: The value as it was recorded.
        computed: What the equation comes to with the recorded values; None where that is not known.
        scale: The largest size among what was summed.
    """
    if origin.kind != "equation" or computed is None or _same(number, computed, scale):
        return origin
    return Origin("not known", number)


def _same(one: float, other: float, scale: float) -> bool:
    if np.isnan(one) or np.isnan(other) or np.isinf(one) or np.isinf(other):
        return bool(np.isnan(one) and np.isnan(other)) or one == other
    return abs(one - other) <= _CLOSE * max(scale, abs(one), abs(other))


def _origin(mode: float, number: float) -> Origin:
    return EQUATION if mode == 0 else Origin("set" if mode == 1 else "scaled", number)
