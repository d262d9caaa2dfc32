"""An ONNX model as one list of nodes, and those that are not recurrent run one at a time by onnx itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.formats.bytes_of import size_text

Array = NDArray[Any]
RECURRENT = ("LSTM", "GRU", "RNN")
CHOICE = "If"
"""An `If` whose bodies stand among the other nodes: it reads its condition, then what each body gives."""
Branch = Callable[[str, "Graph", str], str]
MOST_NODES = 100_000
MOST_NUMBERS = 100_000_000
_DEEPEST = 16
_ELEMENTARY = frozenset((
    "Abs", "Add", "And", "AveragePool", "BatchNormalization", "Cast", "CastLike", "Ceil", "Clip", "Concat", "Constant",
    "ConstantOfShape", "Conv", "Cos", "CumSum", "Div", "Dropout", "Elu", "Equal", "Erf", "Exp", "Expand", "Flatten",
    "Floor", "Gather", "GatherElements", "GatherND", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Greater",
    "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "LayerNormalization", "LeakyRelu", "Less", "LessOrEqual",
    "Log", "LogSoftmax", "MatMul", "Max", "MaxPool", "Min", "Mod", "Mul", "Neg", "Not", "OneHot", "Or", "PRelu", "Pad",
    "Pow", "Range", "Reciprocal", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum",
    "ReduceSumSquare", "Relu", "Reshape", "Round", "Selu", "Shape", "Sigmoid", "Sign", "Sin", "Size", "Slice",
    "Softmax", "Softplus", "Softsign", "Split", "Sqrt", "Squeeze", "Sub", "Sum", "Tanh", "Tile", "Transpose",
    "Unsqueeze", "Where",
))  # fmt: skip
_NOTHING: Mapping[str, Array] = {}
_OF_SHAPES = frozenset(("Shape", "Size"))  # what they give depends on no number


class CannotRun(Exception):
    """Why a node cannot be run, to be said with its name."""


@dataclass
class Graph:
    """A model.

    Attributes:
        nodes: In an order in which each reads what is there.
        constants: Tensors of the file by name.
        inputs: Name of each input that is given from outside, its type and its shape, None where it is free.
        outputs: Names of the outputs.
        producer: What wrote the file.
        opsets: Versions by domain.
        choices: Names of each `If` that has recurrent nodes in both of its bodies in their place.
        made_by: The node that makes each name.
    """

    nodes: list[Any]
    constants: dict[str, Array]
    inputs: dict[str, tuple[int, tuple[int | None, ...]]]
    outputs: list[str]
    producer: str
    opsets: list[Any]
    choices: set[str] = field(default_factory=set)
    made_by: dict[str, Any] = field(default_factory=dict)
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

    def evaluate(self, name: str, given: Mapping[str, Array]) -> Array:
        """Return a tensor, running no more nodes than it needs.

        Raises:
            CannotRun: It needs what is not given, a recurrent node, or one that is not run here.
        """
        known: dict[str, Array] = dict(given)
        waiting = [name]
        while waiting:
            one = waiting[-1]
            if one in known or one in self.constants:
                waiting.pop()
                continue
            node = self.made_by.get(one)
            if node is None:
                raise CannotRun(f"{visible(one)} is given from outside")
            missing = [each for each in self._reads(node, one, known) if each not in known]
            missing = [each for each in missing if each not in self.constants]
            if missing:
                waiting += missing
            elif node.op_type == CHOICE:
                taken = self._reads(node, one, known)[-1]
                known[one] = known[taken] if taken in known else self.constants[taken]
            else:
                inputs = {each: known[each] if each in known else self.constants[each] for each in node.input if each}
                known.update(zip(node.output, self._run(node, inputs), strict=False))
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
            CannotRun: One of them cannot; it is named.
        """
        nodes = self._needed(name, set(inputs))
        for node in nodes:
            if node.op_type not in (*_ELEMENTARY, CHOICE) or node.domain not in ("", "ai.onnx"):
                raise CannotRun(f"{label(node)} is not run here")
        return nodes

    def _needed(self, name: str, known: set[str]) -> list[Any]:
        wanted, waiting = set(), [name]
        while waiting:
            one = waiting.pop()
            if one in known or one in self.constants or one in wanted or not one:
                continue
            node = self.made_by.get(one)
            if node is None:
                raise CannotRun(f"nothing makes {visible(one)}")
            wanted.update(node.output)
            waiting += list(node.input)
        return [node for node in self.nodes if wanted.intersection(node.output)]

    def _run(self, node: Any, inputs: Mapping[str, Array]) -> list[Array]:
        if node.op_type not in _ELEMENTARY or node.domain not in ("", "ai.onnx"):
            raise CannotRun(f"{label(node)} is not run here")
        _bounded(node, inputs)
        import onnx
        from onnx.reference import ReferenceEvaluator

        if id(node) not in self._evaluators:
            values = [onnx.helper.make_tensor_value_info(one, 0, None) for one in dict.fromkeys(node.input) if one]
            results = [onnx.helper.make_tensor_value_info(one, 0, None) for one in node.output if one]
            graph = onnx.helper.make_graph([node], "one", values, results)
            self._evaluators[id(node)] = ReferenceEvaluator(
                onnx.helper.make_model(graph, opset_imports=self.opsets, ir_version=8)
            )
        try:
            with np.errstate(all="ignore"):
                results = self._evaluators[id(node)].run(None, dict(inputs))
        except Exception as error:  # an evaluator of many authors: what a wrong file does to it is not documented
            shapes = ", ".join("×".join(map(str, np.shape(one))) or "1" for one in inputs.values())
            raise CannotRun(f"{label(node)} cannot take {shapes}: {visible(str(error)[:120])}") from error
        return [np.asarray(one) for one in results]


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


