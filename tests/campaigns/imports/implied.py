"""What the maker of a file knows that the file does not say: which decisions should make it right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lstm_tui.formats.importers.import_report import Fact

_MERGES = {"ave": "average", "sum": "sum", "mul": "mul"}
_RECURRENT = ("LSTM", "GRU", "SimpleRNN")
_TAKEN = r"input|input\.scale|input_layers|layer\d+\.(?:below|before|directions|calls)|readout"
"""Keys of facts by which layers are numbered otherwise, or other modules taken."""
_FUNCTIONS = {"hard_sigmoid": "hard_sigmoid_keras2"}


@dataclass
class Implied:
    """Decisions that a plan implies.

    Attributes:
        meant: Patterns of keys, with the values that are right, the best first. `<NAME>` in a pattern is the key of a
            layer that the file calls NAME.
        top: What the file calls the layer that the answers stand above, or empty where they stand above several; None
            where that is not known. A network with another layer on top has none of the answers.
        looked_up: By what the file calls a layer the table of ids that it reads, directly or through what has no
            recurrence; None where that is not known.
    """

    meant: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    top: str | None = None
    looked_up: Mapping[str, str] | None = None

    def add(self, key: str, *values: str) -> None:
        """Add a pattern of keys and the values that are right there; one that was added before goes first."""
        self.meant.append((key, values))

    def __call__(self, facts: Sequence[Fact]) -> dict[str, str]:
        """Return what should be decided otherwise among the facts that are warned of: joins and places first.

        What is made of a module is decided after which modules are taken, one by one, and of an answer where there is
        one.
        """
        named: dict[str, list[str]] = {}
        for one in facts:
            if one.key.endswith(".name"):
                for name in one.value.split(" + "):
                    named.setdefault(re.sub(r"\.l\d+\Z", "", name), []).append(one.key.removesuffix(".name"))
        above = self.top is None or (bool(named) and next(reversed(named)) == self.top)
        meant = self.meant if above else [("readout", ("none",)), *self.meant]
        if self.looked_up is not None:
            tables = tuple(self.looked_up[name] for name in named if name in self.looked_up)
            meant = [("input", ("ids" if tables else "numbers",)), ("embedding", tables), *meant]
        found: dict[str, str] = {}
        for one in facts:
            wanted = next((values for key, values in meant if _means(key, one.key, named)), None)
            if wanted is None or not one.warning or one.value in wanted:
                continue
            right = next((value for value in wanted if value in one.others), None)
            if right is not None:
                found[one.key] = right
        placed = {key: value for key, value in found.items() if key.startswith(("place.", "join"))}
        taken = dict([one for one in found.items() if re.fullmatch(_TAKEN, one[0])][:1])
        rest = {key: value for key, value in found.items() if above or not key.startswith("readout")}
        return placed or taken or rest


def _means(pattern: str, key: str, named: dict[str, list[str]]) -> bool:
    name = re.match(r"<(.*)>", pattern)
    if name is None:
        return re.fullmatch(pattern, key) is not None
    return any(re.fullmatch(re.escape(layer) + pattern[name.end() :], key) for layer in named.get(name[1], ()))


def slug(path: str) -> str:
    """Return a path as it stands in a key."""
    return re.sub(r"[^A-Za-z0-9]+", "_", path)


def of_keras(model: Any, names: dict[str, str]) -> Implied:
    """Return what a model of Keras implies of a file of its weights.

    Args:
        model: The model.
        names: By a layer's name what the file calls it.
    """
    implied = Implied()
    over: list[str] = []
    chain: list[Any] = []
    for layer in model.layers:
        kind = type(layer).__name__
        inner = layer.forward_layer if kind == "Bidirectional" else getattr(layer, "layer", layer)
        name = names.get(layer.name, layer.name)
        if kind == "Embedding":
            implied.add("masking", "0" if layer.mask_zero else "none")
        if kind.startswith("Global"):
            how = "mean" if "Average" in kind else "max"
            pooled = layer.input[0] if isinstance(layer.input, list) else layer.input  # a mask may come behind it
            below = pooled._keras_history[0]
            over += [how if _is_recurrent(below) else f"{how} after {names.get(below.name, below.name)}", how]
        if kind == "Add":
            _adds(implied, layer, names)
        if type(inner).__name__ in _RECURRENT:
            chain.append(layer)
            over += [] if inner.return_sequences else ["last"]
            implied.add(f"<{name}>.activation", *_function(inner.activation))
            if hasattr(inner, "recurrent_activation"):
                implied.add(f"<{name}>.gate_activation", *_function(inner.recurrent_activation))
            if hasattr(inner, "reset_after"):
                implied.add(f"<{name}>.reset", "after" if inner.reset_after else "before")
            if kind == "Bidirectional":
                implied.add(f"<{name}>.merge", _MERGES.get(layer.merge_mode, "sum"))
            else:
                implied.add(f"<{name}>.calls", "two" if _calls(layer) > 1 else "one")
        elif layer.get_weights() and kind != "Embedding":
            chain.append(layer)
            if hasattr(inner, "activation"):
                implied.add(rf"(layer\d+|readout)\.{re.escape(name)}_activation", *_function(inner.activation))
    implied.add("readout.over", *over, *([] if over else ["each"]))
    _joins(implied, model, chain, names)
    _turns(implied, [one for one in chain if _is_recurrent(one)], names)
    return implied


def _is_recurrent(layer: Any) -> bool:
    return type(layer).__name__ == "Bidirectional" or type(layer).__name__ in _RECURRENT


def _turns(implied: Implied, recurrent: Sequence[Any], names: dict[str, str]) -> None:
    """Add which way each layer reads on the tape, where each reads what the one before gives."""
    turned = False
    for layer in recurrent:
        if type(layer).__name__ == "Bidirectional":
            continue
        turned = turned != bool(layer.go_backwards)
        name = names.get(layer.name, layer.name)
        implied.add(f"<{name}>.directions", "backward" if turned else "forward")


def _joins(implied: Implied, model: Any, chain: Sequence[Any], names: dict[str, str]) -> None:
    """Add the chain from the lowest layer up, with one of its answers each."""
    ends = [one._keras_history[0] for one in model.outputs]
    below = [one for one in chain if one not in ends]
    ways = [[*below, *[one for one in chain if one is end]] for end in ends]
    implied.add("join", *(",".join(names.get(one.name, one.name) for one in way) for way in ways))


def _function(function: Any) -> Iterable[str]:
    name = getattr(function, "__name__", "linear")
    return (name, _FUNCTIONS.get(name, name))


def _calls(layer: Any) -> int:
    return len(layer._inbound_nodes)


def _adds(implied: Implied, layer: Any, names: dict[str, str]) -> None:
    for one in layer.input:
        below = one._keras_history[0]
        if _is_recurrent(below):
            implied.add(f"<{names.get(below.name, below.name)}>.residual", "added")
            return
