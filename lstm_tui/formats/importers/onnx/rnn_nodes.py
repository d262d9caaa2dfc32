"""LSTM, GRU and RNN nodes of ONNX in our own names: gate order, peepholes, clip, activations, directions, layouts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import axis_end, exact
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers import gate_layouts
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.one_step import without_memory
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, attribute, label
from lstm_tui.formats.importers.program.initial_states import initial_states_of
from lstm_tui.formats.importers.program.layers import Read

_DIRECTIONS = {"forward": ["forward"], "reverse": ["backward"], "bidirectional": ["forward", "backward"]}
_DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
_SLOTS = {"LSTM": ("gates", "candidate", "output"), "GRU": ("gates", "candidate"), "RNN": ("candidate",)}
_PLAIN = {"Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu", "Softplus": "softplus", "Softsign": "softsign"}
_ALPHA = {"LeakyRelu": 0.01, "ThresholdedRelu": 1.0, "ScaledTanh": 1.0, "HardSigmoid": 0.2, "Elu": 1.0, "Affine": 1.0}
_LENGTHS = (1, 64, 512, 576)  # of inputs that are given a length only to ask for a shape
_BETA = {"ScaledTanh": 1.0, "HardSigmoid": 0.5, "Affine": 0.0}
_READ_IN_TWO_WAYS = ("ThresholdedRelu", "ScaledTanh", "Affine")
"""Activations whose numbers, where a file leaves them out, are 0 in onnxruntime and a default elsewhere."""
_BODIES = {
    "LeakyRelu": "max(a, 0) + {alpha} * min(a, 0)",
    "ThresholdedRelu": "a * step(a - {alpha})",
    "ScaledTanh": "{alpha} * tanh({beta} * a)",
    "HardSigmoid": "clip({alpha} * a + {beta}, 0, 1)",
    "Elu": "max(a, 0) + {alpha} * (exp(min(a, 0)) - 1)",
    "Affine": "{alpha} * a + {beta}",
}


def plan_node(node: Any, graph: ProgramGraph, key: str, where: str, report: ImportReport, read: Read) -> Recurrent:
    """Return a recurrent node as a layer.

    Raises:
        UserError: Its weights are not in the file, or do not fit.
    """
    kind = gates_kind = node.op_type.lower()
    inputs = [*node.input, *[""] * 8]
    weights = [_constant(graph, node, one, where) for one in inputs[1:4]]
    w, r, b = weights
    directions = _DIRECTIONS.get(str(attribute(node, "direction", "forward")).lower())
    count = gate_layouts.GATE_COUNTS[kind]
    if directions is None or w is None or r is None or w.ndim != 3 or r.ndim != 3:
        raise UserError(f"{where}: {label(node)}: its direction or its weights are missing")
    if read.flipped:
        directions = [{"forward": "backward", "backward": "forward"}[one] for one in directions]
    hidden = r.shape[2]
    ways = len(directions)
    if w.shape[:2] != (ways, count * hidden) or r.shape != (ways, count * hidden, hidden) or not hidden:
        shapes = " and ".join("×".join(map(str, one.shape)) for one in (w, r))
        raise UserError(f"{where}: {label(node)}: weights of {shapes} fit no {node.op_type} of {ways} direction(s)")
    if b is not None and b.shape != (ways, 2 * count * hidden):
        raise UserError(f"{where}: {label(node)}: its bias is {'×'.join(map(str, b.shape))}")
    report.say(f"{key}.name", node.name or node.output[0], "confirmed", "name of the node")
    report.say(f"{key}.cell", node.op_type, "confirmed", "the operator")
    report.say(f"{key}.size", f"{w.shape[2]} → {hidden}", "confirmed", "shapes")
    turned = "direction, of what the graph turns round" if read.flipped else "direction"
    report.say(f"{key}.directions", " and ".join(sorted(directions, reverse=True)), "confirmed", turned)
    if any(graph.is_half(name) for name in inputs[1:4] if name):
        report.warnings.append(
            f"{label(node)} computes with half the bits in the file: numbers differ by their rounding"
        )
    if packed := _packed(graph, inputs[1:4]):
        report.say(f"{key}.weights", f"dequantised from {packed}", "confirmed", "the graph has scale and zero point")
    report.say(f"{key}.gate_order", gate_layouts.ONNX[kind].replace("g", "c"), "confirmed", "ONNX has one order")
    order = gate_layouts.gate_order(kind, gate_layouts.ONNX[kind], key, report)
    biases = gate_layouts.biases(0 if b is None else 2, key, report, kind, order)
    after = _reset(node, graph.producer, key, report) if kind == "gru" else False
    coupled = kind == "lstm" and bool(attribute(node, "input_forget", 0))
    holes = _constant(graph, node, inputs[7], where) if kind == "lstm" else None
    cell = {"lstm": "greff_cifg" if coupled else "lstm_peephole" if holes is not None else "lstm",
            "gru": "gru" if after else "gru_reset_before", "rnn": "rnn"}[gates_kind]  # fmt: skip
    if coupled:
        report.say(f"{key}.gates", "f = 1 - i", "confirmed", "input_forget; the forget gate's weights mean nothing")
    if holes is not None:
        report.say(f"{key}.peepholes", "i, o, f", "confirmed", "the input P")
    passes = []
    for n, direction in enumerate(directions):
        first, second = (None, None) if b is None else (b[n, : count * hidden], b[n, count * hidden :])
        given = gate_layouts.unpack(kind, order, w[n], r[n], *gate_layouts.meant(biases, first, second), after)
        if holes is not None:
            given |= gate_layouts.peepholes(holes[n], hidden)
        if coupled:
            given = {name: one for name, one in given.items() if not name.endswith("_f")}
        passes.append((direction, given))
    bound = attribute(node, "clip", None)
    if bound is not None:
        report.say(f"{key}.clip", f"±{axis_end(bound)}", "confirmed", "sums are clipped before their activation")
    functions = _functions(node, ways, key, where, report)
    initial = initial_states_of(node, graph, directions, key, report, read, of_shapes_alone, {"h": hidden, "c": hidden})
    part = Recurrent(
        name=node.name or node.output[0],
        cell=cell,
        hidden=hidden,
        inputs=w.shape[2],
        passes=passes,
        without=gate_layouts.missing(cell, passes[0][1]),
        functions=functions[0],
        initial=initial,
        bound=None if bound is None else float(bound),
    )
    if ways == 1 or functions[0] == functions[1]:
        passes.sort(key=lambda one: one[0], reverse=True)  # forward stands first
        return _one_step(gate_layouts.reread(part, kind, key, report), read)
    notes = ImportReport(report.file, settings=report.settings)
    both = [
        gate_layouts.reread(replace(part, passes=[one], functions=each), kind, key, to)
        for one, each, to in zip(passes, functions, (report, notes), strict=True)
    ]
    ahead, back = (_one_step(one, read) for one in (reversed(both) if read.flipped else both))
    return replace(ahead, second=back)


def _one_step(part: Recurrent, read: Read) -> Recurrent:
    return without_memory(part) if read.one_step else part


def _packed(graph: ProgramGraph, names: Sequence[str]) -> str:
    """Return the kind of the whole numbers that weights are kept as; empty where they are fractions."""
    kinds = set()
    for name in names:
        waiting, seen = [name], set()
        while waiting:
            node = graph.made_by.get(waiting.pop())
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if node.op_type == "DequantizeLinear":
                try:
                    kinds.add(str(graph.evaluate(node.input[0], {}).dtype))
                except UnsupportedNode:
                    continue
            waiting += node.input
    return ", ".join(sorted(kinds))


def _reset(node: Any, producer: str, key: str, report: ImportReport) -> bool:
    """Return whether the reset comes after the product; a known mistake of an exporter is said."""
    after = bool(attribute(node, "linear_before_reset", 0))
    if not after and producer.lower().startswith("pytorch"):
        why = "the file says so, but PyTorch resets after, and some of its exporters lost linear_before_reset"
        return report.choose(f"{key}.reset", "before", ("after",), "assumed", why) == "after"
    report.say(f"{key}.reset", "after" if after else "before", "confirmed", "linear_before_reset")
    return after


def _constant(graph: ProgramGraph, node: Any, name: str, where: str) -> Array | None:
    if not name:
        return None
    if graph.depends(name, graph.inputs):
        raise UserError(f"{where}: {label(node)}: {visible(name)} is given from outside, and not in the file")
    try:
        array = graph.evaluate(name, {})
    except UnsupportedNode as error:
        raise UserError(f"{where}: {label(node)}: its weights cannot be read: {error}") from error
    if array.dtype.kind != "f":
        raise UserError(f"{where}: {label(node)}: {visible(name)} holds {array.dtype} numbers, which are not read")
    return array if array.dtype == np.float64 else array.astype(np.float32)


def _functions(node: Any, ways: int, key: str, where: str, report: ImportReport) -> list[dict[str, str]]:
    """Return the activations by slot, of each direction."""
    own = _DEFAULTS[node.op_type]
    said = attribute(node, "activations", own * ways) or own * ways
    alphas = list(attribute(node, "activation_alpha", []) or [])
    betas = list(attribute(node, "activation_beta", []) or [])
    if len(said) != len(own) * ways:
        raise UserError(f"{where}: {label(node)}: it should have {len(own) * ways} activations, and has {len(said)}")
    made: list[str] = []
    for name in said:
        kind = next((one for one in (*_PLAIN, *_BODIES) if one.lower() == str(name).lower()), None)
        if kind is None:
            raise UserError(f"{where}: {label(node)}: its activation {visible(str(name)[:40])} is not known")
        lacks = (kind in _ALPHA and not alphas) or (kind in _BETA and not betas)
        zero = kind in _READ_IN_TWO_WAYS and lacks and _missing_are_zero(kind, key, report)
        alpha = float(alphas.pop(0)) if kind in _ALPHA and alphas else 0.0 if zero else _ALPHA.get(kind, 0.0)
        beta = float(betas.pop(0)) if kind in _BETA and betas else 0.0 if zero else _BETA.get(kind, 0.0)
        made.append(_PLAIN.get(kind) or f"{kind}={_body(kind, alpha, beta)}")
    groups = [made[n : n + len(own)] for n in range(0, len(made), len(own))]
    told = [", ".join(one.partition("=")[0] for one in group) for group in groups]
    report.say(f"{key}.activations", "; ".join(told if groups[0] != groups[-1] else told[:1]), "confirmed",
               "the attribute" if attribute(node, "activations", None) else "the default")  # fmt: skip
    return [dict(zip(_SLOTS[node.op_type], group, strict=False)) for group in groups]


def _missing_are_zero(kind: str, key: str, report: ImportReport) -> bool:
    """Decide what an activation has where the file leaves its numbers out, of those that are read in two ways."""
    name = f"{key}.activation_numbers"
    if not any(fact.key == name for fact in report.facts):
        why = f"the file leaves out a number of {kind}: the standard has a default, and onnxruntime takes 0"
        return report.choose(name, "defaults", ("zeros",), "assumed", why) == "zeros"
    return report.settings.get(name) == "zeros"


def _body(kind: str, alpha: float, beta: float) -> str:
    values = {"alpha": exact(float(np.float32(alpha))), "beta": exact(float(np.float32(beta)))}
    return _BODIES[kind].format(**values)


def of_shapes_alone(graph: ProgramGraph, name: str, known: Mapping[str, Array] | None = None) -> Array:
    """Return a tensor that depends on nothing but the shapes of the inputs and on what is known, as for one sequence.

    Raises:
        UnsupportedNode: It depends on more.
    """
    if graph.depends(name, graph.inputs, known=known or {}):
        raise UnsupportedNode(f"{visible(name)} depends on what is given from outside")
    return of_shapes(graph, name, known)


def of_shapes(graph: ProgramGraph, name: str, known: Mapping[str, Array] | None = None) -> Array:
    """Return a tensor for inputs of zeros; its caller knows that the inputs' numbers do not reach it.

    Raises:
        UnsupportedNode: No length of the inputs lets it be computed.
    """
    why: UnsupportedNode | None = None
    for free in _LENGTHS:
        try:
            return graph.evaluate(name, of_some_shape(graph, free) | dict(known or {}))
        except UnsupportedNode as error:
            why = error
    raise why or UnsupportedNode(visible(name))


def of_some_shape(graph: ProgramGraph, free: int) -> dict[str, Array]:
    """Return inputs of zeros, for what depends on their shapes alone; the last free length is `free`, others are 1."""
    given = {}
    for name, (kind, shape) in graph.inputs.items():
        last = max((n for n, one in enumerate(shape) if one is None), default=-1)
        given[name] = zeros_of(kind, [free if n == last else one for n, one in enumerate(shape)])
    return given


def zeros_of(kind: int, shape: Sequence[int | None]) -> Array:
    """Return zeros as an input of the file; a free length is 1."""
    import onnx

    dtype = onnx.helper.tensor_dtype_to_np_dtype(kind) if kind else np.dtype(np.float32)
    return np.zeros([min(one or 1, 4096) for one in shape], dtype)
