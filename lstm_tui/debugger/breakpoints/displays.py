"""Expressions that are shown at every stop, marked when they are not what they were at the last one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lstm_tui.debugger.breakpoints.numbered import Numbered
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
        self._displays: Numbered[Display] = Numbered("display", MOST, "take some away with undisplay")
        self._said: dict[int, tuple[Trace, int, Shown]] = {}  # by number: of which run, at which place, what

    def __iter__(self) -> Iterator[Display]:
        """Return every display, in the order of their numbers."""
        return iter(self._displays)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._displays)

    def add(self, expression: Expression, scope: Scope) -> Display:
        """Add an expression.

        Raises:
            UserError: It means nothing in this run, or there are too many.
        """
        from lstm_tui.debugger.expressions import evaluate

        self._displays.check_room()
        evaluate(expression, scope, 0, 1)
        return self._displays.add(lambda number: Display(number, expression, scope.pass_name))

    def delete(self, number: int) -> None:
        """Take a display away.

        Raises:
            UserError: There is none of that number.
        """
        self._displays.delete(number)
        self._said.pop(number, None)

    def clear(self) -> None:
        """Take every display away."""
        self._displays.clear()
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
