"""LSTM, GRU and the plain layer found in a step by the form of their sums, and opened as what they are.

Nothing here looks at names, at the order of gates or at how a file writes it: an update is expanded into products of
values, and is that of a cell where the products are. What gives the same numbers by another sum (h + z * (n - h) of a
GRU, an update gate that writes where ours keeps) has the same products.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.step_graphs.affine import Affine, Sum, affine_of, sum_of
from lstm_tui.formats.importers.step_graphs.pieces import Pieces, ValuePiece


@dataclass(frozen=True, eq=False)
class StatePiece:
    """A state of the step.

    Attributes:
        name: What it is called in a page.
        old: Its value of the step before.
        new: The places of its new value.
        source: What the file calls it, as it goes in.
        initial: What it is before the first step; None for zeros.
    """

    name: str
    old: ValuePiece
    new: Array
    source: str
    initial: Array | None = None


@dataclass(frozen=True, eq=False)
class KnownLayer:
    """States that are those of a cell of ours.

    Attributes:
        cell: Its name.
        states: By the name they have in that cell.
        output: The piece that the rest of the network sees: its new hidden state.
        reads: The pieces that are its input, end to end.
        given: Its parameters by name.
        without: Parameters that it has not.
        functions: Activations by slot where they are not those of the cell.
        resets: The gate that resets, where there is one.
    """

    cell: str
    states: Mapping[str, StatePiece]
    output: ValuePiece
    reads: tuple[ValuePiece, ...]
    given: Mapping[str, Array]
    without: tuple[str, ...] = ()
    functions: Mapping[str, str] = field(default_factory=dict)
    resets: ValuePiece | None = None

    @property
    def hidden(self) -> int:
        """Units."""
        return self.states["h"].old.size

    @property
    def inputs(self) -> int:
        """Numbers of its input."""
        return sum(piece.size for piece in self.reads)


@dataclass(eq=False)
class _Gate:
    """A value of the form function(matrices times the input + matrix times the hidden state + constants)."""

    function: str
    inputs: dict[ValuePiece, Array]
    recurrent: Array | None
    bias: Array | None


def grouped(pieces: Pieces, states: Sequence[StatePiece]) -> list[list[StatePiece]]:
    """Return the states that read each other, in groups, each behind those that it reads."""
    by_old = {one.old: n for n, one in enumerate(states)}
    by_new = {pieces.sole(one.new): n for n, one in enumerate(states)}
    reads = [_read(pieces, one, n, by_old, by_new) for n, one in enumerate(states)]
    reached = [_closure(n, reads) for n in range(len(states))]
    groups: list[list[int]] = []
    for n in range(len(states)):
        mine = next((group for group in groups if group[0] in reached[n] and n in reached[group[0]]), None)
        if mine is None:
            groups.append([n])
        else:
            mine.append(n)
    ordered: list[list[int]] = []
    while len(ordered) < len(groups):
        done = {n for group in ordered for n in group}
        ready = [g for g in groups if g not in ordered and all(o in done or o in g for n in g for o in reached[n])]
        ordered.append(ready[0])
    return [[states[n] for n in group] for group in ordered]


def _read(
    pieces: Pieces,
    state: StatePiece,
    number: int,
    by_old: Mapping[ValuePiece, int],
    by_new: Mapping[ValuePiece | None, int],
) -> set[int]:
    found: set[int] = set()
    seen: set[ValuePiece] = set()
    waiting = [part for part, _, _ in pieces.parts(np.unique(state.new))]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        if one in by_old:
            found.add(by_old[one])
        elif by_new.get(one, number) != number:
            found.add(by_new[one])
        else:
            waiting += [part for places in one.operands for part, _, _ in pieces.parts(np.unique(places))]
    return found


def _closure(start: int, reads: Sequence[set[int]]) -> set[int]:
    seen: set[int] = set()
    waiting = list(reads[start])
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += reads[one]
    return seen


def known_layer(pieces: Pieces, group: Sequence[StatePiece]) -> KnownLayer | None:
    """Return the layer of ours that states which read each other are; None where they are none."""
    if len(group) == 1:
        return _gru(pieces, group[0]) or _plain(pieces, group[0])
    if len(group) == 2 and group[0].old.size == group[1].old.size:
        return _lstm(pieces, *group) or _lstm(pieces, *group[::-1])
    return None


def _is_ones(factor: Array, sign: float = 1.0) -> bool:
    return bool(np.all(factor == sign))


def _gate(pieces: Pieces, piece: ValuePiece, hidden: ValuePiece) -> _Gate | None:
    """Return a piece as a gate, of a hidden state and any pieces beside it."""
    if piece.vector.kind != "apply" or len(piece.operands) != 1 or piece.vector.function == "neg":
        return None
    if piece.size != hidden.size:
        return None  # one gate for all units is no gate of these cells
    terms = sum_of(pieces, piece.operand(0))
    if terms is None:
        return None
    made = affine_of(pieces, terms, piece.size)
    if made is None or made.by_unit:
        return None  # a state by a vector, not by a matrix: a cell of its own
    return _of_affine(made, piece.vector.function, hidden)


def _of_affine(made: Affine, function: str, hidden: ValuePiece) -> _Gate:
    recurrent = made.terms.get(hidden)
    return _Gate(function, {one: m for one, m in made.terms.items() if one != hidden}, recurrent, made.bias)


def _functions(pieces: Pieces, slots: Mapping[str, tuple[str, str]]) -> dict[str, str] | None:
    """Return the activations that are not the cell's own, by slot, as an importer says them."""
    made = {}
    for slot, (function, own) in slots.items():
        if function != own:
            body = pieces.vectors.functions.get(function)
            if body is None and function not in ("sigmoid", "tanh", "relu", "softplus"):
                return None
            made[slot] = function if body is None else f"{function}={body}"
    return made


