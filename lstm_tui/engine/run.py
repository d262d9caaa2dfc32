"""Run a network over a sequence, and take a loss back through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Items
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.compile import compile_cell
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.holds import Hold, held_inputs, inputs_of
from lstm_tui.engine.network import Layer, Network, Pass, find_source
from lstm_tui.engine.ops import held
from lstm_tui.engine.program import Program
from lstm_tui.engine.series import Evaluated, evaluate, pull
from lstm_tui.engine.storage import Progress, Stored, backprop_pass, run_pass
from lstm_tui.engine.trace import PassTrace, Sequence, Trace

Array = NDArray[np.floating[Any]]
Initial = Mapping[str, Mapping[str, Array]]
MAX_PREFIXES = 512


@dataclass(frozen=True, eq=False)
class Ran:
    """What a run computed, as the engine keeps it.

    Attributes:
        network: What was run.
        x: The input of the lowest layer, (T, I) in tape order.
        stored: Every pass by name, each in its own reading order.
        merged: The output of each layer, (T, n) in tape order.
        readout: Every slot of the readout, or None.
    """

    network: Network
    x: Array
    stored: Mapping[str, Stored]
    merged: tuple[Array, ...]
    readout: Evaluated | None


def run(
    network: Network,
    sequence: Sequence,
    interpreter: str = "numpy",
    dtype: str | None = None,
    initial: Initial | None = None,
    progress: Progress | None = None,
    edits: tuple[str, ...] = (),
    holds: Items[Hold] = (),
) -> Trace:
    """Run a network over a sequence and return every value.

    Args:
        network: What to run.
        sequence: Tokens as ids of the network's vocabulary, or numeric rows.
        interpreter: numpy or numba.
        dtype: float32 or float64; that of the weights when not given.
        initial: States before the first step by pass, where they are not the cell's own.
        progress: Called with the steps done and the steps in all, over all passes.
        edits: Recipe lines that made this network or sequence, to travel with the trace.
        holds: Values that are set or scaled, whatever the equations say.

    Raises:
        UserError: If the sequence does not fit the network, or is too long to be held.
    """
    if not len(sequence):
        raise UserError("there is nothing to read: the sequence has no tokens")
    wanted = np.dtype(dtype) if dtype else network.dtype
    ran = run_arrays(network, input_of(network, sequence).astype(wanted), interpreter, initial, progress, holds)
    passes = {one.name: _traced(one.name, ran) for one in network.passes}
    readout: dict[str, Array] = {}
    readout_inputs: dict[str, Array] = {}
    output = result = None
    if ran.readout is not None and network.readout is not None:
        readout = ran.readout.values
        readout_inputs = {name: ran.readout.read(slot) for name, slot in ran.readout.program.inputs.items()}
        final = readout[network.readout.page.result]
        if final.ndim == 2:
            output, result = final, final[-1]
        else:
            result = final
            output = _prefix_outputs(ran) if network.forward_only else None
    return Trace(
        model={"name": network.name, "file": network.file, "sha256": network.sha256},
        sequence=sequence,
        interpreter=interpreter,
        dtype=str(wanted),
        passes=passes,
        readout={name: _freeze(series) for name, series in readout.items()},
        output=None if output is None else _freeze(output),
        result=None if result is None else _freeze(result),
        classes=network.classes,
        edits=edits,
        network=network,
        readout_inputs=readout_inputs,
        ran=ran,
    )


def input_of(network: Network, sequence: Sequence) -> Array:
    """Return the input of the lowest layer, (T, I).

    Raises:
        UserError: If text meets a network for numbers or the other way round, or the width is another.
    """
    if sequence.x is not None:
        if sequence.x.shape[1] != network.input_size:
            raise UserError(
                f"the input has {sequence.x.shape[1]} columns; network {network.name} reads {network.input_size}"
            )
        return sequence.x
    if network.embedding is None or sequence.ids is None:
        raise UserError(f"network {network.name} reads numbers, not text: give a .csv, .npy or .npz file")
    return network.embedding[sequence.ids]


def run_arrays(
    network: Network,
    x: Array,
    interpreter: str,
    initial: Initial | None = None,
    progress: Progress | None = None,
    holds: Items[Hold] = (),
) -> Ran:
    """Run a network on the input of its lowest layer, (T, I), in the dtype of x."""
    stored: dict[str, Stored] = {}
    merged: list[Array] = []
    done, total = 0, len(x) * len(network.passes)
    for layer in network.layers:
        source = merged[-1] if merged else x
        for one in layer.passes:
            flat = one.flat.astype(x.dtype, copy=False)
            below = _below(one.program.below, one.name, stored)
            program, given = _held_program(one, source, [hold for hold in holds if hold.pass_name == one.name])
            inputs = {name: _reading_order(series, one.direction) for name, series in given.items()} | below
            start = one.program.initial_states(flat, (initial or {}).get(one.name))
            report = None if progress is None else _shifted(progress, done, total)
            stored[one.name] = run_pass(program, flat, inputs, start, interpreter, report)
            done += len(x)
        merged.append(merge(layer, [_output(layer, n, stored) for n in range(len(layer.passes))]))
    readout = None
    if network.readout is not None:
        inputs = {"h": merged[-1]}
        for alias, name in network.readout.page.reads.items():
            inputs[alias] = _source(name, network, x, stored, merged)
        readout = evaluate(network.readout.program, network.readout.flat.astype(x.dtype, copy=False), inputs)
    return Ran(network, x, stored, tuple(merged), readout)


def _held_program(one: Pass, source: Array, holds: Items[Hold]) -> tuple[Program, dict[str, Array]]:
    """Return the program of a pass in which values can be held, and its inputs, (T, n) each in tape order."""
    if not holds:
        return one.program, {"x": source}
    program = one.program
    sizes = {"x": program.input_size, **{name: slot.size for name, slot in program.values.items()}}
    inputs = inputs_of(holds, sizes, len(source), source.dtype)
    modes, numbers = (inputs.pop(name, None) for name in held_inputs("x"))
    x = source if modes is None or numbers is None else held(source, modes, numbers)
    values = {hold.value for hold in holds} - {"x"}
    if values:
        program = compile_cell(
            one.cell, program.input_size, program.hidden_size, program.sizes, program.without, program.bottom, values
        )
    return program, {"x": np.ascontiguousarray(x), **inputs}


def _below(reads: Mapping[str, str], name: str, stored: Mapping[str, Stored]) -> dict[str, Array]:
    """Return what a pass reads of the layer below: same token, same direction; nothing in the lowest."""
    layer, _, direction = name.partition(".")
    lower = f"layer{int(layer.removeprefix('layer')) - 1}.{direction}"
    if lower not in stored:
        return {}
    return {mine: stored[lower].values[theirs] for mine, theirs in reads.items() if theirs in stored[lower].values}


def _reading_order(series: Array, direction: str) -> Array:
    return series if direction == "forward" else np.ascontiguousarray(series[::-1])


def _tape_order(series: Array, direction: str) -> Array:
    return series if direction == "forward" else series[::-1]


def _output(layer: Layer, number: int, stored: Mapping[str, Stored]) -> Array:
    one = layer.passes[number]
    return _tape_order(stored[one.name].values[one.cell.output], one.direction)


def merge(layer: Layer, outputs: list[Array]) -> Array:
    """Return the outputs of a layer's passes as one, (T, n) in tape order."""
    if len(outputs) == 1:
        return np.ascontiguousarray(outputs[0])
    if layer.merge == "concat":
        return np.concatenate(outputs, axis=1)
    if layer.merge == "mul":
        return outputs[0] * outputs[1]
    total = outputs[0] + outputs[1]
    return total if layer.merge == "sum" else total / total.dtype.type(2)


