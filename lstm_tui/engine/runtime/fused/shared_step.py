"""One step shared by two threads: each takes its half of the rows of every product and of the units of every loop.

The signature is `shared(given, out, scratch, flat, packed, clock, steps, meeting, parts, count, worker)`; both threads
call it, the asking one as worker 0. First they take `count` parts, in any order: what the steps are given, and their
matrices, which are packed. Every number is computed by the operations of `named` in their order, whichever thread it
falls to, so that no bit changes. Where one half reads what the other has written, or writes over what it reads, both
wait for each other first (`halves.meetings`); for an LSTM or a GRU that is once a step.

The asking thread never depends on the other: it begins alone, lets the other in at the beginning of a step once it
knocks, and has it leave where it has waited for long, which is where the system has given its core to somebody else.
What the other has begun it ends before it leaves, and the asking thread takes both halves from there on.
"""

from __future__ import annotations

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Slot, Space
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.forward_step import WHOLE, units_written
from lstm_tui.engine.runtime.fused.halves import halves_of, meetings, numbers_of, rows_of
from lstm_tui.engine.runtime.fused.meeting import write_meeting
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout, NamedPlaces
from lstm_tui.engine.runtime.fused.products import is_odd
from lstm_tui.engine.runtime.fused.schedule import Span, Take, Together
from lstm_tui.engine.runtime.fused.two_workers import INSIDE, TwoWorkers, write_entry

_ARRAYS = "ptr {0}%given, ptr %out, ptr %scratch, ptr noalias %flat, ptr {0}%packed, i64 %clock"
"""`{0}`: of the steps alone, what they are given and the packed matrices are not written to any more."""


def write_shared(assembly: Assembly, made: list[Together], layout: NamedLayout, vector: int) -> None:
    """Write the function `shared`.

    Args:
        assembly: Where it goes.
        made: What is taken together, in order.
        layout: Where it lies.
        vector: Units that a vector of the host holds.
    """
    write_meeting(
        assembly, sum(take.inner * take.size for one in made for take in one.takes if take.code == Code.MATVEC)
    )
    _Shared(assembly, made, layout, vector).write()
    write_entry(assembly, "shared", _ARRAYS.format(""), "both")


class _Shared:
    """Writes the function `both`: the steps from `first` on, of which a worker takes its half."""

    def __init__(self, assembly: Assembly, made: list[Together], layout: NamedLayout, vector: int) -> None:
        self._made, self._layout, self._vector = made, layout, vector
        self._function = Procedure(assembly, "both", f"{_ARRAYS.format('noalias ')}, {INSIDE}", inside=True)
        self._workers = TwoWorkers(self._function, meetings(made, layout, vector), vector)

    def write(self) -> None:
        """Write it."""
        self._workers.write(self._step)

    def _step(self, number: Value) -> None:
        function, layout, workers = self._function, self._layout, self._workers
        row = function.at("%out", function.value(f"mul i64 {number}, {layout.values.width}"))
        given = function.at("%given", function.value(f"mul i64 {number}, {layout.given.width}"))
        out = function.at(row, layout.values.width)
        places = NamedPlaces(function, layout, given, out, row, "%scratch")
        packed = 0
        for n, together in enumerate(self._made):
            workers.meet(n, number)
            take = together.takes[0]
            if together.elementwise:
                self._units(places, together, number)
            elif take.code == Code.MATVEC:
                rows, odd = rows_of(self._made, n, self._vector), is_odd(function, number)
                v, y = places.address(take.reads[0]), places.address(take.target)
                for group in rows:
                    workers.panels(group, take.inner, v, y, packed, odd)
                packed += numbers_of(rows, take.inner)
            else:
                self._whole(places, take)
        for n, slot in enumerate(layout.copies, len(self._made)):
            workers.meet(n, number)
            self._copy(places, slot, out)

    def _units(self, places: NamedPlaces, together: Together, number: Value) -> None:
        """Write ops of one unit."""
        _, lanes = halves_of(together.size, self._vector)
        body = units_written(self._function, [places], together, lanes, number, self._layout.keeps)
        self._workers.over_units(together.size, lambda unit, _: body([(0, unit)]))

    def _whole(self, places: NamedPlaces, take: Take) -> None:
        """Write an op over all units, which the asking thread takes."""
        write = WHOLE[take.code]
        self._workers.asking(lambda: write(self._function, places, take, self._vector))

    def _copy(self, places: NamedPlaces, slot: Slot, out: Value) -> None:
        """Write that a named value is put into `out`."""
        function, span = self._function, Span(Space.CURRENT, *slot)
        into = function.at(out, self._layout.values.find(slot.offset) or 0)
        u = Lanes(function, halves_of(slot.size, self._vector)[1])
        self._workers.over_units(
            slot.size, lambda unit, _: u.store(u.load(places.address(span, unit)), function.at(into, unit))
        )
