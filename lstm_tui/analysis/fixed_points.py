"""What kind of memory a step is: where the state stays as it is while one token is read again and again.

With the input held the step is a map F of the state to itself. A fixed point is a state s with F(s) = s. Near it the
eigenvalues λ of the Jacobian say what a small change becomes: it fades or grows by |λ| a token, and turns where λ is
complex. A direction with |λ| near 1 is a memory; along a line of fixed points it is kept for ever.

Points are searched for from many states, by making |F(s) − s| smaller (Levenberg and Marquardt: a step of Newton where
that is well behaved, downhill where not). From what is found it is searched on: from the middles between points, and
along what grows at them. What is found depends on where the search begins, so it is never said to be all there are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from lstm_tui.analysis.step_map import StepMap, states_at
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.trace import PassTrace

FIXED = 1e-9
"""|F(s) − s| of a fixed point is at most this times 1 + |s|, in float64."""
SLOW = 0.01
"""|F(s) − s| of a slow point is at most this part of what a token moves the state by in this run, and least there."""
ALIKE = 1e-4
"""Two points are one where no number of them differs by more than this times 1 + the largest of them."""
BAND = 0.01
"""A direction neither fades nor grows where |λ| is within this of 1: it takes a hundred tokens or more to change."""
MOST_NUMBERS = 512
"""Numbers in a state above which there is no search: every Jacobian is taken whole."""
SETTLING = 1000
"""Tokens for which the state at hand is followed."""
FOLLOWED = 200
"""Tokens for which some starts are followed first: so they come near to what draws them."""
FEWEST_STARTS, MOST_STARTS = 12, 256
ROUNDS = 40
"""Steps of the search from each start at most."""

_MILLISECONDS = 4000.0
"""What a search may take about, by the next."""
_JACOBIAN = 1.7e-5
"""Milliseconds that a Jacobian takes for each of its numbers and of the slots of its step, as measured."""
_BEYOND_CACHE = 80
"""Numbers of a state at which they take twice as long."""
_USUAL_ROUNDS = 20
_FURTHER = 4
"""How often it is searched on from the points that were found."""
_OFF = 0.01
"""How far off a point a state begins that is followed away from it, for each of 1 + the largest of its numbers."""
_LEAST = 1e-3
"""|(J − 1)ᵀ r| at most this times |r|: next to it |F(s) − s| is not smaller to first order."""
_IMMENSE = 1e8
_DRIFT = 0.01
"""On the way from one point to its neighbour on a line the state moves by at most this part of the way, each token."""

Stop = Callable[[], bool]
Found = TypeVar("Found")
Search = Generator[tuple[int, int], None, Found]
"""A search that tells on the way how many starts are done, and of how many, and returns what it found."""


@dataclass(frozen=True, eq=False)
class SlowDirection:
    """One direction in which a small change of the state at a point goes on, or a plane in which it turns.

    Attributes:
        value: The eigenvalue λ; of a plane that whose imaginary part is positive.
        vector: Which change of the state it is, of length 1, (n,); complex of a plane.
        covector: What reads it off a change of the state, (n,); NaN where the Jacobian has too few eigenvectors.
    """

    value: complex
    vector: Array
    covector: Array

    @property
    def size(self) -> float:
        """|λ|: what a change is scaled by at every token."""
        return float(abs(self.value))

    @property
    def turns(self) -> bool:
        """Whether it is a plane in which a change turns."""
        return self.value.imag != 0

    @property
    def time_constant(self) -> float:
        """Tokens until a change is 1/e of itself, or e times itself where it grows; infinite where |λ| is 1."""
        size = self.size
        if not np.isfinite(size):
            return float("nan")
        if size == 0:
            return 0.0
        return float("inf") if size == 1 else float(abs(1 / np.log(size)))

    @property
    def period(self) -> float | None:
        """Tokens until a change points the same way again; None where it never turns."""
        if self.value.imag == 0:
            return 2.0 if self.value.real < 0 else None
        return float(2 * np.pi / abs(np.angle(self.value)))

    @property
    def kind(self) -> str:
        """What becomes of a change: `fades`, `holds` (|λ| within `BAND` of 1) or `grows`; `not known` of NaN."""
        if not np.isfinite(self.size):
            return "not known"
        return "fades" if self.size < 1 - BAND else "grows" if self.size > 1 + BAND else "holds"

    def along(self, changes: Array) -> Array:
        """Return how far some changes of the state go along it, (S,) from (S, n): signed; of a plane the size."""
        with np.errstate(all="ignore"):
            parts = changes @ self.covector
            return np.asarray(2 * np.abs(parts) if self.turns else np.real(parts))


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A state that stays as it is, or nearly so, while the input is held.

    Attributes:
        state: The state, (n,).
        speed: |F(s) − s|: how far it moves in one token.
        fixed: Whether it is a fixed point; else a slow point.
        eigenvalues: Of the Jacobian there, (n,), the largest first; of a slow point they say less.
        directions: Those of them that fade the slowest or grow, the largest first, planes once.
        starts: How many starts came to it.
        line: The number of the line of fixed points that it is on, from 0; None where it is on none.
    """

    state: Array
    speed: float
    fixed: bool
    eigenvalues: Array
    directions: tuple[SlowDirection, ...]
    starts: int
    line: int | None = None

    @cached_property
    def growing(self) -> int:
        """How many directions grow: |λ| above 1 by more than the band."""
        return int((np.abs(self.eigenvalues) > 1 + BAND).sum())

    @cached_property
    def holding(self) -> int:
        """How many directions hold: |λ| within the band of 1."""
        return int((np.abs(np.abs(self.eigenvalues) - 1) <= BAND).sum())

    @property
    def kind(self) -> str:
        """What it is by its eigenvalues: `stable`, `marginal`, `saddle`, `unstable`; `not known` of NaN.

        Stable where every direction fades, marginal where some hold and none grows, unstable where all grow.
        """
        if not np.isfinite(self.eigenvalues).all():
            return "not known"
        if not self.growing:
            return "marginal" if self.holding else "stable"
        return "unstable" if self.growing == len(self.eigenvalues) else "saddle"


