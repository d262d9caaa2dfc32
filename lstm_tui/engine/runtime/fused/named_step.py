"""The step of a page that keeps its named values alone, compiled and run, by one thread or by two.

Where a second thread helps it takes part in the products of the inputs, which wait for nothing, and in the steps
themselves where they are large enough (`shared_step.py`); of smaller ones it takes the products of the next steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.buffers import aligned
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Slot
from lstm_tui.engine.runtime.compiling import compiles_here
from lstm_tui.engine.runtime.fused.compiled_steps import (
    LONG,
    POINTER,
    SPARE,
    TRUTH,
    Matrices,
    SeriesMatrix,
    address_of,
    assembly_of,
    block_of,
    matrix_of,
    vector_of,
)
from lstm_tui.engine.runtime.fused.forward_step import write_named
from lstm_tui.engine.runtime.fused.halves import meetings, numbers_of, pack_rows, rows_of
from lstm_tui.engine.runtime.fused.host import Compiled, Machine
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.products import TALL
from lstm_tui.engine.runtime.fused.schedule import StepPage, Together, schedule
from lstm_tui.engine.runtime.fused.shared_step import BEGIN, WORDS, write_shared
from lstm_tui.engine.runtime.side_by_side import Help, Parts, second_thread, seconds_for

_GIVEN_BYTES, _GIVEN_STEPS = 2**20, 24 * TALL
"""About how many bytes are computed before some steps, which read them while they are in the processor's cache; but for
so many steps at least, as the matrices of the products are read anew each time."""
_AHEAD = 8
"""Into how many pieces a run is cut at least where the second thread takes the products of the next."""
_PARTS = 8
"""Most parts that a product of inputs is taken in by two threads."""
SHARED_NUMBERS = 2**15
"""Numbers of the matrices of a step, for each time the two have to meet, from which on they share it: with fewer, to
wait for each other takes longer than it brings."""
SHARED_SECONDS = 0.1
"""How long all runs of a step have to have taken before it is compiled for two threads, which takes about as long."""
Progress = Callable[[int, int], None]
Steps = Callable[[], None]


class NamedStep:
    """The step of a page that keeps its named values alone: the bits of `Step`, and a part of its memory."""

    def __init__(self, page: StepPage, dtype: np.dtype[Any]) -> None:
        """Compile it.

        Args:
            page: Of a program.
            dtype: float32 or float64.

        Raises:
            Exception: LLVM cannot be used here, or the values cannot be kept alone.
        """
        vector = vector_of(dtype)
        made = schedule(page.takes)
        self._page, self._layout = page, NamedLayout(page, made)
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
        self._is_shared = self._numbers >= SHARED_NUMBERS
        self._taken = 0.0  # seconds of all runs that a second thread might have shared

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
        layout, steps = self._layout, len(inputs["x"])
        out = aligned((steps + 1, layout.values.width), flat.dtype)
        out[0] = 0
        for name, numbers in state.items():
            out[0, self._places[name]] = numbers
        spare = SPARE.take()
        with second_thread(steps * self._seconds) as second:
            shared = None if second is None else self._shared_step(steps * self._seconds)
            is_ahead = second is not None and shared is None
            chunk = min(self._chunk, steps)
            if is_ahead:
                chunk = min(chunk, max(steps // _AHEAD // TALL * TALL, _GIVEN_STEPS))
            spans = [(base, min(base + chunk, steps)) for base in range(0, steps, chunk)]
            rooms = [
                spare.take((chunk, layout.given.width), flat.dtype)
                for _ in range(2 if is_ahead and len(spans) > 1 else 1)
            ]
            given = _Given(layout, flat, inputs, spare.take, second is not None)
            take = self._alone(flat, steps, spare.take) if shared is None else shared.taking(flat, spare.take)

            def begin(n: int) -> tuple[Parts, Steps]:
                """Return what some steps are given, which the second thread may take from here on, and the steps."""
                base, stop = spans[n]
                room = rooms[n % len(rooms)]
                taken = take(room, out[base:], stop - base, clock + base)
                parts = Parts(given.parts(base, stop, room), taken if isinstance(taken, Help) else None)
                if second is not None:
                    second.offer(parts)
                return parts, taken.here

            parts, here = begin(0)
            for n, (_, stop) in enumerate(spans):
                parts.finish()
                following = begin(n + 1) if is_ahead and n + 1 < len(spans) else None
                here()
                if progress:
                    progress(stop, steps)
                if n + 1 < len(spans):
                    parts, here = following or begin(n + 1)
        SPARE.give_back(spare)
        return {name: out[1:, place] for name, place in self._places.items()}

    def _shared_step(self, seconds: float) -> SharedStep | None:
        """Return the step for two threads; None where it does not pay, or does not pay yet, to compile it."""
        self._taken += seconds
        if self._shared is None and self._is_shared and self._taken >= SHARED_SECONDS and compiles_here():
            self._is_shared = self._numbers >= SHARED_NUMBERS * len(meetings(self._made, self._layout, self._vector))
            try:
                if self._is_shared:
                    self._shared = SharedStep(self._page, self._layout, self._made, self._dtype)
            except Exception:  # whatever LLVM says of it: one thread takes the steps
                self._is_shared = False
        return self._shared

    def _alone(self, flat: Array, steps: int, taken: Taken) -> Callable[[Array, Array, int, int], _Alone]:
        """Return what takes some steps in this thread."""
        scratch = taken((self._page.width,), flat.dtype)
        packed = self._matrices.packed(flat, steps, taken)
        return partial(_Alone, self._named, scratch, flat, packed)


class _Alone:
    """Some steps that one thread takes."""

    def __init__(
        self, named: Machine, scratch: Array, flat: Array, packed: Array | None, given: Array, out: Array, count: int,
        clock: int,
    ) -> None:  # fmt: skip
        weights = flat if packed is None else packed
        self._arrays = given, out, scratch, flat, weights
        self._named, self._rest = named, (packed is not None, count, clock)

    def here(self) -> None:
        """Take them."""
        self._named(*map(address_of, self._arrays), *self._rest)


class SharedStep:
    """The step of a page that two threads share."""

    def __init__(self, page: StepPage, layout: NamedLayout, made: list[Together], dtype: np.dtype[Any]) -> None:
        """Compile it.

        Args:
            page: Of a program.
            layout: Where its values lie.
            made: Its loops.
            dtype: float32 or float64.

        Raises:
            Exception: LLVM cannot be used here, or not for this.
        """
        self._width, vector = page.width, vector_of(dtype)
        products = [(n, one.takes[0]) for n, one in enumerate(made) if one.takes[0].code == Code.MATVEC]
        self._rows = [(take, rows_of(made, n, vector)) for n, take in products]
        assembly = assembly_of(dtype)
        write_shared(assembly, made, layout, vector)
        kinds = (*[POINTER] * 5, LONG, LONG, POINTER, LONG)
        self._machine = Compiled(assembly.text(), assembly.needs).function("shared", *kinds)

    def taking(self, flat: Array, taken: Taken) -> Callable[[Array, Array, int, int], _SharedSteps]:
        """Return what takes some steps; the matrices are packed in memory that is taken."""
        sizes = [numbers_of(rows, take.inner) for take, rows in self._rows]
        packed, place = taken((sum(sizes),), flat.dtype), 0
        for size, (take, rows) in zip(sizes, self._rows, strict=True):
            pack_rows(rows, matrix_of(take, flat), packed[place : place + size])
            place += size
        return partial(_SharedSteps, self._machine, taken((self._width,), flat.dtype), flat, packed)


class _SharedSteps(Help):
    """Some steps that two threads share: each of them has hold of all that is read and written."""

    def __init__(
        self, machine: Machine, scratch: Array, flat: Array, packed: Array, given: Array, out: Array, count: int,
        clock: int,
    ) -> None:  # fmt: skip
        self._machine, self._arrays = machine, (given, out, scratch, flat, packed)
        self._meeting = aligned((WORDS,), np.int64)
        self._meeting[:] = 0
        self._arguments = (*map(address_of, self._arrays), count, clock, address_of(self._meeting))

    def here(self) -> None:
        """Take them, with the other thread if it comes."""
        self._machine(*self._arguments, 0)

    def there(self) -> None:
        """Help with them, in the other thread."""
        self._machine(*self._arguments, 1)

    def close(self) -> None:
        """Have nobody come any more."""
        self._meeting[BEGIN] = -1


class _Given:
    """What the steps of a run are given: inputs, and their products."""

    def __init__(
        self, layout: NamedLayout, flat: Array, inputs: Mapping[str, Array], taken: Taken, is_shared: bool
    ) -> None:
        """Pack the matrices of the products in memory that is taken; `is_shared` says that two threads take them."""
        self._layout, self._inputs = layout, inputs
        self._pieces: list[tuple[str, slice, slice, SeriesMatrix | None]] = []
        for one, place in layout.hoisted:
            matrix = SeriesMatrix(block_of(flat, one.block, one.inner, one.target.size), taken)
            read, every = slice(one.first, one.first + one.inner), slice(place, place + one.target.size)
            if one.name not in inputs:
                self._pieces.append((one.name, read, every, None))
                continue
            count = min(matrix.panels, _PARTS) if is_shared else 1
            ends = [n * matrix.panels // count for n in range(count + 1)]
            for first, stop in pairwise(ends):
                rows, part = matrix.of_panels(first, stop) if count > 1 else (slice(0, one.target.size), matrix)
                self._pieces.append((one.name, read, slice(place + rows.start, place + rows.stop), part))

    def parts(self, base: int, stop: int, room: Array) -> Iterator[Callable[[], None]]:
        """Yield what puts that of the steps `base` to `stop` into a room, in parts."""
        part = room[: stop - base]
        yield partial(self._copy, base, stop, part)
        for piece in self._pieces:
            yield partial(self._product, base, stop, part, *piece)

    def _copy(self, base: int, stop: int, room: Array) -> None:
        for name, (place, size) in self._layout.inputs.items():
            room[:, place : place + size] = self._inputs[name][base:stop] if name in self._inputs else 0

    def _product(
        self, base: int, stop: int, room: Array, name: str, read: slice, into: slice, matrix: SeriesMatrix | None
    ) -> None:
        if matrix is None:
            room[:, into] = 0
        else:
            matrix.run(self._inputs[name][base:stop, read], room[:, into])
