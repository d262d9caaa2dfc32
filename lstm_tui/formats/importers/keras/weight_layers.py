"""Layers of a Keras file that holds weights alone: what each is, by the class it was filed under and its shapes.

Such a file names every layer, those without weights too, and says nothing of what they read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import field
from itertools import combinations

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.keras.file import KerasFile

KINDS = {4: "LSTM", 3: "GRU", 1: "SimpleRNN"}
"""Recurrent layers by how many matrices their kernel holds side by side."""
NORMS = ("BatchNormalization", "LayerNormalization", "Normalization")
POOLS = {"global_average_pooling1d": "mean", "global_max_pooling1d": "max"}
_OF_CLASS = {
    "batch_normalization": "BatchNormalization", "layer_normalization": "LayerNormalization",
    "normalization": "Normalization", "dense": "Dense", "embedding": "Embedding",
}  # fmt: skip
_NOT_BY_SHAPE = frozenset((
    "p_re_lu", "rms_normalization", "group_normalization", "unit_normalization", "einsum_dense", "conv1d", "rnn",
    "separable_conv1d", "multi_head_attention", "group_query_attention", "attention", "additive_attention",
))  # fmt: skip
"""Classes whose arrays have the shapes of another class."""
_DOES_NOTHING = re.compile(r"input|.*drop|.*noise|identity|.*regularization")
_OF_A_LAYER = re.compile(
    r"(?:[^/]+/)*?rnn(?:_\d+)?/(?:(?:forward_|backward_)?(?:lstm|gru|simple_rnn|rnn)(?:_cell)?(?:_\d+)?/)*[^/]+",
    re.IGNORECASE,
)
"""Names of weights in a layer that its user called `rnn`: not of a cell of the user's own."""
_LEAVES = {"alpha": "unknown", "embeddings": "Embedding", "depthwise_kernel": "unknown"}
_MOST_SEARCHED = 20_000
_MOST_CHAINS = 64


@dataclass(frozen=True, eq=False)
class WeightLayer:
    """One layer.

    Attributes:
        name: The file's own name of it.
        kind: Its class, as Keras calls it; `unknown` where that is not known, empty where it has no weights.
        filed: The class it is filed under in Keras's own spelling, `lstm`; the beginning of a name its user chose.
        weights: Its arrays.
        row: Its number in a file that lists its layers in their order; None where the file keeps no order.
    """

    name: str
    kind: str
    filed: str
    weights: Sequence[Array] = field(repr=False)
    row: int | None = None

    @property
    def recurrent(self) -> bool:
        """Whether it keeps a state."""
        return self.kind in (*KINDS.values(), "Bidirectional")

    @property
    def both(self) -> bool:
        """Whether it reads in both directions."""
        return self.kind == "Bidirectional"

    @property
    def known(self) -> bool:
        """Whether it can stand in a chain."""
        return self.recurrent or self.kind == "Dense" or self.kind in NORMS

    @property
    def reads(self) -> int:
        """How many numbers it reads."""
        return int(self.weights[0].shape[0])

    @property
    def units(self) -> int:
        """How many numbers one direction of it gives."""
        return int(self.weights[1].shape[0] if self.recurrent else self.weights[0].shape[-1])

    def gives(self, joined: bool) -> int:
        """Return how many numbers it gives, two directions `joined` end to end or made one."""
        return self.units * 2 if self.both and joined else self.units

    @property
    def text(self) -> str:
        """Its name and shapes."""
        shapes = ", ".join("×".join(map(str, one.shape)) or "one number" for one in self.weights)
        return f"{visible(self.name)} ({shapes or 'no weights'})"

    def before(self, other: WeightLayer) -> bool:
        """Say whether the file puts it before another: by its list, or among layers of one class by their numbers."""
        if self.row is not None and other.row is not None:
            return self.row < other.row
        for one, its in zip(self.name.split("/"), other.name.split("/"), strict=False):
            if one != its:
                (stem, number), (its_stem, its_number) = _numbered(one), _numbered(its)
                return stem == its_stem and number < its_number
        return False


