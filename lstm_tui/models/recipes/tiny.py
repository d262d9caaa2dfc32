"""The tiny network: two units and three words, written by hand, so that a pencil can check every number of it.

It says whether a lamp is on. Unit 0 holds what was last said of the lamp, unit 1 how long nothing was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.model.tokens import UNKNOWN
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.models.recipes.recipe import Data, Measured, Recipe, Report, span

WORDS = ("on", "off", "wait")
CLASSES = ("dark", "light")
LONGEST = 6
"""Words of the longest texts it is judged on; there are no others to learn from, so all of them judge."""

EMBEDDING = {
    UNKNOWN: (0.0, 0.0),
    "on": (1.0, 1.0),  # x[0]: which way, x[1]: whether the lamp is spoken of
    "off": (-1.0, 1.0),
    "wait": (0.0, -1.0),
}
WEIGHTS: dict[str, Any] = {
    "W_f": [[0.0, -3.0], [0.0, -2.5]],  # both units forget when the lamp is spoken of
    "U_f": [[0.0, 0.0], [0.0, 0.5]],
    "b_f": [0.5, 1.0],
    "W_i": [[0.0, 3.0], [0.0, -2.0]],  # unit 0 writes then, unit 1 while nothing is said
    "U_i": [[0.0, 0.0], [0.0, 0.0]],
    "b_i": [-0.5, -0.5],
    "W_g": [[1.5, 0.0], [0.0, -0.5]],
    "U_g": [[0.0, 0.0], [0.0, 0.2]],
    "b_g": [0.0, 0.3],
    "W_o": [[0.0, 0.5], [0.0, -1.0]],
    "U_o": [[0.0, -1.5], [0.0, 0.0]],  # the longer it waits, the less of the lamp is shown
    "b_o": [2.0, 1.0],
}
V_Y = [[-2.5, 0.0], [2.5, 0.0]]
B_Y = [0.0, 0.0]


def recipe(name: str) -> Recipe:
    """Return the recipe of `tiny`."""
    return Recipe(
        name=name,
        task="says whether the lamp is on; two units and three words, to be checked with a pencil",
        data=(
            Data(
                "lstm_tui.models.recipes.tiny", "MIT", f"none to learn from; every text of up to {LONGEST} words judges"
            ),
        ),
        how="by hand: every weight has two digits",
        train=made,
        measure=measure,
        accuracy=accuracy,
    )


def made(seed: int = 0, report: Report | None = None) -> Network:
    """Return the network; nothing in it is random."""
    spec = {
        "name": "tiny",
        "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(EMBEDDING)},
        "embedding_size": 2,
        "layers": [{"cell": "lstm", "hidden_size": 2, "directions": ["forward"]}],
        "readout": "dense",
        "classes": list(CLASSES),
    }
    tensors = {f"layer0.forward/{name}": rows for name, rows in WEIGHTS.items()}
    tensors |= {"embedding": list(EMBEDDING.values()), "readout/V_y": V_Y, "readout/b_y": B_Y}
    return build_network(spec, {name: np.array(rows, dtype=np.float32) for name, rows in tensors.items()})


def measure(network: Network) -> dict[str, float]:
    """Return the share of all texts of up to six words after which it says what was last said of the lamp."""
    assert network.tokens is not None
    assert network.embedding is not None
    right, said = 0, 0
    for length in range(1, LONGEST + 1):
        for words in product(WORDS, repeat=length):
            told = [word for word in words if word != "wait"]
            if not told:
                continue
            ids, _ = network.tokens.encode(words)
            ran = run_arrays(network, network.embedding[ids])
            assert ran.readout is not None, "it has one"
            right += int(ran.readout.values["y"][-1].argmax()) == (told[-1] == "on")
            said += 1
    return {"right": right / said, "texts": said}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return how often it is right in half a line."""
    return f"{span(measured, 'right', 0)} % right on all {measured[0]['texts']} texts of up to {LONGEST} words"
