"""The step that moved a value up to where the run stands: the last one beyond a limit, or that of the largest move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstm_tui.debugger.cancellation import STEPS_TOGETHER
from lstm_tui.debugger.expressions import Expression, Scope, evaluate
from lstm_tui.debugger.expressions.dependencies import equation_waited_for
from lstm_tui.debugger.position import Frame
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible


@dataclass(frozen=True)
class Move:
    """One step of one entry of an expression.

    Attributes:
        t: Place on the tape at which it moved.
        entry: Which entry of a vector.
        unit: Number of that entry in what it was taken from; None where it has none.
        name: What moved, as it may be asked for.
        before: What it was one step earlier.
        after: What it became.
        unknown: Steps that were looked at, too, and of which no change is known, since it is NaN.
    """

    t: int
    entry: int
    unit: int | None
    name: str
    before: float
    after: float
    unknown: int = 0


def last_move(
    expression: Expression, scope: Scope, frame: Frame, by: float | None = None, falls: bool = False
) -> Move | int:
    """Return the step that moved an expression, or of how many steps no change is known where none did.

    A step moves an entry by the size of the difference between the entry and what it was a step earlier; by NaN
    nothing is known to move. Of steps that moved it equally far, the first one moved it most.

    Args:
        expression: Numbers, or true and false, which move by 1.
        scope: The run, and the pass in whose order steps are counted.
        frame: Where the run stands: what it has not reached is not asked.
        by: The last step that moved any entry by more than this; None takes the step that moved one most.
        falls: Whether only a fall counts.
    """
    best: Move | None = None
    largest, unknown = 0.0, 0
    end = steps_reached(expression, scope, frame)
    while end > 0:
        begin = max(end - STEPS_TOGETHER, 0)
        low, high = sorted((scope.passed.tape_place(begin), scope.passed.tape_place(end - 1)))
        was, now = (evaluate(expression, scope, low, high + 1, earlier) for earlier in (1, 0))
        size = (high + 1 - low, now.size)
        with np.errstate(all="ignore"):
            change = np.broadcast_to(now.values.astype(np.float64) - was.values.astype(np.float64), size)
        known = np.broadcast_to(was.known & now.known, size)
        far = np.where(known & ~np.isnan(change), -change if falls else np.abs(change), 0.0)
        order = np.arange(size[0]) if scope.passed.direction == "forward" else np.arange(size[0])[::-1]
        rows = far[order].max(axis=1)
        none = np.any(known & np.isnan(change), axis=1)[order]
        found = np.flatnonzero(rows > by) if by is not None else np.flatnonzero((rows > 0) & (rows >= largest))
        if len(found):
            which = int(found[-1]) if by is not None else int(np.argmax(rows))
            row = int(order[which])
            entry = int(np.argmax(far[row]))
            before, after = (float(np.broadcast_to(one.values, size)[row, entry]) for one in (was, now))
            unit = now.unit_of(entry)
            name = (
                visible(expression.text.strip()) if now.size == 1 else expression.entry_of(expression.node, now, entry)
            )
            best = Move(low + row, entry, unit, name, before, after, unknown + int(none[which + 1 :].sum()))
            if by is not None:
                return best
            largest = float(rows.max())
        unknown += int(none.sum())
        end = begin
    return unknown if best is None else replace(best, unknown=unknown)


def steps_reached(expression: Expression, scope: Scope, frame: Frame) -> int:
    """Return how many steps of the scope's pass the run has taken, as far as the expression reads them."""
    position = frame.position
    if scope.pass_name != position.pass_name:
        return scope.passed.steps  # another pass has run to its end
    taken = scope.passed.reading_step(position.t)
    waits = equation_waited_for(expression, scope)
    return taken + (waits < position.equation or (waits == position.equation and position.op is None))
