"""Encoders with decoders as Keras saves them, with what Keras says of them: run as a program to freeze them again.

`PYTHONPATH=tests python tests/formats/make_keras_pairs.py` writes `files/pairs/` with Keras 3: `.keras`, one `.h5`, and
`expected.npz`.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "torch")
import keras
from keras import layers, ops
from saved_arrays import savez

FOLDER = Path(__file__).parent / "files" / "pairs"
READ, SAID, WIDTH, OWN, HIDDEN = 9, 7, 5, 4, 6
ASKED = (3, 8, 2, 2, 5)
ANSWERED = (1, 4, 6, 4)
MASKED = (3, 8, 0, 2, 5, 0)


class ScoredBySums(layers.Layer):  # type: ignore[misc, unused-ignore]
    """Two matrices and a vector of its own, over what is read and what asks: no code of it is in a file."""

    def build(self, shapes: Any) -> None:
        read, asked = shapes
        self.of_read = self.add_weight(shape=(read[-1], 4), name="W_a")
        self.of_asked = self.add_weight(shape=(asked[-1], 4), name="U_a")
        self.v = self.add_weight(shape=(4, 1), name="V_a")

    def call(self, given: Any) -> Any:
        read, asked = given
        match = ops.tanh((read @ self.of_read)[:, None] + (asked @ self.of_asked)[:, :, None])
        return ops.softmax((match @ self.v)[..., 0], axis=-1) @ read


class ThreeDense(layers.Layer):  # type: ignore[misc, unused-ignore]
    """Three dense layers, called with what asks and what was read."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.W1, self.W2, self.V = layers.Dense(5), layers.Dense(5), layers.Dense(1)

    def build(self, query_shape: Any, values_shape: Any) -> None:
        self.W1.build(query_shape)
        self.W2.build(values_shape)
        self.V.build((*query_shape[:-1], 5))

    def call(self, query: Any, values: Any) -> Any:
        score = self.V(ops.tanh(self.W1(query)[:, :, None] + self.W2(values)[:, None]))
        return ops.softmax(score[..., 0], axis=-1) @ values


def begun(mask: bool = False) -> tuple[Any, Any, Any, Any]:
    """Return the two inputs, and each embedded."""
    read, said = keras.Input((None,), name="read"), keras.Input((None,), name="said")
    return (
        read,
        said,
        layers.Embedding(READ, WIDTH, mask_zero=mask)(read),
        layers.Dropout(0.2)(layers.Embedding(SAID, OWN)(said)),
    )


def two(kind: Any, x: Any, y: Any, **more: Any) -> tuple[Any, Any]:
    """Return what an encoder and a decoder of one layer give at every step."""
    over, *states = kind(HIDDEN, return_sequences=True, return_state=True, **more)(x)
    below, *_ = kind(HIDDEN, return_sequences=True, return_state=True, **more)(y, initial_state=states)
    return over, below


def ended(read: Any, said: Any, *parts: Any, tanh: bool = False) -> Any:
    """Return the model whose head reads parts end to end."""
    x = layers.Concatenate()(list(parts)) if len(parts) > 1 else parts[0]
    if tanh:
        x = layers.TimeDistributed(layers.Dense(8, activation="tanh"))(x)
    return keras.Model([read, said], layers.TimeDistributed(layers.Dense(SAID, activation="softmax"))(x))


def additive() -> Any:
    read, said, x, y = begun()
    over, below = two(layers.LSTM, x, y)
    return ended(read, said, below, layers.AdditiveAttention()([below, over]))


def dot() -> Any:
    read, said, x, y = begun()
    over, below = two(layers.GRU, x, y)
    return ended(read, said, layers.Attention(use_scale=True)([below, over]), below, tanh=True)


def masked() -> Any:
    read, said, x, y = begun(mask=True)
    over, below = two(layers.GRU, x, y, reset_after=False)
    return ended(read, said, below, layers.Attention()([below, over]))


def summed() -> Any:
    read, said, x, y = begun()
    over, below = two(layers.LSTM, x, y, activation="relu", recurrent_activation="hard_sigmoid")
    return ended(read, said, below, layers.Attention(score_mode="concat", use_scale=True)([below, over]), tanh=True)


