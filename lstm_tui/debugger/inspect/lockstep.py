"""One text in several networks at once: what each keeps of its memory, holds and says, token by token.

A lane is one pass of one network, so a network that reads both ways has two. All stand at the same token.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from lstm_tui.analysis.distribution import largest
from lstm_tui.debugger.inspect.compare import check_common_tape
from lstm_tui.debugger.inspect.trace_facts import Facts
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.trace import Trace

MOST_RUNS = 8


@dataclass(frozen=True)
class Lane:
    """One pass of one network.

    Attributes:
        run: The number of the network, from 0.
        pass_name: The pass.
    """

    run: int
    pass_name: str


@dataclass(frozen=True)
class Said:
    """What a network finds likeliest.

    Attributes:
        name: The class or word; empty where it has no name.
        number: Which output it is; None where that is not known.
        value: How likely, or what it says.
    """

    name: str
    number: int | None
    value: float


class Lockstep:
    """Runs of several networks over the same tokens.

    Attributes:
        runs: The runs.
        names: What the networks are called.
        facts: What is the same at every token of each run.
    """

    def __init__(self, runs: Sequence[Trace], names: Sequence[str]) -> None:
        """Lay runs side by side.

        Args:
            runs: Two to eight.
            names: What the networks are called, as many.

        Raises:
            UserError: They read the text as different tokens.
        """
        first = runs[0]
        for run, name in zip(runs, names, strict=True):
            check_common_tape(first, run, (names[0], name))
        self.runs, self.names = tuple(runs), tuple(names)
        self.facts = tuple(Facts(run) for run in runs)
        self._wholes: dict[Lane, tuple[float, Array]] = {}
        self._names_said: dict[int, frozenset[str]] = {}

    def __len__(self) -> int:
        """Return how many tokens there are."""
        return len(self.runs[0].sequence)

    @cached_property
    def lanes(self) -> tuple[Lane, ...]:
        """Every pass of every network, in order."""
        return tuple(Lane(n, name) for n, run in enumerate(self.runs) for name in run)

    def kept(self, lane: Lane, t: int) -> float | None:
        """Return which part of its memory a pass keeps at a token; None where it held nothing, or it is not known."""
        step = self.facts[lane.run].memory_step(lane.pass_name, t)
        return None if step is None or step.lost is None else 1 - step.lost

    def held(self, lane: Lane, t: int) -> float:
        """Return how much a pass holds after a token: the mean size of its memory over the units."""
        with quiet():
            return float(np.abs(self._memory(lane)[t].astype(np.float64)).mean())

    def most_held(self, lane: Lane) -> float:
        """Return the most that a pass ever holds; NaN and ∞ are left out."""
        return self._whole(lane)[0]

    def _memory(self, lane: Lane) -> Array:
        passed = self.runs[lane.run][lane.pass_name]
        return passed[self.facts[lane.run].memory(lane.pass_name)]

    def largest(self, lane: Lane) -> Array:
        """Return the units of a pass by what they hold over the whole text, the most first; NaN counts as nothing."""
        return self._whole(lane)[1]

    def _whole(self, lane: Lane) -> tuple[float, Array]:
        """Return what takes the whole text: the most a pass holds, and its units by what they hold; taken once."""
        if lane not in self._wholes:
            with quiet():
                sizes = np.abs(self._memory(lane)[:].astype(np.float64))
                steps, units = sizes.mean(axis=1), np.nan_to_num(sizes.mean(axis=0), nan=-1.0)
            finite = steps[np.isfinite(steps)]
            self._wholes[lane] = float(finite.max()) if finite.size else 0.0, np.argsort(-units, kind="stable")
        return self._wholes[lane]

    def said(self, run: int, t: int) -> Said | None:
        """Return what a network finds likeliest at a token; None where it says something of the whole text alone."""
        output = self.runs[run].output
        return None if output is None else self._likeliest(run, output[t])

    def names_said(self, tokens: int) -> frozenset[str]:
        """Return every name that a network finds likeliest at one of so many tokens from the beginning; taken once."""
        if tokens not in self._names_said:
            places = [(run, t) for run in range(len(self.runs)) for t in range(min(tokens, len(self)))]
            said = (self.said(run, t) for run, t in places)
            self._names_said[tokens] = frozenset(one.name for one in said if one is not None)
        return self._names_said[tokens]

    def verdict(self, run: int) -> Said | None:
        """Return what a network says of the whole text; None where it says nothing of it."""
        trace = self.runs[run]
        return None if trace.result is None or not trace.classes else self._likeliest(run, trace.result)

    def _likeliest(self, run: int, said: Array) -> Said:
        best, classes = largest(said), self.runs[run].classes
        if best is None:
            return Said("", None, float("nan"))
        return Said(classes[best] if best < len(classes) else "", best, float(said[best]))

    def differ(self, t: int) -> bool:
        """Say whether two networks find something else likeliest at a token, of outputs that mean the same."""
        said = [
            one for n, run in enumerate(self.runs)
            if run.classes == self.runs[0].classes and (one := self.said(n, t)) is not None
        ]  # fmt: skip
        return len({one.number for one in said if one.number is not None}) > 1
