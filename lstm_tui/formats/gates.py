"""Packed weights taken apart: which rows of a matrix belong to which gate, in each framework's order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.cell import load_cell
from lstm_tui.engine.errors import UserError

Array = NDArray[np.floating[Any]]

TORCH = {"lstm": "ifgo", "gru": "rzn", "rnn": "h"}
KERAS = {"lstm": "ifgo", "gru": "zrn", "rnn": "h"}
ONNX = {"lstm": "iofg", "gru": "zrn", "rnn": "h"}
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
OTHER_ORDERS = {"lstm": ("ifgo", "iofg", "igfo", "figo", "fiog"), "gru": ("rzn", "zrn"), "rnn": ("h",)}
"""Orders that are met; shapes never tell one from another."""

KINDS = {4: "lstm", 3: "gru", 1: "rnn"}


def unpack(
    cell: str,
    order: str,
    w: Array,
    u: Array,
    b: Array | None = None,
    c: Array | None = None,
    reset_after: bool = True,
) -> dict[str, Array]:
    """Return the parameters of a pass by their names in the equations.

    Two biases are added where the equations have one; only a GRU that resets after the product keeps the
    recurrent bias of its candidate apart.

    Args:
        cell: lstm, gru or rnn.
        order: The gates in the order of their rows.
        w: From the input, (gates*H, I).
        u: From the hidden state, (gates*H, P).
        b: Bias beside w, (gates*H,).
        c: Bias beside u, (gates*H,).
        reset_after: Whether a GRU resets after the product.
    """
    count = len(order)
    rows = w.shape[0] // count
    result: dict[str, Array] = {}
    for n, gate in enumerate(order):
        part = slice(n * rows, (n + 1) * rows)
        result[f"W_{gate}"] = w[part]
        result[f"U_{gate}"] = u[part]
        if cell == "gru" and gate == "n" and reset_after:
            if b is not None or c is not None:
                zero = np.zeros(rows, w.dtype)
                result["b_n"] = zero if b is None else b[part]
                result["c_n"] = zero if c is None else c[part]
        else:
            given = [one[part] for one in (b, c) if one is not None]
            if given:
                result[f"b_{gate}"] = given[0] if len(given) == 1 else given[0] + given[1]
    return result


def missing(cell: str, parameters: Mapping[str, Array]) -> tuple[str, ...]:
    """Return the optional parameters of a cell that a file does not have."""
    return tuple(name for name in load_cell(cell).optional if name not in parameters)


def peepholes(p: Array, hidden: int, order: str = "iof") -> dict[str, Array]:
    """Return the peepholes of an LSTM, packed (3*H,)."""
    if p.shape != (3 * hidden,):
        raise UserError(f"peepholes should be {3 * hidden} numbers, and are {'×'.join(map(str, p.shape))}")
    return {f"p_{gate}": p[n * hidden : (n + 1) * hidden] for n, gate in enumerate(order)}
