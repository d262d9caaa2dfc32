"""One step shared by two threads: each takes its half of the rows of every product and of the units of every loop.

The signature is `shared(given, out, scratch, flat, packed, steps, clock, meeting, worker)`; both threads call it, the
asking one as worker 0. Every number is computed by the operations of `named` in their order, whichever thread it falls
to, so that no bit changes. Where one half reads what the other has written, or writes over what it reads, both wait for
each other first (`halves.meetings`); for an LSTM or a GRU that is once a step.

The asking thread never depends on the other: it begins alone, lets the other in at the beginning of a step once it
knocks, and has it leave where it has waited for long, which is where the system has given its core to somebody else.
What the other has begun it ends before it leaves, and the asking thread takes both halves from there on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Space
from lstm_tui.engine.runtime.fused.assembly import Assembly, Lanes, Procedure, Value
from lstm_tui.engine.runtime.fused.forward_step import WHOLE, units_written
from lstm_tui.engine.runtime.fused.halves import Rows, halves_of, meetings, rows_of
from lstm_tui.engine.runtime.fused.host import host
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout, NamedPlaces
from lstm_tui.engine.runtime.fused.products import is_odd
from lstm_tui.engine.runtime.fused.schedule import Span, Take, Together

SIGNATURE = (
    "ptr %given, ptr %out, ptr %scratch, ptr noalias %flat, ptr noalias %packed, i64 %steps, i64 %clock"
    ", ptr %meeting, ptr %parts, i64 %count, i64 %worker"
)
KNOCK, BEGIN, ASKING, OTHER, LEAVE, CLAIMED, DONE = range(0, 112, 16)
"""Words of `meeting`, each on lines of its own: whether the other is there; the step from which on it takes part, plus
1, or -1 where it is not to; how often each of them has come to a meeting; whether the other is to leave; how many parts
have been begun, and ended."""
WORDS = 112
PAGE = 4096
"""Bytes of memory that a system gives at once, at least."""
PART = 9
"""Words of a part: a function, and what it is called with, as `products.series_product` says."""
_LEFT = 1 << 62
"""What the other adds to its number when it leaves."""
PATIENCE = 2_000
"""Turns of waiting after which the other is to leave: some 50 µs, many times what a half takes to be ended."""
_UNROLL = 4


def write_shared(assembly: Assembly, made: list[Together], layout: NamedLayout, vector: int) -> None:
    """Write the function `shared`."""
    _write_meeting(assembly, host().is_x86, PATIENCE)
    function = Procedure(assembly, "shared", SIGNATURE)
    alone = function.value("alloca i64")
    function.do(f"store i64 0, ptr {alone}")
    function.do("call void @takes_parts(ptr %meeting, ptr %parts, i64 %count, i64 %worker)")
    is_other = function.value("icmp eq i64 %worker, 1")
    function.do("%first = call i64 @begins(ptr %meeting, i64 %worker)")
    function.leave_when(function.value("icmp slt i64 %first, 0"))
    is_asking = function.value("icmp eq i64 %worker, 0")
    function.when(is_asking, lambda: function.do(f"store i64 1, ptr {alone}"))
    before = meetings(made, layout, vector)
    each = len(before)
    tables = {n: rows_of(made, n, vector) for n, one in enumerate(made) if one.takes[0].code == Code.MATVEC}

    def bounds(halved: tuple[int, int]) -> tuple[Value, Value]:
        mine, whole = halved
        start = function.value(f"select i1 {is_other}, i64 {mine}, i64 0")
        number = function.value(f"load i64, ptr {alone}")
        both = function.value(f"or i1 {is_other}, {function.value(f'icmp ne i64 {number}, 0')}")
        return start, function.value(f"select i1 {both}, i64 {whole}, i64 {mine}")

    def meet(number: Value) -> None:
        found = function.value(f"call i64 @meets(ptr %meeting, i64 %worker, i64 {number}, ptr {alone})")
        function.leave_when(function.value(f"icmp ne i64 {found}, 0"))

    def over(halved: tuple[int, int], body: Callable[[Value], None], odd: Value | None = None) -> None:
        """Write what a worker does of some parts of which worker 0 has the first."""
        start, stop = bounds(halved)

        def turn(number: Value, _: list[Value]) -> Sequence[Value]:
            if odd is not None:
                other = function.value(f"sub i64 {function.value(f'add i64 {start}, {stop}')}, 1")
                other = function.value(f"sub i64 {other}, {number}")
                number = function.value(f"select i1 {odd}, i64 {other}, i64 {number}")
            body(number)
            return ()

        def loop() -> None:
            function.loop(start, stop, turn)

        function.when(function.value(f"icmp slt i64 {start}, {stop}"), loop)

    def step(number: Value, _: list[Value]) -> Sequence[Value]:
        function.when(is_asking, lambda: function.do(f"call void @lets_in(ptr %meeting, i64 {number}, ptr {alone})"))
        row = function.at("%out", function.value(f"mul i64 {number}, {layout.values.width}"))
        given = function.at("%given", function.value(f"mul i64 {number}, {layout.given.width}"))
        out = function.at(row, layout.values.width)
        places = NamedPlaces(function, layout, given, out, row, "%scratch")
        counted = function.value(f"mul i64 {number}, {each}")
        packed = 0

        def keeps(take: Take) -> bool:
            return take.offset in layout.kept or layout.value_at(take.offset) is not None

        for n, together in enumerate(made):
            if n in before:
                meet(function.value(f"add i64 {counted}, {before.index(n) + 1}"))
            (take, *_) = together.takes
            if together.elementwise:
                size = together.size
                cut, lanes = halves_of(size, vector)
                units = units_written(function, places, together, lanes, number, keeps)

                def some(
                    turn: Value, size: int = size, lanes: int = lanes, units: Callable[[Value], None] = units
                ) -> None:
                    unit = function.value(f"mul i64 {turn}, {lanes}")
                    if size % lanes:
                        beyond = function.value(f"icmp sgt i64 {unit}, {size - lanes}")
                        unit = function.value(f"select i1 {beyond}, i64 {size - lanes}, i64 {unit}")
                    units(unit)

                over((cut // lanes if cut < size else -(-size // lanes), -(-size // lanes)), some)
            elif take.code == Code.MATVEC:
                v, y = places.address(take.reads[0]), places.address(take.target)
                odd = is_odd(function, number)
                for group in tables[n]:
                    _panels(function, over, group, take.inner, packed, v, y, odd)
                packed += sum(len(group.starts) * len(group.pattern) * group.lanes for group in tables[n]) * take.inner
            else:
                mine = function.value("icmp eq i64 %worker, 0")
                function.when(mine, lambda take=take: WHOLE[take.code](function, places, take, vector))
        for n, slot in enumerate(layout.copies, len(made)):
            if n in before:
                meet(function.value(f"add i64 {counted}, {before.index(n) + 1}"))
            span, place = Span(Space.CURRENT, *slot), layout.values.find(slot.offset)
            cut, lanes = halves_of(slot.size, vector)
            u = Lanes(function, lanes)

            def copy(turn: Value, span=span, u=u, place=place, size=slot.size, lanes=lanes) -> None:
                unit = function.value(f"mul i64 {turn}, {lanes}")
                if size % lanes:
                    beyond = function.value(f"icmp sgt i64 {unit}, {size - lanes}")
                    unit = function.value(f"select i1 {beyond}, i64 {size - lanes}, i64 {unit}")
                u.store(u.load(places.address(span, unit)), function.at(function.at(out, place or 0), unit))

            over((cut // lanes if cut < slot.size else -(-slot.size // lanes), -(-slot.size // lanes)), copy)
        return ()

    function.loop("%first", "%steps", step)
    last = function.value(f"mul i64 %steps, {each}")
    function.do(f"call void @ends(ptr %meeting, i64 %worker, i64 {function.value(f'add i64 {last}, 1')}, ptr {alone})")
    function.end()


def _panels(function: Procedure, over, group: Rows, inner: int, packed: int, v: Value, y: Value, odd: Value) -> None:
    """Write the product of panels of one pattern."""
    u = Lanes(function, group.lanes)
    wide = len(group.pattern) * group.lanes
    name = f"starts{packed}_{group.packed}"
    table = ", ".join(f"i64 {start}" for start in group.starts)
    function.assembly.once(name, lambda: f"@{name} = internal constant [{len(group.starts)} x i64] [{table}]")

    def column(line: Value, k: Value, sums: list[Value]) -> tuple[Value, list[Value]]:
        number = u.spread(Lanes(function, 1).load(function.at(v, k)))
        loaded = [u.load(function.at(line, n * group.lanes)) for n in range(len(group.pattern))]
        return function.at(line, wide), [u.mul_add(w, number, s) for w, s in zip(loaded, sums, strict=True)]

    def columns(turn: Value, carried: list[Value]) -> Sequence[Value]:
        line, sums = carried[0], carried[1:]
        k = function.value(f"mul i64 {turn}, {_UNROLL}")
        for n in range(_UNROLL):
            line, sums = column(line, function.value(f"add i64 {k}, {n}"), sums)
        return [line, *sums]

    def panel(number: Value) -> None:
        place = function.value(f"mul i64 {number}, {wide * inner}")
        line = function.at(function.at("%packed", packed + group.packed * inner), place)
        sums = [u.constant(0.0)] * len(group.pattern)
        if inner >= _UNROLL:
            carried = [("ptr", line), *((u.type, one) for one in sums)]
            line, *sums = function.loop("0", str(inner // _UNROLL), columns, carried)
        for k in range(inner - inner % _UNROLL, inner):
            line, sums = column(line, str(k), sums)
        where = function.value(f"getelementptr i64, ptr @{name}, i64 {number}")
        target = function.at(y, function.value(f"load i64, ptr {where}"))
        for one, row in zip(sums, group.pattern, strict=True):
            u.store(one, function.at(target, row))

    over((group.mine, len(group.starts)), panel, odd)


def _write_meeting(assembly: Assembly, is_x86: bool, patience: int) -> None:
    """Write what the two threads wait for each other by; every number is written by one of them alone."""
    assembly.needs.add("sched_yield")
    rest = "call void @llvm.x86.sse2.pause()" if is_x86 else 'call void asm sideeffect "yield", ""()'
    if is_x86:
        assembly.once("llvm.x86.sse2.pause", lambda: "declare void @llvm.x86.sse2.pause()")
    assembly.once("sched_yield", lambda: "declare i32 @sched_yield()")
    assembly.once("meeting", lambda: _MEETING.format(
        rest=rest, patience=patience, left=_LEFT, knock=KNOCK * 8, begin=BEGIN * 8, asking=ASKING * 8, other=OTHER * 8,
        leave=LEAVE * 8, claimed=CLAIMED * 8, done=DONE * 8, part=PART, page=PAGE,
    ))  # fmt: skip


_MEETING = """
define void @packs(ptr %out, i64 %apart, ptr %x, i64 %far, ptr %w, i64 %lines, i64 %words, i64 %d) {{
entry:
  br label %line
line:
  %n = phi i64 [ 0, %entry ], [ %next, %ended ]
  %there = mul i64 %n, %far
  %from = getelementptr i8, ptr %x, i64 %there
  %here = mul i64 %n, %apart
  %to = getelementptr i8, ptr %out, i64 %here
  br label %word
word:
  %i = phi i64 [ 0, %line ], [ %following, %word ]
  %read = getelementptr i32, ptr %from, i64 %i
  %write = getelementptr i32, ptr %to, i64 %i
  %number = load i32, ptr %read
  store i32 %number, ptr %write
  %following = add i64 %i, 1
  %on = icmp slt i64 %following, %words
  br i1 %on, label %word, label %ended
ended:
  %next = add i64 %n, 1
  %more = icmp slt i64 %next, %lines
  br i1 %more, label %line, label %end
end:
  ret void
}}

