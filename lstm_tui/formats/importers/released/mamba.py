"""Mamba and Mamba-2 as their authors' package and transformers save them: `backbone.layers.0.mixer.in_proj.weight`.

A block is h = x + mixer(RMSNorm(x)): Gu & Dao 2023, Dao & Gu 2024. `in_proj` packs z and the channels; the
convolution reads a few tokens, each channel for itself, and its last weight is that of the token itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Found, Recurrent
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
    networks,
    rms_ends,
)

_PAPERS = "Gu & Dao 2023, Dao & Gu 2024"
_LAYER = r"(?P<root>(?:.*\.)?)layers\.(?P<n>\d+)\.mixer\.A_log\Z"


def find_mamba(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the Mamba models among tensors; none where no names are theirs."""
    return networks(tensors, where, _LAYER, "layers", _stack)


def _stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    numbers = block_numbers(tensors, root, "layers")
    second = tensors.has(f"{root}layers.0.mixer.dt_bias")
    report.say("layout", "Mamba-2" if second else "Mamba", "inferred", "names of its tensors")
    epsilon = epsilon_of(report)
    block = _second if second else _first
    blocks = tuple(block(tensors, f"{root}layers.{n}.", f"layer{n}", epsilon) for n in numbers)
    width = blocks[0].hidden
    for n, one in enumerate(blocks):
        report.say(f"layer{n}.cell", "mamba2 block" if second else "mamba block", "inferred", "names and shapes")
        report.say(
            f"layer{n}.size",
            f"{width}, {one.sizes['E']} channels, {one.sizes['N']} states each",
            "confirmed",
            "shapes of its weights",
        )
    if second:
        report.choose("groups", "1", [], "assumed", NOT_RECORDED)
        report.assume("step_size", "not limited", NOT_RECORDED)
    table, made = rms_ends(tensors, report, root, "norm_f", width, epsilon)
    tensors.tell(report)
    return BlockStack(blocks, table, (), made)


def _first(tensors: FileTensors, root: str, part: str, epsilon: float) -> Recurrent:
    """Return a block of Mamba."""
    mixer = f"{root}mixer."
    states = tensors.take(f"{mixer}A_log", part, -1, -1)
    channels, each = states.shape
    packed = tensors.take(f"{mixer}in_proj.weight", part, 2 * channels, -1)
    width = packed.shape[1]
    rank = tensors.take(f"{mixer}dt_proj.weight", part, channels, -1).shape[1]
    kernel = window_kernel(tensors, f"{mixer}conv1d.weight", part, channels)
    low = tensors.take(f"{mixer}x_proj.weight", part, rank + 2 * each, channels)
    given = {
        "g_x": tensors.take(f"{root}norm.weight", part, width),
        "W_u": packed[:channels], "W_z": packed[channels:], **window_weights(kernel, "c_u"),
        "W_l": low[:rank], "W_k": low[rank : rank + each], "W_q": low[rank + each :],
        "W_d": tensors.take(f"{mixer}dt_proj.weight", part, channels, rank),
        "b_d": tensors.take(f"{mixer}dt_proj.bias", part, channels),
        "a_log": states.ravel(), "s_d": tensors.take(f"{mixer}D", part, channels),
        "W_o": tensors.take(f"{mixer}out_proj.weight", part, width, channels),
    }  # fmt: skip
    both = tensors.maybe(f"{mixer}in_proj.bias", part, 2 * channels)
    biases = {
        "b_u": None if both is None else both[:channels], "b_z": None if both is None else both[channels:],
        "b_c": tensors.maybe(f"{mixer}conv1d.bias", part, channels),
        "b_o": tensors.maybe(f"{mixer}out_proj.bias", part, width),
    }  # fmt: skip
    count = kernel.shape[-1]
    kept = [f"u_{back}" for back in range(1, count)]
    wide = dict.fromkeys(("u", "v", "z", "d", "y", *kept), '"E"')
    lines = [
        f"a = x / sqrt(mean(x * x) + {epsilon!r}) * g_x   # normalised input: with mean square 1",
        "u = W_u @ a + b_u   # channels: what is written, before the convolution",
        *window_lines("u", "v", "c_u", "b_c", count, "convolution"),
        "z = W_z @ a + b_z   # gate before its function: how much of the read to show",
        "l = W_l @ v   # step size in few numbers: what it is widened from",
        "d = softplus(W_d @ l + b_d)   # step size: how much of this token to let in, a channel",
        "k = W_k @ v   # B: how the token is written to the states of a channel",
        "q = W_q @ v   # C: how the states of a channel are read",
        "f = exp(-by_row(d) * exp(a_log))   # keep: how much of every state to keep",
        "S = f * S + outer(d * v, k)   # memory: states of every channel; keep, then write",
        "y = (S @ q + s_d * v) * silu(z)   # read: the states of a channel, and the channel itself, as far as shown",
        "h = x + W_o @ y + b_o   # output: what was read added to the input",
    ]
    page = block_page(
        "mamba_block", "Mamba: a whole block, its norm before and its input added", _PAPERS, ["S", *kept], "",
        {"S": '["E", "N"]', "f": '["E", "N"]', **wide, "k": '"N"', "q": '"N"', "l": '"R"'}, lines, biases,
    )  # fmt: skip
    sizes = {"E": channels, "N": each, "R": rank}
    return whole_block(root, page, width, given, biases, sizes)


