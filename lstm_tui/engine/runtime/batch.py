"""Many sequences run together: a product of each step is one for all of them, and every bit is as if each ran alone.

The sequences lie one behind the other in arrays of rows, longest first, each with a row before its first step. Where
they cannot be compiled so they are run one by one, which gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Sequence as Items
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Take, Workspace, aligned
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Layer, Network, Pass, find_source
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.forward import (
    Initial,
    RunBuffers,
    bytes_of_token,
    check_initial,
    held_program,
    held_readout_program,
    merge,
    most_bytes,
    pass_inputs,
    readout_holds,
    readout_inputs,
    run_arrays,
    threads_of,
)
from lstm_tui.engine.runtime.fused import interpreter as fused
from lstm_tui.engine.runtime.fused.compiled_batches import BatchBack, BatchRun, BatchStep, Stack, stacked
from lstm_tui.engine.runtime.gradients import add_to, send, unmerge
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.readout_series import evaluate, pull
from lstm_tui.engine.runtime.side_by_side import Work, side_by_side
from lstm_tui.engine.runtime.storage import KEEP_ROWS_BYTES, Stored

MOST_TOGETHER = 48
"""Sequences that are run together at most: more of them are not faster, and are longer in coming."""
_MOST_BYTES = 32 * 2**20
"""Most that what is computed together may take, so that much of it stays in the processor's cache."""
_PART_BYTES = 2**23
"""Bytes of what a readout computes of some rows at a time."""


class ToRun(NamedTuple):
    """A sequence that is to be run.

    Attributes:
        x: The input of the lowest layer, (T, I).
        initial: States before the first step by pass, where they are not the cell's own.
        holds: Values that are set or scaled.
    """

    x: Array
    initial: Initial | None = None
    holds: tuple[Hold, ...] = ()


class _PassRun(NamedTuple):
    """A pass over all sequences, in whose program every value can be held that any of them holds.

    Rows are in its reading order; `own` is what each sequence runs alone.
    """

    program: Program
    own: tuple[Program, ...]
    flat: Array
    inputs: Mapping[str, Array]
    initial: tuple[Mapping[str, Array], ...]
    learned: Mapping[str, str]
    step: BatchStep
    back: BatchBack | None
    ran: BatchRun


@dataclass(frozen=True, eq=False)
class Batch:
    """Sequences that were run together.

    Attributes:
        network: What was run.
        stack: How they lie, longest first.
        places: Which of those given lies at each place.
        given: As they were given.
        x: The input of the lowest layer, (rows, I); in the row before a sequence it is 0.
        passes: Every pass.
        merged: The output of each layer, (rows, n) in tape order; in the row before a sequence it is 0.
    """

    network: Network
    stack: Stack
    places: tuple[int, ...]
    given: tuple[ToRun, ...]
    x: Array
    passes: Mapping[str, _PassRun]
    merged: tuple[Array, ...]

    @one_thread
    def each(self) -> list[RunBuffers]:
        """Return what was computed of each sequence, in the order in which they were given."""
        made = {place: self._one(n) for n, place in enumerate(self.places)}
        return [made[n] for n in range(len(self.places))]

    def values_of(self, number: int) -> dict[str, dict[str, Array]]:
        """Return the named values of every pass of the sequence at a place, (T, n) each in its reading order."""
        rows = self.stack.steps_of(number)
        return {
            name: {value: series[rows] for value, series in one.ran.values.items()} for name, one in self.passes.items()
        }

    def _one(self, number: int) -> RunBuffers:
        network, rows, mine = self.network, self.stack.steps_of(number), self.given[self.places[number]]
        stored = {name: self._stored(name, one, number, rows) for name, one in self.passes.items()}
        merged = [series[rows] for series in self.merged]
        readout = None
        if network.readout is not None:
            inputs = readout_inputs(network, mine.x, stored, merged)
            program = held_readout_program(network, mine.holds)
            held = readout_holds(network, len(mine.x), mine.x.dtype, mine.holds) if mine.holds else {}
            readout = evaluate(program, program.cast(network.readout.flat, mine.x.dtype), {**inputs, **held})
        return RunBuffers(network, mine.x, stored, tuple(merged), readout, mine.holds)

    def _stored(self, name: str, one: _PassRun, number: int, rows: slice) -> Stored:
        program = one.own[number]
        inputs = {name: series[rows] for name, series in one.inputs.items() if name in program.inputs}
        values = {name: series[rows] for name, series in one.ran.values.items()}
        fits = (rows.stop - rows.start + 1) * program.width * one.flat.itemsize <= KEEP_ROWS_BYTES
        given = (self.given[self.places[number]].initial or {}).get(name, {})
        learned = {state: of for state, of in one.learned.items() if state not in given}
        return Stored(program, one.flat, inputs, one.initial[number], values, None, "numba", learned, fits)


