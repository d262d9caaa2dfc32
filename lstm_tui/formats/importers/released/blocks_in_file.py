"""A released layout: which of its layers are in a file, what each tensor is taken for, what is left over.

Each layout is a page of equations and the names of its tensors. A block is taken whole or not at all: where a tensor
that belongs to it is missing or has another shape, the file is refused by that name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import read_number
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Found, Op, Plan, Recurrent, WrittenReadout

EPSILON = "1e-05"
"""What is added under the root of a norm, where the file does not say it and its layout has no other."""


@dataclass
class FileTensors:
    """The tensors of a file while a layout takes them, and where each goes.

    Attributes:
        where: What messages call the file.
        all: By the file's own names.
        parts: What took each, by name.
    """

    where: str
    all: Mapping[str, Array]
    parts: dict[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Say whether the file has a tensor."""
        return name in self.all

    def take(self, name: str, part: str, *shape: int) -> Array:
        """Return a tensor without its axes of length 1, as float32 or float64; -1 in the shape is any length.

        Raises:
            UserError: It is missing, or has another shape.
        """
        if name not in self.all:
            raise UserError(f"{self.where}: {visible(name)} is missing, and a block is opened whole or not at all")
        tensor = self.all[name]
        if tensor.dtype.kind not in "fiu" and tensor.dtype.name != "bfloat16":
            raise UserError(f"{self.where}: {visible(name)} holds no numbers")
        plain = np.asarray(tensor, np.float64 if tensor.dtype == np.float64 else np.float32)
        lengths = _lengths(plain.shape, shape)
        if lengths is None:
            has, needs = ("×".join("any" if n == -1 else str(n) for n in one) for one in (plain.shape, shape))
            raise UserError(f"{self.where}: {visible(name)} is {has or 'one number'}, and {needs} is needed")
        self.parts[name] = part
        return plain.reshape(lengths)

    def maybe(self, name: str, part: str, *shape: int) -> Array | None:
        """Return a tensor that a model may be made without."""
        return self.take(name, part, *shape) if self.has(name) else None

    def tell(self, report: ImportReport, unread: Iterable[str] = ()) -> None:
        """Say in a report what became of every tensor; of those in `unread` the layout itself makes no use."""
        idle = frozenset(unread)
        for name, tensor in self.all.items():
            if name in self.parts:
                report.use(name, tensor.shape, self.parts[name])
            else:
                report.leave(name, tensor.shape, "" if name in idle else "network", name not in idle)


def _lengths(shape: tuple[int, ...], wanted: tuple[int, ...]) -> list[int] | None:
    """Return a shape as wanted, -1 being any length, axes of length 1 left out or put in; None where it is another."""
    if len(shape) == len(wanted) and all(n in (-1, m) for n, m in zip(wanted, shape, strict=True)):
        return list(shape)
    given = [n for n in shape if n != 1]
    if len(given) != sum(n != 1 for n in wanted):
        return None
    rest = iter(given)
    made = [1 if n == 1 else next(rest) for n in wanted]
    return made if all(n in (-1, m) for n, m in zip(wanted, made, strict=True)) else None


def numbered(names: Iterable[str], pattern: str) -> dict[str, list[int]]:
    """Return the numbers of layers by what stands before them; the pattern has groups `root` and `n`."""
    found: dict[str, set[int]] = {}
    for name in names:
        match = re.match(pattern, name)
        if match is not None and len(match["n"]) < 6:
            found.setdefault(match["root"], set()).add(int(match["n"]))
    return {root: sorted(numbers) for root, numbers in found.items()}


def in_a_row(numbers: list[int], where: str, what: str) -> range:
    """Return how many layers there are.

    Raises:
        UserError: One is missing.
    """
    missing = next((n for n in range(len(numbers)) if numbers[n] != n), None)
    if missing is not None:
        raise UserError(f"{where}: {visible(what)} {missing} is missing, and layers follow each other")
    return range(len(numbers))


def block_numbers(tensors: FileTensors, root: str, blocks: str) -> range:
    """Return the numbers of the blocks behind a root, each that any tensor is named after.

    Raises:
        UserError: One is missing.
    """
    pattern = rf"(?P<root>{re.escape(root)}){blocks}\.(?P<n>\d+)\."
    return in_a_row(numbered(tensors.all, pattern)[root], tensors.where, f"{root}{blocks}")


