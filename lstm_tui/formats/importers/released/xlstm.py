"""xLSTM as its authors save it: models of mLSTM and sLSTM blocks, and the large one of mLSTM alone (Beck et al. 2024).

Names are `xlstm_block_stack.blocks.0.xlstm.proj_up.weight` in the first, `backbone.blocks.0.mlstm_layer.q.weight` in
the second, which transformers saves alike. In the public code of sLSTM the tensor called `fgate` drives the input gate
and `igate` the forget gate (NX-AI/xlstm#98); files are read so unless told that their names are meant.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import read_number
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Found, Recurrent, WrittenReadout
from lstm_tui.formats.importers.released.block_page import (
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
    head_page,
    networks,
    rms_ends,
)

_LARGE = r"(?P<root>(?:.*\.)?)blocks\.(?P<n>\d+)\.mlstm_layer\.out_proj\.weight\Z"
_SMALL = r"(?P<root>(?:.*\.)?)blocks\.(?P<n>\d+)\.xlstm_norm\.weight\Z"
_PAPERS = "Beck et al. 2024 (xLSTM)"
_HEAD = "head[row] == head[col]"
"""A matrix by whose weights a unit reads those of its own head."""
_SWAPPED, _NAMED = "as the code reads them", "as they are named"
_GATES = "ifzo"
"""Gates of an sLSTM in the order of its recurrent weights."""
_KEEP = (
    "b = -softplus(-f_r)   # log of the forget gate: how much to keep, before it is scaled; the log of a sigmoid",
    "m = max(b + m, i_r)   # stabiliser: the larger of the two logs; both gates are divided by it",
    "i = exp(min(i_r - m, 0))   # input gate: how much to write, scaled",
    "f = exp(min(b + prev(m) - m, 0))   # forget gate: how much of the memory to keep, scaled",
)
_MEMORY = (
    *_KEEP,
    "S = by_head(f) * S + by_head(i) * outer(v, k)   # memory: a matrix a head; keep, then write",
    "n = by_head(f) * n + by_head(i) * k   # normaliser: all keys so far, kept in the same way",
    "s = max(abs(sum_heads(n * q)), exp(-m)) + 0.000001   # size of the read: how much was written under such keys",
    "y = (S @ q) / by_head(s)   # read: the mean of the values whose keys are like the query",
)


def find_xlstm(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the xLSTM models among tensors; none where no names are theirs."""
    return [
        *networks(tensors, where, _LARGE, "blocks", _large_stack),
        *networks(tensors, where, _SMALL, "blocks", _small_stack),
    ]


def _cap(report: ImportReport, key: str, usual: str) -> float:
    """Return between what and its negative something is bent by a tanh; 0 where it is not.

    Raises:
        UserError: The user says something that is no such number.
    """
    text = report.choose(key, usual, ["none"], "assumed", NOT_RECORDED, free=True)
    number = 0 if text == "none" else read_number(text)
    if number is None or not 0 <= number < 1e6 or (text != "none" and number == 0):
        raise UserError(
            f"{report.file}: --set {key}={visible(text[:40])} is neither `none` nor a number, such as {usual}"
        )
    return float(number)


def _rms(made: str, of: str, scale: str, epsilon: float, says: str) -> str:
    return f"{made} = {of} / sqrt(mean({of} * {of}) + {epsilon!r}) * {scale}   # {says}: with mean square 1"


def _heads_normed(epsilon: float) -> tuple[str, str]:
    return (
        "w = y - by_head(mean_heads(y))   # centred read: without the mean of its head",
        f"r = w / by_head(sqrt(mean_heads(w * w) + {epsilon!r})) * g_y   # normalised read: in every head",
    )


def _large_stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    report.say("layout", "xLSTM large", "inferred", "names of its tensors")
    epsilon = epsilon_of(report, "1e-06")
    gates, logits = _cap(report, "gate_cap", "15"), _cap(report, "logit_cap", "30")
    make = partial(_large, tensors, epsilon, gates)
    blocks = tuple(make(f"{root}blocks.{n}.", f"layer{n}") for n in block_numbers(tensors, root, "blocks"))
    _tell_blocks(report, blocks)
    table, head = rms_ends(tensors, report, root, "out_norm", blocks[0].hidden, epsilon, logits)
    tensors.tell(report)
    return BlockStack(blocks, table, (), head)


