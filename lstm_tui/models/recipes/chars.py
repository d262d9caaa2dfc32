"""The chars network: a language model of bytes, so that there is no text it cannot read.

It learns from a public-domain English text, Ambrose Bierce's The Devil's Dictionary, as paragraphs of plain bytes, read
from the Debian package `dict-devil`; nothing of it is part of the project.
"""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, mean_loss, next_tokens
from lstm_tui.engine.errors import UserError
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.models.packages import fetch
from lstm_tui.models.recipes.recipe import Data, Measured, Recipe, Report, span

ARCHIVE = "dict-devil_1.0-13.1_all.deb"
TEXT = "./usr/share/dictd/devil.dict.dz"
FIRST_ENTRY = "ABASEMENT, n."
HELD_OUT_SHARE = 0.1


def paragraphs(folder: Path | None = None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Return the paragraphs to learn from and the last tenth of the book, each paragraph as one line of bytes.

    Args:
        folder: Where the package is, or is fetched to.

    Raises:
        UserError: If the package cannot be had or opened.
    """
    text = _text(fetch(ARCHIVE, folder))
    text = text[text.index(FIRST_ENTRY) :]
    lines = [" ".join(part.split()).encode() for part in re.split(r"\n\s*\n", text) if part.strip()]
    total = sum(len(line) for line in lines)
    so_far, first_kept_out = 0, 0
    while so_far < (1 - HELD_OUT_SHARE) * total:
        so_far += len(lines[first_kept_out])
        first_kept_out += 1
    return tuple(lines[:first_kept_out]), tuple(lines[first_kept_out:])


def _text(package: Path) -> str:
    try:
        done = subprocess.run(("dpkg-deb", "--fsys-tarfile", str(package)), check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise UserError(f"{package}: dpkg-deb cannot unpack it; run this where dpkg is installed") from error
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        stream = tar.extractfile(TEXT)
        assert stream is not None, "the archive was checked against its digest"
        return gzip.decompress(stream.read()).decode("utf-8", "replace")


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
    # Kept as halves its file is half as large, and it is judged as it is kept.
    for tensor in network.tensors().values():
        tensor[...] = tensor.astype("float16")
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