def _lstm(pieces: Pieces, h: StatePiece, c: StatePiece) -> KnownLayer | None:
    new_h, new_c = pieces.sole(h.new), pieces.sole(c.new)
    if new_h is None or new_c is None:
        return None
    kept = sum_of(pieces, c.new)
    shown = sum_of(pieces, h.new, frozenset({new_c}))
    if kept is None or shown is None or len(kept) != 2 or len(shown) != 1:
        return None
    if not all(len(term) == 2 and _is_ones(factor) for term, factor in (*kept.items(), *shown.items())):
        return None
    keep = next((term for term in kept if c.old in term), None)
    write = next((term for term in kept if c.old not in term), None)
    if keep is None or write is None:
        return None
    f = keep[1] if keep[0] == c.old else keep[0]
    pair = next(iter(shown))
    squashed = [one for one in pair if len(one.operands) == 1 and pieces.sole(one.operand(0)) == new_c]
    if len(squashed) != 1:
        return None
    o = pair[1] if pair[0] == squashed[0] else pair[0]
    f_gate, o_gate = _gate(pieces, f, h.old), _gate(pieces, o, h.old)
    for i, g in (write, write[::-1]):
        if len({f, i, g, o}) < 4:
            return None  # one gate twice is a cell of its own
        gates = {"f": f_gate, "i": _gate(pieces, i, h.old), "g": _gate(pieces, g, h.old), "o": o_gate}
        whole = {name: gate for name, gate in gates.items() if gate is not None}
        if len(whole) < 4 or any(gate.recurrent is None for gate in whole.values()):
            return None
        if len({whole[name].function for name in "fio"}) == 1:
            slots = {
                "gates": (f_gate.function if f_gate else "", "sigmoid"),
                "candidate": (whole["g"].function, "tanh"),
                "output": (squashed[0].vector.function, "tanh"),
            }
            functions = _functions(pieces, slots)
            return None if functions is None else _layer(pieces, "lstm", {"h": h, "c": c}, new_h, whole, functions)
    return None


def _layer(
    pieces: Pieces, cell: str, states: Mapping[str, StatePiece], output: ValuePiece, gates: Mapping[str, _Gate],
    functions: Mapping[str, str], more: Mapping[str, Array] | None = None,
) -> KnownLayer | None:  # fmt: skip
    """Return a layer with the parameters of its gates, which all have a recurrent matrix."""
    olds = [one.old for one in states.values()]
    reads = _inputs(gates.values())
    if any(one in olds or one == output for one in reads):
        return None  # a peephole, or what is no input
    hidden = states["h"].old.size
    given: dict[str, Array] = {}
    for name, gate in gates.items():
        blocks = [gate.inputs.get(piece, np.zeros((hidden, piece.size))) for piece in reads]
        given[f"W_{name}"] = np.concatenate(blocks, axis=1) if blocks else np.zeros((hidden, 0))
        assert gate.recurrent is not None
        given[f"U_{name}"] = gate.recurrent
        given[f"b_{name}"] = np.zeros(hidden) if gate.bias is None else gate.bias
    given |= more or {}
    biases = [name for name in given if name[0] in "bc"]
    without = tuple(biases) if not any(np.any(given[name]) for name in biases) else ()
    if any(one.vector.kind == "constant" for one in reads) or not reads:
        return None
    kept = {name: np.asarray(one, np.float32) for name, one in given.items() if name not in without}
    return KnownLayer(cell, states, output, reads, kept, without, functions)


def _inputs(gates: Iterable[_Gate]) -> tuple[ValuePiece, ...]:
    pieces = {piece for gate in gates for piece in gate.inputs}
    return tuple(sorted(pieces, key=lambda one: (one.vector.number, one.begin)))


