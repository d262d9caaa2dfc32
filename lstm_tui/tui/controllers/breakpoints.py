"""Breakpoints and watches by key, and going on to the next of their stops, forwards and backwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.debugger.panes import CELL, MEMORY, OUTPUT, TAPE
from lstm_tui.debugger.session import Session
from lstm_tui.engine.number_text import sentence
from lstm_tui.tui.commands import key_of
from lstm_tui.tui.controllers.changes import Changes, WorkProgress
from lstm_tui.tui.controllers.edits import Edits
from lstm_tui.tui.controllers.looks import Looks
from lstm_tui.tui.controllers.open_run import OpenRun
from lstm_tui.tui.controllers.steps import Steps

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.conditions import Trigger

_ON, _BACK = "breakpoints.go_on(1)", "breakpoints.go_on(-1)"
_FAR = 0.3
"""How far a value moves in one step before a watch set by key stops."""
_ON_TAPE = (TAPE.number, MEMORY.number, OUTPUT.number)


class BreakpointKeys:
    """Sets what stops the run, and goes on to it. Breakpoints stay from line to line of the file."""

    def __init__(
        self,
        screen: Screen[None],
        run: OpenRun,
        steps: Steps,
        looks: Looks,
        changes: Changes,
        edits: Edits,
        progress: WorkProgress,
    ) -> None:
        """Set none yet.

        Args:
            screen: Over which they are listed.
            run: What is stopped.
            steps: It plays no more while they are listed.
            looks: Where the cursor stands.
            changes: Goes on, in a thread where that takes long.
            edits: Asks for a condition, and executes typed lines.
            progress: Gives up a search that goes on.
        """
        self._screen, self._run, self._steps, self._looks = screen, run, steps, looks
        self._changes, self._edits, self._progress = changes, edits, progress
        self._search: Cancellation | None = None  # of the last thread that went on to a stop

    def breakpoint(self) -> None:
        """Set a breakpoint on the token or the equation under the cursor, or take it away; ask for a condition."""
        view, pane = self._run.view, self._looks.pane_in_use
        if pane in _ON_TAPE:
            self._toggle(str(view.cursor_t))
        elif pane == CELL.number:
            self._toggle(f"{view.pass_name}.{view.value}")
        else:
            unit = view.unit_in(view.value)
            value = float(view.passed[view.value][view.t, unit])
            entry = view.passed.entry_of(view.value, unit)
            title = f"stop wherever this is true: change it, enter sets it, then {key_of(_ON)} goes on to it"
            self._edits.type_line(f"break {view.value}[{entry}] > {sentence(value)}", title=title)

    def watch(self) -> None:
        """Watch the value under the cursor, or no more."""
        from lstm_tui.debugger.breakpoints.parse import read_change

        view = self._run.view
        entry = view.passed.entry_of(view.value, view.unit_in(view.value))
        trigger = read_change(f"{view.value}[{entry}] by {sentence(_FAR)}", self._run.session.scope())
        said = self._toggled(trigger)
        self._say(
            said if said.endswith("taken away") else f"{said}: {key_of(_BACK)} back to who moved it, {key_of(_ON)} on"
        )

    def _toggle(self, text: str) -> None:
        from lstm_tui.debugger.breakpoints.parse import read_trigger

        self._say(self._toggled(read_trigger(text, self._run.session.scope())))

    def _toggled(self, trigger: Trigger) -> str:
        """Set a breakpoint or take away the one that is there; return what is said of it."""
        from lstm_tui.debugger.commands.breakpoints import breakpoint_line

        session = self._run.session
        name = session.frame.position.pass_name
        for one in session.breakpoints:
            if one.trigger.text == trigger.text and one.pass_name == name:
                session.breakpoints.delete(one.number)
                return f"{one.word} {one.number} taken away"
        return breakpoint_line(session.breakpoints.add(trigger, name))

    def _say(self, said: str) -> None:
        self._run.show(said=said, stops=self._run.session.stops.marks())

    def list_all(self) -> None:
        """List every breakpoint, watch and display, to be changed in place."""
        from lstm_tui.tui.prompts.lists import StopList

        self._steps.stop()
        glyphs = self._run.palette.glyphs
        self._screen.app.push_screen(StopList(self._run.session, glyphs, self._edits.execute))

    def go_on(self, step: int) -> None:
        """Go on to the next stop, or back to the one before; pressed again meanwhile, stop where the run is."""
        work = self._changes.awaited()
        if work is not None and work is self._search:
            self._progress.give_up()
            return
        if not self._run.session.breakpoints.enabled:
            stop, watch = key_of("breakpoints.breakpoint"), key_of("breakpoints.watch")
            self._run.show(said=f"no breakpoints yet: {stop} on a token or an equation, {watch} on a value")
            return

        def act(session: Session) -> tuple[str, ...]:
            self._search = session.work
            note = session.continue_(step > 0).note
            stop = session.stop
            if stop is not None and stop.said:
                return (*stop.logged, *(() if stop.silent else (note,)), *stop.said)
            logged = () if stop is None else stop.logged
            return (f"{len(logged)} printed, the last {logged[-1]}; {note}" if logged else note,)

        error = self._changes.change(act)
        if error:
            self._run.show(said=error)
