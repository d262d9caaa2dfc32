"""Run a network over a sequence and name every value of it."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.runtime.forward import (
    Initial,
    RunBuffers,
    bytes_of_token,
    most_bytes,
    run_arrays,
    tape_order,
)
from lstm_tui.engine.runtime.gradients import gradients
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.readout_series import evaluate
from lstm_tui.engine.runtime.resets import resets_of
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_run import embedded, windowed_arrays
from lstm_tui.engine.runtime.windowed_series import PendingValue, as_array, is_windowed
from lstm_tui.engine.text_safety import visible

__all__ = ["Initial", "RunBuffers", "gradients", "input_of", "run", "run_arrays", "trace_of"]

MAX_PREFIXES = 512


def run(
    network: Network,
    sequence: Sequence,
    interpreter: str | None = None,
    dtype: str | None = None,
    initial: Initial | None = None,
    progress: Progress | None = None,
    edits: tuple[str, ...] = (),
    holds: Items[Hold] = (),
    array_bytes: int | None = None,
) -> Trace:
    """Run a network over a sequence and return every value.

    A run whose values would take too much as arrays is held in windows (`windows.py`): it returns at once, and its
    values are series, which are computed where they are looked at.

    Args:
        network: What to run.
        sequence: Tokens as ids of the network's vocabulary, or numeric rows.
        interpreter: numpy or numba; by default the one that is done sooner.
        dtype: float32 or float64; that of the weights when not given.
        initial: States before the first step by pass, where they are not the cell's own.
        progress: Called with the steps done and the steps in all, over all passes.
        edits: Lines of an edit script that made this network or sequence, to travel with the trace.
        holds: Values that are set or scaled, whatever the equations say.
        array_bytes: Bytes that its values may take as arrays; by default the most that is allowed at all.

    Raises:
        UserError: If the sequence does not fit the network.
    """
    if not len(sequence):
        raise UserError("there is nothing to read: the sequence has no tokens")
    wanted = np.dtype(dtype) if dtype else network.dtype
    if is_held_in_windows(network, len(sequence), dtype, array_bytes):
        x = input_of(network, sequence, wanted, look_up=True)
        return trace_of(windowed_arrays(network, x, interpreter, initial, holds), sequence, edits)
    ran = run_arrays(network, input_of(network, sequence, wanted), interpreter, initial, progress, holds)
    return trace_of(ran, sequence, edits)


def is_held_in_windows(network: Network, steps: int, dtype: str | None, array_bytes: int | None) -> bool:
    """Say whether `run` holds a run of so many steps in windows, where its values may take so many bytes as arrays."""
    most = most_bytes() if array_bytes is None else min(array_bytes, most_bytes())
    return steps * bytes_of_token(network, np.dtype(dtype) if dtype else network.dtype) > most


def trace_of(ran: RunBuffers, sequence: Sequence, edits: tuple[str, ...] = (), known: Array | None = None) -> Trace:
    """Return what a run computed by name.

    Args:
        ran: What the engine keeps of it.
        sequence: What was read.
        edits: Lines of an edit script that made this network or sequence.
        known: What the network says at the first tokens, where a shorter run has found it out.
    """
    network = ran.network
    passes = {one.name: _traced(one.name, ran) for one in network.passes}
    readout: dict[str, Array] = {}
    readout_inputs: dict[str, Array] = {}
    output = result = None
    if ran.readout is not None and network.readout is not None:
        readout = ran.readout.values
        readout_inputs = {
            name: ran.readout.read(ran.readout.program.inputs[name]) for name in network.readout.program.inputs
        }
        final = readout[network.readout.page.result]
        result = final if final.ndim == 1 else _last_row(final, ran)
        if network.readout.page.per_token:
            output = as_array(final) if is_windowed(final) else np.broadcast_to(final, (len(sequence), len(result)))
        elif network.forward_only:
            output = _prefix_outputs(ran, known)
    return Trace(
        model={"name": network.name, "file": network.file, "sha256": network.sha256},
        sequence=sequence,
        interpreter=ran.interpreter,
        dtype=str(ran.x.dtype),
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


def input_of(network: Network, sequence: Sequence, dtype: DTypeLike, look_up: bool = False) -> Array:
    """Return the input of the lowest layer, (T, I), in the precision of the run.

    Args:
        network: What is run.
        sequence: What it reads.
        dtype: The precision of the run.
        look_up: Whether a text's rows of the embedding are looked up where they are read, and not all at once.

    Raises:
        UserError: If text meets a network for numbers or the other way round, the width is another, or a number of the
            input is larger than that precision holds.
    """
    if sequence.x is not None:
        if sequence.x.shape[1] != network.input_size:
            raise UserError(
                f"the input has {sequence.x.shape[1]} columns; network {network.name} reads {network.input_size}"
            )
        return _narrowed(sequence.x, np.dtype(dtype), sequence.file or "the input")
    if network.embedding is None or sequence.ids is None:
        raise UserError(f"network {network.name} reads numbers, not text: give an array, or a file of numbers")
    if look_up:
        return embedded(network.embedding, sequence.ids, dtype)
    return network.embedding[sequence.ids].astype(dtype)


def _narrowed(x: Array, dtype: np.dtype[Any], where: str) -> Array:
    """Return an input (T, I) in another precision; what would become infinite is refused by its place."""
    with np.errstate(over="ignore"):
        made = x.astype(dtype)
    if made.itemsize < x.itemsize:
        for row, column in np.argwhere(np.isinf(made) & np.isfinite(x))[:1]:
            number = sentence(x[row, column], 6)
            raise UserError(
                f"{visible(where)}: row {row + 1}, column {column + 1}: {number} is too large for {dtype}; "
                '--dtype float64 holds it, in Python dtype="float64"'
            )
    return made


def _traced(name: str, ran: RunBuffers) -> PassTrace:
    stored = ran.stored[name]
    one = next(each for each in ran.network.passes if each.name == name)

    def tape(series: Array) -> Array:
        return _freeze(tape_order(series, one.direction))

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
        resets=resets_of(one, stored.flat, ran.holds),
    )


def _freeze(array: Array) -> Array:
    if not isinstance(array, np.ndarray):  # a run in windows: nobody can write to what is computed anew
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def _last_row(final: Array, ran: RunBuffers) -> Array:
    """Return what a readout says at the last token, (K,): of a run in windows, where it is looked at."""
    windows = ran.windows
    if windows is None:
        return np.asarray(final[-1])
    last = len(ran.x) - 1
    ready = [(name, one.direction) for name, one in ((each.name, each) for each in ran.network.passes)]

    def is_ready() -> bool:
        complete = windows.readout is None or windows.readout.is_complete
        steps = ((name, last if direction == "forward" else 0) for name, direction in ready)
        return complete and all(windows.is_ready(name, step) for name, step in steps)

    return as_array(PendingValue(lambda: np.asarray(final[-1]), is_ready, final.shape[1], final.dtype))


def _prefix_outputs(ran: RunBuffers, known: Array | None = None) -> Array | None:
    """Return what the network says of the tokens so far, at each token (T, K); None when that costs too much."""
    network, evaluated = ran.network, ran.readout
    assert network.readout is not None
    assert evaluated is not None
    steps = len(ran.x)
    if steps > MAX_PREFIXES:
        return None
    program = evaluated.program
    inputs = {name: evaluated.read(slot) for name, slot in program.inputs.items()}
    slot = program.values[network.readout.page.result]
    outputs = [] if known is None else list(known)
    for t in range(len(outputs), steps):
        said = evaluate(program, evaluated.flat, {name: series[: t + 1] for name, series in inputs.items()}).read(slot)
        outputs.append(said if said.ndim == 1 else said[-1])
    return np.stack(outputs)
