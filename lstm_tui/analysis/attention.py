"""Attention inside a step: where a pass looks over a collection, and what changes when a place is left out.

A cell looks where it reads the rows of a matrix by weights, `z = a @ M`. The weights say where was looked; what was
used is asked by running again without a place, its part given to the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, no_pass
from lstm_tui.engine.language.cell import Cell
from lstm_tui.engine.language.expression import Call, Name, Product, walk
from lstm_tui.engine.runtime.answer import answering
from lstm_tui.engine.runtime.batch import ToRun, run_each
from lstm_tui.engine.runtime.forward import RunBuffers
from lstm_tui.engine.runtime.overrides import Hold
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.runtime.windowed_series import is_windowed

LEFT_OUT = -1e4
"""The score of a place that is left out: its part is 0, and the others share it."""
MOST_NUMBERS = 50_000_000
"""Numbers of a collection over all steps that are looked through for who wrote them."""


class Looking(NamedTuple):
    """Where a cell looks: `reader` reads the rows of `memory` by `weights`, the softmax of `scores` where it is one.

    Where it is `held`, the collection is a table of the network itself, a matrix parameter whose columns are read.
    """

    reader: str
    memory: str
    weights: str
    scores: str | None
    held: bool = False

    @property
    def formula(self) -> str:
        """How it is read, as the equation has it."""
        return f"{self.memory} @ {self.weights}" if self.held else f"{self.weights} @ {self.memory}"


def looks_of(cell: Cell) -> tuple[Looking, ...]:
    """Return where a cell looks, in the order of its equations.

    A matrix parameter is a collection where shares of 1 are laid over its columns: the softmax of this very cell.
    """
    found: dict[tuple[str, str], Looking] = {}
    for equation in cell.equations:
        for node in walk(equation.expression):
            if isinstance(node, Product) and isinstance(node.operand, Name) and _shares(cell, node.operand.name):
                by = node.operand.name
                found.setdefault((node.matrix, by), Looking(equation.name, node.matrix, by, _scores(cell, by), True))
            if not isinstance(node, Call) or node.function != "weighted":
                continue
            memory, weights = node.arguments
            if isinstance(memory, Name) and isinstance(weights, Name) and weights.name in cell.values:
                look = Looking(equation.name, memory.name, weights.name, _scores(cell, weights.name))
                found.setdefault((memory.name, weights.name), look)
    return tuple(found.values())


def _shares(cell: Cell, name: str) -> bool:
    """Say whether a value is a softmax."""
    made = cell.equation(name).expression if name in cell.values else None
    return isinstance(made, Call) and made.function == "softmax"


def _scores(cell: Cell, weights: str) -> str | None:
    made = cell.equation(weights).expression
    if isinstance(made, Call) and made.function == "softmax" and isinstance(made.arguments[0], Name):
        return made.arguments[0].name if made.arguments[0].name in cell.values else None
    return None


@dataclass(frozen=True, eq=False)
class Attention:
    """Where a pass looks, step by step.

    Attributes:
        trace: The run.
        pass_name: The pass.
        look: What it reads, and by which weights.
        steps: Places of the tape at which it looks for what it says: of an answer, those of the answer.
        rows: Numbers of the rows of the collection that were written, or looked at.
        weights: How much is looked at each, (S, R).
        writers: The place of the tape whose token wrote what stands in each row at each step, (S, R); -1 for none, as
            in a table that the network holds.
    """

    trace: Trace
    pass_name: str
    look: Looking
    steps: range
    rows: tuple[int, ...]
    weights: Array
    writers: Array

    @property
    def passed(self) -> PassTrace:
        """The pass."""
        return self.trace[self.pass_name]

    def most(self, step: int) -> int:
        """Return which of the rows is looked at most at a step, both from 0."""
        return int(np.nan_to_num(self.weights[step], nan=-1.0).argmax())


def looking_of(trace: Trace, pass_name: str | None = None) -> Attention:
    """Return where a pass looks; the first that looks anywhere when none is named.

    Raises:
        UserError: None does, there is no such pass, or the run is too long.
    """
    if pass_name is not None and pass_name not in trace.passes:
        raise no_pass(pass_name, trace.passes)
    names = [name for name in trace if pass_name in (None, name)]
    name = next((one for one in names if looks_of(trace[one].cell)), None)
    if name is None:
        where = "this network" if pass_name is None else pass_name
        raise UserError(
            f"{where} looks over no collection: no equation reads the rows of a matrix by weights, as z = a @ M, "
            "or a table by a softmax, as z = M_t @ a"
        )
    passed, look = trace[name], looks_of(trace[name].cell)[0]
    needed = (look.weights,) if look.held else (look.weights, look.memory)
    if any(one not in passed for one in needed):
        raise UserError(f"this trace does not hold {' and '.join(needed)} of {name}")
    if is_windowed(passed[look.weights]) or any(passed[one].size > MOST_NUMBERS for one in needed):
        raise UserError("this run is too long for a map of attention: open a shorter text")
    weights = np.asarray(passed[look.weights], np.float64)
    writers = np.full(weights.shape, -1) if look.held else writers_of(passed, look.memory, weights.shape[1])
    steps = answering(trace.sequence.tokens, trace.network)
    here = slice(steps.start, steps.stop)
    rows = np.flatnonzero((writers[here] >= 0).any(axis=0) | (weights[here] > 0).any(axis=0))
    chosen = np.ix_(np.array(steps), rows)
    return Attention(trace, name, look, steps, tuple(rows.tolist()), weights[chosen], writers[chosen])


def writers_of(passed: PassTrace, memory: str, rows: int) -> Array:
    """Return the place of the tape at which each row of a matrix last changed, (T, rows); -1 where it never did."""
    series = np.asarray(passed[memory])
    forward = passed.direction == "forward"
    read = series if forward else series[::-1]
    if memory in passed.initial:
        before = passed.entering(memory)
    else:
        before = np.concatenate([np.zeros((1, read.shape[1]), read.dtype), read[:-1]])
    changed = (read != before).reshape(len(read), rows, -1).any(axis=2)
    place = np.arange(len(read)) if forward else np.arange(len(read))[::-1]
    last = np.maximum.accumulate(np.where(changed, np.arange(len(read))[:, None], -1), axis=0)
    found = np.where(last >= 0, place[np.maximum(last, 0)], -1)
    return np.asarray(found if forward else found[::-1])


@dataclass(frozen=True, eq=False)
class Without:
    """What the network says with a place left out.

    Attributes:
        step: At which step it is left out, from 0; None for all of them.
        row: Which of the rows, from 0.
        said: The outputs at each step, (S, K).
    """

    step: int | None
    row: int
    said: Array


def said_of(found: Attention, ran: RunBuffers | None = None) -> Array:
    """Return what is said at each step, (S, K), in the run itself or in another; of a verdict, the same at each.

    Raises:
        UserError: The trace has no network, or it says nothing.
    """
    made, network = found.trace.ran if ran is None else ran, found.trace.network
    if made is None or network is None or network.readout is None or made.readout is None:
        raise UserError("a trace without its network, or a network that says nothing, cannot be asked without a place")
    values = np.asarray(made.readout.values[network.readout.page.result], np.float64)
    steps = np.array(found.steps)
    return values[steps] if values.ndim == 2 else np.broadcast_to(values, (len(steps), len(values)))


def each_without(found: Attention, cells: Sequence[tuple[int | None, int]]) -> Iterator[Without]:
    """Yield what is said with places left out: of each cell its step, or None for all steps, and its row.

    What was on the tape stays there: no other token is read because another is said.

    Raises:
        UserError: The trace has no network.
    """
    said_of(found)
    network, ran = found.trace.network, found.trace.ran
    assert network is not None
    assert ran is not None
    initial = {name: {state: np.asarray(v) for state, v in one.initial.items()} for name, one in found.trace.items()}
    runs = (ToRun(ran.x, initial, (*ran.holds, *_holds(found, step, row))) for step, row in cells)
    for (step, row), made in zip(cells, run_each(network, runs, found.trace.interpreter), strict=True):
        yield Without(step, row, said_of(found, made))


def _holds(found: Attention, step: int | None, row: int) -> Iterator[Hold]:
    """Yield what leaves a row out: of all steps the scores say so, of one its part is given to the others."""
    look, name, number = found.look, found.pass_name, found.rows[row]
    if step is None and look.scores is not None:
        yield Hold(name, look.scores, (number, number + 1), (found.steps.start, found.steps.stop), "set", LEFT_OUT)
        return
    for t in found.steps if step is None else (found.steps[step],):
        yield Hold(
            name, look.weights, (0, found.passed[look.weights].shape[1]), (t, t + 1), "set", shared(found, t, number)
        )


def shared(found: Attention, t: int, number: int) -> tuple[float, ...]:
    """Return the weights of a place of the tape with one row left out, and its part given to the others."""
    whole = np.asarray(found.passed[found.look.weights][t], np.float64)
    others = np.where(np.arange(len(whole)) == number, 0.0, whole)
    with np.errstate(all="ignore"):
        scale = whole.sum() / others.sum() if others.sum() > 0 else 0.0
    return tuple((others * scale).tolist())
