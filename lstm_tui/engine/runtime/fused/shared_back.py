"""One step back of one sequence, shared by two threads: the numbers of `batch_step` of a sequence alone, bit for bit.

The signature is `shared_back(values, flat, packed, out, carried, scratch, gradient, steps, meeting, parts, count,
worker)`; see `shared_step.py` for how the two work together, and `batch_layout.py` for where everything lies. What the
steps were given is not read, and what of `out` no loop puts there is 0 before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Space
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.backward_step import WHOLE_BACK, Loop, Sinks
from lstm_tui.engine.runtime.fused.batch_layout import BackLayout
from lstm_tui.engine.runtime.fused.forward_step import Where, by_units
from lstm_tui.engine.runtime.fused.halves import (
    Part,
    Reach,
    Rows,
    halves_of,
    meetings_of,
    numbers_of,
    panels_in_halves,
)
from lstm_tui.engine.runtime.fused.meeting import write_meeting
from lstm_tui.engine.runtime.fused.products import is_odd, lanes_for
from lstm_tui.engine.runtime.fused.schedule import Span, Take, Together
from lstm_tui.engine.runtime.fused.two_workers import INSIDE, TwoWorkers, write_entry

_READ = "ptr noalias %values, ptr noalias %flat, ptr {0}%packed"
_ARRAYS = f"{_READ}, ptr %out, ptr %carried, ptr %scratch, ptr noalias %gradient"
"""`{0}`: of the steps alone, the packed matrices are not written to any more."""


def turned_panels(take: Take, vector: int) -> list[Rows]:
    """Return the panels of a matrix that is turned, a row where a column was, cut in halves."""
    return panels_in_halves(take.inner, take.inner, vector)


def is_cut(together: Together) -> bool:
    """Say whether a loop is taken by both, each half of its units: not where one number stands for all of them."""
    return together.elementwise and all(read.size == together.size for take in together.takes for read in take.reads)


def back_meetings(made: list[Together], layout: BackLayout, vector: int) -> list[int]:
    """Return before which loops of a step back, the last of the page first, both have to have come there."""
    return meetings_of(list(_parts(made, layout, vector)))


def _parts(made: list[Together], layout: BackLayout, vector: int) -> Iterator[Part]:
    """Yield what each worker reads and writes in each loop of a step back."""
    for together in reversed(made):
        take, both = together.takes[0], []
        for worker in range(2):
            reads: Reach = set()
            writes: Reach = set()
            if is_cut(together):
                cut, _ = halves_of(together.size, vector)
                for one in together.takes:
                    for span in (one.target, *one.reads):
                        writes |= _reach(layout, span, *((0, cut), (cut, span.size))[worker])
            elif take.code == Code.MATVEC:
                sink = take.reads[0]
                cut, _ = halves_of(sink.size, vector)
                first, stop = ((0, cut), (cut, sink.size))[worker]
                if stop > first:
                    reads |= _reach(layout, take.target, 0, take.size)
                    writes |= _reach(layout, sink, first, stop)
            elif worker == 0:
                for one in together.takes:
                    for span in (one.target, *one.reads):
                        writes |= _reach(layout, span, 0, span.size)
            both.append((reads | writes, writes))
        yield both


def _reach(layout: BackLayout, span: Span, first: int, stop: int) -> Reach:
    """Return where what is passed back to some numbers of a span lies."""
    count, carried = stop - first, layout.carried.find(span.offset)
    if count <= 0:
        return set()
    if span.space == Space.PARAMETER:
        return {("gradient", 0, span.offset + first, count)}
    if span.space == Space.PREVIOUS or carried is not None:
        assert carried is not None, "a step reads values alone of the step before"
        return {("carried", int(span.space == Space.PREVIOUS), carried + first, count)}
    out = layout.out.find(span.offset)
    return {("scratch", 0, span.offset + first, count) if out is None else ("out", 0, out + first, count)}


def write_shared_back(assembly: Assembly, made: list[Together], layout: BackLayout, vector: int) -> None:
    """Write the function `shared_back`.

    Args:
        assembly: Where it goes.
        made: What is taken together, in the order forwards.
        layout: Where everything lies; the way back reads nothing of what the steps were given.
        vector: Units that a vector of the host holds.
    """
    write_meeting(
        assembly, sum(take.inner * take.size for one in made for take in one.takes if take.code == Code.MATVEC)
    )
    _SharedBack(assembly, made, layout, vector).write()
    write_entry(assembly, "shared_back", _ARRAYS.format(""), "both_back")


@dataclass(frozen=True)
class _Kept:
    """Where what the step forwards kept lies: `Where`."""

    function: Procedure
    layout: BackLayout
    row: Value
    before: Value

    def address(self, span: Span, unit: Value | int = 0) -> Value:
        """Return where a unit of an operand or a result lies."""
        function = self.function
        if span.space == Space.PARAMETER:
            return function.at(function.at("%flat", span.offset), unit)
        place = self.layout.values.values.find(span.offset)
        assert place is not None, "a way back reads what was kept alone"
        return function.at(function.at(self.before if span.space == Space.PREVIOUS else self.row, place), unit)


@dataclass(frozen=True)
class _Passed:
    """Where what is passed back lies: `Sinks`."""

    function: Procedure
    layout: BackLayout
    out: Value
    carried: Value
    before: Value

    def address(self, span: Span, unit: Value | int = 0) -> Value:
        """Return where what is passed back to a unit of an operand or a result lies."""
        function = self.function
        base, place = self._find(span)
        return function.at(function.at(base, place), unit)

    def _find(self, span: Span) -> tuple[Value, int]:
        if span.space == Space.PARAMETER:
            return "%gradient", span.offset
        carried = self.layout.carried.find(span.offset)
        if carried is not None:
            return self.before if span.space == Space.PREVIOUS else self.carried, carried
        out = self.layout.out.find(span.offset)
        return ("%scratch", span.offset) if out is None else (self.out, out)

    def in_memory(self, take: Take) -> bool:
        """See `backward_step.Sinks`."""
        return self.layout.in_memory(take)

    def puts(self, span: Span) -> bool:
        """See `backward_step.Sinks`."""
        return span.space == Space.CURRENT and self.layout.puts(span)

    def clears(self, take: Take) -> bool:
        """See `backward_step.Sinks`."""
        return self._find(take.target)[0] == "%scratch"


class _HalfLoop(Loop):
    """A loop over the units of a worker."""

    def __init__(self, values: Where, sinks: Sinks, size: int, vector: int, workers: TwoWorkers) -> None:
        super().__init__(values, sinks, size, vector)
        self._workers = workers

    def over(self, sums: int, body: Callable[[Value, list[Value]], Sequence[Value]]) -> list[Value]:
        """Write the loop; it carries no sums, as they would be of both halves."""
        assert not sums

        def some(unit: Value, regular: Value) -> None:
            with self.moved_back(unit, regular):
                body(unit, [])

        self._workers.over_units(self.size, some)
        return []


class _SharedBack:
    """Writes the function `both_back`: the turns from `first` on, from the last step on, a worker's half of each."""

    def __init__(self, assembly: Assembly, made: list[Together], layout: BackLayout, vector: int) -> None:
        self._made, self._layout, self._vector = made, layout, vector
        signature = f"{_ARRAYS.format('noalias ')}, {INSIDE}"
        self._function = Procedure(assembly, "both_back", signature, inside=True)
        self._workers = TwoWorkers(self._function, back_meetings(made, layout, vector), vector)
        self._panels, place = {}, 0
        for n, one in enumerate(made):
            if one.takes[0].code == Code.MATVEC:
                self._panels[n] = place
                place += numbers_of(turned_panels(one.takes[0], vector), one.takes[0].size)

    def write(self) -> None:
        """Write it."""
        self._workers.write(self._turn)

    def _turn(self, turn: Value) -> None:
        function, layout, workers, vector = self._function, self._layout, self._workers, self._vector
        step = function.value(f"sub i64 {function.value(f'sub i64 %steps, {turn}')}, 1")

        def rows(base: Value, width: int) -> tuple[Value, Value]:
            before = function.at(base, function.value(f"mul i64 {step}, {width}"))
            return before, function.at(before, width)

        computed_before, computed = rows("%values", layout.values.values.width)
        before, carried = rows("%carried", layout.carried.width)
        values = _Kept(function, layout, computed, computed_before)
        sinks = _Passed(function, layout, rows("%out", layout.out.width)[1], carried, before)
        for n, (place, together) in enumerate(reversed(list(enumerate(self._made)))):
            workers.meet(n, turn)
            take = together.takes[0]
            if is_cut(together):
                _HalfLoop(values, sinks, together.size, vector, workers).pass_back(together.takes)
            elif take.code == Code.MATVEC:
                d, sink = sinks.address(take.target), sinks.address(take.reads[0])
                odd = is_odd(function, turn)
                for group in turned_panels(take, vector):
                    workers.panels(group, take.size, d, sink, self._panels[place], odd, adds=True)
            else:
                workers.asking(partial(self._whole, values, sinks, together))

    def _whole(self, values: Where, sinks: _Passed, together: Together) -> None:
        """Write what the asking thread takes."""
        take, vector = together.takes[0], self._vector
        if together.elementwise:
            Loop(values, sinks, together.size, vector).pass_back(together.takes)
            return
        WHOLE_BACK[take.code](values, sinks, take, vector)
        if sinks.clears(take):
            u, row = Lanes(self._function, lanes_for(take.size, vector)), sinks.address(take.target)
            by_units(
                self._function, take.size, u.width, lambda unit: u.store(u.constant(0.0), self._function.at(row, unit))
            )
