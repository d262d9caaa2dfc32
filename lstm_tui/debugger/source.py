"""What is open: a network, what it reads, and all that shapes the run, as one object that is made once.

The command line makes it of its options, a saved session and interrupted work of the command they hold, Python of
its arguments, `open` of a trace file, a lesson of its text. Sessions and screens hold it and hand it on whole, so a
new fact of what is open is one more field here and one more line where it is read.

Its runs are made by line, each when it is first looked at.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from collections.abc import Sequence as Items
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.runtime.forward import bytes_of_token
from lstm_tui.engine.runtime.interpreters import chosen, quick_steps
from lstm_tui.engine.runtime.memory_budget import most_array_bytes
from lstm_tui.engine.runtime.progress_call import Progress
from lstm_tui.engine.runtime.run import Initial, input_of, is_held_in_windows, run, trace_of
from lstm_tui.engine.runtime.side_by_side import seconds_of, side_by_side, threads_for
from lstm_tui.engine.runtime.trace import Trace
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.debugger.edits.language import Edit
    from lstm_tui.formats.captures.captured_run import CapturedRun
    from lstm_tui.formats.inputs.numeric_series import NumericSeries
    from lstm_tui.formats.inputs.stream import Incoming
    from lstm_tui.formats.inputs.text_input import InputText


@dataclass(frozen=True, eq=False)
class Source:
    """A network and what it reads, whatever is edited.

    Attributes:
        network: What is run, with the report of how its file was read; None where only a recorded run is at hand.
        sequences: One for each line of the file that holds something; each is read when it is needed.
        line: Which of them is opened first, from 0.
        line_numbers: Line of each in its file, from 1; empty for a whole file or a single series.
        where: What messages call the input; empty where it came from no file.
        dtype: float32 or float64; None for the precision of the weights.
        interpreter: numpy, numba, or None for the one that is done sooner.
        initial: States before the first step, by pass; None for the cell's own.
        carry: Whether the states go on from one sequence to the next.
        edit_script: Edits of the first line to begin with, which can be undone one by one; those that cut a tape before
            every so many tokens are made of every line.
        command: The arguments of the command that opens the same again; empty where there is none.
        recorded: A run read from a file, which is shown as it is.
        incoming: One sequence that still comes, instead of `sequences`.
        captured: Of each sequence, what a living model did with it: the states it was given, and what the model said,
            as long as nothing is edited; empty where nothing was captured.
        note: What is to be said once of how it was opened, such as which network was chosen.
        is_watched: Whether a screen waits for its runs, so that what is looked at is computed before the rest.
    """

    network: Network | None = None
    sequences: Items[Sequence] = ()
    line: int = 0
    line_numbers: tuple[int, ...] = ()
    where: str = ""
    dtype: str | None = None
    interpreter: str | None = None
    initial: Initial | None = None
    carry: bool = False
    edit_script: tuple[Edit, ...] = ()
    command: tuple[str, ...] = ()
    recorded: Trace | None = None
    incoming: Incoming | None = None
    captured: Items[CapturedRun] = ()
    note: str = ""
    is_watched: bool = False

    def __repr__(self) -> str:
        """Say in one line what is open."""
        what = "a recorded run" if self.network is None else visible(self.network.name)
        return f"<Source: {what} over {visible(self.where) or 'an input'}, {count_of(self.count, 'sequence')}>"

    @classmethod
    def of_captured(cls, runs: Items[CapturedRun], line: int = 0) -> Source:
        """Return what entered one module of a living model: its network, and a line for each sequence of the batch.

        Args:
            runs: All sequences through one call of the module.
            line: Which is opened first, from 0.
        """
        network = runs[line].module.network_with(captured_remarks(runs, line))
        return cls(network, tuple(run.sequence for run in runs), line, captured=tuple(runs))

    @classmethod
    def of_input(
        cls, network: Network, given: InputText | NumericSeries, whole: bool = False, line: int | None = None
    ) -> Source:
        """Return what a network reads of an input.

        Args:
            network: What is run.
            given: A text or numbers, as they were read.
            whole: Whether a text is one sequence, not a sequence for each line.
            line: Line of the file that is opened first, from 1; by default the first that holds something.

        Raises:
            UserError: The network does not read such an input, or there is no such line.
        """
        from lstm_tui.formats.inputs.inputs import Sequences

        sequences = Sequences(given, network, whole)
        first = 0 if line is None else sequences.index_of_line(line)
        return cls(network, sequences, first, sequences.lines, sequences.where)

    @classmethod
    def of_trace(cls, trace: Trace, network: Network | None = None) -> Source:
        """Return a run that was recorded; where its network is at hand, what makes that run again.

        Args:
            trace: The run.
            network: What made it, where the run can be made again.
        """
        initial = {name: dict(passed.initial) for name, passed in trace.items()}
        again = cls(network, (trace.sequence,), dtype=trace.dtype, interpreter=trace.interpreter, initial=initial)
        return again if network is not None else replace(again, recorded=trace, initial=None)

    @property
    def count(self) -> int:
        """How many sequences there are; none before the first tokens of one that still comes."""
        return 1 if self.recorded is not None else len(self.sequences)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What should be known of how the network's file was read, and of what it reads, a line each."""
        if self.recorded is not None:
            return self.recorded.remarks
        if self.network is None:
            return ()
        reads_series = self.network.tokens is None and self.line < len(self.sequences)
        columns = self.sequences[self.line].columns if reads_series else ()
        return (*self.network.remarks, *self.network.remarks_on(columns))

    @property
    def array_bytes(self) -> int | None:
        """Bytes that a run of it may take as arrays; one that is larger is held in windows. A text that comes grows.

        Of a run that a screen waits for they are no more than is computed before anyone notices.
        """
        if self.incoming is not None:
            return None
        most, network = most_array_bytes(), self.network
        if not self.is_watched or network is None:
            return most
        each = sum(seconds_of(one.program, 1) for one in network.passes)
        return min(most, int(_AT_ONCE / each) * bytes_of_token(network, self.dtype or network.dtype))

    def with_text(self, sequence: Sequence) -> Source:
        """Return it with all that has come so far of a text that grows."""
        return replace(self, sequences=(sequence,))

    def start(self, line: int, interpreter: str, after: Trace | None = None, first: int = 0) -> Initial | None:
        """Return the states with which a line begins when it is run by an interpreter; None for the cell's own.

        Args:
            line: Its number, from 0.
            interpreter: numpy or numba.
            after: A run of the line before `first` that is there already, so that no line before `first` is run.
            first: The line behind that run.

        Raises:
            UserError: If a line before it does not fit the network.
        """
        if self.captured:
            return self.captured[line].start
        if not self.carry:
            return self.initial
        initial = self.initial if after is None else after.final_states
        for before in self.sequences[first:line]:
            most = most_array_bytes()
            initial = run(needed(self.network), before, interpreter, self.dtype, initial, array_bytes=most).final_states
        return initial

    def answered(self, line: int, trace: Trace) -> Trace:
        """Return a run of a line without edits, with what the captured model said of it where it was captured."""
        return self.captured[line].answered(trace) if self.captured else trace

    def run(self, line: int | None = None, interpreter: str | None = None, progress: Progress | None = None) -> Trace:
        """Run one of the lines without edits.

        Args:
            line: Which, from 0; by default the one that is opened first.
            interpreter: The one wanted here; by default the one asked for, else the one that is done sooner.
            progress: Called with the steps done and the steps in all.

        Raises:
            UserError: If there is no network, or the line does not fit it.
        """
        return self._run(self.line if line is None else line, interpreter or self.interpreter, (), progress)

    def run_edited(self, line: int | None = None, progress: Progress | None = None) -> Trace:
        """Run one of the lines with the edits to begin with.

        Args:
            line: Which, from 0; by default the one that is opened first.
            progress: Called with the steps done and the steps in all.

        Raises:
            UserError: If there is no network, or the line or an edit does not fit it.
        """
        return self._run(self.line if line is None else line, self.interpreter, self.edit_script, progress)

    def run_lines(self, lines: Items[int]) -> Iterator[Trace]:
        """Yield the runs of some lines with the edits to begin with, as `run_edited` makes them, many at a time.

        Where no interpreter was asked for it is the one that is faster for all of them together.

        Args:
            lines: Their numbers, from 0.

        Raises:
            UserError: If there is no network, or a line or an edit does not fit it, when it is its turn.
        """
        from lstm_tui.engine.runtime.batch import ToRun, run_each

        network, dtype = needed(self.network), self.dtype
        steps = [len(self.sequences[line]) for line in lines]
        name = chosen(self.interpreter, sum(steps), len(network.passes))
        long = any(is_held_in_windows(network, count, dtype, self.array_bytes) for count in steps)
        apart = self.carry or self.edit_script or self.captured
        if len(steps) == 1 or apart or long or not all(steps):
            source = self if len(steps) == 1 else replace(self, interpreter=name)
            yield from (source.run_edited(line) for line in lines)
            return
        waiting: deque[Sequence] = deque()

        def asked() -> Iterator[ToRun]:
            for line in lines:
                waiting.append(self.sequences[line])
                yield ToRun(input_of(network, waiting[-1], dtype or network.dtype), self.initial)

        for ran in run_each(network, asked(), name):
            yield trace_of(ran, waiting.popleft())

    def _run(self, line: int, interpreter: str | None, edits: tuple[Edit, ...], progress: Progress | None) -> Trace:
        network, sequence = needed(self.network), self.sequences[line]
        name = chosen(interpreter, len(sequence), len(network.passes))
        initial = self.start(line, name)
        most = self.array_bytes
        if not edits:
            return self.answered(line, run(network, sequence, name, self.dtype, initial, progress, array_bytes=most))
        from lstm_tui.debugger.edits.apply import apply
        from lstm_tui.debugger.edits.language import line_of

        made, lines = apply(edits, network, sequence, progress), tuple(line_of(edit) for edit in edits)
        return run(made.network, made.sequence, name, self.dtype, initial, progress, lines, made.holds, most)


