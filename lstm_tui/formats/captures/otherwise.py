"""What may be wrong between data and a model, each tried the other way: state, padding, targets, order, ids, axes.

Every trial runs the same batches as they are and otherwise, and returns both losses of each batch.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from importlib import import_module
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.changed_batches import Pair, changed_batches
from lstm_tui.formats.captures.changed_modules import Around, carrying, changed_modules, from_zeros, turned_modules
from lstm_tui.formats.captures.loss_floors import UNKNOWN, Floors, floors
from lstm_tui.formats.captures.seen_axes import SeenAxes, seen_axes
from lstm_tui.formats.captures.targets_among_ids import steps_later
from lstm_tui.formats.verify.left_untouched import untouched
from lstm_tui.formats.verify.recording import tensor_of
from lstm_tui.formats.verify.torch_calls import array_of, recurrent_kinds

Loss = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Otherwise:
    """One thing that is tried the other way.

    Attributes:
        kind: What it is about: state, padding, targets, order, ids or axes.
        said: What the data or the model would be mistaken in, as a sentence's end.
        data: Changes a batch and its targets; returns None where it does not apply.
        around: Changes the model as long as it lasts.
        cut: Steps by which what it says and the targets are moved against each other.
        each: Has what the model keeps put back before each batch.
        first: The first batch that it says something of.
        strange: Whether the targets become others, so that each sequence's have to fit better than those of another.
    """

    kind: str
    said: str
    data: Callable[[Any, Any], Pair | None] = lambda batch, targets: (batch, targets)
    around: Around = lambda model: nullcontext()
    cut: int = 0
    each: bool = False
    first: int = 0
    strange: bool = False


_AS_IT_IS = Otherwise("", "")


@dataclass(frozen=True, eq=False)
class Trial:
    """What came of one thing tried the other way.

    Attributes:
        tried: What.
        before: The loss of each batch as it is, (N,).
        after: The loss of each batch otherwise, (N,).
        gains: By how much the loss of each different sequence is smaller otherwise, (S,); of each different batch
            where the loss cannot be had of one sequence.
        fits: By how much it is smaller otherwise than with the targets of another sequence, (S,); empty where it
            cannot be had of one, and where the targets are the same: others may be smaller, and so their loss.
        batches: How many different batches there were.
        floors: How small the loss can be without reading better.
        level: The mean loss as it is of a sequence, or batch, as `gains` are of: of a sum a sequence has less than a
            batch. NaN where it is as large as that of a batch.
        later: How many steps later the ids stand that are the targets; None where they are no such ids.
        refused: How the model or the loss refuses the batches as they are; None where they run. `before` is NaN then.
    """

    tried: Otherwise
    before: Array
    after: Array
    gains: Array
    fits: Array
    batches: int = 0
    floors: Floors = UNKNOWN
    refused: Exception | None = None
    level: float = math.nan
    later: int | None = None


def trials(
    model: Any, batches: Sequence[Pair], loss: Loss, pad: float | None, stop: Callable[[], bool]
) -> Iterator[Trial]:
    """Iterate over everything that can be tried otherwise with a model and its data; first comes what is as it is.

    Of a model that does not run on the batches as they are those are tried that it may run with: axes.

    Args:
        model: A PyTorch module with recurrent modules.
        batches: What it takes and the targets, in the order in which they come.
        loss: Of what it gives and the targets; one number.
        pad: The id, or the number, that fills sequences up; None where it is found out.
        stop: Asked before each trial.

    Raises:
        UserError: The model has no recurrent module, or the loss is no one number.
    """
    torch = import_module("torch")
    if not any(isinstance(one, recurrent_kinds(torch)) for one in model.modules()):
        raise UserError(f"{visible(type(model).__name__)} holds no nn.LSTM, nn.GRU or nn.RNN, and none of their cells")
    given = [(tensor_of(model, batch), tensor_of(model, targets)) for batch, targets in batches]
    try:
        with untouched(torch, model), torch.no_grad():
            model.eval()
            axes = seen_axes(torch, model, given[0][0])
            as_it_is = [_ran(torch, model, batch, targets, loss, axes)[0] for batch, targets in given]
    except UserError:
        raise
    except Exception as error:  # a model and a loss are the user's: they may fail in any way
        yield from _refused(torch, model, given, loss, error, stop)
        return
    before = np.array([one.batch for one in as_it_is])
    names = [_names(torch, axes, batch, targets) for batch, targets in given]
    count = len({one[-1] for one in names})
    least = _floors(torch, model, given, loss, axes, stop)
    later = _later(torch, model, given, axes)
    yield Trial(_AS_IT_IS, before, before, *_gains(as_it_is, as_it_is, names)[:2], count, least, later=later)
    for other in _others(torch, model, given, pad, axes):
        if stop():
            return
        try:
            trial = _tried(torch, model, given, loss, other, as_it_is, axes, names)
        except Exception:
            continue  # it does not run that way, so it is not meant that way
        if trial is not None:
            yield trial


def _floors(
    torch: Any, model: Any, given: Sequence[Pair], loss: Loss, axes: SeenAxes, stop: Callable[[], bool]
) -> Floors:
    with untouched(torch, model), torch.no_grad():
        model.eval()
        answers = (_answer(model, batch) for batch, _ in given)
        return floors(torch, answers, [targets for _, targets in given], loss, axes, stop)


def _later(torch: Any, model: Any, given: Sequence[Pair], axes: SeenAxes) -> int | None:
    try:
        with untouched(torch, model), torch.no_grad():
            model.eval()
            return steps_later(torch, model, given, axes)
    except Exception:  # the model is the user's and may fail in any way
        return None


def _refused(
    torch: Any, model: Any, given: Sequence[Pair], loss: Loss, error: Exception, stop: Callable[[], bool]
) -> Iterator[Trial]:
    """Iterate over what a model may run with that refuses its batches as they are."""
    unknown = np.full(len(given), np.nan)
    yield Trial(_AS_IT_IS, unknown, unknown, np.array([]), np.array([]), len(given), refused=error)
    for module in turned_modules(torch, model):
        if stop():
            return
        other = Otherwise(module.kind, module.said, around=module.around, strange=True)
        try:
            with untouched(torch, model), torch.no_grad(), other.around(model):
                model.eval()
                axes = seen_axes(torch, model, given[0][0])
                after = [_ran(torch, model, batch, targets, loss, axes, other)[0] for batch, targets in given]
                least = _floors(torch, model, given, loss, axes, stop)
        except Exception:
            continue  # it does not run that way either
        names = [_names(torch, axes, batch, targets) for batch, targets in given]
        gains, fits, _ = _gains(after, after, names)
        later = np.array([one.batch for one in after])
        yield Trial(other, unknown, later, gains, fits, len({one[-1] for one in names}), least)


def _answer(model: Any, batch: Any) -> Any:
    return model(*batch) if isinstance(batch, tuple) else model(batch)


def _tried(
    torch: Any,
    model: Any,
    given: Sequence[Pair],
    loss: Loss,
    other: Otherwise,
    as_it_is: Sequence[_Losses],
    axes: SeenAxes,
    names: Sequence[list[bytes]],
) -> Trial | None:
    """Return what one thing gives the other way; None where nothing is changed by it."""
    after, base = [], []
    with ExitStack() as stack:
        stack.enter_context(untouched(torch, model))
        stack.enter_context(torch.no_grad())
        model.eval()
        stack.enter_context(other.around(model))
        for number, (batch, targets) in enumerate(given):
            made = other.data(batch, targets)
            if made is None:
                return None
            with untouched(torch, model) if other.each else nullcontext():
                there, plain = _ran(torch, model, *made, loss, axes, other)
            after.append(there)
            base.append(plain if other.cut else as_it_is[number])
    first = other.first
    before, later = (np.array([one.batch for one in losses]) for losses in (base, after))
    if (before == later).all():
        return None
    gains, fits, level = _gains(base[first:], after[first:], names[first:])
    return Trial(other, before[first:], later[first:], gains, fits, level=level)


@dataclass(frozen=True)
class _Losses:
    """The loss of a batch, and of each of its sequences; None where the loss cannot be had of one.

    Attributes:
        batch: Of all.
        rows: Of each sequence.
        strangers: Of each with the targets of the one behind it, where targets are moved.
    """

    batch: float
    rows: tuple[float, ...] | None = None
    strangers: tuple[float, ...] | None = None


def _ran(
    torch: Any, model: Any, batch: Any, targets: Any, loss: Loss, axes: SeenAxes, other: Otherwise = _AS_IT_IS
) -> tuple[_Losses, _Losses]:
    """Return the loss of a batch with the targets moved as they are otherwise, and that of the same steps without."""
    output, cut = _answer(model, batch), other.cut
    if not cut:
        losses = _losses(torch, loss, axes, output, targets, other.strange)
        return losses, losses
    time = axes.of_targets(output, targets)
    if axes.given is None or time is None:
        raise ValueError("these targets have no steps")
    steps = output.shape[axes.given] - abs(cut)
    mine, theirs = (0, abs(cut)) if cut > 0 else (abs(cut), 0)
    kept = output.narrow(axes.given, mine, steps)
    moved, plain = targets.narrow(time, theirs, steps), targets.narrow(time, mine, steps)
    return _losses(torch, loss, axes, kept, moved, True), _losses(torch, loss, axes, kept, plain)


def _losses(torch: Any, loss: Loss, axes: SeenAxes, output: Any, targets: Any, strange: bool = False) -> _Losses:
    whole = _number(torch, loss(output, targets))
    if not (isinstance(output, torch.Tensor) and isinstance(targets, torch.Tensor)) or axes.rows < 2:
        return _Losses(whole)
    time = axes.of_targets(output, targets)
    mine, theirs = int(axes.given == 0), int(time == 0)
    if output.dim() <= mine or targets.dim() <= theirs or output.shape[mine] != targets.shape[theirs]:
        return _Losses(whole)
    rows = output.shape[mine]
    if axes.given is None and rows % axes.rows == 0 and rows > axes.rows:
        return _Losses(whole)  # steps and sequences may stand in one axis
    try:
        each, *strangers = (
            tuple(
                _number(torch, loss(output.narrow(mine, n, 1), targets.narrow(theirs, (n + by) % rows, 1)))
                for n in range(rows)
            )
            for by in range(2 if strange else 1)
        )
    except Exception:  # a loss may refuse one sequence in any way
        return _Losses(whole)
    return _Losses(whole, each, strangers[0] if strangers else None)


def _names(torch: Any, axes: SeenAxes, batch: Any, targets: Any) -> list[bytes]:
    """Return a name of what each sequence holds, its targets included, and last one of the whole batch."""
    parts = [one for one in (*(batch if isinstance(batch, tuple) else (batch,)), targets) if torch.is_tensor(one)]
    axis = int(axes.taken == 0)
    target_axis = int(axes.given == 0 and targets.dim() > 1) if torch.is_tensor(targets) else 0
    rows = parts[0].shape[axis] if parts and parts[0].dim() > axis else 0
    names = []
    for n in range(rows):
        name = hashlib.sha256()
        for part in parts:
            along = target_axis if part is targets else axis if part.dim() > axis else 0
            alone = part.narrow(along, n, 1) if part.dim() and part.shape[along] == rows else part
            name.update(array_of(alone.contiguous()).tobytes())
        names.append(name.digest())
    whole = hashlib.sha256()
    for part in parts:
        whole.update(array_of(part.contiguous()).tobytes())
    return [*names, whole.digest()]


def _gains(
    before: Sequence[_Losses], after: Sequence[_Losses], names: Sequence[list[bytes]]
) -> tuple[Array, Array, float]:
    """Return the gain of each different sequence, or batch, how much better its own targets fit than those of others,
    and the mean loss of one before.

    Of what comes more than once it is the mean; the second is empty where the loss cannot be had of one sequence.
    """
    gains: dict[bytes, list[float]] = {}
    fits: dict[bytes, list[float]] = {}
    single = all(
        one.rows is not None and other.rows is not None and len(one.rows) == len(other.rows) == len(name) - 1
        for one, other, name in zip(before, after, names, strict=True)
    )
    for one, other, name in zip(before, after, names, strict=True):
        if single and one.rows is not None and other.rows is not None:
            for n, row in enumerate(other.rows):
                gains.setdefault(name[n], []).append(one.rows[n] - row)
                if other.strangers is not None:
                    fits.setdefault(name[n], []).append(other.strangers[n] - row)
        else:
            gains.setdefault(name[-1], []).append(one.batch - other.batch)
    made, fit = (np.array([np.mean(one) for one in found.values()]) for found in (gains, fits))
    losses = [row for one in before for row in (one.rows if single and one.rows else (one.batch,))]
    return made[np.isfinite(made)], fit[np.isfinite(fit)], float(np.mean(losses))


def _number(torch: Any, value: Any) -> float:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return float(value)
    raise UserError("the loss must be one number of PyTorch; give its mean")


def _others(torch: Any, model: Any, given: Sequence[Pair], pad: float | None, axes: SeenAxes) -> Iterator[Otherwise]:
    kept = "a state is kept from batch to batch, and each should begin anew"
    yield Otherwise("state", kept, each=True, first=1)
    yield Otherwise("state", kept, around=from_zeros(torch), first=1)  # what it kept already may be of another batch
    said = "every batch begins anew, and each goes on where the one before ended"
    yield Otherwise("state", said, around=carrying(torch), first=1)
    ids = max((one.num_embeddings for one in model.modules() if isinstance(one, torch.nn.Embedding)), default=0)
    for one in changed_batches(torch, given, pad, ids, axes):
        yield Otherwise(one.kind, one.said, one.change)
    targets = given[0][1]
    if isinstance(targets, torch.Tensor) and axes.given is not None:
        for cut in (1, -1, 2, -2):
            far = "the step" if abs(cut) == 1 else f"{abs(cut)} steps"
            said = f"each step has those of {far} {'before' if cut > 0 else 'after'}"
            yield Otherwise("targets", said, cut=cut)
    if isinstance(targets, torch.Tensor) and all(bool(((aim == 0) | (aim == 1)).all()) for _, aim in given):
        said = "the two classes are taken for each other"
        yield Otherwise("targets", said, lambda batch, aim: (batch, 1 - aim), strange=True)
    for module in changed_modules(torch, model):
        yield Otherwise(module.kind, module.said, around=module.around)
