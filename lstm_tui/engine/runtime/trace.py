"""Every value of a run, by name: what the screen draws, an export writes and an analysis reads.

A trace is never changed. One made by running a network can also show each op of the program; one read from
a file holds the named values only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Items
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, SupportsIndex, cast

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.builder import length
from lstm_tui.engine.compiler.compile import compile_cell
from lstm_tui.engine.compiler.ops import Shape
from lstm_tui.engine.compiler.program import spread
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UnknownName, UserError, no_pass, unknown_name
from lstm_tui.engine.language.cell_fields import Size
from lstm_tui.engine.language.expression import Expression
from lstm_tui.engine.model.sequence import Direction, Sequence
from lstm_tui.engine.model.tape_places import TapePlaces, known_tape
from lstm_tui.engine.number_text import count_of
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.runtime.resets import Resets
from lstm_tui.engine.runtime.tables import Library, data_set_of, table_of
from lstm_tui.engine.runtime.value_array import ValueArray, with_tape
from lstm_tui.engine.runtime.windowed_series import is_windowed, rows_of
from lstm_tui.engine.text_safety import visible

if TYPE_CHECKING:
    from lstm_tui.engine.compiler.program import Program
    from lstm_tui.engine.language.cell import Cell
    from lstm_tui.engine.model.network import Network
    from lstm_tui.engine.runtime.forward import RunBuffers
    from lstm_tui.engine.runtime.storage import Stored
    from lstm_tui.engine.runtime.windows import RunWindows


_TRIED = 4096
"""Numbers that are tried for a letter of which the size of a matrix alone tells."""
_MOST_PASSES = 16
"""Passes that a trace tells of itself at a prompt."""


@dataclass(frozen=True, eq=False)
class PassTrace(Mapping[str, ValueArray]):
    """The values of one pass: `passed["f"]` is (T, H), read-only, in tape order; `passed["f"].at("bad")` is (H,).

    Attributes:
        name: Such as `layer0.forward`.
        cell: The cell's equations.
        direction: Which way the pass reads the tape.
        input_size: Numbers in x, I.
        hidden_size: Units, H.
        arrays: Every named value, (T, n) in tape order.
        initial: Value of each state before the first step.
        inputs: What it read, (T, n) in tape order: `x` and values from below; empty when not known.
        stored: Where the run keeps every op of every step, or None when read from a file.
        tape: The tokens it read; None where it is of no trace.
        resets: Where it reads from the states its cell begins with, whatever came before.
    """

    __eq__, __hash__ = object.__eq__, object.__hash__  # one run is another, whatever its numbers are

    name: str
    cell: Cell
    direction: Direction
    input_size: int
    hidden_size: int
    arrays: Mapping[str, Array]
    initial: Mapping[str, Array]
    inputs: Mapping[str, Array] = field(default_factory=dict)
    stored: Stored | None = field(default=None, repr=False)
    tape: TapePlaces | None = field(default=None, repr=False)
    resets: Resets = field(default=Resets(), repr=False)

    _repr_html_ = rich_display

    def __repr__(self) -> str:
        """Say in one line what it is the pass of, and which values it has; no number of them."""
        return f"<PassTrace {visible(self.name)}: {visible(self.cell.name)}; {self.shapes()}>"

    def shapes(self) -> str:
        """Return the names of the values, those of one shape together: `f i g c o h (5, 32)`."""
        by_shape: dict[tuple[int, ...], list[str]] = {}
        for name, series in self.arrays.items():
            by_shape.setdefault(series.shape, []).append(visible(name))
        return ", ".join(f"{' '.join(names)} {shape}" for shape, names in by_shape.items())

    def __getitem__(self, name: str) -> ValueArray:
        """Return a value (T, n) in tape order.

        Raises:
            UserError: There is no such value; the nearest is named. It is a `KeyError` too.
        """
        try:
            return cast(ValueArray, self.arrays[name])
        except (KeyError, TypeError):
            raise unknown_name(f"{visible(self.name)} has no value", name, self.arrays) from None

    def __contains__(self, name: object) -> bool:
        """Say whether there is a value of this name."""
        return name in self.arrays

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the values."""
        return iter(self.arrays)

    def __len__(self) -> int:
        """Return how many named values there are."""
        return len(self.arrays)

    def at(self, where: str | SupportsIndex) -> dict[str, Array]:
        """Return every value at one token, (n,) each, by name.

        Args:
            where: The token, the first of several alike; or a place on the tape, from 0, or from -1 at the end.

        Raises:
            UserError: There is no such token or place.
        """
        t = known_tape(self.tape).of(where)
        return {name: series[t] for name, series in self.arrays.items()}

    def table(self, values: Items[str] | str | None = None) -> dict[str, Array]:
        """Return it as columns of T rows: `t`, `token`, and `c[0]` for each unit of each value.

        Args:
            values: Names of values; by default all.

        Raises:
            UserError: There is no value of that name.
        """
        tape = known_tape(self.tape)
        return {**_tape_columns(tape), **_unit_columns("", self, _wanted(values, self.arrays))}

    def to_frame(self, values: Items[str] | str | None = None, library: Library | None = None) -> Any:
        """Return it as a table of pandas, or of polars where pandas is not installed; columns as of `table`.

        Args:
            values: Names of values; by default all.
            library: `pandas` or `polars`.

        Raises:
            UserError: There is no value of that name, or no library for it.
        """
        return table_of(_as_texts(self.table(values)), library)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return every value side by side, (T, N): the columns of `table` behind `token`."""
        return _array_of([self], self.steps, dtype)

    @property
    def program(self) -> Program | None:
        """The program that was run, or None when read from a file."""
        return None if self.stored is None else self.stored.program

    def shape_of(self, value: str) -> Shape | None:
        """Return the heads, rows and columns of a value that is a matrix a head; None of any other.

        Of a run that was read from a file they are known where its sizes tell the letters that they are made of.
        """
        if self.program is not None:
            return self.program.matrices.get(value)
        return self._shape_with(self.letters, value) if value in self.cell.shapes else None

    def _shape_with(self, letters: Mapping[str, int], value: str) -> Shape | None:
        """Return the shape of a matrix if its letters stand for these numbers; None where that is not its size."""
        if value not in self.arrays:
            return None
        given = {**letters, "H": self.hidden_size, "I": self.input_size}
        try:
            shape = Shape(*(length(size, given, {}, value) for size in (self.cell.heads, *self.cell.shapes[value])))
        except UserError:
            return None
        return shape if shape.numbers == self.arrays[value].shape[1] else None

    def fixed_vector(self, name: str) -> Array | None:
        """Return a constant vector of the cell by name, (n,); None where there is none, or its length is not known."""
        if name in self.cell.fixed:
            return spread(self.cell.fixed[name], self.hidden_size)
        if name not in self.cell.counted:
            return None
        letters = self.letters if self.program is None else {**self.cell.defaults, **self.program.sizes}
        given = {**letters, "H": self.hidden_size, "I": self.input_size}
        try:
            return np.arange(length(self.cell.counted[name], given, {}, name), dtype=np.float64)
        except UserError:
            return None

    @cached_property
    def letters(self) -> Mapping[str, int]:
        """What the letters of sizes stand for, as far as the sizes of the values that were recorded tell."""
        letters = dict(self.cell.defaults)
        told = set()
        for name, size in self.cell.sizes.items():
            if name in self.arrays and size.letter and size == Size(1, size.letter):
                letters[size.letter] = self.arrays[name].shape[1]
                told.add(size.letter)
        for name, sizes in self.cell.shapes.items():
            asked = {letter for size in (self.cell.heads, *sizes) for letter in size.letters} - {*told, "H", "I"}
            if len(asked) != 1 or name not in self.arrays:
                continue
            (letter,) = asked
            tried = ({**letters, letter: number} for number in range(1, min(self.arrays[name].shape[1], _TRIED) + 1))
            letters = next((one for one in tried if self._shape_with(one, name) is not None), letters)
        return letters

    @cached_property
    def head_shapes(self) -> Mapping[Expression, Shape]:
        """The shape of every op over heads, by where it stands in the equations; as far as the sizes are known."""
        if self.program is not None:
            return self.program.shapes
        if not self.cell.shapes:
            return {}
        try:
            made = compile_cell(self.cell, self.input_size, self.hidden_size, self.letters, bottom=not self.cell.below)
        except UserError:
            return {}
        return made.shapes

    def unit_at(self, value: str, entries: tuple[int, ...]) -> int:
        """Return which unit of a value stands at a row and column, or at a head, row and column.

        Raises:
            UserError: The value is no matrix, or has no such place.
        """
        shape = self.shape_of(value)
        if shape is None:
            raise UserError(f"{value} has no rows and columns: its units are {value}[0], {value}[1] …")
        return shape.find(value, entries)

    def entry_of(self, value: str, unit: int) -> str:
        """Return a unit as it is typed in brackets behind a value: `7`, of a matrix its row and column, `2,3`."""
        shape = self.shape_of(value)
        return str(unit) if shape is None else shape.written(unit)

    @property
    def parameters(self) -> Array | None:
        """The flat parameters that were used, or None when read from a file."""
        return None if self.stored is None else self.stored.flat

    @property
    def steps(self) -> int:
        """Number of steps, T."""
        return len(next(iter(self.arrays.values())))

    def reading_step(self, t: int) -> int:
        """Return how many steps this pass has taken before it reads place `t` of the tape."""
        return t if self.direction == "forward" else self.steps - 1 - t

    def tape_place(self, step: int) -> int:
        """Return the place on the tape that is read at step `step`; its own inverse."""
        return self.reading_step(step)

    @property
    def final_states(self) -> dict[str, Array]:
        """Every state after the last step in reading order, (n,) each."""
        last = self.tape_place(self.steps - 1)
        return {state: self.arrays[state][last] for state in self.cell.state if state in self.arrays}

    def behind(self, steps: int) -> PassTrace:
        """Return what a forward pass did behind its first steps, as a pass that begins there; without its ops."""
        return replace(
            self,
            arrays={name: series[steps:] for name, series in self.arrays.items()},
            initial={name: self.arrays[name][steps - 1] if steps else start for name, start in self.initial.items()},
            inputs={name: series[steps:] for name, series in self.inputs.items()},
            stored=None,
            tape=None,
            resets=self.resets.part(steps, self.steps),
        )

    def between(self, start: int, stop: int) -> PassTrace:
        """Return what the pass did from one of its steps to before another, as a pass of its own; without its ops."""
        first, last = (start, stop) if self.direction == "forward" else (self.steps - stop, self.steps - start)
        state = self.state_before(start)
        return replace(
            self,
            arrays={name: rows_of(series, first, last) for name, series in self.arrays.items()},
            initial={name: np.array(state[name]) for name in self.initial if name in state},
            inputs={name: rows_of(series, first, last) for name, series in self.inputs.items()},
            stored=None,
            tape=None,
            resets=self.resets.part(first, last),
        )

    def state_before(self, step: int) -> Mapping[str, Array]:
        """Return every state that is recorded as a step in reading order finds it, (n,) each."""
        if step < self.steps and self.resets.at(self.tape_place(step)):
            return self.resets.states
        if step == 0:
            return self.initial
        place = self.tape_place(step - 1)
        return {name: np.asarray(self.arrays[name][place]) for name in self.initial if name in self.arrays}

    @property
    def is_windowed(self) -> bool:
        """Whether it is held in windows: its values are computed where they are looked at."""
        return any(is_windowed(series) for series in self.arrays.values())

    def previous(self, name: str, t: int) -> Array:
        """Return a state (n,) as the pass found it when it read place `t`."""
        if self.resets.at(t):
            return self.resets.states[name]
        step = self.reading_step(t)
        if step == 0:
            return self.initial[name]
        return np.asarray(self.arrays[name][self.tape_place(step - 1)])

    def entering(self, name: str, first: int = 0, last: int | None = None) -> Array:
        """Return a state as the steps in reading order from `first` to before `last` find it, (n, size)."""
        last = self.steps if last is None else last
        series = self.arrays[name] if self.direction == "forward" else self.arrays[name][::-1]
        rows = np.array(rows_of(series, max(first - 1, 0), last - 1)) if last > 1 else np.array(series[:0])
        if first == 0 and last:
            rows = np.concatenate([np.asarray(self.initial[name])[None].astype(rows.dtype, copy=False), rows])
        low, high = (first, last) if self.direction == "forward" else (self.steps - last, self.steps - first)
        for t in self.resets.between(low, high):
            rows[self.reading_step(t) - first] = self.resets.states[name]
        return rows

    def first_remembered(self, steps: int) -> int:
        """Return the first place of the tape that is in the state after so many steps: the last reset, or its first."""
        last = self.tape_place(max(steps - 1, 0))
        found = self.resets.nearest(last, self.direction)
        return self.tape_place(0) if found is None else found

    def ticks(self, t: int) -> int:
        """Return how many steps `every` counts before place `t`: since the states were last set back, and its start."""
        step = self.reading_step(t)
        return self.cell.start + step - self.reading_step(self.first_remembered(step + 1))

    def row(self, t: int) -> Array | None:
        """Return every slot of the step at place `t`, (width,), or None when only values are held."""
        if self.stored is None:
            return None
        step = self.reading_step(t)
        return np.asarray(self.stored.window(step, step + 1)[1])


@dataclass(frozen=True, eq=False)
class Trace(Mapping[str, PassTrace]):
    """Every value of a run; `trace["layer0.forward"]["f"]` is a (T, H) array.

    A pass is asked by its name; by its layer, such as `layer0`, where that reads one way; or by its number.

    Attributes:
        model: Its `name`, `file` (None when bundled or made here) and `sha256`.
        sequence: What was read.
        interpreter: numpy or numba.
        dtype: float32 or float64.
        passes: In the order in which they ran.
        readout: Named values of the readout, (T, n) for a series and (n,) for a single one.
        readout_inputs: What the readout read of the passes, (T, n) each; empty when read from a file.
        ran: What the engine keeps of the run, for gradients; None when read from a file.
        output: What the network says at each token, (T, K), or None where that means nothing.
        result: What it says of the whole sequence, (K,), or None.
        classes: Names of the K outputs; may be empty.
        edits: Lines of an edit script: the edits that were open.
        network: The network, or None when the trace was read from a file.
        noted: What a trace file says was assumed of its network; `remarks` tells it of every trace.
    """

    model: Mapping[str, str | None]
    sequence: Sequence
    interpreter: str
    dtype: str
    passes: Mapping[str, PassTrace]
    readout: Mapping[str, Array] = field(default_factory=dict)
    output: Array | None = None
    result: Array | None = None
    classes: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    network: Network | None = field(default=None, repr=False)
    readout_inputs: Mapping[str, Array] = field(default_factory=dict, repr=False)
    ran: RunBuffers | None = field(default=None, repr=False)
    noted: tuple[str, ...] = ()

    __eq__, __hash__ = object.__eq__, object.__hash__  # one run is another, whatever its numbers are

    _repr_html_ = rich_display

    def __post_init__(self) -> None:
        """Have every pass and its values know the tape."""
        tape = self.tape
        told = {name: _on_tape(passed, tape) for name, passed in self.passes.items()}
        object.__setattr__(self, "passes", told)
        if self.output is not None and self.output.ndim == 2:
            object.__setattr__(self, "output", with_tape(self.output, tape, "output"))

    @property
    def tape(self) -> TapePlaces:
        """The tokens, and where each stands."""
        return TapePlaces(self.sequence, None if self.network is None else self.network.tokens)

    @property
    def windows(self) -> RunWindows | None:
        """What holds a run in windows; None where its values are arrays."""
        return None if self.ran is None else self.ran.windows

    def is_ready(self, pass_name: str, t: int) -> bool:
        """Say whether a pass has been computed at a place of the tape; a run that is not in windows always has."""
        windows = self.windows
        return windows is None or windows.is_ready(pass_name, self[pass_name].reading_step(t))

    @property
    def remarks(self) -> tuple[str, ...]:
        """What should be known of how the network was read, whether it is here or not, and of what it reads."""
        if self.network is None:
            return self.noted
        return (*self.network.remarks, *self.network.remarks_on(self.sequence.columns))

    @property
    def why_no_answer(self) -> str:
        """Why there is no result where there is none: no readout, or one that stands around what was captured."""
        if self.network is None or not self.network.is_part:
            return "this network has no readout"
        name = visible(self.network.name)
        if self.edits:
            return f"only {name} runs again after an edit, not the model around it: capture() of the edited text has it"
        return f"{name} is one part of a model, whose answer was not captured"

    def __repr__(self) -> str:
        """Say in a few lines what was run over what, and which values there are; no array, and nothing raw."""
        edited = f", {count_of(len(self.edits), 'edit')}" if self.edits else ""
        what, over = visible(self.model["name"] or "a network"), count_of(len(self.sequence), "token")
        lines = [f"<Trace of {what} over {over} “{self.sequence.beginning}”, {self.interpreter} {self.dtype}{edited}"]
        lines += [f"  {visible(name)}: {one.shapes()}" for name, one in list(self.passes.items())[:_MOST_PASSES]]
        if len(self.passes) > _MOST_PASSES:
            lines.append(f"  … {len(self.passes) - _MOST_PASSES} passes more")
        lines += [f"  {name}: {one.shape}" for name in ("output", "result") if (one := getattr(self, name)) is not None]
        return "\n".join(lines) + ">"

    def __getitem__(self, name: str | int) -> PassTrace:
        """Return a pass: by name, by a layer that reads one way, or by its number in the order in which they run.

        Raises:
            UserError: There is no such pass; the nearest is named. It is a `KeyError` too.
        """
        if isinstance(name, str):
            if name in self.passes:
                return self.passes[name]
            inside = [one for one in self.passes if one.partition(".")[0] == name]
            if len(inside) == 1:
                return self.passes[inside[0]]
            if inside:
                raise UnknownName(f"{visible(name)} reads both ways: take {' or '.join(map(visible, inside))}")
            raise no_pass(name, self.passes)
        names = list(self.passes)
        try:
            return self.passes[names[name]]
        except (IndexError, TypeError):
            raise unknown_name("there is no pass", name, names) from None

    def __contains__(self, name: object) -> bool:
        """Say whether there is a pass of exactly this name."""
        return name in self.passes

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the passes."""
        return iter(self.passes)

    def __len__(self) -> int:
        """Return the number of passes; the number of tokens is `len(trace.sequence)`."""
        return len(self.passes)

    @property
    def final_states(self) -> dict[str, dict[str, Array]]:
        """Every state of every pass after its last step in reading order, (n,) each."""
        return {name: passed.final_states for name, passed in self.passes.items()}

    # --- asked from Python ---

    def as_read(self, token: str) -> str:
        """Return a token as the network reads it; as it is where the network is not known."""
        return self.tape.as_read(token)

    def places(self, token: str) -> tuple[int, ...]:
        """Return every place of the tape, from 0, at which a token stands."""
        return self.tape.every(token)

    def at(self, where: str | SupportsIndex) -> dict[str, dict[str, Array]]:
        """Return every value at one token: `trace.at("bad")["layer0.forward"]["c"]` is (n,).

        Args:
            where: The token, the first of several alike; or a place on the tape, from 0, or from -1 at the end.

        Raises:
            UserError: There is no such token or place.
        """
        t = self.tape.of(where)
        return {name: {value: series[t] for value, series in passed.items()} for name, passed in self.items()}

    def table(self, values: Items[str] | str | None = None) -> dict[str, Array]:
        """Return the run as columns of T rows: `t`, `token`, and `layer0.forward.c[0]` for each unit of each value.

        pandas, polars and pyarrow make a table of it: `pandas.DataFrame(trace.table(["c", "h"]))`.

        Args:
            values: Names of values, of every pass that has them; by default all.

        Raises:
            UserError: No pass has a value of that name.
        """
        wanted = _wanted(values, {value: None for passed in self.values() for value in passed})
        columns = _tape_columns(self.tape)
        for name, passed in self.items():
            columns |= _unit_columns(f"{name}.", passed, wanted)
        return columns

    def to_frame(self, values: Items[str] | str | None = None, library: Library | None = None) -> Any:
        """Return the run as a table of pandas, or of polars where pandas is not installed; columns as of `table`.

        Args:
            values: Names of values, of every pass that has them; by default all.
            library: `pandas` or `polars`.

        Raises:
            UserError: No pass has a value of that name, or no library for it is installed.
        """
        return table_of(_as_texts(self.table(values)), library)

    def to_xarray(self, values: Items[str] | str | None = None) -> Any:
        """Return the run as a data set of xarray: `layer0.forward.c` over `t` and `layer0.forward.unit`.

        Values that are not as long as there are units have an axis of their own. Along `t` stand the places, and
        `token` is beside them.

        Args:
            values: Names of values, of every pass that has them; by default all.

        Raises:
            UserError: No pass has a value of that name, or xarray is not installed.
        """
        wanted = _wanted(values, {value: None for passed in self.values() for value in passed})
        variables: dict[str, tuple[tuple[str, ...], Array]] = {}
        for name, passed in self.items():
            for value in (one for one in passed if one in wanted):
                whole = rows_of(passed[value], 0, passed.steps)
                own = "unit" if whole.shape[1] == passed.hidden_size else f"{value}.unit"
                variables[f"{name}.{value}"] = (("t", f"{name}.{own}"), np.asarray(whole))
        tokens = np.array(self.sequence.tokens, dtype=object)
        return data_set_of(variables, {"t": np.arange(len(tokens)), "token": (("t",), tokens)})

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """Return every value of every pass side by side, (T, N): the columns of `table` behind `token`."""
        return _array_of(list(self.values()), len(self.sequence), dtype)


