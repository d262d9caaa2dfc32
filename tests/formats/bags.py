"""Bags of weights as programs leave them, beside what those programs compute, written out as plain loops.

Random weights of our own; nothing here is read from a file, and nothing of the package is used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array

STEPS = 7


@dataclass(frozen=True)
class Bag:
    """A file of weights, an input, and what should come out.

    Attributes:
        tensors: By name, in the order of the file.
        x: Ids (T,) or numbers (T, I).
        wants: By the names of a trace: what its program computes.
        settings: What has to be said with `--set` so that it does, since weights alone do not record it.
        network: Which network of the file.
        warned: What the report has to warn of without those settings.
    """

    tensors: Mapping[str, Array]
    x: Array
    wants: Mapping[str, Array]
    settings: Mapping[str, str] = field(default_factory=dict)
    network: str | None = None
    warned: tuple[str, ...] = ()


def sigmoid(a: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-a)))


def relu(a: Array) -> Array:
    return np.asarray(np.maximum(a, 0))


def layer_norm(a: Array, scale: Array | float = 1.0, shift: Array | float = 0.0) -> Array:
    centre = a - a.mean(axis=-1, keepdims=True)
    return np.asarray(centre / np.sqrt((centre**2).mean(axis=-1, keepdims=True) + 1e-5) * scale + shift)


class Random:
    """Random tensors, float32."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def __call__(self, *shape: int) -> Array:
        return (self._random.normal(size=shape) * 0.6).astype(np.float32)

    def ids(self, count: int) -> Array:
        return self._random.integers(0, count, STEPS)

    def torch(self, prefix: str, kind: str, inputs: int, hidden: int, end: str = "_l0") -> dict[str, Array]:
        rows = {"lstm": 4, "gru": 3, "rnn": 1}[kind] * hidden
        shapes = {"weight_ih": (rows, inputs), "weight_hh": (rows, hidden), "bias_ih": (rows,), "bias_hh": (rows,)}
        before = f"{prefix}." if prefix else ""
        return {f"{before}{name}{end}": self(*shape) for name, shape in shapes.items()}

    def linear(self, name: str, inputs: int, outputs: int) -> dict[str, Array]:
        return {f"{name}.weight": self(outputs, inputs), f"{name}.bias": self(outputs)}


def lstm(
    x: Array, w: Array, u: Array, b: Array | float, order: str = "ifgo", h: Array | None = None, c: Array | None = None,
    peepholes: Mapping[str, Array] | None = None, late: bool = True, cells: list[Array] | None = None
) -> Array:  # fmt: skip
    """Return the hidden state of every step; `cells` collects the cell states."""
    size = u.shape[1]
    h = np.zeros(size, np.float32) if h is None else h
    c = np.zeros(size, np.float32) if c is None else c
    p = peepholes or dict.fromkeys("ifo", np.zeros(size, np.float32))
    rows = []
    for step in x:
        a = dict(zip(order, np.split(w @ step + u @ h + b, 4), strict=True))
        i, f, g = sigmoid(a["i"] + p["i"] * c), sigmoid(a["f"] + p["f"] * c), np.tanh(a["g"])
        old, c = c, f * c + i * g
        h = sigmoid(a["o"] + p["o"] * (c if late else old)) * np.tanh(c)
        rows.append(h)
        if cells is not None:
            cells.append(c)
    return np.array(rows)


def gru(x: Array, w: Array, u: Array, b: Array | float, c_n: Array | float = 0.0, order: str = "rzn") -> Array:
    size = u.shape[1]
    h, rows = np.zeros(size, np.float32), []
    for step in x:
        from_x = dict(zip(order, np.split(w @ step + b, 3), strict=True))
        from_h = dict(zip(order, np.split(u @ h, 3), strict=True))
        r, z = (sigmoid(from_x[gate] + from_h[gate]) for gate in "rz")
        h = (1 - z) * np.tanh(from_x["n"] + r * (from_h["n"] + c_n)) + z * h
        rows.append(h)
    return np.array(rows)


