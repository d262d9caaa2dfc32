"""The debugger's state: a network, the lines of a file, and the one position in a run.

The verbs are those of the Debug Adapter Protocol. Each returns the new frame; nothing else moves the
position. Text and screens are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from lstm_tui.debugger.frame import Frame, equations_of, ops_of
from lstm_tui.debugger.history import History
from lstm_tui.debugger.position import Position
from lstm_tui.debugger.recipe import Edit
from lstm_tui.debugger.stopping import Stopping
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.network import Network
from lstm_tui.engine.run import Initial, run
from lstm_tui.engine.storage import Progress
from lstm_tui.engine.trace import PassTrace, Sequence, Trace

if TYPE_CHECKING:  # the first frame waits for nothing that only edits need
    from lstm_tui.debugger.comparison import Comparison
    from lstm_tui.debugger.edits import Edited

Granularity = Literal["token", "equation", "op"]


class Session(Stopping):
    """A debugger on one file: `session.frame` is what it shows now."""

    def __init__(
        self,
        trace: Trace,
        lines: Items[Sequence] = (),
        line: int = 0,
        *,
        dtype: str | None = None,
        initial: Initial | None = None,
    ) -> None:
        """Stand after the first token of a trace.

        Args:
            trace: The run to step through.
            lines: Every sequence of the file, when the network can run them too.
            line: Which of them the trace is of.
            dtype: With what precision it was run; that of the weights when not given.
            initial: States with which it was begun, where they were given.
        """
        super().__init__()
        self._lines: Items[Sequence] = lines if len(lines) else (trace.sequence,)  # each is read when it is needed
        self._initial = initial
        self._carry = False
        self._dtype = dtype
        self._history = History()
        self._made: Edited | None = None
        self._baseline = trace
        first = next(iter(trace.passes.values()))
        position = Position(first.name, first.tape_place(0), len(equations_of(first)) - 1)
        self.frame = Frame(trace, position, line, len(self._lines))

    @classmethod
    def open(
        cls,
        network: Network,
        lines: Items[Sequence],
        line: int = 0,
        *,
        interpreter: str = "numpy",
        dtype: str | None = None,
        initial: Initial | None = None,
        carry: bool = False,
    ) -> Session:
        """Run a network over one line of a file and open it.

        Args:
            network: What to run.
            lines: Every sequence of the file.
            line: Which one to open first, from 0.
            interpreter: numpy or numba.
            dtype: float32 or float64; that of the weights when not given.
            initial: States before the first step, by pass.
            carry: Whether the states go on from line to line.

        Raises:
            UserError: If the line does not fit the network.
        """
        before = carried(network, lines, line, interpreter, dtype, initial) if carry else initial
        session = cls(run(network, lines[line], interpreter, dtype, before), lines, line)
        session._initial, session._carry, session._dtype = initial, carry, dtype
        return session

    @property
    def can_run(self) -> bool:
        """Whether the network is at hand."""
        return self.frame.trace.network is not None

    # --- verbs ---

    def next(self, count: int = 1) -> Frame:
        """Go `count` tokens to the right on the tape (to the left when negative), and finish the token."""
        t = self.frame.t + count
        last = self.frame.steps - 1
        note = "" if 0 <= t <= last else f"{'last' if t > last else 'first'} token"
        return self.goto(min(max(t, 0), last), note)

    def goto(self, t: int, note: str = "") -> Frame:
        """Go to a place on the tape, with its token finished."""
        t = min(max(t, 0), self.frame.steps - 1)
        return self._move(replace(self.frame.position, t=t, equation=self._last_equation(), op=None), note)

    def goto_equation(self, equation: int) -> Frame:
        """Stand after an equation of this token."""
        equation = min(max(equation, 0), self._last_equation())
        return self._move(replace(self.frame.position, equation=equation, op=None))

    def step_in(self, granularity: Granularity = "equation") -> Frame:
        """Take one equation or op in the reading order of the selected pass."""
        if granularity == "token":
            return self._read(1)
        position = self.frame.position
        if granularity == "op" and position.op is not None:
            return self._after_op(position, position.op + 1)
        if position.op is not None:
            return self._move(replace(position, op=None))
        if position.equation == self._last_equation():
            if self._step() == self.frame.steps - 1:
                return self._move(position, "end of the pass")
            position = replace(position, t=self.frame.passed.tape_place(self._step() + 1), equation=-1)
        position = replace(position, equation=position.equation + 1)
        return self._after_op(position, 0) if granularity == "op" else self._move(position)

    def step_back(self, granularity: Granularity = "equation") -> Frame:
        """Take one equation or op back."""
        if granularity == "token":
            return self._read(-1)
        position = self.frame.position
        if granularity == "op":
            ops = len(ops_of(self.frame.passed, position.equation))
            reached = ops - 1 if position.op is None else position.op
            if position.equation >= 0 and reached > 0:
                return self._after_op(position, reached - 1)
        elif position.op is not None and position.equation > 0:
            return self._move(replace(position, equation=position.equation - 1, op=None))
        if position.equation > 0:
            return self._move(replace(position, equation=position.equation - 1, op=None))
        if self._step() == 0:
            note = "start of the pass" if position.equation < 0 else ""
            return self._move(replace(position, equation=-1, op=None), note)
        before = self.frame.passed.tape_place(self._step() - 1)
        return self._move(replace(position, t=before, equation=self._last_equation(), op=None))

    def step_out(self) -> Frame:
        """Finish the token."""
        return self._move(replace(self.frame.position, equation=self._last_equation(), op=None))

    def step_out_back(self) -> Frame:
        """Go back to before the first equation of the token."""
        position = self.frame.position
        if self._step() == 0:
            return self._move(replace(position, equation=-1, op=None), "start of the pass")
        before = self.frame.passed.tape_place(self._step() - 1)
        return self._move(replace(position, t=before, equation=self._last_equation(), op=None))

    def select_pass(self, name_or_shift: str | int) -> Frame:
        """Select a pass by name, or the one `shift` places on; the place on the tape stays."""
        names = list(self.frame.trace.passes)
        if isinstance(name_or_shift, str):
            name = name_or_shift
        else:
            name = names[(names.index(self.frame.position.pass_name) + name_or_shift) % len(names)]
        equations = len(equations_of(self.frame.trace[name]))
        equation = min(self.frame.position.equation, equations - 1)
        if equation < 0 and self.frame.trace[name].reading_step(self.frame.t) > 0:
            equation = equations - 1
        return self._move(Position(name, self.frame.t, equation))

    def find(self, text: str, forward: bool = True) -> Frame:
        """Go to the next (or previous) token that holds a text, in any case, round the end of the tape."""
        tokens = [token.casefold() for token in self.frame.trace.sequence.tokens]
        count = len(tokens)
        for shift in range(1, count + 1):
            t = (self.frame.t + (shift if forward else -shift)) % count
            if text.casefold() in tokens[t]:
                return self.goto(t)
        return self._move(self.frame.position, "not found")

    # --- lines and runs ---

    def open_line(self, line: int) -> Frame:
        """Run another line of the file and stand after its first token.

        Raises:
            UserError: If the line does not fit the network.
        """
        network = self._baseline.network
        if network is None or line == self.frame.line or not 0 <= line < len(self._lines):
            note = "" if line == self.frame.line else ("last line" if line > self.frame.line else "first line")
            return self._move(self.frame.position, note)
        trace = self._run(line, self.frame.trace.interpreter)
        self._history, self._made, self._baseline = History(), None, trace
        passed = trace[self.frame.position.pass_name]
        position = Position(passed.name, passed.tape_place(0), len(equations_of(passed)) - 1)
        self.frame = Frame(trace, position, line, len(self._lines))
        return self.frame

    def run_again(self, interpreter: str, progress: Progress | None = None) -> Trace:
        """Return this line's run by another interpreter, without showing it: `adopt` does."""
        return self._run(self.frame.line, interpreter, progress)

    def adopt(self, trace: Trace, initial: Initial | None = None) -> Frame:
        """Show another run of the same line at the same position; refused while an edit is open.

        Args:
            trace: The other run.
            initial: The states with which it was begun, where they are others than before.
        """
        if not self._history.active:
            self._baseline = trace
            self._initial = self._initial if initial is None else initial
            self.frame = replace(self.frame, trace=trace)
        return self.frame

    # --- edits ---

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
        from lstm_tui.debugger.edits import Edited

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
        from lstm_tui.debugger.edits import after, check
        from lstm_tui.debugger.words import describe

        said: list[str] = []
        before, trace, opened = self.edited, self.frame.trace, self.edited.network
        for number, edit in enumerate(edits):
            check(edit, before)
            said.append(describe(edit, before, trace if number == 0 else None))
            before = after(edit, before, opened)
        return self._edited(self._history.with_edit(*edits, words=tuple(said)))

    def undo(self) -> Frame:
        """Take the last edit back."""
        return self._edited(self._history.undone())

    def redo(self) -> Frame:
        """Make the last edit that was taken back again."""
        return self._edited(self._history.redone())

    def keep_edits(self, count: int) -> Frame:
        """Go to where `count` edits are in force, back or on."""
        return self._edited(self._history.at(count))

    def resume(self, history: History) -> Frame:
        """Take up edits that were left, such as those of a line that is opened again.

        Raises:
            UserError: If they cannot be made here; nothing is changed.
        """
        return self._edited(history)

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
        from lstm_tui.debugger.branches import compare_states

        first, second = self._history.find(one), self._history.find(other)
        return compare_states(self._history, first, second, self._network(), self._baseline.sequence, self._run_of)

    def _run_of(self, state: int) -> Trace:
        """Return the run of a state of the tree."""
        if state == self._history.here:
            return self.frame.trace
        return self._baseline if state == 0 else self._with(self._history.switched(state))[1]

    def _with(self, history: History) -> tuple[Edited, Trace]:
        """Run the network with the edits in force in a history."""
        from lstm_tui.debugger.edits import apply

        made = apply(history.active, self._network(), self._baseline.sequence)
        trace = run(
            made.network, made.sequence, self._baseline.interpreter, self._dtype, self._start(self.frame.line),
            edits=history.lines, holds=made.holds,
        )  # fmt: skip
        return made, trace

    def fork(self) -> Session:
        """Return a session that stands where this one does and goes its own way, as in a thread of its own."""
        return copy(self)

    def join(self, fork: Session, since: Frame) -> Frame:
        """Become what a fork has become; where this session has moved meanwhile, stand at its own token.

        Args:
            fork: The session that went its own way.
            since: The frame at which it was forked.
        """
        mine = self.frame
        self.__dict__.update(fork.__dict__)
        if mine is not since:
            origins = self.frame.difference.origins if self.frame.difference else tuple(range(self.frame.steps))
            t = _same_token(mine.origin(mine.t), mine.t, origins)
            self.frame = replace(self.frame, position=replace(mine.position, t=t), note=mine.note)
        return self.frame

    def _network(self) -> Network:
        network = self._baseline.network
        if network is None:
            raise UserError("this trace came from a file without its network: nothing can be run again")
        return network

    def _edited(self, history: History) -> Frame:
        from lstm_tui.debugger.difference import Difference

        self._network()
        if history == self._history:
            return self._move(self.frame.position, "no more edits")
        before = self.frame
        made: Edited | None
        if history.active:
            made, trace = self._with(history)
            difference = Difference(self._baseline, trace, made.origins, made.holds, made.weights)
        else:
            made, trace, difference = None, self._baseline, None
        self._history, self._made = history, made
        origins = difference.origins if difference else tuple(range(len(trace.sequence)))
        t = _same_token(before.origin(before.t), before.t, origins)
        self.frame = replace(
            before, trace=trace, difference=difference, position=replace(before.position, t=t), note=""
        )
        return self.frame

    def _start(self, line: int) -> Initial | None:
        network = self._baseline.network
        assert network is not None
        if not self._carry:
            return self._initial
        return carried(network, self._lines, line, self._baseline.interpreter, self._dtype, self._initial)

    def _run(self, line: int, interpreter: str, progress: Progress | None = None) -> Trace:
        network = self._baseline.network
        assert network is not None, "a trace file without its network cannot be run"
        initial = self._initial
        if self._carry:
            initial = carried(network, self._lines, line, interpreter, self._dtype, self._initial)
        return run(network, self._lines[line], interpreter, self._dtype, initial, progress)

    # --- moving ---

    def _read(self, steps: int) -> Frame:
        step = self._step() + steps
        if not 0 <= step < self.frame.steps:
            return self._move(self.frame.position, "end of the pass" if step > 0 else "start of the pass")
        return self.goto(self.frame.passed.tape_place(step))

    def _after_op(self, position: Position, op: int) -> Frame:
        complete = op >= len(ops_of(self.frame.passed, position.equation)) - 1
        return self._move(replace(position, op=None if complete else op))

    def _step(self) -> int:
        return self.frame.passed.reading_step(self.frame.t)

    def _last_equation(self) -> int:
        return len(equations_of(self.frame.passed)) - 1

    def _move(self, position: Position, note: str = "") -> Frame:
        self.frame = replace(self.frame, position=position, note=note)
        return self.frame


def _same_token(origin: int | None, t: int, origins: tuple[int | None, ...]) -> int:
    """Return where a token of the baseline stands now, or the same place when it is gone or new."""
    if origin is not None and origin in origins:
        return origins.index(origin)
    return min(t, len(origins) - 1)


def carried(
    network: Network, lines: Items[Sequence], line: int, interpreter: str, dtype: str | None, initial: Initial | None
) -> Initial | None:
    """Return the states with which a line begins when they go on from line to line."""
    for before in lines[:line]:
        trace = run(network, before, interpreter, dtype, initial)
        initial = {name: last_states(passed) for name, passed in trace.passes.items()}
    return initial


def last_states(passed: PassTrace) -> dict[str, NDArray[np.floating[Any]]]:
    """Return every state of a pass after its last step."""
    place = passed.tape_place(passed.steps - 1)
    return {name: passed[name][place] for name in passed.initial}
