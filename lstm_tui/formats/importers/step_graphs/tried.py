"""A network made of a step, run beside the step itself on two sequences: what differs is not opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.runtime.forward import run_arrays
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.assemble import assemble
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Plan
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, dtype_of, random_of
from lstm_tui.formats.importers.step_graphs.front import StepFront
from lstm_tui.formats.importers.step_graphs.loops import LoopsAsSteps
from lstm_tui.formats.importers.step_graphs.network import StepParts
from lstm_tui.formats.importers.step_graphs.pieces import Pieces
from lstm_tui.formats.importers.step_graphs.states import StepEnds

LENGTHS = (5, 8)
CLOSE = 1e-5
_HALF = 2e-3


@dataclass(frozen=True, eq=False)
class StepTrial:
    """A program and what is known of it, to be run beside the network that was made of it.

    Attributes:
        graph: The program.
        ends: What goes in and comes out.
        shapes: The shape of each input.
        fixed: Inputs that are the same at every step.
        ids: The input of ids, or empty.
        table: What they are looked up in.
        front: What makes the input of the lowest layer, or None.
        states: By the name of a state in the page: what the file calls it, the places of its new value, all pieces.
        half: Whether the file computes with numbers of half the bits.
        loops: The program as it was, where its step is a trip of a loop.
        orders: Of each state of the file, in which order its numbers stand here.
    """

    graph: ProgramGraph
    ends: StepEnds
    shapes: Mapping[str, tuple[int, ...]]
    fixed: Mapping[str, Array]
    ids: str
    table: Array | None
    front: StepFront | None
    states: Mapping[str, tuple[str, Array, Pieces]]
    half: bool = False
    loops: LoopsAsSteps | None = None
    orders: Mapping[str, Array] = field(default_factory=dict)

    def inputs(self, steps: int, seed: int) -> list[dict[str, Array]]:
        """Return what goes in at each step beside the states."""
        random = np.random.default_rng(seed)
        made = []
        for _ in range(steps):
            one = dict(self.fixed)
            for name in self.ends.read:
                kind = self.graph.inputs[name][0]
                one[name] = random_of(kind, self.shapes[name], random)
                if kind == 9:
                    one[name] = random.random(self.shapes[name]) < 0.5
            if self.ids:
                rows = 2 if self.table is None else len(self.table)
                kind = self.graph.inputs[self.ids][0]
                one[self.ids] = random.integers(0, rows, self.shapes[self.ids]).astype(
                    np.int32 if kind == 6 else np.int64
                )
            made.append(one)
        return made

    def stepped(self, inputs: list[dict[str, Array]]) -> list[dict[str, Array]]:
        """Return what the file gives at each step, its states carried along from zeros."""
        carried = {
            one.old: np.zeros(self.shapes[one.old], dtype_of(self.graph.inputs[one.old][0])) for one in self.ends.states
        }
        carried |= {} if self.loops is None else self.loops.initial
        made = []
        for one in inputs:
            known = {**one, **carried}
            for name in self.graph.outputs:
                known[name] = self.graph.evaluate(name, known, keep=True)
            made.append({name: known[name] for name in self.graph.outputs})
            carried = {state.old: known[state.new] for state in self.ends.states}
        return made

    def series(self, inputs: list[dict[str, Array]], steps: list[dict[str, Array]]) -> None:
        """Look whether the loops of the file give over a whole series what their trips give one by one.

        Raises:
            UnsupportedNode: They do not.
        """
        assert self.loops is not None
        known = {
            name: np.concatenate([one[name] for one in inputs], axis=self.loops.times[name])
            if name in self.loops.times else array
            for name, array in inputs[0].items()
        }  # fmt: skip
        for one in self.ends.states:
            if one.old not in self.loops.initial:
                known[one.old] = np.zeros(self.shapes[one.old], dtype_of(self.graph.inputs[one.old][0]))
        for name in self.loops.whole.outputs:
            whole = self.loops.whole.evaluate(name, dict(known))
            ends = [whole.reshape(-1) - steps[-1][name].reshape(-1)] if whole.size == steps[-1][name].size else []
            ends += [
                whole - np.concatenate([one[name] for one in steps], axis=axis)
                for axis in range(whole.ndim)
                if whole.shape == np.concatenate([one[name] for one in steps], axis=axis).shape
            ]
            if not any(
                np.abs(one).max(initial=0.0) <= CLOSE * max(1.0, np.abs(whole).max(initial=0.0)) for one in ends
            ):
                raise UnsupportedNode(f"the loop gives {visible(name)} otherwise over a series than trip by trip")

    def x(self, inputs: list[dict[str, Array]]) -> Array:
        """Return what the lowest layer reads, (T, I)."""
        if self.front is not None:
            return self.front.run(
                {name: np.stack([one[name].reshape(-1) for one in inputs]) for name in self.front.inputs}
            )
        if self.table is not None:
            return self.table[[int(one[self.ids].reshape(-1)[0]) for one in inputs]]
        rows = [np.concatenate([one[name].reshape(-1).astype(np.float32) for name in self.ends.read]) for one in inputs]
        return np.stack(rows).astype(np.float32)


def try_network(plan: Plan, parts: StepParts, trial: StepTrial, report: ImportReport) -> None:
    """Run a network beside its file on two sequences, and say that they agree.

    Raises:
        UserError: They do not, or it cannot be run.
    """
    network = assemble(plan, ImportReport(report.file), report.file, "")
    worst = 0.0
    for seed, steps in enumerate(LENGTHS):
        inputs = trial.inputs(steps, seed)
        try:
            wanted = trial.stepped(inputs)
            if trial.loops is not None:
                trial.series(inputs, wanted)
        except UnsupportedNode as error:
            raise UserError(f"{report.file}: {error}, so it cannot be tried") from error
        worst = max(worst, _apart(network, parts, trial, inputs, wanted, report.file))
    lengths = " and ".join(map(str, LENGTHS))
    report.say(
        "compared",
        f"every state and answer, {lengths} steps",
        "confirmed",
        f"with {trial.graph.ran_by}, its state carried by hand",
    )


def _apart(
    network: Network, parts: StepParts, trial: StepTrial, inputs: list[dict[str, Array]],
    wanted: list[dict[str, Array]], where: str,
) -> float:  # fmt: skip
    ran = run_arrays(network, trial.x(inputs), "numpy")
    worst = 0.0

    def value(layer: str, name: str) -> Array:
        if layer == "readout":
            assert ran.readout is not None
            return ran.readout.values[name]
        return ran.stored[f"{layer}.forward"].values[name]

    new = {one.old: one.new for one in trial.ends.states}
    begun: dict[str, int] = {}
    for name, (source, places, _) in trial.states.items():
        begin = begun.get(source, 0)
        begun[source] = begin + len(places)
        order = trial.orders[source][begin : begin + len(places)]
        there = np.stack([one[new[source]].reshape(-1)[order] for one in wanted])
        worst = max(worst, _check(value(*parts.states[name]), there, f"the state {visible(source)}", where, trial.half))
    for name, place in parts.answers.items():
        there = np.stack([one[name].reshape(-1) for one in wanted])
        worst = max(worst, _check(value(*place), there, visible(name), where, trial.half))
    return worst


def _check(made: Array, there: Array, what: str, where: str, half: bool) -> float:
    if not np.isfinite(there).all():
        raise UserError(
            f"{where}: {what} is not finite for what was tried, so it cannot be told whether it is understood"
        )
    if made.shape != there.shape:
        raise UserError(
            f"{where}: {what} has {there.shape[1]} numbers a step, and the page that was made has {made.shape[1]}"
        )
    size = max(1.0, float(np.abs(there).max(initial=0.0)))
    apart = float(np.abs(made.astype(np.float64) - there).max(initial=0.0)) / size
    if not apart <= (_HALF if half else CLOSE):
        raise UserError(
            f"{where}: the page that was made of its step gives {what} otherwise than the file, so it is not opened"
        )
    return apart
