"""A page of equations taken as vectors: what an LSTM node inside a step computes, by the page of its cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import EVERY_OP, HEAD_OPS
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.cell import Cell, parse_cell
from lstm_tui.engine.language.expression import Call, Expression, Name, Number, Previous, Product
from lstm_tui.formats.importers.plan import Recurrent
from lstm_tui.formats.importers.program.graph import UnsupportedNode
from lstm_tui.formats.importers.step_graphs.vectors import StepVectors
from lstm_tui.formats.verify.alternatives import cell_text

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


@dataclass(eq=False)
class _Taken:
    """A cell while its equations are taken."""

    vectors: StepVectors
    cell: Cell
    given: Mapping[str, Array]
    before: Mapping[str, Array]
    known: dict[str, Array] = field(default_factory=dict)
    label: str = ""

    def places(self, node: Expression) -> Array:
        """Return the places of an expression, one axis."""
        if isinstance(node, Number):
            return self.vectors.constant(np.array([node.value]))
        if isinstance(node, Previous):
            return self.before[node.name]
        if isinstance(node, Name):
            if node.name in self.known:
                return self.known[node.name]
            if node.name in self.before:
                return self.before[node.name]
            if node.name in self.given:
                return self.vectors.constant(self.given[node.name])
            return self.vectors.constant(np.zeros(1))  # a parameter that is left out
        if isinstance(node, Product):
            return self.vectors.linear(self.given[node.matrix], self.places(node.operand), self.label)
        return self._called(node)

    def _called(self, node: Call) -> Array:
        operands = [self.places(one) for one in node.arguments]
        if node.function in HEAD_OPS or node.function not in EVERY_OP:
            raise UnsupportedNode(f"{self.cell.name} is made of {node.function}, which is not taken inside a step")
        if EVERY_OP[node.function].elementwise:
            return self.vectors.apply(_SIGNS.get(node.function, node.function), *operands, label=self.label)
        return self.vectors.whole(node.function, *operands, single=EVERY_OP[node.function].single, label=self.label)


def take_cell(
    vectors: StepVectors, part: Recurrent, x: Array, before: Mapping[str, Array], label: str
) -> dict[str, Array]:
    """Return the places of every value of a layer after one step.

    Args:
        vectors: To which they are added.
        part: The layer; it has one pass.
        x: The places of its input.
        before: Those of its states before the step.
        label: What the file calls the node.

    Raises:
        UnsupportedNode: Its cell is made of more than is taken here.
    """
    cell = parse_cell(cell_text(replace(part, initial={})), part.name)
    taken = _Taken(vectors, cell, dict(part.passes[0][1]), before, {"x": x}, label)
    for equation in cell.equations:
        taken.known[equation.name] = taken.places(equation.expression)
    return taken.known
