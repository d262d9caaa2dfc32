"""Whose memory is in the cell: the state split exactly by the token that wrote it.

With all gates held, a state's update is `keep * s + writes`, so that

    C_t = Σ_k (Π_{j>k} keep_j) write_k + (Π keep) C_0

Everything is computed in float64, keeps multiplied from the newest back, never by ratios of products. This is
accounting, not cause: the gates depend on earlier tokens too, which gradients show.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.flow import Flow
from lstm_tui.engine.trace import PassTrace

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ledger:
    """The contributions to a state, or to one unit of it, after some steps of a pass.

    Attributes:
        state: The state.
        by_token: (T, n) in tape order, signed; 0 for tokens the pass has not read yet.
        read: Which tokens the pass has read, (T,).
        start: What is left of the initial state, (n,).
        total: The state as the run recorded it, (n,).
        allowed: By how much rounding may part the sum from it, (n,).
        edits: What is left of what edits put in, by the token at which they did, (T, n); None without any.
    """

    state: str
    by_token: Array
    read: NDArray[np.bool_]
    start: Array
    total: Array
    allowed: Array
    edits: Array | None = None

    @cached_property
    def sum(self) -> Array:
        """All contributions together, (n,); they must be the state."""
        with np.errstate(all="ignore"):
            put_in = 0.0 if self.edits is None else self.edits.sum(axis=0)
            return np.asarray(self.by_token.sum(axis=0) + self.start + put_in)

    @cached_property
    def off(self) -> Array:
        """How far the sum is from the state beyond what rounding explains, (n,); 0 where it holds."""
        with np.errstate(all="ignore"):
            off = np.abs(self.sum - self.total)
        return np.asarray(np.where(off <= self.allowed, 0.0, off))

    @property
    def breach(self) -> float:
        """The largest of `off`; 0 when the sum holds for every unit."""
        return float(self.off.max())

    @cached_property
    def _whole(self) -> float:
        with np.errstate(all="ignore"):
            size = np.abs(self.by_token).sum() + np.abs(self.start).sum()
            return float(size + (0.0 if self.edits is None else np.abs(self.edits).sum()))

    def shares(self) -> Array:
        """Return each token's share of the memory, (T,).

        With the start and the edits, which are sources too, they sum to 1; of nothing every share is 0.
        """
        return self._share(np.abs(self.by_token).sum(axis=1))

    def start_share(self) -> float:
        """Return the share of the initial state."""
        return float(self._share(np.abs(self.start).sum()))

    def edit_shares(self) -> Array:
        """Return the share of the edits at each token, (T,)."""
        return np.zeros(len(self.read)) if self.edits is None else self._share(np.abs(self.edits).sum(axis=1))

    def _share(self, size: Array) -> Array:
        with np.errstate(all="ignore"):  # what is infinite has no share: NaN says so
            return np.asarray(size / self._whole if self._whole != 0 else np.zeros_like(size))


def ledger_at(passed: PassTrace, flow: Flow, t: int, unit: int | None = None) -> Ledger:
    """Return whose memory is in a state after the pass has read place `t` of the tape."""
    return ledger_after(passed, flow, passed.reading_step(t) + 1, unit)


def ledger_after(passed: PassTrace, flow: Flow, steps: int, unit: int | None = None) -> Ledger:
    """Return whose memory is in a state, or in one unit of it, after a pass has taken so many steps."""
    units = slice(None) if unit is None else slice(unit, unit + 1)
    keep, start, reached = flow.keep[:steps, units], flow.start[units], flow.reached[:steps, units]
    with np.errstate(all="ignore"):
        survives = np.ones((steps + 1, keep.shape[1]))
        np.cumprod(keep[::-1], axis=0, out=survives[1:])
        survives = survives[::-1]

        def left(put_in: Array) -> Array:
            by_step = np.zeros((passed.steps, keep.shape[1]))
            by_step[:steps] = np.where(put_in == 0, 0.0, put_in * survives[1:])
            return by_step if passed.direction == "forward" else by_step[::-1]

        by_token = left(flow.write[:steps, units])
        edits = None if flow.edit is None else left(flow.edit[:steps, units])
        of_start = np.where(start == 0, 0.0, start * survives[0])
        largest = np.abs(reached).max(axis=0, initial=0.0)
    largest = np.maximum(np.fmax(largest, np.abs(start)), flow.epsilon)
    read = np.arange(passed.steps) < steps
    return Ledger(
        state=flow.state,
        by_token=by_token,
        read=read if passed.direction == "forward" else read[::-1],
        start=of_start,
        total=reached[-1] if steps else start,
        allowed=4 * (steps + 1) * flow.epsilon * largest,
        edits=edits,
    )


def share_map(
    passed: PassTrace,
    flow: Flow,
    unit: int | None = None,
    tokens: range | None = None,
    places: range | None = None,
) -> Array:
    """Return tokens' shares of the memory after each of some steps: [token, place on the tape].

    A forget gate that closes is a wall in it: what stood before it is gone behind it.

    Args:
        passed: The pass.
        flow: Of one of its states.
        unit: Of which unit, or of all.
        tokens: Whose shares, as places on the tape without gaps; all when None.
        places: After which steps, as places on the tape without gaps; all when None.
    """
    everything = range(passed.steps)
    tokens, places = tokens or everything, places or everything
    forward = passed.direction == "forward"
    rows, columns = (one if forward else _mirrored(one, passed.steps) for one in (tokens, places))
    units = slice(None) if unit is None else slice(unit, unit + 1)
    keep, write = np.abs(flow.keep[:, units]), np.abs(flow.write[:, units])
    whole = flow.sizes[:, units].sum(axis=1)
    result = np.zeros((len(rows), len(columns)))
    with np.errstate(all="ignore"):
        before = columns.start
        held = np.zeros((len(rows), keep.shape[1]))  # what each token has in the memory now
        if rows.start < before:
            survives = np.cumprod(np.concatenate([np.ones_like(keep[:1]), keep[rows.start + 1 : before][::-1]]), axis=0)
            count = min(before, rows.stop) - rows.start
            held[:count] = write[rows.start : rows.start + count] * survives[::-1][:count]
        for column, step in enumerate(columns):
            held *= keep[step]
            if step in rows:
                held[step - rows.start] = write[step]
            if whole[step] != 0:
                result[:, column] = held.sum(axis=1) / whole[step]
    return result if forward else result[::-1, ::-1]


def _mirrored(places: range, steps: int) -> range:
    return range(steps - places.stop, steps - places.start)


def forgotten(passed: PassTrace, flow: Flow, tokens: range, before: int, after: int) -> Array:
    """Return how much of what some tokens wrote each unit loses between two places of the tape, (n,).

    Sizes are taken of the contributions; a unit in which they grow has a negative loss.
    """
    written = slice(tokens.start, tokens.stop)
    sizes = (np.abs(ledger_at(passed, flow, t).by_token[written]).sum(axis=0) for t in (before, after))
    return np.asarray(next(sizes) - next(sizes))


def lost_at(passed: PassTrace, flow: Flow, t: int) -> Array:
    """Return how much of each unit's memory the step at place `t` of the tape has not kept, (n,)."""
    step = passed.reading_step(t)
    before = flow.reached[step - 1] if step else flow.start
    with np.errstate(all="ignore"):
        return np.abs(np.where(before == 0, 0.0, before * (1 - flow.keep[step])))
