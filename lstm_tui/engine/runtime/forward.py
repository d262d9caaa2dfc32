"""A network over the input of its lowest layer: pass by pass, layer by layer, then the readout."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from collections.abc import Sequence as Items
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import held
from lstm_tui.engine.compiler.program import Program, held_inputs
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.readout import compile_readout
from lstm_tui.engine.model.network import Layer, Network, Pass, find_source
from lstm_tui.engine.number_text import bytes_text
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.interpreters import chosen
from lstm_tui.engine.runtime.interpreters import interpreter as interpreter_of
from lstm_tui.engine.runtime.overrides import READOUT, Hold, inputs_of
from lstm_tui.engine.runtime.pass_to_run import PassToRun
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.readout_series import Evaluated, evaluate
from lstm_tui.engine.runtime.resets import clock_of, held_sizes
from lstm_tui.engine.runtime.side_by_side import Told, Work, seconds_of, side_by_side, threads_for
from lstm_tui.engine.runtime.storage import Stored, run_both_passes, run_pass
from lstm_tui.engine.runtime.windowed_series import is_windowed

if TYPE_CHECKING:
    from lstm_tui.engine.runtime.windows import RunWindows

if sys.platform != "win32":
    import resource

Initial = Mapping[str, Mapping[str, Array]]
MAX_VALUES_BYTES = 2 * 2**30
"""Most that the values of a run may take."""


@dataclass(frozen=True, eq=False)
class RunBuffers:
    """What a run computed, as the engine keeps it.

    Attributes:
        network: What was run.
        x: The input of the lowest layer, (T, I) in tape order.
        stored: Every pass by name, each in its own reading order.
        merged: The output of each layer, (T, n) in tape order.
        readout: Every slot of the readout, or None.
        holds: Values that were set or scaled.
        windows: What holds a run in windows, whose values are series; None where they are arrays.
    """

    network: Network
    x: Array
    stored: Mapping[str, Stored]
    merged: tuple[Array, ...]
    readout: Evaluated | None
    holds: tuple[Hold, ...] = ()
    windows: RunWindows | None = None

    @property
    def interpreter(self) -> str:
        """Name of the interpreter that made it."""
        return next(iter(self.stored.values())).interpreter


def bytes_of_token(network: Network, dtype: Any) -> int:
    """Return how many bytes a run holds for each token: what every pass and the readout read and compute."""
    return int(network.numbers_of_token * np.dtype(dtype).itemsize)


def refuse_too_long(network: Network, steps: int, dtype: Any) -> None:
    """Refuse a run whose values would not fit into the memory allowed, before anything of it is computed.

    Raises:
        UserError: It is too long; how many tokens fit is said.
    """
    each, allowed = bytes_of_token(network, dtype), most_bytes()
    if steps * each > allowed:
        raise UserError(
            f"{steps} tokens would take {bytes_text(steps * each)} of values, and {bytes_text(allowed)} is the most: "
            f"give at most {allowed // each} tokens at a time, or a smaller network"
        )


def most_bytes() -> int:
    """Return how many bytes the values of a run may take: never more than half of what the process may have."""
    if sys.platform == "win32":
        return MAX_VALUES_BYTES
    soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
    return MAX_VALUES_BYTES if soft == resource.RLIM_INFINITY else min(MAX_VALUES_BYTES, soft // 2)


@one_thread
def run_arrays(
    network: Network,
    x: Array,
    interpreter: str | None = None,
    initial: Initial | None = None,
    progress: Progress | None = None,
    holds: Items[Hold] = (),
    keep_rows: bool = False,
) -> RunBuffers:
    """Run a network on the input of its lowest layer, (T, I), in the dtype of x.

    It is made by the interpreter named, or without a name by the one that is done sooner. `keep_rows` says that a
    gradient will be taken, which needs every op of every step.

    Raises:
        UserError: If initial states name what is not there or have another size, or the input is too long.
    """
    check_initial(network, initial or {})
    refuse_too_long(network, len(x), x.dtype)
    count = len(network.passes)
    interpreter = chosen(interpreter, len(x), count)
    stored: dict[str, Stored] = {}
    merged: list[Array] = []
    done, total = 0, len(x) * count
    for layer in network.layers:
        source = merged[-1] if merged else x
        ready = [_pass_ready(one, source, stored, initial or {}, holds) for one in layer.passes]
        told = None if progress is None else _shifted(progress, done, total)
        ran = None
        if len(ready) == 2 and not keep_rows:
            ran = _both(ready[0], ready[1], interpreter, told)
        if ran is None:
            threads = threads_of(layer.passes, len(x), interpreter)
            if threads > 1 and not (holds or keep_rows) and _are_shared(layer.passes, x.dtype, len(x), interpreter):
                threads = 1
            ran = side_by_side([_pass_work(one, interpreter, keep_rows) for one in ready], threads, told)
        stored |= {one.name: made for one, made in zip(layer.passes, ran, strict=True)}
        done += len(x) * len(layer.passes)
        merged.append(merge(layer, [output_of(layer, n, stored) for n in range(len(layer.passes))]))
    readout = None
    if network.readout is not None:
        inputs = readout_inputs(network, x, stored, merged)
        program, given = held_readout_program(network, holds), readout_holds(network, len(x), x.dtype, holds)
        readout = evaluate(program, program.cast(network.readout.flat, x.dtype), {**inputs, **given})
    return RunBuffers(network, x, stored, tuple(merged), readout, tuple(holds))


class _Ready(NamedTuple):
    """A pass that is ready to be run: its program, what it is made of, and which states are parameters, by name."""

    program: Program
    run: PassToRun
    learned: Mapping[str, str]


def _pass_ready(one: Pass, source: Array, stored: Mapping[str, Stored], initial: Initial, holds: Items[Hold]) -> _Ready:
    """Return a pass over what lies below: what it reads is looked up here, and nothing is run yet."""
    flat = one.program.cast(one.flat, source.dtype)
    below = below_of(one.program.below, one.name, stored)
    mine = [hold for hold in holds if hold.pass_name == one.name]
    program, given = held_program(one, mine), pass_inputs(one, source, mine)
    inputs = {name: reading_order(series, one.direction) for name, series in given.items()} | below
    begun = initial.get(one.name, {})
    start = one.program.initial_states(flat, begun)
    learned = {state: of for state, of in one.program.initial.items() if isinstance(of, str) and state not in begun}
    return _Ready(program, PassToRun(flat, inputs, start), learned)


def _pass_work(one: _Ready, interpreter: str, keep_rows: bool) -> Work[Stored]:
    program, (flat, inputs, start), learned = one
    return lambda report: run_pass(program, flat, inputs, start, interpreter, report, learned, keep_rows)


def _both(one: _Ready, other: _Ready, interpreter: str, told: Told | None) -> list[Stored] | None:
    """Run two passes side by side in this thread; None where nothing is gained by it."""
    programs, learned = (one.program, other.program), (one.learned, other.learned)
    return run_both_passes(programs, (one.run, other.run), interpreter, learned, told)


def threads_of(passes: Items[Pass], steps: int, interpreter: str) -> int:
    """Return on how many threads passes that need nothing of each other are run; NumPy lets one alone go on."""
    if interpreter != "numba" or len(passes) == 1:
        return 1
    return threads_for(seconds_of(one.program, steps) for one in passes)


def _are_shared(passes: Items[Pass], dtype: np.dtype[Any], steps: int, interpreter: str) -> bool:
    """Say whether passes end sooner one after the other, each step shared by two threads."""
    engine = interpreter_of(interpreter)
    return all(engine.shares_steps(one.program, dtype, steps) for one in passes)


def check_initial(network: Network, initial: Initial) -> None:
    """Look whether initial states are of passes that are there.

    Raises:
        UserError: One is not.
    """
    for name in initial:
        names = [one.name for one in network.passes]
        if name not in names:
            near = nearest(name, names)
            hint = f"; did you mean {near}?" if near else f"; there are {', '.join(names)}"
            raise UserError(f"initial states are given for {name}, which is no pass{hint}")


def held_program(one: Pass, holds: Items[Hold]) -> Program:
    """Return the program of a pass in which the values can be held that are to be."""
    program, values = one.program, {hold.value for hold in holds} - {"x"}
    if values:
        program = compile_cell(
            one.cell, program.input_size, program.hidden_size, program.sizes, program.without, program.bottom, values
        )
    return program


def pass_inputs(one: Pass, source: Array, holds: Items[Hold]) -> dict[str, Array]:
    """Return what a pass reads beside what lies below, (T, n) each in tape order, and how its values are held."""
    if not holds:
        return {"x": source}
    inputs = inputs_of(holds, held_sizes(one.program), len(source), source.dtype)
    inputs |= clock_of(one, holds, range(len(source)), len(source), source.dtype)
    modes, numbers = (inputs.pop(name, None) for name in held_inputs("x"))
    x = source if modes is None or numbers is None else held(source, modes, numbers)
    return {"x": np.ascontiguousarray(x), **inputs}


def held_readout_program(network: Network, holds: Items[Hold]) -> Program:
    """Return the program of the readout in which the series can be held that are to be."""
    assert network.readout is not None
    program, page = network.readout.program, network.readout.page
    mine = [hold for hold in holds if hold.pass_name == READOUT]
    if not mine:
        return program
    read = {name: slot.size for name, slot in program.inputs.items()}
    return compile_readout(page, read, program.values[page.result].size, {hold.value for hold in mine})


def readout_holds(network: Network, steps: int, dtype: Any, holds: Items[Hold]) -> dict[str, Array]:
    """Return how the series of the readout are held, (T, n) each."""
    assert network.readout is not None
    sizes = {name: slot.size for name, slot in network.readout.program.values.items()}
    return inputs_of([hold for hold in holds if hold.pass_name == READOUT], sizes, steps, dtype)


def readout_inputs(network: Network, x: Array, stored: Mapping[str, Stored], merged: Items[Array]) -> dict[str, Array]:
    """Return what the readout reads of the passes, (T, n) each in tape order."""
    assert network.readout is not None
    reads = network.readout.page.reads
    return {"h": merged[-1]} | {alias: _source(name, network, x, stored, merged) for alias, name in reads.items()}


def below_of(reads: Mapping[str, str], name: str, stored: Mapping[str, Stored]) -> dict[str, Array]:
    """Return what a pass reads of the layer below: same token, same direction; nothing in the lowest."""
    layer, _, direction = name.partition(".")
    lower = f"layer{int(layer.removeprefix('layer')) - 1}.{direction}"
    if lower not in stored:
        return {}
    return {mine: stored[lower].values[theirs] for mine, theirs in reads.items() if theirs in stored[lower].values}


def reading_order(series: Array, direction: str) -> Array:
    """Return a series in tape order as a pass reads it."""
    if direction == "forward":
        return series
    return series[::-1] if is_windowed(series) else np.ascontiguousarray(series[::-1])


def tape_order(series: Array, direction: str) -> Array:
    """Return a series in a pass's reading order as it lies on the tape."""
    return series if direction == "forward" else series[::-1]


