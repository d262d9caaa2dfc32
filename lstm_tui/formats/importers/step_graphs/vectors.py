"""A step of a program as vectors, each made of numbers of others by one op of the equation language.

Every number that a step computes has a place of its own, counted from 0 over all vectors. A tensor of the program is
an array of places in its shape: what only moves numbers (a reshape, a slice, a stack) is done to the places and makes
no vector, whatever it is called and whatever axes it goes over.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import field
from typing import Literal

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.program.graph import UnsupportedNode

Kind = Literal["given", "constant", "apply", "whole", "linear"]
MOST_VECTORS = 4_000
MOST_WEIGHTS = 1 << 25
"""Entries of one matrix."""


@dataclass(eq=False)
class Vector:
    """Numbers that are made at once.

    Attributes:
        number: Which it is, counted in the order in which they are made.
        start: Place of its first number.
        size: How many numbers.
        kind: Given from outside, constants of the file, an op unit by unit (`apply`), one of a whole vector (`whole`),
            or a matrix times a vector (`linear`).
        function: A sign or function of the language; for what is given, what it is called.
        operands: TensorPlaces of what it reads: of `apply` each as many as there are numbers; any number otherwise.
        values: The constants, or the matrix (size, numbers of its operand).
        label: What the file calls it.
    """

    number: int
    start: int
    size: int
    kind: Kind
    function: str = ""
    operands: tuple[Array, ...] = ()
    values: Array | None = None
    label: str = ""

    @property
    def places(self) -> Array:
        """The places of its numbers."""
        return np.arange(self.start, self.start + self.size)


@dataclass(frozen=True)
class PlaceRun:
    """Numbers of one vector that stand beside each other.

    Attributes:
        vector: Which.
        begin: The first of them.
        end: Behind the last.
    """

    vector: Vector
    begin: int
    end: int


@dataclass(eq=False)
class StepVectors:
    """All vectors of a step, in an order in which each reads what is made before.

    Attributes:
        all: The vectors.
        functions: Functions that the language has no word for, each as an expression in `a`.
    """

    all: list[Vector] = field(default_factory=list)
    functions: dict[str, str] = field(default_factory=dict)
    _starts: list[int] = field(default_factory=list)
    _known: dict[tuple[object, ...], Vector] = field(default_factory=dict)

    def owner(self, place: int) -> Vector:
        """Return the vector a place belongs to."""
        return self.all[bisect_right(self._starts, place) - 1]

    def runs(self, places: Array) -> list[PlaceRun]:
        """Return places as runs of numbers of one vector, in their order."""
        found: list[PlaceRun] = []
        if not len(places):
            return found
        breaks = np.flatnonzero(np.diff(places) != 1) + 1
        for piece in np.split(places, breaks):
            begin, end = int(piece[0]), int(piece[-1]) + 1
            while begin < end:
                vector = self.owner(begin)
                stop = min(end, vector.start + vector.size)
                found.append(PlaceRun(vector, begin - vector.start, stop - vector.start))
                begin = stop
        return found

    def constants(self, places: Array) -> Array | None:
        """Return the numbers at places that all hold constants; None where one does not."""
        few, back = np.unique(places, return_inverse=True)
        made = np.zeros(len(few), np.float64)
        at = 0
        for run in self.runs(few):
            if run.vector.values is None or run.vector.kind != "constant":
                return None
            made[at : at + run.end - run.begin] = run.vector.values[run.begin : run.end]
            at += run.end - run.begin
        return np.asarray(made[back])

    def given(self, name: str, size: int) -> Array:
        """Return the places of what is given from outside."""
        return self._add("given", name, (), size, label=name).places

    def constant(self, numbers: Array, label: str = "") -> Array:
        """Return the places of constants, in their shape."""
        flat = np.asarray(numbers, np.float64).reshape(-1)
        if not flat.size:
            return np.zeros(np.shape(numbers), np.int64)
        made = self._add("constant", "", (), flat.size, flat, label, key=flat.tobytes())
        return made.places.reshape(np.shape(numbers))

    def apply(self, function: str, *operands: Array, label: str = "") -> Array:
        """Return the places of an op unit by unit; a shape spreads over another as in NumPy."""
        if len(operands) == 2 and (same := self._unchanged(function, *operands)) is not None:
            return same
        wide = np.broadcast_arrays(*operands)
        flat = tuple(np.ascontiguousarray(one).reshape(-1) for one in wide)
        if not flat[0].size:
            return np.zeros(wide[0].shape, np.int64)
        made = self._add("apply", function, flat, flat[0].size, label=label)
        return made.places.reshape(wide[0].shape)

    def _unchanged(self, function: str, left: Array, right: Array) -> Array | None:
        """Return what a sum with 0 and a product with 1 leave as it is; None where it is another op."""
        nothing = {"+": 0, "-": 0, "*": 1, "/": 1}.get(function)
        for one, other in ((left, right), (right, left)) if function in "+*" else ((left, right),):
            shape = np.broadcast_shapes(left.shape, right.shape)
            if nothing is None or one.shape != shape or not other.size or not one.size:
                continue
            constants = self.constants(other.reshape(-1))
            if constants is not None and (constants == nothing).all():
                return one
        return None

    def whole(self, function: str, *operands: Array, single: bool = False, label: str = "") -> Array:
        """Return the places of an op of whole vectors: one number where it is `single`."""
        flat = tuple(np.ascontiguousarray(one).reshape(-1) for one in operands)
        return self._add("whole", function, flat, 1 if single else flat[0].size, label=label).places

    def linear(self, matrix: Array, operand: Array, label: str = "") -> Array:
        """Return the places of a matrix (m, k) times k numbers."""
        if matrix.size > MOST_WEIGHTS:
            raise UnsupportedNode(f"a matrix of {matrix.size} numbers is more than a page of equations takes")
        flat = np.ascontiguousarray(operand).reshape(-1)
        made = self._add("linear", "@", (flat,), len(matrix), np.asarray(matrix), label)
        return made.places

    def _add(
        self, kind: Kind, function: str, operands: tuple[Array, ...], size: int, values: Array | None = None,
        label: str = "", key: bytes = b"",
    ) -> Vector:  # fmt: skip
        same: tuple[object, ...] = (kind, function, size, key, tuple(one.tobytes() for one in operands))
        if kind != "linear" and same in self._known:
            return self._known[same]
        if len(self.all) >= MOST_VECTORS:
            raise UnsupportedNode(f"a step takes more than {MOST_VECTORS} ops")
        start = self._starts[-1] + self.all[-1].size if self.all else 0
        made = Vector(len(self.all), start, size, kind, function, operands, values, label)
        self.all.append(made)
        self._starts.append(start)
        self._known[same] = made
        return made

    def reached(self, roots: Sequence[Array], stop: frozenset[int] = frozenset()) -> set[int]:
        """Return the numbers of all vectors that places are made of; what stands in `stop` is not looked into."""
        seen: set[int] = set()
        waiting = [run.vector for places in roots for run in self.runs(places)]
        while waiting:
            one = waiting.pop()
            if one.number not in seen:
                seen.add(one.number)
                if one.number not in stop:
                    waiting += [run.vector for operand in one.operands for run in self.runs(operand)]
        return seen
