"""Random models of Keras that are more than one chain, saved as their weights alone.

Towers, encoders and decoders, skips and several heads; names are those of Keras or of a user, in any order.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .by_module import judged
from .implied import of_keras
from .keras_names import names_in_file
from .outcome import Outcome

NEEDS = ("h5py", "keras")
ROW = "keras, branches"
STEPS, IDS = 6, 9
WORDS = ("a", "b", "encoder", "decoder", "left", "right", "low", "top", "first", "second", "main", "seq", "z", "rnn_x")


@dataclass
class _Drawn:
    """A model that is being drawn."""

    keras: Any
    plan: random.Random
    named: bool
    made_of: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)
    plain: bool = False

    def maybe(self, chance: float, word: str) -> bool:
        chosen = self.plan.random() < chance
        if chosen and word not in self.made_of:
            self.made_of.append(word)
        return chosen

    def name(self, word: str = "") -> dict[str, str]:
        """Return a name as a keyword, where the user gives names."""
        if not self.named:
            return {}
        free = [one for one in WORDS if one not in self.used]
        chosen = word if word and word not in self.used else self.plan.choice(free)
        self.used.append(chosen)
        return {"name": chosen}

    def recurrent(self, units: int, word: str = "", both: bool | None = None, **options: Any) -> Any:
        """Return a recurrent layer that gives a series."""
        layers = self.keras.layers
        kind = self.plan.choice(("LSTM", "GRU", "SimpleRNN"))
        both = self.plan.random() < 0.15 if both is None else both
        own = {"return_sequences": True, **options}
        if both:
            return layers.Bidirectional(getattr(layers, kind)(units, **own), **self.name(word))
        return getattr(layers, kind)(units, **own, **self.name(word))

    def dense(self, units: int) -> Any:
        kind = self.plan.choice(("relu", "tanh")) if not self.plain and self.maybe(0.3, "activation") else None
        return self.keras.layers.Dense(units, activation=kind, **self.name())


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
    drawn = _Drawn(keras, plan, plan.random() < 0.5)
    drawn.plain = plan.random() < 0.5
    given, outputs = plan.choice(_SHAPES)(drawn)
    model = keras.Model(given, outputs)
    numbers = np.random.default_rng(seed)
    model.set_weights([_drawn(numbers, one) for one in model.get_weights()])
    x = [numbers.integers(1, IDS, (1, STEPS)) if "ids" in drawn.made_of else
         numbers.normal(size=(1, STEPS, one.shape[-1])).astype(np.float32) for one in model.inputs]  # fmt: skip
    path = folder / ("bag.h5" if old and plan.random() < 0.5 else "bag.weights.h5")
    path.unlink(missing_ok=True)
    model.save_weights(str(path))
    read, gave, answers = _values(keras, model, x, path)
    words = (*dict.fromkeys(drawn.made_of), f"Keras {2 if old else 3}", *(["plain"] if drawn.plain else []))
    names = names_in_file(path, [one for one in model.layers if one.get_weights()])
    return judged(seed, path, words, read, gave, answers, of_keras(model, names))


def _values(keras: Any, model: Any, x: list[Any], path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return what each layer with weights read and gave, by its name in the file, and the answers by theirs."""
    layers = [one for one in model.layers if one.get_weights()]
    first = [(_one(_node(one, "input")), _one(_node(one, "output"))) for one in layers]
    every = keras.Model(model.inputs, [each for pair in first for each in pair] + list(model.outputs))
    made = [np.asarray(one.detach() if hasattr(one, "detach") else one)[0] for one in every(x if len(x) > 1 else x[0])]
    names = names_in_file(path, layers)
    read = {names[one.name]: made[2 * n] for n, one in enumerate(layers)}
    gave = {names[one.name]: made[2 * n + 1] for n, one in enumerate(layers)}
    answers = {}
    for one, value in zip(model.outputs, made[2 * len(layers) :], strict=True):
        last = next((each for each, (_, out) in zip(layers, first, strict=True) if out is one), None)
        if last is None:  # what a pooling layer reads
            below = _one(_node(one._keras_history[0], "input"))
            last = next((each for each, (_, out) in zip(layers, first, strict=True) if out is below), None)
        if last is not None:
            answers[names[last.name]] = value
    return read, gave, answers


def _node(layer: Any, what: str) -> Any:
    """Return what a layer was given or gave where it was called first."""
    if hasattr(layer, f"get_{what}_at"):
        return getattr(layer, f"get_{what}_at")(0)
    return getattr(layer._inbound_nodes[0], "input_tensors" if what == "input" else "output_tensors")


def _one(given: Any) -> Any:
    return given[0] if isinstance(given, list | tuple) else given


def _drawn(numbers: np.random.Generator, like: Any) -> Any:
    """Return weights of a shape; those of one number a unit are positive, as a variance has to be."""
    made = numbers.normal(size=like.shape) * 0.6
    return (np.abs(made) + 0.3 if like.ndim == 1 else made).astype(like.dtype)


