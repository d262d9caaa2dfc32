"""`lstm_tui.doctor`: bugs between data and a model, found by trying what else could have been meant."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.loss_floors import UNKNOWN, Floors
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
        of: Of which steps or batches both losses are, in words; empty where of all.
    """

    kind: str
    said: str
    before: float
    after: float
    better: int
    batches: int
    of: str = ""

    def __str__(self) -> str:
        """Say it in one line."""
        after = f"{self.kind}: {self.said}: the loss is {sentence(self.after, 3)} then"
        if math.isnan(self.before):
            return f"{after}; as it is, the model does not run"
        return (
            f"{after}, not {sentence(self.before, 3)}{self.of and f' {self.of}'} "
            f"(smaller in {self.better} of {self.batches} batches)"
        )


@dataclass(frozen=True)
class Diagnosis:
    """What came of trying other ways to feed a model; the one with the smallest loss stands first.

    Attributes:
        model: Name of its class.
        findings: The way by which it predicts clearly better, and others that explain it about as well; see `as_well`.
        ways: Every other way that was tried and made a difference, with both losses; what is not clearly better too.
        loss: Mean loss as it is; NaN where it does not run.
        complete: Whether all of them were tried in the time there is.
        different: How many different sequences there were, or batches where the loss cannot be had of one sequence.
        needed: Of how many something can be told, with as many ways; of fewer nothing is known.
        one_answer: The smallest loss that was found of one answer for all, whatever is read; ∞ where none was found.
        refused: What the model or the loss says of the batches where they do not run; else empty.
        remark: What the targets are, where they are ids that the model reads and not the next ones; else empty. A model
            that learned them so has a small loss as it is, and no other way has a smaller one.
    """

    model: str
    findings: tuple[BetterWay, ...]
    ways: tuple[BetterWay, ...]
    loss: float
    complete: bool = True
    different: int = 0
    needed: int = 0
    one_answer: float = math.inf
    refused: str = ""
    remark: str = ""

    @property
    def tried(self) -> int:
        """How many other ways there were."""
        return len(self.ways)

    def __str__(self) -> str:
        """Say it, a line for each finding."""
        return self._told + (f"\n  {self.remark}" if self.remark else "")

    @property
    def _told(self) -> str:
        many = f"{count_of(self.tried, 'other way')} tried{'' if self.complete else ', not all there are'}"
        head = f"{self.model}: loss {sentence(self.loss, 3)}"
        if self.refused:
            head = f"{self.model}: does not run on these batches ({self.refused})"
        if self.loss > self.one_answer:
            head += f", and {sentence(self.one_answer, 3)} with one answer for everything"
        if self.different < self.needed:
            return (
                f"{head}; not known: {self.different} different sequences or "
                f"batches are too few to tell gain from chance; give at least {self.needed} ({many})"
            )
        if not self.findings:
            than = " than both" if self.loss > self.one_answer else ""
            return f"{head}; none of {many} is clearly better{than} (`ways` lists them)"
        best, *others = self.findings[:_MOST_TOLD]
        lines = [f"  {best}", *(f"  or, about as well: {one}" for one in others)]
        return "\n".join((f"{head}; {many}", *lines))

    __repr__ = __str__