def edited_runs(sources: Items[Source]) -> list[Trace]:
    """Run the line that is opened first of several sources, each with its edits; side by side where that is faster.

    Raises:
        UserError: As `run_edited` does; of several, one of them.
    """
    seconds = [_seconds_of(one) for one in sources]
    works = [partial(_run_edited, one) for one in sources]
    return side_by_side(works, threads_for(seconds))


def _run_edited(source: Source, progress: Progress) -> Trace:
    return source.run_edited(progress=progress)


def _seconds_of(source: Source) -> float:
    """Return about how long a source is run without Python's lock; 0 where it is not."""
    network = source.network
    if network is None or source.carry or not source.count:
        return 0.0
    steps = len(source.sequences[source.line])
    compiled = chosen(source.interpreter, steps, len(network.passes)) == "numba"
    if not compiled or is_held_in_windows(network, steps, source.dtype, source.array_bytes):
        return 0.0
    return sum(seconds_of(one.program, steps) for one in network.passes)


_AT_ONCE = 0.005
"""Seconds that a run may take, compiled, before anything of it is on the screen."""
_MOST_COMPARED = 20_000
"""Steps of a captured batch that are compared with PyTorch before it is opened."""


def captured_remarks(runs: Items[CapturedRun], line: int = 0) -> tuple[str, ...]:
    """Return what should be known of sequences that were captured: where our numbers are not the model's."""
    from lstm_tui.formats.captures.captured_run import run_together

    shown = runs[line]
    remarks = []
    if shown.broken is not None:
        remarks.append(
            f"at step {shown.broken} the model gave {visible(shown.module.name)} another state than it had, "
            "so the steps before are shown"
        )
    compared = runs if sum(map(len, runs)) <= _MOST_COMPARED else (shown,)
    run_together(compared)
    worst = max(compared, key=lambda one: one.difference)
    if not worst.is_as_given:
        remarks.append(f"sequence {worst.batch} {worst.said}")
    return tuple(remarks)


