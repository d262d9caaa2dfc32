"""What two threads do of the steps that they share, as it is written into one function: halves, and where they meet.

Both call the function, the asking thread as worker 0. It takes both halves where it is alone: see `shared_step.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.halves import Rows, halves_of
from lstm_tui.engine.runtime.fused.products import sums_of_panel

INSIDE = "i64 %steps, ptr %meeting, i64 %worker, i64 %first"
"""What the function takes beside its arrays: how many steps there are, and from which on the other takes part."""


def write_entry(assembly: Assembly, name: str, arrays: str, inside: str) -> None:
    """Write the function that both call, with `parts`, which they take first, and how many they are.

    Args:
        assembly: Where it goes.
        name: Its name.
        arrays: The parameters before `%steps`.
        inside: Name of the function of the steps, which takes the same arrays and `INSIDE`.
    """
    function = Procedure(assembly, name, f"{arrays}, i64 %steps, ptr %meeting, ptr %parts, i64 %count, i64 %worker")
    function.do("call void @takes_parts(ptr %meeting, ptr %parts, i64 %count, i64 %worker)")
    first = function.value("call i64 @begins(ptr %meeting, i64 %worker)")
    given = f"{arrays}, i64 %steps, ptr %meeting, i64 %worker".replace("noalias ", "")
    function.when(
        function.value(f"icmp sge i64 {first}, 0"), lambda: function.do(f"call void @{inside}({given}, i64 {first})")
    )
    function.end()


class TwoWorkers:
    """Writes what a worker does of each step."""

    def __init__(self, function: Procedure, before: list[int], vector: int) -> None:
        """Begin with a function that takes `INSIDE`.

        Args:
            function: What is being written.
            before: Loops of a step before which both have to have come there.
            vector: Units that a vector of the host holds.
        """
        self._function, self._before, self._vector = function, before, vector
        self._is_other = function.value("icmp eq i64 %worker, 1")
        self._is_asking = function.value("icmp eq i64 %worker, 0")
        self._alone = function.value("alloca i64")  # whether the asking thread is alone, and takes both halves
        function.do(f"store i64 {function.value(f'zext i1 {self._is_asking} to i64')}, ptr {self._alone}")

    def write(self, step: Callable[[Value], None]) -> None:
        """Write the loop over all steps, and the end; `step` is given the number of the step that comes next."""
        function = self._function

        def turn(number: Value, _: list[Value]) -> Sequence[Value]:
            letting = f"call void @lets_in(ptr %meeting, i64 {number}, ptr {self._alone})"
            function.when(self._is_asking, lambda: function.do(letting))
            step(number)
            return ()

        function.loop("%first", "%steps", turn)
        last = function.value(f"mul i64 %steps, {len(self._before)}")
        last = function.value(f"add i64 {last}, 1")
        function.do(f"call void @ends(ptr %meeting, i64 %worker, i64 {last}, ptr {self._alone})")
        function.end()

    def meet(self, n: int, number: Value) -> None:
        """Write that both come before loop `n` of a step, if they have to; the other may leave there."""
        if n in self._before:
            function = self._function
            counted = function.value(f"mul i64 {number}, {len(self._before)}")
            counted = function.value(f"add i64 {counted}, {self._before.index(n) + 1}")
            left = function.value(f"call i64 @meets(ptr %meeting, i64 %worker, i64 {counted}, ptr {self._alone})")
            function.leave_when(function.value(f"icmp ne i64 {left}, 0"))

    def asking(self, body: Callable[[], None]) -> None:
        """Write what the asking thread takes as a whole."""
        self._function.when(self._is_asking, body)

    def over(self, mine: int, count: int, body: Callable[[Value], None], odd: Value | None = None) -> None:
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

    def over_units(self, size: int, body: Callable[[Value, Value], None]) -> None:
        """Write what is done for a worker's units; the last vector is moved back, but not into the other half.

        Args:
            size: Units.
            body: Given the first unit of a vector, and what it were if the vector was not moved back.
        """
        function = self._function
        cut, lanes = halves_of(size, self._vector)

        def some(turn: Value) -> None:
            regular = unit = function.value(f"mul i64 {turn}, {lanes}")
            if size % lanes:
                beyond = function.value(f"icmp sgt i64 {unit}, {size - lanes}")
                unit = function.value(f"select i1 {beyond}, i64 {size - lanes}, i64 {unit}")
            body(unit, regular)

        self.over(-(-cut // lanes), -(-size // lanes), some)

    def panels(self, group: Rows, inner: int, v: Value, y: Value, packed: int, odd: Value, adds: bool = False) -> None:
        """Write the product of panels of one pattern.

        Args:
            group: The panels.
            inner: Columns of the matrix.
            v: Where the vector lies.
            y: Where the result goes.
            packed: Where in `%packed` the matrix begins.
            odd: A truth: whether to go through them from the other end.
            adds: Whether it is added to what is there; of rows that are taken twice, once.
        """
        function = self._function
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
            target, reached = function.at(y, start), 0
            for one, row in zip(sums, group.pattern, strict=True):
                there = function.at(target, row)
                if adds:
                    if row < reached:
                        one = u.select(u.from_lane(str(reached - row)), one, u.constant(0.0))
                    one = u.add(u.load(there), one)
                reached = row + group.lanes
                u.store(one, there)

        self.over(group.mine, len(group.starts), panel, odd)
