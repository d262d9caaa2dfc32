"""The chars network: a language model of bytes, so that there is no text it cannot read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from lstm_tui.analysis.loss import Example, mean_loss, next_tokens
from lstm_tui.analysis.training import Settings, train
from lstm_tui.engine.network import Network, build_network
from lstm_tui.models.book import paragraphs
from lstm_tui.models.recipe import Data, Measured, Recipe, Report, span

WINDOW = 100
"""Bytes in a training example; where they are cut changes from epoch to epoch."""

HIDDEN = 128
SETTINGS = Settings(epochs=12, rate=5e-3, batch=4)


def recipe(name: str) -> Recipe:
    """Return the recipe of `chars`."""
    return Recipe(
        name=name,
        task="says the next byte of an English text",
        data=(
            Data(
                "dict-devil 1.0 (Debian): The Devil's Dictionary, Ambrose Bierce 1911",
                "public domain",
                "its entries without the preface, one line a paragraph; the last tenth is kept out and only judges",
            ),
        ),
        how=f"Adam on the cross-entropy of the next byte, in windows of {WINDOW} bytes",
        train=trained,
        measure=measure,
        accuracy=accuracy,
    )


def trained(seed: int, report: Report) -> Network:
    """Train the byte network from a seed."""
    network = build_network(
        {
            "name": "chars",
            "tokens": {"kind": "bytes"},
            "embedding_size": 24,
            "layers": [{"cell": "lstm", "hidden_size": HIDDEN, "directions": ["forward"]}],
            "readout": "dense",
        },
        seed=seed,
    )
    text = np.frombuffer(b"\n".join(_book()[0]), dtype=np.uint8).astype(np.int64)
    random = np.random.default_rng(seed)

    def of_epoch(_: int) -> list[Example]:
        first = int(random.integers(WINDOW))
        starts = range(first, len(text) - WINDOW - 1, WINDOW)
        return [next_tokens(text[start : start + WINDOW + 1]) for start in starts]

    train(network, of_epoch, replace(SETTINGS, seed=seed), progress=report)
    return network


def measure(network: Network) -> dict[str, float]:
    """Return the bits per byte on the tenth of the book that was kept out, each paragraph read from its start."""
    lines = [np.frombuffer(line, dtype=np.uint8).astype(np.int64) for line in _book()[1] if len(line) > 1]
    return {"bits per character": mean_loss(network, [next_tokens(line) for line in lines]) / float(np.log(2))}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return the bits per character of several seeds in half a line."""
    return f"{span(measured, 'bits per character', 2, 1)} bits per character on a held-out tenth"


@cache
def _book() -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    return paragraphs()
