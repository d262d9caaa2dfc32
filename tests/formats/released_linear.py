"""Small random files as flash-linear-attention saves them, and what its papers and public code say they answer.

References are plain NumPy, head by head and step by step; they read a dictionary of tensors, ids, and nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from released_models import VOCABULARY, Layout, Tensors, _count, _doubles, _random, _rms, _sigmoid, _silu

from lstm_tui.engine.arrays import Array

WIDE, HEADS, INNER = 8, 2, 10


def linear_model(
    kind: str, seed: int = 0, layers: int = 2, heads: int = HEADS, shared: int = 1, taps: int | None = None,
    gate: bool | None = None, bias: bool = False, features: str = "hadamard", packed: bool = False,
    strength: bool = True,
) -> Tensors:  # fmt: skip
    """Return a model of a kind: 8 wide, heads of 4 numbers a key and 6 a value, 10 channels.

    Args:
        kind: As the report calls it.
        seed: Of its numbers.
        layers: How many blocks.
        heads: Of queries.
        shared: Heads that share a key and a value; in Gated DeltaNet, heads of values that share a query.
        taps: Tokens of its convolutions; 0 is none, None what the package makes unless told.
        gate: Whether what is read is gated; None is what the package makes unless told.
        bias: Whether its convolutions have biases.
        features: The feature map of linear attention: hadamard, t2r, or none with weights.
        packed: Whether the two dense layers above the memory are one tensor, as older files have it.
        strength: Whether DeltaNet has a writing strength.
    """
    of, (k, v) = _random(seed), (4, 6)
    taps = (4 if "Delta" in kind else 0) if taps is None else taps
    gate = kind not in ("DeltaNet", "linear attention") if gate is None else gate
    delta = kind == "Gated DeltaNet"
    rows = {"q": heads * k, "k": heads * k if delta else heads // shared * k,
            "v": heads * v * shared if delta else heads // shared * v}  # fmt: skip
    read = rows["v"] if delta else heads * v
    norm = {"GLA": "g_norm_swish_gate", "RetNet": "g_norm_swish_gate", "linear attention": "norm"}.get(kind, "o_norm")
    made = {"model.embeddings.weight": of(VOCABULARY, WIDE), "model.norm.weight": of(WIDE) + 1}
    for n in range(layers):
        at = f"model.layers.{n}."
        a = f"{at}attn."
        made |= {f"{at}attn_norm.weight": of(WIDE) + 1, f"{at}mlp_norm.weight": of(WIDE) + 1}
        made |= {f"{a}{one}_proj.weight": of(many, WIDE) for one, many in rows.items()}
        made |= {f"{a}o_proj.weight": of(WIDE, read), f"{a}{norm}.weight": of(v) + 1}
        if gate:
            made[f"{a}g_proj.weight"] = of(read, WIDE)
        for one, many in rows.items() if taps else ():
            made[f"{a}{one}_conv1d.weight"] = of(many, 1, taps)
            if bias:
                made[f"{a}{one}_conv1d.bias"] = of(many)
        if delta or (kind == "DeltaNet" and strength):
            made[f"{a}b_proj.weight"] = of(heads * (shared if delta else 1), WIDE)
        if delta:
            made |= {f"{a}a_proj.weight": of(heads * shared, WIDE), f"{a}A_log": of(heads * shared)}
            made |= {f"{a}dt_bias": of(heads * shared)}
        if kind == "GLA":
            made |= {f"{a}gk_proj.0.weight": of(3, WIDE), f"{a}gk_proj.1.weight": of(rows["k"], 3) * 9}
            made |= {f"{a}gk_proj.1.bias": of(rows["k"])}
        for one in "qk" if kind == "linear attention" else "":
            if features == "t2r":
                made[f"{a}feature_map_{one}.layer.weight"] = of(k, k)
            if features == "hadamard":
                made |= {f"{a}feature_map_{one}.layer{m}.weight": of(k, k) for m in (1, 2)}
                made |= {f"{a}feature_map_{one}.layer{m}.bias": of(k) for m in (1, 2)}
        both = {f"{at}mlp.gate_proj.weight": of(INNER, WIDE), f"{at}mlp.up_proj.weight": of(INNER, WIDE)}
        made |= {f"{at}mlp.gate_proj.weight": np.concatenate([*both.values()])} if packed else both
        made |= {f"{at}mlp.down_proj.weight": of(WIDE, INNER)}
    return made | {"lm_head.weight": of(VOCABULARY, WIDE)}


def _turned(x: Array, place: int) -> Array:
    """Return x turned as rotary embeddings do: the first half with the second, by angles of its place."""
    first, second = np.split(x, 2)
    angle = place / 10000 ** (np.arange(len(first)) / len(first))
    return np.concatenate(
        [first * np.cos(angle) - second * np.sin(angle), second * np.cos(angle) + first * np.sin(angle)]
    )


def answers_of_linear(
    kind: str, tensors: Tensors, ids: Sequence[int], *, epsilon: float = 1e-6, heads: int = HEADS,
    activation: Callable[[Array], Array] = _silu, sums: bool = False, twice: bool = False,
    gate: Callable[[Array], Array] = _silu, divisor: float = 16, features: Callable[[Array], Array] | None = None,
    shares: str = "", mean: bool = False,
) -> Array:  # fmt: skip
    """Return the logits of a model of a kind; what a file does not record is given."""
    w = _doubles(tensors)
    layers = _count(w, "attn_norm.weight")
    seen: list[list[dict[str, Array]]] = [[] for _ in range(layers)]
    memories: dict[tuple[int, int], Array] = {}
    summed: dict[tuple[int, int], Array] = {}
    logits = []
    for place, token in enumerate(ids):
        x = w["model.embeddings.weight"][token]
        for n in range(layers):
            p = {name.removeprefix(f"model.layers.{n}."): one for name, one in w.items()}
            norm = next(
                p[f"attn.{one}.weight"] for one in ("o_norm", "g_norm_swish_gate", "norm") if f"attn.{one}.weight" in p
            )
            a = _rms(x, p["attn_norm.weight"], epsilon)
            seen[n].append({one: p[f"attn.{one}_proj.weight"] @ a for one in "qkv"})
            read = {}
            for one in "qkv":
                read[one] = seen[n][-1][one]
                plain = _silu if one == "v" or kind != "DeltaNet" else activation
                if f"attn.{one}_conv1d.weight" in p:
                    kernel = p[f"attn.{one}_conv1d.weight"][:, 0]
                    back = [seen[n][-1 - m][one] * kernel[:, -1 - m] for m in range(min(kernel.shape[1], place + 1))]
                    read[one] = plain(np.sum(back, axis=0) + p.get(f"attn.{one}_conv1d.bias", 0))
                elif "Delta" in kind:
                    read[one] = plain(read[one])
            many = p["attn.o_proj.weight"].shape[1] // len(norm)
            own = len(read["q"]) // heads
            cut = {one: read[one].reshape(-1, len(norm) if one == "v" else own) for one in "qkv"}
            rows = []
            for head in range(many):
                q, k, v = (cut[one][head * len(cut[one]) // many] for one in "qkv")
                s = memories.get((n, head), np.zeros((own, len(v))))
                scale = own**-0.5
                if "Delta" in kind:
                    q, k = (
                        z / max(np.abs(z).sum(), 1e-6) if sums else z / np.sqrt((z * z).sum() + 1e-6) for z in (q, k)
                    )
                    strength = _sigmoid(p["attn.b_proj.weight"] @ a)[head] if "attn.b_proj.weight" in p else 1.0
                    if kind == "Gated DeltaNet":
                        step = np.log1p(np.exp(p["attn.a_proj.weight"][head] @ a + p["attn.dt_bias"][head]))
                        s = s * np.exp(-np.exp(p["attn.A_log"][head]) * step)
                    s = s + np.outer(k, (v - k @ s) * strength * (2 if twice else 1))
                    y = q @ s * scale
                elif kind == "GLA":
                    low = p["attn.gk_proj.1.weight"] @ (p["attn.gk_proj.0.weight"] @ a) + p["attn.gk_proj.1.bias"]
                    of_head = low.reshape(-1, own)[head * len(cut["k"]) // many]
                    s = s * _sigmoid(of_head)[:, None] ** (1 / divisor) + np.outer(k, v)
                    y = q @ s * scale
                elif kind == "RetNet":
                    s = s * (1 - 2.0 ** (-5 - head)) + np.outer(_turned(k, place), v)
                    y = _turned(q, place) @ s * scale
                else:
                    q, k = (_features(p, one, z, features) for one, z in (("q", q), ("k", k)))
                    q, k = (z / (z.sum() + 1e-4) if one in shares else z for one, z in (("q", q), ("k", k)))
                    s = s + np.outer(k, v)
                    summed[n, head] = summed.get((n, head), np.zeros(own)) + k
                    y = q @ s * scale
                    if mean:
                        y = y / (q @ summed[n, head] * scale + 1e-10)
                memories[n, head] = s
                rows.append(_rms(y, norm, epsilon))
            shown = np.concatenate(rows)
            if "attn.g_proj.weight" in p:
                shown = shown * gate(p["attn.g_proj.weight"] @ a)
            x = x + p["attn.o_proj.weight"] @ shown
            d = _rms(x, p["mlp_norm.weight"], epsilon)
            gates = p["mlp.gate_proj.weight"]
            first, second = (gates, p["mlp.up_proj.weight"]) if "mlp.up_proj.weight" in p else np.split(gates, 2)
            x = x + p["mlp.down_proj.weight"] @ (_silu(first @ d) * (second @ d))
        logits.append(w.get("lm_head.weight", w["model.embeddings.weight"]) @ _rms(x, w["model.norm.weight"], epsilon))
    return np.array(logits)


def _features(p: Tensors, one: str, z: Array, features: Callable[[Array], Array] | None) -> Array:
    at = f"attn.feature_map_{one}.layer"
    if f"{at}1.weight" in p:
        first, second = (p[f"{at}{m}.weight"] @ z + p[f"{at}{m}.bias"] for m in (1, 2))
        return np.asarray(first * second)
    if f"{at}.weight" in p:
        return np.asarray(np.maximum(p[f"{at}.weight"] @ z, 0))
    return features(z) if features is not None else elu_and_one(z)


def elu_and_one(z: Array) -> Array:
    """Return elu + 1."""
    return np.where(z > 0, z + 1, np.exp(np.minimum(z, 0)))


KINDS = ("DeltaNet", "Gated DeltaNet", "GLA", "RetNet", "linear attention")
LAYOUTS: dict[str, Layout] = {kind: (partial(linear_model, kind), partial(answers_of_linear, kind)) for kind in KINDS}
"""By what the report calls a layout: what makes a file of it, and its reference."""