def _tell_blocks(report: ImportReport, blocks: tuple[Recurrent, ...]) -> None:
    for n, one in enumerate(blocks):
        kind = "mLSTM" if "K" in one.sizes else "sLSTM"
        report.say(f"layer{n}.cell", f"{kind} block", "inferred", "names and shapes")
        report.say(f"layer{n}.size", f"{one.hidden}, {one.sizes['A']} heads", "confirmed", "shapes of its weights")


def _large(tensors: FileTensors, epsilon: float, cap: float, root: str, part: str) -> Recurrent:
    """Return a block of the large model: mLSTM, then two dense layers and a gate; packed tensors are taken apart."""
    layer, ffn = f"{root}mlstm_layer.", f"{root}ffn."
    with_bias = [name for name in tensors.all if name.startswith(root) and name.endswith(".bias")]
    odd = next((name for name in with_bias if "gate_preact" not in name or "ogate" in name), None)
    if odd is not None:
        raise UserError(f"{tensors.where}: {visible(odd)}: a model whose dense layers have biases is not read")
    width, values = tensors.take(f"{layer}out_proj.weight", part, -1, -1).shape
    if tensors.has(f"{layer}qkv_opreact.weight"):
        packed = tensors.take(f"{layer}qkv_opreact.weight", part, -1, width)
        keys, left = divmod(len(packed) - 2 * values, 2)
        if left or keys < 1:
            raise UserError(f"{tensors.where}: {visible(layer)}qkv_opreact.weight is not q, k, v and a gate")
        query, key, value, shown = np.split(packed, [keys, 2 * keys, 2 * keys + values])
        gates = tensors.take(f"{layer}ifgate_preact.weight", part, -1, width)
        both = tensors.take(f"{layer}ifgate_preact.bias", part, len(gates))
        if len(gates) % 2:
            raise UserError(f"{tensors.where}: {visible(layer)}ifgate_preact.weight is not two gates of every head")
        (w_i, w_f), (b_i, b_f) = np.split(gates, 2), np.split(both, 2)
    else:
        query = tensors.take(f"{layer}q.weight", part, -1, width)
        keys = len(query)
        key = tensors.take(f"{layer}k.weight", part, keys, width)
        value = tensors.take(f"{layer}v.weight", part, values, width)
        shown = tensors.take(f"{layer}ogate_preact.weight", part, values, width)
        w_i, w_f = (tensors.take(f"{layer}{one}gate_preact.weight", part, -1, width) for one in "if")
        b_i, b_f = (tensors.take(f"{layer}{one}gate_preact.bias", part, len(w_i)) for one in "if")
    heads = len(w_i)
    if not heads or len(w_f) != heads or keys % heads or values % heads:
        raise UserError(f"{tensors.where}: {visible(layer)} does not divide into {heads} heads")
    down = tensors.take(f"{ffn}proj_down.weight", part, width, -1)
    inner = down.shape[1]
    if tensors.has(f"{ffn}proj_up_gate_z.weight"):
        gate, up = np.split(tensors.take(f"{ffn}proj_up_gate_z.weight", part, 2 * inner, width), 2)
    else:
        gate, up = (tensors.take(f"{ffn}{one}.weight", part, inner, width) for one in ("proj_up_gate", "proj_up"))
    given = {
        "g_x": tensors.take(f"{root}norm_mlstm.weight", part, width),
        "g_z": tensors.take(f"{root}norm_ffn.weight", part, width),
        "g_y": tensors.take(f"{layer}multihead_norm.weight", part, values),
        "W_q": query, "W_k": key, "W_v": value, "W_g": shown, "W_i": w_i, "W_f": w_f, "b_i": b_i, "b_f": b_f,
        "W_o": tensors.take(f"{layer}out_proj.weight", part, width, values), "W_m": gate, "W_u": up, "V_m": down,
    }  # fmt: skip

    def bent(of: str) -> str:
        return f"{cap!r} * tanh(({of}) / {cap!r})" if cap else of

    lines = [
        _rms("a", "x", "g_x", epsilon, "normalised input"),
        f"q = W_q @ a * {(keys // heads) ** -0.5!r}   # query: what is asked of the memory, scaled",
        "k = W_k @ a   # key: under what this token is written",
        "v = W_v @ a   # value: what this token writes",
        f"i_r = {bent('W_i @ a + b_i')}   # log of the input gate: how much to write, before it is scaled",
        f"f_r = {bent('W_f @ a + b_f')}   # forget gate before its function: how much to keep",
        *_MEMORY,
        *_heads_normed(epsilon),
        "o = sigmoid(W_g @ a)   # output gate: how much of the read to show",
        "z_x = x + W_o @ (o * r)   # after the memory: what was read added to the input",
        _rms("d", "z_x", "g_z", epsilon, "normalised again"),
        "g = W_m @ d   # gate of the channels before its function: how much of each to show",
        "e = silu(g) * (W_u @ d)   # channels: as far as they are shown",
        "h = z_x + V_m @ e   # output: what the channels make of it added",
    ]
    sizes = {
        "S": '["V/A", "K/A"]', **dict.fromkeys("qkn", '"K"'), **dict.fromkeys("vywro", '"V"'),
        **dict.fromkeys(("i_r", "f_r", "b", "m", "i", "f", "s"), '"A"'), "g": '"F"', "e": '"F"',
    }  # fmt: skip
    page = block_page(
        "xlstm_large_block", "xLSTM large: mLSTM and channels", _PAPERS, ["S", "n", "m"], "A", sizes, lines, {}
    )
    return whole_block(root, page, width, given, {}, {"A": heads, "K": keys, "V": values, "F": inner})


