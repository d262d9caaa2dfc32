"""What a session keeps by number: breakpoints, watches and displays. Numbers count from 1 and are never used again.

A display is an expression that is shown at every stop, marked when it is not what it was at the last one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import numpy as np

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.conditions import Trigger
    from lstm_tui.debugger.expressions import Expression, Scope
    from lstm_tui.engine.runtime.trace import Trace


class HasNumber(Protocol):
    """What has a number of its own."""

    @property
    def number(self) -> int:
        """Its number."""


One = TypeVar("One", bound=HasNumber)


class Numbered(Generic[One]):
    """Everything of one kind that a session has, in the order of its numbers."""

    def __init__(self, kind: str, most: int, too_many: str) -> None:
        """Begin without any.

        Args:
            kind: What one of them is called.
            most: How many there may be.
            too_many: What to do where there are as many already.
        """
        self._kind, self._most, self._too_many = kind, most, too_many
        self._by_number: dict[int, One] = {}
        self._last = 0

    def __iter__(self) -> Iterator[One]:
        """Return every one there is now; they may be taken away meanwhile."""
        return iter(tuple(self._by_number.values()))

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._by_number)

    def __getitem__(self, number: int) -> One:
        """Return the one of a number.

        Raises:
            UserError: There is none of that number.
        """
        if number not in self._by_number:
            there = ", ".join(map(str, self._by_number)) or "none"
            raise UserError(f"there is no {self._kind} {number}; there are: {there}")
        return self._by_number[number]

    def check_room(self) -> None:
        """Refuse one more where there are as many as there may be.

        Raises:
            UserError: There are.
        """
        if len(self) >= self._most:
            raise UserError(f"there are {self._most} {self._kind}s already: {self._too_many}")

    def add(self, made: Callable[[int], One]) -> One:
        """Add one, made with the number it gets.

        Raises:
            UserError: There are too many.
        """
        self.check_room()
        self._last += 1
        return self.put(made(self._last))

    def put(self, one: One) -> One:
        """Have one stand in the place of that of the same number."""
        self._by_number[one.number] = one
        return one

    def delete(self, number: int) -> One:
        """Take one away.

        Raises:
            UserError: There is none of that number.
        """
        one = self[number]
        del self._by_number[number]
        return one

    def clear(self, anew: bool = False) -> None:
        """Take every one away; `anew` has numbers count from 1 again."""
        self._by_number.clear()
        self._last = 0 if anew else self._last


MOST_BREAKPOINTS = 100


@dataclass(frozen=True)
class CommandList:
    """Lines that are executed together: at a breakpoint, or by a word of the user's own.

    Attributes:
        lines: What is executed, a line each.
        restored: Whether they come from a saved session, which may be a stranger's: then they touch no file.
    """

    lines: tuple[str, ...]
    restored: bool = False


@dataclass(frozen=True)
class Breakpoint:
    """One breakpoint; a watch is one that waits for a change.

    Attributes:
        number: From 1, never used again.
        trigger: What it waits for.
        pass_name: The pass to which its names belong.
        enabled: Whether the run stops there.
        temporary: Whether it is gone after its first stop.
        ignore: How many of its next hits are passed over.
        hits: How often the run stopped there or passed over it.
        log: What is printed there instead of stopping, with expressions in braces; None to stop.
        commands: What is executed there; None for nothing.
        any_line: Whether continuing beyond the end of a line looks for it in the lines of the file that follow.
    """

    number: int
    trigger: Trigger
    pass_name: str
    enabled: bool = True
    temporary: bool = False
    ignore: int = 0
    hits: int = 0
    log: str | None = None
    commands: CommandList | None = None
    any_line: bool = False

    @property
    def word(self) -> str:
        """What it is called."""
        return self.trigger.word


class Breakpoints:
    """Every breakpoint of a session, by number."""

    def __init__(self) -> None:
        """Begin without any."""
        self._breakpoints: Numbered[Breakpoint] = Numbered("breakpoint", MOST_BREAKPOINTS, "delete some")

    def __iter__(self) -> Iterator[Breakpoint]:
        """Return every breakpoint, in the order of their numbers."""
        return iter(self._breakpoints)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._breakpoints)

    def __getitem__(self, number: int) -> Breakpoint:
        """Return a breakpoint.

        Raises:
            UserError: There is none of that number.
        """
        return self._breakpoints[number]

    @property
    def enabled(self) -> tuple[Breakpoint, ...]:
        """Those at which the run stops."""
        return tuple(one for one in self if one.enabled)

    def add(
        self,
        trigger: Trigger,
        pass_name: str,
        temporary: bool = False,
        log: str | None = None,
        any_line: bool = False,
    ) -> Breakpoint:
        """Add a breakpoint; one with a `log` prints and does not stop, one of `any_line` is looked for in all lines.

        Raises:
            UserError: There are too many.
        """
        return self._breakpoints.add(
            lambda number: Breakpoint(number, trigger, pass_name, temporary=temporary, log=log, any_line=any_line)
        )

    def delete(self, number: int) -> Breakpoint:
        """Take a breakpoint away.

        Raises:
            UserError: There is none of that number.
        """
        return self._breakpoints.delete(number)

    def clear(self, anew: bool = False) -> None:
        """Take every breakpoint away; their numbers are not used again, but where all begins `anew`."""
        self._breakpoints.clear(anew)

    def enable(self, number: int, enabled: bool = True) -> Breakpoint:
        """Have the run stop at a breakpoint, or not."""
        return self._breakpoints.put(replace(self[number], enabled=enabled))

    def ignore(self, number: int, count: int) -> Breakpoint:
        """Pass over the next `count` hits of a breakpoint."""
        return self._breakpoints.put(replace(self[number], ignore=count))

    def change(self, number: int, trigger: Trigger, pass_name: str) -> Breakpoint:
        """Have a breakpoint wait for something else."""
        return self._breakpoints.put(replace(self[number], trigger=trigger, pass_name=pass_name))

    def command(self, number: int, commands: CommandList | None) -> Breakpoint:
        """Have lines executed where a breakpoint stops, or none."""
        return self._breakpoints.put(replace(self[number], commands=commands))

    def passed_over(self, number: int, count: int) -> None:
        """Count hits at which the run did not stop."""
        one = self[number]
        self._breakpoints.put(replace(one, ignore=one.ignore - count, hits=one.hits + count))

    def stopped(self, number: int) -> Breakpoint:
        """Count a stop; a temporary breakpoint is gone after it."""
        one = self._breakpoints.put(replace(self[number], hits=self[number].hits + 1))
        if one.temporary:
            self.delete(number)
        return one


_BLOCK = 256


class Marks:
    """The stops of some breakpoints on one run."""

    def __init__(self, breakpoints: tuple[Breakpoint, ...], scope_of: Callable[[str], Scope], steps: int) -> None:
        """Hold what is asked; nothing is looked at yet.

        Args:
            breakpoints: Those that are enabled.
            scope_of: The scope of a pass.
            steps: Number of tokens.
        """
        self._breakpoints, self._scope_of, self._steps = breakpoints, scope_of, steps
        self._blocks: dict[int, frozenset[int]] = {}

    def at(self, t: int) -> bool:
        """Say whether a breakpoint stops somewhere in the token at a place."""
        block = t // _BLOCK
        if block not in self._blocks:
            self._blocks[block] = self._find(block * _BLOCK, min((block + 1) * _BLOCK, self._steps))
        return t in self._blocks[block]

    def _find(self, start: int, stop: int) -> frozenset[int]:
        from lstm_tui.debugger.expressions import ExpressionError  # not needed where no breakpoint is set

        found: set[int] = set()
        for one in self._breakpoints:
            try:
                hits = one.trigger.hits(self._scope_of(one.pass_name), start, stop)
            except ExpressionError:  # it means nothing in this run; continuing says so
                continue
            for some in hits:
                found.update(np.asarray(some.places).tolist())
        return frozenset(found)


MOST_DISPLAYS = 50


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
        self._displays: Numbered[Display] = Numbered("display", MOST_DISPLAYS, "take some away with undisplay")
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
        from lstm_tui.debugger.expressions.series import NOT_READ, value_text

        trace, place, before = self._said.get(display.number, (None, t, None))
        if before is not None and trace is scope.trace and place == t and before.value != NOT_READ:
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
