"""What stands in front of the states and has no equation here: run by the program itself, one frame at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, dtype_of

_PEELED = ("Gemm", "MatMul", "Add")
_VIEWS = ("Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose")


def frontier(graph: ProgramGraph, states: Sequence[str], read: Sequence[str]) -> list[str]:
    """Return the tensors that are made of the input alone and are read beside a state, or are given back.

    A last matrix that such a tensor is multiplied with belongs to the layer that reads it, as its weights.
    """
    given = [one for one in read if one]
    stateful = {name for node in graph.nodes for name in node.output if graph.depends(name, states)}
    wanted = [name for node in graph.nodes if stateful.intersection(node.output) for name in node.input]
    made: list[str] = []
    for name in (*wanted, *graph.outputs):
        if name and name not in stateful and name not in states and graph.depends(name, given):
            end = _peeled(graph, name, given)
            if end not in made:
                made.append(end)
    return made


def _peeled(graph: ProgramGraph, name: str, given: Sequence[str]) -> str:
    """Return what a tensor is made of by one matrix and constants; the tensor itself where that is not all."""
    at, passed = name, False
    while True:
        node = graph.made_by.get(at)
        if node is None or node.op_type not in (*_PEELED, *_VIEWS):
            break
        moving = [one for one in node.input if one and graph.depends(one, given)]
        if len(moving) != 1 or moving[0] in graph.inputs or (passed and node.op_type != "Identity"):
            break
        passed = passed or node.op_type in ("Gemm", "MatMul")
        at = moving[0]
    return at if passed else name


@dataclass(frozen=True, eq=False)
class StepFront:
    """A part of a program that every step goes through before its states are read.

    Attributes:
        graph: The program.
        targets: What it makes, end to end.
        inputs: What it reads.
        shapes: The shape of each input for one step.
        fixed: Inputs that are the same at every step.
    """

    graph: ProgramGraph
    targets: tuple[str, ...]
    inputs: tuple[str, ...]
    shapes: Mapping[str, tuple[int, ...]]
    fixed: Mapping[str, Array]

    def run(self, arrays: Mapping[str, Array]) -> Array:
        """Return the input of the lowest layer, (T, I), of frames (T, n).

        Raises:
            UserError: An array is missing, or the program cannot take a frame.
        """
        given = {}
        for name in self.inputs:
            if name in arrays or len(self.inputs) == 1:
                given[name] = np.asarray(arrays.get(name, next(iter(arrays.values()))))
            else:
                known = ", ".join(visible(one) for one in self.inputs)
                raise UserError(f"the network reads {known}: give a .npz with arrays of these names")
        steps = min(len(one) for one in given.values())
        return np.stack([self._one({name: one[t] for name, one in given.items()}) for t in range(steps)])

    def _one(self, frame: Mapping[str, Array]) -> Array:
        known = dict(self.fixed)
        for name, array in frame.items():
            kind = self.graph.inputs[name][0]
            known[name] = np.asarray(array).astype(dtype_of(kind)).reshape(self._of(name, np.size(array)))
        try:
            made = [self.graph.evaluate(one, known, keep=True).reshape(-1) for one in self.targets]
        except UnsupportedNode as error:
            raise UserError(
                f"what stands before the states cannot take {np.size(array)} numbers a step: {error}"
            ) from error
        return np.concatenate(made).astype(np.float32)

    def _of(self, name: str, count: int) -> tuple[int, ...]:
        """Return the shape of a frame of so many numbers: that of the file, its free width as long as the frame."""
        shape = self.shapes[name]
        if int(np.prod(shape)) == count:
            return shape
        free = self.graph.inputs[name][1]
        if free and free[-1] is None:
            return (*shape[:-1], count // max(int(np.prod(shape[:-1])), 1))
        raise UserError(f"{visible(name)} has {int(np.prod(shape))} numbers a step, and {count} are given")
