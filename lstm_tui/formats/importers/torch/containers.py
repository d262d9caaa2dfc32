"""Which dictionaries of a file hold the network, where weights stand in several: its parts, copies, an optimiser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.released.encoder_decoder import is_attention
from lstm_tui.formats.importers.torch.pickled_arrays import Pickled, Tensor
from lstm_tui.formats.importers.torch.safe_unpickler import Made
from lstm_tui.formats.importers.torch.spellings import names_a_recurrent

MOST_TENSORS = 100_000
_DEEPEST = 64
_WHOLE = ("state_dict", "model_state_dict", "model", "net", "network", "module", "params", "weights", "ema")
"""Keys of what is a network by itself, those that are taken first in front."""
_OF_TRAINING = re.compile(r"optim|sched|scaler|amp(?:_|\Z)|\Aopt(?:_|\Z)|momentum|criterion|loss", re.IGNORECASE)
_AVERAGE = re.compile(r"(?:^|\.)(?:exp_avg|momentum_buffer|square_avg|mu|nu)(?:\.|\Z)")
_OF_A_MODULE = ("_parameters", "_buffers", "_modules")
_Group = Mapping[str, Any]


@dataclass(frozen=True)
class ChosenContainer:
    """The weights that were taken.

    Attributes:
        tensors: By their names within what was taken.
        modules: Modules by their path, where the file holds objects.
        container: Keys they were taken from, where there was a choice; else empty.
        others: Keys that could have been taken instead.
        together: Whether they are the parts of one network, from several dictionaries.
        beside: Keys of further matrices, of which nothing says that they belong to it.
    """

    tensors: _Group
    modules: Mapping[str, Made] = field(default_factory=dict)
    container: str = ""
    others: tuple[str, ...] = ()
    together: bool = False
    beside: tuple[str, ...] = ()


def leaves(root: Any) -> Iterator[tuple[str, Any, str]]:
    """Iterate over tensors and modules with their path and the key of the root they stand under."""
    seen: set[int] = set()
    waiting: list[tuple[str, Any, str, int]] = [("", root, "", 0)]
    while waiting:
        path, one, top, depth = waiting.pop()
        if _is_text(one):
            continue
        if isinstance(one, Tensor | Pickled):
            yield path, one, top
            continue
        if depth > _DEEPEST or not isinstance(one, dict | list | tuple | Made) or id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, Made):
            yield path, one, top
            content = {**one.items, **(one.state if isinstance(one.state, dict) else {})}
        elif isinstance(one, dict):
            content = one
        else:
            content = dict(enumerate(one))
        for key in reversed(list(content)):
            name = path if key in _OF_A_MODULE else f"{path}.{key}" if path else str(key)
            waiting.append((name, content[key], top if depth else str(key), depth + 1))


def inside(one: Any) -> Any:
    """Return what an object holds that may be a vocabulary, or None where it is a plain value."""
    if isinstance(one, Made):
        return {**one.items, **(one.state if isinstance(one.state, dict) else {})}
    if isinstance(one, Pickled) and one.array is not None and one.array.dtype.kind == "U" and one.array.ndim == 1:
        return one.array.tolist()
    return None


def choose(root: Any, where: str, wanted: str | None) -> ChosenContainer:
    """Take the weights of one network out of what a file holds, leaving an optimiser's alone.

    Args:
        root: What the file holds.
        where: What messages call it.
        wanted: Which key to take, or the keys of a network whose parts stand in several.

    Raises:
        UserError: It holds no tensors, or none under that key.
    """
    groups: dict[str, dict[str, Any]] = {}
    modules: dict[str, dict[str, Made]] = {}
    for count, (path, one, top) in enumerate(leaves(root)):
        if count > MOST_TENSORS:
            raise UserError(f"{where}: holds more than {MOST_TENSORS} tensors")
        key = "" if isinstance(root, Made) or _direct(root) else top
        name = path if not key else path[len(key) + 1 :]
        target: dict[str, Any] = modules.setdefault(key, {}) if isinstance(one, Made) else groups.setdefault(key, {})
        target[name] = one
    if not groups:
        values = root.values() if isinstance(root, Mapping) else [root]
        objects = "; an array of objects is no array of numbers" if any(map(_is_text, values)) else ""
        raise UserError(f"{where}: holds no tensors{objects}")
    recurrent = [key for key, names in groups.items() if names_a_recurrent(names) and "optim" not in key.lower()]
    among = sorted(recurrent or groups, key=lambda key: _WHOLE.index(key) if key in _WHOLE else len(_WHOLE))
    pair = _pair(groups, among)
    together = pair or _parts(groups, recurrent)
    label = ", ".join(together)
    if wanted not in (None, label, *groups):
        known = ", ".join(map(visible, groups))
        raise UserError(f"{where}: has no weights under {visible(str(wanted))}; there are {known}")
    if together and wanted in (None, label):
        joined = {f"{key}.{name}": one for key in together for name, one in groups[key].items()}
        within = {f"{key}.{name}": one for key in together for name, one in modules.get(key, {}).items()}
        if pair or not recurrent:
            return ChosenContainer(joined, within, together=True)
        return ChosenContainer(joined, within, label, tuple(key for key in among if key in recurrent), together=True)
    chosen = among[0] if wanted is None else wanted
    others = tuple(key for key in among if key != chosen)
    rest = [
        key for key in groups if key not in (chosen, *others) and wanted is None and not _is_of_training(key, groups)
    ]
    beside = tuple(key for key in rest if any(len(_shape(one)) > 1 for one in groups[key].values()))
    return ChosenContainer(groups[chosen], modules.get(chosen, {}), chosen, others, beside=beside)


def _parts(groups: Mapping[str, _Group], recurrent: Sequence[str]) -> tuple[str, ...]:
    """Return the keys whose dictionaries are parts of one network; none where one of them is a network by itself.

    A network by itself is what a key says that programs use for whole models, and what stands there again under
    another key, as an average of the weights does.
    """
    parts = [key for key in groups if not _is_of_training(key, groups)]
    if "" in groups or any(key in _WHOLE for key in recurrent or parts) or len(parts) < (2 if recurrent else 1):
        return ()
    for n, key in enumerate(recurrent):
        for other in recurrent[:n]:
            copied = _shapes(groups[key]) == _shapes(groups[other])
            if copied and _unnumbered(key) != _unnumbered(other):
                return ()
    return tuple(parts)


def _is_of_training(key: str, groups: Mapping[str, _Group]) -> bool:
    """Say whether a dictionary holds what training needs beside the network, as an optimiser's averages."""
    averages = any(map(_AVERAGE.search, groups[key]))
    return averages or _OF_TRAINING.search(key) is not None or not any(map(_shape, groups[key].values()))


def _shapes(group: _Group) -> dict[str, tuple[int, ...]]:
    return {name: _shape(one) for name, one in group.items()}


def _shape(one: Tensor | Pickled) -> tuple[int, ...]:
    return one.shape if isinstance(one, Tensor) else () if one.array is None else one.array.shape


def _unnumbered(key: str) -> str:
    return re.sub(r"[._]?\d+\Z", "", key)


def _pair(groups: Mapping[str, _Group], among: Sequence[str]) -> tuple[str, ...]:
    """Return the keys of an encoder and of a decoder that looks over it, which are one network; none without both."""
    parts = [next((key for key in among if key.lower().startswith(begin)), None) for begin in ("en", "de")]
    decoder = parts[1]
    if decoder is None or not any(map(is_attention, groups[decoder])):
        return ()
    return tuple(key for key in parts if key is not None) if None not in parts else ()


def _direct(root: Any) -> bool:
    """Say whether the tensors stand at the top."""
    return isinstance(root, Mapping) and any(isinstance(one, Tensor | Pickled) for one in root.values())


def _is_text(one: Any) -> bool:
    """Say whether a value is an array of texts, or of objects, and no tensor."""
    return isinstance(one, Pickled) and one.array is not None and one.array.dtype.kind in "US"
