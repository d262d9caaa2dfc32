"""Small networks as Keras saves them, with what Keras says of them: run as a program to freeze them again.

`KERAS_BACKEND=torch python tests/formats/make_keras_files.py` writes `files/keras_*` with Keras 3 and `files/keras2_*`
with Keras 2.13.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
from keras import layers

FOLDER = Path(__file__).parent / "files"
STEPS = 11
WORDS = 9


def chain(*parts: Callable[[], Any], ids: bool = False) -> Any:
    """Return a Sequential of numbers, three a step, or of ids."""
    return keras.Sequential([keras.Input((None,) if ids else (None, 3)), *(part() for part in parts)])


def functional() -> Any:
    start = keras.Input((None, 3))
    both = layers.Bidirectional(layers.GRU(4, return_sequences=True))(layers.Dense(4, activation="elu")(start))
    return keras.Model(start, layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling1D()(both)))


def from_the_end_twice() -> Any:
    start = keras.Input((None, 3))
    first = layers.LSTM(4, go_backwards=True, return_sequences=True)(start)
    return keras.Model(start, layers.LSTM(3, go_backwards=True)(first))


def tagger() -> Any:
    return chain(
        lambda: layers.Embedding(WORDS, 3, mask_zero=True),
        lambda: layers.Dropout(0.5),
        lambda: layers.LSTM(4, return_sequences=True),
        layers.BatchNormalization,
        lambda: layers.TimeDistributed(layers.Dense(5, activation="relu")),
        layers.LayerNormalization,
        lambda: layers.Dense(3, activation="softmax"),
        ids=True,
    )


def between() -> Any:
    return chain(
        lambda: layers.Dense(5, activation="relu"),
        layers.BatchNormalization,
        lambda: layers.LSTM(4, return_sequences=True),
        lambda: layers.Dense(6, activation="tanh"),
        layers.LeakyReLU,
        lambda: layers.GRU(3, return_sequences=True),
        layers.GlobalMaxPooling1D,
        lambda: layers.Dense(2),
    )


def convolved() -> Any:
    return chain(
        lambda: layers.Embedding(WORDS, 3),
        lambda: layers.Conv1D(5, 3, padding="same", strides=2, activation="relu"),
        lambda: layers.AveragePooling1D(2, padding="same"),
        lambda: layers.LSTM(4),
        lambda: layers.Dense(2),
        ids=True,
    )


def both_ways(merge: str, series: bool) -> Any:
    return chain(
        lambda: layers.Bidirectional(layers.LSTM(4, return_sequences=series), merge_mode=merge),
        lambda: layers.Dense(2, activation="softmax"),
    )


def inner(top: Any) -> Any:
    """Return a model that reads what another gives."""
    start = keras.Input((None, 8))
    return keras.Model(start, top(layers.GRU(3, return_sequences=True, name="gru")(start)), name="inner")


def nested() -> Any:
    """Return a model of models: one that masks, and one in which another stands; two of their layers share a name."""
    below = keras.Sequential(
        [
            keras.Input((None,)),
            layers.Embedding(WORDS, 3, mask_zero=True),
            layers.Dense(4, activation="relu", name="dense"),
            layers.BatchNormalization(),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
        ],
        name="below",
    )
    over = keras.Sequential([inner(layers.TimeDistributed(layers.Dense(5, name="dense")))], name="over")
    return keras.Sequential([keras.Input((None,)), below, layers.LSTM(8, return_sequences=True), over])


def nested_functional() -> Any:
    """Return a model of models whose first begins with what computes, without an input of its own."""
    start = keras.Input((None, 3))
    below = keras.Sequential([layers.Dense(4, activation="tanh"), layers.LSTM(8, return_sequences=True)], name="below")
    return keras.Model(start, inner(layers.Dense(2))(below(start)))


CASES: dict[str, Callable[[], Any]] = {
    "lstm": lambda: chain(lambda: layers.LSTM(4, return_sequences=True)),
    "gru": lambda: chain(lambda: layers.GRU(4, return_sequences=True), lambda: layers.GRU(3)),
    "gru_reset_before": lambda: chain(lambda: layers.GRU(4, reset_after=False, return_sequences=True)),
    "gru_no_bias": lambda: chain(lambda: layers.GRU(4, use_bias=False, return_sequences=True)),
    "cell": lambda: chain(lambda: layers.RNN(layers.LSTMCell(4), return_sequences=True)),
    "rnn": lambda: chain(lambda: layers.SimpleRNN(4, return_sequences=True, activation="relu")),
    "hard": lambda: chain(
        lambda: layers.LSTM(4, recurrent_activation="hard_sigmoid", activation="softsign", return_sequences=True)
    ),
    "backward": lambda: chain(lambda: layers.LSTM(4, go_backwards=True), lambda: layers.Dense(2)),
    "masking": lambda: chain(lambda: layers.Masking(0.0), lambda: layers.LSTM(4), lambda: layers.Dense(2)),
    **{f"series_{merge}": partial(both_ways, merge, True) for merge in ("concat", "sum", "ave", "mul")},
    **{f"last_{merge}": partial(both_ways, merge, False) for merge in ("concat", "sum", "ave", "mul")},
    "functional": functional,
    "from_the_end_twice": from_the_end_twice,
    "tagger": tagger,
    "between": between,
    "convolved": convolved,
    "nested": nested,
    "nested_functional": nested_functional,
}
OF_IDS = ("tagger", "convolved", "nested")
FROZEN: tuple[str, ...] = ("gru.keras", "gru_reset_before.weights.h5", "hard.h5", "last_ave.keras", "tagger.keras")
FROZEN += ("between.h5", "convolved.keras", "functional.weights.h5", "nested.keras", "nested_functional.h5")
FROZEN_2 = ("gru.keras", "hard.weights.h5", "convolved.keras", "nested.keras", "nested_functional.h5")


def build(name: str, seed: int) -> Any:
    """Return a model with random weights, biases too."""
    model = CASES[name]()
    random = np.random.default_rng(seed)
    values = []
    for variable in model.weights:
        positive = "variance" in getattr(variable, "path", variable.name)
        drawn = random.uniform(0.5, 2, variable.shape) if positive else random.normal(0, 0.5, variable.shape)
        values.append(drawn.astype(np.float32))
    model.set_weights(values)
    return model


def given(name: str, seed: int) -> np.ndarray:
    """Return an input: ids (T,), or numbers (T, 3) with a masked row in front."""
    random = np.random.default_rng(seed)
    if name in OF_IDS:
        return random.integers(1, WORDS, STEPS)
    x = random.normal(size=(STEPS, 3)).astype(np.float32)
    if name == "masking":
        x[:2] = 0
    return x


def says(model: Any, x: np.ndarray) -> np.ndarray:
    """Return the model's output for one input, without the batch."""
    said = model(x[np.newaxis])
    return np.asarray((said.detach() if hasattr(said, "detach") else said)[0])


