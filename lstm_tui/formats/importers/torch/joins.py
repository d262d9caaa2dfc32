"""How the recurrent modules of a bag of weights belong together: one above the other, in opposite directions, apart.

Widths alone allow much that is wrong, so names, the order in the file and what else would stay unused are weighed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations, pairwise, permutations

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import PLACED, How, ImportReport
from lstm_tui.formats.importers.torch.modules import Module
from lstm_tui.formats.importers.torch.parameter_names import BACKWARD, FORWARD, ParameterGroup

_MOST_TRIED = 4
_MOST_SUMS = 10_000
_APART = "apart"
_ENCODER = re.compile(r"(?:^|[._/])enc")
_DECODER = re.compile(r"(?:^|[._/])dec")


@dataclass
class Stage:
    """One module, or two that read the same in opposite directions.

    Attributes:
        forward: The module; of two, the one that reads from the beginning.
        backward: The one that reads from the end, or None.
    """

    forward: ParameterGroup
    backward: ParameterGroup | None = None

    @property
    def name(self) -> str:
        """What it is called in a report."""
        names = [one.prefix or "recurrent" for one in self.groups]
        return " + ".join(names)

    @property
    def groups(self) -> list[ParameterGroup]:
        """Its modules."""
        return [self.forward] if self.backward is None else [self.forward, self.backward]

    @property
    def inputs(self) -> int:
        """How many numbers it reads."""
        return self.forward.inputs

    @property
    def outputs(self) -> int:
        """How many numbers it gives."""
        return sum(one.outputs for one in self.groups)


@dataclass(frozen=True)
class _Reading:
    """One way to put stages together, with what speaks for it."""

    chains: tuple[tuple[Stage, ...], ...]
    how: How
    why: str

    @property
    def value(self) -> str:
        if len(self.chains) > 1:
            return _APART
        return ",".join(
            visible("+".join(one.prefix or "recurrent" for one in stage.groups)) for stage in self.chains[0]
        )


def join_groups(
    groups: Sequence[ParameterGroup],
    modules: Sequence[Module],
    report: ImportReport,
    works: Callable[[Sequence[Sequence[Stage]]], bool],
) -> list[list[Stage]]:
    """Return the networks, each a chain of stages from the lowest up.

    Args:
        groups: The recurrent modules in the file's order.
        modules: What else the file holds.
        report: Learns what else could be, and decides by `join`.
        works: Whether networks put together so can be planned.
    """
    if len(groups) == 1:
        return [[Stage(groups[0])]]
    every = _readings(groups, modules)
    readings = [one for one in every if works(one.chains)] or every
    first = readings[0]
    others = [one.value for one in readings[1:]]
    if others or "join" in report.settings or first.how != "assumed":
        chosen = report.choose("join", first.value, others, first.how, first.why, together=PLACED)
    else:
        chosen = first.value
        report.assume("join", chosen, first.why)
    taken = next(one for one in readings if one.value == chosen)
    roles = _have_roles([one.prefix for one in groups])
    for group in groups if len(taken.chains) > 1 else ():
        alike = [one for one in groups if one.inputs == group.inputs]
        of_a_pair = roles and _has_role(group.prefix)
        group.has_twin = len(alike) > 1 and not group.both and not of_a_pair
    _say_how_they_begin(taken, first, modules, roles)
    return [list(chain) for chain in taken.chains]


def _say_how_they_begin(taken: _Reading, first: _Reading, modules: Sequence[Module], roles: bool) -> None:
    """Note of a module why it may begin with the states that another ends with, where nothing says how they follow.

    Numbers in names say that, and so does a dense layer that reads what all give together.
    """
    stages = [stage for chain in taken.chains for stage in chain]
    towers = first.value == _APART and _reads_all(stages, _chains(stages, modules), modules) is not None
    groups = [stage.forward for stage in stages if stage.backward is None]
    for n, group in enumerate(groups):
        name = visible(group.prefix)
        if roles and _DECODER.search(group.prefix):
            group.begins_as = f"{name} is called a decoder, which often begins with the states its encoder ends with"
        elif not (roles or towers or (first.how == "inferred" and len(first.chains) == 1)):
            alike = [
                one
                for one in groups[:n]
                if (one.kind, one.hidden, one.depth) == (group.kind, group.hidden, group.depth)
            ]
            if alike:
                below = visible(alike[-1].prefix)
                group.begins_as = f"{name} could begin with the states that {below} ends with"


def _has_role(prefix: str) -> bool:
    """Say whether a module is an encoder or a decoder by its name."""
    return bool(_ENCODER.search(prefix) or _DECODER.search(prefix))


def _have_roles(prefixes: Sequence[str]) -> bool:
    """Say whether modules are an encoder and a decoder by their names."""
    return any(_ENCODER.search(one) for one in prefixes) and any(_DECODER.search(one) for one in prefixes)


def takes_heads(networks: Sequence[Sequence[Stage]]) -> Sequence[Stage]:
    """Return the network that takes what none claims by its name: the decoder, or the last in the file."""
    decoders = [one for one in networks if any(_DECODER.search(stage.forward.prefix) for stage in one)]
    return decoders[0] if len(decoders) == 1 else networks[-1]


def rival_of(top: Stage, stages: Sequence[Stage], networks: Sequence[Sequence[Stage]], stem: str) -> str:
    """Return why a module that reads what a network gives could stand elsewhere; empty where nothing speaks for that.

    Args:
        top: The top layer of the network.
        stages: All its layers.
        networks: All networks of the file.
        stem: The path of the module.
    """
    if len(networks) == 1 or claims(stem, [stage for network in networks for stage in network]) in stages:
        return ""
    tops = [one[-1] for one in networks]
    alike = [one for one in tops if one is not top and one.outputs == top.outputs]
    together = [some for count in range(2, len(tops) + 1) for some in combinations(tops[:_MOST_TRIED], count)
                if sum(one.outputs for one in some) == top.outputs]  # fmt: skip
    if alike:
        return f"{visible(alike[0].name)} gives as many numbers, and it could stand above that, or above both"
    if together:
        names = " and ".join(visible(one.name) for one in together[0])
        return f"{names} give as many numbers together, and it could stand above these"
    return ""


def could_feed(stages: Sequence[Stage], networks: Sequence[Sequence[Stage]]) -> str:
    """Return the name of another network of the file that gives as many numbers as one reads; empty without any.

    Args:
        stages: Of the network that reads.
        networks: All networks of the file.
    """
    tops = [one[-1] for one in networks if stages[0] not in one and one[-1].outputs == stages[0].inputs]
    return next((top.name for top in tops if not _DECODER.search(top.forward.prefix)), "")


def rival_below(reads: int | None, stages: Sequence[Stage], networks: Sequence[Sequence[Stage]], stem: str) -> str:
    """Return why a module below a network could stand above another; empty where nothing speaks for that.

    Args:
        reads: How many numbers the module reads.
        stages: The layers of the network.
        networks: All networks of the file.
        stem: The path of the module.
    """
    if len(networks) == 1 or claims(stem, [stage for network in networks for stage in network]) in stages:
        return ""
    tops = [one[-1] for one in networks]
    alike = [one for one in tops if one is not stages[-1] and one.outputs == reads]
    if alike:
        return f"{visible(stem)} reads as much as {visible(alike[0].name)} gives, and it could stand above that"
    for some in (some for count in range(2, len(tops) + 1) for some in combinations(tops[:_MOST_TRIED], count)):
        if sum(one.outputs for one in some) == reads:
            names = " and ".join(visible(one.name) for one in some)
            return f"{visible(stem)} reads as much as {names} give together, and it could stand above these"
    return ""


def _readings(groups: Sequence[ParameterGroup], modules: Sequence[Module]) -> list[_Reading]:
    """Return every way to put modules together that widths allow, the best supported first."""
    paired = _paired(groups)
    single = [Stage(one) for one in groups]
    found: list[_Reading] = []
    for stages in (paired, single) if len(paired) < len(single) else (single,):
        orders = _orders(stages, modules, stages is not single)
        # names that say so are all there is of two that read in opposite directions: their weights are those of any two
        found += orders if stages is single else [_but(one, "assumed", one.why) for one in orders]
    seen: dict[str, _Reading] = {}
    for one in found:
        seen.setdefault(one.value, one)
    return list(seen.values())


def _orders(stages: Sequence[Stage], modules: Sequence[Module], paired: bool) -> list[_Reading]:
    by_names = " and their names say that they read in opposite directions" if paired else ""
    if len(stages) == 1:
        wide = any(module.reads == stages[0].outputs for module in modules)
        why = f"their widths{by_names}" + ("; what stands above reads both" if wide else "")
        return [_Reading((tuple(stages),), "assumed", why)]
    chains = _chains(stages, modules)
    separate = _Reading(tuple((stage,) for stage in stages), "assumed", f"nothing joins them for certain{by_names}")
    numbered = _numbered(stages)
    several = _reads_several([numbered] if numbered in chains else _tried(stages))
    if not chains:
        follows = next((pair for pair in permutations(stages, 2) if _follows(*pair, modules)), None)
        if follows is not None and not _have_roles([stage.forward.prefix for stage in stages]):
            below, above = (visible(one.name) for one in follows)
            several = several or f"{above} could read what {below} gives, or what it and others give"
        why = several or "by their widths none reads what another gives"
        return [_but(separate, "assumed" if several else "inferred", why)]
    reader = _reads_all(stages, chains, modules)
    if numbered in chains and reader is None:
        against = "the numbers in their names, though the file has them in another order" if _disagrees(stages) else ""
        why = several or against or f"the numbers in their names, and their widths{by_names}"
        first = _Reading((numbered,), "assumed" if several or against else "inferred", why)
        return [first, separate, *(_Reading((one,), "assumed", "widths") for one in chains if one != numbered)]
    rest = [_Reading((one,), "assumed", f"widths alone{by_names}") for one in chains]
    if _have_roles([stage.forward.prefix for stage in stages]):
        nameless = [visible(stage.name) for stage in stages if not _has_role(stage.forward.prefix)]
        unsure = f"; how {' and '.join(nameless)} goes with them, they do not say" if nameless else ""
        stems = [one.stem for one in sorted(modules, key=lambda one: one.index)]
        turned = bool(_DECODER.search(stages[0].forward.prefix)) and stems != sorted(stems)  # no order of the alphabet
        unsure = unsure or ("; the decoder comes first in the file" if turned else "")
        how: How = "assumed" if unsure else "inferred"
        return [_but(separate, how, f"an encoder and a decoder, as their names say{unsure}"), *rest]
    tables = [_own_tables(stage, stages, modules) for stage in stages]
    if sum(bool(one) for one in tables) > 1:
        return [_but(separate, "inferred", "each has an embedding of its own"), *rest]
    if reader is not None:
        why = f"they read as much as each other, and {visible(reader.stem)} reads what they give together"
        return [_but(separate, "assumed", why), *rest]
    forced = [one for one in chains if all(above.inputs != one[0].inputs for above in one[1:])]
    if len(chains) == 1 and forced:
        why = several or "the only order their widths allow"
        return [_but(rest[0], "assumed" if several else "inferred", why), separate]
    return [*rest, separate]


def _reads_several(orders: Sequence[Sequence[Stage]]) -> str:
    """Return which module could read several things end to end, such as a skip or towers; empty where none could.

    Each order is tried: every module of it reads what enters the lowest, what another below it gives, or several of
    these at once, and at least one reads several.
    """
    for order in orders:
        said, sums = "", WidthSums(max(stage.inputs for stage in order))
        sums.add("the input", order[0].inputs)
        for lower, stage in pairwise(order):
            sums.add(visible(lower.name), lower.outputs)
            made = sums.several.get(stage.inputs)
            if made is None and stage.inputs not in sums.single:
                break
            if made is not None and not said:
                said = f"{visible(stage.name)} reads as much as {' and '.join(made)} hold together: it could read these"
        else:
            if said:
                return said
    return ""


class WidthSums:
    """What some things hold, and what two or more of them hold together: the fewest of each sum, up to a largest one.

    Every sum is looked at once for each thing, however many ways lead to it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.single: dict[int, tuple[str, ...]] = {}
        self.several: dict[int, tuple[str, ...]] = {}

    def add(self, name: str, width: int) -> None:
        """Add one thing and all sums that it is part of."""
        for total, names in (*self.single.items(), *self.several.items()):
            made = total + width
            known = self.several.get(made)
            if made <= self._most and (len(names) + 1 < len(known) if known else len(self.several) < _MOST_SUMS):
                self.several[made] = (*names, name)
        self.single.setdefault(width, (name,))


