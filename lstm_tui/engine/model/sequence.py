"""A sequence as a network reads it: tokens, ids or rows of numbers, and the order in which a pass reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.cuts import CutKind, TapeCut
from lstm_tui.engine.model.tokens import Kind
from lstm_tui.engine.text_safety import visible

_MOST_SHOWN, _LONGEST = 8, 40
"""Tokens that a sequence tells of itself at a prompt, and characters of each."""

Direction = Literal["forward", "backward"]


@dataclass(frozen=True, eq=False)
class Sequence:
    """One sequence of tokens as it was given, and as numbers.

    Attributes:
        kind: words, chars, bytes or numbers.
        tokens: What is shown on the tape, one a step (for numbers: the row in short).
        ids: Ids (T,) in the network's vocabulary, or None for numbers.
        unknown: Places of tokens that the vocabulary does not hold.
        x: Numeric rows (T, I), or None for text.
        file: Name of the file it was read from, without its folder; None for text given directly.
        line: Line in that file, from 1.
        columns: Names of the columns of x, where a file gave them.
        names_rows: Whether the tokens are names of the rows of x, as of words whose vectors are read, and not the rows
            in short.
        cuts: Where states are set back, and where chunks begin.
    """

    kind: Kind
    tokens: tuple[str, ...]
    ids: Array | None = None
    unknown: tuple[int, ...] = ()
    x: Array | None = None
    file: str | None = None
    line: int | None = None
    columns: tuple[str, ...] = ()
    names_rows: bool = False
    cuts: tuple[TapeCut, ...] = ()

    def __repr__(self) -> str:
        """Say in one line what it is; of many tokens, the first."""
        what = "rows of numbers" if self.x is not None else f"tokens ({self.kind})"
        return f"<Sequence of {len(self)} {what} “{self.beginning}”>"

    @property
    def beginning(self) -> str:
        """The first tokens in one line, safe to show."""
        shown = (" " if self.x is None else " | ").join(visible(one[:_LONGEST]) for one in self.tokens[:_MOST_SHOWN])
        return shown + (" …" if len(self) > _MOST_SHOWN else "")

    @property
    def is_of_numbers(self) -> bool:
        """Whether there is no more to show of a token than the numbers of its row."""
        return self.x is not None and not self.names_rows

    def with_cuts(self, cuts: tuple[TapeCut, ...]) -> Sequence:
        """Return the sequence cut at other places."""
        return replace(self, cuts=cuts)

    def cut_before(self, t: int) -> CutKind | None:
        """Return what happens to the states before a token; None where nothing does."""
        kinds = {cut.kind for cut in self.cuts if cut.lies_before(t)}
        return "reset" if "reset" in kinds else "chunk" if kinds else None

    def __len__(self) -> int:
        """Return the number of tokens, T."""
        return len(self.tokens)

    def part(self, start: int, stop: int | None = None) -> Sequence:
        """Return the tokens from one place to before another as a sequence of their own."""
        stop = len(self) if stop is None else min(stop, len(self))
        return replace(
            self,
            tokens=self.tokens[start:stop],
            ids=None if self.ids is None else self.ids[start:stop],
            unknown=tuple(t - start for t in self.unknown if start <= t < stop),
            cuts=tuple(cut.part(start, stop) for cut in self.cuts),
            x=None if self.x is None else self.x[start:stop],
        )

    def followed_by(self, more: Sequence) -> Sequence:
        """Return the sequence with the tokens of another of its kind behind it."""
        ids = None if self.ids is None or more.ids is None else np.concatenate([self.ids, more.ids])
        return replace(
            self,
            tokens=self.tokens + more.tokens,
            ids=ids,
            unknown=self.unknown + tuple(t + len(self) for t in more.unknown),
            x=None if self.x is None or more.x is None else np.concatenate([self.x, more.x]),
        )