def _small_stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    report.say("layout", "xLSTM", "inferred", "names of its tensors")
    numbers = block_numbers(tensors, root, "blocks")
    starts = [f"{root}blocks.{n}.xlstm.slstm_cell." for n in numbers]
    cells = [any(name.startswith(start) for name in tensors.all) for start in starts]
    swapped = any(cells) and report.choose(
        "slstm_gates", _SWAPPED, [_NAMED], "assumed", "the public code takes igate for fgate, NX-AI/xlstm#98"
    ) == _SWAPPED  # fmt: skip
    epsilon = epsilon_of(report)
    blocks = tuple(
        _scalar(tensors, epsilon, swapped, f"{root}blocks.{n}.", f"layer{n}") if scalar
        else _matrix(tensors, epsilon, f"{root}blocks.{n}.", f"layer{n}")
        for n, scalar in zip(numbers, cells, strict=True)
    )  # fmt: skip
    _tell_blocks(report, blocks)
    table, head = _small_ends(tensors, report, root, blocks[0].hidden, epsilon)
    tensors.tell(report)
    return BlockStack(blocks, table, (), head)


def _small_ends(
    tensors: FileTensors, report: ImportReport, root: str, width: int, epsilon: float
) -> tuple[Array | None, WrittenReadout | None]:
    outer = root.rstrip(".").rpartition(".")[0]
    beside = f"{outer}." if outer else ""
    table = tensors.maybe(f"{beside}token_embedding.weight", "embedding", -1, width)
    norm, head = f"{root}post_blocks_norm.weight", f"{beside}lm_head.weight"
    if not tensors.has(head) and (table is None or not tensors.has(norm)):
        report.say("readout", "none", "inferred", "no lm_head.weight in the file")
        return table, None
    given: dict[str, Array] = {}
    lines = ["n = h   # as it is: no norm above the blocks"]
    if tensors.has(norm):
        given["g_n"] = 1 + tensors.take(norm, "readout", width)
        lines = _normed("n", "h", "g_n", epsilon, "normalised")
    if tensors.has(head):
        given["V_y"] = tensors.take(head, "readout", -1, width)
    elif table is not None:
        report.choose("readout.weights", "those of the embedding", [], "assumed", "no lm_head.weight in the file")
        given["V_y"] = table
    made = WrittenReadout(head_page(tuple(lines)), given, len(given["V_y"]))
    report.say("readout", f"norm, dense, softmax: {made.outputs} outputs", "inferred", "names of its tensors")
    return table, made


def _normed(made: str, of: str, scale: str, epsilon: float, says: str) -> list[str]:
    """Return a layer norm without bias; its weight is a step away from 1."""
    return [
        f"{made}_c = {of} - mean({of})   # {says}, first without its mean",
        f"{made} = {made}_c / sqrt(mean({made}_c * {made}_c) + {epsilon!r}) * {scale}   # {says}: with variance 1",
    ]


