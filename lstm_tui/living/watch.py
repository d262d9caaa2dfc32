"""`lstm_tui.watch`: a training loop watched from inside, stopped where a condition holds, with the last steps kept."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy as np

from lstm_tui.debugger.breakpoints.assertions import asked_pass
from lstm_tui.debugger.breakpoints.conditions import reason
from lstm_tui.debugger.expressions import Expression, ExpressionError, Scope, Series, evaluate, parse, parser
from lstm_tui.debugger.expressions.scope import Moment
from lstm_tui.debugger.expressions.series import NOWHERE, any_unit, numbers
from lstm_tui.debugger.provenance.nonfinite import birth
from lstm_tui.debugger.source import Source
from lstm_tui.debugger.unit_names import UnitNames
from lstm_tui.documents.blocks import Sentence
from lstm_tui.documents.html import fragment
from lstm_tui.engine.arrays import Array, quiet
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError, kind_of
from lstm_tui.engine.model.network import Network
from lstm_tui.engine.number_text import count_of, sentence
from lstm_tui.engine.rich_display import rich_display
from lstm_tui.engine.runtime.trace import PassTrace, Trace
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_run import CapturedRun, run_together
from lstm_tui.formats.captures.training_steps import TrainingStep, steps_watched
from lstm_tui.formats.verify.torch_calls import array_of
from lstm_tui.living.capture import Capture, as_capture, has_screen, show

OF_A_STEP = ("gradnorm", "step")
"""Names that are one number a step, beside those of values: the norm of all gradients, and which step it is."""
_ABSENT = numbers(np.full((1, 1), np.nan), NOWHERE)


class _StepScope(Scope):
    """A run inside a step, whose own numbers have names too."""

    def __init__(
        self, trace: Trace, step: TrainingStep, with_gradient: bool = True, hidden: frozenset[str] = frozenset()
    ) -> None:
        """Read names of a run and of its step; of those that are `hidden` nothing is known."""
        super().__init__(trace, asked_pass(trace, None))
        self.hidden = hidden
        norm = step.gradient_norm if with_gradient else None
        self.of_step = {
            "step": Series.constant(float(step.number)),
            "gradnorm": _ABSENT if norm is None else Series.constant(norm),
        }

    def read(self, name: str, moment: Moment) -> Series:
        """Return what a name means at some steps of the tape."""
        if name in self.hidden:
            return _ABSENT
        return self.of_step[name] if name in self.of_step else super().read(name, moment)


@dataclass(frozen=True)
class PlaceInStep:
    """Where in a step something is: a module, a sequence of the batch, a token, and the equation that made it.

    Attributes:
        module: Path of the module.
        sequence: Which sequence of the batch, from 0.
        call: Which call of the module, from 0.
        t: PlaceInStep on its tape.
        token: What stands there.
        equation: Of the cell; empty where no one equation made it.
        why: What is so there, in words.
    """

    module: str
    sequence: int
    call: int
    t: int
    token: str
    equation: str
    why: str

    def __str__(self) -> str:
        """Say it in one line."""
        made = f", {self.equation}" if self.equation else ""
        where = f"{visible(self.module)}, sequence {self.sequence}, t={self.t} “{visible(self.token)}”{made}"
        return f"{where}: {self.why}" if self.why else where


class LoopStopped(UserError):
    """A condition that `watch` was given holds, or is not known: a number is NaN, or not what the training had.

    Attributes:
        step: Number of the step, from 0.
        place: Where in it.
    """

    def __init__(self, said: str, step: int, place: PlaceInStep) -> None:
        """Compose the one line."""
        self.step, self.place = step, place
        super().__init__(f"step {step}: {said} at {place}; lstm_tui.post_mortem() opens it")


class LoopWatch:
    """A training loop that is watched: `with lstm_tui.watch(model, when="isnan(h)") as seen:` around it.

    Attributes:
        condition: What it stops at; None where it only keeps the last steps.
        stopped: Why it stopped; None while it did not.
        kept: The last steps as they were seen; `steps` are captures of them.
    """

    def __init__(
        self,
        model: Any,
        when: str | None = None,
        keep: int = 3,
        tokens: Any = None,
        classes: tuple[str, ...] = (),
        module: str | None = None,
    ) -> None:
        """Read the condition; nothing is hooked before `with`."""
        _LAST.clear()  # of the watch before it nothing is asked any more, even where this one is refused
        if not isinstance(keep, int) or keep < 1:
            raise UserError("keep= is how many steps are kept, a whole number from 1")
        self.condition: Expression | None = None
        if when is not None:
            if not isinstance(when, str):
                raise UserError('when= is a condition as text, such as "isnan(h)" or "gradnorm > 100"')
            try:
                self.condition = parse(when)
            except ExpressionError as error:
                raise UserError(f"when={visible(when)!r}: {error}") from error
        if not hasattr(model, "register_forward_pre_hook"):
            raise UserError(f"a training loop is watched in its PyTorch model; this is {kind_of(model)}")
        nodes = () if self.condition is None else tuple(parser.walk(self.condition.node))
        self._names = {node.name for node in nodes if isinstance(node, parser.NameNode)}
        self._asks_share = any(isinstance(node, parser.CallNode) and node.function == "share" for node in nodes)
        self.stopped: LoopStopped | None = None
        self._model, self._tokens, self._classes, self._module = model, tokens, classes, module
        self.kept: deque[TrainingStep] = deque(maxlen=keep)
        self._shapes: dict[str, Network] = {}
        self._stack = ExitStack()

    def __enter__(self) -> LoopWatch:
        """Begin to watch.

        Raises:
            UserError: The model holds no recurrent module.
        """
        _LAST[:] = [self]
        self._stack.enter_context(
            steps_watched(self._model, self._forward, self._backward, self._tokens, self._classes)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Leave the model as it was; what was raised inside goes on."""
        self._stack.close()

    @property
    def steps(self) -> list[Capture]:
        """The last steps, the newest at the end."""
        return [as_capture(one.batch) for one in self.kept]

    def __repr__(self) -> str:
        """Say in a line what is watched and what is kept."""
        when = "no condition" if self.condition is None else visible(self.condition.text)
        last = f", {count_of(len(self.kept), 'step')} kept, the last is {self.kept[-1].number}" if self.kept else ""
        return f"<Watch of {visible(type(self._model).__name__)}: {when}{last}>"

    def _forward(self, step: TrainingStep) -> None:
        if len(self.kept) == self.kept.maxlen:
            self.kept[0].forget_tensors()
        self.kept.append(step)
        if self.condition is not None:
            self._judge(step)

    def _backward(self, step: TrainingStep) -> None:
        if self.condition is not None and "gradnorm" in self._names:
            self._judge(step)

    @quiet()
    def _judge(self, step: TrainingStep) -> None:
        """Stop where the condition holds, or is not known because of a NaN.

        Raises:
            LoopStopped: It is so.
            UserError: The condition means nothing in any module.
        """
        condition = self.condition
        assert condition is not None
        mistake: ExpressionError | None = None
        asked = False
        found: tuple[int, CapturedRun, bool] | None = None
        runs = self._runs(step)
        if not all(self._is_given(run) for run in runs):
            run_together(runs)
        for run in runs:
            scope = _StepScope(self._trace(run), step)
            try:
                answer = evaluate(condition, scope, 0, scope.steps)
            except ExpressionError as error:
                mistake = error
                continue
            if answer.kind != "truth":
                raise UserError(f"when={visible(condition.text)!r} is no condition: compare it, as in … > 0")
            asked = True
            answer = any_unit(answer)
            places = np.flatnonzero(np.broadcast_to(_stops(answer), (scope.steps, 1))[:, 0])
            if len(places) and (found is None or places[0] < found[0]):
                t = int(places[0])
                found = t, run, bool(np.broadcast_to(answer.known, (scope.steps, 1))[t, 0])
        if not asked and mistake is not None:
            also = f"of a whole step there are {' and '.join(OF_A_STEP)}"
            raise UserError(f"when={visible(condition.text)!r}: {mistake}; {also}") from mistake
        if found is not None:
            t, run, known = found
            doubt = self._doubt(step, run, t)
            known = known and not doubt
            place = self._place(step, run, t, known, doubt)
            word = "holds" if known else "is not known"
            self.stopped = LoopStopped(f"{visible(condition.text)} {word}", step.number, place)
            raise self.stopped

    def _runs(self, step: TrainingStep) -> tuple[CapturedRun, ...]:
        batch = step.batch
        if self._module is None:
            return batch.runs
        path = batch.path(self._module)
        return tuple(run for run in batch.runs if run.module.name == path)

    def _doubt(self, step: TrainingStep, run: CapturedRun, t: int) -> str:
        """Return why a condition is not known at a place though our numbers decide it; empty where it is known."""
        condition = self.condition
        assert condition is not None
        doubt = "" if self._is_given(run) else _difference_from_training(step, run)
        if not doubt or self._asks_share:
            return doubt
        hidden = _StepScope(run.trace, step, hidden=frozenset(self._names - self._given_names(run)))
        try:
            answer = any_unit(evaluate(condition, hidden, t, t + 1))
        except ExpressionError:  # it asks for a unit of what is hidden
            return doubt
        return "" if bool((answer.values & answer.known).any()) else doubt

    def _place(self, step: TrainingStep, run: CapturedRun, t: int, known: bool, doubt: str) -> PlaceInStep:
        """Return where a condition holds: of the gradient alone, where that is largest."""
        condition = self.condition
        assert condition is not None
        trace = self._trace(run)
        if step.gradient_norm is not None:
            without = evaluate(condition, _StepScope(trace, step, with_gradient=False), t, t + 1)
            if not _stops(any_unit(without)).any():
                return largest_gradient(step)
        scope = _StepScope(trace, step)
        if doubt:
            return _placed(run, t, "", f"{reason(condition, scope, t)}; {doubt}".removeprefix("; "))
        if not known or _reads_nonfinite(condition, condition.node, scope, t):
            first = _first_nonfinite(run)
            if first is not None:
                return replace(first, why=f"{first.why}{self._nonfinite_weights()}")
        why = reason(condition, scope, t, True if known else None)
        cell, own = scope.passed.cell, f"{scope.pass_name}."
        named = [value for value in cell.values if value in self._names or f"{own}{value}" in self._names]
        return _placed(run, t, named[-1] if named else "", why)

    def _nonfinite_weights(self) -> str:
        """Say which parameters were not finite before anything was computed with them; empty where all were."""
        numbers = {name: array_of(one) for name, one in self._model.named_parameters()}
        bad = [visible(name) for name, one in numbers.items() if not np.isfinite(one).all()]
        if not bad:
            return ""
        which = ", ".join(bad[:3]) + (" …" if len(bad) > 3 else "")
        return f"; {len(bad)} of {count_of(len(numbers), 'parameter')} were not finite already: {which}"

    def _trace(self, run: CapturedRun) -> Trace:
        """Return a run with the values that the condition asks for: where that is what PyTorch gave, no other."""
        if not self._is_given(run):
            return run.trace
        top = self._shape(run).layers[-1].passes
        passes: dict[str, PassTrace] = {}
        for one, h in zip(top, np.split(run.y, len(top), axis=1), strict=True):
            program = one.program
            passes[one.name] = PassTrace(
                one.name, one.cell, one.direction, program.input_size, program.hidden_size, {one.cell.output: h}, {}
            )
        model = {"name": run.module.name, "file": None, "sha256": None}
        return run.answered(Trace(model, run.sequence, "numpy", str(run.y.dtype), passes))

    def _shape(self, run: CapturedRun) -> Network:
        """Return a network of the module's shape: with the weights of its first step."""
        name = run.module.name
        if name not in self._shapes:
            self._shapes[name] = run.module.network
        return self._shapes[name]

    def _is_given(self, run: CapturedRun) -> bool:
        """Say whether all that the condition names is what PyTorch gave."""
        return not self._asks_share and self._names <= self._given_names(run)  # a share reads what it does not name

    def _given_names(self, run: CapturedRun) -> frozenset[str]:
        """Return the names of what does not come from our engine."""
        output = self._shape(run).layers[-1].passes[0].cell.output
        return frozenset({*OF_A_STEP, "t", "token", "output", "result", output})