def needed(network: Network | None) -> Network:
    """Return a network that is about to run.

    Raises:
        UserError: If there is none.
    """
    if network is None:
        raise UserError("this trace came from a file without its network: nothing can be run again")
    return network


_KEPT = 8
"""Traces that are held at once."""


class LineRuns:
    """The runs of what is open, by line: each is made when it is first asked for, and the last few are kept.

    Attributes:
        source: What is open. Where a text still comes, it is followed by another with what has come.
    """

    def __init__(self, source: Source) -> None:
        """Hold what is open; nothing is run yet."""
        self.source = replace(source, is_watched=True)
        self._kept: OrderedDict[tuple[int, str], Trace] = OrderedDict()
        self._starts: dict[tuple[int, str], Initial | None] = {}

    def __len__(self) -> int:
        """Return how many sequences there are."""
        return self.source.count

    @property
    def can_run(self) -> bool:
        """Whether there is a network to run."""
        return self.source.recorded is None

    def held(self, number: int, interpreter: str) -> Trace | None:
        """Return a trace that is there already."""
        return self.source.recorded or self._kept.get((number, interpreter))

    def begin(self, sequence: Sequence) -> None:
        """Take the first tokens of a sequence that grows."""
        self.source = self.source.with_text(sequence)

    def grown(self, trace: Trace) -> None:
        """Hold a run that has grown in the place of what was run before it."""
        self.begin(trace.sequence)
        if trace.interpreter == "numba":  # which took over for good
            self._kept.clear()
        self._kept[0, trace.interpreter] = trace

    def start(self, number: int, interpreter: str) -> Initial | None:
        """Return the states with which a run that is held was begun; None when they are the network's own."""
        held = self._starts.get((number, interpreter))
        return held if held is not None or self.source.carry else self.source.start(number, interpreter)

    def is_short(self, number: int) -> bool:
        """Say whether a sequence is run so quickly that nobody notices, or is held in windows and not run at once."""
        network = self.source.network
        if network is None or len(self.source.sequences[number]) <= quick_steps("numpy", len(network.passes)):
            return True
        steps, most = len(self.source.sequences[number]), self.source.array_bytes
        return (
            most is not None and not self.source.carry and is_held_in_windows(network, steps, self.source.dtype, most)
        )

    def try_first_line(self) -> None:
        """Run the line that is opened first where that is quick, and look whether the edits to begin with fit it.

        Raises:
            UserError: If the line or an edit does not fit the network; nothing is said of a text that still comes.
        """
        source = self.source
        if source.incoming is not None:
            return
        if self.is_short(source.line):
            self.run(source.line)
        if source.edit_script and source.network is not None:
            from lstm_tui.debugger.edits.apply import apply

            apply(source.edit_script, source.network, source.sequences[source.line])

    def run(self, number: int, interpreter: str = "numpy", progress: Progress | None = None) -> Trace:
        """Run a sequence, telling how far it is, or return the trace that was kept of it.

        Raises:
            UserError: If the sequence does not fit the network.
        """
        source, held = self.source, self.held(number, interpreter)
        if held is not None or source.network is None:
            assert held is not None
            return held
        first = number
        while first > 0 and self.held(first - 1, interpreter) is None:
            first -= 1
        initial = source.start(number, interpreter, self.held(first - 1, interpreter) if first else None, first)
        made = run(
            source.network, source.sequences[number], interpreter, source.dtype, initial, progress,
            array_bytes=source.array_bytes,
        )  # fmt: skip
        made = source.answered(number, made)
        self._starts[number, interpreter] = initial
        self._kept[number, interpreter] = made
        while len(self._kept) > _KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._starts.pop(gone, None)
        return made

    def title(self) -> str:
        """Return the network in a few words: `sentiment · BiLSTM 32+32 · mean_softmax`."""
        network, recorded = self.source.network, self.source.recorded
        if recorded is not None or network is None:
            return f"{visible((recorded and recorded.model.get('name')) or 'trace')} · trace file"
        return network_title(network)


def network_title(network: Network) -> str:
    """Return a network in a few words: `sentiment · BiLSTM 32+32 · mean_softmax`."""
    layers = []
    for layer in network.layers:
        first = layer.passes[0]
        both = "Bi" if len(layer.passes) > 1 else ""
        sizes = "+".join(str(one.program.hidden_size) for one in layer.passes)
        name = visible(first.cell.name)
        layers.append(f"{both}{name.upper() if len(name) <= 4 else name} {sizes}")
    parts = [visible(network.name), ", ".join(layers)]
    if network.readout is not None:
        parts.append(visible(network.readout.page.name).replace("_", ", "))
    return " · ".join(parts)
