"""What may be wrong between data and a model, each tried the other way: state, padding, targets, order, ids, axes.

Every trial runs the same batches as they are and otherwise, and returns both losses of each batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.changed_batches import Pair, changed_batches
from lstm_tui.formats.captures.seen_axes import SeenAxes, seen_axes
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
    """

    kind: str
    said: str
    data: Callable[[Any, Any], Pair | None] = lambda batch, targets: (batch, targets)
    around: Callable[[Any], AbstractContextManager[Any]] = lambda model: nullcontext()
    cut: int = 0
    each: bool = False


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
    """

    tried: Otherwise
    before: Array
    after: Array
    gains: Array
    fits: Array
    batches: int = 0


def trials(
    model: Any, batches: Sequence[Pair], loss: Loss, pad: float | None, stop: Callable[[], bool]
) -> Iterator[Trial]:
    """Iterate over everything that can be tried otherwise with a model and its data; first comes what is as it is.

    Args:
        model: A PyTorch module with recurrent modules.
        batches: What it takes and the targets, in the order in which they come.
        loss: Of what it gives and the targets; one number.
        pad: The id, or the number, that fills sequences up; None where it is found out.
        stop: Asked before each trial.

    Raises:
        UserError: The model does not run on this, or the loss is no one number.
    """
    torch = import_module("torch")
    if not any(isinstance(one, recurrent_kinds(torch)) for one in model.modules()):
        raise UserError(f"{visible(type(model).__name__)} holds no nn.LSTM, nn.GRU or nn.RNN, and none of their cells")
    given = [(tensor_of(model, batch), tensor_of(model, targets)) for batch, targets in batches]
    with untouched(torch, model), torch.no_grad():
        model.eval()
        axes = seen_axes(torch, model, given[0][0])
        as_it_is = [_ran(torch, model, batch, targets, loss, axes, 0)[0] for batch, targets in given]
    before = np.array([one.batch for one in as_it_is])
    names = [_names(torch, axes, batch, targets) for batch, targets in given]
    count = len({one[-1] for one in names})
    yield Trial(Otherwise("", ""), before, before, *_gains(as_it_is, as_it_is, names), count)
    for other in _others(torch, model, given, pad, axes):
        if stop():
            return
        try:
            trial = _tried(torch, model, given, loss, other, as_it_is, axes, names)
        except Exception:
            continue  # it does not run that way, so it is not meant that way
        if trial is not None:
            yield trial


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
                there, plain = _ran(torch, model, *made, loss, axes, other.cut)
            after.append(there)
            base.append(plain if other.cut else as_it_is[number])
    first = 1 if other.kind == "state" else 0  # the first batch has none before it
    before, later = (np.array([one.batch for one in losses]) for losses in (base, after))
    if (before == later).all():
        return None
    gains, fits = _gains(base[first:], after[first:], names[first:])
    return Trial(other, before[first:], later[first:], gains, fits)


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
    torch: Any, model: Any, batch: Any, targets: Any, loss: Loss, axes: SeenAxes, cut: int
) -> tuple[_Losses, _Losses]:
    """Return the loss of a batch with the targets moved by `cut` steps, and that of the same steps without."""
    output = model(*batch) if isinstance(batch, tuple) else model(batch)
    if not cut:
        losses = _losses(torch, loss, axes, output, targets)
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


def _gains(before: Sequence[_Losses], after: Sequence[_Losses], names: Sequence[list[bytes]]) -> tuple[Array, Array]:
    """Return the gain of each different sequence, or batch, and by how much its own targets fit better than others'.

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
    return made[np.isfinite(made)], fit[np.isfinite(fit)]


def _number(torch: Any, value: Any) -> float:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return float(value)
    raise UserError("the loss must be one number of PyTorch; give its mean")


