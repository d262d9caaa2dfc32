"""One value explained: its equation with the numbers put in, and what weighs most in its products."""

from __future__ import annotations

import re

import numpy as np

from lstm_tui.analysis.contributions import ARITHMETIC, Origin, origin_of, told_apart
from lstm_tui.debugger.position import equations_of, ops_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import BY_AT, EVERY_OP, HEAD_OPS, OPS, Code, Shape, over_heads
from lstm_tui.engine.compiler.program import Instruction, Operand, Space
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Previous, show
from lstm_tui.engine.runtime.trace import PassTrace

_SHARED_BY = 3  # a product has at least this part of the places
_MARK = re.compile(r"‹(\d+)›")


@dataclass(frozen=True)
class Part:
    """A piece of an equation with numbers: either text as it stands, or a number and what it is of."""

    text: str
    number: float | None = None
    label: str = ""

    @property
    def is_number(self) -> bool:
        """Whether a number (or an unknown one, None) stands here."""
        return bool(self.label)


@dataclass(frozen=True)
class ProductTerm:
    """One named summand."""

    label: str
    number: float


@dataclass(frozen=True)
class Explanation:
    """Why a value is what it is.

    Attributes:
        value: Its name.
        unit: Which unit of it.
        t: Place on the tape.
        number: The value itself.
        computed: What the equation comes to, whatever an edit then made of it; None where the trace does not tell.
        origin: Whether the value is that number, or an edit set or scaled it.
        equation: The equation as the screen writes it, without the left side.
        parts: The right side with the numbers put in.
        terms: The summands inside the outermost function, with their numbers.
        largest: Single products of a weight and a number, largest first, such as `x[12]` and `h[19]`.
    """

    value: str
    unit: int
    t: int
    number: float
    computed: float | None
    origin: Origin
    equation: str
    parts: tuple[Part, ...]
    terms: tuple[ProductTerm, ...]
    largest: tuple[ProductTerm, ...]


def explain(passed: PassTrace, value: str, t: int, unit: int, most: int = 8) -> Explanation:
    """Explain one unit of a value at a place on the tape.

    Args:
        passed: The pass it belongs to.
        value: Name of the value.
        t: Place on the tape.
        unit: Which unit, from 0.
        most: How many of the largest products to name.

    Raises:
        KeyError: If the pass has no such value.
    """
    numbers = passed[value][t]
    unit = min(unit, len(numbers) - 1)
    index = passed.cell.values.index(value)
    equation = equations_of(passed)[index]
    reader = Reader(passed, index, t, unit)
    computed, origin = reader.computed(equation.expression)
    return Explanation(
        value=value,
        unit=unit,
        t=t,
        number=float(numbers[unit]),
        computed=computed,
        origin=origin,
        equation=show(equation.expression),
        parts=reader.parts(equation.expression),
        terms=reader.terms(equation.expression),
        largest=reader.largest(most),
    )


