"""Where the numbers of many sequences lie while they are run together, and what a way back needs of them.

The sequences lie one behind the other, each with a row before its first step; those that are longer stand first. What
a step passes back lies in three places: a row of `out` for products and inputs, from which the gradient by matrices is
taken; a row of `carried` for states and what the loss reads; a row of scratch for what other loops of the step wait
for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import groupby

from lstm_tui.engine.compiler.ops import Code
from lstm_tui.engine.compiler.program import Slot, Space
from lstm_tui.engine.runtime.fused.derivatives import uses_of
from lstm_tui.engine.runtime.fused.named_layout import NamedLayout, SlotMap
from lstm_tui.engine.runtime.fused.products import lanes_for
from lstm_tui.engine.runtime.fused.schedule import Span, StepPage, Take, Together


def needed_back(page: StepPage, made: list[Together]) -> list[Slot]:
    """Return what a way back reads beside the named values and what was given, each place once."""
    there = [slot for _, slot in (*page.values, *page.inputs)] + [one.target for one in page.hoisted]
    spans = {span for span in _read_back(made) if span.space == Space.CURRENT}
    wanted = sorted({(s.offset, s.offset + s.size) for s in spans if not any(_inside(s, slot) for slot in there)})
    slots: list[Slot] = []
    for start, stop in wanted:
        if slots and start < slots[-1].offset + slots[-1].size:
            first = slots[-1].offset
            slots[-1] = Slot(first, max(stop, first + slots[-1].size) - first)
        else:
            slots.append(Slot(start, stop - start))
    return slots


def _read_back(made: list[Together]) -> Iterator[Span]:
    for together in made:
        for take in together.takes:
            if together.elementwise:
                uses = uses_of(take.code, len(take.reads))
                yield from (read for read, used in zip(take.reads, uses.operands, strict=True) if used)
                if uses.result:
                    yield take.target
            else:
                yield from take.reads
                if take.code != Code.MATVEC:
                    yield take.target


def _inside(span: Span | Slot, slot: Slot) -> bool:
    return slot.offset <= span.offset and span.offset + span.size <= slot.offset + slot.size


class BackLayout:
    """Where what is passed back lies.

    Attributes:
        also: What the step forwards keeps beside the named values.
        values: Where what was computed lies.
        out: Products and inputs.
        carried: States, and values that the loss reads.
        untouched: Inputs that no loop passes anything back to, but products alone that are taken behind all steps.
        whole: Whether every other number of a row of `out` is put there by one loop, so that none need be 0 before.
        reads_given: Whether the way back reads any of what was given to the steps.
    """

    def __init__(self, page: StepPage, made: list[Together], vector: int, outside: Collection[str]) -> None:
        """Lay out a page.

        Args:
            page: What is laid out.
            made: Its loops, in the order forwards.
            vector: Units that a vector of the host holds.
            outside: Named values that something outside of the steps reads.

        Raises:
            ValueError: Its values cannot be kept alone.
        """
        self.also = needed_back(page, made)
        self.values = NamedLayout(page, made, self.also)
        names = dict(page.values)
        products = [Slot(take.offset, take.size) for one in made for take in one.takes if take.code == Code.MATVEC]
        before = {span for one in made for take in one.takes for span in take.reads if span.space == Space.PREVIOUS}
        self.carried = SlotMap(
            slot for name, slot in names.items() if name in outside or any(_meets(span, slot) for span in before)
        )
        self.out = SlotMap(
            slot
            for slot in (*(one.target for one in page.hoisted), *products, *(slot for _, slot in page.inputs))
            if not any(_inside(slot, held) for held in self.carried.slots)
        )
        if any(_meets(one, other) for one in self.carried.slots for other in self.out.slots):
            raise ValueError("a part of a product is a state, or is read from outside")
        self.reads_given = any(
            span.space == Space.CURRENT and self.values.given.find(span.offset) is not None for span in _read_back(made)
        )
        self._vector = vector
        self._readers = [
            (span, one)
            for one in made
            for span in {read for take in one.takes for read in take.reads if read.space == Space.CURRENT}
        ]
        self._alone = {span for span, one in self._readers if self._is_alone(span, one)}
        self.untouched = {
            slot
            for _, slot in page.inputs
            if slot in self.out.slots and not any(_meets(span, slot) for span, _ in self._readers)
        }
        covered = sum(span.size for span in self._alone if self.out.find(span.offset) is not None)
        self.whole = covered == self.out.width - sum(slot.size for slot in self.untouched)

    def _is_alone(self, span: Span, one: Together) -> bool:
        """Say whether one loop passes back to a place, every unit of it once."""
        if self.out.find(span.offset) is None or not one.elementwise or one.size != span.size:
            return False
        if span.size % lanes_for(span.size, self._vector):
            return False
        if sum(_meets(span, other) for other, _ in self._readers) > 1:
            return False
        return any(
            passes
            for take in one.takes
            for read, passes in zip(take.reads, uses_of(take.code, len(take.reads)).passes, strict=True)
            if read == span
        )

    def open_places(self) -> Iterator[slice]:
        """Yield the places of a row of `out` that are to be 0 before, as something is added there or nothing comes."""
        open_ = [True] * self.out.width
        for span in self._alone:
            place = self.out.find(span.offset)
            assert place is not None
            open_[place : place + span.size] = [False] * span.size
        start = 0
        for is_open, places in groupby(open_):
            stop = start + len(list(places))
            if is_open:
                yield slice(start, stop)
            start = stop

    def carries(self, slot: Slot) -> bool:
        """Say whether what comes back to a value is carried from step to step or comes from outside."""
        return self.carried.find(slot.offset) is not None

    def puts(self, span: Span) -> bool:
        """Say whether what a loop passes back to a place is all that ever comes there."""
        return span in self._alone

    def in_memory(self, take: Take) -> bool:
        """Say whether what is passed back to the result of an op comes from outside of its loop."""
        return self.carried.find(take.offset) is not None or take.offset in self.values.kept


def _meets(a: Span | Slot, b: Span | Slot) -> bool:
    return a.offset < b.offset + b.size and b.offset < a.offset + a.size
