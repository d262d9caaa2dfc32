"""Readouts are evaluated here: every op at once over a whole series of tokens, and back.

A value is a *series*, (T, n), or *single*, (n,). What is read from the passes is a series; an op over the
steps makes it single; anything with a series among its operands is one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import Instruction, Operand, Program, Slot, Space
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.blocked_product import BLOCK, blocked_product
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, as_array, is_windowed, joined, rows_of


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Every slot of a readout.

    Attributes:
        program: What was evaluated.
        flat: With which parameters.
        rows: Slots that are series, (T, width).
        single: Slots that are single, (width,); their rows hold the same at every token.
        is_series: Which is which, (width,).
    """

    program: Program
    flat: Array
    rows: Array
    single: Array
    is_series: Array

    def read(self, slot: Slot | Operand) -> Array:
        """Return a slot, (T, n) or (n,); what a `concat` makes of both kinds is a series."""
        place = slice(slot.offset, slot.offset + slot.size)
        return self.rows[:, place] if self.is_series[place].any() else self.single[place]

    def operand(self, operand: Operand) -> Array:
        """Return what an op reads."""
        if operand.space == Space.PARAMETER:
            return self.flat[operand.offset : operand.offset + operand.size]
        return self.read(operand)

    def spread(self, operand: Operand) -> Array:
        """Return what an op over the steps reads, (T, n): what is the same at every token is written out."""
        series = self.operand(operand)
        return np.broadcast_to(series, (len(self.rows), series.shape[0])) if series.ndim == 1 else series

    @property
    def values(self) -> dict[str, Array]:
        """Every named value."""
        return {name: self.read(slot) for name, slot in self.program.values.items()}


def evaluate(program: Program, flat: Array, inputs: Mapping[str, Array]) -> Evaluated:
    """Evaluate a readout over its inputs, (T, n) each in tape order."""
    return evaluate_part(program, flat, inputs)


def evaluate_part(
    program: Program,
    flat: Array,
    inputs: Mapping[str, Array],
    singles: Mapping[int, Array] | None = None,
    series: Mapping[int, Array] | None = None,
    upto: int | None = None,
) -> Evaluated:
    """Evaluate a readout over some tokens of a longer tape, or over all of it.

    Args:
        program: The readout.
        flat: Its parameters.
        inputs: What it reads, (T, n) each, of these tokens.
        singles: What ops over the steps give over the whole tape, (n,), by the number of their instruction.
        series: Those that have a number for every token, (T, n), of these tokens.
        upto: The instruction before which to stop; None for all of them.
    """
    steps = len(next(iter(inputs.values())))
    result = Evaluated(
        program,
        flat,
        np.empty((steps, program.width), dtype=flat.dtype),
        np.zeros(program.width, dtype=flat.dtype),
        np.zeros(program.width, dtype=np.bool_),
    )
    for name, slot in program.inputs.items():
        result.rows[:, slot.offset : slot.offset + slot.size] = inputs[name]
        result.is_series[slot.offset : slot.offset + slot.size] = True
    known = {**(singles or {}), **(series or {})}
    with np.errstate(all="ignore"):
        for number, one in enumerate(program.instructions[:upto]):
            place = slice(one.target.offset, one.target.offset + one.target.size)
            target = result.rows[:, place]
            numbers = known[number] if number in known else _forward(result, one, target)
            if numbers is not target:
                target[...] = numbers
            if numbers.ndim == 2:
                result.is_series[place] = True
            else:
                result.single[place] = numbers
    return result


def steps_needed(program: Program) -> tuple[int, ...]:
    """Return the numbers of the instructions that are over the steps of the whole tape, in their order."""
    return tuple(number for number, one in enumerate(program.instructions) if one.steps is not None)


