"""A text that grows: tokens that come later, run with the edits in force, and following them.

A session that stands behind the last token follows the newest; one that stands anywhere else stays. A breakpoint
that is hit by what comes stops the following, until the run is moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from lstm_tui.debugger.edit_tree import EditTree, first_holds
from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.position import Cursor, Frame
from lstm_tui.debugger.stop_engine import StopEngine
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.incremental import GrowingRun
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.apply import Edited
    from lstm_tui.debugger.edits.history import History
    from lstm_tui.debugger.edits.language import Edit
    from lstm_tui.debugger.inspect.diff import TraceDiff


@dataclass(frozen=True, eq=False)
class Growth:
    """What some more tokens make of a session.

    Attributes:
        more: The tokens.
        since: The baseline that grew.
        history: The edits that were in force.
        baseline: The longer baseline.
        trace: The longer run with the edits.
        before: The shorter run that it goes on with; None where it had to be run anew.
        made: What is run with the edits; None without any.
        difference: The one beside the other; None without edits.
    """

    more: Sequence
    since: Trace
    history: History
    baseline: Trace
    trace: Trace
    before: Trace | None
    made: Edited | None = None
    difference: TraceDiff | None = None


class Stream:
    """A text that may grow at its end, and following it."""

    def __init__(self, cursor: Cursor, edits: EditTree, stops: StopEngine) -> None:
        """Begin with a text that does not grow.

        Args:
            cursor: What follows the text.
            edits: The edits in force on it.
            stops: What stops the following.
        """
        self.coming: Callable[[], Sequence | None] | None = None
        """Waits for more tokens, where continuing is to wait for them; None from it is the end of the text."""
        self._cursor, self._edits, self._stops = cursor, edits, stops
        self._plain_run: GrowingRun | None = None  # of the baseline, with room behind it

    def fork(self, cursor: Cursor, edits: EditTree, stops: StopEngine) -> Stream:
        """Return one that waits for the same text, for other parts of a session."""
        fork = Stream(cursor, edits, stops)
        fork.adopt(self)
        return fork

    def adopt(self, fork: Stream) -> None:
        """Take over what a fork knows of the text."""
        self.coming, self._plain_run = fork.coming, fork._plain_run

    @property
    def follows(self) -> bool:
        """Whether it goes on to the newest token when more come."""
        return self._cursor.is_at_end and not self._cursor.held

    @property
    def unseen(self) -> int:
        """How many tokens have come behind the last one it stood at."""
        return max(len(self._edits.baseline.sequence) - self._cursor.seen, 0)

    def grow(self, more: Sequence, follow: bool = True) -> Frame:
        """Run the network over more tokens, with the edits in force and without them, and follow them.

        Args:
            more: The tokens.
            follow: Whether a session that stands at the end goes on to the new one.

        Raises:
            UserError: The network does not read forward only.
        """
        return self.take_growth(self.growth(more), follow)

    def growth(self, more: Sequence) -> Growth:
        """Return what more tokens make of the session as it is; it is left as it is, so a thread may do this."""
        was, history, made = self._edits.baseline, self._edits.history, self._edits.made
        if not self._edits.opened_network.forward_only:
            raise UserError("only a network that reads forward can follow a text that grows")
        baseline = self._of_baseline().grow(more)
        if made is None:
            return Growth(more, was, history, baseline, baseline, was)
        from lstm_tui.debugger.inspect.diff import TraceDiff

        before: Trace | None = self._cursor.frame.trace
        steps = self._cursor.frame.steps
        made = _with_more(made, history.active, more, baseline)
        if first_holds(made, steps) == first_holds(self._edits.edited, steps):
            trace = self._edits.growing.grow(more, made.holds)
        else:  # what a hold reaches has changed before the end
            before = None
            initial = self._edits.start()
            trace = run(
                made.network, made.sequence, was.interpreter, was.dtype, initial, edits=history.lines, holds=made.holds
            )
        difference = TraceDiff(baseline, trace, made.origins, made.holds, made.weights)
        return Growth(more, was, history, baseline, trace, before, made, difference)

    def take_growth(self, growth: Growth, follow: bool = True) -> Frame:
        """Go on with a longer text, and stand at its end if the session stood at its end before."""
        if growth.since is not self._edits.baseline or growth.history is not self._edits.history:
            growth = self.growth(growth.more)  # another interpreter took over, or an edit was made, meanwhile
        follows = follow and self.follows
        self._edits.grow(growth.baseline, growth.made)
        self._cursor.show(replace(self._cursor.frame, trace=growth.trace, difference=growth.difference))
        if follows:
            self._follow()
        return self._cursor.frame

    def catch_up(self, trace: Trace) -> Trace:
        """Return a run of the first tokens of the baseline, by whatever interpreter, gone on with to its end."""
        sequence, steps = self._edits.baseline.sequence, len(trace.sequence)
        return trace if steps >= len(sequence) else GrowingRun(trace).grow(sequence.part(steps))

    def _of_baseline(self) -> GrowingRun:
        if self._plain_run is None or self._plain_run.trace is not self._edits.baseline:
            self._plain_run = GrowingRun(self._edits.baseline)
        return self._plain_run

    def _follow(self) -> None:
        """Go to the newest token, or to the first stop on the way."""
        if self._stops.breakpoints.enabled:
            from lstm_tui.debugger.breakpoints.search import next_stop

            try:
                stop = next_stop(self._cursor.frame, self._stops.breakpoints.enabled, self._stops.scope)
            except UserError as error:
                self._cursor.move(self._cursor.frame.position, str(error))
                self._cursor.held = True
                return
            if stop.by:
                self._stops.arrive(stop, forward=True)
                return
            for number, count in stop.passed_over.items():
                self._stops.breakpoints.passed_over(number, count)
        self._cursor.goto(self._cursor.frame.steps - 1)

    def going_on(self, go: Callable[[], Frame], forward: bool = True) -> Frame:
        """Go on; at the end of a text that grows, wait for what comes and go on in it.

        Args:
            go: Goes on in what is there.
            forward: Whether it goes towards what comes.
        """
        go()
        logged = () if self._stops.stop is None else self._stops.stop.logged
        while forward and self.coming is not None and self._stops.stop is not None and not self._stops.stop.by:
            if self._stops.stop.interrupted:
                break
            try:
                more = self.coming()
            except KeyboardInterrupt:
                self._stops.stop = replace(self._stops.stop, interrupted=True)
                return self._cursor.move(self._cursor.frame.position, "interrupted")
            if more is None:
                return self._cursor.move(self._cursor.frame.position, "end of the text")
            self.grow(more, follow=False)  # going on looks at what comes
            go()
            logged = (*logged, *self._stops.stop.logged)
            self._stops.stop = replace(self._stops.stop, logged=logged)
        return self._cursor.frame


def _with_more(made: Edited, edits: Iterable[Edit], more: Sequence, baseline: Trace) -> Edited:
    """Return what is run with the edits on a longer text: as if they had been made on it."""
    from lstm_tui.debugger.edits.apply import after
    from lstm_tui.debugger.edits.language import CutEdit, HeldEdit, NetworkEdit

    edits = tuple(edits)
    if any(isinstance(edit, HeldEdit | CutEdit) for edit in edits):  # its steps may have no end
        origins = Origins.unchanged(len(baseline.sequence))
        longer = replace(made, sequence=baseline.sequence, values=(), origins=origins)
        for edit in edits:
            if not isinstance(edit, NetworkEdit):
                longer = after(edit, longer, made.network)
        return longer
    first = len(baseline.sequence) - len(more)
    return replace(
        made,
        sequence=made.sequence.followed_by(more),
        origins=made.origins.followed_by(first, len(more)),
    )
