"""Many sequences of one or more files, run for their states: by line, many together, at the speed of a batch.

What is asked of them is asked of `SearchedStates`: held as arrays where they are few, or in an index on disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lstm_tui.analysis.state_search import SearchedStates
from lstm_tui.debugger.source import Source, needed
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import roles_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest, no_pass
from lstm_tui.engine.model.cuts import TapeCut
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence as Tokens
from lstm_tui.engine.runtime.batch import MOST_TOGETHER, ToRun, run_together
from lstm_tui.engine.runtime.forward import tape_order
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.resets import cut_holds
from lstm_tui.engine.runtime.run import Initial, input_of, run_arrays
from lstm_tui.engine.text_safety import visible

_POOL = 1 << 15
"""Steps that are run before they are handed on: sequences of like length go together."""
_LONG = 1 << 14
"""Steps of a sequence from which on it is run by itself, part by part where the network reads forward only."""
MOST_HELD = 1 << 29
"""Bytes of states that are held as arrays."""


class ValueName(NamedTuple):
    """A value of a pass.

    Attributes:
        pass_name: The pass.
        value: The value.
    """

    pass_name: str
    value: str

    @property
    def name(self) -> str:
        """Both, as `layer0.forward.c`."""
        return f"{self.pass_name}.{self.value}"


class Location(NamedTuple):
    """Where a step stands.

    Attributes:
        file: Number of the file, from 0.
        sequence: Number of the sequence in the corpus, from 0.
        line: Line in its file, from 1; 0 for a whole file or a single series.
        t: Place on its tape.
    """

    file: int
    sequence: int
    line: int
    t: int


@dataclass(frozen=True, eq=False)
class Corpus:
    """Files that one network reads.

    Attributes:
        network: The network, with its edits.
        sources: What is read, a file each.
        cuts: Where the tape of every sequence is cut.
    """

    network: Network
    sources: tuple[Source, ...]
    cuts: tuple[TapeCut, ...] = ()

    @classmethod
    def of(cls, sources: Sequence[Source]) -> Corpus:
        """Return the corpus of some files, whose network has the edits to begin with.

        Raises:
            UserError: There is no network, or an edit is of one line alone.
        """
        from lstm_tui.debugger.edits.apply import edited_network
        from lstm_tui.debugger.edits.language import NetworkEdit, cuts_of_every_line, line_of

        first = sources[0]
        network = needed(first.network)
        cuts = cuts_of_every_line(first.edit_script)
        own = next((one for one in first.edit_script if not isinstance(one, NetworkEdit) and one not in cuts), None)
        if own is not None:
            raise UserError(
                f"`{visible(line_of(own)[:60])}` is an edit of one line, and many are searched: leave it out"
            )
        if any(source.carry for source in sources):
            raise UserError("states that go on from line to line are not searched: leave out --carry")
        places = tuple(TapeCut(one.kind, (), one.every) for one in cuts)
        return cls(edited_network(first.edit_script, network), tuple(sources), places)

    @property
    def initial(self) -> Initial | None:
        """The states before the first token of every sequence, where they are not the cell's own."""
        return self.sources[0].initial

    @property
    def dtype(self) -> str:
        """The precision in which it is run; states are kept in float32."""
        return str(self.sources[0].dtype or self.network.dtype)

    @property
    def count(self) -> int:
        """How many sequences there are."""
        return sum(source.count for source in self.sources)

    def sequences(self) -> Iterator[tuple[int, int, Tokens]]:
        """Yield the number of its file, its line in it (0 for a whole file) and each sequence."""
        for file, source in enumerate(self.sources):
            for n in range(source.count):
                sequence = source.sequences[n]
                yield file, sequence.line or 0, sequence.with_cuts(self.cuts) if self.cuts else sequence

    def size_of(self, value: ValueName) -> int:
        """Return the units of a value.

        Raises:
            UserError: There is no such pass or value.
        """
        found = next((one for one in self.network.passes if one.name == value.pass_name), None)
        if found is None:
            raise no_pass(value.pass_name, [one.name for one in self.network.passes])
        if value.value not in found.program.values:
            near = nearest(value.value, found.program.values)
            hint = f"; did you mean {near}?" if near else ""
            raise UserError(f"{value.pass_name} has no value {visible(value.value)}{hint}")
        return found.program.values[value.value].size

    def gates(self, pass_name: str) -> tuple[ValueName, ...]:
        """Return the gates of a pass: what keeps, writes and shows.

        Raises:
            UserError: There is no such pass.
        """
        found = next((one for one in self.network.passes if one.name == pass_name), None)
        if found is None:
            raise no_pass(pass_name, [one.name for one in self.network.passes])
        roles = roles_of(found.cell)
        return tuple(ValueName(pass_name, value) for value in found.program.values if roles.get(value) in _GATES)

    def digest(self) -> str:
        """Return a digest of the network, every number of it, and of how it is run."""
        made = hashlib.sha256(repr((self.cuts, self.dtype)).encode())
        for name, states in sorted((self.initial or {}).items()):
            for state, numbers in sorted(states.items()):
                made.update(f"{name} {state}".encode("utf-8", "surrogatepass"))
                made.update(np.ascontiguousarray(numbers).tobytes())
        for one in self.network.passes:
            made.update(f"{one.name} {one.cell.text}".encode("utf-8", "surrogatepass"))
        for name, view in sorted(self.network.tensors().items()):
            made.update(name.encode("utf-8", "surrogatepass"))
            made.update(np.ascontiguousarray(view).tobytes())
        return made.hexdigest()


