"""The step of a page that keeps its named values alone, compiled and run, by one thread or by two.

Where a second thread helps it takes part in the products of the inputs, which wait for nothing, and in the steps
themselves where they are large enough (`shared_step.py`); of smaller ones it takes the products of the next steps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Sequence as Items
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.buffers import Workspace, aligned_at
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Slot
from lstm_tui.engine.runtime.compiling import compiles_here
from lstm_tui.engine.runtime.cores import own_cache_bytes
from lstm_tui.engine.runtime.fused.before_steps import BeforeSteps
from lstm_tui.engine.runtime.fused.both_steps import is_small, write_both
from lstm_tui.engine.runtime.fused.compiled_steps import (
    LONG,
    PACKED_FROM,
    POINTER,
    SPARE,
    TRUTH,
    Matrices,
    address_of,
    assembly_of,
    vector_of,
)
from lstm_tui.engine.runtime.fused.forward_step import write_named
from lstm_tui.engine.runtime.fused.given_rows import GivenRows, in_order
from lstm_tui.engine.runtime.fused.halves import meetings
from lstm_tui.engine.runtime.fused.host import Compiled, Machine
from lstm_tui.engine.runtime.fused.meeting import PAGE
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.products import TALL
from lstm_tui.engine.runtime.fused.schedule import StepPage, schedule
from lstm_tui.engine.runtime.fused.shared_run import PAGES, SharedStep, Span
from lstm_tui.engine.runtime.pass_to_run import PassToRun
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.side_by_side import Parts, Second, Told, second_thread, seconds_for, would_be_helped

_GIVEN_BYTES, _GIVEN_STEPS = 2**20, 24 * TALL
"""About how many bytes are computed before some steps, which read them while they are in the processor's cache; but for
so many steps at least, as the matrices of the products are read anew each time."""
_AHEAD = 8
"""Into how many pieces a run is cut at least where the second thread takes the products of the next."""
SHARED_NUMBERS = 2**16
"""Numbers of the matrices of a step, for each time the two have to meet, from which on they share it: with fewer, to
wait for each other takes longer than it brings."""
SHARED_SECONDS = 0.1
"""How long all runs of a step have to have taken before it is compiled for two threads, which takes about as long."""
BOTH_SECONDS = 0.05
"""Likewise, before it is compiled for two runs at once."""
_STAYS = 0.75
"""How much of a core's own cache the matrices of a step may take that stay there from step to step."""
Take = Callable[[Array, Array, int, int], None]


class _Values(NamedTuple):
    """Memory for the values of a run: a row a step, that before the first among them; and its address."""

    rows: Array
    place: int


class _Begun:
    """A run that one thread takes, with room for what its steps are given: what it needs is packed with the first."""

    def __init__(self, before: BeforeSteps, run: PassToRun, steps: int, chunk: int, spare: Workspace) -> None:
        self._before, size, dtype = before, run.flat.itemsize, run.flat.dtype
        self._series = {name: in_order(one, dtype) for name, one in run.inputs.items()}
        self._places = {name: (address_of(one), one.strides[0]) for name, one in self._series.items()}
        self._room, place = spare.take_at((before.numbers(min(chunk, steps)),), dtype)
        self._flat, self._place = address_of(run.flat), place
        self.is_packed = before.is_packed and steps >= PACKED_FROM
        self._packs: bool | None = self.is_packed
        weights = place + before.packed * size if self.is_packed else self._flat
        self._given, self._others = place + before.given * size, (place + before.scratch * size, self._flat, weights)

    def at(self, base: int, stop: int, out: _Values, wide: int) -> tuple[int, ...]:
        """Put what the steps `base` to `stop` are given into the room; return what the steps are called with.

        Args:
            base: First step.
            stop: Step after the last.
            out: Where their values go.
            wide: Bytes of a row of it.
        """
        self._before.give(self._room, self._place, self._flat, self._packs, self._places, base, stop)
        self._packs = None
        return self._given, out.place + base * wide, *self._others


