"""From a cell and sizes to a program: the one place where the two meet.

Every input, product and op gets its slot, every parameter its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.builder import Builder, Draft, Ref, length
from lstm_tui.engine.compiler.ops import EVERY_OP, OPS, STEPS_OPS, Shape
from lstm_tui.engine.compiler.program import (
    Instruction,
    MatrixPlace,
    Operand,
    Parameter,
    ProductGroup,
    Program,
    Slot,
    Space,
    entering,
    mask_array,
    spread,
)
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.cell import without as equation_without
from lstm_tui.engine.language.cell_fields import HEAD, Size
from lstm_tui.engine.language.equations import Equation

MAX_WIDTH = 50_000_000
MAX_PARAMETERS = 500_000_000
MAX_MATRIX = 2**22
"""Numbers of a value that is a matrix a head: at every step all of them are computed."""

MAX_PLACES = 2**16
"""Places that a constant vector counts."""

Pack = list[int]
"""Numbers of the drafts of products that share an operand."""


@dataclass
class _Slots:
    """Where inputs, drafts and packs lie in a row."""

    inputs: dict[str, Slot]
    drafts: dict[int, Slot]
    packs: list[Slot]
    width: int


@dataclass
class _Places:
    """Where parameters and constants lie in the flat array."""

    matrices: dict[str, MatrixPlace]
    vectors: dict[str, int]
    fixed: dict[str, int]
    constants: dict[str, int]
    numbers: list[tuple[int, Array]]
    count: int


def place(builder: Builder, cell: Cell | None, equations: tuple[Equation, ...], input_size: int) -> Program:
    """Return the program of what a builder has collected.

    Raises:
        UserError: If a step or the parameters would be too many numbers.
    """
    packs = _packs(builder.drafts)
    slots = _slots(builder, packs)
    places = _places(builder, packs)
    resolver = _Resolver(builder, slots, places)
    packed = {number for pack in packs for number in pack}
    return Program(
        cell=cell,
        equations=equations,
        input_size=input_size,
        hidden_size=builder.sizes.hidden,
        width=slots.width,
        inputs=slots.inputs,
        values=resolver.values,
        instructions=tuple(
            one
            for number, draft in enumerate(builder.drafts)
            for one in resolver.instructions(draft, slots.drafts[number], number in packed)
        ),
        groups=tuple(
            resolver.group(builder.drafts[pack[0]], slot) for pack, slot in zip(packs, slots.packs, strict=True)
        ),
        parameters={name: _parameter(name, builder, places, cell) for name in builder.order},
        parameter_count=places.count,
        constants=tuple(places.numbers),
        initial={},
    )


def _packs(drafts: list[Draft]) -> list[Pack]:
    """Return products that share an operand, each matrix in the pack of its first use."""
    packs: dict[tuple[str, str, int, int, int], Pack] = {}
    placed: set[str] = set()
    for number, draft in enumerate(drafts):
        if draft.matrix is None or draft.matrix in placed:
            continue
        placed.add(draft.matrix)
        ref = draft.operands[0]
        packs.setdefault((ref.kind, ref.name, ref.draft, ref.shift, ref.size), []).append(number)
    return list(packs.values())


def _slots(builder: Builder, packs: list[Pack]) -> _Slots:
    slots = _Slots({}, {}, [], 0)

    def take(size: int) -> Slot:
        slots.width += size
        return Slot(slots.width - size, size)

    for name, size in builder.inputs.items():
        slots.inputs[name] = take(size)
    for pack in packs:
        start = slots.width
        for number in pack:
            slots.drafts[number] = take(builder.drafts[number].size)
        slots.packs.append(Slot(start, slots.width - start))
    for number in _side_by_side(builder.drafts):
        if number not in slots.drafts:
            slots.drafts[number] = take(builder.drafts[number].size)
    if slots.width > MAX_WIDTH:
        raise UserError(f"{builder.source}: a step would hold {slots.width} numbers; {MAX_WIDTH} is the most")
    return slots


def _side_by_side(drafts: list[Draft]) -> list[int]:
    """Return the drafts in an order that puts alike ones of all gates side by side, for `packing`."""
    levels: list[int] = []
    for draft in drafts:
        levels.append(1 + max((levels[ref.draft] for ref in draft.operands if ref.kind == "draft"), default=0))
    return sorted(range(len(drafts)), key=lambda number: (levels[number], drafts[number].function, number))


def _places(builder: Builder, packs: list[Pack]) -> _Places:
    places = _Places({}, {}, {}, {}, [], 0)

    def take(size: int) -> int:
        places.count += size
        return places.count - size

    for pack in packs:
        stride = sum(builder.drafts[number].size for number in pack)
        inner = builder.drafts[pack[0]].operands[0].size
        block, column = take(stride * inner), 0
        for number in pack:
            draft = builder.drafts[number]
            name = draft.matrix or ""
            places.matrices[name] = MatrixPlace(name, block, stride, column, inner, draft.size)
            column += draft.size
    for name, size in builder.sizes.vectors.items():
        places.vectors[name] = take(size)
    for name, numbers in builder.fixed.items():
        places.fixed[name] = take(len(numbers))
        places.numbers.append((places.fixed[name], numbers))
    for name, value in builder.constants.items():
        places.constants[name] = take(1)
        places.numbers.append((places.constants[name], np.array([value])))
    if places.count > MAX_PARAMETERS:
        raise UserError(f"{builder.source}: {places.count} parameters; {MAX_PARAMETERS} is the most")
    return places


def _parameter(name: str, builder: Builder, places: _Places, cell: Cell | None) -> Parameter:
    if name not in places.matrices:
        return Parameter(name, (builder.sizes.vectors[name],), offset=places.vectors[name])
    rows, columns = builder.sizes.matrices[name]
    mask = None
    if cell and name in cell.mask:
        heads = tuple(float(head) for head in range(builder.sizes.heads))
        if HEAD in (cell.mask[name].left, cell.mask[name].right) and (rows % len(heads) or columns % len(heads)):
            raise UserError(f"cell {cell.name}: {len(heads)} heads do not share {rows} units evenly")
        mask = mask_array(cell.mask[name], {HEAD: heads, **cell.fixed}, rows, columns)
    whole = mask is None or bool(mask.all())
    return Parameter(name, (rows, columns), place=places.matrices[name], mask=None if whole else mask)


class _Resolver:
    """Turns what drafts name into places."""

    def __init__(self, builder: Builder, slots: _Slots, places: _Places) -> None:
        self.slots, self.places = slots, places
        self.values = {
            name: slots.drafts[number] for name, number in builder.results.items() if name not in builder.bottoms
        }

    def operand(self, ref: Ref) -> Operand:
        space, start = Space.PARAMETER, 0
        match ref.kind:
            case "draft":
                space, start = Space.CURRENT, self.slots.drafts[ref.draft].offset
            case "previous":
                space, start = Space.PREVIOUS, self.values[ref.name].offset
            case "input":
                space, start = Space.CURRENT, self.slots.inputs[ref.name].offset
            case "vector":
                start = self.places.vectors[ref.name]
            case "fixed":
                start = self.places.fixed[ref.name]
            case "constant":
                start = self.places.constants[ref.name]
        return Operand(space, start + ref.shift, ref.size, ref.text)

    def instructions(self, draft: Draft, target: Slot, packed: bool) -> list[Instruction]:
        operands = tuple(self.operand(ref) for ref in draft.operands)
        if draft.function == "concat":
            return [
                Instruction(OPS["copy"], Slot(target.offset + start, size), (one,), None, draft.equation, draft.text)
                for one, (start, size) in zip(operands, draft.parts, strict=True)
            ]
        if draft.function in STEPS_OPS:
            steps = STEPS_OPS[draft.function]
            return [Instruction(OPS["copy"], target, operands, None, draft.equation, draft.text, steps=steps)]
        matrix = self.places.matrices[draft.matrix] if draft.matrix else None
        hoisted = packed and draft.operands[0].kind == "input"
        op, shape = EVERY_OP[draft.function], draft.shape
        return [Instruction(op, target, operands, matrix, draft.equation, draft.text, hoisted, shape=shape)]

    def group(self, first: Draft, target: Slot) -> ProductGroup:
        matrix = self.places.matrices[first.matrix or ""]
        hoisted = first.operands[0].kind == "input"
        return ProductGroup(self.operand(first.operands[0]), matrix.block, matrix.inner, target.size, target, hoisted)


__all__ = ["compile_cell", "length"]


def compile_cell(
    cell: Cell,
    input_size: int,
    hidden_size: int,
    sizes: Mapping[str, int] | None = None,
    without: Iterable[str] = (),
    bottom: bool = True,
    held: Iterable[str] = (),
) -> Program:
    """Compile a cell for given sizes.

    Args:
        cell: The equations.
        input_size: Numbers in x, I.
        hidden_size: Units, H.
        sizes: Values of the free letters in the cell's sizes.
        without: Optional parameters to leave out.
        bottom: Whether this is the lowest layer, whose values from below are expressions or zeros.
        held: Values that an edit may hold, and states as a step finds them, by `entering`; each gets two more
            inputs, see `overrides.inputs_of`.

    Raises:
        UserError: If a size is missing or an option names what is not there.
        LanguageError: If sizes do not fit, with the place.
    """
    letters, left_out, kept = tuple((sizes or {}).items()), tuple(without), frozenset(held)
    return replace(_compiled(cell, input_size, hidden_size, letters, left_out, bottom, kept))


@lru_cache(maxsize=64)  # a file is opened again and again where other readings of it are tried, an edit made again
def _compiled(
    cell: Cell, input_size: int, hidden_size: int, given: tuple[tuple[str, int], ...], left_out: tuple[str, ...],
    bottom: bool, kept: frozenset[str],
) -> Program:  # fmt: skip
    """Compile; nobody is given what is kept here itself, since what is compiled further is kept by its program."""
    sizes = dict(given)
    check_left_out(cell, left_out)
    known = _known_sizes(cell, input_size, hidden_size, sizes)
    letters = _letters(cell, input_size, hidden_size, sizes)
    builder = Builder(cell.file, hidden_size, states=cell.state)
    builder.add_input("x", input_size)
    for name, entry in cell.below.items():
        if not bottom or entry.bottom is None:
            builder.add_input(name, known.get(entry.reads, hidden_size))
    for name, numbers in cell.fixed.items():
        builder.add_constant_vector(name, spread(numbers, hidden_size))
    for name, places in cell.counted.items():
        builder.add_constant_vector(name, np.arange(_count(cell, name, places, letters), dtype=np.float64))
    for name in cell.values:
        builder.sizes.values[name] = known.get(name, hidden_size)
    builder.sizes.heads, builder.sizes.shapes = _shapes(cell, input_size, hidden_size, sizes)
    for entry in cell.below.values():
        if bottom and entry.bottom is not None:
            builder.add_bottom(equation_without(entry.bottom, left_out), known.get(entry.reads, hidden_size))
    for state in cell.state:
        if entering(state) in kept:
            builder.hold_entering(state)
    equations = tuple(equation_without(equation, left_out) for equation in cell.equations)
    for number, equation in enumerate(equations):
        builder.add_equation(equation, number, builder.sizes.values[equation.name])
        if equation.name in kept:
            builder.hold(equation, number)
    initial = {state: 0.0 if start in left_out else start for state, start in cell.initial.items()}
    for state, start in initial.items():
        if isinstance(start, str) and builder.vector(start, builder.sizes.values[state]) is None:
            size, other = builder.sizes.values[state], builder.sizes.vectors[start]
            raise UserError(f"{cell.file}: initial.{state}: {start} is used with {other} and with {size} numbers")
    return replace(
        place(builder, cell, equations, input_size),
        initial=initial,
        below={name: entry.reads for name, entry in cell.below.items()},
        sizes=sizes,
        without=left_out,
        bottom=bottom,
        heads=builder.sizes.heads,
        matrices=builder.sizes.shapes,
        shapes=builder.shapes,
    )


def check_left_out(cell: Cell, names: Iterable[str]) -> None:
    """Refuse to leave out what a cell needs.

    Raises:
        UserError: One of the names is no optional parameter of it.
    """
    for name in names:
        if name not in cell.optional:
            near = nearest(name, cell.optional)
            hint = f"; did you mean {near}?" if near else ""
            raise UserError(f"cell {cell.name}: {name} cannot be left out{hint}")


def _letters(cell: Cell, input_size: int, hidden_size: int, given: Mapping[str, int]) -> dict[str, int]:
    return {**cell.defaults, **given, "H": hidden_size, "I": input_size}


def _count(cell: Cell, name: str, size: Size, letters: Mapping[str, int]) -> int:
    """Return how many places a constant vector counts."""
    count = length(size, letters, {}, f"cell {cell.name}: fixed.{name}")
    if count > MAX_PLACES:
        raise UserError(f"cell {cell.name}: {name} would count {count} places; {MAX_PLACES} is the most")
    return count


def _shapes(cell: Cell, input_size: int, hidden_size: int, given: Mapping[str, int]) -> tuple[int, dict[str, Shape]]:
    """Return how many heads a cell has, and the shape of every value that is a matrix a head."""
    letters = _letters(cell, input_size, hidden_size, given)
    heads = length(cell.heads, letters, {}, f"cell {cell.name}: heads")
    shapes = {}
    for name, sizes in cell.shapes.items():
        rows, columns = (length(size, letters, {}, f"cell {cell.name}: sizes.{name}") for size in sizes)
        shapes[name] = Shape(heads, rows, columns)
        if shapes[name].numbers > MAX_MATRIX:
            said = (
                f"{name} would be {shapes[name].numbers} numbers; {MAX_MATRIX} is the most for a matrix of every head"
            )
            raise UserError(f"cell {cell.name}: {said}")
    return heads, shapes


def _known_sizes(cell: Cell, input_size: int, hidden_size: int, given: Mapping[str, int]) -> dict[str, int]:
    letters = _letters(cell, input_size, hidden_size, given)
    known = {
        name: length(size, letters, {}, f"cell {cell.name}: sizes.{name}")
        for name, size in cell.sizes.items() if name not in cell.shapes
    }  # fmt: skip
    known |= {name: shape.numbers for name, shape in _shapes(cell, input_size, hidden_size, given)[1].items()}
    if known.get("x", input_size) != input_size:
        hidden = cell.sizes["x"].letter == "H" and cell.sizes["x"].factor == 1
        why, hint = (" (its hidden size)", f"; use a hidden size of {input_size}") if hidden else ("", "")
        raise UserError(f"cell {cell.name} needs an input of {known['x']} numbers{why}, not {input_size}{hint}")
    return known
