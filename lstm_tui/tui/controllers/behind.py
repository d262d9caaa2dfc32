"""Computing the rest of a run in windows, in a thread behind the screen: what is shown waits for nothing."""

from __future__ import annotations

import time
from collections.abc import Hashable

from textual.screen import Screen
from textual.timer import Timer

from lstm_tui.debugger.cancellation import Cancellation, GivenUp
from lstm_tui.engine.number_text import percent
from lstm_tui.engine.runtime.windows import RunWindows
from lstm_tui.tui.controllers.changes import WorkProgress
from lstm_tui.tui.controllers.open_run import OpenRun, with_chosen_units
from lstm_tui.tui.threads import in_background
from lstm_tui.tui.view import View

_EVERY = 0.25
"""Seconds between two looks at whether what is shown has been computed meanwhile."""
_PAUSE = 0.0005
"""Seconds that the thread leaves to the screen between some steps and the next."""


class ComputingBehind:
    """Has the rest of the run that is shown computed, and what is shown drawn again once it is known."""

    def __init__(self, screen: Screen[None], run: OpenRun, progress: WorkProgress) -> None:
        """Compute nothing yet.

        Args:
            screen: Whose timers are used.
            run: What is shown.
            progress: Tells how far it is while nothing is waited for.
        """
        self._screen, self._run, self._progress = screen, run, progress
        self._work: Cancellation | None = None
        self._windows: RunWindows | None = None
        self._stopped: tuple[RunWindows, Hashable] | None = None
        self._looks: Timer | None = None
        self._shown: Hashable = ()

    def follow(self, view: View) -> None:
        """Go on with the run of a view, if there is anything of it to compute and it was not given up there."""
        wanted = view.trace.windows
        if wanted is None or wanted.is_complete:
            return
        if self._stopped is not None and self._stopped == (wanted, view.frame.position):
            return
        if self._windows is wanted and self._work is not None and not self._work.is_given_up():
            return
        if self._work is not None:
            self._work.give_up()
        self._stopped, self._windows, self._work = None, wanted, Cancellation()
        work = self._work
        in_background(lambda: self._compute(wanted, work))
        if self._looks is None:
            self._looks = self._screen.set_interval(_EVERY, self._look)

    def _compute(self, windows: RunWindows, work: Cancellation) -> None:
        """Compute all of it, in a thread."""
        try:
            windows.finish(work.progress, lambda: time.sleep(_PAUSE))
        except GivenUp:
            return
        self._screen.call_later(self._look)

    @property
    def _is_at_work(self) -> bool:
        work, windows = self._work, self._windows
        return work is not None and windows is not None and not work.is_given_up() and not windows.is_complete

    def told(self) -> str:
        """Return how far it is, in words for the header; empty when there is nothing to compute."""
        if not self._is_at_work or self._windows is None:
            return ""
        return f"computes the rest, {percent(self._windows.share)}, esc stops"

    def _look(self) -> None:
        """Draw what has been computed meanwhile."""
        run = self._run
        if not self._is_at_work and self._looks is not None:
            self._looks.stop()
            self._looks = None
        self._progress.tell()
        if run.is_empty:
            return
        known = _known(run.view)
        if known != self._shown:
            self._shown = known
            run.view = with_chosen_units(run.view.but(said=run.view.said))

    def give_up(self) -> bool:
        """Stop computing, until the run is moved; say whether anything was computed."""
        if not self._is_at_work or self._work is None or self._windows is None:
            return False
        self._work.give_up()
        self._stopped = self._windows, self._run.view.frame.position
        self._progress.tell()
        self._run.show(said="given up: what is not computed yet is computed when it is looked at")
        return True


def _known(view: View) -> Hashable:
    """Return what a view would show otherwise as more of its run is computed."""
    trace, windows = view.trace, view.trace.windows
    if windows is None:
        return ()
    begun = tuple(trace.is_ready(name, 0) and name not in view.units for name in trace)
    near = (max(view.t - 1, 0), view.t, min(view.t + 1, view.facts.length - 1))
    ready = tuple(trace.is_ready(name, t) for name in trace for t in near)
    axes = tuple(column.half for name in trace for column in view.columns(name))
    signal = round(view.facts.signal_full(view.pass_name, view.signal_name()), 9)
    return begun, ready, axes, signal, windows.is_complete
