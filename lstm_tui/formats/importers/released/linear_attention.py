"""DeltaNet, Gated DeltaNet, GLA, RetNet and linear attention as flash-linear-attention saves them.

Names are `model.layers.0.attn.q_proj.weight` and so on. A block is a layer with a matrix a head for a memory, then two
dense layers and a gate, each behind a norm to mean square 1 and added to what came in: Yang et al. 2024, Yang, Kautz &
Hatamizadeh 2024, Yang et al. 2023, Sun et al. 2023, Katharopoulos et al. 2020. What the file does not record, that a
configuration beside it does, is assumed to be what the package takes unless told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import read_number
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Found, Recurrent
from lstm_tui.formats.importers.released.block_page import (
    SILU,
    block_page,
    whole_block,
    window_kernel,
    window_lines,
    window_weights,
)
from lstm_tui.formats.importers.released.blocks_in_file import (
    BlockStack,
    FileTensors,
    block_numbers,
    epsilon_of,
    networks,
    rms_ends,
)

_LAYER = r"(?P<root>(?:.*\.)?)layers\.(?P<n>\d+)\.attn_norm\.weight\Z"
_EVERYWHERE = ("q_proj", "k_proj", "v_proj", "o_proj", "g_proj", "q_conv1d", "k_conv1d", "v_conv1d")
_FUNCTIONS = {
    "silu": "silu({})", "relu": "max({}, 0)", "elu": "max({0}, 0) + exp(min({0}, 0))", "identity": "{}",
}  # fmt: skip
"""What may be applied to queries and keys, as it is written in a page."""
_HEAD = "head[row] == head[col]"
"""A matrix by whose weights a unit reads those of its own head."""
_UNIT = "a / by_head(sqrt(sum_heads(a * a) + 0.000001))"
_SHARE = "a / by_head(max(sum_heads(abs(a)), 0.000001))"


@dataclass(frozen=True)
class _Kind:
    """A layout of the package.

    Attributes:
        title: What the report calls it.
        own: Parts of its layer that the others have not, each of which tells it from them.
        norms: What its norm of heads may be called.
        usual: Other parts that it may have.
        papers: Its source.
    """

    title: str
    own: tuple[str, ...]
    norms: tuple[str, ...]
    papers: str
    usual: tuple[str, ...] = ()

    def fits(self, parts: set[str]) -> bool:
        """Say whether the parts of a layer are those of this layout."""
        known = {*_EVERYWHERE, *self.own, *self.norms, *self.usual}
        return parts <= known and parts.issuperset(self.own) and any(norm in parts for norm in self.norms)


_KINDS = (
    _Kind("Gated DeltaNet", ("A_log", "dt_bias", "a_proj", "b_proj"), ("o_norm",),
          "Yang, Kautz & Hatamizadeh 2024", ("D",)),
    _Kind("GLA", ("gk_proj",), ("g_norm_swish_gate", "g_norm"), "Yang et al. 2023"),
    _Kind("DeltaNet", (), ("o_norm",), "Schlag et al. 2021, Yang et al. 2024", ("b_proj",)),
    _Kind("RetNet", (), ("g_norm_swish_gate", "g_norm"), "Sun et al. 2023", ("rotary",)),
    _Kind("linear attention", (), ("norm",), "Katharopoulos et al. 2020", ("feature_map_q", "feature_map_k")),
)  # fmt: skip


def find_linear_attention(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the models of flash-linear-attention among tensors; none where no names are theirs."""
    return networks(tensors, where, _LAYER, "layers", _stack)


@dataclass
class _Settings:
    """What holds of every block of a file, and which the file does not record."""

    epsilon: float
    function: str = "silu"
    norm: str = "l2"
    strength: float = 1
    gate: str = "swish"
    divided: float = 16
    key_heads: int = 0
    """Heads of queries and keys in Gated DeltaNet; 0 where as many as of values."""
    features: str = "elu"
    shares: frozenset[str] = frozenset()
    """Which of `q` and `k` are divided by the sum of their head."""
    mean: bool = False
    """Whether a read is divided by how much was written under such keys."""


