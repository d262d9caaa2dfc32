"""An encoder and a decoder as an importer understood them, before their pages of equations are written.

Whoever reads a file fills this in; `part_pages` writes the equations, and `one_tape` the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.plan import Op

GATES = {"lstm": ("i", "f", "g", "o"), "gru": ("r", "u", "n"), "gru_reset_before": ("r", "u", "n")}
"""Gates by cell, as our pages call them: `u` keeps, `n` is the candidate."""


@dataclass(frozen=True, eq=False)
class GatedStep:
    """One recurrent step.

    Attributes:
        name: The file's own name for its layer.
        cell: lstm, gru or gru_reset_before.
        given: `W_r` (H, inputs), `U_r` (H, H), `b_r` (H) …, and `c_n` (H) of a gru.
        functions: Activations by slot (`gates`, `candidate`, `output`), where they are not sigmoid and tanh.
    """

    name: str
    cell: str
    given: Mapping[str, Array]
    functions: Mapping[str, str] = field(default_factory=dict)

    @property
    def hidden(self) -> int:
        """Units, H."""
        return int(self.given[f"U_{GATES[self.cell][0]}"].shape[1])

    @property
    def inputs(self) -> int:
        """Numbers that it reads."""
        return int(self.given[f"W_{GATES[self.cell][0]}"].shape[1])

    @property
    def states(self) -> tuple[str, ...]:
        """Its states."""
        return ("h", "c") if self.cell == "lstm" else ("h",)

    @property
    def form(self) -> tuple[str, tuple[tuple[str, str], ...], tuple[str, ...]]:
        """What decides its equations."""
        return self.cell, tuple(sorted(self.functions.items())), tuple(sorted(self.given))


@dataclass(frozen=True, eq=False)
class EncoderLayer:
    """One layer of an encoder.

    Attributes:
        name: The file's own name for it.
        ahead: The pass that reads from the first token.
        back: The pass that reads from the last, where there is one; both are shown end to end.
    """

    name: str
    ahead: GatedStep
    back: GatedStep | None = None

    @property
    def width(self) -> int:
        """Numbers that it says of every token."""
        return self.ahead.hidden + (0 if self.back is None else self.back.hidden)


@dataclass(frozen=True, eq=False)
class AffineMap:
    """`function(w @ v + b)`."""

    w: Array
    b: Array | None = None
    function: str = "linear"


@dataclass(frozen=True, eq=False)
class DecoderLayer:
    """One layer of a decoder.

    Attributes:
        name: The file's own name for it.
        step: Its step; the columns of each W read the token or the layer below, then what is fed or looked at.
        begins: The layer of the encoder whose last states begin it; None where it begins with zeros.
        by: How each state is made of those, both passes end to end; one that is not named is taken as it is.
    """

    name: str
    step: GatedStep
    begins: int | None
    by: Mapping[str, AffineMap] = field(default_factory=dict)


Score = Literal["additive", "product"]


@dataclass(frozen=True, eq=False)
class LookOver:
    """How a decoder looks over what was read.

    Attributes:
        score: A small network over key and query (Bahdanau 2014), or their product (Luong 2015).
        before: Whether it looks before its step, by the state before, and its step reads what was found.
        feeds: Whether what the step before showed goes into the step.
        query: What becomes of the state that asks; None where it is the state.
        key: What becomes of what the encoder says of a token, as the scores see it; None where it is just that.
        value: The same for what is read.
        v: Of additive scores, what the match is multiplied with.
        v_bias: What is added to each additive score.
        scale: What a product is multiplied with.
        shows: What the decoder shows, end to end: `h` its state, `z` what was read, `y` the token it read.
        out: What becomes of that.
    """

    score: Score
    before: bool
    feeds: bool = False
    query: AffineMap | None = None
    key: AffineMap | None = None
    value: AffineMap | None = None
    v: Array | None = None
    v_bias: Array | None = None
    scale: Array | None = None
    shows: tuple[str, ...] = ("h",)
    out: AffineMap | None = None


@dataclass(frozen=True, eq=False)
class TwoParts:
    """A network of two parts.

    Attributes:
        read: The table of ids that are read, (V, E).
        said: The table of ids of the answer.
        encoder: Its layers, from below.
        decoder: Its layers, from below.
        look: How the decoder looks over what was read; None where it does not.
        before_head: What stands between what the decoder shows and the head, at every step.
        head: From there to a score of each id of the answer, whose softmax it says.
        mask_id: The id that the encoder never reads, or None.
    """

    read: Array
    said: Array
    encoder: Sequence[EncoderLayer]
    decoder: Sequence[DecoderLayer]
    look: LookOver | None
    before_head: Sequence[Op]
    head: AffineMap
    mask_id: int | None = None