def _by_block(blocks: Array) -> Array:
    """Return a matrix whose blocks along the diagonal are given: (blocks, rows, columns)."""
    count, rows, columns = blocks.shape
    made = np.zeros((count, rows, count, columns), blocks.dtype)
    made[np.arange(count), :, np.arange(count)] = blocks
    return made.reshape(count * rows, count * columns)


def _headwise(tensors: FileTensors, name: str, part: str, width: int) -> Array:
    """Return the weights of a layer that reads a few numbers at a time, as one matrix.

    Raises:
        UserError: It does not read as many numbers as it makes.
    """
    tensor = tensors.all.get(name)
    if (
        tensor is None
        or tensor.ndim != 3
        or tensor.shape[0] * tensor.shape[1] != width
        or tensor.shape[2] != tensor.shape[1]
    ):
        tensors.take(name, part, -1, -1, -1)
        raise UserError(f"{tensors.where}: {visible(name)} is not square blocks of {width} numbers together")
    return _by_block(tensors.take(name, part, *tensor.shape))


def _window(
    tensors: FileTensors, name: str, part: str, value: str, channels: int
) -> tuple[list[str], dict[str, Array], list[str]]:
    """Return the lines of a convolution of a value into `g`, its weights, and the states that it keeps."""
    kernel = window_kernel(tensors, f"{name}.weight", part, channels)
    count = kernel.shape[-1]
    lines = list(window_lines(value, "g", "c_g", "b_g", count, "convolution"))
    weights = {**window_weights(kernel, "c_g"), "b_g": tensors.take(f"{name}.bias", part, channels)}
    return lines, weights, [f"{value}_{back}" for back in range(1, count)]


def _matrix(tensors: FileTensors, epsilon: float, root: str, part: str) -> Recurrent:
    """Return an mLSTM block: up, a convolution, the memory, a gate, down."""
    layer = f"{root}xlstm."
    width, channels = tensors.take(f"{layer}proj_down.weight", part, -1, -1).shape
    packed = tensors.take(f"{layer}proj_up.weight", part, 2 * channels, width)
    cell = f"{layer}mlstm_cell."
    gates = {one: tensors.take(f"{cell}{one}gate.weight", part, -1, 3 * channels) for one in "if"}
    heads = len(gates["i"])
    if not heads or len(gates["f"]) != heads or channels % heads:
        raise UserError(f"{tensors.where}: {visible(cell)}fgate and igate are not of heads of {channels} channels")
    window, weights, kept = _window(tensors, f"{layer}conv1d.conv", part, "u", channels)
    given = {
        "g_x": 1 + tensors.take(f"{root}xlstm_norm.weight", part, width),
        "W_u": packed[:channels], "W_z": packed[channels:], **weights,
        **{f"W_{one}": _headwise(tensors, f"{layer}{one}_proj.weight", part, channels) for one in "qkv"},
        **{f"W_{one}{letter}": piece for one in "if"
           for letter, piece in zip("qkv", np.split(gates[one], 3, axis=1), strict=True)},
        **{f"b_{one}": tensors.take(f"{cell}{one}gate.bias", part, heads) for one in "if"},
        "g_y": 1 + tensors.take(f"{cell}outnorm.weight", part, channels),
        "s_g": tensors.take(f"{layer}learnable_skip", part, channels),
        "W_o": tensors.take(f"{layer}proj_down.weight", part, width, channels),
    }  # fmt: skip
    up = tensors.maybe(f"{layer}proj_up.bias", part, 2 * channels)
    biases: dict[str, Array | None] = {
        "b_u": None if up is None else up[:channels],
        "b_z": None if up is None else up[channels:],
    }
    biases |= {f"b_{one}": tensors.maybe(f"{layer}{one}_proj.bias", part, channels) for one in "qkv"}
    biases["b_o"] = tensors.maybe(f"{layer}proj_down.bias", part, width)
    lines = [
        *_normed("a", "x", "g_x", epsilon, "normalised input"),
        "u = W_u @ a + b_u   # channels: what is written, before the convolution",
        "z = W_z @ a + b_z   # gate before its function: how much of the read to show",
        *window,
        "p = W_q @ g + b_q   # query before it is scaled: what is asked of the memory",
        "k = W_k @ g + b_k   # key: under what this token is written",
        "v = W_v @ u + b_v   # value: what this token writes",
        f"q = p * {(channels // heads) ** -0.5!r}   # query: scaled",
        "i_r = W_iq @ p + W_ik @ k + W_iv @ v + b_i   # log of the input gate: how much to write, before it is scaled",
        "f_r = W_fq @ p + W_fk @ k + W_fv @ v + b_f   # forget gate before its function: how much to keep",
        *_MEMORY,
        *_heads_normed(epsilon),
    ]
    after = "x + W_o @ ((r + s_g * g) * silu(z)) + b_o   # {}: what was read and the channels, as far as shown"
    sizes = {
        "S": '["E/A", "E/A"]', **dict.fromkeys(("u", "z", "g", "p", "k", "v", "q", "n", "y", "w", "r", *kept), '"E"'),
        **dict.fromkeys(("i_r", "f_r", "b", "m", "i", "f", "s"), '"A"'),
    }  # fmt: skip
    more = _finish(tensors, root, part, width, epsilon, lines, after, sizes, given, biases)
    counts = [len(tensors.all[f"{layer}{one}_proj.weight"]) for one in "qkv"]
    mask = {
        f"W_{one}": "block[row] == block[col]" for one, count in zip("qkv", counts, strict=True) if count == counts[0]
    }
    page = block_page(
        "mlstm_block", "mLSTM: a whole block", _PAPERS, ["S", "n", "m", *kept], "A", sizes, lines, biases,
        mask=mask, fixed={"block": range(counts[0])},
    )  # fmt: skip
    return whole_block(root, page, width, given, biases, {"A": heads, "E": channels, "K": channels, **more})


