"""Encoders and decoders with attention as PyTorch programs save them together: one file, one tape.

Two families of names. That of the PyTorch tutorial (`decoder.attention.Wa`, `Ua`, `Va`): Bahdanau's scores, taken
before the step, and what is read beside the token in front of a GRU. That of OpenNMT (`decoder.attn.linear_in`,
`linear_out`, `v`): scores after the step, what is read joined with the state; with input feeding where the recurrent
layer is one of single cells. The encoder is one recurrent layer that reads forward. Everything else is left to the
other ways of opening a file, which name the tensors of attention as not used.

The tape holds what is read and then the answer. A row of the embedding says which of both a token is (±1), then what
the encoder has for it, then what the decoder has: one of the two is 0. Each part stands still while the other works.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number
from lstm_tui.formats.importers.import_report import NOT_RECORDED, ImportReport
from lstm_tui.formats.importers.plan import Answering, Found, Plan, Recurrent, WrittenReadout
from lstm_tui.formats.importers.released.blocks_in_file import FileTensors

_WEIGHT = re.compile(r"(?P<root>(?:.*\.)?)(?P<name>rnn|gru|lstm)\.(?:weight_ih_l0|layers\.0\.weight_ih)\Z")
_BEFORE, _BEHIND = re.compile(r"\.Wa\.weight\Z"), re.compile(r"(?:\A|\.)attn\.linear_out\.weight\Z")
_TABLE = re.compile(r"embed", re.IGNORECASE)
_GATES = {"gru": ("r", "u", "n"), "lstm": ("i", "f", "g", "o")}
"""Gates in the order in which PyTorch packs them, as our pages call them."""
PLACES, MOST = 64, 64
"""Places that the decoder looks over, and tokens of an answer, where nothing is said."""
_NEVER = -1e4
"""Score of a token that is only read: as a share it is 0."""


@dataclass(frozen=True)
class _Part:
    """One recurrent layer of a file, and what stands around it.

    Attributes:
        root: What the names of its side begin with.
        layer: What the names of the layer begin with.
        cell: gru or lstm.
        single: Whether it is a stack of single cells, which a program steps by itself.
    """

    root: str
    layer: str
    cell: str
    single: bool

    def tensor(self, kind: str) -> str:
        """Return the name of `weight_ih`, `bias_hh` …"""
        return f"{self.layer}layers.0.{kind}" if self.single else f"{self.layer}{kind}_l0"


def is_attention(name: str) -> bool:
    """Say whether a tensor is called as the attention of a decoder is that is opened here."""
    return _BEFORE.search(name) is not None or _BEHIND.search(name) is not None


def find_encoder_decoder(tensors: Mapping[str, Array], where: str) -> list[Found]:
    """Return the encoder and decoder of a file as one network; none where their names are not these."""
    matches = [match for name in tensors if (match := _WEIGHT.match(name))]
    parts = [part for match in matches if (part := _part(match, tensors)) is not None]
    bahdanau = next((name for name in tensors if _BEFORE.search(name)), None)
    luong = next((name for name in tensors if _BEHIND.search(name)), None)
    mark = bahdanau or luong
    if mark is None or len(matches) != 2 or len(parts) != 2:
        return []
    decoder = next((one for one in parts if one.root and mark.startswith(one.root)), None)
    encoder = next((one for one in parts if one is not decoder), None)
    if decoder is None or encoder is None or not (_is_plain(encoder, tensors) and _is_plain(decoder, tensors)):
        return []

    def plan(report: ImportReport) -> Plan:
        return _Reading(FileTensors(where, tensors), report, encoder, decoder).plan(bahdanau)

    return [Found("", (encoder.layer.rstrip("."), decoder.layer.rstrip(".")), plan)]


def _part(match: re.Match[str], tensors: Mapping[str, Array]) -> _Part | None:
    """Return the layer of a matched tensor; None where it is not a GRU or an LSTM, or lies in other parts."""
    single = "layers.0" in match.group()
    inner = tensors.get(f"{match['root']}{match['name']}.{'layers.0.weight_hh' if single else 'weight_hh_l0'}")
    if inner is None or inner.ndim != 2:
        return None
    cell = next((cell for cell, gates in _GATES.items() if len(inner) == len(gates) * inner.shape[1] > 0), None)
    return None if cell is None else _Part(match["root"], f"{match['root']}{match['name']}.", cell, single)


def _is_plain(part: _Part, tensors: Mapping[str, Array]) -> bool:
    """Say whether a part is one layer that reads forward, with all four tensors."""
    more = ("weight_ih_l1", "weight_ih_l0_reverse", "weight_hr_l0", "layers.1.weight_ih")
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return all(part.tensor(kind) in tensors for kind in kinds) and not any(part.layer + one in tensors for one in more)


class _Reading:
    """Takes the tensors of both parts, and says what they are."""

    def __init__(self, tensors: FileTensors, report: ImportReport, encoder: _Part, decoder: _Part) -> None:
        self.tensors, self.report, self.encoder, self.decoder = tensors, report, encoder, decoder
        self.hidden = len(tensors.all[decoder.tensor("weight_hh")][0])

    def plan(self, bahdanau: str | None) -> Plan:
        """Return the network."""
        tensors, report = self.tensors, self.report
        read, said = self._table(self.encoder, "encoder"), self._table(self.decoder, "decoder")
        layer = self._encoder(read.shape[1], said.shape[1])
        if len(tensors.all[self.encoder.tensor("weight_hh")][0]) != self.hidden:
            raise UserError(
                f"{tensors.where}: encoder and decoder have states of other sizes, and one begins the other"
            )
        places = self._number("places", PLACES)
        decoder, output = (self._before if bahdanau else self._after)(bahdanau or "", said.shape[1], places)
        head, bias = self._head(output, len(said))
        width = 1 + read.shape[1] + said.shape[1]
        table = np.zeros((len(read) + len(said), width), np.float32)
        table[: len(read), 0], table[len(read) :, 0] = -1, 1
        table[: len(read), 1 : 1 + read.shape[1]], table[len(read) :, 1 + read.shape[1] :] = read, said
        begin, end = (self._number(f"answers.{key}", n, len(said)) for n, key in enumerate(("begin", "end")))
        report.say(
            "tokens", f"{len(read)} that are read, then {len(said)} of the answer", "inferred", "two tables of ids"
        )
        tensors.tell(report)
        weights = np.zeros((len(table), head.shape[1]), head.dtype)
        weights[len(read) :] = head
        biases = np.full(len(table), _NEVER, head.dtype)
        biases[len(read) :] = 0 if bias is None else bias
        words = [*map(str, range(len(read))), *(f"a{n}" for n in range(len(said)))]
        return Plan(
            "", (layer, decoder), embedding=table,
            tokens={"kind": "words", "lowercase": False, "vocabulary": words},
            readout=WrittenReadout(_HEAD, {"V_y": weights, "b_y": biases}, len(table)),
            answers=Answering(len(read) + begin, len(read) + end, self._number("answers.most", MOST)),
        )  # fmt: skip

    def _number(self, key: str, usual: int, below: int = 1 << 12) -> int:
        text = self.report.choose(key, str(usual), [], "assumed", NOT_RECORDED, free=True)
        number = whole_number(text)
        if number is None or not 0 <= number < below:
            raise UserError(f"{self.tensors.where}: --set {key}={visible(text[:40])} is no number below {below}")
        return number

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

    def _gates(self, part: _Part, name: str) -> tuple[dict[str, Array], Array, Array]:
        """Return the recurrent weights and biases of a part, and its packed input weights, gate after gate."""
        kinds = {kind: self.tensors.take(part.tensor(kind), name, *([-1] * (2 if "weight" in kind else 1)))
                 for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
        gates = _GATES[part.cell]
        split = {kind: np.split(one, len(gates)) for kind, one in kinds.items()}
        given: dict[str, Array] = {}
        for n, gate in enumerate(gates):
            given[f"U_{gate}"] = split["weight_hh"][n]
            given[f"b_{gate}"] = split["bias_ih"][n] + split["bias_hh"][n]
        if part.cell == "gru":  # the reset gate reaches one of the two biases of the candidate
            given["b_n"], given["c_n"] = split["bias_ih"][2], split["bias_hh"][2]
        return given, kinds["weight_ih"], np.array(gates)

    def _encoder(self, read: int, said: int) -> Recurrent:
        part, width = self.encoder, 1 + read + said
        given, packed, gates = self._gates(part, "layer0")
        for gate, rows in zip(gates, np.split(packed, len(gates)), strict=True):
            given[f"W_{gate}"] = np.zeros((len(rows), width), rows.dtype)
            given[f"W_{gate}"][:, 1 : 1 + read] = rows
        given["p_turn"] = np.eye(1, width, dtype=packed.dtype)[0]
        given["V_y"] = np.zeros((said, width), packed.dtype)
        given["V_y"][:, 1 + read :] = np.eye(said)
        lines = [
            "turn = step(dot(p_turn, x))   # turn: 0 at a token that is read, 1 at one of the answer",
            "y = V_y @ x   # own token: the token as the decoder reads it",
            *_step(part.cell, "{gate} @ x", "turn * {state} + (1 - turn) * ({new})"),
        ]
        states = ["h"] + ["c"] * (part.cell == "lstm")
        page = _page(f"{part.cell}_encoder_file", "Encoder of the file: it stands still while it is answered", states,
                     {"turn": "1", "y": '"Y"'}, "", lines)  # fmt: skip
        self.report.say("layer0.cell", f"{part.cell}, an encoder", "inferred", "names and shapes")
        self.report.say("layer0.size", str(self.hidden), "confirmed", "shapes of its weights")
        hidden = given["U_n" if part.cell == "gru" else "U_o"].shape[1]
        return Recurrent(part.layer.rstrip("."), page, hidden, width, (("forward", given),), sizes={"Y": said})

    def _begun(self, state: str) -> str:
        """Return how a state of the decoder begins: as that of the encoder at the last token that is read."""
        return f"turn * ({{new}}) + (1 - turn) * {'x' if state == 'h' else 'c_in'}"

    def _before(self, mark: str, said: int, places: int) -> tuple[Recurrent, int]:
        """Return a decoder that looks before its step: Bahdanau's, as the tutorial writes it."""
        part, tensors = self.decoder, self.tensors
        root = mark.removesuffix("Wa.weight")
        given, packed, gates = self._gates(part, "layer1")
        if packed.shape[1] != said + self.hidden:
            what = f"{said} numbers of a token and {self.hidden} that are read of the encoder"
            raise UserError(f"{tensors.where}: {visible(part.layer)} reads {packed.shape[1]} numbers, and not {what}")
        for gate, rows in zip(gates, np.split(packed, len(gates)), strict=True):
            given[f"W_{gate}"], given[f"C_{gate}"] = rows[:, :said], rows[:, said:]
        inner = len(tensors.take(f"{root}Wa.weight", "layer1", -1, self.hidden))
        given |= {
            "W_a": tensors.take(f"{root}Wa.weight", "layer1", inner, self.hidden),
            "U_a": tensors.take(f"{root}Ua.weight", "layer1", inner, self.hidden),
            "v_a": tensors.take(f"{root}Va.weight", "layer1", 1, inner)[0],
        }
        for name, key, size in (("Wa", "b_a", inner), ("Ua", "b_k", inner), ("Va", "b_v", 1)):
            found = tensors.maybe(f"{root}{name}.bias", "layer1", size)
            given[key] = np.zeros(size, np.float32) if found is None else found
        given["b_v"] = np.full(places, given["b_v"][0], np.float32)
        lines = [
            *_COLLECTED,
            "K = K + outer(here, U_a @ x + b_k)   # keys: a row a token, as the scores see it",
            "E = tanh(K + by_column(W_a @ h + b_a))   # match: each key beside what the state before asks for",
            "e = E @ v_a + b_v - 1000 * (1 - open)   # score: how well each place answers",
            *_READ,
            *_step(part.cell, "{gate} @ y + C_{letter} @ z", self._begun),
        ]
        self._tell("additive scores, before the step", "the names Wa, Ua and Va", "token, then what is read")
        sizes = {"K": '["N", "Q"]', "E": '["N", "Q"]'}
        return self._decoder(lines, given, sizes, {"N": places, "Y": said, "Q": inner}, ["K"], "h"), self.hidden

    def _after(self, mark: str, said: int, places: int) -> tuple[Recurrent, int]:
        """Return a decoder that looks behind its step: Luong's, as OpenNMT writes it."""
        part, tensors = self.decoder, self.tensors
        root = next(name for name in tensors.all if name.endswith("attn.linear_out.weight"))
        root = root.removesuffix("linear_out.weight")
        given, packed, gates = self._gates(part, "layer1")
        feeds = packed.shape[1] == said + self.hidden
        if not feeds and packed.shape[1] != said:
            raise UserError(
                f"{tensors.where}: {visible(part.layer)} reads {packed.shape[1]} numbers, a token has {said}"
            )
        for gate, rows in zip(gates, np.split(packed, len(gates)), strict=True):
            given[f"W_{gate}"] = rows[:, :said]
            if feeds:
                given[f"F_{gate}"] = rows[:, said:]
        joined = tensors.take(f"{root}linear_out.weight", "layer1", self.hidden, 2 * self.hidden)
        given |= {"W_z": joined[:, : self.hidden], "W_h": joined[:, self.hidden :]}
        more = ""
        if (bias := tensors.maybe(f"{root}linear_out.bias", "layer1", self.hidden)) is not None:
            given["b_z"], more = bias, " + b_z"
        sizes: dict[str, str] = {}
        shown, keys = "tanh({})", list[str]()
        if tensors.has(f"{root}linear_in.weight"):
            kind, scores = "general", ["e = M @ (W_a @ h) - 1000 * (1 - open)   # score: how well each place answers"]
            given["W_a"] = tensors.take(f"{root}linear_in.weight", "layer1", self.hidden, self.hidden)
        elif tensors.has(f"{root}v.weight"):
            kind, shown, keys = "additive", "({})", ["K"]
            given["W_a"] = tensors.take(f"{root}linear_query.weight", "layer1", self.hidden, self.hidden)
            given["b_a"] = tensors.take(f"{root}linear_query.bias", "layer1", self.hidden)
            given["U_a"] = tensors.take(f"{root}linear_context.weight", "layer1", self.hidden, self.hidden)
            given["v_a"] = tensors.take(f"{root}v.weight", "layer1", 1, self.hidden)[0]
            scores = [
                "K = K + outer(here, U_a @ x)   # keys: a row a token, as the scores see it",
                "E = tanh(K + by_column(W_a @ h + b_a))   # match: each key beside what the state asks for",
                "e = E @ v_a - 1000 * (1 - open)   # score: how well each place answers",
            ]
            sizes = {"K": '["N", "H"]', "E": '["N", "H"]'}
        else:
            kind, scores = "dot", ["e = M @ h - 1000 * (1 - open)   # score: how well each place answers"]
        fed = " + F_{letter} @ prev(s)" if feeds else ""
        out = shown.format(f"W_z @ z + W_h @ h{more}")
        lines = [
            *_COLLECTED,
            *_step(part.cell, "{gate} @ y" + fed, self._begun),
            *scores,
            *_READ,
            f"s = turn * {out}   # output: state and read together",
        ]
        self._tell(f"{kind} scores, behind the step", "names of its tensors", "what is read, then the state")
        if feeds:
            self.report.say(
                "layer1.feeding", "its output goes into the next step", "inferred", "the width of its input"
            )
        states = [*keys, *(["s"] if feeds else [])]
        return self._decoder(lines, given, sizes, {"N": places, "Y": said}, states, "s"), self.hidden

    def _tell(self, attention: str, why: str, order: str) -> None:
        self.report.say("layer1.cell", f"{self.decoder.cell}, a decoder", "inferred", "names and shapes")
        self.report.say("layer1.attention", attention, "inferred", why)
        self.report.assume("layer1.joined", order, NOT_RECORDED)
        self.report.assume("layer1.begins", "as the encoder ends", NOT_RECORDED)

    def _decoder(
        self, lines: list[str], given: dict[str, Array], sizes: Mapping[str, str], letters: Mapping[str, int],
        states: list[str], output: str,
    ) -> Recurrent:  # fmt: skip
        part = self.decoder
        wide = {
            "turn": "1", "y": '"Y"', "count": "1", "here": '"N"', "open": '"N"', "e": '"N"', "a": '"N"', "z": '"I"',
            "M": '["N", "I"]', **sizes,
        }  # fmt: skip
        own = ["h"] + ["c"] * (part.cell == "lstm")
        below = 'turn_in = { reads = "turn" }, y_in = { reads = "y" }' + ', c_in = { reads = "c" }' * (
            part.cell == "lstm"
        )
        page = _page(
            f"{part.cell}_decoder_file", "Decoder of the file: each step of the answer looks over what was read",
            [*own, "M", *states, "open", "count"], wide,
            f'output = "{output}"\ndefaults = {{ N = {PLACES} }}\nfixed = {{ place = "N" }}\n'
            f"initial = {{ count = -1 }}\nbelow = {{ {below} }}\n",
            lines,
        )  # fmt: skip
        return Recurrent(part.layer.rstrip("."), page, self.hidden, self.hidden, (("forward", given),), sizes=letters)

    def _head(self, width: int, tokens: int) -> tuple[Array, Array | None]:
        """Return the dense layer above.

        Raises:
            UserError: There is none of that shape.
        """
        table = _TABLE
        names = [
            name for name, one in self.tensors.all.items()
            if name not in self.tensors.parts and one.shape == (tokens, width) and not table.search(name)
        ]  # fmt: skip
        if len(names) != 1:
            raise UserError(f"{self.tensors.where}: {len(names)} tensors are {tokens}×{width}, and one is the head")
        bias = f"{names[0].removesuffix('weight')}bias"
        self.report.say("readout", f"dense, softmax: {tokens} tokens of the answer", "inferred", "its shape")
        return self.tensors.take(names[0], "readout", tokens, width), self.tensors.maybe(bias, "readout", tokens)