def _stops(answer: Series) -> Array:
    """Return at which steps a condition holds, or is not known because of a NaN, (S, 1)."""
    stops: Array = (answer.values & answer.known) | (answer.unknown & ~answer.known)
    return stops


def _difference_from_training(step: TrainingStep, run: CapturedRun) -> str:
    """Say that our numbers of a run are not those that the training computed with, and why; empty where they are."""
    if run.is_as_given:
        return ""
    dropped = step.dropouts.get(run.module.name)
    if dropped is None:
        return f"but our run {run.said}"
    kind = run.module.mode.partition("_")[0]
    of = f"dropout={sentence(dropped)} of nn.{kind} between its layers"
    return f"but the training had other numbers: {of}, which we lack"


_READ = (
    parser.NameNode, parser.UnitsNode, parser.NamedUnitNode, parser.EntryNode, parser.BlockNode, parser.Class,
    parser.Shifted, parser.PreviousNode, parser.AtNode,
)  # fmt: skip
"""Nodes that read numbers of a run, with what says which of them."""


def _reads_nonfinite(condition: Expression, node: parser.Node, scope: Scope, t: int) -> bool:
    """Say whether a number of the run that a condition reads at a place is not finite."""
    if not isinstance(node, _READ) and not (isinstance(node, parser.CallNode) and node.function == "share"):
        return any(_reads_nonfinite(condition, one, scope, t) for one in parser.inside(node))
    try:
        read = evaluate(replace(condition, node=node), scope, t, t + 1)
    except ExpressionError:
        return False  # it means something only in what it stands in
    return read.kind == "number" and bool((read.known & ~np.isfinite(read.values)).any())


