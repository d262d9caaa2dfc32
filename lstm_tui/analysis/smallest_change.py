"""The smallest change that does something: of tokens, of one bias, of a few weights; each change is tried by a run.

What smallest means is one order for each kind, and what comes first in it and does it is the answer:

- tokens: how many are put in the place of others, then how far they move what the network reads (the length of the
  change of its inputs), then their places;
- numbers: how many of them are changed, then the size |Δ| by which each of them is, then their places. Sizes have one
  figure (0.01, 0.02 … 0.1, 0.2 … 9); between the first that does it and the one before, two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import memory_of, roles_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.expression import Name, Product, walk
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import rounded
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.run import RunBuffers, gradients

MOST_TRIED = 6_000
"""Changes of one kind that are tried."""
LARGEST = 9.0
"""The largest |Δ| of a number that is tried."""


@dataclass(frozen=True)
class ParameterPlace:
    """One number of a parameter.

    Attributes:
        tensor: The parameter, such as `layer0.forward/b_f`.
        index: Where in it the number stands.
    """

    tensor: str
    index: tuple[int, ...]


Shift = tuple[tuple[ParameterPlace, float], ...]
"""Numbers of parameters, and by how much each is changed."""
Signs = Mapping[ParameterPlace, float]
Does = Callable[[Shift], bool]
"""Makes a change, runs what is asked, and says whether it does what is wanted."""


@dataclass(frozen=True)
class ShiftSearch:
    """What a search among numbers comes to.

    Attributes:
        shift: The smallest change that does it; None where none was found.
        size: Its |Δ|.
        tried: How many changes were tried.
        reached: The largest |Δ| up to which all that were asked for were tried.
    """

    shift: Shift | None
    size: float
    tried: int
    reached: float


def sizes_to(most: float) -> tuple[float, ...]:
    """Return the sizes of one figure from 0.01 to `most`, the smallest first."""
    found = (round(figure * 10.0**power, -power) for power in range(-2, 2) for figure in range(1, 10))
    return tuple(size for size in found if size <= most)


def sizes_between(low: float, high: float) -> tuple[float, ...]:
    """Return the sizes of two figures that lie between a size of one figure and the one behind it, low to high."""
    step = (high - low) / 10
    return tuple(rounded(low + step * n, 3) for n in range(1, 10)) if low else ()


class _Tries:
    """Changes that are tried, up to so many."""

    def __init__(self, does: Does, most: int, total: int, progress: Progress | None) -> None:
        self.does, self.most, self.total, self.progress = does, most, total, progress
        self.count = 0

    def first(self, groups: Sequence[tuple[ParameterPlace, ...]], size: float, signs: Signs | None) -> Shift | None:
        """Return the first change of a size that does it; None where none does, or there are no tries left."""
        for group in groups:
            for each in _signs(group, signs):
                if self.count >= self.most:
                    return None
                self.count += 1
                if self.progress is not None:
                    self.progress(self.count, self.total)
                shift = tuple((place, sign * size) for place, sign in zip(group, each, strict=True))
                if self.does(shift):
                    return shift
        return None


def _signs(group: Sequence[ParameterPlace], signs: Signs | None) -> Iterator[tuple[float, ...]]:
    """Yield the signs with which numbers are changed: all there are, or those that are given."""
    if signs is None:
        yield from product((1.0, -1.0), repeat=len(group))
    else:
        yield tuple(signs[place] for place in group)


def smallest_shift(
    places: Sequence[ParameterPlace],
    does: Does,
    numbers: int = 1,
    signs: Signs | None = None,
    largest: float = LARGEST,
    most: int = MOST_TRIED,
    progress: Progress | None = None,
) -> ShiftSearch:
    """Return the smallest change of so many numbers together that does it, all by the same size.

    Args:
        places: Which may be changed.
        does: Says whether a change does it.
        numbers: How many are changed together.
        signs: Which way each is changed; both are tried where it is not given.
        largest: The largest |Δ| that is tried.
        most: How many changes are tried.
        progress: Called with the changes tried, and how many there may be; what it raises ends this.
    """
    groups, sizes = list(combinations(places, numbers)), sizes_to(largest)
    ways = 2**numbers if signs is None else 1
    tries = _Tries(does, most, min(most, len(groups) * ways * len(sizes)), progress)
    before = 0.0
    for size in sizes:
        found = tries.first(groups, size, signs)
        if found is not None:
            for finer in sizes_between(before, size):
                better = tries.first(groups, finer, signs)
                if better is not None:
                    return ShiftSearch(better, finer, tries.count, finer)
            return ShiftSearch(found, size, tries.count, size)
        if tries.count >= most:
            break
        before = size
    return ShiftSearch(None, 0.0, tries.count, before)


def gate_biases(network: Network) -> tuple[ParameterPlace, ...]:
    """Return every number of the biases of gates: of what keeps, writes and shows in each pass."""
    tensors = network.tensors()
    found: dict[ParameterPlace, None] = {}
    for one in network.passes:
        roles = roles_of(one.cell)
        for value, role in roles.items():
            if role not in ("keeps", "writes", "shows") or value not in one.cell.values:
                continue
            expression = one.cell.equation(value).expression
            matrices = {node.matrix for node in walk(expression) if isinstance(node, Product)}
            for node in walk(expression):
                if not isinstance(node, Name) or node.name in matrices or node.name.startswith("p_"):
                    continue
                name = f"{one.name}/{node.name}"
                numbers = tensors.get(name)
                if numbers is None or numbers.ndim != 1:
                    continue
                found |= dict.fromkeys(ParameterPlace(name, (n,)) for n in range(len(numbers)))
    return tuple(place for place in found if _is_weight(network, place))


def _is_weight(network: Network, place: ParameterPlace) -> bool:
    owner, _, name = place.tensor.rpartition("/")
    mask = next((one.program.parameters[name].mask for one in network.passes if one.name == owner), None)
    return mask is None or bool(mask[place.index])


def every_weight(network: Network) -> tuple[ParameterPlace, ...]:
    """Return every number of every parameter but the embedding, which is what a token is."""
    return tuple(
        place
        for name, numbers in network.tensors().items() if name != "embedding"
        for index in np.ndindex(*numbers.shape)
        if _is_weight(network, place := ParameterPlace(name, tuple(int(n) for n in index)))
    )  # fmt: skip


def by_gradient(ran: RunBuffers, pass_name: str, most: int) -> tuple[ParameterPlace, ...]:
    """Return the weights that move what a run holds most, by back-propagation, the most first; all where they are few.

    What is moved is the memory of a pass at every step and what the network says, each number the way it points.

    Args:
        ran: The run, with the rows that a gradient needs.
        pass_name: The pass.
        most: How many are wanted.
    """
    network = ran.network
    places = every_weight(network)
    if len(places) <= most:
        return places
    cell = next(one.cell for one in network.passes if one.name == pass_name)
    series = ran.stored[pass_name].values[memory_of(cell)]
    backward = pass_name.endswith("backward")
    toward = np.sign(series[::-1] if backward else series)
    d_result = None
    if ran.readout is not None and network.readout is not None:
        d_result = np.sign(ran.readout.values[network.readout.page.result])
    flats, _, _ = gradients(ran, d_result, {pass_name: {memory_of(cell): toward}})
    views = _views(network, flats)
    numbers = np.array([_number(views, place) for place in places])
    order = np.argsort(-np.nan_to_num(np.abs(numbers)), kind="stable")[:most]
    return tuple(places[n] for n in order)


def _views(network: Network, flats: Mapping[str, Array]) -> dict[str, Array]:
    programs = {one.name: one.program for one in network.passes}
    if network.readout is not None:
        programs["readout"] = network.readout.program
    return {
        f"{owner}/{name}": programs[owner].view(flat, name)
        for owner, flat in flats.items() if owner in programs
        for name in programs[owner].parameters
    }  # fmt: skip


def _number(views: Mapping[str, Array], place: ParameterPlace) -> float:
    return float(views[place.tensor][place.index]) if place.tensor in views else 0.0


class Swap(NamedTuple):
    """Other tokens at some places.

    Attributes:
        size: How far they move what the network reads.
        tokens: Each place with the number of its other token.
    """

    size: float
    tokens: tuple[tuple[int, int], ...]


def swaps(embedding: Array, ids: Array, places: Sequence[int], known: Sequence[int], count: int) -> Iterator[Swap]:
    """Yield the swaps of so many tokens, the smallest first.

    Args:
        embedding: What each token is read as, (V, E).
        ids: The tokens that are there, (T,).
        places: Where others may stand.
        known: Which tokens may stand there.
        count: How many are swapped together.
    """
    distances = {
        t: np.sqrt(((embedding[list(known)].astype(np.float64) - embedding[ids[t]]) ** 2).sum(axis=1)) for t in places
    }
    each = {t: [(float(distances[t][n]), one) for n, one in enumerate(known) if one != ids[t]] for t in places}
    if count == 1:
        made = [Swap(size, ((t, token),)) for t in places for size, token in each[t]]
        yield from sorted(made)
        return
    found = []
    for group in combinations(places, count):
        for chosen in product(*(each[t] for t in group)):
            size = float(np.sqrt(sum(one[0] ** 2 for one in chosen)))
            found.append(Swap(size, tuple((t, one[1]) for t, one in zip(group, chosen, strict=True))))
    yield from sorted(found)
