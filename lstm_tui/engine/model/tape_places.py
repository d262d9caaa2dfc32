"""Where a token stands on a tape, asked for as a user writes it: by the token, or by its place."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, kind_of, nearest
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.model.tokens import Tokens
from lstm_tui.engine.text_safety import visible

_MOST_NEAR = 10_000
"""Tokens among which one is looked for that is written almost alike."""


@dataclass(frozen=True, eq=False)
class TapePlaces:
    """The tokens of a run.

    Attributes:
        sequence: What was read.
        vocabulary: How the network reads text; None where it is not known.
    """

    sequence: Sequence
    vocabulary: Tokens | None = None

    def as_read(self, token: str) -> str:
        """Return a token as the network reads it; as it is where the network is not known."""
        return token if self.vocabulary is None else self.vocabulary.as_read(token)

    def every(self, token: str) -> tuple[int, ...]:
        """Return every place of the tape, from 0, at which a token stands."""
        wanted = self.as_read(token)
        return tuple(t for t, one in enumerate(self.sequence.tokens) if self.as_read(one) == wanted)

    def of(self, where: str | SupportsIndex) -> int:
        """Return the place of a token, the first of several alike; or a place as it is, from -1 at the end.

        Raises:
            UserError: There is no such token or place.
        """
        if isinstance(where, str):
            places = self.every(where)
            if places:
                return places[0]
            near = nearest(where, self.sequence.tokens[:_MOST_NEAR])
            hint = f"; did you mean “{visible(near)}”?" if near else ""
            raise UserError(f"there is no “{visible(where)}” on this tape{hint}")
        steps = len(self.sequence)
        try:
            t = operator.index(where)
        except TypeError:
            raise UserError(
                f"a place on the tape is a token in quotes, or a number from 0; this is {kind_of(where)}"
            ) from None
        if not -steps <= t < steps:
            raise UserError(f"there is no place {t} on this tape: it has {steps} tokens, from 0")
        return t % steps


def known_tape(tape: TapePlaces | None) -> TapePlaces:
    """Return the tape of a value.

    Raises:
        UserError: It has none, as a copy or a part of a value.
    """
    if tape is None:
        raise UserError("this is a copy or a part of a value, which knows no tape: ask the value of the trace itself")
    return tape
