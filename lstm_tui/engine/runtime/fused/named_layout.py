"""Where the numbers of a step lie when its named values alone are kept.

Every step finds what was computed before it (inputs and hoisted products) in a row of `given`, and puts its named
values into a row of `out`. What only the step itself needs lies in one row of scratch, or in registers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from lstm_tui.engine.compiler.program import Slot, Space
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.fused.assembly import Procedure, Value
from lstm_tui.engine.runtime.fused.schedule import Span, StepPage, Take, Together


class SlotMap:
    """Slots of a row by where they begin, and where each lies elsewhere."""

    def __init__(self, slots: Iterable[Slot]) -> None:
        """Put slots one behind the other; a slot that two have is one.

        Raises:
            ValueError: Two slots share some numbers and not all.
        """
        self.slots = sorted(set(slots))
        self.places: list[int] = []
        self.width = 0
        for n, slot in enumerate(self.slots):
            if n and self.slots[n - 1].offset + self.slots[n - 1].size > slot.offset:
                raise ValueError("two named values share numbers")
            self.places.append(self.width)
            self.width += slot.size
        self._starts = [slot.offset for slot in self.slots]

    def find(self, offset: int) -> int | None:
        """Return where the number at an offset of the row lies; None where no slot has it."""
        n = bisect_right(self._starts, offset) - 1
        if n < 0 or offset >= self.slots[n].offset + self.slots[n].size:
            return None
        return self.places[n] + offset - self.slots[n].offset


class NamedLayout:
    """Where everything lies.

    Attributes:
        given: What is computed before the steps.
        values: The named values.
        hoisted: Products of inputs, each with its place in `given`.
        inputs: Inputs that the steps read, by name, each with its place in `given` and its size.
        copies: Named values that are computed elsewhere, and are put into `out` at the end of a step.
        kept: Where the results begin that another loop reads.
    """

    def __init__(self, page: StepPage, made: list[Together], also: Iterable[Slot] = ()) -> None:
        """Lay out a page.

        Args:
            page: What is laid out.
            made: Its loops.
            also: What else is kept beside the named values.

        Raises:
            ValueError: Its values cannot be kept alone.
        """
        read = {span for one in made for take in one.takes for span in take.reads if span.space == Space.CURRENT}
        inputs = {name: slot for name, slot in page.inputs if any(_meet(span, slot) for span in read)}
        self.values = SlotMap([*(slot for _, slot in page.values), *also])
        self.given = SlotMap([*(one.target for one in page.hoisted), *inputs.values()])
        self.hoisted = [(one, self._given(one.target)) for one in page.hoisted]
        self.inputs = {name: (self._given(slot), slot.size) for name, slot in inputs.items()}
        self._products = SlotMap(page.products)
        self.copies = [slot for slot in self.values.slots if self._is_elsewhere(slot)]
        self.kept = _read_elsewhere(made)

    def _given(self, slot: Slot) -> int:
        place = self.given.find(slot.offset)
        assert place is not None
        return place

    def _is_elsewhere(self, slot: Slot) -> bool:
        return self.given.find(slot.offset) is not None or self._products.find(slot.offset) is not None

    def value_at(self, offset: int) -> int | None:
        """Return where in `out` the number of a slot is put when it is computed; None for what goes elsewhere."""
        if self.given.find(offset) is not None or self._products.find(offset) is not None:
            return None
        return self.values.find(offset)

    def keeps(self, take: Take) -> bool:
        """Say whether the result of an op of one unit has a place in memory."""
        return take.offset in self.kept or self.value_at(take.offset) is not None


def _meet(span: Span, slot: Slot) -> bool:
    return span.offset < slot.offset + slot.size and slot.offset < span.offset + span.size


def _read_elsewhere(made: list[Together]) -> set[int]:
    """Return the offsets of all results that are read outside of the loop that computes them."""
    sizes = {take.offset: take.size for one in made for take in one.takes}
    starts = sorted(sizes)
    found: set[int] = set()
    for one in made:
        own = {take.offset for take in one.takes}
        reads = {span for take in one.takes for span in take.reads if span.space == Space.CURRENT}
        for span in reads:
            if span.offset in own:  # what is read in its own loop is read unit by unit
                continue
            n = max(bisect_right(starts, span.offset) - 1, 0)
            while n < len(starts) and starts[n] < span.offset + span.size:
                if starts[n] + sizes[starts[n]] > span.offset:
                    found.add(starts[n])
                n += 1
    return found


@dataclass(frozen=True)
class NamedPlaces:
    """Where the numbers of a step lie, by space, when its named values alone are kept."""

    function: Procedure
    layout: NamedLayout
    given: Value
    out: Value
    before: Value
    scratch: Value
    flat: Value = "%flat"

    def address(self, span: Span, unit: Value | int = 0) -> Value:
        """Return where a unit of an operand or a result lies."""
        base, offset = self._base(span)
        return self.function.at(self.function.at(base, offset), unit)

    def _base(self, span: Span) -> tuple[Value, int]:
        layout = self.layout
        if span.space == Space.PARAMETER:
            return self.flat, span.offset
        if span.space == Space.PREVIOUS:
            place = layout.values.find(span.offset)
            assert place is not None, "a step reads values alone of the step before"
            return self.before, place
        place = layout.given.find(span.offset)
        if place is not None:
            return self.given, place
        place = layout.value_at(span.offset)
        return (self.scratch, span.offset) if place is None else (self.out, place)
