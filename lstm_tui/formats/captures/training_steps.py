"""The steps of a training loop seen from inside the model: every forward pass, and the backward pass behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import field, replace
from functools import cached_property
from importlib import import_module
from itertools import count
from typing import Any

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedModule
from lstm_tui.formats.captures.from_torch import capture_of
from lstm_tui.formats.captures.module_network import mode_of
from lstm_tui.formats.verify.recording import is_looking
from lstm_tui.formats.verify.torch_calls import (
    Looked,
    ModuleCall,
    array_of,
    by_piece,
    data_of,
    each_entered,
    hooked,
    is_compiled,
    no_module,
    noted_call,
    of_its_own,
    recurrent_kinds,
    refuse_keras,
    weights_of,
)
from lstm_tui.formats.verify.torch_functions import FunctionCalls, functions_mode, modules_running


@dataclass(eq=False)
class TrainingStep:
    """One forward pass of a model in its own loop, and the backward pass behind it.

    Attributes:
        number: Which pass since the watch began, from 0.
        model: Name of the model's class.
        modules: Its recurrent modules that were called, by path, with their weights as they were then.
        inputs: What the model was given, by the names of a recording.
        looked: What it did.
        calls: The calls of its recurrent modules, as long as tensors are needed.
        tokens: What ids mean.
        classes: Names of what the model says.
        gradient_norm: Euclidean norm of the gradient that a backward pass gave, over all parameters; None before it.
        dropouts: Which part of what goes from layer to layer a module drops, by path, of those that did so.
        waits: What waits for a backward pass, to be removed; empty where nothing is noted any more.
    """

    number: int
    model: str
    modules: dict[str, CapturedModule] = field(default_factory=dict)
    inputs: dict[str, Array] = field(default_factory=dict)
    looked: Looked = field(default_factory=Looked)
    calls: list[ModuleCall] = field(default_factory=list)
    tokens: Any = None
    classes: tuple[str, ...] = ()
    gradient_norm: float | None = None
    dropouts: dict[str, float] = field(default_factory=dict)
    waits: list[Any] = field(default_factory=list)

    @cached_property
    def batch(self) -> CapturedBatch:
        """What it did, as a capture; with the gradient where a backward pass was done."""
        self.looked.entered = list(each_entered(self.calls))
        self.looked.gradient_norm = self.gradient_norm
        made = capture_of(self.model, self.looked, self.inputs, None, self.tokens, self.classes, self.modules)
        return replace(made, number=self.number)

    def forget_tensors(self) -> None:
        """Let go of what PyTorch keeps for a backward pass."""
        for call in self.calls:
            for piece in call.pieces:
                piece.y, piece.given, piece.ends = None, (), ()
        for one in self.waits:
            one.remove()
        self.waits = []


@contextmanager
def steps_watched(
    model: Any,
    forward: Callable[[TrainingStep], None],
    backward: Callable[[TrainingStep], None],
    tokens: Any = None,
    classes: tuple[str, ...] = (),
) -> Iterator[None]:
    """See every step that a model takes, as long as it lasts.

    A step is a call of the model itself: nothing is kept of a recurrent module that is called outside of one, and
    a run that only looks at the model, such as `lstm_tui.capture`, is none.

    Args:
        model: A PyTorch module.
        forward: Called behind each forward pass.
        backward: Called behind each backward pass, before any optimizer has taken its step.
        tokens: What ids mean.
        classes: Names of what the model says.

    Raises:
        UserError: The model cannot be looked into; or, behind its first step, it holds no recurrent module and has
            called no function such as `torch.lstm_cell`.
    """
    refuse_keras(model)
    torch = import_module("torch")
    numbers = count()
    modes: list[Any] = []  # of the steps that were begun, where functions of theirs are looked at
    own, alone = of_its_own(torch, forced=False), no_module(torch, model)
    begun_steps: list[TrainingStep] = []  # more than one where a model calls itself
    backwards = _BackwardPasses(torch, model, backward)

    def begun(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        if is_looking():
            return
        backwards.forget_done()
        inputs = {f"input.{name}": one for name, one in (*enumerate(given), *named.items())}
        arrays = {name: array_of(one) for name, one in inputs.items() if isinstance(one, torch.Tensor)}
        kind = visible(type(module).__name__)
        begun_steps.append(TrainingStep(next(numbers), kind, inputs=arrays, tokens=tokens, classes=classes))
        if not is_compiled(model):
            modes.append(functions_mode(model, running, FunctionCalls(), own, noted_as, by_hand=False))
            modes[-1].__enter__()

    def noted_as(name: str) -> Callable[..., Any]:
        return noted_call(torch, name, noted, with_graph=True, forced=False)

    def leave() -> None:
        while len(modes) >= max(len(begun_steps), 1):
            modes.pop().__exit__(None, None, None)

    def noted() -> tuple[list[ModuleCall], Looked]:
        if is_looking() or not begun_steps:
            return [], Looked()
        return begun_steps[-1].calls, begun_steps[-1].looked

    def done(module: Any, given: tuple[Any, ...], output: Any) -> None:
        if is_looking() or not begun_steps:
            return
        leave()
        step = begun_steps[-1]
        if alone and not step.calls:
            raise UserError(alone)
        step.looked.output = _without_graph(torch, output)
        for call in step.calls:
            name = call.name or step.model
            if name not in step.modules:
                step.modules[name] = CapturedModule(name, mode_of(call.module), weights_of(call.module))
                if call.module.training and getattr(call.module, "num_layers", 1) > 1 and call.module.dropout:
                    step.dropouts[name] = float(call.module.dropout)
        backwards.wait_for(step)
        forward(step)

    def ended(module: Any, given: tuple[Any, ...], output: Any) -> None:
        if not is_looking():
            leave()
            del begun_steps[-1:]

    hooks = [model.register_forward_pre_hook(begun, with_kwargs=True)]
    try:
        with (
            hooked(model, noted, with_graph=True, or_functions=True),
            modules_running(model, recurrent_kinds(torch)) as running,
        ):
            hooks.append(model.register_forward_hook(done))
            hooks.append(model.register_forward_hook(ended, always_call=True))  # behind an exception too
            yield
    finally:
        for hook in hooks:
            hook.remove()
        backwards.close()


def _without_graph(torch: Any, output: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return output.detach().clone()
    if isinstance(output, dict):
        return {name: _without_graph(torch, one) for name, one in output.items()}
    return [_without_graph(torch, one) for one in output] if isinstance(output, tuple | list) else output


@dataclass(eq=False)
class _BackwardPass:
    """What one backward pass gave so far.

    Attributes:
        steps: The steps whose recurrent modules it reached, by number.
        arrived: The gradients that arrived at what entered and left their calls, by the tensor's `id`.
        squares: Sum of the squares of the gradient by each parameter, by its `id`.
    """

    steps: dict[int, TrainingStep] = field(default_factory=dict)
    arrived: dict[int, Any] = field(default_factory=dict)
    squares: dict[int, float] = field(default_factory=dict)


class _BackwardPasses:
    """The backward passes of a loop, each given to the steps that it reaches and to no other.

    A pass reaches a step where a gradient arrives at a tensor of that step's own; parameters, which all steps share,
    tell only how large the gradient is. Nothing but hooks on tensors is used, so `torch.autograd.grad` and a backward
    pass that is itself differentiated go as they go without.
    """

    def __init__(self, torch: Any, model: Any, backward: Callable[[TrainingStep], None]) -> None:
        self._torch, self._model, self._backward = torch, model, backward
        self._weights: dict[int, tuple[Any, Any]] = {}  # the parameter, which keeps its id, and its hook
        self._running: dict[int, _BackwardPass] = {}
        self._waiting: list[TrainingStep] = []

    def wait_for(self, step: TrainingStep) -> None:
        """Have the gradients that arrive at the calls of a step noted."""
        pieces = [piece for call in step.calls for piece in call.pieces]
        inside = [one for piece in pieces for one in (data_of(piece.y), *piece.given, *piece.ends)]
        asked = {id(one): one for one in inside if one.requires_grad}
        if not asked:
            return
        self._hook_weights()
        step.waits = [one.register_hook(self._arrives(step, key)) for key, one in asked.items()]
        self._waiting.append(step)

    def forget_done(self) -> None:
        """Let go of what a backward pass has reached already; it may reach a step again before the next one begins."""
        for step in self._waiting:
            if step.gradient_norm is not None:
                step.forget_tensors()
        self._waiting = [step for step in self._waiting if step.waits]
        if self._torch._C._current_graph_task_id() < 0:
            self._running.clear()  # of passes that an exception ended

    def close(self) -> None:
        """Leave no hook behind."""
        for _, hook in self._weights.values():
            hook.remove()
        for step in self._waiting:
            step.forget_tensors()
        self._weights, self._waiting, self._running = {}, [], {}

    def _hook_weights(self) -> None:
        """Hook every parameter that is trained now, and those no more that are not."""
        trained = {id(one): one for one in self._model.parameters() if one.requires_grad}
        for key in [key for key in self._weights if key not in trained]:
            self._weights.pop(key)[1].remove()
        for key, one in trained.items():
            if key not in self._weights:
                self._weights[key] = one, one.register_hook(self._measures(key))

    def _arrives(self, step: TrainingStep, key: int) -> Callable[[Any], None]:
        def arrived(d: Any) -> None:
            running = self._now()
            running.steps[step.number] = step
            running.arrived[key] = d.detach()

        return arrived

    def _measures(self, key: int) -> Callable[[Any], None]:
        def measured(d: Any) -> None:
            d = d.detach()
            d = d.coalesce().values() if d.is_sparse else d
            self._now().squares[key] = float(d.double().square().sum())

        return measured

    def _now(self) -> _BackwardPass:
        """Return the backward pass that runs; behind it what it gave is handed on."""
        number = self._torch._C._current_graph_task_id()
        if number not in self._running:
            self._running[number] = _BackwardPass()
            self._torch.autograd.Variable._execution_engine.queue_callback(lambda: self._ended(number))
        return self._running[number]

    def _ended(self, number: int) -> None:
        """Give the steps that a backward pass reached what it gave, the earliest first."""
        passed = self._running.pop(number, None)
        if passed is None or (self._weights and not passed.squares):  # by inputs alone: nothing is learned from it
            return
        reached = [step for _, step in sorted(passed.steps.items()) if step.waits]
        for step in reached:
            step.gradient_norm = float(sum(passed.squares.values()) ** 0.5)
            with self._torch.no_grad():
                for call in step.calls:
                    for n, piece in enumerate(call.pieces):
                        after = call.pieces[n + 1] if n + 1 < len(call.pieces) else None
                        by_piece(self._torch, piece, after, passed.arrived)
            step.__dict__.pop("batch", None)
        for step in reached:
            self._backward(step)
