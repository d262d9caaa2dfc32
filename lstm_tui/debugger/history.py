"""The edits of a session in their order, walked back and forth."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lstm_tui.debugger.recipe import Edit, line_of


@dataclass(frozen=True)
class History:
    """Every edit that was made, and how many of them are in force.

    Attributes:
        edits: In the order in which they were made; those behind `done` were undone.
        done: How many are in force.
    """

    edits: tuple[Edit, ...] = ()
    done: int = 0

    @property
    def active(self) -> tuple[Edit, ...]:
        """The edits in force."""
        return self.edits[: self.done]

    @property
    def lines(self) -> tuple[str, ...]:
        """The edits in force, as lines of a recipe."""
        return tuple(line_of(edit) for edit in self.active)

    def with_edit(self, *edits: Edit) -> History:
        """Return the history with more edits; what was undone is gone."""
        return History(self.active + edits, self.done + len(edits))

    def undone(self) -> History:
        """Return the history one edit back; itself at the start."""
        return replace(self, done=max(self.done - 1, 0))

    def redone(self) -> History:
        """Return the history one edit on; itself at the end."""
        return replace(self, done=min(self.done + 1, len(self.edits)))

    def at(self, done: int) -> History:
        """Return the history with exactly `done` edits in force."""
        return replace(self, done=min(max(done, 0), len(self.edits)))
