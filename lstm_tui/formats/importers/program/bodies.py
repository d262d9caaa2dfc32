"""Bodies of loops in a program: what they read, what they make, and how often they are run.

A node with a body names, behind its own inputs, what its body reads of the graph around it; so whoever follows what
reads what needs to know nothing of bodies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.program.graph import (
    CHOICE,
    RECURRENT,
    ProgramGraph,
    ProgramNode,
    Run,
    UnsupportedNode,
    attribute,
    label,
)

BODIES = ("Loop", "Scan")
MOST_RUNS = 20_000
"""Nodes of bodies that are run before a program is given up."""


@dataclass(frozen=True, eq=False)
class Body:
    """The body of a loop.

    Attributes:
        loop: Whether it is run a number of times (Loop), not once for each part of a series (Scan).
        own: What the node reads itself.
        inputs: Names of what the body is given.
        outputs: Names of what it makes.
        nodes: Its nodes, in an order in which each reads what is there.
        constants: Its tensors by name.
        attributes: Of the node.
    """

    loop: bool
    own: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: Sequence[Any]
    constants: Mapping[str, Array] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def made(self) -> set[str]:
        """Names that its nodes make."""
        return {name for node in self.nodes for name in node.output if name}

    @property
    def captured(self) -> tuple[str, ...]:
        """Names that it reads of the graph around it."""
        inside = {*self.inputs, *self.constants, *self.made}
        read = [name for node in self.nodes for name in node.input] + list(self.outputs)
        return tuple(dict.fromkeys(name for name in read if name and name not in inside))

    def axes(self, name: str, count: int) -> list[int]:
        """Return a list of the node's whole numbers, zeros where it is not there."""
        given = list(self.attributes.get(name) or [])
        return given if len(given) == count else [0] * count

    def node(self, name: str, output: Sequence[str]) -> ProgramNode:
        """Return the node that has this body."""
        kind = "Loop" if self.loop else "Scan"
        read = (*self.own, *self.captured)
        return ProgramNode(name, kind, read, tuple(output), {**self.attributes, "body": self})


def body_of(node: Any) -> Body:
    """Return the body of a node.

    Raises:
        UnsupportedNode: It has none that is read here.
    """
    body = attribute(node, "body", None) if isinstance(node, ProgramNode) else None
    if not isinstance(body, Body):
        raise UnsupportedNode(f"{label(node)} has no body that is read here")
    return body


def with_bodies(graph: ProgramGraph, recurrent: Run) -> ProgramGraph:
    """Return a program that also runs its loops, and its recurrent nodes by `recurrent`."""
    made = replace(graph)
    runner = _Runner(made, graph.run, recurrent)
    made.run = runner
    return made


def with_choices_taken(graph: ProgramGraph, given: Mapping[str, Array]) -> ProgramGraph:
    """Return a program in which an `If` that what is given decides is the body it takes, and nothing else is left."""
    nodes: list[Any] = []
    for node in graph.nodes:
        taken: bool | None = None
        if node.op_type == CHOICE:
            try:
                taken = bool(np.all(graph.evaluate(node.input[0], given)))
            except UnsupportedNode:
                taken = None
        if taken is None:
            nodes.append(node)
            continue
        count = len(node.output)
        chosen = node.input[1 : 1 + count] if taken else node.input[1 + count :]
        nodes += [
            ProgramNode(f"{node.name} {one}", "Identity", (one,), (name,))
            for one, name in zip(chosen, node.output, strict=True)
            if name
        ]
    made_by = {name: one for one in nodes for name in one.output if name}
    needed, waiting = set[str](), list(graph.outputs)
    while waiting:
        one = waiting.pop()
        if one not in needed:
            needed.add(one)
            waiting += [name for name in made_by[one].input if name] if one in made_by else []
    left = [node for node in nodes if needed.intersection(node.output)]
    return replace(graph, nodes=left, made_by={name: one for one in left for name in one.output if name})


