"""Which axis of what a model gave is the batch, which the steps, which the classes; none where it is not certain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.captures.traced_rows import TracedRows
from lstm_tui.formats.verify.torch_calls import Entered, Looked

_STEPS_FIRST, _CLASSES_FIRST, _TIME_FIRST = (0, 1, 2), (0, 2, 1), (1, 0, 2)
"""Orders of axes that make (B, T, K) of (B, T, K), of (B, K, T), as cross_entropy reads it, and of (T, B, K)."""


def answers_by_sequence(
    answer: Array | None, target: Array | None, entered: list[Entered], looked: Looked, traced: TracedRows
) -> Callable[[Entered], Array | None]:
    """Return what gives the answer of a sequence, (K,), or (T, K) of its own steps; None where it is not certain.

    Args:
        answer: What the model gave; None where it was no tensor.
        target: What the loss was given, whose form may decide; or None.
        entered: The sequences of one call.
        looked: What the model did.
        traced: Where its rows come from.
    """
    count = looked.batch or 1
    made = None
    if answer is not None and answer.size:
        if looked.batch is None:
            made = _of_one(answer, target, entered[0], traced)
        else:
            made = _of_batch(answer, target, entered, looked, traced)

    def of(one: Entered) -> Array | None:
        if made is None or len(made) != count:
            return None
        own = made[one.batch]
        return np.array(own[: len(one.x)] if own.ndim == 2 else own)

    return of


def _of_one(answer: Array, target: Array | None, one: Entered, traced: TracedRows) -> Array | None:
    """Return the answer on one sequence without a batch as one of a batch of one."""
    if answer.ndim < 2 or len(answer) == 1:
        return answer.reshape(1, -1)
    return None if answer.ndim > 2 else _at_each_step(
        answer[None], None if target is None else target[None], [one], (_STEPS_FIRST, _CLASSES_FIRST), False, traced
    )  # fmt: skip


def _of_batch(
    answer: Array, target: Array | None, entered: list[Entered], looked: Looked, traced: TracedRows
) -> Array | None:
    """Return the answer on a batch with the sequences as its first axis, (B, K) or (B, T, K)."""
    count, steps = len(entered), max(len(one.x) for one in entered)
    if answer.ndim == 1:
        return answer[:, None] if len(answer) == count else answer[None] if count == 1 else None
    if answer.ndim == 2:
        turned = answer.shape == (steps, count)  # one number a step, time first
        if len(answer) == count and not (turned and not looked.batch_first):
            return answer
        return np.asarray(answer.T) if turned and len(answer) != count else None
    if answer.ndim > 3:
        return None
    if answer.shape[:2] == (count, 1) and steps > 1:  # one row of each
        return np.asarray(answer[:, 0])
    if answer.shape[:2] == (1, count) and steps > 1:
        return np.asarray(answer[0])
    orders = (_STEPS_FIRST, _CLASSES_FIRST, _TIME_FIRST)
    return _at_each_step(answer, target, entered, orders, looked.packed, traced)


def _at_each_step(
    answer: Array,
    target: Array | None,
    entered: list[Entered],
    orders: tuple[tuple[int, ...], ...],
    packed: bool,
    traced: TracedRows,
) -> Array | None:
    """Return an answer as (B, T, K): in the order in which its rows are seen, else in the only one that fits."""
    count, steps = len(entered), max(len(one.x) for one in entered)
    fitting = []
    for order in orders:
        turned = answer.transpose(order)
        if turned.shape[0] == count and (turned.shape[1] == steps or (packed and turned.shape[1] > steps)):
            fitting.append((order, turned))
    seen = [(order, one) for order, one in fitting
            if all(traced.stands_at(one[n, : len(each.x)], n) for n, each in enumerate(entered))]  # fmt: skip
    if len(seen) == 1:
        return np.asarray(seen[0][1])
    exact = [(order, one) for order, one in fitting if one.shape[1] == steps]
    if len(exact) != 1:
        return None
    order, only = exact[0]
    if order == _CLASSES_FIRST and (target is None or target.shape != (count, steps)):
        return None  # as many numbers as there are steps may be so by chance
    return np.asarray(only)
