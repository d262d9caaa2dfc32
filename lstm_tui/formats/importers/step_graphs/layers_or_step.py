"""Whether a program with recurrent nodes opens as their layers, or whole as one step whose state is carried beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.one_step import forgets
from lstm_tui.formats.importers.plan import Found, Plan, Recurrent
from lstm_tui.formats.importers.program.graph import RECURRENT, ProgramGraph
from lstm_tui.formats.importers.step_graphs.plan import StepProgram
from lstm_tui.formats.importers.step_graphs.states import could_be_state, is_fraction


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


def begins_outside(graph: ProgramGraph, nodes: Sequence[Any]) -> bool:
    """Say whether a recurrent node begins with a state that is given from outside."""
    return any(graph.depends(one, graph.inputs) for node in nodes for one in list(node.input)[5:7] if one)


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
