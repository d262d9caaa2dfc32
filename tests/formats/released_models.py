"""Small random files of released layouts, and what their papers say such a model answers, in plain NumPy, step by step.

A file is a dictionary of tensors by the names that its authors' package saves. A reference reads that dictionary, ids,
and nothing of ours; it returns logits (T, V) and what a block shows above its input.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array

Tensors = dict[str, Array]
VOCABULARY = 11


def _random(seed: int) -> Callable[..., Array]:
    random = np.random.default_rng(seed)
    return lambda *shape: random.normal(size=shape).astype(np.float32) * np.float32(0.4)


def _rms(x: Array, weight: Array, epsilon: float = 1e-5) -> Array:
    return np.asarray(x / np.sqrt((x * x).mean() + epsilon) * weight)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _silu(x: Array) -> Array:
    return np.asarray(x * _sigmoid(x))


def _norm(x: Array, weight: Array, bias: Array, epsilon: float = 1e-5) -> Array:
    return np.asarray((x - x.mean()) / np.sqrt(x.var() + epsilon) * weight + bias)


def mamba(seed: int = 0, layers: int = 2, taps: int = 4, inner: str = "embedding", bias: bool = False) -> Tensors:
    """Return a Mamba model: 8 wide, 16 channels, 4 states each, a step size of rank 2."""
    of, wide, channels, states, rank = _random(seed), 8, 16, 4, 2
    made = {
        f"backbone.{inner}.weight": of(VOCABULARY, wide),
        "backbone.norm_f.weight": of(wide) + 1,
        "lm_head.weight": of(VOCABULARY, wide),
    }
    for n in range(layers):
        at = f"backbone.layers.{n}."
        made |= {
            f"{at}norm.weight": of(wide) + 1, f"{at}mixer.A_log": of(channels, states), f"{at}mixer.D": of(channels),
            f"{at}mixer.in_proj.weight": of(2 * channels, wide), f"{at}mixer.conv1d.weight": of(channels, 1, taps),
            f"{at}mixer.conv1d.bias": of(channels), f"{at}mixer.x_proj.weight": of(rank + 2 * states, channels),
            f"{at}mixer.dt_proj.weight": of(channels, rank), f"{at}mixer.dt_proj.bias": of(channels),
            f"{at}mixer.out_proj.weight": of(wide, channels),
        }  # fmt: skip
        if bias:
            made |= {f"{at}mixer.in_proj.bias": of(2 * channels), f"{at}mixer.out_proj.bias": of(wide)}
    return made


def mamba2(seed: int = 0, layers: int = 2, taps: int = 4, heads: int = 4, by_channel: bool = False) -> Tensors:
    """Return a Mamba-2 model: 8 wide, 16 channels in some heads, 4 states each, one group."""
    of, wide, channels, states = _random(seed), 8, 16, 4
    made = {
        "backbone.embedding.weight": of(VOCABULARY, wide),
        "backbone.norm_f.weight": of(wide) + 1,
        "lm_head.weight": of(VOCABULARY, wide),
    }
    for n in range(layers):
        at, read = f"backbone.layers.{n}.", channels + 2 * states
        made |= {
            f"{at}norm.weight": of(wide) + 1, f"{at}mixer.in_proj.weight": of(channels + read + heads, wide),
            f"{at}mixer.conv1d.weight": of(read, 1, taps), f"{at}mixer.conv1d.bias": of(read),
            f"{at}mixer.dt_bias": of(heads), f"{at}mixer.A_log": of(heads),
            f"{at}mixer.D": of(channels if by_channel else heads), f"{at}mixer.norm.weight": of(channels) + 1,
            f"{at}mixer.out_proj.weight": of(wide, channels),
        }  # fmt: skip
    return made


def rwkv7(seed: int = 0, layers: int = 3, heads: int = 2) -> Tensors:
    """Return an RWKV-7 model: 8 wide, low ranks that all differ, 12 channels of the second half."""
    of, wide, inner = _random(seed), 8, 12
    made = {"emb.weight": of(VOCABULARY, wide)}
    for n in range(layers):
        at = f"blocks.{n}."
        for name in ("ln0", "ln1", "ln2")[n > 0 :]:
            made |= {f"{at}{name}.weight": of(wide) + 1, f"{at}{name}.bias": of(wide)}
        made |= {f"{at}att.x_{one}": of(1, 1, wide) for one in "rwkvag"}
        made |= {f"{at}att.r_k": of(heads, wide // heads)}
        for one, rank in (("w", 2), ("a", 3), ("v", 4), ("g", 5)):
            made |= {f"{at}att.{one}1": of(wide, rank), f"{at}att.{one}2": of(rank, wide)}
            if one != "g":
                made[f"{at}att.{one}0"] = of(1, 1, wide)
        made |= {f"{at}att.k_k": of(1, 1, wide), f"{at}att.k_a": of(1, 1, wide)}
        made |= {f"{at}att.{one}.weight": of(wide, wide) for one in ("receptance", "key", "value", "output")}
        made |= {f"{at}att.ln_x.weight": of(wide) + 1, f"{at}att.ln_x.bias": of(wide)}
        made |= {f"{at}ffn.x_k": of(1, 1, wide), f"{at}ffn.key.weight": of(inner, wide)}
        made |= {f"{at}ffn.value.weight": of(wide, inner)}
    return made | {"ln_out.weight": of(wide) + 1, "ln_out.bias": of(wide), "head.weight": of(VOCABULARY, wide)}


def _doubles(tensors: Tensors) -> Tensors:
    return {name: one.astype(np.float64) for name, one in tensors.items()}


def _count(tensors: Tensors, of: str) -> int:
    return sum(name.endswith(of) for name in tensors)


def answers_of_mamba(tensors: Tensors, ids: Sequence[int]) -> Array:
    """Return the logits of a Mamba model: the selective scan, one token after another."""
    w = _doubles(tensors)
    table = next(one for name, one in w.items() if "embedding" in name)
    layers = _count(w, "mixer.A_log")
    taps = w["backbone.layers.0.mixer.conv1d.weight"].shape[-1]
    windows = [np.zeros((taps, 16)) for _ in range(layers)]  # the oldest first
    memories = [np.zeros((16, 4)) for _ in range(layers)]
    logits = []
    for token in ids:
        x = table[token]
        for n in range(layers):
            at = f"backbone.layers.{n}."
            packed = w[f"{at}mixer.in_proj.weight"] @ _rms(x, w[f"{at}norm.weight"])
            packed = packed + w.get(f"{at}mixer.in_proj.bias", 0)
            windows[n] = np.vstack([windows[n][1:], packed[:16]])
            u = _silu((windows[n] * w[f"{at}mixer.conv1d.weight"][:, 0].T).sum(0) + w[f"{at}mixer.conv1d.bias"])
            low = w[f"{at}mixer.x_proj.weight"] @ u
            step = np.log1p(np.exp(w[f"{at}mixer.dt_proj.weight"] @ low[:2] + w[f"{at}mixer.dt_proj.bias"]))
            for c in range(16):
                for s in range(4):
                    keep = np.exp(-step[c] * np.exp(w[f"{at}mixer.A_log"][c, s]))
                    memories[n][c, s] = keep * memories[n][c, s] + step[c] * low[2 + s] * u[c]
            y = (memories[n] @ low[6:] + w[f"{at}mixer.D"] * u) * _silu(packed[16:])
            x = x + w[f"{at}mixer.out_proj.weight"] @ y + w.get(f"{at}mixer.out_proj.bias", 0)
        logits.append(w.get("lm_head.weight", table) @ _rms(x, w["backbone.norm_f.weight"]))
    return np.array(logits)


def answers_of_mamba2(tensors: Tensors, ids: Sequence[int]) -> Array:
    """Return the logits of a Mamba-2 model: one decay a head."""
    w = _doubles(tensors)
    layers, heads = _count(w, "mixer.A_log"), len(w["backbone.layers.0.mixer.A_log"])
    taps, each = w["backbone.layers.0.mixer.conv1d.weight"].shape[-1], 16 // heads
    windows = [np.zeros((taps, 24)) for _ in range(layers)]
    memories = [np.zeros((heads, each, 4)) for _ in range(layers)]
    logits = []
    for token in ids:
        x = w["backbone.embedding.weight"][token]
        for n in range(layers):
            at = f"backbone.layers.{n}."
            packed = w[f"{at}mixer.in_proj.weight"] @ _rms(x, w[f"{at}norm.weight"])
            z, raw, step = packed[:16], packed[16:40], packed[40:]
            windows[n] = np.vstack([windows[n][1:], raw])
            read = _silu((windows[n] * w[f"{at}mixer.conv1d.weight"][:, 0].T).sum(0) + w[f"{at}mixer.conv1d.bias"])
            u, b, c = read[:16], read[16:20], read[20:]
            skip = np.broadcast_to(w[f"{at}mixer.D"].reshape(heads, -1), (heads, each))
            y = np.zeros((heads, each))
            for head in range(heads):
                d = np.log1p(np.exp(step[head] + w[f"{at}mixer.dt_bias"][head]))
                mine = u[head * each : (head + 1) * each]
                memories[n][head] *= np.exp(-d * np.exp(w[f"{at}mixer.A_log"][head]))
                memories[n][head] += d * np.outer(mine, b)
                y[head] = memories[n][head] @ c + skip[head] * mine
            shown = _rms(y.ravel() * _silu(z), w[f"{at}mixer.norm.weight"])
            x = x + w[f"{at}mixer.out_proj.weight"] @ shown
        logits.append(w["lm_head.weight"] @ _rms(x, w["backbone.norm_f.weight"]))
    return np.array(logits)


def answers_of_rwkv7(tensors: Tensors, ids: Sequence[int]) -> Array:
    """Return the logits of an RWKV-7 model, head by head."""
    w = {name: one.squeeze() if name.split(".")[-1] not in ("r_k",) else one for name, one in _doubles(tensors).items()}
    layers, (heads, each) = _count(w, "att.r_k"), w["blocks.0.att.r_k"].shape
    before = np.zeros((layers, 2, 8))
    memories = np.zeros((layers, heads, each, each))
    logits = []
    for token in ids:
        x = _norm(w["emb.weight"][token], w["blocks.0.ln0.weight"], w["blocks.0.ln0.bias"])
        handed = np.zeros(8)
        for n in range(layers):
            p = {name.removeprefix(f"blocks.{n}."): one for name, one in w.items() if name.startswith(f"blocks.{n}.")}
            c = _norm(x, p["ln1.weight"], p["ln1.bias"])
            mixed = {one: c + (before[n, 0] - c) * p[f"att.x_{one}"] for one in "rwkvag"}
            before[n, 0] = c
            r, k, v = (p[f"att.{name}.weight"] @ mixed[name[0]] for name in ("receptance", "key", "value"))
            decay = np.exp(-np.exp(-0.5) * _sigmoid(p["att.w0"] + np.tanh(mixed["w"] @ p["att.w1"]) @ p["att.w2"]))
            if n == 0:
                handed = v
            else:
                v = v + (handed - v) * _sigmoid(p["att.v0"] + mixed["v"] @ p["att.v1"] @ p["att.v2"])
            rate = _sigmoid(p["att.a0"] + mixed["a"] @ p["att.a1"] @ p["att.a2"])
            gate = _sigmoid(mixed["g"] @ p["att.g1"]) @ p["att.g2"]
            erased, k = k * p["att.k_k"], k * (1 + (rate - 1) * p["att.k_a"])
            shown = np.zeros(8)
            for head in range(heads):
                of = slice(head * each, (head + 1) * each)
                old = erased[of] / np.linalg.norm(erased[of])
                s = memories[n, head]
                memories[n, head] = s * decay[of] - np.outer(s @ old, old * rate[of]) + np.outer(v[of], k[of])
                y = memories[n, head] @ r[of]
                y = (y - y.mean()) / np.sqrt(y.var() + 64e-5)
                bonus = (r[of] * k[of] * p["att.r_k"][head]).sum() * v[of]
                shown[of] = y * p["att.ln_x.weight"][of] + p["att.ln_x.bias"][of] + bonus
            x = x + p["att.output.weight"] @ (shown * gate)
            d = _norm(x, p["ln2.weight"], p["ln2.bias"])
            inner = p["ffn.key.weight"] @ (d + (before[n, 1] - d) * p["ffn.x_k"])
            before[n, 1] = d
            x = x + p["ffn.value.weight"] @ np.maximum(inner, 0) ** 2
        logits.append(w["head.weight"] @ _norm(x, w["ln_out.weight"], w["ln_out.bias"]))
    return np.array(logits)


def _gated_rwkv(
    seed: int, layers: int, heads: int, mix: str, of_time: Callable[[Callable[..., Array], str, int, int], Tensors]
) -> Tensors:
    """Return an RWKV model of the fifth or sixth generation: 8 wide, 12 channels of the second half.

    Args:
        seed: Of its numbers.
        layers: How many blocks.
        heads: Of each.
        mix: What the tensors are called by which the channels mix in the token before.
        of_time: Makes what a generation has of its own, by what makes numbers, the names' beginning, width and heads.
    """
    of, wide, inner = _random(seed), 8, 12
    made = {"emb.weight": of(VOCABULARY, wide)}
    for n in range(layers):
        at = f"blocks.{n}."
        for name in ("ln0", "ln1", "ln2")[n > 0 :]:
            made |= {f"{at}{name}.weight": of(wide) + 1, f"{at}{name}.bias": of(wide)}
        made |= of_time(of, f"{at}att.", wide, heads)
        made |= {f"{at}att.{one}.weight": of(wide, wide) for one in ("receptance", "key", "value", "output", "gate")}
        made |= {f"{at}att.ln_x.weight": of(wide) + 1, f"{at}att.ln_x.bias": of(wide)}
        made |= {f"{at}ffn.{mix}_{one}": of(1, 1, wide) for one in "kr"}
        made |= {f"{at}ffn.key.weight": of(inner, wide), f"{at}ffn.receptance.weight": of(wide, wide)}
        made |= {f"{at}ffn.value.weight": of(wide, inner)}
    return made | {"ln_out.weight": of(wide) + 1, "ln_out.bias": of(wide), "head.weight": of(VOCABULARY, wide)}


def rwkv6(seed: int = 0, layers: int = 2, heads: int = 2) -> Tensors:
    """Return an RWKV-6 model: 8 wide, ranks 3 and 2, 12 channels of the second half."""

    def of_time(of: Callable[..., Array], att: str, wide: int, heads: int) -> Tensors:
        return {
            **{f"{att}time_maa_{one}": of(1, 1, wide) for one in "xwkvrg"},
            f"{att}time_maa_w1": of(wide, 15), f"{att}time_maa_w2": of(5, 3, wide),
            f"{att}time_decay": of(1, 1, wide), f"{att}time_decay_w1": of(wide, 2),
            f"{att}time_decay_w2": of(2, wide), f"{att}time_faaaa": of(heads, wide // heads),
        }  # fmt: skip

    return _gated_rwkv(seed, layers, heads, "time_maa", of_time)


def answers_of_rwkv6(tensors: Tensors, ids: Sequence[int]) -> Array:
    """Return the logits of an RWKV-6 model, head by head; a memory has the key down and the value across."""
    w = {name: one.squeeze() if one.shape[0] == 1 else one for name, one in _doubles(tensors).items()}
    layers, (heads, each) = _count(tensors, "time_faaaa"), tensors["blocks.0.att.time_faaaa"].shape
    before, memories = np.zeros((layers, 2, 8)), np.zeros((layers, heads, each, each))
    logits = []
    for token in ids:
        x = _norm(w["emb.weight"][token], w["blocks.0.ln0.weight"], w["blocks.0.ln0.bias"])
        for n in range(layers):
            p = {name.removeprefix(f"blocks.{n}."): one for name, one in w.items() if name.startswith(f"blocks.{n}.")}
            faaaa = tensors[f"blocks.{n}.att.time_faaaa"].astype(np.float64)
            c = _norm(x, p["ln1.weight"], p["ln1.bias"])
            back = before[n, 0] - c
            before[n, 0] = c
            low = np.tanh((c + back * p["att.time_maa_x"]) @ p["att.time_maa_w1"]).reshape(5, 3)
            mixed = {
                one: c + back * (p[f"att.time_maa_{one}"] + low[m] @ p["att.time_maa_w2"][m])
                for m, one in enumerate("wkvrg")
            }
            r, k, v = (p[f"att.{name}.weight"] @ mixed[name[0]] for name in ("receptance", "key", "value"))
            gate = _silu(p["att.gate.weight"] @ mixed["g"])
            decay = np.tanh(mixed["w"] @ p["att.time_decay_w1"]) @ p["att.time_decay_w2"] + p["att.time_decay"]
            shown = np.zeros(8)
            for head in range(heads):
                of = slice(head * each, (head + 1) * each)
                new = np.outer(k[of], v[of])
                y = r[of] @ (memories[n, head] + faaaa[head][:, None] * new)
                memories[n, head] = np.exp(-np.exp(decay[of]))[:, None] * memories[n, head] + new
                shown[of] = (y - y.mean()) / np.sqrt(y.var() + 64e-5)
            shown = shown * p["att.ln_x.weight"] + p["att.ln_x.bias"]
            x = x + p["att.output.weight"] @ (shown * gate)
            d = _norm(x, p["ln2.weight"], p["ln2.bias"])
            back = before[n, 1] - d
            before[n, 1] = d
            inner = np.maximum(p["ffn.key.weight"] @ (d + back * p["ffn.time_maa_k"]), 0) ** 2
            through = _sigmoid(p["ffn.receptance.weight"] @ (d + back * p["ffn.time_maa_r"]))
            x = x + through * (p["ffn.value.weight"] @ inner)
        logits.append(w["head.weight"] @ _norm(x, w["ln_out.weight"], w["ln_out.bias"]))
    return np.array(logits)


def rwkv5(seed: int = 0, layers: int = 2, heads: int = 2) -> Tensors:
    """Return an RWKV-5 model: 8 wide, 12 channels of the second half."""

    def of_time(of: Callable[..., Array], att: str, wide: int, heads: int) -> Tensors:
        mixed = {f"{att}time_mix_{one}": of(1, 1, wide) for one in "kvrg"}
        return mixed | {f"{att}{name}": of(heads, wide // heads) for name in ("time_decay", "time_faaaa")}

    return _gated_rwkv(seed, layers, heads, "time_mix", of_time)


def answers_of_rwkv5(tensors: Tensors, ids: Sequence[int]) -> Array:
    """Return the logits of an RWKV-5 model, head by head; a memory has the key down and the value across."""
    w = {name: one.squeeze() if one.shape[0] == 1 else one for name, one in _doubles(tensors).items()}
    layers, (heads, each) = _count(tensors, "time_faaaa"), tensors["blocks.0.att.time_faaaa"].shape
    before, memories = np.zeros((layers, 2, 8)), np.zeros((layers, heads, each, each))
    logits = []
    for token in ids:
        x = _norm(w["emb.weight"][token], w["blocks.0.ln0.weight"], w["blocks.0.ln0.bias"])
        for n in range(layers):
            p = {name.removeprefix(f"blocks.{n}."): one for name, one in w.items() if name.startswith(f"blocks.{n}.")}
            decay, bonus = (tensors[f"blocks.{n}.att.{one}"].astype(np.float64) for one in ("time_decay", "time_faaaa"))
            c, old = _norm(x, p["ln1.weight"], p["ln1.bias"]), before[n, 0].copy()
            before[n, 0] = c
            mixed = {one: c * p[f"att.time_mix_{one}"] + old * (1 - p[f"att.time_mix_{one}"]) for one in "kvrg"}
            r, k, v = (p[f"att.{name}.weight"] @ mixed[name[0]] for name in ("receptance", "key", "value"))
            shown = np.zeros(8)
            for head in range(heads):
                of = slice(head * each, (head + 1) * each)
                new = np.outer(k[of], v[of])
                y = r[of] @ (memories[n, head] + bonus[head][:, None] * new)
                memories[n, head] = np.exp(-np.exp(decay[head]))[:, None] * memories[n, head] + new
                shown[of] = (y - y.mean()) / np.sqrt(y.var() + 64e-5)
            shown = shown * p["att.ln_x.weight"] + p["att.ln_x.bias"]
            x = x + p["att.output.weight"] @ (shown * _silu(p["att.gate.weight"] @ mixed["g"]))
            d, old = _norm(x, p["ln2.weight"], p["ln2.bias"]), before[n, 1].copy()
            before[n, 1] = d
            k, r = (d * p[f"ffn.time_mix_{one}"] + old * (1 - p[f"ffn.time_mix_{one}"]) for one in "kr")
            inner = np.maximum(p["ffn.key.weight"] @ k, 0) ** 2
            x = x + _sigmoid(p["ffn.receptance.weight"] @ r) * (p["ffn.value.weight"] @ inner)
        logits.append(w["head.weight"] @ _norm(x, w["ln_out.weight"], w["ln_out.bias"]))
    return np.array(logits)


Layout = tuple[Callable[..., Tensors], Callable[..., Array]]
"""What makes a file of a layout, and what its paper says that file answers."""
LAYOUTS: dict[str, Layout] = {
    "Mamba": (mamba, answers_of_mamba),
    "Mamba-2": (mamba2, answers_of_mamba2),
    "RWKV-5": (rwkv5, answers_of_rwkv5),
    "RWKV-6": (rwkv6, answers_of_rwkv6),
    "RWKV-7": (rwkv7, answers_of_rwkv7),
}
"""By what the report calls a layout: what makes a file of it, and its reference."""
