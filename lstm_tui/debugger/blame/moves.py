"""The step that moved a value up to where the run stands: the last one beyond a limit, or that of the largest move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.expressions import Expression, Scope, evaluate
from lstm_tui.debugger.expressions.reading import equation_waited_for
from lstm_tui.debugger.frame import Frame

Array = NDArray[np.floating[Any]]
_AT_ONCE = 4_096
_MUCH = 0.1  # of the most that a token ever had
KEPT = 0.9
"""A step that keeps more than this of what a token has loses nothing of it."""


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
        known = np.broadcast_to(was.known & now.known, size)
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


@dataclass(frozen=True)
class Losses:
    """Where a token's share of a memory was lost.

    Attributes:
        move: The step, with the share before and after it.
        others: Other steps that kept little of what the token had, the worst first: place on the tape, and part kept.
    """

    move: Move
    others: tuple[tuple[int, float], ...] = ()


def largest_losses(expression: Expression, scope: Scope, frame: Frame, sizes: Array) -> Losses | None:
    """Return the steps that kept the smallest part of what a token had, while it still had much; None without any.

    A share falls, too, where others only write beside it, and most when a memory is young. So the share is asked
    only where no step lost any of what the token itself had.

    Args:
        expression: The share.
        scope: The run, and the pass in whose order steps are counted.
        frame: Where the run stands: what it has not reached is not asked.
        sizes: What the token has after each step, whatever others have, (T,) in tape order.
    """
    steps = _steps_reached(expression, scope, frame)
    if steps == 0:
        return None
    reading = slice(None, None, -1 if scope.passed.direction == "backward" else 1)
    share = evaluate(expression, scope, 0, scope.steps).values[reading, 0][:steps]
    kept = _left(sizes[reading][:steps])
    found = [int(step) for step in np.argsort(kept, kind="stable") if kept[step] < KEPT]
    if not found:
        diluted = _left(share)
        found = [int(np.argmin(diluted))] if len(diluted) and diluted.min() < 1 else []
    if not found:
        return None
    step, *others = found
    move = Move(scope.passed.tape_place(step + 1), 0, None, float(share[step]), float(share[step + 1]))
    return Losses(move, tuple((scope.passed.tape_place(one + 1), float(kept[one])) for one in others))


def _left(series: Array) -> Array:
    """Return which part every step leaves, (T - 1,), infinite where there was too little to be lost."""
    before, after = series[:-1], series[1:]
    most = np.nanmax(before, initial=0.0)
    if not most > 0:
        return np.full(len(before), np.inf)
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.where(before >= _MUCH * most, after / before, np.inf), nan=np.inf)


def _steps_reached(expression: Expression, scope: Scope, frame: Frame) -> int:
    """Return how many steps of the scope's pass the run has taken, as far as the expression reads them."""
    position = frame.position
    if scope.pass_name != position.pass_name:
        return scope.passed.steps  # another pass has run to its end
    taken = scope.passed.reading_step(position.t)
    waits = equation_waited_for(expression, scope)
    return taken + (waits < position.equation or (waits == position.equation and position.op is None))
