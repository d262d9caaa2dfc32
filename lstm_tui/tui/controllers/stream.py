"""A text that grows on the screen: what has come is taken in a few times a second, and never in a key's way."""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from textual.content import Content
from textual.screen import Screen

from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import needed
from lstm_tui.debugger.stream import Growth
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.interpreters import quick_steps
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.tui.controllers.changes import Changes
from lstm_tui.tui.controllers.open_run import LastStop, OpenRun
from lstm_tui.tui.controllers.runs import Runs
from lstm_tui.tui.controllers.steps import Steps
from lstm_tui.tui.threads import in_background
from lstm_tui.tui.view import Live, View

if TYPE_CHECKING:
    from lstm_tui.formats.inputs.stream import Incoming

_EVERY = 0.1
"""Seconds between two looks at what has come."""


@dataclass(frozen=True, eq=False)
class Grown:
    """How a thread has gone on with the run, or why it could not.

    Attributes:
        growth: The longer run; None where it could not.
        facts: What is known of it and of its baseline.
        error: Why it could not.
    """

    growth: Growth | None = None
    facts: tuple[Facts, ...] = ()
    error: str = ""


class StreamFollower:
    """Follows standard input where what is open does."""

    def __init__(
        self, screen: Screen[None], run: OpenRun, steps: Steps, changes: Changes, runs: Runs, last_stop: LastStop
    ) -> None:
        """Take in nothing yet.

        Args:
            screen: Whose timers are used, and what a thread tells when it is done.
            run: What grows.
            steps: Goes to the end of the first tokens.
            changes: They wait while a thread goes on with the run.
            runs: Opens the line once its first tokens are there.
            last_stop: What the cursor is put on where the run stopped on its way.
        """
        self._screen, self._run, self._steps = screen, run, steps
        self._changes, self._runs, self._last_stop = changes, runs, last_stop
        self._incoming = run.lines.source.incoming
        self._begun = self._rested = 0.0
        self._is_told = False  # why nothing more comes

    def follow(self) -> None:
        """Take in what comes from here on."""
        incoming = self._incoming
        if incoming is not None:
            self._screen.set_interval(_EVERY, lambda: self._take_in(incoming))
            self._take_in(incoming)

    def waits_for(self) -> str:
        """Return what the header says while there is no run."""
        if self._incoming is None:
            return "runs…"
        return f"{self._run.lines.title()} · waits for text on standard input"

    def _take_in(self, incoming: Incoming) -> None:
        """Take in what has come, unless the session is at something else."""
        if self._run.is_empty:
            if not self._runs.is_computing:
                self._begin_text(incoming)
            return
        if not self._changes.is_free or monotonic() < self._rested:
            return
        session, view = self._run.session, self._run.view
        # No more is taken in at a time than runs at once: the rest waits, and a pipe waits behind it.
        more = incoming.take(max(quick_steps(session.baseline.interpreter, len(view.trace.passes)), 1))
        if more is None:
            self._tell(incoming)
            return
        known = (view.facts, self._run.plain)
        if self._changes.is_quick:
            growth = session.stream.growth(more)
            self._longer(growth, _facts_of(growth, known))
        else:
            self._begun = monotonic()
            self._changes.hold()
            in_background(lambda: self._grow(session, more, known))

    def _begin_text(self, incoming: Incoming) -> None:
        """Show the first tokens, or leave where there are none."""
        lines = self._run.lines
        passes = len(needed(lines.source.network).passes)
        first = incoming.take(max(quick_steps("numpy", passes), 1))
        if first is None:
            if incoming.is_over:
                self._screen.app.exit(1, message=Content(f"lstm-tui: {visible(incoming.error)}"))
            return
        lines.begin(first)
        self._runs.open_line(0)
        if not self._run.is_empty:
            self._steps.end(1)
            self._tell(incoming)
        self._runs.take_over()

    def _grow(self, session: Session, more: Sequence, known: tuple[Facts, ...]) -> None:
        """Go on with the run, and compute what the screen needs; in a thread."""
        try:
            growth = session.stream.growth(more)
            facts = _facts_of(growth, known)
            for one in facts:
                one.finish()
        except (UserError, MemoryError) as error:
            grown = Grown(error=str(error) or "there is not enough memory")
        else:
            grown = Grown(growth, facts)
        self._screen.call_later(self._grown, grown)

    def _grown(self, grown: Grown) -> None:
        self._rested = monotonic() + (monotonic() - self._begun)  # as long as it took, the machine is the user's
        if grown.growth is not None:
            self._longer(grown.growth, grown.facts)
        elif self._incoming is not None:  # a text with a hole in it would be another
            self._incoming.stop(grown.error)
            self._tell(self._incoming)
        self._changes.release()

    def _longer(self, growth: Growth, facts: tuple[Facts, ...]) -> None:
        """Show the session on a longer text."""
        run, session, view = self._run, self._run.session, self._run.view
        before = session.frame.position
        frame = session.stream.take_growth(growth)
        plain = next((one for one in facts if one.trace is session.baseline), None)
        run.plain = shown = plain or Facts(session.baseline)
        if session.history.active:
            shown = next((one for one in facts if one.trace is frame.trace), None) or Facts(frame.trace, run.plain)
        run.lines.grown(session.baseline)
        moved = frame.position is not before
        run.view = self._last_stop.under_cursor(view).but(
            frame=frame, facts=shown, place=None if moved else view.place,
            said=frame.note if moved and frame.note else view.said,
        )  # fmt: skip

    # --- how it stands ---

    def told_in(self, view: View) -> View:
        """Return a view that tells how it stands with what comes."""
        return view if self._incoming is None else replace(view, live=self._live(self._incoming))

    def _tell(self, incoming: Incoming) -> None:
        """Tell how it stands with what comes, and once why nothing more does."""
        if self._run.view.live != self._live(incoming):
            self._run.show(said=self._run.view.said)
        if incoming.is_over and not self._is_told:
            self._is_told = True
            if incoming.error:
                self._screen.notify(visible(incoming.error), severity="error", markup=False)
            elif incoming.is_full:
                self._screen.notify(incoming.full_words, severity="warning", markup=False)

    def _live(self, incoming: Incoming) -> Live:
        """Return whether more comes, and how much of it was not looked at yet."""
        stream = self._run.session.stream
        if not incoming.is_over:
            return Live(True, stream.unseen, "live" if stream.follows else f"{stream.unseen} new")
        unseen = f", {stream.unseen} new" if stream.unseen else ""
        return Live(False, stream.unseen, ("full" if incoming.is_full else "end") + unseen)


def _facts_of(growth: Growth, known: tuple[Facts, ...]) -> tuple[Facts, ...]:
    """Return what is known of a longer run, of its baseline first; it goes on with what was known."""

    def since(trace: Trace | None) -> Facts | None:
        return next((one for one in known if one.trace is trace), None)

    plain = Facts(growth.baseline, None, since(growth.since))
    return (plain,) if growth.made is None else (plain, Facts(growth.trace, plain, since(growth.before)))
