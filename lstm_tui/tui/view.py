"""What the whole screen shows: one frame of the session and what the user has chosen to look at.

A view is never changed. The screen holds the newest in one reactive, every pane is handed it, and a pane that
wants another sends a message. While there is no run the screen shows `EMPTY`, so that nobody asks for a view first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from lstm_tui.analysis.ledger import Ledger, lost_at
from lstm_tui.analysis.memory_events import MemoryStep
from lstm_tui.debugger.inspect.now import NowSentence, now, unit_at_start
from lstm_tui.debugger.inspect.prediction import Prediction, verdict_at
from lstm_tui.debugger.inspect.state_update import unit_beside
from lstm_tui.debugger.inspect.trace_facts import Column, Facts, letter
from lstm_tui.debugger.position import Frame, Position
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.tui.canvas.canvas import first_row, signed, token_label
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.ledger_rows import Sources

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.breakpoints import Marks, Shown
    from lstm_tui.debugger.inspect.diff import TraceDiff

Order = Literal["size", "change", "index", "lost"]
_NUMBERS = 3
"""Numbers of a row that stand on the tape."""
ORDERS: tuple[Order, ...] = ("size", "change", "index", "lost")


class Live(NamedTuple):
    """How it stands with a text that grows.

    Attributes:
        comes: Whether more may come.
        unseen: How many tokens have come behind the last one the run stood at.
        words: All of it in a word or two.
    """

    comes: bool
    unseen: int
    words: str


class Stopped(NamedTuple):
    """The last stop at a breakpoint.

    Attributes:
        reason: Expression, values and threshold of everything that stopped the run.
        t: Where it was.
        here: Whether the run still stands there.
    """

    reason: str
    t: int
    here: bool


@dataclass(frozen=True, eq=False)
class View:
    """One picture of the session.

    Attributes:
        frame: Where the run stands.
        facts: What is the same at every position of this trace.
        units: The chosen unit of each pass that has one chosen.
        value: The value under the cursor.
        place: The token under the cursor of a pane, or None when it is that of the position.
        follow: Whether the list of units is scrolled to the chosen one, as when the cursor moves in it; else it
            begins with the largest, and the chosen one stands below them when it is not among them.
        everyone: Whether the ledger is that of all units of the pass, not of the chosen one.
        beside: Whether the baseline is shown beside an edited run.
        order: How units are ordered.
        signal: Number of the signal that colours the tape.
        lines: How many sequences are open.
        title: What the header says of the network.
        said: What the last command has to say, such as why it went no further.
        stops: At which places of the tape the run would stop; None before any breakpoint was set.
        live: How it stands with a text that grows; None where it does not.
        stopped: The last stop at a breakpoint, as long as there is one.
        displays: What every display says here.
        shares_of: Places on the tape whose share of the memory is always shown: a lesson speaks of them.
        spoken_of: Outputs that are always shown, by name: a lesson speaks of them.
        veiled: Whether what the run has not come to is left out, as while a lesson asks what it will be.
    """

    frame: Frame
    facts: Facts
    units: Mapping[str, int] = field(default_factory=dict)
    value: str = ""
    place: int | None = None
    follow: bool = False
    everyone: bool = False
    beside: bool = True
    order: Order = "size"
    signal: int = 0
    lines: int = 1
    title: str = ""
    said: str = ""
    stops: Marks | None = None
    live: Live | None = None
    stopped: Stopped | None = None
    displays: tuple[Shown, ...] = ()
    spoken_of: tuple[str, ...] = ()
    shares_of: tuple[int, ...] = ()
    veiled: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is no run to show yet: no pass, no token."""
        return not self.frame.trace.passes

    @property
    def trace(self) -> Trace:
        """The run that is shown."""
        return self.frame.trace

    @property
    def edits(self) -> int:
        """How many edits are in force."""
        return len(self.trace.edits)

    @property
    def baseline(self) -> TraceDiff | None:
        """The run beside its baseline, where that is to be shown."""
        return self.frame.difference if self.beside else None

    @property
    def pass_name(self) -> str:
        """The selected pass."""
        return self.frame.position.pass_name

    @property
    def t(self) -> int:
        """The token at which the run stands."""
        return self.frame.position.t

    @property
    def passed(self) -> PassTrace:
        """The values of the selected pass."""
        return self.trace[self.pass_name]

    @property
    def cursor_t(self) -> int:
        """The token under the cursor."""
        return self.t if self.place is None else min(self.place, self.facts.length - 1)

    @cached_property
    def letter(self) -> str:
        """How the memory of the selected pass is written."""
        return letter(self.memory_name)

    @cached_property
    def memory_name(self) -> str:
        """The value that holds the memory of the selected pass."""
        return self.facts.memory(self.pass_name)

    def partner(self) -> str | None:
        """Return the pass of the same layer that reads the other way, if there is one."""
        layer = self.pass_name.split(".")[0]
        others = [name for name in self.facts.names if name.split(".")[0] == layer and name != self.pass_name]
        return others[0] if others else None

    def sides(self) -> tuple[str, str | None]:
        """Return the forward and the backward pass of the selected layer, in that order."""
        partner = self.partner()
        if partner is None:
            return self.pass_name, None
        forward_first = self.trace[self.pass_name].direction == "forward"
        return (self.pass_name, partner) if forward_first else (partner, self.pass_name)

    def table(self) -> int:
        """Return the number of the pane with the units of the selected pass."""
        return 3 if self.partner() is not None and self.passed.direction == "backward" else 2

    def label(self, t: int, palette: Palette) -> str:
        """Return a token as it is shown; of a row of numbers, the first ones."""
        sequence = self.trace.sequence
        if sequence.is_of_numbers and sequence.x is not None:
            return " ".join(signed(float(number), palette.glyphs, places=None) for number in sequence.x[t][:_NUMBERS])
        return token_label(sequence.tokens[t], palette.glyphs)

    def short_label(self, t: int, palette: Palette) -> str:
        """Return a token where there is little room; a row of numbers by its place."""
        return f"t={t}" if self.trace.sequence.is_of_numbers else self.label(t, palette)

    def unit_of(self, pass_name: str) -> int:
        """Return the chosen unit of a pass.

        Where none is chosen it is the one of which the first sentence speaks, and without such the one with the largest
        memory.
        """
        count = self.trace[pass_name][self.facts.memory(pass_name)].shape[1]
        chosen = self.units.get(pass_name)
        if chosen is None:
            chosen = unit_at_start(self.frame, self.facts, pass_name)
        return int(self.ranking(pass_name)[0]) if chosen is None else min(chosen, count - 1)

    @property
    def unit(self) -> int:
        """The chosen unit of the selected pass."""
        return self.unit_of(self.pass_name)

    def unit_in(self, value: str) -> int:
        """Return which unit of a value of the selected pass goes with the chosen one."""
        return unit_beside(self.passed, self.memory_name, value, self.unit)

    def label_of(self, value: str) -> str:
        """Return the chosen unit of a value where there is little room: of a matrix its head, row and column."""
        place = self._place()
        if place is None:
            return self.frame.names.label(self.pass_name, self.unit)
        return place if value not in self.passed or self._is_wide(value) else str(self.unit_in(value))

    def words_of(self, value: str) -> str:
        """Return the chosen unit of a value in words: `unit 7`, or what goes with one place of a matrix."""
        place = self._place()
        if place is None:
            return self.unit_words()
        memory = f"{self.letter}[{place}]"
        return (
            memory
            if value not in self.passed or self._is_wide(value)
            else f"{value}[{self.unit_in(value)}] of {memory}"
        )

    def _is_wide(self, value: str) -> bool:
        return bool(self.passed[value].shape[1] == self.passed[self.memory_name].shape[1])

    def _place(self) -> str | None:
        """Return head, row and column of the chosen unit of a memory that is a matrix; of one head row and column."""
        shape = self.passed.shape_of(self.memory_name)
        return None if shape is None else shape.written(self.unit)

    @cached_property
    def _rankings(self) -> dict[str, Array]:
        return {}

    def ranking(self, pass_name: str) -> Array:
        """Return the units of a pass in the chosen order."""
        if pass_name not in self._rankings:
            passed, name = self.trace[pass_name], self.facts.memory(pass_name)
            memory = passed[name][self.t]
            if self.order == "index":
                made = np.arange(len(memory))
            elif self.order == "lost" and (part := self.facts.flow_near(pass_name, self.t)) is not None:
                lost = lost_at(part.passed, part.flow, self.t - part.first)
                made = np.argsort(-np.nan_to_num(lost, nan=np.inf), kind="stable")
            else:
                before = passed.reading_step(self.t) > 0 or name in passed.initial
                old = passed.previous(name, self.t) if self.order == "change" and before else 0.0
                with np.errstate(all="ignore"):
                    size = np.nan_to_num(np.abs(memory - old), nan=np.inf)  # a unit that is NaN comes first
                made = np.argsort(-size, kind="stable")
            self._rankings[pass_name] = made
        return self._rankings[pass_name]

    def ranked_as(self, other: View) -> View:
        """Return this view with the units of the selected pass in the order in which another view has them."""
        made = replace(self)
        made._rankings[self.pass_name] = other.ranking(self.pass_name)
        return made

    def units_in_sight(self, pass_name: str, rows: int) -> tuple[list[int], list[int]]:
        """Return the units to draw in so many rows, and the place of each in the order, from 0."""
        ranking = self.ranking(pass_name)
        place = int(np.flatnonzero(ranking == self.unit_of(pass_name))[0])
        if self.follow and pass_name == self.pass_name:
            first = first_row(place, len(ranking), rows)
        elif pass_name == self.pass_name and place >= rows > 1 and self.order != "index":
            places = [*range(rows - 1), place]
            return [int(ranking[one]) for one in places], places
        else:
            first = first_row(place, len(ranking), rows) if self.order == "index" else 0
        places = list(range(first, min(first + rows, len(ranking))))
        return [int(ranking[one]) for one in places], places

    def order_words(self) -> str:
        """Return the order in words."""
        words = {"size": f"by |{self.letter}|", "change": f"by |Δ{self.letter}|", "index": "by index"}
        return words.get(self.order, f"by what {self.letter} lost here")

    def columns(self, pass_name: str) -> tuple[Column, ...]:
        """Return the columns of a pass."""
        return self.facts.columns(pass_name)

    def signal_name(self) -> str:
        """Return the signal that colours the tape."""
        names = self.facts.signals(self.pass_name)
        return names[self.signal % len(names)]

    def has_reached(self, pass_name: str, t: int) -> bool:
        """Say whether a pass's memory after a token is reached at the position."""
        if t == self.t:
            return self.frame.reached(pass_name, self.facts.memory(pass_name))
        passed = self.trace[pass_name]
        return passed.reading_step(t) < passed.reading_step(self.t)

    def is_veiled(self, t: int) -> bool:
        """Say whether what stands at a token is left out, since the run has not come to it."""
        return self.veiled and not self.has_reached(self.pass_name, t)

    @cached_property
    def ledger(self) -> Ledger | None:
        """What the chosen unit, or all units, remember by token; None where there is no ledger, or not yet.

        Of a run in windows it is split by the tokens near the position; what was there before is its start.
        """
        if not self.trace.is_ready(self.pass_name, self.t):
            return None
        part = self.facts.flow_near(self.pass_name, self.t)
        if part is None:
            return None
        reached = self.frame.reached(self.pass_name, self.memory_name)
        return part.ledger(self.t, reached, None if self.everyone else self.unit)

    @cached_property
    def read_ledger(self) -> Ledger | None:
        """Who wrote what the chosen value reads here of a memory that is a matrix; None where it reads none."""
        if self.everyone or self.value not in self.passed.cell.values:
            return None
        if not self.frame.reached(self.pass_name, self.value):
            return None
        split = self.facts.read_split(self.pass_name, self.value, self.t)
        if split is None:
            return None
        steps = np.arange(self.passed.steps)
        forward = self.passed.direction == "forward"
        return split.ledger(self.unit_in(self.value), steps <= self.t if forward else steps >= self.t)

    @cached_property
    def sources(self) -> Sources | None:
        """Whatever is in the memory, beside the baseline where that is shown; None where there is no ledger."""
        if self.ledger is None:
            return None
        difference, plain = self.baseline, self.facts.before
        origin = None if difference is None else difference.origins[self.t]
        if difference is None or origin is None or plain is None or self.pass_name not in difference.before:
            return Sources(self.ledger)
        part = plain.flow_near(self.pass_name, origin)
        if part is None or part.flow.write.shape[1] != self.passed[self.memory_name].shape[1]:
            return Sources(self.ledger)
        reached = self.frame.reached(self.pass_name, self.memory_name)
        then = part.ledger(origin, reached, None if self.everyone else self.unit)
        return Sources(self.ledger, then, difference.origins)

    def whose(self) -> str:
        """Return whose memory the ledger is of, in words."""
        return "all units" if self.everyone else self.unit_words()

    def unit_words(self) -> str:
        """Return the chosen unit by its number, and by its name where it has one: `unit 11 gender`."""
        place = self._place()
        return self.frame.names.words(self.pass_name, self.unit) if place is None else f"{self.letter}[{place}]"

    def unit_short(self) -> str:
        """Return the chosen unit where there is little room: its name, or `unit 11`."""
        place = self._place()
        return self.frame.names.short(self.pass_name, self.unit) if place is None else f"{self.letter}[{place}]"

    @cached_property
    def verdict(self) -> Prediction | None:
        """What the network says here."""
        top = self.facts.names[-1]
        reached = self.frame.reached(top, self.trace[top].cell.output)
        return verdict_at(self.trace, self.facts.parts, self.t, reached, bits=self.facts.surprise)

    @cached_property
    def now(self) -> NowSentence:
        """What happens here, in words."""
        return now(self.frame, self.facts, self.verdict)

    @property
    def is_at_start(self) -> bool:
        """Whether the selected pass has read no more than its first token."""
        return self.passed.reading_step(self.t) == 0

    def step_at(self, t: int) -> MemoryStep | None:
        """Return what the step at a place does to the memory; None where that cannot be told, or not yet."""
        ready = self.trace.is_ready(self.pass_name, t)
        return self.facts.memory_step(self.pass_name, t) if ready else None

    @cached_property
    def verdict_before(self) -> Prediction | None:
        """What the baseline says at the same token, of the same output; None where there was no such token."""
        difference, plain, now = self.frame.difference, self.facts.before, self.verdict
        if difference is None or plain is None or now is None:
            return None
        origin = difference.origins[self.t]
        if origin is None and difference.before.output is not None:
            return None
        return verdict_at(difference.before, plain.parts, origin or 0, of=now.of)

    def but(self, **changes: Any) -> View:
        """Return this view with some things changed; what was said is said once."""
        return replace(self, **{"said": "", **changes})


def _of_nothing() -> View:
    trace = Trace({}, Sequence("words", ()), "numpy", "float32", {})
    return View(Frame(trace, Position("", 0, -1), line=-1, lines=0), Facts(trace), lines=0)


EMPTY = _of_nothing()
"""What is shown while there is no run: a view without a pass and without a token. Keys that need a run do nothing."""
