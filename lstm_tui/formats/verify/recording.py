"""What another runtime computes, recorded for `verify`: a live PyTorch model by hooks, ONNX by onnxruntime."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.text_safety import visible
from lstm_tui.formats.io.files import label, replacing
from lstm_tui.formats.io.json import encode
from lstm_tui.formats.verify.left_untouched import same_random
from lstm_tui.formats.verify.torch_calls import HALF, Entered, Looked, array_of, look, refuse_keras, weights_of

ABOUT = "about"
"""The array of a recording that says, as JSON, what its names are in the model, and what it does not hold."""
BATCH = "batch"
CAPTURED = "capture/"
"""What the names begin with that only a capture has."""


def record(model: Any, inputs: Any, path: str | Path | None = None) -> dict[str, Array]:
    """Run a model in its own runtime and return what `verify` compares.

    The model is given what it takes: ids stay ids, a batch is recorded whole, and the model is left as it was.

    Args:
        model: A `torch.nn.Module` that holds recurrent modules, or the name of an ONNX file, which onnxruntime runs.
        inputs: What the model takes: ids (T,) or numbers (T, I), or a batch of them; a tuple of several; by name for
            an ONNX file with several, or what a module takes by keyword.
        path: A `.npz` file to write it to.

    Returns:
        `input`; `layerN.DIRECTION/h` of every recurrent layer (T, H), counted as the model calls them; `output` (T, n)
        or `result` (n,), the answer; `around/PATH/x` and `around/PATH/y`, what other modules read and gave;
        `call/PATH/K/x`, `/y` and `/initial`, every call of a recurrent module; of a batch, the same names behind
        `batch/B/` from its second sequence on; and `about`, as JSON.

    Raises:
        UserError: The model holds no recurrent layer, or cannot be run on this.
    """
    made = _record_onnx(model, inputs) if isinstance(model, str | Path) else _record_torch(model, inputs)
    if path is not None:
        with replacing(path) as stream:
            np.savez_compressed(stream, **made)  # type: ignore[arg-type,unused-ignore]
    return made


_LOOKS: ContextVar[bool] = ContextVar("looks", default=False)


def is_looking() -> bool:
    """Say whether a model runs now only to be looked at, so that what else watches it does not take that as its run."""
    return _LOOKS.get()


@contextmanager
def _looking() -> Iterator[None]:
    before = _LOOKS.set(True)
    try:
        yield
    finally:
        _LOOKS.reset(before)


@_looking()
def look_at(model: Any, inputs: Any, loss: Callable[[Any], Any] | None = None) -> tuple[Looked, dict[str, Array]]:
    """Run a PyTorch model on what it takes, and return what it did and its inputs by the names of a recording.

    Args:
        model: A module that holds recurrent modules.
        inputs: As for `record`.
        loss: As for `look`.

    Raises:
        UserError: It cannot be looked at, or does not run on this.
    """
    refuse_keras(model)
    given = dict(inputs) if isinstance(inputs, Mapping) else {}
    arguments = () if given else inputs if isinstance(inputs, tuple) else (inputs,)
    tensors = tuple(tensor_of(model, one) for one in arguments)
    named = {name: tensor_of(model, one) for name, one in given.items()}
    told = given or dict(zip(map(str, range(len(arguments))), arguments, strict=True))
    own = {name: one for name, one in told.items() if not isinstance(one, tuple)}  # states, which are no input
    if hasattr(model, "weight_hh_l0") or hasattr(model, "weight_hh"):
        own = dict(list(told.items())[:1])
    only = len(own) == 1 and not given
    arrays = {"input" if only else f"input.{name}": _as_array(one) for name, one in own.items()}
    try:
        looked = look(model, tensors, named, loss)
    except _RUNS as error:  # a model of batches
        refused = UserError(f"{visible(type(model).__name__)} does not run on this: {visible(str(error))[:200]}")
        if given or len(arguments) != 1 or not hasattr(tensors[0], "dim") or loss is not None:
            raise refused from error
        axis = 0 if getattr(model, "batch_first", True) else 1
        try:
            looked = look(model, (tensor_of(model, arguments[0]).unsqueeze(axis),), {})
        except _RUNS:
            raise refused from error
    return looked, arrays


def _as_array(value: Any) -> Array:
    """Return a copy of what a model is given, which it may change in place; half precision as float32."""
    return array_of(value) if hasattr(value, "detach") else np.array(value)


def _record_torch(model: Any, inputs: Any) -> dict[str, Array]:
    looked, arrays = look_at(model, inputs)
    return recorded(model, looked, arrays)


def recorded(model: Any, looked: Looked, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return what a model did in one run by the names of a recording.

    Args:
        model: The model.
        looked: What it did.
        arrays: What it was given, by those names.
    """
    count = looked.batch or 1
    made: dict[str, Array] = {}
    unproven: list[str] = []
    layers: list[str] = []
    with same_random(import_module("torch")):  # layers by themselves are made with random weights first
        for number in range(count):
            one = _sequence(model, looked, number, count, arrays, layers, unproven)
            made |= {f"{BATCH}/{number}/{name}" if number else name: array for name, array in one.items()}
    if count == 1 and not unproven and all(not one.name for one in looked.entered):
        return made  # the model is the recurrent module: there is no more to say
    for n, (name, read, gave) in enumerate(looked.around):
        made |= {f"around/{name or n}/x": read, f"around/{name or n}/y": gave}
    for call in looked.entered:
        if call.batch == 0 and call.h is not None:
            place = f"call/{call.name or 'model'}/{call.call}"
            made |= {f"{place}/x": call.x, f"{place}/y": call.h}
            made |= {f"{place}/{state}_0": states for state, states in zip("hc", call.initial, strict=False)}
            if call.call == 1:
                unproven.append(f"calls of {call.name} after the first, each from a state of its own")
    half = [str(one.dtype).removeprefix("torch.") for one in model.parameters() if one.dtype.itemsize < 4]
    about = {"runtime": "PyTorch", "layers": layers, "batch": count, "unproven": list(dict.fromkeys(unproven)),
             "dtype": half[0] if half else "float32"}  # fmt: skip
    made[ABOUT] = np.array(encode(about).decode())
    return made


