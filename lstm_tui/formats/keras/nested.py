"""Models of Keras inside a model, as the layers they are made of."""

from __future__ import annotations

from dataclasses import replace

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.keras.graph import MODELS, MOST_LAYERS, Graph, Node, model_graph

_DEEPEST = 8


def flattened(graph: Graph, where: str, depth: int = 0) -> Graph:
    """Return a graph in which the layers of each inner model stand in its place, called `model/layer`.

    One that is called more than once, or whose inputs cannot be told apart, stays a layer of its own.

    Raises:
        UserError: A description is damaged, or there are too many layers.
    """
    nodes: dict[str, Node] = {}
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
            moved = replace(
                one,
                name=f"{name}/{one.name}",
                inputs=reads,
                masks=[_within(name, other, inner, given) for other in one.masks if other in inner.nodes] + node.masks,
                within=((name, node.kind), *one.within),
            )
            nodes[moved.name] = moved
        stands_for[name] = _within(name, inner.outputs[0], inner, given)
        if len(nodes) > MOST_LAYERS:
            raise UserError(f"{where}: describes more than {MOST_LAYERS} layers")
    for node in nodes.values():
        node.inputs = [_followed(one, stands_for) for one in node.inputs]
        node.masks = [_followed(one, stands_for) for one in node.masks]
    outputs = [_followed(one, stands_for) for one in graph.outputs]
    return Graph(nodes, list(dict.fromkeys(outputs)), graph.inputs)


def _inner(node: Node, where: str, depth: int) -> Graph | None:
    """Return the layers of a layer that is a model, or None."""
    if node.kind not in MODELS or depth >= _DEEPEST or node.calls != 1:
        return None
    inner = flattened(model_graph({"class_name": node.kind, "config": node.config}, where), where, depth + 1)
    fits = len(inner.outputs) == 1 and len(inner.inputs) == len(node.inputs) == 1
    first = not node.inputs and len(inner.inputs) == 1  # the first layer of a Sequential that does not name its input
    return inner if fits or (first and len(inner.outputs) == 1) else None


def _within(name: str, layer: str, inner: Graph, given: dict[str, str]) -> str:
    """Return what a layer of an inner model is called outside; its input is what the model is given."""
    return given[layer] if layer in given and inner.nodes[layer].kind == "InputLayer" else f"{name}/{layer}"


def _followed(name: str, stands_for: dict[str, str]) -> str:
    for _ in range(len(stands_for) + 1):  # a model may give what the one below gives
        if name not in stands_for:
            return name
        name = stands_for[name]
    return name
