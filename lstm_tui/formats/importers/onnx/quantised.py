"""Nodes of ONNX that multiply whole numbers, written again with the numbers these stand for.

A file that was quantised keeps weights as whole numbers with a scale, and its runtime also rounds what they are
multiplied with. The weights are taken as what they stand for; that rounding is left out, and said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.program.graph import attribute

_PLAIN = {"MatMulInteger": "MatMul", "ConvInteger": "Conv"}
_LAYOUT = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Slice", "Flatten", "Identity")


def dequantised(onnx: Any, nodes: list[Any], constants: dict[str, Array]) -> tuple[list[Any], list[str]]:
    """Return nodes that multiply fractions, and the names of those that multiplied whole numbers.

    Args:
        onnx: The library.
        nodes: Of a file.
        constants: Tensors of the file by name; the weights in fractions are added.
    """
    rounds = [node for node in nodes if node.op_type in ("DynamicQuantizeLinear", "DynamicQuantizeLSTM")]
    nodes = _tables(onnx, nodes, constants)
    if not rounds:
        return nodes, []
    made: list[Any] = []
    said: list[str] = []
    exact = {node.output[0]: node for node in rounds if node.op_type == "DynamicQuantizeLinear"}
    floors = _biases(nodes)
    for node in nodes:
        whole = _PLAIN.get(node.op_type) if node.domain in ("", "ai.onnx") else None
        if node.op_type == "DynamicQuantizeLinear" and len(node.output) == 3:
            made.append(_alike(onnx, node, "Identity", [node.input[0]], [node.output[0]]))
            constants[node.output[1]] = np.ones((), np.float32)
            constants[node.output[2]] = np.zeros((), np.float32)
        elif whole and node.input[0] in exact and (weights := _weights(node, constants)) is not None:
            name = f"{node.output[0]} weights"
            constants[name] = weights
            made.append(_alike(onnx, node, whole, [node.input[0], name], node.output))
            said.append(str(node.name or node.output[0]))
        elif node.op_type == "DynamicQuantizeLSTM" and (given := _of_layer(node, constants)) is not None:
            read = list(node.input[:8])
            for place, what in ((1, "W"), (2, "R")):
                read[place] = f"{node.output[0] or node.output[1]} {what}"
                constants[read[place]] = given[what]
            made.append(_alike(onnx, node, "LSTM", read, node.output))
            said.append(str(node.name or node.output[0]))
        elif id(node) in floors:
            made.append(_alike(onnx, node, "Identity", node.input, node.output))
        else:
            made.append(node)
    return made, said


def _alike(onnx: Any, node: Any, kind: str, read: Any, given: Any) -> Any:
    """Return a node of another kind with the attributes of one."""
    new = onnx.helper.make_node(kind, list(read), list(given), name=node.name)
    new.attribute.extend(() if kind == "Identity" else node.attribute)
    return new


def _weights(node: Any, constants: Mapping[str, Array]) -> Array | None:
    """Return the second factor of a product less its zero point; its scale is multiplied in by a node behind."""
    whole = constants.get(node.input[1])
    zero = constants.get(node.input[3]) if len(node.input) > 3 and node.input[3] else np.zeros((), np.int64)
    if whole is None or zero is None or whole.dtype.kind not in "iu":
        return None
    zero = zero.astype(np.int64)
    if node.op_type == "ConvInteger" and zero.size > 1:
        zero = zero.reshape(-1, *(1,) * (whole.ndim - 1))
    return (whole.astype(np.int64) - zero).astype(np.float32)


def _of_layer(node: Any, constants: Mapping[str, Array]) -> dict[str, Array] | None:
    """Return the weights W and R of a layer as ONNX's LSTM has them: (directions, 4H, n)."""
    found: dict[str, Array] = {}
    if len(node.input) < 12:
        return None
    for what, place, scale_at in (("W", 1, 8), ("R", 2, 10)):
        given = [constants.get(node.input[at]) for at in (place, scale_at, scale_at + 1)]
        whole, scale, zero = given
        if whole is None or scale is None or zero is None or whole.ndim != 3 or whole.dtype.kind not in "iu":
            return None
        shape = (-1, 1, 1) if scale.ndim < 2 else (scale.shape[0], 1, scale.shape[1])
        zero, scale = zero.astype(np.int64).reshape(shape), scale.reshape(shape)
        found[what] = np.asarray(((whole.astype(np.int64) - zero) * scale).astype(np.float32).transpose(0, 2, 1))
    return found


def _biases(nodes: list[Any]) -> set[int]:
    """Return the identities of nodes that round the bias of a convolution of whole numbers."""
    made_by = {name: node for node in nodes for name in node.output}
    found: set[int] = set()
    for node in nodes:
        floor = made_by.get(node.input[0]) if node.op_type == "Cast" and attribute(node, "to", 0) == 6 else None
        below = made_by.get(floor.input[0]) if floor is not None and floor.op_type in ("Floor", "Round") else None
        if floor is not None and below is not None and below.op_type == "Div":
            found |= {id(node), id(floor)}
    return found


def _tables(onnx: Any, nodes: list[Any], constants: dict[str, Array]) -> list[Any]:
    """Return nodes in which a table of whole numbers is one of fractions, where its rows are made fractions later."""
    readers: dict[str, list[Any]] = {}
    for node in nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    turned: set[int] = set()
    for node in nodes:
        table = constants.get(node.input[0]) if node.op_type == "Gather" else None
        if table is None or table.ndim != 2 or table.dtype.kind not in "iu" or node.input[1] in constants:
            continue
        ends = _ends(node, readers)
        scales = {tuple(one.input[1:]) for one in ends or ()}
        if not ends or len(scales) != 1 or len(readers[node.input[0]]) != 1:
            continue
        names = next(iter(scales))
        scale, zero = (constants.get(name) for name in (*names, "")[:2])
        if scale is None or scale.size != 1 or (len(names) > 1 and (zero is None or zero.size != 1)):
            continue
        shift = 0 if zero is None else int(zero.reshape(-1)[0])
        constants[node.input[0]] = ((table.astype(np.int64) - shift) * scale.reshape(-1)[0]).astype(np.float32)
        turned |= {id(one) for one in ends}
    return [
        _alike(onnx, node, "Identity", [node.input[0]], node.output) if id(node) in turned else node for node in nodes
    ]


def _ends(node: Any, readers: Mapping[str, list[Any]]) -> list[Any] | None:
    """Return the nodes that make fractions of what a node gives, or None where something else reads it."""
    found: list[Any] = []
    waiting = list(node.output)
    while waiting:
        for one in readers.get(waiting.pop(), ()):
            if one.op_type == "DequantizeLinear":
                found.append(one)
            elif one.op_type in _LAYOUT:
                waiting += one.output
            else:
                return None
    return found