def _source(name: str, network: Network, x: Array, stored: Mapping[str, Stored], merged: list[Array]) -> Array:
    if name == "embedding":
        return x
    number, direction, value = find_source(name, network.layers)
    if direction is None:
        return merged[number]
    return _tape_order(stored[f"layer{number}.{direction}"].values[value], direction)


def _shifted(progress: Progress, done: int, total: int) -> Callable[[int, int], None]:
    return lambda step, _: progress(done + step, total)


def _traced(name: str, ran: Ran) -> PassTrace:
    stored = ran.stored[name]
    one = next(each for each in ran.network.passes if each.name == name)
    tape = lambda series: _freeze(_tape_order(series, one.direction))  # noqa: E731
    return PassTrace(
        name=name,
        cell=one.cell,
        direction=one.direction,
        input_size=one.program.input_size,
        hidden_size=one.program.hidden_size,
        arrays={value: tape(series) for value, series in stored.values.items()},
        initial={state: _freeze(numbers) for state, numbers in stored.initial.items()},
        inputs={value: tape(series) for value, series in stored.inputs.items()},
        stored=stored,
    )


def _freeze(array: Array) -> Array:
    view = array.view()
    view.flags.writeable = False
    return view


def _prefix_outputs(ran: Ran) -> Array | None:
    """Return what the network says of the tokens so far, at each token (T, K); None when that costs too much."""
    network, evaluated = ran.network, ran.readout
    assert network.readout is not None
    assert evaluated is not None
    steps = len(ran.x)
    if steps > MAX_PREFIXES:
        return None
    program = network.readout.program
    inputs = {name: evaluated.read(slot) for name, slot in program.inputs.items()}
    slot = program.values[network.readout.page.result]
    outputs = [
        evaluate(program, evaluated.flat, {name: series[: t + 1] for name, series in inputs.items()}).read(slot)
        for t in range(steps)
    ]
    return np.stack(outputs)


