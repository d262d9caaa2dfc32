"""Where every number of a tensor comes from: numbers that name their origin go through the file's own layout nodes.

Nodes that only move numbers (Transpose, Reshape, Slice, Gather, Concat …) are run by onnx on *origins*, whole numbers
that each stand for one unit of one value at one token. So which axis is time, which steps are taken, in which order
and of which direction is read off, and never guessed. Nodes that compute make new values of what they read.

Beside the origins onnx computes the same nodes on random numbers; what the values give must be that, shape for shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import exact
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Norm, PositionEmbedding
from lstm_tui.formats.importers.program.graph import (
    CHOICE,
    RECURRENT,
    ProgramGraph,
    UnsupportedNode,
    attribute,
    label,
    random_of,
)
from lstm_tui.formats.importers.values import (
    Combined,
    Given,
    Lookup,
    OpValue,
    PartValue,
    Reduced,
    Spread,
    State,
    StepOp,
    StepsSoftmax,
    Value,
    evaluate,
    in_order,
    joined,
    read_by,
    select,
    with_numbers,
)

CLOSE = 1e-4
_MOST_SEGMENTS = 16
_MOST_ORIGINS = 20_000_000
_LEAST_PLACES, _MOST_PLACES = 8, 1024
"""How many rows a table of places has at least, more than are tried, and at most."""
Units = int | tuple[int, int] | None
"""Along which axis of a tensor units stand, along which two, or along none."""
_DOES_NOT_FIT = (ValueError, IndexError, TypeError, KeyError, ZeroDivisionError, OverflowError)
"""What NumPy raises of shapes that a file was not made for."""
_BEYOND = -2
"""Origin of numbers behind the last step that the file reads; 0 is that of a zero, -1 of another constant."""
_MOVES = frozenset((
    "Transpose", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Slice", "Gather", "Split", "Concat", "Expand", "Tile",
    "GatherND", "GatherElements", "Pad", "ReverseSequence", "DepthToSpace", "SpaceToDepth",
))  # fmt: skip
_SAME = ("Identity", "Dropout", "Cast", "CastLike")
_FUNCTIONS = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softplus": "softplus", "Softsign": "softsign",
    "Exp": "exponential", "Silu": "swish",
    "Abs": "Abs=abs(a)", "Sqrt": "Sqrt=sqrt(a)", "Log": "Log=log(a)",
    "HardSwish": "hard_swish", "Mish": "mish", "LogSigmoid": "log_sigmoid", "Erf": "erf",
    "Reciprocal": "Reciprocal=1 / a", "Sign": "Sign=step(a) - step(-a)",
}  # fmt: skip
_REDUCE = {"ReduceMean": "mean", "ReduceMax": "max", "ReduceMin": "min", "ReduceSum": "sum",
           "GlobalAveragePool": "mean", "GlobalMaxPool": "max"}  # fmt: skip
_BINARY = {"Add": "add", "Sub": "sub", "Mul": "mul", "Div": "div", "Max": "max", "Min": "min", "Sum": "add"}


@dataclass(frozen=True)
class InputLayout:
    """How an input is laid out.

    Attributes:
        shape: Its sizes, all of them known.
        time: The axis that is the tape; None where the file takes one step.
        feature: The axis of the numbers of a step; None where each is one number.
    """

    shape: tuple[int, ...]
    time: int | None
    feature: int | None


@dataclass(frozen=True, eq=False)
class Reading:
    """How a recurrent node reads the tape.

    Attributes:
        node: The node.
        value: What it reads; None where that is not known.
        why: Why it is not known.
        way: `forward` or `backward` along the tape, of its first direction.
        one_step: Whether every token is a sequence of its own.
        steps: How many tokens it reads.
        limit: How many steps a constant of the file lets it read, or None.
        others: How many further sequences the file takes beside the first.
    """

    node: Any
    value: Value | None
    why: str = ""
    way: str = "forward"
    one_step: bool = False
    steps: int = 0
    limit: int | None = None
    others: int = 0


@dataclass(frozen=True)
class _Place:
    base: int
    steps: int
    batch: int


@dataclass
class GraphTrace:
    """A graph followed for one number of steps.

    Attributes:
        graph: The graph.
        tapes: How each input that is followed is laid out.
        steps: Tokens of a node whose input is not followed.
        seed: Of the random numbers.
        shapes: Sizes of the inputs that are not followed.
        alone: Identities of nodes that read each token as a sequence of its own, where their input is not followed.
        ids: Origins of tensors.
        broken: Why a tensor is not followed that depends on the recurrent layers or on an input.
        numbers: What onnx computes.
        readings: How each recurrent node reads the tape, by its identity.
        places: Where the origins of a value begin, by its identity, and for how many tokens and sequences.
        values: Those with origins, in the order of these.
        known: Numbers of the values, by their identity.
    """

    graph: ProgramGraph
    tapes: Mapping[str, InputLayout]
    steps: int
    seed: int = 0
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    alone: frozenset[int] = frozenset()
    ids: dict[str, Array] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, Array] = field(default_factory=dict)
    readings: dict[int, Reading] = field(default_factory=dict)
    places: dict[int, _Place] = field(default_factory=dict)
    values: list[Value] = field(default_factory=list)
    known: dict[int, Array] = field(default_factory=dict)
    _bases: list[int] = field(default_factory=list)
    _size: int = 1
    _made: dict[Any, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Follow every node."""
        self._random = np.random.default_rng(self.seed)
        for name, (kind, _) in self.graph.inputs.items():
            self._input(name, kind)
        for node in self.graph.nodes:
            self._visit(node)

    def proved(self, name: str) -> bool:
        """Say whether what onnx computes of a tensor is what its values give, shape for shape."""
        theirs = self.number(name)
        ids = self.ids[name]
        mine = self._table()[np.maximum(ids, 0)]
        if theirs.shape != mine.shape:
            return False
        there = ids >= 0
        return bool(np.allclose(theirs[there], mine[there], CLOSE, CLOSE, equal_nan=True))

    def states(self, node: Any) -> list[State]:
        """Return the states of a recurrent node."""
        return [one for one in self.values if isinstance(one, State) and one.layer is node]

    def ways(self, node: Any) -> list[State]:
        """Return what a recurrent node shows of each of its directions."""
        return [one for one in self.states(node) if one.state == "h"]

    def number(self, name: str) -> Array:
        """Return a tensor as onnx computes it of the random numbers.

        Raises:
            UnsupportedNode: It cannot be computed.
        """
        return self.graph.evaluate(name, self.numbers, keep=True)

    def said(self, name: str) -> tuple[Value, Array]:
        """Return the value of a tensor and the positions of its rows.

        Raises:
            UnsupportedNode: It is no value.
        """
        if name not in self.ids:
            raise UnsupportedNode(self.broken.get(name, f"{visible(name)} does not come from the recurrent layers"))
        return self._rows_of_some(self.ids[name])[:2]

    def sequences(self, name: str) -> set[int]:
        """Return of which sequences of a batch the numbers of a tensor are, or of what it is made of that is known."""
        made = {one: node for node in self.graph.nodes for one in node.output}
        waiting, seen = [name], {name}
        found: set[int] = set()
        while waiting:
            one = waiting.pop()
            ids = self.ids.get(one)
            if ids is None:
                read = {each for each in (made[one].input if one in made else ()) if each} - seen
                seen |= read
                waiting += read
                continue
            there = ids[ids > 0]
            which = np.searchsorted(np.array(self._bases), there, side="right") - 1
            for number in np.unique(which).tolist():
                value = self.values[number]
                rows = (there[which == number] - self._bases[number]) // value.width
                found |= set((rows % self.places[id(value)].batch).tolist())
        return found

    def steps_of(self, value: Value) -> int:
        """Return how many steps a value has, or the series that it is made of."""
        return self._extent(value)[0]

    def _table(self) -> Array:
        return np.concatenate([np.zeros(1), *(self.known[id(one)].reshape(-1) for one in self.values)])

    def _input(self, name: str, kind: int) -> None:
        tape = self.tapes.get(name)
        shape = tape.shape if tape is not None else self.shapes.get(name, ())
        numbers = random_of(kind, shape, self._random)
        self.numbers[name] = numbers
        if tape is None:
            self.broken[name] = f"{visible(name)} is given from outside"
            return
        axes = [axis for axis in range(len(shape)) if axis not in (tape.time, tape.feature)]
        steps = 1 if tape.time is None else shape[tape.time]
        width = 1 if tape.feature is None else shape[tape.feature]
        order = [*([] if tape.time is None else [tape.time]), *axes, *([] if tape.feature is None else [tape.feature])]
        batch = numbers.size // max(steps * width, 1)
        value = Given(name, width)
        self._register(value, steps, batch, np.transpose(numbers, order).reshape(-1, width))
        codes = self._codes(value, np.arange(steps * batch))
        self.ids[name] = np.transpose(codes.reshape([shape[axis] for axis in order]), np.argsort(order))

    def _register(self, value: Value, steps: int, batch: int, numbers: Array | None = None) -> None:
        rows = steps * batch if value.series else batch
        if self._size + rows * value.width > _MOST_ORIGINS:
            raise UnsupportedNode("its values are more than are followed here")
        self.places[id(value)] = _Place(self._size, steps, batch)
        self._bases.append(self._size)
        self._size += rows * value.width
        self.values.append(value)
        if numbers is not None:
            self.known[id(value)] = numbers
        with np.errstate(all="ignore"):
            for one in in_order(value):  # what it is made of may be of other inputs, which have other lengths
                if id(one) not in self.known:
                    evaluate(one, self.known, self._extent(one)[0])

    def _codes(self, value: Value, positions: Array) -> Array:
        """Return the origins of rows of a value: the shape of the positions, and its width."""
        if id(value) not in self.places:
            self._register(value, *self._extent(value))
        place = self.places[id(value)]
        codes = place.base + positions[..., None] * value.width + np.arange(value.width)
        return np.where(positions[..., None] < 0, _BEYOND, codes)

    def _extent(self, value: Value) -> tuple[int, int]:
        waiting: list[Value] = [value]
        while waiting:
            one = waiting.pop()
            if id(one) in self.places:
                return self.places[id(one)].steps, self.places[id(one)].batch
            waiting += read_by(one)
        raise UnsupportedNode("it reads nothing")

    # Nodes, one at a time.

    def _visit(self, node: Any) -> None:
        reads = [one for one in node.input if one]
        try:
            if node.op_type in RECURRENT and node.domain in ("", "ai.onnx"):
                self._recurrent(node)
            elif node.op_type in ("Shape", "Size"):
                return
            elif node.op_type == CHOICE:
                self._choice(node)
            elif any(one in self.broken for one in reads):
                raise UnsupportedNode(next(self.broken[one] for one in reads if one in self.broken))
            elif any(one in self.ids for one in reads):
                self._followed(node)
        except (UnsupportedNode, *_DOES_NOT_FIT) as error:
            why = str(error) if isinstance(error, UnsupportedNode) else f"{label(node)} cannot take what it is given"
            for name in node.output:
                if name:
                    self.ids.pop(name, None)
                    self.broken[name] = why

    def _choice(self, node: Any) -> None:
        condition = node.input[0]
        if condition in self.ids or condition in self.broken:
            raise UnsupportedNode(f"{label(node)} depends on the numbers")
        count = len(node.output)
        start = 1 if np.all(self.number(condition)) else 1 + count
        for name, taken in zip(node.output, node.input[start : start + count], strict=True):
            self._alias(name, taken)

    def _alias(self, name: str, other: str) -> None:
        if other in self.ids:
            self.ids[name] = self.ids[other]
        elif other in self.broken:
            self.broken[name] = self.broken[other]

    def _followed(self, node: Any) -> None:
        kind = node.op_type
        if why := attribute(node, "why", ""):
            raise UnsupportedNode(str(why))
        if node.domain not in ("", "ai.onnx"):
            raise UnsupportedNode(f"{label(node)} is not run here")
        if kind in _SAME:
            self._kept(node)
        elif kind == "Gather" and node.input[1] in self.ids:
            self._lookup(node)
        elif kind in _MOVES:
            self._moved(node)
        elif kind in _REDUCE:
            self._reduced(node, _REDUCE[kind])
        elif kind in _BINARY:
            self._binary(node, _BINARY[kind])
        elif kind in ("MatMul", "Gemm", "Conv"):
            self._product(node)
        elif kind == "PRelu":
            self._sloped(node)
        elif kind == "Einsum":
            self._summed_up(node)
        elif kind in _BY_NAME or kind in _FUNCTIONS:
            self._pointwise(node)
        elif kind in ("BatchNormalization", "LayerNormalization", "Softmax", "LogSoftmax"):
            self._along_units(node)
        else:
            raise UnsupportedNode(f"{label(node)} is not known here")

    def _kept(self, node: Any) -> None:
        if node.op_type in ("Cast", "CastLike") and self.number(node.output[0]).dtype.kind not in "fiu":
            raise UnsupportedNode(f"{label(node)} makes something else of its numbers")
        if node.op_type == "Cast" and self.number(node.output[0]).dtype.kind != self.number(node.input[0]).dtype.kind:
            value, _, _ = self._rows_of_some(self.ids[node.input[0]])
            if not isinstance(value, Given):  # ids may come as numbers of any kind
                raise UnsupportedNode(f"{label(node)} rounds its numbers")
        if node.op_type == "Dropout" and len(node.input) > 2 and node.input[2] and self.number(node.input[2]).any():
            raise UnsupportedNode(f"{label(node)} drops numbers at random")
        self.ids[node.output[0]] = self.ids[node.input[0]]
        for name in node.output[1:]:
            self.broken[name] = f"{label(node)} gives its mask"

    def _moved(self, node: Any) -> None:
        given: dict[str, Array] = {}
        for n, name in enumerate(one for one in node.input if one):
            if name in self.ids:
                given[name] = self.ids[name]
                if n and node.op_type != "Concat":
                    raise UnsupportedNode(f"{label(node)}: where it takes numbers from depends on them")
            elif node.op_type == "Concat":
                given[name] = np.where(self.number(name) == 0, 0, -1)
            else:
                given[name] = self.number(name)
        if node.op_type == "Pad":
            if str(attribute(node, "mode", "constant")) == "constant" and attribute(node, "value", 0.0) != 0:
                raise UnsupportedNode(f"{label(node)} fills in other numbers than zeros")
            filler = node.input[2] if len(node.input) > 2 else ""
            if filler and self.number(filler).any():
                raise UnsupportedNode(f"{label(node)} fills in other numbers than zeros")
            if filler:
                given[filler] = np.zeros(np.shape(given[filler]), np.int64)
        for name, made in zip(node.output, self.graph.run(node, given), strict=False):
            if name:
                self.ids[name] = np.asarray(made, np.int64)

    def _lookup(self, node: Any) -> None:
        table = self.number(node.input[0])
        if node.input[0] in self.ids or table.ndim != 2 or table.dtype.kind != "f" or attribute(node, "axis", 0):
            raise UnsupportedNode(f"{label(node)}: is no look-up of ids in a table")
        ids = self.ids[node.input[1]]
        value, where, _ = self._rows_of_some(ids)
        if value.width != 1 or not isinstance(value, Given):
            raise UnsupportedNode(f"{label(node)}: looks up what is computed")
        made = self._once(("lookup", id(value), id(node)), lambda: Lookup(_name(node), table, value, value.series))
        self.ids[node.output[0]] = self._codes(made, where).reshape((*ids.shape, table.shape[1]))

    def _pointwise(self, node: Any) -> None:
        function = _FUNCTIONS.get(node.op_type) or _BY_NAME[node.op_type](node, self)
        self._apply(node, lambda value: Activation(_name(node), function))

    def _apply(self, node: Any, op: Callable[[Value], StepOp], axis: Units = -99, name: str = "") -> None:
        ids = self.ids[name or node.input[0]]
        value, where, found = self._rows_of_some(ids) if axis == -99 else (*self._rows(ids, axis), axis)
        made = self._applied(node, value, op)
        self.ids[node.output[0]] = _back(self._codes(made, where), found, ids.shape)

    def _applied(self, node: Any, value: Value, op: Callable[[Value], StepOp]) -> Value:
        return self._once(("op", id(value), id(node)), lambda: OpValue(op(value), value))

    def _once(self, key: Any, make: Callable[[], Value]) -> Value:
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _sloped(self, node: Any) -> None:
        """Follow a relu that lets a learned share of what is negative through, of every unit its own."""
        name, ids = _name(node), self.ids[node.input[0]]
        if node.input[1] in self.ids:
            raise UnsupportedNode(f"{label(node)} takes slopes that are computed")
        value, where, axis = self._rows_of_some(ids)
        rows = _units_last(np.broadcast_to(self.number(node.input[1]), ids.shape), axis)
        rows = rows.reshape(-1, rows.shape[-1]).astype(np.float32)
        if (rows != rows[:1]).any():
            raise UnsupportedNode(f"{label(node)} takes other numbers at each step")

        def make() -> Value:
            below = OpValue(Activation(name, "Min=min(a, 0)"), value)
            scaled = OpValue(AffineScale(name, rows[0], np.zeros_like(rows[0])), below)
            return Combined("add", OpValue(Activation(name, "relu"), value), scaled)

        made = self._once(("op", id(value), id(node)), make)
        self.ids[node.output[0]] = _back(self._codes(made, where), axis, ids.shape)

    def _summed_up(self, node: Any) -> None:
        """Follow an Einsum that is a dense layer: the last axis of what is computed by a matrix of the file."""
        said = str(attribute(node, "equation", "")).replace(" ", "")
        reads, arrow, gives = said.partition("->")
        of, comma, by = reads.partition(",")
        whole = len(node.input) == 2 and node.input[0] in self.ids and node.input[1] not in self.ids
        if not whole or not arrow or not comma or len(by) != 2 or not of or of[-1] not in by:
            raise UnsupportedNode(f"{label(node)} is no dense layer")
        new = by.replace(of[-1], "")
        if len(new) != 1 or new in of or gives != of[:-1] + new:
            raise UnsupportedNode(f"{label(node)} is no dense layer")
        matrix = self.number(node.input[1]).astype(np.float32)
        w = matrix if by[1] == of[-1] else matrix.T
        value, where = self._rows(self.ids[node.input[0]], -1)
        made = self._applied(node, value, lambda _: Dense(_name(node), w))
        self.ids[node.output[0]] = self._codes(made, where)

    def _along_units(self, node: Any) -> None:
        kind, ids = node.op_type, self.ids[node.input[0]]
        if kind == "BatchNormalization":
            gamma, beta, mean, variance = (self.number(one).astype(np.float32) for one in node.input[1:5])
            spread = gamma / np.sqrt(variance + np.float32(attribute(node, "epsilon", 1e-5)))
            self._apply(node, lambda _: AffineScale(_name(node), spread, beta - mean * spread), 1)
            return
        old = kind != "LayerNormalization" and self.graph.opset < 13
        axis = int(attribute(node, "axis", 1 if old else -1)) % max(ids.ndim, 1)
        last = ids.ndim - 1
        if (old and ids.shape[axis + 1 :].count(1) + axis < last) or (kind == "LayerNormalization" and axis != last):
            if int(np.prod(ids.shape[axis:])) != ids.shape[last]:
                raise UnsupportedNode(f"{label(node)} is taken over several axes")
            axis = last
        if old and ids.shape[axis] == 1:
            axis = last
        if kind == "LayerNormalization":
            given = [self.number(one).astype(np.float32).reshape(-1) for one in node.input[1:3] if one]
            epsilon = float(attribute(node, "epsilon", 1e-5))
            self._apply(node, lambda _: Norm(_name(node), epsilon, *given), axis)
            return
        function = {"Softmax": "softmax", "LogSoftmax": "log_softmax"}[kind]
        try:
            self._apply(node, lambda _: Activation(_name(node), function), axis)
        except UnsupportedNode:
            if kind != "Softmax":
                raise
            self.ids[node.output[0]] = self._over_steps(node, ids, axis)

    def _over_steps(self, node: Any, ids: Array, axis: int) -> Array:
        """Return the origins of a softmax that is taken over the steps, unit by unit."""
        value, where, units = self._rows_of_some(ids)
        if not value.series or (units is not None and axis in ((units,) if isinstance(units, int) else units)):
            raise UnsupportedNode(f"{label(node)} is taken over what is no row of steps")
        count, batch = self._extent(value)
        left = [one for one in range(ids.ndim) if one not in ((units,) if isinstance(units, int) else units or ())]
        along = np.moveaxis(np.stack([where // batch, where % batch]), 1 + left.index(axis), -1)
        whole = along.shape[-1] == count and (np.sort(along[0], axis=-1) == np.arange(count)).all()
        if not whole or (along[1] != along[1][..., :1]).any():
            raise UnsupportedNode(f"{label(node)} is taken over some of the steps")
        made = self._once(("softmax", id(value)), lambda: StepsSoftmax(value))
        return _back(self._codes(made, where), units, ids.shape)

    def _product(self, node: Any) -> None:
        kind, inputs = node.op_type, [one for one in node.input if one]
        live = [one for one in inputs if one in self.ids]
        if len(live) > 1 and kind == "MatMul" and len(set(live)) == 2:
            self._contracted(node)
            return
        if len(live) > 1:
            raise UnsupportedNode(f"{label(node)} multiplies what is computed by what is computed")
        others = [self.number(one) for one in inputs if one not in self.ids]
        if any(one.dtype.kind != "f" for one in others):
            raise UnsupportedNode(f"{label(node)} holds weights that are no fractions")
        others = [one if one.dtype == np.float64 else one.astype(np.float32) for one in others]
        w: Array
        bias: Array | None = None
        axis = -1
        if kind == "MatMul":
            whole, size = others[0], self.ids[live[0]].ndim
            if whole.ndim == 1 and inputs[0] in self.ids and whole.shape[0] == self.ids[live[0]].shape[-1]:
                value, where = self._rows(self.ids[live[0]], -1)
                made = self._applied(node, value, lambda _: Dense(_name(node), whole[None]))
                self.ids[node.output[0]] = self._codes(made, where)[..., 0]
                return
            if whole.ndim < 2 or size < 2 or whole.ndim > size or whole.size != np.prod(whole.shape[-2:]):
                raise UnsupportedNode(f"{label(node)} is no dense layer")
            matrix = whole.reshape(whole.shape[-2:])
            w, bias, axis = (matrix.T, None, -1) if inputs[0] in self.ids else (matrix, None, -2)
        elif kind == "Gemm":
            if inputs[0] not in self.ids:
                raise UnsupportedNode(f"{label(node)} is no dense layer")
            w = (others[0] if attribute(node, "transB", 0) else others[0].T) * np.float32(attribute(node, "alpha", 1.0))
            axis = 0 if attribute(node, "transA", 0) else -1
            bias = others[1] * np.float32(attribute(node, "beta", 1.0)) if len(others) > 1 else None
            if bias is not None and (bias.ndim > 2 or (bias.ndim == 2 and bias.shape[0] > 1)):
                raise UnsupportedNode(f"{label(node)} adds other numbers at each step")
            bias = None if bias is None else np.broadcast_to(bias.reshape(-1), (len(w),)).copy()
        else:
            plain = not any(attribute(node, "pads", [0])) and set(attribute(node, "strides", [1])) == {1}
            narrow = others[0].ndim == 3 and others[0].shape[2] == 1 and attribute(node, "group", 1) == 1
            if inputs[0] not in self.ids or not narrow or not plain:
                raise UnsupportedNode(f"{label(node)} reads several steps at once")
            w, bias, axis = others[0].reshape(others[0].shape[:2]), others[1] if len(others) > 1 else None, 1
        ids = self.ids[live[0]]
        if w.shape[1] != ids.shape[axis]:
            raise UnsupportedNode(f"{label(node)}: its matrix fits no input")
        value, where = self._rows(ids, axis)
        made = self._applied(node, value, lambda _: Dense(_name(node), w, bias))
        self.ids[node.output[0]] = np.moveaxis(self._codes(made, where), -1, axis if kind != "Gemm" else -1)

    def _contracted(self, node: Any) -> None:
        """Follow a product of two computed tensors, one of which has one row or column: weighted sums, and scores."""
        one, other = (self.ids[name] for name in node.input)
        if one.ndim < 2 or other.ndim != one.ndim or one.shape[:-2] != other.shape[:-2]:
            raise UnsupportedNode(f"{label(node)} multiplies what is computed by what is computed")
        if one.shape[-2] == 1:  # a row by a matrix: the sum of its rows, each weighted
            products = self._joined(node, "mul", [np.swapaxes(one, -1, -2), other])
            self.ids[node.output[0]] = np.expand_dims(self._over(node, "sum", np.swapaxes(products, -1, -2)), -2)
        elif other.shape[-1] == 1:  # a matrix by a column: how much each row is like it
            products = self._joined(node, "mul", [one, np.swapaxes(other, -1, -2)])
            self.ids[node.output[0]] = np.expand_dims(self._over(node, "sum", products), -1)
        else:
            raise UnsupportedNode(f"{label(node)} multiplies what is computed by what is computed")

    def _binary(self, node: Any, how: str) -> None:
        inputs = [one for one in node.input if one]
        live = [one for one in inputs if one in self.ids]
        if len(inputs) == 1:
            self.ids[node.output[0]] = self.ids[inputs[0]]
            return
        if len(inputs) != 2:
            raise UnsupportedNode(f"{label(node)} of {len(inputs)} is not followed here")
        shapes = [self.ids[one].shape if one in self.ids else self.number(one).shape for one in inputs]
        try:
            shape = np.broadcast_shapes(*shapes)
        except ValueError as error:
            raise UnsupportedNode(f"{label(node)}: its operands fit no common shape") from error
        if len(live) == 2:
            self.ids[node.output[0]] = self._joined(node, how, [self.ids[one] for one in inputs])
            return
        first = inputs[0] in self.ids
        numbers = self.number(inputs[1] if first else inputs[0])
        if numbers.dtype.kind != "f":
            raise UnsupportedNode(f"{label(node)} computes with ids")
        value, where, axis = self._rows_of_some(np.broadcast_to(self.ids[live[0]], shape))
        full = np.broadcast_to(numbers, shape)
        rows = _units_last(full, axis)
        rows = rows.reshape(-1, rows.shape[-1])
        op: StepOp
        if (rows != rows[:1]).any():
            op = self._places_added(node, how, value, where.reshape(-1), rows)
        else:
            op = _with_numbers(node, how, rows[0].astype(np.float32), first)
        made = self._applied(node, value, lambda _: op)
        self.ids[node.output[0]] = _back(self._codes(made, where), axis, shape)

    def _places_added(self, node: Any, how: str, value: Value, where: Array, rows: Array) -> PositionEmbedding:
        """Return what adds the row of its place to each step: the first rows of a table that is in the file."""
        steps, batch = self._extent(value)
        if how != "add" or not value.series or (where < 0).any() or len(rows) != len(where):
            raise UnsupportedNode(f"{label(node)} takes other numbers at each step")
        table = np.zeros((steps, rows.shape[1]), rows.dtype)
        table[where // batch] = rows
        if len(where) < steps or (table[where // batch] != rows).any():
            raise UnsupportedNode(f"{label(node)} takes other numbers at each step")
        for one in self.graph.constants.values():
            whole = np.squeeze(one) if one.ndim == 3 and 1 in one.shape[:2] else one
            if whole.ndim != 2 or whole.dtype.kind != "f" or len(whole) <= max(steps, _LEAST_PLACES):
                continue
            if whole.shape[1] == table.shape[1] and np.array_equal(whole[:steps], table):
                if len(whole) > _MOST_PLACES:
                    raise UnsupportedNode(f"{label(node)} has {len(whole)} places; {_MOST_PLACES} is the most")
                return PositionEmbedding(_name(node), whole)
        raise UnsupportedNode(f"{label(node)} takes other numbers at each step")

    def _joined(self, node: Any, how: str, both: Sequence[Array]) -> Array:
        """Return the origins of two tensors put together number by number, one perhaps repeated along some axes."""
        try:
            shape = np.broadcast_shapes(*(one.shape for one in both))
        except ValueError as error:
            raise UnsupportedNode(f"{label(node)}: its operands fit no common shape") from error
        for axis in _axes(len(shape)):
            try:
                one, where = self._rows(np.broadcast_to(both[0], shape), axis)
                other, there = self._rows(np.broadcast_to(both[1], shape), axis, where if one.series else None)
                if other.series and not one.series:
                    one, where = self._rows(np.broadcast_to(both[0], shape), axis, there)
            except UnsupportedNode:
                continue
            if one.series != other.series or not np.array_equal(where, there):
                break
            alone = [self._one_number(each, axis, shape) for each in both]
            one, other = alone[0] or one, alone[1] or other
            key = (how, id(one), id(other))
            if how == "add" and one is other:
                made = self._once(key, partial(_doubled, node, one))
            else:
                made = self._once(key, partial(Combined, how, one, other))
            return _back(self._codes(made, where), axis, shape)
        raise UnsupportedNode(f"{label(node)} joins numbers of different steps")

    def _one_number(self, ids: Array, axis: Units, shape: Sequence[int]) -> Value | None:
        """Return the value of a tensor whose one number a row is repeated along the units; None where it has more."""
        ids = ids.reshape((1,) * (len(shape) - ids.ndim) + ids.shape)
        if not isinstance(axis, int) or ids.shape[axis] != 1 or shape[axis] == 1:
            return None
        rest = [size if n != axis else 1 for n, size in enumerate(shape)]
        return self._rows(np.broadcast_to(ids, rest), axis)[0]

    def _reduced(self, node: Any, how: str) -> None:
        ids = self.ids[node.input[0]]
        if node.op_type.startswith("Global"):
            axes, keep = list(range(2, ids.ndim)), True
        else:
            said = attribute(node, "axes", None)
            if said is None and len(node.input) > 1 and node.input[1]:
                said = self.number(node.input[1]).reshape(-1).tolist()
            keep = bool(attribute(node, "keepdims", 1))
            if not said:
                if attribute(node, "noop_with_empty_axes", 0):
                    self.ids[node.output[0]] = ids
                    return
                said = list(range(ids.ndim))
            axes = [int(one) % ids.ndim for one in said]
        alone = [axis for axis in axes if ids.shape[axis] > 1]
        if len(alone) > 1:
            raise UnsupportedNode(f"{label(node)} is taken over steps and units at once")
        if alone:
            ids = np.expand_dims(self._over(node, how, np.moveaxis(ids, alone[0], -1)), alone[0])
        self.ids[node.output[0]] = ids if keep else np.squeeze(ids, tuple(axes))

    def _over(self, node: Any, how: str, ids: Array) -> Array:
        """Return the origins of what is made of the last axis: over the steps, or over the units."""
        which, position, unit = self._decoded(node, ids)
        if (which == which[..., :1]).all() and (unit == unit[..., :1]).all():
            values = [self.values[n] for n in np.unique(which)]
            result = np.zeros(ids.shape[:-1], np.int64)
            for value in values:
                place = self.places[id(value)]
                mine = which[..., 0] == self.values.index(value)
                taken = np.sort(position[mine], axis=-1)
                batch = taken[:, 0]
                wanted = np.arange(place.steps) * place.batch + batch[:, None]
                if not value.series or taken.shape[1] != place.steps or (taken != wanted).any():
                    raise UnsupportedNode(f"{label(node)} is taken over some of the steps")
                made = self._once((how, id(value)), partial(Reduced, how, value))
                result[mine] = self._codes(made, batch)[np.arange(len(batch)), unit[mine][:, 0]]
            return result
        return self._over_units(node, how, ids)

    def _over_units(self, node: Any, how: str, ids: Array) -> Array:
        """Return the origins of a mean or sum of units of one step, such as of the two directions."""
        if how not in ("mean", "sum"):
            raise UnsupportedNode(f"{label(node)} is taken over units")
        count = ids.shape[-1]
        for axis in (*range(ids.ndim - 2, -1, -1), None):
            moved = ids[..., None, :] if axis is None else np.moveaxis(ids, axis, -2)
            flat = moved.reshape(*moved.shape[:-2], -1)
            try:
                value, where = self._rows(flat, -1)
            except UnsupportedNode:
                continue
            groups = flat.shape[-1] // count
            matrix = np.kron(np.eye(groups), np.ones((1, count))) / (count if how == "mean" else 1)
            made = self._once(("units", id(value), id(node)), partial(select, matrix, value, _name(node)))
            codes = self._codes(made, where)
            return codes[..., 0] if axis is None else np.asarray(np.moveaxis(codes, -1, axis))
        raise UnsupportedNode(f"{label(node)} is taken over steps and units at once")

    # Rows: what a tensor is along an axis.

    def _decoded(self, node: Any, ids: Array) -> tuple[Array, Array, Array]:
        if (ids <= 0).any():
            raise UnsupportedNode(f"{label(node)} reads filled-in numbers")
        bases = np.array(self._bases)
        which = np.searchsorted(bases, ids, side="right") - 1
        widths = np.array([one.width for one in self.values])[which]
        inside = ids - bases[which]
        return which, inside // widths, inside % widths

    def _rows_of_some(self, ids: Array) -> tuple[Value, Array, Units]:
        why = None
        for axis in _axes(ids.ndim):
            try:
                return (*self._rows(ids, axis), axis)
            except UnsupportedNode as error:
                why = why or error
        raise why or UnsupportedNode("it has no numbers")

    def _rows(self, ids: Array, axis: Units, like: Array | None = None) -> tuple[Value, Array]:
        """Return the value a tensor holds and the positions of its rows, of a tensor whose units stand along an axis.

        Args:
            ids: Origins of its numbers.
            axis: Where its units stand.
            like: Positions of the rows of a series that it is put together with, where a vector stands at every step.

        Raises:
            UnsupportedNode: It holds something else.
        """
        moved = _units_last(ids, axis)
        flat = moved.reshape(-1, moved.shape[-1])
        if not flat.size:
            raise UnsupportedNode("it has no numbers")
        kept = ~np.isin(flat, (0, _BEYOND)).all(axis=1)  # such rows stand where the file reads no step
        if (flat[kept] <= 0).any() or not kept.any():
            raise UnsupportedNode("numbers are filled in that do not come from the recurrent layers")
        bases = np.array(self._bases)
        which = np.searchsorted(bases, flat, side="right") - 1
        widths = np.array([one.width for one in self.values])[which]
        position, unit = (flat - bases[which]) // widths, (flat - bases[which]) % widths
        if not kept.all():
            which, position, unit = which[kept], position[kept], unit[kept]
        if (which != which[:1]).any() or (unit != unit[:1]).any():
            raise UnsupportedNode("its numbers stand in no order of steps and units")
        columns = [(self.values[which[0, n]], int(unit[0, n])) for n in range(which.shape[1])]
        columns, position = self._spread(columns, position, like)
        places = [self.places[id(value)] for value, _ in columns]
        steps, batch = places[0].steps, places[0].batch
        series = all(value.series for value, _ in columns)
        rows = position[:, 0]
        if series and (position == position[:, :1]).all() and np.array_equal(np.sort(rows), np.arange(steps * batch)):
            if any((one.steps, one.batch) != (steps, batch) for one in places):
                raise UnsupportedNode("it joins series of different lengths")
            where = np.full(len(flat), -1)
            where[kept] = rows
            return self._selected([(value, unit, "") for value, unit in columns]), where.reshape(moved.shape[:-1])
        return self._vector(columns, position, moved.shape[:-1])

    def _spread(
        self, columns: list[tuple[Value, int]], position: Array, like: Array | None
    ) -> tuple[list[tuple[Value, int]], Array]:
        """Return units of a tensor in which vectors that stand at every step are series, and the positions of rows."""
        place = self.places[id(columns[0][0])]
        count = place.steps * place.batch
        if len(position) != count or count == place.batch:
            return columns, position
        ends = {n: end for n, (value, _) in enumerate(columns) if (end := self._at_an_end(value, position[:, n]))}
        series = [n for n in range(len(columns)) if n not in ends]
        if not ends or (not series and place.batch > 1 and (like is None or like.size != count)):
            return columns, position
        rows = position[:, series[0]] if series else np.arange(count) if like is None else like.reshape(-1)
        same = all(np.array_equal(batch, rows % place.batch) for _, batch in ends.values())
        if not same or not np.array_equal(np.sort(rows), np.arange(count)):
            return columns, position
        made, moved = list(columns), position.copy()
        for n, (value, _) in ends.items():
            spread = self._once(("spread", id(value)), partial(Spread, value))
            if id(spread) not in self.places:
                self._register(spread, place.steps, place.batch)
            made[n] = spread, columns[n][1]
            moved[:, n] = rows
        return made, moved

    def _at_an_end(self, value: Value, position: Array) -> tuple[Value, Array] | None:
        """Return the vector that one unit of a tensor is of, and its place in the batch; None where it is a series."""
        place = self.places[id(value)]
        if not value.series:
            return value, position
        step = np.unique(position // place.batch)
        if len(step) > 1 or step[0] not in (0, place.steps - 1):
            return None
        return self._end(value, "last" if step[0] else "first"), position % place.batch

    def _vector(
        self, columns: Sequence[tuple[Value, int]], position: Array, shape: tuple[int, ...]
    ) -> tuple[Value, Array]:
        chosen: list[tuple[Value, int, str]] = []
        rows: Array | None = None
        for n, (value, unit) in enumerate(columns):
            place, taken = self.places[id(value)], position[:, n]
            how = ""
            if value.series:
                step = np.unique(taken // place.batch)
                if len(step) > 1 or step[0] not in (0, place.steps - 1):
                    raise UnsupportedNode("it takes some of the steps, or joins steps and units")
                how = "last" if step[0] == place.steps - 1 else "first"
            batch = taken % place.batch
            if rows is None:
                rows = batch
            if len(batch) != place.batch or not np.array_equal(batch, rows) or len(np.unique(batch)) != len(batch):
                raise UnsupportedNode("it repeats what is given once, or joins sequences of a batch")
            chosen.append((value, unit, how))
        assert rows is not None
        return self._selected(chosen), rows.reshape(shape)

    def _selected(self, columns: Sequence[tuple[Value, int, str]]) -> Value:
        """Return the value that has these units of others, each once made."""
        key = tuple((id(value), unit, how) for value, unit, how in columns)
        return self._once(key, lambda: self._select(columns))

    def _select(self, columns: Sequence[tuple[Value, int, str]]) -> Value:
        runs: list[tuple[Value, str, int, int]] = []
        for value, unit, how in columns:
            last = runs[-1] if runs else None
            if last is not None and last[0] is value and last[1] == how and unit == last[2] + last[3]:
                runs[-1] = (value, how, last[2], last[3] + 1)
            else:
                runs.append((value, how, unit, 1))
        if len(runs) > _MOST_SEGMENTS:
            wholes: dict[tuple[int, str], tuple[Value, int]] = {}
            start = 0
            for value, _, how in columns:
                if (id(value), how) not in wholes:
                    wholes[id(value), how] = (value, start)
                    start += value.width
            matrix = np.zeros((len(columns), start), np.float32)
            for n, (value, unit, how) in enumerate(columns):
                matrix[n, wholes[id(value), how][1] + unit] = 1
            of = joined([self._end(value, how) for (_, how), (value, _) in wholes.items()])
            return select(matrix, of)
        parts = []
        for value, how, start, count in runs:
            whole = self._end(value, how)
            parts.append(whole if count == value.width else PartValue(whole, start, count))
        return joined(parts)

    def _end(self, value: Value, how: str) -> Value:
        return value if not how else self._once((how, id(value)), lambda: Reduced(how, value))

    # Recurrent nodes.

    def _recurrent(self, node: Any) -> None:
        try:
            r = self.number(node.input[2])
        except (UnsupportedNode, IndexError):
            r = np.zeros((1, 1, 1))
        if r.ndim != 3:
            raise UnsupportedNode(f"{label(node)}: its weights have no such shape")
        reading, grid = self._read_by(node)
        ways, hidden = int(r.shape[0]), int(r.shape[2])
        kept = int(r.shape[1]) // 4 if node.op_type == "LSTM" else hidden  # more than it shows where that is projected
        limit = reading.limit
        taken = grid.shape[0] if limit is None else limit
        batch = 1 + reading.others
        kinds = ("h", "c") if node.op_type == "LSTM" else ("h",)
        states = [State(node, way, one, hidden if one == "h" else kept) for one in kinds for way in range(ways)]
        for one in states:
            self._register(one, reading.steps, batch, self._random.normal(size=(reading.steps * batch, one.width)))
        y = np.stack([self._codes(one, grid) for one in states[:ways]], axis=1)  # (T, ways, B, H)
        y[taken:] = 0
        backward = str(attribute(node, "direction", "forward")).lower() == "reverse"
        ends = [
            np.stack([self._codes(one, grid[0 if way or backward else taken - 1]) for way, one in enumerate(group)])
            for group in (states[:ways], states[ways:]) if group
        ]  # fmt: skip
        if attribute(node, "layout", 0):
            y, ends = y.transpose(2, 0, 1, 3), [one.transpose(1, 0, 2) for one in ends]
        self.readings[id(node)] = reading
        for name, ids in zip(node.output, [y, *ends], strict=False):
            if name:
                self.ids[name] = ids
                self.numbers[name] = self._table()[ids].astype(np.float32)

    def _read_by(self, node: Any) -> tuple[Reading, Array]:
        """Return how a node reads the tape, and the position on it of each of its steps, (T, B)."""
        name, why = node.input[0], ""
        value: Value | None = None
        way, one_step = "forward", False
        try:
            if name not in self.ids:
                raise UnsupportedNode(self.broken.get(name, "it reads what is the same for every input"))
            ids = self.ids[name]
            if ids.ndim != 3:
                raise UnsupportedNode("it reads what has no steps")
            value, where = self._rows(ids.transpose(1, 0, 2) if attribute(node, "layout", 0) else ids, -1)
            if not value.series:
                raise UnsupportedNode("it reads one vector, and no series")
            if (where < 0).any():
                raise UnsupportedNode("it reads zeros behind the last step of the layer below")
            steps, batch = self._extent(value)
            normal = np.arange(steps * batch).reshape(steps, batch)
            if where.shape == normal.shape and np.array_equal(where, normal):
                grid = normal
            elif where.shape == normal.shape and np.array_equal(where, normal[::-1]):
                grid, way = normal[::-1], "backward"
            elif batch == 1 and where.shape == (1, steps) and np.array_equal(where, normal.T):
                grid, one_step = normal.T, True
            else:
                raise UnsupportedNode("it reads the sequences of a batch as steps")
        except UnsupportedNode as error:
            value, why = None, str(error)
            steps, batch, one_step = self._given_to(node)
            grid = np.arange(steps * batch).reshape((1, steps) if one_step else (steps, batch))
        limit = self._limit(node, grid.shape[0])
        if limit is not None and value is not None and (one_step or way == "backward"):
            value, why, way = None, f"it reads {limit} of the steps, from the end", "forward"
            steps, batch, grid = self.steps, 1, np.arange(self.steps).reshape(self.steps, 1)
            limit = self._limit(node, self.steps)
        if limit is not None:
            steps = limit  # what the node shows behind them is nothing
        return Reading(node, value, why, way, one_step, steps, limit, batch - 1), grid

    def _given_to(self, node: Any) -> tuple[int, int, bool]:
        """Return how many steps and sequences a node gets whose input is not followed, and whether each step is one."""
        alone = id(node) in self.alone
        try:
            shape = self.number(node.input[0]).shape
        except UnsupportedNode:
            return self.steps, 1, alone
        if len(shape) != 3:
            return self.steps, 1, alone
        steps, batch = (shape[1], shape[0]) if attribute(node, "layout", 0) else shape[:2]
        single = bool(self.tapes) and all(
            size == 1 for one in self.tapes.values() for axis, size in enumerate(one.shape)
            if axis not in (one.time, one.feature)
        )  # fmt: skip
        if steps == 1 < batch and (alone or (single and self.graph.ran_by != "onnx")):
            return int(batch), 1, True
        return int(steps), 1 if alone else int(batch), alone

    def _limit(self, node: Any, steps: int) -> int | None:
        """Return how many of the steps a node reads, where the file says fewer than there are."""
        name = node.input[4] if len(node.input) > 4 else ""
        if not name or name in self.broken or name in self.ids:
            return None
        try:
            said = int(self.number(name).reshape(-1)[0])
        except (UnsupportedNode, IndexError, ValueError):
            return None
        return said if 0 < said < steps else None


def _axes(count: int) -> Iterator[Units]:
    """Iterate over the axes along which units may stand: one, the directions and one, or none."""
    yield from range(count - 1, -1, -1)
    yield from ((first, count - 1) for first in range(count - 1))
    yield None


def _units_last(ids: Array, axis: Units) -> Array:
    if axis is None:
        return ids[..., None]
    if isinstance(axis, int):
        return np.moveaxis(ids, axis, -1)
    moved = np.moveaxis(ids, axis, (-2, -1))
    return moved.reshape(*moved.shape[:-2], -1)


def _back(codes: Array, axis: Units, shape: Sequence[int]) -> Array:
    """Return what `_units_last` made as it was, of a shape."""
    if axis is None:
        return codes[..., 0]
    if isinstance(axis, int):
        return np.moveaxis(codes, -1, axis)
    return np.moveaxis(codes.reshape(*codes.shape[:-1], *(shape[one] for one in axis)), (-2, -1), axis)


def _name(node: Any) -> str:
    return str(node.name or node.output[0])


def _doubled(node: Any, value: Value) -> Value:
    twos = np.full(value.width, 2, np.float32)
    return OpValue(AffineScale(_name(node), twos, np.zeros_like(twos)), value)


def _with_numbers(node: Any, how: str, numbers: Array, first: bool) -> StepOp:
    """Return an op that computes with constants, unit by unit."""
    made = with_numbers(_name(node), how, numbers, first)
    if made is None:
        raise UnsupportedNode(f"{label(node)} is not known here")
    return made


def _text(number: Any) -> str:
    """Return a number as the language of equations reads it back."""
    return exact(float(np.float32(number)))


def _clip(node: Any, trace: GraphTrace) -> str:
    said = [attribute(node, "min", None), attribute(node, "max", None)]
    for n, name in enumerate(node.input[1:3]):
        if name:
            said[n] = float(trace.number(name).reshape(-1)[0])
    text = "a"
    if said[0] is not None and np.isfinite(said[0]):
        text = f"max({text}, {_text(said[0])})"
    if said[1] is not None and np.isfinite(said[1]):
        text = f"min({text}, {_text(said[1])})"
    return f"Clip={text}"


def _power(node: Any, trace: GraphTrace) -> str:
    if node.input[1] in trace.ids:
        raise UnsupportedNode(f"{label(node)} is not known here")
    power = set(trace.number(node.input[1]).reshape(-1).tolist())
    if power not in ({2}, {3}, {0.5}):
        raise UnsupportedNode(f"{label(node)} is not known here")
    return {2: "Pow=a * a", 3: "Pow=a * a * a", 0.5: "Pow=sqrt(a)"}[power.pop()]


def _shrink(node: Any, _: GraphTrace) -> str:
    border, moved = attribute(node, "lambd", 0.5), attribute(node, "bias", 0.0)
    below, above = f"step(-a - {_text(border)})", f"step(a - {_text(border)})"
    return f"Shrink={above} * (a - {_text(moved)}) + {below} * (a + {_text(moved)})"


def _threshold(node: Any, _: GraphTrace) -> str:
    border, other = _text(attribute(node, "alpha", 1.0)), _text(attribute(node, "value", 0.0))
    return f"Threshold=step(a - {border}) * (a - {other}) + {other}"


_BY_NAME: dict[str, Callable[[Any, GraphTrace], str]] = {
    "LeakyRelu": lambda node, _: f"LeakyRelu=max(a, 0) + {_text(attribute(node, 'alpha', 0.01))} * min(a, 0)",
    "Elu": lambda node, _: f"Elu=max(a, 0) + {_text(attribute(node, 'alpha', 1.0))} * (exp(min(a, 0)) - 1)",
    "Selu": lambda node, _: (
        f"Selu={_text(attribute(node, 'gamma', 1.0507009873554805))} * (max(a, 0) + "
        f"{_text(attribute(node, 'alpha', 1.6732632423543772))} * (exp(min(a, 0)) - 1))"
    ),
    "HardSigmoid": lambda node, _: (
        f"HardSigmoid=clip({_text(attribute(node, 'alpha', 0.2))} * a + {_text(attribute(node, 'beta', 0.5))}, 0, 1)"
    ),
    "Neg": lambda node, _: "Neg=-a",
    "Clip": _clip,
    "Pow": _power,
    "Gelu": lambda node, _: "gelu_tanh" if str(attribute(node, "approximate", "none")) == "tanh" else "gelu",
    "Celu": lambda node, _: (
        f"Celu=max(a, 0) + min({(alpha := _text(attribute(node, 'alpha', 1.0)))} * (exp(min(a, 0) / {alpha}) - 1), 0)"
    ),
    "Shrink": _shrink,
    "ThresholdedRelu": _threshold,
}