@dataclass(frozen=True)
class Starts:
    """Where a search began.

    Attributes:
        followed: States of the run and others, followed for some tokens first, each where it came to.
        visited: States of the run.
        shaken: Those with random numbers added.
        anywhere: Random states between the least and the largest number of each.
        between: Middles between points that were found.
        off: States a little off a point that was found, along a direction that grows, followed where they go.
        nothing: How many starts came to no point.
    """

    followed: int
    visited: int
    shaken: int
    anywhere: int
    between: int = 0
    nothing: int = 0
    off: int = 0

    @property
    def count(self) -> int:
        """How many in all."""
        return self.followed + self.visited + self.shaken + self.anywhere + self.between + self.off


@dataclass(frozen=True, eq=False)
class FixedPoints:
    """What was found of one step.

    Attributes:
        map: The step, its input held.
        here: The state before the token, (n,).
        after: The state behind it, (n,).
        pace: By how much a token of this run moves the state, the median of |s − s before|.
        points: What was found, the nearest to the state behind the token first.
        starts: Where the search began.
        settles: The number of the point to which the state behind the token goes if the token is read on and on, as far
            as it was followed; None where it is at none by then.
        tokens: How many tokens it was followed for; until it is at that point.
        lines: How many lines of fixed points there are among them.
        slowest: The state that moves least in a token, (n,), of all at which a search ended or the state behind the
            token came to; others may be slower.
        came: The state behind the token when it was read on for so many tokens, (n,).
        move: By how much one more moves it, (n,).
    """

    map: StepMap
    here: Array
    after: Array
    pace: float
    points: tuple[FixedPoint, ...]
    starts: Starts
    settles: int | None
    tokens: int
    lines: int
    slowest: Array
    came: Array
    move: Array

    @property
    def least_speed(self) -> float:
        """|F(s) − s| at the slowest state."""
        return float(np.linalg.norm(self.map.step(self.slowest[None])[0] - self.slowest))

    @property
    def fixed(self) -> tuple[FixedPoint, ...]:
        """The fixed points."""
        return tuple(one for one in self.points if one.fixed)

    @property
    def slow(self) -> tuple[FixedPoint, ...]:
        """The slow points."""
        return tuple(one for one in self.points if not one.fixed)

    def kick(self, direction: SlowDirection) -> float:
        """Return how far the token moves the state along a direction."""
        return float(direction.along((self.after - self.here)[None])[0])

    def stands(self, point: FixedPoint, direction: SlowDirection) -> float:
        """Return how far behind the token the state is from a point along a direction."""
        return float(direction.along((self.after - point.state)[None])[0])


