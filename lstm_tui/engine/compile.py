"""From equations and sizes to a program: sizes inferred, slots placed, products packed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.cell import Cell, Size
from lstm_tui.engine.errors import LanguageError, UserError, nearest
from lstm_tui.engine.holds import held_inputs
from lstm_tui.engine.expression import (
    Call,
    Expression,
    Name,
    Number,
    Previous,
    Product,
    as_written,
    show,
    walk,
)
from lstm_tui.engine.language import Equation
from lstm_tui.engine.ops import OPS, STEPS_OPS
from lstm_tui.engine.program import (
    Group,
    Instruction,
    MatrixPlace,
    Operand,
    Parameter,
    Program,
    Slot,
    Space,
    mask_array,
    spread,
)

Vector = NDArray[np.float64]
MAX_WIDTH = 50_000_000


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
        held: Values that an edit may hold; each gets two more inputs, see `holds.inputs_of`.

    Raises:
        UserError: If a size is missing or an option names what is not there.
        LanguageError: If sizes do not fit, with the place.
    """
    letters = {**(sizes or {}), "H": hidden_size, "I": input_size}
    left_out = tuple(without)
    for name in left_out:
        if name not in cell.optional:
            near = nearest(name, cell.optional)
            hint = f"; did you mean {near}?" if near else ""
            raise UserError(f"cell {cell.name}: {name} cannot be left out{hint}")
    known = {name: length(size, letters, {}, f"cell {cell.name}: sizes.{name}") for name, size in cell.sizes.items()}
    if known.get("x", input_size) != input_size:
        raise UserError(
            f"cell {cell.name} needs an input of {known['x']} numbers (its hidden size), not {input_size};"
            f" use a hidden size of {input_size}"
        )
    builder = Builder(cell.name, hidden_size, states=cell.state)
    builder.add_input("x", input_size)
    for name, entry in cell.below.items():
        size = known.get(entry.reads, hidden_size)
        if bottom and entry.bottom is not None:
            builder.pending[name] = size
        else:
            builder.add_input(name, size)
    for name, numbers in cell.fixed.items():
        builder.add_constant_vector(name, spread(numbers, hidden_size))
    for name in cell.values:
        builder.sizes[name] = known.get(name, hidden_size)
    given = [entry.bottom for entry in cell.below.values() if bottom and entry.bottom is not None]
    equations = tuple(_without(equation, left_out) for equation in cell.equations)
    for equation in given:
        builder.add_equation(equation, -1, builder.pending[equation.name])
    for number, equation in enumerate(equations):
        builder.add_equation(equation, number, builder.sizes[equation.name])
        if equation.name in held:
            builder.hold(equation, number)
    for state, start in cell.initial.items():
        if isinstance(start, str):
            builder.vector(start, builder.sizes[state], 1, 1)
    return replace(
        builder.finish(cell, equations, input_size),
        initial=cell.initial,
        below={name: entry.reads for name, entry in cell.below.items()},
        sizes=dict(sizes or {}),
        without=left_out,
    )


def length(size: Size, letters: Mapping[str, int], values: Mapping[str, int], where: str) -> int:
    """Return a size as a number.

    Raises:
        UserError: If a letter or a value in it is not known.
    """
    if size.of is not None:
        if size.of not in values:
            raise UserError(f"{where}: size({size.of}) is not known")
        return size.factor * values[size.of]
    if size.letter is None:
        return size.factor
    if size.letter not in letters:
        raise UserError(f"{where} needs a value for {size.letter}; give --size {size.letter}=32")
    return size.factor * letters[size.letter]


def _without(equation: Equation, names: tuple[str, ...]) -> Equation:
    """Return an equation without the terms of parameters that are left out."""
    if not names:
        return equation
    expression = _drop(equation.expression, set(names))
    if expression == equation.expression:
        return equation
    return replace(equation, expression=expression, text=f"{equation.name} = {as_written(expression)}")


