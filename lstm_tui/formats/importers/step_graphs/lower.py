"""From the nodes of a program to vectors: what moves numbers moves places, what computes becomes an op.

Nothing is guessed: a node that is not written here, or that computes of a state what has no equation, is refused by
its name. What reads constants alone is computed by who runs the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, Literal

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import exact
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.feature_extractor import MACROS
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.program.bodies import BODIES, Body, body_of
from lstm_tui.formats.importers.program.graph import CHOICE, RECURRENT, ProgramGraph, UnsupportedNode, attribute, label
from lstm_tui.formats.importers.step_graphs.cells_as_vectors import take_cell
from lstm_tui.formats.importers.step_graphs.vectors import MOST_WEIGHTS, StepVectors

Sort = Literal["number", "truth", "whole"]


@dataclass(frozen=True, eq=False)
class TensorPlaces:
    """A tensor that is not known before the step is run.

    Attributes:
        at: The places of its numbers, in its shape.
        sort: Numbers, truths as 0 and 1, or whole numbers such as ids.
    """

    at: Array
    sort: Sort = "number"


Tensor = Array | TensorPlaces
PlanNode = Callable[[Any], Recurrent]
MOST_ROWS = 256
"""Rows that a product or a norm is taken of, each by itself."""
MOST_PLACES = 1 << 17
MOST_DENSE = 1 << 22
"""Entries of the matrix that a convolution is written as."""
MOST_TRIPS = 64
"""How often the body of a loop is run in one step."""
_MOVES = frozenset((
    "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GatherElements", "GatherND", "Pad", "Reshape", "Slice",
    "SpaceToDepth", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze",
))  # fmt: skip
_SAME = frozenset(("Dropout", "Identity"))
_FUNCTIONS = {
    "Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu", "Exp": "exp", "Log": "log", "Softplus": "softplus",
    "Abs": "abs", "Sqrt": "sqrt", "Neg": "neg",
}  # fmt: skip
_MACROS = {
    "Softsign": "softsign", "Selu": "selu", "HardSwish": "hard_swish", "Mish": "mish", "Erf": "erf",
}  # fmt: skip
_SIGNS = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/"}
_FOLDED = {"Max": "max", "Min": "min", "Sum": "+", "Mean": "+"}
_TRUTHS = frozenset(("And", "Or", "Xor", "Not"))
_COMPARED = frozenset(("Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal", "NotEqual"))
_REDUCED = frozenset((
    "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL2", "ReduceSumSquare", "ReduceL1",
    "ReduceLogSumExp",
))  # fmt: skip
_BY_PLACE = frozenset(("Conv", "AveragePool", "GlobalAveragePool"))
"""Linear in their first input, whose first axis is the batch."""


def macro(name: str, body: str, functions: dict[str, str]) -> str:
    """Return what a function of one number is called in the page, with its body kept; one with other numbers is new."""
    number, called = 1, name
    while functions.get(called, body) != body:
        number += 1
        called = f"{name}_{number}"
    functions[called] = body
    return called


@dataclass(eq=False)
class Lowering:
    """A program on its way to vectors.

    Attributes:
        graph: The program; it computes what is constant.
        vectors: What is made.
        known: Every tensor that was computed so far, by name.
        plan_node: Returns a recurrent node as a layer with its parameters; None where nothing does.
        rows: Rows of products that were taken so far.
    """

    graph: ProgramGraph
    vectors: StepVectors = field(default_factory=StepVectors)
    known: dict[str, Tensor] = field(default_factory=dict)
    plan_node: PlanNode | None = None
    rows: int = 0

    def run(self, nodes: Sequence[Any]) -> None:
        """Take nodes in their order.

        Raises:
            UnsupportedNode: One has no equation; it is named.
        """
        for node in nodes:
            if all(one in self.known for one in node.output if one):
                continue
            made = self._one(node)
            for name, tensor in zip(node.output, made, strict=False):
                if name:
                    self.known[name] = tensor

    def tensor(self, name: str) -> Tensor:
        """Return a tensor by name.

        Raises:
            UnsupportedNode: Nothing makes it.
        """
        if name in self.known:
            return self.known[name]
        if name in self.graph.constants:
            return self.graph.constants[name]
        raise UnsupportedNode(f"nothing makes {visible(name)}")

    def places(self, tensor: Tensor) -> Array:
        """Return the places of a tensor; of constants these are made."""
        if isinstance(tensor, TensorPlaces):
            return tensor.at
        if tensor.dtype.kind not in "fiub":
            raise UnsupportedNode("texts are not numbers")
        if tensor.size > MOST_WEIGHTS:
            raise UnsupportedNode(f"{tensor.size} constants are more than a page of equations takes")
        return self.vectors.constant(tensor.astype(np.float64))

    def _one(self, node: Any) -> list[Tensor]:
        if node.domain not in ("", "ai.onnx"):
            raise UnsupportedNode(f"{label(node)} has no equation here")
        if node.op_type == CHOICE:
            return self._choice(node)
        inputs = [self.tensor(one) if one else None for one in node.input]
        kind = node.op_type
        if kind in ("Shape", "Size"):
            return [self._of_shape(node, inputs)]
        if kind not in RECURRENT and all(one is None or not isinstance(one, TensorPlaces) for one in inputs):
            given = {name: one for name, one in zip(node.input, inputs, strict=True) if name and one is not None}
            return list(self.graph.run(node, given))  # type: ignore[arg-type]
        made = self._body(node, inputs) if kind in BODIES else self._of_places(node, kind, inputs)
        if sum(one.at.size for one in made if isinstance(one, TensorPlaces)) > MOST_PLACES:
            raise UnsupportedNode(f"{label(node)} makes more than {MOST_PLACES} numbers a step")
        return made

    def _of_places(self, node: Any, kind: str, inputs: list[Tensor | None]) -> list[Tensor]:
        first = inputs[0]
        if kind in _SAME:
            assert first is not None
            return [first]
        if kind in _MOVES:
            return self._moved(node, inputs)
        if kind == "Cast":
            return [self._cast(node, inputs)]
        if kind in _TRUTHS or kind in _COMPARED:
            return [TensorPlaces(self._truth(node, kind, inputs), "truth")]
        if any(isinstance(one, TensorPlaces) and one.sort == "whole" for one in inputs):
            raise UnsupportedNode(f"{label(node)} computes with whole numbers, which have no equation")
        return [TensorPlaces(one) for one in self._numbers(node, kind, inputs)]

    def _numbers(self, node: Any, kind: str, inputs: list[Tensor | None]) -> list[Array]:
        apply, name = self.vectors.apply, node.output[0]
        operands = [self.places(one) for one in inputs if one is not None]
        if kind in _FUNCTIONS:
            return [apply(_FUNCTIONS[kind], operands[0], label=name)]
        if kind in _SIGNS:
            return [apply(_SIGNS[kind], *operands[:2], label=name)]
        if kind in _FOLDED:
            made = operands[0]
            for one in operands[1:]:
                made = apply(_FOLDED[kind], made, one, label=name)
            return [made if kind != "Mean" else apply("/", made, self._number(len(operands)), label=name)]
        if kind == "Reciprocal":
            return [apply("/", self._number(1.0), operands[0], label=name)]
        if kind == "Sign":
            turned = apply("step", apply("neg", operands[0]))
            return [apply("-", apply("step", operands[0]), turned, label=name)]
        if kind == "Silu":
            return [apply("*", operands[0], apply("sigmoid", operands[0]), label=name)]
        if kind == "LogSigmoid":
            return [apply("neg", apply("softplus", apply("neg", operands[0])), label=name)]
        if (body := self._macro(node, kind)) is not None:
            return [apply(macro(*body, self.vectors.functions), operands[0], label=name)]
        method = getattr(self, f"_{kind.lower()}", None)
        if kind in _REDUCED:
            return [self._reduced(node, kind, inputs)]
        if kind in _BY_PLACE:
            return [self._by_place(node, inputs)]
        if kind in RECURRENT:
            return self._recurrent(node, inputs)
        if method is None or kind not in _METHODS:
            raise UnsupportedNode(f"{label(node)} has no equation here")
        return list(method(node, inputs))

    def _macro(self, node: Any, kind: str) -> tuple[str, str] | None:
        """Return the name and the expression in `a` of a function with numbers of its own."""
        if kind in _MACROS:
            return _MACROS[kind], MACROS[_MACROS[kind]]
        if kind == "Gelu":
            name = "gelu" if str(attribute(node, "approximate", "none")) == "none" else "gelu_tanh"
            return name, MACROS[name]
        if kind == "HardSigmoid":
            alpha, beta = _single(attribute(node, "alpha", 0.2)), _single(attribute(node, "beta", 0.5))
            return "hard_sigmoid", f"clip({alpha} * a + {beta}, 0, 1)"
        if attribute(node, "value", None):
            return None  # PyTorch's threshold with a number of its own in place of 0
        alpha = _single(attribute(node, "alpha", 0.01 if kind == "LeakyRelu" else 1.0))
        return {
            "LeakyRelu": ("leaky_relu", f"max(a, 0) + {alpha} * min(a, 0)"),
            "Elu": ("elu", f"max(a, 0) + {alpha} * (exp(min(a, 0)) - 1)"),
            "Celu": ("celu", f"max(a, 0) + {alpha} * (exp(min(a / {alpha}, 0)) - 1)"),
            "ThresholdedRelu": ("thresholded_relu", f"step(a - {alpha}) * a"),
        }.get(kind)

    def _number(self, number: float) -> Array:
        return self.vectors.constant(np.array([number]))

    # --- what moves numbers ---------------------------------------------------------------------------------

    def _of_shape(self, node: Any, inputs: list[Tensor | None]) -> Array:
        first = inputs[0]
        shape = np.array(first.at.shape if isinstance(first, TensorPlaces) else np.shape(np.asarray(first)), np.int64)
        if node.op_type == "Size":
            return np.array(int(np.prod(shape)), np.int64)
        return shape[attribute(node, "start", 0) : attribute(node, "end", len(shape))]

    def _moved(self, node: Any, inputs: list[Tensor | None]) -> list[Tensor]:
        kind = node.op_type
        data = set(range(len(inputs))) if kind == "Concat" else {0}
        sorts = {one.sort for one in inputs if isinstance(one, TensorPlaces)}
        given: dict[str, Array] = {}
        for n, (name, one) in enumerate(zip(node.input, inputs, strict=True)):
            if one is None:
                continue
            if isinstance(one, TensorPlaces) and n not in data:
                raise UnsupportedNode(f"{label(node)} moves numbers to where the input or a state says")
            if n in data:
                given[name] = self.places(one)
            elif kind == "Pad" and n == 2:
                given[name] = self.places(np.asarray(one).reshape(()))
            else:
                given[name] = np.asarray(one)
        if kind == "Pad" and str(attribute(node, "mode", "constant")) == "constant" and len(given) < 3:
            given |= self._padded_with_zero(node)
        made = self.graph.run(node, given)
        sort: Sort = "whole" if "whole" in sorts else "truth" if sorts == {"truth"} else "number"
        return [TensorPlaces(np.asarray(one), sort) for one in made]

    def _padded_with_zero(self, node: Any) -> dict[str, Array]:
        if len(node.input) > 2 and node.input[2]:
            return {}
        raise UnsupportedNode(f"{label(node)} pads with a 0 that it does not name")

    def _cast(self, node: Any, inputs: list[Tensor | None]) -> Tensor:
        one, to = inputs[0], _kind_of(attribute(node, "to", 1))
        assert isinstance(one, TensorPlaces)
        if to in (1, 10, 11, 16):
            return TensorPlaces(one.at, "number")
        if to == 9:
            return (
                one
                if one.sort == "truth"
                else TensorPlaces(self.vectors.apply("step", self.vectors.apply("abs", one.at)), "truth")
            )
        if one.sort in ("truth", "whole"):
            return TensorPlaces(one.at, "whole")
        raise UnsupportedNode(f"{label(node)} rounds numbers, which has no equation")

    def _choice(self, node: Any) -> list[Tensor]:
        condition = self.tensor(node.input[0])
        if isinstance(condition, TensorPlaces):
            raise UnsupportedNode(f"{label(node)} chooses by the input or a state, which has no equation")
        count = len(node.output)
        taken = node.input[1 : 1 + count] if np.all(condition) else node.input[1 + count :]
        return [self.tensor(one) for one in taken]

    # --- nodes that are made of others ------------------------------------------------------------------------

    def _recurrent(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        """Return what an LSTM, GRU or RNN makes that reads one step of one sequence."""
        inputs = [*inputs, *[None] * 8]
        first = inputs[0]
        assert first is not None
        x = self.places(first)
        batch_first = bool(attribute(node, "layout", 0))
        steps, batch = (x.shape[1], x.shape[0]) if batch_first else (x.shape[0], x.shape[1])
        if steps != 1 or batch != 1:
            raise UnsupportedNode(f"{label(node)} reads {steps} steps of {batch} sequences; a step has one of one")
        if str(attribute(node, "direction", "forward")).lower() != "forward" or self.plan_node is None:
            raise UnsupportedNode(f"{label(node)} also reads from the end, which a step has not")
        part = self.plan_node(node)
        states = ("h", "c") if node.op_type == "LSTM" else ("h",)
        before = {}
        for state, one in zip(states, inputs[5:7], strict=False):
            places = self.vectors.constant(np.zeros(part.hidden)) if one is None else self.places(one)
            before[state] = places.reshape(-1)
        made = take_cell(self.vectors, part, x.reshape(-1), before, node.output[0])
        ends = [made[state].reshape(1, 1, -1) for state in states]
        return [made["h"].reshape(1, 1, 1, -1), *ends]

    def _body(self, node: Any, inputs: list[Tensor | None]) -> list[Tensor]:
        """Return what a loop makes, its body taken as often as it is run."""
        body = body_of(node)
        given = list(inputs[: len(body.own)])
        return self._loop(node, body, given) if body.loop else self._scan(node, body, given)

    def _loop(self, node: Any, body: Body, given: list[Tensor | None]) -> list[Tensor]:
        if any(isinstance(one, TensorPlaces) for one in given[:2]):
            raise UnsupportedNode(f"{label(node)} ends by the input or a state, which has no equation")
        trips = MOST_TRIPS + 1 if given[0] is None else int(np.asarray(given[0]).reshape(-1)[0])
        going: Tensor = np.array(True) if given[1] is None else np.asarray(given[1])
        carried = [one for one in given[2:] if one is not None]
        shown: list[list[Tensor]] = []
        number = 0
        while number < trips and np.all(np.asarray(going)):
            if number >= MOST_TRIPS:
                raise UnsupportedNode(f"{label(node)} is run more than {MOST_TRIPS} times a step")
            going, *made = self._once(body, [np.array(number, np.int64), going, *carried])
            if isinstance(going, TensorPlaces):
                raise UnsupportedNode(f"{label(node)} ends by the input or a state, which has no equation")
            carried, one = made[: len(carried)], made[len(carried) :]
            shown.append(one)
            number += 1
        return [*carried, *self._stacked(node, body, shown, [0] * (len(body.outputs) - 1 - len(carried)))]

    def _scan(self, node: Any, body: Body, given: list[Tensor | None]) -> list[Tensor]:
        count = int(attribute(node, "num_scan_inputs", 1))
        whole = [one for one in given if one is not None]
        carried, read = whole[: len(whole) - count], whole[len(whole) - count :]
        axes = body.axes("scan_input_axes", count)
        if any(body.axes("scan_input_directions", count)) or any(body.axes("scan_output_directions", count)):
            raise UnsupportedNode(f"{label(node)} also reads from the end, which a step has not")
        shapes = [one.at.shape if isinstance(one, TensorPlaces) else one.shape for one in read]
        trips = shapes[0][axes[0]] if shapes else 0
        if trips > MOST_TRIPS:
            raise UnsupportedNode(f"{label(node)} is run {trips} times a step; {MOST_TRIPS} is the most")
        shown = []
        for number in range(trips):
            slices = [_taken(one, number, axis) for one, axis in zip(read, axes, strict=True)]
            made = self._once(body, [*carried, *slices])
            carried, one = made[: len(carried)], made[len(carried) :]
            shown.append(one)
        rest = len(body.outputs) - len(carried)
        return [*carried, *self._stacked(node, body, shown, body.axes("scan_output_axes", rest))]

    def _once(self, body: Body, given: Sequence[Tensor]) -> list[Tensor]:
        """Return what a body makes once."""
        inner = Lowering(self.graph, self.vectors, dict(self.known), self.plan_node, self.rows)
        inner.known |= body.constants
        inner.known |= dict(zip(body.inputs, given, strict=True))
        for name in body.made:
            inner.known.pop(name, None)
        inner.run(body.nodes)
        self.rows = inner.rows
        return [inner.tensor(name) for name in body.outputs]

    def _stacked(self, node: Any, body: Body, shown: list[list[Tensor]], axes: Sequence[int]) -> list[Tensor]:
        if not shown and axes:
            raise UnsupportedNode(f"{label(node)} is not run once")
        made: list[Tensor] = []
        for n, axis in enumerate(axes):
            series = [one[n] for one in shown]
            if all(not isinstance(one, TensorPlaces) for one in series):
                made.append(np.stack([np.asarray(one) for one in series], axis=axis))
            else:
                made.append(TensorPlaces(np.stack([self.places(one) for one in series], axis=axis)))
        return made

    # --- truths -------------------------------------------------------------------------------------------------

    def _truth(self, node: Any, kind: str, inputs: list[Tensor | None]) -> Array:
        apply, one = self.vectors.apply, self._number(1.0)
        a, *rest = [self.places(each) for each in inputs if each is not None]
        if kind == "Not":
            return apply("-", one, a, label=node.output[0])
        b = rest[0]
        if kind == "And":
            return apply("*", a, b, label=node.output[0])
        if kind == "Or":
            return apply("max", a, b, label=node.output[0])
        if kind in ("Xor", "Equal", "NotEqual"):
            apart = apply("step", apply("abs", apply("-", a, b)))
            return apart if kind != "Equal" else apply("-", one, apart, label=node.output[0])
        if kind in ("Less", "GreaterOrEqual"):
            a, b = b, a
        above = apply("step", apply("-", a, b))
        return above if kind in ("Greater", "Less") else apply("-", one, above, label=node.output[0])

    def _where(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        condition, a, b = inputs
        assert condition is not None
        assert a is not None
        assert b is not None
        for one in (a, b):
            if not isinstance(one, TensorPlaces) and not np.isfinite(one).all():
                raise UnsupportedNode(f"{label(node)} puts numbers that are not finite in the place of others")
        here, there = self.places(a), self.places(b)
        if not isinstance(condition, TensorPlaces):
            return [np.where(condition, here, there)]
        apply, name = self.vectors.apply, node.output[0]
        turned = apply("-", self._number(1.0), condition.at)
        picked = [
            apply("*", chosen, places, label=name)
            for chosen, places, tensor in ((condition.at, here, a), (turned, there, b))
            if isinstance(tensor, TensorPlaces) or np.any(tensor)
        ]
        shape = np.broadcast_shapes(condition.at.shape, here.shape, there.shape)
        if not picked:
            return [np.broadcast_to(there, shape)]
        made = picked[0] if len(picked) == 1 else apply("+", *picked, label=name)
        return [np.broadcast_to(made, shape)]

    # --- with numbers of their own ----------------------------------------------------------------------------

    def _clip(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        limits = [attribute(node, "min", None), attribute(node, "max", None)]
        for n in (1, 2):
            if len(inputs) > n and inputs[n] is not None:
                if isinstance(inputs[n], TensorPlaces):
                    raise UnsupportedNode(f"{label(node)} has limits that are not constant")
                limits[n - 1] = float(np.asarray(inputs[n]).reshape(-1)[0])
        made = self.places(inputs[0])  # type: ignore[arg-type]
        low, high = limits
        if low is not None and high is not None:
            return [self.vectors.apply("clip", made, self._number(low), self._number(high), label=node.output[0])]
        for limit, how in ((low, "max"), (high, "min")):
            made = made if limit is None else self.vectors.apply(how, made, self._number(limit), label=node.output[0])
        return [made]

    def _pow(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        base, power = inputs[:2]
        if base is None or power is None or isinstance(power, TensorPlaces) or np.unique(power).size != 1:
            raise UnsupportedNode(f"{label(node)} has a power that is not one number")
        n, apply = float(power.reshape(-1)[0]), self.vectors.apply
        a = np.broadcast_to(self.places(base), np.broadcast_shapes(np.shape(power), self.places(base).shape))
        if abs(n) in (0.5, 1.5):
            made = apply("sqrt", a)
            made = apply("*", made, a) if abs(n) == 1.5 else made
        elif 1 <= abs(n) <= 8 and n == int(n):
            made = a
            for _ in range(int(abs(n)) - 1):
                made = apply("*", made, a, label=node.output[0])
        else:
            raise UnsupportedNode(f"{label(node)} takes the power {exact(n)}, which has no equation")
        return [made if n > 0 else apply("/", self._number(1.0), made, label=node.output[0])]

    def _prelu(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        a, slope = (self.places(one) for one in inputs[:2] if one is not None)
        apply, zero = self.vectors.apply, self._number(0.0)
        return [apply("+", apply("max", a, zero), apply("*", slope, apply("min", a, zero)), label=node.output[0])]

    def _batchnormalization(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        x, *rest = inputs[:5]
        if any(one is None or isinstance(one, TensorPlaces) for one in rest):
            raise UnsupportedNode(f"{label(node)} has numbers that are not constant")
        scale, bias, mean, variance = (np.asarray(one, np.float64) for one in rest)
        a = self.places(x)  # type: ignore[arg-type]
        factor = scale / np.sqrt(variance + _single(attribute(node, "epsilon", 1e-5)))
        shape = (-1, *(1,) * (a.ndim - 2))
        moved = self.vectors.apply("*", a, self.vectors.constant(factor.reshape(shape)))
        shift = self.vectors.constant((bias - mean * factor).reshape(shape))
        return [self.vectors.apply("+", moved, shift, label=node.output[0])]

    # --- over several numbers -------------------------------------------------------------------------------

    def _rows_of(self, node: Any, a: Array, axes: Sequence[int]) -> Array:
        """Return places as rows of those numbers that are taken together."""
        axes = sorted({axis % a.ndim for axis in axes}) if a.ndim else []
        rest = [axis for axis in range(a.ndim) if axis not in axes]
        count = int(np.prod([a.shape[axis] for axis in rest], dtype=int))
        if count > MOST_ROWS:
            raise UnsupportedNode(f"{label(node)} is taken of {count} rows; {MOST_ROWS} is the most")
        return a.transpose([*rest, *axes]).reshape(count, -1)

    def _reduced(self, node: Any, kind: str, inputs: list[Tensor | None]) -> Array:
        a = self.places(inputs[0])  # type: ignore[arg-type]
        axes = attribute(node, "axes", None)
        if len(inputs) > 1 and inputs[1] is not None:
            assert not isinstance(inputs[1], TensorPlaces)  # whole numbers that are computed are refused before
            axes = [int(one) for one in inputs[1].reshape(-1)]
        if not axes:
            if attribute(node, "noop_with_empty_axes", 0):
                return a
            axes = list(range(a.ndim))
        rows = self._rows_of(node, a, axes)
        made = np.concatenate([self._sum_of(node, kind, row) for row in rows]) if len(rows) else rows.reshape(-1)
        axes = [axis % a.ndim for axis in axes] if a.ndim else []
        kept = [1 if n in axes else size for n, size in enumerate(a.shape)]
        if not attribute(node, "keepdims", 1):
            kept = [size for n, size in enumerate(a.shape) if n not in axes]
        return made.reshape(kept)

    def _sum_of(self, node: Any, kind: str, row: Array) -> Array:
        apply, whole = self.vectors.apply, self.vectors.whole
        name = node.output[0]
        if kind in ("ReduceMax", "ReduceMin", "ReduceProd"):
            if row.size > 64:
                raise UnsupportedNode(f"{label(node)} is taken of {row.size} numbers; 64 is the most")
            made = row[:1]
            for one in row[1:]:
                made = apply({"ReduceMax": "max", "ReduceMin": "min"}.get(kind, "*"), made, np.array([one]), label=name)
            return made
        if kind in ("ReduceL2", "ReduceSumSquare"):
            row = apply("*", row, row)
        if kind == "ReduceL1":
            row = apply("abs", row)
        if kind == "ReduceLogSumExp":
            row = apply("exp", row)
        if row.size > 1:
            row = whole("mean" if kind == "ReduceMean" else "sum", row, single=True, label=name)
        after = {"ReduceL2": "sqrt", "ReduceLogSumExp": "log"}.get(kind)
        return row if after is None else apply(after, row, label=name)

    def _by_rows(self, node: Any, a: Array, axes: Sequence[int], made: Callable[[Array], Array]) -> Array:
        """Return what is made of each row of a tensor, in its place."""
        axes = sorted({axis % a.ndim for axis in axes})
        rest = [axis for axis in range(a.ndim) if axis not in axes]
        rows = np.stack([made(row) for row in self._rows_of(node, a, axes)])
        order = [*rest, *axes]
        return rows.reshape([a.shape[axis] for axis in order]).transpose(np.argsort(order))

    def _softmax(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        a = self.places(inputs[0])  # type: ignore[arg-type]
        old = self.graph.opset < 13 and self.graph.ran_by == "onnx"
        axis = int(attribute(node, "axis", 1 if old else -1))
        axes = range(axis % a.ndim, a.ndim) if old else (axis,)
        function = "softmax"
        if node.op_type == "LogSoftmax":
            function = macro("log_softmax", MACROS["log_softmax"], self.vectors.functions)
        return [self._by_rows(node, a, axes, lambda row: self.vectors.whole(function, row, label=node.output[0]))]

    _logsoftmax = _softmax

    def _layernormalization(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        a = self.places(inputs[0])  # type: ignore[arg-type]
        epsilon = _single(attribute(node, "epsilon", 1e-5))
        axes = range(int(attribute(node, "axis", -1)) % a.ndim, a.ndim)
        return [self._scaled(node, self._by_rows(node, a, axes, lambda row: self._normed(row, epsilon)), inputs)]

    def _instancenormalization(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        a = self.places(inputs[0])  # type: ignore[arg-type]
        epsilon = _single(attribute(node, "epsilon", 1e-5))
        made = self._by_rows(node, a, range(2, a.ndim), lambda row: self._normed(row, epsilon))
        for sign, one in zip("*+", inputs[1:3], strict=True):
            assert one is not None
            by_channel = self.places(one).reshape(-1, *(1,) * (a.ndim - 2))
            made = self.vectors.apply(sign, made, by_channel, label=node.output[0])
        return [made]

    def _groupnormalization(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        """Return numbers normalised by groups of channels, each channel then scaled by numbers of its own."""
        groups = int(attribute(node, "groups", 0))
        if not groups:
            raise UnsupportedNode(f"{label(node)} has no equation here")
        a = self.places(inputs[0])  # type: ignore[arg-type]
        epsilon = _single(attribute(node, "epsilon", 1e-5))
        rows = a.reshape(a.shape[0], groups, -1)
        made = self._by_rows(node, rows, (-1,), lambda row: self._normed(row, epsilon)).reshape(a.shape)
        for sign, one in zip("*+", inputs[1:3], strict=True):
            assert one is not None
            by_channel = self.places(one).reshape(-1, *(1,) * (a.ndim - 2))
            made = self.vectors.apply(sign, made, by_channel, label=node.output[0])
        return [made]

    def _rmsnormalization(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        a = self.places(inputs[0])  # type: ignore[arg-type]
        epsilon = _single(attribute(node, "epsilon", 1e-5))
        axes = range(int(attribute(node, "axis", -1)) % a.ndim, a.ndim)
        return [self._scaled(node, self._by_rows(node, a, axes, lambda row: self._divided(row, epsilon)), inputs)]

    def _normed(self, row: Array, epsilon: float) -> Array:
        if abs(epsilon - 1e-5) < 1e-11:
            return self.vectors.whole("layernorm", row)
        mean = self.vectors.whole("mean", row, single=True)
        return self._divided(self.vectors.apply("-", row, mean), epsilon)

    def _divided(self, row: Array, epsilon: float) -> Array:
        apply = self.vectors.apply
        square = self.vectors.whole("mean", apply("*", row, row), single=True)
        return apply("/", row, apply("sqrt", apply("+", square, self._number(epsilon))))

    def _scaled(self, node: Any, made: Array, inputs: list[Tensor | None]) -> Array:
        for sign, one in zip("*+", inputs[1:3], strict=False):
            if one is not None:
                made = self.vectors.apply(sign, made, self.places(one), label=node.output[0])
        return made

    # --- products ---------------------------------------------------------------------------------------------

    def _matmul(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        left, right = inputs
        assert left is not None
        assert right is not None
        return [self._product(node, left, right)]

    def _gemm(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        left, right = (
            self._turned(one, attribute(node, key, 0))
            for one, key in zip(inputs[:2], ("transA", "transB"), strict=True)
        )
        alpha, beta = _single(attribute(node, "alpha", 1.0)), _single(attribute(node, "beta", 1.0))
        if alpha != 1.0 and not isinstance(right, TensorPlaces):
            right, alpha = right * alpha, 1.0
        made = self._product(node, left, right)
        if alpha != 1.0:
            made = self.vectors.apply("*", made, self._number(alpha))
        if len(inputs) < 3 or inputs[2] is None:
            return [made]
        added = inputs[2]
        if beta != 1.0 and not isinstance(added, TensorPlaces):
            added, beta = added * beta, 1.0
        places = self.places(added)
        places = places if beta == 1.0 else self.vectors.apply("*", places, self._number(beta))
        return [self.vectors.apply("+", made, places, label=node.output[0])]

    def _turned(self, one: Tensor | None, turned: int) -> Tensor:
        assert one is not None
        if not turned:
            return one
        return TensorPlaces(one.at.T) if isinstance(one, TensorPlaces) else one.T

    def _product(self, node: Any, left: Tensor, right: Tensor) -> Array:
        """Return `left @ right`, of which at least one is not constant, row by row."""
        shapes = [one.at.shape if isinstance(one, TensorPlaces) else one.shape for one in (left, right)]
        try:
            shape = np.matmul(np.empty(shapes[0], np.int8), np.empty(shapes[1], np.int8)).shape
        except ValueError as error:
            raise UnsupportedNode(f"{label(node)} multiplies {shapes[0]} by {shapes[1]}") from error
        ones = [
            TensorPlaces(one.at.reshape(new), one.sort) if isinstance(one, TensorPlaces) else one.reshape(new)
            for one, new in zip((left, right), _at_least_two(*shapes), strict=True)
        ]
        a, b = (one.at if isinstance(one, TensorPlaces) else one for one in ones)
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        a = np.broadcast_to(a, (*batch, *a.shape[-2:])).reshape(-1, *a.shape[-2:])
        b = np.broadcast_to(b, (*batch, *b.shape[-2:])).reshape(-1, *b.shape[-2:])
        made = [self._one_product(node, ones, one, other) for one, other in zip(a, b, strict=True)]
        return np.stack(made).reshape(shape)

    def _one_product(self, node: Any, ones: list[Tensor], a: Array, b: Array) -> Array:
        name = node.output[0]
        if not isinstance(ones[1], TensorPlaces):
            self._count(node, len(a))
            return np.stack([self.vectors.linear(b.T, row, name) for row in a])
        if not isinstance(ones[0], TensorPlaces):
            self._count(node, b.shape[1])
            return np.stack([self.vectors.linear(a, column, name) for column in b.T], axis=1)
        if a.shape[0] * b.shape[1] * a.shape[1] > MOST_PLACES:
            raise UnsupportedNode(f"{label(node)} multiplies more than {MOST_PLACES} pairs of numbers")
        if a.shape[0] == b.shape[1] == 1:
            return self.vectors.whole("dot", a[0], b[:, 0], single=True, label=name).reshape(1, 1)
        if a.shape[1] == 1:
            return self.vectors.apply("*", a, b, label=name)
        pairs = self.vectors.apply("*", a[:, None, :], b.T[None, :, :])
        sums = np.kron(np.eye(a.shape[0] * b.shape[1]), np.ones((1, a.shape[1])))
        return self.vectors.linear(sums, pairs, name).reshape(a.shape[0], b.shape[1])

    def _count(self, node: Any, rows: int) -> None:
        self.rows += rows
        if rows > MOST_ROWS or self.rows > 8 * MOST_ROWS:
            raise UnsupportedNode(f"{label(node)} is taken of {rows} rows a step, which is no step of one sequence")

    def _by_place(self, node: Any, inputs: list[Tensor | None]) -> Array:
        """Return what a convolution or a mean over places makes: one matrix, found by a 1 at each number in turn."""
        x = inputs[0]
        assert isinstance(x, TensorPlaces)
        if any(isinstance(one, TensorPlaces) for one in inputs[1:]) or x.at.ndim < 2 or x.at.shape[0] != 1:
            raise UnsupportedNode(f"{label(node)} has weights that are not constant, or more than one row")
        count = x.at.size
        if count * count > MOST_DENSE:
            raise UnsupportedNode(f"{label(node)} reads {count} numbers, more than a page of equations takes")
        given = {
            name: np.asarray(one, np.float32)
            for name, one in zip(node.input[1:], inputs[1:], strict=True)
            if one is not None
        }
        bias = given.get(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        if bias is not None:
            given[node.input[2]] = np.zeros_like(bias)
        ones = np.eye(count, dtype=np.float32).reshape(count, *x.at.shape[1:])
        made = self.graph.run(node, {node.input[0]: ones, **given})[0]
        if made.size > MOST_DENSE:
            raise UnsupportedNode(f"{label(node)} written as a matrix would take {made.size} numbers")
        shape = (1, *made.shape[1:])
        places = self.vectors.linear(made.reshape(count, -1).T, x.at, node.output[0]).reshape(shape)
        if bias is None:
            return places
        spread = self.vectors.constant(bias.reshape(-1, *(1,) * (len(shape) - 2)))
        return self.vectors.apply("+", places, np.broadcast_to(spread, shape[1:])[None], label=node.output[0])

    def _einsum(self, node: Any, inputs: list[Tensor | None]) -> list[Array]:
        """Return a product written by letters, where one of two factors is constant."""
        free = [n for n, one in enumerate(inputs) if isinstance(one, TensorPlaces)]
        if len(free) != 1 or len(inputs) != 2:
            raise UnsupportedNode(f"{label(node)} has no equation here")
        x = inputs[free[0]]
        assert isinstance(x, TensorPlaces)
        other = inputs[1 - free[0]]
        if x.at.size > 2048:
            raise UnsupportedNode(f"{label(node)} reads {x.at.size} numbers; 2048 is the most")
        columns = []
        for n in range(x.at.size):
            one = np.zeros(x.at.size, np.float32)
            one[n] = 1
            given = [one.reshape(x.at.shape), np.asarray(other, np.float32)]
            pair = given if free[0] == 0 else given[::-1]
            columns.append(self.graph.run(node, dict(zip(node.input, pair, strict=True)))[0])
        matrix = np.stack([one.reshape(-1) for one in columns], axis=1)
        return [self.vectors.linear(matrix, x.at, node.output[0]).reshape(columns[0].shape)]


def _kind_of(to: Any) -> int:
    """Return a kind of numbers as ONNX counts them, of that count or of NumPy's own name."""
    return {"f": 1, "b": 9}.get(np.dtype(to).kind, 7) if isinstance(to, str) else int(to)


_METHODS = frozenset((
    "Clip", "Pow", "PRelu", "BatchNormalization", "Softmax", "LogSoftmax", "LayerNormalization", "RMSNormalization",
    "InstanceNormalization", "GroupNormalization", "MatMul", "Gemm", "Einsum", "Where",
))  # fmt: skip


def _single(number: float) -> float:
    """Return a number of the file as the fraction of 32 bits that it is there, written short."""
    return float(exact(np.float32(number)))


def _taken(one: Tensor, number: int, axis: int) -> Tensor:
    """Return what a body reads of a series at one trip."""
    if isinstance(one, TensorPlaces):
        return TensorPlaces(np.take(one.at, number, axis=axis), one.sort)
    return np.asarray(np.take(one, number, axis=axis))


def _at_least_two(left: tuple[int, ...], right: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return shapes of two factors with two axes each, as a product takes vectors."""
    return (left if len(left) > 1 else (1, *left)), (right if len(right) > 1 else (*right, 1))