class Reader:
    """Finds the number of every node of one equation, for one unit at one step."""

    def __init__(self, passed: PassTrace, equation: int, t: int, unit: int) -> None:
        self.passed, self.equation, self.t, self.unit = passed, equation, t, unit
        self.ops = tuple(one for one in ops_of(passed, equation) if one.equation == equation)
        prefix = f"{passed.cell.values[equation]} = "
        self.by_text = {one.text.removeprefix(prefix): one for one in self.ops}
        self.row: Array | None = None
        self.before: Array | None = None
        if passed.stored is not None:
            step = passed.reading_step(t)
            self.before, self.row = passed.stored.window(step, step + 1)

    def computed(self, node: Expression) -> tuple[float | None, Origin]:
        """Return what the right side of the equation comes to, and where the value comes from.

        Where nothing was computed again the value is that number, bit for bit.
        """
        name = self.passed.cell.values[self.equation]
        number = self._unit(np.asarray(self.passed[name][self.t]))
        origin = origin_of(self.passed, name, self.t, self.unit)
        if self.row is not None:
            if origin.kind == "equation":
                return number, origin
            one = next((one for one in self.ops if one.op.code == Code.HOLD and one.equation == self.equation), None)
            if one is None:
                return None, origin
            inner = one.operands[0]
            return self._unit(self.row[inner.offset : inner.offset + inner.size]), origin
        computed = self.number(node)
        sizes = [abs(term.number) for term in self.terms(node)]
        return computed, told_apart(origin, number, computed, max(sizes, default=0.0))

    def number(self, node: Expression) -> float | None:
        """Return the number of a node, or None when the trace does not hold it."""
        vector = self.vector(node)
        return None if vector is None else self._unit(vector)

    def vector(self, node: Expression) -> Array | None:
        """Return the numbers of a node, one when it spreads, or None when the trace does not hold them."""
        if isinstance(node, Number):
            return np.array([node.value])
        if isinstance(node, Previous):
            return self.passed.previous(node.name, self.t)
        if isinstance(node, Name):
            return self._name(node.name)
        if isinstance(node, Call) and node.function in ("part", "concat"):
            return self._pieces(node)
        one = self.by_text.get(show(node))
        if one is not None and self.row is not None:
            return self.row[one.target.offset : one.target.offset + one.target.size]
        return self._computed(node)

    def _name(self, name: str) -> Array | None:
        passed = self.passed
        if name in passed.cell.values:
            if passed.cell.is_previous(name, self.equation):
                return passed.previous(name, self.t)
            return np.asarray(passed[name][self.t]) if name in passed else None
        if name in passed.inputs:
            return np.asarray(passed.inputs[name][self.t])
        fixed = passed.fixed_vector(name)
        if fixed is not None:
            return fixed
        if name in passed.cell.below:
            return self._bottom(name)
        if passed.program is not None and passed.parameters is not None and name in passed.program.parameters:
            return passed.program.view(passed.parameters, name)
        return None

    def _bottom(self, name: str) -> Array | None:
        """Return what stands for a value from below in the lowest layer."""
        program = self.passed.program
        for one in program.instructions_of(-1) if program is not None and self.row is not None else ():
            if one.text.startswith(f"{name} = ") and self.row is not None:
                return self.row[one.target.offset : one.target.offset + one.target.size]
        return None

    def _pieces(self, node: Call) -> Array | None:
        """Return what is taken out of a vector or joined of several: no number of its own."""
        vectors = [self.vector(argument) for argument in node.arguments]
        known = [vector for vector in vectors if vector is not None]
        if len(known) < len(vectors):
            return None
        if node.function == "concat":
            return np.concatenate(known)
        return np.split(known[0], int(known[2][0]))[int(known[1][0])]

    def _computed(self, node: Expression) -> Array | None:
        """Return a node from its arguments, for a trace that holds values only."""
        if not isinstance(node, Call) or node.function not in EVERY_OP:
            return None
        arguments = [self.vector(argument) for argument in node.arguments]
        known = [vector.astype(np.float64) for vector in arguments if vector is not None]
        if len(known) < len(arguments):
            return None
        with np.errstate(all="ignore"):
            if node.function == "every":
                return np.asarray(np.mod(self.passed.ticks(self.t), known[0]) == 0, dtype=np.float64)
            if node.function in HEAD_OPS:
                shape = self.passed.head_shapes.get(node)
                return None if shape is None else over_heads(node.function, shape, *known)
            return np.asarray(OPS[node.function].forward(*known))

    def _unit(self, vector: Array) -> float:
        return float(vector[min(self.unit, len(vector) - 1)])

    def parts(self, node: Expression) -> tuple[Part, ...]:
        """Return a right side with a number in the place of every leaf."""
        leaves: list[Expression] = []
        text = show(_marked(node, leaves))
        result: list[Part] = []
        for n, piece in enumerate(_MARK.split(text)):
            if n % 2:
                leaf = leaves[int(piece)]
                label = self._label(leaf)
                result.append(Part("", self.number(leaf), label))
            elif piece:
                result.append(Part(piece))
        return tuple(result)

    def _label(self, leaf: Expression) -> str:
        if isinstance(leaf, Name) and leaf.name in self.passed.cell.values:
            return f"{leaf.name}'" if self.passed.cell.is_previous(leaf.name, self.equation) else leaf.name
        return show(leaf)

    def terms(self, node: Expression) -> tuple[ProductTerm, ...]:
        """Return the summands inside the outermost function."""
        if isinstance(node, Call) and node.function not in ARITHMETIC:
            one = OPS.get(node.function)
            if one is not None and one.elementwise:  # what is squashed or clipped is what is summed
                node = node.arguments[0]
        found: list[ProductTerm] = []
        for summand, sign in _summands(node, 1.0):
            number = self.number(summand)
            if number is not None:
                found.append(ProductTerm(show(summand), sign * number))
        return tuple(found)

    def largest(self, most: int) -> tuple[ProductTerm, ...]:
        """Return the largest single products of a weight and a number; each product of the equation has some of them.

        An input that weighs more than every unit of the step before must not hide which of these weighs most.
        """
        first: list[ProductTerm] = []
        others: list[ProductTerm] = []
        for one in self.ops:
            if self.row is None or (one.matrix is None and one.op.name not in BY_AT):
                continue
            weights, vector, name = self._product(one) if one.matrix is not None else self._read(one)
            behind = 0 if one.shape is None else self._first_asked(one, one.shape)
            with np.errstate(all="ignore"):
                products = weights * vector
            order = np.argsort(-np.nan_to_num(np.abs(products), nan=np.inf), kind="stable")[:most]
            terms = [ProductTerm(f"{name}[{behind + k}]", float(products[k])) for k in order]
            own = max(most // _SHARED_BY, 1)
            first += [term for term in terms[:own] if term.number]
            others += terms[own:]
        others.sort(key=_weight, reverse=True)
        return tuple(sorted([*first, *others[: max(most - len(first), 0)]], key=_weight, reverse=True))

    def _first_asked(self, one: Instruction, shape: Shape) -> int:
        """Return the first number of a vector that meets a matrix in the head of this unit."""
        lines, width = (shape.columns, shape.rows) if one.op.code == Code.WEIGHTED else (shape.rows, shape.columns)
        return min(self.unit, shape.heads * lines - 1) // lines * width

    def _read(self, one: Instruction) -> tuple[Array, Array, str]:
        """Return the row or column of a matrix that is read, what it meets, and how that is written."""
        assert one.shape is not None
        memory, query = (self._numbers_of(operand) for operand in one.operands)
        heads, rows, columns = one.shape
        first = self._first_asked(one, one.shape)
        text = one.operands[1].text
        name = text if re.fullmatch(r"\w+", text) else f"({text})"
        if one.op.code == Code.WEIGHTED:
            column = min(self.unit, heads * columns - 1) % columns
            lines = memory.reshape(heads * rows, columns)[first : first + rows, column]
            return lines, query[first : first + rows], name
        line = min(self.unit, heads * rows - 1) * columns
        return memory[line : line + columns], query[first : first + columns], name

    def _numbers_of(self, operand: Operand) -> Array:
        assert self.row is not None
        assert self.before is not None
        assert self.passed.parameters is not None
        sources = {Space.CURRENT: self.row, Space.PREVIOUS: self.before, Space.PARAMETER: self.passed.parameters}
        return sources[Space(operand.space)][operand.offset : operand.offset + operand.size]

    def _product(self, one: Instruction) -> tuple[Array, Array, str]:
        assert one.matrix is not None
        assert self.row is not None
        assert self.before is not None
        program, flat = self.passed.program, self.passed.parameters
        assert program is not None
        assert flat is not None
        matrix = program.view(flat, one.matrix.name)
        operand = one.operands[0]
        source = self.row if operand.space == Space.CURRENT else self.before
        vector = source[operand.offset : operand.offset + operand.size]
        plain = re.fullmatch(r"\w+", operand.text)
        return matrix[min(self.unit, len(matrix) - 1)], vector, operand.text if plain else f"({operand.text})"


def _weight(term: ProductTerm) -> float:
    return abs(term.number) if term.number == term.number else np.inf


def _marked(node: Expression, leaves: list[Expression]) -> Expression:
    """Return a copy of a node in which every leaf is a numbered mark."""
    if isinstance(node, Number):
        return node
    if isinstance(node, Call) and node.function in OPS and OPS[node.function].elementwise:
        return Call(node.function, tuple(_marked(argument, leaves) for argument in node.arguments), node.place)
    leaves.append(node)
    return Name(f"‹{len(leaves) - 1}›", node.place)


def _summands(node: Expression, sign: float) -> list[tuple[Expression, float]]:
    if isinstance(node, Call) and node.function in ("add", "sub"):
        left, right = node.arguments
        return [*_summands(left, sign), *_summands(right, -sign if node.function == "sub" else sign)]
    return [(node, sign)]