def _placed(run: CapturedRun, t: int, value: str, why: str) -> PlaceInStep:
    """Return a place with the equation of a value."""
    equation = run.trace[asked_pass(run.trace, None)].cell.equation(value).text if value else ""
    return PlaceInStep(run.module.name, run.batch, run.call, t, run.sequence.tokens[t], equation, why)


def _first_nonfinite(run: CapturedRun) -> PlaceInStep | None:
    """Return where the first number of a run that is not finite was made, and by which equation.

    None where all are finite, and where ours are not those of the training.
    """
    first = birth(run.trace)
    if first is None or not run.is_as_given:
        return None
    equation, said = "", "as it enters"
    if first.pass_name in run.trace and first.value in run.trace[first.pass_name].cell.values:
        equation, said = run.trace[first.pass_name].cell.equation(first.value).text, "the first that is not finite"
    comma = "," if equation else ""
    entry = UnitNames.of_trace(run.trace).entry(first.pass_name, first.unit, first.value)
    why = f"{first.value}[{entry}] is {sentence(first.number)}{comma} {said}"
    return PlaceInStep(run.module.name, run.batch, run.call, first.t, run.sequence.tokens[first.t], equation, why)


def largest_gradient(step: TrainingStep) -> PlaceInStep:
    """Return where a backward pass first met a gradient that is not finite; else where that by a value is largest."""
    told = [run for run in step.batch.runs if run.d_y is not None]
    norm = "" if step.gradient_norm is None else f"gradnorm is {sentence(step.gradient_norm)}"
    joined = f"{norm}, and " if norm else ""
    for run in sorted(told, key=lambda one: -one.call):  # a backward pass begins with the last call
        met = _first_nonfinite_gradient(run)
        if met is not None:
            t, value, equation, number = met
            why = f"{joined}the gradient by {value} is {sentence(number)}, first met here{_doubted(step, run)}"
            return PlaceInStep(run.module.name, run.batch, run.call, t, run.sequence.tokens[t], equation, why)
    best: tuple[float, CapturedRun, int, str, str] | None = None
    for run in told:
        for pass_name, values in run.gradients.items():
            cell = run.trace[pass_name].cell
            for value in cell.values:
                sizes = np.abs(values[value]).max(axis=1)
                t = int(sizes.argmax())
                if best is None or sizes[t] > best[0]:
                    best = float(sizes[t]), run, t, value, cell.equation(value).text
    if best is None or best[0] == 0:
        run = step.batch.runs[-1]
        nothing = "nothing is known of its gradients" if best is None else "no gradient arrives at its recurrent values"
        return _placed(run, len(run) - 1, "", f"{joined}{nothing}")
    size, run, t, value, equation = best
    why = f"{joined}the gradient by {value} is largest here, {sentence(size)}{_doubted(step, run)}"
    return PlaceInStep(run.module.name, run.batch, run.call, t, run.sequence.tokens[t], equation, why)