def _drop(node: Expression, names: set[str]) -> Expression:
    zero = lambda: Number(0.0, node.place)  # noqa: E731
    if isinstance(node, Name) and node.name in names:
        return zero()
    if isinstance(node, Product):
        return zero() if node.matrix in names else replace(node, operand=_drop(node.operand, names))
    if not isinstance(node, Call):
        return node
    arguments = tuple(_drop(argument, names) for argument in node.arguments)
    gone = [
        isinstance(a, Number) and a.value == 0 and a is not b for a, b in zip(arguments, node.arguments, strict=True)
    ]
    if node.function == "mul" and any(gone):
        return zero()
    if node.function == "neg" and gone[0]:
        return zero()
    if node.function == "add" and any(gone):
        return arguments[0] if gone[1] else arguments[1]
    if node.function == "sub" and gone[1]:
        return arguments[0]
    return replace(node, arguments=arguments)


@dataclass
class _Draft:
    """An instruction before slots have their places; targets and operands are numbers of drafts."""

    function: str
    size: int
    operands: list[_Ref]
    matrix: str | None
    equation: int
    text: str
    parts: list[tuple[int, int]] = field(default_factory=list)  # concat: offset and size of each piece


@dataclass(frozen=True)
class _Ref:
    """What a draft reads: an input, a draft's result, a previous state, a parameter or a constant."""

    kind: str
    key: str | int | float
    size: int
    text: str
    shift: int = 0


