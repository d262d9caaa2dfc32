"""Products of a matrix and a vector, and of many vectors at once: every number is added up in the order of its row.

The numbers of a vector register are different rows, so neither the register's width nor what is taken beside a row
changes a bit. Rows are packed in panels, as many as there are registers for, one column behind the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import aligned
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value

PANEL = 8
"""Most vectors of a panel: as many sums as hide how long an addition takes."""
_UNROLL = 4


class Panels(NamedTuple):
    """Some panels of like shape, one behind the other.

    Attributes:
        starts: First row of each vector of the first panel.
        many: How many panels.
        packed: Where the first is packed, in columns of one row.
        first: Row at which the first panel begins if nothing is moved back.
    """

    starts: tuple[int, ...]
    many: int
    packed: int
    first: int


def lanes_for(size: int, most: int) -> int:
    """Return how many of some units are taken at a time: a power of two, no more than there are."""
    return int(min(most, 1 << (size.bit_length() - 1)))


@cache
def panels_of(rows: int, width: int) -> tuple[Panels, ...]:
    """Return the panels that cover some rows; where the last vector would reach beyond, it repeats rows before."""
    vectors = -(-rows // width)
    count = -(-vectors // PANEL)
    small, extra = divmod(vectors, count)
    sizes = [small + 1] * extra + [small] * (count - extra)
    ragged = rows % width != 0
    made: list[Panels] = []
    first = packed = 0
    for n, size in enumerate(sizes):
        starts = tuple(min((first + v) * width, rows - width) for v in range(size))
        alike = bool(made) and len(made[-1].starts) == size and not (ragged and n == count - 1)
        if alike:
            last = made[-1]
            made[-1] = Panels(last.starts, last.many + 1, last.packed, last.first)
        else:
            made.append(Panels(starts, 1, packed, first * width))
        first, packed = first + size, packed + size * width
    return tuple(made)


def lies_packed(rows: int, stride: int, width: int) -> bool:
    """Say whether a block of the flat parameters is already as it would be packed: one panel, nothing between."""
    return rows == stride and rows % width == 0 and rows <= PANEL * width


def packed_rows(rows: int, width: int) -> int:
    """Return how many rows are packed, those that are repeated included."""
    return -(-rows // width) * width


def pack(block: Array, width: int, out: Array) -> None:
    """Pack a block (inner, rows) into `out`, panel behind panel."""
    inner, rows = block.shape
    for panels in panels_of(rows, width):
        wide = len(panels.starts) * width
        place = out[panels.packed * inner :][: panels.many * inner * wide].reshape(panels.many, inner, wide)
        first = panels.starts[0]
        if panels.many > 1 or panels.starts[-1] == first + wide - width:
            piece = block[:, first : first + panels.many * wide].reshape(inner, panels.many, wide)
            place[:] = piece.transpose(1, 0, 2)
        else:
            for n, start in enumerate(panels.starts):
                place[0, :, n * width : (n + 1) * width] = block[:, start : start + width]


class Factor(NamedTuple):
    """A matrix that a step multiplies by.

    Attributes:
        base: Where it lies: packed, or as a block of the flat parameters.
        packed: A truth: which of the two.
        stride: How far apart the columns of the block lie.
        rows: Rows.
        inner: Columns, k.
        width: Rows taken at a time in a vector.
        odd: A truth: whether to go through it from the other end, as every second step does, since the end of a
            matrix that is larger than the cache is still there when the next step begins.
    """

    base: Value
    packed: Value
    stride: int
    rows: int
    inner: int
    width: int
    odd: Value


def is_odd(function: Procedure, step: Value) -> Value:
    """Return whether the number of a step is odd."""
    return function.value(f"trunc i64 {step} to i1")


def _in_turn(function: Procedure, factor: Factor, many: int, body: Callable[[Value], None]) -> None:
    """Write a loop over parts of a matrix, from either end."""
    if many == 1:
        body("0")
        return

    def turn(number: Value, _: list[Value]) -> Sequence[Value]:
        other = function.value(f"sub i64 {many - 1}, {number}")
        body(function.value(f"select i1 {factor.odd}, i64 {other}, i64 {number}"))
        return ()

    function.loop("0", str(many), turn)


def write_product(function: Procedure, factor: Factor, v: Value, y: Value, adds: bool = False) -> None:
    """Write y[r] = the sum over k of v[k] times the k-th number of row r.

    Args:
        function: What is being written.
        factor: The matrix.
        v: Where the vector lies.
        y: Where the result goes.
        adds: Whether it is added to what is there.
    """
    for panels in panels_of(factor.rows, factor.width):
        _write_panels(Lanes(function, factor.width), panels, factor, v, y, adds)


def sums_of_panel(
    u: Lanes, inner: int, v: Value, line: Value, places: Sequence[Value | int], far: Value | int
) -> list[Value]:
    """Write what a panel adds up to, column by column, and return it, a vector for each of `places`.

    Args:
        u: Rows of a vector.
        inner: Columns, k.
        v: Where the vector lies that is multiplied by.
        line: Where the first column of the panel lies.
        places: Where in a column each vector of rows lies.
        far: How far apart columns lie.
    """
    function = u.function

    def column(line: Value, k: Value, sums: list[Value]) -> tuple[Value, list[Value]]:
        number = u.spread(Lanes(function, 1).load(function.at(v, k)))
        loaded = [u.load(function.at(line, place)) for place in places]
        return function.at(line, far), [u.mul_add(w, number, s) for w, s in zip(loaded, sums, strict=True)]

    def columns(turn: Value, carried: list[Value]) -> Sequence[Value]:
        line, sums = carried[0], carried[1:]
        k = function.value(f"mul i64 {turn}, {_UNROLL}")
        for n in range(_UNROLL):
            line, sums = column(line, function.value(f"add i64 {k}, {n}"), sums)
        return [line, *sums]

    sums = [u.constant(0.0)] * len(places)
    if inner >= _UNROLL:
        carried = [("ptr", line), *((u.type, one) for one in sums)]
        line, *sums = function.loop("0", str(inner // _UNROLL), columns, carried)
    for k in range(inner - inner % _UNROLL, inner):
        line, sums = column(line, str(k), sums)
    return sums


def _write_panels(u: Lanes, panels: Panels, factor: Factor, v: Value, y: Value, adds: bool) -> None:
    """Write the product of some panels."""
    function, inner = u.function, factor.inner
    wide = len(panels.starts) * u.width

    def where(there: int, here: int) -> Value:
        return function.value(f"select i1 {factor.packed}, i64 {there}, i64 {here}")

    far, each = where(wide, factor.stride), where(wide * inner, wide)
    first = where(panels.packed * inner, panels.starts[0])
    places = [where(n * u.width, start - panels.starts[0]) for n, start in enumerate(panels.starts)]
    if panels.starts[-1] - panels.starts[0] == wide - u.width:
        places = [str(n * u.width) for n in range(len(panels.starts))]

    def panel(number: Value) -> None:
        start = function.value(f"add i64 {first}, {function.value(f'mul i64 {number}, {each}')}")
        sums = sums_of_panel(u, inner, v, function.at(factor.base, start), places, far)
        target = function.at(y, function.value(f"mul i64 {number}, {wide}"))
        for n, (one, row) in enumerate(zip(sums, panels.starts, strict=True)):
            place = function.at(target, row)
            if adds:
                repeated = panels.first + n * u.width - row
                one = u.select(u.from_lane(str(repeated)), one, u.constant(0.0)) if repeated else one
                one = u.add(u.load(place), one)
            u.store(one, place)

    _in_turn(function, factor, panels.many, panel)


def _times(function: Procedure, by: int, number: Value) -> Value:
    return function.value(f"mul i64 {number}, {by}")


def write_pull(function: Procedure, factor: Factor, d: Value, sink: Value) -> None:
    """Write sink[k] += the sum over r of d[r] times the k-th number of row r, in any order, of a matrix not packed."""
    _, _, stride, rows, inner, width, _ = factor
    u, one = Lanes(function, width), Lanes(function, 1)
    whole = rows // width

    def columns(first: Value, count: int) -> None:
        lines = [
            function.at(factor.base, function.value(f"mul i64 {function.value(f'add i64 {first}, {n}')}, {stride}"))
            for n in range(count)
        ]

        def terms(row: Value, sums: list[Value], repeated: int = 0) -> list[Value]:
            numbers = u.load(function.at(d, row))
            if repeated:
                numbers = u.select(u.from_lane(str(repeated)), numbers, u.constant(0.0))
            loaded = [u.load(function.at(line, row)) for line in lines]
            return [u.mul_add(w, numbers, s) for w, s in zip(loaded, sums, strict=True)]

        def some(turn: Value, sums: list[Value]) -> Sequence[Value]:
            return terms(function.value(f"mul i64 {turn}, {width}"), sums)

        sums = function.loop("0", str(whole), some, [(u.type, u.constant(0.0))] * count)
        if rows % width:
            sums = terms(str(rows - width), sums, width - rows % width)
        for n, total in enumerate(sums):
            place = function.at(sink, function.value(f"add i64 {first}, {n}"))
            one.store(one.add(one.load(place), u.total(total)), place)

    if inner >= PANEL:
        _in_turn(function, factor, inner // PANEL, lambda turn: columns(_times(function, PANEL, turn), PANEL))
    if inner % PANEL:
        columns(str(inner - inner % PANEL), inner % PANEL)


# --- many vectors at once -------------------------------------------------------------------------------

TALL = 6
WIDE = 4
"""Vectors and registers of rows that are added up at a time: 24 sums, and registers left for what goes into them."""


def series_panels(rows: int, width: int) -> int:
    """Return how many registers a panel of rows has."""
    return min(WIDE, -(-rows // width))


def series_rows(rows: int, width: int) -> int:
    """Return how many rows are packed, with the zeros that fill the last panel up."""
    wide = width * series_panels(rows, width)
    return -(-rows // wide) * wide


def pack_for_series(block: Array, width: int, room: Array | None = None) -> Array:
    """Return a block (inner, rows) in panels of some registers, filled up with zeros; in `room` where it is given."""
    inner, rows = block.shape
    wide = width * series_panels(rows, width)
    count = -(-rows // wide)
    made = aligned((count, inner, wide), block.dtype) if room is None else room.reshape(count, inner, wide)
    whole = rows // wide
    made[:whole] = block[:, : whole * wide].reshape(inner, whole, wide).transpose(1, 0, 2)
    if whole < count:
        made[whole] = 0
        made[whole, :, : rows - whole * wide] = block[:, whole * wide :]
    return made


def rows_by_panel(function: Procedure, u: Lanes, x: Sequence[Value], panel: Value, registers: int) -> Sequence[Value]:
    """Write the products of some rows of `%inner` numbers and a packed panel, each summed in the order of its row.

    Args:
        function: Where it goes.
        u: Vectors of the matrix.
        x: Where each row begins.
        panel: Where the panel begins.
        registers: Vectors of the panel's width.

    Returns:
        The sums: `registers` vectors of the first row, then those of the next.
    """
    one = Lanes(function, 1)

    def column(k: Value, sums: list[Value]) -> Sequence[Value]:
        line = function.at(panel, function.value(f"mul i64 {k}, {u.width * registers}"))
        loaded = [u.load(function.at(line, n * u.width)) for n in range(registers)]
        made = []
        for m, row in enumerate(x):
            number = u.spread(one.load(function.at(row, k)))
            made += [u.mul_add(v, number, sums[m * registers + n]) for n, v in enumerate(loaded)]
        return made

    return function.loop("0", "%inner", column, [(u.type, u.constant(0.0))] * (len(x) * registers))


def series_product(assembly: Assembly, width: int, registers: int) -> None:
    """Write `series`: out (steps, rows) = x (steps, inner) times packed panels (rows / wide, inner, wide).

    Rows of x and of the result may lie apart; steps and inner are 1 at least.
    """
    parameters = (
        "ptr noalias %out, i64 %apart, ptr noalias %x, i64 %far, ptr noalias %w, i64 %steps, i64 %inner, i64 %rows"
    )
    function = Procedure(assembly, "series", parameters)
    u = Lanes(function, width)
    wide = width * registers
    store = masked_store(u)
    count = function.value(f"udiv i64 {function.value(f'add i64 %rows, {wide - 1}')}, {wide}")
    full = function.value(f"udiv i64 %steps, {TALL}")
    tall_steps = function.value(f"mul i64 {full}, {TALL}")

    def panel(number: Value, _: list[Value]) -> Sequence[Value]:
        first = function.value(f"mul i64 {number}, {wide}")
        w = function.at("%w", function.value(f"mul i64 {first}, %inner"))
        masks = [rows_left(u, function.value(f"add i64 {first}, {n * width}"), "%rows") for n in range(registers)]

        def rows(step: Value, tall: int) -> None:
            x = [
                function.at("%x", function.value(f"mul i64 {function.value(f'add i64 {step}, {m}')}, %far"))
                for m in range(tall)
            ]

            sums = rows_by_panel(function, u, x, w, registers)
            for m in range(tall):
                place = function.value(f"mul i64 {function.value(f'add i64 {step}, {m}')}, %apart")
                line = function.at("%out", function.value(f"add i64 {place}, {first}"))
                for n in range(registers):
                    store(sums[m * registers + n], function.at(line, n * width), masks[n])

        def tall(turn: Value, _: list[Value]) -> Sequence[Value]:
            rows(function.value(f"mul i64 {turn}, {TALL}"), TALL)
            return ()

        def single(step: Value, _: list[Value]) -> Sequence[Value]:
            rows(step, 1)
            return ()

        function.when(function.value(f"icmp ugt i64 {full}, 0"), lambda: _nothing(function.loop("0", full, tall)))
        left = function.value(f"icmp ult i64 {tall_steps}, %steps")
        function.when(left, lambda: _nothing(function.loop(tall_steps, "%steps", single)))
        return ()

    function.loop("0", count, panel)
    function.end()


def _nothing(_: object) -> None:
    return None


def rows_left(u: Lanes, first: Value, rows: Value) -> Value:
    """Return which units of a register are rows."""
    left = u.function.value(f"sub i64 {rows}, {first}")
    if u.width == 1:
        return u.function.value(f"icmp sgt i64 {left}, 0")
    places = f"<{u.width} x i64>"
    one = u.function.value(f"insertelement {places} poison, i64 {left}, i32 0")
    many = u.function.value(f"shufflevector {places} {one}, {places} poison, <{u.width} x i32> zeroinitializer")
    numbers = ", ".join(f"i64 {n}" for n in range(u.width))
    return u.function.value(f"icmp sgt {places} {many}, <{numbers}>")


def masked_store(u: Lanes) -> Callable[[Value, Value, Value], None]:
    """Return what writes units where they are rows: units, address and mask."""
    name = f"llvm.masked.store.v{u.width}f{u.assembly.bits}.p0"
    align = u.assembly.bits // 8

    def store(a: Value, address: Value, mask: Value) -> None:
        if u.width == 1:
            u.function.when(mask, lambda: u.store(a, address))
            return
        u.assembly.once(name, lambda: f"declare void @{name}({u.type}, ptr, i32, {u.truth})")
        u.function.do(f"call void @{name}({u.type} {a}, ptr {address}, i32 {align}, {u.truth} {mask})")

    return store


def masked_load(u: Lanes) -> Callable[[Value, Value, Value], Value]:
    """Return what reads units where they are rows, if it is wanted, and 0 elsewhere: address, mask and condition."""
    name = f"llvm.masked.load.v{u.width}f{u.assembly.bits}.p0"
    align = u.assembly.bits // 8

    def load(address: Value, mask: Value, wanted: Value) -> Value:
        function = u.function
        asked = function.value(f"select i1 {wanted}, {u.truth} {mask}, {u.truth} {u.none}")
        if u.width == 1:
            place = function.value(f"select i1 {asked}, ptr {address}, ptr %out")
            return u.load(place)
        u.assembly.once(name, lambda: f"declare {u.type} @{name}(ptr, i32, {u.truth}, {u.type})")
        zero = u.constant(0.0)
        return function.value(f"call {u.type} @{name}(ptr {address}, i32 {align}, {u.truth} {asked}, {u.type} {zero})")

    return load
