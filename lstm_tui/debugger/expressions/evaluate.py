"""Nodes to what they are at every step of a range at once.

Every mistake that can be made — a name, a size, a kind — depends on the run and not on the step, so an
expression that was evaluated at one step can be evaluated at any.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lstm_tui.debugger.expressions import nodes
from lstm_tui.debugger.expressions.asking import KINDS, quoted_near, token_place
from lstm_tui.debugger.expressions.calls import Calls
from lstm_tui.debugger.expressions.errors import ExpressionError
from lstm_tui.debugger.expressions.nodes import Node
from lstm_tui.debugger.expressions.parser import Expression, parse
from lstm_tui.debugger.expressions.scope import Moment, Scope
from lstm_tui.debugger.expressions.series import Series
from lstm_tui.debugger.expressions.signs import Signs


def evaluate(expression: Expression, scope: Scope, start: int, stop: int, earlier: int = 0) -> Series:
    """Return what an expression is at the places `start` to `stop` of the tape.

    Args:
        expression: What is asked.
        scope: The run, and the pass of names without one.
        start: First place.
        stop: Place behind the last; all of them lie on the tape.
        earlier: How many steps back in the pass's reading order it is asked.

    Raises:
        ExpressionError: A name means nothing in this run, or sizes or kinds do not go together.
    """
    with np.errstate(all="ignore"):
        return _Evaluator(expression, scope).read(expression.node, Moment(start, stop, earlier=earlier))


def condition(text: str, scope: Scope) -> Expression:
    """Read an expression that is true or false at a step.

    Raises:
        ExpressionError: It is not, or it is wrong in this run.
    """
    expression = parse(text)
    answer = evaluate(expression, scope, 0, 1)
    if answer.kind != "truth":
        raise ExpressionError(f"this is {KINDS[answer.kind]}: compare it, as in {text.strip()} > 0", text, 0)
    if answer.size != 1:
        raise ExpressionError(f"this is {answer.size} answers, one a unit: write any(…) or all(…)", text, 0)
    return expression


class _Evaluator(Signs, Calls):
    def read(self, node: Node, moment: Moment) -> Series:
        """Return what a node is at some steps."""
        if isinstance(node, nodes.Number):
            return Series.constant(node.value)
        if isinstance(node, nodes.Text):
            return Series.constant(node.value, "text")
        if isinstance(node, nodes.Name):
            name = node.name
            return self.named(node, lambda: self.scope.read(name, moment))
        if isinstance(node, nodes.Units | nodes.Class):
            return self.chosen(node, moment)
        if isinstance(node, nodes.Shifted):
            return self.read(node.of, replace(moment, on_tape=moment.on_tape + node.by))
        if isinstance(node, nodes.Previous):
            return self.read(node.of, replace(moment, earlier=moment.earlier + 1))
        if isinstance(node, nodes.At):
            place = self.place(node.where)
            return self.read(node.of, Moment(place, place + 1))
        if isinstance(node, nodes.Inverse):
            return self.inverse(node, moment)
        if isinstance(node, nodes.Operation):
            return self.operation(node, moment)
        assert isinstance(node, nodes.Call)
        return self.call(node, moment)

    # --- parts of a vector, and places ---

    def chosen(self, node: nodes.Units | nodes.Class, moment: Moment) -> Series:
        of = self.read(node.of, moment)
        if isinstance(node, nodes.Class):
            if node.name not in of.labels:
                said = f"{self.shown(node.of)} has no class of this name" if of.labels else "units have no names here"
                raise self.fail(said, node, quoted_near(node.name, of.labels), node.of.end + 1)
            first, stop = of.labels.index(node.name), of.labels.index(node.name) + 1
        else:
            first, stop = node.first, of.size if node.stop is None else min(node.stop, of.size)
        if of.kind == "text" or first >= stop:
            has = "no units" if of.kind == "text" else f"{of.size} unit{'s' * (of.size != 1)}, from 0"
            raise self.fail(f"{self.shown(node.of)} has {has}", node, place=node.of.end + 1)
        units = None if of.units is None else of.units + first
        values, labels = of.values[:, first:stop], of.labels[first:stop]
        known, unknown = (one if one.shape[1] == 1 else one[:, first:stop] for one in (of.known, of.unknown))
        return replace(of, values=values, known=known, unknown=unknown, labels=labels, units=units)

    def place(self, node: Node) -> int:
        """Return the place on the tape that `at=` names: by its number, or the first one of a token."""
        if isinstance(node, nodes.Text):
            token = node.value
            return self.named(node, lambda: self.scope.place_of(token))
        place = token_place(node)
        if isinstance(node, nodes.Number) and node.value.is_integer():
            place = int(node.value)
        if place is not None and place < self.scope.steps:
            return place
        if place is not None:
            raise self.fail(f"this tape has {self.scope.steps} tokens, from 0", node)
        raise self.fail('at= takes a token, such as at="bad", or a place, such as at=7', node)
