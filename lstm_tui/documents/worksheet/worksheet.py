"""A worksheet of some steps of a run: each value of each unit as a sum that a pencil can follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from decimal import Decimal

import numpy as np

from lstm_tui.documents.blocks import Line
from lstm_tui.documents.worksheet.arithmetic import (
    Arithmetic,
    EquationInputs,
    Leaf,
    Paper,
    Vector,
    decimal,
    lines,
    worked_out,
)
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.compiler.program import Program
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UsageError, UserError
from lstm_tui.engine.language.equations import Equation
from lstm_tui.engine.language.expression import show
from lstm_tui.engine.model.network import find_source
from lstm_tui.engine.number_text import written_out
from lstm_tui.engine.runtime.overrides import READOUT, factors
from lstm_tui.engine.runtime.trace import PassTrace, Trace


@dataclass(frozen=True)
class UnitSum:
    """One unit of a value: its sum line by line, and what an edit then makes of it.

    Attributes:
        entry: What stands in brackets behind the value: the unit, or row and column of a matrix.
        lines: Of the sum.
        edited: What an edit makes of it, in words.
    """

    entry: str
    lines: tuple[Line, ...]
    edited: str = ""


@dataclass(frozen=True)
class ValueSums:
    """A value at one step.

    Attributes:
        name: Of the value.
        label: Of its equation, such as `forget gate`.
        equation: As the screen writes it.
        units: A sum for each.
    """

    name: str
    label: str
    equation: str
    units: tuple[UnitSum, ...]


@dataclass(frozen=True)
class StepSums:
    """One pass, or the readout, at one place on the tape.

    Attributes:
        owner: Name of the pass, or `readout`.
        t: Place on the tape.
        token: What stands there.
        given: What it begins with: names and numbers.
        values: In the order in which they are taken.
    """

    owner: str
    t: int
    token: str
    given: tuple[tuple[str, Vector], ...]
    values: tuple[ValueSums, ...]


@dataclass(frozen=True, eq=False)
class WorksheetContents:
    """All that stands on a worksheet.

    Attributes:
        network: Name of the network.
        tokens: Of the whole tape.
        steps: First place on the tape that is worked out, and the one after the last.
        digits: Places behind the point of everything that is worked out.
        equations: Of each pass and of the readout, as the screen writes them.
        weights: Of each: names and rows.
        worked: Pass by pass in reading order, then the readout.
        difference: Largest difference between the sheet and the run itself.
        remarks: What is not on the sheet, and why.
        outputs: What each output is called, in a sentence; may be empty.
    """

    network: str
    tokens: tuple[str, ...]
    steps: range
    digits: int
    equations: Mapping[str, tuple[str, ...]]
    weights: Mapping[str, Mapping[str, tuple[Vector, ...]]]
    worked: tuple[StepSums, ...]
    difference: float
    remarks: tuple[str, ...] = ()
    outputs: str = ""


_MOST_OUTPUTS = 12
"""Names of outputs that are written out; a vocabulary is too long."""


def sheet_of(trace: Trace, steps: range, digits: int) -> WorksheetContents:
    """Return the worksheet of some places on the tape.

    Raises:
        UserError: The trace has no network, there is no such step, or too much would stand on it.
    """
    if trace.network is None:
        raise UserError("this trace came from a file without its network: a worksheet needs the weights")
    if not steps or steps.stop > len(trace.sequence):
        raise UsageError(f"there are {len(trace.sequence)} steps, from 0: none such as {steps.start}:{steps.stop}")
    return _Desk(trace, steps, digits).sheet()


@dataclass
class _Desk:
    """A worksheet while it is made; `known` holds what was worked out, by owner, value and place."""

    trace: Trace
    steps: range
    digits: int
    paper: Paper = field(default_factory=Paper)
    known: dict[tuple[str, str, int], Vector] = field(default_factory=dict)
    difference: float = 0.0

    def sheet(self) -> WorksheetContents:
        trace = self.trace
        worked = [step for passed in trace.passes.values() for step in self._pass(passed)]
        equations = {
            passed.name: _written(passed.program.equations) for passed in trace.passes.values() if passed.program
        }
        weights = {passed.name: self._weights(passed.program, passed.parameters) for passed in trace.passes.values()}
        remarks, outputs = [f"Of the network: {one}" for one in trace.remarks], ""
        readout = trace.network.readout if trace.network is not None else None
        if readout is not None and not readout.page.whole:
            equations[READOUT] = _written(readout.program.equations)
            weights[READOUT] = self._weights(readout.program, readout.flat)
            outputs = _called(readout.program.equations[-1].name, trace.classes)
            worked += self._readout(readout.program, readout.page.reads, weights[READOUT])
        elif readout is not None:
            remarks.append(f"The readout ({readout.page.title}) reads all tokens at once and is not on this sheet.")
        if len(trace.passes) == 1:
            worked.sort(key=lambda step: step.t)  # what is said of a token stands below it
        return WorksheetContents(
            trace.network.name if trace.network else "", trace.sequence.tokens, self.steps, self.digits,
            equations, weights, tuple(worked), self.difference, tuple(remarks), outputs,
        )  # fmt: skip

    def _vector(self, numbers: Array, begins: bool = False) -> Vector:
        self.paper.take(len(numbers))
        return tuple(Leaf(decimal(number, self.digits, begins)) for number in numbers)

    def _weights(self, program: Program | None, flat: Array | None) -> dict[str, tuple[Vector, ...]]:
        assert program is not None, "the trace has a network"
        assert flat is not None, "the trace has a network"
        views = {name: program.view(flat, name) for name in program.parameters}
        return {
            name: tuple(map(self._vector, view)) if view.ndim == 2 else (self._vector(view),)
            for name, view in views.items()
        }

    def _pass(self, passed: PassTrace) -> list[StepSums]:
        weights = self._weights(passed.program, passed.parameters)
        places = sorted(self.steps, key=passed.reading_step)
        states: dict[str, Vector] = {}
        done: list[StepSums] = []
        for t in places:
            begins = passed.reading_step(t) == 0 or passed.resets.at(t)
            if begins or not done:
                states = {state: self._vector(passed.previous(state, t), begins) for state in passed.cell.state}
            step = self._step(passed, t, states, weights)
            states = {state: self.known[passed.name, state, t] for state in passed.cell.state}
            done.append(step)
        return done

    def _step(
        self, passed: PassTrace, t: int, before: Mapping[str, Vector], weights: Mapping[str, tuple[Vector, ...]]
    ) -> StepSums:
        assert passed.program is not None, "the trace has a network"
        cell, program = passed.cell, passed.program
        x = self._input(passed, t)
        given = {"x": x, **{name: self._below(passed, name, t) for name in program.below or cell.below}}
        ticks = passed.ticks(t)
        values = []
        for equation in program.equations:
            number = cell.values.index(equation.name)

            def vector(name: str, previous: bool, number: int = number) -> Vector:
                if previous or (name in cell.values and cell.is_previous(name, number)):
                    return before[name]
                if name in cell.values:
                    return self.known[passed.name, name, t]
                if name in given:
                    return given[name]
                fixed = passed.fixed_vector(name)
                if fixed is not None:
                    return self._vector(fixed)
                return weights[name][0]

            reading = EquationInputs(vector, weights, lambda period: ticks % period == 0, self.paper, program.shapes)
            values.append(self._value(passed.name, equation, reading, program.values[equation.name].size, t))
        return StepSums(
            passed.name, t, self.trace.sequence.tokens[t],
            (*given.items(), *((f"{state} before", before[state]) for state in cell.state)), tuple(values),
        )  # fmt: skip

    def _value(self, owner: str, equation: Equation, reading: EquationInputs, size: int, t: int) -> ValueSums:
        modes, numbers = self._held(owner, equation.name, size, t)
        units, results = [], []
        for unit in range(size):
            written, result = lines(reading.tree(equation.expression, unit), self.digits)
            edited = ""
            if modes[unit]:
                by = decimal(numbers[unit], self.digits)
                scaled = Arithmetic("×", (result, Leaf(by)))
                result = Leaf(by, True) if modes[unit] == 1 else worked_out(scaled, self.digits)
                verb = "set to" if modes[unit] == 1 else f"multiplied by {written_out(by)}:"
                edited = f"an edit: {verb} {written_out(result.number)}"
            units.append(UnitSum(self._entry(owner, equation.name, unit), written, edited))
            results.append(result)
        self.known[owner, equation.name, t] = tuple(results)
        self._compare(owner, equation.name, t, results)
        return ValueSums(equation.name, equation.label, show(equation.expression), tuple(units))

    def _entry(self, owner: str, value: str, unit: int) -> str:
        return str(unit) if owner == READOUT else self.trace[owner].entry_of(value, unit)

    def _held(self, owner: str, value: str, size: int, t: int) -> tuple[Array, Array]:
        ran = self.trace.ran
        holds = [one for one in (ran.holds if ran else ()) if one.pass_name == owner and one.value == value]
        modes, numbers = factors(holds, len(self.trace.sequence), size, np.float32)
        return modes[t], numbers[t]

    def _compare(self, owner: str, value: str, t: int, results: list[Leaf]) -> None:
        numbers = self.trace.readout[value] if owner == READOUT else self.trace[owner][value]
        sheet = np.array([float(leaf.number) for leaf in results])
        gaps = np.abs(np.subtract(sheet, numbers[t], where=sheet != numbers[t], out=np.zeros(len(sheet))))
        self.difference = max(self.difference, float(gaps.max()))

    def _input(self, passed: PassTrace, t: int) -> Vector:
        """Return what a pass reads: numbers of the run for the lowest layer, those of the sheet above it."""
        layer = int(passed.name.partition(".")[0].removeprefix("layer"))
        held, _ = self._held(passed.name, "x", passed.input_size, t)
        if layer == 0 or held.any():
            return self._vector(passed.inputs["x"][t])
        return self._merged(layer - 1, t)

    def _merged(self, layer: int, t: int) -> Vector:
        network = self.trace.network
        assert network is not None, "checked before"
        of = network.layers[layer]
        outputs = [self.known[one.name, one.cell.output, t] for one in of.passes]
        if len(outputs) == 1:
            return outputs[0]
        if of.merge == "concat":
            return outputs[0] + outputs[1]
        merged = [Arithmetic("×" if of.merge == "mul" else "+", pair) for pair in zip(*outputs, strict=True)]
        if of.merge == "average":
            merged = [Arithmetic("/", (pair, Leaf(Decimal(2)))) for pair in merged]
        return tuple(worked_out(tree, self.digits) for tree in merged)

    def _below(self, passed: PassTrace, name: str, t: int) -> Vector:
        """Return what a pass reads of a value below; in the lowest layer what stands for it there."""
        assert passed.program is not None, "the trace has a network"
        layer, _, direction = passed.name.partition(".")
        lower = (f"layer{int(layer.removeprefix('layer')) - 1}.{direction}", passed.program.below.get(name, ""), t)
        if lower in self.known:
            return self.known[lower]
        row = passed.row(t)
        for one in passed.program.instructions_of(-1) if row is not None else ():
            if one.text.startswith(f"{name} = ") and row is not None:
                return self._vector(row[one.target.offset : one.target.offset + one.target.size])
        return (Leaf(Decimal(0)),)

    def _readout(
        self, program: Program, reads: Mapping[str, str], weights: Mapping[str, tuple[Vector, ...]]
    ) -> list[StepSums]:
        assert self.trace.network is not None, "checked before"
        layers = self.trace.network.layers
        done = []
        for t in self.steps:
            given = {"h": self._merged(len(layers) - 1, t)}
            for alias, source in reads.items():
                if source == "embedding":
                    given[alias] = self._input(next(iter(self.trace.values())), t)
                    continue
                number, direction, value = find_source(source, layers)
                at = (f"layer{number}.{direction}", value, t)
                given[alias] = self._merged(number, t) if direction is None else self.known[at]
            values: list[ValueSums] = []
            for equation in program.equations:

                def vector(name: str, previous: bool, t: int = t, given: Mapping[str, Vector] = given) -> Vector:
                    return self.known.get((READOUT, name, t)) or given.get(name) or weights[name][0]

                reading = EquationInputs(vector, weights, lambda period: False, self.paper)
                values.append(self._value(READOUT, equation, reading, program.values[equation.name].size, t))
            done.append(StepSums(READOUT, t, self.trace.sequence.tokens[t], tuple(given.items()), tuple(values)))
        return done


def _written(equations: tuple[Equation, ...]) -> tuple[str, ...]:
    return tuple(f"{one.name} = {show(one.expression)}" + (f"   {one.label}" if one.label else "") for one in equations)


def _called(value: str, classes: Sequence[str]) -> str:
    """Return what each output stands for, where they have names and are few enough to be read."""
    if not 0 < len(classes) <= _MOST_OUTPUTS:
        return ""
    return ", ".join(f"{value}[{n}] is for {name}" for n, name in enumerate(classes)) + "."
