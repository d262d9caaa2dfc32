"""The functions of an expression: how many arguments each takes, and what it makes of them at every step at once.

What is elementwise in a cell is so here, by the same table of ops. `norm` is the length of a vector; `saturated`
the part of its units that have come so near to an end of their range that they hardly move.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lstm_tui.debugger.expressions.scope import NoSuchName, Scope
from lstm_tui.debugger.expressions.series import Series, numbers
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.compiler.roles import ranges_of

_NOT_BY_NAME = frozenset({"copy", "neg", "add", "sub", "mul", "div", "matvec", "hold", "every"})


@dataclass(frozen=True)
class Function:
    """One function.

    Attributes:
        name: As it is called.
        least: Fewest arguments.
        most: Most arguments.
        apply: Arrays (S, n) to the result (S, m), NaN wherever a NaN decides; None where the evaluator itself knows
            how.
        over: Whether it makes one number (or fewer) of the units of a vector; else unit by unit.
        truth: Whether the result is true or false.
        takes_truth: Whether its argument may be true or false, and what that becomes: `truth` or `number`.
        help: What it is, in a few words.
    """

    name: str
    least: int
    most: int
    apply: Callable[..., Array] | None
    over: bool
    help: str
    truth: bool = False
    takes_truth: str = ""


def _over(function: Callable[..., Array]) -> Callable[[Array], Array]:
    return lambda a: np.asarray(function(a, axis=1))[:, None]


def _arg(function: Callable[..., Array]) -> Callable[[Array], Array]:
    """Return the place of the largest or smallest; of a vector with a NaN there is none."""
    return lambda a: np.where(np.isnan(a).any(axis=1), np.nan, function(a, axis=1))[:, None]


def _norm(a: Array) -> Array:
    largest = np.abs(a).max(axis=1, keepdims=True)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)  # squares of large numbers overflow
    return np.asarray(np.sqrt(((a / scale) ** 2).sum(axis=1, keepdims=True)) * scale)


def _row(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return a function of the op table that leaves steps alone."""
    return lambda *arguments: np.asarray(function(*arguments))


def _rows() -> list[Function]:
    rows = []
    for name, op in OPS.items():
        if name in _NOT_BY_NAME or name in ("sum", "mean", "max", "min"):
            continue
        rows.append(Function(name, op.arity, op.arity, _row(op.forward), not op.elementwise, op.help))
    rows += [
        Function("max", 1, 2, None, False, "the larger of two, unit by unit; the largest unit of one"),
        Function("min", 1, 2, None, False, "the smaller of two, unit by unit; the smallest unit of one"),
        Function("sum", 1, 1, _over(np.sum), True, "all units summed; how many are true", takes_truth="number"),
        Function("mean", 1, 1, _over(np.mean), True, "mean of the units; which part is true", takes_truth="number"),
        Function("std", 1, 1, _over(np.std), True, "how far units lie from their mean"),
        Function("norm", 1, 1, _norm, True, "length of the vector"),
        Function("argmax", 1, 1, _arg(np.argmax), True, "which unit or class is largest"),
        Function("argmin", 1, 1, _arg(np.argmin), True, "which unit or class is smallest"),
        Function("any", 1, 1, None, True, "whether a unit is true", True, "truth"),
        Function("all", 1, 1, None, True, "whether every unit is true", True, "truth"),
        Function("isnan", 1, 1, np.isnan, False, "whether it is not a number", True),
        Function("isinf", 1, 1, np.isinf, False, "whether it is infinite", True),
        Function("isfinite", 1, 1, np.isfinite, False, "whether it is neither", True),
        Function("top", 1, 2, None, True, "the units that are largest without their sign: top(c, 3)"),
        Function("sat", 1, 1, None, True, "which part of the units lies within a tenth of an end of its range"),
        Function("share", 1, 2, None, True, 'which part of the memory a token wrote: share("not"), share(tok[3], c)'),
    ]  # fmt: skip
    return rows


FUNCTIONS: dict[str, Function] = {row.name: row for row in _rows()}


NEAR = 0.1  # of the range, from either end


def saturated(scope: Scope, name: str, series: Series) -> Series:
    """Return which part of some units of a value is saturated.

    Args:
        scope: The run.
        name: Which value it is; its range follows from its equation.
        series: The units that are asked about; NaN where one of them is NaN.

    Raises:
        NoSuchName: The value has no bounds.
    """
    passed, value = scope.owner(name)
    bounds = ranges_of(passed.cell).get(value)
    if bounds is None or bounds[0] == bounds[1]:
        bounded = [one for one, each in ranges_of(passed.cell).items() if each is not None and each[0] < each[1]]
        there = f": there are {', '.join(bounded)}" if bounded else ""
        raise NoSuchName(f"{name} has no bounds, so it cannot be near them{there}")
    low, high = bounds
    margin = NEAR * (high - low)
    near = (series.values <= low + margin) | (series.values >= high - margin)
    part = np.where(np.isnan(series.values).any(axis=1), np.nan, near.mean(axis=1))
    return numbers(part[:, None], series.known, series)
