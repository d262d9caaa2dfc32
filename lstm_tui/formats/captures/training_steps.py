"""The steps of a training loop seen from inside the model: every forward pass, and the backward pass behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import import_module
from typing import Any

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.captures.captured_batch import CapturedBatch
from lstm_tui.formats.captures.captured_run import CapturedModule
from lstm_tui.formats.captures.from_torch import capture_of
from lstm_tui.formats.captures.module_network import mode_of
from lstm_tui.formats.verify.torch_calls import (
    Looked,
    ModuleCall,
    array_of,
    by_piece,
    data_of,
    each_entered,
    hooked,
    weights_of,
)


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
        waits: What waits for the backward pass; None behind it.
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
    waits: Any = None

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
        if self.waits is not None:
            self.waits.remove()
            self.waits = None


@contextmanager
def steps_watched(
    model: Any,
    forward: Callable[[TrainingStep], None],
    backward: Callable[[TrainingStep], None],
    tokens: Any = None,
    classes: tuple[str, ...] = (),
) -> Iterator[None]:
    """See every step that a model takes, as long as it lasts.

    Args:
        model: A PyTorch module.
        forward: Called behind each forward pass.
        backward: Called behind each backward pass, before any optimizer has taken its step.
        tokens: What ids mean.
        classes: Names of what the model says.

    Raises:
        UserError: The model holds no recurrent module.
    """
    torch = import_module("torch")
    current = [TrainingStep(-1, "")]

    def begun(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
        inputs = {f"input.{name}": one for name, one in (*enumerate(given), *named.items())}
        arrays = {name: array_of(one) for name, one in inputs.items() if isinstance(one, torch.Tensor)}
        current[0] = TrainingStep(
            current[0].number + 1, visible(type(module).__name__), inputs=arrays, tokens=tokens, classes=classes
        )

    def done(module: Any, given: tuple[Any, ...], output: Any) -> None:
        step = current[0]
        step.looked.output = _without_graph(torch, output)
        for call in step.calls:
            name = call.name or step.model
            if name not in step.modules:
                step.modules[name] = CapturedModule(name, mode_of(call.module), weights_of(call.module))
        _ask_gradients(torch, model, step, backward)
        forward(step)

    hooks = [model.register_forward_pre_hook(begun, with_kwargs=True)]
    try:
        with hooked(model, lambda: (current[0].calls, current[0].looked), with_graph=True):
            hooks.append(model.register_forward_hook(done))
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _without_graph(torch: Any, output: Any) -> Any:
    if isinstance(output, torch.Tensor):
        return output.detach().clone()
    if isinstance(output, dict):
        return {name: _without_graph(torch, one) for name, one in output.items()}
    return [_without_graph(torch, one) for one in output] if isinstance(output, tuple | list) else output


def _ask_gradients(torch: Any, model: Any, step: TrainingStep, backward: Callable[[TrainingStep], None]) -> None:
    """Have the gradients that arrive at the calls of a step noted, and `backward` called when all are there."""
    pieces = [piece for call in step.calls for piece in call.pieces]
    inside = [one for piece in pieces for one in (data_of(piece.y), *piece.given, *piece.ends)]
    weights = [one for one in model.parameters() if one.requires_grad]
    asked = list({id(one): one for one in (*inside, *weights) if one.requires_grad}.values())
    if not any(one.requires_grad for one in inside):
        return

    def arrived(gradients: Sequence[Any]) -> None:
        found = {id(one): d.detach() for one, d in zip(asked, gradients, strict=True) if d is not None}
        sizes = [float(found[id(one)].double().square().sum()) for one in weights if id(one) in found]
        step.gradient_norm = float(sum(sizes) ** 0.5)
        for call in step.calls:
            for number, piece in enumerate(call.pieces):
                after = call.pieces[number + 1] if number + 1 < len(call.pieces) else None
                by_piece(torch, piece, after, found)
        step.forget_tensors()
        step.__dict__.pop("batch", None)
        backward(step)

    step.waits = torch.autograd.graph.register_multi_grad_hook(asked, arrived)
