"""Embeddings, dense layers and normalisations around recurrent layers, found by names, shapes and order alone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Activation, AffineScale, Dense, Norm, Op, Reduce
from lstm_tui.formats.importers.torch.safe_unpickler import Made

_NAME = re.compile(
    r"(?P<stem>.*?)[._/]?(?P<what>weight|bias|running_mean|running_var|num_batches_tracked|w|b|emb(?:edding)?s?)\Z",
    re.IGNORECASE,
)
_TABLE = re.compile(r"emb|wte|lookup|vocab", re.IGNORECASE)
_EPSILON = 1e-5  # PyTorch's default of both normalisations, which no file of weights records
_HIDDEN = ("relu", "linear", "tanh", "sigmoid", "elu", "leaky_relu_0_01", "swish")
_LAST = ("linear", "softmax", "sigmoid", "tanh", "relu")
_OVER = ("each", "last", "final", "mean", "max")
_MODULES = {
    "ReLU": "relu", "Tanh": "tanh", "Sigmoid": "sigmoid", "SiLU": "swish", "ReLU6": "relu6", "Softplus": "softplus",
    "Softsign": "softsign", "Hardtanh": "hard_tanh", "Softmax": "softmax", "Identity": "linear",
    "Dropout": "linear",
}  # fmt: skip


@dataclass
class Module:
    """The tensors of a module that is not recurrent."""

    stem: str
    tensors: dict[str, Array] = field(default_factory=dict)
    used: list[str] = field(default_factory=list)

    @property
    def matrix(self) -> Array | None:
        """The weights of a dense layer or an embedding; a convolution of width 1 is a dense layer."""
        weight = self.tensors.get("weight")
        if weight is not None and weight.ndim == 3 and weight.shape[2] == 1:
            return np.asarray(weight[:, :, 0])
        return weight if weight is not None and weight.ndim == 2 else None


def find_modules(tensors: Mapping[str, Array], taken: set[str]) -> list[Module]:
    """Return the other modules in the file's order."""
    modules: dict[str, Module] = {}
    for name, tensor in tensors.items():
        if name in taken:
            continue
        found = _NAME.match(name)
        what = found["what"].lower() if found else ""
        stem = found["stem"] if found and not what.startswith("emb") else name
        module = modules.setdefault(stem, Module(stem))
        module.tensors[{"w": "weight", "b": "bias"}.get(what, "weight" if what.startswith("emb") else what)] = tensor
        module.used.append(name)
    return list(modules.values())


def find_embedding(modules: Sequence[Module], inputs: int, prefix: str, report: ImportReport) -> Module | None:
    """Return the table that ids are looked up in, or None where the input is given as numbers."""
    fitting = [
        one
        for one in modules
        if (matrix := one.matrix) is not None and "bias" not in one.tensors and matrix.shape[1] == inputs
        and one.tensors["weight"].ndim == 2
    ]  # fmt: skip
    mine = [one for one in fitting if prefix and one.stem.startswith(prefix)] or fitting
    named = [one for one in mine if _TABLE.search(one.stem) or one.stem.endswith("encoder")]
    convolved = [one.stem for one in modules if one.tensors.get("weight", np.zeros(1)).ndim > 2 and one.matrix is None]
    if convolved:
        report.warnings.append(
            f"{visible(convolved[0])} is a convolution whose stride and padding a file of weights does not record, "
            "so it cannot be run: the recurrent layer takes its inputs directly"
        )
        return None
    if not named:
        report.say("input", f"{inputs} numbers a step", "inferred", "there is no table of that width")
        return None
    rows = named[0].tensors["weight"].shape[0]
    why = f"{visible(named[0].stem)} is {rows}×{inputs}, and no bias"
    others = ("numbers",)
    if report.choose("input", "ids", others, "inferred", why) == "numbers":
        return None
    report.say("embedding", f"{visible(named[0].stem)}, {rows} ids", "inferred", "name and shape")
    return named[0]


def plan_readout(
    modules: Sequence[Module], width: int, both: bool, made: Mapping[str, Made], report: ImportReport
) -> tuple[list[Op], list[Module]]:
    """Return what stands above the recurrent layers, and the modules it takes."""
    chain = _chain(modules, width)
    attention = [one.stem for one in modules if re.search(r"att", one.stem, re.IGNORECASE)]
    found = ", ".join(visible(one.stem) for one in chain) or "none"
    if attention or not chain:
        if attention:
            found = "none"
            report.warnings.append(
                f"{visible(attention[0])} looks like attention, which is not run: there is no readout"
            )
        report.say("readout", found, "inferred", "no dense layer reads what the top layer gives")
        return [], []
    if report.choose("readout", found, ("none",), "inferred", "names, shapes and order") == "none":
        return [], []
    ops: list[Op] = []
    why = "a file of weights does not record it"
    before = report.choose("readout.before", "linear", _HIDDEN, "assumed", why, matters=False)
    if before != "linear":
        ops.append(Activation("before", before))
    over = report.choose("readout.over", "each", _OVER if both else _OVER[:2] + _OVER[3:], "assumed", why, both)
    if over != "each":
        ops.append(Reduce(over))
    previous: Module | None = None
    for one in chain:
        if previous is not None and one.matrix is not None and previous.matrix is not None:
            ops += _between(previous, one, made, report)
        ops.append(_op(one))
        previous = one
    last = report.choose("readout.activation", "linear", _LAST, "assumed", why + ": these are logits", matters=False)
    if last != "linear":
        ops.append(Activation("output", last))
    return ops, chain


