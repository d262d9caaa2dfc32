"""What an ONNX file does before its first recurrent node, run by onnx's evaluator of elementary nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.onnx.graph import OnnxGraph, UnsupportedNode, attribute
from lstm_tui.formats.importers.onnx.rnn_nodes import zeros_of


@dataclass(frozen=True, eq=False)
class OnnxFront:
    """A part of a graph.

    Attributes:
        graph: The graph.
        target: What the first recurrent node reads.
        inputs: Names of the inputs it needs.
        width: How many numbers a step that node reads.
        batch_first: Whether it reads (B, T, I), not (T, B, I).
        count: How many nodes are run.
        one_step: Whether that node reads one step of as many sequences as there are tokens.
    """

    graph: OnnxGraph
    target: str
    inputs: tuple[str, ...]
    width: int
    batch_first: bool
    count: int
    one_step: bool = False

    def run(self, arrays: Mapping[str, Array]) -> Array:
        """Return the input of the first recurrent node, (T, I).

        Raises:
            UserError: An array is missing, or no way of laying it out fits the graph.
        """
        why = "no way of laying it out gives one series"
        for given in self._layouts(arrays):
            try:
                result = self.graph.evaluate(self.target, given)
            except UnsupportedNode as error:
                why = str(error)
                continue
            axis = 0 if self.batch_first != self.one_step else 1
            if result.ndim == 3 and result.shape[2] == self.width and result.shape[axis] == 1:
                return np.ascontiguousarray(result[0] if axis == 0 else result[:, 0], dtype=np.float32)
        shapes = ", ".join("×".join(map(str, np.shape(one))) for one in arrays.values())
        raise UserError(f"what stands before the first recurrent node cannot take {shapes}: {why}")

    def _layouts(self, arrays: Mapping[str, Array]) -> Iterator[dict[str, Array]]:
        """Iterate over the ways of giving the arrays the number of axes the graph wants."""
        first = self.inputs[0]
        given: dict[str, Array] = {}
        for name in self.inputs:
            kind, _ = self.graph.inputs[name]
            if name in arrays or (name == first and len(arrays) == 1):
                array = np.asarray(arrays.get(name, next(iter(arrays.values()))))
                given[name] = array.astype(zeros_of(kind, ()).dtype)
        if first not in given:
            known = ", ".join(visible(one) for one in self.inputs)
            raise UserError(f"the network reads {known}: give a .npz with arrays of these names")
        axes = len(self.graph.inputs[first][1])
        array = given[first]
        if array.ndim == 2 and array.shape[1] == 1 and axes < 3:
            yield given | {first: array[:, 0]} if axes == 1 else given | {first: array.T}
        for missing in (0, 1):
            for place in (0, 1, 2):
                shaped = array
                if array.ndim + missing == axes and place <= array.ndim * missing:
                    shaped = np.expand_dims(array, place) if missing else array
                    yield given | {first: shaped}
        if array.ndim + 1 < axes:  # an image: a batch and channels of one stand before it
            yield given | {first: array.reshape(*(1,) * (axes - array.ndim), *array.shape)}


@dataclass(frozen=True, eq=False)
class FirstSteps:
    """The first steps of a series, because the file reads no more of it.

    Attributes:
        name: Of the input.
        limit: How many steps.
        table: In which ids are looked up, or None.
    """

    name: str
    limit: int
    table: Array | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one input."""
        return (self.name,)

    @property
    def ids(self) -> Mapping[str, int]:
        """How many ids there are, where it reads ids."""
        return {} if self.table is None else {self.name: len(self.table)}

    def run(self, arrays: Mapping[str, Array]) -> Array:
        """Return the input of the first recurrent node, (T, I), of no more steps than the file reads.

        Raises:
            UserError: There are fewer steps, which the file refuses, or an id is none of the table.
        """
        array = np.asarray(arrays[self.name] if self.name in arrays else next(iter(arrays.values())))
        if len(array) < self.limit:
            raise UserError(f"the file reads {self.limit} steps of {visible(self.name)}, and there are {len(array)}")
        if self.table is None:
            return np.ascontiguousarray(array[: self.limit], dtype=np.float32)
        ids = array.reshape(len(array), -1)[: self.limit, 0]
        if not np.all((ids == np.floor(ids)) & (ids >= 0) & (ids < len(self.table))):
            raise UserError(f"{visible(self.name)} holds ids, whole numbers from 0 to {len(self.table) - 1}")
        return np.ascontiguousarray(self.table[ids.astype(np.int64)], dtype=np.float32)


def onnx_front(graph: OnnxGraph, node: Any, one_step: bool = False) -> OnnxFront:
    """Return what stands before a recurrent node.

    Raises:
        UnsupportedNode: Another recurrent node, or one that is not run here, stands before it.
    """
    target = node.input[0]
    inputs = tuple(name for name in graph.inputs if graph.depends(target, [name], through_shapes=True))
    if not inputs:
        raise UnsupportedNode("what stands before the first recurrent node reads no input")
    needed = graph.runnable(target, inputs)
    width = graph.evaluate(node.input[1], {}).shape[2]
    return OnnxFront(graph, target, inputs, int(width), bool(attribute(node, "layout", 0)), len(needed), one_step)
