"""Encoders with decoders of Keras as networks of two parts: what is read and the answer, on one tape.

`pair_graph` tells which layers they are. What the decoder looks at (`Attention`, `AdditiveAttention`, two
`Dot` around a softmax, a layer of the author's own with two matrices and a vector) is told by the graph and the shapes;
what a layer of its author's own computes is assumed, and said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.keras.file import KerasFile
from lstm_tui.formats.importers.keras.follow import check_all
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer, floats
from lstm_tui.formats.importers.keras.graph import KerasNode
from lstm_tui.formats.importers.keras.layers import activation_name, recurrent, steps
from lstm_tui.formats.importers.keras.pair_graph import BUILT_IN, LookLayer, PairLayers
from lstm_tui.formats.importers.keras.settings import is_half
from lstm_tui.formats.importers.plan import Activation, Dense, Op, Plan
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

Weights = Callable[[KerasNode], Sequence[Array]]
_OURS = {"u": "z"}
"""Gates that cells of single layers call otherwise."""
_NOT_SAID = "the description does not say it"
_NO_CODE = "the file names the layer, and does not hold its code"


@dataclass(eq=False)
class PairReader:
    """Takes the numbers of both parts, and says what they are."""

    pair: PairLayers
    file: KerasFile
    weights: Weights
    report: ImportReport

    def plan(self) -> Plan:
        """Return the network.

        Raises:
            UnsupportedLayer: A layer cannot be stepped.
        """
        pair, report = self.pair, self.report
        read, said = (floats(self.weights(node))[0] for node in pair.tables)
        for node, table, what in zip(pair.tables, (read, said), ("read", "of the answer"), strict=True):
            check_all(node)
            report.say(
                "embedding",
                f"{visible(node.name)}, {len(table)} ids {what}",
                "confirmed",
                "the description",
            )
        encoder = [self._encoder(node, f"layer{n}") for n, node in enumerate(pair.encoder)]
        self.key = f"layer{len(encoder) + len(pair.decoder) - 1}"
        decoder = [
            self._decoder(node, index, made, f"layer{len(encoder) + n}")
            for n, (node, (index, made)) in enumerate(zip(pair.decoder, pair.begins, strict=True))
        ]
        for one in decoder:
            giver = encoder[one.begins or 0]
            for state in one.step.states:
                width = len(one.by[state].w) if state in one.by else giver.width
                if width != one.step.hidden or (state in one.by and one.by[state].w.shape[1] != giver.width):
                    raise UnsupportedLayer(
                        f"{visible(one.name)} begins with {width} numbers, and has {one.step.hidden} units"
                    )
        look = self._look(encoder[-1].width, decoder[-1].step.hidden)
        look, before, head = self._head(look, len(said))
        self._masks()
        halves = [node.name for node in (*pair.encoder, *pair.decoder, *pair.head) if is_half(node.config)]
        if halves:
            report.warnings.append(
                f"{', '.join(map(visible, halves))}: computed with half the bits in the file: numbers differ by their "
                "rounding"
            )
        mask = 0 if pair.tables[0].config.get("mask_zero") else None
        return on_one_tape(TwoParts(read, said, encoder, decoder, look, before, head, mask), report, _NOT_SAID)

    def _passes(self, node: KerasNode, key: str) -> list[tuple[str, GatedStep]]:
        """Return the passes of a recurrent layer, gate after gate, the one that reads forward first."""
        check_all(node)
        names = (
            self.file.weight_names(*self.file.place_of(node.own, node.kind, node.within))
            if self.file.form == "names"
            else []
        )
        notes = ImportReport(self.report.file, settings=self.report.settings)
        part = recurrent(node, self.weights(node), names, key, self.file.generation, notes)
        told = [f"{key}.size"]  # of the tape it is another
        self.report.facts += [fact for fact in notes.facts if fact.key not in told]
        self.report.offered += notes.offered
        self.report.warnings += notes.warnings
        if part.second is not None or part.merge != "concat" or part.cell not in GATES:
            raise UnsupportedLayer(f"{node.known_as} is no LSTM or GRU, or does not show both passes end to end")
        usual = {"gates": "sigmoid", "candidate": "tanh", "output": "tanh"}
        functions = {slot: one for slot, one in part.functions.items() if one != usual[slot]}
        made = []
        for way, given in part.passes:
            numbers = {}
            for gate in GATES[part.cell]:
                for letter in "WUbc":
                    name = f"{letter}_{_OURS.get(gate, gate)}"
                    if name in given:
                        numbers[f"{letter}_{gate}"] = given[name]
            made.append((way, GatedStep(node.name, part.cell, numbers, functions)))
        return made

    def _encoder(self, node: KerasNode, key: str) -> EncoderLayer:
        passes = self._passes(node, key)
        ways = [way for way, _ in passes]
        if ways not in (["forward"], ["forward", "backward"]):
            raise UnsupportedLayer(f"{node.known_as} of the encoder reads from the end alone")
        return EncoderLayer(node.name, passes[0][1], passes[1][1] if len(passes) > 1 else None)

    def _decoder(self, node: KerasNode, index: int, made: Mapping[str, KerasNode], key: str) -> DecoderLayer:
        passes = self._passes(node, key)
        if [way for way, _ in passes] != ["forward"]:
            raise UnsupportedLayer(f"{node.known_as} of the decoder does not read forward alone")
        giver = self.pair.encoder[index]
        said = f"as {visible(giver.name)} ends"
        if made:
            names = ", ".join(visible(one.name) for one in dict.fromkeys(made.values()))
            said = f"with {names} of the last states of {visible(giver.name)}"
        self.report.say(f"{key}.begins", said, "confirmed", "the description")
        return DecoderLayer(node.name, passes[0][1], index, {state: self._affine(one) for state, one in made.items()})

    def _affine(self, node: KerasNode) -> AffineMap:
        """Return a dense layer."""
        check_all(node)
        inner = node.inner if node.kind == "TimeDistributed" and node.inner is not None else node
        arrays = floats(self.weights(node))
        if not arrays or arrays[0].ndim != 2:
            raise UnsupportedLayer(f"{node.known_as} has no matrix")
        function = activation_name(inner.config.get("activation"), self.file.generation)
        if function == "softmax":
            raise UnsupportedLayer(f"{node.known_as} makes shares where a dense layer is looked for")
        return AffineMap(arrays[0].T, arrays[1] if len(arrays) > 1 else None, function)

    def _look(self, width: int, hidden: int) -> LookOver | None:
        """Return how the decoder looks over what was read."""
        looking, shows = self.pair.look, self.pair.shows
        if looking is None:
            return None
        node, said = looking.node, "scores, behind the step"
        query, key, value = (
            None if one is None else self._affine(one) for one in (looking.query, looking.key, looking.value)
        )
        if looking.kind == "own":
            return self._own(looking, width, hidden)
        self.report.say(f"{self.key}.attention", f"{looking.kind} {said}", "confirmed", "the description")
        asks = hidden if query is None else len(query.w)
        keys = width if key is None else len(key.w)
        if asks != keys:
            raise UnsupportedLayer(f"{node.known_as} compares {asks} numbers of the state with {keys} of what was read")
        arrays = [] if looking.dots else floats(self.weights(node))
        shapes = ", ".join("×".join(map(str, one.shape)) or "1" for one in arrays)
        look = LookOver("product", False, query=query, key=key, value=value, shows=shows)
        if looking.kind == "product":
            if len(arrays) > 1 or any(one.size != 1 for one in arrays):
                raise UnsupportedLayer(f"{node.known_as}: its weights are {shapes}, and one number is needed")
            return replace(look, scale=arrays[0] if arrays else None)
        if node.kind == "AdditiveAttention":
            if len(arrays) > 1 or any(one.size != asks for one in arrays):
                raise UnsupportedLayer(f"{node.known_as}: its weights are {shapes}, and one vector of {asks} is needed")
            v = arrays[0] if arrays else np.ones(asks, np.float32)
            return replace(look, score="additive", v=v.reshape(-1))
        scaled = bool(node.config.get("use_scale"))
        if len(arrays) != 1 + scaled or any(one.size != 1 for one in arrays):
            needed = "two numbers are" if scaled else "one number is"
            raise UnsupportedLayer(f"{node.known_as}: its weights are {shapes or 'missing'}, and {needed} needed")
        scale, weight = arrays[0] if scaled else np.ones(1, np.float32), arrays[-1]
        if float(scale.reshape(-1)[0]) != 1:  # tanh(s·(q + k)): s stands in both maps
            query, key = (
                self._scaled(one, n, float(scale.reshape(-1)[0])) for one, n in ((query, hidden), (key, width))
            )
        v = np.full(asks, weight.reshape(-1)[0], np.float32)
        return LookOver("additive", False, query=query, key=key, value=value, v=v, shows=shows)

    def _scaled(self, one: AffineMap | None, width: int, scale: float) -> AffineMap:
        if one is None:
            return AffineMap(np.eye(width, dtype=np.float32) * np.float32(scale))
        if one.function != "linear":
            of = self.pair.look.node.known_as if self.pair.look else ""
            raise UnsupportedLayer(f"{of} scales what a dense layer with an activation gives, which is not run here")
        return AffineMap(one.w * np.float32(scale), None if one.b is None else one.b * np.float32(scale))

    def _own(self, looking: LookLayer, width: int, hidden: int) -> LookOver:
        """Return how a layer of its author's own looks, by its weights: two matrices and a vector."""
        node = looking.node
        maps = self._maps(node)
        vectors = [one for one in maps if one.w.shape[0] == 1]
        matrices = [one for one in maps if one.w.shape[0] != 1]
        inner = vectors[0].w.shape[1] if len(vectors) == 1 else 0
        if len(matrices) != 2 or any(len(one.w) != inner for one in matrices):
            shapes = ", ".join("×".join(map(str, one.w.T.shape)) for one in maps) or "none"
            raise UnsupportedLayer(
                f"{node.known_as} is a program of its author's, and its weights ({shapes}) are not two matrices and "
                "a vector"
            )
        key = f"{self.key}.attention"
        first = looking.query_first
        columns = [one.w.shape[1] for one in matrices]
        fits = [columns == [hidden, width], columns == [width, hidden]]
        if not any(fits):
            raise UnsupportedLayer(
                f"{node.known_as} has matrices over {columns[0]} and {columns[1]} numbers, not {hidden} and {width}"
            )
        asking = "first"
        if all(fits):
            asking = self.report.choose(
                f"{key}_query", "first" if first else "second", ("second" if first else "first",), "assumed",
                "the order of its matrices is taken for that in which it is called",
            )  # fmt: skip
        elif fits[1]:
            asking = "second"
        query, keys = matrices if asking == "first" else matrices[::-1]
        self.report.assume(key, "additive scores, behind the step", _NO_CODE)
        bias = vectors[0].b
        return LookOver("additive", False, query=query, key=keys, v=vectors[0].w[0], v_bias=bias, shows=self.pair.shows)

    def _maps(self, node: KerasNode) -> list[AffineMap]:
        """Return the matrices of a layer of its author's own with their biases, in the order of their names."""
        if self.file.form != "vars":
            return _in_order(floats(self.weights(node)))
        place = self.file.place_of(node.own, node.kind, node.within)[0]
        groups: dict[str, list[Array]] = {}
        under = self.file.tree.under(f"layers/{place}")
        for path in sorted(under):
            inside, mark, number = path.rpartition("vars/")
            if not mark or under[path].ndim not in (1, 2) or whole_number(number) is None:
                return []
            groups.setdefault(inside or f"#{number}", []).append(floats([under[path]])[0])
        made = []
        for arrays in groups.values():
            kernel = arrays[0].reshape(len(arrays[0]), -1)
            if len(arrays) > 2 or (len(arrays) == 2 and arrays[1].shape != (kernel.shape[1],)):
                return []
            made.append(AffineMap(kernel.T, arrays[1] if len(arrays) == 2 else None))
        return made

    def _head(self, look: LookOver | None, tokens: int) -> tuple[LookOver | None, list[Op], AffineMap]:
        """Return how the decoder shows what it has, what stands above that, and the head itself."""
        ops: list[Op] = []
        for node in self.pair.head:
            check_all(node)
            ops += steps(node, self.weights(node), self.file.generation)
        shares = bool(ops) and isinstance(ops[-1], Activation) and ops[-1].function == "softmax"
        if shares:
            ops.pop()
        if not ops or not isinstance(ops[-1], Dense) or len(ops[-1].w) != tokens:
            names = ", ".join(node.known_as for node in self.pair.head) or "nothing"
            raise UnsupportedLayer(f"the head ({names}) gives no score of each of the {tokens} ids of the answer")
        last = ops.pop()
        assert isinstance(last, Dense)
        name = visible(self.pair.head[-1].name)
        self.report.say("readout", f"{name}: {tokens} tokens of the answer", "confirmed", "the description")
        if not shares:
            self.report.say("readout.softmax", "added: the file gives scores", "confirmed", "the description")
        head = AffineMap(last.w, last.b)
        if look is not None and ops and isinstance(first := ops[0], Dense):
            bends = len(ops) > 1 and isinstance(second := ops[1], Activation) and second.function != "softmax"
            function = ops[1].function if bends and isinstance(ops[1], Activation) else "linear"
            return replace(look, out=AffineMap(first.w, first.b, function)), ops[1 + bends :], head
        return look, ops, head

    def _masks(self) -> None:
        """Say what the masks of both tables do here."""
        read, said = self.pair.tables
        look = self.pair.look
        if read.config.get("mask_zero"):
            self.report.say("masking", "id 0 never enters a pass", "confirmed", "mask_zero")
            if look is not None and look.node.kind not in BUILT_IN:
                self.report.warnings.append(
                    f"{visible(look.node.name)} may look at what is masked in the file: here id 0 is not there to be "
                    "looked at"
                )
        if said.config.get("mask_zero"):
            self.report.warnings.append(
                f"{visible(said.name)} masks id 0 of the answer in the file: here the decoder reads it like any other"
            )


def _in_order(arrays: Sequence[Array]) -> list[AffineMap]:
    """Return matrices and vectors that are listed one after the other; a vector behind a third matrix is its bias."""
    if any(one.ndim not in (1, 2) for one in arrays):
        return []
    several = sum(one.ndim == 2 for one in arrays) > 2
    made: list[AffineMap] = []
    for one in arrays:
        if several and one.ndim == 1 and made and made[-1].b is None and one.shape == (len(made[-1].w),):
            made[-1] = replace(made[-1], b=one)
        else:
            made.append(AffineMap(one.reshape(len(one), -1).T))
    return made
