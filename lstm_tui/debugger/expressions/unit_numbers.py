"""The names of units to their numbers, as a run has them; and `W_f.T` to the matrix that is meant."""

from __future__ import annotations

from dataclasses import replace

from lstm_tui.debugger.expressions import parser
from lstm_tui.debugger.expressions.parser import Expression, ExpressionError, Node
from lstm_tui.debugger.expressions.scope import NoSuchName, Scope
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.language.syntax import TRANSPOSE


def resolved(expression: Expression, scope: Scope) -> Expression:
    """Return an expression in which the names of units are their numbers, as a run has them.

    Raises:
        ExpressionError: No unit is called so.
    """
    if not any(map(_is_numbered, parser.walk(expression.node))):
        return expression
    return replace(expression, node=_Names(expression, scope).numbered(expression.node))


def _is_numbered(node: Node) -> bool:
    if isinstance(node, parser.NameNode):
        return parser.transposed_name(node.name) is not None
    return isinstance(node, parser.NamedUnitNode | parser.EntryNode | parser.BlockNode)


@dataclass(frozen=True)
class _Names:
    """Puts numbers in the place of the names of units, and units in that of rows and columns; and reads `W_f.T`."""

    expression: Expression
    scope: Scope

    def numbered(self, node: Node) -> Node:
        if isinstance(node, parser.NamedUnitNode):
            of = self.numbered(node.of)
            unit = self._unit(of, node.name, node)
            return parser.UnitsNode(node.start, node.end, of, unit, unit + 1)
        if isinstance(node, parser.NameNode):
            turned = parser.transposed_name(node.name)
            if turned is None or not self.scope.is_known(turned):
                return node
            return parser.CallNode(node.start, node.end, TRANSPOSE, (parser.NameNode(node.start, node.end, turned),))
        if isinstance(node, parser.EntryNode):
            return self._entry(node)
        if isinstance(node, parser.BlockNode):
            of = self.numbered(node.of)
            parts = tuple(self._unit(of, one, node) if isinstance(one, str) else one for one in node.parts)
            return replace(node, of=of, parts=parts)
        if isinstance(node, parser.CallNode):
            return replace(node, arguments=tuple(self.numbered(one) for one in node.arguments))
        if isinstance(node, parser.Operation):
            return replace(node, left=self.numbered(node.left), right=self.numbered(node.right))
        if isinstance(node, parser.AtNode):
            return replace(node, of=self.numbered(node.of), where=self.numbered(node.where))
        if isinstance(node, parser.UnitsNode | parser.Class | parser.Shifted | parser.PreviousNode | parser.Inverse):
            return replace(node, of=self.numbered(node.of))
        return node

    def _unit(self, of: Node, name: str, node: parser.NamedUnitNode | parser.BlockNode) -> int:
        try:
            return self.scope.unit(self._pass_of(of), name)
        except NoSuchName as error:
            raise ExpressionError(error.said, self.expression.text, node.of.end + 1, error.near) from None

    def _entry(self, node: parser.EntryNode) -> Node:
        of = self.numbered(node.of)
        value = of
        while isinstance(value, parser.Shifted | parser.PreviousNode):
            value = value.of
        if not isinstance(value, parser.NameNode) or self.scope.is_parameter(value.name):
            return parser.BlockNode(node.start, node.end, of, node.entries)
        try:
            unit = self.scope.entry(value.name, node.entries)
        except NoSuchName as error:
            raise ExpressionError(error.said, self.expression.text, node.of.end + 1, error.near) from None
        return parser.UnitsNode(node.start, node.end, of, unit, unit + 1)

    def _pass_of(self, node: Node) -> str:
        """Return the pass of the value of which a unit is asked; the scope's own where it is none by name."""
        while isinstance(node, parser.UnitsNode | parser.Shifted | parser.PreviousNode | parser.Inverse):
            node = node.of
        owner = node.name.rpartition(".")[0] if isinstance(node, parser.NameNode) else ""
        return owner if owner in self.scope.trace else self.scope.pass_name
