"""Ops at every step on plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.formats.front import activate
from lstm_tui.formats.parts import Activation, Dense, Norm, Op, Scale

Array = NDArray[Any]


def apply_op(x: Array, op: Op) -> Array:
    """Return what an op makes of every step of (T, n), or of one vector (n,)."""
    if isinstance(op, Dense):
        y = x @ op.w.T
        return np.asarray(y if op.b is None else y + op.b)
    if isinstance(op, Scale):
        return np.asarray(op.s * x + op.b)
    if isinstance(op, Activation):
        return activate(x, op.function)
    assert isinstance(op, Norm)
    centre = x - x.mean(axis=-1, keepdims=True)
    y = centre / np.sqrt((centre * centre).mean(axis=-1, keepdims=True) + op.epsilon)
    y = y if op.s is None else y * op.s
    return np.asarray(y if op.b is None else y + op.b)
