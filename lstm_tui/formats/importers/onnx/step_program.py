"""An ONNX graph that takes one step at each run, or a loop whose trips are steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.onnx.rnn_nodes import plan_node
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.program.bodies import with_bodies
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, label
from lstm_tui.formats.importers.program.layers import Read
from lstm_tui.formats.importers.step_graphs.loops import loops_as_steps
from lstm_tui.formats.importers.step_graphs.plan import StepProgram

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
