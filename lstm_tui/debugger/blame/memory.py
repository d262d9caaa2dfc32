"""Who lost a token's share of the memory: a gate that did not keep it, or others that wrote over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_tui.analysis.flow import flow_of
from lstm_tui.debugger.blame.moves import KEPT
from lstm_tui.debugger.expressions.shares import sizes_of
from lstm_tui.debugger.worked import values_in
from lstm_tui.engine.roles import update_of
from lstm_tui.engine.trace import PassTrace


@dataclass(frozen=True)
class Loss:
    """How a memory was lost in one step.

    Attributes:
        kept: Which part of what the token had is left, 0 to 1 (of sizes, over all units asked for).
        written: Which part of the memory after the step the step itself wrote.
        unit: The unit in which most was lost.
        by_keeping: Whether the gate that keeps lost it, rather than what was written over it.
        values: Values of the cell that did it: those of the keep, or those of the writes.
    """

    kept: float
    written: float
    unit: int
    by_keeping: bool
    values: tuple[str, ...]


def loss_at(
    passed: PassTrace, state: str, places: tuple[int, ...], units: tuple[int, int | None], t: int
) -> Loss | None:
    """Return how some tokens lost their share of a memory at a place; None at the first step of the pass."""
    step = passed.reading_step(t)
    update, flow = update_of(passed.cell, state), flow_of(passed, state)
    if step == 0 or update is None or flow is None:
        return None
    of_them, of_all = sizes_of(passed, state, places, units)
    before, after = of_them[passed.tape_place(step - 1)], of_them[t]
    wrote = np.abs(flow.write[step, units[0] : units[1]]).sum()
    total = of_all[t].sum()
    kept = float(after.sum() / before.sum()) if before.sum() > 0 else 1.0
    by_keeping = kept < KEPT
    return Loss(
        kept=kept,
        written=float(wrote / total) if total > 0 else 0.0,
        unit=units[0] + int(np.argmax(before - after)),
        by_keeping=by_keeping,
        values=values_in([update.keep] if by_keeping else update.writes, passed),
    )


@dataclass(frozen=True)
class Parts:
    """The change of a memory in one step as keeping and writing made it; they sum to it."""

    lost: float
    wrote: float
    values: tuple[str, ...]


def parts_of_change(passed: PassTrace, state: str, unit: int, t: int) -> Parts | None:
    """Return what keeping lost and what was written in one unit; None where the update is not linear."""
    update, flow = update_of(passed.cell, state), flow_of(passed, state)
    if update is None or flow is None:
        return None
    step = passed.reading_step(t)
    before = float(passed.previous(state, t)[unit])
    lost, wrote = float((flow.keep[step, unit] - 1.0) * before), float(flow.write[step, unit])
    return Parts(lost, wrote, values_in([update.keep] if abs(lost) > abs(wrote) else update.writes, passed))
