"""Expressions that are shown at every stop, marked when they are not what they were at the last one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.expressions import Expression, Scope
    from lstm_tui.engine.runtime.trace import Trace

MOST = 50


@dataclass(frozen=True)
class Display:
    """One expression, and the pass to which its names belong."""

    number: int
    expression: Expression
    pass_name: str


@dataclass(frozen=True)
class Shown:
    """What a display says at a stop.

    Attributes:
        number: Of the display.
        text: The expression.
        value: What it is.
        was: What it was at the last stop, where that is something else.
    """

    number: int
    text: str
    value: str
    was: str | None

    @property
    def line(self) -> str:
        """As one line; `*` marks what changed."""
        changed = "" if self.was is None else f"   was {self.was}"
        return f"{self.number}: {'*' if self.was is not None else ' '} {self.text} = {self.value}{changed}"


class Displays:
    """Every display of a session."""

    def __init__(self) -> None:
        """Begin without any."""
        self._by_number: dict[int, Display] = {}
        self._said: dict[int, tuple[Trace, int, Shown]] = {}  # by number: of which run, at which place, what
        self._last = 0

    def __iter__(self) -> Iterator[Display]:
        """Return every display, in the order of their numbers."""
        return iter(tuple(self._by_number.values()))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_number)

    def add(self, expression: Expression, scope: Scope) -> Display:
        """Add an expression.

        Raises:
            UserError: It means nothing in this run, or there are too many.
        """
        from lstm_tui.debugger.expressions import evaluate

        if len(self) >= MOST:
            raise UserError(f"there are {MOST} displays already: take some away with undisplay")
        evaluate(expression, scope, 0, 1)
        self._last += 1
        display = Display(self._last, expression, scope.pass_name)
        self._by_number[self._last] = display
        return display

    def delete(self, number: int) -> None:
        """Take a display away.

        Raises:
            UserError: There is none of that number.
        """
        if number not in self._by_number:
            raise UserError(
                f"there is no display {number}; there are: {', '.join(map(str, self._by_number)) or 'none'}"
            )
        del self._by_number[number]
        self._said.pop(number, None)

    def clear(self) -> None:
        """Take every display away."""
        self._by_number.clear()
        self._said.clear()

    def shown(self, display: Display, scope: Scope, t: int) -> Shown:
        """Return what a display says at a place, and remember it for the next one; asked again there it is the same."""
        from lstm_tui.debugger.expressions import ExpressionError, evaluate
        from lstm_tui.debugger.expressions.format import value_text

        trace, place, before = self._said.get(display.number, (None, t, None))
        if before is not None and trace is scope.trace and place == t:
            return before
        try:
            value = value_text(evaluate(display.expression, scope, t, t + 1))
        except ExpressionError as error:
            value = error.said
        text = visible(display.expression.text.strip())
        was = None if before is None or before.value == value else before.value
        said = Shown(display.number, text, value, was)
        self._said[display.number] = scope.trace, t, said
        return said
