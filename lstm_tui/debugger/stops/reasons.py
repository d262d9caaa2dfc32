"""Why a condition holds at a step, or does not: the values on both sides of its comparisons, and which units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstm_tui.debugger.expressions import Expression, Scope, Series, evaluate
from lstm_tui.debugger.expressions import nodes as tree
from lstm_tui.debugger.expressions.say import number, one
from lstm_tui.engine.visible import visible

_MOST_UNITS = 3


def reason(expression: Expression, scope: Scope, t: int, wanted: bool | None = True) -> str:
    """Return what decides a condition at a place: `mean(f) = 0.083`; empty when nothing more can be said.

    Args:
        expression: The condition.
        scope: The run.
        t: Place on the tape.
        wanted: Whether it is true there; None where it is not known, and then what is NaN is told.
    """
    found: list[str] = []
    _Reasons(expression, scope, t, found).decide(expression.node, wanted)
    return ", ".join(dict.fromkeys(found))


class _Reasons:
    def __init__(self, expression: Expression, scope: Scope, t: int, found: list[str]) -> None:
        self.expression, self.scope, self.t, self.found = expression, scope, t, found

    def decide(self, node: tree.Node, wanted: bool | None) -> None:
        """Collect what makes a node true, or false; for None what is NaN in it."""
        if wanted is None:
            self.nan(node)
        elif isinstance(node, tree.Operation) and node.sign in ("and", "or"):
            one_is_enough = wanted == (node.sign == "or")
            for side in (node.left, node.right):
                if not one_is_enough or self.is_(side, wanted):
                    self.decide(side, wanted)
        elif isinstance(node, tree.Inverse) and node.sign == "not":
            self.decide(node.of, not wanted)
        elif isinstance(node, tree.Call) and node.function in ("any", "all"):
            self.units(node.arguments[0], wanted)
        elif wanted and isinstance(node, tree.Operation) and node.sign == "==" and _is_place(node.left):
            pass  # the token is told with the place
        elif isinstance(node, tree.Operation | tree.Call):
            parts = node.arguments if isinstance(node, tree.Call) else (node.left, node.right)
            said = (part for part in parts if not _is_fixed(part))
            self.found.extend(f"{self.written(part)} = {one(self.answer(part))}" for part in said)

    def nan(self, node: tree.Node) -> None:
        """Collect the numbers that are NaN in a truth that is therefore not known."""
        answer = self.answer(node)
        if answer.kind == "truth":
            unknown = bool((answer.unknown & ~answer.known).any())
            for part in tree.inside(node) if unknown else ():
                self.nan(part)
        elif (
            answer.kind == "number" and answer.known.any() and len(there := np.flatnonzero(np.isnan(answer.values[0])))
        ):
            if answer.size == 1:
                self.found.append(f"{self.written(node)} = {number(np.nan)}")
            else:
                self.numbered(node, answer, there)

    def units(self, inner: tree.Node, wanted: bool) -> None:
        """Collect the units of a vector that are true, or false, with their numbers."""
        while isinstance(inner, tree.Inverse) and inner.sign == "not":
            inner, wanted = inner.of, not wanted
        truth = self.answer(inner)
        of: tree.Node | None = None
        if isinstance(inner, tree.Operation):
            of = inner.left
        elif isinstance(inner, tree.Call):
            of = inner.arguments[0]
        if of is None or truth.kind != "truth":
            return
        values = self.answer(of)
        units = np.flatnonzero((truth.values == wanted)[0] & np.broadcast_to(truth.known, truth.values.shape)[0])
        if values.size != truth.size or values.kind != "number" or not len(units):
            return
        self.numbered(of, values, units)

    def numbered(self, of: tree.Node, values: Series, units: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
        """Collect some units of a vector with their numbers."""
        written = self.written(of.of if isinstance(of, tree.Units) else of)
        first = values.units or 0
        self.found.extend(f"{written}[{first + u}] = {number(values.values[0, u])}" for u in units[:_MOST_UNITS])
        if len(units) > _MOST_UNITS:
            self.found.append(f"{len(units)} units in all")

    def answer(self, node: tree.Node) -> Series:
        return evaluate(replace(self.expression, node=node), self.scope, self.t, self.t + 1)

    def is_(self, node: tree.Node, wanted: bool) -> bool:
        answer = self.answer(node)
        return bool(((answer.values == wanted) & answer.known).all())

    def written(self, node: tree.Node) -> str:
        return visible(self.expression.text_of(node))


def _is_fixed(node: tree.Node) -> bool:
    """Say whether a node is a number or text as it was typed, which tells nothing."""
    if isinstance(node, tree.Inverse) and node.sign == "-":
        node = node.of
    return isinstance(node, tree.Number | tree.Text)


def _is_place(node: tree.Node) -> bool:
    return isinstance(node, tree.Name) and node.name in ("t", "token")
