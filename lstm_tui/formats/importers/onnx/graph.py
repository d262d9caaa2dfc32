"""An ONNX model as one list of nodes, and those that are not recurrent run one at a time by onnx itself.

Single nodes of ONNX: what they are called, their attributes, how large their results would be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.feature_extractor import MOST_NUMBERS


class UnsupportedNode(Exception):
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


RECURRENT = ("LSTM", "GRU", "RNN")
STEPS = 5
CHOICE = "If"
"""An `If` whose bodies stand among the other nodes: it reads its condition, then what each body gives."""
Branch = Callable[[str, "OnnxGraph", str], str]
_ELEMENTARY = frozenset((
    "Abs", "Add", "And", "AveragePool", "BatchNormalization", "Cast", "CastLike", "Ceil", "Clip", "Concat",
    "Constant", "ConstantOfShape", "Conv", "Cos", "CumSum", "DequantizeLinear", "Div", "Dropout", "Elu", "Equal",
    "Erf", "Exp", "Expand", "Flatten", "Floor", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm",
    "GlobalAveragePool", "GlobalMaxPool", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity",
    "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual", "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Min",
    "Mod", "Mul", "Neg", "Not", "OneHot", "Or", "PRelu", "Pad", "Pow", "QuantizeLinear", "Range", "Reciprocal",
    "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Relu",
    "Reshape", "ReverseSequence", "Round", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Size", "Slice", "Softmax",
    "Softplus", "Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Tile", "Transpose", "Unsqueeze",
    "Where",
))  # fmt: skip
_NOTHING: Mapping[str, Array] = {}
_OF_SHAPES = frozenset(("Shape", "Size"))  # what they give depends on no number


@dataclass
class OnnxGraph:
    """A model.

    Attributes:
        nodes: In an order in which each reads what is there.
        constants: Tensors of the file by name.
        inputs: Name of each input that is given from outside, its type and its shape, None where it is free.
        outputs: Names of the outputs.
        producer: What wrote the file.
        opsets: Versions by domain.
        choices: Names of each `If` that has recurrent nodes in both of its bodies in their place.
        axes: Names of the free axes of each input; empty where they have none.
        made_by: The node that makes each name.
        rounded: Names of the nodes that multiply whole numbers in the file, and fractions here.
        texts: Lists of texts in the file, by what it calls them.
        encoders: Nodes that make ids of texts, by the name of the ids, which are an input here.
    """

    nodes: list[Any]
    constants: dict[str, Array]
    inputs: dict[str, tuple[int, tuple[int | None, ...]]]
    outputs: list[str]
    producer: str
    opsets: list[Any]
    choices: set[str] = field(default_factory=set)
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made_by: dict[str, Any] = field(default_factory=dict)
    rounded: list[str] = field(default_factory=list)
    texts: dict[str, Any] = field(default_factory=dict)
    encoders: dict[str, Any] = field(default_factory=dict)
    _evaluators: dict[int, Any] = field(default_factory=dict)

    def depends(
        self, name: str, on: Iterable[str], through_shapes: bool = False, known: Mapping[str, Array] = _NOTHING
    ) -> bool:
        """Say whether a name depends on one of others, not counting what only asks for their shapes, or is known."""
        wanted, seen, waiting = set(on), set(), [name]
        while waiting:
            one = waiting.pop()
            if one in wanted:
                return True
            node = self.made_by.get(one)
            if (
                one not in seen
                and one not in known
                and node is not None
                and (through_shapes or node.op_type not in _OF_SHAPES)
            ):
                waiting += [each for each in node.input if each]
            seen.add(one)
        return False

    @property
    def opset(self) -> int:
        """Version of ONNX's own operators."""
        return max((one.version for one in self.opsets if one.domain in ("", "ai.onnx")), default=1)

    def is_input(self, name: str) -> bool:
        """Say whether a tensor is given from outside as it is."""
        return name in self.inputs

    def is_half(self, name: str) -> bool:
        """Say whether a tensor of the file holds numbers of half the bits."""
        try:
            return self.evaluate(name, {}).dtype == np.float16
        except UnsupportedNode:
            return False

    def shape_text(self, name: str) -> str:
        """Return the shape of an input for people, `?` where an axis is free."""
        return "×".join("?" if one is None else str(one) for one in self.inputs[name][1])

    def evaluate(self, name: str, given: Mapping[str, Array], keep: bool = False) -> Array:
        """Return a tensor, running no more nodes than it needs.

        Args:
            name: Of the tensor.
            given: What is known.
            keep: Whether what is computed on the way is put there too.

        Raises:
            UnsupportedNode: It needs what is not given, a recurrent node, or one that is not run here.
        """
        known: dict[str, Array] = given if keep and isinstance(given, dict) else dict(given)
        waiting = [name]
        while waiting:
            one = waiting[-1]
            if one in known or one in self.constants:
                waiting.pop()
                continue
            node = self.made_by.get(one)
            if node is None:
                raise UnsupportedNode(f"{visible(one)} is given from outside")
            missing = [each for each in self._reads(node, one, known) if each not in known]
            missing = [each for each in missing if each not in self.constants]
            if missing:
                waiting += missing
            elif node.op_type == CHOICE:
                taken = self._reads(node, one, known)[-1]
                known[one] = known[taken] if taken in known else self.constants[taken]
            else:
                inputs = {each: known[each] if each in known else self.constants[each] for each in node.input if each}
                known.update(zip(node.output, self.run_node(node, inputs), strict=False))
        return known[name] if name in known else self.constants[name]

    def _reads(self, node: Any, wanted: str, known: Mapping[str, Array]) -> list[str]:
        """Return what a node reads; of the two bodies of an `If` the one its condition takes, once that is known."""
        if node.op_type != CHOICE:
            return [one for one in node.input if one]
        condition = node.input[0]
        value = known.get(condition, self.constants.get(condition))
        if value is None:
            return [condition]
        number = list(node.output).index(wanted)
        return [condition, node.input[1 + number + (0 if np.all(value) else len(node.output))]]

    def runnable(self, name: str, inputs: Iterable[str]) -> list[Any]:
        """Return the nodes that make a tensor of inputs, all of which can be run.

        Raises:
            UnsupportedNode: One of them cannot; it is named.
        """
        nodes = self._needed(name, set(inputs))
        for node in nodes:
            if node.op_type not in (*_ELEMENTARY, CHOICE) or node.domain not in ("", "ai.onnx"):
                raise UnsupportedNode(f"{label(node)} is not run here")
        return nodes

    def _needed(self, name: str, known: set[str]) -> list[Any]:
        wanted, waiting = set(), [name]
        while waiting:
            one = waiting.pop()
            if one in known or one in self.constants or one in wanted or not one:
                continue
            node = self.made_by.get(one)
            if node is None:
                raise UnsupportedNode(f"nothing makes {visible(one)}")
            wanted.update(node.output)
            waiting += list(node.input)
        return [node for node in self.nodes if wanted.intersection(node.output)]

    def run_node(self, node: Any, inputs: Mapping[str, Array]) -> list[Array]:
        """Return what one node makes of its inputs, by name.

        Raises:
            UnsupportedNode: It is not run here, cannot take them, or would fill the memory.
        """
        if node.op_type not in _ELEMENTARY or node.domain not in ("", "ai.onnx"):
            raise UnsupportedNode(f"{label(node)} is not run here")
        check_size(node, inputs)
        if node.op_type in ("DequantizeLinear", "QuantizeLinear") and not attribute(node, "block_size", 0):
            return [_rescaled(node, inputs)]
        import onnx
        from onnx.reference import ReferenceEvaluator

        try:  # also to make an evaluator fails where an attribute is missing or an operator is of no version
            if id(node) not in self._evaluators:
                values = [onnx.helper.make_tensor_value_info(one, 0, None) for one in dict.fromkeys(node.input) if one]
                results = [onnx.helper.make_tensor_value_info(one, 0, None) for one in node.output if one]
                graph = onnx.helper.make_graph([node], "one", values, results)
                self._evaluators[id(node)] = ReferenceEvaluator(
                    onnx.helper.make_model(graph, opset_imports=self.opsets, ir_version=8)
                )
            with np.errstate(all="ignore"):
                made = self._evaluators[id(node)].run(None, dict(inputs))
        except Exception as error:  # an evaluator of many authors: what a wrong file does to it is not documented
            shapes = ", ".join("×".join(map(str, np.shape(one))) or "1" for one in inputs.values())
            raise UnsupportedNode(
                f"{label(node)} cannot take {shapes or 'nothing'}: {visible(str(error)[:120])}"
            ) from error
        return [np.asarray(one) for one in made]