class NamedStep:
    """The step of a page that keeps its named values alone: the bits of `Step`, and a part of its memory."""

    def __init__(self, page: StepPage, dtype: np.dtype[Any], also: Collection[Slot] = ()) -> None:
        """Compile it.

        Args:
            page: Of a program.
            dtype: float32 or float64.
            also: What is kept beside the named values.

        Raises:
            Exception: LLVM cannot be used here, or the values cannot be kept alone.
        """
        vector = vector_of(dtype)
        made = schedule(page.takes)
        self._page, self._layout = page, NamedLayout(page, made, also)
        self._before = BeforeSteps(self._layout, made, page.width, dtype)
        self._matrices = Matrices(made, vector)
        assembly = assembly_of(dtype)
        write_named(assembly, made, self._layout, vector)
        kinds = (*[POINTER] * 5, TRUTH, LONG, LONG)
        self._named = Compiled(assembly.text(), assembly.needs).function("named", *kinds)
        together = _GIVEN_BYTES // (max(self._layout.given.width, 1) * dtype.itemsize)
        self._chunk = max(together // TALL * TALL, _GIVEN_STEPS)
        self._places = {name: self._place(slot) for name, slot in page.values}
        self._made, self._dtype, self._vector = made, dtype, vector
        self._numbers = sum(one.inner * one.size for one in page.takes if one.code == Code.MATVEC)
        self._seconds = seconds_for(self._numbers + sum(one.inner * one.target.size for one in page.hoisted))
        self._shared: SharedStep | None = None
        self._is_shared = 0 < self._numbers >= SHARED_NUMBERS
        self._taken = 0.0  # seconds of all runs
        self._both: Machine | None = None
        self._may_be_both = not assembly.needs and is_small(made, vector)  # the C library takes each number by itself

    def _place(self, slot: Slot) -> slice:
        first = self._layout.values.find(slot.offset)
        assert first is not None
        return slice(first, first + slot.size)

    def run(
        self,
        flat: Array,
        inputs: Mapping[str, Array],
        state: Mapping[str, Array],
        clock: int,
        progress: Progress | None,
    ) -> dict[str, Array]:
        """Return every named value, (T, n) each, of inputs (T, n) each and the states before the first step."""
        out = self._values_of(PassToRun(flat, inputs, state))
        self._take_steps(PassToRun(flat, inputs, state), out, clock, progress)
        return self._named_values(out)

    def run_with_first(
        self, flat: Array, inputs: Mapping[str, Array], state: Mapping[str, Array], clock: int, taken: Taken
    ) -> tuple[dict[str, Array], Array]:
        """Return every named value and all that is kept, (T + 1, n) each: the states before the first step come first.

        Args:
            flat: The flat parameters.
            inputs: What is read, (T, n) each.
            state: The states before the first step.
            clock: Steps that were taken before.
            taken: Gives memory.
        """
        out = self._values_of(PassToRun(flat, inputs, state), taken)
        self._take_steps(PassToRun(flat, inputs, state), out, clock, None)
        return {name: out.rows[:, place] for name, place in self._places.items()}, out.rows

    def _take_steps(self, made: PassToRun, out: _Values, clock: int, progress: Progress | None) -> None:
        """Take all steps of a run; `progress` is called with the steps done and the steps in all."""
        flat, inputs, _ = made
        steps, told, spare = len(inputs["x"]), progress or _untold, SPARE.take()
        seconds = steps * self._seconds
        is_due = self._is_due(seconds)
        with second_thread(seconds if is_due else seconds / 2) as second:  # what is not shared gains half as much
            if second is None:
                taken = self._by_itself(made, out, clock, spare)
            else:
                taken = self._helped(second, flat, inputs, out.rows, clock, spare.take, is_due)
            for stop in taken:
                told(stop, steps)
        SPARE.give_back(spare)

    def run_both(
        self, runs: tuple[PassToRun, PassToRun], clock: int, told: Told | None
    ) -> list[dict[str, Array]] | None:
        """Return what `run` does of two runs of as many steps; None where they gain nothing by it.

        Args:
            runs: What they are made of.
            clock: Steps that were taken before.
            told: Called with the steps done, of both.
        """
        both, steps = self._both_steps(), len(runs[0].inputs["x"])
        if both is None:
            return None
        outs, spare = [self._values_of(run) for run in runs], SPARE.take()
        chunk = _even(steps, self._chunk)
        begun = [_Begun(self._before, run, steps, chunk, spare) for run in runs]
        wide = self._layout.values.width * self._dtype.itemsize
        for base in range(0, steps, chunk):
            stop = min(base + chunk, steps)
            addresses = [
                address for one, out in zip(begun, outs, strict=True) for address in one.at(base, stop, out, wide)
            ]
            both(*addresses, begun[0].is_packed, stop - base, clock + base)
            if told is not None:
                told(2 * stop)
        SPARE.give_back(spare)
        return [self._named_values(out) for out in outs]

    def _both_steps(self) -> Machine | None:
        """Return the steps of two runs side by side; None where they gain nothing by it, or not yet."""
        if self._both is None and self._may_be_both and self._taken >= BOTH_SECONDS and compiles_here():
            self._may_be_both = False
            try:
                assembly = assembly_of(self._dtype)
                write_both(assembly, self._made, self._layout, self._vector)
                kinds = (*[POINTER] * 10, TRUTH, LONG, LONG)
                self._both = Compiled(assembly.text(), assembly.needs).function("both", *kinds)
            except Exception:  # whatever LLVM says of it: they are run one after the other
                self._both = None
        return self._both

    def _values_of(self, run: PassToRun, taken: Taken | None = None) -> _Values:
        """Return memory for all values of a run, the row before the first step filled; `taken` may give it."""
        shape = len(run.inputs["x"]) + 1, self._layout.values.width
        if taken is None:
            rows, place = aligned_at(shape, run.flat.dtype)
        else:
            rows = taken(shape, run.flat.dtype)
            place = address_of(rows)
        first = rows[0]
        first[:] = 0
        for name, numbers in run.state.items():
            first[self._places[name]] = numbers
        return _Values(rows, place)

    def _named_values(self, out: _Values) -> dict[str, Array]:
        rows = out.rows[1:]
        return {name: rows[:, place] for name, place in self._places.items()}

    def _by_itself(self, run: PassToRun, out: _Values, clock: int, spare: Workspace) -> Iterator[int]:
        """Take all steps in this thread, and yield how many are done."""
        steps = len(out.rows) - 1
        chunk = _even(steps, self._chunk)
        begun = _Begun(self._before, run, steps, chunk, spare)
        wide = self._layout.values.width * run.flat.itemsize
        for base in range(0, steps, chunk):
            stop = min(base + chunk, steps)
            self._named(*begun.at(base, stop, out, wide), begun.is_packed, stop - base, clock + base)
            yield stop

    def _helped(
        self,
        second: Second,
        flat: Array,
        inputs: Mapping[str, Array],
        out: Array,
        clock: int,
        taken: Taken,
        is_due: bool,
    ) -> Iterator[int]:
        """Take all steps with the help of a second thread, and yield how many are done."""
        layout, steps = self._layout, len(out) - 1
        shared = self._shared_step() if is_due else None
        given = GivenRows(layout, flat, inputs, taken, shared is None)
        chunk = self._chunk
        if shared is None:  # it takes the products of the next steps
            chunk = min(chunk, max(steps // _AHEAD // TALL * TALL, _GIVEN_STEPS))
        chunk = _even(steps, chunk)
        spans = [(base, min(base + chunk, steps)) for base in range(0, steps, chunk)]
        rooms = [taken((chunk, layout.given.width), flat.dtype) for _ in range(min(len(spans), 2))]
        if shared is None:
            yield from _ahead(second, given, self._taking(flat, steps, taken), spans, rooms, out, clock)
            return
        together = shared.taking(flat, taken, given, spans, rooms, out, clock)
        second.offer(Parts((), together))
        yield from together.here()

    def would_be_shared(self, steps: int) -> bool:
        """Say whether the steps of a run of so many would be shared by two threads."""
        if not self._is_shared:
            return False
        seconds = steps * self._seconds
        due = self._shared is not None or (self._taken + seconds >= SHARED_SECONDS and compiles_here())
        return due and would_be_helped(seconds) and self._shared_step() is not None

    def _is_due(self, seconds: float) -> bool:
        """Say whether a run that takes so long would be shared: it pays, and its step is compiled or may be by now."""
        self._taken += seconds
        if self._shared is not None or not self._is_shared:
            return self._is_shared
        return self._taken >= SHARED_SECONDS and compiles_here()

    def _shared_step(self) -> SharedStep | None:
        """Return the step for two threads, now if it was not there; None where it does not pay, or cannot be had."""
        if self._shared is None and self._is_shared:
            self._is_shared = self._numbers >= SHARED_NUMBERS * len(meetings(self._made, self._layout, self._vector))
            try:
                if self._is_shared:
                    self._shared = SharedStep(self._page, self._layout, self._made, self._dtype)
            except Exception:  # whatever LLVM says of it: one thread takes the steps
                self._is_shared = False
        return self._shared

    def _taking(self, flat: Array, steps: int, taken: Taken) -> Take:
        """Return what takes some steps in this thread."""
        scratch = taken((self._page.width,), flat.dtype)
        packed = self._matrices.packed(flat, steps, taken)
        weights = flat if packed is None else packed

        def take(given: Array, out: Array, count: int, clock: int) -> None:
            addresses = map(address_of, (given, out, scratch, flat, weights))
            self._named(*addresses, packed is not None, count, clock)

        return take


def outgrow_own_cache(size: int) -> bool:
    """Say whether matrices of so many bytes are more than stays in a core's own cache from one step to the next.

    A core reads them anew for every step, several times as fast from there as from elsewhere: half of them may be there
    where all are not.
    """
    own = own_cache_bytes()
    return own is not None and size > _STAYS * own


def _even(steps: int, chunk: int) -> int:
    """Return how many steps each piece of a run has that is cut evenly into pieces of about so many."""
    return max(-(-steps // max(round(steps / chunk), 1) // TALL) * TALL, TALL)


def _ahead(
    second: Second, given: GivenRows, take: Take, spans: Items[Span], rooms: Items[Array], out: Array, clock: int
) -> Iterator[int]:
    """Take all steps in this thread, and yield how many are done; the second takes what the next are given."""

    def begin(n: int) -> Parts:
        base, stop = spans[n]
        parts = Parts(chain(given.parts(base, stop, rooms[n % len(rooms)]), _touching(out[base + 1 : stop + 1])))
        second.offer(parts)
        return parts

    parts = begin(0)
    for n, (base, stop) in enumerate(spans):
        parts.finish()
        if n + 1 < len(spans):
            parts = begin(n + 1)
        take(rooms[n % len(rooms)], out[base:], stop - base, clock + base)
        yield stop


def _touching(fresh: Array) -> Iterator[Callable[[], None]]:
    """Yield what has the system give the memory of some rows, in parts: what is written to first is cleared by it."""
    numbers = fresh.reshape(-1)
    pages = numbers[:: PAGE // numbers.itemsize]
    for first in range(0, len(pages), PAGES):
        yield partial(pages[first : first + PAGES].fill, 0)


def _untold(_: int, __: int) -> None:
    return None
