"""The sentiment networks: a sentence is negative or positive, read in both directions or forward only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from lstm_tui.analysis.loss import Example, input_array
from lstm_tui.analysis.training import Settings, train
from lstm_tui.engine.network import Network, build_network
from lstm_tui.engine.run import run_arrays
from lstm_tui.engine.tokens import UNKNOWN
from lstm_tui.models.negations import LEFT_OUT
from lstm_tui.models.recipe import Data, Measured, Recipe, Report, span
from lstm_tui.models.reviews import Reviews, reviews, words_of

GENERATED = 3000
RAREST = 4
"""A word that the training text holds less often is unknown."""

SETTINGS = Settings(epochs=7, rate=3e-3, batch=32, unknown=0.2, silent=0.3, average=3)
SHOWN = ("The movie was not bad", "The movie was bad", "The movie was not good", "The movie was good")


def recipe(name: str) -> Recipe:
    """Return the recipe of `sentiment` or `sentiment-forward`."""
    forward_only = name == "sentiment-forward"
    reader = "forward only" if forward_only else "both directions"
    return Recipe(
        name=name,
        task=f"says whether a sentence is negative or positive ({reader}, mean over the tokens)",
        data=(
            Data(
                "vaderSentiment 3.3.2, hutto_ICWSM_2014 (Hutto & Gilbert 2014)",
                "MIT",
                "human-scored snippets of reviews, tweets and editorials whose score is clear",
            ),
            Data(
                "sentiment 5.0.2 (npm), test fixtures imdb, amazon, yelp (Kotzias et al. 2015)",
                "MIT",
                "labelled sentences; the last 150 of each class of imdb are kept out and only judge",
            ),
            Data(
                "lstm_tui.models.negations",
                "MIT",
                f"{GENERATED} generated verdicts, most with a negation; none holds both {' and '.join(LEFT_OUT)}",
            ),
        ),
        how=f"Adam on cross-entropy; words rarer than {RAREST} are unknown; some tokens and components of the "
        "embedding are hidden at random; the weights of the last epochs are averaged; rows that repeat a held-out row "
        "are left out",
        train=partial(trained, ("forward",) if forward_only else ("forward", "backward"), name),
        measure=measure,
        accuracy=accuracy,
    )


def trained(directions: tuple[str, ...], name: str, seed: int, report: Report) -> Network:
    """Train a sentiment network from a seed."""
    data = _data()
    counts = Counter(word for words, _ in data.training for word in words)
    vocabulary = [UNKNOWN, *(word for word, count in counts.most_common() if count >= RAREST)]
    network = build_network(
        {
            "name": name,
            "tokens": {"kind": "words", "lowercase": True, "vocabulary": vocabulary},
            "embedding_size": 32,
            "layers": [{"cell": "lstm", "hidden_size": 32, "directions": list(directions)}],
            "readout": "mean",
            "classes": ["negative", "positive"],
        },
        seed=seed,
    )
    assert network.embedding is not None, "words are embedded"
    network.embedding[...] *= 0.5
    examples = [Example(_ids(network, words), label) for words, label in data.training]
    train(network, examples, replace(SETTINGS, seed=seed), progress=report)
    return network


def measure(network: Network) -> dict[str, float]:
    """Return the accuracy on the held-out rows, and how positive the sentences of [`SHOWN`][] are."""
    right = [positive(network, words) > 0.5 for words, label in _data().held_out if label]
    right += [positive(network, words) <= 0.5 for words, label in _data().held_out if not label]
    return {"held-out accuracy": float(np.mean(right))} | {text: positive(network, words_of(text)) for text in SHOWN}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return the held-out accuracy of several seeds in half a line."""
    return f"{span(measured, 'held-out accuracy')} % of 300 held-out film sentences"


def positive(network: Network, words: Sequence[str], interpreter: str | None = None) -> float:
    """Return how positive a network finds a sentence, 0 to 1."""
    ran = run_arrays(network, input_array(network, _ids(network, words)), interpreter)
    assert ran.readout is not None, "the recipe gives it one"
    return float(ran.readout.values["y"][1])


def _ids(network: Network, words: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    assert network.tokens is not None, "the recipe gives it words"
    ids, _ = network.tokens.encode(words)
    return ids


@cache
def _data() -> Reviews:
    return reviews(GENERATED)
