"""What was opened: the lines of a file, and with what each of them is run."""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.interpreters import chosen
from lstm_tui.engine.runtime.run import Initial, run
from lstm_tui.engine.runtime.storage import Progress
from lstm_tui.engine.runtime.trace import PassTrace, Trace


@dataclass(frozen=True)
class Opened:
    """The lines of a file and what they are run with, whatever is edited.

    Attributes:
        lines: Every sequence of the file; each is read when it is needed.
        dtype: With what precision they are run; that of the weights when None.
        initial: States before the first step, by pass, where they are given.
        carry: Whether the states go on from line to line.
        command: The arguments of the command that opened it, by which it is opened again; empty when unknown.
        known: A line, an interpreter, and the states with which its run begins, where they go on from line to line.
    """

    lines: Items[Sequence]
    dtype: str | None = None
    initial: Initial | None = None
    carry: bool = False
    command: tuple[str, ...] = ()
    known: tuple[int, str, Initial] | None = None

    def begun(self, line: int, interpreter: str, initial: Initial | None) -> Opened:
        """Return it with what is known of how a line begins."""
        return replace(self, known=(line, interpreter, initial)) if self.carry and initial is not None else self

    def start(self, network: Network, line: int, interpreter: str) -> Initial | None:
        """Return the states with which a line begins."""
        if not self.carry:
            return self.initial
        if self.known is not None and self.known[:2] == (line, interpreter):
            return self.known[2]
        return carried(network, self.lines, line, interpreter, self.dtype, self.initial)

    def run(self, network: Network, line: int, interpreter: str | None, progress: Progress | None = None) -> Trace:
        """Run a network over one of the lines, by the interpreter named or the one that is done sooner.

        Raises:
            UserError: If the line does not fit the network.
        """
        interpreter = chosen(interpreter, len(self.lines[line]), len(network.passes))
        initial = self.start(network, line, interpreter)
        return run(network, self.lines[line], interpreter, self.dtype, initial, progress)


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
