"""Units that do not do their work: gates that are stuck, units that never act, and those no gradient reaches.

What is told is told of the runs that were looked at: a unit that never acts in one sentence may act in another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lstm_tui.analysis.terms import squash_of, sum_slot, terms_of
from lstm_tui.engine.gradients import gradients
from lstm_tui.engine.roles import Role, ranges_of, roles_of
from lstm_tui.engine.trace import PassTrace, Trace

Array = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]
Kind = Literal["broken", "dead", "quiet", "shut", "open"]

LOW, HIGH = 0.1, 0.9
"""A gate below the one or above the other is saturated: it hardly answers to what it reads."""
QUIET = 0.01
"""A unit whose output never reaches this share of the largest output of its pass never acts."""


@dataclass(frozen=True, eq=False)
class GateHealth:
    """One gate over all steps that were read, unit by unit, (n,) each.

    Attributes:
        value: Its name.
        role: What it does, or None.
        low: Share of the steps at which it is below .1.
        high: Share of the steps at which it is above .9.
        least: Its smallest number.
        most: Its largest.
        mean: Its mean.
    """

    value: str
    role: Role | None
    low: Array
    high: Array
    least: Array
    most: Array
    mean: Array

    @property
    def shut(self) -> Flags:
        """Units in which it is never open."""
        return np.asarray(self.most < LOW)

    @property
    def open(self) -> Flags:
        """Units in which it is never shut."""
        return np.asarray(self.least > HIGH)


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with one unit.

    Attributes:
        pass_name: In which pass.
        kind: What it is.
        unit: Which unit.
        value: The gate or value it shows in.
        number: How far: the largest or smallest number of the gate, the largest output.
        parameter: The parameter it comes from, as the tensor is named; empty when it is not known.
        term: Mean of that parameter's term over the steps.
        total: Mean of the whole sum.
    """

    pass_name: str
    kind: Kind
    unit: int
    value: str
    number: float
    parameter: str = ""
    term: float = 0.0
    total: float = 0.0


@dataclass(frozen=True, eq=False)
class PassHealth:
    """One pass over all runs that were looked at.

    Attributes:
        name: Of the pass.
        steps: How many steps it took.
        units: How many units it has.
        gates: Every value that lies between 0 and 1 and is as wide as the pass.
        largest: Largest output of each unit, without sign, (n,).
        quiet: Units that never act, (n,).
        dead: For each value, the units whose sum has no gradient at any step, (n,); empty when it is not known.
        findings: What is wrong, the worst first.
    """

    name: str
    steps: int
    units: int
    gates: tuple[GateHealth, ...]
    largest: Array
    quiet: Flags
    dead: dict[str, Flags]
    findings: tuple[Finding, ...]


@dataclass
class _Count:
    """What is known of one pass so far."""

    passed: PassTrace
    steps: int = 0
    low: dict[str, Array] = field(default_factory=dict)
    high: dict[str, Array] = field(default_factory=dict)
    least: dict[str, Array] = field(default_factory=dict)
    most: dict[str, Array] = field(default_factory=dict)
    total: dict[str, Array] = field(default_factory=dict)
    largest: Array | None = None
    moved: dict[str, Flags] | None = field(default_factory=dict)
    terms: dict[str, dict[tuple[str, str], Array]] = field(default_factory=dict)


def health(runs: Iterable[Trace], backwards: bool = True) -> tuple[PassHealth, ...]:
    """Return the health of every pass over some runs of one network.

    Args:
        runs: At least one; each is looked at once and let go.
        backwards: Whether gradients are looked for as well.
    """
    counts: dict[str, _Count] = {}
    for trace in runs:
        reached = _reached(trace) if backwards else None
        for name, passed in trace.passes.items():
            count = counts.setdefault(name, _Count(passed))
            _add(count, passed)
            if reached is None:
                count.moved = None
            elif count.moved is not None:
                for value, moved in reached[name].items():
                    count.moved[value] = count.moved.get(value, np.zeros_like(moved)) | moved
    return tuple(_judged(count) for count in counts.values())


