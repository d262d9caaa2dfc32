"""The functions of an expression: how many arguments each takes, and what it makes of them at every step at once.

What is elementwise in a cell is so here, by the same table of ops. `norm` is the length of a vector; `saturated`
the part of its units that have come so near to an end of their range that they hardly move.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from lstm_tui.debugger.expressions.scope import NoSuchName, Scope
from lstm_tui.debugger.expressions.series import Series, numbers
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.compiler.roles import ranges_of
from lstm_tui.engine.dataclass import dataclass

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
        help: What it is, in a few words.
        takes_truth: Whether its argument may be true or false, and what that becomes: `truth` or `number`.
        takes: `vector` where a matrix means nothing to it, `matrix` or `square` where only such a matrix does;
            else anything.
    """

    name: str
    least: int
    most: int
    apply: Callable[..., Array] | None
    over: bool
    help: str
    truth: bool = False
    takes_truth: str = ""
    takes: Literal["", "vector", "matrix", "square"] = ""


def _over(function: Callable[..., Array]) -> Callable[[Array], Array]:
    return lambda a: np.asarray(function(a, axis=1))[:, None]


def _arg(function: Callable[..., Array]) -> Callable[[Array], Array]:
    """Return the place of the largest or smallest; of a vector with a NaN there is none."""
    return lambda a: np.where(np.isnan(a).any(axis=1), np.nan, function(a, axis=1))[:, None]


def _norm(a: Array) -> Array:
    largest = np.abs(a).max(axis=1, keepdims=True)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)  # squares of large numbers overflow
    return np.asarray(np.sqrt(((a / scale) ** 2).sum(axis=1, keepdims=True)) * scale)


def _quantile(a: Array, part: Array) -> Array:
    """Return the quantiles of rows, interpolated; NaN where the part is not one."""
    parts = np.broadcast_to(part[:, :1], (max(len(a), len(part)), 1))
    wide = np.broadcast_to(a, (len(parts), a.shape[1]))
    place = parts * (a.shape[1] - 1)
    low = np.floor(np.where((parts >= 0) & (parts <= 1), place, 0)).astype(np.intp)
    ordered = np.sort(wide, axis=1)
    below = np.take_along_axis(ordered, low, axis=1)
    above = np.take_along_axis(ordered, np.minimum(low + 1, a.shape[1] - 1), axis=1)
    found = np.where(place == low, below, below + (above - below) * (place - low))
    valid = (parts >= 0) & (parts <= 1) & ~np.isnan(wide).any(axis=1, keepdims=True)
    return np.asarray(np.where(valid, found, np.nan))


def _corr(a: Array, b: Array) -> Array:
    """Return the correlation of rows; NaN where one of them does not vary."""
    a, b = np.broadcast_arrays(a, b)
    vary = (a.max(axis=1) > a.min(axis=1)) & (b.max(axis=1) > b.min(axis=1))
    x, y = (one - one.mean(axis=1, keepdims=True) for one in (a, b))
    x, y = (one / np.abs(one).max(axis=1, keepdims=True) for one in (x, y))  # squares of large numbers overflow
    found = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    return np.where(vary, np.clip(found, -1, 1), np.nan)[:, None]


def _singular(a: Array) -> Array:
    if not np.isfinite(a).all():
        return np.full(min(a.shape), np.nan)
    return np.asarray(np.linalg.svd(a, compute_uv=False), dtype=np.float64)


def _radius(a: Array) -> Array:
    """Return the largest absolute value of the eigenvalues."""
    return np.array([float(np.abs(np.linalg.eigvals(a)).max()) if np.isfinite(a).all() else np.nan])


def _row(function: Callable[..., Array]) -> Callable[..., Array]:
    """Return a function of the op table that leaves steps alone."""
    return lambda *arguments: np.asarray(function(*arguments))


