"""Encoders and decoders with attention as PyTorch programs save them together: one file, one tape.

Three families of names. That of the PyTorch tutorial (`decoder.attention.Wa`, `Ua`, `Va`) and that of a small network
over state and token (`decoder.attention.attn`, `v`): Bahdanau's scores, taken before the step, and what is read beside
the token in front of the decoder. That of OpenNMT (`decoder.attn.linear_in`, `linear_out`, `v`): scores after the step,
what is read joined with the state; with input feeding where the recurrent layer is one of single cells. The encoder may
have several layers and read both ways. Everything else is left to the other ways of opening a file, which name the
tensors of attention as not used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Found, Plan
from lstm_tui.formats.importers.released.blocks_in_file import FileTensors
from lstm_tui.formats.importers.two_parts.one_tape import on_one_tape
from lstm_tui.formats.importers.two_parts.parts import (
    GATES,
    AffineMap,
    DecoderLayer,
    EncoderLayer,
    GatedStep,
    LookOver,
    TwoParts,
)

_WEIGHT = re.compile(r"(?P<root>(?:.*\.)?)(?P<name>rnn|gru|lstm)\.(?:weight_ih_l0|layers\.0\.weight_ih)\Z")
_MARKS = {
    "tutorial": re.compile(r"(?P<at>.*)\bWa\.weight\Z"),
    "joined": re.compile(r"(?P<at>.*)\battn\.weight\Z"),
    "opennmt": re.compile(r"(?P<at>(?:.*\.)?attn\.)linear_out\.weight\Z"),
}
"""By family, the tensor that tells it, behind what its attention is called."""
_TABLE = re.compile(r"embed", re.IGNORECASE)
_CELLS = {"gru": 3, "lstm": 4}
"""Gates by cell, in the order in which PyTorch packs them, as `GATES` has them."""


@dataclass(frozen=True)
class _Part:
    """One recurrent module of a file, and what stands around it.

    Attributes:
        root: What the names of its side begin with.
        module: What the names of the module begin with.
        cell: gru or lstm.
        single: Whether it is a stack of single cells, which a program steps by itself.
        layers: How many it has.
        both: Whether it reads both ways.
    """

    root: str
    module: str
    cell: str
    single: bool
    layers: int
    both: bool

    def tensor(self, kind: str, layer: int, back: bool = False) -> str:
        """Return the name of `weight_ih`, `bias_hh` … of a layer."""
        if self.single:
            return f"{self.module}layers.{layer}.{kind}"
        return f"{self.module}{kind}_l{layer}{'_reverse' if back else ''}"


def is_attention(name: str) -> bool:
    """Say whether a tensor is called as the attention of a decoder is that is opened here."""
    return any(mark.match(name) is not None for mark in _MARKS.values())


def find_encoder_decoder(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the encoder and decoder of a file as one network; none where their names are not these."""
    matches = [match for name in tensors if (match := _WEIGHT.match(name))]
    parts = [part for match in matches if (part := _part(match, tensors)) is not None]
    marks = [(kind, found["at"]) for kind, mark in _MARKS.items() for name in tensors if (found := mark.match(name))]
    if not marks or len(matches) != 2 or len(parts) != 2:
        return []
    kind, at = marks[0]
    decoder = next((one for one in parts if one.root and at.startswith(one.root)), None)
    encoder = next((one for one in parts if one is not decoder), None)
    if decoder is None or encoder is None or decoder.both or encoder.single:
        return []
    if kind == "joined" and not any(f"{at}{one}" in tensors for one in ("v", "v.weight")):
        return []

    def plan(report: ImportReport) -> Plan:
        return _Reading(FileTensors(where, tensors), report, encoder, decoder).plan(kind, at)

    return [Found("", (encoder.module.rstrip("."), decoder.module.rstrip(".")), plan)]


