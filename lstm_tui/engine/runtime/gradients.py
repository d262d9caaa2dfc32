"""A loss taken back through a whole run: readout, merges, passes, embedding."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items
from functools import partial
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Layer, Network, Pass, find_source
from lstm_tui.engine.runtime.adjoint_windows import AdjointWindows
from lstm_tui.engine.runtime.forward import RunBuffers, output_of, tape_order, threads_of
from lstm_tui.engine.runtime.memory_budget import most_window_bytes
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.readout_series import pull
from lstm_tui.engine.runtime.side_by_side import side_by_side
from lstm_tui.engine.runtime.storage import Stored, backprop_pass
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, as_array, is_windowed
from lstm_tui.engine.runtime.windows import WindowRoom


def gradients(
    ran: RunBuffers,
    d_result: Array | None = None,
    d_values: Mapping[str, Mapping[str, Array]] | None = None,
    every_slot: bool = True,
    by_value: dict[str, dict[str, Array]] | None = None,
    progress: Progress | None = None,
    ways: dict[str, AdjointWindows] | None = None,
) -> tuple[dict[str, Array], Array, dict[str, Array]]:
    """Back-propagate through a whole run, held as arrays or in windows, with the same bits.

    Of a run in windows what is returned and put into `by_value` are series: a gradient is computed where it is read,
    from what comes back to each span of steps.

    Args:
        ran: The run.
        d_result: The gradient of the loss by the readout's result, in its shape; None when the loss does
            not go through the readout.
        d_values: The gradient of the loss by values of passes: pass name to value name to (T, n) in tape
            order.
        every_slot: Whether the gradient by every slot is kept; training does without.
        by_value: When given, only the gradient by the states and outputs of the passes is wanted, which is put
            here: pass name to value name to (T, n) in tape order; that by the matrices is then left at 0.
        progress: Of a run in windows, called with the steps gone back through and the steps in all; what it raises
            ends this. Where only values are wanted, nothing is gone back through before it is read.
        ways: When given, the way back through each pass of a run that is too long for its slots to be held is put
            here by its name, the highest first: it is gone back through in windows.

    Returns:
        The gradient by every flat parameter array (pass name or `readout`), by x (T, I) in tape order, and
        by every slot of every pass, (T + 1, width) in reading order, or only by the states before (1, width).
    """
    network = ran.network
    flats: dict[str, Array] = {}
    slots: dict[str, Array] = {}
    outside: dict[str, dict[str, Array]] = {one.name: {} for one in network.passes}
    in_windows = ran.windows is not None or (ways is not None and any(one.is_too_long for one in ran.stored.values()))
    d_merged = [_zeros(series.shape, series.dtype, in_windows) for series in ran.merged]
    d_x = _zeros(ran.x.shape, ran.x.dtype, in_windows)
    room = WindowRoom(most_window_bytes() // _OF_THE_ROOM)
    steps = _Steps(progress, len(ran.x) * len(network.passes))
    if d_result is not None and network.readout is not None and ran.readout is not None:
        flats["readout"], inputs = pull(ran.readout, {network.readout.page.result: d_result}, by_value is None)
        for alias in network.readout.program.inputs:  # not those that say what is held
            d = inputs[alias]
            source = network.readout.page.reads.get(alias, "top.merge")
            d_x = send(source, d, network, d_x, d_merged, outside)
    for name, values in (d_values or {}).items():
        for value, d in values.items():
            add_to(outside[name], value, d)
    for number in reversed(range(len(network.layers))):
        layer = network.layers[number]
        outputs = [output_of(layer, n, ran.stored) for n in range(len(layer.passes))]
        unmerge(layer, outputs, d_merged[number], outside)
        below = d_merged[number - 1] if number else d_x
        backwards = layer.passes[::-1]
        every_given = [
            {value: tape_order(d, one.direction) for value, d in outside[one.name].items()} for one in backwards
        ]
        every_wanted: list[dict[str, Array] | None] = [None] * len(backwards)
        if by_value is not None and not in_windows:
            every_wanted = [_room_for(one, ran) for one in backwards]
        made = []
        if not in_windows:
            works = [
                partial(_taken_back, ran.stored[one.name], given, every_slot, wanted)
                for one, given, wanted in zip(backwards, every_given, every_wanted, strict=True)
            ]
            made = side_by_side(works, threads_of(backwards, len(ran.x), ran.interpreter))
        for n, (one, given, wanted) in enumerate(zip(backwards, every_given, every_wanted, strict=True)):
            if in_windows:
                stored = ran.stored[one.name]
                back = AdjointWindows(stored, given, room, by_value is None)
                if by_value is None:
                    back.finish(steps.of_pass())
                if ways is not None:
                    ways[one.name] = back
                flats[one.name], slots[one.name] = back.gradient, back.of_slots()
                inputs = {name: back.of_input(name) for name in stored.program.inputs}
                wanted = {name: back.of_value(name) for name in _shown(one)}
            else:
                flats[one.name], inputs, slots[one.name] = made[n]
            if by_value is not None and wanted is not None:
                by_value[one.name] = {value: tape_order(d, one.direction) for value, d in wanted.items()}
            below = added(below, tape_order(inputs["x"], one.direction))
            lower = f"layer{number - 1}.{one.direction}"
            for alias, value in one.program.below.items():
                if alias in inputs and lower in outside:
                    add_to(outside[lower], value, tape_order(inputs[alias], one.direction))
        if number:
            d_merged[number - 1] = below
        else:
            d_x = below
    return flats, d_x, slots


def _shown(one: Pass) -> tuple[str, ...]:
    """Return the states and the output of a pass."""
    return tuple(dict.fromkeys((*one.cell.state, one.cell.output)))


def _room_for(one: Pass, ran: RunBuffers) -> dict[str, Array]:
    """Return where the gradient by the states and the output of a pass is put."""
    return {name: np.empty_like(ran.stored[one.name].values[name]) for name in _shown(one)}


def _taken_back(
    stored: Stored, given: dict[str, Array], every_slot: bool, wanted: dict[str, Array] | None, _: Progress
) -> tuple[Array, dict[str, Array], Array]:
    return backprop_pass(stored, given, every_slot, wanted)


_OF_THE_ROOM = 4
"""So small a part of the room for the windows of a run is that for the gradient by them."""


class _Steps:
    """How far the way back through a run has come, over all its passes."""

    def __init__(self, progress: Progress | None, count: int) -> None:
        self._progress, self._count, self._done = progress, count, 0

    def of_pass(self) -> Progress | None:
        """Return what is told of the next pass."""
        progress, before, count = self._progress, self._done, self._count
        if progress is None:
            return None

        def told(done: int, steps: int) -> None:
            self._done = before + done
            progress(self._done, count)

        return told


def _zeros(shape: tuple[int, ...], dtype: Any, in_windows: bool) -> Array:
    if not in_windows:
        return np.zeros(shape, dtype)
    return as_array(WindowedSeries(lambda a, b: np.zeros((b - a, *shape[1:]), dtype), shape[0], shape[1:], dtype))


def added(sink: Array, d: Array) -> Array:
    """Add to a gradient, in its place where it is an array; of a run in windows both are series."""
    if is_windowed(sink):
        return as_array(sink + d)
    sink += d
    return sink


def add_to(sink: dict[str, Array], value: str, d: Array) -> None:
    """Add to the gradient by a value, which is left as it is."""
    sink[value] = sink[value] + d if value in sink else d


def send(
    source: str,
    d: Array,
    network: Network,
    d_x: Array,
    d_merged: list[Array],
    outside: dict[str, dict[str, Array]],
) -> Array:
    """Add the gradient by what a readout reads to that by where it comes from; return that by the input."""
    if source == "top.merge":
        d_merged[-1] = added(d_merged[-1], d)
    elif source == "embedding":
        return added(d_x, d)
    else:
        number, direction, value = find_source(source, network.layers)
        if direction is None:
            d_merged[number] = added(d_merged[number], d)
        else:
            add_to(outside[f"layer{number}.{direction}"], value, d)
    return d_x


def unmerge(layer: Layer, outputs: Items[Array], d: Array, outside: dict[str, dict[str, Array]]) -> None:
    """Add the gradient by the output of a layer to that by the outputs of its passes, in tape order."""
    start = 0
    for number, one in enumerate(layer.passes):
        if len(layer.passes) == 1:
            piece = d
        elif layer.merge == "concat":
            piece = d[:, start : start + one.output_size]
            start += one.output_size
        elif layer.merge == "mul":
            piece = d * outputs[1 - number]
        else:
            piece = d if layer.merge == "sum" else d / d.dtype.type(2)
        add_to(outside[one.name], one.cell.output, piece)