def _second(tensors: FileTensors, root: str, part: str, epsilon: float) -> Recurrent:
    """Return a block of Mamba-2, with one group of B and C."""
    mixer = f"{root}mixer."
    heads = len(tensors.take(f"{mixer}A_log", part, -1))
    width, channels = tensors.take(f"{mixer}out_proj.weight", part, -1, -1).shape
    packed = tensors.take(f"{mixer}in_proj.weight", part, -1, width)
    each, odd = divmod(len(packed) - 2 * channels - heads, 2)
    if not heads or odd or each < 1 or channels % heads:
        raise UserError(f"{tensors.where}: {mixer}in_proj.weight is not z, x, B, C and a step size of {heads} heads")
    ends = np.cumsum([channels, channels, each, each])
    of_z, of_u, of_k, of_q, of_d = np.split(packed, ends)
    kernel = window_kernel(tensors, f"{mixer}conv1d.weight", part, channels + 2 * each)
    cut = [channels, channels + each]
    skip = tensors.all[f"{mixer}D"] if tensors.has(f"{mixer}D") else None
    by_channel = skip is not None and skip.size == channels and channels != heads
    given = {
        "g_x": tensors.take(f"{root}norm.weight", part, width),
        "W_z": of_z, "W_u": of_u, "W_k": of_k, "W_q": of_q, "W_d": of_d,
        **{name: one for prefix, piece in zip(("c_u", "c_k", "c_q"), np.split(kernel, cut), strict=True)
           for name, one in window_weights(piece, prefix).items()},
        "b_d": tensors.take(f"{mixer}dt_bias", part, heads), "a_log": tensors.take(f"{mixer}A_log", part, heads),
        "s_d": tensors.take(f"{mixer}D", part, channels if by_channel else heads),
        "g_y": tensors.take(f"{mixer}norm.weight", part, channels),
        "W_o": tensors.take(f"{mixer}out_proj.weight", part, width, channels),
    }  # fmt: skip
    both = tensors.maybe(f"{mixer}conv1d.bias", part, channels + 2 * each)
    packed_bias = tensors.maybe(f"{mixer}in_proj.bias", part, len(packed))
    biases: dict[str, Array | None] = dict.fromkeys(("b_u", "b_k", "b_q", "a_z", "a_u", "a_k", "a_q", "a_d"))
    if both is not None:
        biases |= dict(zip(("b_u", "b_k", "b_q"), np.split(both, cut), strict=True))
    if packed_bias is not None:
        biases |= dict(zip(("a_z", "a_u", "a_k", "a_q", "a_d"), np.split(packed_bias, ends), strict=True))
    biases["b_o"] = tensors.maybe(f"{mixer}out_proj.bias", part, width)
    count = kernel.shape[-1]
    raw = {"u": "E", "g": "N", "r": "N"}
    kept = {f"{name}_{back}": size for name, size in raw.items() for back in range(1, count)}
    through = "s_d * v" if by_channel else "by_head(s_d) * v"
    lines = [
        f"a = x / sqrt(mean(x * x) + {epsilon!r}) * g_x   # normalised input: with mean square 1",
        "u = W_u @ a + a_u   # channels: what is written, before the convolution",
        "g = W_k @ a + a_k   # B before the convolution: how the token is written",
        "r = W_q @ a + a_q   # C before the convolution: how the memory is read",
        *window_lines("u", "v", "c_u", "b_u", count, "convolution of the channels"),
        *window_lines("g", "k", "c_k", "b_k", count, "convolution of B"),
        *window_lines("r", "q", "c_q", "b_q", count, "convolution of C"),
        "z = W_z @ a + a_z   # gate before its function: how much of the read to show",
        "d = softplus(W_d @ a + a_d + b_d)   # step size: how much of this token to let in, a head",
        "f = exp(-d * exp(a_log))   # keep: how much of the memory of a head to keep",
        "S = by_head(f) * S + outer(by_head(d) * v, each_head(k))   # memory: a matrix a head; keep, then write",
        f"y = S @ each_head(q) + {through}   # read: what the head holds under C, and the channel itself",
        "n = y * silu(z)   # gated read: as much of it as the token shows",
        f"h = x + W_o @ (n / sqrt(mean(n * n) + {epsilon!r}) * g_y) + b_o   # output: what was read added to the input",
    ]
    wide = dict.fromkeys(("u", "v", "z", "y", "n"), '"E"')
    short = dict.fromkeys(("g", "r", "k", "q"), '"N"')
    page = block_page(
        "mamba2_block", "Mamba-2: a whole block, its norm before and its input added", _PAPERS, ["S", *kept], "A",
        {"S": '["E/A", "N"]', **wide, **short, **{name: f'"{size}"' for name, size in kept.items()},
         "d": '"A"', "f": '"A"'},
        lines, biases,
    )  # fmt: skip
    return whole_block(root, page, width, given, biases, {"E": channels, "N": each, "A": heads})
