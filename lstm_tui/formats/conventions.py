"""What a file written by the book never needs: rows, biases, matrices and gates read as another program meant them.

`inspect` does not list these decisions, since the file or its format says what holds; `--set` takes each of them, and
`verify` tries them where a recording differs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.formats import gates
from lstm_tui.formats.activations import GATES
from lstm_tui.formats.parts import Recurrent
from lstm_tui.formats.report import Report

Array = NDArray[np.floating[Any]]
_LARGEST_BIAS = 1e6


def gate_order(kind: str, own: str, key: str, report: Report) -> str:
    """Return the gates in the order of their rows, which the format fixes and some converters got wrong.

    Raises:
        UserError: The user said an order of other gates.
    """
    if len(own) == 1:
        return own
    others = [one for one in gates.OTHER_ORDERS[kind] if one != own]
    return checked_order(report.offer(f"{key}.gate_order", own, others, free=True), own, key)


def checked_order(order: str, own: str, key: str) -> str:
    """Return an order, the candidate called as the equations call it.

    Raises:
        UserError: It is no order of these gates.
    """
    candidate = "g" if "g" in own else "n"
    named = order.replace("c" if candidate == "g" else "h", candidate)
    if sorted(named) != sorted(own):
        raise UserError(f"--set {key}.gate_order={visible(order)}: it should be {' '.join(own)} in another order")
    return named


def biases(count: int, key: str, report: Report) -> str:
    """Return how the biases of a layer are meant: two that add, of which one may be a copy; one that may add twice."""
    if count == 0:
        return "none"
    if count == 2:
        return report.offer(f"{key}.biases", "both", ("input", "recurrent"))
    return report.offer(f"{key}.biases", "once", ("twice",))


def meant(reading: str, b: Array | None, c: Array | None) -> tuple[Array | None, Array | None]:
    """Return the bias beside W and the one beside U, as `biases` reads them."""
    if reading == "input":
        return b, None
    if reading == "recurrent":
        return c, None
    return (b, b) if reading == "twice" else (b, c)


def reread(part: Recurrent, kind: str, key: str, report: Report) -> Recurrent:
    """Return a layer as the user decides: its matrices turned, its forget bias raised, its gates meant otherwise.

    Args:
        part: As its format says.
        kind: lstm, gru or rnn.
        key: Of the layer in the report.
        report: Decides, and learns of each decision that it could have been.

    Raises:
        UserError: A decision is of no known kind.
    """
    part = _turned(part, key, report)
    if kind == "lstm" and "b_f" in part.passes[0][1]:
        part = _raised(part, key, report)
    if kind == "gru":
        part = _kept(_reset(part, key, report), key, report)
    slot, fact, choices = ("candidate", "activation", ("tanh", "relu")) if kind == "rnn" else (
        "gates", "gate_activation", GATES)  # fmt: skip
    now = part.functions.get(slot, choices[0])
    if "=" not in now and not report.decides(f"{key}.{fact}"):
        taken = report.offer(f"{key}.{fact}", now, choices)
        part = replace(part, functions={**part.functions, slot: taken})
    return part


def _each(part: Recurrent, change: Callable[[dict[str, Array]], Mapping[str, Array]]) -> Recurrent:
    return replace(part, passes=[(direction, change(dict(given))) for direction, given in part.passes])


def _turned(part: Recurrent, key: str, report: Report) -> Recurrent:
    """Turn matrices gate by gate; where one is square, its shape does not tell which way round it stands."""
    if part.sizes:  # a projection: no recurrent matrix is square
        return part
    others = ("recurrent", "input", "both") if part.inputs == part.hidden else ("recurrent",)
    which = report.offer(f"{key}.transposed", "none", others)
    letters = {"none": "", "recurrent": "U", "input": "W", "both": "UW"}[which]
    return _each(part, lambda given: {name: one.T if name[0] in letters else one for name, one in given.items()})


def _raised(part: Recurrent, key: str, report: Report) -> Recurrent:
    """Add what TensorFlow 1 and DyNet add to the forget bias at run time, and no file of theirs holds."""
    said = report.offer(f"{key}.forget_bias", "0", ("1",), free=True)
    try:
        more = float(said)
    except ValueError:
        more = np.nan
    if not abs(more) <= _LARGEST_BIAS:
        raise UserError(f"--set {key}.forget_bias={visible(said)}: it should be a number, such as 1")
    return _each(part, lambda given: {**given, "b_f": given["b_f"] + given["b_f"].dtype.type(more)}) if more else part


def _reset(part: Recurrent, key: str, report: Report) -> Recurrent:
    """Reset before the product or after it, where the file says one of them."""
    own = "after" if part.cell == "gru" else "before"
    if report.decides(f"{key}.reset"):
        return part
    if report.offer(f"{key}.reset", own, ("before" if own == "after" else "after",)) == own:
        return part
    if own == "after":
        cell, part = "gru_reset_before", _each(part, _merged)
    else:
        cell, part = "gru", _each(part, _parted)
    return replace(part, cell=cell, without=gates.missing(cell, part.passes[0][1]))


def _merged(given: dict[str, Array]) -> dict[str, Array]:
    recurrent = given.pop("c_n", None)
    return given if recurrent is None else {**given, "b_n": given["b_n"] + recurrent}


def _parted(given: dict[str, Array]) -> dict[str, Array]:
    return {**given, "c_n": np.zeros_like(given["b_n"])} if "b_n" in given else given


def _kept(part: Recurrent, key: str, report: Report) -> Recurrent:
    """Let the update gate write, as Chung et al. 2014 have it, and not keep: 1 - sigmoid(a) is sigmoid(-a)."""
    if report.offer(f"{key}.update", "keep", ("write",)) == "keep":
        return part
    return _each(part, lambda given: {name: -one if name[2:] == "z" else one for name, one in given.items()})
