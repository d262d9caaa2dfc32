"""What tokens have in a memory, step by step: which step lost most of it, and what kept it or wrote over it.

The words of a verdict on what fell are each one function of a series, with a definition that a loop can check.
"""

from __future__ import annotations

import numpy as np

from lstm_tui.analysis.contributions import Origin, origin_of
from lstm_tui.analysis.ledger import flow_between
from lstm_tui.debugger.expressions.shares import Units, sizes_after, summed_sizes
from lstm_tui.debugger.inspect.state_update import values_in
from lstm_tui.debugger.provenance.falls import Fall, falls, not_known
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import update_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.trace import PassTrace


@dataclass(frozen=True, eq=False)
class Held:
    """Which tokens, in which units of which memory.

    Attributes:
        passed: The pass.
        state: Its memory.
        places: Places of the tokens on the tape.
        units: Which units are meant.
    """

    passed: PassTrace
    state: str
    places: tuple[int, ...]
    units: Units

    def amounts(self) -> Array:
        """Return what the tokens have after each step: the sizes |e_ku| of their contributions, summed over tokens and
        units, (T,) in reading order.
        """
        amounts, _ = summed_sizes(self.passed, self.state, self.places, self.units)
        return amounts[::-1] if self.passed.direction == "backward" else amounts


@dataclass(frozen=True)
class Losses:
    """The steps at which tokens lost something they had.

    Attributes:
        found: The largest first. Each fall is one of the amount that the tokens have; where no step is known to have
            lost any of that, of their share, which others thin out by writing beside it.
        of_amount: Whether the amount fell.
        unknown: Of how many steps it is not known whether anything was lost: NaN or ∞ is before or behind them.
    """

    found: tuple[Fall, ...]
    of_amount: bool
    unknown: int


def losses(amounts: Array, shares: Array) -> Losses:
    """Return the steps that lost most: those at which the amount fell, else those at which the share did.

    Args:
        amounts: What the tokens have after each step, (T,) in reading order.
        shares: Their shares of the whole memory, the same.
    """
    fell = falls(amounts)
    if fell:
        return Losses(fell, True, len(not_known(amounts)))
    thinned = () if not_known(amounts) else falls(shares)
    return Losses(thinned, False, len(not_known(amounts)) or len(not_known(shares)))


@dataclass(frozen=True)
class MemoryLoss:
    """What one step did to what some tokens have.

    Attributes:
        kept: The part that the step left of what they had: Σ |keep|·|e| over Σ |e|, over all units asked for; None
            where they had nothing, or it is not known.
        written: The part of the sizes in the memory after the step that the step's writes are; None as `kept`.
        unit: The unit in which they lost most.
        kept_by: Values of the cell that the keep is made of.
        written_by: Values that the writes are made of.
        edits: How an edit holds the memory in the units in which they had something, where one does.
        all_edited: Whether it holds all of those.
    """

    kept: float | None
    written: float | None
    unit: int
    kept_by: tuple[str, ...]
    written_by: tuple[str, ...]
    edits: tuple[Origin, ...] = ()
    all_edited: bool = False


def loss_at(held: Held, t: int) -> MemoryLoss | None:
    """Return what a step did to what some tokens have; None at the first step of the pass."""
    passed, state, units = held.passed, held.state, held.units
    step = passed.reading_step(t)
    update = update_of(passed.cell, state)
    part = flow_between(passed, state, step, step + 1)
    if step == 0 or update is None or part is None:
        return None
    (before, _), (after, all_after) = sizes_after(passed, state, held.places, units, (step - 1, step))
    with np.errstate(all="ignore"):
        keep = np.abs(part.flow.keep[0, slice(*units)])
        wrote = np.abs(part.flow.write[0, slice(*units)]).sum()
        kept = _part(np.where(before == 0, 0.0, before * keep).sum(), before.sum())
        fell = np.nan_to_num(before - after, nan=0.0)
    numbered = range(part.flow.keep.shape[1])[slice(*units)]
    had = [numbered[n] for n in np.flatnonzero(before)]
    edits = [one for one in (origin_of(passed, state, t, unit) for unit in had) if one.edited]
    return MemoryLoss(
        kept=kept,
        written=_part(wrote, all_after.sum()),
        unit=numbered[int(np.argmax(fell))],
        kept_by=values_in([update.keep], passed),
        written_by=values_in(update.writes, passed),
        edits=tuple(edits),
        all_edited=bool(had) and len(edits) == len(had),
    )


def _part(some: float, whole: float) -> float | None:
    """Return some as a part of a whole; None where it is of nothing, or not finite."""
    return float(some / whole) if whole > 0 and np.isfinite(some) and np.isfinite(whole) else None


@dataclass(frozen=True)
class LossParts:
    """The change of a memory in one step as keeping and writing made it; they sum to it.

    Attributes:
        lost: What keeping changed.
        wrote: What was written.
        values: Values of the cell that made the larger of the two.
        origin: Whether an edit set the memory here, so that neither had a part in it, or scaled both.
    """

    lost: float
    wrote: float
    values: tuple[str, ...]
    origin: Origin


def parts_of_change(passed: PassTrace, state: str, unit: int, t: int) -> LossParts | None:
    """Return what keeping lost and what was written in one unit; None where the update is not linear."""
    step = passed.reading_step(t)
    update, part = update_of(passed.cell, state), flow_between(passed, state, step, step + 1)
    if update is None or part is None:
        return None
    before = float(passed.previous(state, t)[unit])
    lost, wrote = (float(part.flow.keep[0, unit]) - 1.0) * before, float(part.flow.write[0, unit])
    values = values_in([update.keep] if abs(lost) > abs(wrote) else update.writes, passed)
    return LossParts(lost, wrote, values, origin_of(passed, state, t, unit))