def both_ways() -> Any:
    read, said, x, y = begun()
    half = layers.LSTM(HIDDEN // 2, return_sequences=True, return_state=True)
    over, h, c, h_back, c_back = layers.Bidirectional(half)(x)
    states = [layers.Concatenate()([h, h_back]), layers.Concatenate()([c, c_back])]
    below = layers.LSTM(HIDDEN, return_sequences=True)(y, initial_state=states)
    return ended(read, said, below, layers.Attention()([below, over]))


def products() -> Any:
    read, said, x, y = begun()
    over, below = two(layers.LSTM, x, y)
    shares = layers.Activation("softmax")(layers.Dot(axes=[2, 2])([below, over]))
    return ended(read, said, layers.Dot(axes=[2, 1])([shares, over]), below, tanh=True)


def stacked() -> Any:
    read, said, x, y = begun()
    states = []
    for _ in range(2):
        x, *ends = layers.LSTM(HIDDEN, return_sequences=True, return_state=True)(x)
        states.append(ends)
    for ends in states:
        y, *_ = layers.LSTM(HIDDEN, return_sequences=True, return_state=True)(y, initial_state=ends)
    seen, _ = layers.AdditiveAttention()([y, x], return_attention_scores=True)
    return ended(read, said, y, seen)


def summary() -> Any:
    """Three layers of which the last begins the decoder."""
    read, said, x, y = begun()
    for _ in range(2):
        x = layers.LSTM(HIDDEN - 1, return_sequences=True, return_state=True)(x)[0]
    over, below = two(layers.LSTM, x, y)
    return ended(read, said, below, ScoredBySums()([over, below]))


def three_dense() -> Any:
    read, said, x, y = begun()
    over, below = two(layers.GRU, x, y)
    return ended(read, said, ThreeDense()(below, over), below)


def three_dense_in_order() -> Any:
    """The same, saved as HDF5, where the weights of a layer of one's own stand in a row."""
    return three_dense()


def projected() -> Any:
    read, said, x, y = begun()
    over, below = two(layers.GRU, x, y)
    query, key = layers.Dense(3, use_bias=False)(below), layers.Dense(3)(over)
    return ended(read, said, layers.AdditiveAttention()([query, over, key]), below, tanh=True)


def general() -> Any:
    read, said, x, y = begun()
    over, below = two(layers.LSTM, x, y)
    return ended(read, said, layers.Attention()([layers.Dense(HIDDEN, use_bias=False)(below), over]), below)


def plain() -> Any:
    read, said, x, y = begun()
    return ended(read, said, two(layers.LSTM, x, y)[1])


def bridged() -> Any:
    read, said, x, y = begun()
    over, h = layers.GRU(HIDDEN - 2, return_sequences=True, return_state=True)(x)
    h = layers.Dense(HIDDEN)(h)
    below = layers.GRU(HIDDEN, return_sequences=True)(y, initial_state=h)
    return ended(read, said, below, layers.Attention()([layers.Dense(HIDDEN - 2)(below), over]))


PAIRS = {one.__name__: one for one in (
    additive, dot, masked, summed, both_ways, products, stacked, summary, three_dense,
    three_dense_in_order, projected, general, plain,
    bridged,
)}  # fmt: skip


def main() -> None:
    """Write every model with what it says."""
    FOLDER.mkdir(exist_ok=True)
    expected: dict[str, np.ndarray] = {}
    for number, (name, make) in enumerate(PAIRS.items()):
        keras.utils.set_random_seed(number)
        keras.backend.clear_session()
        model = make()
        rng = np.random.default_rng(number)
        model.set_weights([rng.normal(0, 0.5, one.shape).astype(np.float32) for one in model.get_weights()])
        asked = MASKED if name == "masked" else ASKED
        said = model([np.array([asked]), np.array([ANSWERED])])
        expected[name] = np.asarray(said.detach().cpu() if hasattr(said, "detach") else said)[0]
        path = FOLDER / f"{name}.{'h5' if name.endswith('in_order') else 'keras'}"
        model.save(path)
        if path.suffix == ".keras":
            packed(path)
    savez(FOLDER / "expected.npz", expected)


def packed(path: Path) -> None:
    """Compress an archive: Keras stores what is mostly nought."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in held.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    main()
