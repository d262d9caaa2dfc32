"""What a file computes around its recurrent layers, as a graph of values, and that graph written as a readout.

A value is a series, which has a row for every token, or a vector. Importers build values of what the file describes;
nothing here knows a format.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import reduce
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import exact
from lstm_tui.formats.importers.dense_layers import apply_op
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Norm, PositionEmbedding

StepOp = Dense | AffineScale | Norm | Activation | PositionEmbedding
MOST_VALUES = 150
COMBINE: Mapping[str, tuple[str, Callable[[Array, Array], Array]]] = {
    "add": ("{} + {}", np.add), "sub": ("{} - {}", np.subtract), "mul": ("{} * {}", np.multiply),
    "div": ("{} / {}", np.divide), "max": ("max({}, {})", np.maximum), "min": ("min({}, {})", np.minimum),
}  # fmt: skip
SAID: Mapping[str, str] = {"add": "sum", "sub": "difference", "mul": "product", "div": "quotient"}


@dataclass(frozen=True, eq=False)
class State:
    """A state of one direction of a recurrent layer, a series."""

    layer: Any
    way: int
    state: str
    width: int
    series: bool = True


@dataclass(frozen=True, eq=False)
class Given:
    """What is given from outside, a series; of ids it is one number wide."""

    name: str
    width: int
    series: bool = True


@dataclass(frozen=True, eq=False)
class Lookup:
    """Rows of a table, by ids."""

    name: str
    table: Array
    of: Value
    series: bool

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return int(self.table.shape[1])


@dataclass(frozen=True, eq=False)
class OpValue:
    """An op at every token of a series, or on a vector."""

    op: StepOp
    of: Value

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return int(self.op.w.shape[0]) if isinstance(self.op, Dense) else self.of.width

    @property
    def series(self) -> bool:
        """Whether it has a row for every token."""
        return self.of.series


@dataclass(frozen=True, eq=False)
class Reduced:
    """One vector of a series: `last`, `first`, `mean`, `max`, `min` or `sum` over the tokens."""

    how: str
    of: Value
    series: bool = False

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return self.of.width


@dataclass(frozen=True, eq=False)
class Joined:
    """Values end to end; all are series, or none is."""

    parts: tuple[Value, ...]

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return sum(one.width for one in self.parts)

    @property
    def series(self) -> bool:
        """Whether it has a row for every token."""
        return self.parts[0].series


@dataclass(frozen=True, eq=False)
class PartValue:
    """Some neighbouring numbers of a value."""

    of: Value
    start: int
    width: int

    @property
    def series(self) -> bool:
        """Whether it has a row for every token."""
        return self.of.series


@dataclass(frozen=True, eq=False)
class Combined:
    """Two values number by number, or one number with each of a value: add, sub, mul, div, max or min."""

    how: str
    one: Value
    other: Value

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return max(self.one.width, self.other.width)

    @property
    def series(self) -> bool:
        """Whether it has a row for every token."""
        return self.one.series


@dataclass(frozen=True, eq=False)
class Spread:
    """A vector at every token, such as a query that each is compared with."""

    of: Value
    series: bool = True

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return self.of.width


@dataclass(frozen=True, eq=False)
class StepsSoftmax:
    """Numbers of every token, divided up over the tokens so that each unit of them sums to 1: attention."""

    of: Value
    series: bool = True

    @property
    def width(self) -> int:
        """How many numbers it has."""
        return self.of.width


Value = State | Given | Lookup | OpValue | Reduced | Joined | PartValue | Combined | Spread | StepsSoftmax


def read_by(value: Value) -> tuple[Value, ...]:
    """Return what a value is computed from."""
    if isinstance(value, Joined):
        return value.parts
    if isinstance(value, Combined):
        return (value.one, value.other)
    return () if isinstance(value, State | Given) else (value.of,)


def sources(value: Value, until: Collection[int] = ()) -> list[Value]:
    """Return the states and inputs a value is computed from, each once.

    Args:
        value: The value.
        until: Identities of values that are not looked into, and are among those returned.
    """
    found: dict[int, Value] = {}
    waiting: list[Value] = [value]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, State | Given) or id(one) in until:
            found[id(one)] = one
        else:
            waiting += reversed(read_by(one))
    return list(found.values())


def names_of(value: Value, leaves: Collection[int] = ()) -> list[str]:
    """Return the file's names of the ops between the states, or other leaves, and a value, in order, each once."""
    ops = (one for one in in_order(value, leaves) if isinstance(one, OpValue) and id(one) not in leaves)
    return list(dict.fromkeys(one.op.name for one in ops))


def in_order(value: Value, leaves: Collection[int] = ()) -> Iterator[Value]:
    """Iterate over what a value is computed from and itself, each once and after what it reads.

    Args:
        value: The value.
        leaves: Identities of values that are not looked into.

    Raises:
        UserError: There are too many of them.
    """
    done: set[int] = set()
    waiting: list[tuple[Value, bool]] = [(value, False)]
    while waiting:
        one, ready = waiting.pop()
        if id(one) in done:
            continue
        if ready:
            done.add(id(one))
            if len(done) > 100 * MOST_VALUES:
                raise UserError("more stands around the recurrent layers than is followed here")
            yield one
        else:
            waiting.append((one, True))
            waiting += [(each, False) for each in reversed(read_by(one)) if id(one) not in leaves]


