"""Where a run stands, and the steps that move it: by token, equation and op, forward and back.

A frame is one immutable look at a session, which holds all that a screen may draw; the cursor goes from frame to frame.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Literal

from lstm_tui.debugger.edits.origins import Origins
from lstm_tui.debugger.inspect.cut_words import cut_words
from lstm_tui.debugger.inspect.diff import TraceDiff
from lstm_tui.debugger.unit_names import NONE, UnitNames
from lstm_tui.engine.compiler.program import Instruction
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.equations import Equation
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.text_safety import visible


@dataclass(frozen=True)
class Position:
    """A place in a run; it stands *after* what it names.

    Attributes:
        pass_name: The selected pass.
        t: Place on the tape, from 0.
        equation: The last equation that was taken, from 0; -1 before the first one of the pass.
        op: None when that equation is complete, else the last op taken inside it, from 0.
    """

    pass_name: str
    t: int
    equation: int
    op: int | None = None


@dataclass(frozen=True, eq=False)
class Frame:
    """A trace and a position in it.

    Attributes:
        trace: Every value of the run.
        position: Where it stands.
        line: Which line of the file this is, from 0.
        lines: How many lines there are.
        note: Why the last command stopped where it did; may be empty.
        difference: The run beside its baseline, while an edit is in force.
        names: What units are called.
    """

    trace: Trace
    position: Position
    line: int = 0
    lines: int = 1
    note: str = ""
    difference: TraceDiff | None = None
    names: UnitNames = NONE

    _repr_html_ = rich_display

    def __repr__(self) -> str:
        """Say in one line where it stands, in a run of what."""
        edits = f", {count_of(len(self.trace.edits), 'edit')}" if self.trace.edits else ""
        model = visible(self.trace.model.get("name") or "a network")
        return f"<Frame at {self.where}; {model} over {count_of(self.steps, 'token')}{edits}>"

    @property
    def place(self) -> str:
        """The token and the pass where it stands, in words."""
        cut = cut_words(self.trace.sequence, self.t)
        return f"t={self.t} “{visible(self.token)}”, {self.position.pass_name}{f', {cut}' if cut else ''}"

    @property
    def where(self) -> str:
        """Where it stands, in words: the token, the pass, and the equation where the token is not finished."""
        if self.equation is None:
            return f"{self.place}, before its first equation"
        text = visible(self.equation.text)
        if self.position.op is not None:
            return f"{self.place}, inside `{text}`, op {self.position.op + 1} of {len(self.ops)}"
        return f"{self.place}, after `{text}`" if self.position.equation < len(self.equations) - 1 else self.place

    def origin(self, t: int) -> int | None:
        """Return the place in the baseline of the token at place `t`, or None where it was inserted."""
        return t if self.difference is None else self.difference.origins[t]

    @property
    def passed(self) -> PassTrace:
        """The selected pass."""
        return self.trace[self.position.pass_name]

    @property
    def t(self) -> int:
        """Place on the tape."""
        return self.position.t

    @property
    def token(self) -> str:
        """The token at this place, as it was given."""
        return self.trace.sequence.tokens[self.position.t]

    @property
    def steps(self) -> int:
        """Number of tokens."""
        return len(self.trace.sequence)

    @property
    def equations(self) -> tuple[Equation, ...]:
        """The equations of the selected pass, as they are run."""
        return equations_of(self.passed)

    @property
    def equation(self) -> Equation | None:
        """The last equation taken, or None before the first."""
        return self.equations[self.position.equation] if self.position.equation >= 0 else None

    @property
    def ops(self) -> tuple[Instruction, ...]:
        """The ops of the current equation; empty when only values are known."""
        return ops_of(self.passed, self.position.equation)

    def reached(self, pass_name: str, value: str, t: int | None = None) -> bool:
        """Say whether the selected pass has come to a value yet; the others have, as far as they were computed."""
        position = self.position
        if not self.trace.is_ready(pass_name, position.t if t is None else t):
            return False
        if pass_name != position.pass_name:
            return True
        passed = self.passed
        here, asked = passed.reading_step(position.t), passed.reading_step(position.t if t is None else t)
        if asked != here:
            return asked < here
        number = passed.cell.values.index(value)
        return number < position.equation or (number == position.equation and position.op is None)

    def steps_taken(self, pass_name: str) -> int:
        """Return how many tokens a pass has finished or begun at this position."""
        if pass_name != self.position.pass_name:
            return self.trace[pass_name].reading_step(self.position.t) + 1
        return self.passed.reading_step(self.position.t) + (self.position.equation >= 0)


def equations_of(passed: PassTrace) -> tuple[Equation, ...]:
    """Return the equations of a pass as they are run, or as the cell has them when nothing is run."""
    return passed.program.equations if passed.program is not None else passed.cell.equations


def ops_of(passed: PassTrace, equation: int) -> tuple[Instruction, ...]:
    """Return the ops of one equation; what is computed for the lowest layer alone belongs to its first."""
    if passed.program is None or equation < 0:
        return ()
    ops = passed.program.instructions_of(equation)
    return passed.program.instructions_of(-1) + ops if equation == 0 else ops


Granularity = Literal["token", "equation", "op"]


class Cursor:
    """One place of a run, and every way to step from it.

    Attributes:
        frame: The run, and the place in it.
        seen: How many tokens of the run without edits it has stood at, or before.
        held: Whether a breakpoint stopped it since it last went to a token.
    """

    def __init__(self, frame: Frame) -> None:
        """Stand where a frame does; a cursor that never moved has not begun."""
        self.seen, self.held = 0, False
        self.stand(frame)

    def stand(self, frame: Frame) -> Frame:
        """Stand in a run that was opened just now."""
        self.frame = frame
        self._opened_at: Position | None = frame.position  # until it first moves
        return frame

    def show(self, frame: Frame) -> Frame:
        """Show what the run has become, without going on in it."""
        self.frame = frame
        return frame

    def say(self, note: str) -> Frame:
        """Say why the last command stopped where it did."""
        return self.show(replace(self.frame, note=note))

    def fork(self) -> Cursor:
        """Return a cursor that stands where this one does and goes its own way."""
        return copy(self)

    def adopt(self, fork: Cursor, since: Frame) -> Frame:
        """Stand where a fork has come to; where this one has moved meanwhile, at its own token.

        Args:
            fork: The cursor that went its own way.
            since: The frame at which it was forked.
        """
        mine = self.frame
        self.frame, self.seen, self.held, self._opened_at = fork.frame, fork.seen, fork.held, fork._opened_at
        if mine is not since and mine.line == self.frame.line:
            origins = self.frame.difference.origins if self.frame.difference else Origins.unchanged(self.frame.steps)
            t = same_token(mine.origin(mine.t), mine.t, origins)
            self.frame = replace(self.frame, position=replace(mine.position, t=t), note=mine.note)
        return self.frame

    # --- steps ---

    def next(self, count: int = 1) -> Frame:
        """Go `count` tokens to the right on the tape (to the left when negative), and finish the token."""
        t = self.frame.t + count
        last = self.frame.steps - 1
        note = "" if 0 <= t <= last else f"{'last' if t > last else 'first'} token"
        return self.goto(min(max(t, 0), last), note)

    def goto(self, t: int, note: str = "") -> Frame:
        """Go to a place on the tape, with its token finished; from the last one on it follows what comes."""
        self.held = False
        t = min(max(t, 0), self.frame.steps - 1)
        return self.move(replace(self.frame.position, t=t, equation=self._last_equation(), op=None), note)

    def goto_equation(self, equation: int) -> Frame:
        """Stand after an equation of this token."""
        equation = min(max(equation, 0), self._last_equation())
        return self.move(replace(self.frame.position, equation=equation, op=None))

    def step_in(self, granularity: Granularity = "equation") -> Frame:
        """Take one equation or op in the reading order of the selected pass."""
        if granularity == "token":
            return self._read(1)
        position = self.frame.position
        if granularity == "op" and position.op is not None:
            return self._after_op(position, position.op + 1)
        if position.op is not None:
            return self.move(replace(position, op=None))
        if position.equation == self._last_equation():
            if self._step() == self.frame.steps - 1:
                return self.move(position, "end of the pass")
            position = replace(position, t=self.frame.passed.tape_place(self._step() + 1), equation=-1)
        position = replace(position, equation=position.equation + 1)
        return self._after_op(position, 0) if granularity == "op" else self.move(position)

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
            return self.move(replace(position, equation=position.equation - 1, op=None))
        if position.equation > 0:
            return self.move(replace(position, equation=position.equation - 1, op=None))
        if self._step() == 0:
            note = "start of the pass" if position.equation < 0 else ""
            return self.move(replace(position, equation=-1, op=None), note)
        before = self.frame.passed.tape_place(self._step() - 1)
        return self.move(replace(position, t=before, equation=self._last_equation(), op=None))

    def step_out(self) -> Frame:
        """Finish the token."""
        return self.move(replace(self.frame.position, equation=self._last_equation(), op=None))

    def step_out_back(self) -> Frame:
        """Go back to before the first equation of the token."""
        position = self.frame.position
        if self._step() == 0:
            return self.move(replace(position, equation=-1, op=None), "start of the pass")
        before = self.frame.passed.tape_place(self._step() - 1)
        return self.move(replace(position, t=before, equation=self._last_equation(), op=None))

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
        return self.move(Position(name, self.frame.t, equation))

    def find(self, text: str, forward: bool = True) -> Frame:
        """Go to the next (or previous) token that holds a text, in any case, round the end of the tape."""
        tokens = [token.casefold() for token in self.frame.trace.sequence.tokens]
        count = len(tokens)
        for shift in range(1, count + 1):
            t = (self.frame.t + (shift if forward else -shift)) % count
            if text.casefold() in tokens[t]:
                return self.goto(t)
        return self.move(self.frame.position, "not found")

    def _read(self, steps: int) -> Frame:
        step = self._step() + steps
        if not 0 <= step < self.frame.steps:
            return self.move(self.frame.position, "end of the pass" if step > 0 else "start of the pass")
        return self.goto(self.frame.passed.tape_place(step))

    def _after_op(self, position: Position, op: int) -> Frame:
        complete = op >= len(ops_of(self.frame.passed, position.equation)) - 1
        return self.move(replace(position, op=None if complete else op))

    def _step(self) -> int:
        return self.frame.passed.reading_step(self.frame.t)

    @property
    def is_at_end(self) -> bool:
        """Whether it stands behind the last equation of the last token."""
        position = self.frame.position
        finished = position.equation == self._last_equation() and position.op is None
        return finished and self.frame.t == self.frame.steps - 1

    def _last_equation(self) -> int:
        return len(equations_of(self.frame.passed)) - 1

    def move(self, position: Position, note: str = "") -> Frame:
        """Stand at a place of the run; `note` says why it is this one."""
        frame = self.frame = replace(self.frame, position=position, note=note)
        self._opened_at = None
        origin = frame.origin(frame.t)
        if frame.t == frame.steps - 1:
            self.seen = len((frame.difference.before if frame.difference else frame.trace).sequence)
        elif origin is not None:
            self.seen = max(self.seen, origin + 1)
        return frame

    @property
    def start(self) -> Frame:
        """The frame from which the run goes on: one that never moved has not begun, for all it shows."""
        if self._opened_at != self.frame.position:
            return self.frame
        return replace(self.frame, position=replace(self.frame.position, equation=-1, op=None))


def in_trace(before: Frame, t: int, trace: Trace) -> Position:
    """Return the place in another run that is most like where a frame stands: in its pass, or else the first.

    Args:
        before: Where it stands.
        t: The place on the tape of the other run.
        trace: The other run.
    """
    position = replace(before.position, t=t)
    name = position.pass_name
    if name in trace and equations_of(trace[name]) == before.equations:
        return position
    name = name if name in trace else next(iter(trace.passes))
    count = len(equations_of(trace[name]))
    if name == position.pass_name and len(before.equations) == count:  # an equation was rewritten
        return position
    return Position(name, t, min(position.equation, count - 1) if position.equation < 0 else count - 1)


def same_token(origin: int | None, t: int, origins: Origins) -> int:
    """Return where a token of the baseline stands now, or the same place when it is gone or new."""
    if origin is not None and t < len(origins) and origins[t] == origin:
        return t
    now = None if origin is None else origins.place_of(origin)
    return min(t, len(origins) - 1) if now is None else now
