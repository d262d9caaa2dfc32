"""Which axis is time and which counts sequences, seen from what becomes shorter when a model is fed a step less."""

from __future__ import annotations

from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.verify.left_untouched import untouched
from lstm_tui.formats.verify.torch_calls import recurrent_kinds


@dataclass(frozen=True)
class SeenAxes:
    """Axes of what a model takes and gives; None is not known, or not there.

    Attributes:
        rows: How many sequences its first recurrent module reads side by side.
        taken: Axis of time of what the model takes, or of the first of several.
        given: Axis of time of what the model gives.
    """

    rows: int
    taken: int | None = None
    given: int | None = None

    def of_targets(self, output: Any, targets: Any) -> int | None:
        """Return the axis of time of the targets, as long as that of what the model gives; None without one."""
        if self.given is None:
            return None
        alike = [axis for axis, size in enumerate(targets.shape) if size == output.shape[self.given]]
        return self.given if self.given in alike else alike[-1] if alike else None


def seen_axes(torch: Any, model: Any, batch: Any) -> SeenAxes:
    """Return the axes of a model and its data: time is what the model reads a step less of when it is cut by one.

    Args:
        torch: The module.
        model: A PyTorch module with recurrent modules; it is left as it was.
        batch: What it takes.
    """
    steps, rows, output = _run(torch, model, batch)
    first, *others = batch if isinstance(batch, tuple) else (batch,)
    if not isinstance(first, torch.Tensor):
        return SeenAxes(rows)
    refused = False
    for axis in range(min(2, first.dim())):
        shorter = first.narrow(axis, 0, max(first.shape[axis] - 1, 1))
        try:
            fewer, _, less = _run(torch, model, (shorter, *others))
        except Exception:  # a model may refuse another shape in any way
            refused = True
            continue
        if fewer == steps - 1:
            given = _shrunk(torch, output, less)
            return SeenAxes(rows, axis, _of_others(torch, model, batch, output) if given is None else given)
    if not refused or not isinstance(output, torch.Tensor) or steps == rows:
        return SeenAxes(rows)
    return SeenAxes(rows, _of_length(first, steps), _of_length(output, steps))


def _run(torch: Any, model: Any, batch: Any) -> tuple[int, int, Any]:
    """Return how many steps the first recurrent module reads, how many sequences side by side, and what comes out."""
    seen: list[tuple[Any, int, int]] = []

    def before(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        series = given[0] if given else named["input"]
        if isinstance(series, torch.nn.utils.rnn.PackedSequence):
            seen.append((module, len(series.batch_sizes), int(series.batch_sizes[0])))
        elif not isinstance(module, torch.nn.RNNBase):
            seen.append((module, 1, series.shape[0] if series.dim() == 2 else 1))
        elif series.dim() == 3:
            time = 1 if module.batch_first else 0
            seen.append((module, series.shape[time], series.shape[1 - time]))
        else:
            seen.append((module, series.shape[0], 1))

    kinds = recurrent_kinds(torch)
    hooks = [
        one.register_forward_pre_hook(before, with_kwargs=True) for one in model.modules() if isinstance(one, kinds)
    ]
    try:
        with untouched(torch, model), torch.no_grad():
            model.eval()
            output = model(*batch) if isinstance(batch, tuple) else model(batch)
    finally:
        for hook in hooks:
            hook.remove()
    mine = [(steps, rows) for module, steps, rows in seen if module is seen[0][0]]
    return sum(steps for steps, _ in mine), max((rows for _, rows in mine), default=1), output


def _of_others(torch: Any, model: Any, batch: Any, output: Any) -> int | None:
    """Return the axis of time of what a model gives, by another input than the first, as a decoder has; or None."""
    for place, other in enumerate(batch if isinstance(batch, tuple) else ()):
        for axis in range(min(2, other.dim())) if place and isinstance(other, torch.Tensor) else ():
            shorter = other.narrow(axis, 0, max(other.shape[axis] - 1, 1))
            try:
                less = _run(torch, model, (*batch[:place], shorter, *batch[place + 1 :]))[2]
            except Exception:  # a model may refuse another shape in any way
                continue
            if (given := _shrunk(torch, output, less)) is not None:
                return given
    return None


def _of_length(one: Any, steps: int) -> int | None:
    """Return the one axis of the first two that is as long as the steps; None where there is none."""
    long = [axis for axis, size in enumerate(one.shape[:2]) if size == steps]
    return long[0] if len(long) == 1 else None


def _shrunk(torch: Any, whole: Any, less: Any) -> int | None:
    """Return the one axis that is shorter by one; None where there is none."""
    if not (isinstance(whole, torch.Tensor) and isinstance(less, torch.Tensor) and whole.dim() == less.dim()):
        return None
    by = [size - other for size, other in zip(whole.shape, less.shape, strict=True)]
    return by.index(1) if sorted(by) == [0] * (len(by) - 1) + [1] else None
