"""Recurrent layers found by the names PyTorch gives their tensors, and by names that resemble them.

Weights that PyTorch keeps as length and direction (Salimans & Kingma 2016), put together as a forward pass does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers import gate_layouts
from lstm_tui.formats.importers.import_report import How, ImportReport
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.safetensors_file import as_floats
from lstm_tui.formats.importers.torch.safe_unpickler import Made

_NAME = re.compile(
    r"(?P<prefix>.*?)[._/]?(?P<what>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr|w_ih|w_hh|b_ih|b_hh)"
    r"(?:_l(?P<layer>\d{1,3}))?(?P<reverse>_reverse)?(?P<raw>_raw)?\Z"
)
_SHORT = {"w_ih": "weight_ih", "w_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh"}
_MOST_TRIED = 4
_CLASSES = {"torch.nn.modules.rnn.LSTM": "lstm", "torch.nn.modules.rnn.GRU": "gru", "torch.nn.modules.rnn.RNN": "rnn"}


@dataclass
class ParameterGroup:
    """The tensors of one recurrent module.

    Attributes:
        prefix: Its path in the model.
        passes: By layer and whether it reads from the end: tensors by what they are.
        used: Names of its tensors in the file.
        exact: Whether the names are those of PyTorch, not only like them.
        turned: Whether its matrices were kept the other way round.
    """

    prefix: str
    passes: dict[tuple[int, bool], dict[str, Array]] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    exact: bool = True
    turned: bool = False

    @property
    def depth(self) -> int:
        """How many layers it has."""
        return 1 + max(layer for layer, _ in self.passes)

    @property
    def inputs(self) -> int:
        """How many numbers its lowest layer reads."""
        return int(self.passes[0, False]["weight_ih"].shape[1])

    @property
    def outputs(self) -> int:
        """How many numbers its top layer gives."""
        top = self.depth - 1
        return int(self.passes[top, False]["weight_hh"].shape[1]) * (1 + ((top, True) in self.passes))


def find_groups(tensors: Mapping[str, Array], where: str) -> list[ParameterGroup]:
    """Return the recurrent modules among tensors, in the file's order.

    Raises:
        UserError: A tensor is missing, or its shape fits no cell.
    """
    groups: dict[str, ParameterGroup] = {}
    for name, tensor in tensors.items():
        found = _NAME.match(name)
        if found is None:
            continue
        prefix = found["prefix"]
        if not found["raw"] and f"{name}_raw" in tensors:  # what weight dropout left of the last batch
            continue
        group = groups.setdefault(prefix, ParameterGroup(prefix))
        group.exact &= found["what"] not in _SHORT
        place = int(found["layer"] or 0), bool(found["reverse"])
        group.passes.setdefault(place, {})[_SHORT.get(found["what"], found["what"])] = tensor
        group.used.append(name)
    for group in groups.values():
        _check(group, where)
    return list(groups.values())


def _check(group: ParameterGroup, where: str) -> None:
    label = visible(group.prefix or "the recurrent layer")
    for layer in range(group.depth):
        if (layer, False) not in group.passes:
            raise UserError(f"{where}: {label} has no layer {layer}, and one above it")
    for (layer, _), given in group.passes.items():
        for what in ("weight_ih", "weight_hh"):
            if what not in given:
                raise UserError(f"{where}: {label} has no {what} of layer {layer}; is it a file of weights?")
            if given[what].dtype.kind != "f":
                raise UserError(f"{where}: {what} of {label} is {given[what].dtype}: quantised weights are not read")
            if given[what].ndim != 2 or 0 in given[what].shape:
                shape = "×".join(map(str, given[what].shape))
                raise UserError(f"{where}: {what} of {label} is {shape}; it should be a matrix")
        if not group.exact and _units(given) is None and _units(_turned(given)) is not None:
            given.update(_turned(given))
            group.turned = True
        if _units(given) is None:
            shapes = ", ".join(f"{what} {'×'.join(map(str, tensor.shape))}" for what, tensor in given.items())
            raise UserError(f"{where}: {label}: no cell has {shapes}")


def _turned(given: Mapping[str, Array]) -> dict[str, Array]:
    """Return matrices the other way round, as programs keep them that multiply from the left."""
    return {what: one.T if one.ndim == 2 else one for what, one in given.items()}


def _units(given: Mapping[str, Array]) -> tuple[str, int] | None:
    """Return the kind of cell and its units, as the shapes of a pass say, or None where they fit none."""
    rows, columns = given["weight_hh"].shape
    projected = given.get("weight_hr")
    if projected is not None and projected.ndim != 2:
        return None
    hidden = columns if projected is None else projected.shape[1]
    if given["weight_ih"].shape[0] != rows or rows % hidden or rows // hidden not in gate_layouts.KINDS:
        return None
    if projected is not None and (rows != 4 * hidden or projected.shape[0] != columns):
        return None
    if any(one in given and given[one].shape != (rows,) for one in ("bias_ih", "bias_hh")):
        return None
    return gate_layouts.KINDS[rows // hidden], hidden


def order_groups(groups: Sequence[ParameterGroup]) -> list[list[ParameterGroup]]:
    """Return the modules as networks: each a chain in which every module reads what the one below gives."""
    if len(groups) == 1:
        return [list(groups)]
    apart = any(re.search(r"(?:^|[._/])(?:enc|dec)", group.prefix) for group in groups)
    if not apart and len(groups) <= _MOST_TRIED:
        chains = [list(order) for order in permutations(groups) if _fits(order)]
        if _fits(groups):
            return [list(groups)]
        if len(chains) == 1:
            return chains
    elif not apart and _fits(groups):
        return [list(groups)]
    return [[group] for group in groups]


def _fits(order: Sequence[ParameterGroup]) -> bool:
    return all(above.inputs == below.outputs for below, above in pairwise(order))


def plan_group(group: ParameterGroup, report: ImportReport, start: int, modules: Mapping[str, Made]) -> list[Recurrent]:
    """Return the layers of a module; `start` is the number of its lowest layer in the network."""
    return [_layer(group, n, report, f"layer{start + n}", modules) for n in range(group.depth)]


def layer_name(group: ParameterGroup, layer: int) -> str:
    """Return the file's own name for a layer."""
    return group.prefix or "recurrent" if group.depth == 1 else f"{group.prefix}.l{layer}".lstrip(".")


