"""Recurrent steps that a running PyTorch model takes by functions, such as `torch.lstm_cell`, without a module.

Each call stands for that of a module of PyTorch's own with the same weights. What goes round through products with the
same weights, step by step and by neither module nor function, cannot be taken: it is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from importlib import import_module
from typing import Any

from lstm_tui.engine.dataclass import dataclass

_CELLS = {"lstm_cell": "LSTM", "gru_cell": "GRU", "rnn_tanh_cell": "RNN_TANH", "rnn_relu_cell": "RNN_RELU"}
_LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN_TANH", "rnn_relu": "RNN_RELU"}
_OF_CELL = ("input", "hx", "w_ih", "w_hh", "b_ih", "b_hh")
_OF_LAYER = (
    "input", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional", "batch_first",
)  # fmt: skip
_OF_PACKED = (
    "data", "batch_sizes", "hx", "params", "has_biases", "num_layers", "dropout", "train", "bidirectional",
)  # fmt: skip
_LEAVES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_PRODUCTS = frozenset({
    "linear", "matmul", "mm", "mv", "bmm", "addmm", "addmv", "baddbmm", "einsum", "__matmul__", "__rmatmul__",
})  # fmt: skip
Running = list[tuple[str, bool]]
"""Paths of the modules that run, the innermost last, and whether that is inside a recurrent one."""
Before = Callable[..., Any]
After = Callable[..., Any]


@dataclass(eq=False)
class FunctionCalls:
    """What the functions of one run were.

    Attributes:
        modules: A module with the weights that a function was given, by name: the path of the module that holds the
            weights or calls it, and the name of the function.
        by_hand: Names of weights that are applied again to what they have led to, by no module and no function.
    """

    modules: dict[str, Any] = field(default_factory=dict)
    by_hand: list[str] = field(default_factory=list)

    def weights(self) -> Iterator[tuple[Any, str, str]]:
        """Iterate over the weights that functions were given: the tensor, the name of the call, and its own there."""
        for name, module in self.modules.items():
            yield from ((tensor, name, leaf) for leaf, tensor in _weights(module))

    @property
    def unseen(self) -> str:
        """One line on what was not taken; empty where all was."""
        return f"{', '.join(self.by_hand)} applied step by step by hand" if self.by_hand else ""


@contextmanager
def functions_seen(
    model: Any, kinds: tuple[Any, ...], before: Before, after: Callable[[str], After]
) -> Iterator[FunctionCalls]:
    """Have each call of a recurrent function noted as one of a module, as long as it lasts.

    Args:
        model: The model that runs.
        kinds: Classes of recurrent modules, whose own calls of functions are theirs.
        before: From a module and what it is given to what it is given instead.
        after: From the name of a call to what notes it: given the module, what it took and gave, it returns what it
            gives instead, or None.
    """
    calls = FunctionCalls()
    with modules_running(model, kinds) as running, functions_mode(model, running, calls, before, after):
        yield calls


@contextmanager
def modules_running(model: Any, kinds: tuple[Any, ...]) -> Iterator[Running]:
    """Yield which modules of a model run, at any time as long as it lasts.

    Args:
        model: The model.
        kinds: Classes of recurrent modules.
    """
    torch = import_module("torch")
    running: Running = []
    hooks: list[Any] = []

    def begun(path: str, recurrent: bool) -> Callable[..., None]:
        def begin(module: Any, given: Any) -> None:
            running.append((path, recurrent or (bool(running) and running[-1][1])))

        return begin

    def ended(module: Any, given: Any, output: Any) -> None:
        del running[-1:]

    for path, module in model.named_modules():
        if not isinstance(module, torch.jit.ScriptModule):
            hooks.append(module.register_forward_pre_hook(begun(path, isinstance(module, kinds))))
            hooks.append(module.register_forward_hook(ended, always_call=True))
    try:
        yield running
    finally:
        for hook in hooks:
            hook.remove()


def functions_mode(
    model: Any,
    running: Running,
    calls: FunctionCalls,
    before: Before,
    after: Callable[[str], After],
    by_hand: bool = True,
) -> Any:
    """Return a mode of PyTorch in which the recurrent functions are noted.

    Args:
        model: As in `functions_seen`.
        running: From `modules_running`.
        calls: Where they are noted.
        before: As in `functions_seen`.
        after: As there.
        by_hand: Whether what is applied by neither module nor function is looked for too, which costs time.
    """
    torch = import_module("torch")
    return _mode(torch)(torch, model, running, calls, before, after, by_hand)


def _mode(torch: Any) -> Any:
    """Return the class of the mode, which PyTorch must be there for."""

    class Watched(torch.overrides.TorchFunctionMode):  # type: ignore[misc,name-defined,unused-ignore]
        """Hands each call of a function of PyTorch on, and notes the recurrent ones."""

        def __init__(self, *parts: Any) -> None:
            super().__init__()
            self.seen = _Seen(*parts)

        def __torch_function__(
            self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
        ) -> Any:
            return self.seen.call(function, tuple(args), dict(kwargs or {}))

    return Watched


class _Seen:
    """The functions of a run, one after the other."""

    def __init__(
        self,
        torch: Any,
        model: Any,
        running: list[tuple[str, bool]],
        calls: FunctionCalls,
        before: Before,
        after: Callable[[str], After],
        by_hand: bool,
    ) -> None:
        self.by_hand = by_hand
        self.torch, self.running, self.calls, self.before, self.after = torch, running, calls, before, after
        self.names = {id(one): name for name, one in model.named_parameters()}
        keyed = import_module("torch.utils.weak").WeakTensorKeyDictionary
        self.weight: Any = keyed()  # of a tensor that is a weight, or made of one alone: its name
        self.led: Any = keyed()  # of a tensor: names of the weights that products have brought into it
        for name, one in model.named_parameters():
            self.weight[one] = name

    def call(self, function: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return what a function gives."""
        word = getattr(function, "__name__", "")
        if self.running and self.running[-1][1]:
            return function(*args, **named)
        if word in _CELLS or word in _LAYERS:
            return self._recurrent(function, word, args, named)
        result = function(*args, **named)
        if self.by_hand:
            self._follow(word, (*args, *named.values()), result)
        return result

    # --- recurrent functions ---

    def _recurrent(self, function: Any, word: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if word in _LAYERS and ("batch_sizes" in named or _is_whole(self.torch, args[1:2])):
            return self._packed(function, word, args, named)
        names = _OF_CELL if word in _CELLS else _OF_LAYER
        given = {**dict(zip(names, args, strict=False)), **named}
        name, module = self._module(word, given)
        (x, states), _ = self.before(module, (given["input"], given["hx"]), {})
        result = function(**{**given, "input": x, "hx": states}) if named else function(x, states, *args[2:])
        told = result if word in _CELLS else (result[0], result[1:] if len(result) > 2 else result[1])
        own = self.after(name)(module, (x, states), {}, told)
        if own is None:
            return result
        return own if word in _CELLS else (own[0], *(own[1] if len(result) > 2 else (own[1],)))

    def _packed(self, function: Any, word: str, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return what the function of a layer gives of packed sequences, the longest first; its states are theirs."""
        packed = self.torch.nn.utils.rnn.PackedSequence
        given = {**dict(zip(_OF_PACKED, args, strict=False)), **named}
        name, module = self._module(word, given)
        (x, states), _ = self.before(module, (packed(given["data"], given["batch_sizes"]), given["hx"]), {})
        result = function(**{**given, "data": x.data, "hx": states}) if named else function(
            x.data, x.batch_sizes, states, *args[3:])  # fmt: skip
        ends = result[1:] if len(result) > 2 else result[1]
        own = self.after(name)(module, (x, states), {}, (packed(result[0], x.batch_sizes), ends))
        return result if own is None else (own[0].data, *(own[1] if len(result) > 2 else (own[1],)))

    def _path(self, weights: Iterable[Any]) -> str:
        """Return the path of the module that holds weights, or else of the one that runs."""
        held = next((self.names[id(one)] for one in weights if id(one) in self.names), None)
        return held.rpartition(".")[0] if held is not None else self.running[-1][0] if self.running else ""

    def _module(self, word: str, given: Mapping[str, Any]) -> tuple[str, Any]:
        """Return a module with the weights that a function was given, and what the call is called."""
        mode = _CELLS.get(word) or _LAYERS[word]
        made = _cell(self.torch, mode, given) if word in _CELLS else _layer(self.torch, mode, given)
        weights = [one for _, one in _weights(made)]
        name = f"{self._path(weights)}.{word}".strip(".")
        number, wanted = 1, name
        while name in self.calls.modules:
            known = [one for _, one in _weights(self.calls.modules[name])]
            if len(known) == len(weights) and all(
                one is other or (one.shape == other.shape and bool(self.torch.equal(one, other)))
                for one, other in zip(known, weights, strict=True)
            ):
                return name, self.calls.modules[name]
            number += 1
            name = f"{wanted}{number}"
        self.calls.modules[name] = made
        return name, made

    # --- by hand ---

    def _follow(self, word: str, given: tuple[Any, ...], result: Any) -> None:
        """Follow which weights have led to a tensor, and note one that is applied to what it has led to."""
        tensors = list(self._tensors(given))
        weights = [self.weight[one] for one in tensors if one in self.weight]
        led = frozenset[str]().union(*(self.led[one] for one in tensors if one in self.led))
        if word in _PRODUCTS:
            for name in weights:
                if name in led and name not in self.calls.by_hand:
                    self.calls.by_hand.append(name)
            led = led.union(weights)
        of_weights = bool(weights) and len(weights) == len(tensors) and word not in _PRODUCTS
        for one in self._tensors((result, *given[:1]) if word in ("__setitem__", "copy_") else (result,)):
            if of_weights and len(set(weights)) == 1:
                self.weight[one] = weights[0]
            elif led:
                self.led[one] = led

    def _tensors(self, values: Iterable[Any]) -> Iterator[Any]:
        for one in values:
            if isinstance(one, self.torch.Tensor):
                yield one
            elif isinstance(one, tuple | list):
                yield from self._tensors(one)


def _is_whole(torch: Any, values: tuple[Any, ...]) -> bool:
    return any(isinstance(one, torch.Tensor) and one.dtype == torch.int64 for one in values)


def _weights(module: Any) -> list[tuple[str, Any]]:
    """Return the weights of such a module by PyTorch's names, in the order in which a function takes them."""
    names = [one for layer in module._all_weights for one in layer] if hasattr(module, "num_layers") else _LEAVES
    return [(name, one) for name in names if (one := getattr(module, name, None)) is not None]


def _with_weights(module: Any, names: Iterable[str], weights: Iterable[Any]) -> Any:
    for name, one in zip(names, weights, strict=True):
        module._parameters.pop(name, None)
        module.__dict__[name] = one
    return module


def _cell(torch: Any, mode: str, given: Mapping[str, Any]) -> Any:
    """Return a cell of PyTorch with the weights that a function was given."""
    weights: list[Any] = [given.get(name) for name in _OF_CELL[2:]]
    gates = {"LSTM": 4, "GRU": 3}.get(mode, 1)
    size, bias = (weights[0].shape[1], weights[1].shape[0] // gates), weights[2] is not None
    options: dict[str, Any] = {"bias": bias, "device": "meta"}
    if mode.startswith("RNN"):
        options["nonlinearity"] = mode.removeprefix("RNN_").lower()
    kind = {"LSTM": torch.nn.LSTMCell, "GRU": torch.nn.GRUCell}.get(mode, torch.nn.RNNCell)
    return _with_weights(kind(*size, **options), _LEAVES, weights).eval()


def _layer(torch: Any, mode: str, given: Mapping[str, Any]) -> Any:
    """Return a layer of PyTorch with the weights that a function was given."""
    weights, layers, ways = list(given["params"]), int(given["num_layers"]), 1 + bool(given["bidirectional"])
    gates = {"LSTM": 4, "GRU": 3}.get(mode, 1)
    each = len(weights) // (layers * ways)
    projected = mode == "LSTM" and each == 3 + 2 * bool(given["has_biases"])
    options: dict[str, Any] = {
        "num_layers": layers, "bias": bool(given["has_biases"]), "batch_first": bool(given.get("batch_first")),
        "bidirectional": ways == 2, "device": "meta",
    }  # fmt: skip
    if projected:
        options["proj_size"] = weights[each - 1].shape[0]
    if mode.startswith("RNN"):
        options["nonlinearity"] = mode.removeprefix("RNN_").lower()
    kind = getattr(torch.nn, "RNN" if mode.startswith("RNN") else mode)
    made = kind(weights[0].shape[1], weights[1].shape[0] // gates, **options)
    _with_weights(made, [one for layer in made._all_weights for one in layer], weights)
    made._flat_weights, made.dropout = weights, float(given["dropout"]) if given["train"] else 0.0
    return made.train(bool(given["train"]))
