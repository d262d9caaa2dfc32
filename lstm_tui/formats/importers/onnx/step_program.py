"""An ONNX graph that takes one step at each run, or a loop whose trips are steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.one_step import forgets
from lstm_tui.formats.importers.onnx.rnn_nodes import plan_node
from lstm_tui.formats.importers.plan import Found, Plan, Recurrent
from lstm_tui.formats.importers.program.bodies import with_bodies
from lstm_tui.formats.importers.program.graph import RECURRENT, ProgramGraph, UnsupportedNode, label
from lstm_tui.formats.importers.program.layers import Read
from lstm_tui.formats.importers.step_graphs.loops import loops_as_steps
from lstm_tui.formats.importers.step_graphs.plan import StepProgram
from lstm_tui.formats.importers.step_graphs.states import could_be_state, is_fraction

_HALF = 10  # TensorProto.FLOAT16
_MOST = 1 << 22
"""Numbers that a recurrent node is tried with at most."""


def step_of(graph: ProgramGraph, where: str, report: ImportReport) -> StepProgram | None:
    """Return a graph as a step; None where nothing could be its state."""
    whole = with_bodies(graph, _Recurrent(graph))
    loops = loops_as_steps(whole)
    made = whole if loops is None else loops.graph
    if loops is None and (len(graph.inputs) < 2 or not graph.outputs):
        return None
    half = any(kind == _HALF for kind, _ in graph.inputs.values()) or any(
        one.dtype == np.float16 for one in graph.constants.values()
    )
    if half:
        report.warnings.append(
            "the file computes with half the bits, and here all are used: numbers differ by that rounding"
        )

    def planned(node: Any) -> Recurrent:
        told = ImportReport(where, settings=report.settings)
        return plan_node(node, made, "inside", where, told, Read(carried=True))

    return StepProgram(made, where, half, planned, loops)


def carried_beside(graph: ProgramGraph) -> bool:
    """Say whether a state that goes in and comes out is read by more than the first states of recurrent nodes."""
    names = [
        name for name, (kind, _) in graph.inputs.items() if is_fraction(kind) and could_be_state(name, graph.outputs)
    ]
    readers: dict[str, list[Any]] = {}
    for node in graph.nodes:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    waiting, seen = list(names), set(names)
    while waiting:
        one = waiting.pop()
        if one in graph.outputs:
            return True
        for node in readers.get(one, ()):
            if node.op_type in RECURRENT:
                if one in list(node.input)[:5]:
                    return True
                continue
            new = [name for name in node.output if name not in seen]
            seen.update(new)
            waiting += new
    return False


def as_step(found: list[Found], step: StepProgram, first: bool, report: ImportReport) -> list[Found]:
    """Return the networks of recurrent nodes, and in their place the whole file as a step where they lose its memory.

    Args:
        found: The networks of its recurrent nodes.
        step: The whole file as one step.
        first: Whether the file carries more than these nodes do.
        report: What is said so far.
    """
    if len(found) == 1:
        return [_either(found[0], step, first)]
    try:  # several towers of nodes: as a step they are one network, its states carried for all of them
        step.plan(report.again({}))
    except UserError as error:
        return [_not_carried(one, error) for one in found] if first else found
    return step.find()


def _not_carried(found: Found, why: UserError) -> Found:
    """Return a network of recurrent nodes whose file carries more than their states, which is said."""

    def plan(report: ImportReport) -> Plan:
        report.warnings.append(f"a state stands beside its recurrent nodes and is not carried: {why}")
        return found.plan(report)

    return replace(found, plan=plan)


def _either(found: Found, step: StepProgram, first: bool) -> Found:
    """Return a network as layers of its recurrent nodes; as a step where these would lose its memory.

    Args:
        found: The network of its recurrent nodes.
        step: The whole file as one step.
        first: Whether the step is to be tried first: the file carries more than these nodes do.
    """

    def plan(report: ImportReport) -> Plan:
        if not first:
            told = report.again({})
            made = found.plan(told)
            whole = len(told.warnings) == len(report.warnings)
            if whole and not any(isinstance(one, Recurrent) and forgets(one) for one in made.chain):
                report.take(told)
                return made
        told = report.again({})
        try:
            made = step.plan(told)
            told.check_settings()
        except UserError as error:
            return _not_carried(found, error).plan(report) if first else found.plan(report)
        report.take(told)
        return made

    return replace(found, plan=plan)


class _Recurrent:
    """Runs one recurrent node by onnx itself."""

    def __init__(self, graph: ProgramGraph) -> None:
        """Take the graph, for the versions of its operators."""
        self._opsets = graph.opsets
        self._evaluators: dict[int, Any] = {}

    def __call__(self, node: Any, inputs: Mapping[str, Array]) -> list[Array]:
        """Return what a recurrent node makes.

        Raises:
            UnsupportedNode: It cannot take what it is given.
        """
        import onnx
        from onnx.reference import ReferenceEvaluator

        if sum(one.size for one in inputs.values()) > _MOST:
            raise UnsupportedNode(f"{label(node)} reads more than {_MOST} numbers")
        try:
            if id(node) not in self._evaluators:
                names = [onnx.helper.make_tensor_value_info(one, 0, None) for one in dict.fromkeys(node.input) if one]
                ends = [onnx.helper.make_tensor_value_info(one, 0, None) for one in node.output if one]
                model = onnx.helper.make_model(
                    onnx.helper.make_graph([node], "one", names, ends), opset_imports=self._opsets, ir_version=8
                )
                self._evaluators[id(node)] = ReferenceEvaluator(model)
            with np.errstate(all="ignore"):
                made = iter(self._evaluators[id(node)].run(None, dict(inputs)))
        except Exception as error:  # an evaluator of many authors: what a wrong file does to it is not documented
            raise UnsupportedNode(f"{label(node)} cannot be run: {visible(str(error)[:120])}") from error
        return [np.asarray(next(made)) if one else np.zeros(0) for one in node.output]
