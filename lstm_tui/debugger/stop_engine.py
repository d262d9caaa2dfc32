"""What a session knows of stopping: breakpoints, displays, expressions asked where it stands, and continuing.

Continuing can be told to stop between one part of a long run and the next; the session then stands after the
last step that was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint, Breakpoints
from lstm_tui.debugger.breakpoints.displays import Displays, Shown
from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.debugger.cursor import Stepping
from lstm_tui.debugger.position import Frame, Position
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:  # the first frame waits for nothing that is only asked later
    from lstm_tui.debugger.breakpoints.breakpoints import Marks
    from lstm_tui.debugger.breakpoints.conditions import Trigger
    from lstm_tui.debugger.breakpoints.search import SearchStop
    from lstm_tui.debugger.expressions import Expression, Scope, Series
    from lstm_tui.debugger.provenance.who import Blame
    from lstm_tui.engine.runtime.storage import Progress
    from lstm_tui.engine.runtime.trace import Trace

Cancelled = Callable[[], bool]
_UNTIL = 0  # the number of what is waited for once


@dataclass(frozen=True, eq=False)
class Answer:
    """What an expression is where the session stands.

    Attributes:
        expression: What was asked.
        value: Its one row.
        reached: Whether the run has come to every value it reads; else they are those of the finished token.
    """

    expression: Expression
    value: Series
    reached: bool


class Stopping(Stepping):
    """The part of a session that stops, asks and goes on."""

    def __init__(self) -> None:
        """Begin without breakpoints and displays."""
        self.breakpoints = Breakpoints()
        self.displays = Displays()
        self.stop: SearchStop | None = None
        self.work = Cancellation()
        self.sourcing = 0  # scripts that are being obeyed, one inside another
        self._scopes: dict[str, Scope] = {}
        self._found: tuple[Trace, Blame] | None = None

    def scope(self, pass_name: str | None = None) -> Scope:
        """Return what names mean in a pass of the run; in the selected one where it has no such pass."""
        from lstm_tui.debugger.expressions import Scope

        trace = self.frame.trace
        name = pass_name if pass_name in trace else self.frame.position.pass_name
        assert name is not None
        scope = self._scopes.get(name)
        if scope is None or scope.trace is not trace:
            self._scopes = {one: kept for one, kept in self._scopes.items() if kept.trace is trace}
            scope = self._scopes[name] = Scope(trace, name)
        return scope

    def evaluate(self, text: str) -> Answer:
        """Return what an expression is at the token where the session stands.

        Raises:
            ExpressionError: With the place of the mistake.
        """
        from lstm_tui.debugger.expressions import evaluate, parse
        from lstm_tui.debugger.expressions.dependencies import last_read

        expression, scope, position = parse(text), self.scope(), self.frame.position
        value = evaluate(expression, scope, position.t, position.t + 1)
        read = last_read(expression, scope)
        reached = read is None or read < position.equation or (read == position.equation and position.op is None)
        return Answer(expression, value, reached)

    def who(self, text: str) -> Blame:
        """Return who moved a value, lost a memory or bore a NaN, up to here: `c[17] by .3`, `"Ganesh"`, `nan`.

        Raises:
            UserError: It is no question, or means nothing in this run.
        """
        from lstm_tui.debugger.provenance.who import who

        blame = who(text, self.scope(), self.frame)
        self._found = (self.frame.trace, blame) if blame.pass_name is not None else None
        return blame

    @property
    def found(self) -> Blame | None:
        """What `who` found last in this run; None where it found nothing, or the run is another by now."""
        return self._found[1] if self._found is not None and self._found[0] is self.frame.trace else None

    def go_where_found(self) -> Frame:
        """Stand behind the equation that `who` found last, in its pass.

        Raises:
            UserError: Nothing was found in this run.
        """
        found = self.found
        if found is None or found.pass_name is None:
            raise UserError("go where? such as: goto 2, goto end; without a place, to what the last `who` found")
        return self._move(Position(found.pass_name, found.t, found.equation))

    def shown(self) -> tuple[Shown, ...]:
        """Return what every display says here."""
        return tuple(self.displays.shown(one, self.scope(one.pass_name), self.frame.t) for one in self.displays)

    def marks(self) -> Marks:
        """Return at which places of the tape the run would stop."""
        from lstm_tui.debugger.breakpoints.breakpoints import Marks

        return Marks(self.breakpoints.enabled, self.scope, self.frame.steps)

    # --- going on ---

    def continue_(
        self, forward: bool = True, progress: Progress | None = None, cancelled: Cancelled | None = None
    ) -> Frame:
        """Go on to the next breakpoint in the reading order of the selected pass, or to its end.

        Args:
            forward: With the reading order, or against it.
            progress: Called with the steps that were looked at and all of them.
            cancelled: Asked now and then; True stops the run where it is. Both are those of `work` when not given.

        Raises:
            UserError: A breakpoint means nothing in this run.
        """
        return self._go_on(self.breakpoints.enabled, forward, progress, cancelled)

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
        """Go on until something happens, or to a breakpoint that comes before it."""
        once = Breakpoint(_UNTIL, trigger, self.frame.position.pass_name)
        return self._go_on((*self.breakpoints.enabled, once), forward, progress, cancelled)

    def _go_on(
        self, asked: tuple[Breakpoint, ...], forward: bool, progress: Progress | None, cancelled: Cancelled | None
    ) -> Frame:
        """Go on to the first of some breakpoints, or to the end."""
        from lstm_tui.debugger.breakpoints.search import next_stop

        start = self._start if forward else self.frame
        progress, cancelled = progress or self.work.look, cancelled or self.work.is_given_up
        return self._arrive(next_stop(start, asked, self.scope, forward, progress, cancelled), forward, asked)

    def _arrive(self, stop: SearchStop, forward: bool, asked: tuple[Breakpoint, ...] = ()) -> Frame:
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
        return self._move(replace(self.frame.position, t=stop.t, equation=stop.equation, op=None), note)

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
        name = f"{one.word} {one.number}: " if one.number != _UNTIL else ""
        why = one.trigger.why(self.scope(one.pass_name), t)
        return f"{name}{visible(one.trigger.text)}{f' ({why})' if why else ''}"
