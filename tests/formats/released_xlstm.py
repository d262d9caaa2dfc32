"""Small random files of xLSTM, and what its paper and public code say they answer, in NumPy, head by head."""

from __future__ import annotations

from collections.abc import Sequence
from math import erf

import numpy as np
from released_models import VOCABULARY, Layout, Tensors, _count, _doubles, _norm, _random, _rms, _sigmoid, _silu

from lstm_tui.engine.arrays import Array

WIDE, HEADS, INNER = 8, 2, 10


def large(seed: int = 0, layers: int = 2, packed: bool = False, hub: bool = True) -> Tensors:
    """Return a large model: keys of 2 and values of 4 numbers a head, packed as for inference or not."""
    of = _random(seed)
    table = "backbone.embeddings" if hub else "embedding"
    made = {f"{table}.weight": of(VOCABULARY, WIDE), "backbone.out_norm.weight": of(WIDE) + 1}
    for n in range(layers):
        at = f"backbone.blocks.{n}."
        a, f = f"{at}mlstm_layer.", f"{at}ffn."
        made |= {f"{at}norm_mlstm.weight": of(WIDE) + 1, f"{at}norm_ffn.weight": of(WIDE) + 1}
        rows = [of(4, WIDE), of(4, WIDE), of(8, WIDE), of(8, WIDE)]
        gates, both = [of(HEADS, WIDE), of(HEADS, WIDE)], [of(HEADS), of(HEADS) + 3]
        ups = [of(INNER, WIDE), of(INNER, WIDE)]
        if packed:
            made |= {f"{a}qkv_opreact.weight": np.concatenate(rows), f"{a}ifgate_preact.weight": np.concatenate(gates)}
            made |= {f"{a}ifgate_preact.bias": np.concatenate(both), f"{f}proj_up_gate_z.weight": np.concatenate(ups)}
        else:
            made |= {f"{a}{one}.weight": row for one, row in zip(("q", "k", "v", "ogate_preact"), rows, strict=True)}
            made |= {f"{a}{one}gate_preact.weight": row for one, row in zip("if", gates, strict=True)}
            made |= {f"{a}{one}gate_preact.bias": row for one, row in zip("if", both, strict=True)}
            made |= {f"{f}{one}.weight": row for one, row in zip(("proj_up_gate", "proj_up"), ups, strict=True)}
        made |= {f"{a}multihead_norm.weight": of(8) + 1, f"{a}out_proj.weight": of(WIDE, 8)}
        made |= {f"{f}proj_down.weight": of(WIDE, INNER)}
    return made | {"lm_head.weight": of(VOCABULARY, WIDE)}


class _Memory:
    """The matrix memory of one head, without a stabiliser: gates are exponential as they are."""

    def __init__(self, keys: int, values: int) -> None:
        self.matrix, self.keys = np.zeros((keys, values)), np.zeros(keys)

    def read(self, q: Array, k: Array, v: Array, write: float, keep: float) -> Array:
        """Write a value and read; the query is scaled."""
        kept = _sigmoid(np.asarray(keep))
        self.matrix = self.matrix * kept + np.exp(write) * np.outer(k, v)
        self.keys = self.keys * kept + np.exp(write) * k
        q = q / np.sqrt(len(q))
        return np.asarray(q @ self.matrix / np.maximum(abs(q @ self.keys), 1))


def _split(
    w: Tensors, at: str, packed: str, names: Sequence[str], cuts: Sequence[int], end: str = "weight"
) -> list[Array]:
    if f"{at}{packed}.{end}" in w:
        return list(np.split(w[f"{at}{packed}.{end}"], cuts))
    return [w[f"{at}{one}.{end}"] for one in names]


