"""Embeddings, dense layers and normalisations around recurrent layers, found by names, shapes and order alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from itertools import combinations, pairwise, permutations

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.cell_states import FINAL_CELL, keeps_cell_state, lower_final
from lstm_tui.formats.importers.import_report import MOST_OFFERED, NOT_RECORDED, PLACED, How, ImportReport
from lstm_tui.formats.importers.plan import (
    Activation,
    AffineScale,
    Dense,
    Gate,
    Norm,
    Op,
    PositionEmbedding,
    Recurrent,
    Reduce,
)
from lstm_tui.formats.importers.torch.safe_unpickler import Made

_NAME = re.compile(
    r"(?P<stem>.*?)[._/]?(?P<what>weight|bias|running_mean|running_var|num_batches_tracked|w|b|emb(?:edding)?s?)\Z",
    re.IGNORECASE,
)
_TABLE = re.compile(r"emb|wte|lookup|vocab", re.IGNORECASE)
_POSITION = re.compile(r"(?:^|[._/])(?:pos|wpe)|position", re.IGNORECASE)
_MOST_POSITIONS = 1024
_ABOVE = frozenset((
    "head", "heads", "classifier", "classification", "classify", "out", "output", "outputs", "logit", "logits",
    "predictor", "prediction", "readout", "actor", "critic", "policy", "final",
))  # fmt: skip
_BELOW = frozenset(("in", "inp", "input", "inputs", "pre", "prenet", "embed", "embedding", "emb"))
_EPSILON = 1e-5  # PyTorch's default of both normalisations, which no file of weights records
HIDDEN = ("relu", "linear", "tanh", "sigmoid", "elu", "leaky_relu_0_01", "swish")
_LAST = ("linear", "softmax", "sigmoid", "tanh", "relu")
_MOST_ORDERED = 6
_MOST_FOUND = 64
_OVER = ("last", "final", "mean", "max")
GATE = "gate"
"""What a dense layer gives where it says how much of each number that it reads passes."""
_MODULES = {
    "ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "SiLU": "swish", "ReLU6": "relu6", "Softplus": "softplus",
    "Softsign": "softsign", "Hardtanh": "hard_tanh", "Softmax": "softmax", "Identity": "linear",
    "Dropout": "linear",
}  # fmt: skip


@dataclass(eq=False)
class Module:
    """The tensors of a module that is not recurrent; all of them are there before it is asked for anything."""

    stem: str
    tensors: dict[str, Array] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    index: int = 0

    @cached_property
    def is_table(self) -> bool:
        """Whether it looks like an embedding by its name and shape."""
        weight = self.tensors.get("weight")
        flat = weight is not None and weight.ndim == 2 and "bias" not in self.tensors
        return flat and bool(_TABLE.search(self.stem) or self.stem.endswith("encoder") or _POSITION.search(self.stem))

    @cached_property
    def reads(self) -> int | None:
        """How many numbers a dense layer or a norm reads, or None where it is neither."""
        matrix = self.matrix
        if matrix is not None:
            return None if self.is_table else int(matrix.shape[1])
        return self._width_of_norm

    @cached_property
    def _width_of_norm(self) -> int | None:
        """How many numbers a norm takes, or None where it is none, or its tensors do not fit each other."""
        kinds = ("weight", "bias", "running_mean", "running_var")
        shapes = {what: self.tensors[what].shape for what in kinds if what in self.tensors}
        plain = {"running_mean", "running_var"} == shapes.keys()  # a batch normalisation without scale and shift
        whole = {"weight", "bias"} <= shapes.keys() or plain
        alike = len(set(shapes.values())) == 1 and all(len(shape) == 1 for shape in shapes.values())
        return next(iter(shapes.values()))[0] if whole and alike else None

    @property
    def is_batch_norm(self) -> bool:
        """Whether it is a batch normalisation, which keeps what it saw in training."""
        return "running_mean" in self.tensors and "running_var" in self.tensors

    @cached_property
    def gives(self) -> int | None:
        """How many numbers it gives."""
        return self.reads if self.matrix is None else len(self.matrix)

    @property
    def is_convolution(self) -> bool:
        """Whether it reads several steps at once."""
        weight = self.tensors.get("weight")
        return weight is not None and weight.ndim > 2 and self.matrix is None

    @property
    def slug(self) -> str:
        """Its path as it may stand in a key."""
        return re.sub(r"[^A-Za-z0-9]+", "_", self.stem).strip("_") or "0"

    @cached_property
    def matrix(self) -> Array | None:
        """The weights of a dense layer or an embedding; a convolution of width 1 is a dense layer."""
        weight = self.tensors.get("weight")
        if weight is not None and weight.ndim == 3 and weight.shape[2] == 1:
            return np.asarray(weight[:, :, 0])
        return weight if weight is not None and weight.ndim == 2 else None


def place_by_name(stem: str) -> str | None:
    """Return whether a path says that something stands `above` the recurrent layers or `below` them; else None."""
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", stem).lower()))
    above, below = bool(words & _ABOVE), bool(words & _BELOW)
    return None if above == below else "above" if above else "below"


def find_modules(tensors: Mapping[str, Array], taken: set[str]) -> list[Module]:
    """Return the other modules in the file's order."""
    modules: dict[str, Module] = {}
    for index, (name, tensor) in enumerate(tensors.items()):
        if name in taken:
            continue
        found = _NAME.match(name)
        what = found["what"].lower() if found else ""
        stem = found["stem"] if found and not what.startswith("emb") else name
        module = modules.setdefault(stem, Module(stem, index=index))
        module.tensors[{"w": "weight", "b": "bias"}.get(what, "weight" if what.startswith("emb") else what)] = tensor
        module.used.append(name)
    return list(modules.values())


