"""RWKV-7 as its authors save it, a `.pth` of `blocks.0.att.receptance.weight` and so on: Peng et al. 2025 (Goose).

A block is time mixing and channel mixing, each behind a layer norm and added to what came in. From the second block on
a value is mixed with that of the first block, which each block hands up.
"""

from __future__ import annotations

from collections.abc import Mapping

from lstm_tui.engine.arrays import Array
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Found, Norm, Recurrent, WrittenReadout
from lstm_tui.formats.importers.released.blocks_in_file import (
    BlockStack,
    FileTensors,
    block_numbers,
    head_page,
    networks,
)

_LAYER = r"(?P<root>(?:.*\.)?)blocks\.(?P<n>\d+)\.att\.r_k\Z"
_EPSILON = 1e-5
_MIXED = ("r", "w", "k", "v", "a", "g")


def find_rwkv7(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the RWKV-7 models among tensors; none where no names are theirs."""
    return networks(tensors, where, _LAYER, "blocks", _stack)


def _stack(tensors: FileTensors, report: ImportReport, root: str) -> BlockStack:
    numbers = block_numbers(tensors, root, "blocks")
    report.say("layout", "RWKV-7", "inferred", "names of its tensors")
    blocks = tuple(_block(tensors, f"{root}blocks.{n}.", f"layer{n}", n == 0) for n in numbers)
    for n, one in enumerate(blocks):
        report.say(f"layer{n}.cell", "rwkv7 block", "inferred", "names and shapes")
        report.say(f"layer{n}.size", f"{one.hidden}, {one.sizes['A']} heads", "confirmed")
    stack = ends_of(tensors, report, root, blocks)
    tensors.tell(report, (f"{root}blocks.0.att.v{n}" for n in range(3)))
    return stack


def ends_of(tensors: FileTensors, report: ImportReport, root: str, blocks: tuple[Recurrent, ...]) -> BlockStack:
    """Return blocks with what stands below and above them: the table with its norm, the norm with the head."""
    width = blocks[0].hidden
    before = []
    if tensors.has(f"{root}blocks.0.ln0.weight"):
        scale, shift = (tensors.take(f"{root}blocks.0.ln0.{name}", "layer0", width) for name in ("weight", "bias"))
        before.append(Norm(f"{root}blocks.0.ln0", _EPSILON, scale, shift))
    table = tensors.maybe(f"{root}emb.weight", "embedding", -1, width)
    head = None
    if tensors.has(f"{root}ln_out.weight") and tensors.has(f"{root}head.weight"):
        given = {
            "g_n": tensors.take(f"{root}ln_out.weight", "readout", width),
            "b_n": tensors.take(f"{root}ln_out.bias", "readout", width),
            "V_y": tensors.take(f"{root}head.weight", "readout", -1, width),
        }
        page = head_page(("n = layernorm(h) * g_n + b_n   # normalised: with mean 0 and variance 1",))
        head = WrittenReadout(page, given, len(given["V_y"]))
        report.say("readout", f"norm, dense, softmax: {head.outputs} outputs", "inferred", "names of its tensors")
    else:
        report.say("readout", "none", "inferred", "no ln_out.weight with head.weight in the file")
    return BlockStack(blocks, table, tuple(before), head)


def _block(tensors: FileTensors, root: str, part: str, first: bool) -> Recurrent:
    att, ffn = f"{root}att.", f"{root}ffn."
    heads, size = tensors.take(f"{att}r_k", part, -1, -1).shape
    width = heads * size

    def vector(name: str) -> Array:
        return tensors.take(name, part, width)

    def low(name: str) -> tuple[Array, Array]:
        """Return a matrix of low rank as it is applied: down, then up."""
        rank = tensors.take(f"{att}{name}1", part, width, -1).shape[1]
        down, up = tensors.take(f"{att}{name}1", part, width, rank), tensors.take(f"{att}{name}2", part, rank, width)
        return down.T, up.T

    inner = tensors.take(f"{ffn}key.weight", part, -1, width).shape[0]
    given = {
        **{f"g_{n}": vector(f"{root}ln{n}.weight") for n in (1, 2)},
        **{f"b_{n}": vector(f"{root}ln{n}.bias") for n in (1, 2)},
        **{f"m_{one}": vector(f"{att}x_{one}") for one in _MIXED}, "m_f": vector(f"{ffn}x_k"),
        "W_r": tensors.take(f"{att}receptance.weight", part, width, width),
        "W_k": tensors.take(f"{att}key.weight", part, width, width),
        "W_v": tensors.take(f"{att}value.weight", part, width, width),
        "W_o": tensors.take(f"{att}output.weight", part, width, width),
        "w_d": vector(f"{att}w0"), "a_0": vector(f"{att}a0"),
        "k_k": vector(f"{att}k_k"), "k_a": vector(f"{att}k_a"), "r_k": vector_of(tensors, f"{att}r_k", part),
        "g_n": vector(f"{att}ln_x.weight"), "b_n": vector(f"{att}ln_x.bias"),
        "W_f": tensors.take(f"{ffn}key.weight", part, inner, width),
        "V_f": tensors.take(f"{ffn}value.weight", part, width, inner),
    }  # fmt: skip
    sizes = {"A": heads, "F": inner}
    for name, letter in (("w", "R"), ("a", "Q"), ("g", "G")):
        given[f"W_{name}"], given[f"V_{name}"] = low(name)
        sizes[letter] = len(given[f"W_{name}"])
    if not first:
        given["W_n"], given["V_n"] = low("v")
        given["v_b"], sizes["L"] = vector(f"{att}v0"), len(given["W_n"])
    return Recurrent(root.rstrip("."), _page(first), width, width, (("forward", given),), sizes=sizes)


def vector_of(tensors: FileTensors, name: str, part: str) -> Array:
    """Return a matrix of the file as one row of numbers."""
    return tensors.take(name, part, -1, -1).ravel()


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
