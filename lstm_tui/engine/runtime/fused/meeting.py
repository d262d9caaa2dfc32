"""How two threads work at one thing in machine code: they claim its parts, meet, come late and leave.

Every number of `meeting` but those of the parts is written by one of the two alone. The asking thread waits for the
other only where it is at work. The other looks whether it is to leave when it has done its half, and says so together
with having come, so that the asking thread never wonders whether it is still there.
"""

from __future__ import annotations

from lstm_tui.engine.runtime.fused.assembly import Assembly
from lstm_tui.engine.runtime.fused.host import host
from lstm_tui.engine.runtime.fused.work_parts import CALL, write_packs

KNOCK, BEGIN, ASKING, OTHER, LEAVE, CLAIMED, DONE = range(0, 112, 16)
"""Words of `meeting`, each on lines of its own: whether the other is there; the step from which on it takes part, plus
1, or -1 where it is not to; how often each of them has come to a meeting; whether the other is to leave; how many parts
have been begun, and ended."""
WORDS = 112
PAGE = 4096
"""Bytes of memory that a system gives at once, at least."""
PART = CALL + 1
"""Words of a part here: the last says how many parts before it have to be done first."""
_LEFT = 1 << 62
"""What the other adds to its number when it leaves."""
_PATIENCE, _NUMBERS = 2_000, 64
"""Turns of waiting after which the other is to leave, some 50 µs; and of how many numbers of matrices each is worth one
more. That is about ten times what half a step takes: one may well be slower than the other, as it reads farther memory.
"""


def write_meeting(assembly: Assembly, numbers: int) -> None:
    """Write what the two call: `takes_parts`, `begins`, `lets_in`, `meets`, `ends`; and parts: `packs`, `touches`.

    Args:
        assembly: Where it goes.
        numbers: Numbers of the matrices of a step.
    """
    assembly.needs.add("sched_yield")
    assembly.once("sched_yield", lambda: "declare i32 @sched_yield()")
    rest = 'call void asm sideeffect "yield", ""()'
    if host().is_x86:
        rest = "call void @llvm.x86.sse2.pause()"
        assembly.once("llvm.x86.sse2.pause", lambda: "declare void @llvm.x86.sse2.pause()")
    words = {"knock": KNOCK, "begin": BEGIN, "asking": ASKING, "other": OTHER, "leave": LEAVE, "claimed": CLAIMED}
    places = {name: 8 * word for name, word in (words | {"done": DONE}).items()}
    text = _MEETING.format(
        rest=rest, patience=_PATIENCE + numbers // _NUMBERS, left=_LEFT, part=PART, page=PAGE, **places
    )
    write_packs(assembly)
    assembly.once("meeting", lambda: text)


_MEETING = """
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
  %p9 = getelementptr i64, ptr %p0, i64 9
  %behind = load i64, ptr %p9
  call void @waits(ptr %done, i64 %behind, ptr %unused)
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
