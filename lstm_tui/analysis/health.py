"""Units that do not do their work: gates that are stuck, units that explode or never act, those no gradient reaches.

What is told is told of the runs that were looked at: a unit that is never active in one sentence may be in another.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any, Literal

import numpy as np

from lstm_tui.analysis.contributions import squash_of, sum_slot, terms_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import OPS
from lstm_tui.engine.compiler.roles import Role, ranges_of, roles_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.adjoint_windows import AdjointWindows
from lstm_tui.engine.runtime.forward import RunBuffers
from lstm_tui.engine.runtime.gradients import gradients
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, as_array, is_windowed, rows_of

Kind = Literal["broken", "exploding", "dead", "quiet", "stuck", "shut", "open"]

LOW, HIGH = 0.1, 0.9
"""A gate below the one or above the other is saturated: it hardly answers to what it reads."""
QUIET = 0.01
"""A unit is never active if its output never exceeds this share of the largest output of its pass (units that explode
aside); an active one whose output never changes by more than this share of its largest is stuck."""
EXPLODED = 1e6
"""A unit whose output exceeds this, without its sign, explodes."""


@dataclass(frozen=True, eq=False)
class GateHealth:
    """One gate over all steps that were read, unit by unit, (n,) each.

    Attributes:
        value: Its name.
        role: What it does, or None.
        low: Share of the steps at which it is below .1; NaN where it is NaN at one of them.
        high: Share of the steps at which it is above .9; NaN likewise.
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
    def shut(self) -> Array:
        """Units in which it is never open."""
        return np.asarray(self.most < LOW)

    @property
    def open(self) -> Array:
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
        unsure: Units of which it is not known whether a gradient comes back to them, since it is NaN, (n,).
        findings: What is wrong, the worst first.
    """

    name: str
    steps: int
    units: int
    gates: tuple[GateHealth, ...]
    largest: Array
    quiet: Array
    dead: dict[str, Array]
    unsure: Array
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
    lowest: Array | None = None
    highest: Array | None = None
    moved: dict[str, Array] | None = field(default_factory=dict)
    unsure: dict[str, Array] = field(default_factory=dict)
    terms: dict[str, dict[tuple[str, str], Array]] = field(default_factory=dict)


def health(runs: Iterable[Trace], backwards: bool = True, progress: Progress | None = None) -> tuple[PassHealth, ...]:
    """Return the health of every pass over some runs of one network.

    Args:
        runs: At least one; each is looked at once and let go.
        backwards: Whether gradients are looked for as well.
        progress: Of a run in windows, called with the steps that are done and the steps in all, there and back; what it
            raises ends this.
    """
    return HealthCounts().added(runs, backwards, progress).health()


class HealthCounts:
    """What is counted of some runs; counts of more runs are added to it, and it may travel as plain numbers."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._of: dict[str, _Count] = {}

    def added(self, runs: Iterable[Trace], backwards: bool = True, progress: Progress | None = None) -> HealthCounts:
        """Count more runs, and return this."""
        _count(self._of, runs, backwards, progress)
        return self

    def health(self) -> tuple[PassHealth, ...]:
        """Return the health of every pass over all that was counted."""
        return tuple(_judged(count) for count in self._of.values())

    def plain(self) -> dict[str, Any]:
        """Return the counts of every pass as mappings, lists, numbers and arrays."""
        return {
            name: {
                "steps": one.steps,
                "moved": one.moved,
                **{field: dict(getattr(one, field)) for field in (*_ADDED, *_LEAST, *_MOST, "unsure")},
                "largest": one.largest, "lowest": one.lowest, "highest": one.highest,
                "terms": [[value, *key, n] for value, sums in one.terms.items() for key, n in sums.items()],
            }
            for name, one in self._of.items()
        }  # fmt: skip

    def add_plain(self, counts: Mapping[str, Any], trace: Trace) -> None:
        """Add counts that have travelled.

        Args:
            counts: As `plain` returned them.
            trace: A run of the same network, for the names of what it is made of.
        """
        for name, given in counts.items():
            mine = self._of.setdefault(name, _Count(trace[name]))
            mine.steps += given["steps"]
            for fields, how in ((_ADDED, np.add), (_LEAST, np.minimum), (_MOST, np.maximum)):
                for one in fields:
                    for value, numbers in given[one].items():
                        _take(getattr(mine, one), value, numbers, how)
            for one, fold in (("largest", np.maximum), ("lowest", np.minimum), ("highest", np.maximum)):
                there, more = getattr(mine, one), given[one]
                if more is not None:
                    setattr(mine, one, more if there is None else fold(there, more))
            for value, text, parameter, numbers in given["terms"]:
                _take(mine.terms.setdefault(value, {}), (text, parameter), numbers, np.add)
            if given["moved"] is None or mine.moved is None:
                mine.moved = None
                continue
            for value, moved in given["moved"].items():
                _take(mine.moved, value, moved, np.logical_or)
                _take(mine.unsure, value, given["unsure"][value], np.logical_or)