def _scalar(tensors: FileTensors, epsilon: float, swapped: bool, root: str, part: str) -> Recurrent:
    """Return an sLSTM block: a convolution, the memory, then two dense layers and a gate where it has them."""
    layer = f"{root}xlstm."
    cell = f"{layer}slstm_cell."
    scale = tensors.take(f"{root}xlstm_norm.weight", part, -1)
    width = len(scale)
    kernel = tensors.all.get(f"{cell}_recurrent_kernel_")
    if kernel is None:
        kernel = tensors.take(f"{cell}_recurrent_kernel_", part, -1, -1, -1)
    heads = kernel.shape[0] if kernel.ndim == 3 else 0
    each = width // heads if heads else 0
    if not heads or heads * each != width or kernel.shape[1:] not in ((4 * each, each), (each, 4 * each)):
        raise UserError(
            f"{tensors.where}: {visible(cell)}_recurrent_kernel_ is not four gates of heads of {width} units"
        )
    recurrent = tensors.take(f"{cell}_recurrent_kernel_", part, *kernel.shape)
    flat = tensors.take(f"{cell}_bias_", part, 4 * width)
    if (
        kernel.shape[1] == 4 * each
    ):  # as the code without CUDA keeps it: a gate, its heads, what it makes, what it reads
        back = recurrent.reshape(heads, 4, each, each).transpose(1, 0, 2, 3)
        bias = flat.reshape(4, width)
    else:  # as the CUDA code keeps it: a head, what it reads, its gates, what they make
        back = recurrent.reshape(heads, each, 4, each).transpose(2, 0, 3, 1)
        bias = flat.reshape(heads, 4, each).transpose(1, 0, 2).reshape(4, width)
    file = dict(zip(_GATES, "fizo" if swapped else _GATES, strict=True))
    given = {
        "g_x": 1 + scale, "g_y": 1 + tensors.take(f"{layer}group_norm.weight", part, width),
        **{f"W_{one}": _headwise(tensors, f"{layer}{name}gate.weight", part, width) for one, name in file.items()},
        **{f"U_{one}": _by_block(back[n]) for n, one in enumerate(_GATES)},
        **{f"b_{one}": bias[n] for n, one in enumerate(_GATES)},
    }  # fmt: skip
    biases: dict[str, Array | None] = {}
    lines = _normed("a", "x", "g_x", epsilon, "normalised input")
    kept: list[str] = []
    read = "a"
    if any(name.startswith(f"{layer}conv1d.") for name in tensors.all):
        window, weights, kept = _window(tensors, f"{layer}conv1d.conv", part, "a", width)
        lines += window
        given |= weights
        read = "g"
    lines += [
        f"i_r = W_i @ {read} + U_i @ y + b_i   # log of the input gate: how much to write, before it is scaled",
        f"f_r = W_f @ {read} + U_f @ y + b_f   # forget gate before its function: how much to keep",
        "z = tanh(W_z @ a + U_z @ y + b_z)   # candidate: what could be written",
        "o = sigmoid(W_o @ a + U_o @ y + b_o)   # output gate: how much of the memory to show",
        *_KEEP,
        "c = f * c + i * z   # memory: keep, then write",
        "n = f * n + i   # normaliser: how much has been written in all, kept in the same way",
        "y = o * (c / n)   # read: the mean of what was written, as far as it is shown",
        *_heads_normed(epsilon),
    ]
    sizes = dict.fromkeys(("y", "c", "n", "m", *kept), '"H"')
    of_heads = {name: len(tensors.all[f"{layer}{name}gate.weight"]) == heads for name in _GATES}
    mask = dict.fromkeys((f"U_{one}" for one in _GATES), _HEAD)
    mask |= {f"W_{one}": _HEAD for one, name in file.items() if of_heads[name]}
    more = _finish(
        tensors, root, part, width, epsilon, lines, "x + r   # {}: what was read added", sizes, given, biases
    )
    page = block_page(
        "slstm_block", "sLSTM: a whole block", _PAPERS, ["y", "c", "n", "m", *kept], "A", sizes, lines, biases,
        initial={"m": "-inf"}, mask=mask,
    )  # fmt: skip
    return whole_block(root, page, width, given, biases, {"A": heads, **more})


