"""Recurrent tensors as Flax, Haiku, MLX, Equinox, TensorFlow 1 and AllenNLP name and pack them, in PyTorch's names.

What PyTorch's names do not say of them goes along: the order of the gates, the reset, what a program adds as it runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass


@dataclass(frozen=True)
class Spelling:
    """What a program means by the tensors of one recurrent module.

    Attributes:
        program: Whose names they are.
        order: Its gates in the order of their rows; empty where it is PyTorch's.
        reset: Whether a GRU resets after or before the product.
        forget_bias: What the program adds to the forget bias as it runs; no file holds it.
        raises_always: Whether it adds that whatever its user says, and not by default alone.
        update: Whether the update gate of a GRU says how much is kept (`keep`) or how much is written (`write`).
        activation: Of a plain cell, by default.
        alternating: Whether every second layer reads from the end.
    """

    program: str
    order: str = ""
    reset: str = "after"
    forget_bias: str = ""
    raises_always: bool = False
    update: str = "keep"
    activation: str = "tanh"
    alternating: bool = False


@dataclass
class Respelled:
    """Tensors by PyTorch's names.

    Attributes:
        tensors: By name, in the file's order.
        origin: Names of the file by the name a tensor has now, where it was respelled.
        spellings: By the prefix of a module: what its program means.
    """

    tensors: dict[str, Array] = field(default_factory=dict)
    origin: dict[str, tuple[str, ...]] = field(default_factory=dict)
    spellings: dict[str, Spelling] = field(default_factory=dict)


_Module = tuple[Spelling, dict[str, Array], tuple[str, ...], str]
"""Spelling, tensors by PyTorch's names within the module, names that were taken, and the prefix of the module."""

_LEAF = re.compile(r"(?P<prefix>.*?)(?P<cut>[./]?)(?P<leaf>[^./]+)\Z")
_FLAX = re.compile(
    r"(?P<prefix>(?:.*[./])?)(?P<gate>[ih][ifgorzn]|if(?=_)|dense_[ih]|[ih])_?[./](?P<what>kernel|bias)(?:[./]value)?\Z"
)
"""Of its modules of before and of NNX, where `if` is a word of Python's: `if_`."""
_ALLENNLP = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<what>input_linearity|state_linearity|state_projection)\.(?P<kind>weight|bias)\Z"
)
_TF_CELL = re.compile(
    r"(?P<prefix>.*(?:lstm|gru|rnn)[^/]*)/"
    r"(?P<what>(?:(?:gates|candidate|projection)/)?(?:kernel|bias|weights|biases|linear/(?:matrix|bias)|w_0|b)"
    r"|w_[fio]_diag)(?::0)?\Z",
    re.IGNORECASE,
)
_TF_BEFORE_1_2: Mapping[str, str] = {
    "weights": "kernel", "biases": "bias", "matrix": "kernel", "w_0": "kernel", "b": "bias",
}  # fmt: skip
_HAIKU = re.compile(
    r"(?P<prefix>(?:.*[./])?[^./]*(?:lstm|rnn)(?:_cell|_core)?(?:_\d+)?)[./]"
    r"(?P<part>linear(?:_1)?|(?:input|hidden)_to_hidden)[./](?P<what>[wb])\Z",
    re.IGNORECASE,
)
_DENSE = re.compile(r"(?P<prefix>.*?)(?P<cut>[./])(?P<what>kernel|w)(?P<end>:0|[./]value)?\Z")
_KERNELS = {"Flax": ("kernel", "bias"), "TensorFlow 1": ("kernel", "bias"), "Haiku": ("w", "b")}
"""What programs call the matrix (inputs, outputs) and the bias of a dense layer."""
_HAIKU_NORM = re.compile(r"(?P<prefix>.*[./])(?P<what>scale|offset)\Z")
_RECURRENT_LEAVES = {"Wh", "Whh", "w_h"}
_TF_PLAIN = re.compile(r"(?:basic_)?rnn(?:_cell)?(?:_\d+)?\Z", re.IGNORECASE)
"""Cells without gates; others of one kernel, such as UGRNN, are not known here."""