define void @touches(ptr %out, i64 %a, ptr %x, i64 %b, ptr %w, i64 %pages, i64 %c, i64 %d) {{
entry:
  br label %turn
turn:
  %n = phi i64 [ 0, %entry ], [ %next, %turn ]
  %far = mul i64 %n, {page}
  %place = getelementptr i8, ptr %out, i64 %far
  store volatile i8 0, ptr %place
  %next = add i64 %n, 1
  %more = icmp slt i64 %next, %pages
  br i1 %more, label %turn, label %end
end:
  ret void
}}

define internal void @takes_parts(ptr %meeting, ptr %parts, i64 %count, i64 %worker) noinline {{
entry:
  %unused = alloca i64
  %claimed = getelementptr i8, ptr %meeting, i64 {claimed}
  %done = getelementptr i8, ptr %meeting, i64 {done}
  br label %turn
turn:
  %n = atomicrmw add ptr %claimed, i64 1 seq_cst
  %is = icmp slt i64 %n, %count
  br i1 %is, label %takes, label %none
takes:
  %first = mul i64 %n, {part}
  %p0 = getelementptr i64, ptr %parts, i64 %first
  %p1 = getelementptr i64, ptr %p0, i64 1
  %p2 = getelementptr i64, ptr %p0, i64 2
  %p3 = getelementptr i64, ptr %p0, i64 3
  %p4 = getelementptr i64, ptr %p0, i64 4
  %p5 = getelementptr i64, ptr %p0, i64 5
  %p6 = getelementptr i64, ptr %p0, i64 6
  %p7 = getelementptr i64, ptr %p0, i64 7
  %p8 = getelementptr i64, ptr %p0, i64 8
  %function = load ptr, ptr %p0
  %out = load ptr, ptr %p1
  %apart = load i64, ptr %p2
  %x = load ptr, ptr %p3
  %far = load i64, ptr %p4
  %w = load ptr, ptr %p5
  %steps = load i64, ptr %p6
  %inner = load i64, ptr %p7
  %rows = load i64, ptr %p8
  call void %function(ptr %out, i64 %apart, ptr %x, i64 %far, ptr %w, i64 %steps, i64 %inner, i64 %rows)
  %before = atomicrmw add ptr %done, i64 1 seq_cst
  br label %turn
none:
  %asks = icmp eq i64 %worker, 0
  br i1 %asks, label %awaits, label %end
awaits:
  call void @waits(ptr %done, i64 %count, ptr %unused)
  ret void
end:
  ret void
}}