def _layer(group: ParameterGroup, layer: int, report: ImportReport, key: str, modules: Mapping[str, Made]) -> Recurrent:
    both = (layer, True) in group.passes
    passes = [("forward", group.passes[layer, False])]
    if both:
        passes.append(("backward", group.passes[layer, True]))
    first = passes[0][1]
    units = _units(first)
    assert units is not None, "checked when it was found"
    kind, hidden = units
    made = modules.get(group.prefix)
    if group.turned:
        report.say(f"{key}.matrices", "transposed", "inferred", "shapes: a gate is some columns")
    report.say(f"{key}.name", layer_name(group, layer), "confirmed", "name of its tensors")
    ratio = f"weight_hh has {first['weight_hh'].shape[0]} rows for {hidden} units"
    if made is not None and made.name in _CLASSES:
        report.say(f"{key}.cell", made.name.rpartition(".")[2], "confirmed", "the class in the file")
    else:
        report.say(f"{key}.cell", kind.upper(), "inferred", ratio)
    report.say(f"{key}.size", f"{first['weight_ih'].shape[1]} → {hidden}", "confirmed", "shapes")
    why = "a tensor named _reverse" if both else "no tensor named _reverse"
    report.say(f"{key}.directions", "both, joined end to end" if both else "forward", "confirmed", why)
    cell, order, functions, after = _conventions(group, kind, report, key, made)
    biases = [one for one in ("bias_ih", "bias_hh") if one in first]
    report.say(f"{key}.biases", " + ".join(biases) or "none", "confirmed", "they add" if len(biases) == 2 else "names")
    reading = gate_layouts.biases(len(biases), key, report)
    packed = {}
    for direction, given in passes:
        b, c = (given.get(one) for one in ("bias_ih", "bias_hh"))
        b, c = gate_layouts.meant(reading, *((c, None) if b is None else (b, c)))
        packed[direction] = gate_layouts.unpack(kind, order, given["weight_ih"], given["weight_hh"], b, c, after)
    sizes = {}
    if "weight_hr" in first:
        sizes["P"] = int(first["weight_hr"].shape[0])
        cell = "lstm_projected"
        for direction, given in passes:
            packed[direction]["U_p"] = given["weight_hr"]
        report.say(f"{key}.projection", f"{hidden} → {sizes['P']}", "confirmed", "weight_hr")
    report.say(f"{key}.initial", "zeros", "assumed", "states before the first step are not in a file of weights")
    part = Recurrent(
        name=layer_name(group, layer),
        cell=cell,
        hidden=hidden,
        inputs=int(first["weight_ih"].shape[1]),
        passes=[(direction, packed[direction]) for direction, _ in passes],
        without=gate_layouts.missing(cell, packed["forward"]),
        sizes=sizes,
        functions=functions,
    )
    return gate_layouts.reread(part, kind, key, report)