def _bounded(node: Any, inputs: Mapping[str, Array]) -> None:
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


def read_graph(data: bytes, where: str, branch: Branch) -> Graph:
    """Return the nodes of a model, those of `If` bodies in their place.

    Args:
        data: The file.
        where: What messages call it.
        branch: Says which body of an `If` with recurrent nodes is taken, `then_branch` or `else_branch`, from its
            name, the graph with both bodies, and the name of its condition.

    Raises:
        UserError: It is damaged, refers to other files, or its nodes read each other in a circle; or onnx is missing.
    """
    try:
        import onnx
    except ImportError as error:
        raise UserError(f"{where}: looks like ONNX, which needs onnx: pip install 'lstm-tui[onnx]'") from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf and onnx raise classes of their own
        raise UserError(f"{where}: is of no format known here, or a damaged ONNX file") from error
    if not model.graph.node:
        raise UserError(f"{where}: is of no format known here, or an ONNX file without nodes")
    whole = _graph(onnx, model, where, {})
    taken: dict[str, str] = {}
    for node in whole.nodes:
        if node.op_type == CHOICE and node.name in whole.choices:
            taken[node.name] = branch(node.name, whole, node.input[0])
    return _graph(onnx, model, where, taken) if taken else whole


def _graph(onnx: Any, model: Any, where: str, taken: Mapping[str, str]) -> Graph:
    nodes: list[Any] = []
    constants: dict[str, Array] = {}
    choices: set[str] = set()
    _flatten(onnx, model.graph, nodes, constants, taken, choices, where, 0)
    given = {}
    for one in model.graph.input:
        if one.name not in constants:
            tensor = one.type.tensor_type
            shape = tuple(each.dim_value if each.HasField("dim_value") else None for each in tensor.shape.dim)
            given[one.name] = (int(tensor.elem_type), shape)
    graph = Graph(
        _in_order(nodes, where), constants, given, [one.name for one in model.graph.output],
        f"{model.producer_name} {model.producer_version}".strip(), list(model.opset_import), choices,
    )  # fmt: skip
    graph.made_by = {name: node for node in graph.nodes for name in node.output if name}
    return graph


