"""StepVectors cut where those who read them cut: the four gates of one product of 4H rows become four values.

What is computed unit by unit, or row by row of a matrix, gives the same numbers in one piece or in several. So a
slice of a sum is the sum of slices, and the cut moves up to the matrix, whose rows are parted; a state in which two
are stacked becomes two states.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from itertools import pairwise

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.formats.importers.step_graphs.vectors import PlaceRun, StepVectors, Vector

MOST_PIECES = 12
"""Into how many pieces a vector is cut at most; a part of what stays whole is taken out by a matrix."""
MOST_RUNS = 9
"""Pieces that stand end to end, at most; what is put together of more is moved by a matrix."""
_MOST_ROUNDS = 50


@dataclass(frozen=True)
class ValuePiece:
    """A part of a vector, or all of it: a value of the page.

    Attributes:
        vector: Which.
        begin: Its first number.
        end: Behind the last.
    """

    vector: Vector
    begin: int
    end: int

    @property
    def size(self) -> int:
        """How many numbers."""
        return self.end - self.begin

    @property
    def places(self) -> Array:
        """The places of its numbers."""
        return np.arange(self.vector.start + self.begin, self.vector.start + self.end)

    def operand(self, n: int) -> Array:
        """Return the places of what it reads; of an op unit by unit those of its own units alone."""
        places = self.vector.operands[n]
        return places[self.begin : self.end] if self.vector.kind == "apply" else places

    @property
    def operands(self) -> tuple[Array, ...]:
        """The places of all that it reads."""
        return tuple(self.operand(n) for n in range(len(self.vector.operands)))

    @property
    def matrix(self) -> Array:
        """Its rows of the matrix."""
        assert self.vector.values is not None
        return self.vector.values[self.begin : self.end]


@dataclass(eq=False)
class Pieces:
    """Where vectors are cut.

    Attributes:
        vectors: The vectors.
        cuts: By the number of a vector, where it is cut.
    """

    vectors: StepVectors
    cuts: dict[int, set[int]] = field(default_factory=dict)
    _whole: set[int] = field(default_factory=set)

    def cut(self, roots: Sequence[Array], states: Iterable[tuple[Array, Array]]) -> None:
        """Find the cuts: of what is wanted, and of states, which go in and come out in the same pieces.

        Args:
            roots: TensorPlaces of what is wanted.
            states: Of every state the places that go in and those that come out.
        """
        pairs = list(states)
        for _ in range(_MOST_ROUNDS):
            before = sum(map(len, self.cuts.values()))
            for places in (*roots, *(new for _, new in pairs)):
                self._read(places)
            for old, new in pairs:
                self._together(old, new)
            for vector in reversed(self.vectors.all):
                self._pass_on(vector)
            if sum(map(len, self.cuts.values())) == before:
                return

    def _together(self, old: Array, new: Array) -> None:
        """Cut a state as it comes out where it is cut as it goes in, and the other way round."""
        vector = self.vectors.owner(int(old[0]))
        at = 0
        for run in self._few(new)[:-1]:
            at += run.end - run.begin
            self._add(vector, at)
        for one in list(self.cuts.get(vector.number, ())):
            self._read(new[:one])
            self._read(new[one:])

    def _read(self, places: Array) -> None:
        """Cut what is read at places so that each run of them is a piece."""
        if not len(places) or (places[0] == places[-1] and len(places) > 1):
            places = places[:1]
        for run in self._joined(places):
            self._add(run.vector, run.begin)
            self._add(run.vector, run.end)

    def _add(self, vector: Vector, at: int) -> None:
        if not 0 < at < vector.size or vector.kind in ("constant", "whole") or vector.number in self._whole:
            return
        if vector.kind == "given" and vector.function == "x":
            return
        cuts = self.cuts.setdefault(vector.number, set())
        cuts.add(at)
        if len(cuts) >= MOST_PIECES:
            self._whole.add(vector.number)
            cuts.clear()

    def _pass_on(self, vector: Vector) -> None:
        """Cut what a vector reads where it is cut itself; and itself where what it reads is put together."""
        if vector.kind in ("given", "constant"):
            return
        if vector.kind != "apply":
            if vector.kind == "whole":
                for places in vector.operands:
                    self._read(places)
            return
        for places in vector.operands:
            runs = self._few(places)
            at = 0
            for run in runs[:-1]:
                at += run.end - run.begin
                self._add(vector, at)
        edges = [0, *sorted(self.cuts.get(vector.number, ())), vector.size]
        for begin, end in pairwise(edges):
            for places in vector.operands:
                self._read(places[begin:end])

    def _few(self, places: Array) -> list[PlaceRun]:
        """Return the runs of pieces that stand end to end; none where places are constant, spread or scattered."""
        runs = self._joined(places)
        if any(run.vector.kind == "constant" for run in runs):
            return []
        return [
            PlaceRun(run.vector, max(run.begin, begin), min(run.end, end))
            for run in runs
            for begin, end in self._edges(run.vector)
            if max(run.begin, begin) < min(run.end, end)
        ]

    def _joined(self, places: Array) -> list[PlaceRun]:
        """Return places as runs where there are few of some length, and none where numbers are spread or scattered."""
        breaks = int((np.diff(places) != 1).sum())
        if breaks >= MOST_RUNS or (breaks > 1 and 2 * (breaks + 1) > len(places)):
            return []
        return self.vectors.runs(places)

    def _edges(self, vector: Vector) -> list[tuple[int, int]]:
        edges = [0, *sorted(self.cuts.get(vector.number, ())), vector.size]
        return list(pairwise(edges))

    def of(self, vector: Vector) -> list[ValuePiece]:
        """Return the pieces of a vector."""
        return [ValuePiece(vector, begin, end) for begin, end in self._edges(vector)]

    def at(self, place: int) -> ValuePiece:
        """Return the piece a place belongs to."""
        vector = self.vectors.owner(place)
        here = place - vector.start
        begin, end = next(pair for pair in self._edges(vector) if pair[0] <= here < pair[1])
        return ValuePiece(vector, begin, end)

    def parts(self, places: Array) -> list[tuple[ValuePiece, int, int]]:
        """Return places as parts of pieces: the piece, the first number in it, and behind the last."""
        found = []
        for run in self.vectors.runs(places):
            for begin, end in self._edges(run.vector):
                low, high = max(run.begin, begin), min(run.end, end)
                if low < high:
                    found.append((ValuePiece(run.vector, begin, end), low - begin, high - begin))
        return found

    def sole(self, places: Array) -> ValuePiece | None:
        """Return the piece that places are, number by number; None where they are none or several."""
        if len(places) > 1 and (np.diff(places) != 1).any():
            return None
        parts = self.parts(places)
        return parts[0][0] if len(parts) == 1 and parts[0][2] - parts[0][1] == parts[0][0].size else None
