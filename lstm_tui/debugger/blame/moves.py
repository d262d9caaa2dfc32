"""The step that moved a value up to where the run stands: the last one beyond a limit, or that of the largest move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_tui.debugger.expressions import Expression, Scope, evaluate
from lstm_tui.debugger.expressions.reading import equation_waited_for
from lstm_tui.debugger.frame import Frame

_AT_ONCE = 4_096
_MUCH = 0.1  # of the largest share a token had


@dataclass(frozen=True)
class Move:
    """One step of one entry of an expression.

    Attributes:
        t: Place on the tape at which it moved.
        entry: Which entry of a vector.
        unit: Number of that entry in what it was taken from; None where it has none.
        before: What it was one step earlier.
        after: What it became.
    """

    t: int
    entry: int
    unit: int | None
    before: float
    after: float


def last_move(
    expression: Expression, scope: Scope, frame: Frame, by: float | None = None, falls: bool = False
) -> Move | None:
    """Return the step that moved an expression; None where nothing did.

    Args:
        expression: Numbers, or true and false, which move by 1.
        scope: The run, and the pass in whose order steps are counted.
        frame: Where the run stands: what it has not reached is not asked.
        by: The last step that moved it by more than this; None takes the step that moved it most.
        falls: Whether only a fall counts.
    """
    best: Move | None = None
    largest = 0.0 if by is None else by
    end = _steps_reached(expression, scope, frame)
    while end > 0:
        begin = max(end - _AT_ONCE, 0)
        low, high = sorted((scope.passed.tape_place(begin), scope.passed.tape_place(end - 1)))
        was, now = (evaluate(expression, scope, low, high + 1, earlier) for earlier in (1, 0))
        size = (high + 1 - low, now.size)
        with np.errstate(all="ignore"):
            change = np.broadcast_to(now.values.astype(np.float64) - was.values.astype(np.float64), size)
        known = np.broadcast_to(was.known & now.known, (size[0], 1))
        far = np.where(known & ~np.isnan(change), -change if falls else np.abs(change), 0.0)
        order = np.arange(size[0]) if scope.passed.direction == "forward" else np.arange(size[0])[::-1]
        rows = far[order].max(axis=1)
        found = np.flatnonzero(rows > largest)
        if len(found):
            row = int(order[found[-1] if by is not None else int(np.argmax(rows))])
            entry = int(np.argmax(far[row]))
            before, after = (float(np.broadcast_to(one.values, size)[row, entry]) for one in (was, now))
            best = Move(low + row, entry, None if now.units is None else now.units + entry, before, after)
            if by is not None:
                return best
            largest = float(rows.max())
        end = begin
    return best


def largest_loss(expression: Expression, scope: Scope, frame: Frame) -> Move | None:
    """Return the step that took the largest part of a share, while there was still much of it; None without any.

    A share falls most when a memory is young and others begin to write beside it. It is lost where little is
    left of what there was: of the steps before which it had at least a tenth of its peak, the one that left the
    smallest part.
    """
    steps = _steps_reached(expression, scope, frame)
    if steps == 0:
        return None
    reading = slice(None, None, -1 if scope.passed.direction == "backward" else 1)
    share = evaluate(expression, scope, 0, scope.steps).values[reading, 0][:steps]
    before, after = share[:-1], share[1:]
    if not len(before) or not np.nanmax(before, initial=0.0) > 0:
        return None
    with np.errstate(all="ignore"):
        left = np.where(before >= _MUCH * np.nanmax(before), after / before, np.inf)
    step = int(np.nanargmin(left))
    if not left[step] < 1:
        return None
    return Move(scope.passed.tape_place(step + 1), 0, None, float(before[step]), float(after[step]))


def _steps_reached(expression: Expression, scope: Scope, frame: Frame) -> int:
    """Return how many steps of the scope's pass the run has taken, as far as the expression reads them."""
    position = frame.position
    taken = scope.passed.reading_step(position.t)
    if scope.pass_name != position.pass_name:
        return taken + 1
    waits = equation_waited_for(expression, scope)
    return taken + (waits < position.equation or (waits == position.equation and position.op is None))
