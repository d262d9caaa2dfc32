"""The work of a session, kept while it goes on, so that a program that is cut off loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lstm_tui.debugger.session import Session
    from lstm_tui.formats.io.journal import Journal

Later = Callable[[Callable[[], None]], None]
"""Has something done, at once or in a thread."""


def has_work(session: Session) -> bool:
    """Say whether a session holds what would be missed: an edit, a stop or a display."""
    return bool(session.histories or len(session.breakpoints) or len(session.displays))


class Autosave:
    """Keeps the work of one session in a journal; one that cannot be opened again by a command has none."""

    def __init__(self, begin: Callable[[], Journal | None], later: Later = lambda write: write()) -> None:
        """`begin` makes the journal when there is first something to keep; `later` has it written."""
        self._begin, self._later = begin, later
        self._journal: Journal | None = None
        self._known: tuple[Any, ...] = ()
        self._over = False

    def note(self, session: Session, now: bool = False) -> None:
        """Keep what has changed since the last time; `now` has it written when this returns."""
        if self._over or not session.command:
            return
        found = (
            session.frame, session.history, session.histories, tuple(session.breakpoints), tuple(session.displays),
            session.layout,
        )  # fmt: skip
        if found == self._known and not now:
            return
        self._known = found
        if not has_work(session):
            if self._journal is not None:
                self._journal.empty()
            return
        if self._journal is None:
            self._journal = self._begin()
            self._over = self._journal is None  # nowhere to keep it: nothing is tried again
        if self._journal is not None:
            from lstm_tui.debugger.session_file import script_of

            lines, write = script_of(session), self._journal.ask()

            def keep() -> None:
                if not write(lines):
                    self._known = ()  # the next look tries again

            if now:
                keep()
            else:
                self._later(keep)

    @property
    def is_kept(self) -> bool:
        """Whether there is something that was written down."""
        return self._journal is not None and self._journal.is_there

    def leave(self, finished: bool) -> None:
        """End: whoever finished wants nothing kept; whoever was cut off finds the work next time."""
        self._over = True
        if self._journal is None:
            return
        if finished:
            self._journal.forget()
        else:
            self._journal.leave()
