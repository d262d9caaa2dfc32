"""The run that is open on the screen: its session, the one view of it, and its last stop."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.debugger.position import Frame, Position, equations_of
from lstm_tui.debugger.session import Session
from lstm_tui.debugger.source import LineRuns, needed, network_title
from lstm_tui.tui.canvas.palette import Palette
from lstm_tui.tui.view import EMPTY, Stopped, View

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.breakpoints import Marks
    from lstm_tui.debugger.breakpoints.search import SearchStop


def with_chosen_units(view: View) -> View:
    """Return a view with a unit chosen in every pass that has none and is computed: the largest where it began."""
    trace = view.trace
    start = replace(view.frame.position, t=trace[next(iter(trace.passes))].tape_place(0))
    missing = [name for name in trace if name not in view.units and trace.is_ready(name, start.t)]
    if not missing:
        return view
    first = view.but(frame=replace(view.frame, position=start))
    return view.but(said=view.said, units={**view.units, **{name: first.unit_of(name) for name in missing}})


class ScreenState(Protocol):
    """What a screen shows; whoever assigns to it has the screen redrawn.

    Attributes:
        view: The one view of the run, which every pane is handed; `EMPTY` while there is no run.
        palette: The colours of the theme.
        busy: What the header says of work that is waited for.
        shown: The number of the pane in use.
    """

    view: View
    palette: Palette
    busy: str
    shown: int


class OpenRun:
    """The run of one line of what is open. Only the session moves the position; the view follows it.

    Attributes:
        lines: Its runs, by line.
        wanted_line: The number of the line that was asked for last; it is shown as soon as its run is there.
        interpreter: Who makes every run from here on.
        plain: The facts of the baseline.
    """

    def __init__(self, screen: ScreenState, lines: LineRuns) -> None:
        """Show nothing yet.

        Args:
            screen: Where it is shown.
            lines: The runs of what is open, by line.
        """
        self.lines = lines
        self.wanted_line = lines.source.line
        self.interpreter = "numpy"
        self.plain: Facts = EMPTY.facts
        self._screen = screen
        self._session: Session | None = None
        self._is_behind = False  # the session has gone on from what is shown: more keys waited

    @property
    def session(self) -> Session:
        """The session; there is one as soon as the view is not empty."""
        assert self._session is not None, "no command acts on a run before there is one"
        return self._session

    @property
    def is_empty(self) -> bool:
        """Whether there is no run yet."""
        return self._session is None

    @property
    def view(self) -> View:
        """What the screen shows."""
        return self._screen.view

    @view.setter
    def view(self, view: View) -> None:
        self._screen.view = view

    @property
    def palette(self) -> Palette:
        """The colours it is shown in."""
        return self._screen.palette

    def show(self, **changes: Any) -> None:
        """Show the view with some things changed; what was said is said once."""
        self._screen.view = self._screen.view.but(**changes)

    def title(self) -> str:
        """Return what the header says of the network that is run now."""
        trace = self.session.baseline
        return self.lines.title() if trace is self.session.edits.opened else network_title(needed(trace.network))

    # --- moving ---

    def moved(self, frame: Frame, follow: bool = False) -> None:
        """Show where the session stands now; `follow` chooses the value of the current equation."""
        self._is_behind = False
        value = frame.equation.name if follow and frame.equation is not None else self.view.value
        values = frame.passed.cell.values
        self.show(frame=frame, place=None, follow=False, said=frame.note, value=value if value in values else values[0])

    def moved_unseen(self) -> None:
        """Leave what is shown as it is, though the session has moved, until `catch_up`."""
        self._is_behind = True

    def catch_up(self) -> None:
        """Show where the session stands, if it has moved unseen."""
        if self._is_behind:
            self.moved(self.session.frame)

    # --- another run ---

    def stand_on(self, facts: Facts, number: int) -> None:
        """Stand after the first token of the run of a line, and show it.

        Args:
            facts: What is known of its trace.
            number: Which line it is.
        """
        trace = facts.trace
        start = self.lines.start(number, trace.interpreter)
        self.plain = facts
        if self._session is None:
            self._session = Session(trace, self.lines.source, number, start)
            self.view = self._first_view(self._session.frame, facts)
            return
        frame = self._session.show_line(trace, number, start)
        self.show(frame=frame, facts=facts, place=None, follow=False, stops=self.marks())

    def _first_view(self, frame: Frame, facts: Facts) -> View:
        first = equations_of(frame.passed)[0].name
        view = View(frame, facts, value=first, lines=len(self.lines), title=self.lines.title())
        return with_chosen_units(view)

    def adopt(self, facts: Facts) -> None:
        """Show the run of the same line by another interpreter where the session stands; no edit is in force."""
        self.plain = facts
        start = self.lines.start(self.view.frame.line, facts.trace.interpreter)
        frame = self.session.adopt(facts.trace, start)
        self.show(frame=frame, facts=facts, stops=self.marks())

    def marks(self) -> Marks | None:
        """Return at which places of the tape the run would stop; None before any breakpoint was set."""
        has_none = not len(self.session.breakpoints) and self.view.stops is None
        return None if has_none else self.session.stops.marks()


class LastStop:
    """Knows which stop was told, and which has put the cursor where it stopped."""

    def __init__(self, run: OpenRun) -> None:
        """Tell of no stop yet."""
        self._run = run
        self._shown: SearchStop | None = None
        self._told: SearchStop | None = None
        self._chosen: tuple[str, int] | None = None  # the unit that a verb chose last, and which was shown
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
        """Return a view with the stops of the run, on the value that stopped it or the unit that was chosen."""
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
        if session.chosen is not None and session.chosen is not self._chosen:
            self._chosen = session.chosen
            units, follow = {**units, session.chosen[0]: session.chosen[1]}, True
        return replace(view, stops=self._run.marks(), value=value, units=units, follow=follow)

    def left_to_say(self, reply: tuple[str, ...]) -> tuple[str, ...]:
        """Return of a reply what the screen does not show anyway: the displays, and where the run stands."""
        session = self._run.session
        shown = tuple(one.line for one in session.stops.shown())
        if shown and reply[-len(shown) :] == shown:
            reply = reply[: -len(shown)] or reply[-1:]
        return reply[:1] if len(reply) == 2 and reply[0] == session.frame.note else reply
