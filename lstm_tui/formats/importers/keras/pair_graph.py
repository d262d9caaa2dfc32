"""Encoders and decoders in the graph of a Keras model: which layers they are, and what looks over what was read.

The graph is that of training: two inputs of ids, the answer given to the decoder one token late. A decoder is a
recurrent layer that begins with the last states of another.
"""

from __future__ import annotations

from collections.abc import Mapping

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.keras.gate_layouts import UnsupportedLayer
from lstm_tui.formats.importers.keras.graph import KerasGraph, KerasNode, Ref
from lstm_tui.formats.importers.keras.layers import NOTHING
from lstm_tui.formats.importers.keras.settings import KINDS

BUILT_IN = ("Attention", "AdditiveAttention")
"""Layers of Keras that look over what was read."""
_KNOWN = ("name", "trainable", "dtype", "dropout", "seed", "use_scale", "score_mode", "autocast")
"""Their settings that are used, or have no effect on what a trained layer gives."""
_LSTM = ("LSTM", "CuDNNLSTM")


@dataclass(frozen=True, eq=False)
class PairLayers:
    """The layers of an encoder and a decoder in a graph.

    Attributes:
        encoder: Recurrent layers, from below.
        decoder: Recurrent layers, from below.
        tables: The layers that look up what is read, and the answer.
        begins: Of each layer of the decoder, the layer of the encoder that begins it, and how its states are made.
        head: What stands above, from below.
        shows: What the lowest of those reads, end to end: `h`, `z`, `y`.
        look: What looks over what was read, or None.
    """

    encoder: tuple[KerasNode, ...]
    decoder: tuple[KerasNode, ...]
    tables: tuple[KerasNode, KerasNode]
    begins: tuple[tuple[int, Mapping[str, KerasNode]], ...]
    head: tuple[KerasNode, ...]
    shows: tuple[str, ...]
    look: LookLayer | None


@dataclass(frozen=True, eq=False)
class LookLayer:
    """What looks over what was read.

    Attributes:
        node: The layer; of products, the one that sums.
        kind: `product`, `additive`, or `own` for a layer of its author's own.
        query: A dense layer between the state and the scores, or None.
        key: The same of what is read; `value` that of what is summed.
        value: As key.
        query_first: Whether the layer is called with the state first.
        dots: The layers that it is made of, where it is no layer of its own.
    """

    node: KerasNode
    kind: str
    query: KerasNode | None = None
    key: KerasNode | None = None
    value: KerasNode | None = None
    query_first: bool = True
    dots: tuple[KerasNode, ...] = ()


def decoders(graph: KerasGraph) -> list[KerasNode]:
    """Return the recurrent layers that begin with what other recurrent layers give."""
    below = {name: any(graph.nodes[one].recurrent for one in graph.before(name)) for name in graph.nodes}
    return [one for one in graph.nodes.values() if one.recurrent and any(below.get(name) for name, _ in one.reads[1:])]


