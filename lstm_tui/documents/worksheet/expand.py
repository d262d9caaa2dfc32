"""From an equation and the numbers it reads to the sum of one unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from lstm_tui.documents.worksheet.arithmetic import Applied, Arithmetic, Leaf, Tree
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Previous, Product

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
    """

    vector: Callable[[str, bool], Vector]
    matrix: Mapping[str, tuple[Vector, ...]]
    every: Callable[[Decimal], bool]
    paper: Paper

    def size(self, node: Expression) -> int:
        """Return how many units a node has."""
        if isinstance(node, Number):
            return 1
        if isinstance(node, Name | Previous):
            return len(self.vector(node.name, isinstance(node, Previous)))
        if isinstance(node, Product):
            return len(self.matrix[node.matrix])
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
        op = OPS[node.function]
        if op.elementwise:
            return Applied(node.function, tuple((self.tree(argument, unit),) for argument in arguments))
        size = max(self.size(argument) for argument in arguments)
        all_units = tuple(tuple(self.tree(argument, k) for k in range(size)) for argument in arguments)
        return Applied(node.function, all_units, None if op.single else unit)


def _parts(tree: Tree, sign: str) -> tuple[Tree, ...]:
    """Return the parts of a sum in a sum, or of a product in a product: they need no brackets."""
    return tree.parts if isinstance(tree, Arithmetic) and tree.sign == sign and len(tree.parts) > 1 else (tree,)


def _number(node: Expression) -> float:
    assert isinstance(node, Number), "which part of how many is written as numbers"
    return node.value
