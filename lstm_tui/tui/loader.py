"""The answer of a thread that has run a sequence."""

from __future__ import annotations

from textual.message import Message

from lstm_tui.debugger.facts import Facts


class Ran(Message):
    """A run is there, or why it is not."""

    def __init__(self, number: int, facts: Facts | None = None, error: str = "", given_up: bool = False) -> None:
        """Hold the number of the sequence and what is known of its trace."""
        super().__init__()
        self.number = number
        self.facts = facts
        self.error = error
        self.given_up = given_up
