"""The graph of a Keras model as chains: segments of which each is a network that can be stepped by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.keras.graph import CALCULATED, KerasGraph, KerasNode

MERGES = {"Concatenate": "concat", "Add": "sum", "Average": "average", "Multiply": "mul"}


@dataclass(frozen=True)
class Pair:
    """Two recurrent layers that read the same, one from the end, and what joins them."""

    join: KerasNode
    forward: KerasNode
    backward: KerasNode

    @property
    def known_as(self) -> str:
        """Its name, safe to show."""
        return f"{self.forward.known_as} and {self.backward.known_as}"


Item = KerasNode | Pair


@dataclass(frozen=True)
class Segment:
    """Layers of which each reads the one before; a network of its own where it holds a recurrent one.

    Attributes:
        items: From the lowest up.
        below: Name of the layer whose output the first reads; None where that is the model's input or not known.
        cut: Why the first takes its inputs directly; empty where it does not.
    """

    items: tuple[Item, ...]
    below: str | None = None
    cut: str = ""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of its recurrent layers."""
        return tuple(name_of(one) for one in self.items if steps_on(one))

    def without_top(self) -> Segment:
        """Return it up to its last recurrent layer: what stands above is followed by its tensors."""
        last = max(n for n, one in enumerate(self.items) if steps_on(one))
        return replace(self, items=self.items[: last + 1])


def segments_of(graph: KerasGraph, output: str) -> list[Segment]:
    """Return the chains of a graph that ends in an output, from the lowest up."""
    items: list[Item] = []
    current: str | None = output
    while current is not None:
        node = graph.nodes[current]
        if len(node.inputs) < 2:
            items.insert(0, node)
            current = node.inputs[0] if node.inputs else None
            continue
        pair = _pair(graph, node)
        if pair is not None:
            items.insert(0, pair)
            current = pair.forward.inputs[0]
            continue
        if not any(graph.nodes[name].recurrent for name in graph.before(current) if name != current):
            if not node.recurrent:
                return _cut(items, node.name)
            items.insert(0, node)  # what stands beside its input gives it its first states
            current = node.inputs[0]
            continue
        deepest = _deepest(graph, node)
        if deepest is not None:
            items.insert(0, node)
            current = deepest
            continue
        why = f"{node.known_as} joins what cannot be run together here"
        if node.recurrent:
            items.insert(0, replace(node, inputs=node.inputs[:1]))
            why = f"{node.known_as} is given its first states by another layer (--initial gives them here)"
        lower = [one for name in node.inputs for one in segments_of(graph, name)]
        return [*whole_segments(lower), *(_cut(items, None, why) if items else [Segment((), None, why)])]
    return _cut(items, None)


def _deepest(graph: KerasGraph, join: KerasNode) -> str | None:
    """Return of what a layer joins that which stands above all recurrent layers below it, such as around a residual."""
    if join.recurrent:
        return None
    below = {name: {one for one in (name, *graph.before(name)) if graph.nodes[one].recurrent} for name in join.inputs}
    every = set().union(*below.values())
    return next((name for name, own in below.items() if own == every), None)


def whole_segments(segments: Sequence[Segment]) -> list[Segment]:
    """Return each segment once, and none that another goes on from."""
    return [
        one
        for one in dict.fromkeys(segments)
        if not any(len(other.items) > len(one.items) == _common(one, other) for other in segments)
    ]


def _common(one: Segment, other: Segment) -> int:
    """Return how many items two segments begin with together."""
    pairs = zip(one.items, other.items, strict=False)
    return next(
        (n for n, (first, second) in enumerate(pairs) if first is not second), min(len(one.items), len(other.items))
    )


def _cut(items: Sequence[Item], below: str | None, why: str = "") -> list[Segment]:
    """Return a chain as segments: after a layer that gives one vector, what follows has a time axis of its own."""
    segments: list[Segment] = []
    kept: list[Item] = []
    blocked = ""
    for n, item in enumerate(items):
        more = any(steps_on(one) for one in items[n:])
        if blocked and steps_on(item):
            segments.append(Segment(tuple(kept), below, why))
            kept, below, why, blocked = [], None, blocked, ""
        if not blocked or not more:
            kept.append(item)
        if more and _blocks(item) and any(steps_on(one) for one in kept):
            blocked = blocked or f"{item.known_as} stands below, and gives no series at the same steps"
    if kept:
        segments.append(Segment(tuple(kept), below, why))
    return segments


def _blocks(item: Item) -> bool:
    if isinstance(item, Pair):
        return False
    if steps_on(item):
        inner = item.inner if item.kind == "Bidirectional" and item.inner is not None else item
        return not inner.config.get("return_sequences")
    inner = item.inner if item.kind == "TimeDistributed" and item.inner is not None else item
    known = ("Dense", "BatchNormalization", "LayerNormalization", "Activation", "ReLU", "ELU", "LeakyReLU", "Softmax",
             "Rescaling", "Normalization", *MERGES, *CALCULATED)  # fmt: skip
    return inner.kind not in known and "Dropout" not in inner.kind and "Noise" not in inner.kind


def _pair(graph: KerasGraph, join: KerasNode) -> Pair | None:
    """Return two layers that are joined, read the same, and run in opposite directions."""
    if join.kind not in MERGES or len(join.inputs) != 2:
        return None
    one, two = (graph.nodes[name] for name in join.inputs)
    if not (one.recurrent and two.recurrent) or one.inputs != two.inputs or len(one.inputs) != 1:
        return None
    if one.kind in ("LSTM", "GRU") and two.kind == f"Reversed{one.kind}" and not one.config.get("go_backwards"):
        return Pair(join, one, two)
    return None


def steps_on(item: Item) -> bool:
    """Say whether an item carries a state from step to step."""
    return isinstance(item, Pair) or item.recurrent


def name_of(item: Item) -> str:
    """Return the file's own name for an item."""
    return item.join.name if isinstance(item, Pair) else item.name
