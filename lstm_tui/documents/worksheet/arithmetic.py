"""The sum of one unit as it is worked out on paper: its equation with the numbers it reads, line by line to its result.

Arithmetic is exact between two numbers that are written down, and what is written down is rounded half away from
zero. So a pencil that uses the numbers as they stand on the sheet comes to the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from functools import reduce
from typing import Any

import numpy as np

from lstm_tui.documents.blocks import Line, LinePiece
from lstm_tui.engine.compiler.ops import HEAD_OPS, OPS, Shape, operand_units, result_size
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Previous, Product
from lstm_tui.engine.number_text import written_out

SMALLEST = Decimal("1e-12")
"""A number that is smaller is 0 on a sheet."""
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)
_STRENGTH = {"+": 1, "−": 1, "×": 2, "/": 2}


@dataclass(frozen=True)
class Leaf:
    """A number; `worked` when it was worked out on the sheet, and so can be a blank."""

    number: Decimal
    worked: bool = False


@dataclass(frozen=True)
class Arithmetic:
    """Parts with one sign between them: +, −, × or /; a single part after a − is its opposite."""

    sign: str
    parts: tuple[Tree, ...]


@dataclass(frozen=True)
class Applied:
    """A function of the op table on its arguments.

    Attributes:
        function: Its name.
        arguments: The units of each.
        unit: Which unit of the result is meant, where it needs all of the argument's; None where it is one number.
        whole: Whether it needs all units of its arguments.
    """

    function: str
    arguments: tuple[tuple[Tree, ...], ...]
    unit: int | None = None
    whole: bool = False


Tree = Leaf | Arithmetic | Applied


def decimal(number: float | np.floating[Any], digits: int, begins: bool = False) -> Decimal:
    """Return a number as it is written on a sheet: its shortest digits, rounded when there are more.

    Args:
        number: The number.
        digits: Places behind the point.
        begins: Whether a cell begins in it, which may be at −∞ or +∞; nothing else may.

    Raises:
        UserError: It is not finite, or too large to be written out.
    """
    text = str(number)
    try:
        exact = Decimal(text)
        if begins and exact.is_infinite():
            return exact
        return exact if -int(exact.as_tuple().exponent) <= digits else rounded(exact, digits)
    except (DecimalException, ValueError, TypeError):
        raise UserError(f"a number in these steps is {text}: no pencil can go on from it") from None


def rounded(number: Decimal, digits: int) -> Decimal:
    """Round half away from zero to places behind the point; infinity stays what it is.

    A number that would become 0 keeps as many figures instead, or a sum could not be divided by it. What is smaller
    than `SMALLEST` is 0, never −0.
    """
    if number.is_infinite():
        return number
    result = number.quantize(Decimal(1).scaleb(-digits), context=_EXACT)
    if result == 0 and abs(number) >= SMALLEST:
        return number.quantize(Decimal(1).scaleb(number.adjusted() + 1 - digits), context=_EXACT)
    return abs(result) if result == 0 else result


def write(tree: Tree) -> Line:
    """Write a tree as one line."""
    return tuple(_written(tree, 0, False))


def _written(tree: Tree, outer: int, behind: bool) -> Iterator[LinePiece]:
    """Yield the pieces of a tree that stands in one of strength `outer`, behind its first part or not."""
    if isinstance(tree, Leaf):
        text = written_out(tree.number)
        yield LinePiece(f"({text})" if behind and tree.number < 0 else text, tree.worked)
    elif isinstance(tree, Arithmetic):
        strength = _STRENGTH[tree.sign]
        brackets = strength < outer or (behind and strength == outer) or (behind and len(tree.parts) == 1)
        if brackets:
            yield LinePiece("(")
        if len(tree.parts) == 1:
            yield LinePiece(tree.sign)
            yield from _written(tree.parts[0], 3, True)
        else:
            for n, part in enumerate(tree.parts):
                if n:
                    yield LinePiece(f" {tree.sign} ")
                strict = tree.sign in "−/" and n > 0
                yield from _written(part, strength + strict, n > 0 or outer > 0)
        if brackets:
            yield LinePiece(")")
    else:
        form = OPS[tree.function].form
        yield from _applied(tree, form)


def _applied(tree: Applied, form: str) -> Iterator[LinePiece]:
    rest = form
    for n, argument in enumerate(tree.arguments):
        before, _, rest = rest.partition(f"{{{n}}}")
        if before:
            yield LinePiece(before)
        for k, part in enumerate(argument):
            if k:
                yield LinePiece(", ")
            yield from _written(part, 0, False)
    yield LinePiece(rest + ("" if tree.unit is None else f"[{tree.unit}]"))


def lines(tree: Tree, digits: int) -> tuple[tuple[Line, ...], Leaf]:
    """Return a sum line by line, the last line its result, and that result.

    Raises:
        UserError: A number on the way is not finite, or too large to be written out.
    """
    written = [write(tree)]
    try:
        while not isinstance(tree, Leaf) or len(written) == 1:
            tree = _next(tree, digits)
            written.append(write(tree))
    except (DecimalException, OverflowError, ValueError):
        raise UserError("a number in these steps is too large, or none: no pencil can go on from it") from None
    return tuple(written), tree


def worked_out(tree: Tree, digits: int) -> Leaf:
    """Return what a sum of numbers comes to, exactly and then rounded, without writing it.

    Raises:
        UserError: It is too large to be written out.
    """
    return lines(tree, digits)[1]


def _next(tree: Tree, digits: int) -> Tree:
    """Take what can be taken at once: the innermost arguments, else the innermost functions, else the whole."""
    if not _applies(tree):
        return Leaf(rounded(_exact(tree), digits), True)
    return _reduced(tree, digits)


def _applies(tree: Tree) -> bool:
    if isinstance(tree, Applied):
        return True
    return isinstance(tree, Arithmetic) and any(map(_applies, tree.parts))


def _reduced(tree: Tree, digits: int) -> Tree:
    if isinstance(tree, Leaf):
        return tree
    if isinstance(tree, Arithmetic):
        return Arithmetic(tree.sign, tuple(_reduced(part, digits) for part in tree.parts))
    if any(_applies(part) for argument in tree.arguments for part in argument):
        inner = tuple(tuple(_reduced(part, digits) for part in argument) for argument in tree.arguments)
        return Applied(tree.function, inner, tree.unit, tree.whole)
    if all(isinstance(part, Leaf) for argument in tree.arguments for part in argument):
        return Leaf(_value(tree, digits), True)
    settled = tuple(
        tuple(part if isinstance(part, Leaf) else Leaf(rounded(_exact(part), digits), True) for part in argument)
        for argument in tree.arguments
    )
    return Applied(tree.function, settled, tree.unit, tree.whole)


def _value(tree: Applied, digits: int) -> Decimal:
    operands = [np.array([float(_exact(part)) for part in argument]) for argument in tree.arguments]
    with np.errstate(all="ignore"):
        result = np.asarray(OPS[tree.function].forward(*operands))
    number = float(result[tree.unit or 0])
    if np.isinf(number) and not any(np.isinf(one).any() for one in operands):
        raise OverflowError
    return rounded(Decimal(repr(number)), digits)


def _exact(tree: Tree) -> Decimal:
    """Return what a tree without functions comes to."""
    if isinstance(tree, Leaf):
        return tree.number
    assert isinstance(tree, Arithmetic)
    numbers = [_exact(part) for part in tree.parts]
    if len(numbers) == 1:
        return _EXACT.minus(numbers[0])
    work = {"+": _EXACT.add, "−": _EXACT.subtract, "×": _EXACT.multiply, "/": _EXACT.divide}[tree.sign]
    return reduce(work, numbers)


Vector = tuple[Leaf, ...]
MOST_PARTS = 20_000
"""Numbers of a sheet; one of two units has some hundred."""

_SIGNS = {"add": "+", "sub": "−", "mul": "×", "div": "/"}


@dataclass
class Paper:
    """How much room is left."""

    left: int = MOST_PARTS

    def take(self, count: int) -> None:
        """Take room for so many numbers.

        Raises:
            UserError: There is not so much.
        """
        self.left -= count
        if self.left < 0:
            raise UserError(
                f"these steps need more than {MOST_PARTS} numbers, too many to print: take fewer --steps, or a "
                "network of few units such as --model tiny or --cell lstm --hidden 2"
            )


@dataclass(frozen=True)
class EquationInputs:
    """What an equation can read.

    Attributes:
        vector: From a name, and whether its previous value is meant, to the numbers.
        matrix: From a name to the rows.
        every: Whether the step is one that a period divides, for `every`.
        paper: What is written down is taken from it.
        shapes: Shape of every op over heads.
    """

    vector: Callable[[str, bool], Vector]
    matrix: Mapping[str, tuple[Vector, ...]]
    every: Callable[[Decimal], bool]
    paper: Paper
    shapes: Mapping[Expression, Shape] = field(default_factory=dict)

    def size(self, node: Expression) -> int:
        """Return how many units a node has."""
        if isinstance(node, Number):
            return 1
        if isinstance(node, Name | Previous):
            return len(self.vector(node.name, isinstance(node, Previous)))
        if isinstance(node, Product):
            return len(self.matrix[node.matrix])
        if node.function in HEAD_OPS:
            return result_size(node.function, self.shapes[node])
        sizes = [self.size(argument) for argument in node.arguments]
        if node.function == "part":
            return sizes[0] // int(_number(node.arguments[2]))
        if node.function == "concat":
            return sum(sizes)
        return 1 if node.function in OPS and OPS[node.function].single else max(sizes)

    def tree(self, node: Expression, unit: int) -> Tree:
        """Return the sum of one unit of a node."""
        self.paper.take(1)
        if isinstance(node, Number):
            return Leaf(Decimal(repr(node.value)))
        if isinstance(node, Name | Previous):
            vector = self.vector(node.name, isinstance(node, Previous))
            return vector[unit if len(vector) > 1 else 0]
        if isinstance(node, Product):
            row = self.matrix[node.matrix][unit]
            self.paper.take(len(row))
            products = [Arithmetic("×", (weight, self.tree(node.operand, k))) for k, weight in enumerate(row)]
            return Arithmetic("+", tuple(products)) if len(products) > 1 else products[0]
        if node.function == "neg":
            return Arithmetic("−", (self.tree(node.arguments[0], unit),))
        if node.function in _SIGNS:
            left, right = (self.tree(argument, unit) for argument in node.arguments)
            sign = _SIGNS[node.function]
            return Arithmetic(sign, (*_parts(left, sign), *(_parts(right, sign) if sign in "+×" else (right,))))
        return self._call(node, unit)

    def _call(self, node: Call, unit: int) -> Tree:
        arguments = node.arguments
        if node.function == "part":
            return self.tree(arguments[0], unit + int(_number(arguments[1])) * self.size(node))
        if node.function == "concat":
            for argument in arguments:
                size = self.size(argument)
                if unit < size:
                    return self.tree(argument, unit)
                unit -= size
        if node.function == "every":
            period = self.tree(arguments[0], unit)
            assert isinstance(period, Leaf), "a period is a fixed number"
            return Leaf(Decimal(int(self.every(period.number))))
        if node.function in HEAD_OPS:
            return self._over_heads(node, unit)
        op = OPS[node.function]
        if op.elementwise:
            return Applied(node.function, tuple((self.tree(argument, unit),) for argument in arguments))
        size = max(self.size(argument) for argument in arguments)
        all_units = tuple(tuple(self.tree(argument, k) for k in range(size)) for argument in arguments)
        return Applied(node.function, all_units, None if op.single else unit)

    def _over_heads(self, node: Call, unit: int) -> Tree:
        """Return an op over heads as plain arithmetic."""
        shape, arguments = self.shapes[node], node.arguments
        _, rows, columns = shape

        def tree(argument: Expression, k: int) -> Tree:
            return self.tree(argument, k if self.size(argument) > 1 else 0)

        if node.function == "weighted":
            head, column = divmod(unit, columns)
            self.paper.take(rows)
            lines = range(head * rows, (head + 1) * rows)
            terms = [_product(tree(arguments[1], line), tree(arguments[0], line * columns + column)) for line in lines]
            return Arithmetic("+", tuple(terms)) if rows > 1 else terms[0]
        if node.function in ("read", "sum_heads", "mean_heads"):
            width = columns if node.function == "read" else rows * columns
            self.paper.take(width)
            terms = [tree(arguments[0], unit * width + k) for k in range(width)]
            if node.function == "read":
                first = unit // rows * columns
                terms = [_product(one, tree(arguments[1], first + k)) for k, one in enumerate(terms)]
            total = Arithmetic("+", tuple(terms)) if width > 1 else terms[0]
            if node.function != "mean_heads":
                return total
            return Arithmetic("/", (total, Leaf(Decimal(width))))
        units = operand_units(node.function, shape, unit)
        trees = [tree(argument, k) for argument, k in zip(arguments, units, strict=True) if k is not None]
        return _product(*trees) if len(trees) > 1 else trees[0]


def _product(one: Tree, other: Tree) -> Tree:
    return Arithmetic("×", (*_parts(one, "×"), *_parts(other, "×")))


def _parts(tree: Tree, sign: str) -> tuple[Tree, ...]:
    """Return the parts of a sum in a sum, or of a product in a product: they need no brackets."""
    return tree.parts if isinstance(tree, Arithmetic) and tree.sign == sign and len(tree.parts) > 1 else (tree,)


def _number(node: Expression) -> float:
    assert isinstance(node, Number), "which part of how many is written as numbers"
    return node.value
