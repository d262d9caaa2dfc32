"""What moves an output: gradients by every token's input and every state, and the effect of leaving a token out.

The ledger says what is in the memory with the gates held. Gradients say what a small change of an input would
do, gates included; deletion says what a large one does. The three answer different questions and differ.

Token by token, rows are the places that are moved and columns those that move them; a forward pass fills one side of
the diagonal, a backward pass the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from lstm_tui.analysis.gradient_flow import jacobians
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.run import RunBuffers, gradients, input_of
from lstm_tui.engine.runtime.storage import Progress
from lstm_tui.engine.runtime.trace import PassTrace, Trace


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
    """

    target: Target
    number: float
    by_x: Array
    by_state: dict[str, dict[str, Array]]
    of_token: Array
    size: Array


def influence(trace: Trace, target: Target) -> Influence:
    """Return the gradient of a target by every token's input and by h and C at every step.

    Raises:
        UserError: If the trace has no network, or the run is too long for its gradients to be held.
    """
    network = _network(trace)
    ran = trace.ran
    if ran is None or any(stored.rows is None for stored in ran.stored.values()):
        raise UserError("this run is too long for its gradients: open a part of the file")
    d_result: Array | None = None
    d_values: dict[str, dict[str, Array]] = {}
    if target.class_index is not None:
        result = _result(trace, network)
        d_result = np.zeros_like(result)
        place: tuple[int, ...] = (target.class_index,)
        if result.ndim == 2:
            place = (len(result) - 1 if target.t is None else target.t, target.class_index)
        d_result[place] = 1
        number = float(result[place])
    else:
        assert target.pass_name is not None
        assert target.value is not None
        series = trace[target.pass_name][target.value]
        t = trace[target.pass_name].steps - 1 if target.t is None else target.t
        seed = np.zeros_like(series)
        seed[t, target.unit] = 1
        d_values = {target.pass_name: {target.value: seed}}
        number = float(series[t, target.unit])
    by_value: dict[str, dict[str, Array]] = {}
    _, by_x, _ = gradients(ran, d_result, d_values, by_value=by_value)
    by_state = {name: by_value[name] for name in trace.passes}
    with np.errstate(all="ignore"):
        of_token = np.einsum("ti,ti->t", by_x, ran.x, dtype=np.float64)
        size = np.sqrt(np.einsum("ti,ti->t", by_x, by_x, dtype=np.float64))
    return Influence(target, number, by_x, by_state, of_token, size)


def deletions(trace: Trace, target: Target, progress: Progress | None = None) -> Array:
    """Return how a class changes when each token is left out, (T,): the number without it minus the number with it.

    NaN where it cannot be said: of the only token, or of a value at the token itself.

    Raises:
        UserError: If the trace has no network.
    """
    result = np.full(len(trace.sequence), np.nan)
    for t, effect in each_deletion(trace, target):
        result[t] = effect
        if progress:
            progress(t + 1, len(result))
    return result


def each_deletion(trace: Trace, target: Target) -> Iterator[tuple[int, float]]:
    """Yield each place with the effect of leaving its token out, run by run; see `deletions`.

    The run is the one of the trace: with its holds, which move with their tokens, and its states at the start.

    Raises:
        UserError: If the trace has no network.
    """
    network, sequence = _network(trace), trace.sequence
    assert trace.ran is not None
    places = [t for t in range(len(sequence)) if len(sequence) > 1 and t != target.t]
    wanted = chain([to_run(trace, None)], (to_run(trace, t) for t in places))
    runs = run_each(network, wanted, trace.interpreter)
    before = _number(next(runs), target, None)
    for t in range(len(sequence)):
        yield t, _number(next(runs), target, t) - before if t in places else np.nan


def to_run(trace: Trace, gone: int | None) -> ToRun:
    """Return what the run of a trace reads, without the token `gone`: its holds move with their tokens.

    Raises:
        UserError: If the trace has no network.
    """
    network, sequence, ran = _network(trace), trace.sequence, trace.ran
    assert ran is not None
    initial = {name: stored.initial for name, stored in ran.stored.items()}
    if gone is None:
        return ToRun(input_of(network, sequence, trace.dtype), initial, ran.holds)
    holds = tuple(moved for hold in ran.holds if (moved := hold.shifted(gone, -1)) is not None)
    return ToRun(input_of(network, without(sequence, gone), trace.dtype), initial, holds)


def without(sequence: Sequence, t: int) -> Sequence:
    """Return a sequence without the token, or the row of numbers, at a place."""
    unknown = tuple(u - (u > t) for u in sequence.unknown if u != t)
    tokens = sequence.tokens[:t] + sequence.tokens[t + 1 :]
    ids = None if sequence.ids is None else np.delete(sequence.ids, t)
    x = None if sequence.x is None else np.delete(sequence.x, t, axis=0)
    return replace(sequence, tokens=tokens, ids=ids, x=x, unknown=unknown)


def _number(ran: RunBuffers, target: Target, gone: int | None) -> float:
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
