"""A program that goes through a whole series in a loop, as the step that the loop takes: a series of one step.

What a loop carries from trip to trip is the state. Where it begins as a constant, the constant becomes an input and
what the loop leaves an output, so that one trip is a step like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.program.bodies import BODIES, Body, body_of
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode
from lstm_tui.formats.importers.step_graphs.states import StateEnds

_ONE = "one trip"
_KINDS = {"float32": 1, "float64": 11, "bool": 9, "float16": 10}


@dataclass(frozen=True, eq=False)
class LoopsAsSteps:
    """A program whose loops are run once.

    Attributes:
        graph: It, with what its loops carry as inputs and outputs.
        states: What they carry.
        initial: What each of these inputs is before the first step.
        shapes: The shapes of inputs that hold a series, for one step.
        times: Which axis of such an input is the tape.
        whole: The program as it was.
    """

    graph: ProgramGraph
    states: tuple[StateEnds, ...]
    initial: Mapping[str, Array]
    shapes: Mapping[str, tuple[int | None, ...]]
    times: Mapping[str, int]
    whole: ProgramGraph


@dataclass(eq=False)
class _Opening:
    """A program while its loops become steps."""

    graph: ProgramGraph
    states: list[StateEnds] = field(default_factory=list)
    initial: dict[str, Array] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)

    def node(self, node: Any) -> Any:
        """Return a loop that is run once, if it goes through a series of the input; else the node as it is."""
        if node.op_type not in BODIES:
            return node
        body = body_of(node)
        times = self._times(node, body)
        if not times:
            return node
        self.times |= times
        own = list(body.own)
        first = 2 if body.loop else 0
        last = len(own) if body.loop else len(own) - int(body.attributes.get("num_scan_inputs", 1))
        output = list(node.output)
        for n in range(first, last):
            if self.graph.depends(own[n], self.graph.inputs, through_shapes=False):
                continue  # it is a state that is given, or is found to be none
            start = self.graph.evaluate(own[n], self._ones())
            place = n - first
            name = f"{node.name}/{body.inputs[place + (2 if body.loop else 0)]}"
            output[place] = output[place] or f"{name}.end"
            self.states.append(StateEnds(name, output[place]))
            self.initial[name] = start
            own[n] = name
        if body.loop:
            own[0] = _ONE
            self.constants[_ONE] = np.array(1, np.int64)
        return replace(body, own=tuple(own)).node(node.name, output)

    def _ones(self) -> dict[str, Array]:
        made = {}
        for name, (_, shape) in self.graph.inputs.items():
            made[name] = np.zeros([1 if n is None else n for n in shape], np.float32)
        return made

    def _times(self, node: Any, body: Body) -> dict[str, int]:
        """Return which axis of each input a loop goes along: the one whose length is how often it is run."""
        found = {}
        for name, (_, shape) in self.graph.inputs.items():
            if not self.graph.depends(label_of(node), [name], through_shapes=True):
                continue
            for axis in range(len(shape)):
                if self._trips(node, body, name, axis):
                    found[name] = axis
                    break
        return found

    def _trips(self, node: Any, body: Body, name: str, axis: int) -> bool:
        if body.loop and not self.graph.depends(body.own[0], self.graph.inputs, through_shapes=True):
            try:
                trips = int(self.graph.evaluate(body.own[0], {}).reshape(-1)[0])
            except (UnsupportedNode, ValueError, IndexError):
                return False
            shape = self.graph.inputs[name][1]
            if not any(body.inputs[0] in node.input for node in body.nodes):
                return False  # it never asks which trip it is: a number of times inside one step
            return trips > 1 and len(shape) > 1 and shape[axis] == trips
        return {self._count(node, body, name, axis, length) for length in (2, 3)} == {2, 3}

    def _count(self, node: Any, body: Body, name: str, axis: int, length: int) -> int:
        given = {
            key: np.zeros(
                [length if (key, n) == (name, axis) else 1 if size is None else size for n, size in enumerate(shape)],
                np.int64 if kind in (6, 7) else np.float32,
            )
            for key, (kind, shape) in self.graph.inputs.items()
        }
        try:
            if body.loop:
                return int(self.graph.evaluate(body.own[0], given).reshape(-1)[0])
            count = int(body.attributes.get("num_scan_inputs", 1))
            scanned = body.own[len(body.own) - count]
            return int(self.graph.evaluate(scanned, given).shape[body.axes("scan_input_axes", count)[0]])
        except (UnsupportedNode, IndexError, ValueError):
            return -1


def label_of(node: Any) -> str:
    """Return the name of something that a node makes."""
    return next((name for name in node.output if name), "")


def loops_as_steps(graph: ProgramGraph) -> LoopsAsSteps | None:
    """Return a program whose loops go along its input, as one step; None where no loop does."""
    if not any(node.op_type in BODIES for node in graph.nodes):
        return None
    opening = _Opening(graph)
    nodes = [opening.node(node) for node in graph.nodes]
    if not opening.times:
        return None
    made = replace(
        graph, nodes=nodes, constants={**graph.constants, **opening.constants},
        made_by={name: node for node in nodes for name in node.output if name},
        inputs=dict(graph.inputs), axes=dict(graph.axes), outputs=list(graph.outputs),
    )  # fmt: skip
    for state in opening.states:
        start = opening.initial[state.old]
        made.inputs[state.old] = (_KINDS.get(str(start.dtype), 1), start.shape)
        made.axes[state.old] = ("",) * start.ndim
        if state.new not in made.outputs:
            made.outputs.append(state.new)
    shapes = {}
    for name, axis in opening.times.items():
        shape = graph.inputs[name][1]
        shapes[name] = tuple(1 if n == axis else size for n, size in enumerate(shape))
        made.inputs[name] = (graph.inputs[name][0], shapes[name])
    return LoopsAsSteps(made, tuple(opening.states), opening.initial, shapes, opening.times, graph)