def _forward(evaluated: Evaluated, one: Instruction, rows: Array) -> Array:
    """Return what an op yields; a product of a series is put into its rows."""
    operands = [evaluated.operand(operand) for operand in one.operands]
    if one.steps is not None:
        # What is the same at every token is its own mean, first and last; it is written out as a series.
        return one.steps.forward(evaluated.spread(one.operands[0]))
    if one.matrix is not None:
        block = evaluated.program.view(evaluated.flat, one.matrix.name).T
        if operands[0].ndim == 2:
            return blocked_product(operands[0], block, 0, None, rows)
        found: Array = blocked_product(operands[0][None, :], block)[0]
        return found
    return one.compute(*operands)


PULL_BYTES = 32 * 2**20
"""Bytes of slots that are gone back through together."""
_MOST_PULLED = 64 * BLOCK


def pull(evaluated: Evaluated, outside: Mapping[str, Array], parameters: bool = True) -> tuple[Array, dict[str, Array]]:
    """Back-propagate through a readout.

    Args:
        evaluated: What was computed, as arrays or as series.
        outside: The gradient of the loss by named values, in their shapes: arrays or series.
        parameters: Whether that by the parameters is wanted; else it is left at 0 where that spares a way.

    Returns:
        The gradient by the flat parameters and by each input, (T, n): series where `evaluated` holds series.
    """
    way = _WayBack(evaluated, outside)
    inputs = evaluated.program.inputs.items()
    if is_windowed(evaluated.rows):
        flat = way.parameters() if parameters else np.zeros_like(evaluated.flat)
        return flat, {name: way.series(slot) for name, slot in inputs}
    rows = [part.rows for part in way.parts()]
    whole = rows[0] if len(rows) == 1 else np.concatenate(rows)
    return way.gradient, {name: whole[:, slot.offset : slot.offset + slot.size] for name, slot in inputs}


