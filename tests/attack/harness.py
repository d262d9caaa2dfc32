"""What the harnesses of the attack share: a clock, a tally of what was tried, and what was found.

A harness is one module of this package. It says which promise of CONTRIBUTING it tries (`PROMISE`) and with what
(`TRIES`), tries inputs at random until a clock ends (`attack`), and tries one of them again by the text that names it
(`again`). It may say how one that broke a promise is seen in its smallest form (`smaller`).
"""

from __future__ import annotations

import importlib
import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

HARNESSES = {"doors": 1, "faults": 1, "keys": 1, "ends": 1, "truth": 2, "visitors": 1}
"""One module of this package each, in the order of the table, and its share of the time."""
_OF_A_KIND = 3  # findings of one kind that are kept; the others are the same fault, as a rule
_CONFIRMED = 8  # findings that are tried again; where there are more, they are no accident of a busy machine
_TRIES = 2


@dataclass(frozen=True)
class Finding:
    """A broken promise.

    Attributes:
        kind: What was broken, in a few words.
        seen: What was seen.
        case: The text by which `python -m tests.attack HARNESS --case CASE` tries it again.
    """

    kind: str
    seen: str
    case: str


@dataclass
class Tally:
    """What one harness tried.

    Attributes:
        tried: How many inputs, by kind.
        findings: The promises that were broken.
        once: What was found, and not again when it was tried alone: on a busy machine, for want of time.
        figures: Worth a place in the table, such as the slowest answer.
        seconds: It took, the time to get ready included.
    """

    tried: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    once: list[Finding] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def inputs(self) -> int:
        """How many inputs were tried in all."""
        return self.tried.total()

    @property
    def broken(self) -> int:
        """How many promises were broken, those that were not seen again left out."""
        return len(self.findings)

    def found(self, kind: str, seen: str, case: str) -> None:
        """Note a broken promise, unless there are enough of its kind."""
        if sum(one.kind == kind for one in self.findings) < _OF_A_KIND:
            self.findings.append(Finding(kind, seen, case))


class Clock:
    """Says when a harness should end: `while clock:` goes on until its seconds are over.

    On a busy machine getting ready may take them all; every harness tries one input at least.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def __bool__(self) -> bool:
        return time.monotonic() < self._end


def busy() -> float:
    """Return how many times longer than alone something may take: what wants a core of this machine, for each."""
    load, _, _, running, *_ = Path("/proc/loadavg").read_text().replace("/", " ").split()
    return max(1.0, float(load) / (os.cpu_count() or 1), int(running) / (os.cpu_count() or 1))


class Harness(Protocol):
    """A module that attacks."""

    PROMISE: int
    """The number of the promise in CONTRIBUTING."""
    TRIES: str
    """What it tries, for the table."""

    def attack(self, rng: random.Random, clock: Clock) -> Tally:
        """Try inputs at random until the clock ends."""

    def again(self, case: str) -> str:
        """Try one input again, alone; return what is wrong, empty when nothing is."""


def harness(name: str) -> Harness:
    """Return the module of a name."""
    return cast(Harness, importlib.import_module(f"{__package__}.{name}"))


def attacked(name: str, seconds: float, seed: int) -> Tally:
    """Run one harness and try again, alone, what it has found.

    Args:
        name: Of the harness.
        seconds: It has; it takes a few more for an input that is on its way, and for what it found.
        seed: Its random numbers depend on this and on its name alone.
    """
    begun, clock = time.monotonic(), Clock(seconds)
    module = harness(name)
    tally = module.attack(random.Random(f"{name} {seed}"), clock)
    for finding in tally.findings[:_CONFIRMED]:
        if not any(module.again(finding.case) for _ in range(_TRIES)):
            tally.findings.remove(finding)
            tally.once.append(finding)
    tally.seconds = time.monotonic() - begun
    return tally