def run_each(network: Network, sequences: Iterable[ToRun], interpreter: str) -> Iterator[RunBuffers]:
    """Run a network over sequences, some at a time; yield what was computed of each in order, as `run_arrays` does.

    Args:
        network: What is run.
        sequences: What is read; no more of them is taken than is run together.
        interpreter: numpy or numba: the bits are those that each has alone.

    Raises:
        UserError: As `run_arrays` does, when it is the turn of that sequence.
    """
    left, each = iter(sequences), bytes_of_token(network, network.dtype)
    failure: UserError | None = None
    while failure is None:
        some: list[ToRun] = []
        try:
            _some(left, each, some)
        except UserError as error:  # of a sequence behind those that are there
            failure = error
        if not some and failure is None:
            return
        yield from _run_some(network, some, interpreter)
    raise failure


def _some(left: Iterator[ToRun], bytes_each: int, some: list[ToRun]) -> None:
    """Take as many sequences as are run together, one after the other."""
    size = 0
    for one in islice(left, MOST_TOGETHER):
        some.append(one)
        size += len(one.x) * bytes_each
        if size > _MOST_BYTES:
            return


def _run_some(network: Network, some: list[ToRun], interpreter: str) -> Iterator[RunBuffers]:
    size = sum(len(one.x) for one in some) * bytes_of_token(network, network.dtype)
    alike = len({one.x.dtype for one in some}) == 1
    made = None
    if interpreter == "numba" and len(some) > 1 and alike and size <= most_bytes() and all(len(one.x) for one in some):
        made = run_together(network, some)
    if made is not None:
        yield from made.each()
        return
    for one in some:
        yield run_arrays(network, one.x, interpreter, one.initial, holds=one.holds)


@one_thread
def run_together(
    network: Network,
    given: Items[ToRun],
    outside: Mapping[str, tuple[str, ...]] | None = None,
    workspace: Workspace | None = None,
) -> Batch | None:
    """Run sequences together; None where that cannot be compiled.

    Args:
        network: What is run.
        given: The sequences, of one step at least each and of one dtype.
        outside: For `gradients_together`, which needs more than the named values: those by which a gradient comes back
            to each pass; see `values_outside`.
        workspace: Memory that is used again; what was taken of it is not written over by this.

    Raises:
        UserError: If initial states name what is not there or have another size.
    """
    for sequence in given:
        check_initial(network, sequence.initial or {})
    dtype = given[0].x.dtype
    places = tuple(sorted(range(len(given)), key=lambda n: -len(given[n].x)))
    stack = stacked([len(given[n].x) for n in places])
    take = aligned if workspace is None else workspace.take
    x = take((stack.rows, network.input_size), dtype)
    x[stack.first] = 0
    for n, place in enumerate(places):
        x[stack.steps_of(n)] = given[place].x
    turn = _turned(stack)
    passes: dict[str, _PassRun] = {}
    merged: list[Array] = []
    for number, layer in enumerate(network.layers):
        source = merged[-1] if merged else x
        begun: list[tuple[str, Callable[[BatchRun], _PassRun]]] = []
        works: list[Work[BatchRun]] = []
        backs: list[BatchBack | None] = []
        for one in layer.passes:
            below = _below(one, number, passes)
            mine = [tuple(h for h in given[place].holds if h.pass_name == one.name) for place in places]
            program, own, inputs = _inputs(one, source, mine, stack)
            if one.direction == "backward":
                inputs = {name: series[turn] for name, series in inputs.items()}
            ready = _compiled(program, dtype, None if outside is None else outside[one.name])
            if ready is None:
                return None
            step, way_back = ready
            backs.append(way_back)
            flat = np.ascontiguousarray(one.program.cast(one.flat, dtype))
            starts = _starts(one, flat, [given[place].initial for place in places])
            state = {name: np.stack([start[name] for start in starts]) for name in starts[0]}
            forwards = step.run if way_back is None else way_back.forwards
            works.append(partial(_ran, forwards, flat, stack, inputs | below, state, program.clock, take))
            learned = {name: of for name, of in one.program.initial.items() if isinstance(of, str)}
            begun.append(
                (one.name, partial(_PassRun, program, own, flat, inputs | below, starts, learned, step, way_back))
            )
        ran = side_by_side(works, 1 if _are_shared(backs, stack) else threads_of(layer.passes, stack.rows, "numba"))
        passes |= {name: begin(made) for (name, begin), made in zip(begun, ran, strict=True)}
        merged.append(np.array(merge(layer, _outputs(layer, passes, turn))))
        merged[-1][stack.first] = 0
    return Batch(network, stack, places, tuple(given), x, passes, tuple(merged))


