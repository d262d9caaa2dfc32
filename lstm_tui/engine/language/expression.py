"""The nodes of an equation, and how they are written on the screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from lstm_tui.engine.compiler.ops import EVERY_OP
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import sentence


@dataclass(frozen=True)
class Place:
    """Where a node stands in the file, both from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Number:
    """A finite number."""

    value: float
    place: Place


@dataclass(frozen=True)
class Name:
    """A value, the input, a parameter or a fixed vector."""

    name: str
    place: Place


@dataclass(frozen=True)
class Previous:
    """`prev(s)`: a state as it was before this step."""

    name: str
    place: Place


@dataclass(frozen=True)
class Product:
    """`M @ e`: a matrix parameter times a vector."""

    matrix: str
    operand: Expression
    place: Place


@dataclass(frozen=True)
class Call:
    """An op, or `part`, `concat` or an op over steps, on its arguments."""

    function: str
    arguments: tuple[Expression, ...]
    place: Place


Expression = Number | Name | Previous | Product | Call


def walk(node: Expression) -> Iterator[Expression]:
    """Yield a node and everything below it, in the order written."""
    yield node
    for part in inside(node):
        yield from walk(part)


def names_in(node: Expression) -> set[str]:
    """Return every name read in an expression, matrices and `prev` included."""
    found: set[str] = set()
    for part in walk(node):
        if isinstance(part, Name | Previous):
            found.add(part.name)
        elif isinstance(part, Product):
            found.add(part.matrix)
    return found


def extent(node: Expression) -> tuple[int, int]:
    """Return of how many parts an expression is made, and how deep they stand inside each other.

    What a macro repeats is one node in many places, so it is measured once and counted as often as it is
    read; nothing here takes longer than the text is long.
    """
    known: dict[int, tuple[int, int]] = {}
    stack = [node]
    while stack:
        one = stack[-1]
        inner = inside(one)
        waiting = [part for part in inner if id(part) not in known]
        if waiting:
            stack.extend(waiting)
            continue
        sizes = [known[id(part)] for part in inner]
        known[id(one)] = 1 + sum(parts for parts, _ in sizes), 1 + max((depth for _, depth in sizes), default=0)
        stack.pop()
    return known[id(node)]


def inside(node: Expression) -> tuple[Expression, ...]:
    """Return the expressions directly inside a node."""
    if isinstance(node, Product):
        return (node.operand,)
    return node.arguments if isinstance(node, Call) else ()


_STRENGTH = {"add": 1, "sub": 1, "mul": 2, "div": 2, "read": 2, "weighted": 2, "neg": 3}
_PRODUCT = 2  # `@` binds as `*` does
_ON_SCREEN = {name: op.form for name, op in EVERY_OP.items()}
_IN_FILES = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "read": "{0} @ {1}",
    "weighted": "{1} @ {0}",
    "neg": "-{0}",
}


def show(node: Expression) -> str:
    """Return an expression as the screen writes it: `σ(W_f·x + U_f·h + b_f)`."""
    return _write(node, _ON_SCREEN, "·", lambda value: sentence(value, 6))


def as_written(node: Expression) -> str:
    """Return an expression in the language itself, so that it can be parsed again."""
    return _write(node, _IN_FILES, " @ ", repr)


def _write(
    node: Expression,
    forms: Mapping[str, str],
    at: str,
    number: Callable[[float], str],
    outer: int = 0,
    right: bool = False,
) -> str:
    if isinstance(node, Number):
        return number(node.value)
    if isinstance(node, Name):
        return node.name
    if isinstance(node, Previous):
        return f"prev({node.name})"
    if isinstance(node, Product):
        text = f"{node.matrix}{at}{_write(node.operand, forms, at, number, 4)}"
        return _bracketed(text, _PRODUCT, outer, right) if forms is _IN_FILES else text
    strength = _STRENGTH.get(node.function, 0)
    parts = [_write(a, forms, at, number, strength, right=n > 0) for n, a in enumerate(node.arguments)]
    if node.function not in forms:
        return f"{node.function}({', '.join(parts)})"
    return _bracketed(forms[node.function].format(*parts), strength, outer, right)


def _bracketed(text: str, strength: int, outer: int, right: bool) -> str:
    return f"({text})" if strength and (strength < outer or (right and strength == outer)) else text