def respell(tensors: Mapping[str, Array]) -> Respelled:
    """Return tensors by PyTorch's names, wherever another program's names of a recurrent module are whole."""
    made = Respelled(dict(tensors))
    for modules in (_mlx, _equinox, _flax, _tensorflow, _allennlp, _haiku):
        for spelling, parts, taken, prefix in modules(made.tensors):
            names = {what: f"{prefix}{'.' if prefix else ''}{what}" for what in parts}
            place = list(made.tensors).index(taken[0])
            rest = [(name, one) for name, one in made.tensors.items() if name not in taken]
            before = sum(name not in taken for name in list(made.tensors)[:place])
            added = [(names[what], one) for what, one in parts.items()]
            made.tensors = dict([*rest[:before], *added, *rest[before:]])
            made.origin |= {name: taken for name, _ in added}
            made.spellings[prefix] = spelling
    for program in dict.fromkeys(one.program for one in made.spellings.values() if one.program in _KERNELS):
        _turn_dense(made, *_KERNELS[program])
    return made


def names_a_recurrent(names: Iterable[str]) -> bool:
    """Say whether names alone look like those of a recurrent module, of PyTorch or of a program that is known here."""
    return any(
        "hh" in name or re.split(r"[./]", name)[-1] in _RECURRENT_LEAVES or name.endswith("state_linearity.weight")
        or _HAIKU.match(name) or _TF_CELL.match(name) or ((flax := _FLAX.match(name)) and flax["gate"][-2:-1] == "h")
        for name in names
    )  # fmt: skip


def _turn_dense(made: Respelled, matrix: str, shift: str) -> None:
    """Call the matrices of dense layers weights, turned as PyTorch has them, and what is beside them a bias."""
    tensors: dict[str, Array] = {}
    names = {name: name for name in made.tensors}
    for name, one in made.tensors.items():
        if matrix == "w" and (norm := _HAIKU_NORM.match(name)) and one.ndim == 1:
            names[name] = f"{norm['prefix']}{'weight' if norm['what'] == 'scale' else 'bias'}"
        match = _DENSE.match(name)
        if match is None or match["what"] != matrix:
            continue
        beside = f"{match['prefix']}{match['cut']}{shift}{match['end'] or ''}"
        bias = made.tensors.get(beside)
        if one.ndim == 2 and one.dtype.kind == "f" and (bias is None or bias.shape == one.shape[1:]):
            names[name] = f"{match['prefix']}.weight"
            names[beside] = f"{match['prefix']}.bias"
    for name, one in made.tensors.items():
        own = names[name]
        if own in tensors or (own != name and own in made.tensors):
            return
        tensors[own] = one.T if own != name and one.ndim == 2 else one
        if own != name:
            made.origin[own] = (name,)
    made.tensors = tensors


def _leaves(tensors: Mapping[str, Array]) -> dict[str, dict[str, str]]:
    """Return the names of tensors by the last part of their name, by what stands before it."""
    found: dict[str, dict[str, str]] = {}
    for name in tensors:
        if match := _LEAF.match(name):
            found.setdefault(match["prefix"], {})[match["leaf"]] = name
    return found


def _is(one: Array | None, *shape: int) -> bool:
    return one is not None and one.shape == shape and one.dtype.kind == "f"


def _mlx(tensors: Mapping[str, Array]) -> Iterator[_Module]:
    """Iterate over `Wx`, `Wh`, `bias` (of a GRU `b`, `bhn`), and `Wxh`, `Whh`, `bias` of a plain one."""
    for prefix, leaves in _leaves(tensors).items():
        for x, h in (("Wx", "Wh"), ("Wxh", "Whh")):
            if x not in leaves or h not in leaves:
                continue
            w, u = tensors[leaves[x]], tensors[leaves[h]]
            if w.ndim != 2 or u.ndim != 2 or len(w) != len(u) or len(u) % u.shape[1]:
                continue
            parts, taken = {"weight_ih": w, "weight_hh": u}, [leaves[x], leaves[h]]
            for leaf in ("bias", "b"):
                if leaf in leaves and _is(tensors[leaves[leaf]], len(w)):
                    parts["bias_ih"] = tensors[leaves[leaf]]
                    taken.append(leaves[leaf])
            if "bhn" in leaves and _is(tensors[leaves["bhn"]], u.shape[1]) and len(w) == 3 * u.shape[1]:
                parts["bias_hh"] = _last(tensors[leaves["bhn"]], 3)
                taken.append(leaves["bhn"])
            yield Spelling("MLX"), parts, tuple(taken), prefix


