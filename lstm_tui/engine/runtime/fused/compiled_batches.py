"""What is compiled of a page for many sequences at once, and called with arrays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import Take, aligned
from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Slot, Space
from lstm_tui.engine.runtime.compiling import compiles_here
from lstm_tui.engine.runtime.fused.back_products import by_input, by_matrix
from lstm_tui.engine.runtime.fused.batch_layout import BackLayout
from lstm_tui.engine.runtime.fused.batch_step import series_numbers, write_batch, write_batch_back
from lstm_tui.engine.runtime.fused.compiled_steps import (
    LONG,
    NEWEST,
    POINTER,
    SeriesMatrix,
    address_of,
    assembly_of,
    block_of,
    matrix_of,
    vector_of,
)
from lstm_tui.engine.runtime.fused.host import Compiled
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout, SlotMap
from lstm_tui.engine.runtime.fused.named_step import SHARED_NUMBERS, SHARED_SECONDS, NamedStep, outgrow_own_cache
from lstm_tui.engine.runtime.fused.products import pack_for_series
from lstm_tui.engine.runtime.fused.schedule import Span, StepPage, Together, schedule
from lstm_tui.engine.runtime.fused.schedule import Take as Op
from lstm_tui.engine.runtime.fused.shared_back import back_meetings
from lstm_tui.engine.runtime.fused.shared_back_run import SharedBack, take_parts
from lstm_tui.engine.runtime.side_by_side import second_thread, seconds_for, would_be_helped


class Stack(NamedTuple):
    """How sequences lie one behind the other, each with a row before its first step; the longest is the first.

    Attributes:
        lengths: Steps of each, none shorter than the next; one at least.
        first: Row before the first step of each.
    """

    lengths: tuple[int, ...]
    first: Array

    @property
    def rows(self) -> int:
        """Rows in all."""
        return sum(self.lengths) + len(self.lengths)

    def steps_of(self, number: int) -> slice:
        """Return the rows of the steps of a sequence."""
        start = int(self.first[number]) + 1
        return slice(start, start + self.lengths[number])

    def stretches(self) -> Iterator[tuple[int, int, int]]:
        """Yield the first step, the one after the last and how many sequences take them, from the first step on."""
        start = 0
        for count in range(len(self.lengths), 0, -1):
            stop = self.lengths[count - 1]
            if stop > start:
                yield start, stop, count
                start = stop


def stacked(lengths: Sequence[int]) -> Stack:
    """Return how sequences of these lengths lie, which are sorted, the longest first."""
    first = np.zeros(len(lengths), np.int64)
    np.cumsum(np.array(lengths[:-1], np.int64) + 1, out=first[1:])
    return Stack(tuple(lengths), first)


class BatchRun(NamedTuple):
    """What was computed of many sequences.

    Attributes:
        values: Every named value, (rows, n) each; the row before a sequence holds its states.
        given: What was computed before the steps, (rows, n).
        kept: All that the steps kept, (rows, n).
    """

    values: dict[str, Array]
    given: Array
    kept: Array


class BatchStep:
    """The step of a page over many sequences at once: the bits that each has alone."""

    def __init__(self, page: StepPage, dtype: np.dtype[Any], also: Collection[Slot] = ()) -> None:
        """Compile it.

        Args:
            page: Of a program.
            dtype: float32 or float64.
            also: What is kept beside the named values.

        Raises:
            Exception: LLVM cannot be used here, or the values cannot be kept alone.
        """
        made = schedule(page.takes)
        self._vector = vector_of(dtype)
        self._page, self.layout = page, NamedLayout(page, made, also)
        self._products = _products(made)
        assembly = assembly_of(dtype)
        write_batch(assembly, made, self.layout, page.width, self._vector)
        kinds = (*[POINTER] * 7, *[LONG] * 4)
        self._batch = Compiled(assembly.text(), assembly.needs).function("batch", *kinds)
        self._also, self._dtype = also, dtype
        self._alone: NamedStep | None = None

    def alone(self) -> NamedStep:
        """Return the step of one sequence, which is faster; it is compiled when it is first wanted."""
        with NEWEST.turn:
            if self._alone is None:
                self._alone = NamedStep(self._page, self._dtype, self._also)
            return self._alone

    def run_alone(
        self, flat: Array, inputs: Mapping[str, Array], state: Mapping[str, Array], clock: int, take: Take = aligned
    ) -> BatchRun:
        """Take every step of one sequence; nothing that its steps were given is kept. See `run`."""
        first = {name: numbers[0] for name, numbers in state.items()}
        series = {name: one[1:] for name, one in inputs.items()}
        values, kept = self.alone().run_with_first(flat, series, first, clock, take)
        return BatchRun(values, kept[:, :0], kept)

    def run(
        self,
        flat: Array,
        stack: Stack,
        inputs: Mapping[str, Array],
        state: Mapping[str, Array],
        clock: int,
        take: Take = aligned,
    ) -> BatchRun:
        """Take every step of every sequence.

        Args:
            flat: The flat parameters.
            stack: How the sequences lie.
            inputs: What they read, (rows, n) each; what stands in the row before a sequence does not count.
            state: The states before the first step, (sequences, n) each.
            clock: Steps that were taken before the first.
            take: Where the memory comes from.
        """
        layout, rows, dtype = self.layout, stack.rows, flat.dtype
        kept = take((rows, layout.values.width), dtype)
        kept[stack.first] = 0
        values = {name: kept[:, _place(layout.values, slot)] for name, slot in self._page.values}
        for name, numbers in state.items():
            values[name][stack.first] = numbers
        given = take((rows, layout.given.width), dtype)
        for one, place in layout.hoisted:
            into = given[:, place : place + one.target.size]
            if one.name in inputs:
                block = block_of(flat, one.block, one.inner, one.target.size)
                SeriesMatrix(block).run(inputs[one.name][:, one.first : one.first + one.inner], into)
            else:
                into[:] = 0
        for name, (place, size) in layout.inputs.items():
            given[:, place : place + size] = inputs.get(name, 0)
        own = np.arange(len(stack.lengths))
        scratch = take((len(own), self._page.width), dtype)
        packed = packed_for_batch(self._products, flat, self._vector, take)
        arrays = (given, kept, scratch, flat, packed, stack.first, own)
        addresses = [address_of(one) for one in arrays]
        for start, stop, count in stack.stretches():
            self._batch(*addresses, count, start, stop, clock)
        return BatchRun(values, given, kept)


class BatchBack:
    """The step of a page over many sequences backwards, with the step forwards that keeps what it reads."""

    def __init__(self, page: StepPage, dtype: np.dtype[Any], outside: Collection[str]) -> None:
        """Compile both.

        Args:
            page: Of a program.
            dtype: float32 or float64.
            outside: Values that something outside of the steps reads.

        Raises:
            Exception: LLVM cannot be used here, or the values cannot be kept alone.
        """
        made = schedule(page.takes)
        self._vector = vector_of(dtype)
        self._page, self._layout = page, BackLayout(page, made, self._vector, outside)
        self.step = BatchStep(page, dtype, self._layout.also)
        self._products = _products(made)
        assembly = assembly_of(dtype)
        write_batch_back(assembly, made, self._layout, page.width, self._vector)
        kinds = (*[POINTER] * 10, *[LONG] * 3)
        self._back = Compiled(assembly.text(), assembly.needs).function("batch_back", *kinds)
        self._made, self._dtype = made, dtype
        self._numbers = sum(one.inner * one.size for one in self._products)
        hoisted = sum(one.inner * one.target.size for one in page.hoisted)
        self._seconds = 2 * seconds_for(self._numbers + hoisted)
        self._alone: SharedBack | None = None
        names = [one.name for one in page.hoisted]
        self._once = {
            name for name, slot in page.inputs if slot in self._layout.untouched and names.count(name) == 1
        }  # inputs that one product alone passes something back to
        self._may_be_alone = self._numbers >= SHARED_NUMBERS and not self._layout.reads_given
        self._taken = 0.0  # seconds of all ways back

    def forwards(
        self,
        flat: Array,
        stack: Stack,
        inputs: Mapping[str, Array],
        state: Mapping[str, Array],
        clock: int,
        take: Take = aligned,
    ) -> BatchRun:
        """Take every step of every sequence, so that `run` can go back; see `BatchStep.run`."""
        if len(stack.lengths) == 1 and "x" in inputs and not self._layout.reads_given:
            return self.step.run_alone(flat, inputs, state, clock, take)
        return self.step.run(flat, stack, inputs, state, clock, take)

    def outgrows(self, steps: int) -> bool:
        """Say whether no core holds the matrices, so that two threads better share the steps of one sequence."""
        if not self._may_be_alone or not outgrow_own_cache(self._numbers * self._dtype.itemsize):
            return False
        if not self.step.alone().would_be_shared(steps):
            return False
        return would_be_helped(steps * self._seconds) and self._shared_back(steps * self._seconds) is not None

    def _shared_back(self, seconds: float) -> SharedBack | None:
        """Return the step back for two threads; None where it does not pay, or not yet, or cannot be had."""
        with NEWEST.turn:
            if self._alone is not None or not self._may_be_alone:
                return self._alone
            if self._taken + seconds < SHARED_SECONDS or not compiles_here():
                return None
            self._may_be_alone = self._numbers >= SHARED_NUMBERS * len(
                back_meetings(self._made, self._layout, self._vector)
            )
            try:
                if self._may_be_alone:
                    self._alone = SharedBack(self._made, self._layout, self._dtype)
            except Exception:  # whatever LLVM says of it: one thread takes the steps
                self._may_be_alone = False
            return self._alone

    def run(
        self,
        flat: Array,
        stack: Stack,
        inputs: Mapping[str, Array],
        ran: BatchRun,
        outside: Mapping[str, Array],
        gradient: Array,
        take: Take = aligned,
        may_write: bool = False,
    ) -> tuple[dict[str, Array], dict[str, Array]]:
        """Take every step of every sequence back.

        Args:
            flat: The flat parameters.
            stack: How the sequences lie.
            inputs: What they read, (rows, n) each, 0 in the row before each sequence.
            ran: What the step forwards computed of it.
            outside: The gradient of the loss by named values, (rows, n) each.
            gradient: That by the flat parameters is added here, of all sequences in a fixed order.
            take: Where the memory comes from.
            may_write: Whether what is in `outside` may be written over.

        Returns:
            The gradient by each input, (rows, n), and by each state before the first step, (sequences, n).
        """
        layout, rows, dtype, page = self._layout, stack.rows, flat.dtype, self._page
        seconds = rows * self._seconds
        alone = self._shared_back(seconds) if len(stack.lengths) == 1 else None
        self._taken += seconds
        out = take((rows, layout.out.width), dtype)
        out[stack.first] = 0
        places = {name: _place(layout.carried, slot) for name, slot in page.values if layout.carries(slot)}
        given = (
            outside[next(iter(places))] if may_write and len(places) == 1 and outside.keys() == places.keys() else None
        )
        if given is not None and given.flags.c_contiguous and given.shape == (rows, layout.carried.width):
            carried = given
        else:
            carried = take((rows, layout.carried.width), dtype)
            for name, place in places.items():
                carried[:, place] = outside.get(name, 0)
        carried[stack.first] = 0
        scratch = take((len(stack.lengths), page.width), dtype)
        scratch[:] = 0
        with second_thread(seconds) as second:
            if alone is not None or layout.whole:
                for place in layout.open_places():
                    out[:, place] = 0
            if alone is None:
                own = np.arange(len(stack.lengths))
                packed = packed_for_batch(self._products, flat, self._vector, take, turned=True)
                arrays = (ran.given, ran.kept, out, carried, scratch, flat, packed, gradient, stack.first, own)
                addresses = [address_of(one) for one in arrays]
                for start, stop, count in reversed(list(stack.stretches())):
                    self._back(*addresses, count, start, stop)
            else:
                alone.run(ran.kept, out, carried, scratch, flat, gradient, second, take)
            first = {name: carried[stack.first, place] for name, place in places.items()}
            carried[stack.first] = 0  # what came back to it goes to no matrix
            d_inputs = {name: out[:, _place(layout.out, slot)] for name, slot in page.inputs}
            parts: list[Callable[[], None]] = []
            for group in page.hoisted:
                d = self._passed_to(group.target, out, carried)
                block = block_of(flat, group.block, group.inner, group.target.size)
                if group.name in inputs:
                    read = inputs[group.name][:, group.first : group.first + group.inner]
                    parts += by_matrix(read, d, block_of(gradient, group.block, group.inner, group.target.size))
                sink = d_inputs[group.name][:, group.first : group.first + group.inner]
                parts += by_input(d, block, sink, take, group.name not in self._once)
            for one in self._products:
                read, d = self._read(one.reads[0], ran, self._passed_to(one.target, out, carried))
                parts += by_matrix(read, d, matrix_of(one, gradient))
            take_parts(parts, second)
        return d_inputs, first

    def _passed_to(self, target: Span | Slot, out: Array, carried: Array) -> Array:
        """Return what came back to a product, (rows, n)."""
        place = self._layout.carried.find(target.offset)
        return out[:, _place(self._layout.out, target)] if place is None else carried[:, place : place + target.size]

    def _read(self, span: Span, ran: BatchRun, d: Array) -> tuple[Array, Array]:
        """Return what a product multiplied in every row, and what came back to it, beside each other."""
        layout = self._layout.values
        if span.space == Space.PREVIOUS:
            place = layout.values.find(span.offset)
            assert place is not None
            return ran.kept[:-1, place : place + span.size], d[1:]
        place = layout.given.find(span.offset)
        if place is not None:
            return ran.given[:, place : place + span.size], d
        place = layout.values.find(span.offset)
        assert place is not None
        return ran.kept[:, place : place + span.size], d


def _place(slots: SlotMap, slot: Slot | Span) -> slice:
    first = slots.find(slot.offset)
    assert first is not None
    return slice(first, first + slot.size)


def _products(made: list[Together]) -> list[Op]:
    return [one.takes[0] for one in made if one.takes[0].code == Code.MATVEC]


def packed_for_batch(products: Sequence[Op], flat: Array, vector: int, take: Take, turned: bool = False) -> Array:
    """Return the matrices of products as many sequences at once are multiplied by them."""
    sizes = []
    for one in products:
        rows, inner = (one.inner, one.size) if turned else (one.size, one.inner)
        sizes.append(series_numbers(rows, inner, vector))
    room, place = take((sum(sizes),), flat.dtype), 0
    for one, size in zip(products, sizes, strict=True):
        matrix = matrix_of(one, flat)
        pack_for_series(matrix.T if turned else matrix, vector, room[place : place + size])
        place += size
    return room