def _tried(stages: Sequence[Stage]) -> list[tuple[Stage, ...]]:
    """Return the orders of modules that are looked at: all of a few, and of many that of the file."""
    return list(permutations(stages)) if len(stages) <= _MOST_TRIED else [tuple(stages)]


def _but(reading: _Reading, how: How, why: str) -> _Reading:
    return _Reading(reading.chains, how, why)


def _paired(groups: Sequence[ParameterGroup]) -> list[Stage]:
    """Return stages in which two modules are one where their names differ in the direction alone."""
    stages: list[Stage] = []
    taken: set[str] = set()
    by_stem = {(_without(one.prefix, BACKWARD), one.inputs, one.hidden): one for one in groups
               if _without(one.prefix, BACKWARD) is not None}  # fmt: skip
    for group in groups:
        if group.prefix in taken:
            continue
        stems = [_without(group.prefix, FORWARD), group.prefix]
        mates = [by_stem.get((stem, group.inputs, group.hidden)) for stem in stems if stem is not None]
        mate = next((one for one in mates if one is not None and one is not group and one.prefix not in taken), None)
        fits = mate is not None and _are_directions(group, mate)
        if mate is not None and fits and mate.depth == group.depth == 1:
            taken |= {group.prefix, mate.prefix}
            stages.append(Stage(group, mate))
        elif _without(group.prefix, BACKWARD) is None or not _has_mate(group, groups):
            stages.append(Stage(group))
    return stages


