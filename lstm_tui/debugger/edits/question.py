"""A question of a word that might be another, as a session remembers it until its answer is kept."""

from __future__ import annotations

from dataclasses import dataclass

from lstm_tui.debugger.edits.history import History


@dataclass(frozen=True)
class Question:
    """A question that was asked of a text and has changed nothing of it.

    Attributes:
        old: The word that stands in the text.
        new: The word that might stand there.
        history: The edits with which the text was asked.
        line: The line of the file that it is, from 0.
    """

    old: str
    new: str
    history: History
    line: int

    def stands(self, history: History, line: int) -> bool:
        """Say whether the text is still the one that was asked."""
        return (history.lines, line) == (self.history.lines, self.line)
