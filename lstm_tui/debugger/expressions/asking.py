"""What every part of the evaluation of an expression shares: the run, and mistakes at their place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from lstm_tui.debugger.expressions import nodes
from lstm_tui.debugger.expressions.errors import ExpressionError
from lstm_tui.debugger.expressions.nodes import Node
from lstm_tui.debugger.expressions.parser import Expression
from lstm_tui.debugger.expressions.scope import Moment, NoSuchName, Scope
from lstm_tui.debugger.expressions.series import Series
from lstm_tui.engine.errors import nearest
from lstm_tui.engine.vocabulary import shortened

KINDS = {"number": "a number", "truth": "true or false", "text": "a text"}
_Found = TypeVar("_Found")


@dataclass(frozen=True)
class Asking(ABC):
    """An expression that is asked of a run.

    Attributes:
        expression: What is asked.
        scope: The run.
    """

    expression: Expression
    scope: Scope

    def fail(self, said: str, node: Node, near: str | None = None, place: int | None = None) -> ExpressionError:
        """Return the error for a node, or for another place in the text."""
        return ExpressionError(said, self.expression.text, node.start if place is None else place, near)

    def shown(self, node: Node) -> str:
        """Return how a node was written, in short."""
        return shortened(self.expression.text_of(node))

    @abstractmethod
    def read(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps."""

    def numeric(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps; it must be numbers."""
        series = self.read(node, moment)
        if series.kind != "number":
            raise self.fail(f"{self.shown(node)} is {KINDS[series.kind]}, not a number", node)
        return series

    def named(self, node: Node, read: Callable[[], _Found]) -> _Found:
        """Look a name up, and say at its place what is wrong with it."""
        try:
            return read()
        except NoSuchName as error:
            raise self.fail(error.said, node, error.near) from None


def token_place(node: Node) -> int | None:
    """Return which place `tok[3]` names."""
    if isinstance(node, nodes.Units) and isinstance(node.of, nodes.Name) and node.of.name == "tok":
        return node.first if node.stop == node.first + 1 else None
    return None


def quoted_near(name: str, known: tuple[str, ...]) -> str | None:
    """Return the nearest of some texts, in quotes."""
    near = nearest(name, known)
    return near and f'"{near}"'