define internal void @waits(ptr %place, i64 %number, ptr %leave) noinline {{
entry:
  br label %turn
turn:
  %n = phi i64 [ 0, %entry ], [ %next, %again ]
  %there = load atomic i64, ptr %place acquire, align 8
  %is = icmp sge i64 %there, %number
  %next = add i64 %n, 1
  br i1 %is, label %end, label %more
more:
  {rest}
  %long = icmp sgt i64 %n, {patience}
  br i1 %long, label %late, label %again
late:
  store atomic i64 1, ptr %leave release, align 8
  %y = call i32 @sched_yield()
  br label %again
again:
  br label %turn
end:
  ret void
}}

define internal i64 @begins(ptr %meeting, i64 %worker) noinline {{
entry:
  %unused = alloca i64
  %other = icmp eq i64 %worker, 1
  br i1 %other, label %knocks, label %asking
asking:
  ret i64 0
knocks:
  %knock = getelementptr i8, ptr %meeting, i64 {knock}
  %begin = getelementptr i8, ptr %meeting, i64 {begin}
  store atomic i64 1, ptr %knock release, align 8
  br label %turn
turn:
  %n = phi i64 [ 0, %knocks ], [ %next, %again ]
  %there = load atomic i64, ptr %begin acquire, align 8
  %is = icmp ne i64 %there, 0
  %next = add i64 %n, 1
  br i1 %is, label %end, label %more
more:
  {rest}
  %long = icmp sgt i64 %n, {patience}
  br i1 %long, label %late, label %again
late:
  %y = call i32 @sched_yield()
  br label %again
again:
  br label %turn
end:
  %first = sub i64 %there, 1
  ret i64 %first
}}

