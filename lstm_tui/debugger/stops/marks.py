"""At which places of the tape a run would stop, for marks on it: found a block of places at a time, when asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lstm_tui.debugger.expressions import ExpressionError, Scope
from lstm_tui.debugger.stops.breakpoints import Breakpoint

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
        found: set[int] = set()
        for one in self._breakpoints:
            try:
                hits = one.trigger.hits(self._scope_of(one.pass_name), start, stop)
            except ExpressionError:  # it means nothing in this run; continuing says so
                continue
            for some in hits:
                found.update(np.asarray(some.places).tolist())
        return frozenset(found)
