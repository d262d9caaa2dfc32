"""Runs: which sequence is shown, who ran it, and never waiting for it.

The answer of a thread that has run a sequence.
"""

from __future__ import annotations

import gc

from textual import on
from textual.content import Content
from textual.message import Message

from lstm_tui.debugger.cancellation import Cancellation, GivenUp
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame, equations_of
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.interpreters import available
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.tui.controllers.progress import Working
from lstm_tui.tui.document import Document
from lstm_tui.tui.threads import in_background
from lstm_tui.tui.view import View


class Ran(Message):
    """A run is there, or why it is not."""

    def __init__(self, number: int, facts: Facts | None = None, error: str = "", given_up: bool = False) -> None:
        """Hold the number of the sequence and what is known of its trace."""
        super().__init__()
        self.number = number
        self.facts = facts
        self.error = error
        self.given_up = given_up


class Runs(Working):
    """A screen that opens the sequences of a document.

    A short run is made at once by the NumPy interpreter, so that the first frame is whole. Once that is on the
    screen Numba is imported in a thread and takes over; a long run is made in the thread from the start. What
    is shown is always of one run by one interpreter.
    """

    def __init__(self, document: Document) -> None:
        """Hold what is open; nothing is run yet."""
        super().__init__()
        self._document = document
        self._wanted_line = document.source.line
        self._numba = document.source.interpreter != "numpy" and document.can_run
        self._interpreter = "numpy"
        self._computing: tuple[int, str, Cancellation] | None = None
        self._plain: Facts | None = None

    def hand_over(self) -> None:
        """Collect garbage again, and let Numba make every run from here on, beginning with the one shown."""
        gc.freeze()  # what is imported stays: to look through it again and again holds up a key now and then
        gc.enable()
        if self._numba and self.view is not None:
            self._compute(self.view.frame.line, "numba")

    def open_line(self, number: int) -> None:
        """Show a sequence: at once when its run is there or short, else when a thread has made it."""
        self._wanted_line = number
        held = self._document.held(number, self._interpreter)
        if held is None and self._interpreter == "numpy" and self._document.is_short(number):
            held = self._document.run(number)
        if held is not None:
            self._show(number, Facts(held))
            return
        self._compute(number, "numba" if self._numba else "numpy")
        self.watch_work()

    def _compute(self, number: int, interpreter: str) -> None:
        if self._computing is None:
            work = Cancellation()
            self._computing = number, interpreter, work
            in_background(lambda: self._run(number, interpreter, work))

    def _run(self, number: int, interpreter: str, work: Cancellation) -> None:
        """Run a sequence in a thread; the answer is a message."""
        try:
            facts = Facts(self._document.run(number, available(interpreter), work.progress))
            facts.prepare()
        except GivenUp:
            self.post_message(Ran(number, given_up=True))
        except (UserError, MemoryError) as error:
            self.post_message(Ran(number, error=str(error) or type(error).__name__))
        else:
            self.post_message(Ran(number, facts))

    @on(Ran)
    def _ran(self, message: Ran) -> None:
        """Show the run, unless another line was asked for meanwhile."""
        self._computing = None
        self._take(message)
        self.tell_work()

    def _take(self, message: Ran) -> None:
        if message.given_up:
            self._gave_up()
        elif message.facts is not None:
            if message.facts.trace.interpreter != self._interpreter:
                gc.freeze()  # Numba is there now
            self._interpreter = message.facts.trace.interpreter
            if message.number == self._wanted_line:
                self._show(message.number, message.facts)
            else:
                self.open_line(self._wanted_line)
        elif self.view is None:
            self.app.exit(1, message=Content(message.error))
        else:
            self._wanted_line = self.view.frame.line
            self.notify(message.error, severity="error", markup=False)

    def _gave_up(self) -> None:
        """Go on with the line that is shown; another one that was asked for meanwhile is run now."""
        if self.view is None:
            return
        if self._wanted_line != self.view.frame.line:
            self.open_line(self._wanted_line)
        self.tell_work()

    def work_awaited(self) -> Cancellation | None:
        """Return the run of a line that is not shown yet."""
        awaited = self.view is None or self._wanted_line != self.view.frame.line
        return self._computing[2] if awaited and self._computing is not None else None

    def give_up(self) -> bool:
        """Stay with the line that is shown; without any there is nothing to go back to."""
        view, computing = self.view, self._computing
        if view is None or computing is None or self._wanted_line == view.frame.line:
            return False
        if computing[0] == self._wanted_line:  # else another interpreter takes over the line that is shown
            computing[2].give_up()
        self._wanted_line = view.frame.line
        self.view = view.but(said="given up: this line stays")
        self.tell_work()
        return True

    def _show(self, number: int, facts: Facts) -> None:
        """Show a run: where the session stands when it is of the same sequence, else from its first token."""
        view = self.view
        if view is not None and self._session is not None and view.frame.line == number:
            if self._session.history.active:  # an edited run and its baseline are made by one interpreter
                return
            self._plain = facts
            start = self._document.start(number, facts.trace.interpreter)
            self.view = view.but(frame=self._session.adopt(facts.trace, start), facts=facts)
            return
        self._stop()
        self._plain = facts
        frame = self._stand_on(facts.trace, number)
        if view is None:
            first = equations_of(frame.passed)[0].name
            view = View(frame, facts, value=first, lines=len(self._document), title=self._document.title())
            view = view.but(units={name: view.unit_of(name) for name in facts.names})
        self.view = view.but(frame=frame, facts=facts, place=None, follow=False)
        assert self._session is not None
        if self._session.can_run and self._session.edits.to_edit:
            self.edit_line()

    def _stand_on(self, trace: Trace, number: int) -> Frame:
        """Have the session stand after the first token of a run."""
        start = self._document.start(number, trace.interpreter)
        if self._session is None:
            self._session = Session(trace, self._document.source, number, start)
            return self._session.frame
        return self._session.show_line(trace, number, start)

    def edit_line(self) -> None:
        """Make the edits of the line that was opened."""

    def action_line(self, shift: int) -> None:
        """Open another line of the file."""
        number = self._wanted_line + shift
        if 0 <= number < len(self._document):
            self.open_line(number)
        elif self.view is not None:
            self.view = self.view.but(said="first line" if shift < 0 else "last line")
