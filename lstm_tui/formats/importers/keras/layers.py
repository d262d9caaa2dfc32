"""Single layers of Keras in our own names: recurrent ones by their gates, others as ops at every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers import gate_layouts
from lstm_tui.formats.importers.import_report import How, ImportReport
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, count_biases, floats, gate_by_gate, unpacked
from lstm_tui.formats.importers.keras.graph import RECURRENT, KerasNode
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Norm, Op, Recurrent

NOTHING = (
    "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization",
    "InputLayer",
)  # fmt: skip
_MERGES = {"concat": "concat", "sum": "sum", "ave": "average", "mul": "mul"}
_GATES = ("sigmoid", "hard_sigmoid_keras2", "hard_sigmoid_keras3")
_SAME = {
    "linear": "linear", "sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "softmax": "softmax",
    "softplus": "softplus", "softsign": "softsign", "elu": "elu", "selu": "selu", "swish": "swish", "silu": "swish",
    "exponential": "exponential", "relu6": "relu6", "hard_tanh": "hard_tanh",
}  # fmt: skip


def activation_name(said: Any, generation: int) -> str:
    """Return an activation by its exact meaning.

    Raises:
        CannotRun: It is not known here.
    """
    name = said.get("config", said.get("class_name")) if isinstance(said, Mapping) else said
    if isinstance(name, Mapping):
        name = said.get("class_name")
    if name is None:
        return "linear"
    if name == "hard_sigmoid":
        return "hard_sigmoid_keras3" if generation >= 3 else "hard_sigmoid_keras2"
    if name in _SAME:
        return _SAME[name]
    raise UnsupportedLayer(f"its activation {visible(str(name)[:40])} is not known here")


def recurrent(
    node: KerasNode, weights: Sequence[Array], names: Sequence[str], key: str, generation: int, report: ImportReport
) -> Recurrent:
    """Return a recurrent layer, or both directions of a Bidirectional.

    Raises:
        CannotRun: It has something that cannot be stepped.
    """
    inner = node.inner if node.kind == "Bidirectional" and node.inner is not None else node
    config = inner.config
    kind = RECURRENT[inner.kind]
    both = node.kind == "Bidirectional"
    backward = bool(config.get("go_backwards"))
    for option in ("stateful", "time_major"):
        if config.get(option):
            report.warnings.append(
                f"{visible(node.name)} has {option}=True: here its state starts at zero at each line"
            )
    arrays = floats(weights)
    groups = [arrays]
    if both:
        if len(arrays) % 2:
            raise UnsupportedLayer("its two directions have not as many weights each")
        groups = [arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :]]
    passes = []
    cell = kind
    order = gate_layouts.KERAS[kind]
    if not gate_by_gate(kind, groups[0]):
        order = gate_layouts.gate_order(kind, order, key, report)
    biases = gate_layouts.biases(count_biases(groups[0]), key, report)
    for n, group in enumerate(groups):
        cell, given = unpacked(kind, inner, group, names, order, biases)
        passes.append(("backward" if (n == 1) != backward else "forward", given))
    first = passes[0][1]
    gate = gate_layouts.KERAS[kind][0]
    hidden, inputs = first[f"U_{gate}"].shape[1], first[f"W_{gate}"].shape[1]
    if both and backward:
        passes.reverse()  # the forward layer of the file reads from the end
    merge = "concat"
    if both:
        said = node.config.get("merge_mode", "concat")
        if said not in _MERGES or (backward and said == "concat"):
            raise UnsupportedLayer(f"its merge mode {visible(str(said))} has no single output here")
        merge = _MERGES[said]
    functions = {
        "candidate": activation_name(config.get("activation", "tanh"), generation),
        "output": activation_name(config.get("activation", "tanh"), generation),
    }
    if kind != "rnn":
        default = "sigmoid" if generation >= 3 else "hard_sigmoid"
        said_gates = config.get("recurrent_activation", config.get("inner_activation", default))
        functions["gates"] = activation_name(said_gates, generation)
    _say(node, inner, kind, cell, hidden, inputs, merge, functions, generation, key, report)
    part = Recurrent(
        name=node.name,
        cell=cell,
        hidden=int(hidden),
        inputs=int(inputs),
        passes=passes,
        merge=merge,
        without=gate_layouts.missing(cell, first),
        functions={slot: one for slot, one in functions.items() if not (kind != "lstm" and slot == "output")},
    )
    return gate_layouts.reread(part, kind, key, report)


def _say(
    node: KerasNode, inner: KerasNode, kind: str, cell: str, hidden: int, inputs: int, merge: str,
    functions: dict[str, str],
    generation: int, key: str, report: ImportReport,
) -> None:  # fmt: skip
    report.say(f"{key}.name", node.name, "confirmed", "the description")
    report.say(f"{key}.cell", inner.kind, "confirmed", "the description")
    report.say(f"{key}.size", f"{inputs} → {hidden}", "confirmed", "shapes")
    if node.kind == "Bidirectional":
        report.say(f"{key}.directions", f"both, {merge}", "confirmed", "the description")
    else:
        backward = inner.config.get("go_backwards") or inner.kind.startswith("Reversed")
        report.say(f"{key}.directions", "backward" if backward else "forward", "confirmed", "go_backwards")
    report.say(f"{key}.gate_order", gate_layouts.KERAS[kind], "confirmed", "Keras has one order")
    if kind == "gru":
        report.say(
            f"{key}.reset", "before" if cell == "gru_reset_before" else "after", "confirmed", "shape of the bias"
        )
    for slot, fact in (("gates", "gate_activation"), ("candidate", "activation")):
        if slot not in functions:
            continue
        how: How = "confirmed"
        others: tuple[str, ...] = ()
        why = "the description"
        if functions[slot].startswith("hard_sigmoid"):
            how, why = "inferred", f"hard_sigmoid as Keras {generation} computed it"
            others = tuple(one for one in _GATES if one != functions[slot])
        functions[slot] = report.choose(f"{key}.{fact}", functions[slot], others, how, why)


def steps(node: KerasNode, weights: Sequence[Array], generation: int) -> list[Op]:
    """Return what a layer does to every step by itself.

    Raises:
        CannotRun: It does something else, or what it does is not known.
    """
    if node.kind == "TimeDistributed" and node.inner is not None:
        return steps(node.inner, weights, generation)
    config = node.config
    if node.kind in NOTHING:
        return []
    arrays = floats(weights)
    if node.kind == "Dense":
        if not arrays or arrays[0].ndim != 2:
            raise UnsupportedLayer("its weights are missing")
        made: list[Op] = [Dense(node.name, arrays[0].T, arrays[1] if len(arrays) > 1 else None)]
        return made + _activated(node.name, config.get("activation"), generation)
    if node.kind == "BatchNormalization":
        return [_batch_norm(node, arrays)]
    if node.kind == "LayerNormalization":
        given = iter(arrays)
        scale = next(given, None) if config.get("scale", True) else None
        shift = next(given, None) if config.get("center", True) else None
        return [Norm(node.name, float(config.get("epsilon", 1e-3)), scale, shift)]
    if node.kind == "Activation":
        return _activated(node.name, config.get("activation"), generation)
    if node.kind in ("ReLU", "Softmax", "ELU", "LeakyReLU"):
        return _layer_activation(node)
    raise UnsupportedLayer(
        "it is not known here" if node.kind not in ("Lambda",) else "it is a program of its author's"
    )


def _activated(name: str, said: Any, generation: int) -> list[Op]:
    function = activation_name(said, generation)
    return [] if function == "linear" else [Activation(name, function)]


def _layer_activation(node: KerasNode) -> list[Op]:
    config = node.config
    if node.kind == "LeakyReLU":
        slope = float(config.get("alpha", config.get("negative_slope", 0.3)))
        names = {0.01: "leaky_relu_0_01", 0.2: "leaky_relu_0_2", 0.3: "leaky_relu_0_3"}
        found = next((name for key, name in names.items() if abs(key - slope) < 1e-7), None)
        if found is None:
            raise UnsupportedLayer(f"its slope {sentence(slope, 6)} is not known here")
        return [Activation(node.name, found)]
    plain = not any(config.get(key) for key in ("negative_slope", "threshold")) and config.get("alpha", 1.0) == 1.0
    top = config.get("max_value")
    if node.kind == "ReLU" and plain and top in (None, 6, 6.0):
        return [Activation(node.name, "relu" if top is None else "relu6")]
    if node.kind in ("Softmax", "ELU") and plain and config.get("axis", -1) in (-1, 2):
        return [Activation(node.name, node.kind.lower())]
    raise UnsupportedLayer("its settings are not known here")


def _batch_norm(node: KerasNode, arrays: Sequence[Array]) -> AffineScale:
    config = node.config
    given = list(arrays)
    if len(given) != 2 + bool(config.get("scale", True)) + bool(config.get("center", True)):
        raise UnsupportedLayer("its weights are missing")
    variance, mean = given[-1], given[-2]
    spread = np.sqrt(variance + float(config.get("epsilon", 1e-3)))
    gamma = given[0] if config.get("scale", True) else np.ones_like(mean)
    beta = given[-3] if config.get("center", True) else np.zeros_like(mean)
    scale = (gamma / spread).astype(mean.dtype)
    return AffineScale(node.name, scale, (beta - mean * scale).astype(mean.dtype))


def refuse(where: str, node: KerasNode, why: str) -> UserError:
    """Return the error for a layer that nothing can be done without."""
    return UserError(f"{where}: {node.known_as} cannot be run: {why}")