def save(model: Any, path: Path) -> None:
    """Save a model; weights get their description beside them."""
    if path.name.endswith(".weights.h5"):
        model.save_weights(path)
        path.with_name(path.name.removesuffix(".weights.h5") + ".json").write_text(model.to_json())
    else:
        model.save(path)


def freeze_apart() -> None:
    """Write weights of two layers that read inputs of their own, and what each shows."""
    random = np.random.default_rng(1)
    given = {"lstm": keras.Input((STEPS, 3)), "gru": keras.Input((STEPS, 2))}
    shown = [keras.layers.LSTM(4, return_sequences=True)(given["lstm"]),
             keras.layers.GRU(6, return_sequences=True)(given["gru"])]  # fmt: skip
    answer = keras.layers.Dense(2)(keras.layers.Concatenate()(shown))
    model = keras.Model(list(given.values()), [*shown, answer])
    x = {name: random.normal(size=one.shape[1:]).astype(np.float32) for name, one in given.items()}
    model.set_weights([random.normal(0, 0.5, one.shape).astype(np.float32) for one in model.weights])
    said = model([one[None] for one in x.values()])
    model.save_weights(FOLDER / "undecided_apart.weights.h5")
    expected = {f"{name}.x": one for name, one in x.items()}
    expected |= {f"{name}.h": np.asarray(one.detach())[0] for name, one in zip(x, said, strict=False)}
    np.savez_compressed(FOLDER / "undecided_apart_expected.npz", **expected)


def freeze() -> None:
    """Write the files and what Keras says of them."""
    expected: dict[str, Any] = {}
    prefix, files = ("keras2", FROZEN_2) if keras.__version__.startswith("2") else ("keras", FROZEN)
    for file in files:
        name = file.partition(".")[0]
        model, x = build(name, 1), given(name, 1)
        save(model, FOLDER / f"{prefix}_{file}")
        expected |= {f"{name}.x": x, f"{name}.y": says(model, x)}
    np.savez_compressed(FOLDER / f"{prefix}_expected.npz", **expected)
    if prefix == "keras":
        freeze_apart()


if __name__ == "__main__":
    freeze()
