"""Stepping: the keys that move the run, one by one or played by a timer."""

from __future__ import annotations

from collections.abc import Callable

from textual.screen import Screen
from textual.timer import Timer

from lstm_tui.tui.controllers.open_run import OpenRun

_PLAY_SECONDS = 0.35


class Steps:
    """Moves the session, and shows where it stands then."""

    def __init__(self, screen: Screen[None], run: OpenRun, keys_wait: Callable[[], bool]) -> None:
        """Stand still.

        Args:
            screen: Whose timers are used.
            run: What is moved.
            keys_wait: Says whether more keys were pressed already: places between are not drawn.
        """
        self._screen, self._run, self._keys_wait = screen, run, keys_wait
        self._timer: Timer | None = None

    def token(self, count: int) -> None:
        """Go along the tape."""
        self.stop()
        frame = self._run.session.next(count)
        if self._keys_wait():
            self._run.moved_unseen()
        else:
            self._run.moved(frame)

    def equation(self, step: int) -> None:
        """Take one equation, or take it back."""
        session = self._run.session
        self._run.moved(session.step_in() if step > 0 else session.step_back(), follow=True)

    def op(self, step: int) -> None:
        """Take one op, or take it back."""
        session = self._run.session
        self._run.moved(session.step_in("op") if step > 0 else session.step_back("op"), follow=True)

    def finish(self, step: int) -> None:
        """Finish the token, or go back to before it."""
        session = self._run.session
        self._run.moved(session.step_out() if step > 0 else session.step_out_back())

    def end(self, side: int) -> None:
        """Go to the first or the last token."""
        self.go_to(0 if side < 0 else self._run.session.frame.steps - 1)

    def go_to(self, t: int) -> None:
        """Go to a place on the tape."""
        self._run.moved(self._run.session.goto(t))

    def go_to_cursor(self) -> None:
        """Go to the token under the cursor."""
        self.go_to(self._run.view.cursor_t)

    def select_pass(self, which: int | str) -> None:
        """Select a pass by its name, or the one so many places on; of a network with one pass that is said."""
        if not isinstance(which, str) and len(self._run.session.frame.trace.passes) == 1:
            self._run.show(said="this network has one pass only")
            return
        self._run.moved(self._run.session.select_pass(which))

    # --- by itself ---

    @property
    def is_playing(self) -> bool:
        """Whether the run steps by itself."""
        return self._timer is not None

    def play(self) -> None:
        """Step by itself, or stop."""
        if self._timer is not None:
            self.stop()
        else:
            self._timer = self._screen.set_interval(_PLAY_SECONDS, self.play_on)

    def play_on(self) -> None:
        """Take the next token of a run that plays, or stop at the last one."""
        frame = self._run.session.frame
        if frame.t >= frame.steps - 1:
            self.stop()
        else:
            self._run.moved(self._run.session.next())

    def stop(self) -> None:
        """Step by itself no more."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
