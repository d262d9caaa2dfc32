"""The network of a program that takes one step: found, written as equations, and tried against the program itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.plan import Found, Plan
from lstm_tui.formats.importers.program.bodies import with_choices_taken
from lstm_tui.formats.importers.program.graph import ProgramGraph, UnsupportedNode, random_of
from lstm_tui.formats.importers.step_graphs.forms import StatePiece
from lstm_tui.formats.importers.step_graphs.front import StepFront, frontier
from lstm_tui.formats.importers.step_graphs.loops import LoopsAsSteps
from lstm_tui.formats.importers.step_graphs.lower import Lowering, PlanNode, Tensor, TensorPlaces
from lstm_tui.formats.importers.step_graphs.network import StepParts, StepShape
from lstm_tui.formats.importers.step_graphs.pieces import Pieces
from lstm_tui.formats.importers.step_graphs.states import StepEnds, find_states, is_fraction, sizes_of_inputs, stem
from lstm_tui.formats.importers.step_graphs.step_equations import safe_name
from lstm_tui.formats.importers.step_graphs.tried import StepTrial, try_network

WIDTHS = (512, 576, 256, 257, 160, 320, 480, 161, 64, 80, 40, 32, 128, 1024, 24, 16, 8, 4, 2, 1)
"""Widths that are tried where a file leaves that of its frames free."""
MOST_WIDTH = 2048
_MOST_STATE = 1 << 16


@dataclass(eq=False)
class StepProgram:
    """A program that takes one step at each run.

    Attributes:
        graph: Its nodes.
        where: What messages call the file.
        half: Whether it computes with numbers of half the bits.
        plan_node: Returns a recurrent node inside the step as a layer; None where there are none.
        loops: The program as it was, where its step is a trip of a loop.
        by_shape: Whether an input that comes out in its shape alone is assumed to be a state.
    """

    graph: ProgramGraph
    where: str
    half: bool = False
    plan_node: PlanNode | None = None
    loops: LoopsAsSteps | None = None
    by_shape: bool = True

    def find(self) -> list[Found]:
        """Return its network."""
        return [Found("", (), self.plan)]

    def plan(self, report: ImportReport) -> Plan:
        """Return the network of the step as a plan, and say what was understood.

        Raises:
            UserError: It is no step that can be written as equations.
        """
        try:
            return _Understood(self, report, self.graph).plan()
        except UnsupportedNode as error:
            raise UserError(f"{self.where}: {error}, so its step cannot be written as a page of equations") from error


@dataclass(eq=False)
class _Understood:
    """A program while it is understood."""

    program: StepProgram
    report: ImportReport
    graph: ProgramGraph
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    fixed: dict[str, Array] = field(default_factory=dict)
    ids: str = ""
    ends: StepEnds = field(default_factory=lambda: StepEnds((), (), ()))
    free: bool = False
    orders: dict[str, Array] = field(default_factory=dict)
    front: StepFront | None = None
    table: Array | None = None

    def plan(self) -> Plan:
        self._inputs()
        outputs = self._outputs()
        fractions = {name: shape for name, shape in self.shapes.items() if name not in self.fixed and name != self.ids}
        self.ends = self._ends(fractions, {name: one.shape for name, one in outputs.items()})
        if not self.ends.states:
            pairs = [(old, new) for old in fractions for new in outputs if fractions[old] == outputs[new].shape]
            old, new = (visible(one) for one in pairs[0]) if pairs else ("INPUT", "OUTPUT")
            raise UserError(
                f"{self.program.where}: has no recurrent node (LSTM, GRU or RNN), and no input is known to come out "
                f"again as its state (`--set state.{old}={new}` names one that does)"
            )
        lowered, x = self._lowered()
        shape = self._shape(lowered, x)
        parts = shape.parts()
        self._say(parts, shape)
        plan = Plan("", parts.chain, embedding=self.table, front=self.front, readout=parts.readout)
        trial = StepTrial(
            self.graph, self.ends, self.shapes, self.fixed, self.ids, self.table, self.front,
            {one.name: (one.source, one.new, shape.pieces) for one in shape.states}, self.program.half,
            self.program.loops, self.orders,
        )  # fmt: skip
        try_network(plan, parts, trial, self.report)
        return plan

    def _ends(self, inputs: Mapping[str, tuple[int, ...]], outputs: Mapping[str, tuple[int, ...]]) -> StepEnds:
        """Return what is read, kept and answered; what loops carry is known."""
        loops = self.program.loops
        if loops is None:
            return find_states(self.graph, inputs, outputs, self.report, self.program.by_shape)
        carried = {one.old for one in loops.states}
        left = {one.new for one in loops.states if one.new not in loops.whole.outputs}
        beside = {name: shape for name, shape in inputs.items() if name not in carried and name not in loops.times}
        ends = find_states(self.graph, beside, {n: s for n, s in outputs.items() if n not in left}, self.report)
        read = tuple(name for name in inputs if name in loops.times or name in ends.read)
        answers = tuple(name for name in ends.answers)
        return StepEnds(read, (*ends.states, *loops.states), answers)

    # --- what goes in ---------------------------------------------------------------------------------------------

    def _inputs(self) -> None:
        graph, report = self.graph, self.report
        sizes = sizes_of_inputs(graph, report)
        for name, (kind, _) in graph.inputs.items():
            if is_fraction(kind):
                continue
            if self._is_ids(name):
                if self.ids:
                    raise UserError(f"{self.program.where}: reads {visible(self.ids)} and {visible(name)}, both ids")
                self.ids = name
                continue
            rate = "16000" if name in ("sr", "sample_rate", "sampling_rate") else "1"
            key = f"input.{visible(name)}"
            text = report.choose(key, rate, [], "assumed", "a whole number that is the same at every step", free=True)
            try:
                number = int(text)
            except ValueError as error:
                raise UserError(f"{report.file}: --set {key}={visible(text[:40])} is no whole number") from error
            self.fixed[name] = np.full([one or 1 for one in sizes[name]], number, np.int64 if kind != 6 else np.int32)
        self.graph = with_choices_taken(graph, self.fixed)
        free = [name for name, one in sizes.items() if None in one and name not in self.fixed]
        self.free = bool(free)
        self.shapes = {name: tuple(1 if n is None else n for n in one) for name, one in sizes.items()}
        for name in free:
            self.shapes[name] = self._width(name, sizes[name])
        self._one_row()

    def _one_row(self) -> None:
        """Take one sequence where the file was exported for several at once whose rows do not read each other."""
        wide = {name: shape for name, shape in self.shapes.items() if name not in self.fixed and shape}
        rows = next((shape[0] for shape in wide.values() if shape[0] > 1), 1)
        axes = {name: next((n for n, size in enumerate(shape[:2]) if size == rows), -1) for name, shape in wide.items()}
        if rows < 2 or min(axes.values()) < 0:
            return
        before = dict(self.shapes)
        try:
            many = self._evaluated(0)
            for name, axis in axes.items():
                self.shapes[name] = tuple(1 if n == axis else size for n, size in enumerate(before[name]))
            first = {name: np.take(many[name], [0], axis=axis) for name, axis in axes.items()}
            alone = {**first, **self.fixed}
            for name in self.graph.outputs:
                alone[name] = self.graph.evaluate(name, alone, keep=True)
        except UnsupportedNode:
            self.shapes = before
            return
        if all(_first_row(many[name], alone[name], rows) for name in self.graph.outputs):
            self.report.say("batch", f"one of {rows} sequences", "confirmed", "tried: its rows do not read each other")
        else:
            self.shapes = before

    def _is_ids(self, name: str) -> bool:
        """Say whether an input of whole numbers is looked up in a table of the file."""
        tables = [node for node in self.graph.nodes if node.op_type == "Gather" and len(node.input) > 1]
        return any(
            self.graph.constants.get(node.input[0], np.zeros(0)).ndim == 2 and self.graph.depends(node.input[1], [name])
            for node in tables
        )

    def _width(self, name: str, sizes: Sequence[int | None]) -> tuple[int, ...]:
        """Return the shape of an input whose width is free: the first width that the program takes."""
        known = {size for one in self.graph.constants.values() if one.ndim > 1 for size in one.shape}
        for width in (*sorted(size for size in known if 0 < size < MOST_WIDTH), *WIDTHS):
            self.shapes[name] = tuple(width if one is None else one for one in sizes)
            try:
                self._evaluated(0)
            except UnsupportedNode:
                continue
            return self.shapes[name]
        raise UserError(
            f"{self.program.where}: the width of {visible(name)} is free in the file; "
            f"--set input.{visible(name)}.width=512 says it"
        )

    def _evaluated(self, seed: int) -> dict[str, Array]:
        random = np.random.default_rng(seed)
        given = {
            name: self.fixed[name] if name in self.fixed else random_of(self.graph.inputs[name][0], shape, random)
            for name, shape in self.shapes.items()
        }
        known = dict(given)
        for name in self.graph.outputs:
            known[name] = self.graph.evaluate(name, known, keep=True)
        return known

    def _outputs(self) -> dict[str, Array]:
        known = self._evaluated(0)
        made = {}
        for name in self.graph.outputs:
            if known[name].dtype.kind not in "fb":
                continue
            made[name] = known[name]
        return made

    # --- to vectors -----------------------------------------------------------------------------------------------

    def _lowered(self) -> tuple[Lowering, Array]:
        targets = frontier(self.graph, [one.old for one in self.ends.states], [*self.ends.read, self.ids])
        runs = bool(targets) and not set(targets) <= {*self.ends.read, self.ids}
        try:
            if runs and self.free:
                raise UnsupportedNode("frames of any width have no equations")
            return self._lower(())
        except UnsupportedNode as error:
            if not runs:
                raise
            try:
                made = self._lower(targets)
            except UnsupportedNode as again:
                raise again from error
            return made

    def _lower(self, targets: Sequence[str]) -> tuple[Lowering, Array]:
        """Return the step as vectors; what stands in front is computed by the file where `targets` name its end."""
        lowering = Lowering(self.graph, plan_node=self.program.plan_node)
        self.front, self.table = None, None
        known: dict[str, Tensor] = dict(self.fixed)
        vectors = lowering.vectors
        if targets:
            inputs = tuple(one for one in (*self.ends.read, self.ids) if one)
            values = self._evaluated(0)
            shapes = {one: values[one].shape for one in targets}
            self.front = StepFront(self.graph, tuple(targets), inputs, self.shapes, dict(self.fixed))
            x = vectors.given("x", sum(int(np.prod(shape)) for shape in shapes.values()))
            known |= _cut(x, shapes)
        elif self.ids:
            table, name = self._table()
            self.table = table
            x = vectors.given("x", table.shape[1])
            known[name] = TensorPlaces(x.reshape(self._evaluated(0)[name].shape))
        else:
            if not self.ends.read:
                first = self.ends.states[0].old
                raise UserError(
                    f"{self.program.where}: every input is taken for a state, so there is nothing to step through; "
                    f"`--set state.{visible(first)}=none` has {visible(first)} read"
                )
            shapes = {name: self.shapes[name] for name in self.ends.read}
            x = vectors.given("x", sum(int(np.prod(shape)) for shape in shapes.values()))
            known |= _cut(x, shapes)
            for name in self.ends.read:
                one = known[name]
                if self.graph.inputs[name][0] == 9 and isinstance(one, TensorPlaces):
                    known[name] = TensorPlaces(one.at, "truth")
        vectors.owner(int(x[0])).function = "x"
        for state in self.ends.states:
            shape = self.shapes[state.old]
            count = int(np.prod(shape))
            if not 0 < count <= _MOST_STATE:
                raise UnsupportedNode(f"the state {visible(state.old)} has {count} numbers; {_MOST_STATE} is the most")
            known[state.old] = TensorPlaces(_in_order(vectors.given(state.old, count), shape))
        lowering.known = known
        wanted = [one.new for one in self.ends.states] + list(self.ends.answers)
        lowering.run(needed(self.graph, wanted, known))
        return lowering, x

    def _table(self) -> tuple[Array, str]:
        """Return the table that ids are looked up in, and what it gives."""
        if self.ends.read:
            names = ", ".join(visible(one) for one in self.ends.read)
            raise UnsupportedNode(f"the step reads ids ({visible(self.ids)}) and numbers ({names}) at once")
        found = [
            node for node in self.graph.nodes
            if node.op_type == "Gather" and self.graph.depends(node.input[1], [self.ids])
            and self.graph.constants.get(node.input[0], np.zeros(0)).ndim == 2
        ]  # fmt: skip
        if len(found) != 1:
            raise UnsupportedNode(f"the ids {visible(self.ids)} are looked up in {len(found)} tables")
        return np.asarray(self.graph.constants[found[0].input[0]], np.float32), found[0].output[0]

    def _shape(self, lowered: Lowering, x: Array) -> StepShape:
        """Return the step cut into pieces, its states named."""
        pieces = Pieces(lowered.vectors)
        pairs = []
        for state in self.ends.states:
            old, new = lowered.tensor(state.old), lowered.tensor(state.new)
            order = np.argsort(lowered.places(old).reshape(-1))
            self.orders[state.old] = order
            pairs.append((lowered.places(old).reshape(-1)[order], lowered.places(new).reshape(-1)[order]))
        answers = {}
        for name in self._heads():
            at = lowered.places(lowered.tensor(name)).reshape(-1)
            if lowered.vectors.constants(at) is None:
                answers[name] = at
            else:
                self.report.say(f"answer.{visible(name)}", "the same at every step", "confirmed", "the graph")
        pieces.cut(list(answers.values()), pairs)
        taken = {"x", *lowered.vectors.functions}
        made: list[StatePiece] = []
        for state, (old, new) in zip(self.ends.states, pairs, strict=True):
            parts = pieces.of(lowered.vectors.owner(int(old[0])))
            for n, piece in enumerate(parts):
                name = safe_name(stem(state.old) + (f"_{n + 1}" if len(parts) > 1 else ""), taken)
                taken.add(name)
                start = self._start(state.old)
                part = None if start is None else start[self.orders[state.old]][piece.begin : piece.end]
                made.append(StatePiece(name, piece, new[piece.begin : piece.end], state.old, part))
        wanted = next(iter(answers), None)
        if len(answers) > 1:
            shown = [visible(one) for one in answers]
            said = self.report.choose(
                "readout.output", shown[0], shown[1:], "assumed", f"the file has {len(answers)} answers"
            )
            wanted = next(one for one in answers if visible(one) == said)
        name = safe_name(f"{self._name()[:40]}_step", longest=48)
        return StepShape(name, pieces, pieces.at(int(x[0])), made, answers, wanted)

    def _start(self, name: str) -> Array | None:
        """Return what a state is before the first step; None for zeros."""
        loops = self.program.loops
        start = None if loops is None else loops.initial.get(name)
        return None if start is None or not np.any(start) else np.asarray(start, np.float32).reshape(-1)

    def _heads(self) -> list[str]:
        return [name for name in self.ends.answers if name in self._outputs()]

    def _name(self) -> str:
        return self.program.where.rpartition("/")[2].rpartition(".")[0] or "step"

    # --- what is said ---------------------------------------------------------------------------------------------

    def _say(self, parts: StepParts, shape: StepShape) -> None:
        report = self.report
        reads = [one for one in (*self.ends.read, self.ids) if one]
        told = [f"{visible(name)} {self.graph.shape_text(name) or 'one number'}" for name in reads]
        report.say("input", ", then ".join(told), "confirmed", "the graph")
        loops = self.program.loops
        if loops is None:
            report.say("step", "one step at each run", "confirmed", "its state goes in and comes out")
        else:
            report.say(
                "step", "a trip of its loop", "confirmed", "the body of the loop, its state carried from trip to trip"
            )
        known = {state.source: name for one in parts.known for state in one.states.values() for name in [one.cell]}
        if self.front is not None:
            report.say(
                "front",
                ", ".join(visible(one) for one in self.front.targets),
                "confirmed",
                f"run by {self.graph.ran_by} at each step",
            )
        for n, part in enumerate(parts.chain):
            report.say(f"layer{n}.name", visible(part.name), "confirmed", "the graph")
        for one in parts.known:
            number = parts.states[next(iter(one.states.values())).name][0]
            report.say(f"{number}.cell", one.cell, "inferred", "the form of its sums")
            report.say(f"{number}.size", f"{one.inputs} → {one.hidden}", "confirmed", "shapes")
        if not known:
            report.say("layer0.cell", "a page of its own", "confirmed", "the graph, op by op")
        for state in shape.states:
            layer, name = parts.states[state.name]
            loops = self.program.loops
            if loops is not None and state.source in loops.initial:
                start = "zeros" if state.initial is None else "as the file says"
                report.say(f"{layer}.initial_{name}", start, "confirmed", "the graph")
            else:
                carried = f"carried from step to step as {visible(state.source)}"
                report.say(f"{layer}.initial_{name}", "zeros", "assumed", carried)
        for layer in dict.fromkeys(layer for layer, _ in parts.states.values()):
            report.say(
                f"{layer}.memory", "carried from step to step", "confirmed", "the file takes and gives its states"
            )


def _first_row(many: Array, alone: Array, rows: int) -> bool:
    """Say whether one of several rows, whatever axis they lie on, is what a row by itself gives."""
    if many.shape == alone.shape or many.dtype.kind not in "fb":
        return np.array_equal(many, alone)
    axes = [n for n, size in enumerate(many.shape) if size == rows and alone.shape[n : n + 1] == (1,)]
    firsts = [np.take(many, [0], axis=axis) for axis in axes]
    return any(one.shape == alone.shape and bool(np.allclose(one, alone, rtol=1e-4, atol=1e-6)) for one in firsts)


def _in_order(places: Array, shape: tuple[int, ...]) -> Array:
    """Return places of a state in its shape: what stands along its longest axis stands end to end.

    So the two states of an LSTM lie in pieces wherever the axis stands that holds one beside the other.
    """
    longest = max(range(len(shape)), key=lambda n: (shape[n], n), default=0)
    order = [n for n in range(len(shape)) if n != longest] + [longest] * bool(shape)
    return places.reshape([shape[n] for n in order]).transpose(np.argsort(order))


def _cut(x: Array, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return tensors that stand end to end in what is read."""
    made: dict[str, Tensor] = {}
    at = 0
    for name, shape in shapes.items():
        count = int(np.prod(shape))
        made[name] = TensorPlaces(x[at : at + count].reshape(shape))
        at += count
    return made


def needed(graph: ProgramGraph, wanted: Sequence[str], known: Mapping[str, object]) -> list[Any]:
    """Return the nodes that make tensors of what is known, in their order."""
    names, waiting = set[str](), list(wanted)
    while waiting:
        one = waiting.pop()
        if one in names or one in known or not one:
            continue
        names.add(one)
        node = graph.made_by.get(one)
        waiting += [] if node is None else list(node.input)
    return [node for node in graph.nodes if names.intersection(node.output)]