@dataclass(eq=False)
class _Runner:
    """Runs nodes, loops among them."""

    graph: ProgramGraph
    plain: Run
    recurrent: Run
    runs: int = 0

    def __call__(self, node: Any, inputs: Mapping[str, Array]) -> list[Array]:
        if node.op_type in BODIES and isinstance(node, ProgramNode):
            return self._looped(node, body_of(node), inputs)
        if node.op_type in RECURRENT:
            return self.recurrent(node, inputs)
        if node.op_type == "Identity" and isinstance(node, ProgramNode):
            return [inputs[node.input[0]]]
        return self.plain(node, inputs)

    def _looped(self, node: Any, body: Body, inputs: Mapping[str, Array]) -> list[Array]:
        around = {name: inputs[name] for name in body.captured if name in inputs}
        given = [inputs.get(name) if name else None for name in body.own]
        self.runs = 0
        return self._loop(node, body, given, around) if body.loop else self._scan(node, body, given, around)

    def _loop(self, node: Any, body: Body, given: Sequence[Array | None], around: Mapping[str, Array]) -> list[Array]:
        trips = MOST_RUNS if given[0] is None else int(given[0].reshape(-1)[0])
        going = np.array(True) if given[1] is None else given[1]
        carried = [one for one in given[2:] if one is not None]
        shown: list[list[Array]] = []
        number = 0
        while number < trips and np.all(going):
            going, *made = self._once(node, body, [np.array(number, np.int64), going, *carried], around)
            carried, one = made[: len(carried)], made[len(carried) :]
            shown.append(one)
            number += 1
        return [*carried, *_series(node, shown, [0] * (len(body.outputs) - 1 - len(carried)))]

    def _scan(self, node: Any, body: Body, given: Sequence[Array | None], around: Mapping[str, Array]) -> list[Array]:
        count = int(attribute(node, "num_scan_inputs", 1))
        whole = [one for one in given if one is not None]
        carried, read = whole[: len(whole) - count], whole[len(whole) - count :]
        axes, turned = body.axes("scan_input_axes", count), body.axes("scan_input_directions", count)
        try:
            trips = read[0].shape[axes[0]]
        except IndexError as error:
            raise UnsupportedNode(f"{label(node)} has nothing to go over") from error
        shown = []
        for number in range(trips):
            places = [trips - 1 - number if back else number for back in turned]
            slices = [np.take(one, at, axis=axis) for one, at, axis in zip(read, places, axes, strict=True)]
            made = self._once(node, body, [*carried, *slices], around)
            carried, one = made[: len(carried)], made[len(carried) :]
            shown.append(one)
        rest = len(body.outputs) - len(carried)
        if any(body.axes("scan_output_directions", rest)):
            raise UnsupportedNode(f"{label(node)} writes its series from the end")
        return [*carried, *_series(node, shown, body.axes("scan_output_axes", rest))]

    def _once(self, node: Any, body: Body, given: Sequence[Array], around: Mapping[str, Array]) -> list[Array]:
        self.runs += len(body.nodes) + 1
        if self.runs > MOST_RUNS:
            raise UnsupportedNode(f"{label(node)} runs more than {MOST_RUNS} nodes")
        if len(given) != len(body.inputs):
            raise UnsupportedNode(f"{label(node)} gives its body {len(given)} inputs, and it takes {len(body.inputs)}")
        known = {**around, **body.constants, **dict(zip(body.inputs, given, strict=True))}
        inner = _inside(self.graph, body)
        return [inner.evaluate(name, known, keep=True) for name in body.outputs]


def _inside(graph: ProgramGraph, body: Body) -> ProgramGraph:
    made_by = {name: one for one in body.nodes for name in one.output if name}
    return replace(graph, nodes=list(body.nodes), made_by=made_by)


def _series(node: Any, shown: Sequence[Sequence[Array]], axes: Sequence[int]) -> list[Array]:
    if not shown and axes:
        raise UnsupportedNode(f"{label(node)} is not run once")
    return [np.stack([one[n] for one in shown], axis=axis) for n, axis in enumerate(axes)]
