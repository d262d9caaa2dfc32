"""What is to stay small while a network learns, beside its loss: penalties on named values of its cells.

A penalty is a price for each step: a formula of values that the equations name, such as the forget gate `f` and the
memory before, `prev(c)`. It is added to the loss, and its gradient goes back with that of the loss. So a
network can be asked to keep what it holds, to hold little, or to write nothing over it, and nobody says where.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.forward import tape_order

__all__ = ["Formula", "Penalty", "at_share", "lost", "mean_square", "penalised", "writing_over"]

Formula = Callable[..., tuple[float, tuple[Array, ...]]]
"""From values (T, n) each to their price, summed over the steps, and its gradient by each of them, in their shape."""

_PREV = "prev("
_SMALL = 1e-12  # under the root, so that a norm of nothing has a slope


def lost(keep: Array, before: Array) -> tuple[float, tuple[Array, ...]]:
    """‖(1 − keep) ∘ before‖₂ of every step: how much memory a gate that keeps has let go.

    A norm and not its square: to lose all at one step costs less than to lose a little at each.
    """
    gone = (1 - keep) * before
    norm = np.sqrt((gone * gone).sum(axis=1, keepdims=True) + gone.dtype.type(_SMALL))
    slope = gone / norm
    return float(norm.sum()), (-slope * before, slope * (1 - keep))


def mean_square(value: Array) -> tuple[float, tuple[Array, ...]]:
    """Mean of value² over the units, of every step: nothing is to be large."""
    return float((value * value).mean(axis=1).sum()), (value * value.dtype.type(2 / value.shape[1]),)


def writing_over(write: Array, before: Array) -> tuple[float, tuple[Array, ...]]:
    """Mean of write · |before| over the units, of every step: a gate that writes is to find its unit empty."""
    size, held = before.dtype.type(before.shape[1]), np.abs(before)
    return float((write * held).mean(axis=1).sum()), (held / size, write * np.sign(before) / size)


@dataclass(frozen=True)
class Penalty:
    """A price for what the equations compute.

    Attributes:
        formula: Of the values, such as `lost`.
        values: Names of values of the cell, `f`, or of one step earlier, `prev(c)`, in the order of the formula.
            At the first step of a pass nothing is earlier: there a formula with a `prev` costs nothing.
        weight: By which the price of a step is counted, against a loss of 1 for a target.
        begin: Share of the training at which the penalty sets in; it then grows in a straight line …
        full: … to its weight, here.
    """

    formula: Formula
    values: tuple[str, ...]
    weight: float
    begin: float = 0.0
    full: float = 0.0

    @property
    def names(self) -> list[str]:
        """The names of its values, whether they are of the step or of one before."""
        return [value.removeprefix(_PREV).removesuffix(")") for value in self.values]


def at_share(penalties: Sequence[Penalty], done: float) -> tuple[Penalty, ...]:
    """Return the penalties that count when `done` of a training (0 to 1) is over, with the weights they have then."""
    found = []
    for one in penalties:
        grown = 1.0 if done >= one.full else max(done - one.begin, 0.0) / (one.full - one.begin)
        if one.weight * grown:
            found.append(replace(one, weight=one.weight * grown))
    return tuple(found)


def penalised(
    network: Network, values: Mapping[str, Mapping[str, Array]], penalties: Sequence[Penalty]
) -> tuple[float, dict[str, dict[str, Array]]]:
    """Return the price of a run, and its gradient by the values of the passes as `gradients` takes it.

    Every pass pays whose cell has all the values of a penalty.

    Args:
        network: What was run.
        values: Every named value of every pass, (T, n) each in its reading order.
        penalties: What to pay.

    Returns:
        The sum of all prices over all steps, and pass name to value name to (T, n) in tape order.

    Raises:
        ValueError: If no pass has the values that a penalty names.
    """
    total, by_pass = 0.0, {one.name: dict[str, Array]() for one in network.passes}
    for penalty in penalties:
        names = penalty.names
        paying = [one for one in network.passes if all(name in values[one.name] for name in names)]
        if not paying:
            raise ValueError(f"no layer computes all of {', '.join(names)}, which a penalty is put on")
        for one in paying:
            cost, slopes = _of_pass(penalty, names, values[one.name])
            total += cost
            for name, slope in slopes.items():
                slope = tape_order(slope, one.direction)
                held = by_pass[one.name].get(name)
                by_pass[one.name][name] = slope if held is None else held + slope
    return total, by_pass


def _of_pass(penalty: Penalty, names: Sequence[str], values: Mapping[str, Array]) -> tuple[float, dict[str, Array]]:
    """Return the price of one pass and its gradient by value, (T, n) in reading order."""
    earlier = [value.startswith(_PREV) for value in penalty.values]
    first = int(any(earlier))
    steps = len(next(iter(values.values())))
    places = [slice(first - shift, steps - shift) for shift in earlier]
    given = [values[name][place] for name, place in zip(names, places, strict=True)]
    cost, found = penalty.formula(*given)
    slopes = {name: np.zeros_like(values[name]) for name in names}
    for name, place, slope in zip(names, places, found, strict=True):
        slopes[name][place] += slope * slope.dtype.type(penalty.weight)
    return penalty.weight * cost, slopes
