"""Layers of Keras below the first recurrent one as plain array ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.dense_layers import apply_op
from lstm_tui.formats.importers.feature_extractor import ExtractorGraph, Step, activate, convolve, pool
from lstm_tui.formats.importers.keras.follow import ALONG, Mask, check_all, operands
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, floats
from lstm_tui.formats.importers.keras.graph import CALCULATED, TENSOR, KerasGraph, KerasNode
from lstm_tui.formats.importers.keras.layers import activation_name, steps
from lstm_tui.formats.importers.keras.settings import LOOKUPS
from lstm_tui.formats.importers.plan import AffineScale

Weights = Callable[[KerasNode], Sequence[Array]]
_JOINS: dict[str, Step] = {
    "Concatenate": lambda given: np.concatenate(given, axis=-1),
    "Add": lambda given: reduce(np.add, given),
    "Subtract": lambda given: given[0] - given[1],
    "Multiply": lambda given: reduce(np.multiply, given),
    "Average": lambda given: reduce(np.add, given) / len(given),
    "Maximum": lambda given: reduce(np.maximum, given),
    "Minimum": lambda given: reduce(np.minimum, given),
}
_TWO: dict[str, Callable[[Any, Any], Array]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "max": np.maximum, "min": np.minimum,
}  # fmt: skip


def keras_front(
    graph: KerasGraph, output: str, weights: Weights, generation: int, mask: Mask | None = None
) -> ExtractorGraph:
    """Return everything that a layer's output takes.

    Args:
        graph: The model.
        output: Name of the layer.
        weights: Return the weights of a layer.
        generation: Of Keras.
        mask: What keeps steps out of the layer that reads the output; such steps are left out.

    Raises:
        UnsupportedLayer: A layer of it cannot be run; the reason begins with its name.
    """
    made: list[tuple[str, tuple[str, ...], Step]] = []
    inputs: list[str] = []
    ids: dict[str, int] = {}
    given: dict[str, str] = {}  # by a layer that looks texts up: the input, which is ids here
    masks: list[tuple[str, tuple[str, ...], Step]] = []
    kept = "" if mask is None else _masked(graph, mask, masks)
    made_by_mask = {name for name, _, _ in masks}
    wanted = [output, *(name for _, reads, _ in masks for name in reads if name not in made_by_mask)]
    for name in dict.fromkeys(one for each in wanted for one in _in_order(graph, each)):
        node = graph.nodes[name]
        reads = tuple(read for read, _ in node.reads)  # one may be read twice, as x * x reads it
        if node.kind == "InputLayer":
            inputs.append(name)
            continue
        if not reads:  # a Sequential that does not name its input
            inputs.append("input")
            reads = ("input",)
        try:
            check_all(node)
            held = weights(node)
            step = _step(node, floats(held[:2] if node.kind == "Normalization" else held), generation)
        except UnsupportedLayer as error:
            raise UnsupportedLayer(f"{node.known_as}: {error}") from error
        if node.kind in LOOKUPS and reads[0] in inputs:
            given[name] = reads[0]
        table = node.inner if node.kind == "TimeDistributed" else node
        source = given.get(reads[0], reads[0])
        if table is not None and table.kind == "Embedding" and source in inputs:
            ids[source] = len(weights(node)[0])
        made.append((name, reads, step))
    return ExtractorGraph(tuple(inputs), (*made, *masks), output, ids, kept)


def keras_mask(graph: KerasGraph, mask: Mask) -> None:
    """Refuse a mask that cannot be made of the model's inputs.

    Raises:
        UnsupportedLayer: It is one.
    """
    _masked(graph, mask, [])


def _masked(graph: KerasGraph, mask: Mask, made: list[tuple[str, tuple[str, ...], Step]]) -> str:
    """Add the steps that make a mask, and return the name of the last."""
    kind, *rest = mask
    name = f"mask {len(made)}"
    if kind in ("ids", "rows"):
        node = graph.nodes[rest[0]]
        value = np.float32(node.config.get("mask_value", 0.0))
        step: Step = (
            (lambda given: given[0] != 0) if kind == "ids" else (lambda given: (given[0] != value).any(axis=-1))
        )
        made.append((name, tuple(node.inputs[:1]) or ("input",), step))
        return name
    if kind in ("or", "and"):
        parts = tuple(_masked(graph, one, made) for one in rest)
        how = np.logical_or if kind == "or" else np.logical_and
        made.append((f"mask {len(made)}", parts, lambda given: reduce(how, given)))
        return made[-1][0]
    if kind == "unknown":
        raise UnsupportedLayer(f"which steps {graph.nodes[rest[0]].known_as} masks is not known")
    return _compared(graph, rest[0], made, 0)


def _compared(graph: KerasGraph, name: str, made: list[tuple[str, tuple[str, ...], Step]], depth: int) -> str:
    """Add the steps of a mask that Keras 3 files as layers of its own."""
    node = graph.nodes.get(name)
    if node is None or node.kind not in _MASK_STEPS:
        if node is not None and depth and not node.recurrent:
            return name  # what is compared
        raise UnsupportedLayer(f"it is given a mask by {visible(name)}")
    known = [one for one, _, _ in made]
    if f"mask of {name}" in known:
        return f"mask of {name}"
    if depth > _DEEPEST:
        raise UnsupportedLayer("its mask is made of too many layers")
    reads = tuple(_compared(graph, one, made, depth + 1) for one, _ in node.reads)
    made.append((f"mask of {name}", reads, _MASK_STEPS[node.kind](node)))
    return f"mask of {name}"


def _other(node: KerasNode) -> Any:
    value = node.given[0] if node.given else 0
    if not isinstance(value, int | float):
        raise UnsupportedLayer(f"its mask compares with {visible(str(value)[:40])}")
    return value


def _over(node: KerasNode, how: Callable[..., Any]) -> Step:
    axis = node.config.get("axis", -1)
    if axis != -1 or node.config.get("keepdims"):
        raise UnsupportedLayer("its mask is taken along another axis")
    return lambda given: how(given[0], axis=-1)


def _joined_masks(node: KerasNode) -> Step:
    if node.config.get("axis", -1) not in (-1, 2):
        raise UnsupportedLayer("its mask is joined along another axis")
    return lambda given: np.concatenate(given, axis=-1)


def _expanded(node: KerasNode) -> Step:
    if node.config.get("axis") not in (-1, 2):
        raise UnsupportedLayer("its mask is laid out along another axis")
    return lambda given: given[0][..., None]


def _not_equal(node: KerasNode) -> Step:
    other = _other(node)
    return lambda given: given[0] != other


_DEEPEST = 50
_MASK_STEPS: dict[str, Callable[[KerasNode], Step]] = {
    "NotEqual": _not_equal,
    "Any": lambda node: _over(node, np.any),
    "All": lambda node: _over(node, np.all),
    "LogicalOr": lambda node: lambda given: np.logical_or(given[0], given[1]),
    "LogicalAnd": lambda node: lambda given: np.logical_and(given[0], given[1]),
    "LogicalNot": lambda node: lambda given: np.logical_not(given[0]),
    "ExpandDims": _expanded,
    "ZerosLike": lambda node: lambda given: np.zeros(given[0].shape, np.bool_),
    "OnesLike": lambda node: lambda given: np.ones(given[0].shape, np.bool_),
    "Concatenate": _joined_masks,
    "Cast": lambda node: lambda given: given[0].astype(np.bool_),
}


def _in_order(graph: KerasGraph, output: str) -> list[str]:
    """Return what a layer depends on, each after what it reads."""
    waiting = graph.before(output)
    done: list[str] = []
    while waiting:
        ready = [name for name in waiting if all(one in done for one in graph.nodes[name].inputs)]
        done += ready
        waiting = [name for name in waiting if name not in ready]
    return done


def _step(node: KerasNode, weights: Sequence[Array], generation: int) -> Step:
    config = node.config
    if node.kind in LOOKUPS:
        return lambda given: given[0]
    if node.kind in CALCULATED and any(one is not TENSOR for one in node.call):
        return _calculation(node)
    if node.kind in _JOINS:
        if node.kind == "Concatenate" and config.get("axis", -1) not in (-1, 2):
            raise UnsupportedLayer("it joins along another axis than the last")
        return _JOINS[node.kind]
    if node.kind == "TimeDistributed" and node.inner is not None:
        if node.inner.kind in ("Embedding", "Activation", "Dense", "BatchNormalization", "LayerNormalization"):
            return _step(node.inner, weights, generation)
        inside = _step(node.inner, weights, generation)
        return lambda given: np.stack([inside([row]) for row in given[0]])
    if node.kind == "Embedding":
        table = np.asarray(weights[0], np.float32)
        return lambda given: np.asarray(table[given[0]])
    if node.kind == "Masking":
        value = np.float32(config.get("mask_value", 0.0))
        return lambda given: given[0] * (given[0] != value).any(axis=-1, keepdims=True)
    if node.kind in _SHAPES:
        return _SHAPES[node.kind](node)
    if node.kind == "Conv1D":
        return _convolution(node, weights, generation)
    if node.kind in ("MaxPooling1D", "AveragePooling1D"):
        size = _one(config.get("pool_size", 2))
        stride = _one(config.get("strides") or size)
        how = "max" if node.kind == "MaxPooling1D" else "mean"
        padding = _padding(config)
        return lambda given: pool(given[0], size, stride, padding, how)
    ops = steps(node, weights, generation)

    def step(given: Sequence[Array]) -> Array:
        along = _axis(node, given[0].ndim)
        rows = np.moveaxis(given[0], along, -1)
        for op in ops:
            if isinstance(op, AffineScale) and op.s.shape != rows.shape[-1:]:
                raise ValueError(f"{rows.shape[-1]} along its axis, for which it has {len(op.s)} numbers")
        return np.moveaxis(reduce(apply_op, ops, rows), -1, along)

    return step


def _axis(node: KerasNode, rank: int) -> int:
    """Return the axis a layer is taken along, of what has no axis for the batch."""
    axis = node.config.get("axis", -1)
    said = axis if isinstance(axis, list) else [axis]
    if node.kind not in ALONG or said in ([], [None]):
        return -1
    if len(said) != 1 or not isinstance(said[0], int) or not (-rank <= said[0] < 0 or 0 < said[0] <= rank):
        raise ValueError(f"it is taken along axis {', '.join(map(str, said))}")
    return said[0] - 1 if said[0] > 0 else said[0]


def _calculation(node: KerasNode) -> Step:
    """Return a step that puts a tensor together with numbers of the file."""
    both, how = operands(node), _TWO[CALCULATED[node.kind]]
    if len(both) != 2 or sum(one is None for one in both) != 1:
        raise UnsupportedLayer("it computes with several constants")
    first, other = both
    return lambda given: how(given[0] if first is None else first, given[0] if other is None else other)


def _convolution(node: KerasNode, weights: Sequence[Array], generation: int) -> Step:
    config = node.config
    if config.get("groups", 1) != 1:
        raise UnsupportedLayer("its channels are in groups")
    kernel = np.asarray(weights[0], np.float32)
    bias = np.asarray(weights[1], np.float32) if len(weights) > 1 else None
    stride, dilation = _one(config.get("strides", 1)), _one(config.get("dilation_rate", 1))
    padding, function = _padding(config), activation_name(config.get("activation"), generation)
    return lambda given: activate(convolve(given[0], kernel, bias, stride, padding, dilation), function)


def _padding(config: Any) -> str:
    if config.get("data_format", "channels_last") not in ("channels_last", None):
        raise UnsupportedLayer("its channels come first")
    padding = str(config.get("padding", "valid"))
    if padding not in ("valid", "same", "causal"):
        raise UnsupportedLayer(f"its padding {padding[:20]!r} is not known here")
    return padding


def _one(value: Any) -> int:
    number = value[0] if isinstance(value, list) and value else value
    if not isinstance(number, int) or not 1 <= number < 1 << 20:
        raise UnsupportedLayer("a size of it is no whole number")
    return number


def _reshape(node: KerasNode) -> Step:
    shape = node.config.get("target_shape")
    if not isinstance(shape, list) or not all(isinstance(one, int) for one in shape):
        raise UnsupportedLayer("its shape is not said")
    return lambda given: given[0].reshape(shape)


def _zero_padding(node: KerasNode) -> Step:
    said = node.config.get("padding", 1)
    both = said if isinstance(said, list) else [said, said]
    if len(both) != 2 or not all(isinstance(one, int) and 0 <= one < 1 << 20 for one in both):
        raise UnsupportedLayer("a size of it is no whole number")
    return lambda given: np.pad(given[0], ((both[0], both[1]), (0, 0)))


_SHAPES: dict[str, Callable[[KerasNode], Step]] = {
    "Reshape": _reshape,
    "Flatten": lambda node: lambda given: given[0].reshape(-1),
    "ZeroPadding1D": _zero_padding,
    "GlobalMaxPooling1D": lambda node: lambda given: given[0].max(axis=0, keepdims=bool(node.config.get("keepdims"))),
    "GlobalAveragePooling1D": lambda node: (
        lambda given: given[0].mean(axis=0, keepdims=bool(node.config.get("keepdims")))
    ),
}