def find_table(
    modules: Sequence[Module], widths: Sequence[int], report: ImportReport, feeds: str = ""
) -> tuple[Module | None, list[Module]]:
    """Return the table that ids are looked up in, and the others that could be; None where numbers are read.

    Args:
        modules: Of this network, those nearest to it by their paths first.
        widths: What the lowest recurrent layer, or what stands below it, reads.
        report: Learns what was understood.
        feeds: Another network of the file whose numbers could be read in place of ids; empty without any.
    """
    fitting = [one for one in modules if (matrix := one.matrix) is not None and "bias" not in one.tensors
               and matrix.shape[1] in widths and one.tensors["weight"].ndim == 2]  # fmt: skip
    named = _different([one for one in fitting if one.is_table and not _POSITION.search(one.stem)])
    convolved = [one.stem for one in modules if one.is_convolution]
    if convolved:
        report.doubt(
            "layer0",
            f"{visible(convolved[0])} is a convolution whose stride and padding a file of weights does not record, "
            "so it cannot be run: the recurrent layer takes its inputs directly",
        )
        return None, []
    if not named:
        unnamed = [one for one in fitting if not _POSITION.search(one.stem) and one.reads != one.gives]
        if not unnamed:
            report.say("input", f"{widths[0]} numbers a step", "inferred", "there is no table of that width")
            return None, []
        why = (
            f"{visible(unnamed[0].stem)} could be a table of ids: it has no bias, and its name does not say what it is"
        )
        if report.choose("input", "numbers", ("ids",), "assumed", why) == "numbers":
            return None, []
        named = unnamed
    rows = named[0].tensors["weight"].shape[0]
    why = f"{visible(named[0].stem)} is {rows}×{named[0].tensors['weight'].shape[1]}, and no bias"
    how: How = "assumed" if feeds else "inferred"
    why = f"{why}; {visible(feeds)} gives as many numbers, and they could enter here" if feeds else why
    if report.choose("input", "ids", ("numbers",), how, why, together=NOT_RECORDED if feeds else "") == "numbers":
        return None, []
    stems = [visible(one.stem) for one in named]
    how = "inferred" if len(named) == 1 else "assumed"
    why = "name and shape" if len(named) == 1 else "several tables are as wide as what is read"
    chosen = report.choose("embedding", stems[0], stems[1:], how, why)
    table = named[stems.index(chosen)]
    report.say("ids", str(len(table.tensors["weight"])), "inferred", f"rows of {visible(table.stem)}")
    return table, [one for one in named if one is not table]