@dataclass
class _Page:
    """The page of a block while it is put together, with its weights."""

    lines: list[str] = field(default_factory=list)
    given: dict[str, Array] = field(default_factory=dict)
    biases: dict[str, Array | None] = field(default_factory=dict)
    state: list[str] = field(default_factory=lambda: ["S"])
    sizes: dict[str, str] = field(default_factory=lambda: {"S": '["V/A", "K/A"]'})
    initial: dict[str, str] = field(default_factory=dict)
    mask: dict[str, str] = field(default_factory=dict)


def _parts(tensors: FileTensors, layer: str) -> set[str]:
    return {name.removeprefix(layer).split(".")[0] for name in tensors.all if name.startswith(layer)}


def _kind(tensors: FileTensors, layer: str) -> _Kind:
    """Return the layout of a layer.

    Raises:
        UserError: It is none that is known here.
    """
    parts = _parts(tensors, layer)
    for kind in _KINDS:
        if kind.fits(parts):
            return kind
    known = set(_EVERYWHERE).union(*({*kind.own, *kind.norms, *kind.usual} for kind in _KINDS))
    layouts = ", ".join(kind.title for kind in _KINDS)
    odd = min(parts - known, default="")
    if odd:
        raise UserError(
            f"{tensors.where}: {visible(layer + odd)} is of no layout that is read; what opens of "
            f"flash-linear-attention: {layouts}"
        )
    raise UserError(
        f"{tensors.where}: {visible(layer.rstrip('.'))} has a norm of its heads that is of no layout, or none, as "
        f"attention over all tokens has, which carries no memory; what opens of flash-linear-attention: {layouts}"
    )


def _alike(tensors: FileTensors, root: str, numbers: range) -> None:
    """Refuse a file whose layers are made of different parts: one of them lacks something, or is another layout.

    Raises:
        UserError: With the part that is missing.
    """
    at = {n: f"{root}layers.{n}.attn." for n in numbers}
    parts = {n: {name.removeprefix(one) for name in tensors.all if name.startswith(one)} for n, one in at.items()}
    every = set.union(*parts.values())
    for n, own in parts.items():
        for part in sorted(every - own):
            raise UserError(
                f"{tensors.where}: {visible(at[n] + part)} is missing, which another layer has, and "
                "only a file whose layers are alike is opened"
            )
    convolved = [one for one in "qkv" if f"{one}_conv1d.weight" in every]
    for one in "qkv" if convolved else "":
        if one not in convolved:
            raise UserError(f"{tensors.where}: {visible(root)}layers.0.attn.{one}_conv1d.weight is missing")


def _number(report: ImportReport, key: str, usual: str) -> float:
    text = report.choose(key, usual, ["1"], "assumed", NOT_RECORDED, free=True)
    number = read_number(text)
    if number is None or not 0 < number < 1e6:
        raise UserError(f"{report.file}: --set {key}={visible(text[:40])} is no number above 0, such as {usual}")
    return number


def _gate_heads(tensors: FileTensors, layer: str) -> int:
    """Return how many heads a forget gate has; 0 where there is none."""
    gate = tensors.all.get(f"{layer}A_log")
    return 0 if gate is None else min(gate.size, 4096)


def _count(report: ImportReport, key: str, text: str) -> int:
    number = read_number(text)
    if number is None or not 1 <= number <= 4096 or number != int(number):
        raise UserError(f"{report.file}: --set {key}={visible(text[:40])} is no number of heads, such as 4")
    return int(number)


