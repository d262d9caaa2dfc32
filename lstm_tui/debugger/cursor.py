"""The verbs that move the position of a session: by token, equation and op, forward and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from lstm_tui.debugger.position import Frame, Position, equations_of, ops_of

Granularity = Literal["token", "equation", "op"]


class Stepping:
    """The part of a session that stands at one place of a run and steps from it."""

    frame: Frame
    _opened_at: Position | None = None
    """Where the session was opened, until it first moves."""

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
        self.frame, self._opened_at = replace(self.frame, position=position, note=note), None
        return self.frame

    @property
    def _start(self) -> Frame:
        """The frame from which the run goes on: a session that never moved has not begun, for all it shows."""
        if self._opened_at != self.frame.position:
            return self.frame
        return replace(self.frame, position=replace(self.frame.position, equation=-1, op=None))