def _rows() -> list[Function]:
    rows = []
    for name, op in OPS.items():
        if name in _NOT_BY_NAME or name in ("sum", "mean", "max", "min"):
            continue
        takes: Literal["", "vector"] = "" if op.elementwise else "vector"
        row = Function(name, op.arity, op.arity, _row(op.forward), not op.elementwise, op.help, takes=takes)
        rows.append(row)
    rows += [
        Function("max", 1, 2, None, False, "the larger of two, unit by unit; the largest unit of one"),
        Function("min", 1, 2, None, False, "the smaller of two, unit by unit; the smallest unit of one"),
        Function("sum", 1, 1, _over(np.sum), True, "all units summed; how many are true", takes_truth="number"),
        Function("mean", 1, 1, _over(np.mean), True, "mean of the units; which part is true", takes_truth="number"),
        Function("std", 1, 1, _over(np.std), True, "how far units lie from their mean"),
        Function("norm", 1, 1, _norm, True, "length of the vector; of a matrix its Frobenius norm"),
        Function("median", 1, 1, _over(np.median), True, "median of the units"),
        Function("quantile", 2, 2, _quantile, True, "the value that a part of the units lies below: quantile(f, .9)"),
        Function("corr", 2, 2, _corr, True, "Pearson's correlation of two vectors, over their units"),
        Function("singular", 1, 1, _singular, True, "singular values of a matrix, largest first", takes="matrix"),
        Function("radius", 1, 1, _radius, True, "spectral radius of a square matrix", takes="square"),
        Function("transpose", 1, 1, None, False, "rows and columns of a matrix exchanged, as W_f.T"),
        Function("argmax", 1, 1, _arg(np.argmax), True, "which unit or class is largest", takes="vector"),
        Function("argmin", 1, 1, _arg(np.argmin), True, "which unit or class is smallest", takes="vector"),
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

ELSEWHERE: dict[str, str] = {
    **dict.fromkeys(("len", "size", "shape", "ndim", "numel", "type", "dtype"), "`whatis EXPR` tells what a value is"),
    **dict.fromkeys(("svd", "svdvals", "spectrum", "singular_values"), "`singular(W_f)` gives the singular values"),
    **dict.fromkeys(("eig", "eigh", "eigvals", "eigenvalues", "rho", "spectral_radius"),
                    "`radius(U_f)` is the largest |eigenvalue|"),
    **dict.fromkeys(("cond", "rank", "matrix_rank"), "`singular(W_f)` gives the singular values, largest first"),
    **dict.fromkeys(("topk", "sort", "sorted", "argsort"), "`top(c, 3)` gives the largest"),
    **dict.fromkeys(("average", "avg"), "`mean(c)`"),
    "var": "`std(c) ** 2`",
    "percentile": "`quantile(c, .9)`",
    **dict.fromkeys(("corrcoef", "pearsonr"), "`corr(f, i)`"),
    **dict.fromkeys(("maximum", "amax"), "`max(c)`, or `max(f, i)` unit by unit"),
    **dict.fromkeys(("minimum", "amin"), "`min(c)`, or `min(f, i)` unit by unit"),
    **dict.fromkeys(("power", "pow", "square"), "`c ** 2`"),
    **dict.fromkeys(("matmul", "inner", "vdot"), "`W_f @ x`, or `dot(f, i)` of two vectors"),
    **dict.fromkeys(("round", "int", "float", "str", "format"), 'figures are chosen by `printf "%.3f", EXPR`'),
    **dict.fromkeys(("T", "t", "swapaxes"), "`transpose(W_f)` exchanges rows and columns"),
    "diff": "`c - prev(c)`",
    "where": "`mean(f > .5)` says of which part something is true",
    "count_nonzero": "`sum(c != 0)`",
}  # fmt: skip
"""Functions of Python, NumPy and PyTorch that have another name here, and what does their work."""


def elsewhere(name: str) -> str | None:
    """Return what stands for a function of Python, NumPy or PyTorch: `np.mean`, `c.mean`, `svd`; None where nothing."""
    of, _, bare = name.rpartition(".")
    if bare in FUNCTIONS and of:
        return f"`{bare}(c)`"
    return ELSEWHERE.get(bare)


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
