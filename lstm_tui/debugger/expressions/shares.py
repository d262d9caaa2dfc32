"""Which part of a memory some tokens wrote, after every step of a run: two recurrences, once for a whole run.

Before the pass has read one of them the question is not asked yet: the share is absent, not 0. Where the memory holds
nothing at all (0 of 0), or a NaN, it is NaN.

What token k has in unit u is its write times every keep since, so its size is the size of the write times
the sizes of the keeps; the sizes of all tokens together follow the same recurrence as those of some.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_tui.analysis.ledger import flow_between
from lstm_tui.debugger.expressions.scope import Moment, NoSuchName, Scope, gather
from lstm_tui.debugger.expressions.series import Series
from lstm_tui.debugger.features import Feature
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import kept_states, memory_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.trace import PassTrace

NOT_READ = "no such token was read yet"
_FEWEST = 16  # blocks from which on they pay
_MOST_ALONG = 2 * 10**9
"""Products of numbers that shares along a direction may take."""
_STRETCH = 4_096
"""Steps of which the sizes are held at once."""

Units = tuple[int | None, int | None, int | None]
"""Which units of a memory: the first, the one behind the last, the step, as a slice takes them."""
ALL_UNITS: Units = (None, None, None)


@dataclass(frozen=True)
class Sought:
    """A share that is asked for.

    Attributes:
        memory: Name of the state; None for the memory of the selected pass.
        places: Places of the tokens on the tape.
        units: Which units are meant.
    """

    memory: str | None
    places: tuple[int, ...]
    units: Units = ALL_UNITS


def share_of(scope: Scope, sought: Sought, moment: Moment) -> Series:
    """Return a share at some steps.

    Raises:
        NoSuchName: It is no memory, or the trace does not hold what was written to it.
    """
    passed, state = memory_meant(scope, sought.memory)
    feature = feature_meant(scope, sought.memory)
    key: tuple[Any, ...] = ("share", passed.name, state, sought.places, sought.units, feature)
    if key not in scope.kept:
        if feature is None:
            of_them, of_all = summed_sizes(passed, state, sought.places, sought.units)
        elif sought.units != ALL_UNITS:
            raise NoSuchName(f"{feature.name} is one number, and has no units")
        else:
            of_them, of_all = sizes_along(passed, state, sought.places, feature)
        with np.errstate(all="ignore"):
            scope.kept[key] = (of_them / of_all)[:, None]
    answer = scope.once(passed.direction == "backward", moment, scope.kept[key])
    first = min((passed.reading_step(place) for place in sought.places), default=passed.steps)
    reading = np.arange(passed.steps) if passed.direction == "forward" else np.arange(passed.steps)[::-1]
    read, there = gather((reading >= first)[:, None], moment.places(passed.direction == "backward"))
    return replace(answer, known=answer.known & read & there, missing=NOT_READ)


def memory_meant(scope: Scope, name: str | None) -> tuple[PassTrace, str]:
    """Return the pass and the state that a name, or none, means as a memory; of a feature, those it is a direction of.

    Raises:
        NoSuchName: It is no memory.
    """
    passed, state = scope.owner(name) if name is not None else (scope.passed, memory_of(scope.passed.cell))
    feature = feature_meant(scope, name)
    if feature is not None:
        if feature.pass_name not in scope.trace:
            raise NoSuchName(f"this run has no {feature.pass_name}, of which {feature.name} is a direction")
        passed, state = scope.trace[feature.pass_name], feature.value
    kept = kept_states(passed.cell)
    if state not in kept:
        there = f"there is {', '.join(kept)}" if kept else f"no state of {passed.cell.name} has a ledger"
        raise NoSuchName(f"{state} is no memory whose writers can be told: {there}")
    return passed, state


def feature_meant(scope: Scope, name: str | None) -> Feature | None:
    """Return the feature that a name means; None where it means a value, or nothing."""
    feature = None if name is None else scope.names.features.get(name)
    return None if feature is None or feature.name in scope.passed else feature


def sizes_along(passed: PassTrace, state: str, places: tuple[int, ...], feature: Feature) -> tuple[Array, Array]:
    """Return what some tokens, and all sources together, have along a direction after each step, (T,) in tape order.

    What a token has is the sum of what it has in each unit, with its sign and by the weight of the direction: parts of
    one token may cancel. So each token is followed by itself. What is added to the direction nobody wrote.

    Raises:
        NoSuchName: The run is too long for it, or does not hold what was written.
    """
    steps, direction = passed.steps, feature.direction
    if steps * steps * len(direction) > _MOST_ALONG:
        raise NoSuchName(f"a run of {steps} tokens is too long for shares along a direction: ask of c[7], or fewer")
    part = flow_between(passed, state, 0, steps)
    if part is None:
        raise NoSuchName(f"this trace does not hold what was written to {state}")
    flow, size = part.flow, len(direction)
    if flow.keep.shape[1] != size:
        raise NoSuchName(f"{feature.name} is a direction of {size} numbers, and {state} has {flow.keep.shape[1]} units")
    asked = np.zeros(steps, dtype=np.bool_)
    asked[[passed.reading_step(place) for place in places]] = True
    parts = np.zeros((steps, size))
    others = np.zeros((1 if flow.edit is None else steps + 1, size))
    others[0] = flow.start
    sizes = np.empty((2, steps))
    with np.errstate(all="ignore"):
        for step in range(steps):
            for held in (parts[:step], others):
                np.multiply(held, flow.keep[step], out=held, where=held != 0)
            parts[step] = flow.write[step]
            if flow.edit is not None:
                others[step + 1] = flow.edit[step]
            along = np.abs(parts[: step + 1] @ direction)
            sizes[0, step] = along[asked[: step + 1]].sum()
            sizes[1, step] = along.sum() + np.abs(others @ direction).sum()
    on_tape = sizes[:, ::-1] if passed.direction == "backward" else sizes
    return on_tape[0], on_tape[1]


def summed_sizes(
    passed: PassTrace, state: str, places: tuple[int, ...], units: Units = ALL_UNITS
) -> tuple[Array, Array]:
    """Return what some tokens, and all sources together, have in some units after each step, (T,) in tape order.

    Sizes without their signs; the start and edits are sources too.

    Raises:
        NoSuchName: There is no such unit, or the trace does not hold what was written.
    """
    parts = [(sums[:, 0].sum(axis=1), sums[:, 1].sum(axis=1)) for _, sums in _sizes(passed, state, places, units)]
    on_tape = slice(None, None, -1 if passed.direction == "backward" else 1)
    of_them, of_all = (np.concatenate([part[n] for part in parts])[on_tape] for n in (0, 1))
    return of_them, of_all


def sizes_after(
    passed: PassTrace,
    state: str,
    places: tuple[int, ...],
    units: Units,
    steps: tuple[int, ...],
) -> list[tuple[Array, Array]]:
    """Return what those tokens, and all sources, have in each unit after some steps in reading order, (n,) each."""
    found: dict[int, tuple[Array, Array]] = {}
    for base, sums in _sizes(passed, state, places, units):
        found |= {step: (sums[step - base, 0].copy(), sums[step - base, 1].copy())
                  for step in steps if base <= step < base + len(sums)}  # fmt: skip
        if base + len(sums) > max(steps):
            break
    return [found[step] for step in steps]


def _sizes(passed: PassTrace, state: str, places: tuple[int, ...], units: Units) -> Iterator[tuple[int, Array]]:
    """Yield a step and the sizes after each of some steps from there on, (S, 2, n): of the tokens, and of all.

    Many steps are taken one stretch after another, so that a run in windows is never held whole.
    """
    given: Array | None = None
    wanted = np.array(sorted(passed.reading_step(place) for place in places), dtype=np.int64)
    for base in range(0, passed.steps, _STRETCH):
        stop = min(base + _STRETCH, passed.steps)
        part = flow_between(passed, state, base, stop)
        if part is None:
            raise NoSuchName(f"this trace does not hold what was written to {state}")
        flow, chosen = part.flow, slice(*units)
        keep, write, start = (np.abs(each[..., chosen]) for each in (flow.keep, flow.write, flow.start))
        if not len(start):
            raise NoSuchName(f"{state} has {flow.keep.shape[1]} units, from 0")
        theirs = wanted[(wanted >= base) & (wanted < stop)] - base
        added = np.zeros((stop - base, 2, len(start)))  # those tokens, and everything
        added[theirs, 0] = write[theirs]
        added[:, 1] = write if flow.edit is None else write + np.abs(flow.edit[:, chosen])
        sums = kept_sums(keep, added, np.stack([np.zeros_like(start), start]) if given is None else given)
        given = sums[-1].copy()
        yield base, sums


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
