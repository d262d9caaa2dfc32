"""The debugger's state: a network, the lines of a file, and the one position in a run.

The verbs are those of the Debug Adapter Protocol. Each returns the new frame; nothing else moves the
position. Text and screens are not known here.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from lstm_tui.debugger.edit_tree import same_token
from lstm_tui.debugger.position import Frame, Position, equations_of
from lstm_tui.debugger.source import Opened
from lstm_tui.debugger.stream import Growing
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import Initial
from lstm_tui.engine.runtime.storage import Progress
from lstm_tui.engine.runtime.trace import Trace

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.language import Edit
    from lstm_tui.debugger.edits.question import Question
    from lstm_tui.debugger.view_state import Layout


class Session(Growing):
    """A debugger on one file: `session.frame` is what it shows now."""

    def __init__(
        self,
        trace: Trace,
        lines: Items[Sequence] = (),
        line: int = 0,
        *,
        dtype: str | None = None,
        initial: Initial | None = None,
        carry: bool = False,
        start: Initial | None = None,
        command: tuple[str, ...] = (),
        recipe: tuple[Edit, ...] = (),
    ) -> None:
        """Stand after the first token of a trace.

        Args:
            trace: The run to step through.
            lines: Every sequence of the file, when the network can run them too.
            line: Which of them the trace is of.
            dtype: With what precision it was run; that of the weights when not given.
            initial: States before the first step of the file, where they are given.
            carry: Whether the states go on from line to line.
            start: States with which this line was begun, where they are known.
            command: The arguments of the command that opened it.
            recipe: Edits that `edit_line` makes.
        """
        super().__init__()
        self.layout: Layout | None = None  # how a screen shows it, as that last told
        self.question: Question | None = None  # the last `what-if`, for `propagate`
        self.files: dict[str, str] = {}  # sessions it has written or come from, and what was in them
        self.written: dict[str, tuple[int, int, int]] = {}  # other files it has written: which, how long, when
        self._opened = Opened(lines if len(lines) else (trace.sequence,), dtype, initial, carry, command)
        self._opened = self._opened.begun(line, trace.interpreter, start)
        self._begin_lines(recipe, line)
        self._stand(trace, next(iter(trace.passes)), line)

    @classmethod
    def open(
        cls,
        network: Network,
        lines: Items[Sequence],
        line: int = 0,
        *,
        interpreter: str | None = None,
        dtype: str | None = None,
        initial: Initial | None = None,
        carry: bool = False,
        command: tuple[str, ...] = (),
    ) -> Self:
        """Run a network over one line of a file and open it.

        Args:
            network: What to run.
            lines: Every sequence of the file.
            line: Which one to open first, from 0.
            interpreter: numpy or numba; by default the one that is done sooner.
            dtype: float32 or float64; that of the weights when not given.
            initial: States before the first step, by pass.
            carry: Whether the states go on from line to line.
            command: The arguments of the command that opened it.

        Raises:
            UserError: If the line does not fit the network.
        """
        opened = Opened(lines, dtype, initial, carry, command)
        session = cls(opened.run(network, line, interpreter), lines, line)
        session._opened = opened
        return session

    @property
    def can_run(self) -> bool:
        """Whether the network is at hand."""
        return self.frame.trace.network is not None

    @property
    def command(self) -> tuple[str, ...]:
        """The arguments of the command that opened it; empty when they are not known."""
        return self._opened.command

    @property
    def baseline(self) -> Trace:
        """The run of this line without edits."""
        return self._baseline

    def sequence_of(self, line: int | None) -> Sequence:
        """Return the tokens of a line of the file, from 0, as they were opened; of this one where there is none."""
        there = line is not None and 0 <= line < len(self._opened.lines)
        return self._opened.lines[line] if there and line is not None else self.opened_sequence

    @property
    def opened_sequence(self) -> Sequence:
        """The tokens as they were opened, without edits."""
        return self._baseline.sequence

    def open_line(self, line: int, own: bool = False) -> Frame:
        """Run another line of the file, with its edits and those of the network, and stand after its first token.

        Args:
            line: Its number, from 0.
            own: Make the edits with which it was left, and take none of the network along.

        Raises:
            UserError: If the line does not fit the network, or an edit does not fit the line.
        """
        network = self._baseline.network
        if network is None or line == self.frame.line or not 0 <= line < len(self._opened.lines):
            note = "" if line == self.frame.line else ("last line" if line > self.frame.line else "first line")
            return self._move(self.frame.position, note)
        self.show_line(self._opened.run(network, line, self.frame.trace.interpreter), line, own=own)
        return self.edit_line() if self.to_edit else self.frame

    def show_line(self, trace: Trace, line: int, initial: Initial | None = None, own: bool = False) -> Frame:
        """Stand after the first token of another line that was run already; `edit_line` makes its edits.

        Args:
            trace: Its run.
            line: Its number, from 0.
            initial: The states with which it was begun, where they are known.
            own: Make the edits with which it was left, and take none of the network along.
        """
        self._leave_line(line, own)
        self._opened = self._opened.begun(line, trace.interpreter, initial)
        name = self.frame.position.pass_name
        self._stand(trace, next(iter(trace.passes)), line)  # the tape begins where the first pass does
        return self.select_pass(name) if name != self.frame.position.pass_name else self.frame

    def run_again(self, interpreter: str, progress: Progress | None = None) -> Trace:
        """Return this line's run by another interpreter, without showing it: `adopt` does.

        Raises:
            UserError: If there is no network to run.
        """
        return self._opened.run(self._network(), self.frame.line, interpreter, progress)

    def adopt(self, trace: Trace, initial: Initial | None = None) -> Frame:
        """Show another run of the same line at the same position; refused while an edit is open.

        Args:
            trace: The other run.
            initial: The states with which it was begun, where they are known.
        """
        if not self._history.active:
            self._baseline = trace
            self._opened = self._opened.begun(self.frame.line, trace.interpreter, initial)
            self.frame = replace(self.frame, trace=trace)
        return self.frame

    def fork(self) -> Self:
        """Return a session that stands where this one does and goes its own way, as in a thread of its own."""
        fork = copy(self)
        fork.forget_growth()
        return fork

    def join(self, fork: Session, since: Frame) -> Frame:
        """Become what a fork has become; where this session has moved meanwhile, stand at its own token.

        Args:
            fork: The session that went its own way.
            since: The frame at which it was forked.
        """
        mine, work = self.frame, self.work
        self.__dict__.update(fork.__dict__)
        self.work = work  # that of the fork is done
        if mine is not since and mine.line == self.frame.line:
            origins = self.frame.difference.origins if self.frame.difference else tuple(range(self.frame.steps))
            t = same_token(mine.origin(mine.t), mine.t, origins)
            self.frame = replace(self.frame, position=replace(mine.position, t=t), note=mine.note)
        return self.frame

    def _stand(self, trace: Trace, pass_name: str, line: int) -> Frame:
        """Stand after the first token of a run, without edits."""
        self._begin(trace)
        passed = trace[pass_name]
        position = Position(passed.name, passed.tape_place(0), len(equations_of(passed)) - 1)
        self.frame, self._opened_at = Frame(trace, position, line, len(self._opened.lines)), position
        return self.frame