_ADDED, _LEAST, _MOST = ("low", "high", "total"), ("least",), ("most",)
"""Counts of gates that are added, and of which the least or the most is kept."""


def _count(counts: dict[str, _Count], runs: Iterable[Trace], backwards: bool, progress: Progress | None) -> None:
    for trace in runs:
        told = _Told(progress, 2 * sum(passed.steps for passed in trace.passes.values()))
        reached = _reached(trace, told) if backwards else None
        for name, passed in trace.passes.items():
            count = counts.setdefault(name, _Count(passed))
            for part in _stretches(passed):
                _add(count, part)
                told.more(part.steps)
            if reached is None:
                count.moved = None
            elif count.moved is not None:
                for value, (moved, unsure) in reached[name].items():
                    count.moved[value] = count.moved.get(value, np.zeros_like(moved)) | moved
                    count.unsure[value] = count.unsure.get(value, np.zeros_like(unsure)) | unsure


def _stretches(passed: PassTrace) -> Iterator[PassTrace]:
    """Yield a pass whole, or one in windows as stretches of it, which are looked at one after another."""
    if not passed.is_windowed:
        yield passed
        return
    for base in range(0, passed.steps, _STRETCH):
        yield passed.between(base, min(base + _STRETCH, passed.steps))


def gates_of(passed: PassTrace) -> tuple[str, ...]:
    """Return the values of a pass that lie between 0 and 1 and have a number for every unit."""
    ranges = ranges_of(passed.cell)
    found = []
    for name in passed.cell.values:
        bounds = ranges.get(name)
        if bounds is not None and bounds == (0.0, 1.0) and name in passed:
            found.append(name)
    return tuple(found)


_STRETCH = 4_096
"""Steps of a run in windows that are looked at together."""
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
            lowest, highest = passed[output].min(axis=0), passed[output].max(axis=0)
            largest = np.maximum(np.abs(lowest), np.abs(highest))
            broken, exploding, silent = _sizes(largest)
            quiet = np.flatnonzero(silent).tolist()
            flags |= dict.fromkeys(quiet, "dead" if squash_of(passed, output) == "relu" else "quiet")
            if squash_of(passed, output) == "relu":
                flags |= dict.fromkeys([unit for unit in quiet if largest[unit] > 0], "quiet")
            still = _never_moves(lowest, highest, largest)
            flags |= dict.fromkeys(np.flatnonzero(still & ~silent & ~exploding).tolist(), "stuck")
            flags |= dict.fromkeys(np.flatnonzero(exploding).tolist(), "exploding")
            flags |= dict.fromkeys(np.flatnonzero(broken).tolist(), "broken")
    return flags


def _add(count: _Count, passed: PassTrace) -> None:
    with np.errstate(all="ignore"):
        for value in gates_of(passed):
            series = passed[value]
            nan = np.isnan(series).any(axis=0)
            low, high = (np.where(nan, np.nan, beyond.sum(axis=0)) for beyond in (series < LOW, series > HIGH))
            _take(count.low, value, low, np.add)
            _take(count.high, value, high, np.add)
            _take(count.total, value, series.sum(axis=0, dtype=np.float64), np.add)
            _take(count.least, value, series.min(axis=0), np.minimum)
            _take(count.most, value, series.max(axis=0), np.maximum)
        if passed.cell.output in passed:
            output = passed[passed.cell.output]
            largest, lowest, highest = np.abs(output).max(axis=0), output.min(axis=0), output.max(axis=0)
            count.lowest = lowest if count.lowest is None else np.minimum(count.lowest, lowest)
            count.highest = highest if count.highest is None else np.maximum(count.highest, highest)
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


class _Told:
    """How many steps are done, of a run that is looked at there and back."""

    def __init__(self, progress: Progress | None, count: int) -> None:
        self._progress, self._count, self._done = progress, count, 0

    def more(self, steps: int) -> None:
        """Tell that some more are done."""
        self._done += steps
        if self._progress is not None:
            self._progress(min(self._done, self._count), self._count)


def _reached(trace: Trace, told: _Told) -> dict[str, dict[str, tuple[Array, Array]]] | None:
    """Return for each value the units whose sum has a gradient at some step, and those whose gradient is NaN at one.

    None when it cannot be said.

    What is differentiated is a mixture of all that the network says, with a weight of its own for each number, so
    that nothing cancels.
    """
    ran, network = trace.ran, trace.network
    if ran is None or network is None:
        return None
    d_result, d_values = None, {}
    if ran.readout is not None and network.readout is not None:
        d_result = _mixture(ran.readout.values[network.readout.page.result])
    else:
        top = network.layers[-1]
        d_values = {one.name: {one.cell.output: _mixture(trace[one.name][one.cell.output])} for one in top.passes}
    found: dict[str, dict[str, tuple[Array, Array]]] = {name: {} for name in trace.passes}
    with np.errstate(all="ignore"):
        for name, rows in _back_through(ran, d_result, d_values):
            passed = trace[name]
            for value in passed.cell.values:
                slot = sum_slot(passed, value)
                if slot is None:
                    continue
                mine = rows[:, slot.offset : slot.offset + slot.size]
                nan = np.isnan(mine)
                there = np.asarray(((mine != 0) & ~nan).any(axis=0)), np.asarray(nan.any(axis=0))
                moved, unsure = found[name].get(value, there)
                found[name][value] = moved | there[0], unsure | there[1]
            told.more(len(rows))
    return found


