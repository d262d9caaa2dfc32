"""Why a condition holds at a step: the values on both sides of its comparisons, and which units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstm_tui.debugger.expressions import Expression, Scope, Series, evaluate
from lstm_tui.debugger.expressions import nodes as tree
from lstm_tui.debugger.expressions.say import number, one
from lstm_tui.engine.visible import visible

_MOST_UNITS = 3


def reason(expression: Expression, scope: Scope, t: int) -> str:
    """Return what decides a condition at a place: `mean(f) = 0.083`; empty when nothing more can be said."""
    found: list[str] = []
    _decide(expression, expression.node, scope, t, found)
    return ", ".join(dict.fromkeys(found))


def _decide(expression: Expression, node: tree.Node, scope: Scope, t: int, found: list[str]) -> None:
    if isinstance(node, tree.Operation) and node.sign in ("and", "or"):
        for side in (node.left, node.right):
            if node.sign == "and" or _is_true(_answer(expression, side, scope, t)):
                _decide(expression, side, scope, t, found)
    elif isinstance(node, tree.Inverse) and node.sign == "not":
        _decide(expression, node.of, scope, t, found)
    elif isinstance(node, tree.Call) and node.function in ("any", "all"):
        _units(expression, node.arguments[0], scope, t, found)
    elif isinstance(node, tree.Operation | tree.Call):
        parts = node.arguments if isinstance(node, tree.Call) else (node.left, node.right)
        said = (part for part in parts if not isinstance(part, tree.Number | tree.Text | tree.At))
        found.extend(f"{_written(expression, part)} = {one(_answer(expression, part, scope, t))}" for part in said)


def _units(expression: Expression, inner: tree.Node, scope: Scope, t: int, found: list[str]) -> None:
    """Say which units of a vector make an `any` true, with their numbers."""
    truth = _answer(expression, inner, scope, t)
    of: tree.Node | None = None
    if isinstance(inner, tree.Operation):
        of = inner.left
    elif isinstance(inner, tree.Call):
        of = inner.arguments[0]
    if of is None or truth.kind != "truth":
        return
    values = _answer(expression, of, scope, t)
    units = np.flatnonzero(truth.values[0])
    if values.size != truth.size or values.kind != "number" or not len(units):
        return
    first = values.units or 0
    name = of.of if isinstance(of, tree.Units) else of
    written = _written(expression, name)
    found.extend(f"{written}[{first + u}] = {number(values.values[0, u])}" for u in units[:_MOST_UNITS])
    if len(units) > _MOST_UNITS:
        found.append(f"{len(units)} units in all")


def _answer(expression: Expression, node: tree.Node, scope: Scope, t: int) -> Series:
    return evaluate(replace(expression, node=node), scope, t, t + 1)


def _is_true(answer: Series) -> bool:
    return bool((answer.values & answer.known).all())


def _written(expression: Expression, node: tree.Node) -> str:
    return visible(expression.text_of(node))
