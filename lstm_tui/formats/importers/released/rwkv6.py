"""RWKV-6 as its authors save it, a `.pth` of `blocks.0.att.time_maa_x` and so on: Peng et al. 2024 (Eagle and Finch).

A block is time mixing and channel mixing, each behind a layer norm and added to what came in. How much of the token
before is mixed in depends on the token itself.
"""

from __future__ import annotations

from collections.abc import Mapping

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Found, Recurrent
from lstm_tui.formats.importers.released.blocks_in_file import BlockStack, FileTensors, networks
from lstm_tui.formats.importers.released.rwkv import stack_of, taken

_LAYER = r"(?P<root>(?:.*\.)?)blocks\.(?P<n>\d+)\.att\.time_faaaa\Z"
_MIXED = ("w", "k", "v", "r", "g")
"""In the order of the file."""


def find_rwkv6(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the RWKV-6 models among tensors; none where no names are theirs, as those of RWKV-5 are not."""
    own = {name: one for name, one in tensors.items() if ".att.time_maa_w2" in name}
    return networks(tensors, where, _LAYER, "blocks", _stack) if own else []


def _stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    stack = stack_of(tensors, report, root, 6, lambda at, part, _: _block(tensors, at, part), "0.00064")
    tensors.tell(report)
    return stack


def _block(tensors: FileTensors, root: str, part: str) -> Recurrent:
    one = taken(tensors, root, part, "att.time_faaaa")
    ups = tensors.take(f"{root}att.time_maa_w2", part, len(_MIXED), -1, one.width)
    rank = ups.shape[1]
    downs = one.matrix("att.time_maa_w1", one.width, len(_MIXED) * rank).T
    low = one.matrix("att.time_decay_w1", one.width, -1).T
    given = one.given() | one.gated() | {
        **{f"m_{letter}": one.vector(f"att.time_maa_{letter}") for letter in ("x", *_MIXED)},
        **{f"A_{letter}": downs[n * rank : (n + 1) * rank] for n, letter in enumerate(_MIXED)},
        **{f"B_{letter}": ups[n].T for n, letter in enumerate(_MIXED)},
        "w_d": one.vector("att.time_decay"), "W_w": low,
        "V_w": one.matrix("att.time_decay_w2", len(low), one.width).T,
        "m_f": one.vector("ffn.time_maa_k"), "m_s": one.vector("ffn.time_maa_r"),
    }  # fmt: skip
    return one.block(_page(), given, R=rank, Q=len(low))


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
