"""The tokens of an edited text: parts of the text it was made of, so that an edit of a long one copies nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import cast, overload

from lstm_tui.engine.model.token_row import TokenRow

_COPIED = 4_096
"""Tokens up to which a text is copied: that is quicker than to look for the part in which a token is."""
_MOST_PARTS = 512
"""Parts from which on they are copied into one, so that to look for a token stays quick after many edits."""

_Part = tuple[Sequence[str], int, int]
"""What tokens are taken from, the first place there, and the place after the last."""


class EditedTokens(TokenRow):
    """Tokens in parts of other texts, read like the tuple of them: a part of it is a tuple."""

    def __init__(self, parts: Sequence[_Part]) -> None:
        """Hold the parts, in their order; none is copied."""
        self._parts = tuple(part for part in parts if part[1] < part[2])
        self._ends: list[int] = []
        for _, start, stop in self._parts:
            self._ends.append(stop - start + (self._ends[-1] if self._ends else 0))

    def __len__(self) -> int:
        """Return T."""
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        """Return a token, or some of them."""
        places = range(len(self))[index]
        if isinstance(places, int):
            owner, t = self._owner(places)
            return owner[t]
        if places.step != 1:
            return tuple(self[t] for t in places)
        return tuple(chain.from_iterable(owner[first:last] for owner, first, last in self.between(places)))

    def __iter__(self) -> Iterator[str]:
        """Iterate over the tokens."""
        for owner, start, stop in self._parts:
            yield from owner if stop - start == len(owner) else islice(owner, start, stop)

    def between(self, places: range) -> list[_Part]:
        """Return the parts of which the tokens at those places are, which follow one another."""
        parts: list[_Part] = []
        for number in range(bisect_right(self._ends, places.start), len(self._parts)):
            (owner, start, _), begin = self._parts[number], self._begin(number)
            if begin >= places.stop:
                break
            first, last = max(places.start - begin, 0), min(places.stop, self._ends[number]) - begin
            parts.append((owner, start + first, start + last))
        return parts

    def _begin(self, number: int) -> int:
        return self._ends[number - 1] if number else 0

    def _owner(self, place: int) -> tuple[Sequence[str], int]:
        number = bisect_right(self._ends, place)
        owner, start, _ = self._parts[number]
        return owner, start + place - self._begin(number)


def edited_tokens(tokens: tuple[str, ...], start: int, stop: int, put: tuple[str, ...]) -> tuple[str, ...]:
    """Return tokens with others in the place of some, under the type of what they are read like.

    Args:
        tokens: What was read, (T,); or what this function returned.
        start: The first token that is left out.
        stop: The place after the last that is left out; equal to `start` to leave out none.
        put: What stands there instead.
    """
    if len(tokens) <= _COPIED:
        return (*tokens[:start], *put, *tokens[stop:])
    whole: Sequence[str] = tokens
    text = whole if isinstance(whole, EditedTokens) else EditedTokens([(whole, 0, len(whole))])
    before, behind = text.between(range(start)), text.between(range(stop, len(text)))
    if len(before) + len(behind) >= _MOST_PARTS:
        return (*tokens[:start], *put, *tokens[stop:])
    return cast(tuple[str, ...], EditedTokens([*before, (put, 0, len(put)), *behind]))