def of_torch(given: Mapping[str, Array], prefix: str, x: Array, end: str = "_l0", **more: Any) -> Array:
    """Return what a module of PyTorch gives, by the number of its rows an LSTM or a GRU."""
    before = f"{prefix}." if prefix else ""
    w, u, b, c = (given[f"{before}{name}{end}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    if len(u) == 4 * u.shape[1]:
        return lstm(x, w, u, b + c, **more)
    size = u.shape[1]
    gates = b + np.concatenate([c[: 2 * size], np.zeros(size, np.float32)])
    return gru(x, w, u, gates, c[2 * size :])


def dense(given: Mapping[str, Array], name: str, x: Array) -> Array:
    return np.asarray(x @ given[f"{name}.weight"].T + given[f"{name}.bias"])


def towers(random: Random) -> Bag:
    given = random.torch("question", "lstm", 4, 4) | random.torch("answer", "lstm", 4, 4) | random.linear("fc", 8, 2)
    x = random(STEPS, 4)
    return Bag(given, x, {"layer0.forward/h": of_torch(given, "question", x)}, warned=("join is assumed", "fc"))


def second_tower(random: Random) -> Bag:
    first = towers(random)
    wants = {"layer0.forward/h": of_torch(first.tensors, "answer", first.x)}
    return Bag(first.tensors, first.x, wants, network="answer", warned=first.warned)


def summed_towers(random: Random) -> Bag:
    """Two modules that read the same, and a third that reads their sum: given that, it reads numbers and no ids."""
    given = {"lookup.weight": random(9, 4)} | random.torch("left", "lstm", 4, 4) | random.torch("right", "gru", 4, 4)
    given = random.torch("context", "lstm", 4, 4) | given
    ids = random.ids(9)
    x = given["lookup.weight"][ids]
    total = of_torch(given, "left", x) + of_torch(given, "right", x)
    wants = {"layer0.forward/h": of_torch(given, "context", total)}
    return Bag(given, total, wants, {"join": "apart", "input": "numbers"}, warned=("join is assumed",))


def decoder_first(random: Random) -> Bag:
    """A module called a decoder comes first in the file, and one called an encoder reads what it gives."""
    given = random.torch("dec.rnn", "gru", 4, 4) | random.torch("encoder", "lstm", 4, 4)
    given |= random.linear("out", 4, 4) | random.linear("head", 4, 2)
    x = random(STEPS, 4)
    low = of_torch(given, "dec.rnn", x)
    wants = {"layer0.forward/h": low, "layer1.forward/h": of_torch(given, "encoder", low)}
    return Bag(given, x, wants, {"join": "dec.rnn,encoder"}, warned=("join=apart",))


def by_hand(random: Random) -> Bag:
    given = random.torch("lstm_fw", "lstm", 3, 4) | random.torch("lstm_bw", "lstm", 3, 4) | random.linear("fc", 8, 2)
    x = random(STEPS, 3)
    forward, backward = of_torch(given, "lstm_fw", x), of_torch(given, "lstm_bw", x[::-1])[::-1]
    both = np.concatenate([forward, backward], axis=1)
    wants = {"layer0.forward/h": forward, "layer0.backward/h": backward, "output": dense(given, "fc", both)}
    return Bag(given, x, wants)


def backward_first(random: Random) -> Bag:
    one = by_hand(random)
    order = sorted(one.tensors, key=lambda name: "fw" in name)
    return Bag({name: one.tensors[name] for name in order}, one.x, one.wants)


def backward_alone(random: Random) -> Bag:
    given = random.torch("encoder_reverse", "gru", 3, 4)
    x = random(STEPS, 3)
    wants = {"layer0.backward/h": of_torch(given, "encoder_reverse", x[::-1])[::-1]}
    return Bag(given, x, wants, warned=("layer0.directions is assumed",))


def numbered(random: Random) -> Bag:
    given = random.torch("net.rnn2", "gru", 4, 4) | random.torch("net.rnn1", "gru", 4, 4)
    x = random(STEPS, 4)
    return Bag(given, x, {"layer1.forward/h": of_torch(given, "net.rnn2", of_torch(given, "net.rnn1", x))})


def seq2seq(random: Random) -> Bag:
    given = {"encoder.embedding.weight": random(9, 3), **random.torch("encoder.rnn", "lstm", 3, 4)}
    given |= {"decoder.embedding.weight": random(7, 3), **random.torch("decoder.rnn", "lstm", 3, 4)}
    given |= random.linear("decoder.out", 4, 7)
    ids = random.ids(7)
    h = of_torch(given, "decoder.rnn", given["decoder.embedding.weight"][ids])
    return Bag(given, ids, {"layer0.forward/h": h, "output": dense(given, "decoder.out", h)}, network="decoder.rnn",
               warned=("called a decoder",))  # fmt: skip


def third_module(random: Random) -> Bag:
    """A module below two that are called encoder and decoder, all three one above the other."""
    given = random.torch("z", "gru", 4, 4) | random.torch("encoder", "gru", 4, 6)
    given |= random.linear("mid", 6, 4) | random.torch("decoder", "gru", 4, 4)
    x = random(STEPS, 4)
    low = of_torch(given, "z", x)
    middle = of_torch(given, "encoder", low)
    h = of_torch(given, "decoder", dense(given, "mid", middle))
    wants = {"layer0.forward/h": low, "layer1.forward/h": middle, "layer3.forward/h": h}
    said = "how z goes with them, they do not say"
    return Bag(given, x, wants, {"join": "z,encoder,decoder"}, warned=(said, "join is assumed to be apart"))


def positions(random: Random) -> Bag:
    given = {"emb.weight": random(9, 4), "pos_embedding.weight": random(20, 4), **random.torch("rnn", "lstm", 4, 5)}
    given |= random.linear("fc", 5, 2)
    ids = random.ids(9)
    h = of_torch(given, "rnn", given["emb.weight"][ids] + given["pos_embedding.weight"][:STEPS])
    return Bag(given, ids, {"layer1.forward/h": h, "output": dense(given, "fc", h)},
               warned=("input.position is assumed",))  # fmt: skip


def dense_of_equal_width(random: Random) -> Bag:
    given = {"emb.weight": random(9, 4), **random.torch("rnn", "lstm", 4, 5), **random.linear("fc", 5, 2)}
    given |= random.linear("proj", 4, 4)
    ids = random.ids(9)
    h = of_torch(given, "rnn", relu(dense(given, "proj", given["emb.weight"][ids])))
    return Bag(given, ids, {"layer1.forward/h": h, "output": dense(given, "fc", h)},
               {"input_layers.after_proj": "relu"},
               warned=("input_layers.after_proj=linear", "input_layers is"))  # fmt: skip


def norm_between(random: Random) -> Bag:
    given = {
        "emb.weight": random(9, 4),
        **random.torch("rnn1", "lstm", 4, 5),
        "ln.weight": random(5),
        "ln.bias": random(5),
    }
    given |= random.torch("rnn2", "lstm", 5, 5) | random.linear("fc", 5, 2)
    ids = random.ids(9)
    below = of_torch(given, "rnn1", given["emb.weight"][ids])
    h = of_torch(given, "rnn2", layer_norm(below, given["ln.weight"], given["ln.bias"]))
    wants = {"layer0.forward/h": below, "layer2.forward/h": h, "output": dense(given, "fc", h)}
    return Bag(given, ids, wants, warned=("layer1.below=ln",))


def norm_above(random: Random) -> Bag:
    given = {"emb.weight": random(9, 4), **random.torch("rnn", "gru", 4, 5), **random.linear("fc", 5, 2)}
    given |= {"ln_out.weight": random(5), "ln_out.bias": random(5)}
    ids = random.ids(9)
    h = of_torch(given, "rnn", given["emb.weight"][ids])
    normed = layer_norm(h, given["ln_out.weight"], given["ln_out.bias"])
    return Bag(given, ids, {"layer0.forward/h": h, "output": dense(given, "fc", normed)},
               warned=("readout.after_ln_out=linear",))  # fmt: skip


def residual(random: Random) -> Bag:
    given = {"emb.weight": random(9, 5), **random.torch("rnn", "gru", 5, 5), **random.linear("fc", 5, 2)}
    ids = random.ids(9)
    x = given["emb.weight"][ids]
    h = of_torch(given, "rnn", x)
    return Bag(given, ids, {"layer0.forward/h": h, "output": dense(given, "fc", h + x)}, {"layer0.residual": "added"},
               warned=("layer0.residual=none",))  # fmt: skip


def batch_norm(given: Mapping[str, Array], name: str, x: Array) -> Array:
    spread = np.sqrt(given[f"{name}.running_var"] + 1e-5)
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    scaled = (x - given[f"{name}.running_mean"]) / spread
    return np.asarray(scaled * given.get(f"{name}.weight", one) + given.get(f"{name}.bias", zero))


def batch_norms(random: Random, affine: bool = True) -> Bag:
    """Batch normalisation as trained, over the units: before, between and above."""
    given: dict[str, Array] = {}

    def norm(name: str, size: int) -> None:
        given.update({f"{name}.weight": random(size), f"{name}.bias": random(size)} if affine else {})
        given.update({f"{name}.running_mean": random(size), f"{name}.running_var": np.abs(random(size)) + 0.1})

    norm("bn_in", 3)
    given |= random.torch("rnn1", "gru", 3, 4)
    norm("bn_mid", 4)
    given |= random.torch("rnn2", "lstm", 4, 5)
    norm("bn_out", 5)
    given |= random.linear("fc", 5, 2)
    x = random(STEPS, 3)
    low = of_torch(given, "rnn1", batch_norm(given, "bn_in", x))
    top = of_torch(given, "rnn2", batch_norm(given, "bn_mid", low))
    wants = {"layer1.forward/h": low, "layer3.forward/h": top}
    return Bag(given, x, wants | {"output": dense(given, "fc", batch_norm(given, "bn_out", top))})


def residual_both(random: Random, over: str = "each") -> Bag:
    given = {"emb.weight": random(9, 6), **random.torch("rnn", "lstm", 6, 3)}
    given |= random.torch("rnn", "lstm", 6, 3, "_l0_reverse") | random.linear("fc", 6, 2)
    ids = random.ids(9)
    x = given["emb.weight"][ids]
    forward, backward = of_torch(given, "rnn", x), of_torch(given, "rnn", x[::-1], "_l0_reverse")[::-1]
    h = np.concatenate([forward, backward], axis=1)
    wants = {"layer0.forward/h": forward, "layer0.backward/h": backward}
    if over == "each":
        wants["output"] = dense(given, "fc", h + x)
    else:
        wants["result"] = dense(given, "fc", np.concatenate([(h + x)[-1, :3], (h + x)[0, 3:]]))
    settings = {"layer0.residual": "added"} | ({} if over == "each" else {"readout.over": over})
    return Bag(given, ids, wants, settings, warned=("layer0.residual=none",))


def residual_over_both(random: Random) -> Bag:
    """Two layers of two directions, as wide as what they read: what is added over both is not run here, and is said."""
    given: dict[str, Array] = {}
    for end, inputs in (("_l0", 6), ("_l1", 6)):
        given |= random.torch("rnn", "gru", inputs, 3, end) | random.torch("rnn", "gru", inputs, 3, f"{end}_reverse")
    given |= random.linear("fc", 6, 2)
    h = x = random(STEPS, 6)
    for end in ("_l0", "_l1"):
        back = of_torch(given, "rnn", h[::-1], f"{end}_reverse")[::-1]
        h = np.concatenate([of_torch(given, "rnn", h, end), back], axis=1)
    wants = {"layer1.forward/h": h[:, :3], "layer1.backward/h": h[:, 3:]}
    return Bag(given, x, wants, warned=("readout.input is not known: what enters rnn may be added",))


def normed_stack(random: Random, how: str, both: bool = False) -> Bag:
    """A norm for each layer of a residual stack, before the layer (Xiong et al. 2020: pre-LN) or behind the sum.

    Or `alone`: before each layer, with no residual, though it comes last in the file.
    """
    stem = "blocks.{}.norm" if both else "norms.{}"
    rnn = "blocks.{}.lstm" if both else "rnns.{}"
    given = random.linear("inp", 3, 4)
    for n in (0, 1):
        norm = {f"{stem.format(n)}.weight": random(4) + 1, f"{stem.format(n)}.bias": random(4)}
        layer = random.torch(rnn.format(n), "lstm", 4, 2 if both else 4)
        layer |= random.torch(rnn.format(n), "lstm", 4, 2, "_l0_reverse") if both else {}
        given |= norm | layer if how == "before" else layer | norm
    given |= random.linear("fc", 4, 2)
    x = random(STEPS, 3)
    h = dense(given, "inp", x)
    wants: dict[str, Array] = {}
    for n in (0, 1):
        scaled = given[f"{stem.format(n)}.weight"], given[f"{stem.format(n)}.bias"]
        read = h if how == "behind" else layer_norm(h, *scaled)
        shown = [of_torch(given, rnn.format(n), read)]
        if both:
            shown.append(of_torch(given, rnn.format(n), read[::-1], "_l0_reverse")[::-1])
        wants |= {f"layer{n + 1 if how == 'before' else 2 * n + 1}.forward/h": shown[0]}
        h = np.concatenate(shown, axis=1) + (0 if how == "alone" else h)
        h = layer_norm(h, *scaled) if how == "behind" else h
    settings = {"place.every_norm": {"before": "residual", "behind": "behind", "alone": "before"}[how]}
    settings |= {"layer1.residual": "added", "layer3.residual": "added"} if how == "behind" else {}
    return Bag(given, x, wants | {"output": dense(given, "fc", h)}, settings, warned=("place.every_norm",))


def normed_over_two(random: Random) -> Bag:
    """A norm before a module of two layers, inside of a residual around both."""
    given = {"block.norm.weight": random(4) + 1, "block.norm.bias": random(4), **random.torch("block.rnn", "gru", 4, 4)}
    given |= random.torch("block.rnn", "gru", 4, 4, "_l1") | random.linear("fc", 4, 2)
    x = random(STEPS, 4)
    low = of_torch(given, "block.rnn", layer_norm(x, given["block.norm.weight"], given["block.norm.bias"]))
    h = of_torch(given, "block.rnn", low, "_l1")
    wants = {"layer0.forward/h": low, "layer1.forward/h": h, "output": dense(given, "fc", h + x)}
    return Bag(given, x, wants, {"place.block_norm": "residual_0"}, warned=("place.block_norm",))


def headed_beside(random: Random) -> Bag:
    """Two heads above a norm that comes last in the file."""
    given = random.torch("rnn", "gru", 3, 4) | random.linear("linear", 4, 4) | random.linear("value_head", 4, 1)
    given |= {"ln_out.weight": random(4) + 1, "ln_out.bias": random(4)}
    x = random(STEPS, 3)
    h = of_torch(given, "rnn", x)
    output = dense(given, "linear", layer_norm(h, given["ln_out.weight"], given["ln_out.bias"]))
    return Bag(given, x, {"layer0.forward/h": h, "output": output}, {"readout": "ln_out, linear"}, warned=("readout",))


def numbered_beside(random: Random) -> Bag:
    """A head as wide as what it reads, and one that is not called: the number of one name makes it not the next."""
    given = random.torch("rnn", "gru", 3, 4) | random.linear("fc", 4, 4) | random.linear("fc1", 4, 2)
    x = random(STEPS, 3)
    h = of_torch(given, "rnn", x)
    wants = {"layer0.forward/h": h, "output": dense(given, "fc", h)}
    return Bag(given, x, wants, {"readout": "fc"}, warned=("readout is assumed to be fc, fc1",))


def below_or_above(random: Random) -> Bag:
    """A dense layer that reads as much as the top gives and gives as much as the lowest reads, and stands below."""
    given = random.torch("rnn", "lstm", 4, 5) | random.linear("proj", 5, 4)
    x = random(STEPS, 5)
    h = of_torch(given, "rnn", dense(given, "proj", x))
    return Bag(given, x, {"layer1.forward/h": h}, {"place.proj": "below_0"}, warned=("place.proj is assumed",))


def last_states(random: Random) -> Bag:
    given = {"emb.weight": random(9, 4), **random.torch("rnn", "lstm", 4, 5)}
    given |= random.torch("rnn", "lstm", 4, 5, "_l0_reverse") | random.linear("fc", 10, 3)
    ids = random.ids(9)
    x = given["emb.weight"][ids]
    forward, backward = of_torch(given, "rnn", x), of_torch(given, "rnn", x[::-1], "_l0_reverse")[::-1]
    result = dense(given, "fc", np.concatenate([forward[-1], backward[0]]))
    return Bag(given, ids, {"layer0.backward/h": backward, "result": result}, {"readout.over": "final"},
               warned=("readout.over=each",))  # fmt: skip


def cell_states(random: Random, both: bool = False) -> Bag:
    """A dense layer that reads the cell states after the last step, of which each direction has its own."""
    given = {**random.torch("rnn", "lstm", 4, 5), **(random.torch("rnn", "lstm", 4, 5, "_l0_reverse") if both else {})}
    given |= random.linear("fc", 10 if both else 5, 3)
    x = random(STEPS, 4)
    ahead: list[Array] = []
    back: list[Array] = []
    h = of_torch(given, "rnn", x, cells=ahead)
    if both:
        of_torch(given, "rnn", x[::-1], "_l0_reverse", cells=back)
    result = dense(given, "fc", np.tanh(np.concatenate([ahead[-1], *back[-1:]])))
    settings = {"readout.over": "final_cell", "readout.before": "tanh"}
    return Bag(given, x, {"layer0.forward/h": h, "result": result}, settings,
               warned=("readout.over=each", "readout.before=linear"))  # fmt: skip


def roles_in_a_chain(random: Random) -> Bag:
    """A module called a decoder reads what one called an encoder gives, step by step."""
    given = random.torch("encoder", "gru", 4, 4) | random.torch("dec.rnn", "lstm", 4, 4)
    x = random(STEPS, 4)
    low = of_torch(given, "encoder", x)
    wants = {"layer0.forward/h": low, "layer1.forward/h": of_torch(given, "dec.rnn", low)}
    return Bag(given, x, wants, {"join": "encoder,dec.rnn"}, warned=("join is assumed to be apart",))


def numbered_towers(random: Random) -> Bag:
    """Two modules that are numbered read the same, such as the two sides of a comparison."""
    given = random.torch("lstm1", "lstm", 4, 4) | random.torch("lstm2", "lstm", 4, 4)
    x = random(STEPS, 4)
    wants = {"layer0.forward/h": of_torch(given, "lstm1", x)}
    return Bag(given, x, wants, {"join": "apart"}, warned=("join is assumed to be lstm1,lstm2",))


def towers_named_for_directions(random: Random) -> Bag:
    """Two modules whose names say opposite directions, and a third: each reads the same from the beginning."""
    given = random.torch("lstm_bw", "lstm", 4, 5) | random.torch("lstm_fw", "lstm", 4, 5)
    given |= random.torch("rnn", "gru", 4, 3)
    x = random(STEPS, 4)
    wants = {"layer0.forward/h": of_torch(given, "lstm_bw", x)}
    return Bag(given, x, wants, {"join": "apart", "layer0.directions": "forward"},
               warned=("join is assumed to be apart but for lstm_fw+lstm_bw",))  # fmt: skip


def alike_in_a_sequential(random: Random) -> Bag:
    """A dense layer below, and one of the same shape that stands in a Sequential with one that stands above."""
    given = {"emb.weight": random(9, 3), **random.torch("low", "lstm", 5, 3), **random.linear("head.0", 3, 5)}
    given |= random.linear("head.2", 5, 2) | random.linear("proj", 3, 5)
    ids = random.ids(9)
    low = of_torch(given, "low", dense(given, "proj", given["emb.weight"][ids]))
    output = dense(given, "head.2", relu(dense(given, "head.0", low)))
    return Bag(given, ids, {"layer1.forward/h": low, "output": output})


def listed_head(random: Random) -> Bag:
    """Two dense layers of a list, which are numbered as those of a Sequential are, with a function between them."""
    given = random.torch("rnn", "gru", 4, 4) | random.linear("fcs.0", 4, 6) | random.linear("fcs.1", 6, 2)
    x = random(STEPS, 4)
    output = dense(given, "fcs.1", relu(dense(given, "fcs.0", of_torch(given, "rnn", x))))
    return Bag(given, x, {"output": output}, {"readout.after_fcs_0": "relu"}, warned=("readout.after_fcs_0=linear",))


def final_turned(random: Random, over: str) -> Bag:
    """A dense layer that reads the final states of the pass backward, then those of the pass forward."""
    given = {"emb.weight": random(9, 3), **random.torch("rnn", "lstm", 3, 4)}
    given |= random.torch("rnn", "lstm", 3, 4, "_l0_reverse") | random.linear("fc", 8, 2)
    ids = random.ids(9)
    x = given["emb.weight"][ids]
    cells: dict[str, list[Array]] = {"": [], "_reverse": []}
    states = {way: of_torch(given, "rnn", x[:: -1 if way else 1], f"_l0{way}", cells=kept)
              for way, kept in cells.items()}  # fmt: skip
    shown = states if over == "final" else cells
    result = dense(given, "fc", np.concatenate([shown["_reverse"][-1], shown[""][-1]]))
    settings = {"readout.over": over, "readout.directions": "backward first"}
    return Bag(given, ids, {"result": result}, settings, warned=("readout.over=each",))


def lower_states(random: Random, both: bool = False) -> Bag:
    """A dense layer that reads the final hidden states of the lower of two layers in one module, h_n[0]."""
    given: dict[str, Array] = {}
    ways = ["", "_reverse"] if both else [""]
    x = random(STEPS, 4)
    read, shown = x, []
    for layer in range(2):
        for way in ways:
            given |= random.torch("rnn", "lstm", read.shape[1], 5, f"_l{layer}{way}")
        series = [of_torch(given, "rnn", read[:: -1 if way else 1], f"_l{layer}{way}") for way in ways]
        shown.append(np.concatenate([one[-1] for one in series]))
        read = np.concatenate([one[:: -1 if way else 1] for one, way in zip(series, ways, strict=True)], axis=1)
    given |= random.linear("fc", 5 * len(ways), 3)
    return Bag(given, x, {"result": dense(given, "fc", shown[0])}, {"readout.over": "final_of_layer0"},
               warned=("readout.over=each",))  # fmt: skip


def alike_below(random: Random) -> Bag:
    """Two dense layers of one shape, each below a layer: which is below which is their order in the file alone."""
    given = {"emb.weight": random(9, 4)} | random.linear("mix1", 4, 3) | random.torch("lstm", "lstm", 3, 4)
    given |= random.linear("proj", 4, 3) | random.torch("lstm_2", "gru", 3, 4) | random.linear("head", 4, 2)
    x = random.ids(9)
    low = of_torch(given, "lstm", dense(given, "mix1", given["emb.weight"][x]))
    top = of_torch(given, "lstm_2", dense(given, "proj", low))
    wants = {"layer1.forward/h": low, "layer3.forward/h": top, "output": dense(given, "head", top)}
    return Bag(given, x, wants, warned=("mix1 and proj are of one shape, and each could stand below a layer",))


def numbers_below(random: Random) -> Bag:
    given = random.linear("inp", 3, 4) | random.torch("rnn", "lstm", 4, 5) | random.linear("out", 5, 1)
    x = random(STEPS, 3)
    h = of_torch(given, "rnn", relu(dense(given, "inp", x)))
    return Bag(given, x, {"layer1.forward/h": h, "output": dense(given, "out", relu(h))},
               {"input_layers.after_inp": "relu", "readout.before": "relu"},
               warned=("input_layers.after_inp=linear", "readout.before="))  # fmt: skip


def two_heads(random: Random) -> Bag:
    given = random.torch("rnn", "gru", 3, 4) | random.linear("actor", 4, 2) | random.linear("critic", 4, 1)
    x = random(STEPS, 3)
    h = of_torch(given, "rnn", x)
    return Bag(given, x, {"layer0.forward/h": h, "output": dense(given, "critic", h)}, {"readout": "critic"},
               warned=("readout is assumed to be none",))  # fmt: skip


def peepholes(random: Random, late: bool = True) -> Bag:
    given = random.torch("", "lstm", 3, 4, "") | {f"weight_c{gate}": random(4) for gate in "ifo"}
    x = random(STEPS, 3)
    p = {gate: given[f"weight_c{gate}"] for gate in "ifo"}
    h = lstm(x, given["weight_ih"], given["weight_hh"], given["bias_ih"] + given["bias_hh"], peepholes=p, late=late)
    return Bag(given, x, {"layer0.forward/h": h}, {} if late else {"layer0.peephole_output": "old"},
               warned=("layer0.peephole_output is assumed",))  # fmt: skip


def learned(random: Random) -> Bag:
    given = {"h0": random(1, 4), "c0": random(1, 4), **random.torch("lstm", "lstm", 3, 4), **random.linear("fc", 4, 2)}
    x = random(STEPS, 3)
    h = of_torch(given, "lstm", x, h=given["h0"][0], c=given["c0"][0])
    return Bag(given, x, {"layer0.forward/h": h, "output": dense(given, "fc", h)})


def latent(random: Random) -> Bag:
    """A decoder whose first state is made of a latent vector, which is not there: it begins with zeros here."""
    given = random.linear("latent_to_hidden", 2, 4) | random.torch("gru", "gru", 3, 4) | random.linear("fc", 4, 2)
    x = random(STEPS, 3)
    h = of_torch(given, "gru", x)
    said = "layer0.understood is not known: latent_to_hidden is named like what makes the states"
    return Bag(given, x, {"layer0.forward/h": h, "output": dense(given, "fc", h)}, warned=(said,))


def prelu(random: Random) -> Bag:
    """One number, which stands beside the layer or above it; its activation is not run."""
    given = random.torch("gru", "gru", 3, 4) | {"act.weight": random(1)} | random.linear("fc", 4, 2)
    x = random(STEPS, 3)
    h = of_torch(given, "gru", x)
    warned = ("layer0.understood is not known: act (1)", "readout.understood is not known: act (1)")
    return Bag(given, x, {"layer0.forward/h": h, "output": dense(given, "fc", h)}, warned=warned)


def normed_sums(random: Random, kept: bool = True) -> Bag:
    given = {"cell.weight_ih": random(16, 3), "cell.weight_hh": random(16, 4)}
    for name, size in (("layernorm_i", 16), ("layernorm_h", 16), ("layernorm_c", 4)):
        given |= {f"cell.{name}.weight": random(size), f"cell.{name}.bias": random(size)}
    x = random(STEPS, 3)
    norm = {name: (given[f"cell.layernorm_{name}.weight"], given[f"cell.layernorm_{name}.bias"]) for name in "ihc"}
    h, c, rows = np.zeros(4, np.float32), np.zeros(4, np.float32), []
    for step in x:
        a = layer_norm(given["cell.weight_ih"] @ step, *norm["i"]) + layer_norm(given["cell.weight_hh"] @ h, *norm["h"])
        i, f, g, o = np.split(a, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        c = layer_norm(c, *norm["c"]) if kept else c
        h = sigmoid(o) * np.tanh(c if kept else layer_norm(c, *norm["c"]))
        rows.append(h)
    return Bag(given, x, {"layer0.forward/h": np.array(rows)}, {} if kept else {"layer0.norm_c": "shown"},
               warned=("layer0.norm_c is assumed",))  # fmt: skip


def pruned(random: Random) -> Bag:
    given = random.torch("", "lstm", 3, 4)
    whole = dict(given)
    mask = (random(16, 4) > 0).astype(np.float32)
    whole["weight_hh_l0"] = given["weight_hh_l0"] * mask
    given = {name: one for name, one in given.items() if name != "weight_hh_l0"}
    given |= {"weight_hh_l0_orig": random(16, 4), "weight_hh_l0_mask": mask}
    whole["weight_hh_l0"] = given["weight_hh_l0_orig"] * mask
    x = random(STEPS, 3)
    return Bag(given, x, {"layer0.forward/h": of_torch(whole, "", x)})


def spectral(random: Random) -> Bag:
    whole = random.torch("rnn", "gru", 3, 4)
    w, u, v = random(12, 4), random(12), random(4)
    given = {name: one for name, one in whole.items() if name != "rnn.weight_hh_l0"}
    given |= {"rnn.weight_hh_l0_orig": w, "rnn.weight_hh_l0_u": u, "rnn.weight_hh_l0_v": v}
    whole["rnn.weight_hh_l0"] = w / (u @ w @ v)
    x = random(STEPS, 3)
    return Bag(given, x, {"layer0.forward/h": of_torch(whole, "rnn", x)})


def mlx_lstm(random: Random) -> Bag:
    given = {"lstm.Wh": random(16, 4), "lstm.Wx": random(16, 3), "lstm.bias": random(16)}
    x = random(STEPS, 3)
    return Bag(given, x, {"layer0.forward/h": lstm(x, given["lstm.Wx"], given["lstm.Wh"], given["lstm.bias"])})


def mlx_gru(random: Random) -> Bag:
    given = {"g.Wh": random(12, 4), "g.Wx": random(12, 3), "g.b": random(12), "g.bhn": random(4)}
    x = random(STEPS, 3)
    return Bag(given, x, {"layer0.forward/h": gru(x, given["g.Wx"], given["g.Wh"], given["g.b"], given["g.bhn"])})


def equinox_lstm(random: Random) -> Bag:
    given = {"rnn.bias": random(16), "rnn.weight_hh": random(16, 4), "rnn.weight_ih": random(16, 3)}
    x = random(STEPS, 3)
    return Bag(
        given, x, {"layer0.forward/h": lstm(x, given["rnn.weight_ih"], given["rnn.weight_hh"], given["rnn.bias"])}
    )


def equinox_gru(random: Random) -> Bag:
    given = {"bias": random(12), "bias_n": random(4), "weight_hh": random(12, 4), "weight_ih": random(12, 3)}
    x = random(STEPS, 3)
    return Bag(
        given, x, {"layer0.forward/h": gru(x, given["weight_ih"], given["weight_hh"], given["bias"], given["bias_n"])}
    )


def flax_lstm(random: Random) -> Bag:
    given = {f"params/LSTMCell_0/i{gate}/kernel": random(3, 4) for gate in "fgio"}
    for gate in "fgio":
        given |= {f"params/LSTMCell_0/h{gate}/kernel": random(4, 4), f"params/LSTMCell_0/h{gate}/bias": random(4)}
    w, u = (np.concatenate([given[f"params/LSTMCell_0/{side}{gate}/kernel"].T for gate in "ifgo"]) for side in "ih")
    b = np.concatenate([given[f"params/LSTMCell_0/h{gate}/bias"] for gate in "ifgo"])
    x = random(STEPS, 3)
    return Bag(given, x, {"layer0.forward/h": lstm(x, w, u, b)})


def flax_head(random: Random) -> Bag:
    bag = flax_lstm(random)
    head = {"params/Dense_0/kernel": random(4, 2), "params/Dense_0/bias": random(2)}
    h = bag.wants["layer0.forward/h"]
    return Bag(
        {**bag.tensors, **head}, bag.x, {**bag.wants, "output": h @ next(iter(head.values())) + [*head.values()][1]}
    )


def flax_gru(random: Random) -> Bag:
    given: dict[str, Array] = {}
    for gate in "inr":
        key = {"i": "z"}.get(gate, gate)
        given |= {
            f"cell.i{key}.kernel": random(3, 4),
            f"cell.i{key}.bias": random(4),
            f"cell.h{key}.kernel": random(4, 4),
        }
    given["cell.hn.bias"] = random(4)
    w, u = (np.concatenate([given[f"cell.{side}{gate}.kernel"].T for gate in "rzn"]) for side in "ih")
    b = np.concatenate([given[f"cell.i{gate}.bias"] for gate in "rzn"])
    x = random(STEPS, 3)
    return Bag(given, x, {"layer0.forward/h": gru(x, w, u, b, given["cell.hn.bias"])})


def tensorflow_lstm(random: Random, forget: float = 1.0) -> Bag:
    given = {"rnn/basic_lstm_cell/kernel:0": random(7, 16), "rnn/basic_lstm_cell/bias:0": random(16)}
    kernel, bias = given.values()
    x = random(STEPS, 3)
    b = bias + np.repeat([0, 0, forget, 0], 4).astype(np.float32)
    h = lstm(x, kernel[:3].T, kernel[3:].T, b, "igfo")
    return Bag(given, x, {"layer0.forward/h": h}, {} if forget else {"layer0.forget_bias": "0"},
               warned=("layer0.forget_bias is assumed to be 1",))  # fmt: skip


def tensorflow_both(random: Random) -> Bag:
    names = {"fw": "bidirectional_rnn/fw/lstm_cell", "bw": "bidirectional_rnn/bw/lstm_cell"}
    given = {f"{names[way]}/{what}": random(*shape) for way in ("bw", "fw")
             for what, shape in (("kernel", (7, 16)), ("bias", (16,)))}  # fmt: skip
    x = random(STEPS, 3)
    forget = np.repeat([0, 0, 1, 0], 4).astype(np.float32)
    made = {}
    for way, series in (("fw", x), ("bw", x[::-1])):
        kernel, bias = given[f"{names[way]}/kernel"], given[f"{names[way]}/bias"]
        made[way] = lstm(series, kernel[:3].T, kernel[3:].T, bias + forget, "igfo")
    return Bag(given, x, {"layer0.forward/h": made["fw"], "layer0.backward/h": made["bw"][::-1]})


def tensorflow_gru(random: Random) -> Bag:
    given = {"rnn/gru_cell/gates/kernel": random(7, 8), "rnn/gru_cell/gates/bias": random(8)}
    given |= {"rnn/gru_cell/candidate/kernel": random(7, 4), "rnn/gru_cell/candidate/bias": random(4)}
    gates, gate_bias, candidate, candidate_bias = given.values()
    x, h, rows = random(STEPS, 3), np.zeros(4, np.float32), []
    for step in x:
        r, z = np.split(sigmoid(np.concatenate([step, h]) @ gates + gate_bias), 2)
        h = z * h + (1 - z) * np.tanh(np.concatenate([step, r * h]) @ candidate + candidate_bias)
        rows.append(h)
    return Bag(given, x, {"layer0.forward/h": np.array(rows)})


def haiku_lstm(random: Random) -> Bag:
    """Haiku takes x and h end to end, splits i g f o, and always adds 1 to the forget bias as it runs."""
    given = {"net/~/lstm/linear/b": random(16), "net/~/lstm/linear/w": random(7, 16)}
    given |= {"net/~/linear/b": random(2), "net/~/linear/w": random(4, 2)}
    bias, kernel, shift, matrix = given.values()
    x = random(STEPS, 3)
    b = bias + np.repeat([0, 0, 1, 0], 4).astype(np.float32)
    h = lstm(x, kernel[:3].T, kernel[3:].T, b, "igfo")
    return Bag(given, x, {"layer0.forward/h": h, "output": h @ matrix + shift})


def haiku_stack(random: Random) -> Bag:
    """Two cores and a norm between table and head; names are sorted, as JAX keeps them."""
    given = {"embed/embeddings": random(9, 3), "layer_norm/offset": random(5), "layer_norm/scale": random(5)}
    given |= {"linear/b": random(2), "linear/w": random(5, 2)}
    given |= {"lstm/linear/b": random(16), "lstm/linear/w": random(7, 16)}
    given |= {"lstm_1/linear/b": random(20), "lstm_1/linear/w": random(9, 20)}
    ids = random.ids(9)
    h = given["embed/embeddings"][ids]
    for name, size, units in (("lstm", 3, 4), ("lstm_1", 4, 5)):
        kernel = given[f"{name}/linear/w"]
        b = given[f"{name}/linear/b"] + np.repeat([0, 0, 1, 0], units).astype(np.float32)
        h = lstm(h, kernel[:size].T, kernel[size:].T, b, "igfo")
    normed = layer_norm(h, given["layer_norm/scale"], given["layer_norm/offset"])
    return Bag(given, ids, {"layer1.forward/h": h, "output": normed @ given["linear/w"] + given["linear/b"]},
               warned=("layer_norm",))  # fmt: skip


def haiku_gru(random: Random) -> Bag:
    """Its update gate says how much is written, and it resets before the product."""
    given = {"gru/b": random(12), "gru/w_h": random(4, 12), "gru/w_i": random(3, 12)}
    b, w_h, w_i = given.values()
    x, h, rows = random(STEPS, 3), np.zeros(4, np.float32), []
    for step in x:
        z, r = np.split(sigmoid(step @ w_i[:, :8] + h @ w_h[:, :8] + b[:8]), 2)
        h = (1 - z) * h + z * np.tanh(step @ w_i[:, 8:] + (r * h) @ w_h[:, 8:] + b[8:])
        rows.append(h)
    return Bag(given, x, {"layer0.forward/h": np.array(rows)})


def haiku_plain(random: Random, names: tuple[str, str] = ("linear", "linear_1")) -> Bag:
    """Its plain cell is a ReLU of two dense layers."""
    one, other = (f"vanilla_rnn/{name}" for name in names)
    given = {f"{one}/b": random(4), f"{one}/w": random(3, 4), f"{other}/b": random(4), f"{other}/w": random(4, 4)}
    b, w, c, u = given.values()
    x, h, rows = random(STEPS, 3), np.zeros(4, np.float32), []
    for step in x:
        h = relu(step @ w + b + h @ u + c)
        rows.append(h)
    return Bag(given, x, {"layer0.forward/h": np.array(rows)}, warned=("layer0.activation",))


def allennlp_both(random: Random) -> Bag:
    given: dict[str, Array] = {}
    series = x = random(STEPS, 3)
    made: dict[str, Array] = {}
    for layer in range(2):
        for way in ("forward", "backward"):
            prefix = f"encoder._module.{way}_layer_{layer}"
            given |= {f"{prefix}.input_linearity.weight": random(16, series.shape[1])}
            given |= {f"{prefix}.state_linearity.weight": random(16, 4), f"{prefix}.state_linearity.bias": random(16)}
            w, u, b = (given[f"{prefix}.{what}"] for what in ("input_linearity.weight", "state_linearity.weight",
                                                             "state_linearity.bias"))  # fmt: skip
            turn = slice(None, None, 1 if way == "forward" else -1)
            made[f"layer{layer}.{way}/h"] = lstm(series[turn], w, u, b)[turn]
        series = np.concatenate([made[f"layer{layer}.{way}/h"] for way in ("forward", "backward")], axis=1)
    return Bag(given, x, made)


def flax_nnx(random: Random) -> Bag:
    """NNX spells a gate that is a word of Python's with a line behind it, and keeps each number as a value."""
    bag = flax_lstm(random)
    return renamed(bag, r"params/LSTMCell_0/(..)/(\w+)", lambda found: f"cell/{found[1]}{'_' * (found[1] == 'if')}/"
                   f"{found[2]}/value")  # fmt: skip


def tensorflow_cudnn(random: Random) -> Bag:
    """The cell that reads what CuDNN trained adds nothing to its forget bias."""
    bag = tensorflow_lstm(random, forget=0.0)
    return replace(renamed(bag, "basic_lstm_cell", "cudnn_compatible_lstm_cell"), settings={}, warned=())


def tensorflow_old(random: Random, bag: Callable[[Random], Bag]) -> Bag:
    """As TensorFlow named them before 1.2."""
    return renamed(renamed(bag(random), "kernel", "weights"), r"bias\b", "biases")


def tensorflow_oldest(random: Random, bag: Callable[[Random], Bag]) -> Bag:
    """As TensorFlow named them before 1.0."""
    return renamed(renamed(bag(random), "kernel", "Linear/Matrix"), r"bias\b", "Linear/Bias")


def renamed(bag: Bag, old: str, new: str | Callable[[re.Match[str]], str]) -> Bag:
    """Return a bag whose tensors have other names."""
    return replace(bag, tensors={re.sub(old, new, name): one for name, one in bag.tensors.items()})


def reads_two(random: Random) -> Bag:
    """Two modules that read the same, and a third that reads what both give end to end."""
    given = random.torch("left", "gru", 3, 4) | random.torch("right", "gru", 3, 4) | random.torch("top", "lstm", 8, 5)
    x = random(STEPS, 8)
    said = "join is assumed to be apart: top reads as much as left and right hold together"
    return Bag(given, x, {"layer0.forward/h": of_torch(given, "top", x)}, network="top", warned=(said,))


def numbered_backwards(random: Random) -> Bag:
    """The module without a number comes last in the file, and reads what the one with a number gives."""
    given = random.torch("rnn2", "gru", 4, 4) | random.torch("rnn", "lstm", 4, 4)
    x = random(STEPS, 4)
    low = of_torch(given, "rnn2", x)
    wants = {"layer0.forward/h": low, "layer1.forward/h": of_torch(given, "rnn", low)}
    return Bag(given, x, wants, {"join": "rnn2,rnn"}, warned=("join is assumed to be rnn,rnn2",))


def headed_elsewhere(random: Random) -> Bag:
    """Two modules, and a third that reads what both give; what stands above it leads to the width of the others too."""
    given = random.linear("out", 4, 4) | random.torch("left", "gru", 3, 2) | random.torch("top", "gru", 4, 4)
    given |= random.linear("last", 4, 3) | random.torch("right", "gru", 3, 2)
    x = random(STEPS, 3)
    return Bag(given, x, {"layer0.forward/h": of_torch(given, "right", x)}, {"input_layers": "none"}, network="right",
               warned=("input_layers is assumed to be out, last: out reads as much as top gives",))  # fmt: skip


def headed_together(random: Random) -> Bag:
    """What reads both of two modules leads to the width that each of them reads."""
    given = random.torch("left", "gru", 3, 4) | random.torch("right", "gru", 3, 4) | random.linear("both", 8, 3)
    x = random(STEPS, 3)
    said = "input_layers is assumed to be both: both reads as much as left and right give together"
    return Bag(given, x, {"layer0.forward/h": of_torch(given, "right", x)}, {"input_layers": "none"}, network="right",
               warned=(said,))  # fmt: skip


def heads_of_one_shape(random: Random) -> Bag:
    """Three heads as wide as what they read: each could stand below a layer as well."""
    given = random.torch("low", "gru", 4, 4) | random.linear("p", 4, 4) | random.linear("q", 4, 4)
    given |= random.linear("r", 4, 4) | random.torch("top", "lstm", 4, 4)
    x = random(STEPS, 4)
    low = of_torch(given, "low", x)
    h = of_torch(given, "top", low)
    settings = {f"place.{name}": "readout" for name in "pqr"} | {"readout": "q"}
    said = ".understood is not known: p, q, r are of one shape, and each could stand in several places"
    wants = {"layer0.forward/h": low, "layer1.forward/h": h, "output": dense(given, "q", h)}
    return Bag(given, x, wants, settings, warned=(f"layer2{said}", f"readout{said}"))


def dropped(random: Random) -> Bag:
    """Weight dropout keeps the whole weights beside those of the last batch, of which some are 0."""
    given = random.torch("rnn.module", "lstm", 3, 4)
    whole = given["rnn.module.weight_hh_l0"]
    x = random(STEPS, 3)
    h = of_torch(given, "rnn.module", x)
    tensors = {**given, "rnn.module.weight_hh_l0": np.where(random(*whole.shape) > 0, whole, 0),
               "rnn.weight_hh_l0_raw": whole}  # fmt: skip
    return Bag(tensors, x, {"layer0.forward/h": h})


def residual_over_two(random: Random) -> Bag:
    """What a module of two layers reads is added to what it gives."""
    given = {"emb.weight": random(9, 4), **random.torch("rnn", "lstm", 4, 4)}
    given |= random.torch("rnn", "lstm", 4, 4, "_l1") | random.linear("fc", 4, 2)
    ids = random.ids(9)
    x = given["emb.weight"][ids]
    low = of_torch(given, "rnn", x)
    h = of_torch(given, "rnn", low, "_l1")
    wants = {"layer0.forward/h": low, "layer1.forward/h": h, "output": dense(given, "fc", h + x)}
    return Bag(given, ids, wants, {"layer0.residual": "added"}, warned=("layer0.residual=none",))


def called_twice(random: Random) -> Bag:
    """One module that is called a second time, of what it gave."""
    given = random.torch("rnn", "gru", 4, 4) | random.linear("fc", 4, 2)
    x = random(STEPS, 4)
    low = of_torch(given, "rnn", x)
    h = of_torch(given, "rnn", low)
    wants = {"layer0.forward/h": low, "layer1.forward/h": h, "output": dense(given, "fc", h)}
    return Bag(given, x, wants, {"layer0.calls": "two"}, warned=("layer0.calls=one",))


def called_twice_deep(random: Random) -> Bag:
    """A module of two layers that is called a second time."""
    given = random.torch("rnn", "gru", 4, 4) | random.torch("rnn", "gru", 4, 4, "_l1") | random.linear("fc", 4, 2)
    h = x = random(STEPS, 4)
    wants: dict[str, Array] = {}
    for n in range(4):
        h = of_torch(given, "rnn", h, f"_l{n % 2}")
        wants[f"layer{n}.forward/h"] = h
    return Bag(given, x, wants | {"output": dense(given, "fc", h)}, {"layer0.calls": "two"}, warned=("layer0.calls=",))


def scaled_table(random: Random) -> Bag:
    """What is looked up is multiplied by the root of its length."""
    given = {"emb.weight": random(9, 4), **random.torch("rnn", "gru", 4, 5), **random.linear("fc", 5, 2)}
    ids = random.ids(9)
    h = of_torch(given, "rnn", 2 * given["emb.weight"][ids])
    return Bag(given, ids, {"layer1.forward/h": h, "output": dense(given, "fc", h)}, {"input.scale": "2"},
               warned=("input.scale=1",))  # fmt: skip


def scaled_positions(random: Random) -> Bag:
    """What is looked up and its position are added, and multiplied by the root of their length."""
    given = {"emb.weight": random(9, 4), "pos_embedding.weight": random(16, 4), **random.torch("rnn", "gru", 4, 5)}
    given |= random.linear("fc", 5, 2)
    ids = random.ids(9)
    h = of_torch(given, "rnn", 2 * (given["emb.weight"][ids] + given["pos_embedding.weight"][:STEPS]))
    return Bag(given, ids, {"layer1.forward/h": h, "output": dense(given, "fc", h)},
               {"input.scale": "2 with positions"}, warned=("input.scale=1",))  # fmt: skip


def gated(random: Random, inside: bool = False) -> Bag:
    """A dense layer says how much of each unit passes: at the end, or below another dense layer."""
    given = random.torch("rnn", "gru", 3, 4) | random.linear("gate", 4, 4)
    given |= random.linear("out", 4, 2) if inside else {}
    x = random(STEPS, 3)
    h = of_torch(given, "rnn", x)
    passed = h * sigmoid(dense(given, "gate", h))
    output = dense(given, "out", passed) if inside else passed
    key = "readout.after_gate" if inside else "readout.activation"
    return Bag(given, x, {"layer0.forward/h": h, "output": output}, {key: "gate"}, warned=(key,))


def normed_then(random: Random, over: str = "mean") -> Bag:
    """A norm of every step, and then one vector of all: where a mean stands is seen, and so are both ends."""
    given = random.torch("rnn", "lstm", 3, 3) | random.torch("rnn", "lstm", 3, 3, "_l0_reverse")
    given |= {"ln_out.weight": random(6), "ln_out.bias": random(6), **random.linear("fc", 6, 2)}
    x = random(STEPS, 3)
    forward, backward = of_torch(given, "rnn", x), of_torch(given, "rnn", x[::-1], "_l0_reverse")[::-1]
    normed = layer_norm(np.concatenate([forward, backward], axis=1), given["ln_out.weight"], given["ln_out.bias"])
    one = normed.mean(axis=0) if over == "mean" else np.concatenate([normed[-1, :3], normed[0, 3:]])
    wants = {"layer0.forward/h": forward, "result": dense(given, "fc", one)}
    return Bag(given, x, wants, {"readout.over": f"{over} after ln_out"}, warned=("readout.over=each",))


def begins_where_another_ends(random: Random) -> Bag:
    """Two modules of one size of which no name says how they follow: the second could begin with other states."""
    given = random.torch("question", "gru", 4, 4) | random.torch("answer", "gru", 4, 4)
    x = random(STEPS, 4)
    low = of_torch(given, "question", x)
    said = "layer1.initial is not known: answer could begin with the states that question ends with"
    return Bag(given, x, {"layer0.forward/h": low, "layer1.forward/h": of_torch(given, "answer", low)}, warned=(said,))


BAGS: dict[str, Callable[[Random], Bag]] = {
    one.__name__: one
    for one in (
        towers, second_tower, summed_towers, decoder_first, by_hand, backward_first, backward_alone, numbered, seq2seq,
        third_module, positions, dense_of_equal_width, norm_between, norm_above, residual, residual_both, last_states,
        cell_states, numbers_below, two_heads, peepholes, learned, normed_sums, pruned, spectral, mlx_lstm, mlx_gru,
        equinox_lstm, equinox_gru, flax_lstm, flax_gru, flax_nnx, tensorflow_lstm, tensorflow_both, tensorflow_gru,
        tensorflow_cudnn, allennlp_both, latent, prelu, flax_head, haiku_lstm, haiku_stack, haiku_gru, haiku_plain,
        reads_two, numbered_backwards, headed_elsewhere, headed_together, heads_of_one_shape, dropped,
        residual_over_two, called_twice, called_twice_deep, normed_over_two, headed_beside, numbered_beside,
        below_or_above, scaled_table, scaled_positions, gated, normed_then, begins_where_another_ends,
        residual_over_both,
    )
} | {
    "haiku_plain_old": lambda random: haiku_plain(random, ("input_to_hidden", "hidden_to_hidden")),
    "gated_inside": lambda random: gated(random, inside=True),
    "normed_then_final": lambda random: normed_then(random, "final"),
    "residual_both_final": lambda random: residual_both(random, "final"),
    "roles_in_a_chain": roles_in_a_chain,
    "numbered_towers": numbered_towers,
    "listed_head": listed_head,
    "alike_in_a_sequential": alike_in_a_sequential,
    "towers_named_for_directions": towers_named_for_directions,
    "final_backward_first": lambda random: final_turned(random, "final"),
    "cell_states_backward_first": lambda random: final_turned(random, "final_cell"),
    "cell_states_both": lambda random: cell_states(random, both=True),
    "alike_below": alike_below,
    "lower_states": lower_states,
    "lower_states_both": lambda random: lower_states(random, both=True),
    "normed_before": lambda random: normed_stack(random, "before"),
    "normed_before_both": lambda random: normed_stack(random, "before", both=True),
    "normed_behind": lambda random: normed_stack(random, "behind"),
    "normed_alone": lambda random: normed_stack(random, "alone"),
    "batch_norms": batch_norms,
    "batch_norms_plain": lambda random: batch_norms(random, affine=False),
    "peepholes_old": lambda random: peepholes(random, late=False),
    "normed_sums_shown": lambda random: normed_sums(random, kept=False),
    "tensorflow_old_lstm": lambda random: tensorflow_old(random, tensorflow_lstm),
    "tensorflow_old_gru": lambda random: tensorflow_old(random, tensorflow_gru),
    "tensorflow_oldest_lstm": lambda random: tensorflow_oldest(random, tensorflow_lstm),
    "tensorflow_oldest_gru": lambda random: tensorflow_oldest(random, tensorflow_gru),
    "tensorflow_no_forget_bias": lambda random: tensorflow_lstm(random, forget=0.0),
}  # fmt: skip
"""Every kind of bag, by name."""
