"""Long work beside the screen: how far it is stands in the header, and it is given up at a key."""

from __future__ import annotations

from textual.reactive import reactive
from textual.timer import Timer

from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.engine.number_text import percent
from lstm_tui.tui.controllers.steps import Steps
from lstm_tui.tui.key_queue import Awaited

_EVERY = 0.1
"""Seconds between two looks at how far it is."""


class Working(Steps):
    """A screen that may wait for work in a thread. What is given up leaves everything as it was."""

    busy: reactive[str] = reactive("", repaint=False)
    _looks: Timer | None = None

    def work_awaited(self) -> Cancellation | None:
        """Return the work the user waits for, if there is any."""
        return None

    def keys_await(self) -> Awaited | None:
        """Return the work in a thread at what keys act on."""
        work = self.work_awaited()
        return None if work is None else Awaited(work.begun, acts=self.view is not None)

    def watch_work(self) -> None:
        """Tell how far the work is from here on, until there is none."""
        if self._looks is None:
            self._looks = self.set_interval(_EVERY, self.tell_work)
        self.tell_work()

    def tell_work(self) -> None:
        """Tell how far the work is."""
        work = self.work_awaited()
        if work is None:
            self.busy = ""
            if self._looks is not None:
                self._looks.stop()
                self._looks = None
        elif work.is_given_up():
            self.busy = "stops…"
        else:
            share = f" {percent(work.share)}" if work.share else ""
            self.busy = f"runs…{share}" + (", esc stops" if self.view is not None else "")

    def give_up(self) -> bool:
        """Have the work given up; say whether there was any that can be."""
        return False