_GATES = ("keeps", "writes", "shows")
Add = Callable[[int, int, Array, Mapping[str, Array]], None]
"""Takes a sequence: its file, its line, its ids (T,), and its values by name, (T, n) each."""


def run_corpus(
    corpus: Corpus,
    values: Sequence[ValueName],
    add: Add,
    progress: Progress | None = None,
    skip: Callable[[int, int, Tokens], bool] | None = None,
) -> None:
    """Run every sequence of a corpus and hand its states on, in order.

    Args:
        corpus: What is read.
        values: The values that are wanted.
        add: Takes each sequence.
        progress: Called with the sequences that are done, and all of them; what it raises ends this.
        skip: Asked of each sequence, its file and its line, until it says no: those before that are not run.

    Raises:
        UserError: A sequence does not fit the network.
    """
    waiting: list[tuple[int, int, Tokens]] = []
    steps = done = 0

    def told() -> None:
        if progress is not None:
            progress(done, corpus.count)

    for item in corpus.sequences():
        if skip is not None and skip(*item):
            done += 1
            continue
        skip = None
        long = len(item[2]) >= _LONG
        if waiting and (long or steps + len(item[2]) > _POOL):
            _hand_on(corpus, waiting, values, add)
            done, steps, waiting = done + len(waiting), 0, []
            told()
        if long:
            add(item[0], item[1], ids_of(item[2]), _long(corpus, item[2], values))
            done += 1
            told()
        elif len(item[2]):
            waiting.append(item)
            steps += len(item[2])
        else:
            _hand_on(corpus, waiting, values, add)
            done, steps, waiting = done + len(waiting) + 1, 0, []
            add(*item[:2], ids_of(item[2]), {one.name: np.zeros((0, corpus.size_of(one))) for one in values})
    _hand_on(corpus, waiting, values, add)
    done += len(waiting)
    told()


def ids_of(sequence: Tokens) -> Array:
    """Return the ids of a sequence, (T,); -1 where there are none."""
    return np.full(len(sequence), -1, np.int64) if sequence.ids is None else sequence.ids


def _hand_on(corpus: Corpus, items: list[tuple[int, int, Tokens]], values: Sequence[ValueName], add: Add) -> None:
    """Run sequences together, those of like length, and hand each on in its order."""
    interpreter, network = chosen_for_many(), corpus.network
    order = sorted(range(len(items)), key=lambda n: len(items[n][2]))
    found: dict[int, dict[str, Array]] = {}
    for base in range(0, len(order), MOST_TOGETHER):
        some = order[base : base + MOST_TOGETHER]
        given = [_to_run(corpus, items[n][2], corpus.initial) for n in some]
        batch = run_together(network, given) if interpreter == "numba" else None
        if batch is None:
            for n, one in zip(some, given, strict=True):
                ran = run_arrays(network, one.x, interpreter, one.initial, holds=one.holds)
                found[n] = _taken({name: stored.values for name, stored in ran.stored.items()}, values)
            continue
        for place, which in enumerate(batch.places):
            found[some[which]] = _taken(batch.values_of(place), values)
    for n, (file, line, sequence) in enumerate(items):
        add(file, line, ids_of(sequence), found[n])


def _to_run(corpus: Corpus, sequence: Tokens, initial: Initial | None) -> ToRun:
    """Return a sequence, or a part of one, as it is run."""
    network = corpus.network
    holds = cut_holds(network, sequence.cuts, len(sequence)) if sequence.cuts else ()
    return ToRun(input_of(network, sequence, corpus.dtype), initial, holds)