def _flatten(
    onnx: Any, graph: Any, nodes: list[Any], constants: dict[str, Array], taken: Mapping[str, str],
    choices: set[str], where: str, depth: int,
) -> None:  # fmt: skip
    if depth > _DEEPEST:
        raise UserError(f"{where}: has graphs nested deeper than {_DEEPEST}")
    for tensor in graph.initializer:
        constants[tensor.name] = tensor_array(onnx, tensor, where)
    for node in graph.node:
        if len(nodes) > MOST_NODES:
            raise UserError(f"{where}: has more than {MOST_NODES} nodes")
        bodies = {one.name: one.g for one in node.attribute if one.type == onnx.AttributeProto.GRAPH}
        if node.op_type == "If" and set(bodies) == {"then_branch", "else_branch"} and node.input:
            name = node.name or node.output[0]
            steps = any(_has_recurrent(onnx, body, 0) for body in bodies.values())
            chosen = [taken[name]] if name in taken else ["then_branch", "else_branch"]
            for one in chosen:
                _flatten(onnx, bodies[one], nodes, constants, taken, choices, where, depth + 1)
            inside = [[each.name for each in bodies[one].output] for one in chosen]
            if any(len(each) != len(node.output) for each in inside):
                raise UserError(f"{where}: the bodies of {label(node)} do not give what it says")
            if len(chosen) == 1:
                for outside, result in zip(node.output, inside[0], strict=True):
                    nodes.append(onnx.helper.make_node("Identity", [result], [outside], name=f"{name} {chosen[0]}"))
            else:
                nodes.append(onnx.helper.make_node(CHOICE, [node.input[0], *inside[0], *inside[1]], node.output, name))
                choices.update([name] if steps else [])
        elif node.op_type == "Constant" and any(one.name == "value" for one in node.attribute):
            tensor = next(one.t for one in node.attribute if one.name == "value")
            constants[node.output[0]] = tensor_array(onnx, tensor, where)
        else:
            nodes.append(node)


def _has_recurrent(onnx: Any, graph: Any, depth: int) -> bool:
    return depth <= _DEEPEST and any(
        node.op_type in RECURRENT
        or any(
            _has_recurrent(onnx, one.g, depth + 1) for one in node.attribute if one.type == onnx.AttributeProto.GRAPH
        )
        for node in graph.node
    )


def tensor_array(onnx: Any, tensor: Any, where: str) -> Array:
    """Return a tensor of the file.

    Raises:
        UserError: It lies in another file, or is damaged.
    """
    name = visible(tensor.name or "a constant")
    if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
        raise UserError(f"{where}: {name} lies in another file, which is not read; save the model as one file")
    try:
        count = math.prod(tensor.dims)
        if count > MOST_NUMBERS * 8 or min(tensor.dims, default=0) < 0:
            raise UserError(f"{where}: {name} says it is {size_text(abs(count) * 4)}")
        array = onnx.numpy_helper.to_array(tensor)
        return np.asarray(array.astype(np.float32) if array.dtype.kind not in "fiubcSUO" else array)
    except (ValueError, TypeError, KeyError, RuntimeError) as error:
        raise UserError(f"{where}: {name} is damaged or cut short: {visible(str(error)[:120])}") from error


def _in_order(nodes: list[Any], where: str) -> list[Any]:
    made: dict[str, int] = {}
    for n, node in enumerate(nodes):
        for name in node.output:
            if name and name in made:
                raise UserError(f"{where}: two nodes make {visible(name)}")
            if name:
                made[name] = n
    waits = [{made[one] for one in node.input if one in made} for node in nodes]
    readers: dict[int, list[int]] = {}
    for n, below in enumerate(waits):
        for one in below:
            readers.setdefault(one, []).append(n)
    ready = [n for n, below in enumerate(waits) if not below]
    order: list[Any] = []
    for n in ready:  # grows while it is read
        order.append(nodes[n])
        for reader in readers.get(n, ()):
            waits[reader].discard(n)
            if not waits[reader]:
                ready.append(reader)
    if len(order) < len(nodes):
        stuck = next(node for n, node in enumerate(nodes) if waits[n])
        raise UserError(f"{where}: its nodes read each other in a circle: {label(stuck)}")
    return order
