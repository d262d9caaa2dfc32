"""Files of Keras that hold weights alone: the layers are found by shapes, and what no shape tells is assumed aloud."""

from __future__ import annotations

from typing import Any

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible
from lstm_tui.formats.found import Found
from lstm_tui.formats.keras.file import KerasFile
from lstm_tui.formats.keras.gates import CannotRun
from lstm_tui.formats.keras.graph import Node
from lstm_tui.formats.keras.hdf5 import Array
from lstm_tui.formats.keras.layers import recurrent, refuse
from lstm_tui.formats.parts import Activation, Dense, Op, Plan, Recurrent, Reduce
from lstm_tui.formats.report import Report

_GATES = ("sigmoid", "hard_sigmoid_keras2", "hard_sigmoid_keras3")
_KINDS = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}
_CANDIDATES = ("tanh", "relu", "linear", "sigmoid", "elu", "softsign")
_ASSUMED = ("gate_activation", "activation")
_LAST = ("linear", "softmax", "sigmoid", "tanh", "relu")
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

    def plan(report: Report) -> Plan:
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


def _plan(file: KerasFile, nodes: dict[str, str], layers: tuple[str, ...], where: str, report: Report) -> Plan:
    chain: list[Recurrent | Op] = []
    embedding = None
    width = 0
    for name, kind in nodes.items():
        weights = file.weights(name)
        if kind == "Embedding" and not chain:
            embedding = weights[0]
            report.say("embedding", f"{visible(name)}, {len(embedding)} ids", "inferred", "one matrix below all others")
        elif name in layers:
            key = f"layer{sum(isinstance(one, Recurrent) for one in chain)}"
            part = _layer(file, name, kind, weights, key, where, report)
            if chain and isinstance(chain[-1], Recurrent) and part.inputs != width:
                raise UserError(f"{where}: {visible(name)} reads {part.inputs} numbers, and gets {width}")
            chain.append(part)
            width = part.hidden * (len(part.passes) if part.merge == "concat" else 1)
        elif kind == "Dense" and chain and weights[0].shape[0] == width:
            chain += _dense(name, weights, isinstance(chain[-1], Recurrent), report)
            width = weights[0].shape[1]
        else:
            report.unused.append(visible(name))
    return Plan("", chain, embedding)


def _layer(
    file: KerasFile, name: str, kind: str, weights: list[Array], key: str, where: str, report: Report
) -> Recurrent:
    inner_kind = _kind(name, weights[: len(weights) // 2]) if kind == "Bidirectional" else kind
    version = tuple(int(one) for one in file.version.split("-")[0].split(".")[:2] if one.isdigit())
    old = version < (2, 3) and file.generation < 3 and "tf" not in file.version
    config: dict[str, Any] = {"activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": not old}
    node = Node(name, inner_kind, config)
    if kind == "Bidirectional":
        node = Node(name, kind, {"merge_mode": "concat"}, inner=node)
    decided = {one: said for one, said in report.settings.items() if one.rpartition(".")[2] not in _ASSUMED}
    notes = Report(report.file, settings=decided)
    try:
        part = recurrent(node, weights, (), key, file.generation, notes)
    except CannotRun as error:
        raise refuse(where, node, str(error)) from error
    told = ("name", "size")
    report.facts += [fact for fact in notes.facts if fact.key.rpartition(".")[2] in told or fact.how == "set"]
    report.offered += [fact for fact in notes.offered if fact.key.rpartition(".")[2] not in _ASSUMED]
    report.say(f"{key}.cell", inner_kind, "inferred", "shapes")
    report.say(f"{key}.directions", "both" if kind == "Bidirectional" else "forward", "inferred", "shapes")
    functions = dict(part.functions)
    if "gates" in functions:
        said = f"Keras {file.version}" if file.version else "this Keras"
        why = f"a file of weights does not record it; {'hard_sigmoid' if old else 'sigmoid'} is the default of {said}"
        own = "hard_sigmoid_keras2" if old else "sigmoid"
        functions["gates"] = report.choose(f"{key}.gate_activation", own, _GATES, "assumed", why)
    why = "a file of weights does not record it; tanh is the default"
    functions["candidate"] = report.choose(f"{key}.activation", "tanh", _CANDIDATES[1:], "assumed", why, matters=False)
    if "output" in functions:
        functions["output"] = functions["candidate"]
    return Recurrent(**{**vars(part), "functions": functions})


def _dense(name: str, weights: list[Array], first: bool, report: Report) -> list[Op]:
    made: list[Op] = []
    why = "a file of weights does not record it"
    if first:
        over = report.choose("readout.over", "last", _OVER[1:], "assumed", why)
        made += [] if over == "each" else [Reduce("final" if over == "last" else over)]
    made.append(Dense(name, weights[0].T, weights[1] if len(weights) > 1 else None))
    report.say("readout", visible(name), "inferred", "shapes")
    function = report.choose(f"readout.{visible(name)}_activation", "linear", _LAST[1:], "assumed", why, matters=False)
    return made + ([] if function == "linear" else [Activation(name, function)])
