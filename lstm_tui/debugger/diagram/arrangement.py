"""Who stands where in the picture of a cell, before anything has a size: rows, stacks, and the way of every wire."""

from __future__ import annotations

from dataclasses import field

from lstm_tui.debugger.diagram.dataflow import Dataflow, Mark
from lstm_tui.engine.dataclass import dataclass


@dataclass
class MarkStack:
    """Marks over each other, and the columns beside them that wires have for themselves.

    Attributes:
        stack: From the lowest to the highest, or of one that hangs from a belt from the highest to the lowest.
        hangs: Whether it hangs from a belt.
        feeders: Nets that come in columns left of the marks.
        downs: Nets that leave in columns right of them.
        x: Where it begins.
        centre: The column in which its marks stand over each other.
        right: The first column right of the marks.
    """

    stack: list[int]
    hangs: bool = False
    feeders: list[int] = field(default_factory=list)
    downs: list[int] = field(default_factory=list)
    x: int = 0
    centre: int = 0
    right: int = 0


class Arrangement:
    """The rows and stacks of marks, and where each value leaves, runs and comes in.

    Attributes:
        flow: What is drawn.
        inner: Its boxes and circles.
        belts: The states that have a belt, from the highest.
        finals: The last mark of each belt, with its state.
        hanging: Circles that hang from a belt.
        band: The row of each mark, from 0.
        bands: How many rows there are. Channel k, in which values run across, lies above row k; the last below all.
        slots: The stacks, from the left.
        slot_of: The stack of each mark.
        straight: Wires that go straight from a mark to the one above or below it.
        enters: How each other wire comes in: `left`, `row`, `centre`, `top` or `pin`.
        leaves_down: Values that run along the lowest channel.
        leaves_track: Values that run along the channel beside their row.
        exits: What leaves the step, by the mark that gives it.
        exit_row: Of these, those that leave along their own row.
        joined: Entries that are drawn as one line with another, with that other.
    """

    def __init__(self, flow: Dataflow) -> None:
        """Arrange a dataflow."""
        self.flow = flow
        self.inner = [mark for mark in flow.marks if mark.kind in ("box", "circle")]
        self.belts = list(flow.belts)
        self.finals = {way[-1]: state for state, way in flow.belts.items()}
        self.slot_of: dict[int, int] = {}
        self.slots: list[MarkStack] = []
        self.hanging: set[int] = set()
        self.straight: set[tuple[int, int]] = set()
        self.band: dict[int, int] = {}
        self.joined = self._joined()
        self._choose_hanging()
        self._choose_bands()
        self._choose_slots()
        self._choose_ways()

    # --- who stands where ---

    def _joined(self) -> dict[int, int]:
        """Return the entries that boxes alone read, all of them the same: one line carries them."""
        found: dict[tuple[int, ...], int] = {}
        joined: dict[int, int] = {}
        for mark in self.flow.of_kind("entry"):
            readers = self.flow.readers(mark.key)
            if mark.name in self.flow.belts or any(self.flow.marks[key].kind != "box" for key in readers):
                continue
            if readers in found:
                joined[mark.key] = found[readers]
            else:
                found[readers] = mark.key
        return joined

    def _mark_sources(self, key: int) -> list[int]:
        return [source for source in self.flow.sources(key) if self.flow.marks[source].kind != "entry"]

    def _choose_hanging(self) -> None:
        """Find the circles that hang from a belt: what shows the memory, and goes to no belt any more."""
        leads: set[int] = set()
        for mark in reversed(self.inner):
            readers = self.flow.readers(mark.key)
            if mark.belt or any(key in leads or self.flow.marks[key].belt for key in readers):
                leads.add(mark.key)
        for mark in self.inner:
            if mark.kind == "circle" and mark.key not in leads:
                above = self._mark_sources(mark.key)
                if any(key in self.finals or key in self.hanging for key in above):
                    self.hanging.add(mark.key)

    def _choose_bands(self) -> None:
        """Give every circle its row: belts, then what leads to them the farther the lower, gates above their boxes."""
        first = len(self.belts)
        for mark in self.inner:
            if mark.belt:
                self.band[mark.key] = self.belts.index(mark.belt)
            elif mark.key in self.hanging:
                above = [self.band[key] for key in self._mark_sources(mark.key) if key in self.hanging]
                self.band[mark.key] = max(above, default=first - 1) + 1
        for mark in reversed(self.inner):
            if mark.kind == "circle" and mark.key not in self.band:
                readers = [key for key in self.flow.readers(mark.key) if self.flow.marks[key].kind == "circle"]
                below = [max(self.band[key], first - 1) for key in readers if key not in self.hanging]
                self.band[mark.key] = max(below, default=first - 1) + 1
        lowest = max(self.band.values(), default=-1)
        for mark in self.inner:
            if mark.kind == "box":
                self.band[mark.key] = lowest + 1
            elif not mark.belt and mark.key not in self.hanging and self._gate(mark):
                self.band[mark.key] = lowest
        self.bands = lowest + 2

    def _gate(self, mark: Mark) -> bool:
        sources = self._mark_sources(mark.key)
        return bool(sources) and all(self.flow.marks[key].kind == "box" for key in sources)

    def _choose_slots(self) -> None:
        """MarkStack every mark on what it reads where it can stand straight above it, else begin a new slot."""
        for mark in self.inner:
            found = None if mark.kind == "box" else self._stack_for(mark)
            if found is None:
                self.slots.append(MarkStack([mark.key], mark.key in self.hanging))
                self.slot_of[mark.key] = len(self.slots) - 1
            else:
                slot = self.slot_of[found]
                self.slots[slot].stack.append(mark.key)
                self.slot_of[mark.key] = slot
                self.straight.add((found, mark.key))

    def _stack_for(self, mark: Mark) -> int | None:
        """Return the mark that this one can stand on, or hang from."""
        hangs, least = mark.key in self.hanging, 0
        if mark.belt:
            way = self.flow.belts[mark.belt]
            place = way.index(mark.key)
            least = self.slot_of[way[place - 1]] + 1 if place else 0
        for source in sorted(self._mark_sources(mark.key), reverse=True):
            if mark.belt and self.flow.marks[source].belt == mark.belt:
                continue  # it comes along the belt
            slot = self.slots[self.slot_of[source]]
            if slot.hangs != hangs or slot.stack[-1] != source or self.slot_of[source] < least:
                continue
            if self.flow.marks[source].belt:
                continue
            step = self.band[mark.key] - self.band[source]
            if (step > 0) if hangs else (step < 0):
                return source
        return None

    # --- which way each value goes ---

    def _choose_ways(self) -> None:
        """Decide for every wire that does not go straight where it leaves, where it runs and how it comes in."""
        self.enters: dict[tuple[int, int], str] = {}  # left, centre, top or pin
        self.leaves_down: set[int] = set()
        self.leaves_track: set[int] = set()
        bottom = self.bands
        for mark in self.flow.marks:
            if mark.kind in ("entry", "exit"):
                continue
            left_taken = False
            for source in self.flow.sources(mark.key):
                wire = (source, mark.key)
                if wire in self.straight or self._along_belt(source, mark):
                    continue
                if mark.kind == "box":
                    self.enters[wire] = "pin"
                    self._needs_bottom(source)
                    continue
                slot = self.slots[self.slot_of[mark.key]]
                if self._hangs_from(source, slot, mark) and not any(
                    self.enters.get((other, mark.key)) == "top" for other in self.flow.sources(mark.key)
                ):
                    self.enters[wire] = "top"
                    continue
                lowest = slot.stack[0] == mark.key and not slot.hangs
                centre_free = lowest and not any(
                    (other, mark.key) in self.enters and self.enters[other, mark.key] == "centre"
                    for other in self.flow.sources(mark.key)
                )  # fmt: skip
                channel = self.channel(source)
                if centre_free and (channel > self.band[mark.key] or left_taken or mark.belt):
                    self.enters[wire] = "centre"
                    if channel <= self.band[mark.key]:
                        self._needs_bottom(source)
                        channel = bottom
                    else:
                        self._needs_track(source)
                elif not left_taken and self._row_is_free(source, mark):
                    self.enters[wire] = "row"
                    left_taken = True
                else:
                    self.enters[wire] = "left"
                    left_taken = True
                    self._needs_track(source)
                    if source not in slot.feeders:
                        slot.feeders.append(source)
        self._choose_exits()

    def _along_belt(self, source: int, mark: Mark) -> bool:
        """Say whether a wire is a piece of a belt."""
        if not mark.belt:
            return False
        way = self.flow.belts[mark.belt]
        place = way.index(mark.key)
        if place:
            return source == way[place - 1]
        entry = self.flow.marks[source]
        return entry.kind == "entry" and entry.symbol == f"{mark.belt}'"

    def _hangs_from(self, source: int, slot: MarkStack, mark: Mark) -> bool:
        return slot.hangs and slot.stack[0] == mark.key and source in self.finals

    def _row_is_free(self, source: int, mark: Mark) -> bool:
        """Say whether a value can go up above its own slot, or stay, and then along the row to a circle further right.

        It can where it is the highest of its slot and nothing stands in that row on the way.
        """
        start, row = self.flow.marks[source], self.band[mark.key]
        if start.kind != "circle" or start.belt or source in self.hanging or self.band[source] < row:
            return False
        first, last = self.slot_of[source], self.slot_of[mark.key]
        if first >= last or self.slots[first].stack[-1] != source:
            return False
        between = (key for slot in self.slots[first:last] for key in slot.stack if key != source)
        return all(self.band[key] != row for key in between)

    def is_belt_entry(self, source: int) -> bool:
        """Say whether an entry is the state of a belt as it was before the step."""
        mark = self.flow.marks[source]
        return mark.kind == "entry" and mark.symbol.endswith("'") and mark.name in self.flow.belts

    def channel(self, source: int) -> int:
        """Return the channel in which a value runs to circles: channel k lies above band k."""
        mark = self.flow.marks[source]
        if mark.kind == "entry":
            return self.bands
        if mark.belt:
            return len(self.belts)
        return self.band[source] + (1 if source in self.hanging else 0)

    def _needs_bottom(self, source: int) -> None:
        """Have a value run along the lowest channel."""
        self.leaves_down.add(source)
        if self.flow.marks[source].kind == "entry" or self._ends_hanging(source):
            return
        downs = self.slots[self.slot_of[source]].downs
        if source not in downs:
            downs.append(source)

    def _needs_track(self, source: int) -> None:
        """Have a value run along the channel beside its band."""
        mark = self.flow.marks[source]
        if mark.kind == "entry":
            self.leaves_down.add(source)
            return
        self.leaves_track.add(source)
        if mark.belt and source not in self.slots[self.slot_of[source]].downs:
            self.slots[self.slot_of[source]].downs.append(source)

    def _ends_hanging(self, source: int) -> bool:
        """Say whether nothing stands below a mark that hangs, so that its value goes on straight down."""
        slot = self.slots[self.slot_of[source]]
        return slot.hangs and slot.stack[-1] == source

    def _choose_exits(self) -> None:
        """What leaves the step goes along its row where no mark stands in the way, else along a track."""
        self.exit_row: set[int] = set()
        self.exits: dict[int, int] = {}
        for mark in self.flow.of_kind("exit"):
            source = self.flow.sources(mark.key)[0]
            self.exits[source] = mark.key
            if source in self.finals:
                continue
            free = self.flow.marks[source].kind == "circle" and not any(
                self.band[key] == self.band[source] for slot in self.slots[self.slot_of[source] + 1 :]
                for key in slot.stack
            ) and not self.flow.marks[source].belt  # fmt: skip
            if free:
                self.exit_row.add(source)
            else:
                self._needs_track(source)

    def net(self, source: int) -> int:
        """Return the mark by which the line of a value is known: its own, or the entry that it is joined with."""
        return self.joined.get(source, source)
