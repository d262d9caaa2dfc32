"""Layers of Keras below the first recurrent one as plain array ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.dense_layers import apply_op
from lstm_tui.formats.importers.feature_extractor import ExtractorGraph, Step, activate, convolve, pool
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, floats
from lstm_tui.formats.importers.keras.graph import KerasGraph, KerasNode
from lstm_tui.formats.importers.keras.layers import activation_name, steps

Weights = Callable[[KerasNode], Sequence[Array]]
_JOINS: dict[str, Step] = {
    "Concatenate": lambda given: np.concatenate(given, axis=-1),
    "Add": lambda given: reduce(np.add, given),
    "Subtract": lambda given: given[0] - given[1],
    "Multiply": lambda given: reduce(np.multiply, given),
    "Average": lambda given: reduce(np.add, given) / len(given),
    "Maximum": lambda given: reduce(np.maximum, given),
}


def keras_front(graph: KerasGraph, output: str, weights: Weights, generation: int) -> ExtractorGraph:
    """Return everything that a layer's output takes.

    Raises:
        CannotRun: A layer of it cannot be run; the reason begins with its name.
    """
    made: list[tuple[str, tuple[str, ...], Step]] = []
    inputs: list[str] = []
    ids: dict[str, int] = {}
    for name in _in_order(graph, output):
        node = graph.nodes[name]
        reads = tuple(node.inputs)
        if node.kind == "InputLayer":
            inputs.append(name)
            continue
        if not reads:  # a Sequential that does not name its input
            inputs.append("input")
            reads = ("input",)
        if node.calls > 1:
            raise UnsupportedLayer(f"{node.known_as} is called {node.calls} times")
        try:
            step = _step(node, floats(weights(node)), generation)
        except UnsupportedLayer as error:
            raise UnsupportedLayer(f"{node.known_as}: {error}") from error
        table = node.inner if node.kind == "TimeDistributed" else node
        if table is not None and table.kind == "Embedding" and reads[0] in inputs:
            ids[reads[0]] = len(weights(node)[0])
        made.append((name, reads, step))
    return ExtractorGraph(tuple(inputs), tuple(made), output, ids)


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
    return lambda given: reduce(apply_op, ops, given[0])


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
    return lambda given: np.pad(given[0], ((both[0], both[1]), (0, 0)))


_SHAPES: dict[str, Callable[[KerasNode], Step]] = {
    "Reshape": _reshape,
    "Flatten": lambda node: lambda given: given[0].reshape(-1),
    "ZeroPadding1D": _zero_padding,
    "GlobalMaxPooling1D": lambda node: lambda given: given[0].max(axis=0),
    "GlobalAveragePooling1D": lambda node: lambda given: given[0].mean(axis=0),
}
