"""An edited network as the bytes of its own file: which numbers of it change, to what, and how near they come.

Whatever is written is imported again before anybody gets it: every parameter is as it was edited, rounded to the dtype
of the file, and no other one has changed. So nothing rests on how the places were found.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.doors import guarded
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.onnx.feature_extractor import OnnxFront
from lstm_tui.formats.importers.open import NetworkOrigin, file_bytes, kind_of, understood
from lstm_tui.formats.importers.torch.front import ProgramFront
from lstm_tui.formats.io.files import label
from lstm_tui.formats.write_back.finders import find_places
from lstm_tui.formats.write_back.places import DIGITS, KIND_NAMES, TensorPlace, WeightsFile
from lstm_tui.formats.write_back.sources import ParameterSources, find_sources

if TYPE_CHECKING:
    from lstm_tui.engine.model.network import Network

_ROUNDS = 3  # in which a sum of several numbers is brought nearer to what it should be
_MOST_NAMED = 6
_DEEPEST = 16
_NEIGHBOURS = 2  # times that what changes with an edited number is put back by other numbers of the file
_NONE = np.empty(0, np.int64)
_ALIKE = 1e-5  # of two ways to the same number of the file: how far they may be apart


@dataclass(frozen=True)
class WrittenBack:
    """A file with an edited network in it.

    Attributes:
        data: Its bytes.
        source: The file it is a copy of, safe to show.
        tensors: Names of the tensors that changed, each with how many of its numbers did; several may show the same.
        changed: How many numbers of the file did; of a weight that is kept as several tensors, how many of its own.
        shared: Of each parameter that is a sum of several numbers of the file, the tensors that took the change.
        off: How far the number farthest from what it should be is from it; 0 where all are what they should be.
        farthest: Which number that is, what it should be and what it is; empty where `off` is 0.
        dtypes: What the file keeps its numbers as.
        joined: Whether it holds what lay in files beside its source.
    """

    data: bytes
    source: str
    tensors: Sequence[tuple[str, int]] = ()
    changed: int = 0
    shared: Mapping[str, str] = dataclasses.field(default_factory=dict)
    off: float = 0.0
    farthest: str = ""
    dtypes: str = ""
    joined: bool = False

    def told(self) -> Iterator[str]:
        """Yield what was written, in sentences."""
        if self.joined:
            yield f"the tensors that lie in a file beside {self.source} are inside it"
        if not self.tensors and not self.joined:
            yield f"no number of the network is edited: it is {self.source}, byte for byte"
        if not self.tensors:
            return
        total = count_of(self.changed, "number")
        named = [f"{visible(name)} ({count})" for name, count in self.tensors[:_MOST_NAMED]]
        more = f" and {len(self.tensors) - _MOST_NAMED} more" if len(self.tensors) > _MOST_NAMED else ""
        yield f"it is {self.source} but for {total} in {', '.join(named)}{more}"
        for parameter, tensor in self.shared.items():
            yield f"{parameter} is made of several numbers of the file: {tensor} took the change"
        if self.off:
            yield f"it is kept as {self.dtypes}: {self.farthest}, and nothing is farther from what was edited"


def written_back(network: Network, mine: bool = False, data: bytes | None = None) -> WrittenBack:
    """Return the file a network came from with its parameters in it.

    Args:
        network: As it was edited.
        mine: Whether the file may be another than when the network was opened, since it was written here since.
        data: What is in the file, where it was read already.

    Raises:
        UserError: It came from no file, the file was changed, or it cannot say what was edited; what is named.
    """
    origin = network.origin
    if not isinstance(origin, NetworkOrigin):
        raise UserError(f"{visible(network.name)}: came from no file, so there is none to write it back into")
    where = label(origin.path)
    data = file_bytes(origin.path) if data is None else data
    with guarded(where, "a network"), quiet():
        opened = _opened(data, origin)
        if not mine and opened.sha256 != network.sha256:
            raise UserError(
                f"{where}: was changed since it was opened, so nothing is written back into it; open it again"
            )
        _check_equations(network, opened, where)
        whole = data
        if kind_of(data) == "onnx":
            from lstm_tui.formats.write_back.onnx import inlined

            whole = inlined(data, origin.path, where)
        return dataclasses.replace(_written(network, opened, whole, origin), joined=whole is not data)


def _opened(data: bytes, origin: NetworkOrigin) -> Network:
    network = understood(data, origin.path, origin.reading)({}).network
    if origin.layer is None:
        return network
    from lstm_tui.formats.importers.untrained import one_layer

    return one_layer(network, origin.layer)


def _equations(network: Network) -> dict[str, str]:
    """Return everything a network computes, as text, by pass."""
    said = {one.name: f"{one.cell.text} {sorted(one.program.sizes.items())}" for one in network.passes}
    return said | ({} if network.readout is None else {"readout": network.readout.page.text})


def same_equations(network: Network, data: bytes) -> bool:
    """Say whether a network computes what the bytes of its file say.

    Raises:
        UserError: It came from no file, or the bytes are no network.
    """
    origin = network.origin
    return isinstance(origin, NetworkOrigin) and _equations(network) == _equations(_opened(data, origin))


def _check_equations(network: Network, opened: Network, where: str) -> None:
    """Refuse equations that are not those of the file."""
    own = _equations(opened)
    other = [name for name, text in _equations(network).items() if own.get(name) != text]
    if other:
        raise UserError(
            f"{where}: holds numbers and not the equations that were edited ({', '.join(other)}): undo them, or write "
            "a file that describes itself, whose name ends in .safetensors"
        )
    read, known = (0 if one.embedding is None else len(one.embedding) for one in (network, opened))
    if read > known:
        raise UserError(
            f"{where}: has no room for the words that were added: undo that, or write a file that describes itself, "
            "whose name ends in .safetensors"
        )
    shapes = {name: one.shape for name, one in opened.tensors().items()}
    if shapes != {name: one.shape for name, one in network.tensors().items()}:
        raise UserError(f"{where}: holds other parameters than the network that was edited; open it again")


@dataclass(frozen=True, eq=False)
class _Change:
    """Numbers of parameters that change, in a row of n, and the numbers of the file that make them.

    Attributes:
        names: Of the parameters, in the order of the row.
        which: Of each, which of its numbers, counted along its rows.
        wanted: What they should be, (n,).
        given: What they are, (n,).
        ids: Which number of the file makes each, (n,).
        factors: With what it is multiplied, (n,).
        stored: That number now, (n,).
        copied: Whether nothing else is part of it, (n,).
    """

    names: Sequence[str]
    which: Mapping[str, Array]
    wanted: Array
    given: Array
    ids: Array
    factors: Array
    stored: Array
    copied: Array

    def parameter(self, number: int) -> tuple[str, int]:
        """Return the parameter of a number of the row, and which of its numbers it is."""
        for name in self.names:
            if number < len(self.which[name]):
                return name, int(self.which[name][number])
            number -= len(self.which[name])
        raise IndexError(number)


def _written(network: Network, opened: Network, data: bytes, origin: NetworkOrigin) -> WrittenBack:
    where = label(origin.path)
    wanted, given = network.tensors(), opened.tensors()
    which = {name: np.flatnonzero(_bits(wanted[name]) != _bits(given[name])) for name in given}
    which = {name: one for name, one in which.items() if len(one)}
    if not which:
        return WrittenBack(data, where)
    file = find_places(data, kind_of(data), where)
    find = partial(find_sources, file, lambda made: _opened(made, origin).tensors(), given)
    sources = _each_its_own(find(which), which, wanted, file, find)
    _check_found(sources, which, given, file, where)
    for last in [*[False] * _NEIGHBOURS, True]:
        change = _change(file, sources, which, wanted, given)
        new = np.where(change.copied, change.wanted / change.factors,
                       change.stored + (change.wanted - change.given) / change.factors)  # fmt: skip
        for _ in range(_ROUNDS):
            made, placed = _laid(file, change, new, given, where)
            again = _opened(made, origin)
            got = _row(again.tensors(), given, which)
            short = np.where(change.copied | ~np.isfinite(got), 0, change.wanted - got)
            if not short.any():
                break
            new = new + short / change.factors
        moved = {} if last else _moved(which, given, again.tensors())
        if not moved:
            break
        own = set(placed)
        more = find(moved, beside=own)
        if all((one.ids >= 0).all() for one in more.values()):  # what changes too is put back by other numbers
            which, sources = _together(which, sources, moved, more)
            continue
        other = find(which, beside=own)
        if any((one.ids < 0).any() for one in other.values()):
            break
        sources = other
    _check(opened, again, network, which, placed, file, where)
    _check_read_alike(opened, again, which, where)
    got = _row(again.tensors(), given, which)
    _check_near(change, got, new, file, given, where)
    return _account(made, where, file, change, placed, got, given)


def _check_read_alike(opened: Network, again: Network, which: Mapping[str, Array], where: str) -> None:
    """Refuse an edit by which the file says something else, such as other first states for each sequence of a batch."""
    for remark in again.remarks:
        part = remark.partition(" ")[0]
        if remark in opened.remarks or not part.startswith("layer"):
            continue
        own = [name for name in which if name.startswith(f"{part}.") and name.endswith("_0")]
        own = own or [name for name in which if name.startswith(f"{part}.")]
        if own:
            said = ", ".join(f"{name}[{int(which[name][0])}]" for name in own)
            raise UserError(f"{where}: {said} cannot be written alone, for then {remark}; undo that")


def _each_its_own(
    sources: dict[str, ParameterSources], which: Mapping[str, Array], wanted: Mapping[str, Array], file: WeightsFile,
    find: Callable[..., dict[str, ParameterSources]],
) -> dict[str, ParameterSources]:  # fmt: skip
    """Return sources in which a number of the file that makes several makes one, where the others have another too.

    What is to become the same by the same number stays one: a module that is called twice has its numbers once.
    """
    taken: Array = _NONE
    becomes = np.empty((0, 2))
    made: dict[str, ParameterSources] = {}
    for name, one in sources.items():
        again = np.flatnonzero((one.ids >= 0) & np.isin(one.ids, taken))
        mine = np.column_stack([np.ravel(wanted[name])[which[name]], one.factors]).astype(np.float64)
        if len(again):
            order = np.argsort(taken, kind="stable")
            first = order[np.searchsorted(taken[order], one.ids[again])]
            again = again[(becomes[first] != mine[again]).any(axis=1)]
        made[name] = one
        if len(again):
            beside = set((np.searchsorted(file.starts, one.ids[again], "right") - 1).tolist())
            other = find({name: which[name][again]}, beside=beside)[name]
            there = again[other.ids >= 0]
            ids, factors = one.ids.copy(), one.factors.copy()
            ids[there], factors[there] = other.ids[other.ids >= 0], other.factors[other.ids >= 0]
            made[name] = ParameterSources(ids, factors)
        mine[:, 1] = made[name].factors
        taken, becomes = np.concatenate([taken, made[name].ids]), np.concatenate([becomes, mine])
    return made


def _moved(which: Mapping[str, Array], given: Mapping[str, Array], made: Mapping[str, Array]) -> dict[str, Array]:
    """Return numbers that changed with those that were edited, such as the shift of a folded norm with its scale."""
    moved: dict[str, Array] = {}
    for name, one in given.items():
        if name in made and made[name].shape == one.shape:
            other = _bits(made[name]) != _bits(one)
            other[which.get(name, _NONE)] = False
            if other.any():
                moved[name] = np.flatnonzero(other)
    return moved


def _together(
    which: Mapping[str, Array], sources: Mapping[str, ParameterSources], more: Mapping[str, Array],
    others: Mapping[str, ParameterSources],
) -> tuple[dict[str, Array], dict[str, ParameterSources]]:  # fmt: skip
    """Return numbers and their sources, and more of both, as one."""
    numbers: dict[str, Array] = {}
    found: dict[str, ParameterSources] = {}
    for name in [*which, *(one for one in more if one not in which)]:
        parts = [(one[name], each[name]) for one, each in ((which, sources), (more, others)) if name in one]
        whole = np.concatenate([part for part, _ in parts])
        order = np.argsort(whole)
        numbers[name] = whole[order]
        found[name] = ParameterSources(np.concatenate([one.ids for _, one in parts])[order],
                                       np.concatenate([one.factors for _, one in parts])[order])  # fmt: skip
    return numbers, found


def _bits(array: Array) -> Array:
    return np.ascontiguousarray(array).ravel().view(f"u{array.itemsize}")


def _row(tensors: Mapping[str, Array], shapes: Mapping[str, Array], which: Mapping[str, Array]) -> Array:
    """Return the numbers that are asked for in a row; those of a parameter that is not there are 0."""
    parts = [np.ravel(tensors.get(name, np.zeros(shapes[name].shape)))[one] for name, one in which.items()]
    return np.concatenate(parts).astype(np.float64)


def _check_found(
    sources: Mapping[str, ParameterSources],
    which: Mapping[str, Array],
    given: Mapping[str, Array],
    file: WeightsFile,
    where: str,
) -> None:
    lost = [(name, int(which[name][np.flatnonzero(one.ids < 0)[0]])) for name, one in sources.items()
            if (one.ids < 0).any()]  # fmt: skip
    if lost:
        why = "; ".join(file.elsewhere) or "they are not there, or made of others in a way that has no way back"
        parts = ", ".join(element(name, number, given[name].shape) for name, number in lost[:_MOST_NAMED])
        more = f" and {len(lost) - _MOST_NAMED} more" if len(lost) > _MOST_NAMED else ""
        raise UserError(f"{where}: holds no number to write {parts}{more} back into: {why}")


def element(name: str, number: int, shape: tuple[int, ...]) -> str:
    """Return one number of a parameter as an edit writes it: `layer0.forward/W_f[3,0]`."""
    place = ",".join(str(int(one)) for one in np.unravel_index(number, shape))
    return f"{name}[{place}]" if place else name


def _change(
    file: WeightsFile, sources: Mapping[str, ParameterSources], which: Mapping[str, Array], wanted: Mapping[str, Array],
    given: Mapping[str, Array],
) -> _Change:  # fmt: skip
    ids = np.concatenate([sources[name].ids for name in which])
    factors = np.concatenate([sources[name].factors for name in which])
    now, stored = _row(given, given, which), np.empty(len(ids))
    for number, place, own in _by_place(file, ids):
        stored[own] = file.numbers(place)[ids[own] - file.starts[number]]
    dtype = next(iter(given.values())).dtype
    copied = ((stored * factors).astype(dtype) == now.astype(dtype)) | ~np.isfinite(now)
    return _Change(tuple(which), which, _row(wanted, given, which), now, ids, factors, stored, copied)


def _by_place(file: WeightsFile, ids: Array) -> Iterator[tuple[int, TensorPlace, Array]]:
    """Yield the places some numbers of a file stand at, each with its number and which of the ids those are."""
    numbers = np.searchsorted(file.starts, ids, "right") - 1
    for number in np.unique(numbers):
        yield int(number), file.places[int(number)], np.flatnonzero(numbers == number)


def _laid(
    file: WeightsFile, change: _Change, new: Array, given: Mapping[str, Array], where: str
) -> tuple[bytes, dict[int, Array]]:
    """Return the file with the new numbers in it, and which numbers of each place those are."""
    order = np.argsort(change.ids, kind="stable")
    apart = np.abs(np.diff(new[order])) > _ALIKE * np.abs(new[order][1:]) * ~(change.copied[order][1:])
    same = np.flatnonzero((np.diff(change.ids[order]) == 0) & apart)
    if len(same):
        one, two = (element(name, number, given[name].shape)
                    for name, number in (change.parameter(int(order[same[0] + n])) for n in (0, 1)))  # fmt: skip
        raise UserError(f"{where}: keeps {one} and {two} as one number, and they were edited to two; edit both alike")
    placed: dict[int, Array] = {}
    changed: dict[int, tuple[Array | None, Array]] = {}
    for number, _, own in _by_place(file, change.ids):
        placed[number] = change.ids[own] - file.starts[number]
        changed[number] = placed[number], new[own]
    return file.with_numbers(changed), placed


def _check(
    opened: Network, again: Network, network: Network, which: Mapping[str, Array], placed: Mapping[int, Array],
    file: WeightsFile, where: str,
) -> None:  # fmt: skip
    """Refuse a file in which something else has changed than what was edited."""
    before, after, wanted = opened.tensors(), again.tensors(), network.tensors()
    taken = ", ".join(visible(name) for name, _ in _names(file, placed)[:_MOST_NAMED])
    lost = [name for name in before if name not in after]  # states to begin with that are all 0 are none, to some
    if any(wanted[name].any() for name in lost) or any(name not in before for name in after):
        raise UserError(f"{where}: would be read otherwise with these numbers in {taken}; nothing is written")
    for name, one in after.items():
        other = _bits(one) != _bits(before[name])
        other[which.get(name, np.empty(0, np.int64))] = False
        if other.any():
            part = element(name, int(np.flatnonzero(other)[0]), one.shape)
            raise UserError(f"{where}: {part} would change too: the file keeps it once, in {taken}; edit both alike")
    if not lost and _equations(again) != _equations(opened):
        raise UserError(f"{where}: would be read as other equations with these numbers in {taken}; nothing is written")
    pairs = zip(_front(opened), _front(again), strict=False)
    if any(one.shape != two.shape or one.tobytes() != two.tobytes() for one, two in pairs):
        raise UserError(f"{where}: what stands before its first recurrent layer reads {taken} too; nothing is written")


def _front(network: Network) -> Iterator[Array]:
    """Yield every array that is read before the first recurrent layer."""
    front = network.front
    if isinstance(front, OnnxFront):
        graph = front.graph
        yield from (one for name, one in graph.constants.items() if graph.depends(front.target, [name]))
    elif isinstance(front, ProgramFront):
        yield from front.constants()
    else:
        yield from _arrays(front)


def _arrays(value: Any, depth: int = 0) -> Iterator[Array]:
    """Yield every array inside what is made of data classes, lists, dictionaries and functions."""
    if isinstance(value, np.ndarray):
        yield value
        return
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, one.name) for one in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        value = list(value.values())
    elif isinstance(value, FunctionType):
        value = [cell.cell_contents for cell in value.__closure__ or ()]
    for one in value if isinstance(value, list | tuple) and depth < _DEEPEST else ():
        yield from _arrays(one, depth + 1)


def _check_near(
    change: _Change, got: Array, new: Array, file: WeightsFile, given: Mapping[str, Array], where: str
) -> None:
    """Refuse a file whose numbers are farther from the edited ones than its dtype makes them."""
    allowed = np.empty(len(got))
    for _, place, own in _by_place(file, change.ids):
        size = np.abs(new[own] * change.factors[own]) + np.abs(change.wanted[own]) + np.abs(change.given[own])
        allowed[own] = size * 2.0 ** -min(DIGITS[place.kind], 24) * 2 + _LEAST[place.kind]
    far = ~((np.abs(got - change.wanted) <= allowed) | (got == change.wanted))
    if far.any():
        number = int(np.flatnonzero(far)[0])
        name, which = change.parameter(number)
        kinds = next(place.kind for _, place, own in _by_place(file, change.ids) if number in own)
        part = element(name, which, given[name].shape)
        raise UserError(
            f"{where}: keeps {part} as {KIND_NAMES[kinds]}, where {sentence(change.wanted[number])} comes back as "
            f"{sentence(got[number])}; nothing is written"
        )


_LEAST = {"f2": 2.0**-24, "bfloat16": 2.0**-126, "f4": 2.0**-149, "f8": 2.0**-149}
"""Of each kind of number: how far apart the smallest ones are."""


def _names(file: WeightsFile, placed: Mapping[int, Array]) -> list[tuple[str, int]]:
    """Return the names of the tensors some numbers of places belong to, and how many of each."""
    found: list[tuple[str, int]] = []
    for number, which in sorted(placed.items()):
        changed = np.zeros(file.places[number].count, bool)
        changed[which] = True
        found += file.places[number].named(changed)
    return found


def _account(
    data: bytes, where: str, file: WeightsFile, change: _Change, placed: Mapping[int, Array], got: Array,
    given: Mapping[str, Array],
) -> WrittenBack:  # fmt: skip
    shared: dict[str, str] = {}
    begin = 0
    for name in change.names:
        own = np.arange(begin, begin + len(change.which[name]))
        summed = own[~change.copied[own]]
        if len(summed):
            there = {number: change.ids[summed][which] - file.starts[number]
                     for number, _, which in _by_place(file, change.ids[summed])}  # fmt: skip
            shared[name] = ", ".join(visible(tensor) for tensor, _ in _names(file, there))
        begin += len(own)
    off = np.where(got == change.wanted, 0, np.abs(got - change.wanted))
    worst = int(np.argmax(off))
    name, number = change.parameter(worst)
    farthest = f"{element(name, number, given[name].shape)} is {sentence(got[worst], 6)}, edited to " + (
        sentence(change.wanted[worst], 6)
    )
    kinds = dict.fromkeys(KIND_NAMES[file.places[one].kind] for one in placed)
    changed = sum(len(np.unique(which)) for which in placed.values())
    return WrittenBack(
        data, where, _names(file, placed), changed, shared, float(off[worst]), farthest if off[worst] else "",
        ", ".join(kinds),
    )  # fmt: skip