def gates_of(passed: PassTrace) -> tuple[str, ...]:
    """Return the values of a pass that lie between 0 and 1 and have a number for every unit."""
    ranges = ranges_of(passed.cell)
    found = []
    for name in passed.cell.values:
        bounds = ranges.get(name)
        if bounds is not None and bounds == (0.0, 1.0) and name in passed:
            found.append(name)
    return tuple(found)


LEAST_STEPS = 8
"""In a shorter run a gate that is shut all the time is nothing to point at."""


def flags_of(passed: PassTrace) -> dict[int, Kind]:
    """Return the worst that can be seen of each unit of one run without its gradients; nothing of a very short run.

    A unit made by a relu that is 0 at every step cannot learn; other units without a gradient are not seen here. A
    gate that never shuts is none: that of a long memory does not.
    """
    flags: dict[int, Kind] = {}
    if passed.steps < LEAST_STEPS:
        return flags
    with np.errstate(all="ignore"):
        for value in gates_of(passed):
            series = passed[value]
            flags |= dict.fromkeys(np.flatnonzero(series.max(axis=0) < LOW).tolist(), "shut")
        output = passed.cell.output
        if output in passed and passed[output].shape[1] == passed.hidden_size:
            largest = np.abs(passed[output]).max(axis=0)
            broken, silent = _broken_and_quiet(largest)
            quiet = np.flatnonzero(silent).tolist()
            flags |= dict.fromkeys(quiet, "dead" if squash_of(passed, output) == "relu" else "quiet")
            if squash_of(passed, output) == "relu":
                flags |= dict.fromkeys([unit for unit in quiet if largest[unit] > 0], "quiet")
            flags |= dict.fromkeys(np.flatnonzero(broken).tolist(), "broken")
    return flags


def _add(count: _Count, passed: PassTrace) -> None:
    with np.errstate(all="ignore"):
        for value in gates_of(passed):
            series = passed[value]
            low, high = (series < LOW).sum(axis=0), (series > HIGH).sum(axis=0)
            _take(count.low, value, low, np.add)
            _take(count.high, value, high, np.add)
            _take(count.total, value, series.sum(axis=0, dtype=np.float64), np.add)
            _take(count.least, value, series.min(axis=0), np.minimum)
            _take(count.most, value, series.max(axis=0), np.maximum)
        if passed.cell.output in passed:
            largest = np.abs(passed[passed.cell.output]).max(axis=0)
            count.largest = largest if count.largest is None else np.maximum(count.largest, largest)
        for value in passed.cell.values:
            sums = count.terms.setdefault(value, {})
            for term in terms_of(passed, value):
                whole = term.series.astype(np.float64)
                added = whole.sum(axis=0) if whole.ndim == 2 else whole * passed.steps
                _take(sums, (term.text, term.parameter), added, np.add)
    count.steps += passed.steps


def _take(known: dict[Any, Array], key: Any, numbers: Array, how: Any) -> None:
    known[key] = np.asarray(how(known[key], numbers)) if key in known else numbers


def _reached(trace: Trace) -> dict[str, dict[str, Flags]] | None:
    """Return for each value the units whose sum has a gradient at some step; None when it cannot be said.

    What is differentiated is a mixture of all that the network says, with a weight of its own for each number, so
    that nothing cancels.
    """
    ran, network = trace.ran, trace.network
    if ran is None or network is None or any(stored.rows is None for stored in ran.stored.values()):
        return None
    d_result, d_values = None, {}
    if ran.readout is not None and network.readout is not None:
        d_result = _mixture(ran.readout.values[network.readout.page.result])
    else:
        top = network.layers[-1]
        d_values = {one.name: {one.cell.output: _mixture(trace[one.name][one.cell.output])} for one in top.passes}
    with np.errstate(all="ignore"):
        _, _, slots = gradients(ran, d_result, d_values)
    found: dict[str, dict[str, Flags]] = {}
    for name, passed in trace.passes.items():
        found[name] = {}
        for value in passed.cell.values:
            slot = sum_slot(passed, value)
            if slot is not None:
                found[name][value] = (slots[name][1:, slot.offset : slot.offset + slot.size] != 0).any(axis=0)
    return found


