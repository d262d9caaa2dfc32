"""Whose memory a pass has at a token, asked from Python: the ledger with the tokens it is split by."""

from __future__ import annotations

from typing import Any, SupportsIndex

import numpy as np

from lstm_tui.analysis.ledger import Ledger
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, kind_of
from lstm_tui.engine.number_text import percent
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.runtime.tables import Library, table_of
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

_MOST_TOLD = 3


@dataclass(frozen=True, eq=False)
class MemoryLedger:
    """The memory of a pass at one token, split exactly by the token that wrote it; attribution, not causation.

    `np.asarray(ledger)` and `ledger.by_token` are (T, H), signed: with `ledger.start` and what edits put in, the
    column of a unit sums to its memory, `ledger.total`. Of a run in windows they begin at `ledger.first`.

    Attributes:
        trace: The run.
        pass_name: Whose memory it is.
        t: After which place on the tape, from 0.
        split: The contributions.
    """

    trace: Trace
    pass_name: str
    t: int
    split: Ledger

    _repr_html_ = rich_display

    @property
    def value(self) -> str:
        """Name of the memory, such as `c`."""
        return self.split.state

    @property
    def first(self) -> int:
        """The place on the tape of its first token."""
        return self.split.first

    @property
    def tokens(self) -> tuple[str, ...]:
        """The tokens of its rows, T."""
        return self.trace.sequence.tokens[self.first : self.first + len(self.split.read)]

    @property
    def start_name(self) -> str:
        """What `start` is: the initial state, or of a run in windows what was there before the first of its tokens."""
        forward = self.trace[self.pass_name].direction == "forward"
        at_start = self.first == 0 if forward else self.first + len(self.tokens) == len(self.trace.sequence)
        return "the initial state" if at_start else f"tokens read before t={self.first if forward else self._last}"

    @property
    def _last(self) -> int:
        return self.first + len(self.tokens) - 1

    @property
    def by_token(self) -> Array:
        """What each token wrote and is left of it, signed, (T, H); 0 of tokens that the pass has not read."""
        return self.split.by_token

    @property
    def start(self) -> Array:
        """What is left of what was there before the first of these tokens, (H,); see `start_name`."""
        return self.split.start

    @property
    def edits(self) -> Array | None:
        """What is left of what edits put in, by the token at which they did, (T, H); None without any."""
        return self.split.edits

    @property
    def total(self) -> Array:
        """The memory as the run has it, (H,)."""
        return self.split.total

    @property
    def shares(self) -> Array:
        """Each token's share of the memory of all units, (T,); NaN where the memory holds nothing or NaN."""
        return self.split.shares()

    def at(self, where: str | SupportsIndex) -> Array:
        """Return what one token wrote and is left of it, (H,).

        Args:
            where: The token, the first of several alike; or a place on the tape, from 0, or from -1 at the end.

        Raises:
            UserError: There is no such token or place, or it lies outside of what is held of a long run.
        """
        t = self.trace.tape.of(where)
        row = self.split.row_of(t)
        if row is None:
            raise UserError(f"this ledger begins at place {self.first} of the tape; ask for one nearer to {t}")
        return np.asarray(self.by_token[row])

    def to_frame(self, library: Library | None = None) -> Any:
        """Return it as a table of pandas or polars: a row a token, `t`, `token`, `share`, and a column for each unit.

        Args:
            library: `pandas` or `polars`; by default pandas, or polars where pandas is not installed.

        Raises:
            UserError: It is not installed.
        """
        columns: dict[str, Array | list[str]] = {
            "t": self.first + np.arange(len(self.tokens)), "token": list(self.tokens), "share": self.shares
        }  # fmt: skip
        passed, units = self.trace[self.pass_name], range(self.by_token.shape[1])
        columns |= {f"{self.value}[{passed.entry_of(self.value, unit)}]": self.by_token[:, unit] for unit in units}
        return table_of(columns, library)

    def __len__(self) -> int:
        """Return how many tokens it has, T."""
        return len(self.tokens)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return what each token wrote and is left of it, (T, H)."""
        return self.by_token if dtype is None else self.by_token.astype(dtype, copy=False)

    def __repr__(self) -> str:
        """Say in one line whose memory it is, and whose share is largest."""
        place = f"t={self.t} “{visible(self.trace.sequence.tokens[self.t])}”"
        return f"<MemoryLedger of {visible(self.value)} of {visible(self.pass_name)} at {place}: {self._largest()}>"

    def _largest(self) -> str:
        with quiet():
            shares = np.where(self.split.read, self.shares, 0.0)
            start = self.split.start_share()
        if self.split.is_empty:
            return "it holds nothing"
        if not np.isfinite(shares).all():
            return "shares are not known"
        order = np.argsort(-shares, kind="stable")[:_MOST_TOLD]
        told = [f"“{visible(self.tokens[n])}” {percent(float(shares[n]))}" for n in order if shares[n] > 0]
        told += [f"{self.start_name} {percent(start)}"] if start > 0 else []
        return ", ".join(told)


def ledger(trace: Trace, at: str | SupportsIndex = -1, layer: str | int | None = None) -> MemoryLedger:
    """Return whose memory a pass has after a token: `lstm_tui.ledger(trace, "bad").at("not")` is (H,).

    Args:
        trace: A run.
        at: The token, the first of several alike, or its place on the tape; by default the last.
        layer: The pass, by name or number; by default the first.

    Raises:
        UserError: There is no such token or pass, or the memory cannot be split by token, as that of a plain RNN.
    """
    if not isinstance(trace, Trace):
        raise UserError(f"the ledger is of a trace, as `trace` returns it; this is {kind_of(trace)}")
    passed = trace[0 if layer is None else layer]
    facts, t = Facts(trace), trace.tape.of(at)
    part = facts.flow_near(passed.name, t)
    if part is None:
        raise UserError(f"{visible(passed.name)}: {' '.join(facts.no_ledger(passed.name))}")
    return MemoryLedger(trace, passed.name, t, part.ledger(t))
