"""A run that is held in windows: its states every some steps, and of all else what was looked at last.

The states before a window, its inputs and the equations give every value in it again, with the same bits. So a run of
any length takes the memory of its states at the windows' edges, and a bounded room for the windows themselves. A pass
that reads backward is held in the same way, from its own first step on, at the end of the tape.

Nothing is computed before it is looked at. To look at a window whose state is not known yet takes the steps that lead
to it; `finish` takes all of them, as a thread does beside a screen.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import partial
from typing import Any
from weakref import ref

import numpy as np

from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.compiler.ops import StepsOp
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.runtime.blas import one_thread
from lstm_tui.engine.runtime.blocked_product import BLOCK
from lstm_tui.engine.runtime.interpreters import interpreter
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.readout_series import Evaluated, evaluate_part, steps_needed
from lstm_tui.engine.runtime.side_by_side import seconds_of, side_by_side, threads_for
from lstm_tui.engine.runtime.storage import Stored, prepare
from lstm_tui.engine.runtime.windowed_series import (
    PendingValue,
    WindowedSeries,
    as_array,
    joined,
    rows_of,
    waits_for_nothing,
)

WINDOW_BYTES = 2**20
"""Bytes of values that a window is to have: it is computed again in a millisecond or two."""
_MOST_STEPS = 64 * BLOCK
_OF_ONE_TOKEN = ("first", "last")
"""Ops over the steps that read one token."""
_SPAN_BYTES = 4 * 2**20
"""Bytes of values that are computed together on the way to a window."""


def window_steps(token_bytes: int) -> int:
    """Return how many steps a window has, where one takes so many bytes: a multiple of those of a block."""
    return min(max(WINDOW_BYTES // max(token_bytes, 1) // BLOCK * BLOCK, BLOCK), _MOST_STEPS)


class WindowRoom:
    """Room for the windows that were looked at last, of all passes of a run."""

    def __init__(self, most_bytes: int) -> None:
        """Hold nothing.

        Args:
            most_bytes: The room there is; the window looked at last is held even where it is larger.
        """
        self._most, self.used = most_bytes, 0
        self._held: OrderedDict[tuple[int, int], tuple[Mapping[str, Array], int]] = OrderedDict()
        self._turn = threading.Lock()

    def get(self, owner: object, number: int) -> Mapping[str, Array] | None:
        """Return a window of a pass, if it is held."""
        key = (id(owner), number)
        with self._turn:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, owner: object, number: int, values: Mapping[str, Array]) -> None:
        """Hold a window of a pass, and let go those that were not looked at for the longest time."""
        size = sum(one.nbytes for one in values.values())
        key = (id(owner), number)
        with self._turn:
            self.used += size - self._held.pop(key, ({}, 0))[1]
            self._held[key] = values, size
            while self.used > self._most and len(self._held) > 1:
                _, (_, gone) = self._held.popitem(last=False)
                self.used -= gone

    def clear(self) -> None:
        """Let every window go."""
        with self._turn:
            self._held.clear()
            self.used = 0


class PassWindows:
    """One pass of a run in windows, in its own reading order.

    Attributes:
        steps: Steps of the pass, T.
        size: Steps of a window.
        taken: How many steps have been taken on the way, each once, here or in a run that begins alike.
    """

    def __init__(
        self,
        program: Program,
        flat: Array,
        inputs: Mapping[str, Array],
        initial: Mapping[str, Array],
        interpreter_name: str,
        room: WindowRoom,
        below: Sequence[tuple[PassWindows, bool]],
        unbounded: frozenset[str] = frozenset(),
    ) -> None:
        """Compute nothing yet.

        Args:
            program: What is run.
            flat: Its parameters.
            inputs: What it reads, (T, n) each: arrays or series.
            initial: Its states before the first step.
            interpreter_name: numpy or numba.
            room: Where windows are held.
            below: The passes whose values it reads, and whether each reads the other way.
            unbounded: Values whose largest size is wanted.
        """
        self.program, self.flat, self.inputs, self.initial = program, flat, inputs, initial
        self.interpreter, self.below = interpreter_name, tuple(below)
        self._room, self._unbounded = room, unbounded
        self.steps = len(inputs["x"])
        token = sum(slot.size for slot in program.values.values()) * flat.itemsize
        self.size = window_steps(token)
        self.count = -(-self.steps // self.size)
        self._span = max(_SPAN_BYTES // max(token * self.size, 1), 1)
        self._places: dict[str, slice] = {}
        width = 0
        for name, numbers in initial.items():
            self._places[name] = slice(width, width + len(numbers))
            width += len(numbers)
        self._width = width
        first = np.concatenate(list(initial.values())) if width else np.zeros(0, flat.dtype)
        self._states = [first]  # before each window, as far as known; nobody writes to them: runs share them
        self.taken = 0
        self._sizes = RunningExtremes(
            dict.fromkeys((*unbounded, "x"), 0.0), dict.fromkeys(initial, 0.0), dict.fromkeys(initial, 0.0), {}, {}
        )
        self._sizes_at: list[tuple[int, RunningExtremes]] = [(0, self._sizes)]
        self._like: tuple[Callable[[], PassWindows | None], int] = (lambda: None), 0
        self._turn = threading.RLock()

    @property
    def is_complete(self) -> bool:
        """Whether every step was taken once."""
        return self.taken >= self.steps

    @property
    def can_advance(self) -> bool:
        """Whether the next steps can be taken without taking any of the passes below."""
        return self._below_is_ready(self.taken, self._next_stop())

    def _next_stop(self, upto: int | None = None) -> int:
        """Return the step after the last that is taken next: the end of a window."""
        windows = self.taken // self.size + self._span
        if upto is not None:
            windows = min(windows, max(-(-upto // self.size), self.taken // self.size + 1))
        return min(windows * self.size, self.steps)

    def look(self, start: int, stop: int, seconds: float) -> float:
        """Take the steps that lead to some steps, and these, if that takes no longer than about so many seconds.

        Returns:
            How many of the seconds are left.
        """
        seconds -= seconds_of(self.program, max(stop - self.taken, 0), self.interpreter)
        while seconds > 0 and not self.is_ready(start, stop):
            end = self._next_stop(stop)
            if self.is_complete or not self._below_is_ready(self.taken, end):
                break
            self.advance(hold=end >= start, upto=stop)
        return seconds

    @property
    def nbytes(self) -> int:
        """Bytes of the states that are held."""
        return len(self._states) * self._width * self.flat.itemsize

    def state_before(self, step: int) -> Mapping[str, Array]:
        """Return every state as it was before a step, from 0."""
        number = step // self.size
        if step % self.size == 0 and step:
            if number < self.count:
                self._reach(number)
                return self._state(number)
            number -= 1
        if step == 0:
            return self.initial
        place = step - 1 - number * self.size
        return {name: self.window(number)[name][place] for name in self.initial}

    def _state(self, number: int) -> dict[str, Array]:
        return {name: self._states[number][place] for name, place in self._places.items()}

    def is_ready(self, start: int, stop: int) -> bool:
        """Say whether some steps can be looked at without taking any that lead to them."""
        if stop <= start or (self.is_complete and all(one.is_complete for one, _ in self.below)):
            return True
        last = (stop - 1) // self.size
        if last >= len(self._states):
            return False
        return self._below_is_ready(start // self.size * self.size, min((last + 1) * self.size, self.steps))

    def _below_is_ready(self, start: int, stop: int) -> bool:
        return all(
            one.is_ready(self.steps - stop, self.steps - start) if turned else one.is_ready(start, stop)
            for one, turned in self.below
        )

    def read(self, name: str, start: int, stop: int) -> Array:
        """Return a value at some steps, (stop - start, n); nobody writes to it."""
        waits = not waits_for_nothing()

        def rows(number: int) -> Array:
            base = number * self.size
            end = min(base + self.size, self.steps)
            if waits or self.is_ready(base, end):
                return self.window(number)[name]
            return np.full((end - base, self.program.values[name].size), np.nan, self.flat.dtype)

        return joined(rows, self.size, start, stop)

    def series(self, name: str) -> WindowedSeries:
        """Return a value at every step, (T, n)."""
        size = self.program.values[name].size
        made = WindowedSeries(lambda a, b: self.read(name, a, b), self.steps, (size,), self.flat.dtype)
        made.extremes = lambda: self._extremes(name)
        return made

    def window(self, number: int) -> Mapping[str, Array]:
        """Return every named value of a window, (size, n) each or less at the end; the steps to it are taken."""
        found = self._room.get(self, number) or self._of_another(number)
        if found is None:
            self._reach(number)
            start = number * self.size
            found = self._values(start, min(start + self.size, self.steps), self._state(number))
            self._room.put(self, number, found)
        return found

    def _of_another(self, number: int) -> Mapping[str, Array] | None:
        """Return a window that the run that this one begins like holds, and that is the same in both."""
        other, same = self._like
        theirs = other()
        if theirs is None or (number + 1) * self.size > same:
            return None
        return theirs._room.get(theirs, number)

    def _reach(self, number: int) -> None:
        while number >= len(self._states):
            self.advance()

    def advance(self, hold: bool = False, upto: int | None = None) -> None:
        """Take the next steps that were not taken yet.

        Args:
            hold: Whether the windows are looked at next, and are held.
            upto: A step behind which nothing is wanted now; by default as many are taken as are taken together.
        """
        with self._turn:
            if self.is_complete:
                return
            first = self.taken // self.size
            start, stop = self.taken, self._next_stop(upto)
            values = self._values(start, stop, self._state(first))
            for number in range(len(self._states), min(-(-stop // self.size) + 1, self.count)):
                state, place = np.empty(self._width, self.flat.dtype), number * self.size - start - 1
                for name, where in self._places.items():
                    state[where] = values[name][place]
                self._states.append(state)
            if hold:
                for base in range(start, stop, self.size):
                    part = slice(base - start, min(base + self.size, stop) - start)
                    self._room.put(self, base // self.size, {name: series[part] for name, series in values.items()})
            x = rows_of(self.inputs["x"], start, stop)
            for base in range(start, stop, self.size):
                end = min(base + self.size, stop)
                rows = slice(base - start, end - start)
                window = {name: series[rows] for name, series in values.items()}
                self._sizes = self._measured(x[rows], window, self._state(base // self.size))
                self._sizes_at.append((end, self._sizes))
            self.taken = stop

    @property
    def sizes(self) -> RunningExtremes:
        """What was measured of the steps that were taken so far."""
        return self._sizes

    def _measured(self, x: Array, values: Mapping[str, Array], before: Mapping[str, Array]) -> RunningExtremes:
        """Return what is known after some more steps."""
        was = self._sizes
        with quiet():
            largest = {name: max(was.largest[name], _largest(np.abs(values[name]))) for name in self._unbounded}
            largest["x"] = max(was.largest["x"], _largest(np.abs(x)))
            mean, move = {}, {}
            for name, state in before.items():
                series = values[name]
                mean[name] = max(was.mean[name], _largest(np.abs(series).mean(axis=1)))
                moved = np.abs(np.diff(series, axis=0, prepend=state[None, :])).mean(axis=1)
                move[name] = max(was.move[name], _largest(moved))
            least = {name: series.min(axis=0) for name, series in values.items()}
            most = {name: series.max(axis=0) for name, series in values.items()}
            if was.least:
                least = {name: _outer(np.minimum, was.least[name], one) for name, one in least.items()}
                most = {name: _outer(np.maximum, was.most[name], one) for name, one in most.items()}
        return RunningExtremes(largest, mean, move, least, most)

    def _extremes(self, name: str) -> tuple[Array, Array] | None:
        return (self._sizes.least[name], self._sizes.most[name]) if self.is_complete else None

    @one_thread
    def _values(self, start: int, stop: int, state: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return every named value of some steps, (stop - start, n) each, from the states before them."""
        program, engine = self.program, interpreter(self.interpreter)
        inputs = {name: rows_of(series, start, stop) for name, series in self.inputs.items()}
        named = engine.named_values(program, self.flat, inputs, state, None, start)
        if named is not None:
            return named
        rows = prepare(program, self.flat, self.inputs, state, start, stop, self.interpreter)
        engine.run(program, self.flat, rows, 0, stop - start, program.clock + start)
        return {name: rows[1:, slot.offset : slot.offset + slot.size] for name, slot in program.values.items()}

    def begin_like(self, other: PassWindows, steps: int) -> None:
        """Take over the states of another run of the same program, which are the same before its first steps' end.

        Args:
            other: The other run of the pass.
            steps: How many steps both have in common.
        """
        if self.size != other.size or self._width != other._width:
            return
        with other._turn:
            measured = [one for one in other._sizes_at if one[0] <= steps and one[0] < other.steps]
            taken, sizes = measured[-1]
            if taken <= self.taken:
                return
            count = min(taken // self.size + 1, self.count)
            self._states = other._states[:count]
            self.taken, self._sizes, self._sizes_at = taken, sizes, measured
            self._like = ref(other), taken


@dataclass(frozen=True)
class RunningExtremes:
    """What is measured of a pass on the way.

    Attributes:
        largest: The largest finite size of each value that has no bound, and of the input `x`.
        mean: Of each state, the largest mean size over its units at one step.
        move: The same of its change from step to step.
        least: The smallest number of each value, (n,): NaN where one was.
        most: The largest number of each value, (n,).
    """

    largest: Mapping[str, float]
    mean: Mapping[str, float]
    move: Mapping[str, float]
    least: Mapping[str, Array]
    most: Mapping[str, Array]


def _outer(further: np.ufunc, was: Array, one: Array) -> Array:
    """Return what lies further out of two vectors; the first itself where that is it, so that many share it."""
    made: Array = further(was, one)
    return was if np.array_equal(made, was, equal_nan=True) else made


def _largest(sizes: Array) -> float:
    return float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))


