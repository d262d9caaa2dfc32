"""Token by token: how much what is read at one place moves what a pass says at another, by gradient and by deletion.

The gradient says what a small change of the input would do, deletion what a large one does. Rows are the places that
are moved, columns those that move them; a forward pass fills one side of the diagonal, a backward pass the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lstm_tui.analysis.gradient_flow import jacobians
from lstm_tui.analysis.influence import to_run
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.batch import run_each
from lstm_tui.engine.runtime.trace import PassTrace, Trace

MOST_TOKENS = 64


def tokens_within(trace: Trace, t: int) -> range:
    """Return the places a map is made of: all, or so many up to `t` as a map can show."""
    count = len(trace.sequence)
    stop = count if count <= MOST_TOKENS else max(t + 1, MOST_TOKENS)
    return range(max(0, stop - MOST_TOKENS), stop)


def moved_value(passed: PassTrace) -> str:
    """Return the value that a map is of: the output, or the first state where the output is not carried on."""
    return passed.cell.output if passed.cell.output in passed.cell.state else passed.cell.state[0]


def gradient_rows(passed: PassTrace, places: range) -> Iterator[tuple[int, Array]]:
    """Yield each place that moves others, with how much it moves them, (P,): a column of the map.

    The number is the norm of the gradient of the pass's output there (see `moved_value`) by the pass's own input
    here; 0 where the pass reads that place earlier.

    Raises:
        UserError: If the trace has no network, or the run is too long.
    """
    order = sorted(places, key=passed.reading_step)
    first, behind = passed.reading_step(order[0]), passed.reading_step(order[-1]) + 1
    steps = jacobians(passed, first, behind, inputs=True)
    output = steps.places[moved_value(passed)]
    for number, t in enumerate(order):
        column = np.zeros(len(places))
        moved = steps.by_x[number]  # (n, I)
        with np.errstate(all="ignore"):
            for later in range(number, len(order)):
                if later > number:
                    moved = steps.carried[later] @ moved
                column[order[later] - places.start] = np.linalg.norm(moved[output])
        yield t, column


def deletion_rows(trace: Trace, passed: PassTrace, places: range) -> Iterator[tuple[int, Array]]:
    """Yield each place with how far the pass's output moves at every other when its token is left out, (P,).

    NaN at the place itself, which is no longer there.

    Raises:
        UserError: If the trace has no network, or reads numbers.
    """
    network, sequence, ran = trace.network, trace.sequence, trace.ran
    if network is None or ran is None:
        raise UserError("this trace came from a file without its network: nothing can be run again")
    if sequence.ids is None:
        raise UserError("only tokens of a text can be left out")
    value = moved_value(passed)
    before: Array = passed[value]
    runs = run_each(network, (to_run(trace, t) for t in places), trace.interpreter)
    for t in places:
        column = np.full(len(places), np.nan)
        if len(sequence) > 1:
            series = next(runs).stored[passed.name]
            after = series.values[value]
            after = after if passed.direction == "forward" else after[::-1]
            for other in places:
                if other != t:
                    with np.errstate(all="ignore"):  # of what is infinite there is no difference: NaN says so
                        apart = after[other - (other > t)].astype(np.float64) - before[other]
                        column[other - places.start] = np.linalg.norm(apart)
        yield t, column