def _different(tables: Sequence[Module]) -> list[Module]:
    """Return tables without those that hold the numbers of another, as a file has it that names one table twice."""
    kept: list[Module] = []
    for one in tables:
        if not any(np.array_equal(one.tensors["weight"], other.tensors["weight"]) for other in kept):
            kept.append(one)
    return kept


def find_position(modules: Sequence[Module], width: int, report: ImportReport) -> tuple[list[Op], list[Module]]:
    """Return the table of positions that is added to what is looked up, where the file holds one."""
    fitting = [one for one in modules if (matrix := one.matrix) is not None and matrix.shape[1] == width
               and "bias" not in one.tensors and _POSITION.search(one.stem)
               and len(matrix) <= _MOST_POSITIONS]  # fmt: skip
    if len(fitting) != 1 or fitting[0].matrix is None:
        return [], []
    stem = visible(fitting[0].stem)
    size = f"{len(fitting[0].matrix)}×{width}"
    why = f"{stem} is {size} and named like positions; weights alone do not say where it is added"
    if report.choose("input.position", "added", ("none",), "assumed", why, together=PLACED) == "none":
        return [], []
    return [PositionEmbedding(fitting[0].stem, fitting[0].matrix)], fitting


def orders(modules: Sequence[Module], width: int | None, target: int | None) -> list[list[Module]]:
    """Return every order in which modules follow each other from one width to another, the file's own first.

    Args:
        modules: All of which are taken.
        width: What the first reads; None where it may be anything.
        target: What the last gives; None where it may be anything.
    """
    found: list[list[Module]] = []
    tried = permutations(modules) if len(modules) <= _MOST_ORDERED else [tuple(modules)]
    for order in tried:
        now = width
        for one in order:
            if one.reads is None or now not in (None, one.reads):
                break
            now = one.gives
        else:
            if target is None or now == target:
                found.append(list(order))
    return found


def between(
    modules: Sequence[Module], width: int | None, target: int, key: str, report: ImportReport, made: Mapping[str, Made],
    rival: Callable[[Module], str] = lambda module: "",
) -> tuple[list[Op], list[Module]]:  # fmt: skip
    """Return dense layers and norms that stand before a recurrent layer, and the modules they are.

    Args:
        modules: Those whose place is here.
        width: What is given from below; None where that is the user's input.
        target: What the recurrent layer reads.
        key: What facts of them are called.
        report: Learns what was understood.
        made: Modules by their path, where the file holds a whole model.
        rival: Returns why a module could stand above another network of the file; empty where nothing says so.
    """
    if not modules:
        return [], []
    fitting: list[list[Module]] = []
    size = len(modules)
    few = modules if len(modules) <= _MOST_ORDERED else modules[:_MOST_ORDERED]
    while size and not fitting:
        sets = combinations(few, size) if size <= len(few) else [tuple(modules)]
        fitting = [order for some in sets for order in orders(some, width, target)]
        size -= 1
    if not fitting:
        return [], []
    taken = fitting[0]
    names = ", ".join(visible(one.stem) for one in taken)
    needed = width is not None and width != target
    norms = any(one.matrix is None for one in taken)
    whole = len(taken) == len(modules)
    named = all(place_by_name(one.stem) == "below" for one in taken if one.matrix is None or not needed)
    sure = whole and len(fitting) == 1 and (named or (not norms and (needed or width is None)))
    elsewhere = "" if needed else rival(taken[0])
    sure = sure and not elsewhere
    how: How = "inferred" if sure else "assumed"
    why = "weights alone do not say that it stands here" if whole else "not all that could stand here follow each other"
    why = "names, shapes and order" if sure else elsewhere or why
    others = [", ".join(visible(one.stem) for one in order) for order in fitting[1:MOST_OFFERED]]
    together = "" if elsewhere else PLACED
    chosen = report.choose(key, names, [*others, *([] if needed else ["none"])], how, why, together=together)
    if chosen == "none":
        return [], []
    taken = fitting[[names, *others].index(chosen)]
    ops: list[Op] = []
    for n, one in enumerate(taken):
        ops.append(_op(one, key, report))
        above = taken[n + 1] if n + 1 < len(taken) else None
        ops += _after(one, above, f"{key}.after_{one.slug}", "linear", made, report)
    return ops, taken