def _mixture(like: Array) -> Array:
    numbers = np.cos(1.0 + np.arange(like.size)) + 1.5
    return np.asarray(numbers.reshape(like.shape).astype(like.dtype))


def _judged(count: _Count) -> PassHealth:
    passed, steps = count.passed, count.steps
    roles = roles_of(passed.cell)
    gates = tuple(
        GateHealth(
            value=value,
            role=roles.get(value),
            low=count.low[value] / steps,
            high=count.high[value] / steps,
            least=count.least[value],
            most=count.most[value],
            mean=count.total[value] / steps,
        )
        for value in gates_of(passed)
    )
    largest = np.zeros(0) if count.largest is None else count.largest
    broken, quiet = _broken_and_quiet(largest)
    dead = {} if count.moved is None else {value: ~moved for value, moved in count.moved.items()}
    findings = [
        *_broken(passed, largest, broken),
        *_dead(count, dead),
        *_quiet(passed, largest, quiet),
        *_stuck(count, gates),
    ]
    return PassHealth(passed.name, steps, passed.hidden_size, gates, largest, quiet, dead, tuple(findings))


def _broken_and_quiet(largest: Array) -> tuple[Flags, Flags]:
    """Return which units are not finite, and which of the others hardly act beside the largest of these."""
    broken = ~np.isfinite(largest)
    top = float(np.max(largest[~broken], initial=0.0))
    return broken, np.asarray((largest <= QUIET * top) & ~broken)


def _dead(count: _Count, dead: dict[str, Flags]) -> Iterable[Finding]:
    for value, flags in dead.items():
        if squash_of(count.passed, value) is None:
            continue  # a value that is no squash of a sum has no weights of its own
        for unit in np.flatnonzero(flags):
            yield _caused(count, "dead", int(unit), value, 0.0, -1)


def _broken(passed: PassTrace, largest: Array, broken: Flags) -> Iterable[Finding]:
    for unit in np.flatnonzero(broken):
        yield Finding(passed.name, "broken", int(unit), passed.cell.output, float(largest[unit]))


def _quiet(passed: PassTrace, largest: Array, quiet: Flags) -> Iterable[Finding]:
    for unit in np.flatnonzero(quiet):
        yield Finding(passed.name, "quiet", int(unit), passed.cell.output, float(largest[unit]))


def _stuck(count: _Count, gates: Iterable[GateHealth]) -> Iterable[Finding]:
    for gate in gates:
        for unit in np.flatnonzero(gate.shut):
            yield _caused(count, "shut", int(unit), gate.value, float(gate.most[unit]), -1)
    for gate in gates:
        for unit in np.flatnonzero(gate.open):
            yield _caused(count, "open", int(unit), gate.value, float(gate.least[unit]), 1)


def _caused(count: _Count, kind: Kind, unit: int, value: str, number: float, side: int) -> Finding:
    """Return a finding with the parameter whose term has, on the mean, most to do with it."""
    means = {
        parameter: float(numbers[unit if len(numbers) > 1 else 0]) / count.steps
        for (_, parameter), numbers in count.terms.get(value, {}).items()
        if parameter and unit < max(len(numbers), 2)
    }
    if not means:
        return Finding(count.passed.name, kind, unit, value, number)
    parameter = max(means, key=lambda name: side * means[name])
    return Finding(
        count.passed.name, kind, unit, value, number,
        f"{count.passed.name}/{parameter}", means[parameter], sum(means.values()),
    )  # fmt: skip