def _settings(report: ImportReport, kind: _Kind, parts: set[str], heads: int) -> _Settings:
    """Return what the file does not record, as assumed or as the user says."""

    def either(key: str, first: str, *others: str) -> str:
        return report.choose(key, first, others, "assumed", NOT_RECORDED)

    made = _Settings(epsilon_of(report, "1e-06"))
    if kind.title == "DeltaNet":
        made.function = either("query_key_activation", *_FUNCTIONS)
        made.norm = either("query_key_norm", "l2", "sum")
    if kind.title in ("DeltaNet", "Gated DeltaNet"):
        made.strength = 2 if either("writing_strength", "0 to 1", "0 to 2") == "0 to 2" else 1
    if kind.title == "Gated DeltaNet":
        fewer = [str(n) for n in range(1, heads) if heads % n == 0]
        said = report.choose("key_heads", "as of values", fewer, "assumed", NOT_RECORDED, free=True)
        made.key_heads = 0 if said == "as of values" else _count(report, "key_heads", said)
    if kind.title == "Gated DeltaNet" and "g_proj" in parts:
        made.gate = either("output_gate", "swish", "sigmoid")
    if kind.title == "GLA":
        made.divided = _number(report, "gate_divisor", "16")
        report.assume("gate_limit", "none", NOT_RECORDED)
    if kind.title == "linear attention":
        if "feature_map_q" not in parts:
            made.features = either("feature_map", "elu", "relu", "identity")
        made.mean = either("read", "summed", "divided by the keys") != "summed"
        said = either("feature_sums", "as they are", "of q", "of k", "of both")
        made.shares = frozenset({"of q": "q", "of k": "k", "of both": "qk"}.get(said, ""))
    return made


def _stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    numbers = block_numbers(tensors, root, "layers")
    first = f"{root}layers.0.attn."
    _alike(tensors, root, numbers)
    kind = _kind(tensors, first)
    report.say("layout", kind.title, "inferred", "names of its tensors")
    settings = _settings(report, kind, _parts(tensors, first), _gate_heads(tensors, first))
    blocks = tuple(_block(tensors, kind, settings, f"{root}layers.{n}.", f"layer{n}") for n in numbers)
    width = blocks[0].hidden
    for n, one in enumerate(blocks):
        held = f"{one.sizes['V']}×{one.sizes['K']} numbers in {one.sizes['A']} heads"
        report.say(f"layer{n}.cell", f"{kind.title} block", "inferred", "names and shapes")
        report.say(f"layer{n}.size", f"{width}, {held}", "confirmed", "shapes of its weights")
    table, head = rms_ends(tensors, report, root, "norm", width, settings.epsilon)
    tensors.tell(report)
    return BlockStack(blocks, table, (), head)


