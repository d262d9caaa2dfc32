"""Files of Keras that hold weights alone: the layers are found by shapes, and what no shape tells is assumed aloud."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.keras.file import KerasFile
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, is_cudnn
from lstm_tui.formats.importers.keras.graph import RECURRENT, KerasNode
from lstm_tui.formats.importers.keras.layers import recurrent, refuse
from lstm_tui.formats.importers.plan import Activation, Dense, Found, Op, Plan, Recurrent, Reduce

_GATES = ("sigmoid", "hard_sigmoid_keras2", "hard_sigmoid_keras3")
_KINDS = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}
_CANDIDATES = ("tanh", "relu", "linear", "sigmoid", "elu", "softsign")
_ASSUMED = ("gate_activation", "activation")
_LAST = ("linear", "softmax", "sigmoid", "tanh", "relu")
_MOST_ORDERED = 6
_OVER = ("last", "each", "mean", "max")


def find_keras_weights(file: KerasFile, where: str) -> list[Found]:
    """Return the chain of recurrent layers of a file of weights.

    Raises:
        UserError: There is none.
    """
    nodes = {name: _kind(name, file.weights(name)) for name in file.names()}
    layers = tuple(name for name, kind in nodes.items() if kind in (*_KINDS.values(), "Bidirectional"))
    if not layers:
        known = ", ".join(visible(name) for name in list(nodes)[:6]) or "none"
        raise UserError(f"{where}: no recurrent layer is known by the shapes of its weights ({known})")

    def plan(report: ImportReport) -> Plan:
        report.say("keras", file.version or f"generation {file.generation}", "confirmed", "the file")
        report.warnings.append("the file holds weights alone: give the model's .json beside it, or --set description=…")
        return _plan(file, nodes, layers, where, report)

    return [Found("", layers, plan)]


def _kind(name: str, weights: list[Array]) -> str:
    shapes = [one.shape for one in weights]
    if len(weights) in (4, 6):
        half = len(weights) // 2
        if shapes[:half] == shapes[half:] and _kind(name, weights[:half]) in _KINDS.values():
            return "Bidirectional"
    if len(weights) in (2, 3) and len(shapes[0]) == 2 and len(shapes[1]) == 2 and shapes[1][0] > 0:
        units, width = shapes[1]
        if shapes[0][1] == width and width % units == 0 and width // units in _KINDS:
            return _KINDS[width // units]
    if len(weights) == 1 and len(shapes[0]) == 2:
        return "Embedding"
    return "Dense" if len(weights) == 2 and len(shapes[0]) == 2 and shapes[1] == shapes[0][1:] else "unknown"


def _plan(file: KerasFile, nodes: dict[str, str], layers: tuple[str, ...], where: str, report: ImportReport) -> Plan:
    shapes = {name: [one.shape for one in file.weights(name)] for name in nodes}
    dense = [name for name, kind in nodes.items() if kind == "Dense"]
    tables = [name for name, kind in nodes.items() if kind == "Embedding"]
    order = chained(
        {name: _size(shapes[name], nodes[name] == "Bidirectional") for name in layers},
        {shapes[name][0][1] for name in tables},
        {shapes[name][0][0] for name in dense},
    )
    if order is None:
        sizes = ", ".join(f"{visible(name)} {_told(_size(shapes[name], False))}" for name in layers)
        raise UserError(f"{where}: its recurrent layers do not follow each other by their sizes: {sizes}")
    chain: list[Recurrent | Op] = []
    used: list[str] = []
    embedding = None
    first = _size(shapes[order[0][0]], False).inputs
    for name in tables:
        if embedding is None and shapes[name][0][1] == first:
            embedding = file.weights(name)[0]
            used.append(name)
            report.say("embedding", f"{visible(name)}, {len(embedding)} ids", "inferred", "its width is what is read")
    width = 0
    for number, (name, joined) in enumerate(order):
        part = _layer(file, name, nodes[name], file.weights(name), f"layer{number}", where, report)
        if not joined:
            why = "the next layer reads as many numbers as one direction gives; a file of weights does not record more"
            merge = report.choose(f"layer{number}.merge", "sum", ("average", "mul"), "assumed", why)
            part = replace(part, merge=merge)
        chain.append(part)
        used.append(name)
        width = part.hidden * (len(part.passes) if part.merge == "concat" else 1)
    while (name := next((one for one in dense if one not in used and shapes[one][0][0] == width), "")) != "":
        weights = file.weights(name)
        chain += _dense(name, weights, isinstance(chain[-1], Recurrent), report)
        used.append(name)
        width = weights[0].shape[1]
    if isinstance(chain[-1], Recurrent):
        report.assume("readout", "none", NOT_RECORDED)
    report.unused += [visible(name) for name in nodes if name not in used]
    return Plan("", chain, embedding)


@dataclass(frozen=True)
class _Size:
    inputs: int
    hidden: int
    both: bool

    def gives(self, joined: bool) -> int:
        return self.hidden * 2 if self.both and joined else self.hidden


def _size(shapes: Sequence[tuple[int, ...]], both: bool) -> _Size:
    return _Size(shapes[0][0], shapes[1][0], both)


def _told(size: _Size) -> str:
    return f"{size.inputs} → {size.hidden}"


def chained(
    layers: Mapping[str, _Size], embedded: Collection[int], read: Collection[int]
) -> list[tuple[str, bool]] | None:
    """Return an order in which each layer reads what the one before gives; None where there is none.

    Keras 3 files its layers by their names, so the order in a file of weights means nothing.

    Args:
        layers: Sizes of the recurrent layers, in the file's order.
        embedded: Widths of the embeddings there are.
        read: What the dense layers read.

    Returns:
        Names from the lowest up, each with whether its two directions are joined end to end.
    """
    orders = permutations(layers) if len(layers) <= _MOST_ORDERED else iter([tuple(layers)])
    found: list[tuple[bool, list[tuple[str, bool]]]] = []
    for order in orders:
        after = [{layers[name].inputs} for name in order[1:]] + [read]
        joined = [not layers[name].both or layers[name].gives(True) in wanted or layers[name].gives(False) not in wanted
                  for name, wanted in zip(order, after, strict=True)]  # fmt: skip
        if all(layers[name].gives(end) in wanted for name, end, wanted in zip(order[:-1], joined, after, strict=False)):
            found.append((layers[order[0]].inputs in embedded, list(zip(order, joined, strict=True))))
    return max(found, key=lambda one: one[0])[1] if found else None


def _layer(
    file: KerasFile, name: str, kind: str, weights: list[Array], key: str, where: str, report: ImportReport
) -> Recurrent:
    inner_kind = _kind(name, weights[: len(weights) // 2]) if kind == "Bidirectional" else kind
    version = tuple(int(one) for one in file.version.split("-")[0].split(".")[:2] if one.isdigit())
    old = version < (2, 3) and file.generation < 3 and "tf" not in file.version
    config: dict[str, Any] = {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": not old}
    node = KerasNode(name, inner_kind, config)
    if kind == "Bidirectional":
        node = KerasNode(name, kind, {"merge_mode": "concat"}, inner=node)
    decided = {one: said for one, said in report.settings.items() if one.rpartition(".")[2] not in _ASSUMED}
    notes = ImportReport(report.file, settings=decided)
    try:
        part = recurrent(node, weights, (), key, file.generation, notes)
    except UnsupportedLayer as error:
        raise refuse(where, node, str(error)) from error
    told = ("name", "size")
    report.facts += [fact for fact in notes.facts if fact.key.rpartition(".")[2] in told or fact.how == "set"]
    report.offered += [fact for fact in notes.offered if fact.key.rpartition(".")[2] not in _ASSUMED]
    report.say(f"{key}.cell", inner_kind, "inferred", "shapes")
    if kind == "Bidirectional":
        report.say(f"{key}.directions", "both", "inferred", "shapes")
    else:
        why = "a file of weights does not record go_backwards"
        way = report.choose(f"{key}.directions", "forward", ("backward",), "assumed", why, together=NOT_RECORDED)
        part = replace(part, passes=[(way, part.passes[0][1])])
    functions = dict(part.functions)
    group = weights[: len(weights) // 2] if kind == "Bidirectional" else weights
    if is_cudnn(RECURRENT[inner_kind], KerasNode(name, inner_kind, {}), group):
        why = "two biases end to end are those of a layer of cuDNN, which knows no other"
        report.say(f"{key}.gate_activation", "sigmoid", "confirmed", why)
        report.say(f"{key}.activation", "tanh", "confirmed", why)
        plain = {slot: "sigmoid" if slot == "gates" else "tanh" for slot in functions}
        return Recurrent(**{**vars(part), "functions": plain})
    if "gates" in functions:
        said = f"Keras {file.version}" if file.version else "this Keras"
        why = f"a file of weights does not record it; {'hard_sigmoid' if old else 'sigmoid'} is the default of {said}"
        own = "hard_sigmoid_keras2" if old else "sigmoid"
        functions["gates"] = report.choose(f"{key}.gate_activation", own, _GATES, "assumed", why, together=NOT_RECORDED)
    why = "a file of weights does not record it; tanh is the default"
    functions["candidate"] = report.choose(
        f"{key}.activation", "tanh", _CANDIDATES[1:], "assumed", why, together=NOT_RECORDED
    )
    if "output" in functions:
        functions["output"] = functions["candidate"]
    return Recurrent(**{**vars(part), "functions": functions})


def _dense(name: str, weights: list[Array], first: bool, report: ImportReport) -> list[Op]:
    made: list[Op] = []
    why = "a file of weights does not record it"
    if first:
        over = report.choose("readout.over", "last", _OVER[1:], "assumed", why, together=NOT_RECORDED)
        made += [] if over == "each" else [Reduce("final" if over == "last" else over)]
    made.append(Dense(name, weights[0].T, weights[1] if len(weights) > 1 else None))
    report.say("readout", visible(name), "inferred", "shapes")
    function = report.choose(
        f"readout.{visible(name)}_activation", "linear", _LAST[1:], "assumed", why, together=NOT_RECORDED
    )
    return made + ([] if function == "linear" else [Activation(name, function)])
