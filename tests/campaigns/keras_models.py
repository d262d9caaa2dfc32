"""Random small networks of Keras, run by Keras: layers, directions, merges, masks, axes, states, heads, endings."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from lstm_tui.engine.arrays import Array

from .verdicts import Case

STEPS = 6
_KEPT = "kept "
"""How what made a network begins where it says which steps Keras itself keeps."""
_ACTIVATIONS = ("tanh", "sigmoid", "relu", "elu", "hard_sigmoid", "softsign", "linear", "selu", "swish",
                "gelu", "mish")  # fmt: skip


def case(draw: random.Random) -> Case:
    """Return a random network of Keras 3."""
    import keras

    return _case(keras, draw)


def case_of_keras2(draw: random.Random) -> Case:
    """Return a random network of Keras 2, as `tf_keras` goes on with it."""
    import tf_keras

    return _case(tf_keras, draw)


def _case(keras: Any, draw: random.Random) -> Case:
    keras.backend.clear_session()
    layers = keras.layers
    numbers = np.random.default_rng(draw.randrange(1 << 30))
    told: list[str] = []
    steps = STEPS if draw.random() < 0.7 else None
    given, value, x = _inputs(keras, draw, numbers, steps, told)
    if draw.random() < 0.2:
        value = _before(keras, draw, value, told)
    states: list[Any] = []
    count = draw.choice((1, 1, 2, 2, 3))
    for number in range(count):
        last = number == count - 1
        entering = value
        value, states = _recurrent(layers, draw, value, last, told)
        if len(value.shape) == 3 and draw.random() < 0.25:
            value = _past(layers, draw, value, entering, told)
        if len(value.shape) == 3 and draw.random() < 0.3:
            value = _between(keras, draw, value, told)
        if len(value.shape) == 2:
            break
    outputs = [_head(keras, draw, value, states, told) for _ in range(draw.choice((1, 1, 1, 2)))]
    model = keras.Model({one.name: one for one in given} if hasattr(keras, "ops") else given, _each_once(outputs))
    model.set_weights([
        numbers.normal(0, 0.5, one.shape) if not _is_variance(weight) else numbers.uniform(0.5, 2, one.shape)
        for weight, one in zip(model.weights, model.get_weights(), strict=True)
    ])  # fmt: skip
    given_whole = {name: one[None] for name, one in x.items()}
    names = _output_names(model)

    def numbers_of(model: Any) -> dict[str, Array]:
        results = model(given_whole if len(given_whole) > 1 or hasattr(keras, "ops") else given_whole["a"])
        results = results if isinstance(results, list | tuple) else [results]
        return {
            name: np.asarray(keras.ops.convert_to_numpy(one) if hasattr(keras, "ops") else one)[0]
            for name, one in zip(names, results, strict=True)
        }

    ending = draw.choice((".keras", ".keras", ".h5", ".weights.h5"))
    told.append(ending)

    def write(folder: Path) -> Path:
        path = folder / f"m{ending}"
        if ending == ".weights.h5":
            model.save_weights(path)
            (folder / "m.json").write_text(model.to_json())
        else:
            model.save(path)
        return path

    def run(path: Path) -> dict[str, Array]:
        if ending != ".weights.h5":
            return numbers_of(keras.models.load_model(path, compile=False))
        again = keras.models.model_from_json((path.parent / "m.json").read_text())
        again.load_weights(path)
        return numbers_of(again)

    name = f"keras {keras.__version__[0]}"
    return Case(name, write, x, numbers_of(model), kept=_kept(x, told), told=", ".join(told), run=run)


def _each_once(outputs: list[Any]) -> list[Any]:
    return list({id(one): one for one in outputs}.values())


def _is_variance(weight: Any) -> bool:
    return "variance" in getattr(weight, "path", weight.name)


def _output_names(model: Any) -> list[str]:
    """Return what an importer calls each output: its layer, with the number of the output where there are several."""
    said = json.loads(model.to_json())["config"]["output_layers"]
    said = [said] if said and isinstance(said[0], str) else said
    names = [one[0] for one in said]
    return [one[0] if names.count(one[0]) == 1 else f"{one[0]}.{one[2]}" for one in said]


def _kept(x: dict[str, Array], told: list[str]) -> Any:
    said = next((one.removeprefix(_KEPT) for one in told if one.startswith(_KEPT)), "")
    if said:
        return np.array([one == "1" for one in said])
    if "mask" not in told:
        return None
    masks = [one != 0 if one.ndim == 1 else (one != 0).any(axis=-1) for one in x.values()]
    return np.any(masks, axis=0)


def _inputs(
    keras: Any, draw: random.Random, numbers: np.random.Generator, steps: int | None, told: list[str]
) -> tuple[Any, Any, dict[str, Array]]:
    layers, kind = keras.layers, draw.choice(("numbers", "numbers", "ids", "ids", "masked", "two", "two ids"))
    told.append(kind)
    width = draw.randint(2, 4)
    if kind in ("numbers", "masked", "two"):
        given = [layers.Input((steps, width), name="a")]
        x = {"a": numbers.normal(size=(STEPS, width)).astype(np.float32)}
        value = given[0]
        if kind == "masked":
            x["a"][numbers.random(STEPS) < 0.4] = 0
            x["a"][-1] = 1
            value = layers.Masking()(value)
            told.append("mask")
        if kind == "two":
            given.append(layers.Input((steps, 2), name="b"))
            x["b"] = numbers.normal(size=(STEPS, 2)).astype(np.float32)
            value = layers.Concatenate(axis=draw.choice((-1, 2)))([value, given[1]])
        return given, value, x
    masked = draw.random() < 0.5
    names = ["a", "b"] if kind == "two ids" else ["a"]
    given = [layers.Input((steps,), name=name) for name in names]
    tables = [
        layers.Embedding(9, width, mask_zero=masked and (n == 0 or draw.random() < 0.6)) for n in range(len(names))
    ]
    x = {name: numbers.integers(0 if masked else 1, 9, STEPS).astype(np.float32) for name in names}
    if masked:
        x["a"][: draw.randint(0, 2)] = 0
        told.append("mask" if all(one.mask_zero for one in tables) else "half a mask")
    each = [table(one) for table, one in zip(tables, given, strict=True)]
    if len(each) == 1:
        return given, each[0], x
    join = layers.Concatenate() if draw.random() < 0.6 else draw.choice((layers.Add, layers.Multiply, layers.Average))()
    told.append(type(join).__name__)
    if masked:
        told.remove(told[-2])
        told.append("joined masks")
        rows = [keras.ops.convert_to_tensor(one[None]) if hasattr(keras, "ops") else one[None] for one in x.values()]
        masks = [table.compute_mask(one) for table, one in zip(tables, rows, strict=True)]
        made = join.compute_mask([table(one) for table, one in zip(tables, rows, strict=True)], masks)
        if made is not None:
            told.append(_KEPT + "".join(str(int(one)) for one in np.asarray(made)[0]))
    return given, join(each), x


def _before(keras: Any, draw: random.Random, value: Any, told: list[str]) -> Any:
    layers = keras.layers
    kind = draw.choice(("Dense", "Conv1D", "MaxPooling1D", "BatchNormalization", "Dropout", "Rescaling", "constants"))
    if kind == "constants" and not hasattr(keras, "ops"):
        kind = "Dense"
    told.append(f"{kind} before")
    if kind == "constants":
        return _with_constants(keras, draw, value)
    if kind == "Dense":
        return layers.Dense(3, activation=draw.choice(_ACTIVATIONS))(value)
    if kind == "Conv1D":
        return layers.Conv1D(3, 3, padding=draw.choice(("same", "causal")), activation="relu")(value)
    if kind == "MaxPooling1D":
        return layers.AveragePooling1D(2, strides=1, padding="same")(value)
    if kind == "BatchNormalization":
        return layers.BatchNormalization(axis=draw.choice((-1, 2)))(value)
    return layers.Rescaling(0.5, 0.1)(value) if kind == "Rescaling" else layers.Dropout(0.3)(value)


def _one(layers: Any, draw: random.Random, units: int, **said: Any) -> Any:
    kind = draw.choice(("LSTM", "GRU", "SimpleRNN"))
    options: dict[str, Any] = {"use_bias": draw.random() < 0.85, **said}
    if draw.random() < 0.3:
        options["activation"] = draw.choice(_ACTIVATIONS)
    if kind != "SimpleRNN" and draw.random() < 0.3:
        options["recurrent_activation"] = draw.choice(("hard_sigmoid", "sigmoid", "tanh", "relu"))
    if kind == "GRU":
        options["reset_after"] = draw.random() < 0.6
    if draw.random() < 0.15:
        cell = {key: one for key, one in options.items() if key not in said}
        return layers.RNN(getattr(layers, f"{kind}Cell")(units, **cell), **said)
    return getattr(layers, kind)(units, dropout=draw.choice((0, 0.2)), unroll=draw.random() < 0.1, **options)


def _recurrent(layers: Any, draw: random.Random, value: Any, last: bool, told: list[str]) -> tuple[Any, list[Any]]:
    units = draw.randint(2, 4)
    series = not last or draw.random() < 0.5
    state = last and draw.random() < 0.35
    said = {"return_sequences": series, "return_state": state}
    if draw.random() < 0.4:
        merge = draw.choice(("concat", "concat", "sum", "mul", "ave"))
        turned = draw.random() < 0.15
        first = _one(layers, draw, units, go_backwards=turned, **said)
        back = None
        if draw.random() < 0.35 and isinstance(first, layers.RNN) is not False:
            back = _one(
                layers, draw, units if merge != "concat" else draw.randint(2, 4), go_backwards=not turned, **said
            )
        layer = layers.Bidirectional(first, merge_mode=merge, backward_layer=back)
        told.append(
            f"Bidirectional {merge} of {type(first).__name__}" + (f" and {type(back).__name__}" if back else "")
        )
    else:
        layer = _one(layers, draw, units, go_backwards=draw.random() < 0.25, **said)
        told.append(type(layer).__name__ + (" backwards" if layer.go_backwards else ""))
    made = layer(value)
    if isinstance(made, list | tuple):
        return made[0], list(made[1:])
    return made, []


def _between(keras: Any, draw: random.Random, value: Any, told: list[str]) -> Any:
    layers = keras.layers
    kind = draw.choice((
        "Dense", "TimeDistributed", "LayerNormalization", "BatchNormalization", "time norm", "LeakyReLU", "ELU",
        "Softmax", "Dropout", "ReLU", "residual", "flip", "time softmax", "Activation", "constants",
    ))  # fmt: skip
    if kind in ("flip", "constants") and not hasattr(keras, "ops"):
        kind = "Dense"  # a function of TensorFlow is a program of its own in a file
    told.append(f"{kind} between")
    if kind == "Dense":
        return layers.Dense(3, activation=draw.choice(_ACTIVATIONS))(value)
    if kind == "TimeDistributed":
        return layers.TimeDistributed(layers.Dense(3, activation="tanh"))(value)
    if kind == "residual":
        return layers.Add()([value, layers.Activation("tanh")(value)])
    if kind == "flip":
        return keras.ops.flip(value, axis=1)
    if kind == "constants":
        return _with_constants(keras, draw, value)
    if kind == "time norm":
        return layers.BatchNormalization(axis=1)(value)
    if kind == "time softmax":
        return layers.Softmax(axis=1)(value)
    if kind == "LayerNormalization":
        return layers.LayerNormalization(center=draw.random() < 0.8, scale=draw.random() < 0.8)(value)
    if kind == "BatchNormalization":
        return layers.BatchNormalization(center=draw.random() < 0.8, scale=draw.random() < 0.8)(value)
    if kind == "LeakyReLU":
        slope = draw.choice((0.3, 0.17))
        return layers.LeakyReLU(**{"negative_slope" if hasattr(keras, "ops") else "alpha": slope})(value)
    if kind == "ELU":
        return layers.ELU(alpha=draw.choice((1.0, 0.4)))(value)
    if kind == "ReLU":
        return layers.ReLU(max_value=draw.choice((None, 6, 0.5)), negative_slope=draw.choice((0, 0.1)))(value)
    if kind == "Activation":
        return layers.Activation(draw.choice(_ACTIVATIONS))(value)
    return layers.Softmax()(value) if kind == "Softmax" else layers.Dropout(0.4)(value)


def _past(layers: Any, draw: random.Random, value: Any, entering: Any, told: list[str]) -> Any:
    """Return what a layer shows put together with what enters it, such as a residual."""
    kinds = ["Concatenate"]
    if value.shape[-1] == entering.shape[-1]:
        kinds += ["Add", "Add", "Add", "Average", "Subtract", "Maximum", "Multiply"]
    kind = draw.choice(kinds)
    told.append(f"{kind} past")
    if draw.random() < 0.15:
        entering = layers.Dense(entering.shape[-1])(entering)
    parts = [value, entering]
    draw.shuffle(parts)
    return getattr(layers, kind)()(parts)


def _with_constants(keras: Any, draw: random.Random, value: Any) -> Any:
    """Return a tensor put together with numbers that stand in no layer's weights."""
    row = np.array([draw.uniform(0.5, 2) for _ in range(value.shape[-1])], np.float32)
    return draw.choice((
        lambda: value * 0.5, lambda: 1 - value, lambda: value + row, lambda: row * value - 0.3, lambda: value / 3.0,
        lambda: keras.ops.maximum(value, 0.1), lambda: 1.0 / (3.0 + value * value),
    ))()  # fmt: skip