def _doubted(step: TrainingStep, run: CapturedRun) -> str:
    doubt = _difference_from_training(step, run)
    return f"; {doubt}" if doubt else ""


def _first_nonfinite_gradient(run: CapturedRun) -> tuple[int, str, str, float] | None:
    """Return the place, the value, its equation and the number that a backward pass through a run meets first."""
    for pass_name, values in reversed(run.gradients.items()):
        passed = run.trace[pass_name]
        bad = {value: ~np.isfinite(values[value]) for value in passed.cell.values}
        places = np.flatnonzero(np.any([one.any(axis=1) for one in bad.values()], axis=0))
        if not len(places):
            continue
        t = int(places[-1] if passed.direction == "forward" else places[0])
        value = next(one for one in reversed(passed.cell.values) if bad[one][t].any())
        return t, value, passed.cell.equation(value).text, float(values[value][t][bad[value][t]][0])
    return None


_LAST: list[LoopWatch] = []
"""The watch that began last, for `post_mortem`."""


def watch(
    model: Any,
    when: str | None = None,
    keep: int = 3,
    tokens: Any = None,
    classes: tuple[str, ...] = (),
    module: str | None = None,
) -> LoopWatch:
    """Watch a training loop from inside a PyTorch model: `with lstm_tui.watch(model, when="isnan(h)"):` around it.

    Behind every forward pass of the model, and behind the backward pass where the condition names `gradnorm`, the
    condition is asked of every sequence of the batch; where it holds the loop is stopped by `LoopStopped`, before the
    optimizer takes its step. `lstm_tui.post_mortem()` then opens what was there.

    A step is a call of the model itself. The output of a recurrent module is PyTorch's own; its gates are computed from
    what entered it, without the dropout that PyTorch has between layers: where that makes them others, a condition on
    them is said not to be known. The gradient of what is under a reentrant checkpoint is not in `gradnorm`.

    Args:
        model: A module with recurrent modules anywhere in it.
        when: A condition of the debugger's language over values of the cell, such as `isnan(h)` or `max(abs(c)) > 50`;
            of a value of many units it is enough that it is so of one. `gradnorm` is the norm of all gradients, `step`
            the number of the step. None keeps the last steps alone.
        keep: How many of the last steps are kept.
        tokens: What ids mean, as for `lstm_tui.capture`.
        classes: Names of what the model says.
        module: The recurrent module that is asked; by default all.

    Raises:
        UserError: The condition is no text or not in the language; or, at the first step, means nothing in this model.
    """
    return LoopWatch(model, when, keep, tokens, classes, module)


