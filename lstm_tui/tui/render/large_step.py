"""What this step does to one unit, to be seen: gates on the left, on the right before, kept, written, after, seen."""

from __future__ import annotations

from collections.abc import Callable

from lstm_tui.debugger.beside import Beside, beside
from lstm_tui.debugger.explain import Term
from lstm_tui.debugger.facts import Column
from lstm_tui.debugger.one_step import BY_EDIT, Part, parts_of_step
from lstm_tui.debugger.scale import largest_of, nice_scale
from lstm_tui.engine.number_text import axis_end
from lstm_tui.tui.render.bars import put_bar, put_signed_bar
from lstm_tui.tui.render.cell import explained
from lstm_tui.tui.render.drawing import Drawing, Target
from lstm_tui.tui.render.ghost import put_ghost_bar, put_ghost_signed_bar, sign_of
from lstm_tui.tui.render.label import cut
from lstm_tui.tui.render.large import LINES
from lstm_tui.tui.render.large_rows import Row, fitting, rows_of
from lstm_tui.tui.render.large_slot import WIDE, Slot
from lstm_tui.tui.render.line import Line
from lstm_tui.tui.render.number import plain, signed
from lstm_tui.tui.render.spans import put_span
from lstm_tui.tui.view import View

_NARROW = 110
_SUM = 4.0
"""Half width of the axis of what is summed inside a squash: beyond it a sigmoid or tanh hardly moves."""
_SEEN = 0.005
"""The smallest loss that is worth a caption."""
_INKS = {"before": "soft", "kept": "keep", "written": "write", "edit": "key", "after": "title", "seen": "show"}


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
        self.found: dict[str, Beside] = {}
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
        terms: tuple[Term, ...] = ()
        if all(row.part is None or row.part.kind != "kept" for row in rows) and not any(row.gates for row in rows):
            found = explained(self.view, self.view.value)
            terms = () if found is None else found.terms
        for number, row in enumerate(rows):
            for slot in range(row.slots):
                self._slot(Slot.on(self.drawing, high), row, slot, terms[number : number + 1])
                if gap:
                    self.drawing.line()

    def _heading(self) -> None:
        palette, view, glyphs = self.palette, self.view, self.glyphs
        rule, soft = palette.style("frame"), palette.style("soft")
        line = self.drawing.line().put(glyphs.rule * 2, rule)
        line.put(f" t={view.t} {cut(view.label(view.t, palette), 16, glyphs)} ", soft)
        line.put(glyphs.rule * max(self.left - line.x + 2, 0), rule)
        line.put(f" {view.letter} of unit {view.unit}, axis {glyphs.plus_minus}{axis_end(self.half)} ", soft)
        line.put(glyphs.rule * max(self.drawing.width - line.x, 0), rule)

    def _slot(self, slot: Slot, row: Row, number: int, term: tuple[Term, ...]) -> None:
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

    def _hit(self, slot: Slot, first: int, behind: int, value: str | None) -> None:
        """Say which value lies under a part of a slot."""
        for n in range(len(slot.lines) if value is not None else 0):
            target = Target(pass_name=self.view.pass_name, value=value)
            self.drawing.hits.append((len(self.drawing.lines) - 1 - n, first, behind, target))

    def _own(self, part: Part) -> str:
        return {"after": self.memory, "seen": self.output}.get(part.kind, "")

    def _sign(self, found: Beside | None, reached: bool) -> tuple[str, str]:
        """Return the sign that an edit holds a value, or has changed it."""
        return sign_of(found if reached else None, self.view.unit, self.palette)

    def _was(self, found: Beside | None) -> float | None:
        """Return what a value was in the baseline, where that is shown and it is another now."""
        if found is None or self.view.baseline is None or found.before is None or not found.changed[self.view.unit]:
            return None
        return float(found.before[self.view.unit])

    # --- the left side ---

    def _gate(self, slot: Slot, column: Column) -> None:
        """Write the letter of a gate, what it does, its bar and its number."""
        view = self.view
        reached = view.frame.reached(view.pass_name, column.name)
        value = float(view.passed[column.name][view.t][view.unit])
        found = self.found.get(column.name)
        ink = "title" if column.ink == "plain" else column.ink
        slot.gate(column.letter, column.word or column.label, ink, column.name == view.value, not column.gate)
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

    def _term(self, slot: Slot, term: Term) -> None:
        """Write one summand of a value that is no sum of kept and written."""
        reached = self.view.frame.reached(self.view.pass_name, self.view.value)
        slot.word(term.label, "title", least=WIDE)
        bar = lambda line, width: put_signed_bar(line, term.number, width, self.palette, _SUM)  # noqa: E731
        slot.bar(self.left, bar if reached else self._track)
        text = signed(term.number, self.glyphs) if reached else self.glyphs.more
        slot.number(text, term.number if reached else None, self.left)

    # --- the right side ---

    def _untold(self, slot: Slot) -> None:
        """Say why what is kept and what is written cannot be told apart."""
        why = self.view.facts.no_ledger(self.view.pass_name)
        slot.word(f"kept{self.glyphs.unknown}", "alarm")
        for line, text in zip(slot.lines, why if slot.large else (" ".join(why),), strict=False):
            line.put(self.glyphs.say(text), self.palette.style("ink", bold=True))

    def _part(self, slot: Slot, part: Part) -> None:
        """Write a part of the sum: its word, its bar on the axis of the memory, its number."""
        view, own, value = self.view, self._own(part), part.number
        reached = all(view.frame.reached(view.pass_name, name) for name in part.values)
        found = self.found.get(own)
        slot.word(part.kind, _INKS[part.kind], own == view.value)
        number = value if reached else None

        def bar(line: Line, width: int) -> None:
            if number is None:
                put_span(line, 0.0, 0.0, width, self.half, "faint", self.palette)
                return
            ink, end = _INKS[part.kind], part.start + number
            put_span(line, part.start, end, width, self.half, ink, self.palette, self._lacking(part), self._was(found))

        slot.bar(self.drawing.width, bar, self._captions(part, reached))
        text = self.glyphs.unknown if value is None else signed(value, self.glyphs) if reached else self.glyphs.more
        slot.number(text, number, self.drawing.width, self._sign(found, reached))

    def _lacking(self, part: Part) -> float | None:
        """Return up to where the bar of a part could have gone: what is lost of the old memory, or not shown."""
        other = {"kept": "before", "seen": "after"}.get(part.kind)
        return next((one.number for one in self.parts if one.kind == other), None)

    def _captions(self, part: Part, reached: bool) -> tuple[str, ...]:
        """Return what may stand under the bar of a part, the longest first: its form, and what is hatched."""
        lacking, shade = self._lacking(part), self.glyphs.shade
        shown = part.kind == "seen" and part.text != BY_EDIT
        text = f"{self.output} = {part.text}" if shown else part.text
        if not reached or lacking is None or part.number is None or not abs(lacking) - abs(part.number) >= _SEEN:
            return (text,)
        if part.kind == "seen":
            return f"{text}   {shade} not shown", text
        lost = plain(abs(lacking - part.number), self.glyphs)
        return f"{text}   {shade} forgotten: {lost}", f"{text}  {shade} {lost}", text
