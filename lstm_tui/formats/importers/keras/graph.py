"""The layers of a Keras model and which reads which, from the descriptions all its generations have written.

Models of Keras inside a model, as the layers they are made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

MOST_LAYERS = 2000
RECURRENT = {
    "LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn", "CuDNNLSTM": "lstm", "CuDNNGRU": "gru",
    "ReversedLSTM": "lstm", "ReversedGRU": "gru",
}  # fmt: skip
Ref = tuple[str, int]
"""The name of a layer, and the number of one of its outputs."""
_COMPARES = ("NotEqual", "Any", "Cast", "LogicalAnd", "LogicalOr")
CALCULATED = {"Add": "add", "Subtract": "sub", "Multiply": "mul", "Maximum": "max", "Minimum": "min", "Divide": "div",
              "TrueDivide": "div"}  # fmt: skip
"""Functions of two operands, one of which may be numbers of the file."""
TENSOR = "a tensor that is read"
"""What stands in a call for a tensor of another layer."""
MODELS = ("Sequential", "Functional", "Model")


@dataclass(eq=False)
class KerasNode:
    """A layer.

    Attributes:
        name: Its name in the file.
        kind: Its class.
        config: Its description.
        inputs: Names of the layers it reads.
        inner: What a wrapper holds.
        written: Its class as the file has it, where it means another: an RNN of an LSTMCell is an LSTM.
        within: Name and class of each model it stands in, from the outside; `name` has their names in front.
        own: Its name inside the innermost.
        masks: Names of the layers that make its mask, which Keras 3 files as layers of their own.
        reads: What it reads in its first call, in order: a tensor of the layer it names.
        given: What else stands in its first call, such as where an item is taken from.
        call: What its first call is given in order, as Keras 3 writes it: `TENSOR` for what it reads, numbers, arrays.
        named: What its first call is given by name, but for tensors and masks.
        backward: What a Bidirectional runs from the end, where the file describes it.
        function: Whether it is a function of Keras 3, which passes no mask on, and no layer.
    """

    name: str
    kind: str
    config: Mapping[str, Any]
    inputs: list[str] = field(default_factory=list)
    inner: KerasNode | None = None
    written: str = ""
    within: tuple[tuple[str, str], ...] = ()
    own: str = ""
    masks: list[str] = field(default_factory=list)
    reads: list[Ref] = field(default_factory=list)
    given: list[Any] = field(default_factory=list)
    call: list[Any] = field(default_factory=list)
    named: Mapping[str, Any] = field(default_factory=dict)
    backward: KerasNode | None = None
    function: bool = False

    @property
    def recurrent(self) -> bool:
        """Whether it carries a state from step to step."""
        if self.kind == "Bidirectional" and self.inner is not None:
            return self.inner.recurrent
        return self.kind in RECURRENT

    @property
    def known_as(self) -> str:
        """Its name and class, safe to show."""
        return f"{visible(self.name)} ({visible(self.kind)})"


@dataclass
class KerasGraph:
    """A model.

    Attributes:
        nodes: By name, in the file's order.
        outputs: Names of the layers whose output is the model's.
        answers: The model's outputs: which output of which layer.
        inputs: Names of the layers that are given the model's inputs.
    """

    nodes: dict[str, KerasNode]
    outputs: list[str]
    inputs: list[str] = field(default_factory=list)
    answers: list[Ref] = field(default_factory=list)

    def before(self, name: str) -> list[str]:
        """Return everything a layer's output depends on, itself included, in the file's order.

        Raises:
            UserError: A layer depends on itself.
        """
        found: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one not in found and one in self.nodes:
                found.add(one)
                waiting += self.nodes[one].inputs
        return [one for one in self.nodes if one in found]


def mask_is_own(graph: KerasGraph, node: KerasNode) -> bool:
    """Say whether a layer's mask is the one that an Embedding or a Masking below it makes, or there is none."""
    makers = [
        one for name in graph.before(node.name)
        if (one := graph.nodes[name]).kind == "Masking" or (one.kind == "Embedding" and one.config.get("mask_zero"))
    ]  # fmt: skip
    read = {name for maker in makers for name in maker.inputs}
    below = {name for mask in node.masks for name in graph.before(mask) if graph.nodes[name].kind not in _COMPARES}
    return not node.masks or (bool(read) and below <= {one for name in read for one in graph.before(name)})


