"""Single layers of Keras in our own names: recurrent ones by their gates, others as ops at every step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import exact, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers import gate_layouts
from lstm_tui.formats.importers.import_report import How, ImportReport
from lstm_tui.formats.importers.keras.gate_layouts import (
    UnsupportedLayer,
    count_biases,
    floats,
    gate_by_gate,
    is_cudnn,
    unpacked,
)
from lstm_tui.formats.importers.keras.graph import RECURRENT, KerasNode
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Norm, Op, Recurrent

NOTHING = (
    "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization",
    "InputLayer", "Identity",
)  # fmt: skip
ATTENTION = ("Attention", "AdditiveAttention", "MultiHeadAttention", "GroupedQueryAttention")
_MERGES = {"concat": "concat", "sum": "sum", "ave": "average", "mul": "mul", None: "concat"}
"""Ways to merge two directions; None gives each as a tensor of its own, and end to end is how both are shown here."""
_GATES = ("sigmoid", "hard_sigmoid_keras2", "hard_sigmoid_keras3")
_SAME = {
    "linear": "linear", "sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu", "softmax": "softmax",
    "softplus": "softplus", "softsign": "softsign", "elu": "elu", "selu": "selu", "swish": "swish", "silu": "swish",
    "exponential": "exponential", "relu6": "relu6", "hard_tanh": "hard_tanh", "gelu": "gelu", "mish": "mish",
    "log_softmax": "log_softmax",
}  # fmt: skip
_SINCE_3 = {
    "leaky_relu": "leaky_relu_0_2", "hard_silu": "hard_swish", "hard_swish": "hard_swish", "celu": "celu",
    "log_sigmoid": "log_sigmoid", "soft_shrink": "soft_shrink", "hard_shrink": "hard_shrink",
    "tanh_shrink": "tanh_shrink", "squareplus": "squareplus",
}  # fmt: skip
"""What Keras 3 alone has, or has with other numbers than before."""


def activation_name(said: Any, generation: int) -> str:
    """Return an activation by its exact meaning.

    Raises:
        UnsupportedLayer: It is not known here.
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
    if generation >= 3 and name in _SINCE_3:
        return _SINCE_3[name]
    raise UnsupportedLayer(f"its activation {visible(str(name)[:40])} is not known here")


def recurrent(
    node: KerasNode, weights: Sequence[Array], names: Sequence[str], key: str, generation: int, report: ImportReport,
    turned: bool = False,
) -> Recurrent:  # fmt: skip
    """Return a recurrent layer, or both directions of a Bidirectional, by the order in which it reads its input.

    Args:
        node: The layer.
        weights: Its arrays, as the file has them.
        names: What the file calls them; empty where it does not.
        key: Begins the names of what is said of it, `layer0`.
        generation: Of Keras.
        report: Is told what is understood.
        turned: Whether its input comes from the end, so that what reads forward runs backward on the tape.

    Raises:
        UnsupportedLayer: It has something that cannot be stepped.
    """
    inner = node.inner if node.kind == "Bidirectional" and node.inner is not None else node
    if inner.config.get("stateful"):
        report.warnings.append(f"{visible(node.name)} has stateful=True: here its state starts at zero at each line")
    arrays = floats(weights)
    if node.kind != "Bidirectional":
        return _direction(node, inner, arrays, names, "concat", key, generation, report, turned)
    back = node.backward or replace(
        inner, config={**inner.config, "go_backwards": not inner.config.get("go_backwards")}
    )
    if back.kind not in RECURRENT or inner.kind not in RECURRENT:
        raise UnsupportedLayer(f"its directions are {visible(inner.kind)} and {visible(back.kind)}")
    if bool(back.config.get("go_backwards")) == bool(inner.config.get("go_backwards")):
        raise UnsupportedLayer("its two directions read the same way")
    for setting in ("return_sequences", "return_state"):
        if bool(back.config.get(setting)) != bool(inner.config.get(setting)):
            raise UnsupportedLayer(f"its two directions differ in {setting}")
    said = node.config.get("merge_mode", "concat")
    if not isinstance(said, str | None) or said not in _MERGES:
        raise UnsupportedLayer(f"its merge mode {visible(str(said))} has no single output here")
    count = _weights_of(inner, arrays)
    if count >= len(arrays) or len(arrays) - count != _weights_of(back, arrays[count:]):
        raise UnsupportedLayer("its two directions have other weights than their descriptions say")
    merge = _MERGES[said]
    if node.backward is not None and (inner.kind.removeprefix("CuDNN"), _own(inner)) != (
        back.kind.removeprefix("CuDNN"), _own(back)
    ):  # fmt: skip
        ahead = _direction(node, inner, arrays[:count], (), merge, key, generation, report)
        again = _direction(node, back, arrays[count:], (), merge, f"{key}.{_way(back)}", generation, report)
        first, other = (ahead, again) if _way(inner) == "forward" else (again, ahead)
        return replace(first, second=other)
    ahead = _direction(node, inner, arrays[:count], names, merge, key, generation, report)
    notes = ImportReport(report.file, settings=report.settings)
    again = _direction(node, back, arrays[count:], names, merge, key, generation, notes)
    passes = sorted([*ahead.passes, *again.passes], key=lambda one: one[0], reverse=True)
    return gate_layouts.exchanged(replace(ahead, passes=passes), key, report)