def evaluate(value: Value, known: dict[int, Array], steps: int) -> Array:
    """Return a value by plain arrays: the independent reading an importer is proved by.

    Args:
        value: The value.
        known: Rows by the identity of a value, (T*B, n) of a series, (B, n) of a vector; what is computed is added.
        steps: How many tokens there are, T.
    """
    for one in in_order(value):
        if id(one) not in known:
            known[id(one)] = _computed(one, [known[id(each)] for each in read_by(one)], steps)
    return known[id(value)]


def _computed(value: Value, read: Sequence[Array], steps: int) -> Array:
    if isinstance(value, OpValue) and isinstance(value.op, PositionEmbedding):
        rows = read[0].reshape(steps, -1, read[0].shape[1])
        return np.asarray(rows + value.op.table[:steps, None]).reshape(read[0].shape)
    if isinstance(value, OpValue):
        return apply_op(read[0], value.op)
    if isinstance(value, Lookup):
        return np.asarray(value.table[read[0][:, 0].astype(np.int64)])
    if isinstance(value, Reduced):
        rows = read[0].reshape(steps, -1, read[0].shape[1])
        made: Array = {"last": lambda: rows[-1], "first": lambda: rows[0], "mean": lambda: rows.mean(axis=0),
                       "max": lambda: rows.max(axis=0), "min": lambda: rows.min(axis=0),
                       "sum": lambda: rows.sum(axis=0)}[value.how]()  # fmt: skip
        return made
    if isinstance(value, Joined):
        return np.concatenate(read, axis=1)
    if isinstance(value, Spread):
        return np.tile(read[0], (steps, 1))
    if isinstance(value, StepsSoftmax):
        rows = read[0].reshape(steps, -1, read[0].shape[1])
        grown = np.exp(rows - rows.max(axis=0))
        return np.asarray((grown / grown.sum(axis=0)).reshape(read[0].shape))
    if isinstance(value, PartValue):
        return read[0][:, value.start : value.start + value.width]
    assert isinstance(value, Combined)
    return np.asarray(COMBINE[value.how][1](read[0], read[1]))


def chain_of(value: Value, until: Collection[int] = ()) -> tuple[Value, list[StepOp]]:
    """Return where a row of ops begins that ends in a value, and the ops; of parts a dense layer is made.

    Args:
        value: The value.
        until: Identities of values behind which nothing is looked for.
    """
    ops: list[StepOp] = []
    while isinstance(value, OpValue | PartValue) and id(value) not in until:
        if isinstance(value, OpValue):
            ops.insert(0, value.op)
        else:
            chosen = np.eye(value.of.width, dtype=np.float32)[value.start : value.start + value.width]
            ops.insert(0, Dense("select", chosen))
        value = value.of
    return value, ops


def joined(parts: Sequence[Value]) -> Value:
    """Return values end to end, joins of joins taken apart."""
    flat = [each for one in parts for each in (one.parts if isinstance(one, Joined) else (one,))]
    return flat[0] if len(flat) == 1 else Joined(tuple(flat))


def signature(value: Value) -> tuple[Any, ...]:
    """Return what two readings of a file must share for them to be one: every value, its kind, sizes and numbers."""
    numbers: dict[int, int] = {}
    said: list[Any] = []
    for one in in_order(value):
        numbers[id(one)] = len(numbers)
        kind: Any = type(one).__name__
        if isinstance(one, OpValue):
            kind = (kind, type(one.op).__name__, *(_told(getattr(one.op, each.name)) for each in fields(one.op)))
        elif isinstance(one, Lookup):
            kind = (kind, one.name, one.table.shape)
        elif isinstance(one, Reduced | Combined):
            kind = (kind, one.how)
        elif isinstance(one, PartValue):
            kind = (kind, one.start)
        elif isinstance(one, State):
            kind = (kind, id(one.layer), one.way, one.state)
        said.append((kind, one.width, tuple(numbers[id(each)] for each in read_by(one))))
    return tuple(said)


def with_numbers(name: str, how: str, numbers: Array, first: bool) -> StepOp | None:
    """Return an op that computes with constants, unit by unit; None where there is none.

    Args:
        name: Of what the file has there.
        how: `add`, `sub`, `mul`, `div`, `max` or `min`.
        numbers: One for each unit.
        first: Whether they are the second operand.
    """
    ones, zeros = np.ones_like(numbers), np.zeros_like(numbers)
    same = bool((numbers == numbers[:1]).all())
    text = exact(float(np.float32(numbers[0])))
    if how == "add":
        return AffineScale(name, ones, numbers)
    if how == "mul":
        return AffineScale(name, numbers, zeros)
    if how == "sub":
        return AffineScale(name, ones, -numbers) if first else AffineScale(name, -ones, numbers)
    if how == "div" and first:
        return AffineScale(name, 1 / numbers, zeros)
    if how in ("max", "min") and same:
        return Activation(name, f"{how.capitalize()}={how}(a, {text})")
    return Activation(name, f"Div={text} / a") if how == "div" and same else None