_RUNS = (RuntimeError, ValueError, IndexError, TypeError, KeyError, AttributeError, AssertionError)
"""What a model raises that does not run on what it is given."""


def tensor_of(model: Any, value: Any) -> Any:
    """Return what is given as a tensor a model takes: ids as whole numbers, others in the precision of its weights."""
    torch = import_module("torch")
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, tuple) and all(isinstance(one, torch.Tensor | np.ndarray) for one in value):
        return tuple(tensor_of(model, one) for one in value)
    array = np.asarray(value)
    if array.dtype.kind in "iub":
        return torch.as_tensor(array.astype(np.int64) if array.dtype.kind != "b" else array.copy())
    if array.dtype.kind != "f":
        return value
    dtype = next((one.dtype for one in model.parameters() if one.dtype.is_floating_point), torch.float32)
    return torch.as_tensor(array.astype(np.float32)).to(dtype)


def _sequence(
    model: Any,
    looked: Looked,
    number: int,
    count: int,
    arrays: Mapping[str, Array],
    layers: list[str],
    unproven: list[str],
) -> dict[str, Array]:
    """Return what is recorded of one sequence of a batch."""
    made = {name: part_of(one, number, count, looked) for name, one in arrays.items()}
    single = [name for name, one in made.items() if not one.ndim and len(made) > 1]  # such as how long it is
    for name in single:
        del made[name]
        unproven.append(f"{name}, one number of a sequence")
    steps = max((len(one) for one in made.values() if one.ndim), default=0)
    filled: tuple[int, ...] = (steps,)  # how long what is padded may be
    if looked.packed:
        packed = [one for one in looked.entered if not one.call]
        lengths = {len(one.x) for one in packed if one.batch == number}
        if len(lengths) == 1 and (length := lengths.pop()) < steps:
            filled = (steps, max(len(one.x) for one in packed))
            made = {name: one[:length] if one.ndim and len(one) == steps else one for name, one in made.items()}
            steps = length
            unproven.append("what is given behind the end of a packed sequence")
    layer = 0
    top: list[Array] = []
    for one in looked.entered:
        if one.batch != number or one.call:
            continue
        for way_and_h in _layers_of(one, unproven):
            for way, h in way_and_h.items():
                made[f"layer{layer}.{way}/h"] = h
            top = list(way_and_h.values())
            if number == 0:
                layers.append(one.name if getattr(one.module, "num_layers", 1) == 1 else f"{one.name}.l{layer}")
            layer += 1
        if not one.name:  # whoever calls the module gives it states
            made |= {"input": one.x, **dict(_initial(one))} if "input" in made else dict(_initial(one))
        elif number == 0 and one.initial and any(np.any(state) for state in one.initial):
            unproven.append(f"first states that the model gives {one.name}")
    answers = answers_of(looked.output)
    for n, (name, said) in enumerate(answers.items()):
        answer = part_of(said, number, count, looked)
        answer = answer[:steps] if looked.packed and answer.ndim == 2 and len(answer) in filled else answer
        if n:
            made[f"answer/{name}"] = answer
            unproven.append(f"the answer {name}: only the first of {len(answers)} is compared")
        elif hasattr(model, "weight_hh_l0") or hasattr(model, "weight_hh"):
            break  # the model is the recurrent module
        elif answer.ndim == 2 and len(answer) == steps:
            if not (top and answer.shape[1] == sum(h.shape[1] for h in top)
                    and np.array_equal(answer, np.concatenate(top, axis=1))):  # fmt: skip
                made["output"] = answer
        elif answer.ndim < 2 or len(answer) == 1:
            made["result"] = answer.reshape(-1)
        else:
            made[f"answer/{name}"] = answer
            unproven.append(f"the answer: it is {'×'.join(map(str, answer.shape))} for {steps} steps")
    return made