def epsilon_of(report: ImportReport, usual: str = EPSILON) -> float:
    """Return what is added under the root of every norm; `usual` is what the authors' package adds.

    Raises:
        UserError: The user says something that is no such number.
    """
    text = report.choose("epsilon", usual, ["1e-05", "1e-06"], "assumed", NOT_RECORDED, free=True)
    number = read_number(text)
    if number is None or not 0 <= number < 1:
        raise UserError(f"{report.file}: --set epsilon={visible(text[:40])} is no small number, such as 1e-05")
    return number


@dataclass(frozen=True, eq=False)
class BlockStack:
    """Blocks one above the other, with the table of ids below them and the head above, as far as the file has them."""

    blocks: tuple[Recurrent, ...]
    embedding: Array | None = None
    before: tuple[Op, ...] = ()
    head: WrittenReadout | None = None


def networks(
    tensors: Mapping[str, Array], where: str, pattern: str, blocks: str,
    stack: Callable[[FileTensors, ImportReport, str], BlockStack],
) -> list[Found]:  # fmt: skip
    """Return the networks of a file that are made of numbered blocks, by what stands before their names.

    Args:
        tensors: By the file's own names.
        where: What messages call the file.
        pattern: Of the name of a tensor that every block has, with groups `root` and `n`.
        blocks: What the names of blocks begin with, behind the root.
        stack: Takes the tensors of the network of a root.
    """

    def planner(root: str) -> Callable[[ImportReport], Plan]:
        def plan(report: ImportReport) -> Plan:
            made = stack(FileTensors(where, tensors), report, root)
            return Plan("", (*made.before, *made.blocks), embedding=made.embedding, readout=made.head)

        return plan

    roots = numbered(tensors, pattern)
    return [
        Found(root.rstrip(".") if len(roots) > 1 else "", tuple(f"{root}{blocks}.{n}" for n in numbers), planner(root))
        for root, numbers in roots.items()
    ]


def head_page(norm: tuple[str, ...], cap: float = 0) -> str:
    """Return the text of a readout: a norm, given as equations of `n`, dense and softmax at every token.

    Where there is a cap, logits are bent by a tanh to stay between it and its negative.
    """
    lines = "\n".join(norm)
    logits = f"{cap!r} * tanh(V_y @ n / {cap!r})" if cap else "V_y @ n"
    return (
        'title = "Norm, dense and softmax at every token"\n'
        'source = "the head of the file"\n'
        f"each = '''\n{lines}\ny = softmax({logits})   # prediction: one probability a token\n'''\n"
        'result = "y"\nsizes = { y = "K" }\n'
    )


def rms_ends(
    tensors: FileTensors, report: ImportReport, root: str, norm: str, width: int, epsilon: float, cap: float = 0
) -> tuple[Array | None, WrittenReadout | None]:
    """Return the table of ids below a stack and the head above it, behind a norm to mean square 1.

    Args:
        tensors: All of the file.
        report: Told what is found.
        root: What stands before the names of the stack; a head, and a table, may stand beside it.
        norm: What the norm above the blocks is called.
        width: Of the blocks.
        epsilon: What is added under the root.
        cap: Between what, and its negative, logits are bent by a tanh; 0 is none.
    """
    outer = root.rstrip(".").rpartition(".")[0]
    beside = (root, f"{outer}." if outer else "")
    embedding = next(
        (f"{at}{name}.weight" for at in beside for name in ("embedding", "embeddings")
         if tensors.has(f"{at}{name}.weight")), None
    )  # fmt: skip
    table = None if embedding is None else tensors.take(embedding, "embedding", -1, width)
    head = next((f"{at}lm_head.weight" for at in ("", *beside) if tensors.has(f"{at}lm_head.weight")), None)
    scale = f"{root}{norm}.weight"
    if not tensors.has(scale) or (head is None and table is None):
        report.say("readout", "none", "inferred", f"no {norm}.weight with a head in the file")
        return table, None
    given = {"g_n": tensors.take(scale, "readout", width)}
    if head is not None:
        given["V_y"] = tensors.take(head, "readout", -1, width)
    elif table is not None:
        report.choose("readout.weights", "those of the embedding", [], "assumed", "no lm_head.weight in the file")
        given["V_y"] = table
    lines = (f"n = h / sqrt(mean(h * h) + {epsilon!r}) * g_n   # normalised: with mean square 1",)
    made = WrittenReadout(head_page(lines, cap), given, len(given["V_y"]))
    report.say("readout", f"norm, dense, softmax: {made.outputs} outputs", "inferred", "names of its tensors")
    return table, made
