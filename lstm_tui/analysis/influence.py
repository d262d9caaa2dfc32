"""What moves an output: gradients by every token's input and every state, and the effect of leaving a token out.

The ledger says what is in the memory with the gates held. Gradients say what a small change of an input would
do, gates included; deletion says what a large one does. The three answer different questions and differ.

Token by token, rows are the places that are moved and columns those that move them; a forward pass fills one side of
the diagonal, a backward pass the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.gradient_flow import jacobians
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.row_labels import row_labels
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.adjoint_windows import AdjointWindows
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.forward import tape_order
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.run import RunBuffers, gradients, input_of
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_run import begin_like, windowed_arrays
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, as_array, is_windowed, rows_of


@dataclass(frozen=True)
class Target:
    """What is asked about.

    Attributes:
        label: How it is called on the screen.
        class_index: A class of the network's output, or None.
        t: For a class said at every token, the token at which it is said; for a value, its place on the tape.
        pass_name: The pass of a value, or None.
        value: A value such as `c`, or None.
        unit: Which unit of it.
    """

    label: str
    class_index: int | None = None
    t: int | None = None
    pass_name: str | None = None
    value: str | None = None
    unit: int = 0


@dataclass(frozen=True, eq=False)
class Influence:
    """The gradient of one number by everything before it.

    Attributes:
        target: What was asked.
        number: Its value.
        by_x: By the input of the lowest layer, (T, I).
        by_state: By each state and the output of each pass: pass name to value name to (T, n) in tape order.
        of_token: Gradient times input summed over the input, (T,): what the token adds to first order.
        size: Norm of the gradient by each token's input, (T,).
        places: The T places of the tape of which it was asked.
    """

    target: Target
    number: float
    by_x: Array
    by_state: dict[str, dict[str, Array]]
    of_token: Array
    size: Array
    places: range


MOST_ASKED = 512
"""Tokens that are asked about in a run that is held in windows: more is a table that nobody reads to its end."""


def places_asked(trace: Trace, target: Target) -> range:
    """Return the tokens of which a target is asked: all, or of a run in windows so many up to the target's place."""
    count = len(trace.sequence)
    if trace.windows is None:
        return range(count)
    if target.t is not None:
        t = target.t
    else:  # the end of the tape, where a pass has read it all
        t = count - 1 if any(one.direction == "forward" for one in trace.values()) else 0
    return _range_at(t, count, MOST_ASKED)


def _range_at(t: int, count: int, most: int) -> range:
    """Return all places, or so many up to one."""
    stop = count if count <= most else max(t + 1, most)
    return range(max(0, stop - most), stop)


def influence(trace: Trace, target: Target, places: range | None = None, progress: Progress | None = None) -> Influence:
    """Return the gradient of a target by every token's input and by h and C at every step.

    Args:
        trace: A run, held as arrays or in windows; the numbers are the same.
        target: What is asked.
        places: The tokens of which it is asked; all by default.
        progress: Of a run in windows, called with the steps gone back through and the steps in all; what it raises
            ends this.

    Raises:
        UserError: If the trace has no network.
    """
    found: Influence | None = None
    for done, count, found in each_influence(trace, target, places):  # noqa: B007 the last of them is it
        if progress is not None:
            progress(done, count)
    assert found is not None
    return found


def each_influence(
    trace: Trace, target: Target, places: range | None = None
) -> Iterator[tuple[int, int, Influence | None]]:
    """Yield how many steps are gone back through, how many there are, and at last what is found; see `influence`."""
    network, ran = _network(trace), trace.ran
    if ran is None:
        raise UserError("this trace came from a file without its network: gradients need it")
    places = range(len(trace.sequence)) if places is None else places
    d_result: Array | None = None
    d_values: dict[str, dict[str, Array]] = {}
    if target.class_index is not None:
        result = _result(trace, network)
        place: tuple[int, ...] = (target.class_index,)
        if result.ndim == 2:
            place = (len(result) - 1 if target.t is None else target.t, target.class_index)
        d_result = _one_at(result, place)
        number = float(result[place])
    else:
        assert target.pass_name is not None
        assert target.value is not None
        series = trace[target.pass_name][target.value]
        t = trace[target.pass_name].steps - 1 if target.t is None else target.t
        d_values = {target.pass_name: {target.value: _one_at(series, (t, target.unit))}}
        number = float(series[t, target.unit])
    by_value: dict[str, dict[str, Array]] = {}
    ways: dict[str, AdjointWindows] = {}
    _, d_x, _ = gradients(ran, d_result, d_values, by_value=by_value, ways=ways)
    count = 1
    for done, count in _gone_back(network, ways, places, len(trace.sequence)):
        yield done, count, None
    by_x, x = rows_of(d_x, places.start, places.stop), rows_of(ran.x, places.start, places.stop)
    by_state = {
        name: {value: rows_of(d, places.start, places.stop) for value, d in by_value[name].items()}
        for name in trace.passes
    }
    with np.errstate(all="ignore"):
        of_token = np.einsum("ti,ti->t", by_x, x, dtype=np.float64)
        size = np.sqrt(np.einsum("ti,ti->t", by_x, by_x, dtype=np.float64))
    yield count, count, Influence(target, number, by_x, by_state, of_token, size, places)


