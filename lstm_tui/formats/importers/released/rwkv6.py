"""RWKV-6 as its authors save it, a `.pth` of `blocks.0.att.time_maa_x` and so on: Peng et al. 2024 (Eagle and Finch).

A block is time mixing and channel mixing, each behind a layer norm and added to what came in. How much of the token
before is mixed in depends on the token itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Found, Recurrent
from lstm_tui.formats.importers.released.blocks_in_file import BlockStack, FileTensors, block_numbers, networks
from lstm_tui.formats.importers.released.rwkv7 import ends_of, vector_of

_LAYER = r"(?P<root>(?:.*\.)?)blocks\.(?P<n>\d+)\.att\.time_faaaa\Z"
_MIXED = ("w", "k", "v", "r", "g")
"""In the order of the file."""


def find_rwkv6(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the RWKV-6 models among tensors; none where no names are theirs, as those of RWKV-5 are not."""
    own = {name: one for name, one in tensors.items() if ".att.time_maa_w2" in name}
    return networks(tensors, where, _LAYER, "blocks", _stack) if own else []


def _stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    numbers = block_numbers(tensors, root, "blocks")
    report.say("layout", "RWKV-6", "inferred", "names of its tensors")
    report.assume("head_epsilon", "0.00064", NOT_RECORDED)
    blocks = tuple(_block(tensors, f"{root}blocks.{n}.", f"layer{n}") for n in numbers)
    for n, one in enumerate(blocks):
        report.say(f"layer{n}.cell", "rwkv6 block", "inferred", "names and shapes")
        report.say(f"layer{n}.size", f"{one.hidden}, {one.sizes['A']} heads", "confirmed")
    stack = ends_of(tensors, report, root, blocks)
    tensors.tell(report)
    return stack


def _block(tensors: FileTensors, root: str, part: str) -> Recurrent:
    att, ffn = f"{root}att.", f"{root}ffn."
    heads, size = tensors.take(f"{att}time_faaaa", part, -1, -1).shape
    width = heads * size

    def vector(name: str) -> Array:
        return tensors.take(name, part, width)

    def square(name: str) -> Array:
        return tensors.take(f"{name}.weight", part, width, width)

    ups = tensors.take(f"{att}time_maa_w2", part, len(_MIXED), -1, width)
    rank = ups.shape[1]
    downs = tensors.take(f"{att}time_maa_w1", part, width, len(_MIXED) * rank).T
    low = tensors.take(f"{att}time_decay_w1", part, width, -1).shape[1]
    inner = tensors.take(f"{ffn}key.weight", part, -1, width).shape[0]
    given = {
        **{f"g_{n}": vector(f"{root}ln{n}.weight") for n in (1, 2)},
        **{f"b_{n}": vector(f"{root}ln{n}.bias") for n in (1, 2)},
        "m_x": vector(f"{att}time_maa_x"), **{f"m_{one}": vector(f"{att}time_maa_{one}") for one in _MIXED},
        **{f"A_{one}": downs[n * rank : (n + 1) * rank] for n, one in enumerate(_MIXED)},
        **{f"B_{one}": ups[n].T for n, one in enumerate(_MIXED)},
        "W_r": square(f"{att}receptance"), "W_k": square(f"{att}key"), "W_v": square(f"{att}value"),
        "W_g": square(f"{att}gate"), "W_o": square(f"{att}output"),
        "w_d": vector(f"{att}time_decay"), "W_w": tensors.take(f"{att}time_decay_w1", part, width, low).T,
        "V_w": tensors.take(f"{att}time_decay_w2", part, low, width).T,
        "u_k": vector_of(tensors, f"{att}time_faaaa", part),
        "g_n": vector(f"{att}ln_x.weight"), "b_n": vector(f"{att}ln_x.bias"),
        "m_f": vector(f"{ffn}time_maa_k"), "m_s": vector(f"{ffn}time_maa_r"),
        "W_f": tensors.take(f"{ffn}key.weight", part, inner, width), "W_s": square(f"{ffn}receptance"),
        "V_f": tensors.take(f"{ffn}value.weight", part, width, inner),
    }  # fmt: skip
    sizes = {"A": heads, "F": inner, "R": rank, "Q": low}
    return Recurrent(root.rstrip("."), _page(), width, width, (("forward", given),), sizes=sizes)


def _page() -> str:
    """Return the page of a block."""
    mixed = [
        line
        for one, letter, what in (
            ("i", "w", "decay"), ("j", "k", "key"), ("m", "v", "value"), ("o", "r", "receptance"), ("q", "g", "gate"),
        )
        for line in (
            f"l_{letter} = tanh(A_{letter} @ s)   # share for the {what} in few numbers",
            f"{one} = c + e * (m_{letter} + B_{letter} @ l_{letter})   # mixed for the {what}",
        )
    ]  # fmt: skip
    lines = [
        "c = layernorm(x) * g_1 + b_1   # normalised input: with mean 0 and variance 1",
        "e = p - c   # step back: from this token to the one before",
        "p = c   # token before: kept for the next step",
        "s = c + e * m_x   # mixed: what decides how much of the token before is mixed in",
        *mixed,
        "r = W_r @ o   # receptance: what is asked of the memory",
        "k = W_k @ j   # key: under what this token is written",
        "v = W_v @ m   # value: what this token writes",
        "g = W_g @ q   # gate before its function: how much of the read to show",
        "l_d = tanh(W_w @ i)   # decay in few numbers: of this token and the one before",
        "w = exp(-exp(w_d + V_w @ l_d))   # decay: how much of each column to keep",
        "y = S @ r + v * by_head(sum_heads(r * u_k * k))   # read: the memory before this token, and the token's bonus",
        "S = S * by_column(w) + outer(v, k)   # memory: keep, then write the value under its key",
        "u = y - by_head(mean_heads(y))   # centred read: without the mean of its head",
        "n = u / by_head(sqrt(mean_heads(u * u) + 0.00064))   # normalised read: with variance 1 in every head",
        "z = x + W_o @ ((n * g_n + b_n) * silu(g))   # after time mixing: what was read added to the input",
        "d = layernorm(z) * g_2 + b_2   # normalised again: with mean 0 and variance 1",
        "a = b - d   # step back of the channels: from this token to the one before",
        "b = d   # token before of the channels: kept for the next step",
        "f = relu(W_f @ (d + a * m_f))   # channels: of this token and the one before",
        "h = z + sigmoid(W_s @ (d + a * m_s)) * (V_f @ (f * f))   # output: as much of the channels as is let through",
    ]
    low = ", ".join(f'l_{letter} = "R"' for letter in _MIXED)
    return "\n".join([
        'name = "rwkv6_block"',
        'title = "RWKV-6: a whole block, time mixing and channel mixing"',
        'source = "read from the file; Peng et al. 2024 (Eagle and Finch)"',
        'state = ["S", "p", "b"]',
        'output = "h"',
        'heads = "A"',
        f'sizes = {{ S = ["H/A", "H/A"], x = "H", f = "F", l_d = "Q", {low} }}',
        'functions = { silu = "a * sigmoid(a)" }',
        "equations = '''",
        *lines,
        "'''",
        "",
    ])  # fmt: skip