def _conventions(
    group: ParameterGroup, kind: str, report: ImportReport, key: str, made: Made | None
) -> tuple[str, str, dict[str, str], bool]:
    """Return cell, gate order, activations and whether the reset comes after the product."""
    how: How = "inferred" if group.exact else "assumed"
    why = "PyTorch's, as its names are" if group.exact else "PyTorch's, whose names these resemble"
    own = gate_layouts.TORCH[kind]
    functions: dict[str, str] = {}
    after = True
    if kind == "rnn":
        state = made.state if made is not None and isinstance(made.state, dict) else {}
        said = state.get("nonlinearity") or str(state.get("mode", "")).removeprefix("RNN_").lower()
        if said in ("tanh", "relu"):
            report.say(f"{key}.activation", said, "confirmed", "the module in the file")
            functions["candidate"] = said
        else:
            why = "a file of weights does not record it; tanh is PyTorch's default"
            functions["candidate"] = report.choose(f"{key}.activation", "tanh", ("relu",), "assumed", why)
        return "rnn", own, functions, after
    order = report.choose(f"{key}.gate_order", own, gate_layouts.OTHER_ORDERS[kind], how, why, free=True)
    order = gate_layouts.checked_order(order, own, key)
    if kind == "gru":
        why = "PyTorch resets after the product" if group.exact else "after the product, as PyTorch does"
        after = report.choose(f"{key}.reset", "after", ("before",), how, why) == "after"
    return ("gru" if after else "gru_reset_before") if kind == "gru" else "lstm", order, functions, after


_LENGTH = re.compile(r"(?P<stem>.*)(?:parametrizations\.(?P<new>\w+)\.original0|(?P<old>\w+)_g)\Z")


def joined(tensors: Mapping[str, Array]) -> tuple[dict[str, Array], list[str]]:
    """Return tensors in which length and direction are one weight again, and the names of those weights."""
    made: dict[str, Array] = {}
    names: list[str] = []
    taken: set[str] = set()
    for name, tensor in tensors.items():
        found = _LENGTH.match(name)
        if found is None:
            made.update({} if name in taken else {name: tensor})
            continue
        whole = found["stem"] + (found["new"] or found["old"])
        other = f"{name.removesuffix('0')}1" if found["new"] else f"{name.removesuffix('g')}v"
        weight = _weight(tensor, tensors.get(other)) if whole not in tensors else None
        if weight is None:
            made[name] = tensor
            continue
        made[whole] = weight
        made.pop(other, None)
        taken.add(other)
        names.append(whole)
    return made, names


def _weight(length: Array, direction: Array | None) -> Array | None:
    """Return g * v / |v|, its norm taken over every axis along which there is one length."""
    if direction is None:
        return None
    given = as_floats({"g": length, "v": direction})
    if len(given) < 2 or length.ndim not in (0, direction.ndim):
        return None
    g, v = given["g"], given["v"]
    if any(one not in (1, size) for one, size in zip(g.shape, v.shape, strict=False)):
        return None
    axes = tuple(n for n in range(v.ndim) if g.ndim == 0 or g.shape[n] == 1)
    with np.errstate(all="ignore"):
        return np.asarray(g * v / np.sqrt((v * v).sum(axis=axes, keepdims=True)), v.dtype)
