"""Single nodes of ONNX: what they are called, their attributes, how large their results would be."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.visible import visible

Array = NDArray[Any]
MOST_NUMBERS = 100_000_000


class CannotRun(Exception):
    """Why a node cannot be run, to be said with its name."""


def label(node: Any) -> str:
    """Return a node's name and operator, safe to show."""
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    return f"{visible(node.name or (node.output[0] if node.output else ''))} ({visible(domain + node.op_type)})"


def attribute(node: Any, name: str, default: Any) -> Any:
    """Return an attribute of a node, its bytes as text."""
    import onnx

    for one in node.attribute:
        if one.name == name:
            value = onnx.helper.get_attribute_value(one)
            if isinstance(value, bytes):
                return value.decode("utf-8", "replace")
            if isinstance(value, list):
                return [each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in value]
            return value
    return default


def check_size(node: Any, inputs: Mapping[str, Array]) -> None:
    """Refuse a node whose result would fill the memory, before it is run."""
    shapes = [np.shape(inputs[one]) for one in node.input if one]
    values = [inputs[one] for one in node.input if one]
    count = max([math.prod(shape) for shape in shapes], default=0)
    try:
        if node.op_type in ("MatMul", "Gemm"):
            count = max(count, math.prod(shapes[0][:-1]) * math.prod(shapes[1][-1:]) * math.prod(shapes[1][:-2]))
        elif node.op_type == "ConstantOfShape":
            count = math.prod(int(one) for one in values[0])
        elif node.op_type == "Expand":
            count = math.prod(np.broadcast_shapes(shapes[0], tuple(int(one) for one in values[1])))
        elif node.op_type == "Tile":
            count *= math.prod(int(one) for one in values[1])
        elif node.op_type == "Range":
            count = abs(int((values[1] - values[0]) / values[2])) if values[2] else MOST_NUMBERS + 1
        elif node.op_type == "OneHot":
            count *= int(np.max(values[1]))
        elif node.op_type == "Pad":
            pads = values[1].tolist() if len(values) > 1 else list(attribute(node, "pads", []))
            count = math.prod(n + 2 * max(map(abs, pads), default=0) for n in shapes[0])
        elif node.op_type == "Conv":
            pads = [abs(one) for one in attribute(node, "pads", [])]
            count = math.prod(n + 2 * max(pads, default=0) for n in shapes[0][2:]) * shapes[0][0] * shapes[1][0]
        elif node.op_type in ("Gather", "GatherND", "GatherElements") and len(shapes) > 1:
            count = math.prod(shapes[1]) * max(count // max(shapes[0][attribute(node, "axis", 0)], 1), 1)
        elif node.op_type not in ("Concat", "Reshape") and len(shapes) > 1:
            count = math.prod(np.broadcast_shapes(*shapes))
    except (ValueError, IndexError, TypeError, OverflowError):
        pass  # the node itself says what is wrong with its shapes
    if count > MOST_NUMBERS:
        raise CannotRun(f"{label(node)} would give {count} numbers; {MOST_NUMBERS} is the most")