def plan_readout(
    modules: Sequence[Module], width: int, over: Sequence[str], made: Mapping[str, Made], report: ImportReport,
    alone: bool, rival: Callable[[Module], str] = lambda module: "",
) -> tuple[list[Op], list[Module], list[Module]]:  # fmt: skip
    """Return what stands above the recurrent layers, the modules it takes, and those that another answer would take.

    Args:
        modules: What may stand there.
        width: How many numbers the top layer gives.
        over: What its series may become, which weights do not record, besides a vector at each step.
        made: Modules by their path, where the file holds a whole model.
        report: Decides what weights do not record, and learns of it.
        alone: Whether the file holds one recurrent module and no path to it, so that nothing stands above it.
        rival: Returns why a module could stand above another network of the file; empty where nothing says so.
    """
    attention = [one.stem for one in modules if re.search(r"att", one.stem, re.IGNORECASE)]
    if attention:
        report.warnings.append(f"{visible(attention[0])} looks like attention, which is not run: there is no readout")
        report.say("readout", "none", "assumed", "attention is not run")
        return [], [], []
    readings = _heads(modules, width)
    if not readings:
        return _without_weights(over, report, alone), [], []
    names = [", ".join(visible(one.stem) for one in order) for order in readings]
    whole = len(readings[0]) == len([one for one in modules if one.reads is not None])
    several = len({frozenset(one.stem for one in order) for order in readings}) > 1
    if several:
        why = "each could read what the top layer gives, and weights alone do not say which answer is meant"
        chosen = report.choose("readout", "none", names[:MOST_OFFERED], "assumed", why)
    else:
        unnamed = [one for one in readings[0] if one.matrix is None and place_by_name(one.stem) != "above"]
        norms = any(_number(one.stem) is None for one in unnamed)
        ordered = all(one.index < other.index for one, other in pairwise(readings[0]))
        sure = len(readings) == 1 and whole and not norms and ordered
        why = "names, shapes and order" if sure else "widths alone"
        how: How = "inferred" if sure else "assumed"
        beside: list[list[Module]] = []
        for order in readings[:MOST_OFFERED]:
            beside += [one for one in _side_by_side(order) if one not in [*beside, *readings[:MOST_OFFERED]]]
        doubts = ["one reads as much as one below it: it could stand beside that"] if beside else []
        if elsewhere := rival(readings[0][0]):
            doubts.append(elsewhere)
        if doubts:
            how, why = "assumed", "; ".join(doubts)
        others = [*names[1:MOST_OFFERED], *(", ".join(visible(one.stem) for one in order) for order in beside)]
        readings, names = [*readings[:MOST_OFFERED], *beside], [names[0], *others]
        together = "" if elsewhere else PLACED
        chosen = report.choose("readout", names[0], [*others, "none"], how, why, together=together)
    rivals = [one for order in readings for one in order]
    if chosen == "none":
        return [], [], rivals
    chain = readings[names.index(chosen)]
    return _readout_ops(chain, over, made, report), chain, rivals


def _side_by_side(order: Sequence[Module]) -> list[list[Module]]:
    """Return what else could answer, where a dense layer could as well stand beside one below it and not above it.

    It reads as much as that does, and is not called the next of it by a number.
    """
    dense = [n for n, one in enumerate(order) if one.matrix is not None]
    found: list[list[Module]] = []
    for low, high in combinations(dense, 2):
        if order[low].reads == order[high].reads and not _is_next(order[low].stem, order[high].stem):
            found += [one for one in (list(order[:high]), [*order[:low], *order[high:]]) if one not in found]
    return found


def _is_next(stem: str, other: str) -> bool:
    """Say whether the second name is a next one of the first by its numbers: `fc2` is of `fc1` and `fc`, `fc1` of none.

    A name without a number is the first, or the one before `_1`.
    """
    named = [re.sub(r"[._]?\d+", "", one) for one in (stem, other)]
    least = 0 if re.search(r"[._]\d", other) else 1
    numbers = [[int(one) for one in re.findall(r"\d{1,9}", name)] or [least] for name in (stem, other)]
    return named[0] == named[1] and numbers[0] < numbers[1]


