"""Having the session do what may run it again: at once, or in a thread where that takes long.

How far long work is stands in the header, and it is given up at a key.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from textual.screen import Screen
from textual.timer import Timer

from lstm_tui.debugger.cancellation import Cancellation, GivenUp
from lstm_tui.debugger.commands.table import Leave
from lstm_tui.debugger.edit_tree import network_key
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import percent
from lstm_tui.engine.runtime.compiling import StillToCompile, nothing_compiled
from lstm_tui.engine.runtime.interpreters import quick_steps
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.controllers.dialogs import Replies
from lstm_tui.tui.controllers.looks import Looks
from lstm_tui.tui.controllers.open_run import LastStop, OpenRun, ScreenState, with_chosen_units
from lstm_tui.tui.controllers.steps import Steps
from lstm_tui.tui.keys import Awaited
from lstm_tui.tui.threads import in_background

_EVERY = 0.1
"""Seconds between two looks at how far it is."""


class Worker(Protocol):
    """Who has work done in a thread."""

    def awaited(self) -> Cancellation | None:
        """Return the work the user waits for, if there is any."""

    def give_up(self) -> bool:
        """Have it given up, which leaves everything as it was; say whether there was any that can be."""


class WorkProgress:
    """Tells how far the work is that is waited for, whoever does it."""

    def __init__(self, screen: Screen[None], state: ScreenState) -> None:
        """Wait for nothing.

        Args:
            screen: Whose timers are used.
            state: What is told.
        """
        self._screen, self._state = screen, state
        self._workers: tuple[Worker, ...] = ()
        self._behind: Callable[[], str] = str
        self._looks: Timer | None = None

    def watch_over(self, *workers: Worker, behind: Callable[[], str] = str) -> None:
        """Tell of the work of these; where two are at work, of the first.

        Args:
            workers: Who works at what the user waits for.
            behind: Says what else is computed, which nobody waits for.
        """
        self._workers, self._behind = workers, behind

    def work(self) -> Cancellation | None:
        """Return the work the user waits for, if there is any."""
        found = (one.awaited() for one in self._workers)
        return next((one for one in found if one is not None), None)

    def awaited(self) -> Awaited | None:
        """Return the work in a thread at what keys act on."""
        work = self.work()
        return None if work is None else Awaited(work.begun, acts=not self._state.view.is_empty)

    def give_up(self) -> bool:
        """Have the work given up; say whether there was any that can be."""
        return any(one.give_up() for one in self._workers)

    def watch(self) -> None:
        """Tell how far the work is from here on, until there is none."""
        if self._looks is None:
            self._looks = self._screen.set_interval(_EVERY, self.tell)
        self.tell()

    def tell(self) -> None:
        """Tell how far the work is."""
        work = self.work()
        if work is None:
            self._state.busy = self._behind()
            if self._looks is not None:
                self._looks.stop()
                self._looks = None
        elif work.is_given_up():
            self._state.busy = "stops…"
        else:
            share = f" {percent(work.share)}" if work.share else ""
            why = f", {work.why}" if work.why else ""
            self._state.busy = f"runs…{share}" + ("" if self._state.view.is_empty else ", esc stops") + why


FIRST_TIME = "it compiles, this first time"
"""Why something takes longer now than it will the next time."""

Act = Callable[[Session], Iterable[str]]
"""What a session is to do; returns its reply."""


@dataclass(frozen=True, eq=False)
class QueuedChange:
    """One thing the session is to do.

    Attributes:
        act: What it does.
        line: The line it was typed as; may be empty.
        done: Called once it is done and shown.
        refused: Called with why it was not done, where that is known only later; empty when it was given up.
        why: Why it takes long, where that is known; may be empty.
    """

    act: Act
    line: str
    done: Callable[[], None]
    refused: Callable[[str], None]
    why: str = ""


@dataclass(eq=False)
class Outcome:
    """What a thread has made of a change.

    Attributes:
        change: What was to be done.
        fork: The session that went its own way.
        since: Where it was forked.
        reply: What it has to say.
        facts: What is known of its run, where that is another.
        error: Why it could not be done.
        leave: Whether the program is to end.
        given_up: Whether it was given up.
    """

    change: QueuedChange
    fork: Session
    since: Frame
    reply: tuple[str, ...] = ()
    facts: Facts | None = None
    error: str = ""
    leave: bool = False
    given_up: bool = False


class Changes:
    """Has the session do one thing after another, and shows what it has become.

    Attributes:
        noticed: Called when a line has begun to be computed, and when a change is shown.
    """

    def __init__(
        self,
        screen: Screen[None],
        run: OpenRun,
        steps: Steps,
        looks: Looks,
        last_stop: LastStop,
        replies: Replies,
        progress: WorkProgress,
    ) -> None:
        """Do nothing yet.

        Args:
            screen: What threads tell when they are done, and what is left by `quit`.
            run: What is changed.
            steps: It plays no more when something is changed.
            looks: How the session is shown, which it is told before it may be saved.
            last_stop: What of an answer is on the screen anyway.
            replies: Tells the rest of it.
            progress: Tells how far a thread is.
        """
        self._screen, self._run, self._steps, self._looks = screen, run, steps, looks
        self._last_stop, self._replies, self._progress = last_stop, replies, progress
        self._waiting: deque[QueuedChange] = deque()
        self._making: QueuedChange | None = None
        self._work: Cancellation | None = None  # what a thread tells of the change it makes
        self._is_held = False
        self.noticed: Callable[[], None] = _nothing

    @property
    def is_free(self) -> bool:
        """Whether the session is at nothing, and nothing waits for it."""
        return not (self._work or self._is_held or self._waiting)

    @property
    def is_quick(self) -> bool:
        """Whether to run the sequence again takes so little that nobody notices."""
        trace = self._run.view.trace
        if trace.windows is not None:
            return False
        return len(trace.sequence) <= quick_steps(trace.interpreter, len(trace.passes))

    def lines_computing(self) -> tuple[str, ...]:
        """Return the typed lines that are not finished, the one that is computed first."""
        made = () if self._making is None else (self._making,)
        return tuple(one.line for one in (*made, *self._waiting) if one.line)

    def change(
        self,
        act: Act,
        line: str = "",
        done: Callable[[], None] | None = None,
        refused: Callable[[str], None] | None = None,
    ) -> str:
        """Have the session do something that may run it again: at once, or in a thread where that takes long.

        Args:
            act: What it does.
            line: The line it was typed as.
            done: Called once it is done and shown.
            refused: Called where it could not be done in a thread, with why; by default that is told in passing.

        Returns:
            What is wrong, when that is known at once.
        """
        if self._run.is_empty:
            return "the run is not there yet"
        session = self._run.session
        session.layout = self._looks.layout()
        self._steps.stop()
        change = QueuedChange(act, line, done or _nothing, refused or self.notify)
        if not (self.is_quick and self.is_free):
            return self._put_off(change)
        fork, since = session.fork(), session.frame
        try:
            with nothing_compiled():
                reply = tuple(act(fork))
            session.join(fork, since)
        except StillToCompile:  # which the thread does, and the header says so
            return self._put_off(replace(change, why=FIRST_TIME))
        except UserError as error:
            return str(error)
        except Leave:
            self._screen.app.exit(0)
            return ""
        self._changed(change, reply)
        return ""

    def _put_off(self, change: QueuedChange) -> str:
        """Have a thread make a change."""
        self._waiting.append(change)
        self._next()
        if self.lines_computing():
            self.noticed()
        return ""

    def notify(self, error: str) -> None:
        """Tell in passing what was wrong."""
        if error:
            self._screen.notify(error, severity="error", markup=False)

    # --- a text that grows ---

    def hold(self) -> None:
        """Have changes wait: a thread goes on with the run."""
        self._is_held = True

    def release(self) -> None:
        """Make the changes that have waited."""
        self._is_held = False
        self._next()

    # --- in a thread ---

    def _next(self) -> None:
        if self._work or self._is_held or not self._waiting:
            return
        self._making = change = self._waiting.popleft()
        self._work = Cancellation(change.why)
        run, session = self._run, self._run.session
        outcome = Outcome(change, session.fork(self._work), session.frame)
        plain, known = run.plain, (run.view.facts, run.plain)
        in_background(lambda: self._make(outcome, plain, known))
        self._progress.watch()

    def _make(self, outcome: Outcome, plain: Facts, known: tuple[Facts, ...]) -> None:
        """Let a fork of the session do it, and compute what the screen needs; in a thread."""
        fork = outcome.fork
        try:
            outcome.reply = tuple(outcome.change.act(fork))
            trace = fork.frame.trace
            if trace is not outcome.since.trace and fork.history.active:
                fork.work.check()
                since = next((one for one in known if one.trace is fork.edits.gone_on_from), None)
                if plain.trace is not fork.baseline:  # an edit opened another network or text
                    plain = Facts(fork.baseline)
                outcome.facts = Facts(trace, plain, since)
                outcome.facts.prepare(fork.frame.t)
                fork.work.check()
        except Leave:
            outcome.leave = True
        except GivenUp:
            outcome.given_up = True
        except (UserError, MemoryError) as error:
            outcome.error = str(error) or type(error).__name__
        self._screen.call_later(self._made, outcome)
        if outcome.facts is not None and not outcome.given_up:
            outcome.facts.finish()

    def _made(self, outcome: Outcome) -> None:
        self._work = self._making = None
        self._progress.tell()
        session, change = self._run.session, outcome.change
        if outcome.leave:
            self._screen.app.exit(0)
        elif session.frame.line != outcome.since.line:  # another line was opened meanwhile
            session.edits.keep_edits_of(outcome.fork.edits)
            change.refused("")
        elif outcome.given_up:
            change.refused("")
            self._run.show(said="given up: nothing is changed")
        elif outcome.error:
            change.refused(outcome.error)
        else:
            session.join(outcome.fork, outcome.since)
            self._changed(change, outcome.reply, outcome.facts)
        self._next()

    def awaited(self) -> Cancellation | None:
        """Return the change that is made."""
        return self._work

    def give_up(self) -> bool:
        """Have the change given up that is made, and forget those that wait for it."""
        if self._work is None:
            return False
        self._waiting.clear()
        self._work.give_up()
        self._progress.tell()
        return True

    # --- what came of it ---

    def _changed(self, change: QueuedChange, reply: tuple[str, ...], facts: Facts | None = None) -> None:
        """Show what the session has become, and what it has to say."""
        run, session, view = self._run, self._run.session, self._run.view
        reply = self._last_stop.left_to_say(reply)
        frame, ran = session.frame, session.frame.trace is not view.trace
        if run.plain.trace is not session.baseline:  # a verb opened another line, an edit another network or text
            told = None if facts is None else facts.before
            if network_key(session.baseline) != network_key(run.plain.trace):
                view = view.but(units={})  # those of a number are others there
            run.wanted_line = frame.line
            run.plain = told if told is not None and told.trace is session.baseline else Facts(session.baseline)
        if not ran:
            facts = view.facts
        elif not session.history.active:
            facts = run.plain
        said = visible(reply[0]) if reply and (ran or len(reply) == 1) else ""
        values = frame.passed.cell.values  # an equation rewritten may have taken some away
        view = view.but(
            frame=frame, facts=facts or Facts(frame.trace, run.plain), place=None, follow=view.follow and not ran,
            value=view.value if view.value in values else values[0], said=said, title=run.title(),
        )  # fmt: skip
        run.view = self._last_stop.under_cursor(with_chosen_units(view))
        for screen in self._screen.app.screen_stack[1:]:
            renew = getattr(screen, "renew", None)
            if renew is not None:
                renew()
        if not session.history.active:
            held = run.lines.held(frame.line, run.interpreter)
            if held is not None and held is not frame.trace:  # another interpreter was ready meanwhile
                run.adopt(Facts(held))
        if reply and not said:
            self._screen.call_later(self._replies.tell, change.line, reply)
        change.done()
        self.noticed()


def _nothing() -> None:
    """Do nothing."""
