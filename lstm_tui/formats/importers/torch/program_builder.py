"""A program of PyTorch as a graph while it is followed once, for inputs of given shapes.

Every tensor is held with its numbers, so that shapes, sizes and the ways a program takes are what they are for these
inputs. What depends on no input is computed at once; what does becomes a node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from types import SimpleNamespace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.program.graph import (
    RECURRENT,
    ProgramGraph,
    ProgramNode,
    UnsupportedNode,
    attribute,
    random_of,
)
from lstm_tui.formats.importers.program.numpy_nodes import run_node

_MOST_STEPS = 200_000
_MOST_NUMBERS = 200_000_000
MOST_NODES = 20_000
_MOST_IN_LISTS = 100_000


class ProgramStopped(Exception):
    """Why a program is not followed to its end."""


@dataclass
class Budget:
    """How much may be done for one file, whatever its program says."""

    steps: int = _MOST_STEPS
    numbers: int = _MOST_NUMBERS

    def spend(self, steps: int = 1, numbers: int = 0) -> None:
        """Take from it.

        Raises:
            ProgramStopped: Nothing is left.
        """
        self.steps -= steps
        self.numbers -= numbers
        if self.steps < 0 or self.numbers < 0:
            raise ProgramStopped("it is longer than what is followed here")


@dataclass(eq=False)
class TensorRef:
    """A tensor of a program.

    Attributes:
        name: In the graph.
        array: Its numbers for these inputs; None where they are not known.
        live: Whether it depends on an input.
        why: Why its numbers are not known.
        path: Its name in the file, where it is a parameter.
        shared: Whether another tensor may be a view of it, or it of another.
    """

    name: str
    array: Array | None
    live: bool = False
    why: str = ""
    path: str = ""
    shared: bool = False

    def known(self) -> Array:
        """Return its numbers.

        Raises:
            UnsupportedNode: They are not known.
        """
        if self.array is None:
            raise UnsupportedNode(self.why)
        return self.array

    def become(self, other: TensorRef) -> None:
        """Change in place.

        Raises:
            ProgramStopped: Another tensor may change with it.
        """
        if self.shared or other.shared:
            raise ProgramStopped("it changes a part of a tensor in place")
        self.name, self.array, self.live, self.why = other.name, other.array, other.live, other.why


@dataclass(frozen=True)
class InputShape:
    """An input as it is tried.

    Attributes:
        kind: Of its numbers, as ONNX counts them.
        sizes: Of its axes; None where nothing is known of it.
        full: The one number that it holds everywhere, where it says how long each sequence is.
    """

    kind: int = 1
    sizes: tuple[int, ...] | None = None
    full: int | None = None


@dataclass(frozen=True, eq=False)
class CellCall:
    """One step of a cell that a program steps by hand.

    Attributes:
        path: Of the cell.
        kind: LSTM, GRU or RNN.
        function: Relu where it is an RNN of that.
        x: What it reads, (n,) or (B, n).
        begins: States it begins with.
        params: Weights, then biases where it has them.
        states: States it gives, as random numbers.
        node: That stands for it until the steps are joined.
    """

    path: str
    kind: str
    function: str
    x: TensorRef
    begins: Sequence[TensorRef]
    params: Sequence[TensorRef]
    states: Sequence[TensorRef]
    node: ProgramNode


@dataclass
class ProgramBuilder:
    """A graph that grows while a program is followed.

    Attributes:
        budget: What may be spent.
        shared: Recurrent nodes of an earlier try, by what makes them the same.
        nodes: Made so far.
        constants: Tensors that depend on no input.
        inputs: As in a graph.
        outputs: Names of the outputs.
        scope: Path of the module that is followed now.
        function: The function of PyTorch that is followed now.
        remarks: What has to be said beside.
        steps: Steps of cells that the program makes by hand.
        unpadded: Whether no step of a sequence is taken to be padding.
        padding: What each input of ids is compared with: ids that may mark padding.
        packed: What is packed, and what tells the lengths.
        cell_calls: How many steps it makes, those that are not followed too.
        stepped: By path, kinds of cells that it steps by hand in a way that is not followed.
        refused: Why recurrent calls are not followed.
        parameters: By the name of a constant that a recurrent node reads, the file's own names of what it is made of.
        one_step: Whether recurrent calls are written out as the ops of their one step.
    """

    budget: Budget
    shared: dict[Any, ProgramNode] = field(default_factory=dict)
    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    inputs: dict[str, tuple[int, tuple[int | None, ...]]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    scope: str = ""
    function: str = ""
    remarks: dict[str, None] = field(default_factory=dict)
    steps: list[CellCall] = field(default_factory=list)
    unpadded: bool = False
    padding: dict[str, set[int]] = field(default_factory=dict)
    packed: list[tuple[TensorRef, TensorRef]] = field(default_factory=list)
    cell_calls: int = 0
    stepped: dict[str, str] = field(default_factory=dict)
    refused: dict[str, None] = field(default_factory=dict)
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    one_step: bool = False
    _names: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        """Begin the random numbers that stand for what recurrent nodes give."""
        self.random = np.random.default_rng(11)

    def input(self, name: str, shape: InputShape) -> TensorRef:
        """Add an input."""
        sizes = shape.sizes or ()
        if shape.full is not None:
            return self.constant(np.full(sizes, shape.full, np.int64))
        self.inputs[name] = (shape.kind, tuple(sizes))
        if shape.sizes is None:
            return TensorRef(
                name, None, True, f"{visible(name)} is given from outside, and the file keeps no shape of it"
            )
        return TensorRef(name, random_of(shape.kind, sizes, self.random), True)

    def constant(self, array: Array, path: str = "") -> TensorRef:
        """Add a tensor that depends on no input; a path is that of a parameter."""
        name = path
        if not path:
            self._count += 1
            name = f"constant {self._count}"
        array = np.asarray(array)
        if array.dtype == np.float16:
            array = array.astype(np.float32)
        self.constants[name] = array
        return TensorRef(name, array, path=path)

    def emit(
        self, kind: str, reads: Sequence[TensorRef], name: str = "", shared: bool = False, **attributes: Any
    ) -> TensorRef:
        """Return what a node makes of tensors; computed at once where none of them depends on an input."""
        lost = next((one for one in reads if one.array is None), None)
        if lost is not None:
            return self.unknown(kind, reads, lost.why)
        node = ProgramNode(name or self._called(kind, reads), kind, tuple(one.name for one in reads), (), attributes)
        live = any(one.live for one in reads)
        try:
            (made,) = run_node(node, {one.name: one.known() for one in reads})
        except UnsupportedNode as error:
            return self.unknown(kind, reads, str(error))
        self.budget.spend(5, made.size)
        for one in reads if shared else ():
            one.shared = True
        if not live:
            result = self.constant(made)
        else:
            node = ProgramNode(self.once(node.name), kind, node.input, (self.made(),), attributes)
            self.add(node)
            result = TensorRef(node.output[0], made, True)
        result.shared = shared
        return result

    def unknown(self, kind: str, reads: Sequence[Any], why: str = "", sizes: Sequence[int] | None = None) -> TensorRef:
        """Return what a call gives that is not understood; its sizes are known or nothing is."""
        tensors = [one for one in tensors_in(reads) if one.live or one.array is None]
        name = self.once(self._called(kind, tensors))
        node = ProgramNode(name, kind, tuple(one.name for one in tensors), (self.made(),), {"why": why})
        why = why or f"{visible(name)} ({visible(kind)}) is not known here"
        self.add(node)
        self.budget.spend(5)
        array = None if sizes is None else self.random.normal(size=tuple(sizes)).astype(np.float32)
        return TensorRef(node.output[0], array, True, "" if array is not None else why)

    def recurrent(
        self, name: str, kind: str, reads: Sequence[TensorRef | None], sizes: Sequence[Sequence[int] | None],
        attributes: Mapping[str, Any],
    ) -> list[TensorRef]:  # fmt: skip
        """Add a recurrent node and return what it gives: series, last h and last c, with random numbers."""
        name, gives = self.once(name, kind), tuple(self.made() for _ in sizes)
        if self.steps:  # how many calls there are is by the number of steps, and names are by the number of calls
            reads = [None if one is None else self._named(one, f"what {name} reads {n}") for n, one in enumerate(reads)]
            gives = tuple(f"what {name} gives {n}" for n in range(len(sizes)))
        node = ProgramNode(name, kind, tuple("" if one is None else one.name for one in reads), gives, attributes)
        key = (node.name, node.op_type, node.input, node.output, tuple(sorted(map(str, attributes.items()))))
        node = self.shared.setdefault(key, node)
        self.add(node)
        made = []
        for output, size in zip(node.output, sizes, strict=True):
            array = None if size is None else self.random.normal(size=tuple(size)).astype(np.float32)
            self.budget.spend(5, 0 if array is None else array.size)
            why = "" if array is not None else f"{visible(node.name)} reads what is not known"
            made.append(TensorRef(output, array, True, why))
        return made

    def _named(self, one: TensorRef, name: str) -> TensorRef:
        """Return a tensor by a name that is the same for every number of steps."""
        if one.name in self.constants and (one.live or not one.name.startswith("constant ")):
            return one
        if one.name in self.constants:
            self.constants[name] = self.constants[one.name]
        else:
            self.add(ProgramNode(name, "Identity", (one.name,), (name,)))
        return TensorRef(name, one.array, one.live, one.why, one.path)

    def cell_step(
        self, path: str, kind: str, function: str, x: TensorRef, begins: Sequence[TensorRef],
        params: Sequence[TensorRef],
    ) -> CellCall:  # fmt: skip
        """Add one step of a cell, whose states have random numbers until the steps are joined."""
        reads = tuple(one.name for one in (x, *begins))
        node = ProgramNode(path, "step", reads, tuple(self.made() for _ in begins), {})
        self.add(node)
        states = [
            TensorRef(name, self.random.normal(size=one.known().shape).astype(np.float32), True)
            for name, one in zip(node.output, begins, strict=True)
        ]
        self.budget.spend(5, sum(one.known().size for one in states))
        self.steps.append(CellCall(path, kind, function, x, list(begins), list(params), states, node))
        return self.steps[-1]

    def output(self, name: str, ref: TensorRef) -> None:
        """Make a tensor an output, which has a name of its own."""
        if not ref.live:
            return
        self.add(ProgramNode(name, "Identity", (ref.name,), (name,)))
        self.outputs.append(name)

    def inputs_of(self, ref: TensorRef) -> set[str]:
        """Return the inputs that a tensor depends on."""
        makes = {name: node for node in self.nodes for name in node.output}
        waiting, seen = [ref.name], {ref.name}
        while waiting:
            node = makes.get(waiting.pop())
            for one in () if node is None else node.input:
                if one not in seen:
                    seen.add(one)
                    waiting.append(one)
        return seen & set(self.inputs)

    def stop(self, why: str) -> None:
        """End a program that is not followed further: its one output is not understood."""
        states = [name for node in self.nodes if node.op_type in RECURRENT for name in node.output]
        self.add(ProgramNode("program", "program", tuple(states), ("output",), {"why": why}))
        self.outputs = ["output"]

    def graph(self) -> ProgramGraph:
        """Return the graph."""
        opsets = [SimpleNamespace(domain="", version=18)]
        graph = ProgramGraph(
            self.nodes, self.constants, self.inputs, self.outputs, "", opsets, run=_run, ran_by="the program"
        )
        graph.made_by = {name: node for node in self.nodes for name in node.output if name}
        return graph

    def add(self, node: ProgramNode) -> None:
        """Add a node.

        Raises:
            ProgramStopped: There are too many.
        """
        if len(self.nodes) >= MOST_NODES:
            raise ProgramStopped(f"it makes more than {MOST_NODES} calls")
        self.nodes.append(node)

    def made(self) -> str:
        """Return a new name of a value."""
        self._count += 1
        return f"value {self._count}"

    def _called(self, kind: str, reads: Sequence[TensorRef]) -> str:
        """Return the path of the module whose parameter is read or which is followed now, or the function."""
        path = next((one.path.rpartition(".")[0] for one in reads if one.path), "")
        return path or self.scope or self.function or kind.lower()

    def once(self, name: str, among: str = "") -> str:
        """Return a name that no other node has, counted among those of a kind."""
        self._names[f"{among} {name}"] = count = self._names.get(f"{among} {name}", 0) + 1
        return name if count == 1 else f"{name} {count}"


def _run(node: Any, inputs: Mapping[str, Array]) -> list[Array]:
    why = attribute(node, "why", "")
    if why:
        raise UnsupportedNode(str(why))
    return run_node(node, inputs)


def tensors_in(values: Any) -> list[TensorRef]:
    """Return the tensors in a value of a program, through lists, tuples and dictionaries.

    Raises:
        ProgramStopped: There are more of them than are followed.
    """
    found: list[TensorRef] = []
    waiting = [values]
    for _ in range(_MOST_IN_LISTS):
        if not waiting:
            return found
        one = waiting.pop()
        if isinstance(one, TensorRef):
            found.append(one)
        elif isinstance(one, dict):
            waiting += reversed(list(one.values()))
        elif isinstance(one, list | tuple):
            waiting += reversed(one)
    raise ProgramStopped("it makes longer lists than are followed here")