def _initial(one: Entered) -> Iterator[tuple[str, Array]]:
    """Iterate over the states a module was given, each by the name of its pass and its own."""
    ways = ("forward", "backward")[: 1 + bool(getattr(one.module, "bidirectional", False))]
    for state, rows in zip("hc", one.initial, strict=False):
        for n, row in enumerate(rows):
            yield f"initial/layer{n // len(ways)}.{ways[n % len(ways)]}/{state}", row


def part_of(array: Array, number: int, count: int, looked: Looked) -> Array:
    """Return one sequence out of a batch; an array without that axis is the same for all."""
    if looked.batch is None:
        return array
    first: bool = looked.batch_first or array.ndim < 2 or array.shape[1] != count
    if array.ndim and first and array.shape[0] == count:
        return np.asarray(array[number])
    return np.asarray(array[:, number]) if array.ndim > 1 and array.shape[1] == count else array


def answers_of(output: Any) -> dict[str, Array]:
    """Return the tensors among what a model gives, by name or number."""
    torch = import_module("torch")
    if isinstance(output, torch.Tensor):
        return {"0": array_of(output)}
    each = (
        output.items() if isinstance(output, Mapping) else enumerate(output) if isinstance(output, tuple | list) else ()
    )
    return {str(name): array_of(one) for name, one in each if isinstance(one, torch.Tensor)}


