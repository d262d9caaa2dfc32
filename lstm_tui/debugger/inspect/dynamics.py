"""The question what kind of memory the step at one token is, and its answer in words: fixed points and directions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import field
from functools import cached_property
from typing import Any

import numpy as np

from lstm_tui.analysis.fixed_points import (
    ALIKE,
    BAND,
    FIXED,
    SETTLING,
    SLOW,
    FixedPoint,
    FixedPoints,
    Search,
    SlowDirection,
    Stop,
    search_fixed_points,
)
from lstm_tui.analysis.step_map import states_at, step_map
from lstm_tui.debugger.inspect.trace_facts import letter
from lstm_tui.debugger.unit_names import NONE, UnitNames
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import compact, count_of, sentence
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.text_safety import visible

HEADS = ("", "|λ|", "time constant", "turns in", "moved by", "stands at", "most of it in")
"""Of the columns of a direction."""
MOST_AROUND = 32
"""Tokens to either side of which it is told where the state stands."""
_MOST_UNITS = 3
_MOST_POINTS = 6
_LEAST_PART = 0.1
"""A unit is named where it is this part of a direction or more."""


@dataclass(frozen=True, eq=False)
class DynamicsQuestion:
    """What is asked: which pass, at which token.

    Attributes:
        trace: The run.
        pass_name: The pass.
        t: The place on the tape whose token is held.
        names: What units are called.
    """

    trace: Trace
    pass_name: str
    t: int
    names: UnitNames = NONE

    @property
    def passed(self) -> PassTrace:
        """The pass."""
        return self.trace[self.pass_name]

    @property
    def token(self) -> str:
        """The token that is held, as a sentence has it."""
        return f"“{visible(self.trace.sequence.tokens[self.t])}” (t={self.t})"

    def answer(self, progress: Progress | None = None) -> Dynamics:
        """Search for fixed points.

        Raises:
            UserError: As `going`.
        """
        going = self.going()
        while True:
            try:
                done, starts = next(going)
            except StopIteration as end:
                found: Dynamics = end.value
                return found
            if progress is not None:
                progress(done, starts)

    def going(self, stop: Stop | None = None) -> Search[Dynamics]:
        """Search for fixed points, and tell on the way how many starts are done.

        Raises:
            UserError: The trace has no network, the state has too many numbers or is not finite, or it was stopped.
        """
        passed = self.passed
        map = step_map(passed, self.t)
        found = yield from search_fixed_points(passed, map, self.t, stop)
        number = passed.reading_step(self.t)
        around = range(max(0, number - MOST_AROUND), min(passed.steps, number + MOST_AROUND + 1))
        states = states_at(passed, map.places, range(around.start, around.stop + 1))
        return Dynamics(self, found, around, states)


@dataclass(frozen=True, eq=False)
class Dynamics:
    """The answer.

    Attributes:
        question: What was asked.
        found: What was found.
        around: The steps of the pass near the one that is held, in reading order.
        states: The states before each of them, and behind the last, (S + 1, n).
    """

    question: DynamicsQuestion
    found: FixedPoints
    around: range
    states: Array = field(repr=False)

    @cached_property
    def units(self) -> tuple[str, ...]:
        """What each number of the state is called: `c[7] gender`."""
        passed, names = self.question.passed, self.question.names
        told = []
        for value, place in self.found.map.places.items():
            for unit in range(place.stop - place.start):
                name = names.name(passed.name, unit)
                told.append(f"{letter(value)}[{passed.entry_of(value, unit)}] {name}".rstrip())
        return tuple(told)

    def moves(self, direction: SlowDirection) -> Array:
        """Return how far each token near moves the state along a direction, (S,)."""
        return direction.along(np.diff(self.states, axis=0))

    def stands(self, point: FixedPoint, direction: SlowDirection) -> Array:
        """Return how far from a point the state is along a direction, behind each token near, (S,)."""
        return direction.along(self.states[1:] - point.state)

    def most_of(self, direction: SlowDirection) -> str:
        """Return the units that a direction is most in, with their parts of it."""
        sizes = np.abs(direction.vector)
        best = [n for n in np.argsort(-sizes, kind="stable")[:_MOST_UNITS] if sizes[n] >= _LEAST_PART]
        part = sizes if direction.turns else np.real(direction.vector)
        return ", ".join(f"{self.units[n]} {compact(float(part[n]), 6, True)}" for n in best) or "many units"

    def cells(self, point: FixedPoint, direction: SlowDirection) -> tuple[str, ...]:
        """Return a direction in the columns of `HEADS`."""
        return (
            direction.kind,
            sentence(direction.size, 3),
            time_words(direction),
            "" if direction.period is None else tokens_of(direction.period),
            _known(self.found.kick(direction)),
            _known(self.found.stands(point, direction)),
            self.most_of(direction),
        )


def _known(number: float) -> str:
    return sentence(number, 3) if np.isfinite(number) else "not known"


def tokens_of(number: float) -> str:
    """Return a time in tokens: `1 token`, `27.1 tokens`."""
    text = sentence(number, 3)
    return f"{text} token" if text == "1" else f"{text} tokens"


def time_words(direction: SlowDirection) -> str:
    """Return how long a change along a direction is kept."""
    tokens = direction.time_constant
    if np.isnan(tokens):
        return "not known"
    return "for ever" if np.isinf(tokens) else tokens_of(tokens)


def kind_words(point: FixedPoint) -> str:
    """Return what a point is: `stable`, `saddle, 2 directions grow`."""
    if not point.fixed:
        return "slow point"
    grow = f"{count_of(point.growing, 'direction')} grow{'s' * (point.growing == 1)}"
    hold = f"{count_of(point.holding, 'direction')} hold{'s' * (point.holding == 1)}"
    told = {"saddle": f"saddle: {grow}", "marginal": f"marginal: {hold}", "unstable": "unstable: every direction grows"}
    return told.get(point.kind, point.kind)


def point_words(answer: Dynamics, number: int) -> str:
    """Return a point in one line: what it is, how long it keeps, how it was found, how far it is."""
    point, found = answer.found.points[number], answer.found
    far = sentence(float(np.linalg.norm(found.after - point.state)), 3)
    line = "" if point.line is None else f", {_joined(found, point.line)} {point.line + 1} of fixed points"
    moves = f", moves by {sentence(point.speed, 2)} a token" if not point.fixed else ""
    came = f"{count_of(point.starts, 'start')} came to it"
    return f"point {number + 1}: {kind_words(point)}{line}{moves}; {far} from the state here; {came}"


def _joined(found: FixedPoints, number: int) -> str:
    """Return how points that are joined are called: a line only where a single direction holds in each of them."""
    holding = [one.holding for one in found.fixed if one.line == number]
    return "on line" if max(holding, default=0) <= 1 else "in connected set"


def _most_held(found: FixedPoints) -> int:
    return max((one.holding for one in found.fixed if one.line is not None), default=0)


def head_words(answer: Dynamics) -> str:
    """Return what was asked, and how many points were found from how many starts."""
    question, found = answer.question, answer.found
    values = ", ".join(map(letter, found.map.places))
    slow = f" and {count_of(len(found.slow), 'slow point')}" if found.slow else ""
    return (
        f"{question.pass_name} while {question.token} is read again and again: found "
        f"{count_of(len(found.fixed), 'fixed point')}{slow} from {count_of(found.starts.count, 'start')} in "
        f"{count_of(found.map.width, 'number')} ({values}); there may be more"
    )


def memory_words(answer: Dynamics) -> Iterator[str]:
    """Yield what kind of memory that is, a sentence each, as far as what was found says."""
    found = answer.found
    if answer.question.passed.resets.at(answer.question.t):
        yield "the states are set back before this token, and so before each of its readings: no state is kept by it"
    stable = [one for one in found.fixed if one.kind == "stable"]
    free = [one for one in stable if one.line is None]
    if not found.fixed:
        yield (
            f"no fixed point was found: the slowest state that the search came to moves by "
            f"{sentence(found.least_speed, 2)} a token, where a token of this run moves the state by "
            f"{sentence(found.pace, 2)}"
        )
    if found.lines:
        on = sum(one.line is not None for one in found.fixed)
        if all(_joined(found, number) == "on line" for number in range(found.lines)):
            lines = "one line" if found.lines == 1 else count_of(found.lines, "line")
            yield f"{on} of them are on {lines} of fixed points: what lies along it is kept while this token is read"
        else:
            sets = "one connected set" if found.lines == 1 else count_of(found.lines, "connected set")
            yield (
                f"{on} of them are in {sets} of fixed points, where up to {count_of(_most_held(found), 'direction')} "
                "hold: what lies along it is kept while this token is read"
            )
    if len(found.fixed) > _MOST_POINTS and not found.lines:
        yield f"by how many directions grow: {_by_growing(found)}"
    if len(free) > 1:
        yield f"a switch: {len(free)} stable points were found, and what was read before decides at which it ends"
    elif len(found.fixed) == 1 and stable and stable[0].directions:
        slowest = stable[0].directions[0]
        fades = (
            "what was before fades while this token is read" if found.settles is not None else "near it a change fades"
        )
        yield f"one stable point was found: {fades}, the slowest direction by a factor e in {time_words(slowest)}"
    if found.settles is not None:
        at = f"point {found.settles + 1}"
        yield (
            f"the state here is at {at} already" if found.tokens == 0
            else f"from the state here it settles at {at} after {count_of(found.tokens, 'token')}"
        )  # fmt: skip
    elif found.tokens < SETTLING:
        yield f"from the state here it is no longer finite after {count_of(found.tokens, 'token')}"
    else:
        where = "at none of them" if found.fixed else "nowhere"
        yield f"from the state here it has settled {where} after {SETTLING} tokens: {_drift_words(answer)}"
    if found.map.has_clock:
        yield "this cell counts its steps: the number of this step is held as well as its input"


def _drift_words(answer: Dynamics) -> str:
    """Return how a state that has settled nowhere still moves: by how much, and the number that moves most."""
    found = answer.found
    number = int(np.argmax(np.abs(found.move)))
    began, came, move = (float(one[number]) for one in (found.after, found.came, found.move))
    return (
        f"it still moves by {sentence(float(np.linalg.norm(found.move)), 2)} a token, most in {answer.units[number]} "
        f"({sentence(move, 2, sign=True)}), which has gone from {sentence(began, 3)} to {sentence(came, 4)}"
    )


def _by_growing(found: FixedPoints) -> str:
    """Return how many fixed points there are of each kind, by how many directions grow at them."""
    counts = Counter(one.growing for one in found.fixed if one.kind != "marginal")
    told = [f"{counts[0]} stable"] * bool(counts[0])
    told += [f"{counts[grow]} with {grow}" for grow in sorted(counts) if grow]
    marginal = len(found.fixed) - counts.total()
    return ", ".join([*told, f"{marginal} marginal"] if marginal else told)


def bound_words(answer: Dynamics) -> Iterator[str]:
    """Yield what the words mean, with every bound."""
    starts = answer.found.starts
    yield (
        f"fixed point: |F(s) − s| ≤ {sentence(FIXED)} · (1 + |s|); slow point: where it is less than "
        f"anywhere near, at most {sentence(SLOW)} of the {sentence(answer.found.pace, 3)} that a token moves the state "
        f"by; two are one within {sentence(ALIKE)}"
    )
    yield (
        f"holds: |λ| within {sentence(BAND)} of 1; fades below, grows above; time constant: tokens until a change is "
        "1/e of itself, or e times itself; moved by: how far this token moves the state along the direction; stands "
        "at: how far from the point it is then"
    )
    yield (
        f"starts: {starts.followed} followed for a while, {starts.visited} states of this run, {starts.shaken} with "
        f"random numbers added, {starts.anywhere} anywhere between them, {starts.between} between points found, "
        f"{starts.off} along what grows at them; {starts.nothing} came to nothing"
    )


def dynamics_words(answer: Dynamics) -> Iterator[str]:
    """Yield the whole answer as text."""
    yield head_words(answer)
    yield from (f"  {line}" for line in memory_words(answer))
    points = answer.found.points
    for number, point in enumerate(points[:_MOST_POINTS]):
        yield point_words(answer, number)
        yield from (f"  {line}" for line in _aligned([HEADS, *(answer.cells(point, one) for one in point.directions)]))
    if len(points) > _MOST_POINTS:
        yield f"and {len(points) - _MOST_POINTS} more, further from the state here"
    yield from bound_words(answer)


def dynamics_content(answer: Dynamics) -> dict[str, Any]:
    """Return the whole answer as names and numbers: every point, not the nearest alone; what is not known is None."""
    found, question = answer.found, answer.question
    return {
        "pass": question.pass_name,
        "t": question.t,
        "token": question.trace.sequence.tokens[question.t],
        "numbers": list(answer.units),
        "starts": found.starts.count,
        "starts_came_to_nothing": found.starts.nothing,
        "settles_at": found.settles,
        "settles_after": found.tokens if found.settles is not None else None,
        "least_speed": _finite(found.least_speed),
        "lines": found.lines,
        "points": [
            {
                "kind": one.kind, "fixed": one.fixed, "speed": _finite(one.speed), "growing": one.growing,
                "holding": one.holding, "line": one.line, "starts": one.starts, "state": list(map(_finite, one.state)),
                "eigenvalues": [_pair(value) for value in one.eigenvalues],
                "directions": [_direction(answer, one, direction) for direction in one.directions],
            }
            for one in found.points
        ],
    }  # fmt: skip


def _direction(answer: Dynamics, point: FixedPoint, direction: SlowDirection) -> dict[str, Any]:
    return {
        "kind": direction.kind, "eigenvalue": _pair(direction.value), "time_constant": _finite(direction.time_constant),
        "period": direction.period, "moved_by": _finite(answer.found.kick(direction)),
        "stands_at": _finite(answer.found.stands(point, direction)), "vector": [_pair(one) for one in direction.vector],
    }  # fmt: skip


def _pair(value: complex) -> list[float | None]:
    return [_finite(float(np.real(value))), _finite(float(np.imag(value)))]


def _finite(number: float) -> float | None:
    """Return a number, or None where it is infinite or none: a constant that lasts for ever has no number."""
    return float(number) if np.isfinite(number) else None


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows of cells under each other."""
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
