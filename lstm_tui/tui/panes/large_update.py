"""What this step does to one unit, large: gates on the left; before, kept, written, after and hidden on the right.

A slot holds a word, a thick bar and a number, three lines high or, where room is short, one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from math import isfinite

from rich.cells import cell_len
from rich.style import Style

from lstm_tui.debugger.inspect.diff import ValueDiff, beside
from lstm_tui.debugger.inspect.explain import ProductTerm
from lstm_tui.debugger.inspect.scale import largest_of, nice_scale
from lstm_tui.debugger.inspect.state_update import BY_EDIT, UpdatePart, parts_of_step
from lstm_tui.debugger.inspect.trace_facts import Column
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.canvas.canvas import ClickTarget, Drawing, Line, cut, plain, signed
from lstm_tui.tui.canvas.charts import put_bar, put_ghost_bar, put_ghost_signed_bar, put_signed_bar, put_span, sign_of
from lstm_tui.tui.canvas.large_text import LINES, put_large, width_of
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.panes.equations import explained
from lstm_tui.tui.view import View


@dataclass
class LargeRow:
    """A part of the sum and the gates beside it; `part` is None where kept and written cannot be told apart."""

    part: UpdatePart | None
    gates: list[Column] = field(default_factory=list)

    @property
    def slots(self) -> int:
        """How many slots it takes: each gate has its own."""
        return max(len(self.gates), 1)


def rows_of(view: View, parts: tuple[UpdatePart, ...]) -> list[LargeRow]:
    """Return the parts with the gates they are made of; gates of none of them stand first."""
    rows = [LargeRow(part) for part in parts]
    if not any(part.kind == "kept" for part in parts):
        rows.insert(len(rows) - 1, LargeRow(None))
    spare: list[Column] = []
    for column in view.columns(view.pass_name):
        if column.name in (view.memory_name, view.passed.cell.output):
            continue
        home = next((row for row in rows if row.part is not None and column.name in row.part.values), None)
        (spare if home is None else home.gates).append(column)
    for row in rows:  # the candidate behind its gate
        row.gates.sort(key=lambda column: not column.acts)
    rows[0].gates[:0] = spare
    return rows


def fitting(rows: list[LargeRow], slots: int, view: View) -> list[LargeRow]:
    """Return what fits: gates that say least go first, then the rows that are farthest from the chosen value."""
    value = view.value
    while sum(row.slots for row in rows) > slots:
        row = max(rows, key=lambda row: row.slots)
        if row.slots == 1:
            break
        row.gates.remove(next(gate for gate in reversed(row.gates) if gate.name != value))
    place = next((n for n, row in enumerate(rows) if _is_of(row, value, view)), 0)
    first = max(place - slots + 1, 0)
    return rows[first : first + slots]


def _is_of(row: LargeRow, value: str, view: View) -> bool:
    if any(gate.name == value for gate in row.gates):
        return True
    kind = "after" if value == view.memory_name else "hidden" if value == view.passed.cell.output else ""
    return row.part is not None and row.part.kind == kind


WIDE, _MIDDLE = 140, 110
"""Cells of the screen from which on all words are large, and from which on those of the sum are."""
_SIGNS = 2
"""Cells behind a number."""
_LETTER, _WORD = 7, 20
"""Cells of the largest letters and of the largest word beside them."""


@dataclass
class LargeSlot:
    """Writes from left to right on the lines of a slot.

    Attributes:
        lines: One or three.
        palette: Colours and signs.
        screen: Cells of the whole screen.
        signed: Whether its number has a sign.
    """

    lines: list[Line]
    palette: Palette
    screen: int
    signed: bool = True

    @classmethod
    def on(cls, drawing: Drawing, high: int) -> LargeSlot:
        """Begin a slot of so many lines."""
        return cls([drawing.line() for _ in range(high)], drawing.palette, drawing.width)

    @property
    def large(self) -> bool:
        """Whether it is three lines high."""
        return len(self.lines) == LINES

    @property
    def x(self) -> int:
        """The column behind what is written."""
        return max(line.x for line in self.lines)

    def to(self, x: int) -> None:
        """Go to a column."""
        for line in self.lines:
            line.to(x)

    def gate(self, letter: str, word: str, ink: str, chosen: bool, signed: bool, slot_end: int) -> None:
        """Write the letter of a gate and what it does, in columns of their own, in what a bar and a number leave.

        A word that has no room there is left out: the letter says it.
        """
        self.signed = signed
        narrow, wide, glyphs = self.screen < _MIDDLE, self.screen >= WIDE and self.large, self.palette.glyphs
        self._cursor(chosen)
        end = self.x + (5 if narrow else 8)
        strong = self.palette.style(ink, bold=True)
        self._put(cut(letter, _LETTER, glyphs), strong, width_of(letter, glyphs) <= _LETTER)
        self.to(end)
        room = max(min(_ROLE, slot_end - self._least - end - 1), 0)
        word = glyphs.say(word)
        quiet = self.palette.style("title" if chosen else "ink", bold=True)
        self._put(word if cell_len(word) <= room else "", quiet, wide and width_of(word, glyphs) <= _WORD)
        self.to(end + (_WORD + 1 if wide else room + 1 if room else 0))

    def word(self, word: str, ink: str, slot_end: int, chosen: bool = False, least: int = _MIDDLE) -> None:
        """Write what a part of the sum is, in what a bar and a number leave; large on a screen of at least so many."""
        glyphs, self.signed = self.palette.glyphs, True
        self._cursor(chosen)
        room = 28 if self.large and self.screen >= least else 8 if self.screen < _MIDDLE else 11
        room = max(min(room, slot_end - self._least - self.x), 1)
        word = glyphs.say(word)
        end = self.x + room
        large = room > 11 and width_of(word, glyphs) < room
        self._put(cut(word, room - 1, glyphs), self.palette.style(ink, bold=True), large)
        self.to(end)

    def bar(self, end: int, put: Callable[[Line, int], None], caption: tuple[str, ...] = ()) -> None:
        """Have a bar written up to where the number begins whose slot ends at `end`, and a caption under it."""
        start, width = self.x, max((end - self.x - self._number_room - _SIGNS) // 2 * 2, 2)
        for line in self.lines[: 2 if self.large else 1]:
            put(line, width)
        if self.large and caption:
            texts = [self.palette.glyphs.say(text) for text in caption]
            text = next((text for text in texts if cell_len(text) <= width), texts[-1])
            self.lines[-1].to(start).put(cut(text, width, self.palette.glyphs), self.palette.style("soft"))

    def number(self, text: str, value: float | None, end: int, sign: tuple[str, str] = ("", "ink")) -> None:
        """Write a number so that it ends near `end`, and behind it a sign in its ink."""
        style = self.palette.style("title" if value is None or isfinite(value) else "alarm", bold=True)
        edge = end - _SIGNS
        large = self.large and width_of(text, self.palette.glyphs) <= self._number_room
        self.to(edge - (width_of(text, self.palette.glyphs) if large else cell_len(text)))
        self._put(text, style, large)
        self.to(edge)
        self.lines[0].put(f" {sign[0]}"[:_SIGNS], self.palette.style(sign[1], bold=True))

    @property
    def _least(self) -> int:
        """The fewest cells of a bar and the number behind it."""
        return 2 + self._number_room + _SIGNS

    @property
    def _number_room(self) -> int:
        return width_of("+1.00" if self.signed else "1.00", self.palette.glyphs) + 1 if self.large else 6

    def _cursor(self, chosen: bool) -> None:
        for n, line in enumerate(self.lines):
            mark = self.palette.glyphs.cursor if chosen and n == len(self.lines) // 2 else " "
            line.put(f"{mark} ", self.palette.style("focus", bold=True))

    def _put(self, text: str, style: Style, large: bool) -> None:
        if large and self.large:
            put_large(self.lines, text, style, self.palette.glyphs)
        else:
            self.lines[len(self.lines) // 2].put(text, style)


_NARROW = 110
_SUM = 4.0
"""Half width of the axis of what is summed inside a squash: beyond it a sigmoid or tanh hardly moves."""
_SEEN = 0.005
"""The smallest loss that is worth a caption."""
_ROLE = len("candidate")  # cells of what a gate does, where it is not written large
_INKS = {"before": "soft", "kept": "keep", "written": "write", "edit": "key", "after": "title", "hidden": "show"}


def draw_step(drawing: Drawing, view: View, height: int) -> None:
    """Draw the step in `height` lines: large slots of three lines, or one line each where that shows more."""
    _Step(drawing, view).draw(height)


class _Step:
    """Draws gates and sum over the same slots."""

    def __init__(self, drawing: Drawing, view: View) -> None:
        self.drawing, self.view = drawing, view
        self.palette, self.glyphs = drawing.palette, drawing.palette.glyphs
        self.memory, self.output = view.memory_name, view.passed.cell.output
        self.left = drawing.width * 2 // 5 if drawing.width >= _NARROW else (drawing.width - 4) // 2
        self.found: dict[str, ValueDiff] = {}
        if (difference := view.frame.difference) is not None:
            names = (column.name for column in view.columns(view.pass_name))
            self.found = {name: beside(difference, view.pass_name, name, view.t) for name in names}
        self.parts = parts_of_step(view.passed, self.memory, view.t, view.unit)
        self.half = self._half()

    def _half(self) -> float:
        """Return the half width of an axis that holds the memory of this unit at every step, and what is seen of it."""
        view, largest = self.view, 0.0
        runs = [view.trace] if view.baseline is None else [view.trace, view.baseline.before]
        for run in runs:
            passed = run[view.pass_name]
            for name in (self.memory, self.output):
                if name in passed and passed[name].shape[1] > view.unit:
                    largest = max(largest, largest_of(passed[name][:, view.unit]))
        return nice_scale(largest, least=0.01)

    def draw(self, height: int) -> None:
        """Write a heading where a line is left for it, then every row that fits."""
        rows = rows_of(self.view, self.parts)
        wanted = sum(row.slots for row in rows)
        headed = height % LINES != 0 or height >= LINES * wanted
        room = height - headed
        high = LINES if room >= LINES * min(wanted, 4) else 1
        rows = fitting(rows, max(room // high, 1), self.view)
        wanted = sum(row.slots for row in rows)
        gap = high == LINES and room - high * wanted >= wanted - 1
        if headed:
            self._heading()
        terms: tuple[ProductTerm, ...] = ()
        if all(row.part is None or row.part.kind != "kept" for row in rows) and not any(row.gates for row in rows):
            found = explained(self.view, self.view.value)
            terms = () if found is None else found.terms
        for number, row in enumerate(rows):
            for slot in range(row.slots):
                self._slot(LargeSlot.on(self.drawing, high), row, slot, terms[number : number + 1])
                if gap:
                    self.drawing.line()

    def _heading(self) -> None:
        palette, view, glyphs = self.palette, self.view, self.glyphs
        rule, soft = palette.style("frame"), palette.style("soft")
        line = self.drawing.line().put(glyphs.rule * 2, rule)
        line.put(f" t={view.t} {cut(view.label(view.t, palette), 16, glyphs)} ", soft)
        line.put(glyphs.rule * max(self.left - line.x + 2, 0), rule)
        line.put(
            f" {view.letter} of {glyphs.say(view.unit_words())}, axis {glyphs.plus_minus}{axis_end(self.half)} ", soft
        )
        line.put(glyphs.rule * max(self.drawing.width - line.x, 0), rule)

    def _slot(self, slot: LargeSlot, row: LargeRow, number: int, term: tuple[ProductTerm, ...]) -> None:
        """Write a gate of a row, or a term, on the left; on the right, in the row's last slot, its part."""
        target = None
        if row.gates:
            self._gate(slot, row.gates[number])
            target = row.gates[number].name
        elif term:
            self._term(slot, term[0])
        self._hit(slot, 0, self.left, target)
        slot.to(self.left)
        if number < row.slots - 1:
            return
        if row.part is None:
            self._untold(slot)
        else:
            self._part(slot, row.part)
            self._hit(slot, self.left, self.drawing.width, self._own(row.part) or None)

    def _hit(self, slot: LargeSlot, first: int, behind: int, value: str | None) -> None:
        """Say which value lies under a part of a slot."""
        for n in range(len(slot.lines) if value is not None else 0):
            target = ClickTarget(pass_name=self.view.pass_name, value=value)
            self.drawing.hits.append((len(self.drawing.lines) - 1 - n, first, behind, target))

    def _own(self, part: UpdatePart) -> str:
        return {"after": self.memory, "hidden": self.output}.get(part.kind, "")

    def _sign(self, found: ValueDiff | None, reached: bool) -> tuple[str, str]:
        """Return the sign that an edit holds a value, or has changed it."""
        return sign_of(found if reached else None, self.view.unit, self.palette)

    def _was(self, found: ValueDiff | None) -> float | None:
        """Return what a value was in the baseline, where that is shown and it is another now."""
        if found is None or self.view.baseline is None or found.before is None or not found.changed[self.view.unit]:
            return None
        return float(found.before[self.view.unit])

    # --- the left side ---

    def _gate(self, slot: LargeSlot, column: Column) -> None:
        """Write the letter of a gate, what it does, its bar and its number."""
        view = self.view
        reached = view.frame.reached(view.pass_name, column.name)
        value = float(view.passed[column.name][view.t][view.unit])
        found = self.found.get(column.name)
        ink = "title" if column.ink == "plain" else column.ink
        slot.gate(
            column.letter, column.word or column.label, ink, column.name == view.value, not column.gate, self.left
        )
        slot.bar(self.left, self._gate_bar(column, value, self._was(found)) if reached else self._track)
        text = (plain if column.gate else signed)(value, self.glyphs) if reached else self.glyphs.more
        slot.number(text, value if reached else None, self.left, self._sign(found, reached))

    def _gate_bar(self, column: Column, value: float, was: float | None) -> Callable[[Line, int], None]:
        palette, half = self.palette, column.half
        if column.gate and was is None:
            return lambda line, width: put_bar(line, value, width, column.ink, palette, False, half)
        if was is None:
            return lambda line, width: put_signed_bar(line, value, width, palette, half)
        if column.gate:
            return lambda line, width: put_ghost_bar(line, value, was, width, column.ink, palette, False, half)
        return lambda line, width: put_ghost_signed_bar(line, value, was, width, palette, half)

    def _track(self, line: Line, width: int) -> None:
        """Write a bar of what the run has not come to."""
        line.put(" " * width, self.palette.style("faint", "track"))

    def _term(self, slot: LargeSlot, term: ProductTerm) -> None:
        """Write one summand of a value that is no sum of kept and written."""
        reached = self.view.frame.reached(self.view.pass_name, self.view.value)
        slot.word(term.label, "title", self.left, least=WIDE)
        bar = lambda line, width: put_signed_bar(line, term.number, width, self.palette, _SUM)  # noqa: E731
        slot.bar(self.left, bar if reached else self._track)
        text = signed(term.number, self.glyphs, places=None) if reached else self.glyphs.more
        slot.number(text, term.number if reached else None, self.left)

    # --- the right side ---

    def _untold(self, slot: LargeSlot) -> None:
        """Say why what is kept and what is written cannot be told apart."""
        why = self.view.facts.no_ledger(self.view.pass_name)
        slot.word(f"kept{self.glyphs.unknown}", "alarm", self.drawing.width)
        for line, text in zip(slot.lines, why if slot.large else (" ".join(why),), strict=False):
            line.put(self.glyphs.say(text), self.palette.style("ink", bold=True))

    def _part(self, slot: LargeSlot, part: UpdatePart) -> None:
        """Write a part of the sum: its word, its bar on the axis of the memory, its number."""
        view, own, value = self.view, self._own(part), part.number
        reached = all(view.frame.reached(view.pass_name, name) for name in part.values)
        found = self.found.get(own)
        slot.word(part.kind, _INKS[part.kind], self.drawing.width, own == view.value)
        number = value if reached else None

        def bar(line: Line, width: int) -> None:
            if number is None:
                put_span(line, 0.0, 0.0, width, self.half, "faint", self.palette)
                return
            ink, end = _INKS[part.kind], part.start + number
            put_span(line, part.start, end, width, self.half, ink, self.palette, self._lacking(part), self._was(found))

        slot.bar(self.drawing.width, bar, self._captions(part, reached))
        text = self.glyphs.unknown if value is None else self.glyphs.more
        if value is not None and reached:
            text = signed(value, self.glyphs, places=None)
        slot.number(text, number, self.drawing.width, self._sign(found, reached))

    def _lacking(self, part: UpdatePart) -> float | None:
        """Return up to where the bar of a part could have gone: what is lost of the old memory, or not shown."""
        other = {"kept": "before", "hidden": "after"}.get(part.kind)
        return next((one.number for one in self.parts if one.kind == other), None)

    def _captions(self, part: UpdatePart, reached: bool) -> tuple[str, ...]:
        """Return what may stand under the bar of a part, the longest first: its form, and what is hatched."""
        lacking, shade = self._lacking(part), self.glyphs.shade
        shown = part.kind == "hidden" and part.text != BY_EDIT
        text = f"{self.output} = {part.text}" if shown else part.text
        if not reached or lacking is None or part.number is None or not abs(lacking) - abs(part.number) >= _SEEN:
            return (text,)
        if part.kind == "hidden":
            return f"{text}   {shade} not shown", text
        lost = plain(abs(lacking - part.number), self.glyphs, places=None)
        return f"{text}   {shade} forgotten: {lost}", f"{text}  {shade} {lost}", text