def _pulled_steps(program: Program, itemsize: int) -> int:
    """Return how many tokens are gone back through together: as many of a run held whole as of one in windows."""
    return min(max(PULL_BYTES // max(program.width * itemsize, 1) // BLOCK * BLOCK, BLOCK), _MOST_PULLED)


class _WayBack:
    """A loss taken back through a readout, some tokens at a time.

    What is the same at every token gets its gradient from all of them: it is summed up, part by part in the order of
    the tape, before what it was made of gets any. Where all tokens are one part that is the plain way back.

    Attributes:
        gradient: That by the flat parameters, as far as the parts were gone through.
    """

    def __init__(self, evaluated: Evaluated, outside: Mapping[str, Array]) -> None:
        self._evaluated, self._outside = evaluated, outside
        program, self._count = evaluated.program, len(evaluated.rows)
        if steps_needed(program):  # it is read at every part
            self._evaluated = evaluated = replace(evaluated, single=np.asarray(evaluated.single))
        self._size = _pulled_steps(program, evaluated.flat.itemsize)
        self.gradient = np.zeros_like(evaluated.flat)
        self._whole: dict[int, Array] = {}
        self._largest: dict[int, Array] = {}
        self._last: tuple[int, Evaluated] | None = None
        self._turn = threading.RLock()
        self._in_parts = self._count > self._size
        if self._in_parts:
            self._of_all_tokens()

    def parameters(self) -> Array:
        """Return the gradient by the flat parameters, (N,)."""
        for _ in self.parts():
            pass
        return self.gradient

    def parts(self) -> Iterator[Evaluated]:
        """Yield the gradient by the slots at the tokens of every part, in the order of the tape; asked once."""
        for base in range(0, self._count, self._size):
            part = self._part(base)
            self.gradient += part.flat
            yield part

    def series(self, slot: Slot) -> Array:
        """Return the gradient by a slot, (T, n), computed where it is looked at."""
        place = slice(slot.offset, slot.offset + slot.size)

        def rows(number: int) -> Array:
            with self._turn:
                if self._last is None or self._last[0] != number:
                    self._last = number, self._part(number * self._size)
                return self._last[1].rows[:, place]

        dtype = self._evaluated.flat.dtype
        return as_array(WindowedSeries(lambda a, b: joined(rows, self._size, a, b), self._count, (slot.size,), dtype))

    @one_thread
    def _part(self, base: int, behind: int = 0) -> Evaluated:
        """Return the gradient by the slots at the tokens of a part, taken back to an instruction."""
        evaluated, stop = self._evaluated, min(base + self._size, self._count)
        program, dtype = evaluated.program, evaluated.flat.dtype
        here = replace(evaluated, rows=rows_of(evaluated.rows, base, stop))
        adjoint = Evaluated(
            program, np.zeros_like(evaluated.flat), np.zeros((stop - base, program.width), dtype),
            np.zeros(program.width, dtype), evaluated.is_series,
        )  # fmt: skip
        for name, numbers in self._outside.items():
            slot = program.values[name]
            if numbers.ndim == 2 or not self._in_parts:
                sink = adjoint.read(slot)
                sink += rows_of(numbers, base, stop) if numbers.ndim == 2 else numbers
        with np.errstate(all="ignore"):
            for number in range(len(program.instructions) - 1, behind - 1, -1):
                one = program.instructions[number]
                if not self._in_parts or (one.steps is None and self._is_series(one.target)):
                    _pull(here, adjoint, one)
                elif one.steps is not None:
                    piece = self._over_steps(number, one, here, adjoint, base)
                    sink = adjoint.operand(one.operands[0])
                    sink += _unspread(piece, evaluated.operand(one.operands[0]).shape)
        return adjoint

    def _is_series(self, slot: Slot | Operand) -> bool:
        return bool(self._evaluated.is_series[slot.offset : slot.offset + slot.size].any())

    def _of_all_tokens(self) -> None:
        """Find the gradient by what is of all tokens, from the last instruction back."""
        program, dtype = self._evaluated.program, self._evaluated.flat.dtype
        sum_of = replace(
            self._evaluated, flat=np.zeros_like(self.gradient), rows=np.zeros((0, program.width), dtype),
            single=np.zeros(program.width, dtype),
        )  # fmt: skip
        for name, numbers in self._outside.items():
            if numbers.ndim == 1:
                sink = sum_of.read(program.values[name])
                sink += numbers
        empty = replace(self._evaluated, rows=np.zeros((0, program.width), dtype))
        with np.errstate(all="ignore"):
            for number in range(len(program.instructions) - 1, -1, -1):
                one = program.instructions[number]
                place = slice(one.target.offset, one.target.offset + one.target.size)
                if self._is_series(one.target):
                    if one.steps is not None:
                        self._whole[number] = self._summed(number, _times_itself(place))
                    continue
                if self._reaches_tokens(number):
                    sum_of.single[place] += self._summed(number, _of_one(place))
                if one.steps is None:
                    _pull(empty, sum_of, one)
                else:
                    self._whole[number] = sum_of.single[place].copy()
        self.gradient += sum_of.flat

    def _reaches_tokens(self, number: int) -> bool:
        """Say whether something of each token is made of what an instruction makes of all."""
        target = self._evaluated.program.instructions[number].target
        return any(
            operand.space == Space.CURRENT
            and operand.offset < target.offset + target.size
            and target.offset < operand.offset + operand.size
            for one in self._evaluated.program.instructions[number + 1 :]
            if one.steps is not None or self._is_series(one.target)
            for operand in one.operands
        )

    def _summed(self, number: int, take: Callable[[Array, Evaluated], Array]) -> Array:
        """Return the sum over the parts of what is taken of one that was gone back through to behind an instruction."""
        found: Array | None = None
        for base in range(0, self._count, self._size):
            here = rows_of(self._evaluated.rows, base, min(base + self._size, self._count))
            piece = take(here, self._part(base, number + 1))
            found = piece if found is None else found + piece
        assert found is not None
        return found

    def _over_steps(self, number: int, one: Instruction, here: Evaluated, adjoint: Evaluated, base: int) -> Array:
        """Return the gradient that an op over the steps gives to the tokens of a part, (S, n)."""
        assert one.steps is not None
        whole, series = self._whole[number], here.spread(one.operands[0])
        name, stop = one.steps.name, base + len(series)
        if one.steps.keeps_series:
            place = slice(one.target.offset, one.target.offset + one.target.size)
            return np.asarray(here.rows[:, place] * (adjoint.rows[:, place] - whole))
        if name in ("sum_steps", "mean_steps"):
            return np.broadcast_to(whole if name == "sum_steps" else whole / self._count, series.shape)
        gradient = np.zeros(series.shape, adjoint.flat.dtype)
        if name == "max_steps":
            for unit, place_of in enumerate(self._largest_places(number)):
                if base <= place_of < stop:
                    gradient[place_of - base, unit] = whole[unit]
        elif (name == "first" and base == 0) or (name == "last" and stop == self._count):
            gradient[0 if name == "first" else -1] = whole
        return gradient

    def _largest_places(self, number: int) -> Array:
        """Return the first token at which each unit is largest, (n,); a NaN counts as larger than all."""
        if number not in self._largest:
            found = places = None
            operand = self._evaluated.program.instructions[number].operands[0]
            for base in range(0, self._count, self._size):
                rows = rows_of(self._evaluated.rows, base, min(base + self._size, self._count))
                series = replace(self._evaluated, rows=rows).spread(operand)
                first = series.argmax(axis=0)
                most = series[first, np.arange(series.shape[1])]
                if found is None or places is None:
                    found, places = most, first
                    continue
                better = (most > found) | (np.isnan(most) & ~np.isnan(found))
                found, places = np.where(better, most, found), np.where(better, first + base, places)
            assert places is not None
            self._largest[number] = places
        return self._largest[number]


def _times_itself(place: slice) -> Callable[[Array, Evaluated], Array]:
    """Return what sums over the tokens of a part the gradient by a slot times the slot."""
    return lambda here, d: np.asarray((d.rows[:, place] * here[:, place]).sum(axis=0))


def _of_one(place: slice) -> Callable[[Array, Evaluated], Array]:
    """Return what gives the gradient that the tokens of a part have by a slot that is the same at all of them."""
    return lambda here, d: np.asarray(d.single[place] + d.rows[:, place].sum(axis=0))


def _pull(evaluated: Evaluated, adjoint: Evaluated, one: Instruction) -> None:
    d = adjoint.read(one.target)
    if d.ndim == 1:  # what reached it as a part of a series counts as well
        d = d + adjoint.rows[:, one.target.offset : one.target.offset + one.target.size].sum(axis=0)
    operands = [evaluated.operand(operand) for operand in one.operands]
    pieces: tuple[Array | None, ...]
    if one.steps is not None:
        series = operands[0]
        if series.ndim == 1:
            series = np.broadcast_to(series, (len(evaluated.rows), series.shape[0]))
        pieces = (one.steps.backward(d, evaluated.read(one.target), series),)
    elif one.matrix is not None:
        weights = evaluated.program.view(evaluated.flat, one.matrix.name)
        sink = evaluated.program.view(adjoint.flat, one.matrix.name)
        sink += np.atleast_2d(d).T @ np.atleast_2d(operands[0])
        pieces = (d @ weights,)
    else:
        pieces = one.pull(d, evaluated.read(one.target), *operands)
    for operand, numbers, piece in zip(one.operands, operands, pieces, strict=True):
        if piece is not None:
            sink = adjoint.operand(operand)
            sink += _unspread(piece, numbers.shape)


def _unspread(piece: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which its operand was spread."""
    if len(shape) == 1 and piece.ndim == 2:
        piece = piece.sum(axis=0)
    if shape[-1] == 1 and piece.shape[-1] > 1:
        piece = piece.sum(axis=-1, keepdims=True)
    return piece
