"""Mamba and Mamba-2 as their authors' package and transformers save them: `backbone.layers.0.mixer.in_proj.weight`.

A block is h = x + mixer(RMSNorm(x)): Gu & Dao 2023, Dao & Gu 2024. `in_proj` packs z and the channels; the
convolution reads a few tokens, each channel for itself, and its last weight is that of the token itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Found, Recurrent, WrittenReadout
from lstm_tui.formats.importers.released.blocks_in_file import (
    BlockStack,
    FileTensors,
    block_numbers,
    epsilon_of,
    head_page,
    networks,
)

_LAYER = r"(?P<root>(?:.*\.)?)layers\.(?P<n>\d+)\.mixer\.A_log\Z"
_WINDOW = range(2, 9)
"""Tokens that a convolution may read."""


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
        report.say(f"layer{n}.size", f"{width}, {one.sizes['E']} channels, {one.sizes['N']} states each", "confirmed")
    if second:
        report.choose("groups", "1", [], "assumed", NOT_RECORDED)
        report.assume("step_size", "not limited", NOT_RECORDED)
    embedding = next(
        (f"{root}{name}.weight" for name in ("embedding", "embeddings") if tensors.has(f"{root}{name}.weight")), None
    )
    table = None if embedding is None else tensors.take(embedding, "embedding", -1, width)
    norm, head = f"{root}norm_f.weight", _head(tensors, root)
    made = None
    if tensors.has(norm) and (head is not None or table is not None):
        given = {"g_n": tensors.take(norm, "readout", width)}
        if head is None:
            assert table is not None
            report.choose("readout.weights", "those of the embedding", [], "assumed", "no lm_head.weight in the file")
            given["V_y"] = table
        else:
            given["V_y"] = tensors.take(head, "readout", -1, width)
        page = head_page((f"n = h / sqrt(mean(h * h) + {epsilon!r}) * g_n   # normalised: with mean square 1",))
        made = WrittenReadout(page, given, len(given["V_y"]))
        report.say("readout", f"norm, dense, softmax: {made.outputs} outputs", "inferred", "names of its tensors")
    else:
        report.say("readout", "none", "inferred", "no norm_f.weight with a head in the file")
    tensors.tell(report)
    return BlockStack(blocks, table, (), made)


def _head(tensors: FileTensors, root: str) -> str | None:
    """Return the name of the dense layer above; it stands beside the backbone."""
    outer = root.rstrip(".").rpartition(".")[0]
    names = ("lm_head.weight", f"{outer}.lm_head.weight" if outer else "lm_head.weight", f"{root}lm_head.weight")
    return next((name for name in names if tensors.has(name)), None)


def _window(kernel: Array, prefix: str) -> dict[str, Array]:
    """Return the weights of a convolution by how many tokens back each reads; kernel is (channels, 1, K)."""
    flat = kernel.reshape(len(kernel), -1)
    return {f"{prefix}{back}": np.ascontiguousarray(flat[:, -1 - back]) for back in range(flat.shape[1])}


def _kernel(tensors: FileTensors, name: str, part: str, channels: int) -> Array:
    kernel = tensors.take(name, part, channels, 1, -1)
    if kernel.shape[-1] not in _WINDOW:
        raise UserError(f"{tensors.where}: a convolution of {kernel.shape[-1]} tokens; {_WINDOW[-1]} is the most")
    return kernel


def _lines(value: str, made: str, kernel: str, bias: str, count: int, says: str) -> Iterator[str]:
    """Yield a convolution over the last `count` tokens of a value, and what keeps them."""
    terms = [f"{kernel}{back} * {value}{f'_{back}' * bool(back)}" for back in range(count)]
    over = f"{says}: each channel at this token and the {count - 1} before"
    yield f"{made} = silu({' + '.join(terms)} + {bias})   # {over}"
    for back in range(count - 1, 0, -1):
        before = f"{value}_{back - 1}" if back > 1 else value
        yield f"{value}_{back} = {before}   # kept: {says}, {back} back"


def _first(tensors: FileTensors, root: str, part: str, epsilon: float) -> Recurrent:
    """Return a block of Mamba."""
    mixer = f"{root}mixer."
    states = tensors.take(f"{mixer}A_log", part, -1, -1)
    channels, each = states.shape
    packed = tensors.take(f"{mixer}in_proj.weight", part, 2 * channels, -1)
    width = packed.shape[1]
    rank = tensors.take(f"{mixer}dt_proj.weight", part, channels, -1).shape[1]
    kernel = _kernel(tensors, f"{mixer}conv1d.weight", part, channels)
    low = tensors.take(f"{mixer}x_proj.weight", part, rank + 2 * each, channels)
    given = {
        "g_x": tensors.take(f"{root}norm.weight", part, width),
        "W_u": packed[:channels], "W_z": packed[channels:], **_window(kernel, "c_u"),
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
        *_lines("u", "v", "c_u", "b_c", count, "convolution"),
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
    page = _page(
        "mamba_block", "Mamba: a whole block, its norm before and its input added", ["S", *kept], "",
        {"S": '["E", "N"]', "f": '["E", "N"]', **wide, "k": '"N"', "q": '"N"', "l": '"R"'}, lines, biases,
    )  # fmt: skip
    sizes = {"E": channels, "N": each, "R": rank}
    return _recurrent(root, page, width, given, biases, sizes)


def _second(tensors: FileTensors, root: str, part: str, epsilon: float) -> Recurrent:
    """Return a block of Mamba-2, with one group of B and C."""
    mixer = f"{root}mixer."
    heads = len(tensors.take(f"{mixer}A_log", part, -1))
    width, channels = tensors.take(f"{mixer}out_proj.weight", part, -1, -1).shape
    packed = tensors.take(f"{mixer}in_proj.weight", part, -1, width)
    each, odd = divmod(len(packed) - 2 * channels - heads, 2)
    if odd or each < 1 or channels % heads:
        raise UserError(f"{tensors.where}: {mixer}in_proj.weight is not z, x, B, C and a step size of {heads} heads")
    ends = np.cumsum([channels, channels, each, each])
    of_z, of_u, of_k, of_q, of_d = np.split(packed, ends)
    kernel = _kernel(tensors, f"{mixer}conv1d.weight", part, channels + 2 * each)
    cut = [channels, channels + each]
    skip = tensors.all[f"{mixer}D"] if tensors.has(f"{mixer}D") else None
    by_channel = skip is not None and skip.size == channels and channels != heads
    given = {
        "g_x": tensors.take(f"{root}norm.weight", part, width),
        "W_z": of_z, "W_u": of_u, "W_k": of_k, "W_q": of_q, "W_d": of_d,
        **{name: one for prefix, piece in zip(("c_u", "c_k", "c_q"), np.split(kernel, cut), strict=True)
           for name, one in _window(piece, prefix).items()},
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
        *_lines("u", "v", "c_u", "b_u", count, "convolution of the channels"),
        *_lines("g", "k", "c_k", "b_k", count, "convolution of B"),
        *_lines("r", "q", "c_q", "b_q", count, "convolution of C"),
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
    page = _page(
        "mamba2_block", "Mamba-2: a whole block, its norm before and its input added", ["S", *kept], "A",
        {"S": '["E/A", "N"]', **wide, **short, **{name: f'"{size}"' for name, size in kept.items()},
         "d": '"A"', "f": '"A"'},
        lines, biases,
    )  # fmt: skip
    return _recurrent(root, page, width, given, biases, {"E": channels, "N": each, "A": heads})


def _page(
    name: str, title: str, state: list[str], heads: str, sizes: Mapping[str, str], lines: list[str],
    biases: Mapping[str, Array | None],
) -> str:  # fmt: skip
    """Return the page of a block."""
    listed = ", ".join(f"{key} = {value}" for key, value in {"x": '"H"', **sizes}.items())
    return "\n".join([
        f'name = "{name}"',
        f'title = "{title}"',
        'source = "read from the file; Gu & Dao 2023, Dao & Gu 2024"',
        f"state = [{', '.join(map(repr, state))}]".replace("'", '"'),
        'output = "h"',
        *([f'heads = "{heads}"'] if heads else []),
        f"sizes = {{ {listed} }}",
        'functions = { silu = "a * sigmoid(a)" }',
        f"optional = [{', '.join(map(repr, biases))}]".replace("'", '"'),
        "equations = '''",
        *lines,
        "'''",
        "",
    ])  # fmt: skip


def _recurrent(
    root: str, page: str, width: int, given: Mapping[str, Array], biases: Mapping[str, Array | None],
    sizes: Mapping[str, int],
) -> Recurrent:  # fmt: skip
    """Return a block as a layer that reads as many numbers as it shows."""
    there = {name: one for name, one in biases.items() if one is not None}
    without = tuple(name for name, one in biases.items() if one is None)
    return Recurrent(
        root.rstrip("."), page, width, width, (("forward", {**given, **there}),), without=without, sizes=dict(sizes)
    )
