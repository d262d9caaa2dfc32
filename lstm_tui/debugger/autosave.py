"""The work of a session, kept while it goes on, so that a program that is cut off loses nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lstm_tui.debugger.held_values import LAST_BREAKPOINT
from lstm_tui.engine.dataclass import dataclass

if TYPE_CHECKING:
    from lstm_tui.debugger.session import Session
    from lstm_tui.formats.io.journal import Journal

_MOMENT = 0.3
"""Seconds after which a line that is still computed is written down."""
Later = Callable[[Callable[[], None]], None]
"""Has something done, at once or in a thread."""


@dataclass(frozen=True, eq=False)
class _Same:
    """One object, which is equal to itself alone: arrays are not compared."""

    of: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.of is other.of

    __hash__ = None  # type: ignore[assignment]


def has_work(session: Session) -> bool:
    """Say whether a session holds what would be missed: an edit, a stop, a display or the name of a unit."""
    named = session.frame.names != session.opened_names
    return bool(session.histories or named or made_by_user(session) != session.scripting.begun)


def made_by_user(session: Session) -> tuple[Any, ...]:
    """Return what a session has beside edits, names and its place, to be compared with what it began with."""
    stops = tuple((one.number, one.trigger.text, one.enabled, one.ignore, one.commands) for one in session.breakpoints)
    shown = tuple(one.expression.text for one in session.displays)
    scripting, variables = session.scripting, session.stops.held.variables
    kept = tuple((name, _Same(value)) for name, value in variables.items() if name != LAST_BREAKPOINT)
    found = (stops, shown, tuple(scripting.commands.items()), tuple(scripting.aliases.items()), kept)
    return found if any(found) else ()


def _unfinished(lines: Sequence[str]) -> list[str]:
    from lstm_tui.debugger.session_file import COMPUTING

    return [COMPUTING + " ".join(line.split()) for line in lines if line.strip()]


class Autosave:
    """Keeps the work of one session in a journal; one that cannot be opened again by a command has none."""

    def __init__(self, begin: Callable[[], Journal | None], later: Later = lambda write: write()) -> None:
        """`begin` makes the journal when there is first something to keep; `later` has it written."""
        self._begin, self._later = begin, later
        self._journal: Journal | None = None
        self._known: tuple[Any, ...] = ()
        self._over = False
        self._computing = ""

    @contextmanager
    def while_computing(self, session: Session, line: str) -> Iterator[None]:
        """Have a line that takes longer than a moment written down while it is computed.

        It stays written when the program is ended in the midst of it; whoever gives it up says so by `settle`.
        """
        if self._over or not session.command:
            yield
            return
        from lstm_tui.debugger.session_file import script_of

        self._computing = " ".join(line.split())
        lines = [*script_of(session), *_unfinished((self._computing,))]  # made while the session is at rest

        def keep() -> None:
            self._known = ()
            if self._started():
                assert self._journal is not None
                self._journal.write(lines)

        timer = threading.Timer(_MOMENT, keep)
        timer.daemon = True
        timer.start()
        finished = True
        try:
            yield
        except (KeyboardInterrupt, SystemExit, GeneratorExit):  # cut off in the midst of it; a mistake is an end
            finished = False
            raise
        finally:
            if finished:
                self.settle()
            timer.cancel()
            timer.join()

    def settle(self) -> None:
        """Take it that no line is computed any more."""
        self._computing = ""

    def _started(self) -> bool:
        """Begin the journal where there is none; return whether there is one."""
        if self._journal is None:
            self._journal = self._begin()
            self._over = self._journal is None  # nowhere to keep it: nothing is tried again
        return self._journal is not None

    def note(self, session: Session, now: bool = False, computing: Sequence[str] = ()) -> None:
        """Keep what has changed since the last time; `now` has it written when this returns.

        Args:
            session: What is kept.
            now: Whether it is written when this returns.
            computing: Lines that were typed and are not finished.
        """
        if self._over or not session.command:
            return
        found = (
            session.frame, session.history, session.histories, tuple(session.breakpoints), tuple(session.displays),
            session.layout, session.scripting.commands, session.scripting.aliases, _Same(session.stops.held.variables),
            tuple(computing), self._computing,
        )  # fmt: skip
        if found == self._known and not now:
            return
        self._known = found
        unfinished = _unfinished((*computing, self._computing))
        if not has_work(session) and not unfinished:
            if self._journal is not None:
                self._journal.empty()
            return
        if self._started():
            assert self._journal is not None
            from lstm_tui.debugger.session_file import script_of

            lines, write = [*script_of(session), *unfinished], self._journal.ask()

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
