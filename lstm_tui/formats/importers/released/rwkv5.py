"""RWKV-5 as its authors save it, a `.pth` of `blocks.0.att.time_mix_k` and so on: Peng et al. 2024 (Eagle and Finch).

A block is time mixing and channel mixing, each behind a layer norm and added to what came in. How much of the token
before is mixed in, and how much of the memory is kept, is the same for all tokens.
"""

from __future__ import annotations

from collections.abc import Mapping

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Found, Recurrent
from lstm_tui.formats.importers.released.blocks_in_file import BlockStack, FileTensors, networks
from lstm_tui.formats.importers.released.rwkv import stack_of, taken

_LAYER = r"(?P<root>(?:.*\.)?)blocks\.(?P<n>\d+)\.att\.time_faaaa\Z"
_MIXED = ("k", "v", "r", "g")


def find_rwkv5(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the RWKV-5 models among tensors, those with a gate; none where no names are theirs."""
    own = any(name.endswith(".att.time_mix_g") for name in tensors)
    return networks(tensors, where, _LAYER, "blocks", _stack) if own else []


def _stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    stack = stack_of(tensors, report, root, 5, lambda at, part, _: _block(tensors, at, part), "0.00064")
    tensors.tell(report)
    return stack


def _block(tensors: FileTensors, root: str, part: str) -> Recurrent:
    one = taken(tensors, root, part, "att.time_faaaa")
    given = one.given() | one.gated() | {
        **{f"m_{letter}": one.vector(f"att.time_mix_{letter}") for letter in _MIXED},
        "w_d": one.by_head("att.time_decay"),
        "m_f": one.vector("ffn.time_mix_k"), "m_s": one.vector("ffn.time_mix_r"),
    }  # fmt: skip
    return one.block(_PAGE, given)


_PAGE = """\
name = "rwkv5_block"
title = "RWKV-5: a whole block, time mixing and channel mixing"
source = "read from the file; Peng et al. 2024 (Eagle and Finch)"
state = ["S", "p", "b"]
output = "h"
heads = "A"
sizes = { S = ["H/A", "H/A"], x = "H", f = "F" }
functions = { silu = "a * sigmoid(a)" }
equations = '''
c = layernorm(x) * g_1 + b_1   # normalised input: with mean 0 and variance 1
e = c - p   # step: from the token before to this one
r = W_r @ (p + e * m_r)   # receptance: what is asked of the memory
k = W_k @ (p + e * m_k)   # key: under what this token is written
v = W_v @ (p + e * m_v)   # value: what this token writes
g = W_g @ (p + e * m_g)   # gate before its function: how much of the read to show
p = c   # token before: kept for the next step
w = exp(-exp(w_d))   # decay: how much of each column to keep, the same for all tokens
y = S @ r + v * by_head(sum_heads(r * u_k * k))   # read: the memory before this token, and the token's bonus
S = S * by_column(w) + outer(v, k)   # memory: keep, then write the value under its key
u = y - by_head(mean_heads(y))   # centred read: without the mean of its head
n = u / by_head(sqrt(mean_heads(u * u) + 0.00064))   # normalised read: with variance 1 in every head
z = x + W_o @ ((n * g_n + b_n) * silu(g))   # after time mixing: what was read added to the input
d = layernorm(z) * g_2 + b_2   # normalised again: with mean 0 and variance 1
a = d - b   # step of the channels: from the token before to this one
f = relu(W_f @ (b + a * m_f))   # channels: of this token and the one before
s = sigmoid(W_s @ (b + a * m_s))   # how much of the channels is let through
b = d   # token before of the channels: kept for the next step
h = z + s * (V_f @ (f * f))   # output: what the channels make of it added
'''
"""