def read_graph(config: Mapping[str, Any], where: str) -> KerasGraph:
    """Return the layers of a model, those of models inside it among them.

    Raises:
        UserError: The description is damaged, cyclic, or of a class of its author's own.
    """

    graph = flattened(model_graph(config, where), where)
    if not graph.outputs:
        raise UserError(f"{where}: describes no output")
    check_order(graph.nodes, where)
    return graph


def model_graph(config: Mapping[str, Any], where: str) -> KerasGraph:
    """Return the layers of one model; a model inside it is a layer.

    Raises:
        UserError: The description is damaged, or of a class of its author's own.
    """
    kind, inside = config.get("class_name"), config.get("config")
    if kind not in MODELS:
        raise UserError(f"{where}: is a model of the class {visible(str(kind)[:60])}, whose layers are not described")
    entries = inside if isinstance(inside, list) else inside.get("layers") if isinstance(inside, Mapping) else None
    if not isinstance(entries, list) or len(entries) > MOST_LAYERS or not all(isinstance(e, dict) for e in entries):
        raise UserError(f"{where}: describes no layers")
    nodes: dict[str, KerasNode] = {}
    previous: str | None = None
    counts = {} if kind == "Sequential" else dict(map(_calls_of, entries))
    for entry in entries:
        node = _node(entry, where)
        if node.name in nodes:
            raise UserError(f"{where}: has two layers called {visible(node.name)}")
        if kind == "Sequential":
            node.inputs = [] if previous is None else [previous]
            node.reads = [(one, 0) for one in node.inputs]
            nodes[node.name] = node
            previous = node.name
            continue
        bound = entry.get("inbound_nodes") or []
        for number, call in enumerate(bound if _per_call(bound) and bound else [bound]):
            one = node if number == 0 else replace(node, name=called(node.name, number))
            if one.name in nodes or len(nodes) > MOST_LAYERS:
                raise UserError(f"{where}: has two layers called {visible(one.name)}, or more than {MOST_LAYERS} calls")
            read, one.masks = _without_masks([call] if _per_call(bound) else call, counts)
            one.reads = list(_refs(read, counts))
            one.inputs = list(dict.fromkeys(name for name, _ in one.reads))
            one.given = _given(read)
            one.call, one.named = _called(read)
            nodes[one.name] = one
    outputs = [previous] if kind == "Sequential" and previous else []
    answers = [(one, 0) for one in outputs]
    inputs = [name for name, node in nodes.items() if not node.inputs]
    if isinstance(inside, Mapping) and kind != "Sequential":
        ends = list(_refs(inside.get("output_layers") or [], counts))
        outputs = [name for name in dict.fromkeys(name for name, _ in ends) if name in nodes]
        inputs = [name for name in dict.fromkeys(layer_names(inside.get("input_layers") or [])) if name in nodes]
        answers = [ref for ref in dict.fromkeys(ends) if ref[0] in nodes]
    return KerasGraph(nodes, outputs, inputs, answers)


def called(name: str, number: int) -> str:
    """Return what one call of a layer is known as, counted from 0: a layer of its own, with the same weights."""
    return name if number == 0 else f"{name} (call {number + 1})"


def _calls_of(entry: Mapping[str, Any]) -> tuple[str, int]:
    """Return the name of a layer, and how often it is called."""
    inside = entry.get("config")
    name = entry.get("name") or (inside.get("name") if isinstance(inside, Mapping) else None) or entry.get("class_name")
    bound = entry.get("inbound_nodes") or []
    return str(name), len(bound) if _per_call(bound) else 1


def _without_masks(bound: Any, counts: Mapping[str, int]) -> tuple[Any, list[str]]:
    """Return what a layer reads, and what masks it, which is told by name in each call."""
    if not isinstance(bound, list):
        return bound, []
    calls: list[Any] = []
    masks: list[str] = []
    for call in bound:
        given = call.get("kwargs") if isinstance(call, Mapping) else None
        if isinstance(given, Mapping) and "mask" in given:
            masks += [name for name, _ in _refs(given["mask"], counts)]
            call = {**call, "kwargs": {key: one for key, one in given.items() if key != "mask"}}
        calls.append(call)
    return calls, list(dict.fromkeys(masks))


