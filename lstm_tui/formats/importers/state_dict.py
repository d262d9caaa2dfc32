"""Networks found in a bag of named tensors, which says nothing of how they are put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import NOT_RECORDED, PLACED, How, ImportReport
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Found, Norm, Op, Plan, Recurrent
from lstm_tui.formats.importers.safetensors_file import as_floats
from lstm_tui.formats.importers.torch.joins import (
    Stage,
    claims,
    could_feed,
    join_groups,
    rival_below,
    rival_of,
    takes_heads,
)
from lstm_tui.formats.importers.torch.modules import (
    HIDDEN,
    Module,
    between,
    find_modules,
    find_position,
    find_table,
    followers,
    over_steps,
    place_by_name,
    plan_readout,
)
from lstm_tui.formats.importers.torch.paired_norms import Side, added_over, around, paired_norms, sides, sides_of_all
from lstm_tui.formats.importers.torch.parameter_names import (
    ParameterGroup,
    directly_under,
    find_groups,
    layer_name,
    plan_group,
)
from lstm_tui.formats.importers.torch.safe_unpickler import Made
from lstm_tui.formats.importers.torch.spellings import respell
from lstm_tui.formats.importers.vocabularies import Texts, choose_classes, choose_tokens
from lstm_tui.formats.verify.alternatives import cell_text, with_residual

_SHOWN = 6
_BEGINS = re.compile(
    r"(?:2|to)_?(?:h|hidden|c|cell|state|states|hx|cx)(?:[._]|\Z)|(?:\A|[._])init(?:ial)?_?(?:h|c|hidden|cell|state)|bridge",
    re.IGNORECASE,
)
_TOO_MANY = 3
_EPSILON = 1e-5  # that of the language's own norm, and PyTorch's default
_Place = tuple[int, tuple[int, ...]]


def find_networks(
    tensors: Mapping[str, Array],
    where: str,
    modules: Mapping[str, Made] | None = None,
    report: ImportReport | None = None,
    lists: Mapping[str, Texts] | None = None,
) -> list[Found]:
    """Return the networks among tensors.

    Args:
        tensors: By the file's own names.
        where: What messages call the file.
        modules: Modules by their path, where the file holds a whole model.
        report: Decides how several modules are joined, and learns of it.
        lists: Texts by their numbers that stand beside the tensors, by path: vocabularies and labels.

    Raises:
        UserError: There is no recurrent layer, or one is not whole.
    """
    respelled = respell(tensors)
    groups = find_groups(respelled.tensors, where, respelled.spellings)
    if not groups:
        if not any(tensors):
            raise UserError(f"{where}: holds no tensors by name; save the model's state_dict()")
        names = ", ".join(visible(name) for name in list(tensors)[:_SHOWN])
        more = f" and {len(tensors) - _SHOWN} more" if len(tensors) > _SHOWN else ""
        raise UserError(
            f"{where}: no recurrent layer is known by the names of its tensors ({names}{more}); "
            "`inspect --write-map FILE.toml` writes what a mapping file needs, and --map FILE.toml opens it"
        )
    report = ImportReport(where) if report is None else report
    for prefix, spelling in respelled.spellings.items():
        report.say(f"names.{visible(prefix) or 'recurrent'}", spelling.program, "inferred", "names of its tensors")
    groups = _once(groups)
    taken = {name for group in groups for name in group.used}
    places = {name: _place(one) for name, one in respelled.tensors.items()}  # before they are copied as floats
    floats = as_floats(respelled.tensors)
    double = all(one.dtype == np.float64 for one in floats.values())
    for group in groups:
        group.as_numbers(np.float64 if double else np.float32)
    bag = _Bag(floats, places, taken, modules or {}, [], respelled.origin, lists or {})
    networks = join_groups(
        groups, find_modules(floats, taken), report, lambda chains: replace(bag, networks=chains).fits()
    )
    bag = replace(bag, networks=networks)
    found = []
    for stages in networks:
        name = stages[0].forward.prefix if len(networks) > 1 else ""
        layers = tuple(layer_name(group, n) for stage in stages for group in stage.groups for n in range(group.depth))
        found.append(Found(name, layers, bag.planner(stages)))
    return found


@dataclass
class _Bag:
    """Everything a file holds, and what was understood of how it hangs together."""

    floats: dict[str, Array]
    places: Mapping[str, _Place]
    taken: set[str]
    made: Mapping[str, Made]
    networks: Sequence[Sequence[Stage]]
    origin: Mapping[str, tuple[str, ...]]
    lists: Mapping[str, Texts]

    def planner(self, stages: Sequence[Stage]) -> Callable[[ImportReport], Plan]:
        """Return what plans one network."""
        return lambda report: _Planning(self, list(stages), report).plan()

    def fits(self) -> bool:
        """Say whether every network can be planned, which widths alone do not promise."""
        try:
            for stages in self.networks:
                self.planner(stages)(ImportReport(""))
        except UserError:
            return False
        return True

    def mine(self, stages: Sequence[Stage]) -> tuple[list[Module], set[str]]:
        """Return the modules a network may use, and the names of tensors that another network claims."""
        everything = self.beside
        if len(self.networks) == 1:
            return everything, set()
        every = [stage for network in self.networks for stage in network]
        owners = {one.stem: claims(one.stem, every) for one in everything}
        theirs = [one for one in everything if owners[one.stem] is not None and owners[one.stem] not in stages]
        others = {name for one in theirs for name in one.used}
        last = takes_heads(self.networks)[-1] in stages
        near = [one for one in everything if owners[one.stem] in stages]
        free = [one for one in everything if owners[one.stem] is None]
        return near + (free if last else [one for one in free if one.is_table]), others

    @cached_property
    def beside(self) -> list[Module]:
        """The modules that are part of no recurrent one, the same for every plan."""
        return [one for one in find_modules(self.floats, self.taken) if not self._inside(one)]

    def _inside(self, module: Module) -> bool:
        """Say whether a module is part of a recurrent one, so that it changes its equations and stands nowhere else."""
        prefixes = [one.prefix for network in self.networks for stage in network for one in stage.groups if one.prefix]
        around = [prefix for prefix in prefixes if module.used[0].startswith((f"{prefix}.", f"{prefix}/"))]
        return any(any(not name.startswith(prefix) for name in self.floats) for prefix in around)


class _Planning:
    """One network being planned: what stands where, and what is left."""

    def __init__(self, bag: _Bag, stages: Sequence[Stage], report: ImportReport) -> None:
        self.bag = bag
        self.stages = stages
        self.report = report
        self.modules, self.others = bag.mine(stages)
        self.convolved = [one for one in self.modules if one.stem in _with_convolutions(self.modules)]
        self.modules = [one for one in self.modules if one not in self.convolved or one.is_convolution]
        self.used: list[Module] = []
        self.layers: dict[str, list[str]] = {}
        self.embedded: int | None = None
        self.may_be_added = ""
        self.doubted: dict[int, str] = {}
        self.possible: dict[tuple[Module, int | None], list[int]] = {}
        self.places: dict[str, int] = {}
        self.paired = paired_norms(self.modules, self.stages)
        self.around: dict[int, Module] = {}
        self.side: Side | None = None

    def plan(self) -> Plan:
        """Return the plan, with everything that is left said."""
        report = self.report
        table, ops = self._input()
        chain: list[Recurrent | Op] = list(ops)
        count = 1 if ops else 0
        read = {self.bag.places[name] for name in self.bag.taken if name in self.bag.places}
        other = [
            name for name in self.bag.floats if name not in self.bag.taken and self.bag.places.get(name) not in read
        ]
        bare = len(self.stages) == 1 and not other and not any(one.prefix for one in self.stages[0].groups)
        below: Stage | None = None
        for number, stage in enumerate(self.stages):
            if below is not None:
                here = self._placed(number)
                ops, taken = between(here, below.outputs, stage.inputs, f"layer{count}.below", report, self.bag.made)
                self.used += taken
                chain += ops
                count += bool(ops)
            last_weights = bool(ops) and isinstance(ops[-1], Dense | Norm | AffineScale | Activation)
            if not bare and not last_weights and (below is not None or table is not None):
                more = self._something(f"layer{count - bool(ops)}.before" if ops else f"layer{count}.before", stage)
                count += bool(more) and not ops
                chain += more
            self._say_what_may_be_added(f"layer{count}")
            if number in self.doubted:
                report.doubt(f"layer{count}", self.doubted[number])
            parts = self._layers(stage, count, bare)
            self.layers[f"layer{count}"] = [group.prefix for group in stage.groups]
            chain += parts
            lower = range(count, count + len(parts) - 1)
            count += len(parts)
            below, ops = stage, []
        top = self.stages[-1]
        last = count - 1
        rest = [one for one in self._placed(len(self.stages)) if one not in self.used]
        begins = self._begins(rest)
        rest = [one for one in rest if one not in begins]
        rival: Callable[[Module], str] = lambda one: rival_of(top, self.stages, self.bag.networks, one.stem)  # noqa: E731
        self._say_what_may_be_added("readout")
        over = over_steps(chain[-1], lower)
        head, taken, rivals = plan_readout(rest, top.outputs, over, self.bag.made, report, bare, rival)
        self.used += taken
        self._left(table, [*rivals, *begins], last)
        self._doubt_order()
        weights = None if table is None else table.tensors["weight"]
        outputs = [len(one.w) for one in head if isinstance(one, Dense)]
        return Plan(
            name=self.stages[0].forward.prefix or "network",
            chain=[*chain, *head],
            embedding=weights,
            tokens=None if weights is None else choose_tokens(self.bag.lists, len(weights), report),
            classes=choose_classes(self.bag.lists, outputs[-1], report, weights is not None) if outputs else (),
        )

    def _say_what_may_be_added(self, key: str) -> None:
        """Say of what reads layers that what enters them may be added to what they give, where that is not run here."""
        if self.may_be_added:
            why = f"what enters {self.may_be_added} may be added to what it gives, which weights alone do not record"
            self.report.unknown(f"{key}.input", why)
            self.may_be_added = ""

    def _doubt_order(self) -> None:
        """Doubt what dense layers of one shape lead to, where so many could stand in several places that none is known.

        Two can be put right by a choice of each; of more than that nobody finds the right ones.
        """
        keys = [*self.layers, "readout"]
        assumed = {one.key for one in self.report.facts if one.how == "assumed"}
        alike: dict[tuple[int | None, int | None], list[Module]] = {}
        for one in self.modules:
            if one.matrix is not None and f"place.{one.slug}" in assumed:
                alike.setdefault((one.reads, one.gives), []).append(one)
        for several in alike.values():
            if len(several) >= _TOO_MANY:
                stems = ", ".join(visible(one.stem) for one in several)
                for slot in sorted({slot for one in several for slot in self._possible(one)}):
                    self.report.doubt(keys[slot], f"{stems} are of one shape, and each could stand in several places")

    def _input(self) -> tuple[Module | None, list[Op]]:
        """Return the table of ids and what stands between it, or the numbers that are given, and the lowest layer."""
        inputs = self.stages[0].inputs
        bridges = [
            one.reads for one in self.modules if one.gives == inputs and one.matrix is not None and not one.is_table
        ]
        widths = [inputs, *(one for one in bridges if one is not None)]
        order = sorted(self.modules, key=self._nearness)
        table, rivals = find_table(order, widths, self.report, could_feed(self.stages, self.bag.networks))
        ops: list[Op] = []
        width = None
        if table is not None:
            self.used.append(table)
            width = self.embedded = int(table.tensors["weight"].shape[1])
            ops, taken = find_position([one for one in order if one not in self.used], width, self.report)
            self.used += taken
            root = sentence(float(np.sqrt(width)), 6)
            scales = {root: 0, **({f"{root} with positions": len(ops)} if ops else {})}
            said = self.report.choose("input.scale", "1", (*scales,), "assumed", NOT_RECORDED)
            if said in scales:
                ops.insert(scales[said], AffineScale("scale", *_of_root(table.tensors["weight"])))
        for one in rivals:
            self.report.doubt("layer0", f"{visible(one.stem)} could be looked up too, and is not")
        rival: Callable[[Module], str] = lambda one: rival_below(one.reads, self.stages, self.bag.networks, one.stem)  # noqa: E731
        more, taken = between(self._placed(0), width, inputs, "input_layers", self.report, self.bag.made, rival)
        self.used += taken
        said = next((one.value for one in self.report.facts if one.key == "input"), "")
        if taken and said == f"{inputs} numbers a step":
            why = f"{visible(taken[0].stem)} reads as many"
            self.report.correct("input", f"{taken[0].reads} numbers a step", "inferred", why)
        if table is not None and width != inputs and not taken:
            raise UserError(f"{self.report.file}: what stands between {visible(table.stem)} and the layer is not known")
        return table, [*ops, *more]

    def _begins(self, modules: Sequence[Module]) -> list[Module]:
        """Return the modules that are named like what makes the states before the first step, which is not run."""
        sizes = {group.hidden for stage in self.stages for group in stage.groups}
        found = [one for one in modules if one.matrix is not None and _BEGINS.search(one.stem)
                 and one.gives is not None and any(one.gives % size == 0 for size in sizes)]  # fmt: skip
        for one in found:
            for key in self.layers:
                said = f"{visible(one.stem)} is named like what makes the states before the first step"
                self.report.doubt(key, f"{said}, which are zeros here; --initial FILE.npz gives others")
        return found

    def _nearness(self, module: Module) -> tuple[bool, int]:
        return claims(module.stem, self.stages) is None, module.index

    def _placed(self, slot: int) -> list[Module]:
        """Return the modules that stand before a stage, or above the last: by widths, then by their order."""
        free = [one for one in self.modules if one not in self.used and one.reads is not None]
        return [one for one in free if self._slot(one) == slot]

    def _slot(self, module: Module) -> int:
        top = len(self.stages)
        if module.stem in self.paired:
            return self._of_a_pair(module, self.paired[module.stem])
        possible = self._possible(module)
        if len(possible) == 1:
            return possible[0]
        beside = [set(self._possible(one)) for one in followers(module, self.modules) if one is not module]
        if (fixed := {slot for one in beside if len(one) == 1 for slot in one}) and fixed <= set(possible):
            return min(fixed)
        needed = next((slot for slot in possible if slot < top and self._bridges(module, slot)), None)
        if needed is not None:
            return needed
        names = list(self.bag.floats)
        index = [min((names.index(name) for name in stage.forward.used if name in self.bag.floats), default=0)
                 for stage in self.stages]  # fmt: skip
        wanted = sum(one < module.index for one in index)
        wanted = wanted if wanted in possible else possible[-1]
        outputs = self.stages[-1].outputs
        alone = [one for one in self.modules if one.reads == outputs] == [module] and module.reads != module.gives
        if alone and place_by_name(module.stem) == "above":
            return top  # nothing else reads what the top layer gives, and its name agrees
        if module.stem not in self.places:
            likely = top if alone else wanted  # few networks read as many numbers as they have units
            said = {"above": top, "below": 0}.get(place_by_name(module.stem) or "", likely)
            named = place_by_name(module.stem) is not None and said in possible
            assumed = any(one.key == "join" and one.how == "assumed" for one in self.report.facts)
            speaks = index == sorted(index) and not assumed  # else the order in the file is none of the layers
            how: How = "inferred" if named and said == wanted and speaks else "assumed"
            slots = {("readout" if slot == top else f"below_{slot}"): slot for slot in possible}
            first = next(name for name, slot in slots.items() if slot == (said if named else likely))
            why = "taken from the order in the file; by its width it could stand elsewhere, below a layer or above it"
            if alone:
                first_of_all = ", but it comes first in the file" if wanted != top else ""
                why = f"nothing else reads what the top layer gives{first_of_all}; by its width it could stand below"
            why = f"its name{' and the order in the file' * (how == 'inferred')}" if named else why
            others = [name for name in slots if name != first]
            chosen = self.report.choose(f"place.{module.slug}", first, others, how, why, together=PLACED)
            self.places[module.stem] = slots[chosen]
        return self.places[module.stem]

    def _of_a_pair(self, module: Module, stage: int) -> int:
        """Return where a norm of one layer stands: before it, behind it, or before it inside of its residual."""
        if module.stem in self.places:
            return self.places[module.stem]
        found = sides(module, self.stages, stage)
        every = self._every_norm() if len(self.paired) > 1 else None
        likely = every or ("before" if self._comes_first(module, self.stages[stage]) else "behind")
        names = [found[side] for side in sorted(found, key=lambda side: (side != likely, side != "residual"))]
        if every is None:
            layer = visible(self.stages[stage].name)
            why = f"its name goes with {layer}; on which side of it, or of a residual, it does not say"
            chosen = self.report.choose(f"place.{module.slug}", names[0], names[1:], "assumed", why, together=PLACED)
        else:
            first = found.get(every, found.get("before", names[0]))
            chosen = self.report.offer(f"place.{module.slug}", first, names)
        side = next(one for one, name in found.items() if name == chosen)
        if side == "residual":
            self.around[stage] = module
            self.used.append(module)
        self.places[module.stem] = {"before": stage, "behind": stage + 1, "residual": -1}[side]
        return self.places[module.stem]

    def _every_norm(self) -> Side | None:
        """Return on which side of its layer each of several norms stands, one decision; None where no side fits all."""
        if self.side is not None:
            return self.side
        norms = [one for one in self.modules if one.stem in self.paired]
        possible = sides_of_all([sides(one, self.stages, self.paired[one.stem]) for one in norms])
        if not possible:
            return None
        first = sum(self._comes_first(one, self.stages[self.paired[one.stem]]) for one in norms)
        likely: Side = "before" if 2 * first >= len(norms) else "behind"
        order = sorted(possible, key=lambda side: (side != likely, side != "residual"))
        names = ", ".join(visible(one.stem) for one in norms)
        why = f"the names of {names} each go with a layer; on which side of it, or of a residual, they do not say"
        chosen = self.report.choose("place.every_norm", order[0], order[1:], "assumed", why, together=PLACED)
        self.side = next(side for side in order if side == chosen)
        return self.side

    def _comes_first(self, module: Module, stage: Stage) -> bool:
        """Say whether a norm stands before a layer in the file."""
        names = list(self.bag.floats)
        return module.index < min((names.index(one) for one in stage.forward.used if one in self.bag.floats), default=0)

    def _possible(self, module: Module) -> list[int]:
        """Return the slots a module could stand in by its widths, looked up once for each width that is given."""
        key = module, self.embedded
        if key not in self.possible:
            self.possible[key] = self._slots(module)
        return self.possible[key]

    def _slots(self, module: Module) -> list[int]:
        top = len(self.stages)
        possible = [slot for slot in range(top) if self._fits(module, slot)]
        above = self._reached(self.stages[-1].outputs, lambda one: one.reads, lambda one: one.gives)
        return [*possible, top] if module in above or not possible else possible

    def _bridges(self, module: Module, slot: int) -> bool:
        """Say whether this module has to lead from what is given to what a stage reads: the first that could."""
        below = self.stages[slot - 1].outputs if slot else self.embedded
        ends = below, self.stages[slot].inputs
        among = [one for one in self.modules if one.matrix is not None and (one.reads, one.gives) == ends]
        if below is None or ends[0] == ends[1] or module not in among[:1]:
            return False
        if len(among) > 1:
            stems = " and ".join(visible(one.stem) for one in among)
            every = [one for one in self._possible(module) if one < len(self.stages)]
            self.doubted |= dict.fromkeys(every, f"{stems} are of one shape, and each could stand below a layer")
        return True

    def _fits(self, module: Module, slot: int) -> bool:
        """Say whether a module could stand right before a stage."""
        inputs = self.stages[slot].inputs
        below = self.stages[slot - 1].outputs if slot else self.embedded
        if below is None:  # where numbers are read, a matrix without a bias could be anything
            whole = "bias" in module.tensors or module.is_batch_norm
            return whole and module in self._reached(inputs, lambda one: one.gives, lambda one: one.reads)
        if module.matrix is None:
            return module.reads in (inputs, below)
        return module.reads == below and module.gives == inputs

    def _reached(
        self, width: int, near: Callable[[Module], int | None], far: Callable[[Module], int | None]
    ) -> list[Module]:
        """Return the modules through which a width is reached, from one side or from the other."""
        found: list[Module] = []
        widths = {width}
        while more := [
            one for one in self.modules if one not in found and one.reads is not None and near(one) in widths
        ]:
            found += more
            widths |= {size for one in more if (size := far(one)) is not None}
        return found

    def _something(self, key: str, stage: Stage) -> list[Op]:
        """Return an activation without weights before a module, which nothing records."""
        said = self.report.choose(key, "linear", HIDDEN, "assumed", NOT_RECORDED)
        return [] if said == "linear" else [Activation(f"before {stage.name}", said)]

    def _layers(self, stage: Stage, count: int, bare: bool) -> list[Recurrent]:
        report, key = self.report, f"layer{count}"
        parts = plan_group(stage.forward, report, count, self.bag.made)
        if stage.backward is not None:
            return [self._both(stage, parts[0], key)]
        part = parts[0]
        if (module := self.around.get(self.stages.index(stage))) is not None:
            why = f"around {visible(module.stem)} and the layer"
            report.say(f"{key}.residual", why, "set", "the user placed the norm there")
            return around(parts, Norm(module.stem, _EPSILON, module.tensors["weight"], module.tensors["bias"]))
        again = not bare and stage.inputs == stage.outputs
        if again and report.choose(f"{key}.calls", "one", ("two",), "assumed", NOT_RECORDED) == "two":
            return [*parts, *plan_group(stage.forward, report, count + len(parts), self.bag.made)]
        if not bare and stage.inputs == stage.outputs:
            if len(parts) > 2 or (len(parts) == 2 and len(part.passes) > 1):
                self.may_be_added = visible(stage.name)
            elif report.choose(f"{key}.residual", "none", ("added",), "assumed", NOT_RECORDED) == "added":
                if len(parts) > 1:
                    return added_over(part, parts[1])
                return [replace(part, residual=True) if len(part.passes) == 1 else _halves_added(part)]
        return parts

    def _both(self, stage: Stage, forward: Recurrent, key: str) -> Recurrent:
        """Return two modules that read in opposite directions as one layer."""
        assert stage.backward is not None, "asked of two alone"
        notes = self.report.again({})
        (backward,) = plan_group(stage.backward, notes, int(key.removeprefix("layer")), self.bag.made)
        same = backward.cell == forward.cell and backward.without == forward.without and backward.sizes == forward.sizes
        if not same or backward.functions != forward.functions:
            raise UserError(f"{self.report.file}: {visible(stage.name)} are not alike, so they are no two directions")
        self.report.facts = [one for one in self.report.facts if one.key not in (f"{key}.name", f"{key}.directions")]
        self.report.say(f"{key}.name", stage.name, "confirmed", "names of their tensors")
        why = "two modules whose names say so; the program that runs them is not there"
        self.report.say(f"{key}.directions", "both, joined end to end", "inferred", why)
        initial = {
            "forward": next(iter(forward.initial.values()), {}),
            "backward": next(iter(backward.initial.values()), {}),
        }
        return replace(
            forward,
            name=stage.name,
            passes=[("forward", forward.passes[0][1]), ("backward", backward.passes[0][1])],
            initial=initial if any(initial.values()) else {},
        )

    def _left(self, table: Module | None, rivals: Sequence[Module], last: int) -> None:
        """Say of every tensor what took it, and of those that nothing took what they stand beside.

        Args:
            table: The embedding, or None.
            rivals: Modules of which it is said already that they could have been taken.
            last: Number of the top layer.
        """
        bag, report = self.bag, self.report
        parts = {name: "readout" for one in self.used for name in one.used}
        parts |= {} if table is None else dict.fromkeys(table.used, "embedding")
        for key, prefixes in self.layers.items():
            for group in (one for stage in self.stages for one in stage.groups if one.prefix in prefixes):
                parts |= dict.fromkeys(group.used, key)
        read_places = {bag.places[name] for name in (*bag.taken, *parts) if name in bag.places}
        told = {name for one in (*rivals, *self.convolved) for name in one.used} | self._decoders()
        tables = {name for one in self.modules if one.is_table for name in one.used}
        dropped = {name for stages in bag.networks for stage in stages for one in stage.groups for name in one.dropped}
        left: dict[str, list[str]] = {}
        for name, tensor in bag.floats.items():
            if name in parts:
                for own in bag.origin.get(name, (name,)):
                    report.use(own, tensor.shape, parts[name])
            elif name in self.others or name in bag.taken:
                report.use(name, tensor.shape, "another network")
            elif bag.places.get(name) in read_places or name in dropped or (name in tables and _equals(table, tensor)):
                report.use(name, tensor.shape, "again")
            else:
                beside = self._beside(name, tensor)
                below = name in tables or any(name in one.used for one in self.convolved)
                beside = next(iter(self.layers)) if beside == "readout" and below else beside
                report.leave(name, tensor.shape, beside, doubtful=False)
                stem = re.split(r"[._/](?=(?:weight|bias|running_mean|running_var)\Z)", name)[0]
                first = next(iter(self.layers))
                anywhere = {beside, first, "readout"} if tensor.size == 1 else {beside}  # one number fits every width
                for place in sorted(anywhere) if name not in told else ():
                    left.setdefault(f"{place}:{stem}", []).append(name)
        for place, names in left.items():
            subject, _, stem = place.partition(":")
            shapes = ", ".join("×".join(map(str, bag.floats[name].shape)) or "one number" for name in names)
            report.doubt(subject, f"{stem} ({shapes}) is in the file and has no place here")

    def _decoders(self) -> set[str]:
        """Return the tensors of a CRF above the layers, which chooses among sequences of tags by their scores."""
        found: set[str] = set()
        for name, tensor in self.bag.floats.items():
            stem, _, leaf = name.rpartition(".")
            if leaf not in ("transitions", "trans_matrix") or tensor.ndim != 2 or len(set(tensor.shape)) > 1:
                continue
            beside = {
                f"{stem}.{one}".lstrip(".") for one in ("start_transitions", "end_transitions", "_constraint_mask")
            }
            known = {one for one in beside & set(self.bag.floats)
                     if set(self.bag.floats[one].shape) <= {len(tensor), len(tensor) + 2}}  # fmt: skip
            found |= {name} | known
            self.report.warnings.append(
                f"{visible(stem or name)} ({len(tensor)} tags) is a CRF, which chooses a sequence of tags by the "
                "scores below it: it is not run, and the readout is those scores"
            )
        return found

    def _beside(self, name: str, tensor: Array) -> str:
        """Return the part that an unused tensor stands beside: the layer in whose module it is, or that it fits."""
        for key, prefixes in self.layers.items():
            if any(prefix and directly_under(prefix, name) is not None for prefix in prefixes):
                return key
        first = next(iter(self.layers))
        if self.stages[0].forward.prefix == "" and directly_under("", name) is not None:
            return first
        inputs, outputs = self.stages[0].inputs, self.stages[-1].outputs
        fits = tensor.ndim in (1, 2) and inputs in tensor.shape and (outputs not in tensor.shape or inputs == outputs)
        return first if fits and len(self.bag.networks) == 1 else "readout"


def _of_root(table: Array) -> tuple[Array, Array]:
    """Return what multiplies a row of a table by the root of its length, and nothing that is added to it."""
    width, dtype = table.shape[1], table.dtype
    return np.full(width, np.sqrt(width), dtype), np.zeros(width, dtype)


def _equals(table: Module | None, tensor: Array) -> bool:
    """Say whether a tensor holds the numbers of the table that is used, which a file may name twice."""
    return table is not None and np.array_equal(table.tensors["weight"], tensor)


def _halves_added(part: Recurrent) -> Recurrent:
    """Return a layer of two directions, end to end, to which its input is added: a half of it to each."""
    text = cell_text(part)
    halves = [
        replace(part, cell=with_residual(text, f"part(x, {n}, 2)"), passes=[one], initial={}, functions={}, bound=None)
        for n, one in enumerate(part.passes)
    ]
    one, other = (replace(half, initial=part.initial) for half in halves)
    return replace(one, second=other)


def _with_convolutions(modules: Sequence[Module]) -> set[str]:
    """Return the paths of convolutions and of what stands among them in the file, which cannot be run either.

    That is everything of a Sequential with a convolution, and a norm as wide as the convolution right before it.
    """
    found = {one.stem for one in modules if one.is_convolution}
    last: Module | None = None
    for one in sorted(modules, key=lambda one: one.index):
        parent, _, leaf = one.stem.rpartition(".")
        beside = [stem.rpartition(".") for stem in found if stem.rpartition(".")[0] == parent]
        follows = last is not None and one.matrix is None and one.reads == len(last.tensors["weight"])
        if one.is_convolution:
            last = one
        elif (parent and leaf.isdigit() and any(each[2].isdigit() for each in beside)) or (beside and follows):
            found.add(one.stem)
        elif one.matrix is not None:
            last = None
    return found


def _place(one: Array) -> _Place:
    """Return where a tensor lies: a module that was saved whole names some of its tensors twice."""
    return int(one.__array_interface__["data"][0]), one.shape


def _once(groups: Sequence[ParameterGroup]) -> list[ParameterGroup]:
    """Return modules without those that stand in the file a second time under another name."""
    seen: dict[frozenset[tuple[tuple[int, bool], str, _Place]], ParameterGroup] = {}
    for group in groups:
        where = {(place, what, _place(one)) for place, given in group.passes.items() for what, one in given.items()}
        seen.setdefault(frozenset(where), group)
    return list(seen.values())