def _one_at(series: Array, place: tuple[int, ...]) -> Array:
    """Return numbers as many as those of a series, 1 at one place and else 0: a series too where that is one."""
    if not is_windowed(series):
        made = np.zeros(series.shape, series.dtype)
        made[place] = 1
        return made

    def read(start: int, stop: int) -> Array:
        rows = np.zeros((stop - start, *series.shape[1:]), series.dtype)
        if start <= place[0] < stop:
            rows[(place[0] - start, *place[1:])] = 1
        return rows

    return as_array(WindowedSeries(read, len(series), series.shape[1:], series.dtype))


def _gone_back(
    network: Network, ways: dict[str, AdjointWindows], places: range, count: int
) -> Iterator[tuple[int, int]]:
    """Go back through the passes of a run in windows as far as some places of the tape need it, span by span."""
    wanted: dict[str, int] = {}
    needed = places
    for layer in network.layers:
        for one in layer.passes:
            wanted[one.name] = count - needed.start if one.direction == "forward" else needed.stop
        forward, backward = (any(one.direction == way for one in layer.passes) for way in ("forward", "backward"))
        needed = range(0 if backward else needed.start, count if forward else needed.stop)
    total, before = sum(wanted.values()), 0
    for name, way in ways.items():  # none are there of a run held whole
        while way.taken < wanted[name]:
            way.advance()
            yield before + min(way.taken, wanted[name]), total
        before += wanted[name]


def deletions(trace: Trace, target: Target, progress: Progress | None = None, places: range | None = None) -> Array:
    """Return how a class changes when each token is left out, (P,): the number without it minus the number with it.

    NaN where it cannot be said: of the only token, or of a value at the token itself.

    Args:
        trace: The run.
        target: What is asked.
        progress: Called with the tokens left out so far, and their number.
        places: The tokens that are left out, one at a time; all by default.

    Raises:
        UserError: If the trace has no network.
    """
    places = range(len(trace.sequence)) if places is None else places
    result = np.full(len(places), np.nan)
    for done, (t, effect) in enumerate(each_deletion(trace, target, places)):
        result[t - places.start] = effect
        if progress:
            progress(done + 1, len(result))
    return result


def each_deletion(trace: Trace, target: Target, places: range | None = None) -> Iterator[tuple[int, float]]:
    """Yield each place with the effect of leaving its token out, run by run; see `deletions`.

    The run is the one of the trace: with its holds, which move with their tokens, and its states at the start.

    Raises:
        UserError: If the trace has no network.
    """
    places = range(len(trace.sequence)) if places is None else places
    order = places if trace.windows is None else places[::-1]  # the nearest first, since each takes a while
    left_out = [t for t in order if len(trace.sequence) > 1 and t != target.t]
    runs = runs_without(trace, (None, *left_out))
    before = number_of(next(runs), target, None)
    for t in order:
        yield t, number_of(next(runs), target, t) - before if t in left_out else np.nan


def runs_without(trace: Trace, places: Iterable[int | None]) -> Iterator[RunBuffers]:
    """Yield the run of a trace without the token of each place, one after the other; with all of them for None.

    Of a run in windows each takes over the states that it shares, and computes what is looked at.

    Raises:
        UserError: If the trace has no network.
    """
    network, ran = _network(trace), trace.ran
    assert ran is not None
    if trace.windows is None:
        yield from run_each(network, (to_run(trace, t) for t in places), trace.interpreter)
        return
    for t in places:
        if t is None:
            yield ran
            continue
        one = to_run(trace, t)
        made = windowed_arrays(network, one.x, trace.interpreter, one.initial, one.holds, _ROOM_BYTES)
        begin_like(made, ran)
        yield made


