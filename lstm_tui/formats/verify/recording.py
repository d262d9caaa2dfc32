"""What another runtime computes, recorded for `verify`: a live PyTorch model by hooks, ONNX by onnxruntime.

Cells of PyTorch that a model calls step by step in a loop of its own: their steps as one sequence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import label, replacing

Told = tuple[str, Any, Array, tuple[Array, ...], Array, int | None]
"""Path, module, what entered it (T, I), first states (1, H) each, what it gave (T, H), where its state was changed."""


class Stepped:
    """The calls of one cell, as long as it goes on from the state it gave."""

    def __init__(self, name: str, module: Any) -> None:
        """Take a cell by its path in the model."""
        self.name = name
        self.module = module
        self.rows: list[Array] = []
        self._given: list[Array] = []
        self._first: tuple[Array, ...] = ()
        self._last: tuple[Array, ...] = ()
        self._broken: int | None = None

    def after(self, module: Any, given: tuple[Any, ...], named: Mapping[str, Any], output: Any) -> None:
        """Note a call; of a batch, its first sequence."""
        if self._broken is not None:
            return
        states = given[1] if len(given) > 1 else named.get("hx")
        before = _rows(states)
        if not self.rows:
            self._first = tuple(one[None] for one in before)
        elif len(before) != len(self._last) or not all(map(np.array_equal, before, self._last)):
            self._broken = len(self.rows)
            return
        self._last = _rows(output)
        self.rows.append(_rows(given[0] if given else named["input"])[0])
        self._given.append(self._last[0])

    @property
    def told(self) -> Told:
        """What is told of it."""
        return self.name, self.module, np.array(self.rows), self._first, np.array(self._given), self._broken


def _rows(states: Any) -> tuple[Array, ...]:
    """Return the states of the first sequence."""
    if states is None:
        return ()
    every = states if isinstance(states, tuple) else (states,)
    return tuple((one if one.dim() == 1 else one[0]).detach().cpu().numpy().copy() for one in every)


@dataclass(frozen=True, eq=False)
class Entered:
    """What one recurrent module of a model was given.

    Attributes:
        name: Its path in the model; empty where it is the model.
        module: The module.
        x: What it read, (T, I), of the first sequence of a batch.
        initial: States it was given, (layers*directions, n) each; empty where it was given none.
        h: What it gave, (T, H), of a cell that the model calls step by step; else None.
        broken: A cell was given another state than it had before at this step, so no more is told of it; or None.
    """

    name: str
    module: Any
    x: Array
    initial: tuple[Array, ...] = ()
    h: Array | None = None
    broken: int | None = None


def record(
    model: Any, inputs: ArrayLike | Mapping[str, ArrayLike], path: str | Path | None = None
) -> dict[str, NDArray[Any]]:
    """Run a model in its own runtime and return what `verify` compares.

    Args:
        model: A `torch.nn.Module` that holds recurrent modules, or the name of an ONNX file, which onnxruntime runs.
        inputs: What the model takes, one sequence: ids (T,) or numbers (T, I); by name for an ONNX file with several.
        path: A `.npz` file to write it to.

    Returns:
        `input`, `layerN.DIRECTION/h` of every layer (T, H), and `output` where the model gives a row a step.

    Raises:
        UserError: The model holds no recurrent layer, or cannot be run on this.
    """
    made = _record_onnx(model, inputs) if isinstance(model, str | Path) else _record_torch(model, np.asarray(inputs))
    if path is not None:
        with replacing(path) as stream:
            np.savez_compressed(stream, **made)  # type: ignore[arg-type,unused-ignore]
    return made


def capture(model: Any, x: Any) -> tuple[list[Entered], Any]:
    """Run a PyTorch model and return what entered each of its recurrent modules, and what the model gave.

    Of a tuple `x`, each is an argument.

    Raises:
        UserError: There is none, or none was called.
    """
    torch = import_module("torch")
    entered: list[Entered] = []
    cells: list[Stepped] = []
    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.RNNBase):
            hooks.append(module.register_forward_pre_hook(_hook(name, entered), with_kwargs=True))
        elif isinstance(module, torch.nn.LSTMCell | torch.nn.GRUCell | torch.nn.RNNCell):
            cells.append(Stepped(name, module))
            hooks.append(module.register_forward_hook(cells[-1].after, with_kwargs=True))
    if not hooks:
        raise UserError(f"{visible(type(model).__name__)} holds no nn.LSTM, nn.GRU or nn.RNN, and none of their cells")
    training = model.training
    try:
        model.eval()
        with torch.no_grad():
            output = model(*x) if isinstance(x, tuple) else model(x)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    entered += [Entered(*one.told) for one in cells if one.rows]
    if not entered:
        raise UserError(f"{visible(type(model).__name__)} did not call any of its recurrent modules")
    return entered, output


def _hook(name: str, entered: list[Entered]) -> Any:
    def before(module: Any, given: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        x = given[0] if given else named["input"]
        states = given[1] if len(given) > 1 else named.get("hx")
        if hasattr(x, "batch_sizes"):  # packed sequences
            series = import_module("torch").nn.utils.rnn.unpack_sequence(x)[0]
        else:
            series = x if x.dim() == 2 else x[0] if module.batch_first else x[:, 0]
        initial = () if states is None else tuple(states) if isinstance(states, tuple) else (states,)
        firsts = tuple((one if one.dim() == 2 else one[:, 0]).detach().cpu().numpy().copy() for one in initial)
        entered.append(Entered(name, module, series.detach().cpu().numpy().copy(), firsts))

    return before


def _record_torch(model: Any, inputs: Array) -> dict[str, Array]:
    torch = import_module("torch")
    x = torch.as_tensor(inputs if inputs.dtype.kind in "iu" else inputs.astype(np.float32))
    whole = isinstance(model, torch.nn.RNNBase)
    try:
        entered, output = capture(model, x)
    except (RuntimeError, ValueError, IndexError, TypeError):  # a model of batches
        first = getattr(model, "batch_first", True)
        entered, output = capture(model, x[None] if first else x[:, None])
    made: dict[str, Array] = {"input": inputs}
    number = 0
    for one in entered:
        if one.h is not None:
            made[f"layer{number}.forward/h"] = one.h
            number += 1
            continue
        series = torch.as_tensor(one.x)
        for layer in range(one.module.num_layers):
            series = _one_layer(torch, one, layer, series)
            ways = 2 if one.module.bidirectional else 1
            for way, part in zip(("forward", "backward"), np.split(series.numpy(), ways, axis=1), strict=False):
                made[f"layer{number}.{way}/h"] = part
            number += 1
    said = output[0] if isinstance(output, tuple) else output
    rows = said.detach().cpu().numpy().reshape(-1, said.shape[-1]) if hasattr(said, "detach") and said.dim() else None
    top = [one for key, one in made.items() if key.startswith(f"layer{number - 1}.")]
    same = rows is not None and np.array_equal(rows, np.concatenate(top, axis=1))  # there is nothing above it
    if not whole and not same and rows is not None and len(rows) == len(inputs):
        made["output"] = rows
    return made


def _one_layer(torch: Any, entered: Entered, layer: int, series: Any) -> Any:
    """Return what one layer gives, computed by PyTorch from a module that has this layer alone."""
    module = entered.module
    ways = 2 if module.bidirectional else 1
    options = {"bias": module.bias, "bidirectional": module.bidirectional}
    if module.mode == "LSTM":
        options["proj_size"] = module.proj_size
    if module.mode.startswith("RNN"):
        options["nonlinearity"] = module.nonlinearity
    alone = type(module)(series.shape[-1], module.hidden_size, **options).to(series.dtype)
    own = {name: one for name, one in module.state_dict().items() if f"_l{layer}" in name.replace("_reverse", " ")}
    own = {name: one for name, one in own.items() if name.replace("_reverse", "").endswith(f"_l{layer}")}
    alone.load_state_dict({name.replace(f"_l{layer}", "_l0"): one for name, one in own.items()})
    states = tuple(torch.as_tensor(one[layer * ways : (layer + 1) * ways]) for one in entered.initial)
    with torch.no_grad():
        given = () if not states else (states[0],) if len(states) == 1 else (states,)
        return alone(series, *given)[0]


def _record_onnx(path: str | Path, inputs: ArrayLike | Mapping[str, ArrayLike]) -> dict[str, Array]:
    where = label(path)
    try:
        onnx, runtime = import_module("onnx"), import_module("onnxruntime")
    except ImportError as error:
        raise UserError(f"{where}: recording ONNX needs onnx and onnxruntime: pip install onnx onnxruntime") from error
    model = onnx.load(path)
    nodes = [node for node in model.graph.node if node.op_type in ("LSTM", "GRU", "RNN")]
    if not nodes:
        raise UserError(f"{where}: has no recurrent node outside of other nodes' bodies")
    for node in nodes:
        if not node.output[0]:
            node.output[0] = f"{node.name}_every_step"
    wanted = [node.output[0] for node in nodes]
    there = {one.name for one in model.graph.output}
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in wanted if name not in there)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = inputs if isinstance(inputs, Mapping) else {session.get_inputs()[0].name: inputs}
    arrays = {name: np.asarray(one) for name, one in given.items()}
    fed = {one.name: _laid_out(arrays[one.name], one) for one in session.get_inputs() if one.name in arrays}
    results = session.run(wanted, fed)
    made = {"input" if len(arrays) == 1 else f"input.{name}": one for name, one in arrays.items()}
    for number, (node, y) in enumerate(zip(nodes, results, strict=True)):
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        series = y[0] if attributes.get("layout") else y[:, :, 0]  # (T, ways, H)
        ways = ("backward",) if attributes.get("direction") == b"reverse" else ("forward", "backward")
        for n, way in enumerate(ways[: series.shape[1]]):
            made[f"layer{number}.{way}/h"] = series[:, n]
    return made


def _laid_out(array: Array, wanted: Any) -> Array:
    """Return a sequence with the batch axis an input has: where its shape says 1, else the first."""
    shape = list(wanted.shape)
    if array.ndim + 1 == len(shape):
        array = np.expand_dims(array, 1 if len(shape) > 1 and shape[1] == 1 else 0)
    return array.astype(np.int64) if "int64" in wanted.type else array.astype(np.float32)
