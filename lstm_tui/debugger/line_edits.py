"""The edits of every line of a file: each line keeps its own, and those of the network go along from line to line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lstm_tui.debugger.editing import Editing
from lstm_tui.debugger.frame import Frame
from lstm_tui.debugger.history import History

if TYPE_CHECKING:
    from lstm_tui.debugger.recipe import Edit, NetworkEdit


class LineEdits(Editing):
    """The part of a session that loses no edit when another line is opened.

    A line is first shown as it was opened and then edited again, since its run with edits may take long.
    """

    _left: Mapping[int, History]
    _along: tuple[NetworkEdit, ...] | None
    _to_edit: bool

    def _begin_lines(self, recipe: tuple[Edit, ...], line: int) -> None:
        """Begin with edits of one line that are not made yet."""
        self._left = {line: History().with_edit(*recipe)} if recipe else {}
        self._along, self._to_edit = None, bool(recipe)

    @property
    def histories(self) -> Mapping[int, History]:
        """The edits of every line that has any, by its number, from 0."""
        mine = {self.frame.line: self.history} if self.history.states else {}
        return {**self._left, **mine}

    @property
    def to_edit(self) -> bool:
        """Whether this line has edits that are not made since it was opened."""
        return self._to_edit

    def _leave_line(self, to: int, own: bool = False) -> None:
        """Keep the edits of the line that is left, and take those of the network along, unless `own` are wanted."""
        from lstm_tui.debugger.recipe import NetworkEdit

        self._left = self.histories
        fresh = tuple(edit for edit in self.history.active if isinstance(edit, NetworkEdit))
        pending = (self._along or ()) if self._to_edit else ()
        self._along = None if own else pending + fresh
        self._to_edit = to in self._left or bool(self._along)

    def keep_edits_of(self, other: LineEdits) -> None:
        """Keep the edits that were made on another line after it was left."""
        self._left = {**other.histories, **self._left, other.frame.line: other.history}

    def edit_line(self) -> Frame:
        """Make the edits with which this line was left, and those of the network from the line before.

        Raises:
            UserError: If they cannot be made here; they are kept all the same.
        """
        from lstm_tui.debugger.recipe import NetworkEdit

        before = self._left.get(self.frame.line, History())
        wanted: tuple[Edit, ...] = before.active
        if self._along is not None:
            wanted = (*self._along, *(edit for edit in wanted if not isinstance(edit, NetworkEdit)))
        told = bool(before.states) and all(before.words)  # those of a recipe are told in words only now
        if told and wanted == before.active:
            self._edited(before)
        else:
            if told:
                self._edited(before.switched(0))
            if wanted:
                self.edit(*wanted)
        self._to_edit = False
        return self.frame