_ROOM_BYTES = 8 * 2**20
"""Of a run without a token so much is held at a time."""


def to_run(trace: Trace, gone: int | None) -> ToRun:
    """Return what the run of a trace reads, without the token `gone`: its holds move with their tokens.

    Raises:
        UserError: If the trace has no network.
    """
    network, sequence, ran = _network(trace), trace.sequence, trace.ran
    assert ran is not None
    initial = {name: stored.initial for name, stored in ran.stored.items()}
    in_windows = trace.windows is not None
    if gone is None:
        return ToRun(input_of(network, sequence, trace.dtype, in_windows), initial, ran.holds)
    holds = tuple(moved for hold in ran.holds if (moved := hold.shifted(gone, -1)) is not None)
    return ToRun(input_of(network, without(sequence, gone), trace.dtype, in_windows), initial, holds)


def without(sequence: Sequence, t: int) -> Sequence:
    """Return a sequence without the token, or the row of numbers, at a place."""
    unknown = tuple(u - (u > t) for u in sequence.unknown if u != t)
    ids = None if sequence.ids is None else np.delete(sequence.ids, t)
    x = None if sequence.x is None else np.delete(sequence.x, t, axis=0)
    tokens = sequence.tokens[:t] + sequence.tokens[t + 1 :] if x is None or sequence.names_rows else row_labels(x)
    return replace(sequence, tokens=tokens, ids=ids, x=x, unknown=unknown)


def number_of(ran: RunBuffers, target: Target, gone: int | None = None) -> float:
    """Return the target in a run in which the token `gone` was left out."""
    network, steps = ran.network, len(ran.x)
    place = None if target.t is None else target.t - (gone is not None and gone < target.t)
    if target.class_index is not None:
        assert ran.readout is not None
        assert network.readout is not None
        series = ran.readout.values[network.readout.page.result]
        return float(
            series[target.class_index]
            if series.ndim == 1
            else series[-1 if place is None else place][target.class_index]
        )
    assert target.pass_name is not None
    assert target.value is not None
    stored = ran.stored[target.pass_name]
    backward = target.pass_name.endswith("backward")
    t = steps - 1 if place is None else place
    step = steps - 1 - t if backward else t
    return float(stored.values[target.value][step, target.unit])


def _network(trace: Trace) -> Network:
    if trace.network is None:
        raise UserError("this trace came from a file without its network: gradients need it")
    return trace.network


def _result(trace: Trace, network: Network) -> Array:
    if network.readout is None:
        raise UserError(f"network {network.name} has no readout: ask about a value instead")
    return trace.readout[network.readout.page.result]


MOST_TOKENS = 64


def tokens_within(trace: Trace, t: int) -> range:
    """Return the places a map is made of: all, or so many up to `t` as a map can show."""
    return _range_at(t, len(trace.sequence), MOST_TOKENS)


def moved_value(passed: PassTrace) -> str:
    """Return the value that a map is of: the output, or the first state where the output is not carried on."""
    return passed.cell.output if passed.cell.output in passed.cell.state else passed.cell.state[0]


def gradient_rows(passed: PassTrace, places: range) -> Iterator[tuple[int, Array]]:
    """Yield each place that moves others, with how much it moves them, (P,): a column of the map.

    The number is the norm of the gradient of the pass's output there (see `moved_value`) by the pass's own input
    here; 0 where the pass reads that place earlier.

    Raises:
        UserError: If the trace has no network.
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
    sequence = trace.sequence
    if trace.network is None or trace.ran is None:
        raise UserError("this trace came from a file without its network: nothing can be run again")
    if sequence.ids is None:
        raise UserError("only tokens of a text can be left out")
    value = moved_value(passed)
    before = rows_of(passed[value], places.start, places.stop).astype(np.float64)
    runs = runs_without(trace, places)
    for t in places:
        column = np.full(len(places), np.nan)
        if len(sequence) > 1:
            series = tape_order(next(runs).stored[passed.name].values[value], passed.direction)
            after = rows_of(series, places.start, min(places.stop, len(series))).astype(np.float64)
            for other in places:
                if other != t:
                    with np.errstate(all="ignore"):  # of what is infinite there is no difference: NaN says so
                        apart = after[other - (other > t) - places.start] - before[other - places.start]
                        column[other - places.start] = np.linalg.norm(apart)
        yield t, column
