"""Networks with every weight random, biases too: zeros hide a forgotten term."""

from __future__ import annotations

from typing import Any

import numpy as np

from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.sequence import Sequence


def random_network(spec: dict[str, Any], seed: int = 0, dtype: str = "float64", scale: float = 0.8) -> Network:
    network = build_network(spec, seed=seed, dtype=dtype)
    random = np.random.default_rng(seed + 1)
    for view in network.tensors().values():
        view[...] = random.normal(0, scale, view.shape)
    network.apply_masks()
    return network


def layer(cell: str, hidden: int, both: bool = False, merge: str = "concat", **more: Any) -> dict[str, Any]:
    directions = ["forward", "backward"] if both else ["forward"]
    return {"cell": cell, "hidden_size": hidden, "directions": directions, "merge": merge, **more}


def numbers(x: np.ndarray) -> Sequence:
    return Sequence("numbers", tuple(f"{row[0]:.2f}" for row in x), x=x)


def words(network: Network, *tokens: str) -> Sequence:
    assert network.tokens is not None
    ids, unknown = network.tokens.encode(tokens)
    return Sequence("words", tokens, ids, unknown)
