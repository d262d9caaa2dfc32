"""What names mean: values, inputs and parameters of a run, each at any range of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.debugger.expressions.series import KNOWN, NO_STEP, NOT_READ, NOWHERE, Series
from lstm_tui.debugger.features import Feature
from lstm_tui.debugger.held_values import HeldValues
from lstm_tui.debugger.unit_names import NONE, UnitNames
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.ops import Shape
from lstm_tui.engine.compiler.program import is_hold
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, nearest
from lstm_tui.engine.language.vocabulary import shortened
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_series import is_not_known_yet, waits_for_nothing
from lstm_tui.engine.text_safety import visible

_FEW = 8  # names that are told where none is near
_NEAR = 40  # characters of a token that may be meant instead of another
UNITS = 'units are written c[17], c[-1] or c[0:8], from 0; steps c[t-1]; classes output["good"]'
"""What is said of what stands in square brackets and means nothing there."""
OF_THE_RUN = ("token", "t", "output", "result")
TOKENS = "tok"
"""What stands for the tokens of the tape, each by its place: `tok[3]`, or from its end: `tok[-1]`."""


@dataclass(frozen=True)
class Moment:
    """A range of places on the tape, and how far from each of them something is looked at.

    Attributes:
        start: First place.
        stop: Place behind the last.
        on_tape: Places to the right (left when negative).
        earlier: Steps back in a pass's own reading order.
    """

    start: int
    stop: int
    on_tape: int = 0
    earlier: int = 0

    def places(self, backward: bool) -> range:
        """Return which places are looked at; some may lie outside the tape."""
        shift = self.on_tape + (self.earlier if backward else -self.earlier)
        return range(self.start + shift, self.stop + shift)


class NoSuchName(Exception):
    """A name that means nothing here; says what is wrong and which name is near."""

    def __init__(self, said: str, near: str | None = None) -> None:
        super().__init__(said)
        self.said, self.near = said, near


@dataclass(eq=False)
class Scope:
    """A run, and the pass that names without a pass belong to.

    Attributes:
        trace: The run.
        pass_name: The pass.
        kept: What is computed once for a whole run, by what was asked.
        names: What units are called; by default, as the network's card has it.
        held: What `$1` and `$limit` are; nothing by default.
        comes: Whether more tokens come behind the last.
    """

    trace: Trace
    pass_name: str
    kept: dict[Any, Array] = field(default_factory=dict)
    names: UnitNames = NONE
    held: HeldValues = field(default_factory=HeldValues)
    comes: bool = False

    def __post_init__(self) -> None:
        """Take the names of the network's card where none are given."""
        if self.names is NONE:
            self.names = UnitNames.of_trace(self.trace)

    @property
    def passed(self) -> PassTrace:
        """The pass."""
        return self.trace[self.pass_name]

    @property
    def steps(self) -> int:
        """Number of tokens, T."""
        return len(self.trace.sequence)

    @property
    def lowercase(self) -> bool:
        """Whether the network reads capital letters as small ones."""
        network = self.trace.network
        return bool(network is not None and network.tokens is not None and network.tokens.lowercase)

    def as_read(self, token: str) -> str:
        """Return a token as the network reads it."""
        return self.trace.as_read(token)

    @property
    def tokens(self) -> Array:
        """Every token as the network reads it, (T,)."""
        if "token" not in self.kept:
            tokens = np.empty(self.steps, dtype=object)
            tokens[:] = [self.as_read(token) for token in self.trace.sequence.tokens]
            self.kept["token"] = tokens
        return self.kept["token"]

    def _given_tokens(self) -> Array:
        """Return every token as it was given, (T, 1)."""
        if "given" not in self.kept:
            given = np.empty((self.steps, 1), dtype=object)
            given[:, 0] = self.trace.sequence.tokens
            self.kept["given"] = given
        return self.kept["given"]

    def owner(self, name: str) -> tuple[PassTrace, str]:
        """Return the pass of a value, and its name there.

        Without a pass it is the selected one, or the one other that has such a value where that has none.

        Raises:
            NoSuchName: There is no such pass.
        """
        pass_name, _, value = name.rpartition(".")
        if not pass_name:
            others = [] if name in self.passed or name in self.passed.inputs else self._with_value(name)
            return (others[0] if len(others) == 1 else self.passed), name
        if pass_name in self.trace:
            return self.trace[pass_name], value
        if name in self.trace:
            values = ", ".join(self.trace[name])
            raise NoSuchName(f"{name} is a pass: name one of its values, {values}")
        if pass_name in self.passed or pass_name in self.parameters(self.passed):
            raise NoSuchName(f"a value has no attributes such as .{value}: `whatis {pass_name}` describes it")
        known = [f"{one}.{each}" for one, passed in self.trace.items() for each in (*passed, *passed.inputs)]
        known += [f"readout.{each}" for each in self.trace.readout]
        raise NoSuchName(f"there is no pass {pass_name}", nearest(name, known))

    def _with_value(self, name: str) -> list[PassTrace]:
        """Return the passes that have a value of this name."""
        return [one for one in self.trace.values() if name in one]

    def read(self, name: str, moment: Moment) -> Series:
        """Return what a name means at some steps.

        Raises:
            NoSuchName: It means nothing here.
        """
        if name.startswith("readout."):
            return self._readout(name.removeprefix("readout."), moment)
        passed, value = self.owner(name)
        if value in passed:
            return self._rows(passed, value, passed[value], moment)
        if value in passed.inputs and not _is_hold(value, passed):
            return self._rows(passed, value, passed.inputs[value], moment)
        fixed = passed.fixed_vector(value)
        if fixed is not None:
            return Series.constant(fixed)
        if name in OF_THE_RUN:
            return self._of_the_run(name, moment)
        if name in self.names.features:
            return self._feature(self.names.features[name], moment)
        parameters = self.parameters(passed)
        if value in parameters and parameters[value].ndim == 1:
            return Series.constant(parameters[value])
        if value in parameters and parameters[value].ndim == 2:
            matrix = parameters[value]
            return replace(Series.constant(matrix.reshape(1, -1)), shape=matrix.shape)
        if name == TOKENS:
            raise NoSuchName(f"{TOKENS} takes a place of the tape: {TOKENS}[3], or {TOKENS}[-1], its last")
        known = {*passed, *passed.inputs, *OF_THE_RUN, *self.names.features, *(parameters if "_" in value else ())}
        near = nearest(value, sorted(one for one in known if not _is_hold(one, passed)))
        if near is not None and near not in OF_THE_RUN and near not in self.names.features:
            near = name.removesuffix(value) + near
        names = list(passed)
        listed = f"; it has {', '.join(names[:_FEW])}{', …' if len(names) > _FEW else ''}" if near is None else ""
        raise NoSuchName(f"{passed.name} has no value {value}{listed}", near)

    def _feature(self, feature: Feature, moment: Moment) -> Series:
        """Return what a direction is at some steps.

        Raises:
            NoSuchName: This run has no such value, or one of another size.
        """
        passed = self.trace.passes.get(feature.pass_name)
        if passed is None or feature.value not in passed:
            raise NoSuchName(
                f"this run has no {feature.pass_name}.{feature.value}, of which {feature.name} is a direction"
            )
        rows = self._rows(passed, feature.value, passed[feature.value], moment)
        if rows.size != len(feature.weights):
            raise NoSuchName(
                f"{feature.name} is a direction of {len(feature.weights)} numbers, and {feature.pass_name}."
                f"{feature.value} has {rows.size} units here"
            )
        return replace(rows, values=feature.of(rows.values))

    def held_value(self, name: str) -> Series:
        """Return the value that `$1` or `$limit` stands for, its name without the `$`.

        Raises:
            NoSuchName: It stands for none.
        """
        value = self.held.find(name)
        if value is None:
            raise NoSuchName(*self.held.missing(name))
        return value

    def matrix(self, name: str) -> Array:
        """Return a matrix parameter, (rows, columns).

        Raises:
            NoSuchName: There is none of that name.
        """
        passed, value = self.owner(name)
        matrices = {one: array for one, array in self.parameters(passed).items() if array.ndim == 2}
        if value not in matrices:
            why = "" if passed.program is not None else " (a trace file holds no parameters)"
            raise NoSuchName(f"{passed.name} has no matrix {value}{why}", nearest(value, matrices))
        return matrices[value]

    def is_parameter(self, name: str) -> bool:
        """Say whether a name is that of a matrix of weights."""
        try:
            return bool(self.matrix(name).ndim == 2)
        except NoSuchName:
            return False

    def is_known(self, name: str) -> bool:
        """Say whether a name means something in this run."""
        try:
            self.read(name, Moment(0, 1))
        except NoSuchName:
            return False
        return True

    def shape_of(self, name: str) -> Shape | None:
        """Return the heads, rows and columns of a value that is a matrix a head; None of anything else."""
        try:
            passed, value = self.owner(name)
        except NoSuchName:
            return None
        return passed.shape_of(value) if value in passed else None

    def entry(self, name: str, entries: tuple[int, ...]) -> int:
        """Return which unit of a value stands in a row and column of it.

        Raises:
            NoSuchName: The value is no matrix, or has no such row or column.
        """
        passed, value = self.owner(name)
        try:
            return passed.unit_at(value, entries)
        except UserError as error:
            raise NoSuchName(str(error)) from None

    def unit(self, pass_name: str, name: str) -> int:
        """Return which unit of a pass is called so.

        Raises:
            NoSuchName: None is.
        """
        found = self.names.number(pass_name, name)
        if found is None:
            known = self.names.of.get(pass_name, {}).values()
            said = f"no unit of {pass_name} is called {shortened(name)}; {UNITS}" if known else UNITS
            raise NoSuchName(said, nearest(name, known))
        return found

    def parameters(self, passed: PassTrace) -> Mapping[str, Array]:
        """Return the parameters of a pass; none of a trace read from a file."""
        program, flat = passed.program, passed.parameters
        if program is None or flat is None:
            return {}
        return {name: program.view(flat, name) for name in program.parameters}

    def place_of(self, token: str) -> int:
        """Return the first place of a token on the tape.

        Raises:
            NoSuchName: It does not stand there.
        """
        found = np.flatnonzero(self.tokens == self.as_read(token))
        if not len(found):
            near = self.nearest_token(token)
            raise NoSuchName(f'there is no token "{shortened(token)}" on this tape', near and f'"{visible(near)}"')
        return int(found[0])

    def place_numbered(self, number: int) -> int:
        """Return a place of the tape by its number, from the end where that is negative, as NumPy counts.

        One behind the last is a place too where more tokens come.

        Raises:
            NoSuchName: There is none, or the end that it counts from still comes.
        """
        if number < 0 and self.comes:
            raise NoSuchName("more tokens come, so nothing is counted from the end: give the place from 0")
        place = number + self.steps if number < 0 else number
        if place < 0 or (place >= self.steps and not self.comes):
            raise NoSuchName(f"this tape has {self.steps} tokens, from 0")
        return place

    def nearest_token(self, token: str) -> str | None:
        """Return the token of the tape that is written most like one that is not there; None where none is near."""
        return nearest(self.as_read(token), {one for one in self.tokens if len(one) <= _NEAR})

    def _of_the_run(self, name: str, moment: Moment) -> Series:
        trace = self.trace
        if name == "token":
            values, known = gather(self._given_tokens(), self._moment(moment))
            return Series("text", values, known, missing=self._why_absent(self._moment(moment)))
        if name == "t":
            values, known = gather(np.arange(self.steps, dtype=np.float64)[:, None], self._moment(moment))
            return Series("number", values, known, missing=self._why_absent(self._moment(moment)))
        labels = tuple(trace.classes)
        if name == "result":
            if trace.result is None:
                raise NoSuchName(f"{trace.why_no_answer}, so there is no result")
            if waits_for_nothing() and is_not_known_yet(trace.result):
                return Series("number", np.zeros((1, len(labels) or 1)), NOWHERE, labels=labels, missing=NOT_READ)
            return Series("number", np.asarray(trace.result, dtype=np.float64)[None, :], KNOWN, labels=labels)
        if trace.output is None:
            alternative = "; `result` is what it says in the end" if trace.result is not None else ""
            captured = "the model gave one answer for all of them" if alternative else trace.why_no_answer
            why = "a pass reads from the end" if trace.readout else captured
            raise NoSuchName(f"this run has no output at each token: {why}{alternative}")
        values, known = gather(trace.output, self._moment(moment))
        series = Series("number", values.astype(np.float64), known, labels=labels)
        return self._when_ready(series, trace, self._moment(moment))

    def _readout(self, value: str, moment: Moment) -> Series:
        if value not in self.trace.readout:
            near = nearest(value, self.trace.readout)
            raise NoSuchName(f"the readout has no value {value}", near and f"readout.{near}")
        array = self.trace.readout[value]
        if array.ndim == 1:
            return Series.constant(array)
        values, known = gather(array, self._moment(moment))
        return self._when_ready(Series("number", values.astype(np.float64), known), self.trace, self._moment(moment))

    def _moment(self, moment: Moment) -> range:
        """Return the places of what belongs to no pass: its previous step is that of the selected one."""
        return moment.places(self.passed.direction == "backward")

    def once(self, name: Any, moment: Moment, array: Array) -> Series:
        """Return a series (T, 1) that was computed for the whole run, at some steps."""
        values, known = gather(array, moment.places(name))
        return Series("number", values, known, missing=self._why_absent(moment.places(name)))

    def _why_absent(self, places: range) -> str:
        """Return why nothing is there at places of the tape that are not on it."""
        return NOT_READ if self.comes and places.stop > self.steps else NO_STEP

    def _when_ready(self, series: Series, passes: Iterable[str], places: range) -> Series:
        """Return what stands at some places; where nothing may be waited for and passes are not there yet, not read."""
        missing, trace = self._why_absent(places), self.trace

        def is_ready(t: int) -> bool:
            return not 0 <= t < self.steps or all(trace.is_ready(name, t) for name in passes)

        if not waits_for_nothing() or trace.windows is None or (is_ready(places.start) and is_ready(places.stop - 1)):
            return replace(series, missing=missing)
        ready = np.array([is_ready(t) for t in places])[:, None]
        return replace(series, known=series.known & ready, missing=NOT_READ)

    def _rows(self, passed: PassTrace, name: str, array: Array, moment: Moment) -> Series:
        """Return the numbers of a pass; what it began with counts as the step before its first."""
        given = name not in passed and passed.name.startswith("layer0.")  # which waits for nothing
        places = moment.places(passed.direction == "backward")
        return self._when_ready(_begun(passed, name, array, moment), () if given else (passed.name,), places)


def gather(array: Array, places: range) -> tuple[Array, Array]:
    """Return the rows at some places and which of them exist, (S, n) and (S, 1)."""
    steps = len(array)
    if places.start >= 0 and places.stop <= steps:
        return array[places.start : places.stop], KNOWN
    wanted = np.arange(places.start, places.stop)
    there = (wanted >= 0) & (wanted < steps)
    return array[np.clip(wanted, 0, steps - 1)], there[:, None]


def _begun(passed: PassTrace, name: str, array: Array, moment: Moment) -> Series:
    """Return the numbers of a pass; what it began with counts as the step before its first."""
    backward = passed.direction == "backward"
    places = moment.places(backward)
    values, known = gather(array, places)
    before = passed.steps if backward else -1
    if known is not KNOWN and name in passed.initial and before in places:
        values, known = values.copy(), known.copy()
        values[places.index(before)] = passed.initial[name]
        known[places.index(before)] = True
    return Series("number", np.asarray(values, dtype=np.float64), known)


def _is_hold(name: str, passed: PassTrace) -> bool:
    """Say whether an input only tells where an edit holds a value."""
    return is_hold(name, passed.cell)
