"""Programs of PyTorch followed on two sequences: how each input is laid out, and what agrees on both.

The archive seldom says which axis is the tape. Every layout that could be is tried, first with two sequences at once,
which tells the batch from the tape: a layer that reads one for the other mixes what has nothing to do with each other.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.importers.import_report import ImportReport
from lstm_tui.formats.importers.program.followed import TracedGraph
from lstm_tui.formats.importers.program.graph import RECURRENT, STEPS, ProgramGraph, ProgramNode, UnsupportedNode
from lstm_tui.formats.importers.program.trace import GraphTrace, InputLayout
from lstm_tui.formats.importers.torch.exported import ExportedArchive
from lstm_tui.formats.importers.torch.front import ProgramFront, TapeLayout, apart, ids_of, swapped
from lstm_tui.formats.importers.torch.pickled_arrays import Tensor
from lstm_tui.formats.importers.torch.program_builder import (
    Budget,
    InputShape,
    ProgramBuilder,
    ProgramStopped,
    TensorRef,
    tensors_in,
)
from lstm_tui.formats.importers.torch.stepped_cells import join_steps
from lstm_tui.formats.importers.torch.torchscript import ScriptArchive, ScriptFollower, method_of
from lstm_tui.formats.importers.values import State, sources

LENGTHS = (STEPS, 8)
_LOST = 100
"""What an output or a recurrent call counts that is not understood; one that is run as array ops counts 1."""
_FLOAT, _WHOLE = 1, 7
_WHOLES = (2, 3, 4, 5, 6, 7, 12, 13)
_MOST_WIDTHS = 12
_TORCH_KINDS = {"<i8": 7, "<i4": 6, "<f4": 1, "<f8": 11, "<f2": 10, "|b1": 9, "<i2": 5, "|u1": 2, "|i1": 3}


@dataclass(frozen=True)
class _Input:
    """An input of a program.

    Attributes:
        name: Its name.
        kind: Of its numbers; None where the file does not say.
        sizes: Its sizes, None where an axis is free; None where nothing is known.
    """

    name: str
    kind: int | None = None
    sizes: tuple[int | None, ...] | None = None


@dataclass(frozen=True, eq=False)
class FollowedProgram:
    """A program that was followed.

    Attributes:
        traced: On two sequences.
        nodes: Its recurrent calls.
        layouts: How each input was laid out.
        others: Other ways that are understood as well, by input.
        remarks: What has to be said beside.
        stepped: By path, kinds of cells that it steps by hand.
        parameters: By a constant of a recurrent call, the file's own names of what it is made of.
        why: Why it was not followed to its end; empty where it was.
        refused: Why recurrent calls are not followed that are none of the nodes.
        run: Follows the program once, for inputs of given shapes.
        shapes: Kinds and sizes of the inputs that are no series.
    """

    traced: TracedGraph
    nodes: Sequence[Any]
    layouts: Mapping[str, TapeLayout]
    others: Mapping[str, Sequence[TapeLayout]]
    remarks: Sequence[str]
    stepped: Mapping[str, str]
    parameters: Mapping[str, tuple[str, ...]]
    why: str = ""
    refused: Sequence[str] = ()
    run: Callable[[ProgramBuilder, Mapping[str, InputShape]], None] = lambda _b, _shapes: None
    shapes: Mapping[str, InputShape] = field(default_factory=dict)

    def front(self, graph: ProgramGraph, node: Any, one_step: bool) -> tuple[ProgramFront, int]:
        """Return what stands before a recurrent call, and how many calls that are.

        Raises:
            UnsupportedNode: It needs a recurrent call, or one that is not run here.
        """
        target = node.input[0]
        inputs = tuple(name for name in graph.inputs if graph.depends(target, [name]))
        made = graph.evaluate(target, {name: self.traced.first.numbers[name] for name in inputs})
        if not inputs or not all(name in self.layouts for name in inputs):
            raise UnsupportedNode("it reads what is no series")
        alone = one_step or (made.ndim == 3 and made.shape[1] != 1 == made.shape[0])
        width = int(graph.constants[node.input[1]].shape[2])
        ids = {name: count for name in inputs if (count := ids_of(graph, name))}
        before = [one for one in graph.nodes if one is not node and graph.depends(target, one.output)]
        front = ProgramFront(self.run, dict(self.layouts), self.shapes, node.name, inputs, width, ids, alone)
        return front, len(before)


@dataclass
class _Program:
    """A program that can be followed for any shapes."""

    inputs: Sequence[_Input]
    run: Callable[[ProgramBuilder, Mapping[str, InputShape]], None]
    widths: Sequence[int]


@dataclass(frozen=True, eq=False)
class _Try:
    builder: ProgramBuilder
    graph: ProgramGraph
    trace: GraphTrace
    why: str


def follow_program(archive: ScriptArchive | ExportedArchive, report: ImportReport) -> FollowedProgram:
    """Return a program followed on two sequences, its inputs laid out as its recurrent calls read them.

    Raises:
        ProgramStopped: Nothing of it can be followed.
        UserError: The user said a layout that there is not.
    """
    program = _of_script(archive) if isinstance(archive, ScriptArchive) else _of_export(archive)
    follower, searched = _searched(program)
    layouts: dict[str, TapeLayout] = {}
    others: dict[str, Sequence[TapeLayout]] = {}
    unsure = False
    for one in program.inputs:
        if one.name not in searched:
            continue
        found, rivals = searched[one.name]
        key = f"input.{visible(one.name)}"
        if not rivals and one.sizes is None and not follower.sure(one.name, {**layouts, one.name: found}):
            report.assume(key, found.text, "the file keeps no shapes, and two sequences at once are not understood")
            others[one.name] = ()
            unsure = True
        if rivals:
            what = "how wide a step is" if rivals[0].time == found.time else "which axis is the tape"
            why = f"the file does not say {what}, and each of these can be followed"
            said = report.choose(key, found.text, [each.text for each in rivals], "assumed", why)
            found = next(each for each in (found, *rivals) if each.text == said)
            others[one.name] = rivals
        layouts[one.name] = found
    return follower.followed(layouts, others, unsure)


Searched = Mapping[str, tuple[TapeLayout, Sequence[TapeLayout]]]
"""How each input is laid out that is a series, and what else it could be."""


class _LengthsFound(Exception):
    """Inputs by which sequences are packed, which were taken for something else."""


def _searched(program: _Program) -> tuple[_Follower, Searched]:
    """Return how the inputs are laid out; what is not understood is tried with sequences that hold no padding."""
    follower = _Follower(program, Budget())
    found = follower.search()
    if follower.understood(found):
        return follower, found
    best = follower, found
    lengths = {one.name for one in program.inputs if one.name not in found and _may_be_lengths(one)}
    for also, unpadded in ((lengths, False), (set[str](), True), (lengths, True)):
        if (also <= follower.lengths and not unpadded) or (unpadded and not follower.compares):
            continue
        other = _Follower(program, Budget(), follower.lengths | also, unpadded)
        again = other.search()
        if other.score(again) > best[0].score(best[1]):
            best = other, again
        if other.understood(again):
            break
    return best


def _may_be_lengths(one: _Input) -> bool:
    """Say whether an input may tell how long each sequence is: by its name, where its shape allows it."""
    kind = one.kind is None or one.kind in _WHOLES
    return "len" in one.name.lower() and kind and (one.sizes is None or len(one.sizes) == 1)


class _Follower:
    """Tries a program with inputs of many shapes."""

    def __init__(self, program: _Program, budget: Budget, lengths: Iterable[str] = (), unpadded: bool = False) -> None:
        self._program = program
        self._budget = budget
        self.lengths = set(lengths)
        self.compares = False
        self._unpadded = unpadded
        self._scores: dict[Any, tuple[int, int]] = {}
        self._stepped: dict[str, str] = {}
        self._refused: dict[str, None] = {}

    def search(self) -> Searched:
        """Return how the inputs are laid out."""
        while True:
            found: dict[str, tuple[TapeLayout, Sequence[TapeLayout]]] = {}
            try:
                for one in self._program.inputs:
                    layouts = {name: layout for name, (layout, _) in found.items()}
                    layout, rivals = (None, ()) if one.name in self.lengths else self.layout_of(one, layouts)
                    if layout is not None:
                        found[one.name] = layout, rivals
            except _LengthsFound:
                self._scores.clear()
                continue
            return found

    def understood(self, found: Searched) -> bool:
        """Say whether everything is understood."""
        return bool(found) and _understood(self.score(found))

    def score(self, found: Searched) -> tuple[int, int]:
        """Return how much is understood of one sequence: (0, 0) where everything is."""
        return self._score({name: layout for name, (layout, _) in found.items()}, 1)

    def layout_of(self, one: _Input, known: Mapping[str, TapeLayout]) -> tuple[TapeLayout | None, Sequence[TapeLayout]]:
        """Return how an input is laid out and what else it could be; None where it is no series."""
        found = self._layout_of(one, known, self._program.widths)
        if found[0] is None and one.sizes is None:  # as wide as no weights are: some of its numbers may be left out
            most = max(self._program.widths, default=0)
            others = [width for width in range(2, most + 3) if width not in self._program.widths][:_MOST_WIDTHS]
            found = self._layout_of(one, known, others, True)
        if found[0] is not None and one.sizes is None and found[0].feature is not None and not found[1]:
            layout, place = found[0], found[0].feature
            sizes = [size + (n == place) for n, size in enumerate(layout.sizes)]
            wider = replace(layout, sizes=tuple(sizes))
            if _understood(self._score({**known, one.name: wider}, 1)):  # it leaves the last numbers of a step out
                return layout, [wider]
        return found

    def _layout_of(
        self, one: _Input, known: Mapping[str, TapeLayout], widths: Sequence[int], numbers: bool = False
    ) -> tuple[TapeLayout | None, Sequence[TapeLayout]]:
        layouts = [each for each in _layouts(one, widths) if not numbers or each.feature is not None]
        without = self._score(known, 1)
        if not layouts or without == (0, 0):
            return None, ()
        pairs: list[tuple[tuple[int, int], TapeLayout]] = []
        for layout in layouts:  # two sequences at once tell the batch from the tape
            pairs.append((self._score({**known, one.name: layout}, 2), layout))
            if _understood(pairs[-1][0]) and -1 in layout.sizes:
                return layout, ()
        singles = [(self._score({**known, one.name: layout}, 1), layout) for layout in layouts]
        top = max(score for score, _ in singles)
        if top <= without:
            return None, ()
        bare = [layout for score, layout in pairs if _understood(score)]  # without a batch, which tells nothing
        if bare:
            return bare[0], [layout for score, layout in singles if _understood(score) and -1 in layout.sizes]
        if max(score for score, _ in pairs) >= top:
            return max(pairs, key=lambda pair: pair[0])[1], ()
        full = [layout for score, layout in singles if score == top]
        once = [layout for layout in full if self._of_one_step({**known, one.name: layout})]
        series = [layout for layout in full if layout not in once]
        if once and len({layout.time for layout in layouts if layout.feature == once[0].feature}) > 1:
            # believed where the other way is understood of one sequence and mixes two of them above its layers
            mixed = [layout for score, layout in pairs if layout in series and score[1] == 0 and score[0] <= -_LOST]
            once = [layout for layout in once if any(len(other.sizes) == len(layout.sizes) for other in mixed)]
            if not once and not series:
                return max(pairs, key=lambda pair: pair[0])[1], ()
        order = [*once, *series]
        if one.sizes is None and _understood(top) and series and once:  # a script: who calls it knows
            return order[0], order[1:]
        rivals = [one for one in order[1:] if len(one.sizes) == len(order[0].sizes) and one.fixed == order[0].fixed]
        return order[0], rivals if _understood(top) else ()

    def sure(self, name: str, layouts: Mapping[str, TapeLayout]) -> bool:
        """Say whether everything is understood, and of two sequences apart from each other."""
        return -1 in layouts[name].sizes and _understood(self._score(layouts, 2))

    def _of_one_step(self, layouts: Mapping[str, TapeLayout]) -> bool:
        tried = self._try(layouts, LENGTHS[0], 1, 0, {})
        return any(one.one_step for one in tried.trace.readings.values())

    def _score(self, layouts: Mapping[str, TapeLayout], batch: int) -> tuple[int, int]:
        """Return how much is understood: (0, 0) where every output and every recurrent call is."""
        key = (tuple(layouts.items()), batch)
        if key not in self._scores:
            try:
                axes = {name: one.sizes.index(-1) for name, one in layouts.items() if -1 in one.sizes}
                tried = self._try(layouts, LENGTHS[0], batch, 0, {})
                self._scores[key] = _lost(tried, axes, batch)
                if tried.builder.cell_calls and self._unrolled(layouts, batch, tried.builder.cell_calls):
                    self._scores[key] = min(self._scores[key], (-_LOST, -1))
            except (ProgramStopped, UnsupportedNode):
                self._scores[key] = (-1000 * _LOST, -1000)
        return self._scores[key]

    def _unrolled(self, layouts: Mapping[str, TapeLayout], batch: int, calls: int) -> bool:
        """Say whether the cells that it steps by hand take as many steps, however long the sequence is."""
        free = any(not one.fixed for one in layouts.values())
        return free and self._try(layouts, LENGTHS[1], batch, 0, {}).builder.cell_calls == calls

    def _try(
        self, layouts: Mapping[str, TapeLayout], steps: int, batch: int, seed: int, shared: dict[Any, ProgramNode]
    ) -> _Try:
        """Follow the program once."""
        b = ProgramBuilder(self._budget, shared, unpadded=self._unpadded)
        shapes = {name: InputShape(one.kind, one.shape(steps, batch)) for name, one in layouts.items()}
        for one in self._program.inputs:
            if one.name not in shapes and one.sizes is not None:
                shapes[one.name] = self._whole(one)
        why = ""
        try:
            self._with_lengths(layouts)(b, shapes)
            join_steps(b)
        except ProgramStopped as error:
            why = str(error)
            b.stop(why)
        self.compares |= bool(b.padding)
        lengths: set[str] = set()
        for x, told in b.packed:
            if b.inputs_of(x) - b.inputs_of(told):  # not counted from what is packed
                lengths |= b.inputs_of(told) - set(layouts) - self.lengths
        if lengths:
            self.lengths |= lengths
            raise _LengthsFound
        self._stepped.update(b.stepped)
        self._refused.update(b.refused)
        graph = b.graph()
        tapes = {name: InputLayout(shapes[name].sizes or (), one.time, one.feature) for name, one in layouts.items()}
        steps = next((one.fixed or steps for one in layouts.values()), steps)
        trace = GraphTrace(graph, tapes, steps, seed, {name: one.sizes or () for name, one in shapes.items()})
        for name, layout in layouts.items():  # as the user reads it: what was tried is no size of the file
            if name in graph.inputs:
                free = [None if size == -1 or (size == 0 and not layout.fixed) else size or layout.fixed
                        for size in layout.sizes]  # fmt: skip
                graph.inputs[name] = (layout.kind, tuple(free))
        return _Try(b, graph, trace, why)

    def _with_lengths(
        self, layouts: Mapping[str, TapeLayout]
    ) -> Callable[[ProgramBuilder, Mapping[str, InputShape]], None]:
        """Return what follows the program where every sequence is as long as the tape."""
        names = set(self.lengths)

        def run(b: ProgramBuilder, shapes: Mapping[str, InputShape]) -> None:
            b.unpadded = self._unpadded
            steps, batch = 1, 1
            for name, layout in layouts.items():
                sizes = shapes[name].sizes or layout.sizes
                steps = sizes[layout.time]
                batch = sizes[layout.sizes.index(-1)] if -1 in layout.sizes else 1
            self._program.run(b, {**shapes, **{name: InputShape(_WHOLE, (batch,), steps) for name in names}})
            if b.packed:
                b.remarks["it packs sequences by their lengths: here each runs to its end"] = None
            elif names:
                said = ", ".join(visible(one) for one in sorted(names))
                b.remarks[f"{said} tells how long each sequence is: here each runs to its end"] = None
            for name, ids in b.padding.items() if b.unpadded else ():
                said = " or ".join(str(one) for one in sorted(ids))
                b.remarks[
                    f"it treats steps whose {visible(name)} is {said} as padding: here no step is, and the numbers of "
                    "a text that holds such a one are others than the program's"
                ] = None

        return run

    def followed(
        self, layouts: Mapping[str, TapeLayout], others: Mapping[str, Sequence[TapeLayout]], unsure: bool
    ) -> FollowedProgram:
        """Return the program followed on two sequences.

        Args:
            layouts: How each input is laid out.
            others: How else it could be.
            unsure: Whether an axis is taken for the batch that no other reading was found for.
        """
        shared: dict[Any, ProgramNode] = {}
        self._budget = Budget()  # whatever finding the layouts took
        first, second = (self._try(layouts, steps, 1, seed, shared) for seed, steps in enumerate(LENGTHS))
        nodes = [node for node in first.graph.nodes if node.op_type in RECURRENT]
        computed = frozenset(name for node in nodes for name in node.output)
        takes_one = any(one.fixed == 1 for one in layouts.values())
        mixed: list[str] = []
        if unsure:
            pair = self._try(layouts, LENGTHS[0], 2, 0, {}).trace
            mixed = [name for name in pair.graph.outputs if pair.sequences(name) == {1}]
        traced = TracedGraph(first.graph, first.trace, second.trace, computed, takes_one, frozenset(mixed))
        b = first.builder
        return FollowedProgram(
            traced,
            nodes,
            layouts,
            others,
            list(b.remarks),
            b.stepped if nodes else self._stepped,
            b.parameters,
            first.why or second.why,
            list(b.refused if nodes else self._refused),
            self._with_lengths(layouts),
            {one.name: self._whole(one) for one in self._program.inputs if one.name not in layouts and one.sizes},
        )

    def _whole(self, one: _Input) -> InputShape:
        """Return an input that is no series as it is tried: of one where it is free."""
        return InputShape(one.kind or _FLOAT, tuple(1 if size is None else size for size in one.sizes or ()))


def _understood(score: tuple[int, int]) -> bool:
    """Say whether every output and every recurrent call is understood, or runs as array ops."""
    return score[0] > -_LOST and score[1] == 0


def _lost(tried: _Try, axes: Mapping[str, int], batch: int) -> tuple[int, int]:
    """Return what is lost: all of it, with one for each call that array ops stand before, and calls alone."""
    trace = tried.trace
    if tried.why or not trace.readings:
        return -500 * _LOST, -500 + len(trace.readings)
    unread = {name for name, one in trace.readings.items() if one.value is None}
    fronted = {name for name in unread if _runs_before(trace, name, axes, batch)}
    lost = 0 if trace.graph.outputs else -1
    for name in trace.graph.outputs:
        try:
            value, where = trace.said(name)
            read = [id(one.layer) for one in sources(value) if isinstance(one, State)]
            first = next((int(one) for one in where.reshape(-1) if one >= 0), 0)  # a step of the first sequence
            lost -= not trace.proved(name) or first % batch > 0 or any(one in unread - fronted for one in read)
        except UnsupportedNode:
            lost -= 1
    calls = len(unread) - len(fronted)
    return (lost - calls) * _LOST - len(fronted), -calls


def _runs_before(trace: GraphTrace, node: int, axes: Mapping[str, int], batch: int) -> bool:
    """Say whether what stands before a recurrent call can be run as array ops, of each sequence by itself."""
    target = trace.readings[node].node.input[0]
    inputs = [name for name in trace.graph.inputs if trace.graph.depends(target, [name])]
    if not inputs or not all(name in trace.tapes for name in inputs):
        return False
    given = {name: trace.numbers[name] for name in inputs}
    try:
        sizes = trace.graph.evaluate(target, given).shape
    except UnsupportedNode:
        return False
    if len(sizes) != 3 or 0 in sizes:
        return False
    steps = max(trace.tapes[name].shape[time] for name in inputs if (time := trace.tapes[name].time) is not None)
    if steps > 1 and (sizes[0] == 1 if batch > 1 else set(sizes[:2]) == {1}):
        return False  # what is taken for the tape is none of the axes along which it reads
    taken = [(name, one.time, one.feature) for name, one in trace.tapes.items() if name in inputs]
    if any(swapped(trace.graph, target, given, name, time, feature) for name, time, feature in taken):
        return False
    if batch == 1 or not any(name in axes for name in inputs):
        return 1 in sizes[:2]
    return apart(trace.graph, target, given, {name: axes[name] for name in inputs if name in axes})


def _layouts(one: _Input, widths: Sequence[int]) -> Iterator[TapeLayout]:
    """Iterate over the ways an input could be laid out, the likeliest first."""
    if one.sizes is not None:
        yield from _of_sizes(one)
        return
    for sizes in ((-1, 0), (0, -1)):
        yield TapeLayout(_WHOLE, sizes, None)
    for width in widths:
        yield TapeLayout(_FLOAT, (-1, 0, width), 2)
        yield TapeLayout(_FLOAT, (0, -1, width), 2)
    for width in widths:
        yield TapeLayout(_FLOAT, (-1, width, 0), 1)
    for width in widths:
        yield TapeLayout(_FLOAT, (0, width), 1)
    yield TapeLayout(_WHOLE, (0,), None)
    for scalars in ((-1, 0), (0, -1), (0,)):
        yield TapeLayout(_FLOAT, scalars, None)


def _of_sizes(one: _Input) -> Iterator[TapeLayout]:
    """Iterate over the layouts of an input of known sizes: where one axis alone has several, that is the tape."""
    assert one.sizes is not None
    kind, count = one.kind or _FLOAT, len(one.sizes)
    if not 1 <= count <= 3 or 0 in one.sizes:
        return
    whole = kind in _WHOLES
    fixed: list[TapeLayout] = []
    wide = [] if whole else [axis for axis in range(count - 1, 0, -1) if one.sizes[axis] is not None]
    features: list[int | None] = [*wide, None]  # how wide a step is does not stay open: weights read it
    for feature in features:
        axes = [axis for axis in range(count) if axis != feature]
        if len(axes) > 2:
            continue
        several = [axis for axis in axes if one.sizes[axis] != 1]
        for time in several if len(several) == 1 else axes:
            sizes = tuple(
                0 if axis == time else int(one.sizes[axis] or 0) if axis == feature else -1 for axis in range(count)
            )
            layout = TapeLayout(kind, sizes, feature)
            yield layout
            if one.sizes[time] is not None:
                fixed.append(replace(layout, fixed=int(one.sizes[time] or 0)))
    yield from fixed


def _widths(shapes: Sequence[tuple[int, ...]]) -> list[int]:
    """Return how many numbers a step could have: as many as some weights read."""
    read = [shape[1] for shape in shapes if len(shape) in (2, 3) and shape[1] > 1]
    return list(dict.fromkeys([*read, *(shape[-1] for shape in shapes if shape)]))[:_MOST_WIDTHS]


# TorchScript.


def _of_script(archive: ScriptArchive) -> _Program:
    name = next((one for one in ("forward", "forward__0") if _has(archive, one)), "forward")
    definition = method_of(archive, archive.root, name)
    spec = [one.arg for one in definition.args.args][1:]
    given = definition.args.defaults  # of the last arguments
    defaults = dict(zip(spec[len(spec) - len(given) :], given, strict=True))
    traced = archive.traced.get("forward") if isinstance(archive.traced, dict) else None
    kinds = {one.arg: one.annotation for one in definition.args.args[1:]}
    inputs: list[_Input] = []
    forms: dict[str, Any] = {}
    for number, one in enumerate(spec):
        example = traced[number] if isinstance(traced, list | tuple) and number < len(traced) else None
        forms[one] = _form(one, kinds[one], example, defaults.get(one), inputs)
    shapes = [one.shape for one in archive.tensors().values()]
    shapes += [one.shape for one in archive.constants if isinstance(one, Tensor)]

    def run(b: ProgramBuilder, sizes: Mapping[str, InputShape]) -> None:
        refs = {one.name: b.input(one.name, sizes.get(one.name, InputShape())) for one in inputs}
        args = [_filled(forms[one], refs) for one in spec]
        made = ScriptFollower(archive, b).method(archive.root, name, args, {})
        _outputs(b, made)

    return _Program(inputs, run, _widths(shapes))


def _has(archive: ScriptArchive, name: str) -> bool:
    try:
        method_of(archive, archive.root, name)
    except ProgramStopped:
        return False
    return True


@dataclass(frozen=True)
class _Slot:
    name: str


def _literal(written: ast.expr) -> Any:
    """Return a default as it is written; None where it is no plain number, word or list of them."""
    try:
        return ast.literal_eval(written)
    except ValueError:
        return None


def _form(name: str, annotation: ast.expr | None, example: Any, default: ast.expr | None, inputs: list[_Input]) -> Any:
    """Return what an argument is made of: inputs, or a plain value, which is its default where it has one."""
    if isinstance(example, Tensor):
        kind = _TORCH_KINDS.get(example.dtype, _FLOAT)
        inputs.append(_Input(name, kind, example.shape))
        return _Slot(name)
    if isinstance(example, list | tuple):
        made = [_form(f"{name}.{n}", None, one, None, inputs) for n, one in enumerate(example)]
        return tuple(made) if isinstance(example, tuple) else made
    if default is not None:
        return _literal(default)
    text = "" if annotation is None else ast.unparse(annotation)
    if text == "Tensor":
        inputs.append(_Input(name))
        return _Slot(name)
    if text.startswith("Tuple[") and set(text[6:-1].split(", ")) == {"Tensor"}:
        parts = range(text.count("Tensor"))
        return tuple(_form(f"{name}.{n}", ast.Name("Tensor"), None, None, inputs) for n in parts)
    if text.startswith("Optional["):
        return None
    raise ProgramStopped(f"its input {visible(name)} is of a kind ({visible(text[:60])}) that is not followed")


def _filled(form: Any, refs: Mapping[str, TensorRef]) -> Any:
    if isinstance(form, _Slot):
        return refs[form.name]
    if isinstance(form, list | tuple):
        made = [_filled(one, refs) for one in form]
        return tuple(made) if isinstance(form, tuple) else made
    return form


def _outputs(b: ProgramBuilder, made: Any) -> None:
    """Name what a program gives: by its keys, or by its place."""
    if isinstance(made, TensorRef):
        b.output("output", made)
        return
    if isinstance(made, dict):
        for key, value in made.items():
            for one in tensors_in(value):
                b.output(str(key), one)
        return
    for n, one in enumerate(tensors_in(made)):
        b.output(f"output{n}", one)


def _of_export(archive: ExportedArchive) -> _Program:
    inputs = [_Input(name, kind, sizes) for name, kind, sizes in archive.inputs]
    return _Program(inputs, archive.follow, _widths([np.shape(one) for one in archive.tensors.values()]))
