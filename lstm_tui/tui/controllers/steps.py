"""Stepping: every command that moves the run, on the screen's session and its one view."""

from __future__ import annotations

from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer

from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import View

_PLAY_SECONDS = 0.35


class Steps(Screen[None]):
    """A screen with a session. Only the session moves the position; the view follows it."""

    view: reactive[View | None] = reactive(None, repaint=False)
    palette: reactive[Palette | None] = reactive(None, repaint=False)

    def __init__(self) -> None:
        """Begin without a session."""
        super().__init__()
        self._session: Session | None = None
        self._timer: Timer | None = None
        self._behind = False  # the run has gone on from what is shown: more keys waited

    def _moved(self, frame: Frame, follow: bool = False) -> None:
        """Show where the session stands now; `follow` chooses the value of the current equation."""
        self._behind = False
        if self.view is None:
            return
        value = frame.equation.name if follow and frame.equation is not None else self.view.value
        values = frame.passed.cell.values
        self.view = self.view.but(
            frame=frame, place=None, follow=False, said=frame.note, value=value if value in values else values[0]
        )

    def action_token(self, count: int) -> None:
        """Go along the tape."""
        if self._session is not None:
            self._stop()
            frame = self._session.next(count)
            if getattr(self.app, "keys", None):  # a key held down: the places between are not drawn
                self._behind = True
            else:
                self._moved(frame)

    def catch_up(self) -> None:
        """Show where the run stands, if keys were quicker than the drawing."""
        if self._behind and self._session is not None:
            self._moved(self._session.frame)

    def action_equation(self, step: int) -> None:
        """Take one equation, or take it back."""
        if self._session is not None:
            self._moved(self._session.step_in() if step > 0 else self._session.step_back(), follow=True)

    def action_op(self, step: int) -> None:
        """Take one op, or take it back."""
        if self._session is not None:
            session = self._session
            self._moved(session.step_in("op") if step > 0 else session.step_back("op"), follow=True)

    def action_finish(self, step: int) -> None:
        """Finish the token, or go back to before it."""
        if self._session is not None:
            self._moved(self._session.step_out() if step > 0 else self._session.step_out_back())

    def action_end(self, side: int) -> None:
        """Go to the first or the last token."""
        if self._session is not None:
            self._moved(self._session.goto(0 if side < 0 else self._session.frame.steps - 1))

    def action_pass(self, shift: int) -> None:
        """Select another pass."""
        if self._session is not None:
            self._moved(self._session.select_pass(shift))

    def action_play(self) -> None:
        """Step by itself, or stop."""
        if self._timer is not None:
            self._stop()
        else:
            self._timer = self.set_interval(_PLAY_SECONDS, self._play_on)

    def _play_on(self) -> None:
        if self._session is None or self._session.frame.t >= self._session.frame.steps - 1:
            self._stop()
        else:
            self._moved(self._session.next())

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def action_goto_cursor(self) -> None:
        """Go to the token under the cursor."""
        if self._session is not None and self.view is not None:
            self._moved(self._session.goto(self.view.cursor_t))
