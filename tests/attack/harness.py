"""What the harnesses of the attack share: a clock, a tally of what was tried, and what was found."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

HARNESSES = ("doors", "faults", "keys", "ends", "truth", "visitors")
"""One module of this package each, with a function `attack(rng, clock) -> Tally`; the order of the table."""


@dataclass(frozen=True)
class Finding:
    """A broken promise: of which kind, what was seen, and how to see it again (a command, keys or a file)."""

    kind: str
    seen: str
    again: str


@dataclass
class Tally:
    """What one harness tried: inputs by kind, findings, and figures worth a place in the table (slowest answer …)."""

    tried: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)

    @property
    def inputs(self) -> int:
        """How many inputs were tried in all."""
        return self.tried.total()

    def found(self, kind: str, seen: str, again: str) -> None:
        """Notes a broken promise."""
        self.findings.append(Finding(kind, seen, again))


class Clock:
    """Says when a harness should end: `while clock:` goes on until its seconds are over."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def __bool__(self) -> bool:
        return time.monotonic() < self._end


Attack = Callable[[random.Random, Clock], Tally]


def attack_of(module: ModuleType) -> Attack:
    """The function by which a harness is run."""
    attack: Attack = module.attack
    return attack