def _head(keras: Any, draw: random.Random, value: Any, states: list[Any], told: list[str]) -> Any:
    layers = keras.layers
    kinds = ["none", "dense"]
    if len(value.shape) == 3:
        kinds += ["max", "mean", "last", "first", "flatten", "two pools", "normed"]
    if states:
        kinds += ["state", "state", "all states", "state dense"]
    kind = draw.choice(kinds)
    told.append(f"head {kind}")
    if kind == "max":
        value = layers.GlobalMaxPooling1D()(value)
    elif kind == "mean":
        value = layers.GlobalAveragePooling1D(keepdims=draw.random() < 0.3)(value)
    elif kind in ("last", "first") and hasattr(keras, "ops"):
        value = value[:, -1 if kind == "last" else 0]
    elif kind == "flatten":
        value = layers.Flatten()(value)
    elif kind == "two pools":
        value = layers.Concatenate()([layers.GlobalMaxPooling1D()(value), layers.GlobalAveragePooling1D()(value)])
    elif kind == "normed":
        value = layers.LayerNormalization(axis=draw.choice((-1, 1, 2)))(value)
    elif kind == "state":
        value = draw.choice(states)
    elif kind == "all states":
        value = layers.Concatenate()(states) if len(states) > 1 else states[0]
    elif kind == "state dense":
        value = layers.Dense(3, activation="relu")(draw.choice(states))
    if kind == "none":
        return value
    if draw.random() < 0.1 and hasattr(keras, "ops"):
        told.append("constants above")
        value = _with_constants(keras, draw, value)
    return layers.Dense(2, activation=draw.choice((None, "softmax", "sigmoid")))(value)