def _finish(
    tensors: FileTensors, root: str, part: str, width: int, epsilon: float, lines: list[str], after: str,
    sizes: dict[str, str], given: dict[str, Array], biases: dict[str, Array | None],
) -> dict[str, int]:  # fmt: skip
    """Write what a block shows: with two dense layers and a gate above the memory where it has them."""
    ffn = f"{root}ffn."
    if not any(name.startswith((ffn, f"{root}ffn_norm.")) for name in tensors.all):
        lines.append(f"h = {after.format('output')}")
        return {}
    down = tensors.take(f"{ffn}proj_down.weight", part, width, -1)
    inner = down.shape[1]
    packed = tensors.take(f"{ffn}proj_up.weight", part, 2 * inner, width)
    given |= {
        "g_z": 1 + tensors.take(f"{root}ffn_norm.weight", part, width), "W_m": packed[:inner], "W_e": packed[inner:],
        "V_m": down,
    }  # fmt: skip
    both = tensors.maybe(f"{ffn}proj_up.bias", part, 2 * inner)
    biases |= {"b_m": None if both is None else both[:inner], "b_e": None if both is None else both[inner:]}
    biases["b_d"] = tensors.maybe(f"{ffn}proj_down.bias", part, width)
    lines += [
        f"z_x = {after.format('after the memory')}",
        *_normed("d", "z_x", "g_z", epsilon, "normalised again"),
        "g_m = W_m @ d + b_m   # gate of the channels before its function: how much of each to show",
        *_gelu("g_m", "s_m"),
        "e = s_m * (W_e @ d + b_e)   # channels: as far as they are shown",
        "h = z_x + V_m @ e + b_d   # output: what the channels make of it added",
    ]
    sizes |= dict.fromkeys(("g_m", "t_m", "q_m", "s_m", "e"), '"F"')
    return {"F": inner}


def _gelu(of: str, made: str) -> Iterator[str]:
    """Yield a value times the normal distribution up to it, within 2e-7 (Abramowitz & Stegun 1964, 7.1.26)."""
    yield f"t_m = 1 / (1 + 0.23164188752 * abs({of}))   # for gelu: near 1 where the gate is near 0"
    terms = (
        "t_m * (0.254829592 + t_m * (-0.284496736 + t_m * (1.421413741 + t_m * (-1.453152027 + t_m * 1.061405429))))"
    )
    yield f"q_m = 0.5 * {terms} * exp(-{of} * {of} / 2)   # for gelu: how much of a normal distribution is beyond"
    yield f"{made} = max({of}, 0) - abs({of}) * q_m   # gelu of the gate: how much of each channel to show"