def _per_group(weights: Array, each: int, heads: int) -> Array:
    """Return rows of heads as often as heads share them: each group of heads in a row reads the same."""
    shared = weights.reshape(-1, each, *weights.shape[1:])
    return np.repeat(shared, heads // len(shared), axis=0).reshape(heads * each, *weights.shape[1:])


def _block(tensors: FileTensors, kind: _Kind, settings: _Settings, root: str, part: str) -> Recurrent:
    """Return a block with its page, taken whole."""
    layer = f"{root}attn."
    width, values = tensors.take(f"{layer}o_proj.weight", part, -1, -1).shape
    norm = next((name for name in kind.norms if tensors.has(f"{layer}{name}.weight")), kind.norms[0])
    scale = tensors.take(f"{layer}{norm}.weight", part, -1)
    heads, odd = divmod(values, max(len(scale), 1))
    queries = tensors.take(f"{layer}q_proj.weight", part, -1, width)
    keys = tensors.take(f"{layer}k_proj.weight", part, -1, width)
    written = tensors.take(f"{layer}v_proj.weight", part, -1, width)
    own = _own_numbers(kind, settings, queries, keys, written, heads, len(scale)) if heads else None
    if odd or not own:
        raise UserError(f"{tensors.where}: {layer}q_proj, k_proj and v_proj do not divide into {heads} heads")
    page = _Page()
    page.given |= {
        "g_x": tensors.take(f"{root}attn_norm.weight", part, width),
        "g_z": tensors.take(f"{root}mlp_norm.weight", part, width),
        "W_o": tensors.take(f"{layer}o_proj.weight", part, width, values), "g_y": np.tile(scale, heads),
    }  # fmt: skip
    page.lines.append(
        f"a = x / sqrt(mean(x * x) + {settings.epsilon!r}) * g_x   # normalised input: with mean square 1"
    )
    _projections(tensors, kind, settings, page, layer, part, heads, (own, own, len(scale)), (queries, keys, written))
    memory = {
        "Gated DeltaNet": _delta, "DeltaNet": _delta, "GLA": _gated, "RetNet": _retained, "linear attention": _summed,
    }[kind.title]  # fmt: skip
    functions = memory(tensors, settings, page, layer, part, heads, own)
    _shown(tensors, settings, page, layer, part)
    inner = _channels(tensors, page, root, part, width)
    sizes = {"A": heads, "K": heads * own, "V": values, "F": inner}
    if "l" in page.sizes:
        sizes["R"] = len(page.given["W_l"])
    named = kind.title.lower().replace(" ", "_")
    text = block_page(
        f"{named}_block", f"{kind.title}: a whole block, memory and channels", kind.papers, page.state, "A", page.sizes,
        page.lines, page.biases, SILU | functions, page.initial, page.mask,
    )  # fmt: skip
    return whole_block(root, text, width, page.given, page.biases, sizes)


def _own_numbers(
    kind: _Kind, settings: _Settings, queries: Array, keys: Array, written: Array, heads: int, each: int
) -> int | None:
    """Return how many numbers a key of a head has; None where the shapes do not agree.

    Groups of heads may share a key and a value; in Gated DeltaNet they may share a query and a key instead.
    """
    if kind.title == "Gated DeltaNet":
        groups = settings.key_heads or heads
        whole = len(queries) == len(keys) and len(written) == heads * each and heads % groups == len(keys) % groups == 0
        return len(queries) // groups if whole else None
    own, odd = divmod(len(queries), heads)
    groups, left = divmod(len(keys), own) if own else (0, 1)
    return None if odd or left or not groups or heads % groups or len(written) != groups * each else own


def _projections(
    tensors: FileTensors, kind: _Kind, settings: _Settings, page: _Page, layer: str, part: str, heads: int,
    each: tuple[int, int, int], weights: tuple[Array, Array, Array],
) -> None:  # fmt: skip
    """Write queries, keys and values, before what is done to them: convolution or not, function or not."""
    says = {"q": "query: what is asked of the memory", "k": "key: under what this token is written",
            "v": "value: what this token writes"}  # fmt: skip
    raw = {"q": "j_q", "k": "j_k", "v": "j_v"}
    for letter, own, rows in zip("qkv", each, weights, strict=True):
        size = '"V"' if letter == "v" else '"K"'
        page.given[f"W_{letter}"] = _per_group(rows, own, heads)
        made = {"q": "p", "k": "u", "v": "v"}[letter]
        page.sizes |= {made: size}
        name, what = raw[letter], says[letter]
        function = _FUNCTIONS[settings.function] if kind.title == "DeltaNet" and letter != "v" else _FUNCTIONS["silu"]
        if not tensors.has(f"{layer}{letter}_conv1d.weight"):
            if kind.title in ("DeltaNet", "Gated DeltaNet"):
                page.lines.append(f"{name} = W_{letter} @ a   # {what}, before its function")
                page.lines.append(f"{made} = {function.format(name)}   # {what}")
                page.sizes[name] = size
            else:
                page.lines.append(f"{made} = W_{letter} @ a   # {what}")
            continue
        kernel = window_kernel(tensors, f"{layer}{letter}_conv1d.weight", part, len(rows))
        page.given |= window_weights(_per_group(kernel, own, heads), f"c_{letter}")
        bias = tensors.maybe(f"{layer}{letter}_conv1d.bias", part, len(rows))
        page.biases[f"b_{letter}"] = None if bias is None else _per_group(bias, own, heads)
        count = kernel.shape[-1]
        kept = [f"{name}_{back}" for back in range(1, count)]
        page.state += kept
        page.sizes |= dict.fromkeys((name, *kept), size)
        short = what.split(":")[0]
        page.lines.append(f"{name} = W_{letter} @ a   # {short} before the convolution: of this token alone")
        if function == _FUNCTIONS["silu"]:
            page.lines += window_lines(name, made, f"c_{letter}", f"b_{letter}", count, f"convolution of the {short}")
        else:
            page.sizes[f"i_{letter}"] = size
            page.lines += window_lines(
                name, f"i_{letter}", f"c_{letter}", f"b_{letter}", count, f"convolution of the {short}", ""
            )
            page.lines.append(f"{made} = {function.format(f'i_{letter}')}   # {what}")


def _delta(
    tensors: FileTensors, settings: _Settings, page: _Page, layer: str, part: str, heads: int, own: int
) -> dict[str, str]:
    """Write the delta rule, with a forget gate where the layer has one."""
    gated = tensors.has(f"{layer}A_log")
    page.lines += [
        f"q = scaled(p) * {own**-0.5!r}   # query: scaled in every head",
        "k = scaled(u)   # key: scaled in every head",
    ]
    page.sizes |= {"q": '"K"', "k": '"K"', "o": '"V"'}
    strength = "1"
    if gated or tensors.has(f"{layer}b_proj.weight"):
        page.given["W_b"] = tensors.take(f"{layer}b_proj.weight", part, heads, -1)
        times = "2 * " if settings.strength == 2 else ""
        page.lines.append(
            f"i = {times}sigmoid(W_b @ a)   # writing strength: how much of what stands under the key is replaced"
        )
        page.sizes["i"] = '"A"'
        strength = "by_head(i)"
    elif settings.strength == 2:
        strength = "2"
    keep = ""
    if gated:
        page.given |= {
            "W_a": tensors.take(f"{layer}a_proj.weight", part, heads, -1),
            "a_log": tensors.take(f"{layer}A_log", part, heads), "b_a": tensors.take(f"{layer}dt_bias", part, heads),
        }  # fmt: skip
        page.lines.append(
            "f = exp(-exp(a_log) * softplus(W_a @ a + b_a))   # forget gate: how much of the memory of a head to keep"
        )
        page.sizes["f"] = '"A"'
        keep = "by_head(f) * "
    page.lines += [
        f"o = {keep}(S @ k)   # what stands there: the memory read under the key of this token",
        f"S = {keep}S - outer({strength} * o, k) + outer({strength} * v, k)"
        "   # memory: keep, erase what stands under the key, write the value there",
        "y = S @ q   # read: the value that stands under the query",
    ]
    return {"scaled": _UNIT if settings.norm == "l2" else _SHARE}


def _gated(
    tensors: FileTensors, settings: _Settings, page: _Page, layer: str, part: str, heads: int, own: int
) -> dict[str, str]:
    """Write gated linear attention: every column of the memory fades by a gate of its own."""
    width = page.given["W_q"].shape[1]
    down = tensors.take(f"{layer}gk_proj.0.weight", part, -1, width)
    rows = tensors.take(f"{layer}k_proj.weight", part, -1, width).shape[0]
    up = tensors.take(f"{layer}gk_proj.1.weight", part, rows, len(down))
    bias = tensors.take(f"{layer}gk_proj.1.bias", part, rows)
    page.given |= {"W_l": down, "W_f": _per_group(up, own, heads), "b_f": _per_group(bias, own, heads)}
    page.sizes |= {"l": '"R"', "f": '"K"', "q": '"K"'}
    page.lines += [
        f"q = p * {own**-0.5!r}   # query: scaled",
        "l = W_l @ a   # gate in few numbers: what it is widened from",
        f"f = exp(-softplus(-(W_f @ l + b_f)) / {settings.divided!r})   # forget gate: how much of each column to keep",
        "S = by_column(f) * S + outer(v, u)   # memory: keep, then write the value under its key",
        "y = S @ q   # read: the values whose keys are like the query",
    ]
    return {}


def _retained(
    tensors: FileTensors, settings: _Settings, page: _Page, layer: str, part: str, heads: int, own: int
) -> dict[str, str]:
    """Write retention: every head fades at a rate of its own; queries and keys are turned by where they stand."""
    if own % 2:
        raise UserError(f"{tensors.where}: {layer}q_proj has {own} numbers a head, which cannot be turned in pairs")
    told = tensors.maybe(f"{layer}rotary.inv_freq", part, own // 2)
    speed = 10000.0 ** (-np.arange(0, own, 2) / own) if told is None else told.astype(np.float64)
    half = np.zeros((own, own), np.float32)
    half[: own // 2, own // 2 :] = -np.eye(own // 2)
    half[own // 2 :, : own // 2] = np.eye(own // 2)
    page.given |= {
        "W_p": np.kron(np.eye(heads, dtype=np.float32), half),
        "f_h": (1 - 2.0 ** (-5 - np.arange(heads))).astype(np.float32),
        "w_c": np.tile(np.cos(speed), 2 * heads), "w_s": np.tile(np.sin(speed), 2 * heads),
    }  # fmt: skip
    page.mask["W_p"] = _HEAD
    page.state += ["c", "s"]
    page.initial["c"] = "1"
    page.sizes |= dict.fromkeys(("q", "k", "c", "s"), '"K"')
    page.lines += [
        f"q = (p * c + (W_p @ p) * s) * {own**-0.5!r}   # query: turned as far as its token stands, and scaled",
        "k = u * c + (W_p @ u) * s   # key: turned as far as its token stands",
        "c = c * w_c - s * w_s   # cosine: of how far the next token is turned",
        "s = s * w_c + prev(c) * w_s   # sine: of how far the next token is turned",
        "S = by_head(f_h) * S + outer(v, k)   # memory: fades at a fixed rate, then the value under its key",
        "y = S @ q   # read: the values whose keys are like the query",
    ]
    return {}


def _summed(
    tensors: FileTensors, settings: _Settings, page: _Page, layer: str, part: str, heads: int, own: int
) -> dict[str, str]:
    """Write linear attention: nothing fades, and queries and keys go through a feature map."""
    for made, raw in (("q", "p"), ("k", "u")):
        says = f"{'query' if made == 'q' else 'key'}: its features"
        after = f"f_{made}" if made in settings.shares else made
        page.lines.append(
            f"{after} = {_features(tensors, settings, page, layer, part, heads, own, made, raw)}   # {says}"
        )
        page.sizes |= {after: '"K"', made: '"K"'}
        if made in settings.shares:
            page.lines.append(
                f"{made} = {after} / by_head(sum_heads({after}) + 0.0001)   # {says}, as shares of their sum"
            )
    scale = own**-0.5
    page.lines.append("S = S + outer(v, k)   # memory: every value stands under its key; nothing is forgotten")
    if settings.mean:
        page.state.append("z")
        page.sizes |= {"z": '"K"'}
        page.lines += [
            "z = z + k   # normaliser: all keys so far, summed",
            f"y = {scale!r} * (S @ q) / by_head({scale!r} * sum_heads(z * q) + 0.0000000001)"
            "   # read: divided by how much was written under such keys",
        ]
    else:
        page.lines.append(f"y = {scale!r} * (S @ q)   # read: the values, by how much their keys are like the query")
    return {}


def _features(
    tensors: FileTensors, settings: _Settings, page: _Page, layer: str, part: str, heads: int, own: int,
    made: str, raw: str,
) -> str:  # fmt: skip
    """Return what turns a query or a key into features, with its weights taken."""
    at = f"{layer}feature_map_{made}."
    if made == "k" and not any(name.startswith(at) for name in tensors.all):
        at = f"{layer}feature_map_q."  # one map for both is saved once
    names = {name.removeprefix(at) for name in tensors.all if name.startswith(at)}
    if not names:
        return _FUNCTIONS[settings.features].format(raw)

    def dense(name: str, weights: str) -> str:
        of_head = tensors.take(f"{at}{name}.weight", part, own, own)
        page.given[f"W_{weights}"] = np.kron(np.eye(heads, dtype=of_head.dtype), of_head)
        page.mask[f"W_{weights}"] = _HEAD
        bias = tensors.maybe(f"{at}{name}.bias", part, own)
        page.biases[f"b_{weights}"] = None if bias is None else np.tile(bias, heads)
        return f"W_{weights} @ {raw} + b_{weights}"

    if names <= {"layer.weight"}:
        return f"max({dense('layer', f'{made}1')}, 0)"
    if names <= {f"layer{n}.{what}" for n in (1, 2) for what in ("weight", "bias")}:
        return f"({dense('layer1', f'{made}1')}) * ({dense('layer2', f'{made}2')})"
    raise UserError(
        f"{tensors.where}: {visible(at)} is a feature map that is not read; those that are: a product of two dense "
        "layers, one with relu, elu + 1, relu, none"
    )


def _shown(tensors: FileTensors, settings: _Settings, page: _Page, layer: str, part: str) -> None:
    """Write how much of a read is shown: normalised in every head, gated where the layer has a gate."""
    page.lines.append(
        f"n = y / by_head(sqrt(mean_heads(y * y) + {settings.epsilon!r})) * g_y   # normalised read: in every head"
    )
    page.sizes |= {"y": '"V"', "n": '"V"', "v": '"V"'}
    shown = "n"
    if tensors.has(f"{layer}g_proj.weight"):
        values = len(page.given["g_y"])
        page.given["W_g"] = tensors.take(f"{layer}g_proj.weight", part, values, -1)
        page.lines.append("g = W_g @ a   # gate before its function: how much of the read to show")
        page.sizes["g"] = '"V"'
        shown = "(n * silu(g))" if settings.gate == "swish" else "(n * sigmoid(g))"
    page.lines.append(f"z_x = x + W_o @ {shown}   # after the memory: what was read added to the input")
    page.sizes["z_x"] = '"H"'
    page.lines.append(
        f"d = z_x / sqrt(mean(z_x * z_x) + {settings.epsilon!r}) * g_z   # normalised again: with mean square 1"
    )
    page.sizes["d"] = '"H"'


def _channels(tensors: FileTensors, page: _Page, root: str, part: str, width: int) -> int:
    """Write the dense layers above a memory, and return how many channels they have; older files pack two in one."""
    mlp = f"{root}mlp."
    down = tensors.take(f"{mlp}down_proj.weight", part, width, -1)
    inner = down.shape[1]
    if tensors.has(f"{mlp}up_proj.weight") or not tensors.has(f"{mlp}gate_proj.weight"):
        gate = tensors.take(f"{mlp}gate_proj.weight", part, inner, width)
        up = tensors.take(f"{mlp}up_proj.weight", part, inner, width)
    else:
        rows = tensors.all[f"{mlp}gate_proj.weight"].shape[0]
        if rows != 2 * inner:
            up = tensors.take(f"{mlp}up_proj.weight", part, inner, width)
        gate, up = np.split(tensors.take(f"{mlp}gate_proj.weight", part, 2 * inner, width), 2)
    page.given |= {"W_m": gate, "W_u": up, "V_m": down}
    page.sizes["m"] = page.sizes["e"] = '"F"'
    page.lines += [
        "m = W_m @ d   # gate of the channels before its function: how much of each to show",
        "e = silu(m) * (W_u @ d)   # channels: as far as they are shown",
        "h = z_x + V_m @ e   # output: what the channels make of it added",
    ]
    return int(inner)
