"""The terms a value is summed of before it is squashed, at every step at once, as the run computed them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lstm_tui.engine.expression import Call, Expression, Name, Product, show
from lstm_tui.engine.ops import OPS, Code
from lstm_tui.engine.program import Instruction, Slot, Space
from lstm_tui.engine.trace import PassTrace

Array = NDArray[np.floating[Any]]
_ARITHMETIC = frozenset({"add", "sub", "mul", "div", "neg", "max", "min"})


@dataclass(frozen=True, eq=False)
class Term:
    """One summand of a value.

    Attributes:
        text: As the screen writes it, such as `W_f·x`.
        parameter: Whose weights it is made of, such as `W_f` or `b_f`; empty without one.
        series: (T, n) or (n,), with its sign, in reading order.
    """

    text: str
    parameter: str
    series: Array


def squash_of(passed: PassTrace, value: str) -> str | None:
    """Return the function of one argument that makes a value out of a sum, such as `sigmoid`; None without one."""
    expression = passed.cell.equation(value).expression
    if isinstance(expression, Call) and expression.function in OPS and expression.function not in _ARITHMETIC:
        op = OPS[expression.function]
        return op.name if op.elementwise and op.arity == 1 else None
    return None


def sum_slot(passed: PassTrace, value: str) -> Slot | None:
    """Return where the sum inside a value's squash lies in a row; its own place without a squash, None without rows."""
    program = passed.program
    if program is None:
        return None
    made: dict[Slot, Instruction] = {one.target: one for one in program.instructions}
    one = made.get(program.values[value])
    if one is not None and one.op.code == Code.HOLD:
        inner = one.operands[0]
        one = made.get(Slot(inner.offset, inner.size))
    if one is None or one.matrix is not None or squash_of(passed, value) is None:
        return program.values[value]
    inner = one.operands[0]
    return Slot(inner.offset, inner.size) if inner.space == Space.CURRENT else program.values[value]


def terms_of(passed: PassTrace, value: str) -> tuple[Term, ...]:
    """Return the summands of a value that the run kept; none when it was read from a file or is very long."""
    stored = passed.stored
    if stored is None or stored.rows is None or passed.program is None or passed.parameters is None:
        return ()
    equation = next((one for one in passed.program.equations if one.name == value), None)
    if equation is None:
        return ()
    number = passed.cell.values.index(value)
    node = equation.expression
    if squash_of(passed, value) is not None and isinstance(node, Call):
        node = node.arguments[0]
    prefix = f"{value} = "
    slots = {one.text.removeprefix(prefix): one.target for one in passed.program.instructions if one.equation == number}
    found = []
    for summand, sign in _summands(node, 1):
        text = show(summand)
        if isinstance(summand, Name) and summand.name in passed.program.parameters:
            series = passed.program.view(passed.parameters, summand.name)
        elif text in slots:
            slot = slots[text]
            series = stored.rows[1:, slot.offset : slot.offset + slot.size]
        else:
            continue
        found.append(Term(text, _parameter(summand, passed), sign * series))
    return tuple(found)


def _parameter(node: Expression, passed: PassTrace) -> str:
    """Return the first parameter of a summand: the matrix of a product, a bias, a peephole."""
    assert passed.program is not None
    if isinstance(node, Product):
        return node.matrix
    if isinstance(node, Name):
        return node.name if node.name in passed.program.parameters else ""
    if isinstance(node, Call):
        return next((name for one in node.arguments if (name := _parameter(one, passed))), "")
    return ""


def _summands(node: Expression, sign: int) -> Iterator[tuple[Expression, int]]:
    if isinstance(node, Call) and node.function in ("add", "sub"):
        left, right = node.arguments
        yield from _summands(left, sign)
        yield from _summands(right, -sign if node.function == "sub" else sign)
    else:
        yield node, sign