def _gru(pieces: Pieces, h: StatePiece) -> KnownLayer | None:
    output = pieces.sole(h.new)
    terms = sum_of(pieces, h.new)
    if output is None or terms is None or len(terms) != 3:
        return None
    both = [term for term in terms if len(term) == 2 and h.old in term]
    single = [term for term in terms if len(term) == 1]
    other = [term for term in terms if len(term) == 2 and h.old not in term]
    if len(both) != 1 or len(single) != 1 or len(other) != 1:
        return None
    z = both[0][1] if both[0][0] == h.old else both[0][0]
    if z not in other[0]:
        return None
    n = other[0][1] if other[0][0] == z else other[0][0]
    if single[0] == (n,) and _is_ones(terms[both[0]]) and _is_ones(terms[single[0]]) and _is_ones(terms[other[0]], -1):
        keeps = True
    elif single[0] == (h.old,) and _is_ones(terms[both[0]], -1) and _is_ones(terms[other[0]]):
        keeps = False
    else:
        return None
    z_gate = _gate(pieces, z, h.old)
    if z == n or z_gate is None or z_gate.recurrent is None or n.vector.kind != "apply" or len(n.operands) != 1:
        return None
    if not keeps:
        if z_gate.function != "sigmoid":
            return None
        turned = {piece: -matrix for piece, matrix in z_gate.inputs.items()}
        z_gate = _Gate("sigmoid", turned, -z_gate.recurrent, None if z_gate.bias is None else -z_gate.bias)
    inner = sum_of(pieces, n.operand(0))
    if inner is None:
        return None
    made = _reset_after(pieces, h, output, z_gate, n, inner) or _reset_before(pieces, h, output, z_gate, n, inner)
    return None if made is None or made.resets == z else made  # one gate for both is a cell of its own


def _gru_of(
    pieces: Pieces,
    cell: str,
    h: StatePiece,
    output: ValuePiece,
    z: _Gate,
    r: ValuePiece,
    n: _Gate,
    more: Mapping[str, Array],
) -> KnownLayer | None:
    r_gate = _gate(pieces, r, h.old)
    if r_gate is None or r_gate.recurrent is None or n.recurrent is None:
        return None
    functions = _functions(pieces, {"gates": (z.function, "sigmoid"), "candidate": (n.function, "tanh")})
    if functions is None or r_gate.function != z.function:
        return None
    made = _layer(pieces, cell, {"h": h}, output, {"r": r_gate, "z": z, "n": n}, functions, more)
    return None if made is None else replace(made, resets=r)


def _reset_after(
    pieces: Pieces, h: StatePiece, output: ValuePiece, z: _Gate, n: ValuePiece, inner: Sum
) -> KnownLayer | None:
    """Return a GRU whose candidate is tanh(W x + b + r * (U h + c))."""
    products = [term for term in inner if len(term) == 2]
    if len(products) != 1:
        return None
    linear = [one for one in products[0] if one.vector.kind == "linear"]
    if len(linear) != 1 or not _is_ones(inner[products[0]]):
        return None
    r = products[0][1] if products[0][0] == linear[0] else products[0][0]
    recurrent = affine_of(pieces, {(linear[0],): np.ones(1)}, n.size)
    rest = {term: factor for term, factor in inner.items() if term not in (products[0], (r,))}
    outer = affine_of(pieces, rest, n.size)
    if recurrent is None or outer is None or set(recurrent.terms) != {h.old} or h.old in outer.terms or outer.by_unit:
        return None
    scaled = np.zeros(n.size) if recurrent.bias is None else recurrent.bias
    scaled = scaled + np.broadcast_to(inner.get((r,), np.zeros(1)), (n.size,))
    gate = _Gate(n.vector.function, dict(outer.terms), recurrent.terms[h.old], outer.bias)
    return _gru_of(pieces, "gru", h, output, z, r, gate, {"c_n": scaled})


def _reset_before(
    pieces: Pieces, h: StatePiece, output: ValuePiece, z: _Gate, n: ValuePiece, inner: Sum
) -> KnownLayer | None:
    """Return a GRU whose candidate is tanh(W x + b + U (r * h))."""
    whole = affine_of(pieces, inner, n.size)
    if whole is None or whole.by_unit:
        return None
    for piece in whole.terms:
        terms = sum_of(pieces, piece.places)
        if terms is None or len(terms) != 1:
            continue
        term, factor = next(iter(terms.items()))
        if len(term) == 2 and h.old in term and _is_ones(factor):
            r = term[1] if term[0] == h.old else term[0]
            inputs = {one: matrix for one, matrix in whole.terms.items() if one != piece}
            if h.old in inputs:
                return None
            gate = _Gate(n.vector.function, inputs, whole.terms[piece], whole.bias)
            return _gru_of(pieces, "gru_reset_before", h, output, z, r, gate, {})
    return None


def _plain(pieces: Pieces, h: StatePiece) -> KnownLayer | None:
    output = pieces.sole(h.new)
    gate = None if output is None else _gate(pieces, output, h.old)
    if output is None or gate is None or gate.recurrent is None or gate.function not in ("tanh", "relu"):
        return None
    cell = "rnn" if gate.function == "tanh" else "rnn_relu"
    return _layer(pieces, cell, {"h": h}, output, {"h": gate}, {})
