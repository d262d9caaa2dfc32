"""What one unit remembers at a position, token by token: one column of the ledger, as the screen shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.ledger import Flow
from lstm_tui.engine.trace import PassTrace

Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Memory:
    """The parts of one unit's memory.

    Attributes:
        parts: What each token wrote and is still there, signed, (T,); 0 for tokens not read yet.
        read: Which tokens the pass has read, (T,).
        start: What is left of the state before the first step.
        actual: The memory itself.
        tolerance: By how much the sum may differ from it.
    """

    parts: Array
    read: Mask
    start: float
    actual: float
    tolerance: float

    @property
    def total(self) -> float:
        """The sum of all parts; it must be the memory."""
        with np.errstate(invalid="ignore"):
            return float(self.parts.sum()) + self.start

    @property
    def agrees(self) -> bool:
        """Whether the sum is the memory."""
        return abs(self.total - self.actual) <= self.tolerance

    @property
    def shares(self) -> Array:
        """Each token's part of all that is there, by size, (T,); 0 where there is nothing."""
        sizes = np.abs(self.parts)
        total = float(sizes.sum()) + abs(self.start)
        with np.errstate(invalid="ignore"):  # what is infinite has no share: NaN says so
            return sizes / total if total != 0 else np.zeros_like(sizes)


def memory_of_unit(passed: PassTrace, flow: Flow, steps: int, unit: int) -> Memory:
    """Return the parts of a unit's memory after a pass has taken so many steps.

    A token's part is what it wrote times every keep since; keeps are multiplied from the newest back, so no
    ratio of products is ever taken. One unit at a time, so that a key press never waits for it.
    """
    keep, write = flow.keep[:steps, unit], flow.write[:steps, unit]
    with np.errstate(all="ignore"):
        survives = np.concatenate([np.cumprod(keep[::-1])[::-1], [1.0]])
        by_step = np.zeros(passed.steps)
        by_step[:steps] = write * survives[1:]
        start = 0.0 if flow.start[unit] == 0 else float(flow.start[unit] * survives[0])
    read = np.arange(passed.steps) < steps
    reached = flow.reached[:steps, unit]
    actual = float(reached[-1]) if steps else float(flow.start[unit])
    largest = float(np.max(np.abs(reached), initial=abs(float(flow.start[unit]))))
    tolerance = 4 * (steps + 1) * flow.epsilon * max(largest, flow.epsilon)
    if passed.direction == "backward":
        by_step, read = by_step[::-1], read[::-1]
    return Memory(by_step, read, start, actual, tolerance)