def _are_directions(group: ParameterGroup, mate: ParameterGroup) -> bool:
    """Say whether two modules of which one is named for the end can be two directions of one layer.

    They hold tensors of the same names, and a letter `b` alone says nothing beside a name that says nothing.
    """
    alike = (group.kind, group.passes.keys()) == (mate.kind, mate.passes.keys()) and not group.both
    alike = alike and all(group.passes[place].keys() == mate.passes[place].keys() for place in group.passes)
    letter = any(part.lower() == "b" for part in re.split(r"[._/]", mate.prefix))
    return alike and (not letter or _without(group.prefix, FORWARD) is not None)


def _has_mate(group: ParameterGroup, groups: Sequence[ParameterGroup]) -> bool:
    """Say whether a module that reads from the end comes first in the file and its mate later."""
    stem = _without(group.prefix, BACKWARD)
    return any(
        one is not group
        and stem in (_without(one.prefix, FORWARD), one.prefix)
        and (one.inputs, one.hidden, one.depth, group.depth) == (group.inputs, group.hidden, 1, 1)
        and _are_directions(one, group)
        for one in groups
    )


def _without(prefix: str, words: Sequence[str]) -> str | None:
    """Return a path without the word in it that says a direction, or None where there is none."""
    parts = re.split(r"([._/])", prefix)
    for n in range(len(parts) - 1, -1, -1):
        if parts[n].lower() in words:
            return re.sub(r"([._/])[._/]+", r"\1", "".join(parts[:n] + parts[n + 1 :])).strip("._/")
    for word in words:
        if len(word) > 2 and prefix.lower().endswith(word):
            return prefix[: -len(word)].rstrip("._/")
    return None


