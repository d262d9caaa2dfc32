"""An edit that moves a value along a direction with a name, by the least change that makes it a number."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

import numpy as np

from lstm_tui.debugger.edits.language import PatchEdit
from lstm_tui.debugger.features import Feature
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, read_number, sentence
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.run import input_of, run_arrays, trace_of
from lstm_tui.engine.text_safety import visible

MOST_HELD = 64
"""Tokens over which a feature is held by one edit: the run is made once more for each."""


def set_along(session: Session, feature: Feature, steps: range, text: str) -> PatchEdit:
    """Return the edit that moves a value by as little as makes a direction of it a number, at some tokens.

    At more than one it is held there: each row is what the run has at that token with those before it held, moved.

    Args:
        session: What is edited.
        feature: The direction.
        steps: Places of the tape.
        text: The number, as it was typed.

    Raises:
        UserError: It is no number, or the value is not finite there, or no such change makes it that number.
    """
    name = feature.name
    if not steps or len(steps) > MOST_HELD:
        raise UserError(f"{count_of(len(steps), 'token')} there: a feature is held over 1 to {MOST_HELD} at a time")
    passed = session.frame.trace.passes.get(feature.pass_name)
    if passed is None or feature.value not in passed or passed[feature.value].shape[1] != len(feature.weights):
        raise UserError(f"this run has no {feature.pass_name}.{feature.value} of which {name} is a direction")
    number = read_number(text)
    if number is None or not isfinite(number):
        raise UserError(f"`{visible(text[:40])}` is no finite number, such as: set {name} @ {steps.start} = 1")
    rows: dict[int, tuple[float, ...]] = {}
    for t in sorted(steps, key=passed.reading_step):
        row = _row_held(session, feature, t, rows)
        moved = feature.nearest(row, number).astype(row.dtype)
        if not np.isfinite(moved).all():
            raise UserError(f"{name} cannot be {visible(text[:20])}: the value there would be too large")
        _check_comes_out(feature, moved, number)
        rows[t] = tuple(map(float, moved))
    sum_alone = feature.behind is not None and feature.behind.dictionary is not None
    return PatchEdit(
        feature.pass_name, feature.value, (None, None), (steps.start, steps.stop), tuple(rows[t] for t in steps),
        f"the least change of {feature.value} by which {'the sum of ' * sum_alone}{name} is {sentence(number)}",
    )  # fmt: skip


def _row_held(session: Session, feature: Feature, t: int, rows: Mapping[int, tuple[float, ...]]) -> Array:
    """Return the value at a token in the run with rows of others held, (n,)."""
    trace = session.frame.trace
    if not rows:
        return np.asarray(trace[feature.pass_name][feature.value][t])
    if trace.ran is None or trace.network is None or trace.windows is not None:
        raise UserError(f"this run is not run again: {feature.name} is set at one token at a time")
    holds = tuple(
        Hold(feature.pass_name, feature.value, (0, len(row)), (at, at + 1), "set", row) for at, row in rows.items()
    )
    initial = {name: stored.initial for name, stored in trace.ran.stored.items()}
    x = input_of(trace.network, trace.sequence, trace.dtype)
    ran = run_arrays(trace.network, x, trace.interpreter, initial, holds=(*trace.ran.holds, *holds))
    return np.asarray(trace_of(ran, trace.sequence)[feature.pass_name][feature.value][t])


def _check_comes_out(feature: Feature, row: Array, number: float) -> None:
    """Refuse a row at which another number comes out than was asked for.

    Raises:
        UserError: Other rows of the dictionary are larger.
    """
    behind = feature.behind
    if behind is None or behind.dictionary is None or number == 0:
        return
    out = float(feature.of(row[None])[0, 0])
    if not out > 0:
        raise UserError(
            f"{feature.name} cannot be {sentence(number)} by the least change: its sum would be, and "
            f"{behind.k} others of the dictionary are larger there, so it stays {sentence(out)}"
        )
