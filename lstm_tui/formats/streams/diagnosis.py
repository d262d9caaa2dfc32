"""A recorded stream beside the right run: where they part, and which mistake of an application explains the recording.

Each mistake is made, and named only where the recording is what then comes of it, within rounding, and is not what
comes of the right run. Of several that explain it equally well all are named; where none does, that is said.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.chunked_run import Chunk, ChunkedRun
from lstm_tui.formats.streams.fitted_stream import FittedChunk, FittedStream, in_context
from lstm_tui.formats.streams.mistakes import (
    CARRY,
    Misuse,
    StreamPast,
    carry,
    joined,
    mistakes,
    reset_every,
)
from lstm_tui.formats.verify.verification import CLOSE, SECONDS

_AS_GOOD = 8.0
"""By which factor a mistake may explain a recording worse than another, and still explain it as well."""
_ROUNDING = 1e-6
"""Differences of another implementation of the same sums, of outputs of about 1: none is better than so."""
_MOST_PLACES = 6
_MOST_PERIODS = 600
_LATEST, _MOST_FOUND_LATE = 3, 8
"""How many chunks later a mistake may be seen, and how often that may happen."""
_TRIES = 32
"""How many tries the engine is chosen for."""


@dataclass(frozen=True)
class Parting:
    """Where a recording is first not as it should be.

    Attributes:
        chunk: In which chunk, from 0.
        step: At which step of it, from 0; the last where there is one output for the chunk.
        what: `output`, or the name of a state.
        unit: Which component.
        mine: What the right run says; None where there is no such number.
        theirs: What was recorded; None likewise.
        stream: Of which stream.
    """

    chunk: int
    step: int
    what: str
    unit: int
    mine: float | None
    theirs: float | None
    stream: str = ""


@dataclass(frozen=True)
class FoundMisuse:
    """One mistake that explains a recording.

    Attributes:
        kind: What it is about.
        said: What the application does.
        cure: What it should do.
        largest: By how much the recording still differs, at most.
        chunks: At which chunks, where it is not at all of them.
    """

    kind: str
    said: str
    cure: str
    largest: float
    chunks: tuple[int, ...] = ()


@dataclass(frozen=True)
class StreamDiagnosis:
    """What came of comparing.

    Attributes:
        largest: The largest difference from the right run; infinite where outputs are not as many as they should be.
        first: Where they part, or None.
        explanations: Mistakes that explain the recording equally well, the simplest first.
        tried: How many mistakes were made.
        notes: What else is known, a sentence each.
        compared: How many chunks were compared.
        chunks: How many there are.
        close: How far apart numbers may be.
        complete: Whether everything could be tried in the time there is.
    """

    largest: float
    first: Parting | None
    explanations: tuple[FoundMisuse, ...]
    tried: int
    notes: tuple[str, ...]
    compared: int
    chunks: int
    close: float
    complete: bool = True


@dataclass(frozen=True)
class _Outcome:
    largest: float
    places: tuple[int, ...] = ()


def diagnose(stream: FittedStream, tolerance: float = CLOSE) -> StreamDiagnosis:
    """Run a stream as it should be run; where the recording parts from that, make mistakes until one explains it.

    Args:
        stream: The recording, as the network reads it.
        tolerance: The largest difference that counts as none; of outputs larger than 1, of their size.
    """
    return _Trials(stream, tolerance).diagnosis()


class _Trials:
    """One recording, run again and again."""

    def __init__(self, stream: FittedStream, tolerance: float) -> None:
        self._stream = stream
        held = [one.outputs for one in stream.chunks if one.outputs is not None]
        sizes = [float(np.abs(one[np.isfinite(one)]).max(initial=0.0)) for one in held]
        self._scale = max([1.0, *sizes])
        self._close = max(tolerance, stream.rounding) * self._scale
        self._until = time.process_time() + SECONDS
        self._mine = {name: [n for n, one in enumerate(stream.chunks) if one.stream == name] for name in stream.streams}
        self._compared = len(stream.chunks)
        self._right: list[Array] | None = None
        self._outputs_agree = True

    def _late(self) -> bool:
        return time.process_time() > self._until

    def diagnosis(self) -> StreamDiagnosis:
        largest, first = self._right_run()
        if first is None:
            return self._told(largest, None)
        if self._outputs_agree:
            misnamed, tried = self._misnamed()
            return self._told(largest, first, misnamed, tried)
        found: list[tuple[FoundMisuse, bool]] = []
        tried, complete = 0, True
        for mistake in mistakes(self._stream):
            if self._late():
                complete = False
                break
            tried += 1
            found += self._explained(mistake)
        if complete and not self._late():
            more, count = self._resets_inside(first)
            found, tried = found + more, tried + count
        best = min((one.largest for one, _ in found), default=math.inf)
        alike = [(one, plain) for one, plain in found if one.largest <= max(_AS_GOOD * best, _ROUNDING * self._scale)]
        everywhere = [one for one, plain in alike if plain]
        explained = everywhere or [one for one, _ in alike]
        return self._told(largest, first, tuple(explained), tried, complete)

    def _told(
        self,
        largest: float,
        first: Parting | None,
        explained: tuple[FoundMisuse, ...] = (),
        tried: int = 0,
        complete: bool = True,
    ) -> StreamDiagnosis:
        notes = [] if first is None or explained else list(self._what_is_known(first))
        return StreamDiagnosis(
            largest, first, explained, tried, tuple(notes), self._compared, len(self._stream.chunks), self._close,
            complete,
        )  # fmt: skip

    # --- runs ---

    def _rows(self, mistake: Misuse | None = None) -> list[Array]:
        """Return what the network reads of each chunk, (n, I)."""
        plain = mistake is None or (mistake.rows is None and mistake.framed is None)
        if plain and self._right is not None:
            return self._right
        made: list[Array] = [np.zeros((0, 0))] * len(self._stream.chunks)
        for numbers in self._mine.values():
            samples = [self._stream.chunks[n].samples for n in numbers]
            if mistake is not None and mistake.rows is not None:
                samples = mistake.rows(samples)
            if mistake is not None and mistake.framed is not None:
                samples = mistake.framed(samples)
            elif self._stream.context:
                samples = in_context(samples, self._stream.context)
            for n, rows in zip(numbers, samples, strict=True):
                made[n] = rows
        if plain:
            self._right = made
        return made

    def _pasts(self, rows: Sequence[Array], one_run: bool) -> dict[str, StreamPast]:
        """Return where each stream stands at its beginning."""
        made: dict[str, StreamPast] = {}
        for name, numbers in self._mine.items():
            whole = np.concatenate([rows[n] for n in numbers])
            if one_run and made:
                made[name] = next(iter(made.values()))
                continue
            run = ChunkedRun(self._stream.network, steps=self._stream.steps * _TRIES)
            made[name] = StreamPast(run, whole)
        for name, past in made.items():
            past.others = [other for each, other in made.items() if each != name]
        return made

    def _right_run(self) -> tuple[float, Parting | None]:
        rows = self._rows()
        pasts, largest, first = self._pasts(rows, False), 0.0, None
        self._ends: list[dict[tuple[str, str], Array]] = []
        for n, one in enumerate(self._stream.chunks):
            if n and time.process_time() > self._until - SECONDS / 2:
                self._compared = n
                break
            past = pasts[one.stream]
            past.rows = rows[n]
            ran = carry(past)
            past.keep(ran)
            if one.states:
                ends = ran.at_the_end()
                self._ends.append({(name, state): ends[name][state] for name in ends for state in ends[name]})
            for what, mine, theirs in _compared_of(ran, one):
                apart = difference(mine, theirs)
                largest = max(largest, apart)
                self._outputs_agree &= what != "output" or apart <= self._close
                if first is None and not apart <= self._close:
                    first = _parting(n, one, what, mine, theirs, self._close)
        return largest, first

    def _made(self, mistake: Misuse, at: Callable[[int], bool] = lambda number: True) -> _Outcome | None:
        """Make a mistake at some chunks of each stream; None where the recording is not what comes of it."""
        rows = self._rows(mistake)
        pasts, largest, count = self._pasts(rows, mistake.one_run), 0.0, 0
        for n, one in enumerate(self._stream.chunks[: self._compared]):
            if self._late():
                return None
            past = pasts[one.stream]
            past.rows = rows[n]
            ran = mistake.act(past) if at(past.number) else carry(past)
            past.keep(ran)
            beside = self._beside(n, one, mistake.late)
            if beside is None or beside.outputs is None:
                continue
            count += 1
            largest = max(largest, self._apart(ran, beside))
            if not largest <= self._close:
                return None
        return _Outcome(largest) if count else None

    def _beside(self, n: int, one: FittedChunk, late: int) -> FittedChunk | None:
        """Return the chunk beside whose recorded outputs those of a chunk stand."""
        if not late:
            return one
        numbers = self._mine[one.stream]
        place = numbers.index(n) + late
        return self._stream.chunks[numbers[place]] if 0 <= place < len(numbers) else None

    def _where_needed(self, mistake: Misuse) -> _Outcome | None:
        """Make a mistake only at chunks that are not as they should be, and return at which that was.

        What it does to its own chunk may be too little to be seen, and more in those behind; so where one cannot be
        explained by itself, those before it are tried.
        """
        chosen = frozenset[int]()
        for _ in range(_MOST_FOUND_LATE):
            found = self._needed(mistake, chosen)
            if isinstance(found, _Outcome):
                return found
            for early in range(found - 1, max(found - 1 - _LATEST, 0), -1):
                later = self._needed(mistake, chosen | {early})
                if isinstance(later, _Outcome):
                    return later
                if later > found:
                    chosen |= {early}
                    break
            else:
                return None
        return None

    def _needed(self, mistake: Misuse, chosen: frozenset[int]) -> _Outcome | int:
        """Return what comes of a mistake made at some chunks, and where it is needed; or the chunk that stays wrong."""
        rows = self._rows()
        pasts, largest, places = self._pasts(rows, False), 0.0, list[int]()
        for n, one in enumerate(self._stream.chunks[: self._compared]):
            if self._late():
                return 0
            past = pasts[one.stream]
            past.rows = rows[n]
            mark = past.run.mark()
            wanted = n in chosen and past.number >= mistake.least
            ran = mistake.act(past) if wanted else carry(past)
            apart = self._apart(ran, one)
            if not wanted and not apart <= self._close and past.number >= mistake.least:
                past.run.go_back(mark)
                ran, wanted = mistake.act(past), True
                apart = self._apart(ran, one)
            if not apart <= self._close:
                return n
            places += [n] if wanted else []
            past.keep(ran)
            largest = max(largest, apart)
        return _Outcome(largest, tuple(places))

    def _apart(self, ran: Chunk, one: FittedChunk) -> float:
        return 0.0 if one.outputs is None else difference(_output_beside(ran, one), one.outputs)

    # --- mistakes ---

    def _explained(self, mistake: Misuse) -> Iterator[tuple[FoundMisuse, bool]]:
        """Yield what a mistake explains, and whether that is simple: at every chunk, or every so many."""
        whole = self._made(mistake)
        if whole is not None:
            yield FoundMisuse(mistake.kind, mistake.said, mistake.cure, whole.largest), True
            return
        found = self._where_needed(mistake) if mistake.at else None
        if found is None or not found.places:
            return
        period = self._period(mistake, found.places)
        if period is not None:
            chunks, outcome = period
            said = f"{mistake.at} every {chunks} chunks"
            yield FoundMisuse(mistake.kind, said, mistake.cure, outcome.largest, found.places), True
            return
        yield FoundMisuse(mistake.kind, f"{mistake.at} {_at(found.places)}", mistake.cure, found.largest,
                          found.places), False  # fmt: skip

    def _period(self, mistake: Misuse, places: Sequence[int]) -> tuple[int, _Outcome] | None:
        """Return every how many chunks a mistake is made, where it is made so in each stream."""
        numbers = [self._mine[self._stream.chunks[n].stream].index(n) for n in places]
        period = math.gcd(*numbers)
        longest = max(map(len, self._mine.values()))
        if period < 2 or 2 * period >= longest:
            return None
        found = self._made(mistake, lambda number: number % period == 0)
        return None if found is None else (period, found)

    def _resets_inside(self, first: Parting) -> tuple[list[tuple[FoundMisuse, bool]], int]:
        """Return resets at steps that are no border of chunks: every so many steps, or at some."""
        if len(self._mine) > 1 or first.what != "output":
            return [], 0
        sizes = [one.steps for one in self._stream.chunks]
        begins = sum(sizes[: first.chunk])
        one = self._stream.chunks[first.chunk]
        last = begins + (first.step if one.by_step else one.steps - 1)
        near = [last] if one.by_step else list(range(max(begins, 1), last + 1))
        periods = dict.fromkeys(
            part for place in near for part in (place, *(place // n for n in range(2, 13) if place % n == 0)) if part
        )
        borders = {sum(sizes[:n]) for n in range(1, len(sizes))}
        found, tried = [], 0
        for steps in list(periods)[:_MOST_PERIODS]:
            if self._late():
                break
            if all(place in borders for place in range(steps, sum(sizes), steps)):
                continue  # that is told of chunks
            tried += 1
            outcome = self._made(Misuse("reset", "", "", reset_every(steps)))
            if outcome is not None:
                said = f"the state is zero again every {steps} steps" if steps > 1 else "no state is kept at all"
                found.append((FoundMisuse("reset", said, CARRY, outcome.largest), True))
        if not found and one.by_step and not self._late():
            tried += 1
            places = self._inner_places()
            if places is not None:
                outcome, steps_at = places
                if not all(place in borders for place in steps_at):
                    told = f"the state is zero again before {_listed(steps_at, 'step')}"
                    found.append((FoundMisuse("reset", told, CARRY, outcome.largest), False))
        return found, tried

    def _inner_places(self) -> tuple[_Outcome, tuple[int, ...]] | None:
        """Set the state to zero at the steps that are not as they should be; return at which."""
        rows = self._rows()
        past = next(iter(self._pasts(rows, False).values()))
        largest, places = 0.0, list[int]()
        for n, one in enumerate(self._stream.chunks[: self._compared]):
            if not one.by_step or one.outputs is None or len(one.outputs) != len(rows[n]):
                return None
            parts, done = list[Chunk](), 0
            while done < len(rows[n]):
                mark, start = past.run.mark(), past.run.steps
                again = bool(places) and places[-1] == start
                ran = past.run.read(rows[n][done:], past.zero if again else None)
                if ran.outputs.ndim != 2 or self._late():
                    return None
                apart = np.array([difference(mine, theirs) for mine, theirs in
                                  zip(ran.outputs, one.outputs[done:], strict=True)])  # fmt: skip
                wrong = np.flatnonzero(~(apart <= self._close))
                if not len(wrong):
                    largest = max(largest, float(apart.max()))
                    parts.append(ran)
                    break
                good = int(wrong[0])
                if (good == 0 and again) or start + good == 0:
                    return None
                past.run.go_back(mark)
                if good:
                    largest = max(largest, float(apart[:good].max()))
                    parts.append(past.run.read(rows[n][done : done + good], past.zero if again else None))
                places.append(start + good)
                done += good
            past.rows = rows[n]
            past.keep(joined(parts))
        return (_Outcome(largest), tuple(places)) if places else None

    def _misnamed(self) -> tuple[tuple[FoundMisuse, ...], int]:
        """Return states that are recorded by the name of another, where the outputs are as they should be."""
        held = [one.states for one in self._stream.chunks[: self._compared] if one.states]
        said, largest, tried = list[str](), 0.0, 0
        for place in dict.fromkeys(name for states in held for name in states):
            theirs = [(n, states[place]) for n, states in enumerate(held) if place in states]
            apart = {
                other: max(difference(self._ends[n][other], numbers) for n, numbers in theirs)
                for other in self._ends[0]
            }
            if apart[place] <= self._close:
                continue
            tried += len(apart) - 1
            nearest = min(apart, key=lambda other: apart[other])
            if not apart[nearest] <= self._close:
                return (), tried
            largest = max(largest, apart[nearest])
            said.append(f"what is recorded as {'/'.join(place)} is {'/'.join(nearest)}")
        cure = "save each state by its own name"
        return ((FoundMisuse("names", ", and ".join(said), cure, largest),) if said else ()), tried

    # --- what is known where nothing explains it ---

    def _what_is_known(self, first: Parting) -> Iterator[str]:
        if first.theirs is None or first.mine is None:
            one = self._stream.chunks[first.chunk]
            held = 0 if one.outputs is None else len(one.outputs)
            yield f"chunk {first.chunk} has {count_of(one.steps, 'step')}, and {count_of(held, 'output')} recorded"
        elif self._outputs_agree:
            yield "the outputs are those of the right run, and only what is recorded as states is not"
        elif first.chunk == 0 and first.step == 0:
            yield (
                "they part at the very first step, where no state has been carried: look at the input and the weights "
                "with `lstm-tui verify`, or at the state a stream begins with"
            )
        elif first.chunk == 0:
            yield "they part inside the first chunk, before any state has gone from one chunk to the next"
        known = self._from_recorded_states(first)
        if known:
            yield known

    def _from_recorded_states(self, first: Parting) -> str:
        """Say whether the chunk is right from the states that were recorded behind the one before."""
        numbers = self._mine[self._stream.chunks[first.chunk].stream]
        place = numbers.index(first.chunk)
        if not place or first.what != "output":
            return ""
        held = self._stream.chunks[numbers[place - 1]].states
        past = next(iter(self._pasts(self._rows(), False).values()))
        if set(held) != {(name, state) for name, each in past.zero.items() for state in each}:
            return ""
        begin = {name: {state: held[name, state].astype(self._stream.network.dtype) for state in each}
                 for name, each in past.zero.items()}  # fmt: skip
        ran = past.run.read(self._rows()[first.chunk], begin)
        right = self._apart(ran, self._stream.chunks[first.chunk]) <= self._close
        where = f"the states recorded behind chunk {numbers[place - 1]}"
        if right:
            return f"from {where}, chunk {first.chunk} is as recorded: those states are not what that chunk ends with"
        return f"from {where}, chunk {first.chunk} is not as recorded: other states, or another input, were given"


def difference(mine: Array | None, theirs: Array | None) -> float:
    """Return the largest difference; of what is not finite the same is no difference, and of other shapes it is ∞."""
    if mine is None or theirs is None or mine.shape != theirs.shape:
        return math.inf
    same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
    with np.errstate(all="ignore"):
        apart = np.where(same, 0.0, np.abs(np.asarray(mine, np.float64) - theirs))
    apart[np.isnan(apart)] = math.inf
    return float(apart.max(initial=0.0))


def _output_beside(ran: Chunk, one: FittedChunk) -> Array | None:
    """Return the outputs of a run that stand beside those recorded, (m, K); None where they are not as many."""
    assert one.outputs is not None
    mine = ran.outputs[np.newaxis] if ran.outputs.ndim == 1 else ran.outputs
    mine = mine if one.unit is None else mine[:, one.unit : one.unit + 1]
    count = len(one.outputs)
    if not one.by_step:
        return mine[-1:]
    if len(mine) == count or len(mine) > count == one.steps:  # what was read again is not said again
        return mine[-count:]
    return None


def _compared_of(ran: Chunk, one: FittedChunk) -> Iterator[tuple[str, Array | None, Array]]:
    if one.outputs is not None:
        yield "output", _output_beside(ran, one), one.outputs
    ends: Mapping[str, Mapping[str, Array]] = ran.at_the_end()
    for (name, state), numbers in one.states.items():
        yield f"{name}/{state}", ends[name][state][np.newaxis], numbers[np.newaxis]


def _parting(n: int, one: FittedChunk, what: str, mine: Array | None, theirs: Array, close: float) -> Parting:
    last = one.steps - 1
    if mine is None or mine.shape != theirs.shape:
        return Parting(n, min(len(theirs), last), what, 0, None, None, one.stream)
    same = np.isnan(mine) & np.isnan(theirs)
    with np.errstate(all="ignore"):
        wrong = ~(np.abs(mine - theirs) <= close) & ~same & ~(mine == theirs)
    step, unit = (int(k) for k in np.argwhere(wrong)[0])
    at = step if what == "output" and one.by_step else last
    return Parting(n, at, what, unit, float(mine[step, unit]), float(theirs[step, unit]), one.stream)


def _at(places: Sequence[int]) -> str:
    """Return where something is done, in words: `at chunk 7 alone`."""
    return f"at chunk {places[0]} alone" if len(places) == 1 else f"at {_listed(places, 'chunk')}"


def _listed(places: Sequence[int], noun: str) -> str:
    """Return numbers in words: `chunks 3, 9 and 12`."""
    if len(places) == 1:
        return f"{noun} {places[0]}"
    shown, more = places[:_MOST_PLACES], len(places) - _MOST_PLACES
    if more > 0:
        return f"{noun}s {', '.join(map(str, shown))} and {more} more"
    return f"{noun}s {', '.join(map(str, shown[:-1]))} and {shown[-1]}"
