"""What a session knows of a text that grows: tokens that come later, with the edits in force, and following them.

A session that stands behind the last token follows the newest; one that stands anywhere else stays. A breakpoint
that is hit by what comes stops the following, until the run is moved on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lstm_tui.debugger.edit_tree import LineEdits
from lstm_tui.debugger.position import Frame, Position
from lstm_tui.debugger.stop_engine import Cancelled, Stopping
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.incremental import GrowingRun
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.breakpoints import Breakpoint
    from lstm_tui.debugger.breakpoints.conditions import Trigger
    from lstm_tui.debugger.breakpoints.search import SearchStop
    from lstm_tui.debugger.edits.apply import Edited
    from lstm_tui.debugger.edits.history import History
    from lstm_tui.debugger.edits.language import Edit
    from lstm_tui.debugger.inspect.diff import TraceDiff
    from lstm_tui.engine.runtime.storage import Progress


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


class Growing(Stopping, LineEdits):
    """The part of a session whose text may grow at its end."""

    def __init__(self) -> None:
        """Begin with a text that does not grow."""
        super().__init__()
        self.coming: Callable[[], Sequence | None] | None = None
        """Waits for more tokens, where continuing is to wait for them; None from it is the end of the text."""
        self._seen = 0  # tokens of the baseline the session has stood at, or before
        self._stopped = False  # by a breakpoint, since it was last moved on
        self._plain_run: GrowingRun | None = None  # of the baseline, with room behind it
        self._edited_run: GrowingRun | None = None
        self._longer: tuple[Trace, Trace] | None = None  # a run, and what it has become by tokens behind it

    def forget_growth(self) -> None:
        """Forget which run the present one has grown from; whoever goes another way from here grows by itself."""
        self._longer = None

    @property
    def follows(self) -> bool:
        """Whether it goes on to the newest token when more come."""
        position = self.frame.position
        behind = position.equation == self._last_equation() and position.op is None
        return behind and self.frame.t == self.frame.steps - 1 and not self._stopped

    @property
    def unseen(self) -> int:
        """How many tokens have come behind the last one it stood at."""
        return max(len(self._baseline.sequence) - self._seen, 0)

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
        was, history, made = self._baseline, self._history, self._made
        if not self._network().forward_only:
            raise UserError("only a network that reads forward can follow a text that grows")
        baseline = self._of_baseline().grow(more)
        if made is None:
            return Growth(more, was, history, baseline, baseline, was)
        from lstm_tui.debugger.inspect.diff import TraceDiff

        before: Trace | None = self.frame.trace
        steps = self.frame.steps
        made = _with_more(made, history.active, more, baseline)
        if _first(made, steps) == _first(self.edited, steps):
            trace = self._of_edited().grow(more, made.holds)
        else:  # what a hold reaches has changed before the end
            before = None
            initial = self._opened.start(self._network(), self.frame.line, was.interpreter)
            trace = run(
                made.network, made.sequence, was.interpreter, was.dtype, initial, edits=history.lines, holds=made.holds
            )
        difference = TraceDiff(baseline, trace, made.origins, made.holds, made.weights)
        return Growth(more, was, history, baseline, trace, before, made, difference)

    def take_growth(self, growth: Growth, follow: bool = True) -> Frame:
        """Go on with a longer text, and stand at its end if the session stood at its end before."""
        if growth.since is not self._baseline or growth.history is not self._history:
            growth = self.growth(growth.more)  # another interpreter took over, or an edit was made, meanwhile
        follows = follow and self.follows
        self._baseline, self._made = growth.baseline, growth.made
        self._opened = replace(self._opened, lines=(growth.baseline.sequence,))
        self.frame = replace(self.frame, trace=growth.trace, difference=growth.difference)
        if follows:
            self._follow()
        return self.frame

    def catch_up(self, trace: Trace) -> Trace:
        """Return a run of the first tokens of the baseline, by whatever interpreter, gone on with to its end."""
        sequence, steps = self._baseline.sequence, len(trace.sequence)
        return trace if steps >= len(sequence) else GrowingRun(trace).grow(sequence.part(steps))

    def _with(self, history: History, made: Edited | None = None) -> tuple[Edited, Trace]:
        """Run the network with the edits in force; where they only put tokens behind the text, go on from its end."""
        if made is None or not self._only_longer(made):
            return super()._with(history, made)
        before = self.frame.trace
        trace = self._of_edited().grow(made.sequence.part(self.frame.steps), made.holds, history.lines)
        first = self._longer[0] if self._longer is not None and self._longer[1] is before else before
        self._longer = first, trace
        return made, trace

    def _only_longer(self, made: Edited) -> bool:
        """Say whether something is what is run now with more tokens behind it, and nothing else."""
        was, steps = self.edited, self.frame.steps
        one, other = was.sequence, made.sequence
        return (
            made.network is was.network
            and made.network.forward_only
            and self.frame.trace.ran is not None
            and one.ids is not None
            and other.ids is not None
            and len(other) > steps
            and other.tokens[:steps] == one.tokens
            and bool((other.ids[:steps] == one.ids).all())
            and _first(made, steps) == _first(was, steps)
        )

    @property
    def gone_on_from(self) -> Trace | None:
        """The run that the one shown has only gone on with since the session was forked; None where it has not."""
        return self._longer[0] if self._longer is not None and self._longer[1] is self.frame.trace else None

    def _of_baseline(self) -> GrowingRun:
        if self._plain_run is None or self._plain_run.trace is not self._baseline:
            self._plain_run = GrowingRun(self._baseline)
        return self._plain_run

    def _of_edited(self) -> GrowingRun:
        if self._edited_run is None or self._edited_run.trace is not self.frame.trace:
            self._edited_run = GrowingRun(self.frame.trace)
        return self._edited_run

    def _follow(self) -> None:
        """Go to the newest token, or to the first stop on the way."""
        if self.breakpoints.enabled:
            from lstm_tui.debugger.breakpoints.search import next_stop

            try:
                stop = next_stop(self.frame, self.breakpoints.enabled, self.scope)
            except UserError as error:
                self._move(self.frame.position, str(error))
                self._stopped = True
                return
            if stop.by:
                self._arrive(stop, forward=True)
                return
            for number, count in stop.passed_over.items():
                self.breakpoints.passed_over(number, count)
        self.goto(self.frame.steps - 1)

    # --- the verbs of a session, as they are where a text grows ---

    def goto(self, t: int, note: str = "") -> Frame:
        """Go to a place on the tape, with its token finished; from the last one on it follows what comes."""
        self._stopped = False
        return super().goto(t, note)

    def continue_(
        self, forward: bool = True, progress: Progress | None = None, cancelled: Cancelled | None = None
    ) -> Frame:
        """Go on to the next breakpoint; at the end of a text that grows, wait for what comes."""
        go = super().continue_
        return self._going_on(lambda: go(forward, progress, cancelled), forward)

    def until(
        self,
        trigger: Trigger,
        forward: bool = True,
        progress: Progress | None = None,
        cancelled: Cancelled | None = None,
    ) -> Frame:
        """Go on until something happens; at the end of a text that grows, wait for what comes."""
        go = super().until
        return self._going_on(lambda: go(trigger, forward, progress, cancelled), forward)

    def _going_on(self, go: Callable[[], Frame], forward: bool) -> Frame:
        go()
        while forward and self.coming is not None and self.stop is not None and not self.stop.by:
            if self.stop.interrupted:
                break
            try:
                more = self.coming()
            except KeyboardInterrupt:
                self.stop = replace(self.stop, interrupted=True)
                return self._move(self.frame.position, "interrupted")
            if more is None:
                return self._move(self.frame.position, "end of the text")
            self.grow(more, follow=False)  # going on looks at what comes
            go()
        return self.frame

    def _arrive(self, stop: SearchStop, forward: bool, asked: tuple[Breakpoint, ...] = ()) -> Frame:
        frame = super()._arrive(stop, forward, asked)
        self._stopped = bool(stop.by)
        return frame

    def _move(self, position: Position, note: str = "") -> Frame:
        frame = super()._move(position, note)
        origin = frame.origin(frame.t)
        if frame.t == frame.steps - 1:
            self._seen = len(self._baseline.sequence)
        elif origin is not None:
            self._seen = max(self._seen, origin + 1)
        return frame


def _with_more(made: Edited, edits: Iterable[Edit], more: Sequence, baseline: Trace) -> Edited:
    """Return what is run with the edits on a longer text: as if they had been made on it."""
    from lstm_tui.debugger.edits.apply import after
    from lstm_tui.debugger.edits.language import NetworkEdit, ValueEdit

    edits = tuple(edits)
    if any(isinstance(edit, ValueEdit) for edit in edits):  # its steps may have no end
        longer = replace(made, sequence=baseline.sequence, holds=(), origins=tuple(range(len(baseline.sequence))))
        for edit in edits:
            if not isinstance(edit, NetworkEdit):
                longer = after(edit, longer, made.network)
        return longer
    first = len(baseline.sequence) - len(more)
    return replace(
        made,
        sequence=made.sequence.followed_by(more),
        origins=(*made.origins, *range(first, first + len(more))),
    )


def _first(made: Edited, steps: int) -> tuple[object, ...]:
    """Return what is held on the first tokens."""
    return tuple(replace(hold, steps=(min(hold.steps[0], steps), min(hold.steps[1], steps))) for hold in made.holds)