def _told(number: Any) -> Any:
    """Return a field of an op as what can be compared: an array by its numbers, which may be those of one length."""
    return (number.shape, number.tobytes()) if isinstance(number, np.ndarray) else number


def means_of_sums(value: Value, steps: Callable[[Value], int]) -> Value:
    """Return a value in which what divides a sum over all steps by their number is their mean.

    Args:
        value: The value.
        steps: Returns how many steps a series had where it was followed.
    """
    made: dict[int, Value] = {}
    for one in in_order(value):
        below = {id(each): made[id(each)] for each in read_by(one)}
        if all(id(each) == key for key, each in below.items()):
            new = one
        elif isinstance(one, Joined):
            new = Joined(tuple(below[id(each)] for each in one.parts))
        elif isinstance(one, Combined):
            new = Combined(one.how, below[id(one.one)], below[id(one.other)])
        else:
            assert not isinstance(one, State | Given)
            new = replace(one, of=below[id(one.of)])
        if isinstance(one, OpValue) and isinstance(one.op, AffineScale) and not np.any(one.op.b):
            sums = one.of.parts if isinstance(one.of, Joined) else (one.of,)
            scale = np.asarray(one.op.s, np.float64)
            if all(
                isinstance(each, Reduced)
                and each.how == "sum"
                and np.allclose(scale * steps(each.of), 1, rtol=1e-6, atol=0)
                for each in sums
            ):
                means = [Reduced("mean", made[id(each.of)]) for each in sums if isinstance(each, Reduced)]
                new = joined(means)
        made[id(one)] = new
    return made[id(value)]


def select(matrix: Array, of: Value, name: str = "select") -> OpValue:
    """Return a value each of whose numbers is a sum of others with weights, such as one of them."""
    return OpValue(Dense(name, np.asarray(matrix, np.float32)), of)


def added(values: Sequence[Value], how: str = "add") -> Value:
    """Return values of one size put together, number by number."""
    return reduce(lambda one, other: Combined(how, one, other), values)


def reads_past(
    value: Value, ops: Sequence[StepOp], shown: Sequence[Value], entering: Value
) -> tuple[str, list[StepOp]] | None:
    """Return how a value is made of what a layer shows and of what enters it, and the ops behind; None where it is not.

    Args:
        value: What is made of both.
        ops: What is done with it.
        shown: What the layer shows, by its passes.
        entering: What enters the layer, (T, I).

    Returns:
        `added` where the input is added to what its one pass shows; `joined` where the ops choose from what each pass
        shows with its input behind it.
    """
    own = {id(one) for one in shown}
    read = {id(one) for one in sources(value, {*own, id(entering)})}
    matrix = linear(value, [*shown, entering]) if read <= {*own, id(entering)} and read & own else None
    if matrix is None or id(entering) not in read:
        return None
    width = sum(one.width for one in shown)
    one = np.eye(width, dtype=np.float32)
    if len(shown) == 1 and entering.width == width and np.array_equal(matrix, np.concatenate([one, one], axis=1)):
        return "added", list(ops)
    parts, start = [], 0
    for n, state in enumerate(shown):
        entered = matrix[:, width:] if n == 0 else np.zeros((len(matrix), entering.width), np.float32)
        parts += [matrix[:, start : start + state.width], entered]
        start += state.width
    return "joined", [Dense("select", np.concatenate(parts, axis=1)), *ops]


def linear(value: Value, of: Sequence[Value]) -> Array | None:
    """Return the matrix that makes a value of others, end to end, where it is no more than a choice or sum of them."""
    starts = dict(zip((id(one) for one in of), np.cumsum([0, *(one.width for one in of)]), strict=False))
    total = sum(one.width for one in of)

    def rows(one: Value) -> Array | None:
        if id(one) in starts:
            made = np.zeros((one.width, total), np.float32)
            made[np.arange(one.width), starts[id(one)] + np.arange(one.width)] = 1
            return made
        below = [rows(each) for each in read_by(one)]
        given = [each for each in below if each is not None]
        if not given or len(given) < len(below):
            return None
        if isinstance(one, Joined):
            return np.concatenate(given)
        if isinstance(one, PartValue):
            return given[0][one.start : one.start + one.width]
        if isinstance(one, Combined) and one.how in ("add", "sub"):
            return given[0] + given[1] if one.how == "add" else given[0] - given[1]
        if isinstance(one, OpValue) and isinstance(one.op, Dense) and one.op.b is None:
            return np.asarray(one.op.w @ given[0])
        if isinstance(one, OpValue) and isinstance(one.op, AffineScale) and not np.any(one.op.b):
            return np.asarray(one.op.s[:, None] * given[0])
        return None

    return rows(value)