define internal void @lets_in(ptr %meeting, i64 %step, ptr %alone) alwaysinline {{
entry:
  %is = load i64, ptr %alone
  %alone_now = icmp eq i64 %is, 1
  br i1 %alone_now, label %looks, label %end
looks:
  %knock = getelementptr i8, ptr %meeting, i64 {knock}
  %there = load atomic i64, ptr %knock acquire, align 8
  %comes = icmp ne i64 %there, 0
  br i1 %comes, label %opens, label %end
opens:
  store i64 0, ptr %alone
  %begin = getelementptr i8, ptr %meeting, i64 {begin}
  %first = add i64 %step, 1
  store atomic i64 %first, ptr %begin release, align 8
  br label %end
end:
  ret void
}}

define internal i64 @meets(ptr %meeting, i64 %worker, i64 %number, ptr %alone) noinline {{
entry:
  %asking = getelementptr i8, ptr %meeting, i64 {asking}
  %other = getelementptr i8, ptr %meeting, i64 {other}
  %leave = getelementptr i8, ptr %meeting, i64 {leave}
  %is_other = icmp eq i64 %worker, 1
  br i1 %is_other, label %of_other, label %of_asking
of_asking:
  %is_alone = load i64, ptr %alone
  %by_itself = icmp ne i64 %is_alone, 0
  br i1 %by_itself, label %on, label %both
both:
  store atomic i64 %number, ptr %asking release, align 8
  call void @waits(ptr %other, i64 %number, ptr %leave)
  %came = load atomic i64, ptr %other acquire, align 8
  %left = icmp sge i64 %came, {left}
  br i1 %left, label %gone, label %on
gone:
  store i64 2, ptr %alone
  br label %on
on:
  ret i64 0
of_other:
  %told = load atomic i64, ptr %leave acquire, align 8
  %leaves = icmp ne i64 %told, 0
  br i1 %leaves, label %going, label %stays
going:
  %last = or i64 %number, {left}
  store atomic i64 %last, ptr %other release, align 8
  ret i64 1
stays:
  %unused = alloca i64
  store atomic i64 %number, ptr %other release, align 8
  call void @waits(ptr %asking, i64 %number, ptr %unused)
  ret i64 0
}}

define internal void @ends(ptr %meeting, i64 %worker, i64 %number, ptr %alone) noinline {{
entry:
  %begin = getelementptr i8, ptr %meeting, i64 {begin}
  %other = getelementptr i8, ptr %meeting, i64 {other}
  %leave = getelementptr i8, ptr %meeting, i64 {leave}
  %is_other = icmp eq i64 %worker, 1
  br i1 %is_other, label %of_other, label %of_asking
of_other:
  store atomic i64 %number, ptr %other release, align 8
  ret void
of_asking:
  %is = load i64, ptr %alone
  %alone_now = icmp ne i64 %is, 0
  br i1 %alone_now, label %closes, label %awaits
closes:
  store atomic i64 -1, ptr %begin release, align 8
  ret void
awaits:
  call void @waits(ptr %other, i64 %number, ptr %leave)
  ret void
}}
"""
