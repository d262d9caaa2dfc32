"""Recurrent layers found by the names PyTorch gives their tensors, and by names that resemble them.

Weights that PyTorch keeps in parts (length and direction, a mask, a spectral norm) are put together as a forward
pass does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers import gate_layouts
from lstm_tui.formats.importers.import_report import NOT_RECORDED, How, ImportReport
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.torch.cell_variants import normed_lstm, peephole_before
from lstm_tui.formats.importers.torch.safe_unpickler import Made
from lstm_tui.formats.importers.torch.spellings import Spelling

_NAME = re.compile(
    r"(?P<prefix>.*?)[._/]?(?P<what>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr|w_ih|w_hh|b_ih|b_hh)"
    r"(?:_l(?P<layer>\d{1,3}))?(?P<reverse>_reverse)?(?P<raw>_raw)?\Z"
)
_DROPPED = "module"
"""What a module that drops weights calls the recurrent module in it, whose weights it keeps as `…_raw`."""
_SHORT = {"w_ih": "weight_ih", "w_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh"}
_PEEPHOLE = re.compile(r"(?:weight|w)?_?(?:peep(?:hole)?s?|p|c)?[._]?([ifo])p?\Z", re.IGNORECASE)
_HIDDEN_WORDS = ("h", "hx", "hidden", "init", "initial", "state", "start", "learned")
_MEMORY_WORDS = ("c", "cx", "cell", "memory")
BACKWARD = ("bw", "bwd", "backward", "back", "rev", "reverse", "reversed", "r2l", "rtl", "right_to_left", "b")
FORWARD = ("fw", "fwd", "forward", "l2r", "ltr", "left_to_right", "f")
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
        spelling: What the program means whose names were respelled, or None.
        peepholes: By gate, (H,) each.
        norms: What the sums of the gates and the memory are normalised with: `x`, `h` and `c`, scale and shift each.
        initial: States before the first step, (layers*directions, n) each, by `h` and `c`, and their names.
        dropped: Names of weights that weight dropout left of the last batch, beside those it draws from.
        has_twin: Whether another module that reads as much stands apart from it, and may read the other way.
        begins_as: Why it may begin with the states that another module ends with; empty where nothing says so.
    """

    prefix: str
    passes: dict[tuple[int, bool], dict[str, Array]] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)
    exact: bool = True
    turned: bool = False
    spelling: Spelling | None = None
    peepholes: dict[str, Array] = field(default_factory=dict)
    norms: dict[str, tuple[Array, Array | None]] = field(default_factory=dict)
    initial: dict[str, tuple[str, Array]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    has_twin: bool = False
    begins_as: str = ""

    @property
    def both(self) -> bool:
        """Whether it reads from both ends."""
        return (0, True) in self.passes

    @property
    def hidden(self) -> int:
        """Units of its lowest layer."""
        units = _units(self.passes[0, False])
        assert units is not None, "checked when it was found"
        return units[1]

    @property
    def kind(self) -> str:
        """Its cell: lstm, gru or rnn."""
        units = _units(self.passes[0, False])
        assert units is not None, "checked when it was found"
        return units[0]

    def as_numbers(self, dtype: type[np.floating[Any]]) -> None:
        """Turn every tensor into numbers of one kind."""
        for given in self.passes.values():
            given.update({what: one.astype(dtype) for what, one in given.items()})
        self.peepholes = {gate: one.astype(dtype) for gate, one in self.peepholes.items()}
        self.initial = {state: (name, one.astype(dtype)) for state, (name, one) in self.initial.items()}
        for what, (scale, shift) in self.norms.items():
            self.norms[what] = scale.astype(dtype), None if shift is None else shift.astype(dtype)

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


def find_groups(
    tensors: Mapping[str, Array], where: str, spellings: Mapping[str, Spelling] | None = None
) -> list[ParameterGroup]:
    """Return the recurrent modules among tensors, in the file's order.

    Args:
        tensors: By PyTorch's names.
        where: What messages call the file.
        spellings: By the prefix of a module whose names were respelled, what its program means.

    Raises:
        UserError: A tensor is missing, or its shape fits no cell.
    """
    groups: dict[str, ParameterGroup] = {}
    for name, tensor in tensors.items():
        found = _NAME.match(name)
        if found is None:
            continue
        prefix = found["prefix"]
        around, _, leaf = name.rpartition(f"{_DROPPED}.")
        raws = (f"{name}_raw", f"{around}{leaf}_raw")
        if not found["raw"] and any(one in tensors for one in raws):
            groups.setdefault(prefix, ParameterGroup(prefix)).dropped.append(name)
            continue
        if found["raw"] and any(one.startswith(f"{prefix}.{_DROPPED}.weight") for one in tensors):
            prefix = f"{prefix}.{_DROPPED}"
        group = groups.setdefault(prefix, ParameterGroup(prefix))
        group.exact &= found["what"] not in _SHORT
        place = int(found["layer"] or 0), bool(found["reverse"])
        group.passes.setdefault(place, {})[_SHORT.get(found["what"], found["what"])] = tensor
        group.used.append(name)
    for group in groups.values():
        group.spelling = (spellings or {}).get(group.prefix)
        _check(group, where)
        _take_beside(group, tensors)
    _take_initial(list(groups.values()), tensors)
    return list(groups.values())


def directly_under(prefix: str, name: str) -> str | None:
    """Return what a name adds to the path of a module, or None where it is not under it; `""` is the whole file."""
    if not prefix:
        return name if not re.search(r"[./]", name) else None
    return name[len(prefix) :].lstrip("._/") if re.match(re.escape(prefix) + r"[._/]", name) else None


def _take_beside(group: ParameterGroup, tensors: Mapping[str, Array]) -> None:
    """Take what stands beside the weights of a cell and changes its equations: peepholes and norms."""
    if group.depth > 1 or group.both or group.kind != "lstm":
        return
    given, hidden = group.passes[0, False], group.hidden
    rows = 4 * hidden
    norms: dict[str, list[tuple[str, Array]]] = {"rows": [], "units": []}
    for name, tensor in tensors.items():
        leaf = directly_under(group.prefix, name)
        if leaf is None and not group.prefix and re.fullmatch(r"[^./]+[./](?:weight|gamma)", name):
            leaf = name
        if leaf is None or name in group.used or tensor.dtype.kind != "f":
            continue
        found = _PEEPHOLE.match(leaf)
        if found is not None and tensor.size == hidden:
            group.peepholes[found[1].lower()] = tensor.reshape(hidden)
            group.used.append(name)
        elif re.fullmatch(r"[^./]+[./](?:weight|gamma)", leaf) and tensor.shape in ((rows,), (hidden,)):
            norms["rows" if tensor.shape == (rows,) else "units"].append((name, tensor))
    if set(group.peepholes) not in (set(), set("ifo")) or (group.peepholes and "weight_hr" in given):
        group.used = [name for name in group.used if not _PEEPHOLE.match(directly_under(group.prefix, name) or "")]
        group.peepholes = {}
    _take_norms(group, tensors, norms)


def _take_norms(
    group: ParameterGroup, tensors: Mapping[str, Array], norms: Mapping[str, list[tuple[str, Array]]]
) -> None:
    """Take the norms of what the gates see of x and of h, and of the memory, where it is plain which is which."""
    if len(norms["rows"]) != 2 or len(norms["units"]) > 1 or group.peepholes:
        return
    which: dict[str, tuple[str, Array]] = {}
    for name, tensor in norms["rows"]:
        stem = re.split(r"[./]", name)[-2].lower()
        hidden = re.search(r"(?:hh|h2h|_h|h|hidden|state|rec\w*)\Z", stem) is not None
        which["h" if hidden else "x"] = name, tensor
    if len(which) != 2 or (norms["units"] and not re.search(r"c|cell|mem", norms["units"][0][0].split(".")[-2][-5:])):
        return
    if norms["units"]:
        which["c"] = norms["units"][0]
    for what, (name, scale) in which.items():
        shift_name = re.sub(r"weight\Z", "bias", re.sub(r"gamma\Z", "beta", name))
        shift = tensors.get(shift_name)
        group.norms[what] = scale, shift if shift is not None and shift.shape == scale.shape else None
        group.used += [name] + ([shift_name] if group.norms[what][1] is not None else [])


def _take_initial(groups: Sequence[ParameterGroup], tensors: Mapping[str, Array]) -> None:
    """Take states before the first step that were learned: tensors of such a name that fit one module alone."""
    taken = {name for group in groups for name in group.used}
    for name, tensor in tensors.items():
        state = _state_of(re.split(r"[./]", name)[-1].lower())
        if name in taken or state is None or tensor.dtype.kind != "f":
            continue
        fitting = [one for one in groups if _initial_rows(one, tensor, state) is not None]
        near = [one for one in fitting if one.prefix and name.startswith(one.prefix.rpartition(".")[0] + ".")]
        fitting = near if len(fitting) > 1 and len(near) == 1 else fitting
        if len(fitting) == 1 and state not in fitting[0].initial:
            rows = _initial_rows(fitting[0], tensor, state)
            assert rows is not None, "it was looked at just now"
            fitting[0].initial[state] = name, rows
            fitting[0].used.append(name)


def _state_of(leaf: str) -> str | None:
    """Return which state a name says that a tensor is before the first step, or None."""
    words = re.findall(r"[a-z]+", leaf)
    if not re.search(r"0|init|start|learned", leaf):
        return None
    if any(word in _MEMORY_WORDS for word in words) and not any(word in _HIDDEN_WORDS[:3] for word in words):
        return "c"
    return "h" if any(word in _HIDDEN_WORDS for word in words) else None


def _initial_rows(group: ParameterGroup, tensor: Array, state: str) -> Array | None:
    """Return a tensor as first states of a module, (layers*directions, n), or None where it is none."""
    if state == "c" and group.kind != "lstm":
        return None
    first = group.passes[0, False]
    size = int(first["weight_hh"].shape[1]) if state == "h" else group.hidden
    ways = group.depth * (1 + group.both)
    return tensor.reshape(ways, size) if tensor.size == ways * size and size in tensor.shape else None


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
    if group.dropped:
        why = "weight dropout keeps them beside those of its last batch, and drops nothing outside training"
        report.say(f"{key}.weights", "the raw ones", "inferred", why)
    if group.turned:
        report.say(f"{key}.matrices", "transposed", "inferred", "shapes: a gate is some columns")
    report.say(f"{key}.name", layer_name(group, layer), "confirmed", "name of its tensors")
    ratio = f"weight_hh has {first['weight_hh'].shape[0]} rows for {hidden} units"
    if made is not None and made.name in _CLASSES:
        report.say(f"{key}.cell", made.name.rpartition(".")[2], "confirmed", "the class in the file")
    else:
        report.say(f"{key}.cell", kind.upper(), "inferred", ratio)
    report.say(f"{key}.size", f"{first['weight_ih'].shape[1]} → {hidden}", "confirmed", "shapes")
    direction = "both"
    if both:
        report.say(f"{key}.directions", "both, joined end to end", "confirmed", "a tensor named _reverse")
    else:
        direction = _direction(group, layer, report, key)
    cell, order, functions, after = _conventions(group, kind, report, key, made)
    biases = [one for one in ("bias_ih", "bias_hh") if one in first]
    if group.spelling is None:
        report.say(
            f"{key}.biases", " + ".join(biases) or "none", "confirmed", "they add" if len(biases) == 2 else "names"
        )
    else:
        second = "one, and one of the candidate alone" if kind == "gru" else "two, which add"
        said = {0: "none", 1: "one", 2: second}[len(biases)]
        report.say(f"{key}.biases", said, "inferred", f"{group.spelling.program}'s names")
    reading = gate_layouts.biases(len(biases), key, report, kind, order)
    packed = {}
    for way, given in passes:
        b, c = (given.get(one) for one in ("bias_ih", "bias_hh"))
        b, c = gate_layouts.meant(reading, *((c, None) if b is None else (b, c)))
        packed[way] = gate_layouts.unpack(kind, order, given["weight_ih"], given["weight_hh"], b, c, after)
    sizes = {}
    if "weight_hr" in first:
        sizes["P"] = int(first["weight_hr"].shape[0])
        cell = "lstm_projected"
        for way, given in passes:
            packed[way]["U_p"] = given["weight_hr"]
        report.say(f"{key}.projection", f"{hidden} → {sizes['P']}", "confirmed", "weight_hr")
    if group.peepholes:
        cell, more = _peepholes(group, report, key)
        packed["forward"] |= more
    part = Recurrent(
        name=layer_name(group, layer),
        cell=cell,
        hidden=hidden,
        inputs=int(first["weight_ih"].shape[1]),
        passes=[(direction if len(passes) == 1 else way, packed[way]) for way, _ in passes],
        without=() if "\n" in cell else gate_layouts.missing(cell, packed["forward"]),
        sizes=sizes,
        functions=functions,
        initial=_first_states(group, layer, direction, report, key),
    )
    if group.norms:
        return normed_lstm(part, first, order, group.norms, report, key)
    if group.spelling is None:
        return gate_layouts.reread(part, kind, key, report)
    spelling = group.spelling
    return gate_layouts.reread(part, kind, key, report, spelling.forget_bias, spelling.raises_always, spelling.update)


def _direction(group: ParameterGroup, layer: int, report: ImportReport, key: str) -> str:
    """Return where a layer of one direction reads from, which its name may say and its weights do not."""
    alternating = group.spelling is not None and group.spelling.alternating
    words = re.split(r"[._/]", group.prefix.lower())
    last = re.search(r"layer_(\d+)\Z", group.prefix)
    named = any(word in BACKWARD[:-1] for word in words)
    if named or (alternating and last is not None and int(last[1]) % 2):
        why = "its name says so" if named else "every second layer of such a stack does"
        return report.choose(f"{key}.directions", "backward", ("forward",), "assumed", why)
    if group.has_twin:
        why = "another module reads as much, and one of two such often reads from the end"
        return report.choose(f"{key}.directions", "forward", ("backward",), "assumed", why)
    why = "no tensor named _reverse" if group.exact else "nothing says that it reads from the end"
    return report.choose(f"{key}.directions", "forward", ("backward",), "inferred", why)


def _first_states(
    group: ParameterGroup, layer: int, direction: str, report: ImportReport, key: str
) -> dict[str, dict[str, Array]]:
    """Return the states before the first step, by direction."""
    if not group.initial and group.begins_as and layer == 0:
        report.unknown(
            f"{key}.initial", f"{group.begins_as}; it begins with zeros here, --initial FILE.npz gives others"
        )
        return {}
    if not group.initial:
        report.say(f"{key}.initial", "zeros", "assumed", "states before the first step are not in a file of weights")
        return {}
    names = ", ".join(visible(name) for name, _ in group.initial.values())
    if report.choose(f"{key}.initial", names, ("zeros",), "inferred", "their names and sizes") == "zeros":
        return {}
    ways = ["forward", "backward"] if direction == "both" else [direction]
    first = layer * len(ways)
    return {way: {state: rows[first + n] for state, (_, rows) in group.initial.items()} for n, way in enumerate(ways)}


def _peepholes(group: ParameterGroup, report: ImportReport, key: str) -> tuple[str, dict[str, Array]]:
    """Return the cell of a layer whose gates look at the memory, and those weights."""
    why = "it looks at the memory of this step, as Gers & Schmidhuber 2000 have it; weights alone do not say it"
    seen = report.choose(f"{key}.peephole_output", "new", ("old",), "assumed", why)
    report.say(f"{key}.peepholes", "from each unit to its gates", "inferred", "names and sizes")
    more = {f"p_{gate}": one for gate, one in group.peepholes.items()}
    return "lstm_peephole" if seen == "new" else peephole_before(), more


def _conventions(
    group: ParameterGroup, kind: str, report: ImportReport, key: str, made: Made | None
) -> tuple[str, str, dict[str, str], bool]:
    """Return cell, gate order, activations and whether the reset comes after the product."""
    how: How = "inferred" if group.exact else "assumed"
    why = "PyTorch's, as its names are" if group.exact else "PyTorch's, whose names these resemble"
    own = gate_layouts.TORCH[kind]
    default = own
    if group.spelling is not None:
        how, why = "inferred", f"{group.spelling.program}'s, as its names are"
        default = group.spelling.order or own
    functions: dict[str, str] = {}
    after = True
    if kind == "rnn":
        state = made.state if made is not None and isinstance(made.state, dict) else {}
        said = state.get("nonlinearity") or str(state.get("mode", "")).removeprefix("RNN_").lower()
        if said in ("tanh", "relu"):
            report.say(f"{key}.activation", said, "confirmed", "the module in the file")
            functions["candidate"] = said
        else:
            program = "PyTorch" if group.spelling is None else group.spelling.program
            default = "tanh" if group.spelling is None else group.spelling.activation
            why = f"a file of weights does not record it; {default} is {program}'s default"
            functions["candidate"] = report.choose(
                f"{key}.activation", default, ("relu", "tanh"), "assumed", why, together=NOT_RECORDED
            )
        return "rnn", own, functions, after
    others = (*gate_layouts.OTHER_ORDERS[kind], own)
    order = report.choose(f"{key}.gate_order", default, others, how, why, free=True)
    order = gate_layouts.checked_order(order, own, key)
    if kind == "gru":
        own_reset = "after" if group.spelling is None else group.spelling.reset
        if group.spelling is None:
            why = "PyTorch resets after the product" if group.exact else "after the product, as PyTorch does"
        other = "before" if own_reset == "after" else "after"
        after = report.choose(f"{key}.reset", own_reset, (other,), how, why) == "after"
    return ("gru" if after else "gru_reset_before") if kind == "gru" else "lstm", order, functions, after