def _per_call(bound: Any) -> bool:
    return isinstance(bound, list) and all(isinstance(one, list | dict) for one in bound)


def _node(entry: Mapping[str, Any], where: str) -> KerasNode:
    kind, config = entry.get("class_name"), entry.get("config")
    if not isinstance(kind, str) or not isinstance(config, Mapping):
        raise UserError(f"{where}: a layer has no class or no description")
    name = str(entry.get("name") or config.get("name") or kind)
    kind = kind.rpartition(">")[2]
    function = ".ops" in str(entry.get("module"))
    node = KerasNode(name, kind, config, written=kind, own=name, function=function)
    cell = config.get("cell")
    if kind == "RNN" and isinstance(cell, Mapping) and isinstance(cell.get("config"), Mapping):
        meant = str(cell.get("class_name")).removesuffix("Cell")
        if f"{meant}Cell" == cell.get("class_name") and meant in RECURRENT:
            node.kind, node.config = meant, {**config, **cell["config"]}
    inner, back = config.get("layer"), config.get("backward_layer")
    if isinstance(inner, Mapping):
        node.inner = _node(inner, where)
    if isinstance(back, Mapping) and kind == "Bidirectional":
        node.backward = _node(back, where)
    return node


def layer_names(value: Any) -> Iterator[str]:
    """Iterate over the layers that inbound nodes or outputs name, in any of their forms."""
    return (name for name, _ in _refs(value))


def _refs(value: Any, counts: Mapping[str, int] | None = None, depth: int = 0) -> Iterator[Ref]:
    """Iterate over the tensors that inbound nodes or outputs name, in any of their forms.

    Args:
        value: What names them.
        counts: How often each layer is called; what a later call gives is named after that call.
        depth: How deep `value` stands.
    """
    if depth > 12:
        return
    if isinstance(value, Mapping):
        history = value.get("keras_history")
        if isinstance(history, list) and history:
            yield _tensor(history, counts or {})
            return
        for one in value.values():
            yield from _refs(one, counts, depth + 1)
    elif isinstance(value, list):
        if len(value) >= 3 and isinstance(value[0], str) and all(type(one) is int for one in value[1:3]):
            yield _tensor(value, counts or {})
            if len(value) > 3:
                yield from _refs(value[3], counts, depth + 1)
            return
        for one in value:
            yield from _refs(one, counts, depth + 1)


def _tensor(said: list[Any], counts: Mapping[str, int]) -> Ref:
    """Return a tensor by the name of a layer, which call of it, and which output."""
    name, (call, number) = str(said[0]), [one if type(one) is int else 0 for one in [*said[1:3], 0, 0][:2]]
    return called(name, call) if 0 < call < counts.get(name, 1) else name, number


def _given(bound: Any) -> list[Any]:
    """Return what the first call of an op is given beside tensors, as Keras 3 writes it."""
    call = bound[0] if isinstance(bound, list) and bound else None
    args = call.get("args") if isinstance(call, Mapping) else None
    return list(args[1:]) if isinstance(args, list) else []