class Builder:
    """Collects drafts equation by equation, then places them."""

    def __init__(self, source: str, hidden_size: int, states: tuple[str, ...] = ()) -> None:
        """Begin with nothing but the names of the states."""
        self.source = source
        self.hidden_size = hidden_size
        self.states = states
        self.sizes: dict[str, int] = {}
        self.pending: dict[str, int] = {}
        self.inputs: dict[str, int] = {}
        self.results: dict[str, int] = {}  # value name to draft number
        self.drafts: list[_Draft] = []
        self.vectors: dict[str, int] = {}
        self.matrices: dict[str, tuple[int, int]] = {}
        self.order: list[str] = []
        self.fixed: dict[str, Vector] = {}
        self.memo: dict[tuple[int, int | None], _Ref] = {}

    def add_input(self, name: str, size: int) -> None:
        """Declare a vector given from outside."""
        self.inputs[name] = size
        self.sizes[name] = size

    def add_constant_vector(self, name: str, numbers: Vector) -> None:
        """Declare a fixed vector."""
        self.fixed[name] = numbers
        self.sizes[name] = len(numbers)

    def add_equation(self, equation: Equation, number: int, size: int) -> None:
        """Compile one equation into drafts; its last op writes the named value."""
        self.memo = {}
        self.equation = number
        ref = self.compile(equation.expression, size, top=True)
        if ref.size not in (1, size):
            raise self.fail(f"`{equation.name}` has {size} numbers, its equation gives {ref.size}", equation.expression)
        draft = self.drafts[int(ref.key)] if ref.kind == "draft" else None
        if draft is None or ref.shift or draft.size != size or int(ref.key) in self.results.values():
            ref = self.draft("copy", size, [ref], equation.expression)
        self.results[equation.name] = int(ref.key)
        self.drafts[int(ref.key)].text = f"{equation.name} = {self.drafts[int(ref.key)].text}"
        self.sizes[equation.name] = size

    def hold(self, equation: Equation, number: int) -> None:
        """Let an edit hold the value that an equation has just given."""
        size = self.sizes[equation.name]
        refs = [_Ref("draft", self.results[equation.name], size, equation.name)]
        for name in held_inputs(equation.name):
            self.add_input(name, size)
            refs.append(_Ref("input", name, size, name))
        self.drafts.append(_Draft("hold", size, refs, None, number, f"{equation.name} held"))
        self.results[equation.name] = len(self.drafts) - 1

    def fail(self, message: str, node: Expression) -> LanguageError:
        return LanguageError(message, self.source, node.place.line, node.place.column)

    # --- sizes ---

    def natural(self, node: Expression) -> int | None:
        """Return the size an expression has by itself, None where what is around it decides."""
        if isinstance(node, Number):
            return 1
        if isinstance(node, Previous):
            return self.sizes[node.name]
        if isinstance(node, Name):
            return self.sizes.get(node.name, self.vectors.get(node.name))
        if isinstance(node, Product):
            return self.matrices[node.matrix][0] if node.matrix in self.matrices else None
        if node.function in STEPS_OPS:
            return self.natural(node.arguments[0])
        if node.function == "part":
            whole = self.natural(node.arguments[0])
            return None if whole is None else whole // self.whole(node.arguments[2])
        if node.function == "concat":
            parts = [self.natural(argument) for argument in node.arguments]
            return None if None in parts else sum(size or 0 for size in parts)
        if OPS[node.function].single:
            return 1
        sizes = [self.natural(argument) for argument in node.arguments]
        known = [size for size in sizes if size is not None]
        if any(size > 1 for size in known):
            return max(known)
        return None if None in sizes else 1

    def fallback(self, node: Expression) -> int:
        """Return the size of the first value named in an expression, else H."""
        for part in walk(node):
            if isinstance(part, Name | Previous) and part.name in self.sizes:
                return self.sizes[part.name]
        return self.hidden_size

    @staticmethod
    def whole(node: Expression) -> int:
        """Return the number that the language has checked to be a whole one."""
        assert isinstance(node, Number)
        return int(node.value)

    # --- nodes ---

    def compile(self, node: Expression, wanted: int | None, top: bool = False) -> _Ref:
        """Return where the value of a node is found, after adding the drafts that compute it."""
        key = (id(node), wanted)
        if key not in self.memo:
            self.memo[key] = self.fresh(node, wanted, top)
        return self.memo[key]

    def fresh(self, node: Expression, wanted: int | None, top: bool) -> _Ref:
        if isinstance(node, Number):
            return _Ref("constant", node.value, 1, show(node))
        if isinstance(node, Previous):
            return _Ref("previous", node.name, self.sizes[node.name], f"prev({node.name})")
        if isinstance(node, Name):
            return self.name(node, wanted)
        if isinstance(node, Product):
            return self.product(node, wanted)
        if node.function == "part":
            return self.part(node, wanted)
        if node.function == "concat":
            return self.concat(node, wanted)
        if node.function in STEPS_OPS:
            size = self.natural(node) or wanted or self.fallback(node)
            return self.draft(node.function, size, [self.compile(node.arguments[0], size)], node)
        return self.operation(node, wanted, top)

    def operation(self, node: Call, wanted: int | None, top: bool) -> _Ref:
        op = OPS[node.function]
        if op.elementwise or node.function in ("layernorm", "softmax"):
            natural = self.natural(node)
            size = natural or wanted or self.fallback(node)
            if natural == 1 and wanted and (top or not op.elementwise):
                size = wanted
            refs = [self.compile(argument, size) for argument in node.arguments]
            for ref, argument in zip(refs, node.arguments, strict=True):
                if ref.size not in (1, size) or (ref.size == 1 != size and not op.elementwise):
                    raise self.fail(f"{ref.size} and {size} numbers do not fit together", argument)
        else:
            sizes = [self.natural(argument) for argument in node.arguments]
            inner = max((size for size in sizes if size is not None), default=0) or self.fallback(node)
            refs = [self.compile(argument, inner) for argument in node.arguments]
            for ref, argument in zip(refs, node.arguments, strict=True):
                if ref.size not in (1, inner):
                    raise self.fail(f"{ref.size} and {inner} numbers do not fit together", argument)
            size = 1
        return self.draft(node.function, size, refs, node)

    def name(self, node: Name, wanted: int | None) -> _Ref:
        name = node.name
        if name in self.results:
            return _Ref("draft", self.results[name], self.sizes[name], name)
        if name in self.states:
            return _Ref("previous", name, self.sizes[name], name)
        if name in self.inputs:
            return _Ref("input", name, self.inputs[name], name)
        if name in self.fixed:
            return _Ref("fixed", name, len(self.fixed[name]), name)
        return self.vector(
            name, wanted or self.vectors.get(name) or self.hidden_size, node.place.line, node.place.column
        )

    def vector(self, name: str, size: int, line: int, column: int) -> _Ref:
        """Return a vector parameter, new or of the same size as before."""
        if name not in self.vectors:
            self.vectors[name] = size
            self.order.append(name)
        if self.vectors[name] != size and size != 1:
            message = f"`{name}` is used with {self.vectors[name]} and with {size} numbers"
            raise LanguageError(message, self.source, line, column)
        return _Ref("vector", name, self.vectors[name], name)

    def product(self, node: Product, wanted: int | None) -> _Ref:
        rows = wanted or (
            self.matrices[node.matrix][0] if node.matrix in self.matrices else self.fallback(node.operand)
        )
        inner = self.natural(node.operand) or self.fallback(node.operand)
        operand = self.compile(node.operand, inner)
        if operand.size != inner or operand.kind in ("constant", "vector", "fixed"):
            operand = self.draft("copy", inner, [operand], node.operand)
        shape = self.matrices.setdefault(node.matrix, (rows, inner))
        if shape != (rows, inner):
            raise self.fail(f"`{node.matrix}` is used as {shape[0]}×{shape[1]} and as {rows}×{inner}", node)
        if node.matrix not in self.order:
            self.order.append(node.matrix)
        ref = self.draft("matvec", rows, [operand], node)
        self.drafts[int(ref.key)].matrix = node.matrix
        return ref

    def part(self, node: Call, wanted: int | None) -> _Ref:
        count, number = self.whole(node.arguments[2]), self.whole(node.arguments[1])
        whole = self.natural(node.arguments[0]) or (wanted or self.hidden_size) * count
        if whole % count:
            raise self.fail(f"{whole} numbers do not split into {count} equal parts", node)
        ref = self.compile(node.arguments[0], whole)
        if ref.size != whole:
            ref = self.draft("copy", whole, [ref], node)
        size = whole // count
        return _Ref(ref.kind, ref.key, size, show(node), ref.shift + number * size)

    def concat(self, node: Call, wanted: int | None) -> _Ref:
        sizes = [self.natural(argument) or self.fallback(argument) for argument in node.arguments]
        refs = [self.compile(argument, size) for argument, size in zip(node.arguments, sizes, strict=True)]
        offsets = np.cumsum([0, *sizes]).tolist()
        ref = self.draft("concat", offsets[-1], refs, node)
        self.drafts[int(ref.key)].parts = list(zip(offsets, sizes, strict=False))
        return ref

    def draft(self, function: str, size: int, operands: list[_Ref], node: Expression) -> _Ref:
        """Add one op and return where its result is found."""
        self.drafts.append(_Draft(function, size, operands, None, self.equation, show(node)))
        return _Ref("draft", len(self.drafts) - 1, size, show(node))

    # --- places ---

    def finish(self, cell: Cell | None, equations: tuple[Equation, ...], input_size: int) -> Program:
        """Give every input, product group and draft its slot and every parameter its place."""
        offset = 0
        input_slots: dict[str, Slot] = {}
        for name, size in self.inputs.items():
            input_slots[name] = Slot(offset, size)
            offset += size
        members = self._packs()
        slots: dict[int, Slot] = {}
        group_slots: list[Slot] = []
        for _, numbers in members:
            start = offset
            for number in numbers:
                slots[number] = Slot(offset, self.drafts[number].size)
                offset += self.drafts[number].size
            group_slots.append(Slot(start, offset - start))
        for number, draft in enumerate(self.drafts):
            if number not in slots:
                slots[number] = Slot(offset, draft.size)
                offset += draft.size
        if offset > MAX_WIDTH:
            raise UserError(f"cell {self.source}: a step would hold {offset} numbers; {MAX_WIDTH} is the most")
        places, vectors, constants, count = self._parameters(members)
        values = {name: slots[number] for name, number in self.results.items() if name not in self.pending}

        def resolve(ref: _Ref) -> Operand:
            if ref.kind == "draft":
                return Operand(Space.CURRENT, slots[int(ref.key)].offset + ref.shift, ref.size, ref.text)
            if ref.kind == "previous":
                return Operand(Space.PREVIOUS, values[str(ref.key)].offset + ref.shift, ref.size, ref.text)
            if ref.kind == "input":
                return Operand(Space.CURRENT, input_slots[str(ref.key)].offset + ref.shift, ref.size, ref.text)
            return Operand(Space.PARAMETER, vectors[ref.key] + ref.shift, ref.size, ref.text)

        grouped = {number: members[n] for n, pack in enumerate(members) for number in pack[1]}
        instructions: list[Instruction] = []
        for number, draft in enumerate(self.drafts):
            operands = tuple(resolve(ref) for ref in draft.operands)
            target = slots[number]
            if draft.function == "concat":
                for operand, (start, size) in zip(operands, draft.parts, strict=True):
                    piece = Slot(target.offset + start, size)
                    instructions.append(Instruction(OPS["copy"], piece, (operand,), None, draft.equation, draft.text))
            elif draft.function in STEPS_OPS:
                steps = STEPS_OPS[draft.function]
                instructions.append(
                    Instruction(OPS["copy"], target, operands, None, draft.equation, draft.text, steps=steps)
                )
            else:
                place = places[draft.matrix] if draft.matrix else None
                hoisted = number in grouped and draft.operands[0].kind == "input"
                op = OPS[draft.function]
                instructions.append(Instruction(op, target, operands, place, draft.equation, draft.text, hoisted))
        groups = []
        for (_, numbers), slot in zip(members, group_slots, strict=True):
            first = self.drafts[numbers[0]]
            place = places[first.matrix or ""]
            hoisted = first.operands[0].kind == "input"
            groups.append(Group(resolve(first.operands[0]), place.block, place.inner, slot.size, slot, hoisted))
        parameters = {name: self._parameter(name, places, vectors, cell) for name in self.order}
        return Program(
            cell=cell,
            equations=equations,
            input_size=input_size,
            hidden_size=self.hidden_size,
            width=offset,
            inputs=input_slots,
            values=values,
            instructions=tuple(instructions),
            groups=tuple(groups),
            parameters=parameters,
            parameter_count=count,
            constants=tuple(constants),
            initial={},
        )

    def _packs(self) -> list[tuple[_Ref, list[int]]]:
        """Return products that share an operand, each matrix in the pack of its first use."""
        packs: dict[tuple[str, str | int | float, int, int], tuple[_Ref, list[int]]] = {}
        placed: set[str] = set()
        for number, draft in enumerate(self.drafts):
            if draft.function != "matvec" or draft.matrix is None or draft.matrix in placed:
                continue
            placed.add(draft.matrix)
            ref = draft.operands[0]
            packs.setdefault((ref.kind, ref.key, ref.shift, ref.size), (ref, []))[1].append(number)
        return list(packs.values())

    def _parameters(
        self, members: list[tuple[_Ref, list[int]]]
    ) -> tuple[dict[str, MatrixPlace], dict[str | int | float, int], list[tuple[int, Vector]], int]:
        count = 0
        places: dict[str, MatrixPlace] = {}
        for _, numbers in members:
            stride = sum(self.drafts[number].size for number in numbers)
            column = 0
            inner = 0
            for number in numbers:
                name = self.drafts[number].matrix or ""
                rows, inner = self.matrices[name]
                places[name] = MatrixPlace(name, count, stride, column, inner, rows)
                column += rows
            count += stride * inner
        vectors: dict[str | int | float, int] = {}
        for name, size in self.vectors.items():
            vectors[name] = count
            count += size
        constants: list[tuple[int, Vector]] = []
        for name, numbers in self.fixed.items():
            vectors[name] = count
            constants.append((count, numbers))
            count += len(numbers)
        for draft in self.drafts:
            for ref in draft.operands:
                if ref.kind == "constant" and ref.key not in vectors:
                    vectors[ref.key] = count
                    constants.append((count, np.array([float(ref.key)])))
                    count += 1
        return places, vectors, constants, count

    def _parameter(
        self,
        name: str,
        places: Mapping[str, MatrixPlace],
        vectors: Mapping[str | int | float, int],
        cell: Cell | None,
    ) -> Parameter:
        if name not in places:
            return Parameter(name, (self.vectors[name],), offset=vectors[name])
        rows, columns = self.matrices[name]
        mask = mask_array(cell.mask[name], cell.fixed, rows, columns) if cell and name in cell.mask else None
        return Parameter(name, (rows, columns), place=places[name], mask=mask)
