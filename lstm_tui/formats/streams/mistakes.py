"""What an application may do wrong with a stream, each as something that can be run: states, chunks, context, input.

A mistake is about what a chunk begins with, about which steps are read, or about the numbers that are read. Whoever
adds one writes what is done at a chunk (`act`) or what becomes of the input (`rows`), and its sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import combinations

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.chunked_run import Chunk, ChunkedRun
from lstm_tui.engine.runtime.forward import Initial
from lstm_tui.formats.streams.fitted_stream import Context, FittedStream, with_contexts

_MOST_MOVED = 32
"""Steps at a border of chunks that are tried as read twice, or not at all."""
_MOST_PAIRS = 24
_KEPT = 4
"""Chunks of before that a mistake may look back at."""
_FULL_SCALE = (32768, 255, 128)
"""By what samples of 16 and 8 bits are divided, where they are."""


@dataclass(eq=False)
class StreamPast:
    """Where an application stands in one stream.

    Attributes:
        run: What it runs.
        number: Which chunk of its stream comes, from 0.
        rows: The input of that chunk, (n, I).
        before: The chunks of before with their inputs, the last one last; only the last few.
        first: The states behind the first chunk, and None before it is read.
        whole: All rows of this stream, (T, I).
        others: The other streams.
    """

    run: ChunkedRun
    whole: Array
    number: int = 0
    rows: Array = field(default_factory=lambda: np.zeros((0, 0)))
    before: list[tuple[Array, Chunk]] = field(default_factory=list)
    first: Initial | None = None
    others: Sequence[StreamPast] = ()

    @property
    def zero(self) -> Initial:
        """The states that a run begins with."""
        return self.run.beginning

    def saved(self, back: int) -> Initial:
        """Return the states behind a chunk of before: 1 is the last; where there is none, those of the beginning."""
        return self.before[-back][1].at_the_end() if back <= len(self.before) else self.zero

    def keep(self, ran: Chunk) -> None:
        """Go on to the next chunk."""
        self.before = [*self.before[1 - _KEPT :], (self.rows, ran)]
        self.first = self.run.states if self.first is None else self.first
        self.number += 1


Act = Callable[[StreamPast], Chunk]
Rows = Callable[[Sequence[Array]], list[Array]]


def carry(past: StreamPast) -> Chunk:
    """Read a chunk as it should be read: from the states that the one before ended with."""
    return past.run.read(past.rows)


@dataclass(frozen=True)
class Misuse:
    """One thing that may be wrong.

    Attributes:
        kind: What it is about: reset, zero, names, layers, lag, early, frames, streams, start, context, input, output.
        said: What the application does, where it does so at every chunk.
        cure: What it should do.
        act: How a chunk is read.
        at: The same of one chunk, in words that end with where; empty where it is only tried at every chunk.
        rows: What becomes of what is new at each step, of all chunks of a stream; None where it is as it should be.
        framed: What is read of it, with the context; None where that is as it should be.
        one_run: Whether all streams are read by one run.
        late: By how many chunks the outputs stand too late.
        least: The first chunk of a stream, from 0, at which it may be made alone.
    """

    kind: str
    said: str
    cure: str
    act: Act = carry
    at: str = ""
    rows: Rows | None = None
    framed: Rows | None = None
    one_run: bool = False
    late: int = 0
    least: int = 1


CARRY = "give the network the states that the chunk before returned"
WHOLE = "keep the run of a stream's chunks without a gap: each step is read once, in its order"


def mistakes(stream: FittedStream) -> Iterator[Misuse]:
    """Yield everything that is tried of a recording, the simplest first."""
    yield Misuse(
        "reset", "the state is zero at every chunk", CARRY, _begin(lambda past: past.zero), "the state is zero again"
    )
    if stream.context:
        yield from _contexts(stream)
    yield from _states(stream)
    yield from _old_states(stream)
    yield from _streams(stream)
    yield from _frames(stream)
    yield from _starts(stream)
    yield from _inputs(stream)
    for late in (1, -1):
        told = "the one before" if late > 0 else "the one behind"
        yield Misuse(
            "output",
            f"the outputs of a chunk are those of {told}",
            "record and use what the call on this chunk returned",
            late=late,
        )


def _begin(states: Callable[[StreamPast], Initial]) -> Act:
    """Return how a chunk is read that begins from other states; the first begins as it should."""
    return lambda past: past.run.read(past.rows, states(past) if past.number else None)


def reset_every(steps: int) -> Act:
    """Return how chunks are read where the state is zero again every so many steps of the stream."""

    def act(past: StreamPast) -> Chunk:
        done, parts = 0, []
        while done < len(past.rows):
            place = past.run.steps
            upto = min(len(past.rows), done + steps - place % steps)
            begin = past.zero if place and place % steps == 0 else None
            parts.append(past.run.read(past.rows[done:upto], begin))
            done = upto
        return joined(parts)

    return act


def joined(parts: Sequence[Chunk]) -> Chunk:
    """Return parts of one chunk that were read one after another as that chunk."""
    if len(parts) == 1:
        return parts[0]
    last = parts[-1]
    outputs = np.concatenate([one.outputs for one in parts]) if last.outputs.ndim == 2 else last.outputs
    states = {
        name: {state: np.concatenate([one.states[name][state] for one in parts]) for state in each}
        for name, each in last.states.items()
    }
    return Chunk(outputs, states, parts[0].before)


# --- states ---


def _states(stream: FittedStream) -> Iterator[Misuse]:
    """Yield what a state can be taken for: another of its pass, none, or that of another layer."""
    passes = stream.network.passes
    sizes = {(one.name, state): one.program.values[state].size for one in passes for state in one.cell.state}
    several = len(passes) > 1
    for one, other in dict.fromkeys(
        (first, second) for each in passes for first, second in combinations(each.cell.state, 2)
    ):
        owners = [each.name for each in passes if sizes.get((each.name, one)) == sizes.get((each.name, other), -1)]
        for among in dict.fromkeys((tuple(owners), *((owner,) for owner in owners if several))):
            where = f" of {', '.join(among)}" if several and len(among) < len(passes) else ""
            if among:
                cure = f"save {one} as {one} and {other} as {other}"
                told = f"{one} and {other}{where} are exchanged"
                yield Misuse("names", f"{told} from chunk to chunk", cure, _begin(_exchanged(among, one, other)), told)
                for lost, kept in ((one, other), (other, one)):
                    yield Misuse(
                        "names",
                        f"{lost}{where} begins every chunk as {kept}",
                        cure,
                        _begin(_named_as(among, lost, kept)),
                    )
    for state in dict.fromkeys(state for _, state in sizes):
        owners = [owner for owner, each in sizes if each == state]
        for among in dict.fromkeys((tuple(owners), *((owner,) for owner in owners if several))):
            if len(among) < len(sizes):  # all of them would be the reset
                where = f" of {', '.join(among)}" if several and len(among) < len(passes) else ""
                yield Misuse(
                    "zero",
                    f"{state}{where} is zero at every chunk, and the rest is carried",
                    f"carry {state} too",
                    _begin(_without(among, (state,))),
                    f"{state}{where} is zero again",
                )
    if several:
        for one_pass in passes:
            if len(one_pass.cell.state) > 1:
                yield Misuse(
                    "zero",
                    f"the state of {one_pass.name} is zero at every chunk, and the rest is carried",
                    f"carry the state of {one_pass.name} too",
                    _begin(_without((one_pass.name,), one_pass.cell.state)),
                )
        yield from _layers(stream)


def _layers(stream: FittedStream) -> Iterator[Misuse]:
    alike = [
        (one.name, other.name)
        for one, other in combinations(stream.network.passes, 2)
        if [one.program.values[state].size for state in one.cell.state]
        == [other.program.values[state].size for state in other.cell.state]
        and one.cell.state == other.cell.state
    ]
    cure = "give each layer its own state, in the order of the layers"
    for one, other in alike[:_MOST_PAIRS]:
        yield Misuse(
            "layers",
            f"the states of {one} and {other} are exchanged from chunk to chunk",
            cure,
            _begin(_layer_for({one: other, other: one})),
        )
        for mine, theirs in ((one, other), (other, one)):
            yield Misuse(
                "layers",
                f"{mine} begins every chunk with the state of {theirs}",
                cure,
                _begin(_layer_for({mine: theirs})),
            )
    names = [one.name for one in stream.network.passes]
    if len(names) > 2 and len(alike) == len(names) * (len(names) - 1) // 2:
        order = dict(zip(names, reversed(names), strict=True))
        yield Misuse("layers", "the states of the layers are given in reverse order", cure, _begin(_layer_for(order)))
        for name in names:
            yield Misuse(
                "layers",
                f"every layer begins every chunk with the state of {name}",
                cure,
                _begin(_layer_for(dict.fromkeys(names, name))),
            )


def _exchanged(among: Sequence[str], one: str, other: str) -> Callable[[StreamPast], Initial]:
    def states(past: StreamPast) -> Initial:
        now = past.run.states
        return {
            name: {**each, one: each[other], other: each[one]} if name in among else each for name, each in now.items()
        }

    return states


def _named_as(among: Sequence[str], lost: str, kept: str) -> Callable[[StreamPast], Initial]:
    return lambda past: {
        name: {**each, lost: each[kept]} if name in among else each for name, each in past.run.states.items()
    }


def _without(among: Sequence[str], lost: Sequence[str]) -> Callable[[StreamPast], Initial]:
    def states(past: StreamPast) -> Initial:
        return {
            name: {
                state: past.zero[name][state] if name in among and state in lost else numbers
                for state, numbers in each.items()
            }
            for name, each in past.run.states.items()
        }

    return states


def _layer_for(taken: Mapping[str, str]) -> Callable[[StreamPast], Initial]:
    return lambda past: {name: past.run.states[taken.get(name, name)] for name in past.run.states}


def _old_states(stream: FittedStream) -> Iterator[Misuse]:
    longest = max(sum(one.stream == name for one in stream.chunks) for name in stream.streams)
    for back, told in ((2, "the chunk before last"), (3, "the chunk two before the last")):
        if longest <= back:
            break  # a state of before the beginning is zero: that is told as such
        yield Misuse(
            "lag",
            f"every chunk begins from the state of {told}",
            CARRY,
            _begin(_saved(back)),
            f"the state of {told} is taken" if back == 2 else "",
            least=2,
        )
    yield Misuse(
        "lag",
        "every chunk begins from the state behind the first: it is saved once, and never again",
        "save the states behind every chunk",
        _begin(lambda past: past.first or past.zero),
    )
    for early in _moves(stream):
        yield Misuse(
            "early",
            f"the state is saved {count_of(early, 'step')} before the end of a chunk",
            "save the states behind the last step of a chunk",
            _begin(_before_the_end(early)),
        )


def _saved(back: int) -> Callable[[StreamPast], Initial]:
    return lambda past: past.saved(back)


def _before_the_end(steps: int) -> Callable[[StreamPast], Initial]:
    return lambda past: past.before[-1][1].at_the_end(steps)


def _streams(stream: FittedStream) -> Iterator[Misuse]:
    cure = "keep a state for each stream"
    if len(stream.streams) > 1:
        yield Misuse("streams", f"all {len(stream.streams)} streams are read on one state", cure, one_run=True)
        yield Misuse(
            "streams",
            "a stream begins each chunk from the state of another",
            cure,
            _begin(lambda past: past.others[0].saved(1) if past.others else past.zero),
        )
    yield Misuse(
        "streams",
        "between two chunks a chunk of zeros is read on this state, as of a silent stream",
        cure,
        _after_zeros,
    )


def _after_zeros(past: StreamPast) -> Chunk:
    if past.number:
        past.run.read(np.zeros_like(past.rows))
    return carry(past)


# --- which steps are read ---


def _moves(stream: FittedStream) -> list[int]:
    """Return numbers of steps by which something at a border may be moved, the smallest first."""
    most = max((one.steps for one in stream.chunks), default=1)
    near = [n for n in range(1, most) if n <= _MOST_MOVED]
    return list(dict.fromkeys([*near, *(most // part for part in (2, 4, 8) if most // part)])) if most > 1 else []


def _frames(stream: FittedStream) -> Iterator[Misuse]:
    yield Misuse(
        "frames",
        "every chunk is read twice, and the second output is taken",
        WHOLE,
        _twice(True),
        "the chunk is read twice",
    )
    yield Misuse("frames", "every chunk is read twice, and the first output is taken", WHOLE, _twice(False))
    for steps in _moves(stream):
        many = "step" if steps == 1 else f"{steps} steps"
        yield Misuse(
            "frames",
            f"the last {many} of a chunk {'is' if steps == 1 else 'are'} read again at the "
            "beginning of the next: chunks overlap",
            WHOLE,
            _overlapping(steps),
        )
        for side in ("first", "last"):
            yield Misuse(
                "frames",
                f"the {side} {many} of every chunk {'is' if steps == 1 else 'are'} not read",
                WHOLE,
                _dropping(steps, side == "first"),
            )
    if any(one.steps > 1 for one in stream.chunks):
        yield Misuse("frames", "the steps of every chunk are read from the last to the first", WHOLE, _reversed)


def _twice(second: bool) -> Act:
    def act(past: StreamPast) -> Chunk:
        first = carry(past)
        again = carry(past)
        return again if second else Chunk(first.outputs, again.states, again.before)

    return act


def _overlapping(steps: int) -> Act:
    def act(past: StreamPast) -> Chunk:
        if not past.before:
            return carry(past)
        again = past.before[-1][0][-steps:]
        return past.run.read(np.concatenate([again, past.rows]))

    return act


def _dropping(steps: int, first: bool) -> Act:
    def act(past: StreamPast) -> Chunk:
        rows = past.rows[steps:] if first else past.rows[: len(past.rows) - steps]
        return past.run.read(rows) if len(rows) else carry(past)

    return act


def _reversed(past: StreamPast) -> Chunk:
    return past.run.read(past.rows[::-1])


def _starts(stream: FittedStream) -> Iterator[Misuse]:
    cure = "begin a stream with a state of zero"

    def begun(states: Callable[[StreamPast], object]) -> Act:
        def act(past: StreamPast) -> Chunk:
            if not past.number:
                states(past)
            return carry(past)

        return act

    yield Misuse(
        "start",
        "the state is not zero at the beginning: a chunk of zeros was read before, as to warm up",
        cure,
        begun(lambda past: past.run.read(np.zeros_like(past.rows))),
    )
    yield Misuse(
        "start",
        "the state is not zero at the beginning: the first chunk was read before, as to warm up",
        cure,
        begun(lambda past: past.run.read(past.rows)),
    )
    yield Misuse(
        "start",
        "the state is not zero at the beginning: it is left over from a run of this same stream",
        cure,
        begun(lambda past: past.run.read(past.whole)),
    )


# --- what is read ---


def _inputs(stream: FittedStream) -> Iterator[Misuse]:
    if stream.network.embedding is not None:
        return
    for full in _FULL_SCALE:
        yield Misuse(
            "input",
            f"the input is {full} times as large as recorded: it is not divided by {full}",
            "scale the input as in training",
            rows=_scaled(full),
        )
        yield Misuse(
            "input",
            f"the input is divided by {full} once more than as it was recorded",
            "scale the input as in training",
            rows=_scaled(1 / full),
        )
    if any(one.steps > 1 for one in stream.chunks):
        yield Misuse(
            "input",
            "every chunk is normalised by its own mean and deviation",
            "normalise as in training, or not at all",
            rows=_normalised,
        )


def _scaled(by: float) -> Rows:
    return lambda samples: [one * by for one in samples]


def _normalised(rows: Sequence[Array]) -> list[Array]:
    return [(one - one.mean(axis=0)) / (one.std(axis=0) + 1e-8) for one in rows]


def _contexts(stream: FittedStream) -> Iterator[Misuse]:
    count = stream.context
    size = stream.network.input_size - count
    cure = f"put the last {count} numbers of what was read before in front of what is new"

    def made(said: str, of: Context, behind: bool = False) -> Misuse:
        return Misuse("context", said, cure, framed=lambda samples: with_contexts(samples, count, of, behind))

    yield made("the context is missing: zeros stand in its place", lambda n, t, before, now: np.zeros(count))
    if any(one.steps > 1 for one in stream.chunks):
        yield made(
            "the context is zeros at the beginning of every chunk",
            lambda n, t, before, now: before[-count:] if t else np.zeros(count),
        )
    if count < size:
        yield made(
            "the context is from the wrong end: the beginning of what was before, and not its end",
            lambda n, t, before, now: before[-size:][:count],
        )
        yield made(
            "the context is of what is new itself: it is brought up to date too early",
            lambda n, t, before, now: now[-count:],
        )
        yield made("the context is the beginning of what is new, once more", lambda n, t, before, now: now[:count])
    yield made(
        "the context is one step too old: of what was before the last",
        lambda n, t, before, now: before[: len(before) - size][-count:],
    )
    yield made(
        "the context stands behind what is new, and not in front of it",
        lambda n, t, before, now: before[-count:],
        behind=True,
    )
    if count > 1:
        yield made("the context stands in reverse order", lambda n, t, before, now: before[-count:][::-1])
    kept = list[Array]()

    def never_again(n: int, t: int, before: Array, now: Array) -> Array:
        if n == 0 and t == 0:
            kept.clear()
        if (n == 0 and t == 1) or (n == 1 and t == 0 and not kept):
            kept.append(before[-count:])
        return kept[0] if kept else before[-count:]

    yield made("the context is that of the first step for ever: it is never brought up to date", never_again)