def _begun(drawn: _Drawn, width: int) -> tuple[Any, Any]:
    keras = drawn.keras
    if drawn.maybe(0.5, "ids"):
        given = keras.Input((STEPS,), dtype="int32")
        return given, keras.layers.Embedding(IDS, width, **drawn.name())(given)
    given = keras.Input((STEPS, width))
    return given, given


def _heads(drawn: _Drawn, value: Any, chance: float = 0.25) -> list[Any]:
    layers = drawn.keras.layers
    over = drawn.plan.choice(("each", "each", "mean", "max"))
    if over != "each":
        value = (layers.GlobalAveragePooling1D if over == "mean" else layers.GlobalMaxPooling1D)()(value)
    else:
        drawn.maybe(1, "over")
    if drawn.plan.random() < 0.1:
        return [value]
    if drawn.plan.random() < 0.25:
        value = drawn.dense(drawn.plan.choice((3, 4)))(value)
    width = value.shape[-1]
    same = drawn.plan.random() < 0.3
    count = drawn.plan.choice((2, 3)) if drawn.maybe(chance, "several heads") else 1
    return [drawn.dense(width if same else drawn.plan.choice((2, 3, width)))(value) for _ in range(count)]


def _chain(drawn: _Drawn) -> tuple[Any, Any]:
    width = drawn.plan.choice((3, 4))
    given, value = _begun(drawn, width)
    for _ in range(drawn.plan.choice((2, 2, 3))):
        value = drawn.recurrent(width)(value)
        if drawn.maybe(0.3, "dense between") or value.shape[-1] != width:
            value = drawn.dense(width)(value)
        if drawn.maybe(0.15, "norm"):
            value = drawn.keras.layers.LayerNormalization(**drawn.name())(value)
    return given, _heads(drawn, value)


def _towers(drawn: _Drawn) -> tuple[Any, Any]:
    layers = drawn.keras.layers
    width = drawn.plan.choice((3, 4))
    given, value = _begun(drawn, width)
    drawn.maybe(1, "towers")
    units = drawn.plan.choice((width, width, 2, 5))
    shown = []
    for number in range(drawn.plan.choice((2, 2, 3))):
        turned = number > 0 and drawn.maybe(0.2, "turned")
        shown.append(drawn.recurrent(units, both=False, go_backwards=turned)(value))
    value = (layers.Add() if drawn.plan.random() < 0.3 else layers.Concatenate())(shown)
    if drawn.plan.random() < 0.3:
        value = drawn.recurrent(drawn.plan.choice((width, value.shape[-1])))(value)
    return given, _heads(drawn, value)


def _pair(drawn: _Drawn) -> tuple[Any, Any]:
    layers = drawn.keras.layers
    width = drawn.plan.choice((3, 4))
    given, value = _begun(drawn, width)
    drawn.maybe(1, "decoder")
    kind = getattr(layers, drawn.plan.choice(("LSTM", "GRU")))
    names = drawn.plan.choice((("encoder", "decoder"), ("a", "b"), ("second", "first")))
    _, *state = kind(width, return_state=True, **drawn.name(names[0]))(value)
    shown = kind(width, return_sequences=True, **drawn.name(names[1]))(value, initial_state=state)
    return given, _heads(drawn, shown)


def _skip(drawn: _Drawn) -> tuple[Any, Any]:
    layers = drawn.keras.layers
    width = drawn.plan.choice((3, 4))
    given, value = _begun(drawn, width)
    shown = drawn.recurrent(width, both=False)(value)
    added = drawn.plan.random() < 0.5
    drawn.maybe(1, "skip added" if added else "skip joined")
    value = (layers.Add if added else layers.Concatenate)()([shown, value])
    return given, _heads(drawn, drawn.recurrent(width)(value))


def _twice(drawn: _Drawn) -> tuple[Any, Any]:
    width = drawn.plan.choice((3, 4))
    given, value = _begun(drawn, width)
    layer = drawn.recurrent(width, both=False)
    drawn.maybe(1, "called twice")
    return given, _heads(drawn, layer(layer(value)))


def _below(drawn: _Drawn) -> tuple[Any, Any]:
    """Dense layers and a convolution of one width below a layer and above it."""
    layers = drawn.keras.layers
    width = drawn.plan.choice((3, 4))
    given, value = _begun(drawn, width)
    if drawn.maybe(0.3, "convolution"):
        value = layers.Conv1D(width, 3, padding="same")(value)
    if drawn.plan.random() < 0.6:
        value = drawn.dense(width)(value)
        drawn.maybe(1, "dense between")
    value = drawn.recurrent(width)(value)
    if drawn.plan.random() < 0.6:
        value = drawn.dense(width)(value)
    return given, _heads(drawn, value)


_SHAPES = (_chain, _chain, _towers, _towers, _pair, _skip, _skip, _twice, _below, _below)
