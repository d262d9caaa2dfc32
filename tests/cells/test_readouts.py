"""Every readout against plain NumPy, from the sentence that its file begins with; a new one needs an oracle here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from test_attention import CLASSES, SCORES, STEPS, attend, parameters

from lstm_tui.engine.arrays import Array
from lstm_tui.engine.language.readout import readout_names
from lstm_tui.engine.model.network import build_network
from lstm_tui.engine.model.sequence import Sequence
from lstm_tui.engine.runtime.run import run

HIDDEN = 3
"""Of each of the two directions, whose states stand beside each other."""


def softmax(scores: Array) -> Array:
    return np.asarray(np.exp(scores) / np.exp(scores).sum())


def attention(name: str) -> Callable[[dict[str, Array], Array, Array, Array], Array]:
    def said(p: dict[str, Array], h: Array, forward: Array, backward: Array) -> Array:
        return attend(h, [SCORES[name](p, h[-1], row) for row in h], p)["y"]

    return said


ORACLES: dict[str, Callable[[dict[str, Array], Array, Array, Array], Array]] = {
    "mean": lambda p, h, forward, backward: softmax(p["V_y"] @ (sum(h) / len(h)) + p["b_y"]),
    "final": lambda p, h, forward, backward: softmax(p["V_y"] @ [*forward[-1], *backward[0]] + p["b_y"]),
    "dense": lambda p, h, forward, backward: np.array([softmax(p["V_y"] @ row + p["b_y"]) for row in h]),
    "linear": lambda p, h, forward, backward: np.array([p["V_y"] @ row + p["b_y"] for row in h]),
    **{name: attention(name) for name in SCORES},
}
"""What each says: of its parameters, of what the top layer says at each token, and of each direction of it."""


def test_every_readout_has_an_oracle() -> None:
    assert set(ORACLES) == set(readout_names())


@pytest.mark.parametrize("interpreter", ["numpy", "numba"])
@pytest.mark.parametrize("name", readout_names())
def test_it_says_what_its_oracle_says(name: str, interpreter: str) -> None:
    layer = {"cell": "rnn", "hidden_size": HIDDEN, "directions": ["forward", "backward"]}
    spec = {"name": "n", "input_size": 2, "layers": [layer], "readout": name, "outputs": CLASSES}
    network, random = build_network(spec, seed=1, dtype="float64"), np.random.default_rng(2)
    for tensor in network.tensors().values():
        tensor[...] = random.normal(size=tensor.shape)
    x = random.normal(size=(STEPS, 2))
    trace = run(network, Sequence("numbers", ("",) * STEPS, x=x), interpreter=interpreter)
    forward, backward = (trace[f"layer0.{way}"]["h"] for way in ("forward", "backward"))
    wanted = ORACLES[name](parameters(network), np.hstack([forward, backward]), forward, backward)
    assert network.readout is not None
    found = trace.readout[network.readout.page.result]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-14)
