"""The last stop of the run: what every view tells of it, and the value and unit that it puts under the cursor."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lstm_tui.debugger.position import Position
from lstm_tui.tui.controllers.open_run import OpenRun
from lstm_tui.tui.view import Stopped, View

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.search import SearchStop


class LastStop:
    """Knows which stop was told, and which has put the cursor where it stopped."""

    def __init__(self, run: OpenRun) -> None:
        """Tell of no stop yet."""
        self._run = run
        self._shown: SearchStop | None = None
        self._told: SearchStop | None = None
        self._reason, self._at = "", (0, Position("", 0, 0))

    def told_in(self, view: View) -> View:
        """Return a view that tells the last stop, and what the displays say where the run stands."""
        session = self._run.session
        if session.frame is not view.frame:
            return view
        stop, position = session.stop, view.frame.position
        if stop is not None and stop.by and stop is not self._told:
            self._told, self._reason, self._at = stop, view.frame.note, (view.frame.line, position)
        stopped = None
        if self._told is not None and self._told is stop:
            here = self._at == (view.frame.line, position)
            if here or (self._at[0] == view.frame.line and len(session.breakpoints)):
                stopped = Stopped(self._reason, self._at[1].t, here)
        return replace(view, stopped=stopped, displays=session.stops.shown())

    def under_cursor(self, view: View) -> View:
        """Return a view with the stops of the run, and on the value that stopped it where it was only now stopped."""
        session = self._run.session
        stop, value, units, follow = session.stop, view.value, view.units, view.follow
        if stop is not None and stop is not self._shown:
            from lstm_tui.debugger.commands.examine import one_unit

            self._shown = stop
            value = "" if session.frame.equation is None else session.frame.equation.name
            value = value or view.value
            for one in stop.by:
                expression = getattr(one.trigger, "expression", None)
                unit = None if expression is None else one_unit(session, expression.node)
                if unit is not None and unit[0].name == view.pass_name:
                    value, units, follow = unit[1], {**view.units, view.pass_name: unit[3]}, True
        return replace(view, stops=self._run.marks(), value=value, units=units, follow=follow)

    def left_to_say(self, reply: tuple[str, ...]) -> tuple[str, ...]:
        """Return of a reply what the screen does not show anyway: the displays, and where the run stands."""
        session = self._run.session
        shown = tuple(one.line for one in session.stops.shown())
        if shown and reply[-len(shown) :] == shown:
            reply = reply[: -len(shown)] or reply[-1:]
        return reply[:1] if len(reply) == 2 and reply[0] == session.frame.note else reply
