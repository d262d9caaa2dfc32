"""One step shared by two threads: each takes its half of the rows of every product and of the units of every loop.

The signature is `shared(given, out, scratch, flat, packed, steps, clock, meeting, parts, count, worker)`; both threads
call it, the asking one as worker 0. First they take `count` parts, in any order: what the steps are given, and their
matrices, which are packed. Every number is computed by the operations of `named` in their order, whichever thread it
falls to, so that no bit changes. Where one half reads what the other has written, or writes over what it reads, both
wait for each other first (`halves.meetings`); for an LSTM or a GRU that is once a step.

The asking thread never depends on the other: it begins alone, lets the other in at the beginning of a step once it
knocks, and has it leave where it has waited for long, which is where the system has given its core to somebody else.
What the other has begun it ends before it leaves, and the asking thread takes both halves from there on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Slot, Space
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.forward_step import WHOLE, units_written
from lstm_tui.engine.runtime.fused.halves import Rows, halves_of, meetings, numbers_of, rows_of
from lstm_tui.engine.runtime.fused.meeting import write_meeting
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout, NamedPlaces
from lstm_tui.engine.runtime.fused.products import is_odd, sums_of_panel
from lstm_tui.engine.runtime.fused.schedule import Span, Take, Together

_ARRAYS = (
    "ptr {0}%given, ptr %out, ptr %scratch, ptr noalias %flat, ptr {0}%packed, i64 %steps, i64 %clock, ptr %meeting"
)
SIGNATURE = f"{_ARRAYS.format('')}, ptr %parts, i64 %count, i64 %worker"
_INSIDE = f"{_ARRAYS.format('noalias ')}, i64 %worker, i64 %first"
"""Of the steps alone: what they are given, and the packed matrices, are not written to any more."""


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
    function = Procedure(assembly, "shared", SIGNATURE)
    function.do("call void @takes_parts(ptr %meeting, ptr %parts, i64 %count, i64 %worker)")
    first = function.value("call i64 @begins(ptr %meeting, i64 %worker)")
    given = ", ".join(each.replace("noalias ", "") for each in _INSIDE.split(", ")[:-1])
    function.when(
        function.value(f"icmp sge i64 {first}, 0"), lambda: function.do(f"call void @both({given}, i64 {first})")
    )
    function.end()


class _Shared:
    """Writes the function `both`: the steps from `first` on, of which a worker takes its half."""

    def __init__(self, assembly: Assembly, made: list[Together], layout: NamedLayout, vector: int) -> None:
        self._made, self._layout, self._vector = made, layout, vector
        function = self._function = Procedure(assembly, "both", _INSIDE, inside=True)
        self._before = meetings(made, layout, vector)
        self._is_other = function.value("icmp eq i64 %worker, 1")
        self._is_asking = function.value("icmp eq i64 %worker, 0")
        self._alone = function.value("alloca i64")  # whether the asking thread is alone, and takes both halves
        function.do(f"store i64 {function.value(f'zext i1 {self._is_asking} to i64')}, ptr {self._alone}")

    def write(self) -> None:
        """Write it."""
        function = self._function
        function.loop("%first", "%steps", self._step)
        last = function.value(f"mul i64 %steps, {len(self._before)}")
        last = function.value(f"add i64 {last}, 1")
        function.do(f"call void @ends(ptr %meeting, i64 %worker, i64 {last}, ptr {self._alone})")
        function.end()

    def _step(self, number: Value, _: list[Value]) -> Sequence[Value]:
        function, layout = self._function, self._layout
        letting = f"call void @lets_in(ptr %meeting, i64 {number}, ptr {self._alone})"
        function.when(self._is_asking, lambda: function.do(letting))
        row = function.at("%out", function.value(f"mul i64 {number}, {layout.values.width}"))
        given = function.at("%given", function.value(f"mul i64 {number}, {layout.given.width}"))
        out = function.at(row, layout.values.width)
        places = NamedPlaces(function, layout, given, out, row, "%scratch")
        counted = function.value(f"mul i64 {number}, {len(self._before)}")
        packed = 0
        for n, together in enumerate(self._made):
            self._meet(n, counted)
            take = together.takes[0]
            if together.elementwise:
                self._units(places, together, number)
            elif take.code == Code.MATVEC:
                rows, odd = rows_of(self._made, n, self._vector), is_odd(function, number)
                for group in rows:
                    self._panels(places, take, group, packed, odd)
                packed += numbers_of(rows, take.inner)
            else:
                self._whole(places, take)
        for n, slot in enumerate(layout.copies, len(self._made)):
            self._meet(n, counted)
            self._copy(places, slot, out)
        return ()

    def _meet(self, n: int, counted: Value) -> None:
        """Write that both come before a loop, if they have to; the other may leave there."""
        if n in self._before:
            function = self._function
            number = function.value(f"add i64 {counted}, {self._before.index(n) + 1}")
            left = function.value(f"call i64 @meets(ptr %meeting, i64 %worker, i64 {number}, ptr {self._alone})")
            function.leave_when(function.value(f"icmp ne i64 {left}, 0"))

    def _over(self, mine: int, count: int, body: Callable[[Value], None], odd: Value | None = None) -> None:
        """Write what a worker does of some parts: worker 0 has the first `mine`, or all of them where it is alone.

        Args:
            mine: Parts of worker 0.
            count: All parts.
            body: Writes one.
            odd: A truth, where it is given: whether to go through them from the other end.
        """
        function = self._function
        start = function.value(f"select i1 {self._is_other}, i64 {mine}, i64 0")
        alone = function.value(f"icmp ne i64 {function.value(f'load i64, ptr {self._alone}')}, 0")
        to_end = function.value(f"or i1 {self._is_other}, {alone}")
        stop = function.value(f"select i1 {to_end}, i64 {count}, i64 {mine}")

        def turn(number: Value, _: list[Value]) -> Sequence[Value]:
            if odd is not None:
                last = function.value(f"add i64 {start}, {function.value(f'sub i64 {stop}, 1')}")
                number = function.value(
                    f"select i1 {odd}, i64 {function.value(f'sub i64 {last}, {number}')}, i64 {number}"
                )
            body(number)
            return ()

        def loop() -> None:
            function.loop(start, stop, turn)

        function.when(function.value(f"icmp slt i64 {start}, {stop}"), loop)

    def _over_units(self, size: int, body: Callable[[Value], None]) -> None:
        """Write what is done for a worker's units; the last vector is moved back, but not into the other half."""
        function = self._function
        cut, lanes = halves_of(size, self._vector)

        def some(turn: Value) -> None:
            unit = function.value(f"mul i64 {turn}, {lanes}")
            if size % lanes:
                beyond = function.value(f"icmp sgt i64 {unit}, {size - lanes}")
                unit = function.value(f"select i1 {beyond}, i64 {size - lanes}, i64 {unit}")
            body(unit)

        self._over(-(-cut // lanes), -(-size // lanes), some)

    def _units(self, places: NamedPlaces, together: Together, number: Value) -> None:
        """Write ops of one unit."""
        _, lanes = halves_of(together.size, self._vector)
        body = units_written(self._function, [places], together, lanes, number, self._layout.keeps)
        self._over_units(together.size, lambda unit: body([(0, unit)]))

    def _whole(self, places: NamedPlaces, take: Take) -> None:
        """Write an op over all units, which the asking thread takes."""
        write = WHOLE[take.code]
        self._function.when(self._is_asking, lambda: write(self._function, places, take, self._vector))

    def _copy(self, places: NamedPlaces, slot: Slot, out: Value) -> None:
        """Write that a named value is put into `out`."""
        function, span = self._function, Span(Space.CURRENT, *slot)
        into = function.at(out, self._layout.values.find(slot.offset) or 0)
        u = Lanes(function, halves_of(slot.size, self._vector)[1])
        self._over_units(slot.size, lambda unit: u.store(u.load(places.address(span, unit)), function.at(into, unit)))

    def _panels(self, places: NamedPlaces, take: Take, group: Rows, packed: int, odd: Value) -> None:
        """Write the product of panels of one pattern."""
        function, inner = self._function, take.inner
        v, y = places.address(take.reads[0]), places.address(take.target)
        u, wide = Lanes(function, group.lanes), len(group.pattern) * group.lanes
        begin = packed + group.packed * inner
        table = ", ".join(f"i64 {start}" for start in group.starts)
        starts = function.assembly.once(
            f"starts{begin}", lambda: f"@starts{begin} = internal constant [{len(group.starts)} x i64] [{table}]"
        )

        def panel(number: Value) -> None:
            place = function.value(f"mul i64 {number}, {wide * inner}")
            line = function.at(function.at("%packed", begin), place)
            sums = sums_of_panel(u, inner, v, line, range(0, wide, group.lanes), wide)
            start = function.value(f"load i64, ptr {function.value(f'getelementptr i64, ptr @{starts}, i64 {number}')}")
            target = function.at(y, start)
            for one, row in zip(sums, group.pattern, strict=True):
                u.store(one, function.at(target, row))

        self._over(group.mine, len(group.starts), panel, odd)
