"""The step of a page that keeps its named values alone, compiled and run, by one thread or by two.

Where a second thread helps it takes part in the products of the inputs, which wait for nothing, and in the steps
themselves where they are large enough (`shared_step.py`); of smaller ones it takes the products of the next steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Items
from functools import partial
from itertools import chain, pairwise
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Take as Taken
from lstm_tui.engine.buffers import Workspace, aligned, aligned_at
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Slot
from lstm_tui.engine.runtime.compiling import compiles_here
from lstm_tui.engine.runtime.fused.before_steps import BeforeSteps
from lstm_tui.engine.runtime.fused.compiled_steps import (
    LONG,
    PACKED_FROM,
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
from lstm_tui.engine.runtime.fused.halves import meetings, numbers_of, packed_places, rows_of
from lstm_tui.engine.runtime.fused.host import Compiled, Machine
from lstm_tui.engine.runtime.fused.meeting import BEGIN, PAGE, PART, WORDS
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.products import TALL
from lstm_tui.engine.runtime.fused.schedule import StepPage, Together, schedule
from lstm_tui.engine.runtime.fused.shared_step import write_shared
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.side_by_side import Help, Parts, Second, second_thread, seconds_for

_GIVEN_BYTES, _GIVEN_STEPS = 2**20, 24 * TALL
"""About how many bytes are computed before some steps, which read them while they are in the processor's cache; but for
so many steps at least, as the matrices of the products are read anew each time."""
_AHEAD = 8
"""Into how many pieces a run is cut at least where the second thread takes the products of the next."""
_PARTS = 8
"""Most parts that a product of inputs is taken in by two threads."""
SHARED_NUMBERS = 2**16
"""Numbers of the matrices of a step, for each time the two have to meet, from which on they share it: with fewer, to
wait for each other takes longer than it brings."""
SHARED_SECONDS = 0.1
"""How long all runs of a step have to have taken before it is compiled for two threads, which takes about as long."""
_PAGES = 512
"""How many pages of memory that the system is to give are one part of work."""
Take = Callable[[Array, Array, int, int], None]
Span = tuple[int, int]


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
        steps = len(inputs["x"])
        out, start = aligned_at((steps + 1, self._layout.values.width), flat.dtype)
        first, found = out[0], out[1:]
        first[:] = 0
        for name, numbers in state.items():
            first[self._places[name]] = numbers
        spare, told = SPARE.take(), progress or _untold
        seconds = steps * self._seconds
        is_due = self._is_due(seconds)
        with second_thread(seconds if is_due else seconds / 2) as second:  # what is not shared gains half as much
            if second is None:
                taken = self._by_itself(flat, inputs, start, steps, clock, spare)
            else:
                taken = self._helped(second, flat, inputs, out, clock, spare.take, is_due)
            for stop in taken:
                told(stop, steps)
        SPARE.give_back(spare)
        return {name: found[:, place] for name, place in self._places.items()}

    def _by_itself(
        self, flat: Array, inputs: Mapping[str, Array], out: int, steps: int, clock: int, spare: Workspace
    ) -> Iterator[int]:
        """Take all steps in this thread, and yield how many are done; `out` is the address of the values."""
        before, size, chunk = self._before, flat.itemsize, _even(steps, self._chunk)
        series = {name: _in_order(one, flat.dtype) for name, one in inputs.items()}
        places = {name: (address_of(one), one.strides[0]) for name, one in series.items()}
        room, place = spare.take_at((before.numbers(min(chunk, steps)),), flat.dtype)
        parameters = address_of(flat)
        is_packed = before.is_packed and steps >= PACKED_FROM
        weights = place + before.packed * size if is_packed else parameters
        given, scratch = place + before.given * size, place + before.scratch * size
        packs: bool | None = is_packed
        wide = self._layout.values.width * size
        for base in range(0, steps, chunk):
            stop = min(base + chunk, steps)
            before.give(room, place, parameters, packs, places, base, stop)
            packs = None
            row = out + base * wide
            self._named(given, row, scratch, parameters, weights, is_packed, stop - base, clock + base)
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
        given = _Given(layout, flat, inputs, taken, shared is None)
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


def _even(steps: int, chunk: int) -> int:
    """Return how many steps each piece of a run has that is cut evenly into pieces of about so many."""
    return max(-(-steps // max(round(steps / chunk), 1) // TALL) * TALL, TALL)


def _ahead(
    second: Second, given: _Given, take: Take, spans: Items[Span], rooms: Items[Array], out: Array, clock: int
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
    for first in range(0, len(pages), _PAGES):
        yield partial(pages[first : first + _PAGES].fill, 0)


def _untold(_: int, __: int) -> None:
    return None


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
        made_of = Compiled(assembly.text(), assembly.needs)
        self._machine = made_of.function("shared", *[POINTER] * 5, LONG, LONG, POINTER, POINTER, LONG, LONG)
        self._touches, self._packs = made_of.address("touches"), made_of.address("packs")

    def taking(
        self, flat: Array, taken: Taken, given: _Given, spans: Items[Span], rooms: Items[Array], out: Array, clock: int
    ) -> _Together:
        """Return what takes all steps; the matrices are packed with the first, in memory that is taken."""
        sizes = [numbers_of(rows, take.inner) for take, rows in self._rows]
        packed = taken((sum(sizes),), flat.dtype)
        packing = [*self._packing(flat, packed), *((self._packs, *words) for words in given.packing)]
        scratch, each = taken((self._width,), flat.dtype), []
        begins, size = [address_of(room) for room in rooms], flat.itemsize
        start, wide = address_of(out), out.shape[1] * size
        for n, (base, stop) in enumerate(spans):
            begin, row = begins[n % len(rooms)], start + base * wide
            parts = [(*part, 0) for part in packing] if n == 0 else []
            parts += [(*part, len(parts)) for part in given.words(base, stop, begin)]
            fresh, pages = row + wide, -(-(stop - base) * wide // PAGE)
            for first in range(0, pages, _PAGES):
                place = fresh + first * PAGE
                parts.append((self._touches, place, 0, place, 0, place, min(_PAGES, pages - first), 0, 0, 0))
            addresses = begin, row, *map(address_of, (scratch, flat, packed)), stop - base, clock + base
            each.append(_SharedSteps(self._machine, (*rooms, out, scratch, flat, packed, given), addresses, parts))
        return _Together(each, spans, partial(given.put, rooms=rooms))

    def _packing(self, flat: Array, packed: Array) -> Iterator[tuple[int, ...]]:
        """Yield the parts by which machine code packs the matrices."""
        begin = 0
        for take, rows in self._rows:
            block = matrix_of(take, flat)
            far, step = block.strides
            start, size = address_of(block), flat.itemsize
            for first, count, place, wide in packed_places(rows, take.inner):
                out, x = address_of(packed) + (begin + place) * size, start + first * step
                yield self._packs, out, wide * size, x, far, x, take.inner, count * size // 4, 0
            begin += numbers_of(rows, take.inner)


class _Together(Help):
    """A run that two threads share: each goes through its chunks by itself, and meets the other in each."""

    def __init__(self, each: Items[_SharedSteps], spans: Items[Span], put: Callable[..., None]) -> None:
        self._each, self._spans, self._put, self._is_ended = each, spans, put, False

    def here(self) -> Iterator[int]:
        """Take the steps, with the other thread if it comes, and yield how many are done."""
        for n, (steps, (base, stop)) in enumerate(zip(self._each, self._spans, strict=True)):
            self._put(n, base, stop)
            steps.here()
            yield stop

    def there(self) -> None:
        """Help with them, in the other thread."""
        for steps in self._each:
            if self._is_ended:
                return
            steps.there()

    def close(self) -> None:
        """Have nobody come any more."""
        self._is_ended = True
        for steps in self._each:
            steps.close()


class _SharedSteps:
    """Some steps that two threads share, and what they are given: it has hold of all that is read and written."""

    def __init__(
        self, machine: Machine, held: Items[object], arguments: Items[int], parts: Items[tuple[int, ...]]
    ) -> None:
        self._machine, self._held = machine, held
        self._meeting = aligned((WORDS,), np.int64)
        self._meeting[:] = 0
        self._parts = np.array(parts, np.int64).reshape(len(parts), PART)
        self._arguments = (*arguments, address_of(self._meeting), address_of(self._parts), len(parts))

    def here(self) -> None:
        """Take them, with the other thread if it comes."""
        self._machine(*self._arguments, 0)

    def there(self) -> None:
        """Help with them, in the other thread."""
        self._machine(*self._arguments, 1)

    def close(self) -> None:
        """Have nobody come any more."""
        self._meeting[BEGIN] = -1


def _in_order(series: Array, dtype: np.dtype[Any]) -> Array:
    """Return a series as machine code reads it: the numbers of a row one behind the other."""
    is_so = series.dtype == dtype and series.strides[-1] == dtype.itemsize and series.strides[0] % dtype.itemsize == 0
    return series if is_so else np.ascontiguousarray(series, dtype)


class _Given:
    """What the steps of a run are given that two threads share: inputs, and their products."""

    def __init__(
        self, layout: NamedLayout, flat: Array, inputs: Mapping[str, Array], taken: Taken, packs: bool
    ) -> None:
        """Lay out the matrices of the products in memory that is taken.

        Args:
            layout: Where all of it lies.
            flat: The flat parameters.
            inputs: What is read, (T, n) each.
            taken: Gives memory.
            packs: Whether the matrices are packed here, and not by whoever goes through `packing`.
        """
        self.packing: list[tuple[int, ...]] = []
        self._layout = layout
        self._inputs = {name: _in_order(series, flat.dtype) for name, series in inputs.items()}
        self._pieces: list[tuple[str, slice, slice, SeriesMatrix]] = []
        self._absent: list[slice] = []
        self._series: list[tuple[int, int]] = []  # where the rows of each piece begin, and bytes from one to the next
        self._size = flat.itemsize
        for one, place in layout.hoisted:
            block = block_of(flat, one.block, one.inner, one.target.size)
            matrix = SeriesMatrix(block, taken, packs)
            read, every = slice(one.first, one.first + one.inner), slice(place, place + one.target.size)
            if one.name not in inputs or not one.inner:
                self._absent.append(every)
                continue
            if not packs:
                self.packing += [
                    (out, apart, x, far, x, lines, count // 4, 0)
                    for out, apart, x, far, lines, count in matrix.packing(block)
                ]
            count = min(matrix.panels, _PARTS)
            ends = [n * matrix.panels // count for n in range(count + 1)]
            series = self._inputs[one.name]
            self._series += [(address_of(series) + one.first * self._size, series.strides[0])] * count
            for first, stop in pairwise(ends):
                rows, part = matrix.of_panels(first, stop) if count > 1 else (slice(0, one.target.size), matrix)
                self._pieces.append((one.name, read, slice(place + rows.start, place + rows.stop), part))

    def parts(self, base: int, stop: int, room: Array) -> Iterator[Callable[[], None]]:
        """Yield what puts that of the steps `base` to `stop` into a room, in parts."""
        part = room[: stop - base]
        yield partial(self._copy, base, stop, part)
        for name, read, into, matrix in self._pieces:
            yield partial(matrix.run, self._inputs[name][base:stop, read], part[:, into])

    def words(self, base: int, stop: int, room: int) -> Iterator[tuple[int, ...]]:
        """Yield how machine code takes the products of the steps `base` to `stop`, into what begins at `room`."""
        size, apart = self._size, self._layout.given.width
        for (_, _, into, matrix), (x, far) in zip(self._pieces, self._series, strict=True):
            yield matrix.words(room + into.start * size, apart, x + base * far, far // size, stop - base)

    def put(self, n: int, base: int, stop: int, rooms: Items[Array]) -> None:
        """Put what is no product into the room of a chunk."""
        self._copy(base, stop, rooms[n % len(rooms)][: stop - base])

    def _copy(self, base: int, stop: int, room: Array) -> None:
        for into in self._absent:
            room[:, into] = 0
        for name, (place, size) in self._layout.inputs.items():
            room[:, place : place + size] = self._inputs[name][base:stop] if name in self._inputs else 0
