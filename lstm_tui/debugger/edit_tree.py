"""The edits of a run, line by line of a file: made, undone, named, compared; each runs the network again.

The position follows its token through what is inserted and deleted before it. Each line keeps the edits of its own
tokens; edits of the network go along from line to line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lstm_tui.debugger.cancellation import Cancellation
from lstm_tui.debugger.edits.history import History
from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.position import Cursor, Frame, in_trace, same_token
from lstm_tui.debugger.source import Source, needed
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.incremental import GrowingRun
from lstm_tui.engine.runtime.run import Initial, run
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.runtime.windowed_run import begin_like

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.apply import Edited
    from lstm_tui.debugger.edits.language import Edit, NetworkEdit, Opening
    from lstm_tui.debugger.inspect.compare import Comparison


class EditTree:
    """What was opened, and every state that edits made of it.

    A line is first shown as it was opened and then edited again, since its run with edits may take long.

    Attributes:
        source: What is open: the lines, and what they are run with.
        opened: The run of this line without edits.
        baseline: What the edited run is laid beside: that run, or where an edit opened another network or text, the
            run of that without the edits of values and weights, and with none behind it.
        history: Every edit that was made on this line, and how many are in force.
        to_edit: Whether this line has edits that are not made since it was opened.
    """

    def __init__(self, cursor: Cursor, baseline: Trace, source: Source, work: Cancellation) -> None:
        """Begin without edits of a run; those that the source begins with are made by `edit_line`.

        Args:
            cursor: What shows the run.
            baseline: The run of the line at which the cursor stands.
            source: The lines, and what they are run with.
            work: What is told of a run that takes long, and has it given up.
        """
        self.source, self._cursor, self._work = source, cursor, work
        self._left: Mapping[int, History] = (
            {source.line: History().with_edit(*source.edit_script)} if source.edit_script else {}
        )
        self._along: tuple[NetworkEdit, ...] | None = None
        self.to_edit = cursor.frame.line in self._left
        self._begun: tuple[int, str, Initial] | None = None  # a line, an interpreter, and the states it began with
        self._plain: tuple[Trace, Edited] | None = None  # what is run without edits, of the baseline it is of
        self._growing: GrowingRun | None = None
        self._longer: tuple[Trace, Trace] | None = None  # a run, and what it has become by tokens behind it
        self._names: Mapping[tuple[object, ...], UnitNames] = {}  # of networks that another was put in the place of
        self.begin(baseline)

    def begin(self, baseline: Trace) -> None:
        """Begin without edits of another run."""
        self.opened, self.history = baseline, History()
        self.baseline = baseline
        self.made: Edited | None = None

    def grow(self, baseline: Trace, made: Edited | None) -> None:
        """Go on with a longer text, and the edits in force on it."""
        self.opened = self.baseline = baseline
        self.made = made
        self.source = self.source.with_text(baseline.sequence)

    def begun(self, initial: Initial | None) -> None:
        """Hold the states with which the run of this line began, where they go on from line to line and are known."""
        if self.source.carry and initial is not None:
            self._begun = self._cursor.frame.line, self.opened.interpreter, initial

    def start(self) -> Initial | None:
        """Return the states with which this line begins; None for the cell's own."""
        line, interpreter = self._cursor.frame.line, self.opened.interpreter
        if self._begun is not None and self._begun[:2] == (line, interpreter):
            return self._begun[2]
        return self.source.start(line, interpreter)

    def fork(self, cursor: Cursor, work: Cancellation) -> EditTree:
        """Return a tree that has the same edits and goes its own way."""
        fork = EditTree(cursor, self.opened, self.source, work)
        fork.adopt(self)
        fork._longer = None
        return fork

    def adopt(self, fork: EditTree) -> None:
        """Take over every edit that a fork has made."""
        self.source, self.opened, self.baseline = fork.source, fork.opened, fork.baseline
        self.history, self.made, self._names = fork.history, fork.made, fork._names
        self._begun = fork._begun
        self._left, self._along, self.to_edit = fork._left, fork._along, fork.to_edit
        self._growing, self._longer, self._plain = fork._growing, fork._longer, fork._plain

    @property
    def words(self) -> tuple[str, ...]:
        """Each edit of the history in words, those that were undone too."""
        return self.history.words

    @property
    def edited(self) -> Edited:
        """What is run now: the network and the tokens with the edits in force.

        Raises:
            UserError: If there is no network.
        """
        from lstm_tui.debugger.edits.apply import Edited

        if self.made is not None:
            return self.made
        if self._plain is None or self._plain[0] is not self.opened:
            self._plain = self.opened, Edited.baseline(self.opened_network, self.opened.sequence)
        return self._plain[1]

    @property
    def opened_network(self) -> Network:
        """The network as it was opened, without edits.

        Raises:
            UserError: If there is none.
        """
        return needed(self.opened.network)

    def edit(self, *edits: Edit) -> Frame:
        """Make edits, run again, and stand where the run stood.

        Raises:
            UserError: If an edit names what is not there, or there is no network to run; nothing is changed.
        """
        from lstm_tui.debugger.edits.apply import after, by_entry
        from lstm_tui.debugger.edits.describe import describe, effect, weights_meant
        from lstm_tui.debugger.edits.language import HeldEdit, Opening, last_opening

        ran, made, opened = self._cursor.frame.trace, self.edited, self.edited.network
        if self.source.incoming is not None and last_opening(edits):
            raise UserError(
                "a text that still comes is read by the network it was opened with, and no other takes over"
            )
        said: list[str] = []
        named: list[Edit] = []
        for number, typed in enumerate(edits):
            edit = by_entry(typed, made.network)
            named.append(edit)
            before, old = made, weights_meant(edit, made)
            made = after(edit, before, opened, self._work.progress)
            trace = None if number else ran
            said.append(describe(edit, before, trace, made, old=old))
            if isinstance(edit, Opening):
                said[-1] += _set_aside(edit, (*self.history.active, *edits[:number]))
        frame = self._edited(self.history.with_edit(*named), made)
        if named and isinstance(named[-1], HeldEdit):
            said[-1] = describe(named[-1], before, trace, made, frame.trace)
        if len(edits) == 1:  # of several, what each of them did alone is not known
            said[0] += effect(edits[0], ran, frame.trace)
        self.history = self.history.with_words(tuple(said))
        return frame

    def undo(self) -> Frame:
        """Take the last edit back."""
        return self._edited(self.history.undone())

    def redo(self) -> Frame:
        """Make the last edit that was taken back again."""
        return self._edited(self.history.redone())

    def keep_edits(self, count: int) -> Frame:
        """Go to where `count` edits are in force, back or on."""
        return self._edited(self.history.at(count))

    def name_state(self, name: str) -> None:
        """Name the edits as they are now.

        Raises:
            UserError: It cannot be a name.
        """
        self.history = self.history.named(name)

    def switch(self, name: str) -> Frame:
        """Go to a state of the tree of edits by its name or number; undo and redo then walk along its branch.

        Raises:
            UserError: There is none.
        """
        return self._edited(self.history.switched(self.history.find(name)))

    def compare(self, one: str, other: str) -> Comparison:
        """Lay two states of the tree of edits side by side, by name or number.

        Raises:
            UserError: There is no such state.
        """
        from lstm_tui.debugger.inspect.compare import compare_states

        first, second = self.history.find(one), self.history.find(other)
        return compare_states(self.history, first, second, self.opened_network, self.opened.sequence, self._run_of)

    def run_of(self, name: str) -> Trace:
        """Return the run of a state of the tree of edits, by its name or number.

        Raises:
            UserError: There is no such state.
        """
        return self._run_of(self.history.find(name))

    def _run_of(self, state: int) -> Trace:
        """Return the run of a state of the tree."""
        if state == self.history.here:
            return self._cursor.frame.trace
        return self.opened if state == 0 else self._with(self.history.switched(state))[1]

    def _with(self, history: History, made: Edited | None = None) -> tuple[Edited, Trace]:
        """Run the network with the edits in force in a history; where they only put tokens behind the text, go on.

        `made` is what they come to, where that is known.
        """
        from lstm_tui.debugger.edits.apply import apply
        from lstm_tui.debugger.edits.language import last_opening

        if made is not None and self._only_longer(made):
            return made, self._gone_on(made, history)
        if made is None:
            made = apply(history.active, self.opened_network, self.opened.sequence, self._work.progress)
        trace = self._ran(made, history)
        if trace.ran is not None and not last_opening(history.active):
            for before in (self._cursor.frame.trace, self.opened):
                if before.ran is not None:
                    begin_like(trace.ran, before.ran)
        return made, trace

    def _ran(self, made: Edited, history: History) -> Trace:
        """Run what the edits in force in a history come to."""
        from lstm_tui.debugger.edits.language import ModelEdit

        # states that were given are of the network that was opened
        other = any(isinstance(edit, ModelEdit) for edit in history.active)
        return run(
            made.network, made.sequence, self.opened.interpreter, None if other else self.source.dtype,
            None if other else self.start(), progress=self._work.progress, edits=history.lines, holds=made.holds,
            array_bytes=self.source.array_bytes,
        )  # fmt: skip

    def _baseline_of(self, history: History) -> Trace:
        """Return what the run with the edits in force in a history is laid beside."""
        from lstm_tui.debugger.edits.apply import apply
        from lstm_tui.debugger.edits.language import Opening, TokenEdit, last_opening

        active, now = history.active, self.history.active
        count = last_opening(active)
        if not count:
            return self.opened
        if count == last_opening(now) and active[:count] == now[:count]:
            return self.baseline
        kept = [edit for edit in active[:count] if isinstance(edit, Opening | TokenEdit)]
        plain = History().with_edit(*kept)
        return self._ran(apply(kept, self.opened_network, self.opened.sequence, self._work.progress), plain)

    def _edited(self, history: History, wanted: Edited | None = None) -> Frame:
        from lstm_tui.debugger.inspect.diff import TraceDiff

        _ = self.opened_network  # refused where there is none
        if history == self.history:
            return self._cursor.move(self._cursor.frame.position, "no more edits")
        before = self._cursor.frame
        made: Edited | None
        baseline = self._baseline_of(history)
        if history.active:
            made, trace = self._with(history, wanted)
            alone = is_opening_alone(history.active, made)
            difference = None if alone else TraceDiff(baseline, trace, made.origins, made.holds, made.weights)
        else:
            made, trace, difference = None, baseline, None
        anew = baseline is not self.baseline
        names = self._names_in(baseline, before.names) if anew else before.names
        self.history, self.made, self.baseline = history, made, baseline
        origins = difference.origins if difference else Origins.unchanged(len(trace.sequence))
        same = not anew or before.trace.sequence.tokens == trace.sequence.tokens
        t = same_token(before.origin(before.t), before.t, origins) if same else 0
        position = in_trace(before, t, trace)
        return self._cursor.show(
            replace(before, trace=trace, difference=difference, position=position, note="", names=names)
        )

    def _names_in(self, baseline: Trace, names: UnitNames) -> UnitNames:
        """Return what units are called in another baseline; names that were given come back with their network."""
        self._names = {**self._names, network_key(self.baseline): names}
        return self._names.get(network_key(baseline), UnitNames.of_trace(baseline))

    @property
    def opened_names(self) -> UnitNames:
        """What units of the network that was opened are called, while another is in its place."""
        return self._names.get(network_key(self.opened), UnitNames.of_trace(self.opened))

    # --- going on where only tokens came behind the text ---

    @property
    def gone_on_from(self) -> Trace | None:
        """The run that the one shown has only gone on with since the session was forked; None where it has not."""
        return self._longer[0] if self._longer is not None and self._longer[1] is self._cursor.frame.trace else None

    @property
    def growing(self) -> GrowingRun:
        """The run that is shown, with room behind it."""
        if self._growing is None or self._growing.trace is not self._cursor.frame.trace:
            self._growing = GrowingRun(self._cursor.frame.trace)
        return self._growing

    def _gone_on(self, made: Edited, history: History) -> Trace:
        """Return the run shown, gone on with to the end of what is only longer."""
        before = self._cursor.frame.trace
        trace = self.growing.grow(made.sequence.part(self._cursor.frame.steps), made.holds, history.lines)
        first = self._longer[0] if self._longer is not None and self._longer[1] is before else before
        self._longer = first, trace
        return trace

    def _only_longer(self, made: Edited) -> bool:
        """Say whether something is what is run now with more tokens behind it, and nothing else."""
        was, steps = self.edited, self._cursor.frame.steps
        one, other = was.sequence, made.sequence
        return (
            made.network is was.network
            and made.network.forward_only
            and self._cursor.frame.trace.ran is not None
            and self._cursor.frame.trace.windows is None
            and one.ids is not None
            and other.ids is not None
            and len(other) > steps
            and other.tokens[:steps] == one.tokens
            and bool((other.ids[:steps] == one.ids).all())
            and first_holds(made, steps) == first_holds(was, steps)
        )

    # --- the edits of every line ---

    @property
    def histories(self) -> Mapping[int, History]:
        """The edits of every line that has any, by its number, from 0."""
        mine = {self._cursor.frame.line: self.history} if self.history.states else {}
        return {**self._left, **mine}

    def leave_line(self, to: int, own: bool = False) -> None:
        """Keep the edits of the line that is left, and take those of the network along, unless `own` are wanted."""
        from lstm_tui.debugger.edits.language import NetworkEdit, cuts_of_every_line

        self._left = self.histories
        cuts = cuts_of_every_line(self.source.edit_script)
        if cuts and to not in self._left and not own:
            self._left = {**self._left, to: History().with_edit(*cuts)}
        fresh = tuple(edit for edit in self.history.active if isinstance(edit, NetworkEdit))
        pending = (self._along or ()) if self.to_edit else ()
        self._along = None if own else pending + fresh
        self.to_edit = to in self._left or bool(self._along)

    def keep_edits_of(self, other: EditTree) -> None:
        """Keep the edits that were made on another line after it was left."""
        self._left = {**other.histories, **self._left, other._cursor.frame.line: other.history}

    def edit_line(self) -> Frame:
        """Make the edits with which this line was left, and those of the network from the line before.

        Raises:
            UserError: If they cannot be made here; they are kept all the same.
        """
        from lstm_tui.debugger.edits.language import NetworkEdit

        before = self._left.get(self._cursor.frame.line, History())
        wanted: tuple[Edit, ...] = before.active
        if self._along is not None:
            wanted = (*self._along, *(edit for edit in wanted if not isinstance(edit, NetworkEdit)))
        told = bool(before.states) and all(before.words)  # those of an edit script are told in words only now
        if told and wanted == before.active:
            self._edited(before)
        else:
            if told:
                self._edited(before.switched(0))
            if wanted:
                self.edit(*wanted)
        self.to_edit = False
        return self._cursor.frame