_COLLECTED = (
    "turn = turn_in   # turn: 0 at a token that is read, 1 at one of the answer",
    "y = y_in   # own token: the token of the answer that was said last, as numbers",
    "count = count + 1   # count: which token of the tape this is, from 0",
    "here = (1 - turn) * (1 - step(abs(place - count)))   # place: 1 at the place of a token that is read",
    "open = open + here   # places read: 1 where a token was put, 0 where there is nothing to look at",
    "M = M + outer(here, x)   # collection: a row a token, what the encoder said of it",
)
_READ = (
    "a = softmax(e)   # attention: parts of one, how much is looked at each place",
    "z = a @ M   # read: the rows of the collection, each by its part",
)
_HEAD = (
    'title = "Dense and softmax at every token"\nsource = "the head of the file"\n'
    "each = '''\ny = softmax(V_y @ h + b_y)   # prediction: one probability a token\n'''\n"
    'result = "y"\nsizes = { y = "K" }\n'
)


def _step(cell: str, reads: str, around: object) -> Iterator[str]:
    """Yield the equations of a recurrent step.

    Args:
        cell: gru or lstm.
        reads: What a gate reads, with {gate} for its matrix and {letter} for its letter.
        around: What becomes of the new state, with {new} for it: a text, or a function of the state's name.
    """

    def read(letter: str) -> str:
        return reads.format(gate=f"W_{letter}", letter=letter)

    def kept(state: str, new: str) -> str:
        text = around(state) if callable(around) else str(around)
        return text.format(new=new, state=f"prev({state})")

    if cell == "gru":
        yield f"r = sigmoid({read('r')} + U_r @ h + b_r)   # reset gate: how much of the past the candidate sees"
        yield f"u = sigmoid({read('u')} + U_u @ h + b_u)   # update gate: how much of the past stays"
        yield f"n = tanh({read('n')} + b_n + r * (U_n @ h + c_n))   # candidate: what could be written"
        yield f"h = {kept('h', 'u * h + (1 - u) * n')}   # state"
        return
    yield f"i = sigmoid({read('i')} + U_i @ h + b_i)   # input gate: write"
    yield f"f = sigmoid({read('f')} + U_f @ h + b_f)   # forget gate: keep"
    yield f"g = tanh({read('g')} + U_g @ h + b_g)   # candidate: what could be written"
    yield f"o = sigmoid({read('o')} + U_o @ h + b_o)   # output gate: show"
    yield f"c = {kept('c', 'f * c + i * g')}   # memory: keep, then write"
    yield f"h = {kept('h', 'o * tanh(c)')}   # hidden state"


def _page(name: str, title: str, states: list[str], sizes: Mapping[str, str], more: str, lines: list[str]) -> str:
    """Return the page of a part."""
    listed = ", ".join(f"{key} = {value}" for key, value in sizes.items())
    head = f'name = "{name}"\ntitle = "{title}"\nsource = "read from the file; Bahdanau 2014, Luong 2015"\n'
    state = ", ".join(f'"{one}"' for one in states)
    body = "\n".join(lines)
    return f"{head}state = [{state}]\nsizes = {{ {listed} }}\n{more}equations = '''\n{body}\n'''\n"