def _equinox(tensors: Mapping[str, Array]) -> Iterator[_Module]:
    """Iterate over cells with one `bias` beside `weight_ih` and `weight_hh`, of a GRU `bias_n` too."""
    for prefix, leaves in _leaves(tensors).items():
        if not {"weight_ih", "weight_hh", "bias"} <= set(leaves) or {"bias_ih", "bias_hh"} & set(leaves):
            continue
        w, u, b = (tensors[leaves[leaf]] for leaf in ("weight_ih", "weight_hh", "bias"))
        if w.ndim != 2 or u.ndim != 2 or not _is(b, len(w)):
            continue
        parts = {"weight_ih": w, "weight_hh": u, "bias_ih": b}
        taken = [leaves[leaf] for leaf in ("weight_ih", "weight_hh", "bias")]
        if "bias_n" in leaves and _is(tensors[leaves["bias_n"]], u.shape[1]) and len(u) == 3 * u.shape[1]:
            parts["bias_hh"] = _last(tensors[leaves["bias_n"]], 3)
            taken.append(leaves["bias_n"])
        yield Spelling("Equinox"), parts, tuple(taken), prefix


def _last(bias: Array, gates: int) -> Array:
    """Return a bias of the candidate alone as one of all gates."""
    return np.concatenate([np.zeros((gates - 1) * len(bias), bias.dtype), bias])


def _flax(tensors: Mapping[str, Array]) -> Iterator[_Module]:
    """Iterate over cells of Flax: a kernel (I, H) a gate, or `dense_i` and `dense_h` with all gates side by side."""
    cells: dict[str, dict[str, str]] = {}
    for name in tensors:
        if match := _FLAX.match(name):
            cells.setdefault(match["prefix"], {})[f"{match['gate']}.{match['what']}"] = name
    for prefix, names in cells.items():
        packed = [("dense_i", "dense_h")] if "dense_i.kernel" in names else []
        apart = {"ifgo": "lstm", "rzn": "gru"}
        gates: Sequence[tuple[str, str]] = packed
        for order in apart if not packed else ():
            if all(f"{side}{gate}.kernel" in names for gate in order for side in "ih"):
                gates = [(f"i{gate}", f"h{gate}") for gate in order]
        if not gates and {"i.kernel", "h.kernel"} <= set(names):
            gates = [("i", "h")]
        if not gates or any(f"{one}.kernel" not in names for pair in gates for one in pair):
            continue
        w = _rows([tensors[names[f"{i}.kernel"]] for i, _ in gates])
        u = _rows([tensors[names[f"{h}.kernel"]] for _, h in gates])
        if w is None or u is None or len(w) != len(u) or not u.shape[1] or len(u) % u.shape[1]:
            continue
        parts = {"weight_ih": w, "weight_hh": u}
        taken = {names[f"{one}.kernel"] for pair in gates for one in pair}
        for which, what in enumerate(("bias_ih", "bias_hh")):
            given = [names.get(f"{pair[which]}.bias") for pair in gates]
            if any(given):
                rows = len(w) // len(gates)
                each = [np.zeros(rows, w.dtype) if one is None else tensors[one] for one in given]
                if any(one.shape != (rows,) for one in each):
                    break
                parts[what] = np.concatenate(each)
                taken |= {one for one in given if one is not None}
        else:
            yield Spelling("Flax"), parts, tuple(name for name in tensors if name in taken), prefix.rstrip("./")


def _rows(kernels: Sequence[Array]) -> Array | None:
    """Return kernels (I, H) as rows of one matrix, or None where they do not fit."""
    if any(one.ndim != 2 or one.shape != kernels[0].shape or one.dtype.kind != "f" for one in kernels):
        return None
    return np.concatenate([one.T for one in kernels])


def _tensorflow(tensors: Mapping[str, Array]) -> Iterator[_Module]:
    """Iterate over cells of TensorFlow 1, whose one kernel (I + H, gates*H) takes x and h end to end."""
    cells: dict[str, dict[str, str]] = {}
    for name in tensors:
        if match := _TF_CELL.match(name):
            folder, slash, last = match["what"].lower().replace("linear/", "").rpartition("/")
            cells.setdefault(match["prefix"], {})[f"{folder}{slash}{_TF_BEFORE_1_2.get(last, last)}"] = name
    for prefix, names in cells.items():
        if any(f"{prefix}/recurrent_kernel{end}" in tensors for end in ("", ":0")):  # Keras keeps x and h apart
            continue
        given = {what: tensors[name] for what, name in names.items()}
        made = _tf_gru(given) if "gates/kernel" in given else _tf_lstm(given, prefix)
        if made is not None:
            spelling, parts, taken = made
            yield spelling, parts, tuple(names[what] for what in taken), prefix


