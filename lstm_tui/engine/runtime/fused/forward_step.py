"""One step of a program as a function of LLVM: every slot of every step, in as few loops as there can be.

The signature is `step(rows, flat, packed, is_packed, start, stop, clock)`: it fills rows[start + 1] … rows[stop].
Units are taken as many at a time as a vector holds; the last vector of a loop is moved back so that it ends with the
last unit. Units that are taken twice by that are computed alike and from the same numbers, since nothing is
overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from lstm_tui.engine.compiler.ops import LAYERNORM_EPSILON, Code
from lstm_tui.engine.compiler.program import Space
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout, NamedPlaces
from lstm_tui.engine.runtime.fused.products import Factor, is_odd, lanes_for, packed_rows, write_product
from lstm_tui.engine.runtime.fused.schedule import Span, Take, Together
from lstm_tui.engine.runtime.fused.vector_functions import ELEMENTWISE, exponential

SIGNATURE = "ptr %rows, ptr noalias %flat, ptr noalias %packed, i1 %is_packed, i64 %start, i64 %stop, i64 %clock"
NAMED_SIGNATURE = (
    "ptr noalias %given, ptr %out, ptr noalias %scratch, ptr noalias %flat, ptr noalias %packed, i1 %is_packed"
    ", i64 %steps, i64 %clock"
)


_SIDE_BY_SIDE, _MOST_OPS = 2, 40
"""Vectors of units that go through the ops of a loop side by side, where these are no more than so many: an op takes
many cycles from what it reads to its result, and a processor looks only some hundred instructions ahead for what it can
begin meanwhile. More of them brought nothing more."""


@dataclass(frozen=True)
class Places:
    """Where the numbers of a step lie, by space."""

    function: Procedure
    current: Value
    previous: Value
    flat: Value = "%flat"

    def address(self, read: Span, unit: Value | int = 0) -> Value:
        """Return where a unit of an operand lies."""
        base = {Space.CURRENT: self.current, Space.PREVIOUS: self.previous, Space.PARAMETER: self.flat}[read.space]
        return self.function.at(self.function.at(base, read.offset), unit)


class Where(Protocol):
    """Knows where the numbers of a step lie."""

    @property
    def function(self) -> Procedure:
        """What is being written."""

    def address(self, span: Span, unit: Value | int = 0) -> Value:
        """Return where a unit of an operand or a result lies."""


def write_step(assembly: Assembly, made: list[Together], width: int, vector: int) -> None:
    """Write the function `step`.

    Args:
        assembly: Where it goes.
        made: What is taken together, in order.
        width: Numbers of a row.
        vector: Units that a vector of the host holds.
    """
    function = Procedure(assembly, "step", SIGNATURE)
    bases = bases_of(function, made, vector)

    def step(number: Value, _: list[Value]) -> Sequence[Value]:
        previous = function.at("%rows", function.value(f"mul i64 {number}, {width}"))
        places = Places(function, function.at(previous, width), previous)
        _write_takes(function, places, made, bases, vector, number, lambda take: True)
        return ()

    function.loop("%start", "%stop", step)
    function.end()


def write_named(assembly: Assembly, made: list[Together], layout: NamedLayout, vector: int) -> None:
    """Write the function `named`, which keeps the named values alone: the same operations in the same order.

    Its first step finds what was given in the first row, and what was before in the first row of `out`.
    """
    function = Procedure(assembly, "named", NAMED_SIGNATURE)
    bases = bases_of(function, made, vector)

    def step(number: Value, _: list[Value]) -> Sequence[Value]:
        places = named_places(function, layout, number)
        _write_takes(function, places, made, bases, vector, number, layout.keeps)
        write_copies(places, vector)
        return ()

    function.loop("0", "%steps", step)
    function.end()


def named_places(function: Procedure, layout: NamedLayout, number: Value, run: str = "") -> NamedPlaces:
    """Return where the numbers of a step lie whose named values alone are kept; `run` ends the names of its arrays."""
    before = function.at(f"%out{run}", function.value(f"mul i64 {number}, {layout.values.width}"))
    given = function.at(f"%given{run}", function.value(f"mul i64 {number}, {layout.given.width}"))
    out = function.at(before, layout.values.width)
    return NamedPlaces(function, layout, given, out, before, f"%scratch{run}", f"%flat{run}")


def write_copies(places: NamedPlaces, vector: int) -> None:
    """Write that named values which are computed elsewhere are put into `out`."""
    function, layout = places.function, places.layout
    for slot in layout.copies:
        span, place = Span(Space.CURRENT, *slot), layout.values.find(slot.offset)
        u = Lanes(function, lanes_for(slot.size, vector))

        def copy(unit: Value, span: Span = span, u: Lanes = u, place: int | None = place) -> None:
            u.store(u.load(places.address(span, unit)), function.at(function.at(places.out, place or 0), unit))

        by_units(function, slot.size, u.width, copy)


def _write_takes(
    function: Procedure,
    places: Where,
    made: list[Together],
    bases: dict[int, Value],
    vector: int,
    number: Value,
    keeps: Callable[[Take], bool],
) -> None:
    """Write all ops of a step; of those taken unit by unit, `keeps` says which have a place in memory."""
    for n, together in enumerate(made):
        if together.elementwise:
            write_elementwise(function, places, together, vector, number, keeps)
        else:
            write_alone(function, places, together.takes[0], bases.get(n, ""), vector, number)


def write_alone(function: Procedure, places: Where, take: Take, base: Value, vector: int, number: Value) -> None:
    """Write an op that is not taken unit by unit; `base` is where the matrix of a product lies."""
    if take.code == Code.MATVEC:
        v, y = places.address(take.reads[0]), places.address(take.target)
        lanes, odd = lanes_for(take.size, vector), is_odd(function, number)
        write_product(function, Factor(base, "%is_packed", take.stride, take.size, take.inner, lanes, odd), v, y)
    else:
        WHOLE[take.code](function, places, take, vector)


def bases_of(function: Procedure, made: list[Together], vector: int, run: str = "") -> dict[int, Value]:
    """Return where the matrix of each product lies: where it was packed, or in the flat parameters."""
    bases: dict[int, Value] = {}
    place = 0
    for n, together in enumerate(made):
        take = together.takes[0]
        if take.code == Code.MATVEC:
            there, here = function.at(f"%packed{run}", place), function.at(f"%flat{run}", take.block)
            bases[n] = function.value(f"select i1 %is_packed, ptr {there}, ptr {here}")
            place += packed_numbers(take, vector)
    return bases


def packed_numbers(take: Take, vector: int) -> int:
    """Return how many numbers the packed matrix of a product has."""
    return packed_rows(take.size, lanes_for(take.size, vector)) * take.inner


def by_units(function: Procedure, size: int, lanes: int, body: Callable[[Value], None]) -> None:
    """Write what is done for the units 0 … size - 1, `lanes` at a time."""
    count = -(-size // lanes)
    if count == 1:
        body("0")
        return

    def turn(number: Value, _: list[Value]) -> Sequence[Value]:
        unit = function.value(f"mul i64 {number}, {lanes}")
        if size % lanes:
            beyond = function.value(f"icmp sgt i64 {unit}, {size - lanes}")
            unit = function.value(f"select i1 {beyond}, i64 {size - lanes}, i64 {unit}")
        body(unit)
        return ()

    function.loop("0", str(count), turn)


def write_elementwise(
    function: Procedure, places: Where, together: Together, vector: int, number: Value, keeps: Callable[[Take], bool]
) -> None:
    """Write ops of one unit in one loop; `keeps` says of which the result has a place in memory."""
    size, lanes = together.size, lanes_for(together.size, vector)
    body = units_written(function, [places], together, lanes, number, keeps)
    count = -(-size // lanes)
    most = _SIDE_BY_SIDE if len(together.takes) <= _MOST_OPS else 1

    def vectors(first: Value, many: int) -> None:
        body([(0, vector_at(function, first, n, size, lanes)) for n in range(many)])

    def some(turn: Value, _: list[Value]) -> Sequence[Value]:
        vectors(function.value(f"mul i64 {turn}, {most}"), most)
        return ()

    if count // most > 1:
        function.loop("0", str(count // most), some)
    elif count >= most:
        vectors("0", most)
    if count % most:
        vectors(str(count - count % most), count % most)


def vector_at(function: Procedure, first: Value, more: int, size: int, lanes: int) -> Value:
    """Return the unit at which a vector begins, `more` behind the vector `first`; the last is moved back."""
    number = function.value(f"add i64 {first}, {more}") if more else first
    unit = function.value(f"mul i64 {number}, {lanes}")
    if size % lanes:
        beyond = function.value(f"icmp sgt i64 {unit}, {size - lanes}")
        unit = function.value(f"select i1 {beyond}, i64 {size - lanes}, i64 {unit}")
    return unit


def units_written(
    function: Procedure,
    places: Sequence[Where],
    together: Together,
    lanes: int,
    number: Value,
    keeps: Callable[[Take], bool],
) -> Callable[[Sequence[tuple[int, Value]]], None]:
    """Return what writes ops of one unit for some vectors of `lanes` units side by side.

    It is given the run that each vector is of, by its number in `places`, and the unit at which the vector begins.
    """
    size = together.size
    u = Lanes(function, lanes)
    every = [u.spread(_clock(function, number))] if any(t.code == Code.EVERY for t in together.takes) else []
    spread: list[dict[Span, Value]] = [{} for _ in places]
    if size > 1:
        for take in together.takes:
            for read in take.reads:
                for where, own in zip(places, spread, strict=True):
                    if read.size == 1 and read not in own:
                        own[read] = u.spread(Lanes(function, 1).load(where.address(read)))

    def one(take: Take, where: Where, unit: Value, known: dict[Span, Value]) -> None:
        operands = []
        for read in take.reads:
            if read not in known:
                known[read] = u.load(where.address(read, unit))
            operands.append(known[read])
        target = Span(Space.CURRENT, take.offset, size)
        known[target] = compute(u, take.code, operands, every)
        if keeps(take):
            u.store(known[target], where.address(target, unit))

    def units(vectors: Sequence[tuple[int, Value]]) -> None:
        known = [dict(spread[run]) for run, _ in vectors]
        for take in together.takes:
            for (run, unit), own in zip(vectors, known, strict=True):
                one(take, places[run], unit, own)

    return units


def compute(u: Lanes, code: Code, operands: list[Value], every: list[Value]) -> Value:
    """Return what an op of one unit yields; `every` holds how many steps were taken."""
    if code == Code.EVERY:
        taken = u.sub(every[0], operands[1]) if len(operands) > 1 else every[0]
        left = u.compare("oeq", u.binary("frem", taken, operands[0]), u.constant(0.0))
        return u.select(left, u.constant(1.0), u.constant(0.0))
    return ELEMENTWISE[code](u, *operands)


def _clock(function: Procedure, number: Value) -> Value:
    return function.value(f"sitofp i64 {function.value(f'add i64 {number}, %clock')} to {function.assembly.number}")


# --- ops over all units ---------------------------------------------------------------------------------


class _Scalar(Lanes):
    """One number at a time, from unit 0 up."""

    def __init__(self, function: Procedure) -> None:
        super().__init__(function, 1)

    def in_order(self, size: int, first: Value, term: Callable[[Value, Value], Value]) -> Value:
        """Return what a sum is after all units; `term` gives it from what it was before a unit."""
        if size == 1:
            return term("0", first)
        (found,) = self.function.loop("0", str(size), lambda unit, sums: [term(unit, sums[0])], [(self.type, first)])
        return found


def _unit(u: Lanes, places: Where, read: Span, unit: Value) -> Value:
    """Return a unit of an operand; one number spreads."""
    return u.load(places.address(read, unit if read.size > 1 else 0))


def moments(function: Procedure, places: Where, read: Span, size: int) -> tuple[Value, Value]:
    """Return the mean of a vector and what its units are divided by in `layernorm`."""
    u = _Scalar(function)
    count = u.constant(size)
    mean = u.div(u.in_order(size, u.constant(0.0), lambda n, s: u.add(s, _unit(u, places, read, n))), count)

    def square(unit: Value, total: Value) -> Value:
        centred = u.sub(_unit(u, places, read, unit), mean)
        return u.mul_add(centred, centred, total)

    variance = u.div(u.in_order(size, u.constant(0.0), square), count)
    return mean, u.sqrt(u.add(variance, u.constant(LAYERNORM_EPSILON)))


def _layernorm(function: Procedure, places: Where, take: Take, vector: int) -> None:
    (read,) = take.reads
    mean, scale = moments(function, places, read, take.size)
    u = Lanes(function, lanes_for(take.size, vector))
    means, scales = u.spread(mean), u.spread(scale)

    def units(unit: Value) -> None:
        centred = u.sub(u.load(places.address(read, unit)), means)
        u.store(u.div(centred, scales), places.address(take.target, unit))

    by_units(function, take.size, u.width, units)


def _softmax(function: Procedure, places: Where, take: Take, vector: int) -> None:
    (read,) = take.reads
    one = _Scalar(function)

    u = Lanes(function, lanes_for(take.size, vector))
    top = _largest(u, places, read, take.size)
    tops = u.spread(top)

    def powers(unit: Value) -> None:
        power = exponential(u, u.sub(u.load(places.address(read, unit)), tops))
        u.store(power, places.address(take.target, unit))

    by_units(function, take.size, u.width, powers)
    zero = one.constant(0.0)
    total = one.in_order(take.size, zero, lambda n, s: one.add(s, _unit(one, places, take.target, n)))
    if take.size % u.width:  # a unit may not be divided twice
        u = one
    totals = u.spread(total)

    def parts(unit: Value) -> None:
        place = places.address(take.target, unit)
        u.store(u.div(u.load(place), totals), place)

    by_units(function, take.size, u.width, parts)


def _largest(u: Lanes, places: Where, read: Span, size: int) -> Value:
    """Return the largest number of a vector, or NaN where there is one; which of two zeros is not said."""
    function = u.function

    def larger(a: Value, top: Value, lanes: Lanes) -> Value:
        beyond = lanes.either(lanes.compare("ogt", a, top), lanes.compare("uno", a, a))
        return lanes.select(beyond, a, top)

    tops = u.load(places.address(read))
    for_units = range(u.width, size - u.width + 1, u.width)
    if len(for_units) > 0:

        def turn(number: Value, carried: list[Value]) -> Sequence[Value]:
            unit = function.value(f"mul i64 {number}, {u.width}")
            return [larger(u.load(places.address(read, unit)), carried[0], u)]

        (tops,) = function.loop("1", str(size // u.width), turn, [(u.type, tops)])
    if size % u.width:  # units that are taken twice change nothing
        tops = larger(u.load(places.address(read, size - u.width)), tops, u)
    one = _Scalar(function)
    found = (
        [tops] if u.width == 1 else [function.value(f"extractelement {u.type} {tops}, i32 {n}") for n in range(u.width)]
    )
    top = found[0]
    for other in found[1:]:
        top = larger(other, top, one)
    return top


def _sum(function: Procedure, places: Where, take: Take, _: int) -> None:
    u = _Scalar(function)
    size = max(read.size for read in take.reads)

    def term(unit: Value, total: Value) -> Value:
        a = _unit(u, places, take.reads[0], unit)
        if take.code != Code.DOT:
            return u.add(total, a)
        return u.mul_add(a, _unit(u, places, take.reads[1], unit), total)

    total = u.in_order(size, u.constant(0.0), term)
    u.store(u.div(total, u.constant(size)) if take.code == Code.MEAN else total, places.address(take.target))


# --- ops over heads -------------------------------------------------------------------------------------


def place_in(function: Procedure, line: Value, size: int, unit: Value | int = 0) -> Value:
    """Return the number of a unit of a line, of which each has `size`."""
    start = function.value(f"mul i64 {line}, {size}")
    return start if unit in (0, "0") else function.value(f"add i64 {start}, {unit}")


def head_of(function: Procedure, line: Value, rows: int) -> Value:
    """Return the head that a row of a matrix belongs to."""
    return function.value(f"udiv i64 {line}, {rows}")


def over_lines(function: Procedure, count: int, body: Callable[[Value], None]) -> None:
    """Write what is done for every line, one after the other."""

    def turn(line: Value, _: list[Value]) -> Sequence[Value]:
        body(line)
        return ()

    function.loop("0", str(count), turn)


_LINES = 4
"""Rows of a matrix that are read side by side: each of their sums waits for its own number before."""


def _outer(function: Procedure, places: Where, take: Take, vector: int) -> None:
    (v, k), (heads, rows, columns) = take.reads, take.shape
    u, one = Lanes(function, lanes_for(columns, vector)), _Scalar(function)

    def line(number: Value) -> None:
        weight = u.spread(one.load(places.address(v, number)))
        head = head_of(function, number, rows)

        def units(unit: Value) -> None:
            product = u.mul(weight, u.load(places.address(k, place_in(function, head, columns, unit))))
            u.store(product, places.address(take.target, place_in(function, number, columns, unit)))

        by_units(function, columns, u.width, units)

    over_lines(function, heads * rows, line)


def _read(function: Procedure, places: Where, take: Take, _: int) -> None:
    (s, q), (heads, rows, columns) = take.reads, take.shape
    one = _Scalar(function)
    beside = _LINES if rows % _LINES == 0 else 1

    def lines(number: Value) -> None:
        first = function.value(f"mul i64 {number}, {beside}")
        head = head_of(function, first, rows)
        each = [function.value(f"add i64 {first}, {n}") for n in range(beside)]

        def term(unit: Value, sums: list[Value]) -> Sequence[Value]:
            weight = one.load(places.address(q, place_in(function, head, columns, unit)))
            numbers = [one.load(places.address(s, place_in(function, line, columns, unit))) for line in each]
            return [one.mul_add(a, weight, before) for a, before in zip(numbers, sums, strict=True)]

        totals = function.loop("0", str(columns), term, [(one.type, one.constant(0.0))] * beside)
        for line, total in zip(each, totals, strict=True):
            one.store(total, places.address(take.target, line))

    over_lines(function, heads * rows // beside, lines)


def _weighted(function: Procedure, places: Where, take: Take, vector: int) -> None:
    (m, a), (heads, rows, columns) = take.reads, take.shape
    u, one = Lanes(function, lanes_for(columns, vector)), _Scalar(function)

    def head(number: Value) -> None:
        def units(unit: Value) -> None:
            def term(row: Value, sums: list[Value]) -> Sequence[Value]:
                line = place_in(function, number, rows, row)
                weight = u.spread(one.load(places.address(a, line)))
                numbers = u.load(places.address(m, place_in(function, line, columns, unit)))
                return [u.mul_add(numbers, weight, sums[0])]

            (total,) = function.loop("0", str(rows), term, [(u.type, u.constant(0.0))])
            u.store(total, places.address(take.target, place_in(function, number, columns, unit)))

        by_units(function, columns, u.width, units)

    over_lines(function, heads, head)


def repeats(take: Take) -> tuple[int, int]:
    """Return how many numbers an op repeats, and how often each."""
    heads, rows, columns = take.shape
    return (heads, rows * columns) if take.code == Code.BY_HEAD else (heads * rows, columns)


def _repeat(function: Procedure, places: Where, take: Take, vector: int) -> None:
    count, width = repeats(take)
    u, one = Lanes(function, lanes_for(width, vector)), _Scalar(function)

    def line(number: Value) -> None:
        many = u.spread(one.load(places.address(take.reads[0], number)))

        def units(unit: Value) -> None:
            u.store(many, places.address(take.target, place_in(function, number, width, unit)))

        by_units(function, width, u.width, units)

    over_lines(function, count, line)


def tiles(take: Take) -> tuple[int, int, int]:
    """Return of how many lines each is a copy, of how many numbers, and how many lines share one."""
    heads, rows, columns = take.shape
    return (heads, rows * columns, heads) if take.code == Code.EACH_HEAD else (heads * rows, columns, rows)


def _tile(function: Procedure, places: Where, take: Take, vector: int) -> None:
    count, width, sharing = tiles(take)
    u = Lanes(function, lanes_for(width, vector))

    def line(number: Value) -> None:
        source = head_of(function, number, sharing)

        def units(unit: Value) -> None:
            numbers = u.load(places.address(take.reads[0], place_in(function, source, width, unit)))
            u.store(numbers, places.address(take.target, place_in(function, number, width, unit)))

        by_units(function, width, u.width, units)

    over_lines(function, count, line)


def _sum_heads(function: Procedure, places: Where, take: Take, _: int) -> None:
    heads, rows, columns = take.shape
    width, one = rows * columns, _Scalar(function)

    def line(number: Value) -> None:
        def term(unit: Value, total: Value) -> Value:
            return one.add(total, one.load(places.address(take.reads[0], place_in(function, number, width, unit))))

        total = one.in_order(width, one.constant(0.0), term)
        mean = take.code == Code.MEAN_HEADS
        one.store(one.div(total, one.constant(width)) if mean else total, places.address(take.target, number))

    over_lines(function, heads, line)


WHOLE: dict[Code, Callable[[Procedure, Where, Take, int], None]] = {
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
"""What writes an op that needs all units at once."""
