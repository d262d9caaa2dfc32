"""The debugger's state: a network, the lines of a file, and the one position in a run.

A session holds its parts: the cursor (where it stands), the edits, the stops and the stream (text that still
comes). The verbs are those of the Debug Adapter Protocol. Each returns the new frame; nothing else moves the
position. Text and screens are not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint, Breakpoints, Displays
from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.debugger.edit_tree import EditTree
from lstm_tui.debugger.features import Feature
from lstm_tui.debugger.position import Cursor, Frame, Granularity, Position, equations_of
from lstm_tui.debugger.scripting import Scripting
from lstm_tui.debugger.source import Source
from lstm_tui.debugger.stop_engine import Answer, Cancelled, Obey, StopEngine
from lstm_tui.debugger.stream import Stream
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.run import Initial
from lstm_tui.engine.runtime.trace import Trace

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.conditions import Trigger
    from lstm_tui.debugger.breakpoints.search import SearchStop
    from lstm_tui.debugger.edits.apply import Edited
    from lstm_tui.debugger.edits.history import History, Question
    from lstm_tui.debugger.edits.language import Edit
    from lstm_tui.debugger.edits.smallest import FoundChange
    from lstm_tui.debugger.expressions import Scope
    from lstm_tui.debugger.inspect.causes import CausalQuestion
    from lstm_tui.debugger.inspect.findings import FoundRange
    from lstm_tui.debugger.panes import Layout
    from lstm_tui.debugger.provenance.who import Blame


class Session:
    """A debugger on one file: `session.frame` is what it shows now.

    Attributes:
        work: What is told of its long work, and has that given up.
        cursor: Where it stands.
        edits: Its edits, of every line.
        stops: Its breakpoints and displays.
        stream: The text that still comes.
    """

    def __init__(
        self, trace: Trace, source: Source | None = None, line: int | None = None, start: Initial | None = None
    ) -> None:
        """Stand after the first token of a trace; edits to begin with are made by `edit_line`.

        Args:
            trace: The run to step through.
            source: What it is a run of; by default its own network and tokens.
            line: Which line of it the trace is of, from 0; by default the one that is opened first.
            start: States with which this line was begun, where they are known.
        """
        source = source or Source(trace.network, (trace.sequence,), dtype=trace.dtype, interpreter=trace.interpreter)
        line = source.line if line is None else line
        self.work = Cancellation()
        self.cursor = Cursor(_first_frame(trace, line, source.count))
        self.edits = EditTree(self.cursor, trace, source, self.work)
        self.edits.begun(start)
        self.stops = StopEngine(self.cursor, Breakpoints(), Displays(), self.work)
        self.stream = Stream(self.cursor, self.edits, self.stops)
        if (incoming := source.incoming) is not None:
            self.stops.comes = lambda: not incoming.is_over
        self.scripting = Scripting()  # what the user has defined, and a block that is being typed
        self.sourcing = 0  # scripts that are being executed, one inside another
        self.layout: Layout | None = None  # how a screen shows it, as that last told
        self.chosen: tuple[str, int] | None = None  # pass and unit that were chosen last by a verb
        self.question: Question | None = None  # the last `what-if`, for `propagate`
        self.causal: CausalQuestion | None = None  # the last `trace-cause`, for the screen
        self.coloured = ""  # the expression of the last `colour-text`
        self.findings: tuple[FoundRange, ...] = ()  # what the last `find` found in this file
        self.finding = -1  # at which of them it stands
        self.changes: tuple[FoundChange, ...] = ()  # the smallest changes that were found last, for `apply`
        self.files: dict[str, str] = {}  # sessions it has written or come from, and what was in them
        self.written: dict[str, tuple[int, int, int]] = {}  # other files it has written: which, how long, when

    @classmethod
    def open(cls, source: Source) -> Self:
        """Run the first line of what is open, with the edits to begin with, and stand after its first token.

        Raises:
            UserError: If the line or an edit does not fit the network.
        """
        session = cls(source.recorded or source.run(), source)
        if session.edits.to_edit:
            session.edit_line()
        return session

    @property
    def frame(self) -> Frame:
        """The run, and where it stands."""
        return self.cursor.frame

    @property
    def can_run(self) -> bool:
        """Whether the network is at hand."""
        return self.frame.trace.network is not None

    @property
    def source(self) -> Source:
        """What is open."""
        return self.edits.source

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments of the command that opened it; empty when they are not known."""
        return self.source.command

    @property
    def baseline(self) -> Trace:
        """What the edited run is laid beside: this line without edits, in the network and text that are open now."""
        return self.edits.baseline

    def sequence_of(self, line: int | None) -> Sequence:
        """Return the tokens of a line of the file, from 0, as they were opened; of this one where there is none."""
        there = line is not None and 0 <= line < len(self.source.sequences)
        return self.source.sequences[line] if there and line is not None else self.opened_sequence

    @property
    def opened_sequence(self) -> Sequence:
        """The tokens as they were opened, without edits."""
        return self.edits.opened.sequence

    def open_line(self, line: int, own: bool = False) -> Frame:
        """Run another line of the file, with its edits and those of the network, and stand after its first token.

        Args:
            line: Its number, from 0.
            own: Make the edits with which it was left, and take none of the network along.

        Raises:
            UserError: If the line does not fit the network, or an edit does not fit the line.
        """
        network = self.edits.opened.network
        if network is None or line == self.frame.line or not 0 <= line < self.source.count:
            note = "" if line == self.frame.line else ("last line" if line > self.frame.line else "first line")
            return self.cursor.move(self.frame.position, note)
        self.show_line(self.source.run(line, self.frame.trace.interpreter), line, own=own)
        return self.edit_line() if self.edits.to_edit else self.frame

    def show_line(self, trace: Trace, line: int, initial: Initial | None = None, own: bool = False) -> Frame:
        """Stand after the first token of another line that was run already; `edit_line` makes its edits.

        Args:
            trace: Its run.
            line: Its number, from 0.
            initial: The states with which it was begun, where they are known.
            own: Make the edits with which it was left, and take none of the network along.
        """
        edits, name = self.edits, self.frame.position.pass_name
        names = edits.opened_names if edits.baseline is not edits.opened else self.frame.names
        edits.leave_line(line, own)
        edits.begin(trace)
        self.cursor.stand(replace(_first_frame(trace, line, self.source.count), names=names))
        edits.begun(initial)
        return self.select_pass(name) if name != self.frame.position.pass_name else self.frame

    def run_again(self, interpreter: str, progress: Progress | None = None) -> Trace:
        """Return this line's run by another interpreter, without showing it: `adopt` does.

        Raises:
            UserError: If there is no network to run.
        """
        return self.source.run(self.frame.line, interpreter, progress)

    def adopt(self, trace: Trace, initial: Initial | None = None) -> Frame:
        """Show another run of the same line at the same position; refused while an edit is open.

        Args:
            trace: The other run.
            initial: The states with which it was begun, where they are known.
        """
        if not self.history.active:
            self.edits.opened = self.edits.baseline = trace
            self.edits.begun(initial)
            self.cursor.show(replace(self.frame, trace=trace))
        return self.frame

    # --- a fork, as in a thread of its own ---

    def fork(self, work: Cancellation | None = None) -> Self:
        """Return a session that stands where this one does and goes its own way, as in a thread of its own.

        Args:
            work: What the fork tells of its long work; by default what this session tells.
        """
        fork = copy(self)
        fork.work = work or self.work
        fork.scripting = copy(self.scripting)
        fork.cursor = self.cursor.fork()
        fork.edits = self.edits.fork(fork.cursor, fork.work)
        fork.stops = self.stops.fork(fork.cursor, fork.work)
        fork.stream = self.stream.fork(fork.cursor, fork.edits, fork.stops)
        return fork

    def join(self, fork: Session, since: Frame) -> Frame:
        """Become what a fork has become; where this session has moved meanwhile, stand at its own token.

        Args:
            fork: The session that went its own way; its work is done.
            since: The frame at which it was forked.
        """
        self.edits.adopt(fork.edits)
        self.stops.adopt(fork.stops)
        self.stream.adopt(fork.stream)
        self.scripting = fork.scripting
        self.sourcing, self.layout, self.question = fork.sourcing, fork.layout, fork.question
        self.chosen, self.causal, self.coloured = fork.chosen, fork.causal, fork.coloured
        self.findings, self.finding, self.changes = fork.findings, fork.finding, fork.changes
        return self.cursor.adopt(fork.cursor, since)

    # --- steps: the cursor's ---

    def next(self, count: int = 1) -> Frame:
        """Go `count` tokens to the right on the tape (to the left when negative), and finish the token."""
        return self.cursor.next(count)

    def goto(self, t: int, note: str = "") -> Frame:
        """Go to a place on the tape, with its token finished."""
        return self.cursor.goto(t, note)

    def goto_equation(self, equation: int) -> Frame:
        """Stand after an equation of this token."""
        return self.cursor.goto_equation(equation)

    def step_in(self, granularity: Granularity = "equation") -> Frame:
        """Take one equation or op in the reading order of the selected pass."""
        return self.cursor.step_in(granularity)

    def step_back(self, granularity: Granularity = "equation") -> Frame:
        """Take one equation or op back."""
        return self.cursor.step_back(granularity)

    def step_out(self) -> Frame:
        """Finish the token."""
        return self.cursor.step_out()

    def step_out_back(self) -> Frame:
        """Go back to before the first equation of the token."""
        return self.cursor.step_out_back()

    def select_pass(self, name_or_shift: str | int) -> Frame:
        """Select a pass by name, or the one `shift` places on; the place on the tape stays."""
        return self.cursor.select_pass(name_or_shift)

    def find(self, text: str, forward: bool = True) -> Frame:
        """Go to the next (or previous) token that holds a text, in any case, round the end of the tape."""
        return self.cursor.find(text, forward)

    # --- names of units ---

    @property
    def opened_names(self) -> UnitNames:
        """What the card of the network calls units."""
        return UnitNames.of_network(self.edits.baseline.network)

    def name_unit(self, pass_name: str, unit: int, name: str) -> Frame:
        """Call a unit by a name, wherever it is shown or asked for; an empty one takes its name away.

        Raises:
            UserError: It cannot be a name, or another unit of the pass is called so.
        """
        names = self.frame.names.named(pass_name, unit, name)
        return self.cursor.show(replace(self.frame, names=names, note=""))

    def name_direction(self, name: str, feature: Feature | None) -> Frame:
        """Have a name stand for a direction of a value in expressions; None takes the name away.

        Raises:
            UserError: There are too many.
        """
        names = self.frame.names.with_feature(name, feature)
        return self.cursor.show(replace(self.frame, names=names, note=""))

    def choose_unit(self, pass_name: str, unit: int) -> Frame:
        """Choose a unit, which a screen then has under its cursor, and select its pass."""
        self.chosen = (pass_name, unit)
        same = pass_name == self.frame.position.pass_name
        return self.frame if same else self.select_pass(pass_name)

    # --- edits ---

    @property
    def history(self) -> History:
        """Every edit that was made on this line, and how many are in force."""
        return self.edits.history

    @property
    def histories(self) -> Mapping[int, History]:
        """The edits of every line that has any, by its number, from 0."""
        return self.edits.histories

    @property
    def words(self) -> tuple[str, ...]:
        """Each edit of the history in words, those that were undone too."""
        return self.edits.words

    @property
    def edited(self) -> Edited:
        """What is run now: the network and the tokens with the edits in force.

        Raises:
            UserError: If there is no network.
        """
        return self.edits.edited

    def edit(self, *edits: Edit) -> Frame:
        """Make edits, run again, and stand where the run stood.

        Raises:
            UserError: If an edit names what is not there, or there is no network to run; nothing is changed.
        """
        return self.edits.edit(*edits)

    def undo(self) -> Frame:
        """Take the last edit back."""
        return self.edits.undo()

    def redo(self) -> Frame:
        """Make the last edit that was taken back again."""
        return self.edits.redo()

    def keep_edits(self, count: int) -> Frame:
        """Go to where `count` edits are in force, back or on."""
        return self.edits.keep_edits(count)

    def switch(self, name: str) -> Frame:
        """Go to a state of the tree of edits by its name or number; undo and redo then walk along its branch.

        Raises:
            UserError: There is none.
        """
        return self.edits.switch(name)

    def edit_line(self) -> Frame:
        """Make the edits with which this line was left, and those of the network from the line before.

        Raises:
            UserError: If they cannot be made here; they are kept all the same.
        """
        return self.edits.edit_line()

    # --- stops, and what is asked where it stands ---

    @property
    def breakpoints(self) -> Breakpoints:
        """Where the run stops."""
        return self.stops.breakpoints

    @property
    def displays(self) -> Displays:
        """What is shown at every stop."""
        return self.stops.displays

    @property
    def stop(self) -> SearchStop | None:
        """Why it stopped last; None before it first went on."""
        return self.stops.stop

    def scope(self, pass_name: str | None = None) -> Scope:
        """Return what names mean in a pass of the run; in the selected one where it has no such pass."""
        return self.stops.scope(pass_name)

    def evaluate(self, text: str) -> Answer:
        """Return what an expression is at the token where the session stands.

        Raises:
            ExpressionError: With the place of the mistake.
        """
        return self.stops.evaluate(text)

    def who(self, text: str) -> Blame:
        """Return who moved a value, lost a memory or first became NaN, up to here: `c[17] by .3`, `"Ganesh"`, `nan`.

        Raises:
            UserError: It is no question, or means nothing in this run.
        """
        return self.stops.who(text)

    def continue_(
        self, forward: bool = True, progress: Progress | None = None, cancelled: Cancelled | None = None
    ) -> Frame:
        """Go on to the next breakpoint; at the end of a text that grows, wait for what comes.

        Args:
            forward: With the reading order, or against it.
            progress: Called with the steps that were looked at and all of them.
            cancelled: Asked now and then; True stops the run where it is. Both are those of `work` when not given.

        Raises:
            UserError: A breakpoint means nothing in this run.
        """
        obey = self._obey()
        frame = self.stream.going_on(lambda: self.stops.continue_(forward, progress, cancelled, obey), forward)
        return self._on_in_other_lines() if forward else frame

    def _on_in_other_lines(self) -> Frame:
        """From the end of a line, go on to the first stop in a line behind it that a breakpoint of every line has."""
        asked = tuple(one for one in self.breakpoints.enabled if one.any_line)
        stop = self.stop
        if not asked or stop is None or stop.by or stop.interrupted or not self.can_run:
            return self.frame
        logged = stop.logged
        for fork, _ in self.lines_that_stop(asked, self.frame.line + 1):
            fork.stops.continue_(obey=fork._obey(), any_line=True)
            stop = fork.stop
            assert stop is not None, "it has gone on"
            logged = (*logged, *stop.logged)
            if stop.by or stop.interrupted:
                fork.stops.stop = replace(stop, logged=logged)
                note = f"line {fork.frame.line + 1}: {fork.frame.note}"
                self.join(fork, self.frame)
                return self.cursor.move(self.frame.position, note)
        self.stops.stop = replace(self.stop or stop, logged=logged)
        return self.cursor.move(self.frame.position, f"{self.frame.note}; no line behind this one stops")

    def lines_that_stop(self, asked: tuple[Breakpoint, ...], first: int = 0) -> Iterator[tuple[Self, SearchStop]]:
        """Yield a fork for each line of the file in which a breakpoint stops the run, and where that is.

        A fork stands before its first token. The edits of the network are in force in each; this session does not move.

        Args:
            asked: The breakpoints.
            first: The first line to look at, from 0; the line that is open is looked at as it is.

        Raises:
            UserError: A breakpoint means nothing in such a run, or the network cannot read a line.
            GivenUp: The work is given up.
        """
        from lstm_tui.debugger.breakpoints.search import next_stop

        count = self.source.count
        for line in range(first, count):
            self.work.part(line - first, count - first)
            fork = self.fork()
            if line != self.frame.line:
                fork.open_line(line)
            fork.goto(fork.frame.passed.tape_place(0))
            stop = next_stop(fork.step_out_back(), asked, fork.scope, cancelled=self.work.is_given_up)
            if stop.by:
                yield fork, stop

    def reverse_continue(self, progress: Progress | None = None, cancelled: Cancelled | None = None) -> Frame:
        """Go back to the last breakpoint before this place, or to the start of the pass."""
        return self.continue_(False, progress, cancelled)

    def until(
        self,
        trigger: Trigger,
        forward: bool = True,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Frame:
        """Go on until something happens; at the end of a text that grows, wait for what comes."""
        obey = self._obey()
        return self.stream.going_on(lambda: self.stops.until(trigger, forward, progress, cancelled, obey), forward)

    def _obey(self) -> Obey | None:
        """Return what executes the commands of breakpoints in this session, where there are any."""
        obey = self.scripting.obey
        return None if obey is None else lambda by: obey(self, by)

    # --- a text that grows ---

    def grow(self, more: Sequence, follow: bool = True) -> Frame:
        """Run the network over more tokens, with the edits in force and without them, and follow them.

        Args:
            more: The tokens.
            follow: Whether a session that stands at the end goes on to the new one.

        Raises:
            UserError: The network does not read forward only.
        """
        return self.stream.grow(more, follow)


def _first_frame(trace: Trace, line: int, lines: int) -> Frame:
    """Return the frame after the first token of a run; the tape begins where the first pass does."""
    passed = trace[next(iter(trace.passes))]
    position = Position(passed.name, passed.tape_place(0), len(equations_of(passed)) - 1)
    return Frame(trace, position, line, lines, names=UnitNames.of_trace(trace))
