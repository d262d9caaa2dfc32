"""A run that grows at its end: tokens that come later are run from where it stands, and nothing before them again.

Only networks whose passes all read forward can grow. What was handed out is never written again: a longer trace
shares the memory of the one before, and reads the same numbers there. The bits are those of a run of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence as Items
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Room
from lstm_tui.engine.model.network import Network, Pass
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime import storage
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.blocked_product import BLOCK
from lstm_tui.engine.runtime.forward import (
    RunBuffers,
    below_of,
    bytes_of_token,
    merge,
    output_of,
    pass_inputs,
    readout_holds,
    readout_inputs,
)
from lstm_tui.engine.runtime.interpreters import interpreter
from lstm_tui.engine.runtime.overrides import READOUT, Hold
from lstm_tui.engine.runtime.readout_series import Evaluated, evaluate
from lstm_tui.engine.runtime.resets import clock_of
from lstm_tui.engine.runtime.run import input_of, trace_of
from lstm_tui.engine.runtime.storage import Stored, fill, prepare
from lstm_tui.engine.runtime.trace import Trace

HELD_BYTES = 256 * 2**20


def most_tokens(network: Network, dtype: Any) -> int:
    """Return how many tokens a run may grow to, so that its values do not fill the memory."""
    return max(HELD_BYTES // bytes_of_token(network, dtype), 1)


class _GrowingPass:
    """One pass of a run that grows: every op of every step is kept while that is little enough, then the values."""

    def __init__(self, one: Pass, stored: Stored) -> None:
        self._one, self.stored = one, stored
        self._rows = None if stored.rows is None else Room(stored.rows)
        self._inputs = {name: Room(series) for name, series in stored.inputs.items() if name not in one.program.below}
        self._values = {} if stored.rows is not None else {name: Room(one) for name, one in stored.values.items()}

    def grow(self, source: Array, holds: Items[Hold], lower: Mapping[str, Stored]) -> Stored:
        """Take the steps of what lies below, (n, I), and of what the layer below has computed already.

        `holds` lie on the tape from the first token on.
        """
        was, one = self.stored, self._one
        program, engine = was.program, interpreter(was.interpreter)
        stop = was.steps + len(source)
        given = pass_inputs(one, source, [hold.within(was.steps, stop) for hold in holds])
        given |= clock_of(one, holds, range(was.steps, stop), stop, source.dtype)
        inputs = {name: room.put(given[name]) for name, room in self._inputs.items()}
        inputs |= below_of(one.program.below, one.name, lower)
        start = was.steps
        if self._rows is not None and (stop + 1) * program.width * was.flat.itemsize > storage.KEEP_ROWS_BYTES:
            self._values = {name: Room(np.ascontiguousarray(series)) for name, series in was.values.items()}
            self._rows = None
        if self._rows is not None:
            rows = self._rows.more(len(source))
            fill(program, was.flat, inputs, start, stop, rows[start:], was.interpreter)
            engine.run(program, was.flat, rows, start, stop, program.clock)
            values = {name: rows[1:, slot.offset : slot.offset + slot.size] for name, slot in program.values.items()}
            self.stored = replace(was, inputs=inputs, values=values, kept=rows)
            return self.stored
        rows = prepare(program, was.flat, inputs, was.state_before(start), start, stop, was.interpreter)
        engine.run(program, was.flat, rows, 0, stop - start, program.clock + start)
        values = {
            name: self._values[name].put(rows[1:, slot.offset : slot.offset + slot.size])
            for name, slot in program.values.items()
        }
        self.stored = replace(was, inputs=inputs, values=values, kept=None, may_keep=False)
        return self.stored


class _GrowingReadout:
    """The readout of a run that grows: by token where it has no op over the steps, else all of it anew."""

    def __init__(self, evaluated: Evaluated) -> None:
        self._was = evaluated
        by_token = all(one.steps is None for one in evaluated.program.instructions)
        self._rows = Room(evaluated.rows) if by_token else None

    def grow(self, inputs: Mapping[str, Array]) -> Evaluated:
        """Return every slot of the readout over its inputs, (T, n) each from the first token on."""
        was = self._was
        if self._rows is None:
            self._was = evaluate(was.program, was.flat, inputs)
            return self._was
        start = len(was.rows)
        base = start - start % BLOCK  # products are taken in blocks, and this is where one begins
        tail = evaluate(was.program, was.flat, {name: series[base:] for name, series in inputs.items()})
        self._was = replace(tail, rows=self._rows.put(tail.rows[start - base :]))
        return self._was


class GrowingRun:
    """A run to which tokens are added; `trace` is the newest."""

    def __init__(self, trace: Trace) -> None:
        """Begin with a run of the first tokens, of a network that reads forward only."""
        ran = trace.ran
        assert ran is not None
        assert ran.network.forward_only
        self.trace = trace
        self._x = Room(ran.x)
        self._passes = {one.name: _GrowingPass(one, ran.stored[one.name]) for one in ran.network.passes}
        self._merged = [Room(series) for series in ran.merged]
        self._readout = None if ran.readout is None else _GrowingReadout(ran.readout)
        self._held = {} if ran.readout is None else self._room_of_holds(ran)

    def _room_of_holds(self, ran: RunBuffers) -> dict[str, Room]:
        names = readout_holds(ran.network, len(ran.x), ran.x.dtype, ran.holds)
        return {name: Room(series) for name, series in names.items()}

    @one_thread
    def grow(self, more: Sequence, holds: Items[Hold] = (), edits: tuple[str, ...] | None = None) -> Trace:
        """Run the network over more tokens, and return every value from the first token on.

        Args:
            more: The tokens that have come.
            holds: Values that are set or scaled; on the tokens before they must be those of the run so far.
            edits: Lines of an edit script that made the longer run; those of the run so far when not given.

        Raises:
            UserError: If the tokens do not fit the network.
        """
        was, ran = self.trace, self.trace.ran
        assert ran is not None
        sequence, steps, network = was.sequence.followed_by(more), len(was.sequence), ran.network
        added = [hold.within(steps, steps + len(more)) for hold in holds if hold.pass_name == READOUT]
        source = input_of(network, more, was.dtype)
        x, stored, merged = self._x.put(source), dict(ran.stored), []
        for number, layer in enumerate(network.layers):
            for one in layer.passes:
                mine = [hold for hold in holds if hold.pass_name == one.name]
                stored[one.name] = self._passes[one.name].grow(source, mine, stored)
            source = merge(layer, [output_of(layer, n, stored)[steps:] for n in range(len(layer.passes))])
            merged.append(self._merged[number].put(source))
        readout = None
        if self._readout is not None:
            inputs = readout_inputs(network, x, stored, merged)
            held = readout_holds(network, len(more), x.dtype, added)
            readout = self._readout.grow(inputs | {name: room.put(held[name]) for name, room in self._held.items()})
        grown = RunBuffers(network, x, stored, tuple(merged), readout, tuple(holds))
        known = None if network.readout is None or network.readout.page.per_token else was.output
        self.trace = trace_of(grown, sequence, was.edits if edits is None else edits, known)
        return self.trace