def answers_of_large(
    tensors: Tensors, ids: Sequence[int], epsilon: float = 1e-6, gate_cap: float = 15, logit_cap: float = 30
) -> Array:
    """Return the logits of a large model."""
    w = _doubles(tensors)
    layers = _count(w, "norm_mlstm.weight")
    memories = [[_Memory(2, 4) for _ in range(HEADS)] for _ in range(layers)]
    table = next(one for name, one in w.items() if "embedding" in name)

    def bent(x: Array, cap: float) -> Array:
        return np.asarray(cap * np.tanh(x / cap) if cap else x)

    logits = []
    for token in ids:
        x = table[token]
        for n in range(layers):
            at = f"backbone.blocks.{n}."
            m, f = f"{at}mlstm_layer.", f"{at}ffn."
            a = _rms(x, w[f"{at}norm_mlstm.weight"], epsilon)
            q, k, v, o = (one @ a for one in _split(w, m, "qkv_opreact", ("q", "k", "v", "ogate_preact"), (4, 8, 16)))
            names = ("igate_preact", "fgate_preact")
            both = zip(
                _split(w, m, "ifgate_preact", names, (2,)),
                _split(w, m, "ifgate_preact", names, (2,), "bias"),
                strict=True,
            )
            write, keep = (bent(one @ a + bias, gate_cap) for one, bias in both)
            shown = []
            for head, memory in enumerate(memories[n]):
                y = memory.read(q[2 * head :][:2], k[2 * head :][:2], v[4 * head :][:4], write[head], keep[head])
                shown.append((y - y.mean()) / np.sqrt(y.var() + epsilon))
            x = x + w[f"{m}out_proj.weight"] @ (_sigmoid(o) * np.concatenate(shown) * w[f"{m}multihead_norm.weight"])
            d = _rms(x, w[f"{at}norm_ffn.weight"], epsilon)
            gate, up = _split(w, f, "proj_up_gate_z", ("proj_up_gate", "proj_up"), (INNER,))
            x = x + w[f"{f}proj_down.weight"] @ (_silu(gate @ d) * (up @ d))
        logits.append(bent(w["lm_head.weight"] @ _rms(x, w["backbone.out_norm.weight"], epsilon), logit_cap))
    return np.array(logits)


def small(
    seed: int = 0, layers: int = 3, scalar: Sequence[int] = (1,), cuda: bool = False, window: bool = True,
    bias: bool = False, channels: bool = True,
) -> Tensors:  # fmt: skip
    """Return a model of mLSTM blocks, 16 channels each, and sLSTM blocks at some places.

    Args:
        seed: Of its numbers.
        layers: How many blocks.
        scalar: Which of them are sLSTM.
        cuda: Whether its recurrent weights lie as the CUDA code keeps them.
        window: Whether its sLSTM has a convolution.
        bias: Whether its dense layers have biases.
        channels: Whether its sLSTM blocks have dense layers above the memory.
    """
    of, inner = _random(seed), 16
    root = "xlstm_block_stack."
    made = {"token_embedding.weight": of(VOCABULARY, WIDE), f"{root}post_blocks_norm.weight": of(WIDE)}
    for n in range(layers):
        at = f"{root}blocks.{n}."
        a = f"{at}xlstm."
        made[f"{at}xlstm_norm.weight"] = of(WIDE)
        if n in scalar:
            made |= {f"{a}{one}gate.weight": of(HEADS, 4, 4) for one in "ifzo"}
            made[f"{a}slstm_cell._recurrent_kernel_"] = of(HEADS, 4, 16) if cuda else of(HEADS, 16, 4)
            made |= {f"{a}slstm_cell._bias_": of(4 * WIDE), f"{a}group_norm.weight": of(WIDE)}
            if window:
                made |= {f"{a}conv1d.conv.weight": of(WIDE, 1, 4), f"{a}conv1d.conv.bias": of(WIDE)}
            if channels:
                made |= {f"{at}ffn_norm.weight": of(WIDE), f"{at}ffn.proj_up.weight": of(2 * INNER, WIDE) * 3}
                made[f"{at}ffn.proj_down.weight"] = of(WIDE, INNER)
            continue
        made |= {f"{a}proj_up.weight": of(2 * inner, WIDE), f"{a}proj_down.weight": of(WIDE, inner)}
        made |= {f"{a}{one}_proj.weight": of(4, 4, 4) for one in "qkv"}
        made |= {f"{a}conv1d.conv.weight": of(inner, 1, 4), f"{a}conv1d.conv.bias": of(inner)}
        made |= {f"{a}mlstm_cell.{one}gate.weight": of(HEADS, 3 * inner) for one in "if"}
        made |= {f"{a}mlstm_cell.{one}gate.bias": of(HEADS) for one in "if"}
        made |= {f"{a}mlstm_cell.outnorm.weight": of(inner), f"{a}learnable_skip": of(inner) + 1}
        if bias:
            made |= {f"{a}proj_up.bias": of(2 * inner), f"{a}proj_down.bias": of(WIDE)}
            made |= {f"{a}{one}_proj.bias": of(inner) for one in "qkv"}
    return made | {"lm_head.weight": of(VOCABULARY, WIDE)}


def _apart(blocks: Array, x: Array) -> Array:
    """Return blocks applied each to its part of x."""
    return np.concatenate([one @ part for one, part in zip(blocks, np.split(x, len(blocks)), strict=True)])