def output_of(layer: Layer, number: int, stored: Mapping[str, Stored]) -> Array:
    """Return the output of a pass of a layer, (T, n) in tape order."""
    one = layer.passes[number]
    return tape_order(stored[one.name].values[one.cell.output], one.direction)


def merge(layer: Layer, outputs: list[Array]) -> Array:
    """Return the outputs of a layer's passes as one, (T, n) in tape order: of one pass that reads forwards, its own."""
    if len(outputs) == 1:
        only = outputs[0]
        return only if only.strides[0] > 0 else np.ascontiguousarray(only)
    if layer.merge == "concat":
        return np.concatenate(outputs, axis=1)
    if layer.merge == "mul":
        return outputs[0] * outputs[1]
    total = outputs[0] + outputs[1]
    return total if layer.merge == "sum" else total / total.dtype.type(2)


def _source(name: str, network: Network, x: Array, stored: Mapping[str, Stored], merged: Items[Array]) -> Array:
    if name == "embedding":
        return x
    number, direction, value = find_source(name, network.layers)
    if direction is None:
        return merged[number]
    return tape_order(stored[f"layer{number}.{direction}"].values[value], direction)


def _shifted(progress: Progress, done: int, total: int) -> Callable[[int], None]:
    return lambda steps: progress(done + steps, total)
