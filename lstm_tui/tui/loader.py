"""The answer of a thread that has run a sequence."""

from __future__ import annotations

from textual.message import Message

from lstm_tui.engine.trace import Trace


class Ran(Message):
    """A run is there, or why it is not."""

    def __init__(self, number: int, trace: Trace | None = None, error: str = "") -> None:
        """Hold the number of the sequence and its trace."""
        super().__init__()
        self.number = number
        self.trace = trace
        self.error = error