def answers_of_small(tensors: Tensors, ids: Sequence[int], named: bool = False, epsilon: float = 1e-5) -> Array:
    """Return the logits of a model; `named` says that the gates of its sLSTM are as they are named."""
    w = _doubles(tensors)
    layers = _count(w, "xlstm_norm.weight")
    memories = [[_Memory(8, 8) for _ in range(HEADS)] for _ in range(layers)]
    scalars = np.zeros((layers, 3, WIDE))  # shown, memory, normaliser
    seen: list[list[Array]] = [[] for _ in range(layers)]

    def convolved(p: Tensors, n: int, x: Array) -> Array:
        seen[n].append(x)
        kernel = p["xlstm.conv1d.conv.weight"][:, 0]
        back = [seen[n][-1 - m] * kernel[:, -1 - m] for m in range(min(4, len(seen[n])))]
        return _silu(np.sum(back, axis=0) + p["xlstm.conv1d.conv.bias"])

    def by_head(y: Array, weight: Array) -> Array:
        parts = [_norm(one, np.ones(1), np.zeros(1), epsilon) for one in np.split(y, HEADS)]
        return np.asarray(np.concatenate(parts) * (1 + weight))

    logits = []
    for token in ids:
        x = w["token_embedding.weight"][token]
        for n in range(layers):
            at = f"xlstm_block_stack.blocks.{n}."
            p = {name.removeprefix(at): one for name, one in w.items() if name.startswith(at)}
            a = _norm(x, 1 + p["xlstm_norm.weight"], np.zeros(1), epsilon)
            if "xlstm.slstm_cell._bias_" in p:
                g = convolved(p, n, a) if "xlstm.conv1d.conv.weight" in p else a
                read = {"i": g, "f": g, "z": a, "o": a}
                files = dict(zip("ifzo", "ifzo" if named else "fizo", strict=True))
                kernel, flat = p["xlstm.slstm_cell._recurrent_kernel_"], p["xlstm.slstm_cell._bias_"]
                raw = {}
                for m, gate in enumerate("ifzo"):
                    if kernel.shape[1] == 16:
                        back, bias = kernel[:, 4 * m : 4 * m + 4], flat[WIDE * m : WIDE * m + WIDE]
                    else:
                        back = kernel[:, :, 4 * m : 4 * m + 4].transpose(0, 2, 1)
                        bias = np.concatenate([flat[16 * head + 4 * m :][:4] for head in range(HEADS)])
                    own = _apart(p[f"xlstm.{files[gate]}gate.weight"], read[gate])
                    raw[gate] = own + _apart(back, scalars[n, 0]) + bias
                write, keep = np.exp(raw["i"]), _sigmoid(raw["f"])
                scalars[n, 1] = keep * scalars[n, 1] + write * np.tanh(raw["z"])
                scalars[n, 2] = keep * scalars[n, 2] + write
                scalars[n, 0] = _sigmoid(raw["o"]) * scalars[n, 1] / scalars[n, 2]
                x = x + by_head(scalars[n, 0], p["xlstm.group_norm.weight"])
            else:
                up = p["xlstm.proj_up.weight"] @ a + p.get("xlstm.proj_up.bias", 0)
                g = convolved(p, n, up[:16])
                q, k, v = (
                    _apart(p[f"xlstm.{one}_proj.weight"], of) + p.get(f"xlstm.{one}_proj.bias", 0)
                    for one, of in (("q", g), ("k", g), ("v", up[:16]))
                )
                all_three = np.concatenate([q, k, v])
                write, keep = (
                    p[f"xlstm.mlstm_cell.{one}gate.weight"] @ all_three + p[f"xlstm.mlstm_cell.{one}gate.bias"]
                    for one in "if"
                )
                shown = [
                    memory.read(q[8 * h :][:8], k[8 * h :][:8], v[8 * h :][:8], write[h], keep[h])
                    for h, memory in enumerate(memories[n])
                ]
                normed = by_head(np.concatenate(shown), p["xlstm.mlstm_cell.outnorm.weight"])
                gated = (normed + p["xlstm.learnable_skip"] * g) * _silu(up[16:])
                x = x + p["xlstm.proj_down.weight"] @ gated + p.get("xlstm.proj_down.bias", 0)
            if "ffn_norm.weight" in p:
                opened, value = np.split(
                    p["ffn.proj_up.weight"] @ _norm(x, 1 + p["ffn_norm.weight"], np.zeros(1), epsilon), 2
                )
                gelu = np.array([one * 0.5 * (1 + erf(one / 2**0.5)) for one in opened])
                x = x + p["ffn.proj_down.weight"] @ (gelu * value)
        normed = _norm(x, 1 + w["xlstm_block_stack.post_blocks_norm.weight"], np.zeros(1), epsilon)
        logits.append(w.get("lm_head.weight", w["token_embedding.weight"]) @ normed)
    return np.array(logits)


LAYOUTS: dict[str, Layout] = {"xLSTM": (small, answers_of_small), "xLSTM large": (large, answers_of_large)}
"""By what the report calls a layout: what makes a file of it, and its reference."""