def doctor(
    model: Any, batches: Iterable[tuple[Any, Any]], loss: Loss, pad: float | None = None, seconds: float = _SECONDS
) -> Diagnosis:
    """Look for bugs between data and a trained PyTorch model, where its weights are right and what it is fed is not.

    Tried are: states kept or not kept between batches, padding on the other side, sequences from the other end (all of
    them of ids and of numbers alike), ids moved by up to 3, targets of up to 2 steps away, two classes exchanged, what
    a recurrent module reads or gives in reverse order, or the half of it that reads backwards, the halves or h and c
    exchanged, and the axes of time and batch in the place of each other; of a model that does not run as it is, the
    axes alone. A way is clearly better where the loss is smaller by more than a tenth, in nine of ten batches, and by a
    paired test of signs flipped over different sequences, with a chance of at most 1 in 20 that any way is where none
    is better; and smaller by a tenth than that of one answer for everything, and of the same answers more or less sure.
    The best of these is told, and any that explain it about as well. Sequences and batches that come again count once;
    of too few nothing is known. Where all targets are ids that the model reads at the same step, or two or three steps
    later, that is remarked, whatever the loss. The model is left as it was.

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
    except Exception as error:  # what it is made of is the user's, and may fail in any way
        raise _does_not_run(name, error) from error
    if (refused := as_it_is.refused) is not None:
        findings = sorted((_way(one) for one in done if runs_rightly(one, len(done))), key=lambda one: one.after)
        if not findings:
            raise _does_not_run(name, refused) from refused
        ways = tuple(map(_way, done))
        return Diagnosis(name, tuple(findings), ways, math.nan, not late, refused=_first_line(refused))
    before, floors = float(as_it_is.before.mean()), as_it_is.floors
    if not np.isfinite(before):
        raise UserError(f"the loss of {name} is {before} on these batches; lstm_tui.watch finds where that comes from")
    different = min((len(one.gains) for one in done), default=len(as_it_is.gains))
    needed = max(LEAST_BATCHES, math.ceil(math.log2(max(len(done), 1) / FALSE_ALARMS)))
    if as_it_is.batches < LEAST_BATCHES:
        different, needed = as_it_is.batches, LEAST_BATCHES
    better = [one for one in done if different >= needed and is_better(one, len(done), floors)]
    findings = sorted(map(_way, better), key=lambda one: one.after)
    best = {(one.kind, one.said): one for one in reversed(findings)}  # two ways may be of the same bug
    findings = [one for one in findings if best[one.kind, one.said] is one]
    told = tuple(one for one in findings if as_well(one, findings[0], before))
    remark = "" if any(one.kind == "targets" for one in told) else _remark(as_it_is.later)
    ways = tuple(map(_way, done))
    return Diagnosis(name, told, ways, before, not late, different, needed, floors.one_answer, remark=remark)


def _remark(later: int | None) -> str:
    """Return what is to be known of targets that are the ids some steps later; nothing of the next ones."""
    if later is None or later == 1:
        return ""
    if later == 0:
        return "targets: each is the id that is read at its step, which is no prediction: the next id is one step later"
    return f"targets: each is the id that is read {later} steps later, not the next one"


def _does_not_run(name: str, error: Exception) -> UserError:
    return UserError(f"{name} or the loss does not run on these batches: {_first_line(error)}")


def _first_line(error: Exception) -> str:
    return visible(f"{type(error).__name__}: {str(error).split(chr(10))[0]}")[:160]


def runs_rightly(trial: Trial, ways: int = 1) -> bool:
    """Say whether a way lets a model predict that does not run as it is.

    The loss is smaller, by a share of it, than that of one answer for everything, and by more than chance than with the
    targets of other sequences.
    """
    return bool(
        np.isfinite(trial.after).all()
        and math.isfinite(trial.floors.one_answer)
        and below(trial, Floors(trial.floors.one_answer))
        and (not len(trial.fits) or by_chance(trial.fits) <= FALSE_ALARMS / max(ways, 1))
    )


def is_better(trial: Trial, ways: int = 1, floors: Floors = UNKNOWN) -> bool:
    """Say whether another way is clearly better: by a share of the loss, in most batches, and not by chance.

    It has to be better, too, than one answer for everything and than the same answers more or less sure: a model that
    is less sure of what is wrong has a smaller loss as well.

    Where targets are moved, each sequence's own have also to be fitted better than those of another: the moved ones may
    be smaller, and so their loss, whatever the model says.

    Args:
        trial: What came of it.
        ways: How many are tried, among which it may be the luckiest.
        floors: How small the loss can be without reading better.
    """
    if not (np.isfinite(trial.before).all() and np.isfinite(trial.after).all()):
        return False
    gain = trial.before - trial.after
    least = SHARE * abs(float(trial.before.mean()))
    level = FALSE_ALARMS / max(ways, 1)
    of_one = least if math.isnan(trial.level) else SHARE * abs(trial.level)
    return bool(
        gain.mean() > least
        and below(trial, floors)
        and (gain > 0).mean() >= AGREEING
        and by_chance(trial.gains - of_one) <= level
        and (not len(trial.fits) or by_chance(trial.fits) <= level)
    )


def below(trial: Trial, floors: Floors) -> bool:
    """Say whether a way has a loss that is smaller, by a share of it, than what needs no better reading."""
    floor = min(floors.one_answer, floors.as_sure)
    return math.isinf(floor) or floor - float(trial.after.mean()) > SHARE * abs(floor)


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


def _way(trial: Trial) -> BetterWay:
    gain, tried = trial.before - trial.after, trial.tried
    of = "over the same steps" if tried.cut else "without the first batch" if tried.first else ""
    return BetterWay(
        tried.kind, tried.said, float(trial.before.mean()), float(trial.after.mean()), int((gain > 0).sum()),
        len(gain), of,
    )  # fmt: skip
