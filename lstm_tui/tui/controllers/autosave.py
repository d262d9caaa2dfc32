"""Nothing is lost: the work on the screen is kept as it goes on, and what was interrupted before is offered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from time import monotonic

from textual.screen import Screen

from lstm_tui.debugger.autosave import Autosave
from lstm_tui.debugger.session import Session
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.tui.controllers.changes import Changes
from lstm_tui.tui.controllers.looks import Looks
from lstm_tui.tui.controllers.open_run import OpenRun
from lstm_tui.tui.keys import Awaited
from lstm_tui.tui.threads import in_background


def _nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, eq=False)
class Offer:
    """A session on the same input that can be resumed.

    Attributes:
        told: What it is, in a line.
        take_up: Makes a fresh session the one that was cut off; returns its reply.
        taken: To be called once it was resumed: it is forgotten where it was.
        forget: Throws it away.
        leave: Leaves it for the next start.
    """

    told: str
    take_up: Callable[[Session], Iterable[str]]
    taken: Callable[[], None] = _nothing
    forget: Callable[[], None] = _nothing
    leave: Callable[[], None] = _nothing


@dataclass(frozen=True, eq=False)
class Keeping:
    """How work is kept.

    Attributes:
        autosave: Keeps the work of this session.
        look: Looks for work that was cut off: an offer, and a remark on other inputs; either may be missing.
    """

    autosave: Autosave
    look: Callable[[], tuple[Offer | None, str]]


_EVERY = 0.5
"""Seconds between two looks at what there is to keep: at most one second of work is lost."""
_AT_ONCE = 0.25
"""Seconds after the last look in which a change waits for the next: pasted lines are not written one by one."""
_REMARK_TIME = 10


class ScreenAutosave:
    """Has the work written down, and resumes interrupted work."""

    def __init__(
        self, screen: Screen[None], run: OpenRun, looks: Looks, changes: Changes, keeping: Keeping | None
    ) -> None:
        """Keep nothing yet.

        Args:
            screen: Whose timers are used, and over which is asked.
            run: What is kept.
            looks: How it is shown, which is kept with it.
            changes: Resumes what was interrupted.
            keeping: How work is kept; None where it is not.
        """
        self._screen, self._run, self._looks, self._changes = screen, run, looks, changes
        self._keeping = keeping
        self._looks_since: float | None = None  # for interrupted work
        self._kept_since = 0.0
        changes.noticed = self._keep_soon

    def begin(self) -> None:
        """Look for what was interrupted, and keep the work from here on."""
        keeping = self._keeping
        if keeping is not None:
            self._looks_since = monotonic()
            in_background(lambda: self._look(keeping))
            self._screen.set_interval(_EVERY, self.keep)

    def keep(self, now: bool = False, waiting: Sequence[str] = ()) -> None:
        """Have the work written down, of a change that still computes the line that was typed.

        Args:
            now: Return when that is done.
            waiting: Lines that were typed, and nobody has looked at yet; they follow those that are computed.
        """
        self._kept_since = monotonic()
        if self._keeping is None or self._run.is_empty:
            return
        session = self._run.session
        session.layout = self._looks.layout()
        self._keeping.autosave.note(session, now=now, computing=(*self._changes.lines_computing(), *waiting))

    def _keep_soon(self) -> None:
        """Keep a change as it is made: a busy machine may be late for the next look, or may not come to it."""
        if monotonic() - self._kept_since > _AT_ONCE:
            self.keep()

    # --- what was interrupted ---

    def awaited(self) -> Awaited | None:
        """Return what keys wait for: what was interrupted is asked about before the first of them."""
        return None if self._looks_since is None else Awaited(self._looks_since, acts=False)

    def _look(self, keeping: Keeping) -> None:
        found: tuple[Offer | None, str] = None, ""
        try:
            found = keeping.look()
        finally:  # keys wait for this answer
            self._screen.call_later(self._found, *found)

    def _found(self, offer: Offer | None, remark: str) -> None:
        """Tell of interrupted work on other inputs, and offer to resume that on this one."""
        self._looks_since = None
        if remark:
            self._screen.notify(remark, markup=False, timeout=_REMARK_TIME)
        if offer is None:
            return
        if self._run.is_empty or self._run.session.histories:  # begun with edits: it is not mixed with them
            offer.leave()
            return
        from lstm_tui.tui.prompts.prompts import Recover

        self._screen.app.push_screen(Recover(offer.told), lambda answer: self._answered(offer, answer))

    def _answered(self, offer: Offer, answer: str | None) -> None:
        if answer == "forget":
            offer.forget()
        elif answer == "take":
            self.take_up(offer)
        else:
            offer.leave()

    def take_up(self, offer: Offer) -> None:
        """Resume a session that was saved or interrupted, and show it as it looked."""

        def done() -> None:
            layout = self._run.session.layout
            if layout is not None:
                self._looks.lay_out(layout)
            self.keep()  # here before it is forgotten there
            offer.taken()

        def refused(error: str) -> None:
            offer.leave()
            self._changes.notify(error)

        error = self._changes.change(offer.take_up, done=done, refused=refused)
        if error:
            refused(error)
