"""`lstm_tui.doctor`: bugs between data and a model, found by trying what else could have been meant."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.otherwise import Loss, Trial, trials

LEAST_BATCHES = 4
"""Of fewer batches nothing is said."""
SHARE = 0.1
"""By which share of the loss another way must be better to be told."""
AGREEING = 0.9
"""Of which share of the batches it must be better."""
FALSE_ALARMS = 0.05
"""How probable it may be that any of all ways is told where none is better."""
_FLIPPED = 14
"""Of so many sequences every combination of signs is counted; of more their share is bounded."""
_SECONDS = 120.0
_MOST_TOLD = 5


@dataclass(frozen=True)
class BetterWay:
    """Another way to feed a model, by which it predicts better.

    Attributes:
        kind: What it is about: state, padding, targets, order, ids or axes.
        said: What is likely wrong.
        before: Mean loss as it is.
        after: Mean loss the other way.
        better: In how many batches it is smaller.
        batches: How many there were.
    """

    kind: str
    said: str
    before: float
    after: float
    better: int
    batches: int

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"{self.kind}: {self.said}: the loss is {sentence(self.after, 3)} then, not {sentence(self.before, 3)} "
            f"(smaller in {self.better} of {self.batches} batches)"
        )


@dataclass(frozen=True)
class Diagnosis:
    """What came of trying other ways to feed a model; the one with the smallest loss stands first.

    Attributes:
        model: Name of its class.
        findings: The way by which it predicts clearly better, and others that explain it about as well; see `as_well`.
        tried: How many other ways there were.
        loss: Mean loss as it is.
        complete: Whether all of them were tried in the time there is.
        different: How many different sequences there were, or batches where the loss cannot be had of one sequence.
        needed: Of how many something can be told, with as many ways; of fewer nothing is known.
    """

    model: str
    findings: tuple[BetterWay, ...]
    tried: int
    loss: float
    complete: bool = True
    different: int = 0
    needed: int = 0

    def __str__(self) -> str:
        """Say it, a line for each finding."""
        many = f"{count_of(self.tried, 'other way')} tried{'' if self.complete else ', not all there are'}"
        if self.different < self.needed:
            return (
                f"{self.model}: loss {sentence(self.loss, 3)}; not known: {self.different} different sequences or "
                f"batches are too few to tell gain from chance; give at least {self.needed} ({many})"
            )
        if not self.findings:
            return f"{self.model}: loss {sentence(self.loss, 3)}; none of {many} is clearly better"
        best, *others = self.findings[:_MOST_TOLD]
        lines = [f"  {best}", *(f"  or, about as well: {one}" for one in others)]
        return "\n".join((f"{self.model}: loss {sentence(self.loss, 3)}; {many}", *lines))

    __repr__ = __str__


def doctor(
    model: Any, batches: Iterable[tuple[Any, Any]], loss: Loss, pad: float | None = None, seconds: float = _SECONDS
) -> Diagnosis:
    """Look for bugs between data and a trained PyTorch model, where its weights are right and what it is fed is not.

    Tried are: states kept or not kept between batches, padding on the other side, sequences from the other end (all of
    them of ids and of numbers alike), ids moved by up to 3, targets of up to 2 steps away, what a recurrent module
    reads or gives in reverse order, and the axes of time and batch in the place of each other. A way is clearly better
    where the loss is smaller by more than a tenth, in nine of ten batches, and by a paired test of signs flipped over
    different sequences, with a chance of at most 1 in 20 that any way is where none is better. The best of these is
    told, and any that explain it about as well. Sequences and batches that come again count once; of too few nothing
    is known. The model is left as it was.

    Args:
        model: A trained module with recurrent modules anywhere in it.
        batches: Pairs of what it takes and the targets, in the order in which they come; at least 4.
        loss: A function of what the model gives and the targets; one number, a mean.
        pad: The id, or the number, that fills sequences up; by default it is found out.
        seconds: No further way is begun behind that time.

    Raises:
        UserError: There are too few batches, the model does not run on them, or the loss is no finite number.
    """
    given = list(batches)
    if len(given) < LEAST_BATCHES:
        raise UserError(f"there are {len(given)} batches: give at least {LEAST_BATCHES}, to tell gain from chance")
    if any(not isinstance(one, tuple | list) or len(one) != 2 for one in given):
        raise UserError("batches= are pairs: what the model takes, and the targets")
    until = time.monotonic() + seconds
    late = False

    def stop() -> bool:
        nonlocal late
        late = time.monotonic() > until
        return late

    name = visible(type(model).__name__)
    try:
        as_it_is, *done = list(trials(model, [(one[0], one[1]) for one in given], loss, pad, stop))
    except UserError:
        raise
    except Exception as error:  # a model and a loss are the user's: they may fail in any way
        what = f"{type(error).__name__}: {str(error).split(chr(10))[0]}"
        raise UserError(f"{name} or the loss does not run on these batches: {visible(what)[:160]}") from error
    before = float(as_it_is.before.mean())
    if not np.isfinite(before):
        raise UserError(f"the loss of {name} is {before} on these batches; lstm_tui.watch finds where that comes from")
    different = min((len(one.gains) for one in done), default=len(as_it_is.gains))
    needed = max(LEAST_BATCHES, math.ceil(math.log2(max(len(done), 1) / FALSE_ALARMS)))
    if as_it_is.batches < LEAST_BATCHES:
        different, needed = as_it_is.batches, LEAST_BATCHES
    better = [one for one in done if different >= needed and is_better(one, len(done))]
    findings = sorted((_finding(one) for one in better), key=lambda one: one.after)
    best = {(one.kind, one.said): one for one in reversed(findings)}  # two ways may be of the same bug
    findings = [one for one in findings if best[one.kind, one.said] is one]
    told = tuple(one for one in findings if as_well(one, findings[0], before))
    return Diagnosis(name, told, len(done), before, not late, different, needed)


def is_better(trial: Trial, ways: int = 1) -> bool:
    """Say whether another way is clearly better: by a share of the loss, in most batches, and not by chance.

    Where targets are moved, each sequence's own have also to be fitted better than those of another: the moved ones may
    be smaller, and so their loss, whatever the model says.

    Args:
        trial: What came of it.
        ways: How many are tried, among which it may be the luckiest.
    """
    if not (np.isfinite(trial.before).all() and np.isfinite(trial.after).all()):
        return False
    gain = trial.before - trial.after
    least = SHARE * abs(float(trial.before.mean()))
    level = FALSE_ALARMS / max(ways, 1)
    return bool(
        gain.mean() > least
        and (gain > 0).mean() >= AGREEING
        and by_chance(trial.gains - least) <= level
        and (not len(trial.fits) or by_chance(trial.fits) <= level)
    )


def as_well(way: BetterWay, best: BetterWay, loss: float) -> bool:
    """Say whether a way explains about as well as the best one what is wrong: what it leaves of the loss is no larger,
    or larger by at most a tenth of the loss as it is, which is the least that a way is told for.

    What explains it less well may be an effect of the same bug, or another bug, which is told once this one is mended.
    """
    return way.after - best.after <= SHARE * abs(loss)


def by_chance(gains: Array) -> float:
    """Return at most how probable a sum as large is, were each gain as likely a loss: a paired test of flipped signs.

    Args:
        gains: Of each different sequence, (S,).
    """
    total, squares = float(gains.sum()), float((gains**2).sum())
    if not total > 0:
        return 1.0
    if len(gains) > _FLIPPED:
        return math.exp(-(total**2) / (2 * squares))  # Hoeffding's bound of a sum of signs
    sums = np.zeros(1)
    for gain in gains:
        sums = np.concatenate([sums + gain, sums - gain])
    return float((sums >= total - 1e-9 * math.sqrt(squares)).mean())


def _finding(trial: Trial) -> BetterWay:
    gain = trial.before - trial.after
    return BetterWay(
        trial.tried.kind, trial.tried.said, float(trial.before.mean()), float(trial.after.mean()),
        int((gain > 0).sum()), len(gain),
    )  # fmt: skip