def network_key(trace: Trace) -> tuple[object, ...]:
    """Return by what a network is known again, whose numbers may have been edited."""
    network = trace.network
    return () if network is None else (network.name, network.file, network.sha256)


def _set_aside(opening: Opening, edits: Sequence[Edit]) -> str:
    """Return how many edits in force an opening takes out of force, in words; nothing where it takes none."""
    from lstm_tui.debugger.edits.language import (
        CutEdit,
        HeldEdit,
        ModelEdit,
        TextEdit,
        TokenEdit,
        WordsEdit,
        last_opening,
    )

    if isinstance(opening, WordsEdit):
        return ""
    if isinstance(opening, ModelEdit):
        since = max((n for n, edit in enumerate(edits, 1) if isinstance(edit, ModelEdit)), default=0)
        count = sum(not isinstance(edit, TokenEdit | TextEdit | CutEdit) for edit in edits[since:])
    else:
        count = sum(
            isinstance(edit, TokenEdit)
            or (isinstance(edit, HeldEdit) and edit.steps != (None, None))
            or (isinstance(edit, CutEdit) and not edit.every and (None, None) not in edit.steps)
            for edit in edits[last_opening(edits) :]
        )
    return (
        f"; {count_of(count, 'edit')} set aside, `undo` brings {'it' if count == 1 else 'them'} back" if count else ""
    )


def is_opening_alone(edits: Sequence[Edit], made: Edited) -> bool:
    """Say whether what edits come to is another network or text as it is, so that there is nothing to lay beside."""
    from lstm_tui.debugger.edits.language import ModelEdit, NetworkEdit, WordsEdit, last_opening

    since = max((n for n, edit in enumerate(edits, 1) if isinstance(edit, ModelEdit)), default=0)
    return (
        last_opening(edits) == len(edits)
        and not made.holds
        and not any(isinstance(edit, NetworkEdit) and not isinstance(edit, WordsEdit) for edit in edits[since:])
    )


def first_holds(made: Edited, steps: int) -> tuple[object, ...]:
    """Return what is held on the first tokens."""
    return tuple(replace(hold, steps=(min(hold.steps[0], steps), min(hold.steps[1], steps))) for hold in made.holds)