def _back_through(
    ran: RunBuffers, d_result: Array | None, d_values: Mapping[str, Mapping[str, Array]]
) -> Iterator[tuple[str, Array]]:
    """Yield the gradient by every slot of every pass, (S, width), some steps at a time of a run that is too long."""
    if not any(stored.is_too_long for stored in ran.stored.values()):
        _, _, slots = gradients(ran, d_result, d_values)
        yield from ((name, rows[1:]) for name, rows in slots.items())
        return
    ways: dict[str, AdjointWindows] = {}
    gradients(ran, d_result, d_values, by_value={}, ways=ways)
    for name, way in ways.items():
        slots_of, steps = way.of_slots(), way.steps
        while way.taken < steps:
            before = way.taken
            way.advance()
            yield name, rows_of(slots_of, steps - way.taken + 1, steps - before + 1)


def _mixture(like: Array) -> Array:
    """Return a weight for every number, of a series that is not held where it is read."""

    def read(start: int, stop: int) -> Array:
        width = like.size // max(len(like), 1)
        numbers = np.cos(1.0 + np.arange(start * width, stop * width)) + 1.5
        return np.asarray(numbers.reshape((stop - start, *like.shape[1:])).astype(like.dtype))

    if not is_windowed(like):
        return read(0, len(like))
    return as_array(WindowedSeries(read, len(like), like.shape[1:], like.dtype))


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
    broken, exploding, quiet = _sizes(largest)
    stuck = np.zeros_like(quiet)
    if steps >= LEAST_STEPS and count.lowest is not None and count.highest is not None:
        stuck = _never_moves(count.lowest, count.highest, largest) & ~quiet & ~exploding
    dead, unsure = {}, np.zeros(passed.hidden_size, dtype=np.bool_)
    for value, moved in (count.moved or {}).items():
        nan = count.unsure[value] & ~moved
        dead[value] = ~moved & ~nan
        unsure |= nan if len(nan) == len(unsure) else nan.any()
    findings = [
        *_by_output(passed, "broken", largest, broken),
        *_by_output(passed, "exploding", largest, exploding),
        *_dead(count, dead),
        *_by_output(passed, "quiet", largest, quiet),
        *_by_output(passed, "stuck", np.zeros(0) if count.highest is None else count.highest, stuck),
        *_stuck(count, gates),
    ]
    return PassHealth(passed.name, steps, passed.hidden_size, gates, largest, quiet, dead, unsure, tuple(findings))


def _sizes(largest: Array) -> tuple[Array, Array, Array]:
    """Return which units are not finite, which of the others explode, and which of the rest never act.

    Args:
        largest: Largest output of each unit, without sign, (n,).
    """
    broken = ~np.isfinite(largest)
    exploding = ~broken & (largest > EXPLODED)
    rest = ~broken & ~exploding
    top = float(np.max(largest[rest], initial=0.0))
    return broken, exploding, np.asarray((largest <= QUIET * top) & rest)


def _never_moves(lowest: Array, highest: Array, largest: Array) -> Array:
    """Return which units lie so near together at all steps that they say the same, (n,)."""
    with np.errstate(all="ignore"):
        apart = highest.astype(np.float64) - lowest
        return np.asarray(np.isfinite(largest) & (apart <= QUIET * largest.astype(np.float64)))


def _dead(count: _Count, dead: dict[str, Array]) -> Iterable[Finding]:
    for value, flags in dead.items():
        squash = squash_of(count.passed, value)
        if squash is None or value in count.passed.cell.shapes:
            continue  # a value that is no squash of a sum, or whose rows share weights, has no weights of its own
        if not OPS[squash].passes_back:
            continue  # nothing is meant to come back through a threshold
        for unit in np.flatnonzero(flags):
            yield _caused(count, "dead", int(unit), value, 0.0, -1)


def _by_output(passed: PassTrace, kind: Kind, numbers: Array, flags: Array) -> Iterable[Finding]:
    for unit in np.flatnonzero(flags):
        yield Finding(passed.name, kind, int(unit), passed.cell.output, float(numbers[unit]))


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
    if not means or any(map(math.isnan, means.values())):
        return Finding(count.passed.name, kind, unit, value, number)
    parameter = max(means, key=lambda name: side * means[name])
    return Finding(
        count.passed.name, kind, unit, value, number,
        f"{count.passed.name}/{parameter}", means[parameter], sum(means.values()),
    )  # fmt: skip
