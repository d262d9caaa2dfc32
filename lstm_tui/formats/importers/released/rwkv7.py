"""RWKV-7 as its authors save it, a `.pth` of `blocks.0.att.receptance.weight` and so on: Peng et al. 2025 (Goose).

A block is time mixing and channel mixing, each behind a layer norm and added to what came in. From the second block on
a value is mixed with that of the first block, which each block hands up.
"""

from __future__ import annotations

from collections.abc import Mapping

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Found, Recurrent
from lstm_tui.formats.importers.released.blocks_in_file import BlockStack, FileTensors, networks
from lstm_tui.formats.importers.released.rwkv import stack_of, taken

_LAYER = r"(?P<root>(?:.*\.)?)blocks\.(?P<n>\d+)\.att\.r_k\Z"
_MIXED = ("r", "w", "k", "v", "a", "g")


def find_rwkv7(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the RWKV-7 models among tensors; none where no names are theirs."""
    return networks(tensors, where, _LAYER, "blocks", _stack)


def _stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    stack = stack_of(tensors, report, root, 7, lambda at, part, n: _block(tensors, at, part, n == 0))
    tensors.tell(report, (f"{root}blocks.0.att.v{n}" for n in range(3)))
    return stack


def _block(tensors: FileTensors, root: str, part: str, first: bool) -> Recurrent:
    one = taken(tensors, root, part, "att.r_k")

    def low(name: str) -> tuple[Array, Array]:
        """Return a matrix of low rank as it is applied: down, then up."""
        down = one.matrix(f"att.{name}1", one.width, -1).T
        return down, one.matrix(f"att.{name}2", len(down), one.width).T

    given = one.given() | {
        **{f"m_{letter}": one.vector(f"att.x_{letter}") for letter in _MIXED}, "m_f": one.vector("ffn.x_k"),
        "w_d": one.vector("att.w0"), "a_0": one.vector("att.a0"),
        "k_k": one.vector("att.k_k"), "k_a": one.vector("att.k_a"), "r_k": one.by_head("att.r_k"),
    }  # fmt: skip
    sizes = {}
    for name, letter in (("w", "R"), ("a", "Q"), ("g", "G")):
        given[f"W_{name}"], given[f"V_{name}"] = low(name)
        sizes[letter] = len(given[f"W_{name}"])
    if not first:
        given["W_n"], given["V_n"] = low("v")
        given["v_b"], sizes["L"] = one.vector("att.v0"), len(given["W_n"])
    return one.block(_page(first), given, **sizes)


def _page(first: bool) -> str:
    """Return the page of a block; the first one hands its value up, the others mix it into theirs."""
    own = ["v_0 = W_v @ (c + e * m_v)   # value of the first block: handed up to the others"]
    mixed = [
        "j_v = W_v @ (c + e * m_v)   # value before it is mixed",
        "l_v = W_n @ (c + e * m_v)   # share of the first block in few numbers",
        "v = j_v + (v_1 - j_v) * sigmoid(v_b + V_n @ l_v)   # value: what this token writes, mixed with it",
    ]
    lines = [
        "c = layernorm(x) * g_1 + b_1   # normalised input: with mean 0 and variance 1",
        "e = p - c   # step back: from this token to the one before",
        "p = c   # token before: kept for the next step",
        "r = W_r @ (c + e * m_r)   # receptance: what is asked of the memory",
        "l_w = tanh(W_w @ (c + e * m_w))   # decay in few numbers: of this token and the one before",
        "w = exp(-0.6065306597126334 * sigmoid(w_d + V_w @ l_w))   # decay: how much of each column to keep",
        "j = W_k @ (c + e * m_k)   # key before it is tuned: of this token and the one before",
        *(own if first else mixed),
        "l_a = W_a @ (c + e * m_a)   # learning rate in few numbers: of this token and the one before",
        "a = sigmoid(a_0 + V_a @ l_a)   # learning rate: how much of what stands under the key is replaced",
        "l_g = sigmoid(W_g @ (c + e * m_g))   # gate in few numbers: of this token and the one before",
        "g = V_g @ l_g   # gate: how much of the read to show",
        "q = unit(j * k_k)   # key that is erased: of length 1 in every head",
        "k = j * (1 + (a - 1) * k_a)   # key: under what this token is written",
        "o = S @ q   # what stands there: the memory read under the key that is erased",
        "S = S * by_column(w) - outer(o, q * a) + outer(VALUE, k)   # memory: keep, erase under the key, write there",
        "y = S @ r   # read: the values whose keys are like the receptance",
        "u = y - by_head(mean_heads(y))   # centred read: without the mean of its head",
        "n = u / by_head(sqrt(mean_heads(u * u) + 0.00064))   # normalised read: with variance 1 in every head",
        "b = VALUE * by_head(sum_heads(r * k * r_k))   # bonus: this token with a weight of its own",
        "z = x + W_o @ ((n * g_n + b_n + b) * g)   # after time mixing: what was read added to the input",
        "d = layernorm(z) * g_2 + b_2   # normalised again: with mean 0 and variance 1",
        "s = relu(W_f @ (d + (i - d) * m_f))   # channels: of this token and the one before",
        "i = d   # token before of the channels: kept for the next step",
        "h = z + V_f @ (s * s)   # output: what the channels make of it added",
    ]
    if not first:
        lines.insert(-1, "v_0 = v_1   # value of the first block: handed up")
    value = "v_0" if first else "v"
    more = "" if first else ', l_v = "L"'
    return "\n".join([
        f'name = "rwkv7_{"first" if first else "block"}"',
        'title = "RWKV-7: a whole block, time mixing and channel mixing"',
        'source = "read from the file; Peng et al. 2025 (Goose)"',
        'state = ["S", "p", "i"]',
        'output = "h"',
        'heads = "A"',
        *([] if first else ['below = { v_1 = "v_0" }']),
        f'sizes = {{ S = ["H/A", "H/A"], x = "H", l_w = "R", l_a = "Q", l_g = "G", s = "F"{more} }}',
        'functions = { unit = "a / by_head(max(sqrt(sum_heads(a * a)), 0.000000000001))" }',
        "equations = '''",
        *(line.replace("VALUE", value) for line in lines),
        "'''",
        "",
    ])  # fmt: skip
