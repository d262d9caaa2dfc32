"""Which equation of its pass an expression waits for: the last one whose value it reads at the step itself."""

from __future__ import annotations

from lstm_tui.debugger.expressions import parser
from lstm_tui.debugger.expressions.parser import Expression, Node
from lstm_tui.debugger.expressions.scope import NoSuchName, Scope
from lstm_tui.debugger.expressions.shares import memory_meant


def equation_waited_for(expression: Expression, scope: Scope) -> int:
    """Return the number of the equation after which an expression is known at a step.

    What reads another pass, or the output, or nothing of this step, waits for the last one.
    """
    waits = equation_guarded(expression, scope)
    return len(scope.passed.cell.values) - 1 if waits < 0 else waits


def equation_guarded(expression: Expression, scope: Scope) -> int:
    """Return the number of the equation after which a condition on something else is known; -1 where it always is."""
    found = _waits(expression.node, scope)
    return len(scope.passed.cell.values) - 1 if None in found else max((n for n in found if n is not None), default=-1)


def last_read(expression: Expression, scope: Scope) -> int | None:
    """Return the last equation of the scope's pass whose value an expression reads at the step, or None."""
    return max((one for one in _waits(expression.node, scope) if one is not None), default=None)


def reads_pass(node: Node, scope: Scope) -> bool:
    """Say whether an expression is about the scope's pass without naming it, as `c[3]` is and `token` is not."""
    if isinstance(node, parser.NameNode):
        return "." not in node.name and bool({*_waits_for_name(node.name, scope)} - {None})
    is_share = isinstance(node, parser.CallNode) and node.function == "share"
    return is_share or any(reads_pass(part, scope) for part in parser.inside(node))


def _waits(node: Node, scope: Scope) -> set[int | None]:
    """Return the equations that are read at the step itself; None for what lies outside the pass."""
    if isinstance(node, parser.PreviousNode | parser.AtNode) or (isinstance(node, parser.Shifted) and node.by):
        return set()
    if isinstance(node, parser.NameNode):
        return _waits_for_name(node.name, scope)
    if isinstance(node, parser.CallNode) and node.function == "share":
        what = node.arguments[1] if len(node.arguments) == 2 else None
        while isinstance(what, parser.UnitsNode | parser.NamedUnitNode | parser.EntryNode | parser.BlockNode):
            what = what.of
        passed, state = memory_meant(scope, what.name if isinstance(what, parser.NameNode) else None)
        return {passed.cell.values.index(state) if passed is scope.passed else None}
    found: set[int | None] = set()
    for part in parser.inside(node):
        found |= _waits(part, scope)
    return found


def _waits_for_name(name: str, scope: Scope) -> set[int | None]:
    if name.startswith("readout."):
        return {None}
    try:
        passed, value = scope.owner(name)
    except NoSuchName:
        turned = parser.transposed_name(name)
        return set() if turned is None else _waits_for_name(turned, scope)
    values = passed.cell.values
    feature = scope.names.features.get(name)
    if feature is not None and value not in values and feature.pass_name in scope.trace:
        passed, value = scope.trace[feature.pass_name], feature.value
        if passed is not scope.passed:
            return {None}
    if value in values:
        return {values.index(value) if passed is scope.passed else None}
    return {None} if name in ("output", "result") and value not in passed.inputs else set()
