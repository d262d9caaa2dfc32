"""A loss taken back through a whole run: readout, merges, passes, embedding."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Layer, Network, find_source
from lstm_tui.engine.runtime.forward import RunBuffers, output_of, tape_order
from lstm_tui.engine.runtime.readout_series import pull
from lstm_tui.engine.runtime.storage import backprop_pass


def gradients(
    ran: RunBuffers,
    d_result: Array | None = None,
    d_values: Mapping[str, Mapping[str, Array]] | None = None,
    every_slot: bool = True,
    by_value: dict[str, dict[str, Array]] | None = None,
) -> tuple[dict[str, Array], Array, dict[str, Array]]:
    """Back-propagate through a whole run.

    Args:
        ran: A run whose rows were kept.
        d_result: The gradient of the loss by the readout's result, in its shape; None when the loss does
            not go through the readout.
        d_values: The gradient of the loss by values of passes: pass name to value name to (T, n) in tape
            order.
        every_slot: Whether the gradient by every slot is kept; training does without.
        by_value: When given, only the gradient by the states and outputs of the passes is wanted, which is put
            here: pass name to value name to (T, n) in tape order; that by the matrices is then left at 0.

    Returns:
        The gradient by every flat parameter array (pass name or `readout`), by x (T, I) in tape order, and
        by every slot of every pass, (T + 1, width) in reading order, or only by the states before (1, width).
    """
    network = ran.network
    flats: dict[str, Array] = {}
    slots: dict[str, Array] = {}
    outside: dict[str, dict[str, Array]] = {one.name: {} for one in network.passes}
    d_merged = [np.zeros_like(series) for series in ran.merged]
    d_x = np.zeros_like(ran.x)
    if d_result is not None and network.readout is not None and ran.readout is not None:
        flats["readout"], inputs = pull(ran.readout, {network.readout.page.result: d_result})
        for alias in network.readout.program.inputs:  # not those that say what is held
            d = inputs[alias]
            source = network.readout.page.reads.get(alias, "top.merge")
            send(source, d, network, d_x, d_merged, outside)
    for name, values in (d_values or {}).items():
        for value, d in values.items():
            add_to(outside[name], value, d)
    for number in reversed(range(len(network.layers))):
        layer = network.layers[number]
        outputs = [output_of(layer, n, ran.stored) for n in range(len(layer.passes))]
        unmerge(layer, outputs, d_merged[number], outside)
        below = d_merged[number - 1] if number else d_x
        for one in reversed(layer.passes):
            stored = ran.stored[one.name]
            given = {value: tape_order(d, one.direction) for value, d in outside[one.name].items()}
            wanted: dict[str, Array] | None = None
            if by_value is not None:
                names = dict.fromkeys((*one.cell.state, one.cell.output))
                wanted = {name: np.empty_like(stored.values[name]) for name in names}
            flats[one.name], inputs, slots[one.name] = backprop_pass(stored, given, every_slot, wanted)
            if by_value is not None and wanted is not None:
                by_value[one.name] = {value: tape_order(d, one.direction) for value, d in wanted.items()}
            below += tape_order(inputs["x"], one.direction)
            lower = f"layer{number - 1}.{one.direction}"
            for alias, value in one.program.below.items():
                if alias in inputs and lower in outside:
                    add_to(outside[lower], value, tape_order(inputs[alias], one.direction))
    return flats, d_x, slots


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
) -> None:
    """Add the gradient by what a readout reads to that by where it comes from."""
    if source == "top.merge":
        d_merged[-1] += d
    elif source == "embedding":
        d_x += d
    else:
        number, direction, value = find_source(source, network.layers)
        if direction is None:
            d_merged[number] += d
        else:
            add_to(outside[f"layer{number}.{direction}"], value, d)


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
