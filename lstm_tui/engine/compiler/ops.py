"""The op table: what each op is called, computes, passes back and may yield.

This is the definition of every op; the Numba interpreter repeats the arithmetic for speed and is tested
against it. Arrays hold units on their last axis, so the same function serves one step (n,) and a whole
series (T, n). An operand of one number spreads over the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError

Interval = tuple[float, float]
EVERYTHING: Interval = (-math.inf, math.inf)
LAYERNORM_EPSILON = 1e-5


class Code(IntEnum):
    """Number of an op in the instruction table."""

    COPY = 0
    NEG = 1
    ADD = 2
    SUB = 3
    MUL = 4
    DIV = 5
    SIGMOID = 6
    TANH = 7
    RELU = 8
    EXP = 9
    LOG = 10
    SOFTPLUS = 11
    ABS = 12
    SQRT = 13
    STEP = 14
    MAX = 15
    MIN = 16
    CLIP = 17
    LAYERNORM = 18
    SOFTMAX = 19
    DOT = 20
    SUM = 21
    MEAN = 22
    EVERY = 23
    MATVEC = 24
    HOLD = 25
    OUTER = 26
    READ = 27
    BY_HEAD = 28
    BY_ROW = 29
    BY_COLUMN = 30
    EACH_HEAD = 31
    SUM_HEADS = 32
    MEAN_HEADS = 33
    WEIGHTED = 34


class Shape(NamedTuple):
    """How numbers lie that belong to heads: of every head its rows, of every row its columns.

    A vector of as many numbers a head has one row a head.
    """

    heads: int
    rows: int
    columns: int

    @property
    def numbers(self) -> int:
        """How many numbers that are."""
        return self.heads * self.rows * self.columns

    def place(self, unit: int) -> tuple[int, int, int]:
        """Return the head, row and column of a unit, each from 0."""
        line, column = divmod(unit, self.columns)
        return (*divmod(line, self.rows), column)

    def written(self, unit: int) -> str:
        """Return where a unit stands as it is typed in brackets: `2,3`, of several heads `0,2,3`."""
        places = self.place(unit)
        return ",".join(map(str, places[1:] if self.heads == 1 else places))

    def find(self, value: str, entries: tuple[int, ...]) -> int:
        """Return which unit stands at a row and column, or at a head, row and column, of a value of that name.

        Raises:
            UserError: There is no such place.
        """
        places = (0, *entries) if len(entries) == 2 and self.heads == 1 else entries
        if len(places) != 3:
            named = "row, column" if self.heads == 1 else "head, row, column"
            raise UserError(f"{value} has {self.heads} head{'s' * (self.heads > 1)}: write {value}[{named}]")
        for place, size, what in zip(places, self, ("head", "row", "column"), strict=True):
            if not 0 <= place < size:
                raise UserError(f"{value} has {size} {what}{'s' * (size > 1)}, from 0")
        return self.unit(*places)

    def unit(self, head: int, row: int, column: int) -> int:
        """Return which unit stands there."""
        return (head * self.rows + row) * self.columns + column


@dataclass(frozen=True)
class Op:
    """One row of the op table.

    Attributes:
        name: Its name in the language.
        code: Its number in the instruction table.
        arity: How many operands it has.
        form: How it is written on the screen, with the operands as {0}, {1}, {2}.
        forward: The values of the operands to the value of the op.
        backward: The gradient of the result, the result and the operands to the gradient of each operand,
            all in the shape of the result; spreading is undone by the interpreter.
        interval: Where the result can lie, from where the operands can.
        elementwise: Whether unit u of the result needs only unit u of the operands.
        single: Whether the result is one number.
        help: One sentence for the screen.
    """

    name: str
    code: Code
    arity: int
    form: str
    forward: Callable[..., Array]
    backward: Callable[..., tuple[Array | None, ...]]
    interval: Callable[..., Interval]
    elementwise: bool = True
    single: bool = False
    help: str = ""

    @property
    def passes_back(self) -> bool:
        """Whether any gradient goes through it: a threshold and a clock pass none, whatever the numbers."""
        return self.backward is not _no_gradient or self.code == Code.MATVEC  # whose gradient needs its matrix

    def __reduce__(self) -> tuple[Callable[[str], Op], tuple[str]]:
        """Travel by name: what it computes is here, in every process."""
        return op_named, (self.name,)


def sigmoid(a: Array) -> Array:
    """Return 1 / (1 + e^-a) without overflow on either side."""
    z = np.exp(-np.abs(a))
    return np.asarray(np.where(a >= 0, a.dtype.type(1), z) / (1 + z))


def softplus(a: Array) -> Array:
    """Return log(1 + e^a) without overflow."""
    return np.maximum(a, 0) + np.log1p(np.exp(-np.abs(a)))


def layernorm(a: Array) -> Array:
    """Return a with mean 0 and population variance 1 over its units (epsilon 1e-5)."""
    centred = a - a.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    return np.asarray(centred / np.sqrt(variance + a.dtype.type(LAYERNORM_EPSILON)))


def _layernorm_back(d: Array, y: Array, a: Array) -> tuple[Array]:
    centred = a - a.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True)
    inner = d - d.mean(axis=-1, keepdims=True) - y * (d * y).mean(axis=-1, keepdims=True)
    return (inner / np.sqrt(variance + a.dtype.type(LAYERNORM_EPSILON)),)


def softmax(a: Array) -> Array:
    """Return e^a over its sum, with the largest taken out first."""
    z = np.asarray(a - a.max(axis=-1, keepdims=True))
    np.exp(z, out=z)
    z /= z.sum(axis=-1, keepdims=True)
    return z


def _softmax_back(d: Array, y: Array, a: Array) -> tuple[Array]:
    passed = d * y
    np.subtract(d, passed.sum(axis=-1, keepdims=True), out=passed)
    passed *= y
    return (passed,)


def held(a: Array, modes: Array, numbers: Array) -> Array:
    """Return a value as an edit holds it: mode 0 leaves its bits, 1 sets it, 2 multiplies it."""
    return np.asarray(np.where(modes == 0, a, np.where(modes == 1, numbers, a * numbers)))


def _every(a: Array) -> Array:
    raise NotImplementedError("`every` needs the clock of the pass")


def _matvec(a: Array) -> Array:
    raise NotImplementedError("`@` needs its matrix")


def _no_gradient(d: Array, y: Array, *operands: Array) -> tuple[None, ...]:
    return (None,) * len(operands)


# --- where a result can lie -----------------------------------------------------------------------------


def _corner(values: list[float]) -> Interval:
    """Return the smallest and largest of some corners; inf * 0 is 0 for a limit of an interval."""
    clean = [0.0 if math.isnan(v) else v for v in values]
    return (min(clean), max(clean))


def _mul_interval(a: Interval, b: Interval) -> Interval:
    return _corner([p * q for p in a for q in b])


def _div_interval(a: Interval, b: Interval) -> Interval:
    if b[0] <= 0 <= b[1]:
        return EVERYTHING
    return _mul_interval(a, (1 / b[1], 1 / b[0]))


def _monotone(function: Callable[[float], float]) -> Callable[[Interval], Interval]:
    return lambda a: (function(a[0]), function(a[1]))


def _fixed(low: float, high: float) -> Callable[..., Interval]:
    return lambda *operands: (low, high)


def _exp(v: float) -> float:
    return math.exp(v) if v < 700 else math.inf


def _log(v: float) -> float:
    return math.log(v) if v > 0 else -math.inf


def _abs_interval(a: Interval) -> Interval:
    low, high = sorted((abs(a[0]), abs(a[1])))
    return (0.0 if a[0] <= 0 <= a[1] else low, high)


# --- the table ------------------------------------------------------------------------------------------

_ROWS = (
    Op("copy", Code.COPY, 1, "{0}", lambda a: a, lambda d, y, a: (d,), lambda a: a, help="the same numbers"),
    Op("neg", Code.NEG, 1, "-{0}", lambda a: -a, lambda d, y, a: (-d,), lambda a: (-a[1], -a[0]), help="sign changed"),
    Op("add", Code.ADD, 2, "{0} + {1}", lambda a, b: a + b, lambda d, y, a, b: (d, d),
       lambda a, b: (a[0] + b[0], a[1] + b[1]), help="sum, unit by unit"),
    Op("sub", Code.SUB, 2, "{0} - {1}", lambda a, b: a - b, lambda d, y, a, b: (d, -d),
       lambda a, b: (a[0] - b[1], a[1] - b[0]), help="difference, unit by unit"),
    Op("mul", Code.MUL, 2, "{0} · {1}", lambda a, b: a * b, lambda d, y, a, b: (d * b, d * a),
       _mul_interval, help="product, unit by unit"),
    Op("div", Code.DIV, 2, "{0} / {1}", lambda a, b: a / b, lambda d, y, a, b: (d / b, -d * y / b),
       _div_interval, help="quotient, unit by unit"),
    Op("sigmoid", Code.SIGMOID, 1, "σ({0})", sigmoid, lambda d, y, a: (d * y * (1 - y),), _fixed(0.0, 1.0),
       help="logistic function: any number to 0…1"),
    Op("tanh", Code.TANH, 1, "tanh({0})", np.tanh, lambda d, y, a: (d * (1 - y * y),), _fixed(-1.0, 1.0),
       help="any number to -1…1, steepest at 0"),
    Op("relu", Code.RELU, 1, "relu({0})", lambda a: np.maximum(a, 0), lambda d, y, a: (d * (a > 0),),
       _monotone(lambda v: max(v, 0.0)), help="negative numbers become 0"),
    Op("exp", Code.EXP, 1, "exp({0})", np.exp, lambda d, y, a: (d * y,), _monotone(_exp), help="e to this power"),
    Op("log", Code.LOG, 1, "log({0})", np.log, lambda d, y, a: (d / a,), _monotone(_log), help="natural logarithm"),
    Op("softplus", Code.SOFTPLUS, 1, "softplus({0})", softplus, lambda d, y, a: (d * sigmoid(a),),
       lambda a: (0.0, max(a[1], 0.0) + 0.7), help="log(1 + e^a): a smooth relu"),
    Op("abs", Code.ABS, 1, "|{0}|", np.abs, lambda d, y, a: (d * np.sign(a),), _abs_interval, help="without the sign"),
    Op("sqrt", Code.SQRT, 1, "√({0})", np.sqrt, lambda d, y, a: (d / (2 * y),),
       _monotone(lambda v: math.sqrt(v) if v > 0 else 0.0), help="square root"),
    Op("step", Code.STEP, 1, "step({0})", lambda a: np.where(np.isnan(a), a, a > 0).astype(a.dtype), _no_gradient,
       _fixed(0.0, 1.0), help="1 above 0, else 0; no gradient"),
    Op("max", Code.MAX, 2, "max({0}, {1})", np.maximum, lambda d, y, a, b: (d * (a >= b), d * (a < b)),
       lambda a, b: (max(a[0], b[0]), max(a[1], b[1])), help="the larger, unit by unit"),
    Op("min", Code.MIN, 2, "min({0}, {1})", np.minimum, lambda d, y, a, b: (d * (a <= b), d * (a > b)),
       lambda a, b: (min(a[0], b[0]), min(a[1], b[1])), help="the smaller, unit by unit"),
    Op("clip", Code.CLIP, 3, "clip({0}, {1}, {2})", lambda a, lo, hi: np.minimum(np.maximum(a, lo), hi),
       lambda d, y, a, lo, hi: (d * ((a > lo) & (a < hi)), d * ((a < lo) & (lo < hi)), d * ((a > hi) | (lo > hi))),
       lambda a, lo, hi: (min(max(a[0], lo[0]), hi[0]), min(max(a[1], lo[1]), hi[1])), help="held between two limits"),
    Op("layernorm", Code.LAYERNORM, 1, "layernorm({0})", layernorm, _layernorm_back, _fixed(*EVERYTHING),
       elementwise=False, help="mean 0 and variance 1 over the units"),
    Op("softmax", Code.SOFTMAX, 1, "softmax({0})", softmax, _softmax_back, _fixed(0.0, 1.0),
       elementwise=False, help="e^a over its sum: parts of one"),
    Op("dot", Code.DOT, 2, "dot({0}, {1})", lambda a, b: (a * b).sum(axis=-1, keepdims=True),
       lambda d, y, a, b: (d * b, d * a), _fixed(*EVERYTHING), elementwise=False, single=True,
       help="products summed: one number"),
    Op("sum", Code.SUM, 1, "sum({0})", lambda a: a.sum(axis=-1, keepdims=True),
       lambda d, y, a: (np.broadcast_to(d, a.shape),), _fixed(*EVERYTHING), elementwise=False, single=True,
       help="all units summed: one number"),
    Op("mean", Code.MEAN, 1, "mean({0})", lambda a: a.mean(axis=-1, keepdims=True),
       lambda d, y, a: (np.broadcast_to(d / a.shape[-1], a.shape),), lambda a: a, elementwise=False, single=True,
       help="mean of the units: one number"),
    Op("every", Code.EVERY, 1, "every({0})", _every, _no_gradient, _fixed(0.0, 1.0),
       help="1 where the steps taken divide by this period, else 0"),
    Op("hold", Code.HOLD, 3, "held({0})", held,
       lambda d, y, a, modes, numbers: (
           np.where(modes == 0, d, np.where(modes == 1, 0, d * numbers)), None, np.where(modes == 1, d, 0)),
       _fixed(*EVERYTHING), help="an edit: where it is held, its number instead of the equation's"),
    Op("matvec", Code.MATVEC, 1, "{m}·{0}", _matvec, _no_gradient, _fixed(*EVERYTHING), elementwise=False,
       help="each row of the matrix times the vector, summed"),
)  # fmt: skip

OPS: dict[str, Op] = {op.name: op for op in _ROWS}

# --- over heads: matrices that are values, and vectors of as many numbers a head -------------------------


def _in_heads(a: Array, shape: Shape) -> Array:
    """Return numbers (…, n) as (…, heads, rows, columns)."""
    return a.reshape(*a.shape[:-1], *shape)


def _per_head(a: Array, heads: int) -> Array:
    """Return numbers (…, n) as (…, heads, n / heads)."""
    return a.reshape(*a.shape[:-1], heads, -1)


def _flat(a: Array, axes: int) -> Array:
    """Return numbers whose last axes are those of heads as (…, n)."""
    return np.asarray(a.reshape(*a.shape[: a.ndim - axes], -1))


def _outer(shape: Shape, v: Array, k: Array) -> Array:
    return _flat(_per_head(v, shape.heads)[..., :, None] * _per_head(k, shape.heads)[..., None, :], 3)


def _outer_back(shape: Shape, d: Array, y: Array, v: Array, k: Array) -> tuple[Array, Array]:
    whole = _in_heads(d, shape)
    by_row, by_column = _per_head(v, shape.heads)[..., :, None], _per_head(k, shape.heads)[..., None, :]
    return _flat((whole * by_column).sum(axis=-1), 2), _flat((whole * by_row).sum(axis=-2), 2)


def _read(shape: Shape, s: Array, q: Array) -> Array:
    return _flat((_in_heads(s, shape) * _per_head(q, shape.heads)[..., None, :]).sum(axis=-1), 2)


def _read_back(shape: Shape, d: Array, y: Array, s: Array, q: Array) -> tuple[Array, Array]:
    by_row = _per_head(d, shape.heads)[..., :, None]
    by_column = _per_head(q, shape.heads)[..., None, :]
    return _flat(by_row * by_column, 3), _flat((_in_heads(s, shape) * by_row).sum(axis=-2), 2)


def _weighted(shape: Shape, m: Array, a: Array) -> Array:
    return _flat((_in_heads(m, shape) * _per_head(a, shape.heads)[..., :, None]).sum(axis=-2), 2)


def _weighted_back(shape: Shape, d: Array, y: Array, m: Array, a: Array) -> tuple[Array, Array]:
    by_row = _per_head(a, shape.heads)[..., :, None]
    by_column = _per_head(d, shape.heads)[..., None, :]
    return _flat(by_row * by_column, 3), _flat((_in_heads(m, shape) * by_column).sum(axis=-1), 2)


def _by_head(shape: Shape, a: Array) -> Array:
    return np.asarray(np.repeat(a, shape.rows * shape.columns, axis=-1))


def _by_row(shape: Shape, a: Array) -> Array:
    return np.asarray(np.repeat(a, shape.columns, axis=-1))


def _by_column(shape: Shape, a: Array) -> Array:
    one = _per_head(a, shape.heads)[..., None, :]
    return _flat(np.broadcast_to(one, (*one.shape[:-2], shape.rows, shape.columns)), 3)


def _each_head(shape: Shape, a: Array) -> Array:
    one = a[..., None, :]
    return _flat(np.broadcast_to(one, (*one.shape[:-2], shape.heads, a.shape[-1])), 2)


_HEAD_ROWS = (
    Op("outer", Code.OUTER, 2, "outer({0}, {1})", _outer, _outer_back, _mul_interval, elementwise=False,
       help="a matrix a head: each number of the first times each of the second, rows by columns"),
    Op("read", Code.READ, 2, "{0}·{1}", _read, _read_back, _fixed(*EVERYTHING), elementwise=False,
       help="each row of a memory that is a matrix times the vector, summed, head by head"),
    Op("by_head", Code.BY_HEAD, 1, "by_head({0})", _by_head,
       lambda shape, d, y, a: (_per_head(d, shape.heads).sum(axis=-1),), lambda a: a, elementwise=False,
       help="one number a head, for all numbers of its head"),
    Op("by_row", Code.BY_ROW, 1, "by_row({0})", _by_row,
       lambda shape, d, y, a: (_per_head(d, shape.heads * shape.rows).sum(axis=-1),), lambda a: a, elementwise=False,
       help="one number a row, for all columns of a matrix"),
    Op("by_column", Code.BY_COLUMN, 1, "by_column({0})", _by_column,
       lambda shape, d, y, a: (_flat(_in_heads(d, shape).sum(axis=-2), 2),), lambda a: a, elementwise=False,
       help="one number a column, for all rows of a matrix"),
    Op("each_head", Code.EACH_HEAD, 1, "each_head({0})", _each_head,
       lambda shape, d, y, a: (_per_head(d, shape.heads).sum(axis=-2),), lambda a: a, elementwise=False,
       help="the same numbers for every head"),
    Op("sum_heads", Code.SUM_HEADS, 1, "sum_heads({0})",
       lambda shape, a: _per_head(a, shape.heads).sum(axis=-1), lambda shape, d, y, a: (_by_head(shape, d),),
       _fixed(*EVERYTHING), elementwise=False, help="the numbers of each head summed: one number a head"),
    Op("mean_heads", Code.MEAN_HEADS, 1, "mean_heads({0})",
       lambda shape, a: _per_head(a, shape.heads).mean(axis=-1),
       lambda shape, d, y, a: (_by_head(shape, d / a.dtype.type(shape.columns)),),
       lambda a: a, elementwise=False, help="the mean of the numbers of each head: one number a head"),
    Op("weighted", Code.WEIGHTED, 2, "{1}·{0}", _weighted, _weighted_back, _fixed(*EVERYTHING), elementwise=False,
       help="the rows of a matrix, each times its weight, summed, head by head"),
)  # fmt: skip

HEAD_OPS: dict[str, Op] = {op.name: op for op in _HEAD_ROWS}
"""Ops whose `forward` and `backward` take a shape before all else."""
EVERY_OP: dict[str, Op] = OPS | HEAD_OPS


def op_named(name: str) -> Op:
    """Return a row of the op table."""
    return EVERY_OP[name]


BY_AT = ("read", "weighted")
"""Ops over heads that are written by `@`, with the matrix for their first operand: `M @ q` and `a @ M`."""


def operand_sizes(name: str, shape: Shape) -> tuple[int, ...]:
    """Return how many numbers each operand of an op over heads has."""
    heads, rows, columns = shape
    return {
        "outer": (heads * rows, heads * columns),
        "read": (shape.numbers, heads * columns),
        "weighted": (shape.numbers, heads * rows),
        "by_head": (heads,),
        "by_row": (heads * rows,),
        "by_column": (heads * columns,),
        "each_head": (rows * columns,),
    }.get(name, (shape.numbers,))


def result_size(name: str, shape: Shape) -> int:
    """Return how many numbers an op over heads gives."""
    if name in ("sum_heads", "mean_heads"):
        return shape.heads
    return {"read": shape.heads * shape.rows, "weighted": shape.heads * shape.columns}.get(name, shape.numbers)


def operand_units(name: str, shape: Shape, unit: int) -> tuple[int | None, ...]:
    """Return which unit of each operand one of the result of an op over heads needs; None where it needs more."""
    if name in BY_AT:
        return (None, None)
    if name in ("sum_heads", "mean_heads"):
        return (None,)
    head, row, column = shape.place(unit)
    by_row, by_column = head * shape.rows + row, head * shape.columns + column
    if name == "outer":
        return (by_row, by_column)
    places = {"by_head": head, "by_row": by_row, "by_column": by_column}
    return (places.get(name, row * shape.columns + column),)


def over_heads(name: str, shape: Shape, *operands: Array) -> Array:
    """Return what an op over heads gives; an operand of one number spreads over the size that is asked of it."""
    sizes = operand_sizes(name, shape)
    wide = (np.broadcast_to(a, (*a.shape[:-1], size)) for a, size in zip(operands, sizes, strict=True))
    return HEAD_OPS[name].forward(shape, *wide)


# --- over the steps of a run: only in the `whole` part of a readout ------------------------------------


@dataclass(frozen=True)
class StepsOp:
    """An op over the steps of a series: (T, n) to (n,), or to (T, n) for `softmax_steps`."""

    name: str
    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array, Array], Array]
    interval: Callable[[Interval], Interval]
    keeps_series: bool
    help: str

    def __reduce__(self) -> tuple[Callable[[str], StepsOp], tuple[str]]:
        """Travel by name: what it computes is here, in every process."""
        return steps_op_named, (self.name,)


def _sum_steps(a: Array) -> Array:
    # Added in tape order, so that a prefix of the tape gives the same bits as the longer run it starts.
    return np.asarray(np.add.accumulate(a, axis=0)[-1])


def _mean_steps(a: Array) -> Array:
    return np.asarray(_sum_steps(a) / a.dtype.type(len(a)))


def _softmax_steps(a: Array) -> Array:
    z = np.exp(a - a.max(axis=0))
    return np.asarray(z / z.sum(axis=0))


def _softmax_steps_back(d: Array, y: Array, a: Array) -> Array:
    return np.asarray(y * (d - (d * y).sum(axis=0)))


def _max_steps_back(d: Array, y: Array, a: Array) -> Array:
    gradient = np.zeros_like(a)
    first = a.argmax(axis=0)
    gradient[first, np.arange(a.shape[1])] = d
    return gradient


def _at(place: int) -> Callable[[Array, Array, Array], Array]:
    def back(d: Array, y: Array, a: Array) -> Array:
        gradient = np.zeros_like(a)
        gradient[place] = d
        return gradient

    return back


def steps_op_named(name: str) -> StepsOp:
    """Return an op over steps."""
    return STEPS_OPS[name]


STEPS_OPS: dict[str, StepsOp] = {
    op.name: op
    for op in (
        StepsOp("softmax_steps", _softmax_steps, _softmax_steps_back, lambda a: (0.0, 1.0), True,
                "weights over the tokens that sum to 1"),
        StepsOp("sum_steps", _sum_steps, lambda d, y, a: np.broadcast_to(d, a.shape), lambda a: EVERYTHING, False,
                "sum over the tokens"),
        StepsOp("mean_steps", _mean_steps, lambda d, y, a: np.broadcast_to(d / len(a), a.shape), lambda a: a, False,
                "mean over the tokens"),
        StepsOp("max_steps", lambda a: a.max(axis=0), _max_steps_back, lambda a: a, False,
                "the largest over the tokens"),
        StepsOp("first", lambda a: a[0], _at(0), lambda a: a, False, "at the first token of the tape"),
        StepsOp("last", lambda a: a[-1], _at(-1), lambda a: a, False, "at the last token of the tape"),
    )
}  # fmt: skip

FUNCTION_NAMES = frozenset(
    set(EVERY_OP) - {"copy", "neg", "add", "sub", "mul", "div", "matvec", "hold", *BY_AT} | {"part", "concat", "prev"}
)
"""What may be called in a cell; a readout's `whole` part may also call STEPS_OPS."""
