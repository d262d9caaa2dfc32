"""Equations without the terms of optional parameters that are left out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from lstm_tui.engine.expression import Call, Expression, Name, Number, Product, as_written
from lstm_tui.engine.language import Equation


def without(equation: Equation, names: Collection[str]) -> Equation:
    """Return an equation without the terms of parameters that are left out, which are 0."""
    if not names:
        return equation
    expression = _drop(equation.expression, names)
    if expression == equation.expression:
        return equation
    return replace(equation, expression=expression, text=f"{equation.name} = {as_written(expression)}")


def _drop(node: Expression, names: Collection[str]) -> Expression:
    zero = Number(0.0, node.place)
    if isinstance(node, Name):
        return zero if node.name in names else node
    if isinstance(node, Product):
        operand = _drop(node.operand, names)
        return zero if node.matrix in names or _gone(operand, node.operand) else replace(node, operand=operand)
    if not isinstance(node, Call):
        return node
    arguments = tuple(_drop(argument, names) for argument in node.arguments)
    gone = [_gone(after, before) for after, before in zip(arguments, node.arguments, strict=True)]
    match node.function:
        case "mul" if any(gone):
            return zero
        case "neg" | "div" if gone[0]:
            return zero
        case "add" if any(gone):
            return arguments[0] if gone[1] else arguments[1]
        case "sub" if gone[1]:
            return arguments[0]
        case "sub" if gone[0]:
            return Call("neg", (arguments[1],), node.place)
    return replace(node, arguments=arguments)


def _gone(after: Expression, before: Expression) -> bool:
    return isinstance(after, Number) and after.value == 0 and after is not before
