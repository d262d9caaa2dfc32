"""Whether the targets of a model are the ids that it reads, some steps later: one, as of a language model, or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.captures.changed_batches import Pair
from lstm_tui.formats.captures.seen_axes import SeenAxes
from lstm_tui.formats.verify.torch_calls import array_of

_LATER = (1, 0, 2, 3)
"""By how many steps targets may be later, in the order in which it is tried; the first that fits is meant."""
_LEAST = 8
"""Targets that have to be looked at."""


def steps_later(torch: Any, model: Any, given: Sequence[Pair], axes: SeenAxes) -> int | None:
    """Return how many steps later the ids stand that are the targets, all of them; None where they are no such ids.

    It is told only of a model that reads nothing of later steps for what it says at a step: another, such as one that
    says a whole text again, may rightly have the ids of the same step. Targets below 0 are none.

    Args:
        torch: The module.
        model: A PyTorch module in evaluation mode, which is run.
        given: What it takes and the targets, on tensors.
        axes: Of the model.
    """
    batch, _ = given[0]
    if not _is_of_ids(torch, batch) or axes.given is None:
        return None
    time = 1 if axes.taken is None else axes.taken
    pairs = [(array_of(ids), array_of(aims)) for ids, aims in given if torch.is_tensor(aims) and _is_of_ids(torch, ids)]
    if len(pairs) < len(given) or any(ids.size != aims.size or aims.dtype.kind not in "iu" for ids, aims in pairs):
        return None
    rows = [(_in_order(ids, time), _in_order(aims.reshape(ids.shape), time)) for ids, aims in pairs]
    found = next((by for by in _LATER if _stand_later(rows, by)), None)
    return None if found is None or not _reads_on(torch, model, batch, time, axes.given) else found


def _is_of_ids(torch: Any, batch: Any) -> bool:
    return isinstance(batch, torch.Tensor) and not batch.is_floating_point() and batch.dim() == 2


def _in_order(ids: Array, time: int) -> Array:
    return ids if time == 1 else ids.T


def _stand_later(rows: Sequence[tuple[Array, Array]], by: int) -> bool:
    """Say whether every target is the id that is read so many steps later, where there is such a step."""
    compared, kinds = 0, set[int]()
    for ids, aims in rows:
        wanted, mine = ids[:, by:], aims[:, : aims.shape[1] - by]
        counts = mine >= 0
        if not np.array_equal(wanted[counts], mine[counts]):
            return False
        compared += int(counts.sum())
        kinds |= set(np.unique(mine[counts]).tolist())
    return compared >= _LEAST and len(kinds) > 1


def _reads_on(torch: Any, model: Any, batch: Any, time: int, given: int) -> bool:
    """Say whether what a model says before the last step stays as it is where the last id is another."""
    steps = batch.shape[time]
    if steps < 2:
        return False
    other = batch.clone()
    last, before = other.select(time, steps - 1), batch.select(time, steps - 2)
    last.copy_(torch.where(last == before, torch.zeros_like(last), before))
    there, here = model(other), model(batch)
    if not torch.is_tensor(here) or there.shape != here.shape or here.shape[given] != steps:
        return False
    kept = [one.narrow(given, 0, steps - 1) for one in (there, here)]
    return bool(torch.allclose(*kept, rtol=1e-4, atol=1e-5)) and not bool(torch.equal(there, here))
