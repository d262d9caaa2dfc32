"""Nodes of ONNX between two tensors as ops at every step; whether they are right is tried out by whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.dense_layers import apply_op
from lstm_tui.formats.importers.onnx.graph import CHOICE, OnnxGraph, UnsupportedNode, attribute, label
from lstm_tui.formats.importers.onnx.rnn_nodes import of_shapes_alone
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Norm, Op, Reduce

_LAYOUT = ("Transpose", "Squeeze", "Unsqueeze", "Reshape", "Identity", "Cast", "Dropout", "Flatten")
_FUNCTIONS = {
    "Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax", "Softplus": "softplus",
    "Softsign": "softsign", "LogSoftmax": "log_softmax", "Exp": "exponential",
}  # fmt: skip
_MOST_STEPS = 500
_MOST_PARTS = 8
_OVER_STEPS = ("Gather", "Slice", "ReduceMean", "ReduceMax", "Split", "Expand")


def ops_between(
    graph: OnnxGraph, target: str, source: str, known: Mapping[str, Array] | None = None, nested: bool = False
) -> list[Op]:
    """Return what happens to every step between two tensors; what is known decides which body of an `If` is taken.

    Raises:
        CannotRun: A node is not known, or two of its operands come from the source.
    """
    ops: list[Op] = []
    name = target
    for _ in range(_MOST_STEPS):
        if name == source:
            break
        node = graph.made_by.get(name)
        if node is None:
            raise UnsupportedNode(f"{name} does not come from {source}")
        if node.op_type == CHOICE:
            name = _taken(graph, node, name, known or {})
            continue
        inputs = [one for one in node.input if one]
        live = [one for one in inputs if one == source or graph.depends(one, [source])]
        if len(live) > 1 and node.op_type == "Concat":  # of parts of one thing, such as its directions
            if nested or len(live) > _MOST_PARTS:
                raise UnsupportedNode(f"{label(node)} joins more than is followed here")
            parts = [one for each in live for one in ops_between(graph, each, source, known, True)]
            if all(isinstance(one, Reduce) for one in parts):
                ops = [*parts[:1], *ops]
                break
        if len(live) != 1:
            raise UnsupportedNode(f"{label(node)} joins two things that come from one series")
        ops = _ops(graph, node, inputs, live[0]) + ops
        name = live[0]
    else:
        raise UnsupportedNode(f"more than {_MOST_STEPS} nodes stand in a row")
    return _joined(ops)


def _taken(graph: OnnxGraph, node: Any, name: str, known: Mapping[str, Array]) -> str:
    """Return what the body of an `If` gives that its condition takes for one sequence."""
    condition = of_shapes_alone(graph, node.input[0], known)
    number = list(node.output).index(name)
    taken: str = node.input[1 + number + (0 if np.all(condition) else len(node.output))]
    return taken


def _ops(graph: OnnxGraph, node: Any, inputs: Sequence[str], live: str) -> list[Op]:
    kind, name = node.op_type, node.name or node.output[0]
    if kind in _LAYOUT or kind == "Concat":  # what is joined to it must be taken away again: trying it tells
        return []
    if kind in _FUNCTIONS:
        return [Activation(name, _FUNCTIONS[kind])]
    if kind in _OVER_STEPS:
        return [Reduce("last")]
    if kind in _PARAMETRIC:
        return [Activation(name, _PARAMETRIC[kind](node))]
    others = [_constant(graph, node, one) for one in inputs if one != live]
    if kind == "MatMul" and inputs[0] == live and others[0].ndim == 2:
        return [Dense(name, others[0].T)]
    if kind == "Gemm" and inputs[0] == live and not attribute(node, "transA", 0):
        w = others[0] if attribute(node, "transB", 0) else others[0].T
        bias = others[1].reshape(-1) * attribute(node, "beta", 1.0) if len(others) > 1 else None
        return [Dense(name, w * np.float32(attribute(node, "alpha", 1.0)), _full(bias, len(w)))]
    if kind == "Conv" and inputs[0] == live and others[0].ndim == 3 and others[0].shape[2] == 1:
        return [Dense(name, others[0][:, :, 0], others[1] if len(others) > 1 else None)]
    if kind in ("Add", "Mul", "Sub", "Div") and others[0].size == max(others[0].shape, default=1):
        return [_scale(kind, name, others[0].reshape(-1), inputs[0] == live)]
    if kind == "BatchNormalization":
        gamma, beta, mean, variance = others
        spread = gamma / np.sqrt(variance + np.float32(attribute(node, "epsilon", 1e-5)))
        return [AffineScale(name, spread, beta - mean * spread)]
    if kind == "LayerNormalization" and attribute(node, "axis", -1) in (-1, 2):
        return [Norm(name, float(attribute(node, "epsilon", 1e-5)), *others[:2])]
    raise UnsupportedNode(f"{label(node)} is not known here")


def _hard_sigmoid(alpha: float, beta: float) -> str:
    return f"HardSigmoid=clip({float(alpha)!r} * a + {float(beta)!r}, 0, 1)"


_PARAMETRIC: dict[str, Callable[[Any], str]] = {
    "LeakyRelu": lambda node: f"LeakyRelu=max(a, 0) + {float(attribute(node, 'alpha', 0.01))!r} * min(a, 0)",
    "Elu": lambda node: f"Elu=max(a, 0) + {float(attribute(node, 'alpha', 1.0))!r} * (exp(min(a, 0)) - 1)",
    "HardSigmoid": lambda node: _hard_sigmoid(attribute(node, "alpha", 0.2), attribute(node, "beta", 0.5)),
}


def _constant(graph: OnnxGraph, node: Any, name: str) -> Array:
    if graph.depends(name, graph.inputs):
        raise UnsupportedNode(f"{label(node)} also reads what is given from outside")
    array = graph.evaluate(name, {})
    return array.astype(np.float32) if array.dtype != np.float64 else array


def _full(bias: Array | None, size: int) -> Array | None:
    return None if bias is None else np.broadcast_to(bias, (size,)).astype(np.float32)


def _scale(kind: str, name: str, numbers: Array, first: bool) -> AffineScale:
    ones, zeros = np.ones_like(numbers), np.zeros_like(numbers)
    if kind == "Add":
        return AffineScale(name, ones, numbers)
    if kind == "Mul":
        return AffineScale(name, numbers, zeros)
    if kind == "Sub":
        return AffineScale(name, ones, -numbers) if first else AffineScale(name, -ones, numbers)
    if not first:
        raise UnsupportedNode(f"{name} divides by a series")
    return AffineScale(name, 1 / numbers, zeros)


def _joined(ops: Sequence[Op]) -> list[Op]:
    """Put a bias that is added behind a product into its dense layer, and spread what is one number."""
    made: list[Op] = []
    width = 0
    for op in ops:
        last = made[-1] if made else None
        if isinstance(op, AffineScale) and isinstance(last, Dense) and len(op.s) in (1, len(last.w)):
            size = len(last.w)
            if last.b is None and (op.s == 1).all():
                made[-1] = Dense(last.name, last.w, _full(op.b, size))
                continue
        if isinstance(op, AffineScale) and len(op.s) == 1 and width > 1:
            op = AffineScale(op.name, np.repeat(op.s, width), np.repeat(op.b, width))
        width = len(op.w) if isinstance(op, Dense) else len(op.s) if isinstance(op, AffineScale) else width
        made.append(op)
    return made


def apply_all(ops: Sequence[Op], x: Array, ways: int = 1) -> Array:
    """Return what ops make of a series (T, n) whose columns are those of `ways` directions."""
    return reduce(lambda given, op: _apply(given, op, ways), ops, x)


def _apply(x: Array, op: Op, ways: int) -> Array:
    if not isinstance(op, Reduce):
        return apply_op(x, op)
    if op.how == "final":
        size = x.shape[1] // ways
        return np.concatenate([x[0 if way else -1, way * size : (way + 1) * size] for way in range(ways)])
    made: Array = {"last": x[-1], "first": x[0], "mean": x.mean(axis=0), "max": x.max(axis=0), "sum": x.sum(axis=0)}[
        op.how
    ]
    return made
