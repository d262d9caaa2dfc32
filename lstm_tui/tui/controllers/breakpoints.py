"""Breakpoints and watches by key, and going on to the next of their stops, forwards and backwards."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Position
from lstm_tui.debugger.session import Session
from lstm_tui.engine.number_text import sentence
from lstm_tui.tui.controllers.edits import EditKeys
from lstm_tui.tui.document import Document
from lstm_tui.tui.view import Stopped, View

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.conditions import Trigger
    from lstm_tui.debugger.breakpoints.search import SearchStop

_FAR = 0.3
"""How far a value moves in one step before a watch set by key stops."""
_ON_TAPE, _CELL = (1, 5, 7), 4


class Stops(EditKeys):
    """A screen whose run stops by itself. Breakpoints stay from line to line of the file."""

    def __init__(self, document: Document) -> None:
        """No breakpoint is set yet."""
        super().__init__(document)
        self._going: Cancellation | None = None  # of the last thread that went on to a stop
        self._stop_shown: SearchStop | None = None
        self._stop_told: SearchStop | None = None
        self._reason, self._stop_at = "", (document.source.line, Position("", 0, 0))

    def action_breakpoint(self) -> None:
        """Set a breakpoint on the token or the equation under the cursor, or take it away; ask for a condition."""
        from lstm_tui.debugger.breakpoints.parse import read_trigger
        from lstm_tui.engine.number_text import sentence as number

        view, session = self.view, self._session
        if view is None or session is None:
            return
        pane = self.pane_in_use()
        if pane in _ON_TAPE:
            self._toggle(session, read_trigger(str(view.cursor_t), session.scope()))
        elif pane == _CELL:
            self._toggle(session, read_trigger(f"{view.pass_name}.{view.value}", session.scope()))
        else:
            value = float(view.passed[view.value][view.t, min(view.unit, view.passed[view.value].shape[1] - 1)])
            title = "stop wherever this is true: change it, enter sets it, then c goes on to it"
            self.action_command(f"break {view.value}[{view.unit}] > {number(value)}", title=title)

    def action_stops(self) -> None:
        """List every breakpoint, watch and display, to be changed in place."""
        from lstm_tui.tui.prompts.lists import StopList

        if self._session is not None and self.palette is not None:
            self._stop()
            self.app.push_screen(StopList(self._session, self.palette.glyphs, self.obey))

    def action_watch(self) -> None:
        """Watch the value under the cursor, or no more."""
        from lstm_tui.debugger.breakpoints.parse import read_change

        if self.view is not None and self._session is not None:
            text = f"{self.view.value}[{self.view.unit}] by {sentence(_FAR)}"
            self._toggle(self._session, read_change(text, self._session.scope()))
            if self.view.said.startswith("watch ") and not self.view.said.endswith("away"):
                self.view = self.view.but(said=f"{self.view.said}: C back to who moved it, c on")

    def _toggle(self, session: Session, trigger: Trigger) -> None:
        from lstm_tui.debugger.commands.breakpoints import breakpoint_line

        name = session.frame.position.pass_name
        for one in session.breakpoints:
            if one.trigger.text == trigger.text and one.pass_name == name:
                session.breakpoints.delete(one.number)
                self._say(session, f"{one.word} {one.number} taken away")
                return
        self._say(session, breakpoint_line(session.breakpoints.add(trigger, name)))

    def _say(self, session: Session, said: str) -> None:
        assert self.view is not None
        self.view = self.view.but(said=said, stops=session.stops.marks())

    def action_continue(self, step: int) -> None:
        """Go on to the next stop, or back to the one before; pressed again meanwhile, stop where the run is."""
        if self._session is None or self.view is None:
            return
        if self._changing is not None and self._changing is self._going:
            self.give_up()
            return
        if not self._session.breakpoints.enabled:
            self.view = self.view.but(said="no breakpoints yet: b on a token or an equation, w on a value")
            return

        def act(session: Session) -> tuple[str, ...]:
            self._going = session.work
            return (session.continue_(step > 0).note,)

        error = self.change(act)
        if error:
            self.view = self.view.but(said=error)

    def validate_view(self, view: View | None) -> View | None:
        """Have every view tell the last stop and what the displays say where the run stands."""
        session = self._session
        if view is None or session is None or session.frame is not view.frame:
            return view
        stop, position = session.stop, view.frame.position
        if stop is not None and stop.by and stop is not self._stop_told:
            self._stop_told, self._reason, self._stop_at = stop, view.frame.note, (view.frame.line, position)
        stopped = None
        if self._stop_told is not None and self._stop_told is stop:
            here = self._stop_at == (view.frame.line, position)
            if here or (self._stop_at[0] == view.frame.line and len(session.breakpoints)):
                stopped = Stopped(self._reason, self._stop_at[1].t, here)
        return replace(view, stopped=stopped, displays=session.stops.shown())

    def _changed(self, reply: tuple[str, ...], text: str, facts: Facts | None = None) -> None:
        """Show what the session has become; after a stop, the value that stopped it."""
        if self._session is not None:
            shown = tuple(one.line for one in self._session.stops.shown())
            if shown and reply[-len(shown) :] == shown:  # they are on the screen
                reply = reply[: -len(shown)] or reply[-1:]
            if len(reply) == 2 and reply[0] == self._session.frame.note:  # and so is where it stands
                reply = reply[:1]
        super()._changed(reply, text, facts)
        session, view = self._session, self.view
        if session is None or view is None:
            return
        stop, none = session.stop, not len(session.breakpoints) and view.stops is None
        if none and (stop is None or stop is self._stop_shown):
            return  # every change of the view draws all panes
        self.view = self._at_stop(view).but(said=view.said)

    def _at_stop(self, view: View) -> View:
        """Return a view with the stops of the run, and on the value that stopped it where it was only now stopped."""
        session = self._session
        assert session is not None
        stop, none = session.stop, not len(session.breakpoints) and view.stops is None
        value, units, follow = view.value, view.units, view.follow
        if stop is not None and stop is not self._stop_shown:
            from lstm_tui.debugger.commands.inspect import one_unit

            self._stop_shown = stop
            value = _value_at(session) or value
            for one in stop.by:
                expression = getattr(one.trigger, "expression", None)
                unit = None if expression is None else one_unit(session, expression.node)
                if unit is not None and unit[0].name == view.pass_name:
                    value, units, follow = unit[1], {**view.units, view.pass_name: unit[3]}, True
        stops = None if none else session.stops.marks()
        return view.but(stops=stops, value=value, units=units, follow=follow)

    def _show(self, number: int, facts: Facts) -> None:
        """Show a run with the breakpoints on it."""
        super()._show(number, facts)
        if self._session is not None and self.view is not None and len(self._session.breakpoints):
            self.view = self.view.but(stops=self._session.stops.marks(), said=self.view.said)


def _value_at(session: Session) -> str:
    """Return the value of the equation after which the session stands."""
    equation = session.frame.equation
    return "" if equation is None else equation.name
