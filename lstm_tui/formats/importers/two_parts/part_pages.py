"""The pages of equations of an encoder and of a decoder that stand on one tape.

The tape holds what is read and then the answer; each part stands still while the other works. A layer above takes from
the one below, beside what that shows: `turn` (which part's turn it is), `y` (the token as the decoder reads it), and
the states with which a layer of the decoder begins. What a pass from the end holds at the first token is kept by the
decoder (`back`): it is the last that this pass has read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.formats.importers.feature_extractor import activation
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.two_parts.parts import GATES, AffineMap, DecoderLayer, GatedStep, TwoParts

_LETTERS = "QSTVWXYZABCEFGJKLMOR"
"""Letters for sizes that are neither H, I, N nor P."""


@dataclass
class PartPage:
    """A page while it is written.

    Attributes:
        name: Of the cell.
        title: Of the cell.
        hidden: Units, H.
        inputs: Numbers in x, I.
        places: Rows of the collection, N.
    """

    name: str
    title: str
    hidden: int
    inputs: int
    places: int = 0
    states: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    sizes: dict[str, str] = field(default_factory=dict)
    letters: dict[str, int] = field(default_factory=dict)
    below: dict[str, str] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)
    given: dict[str, Array] = field(default_factory=dict)
    output: str = "h"
    width: int = 0

    def __post_init__(self) -> None:
        """Show the hidden state where nothing else is said."""
        self.width = self.hidden

    def size(self, name: str, *count: int | str) -> None:
        """Say how long a value is, or how many rows and columns it has."""
        said = [one if isinstance(one, str) else self._letter(one) for one in count]
        quoted = [one if one == "1" else f'"{one}"' for one in said]
        self.sizes[name] = quoted[0] if len(quoted) == 1 else f"[{', '.join(quoted)}]"

    def _letter(self, count: int) -> str:
        if count == self.hidden:
            return "H"
        if count == self.inputs:
            return "I"
        found = next((letter for letter, size in self.letters.items() if size == count and letter not in "NP"), None)
        if found is None:
            found = next(letter for letter in _LETTERS if letter not in self.letters)
            self.letters[found] = count
        return found

    def take(self, name: str) -> str:
        """Take a value of the layer below, and return how it is called here."""
        self.below[f"{name}_in"] = name
        return f"{name}_in"

    def add(self, line: str, name: str = "", *count: int | str) -> None:
        """Add an equation, and how long its value is."""
        self.lines.append(line)
        if name:
            self.size(name, *count)

    def function(self, name: str) -> str:
        """Return how a function is called here; one that is no word of the language becomes a macro."""
        body = activation(name)
        if body is None:
            return name
        called = name.partition("=")[0]
        self.macros[called] = body
        return called

    def affine(self, one: AffineMap, letter: str, read: str) -> str:
        """Return an affine map of a value as text; its numbers are kept by their names."""
        self.given[f"{letter[0].upper()}_{letter[1:]}"] = one.w
        text = f"{letter[0].upper()}_{letter[1:]} @ {read}"
        if one.b is not None:
            self.given[f"b_{letter[1:]}"] = one.b
            text += f" + b_{letter[1:]}"
        return text if one.function == "linear" else f"{self.function(one.function)}({text})"

    def shows(self, name: str, width: int) -> None:
        """Show a value of this width to the layer above."""
        self.output, self.width = name, width
        if width == self.hidden:
            self.size(name, "H")
        else:
            self.letters["P"] = width
            self.size(name, "P")

    def text(self) -> str:
        """Return the text of its file."""
        listed = {
            "sizes": self.sizes,
            "defaults": {"N": str(self.places)} if self.places else {},
            "fixed": {"place": '"N"'} if self.places else {},
            "initial": {"count": "-1"} if "count" in self.states else {},
            "functions": {name: f'"{body}"' for name, body in self.macros.items()},
            "below": {name: f'{{ reads = "{reads}" }}' for name, reads in self.below.items()},
        }
        heads = [
            f"{key} = {{ {', '.join(f'{a} = {b}' for a, b in table.items())} }}"
            for key, table in listed.items()
            if table
        ]
        states = ", ".join(f'"{one}"' for one in self.states)
        return "\n".join([
            f'name = "{self.name}"', f'title = "{self.title}"',
            'source = "read from the file; Bahdanau 2014, Luong 2015"',
            f"state = [{states}]", f'output = "{self.output}"', *heads, "equations = '''", *self.lines, "'''", "",
        ])  # fmt: skip


@dataclass(frozen=True)
class Carried:
    """What goes up from an encoder's layer beside what it shows: where each of its last states stands.

    Attributes:
        layer: Which layer of the encoder.
        shown: Numbers that it gives.
        hidden: Units of a pass.
        states: How many states each pass gives in it: 2 where memories stand behind hidden states.
        back: Whether it has a pass from the end.
    """

    layer: int
    shown: int
    hidden: int
    states: int
    back: bool

    @property
    def name(self) -> str:
        """Name of the value that carries it."""
        return f"o{self.layer}"

    @property
    def kept(self) -> str:
        """Name of the state that keeps what it was at the first token."""
        return f"back{self.layer}"

    def hidden_of(self, value: str) -> str:
        """Return the hidden states of both passes, of a value that carries it."""
        if self.states == 1:
            return value
        if not self.back:
            return f"part({value}, 0, 2)"
        return f"concat(part({value}, 0, 4), part({value}, 2, 4))"

    def last(self, state: str, value: str) -> str:
        """Return what each pass has last computed of a state."""
        parts = self.states * (1 + self.back)
        if parts == 1:
            return value
        at = self.states - 1 if state == "c" else 0
        ahead = f"part({value}, {at}, {parts})"
        return f"concat({ahead}, part({self.kept}, {self.states + at}, {parts}))" if self.back else ahead


def encoder_pages(parts: TwoParts, own: int, width: int) -> tuple[list[Recurrent], list[Carried]]:
    """Return the layers of the encoder, and what each hands to the decoder.

    Args:
        parts: The network.
        own: Numbers in a token as the decoder reads it.
        width: Numbers in a token of the tape: its turn, as the encoder reads it, as the decoder reads it.
    """
    needed = {one.begins for one in parts.decoder}
    made: list[Recurrent] = []
    carried: list[Carried] = []
    for number, layer in enumerate(parts.encoder):
        memories = layer.ahead.cell == "lstm" and number in needed and any(
            one.begins == number and one.step.cell == "lstm" for one in parts.decoder
        )  # fmt: skip
        inputs = carried[-1].shown if carried else width
        page = PartPage(f"encoder_{number}_file", "Encoder of the file: it stands still while it is answered",
                    layer.ahead.hidden, inputs)  # fmt: skip
        passes = [("forward", _encoder_pass(page, layer.ahead, carried, own, parts, memories))]
        text, sizes, output = page.text(), dict(page.letters), page.width
        if layer.back is not None:
            if layer.back.form != layer.ahead.form or layer.back.hidden != layer.ahead.hidden:
                raise UserError(f"{layer.name}: its two passes are not of one kind and size")
            other = PartPage(page.name, page.title, layer.back.hidden, inputs)
            passes.append(("backward", _encoder_pass(other, layer.back, carried, own, parts, memories)))
        made.append(Recurrent(layer.name, text, layer.ahead.hidden, inputs, passes, sizes=sizes))
        carried.append(Carried(number, output * len(passes), layer.ahead.hidden, 1 + memories, layer.back is not None))
    return made, carried


def _encoder_pass(
    page: PartPage, step: GatedStep, below: list[Carried], own: int, parts: TwoParts, memories: bool
) -> dict[str, Array]:
    """Write a pass of the encoder, and return its numbers."""
    page.states = list(step.states)
    given = dict(step.given)
    if not below:
        read = parts.read.shape[1]
        for gate in GATES[step.cell]:
            wide = np.zeros((page.hidden, page.inputs), given[f"W_{gate}"].dtype)
            wide[:, 1 : 1 + read] = given[f"W_{gate}"]
            given[f"W_{gate}"] = wide
        given["p_turn"] = np.eye(1, page.inputs, dtype=parts.read.dtype)[0]
        given["V_y"] = np.zeros((own, page.inputs), parts.read.dtype)
        given["V_y"][:, 1 + read :] = np.eye(own)
        page.add("turn = step(dot(p_turn, x))   # turn: 0 at a token that is read, 1 at one of the answer", "turn", "1")
        page.add("y = V_y @ x   # own token: the token as the decoder reads it", "y", own)
    else:
        _turn(page, own)
        _handed_up(page, below, parts)
    reads = "x"
    if below and below[-1].states > 1:
        reads = "b"
        count = below[-1].hidden * (1 + below[-1].back)
        page.add(
            f"b = {below[-1].hidden_of('x')}   # below: what the layer below shows, without its memories", "b", count
        )
    for line in step_lines(page, step, {gate: f"W_{gate} @ {reads}" for gate in GATES[step.cell]},
                           lambda state, new: f"turn * prev({state}) + (1 - turn) * ({new})"):  # fmt: skip
        page.add(line)
    if memories:
        page.add("s = concat(h, c)   # states: what is seen and what is kept, end to end: the decoder begins with both")
        page.shows("s", 2 * page.hidden)
    return given


def _turn(page: PartPage, own: int) -> None:
    """Take from below whose turn it is, and the token as the decoder reads it."""
    page.add(f"turn = {page.take('turn')}   # turn: 0 at a token that is read, 1 at one of the answer",
             "turn", "1")  # fmt: skip
    page.add(f"y = {page.take('y')}   # own token: the token of the answer that was said last, as numbers",
             "y", own)  # fmt: skip


def _handed_up(page: PartPage, below: list[Carried], parts: TwoParts) -> None:
    """Hand up what lower layers of the encoder end with, where a layer of the decoder begins with it."""
    needed = {one.begins for one in parts.decoder}
    for one in below:
        if one.layer not in needed:
            continue
        source = "x" if one is below[-1] else page.take(one.name)
        page.add(
            f"{one.name} = {source}   # handed up: what layer {one.layer} gives, for the decoder", one.name, one.shown
        )


def decoder_pages(parts: TwoParts, carried: list[Carried], own: int, places: int) -> list[Recurrent]:
    """Return the layers of the decoder."""
    made: list[Recurrent] = []
    for number, layer in enumerate(parts.decoder):
        inputs = made[-1].hidden if made else carried[-1].shown
        last = number == len(parts.decoder) - 1
        looks = ": each step of the answer looks over what was read" if last and parts.look else ""
        page = PartPage(f"decoder_{number}_file", f"Decoder of the file{looks}", layer.step.hidden, inputs)
        _decoder(page, parts, layer, number, carried, own, places if last and parts.look else 0)
        sizes = dict(page.letters) | ({"N": places} if page.places else {})
        made.append(
            Recurrent(layer.name, page.text(), layer.step.hidden, inputs, [("forward", page.given)], sizes=sizes)
        )
    return made


def _decoder(
    page: PartPage, parts: TwoParts, layer: DecoderLayer, number: int, carried: list[Carried], own: int, places: int
) -> None:
    """Write a layer of the decoder."""
    last, top, look = number == len(parts.decoder) - 1, carried[-1], parts.look
    page.places, page.states = places, list(layer.step.states)
    _turn(page, own)
    later = [one for one in carried if one.layer in {low.begins for low in parts.decoder[number:]}]
    kept = [one for one in later if one.back]
    if places or (kept and not number):
        page.states.append("count")
        page.add("count = count + 1   # count: which token of the tape this is, from 0", "count", "1")
    called: dict[int, str] = {}
    for one in later:
        called[one.layer] = "x" if last and not number and one is top else one.name
        if called[one.layer] != "x":
            source = "x" if one is top and not number else page.take(one.name)
            page.add(f"{one.name} = {source}   # encoder: what its layer {one.layer} gives", one.name, one.shown)
    for one in kept:
        if number:
            page.add(f"{one.kept} = {page.take(one.kept)}   # from the end: as below",
                     one.kept, one.shown)  # fmt: skip
        else:
            page.states.append(one.kept)
            said = "from the end: what the encoder holds at the first token, the last that its pass from the end reads"
            page.add(
                f"{one.kept} = {one.kept} + (1 - step(count)) * {called[one.layer]}   # {said}", one.kept, one.shown
            )
    seen = ""
    if look is not None:
        seen = "seen" if number or not last or top.states > 1 else "x"
        width = top.hidden * (1 + top.back)
        if seen == "seen":
            source = page.take("seen") if number else top.hidden_of("x")
            page.add(f"seen = {source}   # said: what the encoder says of this token", "seen", width)
    if places:
        _collect(page, parts, seen, top.hidden * (1 + top.back))
    given = dict(layer.step.given)
    reads = {gate: f"W_{gate} @ {'x' if number else 'y'}" for gate in GATES[layer.step.cell]}
    if look is not None and last and (look.before or look.feeds):
        own_width = page.inputs if number else own
        letter, value = ("F", "prev(s)") if look.feeds else ("C", "z")
        for gate in GATES[layer.step.cell]:
            both = given[f"W_{gate}"]
            given[f"W_{gate}"], given[f"{letter}_{gate}"] = both[:, :own_width], both[:, own_width:]
            reads[gate] += f" + {letter}_{gate} @ {value}"
    page.given |= given
    if look is not None and last and look.before:
        _look(page, parts)
    begin = next((one for one in carried if one.layer == layer.begins), None)
    value = "" if begin is None else called[begin.layer]
    for line in step_lines(page, layer.step, reads, lambda state, new: _begun(page, layer, begin, value, state, new)):
        page.add(line)
    if look is None or not last:
        return
    if not look.before:
        _look(page, parts)
    _show(page, parts, number, own)


def _begun(page: PartPage, layer: DecoderLayer, begin: Carried | None, value: str, state: str, new: str) -> str:
    """Return a state of the decoder: while the encoder reads, what it would begin with."""
    if begin is None:
        return f"turn * ({new})"
    first = begin.last(state, value)
    if state in layer.by:
        name = f"q{state}"
        count = begin.hidden * (1 + begin.back)
        if "(" in first:
            page.add(f"{name} = {first}   # last: what the encoder's passes end with", name, count)
            first = name
        first = f"({page.affine(layer.by[state], f'a{state}', first)})"
    return f"turn * ({new}) + (1 - turn) * {first}"


def _collect(page: PartPage, parts: TwoParts, seen: str, width: int) -> None:
    """Write the collection, a row a token that is read, and its keys."""
    look = parts.look
    assert look is not None
    page.states += ["M", "open", *(["K"] if look.key is not None else [])]
    page.add(
        "here = (1 - turn) * (1 - step(abs(place - count)))   # place: 1 at the place of a token that is read",
        "here",
        "N",
    )
    page.add(
        "open = open + here   # places read: 1 where a token was put, 0 where there is nothing to look at", "open", "N"
    )
    row = seen if look.value is None else page.affine(look.value, "rm", seen)
    if look.value is not None:
        width = len(look.value.w)
    page.add(f"M = M + outer(here, {row})   # collection: a row a token, what the encoder said of it", "M", "N", width)
    page.size("z", width)
    if look.key is not None:
        row = page.affine(look.key, "uk", seen)
        said = "keys: a row a token, as the scores see it"
        page.add(f"K = K + outer(here, {row})   # {said}", "K", "N", len(look.key.w))


def _look(page: PartPage, parts: TwoParts) -> None:
    """Write scores, shares, and what is read."""
    look = parts.look
    assert look is not None
    keys = "M" if look.key is None else "K"
    asked = "h" if look.query is None else page.affine(look.query, "wa", "h")
    said = "score: how well each place answers"
    if look.score == "additive":
        assert look.v is not None
        page.given["v_a"] = look.v
        page.add(f"E = tanh({keys} + by_column({asked}))   # match: each key beside what the state asks for",
                 "E", "N", len(look.v))  # fmt: skip
        score = "E @ v_a"
        if look.v_bias is not None:
            page.given["b_v"] = np.full(page.places, look.v_bias.reshape(-1)[0], look.v.dtype)
            score += " + b_v"
    else:
        score = f"{keys} @ {asked}" if asked == "h" else f"{keys} @ ({asked})"
        if look.scale is not None:
            page.given["g_a"] = np.full(page.places, look.scale.reshape(-1)[0], look.scale.dtype)
            score = f"g_a * ({score})"
    page.add(f"e = {score} - 1000 * (1 - open)   # {said}", "e", "N")
    page.add("a = softmax(e)   # attention: parts of one, how much is looked at each place", "a", "N")
    page.add("z = a @ M   # read: the rows of the collection, each by its part")


def _show(page: PartPage, parts: TwoParts, number: int, own: int) -> None:
    """Write what the decoder shows of its state and of what it read."""
    look = parts.look
    assert look is not None
    z = len(look.value.w) if look.value is not None else parts.encoder[-1].width
    widths = {"h": page.hidden, "z": z, "y": page.inputs if number else own}
    if look.shows == ("h",) and look.out is None:
        return
    if look.out is None:
        if look.shows == ("z",):
            page.add("s = turn * z   # output: what was read")
        else:
            named = [one if one != "y" or not number else "x" for one in look.shows]
            page.add(f"s = concat({', '.join(named)})   # output: end to end, as the head reads it")
        page.shows("s", sum(widths[one] for one in look.shows))
        return
    terms, at = [], 0
    for one in look.shows:
        page.given[f"W_s{one}"] = look.out.w[:, at : at + widths[one]]
        terms.append(f"W_s{one} @ {one if one != 'y' or not number else 'x'}")
        at += widths[one]
    text = " + ".join(terms)
    if look.out.b is not None:
        page.given["b_s"] = look.out.b
        text += " + b_s"
    page.add(f"s = turn * {page.function(look.out.function) if look.out.function != 'linear' else ''}({text})"
             "   # output: state and read together")  # fmt: skip
    page.shows("s", len(look.out.w))
    if look.feeds:
        page.states.append("s")


def step_lines(page: PartPage, step: GatedStep, reads: Mapping[str, str], around: object) -> Iterator[str]:
    """Yield the equations of a recurrent step.

    Args:
        page: Where functions that are no words are kept as macros.
        step: The step.
        reads: What each gate reads beside the state.
        around: Function of the name of a state and its new value: what becomes of it.
    """
    assert callable(around)
    own = {"gates": "sigmoid", "candidate": "tanh", "output": "tanh"}
    gate, new, out = (page.function(step.functions.get(slot, usual)) for slot, usual in own.items())

    def of(letter: str, state: str = "h") -> str:
        bias = f" + b_{letter}" if f"b_{letter}" in step.given else ""
        return f"{reads[letter]} + U_{letter} @ {state}{bias}"

    if step.cell != "lstm":
        yield f"r = {gate}({of('r')})   # reset gate: how much of the past the candidate sees"
        yield f"u = {gate}({of('u')})   # update gate: how much of the past stays"
        if step.cell == "gru":
            b, c = (f" + {one}" if one in step.given else "" for one in ("b_n", "c_n"))
            yield f"n = {new}({reads['n']}{b} + r * (U_n @ h{c}))   # candidate: what could be written"
        else:
            yield f"n = {new}({of('n', '(r * h)')})   # candidate: what could be written"
        yield f"h = {around('h', 'u * h + (1 - u) * n')}   # state"
        return
    yield f"i = {gate}({of('i')})   # input gate: write"
    yield f"f = {gate}({of('f')})   # forget gate: keep"
    yield f"g = {new}({of('g')})   # candidate: what could be written"
    yield f"o = {gate}({of('o')})   # output gate: show"
    yield f"c = {around('c', 'f * c + i * g')}   # memory: keep, then write"
    yield f"h = {around('h', f'o * {out}(c)')}   # hidden state"