def _without_weights(over: Sequence[str], report: ImportReport, alone: bool) -> list[Op]:
    """Return what is decided to be done with the states where no module reads them; no weights say what is."""
    if alone:
        report.say(
            "readout", "none", "assumed", "the file holds this layer by itself, and what is made of it elsewhere"
        )
        return []
    decided = _over(over, report)[0] + _at_the_end(report)
    if decided:
        report.say("readout", "no dense layer", "assumed", NOT_RECORDED)
    else:
        report.assume("readout", "none", NOT_RECORDED)
    return decided


def over_steps(top: object, lower: Sequence[int] = ()) -> tuple[str, ...]:
    """Return what the series of a top layer may become besides a vector at each step, as far as weights know.

    Args:
        top: The top layer.
        lower: Numbers of the layers below it that are of the same module, whose final states are given out, too.
    """
    both = isinstance(top, Recurrent) and len(top.directions) > 1
    over = _OVER if both else tuple(one for one in _OVER if one != "final")
    below = tuple(lower_final(f"layer{n}") for n in lower)
    return (*over, *below, *([FINAL_CELL] if keeps_cell_state(top) else []))


def _over(over: Sequence[str], report: ImportReport, chain: Sequence[Module] = ()) -> tuple[list[Op], Module | None]:
    """Return how a series becomes one vector, and the module of a chain right above which that is, or None."""
    places: dict[str, tuple[str, Module]] = {}
    for n, one in enumerate(chain):
        norms = all(below.matrix is None for below in chain[: n + 1])
        places |= {f"{how} after {visible(one.stem)}": (how, one)
                   for how in ("mean", "max", *(["final"] if "final" in over and norms else []))}  # fmt: skip
    said = report.choose("readout.over", "each", [*over, *places], "assumed", NOT_RECORDED)
    how, place = places.get(said, (said, None))
    backward_first = "final" in over and how.startswith("final") and _backward_first(report)
    return [] if said == "each" else [Reduce(how, backward_first)], place


def _backward_first(report: ImportReport) -> bool:
    """Ask in which order the final states of two directions are joined, which is asked where these are taken."""
    ways = ("forward first", "backward first")
    return report.choose("readout.directions", ways[0], ways[1:], "assumed", NOT_RECORDED) == ways[1]


def _at_the_end(report: ImportReport, last: Module | None = None) -> list[Op]:
    others = (*_LAST, GATE) if last is not None and _is_square(last) else _LAST
    said = report.choose("readout.activation", "linear", others, "assumed", NOT_RECORDED)
    return [] if said == "linear" else [Gate("output") if said == GATE else Activation("output", said)]


def _is_square(module: Module) -> bool:
    return module.matrix is not None and module.reads == module.gives


def _readout_ops(
    chain: Sequence[Module], over: Sequence[str], made: Mapping[str, Made], report: ImportReport
) -> list[Op]:
    ops: list[Op] = []
    before = report.choose("readout.before", "linear", HIDDEN, "assumed", NOT_RECORDED)
    if before != "linear":
        ops.append(Activation("before", before))
    pooled, place = _over(over, report, chain)
    ops += pooled if place is None else []
    for n, one in enumerate(chain):
        ops.append(_op(one, "readout", report))
        if any(rest.matrix is not None for rest in chain[n + 1 :]):
            default = "linear" if one.matrix is None else "relu"
            ops += _after(one, chain[n + 1], f"readout.after_{one.slug}", default, made, report)
        elif n == len(chain) - 1:
            ops += _at_the_end(report, one)
        ops += pooled if place is one else []
    return ops


def _heads(modules: Sequence[Module], width: int) -> list[list[Module]]:
    """Return what could stand above the top layer: all in every order that fits, or else every answer by itself."""
    known = [one for one in modules if one.reads is not None]
    if not known:
        return []
    whole = orders(known, width, None) if any(one.matrix is not None for one in known) else []
    if whole:
        return whole
    found: list[list[Module]] = []
    _grow([], known, width, found)
    most = {frozenset(one.stem for one in order) for order in found}
    longest = [order for order in found if order[-1].matrix is not None
               and not any({one.stem for one in order} < other for other in most)]  # fmt: skip
    first: dict[frozenset[str], list[Module]] = {}
    for order in longest:
        first.setdefault(frozenset(one.stem for one in order), order)
    return list(first.values())


