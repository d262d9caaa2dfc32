"""Having the session do what may run it again: at once, or in a thread where that takes long."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from lstm_tui.debugger.cancellation import Cancellation, GivenUp
from lstm_tui.debugger.commands.table import Leave
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.runtime.interpreters import quick_steps
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.command_history import Past
from lstm_tui.tui.controllers.runs import Runs
from lstm_tui.tui.document import Document
from lstm_tui.tui.threads import in_background

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.language import Edit

Act = Callable[[Session], Iterable[str]]


class Changes(Runs):
    """A screen on which the run can be changed. What was typed is never lost: an error opens the line again."""

    class Done(Message):
        """A thread has made the run again, or why it could not."""

        def __init__(self, fork: Session, since: Frame, text: str) -> None:
            """Hold the session that went its own way, and from where."""
            super().__init__()
            self.fork, self.since, self.text = fork, since, text
            self.reply: tuple[str, ...] = ()
            self.facts: Facts | None = None
            self.error = ""
            self.leave = self.given_up = False

    def __init__(self, document: Document, start: int, numba: bool, recipe: tuple[Edit, ...] = ()) -> None:
        """Nothing is edited yet but what a recipe says of the first line."""
        super().__init__(document, start, numba, recipe)
        self.past = Past()
        self._waiting: deque[tuple[Act, str]] = deque()
        self._untold: tuple[str, tuple[str, ...]] | None = None  # an answer that came while a line was typed
        self._line_made = ""  # the typed line that the change is made of
        self._changing: Cancellation | None = None  # what a thread tells of the change it makes
        self._growing = False  # a thread goes on with a text that grows

    @property
    def is_free(self) -> bool:
        """Whether the session is at nothing, and nothing waits for it."""
        return not (self._changing or self._growing or self._waiting)

    def lines_computing(self) -> tuple[str, ...]:
        """Return the typed lines that are not finished, the one that is computed first."""
        return tuple(text for text in (self._line_made, *(text for _, text in self._waiting)) if text)

    # --- having the session do something ---

    def change(self, act: Act, text: str = "") -> str:
        """Have the session do something that may run it again: at once, or in a thread where that takes long.

        Args:
            act: What it does; returns the reply.
            text: The line it was typed as, which is given back when it cannot be executed.

        Returns:
            What is wrong, when that is known at once.
        """
        if self._session is None or self.view is None:
            return "the run is not there yet"
        self._stop()
        if not self._is_quick():
            self._waiting.append((act, text))
            self._next_change()
            return ""
        try:
            reply = tuple(act(self._session))
        except UserError as error:
            return str(error)
        except Leave:
            self.app.exit(0)
            return ""
        self._changed(reply, text)
        return ""

    def _is_quick(self) -> bool:
        assert self.view is not None
        trace = self.view.trace
        return len(trace.sequence) <= quick_steps(trace.interpreter, len(trace.passes)) and self.is_free

    def _next_change(self) -> None:
        if self._changing or self._growing or not self._waiting or self._session is None or self.view is None:
            return
        act, text = self._waiting.popleft()
        self._changing = Cancellation()
        message = self.Done(self._session.fork(self._changing), self._session.frame, text)
        self._line_made = text
        known = tuple(one for one in (self.view.facts, self._plain) if one is not None)
        in_background(lambda: self._work(message, act, self._plain, known))
        self.watch_work()

    def _work(self, message: Done, act: Act, plain: Facts | None, known: tuple[Facts, ...]) -> None:
        """Let a fork of the session do it, and compute what the screen needs; in a thread."""
        try:
            message.reply = tuple(act(message.fork))
            trace = message.fork.frame.trace
            if trace is not message.since.trace and message.fork.history.active:
                message.fork.work.check()
                since = next((one for one in known if one.trace is message.fork.edits.gone_on_from), None)
                message.facts = Facts(trace, plain, since)
                message.facts.prepare()
                message.fork.work.check()
        except Leave:
            message.leave = True
        except GivenUp:
            message.given_up = True
        except (UserError, MemoryError) as error:
            message.error = str(error) or type(error).__name__
        self.post_message(message)

    @on(Done)
    def _done(self, message: Done) -> None:
        self._changing = None
        self._line_made = ""
        self.tell_work()
        session = self._session
        if message.leave:
            self.app.exit(0)
        elif session is None or self.view is None:
            return
        elif session.frame.line != message.since.line:  # another line was opened meanwhile
            session.edits.keep_edits_of(message.fork.edits)
        elif message.given_up:
            self._refused("", "")
            self.view = self.view.but(said="given up: nothing is changed")
        elif message.error:
            self._refused(message.text, message.error)
        else:
            session.join(message.fork, message.since)
            self._changed(message.reply, message.text, message.facts)
        self._next_change()

    def work_awaited(self) -> Cancellation | None:
        """Return the change that is made, or the line that is run."""
        return self._changing or super().work_awaited()

    def give_up(self) -> bool:
        """Have the change given up that is made, and forget those that wait for it."""
        if self._changing is None:
            return super().give_up()
        self._waiting.clear()
        self._changing.give_up()
        self.tell_work()
        return True

    def action_command(self, value: str = "", error: str = "", title: str = "command") -> None:
        """Ask for a line of the command line, with what was wrong with it before."""
        raise NotImplementedError

    def _refused(self, text: str, error: str) -> None:
        if text:
            self.action_command(text, error)
        elif error:
            self.notify(error, severity="error", markup=False)

    def _changed(self, reply: tuple[str, ...], text: str, facts: Facts | None = None) -> None:
        """Show what the session has become, and what it has to say."""
        session, view = self._session, self.view
        assert session is not None
        assert view is not None
        frame, ran = session.frame, session.frame.trace is not view.trace
        if self._plain is None or self._plain.trace is not session.baseline:  # a verb opened another line
            self._wanted_line, self._plain = frame.line, Facts(session.baseline)
        if ran:
            facts = facts or (Facts(frame.trace, self._plain) if session.history.active else self._plain)
            assert facts is not None
        else:
            facts = view.facts
        said = visible(reply[0]) if reply and (ran or len(reply) == 1) else ""
        values = frame.passed.cell.values  # an equation rewritten may have taken some away
        self.view = view.but(
            frame=frame, facts=facts, value=view.value if view.value in values else values[0], place=None,
            follow=view.follow and not ran, said=said,
        )  # fmt: skip
        for screen in self.app.screen_stack[1:]:
            renew = getattr(screen, "renew", None)
            if renew is not None:
                renew()
        if not session.history.active:
            held = self._document.held(frame.line, self._interpreter)
            if held is not None and held is not frame.trace:  # another interpreter was ready meanwhile
                self._show(frame.line, Facts(held))
        if reply and not said:
            self.call_later(self._tell, text, reply)

    def _tell(self, title: str, lines: tuple[str, ...]) -> None:
        from lstm_tui.tui.views.page import PageScreen

        if isinstance(self.app.focused, Input):  # the next line is typed already
            self._untold = (title, lines)
        else:
            self._untold = None
            found = None if self._session is None else self._session.stops.found
            page = PageScreen(
                visible(title), [Content(visible(line)) for line in lines], found is not None and found.lines == lines
            )
            self.app.push_screen(page, self._go_where_found)

    def _go_where_found(self, goes: bool | None) -> None:
        """Stand behind the equation of which a page tells, at its unit and value."""
        if not goes or self._session is None or self.view is None or (found := self._session.stops.found) is None:
            return
        frame = self._session.stops.go_where_found()
        units = {**self.view.units, frame.position.pass_name: found.unit}
        self.view = self.view.but(
            frame=frame, units=units, value=found.value or self.view.value, place=None, follow=True
        )

    def on_screen_resume(self) -> None:
        """Tell what could not be told over a line that was typed."""
        if self._untold is not None:
            self._tell(*self._untold)

    def edit_line(self) -> None:
        """Make the edits of a line that is opened again; the network stays edited from line to line."""

        def act(session: Session) -> tuple[str, ...]:
            session.edit_line()
            count = session.history.done
            return (f"{count} edit{'s' * (count != 1)} in force",) if count else ()

        error = self.change(act)
        if error:
            self.notify(error, severity="error", markup=False)
