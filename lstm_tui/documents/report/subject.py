"""The run that a report tells of: its numbers beside those of the baseline, by token, pass and unit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from lstm_tui.analysis.ledger import Ledger, ledger_at
from lstm_tui.debugger.inspect.cut_words import cut_words
from lstm_tui.debugger.inspect.diff import TraceDiff
from lstm_tui.debugger.inspect.scale import axis_words, scale_of
from lstm_tui.debugger.inspect.trace_facts import Facts, letter
from lstm_tui.debugger.position import Frame
from lstm_tui.documents.blocks import MINUS, Entry, LabelledNumber, Part, Scale, TableColumn, TableRow, figure, named
from lstm_tui.documents.report.selection import Choice
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import ranges_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.trace import PassTrace, Trace

_SHORT = 12
NOT_YET = "…"
"""Stands for a number that the session has not come to."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What a report is about.

    Attributes:
        frame: The run and where the session stands in it.
        facts: Of the run, and of its baseline where there are edits.
        choice: What of it is told.
        standing: Whether it is told where the session stands.
        edits: Those in force: in words, which may be empty, and as lines of an edit script.
        so_far: Whether what the session has not come to yet is left out.
    """

    frame: Frame
    facts: Facts
    choice: Choice
    standing: bool
    edits: tuple[tuple[str, str], ...]
    so_far: bool = False

    @property
    def trace(self) -> Trace:
        """The run."""
        return self.frame.trace

    @property
    def difference(self) -> TraceDiff | None:
        """The run beside its baseline, where there are edits."""
        return self.frame.difference

    def passed(self, name: str) -> PassTrace:
        """Return a pass."""
        return self.trace[name]

    def units(self, name: str) -> int:
        """Return how many units of a pass are there; a trace file may hold some of them."""
        return int(self.trace[name][self.facts.memory(name)].shape[1])

    def letter(self, name: str) -> str:
        """Return how the memory of a pass is written."""
        return letter(self.facts.memory(name))

    @cached_property
    def _ledgers(self) -> dict[tuple[str, bool], Ledger | None]:
        return {}

    def remembered(self, name: str, baseline: bool = False) -> Ledger | None:
        """Return whose memory a pass has at the end of the list of tokens; so of the baseline at the same token."""
        if (name, baseline) not in self._ledgers:
            facts, place = self.facts, self.choice.read[name]
            origin = self.origin(place)
            if not baseline:
                made = _ledger(facts, name, place)
            else:
                made = None if facts.before is None or origin is None else _ledger(facts.before, name, origin)
            self._ledgers[name, baseline] = made
        return self._ledgers[name, baseline]

    def token(self, t: int) -> str:
        """Return a token as it is shown; of a row of numbers, with a true minus."""
        sequence = self.trace.sequence
        return named(sequence.tokens[t] if not sequence.is_of_numbers else sequence.tokens[t].replace("-", MINUS))

    def short(self, t: int) -> str:
        """Return what a narrow column calls a token: its beginning, or the place of a row of numbers."""
        if self.trace.sequence.is_of_numbers:
            return str(t)
        return shortened(self.token(t))

    def origin(self, t: int) -> int | None:
        """Return where a token stands in the baseline; None where it was inserted, or nothing is edited."""
        return None if self.difference is None else self.difference.origins[t]

    def before(self, name: str, value: str) -> Array | None:
        """Return a value of a pass in the baseline, (T, n); None where there is none like it."""
        if self.difference is None or name not in self.difference.before:
            return None
        passed = self.difference.before[name]
        alike = value in passed and passed[value].shape[1:] == self.trace[name][value].shape[1:]
        return passed[value] if alike else None

    @cached_property
    def _holds(self) -> dict[tuple[str, str], list[tuple[range, range]]]:
        held: dict[tuple[str, str], list[tuple[range, range]]] = {}
        for hold in () if self.difference is None else self.difference.holds:
            held.setdefault((hold.pass_name, hold.value), []).append((hold.places, range(*hold.units)))
        return held

    def edited(self, name: str, value: str, t: int, unit: int) -> bool:
        """Say whether an edit set or scaled a unit of a value at a step."""
        return any(t in steps and unit in units for steps, units in self._holds.get((name, value), ()))

    def measure(self, name: str, value: str, t: int, unit: int) -> LabelledNumber:
        """Return one unit of a value at a step, with what it was."""
        before, origin = self.before(name, value), self.origin(t)
        was = None if before is None or origin is None else float(before[origin, unit])
        return LabelledNumber(float(self.trace[name][value][t, unit]), was, self.edited(name, value, t, unit))

    def entry(self, name: str, value: str, t: int, unit: int) -> Entry:
        """Return one unit of a value at a step; where the session has not come to it, and that is asked, its sign."""
        return self.measure(name, value, t, unit) if self.is_told(name, value, t) else NOT_YET

    def is_told(self, name: str, value: str, t: int) -> bool:
        """Say whether a value at a step is told: all are, unless only what the session has come to is."""
        return not self.so_far or self.frame.reached(name, value, t)

    def half(self, name: str, value: str) -> float:
        """Return the half width of an axis that holds a value at every step that is told."""
        steps = self.choice.steps
        if len(steps) == self.facts.length:
            return self.facts.half(name, value)
        shown = self.passed(name)[value][steps.start : steps.stop]
        return scale_of(shown)

    def column(self, name: str, value: str) -> TableColumn:
        """Return the column of a value of a pass."""
        one = next(each for each in self.facts.columns(name) if each.name == value)
        bound = ranges_of(self.passed(name).cell).get(value)
        half = one.half if bound is not None else self.half(name, value)
        axis = axis_words(half, not one.gate)
        heading = one.letter if one.label in ("", one.letter) else f"{one.letter} {one.label}"
        word = one.word
        note = axis if word in ("", one.label) else f"{word}, {axis}"
        return TableColumn(heading, note, Scale("gate" if one.gate else "signed", half), one.ink)

    def row(self, t: int, *entries: LabelledNumber | str | None) -> TableRow:
        """Return the row of a token."""
        here = self.standing and t == self.frame.t
        part: Part = "here" if here else "row"
        return TableRow((str(t), self.token(t)), entries, part, ", ".join(self._remarks(t, here)))

    def _remarks(self, t: int, here: bool) -> Iterator[str]:
        if here:
            yield "here"
        if self.difference is not None and self.origin(t) is None:
            yield "inserted"
        elif self.difference is not None and self.difference.replaced(t):
            yield f"was “{named(self.difference.before.sequence.tokens[self.difference.origins[t] or 0])}”"
        if cut := cut_words(self.trace.sequence, t):
            yield cut
        if t in self.facts.unknown:
            yield "unknown to the network"

    def place(self, t: int) -> str:
        """Return a place on the tape with its token: `t = 3 “not”`."""
        return f"t = {t} “{self.token(t)}”"


def _ledger(facts: Facts, name: str, t: int) -> Ledger | None:
    flow = facts.flow(name) if name in facts.trace else None
    return None if flow is None else ledger_at(facts.trace[name], flow, t)


def was(number: float, sign: bool = False) -> str:
    """Return a number of the baseline that has none beside it."""
    return f"was {figure(number, sign=sign)}"


def shortened(token: str) -> str:
    """Return what a narrow column calls a token: its beginning."""
    return token if len(token) <= _SHORT else f"{token[: _SHORT - 1]}…"
