"""A network as an importer understood it, before it is put together: recurrent layers and what is around them.

Every parameter stands under the name it has in the equations of its cell; no packed order is left.

A network that was found in a file, before it is planned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.model.network import FeatureExtractor
from lstm_tui.formats.importers.import_report import ImportReport


@dataclass(frozen=True, eq=False)
class Recurrent:
    """One recurrent layer.

    Attributes:
        name: The file's own name for it.
        cell: Name of a cell, or the text of its file.
        hidden: Units, H.
        inputs: Numbers in x, I.
        passes: Direction and parameters of each pass.
        merge: How two passes become one.
        without: Optional parameters that are left out.
        sizes: Free sizes of the cell.
        functions: Activations by slot (`gates`, `candidate`, `output`), where they are not the cell's own.
        initial: States before the first step by direction, where they are not 0.
        bound: What each sum is clipped to before its activation; None when it is not.
        second: The other direction, where it has a cell or sizes of its own; it has one pass, and is not in `passes`.
        residual: Whether its input is added to its hidden state before the layer above sees it.
        joined: Whether its input stands behind its hidden state in what the layer above sees.
        beside: How many numbers at the end of its input it does not read: they go past it, for layers above.
    """

    name: str
    cell: str
    hidden: int
    inputs: int
    passes: Sequence[tuple[str, Mapping[str, Array]]]
    merge: str = "concat"
    without: tuple[str, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    initial: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)
    bound: float | None = None
    second: Recurrent | None = None
    residual: bool = False
    joined: bool = False
    beside: int = 0

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions of its passes."""
        return tuple(one for one, _ in self.passes) + (() if self.second is None else self.second.directions)

    def passed_on(self, how: str) -> Recurrent:
        """Return it as a layer that shows its input too, `added` to its hidden state or `joined` to it."""
        if how == "added":
            return replace(self, residual=True)
        second = None if self.second is None else self.second.passed_on(how)
        size = self.sizes.get("P", self.hidden) + self.inputs
        return replace(self, joined=True, sizes={**self.sizes, "D": size}, second=second)


@dataclass(frozen=True, eq=False)
class Dense:
    """`y = W @ x + b` at every step."""

    name: str
    w: Array  # (out, in)
    b: Array | None = None


@dataclass(frozen=True, eq=False)
class AffineScale:
    """`y = s * x + b`, unit by unit: a trained batch normalisation."""

    name: str
    s: Array
    b: Array


@dataclass(frozen=True, eq=False)
class Norm:
    """Layer normalisation over the units of a step, with its own epsilon."""

    name: str
    epsilon: float
    s: Array | None = None
    b: Array | None = None


@dataclass(frozen=True)
class Activation:
    """A function of every number, or softmax over the units of a step."""

    name: str
    function: str


@dataclass(frozen=True)
class Gate:
    """`y = u * sigmoid(x)`, where u is what the dense layer right before it read."""

    name: str


@dataclass(frozen=True)
class Reduce:
    """A series made one vector: `last`, `first`, `mean`, `max`, `sum` over the steps, `final` or `final_cell` state."""

    how: str


@dataclass(frozen=True, eq=False)
class WrittenReadout:
    """A readout that is written already.

    Attributes:
        text: Of its file.
        given: Its parameters.
        outputs: How many numbers it says.
    """

    text: str
    given: Mapping[str, Array]
    outputs: int


@dataclass(frozen=True, eq=False)
class WrittenSteps:
    """What is computed at every step between two recurrent layers, written already.

    Attributes:
        name: The file's names of what is there.
        lines: Equations from `x` to `h`.
        given: Their parameters.
        sizes: How long each value is.
        states: What keeps the place on the tape, and the name of its first value.
        inputs: Numbers in x.
        outputs: Numbers in h.
    """

    name: str
    lines: Sequence[str]
    given: Mapping[str, Array]
    sizes: Mapping[str, int]
    states: Mapping[str, str]
    inputs: int
    outputs: int


@dataclass(frozen=True, eq=False)
class PositionEmbedding:
    """`y = x + table[t]`: the row of a place on the tape, counted from 0; behind the last row nothing is added."""

    name: str
    table: Array  # (positions, n)


@dataclass(frozen=True)
class Answering:
    """How a network of two parts answers: ids of the tokens that begin and end its answer, and how long that may be."""

    begin: int
    end: int
    most: int


Op = Dense | AffineScale | Norm | Activation | Gate | Reduce | PositionEmbedding


@dataclass(frozen=True, eq=False)
class Plan:
    """One network of a file.

    Attributes:
        name: The file's own name for it, or that of the file.
        chain: What its input goes through, in order: what follows the last recurrent layer is its readout.
        embedding: (V, E) table the ids are looked up in, or None.
        tokens: How text becomes ids, as in the description of a network, where the file says so.
        classes: Names of the outputs, where the file says so.
        front: What is run before the first recurrent layer, where that is more than a look-up.
        mask_id: The id that never enters a pass, or None.
        pad: Where a sequence of ids is padded, `pre` or `post`, and to how many; or None.
        pad_id: With what it is padded.
        mask_value: The number of which a row is full that never enters a pass, or None.
        readout: Its readout, where that is more than a row of ops.
        answers: How it answers behind what it has read; None where it says something of what it reads.
    """

    name: str
    chain: Sequence[Recurrent | Op | WrittenSteps]
    embedding: Array | None = None
    tokens: Mapping[str, Any] | None = None
    classes: tuple[str, ...] = ()
    front: FeatureExtractor | None = None
    mask_id: int | None = None
    mask_value: float | None = None
    pad: tuple[str, int] | None = None
    pad_id: int = 0
    readout: WrittenReadout | None = None
    answers: Answering | None = None


@dataclass(frozen=True)
class Found:
    """A network of a file that can be planned.

    Attributes:
        name: The file's own name for it; empty where it is the only one.
        layers: The file's own names of its recurrent layers.
        plan: Makes its plan, and says in a report what was understood.
    """

    name: str
    layers: tuple[str, ...]
    plan: Callable[[ImportReport], Plan] = field(repr=False)
