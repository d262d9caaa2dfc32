"""Small networks for the tests of sessions and edits."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence

WORDS = ("<unk>", "the", "movie", "was", "not", "bad", "good")


def stacked(cell: str = "lstm", dtype: Any = np.float32, seed: int = 3) -> Network:
    """Return two bidirectional layers with random biases over a small vocabulary."""
    network = build_network(
        {
            "name": "stacked",
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(WORDS)},
            "embedding_size": 5,
            "layers": [
                {"cell": cell, "hidden_size": 4, "directions": ["forward", "backward"]},
                {"cell": cell, "hidden_size": 3, "directions": ["forward", "backward"], "merge": "average"},
            ],
            "readout": "mean",
            "classes": ["negative", "positive"],
        },
        seed=seed,
        dtype=dtype,
    )
    random = np.random.default_rng(seed + 1)
    for view in network.tensors().values():
        if view.ndim == 1:
            view[...] = random.normal(size=view.shape)
    return network


def sentence(network: Network, text: str = "The movie was not bad") -> Sequence:
    """Return a text as a sequence of a network's tokens."""
    assert network.tokens is not None
    tokens = text.split()
    ids, unknown = network.tokens.encode(tokens)
    return Sequence("words", tuple(tokens), ids=ids, unknown=unknown)
