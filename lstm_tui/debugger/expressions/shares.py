"""Which part of a memory some tokens wrote, after every step of a run: two recurrences, once for a whole run.

Before the pass has read one of them the question is not asked yet: the share is absent, not 0. Where the memory holds
nothing at all (0 of 0), or a NaN, it is NaN.

What token k has in unit u is its write times every keep since, so its size is the size of the write times
the sizes of the keeps; the sizes of all tokens together follow the same recurrence as those of some.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lstm_tui.analysis.ledger import flow_of
from lstm_tui.debugger.expressions.scope import Moment, NoSuchName, Scope, gather
from lstm_tui.debugger.expressions.series import Series
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import kept_states, memory_of
from lstm_tui.engine.runtime.trace import PassTrace

NOT_READ = "no such token was read yet"
_FEWEST = 16  # blocks from which on they pay


@dataclass(frozen=True)
class Sought:
    """A share that is asked for.

    Attributes:
        memory: Name of the state; None for the memory of the selected pass.
        places: Places of the tokens on the tape.
        units: First unit and the one behind the last; None for an open end.
    """

    memory: str | None
    places: tuple[int, ...]
    units: tuple[int, int | None] = (0, None)


def share_of(scope: Scope, sought: Sought, moment: Moment) -> Series:
    """Return a share at some steps.

    Raises:
        NoSuchName: It is no memory, or the trace does not hold what was written to it.
    """
    passed, state = memory_meant(scope, sought.memory)
    key: tuple[Any, ...] = ("share", passed.name, state, sought.places, sought.units)
    if key not in scope.kept:
        of_them, of_all = sizes_of(passed, state, sought.places, sought.units)
        total = of_all.sum(axis=1)
        with np.errstate(all="ignore"):
            scope.kept[key] = (of_them.sum(axis=1) / total)[:, None]
    answer = scope.once(passed.direction == "backward", moment, scope.kept[key])
    first = min((passed.reading_step(place) for place in sought.places), default=passed.steps)
    reading = np.arange(passed.steps) if passed.direction == "forward" else np.arange(passed.steps)[::-1]
    read, there = gather((reading >= first)[:, None], moment.places(passed.direction == "backward"))
    return replace(answer, known=answer.known & read & there, missing=NOT_READ)


def memory_meant(scope: Scope, name: str | None) -> tuple[PassTrace, str]:
    """Return the pass and the state that a name, or none, means as a memory.

    Raises:
        NoSuchName: It is no memory.
    """
    passed, state = scope.owner(name) if name is not None else (scope.passed, memory_of(scope.passed.cell))
    kept = kept_states(passed.cell)
    if state not in kept:
        there = f"there is {', '.join(kept)}" if kept else f"no state of {passed.cell.name} has a ledger"
        raise NoSuchName(f"{state} is no memory whose writers can be told: {there}")
    return passed, state


def sizes_of(
    passed: PassTrace, state: str, places: tuple[int, ...], units: tuple[int, int | None] = (0, None)
) -> tuple[Array, Array]:
    """Return what some tokens, and all sources together, have in each unit after each step, (T, n) in tape order.

    Sizes without their signs; the start and edits are sources too.

    Raises:
        NoSuchName: There is no such unit, or the trace does not hold what was written.
    """
    flow = flow_of(passed, state)
    if flow is None:
        raise NoSuchName(f"this trace does not hold what was written to {state}")
    chosen = slice(units[0], units[1])
    keep, write, start = (np.abs(part[..., chosen]) for part in (flow.keep, flow.write, flow.start))
    if not len(start):
        raise NoSuchName(f"{state} has {flow.keep.shape[1]} units, from 0")
    steps = len(keep)
    theirs = np.zeros(steps, dtype=np.bool_)
    theirs[[passed.reading_step(place) for place in places]] = True
    added = np.zeros((steps, 2, len(start)))  # those tokens, and everything
    added[theirs, 0] = write[theirs]
    added[:, 1] = write if flow.edit is None else write + np.abs(flow.edit[:, chosen])
    before = np.stack([np.zeros_like(start), start])
    result = kept_sums(keep, added, before)
    on_tape = slice(None, None, -1 if passed.direction == "backward" else 1)
    return result[on_tape, 0], result[on_tape, 1]


def kept_sums(keep: Array, added: Array, start: Array) -> Array:
    """Return what a sum is after each step of which every step keeps a part and adds some, (T, m, n).

    A long run is cut into blocks that are taken side by side, each as if it began with nothing; what a block
    was given is then kept through it.

    Args:
        keep: The part that is kept at each step, (T, n), not negative.
        added: What is added, (T, m, n); the sums are written over it.
        start: The sums before the first step, (m, n).
    """
    steps, _, size = added.shape
    blocks = int(np.sqrt(steps))
    with np.errstate(all="ignore"):
        if blocks < _FEWEST or not np.isfinite(keep).all():
            return _one_by_one(keep, added, start)
        length = steps // blocks
        whole = blocks * length
        keeps = keep[:whole].reshape(blocks, length, size)
        sums = added[:whole].reshape(blocks, length, -1, size)
        through = keeps.copy()
        for step in range(1, length):
            sums[:, step] += sums[:, step - 1] * keeps[:, step, None]
            through[:, step] *= through[:, step - 1]
        given = start
        for block in range(blocks):
            sums[block] += given * through[block, :, None]
            given = sums[block, -1]
        _one_by_one(keep[whole:], added[whole:], given)
        return added


def _one_by_one(keep: Array, added: Array, start: Array) -> Array:
    finite = bool(np.isfinite(keep).all())
    before = start
    for step, row in enumerate(added):
        kept = before * keep[step]
        if not finite:  # of nothing there is nothing left, whatever it is multiplied by
            kept[before == 0] = 0.0
        row += kept
        before = row
    return added
