"""A network over the input of its lowest layer, held in windows: every value is there, and computed when looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Items
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import held
from lstm_tui.engine.compiler.program import held_inputs
from lstm_tui.engine.compiler.roles import ranges_of
from lstm_tui.engine.model.network import Layer, Network, Pass
from lstm_tui.engine.runtime.forward import (
    Initial,
    RunBuffers,
    below_of,
    check_initial,
    held_program,
    held_readout_program,
    merge,
    output_of,
    reading_order,
    readout_inputs,
)
from lstm_tui.engine.runtime.interpreters import chosen
from lstm_tui.engine.runtime.memory_budget import most_window_bytes
from lstm_tui.engine.runtime.overrides import READOUT, Hold, factors
from lstm_tui.engine.runtime.resets import clock_of, held_sizes
from lstm_tui.engine.runtime.storage import Stored
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, as_array, is_windowed, rows_of
from lstm_tui.engine.runtime.windows import PassWindows, ReadoutWindows, RunWindows, WindowRoom, stored_in_windows


def windowed_arrays(
    network: Network,
    x: Array,
    interpreter: str | None = None,
    initial: Initial | None = None,
    holds: Items[Hold] = (),
    room_bytes: int | None = None,
) -> RunBuffers:
    """Hold a run of a network over the input of its lowest layer, (T, I), in windows; nothing is computed yet.

    Args:
        network: What is run.
        x: The input: an array, or a series.
        interpreter: numpy or numba; by default the one that is done sooner.
        initial: States before the first step by pass, where they are not the cell's own.
        holds: Values that are set or scaled.
        room_bytes: Bytes that windows may take; by default those of the budget.

    Raises:
        UserError: If initial states name what is not there or have another size.
    """
    check_initial(network, initial or {})
    interpreter = chosen(interpreter, len(x), len(network.passes))
    room = WindowRoom(most_window_bytes() if room_bytes is None else room_bytes)
    stored: dict[str, Stored] = {}
    windows: dict[str, PassWindows] = {}
    merged: list[Array] = []
    for number, layer in enumerate(network.layers):
        source = merged[-1] if merged else x
        lower = network.layers[number - 1].passes if number else ()
        for one in layer.passes:
            flat = one.program.cast(one.flat, x.dtype)
            mine = [hold for hold in holds if hold.pass_name == one.name]
            inputs = {name: reading_order(series, one.direction) for name, series in _inputs(one, source, mine).items()}
            inputs |= below_of(one.program.below, one.name, stored)
            given = (initial or {}).get(one.name, {})
            learned = {state: of for state, of in one.program.initial.items() if isinstance(of, str)}
            learned = {state: of for state, of in learned.items() if state not in given}
            below = [(windows[each.name], each.direction != one.direction) for each in lower]
            ranges = ranges_of(one.cell)
            unbounded = frozenset(name for name in one.program.values if ranges.get(name) is None)
            program = held_program(one, mine)
            start = one.program.initial_states(flat, given)
            windows[one.name] = PassWindows(program, flat, inputs, start, interpreter, room, below, unbounded)
            stored[one.name] = stored_in_windows(windows[one.name], learned)
        merged.append(_merged(layer, stored, x.dtype))
    readout = None
    if network.readout is not None:
        program = held_readout_program(network, holds)
        series = readout_inputs(network, x, stored, merged) | _readout_holds(network, len(x), x.dtype, holds)
        flat = program.cast(network.readout.flat, x.dtype)
        follows = next((one.name for one in network.layers[-1].passes if one.direction == "forward"), "")
        readout = ReadoutWindows(program, flat, series, room, tuple(windows.values()), follows)
    held_in = RunWindows(windows, readout, room)
    evaluated = None if readout is None else readout.evaluated()
    return RunBuffers(network, x, stored, tuple(merged), evaluated, tuple(holds), held_in)


def begin_like(run: RunBuffers, other: RunBuffers) -> None:
    """Have a run in windows begin with the states of another, as far as both compute the same.

    An edit in the middle of a text leaves a forward pass as it was before it, and a backward pass behind it; the layers
    above as far as what they read is the same.

    Args:
        run: A run of which nothing is computed yet.
        other: Another run of a network with the same layers, such as the one before an edit.
    """
    mine, theirs = run.windows, other.windows
    if mine is None or theirs is None or mine.passes.keys() != theirs.passes.keys():
        return
    steps, before = len(run.x), len(other.x)
    from_left, from_right = _same_input(run, other)
    for layer in run.network.layers:
        lefts, rights = [], []
        for one in layer.passes:
            forward = one.direction == "forward"
            same = from_left if forward else from_right
            if not _is_same_pass(mine.passes[one.name], theirs.passes[one.name]):
                same = 0
            same = min(same, _same_holds(one.name, run, other, forward))
            mine.passes[one.name].begin_like(theirs.passes[one.name], same)
            all_of_it = same >= steps == before
            lefts.append(steps if all_of_it else same if forward else 0)
            rights.append(steps if all_of_it else 0 if forward else same)
        from_left, from_right = min(lefts), min(rights)


def _same_input(run: RunBuffers, other: RunBuffers) -> tuple[int, int]:
    """Return how many rows of the input are the same from the left, and from the right."""
    least = min(len(run.x), len(other.x))
    if run.x.shape[1:] != other.x.shape[1:] or run.x.dtype != other.x.dtype:
        return 0, 0
    if is_windowed(run.x) and is_windowed(other.x):
        one, two = run.x.source, other.x.source
        if one is None or two is None or not (one[1] is two[1] or np.array_equal(one[1], two[1])):
            return 0, 0
        a, b = one[0], two[0]
    else:
        a, b = run.x, other.x
        if is_windowed(a) or is_windowed(b):
            return 0, 0
    if a is b:
        return least, least
    return _rows_alike(a[:least], b[:least]), _rows_alike(a[::-1][:least], b[::-1][:least])


_COMPARED = 65_536
"""Rows that are compared together."""


def _rows_alike(a: Array, b: Array) -> int:
    """Return how many rows of two arrays of like shape are the same from the first on."""
    for base in range(0, len(a), _COMPARED):
        other = a[base : base + _COMPARED] != b[base : base + _COMPARED]
        places = np.flatnonzero(other if other.ndim == 1 else other.any(axis=1))
        if len(places):
            return base + int(places[0])
    return len(a)


def _is_same_pass(mine: PassWindows, theirs: PassWindows) -> bool:
    """Say whether two passes compute the same where they read the same: which values can be held is another matter."""
    return (
        mine.program.cell is theirs.program.cell
        and mine.interpreter == theirs.interpreter
        and mine.flat.dtype == theirs.flat.dtype
        and mine.program.values.keys() == theirs.program.values.keys()
        and np.array_equal(mine.flat.view(np.uint8), theirs.flat.view(np.uint8))
        and mine.initial.keys() == theirs.initial.keys()
        and all(np.array_equal(numbers, theirs.initial[name]) for name, numbers in mine.initial.items())
    )


def _same_holds(name: str, run: RunBuffers, other: RunBuffers, forward: bool) -> int:
    """Return before which step of a pass both hold the same values."""
    mine, theirs = ([hold for hold in each.holds if hold.pass_name == name] for each in (run, other))
    common = 0
    while common < min(len(mine), len(theirs)) and mine[common] == theirs[common]:
        common += 1
    if not forward and mine[:common] and len(run.x) != len(other.x):
        return 0  # they lie on other steps of the pass
    least = min(len(run.x), len(other.x))
    for holds, steps in ((mine[common:], len(run.x)), (theirs[common:], len(other.x))):
        for hold in holds:
            least = min(least, hold.steps[0] if forward else steps - hold.steps[1])
    return max(least, 0)


def embedded(embedding: Array, ids: Array, dtype: Any) -> Array:
    """Return the rows of an embedding that a text reads, (T, I), looked up where they are read."""
    series = WindowedSeries(
        lambda a, b: np.asarray(embedding[ids[a:b]].astype(dtype)), len(ids), embedding.shape[1:], dtype
    )
    series.source = ids, embedding
    return as_array(series)


def _merged(layer: Layer, stored: Mapping[str, Stored], dtype: Any) -> Array:
    outputs = [output_of(layer, number, stored) for number in range(len(layer.passes))]
    if len(outputs) == 1:
        return outputs[0]

    def read(start: int, stop: int) -> Array:
        return merge(layer, [rows_of(each, start, stop) for each in outputs])

    width = merge(layer, [np.empty((0, each.shape[1]), dtype) for each in outputs]).shape[1]
    return as_array(WindowedSeries(read, len(outputs[0]), (width,), dtype))


def _inputs(one: Pass, source: Array, holds: Items[Hold]) -> dict[str, Array]:
    """Return what a pass reads beside what lies below, and how its values are held, (T, n) each in tape order."""
    if not holds:
        return {"x": source}
    inputs = _held(holds, held_sizes(one.program), len(source), source.dtype) | _clock(one, holds, source)
    modes, numbers = (inputs.pop(name, None) for name in held_inputs("x"))
    if modes is None or numbers is None:
        return {"x": source, **inputs}

    def read(start: int, stop: int) -> Array:
        parts = (rows_of(each, start, stop) for each in (source, modes, numbers))
        return np.ascontiguousarray(held(*parts))

    return {"x": as_array(WindowedSeries(read, len(source), source.shape[1:], source.dtype)), **inputs}


def _clock(one: Pass, holds: Items[Hold], source: Array) -> dict[str, Array]:
    """Return what `resets.clock_of` does, where it is read."""
    steps, dtype = len(source), source.dtype

    def read(start: int, stop: int) -> Array:
        return next(iter(clock_of(one, holds, range(start, stop), steps, dtype).values()))

    names = clock_of(one, holds, range(0), steps, dtype)
    return {name: as_array(WindowedSeries(read, steps, (1,), dtype)) for name in names}


def _readout_holds(network: Network, steps: int, dtype: Any, holds: Items[Hold]) -> dict[str, Array]:
    assert network.readout is not None
    sizes = {name: slot.size for name, slot in network.readout.program.values.items()}
    return _held([hold for hold in holds if hold.pass_name == READOUT], sizes, steps, dtype)


def _held(holds: Items[Hold], sizes: Mapping[str, int], steps: int, dtype: Any) -> dict[str, Array]:
    """Return the inputs that say how each held value is held, as `overrides.inputs_of` does, where they are read."""
    result: dict[str, Array] = {}
    for value in dict.fromkeys(hold.value for hold in holds):
        mine = [hold for hold in holds if hold.value == value]
        for part, name in enumerate(held_inputs(value)):
            read = _factors_read(mine, sizes[value], dtype, part)
            result[name] = as_array(WindowedSeries(read, steps, (sizes[value],), dtype))
    return result


def _factors_read(holds: Items[Hold], size: int, dtype: Any, part: int) -> Callable[[int, int], Array]:
    def read(start: int, stop: int) -> Array:
        near = [hold.within(start, stop) for hold in holds if hold.steps[0] < stop and hold.steps[1] > start]
        return factors(near, stop - start, size, dtype)[part]

    return read
