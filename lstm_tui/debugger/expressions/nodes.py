"""The nodes of an expression; each knows which characters of the text it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Node:
    """A part of an expression: the characters `start` to `end` of its text."""

    start: int
    end: int


@dataclass(frozen=True)
class Number(Node):
    """A number."""

    value: float


@dataclass(frozen=True)
class Text(Node):
    """A text in quotes: a token, or the name of a class."""

    value: str


@dataclass(frozen=True)
class Name(Node):
    """A value such as `f` or `layer1.backward.f`, or `token`, `t`, `output`, `result`."""

    name: str


@dataclass(frozen=True)
class Units(Node):
    """`v[17]`, `v[0:8]`: units from 0; `stop` is None for an open end."""

    of: Node
    first: int
    stop: int | None


@dataclass(frozen=True)
class Class(Node):
    """`output["positive"]`: one number by the name of its class."""

    of: Node
    name: str


@dataclass(frozen=True)
class Shifted(Node):
    """`v[t-1]`: places further on the tape."""

    of: Node
    by: int


@dataclass(frozen=True)
class Previous(Node):
    """`prev(v)`: one step earlier in a pass's own reading order."""

    of: Node


@dataclass(frozen=True)
class At(Node):
    """`f(…, at="bad")`: what it is at one token."""

    of: Node
    where: Node


@dataclass(frozen=True)
class Call(Node):
    """A function on its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True)
class Operation(Node):
    """`+ - * / @`, a comparison, `and` or `or`; `sign` is where the sign itself stands."""

    sign: str
    left: Node
    right: Node
    place: int


@dataclass(frozen=True)
class Inverse(Node):
    """`-v` or `not v`."""

    sign: str
    of: Node


COMPARISONS = frozenset({"<", "<=", ">", ">=", "==", "!="})


def inside(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside a node."""
    if isinstance(node, Call):
        return node.arguments
    if isinstance(node, Operation):
        return node.left, node.right
    if isinstance(node, At):
        return node.of, node.where
    if isinstance(node, Units | Class | Shifted | Previous | Inverse):
        return (node.of,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for part in inside(node):
        yield from walk(part)
