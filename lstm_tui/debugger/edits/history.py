"""The edits of a session as a tree of states: undo and redo walk along one branch, other edits begin another.

State 0 is the run as it was opened. Nothing is ever taken out of the tree, so going back and editing
differently keeps both; names say which state is meant.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.language import Edit


BASE = "base"
"""The name of state 0."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}\Z")


@dataclass(frozen=True)
class EditState:
    """What one edit made of the state before.

    Attributes:
        parent: Number of the state before.
        edit: The edit.
        words: The edit in words.
    """

    parent: int
    edit: Edit
    words: str = ""


@dataclass(frozen=True)
class History:
    """Every edit that was made, and which of them are in force.

    Attributes:
        states: State n is `states[n - 1]`; a state's parent has a smaller number.
        here: Number of the state that is in force.
        onward: For each state, the one to which redo goes; the state itself at the end of a branch.
        names: Names of states, in the order in which they were given.
    """

    states: tuple[EditState, ...] = ()
    here: int = 0
    onward: tuple[int, ...] = (0,)
    names: tuple[tuple[str, int], ...] = ()

    def path(self, state: int | None = None) -> tuple[int, ...]:
        """Return the states from the first edit to a state, by default the one in force."""
        number = self.here if state is None else state
        found: list[int] = []
        while number:
            found.append(number)
            number = self.states[number - 1].parent
        return tuple(reversed(found))

    @property
    def branch(self) -> tuple[int, ...]:
        """The states from the first edit through the one in force to the end of its branch."""
        found = list(self.path())
        number = self.here
        while self.onward[number] != number:
            number = self.onward[number]
            found.append(number)
        return tuple(found)

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits of this branch in order; those behind `done` were undone."""
        return tuple(self.states[number - 1].edit for number in self.branch)

    @property
    def words(self) -> tuple[str, ...]:
        """Each edit of this branch in words."""
        return tuple(self.states[number - 1].words for number in self.branch)

    @property
    def done(self) -> int:
        """How many edits are in force."""
        return len(self.path())

    @property
    def active(self) -> tuple[Edit, ...]:
        """The edits in force."""
        return self.edits_of(self.here)

    @property
    def lines(self) -> tuple[str, ...]:
        """The edits in force, as lines of an edit script."""
        from lstm_tui.debugger.edits.language import line_of

        return tuple(line_of(edit) for edit in self.active)

    def edits_of(self, state: int) -> tuple[Edit, ...]:
        """Return the edits that make a state."""
        return tuple(self.states[number - 1].edit for number in self.path(state))

    def name_of(self, state: int) -> str:
        """Return the name of a state, or its number."""
        if state == 0:
            return BASE
        return next((name for name, number in self.names if number == state), str(state))

    def with_edit(self, *edits: Edit) -> History:
        """Return the history with more edits in force; an edit that was made here before is the same state."""
        history = self
        for edit in edits:
            history = history._with_one(edit)
        return history

    def with_words(self, words: tuple[str, ...]) -> History:
        """Return the history in which the last edits in force are told so, the very last one by the last words."""
        states = list(self.states)
        for number, said in zip(reversed(self.path()), reversed(words), strict=False):
            states[number - 1] = replace(states[number - 1], words=said)
        return replace(self, states=tuple(states))

    def _with_one(self, edit: Edit) -> History:
        made = EditState(self.here, edit)
        same = (n for n, one in enumerate(self.states, start=1) if one.parent == self.here and one.edit == edit)
        number = next(same, 0)
        if number:
            return replace(self, here=number, onward=_put(self.onward, self.here, number))
        number = len(self.states) + 1
        onward = (*_put(self.onward, self.here, number), number)
        return replace(self, states=(*self.states, made), here=number, onward=onward)

    def undone(self) -> History:
        """Return the history one edit back; itself at the start."""
        return self.at(self.done - 1)

    def redone(self) -> History:
        """Return the history one edit on along its branch; itself at the end."""
        return replace(self, here=self.onward[self.here])

    def at(self, done: int) -> History:
        """Return the history with exactly `done` edits of its branch in force."""
        branch = (0, *self.branch)
        return replace(self, here=branch[min(max(done, 0), len(branch) - 1)])

    def named(self, name: str) -> History:
        """Return the history with a name for the state in force; a name that was given before moves here.

        Raises:
            UserError: It cannot be a name.
        """
        if not _NAME.match(name) or name == BASE:
            raise UserError(f"`{visible(name[:40])}` cannot name a state: use letters, digits, - and _, not {BASE}")
        kept = tuple(one for one in self.names if one[0] != name)
        return replace(self, names=(*kept, (name, self.here)))

    def find(self, text: str) -> int:
        """Return the state that a name or number means; `here` is the one in force.

        Raises:
            UserError: There is none.
        """
        names = {BASE: 0, "here": self.here, **dict(self.names)}
        if text in names:
            return names[text]
        number = whole_number(text, most=len(self.states))
        if number is not None:
            return number
        near = nearest(text, names)
        hint = f"did you mean {near}?" if near else "`branch` lists them"
        raise UserError(f"there is no state {visible(text[:40])}; {hint}")

    def switched(self, state: int) -> History:
        """Return the history with another state in force; undo and redo then walk along its branch."""
        onward = self.onward
        path = (0, *self.path(state))
        for before, after in pairwise(path):
            onward = _put(onward, before, after)
        return replace(self, here=state, onward=onward)

    def common(self, one: int, other: int) -> int:
        """Return the last state from which two states come."""
        theirs = {0, *self.path(other)}
        return next(number for number in (*reversed(self.path(one)), 0) if number in theirs)


def _put(numbers: tuple[int, ...], place: int, number: int) -> tuple[int, ...]:
    return (*numbers[:place], number, *numbers[place + 1 :])


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
