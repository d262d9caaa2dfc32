"""What an expression is at many steps: numbers, truths or texts, and at which steps it is known at all.

Something is not known where its step does not exist: `f[t-1]` at the first token. A comparison with it is
neither true nor false, so that no condition holds there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Kind = Literal["number", "truth", "text"]


@dataclass(frozen=True, eq=False)
class Series:
    """One value at S steps; one row stands for all of them.

    Attributes:
        kind: What its entries are.
        values: (S, n) or (1, n): float64, bool, or texts.
        known: (S, 1) or (1, 1).
        classes: What its numbers are places in, for `argmax(output)`.
        labels: Names of its n entries, for `output`.
        units: Number of the first of its entries in what it was taken from; of `top`, nothing.
    """

    kind: Kind
    values: Array
    known: Array
    classes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    units: int | None = 0

    @property
    def size(self) -> int:
        """Entries at one step, n."""
        return int(self.values.shape[1])

    @classmethod
    def constant(cls, value: Any, kind: Kind = "number") -> Series:
        """Return what is the same at every step: one entry, or a vector."""
        dtype = {"number": np.float64, "truth": np.bool_, "text": object}[kind]
        values = np.empty((1, 1), dtype=object) if kind == "text" else np.atleast_2d(np.asarray(value, dtype=dtype))
        if kind == "text":
            values[0, 0] = value
        return cls(kind, values, KNOWN)


KNOWN = np.ones((1, 1), dtype=np.bool_)


def numbers(values: Array, known: Array) -> Series:
    """Return numbers as float64."""
    return Series("number", np.asarray(values, dtype=np.float64), known)


def truths(values: Array, known: Array) -> Series:
    """Return truths."""
    return Series("truth", np.asarray(values, dtype=np.bool_), known)


def both(left: Series, right: Series) -> Series:
    """Return `left and right`: false where one side is known to be false."""
    a, b = left.values & left.known, right.values & right.known
    no = (~left.values & left.known) | (~right.values & right.known)
    known = (left.known & right.known) | no
    return truths(a & b, np.asarray(known.all(axis=1, keepdims=True)))


def either(left: Series, right: Series) -> Series:
    """Return `left or right`: true where one side is known to be true."""
    yes = (left.values & left.known) | (right.values & right.known)
    known = (left.known & right.known) | yes
    return truths(yes, np.asarray(known.all(axis=1, keepdims=True)))
