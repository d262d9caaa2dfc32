"""One step of a program over many sequences at once, forwards and backwards, as functions of LLVM.

The sequences lie as `batch_layout` says; `%first` tells at which row each of them begins, and only the `%count` longest
are taken. A product is one for all of them, everything else goes from one sequence to the next. The bits of a sequence
are those it has alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Space
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.backward_step import WHOLE_BACK, Loop
from lstm_tui.engine.runtime.fused.batch_layout import BackLayout
from lstm_tui.engine.runtime.fused.batch_product import Vectors, batch_product, call_product
from lstm_tui.engine.runtime.fused.forward_step import WHOLE, by_units, write_elementwise
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout
from lstm_tui.engine.runtime.fused.products import lanes_for, series_panels, series_rows
from lstm_tui.engine.runtime.fused.schedule import Span, Take, Together

BATCH_SIGNATURE = (
    "ptr noalias %given, ptr %out, ptr noalias %scratch, ptr noalias %flat, ptr noalias %packed, ptr noalias %first"
    ", ptr noalias %own, i64 %count, i64 %start, i64 %stop, i64 %clock"
)
BATCH_BACK_SIGNATURE = (
    "ptr noalias %given, ptr noalias %values, ptr %out, ptr %carried, ptr %scratch, ptr noalias %flat"
    ", ptr noalias %packed, ptr noalias %gradient, ptr noalias %first, ptr noalias %own, i64 %count, i64 %start"
    ", i64 %stop"
)
_FIRST, _OWN = "%first", "%own"


def series_numbers(rows: int, inner: int, vector: int) -> int:
    """Return how many numbers a matrix has that is packed for many sequences."""
    return series_rows(rows, vector) * inner


@dataclass(frozen=True)
class Area:
    """Rows of some sequences.

    Attributes:
        base: Where the row of number 0 lies.
        rows: Where the number of the row of each sequence lies.
        width: Numbers of a row.
    """

    base: Value
    rows: Value
    width: int

    def of(self, function: Procedure, sequence: Value) -> Value:
        """Return where the row of a sequence lies."""
        place = function.value(f"getelementptr i64, ptr {self.rows}, i64 {sequence}")
        row = function.value(f"load i64, ptr {place}, align 8")
        return function.at(self.base, function.value(f"mul i64 {row}, {self.width}"))

    def vectors(self, function: Procedure, offset: int) -> Vectors:
        """Return the numbers of every sequence from an offset on."""
        return Vectors(function.at(self.base, offset), self.rows, self.width)


def _area(function: Procedure, base: Value, width: int, step: Value, ahead: int = 0, rows: Value = _FIRST) -> Area:
    """Return the rows of a step."""
    row = function.value(f"add i64 {step}, {ahead}")
    return Area(function.at(base, function.value(f"mul i64 {row}, {width}")), rows, width)


class _Values:
    """Where the numbers of a step of all sequences lie."""

    def __init__(self, layout: NamedLayout, given: Area, out: Area, before: Area, own: Area | None) -> None:
        self.layout = layout
        self.given, self.out, self.before, self.own = given, out, before, own

    def find(self, span: Span) -> tuple[Area, int]:
        """Return where a vector of each sequence lies."""
        layout = self.layout
        if span.space == Space.PREVIOUS:
            place = layout.values.find(span.offset)
            assert place is not None, "a step reads values alone of the step before"
            return self.before, place
        place = layout.given.find(span.offset)
        if place is not None:
            return self.given, place
        if self.own is None:  # everything a way back reads was kept
            place = layout.values.find(span.offset)
            assert place is not None, "a way back reads what was kept alone"
            return self.out, place
        place = layout.value_at(span.offset)
        return (self.own, span.offset) if place is None else (self.out, place)


class _Sinks:
    """Where what is passed back of a step of all sequences lies."""

    def __init__(self, layout: BackLayout, out: Area, carried: Area, before: Area, own: Area) -> None:
        self.layout = layout
        self.out, self.carried, self.before, self.own = out, carried, before, own

    def find(self, span: Span) -> tuple[Area, int]:
        """Return where what is passed back to a vector of each sequence lies."""
        layout = self.layout
        place = layout.carried.find(span.offset)
        if span.space == Space.PREVIOUS:
            assert place is not None, "a step reads values alone of the step before"
            return self.before, place
        if place is not None:
            return self.carried, place
        place = layout.out.find(span.offset)
        return (self.own, span.offset) if place is None else (self.out, place)


class _One:
    """Where the numbers of one of the sequences lie: `Where` and `Sinks`."""

    def __init__(self, function: Procedure, places: _Values | _Sinks, sequence: Value, flat: Value) -> None:
        self.function, self._places, self._flat, self._sequence = function, places, flat, sequence
        self._rows: dict[Area, Value] = {}

    def begin(self, *areas: Area) -> None:
        """Find the rows, before any loop over units."""
        for area in areas:
            self._rows[area] = area.of(self.function, self._sequence)

    def row(self, area: Area) -> Value:
        """Return where the row of the sequence lies."""
        return self._rows[area]

    def address(self, span: Span, unit: Value | int = 0) -> Value:
        """Return where a unit of an operand or a result lies."""
        if span.space == Space.PARAMETER:
            return self.function.at(self.function.at(self._flat, span.offset), unit)
        area, place = self._places.find(span)
        return self.function.at(self.function.at(self._rows[area], place), unit)

    def in_memory(self, take: Take) -> bool:
        """See `backward_step.Sinks`."""
        assert isinstance(self._places, _Sinks)
        return self._places.layout.in_memory(take)

    def puts(self, span: Span) -> bool:
        """See `backward_step.Sinks`."""
        assert isinstance(self._places, _Sinks)
        return span.space == Space.CURRENT and self._places.layout.puts(span)

    def clears(self, take: Take) -> bool:
        """See `backward_step.Sinks`."""
        assert isinstance(self._places, _Sinks)
        return self._places.find(take.target)[0] is self._places.own


def write_batch(assembly: Assembly, made: list[Together], layout: NamedLayout, width: int, vector: int) -> None:
    """Write the function `batch`: the steps start … stop - 1 of the first sequences.

    Args:
        assembly: Where it goes.
        made: What is taken together, in order.
        layout: Where everything lies.
        width: Numbers of a row of scratch, of which each sequence has one.
        vector: Units that a vector of the host holds.
    """
    products = _products(assembly, made, vector, turned=False)
    function = Procedure(assembly, "batch", BATCH_SIGNATURE)

    def keeps(take: Take) -> bool:
        return take.offset in layout.kept or layout.value_at(take.offset) is not None

    def step(number: Value, _: list[Value]) -> Sequence[Value]:
        given = _area(function, "%given", layout.given.width, number, 1)
        out = _area(function, "%out", layout.values.width, number, 1)
        before = _area(function, "%out", layout.values.width, number)
        own = Area("%scratch", _OWN, width)
        values = _Values(layout, given, out, before, own)

        def each(body: Callable[[_One], None]) -> None:
            def one(sequence: Value, _: list[Value]) -> Sequence[Value]:
                places = _One(function, values, sequence, "%flat")
                places.begin(given, out, before, own)
                body(places)
                return ()

            function.loop("0", "%count", one)

        for n, together in enumerate(made):
            take = together.takes[0]
            if n in products:
                name, place = products[n]
                (x, from_), (y, to) = values.find(take.reads[0]), values.find(take.target)
                v, sums = x.vectors(function, from_), y.vectors(function, to)
                factor = function.at("%packed", place), take.inner, take.size
                call_product(function, name, sums, v, factor, adds=False)
            else:
                each(partial(_compute, function, together, vector, number, keeps))
        if layout.copies:
            each(partial(_copy, function, layout, vector, out))
        return ()

    function.loop("%start", "%stop", step)
    function.end()


def _compute(
    function: Procedure,
    together: Together,
    vector: int,
    number: Value,
    keeps: Callable[[Take], bool],
    places: _One,
) -> None:
    """Write what is no product, of one sequence."""
    if together.elementwise:
        write_elementwise(function, places, together, vector, number, keeps)
    else:
        (take,) = together.takes
        WHOLE[take.code](function, places, take, vector)


def _copy(function: Procedure, layout: NamedLayout, vector: int, out: Area, places: _One) -> None:
    """Write what puts values beside the others that were computed elsewhere, of one sequence."""
    row = places.row(out)
    for slot in layout.copies:
        span, place = Span(Space.CURRENT, *slot), layout.values.find(slot.offset)
        u = Lanes(function, lanes_for(slot.size, vector))

        def copy(unit: Value, span: Span = span, u: Lanes = u, place: int | None = place) -> None:
            u.store(u.load(places.address(span, unit)), function.at(function.at(row, place or 0), unit))

        by_units(function, slot.size, u.width, copy)


def _products(assembly: Assembly, made: list[Together], vector: int, turned: bool) -> dict[int, tuple[str, int]]:
    """Write the products that are needed; return the function of each and where its matrix is packed."""
    found: dict[int, tuple[str, int]] = {}
    place = 0
    for n, together in enumerate(made):
        take = together.takes[0]
        if take.code == Code.MATVEC:
            rows, inner = (take.inner, take.size) if turned else (take.size, take.inner)
            found[n] = batch_product(assembly, vector, series_panels(rows, vector)), place
            place += series_numbers(rows, inner, vector)
    return found


def write_batch_back(assembly: Assembly, made: list[Together], layout: BackLayout, width: int, vector: int) -> None:
    """Write the function `batch_back`: the steps stop - 1 … start of the first sequences, backwards.

    The arguments are those of `write_batch`.
    """
    products = _products(assembly, made, vector, turned=True)
    function = Procedure(assembly, "batch_back", BATCH_BACK_SIGNATURE)

    def step(number: Value) -> None:
        kept = layout.values
        given = _area(function, "%given", kept.given.width, number, 1)
        computed = _area(function, "%values", kept.values.width, number, 1)
        computed_before = _area(function, "%values", kept.values.width, number)
        values = _Values(kept, given, computed, computed_before, None)
        out = _area(function, "%out", layout.out.width, number, 1)
        carried = _area(function, "%carried", layout.carried.width, number, 1)
        before = _area(function, "%carried", layout.carried.width, number)
        own = Area("%scratch", _OWN, width)
        sinks = _Sinks(layout, out, carried, before, own)

        def each(body: Callable[[_One, _One], None]) -> None:
            def one(sequence: Value, _: list[Value]) -> Sequence[Value]:
                reads = _One(function, values, sequence, "%flat")
                reads.begin(given, computed, computed_before)
                passes = _One(function, sinks, sequence, "%gradient")
                passes.begin(out, carried, before, own)
                body(reads, passes)
                return ()

            function.loop("0", "%count", one)

        if not layout.whole and layout.out.width:
            each(lambda _, passes: _zero(function, passes.row(out), layout.out.width, vector))
        for n, together in reversed(list(enumerate(made))):
            take = together.takes[0]
            if n in products:
                name, place = products[n]
                (d, from_), (sink, to) = sinks.find(take.target), sinks.find(take.reads[0])
                v, sums = d.vectors(function, from_), sink.vectors(function, to)
                factor = function.at("%packed", place), take.size, take.inner
                call_product(function, name, sums, v, factor, adds=True)
            else:
                each(partial(_pass_back, function, together, vector))

    function.backwards("%start", "%stop", step)
    function.end()


def _pass_back(function: Procedure, together: Together, vector: int, reads: _One, passes: _One) -> None:
    """Write what is no product backwards, of one sequence."""
    if together.elementwise:
        Loop(reads, passes, together.size, vector).pass_back(together.takes)
        return
    (take,) = together.takes
    WHOLE_BACK[take.code](reads, passes, take, vector)
    if passes.clears(take):
        _zero(function, passes.address(take.target), take.size, vector)


def _zero(function: Procedure, row: Value, size: int, vector: int) -> None:
    """Write what makes some numbers 0."""
    u = Lanes(function, lanes_for(size, vector))
    by_units(function, size, u.width, lambda unit: u.store(u.constant(0.0), function.at(row, unit)))
