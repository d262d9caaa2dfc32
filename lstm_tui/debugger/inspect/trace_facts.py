"""What is the same at every position of a trace: labels, columns, scales, signals. Computed once, when asked.

The facts of a longer run of the same text begin from those of the shorter one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from typing import NamedTuple

import numpy as np

from lstm_tui.analysis.contributions import OutputParts, attention_in, parts_of
from lstm_tui.analysis.distribution import is_language_model, surprise
from lstm_tui.analysis.health import Kind, flags_of
from lstm_tui.analysis.ledger import Flow, FlowPart, flow_between, flow_of
from lstm_tui.analysis.memory_events import MemoryStep, memory_step
from lstm_tui.analysis.memory_reads import ReadSplit, read_places, split_read
from lstm_tui.debugger.colours import INK_OF_ROLE
from lstm_tui.debugger.inspect.scale import largest_of, nice_scale, range_scale, scale_of
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.roles import memory_of, ranges_of, roles_of, update_of
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.number_text import axis_end
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_series import WindowedSeries, as_array
from lstm_tui.engine.runtime.windows import PassWindows, RunWindows
from lstm_tui.engine.text_safety import visible


def letter(value: str) -> str:
    """Return how a value is written: C for the memory of an LSTM."""
    return "C" if value == "c" else value


class Known(NamedTuple):
    """It, by pass and value or signal.

    Attributes:
        length: How many tokens.
        signals: What the tape is coloured by, (T,) each.
        flows: What memories keep and are written; None where that is not linear.
        halves: Half widths of axes.
        surprise: That of each token in bits, (T,); None where it was not asked, or means nothing.
    """

    length: int
    signals: Mapping[tuple[str, str], Array]
    flows: Mapping[str, Flow | None]
    halves: Mapping[tuple[str, str], float]
    surprise: Array | None


ATTENTION = "attention"
"""The signal that is a readout's weight of each token, with the name of the value behind it."""
SURPRISE = "surprise"
"""The signal that says how unlikely a token was found before it came, in bits; nothing predicts the first."""
_WORDS = {
    "keeps": "keep",
    "writes": "write",
    "shows": "output",
    "candidate": "candidate",
    "memory": "memory",
    "output": "hidden",
}
ACTS = ("keep", "write", "output")
"""What a gate does, as `Column.word` says it."""
NEAR_STEPS, NEAR_BEFORE = 256, 2
"""Of a run in windows the ledger begins so many times so many steps before those the current one is among."""
_FLOWS_HELD, _STEPS_HELD = 4, 512
_READ_AT_ONCE = 20_000_000
"""Numbers carried through a run for a read that the screen splits without being asked."""
_AT_ONCE = 1_024
"""Tokens up to which all that is asked of a run is computed before it is shown."""
_NEAR, _LOOK_SECONDS = 100, 0.01
"""Tokens to both sides that a screen shows at most, and how long it may take to come to them before they are shown."""
_SPARE = ("other", "other2", "other3")


@dataclass(frozen=True)
class Column:
    """One value of a pass as a column of the unit table.

    Attributes:
        name: The value.
        letter: How it is written in a heading: C for the memory of an LSTM.
        label: Short name from the cell's comment, without the word gate.
        word: What it does or is: keep, write, output, memory …; may be empty.
        ink: Name of its colour.
        gate: Whether it lies in 0..1 and is drawn from the left.
        half: Half width of its axis when it is not a gate.
    """

    name: str
    letter: str
    label: str
    word: str
    ink: str
    gate: bool
    half: float

    @property
    def acts(self) -> bool:
        """Whether it is a gate that keeps, writes or lets through."""
        return self.word in ACTS

    @property
    def headings(self) -> tuple[tuple[str, str], ...]:
        """Headings from the longest to the shortest, each a bold part and a quiet part.

        Each begins with the letter by which the equations know the value.
        """
        label = self.label or self.letter
        axis = "" if self.half == 1 else f" 0–{axis_end(self.half)}" if self.gate else f" ±{axis_end(self.half)}"
        if self.word in ("memory", "hidden", "candidate"):
            long = label if self.word == "candidate" else self.word
            return tuple((self.letter, rest) for rest in (f" {long}{axis}", f" {self.word}{axis}", axis, ""))
        word = f" {self.word}" if self.word and self.word != label else ""
        named = self.letter if label == self.letter else f"{self.letter} {label}"
        words = ((named, word), (named, ""), (self.letter, word), (self.letter, ""))
        return words if not axis else (*((bold, quiet + axis) for bold, quiet in words), *words)


