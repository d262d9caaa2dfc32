"""Single nodes of ONNX, run one at a time by onnx itself, and how large their results would be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.feature_extractor import MOST_NUMBERS
from lstm_tui.formats.importers.program.graph import CHOICE, ProgramGraph, UnsupportedNode, attribute, label

Branch = Callable[[str, ProgramGraph, str], str]
_ELEMENTARY = frozenset((
    "Abs", "Add", "And", "AveragePool", "BatchNormalization", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Concat",
    "Constant", "ConstantOfShape", "Conv", "Cos", "CumSum", "DepthToSpace", "DequantizeLinear", "Div", "Dropout",
    "Einsum", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather", "GatherElements", "GatherND",
    "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish",
    "Identity", "InstanceNormalization", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax",
    "MatMul", "Max", "MaxPool", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not", "OneHot", "Or", "PRelu", "Pad",
    "Pow", "QuantizeLinear", "RMSNormalization", "Range", "Reciprocal", "ReduceL1", "ReduceL2", "ReduceLogSumExp",
    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu", "Reshape",
    "ReverseSequence", "Round", "Selu", "Shape", "Shrink", "Sigmoid", "Sign", "Sin", "Size", "Slice", "Softmax",
    "Softplus", "Softsign", "SpaceToDepth", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "ThresholdedRelu",
    "Tile", "Transpose", "Unsqueeze", "Where", "Xor",
))  # fmt: skip


def check_size(node: Any, inputs: Mapping[str, Array]) -> None:
    """Refuse a node whose result would fill the memory, before it is run."""
    shapes = [np.shape(inputs[one]) for one in node.input if one]
    values = [inputs[one] for one in node.input if one]
    count = max([math.prod(shape) for shape in shapes], default=0)
    try:
        if node.op_type in ("MatMul", "Gemm"):
            count = max(count, math.prod(shapes[0][:-1]) * math.prod(shapes[1][-1:]) * math.prod(shapes[1][:-2]))
        elif node.op_type == "Einsum":
            count = _size_of_einsum(str(attribute(node, "equation", "")), shapes)
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
            count = math.prod(sizes_of_pad(node, inputs, shapes[0]))
        elif node.op_type == "Conv":
            count = math.prod(sizes_of_conv(node, shapes[0], shapes[1]))
        elif node.op_type in ("Gather", "GatherND", "GatherElements") and len(shapes) > 1:
            count = math.prod(shapes[1]) * max(count // max(shapes[0][attribute(node, "axis", 0)], 1), 1)
        elif node.op_type not in ("Concat", "Reshape") and len(shapes) > 1:
            count = math.prod(np.broadcast_shapes(*shapes))
    except (ValueError, IndexError, TypeError, OverflowError):
        pass  # the node itself says what is wrong with its shapes
    if count > MOST_NUMBERS:
        raise UnsupportedNode(f"{label(node)} would give {count} numbers; {MOST_NUMBERS} is the most")


def _size_of_einsum(equation: str, shapes: Sequence[tuple[int, ...]]) -> int:
    """Return how many products an Einsum takes; more than may be where it is not written out."""
    reads = equation.replace(" ", "").partition("->")[0].split(",")
    if "." in equation or [len(one) for one in reads] != [len(one) for one in shapes]:
        return MOST_NUMBERS + 1
    return math.prod({letter: size for one, shape in zip(reads, shapes, strict=True)
                      for letter, size in zip(one, shape, strict=True)}.values())  # fmt: skip


def _pooled(node: Any, x: Array) -> Array:
    """Return the largest or the mean over all places of each channel; onnx itself takes channels together.

    Raises:
        UnsupportedNode: There are no places.
    """
    if x.ndim < 3:
        raise UnsupportedNode(f"{label(node)} has nothing to pool")
    axes = tuple(range(2, x.ndim))
    return np.asarray(x.max(axis=axes, keepdims=True) if "Max" in node.op_type else x.mean(axis=axes, keepdims=True))


def _rescaled(node: Any, inputs: Mapping[str, Array]) -> Array:
    """Return whole numbers as fractions, or back: onnx's own evaluator knows no such node before its version 19.

    Raises:
        UnsupportedNode: Its inputs do not fit each other.
    """
    given = [inputs.get(one) if one else None for one in (*node.input, "", "")[:3]]
    x, scale, zero = given
    if x is None or scale is None or scale.dtype.kind != "f" or (scale.ndim and scale.size > 1 and scale.ndim != 1):
        raise UnsupportedNode(f"{label(node)} has no scale that is read here")
    axis = int(attribute(node, "axis", 1))
    try:
        if scale.size > 1:
            shape = [1] * x.ndim
            shape[axis] = scale.size
            scale = scale.reshape(shape)
            zero = None if zero is None else zero.reshape(shape)
        if node.op_type == "DequantizeLinear":
            if x.dtype.kind not in "iu":
                raise UnsupportedNode(f"{label(node)} reads {x.dtype} numbers, which are not read")
            whole = x.astype(np.int64) - (0 if zero is None else zero.astype(np.int64))
            return np.asarray(whole.astype(scale.dtype) * scale)
        kind = np.dtype(np.uint8) if zero is None else zero.dtype
        if kind.kind not in "iu":
            raise UnsupportedNode(f"{label(node)} makes {kind} numbers, which are not read")
        made = np.rint(x / scale) + (0 if zero is None else zero.astype(np.float64))
        return np.clip(made, np.iinfo(kind).min, np.iinfo(kind).max).astype(kind)
    except (ValueError, IndexError) as error:
        raise UnsupportedNode(f"{label(node)}: its scale fits none of its axes") from error


def sizes_of_pad(node: Any, inputs: Mapping[str, Array], shape: Sequence[int]) -> list[int]:
    """Return the sizes of what a Pad makes, which may pad some axes alone and may cut."""
    given = [inputs.get(one) if one else None for one in (*node.input, "", "", "")[:4]]
    pads = list(attribute(node, "pads", [])) if given[1] is None else given[1].reshape(-1).tolist()
    axes = list(range(len(shape))) if given[3] is None else [int(one) % len(shape) for one in given[3].reshape(-1)]
    sizes = list(shape)
    for n, axis in enumerate(axes):
        sizes[axis] = max(int(sizes[axis] + pads[n] + pads[n + len(axes)]), 0)
    return sizes


def sizes_of_conv(node: Any, shape: Sequence[int], kernel: Sequence[int]) -> list[int]:
    """Return the sizes of what a Conv makes."""
    count = len(shape) - 2
    pads = list(attribute(node, "pads", [0] * 2 * count))
    strides = list(attribute(node, "strides", [1] * count))
    dilations = list(attribute(node, "dilations", [1] * count))
    same = str(attribute(node, "auto_pad", "NOTSET")).startswith("SAME")
    sizes = [shape[0], kernel[0]]
    for n in range(count):
        reach = 0 if same else dilations[n] * (kernel[2 + n] - 1)
        sizes.append(max((shape[2 + n] + pads[n] + pads[n + count] - reach - 1) // max(strides[n], 1) + 1, 0))
    return sizes


class OnnxRunner:
    """Runs single nodes, none of them recurrent, and keeps what was made to run each."""

    def __init__(self, opsets: list[Any]) -> None:
        """Take the versions of the operators, by domain."""
        self._opsets = opsets
        self._evaluators: dict[int, Any] = {}

    def __call__(self, node: Any, inputs: Mapping[str, Array]) -> list[Array]:
        """Return what one node makes of its inputs, by name.

        Raises:
            UnsupportedNode: It is not run here, cannot take them, or would fill the memory.
        """
        if node.op_type not in _ELEMENTARY or node.domain not in ("", "ai.onnx"):
            raise UnsupportedNode(f"{label(node)} is not run here")
        check_size(node, inputs)
        if node.op_type in ("DequantizeLinear", "QuantizeLinear") and not attribute(node, "block_size", 0):
            return [_rescaled(node, inputs)]
        if node.op_type in ("GlobalAveragePool", "GlobalMaxPool"):
            return [_pooled(node, inputs[node.input[0]])]
        import onnx
        from onnx.reference import ReferenceEvaluator

        try:  # also to make an evaluator fails where an attribute is missing or an operator is of no version
            if id(node) not in self._evaluators:
                values = [onnx.helper.make_tensor_value_info(one, 0, None) for one in dict.fromkeys(node.input) if one]
                results = [onnx.helper.make_tensor_value_info(one, 0, None) for one in node.output if one]
                graph = onnx.helper.make_graph([node], "one", values, results)
                self._evaluators[id(node)] = ReferenceEvaluator(
                    onnx.helper.make_model(graph, opset_imports=self._opsets, ir_version=8)
                )
            with np.errstate(all="ignore"):
                made = self._evaluators[id(node)].run(None, dict(inputs))
        except Exception as error:  # an evaluator of many authors: what a wrong file does to it is not documented
            shapes = ", ".join("×".join(map(str, np.shape(one))) or "1" for one in inputs.values())
            raise UnsupportedNode(
                f"{label(node)} cannot take {shapes or 'nothing'}: {visible(str(error)[:120])}"
            ) from error
        return [np.asarray(one) for one in made]


def runnable(graph: ProgramGraph, name: str, inputs: Iterable[str]) -> list[Any]:
    """Return the nodes that make a tensor of inputs, all of which can be run.

    Raises:
        UnsupportedNode: One of them cannot; it is named.
    """
    nodes = _needed(graph, name, set(inputs))
    for node in nodes:
        if node.op_type not in (*_ELEMENTARY, CHOICE) or node.domain not in ("", "ai.onnx"):
            raise UnsupportedNode(f"{label(node)} is not run here")
    return nodes


def _needed(graph: ProgramGraph, name: str, known: set[str]) -> list[Any]:
    wanted, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one in known or one in graph.constants or one in wanted or not one:
            continue
        node = graph.made_by.get(one)
        if node is None:
            raise UnsupportedNode(f"nothing makes {visible(one)}")
        wanted.update(node.output)
        waiting += list(node.input)
    return [node for node in graph.nodes if wanted.intersection(node.output)]