class ReadoutWindows:
    """A readout over a run that is held in windows: what it says at some tokens, and of the whole.

    An op over the steps is taken from part to part in the order of the tape, which gives the bits of the whole; where
    it has a number for every token, as attention has, its series is held.
    """

    def __init__(
        self,
        program: Program,
        flat: Array,
        inputs: Mapping[str, Array],
        room: WindowRoom,
        passes: Sequence[PassWindows],
        follows: str = "",
    ) -> None:
        """Compute nothing yet.

        Args:
            program: What is evaluated.
            flat: Its parameters.
            inputs: What it reads, (T, n) each, in tape order.
            room: Where windows are held.
            passes: Every pass of the run.
            follows: The pass of the highest layer that reads in the order of the tape; empty where none does.
        """
        self.follows = follows
        self.program, self.flat, self.inputs = program, flat, inputs
        self._room, self._passes = room, tuple(passes)
        self.steps = len(next(iter(inputs.values())))
        self.size = window_steps(program.width * flat.itemsize)
        self._singles: dict[int, Array] = {}
        self._series: dict[int, Array] = {}
        self._needed = steps_needed(program)
        self._way = _Way()
        self._turn = threading.RLock()

    @property
    def is_needed(self) -> bool:
        """Whether the readout has a step that looks at more than one token."""
        return bool(self._needed)

    @property
    def reads_every_token(self) -> bool:
        """Whether it has an op over the steps that reads all of them, not the first or the last alone."""
        ops = (self.program.instructions[number].steps for number in self._needed)
        return any(one is not None and one.name not in _OF_ONE_TOKEN for one in ops)

    @property
    def is_complete(self) -> bool:
        """Whether every op over the steps is taken."""
        return len(self._singles) + len(self._series) >= len(self._needed)

    def evaluated(self) -> Evaluated:
        """Return every slot of the readout, computed where it is looked at."""
        program, dtype = self.program, self.flat.dtype
        few = {name: np.zeros((1, series.shape[1]), dtype) for name, series in self.inputs.items()}
        with quiet():
            kinds = evaluate_part(program, self.flat, few, {}, {}).is_series
        rows = WindowedSeries(self._read, self.steps, (program.width,), dtype)
        single = PendingValue(self._single, lambda: self.is_ready, program.width, dtype)
        return Evaluated(program, self.flat, as_array(rows), as_array(single), kinds)

    @property
    def is_ready(self) -> bool:
        """Whether what it says of the whole is known, or found in a moment."""
        if not self._needed:
            return all(one.is_complete for one in self._passes)
        return self.is_complete

    def _read(self, start: int, stop: int) -> Array:
        waits = not waits_for_nothing()
        if waits:
            self.finish()

        def rows(number: int) -> Array:
            base = number * self.size
            end = min(base + self.size, self.steps)
            if waits or (self.is_complete and self._is_ready(base, end)):
                return self._window(number)
            return np.full((end - base, self.program.width), np.nan, self.flat.dtype)

        return joined(rows, self.size, start, stop)

    def _is_ready(self, start: int, stop: int) -> bool:
        first, end = start // self.size * self.size, min(-(-stop // self.size) * self.size, self.steps)
        return all(
            one.is_ready(first, end) and one.is_ready(self.steps - end, self.steps - first) for one in self._passes
        )

    def _window(self, number: int) -> Array:
        found = self._room.get(self, number)
        if found is None:
            start = number * self.size
            rows = self._part(start, min(start + self.size, self.steps)).rows
            found = {"rows": rows}
            self._room.put(self, number, found)
        return found["rows"]

    def _single(self) -> Array:
        self.finish()
        return self._part(self.steps - 1 - (self.steps - 1) % BLOCK, self.steps).single

    def _part(self, start: int, stop: int, upto: int | None = None) -> Evaluated:
        """Return every slot at some tokens, from a multiple of the steps of a block on, up to an instruction."""
        inputs = {name: rows_of(series, start, stop) for name, series in self.inputs.items()}
        series = {number: values[start:stop] for number, values in self._series.items()}
        return evaluate_part(self.program, self.flat, inputs, self._singles, series, upto)

    @one_thread
    def finish(self, progress: Progress | None = None) -> None:
        """Take every op over the steps, which may read the whole run once for each that needs another."""
        while not self.is_complete:
            self.advance(self.steps)
            if progress is not None:
                progress(self.taken, self.steps)

    @property
    def taken(self) -> int:
        """Tokens that were read, as a part of T of all that are read for all ops."""
        if self.is_complete:
            return self.steps
        done = len(self._singles) + len(self._series)
        return (done * self.steps + self._way.base) // max(len(self._needed), 1)

    @one_thread
    def advance(self, known: int) -> bool:
        """Go on with an op over the steps, by a window at most; say whether that was possible.

        Args:
            known: Of how many tokens, from the first on, the passes are known.
        """
        with self._turn, quiet():
            if self.is_complete:
                return False
            number = self._needed[len(self._singles) + len(self._series)]
            one, way = self.program.instructions[number], self._way
            assert one.steps is not None
            if one.steps.name in _OF_ONE_TOKEN:
                place = 0 if one.steps.name == "first" else self.steps - 1
                if place >= known:
                    return False
                base = place - place % BLOCK
                values = self._part(base, min(base + BLOCK, self.steps), number).spread(one.operands[0])
                self._singles[number] = np.array(values[place - base])
                return True
            stop = min(way.base + self.size, self.steps)
            if stop > known:
                return False
            way.take(one.steps.name, self._part(way.base, stop, number).spread(one.operands[0]), stop)
            if stop == self.steps:
                made = way.result(one.steps)
                (self._series if made.ndim == 2 else self._singles)[number] = made
                self._way = _Way()
            return True