def _called(bound: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return what the first call of a layer is given, in order and by name, with a sign in place of tensors."""
    call = bound[0] if isinstance(bound, list) and bound else None
    if isinstance(call, list):  # as Keras 1 and 2 write it: name, node, output, and what is given by name
        each = call if call and isinstance(call[0], list) else [call]
        told = [one[3] for one in each if len(one) > 3 and isinstance(one[3], Mapping)]
        return [], {str(key): one for said in told for key, one in said.items() if not list(_refs(one))}
    if not isinstance(call, Mapping):
        return [], {}
    args, kwargs = call.get("args"), call.get("kwargs")
    given = [TENSOR if list(_refs(one)) else one for one in args] if isinstance(args, list) else []
    named = kwargs if isinstance(kwargs, Mapping) else {}
    return given, {str(key): one for key, one in named.items() if not list(_refs(one))}


def check_order(nodes: Mapping[str, KerasNode], where: str) -> None:
    """Refuse graphs in which a layer reads itself, and layers that are not there."""
    waiting = {name: set(node.inputs) for name, node in nodes.items()}
    for name, inputs in waiting.items():
        for one in inputs:
            if one not in nodes:
                raise UserError(f"{where}: {visible(name)} reads {visible(one)}, which is not there")
    done: set[str] = set()
    while waiting:
        ready = [name for name, inputs in waiting.items() if inputs <= done]
        if not ready:
            raise UserError(f"{where}: its layers read each other in a circle: {visible(next(iter(waiting)))}")
        done.update(ready)
        for name in ready:
            del waiting[name]


_DEEPEST = 8


def flattened(graph: KerasGraph, where: str, depth: int = 0) -> KerasGraph:
    """Return a graph in which the layers of each inner model stand in its place, called `model/layer`.

    One whose inputs cannot be told apart stays a layer of its own.

    Raises:
        UserError: A description is damaged, or there are too many layers.
    """
    nodes: dict[str, KerasNode] = {}
    numbers: dict[str, int] = {}
    stands_for: dict[str, str] = {}  # what a layer reads when it reads an inner model
    for name, node in graph.nodes.items():
        inner = _inner(node, where, depth)
        if inner is None:
            nodes[name] = node
            continue
        given = dict(zip(inner.inputs, node.inputs, strict=True)) if node.inputs else {}
        for one in inner.nodes.values():
            if one.name in given and one.kind == "InputLayer":
                continue
            reads = [given[one.name]] if one.name in given else []  # a Sequential may begin with a layer that computes
            reads = reads or [_within(name, other, inner, given) for other in one.inputs]
            tensors = [
                (given[each], _number(node.reads, given[each])) if _is_given(each, inner, given) else
                (f"{name}/{each}", number) for each, number in one.reads
            ]  # fmt: skip
            if one.name in given:
                tensors = list(node.reads[:1])
            moved = replace(
                one,
                name=f"{name}/{one.name}",
                inputs=reads,
                reads=tensors,
                masks=[_within(name, other, inner, given) for other in one.masks if other in inner.nodes] + node.masks,
                within=((node.own or name, node.kind), *one.within),
            )
            nodes[moved.name] = moved
        stands_for[name] = _within(name, inner.outputs[0], inner, given)
        numbers[name] = inner.answers[0][1] if inner.answers else 0
        if len(nodes) > MOST_LAYERS:
            raise UserError(f"{where}: describes more than {MOST_LAYERS} layers")
    for node in nodes.values():
        node.inputs = [_followed(one, stands_for) for one in node.inputs]
        node.reads = [(_followed(one, stands_for), numbers.get(one, number)) for one, number in node.reads]
        node.masks = [_followed(one, stands_for) for one in node.masks]
    outputs = [_followed(one, stands_for) for one in graph.outputs]
    answers = [(_followed(one, stands_for), numbers.get(one, number)) for one, number in graph.answers]
    return KerasGraph(nodes, list(dict.fromkeys(outputs)), graph.inputs, answers)


def _inner(node: KerasNode, where: str, depth: int) -> KerasGraph | None:
    """Return the layers of a layer that is a model, or None."""
    if node.kind not in MODELS or depth >= _DEEPEST:
        return None
    inner = flattened(model_graph({"class_name": node.kind, "config": node.config}, where), where, depth + 1)
    fits = len(inner.outputs) == 1 and len(inner.inputs) == len(node.inputs) == 1
    first = not node.inputs and len(inner.inputs) == 1  # the first layer of a Sequential that does not name its input
    return inner if fits or (first and len(inner.outputs) == 1) else None


def _within(name: str, layer: str, inner: KerasGraph, given: dict[str, str]) -> str:
    """Return what a layer of an inner model is called outside; its input is what the model is given."""
    return given[layer] if layer in given and inner.nodes[layer].kind == "InputLayer" else f"{name}/{layer}"


def _is_given(layer: str, inner: KerasGraph, given: dict[str, str]) -> bool:
    return layer in given and inner.nodes[layer].kind == "InputLayer"


def _number(refs: list[Ref], name: str) -> int:
    return next((number for one, number in refs if one == name), 0)


def _followed(name: str, stands_for: dict[str, str]) -> str:
    for _ in range(len(stands_for) + 1):  # a model may give what the one below gives
        if name not in stands_for:
            return name
        name = stands_for[name]
    return name