def _ran(
    forwards: Callable[..., BatchRun],
    flat: Array,
    stack: Stack,
    inputs: Mapping[str, Array],
    state: Mapping[str, Array],
    clock: int,
    take: Take,
    _: Progress,
) -> BatchRun:
    return forwards(flat, stack, inputs, state, clock, take)


def _are_shared(backs: Items[BatchBack | None], stack: Stack) -> bool:
    """Say whether passes end sooner one after the other, each step shared by two threads."""
    return len(stack.lengths) == 1 and all(one is not None and one.outgrows(stack.lengths[0]) for one in backs)


def _compiled(
    program: Program, dtype: np.dtype[Any], outside: tuple[str, ...] | None
) -> tuple[BatchStep, BatchBack | None] | None:
    if outside is not None:
        back = fused.compiled_batch_back(program, dtype, outside)
        return None if back is None else (back.step, back)
    step = fused.compiled_batch(program, dtype)
    return None if step is None else (step, None)


def _turned(stack: Stack) -> Array:
    """Return which row a pass that reads from the end finds in each row; the rows before the sequences stay."""
    turn = np.arange(stack.rows)
    for n in range(len(stack.lengths)):
        rows = stack.steps_of(n)
        turn[rows] = turn[rows][::-1]
    return turn


def _starts(one: Pass, flat: Array, initial: Items[Initial | None]) -> tuple[Mapping[str, Array], ...]:
    """Return the states of a pass before the first step of each sequence."""
    own = one.program.initial_states(flat, {})
    mine = [(given or {}).get(one.name, {}) for given in initial]
    return tuple(one.program.initial_states(flat, states) if states else own for states in mine)


def _inputs(
    one: Pass, source: Array, holds: Items[tuple[Hold, ...]], stack: Stack
) -> tuple[Program, tuple[Program, ...], dict[str, Array]]:
    """Return the program in which all values can be held that any sequence holds, that of each, and the inputs."""
    every = [hold for mine in holds for hold in mine]
    if not every:
        return one.program, (one.program,) * len(holds), {"x": source}
    program = held_program(one, every)
    names = [frozenset(hold.value for hold in mine) for mine in holds]
    by_names = {found: held_program(one, mine) for found, mine in zip(names, holds, strict=True)}
    series = {name: np.zeros((stack.rows, slot.size), source.dtype) for name, slot in program.inputs.items()}
    series = {name: array for name, array in series.items() if name == "x" or name not in one.program.inputs}
    for n, mine in enumerate(holds):
        rows = stack.steps_of(n)
        for name, numbers in pass_inputs(one, source[rows], mine).items():
            series[name][rows] = numbers
    return program, tuple(by_names[found] for found in names), series


def _below(one: Pass, number: int, passes: Mapping[str, _PassRun]) -> dict[str, Array]:
    """Return what a pass reads of the layer below: same token, same direction; nothing in the lowest."""
    lower = passes.get(f"layer{number - 1}.{one.direction}")
    if lower is None:
        return {}
    values = lower.ran.values
    return {mine: values[theirs] for mine, theirs in one.program.below.items() if theirs in values}