def _chains(stages: Sequence[Stage], modules: Sequence[Module]) -> list[tuple[Stage, ...]]:
    """Return every order in which each reads what the one below gives, directly or through a dense layer."""
    orders = _tried(stages) if len(stages) <= _MOST_TRIED else [tuple(stages), _numbered(stages)]
    return [
        order for order in orders if order and all(_follows(below, above, modules) for below, above in pairwise(order))
    ]


def _follows(below: Stage, above: Stage, modules: Sequence[Module]) -> bool:
    if above.inputs == below.outputs:
        return True
    bridges = [one.matrix for one in modules if one.matrix is not None and not one.is_table]
    return any(one.shape == (above.inputs, below.outputs) for one in bridges)


def _numbered(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return stages in the order of the numbers in their names, where the names differ in nothing else."""
    names = [stage.forward.prefix for stage in stages]
    numbers = [re.findall(r"\d+", name) for name in names]
    if len({re.sub(r"\d+", "0", name) for name in names}) > 1 or any(not one for one in numbers):
        last = [re.fullmatch(r"(.*?)(?:[._]?(\d+))?", name) for name in names]  # lstm, then lstm_2
        parts = [(one[1], one[2]) for one in last if one is not None]
        if len({stem for stem, _ in parts}) > 1 or [number for _, number in parts].count(None) != 1:
            return ()
        numbers = [["-1" if number is None else number] for _, number in parts]
    return tuple(
        stage for _, stage in sorted(zip(numbers, stages, strict=True), key=lambda one: list(map(int, one[0])))
    )


def _disagrees(stages: Sequence[Stage]) -> bool:
    """Say whether the file has stages neither by their numbers nor by the alphabet, an order that says nothing."""
    names = [stage.forward.prefix for stage in stages]
    return tuple(stages) != _numbered(stages) and names != sorted(names)


def _own_tables(stage: Stage, stages: Sequence[Stage], modules: Sequence[Module]) -> list[Module]:
    return [one for one in modules if one.is_table and claims(one.stem, stages) is stage]


def claims(stem: str, stages: Sequence[Stage]) -> Stage | None:
    """Return the stage in whose part of the model something stands, by its path; None where several could."""
    near = [max(_common(stem, group.prefix) for group in stage.groups) for stage in stages]
    best = max(near, default=0)
    return stages[near.index(best)] if best and near.count(best) == 1 else None


def _common(stem: str, prefix: str) -> int:
    """Return how many parts of two paths are the same from the beginning; the last of a module's own name counts."""
    count = 0
    for one, other in zip(re.split(r"[._/]", stem), re.split(r"[._/]", prefix), strict=False):
        if one != other or not one:
            break
        count += 1
    return count


def _reads_all(
    stages: Sequence[Stage], chains: Sequence[tuple[Stage, ...]], modules: Sequence[Module]
) -> Module | None:
    """Return a dense layer that reads what all stages give together, where no other reads what the top one gives."""
    together = sum(stage.outputs for stage in stages)
    alike = len({stage.inputs for stage in stages}) == 1
    reading = [one for one in modules if one.matrix is not None and not one.is_table]
    tops = {chain[-1].outputs for chain in chains}
    if not alike or any(one.reads in tops for one in reading):
        return None
    return next((one for one in reading if one.reads == together), None)
