"""Conditions of breakpoints: found at many steps at once, and why one holds at a step.

The reason gives the values on both sides of each comparison, and the units for which it holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np

from lstm_tui.debugger.cancellation import STEPS_TOGETHER
from lstm_tui.debugger.expressions import Expression, Scope, Series, evaluate
from lstm_tui.debugger.expressions import parser as tree
from lstm_tui.debugger.expressions.dependencies import equation_guarded, equation_waited_for, reads_pass
from lstm_tui.debugger.expressions.series import entry_word, row_of, value_text
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import change as moved_by
from lstm_tui.engine.number_text import from_to
from lstm_tui.engine.number_text import sentence as number
from lstm_tui.engine.runtime.trace import PassTrace
from lstm_tui.engine.text_safety import visible

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
        elif isinstance(node, tree.CallNode) and node.function in ("any", "all"):
            self.units(node.arguments[0], wanted)
        elif wanted and isinstance(node, tree.Operation) and node.sign == "==" and _is_place(node.left):
            pass  # the token is told with the place
        elif isinstance(node, tree.Operation | tree.CallNode):
            parts = node.arguments if isinstance(node, tree.CallNode) else (node.left, node.right)
            said = (part for part in parts if not _is_fixed(part))
            self.found.extend(f"{self.written(part)} = {value_text(self.answer(part))}" for part in said)

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
        elif isinstance(inner, tree.CallNode):
            of = inner.arguments[0]
        if of is None or truth.kind != "truth":
            return
        values = self.answer(of)
        units = np.flatnonzero((truth.values == wanted)[0] & np.broadcast_to(truth.known, truth.values.shape)[0])
        if values.size != truth.size or values.kind != "number" or not len(units):
            return
        self.numbered(of, values, units)

    def numbered(self, of: tree.Node, values: Series, units: Array) -> None:
        """Collect some units of a vector with their numbers."""
        self.found.extend(
            f"{self.expression.entry_of(of, values, u)} = {number(values.values[0, u])}"
            for u in units[:_MOST_UNITS].tolist()
        )
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
    return isinstance(node, tree.NumberNode | tree.TextNode)


def _is_place(node: tree.Node) -> bool:
    return isinstance(node, tree.NameNode) and node.name in ("t", "token")


@dataclass(frozen=True, eq=False)
class Hits:
    """Where something happens within a range of the tape: after an equation of a pass, at some places.

    Attributes:
        pass_name: The pass.
        equation: Number of the equation.
        places: Places on the tape, rising.
    """

    pass_name: str
    equation: int
    places: Array


@dataclass(frozen=True)
class Trigger(ABC):
    """What is waited for.

    Attributes:
        text: How it was written.
    """

    text: str

    @property
    def word(self) -> str:
        """What a stop that waits for it is called."""
        return "breakpoint"

    def stops_in(self, pass_name: str) -> str:
        """Return the pass in which it stops, when its names belong to `pass_name`."""
        return pass_name

    def is_of(self, scope: Scope) -> bool:
        """Say whether it is about the scope's pass, and in another one about something else or nothing."""
        return False

    @abstractmethod
    def hits(self, scope: Scope, start: int, stop: int) -> list[Hits]:
        """Return where it happens at the places `start` to `stop` of the tape."""

    def unknown(self, scope: Scope, start: int, stop: int) -> Array:
        """Return the places at which nobody can say whether it happens, since a number it asks about is NaN."""
        return np.arange(0)

    @abstractmethod
    def why(self, scope: Scope, t: int) -> str:
        """Return what there was at a place where it happened."""

    def why_unknown(self, scope: Scope, t: int) -> str:
        """Return what is NaN at a place where it is not known whether it happens."""
        return ""

    def check(self, scope: Scope) -> None:
        """Refuse what means nothing in a run.

        Raises:
            ExpressionError: With the place of the mistake.
        """
        self.hits(scope, 0, 1)


@dataclass(frozen=True)
class Condition(Trigger):
    """An expression that is true."""

    expression: Expression

    def is_of(self, scope: Scope) -> bool:
        """Say whether it reads the pass."""
        return reads_pass(self.expression.node, scope)

    def hits(self, scope: Scope, start: int, stop: int) -> list[Hits]:
        """Return the places where it is true."""
        places = start + np.flatnonzero(holds(evaluate(self.expression, scope, start, stop), stop - start))
        return [Hits(scope.pass_name, equation_waited_for(self.expression, scope), places)]

    def unknown(self, scope: Scope, start: int, stop: int) -> Array:
        """Return the places where it is neither true nor false."""
        return start + np.flatnonzero(not_known(evaluate(self.expression, scope, start, stop), stop - start))

    def why(self, scope: Scope, t: int) -> str:
        """Return the values that make it true."""
        return reason(self.expression, scope, t)

    def why_unknown(self, scope: Scope, t: int) -> str:
        """Return what is NaN in it."""
        return reason(self.expression, scope, t, None)