def _outputs(layer: Layer, passes: Mapping[str, _PassRun], turn: Array) -> list[Array]:
    """Return the outputs of the passes of a layer, (rows, n) in tape order."""
    found = []
    for one in layer.passes:
        series = passes[one.name].ran.values[one.cell.output]
        found.append(series if one.direction == "forward" else series[turn])
    return found


def values_outside(network: Network, more: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """Return the values of each pass that something else reads: merges, the readout, the layer above, and `more`."""
    wanted = set(more)
    found = {one.name: {one.cell.output} | wanted & set(one.program.values) for one in network.passes}
    reads = () if network.readout is None else network.readout.page.reads.values()
    for name in reads:
        if name not in ("embedding", "top.merge"):
            number, direction, value = find_source(name, network.layers)
            if direction is not None:
                found[f"layer{number}.{direction}"].add(value)
    for one in network.passes:
        layer, _, direction = one.name.partition(".")
        lower = f"layer{int(layer.removeprefix('layer')) - 1}.{direction}"
        if lower in found:
            found[lower].update(value for value in one.program.below.values())
    return {name: tuple(sorted(values)) for name, values in found.items()}


# --- gradients ------------------------------------------------------------------------------------------


def parts_of_rows(batch: Batch) -> list[slice]:
    """Return the rows for which the readout, which is there, is evaluated at a time in `readout_together`.

    Where it says something of each token by itself they are some rows at a time, whatever sequences they are of, so
    that what is computed of them is in the processor's cache on the way back; else the steps of each sequence.
    """
    stack, readout = batch.stack, batch.network.readout
    assert readout is not None
    if any(one.steps is not None for one in readout.program.instructions):
        return [stack.steps_of(n) for n in range(len(stack.lengths))]
    some = max(_PART_BYTES // (readout.program.width * batch.x.itemsize), 1)
    return [slice(start, min(start + some, stack.rows)) for start in range(1, stack.rows, some)]


@one_thread
def readout_together(
    batch: Batch, parts: Items[slice], loss: Callable[[int, Array, Array], None], workspace: Workspace | None = None
) -> tuple[Array, dict[str, Array]]:
    """Evaluate the readout, which is there, and take a loss back through it.

    A readout of each token by itself is compiled as the passes are, so that its products are added up in the order of
    the row: not as `readout_series` does.

    Args:
        batch: The sequences.
        parts: Rows that are evaluated together; see `parts_of_rows`.
        loss: Given the number of a part, what is said of it and an array alike, puts the gradient of the loss there.
        workspace: Memory that is used again; what was taken of it is not written over by this.

    Returns:
        The gradient by the parameters of the readout, and by what it reads, (rows, n) each in tape order.
    """
    readout, workspace = batch.network.readout, workspace or Workspace()
    assert readout is not None
    program, result = readout.program, readout.page.result
    flat = program.cast(readout.flat, batch.x.dtype)
    inputs = _readout_inputs(batch)
    gradient = np.zeros_like(flat)
    by_input = {name: workspace.take(series.shape, series.dtype) for name, series in inputs.items()}
    for series in by_input.values():
        series[batch.stack.first] = 0
    compiled = None
    if not any(one.steps is not None for one in program.instructions):
        compiled = fused.compiled_batch_back(program, flat.dtype, (result,))
    for n, rows in enumerate(parts):
        with workspace.passing():
            if compiled is None:
                evaluated = evaluate(program, flat, {name: series[rows] for name, series in inputs.items()})
                d = np.empty_like(evaluated.values[result])
                loss(n, evaluated.values[result], d)
                mine, passed = pull(evaluated, {result: d})
                gradient += mine
            else:
                before = slice(rows.start - 1, rows.stop)  # a row before the first, which no token reads
                read = {name: series[before] for name, series in inputs.items()}
                stack = stacked([rows.stop - rows.start])
                ran = compiled.step.run(flat, stack, read, {}, program.clock, workspace.take)
                d = workspace.take((stack.rows, program.values[result].size), flat.dtype)
                loss(n, ran.values[result][1:], d[1:])
                passed, _ = compiled.run(flat, stack, read, ran, {result: d}, gradient, workspace.take, True)
                passed = {name: series[1:] for name, series in passed.items()}
            for name, series in passed.items():
                by_input[name][rows] = series
    return gradient, by_input


def _readout_inputs(batch: Batch) -> dict[str, Array]:
    """Return what the readout reads of the passes, (rows, n) each in tape order."""
    network = batch.network
    assert network.readout is not None
    turn = _turned(batch.stack)
    found = {"h": batch.merged[-1]}
    for alias, name in network.readout.page.reads.items():
        if name == "embedding":
            found[alias] = batch.x
            continue
        number, direction, value = find_source(name, network.layers)
        if direction is None:
            found[alias] = batch.merged[number]
        else:
            series = batch.passes[f"layer{number}.{direction}"].ran.values[value]
            found[alias] = series if direction == "forward" else series[turn]
    return found


@one_thread
def gradients_together(
    batch: Batch,
    by_input: Mapping[str, Array],
    d_values: Mapping[str, Mapping[str, Array]],
    workspace: Workspace | None = None,
) -> tuple[dict[str, Array], Array]:
    """Take a loss back through sequences that were run together with `back`.

    Args:
        batch: The sequences, which begin with the states of their cells.
        by_input: The gradient of the loss by what the readout reads, (rows, n) each in tape order; empty without one.
        d_values: That by values of passes beside: pass name to value name to (rows, n) in tape order.
        workspace: Memory that is used again; what was taken of it is not written over by this.

    Returns:
        The gradient by the flat parameters of every pass, summed over the sequences in a fixed order, and by x,
        (rows, I) in tape order.
    """
    network, stack = batch.network, batch.stack
    reads = {} if network.readout is None else network.readout.page.reads
    turn = _turned(stack)
    flats: dict[str, Array] = {}
    outside = {one.name: dict(d_values.get(one.name, {})) for one in network.passes}
    take = aligned if workspace is None else workspace.take
    d_merged = [take(series.shape, series.dtype) for series in batch.merged]
    d_x = take(batch.x.shape, batch.x.dtype)
    for series in (*d_merged, d_x):
        series[:] = 0
    for alias, d in by_input.items():
        send(reads.get(alias, "top.merge"), d, network, d_x, d_merged, outside)
    for number in reversed(range(len(network.layers))):
        layer = network.layers[number]
        unmerge(layer, _outputs(layer, batch.passes, turn), d_merged[number], outside)
        below = d_merged[number - 1] if number else d_x
        backwards = layer.passes[::-1]
        works: list[Work[tuple[Array, dict[str, Array]]]] = []
        for one in backwards:
            given = {value: d[turn] if one.direction == "backward" else d for value, d in outside[one.name].items()}
            works.append(partial(_back, batch.passes[one.name], stack, given, take))
        is_shared = _are_shared([batch.passes[one.name].back for one in backwards], stack)
        passed = side_by_side(works, 1 if is_shared else threads_of(backwards, stack.rows, "numba"))
        for one, (gradient, inputs) in zip(backwards, passed, strict=True):
            backward = one.direction == "backward"
            flats[one.name] = gradient
            below += inputs["x"][turn] if backward else inputs["x"]
            lower = f"layer{number - 1}.{one.direction}"
            for alias, value in one.program.below.items():
                if alias in inputs and lower in outside:
                    add_to(outside[lower], value, inputs[alias][turn] if backward else inputs[alias])
    return flats, d_x


def _back(
    made: _PassRun, stack: Stack, outside: Mapping[str, Array], take: Take, _: Progress
) -> tuple[Array, dict[str, Array]]:
    """Return the gradient by the flat parameters of a pass and by its inputs, (rows, n) each in its reading order."""
    program, back = made.program, made.back
    assert back is not None, "the sequences were not run for a gradient"
    gradient = np.zeros_like(made.flat)
    inputs, first = back.run(made.flat, stack, made.inputs, made.ran, outside, gradient, take)
    for state, parameter in made.learned.items():
        sink = program.view(gradient, parameter)
        sink += first[state].sum(axis=0)
    for one in program.parameters.values():
        if one.mask is not None:
            program.view(gradient, one.name)[~one.mask] = 0
    return gradient, inputs
