"""What a user names by number: numbers count from 1 and are never used again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from lstm_tui.engine.errors import UserError


class HasNumber(Protocol):
    """What has a number of its own."""

    @property
    def number(self) -> int:
        """Its number."""


One = TypeVar("One", bound=HasNumber)


class Numbered(Generic[One]):
    """Everything of one kind that a session has, in the order of its numbers."""

    def __init__(self, kind: str, most: int, too_many: str) -> None:
        """Begin without any.

        Args:
            kind: What one of them is called.
            most: How many there may be.
            too_many: What to do where there are as many already.
        """
        self._kind, self._most, self._too_many = kind, most, too_many
        self._by_number: dict[int, One] = {}
        self._last = 0

    def __iter__(self) -> Iterator[One]:
        """Return every one there is now; they may be taken away meanwhile."""
        return iter(tuple(self._by_number.values()))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_number)

    def __getitem__(self, number: int) -> One:
        """Return the one of a number.

        Raises:
            UserError: There is none of that number.
        """
        if number not in self._by_number:
            there = ", ".join(map(str, self._by_number)) or "none"
            raise UserError(f"there is no {self._kind} {number}; there are: {there}")
        return self._by_number[number]

    def check_room(self) -> None:
        """Refuse one more where there are as many as there may be.

        Raises:
            UserError: There are.
        """
        if len(self) >= self._most:
            raise UserError(f"there are {self._most} {self._kind}s already: {self._too_many}")

    def add(self, made: Callable[[int], One]) -> One:
        """Add one, made with the number it gets.

        Raises:
            UserError: There are too many.
        """
        self.check_room()
        self._last += 1
        return self.put(made(self._last))

    def put(self, one: One) -> One:
        """Have one stand in the place of that of the same number."""
        self._by_number[one.number] = one
        return one

    def delete(self, number: int) -> One:
        """Take one away.

        Raises:
            UserError: There is none of that number.
        """
        one = self[number]
        del self._by_number[number]
        return one

    def clear(self) -> None:
        """Take every one away."""
        self._by_number.clear()