def starts_for(map: StepMap) -> int:
    """Return how many starts a search takes, as many as take some seconds."""
    each = map.width * map.program.width * _JACOBIAN * (1 + map.width / _BEYOND_CACHE)
    return int(np.clip(_MILLISECONDS / (each * _USUAL_ROUNDS), FEWEST_STARTS, MOST_STARTS))


def check_size(numbers: int, name: str) -> None:
    """Refuse a state in which there is no search.

    Raises:
        UserError: It has more numbers than `MOST_NUMBERS`.
    """
    if numbers > MOST_NUMBERS:
        raise UserError(
            f"{name} carries {count_of(numbers, 'number')} from step to step: fixed points are searched for in at most "
            f"{MOST_NUMBERS}"
        )


def fixed_points(passed: PassTrace, map: StepMap, t: int) -> FixedPoints:
    """Return the fixed points of the step at place `t` of the tape, as far as a search comes to them.

    Raises:
        UserError: As `search_fixed_points`.
    """
    going = search_fixed_points(passed, map, t)
    while True:
        try:
            next(going)
        except StopIteration as end:
            found: FixedPoints = end.value
            return found


def search_fixed_points(passed: PassTrace, map: StepMap, t: int, stop: Stop | None = None) -> Search[FixedPoints]:
    """Search for the fixed points of the step at place `t` of the tape; yield the starts done and their number.

    Args:
        passed: The pass.
        map: Its step there.
        t: The place.
        stop: Asked now and then; when it says yes nothing is returned but the error.

    Raises:
        UserError: The state has too many numbers, the state here is not finite, or it was stopped.
    """
    check_size(map.width, passed.name)
    step = passed.reading_step(t)
    here = states_at(passed, map.places, range(step, step + 1))
    after = map.step(here)[0]
    if not np.isfinite(after).all():
        raise UserError(f"the state of {passed.name} at t={t} is not finite: `who nan` tells where that began")
    first, starts, pace = _starts(passed, map, here[0], after)
    gathered = _Gathered(map, SLOW * pace, stop)
    if stop is not None and stop():
        raise UserError("stopped")
    most = len(first)  # from what was found
    total = len(first) + most
    yield 0, total  # before the first part, which takes long on a busy machine
    for done in gathered.begin(first):
        yield done, total
    off = between = 0
    for _ in range(_FURTHER):
        before, left = gathered.count, most - off - between
        saddles = gathered.off_saddles(left // 2)
        for done in gathered.begin(saddles):
            yield len(first) + off + between + done, total
        off += len(saddles)
        middles = gathered.middles(left - len(saddles))
        for done in gathered.begin(middles):
            yield len(first) + off + between + done, total
        between += len(middles)
        if gathered.count == before or off + between >= most:
            break
    found = sorted(gathered.points(), key=lambda one: float(np.linalg.norm(one.state - after)))
    points, lines = _on_lines(map, found)
    settles, tokens, came, move = _settles(map, after, points, stop)
    told = replace(starts, between=between, nothing=gathered.nothing, off=off)
    slowest = gathered.slowest
    if slowest is None or np.linalg.norm(move) < gathered.least:
        slowest = came
    return FixedPoints(map, here[0], after, pace, points, told, settles, tokens, lines, slowest, came, move)


def _starts(passed: PassTrace, map: StepMap, here: Array, after: Array) -> tuple[Array, Starts, float]:
    """Return where the search begins, (S, n), and by how much a token moves the state in this run, its median."""
    count = starts_for(map)
    numbers = sorted({int(number) for number in np.linspace(0, passed.steps - 1, min(count, passed.steps))})
    visited = np.array([states_at(passed, map.places, range(number, number + 1))[0] for number in numbers])
    visited = np.concatenate([here[None], after[None], visited])
    visited = visited[np.isfinite(visited).all(axis=1)]
    pace = float(np.median(np.linalg.norm(np.diff(visited[1:], axis=0), axis=1))) if len(visited) > 2 else 0.0
    pace = pace or float(np.linalg.norm(after - here))
    random = np.random.default_rng(0)
    spread = np.maximum(visited.std(axis=0), 0.1)
    low, high = visited.min(axis=0) - spread, visited.max(axis=0) + spread

    def shaken(size: int) -> Array:
        chosen = visited[random.integers(len(visited), size=size)]
        return np.asarray(chosen + random.normal(size=chosen.shape) * spread)

    def anywhere(size: int) -> Array:
        return np.asarray(low + (high - low) * random.random((size, map.width)))

    quarter = count // 4
    followed = np.concatenate([visited[: max(quarter, 2)], shaken(quarter), anywhere(quarter)])
    for _ in range(FOLLOWED):
        followed = map.step(followed)
    followed = apart(followed[np.isfinite(followed).all(axis=1)])
    left = max(count - len(followed), quarter)
    kept = visited[: max(left // 3, 2)]
    parts = [followed, kept, shaken((left - len(kept)) // 2)]
    parts.append(anywhere(max(left - len(kept) - len(parts[2]), 0)))
    return np.concatenate(parts), Starts(*(len(part) for part in parts)), pace


def apart(states: Array) -> Array:
    """Return some states without those that are one with another before them, as `ALIKE` says."""
    kept: list[Array] = []
    for state in states:
        if not any(_alike(one, state) for one in kept):
            kept.append(state)
    return np.array(kept).reshape(-1, states.shape[1])


def _alike(one: Array, other: Array) -> bool:
    return bool(np.abs(one - other).max() <= ALIKE * (1 + np.abs(one).max()))


class _Gathered:
    """Makes |F(s) − s| smaller from many states, and gathers what it comes to."""

    def __init__(self, map: StepMap, slow: float, stop: Stop | None) -> None:
        self._map, self._slow, self._stop = map, slow, stop
        self._states: list[Array] = []
        self._speeds: list[float] = []
        self._fixed: list[bool] = []
        self._count: list[int] = []
        self._left = 0  # points whose growing directions were gone along
        self._paired: set[tuple[int, int]] = set()
        self.nothing = 0
        self.slowest: Array | None = None
        self.least = np.inf

    @property
    def count(self) -> int:
        """How many points were found."""
        return len(self._states)

    def begin(self, starts: Array) -> Iterator[int]:
        """Search from some states, (S, n); yield how many of them are done."""
        size = max(1, min(len(starts), (4 << 20) // (8 * self._map.width**2)))
        for first in range(0, len(starts), size):
            some = starts[first : first + size]
            states, speeds, least = self._down(some)
            for state, speed, at_least in zip(states, speeds, least, strict=True):
                self._gather(state, float(speed), bool(at_least))
            yield first + len(some)

    def _down(self, starts: Array) -> tuple[Array, Array, Array]:
        """Return where each search ends, (S, n), |F(s) − s| there, and whether it is least there."""
        map, n = self._map, self._map.width
        states = np.array(starts)
        speeds, least = np.full(len(states), np.inf), np.zeros(len(states), dtype=np.bool_)
        damping = np.full(len(states), 1e-2)
        left = np.arange(len(states))
        rest = map.step(states) - states
        speeds[:] = np.linalg.norm(rest, axis=1)
        left = left[np.isfinite(speeds[left])]
        stale, slopes = np.ones(len(states), dtype=np.bool_), np.zeros((len(states), n, n))
        for _ in range(ROUNDS):
            if self._stop is not None and self._stop():
                raise UserError("stopped")
            if not len(left):
                break
            again = left[stale[left]]
            if len(again):
                slopes[again] = map.jacobians(states[again]) - np.eye(n)
                stale[again] = False
            good = np.isfinite(slopes[left]).all(axis=(1, 2))
            left = left[good]
            if not len(left):
                break
            a, r = slopes[left], rest[left]
            across = a.transpose(0, 2, 1)
            downhill = (across @ r[..., None])[..., 0]
            least[left] = np.linalg.norm(downhill, axis=1) <= _LEAST * speeds[left]
            normal = across @ a
            size = np.maximum(np.trace(normal, axis1=1, axis2=2) / n, 1e-12)
            normal[:, np.arange(n), np.arange(n)] += (damping[left] * size)[:, None]
            by = _solved(normal, -downhill)
            tried = states[left] + by
            behind = map.step(tried) - tried
            speed = np.linalg.norm(behind, axis=1)
            better = speed < speeds[left]
            won = left[better]
            states[won], rest[won], speeds[won] = tried[better], behind[better], speed[better]
            stale[won] = True
            damping[won] = np.maximum(damping[won] * 0.1, 1e-15)
            damping[left[~better]] *= 10
            done = self._is_fixed(states[left], speeds[left]) | (damping[left] > 1e8)
            left = left[~done]
        return states, speeds, least

    @staticmethod
    def _is_fixed(states: Array, speeds: Array) -> Array:
        """Say of some states, (S, n), whether they are fixed points, (S,)."""
        return np.asarray(speeds <= FIXED * (1 + np.linalg.norm(states, axis=1)))

    def _gather(self, state: Array, speed: float, least: bool) -> None:
        """Take in where a search ended, unless it is nothing or was found before."""
        if speed < self.least:
            self.slowest, self.least = state, speed
        fixed = np.isfinite(speed) and bool(self._is_fixed(state[None], np.array([speed]))[0])
        slow = np.isfinite(speed) and least and speed <= self._slow
        if not fixed and not slow:
            self.nothing += 1
            return
        for number, known in enumerate(self._states):
            if _alike(known, state):
                self._count[number] += 1
                if speed < self._speeds[number]:
                    self._states[number], self._speeds[number] = state, speed
                    self._fixed[number] = self._fixed[number] or fixed
                return
        self._states.append(state)
        self._speeds.append(speed)
        self._fixed.append(fixed)
        self._count.append(1)

    def off_saddles(self, most: int) -> Array:
        """Return where states a little off the points found go, (S, n), both ways along what grows; each point once.

        What draws the state on either side of a saddle is found so, however little of the space is drawn there.
        """
        begun: list[Array] = []
        while self._left < self.count and len(begun) < most:
            state, number = self._states[self._left], self._left
            self._left += 1
            if not self._fixed[number]:
                continue
            for direction in directions_of(self._map.jacobians(state[None])[0])[1]:
                if direction.kind == "grows":
                    parts = (direction.vector.real, direction.vector.imag) if direction.turns else (direction.vector,)
                    by = _OFF * (1 + np.abs(state).max())
                    begun += [state + sign * by * np.real(part) for part in parts for sign in (1, -1)]
        states = np.array(begun[:most]).reshape(-1, self._map.width)
        for _ in range(FOLLOWED if len(states) else 0):
            states = self._map.step(states)
        return apart(states[np.isfinite(states).all(axis=1)])

    def middles(self, most: int) -> Array:
        """Return the middles between points that were found, (S, n), the nearest first; each pair once."""
        known = np.array(self._states).reshape(-1, self._map.width)
        a, b = np.triu_indices(self.count, 1)
        fresh = np.array(
            [pair not in self._paired for pair in zip(a.tolist(), b.tolist(), strict=True)], dtype=np.bool_
        )
        a, b = a[fresh], b[fresh]
        squares = np.square(known).sum(axis=1)
        far = (squares[:, None] + squares - 2 * known @ known.T)[a, b]
        near = np.argsort(far, kind="stable")[:most]
        self._paired.update(zip(a[near].tolist(), b[near].tolist(), strict=True))
        return np.asarray((known[a[near]] + known[b[near]]) / 2)

    def points(self) -> list[FixedPoint]:
        """Return what was found, each with its eigenvalues."""
        found = []
        for state, speed, fixed, count in zip(self._states, self._speeds, self._fixed, self._count, strict=True):
            if self._stop is not None and self._stop():
                raise UserError("stopped")
            values, directions = directions_of(self._map.jacobians(state[None])[0])
            found.append(FixedPoint(state, speed, fixed, values, directions, count))
        return found


def _solved(matrices: Array, right: Array) -> Array:
    """Return x of each matrix x = right, (S, n); where some matrix is singular, the shortest of all."""
    try:
        return np.asarray(np.linalg.solve(matrices, right[..., None])[..., 0])
    except np.linalg.LinAlgError:
        return np.asarray((np.linalg.pinv(matrices, hermitian=True) @ right[..., None])[..., 0])


MOST_DIRECTIONS = 8
"""Directions of a point that are told, the slowest first."""


def directions_of(jacobian: Array, most: int = MOST_DIRECTIONS) -> tuple[Array, tuple[SlowDirection, ...]]:
    """Return the eigenvalues of a Jacobian (n, n), the largest first, and the directions of the first of them."""
    n = len(jacobian)
    if not np.isfinite(jacobian).all():
        return np.full(n, np.nan + 0j), ()
    values, vectors = np.linalg.eig(jacobian)
    order = np.argsort(-np.abs(values), kind="stable")
    values, vectors = values[order].astype(np.complex128), vectors[:, order]
    covectors = _read_off(jacobian, values, vectors)
    kept = [number for number in range(n) if values[number].imag >= 0][:most]
    return values, tuple(
        SlowDirection(complex(values[number]), _real(values[number], vectors[:, number]),
                      _real(values[number], covectors[number]))
        for number in kept
    )  # fmt: skip


def _read_off(jacobian: Array, values: Array, vectors: Array) -> Array:
    """Return the row that reads each direction off a change of the state, (n, n); NaN where there is none.

    Where directions fall together there is none: the row that is computed is no eigenvector, or immense.
    """
    try:
        covectors = np.linalg.inv(vectors).astype(np.complex128)
    except np.linalg.LinAlgError:
        return np.full(vectors.shape, np.nan + 0j)
    sizes = np.linalg.norm(covectors, axis=1)
    off = np.linalg.norm(covectors @ jacobian - values[:, None] * covectors, axis=1)
    covectors[(sizes > _IMMENSE) | (off > 1e-6 * sizes * (1 + np.abs(values[0])))] = np.nan
    return covectors


def _real(value: complex, vector: Array) -> Array:
    return np.array(vector if value.imag else np.real(vector))


def _on_lines(map: StepMap, points: Sequence[FixedPoint]) -> tuple[tuple[FixedPoint, ...], int]:
    """Return the points with the lines of fixed points that they are on, and how many lines there are.

    Two neighbours in which a direction holds are on one line where the state half-way between them moves, each token,
    by at most a hundredth of their distance.
    """
    held = [number for number, one in enumerate(points) if one.fixed and one.holding]
    line = {number: number for number in held}
    for number, other in _neighbours([points[number].state for number in held]):
        one, two = points[held[number]].state, points[held[other]].state
        middle = ((one + two) / 2)[None]
        if float(np.linalg.norm(map.step(middle) - middle)) <= _DRIFT * float(np.linalg.norm(one - two)):
            old, new = line[held[number]], line[held[other]]
            line = {point: new if root == old else root for point, root in line.items()}
    members = {root: [number for number in held if line[number] == root] for root in set(line.values())}
    roots = sorted(root for root, numbers in members.items() if len(numbers) > 1)
    found = []
    for number, point in enumerate(points):
        at = roots.index(line[number]) if line.get(number) in roots else None
        found.append(replace(point, line=at))
    return tuple(found), len(roots)


def _neighbours(states: Sequence[Array]) -> Iterator[tuple[int, int]]:
    """Yield the pairs that join all states by the shortest ways there are: a tree."""
    if not states:
        return
    all_states = np.array(states)
    nearest = np.zeros(len(states), dtype=np.int64)
    distance = np.linalg.norm(all_states - all_states[0], axis=1)
    distance[0] = np.inf
    left = set(range(1, len(states)))
    while left:
        number = min(left, key=lambda one: float(distance[one]))
        left.remove(number)
        yield number, int(nearest[number])
        gap = np.linalg.norm(all_states - all_states[number], axis=1)
        closer = gap < distance
        nearest[closer], distance[closer] = number, gap[closer]


def _settles(
    map: StepMap, state: Array, points: Sequence[FixedPoint], stop: Stop | None
) -> tuple[int | None, int, Array, Array]:
    """Return the point at which a state is if the token is read on and on, and for how many tokens it was followed.

    Behind them stand the state that it is then, (n,), and by how much one more token moves it, (n,).
    """
    near = 1e-3
    known = np.array([one.state for one in points if one.fixed])
    numbers = [number for number, one in enumerate(points) if one.fixed]
    for token in range(SETTLING + 1):
        if len(known):
            gap = np.abs(known - state).max(axis=1) / (1 + np.abs(known).max(axis=1))
            at = int(gap.argmin())
            if gap[at] <= near and points[numbers[at]].kind in ("stable", "marginal"):
                return numbers[at], token, state, map.step(state[None])[0] - state
        if token % 64 == 0 and stop is not None and stop():
            raise UserError("stopped")
        before, state = state, map.step(state[None])[0]
        if not np.isfinite(state).all():
            return None, token, before, state - before
    return None, SETTLING, before, state - before
