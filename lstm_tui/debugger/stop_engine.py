"""Where a run stops: breakpoints, displays, expressions asked where it stands, and continuing.

Continuing can be told to stop between one part of a long run and the next; the cursor then stands after the
last step that was looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint, Breakpoints, Displays, Shown
from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.debugger.held_values import HeldValues
from lstm_tui.debugger.position import Cursor, Frame, Position
from lstm_tui.debugger.printf_format import is_format, read_format
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:  # the first frame waits for nothing that is only asked later
    from lstm_tui.debugger.breakpoints.breakpoints import Display, Marks
    from lstm_tui.debugger.breakpoints.conditions import Trigger
    from lstm_tui.debugger.breakpoints.search import SearchStop
    from lstm_tui.debugger.expressions import Expression, Scope, Series
    from lstm_tui.debugger.provenance.who import Blame
    from lstm_tui.debugger.unit_names import UnitNames
    from lstm_tui.engine.runtime.progress_call import Progress
    from lstm_tui.engine.runtime.trace import Trace

Cancelled = Callable[[], bool]
HOLE = re.compile(r"\{([^{}]*)\}")
MOST_LOGGED = 1_000
"""Lines that are printed before the run stops, whatever else it would do."""
MOST_GONE_ON = 1_000
"""Stops whose commands go on by themselves before the run stops, whatever else they would do."""
_UNTIL = 0  # the number of what is waited for once


@dataclass(frozen=True)
class Obeyed:
    """What came of the commands of breakpoints where the run stopped.

    Attributes:
        lines: What they printed.
        goes_on: Whether they said to continue.
        silent: Whether nothing else is to be said of the stop.
    """

    lines: tuple[str, ...]
    goes_on: bool
    silent: bool


Obey = Callable[[tuple[Breakpoint, ...]], Obeyed]
"""Executes the commands of breakpoints that have stopped the run."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What an expression is where the cursor stands.

    Attributes:
        expression: What was asked.
        value: Its one row.
        reached: Whether the run has come to every value it reads; else they are those of the finished token.
    """

    expression: Expression
    value: Series
    reached: bool


class StopEngine:
    """Stops, asks and goes on.

    Attributes:
        breakpoints: Where the run stops; forks share them.
        displays: What is shown at every stop; forks share them.
        held: The value history and the convenience variables; forks share them.
        stop: Why it stopped last; None before it first went on.
    """

    def __init__(self, cursor: Cursor, breakpoints: Breakpoints, displays: Displays, work: Cancellation) -> None:
        """Move a cursor.

        Args:
            cursor: What is moved, and asked where it stands.
            breakpoints: Where the run stops.
            displays: What is shown at every stop.
            work: What is told of a search that takes long, and has it given up.
        """
        self.breakpoints, self.displays = breakpoints, displays
        self.held = HeldValues()
        self.comes: Callable[[], bool] = lambda: False  # whether more tokens come behind the text
        self.stop: SearchStop | None = None
        self._cursor, self._work = cursor, work
        self._scopes: dict[str, Scope] = {}
        self._found: tuple[Trace, Blame] | None = None
        self._is_obeying = False
        self._judged: tuple[Trace, UnitNames] | None = None
        self._meant: dict[tuple[str, str, str], bool] = {}

    def fork(self, cursor: Cursor, work: Cancellation) -> StopEngine:
        """Return one that has the same breakpoints and displays, and moves another cursor."""
        fork = StopEngine(cursor, self.breakpoints, self.displays, work)
        fork.held, fork.comes = self.held, self.comes
        fork._is_obeying = self._is_obeying
        fork.adopt(self)
        return fork

    def adopt(self, fork: StopEngine) -> None:
        """Take over what a fork has found."""
        self.stop, self._scopes, self._found = fork.stop, fork._scopes, fork._found
        self._judged, self._meant = fork._judged, fork._meant

    def scope(self, pass_name: str | None = None) -> Scope:
        """Return what names mean in a pass of the run; in the selected one where it has no such pass."""
        from lstm_tui.debugger.expressions import Scope

        trace, names = self._cursor.frame.trace, self._cursor.frame.names
        name = pass_name if pass_name in trace else self._cursor.frame.position.pass_name
        assert name is not None
        scope = self._scopes.get(name)
        if scope is None or scope.trace is not trace:
            self._scopes = {one: kept for one, kept in self._scopes.items() if kept.trace is trace}
            scope = self._scopes[name] = Scope(trace, name)
        scope.names, scope.held, scope.comes = names, self.held, self.comes()
        return scope

    def means_something(self, one: Breakpoint | Display) -> bool:
        """Say whether a stop or a display can be read in the run as it is: a unit may have lost its name since.

        It is looked at once for each run and its names, and waits for nothing that is not computed yet.
        """
        from lstm_tui.debugger.breakpoints.parse import read_change, read_trigger
        from lstm_tui.debugger.expressions import evaluate
        from lstm_tui.engine.runtime.windowed_series import computed_rows_only

        frame = self._cursor.frame
        if self._judged is None or self._judged[0] is not frame.trace or self._judged[1] is not frame.names:
            self._judged, self._meant = (frame.trace, frame.names), {}
        scope = self.scope(one.pass_name)
        read: Callable[[], object]
        if isinstance(one, Breakpoint):
            reads = read_change if one.word == "watch" else read_trigger
            key, read = (one.word, one.trigger.text, one.pass_name), partial(reads, one.trigger.text, scope)
        else:
            key, read = ("display", one.expression.text, one.pass_name), partial(evaluate, one.expression, scope, 0, 1)
        if key not in self._meant:
            try:
                with computed_rows_only():
                    read()
                self._meant[key] = True
            except UserError:
                self._meant[key] = False
        return self._meant[key]

    def evaluate(self, text: str) -> Answer:
        """Return what an expression is at the token where the cursor stands.

        Raises:
            ExpressionError: With the place of the mistake.
        """
        from lstm_tui.debugger.expressions import evaluate, parse
        from lstm_tui.debugger.expressions.dependencies import last_read

        expression, scope, position = parse(text), self.scope(), self._cursor.frame.position
        value = evaluate(expression, scope, position.t, position.t + 1)
        read = last_read(expression, scope)
        reached = read is None or read < position.equation or (read == position.equation and position.op is None)
        return Answer(expression, value, reached)

    def who(self, text: str) -> Blame:
        """Return who moved a value, lost a memory or first became NaN, up to here: `c[17] by .3`, `"Ganesh"`, `nan`.

        Raises:
            UserError: It is no question, or means nothing in this run.
        """
        from lstm_tui.debugger.provenance.who import who

        blame = who(text, self.scope(), self._cursor.frame)
        self._found = (self._cursor.frame.trace, blame) if blame.pass_name is not None else None
        return blame

    @property
    def found(self) -> Blame | None:
        """What `who` found last in this run; None where it found nothing, or the run is another by now."""
        return self._found[1] if self._found is not None and self._found[0] is self._cursor.frame.trace else None

    def go_where_found(self) -> Frame:
        """Stand behind the equation that `who` found last, in its pass.

        Raises:
            UserError: Nothing was found in this run.
        """
        found = self.found
        if found is None or found.pass_name is None:
            raise UserError("go where? such as: goto 2, goto end; without a place, to what the last `who` found")
        return self._cursor.move(Position(found.pass_name, found.t, found.equation))

    def shown(self) -> tuple[Shown, ...]:
        """Return what every display says here."""
        return tuple(self.displays.shown(one, self.scope(one.pass_name), self._cursor.frame.t) for one in self.displays)

    def marks(self) -> Marks:
        """Return at which places of the tape the run would stop."""
        from lstm_tui.debugger.breakpoints.breakpoints import Marks

        return Marks(self.breakpoints.enabled, self.scope, self._cursor.frame.steps)

    # --- going on ---

    def continue_(
        self,
        forward: bool = True,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        obey: Obey | None = None,
        any_line: bool = False,
    ) -> Frame:
        """Go on to the next breakpoint in the reading order of the selected pass, or to its end.

        Args:
            forward: With the reading order, or against it.
            progress: Called with the steps that were looked at and all of them.
            cancelled: Asked now and then; True stops the run where it is. Both are those of `work` when not given.
            obey: Executes the commands of breakpoints.
            any_line: Whether only the breakpoints of every line are asked.

        Raises:
            UserError: A breakpoint means nothing in this run.
        """
        return self._go_on((), forward, progress, cancelled, obey, any_line)

    def until(
        self,
        trigger: Trigger,
        forward: bool = True,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
        obey: Obey | None = None,
    ) -> Frame:
        """Go on until something happens, or to a breakpoint that comes before it."""
        once = Breakpoint(_UNTIL, trigger, self._cursor.frame.position.pass_name)
        return self._go_on((once,), forward, progress, cancelled, obey)

    def _go_on(
        self,
        once: tuple[Breakpoint, ...],
        forward: bool,
        progress: Progress | None,
        cancelled: Cancelled | None,
        obey: Obey | None,
        any_line: bool = False,
    ) -> Frame:
        """Go on to the first of the breakpoints and of what is waited for once, or to the end."""
        from lstm_tui.debugger.breakpoints.search import next_stop

        progress, cancelled = progress or self._work.look, cancelled or self._work.is_given_up
        logged: list[str] = []
        gone_on = 0
        while True:
            enabled = self.breakpoints.enabled  # the commands of one may change another
            asked = (*(one for one in enabled if one.any_line or not any_line), *once)
            start = self._cursor.start if forward else self._cursor.frame
            stop = next_stop(start, asked, self.scope, forward, progress, cancelled)
            only_prints = bool(stop.by) and all(one.log is not None for one in stop.by)
            frame = self.arrive(stop, forward, asked)
            logged += [line for one in stop.by if one.log is not None for line in self._logged(one.log, frame)]
            done = Obeyed((), only_prints, False) if only_prints or stop.interrupted else self._obeyed(stop.by, obey)
            if done.goes_on:
                logged += done.lines
                if not only_prints:  # a command that continues goes forwards, as in gdb
                    gone_on, forward = gone_on + 1, True
                if not self._is_full(len(logged), gone_on):
                    continue
                done = Obeyed((), False, False)
            self.stop = replace(stop, logged=tuple(logged), said=done.lines, silent=done.silent)
            return self._cursor.frame

    def _is_full(self, printed: int, gone_on: int) -> bool:
        """Say, here and on the screen, whether so much was printed or gone on from that the run stops."""
        if printed >= MOST_LOGGED:
            note = f"{printed} lines were printed: `continue` goes on"
        elif gone_on >= MOST_GONE_ON:
            note = f"commands went on from {gone_on} stops: `continue` goes on"
        else:
            return False
        self._cursor.move(self._cursor.frame.position, note)
        return True

    def _obeyed(self, by: tuple[Breakpoint, ...], obey: Obey | None) -> Obeyed:
        """Execute the commands of breakpoints; those at which a command stops meanwhile have none executed."""
        if obey is None or self._is_obeying or not any(one.commands for one in by):
            return Obeyed((), False, False)
        self._is_obeying = True
        try:
            return obey(by)
        finally:
            self._is_obeying = False

    def _logged(self, text: str, frame: Frame) -> Iterator[str]:
        """Yield what a breakpoint prints: where it is, and its text filled, of C's format as many lines as that has."""
        format = read_format(text) if is_format(text) else None
        first, *more = (visible(self.filled(text)),) if format is None else format.lines(self._read)
        yield f"t={frame.t} “{visible(frame.trace.sequence.tokens[frame.t])}”: {first}"
        yield from (f"  {line}" for line in more)

    def _read(self, text: str) -> Series | str:
        """Return what an expression is here, or what is wrong with it."""
        from lstm_tui.debugger.expressions import ExpressionError

        try:
            return self.evaluate(text).value
        except ExpressionError as error:
            return f"({error.said})"

    def filled(self, text: str) -> str:
        """Return a text with every expression in braces as what it is here, or as what is wrong with it."""
        from lstm_tui.debugger.expressions import ExpressionError
        from lstm_tui.debugger.expressions.series import value_text

        def value(hole: re.Match[str]) -> str:
            try:
                answer = self.evaluate(hole[1])
                return value_text(answer.value) + ("" if answer.reached else " (not computed yet)")
            except ExpressionError as error:
                return f"({error.said})"

        return HOLE.sub(value, text)

    def arrive(self, stop: SearchStop, forward: bool, asked: tuple[Breakpoint, ...] = ()) -> Frame:
        """Stand where a search stopped, count what it hit, and say why."""
        for number, count in stop.passed_over.items():
            self.breakpoints.passed_over(number, count)
        said = [self._why(one, stop.t) for one in stop.by]
        for one in stop.by:
            if one.number != _UNTIL:
                self.breakpoints.stopped(one.number)
        self.stop = stop
        if stop.interrupted:
            note = "interrupted"
        else:
            end = "end of the pass" if forward else "start of the pass"
            note = "; ".join(said or [end, *self._unknown(asked)])
        frame = self._cursor.move(replace(self._cursor.frame.position, t=stop.t, equation=stop.equation, op=None), note)
        self._cursor.held = bool(stop.by)
        return frame

    def unknown(self, one: Breakpoint) -> str:
        """Return at how many tokens of this run nobody can say whether a breakpoint stops, and why; or nothing."""
        from lstm_tui.debugger.breakpoints.conditions import unknown_steps
        from lstm_tui.debugger.expressions import ExpressionError

        try:
            return unknown_steps(one.trigger, self.scope(one.pass_name))
        except ExpressionError:  # it means nothing in this run; continuing says so
            return ""

    def _unknown(self, asked: tuple[Breakpoint, ...]) -> Iterator[str]:
        for one in asked:
            told = self.unknown(one)
            if told:
                yield f"{one.word} {one.number} {told}" if one.number != _UNTIL else told

    def _why(self, one: Breakpoint, t: int) -> str:
        scope = self.scope(one.pass_name)
        is_other = one.pass_name != self._cursor.frame.position.pass_name and one.trigger.is_of(scope)
        name = (
            f"{one.word} {one.number}{f' of {visible(one.pass_name)}' if is_other else ''}: "
            if one.number != _UNTIL
            else ""
        )
        why = one.trigger.why(scope, t)
        return f"{name}{visible(one.trigger.text)}{f' ({why})' if why else ''}"
