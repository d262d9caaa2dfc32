"""Pieces of a step as lines of a page of equations, with the numbers that stand in them as parameters."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from string import digits

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import FUNCTION_NAMES, STEPS_OPS
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.vocabulary import RESERVED
from lstm_tui.engine.number_text import exact
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.step_graphs.affine import Affine, linear_parts
from lstm_tui.formats.importers.step_graphs.pieces import MOST_PIECES, Pieces, ValuePiece
from lstm_tui.formats.importers.step_graphs.vectors import MOST_WEIGHTS

_TAKEN = RESERVED | FUNCTION_NAMES | set(STEPS_OPS) | {"a", "h_0", "H", "I", "K"}
_LONGEST = 24
_MOST_SIGNS = 14
"""Operators in one line; what is longer gets a line of its own."""
_ARITHMETIC = frozenset("+-*/") | {"neg"}


def safe_name(text: str, taken: Iterable[str] = (), longest: int = _LONGEST) -> str:
    """Return a name of the file as one that a page of equations takes, and that is not taken."""
    last = re.sub(r"_output_\d+\Z", "", text).rstrip("/").rpartition("/")[2].rpartition(":")[2]
    name = re.sub(r"[^A-Za-z0-9]+", "_", last.encode("ascii", "replace").decode()).strip("_")[:longest].rstrip("_")
    name = name.lower() if len(name) > 1 else name
    if name in _TAKEN:
        name = f"{name}_out"
    if not name or not name[0].isalpha():
        name = f"v{name}"
    used, made, number = _TAKEN | set(taken), name, 1
    while made in used or keyword.iskeyword(made):
        number += 1
        made = f"{name}{'_' if name[-1] in digits else ''}{number}"
    return made


@dataclass
class WrittenLine:
    """One equation.

    Attributes:
        name: What it defines.
        text: Its right side.
        label: What the file calls it.
    """

    name: str
    text: str
    label: str = ""


@dataclass(eq=False)
class Equations:
    """Lines that make some pieces of others.

    Attributes:
        pieces: All pieces of the step.
        atoms: Pieces that are there already, by what they are called.
        states: Old states among these: after the line of the state they are read by `prev`.
        names: What pieces are to be called, where that is known.
        taken: Names that nothing else may have.
        unfold: Whether functions that the language has no word for are written out, since the page cannot define them.
        lines: What is written, in order.
        given: Parameters by name.
        sizes: Numbers of each value.
        written: The pieces that have a line, and their names.
    """

    pieces: Pieces
    atoms: Mapping[ValuePiece, str]
    states: Mapping[ValuePiece, str] = field(default_factory=dict)
    names: Mapping[ValuePiece, str] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    unfold: bool = False
    lines: list[WrittenLine] = field(default_factory=list)
    given: dict[str, Array] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    written: dict[ValuePiece, str] = field(default_factory=dict)
    _uses: dict[ValuePiece, int] = field(default_factory=dict)
    _inline: set[ValuePiece] = field(default_factory=set)
    _line: str = ""
    _size: int = 0
    _used: set[str] = field(default_factory=set)
    _after: set[str] = field(default_factory=set)

    def write(self, roots: Sequence[tuple[str, Array]]) -> None:
        """Write lines for what is wanted, by name and places; names of old states end their old value.

        Raises:
            UnsupportedNode: Something cannot be written.
        """
        needed = self._needed([places for _, places in roots])
        self._count(needed, [places for _, places in roots])
        wanted: dict[ValuePiece, str] = {}
        later: list[tuple[str, Array]] = []
        for name, places in roots:
            piece = self.pieces.sole(places)
            own = piece is not None and piece not in self.atoms and piece not in wanted
            if own and piece is not None and piece.vector.kind not in ("given", "constant"):
                wanted[piece] = name
            else:
                later.append((name, places))
        functions = self.pieces.vectors.functions
        used = self._used = {*self.taken, *self.atoms.values(), *(name for name, _ in roots), *functions}
        own_lines: list[ValuePiece] = []
        signs: dict[ValuePiece, int] = {}
        for piece in needed:
            inner = [self.pieces.sole(places) for places in piece.operands]
            signs[piece] = 1 + sum(signs.get(one, 0) for one in inner if one is not None)
            if piece in wanted or signs[piece] > _MOST_SIGNS or self._has_line(piece):
                own_lines.append(piece)
                signs[piece] = 0
        for piece in own_lines:
            if piece not in wanted:
                name = self.names.get(piece) or safe_name(piece.vector.label or piece.vector.function, used)
                used.add(name)
                self.written[piece] = name
        self._inline = set(needed) - set(own_lines)
        self.written |= wanted
        for piece in own_lines:
            self._one(piece)
        for name, places in later:
            self._line, self._size = name, len(places)
            self._add(name, self._operand(places, len(places))[0], len(places), "")

    def _one(self, piece: ValuePiece) -> None:
        name = self.written[piece]
        self._line, self._size = name, piece.size
        text = self._text(piece)[0]
        self._add(name, text, piece.size, piece.vector.label)

    def _add(self, name: str, text: str, size: int, label: str) -> None:
        self.lines.append(WrittenLine(name, text, label))
        self.sizes[name] = size
        if name in self.states.values():
            self._after.add(name)

    def _needed(self, roots: Sequence[Array]) -> list[ValuePiece]:
        seen: set[ValuePiece] = set()
        waiting = [part for places in roots for part, _, _ in self.pieces.parts(np.unique(places))]
        while waiting:
            one = waiting.pop()
            if one in seen or one in self.atoms or one.vector.kind == "constant":
                continue
            if one.vector.kind == "given":
                raise UnsupportedNode(f"{one.vector.label} is not there where it is read")
            seen.add(one)
            waiting += [part for places in one.operands for part, _, _ in self.pieces.parts(np.unique(places))]
        return sorted(seen, key=lambda one: (one.vector.number, one.begin))

    def _count(self, needed: Sequence[ValuePiece], roots: Sequence[Array]) -> None:
        """Count who reads each piece; twice where it has to be a name, because it is read in part or by a matrix."""
        for reader in needed:
            for places in reader.operands:
                self._count_read(reader, places)
        for places in roots:
            alone = self.pieces.sole(places) is not None
            for part, _, _ in self.pieces.parts(np.unique(places)):
                self._uses[part] = self._uses.get(part, 0) + (1 if alone else 2)

    def _count_read(self, reader: ValuePiece, places: Array) -> None:
        piece = self.pieces.sole(places)
        vector = reader.vector
        plain = piece is not None and piece.size == reader.size and vector.kind == "apply"
        plain = plain and vector.function not in self.pieces.vectors.functions  # which may read it several times
        for part, _, _ in self.pieces.parts(np.unique(places)):
            self._uses[part] = self._uses.get(part, 0) + (1 if plain else 2)

    def _has_line(self, piece: ValuePiece) -> bool:
        vector = piece.vector
        if piece in self.names or self._uses.get(piece, 0) > 1 or vector.kind == "whole":
            return True
        return vector.kind == "apply" and vector.function not in _ARITHMETIC

    # --- one expression -------------------------------------------------------------------------------------------

    def _text(self, piece: ValuePiece) -> tuple[str, int]:
        """Return what a piece is made of, and how tightly its sign binds: 0 a sum, 1 a product, 3 a name."""
        vector = piece.vector
        if vector.kind == "linear" or vector.function == "+":
            return self._sum(piece)
        if vector.kind == "whole":
            inner = ", ".join(self._operand(places, len(places))[0] for places in piece.operands)
            return self._called(vector.function, inner)
        if vector.function == "neg":
            text, binds = self._operand(piece.operand(0), piece.size)
            return f"-{text if binds == 3 else f'({text})'}", 1
        if vector.function in ("-", "*", "/"):
            return self._binary(piece)
        inner = ", ".join(self._operand(places, piece.size)[0] for places in piece.operands)
        return self._called(vector.function, inner)

    def _called(self, function: str, inner: str) -> tuple[str, int]:
        body = self.pieces.vectors.functions.get(function)
        if body is None or not self.unfold:
            return f"{function}({inner})", 3
        return re.sub(r"\ba\b", inner, body), 0

    def _binary(self, piece: ValuePiece) -> tuple[str, int]:
        sign = piece.vector.function
        level = 0 if sign == "-" else 1
        (left, tight), (right, tighter) = (self._operand(places, piece.size) for places in piece.operands)
        left = left if tight >= level else f"({left})"
        right = right if tighter > level else f"({right})"
        return f"{left} {sign} {right}", level

    def _sum(self, piece: ValuePiece) -> tuple[str, int]:
        """Return a sum: matrices first, then what else is added, then constants."""
        affine, others = Affine(piece.size), list[str]()
        self._gather(piece, affine, others, True)
        addends = []
        for source, matrix in affine.terms.items():
            letter = "U" if source in self.states else "W" if self.atoms.get(source) == "x" else "V"
            addends.append(f"{self._parameter(letter, matrix)} @ {self._name(source)}")
        addends += others
        if affine.bias is not None and (np.any(affine.bias) or not addends):
            addends.append(self._constant("b", np.broadcast_to(affine.bias, (piece.size,)), not others))
        made = addends[0]
        for one in addends[1:]:
            made += f" - {one[1:]}" if re.match(r"-[\d.]", one) else f" + {one}"
        return made, 0 if len(addends) > 1 else 1

    def _gather(self, piece: ValuePiece, affine: Affine, others: list[str], top: bool = False) -> None:
        """Add what a piece is the sum of, as far as it is written in this line."""
        vector = piece.vector
        inline = top or piece in self._inline
        if inline and vector.kind == "linear":
            inner = linear_parts(self.pieces, piece)
            for source, matrix in inner.terms.items():
                affine.add(source, matrix)
            if inner.bias is not None:
                affine.shift(inner.bias)
        elif inline and vector.kind == "apply" and vector.function == "+" and piece.size == affine.size:
            for places in piece.operands:
                constants = self.pieces.vectors.constants(places)
                one = self.pieces.sole(places)
                if constants is not None:
                    affine.shift(constants)
                elif one is not None and one.size == affine.size:
                    self._gather(one, affine, others)
                else:
                    others.append(_in_sum(*self._operand(places, affine.size)))
        else:
            others.append(_in_sum(*self._operand(piece.places, affine.size)))

    def _operand(self, places: Array, size: int) -> tuple[str, int]:
        """Return numbers at places as an operand of so many numbers."""
        constants = self.pieces.vectors.constants(places)
        if constants is not None:
            return self._constant("k", constants), 3
        if (places == places[0]).all():
            places = places[:1]
        piece = self.pieces.sole(places)
        if piece is not None:
            return self._text(piece) if piece in self._inline else (self._name(piece), 3)
        parts = self.pieces.parts(places)
        if any(one.vector.kind == "constant" for one, _, _ in parts):
            return self._among_constants(places)
        if len(parts) <= MOST_PIECES and all(_is_part(*one) for one in parts):
            texts = [self._part(*one) for one in parts]
            return (texts[0] if len(texts) == 1 else f"concat({', '.join(texts)})"), 3
        return self._selected(places)

    def _among_constants(self, places: Array) -> tuple[str, int]:
        """Return numbers beside constants: these are a parameter, which is as long as the line it stands in."""
        line = self._line
        if len(places) == self._size:
            return self._selected(places)
        self._line = safe_name("beside_constants", self._used)
        self._used.add(self._line)
        self._add(self._line, self._selected(places)[0], len(places), "")
        name, self._line = self._line, line
        return name, 3

    def _part(self, piece: ValuePiece, begin: int, end: int) -> str:
        name = self._name(piece)
        if end - begin == piece.size:
            return name
        return f"part({name}, {begin // (end - begin)}, {piece.size // (end - begin)})"

    def _selected(self, places: Array) -> tuple[str, int]:
        """Return scattered numbers as matrices of 0 and 1 times the values they are of."""
        affine = Affine(len(places))
        few, back = np.unique(places, return_inverse=True)
        at = 0
        for piece, begin, end in self.pieces.parts(few):
            rows = np.flatnonzero((back >= at) & (back < at + end - begin))
            if len(places) * piece.size > MOST_WEIGHTS:
                raise UnsupportedNode(f"to move {len(places)} numbers takes a matrix that is too large")
            if piece.vector.kind == "constant":
                assert piece.vector.values is not None
                numbers = np.zeros(len(places))
                numbers[rows] = piece.vector.values[piece.begin + begin + back[rows] - at]
                affine.shift(numbers)
            else:
                matrix = np.zeros((len(places), piece.size))
                matrix[rows, begin + back[rows] - at] = 1
                affine.add(piece, matrix)
            at += end - begin
        texts = [f"{self._parameter('S', matrix)} @ {self._name(one)}" for one, matrix in affine.terms.items()]
        if affine.bias is not None:
            texts.append(self._parameter("k", affine.bias))
        return " + ".join(texts), 0 if len(texts) > 1 else 1

    def _name(self, piece: ValuePiece) -> str:
        if piece in self.states:
            name = self.states[piece]
            return f"prev({name})" if name in self._after else name
        if piece in self.atoms:
            return self.atoms[piece]
        return self.written[piece]

    def _constant(self, letter: str, numbers: Array, as_vector: bool = False) -> str:
        """Return constants as a number where all are the same, else as a parameter."""
        if not np.isfinite(numbers).all():
            raise UnsupportedNode("constants that are not finite have no place in a page of equations")
        if (numbers == numbers[0]).all() and not as_vector:
            return number_text(float(numbers[0]))
        return self._parameter(letter, numbers)

    def _parameter(self, letter: str, numbers: Array) -> str:
        stem = f"{letter}_{self._line}"[:40]
        name, number = stem, 1
        while name in self.given:
            number += 1
            name = f"{stem}_{number}"
        self.given[name] = np.ascontiguousarray(numbers, np.float32)
        return name


def _in_sum(text: str, binds: int) -> str:
    return text if binds else f"({text})"


def _is_part(piece: ValuePiece, begin: int, end: int) -> bool:
    """Say whether a part of a piece is one of several of equal length."""
    return begin % (end - begin) == 0 and piece.size % (end - begin) == 0


def number_text(number: float) -> str:
    """Return a constant as it is written in a page: the shortest text of the fraction of 32 bits it is."""
    single = np.float32(number)
    plain = float(exact(single)) if np.isfinite(single) and np.isclose(float(single), number, rtol=1e-6) else number
    whole = int(plain) if plain == int(plain) and abs(plain) < 1e6 else None
    text = str(whole) if whole is not None else exact(plain)
    return text if number >= 0 else f"({text})"
