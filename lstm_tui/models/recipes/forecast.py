"""The forecast network predicts the next row of several noisy waves side by side; they are made here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lstm_tui.analysis.train.loop import Settings, train
from lstm_tui.analysis.train.loss import Example, input_array, next_rows
from lstm_tui.engine.arrays import Array
from lstm_tui.engine.model.network import Network, build_network
from lstm_tui.engine.number_text import fixed
from lstm_tui.engine.runtime.interpreters import chosen_for_many
from lstm_tui.engine.runtime.run import run_arrays
from lstm_tui.models.recipes.recipe import Data, Measured, Recipe, Report, span

COLUMNS = ("slow", "quick", "step")
NOISE = 0.05


def waves(steps: int, random: np.random.Generator) -> Array:
    """Return noisy waves, (steps, 3), about within ±1.2.

    `slow` is a sine with a period of 30 to 50 rows, `quick` one of 8 to 14 whose height follows another slow sine, and
    `step` a square wave that turns every 6 to 12 rows. Periods and phases are redrawn for each series, so they have
    to be read off the series itself.
    """
    t = np.arange(steps)
    slow = np.sin(2 * np.pi * (t / random.uniform(30, 50) + random.random()))
    height = 0.6 + 0.4 * np.sin(2 * np.pi * (t / random.uniform(40, 80) + random.random()))
    quick = height * np.sin(2 * np.pi * (t / random.uniform(8, 14) + random.random()))
    length = int(random.integers(6, 13))
    step = 0.8 * np.where((t + random.integers(2 * length)) // length % 2 == 0, 1.0, -1.0)
    clean = np.stack((slow, quick, step), axis=1)  # (steps, 3)
    return (clean + random.normal(0, NOISE, clean.shape)).astype(np.float32)


SAMPLE_ROWS = 120
SAMPLE_SEED = 7


def sample() -> str:
    """Return the text of `samples/waves.csv`: a header and 120 rows, no part of any training."""
    rows = waves(SAMPLE_ROWS, np.random.default_rng(SAMPLE_SEED))
    lines = [",".join(fixed(number, 4) for number in row) for row in rows]
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"


ROWS = 80
SERIES_PER_EPOCH = 1_000
SETTINGS = Settings(epochs=30, rate=1e-2, batch=8)
UNSEEN = 200
UNSEEN_SEED = 1_000_000
SETTLED = 20
"""Rows the network may read before its forecasts are judged: it has to find the periods first."""


def recipe(name: str) -> Recipe:
    """Return the recipe of `forecast`."""
    return Recipe(
        name=name,
        task=f"says the next row of {len(COLUMNS)} noisy waves ({', '.join(COLUMNS)})",
        data=(
            Data(
                "lstm_tui.models.recipes.forecast",
                "MIT",
                f"generated series of {ROWS} rows, new ones in every epoch; judged by {UNSEEN} others",
            ),
        ),
        how="Adam on the squared error of the next row",
        train=trained,
        measure=measure,
        accuracy=accuracy,
    )


def trained(seed: int, report: Report) -> Network:
    """Train the forecast network from a seed."""
    network = build_network(
        {
            "name": "forecast",
            "input_size": len(COLUMNS),
            "layers": [{"cell": "lstm", "hidden_size": 24, "directions": ["forward"]}],
            "readout": "linear",
            "classes": list(COLUMNS),
        },
        seed=seed,
    )
    random = np.random.default_rng(seed)

    def of_epoch(_: int) -> list[Example]:
        return [next_rows(waves(ROWS, random)) for _ in range(SERIES_PER_EPOCH)]

    train(network, of_epoch, replace(SETTINGS, seed=seed), progress=report)
    return network


def measure(network: Network) -> dict[str, float]:
    """Return the root mean squared error on unseen series, that of saying the last row again, and the noise."""
    random = np.random.default_rng(UNSEEN_SEED)
    missed, naive = [], []
    for _ in range(UNSEEN):
        example = next_rows(waves(ROWS, random))
        assert not isinstance(example.target, int), "a row is wanted at each row"
        ran = run_arrays(network, input_array(network, example.read), chosen_for_many())
        assert ran.readout is not None, "the recipe gives it one"
        missed.append((ran.readout.values["y"] - example.target)[SETTLED:])
        naive.append((example.read - example.target)[SETTLED:])
    error, last_row = (float(np.sqrt(np.mean(np.square(rows)))) for rows in (missed, naive))
    return {"error": error, "error of the last row": last_row, "share of it": error / last_row, "noise": NOISE}


def accuracy(measured: Sequence[Measured]) -> str:
    """Return the error of several seeds in half a line."""
    last_row = measured[0]["error of the last row"]
    return (
        f"error {span(measured, 'error', 3, 1)} on unseen waves (last row again: {fixed(last_row, 3)}, noise {NOISE})"
    )
