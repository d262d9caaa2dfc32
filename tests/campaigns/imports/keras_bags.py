"""Random models of Keras, saved as their weights alone: what stands around a layer is named there, and no more."""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .by_layer import judged
from .implied import of_keras
from .keras_names import names_in_file
from .outcome import Outcome

NEEDS = ("h5py", "keras")
ROW = "keras, one chain"
STEPS = 6
IDS = 9
ACTIVATIONS = ("relu", "tanh", "sigmoid")
BETWEEN = {
    "batch norm": "BatchNormalization", "layer norm": "LayerNormalization", "dropout": "Dropout",
    "leaky relu": "LeakyReLU", "prelu": "PReLU", "normalization": "Normalization",
}  # fmt: skip
UNRECORDED = {
    "masked": r"masking=", "activation below": r"layer\d\.\w+_activation=", "from the end": r"directions",
    "relu cell": r"\.activation(?:=| is assumed)", "merged": r"\.merge", "residual": r"what add|residual",
    "leaky relu": r"what leaky_re_lu", "prelu": r"p_re_lu", "normalization": r"what normalization|normalization \(",
    "activation in the head": r"readout\.\w+_activation|join", "over each": r"readout\.over|join",
    "flatten": r"what flatten|readout=none|readout is assumed", "second head": r"join",
    "convolution": r"conv1d",
}  # fmt: skip
"""What weights alone do not record, and the warning that names it."""