@dataclass(frozen=True)
class After(Trigger):
    """An equation that was taken."""

    pass_name: str
    value: str

    def stops_in(self, pass_name: str) -> str:
        """Return the pass of the equation."""
        return self.pass_name

    def is_of(self, scope: Scope) -> bool:
        """Say that an equation is one of its pass."""
        return True

    def hits(self, scope: Scope, start: int, stop: int) -> list[Hits]:
        """Return every place."""
        equation = scope.trace[self.pass_name].cell.values.index(self.value)
        return [Hits(self.pass_name, equation, np.arange(start, stop))]

    def why(self, scope: Scope, t: int) -> str:
        """Return the equation."""
        return visible(scope.trace[self.pass_name].cell.equation(self.value).text)


@dataclass(frozen=True)
class Guarded(Trigger):
    """Something else, but only where a condition holds at the same step."""

    of: Trigger
    condition: Expression

    @property
    def word(self) -> str:
        """What it is called without its condition."""
        return self.of.word

    def stops_in(self, pass_name: str) -> str:
        """Return where it stops without its condition."""
        return self.of.stops_in(pass_name)

    def is_of(self, scope: Scope) -> bool:
        """Say whether the one or the other is about the pass."""
        return self.of.is_of(scope) or reads_pass(self.condition.node, scope)

    def hits(self, scope: Scope, start: int, stop: int) -> list[Hits]:
        """Return the places where both are so, once both are known; an equation is stopped at behind itself."""
        true = holds(evaluate(self.condition, scope, start, stop), stop - start)
        waits = -1 if isinstance(self.of, After) else equation_guarded(self.condition, scope)
        return [
            replace(
                hit,
                equation=max(hit.equation, waits) if hit.pass_name == scope.pass_name else hit.equation,
                places=hit.places[true[hit.places - start]],
            )
            for hit in self.of.hits(scope, start, stop)
        ]

    def unknown(self, scope: Scope, start: int, stop: int) -> Array:
        """Return the places where one of both is not known, and the other not known to be otherwise."""
        held = evaluate(self.condition, scope, start, stop)
        guard, may = not_known(held, stop - start), holds(held, stop - start)
        there = np.zeros(stop - start, dtype=np.bool_)
        for hit in self.of.hits(scope, start, stop):
            there[hit.places - start] = True
        of = np.zeros_like(there)
        of[self.of.unknown(scope, start, stop) - start] = True
        return start + np.flatnonzero((guard & (there | of)) | (may & of))

    def why(self, scope: Scope, t: int) -> str:
        """Return what there was, and what makes the condition true."""
        return "; ".join(filter(None, (self.of.why(scope, t), reason(self.condition, scope, t))))

    def why_unknown(self, scope: Scope, t: int) -> str:
        """Return what is NaN in the one or the other."""
        return "; ".join(filter(None, (self.of.why_unknown(scope, t), reason(self.condition, scope, t, None))))


