"""One step of a program backwards, as a function of LLVM: the gradient by every slot and by every vector parameter.

The signature is `back(rows, adjoint, flat, packed, gradient, start, stop)`: it goes from step stop - 1 down to start.
Small matrices are packed the other way round, a row where a column was. Where the last vector of a loop is moved back,
the units that it repeats pass nothing back a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.derivatives import DERIVATIVES, uses_of
from lstm_tui.engine.runtime.fused.forward_step import (
    Places,
    Where,
    head_of,
    moments,
    over_lines,
    place_in,
    repeats,
    tiles,
)
from lstm_tui.engine.runtime.fused.products import Factor, is_odd, lanes_for, packed_rows, write_product, write_pull
from lstm_tui.engine.runtime.fused.schedule import Span, Take, Together

_TURNED = 4096
"""Numbers of a matrix up to which turning it costs less than adding up the lanes of a vector for each column."""
BACK_SIGNATURE = (
    "ptr %rows, ptr noalias %adjoint, ptr noalias %flat, ptr noalias %packed, ptr noalias %gradient"
    ", i64 %start, i64 %stop"
)


def write_back(assembly: Assembly, made: list[Together], width: int, vector: int) -> None:
    """Write the function `back`.

    Args:
        assembly: Where it goes.
        made: What is taken together, in the order forwards.
        width: Numbers of a row.
        vector: Units that a vector of the host holds.
    """
    function = Procedure(assembly, "back", BACK_SIGNATURE)
    bases, place = {}, 0
    for n, together in enumerate(made):
        if together.takes[0].code == Code.MATVEC:
            bases[n] = function.at("%packed", place)
            place += turned_numbers(together.takes[0], vector)

    def step(number: Value) -> None:
        before = function.value(f"mul i64 {number}, {width}")
        rows, adjoint = function.at("%rows", before), function.at("%adjoint", before)
        values = Places(function, function.at(rows, width), rows)
        sinks = EverySlot(function, function.at(adjoint, width), adjoint, "%gradient")
        for n, together in reversed(list(enumerate(made))):
            take = together.takes[0]
            if together.elementwise:
                Loop(values, sinks, together.size, vector).pass_back(together.takes)
            elif take.code == Code.MATVEC:
                d, sink = sinks.address(take.target), sinks.address(take.reads[0])
                if turned_numbers(take, vector):
                    lanes = lanes_for(take.inner, vector)
                    factor = Factor(bases[n], "true", 0, take.inner, take.size, lanes, is_odd(function, number))
                    write_product(function, factor, d, sink, adds=True)
                else:
                    lanes, block = lanes_for(take.size, vector), function.at("%flat", take.block)
                    odd = is_odd(function, number)
                    factor = Factor(block, "false", take.stride, take.size, take.inner, lanes, odd)
                    write_pull(function, factor, d, sink)
            else:
                WHOLE_BACK[take.code](values, sinks, take, vector)

    function.backwards("%start", "%stop", step)
    function.end()


def turned_numbers(take: Take, vector: int) -> int:
    """Return how many numbers a matrix has that is packed the other way round; 0 where that would take too long."""
    if take.size * take.inner > _TURNED:
        return 0
    return packed_rows(take.inner, lanes_for(take.inner, vector)) * take.size


class Sinks(Where, Protocol):
    """Knows where what is passed back lies, and who else puts something there."""

    def in_memory(self, take: Take) -> bool:
        """Say whether anything outside of the loop of an op passes back to its result."""

    def puts(self, span: Span) -> bool:
        """Say whether what a loop passes back to a place is all that ever comes there."""

    def clears(self, take: Take) -> bool:
        """Say whether the place of a result must be 0 again once it was read."""


@dataclass(frozen=True)
class EverySlot(Places):
    """Where what is passed back lies when every slot of every step has a place."""

    def in_memory(self, take: Take) -> bool:
        """See `Sinks`."""
        return True

    def puts(self, span: Span) -> bool:
        """See `Sinks`."""
        return False

    def clears(self, take: Take) -> bool:
        """See `Sinks`."""
        return False


class Loop:
    """A loop over units that reads values, and adds to what is passed back."""

    def __init__(self, values: Where, sinks: Sinks, size: int, vector: int) -> None:
        self.function = sinks.function
        self.u = Lanes(self.function, lanes_for(size, vector))
        self.one = Lanes(self.function, 1)
        self.values, self.sinks, self.size = values, sinks, size
        self._spread: dict[tuple[bool, Span], Value] = {}
        self._again: Value | None = None  # which units are taken for the first time; None for all

    def read(self, span: Span, unit: Value, adjoint: bool = False) -> Value:
        """Return units of a value or of its gradient; one number spreads."""
        places = self.sinks if adjoint else self.values
        if span.size == 1 < self.size:
            key = adjoint, span
            if key not in self._spread:
                self._spread[key] = self.u.spread(self.one.load(places.address(span)))
            return self._spread[key]
        return self.u.load(places.address(span, unit))

    def ready(self, spans: Sequence[Span], adjoint: bool = False) -> None:
        """Read the single numbers among some operands, before the loop."""
        for span in spans:
            if span.size == 1 < self.size:
                self.read(span, "0", adjoint)

    def fresh(self, a: Value) -> Value:
        """Return a, and 0 where a unit was taken before."""
        return a if self._again is None else self.u.select(self._again, a, self.u.constant(0.0))

    @contextmanager
    def moved_back(self, unit: Value, regular: Value) -> Iterator[None]:
        """Say of the units of a vector, of which the first is given, where it were if it was not moved back."""
        if unit != regular:
            self._again = self.u.from_lane(self.function.value(f"sub i64 {regular}, {unit}"))
        yield
        self._again = None

    def over(self, sums: int, body: Callable[[Value, list[Value]], Sequence[Value]]) -> list[Value]:
        """Write a loop that carries some sums by lane; return each as one number."""
        u, function, lanes = self.u, self.function, self.u.width
        first = [u.constant(0.0)] * sums
        count = -(-self.size // lanes)

        def turn(number: Value, carried: list[Value]) -> Sequence[Value]:
            unit = function.value(f"mul i64 {number}, {lanes}")
            if self.size % lanes:
                regular = unit
                beyond = function.value(f"icmp sgt i64 {regular}, {self.size - lanes}")
                unit = function.value(f"select i1 {beyond}, i64 {self.size - lanes}, i64 {regular}")
                with self.moved_back(unit, regular):
                    return body(unit, carried)
            return body(unit, carried)

        kinds = [(u.type, zero) for zero in first]
        carried = list(body("0", first)) if count == 1 else function.loop("0", str(count), turn, kinds)
        return [u.total(one) for one in carried]

    def add(self, span: Span, unit: Value, a: Value) -> None:
        """Add to the gradient of as many units."""
        place = self.sinks.address(span, unit)
        self.u.store(self.u.add(self.u.load(place), a), place)

    def add_one(self, span: Span, a: Value) -> None:
        """Add to the gradient of one number."""
        place = self.sinks.address(span)
        self.one.store(self.one.add(self.one.load(place), a), place)

    def pass_back(self, takes: Sequence[Take]) -> None:
        """Write the ops of a loop backwards: what they pass to each other stays in registers."""
        singles: list[Span] = []
        for take in takes:
            uses = uses_of(take.code, len(take.reads))
            self.ready([read for read, used in zip(take.reads, uses.operands, strict=True) if used])
            singles += [read for read in take.reads if read.size == 1 < self.size and read not in singles]
        totals = self.over(len(singles), lambda unit, sums: self._units(takes, singles, unit, sums))
        for span, total in zip(singles, totals, strict=True):
            self.add_one(span, total)

    def _units(self, takes: Sequence[Take], singles: list[Span], unit: Value, sums: list[Value]) -> Sequence[Value]:
        u, sums = self.u, list(sums)
        known: dict[Span, Value] = {}
        waiting: dict[Span, Value] = {}  # what is still to be added
        unread = u.constant(0.0)

        def value(span: Span) -> Value:
            if span not in known:
                known[span] = self.read(span, unit)
            return known[span]

        for take in reversed(takes):
            target, uses = take.target, uses_of(take.code, len(take.reads))
            d = self._passed_to(take, unit, waiting)
            result = value(target) if uses.result else unread
            operands = [value(r) if used else unread for r, used in zip(take.reads, uses.operands, strict=True)]
            passed = DERIVATIVES[take.code](u, d, result, *operands)
            for read, piece in zip(take.reads, passed, strict=True):
                if piece is None:
                    continue
                piece = self.fresh(piece)
                if read in singles:
                    place = singles.index(read)
                    sums[place] = u.add(sums[place], piece)
                else:
                    waiting[read] = u.add(waiting[read], piece) if read in waiting else piece
        for span, piece in waiting.items():
            if self.sinks.puts(span):
                u.store(piece, self.sinks.address(span, unit))
            else:
                self.add(span, unit, piece)
        return sums

    def _passed_to(self, take: Take, unit: Value, waiting: dict[Span, Value]) -> Value:
        """Return all that was passed back to a result."""
        u, target = self.u, take.target
        if not self.sinks.in_memory(take):
            return waiting.pop(target, u.constant(0.0))
        place = self.sinks.address(target, unit)
        d = u.load(place)
        added = target in waiting
        if added:
            d = u.add(d, waiting.pop(target))
        if self.sinks.clears(take):
            u.store(u.constant(0.0), place)
        elif added:
            u.store(d, place)
        return d


# --- ops over all units ---------------------------------------------------------------------------------


def _layernorm(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    (read,), target = take.reads, take.target
    _, scale = moments(sinks.function, values, read, take.size)
    loop = Loop(values, sinks, take.size, vector)
    u, one = loop.u, loop.one

    def sums(unit: Value, carried: list[Value]) -> Sequence[Value]:
        d = loop.fresh(loop.read(target, unit, adjoint=True))
        return u.add(carried[0], d), u.mul_add(d, loop.read(target, unit), carried[1])

    count = one.constant(take.size)
    mean, along = (u.spread(one.div(total, count)) for total in loop.over(2, sums))
    scales = u.spread(scale)

    def units(unit: Value, _: list[Value]) -> Sequence[Value]:
        left = u.sub(loop.read(target, unit, adjoint=True), mean)
        left = u.sub(left, u.mul(loop.read(target, unit), along))
        loop.add(read, unit, loop.fresh(u.div(left, scales)))
        return ()

    loop.over(0, units)


def _softmax(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    (read,), target = take.reads, take.target
    loop = Loop(values, sinks, take.size, vector)
    u = loop.u

    def sums(unit: Value, carried: list[Value]) -> Sequence[Value]:
        d = loop.fresh(loop.read(target, unit, adjoint=True))
        return (u.mul_add(d, loop.read(target, unit), carried[0]),)

    along = u.spread(loop.over(1, sums)[0])

    def units(unit: Value, _: list[Value]) -> Sequence[Value]:
        d = u.sub(loop.read(target, unit, adjoint=True), along)
        loop.add(read, unit, loop.fresh(u.mul(loop.read(target, unit), d)))
        return ()

    loop.over(0, units)


def _sum(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    size = max(read.size for read in take.reads)
    loop = Loop(values, sinks, size, vector)
    u, one = loop.u, loop.one
    d = one.load(sinks.address(take.target))
    part = u.spread(one.div(d, one.constant(size)) if take.code == Code.MEAN else d)
    singles = [n for n, read in enumerate(take.reads) if read.size == 1 < size]
    loop.ready(take.reads)

    def units(unit: Value, carried: list[Value]) -> Sequence[Value]:
        operands = [loop.read(read, unit) for read in take.reads]
        carried = list(carried)
        for n, read in enumerate(take.reads):
            piece = loop.fresh(part if take.code != Code.DOT else u.mul(part, operands[1 - n]))
            if n in singles:
                carried[singles.index(n)] = u.add(carried[singles.index(n)], piece)
            else:
                loop.add(read, unit, piece)
        return carried

    for n, total in zip(singles, loop.over(len(singles), units), strict=True):
        loop.add_one(take.reads[n], total)


# --- ops over heads -------------------------------------------------------------------------------------


def _outer(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    (v, k), (heads, rows, columns), function = take.reads, take.shape, sinks.function

    def line(number: Value) -> None:
        loop = Loop(values, sinks, columns, vector)
        u, one = loop.u, loop.one
        weight = u.spread(one.load(values.address(v, number)))
        head = head_of(function, number, rows)

        def units(unit: Value, carried: list[Value]) -> Sequence[Value]:
            there = place_in(function, head, columns, unit)
            d = loop.fresh(u.load(sinks.address(take.target, place_in(function, number, columns, unit))))
            total = u.mul_add(d, u.load(values.address(k, there)), carried[0])
            loop.add(k, there, u.mul(d, weight))
            return (total,)

        (total,) = loop.over(1, units)
        place = sinks.address(v, number)
        one.store(one.add(one.load(place), total), place)

    over_lines(function, heads * rows, line)


def _read(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    (s, q), (heads, rows, columns), function = take.reads, take.shape, sinks.function

    def line(number: Value) -> None:
        loop = Loop(values, sinks, columns, vector)
        u = loop.u
        d = u.spread(loop.one.load(sinks.address(take.target, number)))
        head = head_of(function, number, rows)

        def units(unit: Value, _: list[Value]) -> Sequence[Value]:
            here, there = place_in(function, number, columns, unit), place_in(function, head, columns, unit)
            by_memory = loop.fresh(u.mul(d, u.load(values.address(q, there))))
            by_vector = loop.fresh(u.mul(d, u.load(values.address(s, here))))
            loop.add(s, here, by_memory)
            loop.add(q, there, by_vector)
            return ()

        loop.over(0, units)

    over_lines(function, heads * rows, line)


def _weighted(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    (m, a), (heads, rows, columns), function = take.reads, take.shape, sinks.function

    def line(number: Value) -> None:
        loop = Loop(values, sinks, columns, vector)
        u, one = loop.u, loop.one
        weight = u.spread(one.load(values.address(a, number)))
        head = head_of(function, number, rows)

        def units(unit: Value, carried: list[Value]) -> Sequence[Value]:
            here, there = place_in(function, number, columns, unit), place_in(function, head, columns, unit)
            d = loop.fresh(u.load(sinks.address(take.target, there)))
            total = u.mul_add(d, u.load(values.address(m, here)), carried[0])
            loop.add(m, here, u.mul(d, weight))
            return (total,)

        (total,) = loop.over(1, units)
        place = sinks.address(a, number)
        one.store(one.add(one.load(place), total), place)

    over_lines(function, heads * rows, line)


def _repeat(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    (read,), (count, width), function = take.reads, repeats(take), sinks.function

    def line(number: Value) -> None:
        loop = Loop(values, sinks, width, vector)
        u, one = loop.u, loop.one

        def units(unit: Value, carried: list[Value]) -> Sequence[Value]:
            d = loop.fresh(u.load(sinks.address(take.target, place_in(function, number, width, unit))))
            return (u.add(carried[0], d),)

        (total,) = loop.over(1, units)
        place = sinks.address(read, number)
        one.store(one.add(one.load(place), total), place)

    over_lines(function, count, line)


def _tile(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    (read,), (count, width, sharing), function = take.reads, tiles(take), sinks.function

    def line(number: Value) -> None:
        loop = Loop(values, sinks, width, vector)
        u = loop.u
        source = head_of(function, number, sharing)

        def units(unit: Value, _: list[Value]) -> Sequence[Value]:
            d = u.load(sinks.address(take.target, place_in(function, number, width, unit)))
            loop.add(read, place_in(function, source, width, unit), loop.fresh(d))
            return ()

        loop.over(0, units)

    over_lines(function, count, line)


def _sum_heads(values: Where, sinks: Sinks, take: Take, vector: int) -> None:
    (read,), (heads, rows, columns), function = take.reads, take.shape, sinks.function
    width = rows * columns

    def line(number: Value) -> None:
        loop = Loop(values, sinks, width, vector)
        u, one = loop.u, loop.one
        d = one.load(sinks.address(take.target, number))
        part = u.spread(one.div(d, one.constant(width)) if take.code == Code.MEAN_HEADS else d)

        def units(unit: Value, _: list[Value]) -> Sequence[Value]:
            loop.add(read, place_in(function, number, width, unit), loop.fresh(part))
            return ()

        loop.over(0, units)

    over_lines(function, heads, line)


WHOLE_BACK: dict[Code, Callable[[Where, Sinks, Take, int], None]] = {
    Code.LAYERNORM: _layernorm,
    Code.SOFTMAX: _softmax,
    Code.DOT: _sum,
    Code.SUM: _sum,
    Code.MEAN: _sum,
    Code.OUTER: _outer,
    Code.READ: _read,
    Code.WEIGHTED: _weighted,
    Code.BY_HEAD: _repeat,
    Code.BY_ROW: _repeat,
    Code.BY_COLUMN: _tile,
    Code.EACH_HEAD: _tile,
    Code.SUM_HEADS: _sum_heads,
    Code.MEAN_HEADS: _sum_heads,
}
"""What writes, backwards, an op that needs all units at once."""