@dataclass(eq=False)
class PairFinder:
    """Finds an encoder and a decoder in a graph by what reads what."""

    graph: KerasGraph

    def find(self) -> PairLayers:
        """Return them.

        Raises:
            UnsupportedLayer: They are joined in a way that is not known here; it is said which.
        """
        graph = self.graph
        ends = [one for one in graph.answers if any(node.name in graph.before(one[0]) for node in decoders(graph))]
        answer = next((one for one in ends if not graph.nodes[one[0]].recurrent), None)
        if answer is None:
            raise UnsupportedLayer("no output is made of what the decoder gives")
        head, at = self._head(answer)
        shows, state, looked = self._shown(at)
        top = self._node(state)
        if not (top.recurrent and state[1] == 0 and top.config.get("return_sequences")):
            raise UnsupportedLayer(f"{top.known_as} gives no state at every step of the answer")
        decoder, below = self._stack(top, decoding=True)
        said = self._table(below)
        first = self._giver(decoder[-1])
        look, over = (None, None) if looked is None else self._look(looked, state)
        encoder, under = self._stack(first if over is None else self._node(over), decoding=False)
        if first not in encoder:
            raise UnsupportedLayer(f"{decoder[-1].known_as} begins with {first.known_as}, and looks over another layer")
        read = self._table(under)
        if "y" in shows and len(decoder) > 1:
            raise UnsupportedLayer("its head reads the token beside a decoder of several layers")
        begins = tuple(self._begun(one, encoder) for one in decoder)
        return PairLayers(encoder, decoder, (read, said), begins, head, shows, look)

    def _node(self, ref: Ref) -> KerasNode:
        node = self.graph.nodes.get(ref[0])
        if node is None:
            raise UnsupportedLayer(f"{visible(ref[0])} is not there")
        return node

    def _through(self, ref: Ref) -> Ref:
        """Return what a tensor is where layers that do nothing when run are left out."""
        node = self._node(ref)
        while node.kind in NOTHING and node.kind != "InputLayer" and len(node.reads) == 1:
            ref = node.reads[0]
            node = self._node(ref)
        return ref

    def _head(self, answer: Ref) -> tuple[tuple[KerasNode, ...], Ref]:
        """Return what stands above what the decoder shows, from below, and what it reads."""
        head: list[KerasNode] = []
        at = answer
        while True:
            at = self._through(at)
            node = self._node(at)
            if node.recurrent or len(node.reads) != 1 or self._looks(node):
                return tuple(head), at
            head.insert(0, node)
            at = node.reads[0]

    def _looks(self, node: KerasNode) -> bool:
        return node.kind in BUILT_IN or node.kind == "Dot" or (node.kind not in KINDS and len(node.reads) > 1)

    def _shown(self, at: Ref) -> tuple[tuple[str, ...], Ref, Ref | None]:
        """Return what the head reads, the state of the decoder among it, and what was looked at."""
        node = self._node(at)
        if node.recurrent:
            return ("h",), at, None
        if self._looks(node):
            return ("z",), self._asking(node), at
        if node.kind != "Concatenate":
            raise UnsupportedLayer(f"{node.known_as} joins what the decoder gives with what it looks at")
        if node.config.get("axis", -1) not in (-1, 2):
            raise UnsupportedLayer(f"{node.known_as} joins along another axis than the units")
        shows: list[str] = []
        state: Ref | None = None
        looked: Ref | None = None
        for ref in map(self._through, node.reads):
            one = self._node(ref)
            if one.recurrent:
                shows.append("h")
                state = ref
            elif self._looks(one):
                shows.append("z")
                looked = ref
            elif one.kind == "Embedding":
                shows.append("y")
            else:
                raise UnsupportedLayer(f"{node.known_as} joins {one.known_as}, which is neither state nor attention")
        if state is None and looked is not None:
            state = self._asking(self._node(looked))
        if state is None or len(set(shows)) < len(shows):
            raise UnsupportedLayer(f"{node.known_as} does not join one state with what was looked at")
        return tuple(shows), state, looked

    def _asking(self, node: KerasNode) -> Ref:
        """Return the state of the decoder that a layer looks over what was read with."""
        begun = {one.name for one in decoders(self.graph)}
        for ref in node.reads:
            at = self._dense(ref)[0]
            if self._node(at).recurrent and begun & set(self.graph.before(at[0])):
                return at
        if node.kind == "Dot" and len(node.reads) == 2:
            return self._asking(self._scores(node)[1])
        raise UnsupportedLayer(f"{node.known_as} is not asked by a state of the decoder")

    def _dense(self, ref: Ref) -> tuple[Ref, KerasNode | None]:
        """Return what a dense layer reads, and the layer; without one, the tensor itself."""
        at = self._through(ref)
        node = self._node(at)
        inner = node.inner if node.kind == "TimeDistributed" and node.inner is not None else node
        if inner.kind != "Dense":
            return at, None
        return self._through(node.reads[0]), node

    def _scores(self, node: KerasNode) -> tuple[KerasNode, KerasNode]:
        """Return of two products around a softmax the softmax and the first product."""
        soft = self._node(self._through(node.reads[0]))
        if soft.kind not in ("Activation", "Softmax") or len(soft.reads) != 1:
            raise UnsupportedLayer(f"{node.known_as} sums by {soft.known_as}, which is no softmax")
        if soft.kind == "Activation" and soft.config.get("activation") != "softmax":
            raise UnsupportedLayer(f"{soft.known_as} makes no shares of scores")
        if soft.kind == "Softmax" and soft.config.get("axis", -1) not in (-1, 2):
            raise UnsupportedLayer(f"{soft.known_as} is not taken over what was read")
        first = self._node(self._through(soft.reads[0]))
        if first.kind != "Dot":
            raise UnsupportedLayer(f"{soft.known_as} makes shares of {first.known_as}, which is no product")
        return soft, first

    def _look(self, ref: Ref, state: Ref) -> tuple[LookLayer, Ref]:
        """Return what looks over what was read, and what it looks over."""
        node = self._node(ref)
        if ref[1] != 0:
            raise UnsupportedLayer(f"output {ref[1]} of {node.known_as} is read, which is not what it looks at")
        if node.kind == "Dot":
            return self._products(node, state)
        if node.kind in BUILT_IN:
            for name, one in node.config.items():
                if name not in _KNOWN and (name != "causal" or one):
                    said = f"{visible(str(name)[:40])}={visible(str(one)[:40])}"
                    raise UnsupportedLayer(f"{node.known_as}: its setting {said} is not known here")
            for name, one in node.named.items():
                if one not in (None, False) and name not in ("return_attention_scores", "training"):
                    raise UnsupportedLayer(f"{node.known_as}: its call is given {visible(name[:40])}")
            if len(node.reads) not in (2, 3):
                raise UnsupportedLayer(f"{node.known_as} reads {len(node.reads)} tensors")
            (query, asks), (value, of_value) = self._dense(node.reads[0]), self._dense(node.reads[1])
            key, of_key = self._dense(node.reads[2]) if len(node.reads) == 3 else (value, of_value)
            if query != state:
                raise UnsupportedLayer(f"{node.known_as} is asked first by {self._node(query).known_as}")
            if key != value:
                raise UnsupportedLayer(f"{node.known_as} takes keys of another layer than what it sums")
            kind = "additive" if node.kind == "AdditiveAttention" else "product"
            if node.config.get("score_mode", "dot") == "concat":
                kind = "additive"
            elif node.config.get("score_mode", "dot") != "dot":
                raise UnsupportedLayer(f"{node.known_as}: its score_mode is not known here")
            return LookLayer(node, kind, asks, of_key, of_value), value
        if len(node.reads) != 2:
            raise UnsupportedLayer(f"{node.known_as} is a program of its author's that reads {len(node.reads)} tensors")
        both = [self._through(one) for one in node.reads]
        if state not in both or both[0] == both[1]:
            raise UnsupportedLayer(
                f"{node.known_as} is a program of its author's, and not asked by the decoder's state"
            )
        first = both[0] == state
        return LookLayer(node, "own", query_first=first), both[1 if first else 0]

    def _products(self, node: KerasNode, state: Ref) -> tuple[LookLayer, Ref]:
        """Return what looks by two products with a softmax between them."""
        soft, first = self._scores(node)
        if node.config.get("axes") not in ([2, 1], (2, 1)) or first.config.get("axes") not in ([2, 2], (2, 2), 2):
            raise UnsupportedLayer(
                f"{node.known_as} and {first.known_as} multiply along other axes than (2, 1) and (2, 2)"
            )
        if node.config.get("normalize") or first.config.get("normalize"):
            raise UnsupportedLayer(f"{first.known_as} normalizes its vectors, which is not run here")
        (query, asks), (key, of_key) = (self._dense(one) for one in first.reads)
        value, of_value = self._dense(node.reads[1])
        if query != state or key != value:
            raise UnsupportedLayer(f"{first.known_as} does not multiply the decoder's state with what is summed")
        return LookLayer(node, "product", asks, of_key, of_value, dots=(soft, first)), value

    def _stack(self, top: KerasNode, decoding: bool) -> tuple[tuple[KerasNode, ...], Ref]:
        """Return recurrent layers of which each reads the one below, from below, and what the lowest reads."""
        found = [top]
        while True:
            if not found[0].reads:
                raise UnsupportedLayer(f"{found[0].known_as} reads numbers, and no ids of a table")
            at = self._through(found[0].reads[0])
            node = self._node(at)
            if not node.recurrent:
                return tuple(found), at
            if at[1] != 0:
                raise UnsupportedLayer(f"{found[0].known_as} reads a state of {node.known_as}, and no series")
            if not decoding and len(node.reads) > 1:
                raise UnsupportedLayer(f"{node.known_as} of the encoder begins with states of another layer")
            found.insert(0, node)

    def _table(self, ref: Ref) -> KerasNode:
        node = self._node(ref)
        if node.kind == "InputLayer":
            raise UnsupportedLayer(f"{node.known_as} gives numbers, and ids that are looked up in a table are needed")
        if node.kind != "Embedding":
            raise UnsupportedLayer(f"{node.known_as} stands below a part, and is no table of ids")
        under = self._node(self._through(node.reads[0])) if node.reads else node
        if under.kind != "InputLayer":
            raise UnsupportedLayer(f"{node.known_as} looks up what {under.known_as} makes")
        return node

    def _giver(self, node: KerasNode) -> KerasNode:
        """Return the recurrent layer whose states begin another."""
        if len(node.reads) < 2:
            raise UnsupportedLayer(f"{node.known_as} of the decoder begins with zeros")
        names = [one for one in self.graph.before(node.reads[1][0]) if self.graph.nodes[one].recurrent]
        if not names:
            raise UnsupportedLayer(f"{node.known_as} begins with what no recurrent layer gives")
        return self.graph.nodes[names[-1]]

    def _begun(self, node: KerasNode, encoder: tuple[KerasNode, ...]) -> tuple[int, Mapping[str, KerasNode]]:
        """Return with which layer of the encoder a layer of the decoder begins, and the dense layers between them."""
        states = ("h", "c") if node.kind in _LSTM else ("h",)
        giver = self._giver(node)
        if giver not in encoder:
            raise UnsupportedLayer(
                f"{node.known_as} begins with {giver.known_as}, which is not below what it looks over"
            )
        if len(node.reads) != 1 + len(states):
            raise UnsupportedLayer(f"{node.known_as} is given {len(node.reads) - 1} states, and has {len(states)}")
        made: dict[str, KerasNode] = {}
        for state, ref in zip(states, node.reads[1:], strict=True):
            at, dense = self._dense(ref)
            if dense is not None:
                made[state] = dense
            joined = self._node(at)
            parts = [self._through(one) for one in joined.reads] if joined.kind == "Concatenate" else [at]
            if parts != self._ends(giver, state):
                raise UnsupportedLayer(
                    f"{node.known_as} begins with other tensors of {giver.known_as} than its last {state}"
                )
        return encoder.index(giver), made

    def _ends(self, giver: KerasNode, state: str) -> list[Ref]:
        """Return the tensors that are a last state of a layer, of each of its passes."""
        inner = giver.inner if giver.kind == "Bidirectional" and giver.inner is not None else giver
        per = 2 if inner.kind in _LSTM else 1
        number = 1 + (state == "c")
        if per == 1 and state == "c":
            raise UnsupportedLayer(f"{giver.known_as} has no memory to begin with")
        return [(giver.name, number + per * way) for way in range(2 if inner is not giver else 1)]
