"""Whole networks once more, as the papers write them: loops over tokens, layers and directions, no engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array

Weights = Mapping[str, Array]


def sigmoid(a: Array) -> Array:
    return np.array([1 / (1 + np.exp(-v)) if v >= 0 else np.exp(v) / (1 + np.exp(v)) for v in a])


def lstm_step(p: Weights, x: Array, h: Array, c: Array) -> dict[str, Array]:
    """Gers, Schmidhuber & Cummins 2000, no peepholes."""
    f = sigmoid(p["W_f"] @ x + p["U_f"] @ h + p["b_f"])
    i = sigmoid(p["W_i"] @ x + p["U_i"] @ h + p["b_i"])
    g = np.tanh(p["W_g"] @ x + p["U_g"] @ h + p["b_g"])
    c = f * c + i * g
    o = sigmoid(p["W_o"] @ x + p["U_o"] @ h + p["b_o"])
    return {"f": f, "i": i, "g": g, "c": c, "o": o, "h": o * np.tanh(c)}


def gru_step(p: Weights, x: Array, h: Array) -> dict[str, Array]:
    """Cho et al. 2014 v1, as in PyTorch: z keeps, the reset comes after the product."""
    r = sigmoid(p["W_r"] @ x + p["U_r"] @ h + p["b_r"])
    z = sigmoid(p["W_z"] @ x + p["U_z"] @ h + p["b_z"])
    n = np.tanh(p["W_n"] @ x + p["b_n"] + r * (p["U_n"] @ h + p["c_n"]))
    return {"r": r, "z": z, "n": n, "h": z * h + (1 - z) * n}


def rnn_step(p: Weights, x: Array, h: Array) -> dict[str, Array]:
    """Elman 1990."""
    return {"h": np.tanh(p["W_h"] @ x + p["U_h"] @ h + p["b_h"])}


def run_pass(cell: str, p: Weights, x: Array, direction: str, initial: Weights) -> dict[str, Array]:
    """Run one pass over x (T, I); return every value (T, H) in tape order."""
    order = range(len(x)) if direction == "forward" else range(len(x) - 1, -1, -1)
    state = {name: np.array(numbers) for name, numbers in initial.items()}
    rows: dict[int, dict[str, Array]] = {}
    for t in order:
        if cell == "lstm":
            rows[t] = lstm_step(p, x[t], state["h"], state["c"])
        elif cell == "gru":
            rows[t] = gru_step(p, x[t], state["h"])
        else:
            rows[t] = rnn_step(p, x[t], state["h"])
        state = {name: rows[t][name] for name in state}
    return {name: np.array([rows[t][name] for t in range(len(x))]) for name in rows[0]}


def merge(kind: str, outputs: list[Array]) -> Array:
    if len(outputs) == 1:
        return outputs[0]
    one, other = outputs
    if kind == "concat":
        return np.concatenate([one, other], axis=1)
    return {
        "sum": one + other,
        "average": (one + other) / 2,
        "mul": one * other,
    }[kind]


def run_network(
    spec: Mapping[str, Any], tensors: Weights, x: Array, initial: Mapping[str, Weights] | None = None
) -> tuple[dict[str, dict[str, Array]], Array]:
    """Run every pass of a network; return the values of each pass and the top merge."""
    passes: dict[str, dict[str, Array]] = {}
    for number, layer in enumerate(spec["layers"]):
        outputs = []
        for direction in layer["directions"]:
            name = f"layer{number}.{direction}"
            p = {key.removeprefix(f"{name}/"): view for key, view in tensors.items() if key.startswith(f"{name}/")}
            said = {**layer, **layer.get("own", {}).get(direction, {})}
            states = {"lstm": ("h", "c")}.get(said["cell"], ("h",))
            zero = {state: np.zeros(said["hidden_size"]) for state in states}
            passes[name] = run_pass(said["cell"], p, x, direction, (initial or {}).get(name, zero))
            outputs.append(passes[name]["h"])
        x = merge(layer["merge"], outputs)
    return passes, x


def softmax(a: Array) -> Array:
    z = np.exp(a - a.max())
    return np.asarray(z / z.sum())
