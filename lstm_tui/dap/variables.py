"""What an editor shows of a stop: values, states before the step, inputs, the ledger, weights, the answer.

Nothing is read before it is asked for, and of a long vector only the range that is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lstm_tui.analysis.ledger import Ledger, flow_of, ledger_at
from lstm_tui.debugger.commands.table import answer
from lstm_tui.debugger.expressions import ExpressionError
from lstm_tui.debugger.expressions.series import Series, entry_word, row_of, there, value_text
from lstm_tui.debugger.position import Frame
from lstm_tui.debugger.session import Session
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of, exact, percent
from lstm_tui.engine.text_safety import visible
from lstm_tui.engine.whole_number import whole_number

MOST = 1_000
"""Entries that are given at once to an editor that does not say which it wants."""
_LARGEST_LEDGER = 1 << 22
"""Contributions of tokens to units that are worked out for an editor."""
_ANSWERS = 10
NOT_YET = "not computed yet"


@dataclass(frozen=True)
class Variable:
    """One line of a list of variables.

    Attributes:
        name: It, unique in its list.
        value: As text.
        inside: What it unfolds to.
        expression: What it is in the console; empty where it has no name there.
        edit: The beginning of the edit that sets it; empty where it cannot be set.
        again: Reads it anew after the edit.
    """

    name: str
    value: str
    inside: Inside | None = None
    expression: str = ""
    edit: str = ""
    again: Callable[[], str] | None = None


@dataclass(frozen=True)
class Inside:
    """What a variable or a scope unfolds to.

    Attributes:
        count: How many there are.
        read: The ones from one number to before another.
        indexed: Whether they are entries by number.
    """

    count: int
    read: Callable[[int, int], Iterator[Variable]]
    indexed: bool = False

    @classmethod
    def of(cls, *variables: Variable) -> Inside:
        """Return a few that are there already."""
        return cls(len(variables), lambda start, stop: iter(variables[start:stop]))


@dataclass(frozen=True)
class VariableGroup:
    """A group of variables.

    Attributes:
        name: What the editor calls it.
        inside: What is in it.
        hint: What kind it is, in the protocol's words; may be empty.
        expensive: Whether an editor should wait to be asked for it.
    """

    name: str
    inside: Inside
    hint: str = ""
    expensive: bool = False


class Variables:
    """The variables of one stop, by the numbers that an editor asks for; forgotten at the next."""

    def __init__(self, session: Session) -> None:
        """Give no number yet."""
        self._session = session
        self._given: list[Inside] = []

    def forget(self) -> None:
        """Begin anew: the run has moved."""
        self._given.clear()

    def reference(self, inside: Inside | None) -> dict[str, int]:
        """Return what unfolds as the protocol says it, with a number of its own."""
        if inside is None or not inside.count:
            return {"variablesReference": 0}
        self._given.append(inside)
        count = "indexedVariables" if inside.indexed else "namedVariables"
        return {"variablesReference": len(self._given), count: inside.count}

    def unfolded(self, number: int, start: int = 0, count: int = 0) -> list[Variable]:
        """Return some of what stands behind a number; all of it, up to `MOST`, where no count is given.

        Raises:
            UserError: There is no such number at this stop.
        """
        inside = self._inside(number)
        stop = min(inside.count, start + (count or MOST))
        return list(inside.read(start, stop)) if start < stop else []

    def find(self, number: int, name: str) -> Variable:
        """Return a variable by its name.

        Raises:
            UserError: There is none.
        """
        inside = self._inside(number)
        at = whole_number(name.removeprefix("[").removesuffix("]"), 0, inside.count - 1) if inside.indexed else None
        if at is not None:
            return next(inside.read(at, at + 1))
        for one in inside.read(0, inside.count):
            if one.name == name:
                return one
        raise UserError(f"there is no {visible(name)} here")

    def _inside(self, number: int) -> Inside:
        if not 1 <= number <= len(self._given):
            raise UserError("the run has moved on since: ask for the variables again")
        return self._given[number - 1]

    def set(self, variable: Variable, text: str) -> str:
        """Make the edit that sets a variable, and return what it is now.

        Raises:
            UserError: It cannot be set, or the text is no number.
        """
        if not variable.edit:
            raise UserError(f"{visible(variable.name)} is computed, or is no single number: it cannot be set here")
        answer(self._session, f"{variable.edit} = {' '.join(text.split())}")
        return variable.again() if variable.again is not None else self.evaluated(variable.expression).value

    # --- scopes ---

    def scopes(self, pass_name: str) -> Iterator[VariableGroup]:
        """Yield the scopes of a pass at the token where the session stands."""
        frame = self._session.frame
        passed = frame.trace[pass_name]
        values = [self._value(pass_name, value) for value in passed.cell.values if value in passed]
        yield VariableGroup("Values", Inside.of(*values), "locals")
        before = [self._named(f"prev({pass_name}.{state})", state) for state in passed.cell.state if state in passed]
        yield VariableGroup("Before this step", Inside.of(*before), "arguments")
        inputs = [name for name in passed.inputs if name == "x" or name in passed.cell.below]
        if inputs:
            given = [self._input(pass_name, name) for name in inputs]
            yield VariableGroup("Inputs", Inside.of(*given), "arguments")
        said = self._answer(frame)
        if said:
            yield VariableGroup("Output", Inside.of(*said))
        if frame.steps * passed.hidden_size <= _LARGEST_LEDGER:
            yield VariableGroup("Memory by token", Inside(frame.steps, self._ledger(pass_name)), expensive=True)
        parameters = self._session.scope(pass_name).parameters(passed)
        if parameters:
            weights = [self._parameter(pass_name, name, array) for name, array in parameters.items()]
            yield VariableGroup("Weights", Inside.of(*weights), expensive=True)

    def evaluated(self, text: str) -> Variable:
        """Return what an expression is where the session stands.

        Raises:
            ExpressionError: With the place of the mistake.
        """
        answered = self._session.evaluate(text)
        value, series = value_text(answered.value), answered.value
        note = "" if answered.reached else f"   ({NOT_YET} at this equation: that of the finished token)"
        return Variable(text, value + note, _entries(series) if there(series) else None, text)

    def _value(self, pass_name: str, value: str) -> Variable:
        frame, name = self._session.frame, f"{pass_name}.{value}"
        if not frame.reached(pass_name, value):
            return Variable(value, NOT_YET, expression=name)
        t = frame.t

        def now() -> Array:
            return np.asarray(self._session.frame.trace[pass_name][value][t])

        passed = frame.trace[pass_name]
        return self._vector(name, value, now, f"set {name}[{{}}] @ {t}", lambda unit: passed.entry_of(value, unit))

    def _input(self, pass_name: str, name: str) -> Variable:
        frame = self._session.frame
        return self._vector(f"{pass_name}.{name}", name, lambda: frame.trace[pass_name].inputs[name][frame.t])

    def _named(self, expression: str, name: str) -> Variable:
        try:
            series = self._session.evaluate(expression).value
        except ExpressionError as error:
            return Variable(name, str(error))
        return Variable(name, value_text(series), _entries(series) if there(series) else None, expression)

    def _vector(
        self,
        expression: str,
        name: str,
        now: Callable[[], Array],
        edit: str = "",
        entry: Callable[[int], str] = str,
    ) -> Variable:
        """Return a vector; `now` reads it, `edit` has a `{}` where the unit stands, `entry` is what it is called."""
        row = now()

        def read(start: int, stop: int) -> Iterator[Variable]:
            for unit in range(start, stop):
                called = entry(unit)
                named = f"{expression}[{called}]" if expression else ""
                set_by = edit.format(called) if edit else ""
                again = partial(_exact_entry, now, unit)
                yield Variable(f"[{called}]", exact(row[unit]), None, named, set_by, again)

        return Variable(name, value_text(Series.constant(row)), Inside(len(row), read, indexed=True), expression)

    def _parameter(self, pass_name: str, name: str, array: Array) -> Variable:
        """Return a weight matrix or a bias, whose numbers can be set."""

        def now() -> Array:
            scope = self._session.scope(pass_name)
            return np.asarray(scope.parameters(scope.trace[pass_name])[name])

        if array.ndim == 1:
            vector = self._vector("", name, now, f"weight {pass_name}/{name}[{{}}]")
            return replace(vector, value=count_of(len(array), "number"))

        def rows(start: int, stop: int) -> Iterator[Variable]:
            for n in range(start, stop):
                yield self._vector("", f"[{n}]", lambda n=n: now()[n], f"weight {pass_name}/{name}[{n},{{}}]")  # type: ignore[misc]

        return Variable(name, "×".join(map(str, array.shape)), Inside(len(array), rows, indexed=True))

    def _answer(self, frame: Frame) -> list[Variable]:
        """Return what the network says here, the largest first, and of the whole."""
        trace, found = frame.trace, []
        for name, row in (
            ("output", None if trace.output is None else trace.output[frame.t]),
            ("result", trace.result),
        ):
            if row is None:
                continue
            best = [
                Variable(visible(trace.classes[k]) if k < len(trace.classes) else f"[{k}]", exact(row[k]))
                for k in np.argsort(-row, kind="stable")[:_ANSWERS]
            ]
            shown = ", ".join(f"{one.name} {one.value}" for one in best[:2])
            found.append(Variable(name, shown, Inside.of(*best), name))
        return found

    def _ledger(self, pass_name: str) -> Callable[[int, int], Iterator[Variable]]:
        """Return what reads, token by token, what the memory of a pass holds of it."""
        made: list[Ledger | None] = []
        names: list[Callable[[int], str]] = []
        frame = self._session.frame

        def read(start: int, stop: int) -> Iterator[Variable]:
            if not made:
                passed = frame.trace[pass_name]
                state = memory_of(passed.cell)
                names.append(lambda unit: passed.entry_of(state, unit))
                flow = flow_of(passed, state) if state in passed else None
                made.append(None if flow is None else ledger_at(passed, flow, frame.t))
            ledger = made[0]
            if ledger is None:
                if start == 0:
                    yield Variable("ledger", "this cell's update is not linear in its state: there is no ledger")
                return
            shares = ledger.shares()
            for t in range(start, stop):
                token = visible(frame.trace.sequence.tokens[t])
                said = percent(shares[t]) if ledger.read[t] else "not read yet"
                row = ledger.by_token[t]
                inside = self._vector("", token, lambda row=row: row, "", names[0]).inside if ledger.read[t] else None  # type: ignore[misc]
                yield Variable(f"{t} {token}", said, inside)

        return read


def _exact_entry(now: Callable[[], Array], unit: int) -> str:
    return exact(now()[unit])


def _entries(series: Series) -> Inside | None:
    """Return the entries of an answer that has several."""
    if series.size == 1:
        return None
    row = row_of(series)

    def read(start: int, stop: int) -> Iterator[Variable]:
        for n in range(start, stop):
            name = visible(series.labels[n]) if n < len(series.labels) else series.entry_name(n) or f"[{n}]"
            yield Variable(name, entry_word(series, row[n]))

    return Inside(series.size, read, indexed=not series.labels)


def as_body(variables: Variables, one: Variable) -> Mapping[str, Any]:
    """Return a variable as the protocol says it."""
    return {
        "name": one.name,
        "value": one.value,
        **({"evaluateName": one.expression} if one.expression else {}),
        **({} if one.edit else {"presentationHint": {"attributes": ["readOnly"]}}),
        **variables.reference(one.inside),
    }
