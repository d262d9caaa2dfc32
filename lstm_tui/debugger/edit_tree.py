"""What a session knows of edits: made, taken back, named, compared; each runs the network again.

The position follows its token through what is inserted and deleted before it.

The edits of every line of a file: each line keeps its own, and those of the network go along from line to line.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.debugger.cursor import Stepping
from lstm_tui.debugger.edits.history import History
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.source import Opened
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.run import run
from lstm_tui.engine.runtime.trace import Trace

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.apply import Edited
    from lstm_tui.debugger.edits.language import Edit, NetworkEdit
    from lstm_tui.debugger.inspect.compare import Comparison


class Editing(Stepping):
    """The part of a session that edits the run, and keeps every state that edits made."""

    _opened: Opened
    _baseline: Trace
    _history: History
    _made: Edited | None
    work: Cancellation
    """What is told of a run that takes long, and has it given up."""

    def _begin(self, baseline: Trace) -> None:
        """Begin without edits of a run."""
        self._baseline, self._history, self._made = baseline, History(), None

    @property
    def history(self) -> History:
        """Every edit that was made, and how many are in force."""
        return self._history

    @property
    def words(self) -> tuple[str, ...]:
        """Each edit of the history in words, those that were undone too."""
        return self._history.words

    @property
    def edited(self) -> Edited:
        """What is run now: the network and the tokens with the edits in force.

        Raises:
            UserError: If there is no network.
        """
        from lstm_tui.debugger.edits.apply import Edited

        return self._made or Edited.baseline(self._network(), self._baseline.sequence)

    @property
    def opened_network(self) -> Network:
        """The network as it was opened, without edits.

        Raises:
            UserError: If there is none.
        """
        return self._network()

    def edit(self, *edits: Edit) -> Frame:
        """Make edits, run again, and stand where the run stood.

        Raises:
            UserError: If an edit names what is not there, or there is no network to run; nothing is changed.
        """
        from lstm_tui.debugger.edits.apply import after
        from lstm_tui.debugger.edits.describe import describe, effect, weights_meant
        from lstm_tui.debugger.edits.language import ValueEdit

        ran, made, opened = self.frame.trace, self.edited, self.edited.network
        said: list[str] = []
        for number, edit in enumerate(edits):
            before, old = made, weights_meant(edit, made)
            made = after(edit, before, opened)
            trace = None if number else ran
            said.append(describe(edit, before, trace, made, old=old))
        frame = self._edited(self._history.with_edit(*edits), made)
        if edits and isinstance(edits[-1], ValueEdit):
            said[-1] = describe(edits[-1], before, trace, made, frame.trace)
        if len(edits) == 1:  # of several, what each of them did alone is not known
            said[0] += effect(edits[0], ran, frame.trace)
        self._history = self._history.with_words(tuple(said))
        return frame

    def undo(self) -> Frame:
        """Take the last edit back."""
        return self._edited(self._history.undone())

    def redo(self) -> Frame:
        """Make the last edit that was taken back again."""
        return self._edited(self._history.redone())

    def keep_edits(self, count: int) -> Frame:
        """Go to where `count` edits are in force, back or on."""
        return self._edited(self._history.at(count))

    def name_state(self, name: str) -> None:
        """Name the edits as they are now.

        Raises:
            UserError: It cannot be a name.
        """
        self._history = self._history.named(name)

    def switch(self, name: str) -> Frame:
        """Go to a state of the tree of edits by its name or number; undo and redo then walk along its branch.

        Raises:
            UserError: There is none.
        """
        return self._edited(self._history.switched(self._history.find(name)))

    def compare(self, one: str, other: str) -> Comparison:
        """Lay two states of the tree of edits side by side, by name or number.

        Raises:
            UserError: There is no such state.
        """
        from lstm_tui.debugger.inspect.compare import compare_states

        first, second = self._history.find(one), self._history.find(other)
        return compare_states(self._history, first, second, self._network(), self._baseline.sequence, self._run_of)

    def _run_of(self, state: int) -> Trace:
        """Return the run of a state of the tree."""
        if state == self._history.here:
            return self.frame.trace
        return self._baseline if state == 0 else self._with(self._history.switched(state))[1]

    def _with(self, history: History, made: Edited | None = None) -> tuple[Edited, Trace]:
        """Run the network with the edits in force in a history; `made` is what they come to, where that is known."""
        from lstm_tui.debugger.edits.apply import apply

        network, baseline = self._network(), self._baseline
        made = apply(history.active, network, baseline.sequence) if made is None else made
        initial = self._opened.start(network, self.frame.line, baseline.interpreter)
        trace = run(
            made.network, made.sequence, baseline.interpreter, self._opened.dtype, initial,
            progress=self.work.progress, edits=history.lines, holds=made.holds,
        )  # fmt: skip
        return made, trace

    def _network(self) -> Network:
        network = self._baseline.network
        if network is None:
            raise UserError("this trace came from a file without its network: nothing can be run again")
        return network

    def _edited(self, history: History, wanted: Edited | None = None) -> Frame:
        from lstm_tui.debugger.inspect.diff import TraceDiff

        self._network()
        if history == self._history:
            return self._move(self.frame.position, "no more edits")
        before = self.frame
        made: Edited | None
        if history.active:
            made, trace = self._with(history, wanted)
            difference = TraceDiff(self._baseline, trace, made.origins, made.holds, made.weights)
        else:
            made, trace, difference = None, self._baseline, None
        self._history, self._made = history, made
        origins = difference.origins if difference else tuple(range(len(trace.sequence)))
        t = same_token(before.origin(before.t), before.t, origins)
        self.frame = replace(
            before, trace=trace, difference=difference, position=replace(before.position, t=t), note=""
        )
        return self.frame


def same_token(origin: int | None, t: int, origins: tuple[int | None, ...]) -> int:
    """Return where a token of the baseline stands now, or the same place when it is gone or new."""
    if origin is not None and origin in origins:
        return origins.index(origin)
    return min(t, len(origins) - 1)


class LineEdits(Editing):
    """The part of a session that loses no edit when another line is opened.

    A line is first shown as it was opened and then edited again, since its run with edits may take long.
    """

    _left: Mapping[int, History]
    _along: tuple[NetworkEdit, ...] | None
    _to_edit: bool

    def _begin_lines(self, recipe: tuple[Edit, ...], line: int) -> None:
        """Begin with edits of one line that are not made yet."""
        self._left = {line: History().with_edit(*recipe)} if recipe else {}
        self._along, self._to_edit = None, bool(recipe)

    @property
    def histories(self) -> Mapping[int, History]:
        """The edits of every line that has any, by its number, from 0."""
        mine = {self.frame.line: self.history} if self.history.states else {}
        return {**self._left, **mine}

    @property
    def to_edit(self) -> bool:
        """Whether this line has edits that are not made since it was opened."""
        return self._to_edit

    def _leave_line(self, to: int, own: bool = False) -> None:
        """Keep the edits of the line that is left, and take those of the network along, unless `own` are wanted."""
        from lstm_tui.debugger.edits.language import NetworkEdit

        self._left = self.histories
        fresh = tuple(edit for edit in self.history.active if isinstance(edit, NetworkEdit))
        pending = (self._along or ()) if self._to_edit else ()
        self._along = None if own else pending + fresh
        self._to_edit = to in self._left or bool(self._along)

    def keep_edits_of(self, other: LineEdits) -> None:
        """Keep the edits that were made on another line after it was left."""
        self._left = {**other.histories, **self._left, other.frame.line: other.history}

    def edit_line(self) -> Frame:
        """Make the edits with which this line was left, and those of the network from the line before.

        Raises:
            UserError: If they cannot be made here; they are kept all the same.
        """
        from lstm_tui.debugger.edits.language import NetworkEdit

        before = self._left.get(self.frame.line, History())
        wanted: tuple[Edit, ...] = before.active
        if self._along is not None:
            wanted = (*self._along, *(edit for edit in wanted if not isinstance(edit, NetworkEdit)))
        told = bool(before.states) and all(before.words)  # those of a recipe are told in words only now
        if told and wanted == before.active:
            self._edited(before)
        else:
            if told:
                self._edited(before.switched(0))
            if wanted:
                self.edit(*wanted)
        self._to_edit = False
        return self.frame
