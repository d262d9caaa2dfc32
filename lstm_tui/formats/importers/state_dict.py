"""Networks found in a bag of named tensors, which says nothing of how they are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Found, Op, Plan, Recurrent
from lstm_tui.formats.importers.safetensors_file import as_floats
from lstm_tui.formats.importers.torch.modules import Module, find_embedding, find_front, find_modules, plan_readout
from lstm_tui.formats.importers.torch.parameter_names import (
    ParameterGroup,
    find_groups,
    layer_name,
    order_groups,
    plan_group,
)
from lstm_tui.formats.importers.torch.safe_unpickler import Made

_SHOWN = 6


def find_networks(tensors: Mapping[str, Array], where: str, modules: Mapping[str, Made] | None = None) -> list[Found]:
    """Return the networks among tensors.

    Raises:
        UserError: There is no recurrent layer, or one is not whole.
    """
    groups = find_groups(tensors, where)
    if not groups:
        if not any(tensors):
            raise UserError(f"{where}: holds no tensors by name; save the model's state_dict()")
        names = ", ".join(visible(name) for name in list(tensors)[:_SHOWN])
        more = f" and {len(tensors) - _SHOWN} more" if len(tensors) > _SHOWN else ""
        raise UserError(
            f"{where}: no recurrent layer is known by the names of its tensors ({names}{more}); "
            "name them in a mapping file: --map FILE.toml"
        )
    chains = order_groups(groups)
    taken = {name for group in groups for name in group.used}
    places = {name: _place(one) for name, one in tensors.items()}  # before they are copied as floats
    floats = as_floats(dict(tensors))
    for group in groups:
        for given in group.passes.values():
            given.update({what: as_floats({what: one})[what] for what, one in given.items() if what not in floats})
    found = []
    for n, chain in enumerate(chains):
        name = chain[0].prefix if len(chains) > 1 else ""
        layers = tuple(layer_name(group, n) for group in chain for n in range(group.depth))
        last = n == len(chains) - 1  # what no network claims by its name stands above the last
        found.append(Found(name, layers, _planner(chain, floats, places, taken, modules or {}, len(chains) == 1, last)))
    return found


def _planner(
    chain: Sequence[ParameterGroup],
    floats: dict[str, Array],
    places: Mapping[str, tuple[int, tuple[int, ...]]],
    taken: set[str],
    made: Mapping[str, Made],
    alone: bool,
    last: bool,
) -> Callable[[ImportReport], Plan]:
    def plan(report: ImportReport) -> Plan:
        others = find_modules(floats, taken)
        prefix = "" if alone else chain[0].prefix
        embedding = find_embedding(others, chain[0].inputs, prefix, report)
        rest = [one for one in others if one is not embedding]
        readout: tuple[list[Op], list[Module]] = ([], [])
        parts: list[Recurrent] = []
        notes = ImportReport(report.file, settings=report.settings)
        for start in (0, 1):  # dense layers below are a layer of their own, which moves the numbers of the others
            notes = ImportReport(report.file, settings=report.settings)
            parts = []
            for group in chain:
                parts += plan_group(group, notes, start + len(parts), made)
            top = parts[-1]
            width = top.sizes.get("P", top.hidden) * len(top.passes)
            mine = rest if last else [one for one in rest if prefix and one.stem.startswith(prefix)]
            readout = plan_readout(mine, width, len(top.passes) > 1, made, notes)
            left = [one for one in rest if one not in readout[1] and (alone or one.stem.startswith(prefix))]
            front, below = find_front(left, chain[0].inputs, notes) if embedding is None else ([], [])
            if bool(front) == bool(start) or not front:
                break
        report.facts += notes.facts
        report.offered += notes.offered
        report.warnings += notes.warnings
        used = {name for one in (embedding, *readout[1], *below) if one is not None for name in one.used}
        read = taken | used
        used_places = {places[name] for name in read if name in places}
        report.unused += [visible(name) for name in floats if name not in read and places.get(name) not in used_places]
        table = None if embedding is None else embedding.tensors["weight"]
        return Plan(name=chain[0].prefix or "network", chain=[*front, *parts, *readout[0]], embedding=table)

    return plan


def _place(one: Array) -> tuple[int, tuple[int, ...]]:
    """Return where a tensor lies: a module that was saved whole names some of its tensors twice."""
    return int(one.__array_interface__["data"][0]), one.shape