@dataclass(frozen=True)
class Chain:
    """Layers that read each other, from the lowest up.

    Attributes:
        layers: Each with whether its two directions are joined end to end.
    """

    layers: tuple[tuple[WeightLayer, bool], ...]

    @property
    def names(self) -> str:
        """Their names, as a setting takes them."""
        return ",".join(visible(one.name) for one, _ in self.layers)

    @property
    def members(self) -> frozenset[str]:
        """Their names in no order."""
        return frozenset(one.name for one, _ in self.layers)

    def below_the_top(self) -> Chain:
        """Return it up to its last recurrent layer."""
        last = max(n for n, (one, _) in enumerate(self.layers) if one.recurrent)
        return Chain(self.layers[: last + 1])

    def side_by_side(self) -> list[Chain]:
        """Return what else it could be, where a dense layer above the top could as well stand beside one below it.

        It is then another answer, for it reads as much as that does.
        """
        top = len(self.below_the_top().layers)
        dense = [n for n, (one, _) in enumerate(self.layers) if n >= top and one.kind == "Dense"]
        found: dict[str, Chain] = {}
        for low, high in combinations(dense, 2):
            if self.layers[high][0].reads == self.layers[low][0].reads:
                for layers in (self.layers[:high], (*self.layers[:low], *self.layers[high:])):
                    found.setdefault(Chain(layers).names, Chain(layers))
        return list(found.values())

    def lifted(self, starts: Collection[int]) -> list[Chain]:
        """Return what else it could be, where a dense layer below a recurrent one could stand above all of them.

        It is then another answer beside those that are there, for it reads as much as the top gives.

        Args:
            starts: Widths of the tables that ids may be looked up in; where there are any, the lowest reads one.
        """
        below = self.below_the_top().layers
        top, joined = below[-1]
        found: list[Chain] = []
        for n, (one, _) in enumerate(below[:-1]):
            rest = [*below[:n], *below[n + 1 :]]
            reads = [other.reads for other, _ in rest]
            gives = [other.gives(ends) for other, ends in rest]
            follow = reads[1:] == gives[:-1] and (not starts or reads[0] in starts)
            if one.kind == "Dense" and one.reads == top.gives(joined) and follow and not one.before(top):
                found += [Chain((*rest, *self.layers[len(below) :])), Chain((*rest, (one, True)))]
        return found


def weight_layers(file: KerasFile) -> list[WeightLayer]:
    """Return every layer of a file of weights, those without weights too."""
    found: list[WeightLayer] = []
    for name, own, above in file.layers():
        weights = file.weights(name, own, above)
        named = [re.sub(r":\d+\Z", "", one) for one in file.weight_names(name, own, above)]
        leaves = {one.rpartition("/")[2] for one in named}
        filed = _numbered((own or name).rpartition("/")[2])[0]
        row = len(found) if file.form == "names" else None
        known = filed == "rnn" and all(_OF_A_LAYER.fullmatch(one) for one in named) and "recurrent_kernel" in leaves
        kind = _kind(weights, "" if known else filed, leaves)
        found.append(WeightLayer(own or name, kind, filed, weights, row))
    return found


def without_weights(layers: Sequence[WeightLayer]) -> list[WeightLayer]:
    """Return layers without weights that change numbers: all but those of which their names say that they do not."""
    return [one for one in layers if not one.kind and not _DOES_NOTHING.match(one.filed) and one.filed not in POOLS]


def pooled(layers: Sequence[WeightLayer]) -> str | None:
    """Return how steps become one vector, where the file holds one layer that does nothing else; else None."""
    found = {POOLS[one.filed] for one in layers if not one.kind and one.filed in POOLS}
    return found.pop() if len(found) == 1 else None


def below_a_pool(one: WeightLayer, layers: Sequence[WeightLayer]) -> bool:
    """Say whether the file puts a layer before the one in which steps become one vector."""
    return one.row is not None and any(not pool.kind and pool.filed in POOLS and one.before(pool) for pool in layers)


def reads_flat(layers: Sequence[WeightLayer]) -> list[WeightLayer]:
    """Return the dense layers that may read all steps of a recurrent layer end to end, where the file has a flatten."""
    flat = [one for one in layers if not one.kind and one.filed == "flatten"]
    widths = {one.gives(joined) for one in layers if one.recurrent for joined in (True, False)}
    return [
        one for one in layers
        if one.kind == "Dense" and any(one.reads > width and one.reads % width == 0 for width in widths)
        and any(one.row is None or low.before(one) for low in flat)
    ]  # fmt: skip


