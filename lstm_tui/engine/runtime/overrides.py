"""Values of a run that are held: set or scaled for some units over some steps, whatever the equations say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import held_inputs, is_entering
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.cuts import moved

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
        stride: How far one place lies from the next.
    """

    pass_name: str
    value: str
    units: tuple[int, int]
    steps: tuple[int, int]
    verb: Literal["set", "scale"]
    number: float | tuple[float, ...]
    stride: int = 1

    @property
    def places(self) -> range:
        """The places on the tape at which it holds."""
        return range(*self.steps, self.stride)

    def within(self, start: int, stop: int) -> Hold:
        """Return it as it lies on the places from `start` to before `stop`, which are counted from 0 there.

        It may hold none of them.
        """
        first, last = self.steps
        if first < start:
            first += -(-(start - first) // self.stride) * self.stride
        first, last = first - start, min(last, stop) - start
        return replace(self, steps=(first, last) if first < last else (0, 0))

    @property
    def is_reset(self) -> bool:
        """Whether it is of a state as a step finds it, which an edit has set back there."""
        return is_entering(self.value)

    def shifted(self, t: int, shift: int) -> Hold | None:
        """Return the hold after a token was inserted before place t (+1) or deleted there (-1), or None with it.

        What holds every so many places stays at the same places, whatever stands there; a reset lies between tokens,
        and is there still when one of them has gone.
        """
        if not shift or self.stride > 1:
            return self
        if self.is_reset:
            ahead = int(self.pass_name.endswith("backward"))  # its place is the token in front of the cut
            cut = moved(self.steps[0] + ahead, t, shift)
            return replace(self, steps=(cut - ahead, cut - ahead + 1)) if cut >= ahead else None
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
        place = (slice(*hold.steps, hold.stride), slice(*hold.units))
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