def _taken(of_passes: Mapping[str, Mapping[str, Array]], values: Sequence[ValueName]) -> dict[str, Array]:
    """Return the values that are wanted, in the order of the tape."""
    return {
        one.name: tape_order(of_passes[one.pass_name][one.value], one.pass_name.rpartition(".")[2]).astype(np.float32)
        for one in values
    }


def _long(corpus: Corpus, sequence: Tokens, values: Sequence[ValueName]) -> dict[str, Array]:
    """Run one long sequence, part by part where no pass reads from the end."""
    interpreter, network = chosen_for_many(), corpus.network
    step = _LONG if network.forward_only else len(sequence)
    initial = corpus.initial
    parts: list[dict[str, Array]] = []
    for base in range(0, len(sequence), step):
        part = _to_run(
            corpus, sequence.part(base, base + step), None if sequence.cut_before(base) == "reset" else initial
        )
        ran = run_arrays(network, part.x, interpreter, part.initial, holds=part.holds)
        stored = {name: one.values for name, one in ran.stored.items()}
        parts.append(_taken(stored, values))
        initial = {one.name: {state: stored[one.name][state][-1] for state in one.cell.state} for one in network.passes}
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@dataclass(frozen=True, eq=False)
class HeldStates:
    """One value of every step, held as an array.

    Attributes:
        steps: Number of steps, N.
        units: Number of units, H.
        starts: First step of each sequence, and N behind them, (S + 1,).
        values: The numbers, (H, N).
    """

    steps: int
    units: int
    starts: Array
    values: Array

    def read(self, units: Sequence[int], first: int, stop: int) -> Array:
        """Return some units over a range of steps, (U, stop - first)."""
        return np.asarray(self.values[list(units), first:stop])


@dataclass(frozen=True, eq=False)
class JoinedStates:
    """Units of several values as one.

    Attributes:
        parts: Of each unit, the value that it is of, and which it is there.
    """

    parts: tuple[tuple[SearchedStates, int], ...]

    @property
    def steps(self) -> int:
        """Number of steps, N."""
        return self.parts[0][0].steps

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.parts)

    @property
    def starts(self) -> Array:
        """First step of each sequence, and N behind them, (S + 1,)."""
        return self.parts[0][0].starts

    def read(self, units: Sequence[int], first: int, stop: int) -> Array:
        """Return some units over a range of steps, (U, stop - first)."""
        return np.concatenate([self.parts[n][0].read([self.parts[n][1]], first, stop) for n in units])


@dataclass(frozen=True, eq=False)
class CorpusStates:
    """The states of a corpus, wherever they are held.

    Attributes:
        states: Each value by its name.
        ids: The token of each step, (N,).
        lines: The file and the line in it of each sequence, (S, 2).
        starts: First step of each sequence, and N behind them, (S + 1,).
    """

    states: Mapping[str, SearchedStates]
    ids: Array
    lines: Array
    starts: Array

    def location(self, step: int) -> Location:
        """Return where a step stands."""
        sequence = int(np.searchsorted(self.starts, step, "right")) - 1
        file, line = (int(number) for number in self.lines[sequence])
        return Location(file, sequence, line, step - int(self.starts[sequence]))


RunCorpus = Callable[[Corpus, Sequence[ValueName], Add, Progress | None], None]
"""Runs a corpus for some values, and hands each sequence on in order."""


def hold_states(
    corpus: Corpus, values: Sequence[ValueName], progress: Progress | None = None, run: RunCorpus = run_corpus
) -> CorpusStates:
    """Run a corpus and hold its states as arrays.

    Raises:
        UserError: They are too many, or a sequence does not fit the network.
    """
    steps = sum(len(sequence) for _, _, sequence in corpus.sequences())
    sizes = {one.name: corpus.size_of(one) for one in values}
    if steps * sum(sizes.values()) * 4 > MOST_HELD:
        raise UserError(f"{steps} steps are too many to be held: `lstm-tui find` searches them in an index on disk")
    held = {name: np.empty((units, steps), np.float32) for name, units in sizes.items()}
    ids = np.empty(steps, np.int64)
    starts, lines = [0], list[tuple[int, int]]()

    def add(file: int, line: int, mine: Array, numbers: Mapping[str, Array]) -> None:
        first, stop = starts[-1], starts[-1] + len(mine)
        ids[first:stop] = mine
        for name, series in numbers.items():
            held[name][:, first:stop] = series.T
        starts.append(stop)
        lines.append((file, line))

    run(corpus, values, add, progress)
    edges = np.array(starts, np.int64)
    states = {name: HeldStates(steps, len(series), edges, series) for name, series in held.items()}
    return CorpusStates(states, ids, np.array(lines, np.int64).reshape(-1, 2), edges)