def _part(match: re.Match[str], tensors: Mapping[str, Array]) -> _Part | None:
    """Return the module of a matched tensor; None where it is no GRU or LSTM with all its tensors, or has others."""
    single = "layers.0" in match.group()
    module = f"{match['root']}{match['name']}."
    inner = tensors.get(f"{module}{'layers.0.weight_hh' if single else 'weight_hh_l0'}")
    if inner is None or inner.ndim != 2:
        return None
    cell = next((cell for cell, gates in _CELLS.items() if len(inner) == gates * inner.shape[1] > 0), None)
    if cell is None:
        return None
    both = f"{module}weight_ih_l0_reverse" in tensors
    count = sum(
        1
        for n in range(len(tensors))
        if f"{module}{f'layers.{n}.weight_ih' if single else f'weight_ih_l{n}'}" in tensors
    )
    part = _Part(match["root"], module, cell, single, count, both)
    wanted = {
        part.tensor(kind, layer, back)
        for layer in range(count) for back in ((False, True) if both else (False,))
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }  # fmt: skip
    own = {name for name in tensors if name.startswith(module)}
    return part if own == wanted else None


class _Reading:
    """Takes the tensors of both parts, and says what they are."""

    def __init__(self, tensors: FileTensors, report: ImportReport, encoder: _Part, decoder: _Part) -> None:
        self.tensors, self.report, self.encoder, self.decoder = tensors, report, encoder, decoder
        self.hidden = len(tensors.all[decoder.tensor("weight_hh", 0)][0])
        self.top = len(tensors.all[encoder.tensor("weight_hh", 0)][0]) * (1 + encoder.both)
        """Numbers that the encoder says of a token."""

    def plan(self, kind: str, at: str) -> Plan:
        """Return the network of a family whose attention has names that begin so."""
        tensors, report = self.tensors, self.report
        read, said = self._table(self.encoder, "encoder"), self._table(self.decoder, "decoder")
        layers = [
            EncoderLayer(f"{self.encoder.module.rstrip('.')}{f' {n}' * (self.encoder.layers > 1)}",
                         self._step(self.encoder, n, f"layer{n}"),
                         self._step(self.encoder, n, f"layer{n}", True) if self.encoder.both else None)
            for n in range(self.encoder.layers)
        ]  # fmt: skip
        own = said.shape[1]
        self.key = f"layer{len(layers)}"
        """What facts of the decoder begin with."""
        looks = {"tutorial": self._tutorial, "joined": self._joined, "opennmt": self._opennmt}
        steps = [self._step(self.decoder, n, f"layer{len(layers) + n}") for n in range(self.decoder.layers)]
        look = looks[kind](at, own, steps)
        decoder = self._begun(steps)
        for n in range(len(layers)):
            report.say(f"layer{n}.cell", f"{self.encoder.cell}, an encoder", "inferred", "names and shapes")
            if self.encoder.both:
                report.say(f"layer{n}.directions", "both, concat", "inferred", "names and shapes")
        shown = {"h": self.hidden, "z": self.top, "y": own}
        width = len(look.out.w) if look.out is not None else sum(shown[one] for one in look.shows)
        head = self._head(width, len(said))
        tensors.tell(report)
        return on_one_tape(TwoParts(read, said, layers, decoder, look, (), head), report)

    def _table(self, part: _Part, said: str) -> Array:
        """Return the table of ids of a part.

        Raises:
            UserError: There is none, or several.
        """
        names = [
            name for name, one in self.tensors.all.items()
            if name.startswith(part.root) and _TABLE.search(name) and one.ndim == 2 and name.endswith("weight")
        ]  # fmt: skip
        if len(names) != 1:
            raise UserError(f"{self.tensors.where}: the {said} has {len(names)} tables of ids, and one is needed")
        return self.tensors.take(names[0], "embedding", -1, -1)

    def _step(self, part: _Part, layer: int, key: str, back: bool = False) -> GatedStep:
        """Return a layer of a part, gate after gate."""
        kinds = {kind: self.tensors.take(part.tensor(kind, layer, back), key, *([-1] * (2 if "weight" in kind else 1)))
                 for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
        gates = GATES[part.cell]
        split = {kind: np.split(one, len(gates)) for kind, one in kinds.items()}
        given: dict[str, Array] = {}
        for n, gate in enumerate(gates):
            given[f"W_{gate}"], given[f"U_{gate}"] = split["weight_ih"][n], split["weight_hh"][n]
            given[f"b_{gate}"] = split["bias_ih"][n] + split["bias_hh"][n]
        if part.cell == "gru":  # the reset gate reaches one of the two biases of the candidate
            given["b_n"], given["c_n"] = split["bias_ih"][2], split["bias_hh"][2]
        return GatedStep(part.module.rstrip("."), part.cell, given)

    def _begun(self, steps: list[GatedStep]) -> list[DecoderLayer]:
        """Return the layers of the decoder with what each begins with.

        Raises:
            UserError: The states of both parts fit no way that is known.
        """
        where, encoder = self.tensors.where, self.encoder
        if len(steps) not in (1, encoder.layers):
            raise UserError(f"{where}: {len(steps)} layers of the decoder begin with those of {encoder.layers}")
        above = encoder.layers - 1 if len(steps) == 1 else 0
        bridge = f"{encoder.root}fc.weight"
        by: dict[str, AffineMap] = {}
        how = "as the encoder ends" if not encoder.both else "with both passes of the encoder, end to end"
        if self.tensors.has(bridge) and len(steps) == 1:
            w = self.tensors.take(bridge, self.key, self.hidden, self.top)
            b = self.tensors.maybe(f"{encoder.root}fc.bias", self.key, self.hidden)
            by["h"], how = AffineMap(w, b, "tanh"), "tanh of a dense layer over the encoder's last states"
            if self.decoder.cell == "lstm":
                raise UserError(f"{where}: {visible(bridge)} makes one state, and a decoder of LSTM has two")
        elif self.top != self.hidden:
            raise UserError(
                f"{where}: encoder and decoder have states of other sizes ({self.top} and {self.hidden}), "
                "and one begins the other"
            )
        if encoder.cell != self.decoder.cell:
            raise UserError(f"{where}: a decoder of {self.decoder.cell} begins with the states of {encoder.cell}")
        if encoder.layers > len(steps):
            how += f", of its layer {above}"
        self.report.assume(f"{self.key}.begins", how, NOT_RECORDED)
        name = self.decoder.module.rstrip(".")
        return [DecoderLayer(f"{name}{f' {n}' * (len(steps) > 1)}", one, above + n, by) for n, one in enumerate(steps)]

    def _alone(self, steps: list[GatedStep], why: str) -> None:
        """Refuse several layers of a decoder of which the lowest reads what the top one gives.

        Raises:
            UserError: There are several.
        """
        if len(steps) > 1:
            raise UserError(
                f"{self.tensors.where}: {len(steps)} layers of {visible(self.decoder.module)} cannot be run: "
                f"the lowest reads {why}"
            )

    def _reads(self, steps: list[GatedStep], own: int, more: int, what: str) -> bool:
        """Say whether the lowest step reads a token and more; otherwise it reads a token alone.

        Raises:
            UserError: It reads neither.
        """
        if steps[0].inputs not in (own, own + more):
            raise UserError(
                f"{self.tensors.where}: {visible(self.decoder.module)} reads {steps[0].inputs} numbers, "
                f"and not {own} of a token and {more} {what}"
            )
        return steps[0].inputs == own + more

    def _looks_before(self, steps: list[GatedStep], own: int) -> None:
        """Refuse a decoder that reads nothing of the encoder beside a token, or that has several layers."""
        if not self._reads(steps, own, self.top, "that are read of the encoder"):
            raise UserError(
                f"{self.tensors.where}: {visible(self.decoder.module)} reads {own} numbers, none of the encoder"
            )
        self._alone(steps, "what is looked at by the state of the top one")

    def _tutorial(self, root: str, own: int, steps: list[GatedStep]) -> LookOver:
        """Return how a decoder looks before its step, as the tutorial writes it."""
        self._looks_before(steps, own)
        inner = len(self.tensors.take(f"{root}Wa.weight", self.key, -1, self.hidden))
        maps = {}
        for name, rows, columns in (("Wa", inner, self.hidden), ("Ua", inner, self.top), ("Va", 1, inner)):
            maps[name] = AffineMap(
                self.tensors.take(f"{root}{name}.weight", self.key, rows, columns),
                self.tensors.maybe(f"{root}{name}.bias", self.key, rows),
            )
        self._tell("additive scores, before the step", "the names Wa, Ua and Va", "token, then what is read")
        return LookOver("additive", True, query=maps["Wa"], key=maps["Ua"], v=maps["Va"].w[0], v_bias=maps["Va"].b)

    def _joined(self, root: str, own: int, steps: list[GatedStep]) -> LookOver:
        """Return how a decoder looks before its step by one dense layer over its state and a token."""
        self._looks_before(steps, own)
        w = self.tensors.take(f"{root}attn.weight", self.key, -1, self.hidden + self.top)
        b = self.tensors.maybe(f"{root}attn.bias", self.key, len(w))
        name = f"{root}v" if self.tensors.has(f"{root}v") else f"{root}v.weight"
        v = self.tensors.take(name, self.key, *((-1,) if name.endswith("v") else (1, len(w)))).reshape(-1)
        self._tell("additive scores, before the step", "the names attn and v", "token, then what is read")
        self.report.assume(f"{self.key}.scored", "state, then what the encoder says", NOT_RECORDED)
        heads = self._heads_of(self.hidden + self.top + own)
        shows = ("h", "z", "y") if heads else ("h",)
        if heads:
            self.report.assume(f"{self.key}.shown", "state, what is read, token", NOT_RECORDED)
        key = AffineMap(w[:, self.hidden :])
        return LookOver("additive", True, query=AffineMap(w[:, : self.hidden], b), key=key, v=v, shows=shows)

    def _opennmt(self, root: str, own: int, steps: list[GatedStep]) -> LookOver:
        """Return how a decoder looks behind its step, as OpenNMT writes it."""
        tensors, key, hidden, top = self.tensors, self.key, self.hidden, self.top
        feeds = self._reads(steps, own, hidden, "that it showed a step before")
        if feeds:
            self._alone(steps, "what the top one showed a step before")
        out = AffineMap(
            tensors.take(f"{root}linear_out.weight", key, hidden, top + hidden),
            tensors.maybe(f"{root}linear_out.bias", key, hidden), "tanh",
        )  # fmt: skip
        shows = ("z", "h")
        if tensors.has(f"{root}linear_in.weight"):
            kind = "general"
            query = AffineMap(tensors.take(f"{root}linear_in.weight", key, top, hidden))
            look = LookOver("product", False, feeds, query, shows=shows, out=out)
        elif tensors.has(f"{root}v.weight"):
            kind = "additive"
            query = AffineMap(
                tensors.take(f"{root}linear_query.weight", key, -1, hidden),
                tensors.take(f"{root}linear_query.bias", key, -1),
            )
            keys = AffineMap(tensors.take(f"{root}linear_context.weight", key, len(query.w), top))
            v = tensors.take(f"{root}v.weight", key, 1, len(query.w))[0]
            look = LookOver("additive", False, feeds, query, keys, v=v, shows=shows, out=AffineMap(out.w, out.b))
        elif top != hidden:
            raise UserError(f"{tensors.where}: a state of {hidden} numbers is multiplied with {top} of the encoder")
        else:
            kind, look = "dot", LookOver("product", False, feeds, shows=shows, out=out)
        self._tell(f"{kind} scores, behind the step", "names of its tensors", "what is read, then the state")
        if feeds:
            self.report.say(
                f"{key}.feeding", "its output goes into the next step", "inferred", "the width of its input"
            )
        return look

    def _tell(self, attention: str, why: str, order: str) -> None:
        self.report.say(f"{self.key}.cell", f"{self.decoder.cell}, a decoder", "inferred", "names and shapes")
        self.report.say(f"{self.key}.attention", attention, "inferred", why)
        self.report.assume(f"{self.key}.joined", order, NOT_RECORDED)

    def _heads_of(self, width: int) -> list[str]:
        """Return the tensors that could be a dense layer over so many numbers, above the decoder."""
        return [
            name for name, one in self.tensors.all.items()
            if name not in self.tensors.parts and one.ndim == 2 and one.shape[1] == width and not _TABLE.search(name)
        ]  # fmt: skip

    def _head(self, width: int, tokens: int) -> AffineMap:
        """Return the dense layer above.

        Raises:
            UserError: There is none of that shape.
        """
        names = [name for name in self._heads_of(width) if len(self.tensors.all[name]) == tokens]
        if len(names) != 1:
            raise UserError(f"{self.tensors.where}: {len(names)} tensors are {tokens}×{width}, and one is the head")
        bias = f"{names[0].removesuffix('weight')}bias"
        self.report.say("readout", f"dense, softmax: {tokens} tokens of the answer", "inferred", "its shape")
        return AffineMap(
            self.tensors.take(names[0], "readout", tokens, width), self.tensors.maybe(bias, "readout", tokens)
        )
