"""The nodes of an expression; each knows which characters of the text it was.

A mistake in an expression, shown under the expression at its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible


@dataclass(frozen=True)
class Node:
    """A part of an expression: the characters `start` to `end` of its text."""

    start: int
    end: int


@dataclass(frozen=True)
class NumberNode(Node):
    """A number."""

    value: float


@dataclass(frozen=True)
class TextNode(Node):
    """A text in quotes: a token, or the name of a class."""

    value: str


@dataclass(frozen=True)
class NameNode(Node):
    """A value such as `f` or `layer1.backward.f`, or `token`, `t`, `output`, `result`."""

    name: str


@dataclass(frozen=True)
class UnitsNode(Node):
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
class PreviousNode(Node):
    """`prev(v)`: one step earlier in a pass's own reading order."""

    of: Node


@dataclass(frozen=True)
class AtNode(Node):
    """`f(…, at="bad")`: what it is at one token."""

    of: Node
    where: Node


@dataclass(frozen=True)
class CallNode(Node):
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
    if isinstance(node, CallNode):
        return node.arguments
    if isinstance(node, Operation):
        return node.left, node.right
    if isinstance(node, AtNode):
        return node.of, node.where
    if isinstance(node, UnitsNode | Class | Shifted | PreviousNode | Inverse):
        return (node.of,)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything below it."""
    yield node
    for part in inside(node):
        yield from walk(part)


_SHOWN = 72  # characters of an expression that are repeated around a mistake


class ExpressionError(UserError):
    """What is wrong in an expression, and where.

    Attributes:
        said: What is wrong and what to do.
        text: The expression.
        start: Place of the first wrong character, from 0.
    """

    def __init__(self, said: str, text: str, start: int, near: str | None = None) -> None:
        """Compose the one line; `near` is the nearest right name."""
        hint = f"; did you mean {near}?" if near else ""
        self.said = visible(f"{said}{hint}")
        self.text = text
        self.start = min(max(start, 0), len(text))
        super().__init__(f"column {self.start + 1}: {said}{hint}")

    @property
    def under(self) -> tuple[str, str]:
        """The expression, and the mistake under it at its column."""
        from rich.cells import cell_len

        first = max(0, min(self.start - _SHOWN // 2, len(self.text) - _SHOWN))
        before = visible(self.text[first : self.start])
        shown = before + visible(self.text[self.start : first + _SHOWN])
        return f"  {shown}", f"  {' ' * cell_len(before)}^ {self.said}"
