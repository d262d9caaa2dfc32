"""A compiled page of equations: the instruction table that both interpreters run.

A step of a pass is one row of storage. Every op writes a slot of its own in that row and reads slots of the
same row, slots of the row before (the previous state) or parameters. Nothing is overwritten, so a row holds
all that was ever computed in its step.

Matrices that multiply the same vector lie side by side, transposed, in one block of the flat parameters:
`W_f W_i W_g W_o` are one (I, 4H) array, so that one product serves them all. Each number of a product is
added up in the order of its matrix row whatever else is packed beside it, so packing changes no bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.buffers import aligned, aligned_copy
from lstm_tui.engine.compiler.ops import Code, Op, Shape, StepsOp
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.cell_fields import Mask
from lstm_tui.engine.language.equations import Equation
from lstm_tui.engine.language.expression import Expression
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.text_safety import visible


class Space(IntEnum):
    """Where an operand lies."""

    CURRENT = 0
    PREVIOUS = 1
    PARAMETER = 2


class Operand(NamedTuple):
    """What an op reads: `size` numbers at `offset`; one number spreads."""

    space: Space
    offset: int
    size: int
    text: str


class Slot(NamedTuple):
    """Where a value lies in a row."""

    offset: int
    size: int


class MatrixPlace(NamedTuple):
    """Where a matrix lies: column `column` of a packed block (inner, stride) at `block`."""

    name: str
    block: int
    stride: int
    column: int
    inner: int
    rows: int


class Instruction(NamedTuple):
    """One row of the table.

    Attributes:
        op: What it computes.
        target: Where the result goes.
        operands: What it reads.
        matrix: The matrix of a product, else None.
        equation: Number of the equation it belongs to; -1 for a value given from below in the bottom layer.
        text: How it is written on the screen.
        hoisted: Whether it is a product of an input, computed for many steps at once.
        steps: The op over steps it stands for (readouts only), which replaces `op`.
        shape: Of an op over heads, else None.
    """

    op: Op
    target: Slot
    operands: tuple[Operand, ...]
    matrix: MatrixPlace | None
    equation: int
    text: str
    hoisted: bool = False
    steps: StepsOp | None = None
    shape: Shape | None = None

    @property
    def holds_entering(self) -> bool:
        """Whether it holds a state as the step finds it, which an edit sets back."""
        return self.op.code == Code.HOLD and self.operands[0].space == Space.PREVIOUS

    def compute(self, *operands: Array) -> Array:
        """Return the result of its op; a product with a parameter and `every` are not computed here."""
        given = operands if self.shape is None else (self.shape, *operands)
        return self.op.forward(*given)

    def pull(self, d: Array, result: Array, *operands: Array) -> tuple[Array | None, ...]:
        """Return the gradient by each operand; see `Op.backward`."""
        given = (d, result, *operands) if self.shape is None else (self.shape, d, result, *operands)
        return self.op.backward(*given)


@dataclass(frozen=True)
class Parameter:
    """A weight matrix or a bias vector.

    Attributes:
        name: Its name in the equations.
        shape: (rows, columns) or (size,).
        place: Where a matrix lies in its block; None for a vector.
        offset: Where a vector lies.
        mask: (rows, columns) of booleans, True where an entry exists; None when all do.
    """

    name: str
    shape: tuple[int, ...]
    place: MatrixPlace | None = None
    offset: int = 0
    mask: Array | None = None

    @property
    def count(self) -> int:
        """How many numbers can be trained."""
        return int(np.prod(self.shape)) if self.mask is None else int(self.mask.sum())


@dataclass(frozen=True, eq=False)
class ProductGroup:
    """Products of one operand, side by side: one (inner, rows) block and one slot."""

    operand: Operand
    block: int
    inner: int
    rows: int
    target: Slot
    hoisted: bool


@dataclass(frozen=True, eq=False)
class Program:
    """A cell compiled for given sizes.

    Attributes:
        cell: The cell, or None for a readout.
        equations: Its equations as compiled: without parameters that were left out.
        input_size: I.
        hidden_size: H.
        width: Numbers in a row.
        inputs: Slot of `x` and of every value read from below.
        values: Slot of every named value, in order.
        instructions: The table, in the order in which a step is taken.
        groups: Products that can be taken together.
        parameters: In order of first use.
        parameter_count: Numbers in the flat parameters, constants included.
        constants: Where constants lie in the flat parameters, and their numbers.
        initial: Number or parameter of each state before the first step.
        below: Which value of the layer below each input from below reads.
        sizes: Values of the free letters in the cell's sizes.
        without: Optional parameters that are left out.
        bottom: Whether it was compiled for the lowest layer.
        heads: How many heads the cell has.
        matrices: Shape of every value that is a matrix a head.
        shapes: Shape of every op over heads, by where it stands in the equations.
    """

    cell: Cell | None
    equations: tuple[Equation, ...]
    input_size: int
    hidden_size: int
    width: int
    inputs: Mapping[str, Slot]
    values: Mapping[str, Slot]
    instructions: tuple[Instruction, ...]
    groups: tuple[ProductGroup, ...]
    parameters: Mapping[str, Parameter]
    parameter_count: int
    constants: tuple[tuple[int, Array], ...]
    initial: Mapping[str, float | str]
    below: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    bottom: bool = True
    heads: int = 1
    matrices: Mapping[str, Shape] = field(default_factory=dict)
    shapes: Mapping[Expression, Shape] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Say in one line what it is made of; no number of it."""
        of = visible(self.cell.name) if self.cell else "a readout"
        return (
            f"<Program of {of}: {count_of(len(self.equations), 'equation')}, {count_of(len(self.instructions), 'op')}, "
            f"{self.parameter_count:,} parameters, {self.hidden_size} units>"
        )

    @property
    def clock(self) -> int:
        """Steps that count as taken before the first, for `every`."""
        return self.cell.start if self.cell else 0

    def empty(self, dtype: Any = np.float32) -> Array:
        """Return flat parameters that are 0, with the constants in place."""
        flat = aligned((self.parameter_count,), dtype)
        flat[:] = 0
        return self._with_constants(flat)

    def cast(self, flat: Array, dtype: Any) -> Array:
        """Return flat parameters in another dtype: the weights as they were held, the constants as written.

        Raises:
            UserError: If a weight is larger than that dtype holds.
        """
        if flat.dtype == dtype:
            return flat
        with np.errstate(over="ignore"):
            made = aligned_copy(flat, dtype)
        if made.itemsize < flat.itemsize and np.any(np.isinf(made) & np.isfinite(flat)):
            raise UserError(f"the network holds a weight that is too large for {made.dtype}: take float64")
        return self._with_constants(made)

    def _with_constants(self, flat: Array) -> Array:
        for offset, numbers in self.constants:
            flat[offset : offset + len(numbers)] = numbers
        return flat

    def view(self, flat: Array, name: str) -> Array:
        """Return a parameter by name as a view (rows, columns) or (size,): writing changes `flat`."""
        parameter = self.parameters[name]
        place = parameter.place
        if place is None:
            return flat[parameter.offset : parameter.offset + parameter.shape[0]]
        block = flat[place.block : place.block + place.inner * place.stride].reshape(place.inner, place.stride)
        return block[:, place.column : place.column + place.rows].T

    def initial_states(self, flat: Array, given: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Return each state before the first step: as given, learned, or the cell's own number.

        Raises:
            UserError: If what is given is no state of the cell or has another size.
        """
        result: dict[str, Array] = {}
        states = self.cell.state if self.cell else ()
        for name in given or ():
            if name not in states:
                near = nearest(name, states)
                raise UserError(f"the initial {name} is no state" + (f"; did you mean {near}?" if near else ""))
        for name in states:
            size = self.values[name].size
            start = self.initial.get(name, 0.0)
            if given is not None and name in given:
                with np.errstate(over="ignore"):
                    numbers = np.array(given[name], dtype=flat.dtype)
                if np.any(np.isinf(numbers) & np.isfinite(given[name])):
                    raise UserError(f"the initial {name} holds a number too large for {flat.dtype}: take float64")
                if numbers.size != size:
                    raise UserError(f"the initial {name} has {numbers.size} numbers; it should have {size}")
                result[name] = numbers.reshape(size)
            elif isinstance(start, str):
                result[name] = self.view(flat, start).copy()
            else:
                result[name] = np.empty(size, dtype=flat.dtype)
                result[name].fill(start)
        return result

    def instructions_of(self, equation: int) -> tuple[Instruction, ...]:
        """Return the ops of one equation."""
        return tuple(one for one in self.instructions if one.equation == equation)

    def table(self) -> Array:
        """Return the instruction table for the Numba interpreter, one op a row.

        Columns: code, target offset, target size, then space, offset and size of up to three operands, then
        for a product the place of its first number, the stride of its block and its inner size (for an op over
        heads how many heads, rows and columns there are), then the number of its group and whether it is hoisted.
        """
        rows = np.zeros((len(self.instructions), 17), dtype=np.int64)
        for row, one in zip(rows, self.instructions, strict=True):
            row[:3] = one.op.code, one.target.offset, one.target.size
            for n, operand in enumerate(one.operands):
                row[3 + 3 * n : 6 + 3 * n] = operand.space, operand.offset, operand.size
            row[15] = -1
            if one.matrix is not None:
                place = one.matrix
                row[12:15] = place.block + place.column, place.stride, place.inner
                row[15] = self._group_of(one.target)
            if one.shape is not None:
                row[12:15] = one.shape
            row[16] = one.hoisted
        return rows

    def _group_of(self, target: Slot) -> int:
        """Return the group that a product is taken in; -1 for a matrix used again, which stands alone."""
        inside = (g.target.offset <= target.offset < g.target.offset + g.target.size for g in self.groups)
        return next((n for n, found in enumerate(inside) if found), -1)

    def packed_table(self) -> Array:
        """Return the table with each group of products taken at once, where its first one stands."""
        rows = self.table()
        seen: set[int] = set()
        keep: list[int] = []
        for n, one in enumerate(self.instructions):
            group = int(rows[n, 15])
            if one.op.code != Code.MATVEC or group < 0:
                keep.append(n)
                continue
            if group in seen or one.hoisted:
                continue
            seen.add(group)
            packed = self.groups[group]
            rows[n, 1:3] = packed.target
            rows[n, 12:15] = packed.block, packed.rows, packed.inner
            keep.append(n)
        return np.ascontiguousarray(rows[keep])


def mask_array(mask: Mask, fixed: Mapping[str, tuple[float, ...]], rows: int, columns: int) -> Array:
    """Return which entries of a matrix exist, (rows, columns)."""
    axes = {"row": rows, "col": columns}
    left = spread(fixed[mask.left], axes[mask.left_axis])
    right = spread(fixed[mask.right], axes[mask.right_axis])
    a = left[:, None] if mask.left_axis == "row" else left[None, :]
    b = right[:, None] if mask.right_axis == "row" else right[None, :]
    compare = {"<": np.less, "<=": np.less_equal, "==": np.equal, ">=": np.greater_equal, ">": np.greater}
    return np.broadcast_to(compare[mask.operator](a, b), (rows, columns)).copy()


def spread(numbers: tuple[float, ...], size: int) -> Array:
    """Return g numbers over g blocks of units, as equal as can be; of too few units the first numbers get one each."""
    edges = [-(-n * size // len(numbers)) if size >= len(numbers) else min(n, size) for n in range(len(numbers) + 1)]
    return np.repeat(np.array(numbers, dtype=np.float64), np.diff(edges))


def entering(state: str) -> str:
    """Return what a state is called as a step finds it, where an edit holds that."""
    return f"prev({state})"


def is_entering(value: str) -> bool:
    """Say whether a value is called so as `entering` calls a state."""
    return value.startswith("prev(")


RESET_CLOCK = "steps before the reset"
"""The input that says how many steps were taken before the state was last set back, for `every`."""


def is_hold(name: str, cell: Cell) -> bool:
    """Say whether an input of a program only tells where an edit holds a value."""
    values = (*cell.values, "x", *map(entering, cell.state))
    return name == RESET_CLOCK or any(name in held_inputs(value) for value in values)


def held_inputs(value: str) -> tuple[str, str]:
    """Return the names of the two inputs that say how a value is held."""
    return (f"{value} mode", f"{value} number")
