"""What the generations of RWKV have in common, as their authors save them: blocks, the table below, the head above.

A block is time mixing and channel mixing, each behind a layer norm and added to what came in. The generations differ
by how the token before is mixed in and by how the memory is kept: each has its page of equations in a file of its own.
"""

from __future__ import annotations

from collections.abc import Callable

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Norm, Recurrent, WrittenReadout
from lstm_tui.formats.importers.released.blocks_in_file import BlockStack, FileTensors, block_numbers, head_page

_EPSILON = 1e-5


@dataclass(frozen=True)
class BlockTensors:
    """The tensors of one block, taken from a file.

    Attributes:
        tensors: All of the file.
        root: What the names of the block begin with.
        part: What takes them: `layer0`.
        heads: How many heads there are, and with `size` how wide the block is.
        size: Numbers of a head.
    """

    tensors: FileTensors
    root: str
    part: str
    heads: int
    size: int

    @property
    def width(self) -> int:
        """Numbers that go in and come out."""
        return self.heads * self.size

    def vector(self, name: str) -> Array:
        """Return a tensor with a number for each that goes in."""
        return self.tensors.take(f"{self.root}{name}", self.part, self.width)

    def square(self, name: str) -> Array:
        """Return the weights of a layer that is as wide as the block."""
        return self.tensors.take(f"{self.root}{name}.weight", self.part, self.width, self.width)

    def by_head(self, name: str) -> Array:
        """Return a row of numbers for each head, as one row."""
        return self.tensors.take(f"{self.root}{name}", self.part, self.heads, self.size).ravel()

    def matrix(self, name: str, rows: int, columns: int) -> Array:
        """Return a matrix; -1 is any length."""
        return self.tensors.take(f"{self.root}{name}", self.part, rows, columns)

    def given(self) -> dict[str, Array]:
        """Return, by the names of the pages, what every generation has: norms, projections and channels."""
        inner = self.matrix("ffn.key.weight", -1, self.width)
        return {
            **{f"g_{n}": self.vector(f"ln{n}.weight") for n in (1, 2)},
            **{f"b_{n}": self.vector(f"ln{n}.bias") for n in (1, 2)},
            "W_r": self.square("att.receptance"), "W_k": self.square("att.key"), "W_v": self.square("att.value"),
            "W_o": self.square("att.output"),
            "g_n": self.vector("att.ln_x.weight"), "b_n": self.vector("att.ln_x.bias"),
            "W_f": inner, "V_f": self.matrix("ffn.value.weight", self.width, len(inner)),
        }  # fmt: skip

    def gated(self) -> dict[str, Array]:
        """Return what the generations from the fifth to the sixth have besides: gates, and the bonus of a token."""
        return {
            "W_g": self.square("att.gate"), "W_s": self.square("ffn.receptance"),
            "u_k": self.by_head("att.time_faaaa"),
        }  # fmt: skip

    def block(self, page: str, given: dict[str, Array], **sizes: int) -> Recurrent:
        """Return the block with its page and all its tensors; `sizes` are those beside the heads and the channels."""
        all_sizes = {"A": self.heads, "F": len(given["W_f"]), **sizes}
        return Recurrent(self.root.rstrip("."), page, self.width, self.width, (("forward", given),), sizes=all_sizes)


def taken(tensors: FileTensors, root: str, part: str, by_head: str) -> BlockTensors:
    """Return the tensors of a block, whose heads are those of a tensor with a row for each."""
    heads, size = tensors.take(f"{root}{by_head}", part, -1, -1).shape
    return BlockTensors(tensors, root, part, heads, size)


def stack_of(
    tensors: FileTensors,
    report: ImportReport,
    root: str,
    generation: int,
    block: Callable[[str, str, int], Recurrent],
    head_epsilon: str = "",
) -> BlockStack:
    """Return the blocks of a file with what stands below and above them.

    Args:
        tensors: All of the file.
        report: Told what is found.
        root: What stands before the names.
        generation: 5, 6 or 7.
        block: Takes a block: by what its names begin with, what takes it, and its number.
        head_epsilon: What its page adds under the root of the norm of heads, where no file says it.
    """
    report.say("layout", f"RWKV-{generation}", "inferred", "names of its tensors")
    if head_epsilon:
        report.assume("head_epsilon", head_epsilon, NOT_RECORDED)
    numbers = block_numbers(tensors, root, "blocks")
    blocks = tuple(block(f"{root}blocks.{n}.", f"layer{n}", n) for n in numbers)
    for n, one in enumerate(blocks):
        report.say(f"layer{n}.cell", f"rwkv{generation} block", "inferred", "names and shapes")
        report.say(f"layer{n}.size", f"{one.hidden}, {one.sizes['A']} heads", "confirmed", "shapes of its weights")
    return _between_the_ends(tensors, report, root, blocks)


def _between_the_ends(
    tensors: FileTensors, report: ImportReport, root: str, blocks: tuple[Recurrent, ...]
) -> BlockStack:
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