def _others(torch: Any, model: Any, given: Sequence[Pair], pad: float | None, axes: SeenAxes) -> Iterator[Otherwise]:
    kept = "a state is kept from batch to batch, and each should begin anew"
    yield Otherwise("state", kept, each=True)
    yield Otherwise("state", kept, around=_from_zeros(torch))  # what it kept already may be of another batch
    yield Otherwise(
        "state", "every batch begins anew, and each goes on where the one before ended", around=_carrying(torch)
    )
    ids = max((one.num_embeddings for one in model.modules() if isinstance(one, torch.nn.Embedding)), default=0)
    for one in changed_batches(torch, given, pad, ids, axes):
        yield Otherwise(one.kind, one.said, one.change)
    targets = given[0][1]
    if isinstance(targets, torch.Tensor) and axes.given is not None:
        for cut in (1, -1, 2, -2):
            far = "the step" if abs(cut) == 1 else f"{abs(cut)} steps"
            said = f"each step has those of {far} {'before' if cut > 0 else 'after'}"
            yield Otherwise("targets", said, cut=cut)
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.RNNBase):
            path = visible(name or type(model).__name__)
            said = f"what {path} gives stands in the reverse order"
            yield Otherwise("order", said, around=_around_module(name, enters=False))
            yield Otherwise("order", f"{path} reads from the wrong end", around=_around_module(name, enters=True))
            yield Otherwise("axes", f"{path} takes time for the batch", around=_turned(name))


def _from_zeros(torch: Any) -> Callable[[Any], AbstractContextManager[Any]]:
    """Return what has every recurrent module begin from zeros when it is called first for a batch."""

    @contextmanager
    def from_zeros(model: Any) -> Iterator[None]:
        called: set[int] = set()
        hooks = [model.register_forward_pre_hook(lambda module, given: called.clear())]

        def before(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
            if id(module) in called:
                return None
            called.add(id(module))
            return given[:1], {name: one for name, one in named.items() if name != "hx"}

        recurrent = (module for module in model.modules() if isinstance(module, recurrent_kinds(torch)))
        hooks += [module.register_forward_pre_hook(before, with_kwargs=True) for module in recurrent]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    return from_zeros


def _carrying(torch: Any) -> Callable[[Any], AbstractContextManager[Any]]:
    """Return what gives every module that is given no state the one in which it ended the call before."""

    @contextmanager
    def carrying(model: Any) -> Iterator[None]:
        last: dict[int, Any] = {}
        hooks = []

        def before(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
            free = (given[1] if len(given) > 1 else named.get("hx")) is None
            state = last.get(id(module))
            return ((given[0] if given else named["input"], state), {}) if free and state is not None else None

        def after(module: Any, given: tuple[Any, ...], output: Any) -> None:
            last[id(module)] = output[1]

        for module in model.modules():
            if isinstance(module, torch.nn.RNNBase):
                hooks.append(module.register_forward_pre_hook(before, with_kwargs=True))
                hooks.append(module.register_forward_hook(after))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    return carrying


def _hooked_module(
    name: str, enters: Callable[[Any, Any], Any], leaves: Callable[[Any, Any], Any]
) -> Callable[[Any], AbstractContextManager[Any]]:
    """Return what changes the series that enters and that leaves a module."""

    @contextmanager
    def changed(model: Any) -> Iterator[None]:
        module = model.get_submodule(name)

        def before(module: Any, given: tuple[Any, ...]) -> Any:
            return (enters(module, given[0]), *given[1:]) if given else None

        def after(module: Any, given: tuple[Any, ...], output: Any) -> Any:
            return leaves(module, output[0]), output[1]

        hooks = [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    return changed


def _around_module(name: str, enters: bool) -> Callable[[Any], AbstractContextManager[Any]]:
    """Return what turns round the series that leaves a module, and perhaps the one that enters it."""

    def flipped(module: Any, series: Any) -> Any:
        return series.flip(1 if module.batch_first and series.dim() == 3 else 0)

    return _hooked_module(name, flipped if enters else lambda module, series: series, flipped)


def _turned(name: str) -> Callable[[Any], AbstractContextManager[Any]]:
    def turned(module: Any, series: Any) -> Any:
        return series.transpose(0, 1).contiguous()

    return _hooked_module(name, turned, turned)