def flipped(part: Recurrent) -> Recurrent:
    """Return a layer whose input comes from the end: what read forward reads backward, on the tape."""
    other = {"forward": "backward", "backward": "forward"}
    passes = sorted([(other[way], given) for way, given in part.passes], key=lambda one: one[0], reverse=True)
    if part.second is None:
        return replace(part, passes=passes)
    back = replace(part, passes=passes, second=None)
    return replace(flipped(part.second), second=back)


def _way(node: KerasNode) -> str:
    return "backward" if node.config.get("go_backwards") else "forward"


def _own(node: KerasNode) -> dict[str, Any]:
    """Return what decides the equations and sizes of a direction."""
    keys = ("units", "activation", "recurrent_activation", "use_bias", "reset_after")
    return {key: node.config.get(key) for key in keys}


def _weights_of(node: KerasNode, arrays: Sequence[Array]) -> int:
    """Return how many of the arrays are those of one direction, the first of them first."""
    kind = RECURRENT[node.kind]
    if gate_by_gate(kind, arrays[: len(arrays) // 2]):
        return len(arrays) // 2
    return 2 + bool(node.config.get("use_bias", True))


def _direction(
    node: KerasNode, inner: KerasNode, arrays: Sequence[Array], names: Sequence[str], merge: str, key: str,
    generation: int, report: ImportReport, turned: bool = False,
) -> Recurrent:  # fmt: skip
    """Return one direction of a layer."""
    config = inner.config
    kind = RECURRENT[inner.kind]
    order = gate_layouts.KERAS[kind]
    is_packed = not gate_by_gate(kind, arrays)
    if is_packed:
        order = gate_layouts.gate_order(kind, order, key, report)
    biases = gate_layouts.biases(count_biases(arrays), key, report, kind, order if is_packed else "")
    cell, given = unpacked(kind, inner, arrays, names, order, biases)
    gate = gate_layouts.KERAS[kind][0]
    hidden, inputs = given[f"U_{gate}"].shape[1], given[f"W_{gate}"].shape[1]
    if config.get("units", hidden) != hidden:
        raise UnsupportedLayer(f"it is described with {config.get('units')} units, and its weights have {hidden}")
    if len(arrays) > 2 and not config.get("use_bias", True):
        raise UnsupportedLayer("it is described without a bias, and has one")
    functions = {
        "candidate": activation_name(config.get("activation", "tanh"), generation),
        "output": activation_name(config.get("activation", "tanh"), generation),
    }
    if kind != "rnn":
        default = "sigmoid" if generation >= 3 else "hard_sigmoid"
        said_gates = config.get("recurrent_activation", config.get("inner_activation", default))
        functions["gates"] = activation_name(said_gates, generation)
    cudnn = is_cudnn(kind, inner, arrays)
    _say(node, inner, kind, cell, hidden, inputs, merge, functions, generation, cudnn, key, report, turned)
    part = Recurrent(
        name=node.name,
        cell=cell,
        hidden=int(hidden),
        inputs=int(inputs),
        passes=[("backward" if config.get("go_backwards") else "forward", given)],
        merge=merge,
        without=gate_layouts.missing(cell, given),
        functions={slot: one for slot, one in functions.items() if not (kind != "lstm" and slot == "output")},
    )
    return gate_layouts.reread(part, kind, key, report)


def _say(
    node: KerasNode, inner: KerasNode, kind: str, cell: str, hidden: int, inputs: int, merge: str,
    functions: dict[str, str],
    generation: int, cudnn: bool, key: str, report: ImportReport, turned: bool,
) -> None:  # fmt: skip
    report.say(f"{key}.name", node.name, "confirmed", "the description")
    report.say(f"{key}.cell", inner.kind, "confirmed", "the description")
    report.say(f"{key}.size", f"{inputs} → {hidden}", "confirmed", "shapes")
    if node.kind == "Bidirectional":
        report.say(f"{key}.directions", f"both, {merge}", "confirmed", "the description")
    else:
        backward = bool(inner.config.get("go_backwards") or inner.kind.startswith("Reversed")) != turned
        why = "what it reads comes from the end; go_backwards" if turned else "go_backwards"
        report.say(f"{key}.directions", "backward" if backward else "forward", "confirmed", why)
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
        if cudnn:
            own = "sigmoid" if slot == "gates" else "tanh"
            key_said = "recurrent_activation" if slot == "gates" else "activation"
            if key_said in inner.config and functions[slot] != own:
                how, why, others = (
                    "assumed",
                    "the weights are those of cuDNN, the description says another",
                    (functions[slot],),
                )
            else:
                why = "the layer is cuDNN's, which knows no other"
            functions[slot] = own
        elif functions[slot].startswith("hard_sigmoid"):
            how, why = "inferred", f"hard_sigmoid as Keras {generation} computed it"
            others = tuple(one for one in _GATES if one != functions[slot])
        functions[slot] = report.choose(f"{key}.{fact}", functions[slot], others, how, why)
        if slot == "candidate":
            functions["output"] = functions[slot]


def steps(node: KerasNode, weights: Sequence[Array], generation: int) -> list[Op]:
    """Return what a layer does to every step by itself.

    Raises:
        UnsupportedLayer: It does something else, or what it does is not known.
    """
    if node.kind == "TimeDistributed" and node.inner is not None:
        return steps(node.inner, weights, generation)
    config = node.config
    if node.kind in NOTHING:
        return []
    arrays = floats(weights[:2] if node.kind == "Normalization" else weights)  # behind them: how many were counted
    if node.kind == "Dense":
        if not arrays or arrays[0].ndim != 2:
            raise UnsupportedLayer("its weights are missing")
        made: list[Op] = [Dense(node.name, arrays[0].T, arrays[1] if len(arrays) > 1 else None)]
        return made + _activated(node.name, config.get("activation"), generation)
    if node.kind == "BatchNormalization":
        return [_batch_norm(node, arrays)]
    if node.kind == "Normalization":
        return [_normalised(node, arrays)]
    if node.kind == "LayerNormalization":
        given = iter(arrays)
        scale = next(given, None) if config.get("scale", True) else None
        shift = next(given, None) if config.get("center", True) else None
        return [Norm(node.name, float(config.get("epsilon", 1e-3)), scale, shift)]
    if node.kind == "Activation":
        return _activated(node.name, config.get("activation"), generation)
    if node.kind == "Rescaling":
        return [_rescaled(node)]
    if node.kind in ("ReLU", "Softmax", "ELU", "LeakyReLU"):
        return _layer_activation(node)
    if node.kind in ATTENTION:
        raise UnsupportedLayer("each token looks at all others, which is not run here")
    raise UnsupportedLayer(
        "it is not known here" if node.kind not in ("Lambda",) else "it is a program of its author's"
    )


_LEAST_SPREAD = 1e-7
"""The least that Keras divides by where it normalises its inputs."""


def _normalised(node: KerasNode, arrays: Sequence[Array]) -> Activation | AffineScale:
    """Return what takes a mean away and divides by a spread, or the way back; they are given, or were adapted."""
    given = [node.config.get(key) for key in ("mean", "variance")]
    said = [np.asarray(one, np.float64) for one in given if one is not None] or [one.astype(float) for one in arrays]
    if len(said) != 2 or any(one.dtype.kind != "f" for one in said):
        raise UnsupportedLayer("its mean and variance are missing")
    mean, variance = (one.reshape(-1) for one in said)
    if sum(size != 1 for size in said[0].shape) > 1 or mean.shape != variance.shape:
        raise UnsupportedLayer("it normalises over more than the units")
    spread = np.maximum(np.sqrt(variance), _LEAST_SPREAD)
    scale, shift = (spread, mean) if node.config.get("invert") else (1 / spread, -mean / spread)
    if said[0].ndim == 0 or node.config.get("axis", -1) in (None, []):
        body = f"{exact(float(scale[0]))} * a + {exact(float(shift[0]))}"
        return Activation(node.name, f"Normalization={body}")
    return AffineScale(node.name, scale.astype(np.float32), shift.astype(np.float32))


def _rescaled(node: KerasNode) -> Activation | AffineScale:
    scale, offset = node.config.get("scale", 1.0), node.config.get("offset", 0.0)
    if isinstance(scale, list) or isinstance(offset, list):
        each = [np.asarray(one, np.float32).reshape(-1) for one in (scale, offset)]
        both = np.broadcast_arrays(*each)
        return AffineScale(node.name, *(np.array(one) for one in both))
    if not all(isinstance(one, int | float) for one in (scale, offset)):
        raise UnsupportedLayer("it scales each unit by itself")
    return Activation(node.name, f"Rescaling={exact(float(scale))} * a + {exact(float(offset))}")


def _activated(name: str, said: Any, generation: int) -> list[Op]:
    function = activation_name(said, generation)
    return [] if function == "linear" else [Activation(name, function)]


def _layer_activation(node: KerasNode) -> list[Op]:
    config, kind = node.config, node.kind
    if kind == "Softmax":
        return [Activation(node.name, "softmax")]
    if kind == "ELU":
        alpha = _number(config.get("alpha", 1.0), 1.0)
        plain = alpha == 1
        function = "elu" if plain else f"ELU=max(a, 0) + {exact(alpha)} * (exp(min(a, 0)) - 1)"
        return [Activation(node.name, function)]
    if kind == "LeakyReLU":
        slope = _number(config.get("alpha", config.get("negative_slope")), 0.3)
        names = {0.01: "leaky_relu_0_01", 0.2: "leaky_relu_0_2", 0.3: "leaky_relu_0_3"}
        found = next((name for key, name in names.items() if abs(key - slope) < 1e-7), None)
        return [Activation(node.name, found or f"LeakyReLU=max(a, 0) + {exact(slope)} * min(a, 0)")]
    if config.get("threshold"):
        raise UnsupportedLayer(f"its threshold {sentence(_number(config.get('threshold'), 0.0), 6)} is not run here")
    slope, top = _number(config.get("negative_slope"), 0.0), config.get("max_value")
    if slope == 0 and top in (None, 6, 6.0):
        return [Activation(node.name, "relu" if top is None else "relu6")]
    body = f"max(a, 0) + {exact(slope)} * min(a, 0)"
    return [Activation(node.name, f"ReLU={body if top is None else f'min({body}, {exact(_number(top, 0.0))})'}")]


def _number(value: Any, default: float) -> float:
    if value is None:
        return default
    if isinstance(value, Mapping):  # as Keras writes numbers of NumPy
        inside = value.get("config")
        value = value.get("value", inside.get("value") if isinstance(inside, Mapping) else None)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise UnsupportedLayer("one of its settings is no number")
    return float(value)


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
