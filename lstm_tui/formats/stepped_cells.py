"""Cells of PyTorch that a model calls step by step in a loop of its own: their steps as one sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Told = tuple[str, Any, Array, tuple[Array, ...], Array, int | None]
"""Path, module, what entered it (T, I), first states (1, H) each, what it gave (T, H), where its state was changed."""


class Stepped:
    """The calls of one cell, as long as it goes on from the state it gave."""

    def __init__(self, name: str, module: Any) -> None:
        """Take a cell by its path in the model."""
        self.name = name
        self.module = module
        self.rows: list[Array] = []
        self._given: list[Array] = []
        self._first: tuple[Array, ...] = ()
        self._last: tuple[Array, ...] = ()
        self._broken: int | None = None

    def after(self, module: Any, given: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:
        """Note a call; of a batch, its first sequence."""
        if self._broken is not None:
            return
        states = given[1] if len(given) > 1 else named.get("hx")
        before = _rows(states)
        if not self.rows:
            self._first = tuple(one[None] for one in before)
        elif len(before) != len(self._last) or not all(map(np.array_equal, before, self._last)):
            self._broken = len(self.rows)
            return
        self._last = _rows(output)
        self.rows.append(_rows(given[0] if given else named["input"])[0])
        self._given.append(self._last[0])

    @property
    def told(self) -> Told:
        """What is told of it."""
        return self.name, self.module, np.array(self.rows), self._first, np.array(self._given), self._broken


def _rows(states: Any) -> tuple[Array, ...]:
    """Return the states of the first sequence."""
    if states is None:
        return ()
    every = states if isinstance(states, tuple) else (states,)
    return tuple((one if one.dim() == 1 else one[0]).detach().cpu().numpy().copy() for one in every)
