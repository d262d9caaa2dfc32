"""Whether something holds at every step of a run, and if not, at which step and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lstm_tui.debugger.expressions import Expression, Scope, condition, evaluate, nodes, parse
from lstm_tui.debugger.stops.reasons import reason
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.visible import visible

_AT_ONCE = 4_096


class Failed(UserError):
    """An assertion that does not hold."""


@dataclass(frozen=True)
class Verdict:
    """What became of an assertion.

    Attributes:
        holds: Whether it is true at every step at which it is known; None where a token it asks about is not there.
        t: Place on the tape of the first step at which it is not; None where it holds, or of no one step.
        why: The values that decide; or the token that is not there.
    """

    holds: bool | None
    t: int | None = None
    why: str = ""


def judge(text: str, scope: Scope) -> Verdict:
    """Judge an assertion over a whole run, in tape order.

    Raises:
        ExpressionError: It is no condition, or means nothing in this run.
    """
    absent = absent_token(text, scope)
    if absent is not None:
        return Verdict(None, why=f"there is no “{visible(absent)}”")
    expression = condition(text, scope)
    for start in range(0, scope.steps, _AT_ONCE):
        stop = min(start + _AT_ONCE, scope.steps)
        answer = evaluate(expression, scope, start, stop)
        false = np.flatnonzero((~answer.values & answer.known)[:, 0])
        if len(false):
            of_one_step = len(answer.values) > 1 or scope.steps == 1
            t = start + int(false[0])
            why = reason(expression, scope, t, wanted=False)
            return Verdict(False, t if of_one_step else _asked_at(expression, scope), why)
        if len(answer.values) == 1 < scope.steps:  # the same at every step
            break
    return Verdict(True)


def require(text: str, scope: Scope) -> None:
    """Refuse a run in which an assertion does not hold.

    Raises:
        Failed: With the step and the values.
        UserError: It is no condition, or a token it asks about is not there.
    """
    verdict = judge(text, scope)
    if verdict.holds is None:
        raise UserError(f"{text}: {verdict.why} on this tape")
    if not verdict.holds:
        raise Failed(said(text, verdict, scope))


def said(text: str, verdict: Verdict, scope: Scope) -> str:
    """Return what became of an assertion, in one line."""
    if verdict.holds:
        return f"{visible(text)} holds"
    where = "" if verdict.t is None else f" at t={verdict.t} “{visible(scope.trace.sequence.tokens[verdict.t])}”"
    return f"{visible(text)} fails{where}" + (f": {verdict.why}" if verdict.why else "")


def absent_token(text: str, scope: Scope) -> str | None:
    """Return a token that `at=` or `share` names and this tape does not have, or None."""
    for node in nodes.walk(parse(text).node):
        named: nodes.Node | None = None
        if isinstance(node, nodes.At):
            named = node.where
        elif isinstance(node, nodes.Call) and node.function == "share":
            named = node.arguments[0]
        if isinstance(named, nodes.Text) and not (scope.tokens == scope.as_read(named.value)).any():
            return named.value
    return None


def _asked_at(expression: Expression, scope: Scope) -> int | None:
    """Return the one place at which an expression asks, where it names it."""
    for node in nodes.walk(expression.node):
        if isinstance(node, nodes.At) and isinstance(node.where, nodes.Text):
            return scope.place_of(node.where.value)
        if isinstance(node, nodes.At) and isinstance(node.where, nodes.Number):
            return int(node.where.value)
    return None
