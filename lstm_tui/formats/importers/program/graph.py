"""A program of another framework as one list of nodes, whatever file it was read from.

A node has `name`, `op_type`, `domain`, `input`, `output` and attributes, as those of ONNX have; its kinds are called
as ONNX calls them. Those that are not recurrent are run one at a time by who knows them: onnx, or NumPy here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.feature_extractor import MOST_NUMBERS

_KINDS = {
    1: "f4", 2: "u1", 3: "i1", 4: "u2", 5: "i2", 6: "i4", 7: "i8", 8: "O", 9: "?", 10: "f2", 11: "f8", 12: "u4",
    13: "u8", 14: "c8", 15: "c16",
}  # fmt: skip
"""Kinds of numbers as ONNX counts them."""


class UnsupportedNode(Exception):
    """Why a node cannot be run, to be said with its name."""


@dataclass(frozen=True, eq=False)
class ProgramNode:
    """A node of a program that is not ONNX's own.

    Attributes:
        name: What it is called; the path of its module where there is one.
        op_type: Its kind, as ONNX calls it.
        input: Names of what it reads.
        output: Names of what it makes.
        attributes: Everything else it is told.
        domain: Empty; an ONNX node may have one.
    """

    name: str
    op_type: str
    input: tuple[str, ...]
    output: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    domain: str = ""


def label(node: Any) -> str:
    """Return a node's name and operator, safe to show."""
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    return f"{visible(node.name or (node.output[0] if node.output else ''))} ({visible(domain + node.op_type)})"


def attribute(node: Any, name: str, default: Any) -> Any:
    """Return an attribute of a node, its bytes as text."""
    if isinstance(node, ProgramNode):
        return node.attributes.get(name, default)
    import onnx

    for one in node.attribute:
        if one.name == name:
            value = onnx.helper.get_attribute_value(one)
            if isinstance(value, bytes):
                return value.decode("utf-8", "replace")
            if isinstance(value, list):
                return [each.decode("utf-8", "replace") if isinstance(each, bytes) else each for each in value]
            return value
    return default


def dtype_of(kind: int) -> np.dtype[Any]:
    """Return the kind of numbers that ONNX counts so; fractions of 32 bits where it is not known."""
    return np.dtype(_KINDS.get(kind, "f4"))


def random_of(kind: int, shape: Sequence[int], random: np.random.Generator) -> Array:
    """Return random numbers as an input of the file: fractions about 0, ids that any table has, or truths."""
    dtype = dtype_of(kind)
    if int(np.prod(shape)) > MOST_NUMBERS:
        raise UnsupportedNode("an input is larger than what is tried here")
    if dtype.kind in "iu":
        return random.integers(0, 2, shape).astype(dtype)
    if dtype.kind == "b":
        return np.ones(shape, dtype)
    return random.normal(size=shape).astype(dtype) if dtype.kind == "f" else np.zeros(shape, dtype)


def _not_run(node: Any) -> list[Array]:
    raise UnsupportedNode(f"{label(node)} is not run here")


RECURRENT = ("LSTM", "GRU", "RNN")
STEPS = 5
CHOICE = "If"
"""An `If` whose bodies stand among the other nodes: it reads its condition, then what each body gives."""
Run = Callable[[Any, Mapping[str, Array]], list[Array]]
_NOTHING: Mapping[str, Array] = {}
_OF_SHAPES = frozenset(("Shape", "Size"))  # what they give depends on no number