@dataclass(frozen=True)
class Change(Trigger):
    """A value that moves by more than x in one step of its pass; a truth or a text that becomes another.

    A number that becomes NaN moves, and so does one that is no longer NaN; a truth that is no longer known becomes
    another as well.
    """

    expression: Expression
    by: float = 0.0

    @property
    def word(self) -> str:
        """What gdb calls it."""
        return "watch"

    def is_of(self, scope: Scope) -> bool:
        """Say whether it reads the pass."""
        return reads_pass(self.expression.node, scope)

    def hits(self, scope: Scope, start: int, stop: int) -> list[Hits]:
        """Return the places where it moved."""
        before, after = self._both(scope, start, stop)
        there = (before.known | before.unknown) & (after.known | after.unknown)
        moved = (self._moved(before, after) & there).any(axis=1)
        places = start + np.flatnonzero(np.broadcast_to(moved, (stop - start,)))
        return [Hits(scope.pass_name, equation_waited_for(self.expression, scope), places)]

    def why(self, scope: Scope, t: int) -> str:
        """Return what moved most, by how much, from what to what."""
        before, after = self._both(scope, t, t + 1)
        was, now = before.values[0], after.values[0]
        name = visible(self.expression.text.strip())
        if after.kind != "number":
            entry = int(np.argmax(self._moved(before, after)[0]))
            old, new = (_word(series, entry) for series in (before, after))
            return f"{name} became {new}; it was {old}"
        with np.errstate(all="ignore"):
            by = now - was
        moved = self._moved(before, after)[0]
        unit = int(np.argmax(np.where(~moved, -1, np.where(np.isnan(by), np.inf, np.abs(by)))))
        which = name if after.size == 1 else self.expression.entry_of(self.expression.node, after, unit)
        if np.isnan(was[unit]) or np.isnan(now[unit]):
            return f"{which} became {number(now[unit])}; it was {number(was[unit])}"
        limit = f", more than {number(self.by)}" if self.by else ""
        return f"{which} moved by {moved_by(by[unit])}{limit}: {from_to(was[unit], now[unit], 4, number)}"

    def _both(self, scope: Scope, start: int, stop: int) -> tuple[Series, Series]:
        return tuple(evaluate(self.expression, scope, start, stop, earlier) for earlier in (1, 0))  # type: ignore[return-value]

    def _moved(self, before: Series, after: Series) -> Array:
        was, now = before.values, after.values
        if after.kind == "truth":
            states = (np.where(one.known, one.values, -1) for one in (before, after))
            return np.asarray(np.not_equal(*states))
        if after.kind != "number":
            return np.asarray(was != now)
        with np.errstate(all="ignore"):
            far = np.abs(now - was) > self.by
        return np.asarray(far | (np.isnan(was) != np.isnan(now)))


@dataclass(frozen=True)
class Birth(Trigger):
    """A NaN or an infinite number in any value of any pass, where the step before had none in that unit."""

    def hits(self, scope: Scope, start: int, stop: int) -> list[Hits]:
        """Return where one came up, by pass and equation."""
        found = []
        for passed in scope.trace.values():
            for equation, value in enumerate(passed.cell.values):
                if value in passed and not np.isfinite(passed[value][start:stop]).all():
                    places = start + np.flatnonzero(_born(passed, value, start, stop).any(axis=1))
                    found.append(Hits(passed.name, equation, places))
        return found

    def why(self, scope: Scope, t: int) -> str:
        """Return the first value in which it came up."""
        for passed in scope.trace.values():
            for value in passed.cell.values:
                if value in passed and (units := np.flatnonzero(_born(passed, value, t, t + 1)[0])).size:
                    more = f" and {units.size - 1} more units" if units.size > 1 else ""
                    return f"{passed.name}.{value}[{units[0]}] is {number(passed[value][t, units[0]])}{more}"
        return ""


def unknown_steps(trigger: Trigger, scope: Scope) -> str:
    """Return at how many steps of a run nobody can say whether a breakpoint stops, the first and why; or nothing."""
    count, first = 0, None
    for start in range(0, scope.steps, STEPS_TOGETHER):
        found = trigger.unknown(scope, start, min(start + STEPS_TOGETHER, scope.steps))
        count += len(found)
        first = int(found[0]) if first is None and len(found) else first
    if first is None:
        return ""
    why = trigger.why_unknown(scope, first)
    token = visible(scope.trace.sequence.tokens[first])
    return f"not known at {count} of {scope.steps} tokens, first at t={first} “{token}”{f': {why}' if why else ''}"


def holds(answer: Series, steps: int) -> Array:
    """Return at which of some steps a condition is known to be true, (S,)."""
    return np.asarray(np.broadcast_to((answer.values & answer.known)[:, 0], (steps,)))


def not_known(answer: Series, steps: int) -> Array:
    """Return at which of some steps a condition is not known because of a NaN, (S,)."""
    return np.asarray(np.broadcast_to((answer.unknown & ~answer.known)[:, 0], (steps,)))


def _born(passed: PassTrace, value: str, start: int, stop: int) -> Array:
    """Return where a unit is not finite that was so one step before, (S, n)."""
    here = ~np.isfinite(passed[value][start:stop])
    backward = passed.direction == "backward"
    around = passed[value][start + 1 : stop + 1] if backward else passed[value][max(start - 1, 0) : stop - 1]
    before = np.zeros_like(here)
    offset = 0 if backward or start > 0 else 1
    before[offset : offset + len(around)] = ~np.isfinite(around)
    return np.asarray(here & ~before)


def _word(series: Series, entry: int) -> str:
    return entry_word(series, row_of(series)[entry])
