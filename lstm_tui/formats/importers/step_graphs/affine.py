"""Values of a step as sums of products: what an LSTM, a GRU or a plain layer is told by, whatever order it is in."""

from __future__ import annotations

from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.step_graphs.pieces import Pieces, ValuePiece

_MOST_TERMS = 12


@dataclass
class Affine:
    """Matrices times pieces, summed, and constants.

    Attributes:
        size: How many numbers.
        terms: The matrix by the piece it is multiplied with.
        by_unit: Pieces that are multiplied number by number, which is no matrix of the file.
        bias: The constants.
    """

    size: int
    terms: dict[ValuePiece, Array] = field(default_factory=dict)
    bias: Array | None = None
    by_unit: set[ValuePiece] = field(default_factory=set)

    def add(self, piece: ValuePiece, matrix: Array) -> None:
        """Add a matrix times a piece."""
        self.terms[piece] = self.terms[piece] + matrix if piece in self.terms else matrix

    def shift(self, numbers: Array) -> None:
        """Add constants."""
        self.bias = np.asarray(numbers + (0 if self.bias is None else self.bias))


Term = tuple[ValuePiece, ...]
Sum = dict[Term, Array]
"""Products of pieces with what each is multiplied by; the product of none is the constants."""


def linear_parts(pieces: Pieces, piece: ValuePiece) -> Affine:
    """Return a piece that is a matrix times numbers as one matrix for each piece they are of."""
    made = Affine(piece.size)
    places, matrix = piece.operand(0), piece.matrix
    at = 0
    for part, begin, end in pieces.parts(places):
        columns = matrix[:, at : at + end - begin]
        at += end - begin
        if part.vector.kind == "constant":
            assert part.vector.values is not None
            made.shift(columns @ part.vector.values[part.begin + begin : part.begin + end])
            continue
        wide = np.zeros((piece.size, part.size), matrix.dtype)
        wide[:, begin:end] = columns
        made.add(part, wide)
    return made


def sum_of(pieces: Pieces, places: Array, stop: frozenset[ValuePiece] = frozenset()) -> Sum | None:
    """Return values as a sum of products of pieces that are no sums themselves; None where they are no such thing.

    Args:
        pieces: All.
        places: Of the values.
        stop: Pieces that are taken as they are.
    """
    constants = pieces.vectors.constants(places)
    if constants is not None:
        return {(): constants}
    if len(places) > 1 and (places == places[0]).all():  # one number for all of them
        places = places[:1]
    piece = pieces.sole(places)
    if piece is None:
        return None
    vector = piece.vector
    if piece in stop or vector.kind != "apply" or vector.function not in ("+", "-", "*", "neg"):
        return {(piece,): np.ones(1)}
    parts = [sum_of(pieces, one, stop) for one in piece.operands]
    if any(one is None for one in parts):
        return None
    known = [one for one in parts if one is not None]
    if vector.function == "neg":
        return {term: -factor for term, factor in known[0].items()}
    first, second = known
    made: Sum = {}
    if vector.function == "*":
        if len(first) * len(second) > _MOST_TERMS:
            return {(piece,): np.ones(1)}
        for one, a in first.items():
            for other, b in second.items():
                _join(made, tuple(sorted((*one, *other), key=_order)), a * b)
        return made
    for term, factor in first.items():
        _join(made, term, factor)
    for term, factor in second.items():
        _join(made, term, factor if vector.function == "+" else -factor)
    return made if len(made) <= _MOST_TERMS else {(piece,): np.ones(1)}


def _order(piece: ValuePiece) -> tuple[int, int]:
    return (piece.vector.number, piece.begin)


def _join(made: Sum, term: Term, factor: Array) -> None:
    total = made[term] + factor if term in made else factor
    if not np.any(total) and term:
        made.pop(term, None)
    else:
        made[term] = total


def affine_of(pieces: Pieces, terms: Sum, size: int) -> Affine | None:
    """Return a sum as matrices times pieces, which may be scaled by constants; None where it has a product of two."""
    made = Affine(size)
    for term, factor in terms.items():
        if not term:
            made.shift(np.broadcast_to(factor, (size,)))
        elif len(term) > 1:
            return None
        elif term[0].vector.kind == "linear":
            inner = linear_parts(pieces, term[0])
            if inner.size != size:
                return None
            for piece, matrix in inner.terms.items():
                made.add(piece, np.broadcast_to(factor, (size,))[:, None] * matrix)
            if inner.bias is not None:
                made.shift(factor * inner.bias)
        elif term[0].size == size:
            made.by_unit.add(term[0])
            made.add(term[0], np.diag(np.broadcast_to(factor, (size,)).astype(np.float64)))
        else:
            return None
    return made
