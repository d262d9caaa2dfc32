"""A sum as it is worked out on paper: written with its numbers, then line by line to its result.

Arithmetic is exact between two numbers that are written down, and what is written down is rounded half away from
zero. So a pencil that uses the numbers as they stand on the sheet comes to the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from functools import reduce
from typing import Any

import numpy as np

from lstm_tui.documents.blocks import Line, LinePiece
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import written_out

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


def decimal(number: float | np.floating[Any], digits: int) -> Decimal:
    """Return a number as it is written on a sheet: its shortest digits, rounded when there are more.

    Raises:
        UserError: It is not finite, or too large to be written out.
    """
    text = str(number)
    try:
        exact = Decimal(text)
        return exact if -int(exact.as_tuple().exponent) <= digits else rounded(exact, digits)
    except (DecimalException, ValueError, TypeError):
        raise UserError(f"a number in these steps is {text}: no pencil can go on from it") from None


def rounded(number: Decimal, digits: int) -> Decimal:
    """Round half away from zero; what is rounded away is never −0."""
    result = number.quantize(Decimal(1).scaleb(-digits), context=_EXACT)
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