def _layers_of(entered: Entered, unproven: list[str]) -> Iterator[dict[str, Array]]:
    """Iterate over what each layer of a module gives, by direction (T, H); of one layer as it was recorded."""
    module = entered.module
    assert entered.h is not None, "it was called"
    ways = 2 if getattr(module, "bidirectional", False) else 1
    if getattr(module, "num_layers", 1) == 1:
        yield dict(zip(("forward", "backward"), np.split(entered.h, ways, axis=1), strict=False))
        return
    torch = import_module("torch")
    series = torch.as_tensor(entered.x)
    for layer in range(module.num_layers):
        series = _one_layer(torch, entered, layer, series)
        yield dict(zip(("forward", "backward"), np.split(series.numpy(), ways, axis=1), strict=False))
    if not np.allclose(series.numpy(), entered.h, atol=16 * HALF[entered.dtype] if entered.dtype else 1e-4):
        unproven.append(f"the layers of {entered.name or 'the model'} by themselves: it does more than its class")


def _one_layer(torch: Any, entered: Entered, layer: int, series: Any) -> Any:
    """Return what one layer gives, computed by PyTorch from a module that has this layer alone."""
    module = entered.module
    ways = 2 if module.bidirectional else 1
    options = {"bias": module.bias, "bidirectional": module.bidirectional}
    kind = getattr(torch.nn, "RNN" if module.mode.startswith("RNN") else module.mode)
    if module.mode == "LSTM":
        options["proj_size"] = module.proj_size
    if module.mode.startswith("RNN"):
        options["nonlinearity"] = module.nonlinearity
    alone = kind(series.shape[-1], module.hidden_size, **options).to(series.dtype)
    own = {name: one for name, one in weights_of(module).items() if name.replace("_reverse", "").endswith(f"_l{layer}")}
    alone.load_state_dict({name.replace(f"_l{layer}", "_l0"): torch.as_tensor(one) for name, one in own.items()})
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
    own = {name for node in nodes for name in node.output}
    answers = [one.name for one in model.graph.output if one.name not in own]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in wanted if name not in there)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = inputs if isinstance(inputs, Mapping) else {session.get_inputs()[0].name: inputs}
    arrays = {name: np.asarray(one) for name, one in given.items()}
    fed = {one.name: _laid_out(arrays[one.name], one) for one in session.get_inputs() if one.name in arrays}
    ran = session.run([*wanted, *answers], fed)
    results = ran[: len(wanted)]
    made = {"input" if len(arrays) == 1 else f"input.{name}": one for name, one in arrays.items()}
    for number, (node, y) in enumerate(zip(nodes, results, strict=True)):
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        series = y[0] if attributes.get("layout") else y[:, :, 0]  # (T, ways, H)
        ways = ("backward",) if attributes.get("direction") == b"reverse" else ("forward", "backward")
        for n, way in enumerate(ways[: series.shape[1]]):
            made[f"layer{number}.{way}/h"] = series[:, n]
    steps = max((len(one) for name, one in made.items() if name.startswith("layer")), default=0)
    for n, (name, answer) in enumerate(zip(answers, ran[len(wanted) :], strict=True)):
        one = _without_batch(np.asarray(answer), steps)
        kind = "output" if one.ndim == 2 and len(one) == steps else "result" if one.ndim < 2 or len(one) == 1 else ""
        made[f"answer/{name}" if n or not kind else kind] = one.reshape(-1) if kind == "result" and not n else one
    return made


def _without_batch(answer: Array, steps: int) -> Array:
    """Return an answer to a batch of one sequence without the axis of the batch."""
    axes = [n for n, size in enumerate(answer.shape[:-1]) if size == 1 and steps != 1]
    return answer.reshape([size for n, size in enumerate(answer.shape) if n not in axes])


def _laid_out(array: Array, wanted: Any) -> Array:
    """Return a sequence with the batch axis an input has: where its shape says 1, else the first."""
    shape = list(wanted.shape)
    if array.ndim + 1 == len(shape):
        array = np.expand_dims(array, 1 if len(shape) > 1 and shape[1] == 1 else 0)
    return array.astype(np.int64) if "int64" in wanted.type else array.astype(np.float32)
