"""What it would change if the state were that of the beginning again before a token: a twin for every place.

The twin is run, not estimated: it begins at the token and reads it and some behind it, with the same edits. It is what
an application gets that makes a new state there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.chunked_run import refuse_both_ways
from lstm_tui.engine.runtime.forward import RunBuffers, run_arrays
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.runtime.windowed_series import rows_of

MOST_STEPS = 20_000
"""Steps that all twins take together."""
FREE = 1e-3
"""Up to which change of what the network says a reset costs nothing."""


@dataclass(frozen=True, eq=False)
class ResetCost:
    """What a reset before each place would change.

    Attributes:
        first: The first place that was tried.
        within: How many tokens each twin read, from that place on, as far as there are so many.
        states: How far the states behind that token are from the twin's, at most, (N,).
        outputs: How far what is said at those tokens is from what the twin says, at most, (N,).
        said: What is compared: `output`, or what the top layer shows.
    """

    first: int
    within: int
    states: Array
    outputs: Array
    said: str

    @property
    def free(self) -> list[int]:
        """The places before which a reset costs nothing."""
        return [self.first + int(n) for n in np.flatnonzero(self.outputs <= FREE)]


def reset_cost(
    trace: Trace, within: int, at: int | None = None, progress: Callable[[int, int], None] | None = None
) -> ResetCost:
    """Run a twin from every place of a run, or, where these are too many, from those up to one place.

    Args:
        trace: The run, with its edits.
        within: How many tokens a twin reads.
        at: The last place that is asked of, where not all can be; the end by default.
        progress: Called with the places done and the places in all.

    Raises:
        UserError: The network reads both ways, or is not here, or `within` is none.
    """
    ran, network = trace.ran, trace.network
    if ran is None or network is None:
        raise UserError("the network of this trace is not here: open it with its text")
    refuse_both_ways(network)
    steps = len(trace.sequence)
    if not 1 <= within <= MOST_STEPS:
        raise UserError(f"a twin reads 1 to {MOST_STEPS} tokens, such as: reset-cost 16")
    count = min(steps, max(MOST_STEPS // min(within, steps), 1))
    stop = steps if count == steps else min((steps if at is None else at + 1), steps)
    first = max(0, stop - count)
    states, outputs = np.zeros(stop - first), np.zeros(stop - first)
    for n, t in enumerate(range(first, stop)):
        upto = min(t + within, steps)
        x = np.ascontiguousarray(rows_of(ran.x, t, upto))
        twin = run_arrays(network, x, ran.interpreter, holds=_from(ran.holds, t, upto))
        for one in network.passes:
            for state in one.cell.state:
                mine = rows_of(ran.stored[one.name].values[state], t, t + 1)
                states[n] = max(states[n], _apart(mine, twin.stored[one.name].values[state][:1]))
        outputs[n] = _apart(said_of(ran, t, upto), said_of(twin, 0, upto - t))
        if progress is not None:
            progress(n + 1, stop - first)
    by_token = network.readout is not None and network.readout.page.per_token
    return ResetCost(first, within, states, outputs, "output" if by_token else network.layers[-1].passes[0].cell.output)


def said_of(ran: RunBuffers, start: int, stop: int) -> Array:
    """Return what is said at some tokens, (n, K): by a readout at each token, else what the top layer shows."""
    readout = ran.network.readout
    if readout is None or not readout.page.per_token or ran.readout is None:
        return np.asarray(rows_of(ran.merged[-1], start, stop))
    series = ran.readout.values[readout.page.result]
    rows = rows_of(series, start, stop) if series.ndim == 2 else np.broadcast_to(series, (stop - start, len(series)))
    return np.asarray(rows)


def _from(holds: tuple[Hold, ...], start: int, stop: int) -> list[Hold]:
    """Return holds as they lie on the tokens from one place to before another."""
    return [made for hold in holds if (made := hold.within(start, stop)).places]


def _apart(mine: Array, theirs: Array) -> float:
    """Return the largest difference; NaN where it is not known."""
    with np.errstate(all="ignore"):
        apart = np.where(mine == theirs, 0.0, np.abs(np.asarray(mine, np.float64) - theirs))
    return float(apart.max(initial=0.0))
