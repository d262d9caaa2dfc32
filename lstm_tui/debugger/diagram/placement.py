"""Where every mark and every wire of a dataflow stands, in the cells of a grid.

From top to bottom: the belts, the circles between them and the gates, the boxes of weights. From left to right: slots
in the order of the program, in each a stack of marks that hand their value straight on. Whatever does not go straight
runs along a track between two rows of marks, and up or down in a column that no other wire has. So no wire runs through
a mark and no two wires share a way; where they cross, one goes across and the other up.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from lstm_tui.debugger.diagram.arrangement import Arrangement, MarkStack
from lstm_tui.debugger.diagram.dataflow import Dataflow, Mark
from lstm_tui.debugger.diagram.geometry import (
    DOWN,
    LEFT,
    NUMBER,
    RIGHT,
    UP,
    DiagramLayout,
    DiagramMeasure,
    Joint,
    MarkPlace,
    WirePiece,
    end_name,
    formula_of,
    label_of,
    sign_width,
)

_AWAY = 10**6
_LINES_WITHOUT_WORDS = 2
"""Lines of a box that has no room for what its equation is called."""
_WIDE, _NARROW = (26, 20, 16, 13), (13, 11, 9, 7, 5)
_HIGH = ((3, 2), (3, 1), (2, 1), (1, 1))
MEASURES = tuple(
    DiagramMeasure(box, lines, gap, tight)
    for lines, gap in _HIGH for tight, widths in ((False, _WIDE), (True, _NARROW)) for box in widths
)  # fmt: skip
"""From high to low, and of each height from wide to narrow."""
_IN_PARTS = (13, True)
"""The width of a box, and whether it is tight, where the whole does not fit anyway and is looked at in parts."""


def fitted(flow: Dataflow, width: int, height: int = _AWAY, backward: bool = False) -> DiagramLayout:
    """Return the roomiest layout that fits; where none is narrow enough, one to be looked at in parts.

    Args:
        flow: What is drawn.
        width: Columns that there are.
        height: Rows that there are.
        backward: Whether the pass reads from the end of the tape.
    """
    layout = _roomiest(flow, width, height)
    return replace(layout, backward=True) if backward else layout


def least_width(flow: Dataflow) -> int:
    """Return in how many columns a picture can be seen whole."""
    return min(laid_out(flow, measure).width for measure in MEASURES)


def _roomiest(flow: Dataflow, width: int, height: int) -> DiagramLayout:
    narrow: DiagramLayout | None = None
    for measure in MEASURES:
        made = laid_out(flow, measure)
        if made.width > width:
            continue
        if made.height <= height:
            return made
        narrow = made
    if narrow is not None:
        return narrow
    part = [laid_out(flow, measure) for measure in MEASURES if (measure.box, measure.tight) == _IN_PARTS]
    return next((made for made in part if made.height <= height), part[-1])


@lru_cache(maxsize=256)
def laid_out(flow: Dataflow, measure: DiagramMeasure) -> DiagramLayout:
    """Lay a dataflow out by a measure."""
    return _Placing(flow, measure).layout()


@lru_cache(maxsize=64)
def arranged(flow: Dataflow) -> Arrangement:
    """Arrange a dataflow once, whatever it is drawn in."""
    return Arrangement(flow)


class _Placing:
    """Gives every mark and wire of an arrangement its cells, by a measure."""

    def __init__(self, flow: Dataflow, measure: DiagramMeasure) -> None:
        self.flow, self.measure, self.arranged = flow, measure, arranged(flow)
        self.slots = [replace(slot) for slot in self.arranged.slots]
        self.runs: list[WirePiece] = []
        self.joints: list[Joint] = []

    def layout(self) -> DiagramLayout:
        self._place_columns()
        self._place_rows()
        self._draw()
        places = tuple(self.places[mark.key] for mark in self.flow.marks)
        return DiagramLayout(
            self.flow,
            places,
            tuple(self.runs),
            tuple(self.joints),
            self.total_width,
            self.total_height,
            self.measure,
            self.arranged.joined,
        )

    # --- columns ---

    def _box_width(self, mark: Mark) -> int:
        pins = len([source for source in self.flow.sources(mark.key) if source not in self.arranged.joined])
        words = len(mark.label) if self.measure.lines > _LINES_WITHOUT_WORDS else 0
        wanted = max(len(formula_of(mark, self.measure)), words, NUMBER + len(label_of(mark)) + 1)
        return max(min(wanted, self.measure.box), 2 * pins - 1, NUMBER) + 2

    def _place_columns(self) -> None:
        entries = self.flow.of_kind("entry")
        self.entry_width = max((len(end_name(mark, self.measure)) for mark in entries), default=0) + 1 + NUMBER
        x = self.entry_width + self._space
        self.entry_join: dict[int, int] = {}  # the column in which entries that are one line come together
        for net in dict.fromkeys(self.arranged.joined.values()):
            self.entry_join[net] = x
            x += 2
        self.entry_down: dict[int, int] = {}
        for mark in entries:
            if self.arranged.is_belt_entry(mark.key) and mark.key in self.arranged.leaves_down:
                self.entry_down[mark.key] = x
                x += 2
        self.columns: dict[int, tuple[int, int]] = {}
        for slot in self.slots:
            slot.x = x
            left = max(self._left(key) for key in slot.stack)
            right = max(self._right(key) for key in slot.stack)
            slot.centre = x + 2 * len(slot.feeders) + left
            slot.right = slot.centre + right + 1
            x = slot.right + 2 * len(slot.downs) + self._space
        self.edge = x
        exits = self.flow.of_kind("exit")
        self.exit_width = max((len(end_name(mark, self.measure)) for mark in exits), default=0)
        if not self.measure.tight:
            self.exit_width += 1 + NUMBER
        self.total_width = x + 2 + self.exit_width

    @property
    def _space(self) -> int:
        """Columns between a circle and its label, and between slots."""
        return 0 if self.measure.tight else 1

    def _left(self, key: int) -> int:
        mark = self.flow.marks[key]
        return (self._box_width(mark) if mark.kind == "box" else sign_width(mark)) // 2

    def _right(self, key: int) -> int:
        mark = self.flow.marks[key]
        if mark.kind == "box":
            width = self._box_width(mark)
            return width - width // 2 - 1
        sign = sign_width(mark)
        on_belt = 1 if mark.belt and self.measure.tight else 0  # a belt is seen between two of its marks
        return sign - sign // 2 - 1 + self._space + len(label_of(mark)) + NUMBER + on_belt

    def _feeder(self, slot: MarkStack, net: int) -> int:
        return slot.x + 2 * slot.feeders.index(net)

    def _down(self, slot: MarkStack, net: int) -> int:
        if net in slot.downs:
            return slot.right + 2 * slot.downs.index(net)
        return slot.centre

    def _pin(self, source: int, key: int) -> int:
        """Return the column in which a value enters a box from below."""
        mark = self.flow.marks[key]
        nets = list(dict.fromkeys(self.arranged.net(one) for one in self.flow.sources(key)))
        nets.sort(key=lambda one: (self.flow.marks[one].kind == "entry", one))
        width, slot = self._box_width(mark), self.slots[self.arranged.slot_of[key]]
        start = slot.centre - width // 2 + 1 + max((width - 2 - (2 * len(nets) - 1)) // 2, 0)
        return start + 2 * nets.index(self.arranged.net(source))

    # --- rows ---

    def _place_rows(self) -> None:
        """Give every channel its tracks, then every band its row."""
        bottom = self.arranged.bands
        wants: dict[int, dict[int, list[int]]] = {k: {} for k in range(bottom + 1)}
        for mark in self.flow.marks:
            net = mark.key
            if mark.kind == "exit" or net in self.arranged.joined:
                continue
            track, down = net in self.arranged.leaves_track, net in self.arranged.leaves_down
            if track:
                wants[self.arranged.channel(net)].setdefault(net, []).append(self._track_start(net))
            if down:
                start = self._down_start(net)
                wants[bottom].setdefault(net, []).append(start)
            for reader in self.flow.readers(net):
                if self.flow.marks[reader].kind == "exit":
                    if track and net not in self.arranged.finals and net not in self.arranged.exit_row:
                        wants[self.arranged.channel(net)][net].append(self.edge)
                    continue
                way = self.arranged.enters.get((net, reader))
                if way in (None, "top", "row"):
                    continue
                slot = self.slots[self.arranged.slot_of[reader]]
                if way == "pin":
                    wants[bottom][net].append(self._pin(net, reader))
                    continue
                column = slot.centre if way == "centre" else self._feeder(slot, net)
                channel = self._reached_in(net, reader)
                wants[channel][net].append(column)
        self.track_row: dict[tuple[int, int], int] = {}
        counts: dict[int, int] = {}
        for channel, nets in wants.items():
            rows: list[list[tuple[int, int]]] = []
            for net in sorted(nets, key=lambda one: (self.flow.marks[one].kind == "entry", one)):
                first, last = min(nets[net]), max(nets[net])
                row = next(
                    (n for n, taken in enumerate(rows) if all(last < a - 1 or first > b + 1 for a, b in taken)), None
                )
                if row is None:
                    rows.append([])
                    row = len(rows) - 1
                rows[row].append((first, last))
                self.track_row[channel, net] = row
            counts[channel] = len(rows)
        self.wants = wants
        y = counts[0]
        self.channel_y = {0: 0}
        self.band_y: dict[int, int] = {}
        for band in range(self.arranged.bands):
            self.band_y[band] = y
            high = self.measure.lines + 2 if band == self.arranged.bands - 1 else 1
            if not any(key for key, at in self.arranged.band.items() if at == band):
                high = 0
            y += high
            self.channel_y[band + 1] = y
            least = self.measure.gap if band < self.arranged.bands - 1 else 0
            y += max(counts[band + 1], least)
        rows_below = counts[bottom]
        self.join_rows: dict[int, int] = {}
        for key in self.arranged.joined:
            self.join_rows[key] = self.channel_y[bottom] + rows_below
            rows_below += 1
        self.total_height = self.channel_y[bottom] + rows_below

    def _reached_in(self, net: int, reader: int) -> int:
        """Return the channel from which a circle is reached."""
        channel = self.arranged.channel(net)
        if self.arranged.enters[net, reader] == "centre" and channel <= self.arranged.band[reader]:
            return self.arranged.bands
        return channel

    def _track_start(self, net: int) -> int:
        slot = self.slots[self.arranged.slot_of[net]]
        return self._down(slot, net) if self.flow.marks[net].belt else slot.centre

    def _down_start(self, net: int) -> int:
        if self.flow.marks[net].kind == "entry":
            return self.entry_down.get(net, self.entry_width)
        slot = self.slots[self.arranged.slot_of[net]]
        return self._down(slot, net)

    # --- the drawing ---

    def _row_of(self, key: int) -> int:
        y = self.band_y[self.arranged.band[key]]
        return y + (self.measure.lines + 2) // 2 if self.flow.marks[key].kind == "box" else y

    def _track(self, channel: int, net: int) -> int:
        return self.channel_y[channel] + self.track_row[channel, net]

    def _joint(self, net: int, mark: int, x: int, y: int, way: int) -> None:
        self.joints.append(Joint(net, mark, x, y, way))

    def _run(self, net: int, x: int, y: int, to_x: int, to_y: int) -> None:
        self.runs.append(WirePiece(net, x, y, to_x, to_y))

    def _draw(self) -> None:
        self.places: dict[int, MarkPlace] = {}
        for mark in self.arranged.inner:
            self._place_mark(mark)
        for channel, nets in self.wants.items():
            for net, columns in nets.items():
                y = self._track(channel, net)
                self._run(net, min(columns), y, max(columns), y)
        for mark in self.flow.of_kind("entry"):
            self._place_entry(mark)
        for mark in self.arranged.inner:
            self._draw_leaving(mark)
            for source in self.flow.sources(mark.key):
                if source not in self.arranged.joined:
                    self._draw_entering(source, mark)
        for source, key in self.arranged.exits.items():
            self._draw_exit(source, key)

    def _place_mark(self, mark: Mark) -> None:
        slot, y = self.slots[self.arranged.slot_of[mark.key]], self.band_y[self.arranged.band[mark.key]]
        if mark.kind == "box":
            width = self._box_width(mark)
            x = slot.centre - width // 2
            self.places[mark.key] = MarkPlace(x, y, width, self.measure.lines + 2, x + 1, 0)
        else:
            sign = sign_width(mark)
            x = slot.centre - sign // 2
            self.places[mark.key] = MarkPlace(x, y, sign, 1, x + sign + self._space, len(label_of(mark)) + NUMBER)

    def _place_entry(self, mark: Mark) -> None:
        """Place what comes in at the left: on its belt, on its track, or below the line that it joins."""
        key, net = mark.key, self.arranged.net(mark.key)
        if self.arranged.is_belt_entry(key):
            way = self.flow.belts[mark.name]
            y, first = self.band_y[self.arranged.belts.index(mark.name)], self.places[way[0]]
            self._run(key, self.entry_width, y, first.x - 1, y)
            self._joint(key, way[0], first.x - 1, y, RIGHT)
            if key in self.arranged.leaves_down:
                column = self.entry_down[key]
                self._run(key, column, y, column, self._track(self.arranged.bands, key))
        elif key in self.arranged.joined:
            y = self.join_rows[key]
            self._run(net, self.entry_width, y, self.entry_join[net], y)
            self._run(net, self.entry_join[net], self._track(self.arranged.bands, net), self.entry_join[net], y)
        else:
            y = self._track(self.arranged.bands, key)
        self._joint(net, key, self.entry_width, y, LEFT)
        name = len(end_name(mark, self.measure))
        self.places[key] = MarkPlace(0, y, name, 1, self.entry_width - NUMBER, NUMBER)

    def _draw_leaving(self, mark: Mark) -> None:
        """Draw a value from its mark to its tracks."""
        key, slot, place = mark.key, self.slots[self.arranged.slot_of[mark.key]], self.places[mark.key]
        row = place.row
        if key in self.arranged.leaves_track and not mark.belt:
            y, hangs = self._track(self.arranged.channel(key), key), key in self.arranged.hanging
            start = place.y + 1 if hangs else place.y - 1
            self._run(key, slot.centre, start, slot.centre, y)
            self._joint(key, key, slot.centre, start, UP if hangs else DOWN)
        if key in slot.downs:
            column, side = self._down(slot, key), self._side(mark)
            self._run(key, side, row, column, row)
            self._joint(key, key, side, row, LEFT)
            if key in self.arranged.leaves_down:
                self._run(key, column, row, column, self._track(self.arranged.bands, key))
            if key in self.arranged.leaves_track and mark.belt:
                self._run(key, column, row, column, self._track(self.arranged.channel(key), key))
        elif key in self.arranged.leaves_down:
            self._run(key, slot.centre, row + 1, slot.centre, self._track(self.arranged.bands, key))
            self._joint(key, key, slot.centre, row + 1, UP)

    def _side(self, mark: Mark) -> int:
        """Return the first column right of a mark and its label."""
        place = self.places[mark.key]
        return place.label + place.label_width if mark.kind == "circle" else place.x + place.width

    def _draw_entering(self, source: int, mark: Mark) -> None:
        """Draw a value from its track, or straight from its mark, to where it is read."""
        slot, place, wire = self.slots[self.arranged.slot_of[mark.key]], self.places[mark.key], (source, mark.key)
        net = self.arranged.net(source)
        if wire in self.arranged.straight:
            self._draw_straight(source, mark)
            return
        way = self.arranged.enters.get(wire)
        if way is None:  # along the belt
            if self.flow.marks[source].kind != "entry":
                start, side = self.places[source], self._side(self.flow.marks[source])
                self._run(source, side, start.row, place.x - 1, start.row)
                self._joint(source, source, side, start.row, LEFT)
                self._joint(source, mark.key, place.x - 1, start.row, RIGHT)
        elif way == "pin":
            column, low = self._pin(source, mark.key), place.y + place.height
            self._run(net, column, low, column, self._track(self.arranged.bands, net))
            self._joint(net, mark.key, column, low, UP)
        elif way == "top":
            self._run(source, slot.centre, self.places[source].row, slot.centre, place.y - 1)
            self._joint(source, mark.key, slot.centre, place.y - 1, DOWN)
        elif way == "centre":
            y = self._track(self._reached_in(source, mark.key), source)
            self._run(source, slot.centre, place.y + 1, slot.centre, y)
            self._joint(source, mark.key, slot.centre, place.y + 1, UP)
        else:
            self._draw_from_left(source, mark, way)

    def _draw_straight(self, source: int, mark: Mark) -> None:
        """Draw a value from a mark to the one above or below it."""
        column, start, end = (
            self.slots[self.arranged.slot_of[mark.key]].centre,
            self.places[source],
            self.places[mark.key],
        )
        if mark.key in self.arranged.hanging:
            first, last, ways = start.y + 1, end.y - 1, (UP, DOWN)
        else:
            first, last, ways = start.y - 1, end.y + 1, (DOWN, UP)
        self._run(source, column, first, column, last)
        self._joint(source, source, column, first, ways[0])
        self._joint(source, mark.key, column, last, ways[1])

    def _draw_from_left(self, source: int, mark: Mark, way: str) -> None:
        """Draw a value that comes in at the left of a circle: from a column of the slot, or along the row."""
        slot, place, start = self.slots[self.arranged.slot_of[mark.key]], self.places[mark.key], self.places[source]
        if way == "left":
            column, y = self._feeder(slot, source), self._track(self.arranged.channel(source), source)
            self._run(source, column, y, column, place.row)
        elif start.row == place.row:
            column = self._side(self.flow.marks[source])
            self._joint(source, source, column, place.row, LEFT)
        else:
            column = self.slots[self.arranged.slot_of[source]].centre
            self._run(source, column, start.y - 1, column, place.row)
            self._joint(source, source, column, start.y - 1, DOWN)
        self._run(source, column, place.row, place.x - 1, place.row)
        self._joint(source, mark.key, place.x - 1, place.row, RIGHT)

    def _draw_exit(self, source: int, key: int) -> None:
        mark, start = self.flow.marks[key], self.places[source]
        if source in self.arranged.finals or source in self.arranged.exit_row:
            y, side = start.row, self._side(self.flow.marks[source])
            self._run(source, side, y, self.edge, y)
            self._joint(source, source, side, y, LEFT)
        else:
            y = self._track(self.arranged.channel(source), source)
        self._joint(source, key, self.edge, y, RIGHT)
        name = len(end_name(mark, self.measure))
        number = 0 if self.measure.tight else NUMBER
        self.places[key] = MarkPlace(self.edge + 2, y, name, 1, self.edge + 2 + self.exit_width - number, number)
