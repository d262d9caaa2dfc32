"""A cell with some equations rewritten, or without the terms of optional parameters, with a text of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache

from lstm_tui.engine.errors import LanguageError, nearest
from lstm_tui.engine.language.cell import Cell, parse_cell
from lstm_tui.engine.language.cell_fields import read_functions
from lstm_tui.engine.language.equations import Equation, Vocabulary, parse_expression
from lstm_tui.engine.language.expression import (
    Call,
    Expression,
    Name,
    Number,
    Previous,
    Product,
    as_written,
    names_in,
    walk,
)
from lstm_tui.engine.language.toml import page_text, parse_page

_EDITED = ", edited"


def changed_cell(cell: Cell, expressions: Mapping[str, str], name: str) -> Cell:
    """Return a cell with other right sides of some equations.

    An equation that now reads values computed below it moves to just under the last of them, if nothing in between
    depends on it. Parameters that nothing reads any more are gone.

    Args:
        cell: The cell as it is.
        expressions: New right sides by value.
        name: Of the new cell.

    Raises:
        LanguageError: If a right side is malformed, reads what is not there or cannot be computed in any order; its
            line is 1, its column that in the right side.
    """
    return _changed(cell, tuple(expressions.items()), name)


@lru_cache(maxsize=64)
def _changed(cell: Cell, expressions: tuple[tuple[str, str], ...], name: str) -> Cell:
    page = parse_page(cell.text, cell.file)
    functions = read_functions(page)
    rows = {one.name: (one.text.partition("=")[2].strip(), one.label, one.help) for one in cell.equations}
    order = list(cell.values)
    for value, text in expressions:
        expression = _read(cell, value, text, functions)
        _move(cell, order, value, expression)
        rows[value] = (text.strip(), rows[value][1], "")
    lines = [_line(value, *rows[value]) for value in order]
    title = cell.title.removesuffix(_EDITED) + _EDITED
    keys = {**page.keys, "name": name, "title": title, "equations": "\n".join(lines)}
    for key in ("optional", "mask"):
        keys.pop(key, None)
    bare = parse_cell(page_text(keys), f"{name}.toml")
    if optional := [one for one in cell.optional if one in bare.parameters]:
        keys["optional"] = optional
    if mask := {one: text for one, text in page.table("mask").items() if one in bare.parameters}:
        keys["mask"] = mask
    return parse_cell(page_text(keys), f"{name}.toml")


def _line(value: str, text: str, label: str, sentence: str) -> str:
    comment = f"   # {label}{': ' if sentence else ''}{sentence}" if label or sentence else ""
    return f"{value} = {text}{comment}"


def _read(cell: Cell, value: str, text: str, functions: Mapping[str, str]) -> Expression:
    """Parse a right side; every value may be read, and no parameter that is not there already."""
    others = [one for one in cell.values if one != value]
    given = frozenset({"x", *cell.fixed, *cell.below})
    words = Vocabulary(value, cell.state, given, functions, defined=others, later=frozenset({value}))
    expression = parse_expression(text, words)
    known = {*words.known(), *others, *cell.parameters}
    for node in walk(expression):
        read = node.matrix if isinstance(node, Product) else node.name if isinstance(node, Name | Previous) else None
        if read is not None and read not in known:
            message = f"there is no parameter `{read}`, and a new one would not be trained"
            place = node.place
            raise LanguageError(message, value, place.line, place.column, nearest(read, known))
    return expression


def _move(cell: Cell, order: list[str], value: str, expression: Expression) -> None:
    """Move an equation under what it reads, in `order`."""
    here = order.index(value)
    needed = {
        node.name: node for node in walk(expression) if isinstance(node, Name) and node.name not in cell.state
    }  # a state that is read above its own equation is the previous one
    below = [one for one in order[here + 1 :] if one in needed]
    if not below:
        return
    last = order.index(below[-1])
    between = order[here + 1 : last + 1]
    place = needed[below[-1]].place
    why = None
    for one in between:
        if value in names_in(cell.equation(one).expression):
            why = f"`{one}` is computed from `{value}`, so `{value}` cannot be computed from `{below[-1]}`"
        elif one in cell.state and (one in names_in(expression) or value in cell.state):
            why = f"`{below[-1]}` has its value only after `{one}`, a state: `{value}` would read another `{one}`"
    if why is None and value in cell.state:
        why = f"`{below[-1]}` is computed later, and the state `{value}` stays where it is"
    if why is not None:
        raise LanguageError(why, value, place.line, place.column)
    order.insert(last, order.pop(here))


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