class Facts:
    """Facts of one trace."""

    def __init__(self, trace: Trace, before: Facts | None = None, since: Facts | None = None) -> None:
        """Hold the trace; nothing is computed yet.

        Args:
            trace: The run.
            before: The facts of its baseline, when it is edited.
            since: Those of a shorter run that this one went on with: what was found out then is not asked again.
        """
        self.trace = trace
        self.before = before
        self._known = None if since is None else since.known
        self._columns: dict[str, tuple[Column, ...]] = {}
        self._signal_names: dict[str, tuple[str, ...]] = {}
        self._signals: dict[tuple[str, str], Array] = {}
        self._flows: dict[str, Flow | None] = {}
        self._inputs: dict[str, float] = {}
        self._near: dict[int, tuple[tuple[str, float], ...]] = {}
        self._lengths: Array | None = None
        self._halves: dict[tuple[str, str], float] = {}
        self._flags: dict[str, dict[int, Kind]] = {}
        self._flows_near: dict[tuple[str, int, int], FlowPart | None] = {}
        self._reads: dict[tuple[str, str, int], ReadSplit | None] = {}
        self._steps: dict[tuple[str, int], MemoryStep | None] = {}

    @property
    def known(self) -> Known:
        """What was found out so far that a longer run can go on from."""
        surprise = self.__dict__.get("surprise")
        return Known(self.length, dict(self._signals), dict(self._flows), dict(self._halves), surprise)

    @cached_property
    def length(self) -> int:
        """Number of tokens."""
        return len(self.trace.sequence)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the passes."""
        return tuple(self.trace.passes)

    @cached_property
    def unknown(self) -> frozenset[int]:
        """Places of tokens the network does not know."""
        return frozenset(self.trace.sequence.unknown)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs, safe to show."""
        return tuple(visible(name) for name in self.trace.classes)

    def prepare(self, t: int = 0) -> None:
        """Compute what is looked at at once; called in a thread, before the trace is shown.

        Of a long run nothing is asked that needs all of it: `finish` does. Of one in windows scales are those of what
        was computed so far, and what is near is computed where not much leads to it.

        Args:
            t: The token that is looked at.
        """
        if self.trace.windows is not None:
            self.trace.windows.begin()
            self.trace.windows.look(t - _NEAR, t + _NEAR, _LOOK_SECONDS)
        elif self.length <= _AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """Compute what takes time in a long run, before it is looked at; called in a thread, once the trace is shown.

        Of a run in windows there is nothing that would be held.
        """
        for name, passed in self.trace.items():
            if passed.stored is not None and self.trace.is_ready(name, passed.tape_place(0)):
                passed.stored.window(0, 1)  # what single ops are shown by is compiled now, and not under a key
        if self.trace.windows is not None:
            return
        for name in self.names:
            flow = self.flow(name)
            if flow is not None:
                flow.sizes  # noqa: B018  (cached)
            for signal in self.signals(name):
                self.signal(name, signal)
            self.flags(name)
            if "x" in self.trace[name].inputs:
                self.input_half(name)
        self.parts  # noqa: B018  (cached)

    def flags(self, pass_name: str) -> dict[int, Kind]:
        """Return what is wrong with which unit of a pass over the whole run, as far as it is seen at a glance."""
        if self.trace.windows is not None and not self.trace.windows.passes[pass_name].is_complete:
            return {}  # of what was not computed yet nothing is known
        if pass_name not in self._flags:
            self._flags[pass_name] = flags_of(self.trace[pass_name])
        return self._flags[pass_name]

    def memory(self, pass_name: str) -> str:
        """Return the value that holds a pass's memory; of a file that left it out, the nearest to it there is."""
        passed = self.trace[pass_name]
        wanted: tuple[str, ...] = (memory_of(passed.cell), passed.cell.output, *passed.cell.state, *passed)
        return next(name for name in wanted if name in passed)

    def flow(self, pass_name: str) -> Flow | None:
        """Return what a pass's memory keeps and is written; None where the update is not linear in it."""
        if pass_name not in self._flows:
            known = None if self._known is None else self._known.flows.get(pass_name)
            passed = self.trace[pass_name]
            made = flow_of(passed, self.memory(pass_name)) if known is None else known.gone_on(passed)
            self._flows[pass_name] = made
        return self._flows[pass_name]

    def flow_near(self, pass_name: str, t: int) -> FlowPart | None:
        """Return what a pass's memory keeps and is written around a place of the tape; None as `flow`.

        Of a run in windows it is that of some steps before the place and behind it; else all of it, or as long as
        that is not known of a long run, from its first step to some steps behind the place.
        """
        passed = self.trace[pass_name]
        if not passed.is_windowed and (self.length <= _AT_ONCE or pass_name in self._flows):
            flow = self.flow(pass_name)
            return None if flow is None else FlowPart(passed, flow)
        step = passed.reading_step(t)
        start = max(step // NEAR_STEPS - NEAR_BEFORE, 0) * NEAR_STEPS if passed.is_windowed else 0
        ahead = 1 if passed.is_windowed else 2  # so many tokens that are not read yet may be in sight
        stop = min((step // NEAR_STEPS + ahead) * NEAR_STEPS, passed.steps)
        if not self.trace.is_ready(pass_name, passed.tape_place(stop - 1)):
            return flow_between(passed, self.memory(pass_name), start, step + 1)
        key = pass_name, start, stop
        if key not in self._flows_near:
            while len(self._flows_near) >= _FLOWS_HELD:
                self._flows_near.pop(next(iter(self._flows_near)), None)
            self._flows_near[key] = flow_between(passed, self.memory(pass_name), start, stop)
        return self._flows_near[key]

    def read_split(self, pass_name: str, value: str, t: int) -> ReadSplit | None:
        """Return what a value reads of a matrix memory, by token; None where it reads none, or it takes too long."""
        key = pass_name, value, t
        if key not in self._reads:
            while len(self._reads) >= _FLOWS_HELD:
                self._reads.pop(next(iter(self._reads)), None)
            passed = self.trace[pass_name]
            made: ReadSplit | None = None
            if value in read_places(passed) and not passed.is_windowed:
                with suppress(UserError):
                    made = split_read(passed, value, t, _READ_AT_ONCE)
            self._reads[key] = made
        return self._reads[key]

    def memory_step(self, pass_name: str, t: int) -> MemoryStep | None:
        """Return what the step at a place does to a pass's memory; None as `flow`."""
        key = pass_name, t
        if key not in self._steps:
            while len(self._steps) >= _STEPS_HELD:
                self._steps.pop(next(iter(self._steps)), None)
            part = self.flow_near(pass_name, t)
            self._steps[key] = None if part is None else memory_step(part, t)
        return self._steps[key]

    def splits(self, pass_name: str) -> bool:
        """Say whether the memory of a pass can be split by token: its cell keeps it and adds to it."""
        cell, name = self.trace[pass_name].cell, self.memory(pass_name)
        return name in cell.state and update_of(cell, name) is not None

    def no_ledger(self, pass_name: str) -> tuple[str, ...]:
        """Say why a pass has no ledger, in short lines."""
        name, cell = self.memory(pass_name), self.trace[pass_name].cell
        own = memory_of(cell)
        if own != name and own in cell.state and update_of(cell, own) is not None:
            return ("this trace does not hold", f"{own}, the memory:", "no ledger.")
        if not self.splits(pass_name):
            return (f"{name} is computed anew at", "every token: it cannot", "be split by token.")
        return ("this trace does not hold", f"what {name} keeps and is", "written: no ledger.")

    @cached_property
    def parts(self) -> OutputParts | None:
        """What each token adds to the verdict, where the readout is linear up to its softmax."""
        with np.errstate(all="ignore"):  # what is infinite or NaN is shown as such
            return parts_of(self.trace)

    def half(self, pass_name: str, value: str) -> float:
        """Return the half width of a symmetric axis that holds a value at every step of every like pass.

        Of a run in windows it holds those that were computed so far, and becomes larger with them.
        """
        key = (pass_name, value)
        if self.trace.windows is not None:
            return self._half_so_far(self.trace.windows, pass_name, value)
        if key not in self._halves:
            cell = self.trace[pass_name].cell
            largest = 0.0 if self.before is None else self.before.half(pass_name, value)
            first = 0
            if self._known is not None and key in self._known.halves:
                largest, first = max(largest, self._known.halves[key]), self._known.length
            for passed in self.trace.passes.values():
                if passed.cell.name == cell.name and value in passed:
                    largest = max(largest, largest_of(passed[value][first:]))
            self._halves[key] = nice_scale(largest)
        return self._halves[key]

    def _half_so_far(self, windows: RunWindows, pass_name: str, value: str) -> float:
        cell = self.trace[pass_name].cell
        largest = 0.0 if self.before is None else self.before.half(pass_name, value)
        for name, passed in self.trace.passes.items():
            if passed.cell.name == cell.name and value in passed:
                largest = max(largest, windows.passes[name].sizes.largest.get(value, 0.0))
        half = nice_scale(largest)
        if self._halves.get((pass_name, value)) != half:
            self._halves[pass_name, value] = half
            self._columns.clear()
        return half

    def columns(self, pass_name: str) -> tuple[Column, ...]:
        """Return the columns of a pass in the order of its equations, memory and output last."""
        if self.trace.windows is not None:  # whose axes may have become larger
            for value in self.trace.windows.passes[pass_name].sizes.largest:
                if value in self.trace[pass_name]:
                    self.half(pass_name, value)
        if pass_name not in self._columns:
            self._columns[pass_name] = self._make_columns(self.trace[pass_name])
        return self._columns[pass_name]

    def _make_columns(self, passed: PassTrace) -> tuple[Column, ...]:
        cell = passed.cell
        role, ranges = roles_of(cell), ranges_of(cell)
        memory = self.memory(passed.name)
        units = passed[memory].shape[1]
        last = [name for name in (memory, cell.output) if name in passed]
        order = [name for name in cell.values if name not in last] + list(dict.fromkeys(last))
        spare = iter(_SPARE * 20)
        made: list[Column] = []
        for name in order:
            if name not in passed or passed[name].shape[1:] != (units,):
                continue
            does = role.get(name, "")
            limits = ranges.get(name)
            bounded = limits is not None and math.isfinite(limits[0]) and math.isfinite(limits[1])
            half, gate = range_scale(*limits) if limits and bounded else (self.half(passed.name, name), False)
            made.append(
                Column(
                    name=name,
                    letter=letter(name),
                    label=visible(cell.equation(name).label).removesuffix(" gate"),
                    word=_WORDS.get(does, ""),
                    ink="plain" if name in last else INK_OF_ROLE.get(does) or next(spare),
                    gate=gate,
                    half=half,
                )
            )
        return tuple(made)

    def input_half(self, pass_name: str) -> float:
        """Return the largest size of a number that a pass reads; of a run in windows, has read so far."""
        if self.trace.windows is not None:
            return self.trace.windows.passes[pass_name].sizes.largest["x"]
        if pass_name not in self._inputs:
            self._inputs[pass_name] = largest_of(self.trace[pass_name].inputs["x"])
        return self._inputs[pass_name]

    def near(self, token: int, most: int = 4) -> tuple[tuple[str, float], ...]:
        """Return the other words of the embedding that point most nearly the same way, with their cosine.

        One that points away, or across, is near to none.
        """
        network = self.trace.network
        if network is None or network.embedding is None or network.tokens is None:
            return ()
        if token not in self._near:
            rows = network.embedding
            if self._lengths is None:
                self._lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows)) + 1e-30
            cosines = rows @ rows[token] / (self._lengths * self._lengths[token])
            best = [n for n in np.argsort(-cosines, kind="stable") if n != token and cosines[n] > 0][:most]
            words = network.tokens.vocabulary
            self._near[token] = tuple((words[int(n)], float(cosines[n])) for n in best)
        return self._near[token]

    def signals(self, pass_name: str) -> tuple[str, ...]:
        """Return what the tape can be coloured by for a pass: attention, gates that do something, then the memory."""
        if pass_name not in self._signal_names:
            self._signal_names[pass_name] = self._make_signal_names(pass_name)
        return self._signal_names[pass_name]

    def _make_signal_names(self, pass_name: str) -> tuple[str, ...]:
        gates = [f"mean {c.label} {c.letter}".replace("  ", " ") for c in self.columns(pass_name) if c.acts]
        memory = letter(self.memory(pass_name))
        attention = attention_in(self.trace)
        first = (f"{ATTENTION} {attention}",) if attention is not None else ()
        predicted = (SURPRISE,) if is_language_model(self.trace.network) and self.surprise is not None else ()
        return (*first, *gates, f"|Δ{memory}|", f"|{memory}|", *predicted)

    @cached_property
    def surprise(self) -> Array | None:
        """The surprise of each token in bits, (T,), NaN for the first; None where no next token is said."""
        return surprise(self.trace, None if self._known is None else self._known.surprise)

    def signal(self, pass_name: str, signal: str) -> Array:
        """Return a signal (T,), scaled into 0..1."""
        key = (pass_name, signal)
        if key not in self._signals:
            with np.errstate(invalid="ignore", over="ignore"):
                self._signals[key] = self._whole_signal(pass_name, signal)
        return self._signals[key]

    def _whole_signal(self, pass_name: str, signal: str) -> Array:
        if signal == SURPRISE and self.surprise is not None:
            return self.surprise
        if signal.startswith(ATTENTION):
            return np.asarray(self.trace.readout[signal.split()[1]][:, 0])
        known = None if self._known is None else self._known.signals.get((pass_name, signal))
        passed = self.trace[pass_name]
        if passed.is_windowed:
            return as_array(
                WindowedSeries(
                    lambda a, b: self._signal_at(passed, signal, a, b),
                    passed.steps,
                    (),
                    passed[self.memory(pass_name)].dtype,
                )
            )
        if known is None:
            return self._signal(self.trace[pass_name], signal)
        return np.concatenate([known, self._signal(self.trace[pass_name].behind(len(known)), signal)])

    def _signal(self, passed: PassTrace, signal: str) -> Array:
        name = self.memory(passed.name)
        if signal.startswith("mean "):
            gate = next((value for value in passed if letter(value) == signal.split()[-1]), None)
            if gate is None:  # a baseline of other equations
                return np.full(passed.steps, np.nan)
            return np.asarray(passed[gate].mean(axis=1))
        if not signal.startswith("|Δ"):
            return np.asarray(np.abs(passed[name]).mean(axis=1))
        read = passed[name] if passed.direction == "forward" else passed[name][::-1]
        before = passed.entering(name) if name in passed.initial else np.concatenate([read[:1], read[:-1]])
        change = np.abs(read - before).mean(axis=1)
        return np.asarray(change if passed.direction == "forward" else change[::-1])

    def _signal_at(self, passed: PassTrace, signal: str, start: int, stop: int) -> Array:
        """Return a signal at some places of the tape."""
        steps = (start, stop) if passed.direction == "forward" else (passed.steps - stop, passed.steps - start)
        return self._signal(passed.between(*steps), signal)

    def _gate(self, pass_name: str, signal: str) -> Column:
        """Return the gate whose mean a signal is: `mean forget f`. In a baseline it may have another label."""
        return next(column for column in self.columns(pass_name) if column.letter == signal.split()[-1])

    def signal_full(self, pass_name: str, signal: str) -> float:
        """Return the value at which a signal's colour is strongest: the end of a gate's axis, else a round number."""
        if signal.startswith(ATTENTION):
            return 1.0
        if signal.startswith("mean "):
            return self._gate(pass_name, signal).half
        if self.trace.windows is not None:
            return self._full_so_far(self.trace.windows.passes[pass_name], pass_name, signal)
        return scale_of(self.signal(pass_name, signal), least=0.01)

    def _full_so_far(self, windows: PassWindows, pass_name: str, signal: str) -> float:
        """Return the end of a signal's scale as far as a run in windows was computed."""
        if signal == SURPRISE:
            return nice_scale(2 * math.log2(max(len(self.trace.classes), 2)))
        name = self.memory(pass_name)
        found = windows.sizes.move if signal.startswith("|Δ") else windows.sizes.mean
        return nice_scale(found.get(name, 1.0), least=0.01)
