"""What a model takes, changed as by a mistake: filled up on the other side, turned round, numbered otherwise.

Ids and numbers are treated alike: each is a step after the other, and some steps may only fill sequences up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import sentence
from lstm_tui.formats.captures.seen_axes import SeenAxes
from lstm_tui.formats.verify.torch_calls import array_of

Pair = tuple[Any, Any]
Change = Callable[[Any, Any], Pair | None]
_OFFSETS = (1, -1, 2, -2, 3, -3)


@dataclass(frozen=True)
class ChangedBatch:
    """One way to change what a model takes.

    Attributes:
        kind: What it is about: padding, order or ids.
        said: What the data would be mistaken in, as a sentence's end.
        change: Makes it of a batch and its targets; None where it does not apply.
    """

    kind: str
    said: str
    change: Change


def changed_batches(
    torch: Any, batches: Sequence[Pair], pad: float | None, ids: int, axes: SeenAxes
) -> Iterator[ChangedBatch]:
    """Iterate over all ways to change what a model takes: those of ids where it takes ids, else those of numbers.

    Args:
        torch: The module.
        batches: What it takes, or a tuple of which the first is changed, and the targets.
        pad: What fills sequences up, an id or a number; None where it is found out.
        ids: How many ids the model has a row for; 0 where it has no table.
        axes: Of what it takes.
    """
    series = _Series.of(torch, batches[0][0], axes)
    if series is None:
        return
    filler = _filler_of([series.steps(batch) for batch, _ in batches]) if pad is None else np.asarray(pad)
    fills = _filler_name(filler, series.of_ids)
    if filler is not None:
        yield ChangedBatch("padding", f"{fills} on the wrong side", _other_side(series, filler))
    yield ChangedBatch("order", "sequences are read from the wrong end", _reversed(series, filler))
    if filler is not None:
        said = "sequences are read from the wrong end, what fills them up included"
        yield ChangedBatch("order", said, _reversed(series, None))
    for by in _OFFSETS if ids and series.of_ids else ():
        for kept in dict.fromkeys((None if filler is None else int(filler), None)):
            said = f"every id is {abs(by)} too {'small' if by > 0 else 'large'}"
            said += "" if kept is None else f", but for the padding {kept}"
            yield ChangedBatch("ids", said, _moved(series, by, ids, kept))


def _filler_name(filler: Array | None, of_ids: bool) -> str:
    if filler is None:
        return ""
    if of_ids:
        return f"the id {int(filler)} fills sequences up"
    alike = np.unique(filler)
    return f"steps of {sentence(float(alike[0]), 3) if len(alike) == 1 else 'the same numbers'} fill sequences up"


@dataclass(frozen=True)
class _Series:
    """How the steps of sequences lie in what a model takes.

    Attributes:
        torch: The module.
        time: Axis of time.
        alone: Whether it is one sequence, without an axis that counts sequences.
        of_ids: Whether its steps are ids.
    """

    torch: Any
    time: int
    alone: bool
    of_ids: bool

    @classmethod
    def of(cls, torch: Any, batch: Any, axes: SeenAxes) -> _Series | None:
        """Return how they lie in a batch; None where it has no steps, or which axis is time is not known."""
        first = batch[0] if isinstance(batch, tuple) and batch else batch
        if not isinstance(first, torch.Tensor) or not first.dim() or first.is_complex():
            return None
        of_ids = not first.is_floating_point() and first.dim() <= 2
        time = 1 if axes.taken is None and of_ids and first.dim() == 2 else axes.taken
        if time is None:
            return None
        alone = first.dim() == 1 or (first.dim() == 2 and time == 0 and axes.rows == 1 != first.shape[1])
        return cls(torch, time, alone, of_ids)

    def steps(self, batch: Any) -> Any:
        """Return the steps of a batch, (N, T) or (N, T, …)."""
        first = batch[0] if isinstance(batch, tuple) else batch
        return first.unsqueeze(0) if self.alone else first.transpose(0, 1) if self.time == 0 else first

    def batch(self, steps: Any, like: Any) -> Any:
        """Return steps as the batch that they were taken from has them."""
        first = steps[0] if self.alone else steps.transpose(0, 1) if self.time == 0 else steps
        return (first.contiguous(), *like[1:]) if isinstance(like, tuple) else first.contiguous()


def _fills(steps: Any, filler: Array) -> Array:
    """Return which steps are what fills sequences up, (N, T)."""
    same = array_of(steps) == filler
    return np.asarray(same.reshape(*same.shape[:2], -1).all(axis=2))


def _filler_of(batches: list[Any]) -> Array | None:
    """Return the step that runs of different lengths of fill one end of all sequences with; None without such."""
    for side in (0, -1):
        ends = [array_of(steps[:, side]) + 0 for steps in batches if steps.shape[1]]  # of -0 the 0
        counted = Counter((row.tobytes(), row.shape) for end in ends for row in end)
        if not counted:
            return None
        (value, shape), _ = counted.most_common(1)[0]
        filler = np.frombuffer(value, ends[0].dtype).reshape(shape)
        lengths: set[int] = set()
        for steps in batches:
            filled = _fills(steps, filler)
            runs = _run_lengths(filled, side)
            lengths |= set(runs.tolist())
            if (filled.sum(axis=1) != runs).any():  # it stands elsewhere too
                break
        else:
            if len(lengths) > 1 and max(lengths) > 1:
                return filler
    return None


def _run_lengths(filled: Array, side: int) -> Array:
    """Return how many steps of each sequence in a row are filled from one end, (N,)."""
    return np.asarray(np.cumprod(filled if side == 0 else filled[:, ::-1], axis=1).sum(axis=1))


def _other_side(series: _Series, filler: Array) -> Change:
    """Return what moves the steps that fill sequences up to the other end, and targets of each step with them."""

    def moved(batch: Any, targets: Any) -> Pair:
        steps = series.steps(batch)
        filled = _fills(steps, filler)
        front, back = (_run_lengths(filled, side) for side in (0, -1))
        by = [int(number) for number in np.where(front > 0, -front, back)]
        made = series.torch.stack([row.roll(one, 0) for row, one in zip(steps, by, strict=True)])
        if not isinstance(targets, series.torch.Tensor) or targets.dim() < 2 - series.alone:
            return series.batch(made, batch), targets
        aims = series.steps(targets)
        if aims.shape[:2] != steps.shape[:2]:
            return series.batch(made, batch), targets
        aims = series.torch.stack([row.roll(one, 0) for row, one in zip(aims, by, strict=True)])
        return series.batch(made, batch), series.batch(aims, targets)

    return moved


def _reversed(series: _Series, filler: Array | None) -> Change:
    """Return what turns the steps of each sequence round; those that fill it up stay where they are."""

    def turned(batch: Any, targets: Any) -> Pair:
        steps = series.steps(batch)
        if filler is None:
            return series.batch(steps.flip(1), batch), targets
        made = steps.clone()
        for row, old, filled in zip(made, steps, _fills(steps, filler), strict=True):
            here = series.torch.as_tensor(~filled, device=steps.device)
            row[here] = old[here].flip(0)
        return series.batch(made, batch), targets

    return turned


def _moved(series: _Series, by: int, count: int, kept: int | None) -> Change:
    def moved(batch: Any, targets: Any) -> Pair:
        steps = series.steps(batch)
        made = (steps + by).clamp(0, count - 1)
        return series.batch(made if kept is None else series.torch.where(steps == kept, steps, made), batch), targets

    return moved
