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
from lstm_tui.formats.importers.state_dict import find_networks, vocabulary_of
from lstm_tui.formats.importers.torch.exported import ExportedArchive
from lstm_tui.formats.importers.torch.follow import follow_program
from lstm_tui.formats.importers.torch.parameter_names import find_groups
from lstm_tui.formats.importers.torch.program_builder import ProgramStopped
from lstm_tui.formats.importers.torch.recurrent_calls import plan_call
from lstm_tui.formats.importers.torch.script import ScriptArchive

_FOLLOWED, _WEIGHTS = "followed", "weights"


def find_program(
    archive: ScriptArchive | ExportedArchive,
    tensors: Mapping[str, Array],
    lists: Mapping[str, tuple[str, ...]],
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
    why = f"{kind}: the file says what it computes, and its code is read, never run"
    if report.choose("program", _FOLLOWED, (_WEIGHTS,), "confirmed", why, matters=False) == _WEIGHTS:
        return None
    try:
        followed = follow_program(archive, report)
    except (ProgramStopped, UnsupportedNode) as error:
        return _alone(tensors, where, report, str(error), {})
    for remark in followed.remarks:
        report.warnings.append(remark)
    for name, layout in followed.layouts.items():
        if name not in followed.others:
            report.say(f"input.{visible(name)}", layout.text, "confirmed", "so its recurrent calls read it")
    for path, cell in followed.stepped.items():
        report.warnings.append(f"the program steps {cell} {visible(path)} by hand, which is not followed")
    if not followed.nodes:
        if not followed.why and not followed.stepped:
            raise UserError(f"{where}: its program calls no recurrent layer (torch.lstm, torch.gru or torch.rnn)")
        return _alone(tensors, where, report, followed.why, followed.stepped)
    found = networks_of(followed.traced, followed.nodes, Dialect(plan_call), where)
    used = {path for names in followed.parameters.values() for path in names}
    found = [replace(one, plan=_with_words(one.plan, lists)) for one in found]
    rest = {name: one for name, one in tensors.items() if name not in used}
    if used and followed.stepped:
        found += _alone(rest, where, report, "", followed.stepped, whole=False)
    return found


def _with_words(
    plan: Callable[[ImportReport], Plan], lists: Mapping[str, tuple[str, ...]]
) -> Callable[[ImportReport], Plan]:
    """Return a plan whose ids have the words that stand in the file beside the weights."""

    def planned(report: ImportReport) -> Plan:
        made = plan(report)
        if made.embedding is None or made.tokens is not None:
            return made
        return replace(made, tokens=vocabulary_of(lists, len(made.embedding), report))

    return planned


def _alone(
    tensors: Mapping[str, Array], where: str, report: ImportReport, why: str, stepped: Mapping[str, str],
    whole: bool = True,
) -> list[Found]:  # fmt: skip
    """Return each recurrent layer by itself, where the program is not followed: nothing around it is guessed."""
    groups = find_groups(dict(tensors), where, {}) if tensors else []
    if not groups:
        if not whole:
            return []
        raise UserError(
            f"{where}: its program is not followed ({visible(why) or 'it steps a cell by hand'}), and no recurrent "
            "layer is known by the names of its tensors; save the module's state_dict() and open it with a mapping file"
        )
    if whole and why:
        report.warnings.append(
            f"the program is not followed: {visible(why)}; --set program={_WEIGHTS} lets the weights alone decide"
        )
    found: list[Found] = []
    for group in groups:
        mine = {name: tensors[name] for name in group.used}
        name = group.prefix if len(groups) > 1 or not whole else ""
        found += [
            replace(one, name=name, plan=_by_itself(one.plan, group.prefix))
            for one in find_networks(mine, where, None, ImportReport(where), {})
        ]
    return found


def _by_itself(plan: Callable[[ImportReport], Plan], name: str) -> Callable[[ImportReport], Plan]:
    def planned(report: ImportReport) -> Plan:
        made = plan(report)
        layer = visible(name) or "the recurrent layer"
        report.warnings.append(
            f"what stands around {layer} is not known: it takes its inputs directly, and its readout is cut"
        )
        chain: Sequence[Recurrent] = [one for one in made.chain if isinstance(one, Recurrent)]
        return Plan(made.name, chain)

    return planned