def shape_kind(weights: Sequence[Array]) -> str:
    """Return what a layer is by the shapes of its arrays."""
    shapes = [one.shape for one in weights]
    if len(weights) in (4, 6):
        half = len(weights) // 2
        if shapes[:half] == shapes[half:] and shape_kind(weights[:half]) in KINDS.values():
            return "Bidirectional"
    if len(weights) in (2, 3) and len(shapes[0]) == 2 and len(shapes[1]) == 2 and shapes[1][0] > 0:
        units, width = shapes[1]
        if shapes[0][1] == width and width % units == 0 and width // units in KINDS:
            return KINDS[width // units]
    if len(weights) == 1 and len(shapes[0]) == 2:
        return "Embedding"
    return "Dense" if len(weights) == 2 and len(shapes[0]) == 2 and shapes[1] == shapes[0][1:] else "unknown"


def _kind(weights: Sequence[Array], filed: str, leaves: Collection[str]) -> str:
    if not weights:
        return ""
    kind = _OF_CLASS.get(filed, "unknown" if filed in _NOT_BY_SHAPE else "")
    kind = next((said for leaf, said in _LEAVES.items() if leaf in leaves), kind)
    if "moving_mean" in leaves:
        kind = "BatchNormalization"
    kind = kind or shape_kind(weights)
    if kind == "Embedding" and ("kernel" in leaves or filed == "time_distributed"):
        kind = "Dense"  # without a bias
    if kind in ("Dense", "Embedding") and (weights[0].ndim != 2 or len(weights) > 1 + (kind == "Dense")):
        return "unknown"
    if kind in NORMS:
        counts = {"BatchNormalization": (4,), "LayerNormalization": (2,), "Normalization": (2, 3)}[kind]
        alike = len({one.shape for one in weights[:2]}) == 1 and weights[0].ndim == 1
        return kind if alike and len(weights) in counts else "unknown"
    return kind


def _numbered(name: str) -> tuple[str, int]:
    """Return a name and its number, as Keras numbers layers of one class."""
    found = re.fullmatch(r"(.*?)(?:_(\d{1,9}))?", name, re.DOTALL)
    assert found is not None
    return found[1].lower(), int(found[2] or 0)


def chains_of(layers: Sequence[WeightLayer], embedded: Collection[int]) -> list[Chain]:
    """Return the longest chains that take every recurrent layer, the likeliest first; none where there is no chain.

    In each, what a layer reads is as wide as what the one below gives, and none stands before one that the file
    puts before it.

    Args:
        layers: Those that may stand in a chain.
        embedded: Widths of the tables that ids may be looked up in; where there are any, the lowest reads one.
    """
    recurrent = {one.name for one in layers if one.recurrent}
    found: dict[tuple[str, ...], Chain] = {}
    longest = 0
    search = _Search(layers)
    for starts in (embedded, ()):
        search.left = _MOST_SEARCHED
        for steps in search.grown((), frozenset(range(len(layers))), starts):
            if len(steps) >= longest and recurrent <= {layers[n].name for n, _ in steps} and len(found) < _MOST_CHAINS:
                longest = len(steps)
                chain = Chain(tuple((layers[n], joined) for n, joined in steps))
                found.setdefault(tuple(one.name for one, _ in chain.layers), chain)
        if found or not embedded:
            break
    return sorted((one for one in found.values() if len(one.layers) == longest), key=_unlikely)


class _Search:
    """Looks for layers that read each other, by their numbers."""

    def __init__(self, layers: Sequence[WeightLayer]) -> None:
        self.left = 0
        """How many chains may still be looked at."""
        self.layers = layers
        every = range(len(layers))
        self.above = [frozenset(n for n in every if one.before(layers[n])) for one in layers]
        """By layer: those that the file puts behind it."""
        self.reads = [one.reads for one in layers]
        self.joined = [one.gives(True) for one in layers]
        self.merged = [one.gives(False) if one.both else -1 for one in layers]

    def grown(
        self, steps: tuple[tuple[int, bool], ...], rest: frozenset[int], starts: Collection[int]
    ) -> Iterator[tuple[tuple[int, bool], ...]]:
        """Iterate over every way to go on from a chain, itself included."""
        self.left -= 1
        if self.left < 0:
            return
        if steps:
            yield steps
        below = steps[-1][0] if steps else None
        for one in sorted(rest):
            reads = self.reads[one]
            if any(n in self.above[one] for n, _ in steps):
                continue
            if below is None:
                if not starts or reads in starts:
                    yield from self.grown(((one, True),), rest - {one}, starts)
                continue
            joined = self.joined[below] == reads
            if joined or self.merged[below] == reads:
                yield from self.grown((*steps[:-1], (below, joined), (one, True)), rest - {one}, starts)


def _unlikely(chain: Chain) -> tuple[int, ...]:
    """Return what speaks against a chain that the widths allow."""
    kinds = [one.kind for one, _ in chain.layers]
    last = max(n for n, (one, _) in enumerate(chain.layers) if one.recurrent)
    dense_below = sum(kind == "Dense" for kind in kinds[:last])
    ends_in_norm = int(kinds[-1] in NORMS)
    begins_with_norm = int(kinds[0] in NORMS)
    return sum(not joined for _, joined in chain.layers), dense_below, ends_in_norm, begins_with_norm