def find_front(modules: Sequence[Module], inputs: int, report: ImportReport) -> tuple[list[Op], list[Module]]:
    """Return dense layers below the recurrent ones: what is left, and ends in their width."""
    chain: list[Module] = []
    width = inputs
    while True:
        fitting = [
            one
            for one in modules
            if one not in chain and "bias" in one.tensors and one.matrix is not None and len(one.matrix) == width
        ]
        if len(fitting) != 1 or fitting[0].matrix is None:
            break
        chain.insert(0, fitting[0])
        width = fitting[0].matrix.shape[1]
    if not chain:
        return [], []
    names = ", ".join(visible(one.stem) for one in chain)
    if report.choose("input_layers", names, ("none",), "inferred", "names, shapes and order") == "none":
        return [], []
    ops: list[Op] = []
    for one in chain:
        ops.append(_op(one))
        key = f"input_layers.after_{re.sub(r'[^A-Za-z0-9]+', '_', one.stem).strip('_') or '0'}"
        why = f"what follows {visible(one.stem)} has no weights, so the file does not record it"
        chosen = report.choose(key, "linear", _HIDDEN, "assumed", why)
        if chosen != "linear":
            ops.append(Activation(one.stem, chosen))
    return ops, chain


def _chain(modules: Sequence[Module], width: int) -> list[Module]:
    """Return the modules of which each reads what the one before gives; none where two could follow."""
    chain: list[Module] = []
    rest = list(modules)
    while True:
        fitting = [one for one in rest if _reads(one) == width]
        if not fitting or (len(fitting) > 1 and not _in_order(fitting, rest)):
            return chain if not fitting else []
        chain.append(fitting[0])
        rest.remove(fitting[0])
        matrix = fitting[0].matrix
        width = width if matrix is None else int(matrix.shape[0])


def _in_order(fitting: Sequence[Module], rest: Sequence[Module]) -> bool:
    """Say whether modules of one width follow each other: all are square but the last."""
    return all(one.matrix is None or one.matrix.shape[0] == one.matrix.shape[1] for one in fitting[:-1])


def _reads(module: Module) -> int | None:
    matrix = module.matrix
    if matrix is not None:
        return None if _TABLE.search(module.stem) and "bias" not in module.tensors else int(matrix.shape[1])
    weight = module.tensors.get("weight")
    return len(weight) if weight is not None and weight.ndim == 1 and "bias" in module.tensors else None


def _op(module: Module) -> Op:
    name, tensors = module.stem or "output", module.tensors
    if module.matrix is not None:
        return Dense(name, module.matrix, tensors.get("bias"))
    if "running_mean" in tensors:
        scale = tensors["weight"] / np.sqrt(tensors["running_var"] + _EPSILON)
        return AffineScale(name, scale, tensors["bias"] - tensors["running_mean"] * scale)
    return Norm(name, _EPSILON, tensors["weight"], tensors["bias"])


def _between(below: Module, above: Module, made: Mapping[str, Made], report: ImportReport) -> list[Op]:
    """Return the activation between two dense layers, which has no tensor of its own."""
    key = f"readout.after_{re.sub(r'[^A-Za-z0-9]+', '_', below.stem).strip('_') or '0'}"
    first, second = _number(below.stem), _number(above.stem)
    steps: list[str] = []
    if first is not None and second is not None and first[0] == second[0]:
        known = [made.get(f"{first[0]}{n}") for n in range(first[1] + 1, second[1])]
        if second[1] == first[1] + 1:
            report.say(key, "linear", "inferred", "nothing stands between their numbers")
            return []
        steps = [_MODULES.get(one.name.rpartition(".")[2], "") for one in known if one is not None]
        if steps and all(steps):
            report.say(key, ", ".join(steps), "confirmed", "the classes in the file")
            return [Activation(below.stem, step) for step in steps if step != "linear"]
        why = f"something without weights stands between {visible(below.stem)} and {visible(above.stem)}"
    else:
        why = f"what follows {visible(below.stem)} has no weights, so the file does not record it"
    chosen = report.choose(key, "relu", _HIDDEN, "assumed", why)
    return [] if chosen == "linear" else [Activation(below.stem, chosen)]


def _number(stem: str) -> tuple[str, int] | None:
    found = re.fullmatch(r"(.*[._])(\d{1,4})", stem)
    return (found[1], int(found[2])) if found else None
