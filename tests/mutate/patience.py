"""How long the tests of a break may take, by their own processor time: a busy or a stopped machine ends none."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

TURN = 1.0
"""Seconds of waiting that make a turn; while the whole machine is stopped no turn passes."""
IDLE = 120
"""Turns in which nothing runs, after which nothing will: something waits for what never comes."""
_RUNS = 0.05
"""Share of a turn from which on a process runs; a timer that ticks beside what waits takes less."""
_PROC = Path("/proc")


@dataclass(frozen=True)
class _Process:
    parent: int
    session: int
    state: str
    seconds: float


class Patience:
    """Counts what a process and all that it started have taken, and in how many turns none of them ran."""

    def __init__(self, process: int, seconds: float) -> None:
        """Wait for a process that leads a session, and for as much processor time."""
        self._process, self._left = process, seconds
        self._taken, self._idle = 0.0, 0

    def ends(self) -> bool:
        """Count one turn, and say whether it was the last: where nothing can be read, every turn is one second."""
        if not (_PROC / "self" / "stat").exists():
            self._left -= TURN
            return self._left <= 0
        family = _family_of(self._process).values()
        taken = sum(one.seconds for one in family)
        runs = taken > self._taken + _RUNS * TURN or any(one.state in "RD" for one in family)
        self._taken, self._idle = max(taken, self._taken), self._idle + (not runs)
        return self._taken > self._left or self._idle >= IDLE


def _family_of(process: int) -> dict[int, _Process]:
    """Return by number a process, what it started, and what that did; in sessions of their own as well."""
    every = {int(one.name): read for one in _PROC.iterdir() if one.name.isdecimal() and (read := _read(one))}
    found: set[int] = set()
    more = {pid for pid, one in every.items() if process in (pid, one.session)}
    while more:
        found |= more
        more = {pid for pid, one in every.items() if one.parent in found} - found
    return {pid: every[pid] for pid in found}


def _read(folder: Path) -> _Process | None:
    try:
        fields = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None  # it has ended meanwhile
    ticks = sum(map(int, fields[11:15]))  # of it, and of what it waited for
    return _Process(int(fields[1]), int(fields[3]), fields[0], ticks / os.sysconf("SC_CLK_TCK"))


def end_group(process: int) -> None:
    """End a process that leads a session, with all that it started there."""
    for end in (os.killpg, os.kill):
        try:
            end(process, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