def _tf_lstm(given: Mapping[str, Array], prefix: str) -> tuple[Spelling, dict[str, Array], list[str]] | None:
    kernel, bias = given.get("kernel"), given.get("bias")
    if kernel is None or kernel.ndim != 2 or kernel.dtype.kind != "f":
        return None
    cell = prefix.rpartition("/")[2].lower()
    plain = _TF_PLAIN.match(cell) is not None
    if not plain and "lstm" not in cell:
        return None
    gates = 1 if plain else 4
    hidden = kernel.shape[1] // gates
    projection = given.get("projection/kernel")
    state = hidden if projection is None or projection.ndim != 2 else int(projection.shape[1])
    inputs = len(kernel) - state
    if kernel.shape[1] % gates or inputs < 1 or not hidden or (bias is not None and bias.shape != (gates * hidden,)):
        return None
    parts = {"weight_ih": kernel[:inputs].T, "weight_hh": kernel[inputs:].T}
    taken = ["kernel"]
    if bias is not None:
        parts["bias_ih"] = bias
        taken.append("bias")
    if plain:
        return Spelling("TensorFlow 1"), parts, taken
    if projection is not None:
        parts["weight_hr"] = projection.T
        taken.append("projection/kernel")
    for gate in "fio":
        if f"w_{gate}_diag" in given:
            parts[f"weight_c{gate}"] = given[f"w_{gate}_diag"]
            taken.append(f"w_{gate}_diag")
    # the cell that reads what CuDNN trained adds nothing
    return Spelling("TensorFlow 1", "igfo", forget_bias="" if "cudnn_compatible" in cell else "1"), parts, taken


def _tf_gru(given: Mapping[str, Array]) -> tuple[Spelling, dict[str, Array], list[str]] | None:
    gates, candidate = given["gates/kernel"], given.get("candidate/kernel")
    if candidate is None or gates.ndim != 2 or candidate.ndim != 2:
        return None
    hidden = candidate.shape[1]
    inputs = len(candidate) - hidden
    if gates.shape != (len(candidate), 2 * hidden) or inputs < 1:
        return None
    whole = np.concatenate([gates, candidate], axis=1).T
    parts, taken = (
        {"weight_ih": whole[:, :inputs], "weight_hh": whole[:, inputs:]},
        ["gates/kernel", "candidate/kernel"],
    )
    biases = [given.get("gates/bias"), given.get("candidate/bias")]
    given_biases = [one for one in biases if one is not None]
    if [one.shape for one in given_biases] == [(2 * hidden,), (hidden,)]:
        parts["bias_ih"] = np.concatenate(given_biases)
        taken += ["gates/bias", "candidate/bias"]
    return Spelling("TensorFlow 1", "rzn", reset="before"), parts, taken


def _haiku(tensors: Mapping[str, Array]) -> Iterator[_Module]:
    """Iterate over cells of Haiku: a `linear` of x and h end to end, two of a plain cell, `w_i`, `w_h` of a GRU."""
    cells: dict[str, dict[str, str]] = {}
    for name in tensors:
        if match := _HAIKU.match(name):
            part = {"input_to_hidden": "linear", "hidden_to_hidden": "linear_1"}.get(match["part"], match["part"])
            cells.setdefault(match["prefix"], {})[f"{part}.{match['what']}"] = name
    for prefix, names in cells.items():
        given = {what: tensors[name] for what, name in names.items()}
        plain = "linear_1.w" in given
        made = _haiku_plain(given) if plain else _haiku_lstm(given) if "lstm" in prefix.lower() else None
        if made is not None:
            yield made[0], made[1], tuple(name for name in tensors if name in names.values()), prefix
    for prefix, leaves in _leaves(tensors).items():
        if not {"w_i", "w_h"} <= set(leaves):
            continue
        w, u = tensors[leaves["w_i"]], tensors[leaves["w_h"]]
        if w.ndim != 2 or u.ndim != 2 or not _is(u, len(u), 3 * len(u)) or not _is(w, len(w), 3 * len(u)):
            continue
        parts, taken = {"weight_ih": w.T, "weight_hh": u.T}, [leaves["w_i"], leaves["w_h"]]
        if "b" in leaves:
            if not _is(tensors[leaves["b"]], 3 * len(u)):
                continue
            parts["bias_ih"] = tensors[leaves["b"]]
            taken.append(leaves["b"])
        yield Spelling("Haiku", "zrn", reset="before", update="write"), parts, tuple(taken), prefix


