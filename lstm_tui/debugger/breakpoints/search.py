"""The next stop of a run, forwards or backwards: breakpoints are asked about many steps at once.

A place in the reading order of the selected pass is one number: step times equations plus equation. What
happens in another pass stops the run where the selected pass has finished the token.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

import numpy as np

from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint
from lstm_tui.debugger.cancellation import STEPS_TOGETHER
from lstm_tui.debugger.expressions import ExpressionError, Scope
from lstm_tui.debugger.position import Frame
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.progress_call import Progress

_FIRST = 64  # steps that are asked about together at first: a stop is often near


@dataclass(frozen=True)
class SearchStop:
    """Where a search ended.

    Attributes:
        t: Place on the tape.
        equation: Equation after which the run stands; -1 at the start of the pass.
        by: The breakpoints that stop it; none at an end of the pass or when it was interrupted.
        interrupted: Whether it was told to stop.
        passed_over: How many hits of each breakpoint were ignored on the way.
        logged: What was printed on the way, a line each.
        said: What the commands of the breakpoints that stop it printed, a line each.
        silent: Whether those commands want nothing else said of the stop.
    """

    t: int
    equation: int
    by: tuple[Breakpoint, ...] = ()
    interrupted: bool = False
    passed_over: dict[int, int] = field(default_factory=dict)
    logged: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    silent: bool = False


def next_stop(
    frame: Frame,
    breakpoints: tuple[Breakpoint, ...],
    scope_of: Callable[[str], Scope],
    forward: bool = True,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> SearchStop:
    """Return the next place at which a breakpoint stops the run, or the end of the pass.

    Args:
        frame: Where the run stands.
        breakpoints: Those that are asked.
        scope_of: The scope of a pass.
        forward: In the reading order, or against it.
        progress: Called with the steps that were looked at and all of them.
        cancelled: Asked between one part of the run and the next; a KeyboardInterrupt does the same.

    Raises:
        UserError: A breakpoint means nothing in this run.
    """
    passed, position = frame.passed, frame.position
    equations, steps = len(frame.equations), frame.steps
    here = passed.reading_step(frame.t) * equations + position.equation - (0.5 if position.op is not None else 0)
    left = {one.number: one.ignore for one in breakpoints}
    over: dict[int, int] = {}

    def place(step: int) -> int:
        return passed.tape_place(step)

    first = max(int(here // equations), 0)
    edge = first if forward else first + 1  # what lies beyond was looked at
    size, looked = _FIRST, 0
    total = steps - first if forward else first + 1
    try:
        while (edge < steps) if forward else (edge > 0):
            begin, end = (edge, min(edge + size, steps)) if forward else (max(edge - size, 0), edge)
            found = _keys(frame, breakpoints, scope_of, begin, end)
            for key, numbers in _sorted(found, here, forward):
                stops = []
                for number in numbers:
                    if left[number] > 0:
                        left[number] -= 1
                        over[number] = over.get(number, 0) + 1
                    else:
                        stops.append(number)
                if stops:
                    by = tuple(one for one in breakpoints if one.number in stops)
                    return SearchStop(place(key // equations), key % equations, by, passed_over=over)
            edge = end if forward else begin
            looked += end - begin
            size = min(2 * size, STEPS_TOGETHER)
            if progress is not None:
                progress(looked, total)
            if cancelled is not None and cancelled():
                break
    except KeyboardInterrupt:
        pass
    if (edge < steps) if forward else (edge > 0):  # after the last step that was looked at, or before it
        if not looked:
            return SearchStop(frame.t, position.equation, interrupted=True)
        t, equation = (place(edge - 1), equations - 1) if forward else (place(edge), 0)
        return SearchStop(t, equation, interrupted=True, passed_over=over)
    return SearchStop(place(steps - 1 if forward else 0), equations - 1 if forward else -1, passed_over=over)


def _keys(
    frame: Frame, breakpoints: tuple[Breakpoint, ...], scope_of: Callable[[str], Scope], begin: int, end: int
) -> list[tuple[int, Array]]:
    """Return where each breakpoint is hit among some steps, as places in the reading order."""
    passed, equations = frame.passed, len(frame.equations)
    low, high = sorted((passed.tape_place(begin), passed.tape_place(end - 1)))
    keys = []
    for one in breakpoints:
        try:
            hits = one.trigger.hits(scope_of(one.pass_name), low, high + 1)
        except ExpressionError as error:
            raise UserError(f"{one.word} {one.number} means nothing in this run: {error.said}") from None
        for some in hits:
            equation = some.equation if some.pass_name == passed.name else equations - 1
            read = some.places if passed.direction == "forward" else frame.steps - 1 - some.places
            keys.append((one.number, np.asarray(read * equations + equation, dtype=np.int64)))
    return keys


def _sorted(found: list[tuple[int, Array]], here: float, forward: bool) -> list[tuple[int, list[int]]]:
    """Return the places beyond the present one in the order in which they come, with the breakpoints hit there."""
    if not found:
        return []
    keys = np.concatenate([each for _, each in found])
    numbers = np.concatenate([np.full(len(each), number) for number, each in found])
    beyond = keys > here if forward else keys < here
    keys, numbers = keys[beyond], numbers[beyond]
    order = np.lexsort((numbers, keys if forward else -keys))
    result: list[tuple[int, list[int]]] = []
    for key, number in zip(keys[order].tolist(), numbers[order].tolist(), strict=True):
        if result and result[-1][0] == key:
            if number not in result[-1][1]:
                result[-1][1].append(number)
        else:
            result.append((key, [number]))
    return result
