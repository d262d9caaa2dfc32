"""Where a run stands, and a frame: one immutable look at a session, which holds all that a screen may draw."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_tui.debugger.inspect.diff import TraceDiff
from lstm_tui.engine.compiler.program import Instruction
from lstm_tui.engine.language.equations import Equation
from lstm_tui.engine.runtime.trace import PassTrace, Trace


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
    """

    trace: Trace
    position: Position
    line: int = 0
    lines: int = 1
    note: str = ""
    difference: TraceDiff | None = None

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
