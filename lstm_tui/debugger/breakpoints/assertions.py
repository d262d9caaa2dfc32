"""Whether something holds at every step of a run, and if not, at which step and why."""

from __future__ import annotations

import numpy as np

from lstm_tui.debugger.breakpoints.conditions import reason
from lstm_tui.debugger.cancellation import STEPS_TOGETHER
from lstm_tui.debugger.expressions import Expression, Scope, evaluate, parse, parser, require_condition
from lstm_tui.debugger.expressions.calls import place_number
from lstm_tui.debugger.expressions.series import NOT_READ
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, no_pass
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible


class Failed(UserError):
    """An assertion that does not hold."""


@dataclass(frozen=True)
class AssertionResult:
    """What became of an assertion.

    Attributes:
        holds: Whether it is true at every step at which it can be asked; None where it is not known whether it is,
            or where it can be asked at no step.
        t: Place on the tape of the first step at which it is not, or is not known; None where it holds, or of no one
            step.
        why: The values that decide; or what is not there.
        asked: Whether there is a step at which it can be asked: its tokens are there and were read.
        absent: At how many steps it cannot be asked, where it holds.
        pending: Whether it cannot be asked yet: what it asks about still comes.
    """

    holds: bool | None
    t: int | None = None
    why: str = ""
    asked: bool = True
    absent: int = 0
    pending: bool = False

    @property
    def unknown(self) -> bool:
        """Whether nobody can say whether it holds, since a number it asks about is NaN."""
        return self.asked and self.holds is None


def judge(text: str, scope: Scope) -> AssertionResult:
    """Judge an assertion over a whole run, in tape order.

    Raises:
        ExpressionError: It is no condition, or means nothing in this run.
    """
    absent = absent_token(text, scope)
    if absent is not None and scope.comes:
        return _NOT_YET
    if absent is not None:
        return AssertionResult(None, why=f"there is no “{visible(absent)}” on this tape", asked=False)
    expression = parse(text)
    unknown: AssertionResult | None = None
    asked, missing, pending = False, 0, False
    for start in range(0, scope.steps, STEPS_TOGETHER):
        stop = min(start + STEPS_TOGETHER, scope.steps)
        answer = evaluate(expression, scope, start, stop)
        if not start:
            require_condition(expression, answer)
        of_one_step = len(answer.values) > 1 or len(answer.known) > 1 or scope.steps == 1
        false = np.flatnonzero((~answer.values & answer.known)[:, 0])
        nan = np.flatnonzero((answer.unknown & ~answer.known)[:, 0])
        asked = asked or bool(answer.known.any())
        pending = pending or (answer.missing == NOT_READ and not answer.known.all())
        missing += int((~(answer.known | answer.unknown)).any(axis=1).sum())
        for wanted, found in ((False, false), (None, nan)):
            if not len(found) or (wanted is None and unknown is not None):
                continue
            t = start + int(found[0])
            why = reason(expression, scope, t, wanted)
            verdict = AssertionResult(wanted, t if of_one_step else _asked_at(expression, scope), why)
            if wanted is False:
                return verdict
            unknown = verdict
        if not of_one_step:  # the same at every step
            break
    if unknown is not None:
        return unknown
    return (
        AssertionResult(True, absent=missing)
        if asked
        else _NOT_YET
        if pending
        else AssertionResult(None, why="no step has what it asks about", asked=False)
    )


_NOT_YET = AssertionResult(None, why=NOT_READ, asked=False, pending=True)


def margin(text: str, scope: Scope) -> float:
    """Return by how much a comparison of two numbers holds at the step at which it is nearest to failing.

    It is negative where it fails, and NaN where the assertion is no such comparison, is not known or not asked.
    """
    expression = parse(text)
    node = expression.node
    if not isinstance(node, parser.Operation) or node.sign not in ("<", "<=", ">", ">="):
        return float("nan")
    left, right = (evaluate(parse(expression.text_of(side)), scope, 0, scope.steps) for side in (node.left, node.right))
    if left.kind != "number" or right.kind != "number":
        return float("nan")
    with np.errstate(all="ignore"):
        apart = np.asarray(left.values - right.values) * (1.0 if node.sign in (">", ">=") else -1.0)
    known = np.broadcast_to(left.known & right.known, apart.shape)
    return float(apart[known].min()) if known.any() else float("nan")


def require(text: str, scope: Scope) -> AssertionResult:
    """Return what became of an assertion that holds or cannot be asked yet, and refuse a run in which it does not hold.

    Raises:
        Failed: With the step and the values; it is known to fail, or not known to hold.
        UserError: It is no condition, or there is no step at which it can be asked.
    """
    verdict = judge(text, scope)
    if verdict.pending:
        return verdict
    if not verdict.asked:
        raise UserError(f"{text}: {verdict.why}")
    if not verdict.holds:
        raise Failed(said(text, verdict, scope))
    return verdict


def said(text: str, verdict: AssertionResult, scope: Scope) -> str:
    """Return what became of an assertion that was asked, in one line."""
    if verdict.pending:
        return f"{visible(text)}: {NOT_READ}"
    if verdict.holds and verdict.absent:
        there = scope.steps - verdict.absent
        return f"{visible(text)} holds at the {there} of {scope.steps} steps at which it can be asked"
    if verdict.holds:
        return f"{visible(text)} holds"
    where = "" if verdict.t is None else f" at t={verdict.t} “{visible(scope.trace.sequence.tokens[verdict.t])}”"
    what = "is not known" if verdict.unknown else "fails"
    return f"{visible(text)} {what}{where}" + (f": {verdict.why}" if verdict.why else "")


def asked_pass(trace: Trace, name: str | None) -> str:
    """Return the pass that assertions are of; by default the top one that reads forwards, or the first of none.

    Raises:
        UserError: There is no pass of that name.
    """
    if name is None:
        return next((one for one in reversed(list(trace)) if trace[one].direction == "forward"), next(iter(trace)))
    if name not in trace:
        raise no_pass(name, trace)
    return name


def absent_token(text: str, scope: Scope) -> str | None:
    """Return a token that `at=` or `share` names and this tape does not have, or None."""
    for node in parser.walk(parse(text).node):
        named: parser.Node | None = None
        if isinstance(node, parser.AtNode):
            named = node.where
        elif isinstance(node, parser.CallNode) and node.function == "share":
            named = node.arguments[0]
        if isinstance(named, parser.TextNode) and not (scope.tokens == scope.as_read(named.value)).any():
            return named.value
    return None


def _asked_at(expression: Expression, scope: Scope) -> int | None:
    """Return the one place at which an expression asks, where it names it."""
    for node in parser.walk(expression.node):
        if isinstance(node, parser.AtNode) and isinstance(node.where, parser.TextNode):
            return scope.place_of(node.where.value)
        if isinstance(node, parser.AtNode) and (number := place_number(node.where)) is not None:
            return scope.place_numbered(number)
    return None
