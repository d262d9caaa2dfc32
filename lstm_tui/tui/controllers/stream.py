"""A text that grows on the screen: what has come is taken in a few times a second, and never in a key's way."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from textual import on
from textual.content import Content
from textual.message import Message

from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.stream import Growth
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.interpreters import quick_steps
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.controllers.autosave import Kept
from lstm_tui.tui.threads import in_background
from lstm_tui.tui.view import Live

if TYPE_CHECKING:
    from lstm_tui.formats.inputs.stream import Incoming

_EVERY = 0.1
"""Seconds between two looks at what has come."""


class Follows(Kept):
    """A screen that follows standard input where the document does."""

    class Grown(Message):
        """A thread has gone on with the run, or why it could not."""

        def __init__(self, growth: Growth | None, facts: tuple[Facts, ...], error: str = "") -> None:
            """Hold the longer run, and what is known of it and of its baseline."""
            super().__init__()
            self.growth, self.facts, self.error = growth, facts, error

    _begun = _rested = 0.0
    _ended = False

    def follow(self) -> None:
        """Take in what comes from here on."""
        incoming = self._document.source.incoming
        if incoming is not None:
            self.set_interval(_EVERY, lambda: self._take_in(incoming))
            self._take_in(incoming)

    def open_line(self, number: int) -> None:
        """Show a sequence; one that has not begun is waited for."""
        if len(self._document):
            super().open_line(number)

    def waits_for(self) -> str:
        """Return what the header says while there is no run."""
        if self._document.source.incoming is None:
            return "runs…"
        return f"{self._document.title()} · waits for text on standard input"

    def _take_in(self, incoming: Incoming) -> None:
        """Take in what has come, unless the session is at something else."""
        session, view = self._session, self.view
        if session is None or view is None:
            if self._computing is None:
                self._begin_text(incoming)
            return
        if not self.is_free or monotonic() < self._rested:
            return
        passes = len(view.trace.passes)
        # No more is taken in at a time than runs at once: the rest waits, and a pipe waits behind it.
        more = incoming.take(max(quick_steps(session.baseline.interpreter, passes), 1))
        if more is None:
            self._tell_live()
            return
        known = (view.facts,) if self._plain is None else (view.facts, self._plain)
        if self._is_quick():
            growth = session.stream.growth(more)
            self._longer(growth, self._facts_of(growth, known))
        else:
            self._growing, self._begun = True, monotonic()
            in_background(lambda: self._grow(session, more, known))

    def _begin_text(self, incoming: Incoming) -> None:
        """Show the first tokens, or leave where there are none."""
        network = self._document.source.network
        assert network is not None
        first = incoming.take(max(quick_steps("numpy", len(network.passes)), 1))
        if first is None:
            if incoming.is_over:
                self.app.exit(1, message=Content(f"lstm-tui: {visible(incoming.error)}"))
            return
        self._document.begin(first)
        self.open_line(0)
        if self._session is not None:
            self._moved(self._session.goto(self._session.frame.steps - 1))
        if self._numba:
            self._compute(0, "numba")

    def _grow(self, session: Session, more: Sequence, known: tuple[Facts, ...]) -> None:
        """Go on with the run, and compute what the screen needs; in a thread."""
        try:
            growth = session.stream.growth(more)
            facts = self._facts_of(growth, known)
            for one in facts:
                one.prepare()
        except (UserError, MemoryError) as error:
            self.post_message(self.Grown(None, (), str(error) or "there is not enough memory"))
        else:
            self.post_message(self.Grown(growth, facts))

    def _facts_of(self, growth: Growth, known: tuple[Facts, ...]) -> tuple[Facts, ...]:
        """Return what is known of a longer run, of its baseline first; it goes on with what was known."""

        def since(trace: Trace | None) -> Facts | None:
            return next((one for one in known if one.trace is trace), None)

        plain = Facts(growth.baseline, None, since(growth.since))
        return (plain,) if growth.made is None else (plain, Facts(growth.trace, plain, since(growth.before)))

    @on(Grown)
    def _grown(self, message: Grown) -> None:
        self._growing = False
        self._rested = monotonic() + (monotonic() - self._begun)  # as long as it took, the machine is the user's
        if message.growth is not None:
            self._longer(message.growth, message.facts)
        elif self._document.source.incoming is not None:  # a text with a hole in it would be another
            self._document.source.incoming.stop(message.error)
            self._tell_live()
        self._next_change()

    def _longer(self, growth: Growth, facts: tuple[Facts, ...]) -> None:
        """Show the session on a longer text."""
        session, view = self._session, self.view
        assert session is not None
        assert view is not None
        assert self._document.source.incoming is not None
        before = session.frame.position
        frame = session.stream.take_growth(growth)
        plain, edited = next((one for one in facts if one.trace is session.baseline), None), None
        self._plain = plain or Facts(session.baseline)
        if session.history.active:
            edited = next((one for one in facts if one.trace is frame.trace), None) or Facts(frame.trace, self._plain)
        self._document.grown(session.baseline)
        moved = frame.position is not before
        self.view = self._at_stop(view).but(
            frame=frame, facts=edited or self._plain, place=None if moved else view.place,
            said=frame.note if moved and frame.note else view.said, live=self._live(self._document.source.incoming),
        )  # fmt: skip

    def _show(self, number: int, facts: Facts) -> None:
        """Show a run; one that another interpreter began when the text was shorter is gone on with first."""
        session = self._session
        if self._document.source.incoming is not None and session is not None:
            trace = session.stream.catch_up(facts.trace)
            if trace is not facts.trace:
                facts = Facts(trace)
                self._document.grown(trace)
        super()._show(number, facts)

    def _moved(self, frame: Frame, follow: bool = False) -> None:
        """Show where the session stands now."""
        super()._moved(frame, follow)
        if self._document.source.incoming is not None:
            self._tell_live()

    def _tell_live(self) -> None:
        """Say how it stands with what comes, and once why nothing more does."""
        incoming = self._document.source.incoming
        assert incoming is not None
        live = self._live(incoming)
        if self.view is not None and self.view.live != live:
            self.view = self.view.but(live=live, said=self.view.said)
        if incoming.is_over and not self._ended:
            self._ended = True
            if incoming.error:
                self.notify(visible(incoming.error), severity="error", markup=False)
            elif incoming.is_full:
                self.notify(incoming.full_words, severity="warning", markup=False)

    def _live(self, incoming: Incoming) -> Live | None:
        """Return whether more comes, and how much of it was not looked at yet."""
        session = self._session
        if session is None:
            return None
        unseen, over = session.stream.unseen, incoming.is_over
        if not over:
            return Live(True, unseen, "live" if session.stream.follows else f"{unseen} new")
        return Live(False, unseen, ("full" if incoming.is_full else "end") + (f", {unseen} new" if unseen else ""))
