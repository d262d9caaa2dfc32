"""A network run chunk by chunk as an application runs it on a stream: only the states go from one chunk to the next.

With the states carried, its bits are those of one run of the whole. That takes a little more than states: how many
steps were taken, for cells with a clock, and what was read since the last multiple of `BLOCK`, since NumPy takes
products there. Both are kept here, and nothing else of what was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network, Pass
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.blocked_product import BLOCK
from lstm_tui.engine.runtime.forward import Initial, below_of, merge, output_of, readout_inputs, refuse_too_long
from lstm_tui.engine.runtime.interpreters import chosen, interpreter
from lstm_tui.engine.runtime.readout_series import evaluate
from lstm_tui.engine.runtime.storage import Stored, prepare


@dataclass(frozen=True, eq=False)
class Chunk:
    """What one chunk gave.

    Attributes:
        outputs: What the network says: at each step (n, K); of the chunk (K,), by a readout over its steps; without a
            readout, what the top layer shows (n, H).
        states: Every state of every pass at each step, (n, S) each.
        before: The states the chunk began from, (S,) each.
    """

    outputs: Array
    states: Initial
    before: Initial

    def at_the_end(self, steps_before: int = 0) -> dict[str, dict[str, Array]]:
        """Return every state as it was some steps before the chunk's end; before all of them, as it began."""
        return {
            name: {
                state: series[-1 - steps_before] if steps_before < len(series) else self.before[name][state]
                for state, series in states.items()
            }
            for name, states in self.states.items()
        }


def refuse_both_ways(network: Network) -> None:
    """Refuse a network that reads from the end, which no stream has.

    Raises:
        UserError: It does.
    """
    backward = next((one.name for one in network.passes if one.direction != "forward"), None)
    if backward is not None:
        raise UserError(
            f"network {network.name} reads both ways: {backward} begins at the end, which a stream has not; "
            "take a network that reads forward only"
        )


class ChunkedRun:
    """A run to which chunks are given one after another."""

    def __init__(self, network: Network, dtype: Any = None, engine: str | None = None, steps: int = BLOCK) -> None:
        """Stand before the first chunk, with the states the cells begin with.

        Args:
            network: What is run.
            dtype: float32 or float64; that of the weights when not given.
            engine: numpy or numba; by default the one that is done sooner with so many steps.
            steps: About how many steps there will be.

        Raises:
            UserError: The network reads both ways.
        """
        refuse_both_ways(network)
        self.network = network
        self._dtype = np.dtype(dtype) if dtype else network.dtype
        self._engine = chosen(engine, steps, len(network.passes))
        self._flat = {one.name: one.program.cast(one.flat, self._dtype) for one in network.passes}
        self.beginning: Initial = {one.name: one.program.initial_states(self._flat[one.name]) for one in network.passes}
        self.states: Initial = self.beginning
        self.steps = 0
        self._tails: dict[str, Array] = {}

    def mark(self) -> tuple[Initial, int, dict[str, Array]]:
        """Return where the run stands, for `go_back`."""
        return self.states, self.steps, dict(self._tails)

    def go_back(self, mark: tuple[Initial, int, dict[str, Array]]) -> None:
        """Stand again where the run stood."""
        self.states, self.steps, self._tails = mark[0], mark[1], dict(mark[2])

    @one_thread
    def read(self, x: Array, begin: Initial | None = None) -> Chunk:
        """Run the next chunk, (n, I) of the lowest layer's input, from the states carried, or from others.

        Raises:
            UserError: It is too long to be held.
        """
        refuse_too_long(self.network, len(x), self._dtype)
        before = self.states if begin is None else begin
        with np.errstate(all="ignore"):  # what is too large for the precision is ∞ in it
            x = np.ascontiguousarray(x, self._dtype)
        source, merged, stored = x, list[Array](), dict[str, Stored]()
        for layer in self.network.layers:
            for one in layer.passes:
                stored[one.name] = self._pass(one, source, before[one.name], stored)
            source = merge(layer, [output_of(layer, n, stored) for n in range(len(layer.passes))])
            merged.append(source)
        states = {
            one.name: {state: stored[one.name].values[state] for state in self.beginning[one.name]}
            for one in self.network.passes
        }
        outputs = self._said(x, stored, merged)
        self.steps += len(x)
        self.states = {
            name: {state: series[-1].copy() for state, series in each.items()} for name, each in states.items()
        }
        return Chunk(outputs, states, before)

    def _pass(self, one: Pass, source: Array, begin: Mapping[str, Array], lower: Mapping[str, Stored]) -> Stored:
        program, flat = one.program, self._flat[one.name]
        inputs = {"x": source} | below_of(program.below, one.name, lower)
        series, start = self._with_tails(f"{one.name}/", inputs)
        stop = start + len(source)
        rows = prepare(program, flat, series, begin, start, stop, self._engine)
        interpreter(self._engine).run(program, flat, rows, 0, len(source), program.clock + self.steps)
        values = {name: rows[1:, slot.offset : slot.offset + slot.size] for name, slot in program.values.items()}
        return Stored(program, flat, inputs, begin, values, rows, self._engine)

    def _said(self, x: Array, stored: Mapping[str, Stored], merged: list[Array]) -> Array:
        readout = self.network.readout
        if readout is None:
            return merged[-1]
        program = readout.program
        flat, result = program.cast(readout.flat, self._dtype), program.values[readout.page.result]
        inputs = readout_inputs(self.network, x, stored, merged)
        if not readout.page.per_token:
            return evaluate(program, flat, inputs).read(result)
        series, start = self._with_tails("readout/", inputs)
        said = evaluate(program, flat, series).read(result)
        return np.broadcast_to(said, (len(x), len(said))) if said.ndim == 1 else said[start:]

    def _with_tails(self, where: str, inputs: Mapping[str, Array]) -> tuple[dict[str, Array], int]:
        """Return inputs behind what was read of them since the last multiple of `BLOCK`, and how much that is."""
        start = self.steps % BLOCK
        series = {}
        for name, new in inputs.items():
            tail = self._tails.get(where + name)
            series[name] = new if not start or tail is None else np.concatenate([tail, new])
            kept = (start + len(new)) % BLOCK
            self._tails[where + name] = series[name][len(series[name]) - kept :].copy()
        return series, start