class _Way:
    """How far an op over the steps has come.

    Attributes:
        base: The token it has come to.
    """

    def __init__(self) -> None:
        self.base = 0
        self._found: Array | None = None
        self._gathered: list[Array] = []

    def take(self, name: str, values: Array, stop: int) -> None:
        """Take the tokens up to one, (S, n)."""
        whole = values if self._found is None else np.concatenate([self._found[None], values])
        if name in ("sum_steps", "mean_steps"):  # added in tape order, one token after another
            self._found = np.add.accumulate(whole, axis=0)[-1]
        elif name == "max_steps":
            self._found = whole.max(axis=0)
        else:
            self._gathered.append(np.array(values))
        self.base = stop

    def result(self, steps: StepsOp) -> Array:
        """Return what the op gives of all tokens, (n,) or (T, n)."""
        if self._gathered:
            return steps.forward(np.concatenate(self._gathered))
        assert self._found is not None
        if steps.name == "mean_steps":
            return np.asarray(self._found / self._found.dtype.type(self.base))
        return self._found


@dataclass(frozen=True, eq=False)
class RunWindows:
    """All that a run in windows holds.

    Attributes:
        passes: Every pass, by name, in the order in which they are taken.
        readout: The readout, or None.
        room: Where the windows are held.
    """

    passes: Mapping[str, PassWindows]
    readout: ReadoutWindows | None
    room: WindowRoom
    _turn: Any = field(default_factory=threading.RLock, repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether every step was taken once, and what the readout says is known."""
        return self.share == 1.0

    @property
    def share(self) -> float:
        """How much of it was computed once, from 0 to 1."""
        taken = [(one.taken, one.steps) for one in self.passes.values()]
        if self.readout is not None and self.readout.is_needed:
            taken.append((self.readout.taken, self.readout.steps))
        return sum(done for done, _ in taken) / max(sum(steps for _, steps in taken), 1)

    @property
    def nbytes(self) -> int:
        """Bytes that are held now: states and windows."""
        return sum(one.nbytes for one in self.passes.values()) + self.room.used

    def is_ready(self, pass_name: str, step: int) -> bool:
        """Say whether a step of a pass, in its reading order, can be looked at without taking those before."""
        return self.passes[pass_name].is_ready(step, step + 1)

    def begin(self) -> None:
        """Take the first steps of each pass that needs no other for them, so that there are sizes to draw by."""
        for one in self.passes.values():
            if not one.taken and one.can_advance:
                one.advance()

    def look(self, start: int, stop: int, seconds: float) -> None:
        """Take the steps that lead to some tokens, in every pass, as far as that takes about so many seconds in all.

        Args:
            start: The first token that is looked at.
            stop: The token after the last.
            seconds: How long it may take.
        """
        for name, one in self.passes.items():
            first, end = max(start, 0), min(stop, one.steps)
            turned = not name.endswith(".forward")
            seconds = one.look(one.steps - end, one.steps - first, seconds) if turned else one.look(first, end, seconds)

    def finish(self, progress: Progress | None = None, pause: Callable[[], None] | None = None) -> None:
        """Take every step that was not taken yet, and what the readout says of the whole.

        Args:
            progress: Called with the steps done and the steps in all; what it raises ends this, and nothing is lost.
            pause: Called between some steps and the next.
        """
        last = self._last
        for layer in self._layers():
            self._take([one for one in layer if one is not last], progress, pause)
        while last is not None and not last.is_complete:
            last.advance(hold=self.readout is not None)
            while self.readout is not None and self.readout.advance(last.taken):
                pass
            self._tell(progress, pause)
        while self.readout is not None and self.readout.advance(self.readout.steps):
            self._tell(progress, pause)

    def _layers(self) -> list[list[PassWindows]]:
        """Return the passes by layer, the lowest first: those of one need nothing of each other."""
        layers: dict[str, list[PassWindows]] = {}
        for name, one in self.passes.items():
            layers.setdefault(name.partition(".")[0], []).append(one)
        return list(layers.values())

    def _take(self, passes: list[PassWindows], progress: Progress | None, pause: Callable[[], None] | None) -> None:
        """Take every step of some passes that need nothing of each other; on a thread each where that is faster."""

        def work(one: PassWindows, report: Progress) -> None:
            while not one.is_complete:
                one.advance()
                report(one.taken, one.steps)
                if pause is not None:
                    pause()

        left = [one for one in passes if not one.is_complete]
        alone = any(one.interpreter != "numba" for one in left)
        threads = 1 if alone else threads_for(seconds_of(one.program, one.steps - one.taken) for one in left)
        side_by_side([partial(work, one) for one in left], threads, lambda _: self._tell(progress, None))

    @property
    def _last(self) -> PassWindows | None:
        """The pass of the highest layer that the readout is taken beside, as it reads in the order of the tape."""
        if self.readout is None or not self.readout.follows or not self.readout.reads_every_token:
            return None
        return self.passes[self.readout.follows]

    def _tell(self, progress: Progress | None, pause: Callable[[], None] | None) -> None:
        if progress is not None:
            count = sum(one.steps for one in self.passes.values()) + (0 if self.readout is None else self.readout.steps)
            done = sum(one.taken for one in self.passes.values())
            progress(done + (0 if self.readout is None else self.readout.taken), count)
        if pause is not None:
            pause()


def stored_in_windows(windows: PassWindows, learned: Mapping[str, str]) -> Stored:
    """Return a pass in windows as what is stored of a pass."""
    values = {name: as_array(windows.series(name)) for name in windows.program.values}
    return Stored(
        windows.program, windows.flat, windows.inputs, windows.initial, values, None, windows.interpreter, learned,
        windows=windows,
    )  # fmt: skip
