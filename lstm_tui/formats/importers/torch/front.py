"""What a program of PyTorch does before its first recurrent call, followed again for every number of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.program.graph import RECURRENT, ProgramGraph, UnsupportedNode, random_of
from lstm_tui.formats.importers.torch.program_builder import Budget, InputShape, ProgramBuilder, ProgramStopped
from lstm_tui.formats.importers.torch.stepped_cells import join_steps


@dataclass(frozen=True)
class TapeLayout:
    """Which axis of an input is the tape.

    Attributes:
        kind: Of its numbers, as ONNX counts them.
        sizes: Of its axes; 0 where an axis is the tape, -1 where it holds sequences of a batch.
        feature: The axis of the numbers of a step; None where each is one number.
        fixed: How many steps the file was made for, where it allows no other number.
    """

    kind: int
    sizes: tuple[int, ...]
    feature: int | None
    fixed: int = 0

    @property
    def time(self) -> int:
        """The axis of the tape."""
        return self.sizes.index(0)

    def shape(self, steps: int, batch: int) -> tuple[int, ...]:
        """Return its sizes for so many steps and sequences."""
        return tuple(self.fixed or steps if size == 0 else batch if size == -1 else size for size in self.sizes)

    @property
    def text(self) -> str:
        """Its axes in words."""
        words = {0: "steps", -1: "batch"}
        return ",".join(words.get(size, str(size)) for size in self.sizes)

    def laid_out(self, array: Array) -> Array:
        """Return a series, (T,) or (T, n), as the program takes it, in a batch of one.

        Raises:
            ValueError: It has another number of columns.
        """
        rows = array.reshape(len(array), -1)
        width = 1 if self.feature is None else self.sizes[self.feature]
        if rows.shape[1] != width:
            raise ValueError(f"has {rows.shape[1]} columns, and {width} are read")
        order = [n for n in range(len(self.sizes)) if n not in (self.time, self.feature)]
        ends = [] if self.feature is None else [self.feature]
        axes = [self.time, *order, *ends]
        whole = rows.reshape([len(array), *[1] * len(order), *([width] if ends else [])])
        return np.transpose(whole, np.argsort(axes))


@dataclass(frozen=True, eq=False)
class ProgramFront:
    """A part of a program.

    Attributes:
        follow: Follows the program once, for inputs of given shapes; raises ProgramStopped.
        layouts: How each input lies that is a series.
        shapes: Kinds and sizes of the others.
        node: What the recurrent call is called that reads what this gives.
        inputs: Names of the inputs it needs.
        width: How many numbers a step that call reads.
        ids: How many ids an input has that is looked up in a table.
        one_step: Whether that call reads one step of as many sequences as there are tokens.
    """

    follow: Callable[[ProgramBuilder, Mapping[str, InputShape]], None] = field(repr=False)
    layouts: Mapping[str, TapeLayout]
    shapes: Mapping[str, InputShape]
    node: str
    inputs: tuple[str, ...]
    width: int
    ids: Mapping[str, int]
    one_step: bool = False

    def run(self, arrays: Mapping[str, Array]) -> Array:
        """Return the input of the recurrent call, (T, I).

        Raises:
            UserError: An array is missing, or the program cannot take it.
        """
        given = {name: self._given(name, arrays) for name in self.inputs}
        steps = max(one.shape[self.layouts[name].time] for name, one in given.items())
        try:
            graph = self.graph(steps)
            result = graph.evaluate(target_of(graph, self.node), given)
        except (UnsupportedNode, ProgramStopped) as error:
            sizes = ", ".join("×".join(map(str, np.shape(one))) for one in given.values())
            raise UserError(f"what stands before {visible(self.node)} cannot take {sizes}: {error}") from error
        axis = 0 if self.one_step else 1
        if result.ndim != 3 or result.shape[axis] != 1 or result.shape[2] != self.width or not result.size:
            raise UserError(f"{visible(self.node)} is given {'×'.join(map(str, result.shape))} of it, and no series")
        return np.ascontiguousarray(np.take(result, 0, axis), dtype=np.float32)

    def graph(self, steps: int) -> ProgramGraph:
        """Return the program for a number of steps.

        Raises:
            ProgramStopped: It does not come to the recurrent call.
        """
        b = ProgramBuilder(Budget())
        shapes = {name: InputShape(one.kind, one.shape(steps, 1)) for name, one in self.layouts.items()}
        try:
            self.follow(b, {**self.shapes, **shapes})
            join_steps(b)
        except ProgramStopped:
            if not any(one.name == self.node and one.op_type in RECURRENT for one in b.nodes):
                raise
        return b.graph()

    def constants(self) -> Iterator[Array]:
        """Iterate over the tensors of the file that it reads."""
        graph = self.graph(max((one.fixed for one in self.layouts.values()), default=0) or 5)
        target = target_of(graph, self.node)
        yield from (one for name, one in graph.constants.items() if graph.depends(target, [name]))

    def _given(self, name: str, arrays: Mapping[str, Array]) -> Array:
        array = arrays[name] if name in arrays else next(iter(arrays.values())) if len(self.inputs) == 1 else None
        if array is None:
            known = ", ".join(map(visible, self.inputs))
            raise UserError(f"the network reads {known}: give a .npz with arrays of these names")
        layout = self.layouts[name]
        array = np.asarray(array)
        if layout.fixed and len(array) != layout.fixed:
            raise UserError(f"{visible(name)} has {len(array)} steps, and the file was made for {layout.fixed}")
        kind = random_of(layout.kind, (1,), np.random.default_rng(0)).dtype
        if kind.kind in "iu" and not np.all((array == np.floor(array)) & (array >= 0)):
            raise UserError(f"{visible(name)} holds whole numbers from 0 on")
        try:
            return layout.laid_out(array).astype(kind)
        except ValueError as error:
            raise UserError(f"{visible(name)} {error}") from error


def target_of(graph: ProgramGraph, node: str) -> str:
    """Return what a recurrent call reads.

    Raises:
        UnsupportedNode: There is no such call.
    """
    name = next((one.input[0] for one in graph.nodes if one.name == node and one.op_type in RECURRENT), None)
    if name is None:
        raise UnsupportedNode(f"{visible(node)} is not called")
    return str(name)


def ids_of(graph: ProgramGraph, name: str) -> int:
    """Return how many rows the tables have in which an input is looked up; 0 where it is not."""
    tables = [one.input[0] for one in graph.nodes if one.op_type == "Gather" and one.input[1] == name]
    return min((len(graph.constants[one]) for one in tables if one in graph.constants), default=0)


def apart(graph: ProgramGraph, target: str, given: Mapping[str, Array], axes: Mapping[str, int]) -> bool:
    """Say whether what a recurrent call reads of two sequences at once is made of each of them by itself.

    Args:
        graph: For two sequences.
        target: What the call reads, (T, 2, I).
        given: Two sequences of every input.
        axes: Which axis of each input that is a series holds the sequences.
    """
    changed = dict(given)
    for name, axis in axes.items():
        array = np.array(given[name])
        second: list[Any] = [slice(None)] * array.ndim
        second[axis] = 1
        array[tuple(second)] = 1 - array[tuple(second)]
        changed[name] = array
    try:
        one, other = (np.asarray(graph.evaluate(target, each)) for each in (given, changed))
    except UnsupportedNode:
        return False
    if one.ndim != 3 or one.shape[1] != 2 or one.shape != other.shape:
        return False
    return np.array_equal(one[:, 0], other[:, 0]) and not np.array_equal(one[:, 1], other[:, 1])


def swapped(
    graph: ProgramGraph, target: str, given: Mapping[str, Array], name: str, time: int | None, feature: int | None
) -> bool:
    """Say whether the axis that is taken for the numbers of a step is the one along which a recurrent call reads.

    Such a call reads something else at every step where one place of the axis taken for the tape is changed, and only
    at some steps where one place of the other is.

    Args:
        graph: For some number of steps.
        target: What the call reads, (T, B, I), or (1, T, I) where it takes the batch for the time.
        given: Of every input.
        name: The input in question.
        time: Its axis that is taken for the tape.
        feature: Its axis that is taken for the numbers of a step.
    """
    if time is None or feature is None or given[name].shape[feature] == 1:
        return False

    def changes(axis: int) -> Array:
        changed = np.moveaxis(np.array(given[name]), axis, 0)
        changed[len(changed) // 2] = 1 - changed[len(changed) // 2]
        other = np.asarray(graph.evaluate(target, {**given, name: np.moveaxis(changed, 0, axis)}))
        rows = (other != base).any(axis=2)
        return np.asarray(rows.any(axis=1 if base.shape[0] > 1 else 0))

    try:
        base = np.asarray(graph.evaluate(target, given))
        return bool(changes(time).all()) and not changes(feature).all()
    except UnsupportedNode:
        return False
