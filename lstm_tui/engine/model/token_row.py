"""What is read like a tuple of tokens and is none: its tokens are made, or found, when they are looked at."""

from __future__ import annotations

from collections.abc import Sequence


class TokenRow(Sequence[str]):
    """Tokens that compare, join and are shown as the tuple of them does."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        """Say whether they are those of a tuple, or of another row."""
        if other is self:
            return True
        if not isinstance(other, (tuple, TokenRow)):
            return NotImplemented
        return len(other) == len(self) and all(one == another for one, another in zip(self, other, strict=True))

    def __add__(self, more: Sequence[str]) -> tuple[str, ...]:
        """Return the tokens with others behind them."""
        return (*self, *more)

    def __radd__(self, before: Sequence[str]) -> tuple[str, ...]:
        """Return the tokens with others before them."""
        return (*before, *self)

    def __repr__(self) -> str:
        """Return them as a tuple is shown."""
        return repr(tuple(self))
