"""The nodes of a question about a run: those of what is written, and those that only questions have.

A mistake in a question, shown under it at its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.language.syntax import (
    CallNode,
    IndexNode,
    Inverse,
    NameNode,
    Node,
    NumberNode,
    Operation,
    RangeNode,
    TextNode,
)
from lstm_tui.engine.language.words import COMPARISONS
from lstm_tui.engine.text_safety import visible

__all__ = [
    "COMPARISONS",
    "AtNode",
    "CallNode",
    "Class",
    "ExpressionError",
    "IndexNode",
    "Inverse",
    "NameNode",
    "Node",
    "NumberNode",
    "Operation",
    "PreviousNode",
    "RangeNode",
    "Shifted",
    "TextNode",
    "UnitsNode",
    "inside",
    "walk",
]


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


def inside(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside a node."""
    if isinstance(node, AtNode):
        return node.of, node.where
    if isinstance(node, CallNode):
        return node.arguments
    if isinstance(node, Operation):
        return node.left, node.right
    return (node.of,) if isinstance(node, UnitsNode | Class | Shifted | PreviousNode | Inverse) else ()


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
