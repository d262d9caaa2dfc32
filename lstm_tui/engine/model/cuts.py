"""Places on the tape before which states are set back to what the network begins with, and where a chunk begins.

A cut lies before a token. At a reset nothing goes over it: a pass that reads forward finds its initial states before
the token behind the cut, one that reads backward before the token in front of it, so that both sides have the numbers
they would have alone. At a chunk, states of forward passes are carried over it; a backward pass begins anew, since what
lies behind has not come yet where chunks are read one by one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

from lstm_tui.engine.dataclass import dataclass

CutKind = Literal["reset", "chunk"]


def moved(cut: int, t: int, shift: int) -> int:
    """Return before which token a cut lies after a token was inserted before place t (+1) or deleted there (-1)."""
    return cut + shift if (cut >= t if shift > 0 else cut > t) else cut


@dataclass(frozen=True)
class TapeCut:
    """Cuts of one kind.

    Attributes:
        kind: What happens to the states there.
        places: Each lies before this token.
        every: Where not 0, they lie before every so many tokens instead, however long the tape is.
    """

    kind: CutKind
    places: tuple[int, ...] = ()
    every: int = 0

    def spans(self, steps: int) -> Iterable[range]:
        """Yield the tokens before which it lies on a tape of so many."""
        if self.every:
            yield range(self.every, steps, self.every)
        else:
            yield from (range(t, t + 1) for t in self.places if t < steps)

    def part(self, start: int, stop: int) -> TapeCut:
        """Return it as it lies on the tape from one place to before another."""
        if not self.every or start % self.every == 0:
            return (
                self if self.every else replace(self, places=tuple(t - start for t in self.places if start <= t < stop))
            )
        first = -(-max(start, 1) // self.every) * self.every
        return TapeCut(self.kind, tuple(range(first - start, stop - start, self.every)))

    def lies_before(self, t: int) -> bool:
        """Say whether it lies before a token."""
        return t > 0 and t % self.every == 0 if self.every else t in self.places

    def shifted(self, t: int, shift: int) -> TapeCut:
        """Return it after a token was inserted before place t (+1) or deleted there (-1).

        It stays before the token that it lay before; every so many tokens are counted anew.
        """
        if self.every or not shift:
            return self
        return replace(self, places=tuple(sorted({moved(one, t, shift) for one in self.places})))
