"""A program of torch.export that takes one step at each run: its state is given, and it gives the state's new value."""

from __future__ import annotations

import numpy as np

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Found
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, random_of
from lstm_tui.formats.importers.step_graphs.plan import StepProgram
from lstm_tui.formats.importers.step_graphs.states import could_be_state, is_fraction
from lstm_tui.formats.importers.torch.exported import ExportedArchive
from lstm_tui.formats.importers.torch.program_builder import Budget, InputShape, ProgramBuilder, ProgramStopped


def step_of(archive: ExportedArchive, where: str) -> StepProgram | None:
    """Return a program as a step, its free axes of one; None where nothing could be its state.

    Raises:
        UserError: It is not followed to its end.
    """
    if len(archive.inputs) < 2 or not archive.outputs:
        return None
    b = ProgramBuilder(Budget(), one_step=True)
    shapes = {
        name: InputShape(kind, tuple(1 if n is None else n for n in sizes)) for name, kind, sizes in archive.inputs
    }
    try:
        archive.follow(b, shapes)
    except (ProgramStopped, UnsupportedNode) as error:
        raise UserError(f"{where}: {error}") from error
    graph = b.graph()
    step = StepProgram(graph, where, bool(archive.half), by_shape=False)
    return step if graph.outputs and _could_have_state(graph) else None


def _could_have_state(graph: ProgramGraph) -> bool:
    """Say whether an input is called as a state, or comes out again in its shape."""
    kinds = {name: sizes for name, (kind, sizes) in graph.inputs.items() if is_fraction(kind)}
    if any(could_be_state(name, graph.outputs) for name in kinds):
        return True
    random = np.random.default_rng(0)
    given = {name: random_of(kind, [n or 1 for n in sizes], random) for name, (kind, sizes) in graph.inputs.items()}
    try:
        return any(graph.evaluate(name, given).shape in kinds.values() for name in graph.outputs)
    except UnsupportedNode:
        return False


def opened_as_step(archive: ExportedArchive, where: str, report: ImportReport) -> tuple[list[Found], str]:
    """Return a program as a network of one step; where it is none, why, or nothing where it looks like no step.

    Raises:
        UserError: The user says which input is a state, and it cannot be so.
    """
    try:
        step = step_of(archive, where)
        if step is not None:
            step.plan(report.again({}))
    except UserError as error:
        if any(key.startswith("state.") for key in report.settings):
            raise
        return [], str(error).removeprefix(f"{where}: ")
    return ([] if step is None else step.find()), ""