@dataclass(frozen=True, eq=False)
class PostMortem:
    """What was there when a watched loop ended: the step, the place, and the last steps.

    Attributes:
        step: Number of the step, from 0.
        place: Where in it.
        steps: The last steps, the newest at the end; each is a capture.
    """

    step: int
    place: PlaceInStep
    steps: tuple[Capture, ...]

    @property
    def run(self) -> CapturedRun:
        """The sequence that the place is in."""
        return self.steps[-1][self.place.module, self.place.sequence, self.place.call]

    def source(self) -> Source:
        """Return the module with the batch, as what a session and the screen open."""
        return self.steps[-1].source(self.place.module, self.place.sequence, self.place.call)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the place in words, and the run of the sequence that it is in."""
        said = Sentence(f"Step {self.step}: {self.place}", alarm=True, plain=True)
        return fragment([said]) + (rich_display(self.run) or "")

    def __repr__(self) -> str:
        """Say it in a line."""
        return f"<step {self.step}: {self.place}; {count_of(len(self.steps), 'step')} kept>"


@quiet()
def post_mortem(screen: bool | None = None) -> PostMortem:
    """Open what a watched loop did last: after an exception, inside the loop, or as `PYTHONBREAKPOINT`.

    Args:
        screen: Whether to open the screen, at the step, sequence and token; by default where there is a terminal.

    Returns:
        The step, the place and the last steps.

    Raises:
        UserError: No loop was watched, or no step was taken.
    """
    if not _LAST or not _LAST[-1].kept:
        raise UserError("no step was watched: put `with lstm_tui.watch(model):` around the loop")
    last = _LAST[-1]
    stopped = last.stopped
    kept = [one for one in last.kept if stopped is None or one.number <= stopped.step]  # a backward pass may come late
    place = stopped.place if stopped is not None else _suspect(kept[-1])
    found = PostMortem(kept[-1].number, place, tuple(as_capture(one.batch) for one in kept))
    if has_screen() if screen is None else screen:
        show(found.source(), place.t)
    return found


def _suspect(step: TrainingStep) -> PlaceInStep:
    """Return the most likely place in a step that ended for another reason: what is not finite, else the gradient."""
    for run in step.batch.runs:
        first = _first_nonfinite(run)
        if first is not None:
            return first
    return largest_gradient(step)
