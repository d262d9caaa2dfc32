"""Where a session stands in its run, and the steps that move it: by token, equation and op, forward and back."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Literal

from lstm_tui.debugger.position import Frame, Position, equations_of, ops_of

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
            origins = self.frame.difference.origins if self.frame.difference else tuple(range(self.frame.steps))
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


def same_token(origin: int | None, t: int, origins: tuple[int | None, ...]) -> int:
    """Return where a token of the baseline stands now, or the same place when it is gone or new."""
    if origin is not None and origin in origins:
        return origins.index(origin)
    return min(t, len(origins) - 1)
