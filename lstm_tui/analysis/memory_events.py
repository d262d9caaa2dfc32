"""What one step does to a memory, in words that have one definition each: cleared, mostly new, forgotten, written here.

Of a step at which a memory c becomes keep · c + write, unit by unit, over finite numbers alone:

- a unit *holds* something before the step where its memory is not 0;
- the part a unit *loses* is 1 − |keep|, and 0 where it keeps more than all of it;
- the step *clears* a unit that holds something where less than a quarter of it is kept;
- one that it does not clear is *mostly new* where what is new is no less than what is kept, |new| ≥ |keep · c|, with
  new what the memory is afterwards less keep · c, or where the memory afterwards is no number;
- a memory *counts* where its size is a quarter or more of the largest beside it;
- the step *empties* a unit whose memory counts before it and that it clears, or that is mostly new and loses a quarter
  or more;
- it keeps one *in part* that is neither cleared nor mostly new where it loses a quarter or more; every other is *kept*;
- the part *lost* of the memory is Σ |c| · (what the unit loses) over Σ |c|, over all units;
- the token *forgotten here* is the one that lost most where the lost part is a quarter or more: Σ |e| · (what the unit
  loses) over the units, where e is what it had in each (see `ledger.py`); where what was there at the start, or an
  edit, lost as much, it is not known which;
- the step *fills* a unit whose memory counts after it where more than half of what it holds then is newly written:
  |write| over the size of all that is in it;
- the part *written* is Σ |write| over the sizes of all that is in the memory after the step, its own writes included;
  the token is *written here* where that is a quarter or more.

Where a number that is asked for is not finite, the answer is not known: None.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.ledger import Flow, FlowPart
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass

EVENT = 0.25
"""The part of a memory from which on its loss, or what is written, is an event; a unit that loses less is kept."""
CLEARED = 0.25
"""The size of a keep below which a unit is cleared."""
LOOKED_BACK = 512
"""Steps before a step that are split by their tokens, to name the one that lost most."""
FILLED = 0.5
"""The part of what a unit holds above which it is filled by what a step writes."""


@dataclass(frozen=True, eq=False)
class MemoryStep:
    """What one step does to the memory of a pass.

    Attributes:
        t: Its place on the tape.
        held: Which units held something before it, (n,); False where that is not known.
        cleared: Which of them it clears, (n,); False where that is not known.
        mostly_new: Which of them are mostly new after it, (n,); False where that is not known.
        emptied: Which of them it empties, (n,); False where that is not known.
        in_part: Which of them it keeps in part, (n,); False where that is not known.
        filled: Which units it fills, (n,); False where that is not known.
        unknown: Of which units it is not known, (n,): what they held, or what is kept of it, is not finite.
        before: What each unit held before the step, (n,).
        lost: Which part of the memory is lost; None where nothing was held, or it is not known.
        written: Which part of the memory after the step is newly written; None likewise.
        forgotten: The place on the tape of the token forgotten here; None without one, or where it is not known which.
    """

    t: int
    held: Array
    cleared: Array
    mostly_new: Array
    emptied: Array
    in_part: Array
    filled: Array
    unknown: Array
    before: Array
    lost: float | None
    written: float | None
    forgotten: int | None

    @property
    def forgets(self) -> bool:
        """Whether so much is lost that something is forgotten here."""
        return self.lost is not None and self.lost >= EVENT

    @property
    def writes(self) -> bool:
        """Whether so much is new that this token is written here."""
        return self.written is not None and self.written >= EVENT


def memory_step(part: FlowPart, t: int) -> MemoryStep:
    """Return what the step at a place of the tape does to a memory.

    Args:
        part: The flow of the memory around the place.
        t: The place, inside that part.
    """
    step = part.passed.reading_step(t - part.first)
    flow = part.flow
    before = flow.reached[step - 1] if step else flow.start
    keep, write = flow.keep[step], flow.write[step]
    with quiet():
        known = np.isfinite(before) & ((before == 0) | np.isfinite(keep))
        held = known & (before != 0)
        cleared = held & (np.abs(keep) < CLEARED)
        after, kept, gone = flow.reached[step], keep * before, lost_part(keep)
        stays = np.abs(after - kept) < np.abs(kept)  # never where NaN or ∞
        mostly_new = held & ~cleared & ~stays
        emptied = (cleared | mostly_new & (gone >= EVENT)) & _counts(before)
        in_part = held & ~cleared & ~mostly_new & (gone >= EVENT)
        # in float64, of numbers no larger than the largest, so that sums of huge memories stay finite
        scale = float(np.abs(before[held]).max()) if held.any() else 1.0
        whole = np.abs(before / scale)
        lost = _part(float(np.where(before == 0, 0.0, whole * gone).sum()), float(whole.sum()))
        sizes = flow.sizes[step]
        filled = np.isfinite(sizes) & np.isfinite(write) & (np.abs(write) > FILLED * sizes) & _counts(after)
        written = _part(float(np.abs(write).sum()), float(sizes.sum()))
    forgotten = _forgotten(part, flow, step) if lost is not None and lost >= EVENT else None
    return MemoryStep(
        t, held, cleared, mostly_new, emptied, in_part, filled, ~known, before, lost, written, forgotten
    )  # fmt: skip


def _counts(memory: Array) -> Array:
    """Say of each unit whether its memory is a quarter or more of the largest, of those that are numbers."""
    sizes = np.where(np.isfinite(memory), np.abs(memory), 0.0)
    return np.asarray((sizes > 0) & (sizes >= EVENT * sizes.max(initial=0.0)))


def lost_part(keep: Array) -> Array:
    """Return which part of what is in a memory is lost, of a keep of any shape: none where it is as large or grows."""
    return np.asarray(np.maximum(1 - np.abs(keep), 0.0))


def loser(part: FlowPart, t: int, unit: int) -> int | None:
    """Return the token that lost most of what it had in one unit in a step; None without one, or where not known."""
    step = part.passed.reading_step(t - part.first)
    return _forgotten(part, part.flow, step, unit)


def _forgotten(part: FlowPart, flow: Flow, step: int, unit: int | None = None) -> int | None:
    """Return the place of the token that lost most in a step, in one unit or in all; the first read of equal ones.

    Only the last steps before it are split by their tokens; what was in the memory before them is one source more.
    """
    if not step:
        return None
    first, units = max(step - LOOKED_BACK, 0), slice(None) if unit is None else slice(unit, unit + 1)
    keep, write = flow.keep[first:step, units], flow.write[first:step, units]
    start = flow.reached[first - 1, units] if first else flow.start[units]
    with quiet():
        gone = lost_part(flow.keep[step, units])
        kept = np.ones((len(keep) + 1, keep.shape[1]))  # what is left before the step of what was there after each
        left = kept[0]
        for part_kept, row in zip(np.abs(keep[::-1]), kept[1:], strict=True):  # by row: `cumprod` takes twice as long
            left = np.multiply(left, part_kept, out=row)
        kept = kept[::-1]

        def lost(put_in: Array, left: Array) -> Array:
            return np.asarray(np.where(put_in == 0, 0.0, np.abs(put_in) * left * gone).sum(axis=-1))

        of_tokens = lost(write, kept[1:])
        others = [lost(start, kept[0])[None]]
        if flow.edit is not None:
            others.append(lost(flow.edit[first:step, units], kept[1:]))
    other = np.concatenate(others)
    if not (np.isfinite(of_tokens).all() and np.isfinite(other).all()):
        return None
    most = int(np.argmax(of_tokens))
    if of_tokens[most] <= other.max():  # what was there before, or an edit, lost as much: no token is to be named
        return None
    return part.first + part.passed.tape_place(first + most)


def _part(some: float, whole: float) -> float | None:
    """Return some as a part of a whole; None where the whole is nothing, or one of them is not finite."""
    return some / whole if np.isfinite(some) and np.isfinite(whole) and whole > 0 else None