# --- gradients ------------------------------------------------------------------------------------------


def gradients(
    ran: Ran, d_result: Array | None = None, d_values: Mapping[str, Mapping[str, Array]] | None = None
) -> tuple[dict[str, Array], Array, dict[str, Array]]:
    """Back-propagate through a whole run.

    Args:
        ran: A run whose rows were kept.
        d_result: The gradient of the loss by the readout's result, in its shape; None when the loss does
            not go through the readout.
        d_values: The gradient of the loss by values of passes: pass name to value name to (T, n) in tape
            order.

    Returns:
        The gradient by every flat parameter array (pass name or `readout`), by x (T, I) in tape order, and
        by every slot of every pass, (T + 1, width) in reading order.
    """
    network = ran.network
    flats: dict[str, Array] = {}
    slots: dict[str, Array] = {}
    outside: dict[str, dict[str, Array]] = {one.name: {} for one in network.passes}
    d_merged = [np.zeros_like(series) for series in ran.merged]
    d_x = np.zeros_like(ran.x)
    if d_result is not None and network.readout is not None and ran.readout is not None:
        flats["readout"], inputs = pull(ran.readout, {network.readout.page.result: d_result})
        for alias, d in inputs.items():
            source = network.readout.page.reads.get(alias, "top.merge")
            _send(source, d, network, d_x, d_merged, outside)
    for name, values in (d_values or {}).items():
        for value, d in values.items():
            _add(outside[name], value, d)
    for number in reversed(range(len(network.layers))):
        layer = network.layers[number]
        _unmerge(layer, ran, d_merged[number], outside)
        below = d_merged[number - 1] if number else d_x
        for one in reversed(layer.passes):
            stored = ran.stored[one.name]
            given = {value: _tape_order(d, one.direction) for value, d in outside[one.name].items()}
            flats[one.name], inputs, slots[one.name] = backprop_pass(stored, given)
            below += _tape_order(inputs["x"], one.direction)
            lower = f"layer{number - 1}.{one.direction}"
            for alias, value in one.program.below.items():
                if alias in inputs and lower in outside:
                    _add(outside[lower], value, _tape_order(inputs[alias], one.direction))
    return flats, d_x, slots


def _add(sink: dict[str, Array], value: str, d: Array) -> None:
    sink[value] = sink[value] + d if value in sink else d


def _send(
    source: str,
    d: Array,
    network: Network,
    d_x: Array,
    d_merged: list[Array],
    outside: dict[str, dict[str, Array]],
) -> None:
    if source == "top.merge":
        d_merged[-1] += d
    elif source == "embedding":
        d_x += d
    else:
        number, direction, value = find_source(source, network.layers)
        if direction is None:
            d_merged[number] += d
        else:
            _add(outside[f"layer{number}.{direction}"], value, d)


def _unmerge(layer: Layer, ran: Ran, d: Array, outside: dict[str, dict[str, Array]]) -> None:
    outputs = [_output(layer, n, ran.stored) for n in range(len(layer.passes))]
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
        _add(outside[one.name], one.cell.output, piece)
