"""What the recipes of networks that answer have in common: an encoder reads, and a decoder that looks over it says.

One tape holds both parts: what is asked, the sign where the answer begins, and the answer, each token of which the
decoder reads before it says the next. Which tokens are those of the answer is told by one number of the embedding,
which `p_turn` of the cells reads; it is set here before the training, and a threshold passes nothing back, so it stays
what it means.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_tui.analysis.train.loss import NOT_COUNTED, Example, input_array
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run_arrays

BEGIN, END = "=", "."
MARK = 2.0
"""How far the number that tells the answer apart is from 0 at the start; what trains moves it by less."""


def answered(words: Sequence[str], asked: Sequence[str], said: Sequence[str]) -> Example:
    """Return what is asked with its answer behind it; the answer and its end are what is learned.

    Args:
        words: The vocabulary.
        asked: What is read, without the sign where the answer begins.
        said: The answer, without its end.
    """
    ids = np.array([words.index(word) for word in (*asked, BEGIN, *said, END)], dtype=np.int64)
    target = np.full(len(ids), NOT_COUNTED, dtype=np.int64)
    target[len(asked) : -1] = ids[len(asked) + 1 :]
    return Example(ids, target)


def untrained(
    name: str, words: Sequence[str], answer: Sequence[str], layers: Sequence[dict[str, Any]], embedding: int, most: int,
    seed: int,
) -> Network:  # fmt: skip
    """Return an encoder and a decoder before they are trained.

    Args:
        name: Of the network.
        words: The vocabulary.
        answer: Those of them that are tokens of an answer.
        layers: Descriptions of both, of as many units.
        embedding: Numbers of a token.
        most: Tokens of an answer at most.
        seed: Of the random start.
    """
    network = build_network(
        {
            "name": name,
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": list(words)},
            "embedding_size": embedding,
            "layers": list(layers),
            "readout": "dense",
            "answers": {"begin": BEGIN, "end": END, "most": most},
        },
        seed=seed,
    )
    tensors = network.tensors()
    tensors["embedding"][:, -1] = np.where(np.isin(words, answer), MARK, -MARK)
    tensors["layer0.forward/p_turn"][...] = np.arange(embedding) == embedding - 1
    hidden = network.passes[-1].program.hidden_size
    bound = np.sqrt(3 / hidden)
    tensors["layer1.forward/v_a"][...] = np.random.default_rng(seed).uniform(-bound, bound, hidden)
    return network


def fitting(network: Network, one: Example) -> Array:
    """Return which tokens of an answer a network says rightly while the right ones are read, booleans.

    Where all that was said is right, a network that reads its own says the same.
    """
    ran = run_arrays(network, input_array(network, one.read), chosen_for_many())
    assert ran.readout is not None
    assert network.readout is not None
    said = ran.readout.values[network.readout.page.result].argmax(axis=1)
    target = np.asarray(one.target)
    fits: Array = (said == target)[target != NOT_COUNTED]
    return fits


def apart(network: Network, words: Sequence[str], answer: Sequence[str]) -> float:
    """Return by how much the least clear token is one that is read, or one of the answer."""
    told = network.tensors()["embedding"] @ network.tensors()["layer0.forward/p_turn"]
    return min(float(number if word in answer else -number) for word, number in zip(words, told, strict=True))
