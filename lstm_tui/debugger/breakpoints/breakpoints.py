"""The breakpoints and watches of a session, by number, and the places of the tape at which they would stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lstm_tui.debugger.breakpoints.numbered import Numbered

if TYPE_CHECKING:
    from lstm_tui.debugger.breakpoints.conditions import Trigger
    from lstm_tui.debugger.expressions import Scope


MOST = 100


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
    """

    number: int
    trigger: Trigger
    pass_name: str
    enabled: bool = True
    temporary: bool = False
    ignore: int = 0
    hits: int = 0

    @property
    def word(self) -> str:
        """What it is called."""
        return self.trigger.word


class Breakpoints:
    """Every breakpoint of a session, by number."""

    def __init__(self) -> None:
        """Begin without any."""
        self._breakpoints: Numbered[Breakpoint] = Numbered("breakpoint", MOST, "delete some")

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

    def add(self, trigger: Trigger, pass_name: str, temporary: bool = False) -> Breakpoint:
        """Add a breakpoint.

        Raises:
            UserError: There are too many.
        """
        return self._breakpoints.add(lambda number: Breakpoint(number, trigger, pass_name, temporary=temporary))

    def delete(self, number: int) -> Breakpoint:
        """Take a breakpoint away.

        Raises:
            UserError: There is none of that number.
        """
        return self._breakpoints.delete(number)

    def clear(self) -> None:
        """Take every breakpoint away; their numbers are not used again."""
        self._breakpoints.clear()

    def enable(self, number: int, enabled: bool = True) -> Breakpoint:
        """Have the run stop at a breakpoint, or not."""
        return self._breakpoints.put(replace(self[number], enabled=enabled))

    def ignore(self, number: int, count: int) -> Breakpoint:
        """Pass over the next `count` hits of a breakpoint."""
        return self._breakpoints.put(replace(self[number], ignore=count))

    def change(self, number: int, trigger: Trigger, pass_name: str) -> Breakpoint:
        """Have a breakpoint wait for something else."""
        return self._breakpoints.put(replace(self[number], trigger=trigger, pass_name=pass_name))

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