def _on_tape(passed: PassTrace, tape: TapePlaces) -> PassTrace:
    """Return a pass whose values know the tape."""
    known = passed.tape
    if known is not None and known.sequence is tape.sequence and known.vocabulary is tape.vocabulary:
        return passed
    arrays = {value: with_tape(series, tape, f"{passed.name}.{value}") for value, series in passed.arrays.items()}
    return replace(passed, arrays=arrays, tape=tape)


def _wanted(values: Items[str] | str | None, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the values that are asked for."""
    if values is None:
        return tuple(known)
    asked = (values,) if isinstance(values, str) else tuple(values)
    for name in asked:
        if name not in known:
            raise unknown_name("no pass has a value", name, known)
    return asked


def _tape_columns(tape: TapePlaces) -> dict[str, Array]:
    return {"t": np.arange(len(tape.sequence)), "token": np.array(tape.sequence.tokens, dtype=object)}


def _unit_columns(before: str, passed: PassTrace, wanted: tuple[str, ...]) -> dict[str, Array]:
    """Return a column for each unit of each value that is asked for."""
    columns: dict[str, Array] = {}
    for value in (one for one in passed if one in wanted):
        whole = rows_of(passed[value], 0, passed.steps)
        columns |= {
            f"{before}{value}[{passed.entry_of(value, unit)}]": whole[:, unit] for unit in range(whole.shape[1])
        }
    return columns


def _as_texts(columns: Mapping[str, Array]) -> dict[str, Array | list[str]]:
    """Return columns in which what is text is known as text."""
    return {name: column.tolist() if column.dtype == object else column for name, column in columns.items()}


def _array_of(passes: Items[PassTrace], steps: int, dtype: Any) -> Array:
    """Return every value of some passes side by side, (T, N)."""
    parts = [np.asarray(rows_of(series, 0, steps)) for passed in passes for series in passed.values()]
    made = np.concatenate(parts, axis=1) if parts else np.empty((steps, 0))
    return made if dtype is None else made.astype(dtype, copy=False)