def campaign(count: int, seed: int, folder: Path) -> Iterator[Outcome]:
    """Iterate over what becomes of random models."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    for number in range(seed * 1_000_003, seed * 1_000_003 + count):
        yield one_model(number, folder)


def one_model(seed: int, folder: Path) -> Outcome:
    """Make a model, save its weights, open them and compare; a seed makes the same model again."""
    plan = random.Random(seed)
    old = importlib.util.find_spec("tf_keras") is not None and plan.random() < 0.5
    keras = importlib.import_module("tf_keras" if old else "keras")
    keras.backend.clear_session()
    model, made_of, shown = _made(keras, plan)
    made_of.append("Keras 2" if old else "Keras 3")
    numbers = np.random.default_rng(seed)
    model.set_weights([_drawn(numbers, one) for one in model.get_weights()])
    ids = "ids" in made_of
    least = 0 if "masked" in made_of else 1
    x: Any = numbers.integers(least, IDS, STEPS)
    x = x if ids else numbers.normal(size=(STEPS, model.input_shape[-1])).astype(np.float32)
    every = keras.Model(model.inputs, [*shown.values()])
    said = dict(zip(shown, [np.asarray(one)[0] for one in _list(every(x[None]))], strict=True))
    wanted: dict[str, Any] = {}
    for name, array in said.items():
        layer, ways, turned = name.split(" ")
        made = array[::-1] if turned == "turned" and array.ndim == 2 else array  # each vector at its own token
        for way, h in zip(ways.split(","), np.split(made, len(ways.split(",")), axis=-1), strict=True):
            wanted[f"{layer}.{way}/h" if ways != "answer" else "output" if h.ndim == 2 else "result"] = h
    path = folder / ("bag.h5" if old and plan.random() < 0.5 else "bag.weights.h5")
    path.unlink(missing_ok=True)
    model.save_weights(str(path))
    names = names_in_file(path, [one for one in model.layers if one.get_weights()])
    return judged(seed, path, tuple(made_of), x, wanted, UNRECORDED, of_keras(model, names))


def _drawn(numbers: np.random.Generator, like: Any) -> Any:
    """Return weights of a shape; those of one number a unit are positive, as a variance has to be."""
    if not np.issubdtype(like.dtype, np.floating):
        return like
    made = numbers.normal(size=like.shape) * 0.6
    return (np.abs(made) + 0.3 if like.ndim == 1 else made).astype(like.dtype)


def _list(made: Any) -> list[Any]:
    return [one.detach().numpy() if hasattr(one, "detach") else one for one in (
        made if isinstance(made, list | tuple) else [made]
    )]  # fmt: skip


def _made(keras: Any, plan: random.Random) -> tuple[Any, list[str], dict[str, Any]]:
    """Return a model, what it is made of, and what its recurrent layers show where that is a series, and its answer.

    Their names say which layer it is, which ways it reads on the tape, and whether its series runs from the end.
    """
    layers = keras.layers
    made_of: list[str] = []
    shown: dict[str, Any] = {}

    def maybe(chance: float, word: str) -> bool:
        chosen = plan.random() < chance
        if chosen:
            made_of.append(word)
        return chosen

    width = plan.choice((3, 4, 5))
    ids = maybe(0.5, "ids")
    given = keras.Input((STEPS,), dtype="int32") if ids else keras.Input((STEPS, width))
    value = given
    masked = ids and maybe(0.3, "masked")
    if ids:
        value = layers.Embedding(IDS, width, mask_zero=masked)(value)
    if maybe(0.15, "dense below"):
        width = plan.choice((3, 4, 5))
        kind = plan.choice(ACTIVATIONS) if maybe(0.5, "activation below") else None
        value = layers.Dense(width, activation=kind)(value)
    elif maybe(0.1, "convolution"):
        value = layers.Conv1D(width, 3, padding="same")(value)
    pools = {"over mean": layers.GlobalAveragePooling1D, "over max": layers.GlobalMaxPooling1D,
             "flatten": layers.Flatten}  # fmt: skip
    over = plan.choice(("last", "last", "over each", "over mean", "over max", "flatten"))
    made_of += [] if over == "last" else [over]
    count, turned = plan.choice((1, 1, 2, 2, 3)), False
    for number in range(count):
        if maybe(0.25, word := plan.choice(list(BETWEEN))):
            settings: dict[str, dict[str, Any]] = {"dropout": {"rate": 0.2}, "prelu": {"shared_axes": [1]}}
            more = settings.get(word, {})
            if word == "normalization":
                more = {"mean": [0.5] * width, "variance": [2.0] * width}
            value = getattr(layers, BETWEEN[word])(**more)(value)
        series = number < count - 1 or over != "last"
        value, width, turned = _recurrent(layers, plan, value, width, series, f"layer{number}", shown, maybe, turned)
    if over in pools:
        value = pools[over]()(value)
    head = plan.choice(ACTIVATIONS) if maybe(0.2, "activation in the head") else None
    dense = layers.Dense(3, activation=head)
    spread = over == "over each" and maybe(0.3, "time distributed")
    if "over each" in made_of and spread:
        made_of.remove("over each")
    answers = [(layers.TimeDistributed(dense) if spread else dense)(value)]
    shown[f"readout answer {_order(turned)}"] = answers[0]
    if maybe(0.1, "second head"):
        answers.append(layers.Dense(2)(value))
    return keras.Model(given, answers), made_of, shown


def _recurrent(
    layers: Any, plan: random.Random, value: Any, width: int, series: bool, key: str, shown: dict[str, Any],
    maybe: Callable[[float, str], bool], turned: bool,
) -> tuple[Any, int, bool]:  # fmt: skip
    """Return what a layer gives, how wide that is, and whether its series runs from the end, as what it reads may."""
    kind = plan.choice(("LSTM", "GRU", "SimpleRNN"))
    maybe(1, kind)
    size = plan.choice((3, 4, 5))
    options: dict[str, Any] = {"return_sequences": series, "use_bias": plan.random() < 0.85}
    if kind == "GRU":
        options["reset_after"] = plan.random() < 0.7
    if kind == "SimpleRNN" and maybe(0.2, "relu cell"):
        options["activation"] = "relu"
    both = maybe(0.3, "both directions")
    merge = plan.choice(("concat", "concat", "sum", "ave", "mul")) if both else None
    against = not both and maybe(0.1, "from the end")
    own = getattr(layers, kind)(size, go_backwards=against, **options)
    given, turned = turned, turned != against
    made = layers.Bidirectional(own, merge_mode=merge)(value) if both else own(value)
    if both and merge != "concat":
        maybe(1, "merged")
    if series and merge in (None, "concat"):
        ways = ["forward", "backward"] if both else ["forward"]
        shown[f"{key} {','.join(_on_tape(ways, given if both else turned))} {_order(turned)}"] = made
    wide = size * (2 if merge == "concat" else 1)
    if series and wide == width and maybe(0.3, "residual"):
        made = layers.Add()([made, value])
    return made, wide, turned


def _on_tape(ways: list[str], turned: bool) -> list[str]:
    return [{"forward": "backward", "backward": "forward"}[one] for one in ways] if turned else ways


def _order(turned: bool) -> str:
    return "turned" if turned else "straight"
