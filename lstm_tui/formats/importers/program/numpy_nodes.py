"""Single nodes of a program run by NumPy, for programs that are not ONNX: none of them is recurrent."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.feature_extractor import erf
from lstm_tui.formats.importers.program.graph import UnsupportedNode, attribute, label

MOST_NUMBERS = 20_000_000
_Run = Callable[[Any, Sequence[Array]], Array]


def run_node(node: Any, inputs: Mapping[str, Array]) -> list[Array]:
    """Return what one node makes of its inputs, by name.

    Raises:
        UnsupportedNode: It is not run here, cannot take them, or would fill the memory.
    """
    run = _KINDS.get(node.op_type)
    if run is None:
        raise UnsupportedNode(f"{label(node)} is not run here")
    given = [np.asarray(inputs[name]) for name in node.input if name]
    try:
        _check_size(node, given)
        with np.errstate(all="ignore"):
            return [np.asarray(run(node, given))]
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        shapes = ", ".join("×".join(map(str, one.shape)) or "1" for one in given)
        raise UnsupportedNode(f"{label(node)} cannot take {shapes or 'nothing'}") from error


def _check_size(node: Any, given: Sequence[Array]) -> None:
    count = max((one.size for one in given), default=0)
    if node.op_type in ("MatMul", "Gemm") and given[0].ndim and given[1].ndim:
        rows = given[1].shape[0] if attribute(node, "transB", 0) else given[1].shape[-1]
        count = max(count, given[0].size // max(given[0].shape[-1], 1) * rows)
    elif node.op_type in ("Reshape", "Expand"):
        count = max(count, math.prod(max(int(one), 1) for one in attribute(node, "shape", ())))
    elif node.op_type == "Gather":
        count = given[1].size * (given[0].size // max(given[0].shape[attribute(node, "axis", 0)], 1))
    elif node.op_type == "Concat":
        count = sum(one.size for one in given)
    elif len(given) > 1 and node.op_type in _OF_TWO:
        count = math.prod(np.broadcast_shapes(*(one.shape for one in given)))
    if count > MOST_NUMBERS:
        raise UnsupportedNode(f"{label(node)} would give {count} numbers; {MOST_NUMBERS} is the most")


def _gemm(node: Any, given: Sequence[Array]) -> Array:
    """Return `alpha * x @ W + beta * b` of x of any number of axes."""
    x, w = given[0], given[1].T if attribute(node, "transB", 0) else given[1]
    made = x @ w
    made = made if attribute(node, "alpha", 1.0) == 1 else made * np.float32(attribute(node, "alpha", 1.0))
    if len(given) < 3:
        return np.asarray(made)
    beta = attribute(node, "beta", 1.0)
    return np.asarray(made + (given[2] if beta == 1 else given[2] * np.float32(beta)))


def _conv(node: Any, given: Sequence[Array]) -> Array:
    """Return a convolution over the last axis: x (B, I, T), kernel (O, I / groups, width)."""
    x, w = given[0], given[1]
    groups, stride = int(attribute(node, "group", 1)), int(attribute(node, "stride", 1))
    if x.ndim != 3 or w.ndim != 3 or x.shape[1] != w.shape[1] * groups or w.shape[0] % groups:
        raise ValueError("its kernel fits no input")
    windows = _windows(x, w.shape[2], stride, attribute(node, "pad", (0, 0)), int(attribute(node, "dilation", 1)), 0.0)
    parts = [
        np.einsum("bitk,oik->bot", one, kernel)
        for one, kernel in zip(np.split(windows, groups, 1), np.split(w, groups), strict=True)
    ]
    made = np.concatenate(parts, axis=1)
    return np.asarray(made if len(given) < 3 else made + given[2][:, None])


def _pool(node: Any, given: Sequence[Array]) -> Array:
    """Return the largest or the mean of neighbours along the last axis."""
    largest = node.op_type == "MaxPool"
    width, stride, pad = (attribute(node, name, 1) for name in ("width", "stride", "pad"))
    filled = -np.inf if largest else 0.0
    windows = _windows(given[0], width, stride, pad, int(attribute(node, "dilation", 1)), filled)
    return np.asarray(windows.max(axis=-1) if largest else windows.mean(axis=-1))


def _windows(x: Array, width: int, stride: int, pad: tuple[int, int], dilation: int, fill: float) -> Array:
    """Return what each place of a kernel reads of the last axis, (…, places, width)."""
    whole = np.pad(x, [(0, 0)] * (x.ndim - 1) + [pad], constant_values=fill) if any(pad) else x
    count = (whole.shape[-1] - (width - 1) * dilation - 1) // stride + 1
    if count < 1 or count * width * math.prod(x.shape[:-1]) > MOST_NUMBERS:
        raise ValueError("it is shorter than its kernel, or makes too much")
    places = np.arange(count)[:, None] * stride + np.arange(width) * dilation
    return np.asarray(whole[..., places])


def _group_norm(node: Any, given: Sequence[Array]) -> Array:
    """Return each sequence with every group of its units normalised over all of its steps; x (B, n, …)."""
    x, groups = given[0], int(attribute(node, "groups", 1))
    rows = x.reshape(x.shape[0], groups, -1)
    centre = rows - rows.mean(axis=-1, keepdims=True)
    made = (
        centre / np.sqrt((centre * centre).mean(axis=-1, keepdims=True) + attribute(node, "epsilon", 1e-5))
    ).reshape(x.shape)
    for n, one in enumerate(given[1:3]):
        one = one.reshape([-1, *[1] * (x.ndim - 2)])
        made = made * one if n == 0 else made + one
    return np.asarray(made)


def _one_hot(node: Any, given: Sequence[Array]) -> Array:
    count = int(attribute(node, "count", 1))
    if given[0].size * count > MOST_NUMBERS or (given[0] < 0).any() or (given[0] >= count).any():
        raise ValueError("it has no such class")
    return np.eye(count, dtype=np.int64)[given[0].astype(np.int64)]


def _slice(node: Any, given: Sequence[Array]) -> Array:
    return np.asarray(given[0][attribute(node, "index", ())])


def _layer_norm(node: Any, given: Sequence[Array]) -> Array:
    x = given[0]
    axes = tuple(range(attribute(node, "axis", -1) % x.ndim, x.ndim))
    centre = x - x.mean(axis=axes, keepdims=True)
    made = centre / np.sqrt((centre * centre).mean(axis=axes, keepdims=True) + attribute(node, "epsilon", 1e-5))
    for n, one in enumerate(given[1:3]):
        made = made * one if n == 0 else made + one
    return np.asarray(made)


def _batch_norm(node: Any, given: Sequence[Array]) -> Array:
    x, (gamma, beta, mean, variance) = given[0], given[1:5]
    shape = [1, -1, *[1] * (x.ndim - 2)]
    gamma, beta, mean, variance = (one.reshape(shape) for one in (gamma, beta, mean, variance))
    return np.asarray((x - mean) / np.sqrt(variance + attribute(node, "epsilon", 1e-5)) * gamma + beta)


def _softmax(node: Any, given: Sequence[Array]) -> Array:
    axis = attribute(node, "axis", -1)
    moved = given[0] - given[0].max(axis=axis, keepdims=True)
    if node.op_type == "LogSoftmax":
        return np.asarray(moved - np.log(np.exp(moved).sum(axis=axis, keepdims=True)))
    return np.asarray(np.exp(moved) / np.exp(moved).sum(axis=axis, keepdims=True))


def _reduced(how: Callable[..., Any]) -> _Run:
    def run(node: Any, given: Sequence[Array]) -> Array:
        axes = attribute(node, "axes", None)
        axes = None if axes is None else tuple(axes)
        return np.asarray(how(given[0], axis=axes, keepdims=bool(attribute(node, "keepdims", 1))))

    return run


def _of_one(how: Callable[[Array], Any]) -> _Run:
    return lambda node, given: np.asarray(how(given[0]))


def _of_two(how: Callable[[Any, Any], Any]) -> _Run:
    return lambda node, given: np.asarray(how(*given))


def _elu(node: Any, given: Sequence[Array]) -> Array:
    x = given[0]
    return np.asarray(np.where(x > 0, x, attribute(node, "alpha", 1.0) * np.expm1(np.minimum(x, 0))))


def _leaky_relu(node: Any, given: Sequence[Array]) -> Array:
    x = given[0]
    return np.asarray(np.where(x > 0, x, attribute(node, "alpha", 0.01) * x))


def _selu(x: Array) -> Array:
    return np.asarray(1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))))


def _clip(node: Any, given: Sequence[Array]) -> Array:
    least, most = attribute(node, "min", None), attribute(node, "max", None)
    return np.asarray(np.clip(given[0], -np.inf if least is None else least, np.inf if most is None else most))


def _gelu(node: Any, given: Sequence[Array]) -> Array:
    x = given[0]
    if attribute(node, "approximate", "none") == "tanh":
        return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))
    return np.asarray((0.5 * x * (1 + erf(x / np.sqrt(2)))).astype(x.dtype))


def _celu(node: Any, given: Sequence[Array]) -> Array:
    x, alpha = given[0], attribute(node, "alpha", 1.0)
    return np.asarray(np.maximum(x, 0) + np.minimum(alpha * np.expm1(np.minimum(x, 0) / alpha), 0))


def _shrink(node: Any, given: Sequence[Array]) -> Array:
    x, border, moved = given[0], attribute(node, "lambd", 0.5), attribute(node, "bias", 0.0)
    return np.asarray(np.where(x < -border, x + moved, np.where(x > border, x - moved, 0)))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


_OF_TWO: Mapping[str, Callable[[Any, Any], Any]] = {
    "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Max": np.maximum, "Min": np.minimum,
    "Pow": np.power, "Mod": np.remainder, "FloorDiv": np.floor_divide,
    "Equal": np.equal, "NotEqual": np.not_equal, "Less": np.less, "Greater": np.greater,
    "LessOrEqual": np.less_equal, "GreaterOrEqual": np.greater_equal, "And": np.logical_and, "Or": np.logical_or,
}  # fmt: skip
_KINDS: Mapping[str, _Run] = {
    "Identity": _of_one(lambda x: x),
    "Cast": lambda node, given: given[0].astype(attribute(node, "to", "f4")),
    "Reshape": lambda node, given: given[0].reshape(attribute(node, "shape", ())),
    "Transpose": lambda node, given: given[0].transpose(attribute(node, "perm", None)),
    "Slice": _slice,
    "Gather": lambda node, given: np.take(given[0], given[1].astype(np.int64), axis=attribute(node, "axis", 0)),
    "GatherElements": lambda node, given: np.take_along_axis(
        given[0][tuple(slice(0, size) if n != attribute(node, "axis", 0) % given[0].ndim else slice(None)
                       for n, size in enumerate(given[1].shape))],
        given[1].astype(np.int64), attribute(node, "axis", 0)),
    "Concat": lambda node, given: np.concatenate(given, axis=attribute(node, "axis", 0)),
    "Expand": lambda node, given: np.broadcast_to(given[0], attribute(node, "shape", ())),
    "MatMul": lambda node, given: given[0] @ given[1],
    "Gemm": _gemm,
    "Conv": _conv,
    "MaxPool": _pool,
    "AveragePool": _pool,
    "GroupNormalization": _group_norm,
    "OneHot": _one_hot,
    "Not": _of_one(np.logical_not),
    "Where": lambda node, given: np.where(given[0], given[1], given[2]),
    "CumSum": lambda node, given: np.cumsum(given[0], axis=attribute(node, "axis", 0)),
    "ArgMax": lambda node, given: np.argmax(given[0], axis=attribute(node, "axis", None)),
    "Sin": _of_one(np.sin),
    "Cos": _of_one(np.cos),
    "Floor": _of_one(np.floor),
    "LayerNormalization": _layer_norm,
    "BatchNormalization": _batch_norm,
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "ReduceMean": _reduced(np.mean),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "Relu": _of_one(lambda x: np.maximum(x, 0)),
    "Sigmoid": _of_one(_sigmoid),
    "Tanh": _of_one(np.tanh),
    "Softplus": _of_one(lambda x: np.logaddexp(x, 0)),
    "Softsign": _of_one(lambda x: x / (1 + np.abs(x))),
    "Silu": _of_one(lambda x: x * _sigmoid(x)),
    "Exp": _of_one(np.exp),
    "Log": _of_one(np.log),
    "Sqrt": _of_one(np.sqrt),
    "Abs": _of_one(np.abs),
    "Neg": _of_one(np.negative),
    "Reciprocal": _of_one(lambda x: 1 / x),
    "Selu": _of_one(_selu),
    "HardSwish": _of_one(lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "HardSigmoid": lambda node, given: np.clip(
        attribute(node, "alpha", 0.2) * given[0] + attribute(node, "beta", 0.5), 0, 1
    ),
    "LeakyRelu": _leaky_relu,
    "Elu": _elu,
    "Clip": _clip,
    "Gelu": _gelu,
    "Erf": _of_one(erf),
    "Mish": _of_one(lambda x: x * np.tanh(np.logaddexp(x, 0))),
    "Sign": _of_one(np.sign),
    "LogSigmoid": _of_one(lambda x: -np.logaddexp(-x, 0)),
    "PRelu": lambda node, given: np.where(given[0] > 0, given[0], given[0] * given[1]),
    "Celu": _celu,
    "Shrink": _shrink,
    "ThresholdedRelu": lambda node, given: np.where(
        given[0] > attribute(node, "alpha", 1.0), given[0], attribute(node, "value", 0.0)
    ),
    "Einsum": lambda node, given: np.einsum(attribute(node, "equation", ""), *given),
    **{name: _of_two(how) for name, how in _OF_TWO.items()},
}  # fmt: skip