def _haiku_lstm(given: Mapping[str, Array]) -> tuple[Spelling, dict[str, Array]] | None:
    kernel, bias = given.get("linear.w"), given.get("linear.b")
    if kernel is None or kernel.ndim != 2 or kernel.dtype.kind != "f" or kernel.shape[1] % 4:
        return None
    hidden = kernel.shape[1] // 4
    inputs = len(kernel) - hidden
    if not hidden or inputs < 1 or not (bias is None or _is(bias, 4 * hidden)):
        return None
    parts = {"weight_ih": kernel[:inputs].T, "weight_hh": kernel[inputs:].T}
    parts |= {} if bias is None else {"bias_ih": bias}
    return Spelling("Haiku", "igfo", forget_bias="1", raises_always=True), parts


def _haiku_plain(given: Mapping[str, Array]) -> tuple[Spelling, dict[str, Array]] | None:
    w, u = given.get("linear.w"), given["linear_1.w"]
    if w is None or w.ndim != 2 or not _is(u, w.shape[1], w.shape[1]) or w.dtype.kind != "f":
        return None
    biases = {name: given[f"{part}.b"] for name, part in (("bias_ih", "linear"), ("bias_hh", "linear_1"))
              if f"{part}.b" in given}  # fmt: skip
    if not all(_is(one, w.shape[1]) for one in biases.values()):
        return None
    return Spelling("Haiku", activation="relu"), {"weight_ih": w.T, "weight_hh": u.T, **biases}


def _allennlp(tensors: Mapping[str, Array]) -> Iterator[_Module]:
    """Iterate over augmented LSTMs of AllenNLP, one layer and direction each; a highway in them is not read."""
    cells: dict[str, dict[str, str]] = {}
    for name in tensors:
        if match := _ALLENNLP.match(name):
            cells.setdefault(match["prefix"].rstrip("."), {})[f"{match['what']}.{match['kind']}"] = name
    stacks: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for prefix, names in cells.items():
        stem = re.sub(r"(?:^|[._])(?:(?:forward|backward)_)?layer_\d{1,3}\Z", "", prefix)
        stacks.setdefault(stem, []).append((prefix, names))
    for stem, layers in stacks.items():
        yield from _allennlp_stack(tensors, stem, layers)


def _allennlp_stack(
    tensors: Mapping[str, Array], stem: str, layers: Sequence[tuple[str, dict[str, str]]]
) -> Iterator[_Module]:
    each: dict[tuple[int, bool], tuple[dict[str, Array], tuple[str, ...], str]] = {}
    kinds = {"input_linearity.weight": "weight_ih", "state_linearity.weight": "weight_hh",
             "input_linearity.bias": "bias_ih", "state_linearity.bias": "bias_hh",
             "state_projection.weight": "weight_hr"}  # fmt: skip
    alternating = False
    for prefix, names in layers:
        if not {"input_linearity.weight"} <= set(names):
            return
        found = re.search(r"(?:(forward|backward)_)?layer_(\d{1,3})\Z", prefix)
        alternating |= found is not None and found[1] is None
        number = int(found[2]) if found else 0
        place = number, bool(found and found[1] == "backward")
        given = {kinds[what]: tensors[name] for what, name in names.items() if what in kinds}
        if any(given[what].ndim != 2 for what in ("weight_ih", "weight_hh")):
            return
        if len(given["weight_ih"]) != len(given["weight_hh"]):  # a highway: six rows of gates beside five
            return
        each[place] = given, tuple(names[what] for what in names if what in kinds), prefix
    both = {reverse for _, reverse in each} == {False, True}
    joined = all(given["weight_ih"].shape[1] == 2 * given["weight_hh"].shape[1] for (n, _), (given, *_) in each.items()
                 if n)  # fmt: skip
    if both and joined:  # the layers of one module, each of which reads both directions of the one below
        parts = {f"{what}_l{n}{'_reverse' if reverse else ''}": one for (n, reverse), (given, *_) in each.items()
                 for what, one in given.items()}  # fmt: skip
        yield Spelling("AllenNLP"), parts, tuple(name for _, taken, _ in each.values() for name in taken), stem
        return
    for given, taken, prefix in each.values():
        yield Spelling("AllenNLP", alternating=alternating and not both), given, taken, prefix
