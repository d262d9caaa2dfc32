"""What an ONNX file does before its first recurrent node, run by onnx's evaluator of elementary nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.onnx.graph import runnable
from lstm_tui.formats.importers.onnx.rnn_nodes import zeros_of
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, attribute


@dataclass(frozen=True, eq=False)
class OnnxFront:
    """A part of a graph.

    Attributes:
        graph: The graph.
        target: What the first recurrent node reads.
        inputs: Names of the inputs it needs.
        width: How many numbers a step that node reads.
        batch_first: Whether it reads (B, T, I), not (T, B, I).
        one_step: Whether that node reads one step of as many sequences as there are tokens.
    """

    graph: ProgramGraph
    target: str
    inputs: tuple[str, ...]
    width: int
    batch_first: bool
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
                    yield {name: self._laid(name, one, place) for name, one in given.items()} | {first: shaped}
        if array.ndim + 1 < axes:  # an image: a batch and channels of one stand before it
            yield given | {first: array.reshape(*(1,) * (axes - array.ndim), *array.shape)}

    def _laid(self, name: str, array: Array, place: int) -> Array:
        """Return an array with an axis more where the graph has one more, at the place where the first input has it."""
        wanted = array.ndim + 1 == len(self.graph.inputs[name][1])
        return np.expand_dims(array, min(place, array.ndim)) if wanted else array


def onnx_front(graph: ProgramGraph, node: Any, one_step: bool = False) -> tuple[OnnxFront, int]:
    """Return what stands before a recurrent node, and how many nodes that are.

    Raises:
        UnsupportedNode: Another recurrent node, or one that is not run here, stands before it.
    """
    target = node.input[0]
    inputs = tuple(name for name in graph.inputs if graph.depends(target, [name], through_shapes=True))
    if not inputs:
        raise UnsupportedNode("what stands before the first recurrent node reads no input")
    needed = runnable(graph, target, inputs)
    width = graph.evaluate(node.input[1], {}).shape[2]
    return OnnxFront(graph, target, inputs, int(width), bool(attribute(node, "layout", 0)), one_step), len(needed)
