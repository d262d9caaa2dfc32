"""What a running PyTorch model does: every call of its recurrent modules, and what its other modules give.

The model is looked at and left as it was: states that it keeps between calls, its buffers and its random numbers too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible

_SCRIPTED = ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")


@dataclass(frozen=True, eq=False)
class Entered:
    """What one recurrent module of a model was given, one sequence of a batch.

    Attributes:
        name: Its path in the model; empty where it is the model.
        module: The module.
        x: What it read, (T, I).
        initial: States it was given, (layers*directions, n) each; empty where it was given none.
        h: What it gave, (T, H).
        broken: A cell was given another state than it had before at this step, so no more is told of it; or None.
        batch: Which sequence of the batch.
        call: Which call of the module, from 0; calls that go on from the state of the one before are one.
    """

    name: str
    module: Any
    x: Array
    initial: tuple[Array, ...] = ()
    h: Array | None = None
    broken: int | None = None
    batch: int = 0
    call: int = 0


@dataclass(eq=False)
class _Call:
    """A call, or several of which each goes on from the state that the one before gave."""

    name: str
    module: Any
    x: list[list[Array]]  # by sequence of the batch, pieces (T, I)
    y: list[list[Array]]
    initial: tuple[Array, ...]  # (layers*directions, B, n) each
    last: tuple[Array, ...]

    def entered(self, batch: int, call: int, broken: int | None) -> Entered:
        initial = tuple(one[:, batch] for one in self.initial)
        return Entered(
            self.name,
            self.module,
            np.concatenate(self.x[batch]),
            initial,
            np.concatenate(self.y[batch]),
            broken,
            batch,
            call,
        )


@dataclass(eq=False)
class Looked:
    """What a model did in one run.

    Attributes:
        entered: Every call of its recurrent modules, each sequence of a batch by itself, in the order of the calls.
        around: Of every other module that was called: its path, what entered it and what it gave, as it was called.
        output: What the model gave.
        batch: How many sequences were in the batch; None where it read one alone.
        batch_first: Whether the first axis of what the recurrent modules read is the batch.
        packed: Whether a recurrent module read packed sequences, each as long as it is.
    """

    entered: list[Entered] = field(default_factory=list)
    around: list[tuple[str, Array, Array]] = field(default_factory=list)
    output: Any = None
    batch: int | None = None
    batch_first: bool = False
    packed: bool = False


def look(model: Any, arguments: tuple[Any, ...], named: Mapping[str, Any]) -> Looked:
    """Run a PyTorch model once and return what it did.

    Args:
        model: A module that holds recurrent modules.
        arguments: What it takes, as tensors.
        named: What it takes by name.

    Raises:
        UserError: It holds no recurrent module, none was called, or it is of a kind that cannot be looked into.
    """
    torch = import_module("torch")
    kind = visible(type(model).__name__)
    cells = (torch.nn.LSTMCell, torch.nn.GRUCell, torch.nn.RNNCell)
    calls: list[_Call] = []
    looked = Looked()
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.RNNBase, *cells)):
            hooks.append(module.register_forward_hook(_noted(torch, name, calls, looked), with_kwargs=True))
        elif not any(True for _ in module.children()) and not isinstance(module, torch.jit.ScriptModule):
            hooks.append(module.register_forward_hook(_seen(torch, name, looked), with_kwargs=True))
    if not any(isinstance(module, (torch.nn.RNNBase, *cells)) for module in model.modules()):
        for hook in hooks:
            hook.remove()
        raise UserError(_refusal(torch, model, kind))
    try:
        with _untouched(torch, model), torch.no_grad():
            model.eval()
            looked.output = model(*arguments, **named)
    finally:
        for hook in hooks:
            hook.remove()
    if not calls:
        raise UserError(f"{kind} did not call any of its recurrent modules")
    looked.entered = list(_each(calls))
    return looked


def _refusal(torch: Any, model: Any, kind: str) -> str:
    """Say why nothing of a model can be looked at."""
    for module in model.modules():
        if isinstance(module, torch.jit.ScriptModule) and getattr(module, "original_name", "") in _SCRIPTED:
            return f"{kind} is scripted, and PyTorch lets nobody look into that: give the module it was scripted from"
        if ".quantized." in type(module).__module__ and any(one in type(module).__name__ for one in _SCRIPTED):
            return f"{kind} holds a quantised {type(module).__name__}: give the module from before it was quantised"
    return f"{kind} holds no nn.LSTM, nn.GRU or nn.RNN, and none of their cells"


def _each(calls: list[_Call]) -> Iterator[Entered]:
    """Iterate over calls, each sequence by itself; the first of a module says where it was given another state."""
    counts: dict[str, int] = {}
    for call in calls:
        number = counts[call.name] = counts.get(call.name, -1) + 1
        later = any(one.name == call.name and one is not call for one in calls)
        stepped = not hasattr(call.module, "num_layers")
        broken = sum(len(one) for one in call.x[0]) if stepped and later and number == 0 else None
        for batch in range(len(call.x)):
            yield call.entered(batch, number, broken)


def _noted(torch: Any, name: str, calls: list[_Call], looked: Looked) -> Callable[..., None]:
    """Return a hook that keeps a call of a recurrent module."""

    def after(module: Any, given: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:
        x = given[0] if given else named["input"]
        states = given[1] if len(given) > 1 else named.get("hx")
        told = () if states is None else tuple(states) if isinstance(states, tuple) else (states,)
        if not hasattr(module, "num_layers"):
            rows, first, last = _cell_call(x, told, output)
            looked.batch, looked.batch_first = (len(rows[0]) if x.dim() == 2 else looked.batch), True
        else:
            rows, first, last = _layer_call(torch, module, x, told, output)
            packed = hasattr(x, "batch_sizes")
            looked.batch = len(rows[0]) if packed or x.dim() == 3 else looked.batch
            looked.batch_first = module.batch_first or packed
            looked.packed = looked.packed or packed
        before = next((one for one in reversed(calls) if one.name == name), None)
        goes_on = before is not None and first and len(first) == len(before.last)
        if before is not None and goes_on and all(map(np.array_equal, first, before.last)):
            for kept, more in ((before.x, rows[0]), (before.y, rows[1])):
                for mine, piece in zip(kept, more, strict=True):
                    mine.append(piece)
            before.last = last
            return
        calls.append(_Call(name, module, [[one] for one in rows[0]], [[one] for one in rows[1]], first, last))

    return after


_Rows = tuple[list[Array], list[Array]]
_States = tuple[Array, ...]


def _cell_call(x: Any, states: tuple[Any, ...], output: Any) -> tuple[_Rows, _States, _States]:
    """Return a step of a cell: rows that entered and left it by sequence, its states before and after it."""
    given = output if isinstance(output, tuple) else (output,)
    xs, *after = (array_of(one if one.dim() == 2 else one[None]) for one in (x, *given))
    before = tuple(array_of(one if one.dim() == 2 else one[None])[None] for one in states)
    return ([one[None] for one in xs], [one[None] for one in after[0]]), before, tuple(one[None] for one in after)


def _layer_call(
    torch: Any, module: Any, x: Any, states: tuple[Any, ...], output: Any
) -> tuple[_Rows, _States, _States]:
    """Return a call of a module: series that entered and left it by sequence, its states before and after it."""
    y, last = output
    if hasattr(x, "batch_sizes"):
        unpack = torch.nn.utils.rnn.unpack_sequence
        rows = [array_of(one) for one in unpack(x)], [array_of(one) for one in unpack(y)]
    elif x.dim() == 2:
        rows = [array_of(x)], [array_of(y)]
    else:
        axis = 0 if module.batch_first else 1
        rows = tuple([array_of(one) for one in part.unbind(axis)] for part in (x, y))  # type: ignore[assignment]
    ends = last if isinstance(last, tuple) else (last,)
    before, after = (
        tuple(array_of(one if one.dim() == 3 else one[:, None]) for one in part) for part in (states, ends)
    )
    return rows, before, after


def _seen(torch: Any, name: str, looked: Looked) -> Callable[..., None]:
    """Return a hook that keeps what another module read and gave."""

    def after(module: Any, given: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:
        read = next((one for one in (*given, *named.values()) if isinstance(one, torch.Tensor)), None)
        if read is not None and isinstance(output, torch.Tensor):
            looked.around.append((name, array_of(read), array_of(output)))

    return after


def array_of(tensor: Any) -> Array:
    """Return a copy of a tensor; half precision as float32."""
    one = tensor.detach().cpu()
    return np.array((one.float() if str(one.dtype) in ("torch.bfloat16", "torch.float16") else one).numpy())


@contextmanager
def _untouched(torch: Any, model: Any) -> Iterator[None]:
    """Put everything back that a run changes: what modules keep, their buffers, their mode and the random numbers."""
    random = torch.get_rng_state()
    kept = [(module, dict(module.__dict__), module.training) for module in model.modules()
            if not isinstance(module, torch.jit.ScriptModule)]  # fmt: skip
    tensors = list(_tensors(torch, [attributes for _, attributes, _ in kept]))
    tensors += list(model.buffers())
    copies = [(one, one.detach().clone()) for one in tensors]
    containers = [
        (one, list(one) if isinstance(one, list) else dict(one))
        for _, attributes, _ in kept
        for name, one in attributes.items()
        if isinstance(one, list | dict) and (not name.startswith("_") or name == "_buffers")
    ]
    try:
        yield
    finally:
        torch.set_rng_state(random)
        for module, attributes, training in kept:
            for name in [name for name in module.__dict__ if name not in attributes]:
                del module.__dict__[name]
            module.__dict__.update(attributes)
            module.training = training
        for container, content in containers:
            container.clear()
            container.extend(content) if isinstance(container, list) else container.update(content)
        with torch.no_grad():
            for tensor, copy in copies:
                tensor.detach().copy_(copy)


def _tensors(torch: Any, values: Any, depth: int = 0) -> Iterator[Any]:
    """Iterate over the tensors in what modules keep as attributes; parameters are not changed by a run."""
    for one in values.values() if isinstance(values, dict) else values:
        if isinstance(one, torch.Tensor) and not isinstance(one, torch.nn.Parameter):
            yield one
        elif isinstance(one, dict | list | tuple) and depth < 3:
            yield from _tensors(torch, one, depth + 1)


def weights_of(module: Any) -> dict[str, Array]:
    """Return the weights a recurrent module computes with, by PyTorch's names, however they are kept."""
    if not hasattr(module, "num_layers"):
        names = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
    else:
        ends = [f"_l{n}{way}" for n in range(module.num_layers) for way in ("", "_reverse")[: 1 + module.bidirectional]]
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
        names = [f"{kind}{end}" for end in ends for kind in kinds]
    found = {name: getattr(module, name, None) for name in names}
    return {name: array_of(one) for name, one in found.items() if one is not None}
