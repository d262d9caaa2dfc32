"""Values of a run that are held: set or scaled for some units over some steps, whatever the equations say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import held_inputs

READOUT = "readout"


@dataclass(frozen=True)
class Hold:
    """One intervention.

    Attributes:
        pass_name: In which pass, or `readout`.
        value: Which value: any equation's, or the input `x`.
        units: First unit and the one after the last.
        steps: First place on the tape and the one after the last.
        verb: Whether the number replaces the value or multiplies it.
        number: That number, or one for each of the units.
    """

    pass_name: str
    value: str
    units: tuple[int, int]
    steps: tuple[int, int]
    verb: Literal["set", "scale"]
    number: float | tuple[float, ...]

    def shifted(self, t: int, shift: int) -> Hold | None:
        """Return the hold after a token was inserted before place t (+1) or deleted there (-1), or None with it."""
        if not shift:
            return self
        start, stop = self.steps
        start += shift if start > t or (shift > 0 and start >= t) else 0
        stop += shift if stop > t else 0
        return replace(self, steps=(start, stop)) if stop > start else None


def factors(holds: Iterable[Hold], steps: int, size: int, dtype: Any) -> tuple[Array, Array]:
    """Return how a value is held: (T, n) modes in tape order (0 free, 1 set, 2 scaled) and (T, n) numbers.

    A later hold of the same unit and step replaces an earlier set; scaling a scaled value multiplies.
    """
    modes = np.zeros((steps, size), dtype=dtype)
    numbers = np.ones((steps, size), dtype=dtype)
    for hold in holds:
        place = (slice(*hold.steps), slice(*hold.units))
        with np.errstate(all="ignore"):  # 1e300 is ∞ in float32
            number = np.asarray(hold.number, np.float64).astype(dtype)
            if hold.verb == "set":
                modes[place], numbers[place] = 1, number
            else:
                modes[place] = np.where(modes[place] == 0, 2, modes[place])
                numbers[place] *= number
    return modes, numbers


def inputs_of(holds: Iterable[Hold], sizes: Mapping[str, int], steps: int, dtype: Any) -> dict[str, Array]:
    """Return the inputs that say how each held value of one pass is held, (T, n) in tape order."""
    result: dict[str, Array] = {}
    chosen = tuple(holds)
    for value in dict.fromkeys(hold.value for hold in chosen):
        mine = [hold for hold in chosen if hold.value == value]
        result.update(zip(held_inputs(value), factors(mine, steps, sizes[value], dtype), strict=True))
    return result
