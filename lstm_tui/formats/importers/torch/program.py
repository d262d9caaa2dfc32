"""The networks of a program of PyTorch: TorchScript, or the graph of torch.export."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Found, Plan, Recurrent
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.program.layers import Dialect, networks_of
from lstm_tui.formats.importers.state_dict import find_networks
from lstm_tui.formats.importers.step_graphs.layers_or_step import begins_outside, carried_beside
from lstm_tui.formats.importers.torch.exported import ExportedArchive
from lstm_tui.formats.importers.torch.follow import FollowedProgram, follow_program
from lstm_tui.formats.importers.torch.parameter_names import ParameterGroup, find_groups
from lstm_tui.formats.importers.torch.program_builder import ProgramStopped
from lstm_tui.formats.importers.torch.recurrent_calls import plan_call
from lstm_tui.formats.importers.torch.step_program import opened_as_step
from lstm_tui.formats.importers.torch.torchscript import ScriptArchive
from lstm_tui.formats.importers.vocabularies import Texts

_FOLLOWED, _WEIGHTS = "followed", "weights"
_NOT_FOLLOWED = "not followed: each recurrent layer by itself, as its weights have it"


def find_program(
    archive: ScriptArchive | ExportedArchive,
    tensors: Mapping[str, Array],
    lists: Mapping[str, Texts],
    where: str,
    report: ImportReport,
) -> list[Found] | None:
    """Return the networks of a program; None where the user lets the weights alone decide.

    Args:
        archive: The program.
        tensors: Of the file, by name.
        lists: Lists of texts that stand beside them, by path.
        where: What messages call the file.
        report: Decides, and learns what was understood.

    Raises:
        UserError: It has no recurrent layer.
    """
    kind = "TorchScript" if isinstance(archive, ScriptArchive) else "torch.export"
    why = f"{kind}: the file says what it computes"
    if report.choose("program", _FOLLOWED, (_WEIGHTS,), "confirmed", why, matters=False) == _WEIGHTS:
        return None
    try:
        followed = follow_program(archive, report)
    except (ProgramStopped, UnsupportedNode) as error:
        found, no_step = _as_step(archive, where, report)
        return found or _alone(tensors, where, report, str(error), no_step)
    if archive.half:
        report.warnings.append(
            f"its numbers are {archive.half}, and the program rounds each to that: here they are computed as float32"
        )
    for remark in followed.remarks:
        report.warnings.append(remark)
    cells = ", ".join(f"{cell} {visible(path)}" for path, cell in followed.stepped.items())
    if not followed.nodes:
        found, no_step = _as_step(archive, where, report)
        if found:
            return found
        why = (
            next((one for one in followed.refused if " by hand: " in one), "")
            or followed.why
            or next(iter(followed.refused), "")
            or "it calls none of its recurrent layers as one, such as torch.lstm: it steps them by hand"
        )
        why = f"it steps {cells} by hand" if cells and " by hand" not in why else why
        return _alone(tensors, where, report, why, no_step)
    together = _several_at_once(archive, followed)
    if together:
        return _alone(tensors, where, report, together)
    for name, layout in followed.layouts.items():
        if name not in followed.others:
            report.say(f"input.{visible(name)}", layout.text, "confirmed", "so its recurrent calls read it")
    followed.traced.graph.texts.update(lists)
    graph = followed.traced.graph
    if carried_beside(graph) or (_takes_one(archive, followed) and begins_outside(graph, followed.nodes)):
        found, _ = _as_step(archive, where, report)
        if found:
            return found
    if cells:
        report.warnings.append(f"the program steps {cells} by hand, which is not followed")
    found = networks_of(followed.traced, followed.nodes, Dialect(plan_call, followed.front, follows_again=True), where)
    used = {path for names in followed.parameters.values() for path in names}
    left = _left(used, tensors, where, report) if used else []
    apart = cells or ", ".join(visible(one.name) for one in left)
    if apart or followed.why:
        part = f"{_FOLLOWED}, but not {apart or 'to its end'}"
        report.correct("program", part, "inferred", visible(followed.why) or f"{why}, a part of it by hand")
    if left and len(found) == 1:
        found = [replace(found[0], name=found[0].layers[0])]
    return [*found, *left]


def _left(used: set[str], tensors: Mapping[str, Array], where: str, report: ImportReport) -> list[Found]:
    """Return layers, known by the names of their tensors, that the program calls in no way that is followed."""
    rest = {name: one for name, one in tensors.items() if name not in used}
    try:
        groups = find_groups(rest, where, {}) if rest else []
    except UserError:
        return []
    for group in groups:
        report.warnings.append(
            f"{visible(group.prefix)} has the weights of a recurrent layer, and the program steps it by hand or not at "
            "all; --network shows it by itself"
        )
    return [one for group in groups for one in _by_itself(group, tensors, where, True)]


def _takes_one(archive: ScriptArchive | ExportedArchive, followed: FollowedProgram) -> bool:
    """Say whether a program was exported for a tape of one step."""
    sizes = {} if isinstance(archive, ScriptArchive) else {name: one for name, _, one in archive.inputs}
    return any(name in sizes and sizes[name][layout.time] == 1 for name, layout in followed.layouts.items())


def _several_at_once(archive: ScriptArchive | ExportedArchive, followed: FollowedProgram) -> str:
    """Return why a program that was exported for several sequences at once is not followed; empty where it is.

    It has their number in it, so that one sequence alone goes through it only where its steps are taken for sequences.
    """
    sizes = {} if isinstance(archive, ScriptArchive) else {name: one for name, _, one in archive.inputs}
    if not any(followed.traced.reading(node).one_step for node in followed.nodes):
        return ""
    for name, layout in followed.layouts.items():
        beside = [size for size, kind in zip(sizes.get(name) or (), layout.sizes, strict=False) if kind == -1]
        if beside and all(size is not None and size > 1 for size in beside):
            shape = "×".join("?" if size is None else str(size) for size in sizes[name])
            return (
                f"it was exported for several sequences at once, {visible(name)} of {shape}, and takes no other number "
                "of them; export it with a batch of one"
            )
    return ""


def _as_step(
    archive: ScriptArchive | ExportedArchive, where: str, report: ImportReport
) -> tuple[list[Found], str]:  # fmt: skip
    """Return a program whose state goes in and comes out as a network, or why it is none; nothing where none does."""
    return opened_as_step(archive, where, report) if isinstance(archive, ExportedArchive) else ([], "")


def _alone(
    tensors: Mapping[str, Array], where: str, report: ImportReport, why: str, no_step: str = ""
) -> list[Found]:  # fmt: skip
    """Return each recurrent layer by itself, where the program is not followed: nothing around it is guessed.

    Args:
        tensors: Of the file, by name.
        where: What messages call the file.
        report: Learns what was understood.
        why: Why the program is not followed.
        no_step: Why it is no step either; empty where it does not look like one.

    Raises:
        UserError: No layer is known by its tensors.
    """
    try:
        groups = find_groups(dict(tensors), where, {}) if tensors else []
    except UserError:  # weights that the program makes itself, such as those of weight normalisation
        groups = []
    if not groups and no_step:
        way = "; save the module's state_dict() and open it with a mapping file" if "--set" not in no_step else ""
        raise UserError(f"{where}: {no_step}{way}")
    why = f"{why}; as one step: {no_step}" if no_step else why
    if not groups:
        raise UserError(
            f"{where}: its program is not followed ({visible(why)}), and no recurrent layer is known by the names "
            "of its tensors; save the module's state_dict() and open it with a mapping file"
        )
    report.correct("program", _NOT_FOLLOWED, "unknown", why)
    report.warnings.append(
        f"the program is not followed: {visible(why)}; --set program={_WEIGHTS} lets the weights alone decide"
    )
    return [one for group in groups for one in _by_itself(group, tensors, where, len(groups) > 1)]


def _by_itself(group: ParameterGroup, tensors: Mapping[str, Array], where: str, named: bool) -> list[Found]:
    """Return one layer with nothing around it."""
    mine = {name: tensors[name] for name in group.used}

    def alone(plan: Callable[[ImportReport], Plan]) -> Callable[[ImportReport], Plan]:
        def planned(report: ImportReport) -> Plan:
            made = plan(report)
            layer = visible(group.prefix) or "the recurrent layer"
            report.warnings.append(
                f"what stands around {layer} is not known: it takes its inputs directly, and its readout is cut"
            )
            chain: Sequence[Recurrent] = [one for one in made.chain if isinstance(one, Recurrent)]
            return Plan(made.name, chain)

        return planned

    return [
        replace(one, name=group.prefix if named else "", plan=alone(one.plan))
        for one in find_networks(mine, where, None, ImportReport(where), {})
    ]