def _grow(order: list[Module], rest: Sequence[Module], width: int, found: list[list[Module]]) -> None:
    """Collect every order that cannot be made longer, in the file's order first."""
    fitting = [one for one in rest if one.reads == width]
    if not fitting or len(found) >= _MOST_FOUND:
        found += [order] if order else []
        return
    for one in fitting:
        assert one.gives is not None, "what reads gives"
        _grow([*order, one], [other for other in rest if other is not one], one.gives, found)


def _after(
    below: Module, above: Module | None, key: str, default: str, made: Mapping[str, Made], report: ImportReport
) -> list[Op]:
    """Return the activation behind a dense layer or a norm, which has no tensor of its own."""
    first, second = _number(below.stem), None if above is None else _number(above.stem)
    if first is not None and second is not None and first[0] == second[0]:
        known = [made.get(f"{first[0]}{n}") for n in range(first[1] + 1, second[1])]
        steps = [_MODULES.get(one.name.rpartition(".")[2], "") for one in known if one is not None]
        if steps and all(steps):
            report.say(key, ", ".join(steps), "confirmed", "the classes in the file")
            return [Activation(below.stem, step) for step in steps if step != "linear"]
        assert above is not None
        why = f"something without weights stands between {visible(below.stem)} and {visible(above.stem)}"
        if second[1] == first[1] + 1:
            default, why = "linear", "of a Sequential nothing stands between their numbers, of a list anything could"
    elif below.matrix is None:
        why = NOT_RECORDED
    else:
        why = f"what follows {visible(below.stem)} has no weights, so the file does not record it"
    others = (*HIDDEN, GATE) if _is_square(below) else HIDDEN
    chosen = report.choose(key, default, others, "assumed", why, together=NOT_RECORDED)
    return [] if chosen == "linear" else [Gate(below.stem) if chosen == GATE else Activation(below.stem, chosen)]


def _op(module: Module, key: str, report: ImportReport) -> Op:
    name, tensors = module.stem or "output", module.tensors
    if module.matrix is not None:
        return Dense(name, module.matrix, tensors.get("bias"))
    said = report.offer(f"{key}.epsilon_{module.slug}", sentence(_EPSILON, 6), ("1e-06", "1e-12", "0.001"), free=True)
    try:
        epsilon = float(said)
    except ValueError:
        epsilon = -1.0
    if not 0 <= epsilon <= 1:
        raise UserError(f"--set {key}.epsilon_{module.slug}={visible(said)}: it should be a number, such as 1e-05")
    if module.is_batch_norm:
        mean, variance = tensors["running_mean"], tensors["running_var"]
        scale = tensors.get("weight", np.ones_like(mean)) / np.sqrt(variance + mean.dtype.type(epsilon))
        return AffineScale(name, scale, tensors.get("bias", np.zeros_like(mean)) - mean * scale)
    return Norm(name, epsilon, tensors["weight"], tensors["bias"])


def followers(module: Module, modules: Sequence[Module]) -> list[Module]:
    """Return the dense layers of the Sequential that a module stands in, which its activations leave numbers out of."""
    place = _number(module.stem)
    if place is None or module.matrix is None:
        return []
    numbered = [(number[1], one) for one in modules
                if one.matrix is not None and (number := _number(one.stem)) and number[0] == place[0]]  # fmt: skip
    numbered.sort(key=lambda pair: pair[0])
    pairs = list(pairwise(numbered))
    chain = all(one.gives == other.reads and other_at > at + 1 for (at, one), (other_at, other) in pairs)
    return [one for _, one in numbered] if chain else []


def _number(stem: str) -> tuple[str, int] | None:
    found = re.fullmatch(r"(.*[._])(\d{1,4})", stem)
    return (found[1], int(found[2])) if found else None
