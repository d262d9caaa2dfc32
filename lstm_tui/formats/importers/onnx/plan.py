"""The networks of an ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.onnx.feature_extractor import onnx_front
from lstm_tui.formats.importers.onnx.file import Outside, read_graph
from lstm_tui.formats.importers.onnx.follow import follow
from lstm_tui.formats.importers.onnx.rnn_nodes import of_shapes_alone, plan_node
from lstm_tui.formats.importers.onnx.step_program import step_of
from lstm_tui.formats.importers.plan import Found
from lstm_tui.formats.importers.program.graph import RECURRENT, ProgramGraph, UnsupportedNode, label
from lstm_tui.formats.importers.program.layers import Dialect, networks_of
from lstm_tui.formats.importers.step_graphs.layers_or_step import as_step, begins_outside, carried_beside


def find_onnx(data: bytes, path: str | Path, where: str, report: ImportReport) -> list[Found]:
    """Return the networks of an ONNX file.

    Raises:
        UserError: It is damaged, or has no recurrent node.
    """
    outside = Outside(path, where)
    graph = read_graph(data, where, lambda name, whole, condition: _branch(name, whole, condition, report), outside)
    report.beside = outside.digest
    report.format = f"ONNX, opset {graph.opset}"
    if graph.producer:
        report.say("producer", graph.producer, "confirmed", "the file")
    if graph.rounded:
        more = f" and {len(graph.rounded) - 3} more" if len(graph.rounded) > 3 else ""
        names = ", ".join(visible(one) for one in graph.rounded[:3])
        report.warnings.append(
            f"{names}{more}: the weights are whole numbers with a scale, taken as the fractions they stand for; the "
            "file's runtime also rounds what they are multiplied with, so its numbers differ by that rounding"
        )
    nodes = [node for node in graph.nodes if node.op_type in RECURRENT and node.domain in ("", "ai.onnx")]
    if not nodes and (step := step_of(graph, where, report)) is not None:
        return step.find()
    if not nodes:
        others = [node for node in graph.nodes if any(kind in node.op_type for kind in (*RECURRENT, "Loop", "Scan"))]
        hint = f"; {label(others[0])} is not stepped" if others else ""
        if not others and graph.producer.startswith("pytorch") and any(node.op_type == "Tanh" for node in graph.nodes):
            hint = (
                "; PyTorch unrolls an nn.RNN and a loop over cells: give its weights, export with dynamo=False, or "
                "name its tensors (`inspect --write-map FILE.toml`)"
            )
        raise UserError(f"{where}: has no recurrent node (LSTM, GRU or RNN){hint}")
    beside = carried_beside(graph)
    step = step_of(graph, where, report) if beside or begins_outside(graph, nodes) else None
    try:
        found = networks_of(follow(graph, nodes), nodes, Dialect(plan_node, onnx_front), where)
    except UserError:
        if step is None:
            raise
        return step.find()
    return found if step is None else as_step(found, step, beside, report)


def _branch(name: str, whole: ProgramGraph, condition: str, report: ImportReport) -> str:
    """Return the body of an `If` that is taken: by its condition where that depends on shapes and constants alone."""
    key = f"if.{visible(name)}"
    try:
        taken = bool(np.all(of_shapes_alone(whole, condition)))
    except UnsupportedNode:
        taken = None
    first, other = ("else_branch", "then_branch") if taken is False else ("then_branch", "else_branch")
    if taken is None:
        return report.choose(key, first, (other,), "assumed", "its condition depends on what is given from outside")
    return report.choose(key, first, (other,), "inferred", "its condition, for one sequence")