@dataclass
class ProgramGraph:
    """A model as one list of nodes.

    Attributes:
        nodes: In an order in which each reads what is there.
        constants: Tensors of the file by name.
        inputs: Name of each input that is given from outside, its type and its shape, None where it is free.
        outputs: Names of the outputs.
        producer: What wrote the file.
        opsets: Versions by domain.
        choices: Names of each `If` that has recurrent nodes in both of its bodies in their place.
        axes: Names of the free axes of each input; empty where they have none.
        made_by: The node that makes each name.
        rounded: Names of the nodes that multiply whole numbers in the file, and fractions here.
        texts: Lists of texts in the file, by what it calls them.
        encoders: Nodes that make ids of texts, by the name of the ids, which are an input here.
        run: Runs one node on its inputs, by name; raises UnsupportedNode for one that it does not know.
        ran_by: What runs them, for people.
    """

    nodes: list[Any]
    constants: dict[str, Array]
    inputs: dict[str, tuple[int, tuple[int | None, ...]]]
    outputs: list[str]
    producer: str
    opsets: list[Any]
    choices: set[str] = field(default_factory=set)
    axes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made_by: dict[str, Any] = field(default_factory=dict)
    rounded: list[str] = field(default_factory=list)
    texts: dict[str, Any] = field(default_factory=dict)
    encoders: dict[str, Any] = field(default_factory=dict)
    run: Run = field(default=lambda node, inputs: _not_run(node), repr=False)
    ran_by: str = "onnx"

    def depends(
        self, name: str, on: Iterable[str], through_shapes: bool = False, known: Mapping[str, Array] = _NOTHING
    ) -> bool:
        """Say whether a name depends on one of others, not counting what only asks for their shapes, or is known."""
        wanted, seen, waiting = set(on), set(), [name]
        while waiting:
            one = waiting.pop()
            if one in wanted:
                return True
            node = self.made_by.get(one)
            if (
                one not in seen
                and one not in known
                and node is not None
                and (through_shapes or node.op_type not in _OF_SHAPES)
            ):
                waiting += [each for each in node.input if each]
            seen.add(one)
        return False

    @property
    def opset(self) -> int:
        """Version of ONNX's own operators."""
        return max((one.version for one in self.opsets if one.domain in ("", "ai.onnx")), default=1)

    def is_input(self, name: str) -> bool:
        """Say whether a tensor is given from outside as it is."""
        return name in self.inputs

    def is_half(self, name: str) -> bool:
        """Say whether a tensor of the file holds numbers of half the bits."""
        try:
            return self.evaluate(name, {}).dtype == np.float16
        except UnsupportedNode:
            return False

    def shape_text(self, name: str) -> str:
        """Return the shape of an input for people, `?` where an axis is free."""
        return "×".join("?" if one is None else str(one) for one in self.inputs[name][1])

    def evaluate(self, name: str, given: Mapping[str, Array], keep: bool = False) -> Array:
        """Return a tensor, running no more nodes than it needs.

        Args:
            name: Of the tensor.
            given: What is known.
            keep: Whether what is computed on the way is put there too.

        Raises:
            UnsupportedNode: It needs what is not given, a recurrent node, or one that is not run here.
        """
        known: dict[str, Array] = given if keep and isinstance(given, dict) else dict(given)
        waiting = [name]
        while waiting:
            one = waiting[-1]
            if one in known or one in self.constants:
                waiting.pop()
                continue
            node = self.made_by.get(one)
            if node is None:
                raise UnsupportedNode(f"{visible(one)} is given from outside")
            missing = [each for each in self._reads(node, one, known) if each not in known]
            missing = [each for each in missing if each not in self.constants]
            if missing:
                waiting += missing
            elif node.op_type == CHOICE:
                taken = self._reads(node, one, known)[-1]
                known[one] = known[taken] if taken in known else self.constants[taken]
            else:
                inputs = {each: known[each] if each in known else self.constants[each] for each in node.input if each}
                known.update(zip(node.output, self.run(node, inputs), strict=False))
        return known[name] if name in known else self.constants[name]

    def _reads(self, node: Any, wanted: str, known: Mapping[str, Array]) -> list[str]:
        """Return what a node reads; of the two bodies of an `If` the one its condition takes, once that is known."""
        if node.op_type != CHOICE:
            return [one for one in node.input if one]
        condition = node.input[0]
        value = known.get(condition, self.constants.get(condition))
        if value is None:
            return [condition]
        number = list(node.output).index(wanted)
        return [condition, node.input[1 + number + (0 if np.all(value) else len(node.output))]]
