"""Runs: which line is shown, who runs it, and never waiting for it."""

from __future__ import annotations

import gc
from functools import cache

from textual.content import Content
from textual.screen import Screen

from lstm_tui.debugger.cancellation import Cancellation, GivenUp
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.interpreters import available
from lstm_tui.tui.controllers.changes import Changes, WorkProgress
from lstm_tui.tui.controllers.open_run import OpenRun
from lstm_tui.tui.controllers.steps import Steps
from lstm_tui.tui.threads import in_background


@dataclass(frozen=True, eq=False)
class Ran:
    """A run that a thread has made, or why it has not.

    Attributes:
        number: The number of the line.
        facts: What is known of its trace; None where it was given up or could not be made.
        error: Why it could not.
    """

    number: int
    facts: Facts | None = None
    error: str = ""


@cache
def _set_aside(loaded: str) -> None:
    """Have the collector leave alone what is loaded by now: to look through it again and again holds up a key.

    Once a process for each that loads much: of a screen after the first, what it set aside would never be collected.
    """
    gc.freeze()


class Runs:
    """Opens the lines of what is open.

    A short run is made at once by the NumPy interpreter, so that the first frame is whole. Once that is on the
    screen Numba is imported in a thread and takes over; a long run is made in the thread from the start. What
    is shown is always of one run by one interpreter.
    """

    def __init__(
        self, screen: Screen[None], run: OpenRun, steps: Steps, changes: Changes, progress: WorkProgress
    ) -> None:
        """Run nothing yet.

        Args:
            screen: What a thread tells when it is done, and what is left where the first line cannot be run.
            run: What a line becomes when it is opened.
            steps: It plays no more when another line is shown.
            changes: Makes the edits of a line that is opened again.
            progress: Tells how far a thread is.
        """
        self._screen, self._run, self._steps = screen, run, steps
        self._changes, self._progress = changes, progress
        self._numba = run.lines.can_run and run.lines.source.interpreter != "numpy"
        self._computing: tuple[int, Cancellation] | None = None

    @property
    def is_computing(self) -> bool:
        """Whether a thread makes a run."""
        return self._computing is not None

    def hand_over(self) -> None:
        """Collect garbage again, and let Numba take over."""
        _set_aside("the screen")
        gc.enable()
        self.take_over()

    def take_over(self) -> None:
        """Let Numba make every run from here on, beginning with the one shown."""
        if self._numba and not self._run.is_empty:
            self._compute(self._run.view.frame.line, "numba")

    def open_line(self, number: int) -> None:
        """Show a line: at once when its run is there or short, else when a thread has made it."""
        run, lines = self._run, self._run.lines
        if not len(lines):  # a text that has not begun is waited for
            return
        run.wanted_line = number
        held = lines.held(number, run.interpreter)
        if held is None and run.interpreter == "numpy" and lines.is_short(number):
            held = lines.run(number)
        if held is not None:
            self._show(number, Facts(held))
            return
        self._compute(number, "numba" if self._numba else "numpy")
        self._progress.watch()

    def line(self, shift: int) -> None:
        """Open another line of the file."""
        number = self._run.wanted_line + shift
        if 0 <= number < len(self._run.lines):
            self.open_line(number)
        else:
            self._run.show(said="first line" if shift < 0 else "last line")

    # --- in a thread ---

    def _compute(self, number: int, interpreter: str) -> None:
        if self._computing is None:
            work = Cancellation()
            self._computing = number, work
            in_background(lambda: self._make(number, interpreter, work))

    def _make(self, number: int, interpreter: str, work: Cancellation) -> None:
        """Run a line, in a thread."""
        try:
            facts = Facts(self._run.lines.run(number, available(interpreter), work.progress))
            facts.prepare()
        except GivenUp:
            ran = Ran(number)
        except (UserError, MemoryError) as error:
            ran = Ran(number, error=str(error) or type(error).__name__)
        else:
            ran = Ran(number, facts)
        self._screen.call_later(self._made, ran)
        if ran.facts is not None:
            ran.facts.finish()

    def _made(self, ran: Ran) -> None:
        """Show the run, unless another line was asked for meanwhile."""
        self._computing = None
        run = self._run
        if ran.error:
            self._failed(ran.error)
        elif ran.facts is None:
            if not (run.is_empty or self._is_shown()):  # another line was asked for meanwhile
                self.open_line(run.wanted_line)
        else:
            if ran.facts.trace.interpreter != run.interpreter:
                _set_aside("Numba")
            run.interpreter = ran.facts.trace.interpreter
            if ran.number == run.wanted_line:
                self._show(ran.number, ran.facts)
            else:
                self.open_line(run.wanted_line)
        self._progress.tell()

    def _failed(self, error: str) -> None:
        if self._run.is_empty:
            self._screen.app.exit(1, message=Content(error))
            return
        self._run.wanted_line = self._run.view.frame.line
        self._changes.notify(error)

    def _is_shown(self) -> bool:
        """Say whether the line that was asked for last is the one shown."""
        return self._run.wanted_line == self._run.view.frame.line

    def awaited(self) -> Cancellation | None:
        """Return the run of a line that is not shown yet."""
        return None if self._computing is None or self._is_shown() else self._computing[1]

    def give_up(self) -> bool:
        """Stay with the line that is shown; without any there is nothing to go back to."""
        run, computing = self._run, self._computing
        if computing is None or run.is_empty or self._is_shown():
            return False
        if computing[0] == run.wanted_line:  # else another interpreter takes over the line that is shown
            computing[1].give_up()
        run.wanted_line = run.view.frame.line
        run.show(said="given up: this line stays")
        self._progress.tell()
        return True

    # --- what is shown ---

    def _show(self, number: int, facts: Facts) -> None:
        """Show a run: where the session stands when it is of the same line, else from its first token."""
        run = self._run
        if not run.is_empty:
            facts = self._gone_on_with(facts)
            if run.view.frame.line == number:
                if not run.session.history.active:  # an edited run and its baseline are made by one interpreter
                    run.adopt(facts)
                return
        self._steps.stop()
        run.stand_on(facts, number)
        if run.session.can_run and run.session.edits.to_edit:
            self._edit_line()

    def _gone_on_with(self, facts: Facts) -> Facts:
        """Return a run gone on with to the end of the text, which may have grown since the run was begun."""
        run = self._run
        if run.lines.source.incoming is None:
            return facts
        trace = run.session.stream.catch_up(facts.trace)
        if trace is facts.trace:
            return facts
        run.lines.grown(trace)
        return Facts(trace)

    def _edit_line(self) -> None:
        """Make the edits of a line that is opened again; the network stays edited from line to line."""

        def act(session: Session) -> tuple[str, ...]:
            session.edit_line()
            count = session.history.done
            return (f"{count} edit{'s' * (count != 1)} in force",) if count else ()

        self._changes.notify(self._changes.change(act))
