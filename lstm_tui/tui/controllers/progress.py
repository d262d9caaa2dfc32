"""Long work beside the screen: how far it is stands in the header, and it is given up at a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from textual.screen import Screen
from textual.timer import Timer

from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.engine.number_text import percent
from lstm_tui.tui.controllers.open_run import ScreenState
from lstm_tui.tui.key_queue import Awaited

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
            self._state.busy = f"runs…{share}" + ("" if self._state.view.is_empty else ", esc stops")
