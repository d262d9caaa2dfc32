"""Recurrent modules changed as by a mistake, as long as a block lasts: what they take, give and keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from lstm_tui.engine.dataclass import dataclass
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.verify.torch_calls import recurrent_kinds

Around = Callable[[Any], AbstractContextManager[Any]]
"""Changes a model as long as a block lasts."""


@dataclass(frozen=True)
class ChangedModule:
    """One way to change a recurrent module of a model.

    Attributes:
        kind: What it is about: order, state or axes.
        said: What the model would be mistaken in, as a sentence's end.
        around: Changes the model as long as a block lasts.
    """

    kind: str
    said: str
    around: Around


def changed_modules(torch: Any, model: Any) -> Iterator[ChangedModule]:
    """Iterate over all ways to change one recurrent module of a model."""
    for name, module in model.named_modules():
        path = visible(name or type(model).__name__)
        if isinstance(module, torch.nn.RNNBase):
            yield ChangedModule("order", f"what {path} gives stands in the reverse order", _series(name, _flipped))
            said = f"{path} reads from the wrong end"
            yield ChangedModule("order", said, _series(name, _flipped, enters=_flipped))
            if module.bidirectional:
                said = f"the half of {path} that reads backwards stands in the reverse order"
                yield ChangedModule("order", said, _series(name, _backward_flipped(torch)))
                said = f"the halves of {path} that read forwards and backwards are taken for each other"
                yield ChangedModule("order", said, _around(name, given=_halves_exchanged(torch)))
        if isinstance(module, torch.nn.LSTM | torch.nn.LSTMCell):
            whole = isinstance(module, torch.nn.LSTM)
            said = f"the h and c that {path} {{}} are taken for each other"
            yield ChangedModule("state", said.format("gives"), _around(name, given=_gives_exchanged(whole)))
            yield ChangedModule("state", said.format("takes"), _around(name, taken=_takes_exchanged))
    yield from turned_modules(torch, model)


def turned_modules(torch: Any, model: Any) -> Iterator[ChangedModule]:
    """Iterate over the modules that may take time for the batch, each turned."""
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.RNNBase):
            path = visible(name or type(model).__name__)
            yield ChangedModule("axes", f"{path} takes time for the batch", _series(name, _turned, enters=_turned))


def from_zeros(torch: Any) -> Around:
    """Return what has every recurrent module begin from zeros when it is called first for a batch."""

    @contextmanager
    def beginning(model: Any) -> Iterator[None]:
        called: set[int] = set()

        def before(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
            if id(module) in called:
                return None
            called.add(id(module))
            return given[:1], {name: one for name, one in named.items() if name != "hx"}

        recurrent = (module for module in model.modules() if isinstance(module, recurrent_kinds(torch)))
        with _held(
            model.register_forward_pre_hook(lambda module, given: called.clear()),
            *(module.register_forward_pre_hook(before, with_kwargs=True) for module in recurrent),
        ):
            yield

    return beginning


def carrying(torch: Any) -> Around:
    """Return what gives every module that is given no state the one in which it ended the call before."""

    @contextmanager
    def carried(model: Any) -> Iterator[None]:
        last: dict[int, Any] = {}

        def before(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Any:
            free = (given[1] if len(given) > 1 else named.get("hx")) is None
            state = last.get(id(module))
            return ((given[0] if given else named["input"], state), {}) if free and state is not None else None

        def after(module: Any, given: tuple[Any, ...], output: Any) -> None:
            last[id(module)] = output[1]

        recurrent = [module for module in model.modules() if isinstance(module, torch.nn.RNNBase)]
        with _held(
            *(module.register_forward_pre_hook(before, with_kwargs=True) for module in recurrent),
            *(module.register_forward_hook(after) for module in recurrent),
        ):
            yield

    return carried


@contextmanager
def _held(*hooks: Any) -> Iterator[None]:
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


Taken = tuple[tuple[Any, ...], dict[str, Any]]
"""What a module is called with: by place and by name."""


def _around(
    name: str,
    taken: Callable[[Any, tuple[Any, ...], dict[str, Any]], Taken | None] = lambda module, given, named: None,
    given: Callable[[Any, Any], Any] = lambda module, output: output,
) -> Around:
    """Return what changes all that a module takes and gives."""

    @contextmanager
    def changed(model: Any) -> Iterator[None]:
        module = model.get_submodule(name)
        with _held(
            module.register_forward_pre_hook(taken, with_kwargs=True),
            module.register_forward_hook(lambda module, entered, output: given(module, output)),
        ):
            yield

    return changed


def _series(
    name: str,
    leaves: Callable[[Any, Any], Any],
    enters: Callable[[Any, Any], Any] = lambda module, series: series,
) -> Around:
    """Return what changes the series that leaves a module, and perhaps the one that enters it."""

    def taken(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Taken | None:
        return ((enters(module, given[0]), *given[1:]), named) if given else None

    return _around(name, taken, lambda module, output: (leaves(module, output[0]), output[1]))


def _time(module: Any, series: Any) -> int:
    return 1 if module.batch_first and series.dim() == 3 else 0


def _flipped(module: Any, series: Any) -> Any:
    return series.flip(_time(module, series))


def _turned(module: Any, series: Any) -> Any:
    return series.transpose(0, 1).contiguous()


def _backward_flipped(torch: Any) -> Callable[[Any, Any], Any]:
    def flipped(module: Any, series: Any) -> Any:
        forward, backward = series.chunk(2, -1)
        return torch.cat([forward, backward.flip(_time(module, series))], -1)

    return flipped


def _halves_exchanged(torch: Any) -> Callable[[Any, Any], Any]:
    """Return what exchanges the directions of the last layer, in what is given at every step and at the end."""

    def last(state: Any) -> Any:
        return torch.cat([state[:-2], state[-1:], state[-2:-1]], 0)

    def exchanged(module: Any, output: Any) -> Any:
        series, state = output
        forward, backward = series.chunk(2, -1)
        ends = tuple(map(last, state)) if isinstance(state, tuple) else last(state)
        return torch.cat([backward, forward], -1), ends

    return exchanged


def _gives_exchanged(whole: bool) -> Callable[[Any, Any], Any]:
    """Return what exchanges the h and c that an LSTM gives at the end, or a cell at every step."""
    return lambda module, output: (output[0], output[1][::-1]) if whole else output[::-1]


def _takes_exchanged(module: Any, given: tuple[Any, ...], named: dict[str, Any]) -> Taken | None:
    if len(given) > 1 and given[1] is not None:
        return (given[0], given[1][::-1]), named
    return (given, {**named, "hx": named["hx"][::-1]}) if named.get("hx") is not None else None
